//! Responses whose time was up, and whose pause is over too. They may still bring tokens, which are
//! then used instead of asking the provider again: it would be asked with a refresh token that it
//! has replaced. Tokens that came in time and cannot be verified yet stand beside them.

use super::exchange::Exchange;
use super::flight::ExpectResponse;
use crate::base::env::Env;
use crate::base::secret::Secret;
use crate::error::Error;
use crate::flow::TokenRequest;
use crate::flow::token_outcome::UnverifiedTokens;
use crate::session::access::Ticket;
use crate::step::{Awaiting, Step};

/// How many are waited for. If the provider does not respond at all, and with the default deadline,
/// the oldest is dropped about 15 minutes after its request.
const MOST: usize = 8;

/// Kept beside the attempts. Nothing but a pointer while there are none.
#[derive(Default)]
pub(super) struct LateResponses(Option<Box<List>>);

#[derive(Default)]
struct List {
    /// In the order in which they were asked for.
    all: Vec<Late>,
}

struct Late {
    ticket: Ticket,
    state: State,
    fate: Fate,
}

#[allow(clippy::large_enum_variant, reason = "there is hardly ever one")]
enum State {
    ExpectResponse(ExpectResponse),
    /// What the flow makes of it. The attempt that would ask the provider goes on with it.
    Arrived(Step<TokenRequest>, Exchange),
    /// Tokens that could not be verified when they came.
    Unverified(UnverifiedTokens, Exchange),
}

/// What becomes of the tokens that a late response brings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The session goes on with them.
    GoOn,
    /// The provider has been asked again since, or for a newer record: whose tokens are the newest, only it knows. They
    /// are set aside.
    SetAside,
    /// The session does not go on with their login. They are given back.
    GiveBack,
}

impl LateResponses {
    /// Goes on waiting for the response to the request of this ticket.
    pub(super) fn expect(&mut self, ticket: Ticket, expect: ExpectResponse) {
        self.push(ticket, State::ExpectResponse(expect));
    }

    /// Keeps tokens that are to be verified again by the next attempt.
    pub(super) fn verify_later(&mut self, ticket: Ticket, tokens: UnverifiedTokens, exchange: Exchange) {
        self.push(ticket, State::Unverified(tokens, exchange));
    }

    fn push(&mut self, ticket: Ticket, state: State) {
        let all = &mut self.0.get_or_insert_default().all;
        if all.len() == MOST {
            all.remove(0);
        }
        all.push(Late { ticket, state, fate: Fate::GoOn });
    }

    /// Only what is to be given back is kept and waited for.
    pub(super) fn forget(&mut self) {
        if let Some(list) = &mut self.0 {
            list.all.retain(|late| late.fate == Fate::GiveBack);
        }
        self.shrink();
    }

    /// The provider is asked again.
    pub(super) fn set_aside(&mut self) {
        self.all_mut().filter(|late| late.fate == Fate::GoOn).for_each(|late| late.fate = Fate::SetAside);
    }

    /// The session does not go on with what may still come.
    pub(super) fn let_go(&mut self) {
        self.all_mut().for_each(|late| late.fate = Fate::GiveBack);
    }

    /// Whether there is nothing, and nothing is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there is or may still be something that is lost with the session. Of tokens that are to be verified, the refresh
    /// token is kept elsewhere.
    pub(super) fn is_awaited(&self) -> bool {
        self.all().any(|late| late.fate == Fate::GoOn && !matches!(late.state, State::Unverified(..)))
    }

    /// Whether a response may still come that the session, or another process, goes on with.
    pub(super) fn may_come(&self) -> bool {
        self.all().any(|late| matches!(late.state, State::ExpectResponse(_)) && late.fate != Fate::GiveBack)
    }

    /// Whether there is or may still be something that a logout waits for.
    pub(super) fn is_needed(&self) -> bool {
        self.all().any(|late| late.fate != Fate::SetAside)
    }

    /// Takes the response to the request of this ticket, if it is waited for. A response without
    /// tokens is dropped: the next attempt finds out the same.
    pub(super) fn receive(
        &mut self,
        ticket: Ticket,
        receive: impl FnOnce(Awaiting<TokenRequest>, &mut Exchange) -> Result<Step<TokenRequest>, Error>,
    ) {
        let is_awaited = |late: &Late| late.ticket == ticket && matches!(late.state, State::ExpectResponse(_));
        let Some(Late { ticket, state, fate }) = self.take(is_awaited) else { return };
        let State::ExpectResponse(ExpectResponse { awaiting, mut exchange }) = state else { return };
        if let Ok(step) = receive(awaiting, &mut exchange)
            && exchange.may_have_yielded()
        {
            let list = self.0.get_or_insert_default();
            list.all.push(Late { ticket, state: State::Arrived(step, exchange), fate });
        }
    }

    /// Tokens that have come.
    pub(super) fn take_arrived(&mut self, env: &mut dyn Env) -> Option<(Step<TokenRequest>, Exchange)> {
        self.take_arrived_if(|_, _| true, env)
    }

    /// Tokens that have come, and whose fate is this.
    pub(super) fn take_of(&mut self, fate: Fate, env: &mut dyn Env) -> Option<(Step<TokenRequest>, Exchange)> {
        self.take_arrived_if(|late, _| late.fate == fate, env)
    }

    /// The tokens that have come, if they were requested with this refresh token. Tokens that came
    /// for another refresh token are set aside, because the record has changed since. Responses
    /// that have not come are still waited for.
    pub(super) fn take_tokens(
        &mut self,
        refresh_token: Option<&Secret>,
        env: &mut dyn Env,
    ) -> Option<(Step<TokenRequest>, Exchange)> {
        let taken = self.take_arrived_if(|late, by| late.fate == Fate::GoOn && by.goes_with(refresh_token), env);
        let have_come = self.all_mut().filter(|late| !matches!(late.state, State::ExpectResponse(_)));
        have_come.filter(|late| late.fate == Fate::GoOn).for_each(|late| late.fate = Fate::SetAside);
        taken
    }

    fn take_arrived_if(
        &mut self,
        is_it: impl Fn(&Late, &Exchange) -> bool,
        env: &mut dyn Env,
    ) -> Option<(Step<TokenRequest>, Exchange)> {
        let taken = self.take(|late| match &late.state {
            State::Arrived(_, exchange) | State::Unverified(_, exchange) => is_it(late, exchange),
            State::ExpectResponse(_) => false,
        });
        match taken?.state {
            State::Arrived(step, exchange) => Some((step, exchange)),
            State::Unverified(tokens, exchange) => Some((tokens.verify(env), exchange)),
            State::ExpectResponse(_) => None,
        }
    }

    fn take(&mut self, is_it: impl Fn(&Late) -> bool) -> Option<Late> {
        let all = &mut self.0.as_mut()?.all;
        let late = all.iter().position(is_it).map(|place| all.remove(place));
        self.shrink();
        late
    }

    fn shrink(&mut self) {
        self.0.take_if(|list| list.all.is_empty());
    }

    fn all(&self) -> impl Iterator<Item = &Late> {
        self.0.iter().flat_map(|list| &list.all)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Late> {
        self.0.iter_mut().flat_map(|list| &mut list.all)
    }
}
