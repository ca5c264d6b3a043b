//! The Matrix profile against `testing::Homeserver`: what works, and what a homeserver that lies or breaks down leads to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod device;
mod finding;
mod hostile;
mod login;
mod sessions;
mod stored;
mod world;
