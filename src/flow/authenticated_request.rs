//! One request with credentials, and its response. All flows to protected endpoints use it.
//!
//! ```text
//! start ─▶ [client assertion] ─▶ [DPoP proof] ─▶ request ─┬─ a nonce is demanded, the first time ─▶ from the start
//!              │ external key        │ external key       └─▶ Done(the parsed response)
//!              └─▶ UseKey ─▶         └─▶ UseKey ─▶
//! ```

use std::fmt;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, StatusCode};

use crate::base::env::{Env, Timestamp};
use crate::base::secret::{AccessToken, Body, Secret};
use crate::error::{Error, ErrorCode, Family, Quote};
use crate::jose::{Algorithm, HS256_SECRET_LENGTH, PrivateKey, hs256, with_signature};
use crate::party::client::{Client, ClientAuth};
use crate::party::client_auth;
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, KeyUse, Step};
use crate::token::token_type::TokenType;
use crate::wire::challenge::{Challenge, ResourceError};
use crate::wire::headers::DPOP;
use crate::wire::oauth_error;
use crate::wire::policy::Policy;
use crate::wire::response::Response;

const SHORT_SECRET: &str =
    "`client_secret_jwt` needs a secret of at least 32 bytes: get a longer one, or use `client_secret_basic`.";

/// How a response is read.
pub(super) trait Parse: Send + Sync + 'static {
    /// The parsed response.
    type Output;

    /// The endpoint for errors that name no endpoint.
    const REQUEST: &'static str;

    /// Parses it.
    fn parse(self, response: Response<'_>, now: Timestamp) -> Result<Self::Output, Error>;
}

/// Awaits signatures, then the response.
pub(super) struct AuthenticatedRequest<A>(State<A>);

#[allow(clippy::enum_variant_names, reason = "states are named for what they await")]
enum State<A> {
    ExpectAssertion(Box<Unsigned<A>>),
    ExpectProof(Box<Unsigned<A>>),
    /// The plan is kept, because the response may demand a nonce.
    ExpectResponseOrNonce(Box<Plan<A>>),
    ExpectResponse(A),
}

/// The parts of the request, from which it can be made twice.
struct Plan<A> {
    party: RelyingParty,
    request: Request<Body>,
    policy: Policy,
    credential: Credential,
    answer: A,
    has_met_nonce: bool,
}

/// A plan whose request waits for a signature over `to_sign`.
struct Unsigned<A> {
    plan: Plan<A>,
    assertion: Option<Secret>,
    to_sign: String,
}

/// The credential of the request.
pub(super) enum Credential {
    /// The client itself, by a form that may need an assertion.
    Client,
    /// An access token that is already in the request's header. A DPoP proof has to contain its hash.
    Token(AccessToken),
}

impl<A: Parse> AuthenticatedRequest<A> {
    #[inline]
    pub(super) fn start(
        party: &RelyingParty,
        request: Request<Body>,
        mut policy: Policy,
        credential: Credential,
        answer: A,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        let client = party.client();
        if let (None, Some(name)) = (policy.client_certificate(), &client.certificate) {
            policy = policy.with_client_certificate(name.clone());
        }
        let asserts = matches!(credential, Credential::Client) && client.auth.asserts();
        if !asserts && client.dpop.is_none() {
            return Ok(Step::call(request, policy, Self(State::ExpectResponse(answer))));
        }
        let party = party.clone();
        Plan { party, request, policy, credential, answer, has_met_nonce: false }.begin(env)
    }
}

/// Whether the provider takes DPoP proofs of the client's key (RFC 9449 section 5.1).
pub(super) fn check_proofs(party: &RelyingParty) -> Result<(), Error> {
    let accepted = party.provider().metadata().dpop_signing_algorithms;
    match party.client().dpop.as_ref().zip(accepted) {
        Some((key, accepted)) if !accepted.contains(key.algorithm()) => {
            let listed: Vec<_> = accepted.iter().map(|algorithm| algorithm.name()).collect();
            let listed = if listed.is_empty() { "no algorithm of this crate".to_owned() } else { listed.join(" or ") };
            let error = Error::new(ErrorCode::DPOP_ALGORITHM).with_expected(Quote::library(listed));
            Err(error.with_found(Quote::library(key.algorithm().name())))
        }
        _ => Ok(()),
    }
}

/// Whether the client's secret is long enough for its assertions.
pub(super) fn check_assertions(client: &Client) -> Result<(), Error> {
    match &client.auth {
        ClientAuth::SecretJwt(secret) if secret.expose().len() < HS256_SECRET_LENGTH => {
            Err(Error::new(ErrorCode::TOKEN_CLIENT_AUTH).at("client_secret").with_hint(SHORT_SECRET))
        }
        _ => Ok(()),
    }
}

