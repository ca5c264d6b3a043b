//! The stores of sessions: real files, real processes, a real Redis server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "for the tests of the session, which have a store of their own")]
#[path = "../session/world.rs"]
mod world;

mod conformance;
mod files;
mod offloaded;
mod processes;
#[cfg(feature = "redis")]
mod redis;
mod tools;
