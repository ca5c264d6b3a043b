//! A whole course: registration, login, userinfo, refresh, stored values, logout, a logout that the provider tells of,
//! another login by device. It notes each secret on its way.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Response};
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::testing::{Clock, Lie, Provider, TestEnv};
use oidc_proto::{
    ApplicationType, AuthMethod, AuthorizationRequest, Body, Callback, ClientMetadata, DpopKey, EndSessionRequest,
    Env as _, ErrorCode, Failure, GrantType, Issuer, PendingAuthorization, PendingDevice, Policy, RedirectUri,
    RelyingParty, Schemes, Scope, TokenOutcome, TokenSet,
};

use crate::watch::unwatched;

pub(crate) const ISSUER: &str = "https://op.example.org";
pub(crate) const REDIRECT: &str = "https://app.example.org/cb";

/// How the client authenticates, and whether its tokens are bound to a key.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// At the token endpoint.
    pub method: AuthMethod,
    /// Bound by DPoP, with nonces, and the request pushed.
    pub is_bound: bool,
    /// Whether the provider writes escapes where it need not, in JSON and in the callback.
    pub is_escaped: bool,
    /// Whether registrations need an initial access token; the first one has a wrong one, and is refused.
    pub has_initial_token: bool,
}

impl Kind {
    /// Unbound, without escapes, with a registration for everybody.
    pub fn by(method: AuthMethod) -> Self {
        Self { method, is_bound: false, is_escaped: false, has_initial_token: false }
    }
}

/// Each secret, and what it is.
pub type Secrets = BTreeMap<String, String>;

pub(crate) type Noted = Rc<RefCell<Secrets>>;

/// An HTTP client that reaches the provider, and notes the secrets that it carries.
pub(crate) struct Carrier {
    provider: Provider,
    clock: Clock,
    secrets: Noted,
    is_escaped: bool,
}

impl Carrier {
    pub(crate) fn new(provider: &Provider, env: &TestEnv, secrets: &Noted) -> Self {
        Self { provider: provider.clone(), clock: env.clock().clone(), secrets: secrets.clone(), is_escaped: false }
    }
}

/// Parameters and members that are secret.
const NAMES: [&str; 12] = [
    "access_token",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "id_token",
    "logout_token",
    "refresh_token",
    "registration_access_token",
    "state",
    "token",
];

fn note_form(secrets: &Noted, form: &[u8]) {
    let pairs = url::form_urlencoded::parse(form).into_owned().filter(|(name, _)| NAMES.contains(&name.as_str()));
    secrets.borrow_mut().extend(pairs.map(|(name, value)| (value, name)));
}

impl BlockingHttpClient for Carrier {
    fn call(&self, request: Request<Body>, _: Policy) -> Result<Response<Vec<u8>>, Failure> {
        unwatched(|| {
            note_form(&self.secrets, request.body().as_ref());
            if let Some(value) = request.headers().get("authorization").and_then(|value| value.to_str().ok()) {
                self.secrets
                    .borrow_mut()
                    .extend(value.split_once(' ').map(|(how, value)| (value.to_owned(), how.to_owned())));
            }
            let mut response = self.provider.exchange(request, self.clock.now())?;
            if let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(response.body()) {
                let texts = members.iter().filter(|(name, _)| NAMES.contains(&name.as_str()));
                self.secrets
                    .borrow_mut()
                    .extend(texts.filter_map(|(name, value)| Some((value.as_str()?.to_owned(), name.clone()))));
            }
            if self.is_escaped {
                let text = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
                *response.body_mut() = text.replace('_', "\\u005f").into_bytes();
            }
            Ok(response)
        })
    }
}

fn key(seed: u8) -> PrivateKey {
    let header = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let key = SigningKey::from_pkcs8_der(Algorithm::EdDsa, &[header, &[seed; 32][..]].concat(), Some("k")).unwrap();
    PrivateKey::local(key)
}

/// For registrations.
const INITIAL_TOKEN: &str = "initial-access-token-of-the-client";
const WRONG_TOKEN: &str = "initial-access-token-of-another-client";

