//! A request for tokens that is under way: its flow awaits something.

use super::exchange::Exchange;
use crate::base::bell::Bell;
use crate::base::env::Env;
use crate::error::Error;
use crate::error::transport::{Failure, FailureKind, Sent};
use crate::flow::TokenRequest;
use crate::step::{Awaiting, AwaitingKey, Call, Step, UseKey, Wait};

/// What the flow awaits, and what is known of the request.
pub(super) enum Flight {
    /// A request to be sent.
    Send(Call<TokenRequest>, Exchange),
    ExpectResponse(ExpectResponse),
    /// A key to be used.
    UseKey(UseKey<TokenRequest>, Exchange),
    ExpectKeyOutput(AwaitingKey<TokenRequest>, Exchange),
    /// The flow waits: for its time, or for what rings its bell.
    Wait(Wait<TokenRequest>, Exchange),
}

pub(super) struct ExpectResponse {
    pub(super) awaiting: Awaiting<TokenRequest>,
    pub(super) exchange: Exchange,
}

impl Flight {
    pub(super) fn exchange(&self) -> &Exchange {
        match self {
            Self::Send(_, exchange)
            | Self::ExpectResponse(ExpectResponse { exchange, .. })
            | Self::UseKey(_, exchange)
            | Self::ExpectKeyOutput(_, exchange)
            | Self::Wait(_, exchange) => exchange,
        }
    }

    /// Whether the driver is to be told what to do.
    pub(super) fn is_to_transmit(&self) -> bool {
        matches!(self, Self::Send(..) | Self::UseKey(..))
    }

    /// Whether its flow waits.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Wait(..))
    }

    /// Whether its flow waits for a bell that has rung.
    pub(super) fn has_rung(&self) -> bool {
        matches!(self, Self::Wait(wait, _) if wait.bell().is_some_and(Bell::has_rung))
    }

    /// What awaits the response, if it awaits one.
    pub(super) fn into_response(self) -> Result<ExpectResponse, Self> {
        match self {
            Self::ExpectResponse(expect) => Ok(expect),
            other => Err(other),
        }
    }

    /// What its flow makes of it that nothing comes. It may hold tokens already.
    pub(super) fn expire(self, env: &mut dyn Env) -> (Result<Step<TokenRequest>, Error>, Exchange) {
        let timeout = |sent| Failure::new(FailureKind::Timeout, sent);
        match self {
            Self::Send(call, exchange) => (call.into_parts().2.fail(timeout(Sent::No), env), exchange),
            Self::ExpectResponse(ExpectResponse { awaiting, exchange }) => {
                (awaiting.fail(timeout(Sent::Maybe), env), exchange)
            }
            Self::UseKey(use_key, exchange) => (use_key.into_parts().1.fail(FailureKind::Timeout, env), exchange),
            Self::ExpectKeyOutput(awaiting, exchange) => (awaiting.fail(FailureKind::Timeout, env), exchange),
            Self::Wait(wait, exchange) => (wait.wake(env), exchange),
        }
    }
}
