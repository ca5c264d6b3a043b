//! The session: many callers, many processes, a provider and a store that fail, clocks that jump.

mod callers;
mod checker;
mod conflicts;
mod endings;
mod failures;
mod first;
mod herd;
mod interrupted;
mod kept;
mod keys;
mod late;
mod memory;
mod model;
mod registry;
mod reload;
mod rotation;
mod rules;
mod saving;
mod scale;
mod setup;
pub(crate) mod signing;
mod store;
mod tasks;
mod threads;
mod truth;
mod unverified;
pub(crate) mod world;
