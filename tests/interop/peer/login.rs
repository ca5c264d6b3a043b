//! The main job at the certified provider, by each HTTP client: discovery, registration, login, refusal, refresh with
//! rotation and reuse, userinfo, revocation, end of session, TLS with a private authority.

use oidc_proto::ApplicationType;
use oidc_proto::EndSessionRequest;
use oidc_proto::adapter::{BlockingDriver, HttpOptions, SystemEnv, ureq};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::jose::Algorithm;
use oidc_proto::{AuthMethod, Prompt, ResponseMode};
use oidc_proto::{
    AuthorizationRequest, Callback, ClientMetadata, Env as _, Error, ErrorCode, Flow, Issuer, ProviderOptions,
    RedirectUri, RelyingParty, Schemes, Scope, Step, TokenOutcome, TokenSet,
};

use crate::support::browser::{Browser, Callback as Landing};
use crate::support::certificates::Authority;
use crate::support::peer::Peer;

const REDIRECT_URI: &str = "http://127.0.0.1:7878/cb";
const GOODBYE_URI: &str = "http://127.0.0.1:7878/bye";

/// Runs a flow by one of the HTTP clients.
pub(crate) trait Run {
    fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error>;
}

pub(crate) struct ByUreq(BlockingDriver<ureq::Client>);

impl Run for ByUreq {
    fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error> {
        self.0.run(step, &mut SystemEnv::new().unwrap())
    }
}

pub(crate) fn by_ureq(options: HttpOptions) -> ByUreq {
    ByUreq(BlockingDriver::new(ureq::Client::with(options).unwrap()))
}

#[cfg(feature = "reqwest")]
pub(crate) struct ByReqwest(oidc_proto::adapter::Driver<oidc_proto::adapter::reqwest::Client>, tokio::runtime::Runtime);

#[cfg(feature = "reqwest")]
impl Run for ByReqwest {
    fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error> {
        self.1.block_on(self.0.run(step, &mut SystemEnv::new().unwrap()))
    }
}

#[cfg(feature = "reqwest")]
pub(crate) fn by_reqwest(options: HttpOptions) -> ByReqwest {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    ByReqwest(oidc_proto::adapter::Driver::new(oidc_proto::adapter::reqwest::Client::with(options).unwrap()), runtime)
}

/// A client that was discovered and registered at the peer.
pub(crate) struct World<R> {
    pub(crate) run: R,
    pub(crate) options: HttpOptions,
    pub(crate) party: RelyingParty,
}

impl<R: Run> World<R> {
    pub(crate) fn new(
        run: R,
        options: HttpOptions,
        peer: &Peer,
        edit: impl FnOnce(ClientMetadata) -> ClientMetadata,
    ) -> Self {
        let issuer = Issuer::new(&peer.issuer, Schemes::DangerousHttpOnLoopback).unwrap();
        let choices = ProviderOptions::new().with_schemes(Schemes::DangerousHttpOnLoopback);
        let provider = run.run(ServerMetadataFetch::start(issuer, choices).unwrap()).unwrap().provider;
        let redirect_uri = RedirectUri::new(REDIRECT_URI).unwrap();
        let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()])
            .with_post_logout_redirect_uri(RedirectUri::new(GOODBYE_URI).unwrap())
            .with_client_name("a test");
        let metadata = edit(metadata);
        let registered = run.run(Registration::start(&provider, metadata).unwrap()).unwrap();
        let party = RelyingParty::new(provider, registered.client(&[redirect_uri]));
        Self { run, options, party }
    }

    pub(crate) fn request(&self, hint: &str) -> AuthorizationRequest {
        let scope = Scope::new("openid offline_access profile").unwrap();
        AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), scope)
            .with_prompt(Prompt::Consent)
            .with_login_hint(hint)
    }

    pub(crate) fn login(&self, request: AuthorizationRequest) -> Result<TokenOutcome, Error> {
        let mut env = SystemEnv::new().unwrap();
        let (url, pending) = self.party.authorize(request, &mut env)?;
        let landing = Browser::new(self.options.clone()).visit(url.as_str(), REDIRECT_URI);
        let verified = self.party.check(&pending, &callback(&landing)?, env.now())?;
        self.run.run(self.party.redeem(pending, verified, &mut env)?)
    }

    pub(crate) fn refresh(&self, tokens: &TokenSet) -> Result<TokenSet, Error> {
        let step = self.party.refresh(tokens, &mut SystemEnv::new().unwrap())?;
        Ok(self.run.run(step)?.verified()?.tokens)
    }
}

pub(crate) fn callback(landing: &Landing) -> Result<Callback, Error> {
    match &landing.form {
        Some(form) => Callback::from_form_post(form.as_bytes()),
        None => Callback::from_url(&landing.url),
    }
}

