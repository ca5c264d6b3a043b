//! Requests the claims about a user with an access token (OpenID Connect Core 1.0 section 5.3).
//!
//! ```text
//! userinfo ─▶ AuthenticatedRequest: GET userinfo_endpoint ─┬─ JSON ─▶ Done(Userinfo)
//!                                                          └─ JWT ─▶ KeySearch ─▶ Done(Userinfo)
//! ```

use std::fmt;

use super::authenticated_request::{AuthenticatedRequest, Credential, Parse};
use super::key_search::{By, Check, KeySearch};
use crate::base::env::{Env, Timestamp};
use crate::base::secret::Secret;
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, Algorithms, Jws};
use crate::party::key_cell::{Asker, Mark};
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;
use crate::token::userinfo::{self, Said, Userinfo};
use crate::wire::policy::{Accept, JSON_LIMIT, Policy};
use crate::wire::request;
use crate::wire::response::Response;

/// Awaits the userinfo response, then keys if the response is signed and its key is unknown.
pub struct UserinfoFetch(State);

enum State {
    ExpectUserinfo(AuthenticatedRequest<Expected>, Context),
    Verifying(KeySearch<SignedResponse>),
}

/// Whom the response must be about, and from whom.
struct Context {
    subject: Box<str>,
    party: RelyingParty,
    mark: Mark,
}

struct Expected {
    subject: Box<str>,
    is_signed: bool,
}

impl Parse for Expected {
    type Output = Said;
    const REQUEST: &'static str = "userinfo_endpoint";

    fn parse(self, response: Response<'_>, _now: Timestamp) -> Result<Said, Error> {
        userinfo::parse(response, &self.subject, self.is_signed)
    }
}

impl RelyingParty {
    /// Requests the claims about the user who logged in. The response must have the `sub` of the ID token (section
    /// 5.3.2).
    ///
    /// # Errors
    /// `userinfo.unsupported`, `userinfo.no_subject`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`,
    /// `dpop.algorithm`, `sign.failed`.
    pub fn userinfo(&self, tokens: &TokenSet, env: &mut dyn Env) -> Result<Step<UserinfoFetch>, Error> {
        self.owner().check(tokens.owner())?;
        let metadata = self.provider().metadata();
        let endpoint =
            metadata.endpoint(&metadata.userinfo_endpoint, "userinfo_endpoint", ErrorCode::USERINFO_UNSUPPORTED)?;
        let subject: Box<str> = tokens.subject().ok_or(ErrorCode::USERINFO_NO_SUBJECT)?.into();
        let is_signed = self.client().registered_userinfo_algorithm.is_some();
        let request = request::read_with_token(endpoint, tokens.authorization(), is_signed);
        let policy = Policy::own_read(JSON_LIMIT, Accept::Json);
        let credential = Credential::Token(tokens.access_token().clone());
        let expected = Expected { subject: subject.clone(), is_signed };
        let call = AuthenticatedRequest::start(self, request, policy, credential, expected, env)?;
        Context { subject, party: self.clone(), mark: self.key_cell().mark() }.go_on(call, env)
    }
}

impl Context {
    fn go_on(
        self,
        step: Step<AuthenticatedRequest<Expected>>,
        env: &mut dyn Env,
    ) -> Result<Step<UserinfoFetch>, Error> {
        step.embed(
            self,
            |context, call| UserinfoFetch(State::ExpectUserinfo(call, context)),
            |context, said| match (said, context.party.client().registered_userinfo_algorithm) {
                (Said::Plain(userinfo), _) => Ok(Step::Done(userinfo)),
                (Said::Signed(compact), Some(algorithm)) => {
                    let Self { subject, party, mark } = context;
                    let asker = Asker::own(mark, party.key_cell().mark());
                    let response = SignedResponse { compact, algorithm, subject, party };
                    UserinfoFetch::verifying(KeySearch::begin(response, asker, env))
                }
                (Said::Signed(_), None) => Err(ErrorCode::USERINFO_SIGNED.into()),
            },
        )
    }
}

/// A signed response.
struct SignedResponse {
    compact: Secret,
    algorithm: Algorithm,
    subject: Box<str>,
    party: RelyingParty,
}

impl Check for SignedResponse {
    type Verified = Userinfo;
    type Output = Result<Userinfo, Error>;

    fn party(&self) -> &RelyingParty {
        &self.party
    }

    fn signed(&self) -> (&str, Algorithms) {
        (self.compact.expose(), Algorithms::of(&[self.algorithm]))
    }

    fn check(&self, by: By<'_>, _now: Timestamp) -> Result<Userinfo, Error> {
        let (compact, allowed) = self.signed();
        let jws = Jws::parse(compact)?;
        let evidence = by.signed(&jws, allowed)?;
        userinfo::read_signed(&jws, evidence, &self.subject, self.party.provider(), self.party.client())
    }

    fn conclude(self, verdict: Result<Userinfo, Error>) -> Result<Userinfo, Error> {
        verdict
    }
}

impl UserinfoFetch {
    fn verifying(step: Step<KeySearch<SignedResponse>>) -> Result<Step<Self>, Error> {
        step.embed((), |(), search| Self(State::Verifying(search)), |(), verdict| verdict.map(Step::Done))
    }
}

impl fmt::Debug for UserinfoFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserinfoFetch(…)")
    }
}

impl Flow for UserinfoFetch {
    type Output = Userinfo;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectUserinfo(call, context) => context.go_on(call.on(input, env)?, env),
            State::Verifying(search) => Self::verifying(search.on(input, env)?),
        }
    }
}
