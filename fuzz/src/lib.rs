//! What the targets do with their bytes. `cargo test` of the crate replays the corpora through the same functions.

pub mod targets;
