//! Pipeline room.
