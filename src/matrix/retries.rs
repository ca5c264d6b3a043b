//! When a request to a homeserver is sent again.

use std::time::Duration;

use crate::error::{Error, Recovery};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The rule for requests that change nothing: they are sent again if [`Error::recovery`] is
/// `Retry`, for example after a time-out, 429 or 5xx. The pause is the one that the homeserver asks
/// for (`Retry-After`, `retry_after_ms`), otherwise one second, doubled each time; it is never
/// longer than a minute. After any other error the request is not sent again.
///
/// ```
/// use oidc_proto::ErrorCode;
/// use oidc_proto::matrix::Retries;
/// let mut retries = Retries::new(2);
/// assert_eq!(retries.after(&ErrorCode::HTTP_SERVER_ERROR.into()).map(|pause| pause.as_secs()), Some(1));
/// assert_eq!(retries.after(&ErrorCode::HTTP_TOO_MANY_REQUESTS.into()).map(|pause| pause.as_secs()), Some(2));
/// assert_eq!(retries.after(&ErrorCode::HTTP_SERVER_ERROR.into()), None);
/// assert_eq!(Retries::new(2).after(&ErrorCode::HOMESERVER_UNKNOWN_TOKEN.into()), None);
/// ```
#[derive(Clone, Debug)]
pub struct Retries {
    left: u32,
    pause: Duration,
}

impl Retries {
    /// At most so many retries.
    pub fn new(most: u32) -> Self {
        Self { left: most, pause: FIRST_PAUSE }
    }

    /// How long to wait before the request is sent again after this error; `None` if it is not.
    pub fn after(&mut self, error: &Error) -> Option<Duration> {
        let Recovery::Retry { after } = error.recovery() else { return None };
        self.left = self.left.checked_sub(1)?;
        let pause = after.unwrap_or(self.pause).min(LONGEST_PAUSE);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}
