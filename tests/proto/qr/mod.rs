//! QR login against hostile codes, peers and rendezvous; `vodozemac` is the other end of the secure channel.

mod cancelling;
mod channel;
mod coverage;
mod device;
mod endings;
mod hpke;
pub(crate) mod keystore;
mod login;
mod peer;
mod refusals;
mod rendezvous;
mod sdk;
mod town;
mod turns;
mod wandering;
mod world;
