//! What an error of the server's or of the connection means.

use std::fmt;

use ::redis::RedisError;

use crate::error::{Error, ErrorCode, Quote};

/// What may be told of an error: the server's own words can quote what it was sent.
#[derive(Debug)]
struct Refused {
    category: String,
    /// `READONLY`, `LOADING`, `NOAUTH`, …
    code: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis: {}", self.category)?;
        self.code.iter().try_for_each(|code| write!(f, " ({code})"))
    }
}

impl std::error::Error for Refused {}

pub(super) fn broken(error: &RedisError) -> Error {
    let is_code = |code: &&str| code.len() <= 20 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let refused = Refused {
        category: if error.is_timeout() { "no response in time".to_owned() } else { error.category().to_owned() },
        code: error.code().filter(is_code).map(str::to_owned),
    };
    Error::new(ErrorCode::STORE_IO).with_found(Quote::adapter(&refused.to_string())).with_source(refused)
}

/// Whether to try once more with a new connection: this one was idle, and the server has closed it since. Every command
/// may be sent twice.
pub(super) fn is_stale(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}
