//! A compact JWS (RFC 7515 section 7.1). The form is checked before the signature.

use std::borrow::Cow;
use std::fmt;

use super::algorithm::{Algorithm, Algorithms, asymmetric};
use super::backend::{Backend, VerifyingKey};
use super::hmac::{HS256_SECRET_LENGTH, hs256};
use super::jwk::Jwk;
use super::keys::{Candidates, Few, Keys};
use super::member::{Forbidden, Member};
use super::public_key::PublicKey;
use crate::base::base64url::{decode, decoded};
use crate::base::json::{self, Object, members};
use crate::base::secret::{Secret, same_bytes};
use crate::base::word_set::Word;
use crate::error::{Error, ErrorCode, Quote};

/// Largest token in bytes. The largest ID tokens seen carry some hundred group names and have 16 KiB.
pub const TOKEN_LIMIT: usize = 64 * 1024;
/// Longest `kid` in bytes: the longest in use are certificate digests and URLs.
const KID_LIMIT: usize = 1024;

const SHORT_SECRET: &str =
    "The client secret is shorter than the 32 bytes that HS256 requires: get a longer secret, or another algorithm.";

/// A token whose form and header were checked, but whose signature was not verified yet.
///
/// It borrows the token. The header cannot supply a key: `jwk`, `jku`, `x5u` and `x5c` are ignored.
pub struct Jws<'a> {
    /// Header and payload with the dot between them.
    input: &'a str,
    payload: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    typ: Option<Cow<'static, str>>,
}

members! {
    struct Header<'a> {
        alg: Member<'a>,
        kid: Member<'a>,
        typ: Member<'a>,
        crit: Forbidden,
        /// Only with `crit` does it mean anything (RFC 7797 section 6), and without it readers disagree.
        b64: Forbidden,
    }
}

impl<'a> Jws<'a> {
    /// Reads the form of a token: its size, its three parts, its header.
    ///
    /// # Errors
    /// `jws.too_large`, `jws.malformed`, `jws.encrypted`, `jws.header`, `jws.crit`, and `jws.algorithm` if the
    /// algorithm is `none` or unknown.
    pub fn parse(token: &'a str) -> Result<Self, Error> {
        if token.len() > TOKEN_LIMIT {
            return Err(ErrorCode::JWS_TOO_LARGE.into());
        }
        match token.bytes().filter(|&byte| byte == b'.').count() {
            2 => {}
            // A JWE has five parts (RFC 7516 section 7.1).
            4 => return Err(ErrorCode::JWS_ENCRYPTED.into()),
            _ => return Err(ErrorCode::JWS_MALFORMED.into()),
        }
        let (input, signature) = token.rsplit_once('.').ok_or(ErrorCode::JWS_MALFORMED)?;
        let (header, payload) = input.split_once('.').ok_or(ErrorCode::JWS_MALFORMED)?;
        let header = decoded::<HEADER_LENGTH, _>(header, Protected::read).ok_or(ErrorCode::JWS_MALFORMED)?;
        let Protected { algorithm, kid, typ } = header?;
        Ok(Self { input, payload, signature, algorithm, kid, typ })
    }

    /// [`Jws::parse`]. Errors that name no part of the token name the token: `name`.
    pub(crate) fn parse_named(token: &'a str, name: &'static str) -> Result<Self, Error> {
        Self::parse(token).map_err(|error| if error.field().is_some() { error } else { error.at(name) })
    }

