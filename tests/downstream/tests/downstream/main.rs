//! What was built on the crate, at work against its provider for tests.

mod processes;
mod scenarios;
mod world;
