//! An application, its browser and its HTTP client before a real homeserver.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::{Arc, OnceLock};

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use oidc_proto::GrantType;
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient, HttpOptions, SystemEnv, ureq};
use oidc_proto::matrix::{
    Application, AuthMetadataFetch, AuthServer, Homeserver, Login, LoginOutcome, LoginRequest, Party, Support,
    UserSession,
};
use oidc_proto::{
    Accept, AccessToken, Body, Callback, Env as _, Error, ErrorCode, Failure, Flow, Policy, ProviderOptions,
    RedirectUri, Registrations, Schemes, Step,
};
use oidc_proto::{ApplicationType, ClientMetadata};

use crate::support::browser::Browser;
use crate::support::synapse::Synapse;

pub const LOOPBACK: Schemes = Schemes::DangerousHttpOnLoopback;
pub const NATIVE: &str = "http://127.0.0.1/callback";
pub const PAGE: &str = "https://app.example.org/callback";

/// One homeserver for all tests that change nothing about it: each has users of its own.
pub fn shared() -> &'static Synapse {
    static SHARED: OnceLock<Synapse> = OnceLock::new();
    SHARED.get_or_init(|| Synapse::start(&[]))
}

/// An HTTP client that knows what it was asked for.
pub struct Web {
    http: ureq::Client,
    /// Paths that an older homeserver does not have.
    missing: Vec<&'static str>,
    pub seen: RefCell<Vec<String>>,
    /// The statuses of all responses.
    pub statuses: RefCell<Vec<u16>>,
}

impl Web {
    pub fn new() -> Self {
        Self::without(&[])
    }

    pub fn without(missing: &[&'static str]) -> Self {
        let http = ureq::Client::new().unwrap();
        Self { http, missing: missing.to_vec(), seen: RefCell::default(), statuses: RefCell::default() }
    }
}

impl BlockingHttpClient for Web {
    fn call(&self, request: Request<Body>, policy: Policy) -> Result<Response<Vec<u8>>, Failure> {
        let path = request.uri().path().to_owned();
        self.seen.borrow_mut().push(path.clone());
        if self.missing.iter().any(|missing| *missing == path) {
            let unknown = br#"{"errcode":"M_UNRECOGNIZED","error":"Unrecognized request"}"#.to_vec();
            return Ok(Response::builder().status(404).body(unknown).unwrap());
        }
        let response = self.http.call(request, policy)?;
        self.statuses.borrow_mut().push(response.status().as_u16());
        Ok(response)
    }
}

pub struct World {
    pub base: String,
    pub env: SystemEnv,
    pub web: Web,
    pub application: Application,
}

impl World {
    pub fn at(synapse: &Synapse) -> Self {
        Self::through(synapse, Web::new())
    }

    pub fn through(synapse: &Synapse, web: Web) -> Self {
        let uris = [NATIVE, PAGE].map(|uri| RedirectUri::new(uri).unwrap());
        let metadata = ClientMetadata::new(ApplicationType::Native, uris.into())
            .with_client_uri("https://app.example.org/")
            .with_grant_type(GrantType::DeviceCode);
        Self {
            base: synapse.url.clone(),
            env: SystemEnv::new().unwrap(),
            web,
            application: Application::new(metadata, Registrations::default()).unwrap().with_reuse(),
        }
    }

    pub fn run<F: Flow>(&mut self, step: Result<Step<F>, Error>) -> Result<F::Output, Error> {
        let Self { web, env, .. } = self;
        BlockingDriver::new(&*web).run(step?, env)
    }

    pub fn support(&mut self) -> Result<Support, Error> {
        let homeserver = Homeserver::new(&self.base, LOOPBACK)?;
        self.run(AuthMetadataFetch::start(homeserver, ProviderOptions::new().with_schemes(LOOPBACK)))
    }

    pub fn server(&mut self) -> Arc<AuthServer> {
        self.support().unwrap().supported().unwrap()
    }

    /// Who the application is there; registered if need be.
    pub fn party(&mut self) -> Party {
        let server = self.server();
        self.party_at(&server)
    }

    pub fn party_at(&mut self, server: &Arc<AuthServer>) -> Party {
        if let Some(party) = self.application.party(server, self.env.now()) {
            return party;
        }
        let registered = self.run(self.application.register(server)).unwrap();
        self.application.keep(server, registered)
    }

    /// Who it was when a session was made.
    pub fn party_of(&mut self, session: &UserSession) -> Party {
        let server = self.server();
        self.application.party_of(session, &server).unwrap()
    }

    /// A whole login, in a browser that has never been there. The hint says what the user does: `auto:NAME`, `deny:NAME`.
    pub fn log_in(&mut self, request: LoginRequest, hint: &str) -> Result<LoginOutcome, Error> {
        self.log_in_by(NATIVE, request, hint)
    }

    pub fn log_in_by(&mut self, redirect: &str, request: LoginRequest, hint: &str) -> Result<LoginOutcome, Error> {
        let party = self.party();
        let redirect_uri = RedirectUri::new(redirect).unwrap();
        let (url, pending) = request.with_login_hint(hint).start(redirect_uri, &party, &mut self.env)?;
        let callback = Browser::new(HttpOptions::new()).visit(url.as_str(), redirect);
        let verified = pending.check(&Callback::from_url(&callback.url)?, &party, self.env.now())?;
        let step = pending.redeem(verified, &party, &mut self.env);
        self.run(step)
    }

    pub fn logged_in(&mut self, name: &str) -> Login {
        self.log_in(LoginRequest::new(), &format!("auto:{name}")).unwrap().logged_in().unwrap()
    }

    /// A request of the application to the homeserver.
    pub fn ask(&self, method: Method, path: &str, token: &AccessToken, body: &str) -> Response<Vec<u8>> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        let request = request.header(AUTHORIZATION, token.bearer()).header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.web.call(request, Policy::write(Accept::Json)).unwrap()
    }

    pub fn whoami(&self, token: &AccessToken) -> Response<Vec<u8>> {
        self.ask(Method::GET, "/_matrix/client/v3/account/whoami", token, "")
    }

    /// Whether a token is good.
    pub fn knows(&self, token: &AccessToken) -> bool {
        self.whoami(token).status() == StatusCode::OK
    }
}

pub fn code<T: Debug>(result: Result<T, Error>) -> ErrorCode {
    result.unwrap_err().code()
}
