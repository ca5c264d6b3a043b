//! The Matrix profile and the rendezvous against a real homeserver, Synapse, whose users log in at the certified
//! `oidc-provider`. Ignored unless asked for; see `tests/peers/README.md`.

mod finding;
mod login;
mod qr;
mod rendezvous;
mod sessions;
mod world;
