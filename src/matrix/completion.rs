//! The last part of each login: finds the user and the device of the tokens.
//!
//! ```text
//! (a grant) ─┬─ verified ───▶ Whoami ─┬─ the user and device that were expected ─▶ Done(LoggedIn)
//!            │                        └─ others, or no response ──────────────────▶ Done(Refused)
//!            └─ unverified ─────────────────────────────────────────────────────▶ Done(Refused)
//! ```
//!
//! Before tokens have arrived, a failure is an error. After that, no failure loses the tokens: the flow returns
//! [`RefusedTokens`], which can be checked again or revoked. If the login is for an existing session, that session
//! changes only after all checks.

use super::binding::Binding;
use super::id::{DeviceId, UserId};
use super::party::Party;
use super::user_session::UserSession;
use super::whoami::{Identity, Whoami};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode, Quote};
use crate::flow::token_outcome::{TokenOutcome, UnverifiedTokens};
use crate::flow::{Revocation, TokenRequest};
use crate::step::{Flow, Input, Step};
use crate::token::token_set::TokenSet;

/// The outcome of a login.
///
/// Exhaustive, so that callers handle the tokens of both variants.
#[derive(Debug)]
#[must_use = "it holds the tokens"]
#[allow(clippy::large_enum_variant, reason = "both hold the tokens, and are taken apart at once")]
pub enum LoginOutcome {
    /// The user is logged in.
    LoggedIn(Login),
    /// Tokens came, but they could not be verified, are for another user or device, or the
    /// homeserver did not confirm whose they are.
    Refused {
        /// What is wrong.
        error: Error,
        /// The tokens, to be checked again or revoked.
        tokens: RefusedTokens,
    },
}

impl LoginOutcome {
    /// The login. Refused tokens are dropped: they stay valid at the provider until they expire.
    ///
    /// # Errors
    /// The reason.
    pub fn logged_in(self) -> Result<Login, Error> {
        match self {
            Self::LoggedIn(login) => Ok(login),
            Self::Refused { error, .. } => Err(error),
        }
    }
}

/// A login that the homeserver has confirmed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Login {
    /// To be stored.
    pub session: UserSession,
}

impl Binding {
    /// Checks that a new login is for this user and this device. Call it before you replace the tokens.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, `whoami.user_mismatch`, `whoami.device_mismatch`.
    pub fn check(&self, login: &Login) -> Result<(), Error> {
        let new = login.session.binding();
        self.homeserver.check(&new.homeserver)?;
        check_user(&self.user_id, &new.user_id)?;
        check_device(&self.device_id, &new.device_id)
    }

    /// Checks what the homeserver says of an access token: it is this user's, on this device.
    ///
    /// # Errors
    /// `whoami.user_mismatch`, `whoami.device_mismatch`: the error names the expected and the found
    /// ID. `whoami.device_id` if the homeserver names no device.
    pub fn check_identity(&self, identity: &Identity) -> Result<(), Error> {
        check_user(&self.user_id, &identity.user_id)?;
        check_named_device(&self.device_id, identity)
    }
}

fn check_device(expected: &DeviceId, found: &DeviceId) -> Result<(), Error> {
    check_same(ErrorCode::WHOAMI_DEVICE_MISMATCH, "device_id", expected.as_str(), found.as_str())
}

fn check_named_device(expected: &DeviceId, identity: &Identity) -> Result<(), Error> {
    match &identity.device_id {
        Some(device) => check_device(expected, device),
        None => Err(Error::new(ErrorCode::WHOAMI_DEVICE_ID).at("device_id")),
    }
}

fn check_user(expected: &UserId, found: &UserId) -> Result<(), Error> {
    check_same(ErrorCode::WHOAMI_USER_MISMATCH, "user_id", expected.as_str(), found.as_str())
}

