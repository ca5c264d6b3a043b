//! A public key by its numbers (RFC 7518 section 6, RFC 8037), and which numbers are good ones.

use std::fmt;

use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::member::push_member;
use crate::base::base64url::encode;

/// Shortest RSA modulus in bits, as RFC 7518 section 3.3 demands.
const RSA_MIN_BITS: usize = 2048;
/// Longest RSA modulus in bits: a verification by a longer one takes so long that it would be an attack.
const RSA_MAX_BITS: usize = 8192;
/// Largest RSA exponent: the cost of a verification grows with its length, and no backend takes more than 33 bits.
const RSA_MAX_EXPONENT: u64 = 0x1_ffff_ffff;
/// The bytes of the largest exponent.
const RSA_EXPONENT_LENGTH: usize = 5;

/// A public key whose numbers are within bounds. The backend checks whether a point is on its curve.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey {
    /// RSA.
    Rsa {
        /// The modulus, big-endian, without leading zeros: odd, 2048 to 8192 bits.
        n: Box<[u8]>,
        /// The exponent, big-endian, without leading zeros: odd, at least 3, less than 2^33.
        e: Box<[u8]>,
    },
    /// ECDSA on P-256: an uncompressed point as in SEC 1 section 2.3.3 (0x04, x, y).
    P256([u8; 65]),
    /// ECDSA on P-384: an uncompressed point.
    P384([u8; 97]),
    /// ECDSA on P-521: an uncompressed point.
    P521([u8; 133]),
    /// Ed25519 (RFC 8032 section 5.1.5): canonical, and not of small order.
    Ed25519([u8; 32]),
}

impl PublicKey {
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Option<Self> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        let odd = n.last().is_some_and(|last| last % 2 == 1);
        if !odd || !(RSA_MIN_BITS..=RSA_MAX_BITS).contains(&bits) || e.len() > RSA_EXPONENT_LENGTH {
            return None;
        }
        let exponent = e.iter().fold(0_u64, |value, &byte| (value << 8) + u64::from(byte));
        let usable = exponent % 2 == 1 && (3..=RSA_MAX_EXPONENT).contains(&exponent);
        usable.then(|| Self::Rsa { n: n.into(), e: e.into() })
    }

    pub(super) fn ed25519(bytes: &[u8]) -> Option<Self> {
        let bytes = <[u8; 32]>::try_from(bytes).ok()?;
        (is_canonical(&bytes) && !is_small_order(&bytes)).then_some(Self::Ed25519(bytes))
    }

    /// Whether signatures by this algorithm are made with keys of this type and curve.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match self {
            Self::Rsa { .. } => Kind::Rsa,
            Self::P256(_) => Kind::P256,
            Self::P384(_) => Kind::P384,
            Self::P521(_) => Kind::P521,
            Self::Ed25519(_) => Kind::Ed25519,
        };
        kind.fits(algorithm)
    }

    /// The SHA-256 thumbprint (RFC 7638, for OKP RFC 8037 section 2).
    pub fn thumbprint(&self) -> [u8; 32] {
        Sha256::digest(self.required_members().as_bytes()).into()
    }

    /// The [`thumbprint`](Self::thumbprint) in base64url, for example to use it as `kid`.
    pub fn thumbprint_text(&self) -> String {
        encode(self.thumbprint())
    }

    /// The JSON object of the required members, in the order and without the spaces of RFC 7638 section 3.
    pub(super) fn required_members(&self) -> String {
        match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
            Self::P256(point) => ec_members("P-256", point),
            Self::P384(point) => ec_members("P-384", point),
            Self::P521(point) => ec_members("P-521", point),
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
        }
    }

    /// The key as a JWK, with `use`, `alg` and `kid`: a member of a key set.
    pub fn to_jwk(&self, algorithm: Algorithm, kid: Option<&str>) -> String {
        let mut jwk = self.required_members();
        jwk.pop();
        push_member(&mut jwk, "use", Some("sig"));
        push_member(&mut jwk, "alg", Some(algorithm.name()));
        push_member(&mut jwk, "kid", kid);
        jwk.push('}');
        jwk
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint_text())
    }
}

/// `kty` and `crv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl Kind {
    pub(super) fn fits(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => self == Self::Rsa,
            Algorithm::Es256 => self == Self::P256,
            Algorithm::Es384 => self == Self::P384,
            Algorithm::Es512 => self == Self::P521,
            Algorithm::EdDsa | Algorithm::Ed25519 => self == Self::Ed25519,
            Algorithm::Hs256 => false,
        }
    }
}

fn ec_members(curve: &str, point: &[u8]) -> String {
    let coordinates = point.get(1..).unwrap_or_default();
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
}

/// RFC 7518 section 6.3.1.1 knows of libraries that put a zero in front of the modulus: it changes nothing.
fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Whether the y coordinate is less than the field's prime, 2^255 - 19. Backends differ on the others.
pub(super) fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    *first < 0xed || last & 0x7f != 0x7f || middle.iter().any(|&byte| byte != 0xff)
}

/// Whether this is the encoding of one of the eight points whose order divides eight: under such a key one signature
/// fits many messages. Strict verification (and not every backend is strict) refuses them.
pub(super) fn is_small_order(bytes: &[u8; 32]) -> bool {
    /// The y coordinates of the four points of order eight.
    const ORDER_EIGHT: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = *bytes;
    if let Some(last) = y.last_mut() {
        // The highest bit is the sign of x.
        *last &= 0x7f;
    }
    let [first, middle @ .., last] = &y;
    match (first, last) {
        // 0 and 1: orders four and one.
        (0 | 1, 0) => middle.iter().all(|&byte| byte == 0),
        // -1: order two; then the prime and the prime plus one, which are 0 and 1 again.
        (0xec..=0xee, 0x7f) => middle.iter().all(|&byte| byte == 0xff),
        _ => ORDER_EIGHT.contains(&y),
    }
}
