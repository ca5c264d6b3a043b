//! A session whose record all windows share.

use oidc_proto::adapter::browser::BrowserEnv;
use oidc_proto::adapter::session::{SessionHandle, Sessions};
use oidc_proto::adapter::store::BrowserStore;
use oidc_proto::session::{Persistence, Session, SessionOptions};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

use crate::login::{Party, thrown};

/// A session of this window.
#[wasm_bindgen]
pub struct Keeper(SessionHandle<BrowserEnv>);

#[wasm_bindgen]
impl Keeper {
    /// Saves the tokens of the login under this name.
    pub fn keep(party: &Party, name: &str) -> Result<Self, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let tokens = party.tokens.clone().ok_or("no tokens")?;
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let mut session = Session::new(tokens, None, party.party.clone(), options, &mut env).map_err(thrown)?;
        session.save(&env);
        let store = BrowserStore::new(name, &mut env);
        Ok(Self::start(party, session, store, env))
    }

    /// The session whose record is stored under this name.
    pub async fn resume(party: &Party, name: String) -> Result<Self, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let store = BrowserStore::new(&name, &mut env);
        let record = store.load().await.map_err(thrown)?.ok_or("no record")?;
        let options = SessionOptions::default().with_persistence(Persistence::Shared);
        let (version, party_of) = (record.version(), party.party.clone());
        let session = Session::new(record.tokens, Some(version), party_of, options, &mut env).map_err(thrown)?;
        Ok(Self::start(party, session, store, env))
    }

    fn start(party: &Party, session: Session, store: BrowserStore, env: BrowserEnv) -> Self {
        let (sessions, run) = Sessions::new(party.driver.clone(), env);
        spawn_local(run);
        Self(sessions.add(session, store).unwrap())
    }

    /// An access token that is good.
    pub async fn access(&self) -> Result<String, JsValue> {
        self.0.access().await.map(|token| token.expose().to_owned()).map_err(|_| "no token".into())
    }

    /// An access token that is newer than the current one.
    pub async fn refresh(&self) -> Result<String, JsValue> {
        self.0.refresh().await.map(|token| token.expose().to_owned()).map_err(|_| "no token".into())
    }

    /// Ends the session for all windows, and revokes its tokens.
    pub async fn log_out(&self, party: &Party) -> Result<(), JsValue> {
        self.0.log_out();
        let mut env = BrowserEnv::new().map_err(thrown)?;
        while let Some(step) = self.0.poll_revocation() {
            party.driver.run(step.map_err(thrown)?, &mut env).await.map_err(thrown)?;
        }
        Ok(())
    }
}
