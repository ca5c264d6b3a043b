//! The record of a session, and its lock.

use std::collections::HashSet;

use oidc_proto::session::{LoginId, Record, StoreAction, StoreResponse, StoreTicket};
use oidc_proto::testing::TestEnv;
use oidc_proto::{ErrorCode, TokenSet};

use crate::simulation::universe::{Post, Seat, Universe};

/// How long a lock is held before it is given to somebody else.
const LEASE: u64 = 60_000;
/// How long it is waited for; in trouble for longer than a session waits.
const PATIENCE: u64 = 30_000;
const TOO_LONG: u64 = 90_000;

pub(crate) struct Store {
    pub(crate) record: Option<Record>,
    /// A refresh was begun and has no end.
    begun: bool,
    /// Who logged in last.
    user: String,
    /// All logins that were ever in it.
    logins: HashSet<LoginId>,
    /// How often the record was erased, and how often another user's took its place.
    pub(crate) erased: u64,
    pub(crate) switched: u64,
    /// Who holds it, and until when.
    lock: Option<(Seat, u64)>,
}

impl Store {
    pub(crate) fn new(tokens: TokenSet, user: String, env: &mut TestEnv) -> Self {
        let record = Record::of_login(tokens, None, env);
        let logins = record.login.into_iter().collect();
        Self { record: Some(record), begun: false, user, logins, erased: 0, switched: 0, lock: None }
    }

    fn holder(&self, now: u64) -> Option<Seat> {
        self.lock.filter(|(_, until)| *until > now).map(|(seat, _)| seat)
    }
}

impl Universe {
    pub(crate) fn has_lock(&self, seat: Seat) -> bool {
        self.stores[seat.session].holder(self.now) == Some(seat)
    }

    /// Does what a session asks of its store.
    pub(crate) fn keep(&mut self, seat: Seat, ticket: StoreTicket, action: StoreAction) {
        let (fails, now) = (self.trouble_for(seat.session, 15), self.now);
        // It may have been written all the same.
        let writes = !fails || self.roll(2) == 0;
        let store = &mut self.stores[seat.session];
        let holder = store.holder(now);
        let response = match action {
            StoreAction::Unlock => {
                if holder == Some(seat) {
                    store.lock = None;
                }
                StoreResponse::Done
            }
            StoreAction::Lock | StoreAction::Load if fails => StoreResponse::Failed(ErrorCode::STORE_IO.into()),
            StoreAction::Lock => {
                let patience = if self.trouble_for(seat.session, 10) { TOO_LONG } else { PATIENCE };
                return self.lock(seat, ticket, now + patience);
            }
            StoreAction::Load => {
                StoreResponse::Loaded { record: store.record.clone().map(Box::new), begun: store.begun }
            }
            StoreAction::Prepare { expect } if expect != store.record.as_ref().map(Record::version) => {
                StoreResponse::Conflict(store.record.clone().map(Box::new))
            }
            StoreAction::Prepare { .. } => {
                store.begun |= writes;
                StoreResponse::Prepared
            }
            StoreAction::Discard => {
                store.begun &= !writes;
                StoreResponse::Done
            }
            StoreAction::Erase { expect } => match store.record.clone() {
                Some(record) if Some(record.version()) != expect => StoreResponse::Conflict(Some(Box::new(record))),
                record => {
                    let begun = store.begun && record.is_some();
                    if writes && record.is_some() {
                        (store.record, store.erased, store.begun) = (None, store.erased + 1, false);
                    }
                    StoreResponse::Erased { begun }
                }
            },
            StoreAction::Save { expect, .. } if expect != store.record.as_ref().map(Record::version) => {
                StoreResponse::Conflict(store.record.clone().map(Box::new))
            }
            StoreAction::Save { next, .. } => {
                if writes {
                    self.write(seat.session, *next);
                }
                StoreResponse::Saved
            }
        };
        let response = if fails { StoreResponse::Failed(ErrorCode::STORE_IO.into()) } else { response };
        self.say(seat, ticket, response);
    }

    /// A login that was replaced or erased does not come back.
    fn write(&mut self, session: usize, next: Record) {
        let grant = self.owners[next.tokens.access_token().expose()];
        let user = self.grants[grant].user.clone();
        self.grants[grant].unsaved = None;
        let store = &mut self.stores[session];
        store.switched += u64::from(store.user != user);
        store.user = user;
        let is_other = store.record.as_ref().is_none_or(|record| record.login != next.login);
        let is_new = next.login.is_none_or(|login| store.logins.insert(login));
        (store.record, store.begun) = (Some(next), false);
        if is_other && !is_new {
            self.broken(&format!("a login of session {session} comes back that was replaced or erased"));
        }
    }

    /// The lock, or another look in a while.
    pub(crate) fn lock(&mut self, seat: Seat, ticket: StoreTicket, until: u64) {
        let now = self.now;
        let store = &mut self.stores[seat.session];
        if store.holder(now).is_none_or(|holder| holder == seat) {
            store.lock = Some((seat, now + LEASE));
            return self.say(seat, ticket, StoreResponse::Locked);
        }
        if now >= until {
            return self.say(seat, ticket, StoreResponse::Failed(ErrorCode::STORE_IO.into()));
        }
        let after = 1 + self.roll(2000);
        self.post(after, Post::Look { seat, ticket, until });
    }

    fn say(&mut self, seat: Seat, ticket: StoreTicket, response: StoreResponse) {
        let after = 1 + self.roll(50);
        self.post(after, Post::Said { seat, ticket, response });
    }
}
