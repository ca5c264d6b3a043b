//! Finding a session in the store: all of them, or the one that the command line means.

use oidc_proto::ErrorCode as Core;
use serde::Deserialize;

use super::saving::{self, remove_beside};
use super::{Kept, Session, VERSION, file, id, lock_file, tokens_file};
use crate::args::ChoiceArgs;
use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::store::Store;
use crate::{asked, beside};

/// A session whose files cannot be read. It stands in nobody's way but its own.
#[derive(Debug)]
pub(crate) struct Damaged {
    pub(crate) id: String,
    pub(crate) failure: Failure,
}

impl Damaged {
    /// Removes its files. What its tokens were nobody knows.
    pub(crate) fn remove(&self, store: &Store) -> Result<(), Failure> {
        store.remove(&tokens_file(&self.id))?;
        remove_beside(store, &self.id)?;
        store.remove(&file(&self.id))?;
        store.remove(&lock_file(&self.id))
    }
}

/// All sessions, and those that cannot be read.
pub(crate) fn all(store: &Store) -> Result<(Vec<Session>, Vec<Damaged>), Failure> {
    saving::tidy(store);
    let (mut sessions, mut damaged) = (Vec::new(), Vec::new());
    for name in store.session_files()? {
        match load(store, &name) {
            Ok(session) => sessions.extend(session),
            Err(failure) => {
                let id = name.trim_start_matches("session-").trim_end_matches(".json").to_owned();
                damaged.push(Damaged { id, failure });
            }
        }
    }
    Ok((sessions, damaged))
}

/// The session that is meant: the one that the command line names, or the only one.
pub(crate) fn choose(context: &Context) -> Result<Session, Failure> {
    find(context)?.map_err(|damaged| damaged.failure)
}

/// The same, or the one that is meant and damaged.
pub(crate) fn find(context: &Context) -> Result<Result<Session, Damaged>, Failure> {
    let (mut sessions, mut damaged) = all(&context.store)?;
    let (wanted, ChoiceArgs { issuer, subject }) = (context.options.session.as_deref(), &context.choice);
    sessions.retain(|session| {
        wanted.is_none_or(|wanted| !wanted.is_empty() && session.id.starts_with(wanted))
            && issuer.as_deref().is_none_or(|issuer| {
                let own = session.tokens.issuer().as_str();
                own.trim_end_matches('/') == issuer.trim_end_matches('/')
                    || session.homeserver().is_some_and(|homeserver| homeserver.as_str() == issuer)
            })
            && subject.as_deref().is_none_or(|subject| session.subject() == subject)
    });
    damaged.retain(|damaged| wanted.is_none_or(|wanted| !wanted.is_empty() && damaged.id.starts_with(wanted)));
    if sessions.is_empty() && issuer.is_none() && subject.is_none() && !damaged.is_empty() {
        return Ok(Err(damaged.swap_remove(0)));
    }
    let now = context.now();
    let list: Vec<_> = sessions.iter().map(|session| session.line(now)).collect();
    let is_named = wanted.is_some() || issuer.is_some() || subject.is_some();
    match sessions.pop() {
        Some(session) if sessions.is_empty() => Ok(Ok(session)),
        Some(_) => Err(Code::SessionAmbiguous.because(list.join("; "))),
        None if is_named => {
            let named = [wanted, issuer.as_deref(), subject.as_deref()].into_iter().flatten();
            let named: Vec<_> = named.map(|name| name.escape_debug().to_string()).collect();
            Err(Code::SessionUnknown.because(named.join(" ")))
        }
        None => Err(Code::NoSession.because("nobody is logged in")),
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

    let damaged = |code: Core| store.damaged(name, &code.into());
    let read = |text: &str| match serde_json::from_str::<Versioned>(text) {
        Ok(Versioned { version: VERSION }) => {
            serde_json::from_str::<Kept>(text).map_err(|_| damaged(Core::STORED_MALFORMED))
        }
        Ok(Versioned { version }) if version > VERSION => Err(damaged(Core::STORED_VERSION)),
        _ => Err(damaged(Core::STORED_MALFORMED)),
    };
    let named = store.read(name)?.map(|text| read(&text)).transpose();
    let tokens_name = name.replacen("session-", "tokens-", 1);
    let record = store.files().record(&tokens_name).load();
    // Its tokens went first: it was logged out, and somebody was interrupted.
    let Some(record) = record.map_err(|error| store.files().explain(&tokens_name, &error))? else {
        return named.map(|_| None);
    };
    // A login that was killed, or has not ended, may have brought these tokens.
    let Some(kept) = saving::come(store, name, &record).map_or(named, |kept| Ok(Some(kept)))? else { return Ok(None) };
    let stored = record.version();
    let tokens = record.tokens;
    // Without the right key the tokens are of no use.
    if kept.dpop_key.as_ref().map(|key| key.dpop().thumbprint()) != tokens.dpop_thumbprint() {
        return Err(damaged(Core::STORED_MALFORMED));
    }
    let id = id(&tokens, kept.matrix.as_ref());
    if let Some(key) = &kept.dpop_key {
        beside::supply_nonces(store, &id, key.dpop());
    }
    let is_doubtful = asked::is_noted(store, &id, stored.generation)?;
    let needs_login = beside::verdict(store, &id, stored.generation);
    let session = Session { id, kept, tokens, stored: Some(stored), is_doubtful, needs_login };
    // A session under another's name would be taken for it.
    if file(&session.id) == *name { Ok(Some(session)) } else { Err(damaged(Core::STORED_MALFORMED)) }
}
