//! How long a flow of a rendezvous goes on, and when it tries again.

use std::time::Duration;

use super::options::RendezvousOptions;
use crate::base::env::{Env, MonotonicTime};
use crate::error::transport::FailureKind;
use crate::error::{Error, ErrorCode, Fault};

/// The longest pause after failures, and the longest `Retry-After` that is believed: the other device waits, too.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long something is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    deadline: MonotonicTime,
    pub(super) interval: Duration,
    /// What failures make of the interval.
    pause: Duration,
}

impl Patience {
    pub(super) fn new(options: &RendezvousOptions, timeout: Duration, env: &mut dyn Env) -> Self {
        let interval = options.interval();
        Self { deadline: env.monotonic().saturating_add(timeout), interval, pause: interval }
    }

    /// When to look again after a response that says nothing new.
    pub(super) fn next(&mut self, env: &mut dyn Env) -> Result<MonotonicTime, Error> {
        self.pause = self.interval;
        self.until(self.interval, env)
    }

    /// When to try again after a failure, if time may mend it; else the failure itself.
    pub(super) fn again(&mut self, error: Error, env: &mut dyn Env) -> Result<MonotonicTime, Error> {
        let is_final = error.failure().is_some_and(|failure| {
            matches!(failure.kind, FailureKind::Cancelled | FailureKind::Refused | FailureKind::Tls)
        });
        if error.fault() != Fault::Transport || is_final {
            return Err(error);
        }
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE).max(self.interval);
        let pause = error.retry_after().map_or(self.pause, |after| after.min(LONGEST_PAUSE).max(self.pause));
        // The failure says more than that time is up.
        self.until(pause, env).map_err(|_| error)
    }

    /// Not later than the deadline, so that the last look is at the deadline itself.
    fn until(&self, pause: Duration, env: &mut dyn Env) -> Result<MonotonicTime, Error> {
        if env.monotonic() >= self.deadline {
            return Err(Error::new(ErrorCode::QR_TIMEOUT).settled());
        }
        Ok(env.monotonic().saturating_add(pause).min(self.deadline))
    }
}
