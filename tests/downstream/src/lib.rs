//! What applications build on `oidc-proto`, by its public API alone. Each file is as short as it ought to be for them.

pub mod claim;
pub mod flow;
pub mod grant;
pub mod http_client;
pub mod queue;
