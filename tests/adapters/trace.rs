//! The events for `tracing`: stable names, and nothing secret in them.
#![cfg(feature = "tracing")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::adapter::session::BlockingSession;
use oidc_proto::adapter::store::NoStore;
use oidc_proto::session::{Session, SessionOptions};
use oidc_proto::testing::{Disturbance, On, Provider, RegisteredClient, TestEnv, User};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, ErrorCode, Issuer, RedirectUri, RelyingParty, Schemes, Scope,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Each event in a line: its name and its fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {field}={value}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "oidc_proto"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        panic!("there are no spans")
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().name().to_owned());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";

#[test]
fn what_is_done_is_traced_and_nothing_secret() {
    let op =
        Provider::new(ISSUER).with_client(RegisteredClient::public("app", REDIRECT_URI)).with_user(User::new("alice"));
    let mut env = TestEnv::seeded(1);
    let clock = env.clock().clone();
    let (lines, driver) = (Lines::default(), BlockingDriver::new(op.http(&clock)));
    let secrets = tracing::subscriber::with_default(lines.clone(), || {
        let redirect_uri = RedirectUri::new(REDIRECT_URI).unwrap();
        let client = Client::new("app").with_redirect_uri(redirect_uri.clone());
        let step = RelyingParty::discover(Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap(), client).unwrap();
        let party = driver.run(step, &mut env).unwrap();
        let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid").unwrap());
        let (url, pending) = party.authorize(request, &mut env).unwrap();
        let callback = op.visit(url.as_str(), clock.now()).callback().to_owned();
        let verified = party.check(&pending, &Callback::from_url(&callback).unwrap(), env.now()).unwrap();
        let tokens = driver.run(party.redeem(pending, verified, &mut env).unwrap(), &mut env).unwrap();
        let tokens = tokens.verified().unwrap().tokens;
        let mut secrets = vec![url.as_str().to_owned(), callback, tokens.access_token().expose().to_owned()];
        secrets.push(tokens.refresh_token().unwrap().expose().to_owned());

        op.disturb(On::Token, Disturbance::Unreachable, 1);
        let lost = driver.run(party.refresh(&tokens, &mut env).unwrap(), &mut env).unwrap_err();
        assert_eq!(lost.code(), ErrorCode::TRANSPORT_UNREACHABLE);
        let session = Session::new(tokens, None, party, SessionOptions::default(), &mut env).unwrap();
        let session = BlockingSession::new(session, op.http(&clock), NoStore, env.clone()).unwrap();
        op.disturb(On::Token, Disturbance::status(503), 1);
        let failed = session.refresh(Duration::from_secs(5)).unwrap_err();
        assert_eq!(failed.error().unwrap().code(), ErrorCode::HTTP_SERVER_ERROR);
        clock.advance(Duration::from_secs(2));
        let mut events = session.subscribe();
        while events.wait(Duration::ZERO).is_some() {}
        let fresh = session.refresh(Duration::from_secs(5)).unwrap();
        assert!(events.wait(Duration::ZERO).is_some());
        secrets.push(fresh.expose().to_owned());
        secrets
    });
    let lines = lines.0.lock().unwrap();
    let get = "oidc_proto.request method=GET server=op.example.org";
    let post = "oidc_proto.request method=POST server=op.example.org";
    let answered = "oidc_proto.response server=op.example.org status=200";
    assert_eq!(
        *lines,
        [
            get,
            answered,
            get,
            answered,
            post,
            answered,
            post,
            "oidc_proto.failure server=op.example.org kind=unreachable text=",
            "oidc_proto.error code=transport.unreachable endpoint=token_endpoint",
            post,
            "oidc_proto.response server=op.example.org status=503",
            "oidc_proto.error code=http.server_error endpoint=token_endpoint",
            "oidc_proto.session event=backing_off issuer=https://op.example.org code=http.server_error",
            post,
            answered,
            "oidc_proto.session event=tokens_refreshed issuer=https://op.example.org code=",
        ]
    );
    for line in lines.iter() {
        assert!(!secrets.iter().any(|secret| line.contains(secret)), "{line}");
    }
}
