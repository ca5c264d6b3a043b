//! Logouts: by name, by user, by session of the provider.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::named::Registry;
use crate::adapter::session::handle::SessionHandle;
use crate::adapter::session::lock::lock;
use crate::adapter::store::{IndexKey, SessionStores};
use crate::base::env::Env;
use crate::error::{Error, ErrorCode};
use crate::flow::Revocation;
use crate::party::relying_party::RelyingParty;
use crate::session::{EndedForGood, Erased, Event, Logout};
use crate::step::Step;
use crate::token::logout_token::LogoutToken;
use crate::token::token_set::TokenSet;

/// A session that was logged out. If it is dropped, [`Registry::poll_revocation`] gives what is to be revoked.
pub struct LoggedOut<E> {
    name: Arc<str>,
    logout: Logout,
    handle: SessionHandle<E>,
}

impl<E: Env> LoggedOut<E> {
    /// The name of the session.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What became of its record.
    pub fn logout(&self) -> &Logout {
        &self.logout
    }

    /// A revocation to drive, as
    /// [`Session::poll_revocation`](crate::session::Session::poll_revocation) gives it. After a
    /// back-channel logout, tokens of the scope `offline_access` should normally not be revoked
    /// (Back-Channel Logout 1.0 section 2.7): for these, drop what this gives, and do not drive it.
    ///
    /// # Errors
    /// Those of [`Session::poll_revocation`](crate::session::Session::poll_revocation).
    pub fn poll_revocation(&self) -> Option<Result<Step<Revocation>, Error>> {
        self.handle.poll_revocation()
    }

    /// The newest tokens: `end_session` takes their ID token as a hint.
    pub fn tokens(&self) -> TokenSet {
        self.handle.tokens()
    }
}

impl<E> fmt::Debug for LoggedOut<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedOut").field("logout", &self.logout).finish_non_exhaustive()
    }
}

/// The sessions that a logout has ended.
pub struct LoggedOutSessions<E> {
    sessions: Vec<LoggedOut<E>>,
    reaches_stores: bool,
}

impl<E> fmt::Debug for LoggedOutSessions<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.sessions).finish()
    }
}

impl<E> LoggedOutSessions<E> {
    /// The sessions that were ended, in the order of their names; none if there were none any more.
    pub fn sessions(&self) -> &[LoggedOut<E>] {
        &self.sessions
    }

    /// The same, by value.
    pub fn into_sessions(self) -> Vec<LoggedOut<E>> {
        self.sessions
    }

    /// Whether the stores were searched, too. They are not if they have no index: then only
    /// sessions in the memory of this process have ended, and there may be more in the stores and
    /// in other processes.
    pub fn reaches_stores(&self) -> bool {
        self.reaches_stores
    }
}

impl<P: SessionStores, E: Env> Registry<P, E> {
    /// Ends the session with this name, as [`Session::log_out`](crate::session::Session::log_out)
    /// does, also one that is only in the store. `None` if there is no session, for example because
    /// it was logged out before. After the logout, the name is free. The exception: if the record
    /// could not be erased ([`Logout::erased`]), call this again when the store works; it then
    /// returns the session again.
    ///
    /// If the future is dropped while the session is being loaded, nothing is logged out. If it is
    /// dropped later, the logout goes on.
    ///
    /// # Errors
    /// Those of [`session`](Self::session).
    pub async fn log_out(&self, name: &str) -> Result<Option<LoggedOut<E>>, Error> {
        self.log_out_if(name, |_| true).await
    }

    /// Ends all sessions of this user of the client: those in memory, and with an index those in the stores. `subject`
    /// is the `sub` of ID tokens.
    ///
    /// Other processes notice it when they next use the session: its record is gone.
    ///
    /// # Errors
    /// Those of the index, and those of [`session`](Self::session); the store's error if a record could not be erased.
    /// Sessions that come before the one that failed have ended; the others are tried all the same. Call it again.
    pub async fn log_out_subject(&self, party: &RelyingParty, subject: &str) -> Result<LoggedOutSessions<E>, Error> {
        self.log_out_all(IndexKey::subject(party.owner(), subject)).await
    }

