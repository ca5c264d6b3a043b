//! The Matrix profile and the rendezvous against a real homeserver, Synapse, whose users log in at the certified
//! `oidc-provider`. Skipped where Synapse is not installed; see `tests/peers/README.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod finding;
mod login;
mod qr;
mod rendezvous;
mod sessions;
mod world;
