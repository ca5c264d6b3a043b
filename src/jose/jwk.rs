//! One public key of a set (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::fmt;
use std::sync::OnceLock;

use serde::de::IgnoredAny;

use super::algorithm::Algorithm;
use super::backend::{Backend, VerifyingKey};
use super::member::Member;
use super::public_key::{Kind, PublicKey};
use crate::base::base64url::{decode_exact, decoded};
use crate::base::json::{self, members};
use crate::error::{Error, ErrorCode};

/// A key of a provider's set: an RSA, EC (P-256, P-384, P-521) or OKP (Ed25519) key that may verify signatures.
pub struct Jwk {
    kind: Kind,
    kid: Option<Box<str>>,
    algorithm: Option<Algorithm>,
    /// `None` if the members are malformed or out of bounds. The key stays in its set, so that a token that names it
    /// is refused for this reason and not for an unknown key.
    key: Option<PublicKey>,
    /// What the backend makes of `key`, made when first needed; `None` if the backend refuses it.
    parsed: OnceLock<Option<Box<dyn VerifyingKey>>>,
}

impl Jwk {
    /// `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `alg`: the only algorithm that the key may be used with.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The key itself; `None` if it is malformed, too weak or too large.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// Whether a signature by this algorithm can be by this key: `alg` if the key has one, else type and curve.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.kind.fits(algorithm) && self.algorithm.is_none_or(|own| same(own, algorithm))
    }

    /// The key as the backend has it, parsed at most once.
    pub(super) fn verifying_key(&self, backend: &dyn Backend) -> Option<&dyn VerifyingKey> {
        self.parsed.get_or_init(|| backend.parse(self.key.as_ref()?)).as_deref()
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk").field("kid", &self.kid).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// `EdDSA` with a key of the curve Ed25519, and `Ed25519` (RFC 9864), are one algorithm.
fn same(a: Algorithm, b: Algorithm) -> bool {
    let plain = |algorithm| if algorithm == Algorithm::Ed25519 { Algorithm::EdDsa } else { algorithm };
    plain(a) == plain(b)
}

members! {
    /// A key as it stands in a set.
    #[derive(Debug)]
    pub(super) struct Raw<'a> {
        kty: Member<'a>,
        crv: Member<'a>,
        kid: Member<'a>,
        alg: Member<'a>,
        usage as "use": Member<'a>,
        key_ops: Member<'a>,
        n: Member<'a>,
        e: Member<'a>,
        x: Member<'a>,
        y: Member<'a>,
        d: Option<IgnoredAny>,
        p: Option<IgnoredAny>,
        q: Option<IgnoredAny>,
        dp: Option<IgnoredAny>,
        dq: Option<IgnoredAny>,
        qi: Option<IgnoredAny>,
        oth: Option<IgnoredAny>,
        k: Option<IgnoredAny>,
    }
}

/// A key of a set that is not used, and why.
pub(super) struct Dropped {
    pub(super) kid: Option<Box<str>>,
    pub(super) why: &'static str,
}

impl Raw<'_> {
    /// The key, if it is a public one that may verify signatures, of a type and curve that this crate knows.
    pub(super) fn into_jwk(self) -> Result<Jwk, Dropped> {
        self.parse().map_err(|why| Dropped { kid: self.kid.text().ok().flatten().map(Box::from), why })
    }

    fn parse(&self) -> Result<Jwk, &'static str> {
        let private = [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth, &self.k];
        if private.iter().any(|part| part.is_some()) {
            // Whoever publishes this has lost the key.
            return Err("it is secret, but published");
        }
        if !matches!(self.usage.text(), Ok(None | Some("" | "sig"))) {
            return Err("its `use` is not `sig`");
        }
        if !matches!(self.key_ops, Member::Absent | Member::List { verify: true }) {
            return Err("its `key_ops` lack `verify`");
        }
        let kind = match (self.kty.text(), self.crv.text()) {
            (Ok(Some("RSA")), _) => Kind::Rsa,
            (Ok(Some("EC")), Ok(Some("P-256"))) => Kind::P256,
            (Ok(Some("EC")), Ok(Some("P-384"))) => Kind::P384,
            (Ok(Some("EC")), Ok(Some("P-521"))) => Kind::P521,
            (Ok(Some("OKP")), Ok(Some("Ed25519"))) => Kind::Ed25519,
            _ => return Err("its type or curve is not supported"),
        };
        let known = |name| Algorithm::from_name(name).filter(|&algorithm| kind.fits(algorithm));
        let named = self.alg.text().map_err(|_| ()).map(|name| name.filter(|name| !name.is_empty()));
        let Ok(algorithm) = named.and_then(|name| name.map(|name| known(name).ok_or(())).transpose()) else {
            return Err("its `alg` is not supported, or does not fit its type");
        };
        // A `kid` that is not a string is ignored.
        let kid = self.kid.text().ok().flatten().map(Into::into);
        let key = match kind {
            Kind::Rsa => rsa(&self.n, &self.e),
            Kind::P256 => point::<32, 65>(&self.x, &self.y).map(PublicKey::P256),
            Kind::P384 => point::<48, 97>(&self.x, &self.y).map(PublicKey::P384),
            Kind::P521 => point::<66, 133>(&self.x, &self.y).map(PublicKey::P521),
            Kind::Ed25519 => fixed::<32>(&self.x).and_then(|x| PublicKey::ed25519(&x)),
        };
        Ok(Jwk { kind, kid, algorithm, key, parsed: OnceLock::new() })
    }
}

impl PublicKey {
    /// Reads a public key from its JWK (RFC 7517), for a private key in a key store.
    ///
    /// # Errors
    /// `jws.unusable_key`, `json.…`.
    pub fn from_jwk(jwk: &[u8]) -> Result<Self, Error> {
        let raw: Raw<'_> = json::key_set(jwk)?;
        raw.into_jwk().ok().and_then(|jwk| jwk.key).ok_or_else(|| ErrorCode::JWS_UNUSABLE_KEY.into())
    }
}

fn rsa(n: &Member<'_>, e: &Member<'_>) -> Option<PublicKey> {
    let (n, e) = (n.text().ok()??, e.text().ok()??);
    decoded::<RSA_LENGTH, _>(n, |n| decoded::<8, _>(e, |e| PublicKey::rsa(n, e))).flatten().flatten()
}

/// The bytes of a modulus of 4096 bits, and a leading zero. Longer ones are not decoded on the stack.
const RSA_LENGTH: usize = 513;

fn fixed<const LENGTH: usize>(member: &Member<'_>) -> Option<[u8; LENGTH]> {
    decode_exact(member.text().ok()??)
}

/// Both coordinates have the full length of the field (RFC 7518 section 6.2.1.2).
fn point<const FIELD: usize, const POINT: usize>(x: &Member<'_>, y: &Member<'_>) -> Option<[u8; POINT]> {
    let (x, y) = (fixed::<FIELD>(x)?, fixed::<FIELD>(y)?);
    let mut point = [0; POINT];
    point.iter_mut().zip([4].iter().chain(&x).chain(&y)).for_each(|(slot, byte)| *slot = *byte);
    Some(point)
}