/// The error names both.
fn check_same(mismatch: ErrorCode, field: &'static str, expected: &str, found: &str) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let error = Error::new(mismatch).at(field).with_expected(Quote::caller(expected));
    Err(error.with_found(Quote::provider(found)))
}

/// Tokens that were refused. They can only be checked again or revoked.
#[derive(Debug)]
#[must_use = "the grant is valid at the provider until it is revoked"]
pub struct RefusedTokens(Box<Refused>);

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "boxed where it is kept")]
enum Refused {
    Unverified(UnverifiedTokens, Expected),
    Unconfirmed(Unconfirmed),
}

impl RefusedTokens {
    /// Repeats the check that failed and those after it: verifies the ID token with the newest
    /// keys, which are fetched if the key is unknown, and asks the homeserver for the user and the
    /// device.
    ///
    /// # Errors
    /// None: an error comes with the tokens, as [`LoginOutcome::Refused`].
    pub fn retry(self, env: &mut dyn Env) -> Result<Step<Completion>, Error> {
        match *self.0 {
            Refused::Unverified(tokens, expected) => Completion::exchanging(tokens.verify(env), expected, env),
            Refused::Unconfirmed(unconfirmed) => unconfirmed.confirm(env),
        }
    }

    /// Revokes the grant.
    ///
    /// # Errors
    /// `revocation.unsupported`, `dpop.algorithm`, `sign.failed`.
    pub fn revoke(self, env: &mut dyn Env) -> Result<Step<Revocation>, Error> {
        match *self.0 {
            Refused::Unverified(tokens, _) => tokens.revoke(env),
            Refused::Unconfirmed(Unconfirmed { tokens, expected, .. }) => {
                expected.party.relying_party().revoke(&tokens, env)
            }
        }
    }
}

/// Who is to log in, where.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) party: Party,
    pub(super) device_id: DeviceId,
    /// For a new login of a known session.
    pub(super) user_id: Option<UserId>,
}

impl Expected {
    fn check(&self, identity: &Identity) -> Result<(), Error> {
        self.user_id.as_ref().map_or(Ok(()), |user| check_user(user, &identity.user_id))?;
        check_named_device(&self.device_id, identity)
    }

    /// For tokens that are not to be asked about.
    pub(super) fn refuse(self, exchanged: TokenOutcome, error: Error) -> LoginOutcome {
        match exchanged {
            TokenOutcome::Verified(granted) => Unconfirmed { tokens: granted.tokens, expected: self }.refused(error),
            TokenOutcome::Unverified { tokens, .. } => {
                LoginOutcome::Refused { error, tokens: RefusedTokens(Box::new(Refused::Unverified(tokens, self))) }
            }
        }
    }
}

/// Tokens of which the homeserver has still to say whose they are.
#[derive(Debug)]
struct Unconfirmed {
    tokens: TokenSet,
    expected: Expected,
}

impl Unconfirmed {
    fn confirm<F: Flow<Output = TokenOutcome>>(self, env: &mut dyn Env) -> Result<Step<Completion<F>>, Error> {
        let whoami = Whoami::start(&self.tokens, &self.expected.party, env);
        Completion::confirming(whoami, Box::new(self))
    }

    fn judge(self, identity: Identity) -> LoginOutcome {
        if let Err(error) = self.expected.check(&identity) {
            return self.refused(error);
        }
        let Self { tokens, expected: Expected { party, device_id, .. } } = self;
        let session = UserSession::new(party.homeserver().clone(), identity.user_id, device_id, tokens);
        LoginOutcome::LoggedIn(Login { session })
    }

    fn refused(self, error: Error) -> LoginOutcome {
        LoginOutcome::Refused { error, tokens: RefusedTokens(Box::new(Refused::Unconfirmed(self))) }
    }
}

/// Awaits the tokens, then the user and the device of the tokens.
#[derive(Debug)]
pub struct Completion<F = TokenRequest>(State<F>);

#[derive(Debug)]
enum State<F> {
    Exchanging(F, Box<Expected>),
    Confirming(Whoami, Box<Unconfirmed>),
}

