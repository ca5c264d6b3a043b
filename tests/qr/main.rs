//! QR login against hostile codes, peers and rendezvous; `vodozemac` is the other end of the secure channel.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![cfg(feature = "qr-login")]

mod cancelling;
mod channel;
mod coverage;
mod device;
mod keystore;
mod login;
mod peer;
mod refusals;
mod rendezvous;
mod town;
mod turns;
mod world;
