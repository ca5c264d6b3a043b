//! The protocol between a session and its store: the questions, their order, and which responses are accepted.
//!
//! ```text
//!   question:  nothing ─▶ lock ─▶ load ─▶ [save what is unsaved] ─▶ prepare ─▶ (refresh) ─▶ save ─▶ nothing
//!              nothing ─▶ [lock ─▶] load ─▶ erase ─▶ nothing
//!   lock:      free ─▶ held by the attempt ─┬─▶ to be given back ─▶ free
//!                          ▲                ├─▶ held until the tokens are saved ─▶ to be given back
//!                          └────────────────┘
//!   unsaved:   none ─▶ due ─▶ asked ─┬─▶ none
//!               ▲                    └─▶ pause ─▶ due
//! ```
//!
//! There is at most one question at a time. Each question gets one response, which the session learns as [`Told`].
//! Beside it the protocol saves tokens again that the store failed to save, renews leases, and gives locks back.

mod late;
mod lease;

use std::num::NonZero;
use std::time::Duration;

use super::lock::{Lock, Mark};
use super::question::{Asked, Question, Saved, ToSave, Told};
use super::record::{LoginId, Parent, Record, RecordVersion, next_generation};
use super::store::{StoreAction, StoreResponse, StoreTicket};
use super::unsaved::{Unsaved, longest_pause};
use crate::base::env::{Env, MonotonicTime};
use crate::token::token_set::TokenSet;

/// One conversation, for the life of a session.
pub(super) struct StoreProtocol {
    /// The newest record that is known to be in the store.
    known: Option<RecordVersion>,
    /// The login of the current tokens, if it is not that of the record.
    own_login: Option<Box<Option<LoginId>>>,
    unsaved: Option<Box<Unsaved>>,
    /// The parts of [`Asked`], side by side: an idle session is small.
    question: Option<Question>,
    ticket: Option<NonZero<u32>>,
    next: Option<Box<RecordVersion>>,
    lock: Lock,
    mark: Mark,
    /// The lease of the lock is to be renewed.
    is_lease_due: bool,
    /// The session was logged out, and the store failed to erase its record.
    has_failed_to_erase: bool,
    /// The ticket that the next action gets.
    next_ticket: NonZero<u32>,
    /// The ticket of the last `Unlock`. No ticket is smaller than the first value.
    last_unlock: NonZero<u32>,
}

impl StoreProtocol {
    /// With a store that has the record of this version, whose tokens are the current ones. Without a record, they are
    /// those of a new login.
    pub(super) fn new(known: Option<RecordVersion>, env: &mut dyn Env) -> Self {
        let first = NonZero::<u32>::MIN;
        Self {
            known,
            own_login: known.is_none().then(|| Box::new(Some(LoginId::random(env)))),
            unsaved: None,
            question: None,
            ticket: None,
            next: None,
            lock: Lock::Free,
            mark: Mark::None,
            is_lease_due: false,
            has_failed_to_erase: false,
            next_ticket: first,
            last_unlock: first,
        }
    }

    /// The newest record that is known to be in the store.
    pub(super) fn known(&self) -> Option<RecordVersion> {
        self.known
    }

    /// Takes note of the record that is in the store.
    pub(super) fn note(&mut self, known: Option<RecordVersion>) {
        let login = self.login();
        self.known = known;
        self.set_login(login);
    }

    /// The login of the current tokens.
    pub(super) fn login(&self) -> Option<LoginId> {
        let of_record = || self.known.and_then(|known| known.login);
        self.own_login.as_deref().copied().unwrap_or_else(of_record)
    }

    /// The current tokens are of this login.
    pub(super) fn set_login(&mut self, login: Option<LoginId>) {
        let is_of_record = self.known.is_some_and(|known| known.login == login);
        self.own_login = (!is_of_record).then(|| Box::new(login));
    }

    /// The record of a session that was logged out is still there.
    pub(super) fn failed_to_erase(&mut self) {
        self.has_failed_to_erase = true;
    }

    pub(super) fn has_failed_to_erase(&self) -> bool {
        self.has_failed_to_erase
    }

    /// Whether the store need not be told anything, and has everything.
    pub(super) fn is_quiet(&self) -> bool {
        self.unsaved.is_none() && self.mark != Mark::Discard && self.lock != Lock::GiveBack
    }

    /// Asks this, now.
    pub(super) fn ask(&mut self, question: Question) {
        (self.question, self.ticket, self.next) = (Some(question), None, None);
    }

    fn take_question(&mut self) -> Option<Asked> {
        let (ticket, next) = (self.ticket.take(), self.next.take());
        self.question.take().map(|question| Asked { question, ticket, next })
    }

    /// Whether this question waits for [`StoreProtocol::poll_question`].
    pub(super) fn is_due(&self, question: Question) -> bool {
        self.question == Some(question) && self.ticket.is_none()
    }

    /// A record was found in which a refresh was begun, or was not.
    pub(super) fn note_mark(&mut self, is_begun: bool) {
        self.mark = if is_begun { Mark::Before } else { Mark::None };
    }

