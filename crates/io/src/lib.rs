//! Files to tables.
