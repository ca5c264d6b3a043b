//! Private keys in PEM, by every backend.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

type Read = fn(Algorithm, &str) -> Result<Arc<dyn Signer>, Error>;

const BACKENDS: &[Read] = &[
    |algorithm, pem| Ok(Arc::new(backend::rustcrypto::SigningKey::from_pem(algorithm, pem, Some("kid"))?)),
    #[cfg(feature = "aws-lc-rs")]
    |algorithm, pem| Ok(Arc::new(backend::aws_lc::SigningKey::from_pem(algorithm, pem, Some("kid"))?)),
    |algorithm, pem| match PrivateKey::from_pem(algorithm, pem, Some("kid"))? {
        PrivateKey::Local(signer) => Ok(signer),
        PrivateKey::Remote { .. } => panic!("it is here"),
    },
];

/// What OpenSSL writes with `-traditional`.
const P256_SEC1: &str = "\
-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b
focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END EC PRIVATE KEY-----
";
const P521_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MIHcAgEBBEIBFGjVnnvMfLnnPKpIqlRqYV/Z76TIPX51EBFCE34KiJJ+1Ok0iV4Y
3v3+nxZ1ApV24YdrqMosbPUYFOt0uRj9ciegBwYFK4EEACOhgYkDgYYABACMiqoc
BPEIEp32z+SM40hy8U2DXJjBMPw21Fi31aVw0zMmcWvXErFHfUI9TkgRE79yhVvI
ZMRqsIGb2pPz/z0FKQAXmmoPZ4imqvJLZ9iTEZxTWbDiC2N3SM17rdtwzZCJvg9s
fl0J6REhzr37+Cf96m/hIEDDs2AFYe0LvE0MyqyQqg==
-----END EC PRIVATE KEY-----
";
const P384_SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDBz4dNgMI4cG67HQlYrVIrQWRXvkz8E0WUQNGwEdHKPz49aU7ydmqYI
mWdlZU6UQUmgBwYFK4EEACKhZANiAAQO9lmn1+VQZuRWMVlWUCZBU6T7xb/Zs9ai
n7MyXCIYsqo4cDwKRKuO4jRO127WfbK7hsYiun0+ixmO9gNDQ3q4ChNdTqdEdI5p
6I8z1jZzch8Is2n3YtH+8lNlPaN9bsE=
-----END EC PRIVATE KEY-----
";

