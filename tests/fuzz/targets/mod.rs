//! One function per target: bytes in, and nothing may panic, hang or contradict itself.

mod endpoint;
mod json;
mod matrix;
mod qr;
mod script;
pub mod session;

use std::sync::OnceLock;
use std::time::Duration;

use http::{HeaderValue, Response};
use oidc_proto::Challenge;
use oidc_proto::PendingDevice;
use oidc_proto::flow::{GrantRequest, Registration, ServerMetadataFetch, TokenRequest};
use oidc_proto::jose::Keys;
use oidc_proto::jose::{Jws, supported};
use oidc_proto::testing::TestEnv;
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, ClientAuth, Env, Error, Failure, FailureKind, Family, IdTokenTrust,
    Issuer, PendingAuthorization, PendingLogout, Policy, Provider, ProviderOptions, RedirectUri, Registrations,
    RelyingParty, Schemes, Scope, Sent, ServerMetadata, Step, TokenOutcome, TokenSet,
};

use script::{Script, drive, quiet};

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("metadata", metadata),
    ("endpoint", endpoint::endpoint),
    ("json", json::json),
    ("jwks", jwks),
    ("jws", jws),
    ("id_token", id_token),
    ("logout_token", logout_token),
    ("callback", callback),
    ("token_response", token_response),
    ("registration", registration),
    ("www_authenticate", www_authenticate),
    ("device", device),
    ("pending", pending),
    ("registrations", registrations),
    ("flow", flow),
    ("session", session::session),
    ("homeserver", matrix::homeserver),
    ("matrix_stored", matrix::stored),
    ("qr_code", qr::code),
    ("qr_channel", qr::channel),
    ("qr_rendezvous", qr::rendezvous),
];

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(own, _)| *own == name).expect("a target of this name");
    target(data);
}

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";

/// What every target starts from.
struct World {
    metadata: ServerMetadata,
    jwks: Vec<u8>,
    keys: Keys,
    /// Believes ID tokens without their signatures, so that the fuzzer reaches the claims.
    trusting: Client,
    verifying: Client,
    tokens: TokenSet,
}

impl World {
    /// The provider as nobody has used it yet: what one input brings about must not reach the next.
    fn provider(&self) -> Provider {
        Provider::new(self.metadata.clone(), ProviderOptions::new())
    }

    /// A client at it. Its keys are there, and no flow begins with them.
    fn party(&self, client: &Client, env: &TestEnv) -> RelyingParty {
        let provider = self.provider();
        provider.supply_keys(&self.jwks, env.now(), env).unwrap();
        RelyingParty::new(provider, client.clone())
    }

    fn party_without_keys(&self, client: &Client) -> RelyingParty {
        RelyingParty::new(self.provider(), client.clone())
    }
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let mut env = TestEnv::seeded(1);
        let op = oidc_proto::testing::Provider::new(ISSUER);
        let http = oidc_proto::adapter::BlockingDriver::new(op.http(env.clock()));
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
        let provider =
            http.run(ServerMetadataFetch::start(issuer, ProviderOptions::new()).unwrap(), &mut env).unwrap().provider;
        let jwks = http::Request::get(format!("{ISSUER}/jwks")).body(Vec::new()).unwrap();
        let jwks = op.handle(jwks, env.now()).into_body();
        let keys = Keys::parse(&jwks, env.now()).unwrap();
        let redirect_uri = RedirectUri::new(REDIRECT_URI).unwrap();
        let metadata = ClientMetadata::new(ApplicationType::Web, vec![redirect_uri.clone()]);
        let registered = http.run(Registration::start(&provider, metadata).unwrap(), &mut env).unwrap();
        let verifying = registered.client(&[redirect_uri]);
        let trusting = verifying.clone().with_id_token_trust(IdTokenTrust::DangerousTrustTls);
        let party = RelyingParty::new(provider.clone(), verifying.clone());
        let (url, pending) = party.authorize(request(), &mut env).unwrap();
        let landing = op.visit(url.as_str(), env.now());
        let callback = Callback::from_url(landing.callback()).unwrap();
        let verified = party.check(&pending, &callback, env.now()).unwrap();
        let step = party.redeem(pending, verified, &mut env).unwrap();
        let tokens = http.run(step, &mut env).unwrap().verified().unwrap().tokens;
        World { metadata: provider.metadata().clone(), jwks, keys, trusting, verifying, tokens }
    })
}

