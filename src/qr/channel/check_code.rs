//! The check code.

use zeroize::Zeroizing;

use crate::base::secret::same_bytes;
use crate::error::{Error, ErrorCode};

#[cfg(test)]
mod tests;

/// The check code: two digits that the scanning device shows and the user types in on the generating device.
pub struct CheckCode(Zeroizing<u8>);

impl CheckCode {
    /// Reads what the user typed.
    ///
    /// # Errors
    /// `qr.check_code_syntax` unless it is two digits; blanks around them do not matter.
    pub fn parse(typed: &str) -> Result<Self, Error> {
        match typed.trim().as_bytes() {
            [tens @ b'0'..=b'9', units @ b'0'..=b'9'] => Ok(Self::of(tens - b'0', units - b'0')),
            _ => Err(ErrorCode::QR_CHECK_CODE_SYNTAX.into()),
        }
    }

    /// MSC4108: any two digits.
    pub(super) fn with_leading_zero([first, second]: [u8; 2]) -> Self {
        Self::of(first % 10, second % 10)
    }

    /// MSC4388: the first digit is no zero.
    pub(super) fn without_leading_zero([first, second]: [u8; 2]) -> Self {
        Self::of(first % 9 + 1, second % 10)
    }

    fn of(tens: u8, units: u8) -> Self {
        Self(Zeroizing::new(tens * 10 + units))
    }

    /// The two digits, to be shown.
    pub fn digits(&self) -> String {
        format!("{:02}", *self.0)
    }

    /// In constant time.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        same_bytes(&[*self.0], &[*other.0])
    }
}
