//! A login whose authorization request the client sends to the provider directly (RFC 9126).
//!
//! ```text
//! push ─▶ AuthenticatedRequest: POST pushed_authorization_request_endpoint ─▶ Done(url, pending)
//! ```
//!
//! The URL for the browser then holds only the client ID and `request_uri`, a reference to the request.

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::authorization::{PendingAuthorization, authorization_endpoint, prepare};
use crate::base::env::{Env, Timestamp};
use crate::error::{Error, ErrorCode};
use crate::message::authorization::{self, AuthorizationRequest, AuthorizationUrl};
use crate::message::pushed_authorization;
use crate::party::client_auth;
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits the `request_uri`.
#[derive(Debug)]
pub struct PushedAuthorization(AuthenticatedRequest<Pushed>);

#[derive(Debug)]
struct Pushed {
    party: RelyingParty,
    pending: PendingAuthorization,
}

impl Parse for Pushed {
    type Output = (AuthorizationUrl, PendingAuthorization);
    const REQUEST: &'static str = "pushed_authorization_request_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<Self::Output, Error> {
        let request_uri = pushed_authorization::parse(response)
            .map_err(|error| client_auth::explained(error, self.party.client()))?;
        let endpoint = authorization_endpoint(self.party.provider())?;
        Ok((authorization::pushed_url(endpoint, self.party.client().id(), &request_uri), self.pending))
    }
}

impl RelyingParty {
    /// Starts a login with a pushed authorization request (RFC 9126 section 2). The output is that of
    /// [`RelyingParty::authorize`].
    ///
    /// # Errors
    /// `par.unsupported`, `sign.failed`, and the errors of [`RelyingParty::authorize`] except `par.required`.
    pub fn push(&self, request: AuthorizationRequest, env: &mut dyn Env) -> Result<Step<PushedAuthorization>, Error> {
        let endpoint = self.provider().metadata().pushed_authorization_request_endpoint.as_ref();
        let endpoint = endpoint.ok_or(ErrorCode::PAR_UNSUPPORTED)?;
        let mut form = String::new();
        let pending = prepare(request, self, &mut form, env)?;
        let request = client_auth::authenticated(endpoint, self.client(), form);
        let pushed = Pushed { party: self.clone(), pending };
        let (policy, credential) = (Policy::write(Accept::Json), Credential::Client);
        Ok(AuthenticatedRequest::start(self, request, policy, credential, pushed, env)?.wrap(PushedAuthorization))
    }
}

impl Flow for PushedAuthorization {
    type Output = (AuthorizationUrl, PendingAuthorization);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