impl<F: Flow<Output = TokenOutcome>> Completion<F> {
    pub(super) fn exchanging(step: Step<F>, expected: Expected, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(step, Box::new(expected), env)
    }

    fn go_on(step: Step<F>, expected: Box<Expected>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        step.embed(
            expected,
            |expected, flow| Self(State::Exchanging(flow, expected)),
            |expected, exchanged| match exchanged {
                TokenOutcome::Verified(granted) => {
                    Unconfirmed { tokens: granted.tokens, expected: *expected }.confirm(env)
                }
                TokenOutcome::Unverified { error, tokens } => {
                    let tokens = RefusedTokens(Box::new(Refused::Unverified(tokens, *expected)));
                    Ok(Step::Done(LoginOutcome::Refused { error, tokens }))
                }
            },
        )
    }

    /// No failure here is an error: there are tokens.
    fn confirming(step: Result<Step<Whoami>, Error>, unconfirmed: Box<Unconfirmed>) -> Result<Step<Self>, Error> {
        match step {
            Ok(step) => step.embed(
                unconfirmed,
                |unconfirmed, flow| Self(State::Confirming(flow, unconfirmed)),
                |unconfirmed, identity| Ok(Step::Done(unconfirmed.judge(identity))),
            ),
            Err(error) => Ok(Step::Done(unconfirmed.refused(error))),
        }
    }
}

impl<F: Flow<Output = TokenOutcome>> Flow for Completion<F> {
    type Output = LoginOutcome;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self.0 {
            State::Exchanging(flow, expected) => Self::go_on(flow.on(input, env)?, expected, env),
            State::Confirming(flow, unconfirmed) => Self::confirming(flow.on(input, env), unconfirmed),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::base::counting_env::CountingEnv;
    use crate::base::env::Timestamp;
    use crate::base::url::Schemes;
    use crate::matrix::auth_server::{AuthServer, MetadataSource};
    use crate::matrix::homeserver::Homeserver;
    use crate::party::client::Client;
    use crate::party::options::ProviderOptions;
    use crate::step::toy::{Ask, Toy, drive};
    use crate::wire::freshness::Freshness;

    const METADATA: &str = r#"{
        "issuer": "https://account.example.org",
        "authorization_endpoint": "https://account.example.org/authorize",
        "token_endpoint": "https://account.example.org/token",
        "revocation_endpoint": "https://account.example.org/revoke",
        "jwks_uri": "https://account.example.org/jwks",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"]
    }"#;

    fn expected() -> Expected {
        let homeserver = Homeserver::new("https://matrix.example.org", Schemes::HttpsOnly).unwrap();
        let (options, freshness) =
            (ProviderOptions::new(), Freshness { fetched_at: Timestamp::from_unix_millis(0), fresh_until: None });
        let source = MetadataSource::Stable;
        let server = AuthServer::parse(METADATA.as_bytes(), homeserver, source, None, options, freshness).unwrap();
        let device_id = DeviceId::new("ABCDEFGHIJ").unwrap();
        Expected { party: Party::new(server, Client::new("app")), device_id, user_id: None }
    }

    proptest! {
        /// Whatever inputs the flow gets, it passes each of them to the flow inside.
        #[test]
        fn no_sequence_of_calls_is_unexpected(
            asks in proptest::collection::vec(select(vec![Ask::Call, Ask::Wait, Ask::UseKey]), 0..6),
            script in proptest::collection::vec(any::<u8>(), 0..32),
        ) {
            let mut env = CountingEnv::default();
            let step = Toy::<TokenOutcome>::start(asks, None, &env);
            let step = step.and_then(|step| Completion::exchanging(step, expected(), &mut env));
            let error = drive(step, &script, &mut env).unwrap_err();
            prop_assert_eq!(error.code(), ErrorCode::TOKEN_INVALID_GRANT);
        }
    }
}
