//! A session whose record all windows of the origin share.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use js_sys::{Array, Promise, Uint8Array};
use oidc_proto::adapter::Timer as _;
use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer};
use oidc_proto::adapter::session::{Listener, SessionHandle, Sessions};
use oidc_proto::adapter::store::{BrowserStore, RecordWatch};
use oidc_proto::matrix::{Binding, ErrorBody, Party, SoftLogout, UserSession, Whoami};
use oidc_proto::session::{Event, Persistence, Refusal, Session, SessionOptions, Standing};
use oidc_proto::{
    Accept, Body, Challenge, EndSessionRequest, Error, ErrorCode, Policy, Recovery, RedirectUri, RelyingParty,
    ResourceError, TokenSet,
};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::place::{Http, PATIENCE, env};
use crate::thrown::{described, refused, thrown};

/// The longest response of a resource.
const LONGEST: usize = 16 * 1024 * 1024;

/// A session of this window.
#[wasm_bindgen]
pub struct Live {
    handle: SessionHandle<BrowserEnv>,
    driver: Http,
    party: RelyingParty,
    binding: Option<Binding>,
    said: RefCell<SoftLogout>,
    listener: Rc<RefCell<Listener>>,
    /// Dropping it ends the watch.
    _watch: RecordWatch,
}

impl Live {
    pub(crate) async fn begin(
        driver: Http,
        party: RelyingParty,
        binding: Option<Binding>,
        tokens: TokenSet,
        name: &str,
        mut env: BrowserEnv,
    ) -> Result<Self, JsValue> {
        let mut session = Session::new(tokens, None, party.clone(), options(), &mut env).map_err(thrown)?;
        session.save(&env);
        let store = BrowserStore::new(name, &mut env);
        let live = Self::start(driver, party, binding, session, store, env)?;
        // The page may be left at once. A store that cannot save is an event; the session goes on without.
        for _ in 0..400 {
            if live.handle.is_idle() {
                break;
            }
            if let Some(pause) = BrowserTimer.sleep(Duration::from_millis(5)) {
                pause.await;
            }
        }
        Ok(live)
    }

    /// Goes on with what is stored. `home` is the homeserver that the tokens are for.
    pub(crate) async fn resume(
        driver: Http,
        party: RelyingParty,
        home: Option<&Party>,
        name: &str,
    ) -> Result<Option<Self>, JsValue> {
        let mut env = env()?;
        let store = BrowserStore::new(name, &mut env);
        let Some(record) = store.load().await.map_err(thrown)? else { return Ok(None) };
        let version = Some(record.version());
        let session = Session::new(record.tokens, version, party.clone(), options(), &mut env).map_err(thrown)?;
        let mut live = Self::start(driver, party, None, session, store, env)?;
        if let Some(home) = home {
            live.binding = Some(live.whose(home).await?);
        }
        Ok(Some(live))
    }

    fn start(
        driver: Http,
        party: RelyingParty,
        binding: Option<Binding>,
        session: Session,
        store: BrowserStore,
        env: BrowserEnv,
    ) -> Result<Self, JsValue> {
        let (sessions, run) = Sessions::new(driver.clone(), env);
        spawn_local(run);
        let handle = sessions.add(session, store.clone()).map_err(|misfit| thrown(misfit.into()))?;
        let listener = Rc::new(RefCell::new(handle.subscribe()));
        let told = handle.clone();
        let watch = store.watch(move || told.reload());
        Ok(Self { handle, driver, party, binding, said: RefCell::default(), listener, _watch: watch })
    }

    /// The user and the device, as the homeserver knows them: what the browser has kept of them, anybody can have written.
    async fn whose(&self, home: &Party) -> Result<Binding, JsValue> {
        self.token_in_time().await?;
        let mut is_second = false;
        loop {
            let (mut env, tokens) = (env()?, self.handle.tokens());
            let step = Whoami::start(&tokens, home, &mut env).map_err(thrown)?;
            match self.driver.run(step, &mut env).await {
                Ok(identity) => {
                    let device = identity.device_id.ok_or_else(|| thrown(ErrorCode::WHOAMI_DEVICE_ID.into()))?;
                    let user = UserSession::new(home.homeserver().clone(), identity.user_id, device, tokens);
                    return Ok(user.binding().clone());
                }
                Err(error) if error.recovery() == Recovery::LogInAgain && !is_second => {
                    is_second = true;
                    self.handle.unauthorized(tokens.access_token(), Refusal::Token).await.map_err(refused)?;
                }
                Err(error) => return Err(thrown(error)),
            }
        }
    }

