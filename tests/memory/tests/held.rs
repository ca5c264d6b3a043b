//! How much memory a session takes that does nothing, with its tokens.

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::session::{Session, SessionOptions};
use oidc_proto::testing::{Clock, Provider, RegisteredClient, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, Issuer, RedirectUri, RelyingParty, Schemes, Scope, TokenSet,
};
use oidc_proto_memory::watch::live;

const ISSUER: &str = "https://op.example.org";
const REDIRECT: &str = "https://app.example.org/cb";

/// As large as access tokens are that are signed.
const ACCESS_TOKEN: usize = 700;

const SESSIONS: usize = 1000;

fn login(env: &mut TestEnv) -> (RelyingParty, TokenSet) {
    let op = Provider::new(ISSUER).with_client(RegisteredClient::public("app", REDIRECT));
    let driver = BlockingDriver::new(op.http(env.clock()));
    let client = Client::new("app").with_redirect_uri(RedirectUri::new(REDIRECT).unwrap());
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let party = driver.run(RelyingParty::discover(issuer, client).unwrap(), env).unwrap();
    let scope = Scope::new("openid email profile offline_access").unwrap();
    let request = AuthorizationRequest::new(RedirectUri::new(REDIRECT).unwrap(), scope);
    let (url, pending) = party.authorize(request, env).unwrap();
    let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    let step = party.redeem(pending, verified, env).unwrap();
    let tokens = driver.run(step, env).unwrap().verified().unwrap().tokens;
    (party, tokens)
}

#[test]
fn an_idle_session_takes_1500_bytes_with_its_tokens_but_the_text_of_its_id_token() {
    let mut env = TestEnv::with_clock(7, Clock::new());
    let (party, tokens) = login(&mut env);
    let text = tokens.id_token().unwrap().expose().len();
    let mut stored = serde_json::to_value(&tokens).unwrap();
    stored["access_token"] = "x".repeat(ACCESS_TOKEN).into();
    let stored = stored.to_string();
    let mut held = |options: SessionOptions| {
        let (sessions, bytes) = live(|| {
            let mut sessions = Vec::with_capacity(SESSIONS);
            for _ in 0..SESSIONS {
                let tokens = TokenSet::from_json(&stored).unwrap();
                sessions.push(Session::new(tokens, None, party.clone(), options, &mut env).unwrap());
            }
            sessions
        });
        assert_eq!(sessions.len(), SESSIONS);
        bytes / SESSIONS
    };
    let whole = held(SessionOptions::default());
    let bare = held(SessionOptions::default().with_id_token_text(false));
    println!("with the text of {text} bytes: {whole}; without: {bare}; of this the access token: {ACCESS_TOKEN}");
    assert!(whole - bare >= text, "{whole} {bare} {text}");
    assert!(bare <= 1500, "{bare}");
}
