//! What a hostile or sloppy provider, network or browser does, and what becomes of a login then.
//!
//! Each file holds tables: what is said or done, and the code of the error that it must give. `world.rs` has the jumps to
//! the states that the tests start from, `course.rs` whole ways of a user,
//! `drive.rs` the driver, `sweep.rs` the search for secrets, `strong.rs` keys and what is made with them; `coverage.rs`
//! looks after lies and codes that no table mentions.

mod advice;
mod callback;
mod client_auth;
mod course;
mod coverage;
mod determinism;
mod device;
mod discovery;
mod dpop;
mod drive;
mod hints;
mod id_token_claims;
mod id_token_form;
mod key_age;
mod key_rotation;
mod keys;
mod limits;
pub(crate) mod logout_token;
mod misuse;
mod owners;
mod par;
mod refresh;
mod registration;
mod requests;
mod resource;
mod secrets;
mod stored;
pub(crate) mod strong;
mod sweep;
mod tokens;
pub(crate) mod transport;
mod userinfo;
mod words;
pub(crate) mod world;
