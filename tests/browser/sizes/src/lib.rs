//! Modules whose size is measured.

#![cfg(target_family = "wasm")]

#[cfg(feature = "base")]
mod base;
#[cfg(feature = "login")]
mod login;
#[cfg(feature = "openidconnect")]
mod openidconnect;
#[cfg(feature = "session")]
mod session;
