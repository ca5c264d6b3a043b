//! The two parties: a provider with its metadata, options and keys, and a client with its credentials and
//! registrations.

pub(crate) mod browser_parameters;
pub(crate) mod client;
pub(crate) mod client_auth;
pub(crate) mod client_metadata;
pub(crate) mod dpop;
pub(crate) mod key_cell;
pub(crate) mod localized;
pub(crate) mod metadata;
pub(crate) mod options;
pub(crate) mod owner;
pub(crate) mod provider;
pub(crate) mod redirect_uri;
pub(crate) mod registered;
pub(crate) mod registration;
pub(crate) mod registrations;
pub(crate) mod relying_party;
pub(crate) mod server_time;
pub(crate) mod well_known;