fn request() -> AuthorizationRequest {
    AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), Scope::new("openid").unwrap())
}

/// A login that is about to be redeemed, by a client that trusts TLS or verifies.
fn redeeming(party: &RelyingParty, env: &mut TestEnv) -> Step<TokenRequest> {
    let (url, pending) = party.authorize(request(), env).unwrap();
    let state = url.as_str().split_once("&state=").unwrap().1.split('&').next().unwrap();
    let callback = Callback::from_query(&format!("code=c&state={state}&iss={ISSUER}")).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    party.redeem(pending, verified, env).unwrap()
}

/// Answers a flow's first request with a JSON body, and all later ones with nothing.
fn answer<F: oidc_proto::Flow>(step: Step<F>, body: &[u8], env: &mut TestEnv) -> Result<F::Output, Error> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    let Step::Call(call) = step else { panic!("the first step is a call") };
    let (_, _, awaiting) = call.into_parts();
    let mut step = awaiting.receive(response, env)?;
    for _ in 0..8 {
        step = match step {
            Step::Call(call) => {
                let (_, _, awaiting) = call.into_parts();
                awaiting.fail(Failure::new(FailureKind::Timeout, Sent::Maybe), env)?
            }
            Step::Wait(_) | Step::UseKey(_) => panic!("neither waits nor signs"),
            Step::Done(output) => return Ok(output),
        };
    }
    panic!("goes round in circles")
}

fn metadata(data: &[u8]) {
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    if let Ok(metadata) = ServerMetadata::parse(data, &issuer, &ProviderOptions::new()) {
        assert_eq!(metadata.issuer, issuer);
        assert!(metadata.token_endpoint.is_https());
    }
}

fn jwks(data: &[u8]) {
    let now = TestEnv::seeded(1).now();
    if let Ok(keys) = Keys::parse(data, now) {
        assert!(keys.len() <= 100);
        for key in keys.iter() {
            let _ = (key.key_id(), key.public_key().map(|key| key.thumbprint()));
        }
        // Every key is asked once.
        for (algorithm, signature) in [("RS256", 256), ("ES256", 64), ("EdDSA", 64)] {
            let token =
                format!("{}.e30.{}", encode(&format!(r#"{{"alg":"{algorithm}"}}"#)), "A".repeat(signature * 4 / 3 + 1));
            if let Ok(jws) = Jws::parse(&token) {
                let family = jws.verify(&keys, supported()).expect_err("nobody signed this").family();
                assert!(matches!(family, Family::Signature | Family::Keys), "{family:?}");
            }
        }
    }
}

fn jws(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(jws) = Jws::parse(text) {
        let _ = (jws.payload().is_ok(), jws.key_id(), jws.typ());
        let _ = jws.verify(&world().keys, supported());
    }
}

/// Unpadded base64url, by hand: the targets take no library for it.
fn encode(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * i)) as usize & 63]));
        }
    }
    out
}

