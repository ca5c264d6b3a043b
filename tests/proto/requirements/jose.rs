//! JSON Object Signing: signatures, keys, algorithms, claims, thumbprints.

use crate::requirements::Level::{Defined, Must, MustNot, Should};
use crate::requirements::{Row, Standard};

#[rustfmt::skip]
pub(crate) const STANDARDS: &[Standard] = &[
    Standard {
        name: "RFC 7515",
        rows: JWS,
        not_done: &[
            ("4.1.2", "`jku`: never fetched"),
            ("4.1.5 to 4.1.8", "`x5u`, `x5c`, `x5t`: certificates say nothing of a provider's keys"),
            ("7.2", "the JSON serialization: no standard that is covered uses it"),
            ("Appendix F", "detached content: no standard that is covered uses it"),
        ],
    },
    Standard { name: "RFC 7517", rows: JWK, not_done: &[("7", "encrypted keys: private keys come as PKCS #8")] },
    Standard {
        name: "RFC 7518",
        rows: JWA,
        not_done: &[("3.4 `ES512`", "no backend for every platform"), ("4, 5", "encryption"), ("6.4", "shared keys in a set are skipped")],
    },
    Standard { name: "RFC 7519", rows: JWT, not_done: &[("5.2", "nested tokens: a JWE is refused"), ("6", "unsecured tokens are refused")] },
    Standard { name: "RFC 7638", rows: THUMBPRINT, not_done: &[("3.2.1", "thumbprints of private keys are those of their public halves")] },
    Standard { name: "RFC 8037", rows: OKP, not_done: &[("3.2", "key agreement"), ("`Ed448`", "no backend for every platform")] },
    Standard { name: "RFC 9864", rows: FULLY_SPECIFIED, not_done: &[("2.2 `Ed448`", "no backend for every platform"), ("3", "encryption")] },
];

#[rustfmt::skip]
const JWS: &[Row] = &[
    ("4", Must, "a header with a member twice is refused", &["src/jose/tests/hostile.rs::forms_of_tokens", "tests/proto/hostile/id_token_form.rs::a_form_that_needs_no_key_to_be_found_wrong_costs_none"]),
    ("4", Must, "members of a header that are not understood are passed over", &["tests/proto/hostile/id_token_form.rs::odd_headers_are_lived_with"]),
    ("4.1.1", Must, "`alg` is there, known, and allowed", &["src/jose/tests/hostile.rs::algorithms_of_tokens"]),
    ("4.1.3, 6", Defined, "a key that comes along proves nothing", &["src/jose/tests/hostile.rs::keys_in_headers_are_not_even_read"]),
    ("4.1.4, 5.3", Must, "`kid` is a string, compared with regard to case", &["src/jose/tests/hostile.rs::keys_are_found_by_kid_or_because_there_is_no_other"]),
    ("4.1.11", Must, "a `crit` that is not understood is refused; none is", &["src/jose/tests/hostile.rs::forms_of_tokens", "tests/proto/hostile/id_token_form.rs::a_form_that_needs_no_key_to_be_found_wrong_costs_none"]),
    ("5.1", Defined, "what is signed is header and payload as they are sent", &["src/jose/tests/signing.rs::what_a_signing_key_signs_verifies_with_its_public_jwk", "src/jose/tests/signing.rs::deterministic_signatures_are_those_of_the_rfcs"]),
    ("5.2", Defined, "parts are base64url without padding, line breaks or other characters", &["src/jose/tests/hostile.rs::forms_of_tokens"]),
    ("5.2", Defined, "the header is UTF-8 JSON, an object", &["src/jose/tests/hostile.rs::forms_of_tokens"]),
    ("5.2", Must, "the signature is checked by the algorithm of the header, and only that", &["src/jose/tests/hostile.rs::signatures_that_are_none", "src/jose/tests/verification.rs::tokens_of_the_rfcs_and_of_openssl_verify_by_every_backend"]),
    ("5.2", Should, "an algorithm that this client does not allow is refused, however good the signature", &["src/jose/tests/hostile.rs::algorithms_of_tokens", "tests/proto/hostile/keys.rs::a_key_that_does_not_fit_the_algorithm_is_not_tried"]),
    ("7.1", Defined, "a compact JWS has three parts", &["src/jose/tests/hostile.rs::forms_of_tokens"]),
    ("10.6", Must, "the hash that a PKCS #1 signature names is that of the header", &["src/jose/tests/signing.rs::the_hash_in_a_signature_is_the_one_of_the_header"]),
];