    /// Sees to it that there is a good token. Whoever waits for a page does not wait until the network is back.
    async fn token_in_time(&self) -> Result<(), JsValue> {
        let token = match BrowserTimer.sleep(PATIENCE) {
            Some(late) => self.handle.access_before(late).await,
            None => self.handle.access().await,
        };
        token.map(drop).map_err(refused)
    }

    /// What a response says against the token.
    fn refusal(&self, used: &TokenSet, response: &http::Response<Body>) -> Option<Refusal> {
        if self.binding.is_some() {
            let error = ErrorBody::parse(response.body().as_ref())?;
            let current = self.handle.tokens();
            let mut said = self.said.borrow_mut();
            return said.refusal(used.access_token(), current.access_token(), response.status(), &error);
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        let step_up = |challenge: &Challenge| challenge.error == Some(ResourceError::InsufficientUserAuthentication);
        match Challenge::parse_all(response.headers()).into_iter().find(step_up) {
            Some(challenge) => Some(Refusal::StepUp { acr_values: challenge.acr_values, max_age: challenge.max_age }),
            None => Some(Refusal::Token),
        }
    }

    async fn exchange(
        &self,
        method: String,
        url: String,
        headers: Vec<String>,
        body: Vec<u8>,
    ) -> Result<Array, JsValue> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let request = || {
            let request = Request::builder().method(method.clone()).uri(url.as_str());
            let pairs = headers.as_chunks::<2>().0;
            let request = pairs.iter().fold(request, |request, [name, value]| request.header(name, value));
            request.body(Body::from(body.clone())).map_err(|error| JsValue::from_str(&error.to_string()))
        };
        self.handle.access().await.map_err(refused)?;
        let tokens = self.handle.tokens();
        let mut response = self.send(request()?, &tokens).await?;
        if let Some(refusal) = self.refusal(&tokens, &response) {
            self.handle.unauthorized(tokens.access_token(), refusal).await.map_err(refused)?;
            response = self.send(request()?, &self.handle.tokens()).await?;
        }
        let headers = response.headers().iter().flat_map(|(name, value)| {
            [JsValue::from_str(name.as_str()), JsValue::from_str(value.to_str().unwrap_or_default())]
        });
        let headers: Array = headers.collect();
        Ok(Array::of3(&response.status().as_u16().into(), &headers, &Uint8Array::from(response.body().as_ref())))
    }

    async fn send(&self, request: Request<Body>, tokens: &TokenSet) -> Result<http::Response<Body>, JsValue> {
        let mut env = env()?;
        let policy = Policy::write(Accept::Any).with_body_limit(LONGEST);
        let step = self.party.call(request, policy, tokens, &mut env).map_err(thrown)?;
        self.driver.run(step, &mut env).await.map_err(thrown)
    }
}

#[wasm_bindgen]
impl Live {
    /// Who is logged in and for how long, in JSON. Times are in milliseconds since the epoch.
    pub fn user(&self) -> String {
        let tokens = self.handle.tokens();
        let claims = tokens.id_token().and_then(|id_token| id_token.claims::<Value>().ok());
        let subject = match &self.binding {
            Some(binding) => Some(binding.user_id().as_str()),
            None => tokens.subject(),
        };
        json!({
            "subject": subject,
            "deviceId": self.binding.as_ref().map(|binding| binding.device_id().as_str()),
            "claims": claims,
            "scope": tokens.scope().as_str(),
            "tokenType": if tokens.dpop_thumbprint().is_some() { "DPoP" } else { "Bearer" },
            "obtainedAt": tokens.obtained_at().unix_millis(),
            "expiresAt": tokens.expires_at().map(|at| at.unix_millis()),
            "canRefresh": tokens.refresh_token().is_some(),
            "standing": match self.handle.standing() {
                Standing::Good => "good",
                Standing::Doubtful => "doubtful",
                Standing::Refused => "refused",
                _ => "expired",
            },
        })
        .to_string()
    }

