//! Proofs of possession and the nonces in them (RFC 9449).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::http::{Incoming, Params, Refusal};
use super::nonces::NonceLie;
use super::settings::Dpop;
use super::state::State;
use super::verify::{Jwt, algorithms, is_public_key, thumbprint};
use crate::base::env::Timestamp;

const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// How far the date of a proof may be off, either way.
const SKEW_SECONDS: u64 = 60;

/// How long a nonce is good. Short, so that tests see it change.
const NONCE_LIFETIME: Duration = Duration::from_secs(60);

const fn invalid(description: &'static str) -> Refusal {
    Refusal::new("invalid_dpop_proof", description)
}

/// The thumbprint of the key that a request to the authorization server proves; `None` without a
/// proof, and where proofs are ignored.
pub(super) fn proven(state: &mut State, request: &Incoming<'_>, path: &str) -> Result<Option<String>, Refusal> {
    if state.dpop == Dpop::Off || !request.headers.contains_key(PROOF) {
        return Ok(None);
    }
    let url = state.url(path);
    check(state, request, &url, None).map(Some)
}

/// The thumbprint that an authorization request names (section 10).
pub(super) fn named(state: &State, params: &Params) -> Option<String> {
    params.get("dpop_jkt").filter(|_| state.dpop != Dpop::Off).map(str::to_owned)
}

/// The checks of section 4.3, and of section 7 where an access token comes along.
pub(super) fn check(
    state: &mut State,
    request: &Incoming<'_>,
    url: &str,
    access_token: Option<&str>,
) -> Result<String, Refusal> {
    let mut proofs = request.headers.get_all(PROOF).iter();
    let (Some(proof), None) = (proofs.next(), proofs.next()) else { return Err(invalid("not exactly one proof")) };
    let proof = proof.to_str().ok().and_then(Jwt::parse).ok_or(invalid("the proof is no JWT"))?;
    if proof.header.get("typ").and_then(Value::as_str) != Some("dpop+jwt") {
        return Err(invalid("typ"));
    }
    if !algorithms(state.has_all_algorithms).contains(&proof.algorithm()) {
        return Err(invalid("alg"));
    }
    let jwk = proof.header.get("jwk").filter(|jwk| is_public_key(jwk)).ok_or(invalid("jwk is no public key"))?;
    if !proof.is_signed_by(jwk) {
        return Err(invalid("wrong signature"));
    }
    let jkt = thumbprint(jwk).ok_or(invalid("jwk"))?;
    if proof.text("htm") != Some(request.method.as_str()) {
        return Err(invalid("htm is another method"));
    }
    if proof.text("htu").and_then(target) != target(url) {
        return Err(invalid("htu is another target"));
    }
    let now = request.now.unix_seconds();
    if proof.date("iat").is_none_or(|date| date.abs_diff(now) > SKEW_SECONDS) {
        return Err(invalid("iat is not about now"));
    }
    let ath = access_token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    if ath.is_some() && proof.text("ath") != ath.as_deref() {
        return Err(invalid("ath is of another access token"));
    }
    if state.nonces.is_demanded() && !is_content(state, proof.text("nonce"), request.now) {
        return Err(Refusal::new("use_dpop_nonce", "the proof needs the nonce that comes along"));
    }
    let jti = proof.text("jti").ok_or(invalid("no jti"))?;
    if !state.is_first(&jkt, jti) {
        return Err(invalid("the proof was used before"));
    }
    Ok(jkt)
}

/// Tells whoever sent a proof which nonce the next one needs (section 8.2).
pub(super) fn tell_nonce(state: &mut State, request: &Incoming<'_>, response: &mut Response<Vec<u8>>) {
    let wanted = state.dpop != Dpop::Off && request.headers.contains_key(PROOF) && state.nonces.is_demanded();
    if wanted
        && state.nonces.lie != Some(NonceLie::Absent)
        && let Ok(value) = HeaderValue::from_bytes(state.nonce(request.now).as_bytes())
    {
        response.headers_mut().insert(NONCE, value);
    }
}

fn is_content(state: &mut State, nonce: Option<&str>, now: Timestamp) -> bool {
    state.nonces.lie != Some(NonceLie::Forever) && nonce == Some(state.nonce(now).as_str())
}

/// Query and fragment do not count.
fn target(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

impl State {
    /// The nonce of now.
    fn nonce(&mut self, now: Timestamp) -> String {
        let is_fresh = |made| now.saturating_since(made) < NONCE_LIFETIME && made <= now;
        if let Some((nonce, made)) = &self.nonces.current
            && is_fresh(*made)
            && self.nonces.lie != Some(NonceLie::Forever)
        {
            return nonce.clone();
        }
        let plain = self.random("nonce_");
        let nonce = match self.nonces.lie {
            Some(NonceLie::Huge) => plain + &"x".repeat(10 * 1024),
            Some(NonceLie::Odd) => plain + " \"\\\t,;=<%0d%0a>",
            Some(NonceLie::NotText) => plain + "\u{e9}",
            _ => plain,
        };
        self.nonces.current = Some((nonce.clone(), now));
        nonce
    }
}