    /// `alg` as the token states it. It is untrusted: compare it with the allowed algorithms.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `typ`, as it is written: `JWT`, `logout+jwt`.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What is signed (RFC 7515 section 5.1 step 5).
    pub fn signing_input(&self) -> &'a str {
        self.input
    }

    /// Decodes the payload. It is untrusted until [`Jws::verify`] succeeds.
    ///
    /// # Errors
    /// `jws.malformed` if it is not base64url.
    pub fn payload(&self) -> Result<Vec<u8>, Error> {
        decode(self.payload).ok_or_else(|| Error::new(ErrorCode::JWS_MALFORMED).at("payload"))
    }

    /// Checks that the algorithm is allowed. Call it before you use the token.
    ///
    /// # Errors
    /// `jws.algorithm`
    pub fn check_algorithm(&self, allowed: Algorithms) -> Result<(), Error> {
        if allowed.contains(self.algorithm) {
            return Ok(());
        }
        let names: Vec<_> =
            <Algorithm as Word>::ALL.iter().filter(|one| allowed.contains(**one)).map(|one| one.name()).collect();
        let error = Error::new(ErrorCode::JWS_ALGORITHM).at("alg").with_found(Quote::library(self.algorithm.name()));
        Err(error.with_expected(Quote::library(names.join(", "))))
    }

    /// Verifies the signature. It checks that the algorithm is allowed, finds the key by `kid`,
    /// type and curve, and verifies the signature with the key. If the token has a `kid`, and that
    /// key fails or does not exist, it tries at most four other keys that fit the algorithm, unless
    /// the `kid` is that of a key of another type; [`Signed::is_by_other_key`] is then `true`. It
    /// always refuses `HS256`, because a key set contains no secrets.
    ///
    /// # Errors
    /// `jws.algorithm`, `jws.no_backend`, `jws.unknown_key` (a newer key set may help), `jws.ambiguous_key`,
    /// `jws.malformed`, `jws.unusable_key`, `jws.signature`.
    pub fn verify(&self, keys: &Keys, allowed: Algorithms) -> Result<Signed, Error> {
        self.check_algorithm(allowed)?;
        let backend = keys.backend().ok_or(ErrorCode::JWS_NO_BACKEND)?;
        self.check_algorithm(backend.algorithms())?;
        let explained = |code| keys.explained(code, self.algorithm, self.key_id());
        let Candidates { named, others } = keys.candidates(self.algorithm, self.key_id()).map_err(explained)?;
        let by_signature = |signature: &[u8]| self.verify_by(named, others, backend, signature);
        match decoded::<SIGNATURE_LENGTH, _>(self.signature, by_signature).ok_or_else(Self::no_signature)? {
            Err(ErrorCode::JWS_UNKNOWN_KEY) => Err(explained(ErrorCode::JWS_UNKNOWN_KEY)),
            signed => Ok(signed?),
        }
    }
}

impl Jws<'_> {
    fn verify_by(
        &self,
        named: Few<'_>,
        others: Few<'_>,
        backend: &dyn Backend,
        signature: &[u8],
    ) -> Result<Signed, ErrorCode> {
        let mut refused = if named.is_empty() { ErrorCode::JWS_UNKNOWN_KEY } else { ErrorCode::JWS_UNUSABLE_KEY };
        let verify = |key: &dyn VerifyingKey| key.verify(self.algorithm, self.input.as_bytes(), signature);
        for key in named.into_iter().filter_map(|key| key.verifying_key(backend)) {
            match verify(key) {
                Ok(()) => return Ok(Signed { algorithm: self.algorithm, is_by_other_key: false }),
                Err(code) => refused = code,
            }
        }
        if others.into_iter().filter_map(|key| key.verifying_key(backend)).any(|key| verify(key).is_ok()) {
            return Ok(Signed { algorithm: self.algorithm, is_by_other_key: true });
        }
        Err(refused)
    }

    fn no_signature() -> Error {
        Error::new(ErrorCode::JWS_MALFORMED).at("signature")
    }
}

/// Longer headers and signatures are not decoded on the stack. 512 bytes are an RSA signature of
/// 4096 bits.
const HEADER_LENGTH: usize = 256;
const SIGNATURE_LENGTH: usize = 512;

/// What is kept of a header.
struct Protected {
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    typ: Option<Cow<'static, str>>,
}

