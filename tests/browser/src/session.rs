//! A session whose record is in the browser.

use std::time::Duration;

use oidc_proto::adapter::Timer as _;
use oidc_proto::adapter::browser::{BrowserEnv, BrowserTimer};
use oidc_proto::adapter::session::{NoToken, SessionHandle, Sessions};
use oidc_proto::adapter::store::{BrowserStore, RecordWatch};
use oidc_proto::session::{Event, Persistence, Session, SessionOptions};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

use super::client::Party;
use super::thrown;

/// A session of this window, which hears of changes in others.
#[wasm_bindgen]
pub struct Keeper(SessionHandle<BrowserEnv>, #[allow(dead_code, reason = "dropping it ends the watch")] RecordWatch);

/// The time that is waited for the lock, and that a holder may show no sign of life, in milliseconds.
const PATIENCE: Duration = Duration::from_millis(1000);
const LEASE: Duration = Duration::from_millis(3000);

#[wasm_bindgen]
impl Keeper {
    /// Saves the tokens of the login under this name. Ends when they are saved.
    pub async fn keep(party: &Party, name: String) -> Result<Self, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = party.tokens().ok_or("no tokens")?;
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let mut session = Session::new(tokens, None, party.party().clone(), options, &mut env).map_err(thrown)?;
        session.save(&env);
        let keeper = Self::start(party, session, store(&name, &mut env), env);
        // A save that succeeds is no event.
        while !keeper.0.is_idle() {
            let pause = BrowserTimer.sleep(Duration::from_millis(5));
            pause.ok_or("no timer")?.await;
        }
        Ok(keeper)
    }

    /// The session whose record is stored under this name.
    pub async fn resume(party: &Party, name: String) -> Result<Self, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let store = store(&name, &mut env);
        let record = store.load().await.map_err(thrown)?.ok_or("no record")?;
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let (version, party_of) = (record.version(), party.party().clone());
        let session = Session::new(record.tokens, Some(version), party_of, options, &mut env).map_err(thrown)?;
        Ok(Self::start(party, session, store, env))
    }

    fn start(party: &Party, session: Session, store: BrowserStore, env: BrowserEnv) -> Self {
        let (sessions, run) = Sessions::new(party.driver().clone(), env);
        spawn_local(run);
        let handle = sessions.add(session, store.clone()).unwrap();
        let told = handle.clone();
        Self(handle, store.watch(move || told.reload()))
    }

    /// The newest access token that this window knows, without asking anybody.
    pub fn token(&self) -> String {
        self.0.tokens().access_token().expose().to_owned()
    }

    /// An access token that is good.
    pub async fn access(&self) -> Result<String, JsValue> {
        self.0.access().await.map(|token| token.expose().to_owned()).map_err(refused)
    }

    /// An access token that is newer than the current one.
    pub async fn refresh(&self) -> Result<String, JsValue> {
        self.0.refresh().await.map(|token| token.expose().to_owned()).map_err(refused)
    }

    /// Ends the session for all windows, and revokes its tokens.
    pub async fn log_out(&self, party: &Party) -> Result<(), JsValue> {
        let mut listener = self.0.subscribe();
        self.0.log_out();
        while !matches!(listener.next().await, None | Some(Event::LoggedOut { .. })) {}
        let mut env = BrowserEnv::new().map_err(thrown)?;
        while let Some(step) = self.0.poll_revocation() {
            party.driver().run(step.map_err(thrown)?, &mut env).await.map_err(thrown)?;
        }
        Ok(())
    }
}

fn refused(error: NoToken) -> JsValue {
    let value = serde_json::json!({
        "code": error.error().map(|error| error.code().as_str()),
        "is_over": matches!(error, NoToken::Ended(_)),
        "text": error.to_string(),
    });
    JsValue::from_str(&value.to_string())
}

fn store(name: &str, env: &mut BrowserEnv) -> BrowserStore {
    BrowserStore::with_patience(name, PATIENCE, env).with_lease(LEASE)
}
