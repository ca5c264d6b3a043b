//! One file per document of the standards: build a request, parse a response, keep no state.

pub mod authorization;
pub mod callback;
pub mod client_auth;
pub mod device;
pub mod end_session;
pub mod form;
pub mod freshness;
pub mod http_date;
pub mod id_token;
pub(crate) mod jwks;
pub mod logout_token;
pub mod metadata;
pub mod numeric;
pub mod oauth_error;
pub mod pkce;
pub(crate) mod pushed_authorization;
pub mod registration;
pub mod request;
pub mod revocation;
pub mod scope;
pub mod token;
pub mod userinfo;
pub mod www_authenticate;