#[rustfmt::skip]
const JWK: &[Row] = &[
    ("4", Must, "members that are not understood are passed over, no name stands there twice", &["src/jose/tests/keys.rs::keys_are_taken_as_providers_write_them", "src/jose/tests/keys.rs::keys_that_are_no_use_are_skipped_and_do_no_harm"]),
    ("4.1", Must, "`kty` is there", &["src/jose/tests/keys.rs::keys_that_are_no_use_are_skipped_and_do_no_harm"]),
    ("4.2, 4.3", Defined, "a key for encryption verifies nothing", &["src/jose/tests/keys.rs::keys_that_are_no_use_are_skipped_and_do_no_harm"]),
    ("4.4", Defined, "a key with an `alg` is for that alone", &["tests/proto/hostile/keys.rs::a_key_that_does_not_fit_the_algorithm_is_not_tried"]),
    ("5", Should, "keys of a set that are not understood are passed over", &["src/jose/tests/keys.rs::keys_that_are_no_use_are_skipped_and_do_no_harm", "tests/proto/hostile/keys.rs::keys_of_no_use_are_not_in_the_way"]),
    ("5", Must, "a set has `keys`, a list", &["src/jose/tests/keys.rs::documents_that_are_no_key_set_are_refused"]),
    ("5", Must, "members of a set that are not understood are passed over, no name stands there twice", &["src/jose/tests/keys.rs::keys_are_taken_as_providers_write_them", "src/jose/tests/keys.rs::documents_that_are_no_key_set_are_refused"]),
    ("9.2", Must, "private keys and secrets are kept from others", &["tests/proto/hostile/client_auth.rs::a_client_registers_the_public_half_of_its_key_alone", "tests/proto/hostile/secrets.rs::a_private_key_is_seen_nowhere"]),
];

#[rustfmt::skip]
const JWA: &[Row] = &[
    ("2, 6.3.1", Must, "numbers of RSA keys have no zero bytes in front; providers that add one are lived with", &["src/jose/tests/signing.rs::a_public_jwk_has_the_members_of_the_rfc", "src/jose/tests/keys.rs::keys_are_taken_as_providers_write_them"]),
    ("3.1", Defined, "an algorithm goes with keys of its kind and curve", &["tests/proto/hostile/keys.rs::a_key_that_does_not_fit_the_algorithm_is_not_tried"]),
    ("3.2", Must, "a secret for HS256 has 256 bits", &["tests/proto/hostile/client_auth.rs::a_secret_that_is_too_short_signs_nothing"]),
    ("3.2", Must, "MACs are made as RFC 2104 has them, and compared in constant time", &["src/jose/hmac.rs::the_vectors_of_rfc_4231", "tests/proto/hostile/id_token_form.rs::a_symmetric_signature_counts_only_where_it_was_registered"]),
    ("3.3, 3.5", Must, "RSA keys have at least 2048 bits", &["src/jose/tests/hostile.rs::keys_that_are_too_weak_too_large_or_not_on_their_curve", "src/jose/tests/signing.rs::keys_that_cannot_sign_are_refused"]),
    ("3.4", Must, "an ECDSA signature is two numbers of the curve's length; another length is refused", &["src/jose/tests/hostile.rs::signatures_that_are_none", "src/jose/tests/verification.rs::tokens_of_the_rfcs_and_of_openssl_verify_by_every_backend"]),
    ("3.5", Defined, "the salt of RSASSA-PSS is as long as the hash", &["src/jose/tests/verification.rs::tokens_of_the_rfcs_and_of_openssl_verify_by_every_backend", "src/jose/tests/signing.rs::the_salt_of_ps256_differs_from_message_to_message"]),
    ("3.6", MustNot, "`none` is not accepted", &["src/jose/tests/hostile.rs::algorithms_of_tokens", "tests/proto/hostile/misuse.rs::trust_in_tls_waives_the_signature_alone"]),
    ("6.2.1.2, 6.2.1.3", Must, "coordinates have the curve's length, and are a point of it besides", &["src/jose/tests/hostile.rs::keys_that_are_too_weak_too_large_or_not_on_their_curve"]),
];

