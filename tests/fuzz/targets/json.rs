//! A value inside of documents, and a document: what is accepted keeps the rules, by a check that shares no code with the
//! crate's.

use std::collections::BTreeSet;
use std::fmt;

use oidc_proto::jose::{Jws, Keys};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Env as _, Issuer, ProviderOptions, Schemes, ServerMetadata};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{ISSUER, encode};

/// A value with so many objects and arrays in one another at most. Names are unique in the outermost levels.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    levels: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self { depth, levels: self.levels.saturating_sub(1) })
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
            if !names.insert(name) && self.levels > 0 {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(())
    }
}

fn is_strict(text: &str, levels: usize) -> bool {
    let mut document = serde_json::Deserializer::from_str(text);
    Strict { depth: 32, levels }.deserialize(&mut document).is_ok() && document.end().is_ok()
}

pub(super) fn json(data: &[u8]) {
    let Ok(value) = std::str::from_utf8(data) else { return };
    // Halves of characters may stand in values that nobody reads; the check here reads all.
    if value.to_ascii_lowercase().contains(r"\ud") {
        return;
    }
    // As the header of a JWS, whole and as a member of it.
    for header in [value.to_owned(), format!(r#"{{"alg":"RS256","x":{value}}}"#)] {
        let is_taken = Jws::parse(&format!("{}.e30.AAAA", encode(&header))).is_ok();
        assert!(!is_taken || is_strict(&header, 1), "{header}");
    }
    // As members of the metadata that are not read, read as a list, as an object.
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let head = format!(
        r#""issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t","jwks_uri":"{ISSUER}/k""#
    );
    for name in ["unknown", "scopes_supported", "mtls_endpoint_aliases", "id_token_signing_alg_values_supported"] {
        let document = format!(r#"{{{head},"response_types_supported":["code"],"{name}":{value}}}"#);
        let is_taken = ServerMetadata::parse(document.as_bytes(), &issuer, &ProviderOptions::new()).is_ok();
        assert!(!is_taken || is_strict(&document, 0), "{document}");
    }
    // As a key: names are unique in it, too.
    let set = format!(r#"{{"keys":[{value}]}}"#);
    let is_taken = Keys::parse(set.as_bytes(), TestEnv::seeded(1).now()).is_ok();
    assert!(!is_taken || is_strict(&set, 3), "{set}");
}
