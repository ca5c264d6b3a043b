//! Private keys: files that a client authenticates by, and keys that tokens are bound to.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oidc_proto::jose::backend::rustcrypto::SigningKey;
use oidc_proto::jose::{Algorithm, PrivateKey};
use oidc_proto::{DpopKey, Env};
use p256::SecretKey;
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{EncodePrivateKey as _, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::failure::{Code, Failure};

/// Several times what the largest key takes.
const FILE_LIMIT: u64 = 64 * 1024;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// The curves, each with the algorithm that is for its keys alone.
const CURVES: [(ObjectIdentifier, Algorithm); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Algorithm::Es256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Algorithm::Es384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Algorithm::Es512),
];
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Where a key is, and how it is used: a session keeps this in place of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyFile {
    path: String,
    #[serde(with = "algorithm_name")]
    algorithm: Algorithm,
    /// The name that the provider has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
}

impl KeyFile {
    /// Reads a key file, to see whether it can be used. Unless an algorithm is named, it goes by the key's type.
    pub(crate) fn find(path: &Path, algorithm: Option<Algorithm>) -> Result<Self, Failure> {
        // Later commands may be run in another folder.
        let path = std::path::absolute(path).map_err(|error| unusable(path, error))?;
        let text = path.to_str().ok_or_else(|| unusable(&path, "its path is not Unicode"))?.to_owned();
        let usual = usual_algorithm(document(&path)?.as_bytes()).map_err(|why| unusable(&path, why))?;
        let found = Self { path: text, algorithm: algorithm.unwrap_or(usual), key_id: None };
        found.load().map(|_| found)
    }

    /// The same key under the name that the provider has for it.
    pub(crate) fn known_as(&self, key_id: Option<&str>) -> Self {
        Self { key_id: key_id.map(str::to_owned), ..self.clone() }
    }

    /// Reads the key.
    pub(crate) fn load(&self) -> Result<PrivateKey, Failure> {
        let path = Path::new(&self.path);
        let document = document(path)?;
        let signer = SigningKey::from_pkcs8_der(self.algorithm, document.as_bytes(), self.key_id.as_deref());
        signer.map(PrivateKey::local).map_err(|_| self.misfit(document.as_bytes()))
    }
}

impl KeyFile {
    /// Why the key in the file cannot be used for the algorithm.
    fn misfit(&self, der: &[u8]) -> Failure {
        let path = Path::new(&self.path);
        match (usual_algorithm(der), self.algorithm) {
            (Err(why), _) => unusable(path, why),
            (
                Ok(Algorithm::Rs256),
                Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512
                | Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512,
            ) => unusable(path, "an RSA key needs 2048 to 8192 bits").with_hint("Make a new key."),
            (Ok(Algorithm::EdDsa), Algorithm::EdDsa | Algorithm::Ed25519) => unusable(path, "it is damaged"),
            (Ok(usual), other) if usual == other => unusable(path, "it is damaged"),
            (Ok(_), other) => unusable(path, format_args!("it does not fit {}", other.name()))
                .with_hint("Name an algorithm that fits the key with --key-algorithm, or leave the option out."),
        }
    }
}

/// What to do with a key in another form.
const CONVERT: &str =
    "Make a file that this program reads: openssl pkcs8 -topk8 -nocrypt -in FILE -out NEW. Then name it with --key.";

/// What the file holds, if that is a private key in PKCS #8.
fn document(path: &Path) -> Result<SecretDocument, Failure> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(FILE_LIMIT).read_to_string(&mut text))
        .map_err(|error| unusable(path, error))?;
    match SecretDocument::from_pem(&text) {
        Ok(("PRIVATE KEY", document)) => Ok(document),
        Ok(("ENCRYPTED PRIVATE KEY", _)) => Err(unusable(path, "it is encrypted").with_hint(CONVERT)),
        Ok(("RSA PRIVATE KEY" | "EC PRIVATE KEY", _)) => Err(unusable(path, "it is not PKCS #8").with_hint(CONVERT)),
        Ok(_) => Err(unusable(path, "it holds something else than a private key")),
        Err(_) => Err(unusable(path, "it is not PEM")),
    }
}

/// The algorithm that keys of this type are for, or the one of several that every provider has.
fn usual_algorithm(der: &[u8]) -> Result<Algorithm, &'static str> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| "it is damaged")?;
    match info.algorithm.oid {
        RSA => Ok(Algorithm::Rs256),
        ED25519 => Ok(Algorithm::EdDsa),
        EC => {
            let curve = info.algorithm.parameters_oid();
            let known = CURVES.iter().find(|(own, _)| curve == Ok(*own));
            known.map(|(_, algorithm)| *algorithm).ok_or("its curve is none of P-256, P-384 and P-521")
        }
        _ => Err("its type is none of RSA, EC and Ed25519"),
    }
}

fn unusable(path: &Path, why: impl fmt::Display) -> Failure {
    Code::KeyFile.because(format_args!("{}: {why}", path.display()))
}

/// A key that was made for one session. Whoever has it and the tokens can use them.
#[derive(Clone)]
pub(crate) struct BindingKey {
    pkcs8: Zeroizing<Vec<u8>>,
    dpop: Arc<DpopKey>,
}

impl BindingKey {
    pub(crate) fn generate(env: &mut dyn Env) -> Result<Self, Failure> {
        let secret = SecretKey::generate_from_rng(env.rng());
        let document = secret.to_pkcs8_der().map_err(|error| Code::Setup.because(error))?;
        Ok(Self::from_pkcs8(document.to_bytes())?)
    }

    fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, oidc_proto::Error> {
        let signer = SigningKey::from_pkcs8_der(Algorithm::Es256, &pkcs8, None)?;
        Ok(Self { dpop: DpopKey::new(PrivateKey::local(signer))?, pkcs8 })
    }

    pub(crate) fn dpop(&self) -> &Arc<DpopKey> {
        &self.dpop
    }
}

impl fmt::Debug for BindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dpop.fmt(f)
    }
}

impl Serialize for BindingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&self.pkcs8)))
    }
}

impl<'de> Deserialize<'de> for BindingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let pkcs8 = STANDARD.decode(text.as_bytes()).map_err(|_| de::Error::custom("not base64"))?;
        Self::from_pkcs8(Zeroizing::new(pkcs8)).map_err(de::Error::custom)
    }
}

/// An algorithm by its name.
mod algorithm_name {
    use oidc_proto::jose::Algorithm;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(algorithm.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Algorithm, D::Error> {
        let name = String::deserialize(deserializer)?;
        Algorithm::from_name(&name).ok_or_else(|| de::Error::custom("not an algorithm"))
    }
}
