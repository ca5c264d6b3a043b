//! The edges: HTTP clients, drivers, and the stores of sessions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod clients;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod trace;