    /// The same for the sessions of one session of the provider: `session_id` is the `sid` of ID tokens.
    ///
    /// # Errors
    /// Those of [`log_out_subject`](Self::log_out_subject).
    pub async fn log_out_session_id(
        &self,
        party: &RelyingParty,
        session_id: &str,
    ) -> Result<LoggedOutSessions<E>, Error> {
        self.log_out_all(IndexKey::session_id(party.owner(), session_id)).await
    }

    /// Carries out a back-channel logout: with a `sid`, of its sessions; otherwise of the sessions
    /// of the `sub`. `party` is the one that has read the token.
    ///
    /// The token is remembered after the logout was carried out. After an error, the provider can send it again:
    /// respond with 400 (Back-Channel Logout 1.0 section 2.8). Only this process remembers the
    /// token: if it is replayed at another process, it ends the sessions that it names and that
    /// exist at that time, unless the processes share [`LogoutToken::replay_key`].
    ///
    /// # Errors
    /// `logout_token.replayed`, and those of [`log_out_subject`](Self::log_out_subject).
    pub async fn back_channel_logout(
        &self,
        party: &RelyingParty,
        token: &LogoutToken,
    ) -> Result<LoggedOutSessions<E>, Error> {
        let shared = &self.0.shared;
        lock(&shared.seen).check(token)?;
        let done = match (token.session_id(), token.subject()) {
            (Some(session_id), _) => self.log_out_session_id(party, session_id).await?,
            (None, Some(subject)) => self.log_out_subject(party, subject).await?,
            (None, None) => return Err(ErrorCode::LOGOUT_TOKEN_REQUEST.into()),
        };
        let now = shared.hub.env().now();
        lock(&shared.seen).remember(token, now);
        Ok(done)
    }

    async fn log_out_all(&self, key: IndexKey) -> Result<LoggedOutSessions<E>, Error> {
        let shared = &self.0.shared;
        let mut names: BTreeSet<Arc<str>> = shared.roster(|roster| roster.names(key)).into_iter().collect();
        let stored = shared.stores.find(key).await;
        let reaches_stores = !matches!(stored, Ok(None));
        let mut failure = None;
        match stored {
            Ok(stored) => names.extend(stored.into_iter().flatten().map(Arc::from)),
            Err(error) => failure = Some(error),
        }
        let mut sessions = Vec::new();
        for name in names {
            match self.log_out_if(&name, |tokens| IndexKey::of(tokens).contains(&key)).await {
                Ok(Some(LoggedOut { logout: Logout { erased: Erased::Failed(error), .. }, .. })) | Err(error) => {
                    failure = failure.or(Some(error));
                }
                Ok(logged_out) => sessions.extend(logged_out),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(LoggedOutSessions { sessions, reaches_stores }),
        }
    }

    async fn log_out_if(
        &self,
        name: &str,
        is_meant: impl FnOnce(&TokenSet) -> bool,
    ) -> Result<Option<LoggedOut<E>>, Error> {
        // One that was logged out and not erased is loaded anew, to be erased after all.
        let Some(handle) = self.find(name, |ended| ended.is_none()).await? else { return Ok(None) };
        if !is_meant(&handle.tokens()) {
            return Ok(None);
        }
        let mut events = handle.subscribe();
        if handle.ended().is_some() {
            // Somebody else was faster, and its event may be read already.
            return Ok(None);
        }
        handle.log_out();
        let logout = loop {
            match events.next().await {
                Some(Event::LoggedOut(logout)) => break logout,
                Some(_) => {}
                None => return Err(ErrorCode::SESSION_STOPPED.into()),
            }
        };
        let shared = &self.0.shared;
        if handle.ended() == Some(EndedForGood::Gone) {
            shared.roster(|roster| roster.remove_if(name, |own| own.is(&handle)));
        }
        Ok(Some(LoggedOut { name: name.into(), logout, handle }))
    }
}
