//! The claims as the provider writes them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::slice;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::texts;
use crate::base::json::{Scalar, Text, members};
use crate::token::numeric::NumericDate;

members! {
    /// The claims of an ID token that this crate reads.
    pub(super) struct Claims<'a> {
        pub(super) iss: Option<Text<'a>>,
        pub(super) sub: Option<Text<'a>>,
        pub(super) aud: Option<Audience<'a>>,
        pub(super) azp: Option<Text<'a>>,
        pub(super) exp: Option<NumericDate>,
        pub(super) iat: Option<NumericDate>,
        pub(super) nbf: Option<NumericDate>,
        pub(super) nonce: Option<Text<'a>>,
        pub(super) at_hash: Option<Text<'a>>,
        // Claims that the caller has perhaps not requested. One that cannot be read counts as absent.
        pub(super) auth_time: Scalar<'a>,
        pub(super) acr: Scalar<'a>,
        pub(super) sid: Scalar<'a>,
        pub(super) tid: Scalar<'a>,
    }
}

impl Claims<'_> {
    /// Those that an ID token keeps.
    pub(super) fn kept<'a>(&'a self, subject: &'a str) -> texts::Claims<'a> {
        texts::Claims {
            sub: subject,
            nonce: self.nonce.as_deref().filter(|nonce| !nonce.is_empty()),
            acr: self.acr.as_text(),
            sid: self.sid.as_text(),
            azp: self.azp.as_deref(),
        }
    }
}

/// One string or an array of strings (RFC 7519 section 4.1.3).
pub(crate) enum Audience<'a> {
    One(Text<'a>),
    Many(Vec<Text<'a>>),
}

impl Audience<'_> {
    /// Whether the token is for this client.
    pub(crate) fn names(&self, client_id: &str) -> bool {
        self.iter().any(|one| **one == *client_id)
    }

    /// All of it, to be quoted.
    pub(crate) fn joined(&self) -> String {
        self.iter().map(|one| &**one).collect::<Vec<_>>().join(", ")
    }
}

impl<'a> Deref for Audience<'a> {
    type Target = [Text<'a>];

    fn deref(&self) -> &[Text<'a>] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Audience<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Audience<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Audience::One(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Audience::One(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut audience = Vec::new();
                while let Some(one) = seq.next_element()? {
                    audience.push(one);
                }
                Ok(Audience::Many(audience))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}
