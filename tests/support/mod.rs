//! What several test crates share. A crate takes it in with `#[path = "../support/mod.rs"] mod support;`.

#![allow(dead_code, unreachable_pub, reason = "no test crate uses all of it")]

pub mod browser;
pub mod certificates;
pub mod cli;
pub mod op;
pub mod peer;
pub mod provider;
pub mod server;
pub mod synapse;
pub mod toy;
