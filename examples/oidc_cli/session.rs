//! The sessions in the store: one a user and provider, and one a device at a Matrix homeserver. Each has two files: what it
//! is, and the record of its tokens, which the library's file store keeps for all processes.

use std::fmt::Write as _;
use std::time::Duration;

use oidc_proto::adapter::store::{BlockingSessionStore as _, FileStore};
use oidc_proto::matrix::{DeviceId, Homeserver, UserId, UserSession};
use oidc_proto::session::{Record, RecordVersion, Standing, StoreAction, StoreResponse};
use oidc_proto::{Env, ErrorCode as Core, Schemes, Timestamp, TokenSet};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::args::IdTokenChoice;
use crate::asked;
use crate::event::Summary;
use crate::failure::{Code, Failure};
use crate::keys::{BindingKey, KeyFile};
use crate::store::{Draft, Store};

const VERSION: u32 = 1;

/// A login, and the choices that were made for it: later commands need no more.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    kept: Kept,
    pub(crate) tokens: TokenSet,
    /// The record of the tokens, if there is one.
    pub(crate) stored: Option<RecordVersion>,
    /// The provider was asked for new tokens and has not answered: it may have ended the access token.
    pub(crate) is_doubtful: bool,
    id: String,
}

/// What stays the same when tokens come and go.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// `http` on loopback was allowed.
    insecure_loopback: bool,
    id_token: IdTokenChoice,
    /// Where the key is that the client authenticates by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_file: Option<KeyFile>,
    /// What the tokens are bound to: as secret as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_key: Option<BindingKey>,
    /// Of a login at a Matrix homeserver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matrix: Option<Binding>,
}

/// What a session at a Matrix homeserver is bound to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Binding {
    homeserver: Homeserver,
    user_id: UserId,
    device_id: DeviceId,
}

/// What a login was begun with, and what its session needs later.
#[derive(Clone, Debug)]
pub(crate) struct Choices {
    pub(crate) schemes: Schemes,
    pub(crate) id_token: IdTokenChoice,
    pub(crate) key_file: Option<KeyFile>,
    pub(crate) dpop_key: Option<BindingKey>,
}

impl Session {
    pub(crate) fn new(tokens: TokenSet, choices: Choices) -> Self {
        Self::bound(tokens, None, choices)
    }

    /// The session of a login at a Matrix homeserver.
    pub(crate) fn matrix(session: &UserSession, choices: Choices) -> Self {
        let (homeserver, user_id, device_id) =
            (session.homeserver().clone(), session.user_id().clone(), session.device_id().clone());
        Self::bound(session.tokens().clone(), Some(Binding { homeserver, user_id, device_id }), choices)
    }

    fn bound(tokens: TokenSet, matrix: Option<Binding>, choices: Choices) -> Self {
        let Choices { schemes, id_token, key_file, dpop_key } = choices;
        let (id, insecure_loopback) = (id(&tokens, matrix.as_ref()), schemes == Schemes::DangerousHttpOnLoopback);
        let kept = Kept { version: VERSION, insecure_loopback, id_token, key_file, dpop_key, matrix };
        Self { kept, tokens, stored: None, is_doubtful: false, id }
    }

    /// What it was begun with, for a new login in its place.
    pub(crate) fn choices(&self) -> Choices {
        let Kept { id_token, key_file, dpop_key, .. } = self.kept.clone();
        Choices { schemes: self.schemes(), id_token, key_file, dpop_key }
    }

    /// As the library knows it, if it is one at a Matrix homeserver.
    pub(crate) fn user_session(&self) -> Option<UserSession> {
        let Binding { homeserver, user_id, device_id } = self.kept.matrix.clone()?;
        Some(UserSession::new(homeserver, user_id, device_id, self.tokens.clone()))
    }

