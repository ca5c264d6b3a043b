//! oidc-proto. Where no signature is verified both backends are one contestant.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use http::Request;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::flow::{CodeExchange, KeysFetch, Refresh, Registration, ServerMetadataFetch};
use oidc_proto::jose::backend::{self, Backend};
use oidc_proto::Prompt;
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{AuthorizationRequest, AuthorizationUrl, Body, Callback, Client, Env, Flow, Issuer, MonotonicTime, PendingAuthorization, Provider, ProviderOptions, RedirectUri, Schemes, Scope, Step, Timestamp, TokenGrant, TokenOutcome, TokenSet};
use oidc_proto::jose::Keys;
use rand_core::{CryptoRng, Infallible, TryCryptoRng, TryRng};

use super::hold;
use crate::case::{Case, Held};
use crate::fixtures::*;

pub(super) const ANY: &str = "oidc-proto (any backend)";

/// The backends and the contestants' names. The first of them is the default one.
pub(super) fn backends() -> impl Iterator<Item = (&'static dyn Backend, &'static str)> {
    backend::compiled().iter().map(|&backend| {
        let who = if format!("{backend:?}") == "AwsLc" { "oidc-proto aws-lc-rs" } else { "oidc-proto rustcrypto" };
        (backend, who)
    })
}

/// The clock stands where the ID tokens are new. What is drawn is fixed, or at least the nonce, which is the tokens'.
struct BenchEnv {
    system: Option<SystemEnv>,
    drawn: usize,
}

impl BenchEnv {
    fn fixed() -> Self {
        Self { system: None, drawn: 0 }
    }

    fn random() -> Self {
        Self { system: Some(SystemEnv::new().expect("entropy")), drawn: 0 }
    }
}

impl Env for BenchEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(ISSUED_AT)
    }

    fn monotonic(&self) -> MonotonicTime {
        MonotonicTime::from_millis(0)
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        self
    }
}

impl TryRng for BenchEnv {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("whole secrets are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("whole secrets are drawn")
    }

    /// A login draws its `state`, its `code_verifier` and its `nonce`, in this order.
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let at = self.drawn % 3;
        self.drawn += 1;
        match &mut self.system {
            Some(system) if at < 2 => system.rng().fill_bytes(out),
            _ => out.copy_from_slice(&[STATE_BYTES, VERIFIER_BYTES, NONCE_BYTES][at]),
        }
        Ok(())
    }
}

impl TryCryptoRng for BenchEnv {}

/// Carries a flow's request out and its response in. What the flow wants next is returned.
fn answer<F: Flow>(
    step: Step<F>,
    env: &mut BenchEnv,
    respond: impl Fn(&Request<Body>) -> http::Response<Vec<u8>>,
) -> Step<F> {
    let Step::Call(call) = step else { panic!("a request to send") };
    let (request, _, awaiting) = call.into_parts();
    awaiting.receive(respond(black_box(&request)), env).expect("the answer is good")
}

fn done<F: Flow>(step: Step<F>) -> F::Output {
    let Step::Done(output) = step else { panic!("nothing left to do") };
    output
}

fn verified(exchanged: TokenOutcome) -> TokenGrant {
    exchanged.verified().expect("good tokens")
}

fn issuer() -> Issuer {
    Issuer::new(ISSUER, Schemes::HttpsOnly).expect("an issuer")
}

fn redirect_uri() -> RedirectUri {
    RedirectUri::new(REDIRECT_URI).expect("a redirect URI")
}

fn request(scope: &str) -> AuthorizationRequest {
    AuthorizationRequest::new(redirect_uri(), Scope::new(scope).expect("a scope"))
}

fn provider() -> Arc<Provider> {
    Provider::from_json(DISCOVERY, &issuer(), ProviderOptions::new()).expect("good metadata")
}

fn client() -> Arc<Client> {
    Client::new(CLIENT_ID).with_redirect_uri(redirect_uri()).shared()
}

pub(super) fn keys(backend: &'static dyn Backend, set: &[u8]) -> Arc<Keys> {
    let fetched_at = Timestamp::from_unix_seconds(ISSUED_AT);
    Arc::new(Keys::parse_with(backend, set, fetched_at).expect("a key set"))
}

/// Provider and client, and logins at them.
pub(super) struct World {
    pub(super) provider: Arc<Provider>,
    pub(super) client: Arc<Client>,
}

