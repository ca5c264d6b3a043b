//! A private key of a client: in this process, or in a key store.

use std::fmt;
use std::sync::Arc;

use super::algorithm::Algorithm;
use super::backend;
use super::public_key::PublicKey;
use super::signer::Signer;
use crate::error::Error;

/// A private key that a client signs with.
#[derive(Clone)]
#[non_exhaustive]
pub enum PrivateKey {
    /// Signs in this process, without a step.
    Local(Arc<dyn Signer>),
    /// Signs in a key store: a flow that needs a signature returns [`Step::UseKey`](crate::Step::UseKey).
    Remote(Arc<RemoteKey>),
}

/// A key in a key store, a browser's WebCrypto or a KMS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteKey {
    /// The application's name for the key. Each [`KeyUse`](crate::step::KeyUse) contains it.
    pub name: String,
    /// The algorithm of its signatures.
    pub algorithm: Algorithm,
    /// The `kid` that others know it by.
    pub key_id: Option<String>,
    /// The public key. DPoP needs it; `private_key_jwt` does not.
    pub public_key: Option<PublicKey>,
}

impl RemoteKey {
    /// A key with this name.
    pub fn new(name: impl Into<String>, algorithm: Algorithm) -> Self {
        Self { name: name.into(), algorithm, key_id: None, public_key: None }
    }
}

impl PrivateKey {
    /// Reads a local key from PEM (RFC 7468), for the [default backend](super::backend::default): PKCS #8 (`PRIVATE
    /// KEY`), PKCS #1 (`RSA PRIVATE KEY`) or SEC 1 (`EC PRIVATE KEY`). `kid` is the key ID of the public key at the
    /// provider. Text and other blocks before the key are ignored.
    ///
    /// ```
    /// # use oidc_proto::jose::{Algorithm, PrivateKey};
    /// use oidc_proto::{Client, ClientAuth};
    ///
    /// # let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n".replace('_', "/");
    /// let key = PrivateKey::from_pem(Algorithm::EdDsa, &pem, Some("my key"))?;
    /// let client = Client::new("app").with_auth(ClientAuth::PrivateKeyJwt(key));
    /// # Ok::<(), oidc_proto::Error>(())
    /// ```
    ///
    /// # Errors
    /// `private_key.pem`, `private_key.missing`, `private_key.encrypted`, `private_key.unusable`; `jws.no_backend`. No
    /// error contains a part of the key.
    pub fn from_pem(algorithm: Algorithm, pem: &str, kid: Option<&str>) -> Result<Self, Error> {
        backend::signer_from_pem(algorithm, pem, kid).map(Self::Local)
    }

    /// A key in this process.
    pub fn local(signer: impl Signer) -> Self {
        Self::Local(Arc::new(signer))
    }

    /// A key in a key store.
    pub fn remote(key: RemoteKey) -> Self {
        Self::Remote(Arc::new(key))
    }

    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Local(signer) => signer.algorithm(),
            Self::Remote(key) => key.algorithm,
        }
    }

    /// The `kid` that others know it by.
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Self::Local(signer) => signer.key_id(),
            Self::Remote(key) => key.key_id.as_deref(),
        }
    }

    /// The public key, if it is known.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Local(signer) => signer.public_key(),
            Self::Remote(key) => key.public_key.as_ref(),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm().name())
    }
}
