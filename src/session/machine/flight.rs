//! A request for tokens that is under way: its flow awaits something.

use http::{Method, Request};

use super::exchange::Exchange;
use crate::base::bell::Bell;
use crate::base::env::Env;

use crate::base::secret::Body;
use crate::error::Error;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::flow::TokenRequest;
use crate::session::access::{Ticket, Transmit};
use crate::step::{Awaiting, AwaitingKey, Call, KeyUse, Step, UseKey, Wait};
use crate::wire::policy::Policy;

/// What the flow awaits, and what is known of the request. What the driver is to carry out stands
/// beside it until the driver takes it.
pub(super) enum Flight {
    Response(Option<(Request<Body>, Policy)>, ExpectResponse),
    KeyOutput(Option<KeyUse>, AwaitingKey<TokenRequest>, Exchange),
    /// The flow waits: for its time, or for what rings its bell.
    Wait(Wait<TokenRequest>, Exchange),
}

pub(super) struct ExpectResponse {
    pub(super) awaiting: Awaiting<TokenRequest>,
    pub(super) exchange: Exchange,
}

impl Flight {
    #[inline]
    pub(super) fn call(call: Call<TokenRequest>, exchange: Exchange) -> Self {
        let (request, policy, awaiting) = call.into_parts();
        Self::Response(Some((request, policy)), ExpectResponse { awaiting, exchange })
    }

    pub(super) fn use_key(use_key: UseKey<TokenRequest>, exchange: Exchange) -> Self {
        let (key_use, awaiting) = use_key.into_parts();
        Self::KeyOutput(Some(key_use), awaiting, exchange)
    }

    pub(super) fn exchange(&self) -> &Exchange {
        match self {
            Self::Response(_, ExpectResponse { exchange, .. })
            | Self::KeyOutput(_, _, exchange)
            | Self::Wait(_, exchange) => exchange,
        }
    }

    /// Whether the driver has to send a request.
    pub(super) fn is_to_send(&self) -> bool {
        matches!(self, Self::Response(Some(_), _))
    }

    /// Whether the driver has something to carry out.
    pub(super) fn is_to_transmit(&self) -> bool {
        self.is_to_send() || matches!(self, Self::KeyOutput(Some(_), ..))
    }

    /// Whether its flow waits.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Wait(..))
    }

    /// Whether its flow waits for a bell that has rung.
    pub(super) fn has_rung(&self) -> bool {
        matches!(self, Self::Wait(wait, _) if wait.bell().is_some_and(Bell::has_rung))
    }

    /// Whether the provider will be asked for tokens by what the driver is to carry out. A request
    /// for keys (a GET) does not ask for tokens.
    pub(super) fn is_to_ask(&self) -> bool {
        matches!(self, Self::Response(Some((request, _)), _) if request.method() == Method::POST)
    }

    /// The provider is asked for tokens now.
    pub(super) fn is_sent(&mut self, env: &dyn Env) {
        if let Self::Response(_, ExpectResponse { exchange, .. }) = self {
            exchange.sent(env);
        }
    }

    /// What the driver is to carry out.
    pub(super) fn transmit(&mut self, ticket: Ticket) -> Option<Transmit> {
        match self {
            Self::Response(unsent, _) => {
                unsent.take().map(|(request, policy)| Transmit::Call { ticket, request, policy })
            }
            Self::KeyOutput(unsent, ..) => unsent.take().map(|key_use| Transmit::UseKey { ticket, key_use }),
            Self::Wait(..) => None,
        }
    }

    /// What awaits the response, if it awaits one.
    #[inline]
    pub(super) fn into_response(self: Box<Self>) -> Result<(Awaiting<TokenRequest>, Exchange), Box<Self>> {
        match *self {
            Self::Response(None, ExpectResponse { awaiting, exchange }) => Ok((awaiting, exchange)),
            other => Err(Box::new(other)),
        }
    }

    /// What awaits the output of a key store, if it awaits one.
    pub(super) fn into_key_output(self: Box<Self>) -> Result<(AwaitingKey<TokenRequest>, Exchange), Box<Self>> {
        match *self {
            Self::KeyOutput(None, awaiting, exchange) => Ok((awaiting, exchange)),
            other => Err(Box::new(other)),
        }
    }

    /// The flow that waits, if it does.
    pub(super) fn into_wait(self: Box<Self>) -> Result<(Wait<TokenRequest>, Exchange), Box<Self>> {
        match *self {
            Self::Wait(wait, exchange) => Ok((wait, exchange)),
            other => Err(Box::new(other)),
        }
    }

    /// What its flow makes of it that nothing comes. It may hold tokens already.
    pub(super) fn expire(self, env: &mut dyn Env) -> (Result<Step<TokenRequest>, Error>, Exchange) {
        match self {
            Self::Response(unsent, ExpectResponse { awaiting, exchange }) => {
                let sent = if unsent.is_some() { Sent::No } else { Sent::Maybe };
                (awaiting.fail(Failure::new(FailureKind::Timeout, sent), env), exchange)
            }
            Self::KeyOutput(_, awaiting, exchange) => (awaiting.fail(FailureKind::Timeout, env), exchange),
            Self::Wait(wait, exchange) => (wait.wake(env), exchange),
        }
    }
}
