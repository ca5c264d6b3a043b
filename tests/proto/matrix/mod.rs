//! The Matrix profile against `testing::Homeserver`: what works, and what a homeserver that lies or breaks down leads to.

mod adapters;
mod asking;
mod device;
mod finding;
mod habits;
mod hostile;
mod login;
mod moving;
mod registration;
mod sdk;
mod sessions;
mod stored;
mod world;
