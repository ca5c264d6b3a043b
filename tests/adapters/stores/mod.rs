//! The stores of sessions: real files, real processes, a real Redis server.

#[allow(dead_code, reason = "for the tests of the session, which have a store of their own")]
#[path = "../../proto/session/kept.rs"]
mod kept;
#[allow(dead_code, reason = "for the tests of the session, which have a store of their own")]
#[path = "../../proto/session/world.rs"]
mod world;

#[cfg(feature = "redis")]
mod cluster;
mod conformance;
mod contract;
mod files;
#[cfg(target_os = "linux")]
mod full;
mod holders;
mod kills;
mod lines;
mod offloaded;
mod processes;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod redis_fake;
#[cfg(feature = "redis")]
mod redis_refused;
#[cfg(feature = "redis")]
mod redis_server;
mod registry;
mod tools;
#[cfg(all(feature = "redis", feature = "reqwest", unix))]
mod web_server;