    /// Where it was made, if that is a Matrix homeserver.
    pub(crate) fn homeserver(&self) -> Option<&Homeserver> {
        self.kept.matrix.as_ref().map(|binding| &binding.homeserver)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// How often its tokens were saved.
    pub(crate) fn generation(&self) -> u64 {
        self.stored.map_or(0, |stored| stored.generation)
    }

    pub(crate) fn subject(&self) -> &str {
        match &self.kept.matrix {
            Some(binding) => binding.user_id.as_str(),
            None => self.tokens.subject().unwrap_or_default(),
        }
    }

    pub(crate) fn schemes(&self) -> Schemes {
        if self.kept.insecure_loopback { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly }
    }

    /// What of it is no secret.
    pub(crate) fn summary(&self, now: Timestamp) -> Summary<'_> {
        Summary {
            session: &self.id,
            issuer: self.tokens.issuer().as_str(),
            subject: self.subject(),
            client_id: self.tokens.client_id(),
            scope: self.tokens.scope().as_str(),
            expires_in: expires_in(&self.tokens, now),
            doubtful: self.is_doubtful && !self.tokens.is_expired(now, Duration::ZERO),
            refreshable: self.tokens.refresh_token().is_some(),
            dpop_thumbprint: self.tokens.dpop_thumbprint(),
            homeserver: self.kept.matrix.as_ref().map(|binding| binding.homeserver.as_str()),
            user_id: self.kept.matrix.as_ref().map(|binding| binding.user_id.as_str()),
            device_id: self.kept.matrix.as_ref().map(|binding| binding.device_id.as_str()),
        }
    }

    /// Writes it, in place of an older session of the same user. Whoever uses that one meanwhile finds the new tokens.
    pub(crate) fn save(&self, draft: Draft, env: &mut dyn Env) -> Result<(), Failure> {
        let (name, files) = (tokens_file(&self.id), draft.files());
        let tokens = files.record(&name);
        let response = match tokens.carry_out(StoreAction::Lock) {
            StoreResponse::Locked => {
                let expect = tokens.load().map_err(|error| files.explain(&name, &error))?;
                let expect = expect.map(|record| record.version());
                let next = Box::new(Record::of_login(self.tokens.clone(), expect, env));
                tokens.carry_out(StoreAction::Save { expect, next })
            }
            response => response,
        };
        tokens.carry_out(StoreAction::Unlock);
        match response {
            StoreResponse::Saved => draft.keep(&file(&self.id), &self.kept),
            StoreResponse::Failed(error) => Err(files.explain(&name, &error)),
            _ => Err(files.explain(&name, &Core::SESSION_STORE.into())),
        }
    }

    /// Removes it, and returns it with the tokens that it had last, and whether a refresh of these was begun and has no end:
    /// then they may be spent.
    pub(crate) fn remove(self, store: &Store) -> Result<(Self, bool), Failure> {
        let name = tokens_file(&self.id);
        let tokens = store.files().record(&name);
        if let StoreResponse::Failed(error) = tokens.carry_out(StoreAction::Lock) {
            return Err(store.files().explain(&name, &error));
        }
        let begun = match tokens.carry_out(StoreAction::Load) {
            StoreResponse::Failed(error) => return Err(store.files().explain(&name, &error)),
            StoreResponse::Loaded { begun, .. } => begun,
            _ => false,
        };
        // Who refreshed it in the meantime has saved it.
        let session = reload(store, &self)?;
        match tokens.carry_out(StoreAction::Erase { expect: session.stored }) {
            StoreResponse::Failed(error) => Err(store.files().explain(&name, &error)),
            StoreResponse::Conflict(_) => Err(store.files().explain(&name, &Core::STORE_CONFLICT.into())),
            _ => {
                asked::erase(store, &self.id, u64::MAX)?;
                store.remove(&file(&self.id)).map(|()| (session, begun))
            }
        }
    }

    /// Where its tokens are kept.
    pub(crate) fn record(&self, store: &Store) -> FileStore {
        store.files().record(&tokens_file(&self.id))
    }

    /// Why that failed.
    pub(crate) fn store_failure(&self, store: &Store, error: &oidc_proto::Error) -> Failure {
        store.files().explain(&tokens_file(&self.id), error)
    }

    /// The access token as it is before anyone is asked.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        match self.is_doubtful {
            _ if self.tokens.is_expired(now, Duration::ZERO) => Standing::Expired,
            true => Standing::Doubtful,
            false => Standing::Good,
        }
    }

    pub(crate) fn id_token(&self) -> IdTokenChoice {
        self.kept.id_token
    }

    pub(crate) fn key_file(&self) -> Option<&KeyFile> {
        self.kept.key_file.as_ref()
    }

    pub(crate) fn dpop_key(&self) -> Option<&BindingKey> {
        self.kept.dpop_key.as_ref()
    }
}

