//! The provider's keys for algorithms that few clients ask for. **They are published here**, as the others are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::jose::backend::{default, signer_from_pkcs8};
use crate::jose::{Algorithm, PublicKey};

/// By RSA, whose key is that of `RS256`.
pub(super) const BY_RSA: [&str; 5] = ["RS384", "RS512", "PS256", "PS384", "PS512"];

/// All that the provider can sign with and does not offer unless it is told to.
pub(super) const ALGORITHMS: [&str; 7] = ["RS384", "RS512", "PS256", "PS384", "PS512", "ES384", "ES512"];

/// An EC key in the form of PKCS #8, which ends with the two numbers of its public half.
pub(super) struct Curve {
    pub(super) kid: &'static str,
    name: &'static str,
    size: usize,
    der: &'static str,
}

impl Curve {
    pub(super) fn jwk(&self) -> Value {
        let der = URL_SAFE_NO_PAD.decode(self.der).unwrap_or_default();
        let number = |from_end: usize| {
            let start = der.len().saturating_sub(from_end);
            URL_SAFE_NO_PAD.encode(der.iter().skip(start).take(self.size).copied().collect::<Vec<_>>())
        };
        json!({
            "kty": "EC", "crv": self.name, "use": "sig", "kid": self.kid, "x": number(2 * self.size),
            "y": number(self.size)
        })
    }
}

/// The key for an algorithm, if it is of one of these curves.
pub(super) fn curve(second: bool, algorithm: &str) -> Option<&'static Curve> {
    let [first, other] = match algorithm {
        "ES384" => &P384,
        "ES512" => &P521,
        _ => return None,
    };
    Some(if second { other } else { first })
}

pub(super) fn sign_by_curve(curve: &Curve, algorithm: &str, input: &[u8]) -> Option<Vec<u8>> {
    sign(&URL_SAFE_NO_PAD.decode(curve.der).ok()?, algorithm, input)
}

/// By a key in the form of PKCS #8.
pub(super) fn sign(der: &[u8], algorithm: &str, input: &[u8]) -> Option<Vec<u8>> {
    signer_from_pkcs8(Algorithm::from_name(algorithm)?, der)?.sign(input).ok()
}

/// Whether this public key verifies the signature. Two signatures of one text can differ.
pub(super) fn verify(jwk: &Value, algorithm: &str, input: &[u8], signature: &[u8]) -> bool {
    let verified = || {
        let key = PublicKey::from_jwk(jwk.to_string().as_bytes()).ok()?;
        default()?.parse(&key)?.verify(Algorithm::from_name(algorithm)?, input, signature).ok()
    };
    verified().is_some()
}

static P384: [Curve; 2] = [
    Curve {
        kid: "es-384-1",
        name: "P-384",
        size: 48,
        der: "\
             MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCQb7DBagRE-\
             PIBQtyFLoxpuJGI4NuaqEP8uRKO6EtfnVivfOzcdYwgFFCCu5bCac2hZANiAATfz1A6hrURKR9RxMroKbW9ETR-TqblZi1gUNVKy\
             EHHq15wFgkLQwhDvgWKnwk7QRDGHGAhL4E3qBFKA4kGpROd3heebOKV2MjnoRWZp0U2mEvaDWdQoyeNa1ogLuHJh50",
    },
    Curve {
        kid: "es-384-2",
        name: "P-384",
        size: 48,
        der: "\
             MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDpdnSvYsyJjbEfLC-RqjeD_3PjE67j_o42a_811eUOexuBqzOwxL8d\
             qE048LbjI46hZANiAATrvB9IrrfGDf8frR6fKV7lp8AvCH7mmph0Pfk4TvGAuFuFe8tZyI2-\
             52GeNEGVSjDaGt2d_bKW_Qtxdd_242pdYk8MwAm7ZcOaWD8rSihyzGPXmcWpMEqkvu-mk2kt7s0",
    },
];

static P521: [Curve; 2] = [
    Curve {
        kid: "es-512-1",
        name: "P-521",
        size: 66,
        der: "\
             MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIA79Gst0fJIyMZe_CYsB_V1ZQ5tKE3orSSXimLUknI97jRq_M-Gmv3\
             Ere97YwoIrW3NoDAvhsiDje49hcqKI3SSJChgYkDgYYABACFp8uJhJCmuxgUEDX52KhIKp1C_P_S_462kCNoSIU7EljpdyLHFoNx\
             ctnVE3aZncLFnKtRzoNJXX97fR9DHUFZmgE82BXYYucUvQWrnYczJNdBeyb4K4ktFyVuP_ggIGu9xzpWxbYQWXE97LpZbKbz6Oi1\
             DwAW5KP1y4KpBIx0qss4Ow",
    },
    Curve {
        kid: "es-512-2",
        name: "P-521",
        size: 66,
        der: "\
             MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIAyA9KSgFUdgJM0D66pltwnfXlyNDFcMi0gFlupSdjINeLiUGB3aWk\
             FQX6ffyIbOQ4D0iPJLfJ1nrnXPCHWq9yXYGhgYkDgYYABAD7wODXZyTh4cCWXhCCHd3vcik24Ntgy8VKBMLep0cMVV9d7B_pOezX\
             wvnixgdOfZohMmQRm7kNQZW1ruAA0qaaIwFtpmvbVSQSvIRBzj3VEFJqClb9BWqvuKw4x5V1nSTPRmG1DBTfdx6IXLKgYdewY3oG\
             yDHX4pvZjwu3GOX-kOZiuQ",
    },
];