impl<A: Parse> Plan<A> {
    /// Begins with the signatures, if the provider takes those of the client's key.
    #[inline(never)]
    fn begin(self, env: &mut dyn Env) -> Result<Step<AuthenticatedRequest<A>>, Error> {
        check_proofs(&self.party)?;
        self.assert(env)
    }

    fn assert(self, env: &mut dyn Env) -> Result<Step<AuthenticatedRequest<A>>, Error> {
        let input = |algorithm, key_id, env: &mut dyn Env| {
            client_auth::assertion_input(self.party.provider(), self.party.client(), algorithm, key_id, env)
        };
        let assertion = match (&self.credential, &self.party.client().auth) {
            (Credential::Client, ClientAuth::SecretJwt(secret)) => {
                check_assertions(self.party.client())?;
                let input = input(Algorithm::Hs256, None, env)?;
                let signature = hs256(secret.expose().as_bytes(), input.as_bytes());
                Some(Secret::new(with_signature(input, &signature)))
            }
            (Credential::Client, ClientAuth::PrivateKeyJwt(key)) => {
                let input = input(key.algorithm(), key.key_id(), env)?;
                match sign(key, &input)? {
                    Signature::Made(signature) => Some(Secret::new(with_signature(input, &signature))),
                    Signature::Elsewhere(asked) => {
                        let unsigned = Unsigned { plan: self, assertion: None, to_sign: input };
                        let state = State::ExpectAssertion(Box::new(unsigned));
                        return Ok(Step::use_key(asked, AuthenticatedRequest(state)));
                    }
                }
            }
            _ => None,
        };
        self.prove(assertion, env)
    }

    fn prove(self, assertion: Option<Secret>, env: &mut dyn Env) -> Result<Step<AuthenticatedRequest<A>>, Error> {
        let Some(dpop) = self.party.client().dpop.clone() else { return self.send(assertion, None) };
        let access_token = match &self.credential {
            Credential::Client => None,
            Credential::Token(token) => Some(token),
        };
        let now = self.party.provider().server_time().at(env.now());
        let input = dpop.proof_input(self.request.method(), self.request.uri(), access_token, now, env)?;
        match sign(dpop.key(), &input)? {
            Signature::Made(signature) => self.send(assertion, Some(Secret::new(with_signature(input, &signature)))),
            Signature::Elsewhere(asked) => {
                let unsigned = Unsigned { plan: self, assertion, to_sign: input };
                Ok(Step::use_key(asked, AuthenticatedRequest(State::ExpectProof(Box::new(unsigned)))))
            }
        }
    }

    fn send(
        mut self,
        assertion: Option<Secret>,
        proof: Option<Secret>,
    ) -> Result<Step<AuthenticatedRequest<A>>, Error> {
        let policy = self.policy.clone();
        let is_last = proof.is_none() || self.has_met_nonce;
        let mut request = std::mem::take(&mut self.request);
        if !is_last {
            self.request = without_credentials(&request);
        }
        if self.has_met_nonce {
            self.add_credentials(&mut request);
        }
        if let Some(assertion) = assertion {
            client_auth::add_assertion(&mut request, assertion.expose());
        }
        if let Some(proof) = proof {
            let mut proof = HeaderValue::from_str(proof.expose()).map_err(|_| ErrorCode::SIGN_FAILED)?;
            // Whoever reads it in time can use it, and no two are the same: nothing for logs or compression tables.
            proof.set_sensitive(true);
            request.headers_mut().insert(DPOP.clone(), proof);
        }
        // The URL is kept: the last response may have a nonce of this server for the next request.
        *self.request.uri_mut() = request.uri().clone();
        Ok(Step::call(request, policy, AuthenticatedRequest(State::ExpectResponseOrNonce(Box::new(self)))))
    }
}

/// A copy of the request to send again, without the header that cannot be wiped.
fn without_credentials(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    let kept = request.headers().iter().filter(|(name, _)| **name != AUTHORIZATION);
    copy.headers_mut().extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    copy
}

impl<A: Parse> Plan<A> {
    /// Adds the credentials that the copy lacks.
    fn add_credentials(&self, request: &mut Request<Body>) {
        match &self.credential {
            Credential::Client => client_auth::add_basic(request, self.party.client()),
            Credential::Token(token) => {
                // Only bound tokens are sent with proofs.
                request.headers_mut().insert(AUTHORIZATION, token.authorization(TokenType::Dpop.name()));
            }
        }
    }

