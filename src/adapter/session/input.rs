//! Results of work for a session, on their way to the session.

use crate::adapter::trace;
use crate::base::env::Env;
use crate::error::transport::Failure;
use crate::session::{Session, StoreResponse, StoreTicket, Ticket};
use crate::step::KeyOutput;

/// An input for a session.
pub(super) enum Input {
    Response(Ticket, Result<http::Response<Vec<u8>>, Failure>),
    KeyOutput(Ticket, Result<KeyOutput, Failure>),
    Store(StoreTicket, StoreResponse),
    Timeout,
    /// Its attempt may begin.
    Admitted,
}

impl Input {
    pub(super) fn hand(self, session: &mut Session, env: &mut dyn Env) {
        let may_fail = matches!(self, Self::Response(..) | Self::KeyOutput(..) | Self::Store(..));
        match self {
            Self::Response(ticket, Ok(response)) => session.handle_response(ticket, response, env),
            Self::Response(ticket, Err(failure)) => session.handle_failure(ticket, failure, env),
            Self::KeyOutput(ticket, output) => session.handle_key_output(ticket, output, env),
            Self::Store(ticket, answer) => session.handle_store(ticket, answer, env),
            Self::Timeout => session.handle_timeout(env),
            Self::Admitted => session.admit(env),
        }
        if cfg!(feature = "tracing") && may_fail {
            trace::attempt(session);
        }
    }
}
