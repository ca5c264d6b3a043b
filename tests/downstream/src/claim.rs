//! A claim of one's own: a type, and one line.

use oidc_proto::{Error, IdToken};
use serde::Deserialize;

/// What this application's provider adds.
#[derive(Debug, Deserialize)]
pub struct Staff {
    pub department: String,
}

/// Where the user works.
pub fn department(id_token: &IdToken) -> Result<String, Error> {
    Ok(id_token.claims::<Staff>()?.department)
}
