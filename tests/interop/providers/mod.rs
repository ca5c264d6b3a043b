//! Providers that others wrote and that people run. Each file is one provider; `tests/peers/` has its start script.
//!
//! A test fails without its provider, so it is ignored with the reason "needs NAME". `.ci/deep providers NAME` runs it.

mod better_auth;
mod canaille;
mod django;
mod glewlwyd;
mod keycloak;
mod spring;
mod world;
mod zitadel;