#[rustfmt::skip]
const JWT: &[Row] = &[
    ("2", Defined, "dates are seconds since 1970, whole or not", &["src/token/numeric.rs::dates_are_whole_or_fractional_seconds", "tests/proto/hostile/id_token_claims.rs::odd_claims_are_lived_with"]),
    ("4", Must, "a claim that stands there twice is refused", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("4", Must, "claims that are not understood are passed over", &["tests/proto/hostile/id_token_claims.rs::odd_claims_are_lived_with"]),
    ("4.1.3", Must, "a token for somebody else is refused", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("4.1.4", MustNot, "a token is not accepted on or after its `exp`, but for a small skew", &["tests/proto/hostile/id_token_claims.rs::dates_are_good_to_the_second"]),
    ("4.1.5", MustNot, "a token is not accepted before its `nbf`", &["tests/proto/hostile/id_token_claims.rs::dates_are_good_to_the_second"]),
    ("4.1.7", Must, "a `jti` is practically never the same twice", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute", "tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more"]),
    ("7.2", Must, "the claims are a JSON object", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("7.2", Must, "the form, the signature, and what the application demands are checked, or the token is refused", &["tests/proto/hostile/id_token_form.rs::a_signature_that_is_not_the_providers_is_refused"]),
];

#[rustfmt::skip]
const THUMBPRINT: &[Row] = &[
    ("3", Defined, "the required members alone, in order, without white space, by SHA-256", &["src/jose/tests/keys.rs::thumbprints_are_those_of_rfc_7638"]),
    ("3.2", Defined, "which members these are goes by `kty`", &["src/jose/tests/keys.rs::thumbprints_are_those_of_rfc_7638"]),
    ("3.3", Must, "nothing in them is escaped", &["src/jose/tests/keys.rs::thumbprints_are_those_of_rfc_7638"]),
];

#[rustfmt::skip]
const OKP: &[Row] = &[
    ("2", Must, "`crv` and `x` are there, `x` of the curve's length", &["src/jose/tests/hostile.rs::keys_that_are_too_weak_too_large_or_not_on_their_curve"]),
    ("2", MustNot, "`d` is not in a public key; a set with one is no source of it", &["src/jose/tests/keys.rs::keys_that_are_no_use_are_skipped_and_do_no_harm", "src/jose/tests/signing.rs::a_public_jwk_has_the_members_of_the_rfc"]),
    ("3.1.1", Defined, "signatures are those of RFC 8032", &["src/jose/tests/signing.rs::deterministic_signatures_are_those_of_the_rfcs"]),
    ("3.1.2", Defined, "a signature is checked by the curve of the key", &["src/jose/tests/hostile.rs::signatures_that_are_none", "src/jose/tests/hostile.rs::an_ed25519_key_that_is_no_point_verifies_nothing"]),
    ("3.2", MustNot, "keys for key agreement sign nothing", &["src/jose/tests/keys.rs::keys_that_are_no_use_are_skipped_and_do_no_harm"]),
];

#[rustfmt::skip]
const FULLY_SPECIFIED: &[Row] = &[
    ("2.2", Defined, "`Ed25519` is EdDSA by that curve", &["src/jose/tests/verification.rs::tokens_of_the_rfcs_and_of_openssl_verify_by_every_backend", "src/jose/tests/signing.rs::what_a_signing_key_signs_verifies_with_its_public_jwk"]),
    ("2.2", Defined, "`EdDSA`, which is deprecated, is understood still, and is another name in an allow list", &["tests/proto/hostile/id_token_form.rs::the_algorithm_is_never_the_tokens_choice", "src/testing/tests/own_client.rs::it_authenticates_in_every_way"]),
];
