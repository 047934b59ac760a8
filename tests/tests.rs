//! Index of test rooms.
