//! A homeserver, its provider, and jumps to the states that the tests start from.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use oidc_proto::GrantType;
use oidc_proto::adapter::BlockingDriver;
use oidc_proto::matrix::{
    Address, Application, AuthMetadataFetch, AuthServer, FoundHomeserver, Homeserver, HomeserverDiscovery, Login,
    LoginOutcome, LoginRequest, Party, PendingLogin, Support, UserSession,
};
use oidc_proto::testing::{self, Clock, OnMatrix, RequestTo, TestEnv};
use oidc_proto::{ApplicationType, ClientMetadata, Localized};
use oidc_proto::{AuthorizationUrl, Callback, Env as _, Error, ProviderOptions, RedirectUri, Registrations, Schemes};
use oidc_proto::{Flow, Step};

pub const HOMESERVER: &str = "https://matrix.example.org";
pub const SERVER_NAME: &str = "example.org";
pub const ISSUER: &str = "https://account.example.org";

pub const REDIRECT: &str = "org.example.app:/callback";

pub struct World {
    pub hs: testing::Homeserver,
    pub env: TestEnv,
    pub options: ProviderOptions,
    pub application: Application,
}

/// A native application with the device grant.
pub fn metadata() -> ClientMetadata {
    ClientMetadata::new(ApplicationType::Native, vec![redirect()])
        .with_client_uri("https://app.example.org/")
        .with_client_name(Localized::new("Example").with_language("fr", "Exemple"))
        .with_grant_type(GrantType::DeviceCode)
}

/// The same with other redirect URIs.
pub fn metadata_with(uris: &[&str]) -> ClientMetadata {
    let uris = uris.iter().map(|uri| RedirectUri::new(uri).unwrap()).collect();
    ClientMetadata::new(ApplicationType::Native, uris).with_client_uri("https://app.example.org/")
}

pub fn redirect() -> RedirectUri {
    RedirectUri::new(REDIRECT).unwrap()
}

/// A login whose user is elsewhere.
pub struct Begun {
    pub party: Party,
    pub url: AuthorizationUrl,
    pub pending: PendingLogin,
}

impl World {
    pub fn new() -> Self {
        Self::with(|hs| hs)
    }

    pub fn with(change: impl FnOnce(testing::Homeserver) -> testing::Homeserver) -> Self {
        let op = testing::Provider::new(ISSUER).with_seed(1001);
        let hs = change(testing::Homeserver::new(HOMESERVER, SERVER_NAME, op));
        Self {
            hs,
            env: TestEnv::with_clock(1, Clock::new()),
            options: ProviderOptions::new(),
            application: Application::new(metadata(), Registrations::default()).unwrap().with_reuse(),
        }
    }

    pub fn run<F: Flow>(&mut self, step: Result<Step<F>, Error>) -> Result<F::Output, Error> {
        let clock = self.env.clock().clone();
        let http = BlockingDriver::new(self.hs.http(&clock)).with_sleep(move |pause| clock.advance(pause));
        http.run(step?, &mut self.env)
    }

    pub fn pass(&self, seconds: u64) {
        self.env.clock().advance(Duration::from_secs(seconds));
    }

    pub fn find(&mut self, text: &str) -> Result<FoundHomeserver, Error> {
        let address = Address::parse(text, Schemes::HttpsOnly)?;
        self.run(HomeserverDiscovery::start(address, Schemes::HttpsOnly))
    }

    pub fn support(&mut self) -> Result<Support, Error> {
        let homeserver = Homeserver::new(HOMESERVER, Schemes::HttpsOnly)?;
        let options = self.options;
        self.run(AuthMetadataFetch::start(homeserver, options))
    }

    pub fn server(&mut self) -> Arc<AuthServer> {
        self.support().unwrap().supported().unwrap()
    }

    /// Who the application is there; registered if need be.
    pub fn party(&mut self, server: &Arc<AuthServer>) -> Result<Party, Error> {
        if let Some(party) = self.application.party(server, self.env.now()) {
            return Ok(party);
        }
        let registered = self.run(self.application.register(server))?;
        Ok(self.application.keep(server, registered))
    }

    pub fn begin(&mut self, request: LoginRequest) -> Result<Begun, Error> {
        let server = self.support()?.supported()?;
        self.begin_at(&server, request)
    }

    pub fn begin_at(&mut self, server: &Arc<AuthServer>, request: LoginRequest) -> Result<Begun, Error> {
        let party = self.party(server)?;
        let (url, pending) = request.start(redirect(), &party, &mut self.env)?;
        Ok(Begun { party, url, pending })
    }

    pub fn callback(&self, begun: &Begun) -> Callback {
        Callback::from_url(self.hs.visit(begun.url.as_str(), self.env.now()).callback()).unwrap()
    }

    pub fn finish(&mut self, begun: Begun) -> Result<LoginOutcome, Error> {
        let verified = begun.pending.check(&self.callback(&begun), &begun.party, self.env.now())?;
        let step = begun.pending.redeem(verified, &begun.party, &mut self.env);
        self.run(step)
    }

    pub fn log_in(&mut self, request: LoginRequest) -> Result<LoginOutcome, Error> {
        let begun = self.begin(request)?;
        self.finish(begun)
    }

    pub fn logged_in(&mut self) -> Login {
        self.log_in(LoginRequest::new()).unwrap().logged_in().unwrap()
    }

    /// The client that a session was made with, at this server.
    pub fn party_of(&self, session: &UserSession, server: &Arc<AuthServer>) -> Party {
        self.application.party_of(session, server).unwrap()
    }

    /// Where the homeserver was asked so far.
    pub fn asked(&self) -> Vec<OnMatrix> {
        let at = |asked| match asked {
            RequestTo::Homeserver(on) => Some(on),
            RequestTo::Provider(_) => None,
        };
        self.hs.requests().into_iter().filter_map(at).collect()
    }
}

/// The code of an error, and what it names: a field, else the request.
pub fn what<T: Debug>(result: Result<T, Error>) -> (oidc_proto::ErrorCode, Option<&'static str>) {
    let error = result.unwrap_err();
    (error.code(), error.field().or(error.endpoint()))
}
