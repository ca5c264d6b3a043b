//! The states of a session. Each state is named for the input that it awaits and has only the data that it needs.

use super::exchange::{Obtained, Rejection};
use super::flight::{ExpectResponse, Flight};
use super::logout::{Leaving, LogoutStage};
use crate::base::env::MonotonicTime;
use crate::error::{Error, ErrorCode};
use crate::session::access::End;
use crate::session::question::ToSave;
use crate::session::record::Record;
use crate::session::timer::Timer;

pub(super) enum State {
    /// Nothing is going on. `due` is when the next refresh is due.
    Idle {
        due: Option<MonotonicTime>,
    },
    Attempting(Attempt),
    /// The last attempt failed.
    Pausing(Box<Pause>),
    /// A transition did not return: the caller's environment panicked in it. What it held is lost. If that was an
    /// attempt, the provider may have rotated. The next attempt is due at once.
    Interrupted,
    /// The session ended. A new login can continue it.
    Stopped(End),
    /// The owner ended it. It finds out what there is to revoke.
    Leaving(Box<Leaving>),
    /// It was logged out.
    LoggedOut,
}

/// Until the next attempt.
pub(super) struct Pause {
    until: MonotonicTime,
    resume: Resume,
    /// The next attempt begins for a caller, not by the clock.
    awaits_caller: bool,
}

impl Pause {
    pub(super) fn is_over(&self, now: MonotonicTime) -> bool {
        self.until <= now
    }

    /// A caller waits. The next attempt begins when the pause is over.
    pub(super) fn has_caller(&mut self) {
        self.awaits_caller = false;
    }

    pub(super) fn into_resume(self) -> Resume {
        self.resume
    }

    /// What awaits the response of the last attempt; if nothing does, the pause as it was.
    pub(super) fn into_late(self) -> Result<ExpectResponse, State> {
        match self {
            Self { resume: Resume::Late(expect), .. } => Ok(expect),
            pause => Err(State::Pausing(Box::new(pause))),
        }
    }
}

/// How the next attempt begins.
#[allow(clippy::large_enum_variant, reason = "boxed with its pause")]
pub(super) enum Resume {
    Anew,
    /// The response of the last attempt may still come. If it does, the pause ends.
    Late(ExpectResponse),
}

/// One attempt to get new tokens.
pub(super) struct Attempt {
    pub(super) stage: Stage,
    /// The deadline of the stage; of a flow that waits, the time when it continues.
    pub(super) until: MonotonicTime,
}

impl Attempt {
    /// Whether the provider is to be asked for tokens, and has not been.
    pub(super) fn is_to_ask(&self) -> bool {
        matches!(&self.stage, Stage::InFlight(flight) if flight.is_to_send() && !flight.exchange().has_begun())
    }
}

/// What an attempt awaits. A stage moves with each input, so what is large in it is in a box.
pub(super) enum Stage {
    /// The driver has not admitted it. Nothing was sent, and no time runs.
    Queued,
    ExpectLock,
    /// The record, before the provider is asked.
    ExpectRecord,
    /// The record again: the provider does not accept the refresh token, but another process may have a newer one.
    ExpectRecordAfter(Box<Rejection>),
    /// Tokens of an earlier attempt are saved before they are refreshed.
    ExpectEarlierSave,
    /// The store shows that it can save what the refresh brings.
    ExpectPreparation,
    /// The provider is asked.
    InFlight(Box<Flight>),
    /// New tokens are passed to the store before anyone can use them.
    ExpectSave(Box<Obtained>),
    /// The record, whose count of refusals without a reason is out of date.
    ExpectRecordToCount(Box<Error>),
    /// The record is saved with the new count.
    ExpectCount(Box<Counted>),
}

/// Why an attempt failed, and the record that is saved for it.
pub(super) struct Counted {
    pub(super) error: Error,
    pub(super) record: Record,
}

impl State {
    /// An attempt at this stage.
    pub(super) fn attempting(stage: Stage, until: MonotonicTime) -> Self {
        Self::Attempting(Attempt { stage, until })
    }

    /// An attempt whose request for tokens is under way.
    pub(super) fn in_flight(flight: Flight, until: MonotonicTime) -> Self {
        Self::attempting(Stage::InFlight(Box::new(flight)), until)
    }

    /// A pause. `awaits_caller` if the next attempt begins for a caller, not by the clock.
    pub(super) fn pausing(until: MonotonicTime, resume: Resume, awaits_caller: bool) -> Self {
        Self::Pausing(Box::new(Pause { until, resume, awaits_caller }))
    }

    /// What is true of the session if a transition from this state does not return.
    pub(super) fn if_interrupted(&self) -> Self {
        match self {
            Self::Idle { .. } | Self::Attempting(_) | Self::Pausing(_) | Self::Interrupted => Self::Interrupted,
            Self::Stopped(end) => Self::Stopped(end.clone()),
            Self::Leaving(leaving) => Self::Leaving(Box::new(leaving.if_interrupted())),
            Self::LoggedOut => Self::LoggedOut,
        }
    }

    /// Why the session has ended; `None` if it has not.
    pub(super) fn end(&self) -> Option<End> {
        match self {
            Self::Stopped(end) => Some(end.clone()),
            Self::Leaving(_) | Self::LoggedOut => Some(End::LoggedOut),
            _ => None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::Leaving(_) | Self::LoggedOut)
    }

    /// Whether the last transition did not return.
    pub(super) fn is_interrupted(&self) -> bool {
        match self {
            Self::Interrupted => true,
            Self::Leaving(leaving) => matches!(leaving.stage, LogoutStage::Interrupted),
            _ => false,
        }
    }