impl Protected {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        // By itself serde would take an array of the members in their order.
        let header: Object<Header<'_>> = json::strict(bytes).map_err(|_| ErrorCode::JWS_HEADER)?;
        let header = header.0.ok_or(ErrorCode::JWS_HEADER)?;
        if header.crit.present {
            return Err(Error::new(ErrorCode::JWS_CRIT).at("crit"));
        }
        if header.b64.present {
            return Err(Error::new(ErrorCode::JWS_CRIT).at("b64"));
        }
        // `kid` is a hint: one that is not a string is ignored. A `typ` that is not a string becomes the empty string, which
        // no caller expects that checks `typ`.
        let kid = header.kid.text().ok().flatten();
        let typ = header.typ.text().unwrap_or(Some(""));
        let algorithm = match header.alg.text() {
            Ok(Some(name)) => Algorithm::from_name(name)
                .ok_or_else(|| Error::new(ErrorCode::JWS_ALGORITHM).at("alg").with_found(Quote::provider(name)))?,
            _ => return Err(Error::new(ErrorCode::JWS_HEADER).at("alg")),
        };
        for (text, name) in [(kid, "kid"), (typ, "typ")] {
            if text.is_some_and(|text| text.len() > KID_LIMIT) {
                return Err(Error::new(ErrorCode::JWS_HEADER).at(name));
            }
        }
        let typ = typ.map(|typ| match typ {
            // What nearly all have needs no copy.
            "JWT" => Cow::Borrowed("JWT"),
            typ => Cow::Owned(typ.to_owned()),
        });
        Ok(Self { algorithm, kid: kid.map(Box::from), typ })
    }
}

impl Jws<'_> {
    /// The signature, decoded.
    pub(crate) fn signature(&self) -> Result<Vec<u8>, Error> {
        decode(self.signature).ok_or_else(Self::no_signature)
    }

    /// The public keys that the signature can be by, for a key store that verifies.
    ///
    /// # Errors
    /// `jws.algorithm`, `jws.unknown_key`, `jws.ambiguous_key`, `jws.unusable_key`.
    pub(crate) fn candidates<'k>(
        &'k self,
        keys: &'k Keys,
        allowed: Algorithms,
    ) -> Result<impl Iterator<Item = &'k PublicKey>, Error> {
        self.check_algorithm(allowed.intersection(asymmetric()))?;
        let Candidates { named, others } = keys.candidates(self.algorithm, self.key_id())?;
        // Without the key that the token names, newer keys are to be fetched first.
        if named.is_empty() {
            return Err(ErrorCode::JWS_UNKNOWN_KEY.into());
        }
        Ok(named.into_iter().chain(others).filter_map(Jwk::public_key))
    }

    /// The evidence for a signature that the key store has verified by one of the [`Jws::candidates`].
    pub(crate) fn verified_elsewhere(&self) -> Signed {
        Signed { algorithm: self.algorithm, is_by_other_key: false }
    }

    /// Verifies an HS256 signature with the client secret, for a client that is registered for HS256. [`Jws::verify`]
    /// refuses this algorithm.
    ///
    /// # Errors
    /// `jws.algorithm`, `jws.malformed`, `jws.signature`; `jws.unusable_key` for a secret below 32 bytes.
    pub fn verify_hs256(&self, secret: &Secret) -> Result<Signed, Error> {
        self.check_algorithm(Algorithms::of(&[Algorithm::Hs256]))?;
        if secret.expose().len() < HS256_SECRET_LENGTH {
            return Err(Error::new(ErrorCode::JWS_UNUSABLE_KEY).with_hint(SHORT_SECRET));
        }
        let signature = self.signature()?;
        if !same_bytes(&hs256(secret.expose().as_bytes(), self.input.as_bytes()), &signature) {
            return Err(ErrorCode::JWS_SIGNATURE.into());
        }
        Ok(Signed { algorithm: self.algorithm, is_by_other_key: false })
    }
}

impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Evidence that a signature was verified. Only [`Jws::verify`] and [`Jws::verify_hs256`] make it,
/// and a flow whose client chose
/// [`IdTokenTrust::VerifyElsewhere`](crate::IdTokenTrust::VerifyElsewhere), from the key store's
/// verdict:
///
/// ```compile_fail,E0451
/// let forged = oidc_proto::jose::Signed { algorithm: oidc_proto::jose::Algorithm::Es256, is_by_other_key: false };
/// ```
#[derive(Debug)]
#[must_use = "pass it to the check of the claims"]
pub struct Signed {
    algorithm: Algorithm,
    is_by_other_key: bool,
}

impl Signed {
    /// The algorithm of the signature.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether another key of the set made the signature than the key that `kid` names.
    pub fn is_by_other_key(&self) -> bool {
        self.is_by_other_key
    }
}
