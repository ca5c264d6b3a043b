//! A response whose time was up, and whose pause is over too. It may still bring tokens, which are then used instead of
//! asking the provider again: it would be asked with a refresh token that it has replaced.

use super::exchange::Exchange;
use super::flight::ExpectResponse;
use crate::base::secret::Secret;
use crate::error::Error;
use crate::flow::TokenRequest;
use crate::session::access::Ticket;
use crate::step::Step;

/// Kept beside the attempts until the provider is asked again.
#[derive(Default)]
pub(super) struct LateResponse(Option<Box<Late>>);

struct Late {
    ticket: Ticket,
    state: State,
    /// The session does not go on with what it brings.
    is_let_go: bool,
}

#[allow(clippy::large_enum_variant, reason = "boxed with its ticket")]
enum State {
    ExpectResponse(ExpectResponse),
    /// What the flow makes of it. The attempt that would ask the provider goes on with it.
    Arrived(Step<TokenRequest>, Exchange),
}

impl LateResponse {
    /// Goes on waiting for the response to the request of this ticket.
    pub(super) fn expect(&mut self, ticket: Ticket, expect: ExpectResponse) {
        self.0 = Some(Box::new(Late { ticket, state: State::ExpectResponse(expect), is_let_go: false }));
    }

    /// Nothing is kept, and nothing is waited for any more but what is to be given back.
    pub(super) fn forget(&mut self) {
        self.0.take_if(|late| !late.is_let_go);
    }

    /// The session does not go on with what may still come.
    pub(super) fn let_go(&mut self) {
        if let Some(late) = &mut self.0 {
            late.is_let_go = true;
        }
    }

    /// Whether there is or may still be something that the session goes on with.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.as_ref().is_some_and(|late| !late.is_let_go)
    }

    pub(super) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Takes the response, if the ticket is its own. One without tokens says nothing that the next attempt will not
    /// find out.
    pub(super) fn receive(
        &mut self,
        ticket: Ticket,
        receive: impl FnOnce(ExpectResponse) -> (Result<Step<TokenRequest>, Error>, Exchange),
    ) {
        let Some(late) = self.0.take_if(|late| late.ticket == ticket) else { return };
        let State::ExpectResponse(expect) = late.state else { return };
        if let (Ok(step), exchange) = receive(expect)
            && exchange.may_have_yielded()
        {
            self.0 = Some(Box::new(Late { state: State::Arrived(step, exchange), ..*late }));
        }
    }

    /// The tokens that it has brought. Nothing is kept then.
    pub(super) fn take_arrived(&mut self) -> Option<(Step<TokenRequest>, Exchange)> {
        self.take_arrived_if(|_| true)
    }

    /// The tokens that it has brought, and that are to be given back.
    pub(super) fn take_let_go(&mut self) -> Option<(Step<TokenRequest>, Exchange)> {
        self.take_arrived_if(|late| late.is_let_go)
    }

    fn take_arrived_if(&mut self, is_it: impl Fn(&Late) -> bool) -> Option<(Step<TokenRequest>, Exchange)> {
        match self.0.take_if(|late| matches!(late.state, State::Arrived(..)) && is_it(late))?.state {
            State::Arrived(step, exchange) => Some((step, exchange)),
            State::ExpectResponse(_) => None,
        }
    }

    /// The tokens that it has brought, if this is the refresh token that they were asked for with. What may still come is
    /// waited for.
    pub(super) fn take_tokens(&mut self, refresh_token: Option<&Secret>) -> Option<(Step<TokenRequest>, Exchange)> {
        self.take_arrived().filter(|(_, exchange)| exchange.is_by(refresh_token))
    }
}
