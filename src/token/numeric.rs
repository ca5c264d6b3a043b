//! Numbers as providers write them: dates with fractions, lifetimes as strings.

use std::time::Duration;

use serde::de::Unexpected;
use serde::{Deserialize, Deserializer, de};

use crate::base::env::Timestamp;
use crate::base::json::Scalar;

/// 9999-12-31T23:59:59Z: what lies beyond is no date.
const LAST_SECOND: u64 = 253_402_300_799;

/// A NumericDate (RFC 7519 section 2): seconds since the epoch, fractions allowed. Not a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumericDate(pub Timestamp);

impl NumericDate {
    /// The date, if the value is one.
    pub(crate) fn read(value: &Scalar<'_>) -> Option<Self> {
        match *value {
            Scalar::Unsigned(seconds) if seconds <= LAST_SECOND => Some(Timestamp::from_unix_seconds(seconds)),
            // False for NaN, too.
            Scalar::Float(seconds) if seconds >= 0.0 && seconds <= LAST_SECOND as f64 => {
                Some(Timestamp::from_unix_millis((seconds * 1000.0) as u64))
            }
            _ => None,
        }
        .map(Self)
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Scalar::deserialize(deserializer)?;
        Self::read(&value).ok_or_else(|| {
            let found = match &value {
                Scalar::Null => Unexpected::Unit,
                Scalar::Bool(value) => Unexpected::Bool(*value),
                Scalar::Unsigned(value) => Unexpected::Unsigned(*value),
                Scalar::Negative => Unexpected::Signed(-1),
                Scalar::Float(value) => Unexpected::Float(*value),
                Scalar::Text(_) => Unexpected::Str(""),
                Scalar::List => Unexpected::Seq,
                Scalar::Object => Unexpected::Map,
            };
            de::Error::invalid_value(found, &"seconds since 1970 as a number")
        })
    }
}

/// `expires_in` (RFC 6749 section 5.1). Reading it never fails: a value that cannot be read is an unknown lifetime.
///
/// Exhaustive: a value is absent, read or unreadable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// The field is absent or `null`.
    #[default]
    Absent,
    /// Seconds. Integral floats and numeric strings are accepted, up to 2^53, where floats stop being exact.
    Seconds(u64),
    /// The field is present but is not a lifetime: negative, too large, or of another type. The provider has a bug.
    Unreadable,
}

impl Lifetime {
    /// The lifetime, if it is known.
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::Seconds(seconds) => Some(Duration::from_secs(seconds)),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Scalar::deserialize(deserializer)?;
        Ok(match (value.whole(), value) {
            (Some(seconds), _) => Self::Seconds(seconds),
            (None, Scalar::Null) => Self::Absent,
            (None, _) => Self::Unreadable,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_or_fractional_seconds() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1700000000", Some(1_700_000_000_000)),
            ("1700000000.5", Some(1_700_000_000_500)),
            ("1.7e9", Some(1_700_000_000_000)),
            ("253402300799", Some(253_402_300_799_000)),
            ("253402300800", None),
            ("9223372036854775808", None),
            ("1e308", None),
            ("-1", None),
            ("-0.5", None),
            ("\"1700000000\"", None),
            ("null", None),
            ("[1]", None),
            ("true", None),
        ] {
            let parsed = serde_json::from_str::<NumericDate>(text).ok();
            assert_eq!(parsed.map(|date| date.0.unix_millis()), expected, "{text}");
        }
    }

    #[test]
    fn lifetimes_never_fail() {
        for (text, expected) in [
            ("3600", Lifetime::Seconds(3600)),
            ("0", Lifetime::Seconds(0)),
            ("3600.0", Lifetime::Seconds(3600)),
            ("\"3600\"", Lifetime::Seconds(3600)),
            ("null", Lifetime::Absent),
            ("3600.5", Lifetime::Unreadable),
            ("-1", Lifetime::Unreadable),
            ("\"-1\"", Lifetime::Unreadable),
            ("\"+1\"", Lifetime::Unreadable),
            ("\"\"", Lifetime::Unreadable),
            ("\"1h\"", Lifetime::Unreadable),
            ("9223372036854775808", Lifetime::Unreadable),
            ("1e308", Lifetime::Unreadable),
            ("true", Lifetime::Unreadable),
            ("[3600]", Lifetime::Unreadable),
            ("{\"s\":{}}", Lifetime::Unreadable),
        ] {
            assert_eq!(serde_json::from_str::<Lifetime>(text).unwrap(), expected, "{text}");
        }
    }
}
