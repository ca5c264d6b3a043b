//! A login whose request goes to the provider first, over a channel of our own (RFC 9126).
//!
//! ```text
//! AuthorizationRequest::push ─▶ AuthorizedCall: POST pushed_authorization_request_endpoint ─▶ Done(url, pending)
//! ```
//!
//! The URL for the browser then holds the client ID and a reference, nothing else.

use std::sync::Arc;

use super::authorization::{PendingAuthorization, authorization_endpoint};
use super::authorized_call::{Answer, AuthorizedCall, Credential};
use crate::client::Client;
use crate::env::{Env, Timestamp};
use crate::error::{Code, Error};
use crate::message::authorization::{self, AuthorizationRequest, AuthorizationUrl};
use crate::message::{client_auth, pushed_authorization};
use crate::provider::Provider;
use crate::reply::{Accept, Policy, Reply};
use crate::step::Step;

/// Awaits the reference to the request.
#[derive(Debug)]
pub struct PushedAuthorization(AuthorizedCall<Pushed>);

#[derive(Debug)]
struct Pushed {
    provider: Arc<Provider>,
    client: Arc<Client>,
    pending: PendingAuthorization,
}

impl Answer for Pushed {
    type Output = (AuthorizationUrl, PendingAuthorization);
    const REQUEST: &'static str = "pushed_authorization_request_endpoint";

    fn parse(self, reply: Reply<'_>, _now: Timestamp) -> Result<Self::Output, Error> {
        let request_uri = pushed_authorization::parse(reply)?;
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
        let endpoint = endpoint.ok_or(Code::ParUnsupported)?;
        authorization_endpoint(provider)?;
        let mut form = String::new();
        let pending = self.prepare(provider, client, &mut form, env)?;
        let request = client_auth::authenticated(endpoint, client, form);
        let pushed = Pushed { provider: provider.clone(), client: client.clone(), pending };
        let (policy, credential) = (Policy::write(Accept::Json), Credential::Client);
        PushedAuthorization::going_on(AuthorizedCall::start(
            provider, client, request, policy, credential, pushed, env,
        )?)
    }
}

impl PushedAuthorization {
    fn going_on(step: Step<AuthorizedCall<Pushed>>) -> Result<Step<Self>, Error> {
        step.embed(Self, |started| Ok(Step::Done(started)))
    }
}

delegate!(PushedAuthorization => (AuthorizationUrl, PendingAuthorization));