    fn receive(
        mut self,
        response: Result<Response<'_>, Error>,
        env: &mut dyn Env,
    ) -> Result<Step<AuthenticatedRequest<A>>, Error> {
        if let Ok(response) = &response {
            if matches!(self.credential, Credential::Client) {
                self.party.provider().server_time().note(response.headers, env.now());
            }
            let dpop = self.party.client().dpop.as_ref();
            let has_nonce = dpop.is_some_and(|dpop| dpop.note(self.request.uri(), response.headers));
            if has_nonce && !self.has_met_nonce && demands_nonce(response) {
                // Once: a server that is never content would go on for ever.
                self.has_met_nonce = true;
                return self.assert(env);
            }
            if let Some(hint) = missing_header(response, has_nonce).filter(|_| dpop.is_some()) {
                return finish(self.answer, Ok(*response), true, env).map_err(|error| error.with_hint(hint));
            }
        }
        let has_proof = self.party.client().dpop.is_some();
        finish(self.answer, response, has_proof, env)
    }
}

fn finish<A: Parse>(
    parse: A,
    response: Result<Response<'_>, Error>,
    has_proof: bool,
    env: &dyn Env,
) -> Result<Step<AuthenticatedRequest<A>>, Error> {
    let now = env.now();
    let by_own_clock = response.as_ref().ok().and_then(|response| response.retry_after_by(now));
    let parsed = response.and_then(|response| parse.parse(response, now)).map_err(|error| error.during(A::REQUEST));
    parsed.map(Step::Done).map_err(|error| match error.retry_after() {
        None if error.family() == Family::Unavailable => error.with_retry_after(by_own_clock),
        _ if error.family() == Family::Dpop && !has_proof => error.with_code(ErrorCode::DPOP_REQUIRED),
        _ => error,
    })
}

/// What to do about a refusal without the header that would explain it: a browser hides headers
/// that CORS does not expose.
fn missing_header(response: &Response<'_>, has_nonce: bool) -> Option<&'static str> {
    let has_challenge = response.headers.contains_key(WWW_AUTHENTICATE);
    if !has_nonce && demands_nonce(response) {
        Some(
            "The response has no usable `DPoP-Nonce`. If this program runs in a browser, the server must name the header in `Access-Control-Expose-Headers`; otherwise report it to the provider.",
        )
    } else if response.status == StatusCode::UNAUTHORIZED
        && !has_challenge
        && oauth_error::said(response.body).is_none()
    {
        Some(
            "The response has no `WWW-Authenticate`. If this program runs in a browser, the server must name this header and `DPoP-Nonce` in `Access-Control-Expose-Headers`; otherwise log in again.",
        )
    } else {
        None
    }
}

/// A signature, or the key operation that makes it.
enum Signature {
    Made(Vec<u8>),
    Elsewhere(KeyUse),
}

fn sign(key: &PrivateKey, input: &str) -> Result<Signature, Error> {
    Ok(match key {
        PrivateKey::Local(signer) => Signature::Made(signer.sign(input.as_bytes())?),
        PrivateKey::Remote { key, algorithm } => {
            Signature::Elsewhere(KeyUse::sign(key.clone(), *algorithm, input.as_bytes()))
        }
    })
}

/// Whether the server wants the same request with the nonce that came along (RFC 9449 sections 8 and 9).
fn demands_nonce(response: &Response<'_>) -> bool {
    let is_in_body =
        || oauth_error::said(response.body).is_some_and(|(error, _)| *error == *ResourceError::UseDpopNonce.name());
    match response.status.as_u16() {
        400 => is_in_body(),
        401 => {
            let challenges = Challenge::parse_all(response.headers);
            is_in_body() || challenges.iter().any(|challenge| challenge.error == Some(ResourceError::UseDpopNonce))
        }
        _ => false,
    }
}

impl<A: Parse> Flow for AuthenticatedRequest<A> {
    type Output = A::Output;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::ExpectAssertion(unsigned) => {
                let Unsigned { plan, to_sign, .. } = *unsigned;
                let signature = input.key_output()?.into_bytes()?;
                plan.prove(Some(Secret::new(with_signature(to_sign, &signature))), env)
            }
            State::ExpectProof(unsigned) => {
                let Unsigned { plan, assertion, to_sign } = *unsigned;
                let signature = input.key_output()?.into_bytes()?;
                plan.send(assertion, Some(Secret::new(with_signature(to_sign, &signature))))
            }
            State::ExpectResponse(parse) => finish(parse, input.response(), false, env),
            State::ExpectResponseOrNonce(plan) => plan.receive(input.response(), env),
        }
    }
}

impl<A> fmt::Debug for AuthenticatedRequest<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::ExpectAssertion(_) => "ExpectAssertion",
            State::ExpectProof(_) => "ExpectProof",
            State::ExpectResponseOrNonce(_) => "ExpectResponseOrNonce",
            State::ExpectResponse(_) => "ExpectResponse",
        })
    }
}