    /// Gets tokens that are newer.
    pub async fn refresh(&self) -> Result<(), JsValue> {
        self.handle.refresh().await.map(drop).map_err(refused)
    }

    /// The claims of the userinfo endpoint, in JSON.
    pub async fn userinfo(&self) -> Result<String, JsValue> {
        self.handle.access().await.map_err(refused)?;
        let mut env = env()?;
        let step = self.party.userinfo(&self.handle.tokens(), &mut env).map_err(thrown)?;
        let userinfo = self.driver.run(step, &mut env).await.map_err(thrown)?;
        Ok(userinfo.claims::<Value>().map_err(thrown)?.to_string())
    }

    /// Sends a request with the token, and once more with a newer one if the token was refused. `headers` has names and
    /// values in turn. Returns status, headers and body; nothing if `stopped` comes before, which ends the request.
    pub async fn call(
        &self,
        method: String,
        url: String,
        headers: Vec<String>,
        body: Vec<u8>,
        stopped: Promise,
    ) -> Result<Option<Array>, JsValue> {
        let (mut called, mut stopped) = (pin!(self.exchange(method, url, headers, body)), JsFuture::from(stopped));
        poll_fn(|context| match pin!(&mut stopped).poll(context) {
            Poll::Ready(_) => Poll::Ready(Ok(None)),
            Poll::Pending => called.as_mut().poll(context).map(|called| called.map(Some)),
        })
        .await
    }

    /// Ends the session for all windows, and revokes its tokens. Returns the error of a revocation that failed, in JSON:
    /// the session has ended all the same.
    pub async fn log_out(&self) -> Result<Option<String>, JsValue> {
        let mut listener = self.handle.subscribe();
        self.handle.log_out();
        while !matches!(listener.next().await, None | Some(Event::LoggedOut(_))) {}
        self.revoke_given_back().await
    }

    /// Revokes the tokens that the session has given back: to be called after the event `orphaned`. Returns the error of
    /// a revocation that failed, in JSON.
    pub async fn revoke_given_back(&self) -> Result<Option<String>, JsValue> {
        let mut env = env()?;
        let mut failed: Option<Error> = None;
        while let Some(step) = self.handle.poll_revocation() {
            let revoked = match step {
                Ok(step) => self.driver.run(step, &mut env).await.map(drop),
                Err(error) => Err(error),
            };
            failed = failed.or(revoked.err());
        }
        Ok(failed.map(|error| described(&error).to_string()))
    }

    /// Where the user goes to be logged out at the provider, too; nothing if it has no such page.
    pub fn end_session(&self, return_to: Option<String>) -> Result<Option<String>, JsValue> {
        let tokens = self.handle.tokens();
        let mut request = EndSessionRequest::new();
        if let Some(id_token) = tokens.id_token() {
            request = request.with_id_token_hint(id_token);
        }
        if let Some(uri) = return_to {
            request = request.with_post_logout_redirect_uri(RedirectUri::new(&uri).map_err(thrown)?);
        }
        if self.party.provider().metadata().end_session_endpoint.is_none() {
            return Ok(None);
        }
        let (url, _) = self.party.end_session(request, &mut env()?).map_err(thrown)?;
        Ok(Some(url.as_str().to_owned()))
    }

    /// Waits for the next event: its name and its error, in JSON. Nothing after the last one.
    pub fn next_event(&self) -> js_sys::Promise {
        let listener = self.listener.clone();
        wasm_bindgen_futures::future_to_promise(async move {
            let event = std::future::poll_fn(|context| listener.borrow_mut().poll_next(context)).await;
            Ok(event.map_or(JsValue::NULL, |event| {
                let value = json!({ "name": event.name(), "error": event.error().map(described) });
                JsValue::from_str(&value.to_string())
            }))
        })
    }
}

fn options() -> SessionOptions {
    SessionOptions::default().with_persistence(Persistence::Shared)
}
