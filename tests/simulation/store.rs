//! The record of a session, and its lock.

use oidc_proto::TokenSet;
use oidc_proto::session::{Record, StoreAction, StoreAnswer, StoreTicket};

use crate::universe::{Post, Seat, Universe};

/// How long a lock is held before it is given to somebody else.
const LEASE: u64 = 60_000;

pub(crate) struct Store {
    pub(crate) record: Record,
    /// Who holds it, and until when.
    lock: Option<(Seat, u64)>,
    waiting: Vec<(Seat, StoreTicket)>,
}

impl Store {
    pub(crate) fn new(tokens: TokenSet) -> Self {
        Self { record: Record { generation: 1, tokens }, lock: None, waiting: Vec::new() }
    }

    fn holder(&self, now: u64) -> Option<Seat> {
        self.lock.filter(|(_, until)| *until > now).map(|(seat, _)| seat)
    }
}

impl Universe {
    /// Does what a session asks of its store.
    pub(crate) fn keep(&mut self, seat: Seat, ticket: StoreTicket, action: StoreAction) {
        let (fails, now) = (self.trouble_for(seat.session, 15), self.now);
        // It may have been written all the same.
        let writes = !fails || self.roll(2) == 0;
        let store = &mut self.stores[seat.session];
        let holder = store.holder(now);
        let said = match action {
            StoreAction::Unlock => {
                if holder == Some(seat) {
                    store.lock = None;
                }
                Some(StoreAnswer::Done)
            }
            StoreAction::Erase => self.broken("a record is erased"),
            StoreAction::Lock | StoreAction::Load if fails => Some(StoreAnswer::Failed),
            StoreAction::Lock if holder.is_some() => {
                store.waiting.push((seat, ticket));
                return;
            }
            StoreAction::Lock => {
                store.lock = Some((seat, now + LEASE));
                Some(StoreAnswer::Locked)
            }
            StoreAction::Load => Some(StoreAnswer::Loaded(Some(Box::new(store.record.clone())))),
            StoreAction::Save { expect, .. } if expect != store.record.generation => {
                let current = Box::new(store.record.clone());
                Some(if fails { StoreAnswer::Failed } else { StoreAnswer::Conflict(current) })
            }
            StoreAction::Save { next, .. } => {
                if writes {
                    store.record = *next;
                }
                Some(if fails { StoreAnswer::Failed } else { StoreAnswer::Saved })
            }
        };
        let is_free = store.holder(now).is_none();
        let next = (is_free && !store.waiting.is_empty()).then(|| store.waiting.remove(0));
        if let Some(answer) = said {
            let after = 1 + self.roll(50);
            self.post(after, Post::Said { seat, ticket, answer });
        }
        if let Some((seat, ticket)) = next {
            self.post(1, Post::Ask { seat, ticket, action: StoreAction::Lock });
        }
    }
}
