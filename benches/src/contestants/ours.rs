//! oidc-proto. Where no signature is verified both backends are one contestant.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use http::Request;
use oidc_proto::Prompt;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::flow::{Registration, ServerMetadataFetch, TokenRequest};
use oidc_proto::jose::backend::{self, Backend, VerifyingKey};
use oidc_proto::jose::{Algorithm, Algorithms, Keys, PublicKey, supported};
use oidc_proto::{ApplicationType, ClientMetadata, ErrorCode};
use oidc_proto::{
    AuthorizationRequest, AuthorizationUrl, Body, Callback, Client, Env, Flow, Issuer, MonotonicTime,
    PendingAuthorization, Provider, ProviderOptions, RedirectUri, RelyingParty, Schemes, Scope, Step, Timestamp,
    TokenGrant, TokenOutcome, TokenSet, VerifiedCallback,
};
use rand_core::{CryptoRng, Infallible, TryCryptoRng, TryRng};

use super::hold;
use crate::case::{Case, Held};
use crate::fixtures::*;

pub(super) const ANY: &str = "oidc-proto (any backend)";

/// A library for signatures. `None` is the default one, which an application need not name.
type Chosen = Option<&'static dyn Backend>;

/// The backends and the contestants' names. The first of them is the default one, but for Ed25519 where there are two.
pub(super) fn backends() -> impl Iterator<Item = (Chosen, &'static str)> {
    backend::compiled().iter().enumerate().map(|(at, &backend)| {
        let who = if format!("{backend:?}") == "AwsLc" { "oidc-proto aws-lc-rs" } else { "oidc-proto rustcrypto" };
        ((at > 0).then_some(backend), who)
    })
}

/// Takes every signature for a good one: what is left is the cost of everything else.
#[derive(Debug)]
struct AnySignature;

impl Backend for AnySignature {
    fn algorithms(&self) -> Algorithms {
        supported()
    }

    fn parse(&self, _: &PublicKey) -> Option<Box<dyn VerifyingKey>> {
        Some(Box::new(Self))
    }

    fn half_hash(&self, algorithm: Algorithm, ascii: &str) -> String {
        backend::default().expect("a backend").half_hash(algorithm, ascii)
    }
}

impl VerifyingKey for AnySignature {
    fn verify(&self, _: Algorithm, _: &[u8], _: &[u8]) -> Result<(), ErrorCode> {
        Ok(())
    }
}

/// The clock stands where the ID tokens are new. What is drawn is fixed, or at least the nonce, which is the tokens'.
struct BenchEnv {
    system: Option<SystemEnv>,
    drawn: usize,
    now: u64,
}

impl BenchEnv {
    fn fixed() -> Self {
        Self { system: None, drawn: 0, now: ISSUED_AT }
    }

    fn random() -> Self {
        Self { system: Some(SystemEnv::new().expect("entropy")), ..Self::fixed() }
    }

    /// The clock stands where the ID tokens have expired long since.
    fn late() -> Self {
        Self { now: ISSUED_AT + 30 * 24 * 3600, ..Self::fixed() }
    }
}

impl Env for BenchEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.now)
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
    awaiting.receive(respond(black_box(&request)), env).expect("the response is good")
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

fn provider() -> Provider {
    Provider::from_json(DISCOVERY, &issuer(), ProviderOptions::new()).expect("good metadata")
}

/// The same provider with its signatures verified by this backend.
fn by(provider: Provider, backend: Chosen) -> Provider {
    match backend {
        Some(backend) => provider.with_backend(backend),
        None => provider,
    }
}

fn client() -> Client {
    Client::new(CLIENT_ID).with_redirect_uri(redirect_uri())
}

fn keys(backend: Chosen, set: &[u8]) -> Arc<Keys> {
    let fetched_at = Timestamp::from_unix_seconds(ISSUED_AT);
    let keys = match backend {
        Some(backend) => Keys::parse_with(backend, set, fetched_at),
        None => Keys::parse(set, fetched_at),
    };
    Arc::new(keys.expect("a key set"))
}

/// A client at the provider, and logins.
pub(super) struct World {
    pub(super) party: RelyingParty,
}

