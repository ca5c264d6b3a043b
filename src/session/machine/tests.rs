//! A flow that waits, inside a session. No flow of a provider asks for that yet.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use super::exchange::Exchange;
use super::session::Session;
use crate::base::bell::Tower;
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::flow::verification::TokenOutcome;
use crate::party::client::Client;
use crate::party::provider::Provider;
use crate::session::access::{Access, End};
use crate::session::policy::SessionOptions;
use crate::step::{Flow, Input, Step};
use crate::testing::TestEnv;
use crate::token::token_set::TokenSet;
use crate::{Issuer, ProviderOptions, Schemes, ServerMetadata};

/// Waits for its bell, at most ten seconds. Then the grant is gone.
struct Waits(Tower);

impl Waits {
    fn step(self, env: &dyn Env) -> Step<Self> {
        Step::wait_for(env.monotonic().saturating_add(Duration::from_secs(10)), self.0.bell(), self)
    }
}

impl Flow for Waits {
    type Output = TokenOutcome;

    fn on(self, input: Input<'_>, _: &mut dyn Env) -> Result<Step<Self>, Error> {
        input.woken()?;
        Err(ErrorCode::TOKEN_INVALID_GRANT.into())
    }
}

/// A session whose attempt waits.
fn waiting(env: &mut TestEnv) -> (Session, Tower) {
    const ISSUER: &str = "https://op.example.org";
    let metadata = format!(
        r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t",
            "response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}}"#
    );
    let options = ProviderOptions::new();
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let metadata = ServerMetadata::parse(metadata.as_bytes(), &issuer, &options).unwrap();
    let now = env.now().unix_millis();
    let tokens = TokenSet::from_json(&format!(
        r#"{{"version":1,"issuer":"{ISSUER}","client_id":"app","access_token":"at","token_type":"Bearer",
            "refresh_token":"rt","scope":"a","obtained_at":{now},"expires_at":{}}}"#,
        now + 300_000
    ))
    .unwrap();
    let (provider, client) = (Provider::new(metadata, options), Client::new("app").shared());
    let mut session = Session::new(tokens, 0, provider, client, SessionOptions::default(), env).unwrap();
    let tower = Tower::default();
    session.transition(|_, core| {
        core.attempts.begin();
        core.proceed(Ok(Waits(tower.clone()).step(env).boxed()), Exchange::new(None, env), env)
    });
    (session, tower)
}

fn has_ended(session: &Session) -> bool {
    matches!(session.end(), Some(End::NeedsLogin(error)) if error.code() == ErrorCode::TOKEN_INVALID_GRANT)
}

#[test]
fn an_attempt_waits_until_its_time() {
    let mut env = TestEnv::seeded(1);
    let (mut session, _tower) = waiting(&mut env);
    let until = env.monotonic().saturating_add(Duration::from_secs(10));
    assert_eq!(session.poll_timeout(), Some(until));
    env.clock().advance(Duration::from_millis(9_999));
    session.handle_timeout(&mut env);
    assert!(session.poll_transmit(&mut env).is_none());
    assert!(session.end().is_none() && !session.is_idle());
    // The old token is good meanwhile, and nobody else begins an attempt.
    assert!(matches!(session.access(&mut env), Access::Ready(_)));
    assert_eq!(session.poll_timeout(), Some(until));

    env.clock().advance(Duration::from_millis(1));
    session.handle_timeout(&mut env);
    assert!(has_ended(&session));
}

#[test]
fn a_bell_ends_the_wait_of_an_attempt() {
    let mut env = TestEnv::seeded(1);
    let (mut session, tower) = waiting(&mut env);
    assert!(session.poll_transmit(&mut env).is_none());
    assert!(session.end().is_none());
    tower.ring();
    assert!(session.poll_transmit(&mut env).is_none());
    assert!(has_ended(&session));
}

#[test]
fn a_logout_ends_the_wait_of_an_attempt() {
    let mut env = TestEnv::seeded(1);
    let (mut session, tower) = waiting(&mut env);
    let _ = session.log_out(&mut env);
    tower.ring();
    session.handle_timeout(&mut env);
    assert_eq!((session.end(), session.poll_timeout()), (Some(End::LoggedOut), None));
}
