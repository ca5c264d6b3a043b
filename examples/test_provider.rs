//! Your own code, tested in this process against a provider that does what the test says: a login, a user who says no,
//! a lie, an outage.
//!
//! `cargo run --example test_provider`. In your crate the functions below `main` are `#[test]`s, and `oidc-proto` with the
//! feature `testing` is a dev-dependency.

use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient};
use oidc_proto::testing::{Decision, Disturbance, Lie, On, Provider, RegisteredClient, TestEnv, User};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env, Error, ErrorCode, Issuer, RedirectUri, RelyingParty, Schemes, Scope,
    TokenSet,
};

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";

/// The code under test. It takes its HTTP client, its environment and its browser as arguments.
fn log_in(
    http: impl BlockingHttpClient,
    env: &mut impl Env,
    browse: impl Fn(&str) -> String,
) -> Result<TokenSet, Error> {
    let driver = BlockingDriver::new(http);
    let redirect_uri = RedirectUri::new(REDIRECT_URI)?;
    let client = Client::new("app").with_redirect_uri(redirect_uri.clone());
    let party = driver.run(RelyingParty::discover(Issuer::new(ISSUER, Schemes::HttpsOnly)?, client)?, env)?;
    let (url, pending) = party.authorize(AuthorizationRequest::new(redirect_uri, Scope::new("openid")?), env)?;
    let verified = party.check(&pending, &Callback::from_url(&browse(url.as_str()))?, env.now())?;
    Ok(driver.run(party.redeem(pending, verified, env)?, env)?.verified()?.tokens)
}

fn main() {
    a_user_logs_in();
    a_user_says_no();
    a_token_for_another_login_is_refused();
    an_outage_is_an_error_that_says_so();
    println!("four tests passed");
}

fn a_user_logs_in() {
    let op = provider(User::new("alice"));
    assert_eq!(log_in_at(&op).ok().and_then(|tokens| tokens.subject().map(str::to_owned)), Some("sub-alice".into()));
    // The login sent these requests and no others; `visit` is the browser's.
    assert_eq!(op.requests(), [On::ServerMetadata, On::Authorize, On::Jwks, On::Token]);
}

fn a_user_says_no() {
    let op = provider(User::new("alice").with_decision(Decision::Deny));
    assert_eq!(code(log_in_at(&op)), Some(ErrorCode::AUTHORIZATION_ACCESS_DENIED));
}

fn a_token_for_another_login_is_refused() {
    let op = provider(User::new("alice"));
    op.lie(Lie::NonceWrong);
    assert_eq!(code(log_in_at(&op)), Some(ErrorCode::ID_TOKEN_NONCE_MISMATCH));
}

fn an_outage_is_an_error_that_says_so() {
    let op = provider(User::new("alice"));
    op.disturb(On::Token, Disturbance::Timeout, 1);
    assert_eq!(code(log_in_at(&op)), Some(ErrorCode::TRANSPORT_TIMEOUT));
}

fn provider(user: User) -> Provider {
    Provider::new(ISSUER).with_client(RegisteredClient::public("app", REDIRECT_URI)).with_user(user)
}

fn log_in_at(op: &Provider) -> Result<TokenSet, Error> {
    let mut env = TestEnv::seeded(1);
    let clock = env.clock().clone();
    log_in(op.http(&clock), &mut env, |url| op.visit(url, clock.now()).callback().to_owned())
}

fn code<T>(result: Result<T, Error>) -> Option<ErrorCode> {
    result.err().map(|error| error.code())
}