    /// What the driver carries out or awaits of a request for tokens, and until when.
    pub(super) fn flight(&self) -> Option<(&Flight, MonotonicTime)> {
        match self {
            Self::Attempting(Attempt { stage: Stage::InFlight(flight), until }) => Some((flight, *until)),
            Self::Leaving(leaving) => match &leaving.stage {
                LogoutStage::InFlight(flight) => Some((flight, leaving.until)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same, to be carried out.
    pub(super) fn flight_mut(&mut self) -> Option<(&mut Flight, &mut MonotonicTime)> {
        match self {
            Self::Attempting(Attempt { stage: Stage::InFlight(flight), until }) => Some((flight, until)),
            Self::Leaving(leaving) => match &mut leaving.stage {
                LogoutStage::InFlight(flight) => Some((flight, &mut leaving.until)),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is awaited has this time.
    pub(super) fn lasts_until(&mut self, deadline: MonotonicTime) {
        match self {
            Self::Attempting(attempt) => attempt.until = deadline,
            Self::Leaving(leaving) => leaving.until = deadline,
            _ => {}
        }
    }

    /// Whether the session knows what has become of its tokens, and may give them to callers.
    pub(super) fn can_give_tokens(&self) -> bool {
        matches!(self, Self::Idle { .. } | Self::Attempting(_) | Self::Pausing(_))
    }

    /// Whether the provider has said that the grant is gone.
    pub(super) fn is_grant_gone(&self) -> bool {
        matches!(self, Self::Stopped(End::NeedsLogin(error)) if error.code() == ErrorCode::TOKEN_INVALID_GRANT)
    }

    /// Whether tokens that another process has saved can be taken now: nothing is under way that knows better.
    pub(super) fn can_reload(&self) -> bool {
        match self {
            Self::Idle { .. } | Self::Stopped(End::NeedsLogin(_)) => true,
            Self::Pausing(pause) => matches!(pause.resume, Resume::Anew),
            _ => false,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Idle { .. } => "idle",
            Self::Attempting(_) => "attempting",
            Self::Pausing(_) => "backing off",
            Self::Interrupted => "interrupted",
            Self::Stopped(_) => "stopped",
            Self::Leaving(_) => "logging out",
            Self::LoggedOut => "logged out",
        }
    }

    /// Whether the state can be dropped without a loss.
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Idle { .. } | Self::Stopped(_) | Self::LoggedOut => true,
            Self::Attempting(attempt) => matches!(attempt.stage, Stage::Queued),
            Self::Pausing(pause) => matches!(pause.resume, Resume::Anew),
            Self::Interrupted | Self::Leaving(_) => false,
        }
    }

    /// The timer of the state, and its deadline.
    pub(super) fn timer(&self) -> Option<(Timer, MonotonicTime)> {
        match self {
            Self::Idle { due } => due.map(|due| (Timer::Refresh, due)),
            Self::Attempting(attempt) => match &attempt.stage {
                Stage::Queued => None,
                Stage::InFlight(flight) if flight.waits() => Some((Timer::Wake, attempt.until)),
                _ => Some((Timer::Response, attempt.until)),
            },
            Self::Pausing(pause) => (!pause.awaits_caller).then_some((Timer::Retry, pause.until)),
            Self::Interrupted => Some((Timer::Retry, MonotonicTime::from_millis(0))),
            Self::Leaving(leaving) => Some(leaving.timer()),
            Self::Stopped(_) | Self::LoggedOut => None,
        }
    }

    /// The same where it is not known which tokens are the newest: the next attempt finds out, also
    /// if nobody asks for it.
    pub(super) fn timer_of_next_attempt(&self) -> Option<(Timer, MonotonicTime)> {
        match self {
            Self::Idle { .. } => Some((Timer::Refresh, MonotonicTime::from_millis(0))),
            Self::Pausing(pause) => Some((Timer::Retry, pause.until)),
            other => other.timer(),
        }
    }

    /// Whether the provider may have rotated, or may still rotate, in the running attempt.
    pub(super) fn may_have_rotated(&self) -> bool {
        let attempt = match self {
            Self::Attempting(attempt) => attempt,
            other => return matches!(other, Self::Interrupted),
        };
        match &attempt.stage {
            Stage::InFlight(flight) => flight.exchange().may_have_rotated(),
            // New tokens are there, or no request was sent, or it was answered with an error.
            _ => false,
        }
    }

    /// Whether tokens of a new login are to be saved.
    pub(super) fn has_new_login(&self) -> bool {
        self.to_save().is_some_and(|to_save| to_save.new_login.is_some())
    }

    /// Whether new tokens of the attempt are to be saved.
    pub(super) fn has_obtained(&self) -> bool {
        matches!(self, Self::Attempting(Attempt { stage: Stage::ExpectSave(_), .. }))
    }

    /// What the attempt is to save.
    pub(super) fn to_save(&self) -> Option<ToSave<'_>> {
        let Self::Attempting(attempt) = self else { return None };
        match &attempt.stage {
            Stage::ExpectSave(obtained) => {
                let Obtained { tokens, parent, new_login, may_be_spent, .. } = &**obtained;
                let (new_login, silent_refusals, may_be_spent) = (*new_login, 0, *may_be_spent);
                Some(ToSave { tokens, parent: Some(parent), new_login, silent_refusals, may_be_spent })
            }
            Stage::ExpectCount(counted) => {
                let Record { tokens, parent, silent_refusals, may_be_spent, .. } = &counted.record;
                let (silent_refusals, may_be_spent) = (*silent_refusals, *may_be_spent);
                Some(ToSave { tokens, parent: Some(parent), new_login: None, silent_refusals, may_be_spent })
            }
            _ => None,
        }
    }
}
