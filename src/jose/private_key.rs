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
    #[non_exhaustive]
    Remote {
        /// The key.
        key: Arc<RemoteKey>,
        /// The algorithm of its signatures.
        algorithm: Algorithm,
    },
}

/// A key in a key store, a browser's WebCrypto or a KMS. It can sign, decrypt or agree; each
/// [`KeyUse`](crate::step::KeyUse) names the key and the algorithm.
#[derive(Clone, Debug)]
pub struct RemoteKey {
    name: String,
    key_id: Option<String>,
    public_key: Option<PublicKey>,
}

impl RemoteKey {
    /// A key with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), key_id: None, public_key: None }
    }

    /// Adds the `kid` that others know the key by.
    #[must_use]
    pub fn with_key_id(self, key_id: impl Into<String>) -> Self {
        Self { key_id: Some(key_id.into()), ..self }
    }

    /// Adds the public key. DPoP needs it; `private_key_jwt` does not.
    #[must_use]
    pub fn with_public_key(self, public_key: PublicKey) -> Self {
        Self { public_key: Some(public_key), ..self }
    }

    /// The application's name for the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `kid` that others know the key by.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The public key, if it is known.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.public_key.as_ref()
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

    /// A key in a key store, and the algorithm of its signatures.
    pub fn remote(key: RemoteKey, algorithm: Algorithm) -> Self {
        Self::Remote { key: Arc::new(key), algorithm }
    }

    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Local(signer) => signer.algorithm(),
            Self::Remote { algorithm, .. } => *algorithm,
        }
    }

    /// The `kid` that others know it by.
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Self::Local(signer) => signer.key_id(),
            Self::Remote { key, .. } => key.key_id(),
        }
    }

    /// The public key, if it is known.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Local(signer) => signer.public_key(),
            Self::Remote { key, .. } => key.public_key(),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm().name())
    }
}
