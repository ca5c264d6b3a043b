//! The session: many callers, many processes, a provider and a store that fail, clocks that jump.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod callers;
mod conflicts;
mod endings;
mod failures;
mod first;
mod late;
mod memory;
mod model;
mod rotation;
mod saving;
mod signing;
mod store;
mod tasks;
mod threads;
mod truth;
mod world;
