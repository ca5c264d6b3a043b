//! Scenarios in memory.

use std::time::Duration;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::testing::{Disturbance, ExtensionGrant, On, Provider, RegisteredClient, TestEnv};
use oidc_proto::{AuthorizationRequest, Callback, Client, Env as _, ErrorCode, RelyingParty, Scope, TokenSet};
use oidc_proto_downstream::claim;
use oidc_proto_downstream::grant::{JWT_BEARER, JwtBearer};
use oidc_proto_downstream::http_client::Sockets;
use oidc_proto_downstream::queue::Queue;

use crate::world::{listening, redirect_uri, set_up};

const ISSUER: &str = "https://op.example.org";

fn log_in(
    op: &Provider,
    http: &BlockingDriver<impl oidc_proto::adapter::BlockingHttpClient>,
    env: &mut TestEnv,
) -> (RelyingParty, TokenSet) {
    let party = set_up(http, &op.issuer(), env).unwrap();
    let request = AuthorizationRequest::new(redirect_uri(), Scope::new("openid offline_access").unwrap());
    let (url, pending) = party.authorize(request, env).unwrap();
    let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    let step = party.redeem(pending, verified, env).unwrap();
    let tokens = http.run(step, env).unwrap().verified().unwrap().tokens;
    (party, tokens)
}

#[test]
fn a_custom_claim_takes_one_line() {
    let (op, mut env) = (Provider::new(ISSUER), TestEnv::seeded(1));
    op.edit_id_token(|token| token.claim("department", "chemistry"));
    let (_, tokens) = log_in(&op, &BlockingDriver::new(op.http(env.clock())), &mut env);
    assert_eq!(claim::department(tokens.id_token().unwrap()).unwrap(), "chemistry");

    // Without the claim the login is as good; only the question has no response.
    op.honest();
    let (_, tokens) = log_in(&op, &BlockingDriver::new(op.http(env.clock())), &mut env);
    let error = claim::department(tokens.id_token().unwrap()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ID_TOKEN_CLAIMS);
}

#[test]
fn a_custom_http_client_logs_in() {
    let (op, mut env) = (listening(), TestEnv::seeded(1));
    let (_, tokens) = log_in(&op, &BlockingDriver::new(Sockets), &mut env);
    assert_eq!(tokens.subject(), Some("sub-alice"));
    let nobody = set_up(&BlockingDriver::new(Sockets), "http://127.0.0.1:1", &mut env).unwrap_err();
    assert_eq!(nobody.code(), ErrorCode::TRANSPORT_UNREACHABLE);
}

#[test]
fn flows_of_different_kinds_take_turns_in_one_queue() {
    let (op, mut env) = (Provider::new(ISSUER), TestEnv::seeded(1));
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let op = op.with_client(RegisteredClient::public("tv", "http://127.0.0.1:7/cb").with_grant_type(device));
    let http = op.http(env.clock());
    let driver = BlockingDriver::new(http.clone());
    let (party, tokens) = log_in(&op, &driver, &mut env);
    let tv = party.with_client(Client::new("tv"));
    let scope = Scope::new("openid").unwrap();
    let step = tv.authorize_device(scope.clone(), &mut env).unwrap();
    let pending = driver.run(step, &mut env).unwrap();
    let url = pending.verification_uri_complete().unwrap().to_owned();

    // A login that waits for a code to be redeemed, a session that is refreshed, a device that polls.
    let request = AuthorizationRequest::new(redirect_uri(), scope);
    let (browse, login) = party.authorize(request, &mut env).unwrap();
    let callback = Callback::from_url(op.visit(browse.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&login, &callback, env.now()).unwrap();
    let mut queue = Queue::new();
    queue.push("login", party.redeem(login, verified, &mut env).unwrap());
    queue.push("refresh", party.refresh(&tokens, &mut env).unwrap());
    queue.push("device", tv.poll_device(pending, &mut env).unwrap());

    let mut done = Vec::new();
    while !queue.is_empty() {
        if let Some((name, outcome)) = queue.turn(&http, &mut env) {
            assert_eq!(outcome.unwrap().verified().unwrap().tokens.subject(), Some("sub-alice"), "{name}");
            done.push(name);
        }
        if queue.turns.len() == 9 {
            let _ = op.visit(&url, env.now());
        }
        env.clock().advance(Duration::from_millis(500));
        assert!(queue.turns.len() < 200, "somebody never ends");
    }
    assert_eq!(queue.turns[..6], ["login", "refresh", "device", "login", "refresh", "device"], "everyone in turn");
    assert_eq!(done.last(), Some(&"device"), "who waits holds up nobody: {done:?}");
    assert_eq!(done.len(), 3);
}

#[test]
fn an_own_grant_is_an_own_type_and_one_call() {
    let assertion = "eyJhbGciOiJub25lIn0.e30.";
    let app = RegisteredClient::public("app", "http://127.0.0.1:7/cb").with_grant_type(JWT_BEARER);
    let op = Provider::new(ISSUER).with_client(app).with_grant(JWT_BEARER, move |params| {
        let param = |wanted| params.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        match param("assertion") {
            Some(shown) if shown == assertion => {
                Ok(ExtensionGrant::new(param("scope").unwrap_or("")).with_login("alice"))
            }
            _ => Err("invalid_grant"),
        }
    });
    let mut env = TestEnv::seeded(1);
    let http = BlockingDriver::new(op.http(env.clock()));
    let party = set_up(&http, ISSUER, &mut env).unwrap().with_client(Client::new("app"));
    let mut ask = |assertion: &str| {
        let grant = JwtBearer { assertion: assertion.into(), scope: Scope::new("jobs").unwrap() };
        let step = grant.start(&party, &mut env)?;
        http.run(step, &mut env)?.verified()
    };
    let tokens = ask(assertion).unwrap().tokens;
    assert_eq!(tokens.scope().as_str(), "jobs");
    assert_eq!(ask("forged").unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    assert_eq!(op.bearer(tokens.access_token().expose(), env.now()).unwrap().login, "alice");
}

#[test]
fn an_own_flow_embeds_those_of_the_crate() {
    let (op, mut env) = (Provider::new(ISSUER), TestEnv::seeded(1));
    let http = BlockingDriver::new(op.http(env.clock()));
    let party = set_up(&http, ISSUER, &mut env).unwrap();
    assert_eq!(party.provider().issuer().as_str(), ISSUER);
    assert_eq!(party.client().redirect_uris(), [redirect_uri()]);
    assert_eq!(op.requests(), [On::ServerMetadata, On::Register]);

    // A failure of either is a failure of the whole.
    op.disturb(On::Register, Disturbance::Timeout, 1);
    assert_eq!(set_up(&http, ISSUER, &mut env).unwrap_err().code(), ErrorCode::TRANSPORT_TIMEOUT);
    op.disturb(On::ServerMetadata, Disturbance::Timeout, 1);
    assert_eq!(set_up(&http, ISSUER, &mut env).unwrap_err().code(), ErrorCode::TRANSPORT_TIMEOUT);
}
