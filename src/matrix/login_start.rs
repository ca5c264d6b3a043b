//! How a login by browser starts: by a URL that has the whole request, or by one that refers to a pushed request.
//!
//! ```text
//! push ──▶ PushedAuthorization ─▶ Done(URL, PendingLogin)
//! begin ─▶ PushedAuthorization ─┬─▶ Done(URL, PendingLogin)
//!     │                         └─ no verdict, and pushing is not demanded ─┐
//!     └─ there is no such endpoint ─────────────────────────────────────────┴─▶ Done(URL with the whole request)
//! ```

use super::awaited::Awaited;
use super::login::PendingLogin;
use super::login_request::LoginRequest;
use super::party::Party;
use crate::base::env::Env;
use crate::error::{Error, Fault};
use crate::flow::PushedAuthorization;
use crate::message::authorization::{AuthorizationRequest, AuthorizationUrl};
use crate::party::redirect_uri::RedirectUri;
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};

impl LoginRequest {
    /// Starts a login. Returns the URL for the user's browser, and the pending login to keep until the browser comes
    /// back.
    ///
    /// # Errors
    /// `matrix.device_id`, `matrix.scope`; `metadata.unsupported` if the provider does not offer a
    /// `prompt` of the request, or does not know DPoP and the client has a DPoP key; and as
    /// [`RelyingParty::authorize`].
    pub fn start(
        self,
        redirect_uri: RedirectUri,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<(AuthorizationUrl, PendingLogin), Error> {
        let (request, awaited) = self.prepare(redirect_uri, party, env)?;
        let (url, authorization) = party.relying_party().authorize(request, env)?;
        Ok((url, PendingLogin(awaited.with(authorization))))
    }

    /// Starts a login with a pushed authorization request (RFC 9126).
    ///
    /// # Errors
    /// As [`LoginRequest::start`]; `par.unsupported`, `sign.failed`.
    pub fn push(self, redirect_uri: RedirectUri, party: &Party, env: &mut dyn Env) -> Result<Step<PushedLogin>, Error> {
        let (request, awaited) = self.prepare(redirect_uri, party, env)?;
        PushedLogin::go_on(party.relying_party().push(request, env)?, Box::new(awaited), None)
    }

    /// Starts a login with a pushed request if the provider has an endpoint for it, otherwise with
    /// the request in the URL. If the push fails because no usable response came, and the provider
    /// does not require pushed requests, the request goes into the URL, too.
    ///
    /// # Errors
    /// As [`LoginRequest::push`], except `par.unsupported`.
    pub fn begin(
        self,
        redirect_uri: RedirectUri,
        party: &Party,
        env: &mut dyn Env,
    ) -> Result<Step<PushedLogin>, Error> {
        let metadata = party.server().provider.metadata();
        if metadata.pushed_authorization_request_endpoint.is_none() {
            return self.start(redirect_uri, party, env).map(Step::Done);
        }
        let (request, awaited) = self.prepare(redirect_uri, party, env)?;
        let step = party.relying_party().push(request.clone(), env)?;
        let by_url = (!metadata.require_pushed_authorization_requests)
            .then(|| Box::new(ByUrl { request, party: party.relying_party().clone() }));
        PushedLogin::go_on(step, Box::new(awaited), by_url)
    }
}

/// Awaits the reference to a pushed request.
#[derive(Debug)]
pub struct PushedLogin(PushedAuthorization, Box<Awaited<()>>, Option<Box<ByUrl>>);

/// What to do where a request cannot be pushed.
#[derive(Debug)]
struct ByUrl {
    request: AuthorizationRequest,
    party: RelyingParty,
}

impl PushedLogin {
    fn go_on(
        step: Step<PushedAuthorization>,
        awaited: Box<Awaited<()>>,
        by_url: Option<Box<ByUrl>>,
    ) -> Result<Step<Self>, Error> {
        step.embed(
            (awaited, by_url),
            |(awaited, by_url), flow| Self(flow, awaited, by_url),
            |(awaited, _), (url, authorization)| Ok(Step::Done((url, PendingLogin(awaited.with(authorization))))),
        )
    }
}

impl Flow for PushedLogin {
    type Output = (AuthorizationUrl, PendingLogin);

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self(flow, awaited, by_url) = self;
        match (flow.on(input, env), by_url) {
            (Ok(step), by_url) => Self::go_on(step, awaited, by_url),
            (Err(error), Some(by_url)) if matches!(error.fault(), Fault::Transport | Fault::Remote) => {
                let (url, authorization) = by_url.party.authorize(by_url.request, env)?;
                Ok(Step::Done((url, PendingLogin(awaited.with(authorization)))))
            }
            (Err(error), _) => Err(error),
        }
    }
}
