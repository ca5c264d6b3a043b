//! The claims as the provider writes them.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::base::json::{Scalar, Text};
use crate::token::numeric::NumericDate;

/// The claims of an ID token that this crate reads.
#[derive(Deserialize)]
pub(super) struct Claims<'a> {
    #[serde(borrow)]
    pub(super) iss: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) sub: Option<Text<'a>>,
    pub(super) aud: Option<Audience>,
    #[serde(borrow)]
    pub(super) azp: Option<Text<'a>>,
    pub(super) exp: Option<NumericDate>,
    pub(super) iat: Option<NumericDate>,
    pub(super) nbf: Option<NumericDate>,
    #[serde(borrow)]
    pub(super) nonce: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) at_hash: Option<Text<'a>>,
    // Those that nobody may have asked for: one that cannot be read counts as absent.
    #[serde(borrow, default)]
    pub(super) auth_time: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) acr: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) sid: Scalar<'a>,
    #[serde(borrow, default)]
    pub(super) tid: Scalar<'a>,
}

/// One string or an array of strings (RFC 7519 section 4.1.3).
pub(crate) struct Audience(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Audience;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Audience, E> {
                Ok(Audience(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
                let mut audience = Vec::new();
                while let Some(one) = seq.next_element()? {
                    audience.push(one);
                }
                Ok(Audience(audience))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}
