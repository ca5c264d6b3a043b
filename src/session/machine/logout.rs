//! A logout that is under way: what it awaits, and what is known of it.

use super::exchange::is_by;
use super::flight::Flight;
use crate::base::env::MonotonicTime;
use crate::base::secret::Secret;
use crate::session::access::{Erased, Logout, Uncertainty};
use crate::session::timer::Timer;

pub(super) struct Leaving {
    pub(super) stage: LogoutStage,
    /// The deadline of the stage; of a flow that waits, the time when it continues.
    pub(super) until: MonotonicTime,
    pub(super) known: Known,
}

/// What a logout awaits.
pub(super) enum LogoutStage {
    ExpectLock,
    ExpectRecord,
    ExpectErasure,
    /// The response to a request of before the logout.
    ExpectLate,
    /// The provider is asked for the newest tokens.
    InFlight(Box<Flight>),
    /// A transition did not return. The logout begins again, with what is known of it.
    Interrupted,
}

/// What is known of a logout.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) logout: Logout,
    /// The refresh that was under way, if its tokens came. They are given back.
    brought: Option<Brought>,
    /// There was a record, and there is none. Nobody knows what it had last.
    pub(super) is_record_gone: bool,
}

/// The end of a refresh: its tokens came.
#[derive(Clone)]
struct Brought {
    /// The refresh token that it was asked with. Without a shared store, `None` for the current one.
    spent: Option<Secret>,
}

impl Leaving {
    /// What is true of it if a transition does not return.
    pub(super) fn if_interrupted(&self) -> Self {
        Self { stage: LogoutStage::Interrupted, until: self.until, known: self.known.clone() }
    }

    /// Whether its flow waits.
    pub(super) fn waits(&self) -> bool {
        matches!(&self.stage, LogoutStage::InFlight(flight) if flight.waits())
    }

    /// Takes out what awaits an input, if `take` knows it; else the logout is as it was.
    pub(super) fn take<T>(
        mut self: Box<Self>,
        take: impl FnOnce(Box<Flight>) -> Result<T, Box<Flight>>,
    ) -> Result<(T, Known), Box<Self>> {
        match self.stage {
            LogoutStage::InFlight(flight) => match take(flight) {
                Ok(taken) => Ok((taken, self.known)),
                Err(flight) => {
                    self.stage = LogoutStage::InFlight(flight);
                    Err(self)
                }
            },
            _ => Err(self),
        }
    }

    /// Its timer, and its deadline.
    pub(super) fn timer(&self) -> (Timer, MonotonicTime) {
        match &self.stage {
            LogoutStage::Interrupted => (Timer::Retry, MonotonicTime::from_millis(0)),
            LogoutStage::InFlight(flight) if flight.waits() => (Timer::Wake, self.until),
            _ => (Timer::Response, self.until),
        }
    }
}

impl Known {
    pub(super) fn new() -> Self {
        let logout = Logout { erased: Erased::Nothing, uncertainty: None };
        Self { logout, brought: None, is_record_gone: false }
    }

    /// The first reason stays.
    pub(super) fn is_uncertain(&mut self, why: Uncertainty) {
        self.logout.uncertainty.get_or_insert(why);
    }

    /// The tokens came that were asked for with this refresh token. They are given back.
    pub(super) fn brought(&mut self, spent: Option<Secret>) {
        self.brought = Some(Brought { spent });
    }

    /// Whether the tokens came that were asked for with this refresh token.
    pub(super) fn has_brought(&self, refresh_token: Option<&Secret>) -> bool {
        self.brought.as_ref().is_some_and(|brought| is_by(brought.spent.as_ref(), refresh_token))
    }
}
