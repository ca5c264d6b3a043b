//! The machines, without IO. One module per behaviour: `cargo test --test proto session::`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod certificate;
mod contract;
mod corpus;
mod elsewhere;
mod hostile;
mod key_store;
mod matrix;
mod properties;
#[path = "../providers/mod.rs"]
mod providers;
mod qr;
mod reading;
mod requirements;
mod rotation;
mod session;
mod simulation;
#[path = "../fuzz/targets/mod.rs"]
mod targets;
mod walk;
