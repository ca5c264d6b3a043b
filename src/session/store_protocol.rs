//! The protocol between a session and its store: the questions, their order, and which responses are accepted.
//!
//! ```text
//!   question:  nothing ─▶ lock ─▶ load ─▶ [save what is unsaved] ─▶ (refresh) ─▶ save ─▶ nothing
//!              nothing ─▶ erase ─▶ nothing
//!   lock:      free ─▶ held by the attempt ─┬─▶ to be given back ─▶ free
//!                          ▲                ├─▶ held until the tokens are saved ─▶ to be given back
//!                          └────────────────┘
//!   unsaved:   none ─▶ due ─▶ asked ─┬─▶ none
//!               ▲                    └─▶ pause ─▶ due
//! ```
//!
//! There is at most one question at a time. Each question gets one response, which the session learns as [`Told`]. Beside it
//! the protocol saves tokens again that the store failed to save, and gives locks back.

use std::num::NonZero;

use super::policy::Persistence;
use super::store::{Record, StoreAction, StoreResponse, StoreTicket};
use super::unsaved::Unsaved;
use crate::base::env::{Env, MonotonicTime};
use crate::base::secret::{AccessToken, Secret};
use crate::error::Error;
use crate::token::token_set::TokenSet;

/// One conversation, for the life of a session.
pub(super) struct StoreProtocol {
    /// Of the newest record that is known to be in the store.
    generation: u64,
    unsaved: Option<Box<Unsaved>>,
    question: Question,
    /// Whether the store has heard the question.
    asked: Sent,
    lock: Lock,
    /// The ticket that the next action gets.
    next_ticket: NonZero<u32>,
    /// The ticket of the last `Unlock`. No ticket is smaller than the first value.
    last_unlock: NonZero<u32>,
}

/// What the session wants of its store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Nothing,
    Lock,
    Load,
    /// Save the tokens that the attempt obtained.
    Save,
    /// Save the tokens that an earlier attempt obtained, before they are refreshed.
    SaveEarlier,
    Erase,
}

/// Whether the store was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Due,
    With(NonZero<u32>),
}

/// Who needs the lock of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Free,
    Attempt,
    /// Unsaved tokens. Another process that got the lock now would use a refresh token that has already been used.
    Unsaved,
    /// Nobody: the lock is to be released.
    GiveBack,
}

/// What the session learns from a response.
pub(super) enum Told {
    Locked(Result<(), Error>),
    /// The lock of an earlier question came while a later question waits for the lock.
    LockedLate,
    Loaded(Result<Option<Box<Record>>, Error>),
    /// The response to [`Question::Save`].
    Saved(Saved),
    /// The response to [`Question::SaveEarlier`].
    SavedEarlier(Saved),
    /// Unsaved tokens were not saved this time either.
    NotSaved(Error),
    NotErased(Error),
}

/// What became of a save.
pub(super) enum Saved {
    Done,
    /// Another record is in the store.
    Conflict(Box<Record>),
    Failed(Error),
}

