//! The Matrix profile and the rendezvous against a real homeserver, Synapse, whose users log in at the certified
//! `oidc-provider`. Skipped where Synapse is not installed; see `tests/peers/README.md`.

mod finding;
mod login;
mod qr;
mod rendezvous;
mod sessions;
mod world;
