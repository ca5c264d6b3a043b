//! The keys of the provider: constants, so that a run can be repeated byte for byte.
//!
//! **They are published here.** Whatever they sign proves nothing to anyone.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::{BoxedUint, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::more_keys::{self, Curve};
use crate::jose::backend::signer_from_pkcs8;
use crate::jose::{Algorithm, Signer};

/// The algorithms that the provider signs with: all that it has, or those that it has by default.
pub(super) fn algorithms(all: bool) -> Vec<&'static str> {
    let more = more_keys::ALGORITHMS.into_iter().filter(|_| all);
    ["RS256", "ES256", "EdDSA", "Ed25519"].into_iter().chain(more).collect()
}

/// The keys that are in use at one time. Rotation goes from one to the other and back.
pub(super) struct Generation {
    is_second: bool,
    rsa: Rsa,
    p256: P256,
    ed25519: Ed25519,
}

struct Rsa {
    kid: &'static str,
    n: &'static str,
    d: &'static str,
    p: &'static str,
    q: &'static str,
    // To check a key takes as long as to sign with it, or longer.
    parsed: OnceLock<Option<Arc<dyn Signer>>>,
}

struct P256 {
    kid: &'static str,
    d: &'static str,
    x: &'static str,
    y: &'static str,
    parsed: OnceLock<Option<SigningKey>>,
}

struct Ed25519 {
    kid: &'static str,
    d: &'static str,
    x: &'static str,
}

/// The first generation of keys, or the second.
pub(super) fn generation(second: bool) -> &'static Generation {
    let [first, other] = &GENERATIONS;
    if second { other } else { first }
}

impl Generation {
    /// The public keys, as a JWK set (RFC 7517 section 5).
    pub(super) fn jwks(&self, all: bool) -> Value {
        if all {
            // The key for RSA serves several algorithms.
            let keys = ["ES256", "EdDSA", "ES384", "ES512"].map(|algorithm| self.jwk(algorithm));
            let keys: Vec<_> = std::iter::once(self.rsa()).chain(keys).collect();
            return json!({ "keys": keys });
        }
        json!({ "keys": [self.jwk("RS256"), self.jwk("ES256"), self.jwk("EdDSA")] })
    }

    /// The public key for each algorithm by RSA.
    pub(super) fn rsa(&self) -> Value {
        json!({ "kty": "RSA", "use": "sig", "kid": self.rsa.kid, "n": self.rsa.n, "e": "AQAB" })
    }

    /// The public key for an algorithm.
    pub(super) fn jwk(&self, algorithm: &str) -> Value {
        match algorithm {
            "RS256" => json!({
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.rsa.kid, "n": self.rsa.n, "e": "AQAB"
            }),
            "ES256" => json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.p256.kid,
                "x": self.p256.x, "y": self.p256.y
            }),
            "ES384" | "ES512" => more_keys::curve(self.is_second, algorithm).map_or(Value::Null, Curve::jwk),
            name if more_keys::BY_RSA.contains(&name) => self.rsa(),
            // Without `alg`: the key serves under its old name and its new one (RFC 9864).
            _ => json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.ed25519.kid, "x": self.ed25519.x
            }),
        }
    }

    /// The name of the key for an algorithm.
    pub(super) fn kid(&self, algorithm: &str) -> &'static str {
        match algorithm {
            "RS256" => self.rsa.kid,
            "ES256" => self.p256.kid,
            "ES384" | "ES512" => more_keys::curve(self.is_second, algorithm).map_or("", |curve| curve.kid),
            name if more_keys::BY_RSA.contains(&name) => self.rsa.kid,
            _ => self.ed25519.kid,
        }
    }

    /// The signature of RFC 7518 section 3; `None` for an algorithm that the provider does not have.
    pub(super) fn sign(&self, algorithm: &str, input: &[u8]) -> Option<Vec<u8>> {
        match algorithm {
            "RS256" => {
                // AWS-LC is much quicker than RustCrypto where it is compiled in, and the signature is the same.
                self.rsa.parsed.get_or_init(|| self.rsa.parse()).as_ref()?.sign(input).ok()
            }
            "ES256" => {
                let parse = || SigningKey::from_slice(&bytes(self.p256.d)?).ok();
                let signature: Signature = self.p256.parsed.get_or_init(parse).as_ref()?.try_sign(input).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            "EdDSA" | "Ed25519" => {
                let seed: [u8; 32] = bytes(self.ed25519.d)?.try_into().ok()?;
                Some(ed25519_dalek::SigningKey::from_bytes(&seed).try_sign(input).ok()?.to_bytes().to_vec())
            }
            name if more_keys::BY_RSA.contains(&name) => more_keys::sign(&self.rsa.der()?, name, input),
            _ => more_keys::sign_by_curve(more_keys::curve(self.is_second, algorithm)?, algorithm, input),
        }
    }

    /// Whether the provider signed this so.
    pub(super) fn has_signed(&self, algorithm: &str, input: &[u8], signature: &[u8]) -> bool {
        if more_keys::ALGORITHMS.contains(&algorithm) {
            return more_keys::verify(&self.jwk(algorithm), algorithm, input, signature);
        }
        // All others are deterministic.
        self.sign(algorithm, input).is_some_and(|own| own == signature)
    }
}

