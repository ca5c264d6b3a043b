//! Proof Key for Code Exchange (RFC 7636), method S256 only.

use sha2::{Digest as _, Sha256};

use crate::base::base64::DigestText;

/// `code_challenge` of a `code_verifier` by the method S256 (RFC 7636 section 4.2).
pub(crate) fn s256(code_verifier: &str) -> DigestText {
    DigestText::of(&Sha256::digest(code_verifier.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_challenge_is_that_of_the_standards_example() {
        // RFC 7636 appendix B.
        let challenge = super::s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge.as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