/// Goes the whole way. Returns the secrets; the same each time.
pub fn course(kind: Kind) -> Secrets {
    let secrets = unwatched(Noted::default);
    let mut env = unwatched(|| TestEnv::seeded(3));
    let provider = unwatched(|| {
        let provider = Provider::new(ISSUER).with_seed(4).with_dpop_nonce(kind.is_bound);
        if kind.has_initial_token { provider.with_initial_access_token(INITIAL_TOKEN) } else { provider }
    });
    let sleep = env.clock().clone();
    let carrier = || Carrier { is_escaped: kind.is_escaped, ..Carrier::new(&provider, &env, &secrets) };
    let http = BlockingDriver::new(unwatched(carrier)).with_sleep(move |pause| sleep.advance(pause));

    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let found = http.run(ServerMetadataFetch::start(issuer, Default::default()).unwrap(), &mut env).unwrap();
    let redirect = RedirectUri::new(REDIRECT).unwrap();
    let metadata =
        ClientMetadata::new(ApplicationType::Web, vec![redirect.clone()]).with_grant_type(GrantType::DeviceCode);
    let metadata = match kind.method {
        AuthMethod::PrivateKeyJwt => metadata.with_private_key(key(8)).unwrap(),
        method => metadata.with_token_endpoint_auth_method(method),
    };
    let started = if kind.has_initial_token {
        let refused = Registration::start_with_token(&found.provider, metadata.clone(), WRONG_TOKEN.into()).unwrap();
        let refused = http.run(refused, &mut env).map(drop).map_err(|error| error.code());
        assert_eq!(refused, Err(ErrorCode::REGISTRATION_DENIED));
        Registration::start_with_token(&found.provider, metadata, INITIAL_TOKEN.into())
    } else {
        Registration::start(&found.provider, metadata)
    };
    let registered = http.run(started.unwrap(), &mut env).unwrap();
    let mut client = registered.client(std::slice::from_ref(&redirect));
    if kind.is_bound {
        client = client.with_dpop(DpopKey::new(key(9)).unwrap());
    }
    let party = RelyingParty::new(found.provider, client);

    let request = AuthorizationRequest::new(redirect, Scope::new("openid profile").unwrap());
    let (url, pending) = if kind.is_bound {
        http.run(party.push(request, &mut env).unwrap(), &mut env).unwrap()
    } else {
        party.authorize(request, &mut env).unwrap()
    };
    // What the application does with the URL is its own.
    let callback = unwatched(|| {
        note_form(&secrets, url.as_str().split_once('?').unwrap().1.as_bytes());
        let callback = provider.visit(url.as_str(), env.now()).callback().to_owned();
        note_form(&secrets, callback.split_once('?').unwrap().1.as_bytes());
        if kind.is_escaped { callback.replace('_', "%5F") } else { callback }
    });
    drop(url);
    let stored_login = unwatched(|| serde_json::to_string(&pending).unwrap());
    drop(pending);
    let pending = PendingAuthorization::from_json(&stored_login).unwrap();
    let parsed = Callback::from_url(&callback).unwrap();
    let verified = party.check(&pending, &parsed, env.now()).unwrap();
    drop(parsed);
    let redeemed = party.redeem(pending, verified, &mut env).unwrap();
    let tokens = http.run(redeemed, &mut env).unwrap().verified().unwrap().tokens;
    let userinfo = http.run(party.userinfo(&tokens, &mut env).unwrap(), &mut env).unwrap();
    drop(userinfo);
    let stored = unwatched(|| serde_json::to_string(&tokens).unwrap());
    drop(tokens);
    let tokens = TokenSet::from_json(&stored).unwrap();
    let refreshed = http.run(party.refresh(&tokens, &mut env).unwrap(), &mut env).unwrap();
    drop(tokens);
    let tokens = refreshed.verified().unwrap().tokens;
    // Without an access token, and so are its tokens revoked.
    unwatched(|| provider.lie(Lie::TokenAbsent));
    let refreshed = http.run(party.refresh(&tokens, &mut env).unwrap(), &mut env).unwrap();
    let TokenOutcome::Unverified { tokens: unusable, .. } = refreshed else { panic!("there is no access token") };
    http.run(unusable.revoke(&mut env).unwrap(), &mut env).unwrap();
    unwatched(|| provider.honest());
    let hinted = EndSessionRequest::new().with_id_token_hint(tokens.id_token().unwrap());
    drop(party.end_session(hinted, &mut env).unwrap());
    http.run(party.revoke(&tokens, &mut env).unwrap(), &mut env).unwrap();
    let told = unwatched(|| {
        let told = provider.logout_request(party.client().id(), "alice", env.now());
        note_form(&secrets, told.as_bytes());
        told
    });
    let logout = party.back_channel_logout(told.as_bytes(), &mut env).unwrap();
    assert_eq!(http.run(logout, &mut env).unwrap().subject(), Some("sub-alice"));
    // On another device; the tokens come with an ID token that is wrong.
    let scope = Scope::new("openid").unwrap();
    let pending = http.run(party.authorize_device(scope, &mut env).unwrap(), &mut env).unwrap();
    let stored_device = unwatched(|| serde_json::to_string(&pending).unwrap());
    drop(pending);
    let pending = PendingDevice::from_json(&stored_device).unwrap();
    unwatched(|| provider.lie(Lie::SignatureWrong));
    let polled = http.run(party.poll_device(pending, &mut env).unwrap(), &mut env).unwrap();
    let TokenOutcome::Unverified { tokens: unverified, .. } = polled else { panic!("the ID token is wrong") };
    http.run(unverified.revoke(&mut env).unwrap(), &mut env).unwrap();
    drop((tokens, party));
    unwatched(|| {
        drop((http, provider, stored_login, stored_device, stored, callback, told));
        let mut secrets = secrets.take();
        // What is in a Basic header.
        let basic = secrets.iter().filter(|(_, name)| *name == "Basic");
        let basic: Vec<_> = basic.map(|(text, _)| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()).collect();
        secrets.extend(basic.into_iter().map(|joined| (joined, "client_secret".to_owned())));
        secrets
    })
}
