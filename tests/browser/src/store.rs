//! The store's actions, one by one.

use std::time::Duration;

use oidc_proto::adapter::browser::BrowserEnv;
use oidc_proto::adapter::store::{BrowserStore, SessionStore as _};
use oidc_proto::session::{Record, StoreAction, StoreResponse};
use oidc_proto::{AccessToken, Issuer, Schemes, Timestamp, TokenSet};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::thrown;

/// A holder of the lock of one record.
#[wasm_bindgen]
pub struct Store(BrowserStore);

#[wasm_bindgen]
impl Store {
    /// It waits so many milliseconds for the lock, and takes it from a holder that shows no sign of life for so many.
    #[wasm_bindgen(constructor)]
    pub fn new(name: &str, patience: u32, lease: u32) -> Result<Self, JsValue> {
        let mut env = BrowserEnv::new().map_err(thrown)?;
        let store = BrowserStore::with_patience(name, Duration::from_millis(patience.into()), &mut env);
        Ok(Self(store.with_lease(Duration::from_millis(lease.into()))))
    }

    /// Carries out the action of this name, for a record of the generation `expect`; 0 for no record. The access token of that
    /// record is the number's name. A save writes the next generation with this access token. Returns the response in a line.
    pub async fn act(&self, action: String, expect: u32, token: String) -> Result<String, JsValue> {
        let name = match expect {
            1 => "first",
            2 => "second",
            _ => "later",
        };
        let expected = Record::new(expect.into(), tokens(name.to_owned()).map_err(thrown)?);
        let version = (expect > 0).then_some(expected.version());
        let action = match action.as_str() {
            "lock" => StoreAction::Lock,
            "unlock" => StoreAction::Unlock,
            "load" => StoreAction::Load,
            "prepare" => StoreAction::Prepare { expect: version },
            "discard" => StoreAction::Discard,
            "save" => {
                let next = Record::new(u64::from(expect) + 1, tokens(token).map_err(thrown)?);
                StoreAction::Save { expect: version, next }
            }
            "erase" => StoreAction::Erase { expect: version },
            _ => return Err("no such action".into()),
        };
        Ok(told(self.0.carry_out(action).await))
    }
}

fn tokens(token: String) -> Result<TokenSet, oidc_proto::Error> {
    let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
    TokenSet::from_parts(&issuer, "app", AccessToken::new(token)?, None, Timestamp::from_unix_seconds(0))
}

fn told(response: StoreResponse) -> String {
    let named = |record: Option<Box<Record>>| match record {
        Some(record) => format!("{} {}", record.generation, record.tokens.access_token().expose()),
        None => "nothing".to_owned(),
    };
    match response {
        StoreResponse::Locked => "locked".to_owned(),
        StoreResponse::Loaded { record, begun } => format!("{}{}", named(record), if begun { ", begun" } else { "" }),
        StoreResponse::Prepared => "prepared".to_owned(),
        StoreResponse::Saved => "saved".to_owned(),
        StoreResponse::Conflict(record) => format!("conflict {}", named(record)),
        StoreResponse::Done => "done".to_owned(),
        StoreResponse::Erased { begun } => format!("erased{}", if begun { ", begun" } else { "" }),
        StoreResponse::Failed(error) => format!("failed {}", error.code().as_str()),
    }
}
