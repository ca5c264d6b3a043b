//! The sessions in the store: one a user and provider, and one a device at a Matrix homeserver. Each has two files: what it
//! is, and the record of its tokens, which the library's file store keeps for all processes.

mod advice;
mod finding;
mod saving;

use std::fmt::Write as _;
use std::time::Duration;

use oidc_proto::adapter::store::FileStore;
use oidc_proto::matrix::{DeviceId, Homeserver, UserId, UserSession};
use oidc_proto::session::{LoginId, RecordVersion, Standing};
use oidc_proto::{Registered, Schemes, Timestamp, TokenSet};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::args::IdTokenChoice;
use crate::beside;
use crate::event::Summary;
use crate::failure::Failure;
use crate::keys::{BindingKey, KeyFile};
use crate::store::Store;
use crate::wish::Wish;

pub(crate) use finding::{Damaged, all, choose, find, reload};
pub(crate) use saving::Held;

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
    /// The code of the provider's verdict, if the user has to log in again.
    needs_login: Option<String>,
    id: String,
}

/// What stays the same when tokens come and go.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    /// `http` on loopback was allowed.
    insecure_loopback: bool,
    /// `http` on private networks was allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    insecure_private_network: bool,
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
    /// What the login asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wish: Option<Wish>,
    /// When the user logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_at: Option<Timestamp>,
    /// The client was registered for this session alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_own_client: bool,
    /// The login in the record of its tokens, as it was first saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<String>,
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
    /// `None` at a Matrix homeserver.
    pub(crate) wish: Option<Wish>,
    /// The client that the command line names: it is kept once it has logged somebody in.
    pub(crate) named: Option<Registered>,
    /// The login that this one replaces is not revoked.
    pub(crate) keep_replaced: bool,
    /// The client was registered for this login alone.
    pub(crate) has_own_client: bool,
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
        let Choices { schemes, id_token, key_file, dpop_key, wish, named: _, keep_replaced: _, has_own_client } =
            choices;
        let id = id(&tokens, matrix.as_ref());
        let kept = Kept {
            version: VERSION,
            insecure_loopback: schemes == Schemes::DangerousHttpOnLoopback,
            insecure_private_network: schemes == Schemes::DangerousHttpOnPrivateNetwork,
            id_token,
            key_file,
            dpop_key,
            matrix,
            wish,
            begun_at: Some(tokens.obtained_at()),
            has_own_client,
            login: None,
        };
        Self { kept, tokens, stored: None, is_doubtful: false, needs_login: None, id }
    }

    /// The same with other tokens of its login.
    pub(crate) fn with_tokens(self, tokens: TokenSet) -> Self {
        Self { tokens, ..self }
    }

    /// What it was begun with, for a new login in its place.
    pub(crate) fn choices(&self) -> Choices {
        let Kept { id_token, key_file, dpop_key, wish, has_own_client, .. } = self.kept.clone();
        Choices {
            schemes: self.schemes(),
            id_token,
            key_file,
            dpop_key,
            wish,
            named: None,
            keep_replaced: false,
            has_own_client,
        }
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

    /// Which login its tokens are of.
    pub(crate) fn login(&self) -> Option<LoginId> {
        self.stored.and_then(|stored| stored.login)
    }

    pub(crate) fn subject(&self) -> &str {
        match &self.kept.matrix {
            Some(binding) => binding.user_id.as_str(),
            None => self.tokens.subject().unwrap_or_default(),
        }
    }

    pub(crate) fn schemes(&self) -> Schemes {
        if self.kept.insecure_private_network {
            Schemes::DangerousHttpOnPrivateNetwork
        } else if self.kept.insecure_loopback {
            Schemes::DangerousHttpOnLoopback
        } else {
            Schemes::HttpsOnly
        }
    }

    /// What its login asked for. An older session does not say: then it is what it got.
    pub(crate) fn wish(&self) -> Wish {
        let unknown = || Wish { scope: self.tokens.scope().clone(), ..Wish::default() };
        self.kept.wish.clone().unwrap_or_else(unknown)
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
            refresh_expires_in: self.tokens.refresh_expires_at().map(|at| at.saturating_since(now).as_secs()),
            age: now.saturating_since(self.begun_at()).as_secs(),
            needs_login: self.needs_login.as_deref(),
            hint: self.needs_login.as_ref().map(|_| self.again()).or_else(|| self.without_refresh()),
            dpop_thumbprint: self.tokens.dpop_thumbprint(),
            homeserver: self.kept.matrix.as_ref().map(|binding| binding.homeserver.as_str()),
            user_id: self.kept.matrix.as_ref().map(|binding| binding.user_id.as_str()),
            device_id: self.kept.matrix.as_ref().map(|binding| binding.device_id.as_str()),
        }
    }

    /// What users tell it from others by.
    fn line(&self, now: Timestamp) -> String {
        let age = now.saturating_since(self.begun_at()).as_secs();
        let age = match age {
            0..120 => format!("{age} s"),
            120..7200 => format!("{} min", age / 60),
            7200..172_800 => format!("{} h", age / 3600),
            _ => format!("{} days", age / 86_400),
        };
        format!("{}: {} at {}, {age} old", self.id, self.subject().escape_debug(), self.tokens.issuer())
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

    fn begun_at(&self) -> Timestamp {
        self.kept.begun_at.unwrap_or_else(|| self.tokens.obtained_at())
    }

    /// Whether it is in the store still.
    pub(crate) fn is_stored(&self, store: &Store) -> bool {
        matches!(store.read(&file(&self.id)), Ok(Some(_)))
    }

    /// Keeps the nonces that servers issued for its key.
    pub(crate) fn keep_nonces(&self, store: &Store) -> Result<(), Failure> {
        self.dpop_key().map_or(Ok(()), |key| beside::keep_nonces(store, &self.id, key.dpop()))
    }

    pub(crate) fn id_token(&self) -> IdTokenChoice {
        self.kept.id_token
    }

    /// Whether its client was registered for it alone.
    pub(crate) fn has_own_client(&self) -> bool {
        self.kept.has_own_client
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

fn file(id: &str) -> String {
    format!("session-{id}.json")
}

fn tokens_file(id: &str) -> String {
    format!("tokens-{id}.json")
}

fn lock_file(id: &str) -> String {
    tokens_file(id) + ".lock"
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