impl StoreProtocol {
    /// With a store that has a record of this generation; 0 if it has none.
    pub(super) fn new(generation: u64) -> Self {
        let first = NonZero::<u32>::MIN;
        Self {
            generation,
            unsaved: None,
            question: Question::Nothing,
            asked: Sent::Due,
            lock: Lock::Free,
            next_ticket: first,
            last_unlock: first,
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes note of a record that is in the store.
    pub(super) fn set_generation(&mut self, generation: u64) {
        self.generation = generation;
    }

    /// Whether the store need not be told anything, and has everything.
    pub(super) fn is_quiet(&self) -> bool {
        let is_erasing = self.question == Question::Erase && self.asked == Sent::Due;
        self.unsaved.is_none() && self.lock != Lock::GiveBack && !is_erasing
    }

    /// Asks this, now.
    pub(super) fn ask(&mut self, question: Question) {
        self.question = question;
        self.asked = Sent::Due;
    }

    /// Whether this question waits for [`StoreProtocol::poll_question`].
    pub(super) fn is_due(&self, question: Question) -> bool {
        self.question == question && self.asked == Sent::Due
    }

    /// Nobody waits for the response any more. The lock stays.
    pub(super) fn forget(&mut self) {
        self.question = Question::Nothing;
    }

    pub(super) fn holds_lock(&self) -> bool {
        matches!(self.lock, Lock::Attempt | Lock::Unsaved)
    }

    /// The attempt that begins gets the lock that was kept for unsaved tokens. Returns whether there was one.
    pub(super) fn take_lock(&mut self) -> bool {
        let has_lock = self.lock == Lock::Unsaved;
        if has_lock {
            self.lock = Lock::Attempt;
        }
        has_lock
    }

    /// The attempt is over. It does not need the lock any more.
    pub(super) fn release(&mut self) {
        if self.lock == Lock::Attempt {
            self.lock = Lock::GiveBack;
        }
    }

    /// The attempt is over, but the store did not save its tokens. The lock is kept for them.
    pub(super) fn keep_lock(&mut self) {
        self.forget();
        if self.lock == Lock::Attempt {
            self.lock = Lock::Unsaved;
        }
    }

    /// Abandons the current question. The lock is released.
    pub(super) fn abandon(&mut self) {
        self.forget();
        if self.holds_lock() {
            self.lock = Lock::GiveBack;
        }
    }

    pub(super) fn has_unsaved(&self) -> bool {
        self.unsaved.is_some()
    }

    /// Unsaved tokens need not be saved any more.
    pub(super) fn drop_unsaved(&mut self) {
        self.unsaved = None;
    }

    /// Whether a record with this access token is this session's own, from before the unsaved tokens.
    pub(super) fn is_own(&self, token: &AccessToken) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| unsaved.is_before(token))
    }

    /// Saves the current tokens for the first time, beside whatever else goes on. If no response comes, the store is asked
    /// again at `again_at`.
    pub(super) fn save_current(&mut self, again_at: MonotonicTime) {
        if self.unsaved.is_none() {
            self.unsaved = Some(Box::new(Unsaved::new(again_at)));
        }
    }

    /// The store failed to save the tokens of an attempt, which replace those with `replaced` and were obtained by `spent`.
    /// They are saved again after a pause.
    pub(super) fn save_later(&mut self, replaced: AccessToken, spent: Option<Secret>, env: &mut dyn Env) {
        self.unsaved = Some(Box::new(Unsaved::after(self.unsaved.take(), replaced, spent, env)));
    }

    /// When the store is asked to save again.
    pub(super) fn deadline(&self) -> Option<MonotonicTime> {
        self.unsaved.as_ref().map(|unsaved| unsaved.again_at())
    }

