//! The record of a session, and its lock.

use oidc_proto::session::{Record, StoreAction, StoreResponse, StoreTicket};
use oidc_proto::{ErrorCode, TokenSet};

use crate::simulation::universe::{Post, Seat, Universe};

/// How long a lock is held before it is given to somebody else.
const LEASE: u64 = 60_000;
/// How long it is waited for; in trouble for longer than a session waits.
const PATIENCE: u64 = 30_000;
const TOO_LONG: u64 = 90_000;

pub(crate) struct Store {
    pub(crate) record: Record,
    /// Who holds it, and until when.
    lock: Option<(Seat, u64)>,
}

impl Store {
    pub(crate) fn new(tokens: TokenSet) -> Self {
        Self { record: Record::new(1, tokens), lock: None }
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
            StoreAction::Erase { .. } => self.broken("a record is erased"),
            StoreAction::Lock | StoreAction::Load if fails => StoreResponse::Failed(ErrorCode::STORE_IO.into()),
            StoreAction::Lock => {
                let patience = if self.trouble_for(seat.session, 10) { TOO_LONG } else { PATIENCE };
                return self.lock(seat, ticket, now + patience);
            }
            StoreAction::Load => StoreResponse::Loaded(Some(Box::new(store.record.clone()))),
            StoreAction::Save { expect, .. } if expect != Some(store.record.version()) => {
                let current = Box::new(store.record.clone());
                if fails {
                    StoreResponse::Failed(ErrorCode::STORE_IO.into())
                } else {
                    StoreResponse::Conflict(Some(current))
                }
            }
            StoreAction::Save { next, .. } => {
                if writes {
                    store.record = *next;
                }
                if fails { StoreResponse::Failed(ErrorCode::STORE_IO.into()) } else { StoreResponse::Saved }
            }
        };
        self.say(seat, ticket, response);
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
