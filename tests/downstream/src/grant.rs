//! An extension grant of one's own: tokens for an assertion (RFC 7523 section 2.1).

use oidc_proto::flow::{GrantRequest, TokenRequest};
use oidc_proto::{Env, Error, RelyingParty, Scope, Secret, Step};

/// The grant's name.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What the token is asked for with.
pub struct JwtBearer {
    /// Signed by somebody whom the provider trusts.
    pub assertion: Secret,
    pub scope: Scope,
}

impl JwtBearer {
    /// Asks for tokens.
    pub fn start(self, party: &RelyingParty, env: &mut dyn Env) -> Result<Step<TokenRequest>, Error> {
        let request = GrantRequest::new(JWT_BEARER).with_parameter("assertion", self.assertion).with_scope(self.scope);
        party.request_tokens(request, env)
    }
}
