//! The surface of the OAuth module of `matrix-sdk` as a thin struct over this crate. A maintainer sees here what goes where.
//!
//! `cargo run --example matrix_sdk_shape --all-features` runs it against a homeserver in memory.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient};
use oidc_proto::matrix::{
    AccountAction, AccountUrl, Application, AuthMetadataFetch, AuthServer, DeviceId, ErrorBody, Homeserver,
    LoginOutcome, LoginRequest, Party, PendingLogin, Session, SessionEvent, UserSession,
};
use oidc_proto::session::{Access, Outcome, SessionOptions, Transmit};
use oidc_proto::testing::{self, TestEnv};
use oidc_proto::{
    AccessToken, ApplicationType, AuthorizationUrl, Callback, ClientMetadata, EndSessionUrl, Env, ProviderOptions,
    RedirectUri, Registrations, Schemes,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One homeserver, one user. What the SDK calls `OAuth`.
struct OAuth<C, E> {
    client: Arc<C>,
    http: BlockingDriver<Arc<C>>,
    env: E,
    homeserver: Homeserver,
    application: Application,
    server: Option<Arc<AuthServer>>,
    session: Option<Session>,
    changes: Vec<Sender<SessionEvent>>,
}

impl<C: BlockingHttpClient, E: Env> OAuth<C, E> {
    fn new(client: C, env: E, homeserver: Homeserver, application: Application) -> Self {
        let client = Arc::new(client);
        let http = BlockingDriver::new(Arc::clone(&client));
        Self { client, http, env, homeserver, application, server: None, session: None, changes: Vec::new() }
    }

    /// Cached for as long as the homeserver allows.
    fn server_metadata(&mut self) -> Result<Arc<AuthServer>> {
        const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
        match &self.server {
            Some(server) if !server.freshness.is_stale(self.env.now(), DAY) => Ok(Arc::clone(server)),
            _ => {
                let step = AuthMetadataFetch::start(self.homeserver.clone(), ProviderOptions::new())?;
                let server = self.http.run(step, &mut self.env)?.supported()?;
                self.server = Some(Arc::clone(&server));
                Ok(server)
            }
        }
    }

    /// For a login: a configured client, or a new one. Store `application.registrations()` afterwards.
    fn register_client(&mut self) -> Result<Party> {
        let server = self.server_metadata()?;
        if let Some(party) = self.application.party(&server, self.env.now()) {
            return Ok(party);
        }
        let registered = self.http.run(self.application.register(&server)?, &mut self.env)?;
        Ok(self.application.keep(&server, registered))
    }

    /// The URL for the browser, and what to keep until it comes back. Dropping that aborts the login.
    fn login(
        &mut self,
        redirect_uri: RedirectUri,
        device_id: Option<DeviceId>,
    ) -> Result<(AuthorizationUrl, PendingLogin, Party)> {
        let (party, request) = match (&self.session, device_id) {
            // A session keeps its client.
            (Some(session), _) => {
                let (user, request) = (session.user_session(), session.login_again());
                let server = self.server_metadata()?;
                (self.application.party_of(&user, &server).ok_or("the client was forgotten")?, request)
            }
            (None, Some(device_id)) => (self.register_client()?, LoginRequest::new().with_device_id(device_id)),
            (None, None) => (self.register_client()?, LoginRequest::new()),
        };
        let (url, pending) = self.http.run(request.begin(redirect_uri, &party, &mut self.env)?, &mut self.env)?;
        Ok((url, pending, party))
    }

    fn finish_login(&mut self, pending: PendingLogin, party: &Party, callback_url: &str) -> Result<()> {
        let verified = pending.check(&Callback::from_url(callback_url)?, party, self.env.now())?;
        let step = pending.redeem(verified, party, &mut self.env)?;
        match self.http.run(step, &mut self.env)? {
            LoginOutcome::LoggedIn(login) => match self.session.as_mut() {
                Some(session) => {
                    // The same user and device, or it is refused. The grant that it replaced is revoked.
                    session.adopt(&login, &mut self.env)?;
                    self.revoke()
                }
                None => self.start(login.session, party),
            },
            LoginOutcome::Refused { error, tokens } => {
                self.http.run(tokens.revoke(&mut self.env)?, &mut self.env)?;
                Err(error.into())
            }
        }
    }

    /// Of `UserSession::from_json`, or of `SdkSession` for what the SDK itself has stored.
    fn restore_session(&mut self, session: UserSession) -> Result<()> {
        let server = self.server_metadata()?;
        let party = self.application.party_of(&session, &server).ok_or("the client was forgotten")?;
        self.start(session, &party)
    }

    fn start(&mut self, session: UserSession, party: &Party) -> Result<()> {
        self.session = Some(Session::new(session, None, party, SessionOptions::default(), &mut self.env)?);
        Ok(())
    }

    fn live(&mut self) -> Result<&mut Session> {
        Ok(self.session.as_mut().ok_or("nobody is logged in")?)
    }

    /// Any number of callers cause one refresh.
    fn refresh_access_token(&mut self) -> Result<AccessToken> {
        let session = self.session.as_mut().ok_or("nobody is logged in")?;
        let epoch = match session.refresh(&mut self.env) {
            Access::Wait(epoch) => epoch,
            other => return Err(format!("{other:?}").into()),
        };
        self.pump()?;
        let session = self.session.as_ref().ok_or("nobody is logged in")?;
        match session.outcome(epoch, &self.env) {
            Outcome::Ready(token) => Ok(token.clone()),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// A response of the homeserver to a request that had this token.
    fn responded(&mut self, token: &AccessToken, response: &http::Response<Vec<u8>>) -> Result<()> {
        let Some(error) = ErrorBody::parse(response.body()) else { return Ok(()) };
        let session = self.session.as_mut().ok_or("nobody is logged in")?;
        let _next = session.unauthorized(token, response.status(), &error, &mut self.env);
        self.pump()
    }

    fn subscribe_to_session_changes(&mut self) -> Receiver<SessionEvent> {
        let (sender, receiver) = channel();
        self.changes.push(sender);
        receiver
    }

    /// Carries out what the session asks for, and passes its events on.
    fn pump(&mut self) -> Result<()> {
        let session = self.session.as_mut().ok_or("nobody is logged in")?;
        while let Some(transmit) = session.core_mut().poll_transmit(&mut self.env) {
            let Transmit::Call { ticket, request, policy } = transmit else { return Err("no keys elsewhere".into()) };
            match self.client.call(request, policy) {
                Ok(response) => session.core_mut().handle_response(ticket, response, &mut self.env),
                Err(failure) => session.core_mut().handle_failure(ticket, failure, &mut self.env),
            }
        }
        while let Some(event) = session.poll_event() {
            self.changes.retain(|listener| listener.send(event.clone()).is_ok());
        }
        Ok(())
    }

    /// What the session gives back.
    fn revoke(&mut self) -> Result<()> {
        let session = self.session.as_mut().ok_or("nobody is logged in")?;
        while let Some(revocation) = session.poll_revocation(&mut self.env) {
            self.http.run(revocation?, &mut self.env)?;
        }
        Ok(())
    }

    fn account_management_url(&mut self, action: Option<AccountAction>) -> Result<Option<AccountUrl>> {
        let server = self.server_metadata()?;
        let session = self.live()?.user_session();
        Ok(server.account.as_ref().map(|account| session.account_url(account, action, None)))
    }

    /// Logged out here at once, whatever becomes of the revocation. The URL ends the provider's own session.
    fn logout(&mut self) -> Result<Option<EndSessionUrl>> {
        let server = self.server_metadata()?;
        let session = self.live()?.user_session();
        let party = self.application.party_of(&session, &server).ok_or("the client was forgotten")?;
        self.session.as_mut().ok_or("nobody is logged in")?.log_out(&mut self.env);
        self.pump()?;
        self.revoke()?;
        self.session = None;
        Ok(party.end_session(session.end_session(), &mut self.env)?.map(|(url, _)| url))
    }
}

fn main() -> Result<()> {
    let env = TestEnv::seeded(1);
    let provider = testing::Provider::new("https://account.example.org");
    let server = testing::Homeserver::new("https://matrix.example.org", "example.org", provider);
    let homeserver = Homeserver::new("https://matrix.example.org", Schemes::HttpsOnly)?;
    let redirect_uri = RedirectUri::new("org.example.app:/callback")?;
    let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri.clone()])
        .with_client_uri("https://app.example.org/");
    let application = Application::new(metadata, Registrations::default())?;
    let (http, clock) = (server.http(env.clock()), env.clock().clone());
    let mut oauth = OAuth::new(http, env, homeserver, application);

    // The second login is one of the same user, with the same device.
    for _ in 0..2 {
        let (url, pending, party) = oauth.login(redirect_uri.clone(), None)?;
        let callback = server.visit(url.as_str(), clock.now());
        oauth.finish_login(pending, &party, callback.callback())?;
    }
    let changes = oauth.subscribe_to_session_changes();
    let stored = serde_json::to_string(&oauth.live()?.user_session())?;
    oauth.restore_session(UserSession::from_json(&stored)?)?;
    let token = oauth.refresh_access_token()?;
    println!("{}: {:?}", oauth.live()?.user_id(), changes.try_recv()?);

    server.provider().forget_access_tokens();
    let refused = http::Response::builder().status(401).body(br#"{"errcode":"M_UNKNOWN_TOKEN"}"#.to_vec())?;
    oauth.responded(&token, &refused)?;
    println!("refused: {:?}", changes.try_recv()?);
    let url = oauth.account_management_url(Some(AccountAction::DevicesList))?;
    println!("{}", url.as_ref().map_or("there is no page", AccountUrl::as_str));
    let url = oauth.logout()?;
    println!("logged out: {:?}; the provider's page: {}", changes.try_recv()?, url.is_some());
    Ok(())
}
