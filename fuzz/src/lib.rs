//! What the targets do with their bytes. `cargo test` of the crate replays the corpora through the same functions.

#[path = "../../tests/fuzz/targets/mod.rs"]
pub mod targets;