impl World {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { provider: provider(), client: client() })
    }

    fn start(&self, redirect_uri: RedirectUri, env: &mut BenchEnv) -> (AuthorizationUrl, PendingAuthorization) {
        AuthorizationRequest::new(redirect_uri, Scope::new(black_box("openid profile email offline_access")).unwrap())
            .login_hint(LOGIN_HINT)
            .prompt(Prompt::Consent)
            .start(&self.provider, &self.client, env)
            .expect("a login")
    }

    /// A login whose callback has come and was checked: its code is to be redeemed next.
    fn checked(&self, scope: &str) -> (PendingAuthorization, oidc_proto::VerifiedCallback) {
        let mut env = BenchEnv::fixed();
        let (_, pending) = request(scope).start(&self.provider, &self.client, &mut env).expect("a login");
        let callback = Callback::from_url(&callback(STATE)).expect("a callback");
        let checked = pending.check(&callback, &self.provider, &env).expect("this login's callback");
        (pending, checked)
    }

    fn redeem(
        &self,
        (pending, checked): (PendingAuthorization, oidc_proto::VerifiedCallback),
        keys: Option<Arc<Keys>>,
        env: &mut BenchEnv,
    ) -> Step<CodeExchange> {
        pending.redeem(checked, &self.provider, &self.client, keys, env).expect("redeemable")
    }

    pub(super) fn tokens(&self, scope: &str, keys: Option<Arc<Keys>>) -> TokenSet {
        let env = &mut BenchEnv::fixed();
        let step = self.redeem(self.checked(scope), keys, env);
        verified(done(answer(step, env, |_| respond(200, Alg::Rs256.token_response())))).tokens
    }
}