impl Rsa {
    fn parse(&self) -> Option<Arc<dyn Signer>> {
        signer_from_pkcs8(Algorithm::Rs256, &self.der()?)
    }

    /// In the form of PKCS #8.
    fn der(&self) -> Option<Vec<u8>> {
        let number = |text| bytes(text).map(|bytes| BoxedUint::from_be_slice_vartime(&bytes));
        let primes = vec![number(self.p)?, number(self.q)?];
        let (n, e, d) = (number(self.n)?, BoxedUint::from(65537_u64), number(self.d)?);
        Some(PrivateKey::from_components(n, e, d, primes).ok()?.to_pkcs8_der().ok()?.as_bytes().to_vec())
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// HMAC (RFC 2104) with SHA-256.
pub(super) fn hs256(key: &[u8], input: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut block = if key.len() > BLOCK { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.resize(BLOCK, 0);
    let keyed = |pad: u8, text: &[u8]| {
        let pad: Vec<u8> = block.iter().map(|byte| byte ^ pad).collect();
        Sha256::new().chain_update(pad).chain_update(text).finalize().to_vec()
    };
    keyed(0x5c, &keyed(0x36, input))
}

static GENERATIONS: [Generation; 2] = [
    Generation {
        is_second: false,
        rsa: Rsa {
            kid: "rs-1",
            n: "\
             q7HvEufe4HOTQXVdFAjf8ePb6oTg9IWYKtus_lUoxfTaZ4AvDqy5ZTm3vSVr0je77-TcF1_j-2_MF-kSoANtNevjwDDXfuYfzRGlPtUs\
             EFJ-VcSf5cEVLGn_v7ynZxUcbn1WkNdcwCjej20e6sjVl8wEIwXUNNSbKi5pXerg0kZd5BrsQAgclooGECScZnwbGceYeBPnEfKY5XqV\
             oYd-9OKCYp3hoMTsED6HBkpUhjIBGL0ZPJj_bOYgq_sbFWGf8GUM8tpXnmQdxju91Y3A5u5YxHX_fLKdPydoMi4UORKXv8hWW3AbeHvP\
             xUKTdYhIh4l30Pq8P822FK_FRNZBkw",
            d: "\
             D3-0cSR1PhWwyUvq5xAWByPmijkMhYY5wkSqTRsq3xPHU2iC1vRImBapu21RWlylnnYuV_3T-rKQ3eewQrmMdj2hBYxjJ5VmcYCSRiXA\
             IIkR1nQ1auwPGT9IUuqYwflp45903QZT3RTTYmcbT15pyZYlGXRBP7OhfiFKaav2N4T0t6VFpdVGomIhQoEdbfD0SlciwSk5_hjZKlSq\
             Ucmz_K6szL1yB8rAHsdo4_Ey4e6V48nNKLukQdywdWVclGPTl3nQ_mQuu-Z3mU6avaRAOCnpYOvo8redpwfi7m5WcAhl36NrS5Wv2Z6F\
             uD_8K5_Yop2dQebS_y_LlSUz6mKEoQ",
            p: "\
             3AeXj74upDB9vH_iL5EWwCmqjoZAD-oPerTL1LazAqOnZk__uLUecJU75n2AO_so8ZWjG36q6q4iEPWhrYOD4d94r0EyTbP5sFhTsKON\
             5COFTP5fkIgfmkkzV0V_NsWglP34uRCrLTCb40eDCMMgt0Mg6I-fLscV0JNTps19Q-U",
            q: "\
             x8OAiTQBbxEHHC--4TDbeqTYGgd27YOAfRQ3d2vH8kLsHdQ1Ug_3JWN9iQWrgoMCfars8mGjb7m0jlLqvPE4nY4t8l6Ft94TCemSBhaF\
             lJEfPjGFTZvBNehiwj3OrQ5pRhZlYiNvcuXNmtiL8VsqoOlwWqgrZQ35YLRjK3c-CBc",
            parsed: OnceLock::new(),
        },
        p256: P256 {
            kid: "es-1",
            d: "yF6fjmju1Vsj3Qswab5W-G3gaIym69jrTOyobNOxeBQ",
            x: "kwehW8C_eefGdLHs1NCpLQGMIWJnqZxjZ1PwTcbApEI",
            y: "tHPcyAE8-Lwh9DUjNQMBSknBtjkKEv8Hw0WzSQ3dBqk",
            parsed: OnceLock::new(),
        },
        ed25519: Ed25519 {
            kid: "ed-1",
            d: "4BWPWtVOxMQZpcHZYmQprByq501jdfVQUc5QOes0ZS0",
            x: "kYR7VNReTewLW6fHQ3ucTGY8Sfwk37dCd4PS4SeUFKA",
        },
    },
    Generation {
        is_second: true,
        rsa: Rsa {
            kid: "rs-2",
            n: "\
             x_PpnMW5HB4hxjRpKAwKsquwTRYIv8c8driaV5hb79c7NWSE0uZtg-PLOl1CxAhr259rG3o25VzGJpMLpAc7Ek3DkLbCpY4qcLz2WYX8\
             inwiNyCtC8qIBR8MPeYs9v1wuXsaRlDx1Q_HOMPAEju5iGgg22NrZPSII5Ihe-PldO8rJ9V24VLxIZJNKd70Xj0iRZKsqm3mP8IPDeXh\
             tfqgNHLJx5aWhGQ6IKNsQ-TS3oPG1t6aZHqTZ3QZ3WCaFPIJcdqIXDKXhOdYndjDQH4PgbV-Lx2QwkS5UE9nGeUZcNHXLkLde7_gdVvJ\
             H6WX9qcLXSHNJlvpnPNSDLgRvYcrMw",
            d: "\
             O9cyE5KTByi3Z-eYjv0nmHhMf414GdkJLeiqfEujPCC4Xg7St4FxxhZ-5F0z1ZJFoUlRFzyYwETnInVAdxsY4S33uNARadWluu66dWll\
             fpaO8NutHknDMnEryzyfOV35BfGjF-cysNaTg1gGHA7WxE2Rg8b5xZFvSuH5dmfqbHd-DYc7aklUrkcsw-NSKUSCO40mME0t3E2kppsF\
             SbYmfFt_qVu-wVq0qOKB5iZWam0mfOpoBr2-Wowiuo7yjP5pJQ4OQ7Z-ptNm9nxSAji72b_NURzlLtlwQJcLHdRsxsDkDqLHN1b19XwC\
             9oWMe9ZNs8SZmWbUWoMvlLg7Bxcn-Q",
            p: "\
             5aUvSx3U_X0uc4eCfE55ZskO81z03XQUtr_HkLUJ_Rq0Iio0ljRWodbg-zqyIQ7fJ1-v4MVH9ZNaRDuvJ7pbwL7MAQLFudz228D6p1xI\
             ovrXt21RSb2UH9YHRcUV9-ipTMhi2sSdjGsKwDwFkQVT7VuzeXNo6WPazbCQYifxNwk",
            q: "\
             3uZiUCjYjeKws3z91UeMMEbpGpuQ55-jixaQ3T2JKbb1iFmakXBvq0-BwesnvIKvrDknNS95PazpZoxMWWRoy44Yw5ahXRtduy6fhFxo\
             -rR9CElwxwMJgpBocDUk0vSAtf-jl_-uwN0wVu2TyLe3AxCZqX9z2xC83O8Fbv9ng1s",
            parsed: OnceLock::new(),
        },
        p256: P256 {
            kid: "es-2",
            d: "JDq8JbWhHl57V0OIm_BNG2dNGsJgexTsI4FyKDE09LM",
            x: "0PaWC-qNwCH9WqP4hM9Mlvp1OJr53F2w7wZvLMwj6XE",
            y: "iKibnh6sxQsdh2J2wxK2yrHh0BLeTrH2znh0FkxnxOM",
            parsed: OnceLock::new(),
        },
        ed25519: Ed25519 {
            kid: "ed-2",
            d: "dNrprP5GeYV5R96zyyK2V7ETvxSwN2wTRahRBo33z_c",
            x: "5p_sX47f7Ta2zvs3HVz5403g6rrIZ-M_o4PndrxG0u4",
        },
    },
];

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier as _;
    use rsa::Pkcs1v15Sign;

    use super::*;

    fn field(jwk: &Value, name: &str) -> Vec<u8> {
        bytes(jwk[name].as_str().unwrap()).unwrap()
    }

    #[test]
    fn each_published_key_verifies_what_its_private_key_signed() {
        for keys in &GENERATIONS {
            let (rsa, ec, ed) = (keys.jwk("RS256"), keys.jwk("ES256"), keys.jwk("EdDSA"));

            let signature = keys.sign("RS256", b"text").unwrap();
            let number = |name| BoxedUint::from_be_slice_vartime(&field(&rsa, name));
            let key = rsa::PublicKey::new(number("n"), number("e")).unwrap();
            key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(b"text"), &signature).unwrap();

            let signature = Signature::from_slice(&keys.sign("ES256", b"text").unwrap()).unwrap();
            let point = [vec![4], field(&ec, "x"), field(&ec, "y")].concat();
            p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap().verify(b"text", &signature).unwrap();

            let signature = ed25519_dalek::Signature::from_slice(&keys.sign("EdDSA", b"text").unwrap()).unwrap();
            let point: [u8; 32] = field(&ed, "x").try_into().unwrap();
            ed25519_dalek::VerifyingKey::from_bytes(&point).unwrap().verify_strict(b"text", &signature).unwrap();
        }
    }

    #[test]
    fn each_key_for_more_algorithms_verifies_what_its_private_key_signed() {
        for second in [false, true] {
            for algorithm in more_keys::ALGORITHMS {
                let signature = generation(second).sign(algorithm, b"text").unwrap();
                assert!(generation(second).has_signed(algorithm, b"text", &signature), "{algorithm}");
                assert!(!generation(second).has_signed(algorithm, b"texts", &signature), "{algorithm}");
                assert!(!generation(!second).has_signed(algorithm, b"text", &signature), "{algorithm}");
            }
        }
    }

    #[test]
    fn hmac_of_the_standard() {
        // RFC 4231, test case 2.
        let mac = hs256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(mac.get(..4), Some([0x5b, 0xdc, 0xc1, 0x46].as_slice()));
    }
}
