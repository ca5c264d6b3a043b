//! Software that others wrote: the certified `oidc-provider`, and the homeserver Synapse. See `tests/peers/README.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod command_line;
mod peer;
mod providers;
#[path = "../support/mod.rs"]
mod support;
mod synapse;
