//! Scopes (RFC 6749 section 3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::json::Scalar;
use crate::error::{Error, ErrorCode, Quote};

/// A list of scope values, joined by single spaces (RFC 6749 section 3.3). It may be empty.
///
/// ```
/// let scope = oidc_proto::Scope::new("openid profile")?;
/// assert!(scope.contains("openid") && !scope.contains("open"));
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(Box<str>);

impl Scope {
    /// Checks the characters of each value: printable ASCII without space, `"` and `\`. Extra spaces are dropped.
    ///
    /// # Errors
    /// `authorization.scope`.
    pub fn new(text: &str) -> Result<Self, Error> {
        // As a scope is mostly written, it is taken as it stands: no space is the first, the last, or before another.
        let bytes = text.as_bytes();
        let (first, last) = (bytes.first().copied().unwrap_or(b'!'), bytes.last().copied().unwrap_or(b'!'));
        let is_plain = bytes
            .iter()
            .zip(bytes.get(1..).unwrap_or_default())
            .fold(true, |is_plain, (&byte, &next)| is_plain & (is_scope_byte(byte) | (byte == b' ') & (next != b' ')));
        if is_plain && first != b' ' && is_scope_byte(last) {
            return Ok(Self(text.into()));
        }
        Self::collect(text.split(' '), text.len()).ok_or_else(|| {
            let error = Error::new(ErrorCode::AUTHORIZATION_SCOPE).with_found(Quote::caller(text));
            error.with_hint("A scope value has printable ASCII characters without `\"` and `\\`.")
        })
    }

    fn collect<'a>(values: impl Iterator<Item = &'a str>, length: usize) -> Option<Self> {
        let mut out = String::with_capacity(length);
        for value in values.filter(|value| !value.is_empty()) {
            if !value.bytes().all(is_scope_byte) {
                return None;
            }
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(value);
        }
        Some(Self(out.into_boxed_str()))
    }

    /// The values, joined by spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|value| !value.is_empty())
    }

    /// Whether the value is in the list.
    pub fn contains(&self, value: &str) -> bool {
        !value.is_empty() && self.0.as_bytes().split(|byte| *byte == b' ').any(|own| own == value.as_bytes())
    }

    /// Whether each value of the other list is in this one.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        // Not each with each: a provider decides how many there are.
        let own: BTreeSet<&str> = self.iter().collect();
        other.iter().all(|value| own.contains(value))
    }

    /// This scope, and the values of another one that it has not.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let more = other.iter().filter(|value| !self.contains(value));
        Self(self.iter().chain(more).collect::<Vec<_>>().join(" ").into())
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// RFC 6749 section 3.3.
fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(|_| de::Error::custom("not a scope"))
    }
}

const OTHER_TEXT: &str = "a string with other characters";

/// `scope` in a response: a string by the standard, an array at some providers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReceivedScope {
    Text(Scope),
    Array(Scope),
    /// No scope at all, but this.
    Other(&'static str),
}

impl<'de> Deserialize<'de> for ReceivedScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ReceivedScope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scope")
            }

            fn visit_str<E>(self, text: &str) -> Result<ReceivedScope, E> {
                Ok(Scope::new(text).map_or(ReceivedScope::Other(OTHER_TEXT), ReceivedScope::Text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ReceivedScope, A::Error> {
                let mut values = Some(Vec::new());
                while let Some(value) = seq.next_element::<Scalar<'de>>()? {
                    values = values.zip(value.text()).map(|(mut values, value)| {
                        values.push(value);
                        values
                    });
                }
                let scope = values.and_then(|values| Scope::collect(values.iter().map(|value| &**value), 0));
                Ok(scope.map_or(ReceivedScope::Other("an array"), ReceivedScope::Array))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReceivedScope, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(ReceivedScope::Other("an object"))
            }

            fn visit_bool<E>(self, _: bool) -> Result<ReceivedScope, E> {
                Ok(ReceivedScope::Other("a boolean"))
            }

            fn visit_u64<E>(self, _: u64) -> Result<ReceivedScope, E> {
                Ok(ReceivedScope::Other("a number"))
            }

            fn visit_i64<E>(self, _: i64) -> Result<ReceivedScope, E> {
                Ok(ReceivedScope::Other("a number"))
            }

            fn visit_f64<E>(self, _: f64) -> Result<ReceivedScope, E> {
                Ok(ReceivedScope::Other("a number"))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_lists_of_plain_words() {
        for (text, expected) in [
            ("", Some("")),
            (" openid  profile ", Some("openid profile")),
            ("urn:matrix:client:api:*", Some("urn:matrix:client:api:*")),
            ("a\"b", None),
            ("a\\b", None),
            ("a\tb", None),
            ("é", None),
            (" ", Some("")),
            ("a  b", Some("a b")),
            ("a ", Some("a")),
            (" a", Some("a")),
            ("a b", Some("a b")),
        ] {
            let scope = Scope::new(text);
            assert_eq!(scope.as_ref().ok().map(Scope::as_str), expected, "{text:?}");
        }
    }
    #[test]
    fn what_is_no_scope_in_a_response_spoils_nothing_else() {
        let read = |text: &str| serde_json::from_str::<ReceivedScope>(text).unwrap();
        let scope = |text: &str| text.parse::<Scope>().unwrap();
        assert_eq!(read(r#""openid  email""#), ReceivedScope::Text(scope("openid email")));
        assert_eq!(read(r#"["openid","email"]"#), ReceivedScope::Array(scope("openid email")));
        assert_eq!(scope(" a  b ").to_string(), "a b");
        for other in
            ["7", "-7", "0.5", "true", r#"{"openid":{"a":[1]}}"#, r#""\"""#, "[1]", r#"["a",{}]"#, r#"["a\"b"]"#]
        {
            assert!(matches!(read(other), ReceivedScope::Other(_)), "{other}");
        }
        assert!(serde_json::from_str::<ReceivedScope>("[\"a\"").unwrap_err().is_eof());
    }
}