fn block(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn pkcs8(der: &str) -> String {
    block("PRIVATE KEY", &decode(der).unwrap())
}

#[test]
fn a_private_key_is_read_from_every_form_of_pem() {
    let mut pems = Vec::new();
    for &algorithm in
        <Algorithm as crate::base::word_set::Word>::ALL.iter().filter(|&&algorithm| algorithm != Algorithm::Hs256)
    {
        let (pem, own_form) = match algorithm {
            Algorithm::Es256 => (pkcs8(v::P256_PKCS8), Some(P256_SEC1.to_owned())),
            Algorithm::Es384 => (pkcs8(v::P384_PKCS8), Some(P384_SEC1.to_owned())),
            Algorithm::Es512 => (pkcs8(v::P521_PKCS8), Some(P521_SEC1.to_owned())),
            Algorithm::EdDsa | Algorithm::Ed25519 => (pkcs8(v::ED25519_PKCS8), None),
            // PKCS #8 is 26 bytes around PKCS #1.
            _ => (pkcs8(v::RSA_PKCS8), Some(block("RSA PRIVATE KEY", &decode(v::RSA_PKCS8).unwrap()[26..]))),
        };
        pems.push((algorithm, pem.replace('\n', "\r\n")));
        pems.push((algorithm, format!("Bag Attributes\n  friendlyName: x\n{}{pem}", block("CERTIFICATE", b"x"))));
        pems.push((algorithm, format!("  {}", pem.trim_end().replace('\n', "\n  "))));
        pems.push((algorithm, pem));
        pems.extend(own_form.map(|pem| (algorithm, pem)));
    }
    for (algorithm, pem) in &pems {
        for read in BACKENDS {
            let key = read(*algorithm, pem).unwrap();
            assert_eq!((key.algorithm(), key.key_id()), (*algorithm, Some("kid")));
            assert_eq!(key.public_key(), Some(signing_key(*algorithm).public_key()), "{algorithm:?}");
            let input = format!("{}.e30", encode(format!(r#"{{"alg":"{}"}}"#, algorithm.name()).as_bytes()));
            let token = with_signature(input.clone(), &key.sign(input.as_bytes()).unwrap());
            let jwk = key.public_key().unwrap().to_jwk(*algorithm, None);
            assert_verdict(algorithm.name(), &token, &set(&[jwk]), Algorithms::of(&[*algorithm]), Ok(()));
        }
    }
    assert_eq!(pems.len(), ASYMMETRIC_FORMS);
}

/// Four ways to write PKCS #8 for each of eleven algorithms, and the own form of nine of them.
const ASYMMETRIC_FORMS: usize = 53;

#[test]
fn what_is_no_private_key_is_told_and_not_shown() {
    let p256 = pkcs8(v::P256_PKCS8);
    let body = p256.lines().nth(1).unwrap();
    let cut = p256.split_once("-----END").unwrap().0;
    let legacy =
        format!("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,33\n\n{body}\n");
    let of_another_curve = P384_SEC1.replace("K4EEACKh", "K4EEACOh");
    let huge = block("PRIVATE KEY", &vec![7; 100_000]);
    for (algorithm, pem, code) in [
        (Algorithm::Es256, "", ErrorCode::PRIVATE_KEY_PEM),
        (Algorithm::Es256, body, ErrorCode::PRIVATE_KEY_PEM),
        (Algorithm::Es256, cut, ErrorCode::PRIVATE_KEY_PEM),
        (Algorithm::Es256, &p256.replace('M', "!"), ErrorCode::PRIVATE_KEY_PEM),
        (Algorithm::Es256, &huge, ErrorCode::PRIVATE_KEY_PEM),
        (Algorithm::Es256, &block("PUBLIC KEY", b"x"), ErrorCode::PRIVATE_KEY_MISSING),
        (Algorithm::Es256, &block("CERTIFICATE", b"x"), ErrorCode::PRIVATE_KEY_MISSING),
        (Algorithm::Es256, &block("OPENSSH PRIVATE KEY", b"x"), ErrorCode::PRIVATE_KEY_MISSING),
        (Algorithm::Es256, &block(body, b"x"), ErrorCode::PRIVATE_KEY_MISSING),
        (Algorithm::Es256, &block("ENCRYPTED PRIVATE KEY", b"x"), ErrorCode::PRIVATE_KEY_ENCRYPTED),
        (Algorithm::Es256, &legacy, ErrorCode::PRIVATE_KEY_ENCRYPTED),
        (Algorithm::Es256, &block("PRIVATE KEY", body.as_bytes()), ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Es256, &pkcs8(v::P384_PKCS8), ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Es256, &pkcs8(v::RSA_PKCS8), ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Es256, P384_SEC1, ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Es384, P256_SEC1, ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Es384, &of_another_curve, ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Rs256, P256_SEC1, ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Rs256, &pkcs8(v::RSA1024_PKCS8), ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::EdDsa, P256_SEC1, ErrorCode::PRIVATE_KEY_UNUSABLE),
        (Algorithm::Hs256, &p256, ErrorCode::PRIVATE_KEY_UNUSABLE),
    ] {
        for read in BACKENDS {
            let error = read(algorithm, pem).err().unwrap();
            assert_eq!(error.code(), code, "{algorithm:?} {pem}");
            let shown = format!("{error} {error:?} {:?}", error.found());
            assert!(!shown.contains(&body[..16]), "{shown}");
        }
    }
    let error = PrivateKey::from_pem(Algorithm::Es256, &block("PUBLIC KEY", b"x"), None).unwrap_err();
    assert_eq!(error.found().unwrap().as_str(), "PUBLIC KEY");
}