/// Seconds until the access token expires.
pub(crate) fn expires_in(tokens: &TokenSet, now: Timestamp) -> Option<u64> {
    tokens.expires_at().map(|expires_at| expires_at.saturating_since(now).as_secs())
}

/// All sessions, and what is wrong with files that cannot be read.
pub(crate) fn all(store: &Store) -> Result<(Vec<Session>, Vec<Failure>), Failure> {
    let (mut sessions, mut failures) = (Vec::new(), Vec::new());
    for name in store.session_files()? {
        match load(store, &name) {
            Ok(session) => sessions.extend(session),
            Err(failure) => failures.push(failure),
        }
    }
    Ok((sessions, failures))
}

/// The session that is meant: the one whose ID begins like this, or the only one.
pub(crate) fn choose(store: &Store, wanted: Option<&str>) -> Result<Session, Failure> {
    let (mut sessions, failures) = all(store)?;
    if let Some(wanted) = wanted {
        sessions.retain(|session| !wanted.is_empty() && session.id.starts_with(wanted));
    }
    // With a file that cannot be read nobody knows whether the choice is the only one.
    let certain = wanted.is_some_and(|wanted| sessions.iter().any(|session| session.id == wanted));
    if let Some(failure) = failures.into_iter().next().filter(|_| !certain) {
        return Err(failure);
    }
    let ids = sessions.iter().map(|session| session.id.as_str()).collect::<Vec<_>>().join(", ");
    match (sessions.pop(), wanted) {
        (Some(session), _) if sessions.is_empty() => Ok(session),
        (Some(_), _) => Err(Code::SessionAmbiguous.because(ids)),
        (None, Some(wanted)) => Err(Code::SessionUnknown.because(wanted.escape_debug())),
        (None, None) => Err(Code::NoSession.because("log in first")),
    }
}

/// The session as it is now; another process may have changed it.
pub(crate) fn reload(store: &Store, session: &Session) -> Result<Session, Failure> {
    load(store, &file(&session.id))?.ok_or_else(|| Code::NoSession.because("it was logged out meanwhile"))
}

fn load(store: &Store, name: &str) -> Result<Option<Session>, Failure> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }

    let Some(text) = store.read(name)? else { return Ok(None) };
    let damaged = |code: Core| store.damaged(name, &code.into());
    match serde_json::from_str::<Versioned>(&text) {
        Ok(Versioned { version: VERSION }) => {}
        Ok(Versioned { version }) if version > VERSION => return Err(damaged(Core::STORED_VERSION)),
        _ => return Err(damaged(Core::STORED_MALFORMED)),
    }
    let kept: Kept = serde_json::from_str(&text).map_err(|_| damaged(Core::STORED_MALFORMED))?;
    let tokens_name = name.replacen("session-", "tokens-", 1);
    let record = store.files().record(&tokens_name).load();
    // Its tokens went first: it was logged out, and somebody was interrupted.
    let Some(record) = record.map_err(|error| store.files().explain(&tokens_name, &error))? else { return Ok(None) };
    let stored = record.version();
    let tokens = record.tokens;
    // Without the right key the tokens are of no use.
    if kept.dpop_key.as_ref().map(|key| key.dpop().thumbprint()) != tokens.dpop_thumbprint() {
        return Err(damaged(Core::STORED_MALFORMED));
    }
    let id = id(&tokens, kept.matrix.as_ref());
    let is_doubtful = asked::is_noted(store, &id, stored.generation)?;
    let session = Session { id, kept, tokens, stored: Some(stored), is_doubtful };
    // A session under another's name would be taken for it.
    if file(&session.id) == *name { Ok(Some(session)) } else { Err(damaged(Core::STORED_MALFORMED)) }
}

fn file(id: &str) -> String {
    format!("session-{id}.json")
}

fn tokens_file(id: &str) -> String {
    format!("tokens-{id}.json")
}

/// A short name for issuer and subject, or for homeserver, user and device.
fn id(tokens: &TokenSet, matrix: Option<&Binding>) -> String {
    let parts = match matrix {
        Some(Binding { homeserver, user_id, device_id }) => {
            [homeserver.as_str(), user_id.as_str(), device_id.as_str()].join("\n")
        }
        // No URL has one.
        None => [tokens.issuer().as_str(), tokens.subject().unwrap_or_default()].join("\n"),
    };
    let digest = Sha256::digest(parts);
    digest.iter().take(6).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
