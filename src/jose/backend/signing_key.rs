//! What the private keys of the backends have in common: all but the cryptography.

/// Defines the `SigningKey` of a backend. Its `Private` has two functions:
///
/// - `read(Algorithm, &[u8]) -> Option<(Private, PublicKey)>`, from PKCS #8 in DER;
/// - `sign(&self, Algorithm, &[u8]) -> Option<Vec<u8>>`.
macro_rules! signing_key {
    ($(#[$docs:meta])*) => {
        $(#[$docs])*
        pub struct SigningKey {
            algorithm: $crate::jose::algorithm::Algorithm,
            kid: Option<Box<str>>,
            private: Private,
            public: $crate::jose::public_key::PublicKey,
        }

        impl SigningKey {
            /// Reads a key in PEM: PKCS #8, PKCS #1 or SEC 1.
            ///
            /// # Errors
            /// As [`PrivateKey::from_pem`](crate::jose::PrivateKey::from_pem).
            pub fn from_pem(
                algorithm: $crate::jose::algorithm::Algorithm,
                pem: &str,
                kid: Option<&str>,
            ) -> Result<Self, $crate::error::Error> {
                Self::from_pkcs8_der(algorithm, &$crate::jose::pem::private_key(algorithm, pem)?, kid)
            }

            /// Reads a key in the form of PKCS #8 (RFC 5958), DER.
            ///
            /// # Errors
            /// `private_key.unusable` if the bytes are not such a key, if the key is for another algorithm, or if it is
            /// an RSA key below 2048 or above 8192 bits.
            pub fn from_pkcs8_der(
                algorithm: $crate::jose::algorithm::Algorithm,
                der: &[u8],
                kid: Option<&str>,
            ) -> Result<Self, $crate::error::Error> {
                let read = Private::read(algorithm, der);
                let (private, public) = read.ok_or($crate::error::ErrorCode::PRIVATE_KEY_UNUSABLE)?;
                Ok(Self { algorithm, kid: kid.map(Into::into), private, public })
            }

            /// The public key.
            pub fn public_key(&self) -> &$crate::jose::public_key::PublicKey {
                &self.public
            }

            /// The public key as a JWK, with `use`, `alg` and `kid`: a member of a key set.
            pub fn public_jwk(&self) -> String {
                self.public.to_jwk(self.algorithm, self.kid.as_deref())
            }
        }

        impl $crate::jose::signer::Signer for SigningKey {
            fn algorithm(&self) -> $crate::jose::algorithm::Algorithm {
                self.algorithm
            }

            fn key_id(&self) -> Option<&str> {
                self.kid.as_deref()
            }

            fn public_key(&self) -> Option<&$crate::jose::public_key::PublicKey> {
                Some(&self.public)
            }

            fn sign(&self, input: &[u8]) -> Result<Vec<u8>, $crate::error::Error> {
                let signature = self.private.sign(self.algorithm, input);
                signature.ok_or($crate::error::ErrorCode::SIGN_FAILED.into())
            }
        }

        impl std::fmt::Debug for SigningKey {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut out = f.debug_struct("SigningKey");
                out.field("algorithm", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
            }
        }
    };
}
pub(super) use signing_key;
