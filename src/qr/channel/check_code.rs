//! The check code.

use zeroize::Zeroizing;

use crate::base::secret::same_bytes;
use crate::error::{Error, ErrorCode};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_codes_are_two_digits() {
        for (bytes, digits) in [([0, 0], "00"), ([9, 9], "99"), ([255, 255], "55"), ([10, 11], "01"), ([7, 0], "70")] {
            let code = CheckCode::with_leading_zero(bytes);
            assert_eq!(code.digits(), digits);
            assert!(CheckCode::parse(digits).unwrap().is_same(&code));
        }
        for (bytes, digits) in [([0, 0], "10"), ([8, 9], "99"), ([255, 255], "45"), ([9, 11], "11")] {
            assert_eq!(CheckCode::without_leading_zero(bytes).digits(), digits);
        }
        assert_eq!(CheckCode::parse(" 07\n").unwrap().digits(), "07");
        for wrong in ["", "7", "007", "0 7", "ab", "-7", "+7", "\u{0667}\u{0667}", "7\u{0}"] {
            let error = CheckCode::parse(wrong).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::QR_CHECK_CODE_SYNTAX, "{wrong}");
        }
    }
}