fn the_main_job<R: Run>(world: &World<R>) {
    let World { run, party, .. } = world;
    let mut env = SystemEnv::new().unwrap();
    assert!(party.provider().metadata().authorization_response_iss, "the peer promises `iss`");

    let first = world.login(world.request("auto:alice")).unwrap().verified().unwrap().tokens;
    assert_eq!(first.subject(), Some("alice"));
    assert!(first.scope().contains("offline_access") && first.expires_at().is_some());
    assert!(party.provider().keys().is_some_and(|keys| keys.len() == 3));

    let userinfo = run.run(party.userinfo(&first, &mut env).unwrap()).unwrap();
    #[derive(serde::Deserialize)]
    struct Name {
        name: String,
    }
    assert_eq!(userinfo.claims::<Name>().unwrap().name, "alice Test");

    let denied = world.login(world.request("deny:alice")).unwrap_err();
    assert_eq!(denied.code(), ErrorCode::AUTHORIZATION_ACCESS_DENIED);

    // The refresh token rotates; the old one, used again, ends the grant.
    let second = world.refresh(&first).unwrap();
    assert_ne!(second.refresh_token().unwrap().expose(), first.refresh_token().unwrap().expose());
    assert_eq!(second.subject(), Some("alice"));
    assert_eq!(world.refresh(&first).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    assert_eq!(world.refresh(&second).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);

    let third = world.login(world.request("auto:alice")).unwrap().verified().unwrap().tokens;
    run.run(party.revoke(&third, &mut env).unwrap()).unwrap();
    assert_eq!(world.refresh(&third).unwrap_err().code(), ErrorCode::TOKEN_INVALID_GRANT);
    let refused = run.run(party.userinfo(&third, &mut env).unwrap()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::USERINFO_UNAUTHORIZED);
}

fn main_job_by_each_client(peer: &Peer, options: &HttpOptions) {
    the_main_job(&World::new(by_ureq(options.clone()), options.clone(), peer, |metadata| metadata));
    #[cfg(feature = "reqwest")]
    the_main_job(&World::new(by_reqwest(options.clone()), options.clone(), peer, |metadata| metadata));
}

#[test]
#[ignore = "needs Node.js"]
fn the_main_job_works_by_each_client() {
    let peer = Peer::start(&[]);
    main_job_by_each_client(&peer, &HttpOptions::new());
}

#[test]
#[ignore = "needs Node.js"]
fn the_main_job_works_over_tls_with_a_private_authority() {
    let authority = Authority::new();
    let peer = Peer::start_tls(&authority.identity("127.0.0.1"), &[]);
    main_job_by_each_client(&peer, &HttpOptions::new().with_root_certificates_pem(authority.pem));
}

#[test]
#[ignore = "needs Node.js"]
fn every_client_authentication_response_mode_and_algorithm_works() {
    let peer = Peer::start(&[]);
    for (method, mode, algorithm) in [
        (AuthMethod::ClientSecretBasic, ResponseMode::Query, Algorithm::Rs256),
        (AuthMethod::ClientSecretPost, ResponseMode::Fragment, Algorithm::Es256),
        (AuthMethod::None, ResponseMode::FormPost, Algorithm::EdDsa),
        (AuthMethod::None, ResponseMode::Query, Algorithm::Ps256),
        (AuthMethod::None, ResponseMode::Query, Algorithm::Ed25519),
    ] {
        let world = World::new(by_ureq(HttpOptions::new()), HttpOptions::new(), &peer, |metadata| {
            metadata.with_token_endpoint_auth_method(method).with_id_token_signed_response_alg(algorithm)
        });
        let request =
            world.request("auto:bob").with_response_mode(mode).with_max_age(std::time::Duration::from_secs(600));
        let tokens = world.login(request).unwrap().verified().unwrap().tokens;
        assert_eq!(tokens.subject(), Some("bob"), "{method:?} {mode:?} {algorithm:?}");
        assert!(tokens.id_token().unwrap().auth_time().is_some());
        assert!(world.refresh(&tokens).is_ok(), "{method:?} {mode:?} {algorithm:?}");
    }
}

#[test]
#[ignore = "needs Node.js"]
fn the_user_comes_back_from_the_end_of_the_session() {
    let peer = Peer::start(&[]);
    let world = World::new(by_ureq(HttpOptions::new()), HttpOptions::new(), &peer, |metadata| metadata);
    let mut env = SystemEnv::new().unwrap();
    let (url, pending) = world.party.authorize(world.request("auto:alice"), &mut env).unwrap();
    let mut browser = Browser::new(HttpOptions::new());
    let landing = browser.visit(url.as_str(), REDIRECT_URI);
    let verified = world.party.check(&pending, &callback(&landing).unwrap(), env.now()).unwrap();
    let step = world.party.redeem(pending, verified, &mut env).unwrap();
    let tokens = world.run.run(step).unwrap().verified().unwrap().tokens;

    let request = EndSessionRequest::new()
        .with_id_token_hint(tokens.id_token().unwrap())
        .with_post_logout_redirect_uri(RedirectUri::new(GOODBYE_URI).unwrap());
    let (url, pending) = world.party.end_session(request, &mut env).unwrap();
    let landing = browser.leave(url.as_str(), GOODBYE_URI);
    pending.check(&landing.url).unwrap();
    let forged = format!("{GOODBYE_URI}?state=x");
    assert_eq!(pending.check(&forged).unwrap_err().code(), ErrorCode::END_SESSION_STATE_MISMATCH);
}

#[test]
#[ignore = "needs Node.js"]
fn a_code_is_spent_once_and_only_with_its_verifier() {
    let peer = Peer::start(&[]);
    let world = World::new(by_ureq(HttpOptions::new()), HttpOptions::new(), &peer, |metadata| metadata);
    let mut env = SystemEnv::new().unwrap();
    let (url, pending) = world.party.authorize(world.request("auto:alice"), &mut env).unwrap();
    let landing = Browser::new(HttpOptions::new()).visit(url.as_str(), REDIRECT_URI);
    let stored = serde_json::to_string(&pending).unwrap();
    for expected in [None, Some(ErrorCode::TOKEN_INVALID_GRANT)] {
        let pending = oidc_proto::PendingAuthorization::from_json(&stored).unwrap();
        let verified = world.party.check(&pending, &callback(&landing).unwrap(), env.now()).unwrap();
        let step = world.party.redeem(pending, verified, &mut env).unwrap();
        assert_eq!(world.run.run(step).err().map(|error| error.code()), expected);
    }
}
