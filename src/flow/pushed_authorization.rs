//! A login whose authorization request the client sends to the provider directly (RFC 9126).
//!
//! ```text
//! push ─▶ AuthenticatedRequest: POST pushed_authorization_request_endpoint ─▶ Done(url, pending)
//! push_if_possible ─▶ push ─┬────────────────────────────────────────────▶ Done(StartedAuthorization)
//!                           └─ refused, and not required ─▶ authorize ─▶ Done(StartedAuthorization)
//! ```

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
///
/// The URL for the browser then holds only the client ID and `request_uri`, a reference to the request.
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
        let request_uri =
            pushed_authorization::parse(response).map_err(|error| client_auth::explained(error, &self.party))?;
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
        let metadata = self.provider().metadata();
        let endpoint = metadata.endpoint(
            &metadata.pushed_authorization_request_endpoint,
            "pushed_authorization_request_endpoint",
            ErrorCode::PAR_UNSUPPORTED,
        )?;
        authorization_endpoint(self.provider())?;
        let (form, pending) = prepare(request, self, None, env)?;
        let request = client_auth::authenticated(endpoint, self.client(), form);
        let pushed = Pushed { party: self.clone(), pending };
        let (policy, credential) = (Policy::own_write(Accept::AnyButMarkup), Credential::Client);
        Ok(AuthenticatedRequest::start(self, request, policy, credential, pushed, env)?.wrap(PushedAuthorization))
    }
}

impl RelyingParty {
    /// Starts a login with a pushed authorization request if the provider lists the endpoint. If it
    /// does not, or if the endpoint responds with a redirect, 403 without a reason, 404, 405, 5xx
    /// or `unauthorized_client`, the flow puts the request into the URL instead. If no response
    /// comes, the flow returns the error. If the provider requires pushed requests, the flow
    /// returns the error of the endpoint.
    ///
    /// # Errors
    /// Those of [`RelyingParty::push`] and of [`RelyingParty::authorize`].
    pub fn push_if_possible(
        &self,
        request: AuthorizationRequest,
        env: &mut dyn Env,
    ) -> Result<Step<OptionalPush>, Error> {
        if self.provider().metadata().pushed_authorization_request_endpoint.is_none() {
            return self.without_push(request, None, env);
        }
        let push = self.push(request.clone(), env)?;
        OptionalPush::go_on(Ok(push), Box::new((self.clone(), request)), env)
    }

    fn without_push(
        &self,
        request: AuthorizationRequest,
        push_refused: Option<Error>,
        env: &mut dyn Env,
    ) -> Result<Step<OptionalPush>, Error> {
        let (url, pending) = self.authorize(request, env)?;
        Ok(Step::Done(StartedAuthorization { url, pending, push_refused }))
    }
}

/// Awaits the `request_uri`. Without one, it puts the request into the URL.
#[derive(Debug)]
pub struct OptionalPush(PushedAuthorization, Box<(RelyingParty, AuthorizationRequest)>);

/// A login that was started, pushed or not.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartedAuthorization {
    /// The URL for the browser.
    pub url: AuthorizationUrl,
    /// The login to keep until the browser comes back.
    pub pending: PendingAuthorization,
    /// Why the request is in the URL although the provider lists an endpoint for pushed requests. Log a warning.
    pub push_refused: Option<Error>,
}

impl OptionalPush {
    fn go_on(
        step: Result<Step<PushedAuthorization>, Error>,
        start: Box<(RelyingParty, AuthorizationRequest)>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        match step {
            Ok(step) => step.embed(
                start,
                |start, push| Self(push, start),
                |_, (url, pending)| Ok(Step::Done(StartedAuthorization { url, pending, push_refused: None })),
            ),
            Err(error)
                if is_about_push_alone(&error)
                    && !start.0.provider().metadata().require_pushed_authorization_requests =>
            {
                let (party, request) = *start;
                party.without_push(request, Some(error), env)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether the error says nothing about the request, but that this endpoint does not serve this client.
fn is_about_push_alone(error: &Error) -> bool {
    let status = error.status().map_or(0, |status| status.as_u16());
    match error.code() {
        ErrorCode::AUTHORIZATION_UNAUTHORIZED_CLIENT | ErrorCode::HTTP_REDIRECT | ErrorCode::HTTP_SERVER_ERROR => true,
        ErrorCode::HTTP_STATUS if status == 403 => true,
        _ => matches!(status, 404 | 405),
    }
}

impl Flow for OptionalPush {
    type Output = StartedAuthorization;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self(push, start) = self;
        Self::go_on(push.on(input, env), start, env)
    }
}

impl Flow for PushedAuthorization {
    type Output = (AuthorizationUrl, PendingAuthorization);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(self.0.on(input, env)?.wrap(Self))
    }
}