/// Without `openid`: the answer is parsed, and its ID token is not looked at.
const OAUTH_SCOPE: &str = "profile email offline_access";

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let world = World::new();
    for (work, env) in
        [("W1-authz-url", BenchEnv::random as fn() -> _), ("W1f-authz-url-fixed-random", BenchEnv::fixed)]
    {
        let (world, redirect_uri) = (world.clone(), redirect_uri());
        cases.push(Case::consuming(work, ANY, env, move |mut env| {
            black_box(world.start(redirect_uri.clone(), &mut env));
        }));
    }
    let issuer = issuer();
    let own = issuer.clone();
    cases.push(Case::new("W2-discovery", ANY, move || {
        let response = respond(200, black_box(DISCOVERY));
        black_box(Provider::from_json(response.body(), &own, ProviderOptions::new()).expect("good metadata"));
    }));
    for (backend, who) in backends() {
        let (issuer, none) = (issuer.clone(), keys(backend, br#"{"keys":[]}"#));
        cases.push(Case::new("W2j-discover+jwks4", who, move || {
            let env = &mut BenchEnv::fixed();
            black_box(discover(&issuer, &none, Alg::Rs256, env));
        }));
    }
    let own = world.clone();
    let checked = move || own.checked(OAUTH_SCOPE);
    let own = world.clone();
    cases.push(Case::consuming("W3-token", ANY, checked, move |login| {
        let env = &mut BenchEnv::fixed();
        let step = own.redeem(login, None, env);
        let exchanged = done(answer(step, env, |_| respond(200, Alg::Rs256.token_response())));
        black_box(verified(exchanged));
    }));
    let own = world.clone();
    let checked = move || own.checked(OAUTH_SCOPE);
    let own = world.clone();
    cases.push(Case::consuming("W3b-token-request-only", ANY, checked, move |login| {
        let Step::Call(call) = own.redeem(login, None, &mut BenchEnv::fixed()) else { panic!("a request") };
        black_box(call.into_parts().0);
    }));
    for (backend, who) in backends() {
        cases.extend(Alg::ALL.map(|alg| verify(&world, backend, who, alg)));
    }
    for (work, set) in [("W5-jwks4", JWKS_4), ("W5-jwks100", JWKS_100)] {
        cases.push(Case::new(work, ANY, move || {
            black_box(Keys::parse(black_box(set), Timestamp::from_unix_seconds(ISSUED_AT)).expect("a key set"));
        }));
    }
    let own = world.clone();
    let tokens = world.tokens(OAUTH_SCOPE, None);
    cases.push(Case::new("W6-refresh", ANY, {
        let tokens = Rc::new(tokens);
        move || {
            let env = &mut BenchEnv::fixed();
            let step = Refresh::start(&tokens, &own.provider, &own.client, None, env).expect("refreshable");
            black_box(verified(done(answer(step, env, |_| respond(200, REFRESH_RESPONSE)))));
        }
    }));
    for (backend, who) in backends() {
        let none = keys(backend, br#"{"keys":[]}"#);
        cases.extend(LOGINS.map(|(work, alg)| {
            let (issuer, none) = (issuer.clone(), none.clone());
            // The operating system is asked for entropy once, as an application does.
            Case::consuming(work, who, BenchEnv::random, move |mut env| {
                black_box(login(&issuer, &none, alg, &mut env));
            })
        }));
    }
    cases
}

/// The whole check of an ID token whose claims were not looked at before, by keys that were used before.
fn verify(world: &Rc<World>, backend: &'static dyn Backend, who: &'static str, alg: Alg) -> Case {
    let world = world.clone();
    let none = keys(backend, br#"{"keys":[]}"#);
    let unverified = move || {
        let env = &mut BenchEnv::fixed();
        let step = world.redeem(world.checked(&SCOPES.join(" ")), Some(none.clone()), env);
        match done(answer(step, env, |_| respond(200, alg.token_response()))) {
            TokenOutcome::Unverified { grant, .. } => grant,
            TokenOutcome::Verified(_) => panic!("without a key?"),
        }
    };
    let keys = keys(backend, JWKS_4);
    Case::consuming(alg.id_token_work(), who, unverified, move |grant| {
        black_box(verified(done(grant.verify(Some(keys.clone()), &mut BenchEnv::fixed()))));
    })
}

/// `none` is an empty set of the backend in question: what is fetched after it inherits the backend.
fn discover(issuer: &Issuer, none: &Arc<Keys>, alg: Alg, env: &mut BenchEnv) -> (Arc<Provider>, Arc<Keys>) {
    let send = |request: &Request<Body>| serve(request.uri().path(), alg);
    let step = ServerMetadataFetch::start(issuer.clone(), ProviderOptions::new()).expect("an issuer");
    let provider = done(answer(step, env, send)).provider;
    let step = KeysFetch::start(&provider, Some(none.clone())).expect("a key set");
    let keys = done(answer(step, env, send)).keys;
    (provider, keys)
}

/// ServerMetadataFetch, keys, registration, the URL, the callback, the code, the ID token.
fn login(issuer: &Issuer, none: &Arc<Keys>, alg: Alg, env: &mut BenchEnv) -> TokenGrant {
    let send = |request: &Request<Body>| serve(request.uri().path(), alg);
    let (provider, keys) = discover(issuer, none, alg, env);
    let redirect_uri = redirect_uri();
    let mut metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
    metadata.client_name = Some("Bench Client".into());
    let step = Registration::start(&provider, metadata).expect("registrable");
    let client = done(answer(step, env, send)).client(std::slice::from_ref(&redirect_uri)).shared();
    let world = World { provider, client };
    let (url, pending) = world.start(redirect_uri, env);
    let state = url.as_str().split_once("&state=").and_then(|(_, rest)| rest.split('&').next()).expect("a state");
    let callback = Callback::from_url(&callback(state)).expect("a callback");
    let checked = pending.check(&callback, &world.provider, env).expect("this login's callback");
    let step = world.redeem((pending, checked), Some(keys), env);
    verified(done(answer(step, env, send)))
}

pub fn held() -> Vec<Held> {
    let world = World::new();
    let redirect_uri = redirect_uri();
    let (backend, _) = backends().next().expect("a backend");
    let scope = SCOPES.join(" ");
    let pending = world.start(redirect_uri.clone(), &mut BenchEnv::fixed()).1;
    let json = serde_json::to_string(&pending).expect("it is made to be stored").len();
    let mut held = vec![
        hold(
            format!("oidc-proto PendingAuthorization ({json} bytes as JSON)"),
            size_of::<PendingAuthorization>(),
            || world.start(redirect_uri.clone(), &mut BenchEnv::fixed()).1,
        ),
        hold("oidc-proto Arc<Provider>", size_of::<Provider>(), provider),
        hold("oidc-proto Arc<Client>", size_of::<Client>(), client),
        hold("oidc-proto TokenSet", size_of::<TokenSet>(), || world.tokens(&scope, Some(keys(backend, JWKS_4)))),
    ];
    for (backend, who) in backends() {
        held.push(hold(format!("{who} Arc<Keys>, 4"), size_of::<Keys>(), || keys(backend, JWKS_4)));
        held.push(hold(format!("{who} Arc<Keys>, 100"), size_of::<Keys>(), || keys(backend, JWKS_100)));
        held.push(hold(format!("{who} Arc<Keys>, 4, one used"), size_of::<Keys>(), || {
            let keys = keys(backend, JWKS_4);
            world.tokens(&scope, Some(keys.clone()));
            keys
        }));
    }
    held
}
