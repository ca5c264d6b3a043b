//! An extension grant of one's own: tokens for an assertion (RFC 7523 section 2.1).

use std::sync::Arc;

use oidc_proto::flow::{GrantExchange, GrantRequest};
use oidc_proto::{Client, Env, Error, Provider, Scope, Secret, Step};

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
    pub fn start(
        self,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<GrantExchange>, Error> {
        GrantRequest::new(JWT_BEARER)
            .parameter("assertion", self.assertion)
            .scope(self.scope)
            .start(provider, client, env)
    }
}
