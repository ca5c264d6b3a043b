//! A login whose request goes to the provider first, over a channel of our own (RFC 9126).
//!
//! ```text
//! AuthorizationRequest::push ─▶ AuthenticatedRequest: POST pushed_authorization_request_endpoint ─▶ Done(url, pending)
//! ```
//!
//! The URL for the browser then holds the client ID and a reference, nothing else.

use std::sync::Arc;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::authorization::{PendingAuthorization, authorization_endpoint};
use crate::base::env::{Env, Timestamp};
use crate::error::{Error, ErrorCode};
use crate::message::authorization::{self, AuthorizationRequest, AuthorizationUrl};
use crate::message::pushed_authorization;
use crate::party::client::Client;
use crate::party::client_auth;
use crate::party::provider::Provider;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits the reference to the request.
#[derive(Debug)]
pub struct PushedAuthorization(AuthenticatedRequest<Pushed>);

#[derive(Debug)]
struct Pushed {
    provider: Arc<Provider>,
    client: Arc<Client>,
    pending: PendingAuthorization,
}

impl Parse for Pushed {
    type Output = (AuthorizationUrl, PendingAuthorization);
    const REQUEST: &'static str = "pushed_authorization_request_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<Self::Output, Error> {
        let request_uri =
            pushed_authorization::parse(response).map_err(|error| client_auth::explained(error, &self.client))?;
        let endpoint = authorization_endpoint(&self.provider)?;
        Ok((authorization::pushed_url(endpoint, self.client.id(), &request_uri), self.pending))
    }
}

impl AuthorizationRequest {
    /// Starts a login by a pushed request. Otherwise as [`AuthorizationRequest::start`].
    ///
    /// # Errors
    /// `par.unsupported`, and as [`AuthorizationRequest::start`].
    pub fn push(
        self,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<PushedAuthorization>, Error> {
        let endpoint = provider.metadata().pushed_authorization_request_endpoint.as_ref();
        let endpoint = endpoint.ok_or(ErrorCode::PAR_UNSUPPORTED)?;
        authorization_endpoint(provider)?;
        let mut form = String::new();
        let pending = self.prepare(provider, client, &mut form, env)?;
        let request = client_auth::authenticated(endpoint, client, form);
        let pushed = Pushed { provider: provider.clone(), client: client.clone(), pending };
        let (policy, credential) = (Policy::write(Accept::Json), Credential::Client);
        Ok(AuthenticatedRequest::start(provider, client, request, policy, credential, pushed, env)?
            .wrap(PushedAuthorization))
    }
}

impl PushedAuthorization {}

impl Flow for PushedAuthorization {
    type Output = (AuthorizationUrl, PendingAuthorization);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
