//! A token request with any grant: fetches keys if needed, sends the request, and verifies the ID token.
//!
//! ```text
//!   redeem ─┬─ keys are needed and none are fresh ─▶ KeysFetch ─┐
//!   refresh ┼───────────────────────────────────────────────────┴─▶ AuthenticatedRequest ─▶ KeySearch ─▶ Done(TokenOutcome)
//!   request_tokens ┘                                                                          ▲
//!   UnverifiedTokens::verify ─────────────────────────────────────────────────────────────────┘
//!
//!   poll_device ─▶ Wait(interval) ─▶ AuthenticatedRequest ─┬─ authorization_pending ─▶ Wait(interval)
//!                         ▲                                ├─ slow_down ─▶ Wait(interval + 5 s)
//!                         └────────────────────────────────┼─ no response, or the server fails ─▶ Wait(2 × last wait)
//!                                                          ├─ refused, expired, or time is up ─▶ error
//!                                                          └─ tokens ─▶ KeySearch ─▶ Done(TokenOutcome)
//! ```

use std::fmt;

use http::Request;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::device_poll::DevicePoll;
use super::key_search::KeySearch;
use super::keys_fetch::KeysFetch;
use super::token_outcome::{Grant, Origin, TokenOutcome, UnverifiedTokens};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Body;
use crate::error::{Error, Family};
use crate::message::token::{self, TokenResponse};
use crate::party::key_cell::{Asker, Mark};
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

/// Awaits keys if they are needed, then tokens, then keys again if the key of the ID token is unknown.
///
/// A login fetches keys first, so that it does not spend its code if the keys cannot be fetched. Until tokens have
/// arrived, a failure is an error; after that it is [`TokenOutcome::Unverified`]. The request is not repeated, because
/// a code (and often a refresh token) can be used only once. The one exception is a demand for a DPoP nonce (RFC 9449
/// section 8).
///
/// Before a user has allowed a device, the flow polls: each request is made at the end of a wait,
/// and repeated until the user has decided (RFC 8628 section 3.4).
pub struct TokenRequest(State);

#[allow(clippy::large_enum_variant, reason = "every login and refresh is in the large one")]
enum State {
    /// A user has to allow the device.
    Pausing(Box<DevicePoll>),
    ExpectKeys(KeysFetch, Box<Prepared>),
    ExpectTokens(AuthenticatedRequest<TokenParse>, Pending),
    Verifying(KeySearch<Grant>),
}

/// A request that waits for keys.
struct Prepared {
    party: RelyingParty,
    request: Request<Body>,
    origin: Origin,
}

const NO_DEVICE: &str = "The provider answers as if a device polled, which this request does not: try again later; if it happens again, report it to the provider.";

/// What the tokens are checked against once they are there.
struct Pending {
    party: RelyingParty,
    origin: Origin,
    /// When the last request was made. The tokens' lifetime counts from here: the response may have waited for a
    /// process that was suspended.
    at: Timestamp,
    mark: Mark,
    /// What to ask again with, if it is too early.
    poll: Option<Box<DevicePoll>>,
}

impl Pending {
    /// No tokens came.
    fn failed(self, error: Error, env: &mut dyn Env) -> Result<Step<TokenRequest>, Error> {
        let error = self.origin.explained(error, &self.party);
        let Some(mut poll) = self.poll else {
            return Err(if error.family() == Family::Pending { error.with_hint(NO_DEVICE) } else { error });
        };
        poll.learn(error)?;
        TokenRequest::poll(poll, env)
    }
}

/// With the party for its provider's options, which are larger.
struct TokenParse(RelyingParty);

impl Parse for TokenParse {
    type Output = TokenResponse;
    const REQUEST: &'static str = token::REQUEST;

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<TokenResponse, Error> {
        token::parse(response, self.0.provider().options())
    }
}

impl TokenRequest {
    /// Fetches keys first if there are none, where a failure to do so must not cost what the request spends.
    pub(super) fn start_with_keys(
        party: &RelyingParty,
        request: Request<Body>,
        origin: Origin,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let prepared = Prepared { party: party.clone(), request, origin };
        Self::prepared(party.fetch_keys(env)?, Box::new(prepared), env)
    }

    #[inline]
    pub(super) fn start(
        party: &RelyingParty,
        request: Request<Body>,
        origin: Origin,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        Self::ask(party, request, origin, None, env)
    }

    /// Asks at the end of the poll's pause.
    pub(super) fn poll(poll: Box<DevicePoll>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Ok(Step::wait(poll.pauses_until(env)?, Self(State::Pausing(poll))))
    }

    fn ask(
        party: &RelyingParty,
        mut request: Request<Body>,
        origin: Origin,
        poll: Option<Box<DevicePoll>>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        token::add_parameters(&mut request, party.client())?;
        let (policy, parse) = (Policy::own_write(Accept::Json), TokenParse(party.clone()));
        let call = AuthenticatedRequest::start(party, request, policy, Credential::Client, parse, env)?;
        let (at, mark) = (env.now(), party.key_cell().mark());
        Self::asked(call, Pending { party: party.clone(), origin, at, mark, poll }, env)
    }

    fn prepared(step: Step<KeysFetch>, prepared: Box<Prepared>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        step.embed(
            prepared,
            |prepared, fetch| Self(State::ExpectKeys(fetch, prepared)),
            |prepared, _| {
                let Prepared { party, request, origin } = *prepared;
                Self::start(&party, request, origin, env)
            },
        )
    }

    #[inline]
    fn asked(
        step: Step<AuthenticatedRequest<TokenParse>>,
        asked: Pending,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let now = env.now();
        step.embed(
            asked,
            |mut asked, call| {
                (asked.at, asked.mark) = (now, asked.party.key_cell().mark());
                Self(State::ExpectTokens(call, asked))
            },
            |asked, response| {
                let Pending { party, origin, at, mark, .. } = asked;
                let asker = Asker::own(mark, party.key_cell().mark());
                // A clock that was set back meanwhile must not make them live longer.
                let grant = Grant { party, response, obtained_at: at.min(now), origin };
                Ok(KeySearch::begin(grant, asker, env).wrap(Self::verifying))
            },
        )
    }

    fn verifying(search: KeySearch<Grant>) -> Self {
        Self(State::Verifying(search))
    }
}

impl UnverifiedTokens {
    /// Verifies the tokens again with the newest keys. If the key is unknown, the flow fetches keys.
    pub fn verify(self, env: &mut dyn Env) -> Step<TokenRequest> {
        let mark = self.0.party.key_cell().mark();
        KeySearch::begin(*self.0, Asker::own(mark, mark), env).wrap(TokenRequest::verifying)
    }
}

impl Flow for TokenRequest {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::Pausing(poll) => {
                input.woken()?;
                let (request, origin) = poll.request();
                Self::ask(&poll.party().clone(), request, origin, Some(poll), env)
            }
            State::ExpectKeys(fetch, prepared) => Self::prepared(fetch.on(input, env)?, prepared, env),
            State::ExpectTokens(call, asked) => match call.on(input, env) {
                Ok(step) => Self::asked(step, asked, env),
                Err(error) => asked.failed(error, env),
            },
            State::Verifying(search) => Ok(search.on(input, env)?.wrap(Self::verifying)),
        }
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Pausing(_) => f.write_str("TokenRequest(…)"),
            State::ExpectKeys(fetch, _) => fetch.fmt(f),
            State::ExpectTokens(call, _) => call.fmt(f),
            State::Verifying(search) => search.fmt(f),
        }
    }
}
