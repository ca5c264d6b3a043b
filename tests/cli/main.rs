//! The command line, run as people and programs run it: the built example, real HTTP, real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod advice;
mod again;
mod before;
mod bound;
mod choices;
mod clients;
mod device;
mod documents;
mod early;
mod examples;
mod failures;
mod found;

mod hints;
mod homeservers;
mod interrupted;
mod keys;
mod listener;
mod login;
mod matrix;
mod paste;
mod pushed;
mod qr;
mod serving;
mod sessions;
mod small;
mod store;
mod told;
mod truth;
mod unregistered;
mod urls;
mod usage;
mod wishes;
