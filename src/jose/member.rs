//! Members of a stranger's JSON object, taken as they come: a wrong type spoils one member, not the
//! whole document. Also [`push_member`], which adds a member to an object that this crate writes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::base::json::scalars;

/// One member whose definition says that it is a string or, for `key_ops`, a list of strings.
#[derive(Debug, Default)]
pub(super) enum Member<'a> {
    /// Not there, or `null`.
    #[default]
    Absent,
    Text(Cow<'a, str>),
    /// A list, and whether `verify` is in it: of the lists in a key that is all that matters.
    List {
        verify: bool,
    },
    Other,
}

impl<'a> Member<'a> {
    /// The text; `Ok(None)` if the member is absent, `Err` if it is something else.
    pub(super) fn text(&self) -> Result<Option<&str>, WrongType> {
        match self {
            Self::Absent => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::List { .. } | Self::Other => Err(WrongType),
        }
    }
}

/// A member that is neither absent nor a string.
#[derive(Debug)]
pub(super) struct WrongType;

/// A member that must not be there, not even as `null`.
#[derive(Debug, Default)]
pub(super) struct Forbidden {
    pub(super) present: bool,
}

impl<'de> Deserialize<'de> for Forbidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self { present: true })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;

        impl<'de> Visitor<'de> for Take {
            type Value = Member<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            scalars!(Member::Other);

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Member::Absent)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Member::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Member::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut verify = false;
                while let Some(element) = seq.next_element::<Member<'de>>()? {
                    verify |= matches!(element, Member::Text(text) if text == "verify");
                }
                Ok(Member::List { verify })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Member::Other)
            }
        }

        deserializer.deserialize_any(Take)
    }
}

/// Adds a string member to an object that is not closed yet.
pub(super) fn push_member(object: &mut String, name: &str, value: Option<&str>) {
    if let Some(text) = value.and_then(|value| serde_json::to_string(value).ok()) {
        object.push_str(&format!(r#","{name}":{text}"#));
    }
}
