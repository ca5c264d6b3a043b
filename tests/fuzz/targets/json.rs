//! A value inside of documents: as a member that is read, and as one that is not. What is accepted keeps the rules, by a
//! check that shares no code with the crate's.

use std::collections::BTreeSet;
use std::fmt;

use oidc_proto::jose::Jws;
use oidc_proto::{Issuer, ProviderOptions, Schemes, ServerMetadata};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{ISSUER, encode};

/// A value in so many objects and arrays at most, none of which has a name twice.
#[derive(Clone, Copy)]
struct Strict(usize);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn inside<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while seq.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (inside, mut names) = (self.inside()?, BTreeSet::new());
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(inside)?;
            if !names.insert(name) {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(())
    }
}

fn is_strict(text: &str) -> bool {
    let mut document = serde_json::Deserializer::from_str(text);
    Strict(32).deserialize(&mut document).is_ok() && document.end().is_ok()
}

pub(super) fn json(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    // Halves of characters may stand in values that nobody reads; the check here reads all.
    if value.to_ascii_lowercase().contains(r"\ud") {
        return;
    }
    let header = format!(r#"{{"alg":"RS256","x":{value}}}"#);
    let is_taken = Jws::parse(&format!("{}.e30.AAAA", encode(&header))).is_ok();
    assert!(!is_taken || is_strict(&header), "{header}");

    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let head = format!(
        r#""issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t","jwks_uri":"{ISSUER}/k""#
    );
    for name in ["unknown", "scopes_supported", "mtls_endpoint_aliases", "id_token_signing_alg_values_supported"] {
        let document = format!(r#"{{{head},"response_types_supported":["code"],"{name}":{value}}}"#);
        let is_taken = ServerMetadata::parse(document.as_bytes(), &issuer, &ProviderOptions::new()).is_ok();
        assert!(!is_taken || is_strict(&document), "{document}");
    }
}
