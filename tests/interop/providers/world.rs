//! A client at a provider by the library, by the command line, and what the tests do behind the client's back.

use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient, HttpOptions, SystemEnv, ureq};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::rand_core::CryptoRng;
use oidc_proto::{
    Accept, ApplicationType, AuthorizationRequest, Body, Callback, Client, ClientMetadata, EndSessionRequest, Env,
    Error, Flow, Issuer, MonotonicTime, Policy, Prompt, Provider, ProviderOptions, RedirectUri, RelyingParty, Schemes,
    Scope, Step, Timestamp, TokenOutcome, TokenSet, Userinfo,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli::{Cli, Run};
use crate::support::provider::{Provider as Running, form_browser, form_browser_words};

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:7878/callback";

/// A user's name and password.
#[derive(Clone, Copy)]
pub(crate) struct User(pub(crate) &'static str, pub(crate) &'static str);

pub(crate) const ALICE: User = User("alice", "correct horse battery");

impl User {
    /// The options of `browser.py`.
    pub(crate) fn options(&self) -> [&'static str; 4] {
        ["--user", self.0, "--password", self.1]
    }
}

/// The system's clock, set wrongly.
struct ShiftedEnv(SystemEnv, i64);

impl Env for ShiftedEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.now().unix_millis().saturating_add_signed(self.1 * 1000))
    }

    fn monotonic(&self) -> MonotonicTime {
        self.0.monotonic()
    }

    fn rng(&mut self) -> &mut dyn CryptoRng {
        self.0.rng()
    }
}

/// A client of the library, whose users come with a browser of their own each time, unless it is kept.
pub(crate) struct World {
    driver: BlockingDriver<ureq::Client>,
    browser: Option<TempDir>,
    pub(crate) party: RelyingParty,
    pub(crate) user: User,
    /// How many seconds the client's clock is ahead.
    pub(crate) ahead: i64,
}

impl World {
    pub(crate) fn new(issuer: &str, client: impl FnOnce(&Provider) -> Client) -> Self {
        Self::with(issuer, ProviderOptions::new(), client)
    }

    pub(crate) fn with(issuer: &str, options: ProviderOptions, client: impl FnOnce(&Provider) -> Client) -> Self {
        let driver = BlockingDriver::new(ureq::Client::with(HttpOptions::new()).unwrap());
        let issuer = Issuer::new(issuer, Schemes::DangerousHttpOnLoopback).unwrap();
        let options = options.with_schemes(Schemes::DangerousHttpOnLoopback);
        let fetch = ServerMetadataFetch::start(issuer, options).unwrap();
        let provider = driver.run(fetch, &mut SystemEnv::new().unwrap()).unwrap().provider;
        let client = client(&provider);
        Self { driver, browser: None, party: RelyingParty::new(provider, client), user: ALICE, ahead: 0 }
    }

    /// The user comes with the same browser from now on.
    pub(crate) fn with_one_browser(self) -> Self {
        Self { browser: Some(tempfile::tempdir().unwrap()), ..self }
    }

    fn browser(&self) -> Command {
        let mut browser = form_browser(&self.user.options());
        if let Some(kept) = &self.browser {
            browser.arg("--cookies").arg(kept.path().join("cookies"));
        }
        browser
    }

    /// A login in one browser, and the logout there, which comes back to this URI or stays. The provider knows the user
    /// before, and not after.
    pub(crate) fn leaves(self, scope: &str, post_logout_redirect_uri: Option<&str>) -> (Self, TokenSet) {
        let world = self.with_one_browser();
        let tokens = world.tokens(scope);
        assert!(world.is_logged_in(&tokens));
        match post_logout_redirect_uri {
            Some(uri) => world.leave(&tokens, uri),
            None => world.leave_for_good(&tokens),
        }
        assert!(!world.is_logged_in(&tokens));
        (world, tokens)
    }

    /// Whether the provider still knows the user of the browser.
    fn is_logged_in(&self, tokens: &TokenSet) -> bool {
        let request = Self::request("openid").with_prompt(Prompt::None).with_id_token_hint(tokens.id_token().unwrap());
        self.needs_no_user(request)
    }

