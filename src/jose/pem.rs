//! Private keys in PEM (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use crate::error::{Error, ErrorCode, Quote};

/// Several times the size of the largest key. Below 64 KiB, so that two bytes hold each length in
/// DER.
const LIMIT: usize = 0xf000;

/// What PEM files hold in place of a private key that can be read. An error names one of these, never a line of the
/// file.
const OTHERS: [&str; 6] =
    ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST", "EC PARAMETERS", "OPENSSH PRIVATE KEY"];

const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const P521: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x23";
const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// The first private key of the text, as PKCS #8 in DER. PKCS #1 (`RSA PRIVATE KEY`) and SEC 1 (`EC PRIVATE KEY`) are
/// wrapped. Text and other blocks before the key are passed over.
pub(super) fn private_key(algorithm: Algorithm, pem: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut lines = pem.lines().map(str::trim);
    let mut other = None;
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        match label {
            "PRIVATE KEY" => return body(&mut lines),
            "RSA PRIVATE KEY" => return pkcs8(RSA, &body(&mut lines)?),
            "EC PRIVATE KEY" => {
                let curve = match algorithm {
                    Algorithm::Es384 => P384,
                    Algorithm::Es512 => P521,
                    _ => P256,
                };
                let key = body(&mut lines)?;
                // RFC 5915 section 4: the curve must be named. Another one would make another key of the same number.
                if !key.windows(curve.len()).any(|bytes| bytes == curve) {
                    return Err(ErrorCode::PRIVATE_KEY_UNUSABLE.into());
                }
                return pkcs8(&der(0x30, &[EC, curve]), &key);
            }
            "ENCRYPTED PRIVATE KEY" => return Err(ErrorCode::PRIVATE_KEY_ENCRYPTED.into()),
            _ => {
                other = other.or(Some(OTHERS.into_iter().find(|known| *known == label).unwrap_or("another PEM block")))
            }
        }
    }
    Err(match other {
        Some(label) => Error::new(ErrorCode::PRIVATE_KEY_MISSING).with_found(Quote::library(label)),
        None => ErrorCode::PRIVATE_KEY_PEM.into(),
    })
}

/// The bytes up to the end of the block.
fn body<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Capacity for all of it: a buffer that grows leaves copies behind.
    let mut base64 = Zeroizing::new(String::with_capacity(2 * LIMIT));
    for line in lines {
        // The headers of RFC 1421, which OpenSSL writes before 1.0.
        if line.contains("ENCRYPTED") {
            return Err(ErrorCode::PRIVATE_KEY_ENCRYPTED.into());
        }
        if line.starts_with("-----END ") {
            let mut bytes = Zeroizing::new(vec![0; base64.len()]);
            let length =
                STANDARD.decode_slice(base64.as_bytes(), &mut bytes).map_err(|_| ErrorCode::PRIVATE_KEY_PEM)?;
            bytes.truncate(length);
            return Ok(bytes);
        }
        if base64.len() + line.len() > LIMIT {
            break;
        }
        base64.push_str(line);
    }
    Err(ErrorCode::PRIVATE_KEY_PEM.into())
}

/// `PrivateKeyInfo` (RFC 5958 section 2), version 1.
fn pkcs8(algorithm: &[u8], key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    Ok(der(0x30, &[b"\x02\x01\x00", algorithm, &der(0x04, &[key])]))
}

fn der(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(length + 4));
    let [.., high, low] = length.to_be_bytes();
    match (high, low) {
        (0, 0..=0x7f) => out.extend([tag, low]),
        (0, _) => out.extend([tag, 0x81, low]),
        _ => out.extend([tag, 0x82, high, low]),
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// The content of the first element, which must have this tag and at most 65535 bytes, and what follows it.
#[cfg(feature = "aws-lc-rs")]
pub(super) fn der_content(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (length, rest) = match rest {
        [low @ 0..=0x7f, rest @ ..] => (usize::from(*low), rest),
        [0x81, low, rest @ ..] => (usize::from(*low), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}
