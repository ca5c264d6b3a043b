//! A key store with one key.

use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey, PublicKey, RemoteKey, Signer as _};
use oidc_proto::step::{KeyOutput, KeyUse};
use oidc_proto::{Failure, FailureKind};

fn key() -> SigningKey {
    // RFC 8410 section 7.
    let header = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    SigningKey::from_pkcs8_der(Algorithm::EdDsa, &[&header[..], &[9; 32]].concat(), None).unwrap()
}

pub(crate) fn remote() -> PrivateKey {
    PrivateKey::remote(RemoteKey::new("key").with_public_key(public_key()), Algorithm::EdDsa)
}

pub(crate) fn public_key() -> PublicKey {
    key().public_key().clone()
}

pub(crate) fn public_jwk() -> serde_json::Value {
    serde_json::from_str(&public_key().to_jwk(Algorithm::EdDsa, None)).unwrap()
}

pub(crate) fn use_key(key_use: &KeyUse) -> Result<KeyOutput, Failure> {
    match key_use {
        KeyUse::Sign { bytes, .. } => Ok(key().sign(bytes).unwrap().into()),
        _ => Err(FailureKind::Unsupported.into()),
    }
}
