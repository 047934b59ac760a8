//! The real binary in a fresh directory.

mod attributes;
mod config;
mod demo_model;
mod explain;
mod fetch;
mod fixture;
mod init;
mod init_case;
mod init_exports;
mod init_files;
mod inputs;
mod kill9;
mod nights;
mod online_retail;
mod planted;
mod refresh;
mod report;
mod runs;
mod segments;
mod shop;
mod worlds;