impl World {
    /// The keys are not at hand.
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Self { party: RelyingParty::new(provider(), client()) })
    }

    /// The four keys are at hand.
    pub(super) fn with_keys(backend: Chosen) -> Rc<Self> {
        let env = BenchEnv::fixed();
        let provider = by(provider(), backend);
        provider.supply_keys(JWKS_4, env.now(), &env).expect("a key set");
        Rc::new(Self { party: RelyingParty::new(provider, client()) })
    }

    fn start(&self, redirect_uri: RedirectUri, env: &mut BenchEnv) -> (AuthorizationUrl, PendingAuthorization) {
        let scope = Scope::new(black_box("openid profile email offline_access")).unwrap();
        let request =
            AuthorizationRequest::new(redirect_uri, scope).with_login_hint(LOGIN_HINT).with_prompt(Prompt::Consent);
        self.party.authorize(request, env).expect("a login")
    }

    /// A login whose callback has come and was checked: its code is to be redeemed next.
    fn checked(&self, scope: &str) -> (PendingAuthorization, VerifiedCallback) {
        let mut env = BenchEnv::fixed();
        let (_, pending) = self.party.authorize(request(scope), &mut env).expect("a login");
        let callback = Callback::from_url(&callback(STATE)).expect("a callback");
        let verified = self.party.check(&pending, &callback, env.now()).expect("this login's callback");
        (pending, verified)
    }

    fn redeem(&self, login: (PendingAuthorization, VerifiedCallback), env: &mut BenchEnv) -> Step<TokenRequest> {
        self.party.redeem(login.0, login.1, env).expect("redeemable")
    }

    pub(super) fn tokens(&self, scope: &str) -> TokenSet {
        let env = &mut BenchEnv::fixed();
        let step = self.redeem(self.checked(scope), env);
        verified(done(answer(step, env, |_| respond(200, Alg::Rs256.token_response())))).tokens
    }
}

/// Without `openid`: the response is parsed, and its ID token is not looked at.
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
        let (issuer, client) = (issuer.clone(), client());
        cases.push(Case::new("W2j-discover+jwks4", who, move || {
            let env = &mut BenchEnv::fixed();
            let party = RelyingParty::new(discover(&issuer, backend, Alg::Rs256, env), client.clone());
            let step = party.fetch_keys(env).expect("a key set");
            black_box(done(answer(step, env, |request| serve(request.uri().path(), Alg::Rs256))));
        }));
    }
    let own = world.clone();
    let checked = move || own.checked(OAUTH_SCOPE);
    let own = world.clone();
    cases.push(Case::consuming("W3-token", ANY, checked, move |login| {
        let env = &mut BenchEnv::fixed();
        let step = own.redeem(login, env);
        let exchanged = done(answer(step, env, |_| respond(200, Alg::Rs256.token_response())));
        black_box(verified(exchanged));
    }));
    let own = world.clone();
    let checked = move || own.checked(OAUTH_SCOPE);
    let own = world.clone();
    cases.push(Case::consuming("W3b-token-request-only", ANY, checked, move |login| {
        let Step::Call(call) = own.redeem(login, &mut BenchEnv::fixed()) else { panic!("a request") };
        black_box(call.into_parts().0);
    }));
    for ((default, who), &named) in backends().zip(backend::compiled()) {
        let chosen = |alg| if alg == Alg::EdDsa { Some(named) } else { default };
        cases.extend(Alg::ALL.map(|alg| verify(chosen(alg), who, alg)));
    }
    if backends().count() > 1 {
        cases.push(verify(None, "oidc-proto default of both", Alg::EdDsa));
    }
    for (work, set) in [("W5-jwks4", JWKS_4), ("W5-jwks100", JWKS_100)] {
        cases.push(Case::new(work, ANY, move || {
            black_box(Keys::parse(black_box(set), Timestamp::from_unix_seconds(ISSUED_AT)).expect("a key set"));
        }));
    }
    let own = world.clone();
    let tokens = world.tokens(OAUTH_SCOPE);
    cases.push(Case::new("W6-refresh", ANY, {
        let tokens = Rc::new(tokens);
        move || {
            let env = &mut BenchEnv::fixed();
            let step = own.party.refresh(&tokens, env).expect("refreshable");
            black_box(verified(done(answer(step, env, |_| respond(200, REFRESH_RESPONSE)))));
        }
    }));
    for (backend, who) in backends() {
        cases.extend(LOGINS.map(|(work, alg)| {
            let issuer = issuer.clone();
            // The operating system is asked for entropy once, as an application does.
            Case::consuming(work, who, BenchEnv::random, move |mut env| {
                black_box(login(&issuer, backend, alg, &mut env));
            })
        }));
    }
    cases.push({
        let issuer = issuer.clone();
        Case::consuming(WITHOUT_SIGNATURE, ANY, BenchEnv::random, move |mut env| {
            black_box(login(&issuer, Some(&AnySignature), Alg::Rs256, &mut env));
        })
    });
    cases
}

