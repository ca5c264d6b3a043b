//! Writing a session into the store, removing it, and what a killed command has left of either.
//!
//! A session has two files, and a process can be killed between any two steps. So the one that says what the session is
//! comes first, under a name of its own and with the login that it is of. It counts as soon as the record of the tokens is
//! of that login; then it gets its name.

use oidc_proto::adapter::store::{BlockingSessionStore as _, FileStore};
use oidc_proto::session::{Record, StoreAction, StoreResponse};
use oidc_proto::{Env, ErrorCode as Core, TokenSet};

use super::{Kept, Session, file, lock_file, reload, tokens_file};
use crate::failure::Failure;
use crate::store::{Draft, Store};
use crate::{asked, beside};

/// What the session of this record is, if its file has not got its name yet.
pub(super) fn come(store: &Store, name: &str, record: &Record) -> Option<Kept> {
    let text = store.read(&Store::coming(name)).ok()??;
    let coming: Kept = serde_json::from_str(&text).ok()?;
    let login = record.version().login?.to_string();
    (coming.login.as_ref() == Some(&login)).then_some(coming)
}

/// Finishes what killed commands have begun: a login whose tokens were saved, a logout whose tokens are gone. Nothing is
/// done while another process changes the store.
pub(super) fn tidy(store: &Store) {
    if !store.has_leavings() {
        return;
    }
    let Ok(names) = store.session_files() else { return };
    let Some(_lock) = store.try_lock() else { return };
    store.sweep();
    for name in names {
        let tokens_name = name.replacen("session-", "tokens-", 1);
        let Ok(record) = store.files().record(&tokens_name).load() else { continue };
        let is_next = record.as_ref().is_some_and(|record| come(store, &name, record).is_some());
        let tidied = if is_next { store.come(&name) } else { store.remove(&Store::coming(&name)) };
        if tidied.is_ok() && record.is_none() {
            let id = name.trim_start_matches("session-").trim_end_matches(".json");
            let _ =
                remove_beside(store, id).and_then(|()| store.remove(&name)).and_then(|()| store.remove(&lock_file(id)));
        }
    }
}

impl Session {
    /// Writes it, in place of an older session of the same user. Whoever uses that one meanwhile finds the new tokens.
    /// Returns the tokens that were there.
    pub(crate) fn save(&self, mut draft: Draft, env: &mut dyn Env) -> Result<Option<TokenSet>, Failure> {
        draft.make_room()?;
        let (name, files) = (tokens_file(&self.id), draft.files());
        let tokens = files.record(&name);
        let saved = match tokens.carry_out(StoreAction::Lock) {
            StoreResponse::Locked => self.save_locked(draft, &tokens, env),
            StoreResponse::Failed(error) => Err(files.explain(&name, &error)),
            _ => Err(files.explain(&name, &Core::SESSION_STORE.into())),
        };
        tokens.carry_out(StoreAction::Unlock);
        saved
    }

    fn save_locked(&self, draft: Draft, tokens: &FileStore, env: &mut dyn Env) -> Result<Option<TokenSet>, Failure> {
        let (name, store) = (tokens_file(&self.id), draft.store());
        let files = store.files();
        let present = match tokens.load() {
            // It is replaced: the user has logged in anew.
            Err(error) if matches!(error.code(), Core::STORED_MALFORMED | Core::STORED_VERSION) => {
                files.remove(&name)?;
                None
            }
            loaded => loaded.map_err(|error| files.explain(&name, &error))?,
        };
        let expect = present.as_ref().map(Record::version);
        let next = Record::of_login(self.tokens.clone(), expect, env);
        let login = next.version().login.map(|login| login.to_string());
        let own = file(&self.id);
        draft.keep(&Store::coming(&own), &Kept { login, ..self.kept.clone() })?;
        match tokens.carry_out(StoreAction::Save { expect, next }) {
            StoreResponse::Saved => {
                // If it does not get its name now, it does with the next command.
                let _ = store.come(&own);
                Ok(present.map(|record| record.tokens))
            }
            response => {
                let _ = store.remove(&Store::coming(&own));
                Err(match response {
                    StoreResponse::Failed(error) => files.explain(&name, &error),
                    _ => files.explain(&name, &Core::SESSION_STORE.into()),
                })
            }
        }
    }

    /// Locks its record, so that no other process refreshes. Returns it with the tokens that it had last, and whether a
    /// refresh of these was begun and has no end: then they may be spent.
    pub(crate) fn hold(self, store: &Store) -> Result<Held, Failure> {
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
        Ok(Held { session, begun, record: tokens })
    }
}

/// A session whose record no other process changes until this is dropped.
pub(crate) struct Held {
    pub(crate) session: Session,
    /// A refresh was begun and has no end.
    pub(crate) begun: bool,
    record: FileStore,
}

impl Held {
    /// Lets other holders of this process refresh.
    pub(crate) fn release(&self) {
        self.record.carry_out(StoreAction::Unlock);
    }

    /// Removes the session.
    pub(crate) fn remove(&self, store: &Store) -> Result<(), Failure> {
        let Self { session, record, .. } = self;
        let name = tokens_file(&session.id);
        match record.carry_out(StoreAction::Erase { expect: session.stored }) {
            StoreResponse::Failed(error) => Err(store.files().explain(&name, &error)),
            StoreResponse::Conflict(_) => Err(store.files().explain(&name, &Core::STORE_CONFLICT.into())),
            _ => {
                remove_beside(store, &session.id)?;
                store.remove(&file(&session.id))?;
                // Whoever waits for this lock notices that its file is gone.
                store.remove(&lock_file(&session.id))
            }
        }
    }
}

/// Removes what is kept beside a session and its tokens.
pub(super) fn remove_beside(store: &Store, id: &str) -> Result<(), Failure> {
    store.remove(&Store::coming(&file(id)))?;
    asked::erase(store, id, u64::MAX)?;
    beside::remove(store, id)
}