    /// Asks to save again, now. A response to the question before comes too late. If no response comes by `again_at`, the
    /// store is asked once more.
    pub(super) fn save_again(&mut self, again_at: MonotonicTime) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.try_again(again_at);
        }
    }

    /// Releases the lock, if nobody needs it.
    pub(super) fn poll_unlock(&mut self) -> Option<(StoreTicket, StoreAction)> {
        if self.lock != Lock::GiveBack {
            return None;
        }
        self.lock = Lock::Free;
        let ticket = self.ticket();
        self.last_unlock = ticket;
        Some((StoreTicket(ticket), StoreAction::Unlock))
    }

    /// Asks the question, if the store was not asked yet. `obtained` are the tokens of the attempt and the refresh token
    /// that they were obtained by.
    pub(super) fn poll_question(
        &mut self,
        current: &TokenSet,
        obtained: Option<(&TokenSet, Option<&Secret>)>,
    ) -> Option<(StoreTicket, StoreAction)> {
        if self.asked != Sent::Due {
            return None;
        }
        let action = match self.question {
            Question::Nothing => return None,
            Question::Lock => StoreAction::Lock,
            Question::Load => StoreAction::Load,
            Question::Save => {
                let (tokens, spent) = obtained?;
                save(self.generation, tokens, spent)
            }
            Question::SaveEarlier => self.save_unsaved(current),
            Question::Erase => StoreAction::Erase,
        };
        let ticket = self.ticket();
        self.asked = Sent::With(ticket);
        Some((StoreTicket(ticket), action))
    }

    /// Asks to save the current tokens, if they are unsaved and it is time.
    pub(super) fn poll_unsaved(&mut self, current: &TokenSet) -> Option<(StoreTicket, StoreAction)> {
        let next = self.next_ticket;
        self.unsaved.as_mut().filter(|unsaved| unsaved.is_due())?.asked(next);
        let action = self.save_unsaved(current);
        Some((StoreTicket(self.ticket()), action))
    }

    fn save_unsaved(&self, current: &TokenSet) -> StoreAction {
        let spent = self.unsaved.as_ref().and_then(|unsaved| unsaved.spent());
        save(self.generation, current, spent)
    }

    fn ticket(&mut self) -> NonZero<u32> {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.saturating_add(1);
        ticket
    }

    /// Takes a response. `None` if the session learns nothing from it.
    pub(super) fn handle(
        &mut self,
        ticket: StoreTicket,
        response: StoreResponse,
        persistence: Persistence,
        env: &mut dyn Env,
    ) -> Option<Told> {
        let StoreTicket(ticket) = ticket;
        if let Some(unsaved) = self.unsaved.take_if(|unsaved| unsaved.awaits(ticket)) {
            return self.saved_again(*unsaved, response, persistence, env);
        }
        if self.question == Question::Nothing || self.asked != Sent::With(ticket) {
            return matches!(response, StoreResponse::Locked).then(|| self.locked_late(ticket)).flatten();
        }
        // A ticket is good for one response.
        let question = std::mem::replace(&mut self.question, Question::Nothing);
        if matches!(response, StoreResponse::Locked) && question == Question::Lock {
            self.lock = Lock::Attempt;
        }
        match (question, response) {
            (Question::Nothing, _) => None,
            (Question::Lock, StoreResponse::Locked) => Some(Told::Locked(Ok(()))),
            (Question::Lock, response) => Some(Told::Locked(Err(response.into_error()))),
            (Question::Load, StoreResponse::Loaded(record)) => Some(Told::Loaded(Ok(record))),
            (Question::Load, response) => Some(Told::Loaded(Err(response.into_error()))),
            (Question::Save, response) => Some(Told::Saved(self.saved(response))),
            (Question::SaveEarlier, response) => Some(Told::SavedEarlier(self.saved(response))),
            (Question::Erase, StoreResponse::Failed(error)) => Some(Told::NotErased(error)),
            (Question::Erase, _) => None,
        }
    }

    fn saved(&mut self, response: StoreResponse) -> Saved {
        match response {
            StoreResponse::Saved => {
                self.generation += 1;
                self.unsaved = None;
                Saved::Done
            }
            StoreResponse::Conflict(record) => Saved::Conflict(record),
            response => Saved::Failed(response.into_error()),
        }
    }

    fn saved_again(
        &mut self,
        unsaved: Unsaved,
        response: StoreResponse,
        persistence: Persistence,
        env: &mut dyn Env,
    ) -> Option<Told> {
        let is_done = match &response {
            StoreResponse::Saved => {
                self.generation += 1;
                true
            }
            // The store has something newer: the next refresh loads it before it begins.
            StoreResponse::Conflict(record)
                if persistence == Persistence::Shared && !unsaved.is_before(record.tokens.access_token()) =>
            {
                true
            }
            StoreResponse::Conflict(record) => {
                self.generation = record.generation;
                false
            }
            _ => false,
        };
        if is_done {
            if self.lock == Lock::Unsaved {
                self.lock = Lock::GiveBack;
            }
            return None;
        }
        self.unsaved = Some(Box::new(unsaved.failed(env)));
        Some(Told::NotSaved(response.into_error()))
    }

    /// A lock that comes late is given to the attempt that waits for a lock now. If no attempt waits, the lock is released.
    fn locked_late(&mut self, ticket: NonZero<u32>) -> Option<Told> {
        if ticket < self.last_unlock {
            // A later `Unlock` gave it back.
            return None;
        }
        if self.question == Question::Lock {
            self.forget();
            self.lock = Lock::Attempt;
            return Some(Told::LockedLate);
        }
        if !self.holds_lock() {
            self.lock = Lock::GiveBack;
        }
        None
    }
}

fn save(expect: u64, tokens: &TokenSet, spent: Option<&Secret>) -> StoreAction {
    // A refresh token that is still the current one was not spent.
    let is_spent = |spent: &&Secret| tokens.refresh_token().is_none_or(|own| !own.matches(spent.expose()));
    let spent = spent.filter(is_spent).cloned();
    StoreAction::Save { expect, next: Box::new(Record { generation: expect + 1, tokens: tokens.clone(), spent }) }
}
