//! The sessions in the store: one a user and provider, and one a device at a Matrix homeserver.

use std::fmt::Write as _;

use oidc_proto::matrix::{DeviceId, Homeserver, UserId, UserSession};
use oidc_proto::{Code as Core, Schemes, Timestamp, TokenSet};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::args::IdTokenChoice;
use crate::event::Summary;
use crate::failure::{Code, Failure};
use crate::keys::{BindingKey, KeyFile};
use crate::store::{Draft, Store};

const VERSION: u32 = 1;

/// A login, and the choices that were made for it: later commands need no more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    version: u32,
    /// `http` on loopback was allowed.
    insecure_loopback: bool,
    pub(crate) id_token: IdTokenChoice,
    /// Where the key is that the client authenticates by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<KeyFile>,
    /// What the tokens are bound to: as secret as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dpop_key: Option<BindingKey>,
    pub(crate) tokens: TokenSet,
    /// Of a login at a Matrix homeserver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matrix: Option<Binding>,
    #[serde(skip)]
    id: String,
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
        Self { version: VERSION, insecure_loopback, id_token, key_file, dpop_key, tokens, matrix, id }
    }

    /// What it was begun with, for a new login in its place.
    pub(crate) fn choices(&self) -> Choices {
        let Self { id_token, key_file, dpop_key, .. } = self.clone();
        Choices { schemes: self.schemes(), id_token, key_file, dpop_key }
    }

    /// As the library knows it, if it is one at a Matrix homeserver.
    pub(crate) fn user_session(&self) -> Option<UserSession> {
        let Binding { homeserver, user_id, device_id } = self.matrix.clone()?;
        Some(UserSession::new(homeserver, user_id, device_id, self.tokens.clone()))
    }

    /// Where it was made, if that is a Matrix homeserver.
    pub(crate) fn homeserver(&self) -> Option<&Homeserver> {
        self.matrix.as_ref().map(|binding| &binding.homeserver)
    }

    /// The same session after its tokens were refreshed.
    pub(crate) fn with_tokens(self, tokens: TokenSet) -> Self {
        Self { tokens, ..self }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn subject(&self) -> &str {
        match &self.matrix {
            Some(binding) => binding.user_id.as_str(),
            None => self.tokens.subject().unwrap_or_default(),
        }
    }

    pub(crate) fn schemes(&self) -> Schemes {
        if self.insecure_loopback { Schemes::DangerousHttpOnLoopback } else { Schemes::HttpsOnly }
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
            refreshable: self.tokens.refresh_token().is_some(),
            dpop_thumbprint: self.tokens.dpop_thumbprint(),
            homeserver: self.matrix.as_ref().map(|binding| binding.homeserver.as_str()),
            user_id: self.matrix.as_ref().map(|binding| binding.user_id.as_str()),
            device_id: self.matrix.as_ref().map(|binding| binding.device_id.as_str()),
        }
    }

    /// Writes it, in place of an older session of the same user.
    pub(crate) fn save(&self, draft: Draft) -> Result<(), Failure> {
        draft.keep(&file(&self.id), self)
    }

    pub(crate) fn remove(&self, store: &Store) -> Result<(), Failure> {
        store.remove(&file(&self.id))
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
        Ok(Versioned { version }) if version > VERSION => return Err(damaged(Core::StoredVersion)),
        _ => return Err(damaged(Core::StoredMalformed)),
    }
    let session: Session = serde_json::from_str(&text).map_err(|_| damaged(Core::StoredMalformed))?;
    let session = Session { id: id(&session.tokens, session.matrix.as_ref()), ..session };
    // Without the right key the tokens are of no use.
    if session.dpop_key.as_ref().map(|key| key.dpop().thumbprint()) != session.tokens.dpop_thumbprint() {
        return Err(damaged(Core::StoredMalformed));
    }
    // A session under another's name would be taken for it.
    if file(&session.id) == *name { Ok(Some(session)) } else { Err(damaged(Core::StoredMalformed)) }
}

fn file(id: &str) -> String {
    format!("session-{id}.json")
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
