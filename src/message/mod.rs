//! One file per document of the standards: build a request, parse a response, keep no state.

pub(crate) mod authorization;
pub(crate) mod callback;
pub(crate) mod device;
pub(crate) mod end_session;
pub(crate) mod jwks;
pub(crate) mod pkce;
pub(crate) mod pushed_authorization;
pub(crate) mod revocation;
pub(crate) mod token;