/// The claims of an ID token.
fn id_token(data: &[u8]) {
    let Ok(claims) = std::str::from_utf8(data) else { return };
    let token = format!("{}.{}.AAAA", encode(r#"{"alg":"RS256"}"#), encode(claims));
    let body = format!(r#"{{"access_token":"a","token_type":"Bearer","id_token":"{token}"}}"#);
    let mut env = TestEnv::seeded(1);
    let party = world().party(&world().trusting, &env);
    let exchanged = answer(redeeming(&party, &mut env), body.as_bytes(), &mut env);
    if let Ok(TokenOutcome::Verified(granted)) = exchanged {
        let id_token = granted.tokens.id_token().unwrap();
        assert_eq!(id_token.issuer(), ISSUER);
        assert!(!id_token.subject().is_empty() && id_token.expires_at() > oidc_proto::Timestamp::from_unix_millis(0));
        let stored = serde_json::to_string(&granted.tokens).unwrap();
        assert_eq!(TokenSet::from_json(&stored).unwrap().subject(), granted.tokens.subject());
    }
}

/// A logout request, and the claims of a logout token.
fn logout_token(data: &[u8]) {
    let mut env = TestEnv::seeded(1);
    let mut take = |body: &[u8]| {
        let party = world().party(&world().verifying, &env);
        // At most the keys are fetched once more, and then they do not verify it either.
        if let Ok(step) = party.back_channel_logout(body, &mut env) {
            let family = answer(step, &world().jwks, &mut env).expect_err("nobody signed this").family();
            assert!(matches!(family, Family::Signature | Family::Keys | Family::Claims), "{family:?}");
        }
    };
    take(data);
    if let Ok(claims) = std::str::from_utf8(data) {
        take(format!("logout_token={}.{}.AAAA", encode(r#"{"alg":"RS256"}"#), encode(claims)).as_bytes());
    }
}

fn callback(data: &[u8]) {
    let mut env = TestEnv::seeded(1);
    let party = world().party_without_keys(&world().verifying);
    let (_, pending) = party.authorize(request(), &mut env).unwrap();
    let text = String::from_utf8_lossy(data);
    let callbacks = [
        Callback::from_url(&text),
        Callback::from_url(&format!("{REDIRECT_URI}?{text}")),
        Callback::from_query(&text),
        Callback::from_fragment(&text),
        Callback::from_form_post(data),
    ];
    for callback in callbacks.into_iter().flatten() {
        let error = party.check(&pending, &callback, env.now()).expect_err("nobody knows the state");
        assert_eq!(error.family(), Family::Callback, "{error}");
    }
}

fn token_response(data: &[u8]) {
    for (client, verifies) in [(&world().verifying, true), (&world().trusting, false)] {
        let mut env = TestEnv::seeded(1);
        let party = world().party(client, &env);
        let exchanged = answer(redeeming(&party, &mut env), data, &mut env);
        if let (Ok(TokenOutcome::Verified(_)), true) = (exchanged, verifies) {
            panic!("nobody signed an ID token for this login");
        }
    }
    let mut env = TestEnv::seeded(2);
    let World { verifying, tokens, .. } = world();
    let step = world().party(verifying, &env).refresh(tokens, &mut env).unwrap();
    if let Ok(TokenOutcome::Verified(granted)) = answer(step, data, &mut env) {
        assert_eq!(granted.tokens.subject(), tokens.subject());
        assert!(granted.tokens.access_token().bearer().is_sensitive());
    }
}

fn registration(data: &[u8]) {
    let metadata = ClientMetadata::new(ApplicationType::Web, vec![RedirectUri::new(REDIRECT_URI).unwrap()]);
    let step = Registration::start(&world().provider(), metadata.clone()).unwrap();
    let mut env = TestEnv::seeded(1);
    if let Ok(registered) = answer(step, data, &mut env) {
        let issuer = &world().metadata.issuer;
        let mut all = Registrations::default();
        all.insert(issuer, &metadata, registered.clone());
        let again = Registrations::from_json(&serde_json::to_string(&all).unwrap()).unwrap();
        assert_eq!(again.by_client_id(issuer, registered.client_id()).unwrap().client_id(), registered.client_id());
    }
}

fn www_authenticate(data: &[u8]) {
    let mut headers = http::HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append("www-authenticate", value);
        }
    }
    assert!(Challenge::parse_all(&headers).len() <= 16);
}

fn device(data: &[u8]) {
    let mut env = TestEnv::seeded(1);
    let party = world().party_without_keys(&world().verifying);
    let step = party.authorize_device(Scope::new("openid").unwrap(), &mut env).unwrap();
    if let Ok(pending) = answer(step, data, &mut env) {
        assert!(
            pending.interval() >= Duration::from_secs(1) && !pending.user_code().contains(|c: char| c.is_control())
        );
        let again = PendingDevice::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
        assert_eq!(again.user_code(), pending.user_code());
        let _ = party.poll_device(pending, &mut env);
    }
}

fn pending(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(pending) = PendingAuthorization::from_json(text) {
        let again = serde_json::to_string(&pending).unwrap();
        assert_eq!(PendingAuthorization::from_json(&again).unwrap().key(), pending.key());
    }
    if let Ok(pending) = PendingDevice::from_json(text) {
        PendingDevice::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
    }
    if let Ok(pending) = PendingLogout::from_json(text) {
        PendingLogout::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
    }
    if let Ok(tokens) = TokenSet::from_json(text) {
        TokenSet::from_json(&serde_json::to_string(&tokens).unwrap()).unwrap();
        let mut env = TestEnv::seeded(1);
        let _ = world().party_without_keys(&world().verifying).refresh(&tokens, &mut env);
    }
}

fn registrations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(all) = Registrations::from_json(text) {
        let again = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::to_string(&Registrations::from_json(&again).unwrap()).unwrap(), again);
    }
}

/// Any flow, driven by any responses, failures and waits: it never panics, and no error shows a secret.
fn flow(data: &[u8]) {
    let World { trusting, verifying, tokens, .. } = world();
    let mut script = Script(data);
    let mut env = TestEnv::seeded(1);
    let choice = script.byte();
    let client = if choice & 0x80 == 0 { verifying } else { trusting };
    let has_keys = choice & 0x40 == 0;
    let party = if has_keys { world().party(client, &env) } else { world().party_without_keys(client) };
    let provider = party.provider();
    let scope = Scope::new("openid").unwrap();
    let secret = Client::new("c").with_auth(ClientAuth::SecretJwt("CLIENTSECRET".into()));
    let step = match choice & 15 {
        0 => quiet(ServerMetadataFetch::start(provider.issuer().clone(), ProviderOptions::new())),
        1 => quiet(party.fetch_keys(&mut env)),
        2 => quiet(Registration::start(provider, ClientMetadata::new(ApplicationType::Web, Vec::new()))),
        3 => quiet(Ok(redeeming(&party, &mut env))),
        4 => quiet(party.refresh(tokens, &mut env)),
        5 => quiet(party.userinfo(tokens, &mut env)),
        6 => quiet(party.revoke(tokens, &mut env)),
        7 => quiet(party.authorize_device(scope, &mut env)),
        8 => quiet(party.push(request(), &mut env)),
        9 => quiet(party.with_client(secret).request_tokens(GrantRequest::client_credentials(), &mut env)),
        10 => {
            let waiting = r#"{"version":1,"issuer":"https://op.example.org","client_id":"CLIENT","scope":"openid","device_code":"DEVICECODE","user_code":"A","verification_uri":"https://op.example.org/link","interval_seconds":5,"expires_at":99999999999999}"#;
            let waiting = waiting.replace("CLIENT", client.id());
            quiet(party.poll_device(PendingDevice::from_json(&waiting).unwrap(), &mut env))
        }
        _ => quiet(party.call(
            http::Request::get("https://rs.example.org/").body(Body::default()).unwrap(),
            Policy::read(1024, oidc_proto::Accept::Any),
            tokens,
            &mut env,
        )),
    };
    if let Some(step) = step {
        drive(step, script, env, &["CLIENTSECRET", "DEVICECODE", tokens.access_token().expose()]);
    }
}