    /// Whether a refresh was begun from the stored record, by an attempt before, that has no end.
    pub(super) fn was_begun(&self) -> bool {
        self.mark == Mark::Before
    }

    /// The refresh of this attempt may have spent the refresh token.
    pub(super) fn may_have_spent(&mut self) {
        if self.mark == Mark::Own {
            self.mark = Mark::Before;
        }
    }

    /// The refresh of this attempt has ended without tokens: it has spent nothing.
    pub(super) fn spent_nothing(&mut self) {
        if self.mark == Mark::Own {
            self.mark = Mark::Discard;
        }
    }

    /// Nobody waits for the response any more. The lock stays.
    pub(super) fn forget(&mut self) {
        let Some(Asked { question: Question::SaveEarlier, ticket, next }) = self.take_question() else { return };
        self.may_be_saved(ticket.zip(next.map(|next| *next)));
    }

    /// The store was asked to save the unsaved tokens, and may still say that it did.
    fn may_be_saved(&mut self, asked: Option<(NonZero<u32>, RecordVersion)>) {
        if let Some((unsaved, (ticket, version))) = self.unsaved.as_mut().zip(asked) {
            unsaved.is_unanswered(ticket, version);
        }
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
    pub(super) fn drop_unsaved(&mut self) -> Option<Box<Unsaved>> {
        self.unsaved.take()
    }

    /// Whether a record with these tokens is this session's own, from before the unsaved tokens.
    pub(super) fn is_own(&self, tokens: &TokenSet) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| unsaved.are_before(tokens))
    }

    /// Whether the unsaved tokens are those of a new login.
    pub(super) fn is_new_login(&self) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| unsaved.is_new_login())
    }

    /// Saves the current tokens, those of a new login, beside whatever else goes on. If no response comes, the store is
    /// asked again at `again_at`.
    pub(super) fn save_current(&mut self, again_at: MonotonicTime) {
        if self.unsaved.is_none() {
            self.unsaved = Some(Box::new(Unsaved::new(again_at, self.known.is_none())));
        }
    }

    /// The store failed to save the tokens of an attempt, which replace `replaced` and were obtained from `parent`
    /// or by a new login. They are saved again after a pause.
    pub(super) fn save_later(
        &mut self,
        replaced: &TokenSet,
        parent: Parent,
        is_new_login: bool,
        deadline: Duration,
        env: &mut dyn Env,
    ) {
        let asked = self.take_question().filter(|asked| asked.question == Question::Save);
        let earlier = self.unsaved.take();
        let unsaved = Unsaved::after(earlier, replaced, parent, is_new_login, longest_pause(deadline), env);
        self.unsaved = Some(Box::new(unsaved));
        self.may_be_saved(asked.and_then(|asked| asked.ticket.zip(asked.next.map(|next| *next))));
    }

    /// What is unsaved may not be the newest: its record says so.
    pub(super) fn unsaved_may_be_spent(&mut self) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.may_be_spent = true;
        }
    }

    /// When the store is asked to save again.
    pub(super) fn deadline(&self) -> Option<MonotonicTime> {
        self.unsaved.as_ref().map(|unsaved| unsaved.again_at())
    }

    /// Asks to save again, now. A response to the question before comes too late. If no response comes by `again_at`,
    /// the store is asked once more.
    pub(super) fn save_again(&mut self, again_at: MonotonicTime) {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.try_again(again_at);
        }
    }

    /// Removes the mark, and releases the lock, if nobody needs them.
    pub(super) fn poll_unlock(&mut self) -> Option<(StoreTicket, StoreAction)> {
        if self.mark == Mark::Discard {
            self.mark = Mark::None;
            return Some((StoreTicket(self.new_ticket()), StoreAction::Discard));
        }
        if self.lock != Lock::GiveBack {
            return None;
        }
        self.lock = Lock::Free;
        let ticket = self.new_ticket();
        self.last_unlock = ticket;
        Some((StoreTicket(ticket), StoreAction::Unlock))
    }

    /// Asks the question, if the store was not asked yet. `obtained` are the tokens of the attempt.
    pub(super) fn poll_question(
        &mut self,
        current: &TokenSet,
        obtained: Option<ToSave<'_>>,
    ) -> Option<(StoreTicket, StoreAction)> {
        let question = self.question.filter(|_| self.ticket.is_none())?;
        let action = match question {
            Question::Lock => StoreAction::Lock,
            Question::Load => StoreAction::Load,
            Question::Prepare => {
                // From here on it may be there, whatever the response.
                if self.mark == Mark::None {
                    self.mark = Mark::Own;
                }
                StoreAction::Prepare { expect: self.known }
            }
            Question::Save => self.save(&obtained?),
            Question::SaveEarlier => self.save_unsaved(current),
            Question::Erase => StoreAction::Erase { expect: self.known },
        };
        let ticket = self.new_ticket();
        (self.ticket, self.next) = (Some(ticket), version_of(&action).map(Box::new));
        Some((StoreTicket(ticket), action))
    }

    /// Asks to save the current tokens, if they are unsaved and it is time.
    pub(super) fn poll_unsaved(&mut self, current: &TokenSet) -> Option<(StoreTicket, StoreAction)> {
        self.unsaved.as_ref().filter(|unsaved| unsaved.is_due())?;
        let (ticket, action) = (self.new_ticket(), self.save_unsaved(current));
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.asked(ticket, version_of(&action));
        }
        Some((StoreTicket(ticket), action))
    }

    fn save_unsaved(&self, tokens: &TokenSet) -> StoreAction {
        let parent = self.unsaved.as_ref().map(|unsaved| unsaved.parent());
        let may_be_spent = self.may_unsaved_be_spent();
        self.save(&ToSave { tokens, parent, new_login: None, silent_refusals: 0, may_be_spent })
    }

    fn may_unsaved_be_spent(&self) -> bool {
        self.unsaved.as_ref().is_some_and(|unsaved| unsaved.may_be_spent)
    }

    fn save(&self, to_save: &ToSave<'_>) -> StoreAction {
        let ToSave { tokens, parent, new_login, silent_refusals, may_be_spent } = *to_save;
        let next = Record {
            login: new_login.or(self.login()),
            generation: next_generation(self.known),
            tokens: tokens.clone(),
            parent: parent.map(|parent| parent.of(tokens)).unwrap_or_default(),
            silent_refusals,
            may_be_spent,
        };
        StoreAction::Save { expect: self.known, next }
    }

    /// The ticket of the next action.
    pub(super) fn new_ticket(&mut self) -> NonZero<u32> {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.saturating_add(1);
        ticket
    }

    /// Takes a response. `None` if the session learns nothing from it.
    pub(super) fn handle(
        &mut self,
        ticket: StoreTicket,
        response: StoreResponse,
        deadline: Duration,
        env: &mut dyn Env,
    ) -> Option<Told> {
        let StoreTicket(ticket) = ticket;
        if let Some(unsaved) = self.unsaved.take_if(|unsaved| unsaved.awaits(ticket)) {
            return self.saved_again(*unsaved, response, deadline, env);
        }
        if let Some(version) = self.unsaved.as_mut().and_then(|unsaved| unsaved.answered_late(ticket)) {
            return self.saved_late(version, response);
        }
        // A ticket is good for one response.
        let asked = if self.ticket == Some(ticket) { self.take_question() } else { None };
        let Some(asked) = asked else { return self.told_late(ticket, response) };
        let (question, next) = (asked.question, asked.next.map(|next| *next));
        if let StoreResponse::Conflict(record) = &response {
            // Whoever changed the record has removed the mark.
            self.note_mark(Record::is_begun(record.as_deref(), false));
        }
        if matches!(response, StoreResponse::Locked) && question == Question::Lock {
            self.lock = Lock::Attempt;
        }
        match (question, response) {
            (Question::Lock, StoreResponse::Locked) => Some(Told::Locked(Ok(()))),
            (Question::Lock, response) => Some(Told::Locked(Err(response.into_error()))),
            (Question::Load, StoreResponse::Loaded { record, begun }) => {
                self.note_mark(Record::is_begun(record.as_deref(), begun));
                Some(Told::Loaded(Ok(record)))
            }
            (Question::Load, response) => Some(Told::Loaded(Err(response.into_error()))),
            (Question::Prepare, response) => {
                Some(Told::Prepared(Saved::of(response, |told| matches!(told, StoreResponse::Prepared))))
            }
            (Question::Save, response) => Some(Told::Saved(self.saved(next, response))),
            (Question::SaveEarlier, response) => Some(Told::SavedEarlier(self.saved(next, response))),
            (Question::Erase, StoreResponse::Erased { begun }) => {
                if begun {
                    self.mark = Mark::Before;
                }
                Some(Told::Erased(Saved::Done))
            }
            (Question::Erase, response) => Some(Told::Erased(Saved::of(response, |_| false))),
        }
    }

    fn saved(&mut self, next: Option<RecordVersion>, response: StoreResponse) -> Saved {
        let saved = Saved::of(response, |told| matches!(told, StoreResponse::Saved));
        if matches!(saved, Saved::Done) {
            self.note(next);
            self.note_mark(self.may_unsaved_be_spent());
            self.unsaved = None;
        }
        saved
    }

    fn saved_again(
        &mut self,
        unsaved: Unsaved,
        response: StoreResponse,
        deadline: Duration,
        env: &mut dyn Env,
    ) -> Option<Told> {
        let saved = self.saved(unsaved.version(), response);
        match saved {
            Saved::Done => {
                self.note_mark(unsaved.may_be_spent);
                self.need_not_save();
            }
            _ => self.unsaved = Some(Box::new(unsaved.failed(longest_pause(deadline), env))),
        }
        Some(Told::SavedAgain(saved))
    }

    /// Unsaved tokens were saved, or need not be saved any more. The lock is not kept for them.
    pub(super) fn need_not_save(&mut self) {
        self.unsaved = None;
        if self.lock == Lock::Unsaved {
            self.lock = Lock::GiveBack;
        }
    }
}

fn version_of(action: &StoreAction) -> Option<RecordVersion> {
    match action {
        StoreAction::Save { next, .. } => Some(next.version()),
        _ => None,
    }
}
