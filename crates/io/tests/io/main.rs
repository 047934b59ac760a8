//! The edge: files in, tables and their accounting out.
//!
//! `rows` every row rejection, merge and set-aside; `files` every refusal of a file or a source; `formats` the same
//! rows in every format and division give the same tables; `online_retail` the published counts of a real export.

mod files;
mod formats;
mod online_retail;
mod rows;
mod world;