/// The whole check of an ID token whose claims were not looked at before, by keys that were used before.
fn verify(backend: Chosen, who: &'static str, alg: Alg) -> Case {
    let (world, scope) = (World::with_keys(backend), SCOPES.join(" "));
    let respond = move |_: &Request<Body>| respond(200, alg.token_response());
    let exchanged = move |env: &mut BenchEnv| {
        let step = world.redeem(world.checked(&scope), env);
        done(answer(step, env, respond))
    };
    let _ = verified(exchanged(&mut BenchEnv::fixed()));
    // Tokens that come when their ID token has expired are unverified. With the clock set back they are verified again.
    let unverified = move || match exchanged(&mut BenchEnv::late()) {
        TokenOutcome::Unverified { tokens, .. } => tokens,
        TokenOutcome::Verified(_) => panic!("an expired ID token?"),
    };
    Case::consuming(alg.id_token_work(), who, unverified, |tokens| {
        black_box(verified(done(tokens.verify(&mut BenchEnv::fixed()))));
    })
}

fn discover(issuer: &Issuer, backend: Chosen, alg: Alg, env: &mut BenchEnv) -> Provider {
    let step = ServerMetadataFetch::start(issuer.clone(), ProviderOptions::new()).expect("an issuer");
    by(done(answer(step, env, |request| serve(request.uri().path(), alg))).provider, backend)
}

/// Metadata, registration, the URL, the callback, keys, the code, the ID token.
fn login(issuer: &Issuer, backend: Chosen, alg: Alg, env: &mut BenchEnv) -> TokenGrant {
    let send = |request: &Request<Body>| serve(request.uri().path(), alg);
    let provider = discover(issuer, backend, alg, env);
    let redirect_uri = redirect_uri();
    let metadata =
        ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]).with_client_name("Bench Client");
    let step = Registration::start(&provider, metadata).expect("registrable");
    let client = done(answer(step, env, send)).client(std::slice::from_ref(&redirect_uri));
    let world = World { party: RelyingParty::new(provider, client) };
    let (url, pending) = world.start(redirect_uri, env);
    let state = url.as_str().split_once("&state=").and_then(|(_, rest)| rest.split('&').next()).expect("a state");
    let callback = Callback::from_url(&callback(state)).expect("a callback");
    let checked = world.party.check(&pending, &callback, env.now()).expect("this login's callback");
    let fetch = world.redeem((pending, checked), env);
    let exchange = answer(fetch, env, send);
    verified(done(answer(exchange, env, send)))
}

pub fn held() -> Vec<Held> {
    let (world, with_keys) = (World::new(), World::with_keys(None));
    let redirect_uri = redirect_uri();
    let scope = SCOPES.join(" ");
    let pending = world.start(redirect_uri.clone(), &mut BenchEnv::fixed()).1;
    let json = serde_json::to_string(&pending).expect("it is made to be stored").len();
    let mut held = vec![
        hold(
            format!("oidc-proto PendingAuthorization ({json} bytes as JSON)"),
            size_of::<PendingAuthorization>(),
            || world.start(redirect_uri.clone(), &mut BenchEnv::fixed()).1,
        ),
        hold("oidc-proto Provider", size_of::<Provider>(), provider),
        hold("oidc-proto Client", size_of::<Client>(), client),
        hold("oidc-proto RelyingParty, with provider and client", size_of::<RelyingParty>(), || {
            RelyingParty::new(provider(), client())
        }),
        hold("oidc-proto TokenSet", size_of::<TokenSet>(), || with_keys.tokens(&scope)),
    ];
    for (backend, who) in backends() {
        held.push(hold(format!("{who} Arc<Keys>, 4"), size_of::<Keys>(), || keys(backend, JWKS_4)));
        held.push(hold(format!("{who} Arc<Keys>, 100"), size_of::<Keys>(), || keys(backend, JWKS_100)));
        held.push(hold(format!("{who} Arc<Keys>, 4, one used"), size_of::<Keys>(), || {
            let world = World::with_keys(backend);
            world.tokens(&scope);
            world.party.provider().keys().expect("as supplied")
        }));
    }
    held
}
