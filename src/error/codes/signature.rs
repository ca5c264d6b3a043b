//! Codes of signed tokens: ID tokens, logout tokens, signed userinfo.

use crate::error::code::codes;

codes! {
    CODES:
    JWS_TOO_LARGE = "jws.too_large", Remote, Signature, ProviderBroken, "this crate's limits",
        "the signed token is too large", "The token is malicious, or has very many claims.",
        "Request fewer claims, or report it to the provider.";
    JWS_MALFORMED = "jws.malformed", Remote, Signature, ProviderBroken, "RFC 7515 section 7.1",
        "not a signed token (a compact JWS)", "The token does not have three parts in base64url.",
        "Report it to the provider.";
    JWS_ENCRYPTED = "jws.encrypted", Remote, Signature, FixConfiguration, "RFC 7516",
        "the token is encrypted, which is not supported", "The client is registered with an encryption algorithm.",
        "Disable token encryption for the client at the provider.";
    JWS_HEADER = "jws.header", Remote, Signature, ProviderBroken, "RFC 7515 section 4",
        "the header of the signed token is not usable", "The header is not a JSON object, or a member has the wrong type.",
        "Report it to the provider.";
    JWS_CRIT = "jws.crit", Remote, Signature, ProviderBroken, "RFC 7515 section 4.1.11",
        "the header of the signed token requires an unknown extension", "The provider uses an extension that this crate does not support.",
        "Disable the extension at the provider.";
    JWS_ALGORITHM = "jws.algorithm", Remote, Signature, FixConfiguration, "RFC 8725 section 3.1",
        "the signature algorithm is not allowed", "The provider signs with another algorithm than the client accepts.",
        "Set the same algorithm for the client here and at the provider.";
    JWS_UNKNOWN_KEY = "jws.unknown_key", Remote, Keys, LogInAgain, "OpenID Connect Core 1.0 section 10.1",
        "no key of the provider fits the token", "The token was signed with a key that the provider does not publish, or the keys are out of date.",
        "Log in again later; if it happens again, report it to the provider.";
    JWS_AMBIGUOUS_KEY = "jws.ambiguous_key", Remote, Signature, ProviderBroken, "OpenID Connect Core 1.0 section 10.1",
        "several keys fit the token", "The token names no key, or several keys have the same `kid`.",
        "Report it to the provider: each key needs its own `kid`.";
    JWS_UNUSABLE_KEY = "jws.unusable_key", Remote, Signature, ProviderBroken, "RFC 7518 section 6",
        "the key of the token is malformed, too weak or too large", "The key is an RSA key below 2048 bits, a short secret, or damaged.",
        "Replace the key at the provider.";
    JWS_SIGNATURE = "jws.signature", Remote, Signature, ProviderBroken, "RFC 7515 section 5.2",
        "the signature is wrong", "The token was changed or forged, or was signed with another key under the same `kid`.",
        "Do not use the token; if it happens again, report it to the provider.";
    JWS_NO_BACKEND = "jws.no_backend", Local, Usage, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.7 rule 6",
        "no signature backend is compiled in", "The crate was built without a feature that verifies signatures.",
        "Enable the feature `rustcrypto` or `aws-lc-rs`.";
    ID_TOKEN_TRUST_TLS_OVER_HTTP = "id_token.trust_tls_over_http", Local, Usage, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.7 rule 6",
        "the client trusts TLS instead of the signature, but the token endpoint is not https", "Without TLS nothing protects an ID token that is not verified.",
        "Verify the signature, or use an https provider.";
}