    /// Whether a login goes through in the browser while nobody sits before it.
    pub(crate) fn needs_no_user(&self, request: AuthorizationRequest) -> bool {
        let (url, pending) = self.party.authorize(request, &mut self.env()).unwrap();
        let output = self.browser().args(["--away", "--until", REDIRECT_URI, url.as_str()]).output().unwrap();
        if !output.status.success() {
            let stranded = String::from_utf8(output.stderr).unwrap();
            assert!(stranded.contains("with 200") && stranded.contains("<form"), "{stranded}");
            return false;
        }
        let callback = Callback::from_url(std::str::from_utf8(&output.stdout).unwrap().trim()).unwrap();
        match self.party.check(&pending, &callback, self.env().now()) {
            Ok(_) => true,
            Err(error) => {
                // The errors of Canaille have no `iss`, so that they prove nothing.
                let told = error.provider_text().and_then(|text| text.error());
                assert!(matches!(told, Some("login_required" | "interaction_required")), "{error}");
                false
            }
        }
    }

    /// A client that registers itself, with what `edit` does to its metadata.
    pub(crate) fn register(
        issuer: &str,
        options: ProviderOptions,
        edit: impl FnOnce(ClientMetadata) -> ClientMetadata,
    ) -> Self {
        let redirect_uri = RedirectUri::new(REDIRECT_URI).unwrap();
        let mut world = Self::with(issuer, options, |_| Client::new("nobody"));
        let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()]);
        let metadata = edit(metadata.with_client_name("a test"));
        let registered = world.run(Registration::start(world.party.provider(), metadata).unwrap()).unwrap();
        world.party = world.party.with_client(registered.client(&[redirect_uri]));
        world
    }

    /// Ends the user's session in the browser, which comes back.
    pub(crate) fn leave(&self, tokens: &TokenSet, post_logout_redirect_uri: &str) {
        let request = EndSessionRequest::new()
            .with_id_token_hint(tokens.id_token().unwrap())
            .with_post_logout_redirect_uri(RedirectUri::new(post_logout_redirect_uri).unwrap());
        let (url, pending) = self.party.end_session(request, &mut self.env()).unwrap();
        pending.check(&self.visit(url.as_str(), post_logout_redirect_uri)).unwrap();
    }

    /// Ends the user's session in the browser, which stays at the provider.
    pub(crate) fn leave_for_good(&self, tokens: &TokenSet) {
        let request = EndSessionRequest::new().with_id_token_hint(tokens.id_token().unwrap());
        let (url, _) = self.party.end_session(request, &mut self.env()).unwrap();
        let output = self.browser().arg(url.as_str()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn env(&self) -> impl Env + use<> {
        ShiftedEnv(SystemEnv::new().unwrap(), self.ahead)
    }

    pub(crate) fn run<F: Flow>(&self, step: Step<F>) -> Result<F::Output, Error> {
        self.driver.run(step, &mut self.env())
    }

    /// Goes to a URL as the user, until it leads to one that begins so.
    pub(crate) fn visit(&self, url: &str, until: &str) -> String {
        let output = self.browser().args(["--until", until, url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn request(scope: &str) -> AuthorizationRequest {
        AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), Scope::new(scope).unwrap())
    }

    /// A login; the request is pushed where the provider takes it.
    pub(crate) fn login(&self, request: AuthorizationRequest) -> Result<TokenOutcome, Error> {
        let mut env = self.env();
        let (url, pending) = match self.party.provider().metadata().pushed_authorization_request_endpoint {
            Some(_) => self.run(self.party.push(request, &mut env)?)?,
            None => self.party.authorize(request, &mut env)?,
        };
        let callback = Callback::from_url(&self.visit(url.as_str(), REDIRECT_URI))?;
        let verified = self.party.check(&pending, &callback, env.now())?;
        self.run(self.party.redeem(pending, verified, &mut env)?)
    }

    pub(crate) fn tokens(&self, scope: &str) -> TokenSet {
        self.login(Self::request(scope)).unwrap().verified().unwrap().tokens
    }

    pub(crate) fn refresh(&self, tokens: &TokenSet) -> Result<TokenSet, Error> {
        Ok(self.run(self.party.refresh(tokens, &mut self.env())?)?.verified()?.tokens)
    }

    pub(crate) fn userinfo(&self, tokens: &TokenSet) -> Result<Userinfo, Error> {
        self.run(self.party.userinfo(tokens, &mut self.env())?)
    }
}

/// One request by hand; what comes back is JSON, or nothing.
pub(crate) fn send(method: &str, url: &str, authorization: &str, content_type: &str, body: &str) -> (u16, Value) {
    let mut request = http::Request::builder().method(method).uri(url).header("content-type", content_type);
    if !authorization.is_empty() {
        request = request.header("authorization", authorization);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = ureq::Client::with(HttpOptions::new()).unwrap().call(request, Policy::write(Accept::Any)).unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

/// A login of alice by the command line. The user has a fresh browser.
pub(crate) fn login_by_cli(cli: &Cli, issuer: &str, arguments: &[&str]) -> Run {
    login_by_cli_as(ALICE, cli, issuer, arguments)
}

pub(crate) fn login_by_cli_as(user: User, cli: &Cli, issuer: &str, arguments: &[&str]) -> Run {
    let browser = form_browser_words(&user.options());
    let login = ["login", "--insecure-loopback", "--deadline", "100", "--issuer", issuer, "--browser", &browser];
    cli.run(&[&login, arguments].concat())
}

/// The whole life of a session by the command line: login, userinfo, key rotation, refresh, revocation.
pub(crate) fn whole_session_by_cli(user: User, issuer: &str, arguments: &[&str], rotate_keys: impl FnOnce()) -> Run {
    let cli = Cli::new();
    let login = login_by_cli_as(user, &cli, issuer, arguments).done();
    assert_eq!(login.event("logged_in")["refreshable"], true);
    assert_eq!(login.event("userinfo")["claims"]["sub"], login.event("logged_in")["subject"]);
    let before = cli.secrets();
    rotate_keys();
    cli.run(&["refresh"]).done();
    assert_ne!(cli.secrets()[0], before[0], "a new access token");
    cli.run(&["userinfo"]).done();
    cli.run(&["token"]).done();
    let logout = cli.run(&["logout"]).done();
    assert_eq!(logout.event("logged_out")["revoked"], true);
    logout.hides(&before);
    login
}

/// Keys are rotated while a client of the library holds the old ones.
pub(crate) fn rotate_under(world: &World, scope: &str, rotate_keys: impl Fn()) -> TokenSet {
    let first = world.tokens(scope);
    rotate_keys();
    let second = world.refresh(&first).unwrap();
    assert_eq!(second.subject(), first.subject());
    world.userinfo(&second).unwrap();
    rotate_keys();
    let third = world.tokens(scope);
    assert_eq!(world.userinfo(&third).unwrap().subject(), third.subject().unwrap());
    third
}

/// A port that nobody listens at, for providers that compare the redirect URI to the letter.
pub(crate) fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// A provider that all tests of the process share, one at a time: they replace its keys.
pub(crate) struct Shared {
    name: &'static str,
    arguments: &'static [&'static str],
    server: OnceLock<Running>,
    turn: Mutex<()>,
}

/// A test's turn.
pub(crate) struct Taken {
    pub(crate) issuer: &'static str,
    rotation: &'static str,
    _turn: MutexGuard<'static, ()>,
}

impl Shared {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self::with(name, &[])
    }

    /// Started with these arguments.
    pub(crate) const fn with(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, arguments, server: OnceLock::new(), turn: Mutex::new(()) }
    }

    pub(crate) fn take(&'static self) -> Taken {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = &self.server.get_or_init(|| Running::start(self.name, self.arguments)).ready;
        let (issuer, rotation) = ready.split_once(' ').unwrap();
        Taken { issuer, rotation, _turn: turn }
    }
}

impl Taken {
    pub(crate) fn rotate_keys(&self) {
        assert_eq!(send("GET", self.rotation, "", "text/plain", "").0, 200);
    }
}
