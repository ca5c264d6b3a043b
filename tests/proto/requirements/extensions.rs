//! What came later: assertions, devices, pushed requests, the issuer in the response, bound tokens, step-up.

use crate::requirements::Level::{Defined, May, Must, MustNot, Should};
use crate::requirements::{Row, Standard};

#[rustfmt::skip]
pub(crate) const STANDARDS: &[Standard] = &[
    Standard { name: "RFC 7523", rows: ASSERTIONS, not_done: &[("2.1", "assertions as a grant: an extension grant like any other")] },
    Standard { name: "RFC 8628", rows: DEVICE, not_done: &[] },
    Standard { name: "RFC 9126", rows: PUSHED, not_done: &[("3", "request objects: a pushed request is kept from the browser without one")] },
    Standard {
        name: "RFC 9207",
        rows: ISSUER,
        not_done: &[
            ("2.4, JARM", "signed authorization responses are not implemented"),
            ("4, one server for each issuer", "which servers an application uses is its own list; each value made at one server counts there alone"),
        ],
    },
    Standard { name: "RFC 9449", rows: BOUND, not_done: &[("4.3", "checking proofs is for servers; `testing::Provider` does it")] },
    Standard { name: "RFC 9470", rows: STEP_UP, not_done: &[("6", "access tokens are not read by clients")] },
];

#[rustfmt::skip]
const ASSERTIONS: &[Row] = &[
    ("2.2", Must, "one assertion and no more, with the type that says so, in the form", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("3", Must, "`iss` and `sub` are the client ID", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("3", Must, "`aud` is the server, and no other", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("3", Must, "`exp` is there, and soon", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("3", Must, "it is signed, by the client's key or secret", &["src/testing/tests/own_client.rs::it_authenticates_in_every_way", "tests/interop/peer/strong.rs::a_client_authenticates_by_a_key_here_or_elsewhere"]),
    ("3", May, "`jti` is never the same twice, also where a request is sent again", &["tests/proto/hostile/client_auth.rs::a_request_that_is_sent_again_is_asserted_again"]),
];

#[rustfmt::skip]
const DEVICE: &[Row] = &[
    ("3.1", Must, "the request is a form over TLS, with client authentication or the client ID", &["tests/proto/hostile/requests.rs::every_form_has_its_own_fields", "tests/proto/hostile/client_auth.rs::a_key_that_lives_elsewhere_signs_in_every_flow"]),
    ("3.2", Must, "a response without its required fields is none", &["tests/proto/hostile/device.rs::codes_that_cannot_be_shown_are_not"]),
    ("3.2", Must, "without `interval` five seconds are waited", &["tests/proto/hostile/device.rs::terms_that_make_no_sense_have_defaults_and_limits"]),
    ("3.2, 3.5", Defined, "an expired code is not polled for", &["tests/proto/hostile/device.rs::the_wait_is_over_when_the_code_is_whatever_the_clock_says", "tests/proto/hostile/device.rs::a_login_that_was_stored_goes_on_with_what_is_left_of_its_time"]),
    ("3.3", Defined, "the user sees the URL and the code; what cannot be shown safely is not", &["tests/proto/hostile/device.rs::codes_that_cannot_be_shown_are_not"]),
    ("3.3, 5.2", Defined, "the device code is kept from others", &["tests/proto/hostile/secrets.rs::no_lie_makes_anything_show_a_secret", "tests/proto/hostile/device.rs::a_device_code_is_shown_to_nobody_else"]),
    ("3.3.1", Must, "the code is shown also where there is a complete URL", &["tests/proto/hostile/device.rs::terms_that_make_no_sense_have_defaults_and_limits"]),
    ("3.4", Must, "a poll has the grant type, the device code and the client", &["tests/proto/hostile/requests.rs::every_form_has_its_own_fields"]),
    ("3.5", Must, "polls are at least `interval` apart", &["tests/proto/hostile/device.rs::terms_that_make_no_sense_have_defaults_and_limits", "tests/proto/hostile/device.rs::a_network_that_fails_is_no_reason_to_ask_sooner"]),
    ("3.5", Must, "`slow_down` adds five seconds, for this and all later polls", &["tests/proto/hostile/device.rs::each_slow_down_adds_five_seconds_for_good"]),
    ("3.5", Must, "on a time-out fewer polls are made", &["tests/proto/hostile/device.rs::a_network_that_fails_is_asked_less_and_less_but_asked"]),
    ("3.5", Must, "any other error ends it", &["tests/proto/hostile/device.rs::a_no_ends_the_wait"]),
];

#[rustfmt::skip]
const PUSHED: &[Row] = &[
    ("2", Must, "the endpoint is `https`", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("2", Must, "the client authenticates as at the token endpoint", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute", "tests/interop/peer/strong.rs::requests_are_pushed_where_the_provider_demands_it"]),
    ("2", Should, "the audience of an assertion is the issuer", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("2, 2.1", Defined, "all parameters are pushed, in a POST form", &["tests/proto/hostile/par.rs::what_is_asked_for_goes_to_the_provider_alone"]),
    ("2.1", MustNot, "`request_uri` is not pushed", &["tests/proto/hostile/par.rs::what_is_asked_for_goes_to_the_provider_alone", "tests/proto/hostile/par.rs::what_cannot_be_asked_for_is_not_pushed"]),
    ("2.2", Defined, "a response without `request_uri` is none", &["tests/proto/hostile/par.rs::without_a_usable_reference_the_browser_is_not_sent_anywhere"]),
    ("2.3", Defined, "an error is one by its status and its code", &["tests/proto/hostile/par.rs::without_a_usable_reference_the_browser_is_not_sent_anywhere"]),
    ("4", Defined, "the browser carries the client ID and the reference", &["tests/proto/hostile/par.rs::a_reference_brings_no_parameters_of_its_own"]),
    ("4", Must, "each reference is used once", &["tests/proto/hostile/par.rs::each_login_is_pushed_anew"]),
    ("5", Defined, "where the server takes pushed requests only, no other is made", &["tests/proto/hostile/par.rs::pushing_is_done_where_it_is_offered_and_not_left_out_where_it_must_be"]),
    ("7.5", Should, "PKCE and `state` are used all the same", &["tests/proto/hostile/par.rs::what_is_asked_for_goes_to_the_provider_alone"]),
];

#[rustfmt::skip]
const ISSUER: &[Row] = &[
    ("2.4", Must, "`iss` is compared with the issuer, character by character", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("2.4", Must, "another issuer's answer is refused, also an error", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up", "tests/proto/hostile/callback.rs::the_response_of_one_provider_does_not_count_at_another"]),
    ("2.4", Must, "where the server promised `iss`, a response without it is refused", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("2.4", Should, "an `iss` that was not promised is compared, and passes only if it is right: the local policy that the section allows", &["tests/proto/hostile/callback.rs::an_issuer_that_was_not_promised_is_compared_too"]),
    ("3", Defined, "the promise is read from the metadata, and is false where it is missing", &["tests/proto/hostile/callback.rs::an_issuer_that_was_not_promised_is_compared_too"]),
    ("4", Must, "a response that names several issuers is refused", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
];

#[rustfmt::skip]
const BOUND: &[Row] = &[
    ("2", Must, "bound tokens go over TLS like others", &["tests/proto/hostile/resource.rs::a_token_goes_over_tls_or_nowhere"]),
    ("4, 4.2", Must, "each request has a proof of its own, with a `jti` that is no other's", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more", "tests/proto/hostile/resource.rs::a_demand_for_a_nonce_is_met_once"]),
    ("4.1, 4.3", Must, "one `DPoP` header with one proof", &["tests/proto/hostile/resource.rs::credentials_of_another_kind_are_replaced"]),
    ("4.2, 11.6", Must, "`typ`, an asymmetric `alg`, and the public key", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more", "tests/proto/hostile/dpop.rs::a_key_has_two_halves_and_fits_its_algorithm"]),
    ("4.2", MustNot, "nothing of the private key", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more", "tests/proto/hostile/secrets.rs::a_private_key_is_seen_nowhere"]),
    ("4.2", Must, "`htm` and `htu` are the request's, without query and fragment", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more"]),
    ("4.2, 7", Must, "with an access token its hash is in the proof", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more"]),
    ("4.2", Must, "a nonce that the server gave is in the proof", &["tests/proto/hostile/dpop.rs::a_nonce_that_was_told_is_in_the_next_proof_at_once"]),
    ("5", Must, "every token request has a proof, also a refresh", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more"]),
    ("5", Must, "tokens that come as `Bearer` are not taken for bound ones", &["tests/proto/hostile/dpop.rs::tokens_that_are_not_bound_are_not_taken_and_can_be_revoked"]),
    ("5", Must, "a refresh token of a public client is used with the same key", &["tests/proto/hostile/dpop.rs::a_value_belongs_to_its_key"]),
    ("5.1", Defined, "the algorithm is one of those that the server takes", &["tests/proto/hostile/dpop.rs::an_algorithm_that_is_not_advertised_is_not_tried"]),
    ("7, 7.1", Must, "a bound token is shown by the scheme `DPoP`, with a proof", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header", "tests/proto/hostile/resource.rs::credentials_of_another_kind_are_replaced"]),
    ("7.1", Must, "parameters of a challenge that are not understood are passed over", &["src/wire/challenge.rs::challenges_are_told_apart"]),
    ("7.1", MustNot, "no proxy is shown a token", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header"]),
    ("7.3", Should, "a request that is sent again has a new proof", &["tests/proto/hostile/resource.rs::a_demand_for_a_nonce_is_met_once", "tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more"]),
    ("8", Defined, "a demand for a nonce is met by the same request with it", &["tests/proto/hostile/dpop.rs::a_nonce_that_was_told_is_in_the_next_proof_at_once", "tests/proto/hostile/dpop.rs::a_server_that_is_never_content_is_asked_twice_and_no_more"]),
    ("8.2", Must, "a new nonce takes the place of the old one, whatever answer brings it", &["tests/proto/hostile/dpop.rs::a_nonce_that_was_told_is_in_the_next_proof_at_once", "tests/proto/hostile/dpop.rs::a_nonce_is_shown_to_no_other_server"]),
    ("9", Defined, "a nonce is used at the server that gave it only", &["tests/proto/hostile/dpop.rs::a_nonce_is_shown_to_no_other_server"]),
    ("9", Defined, "a resource's demand is met in the same way", &["tests/proto/hostile/resource.rs::a_demand_for_a_nonce_is_met_once"]),
    ("10", May, "the code is bound to the key by `dpop_jkt`", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more", "src/jose/tests/keys.rs::thumbprints_are_those_of_rfc_7638"]),
    ("10.1", Must, "`dpop_jkt` is in a pushed request, and of the same key as its proof", &["tests/proto/hostile/determinism.rs::the_requests_of_a_strong_login_are_those_committed"]),
];

#[rustfmt::skip]
const STEP_UP: &[Row] = &[
    ("3", Defined, "the challenge is told apart, with `acr_values` and `max_age`", &["src/wire/challenge.rs::a_step_up_challenge_says_what_is_needed", "tests/proto/hostile/resource.rs::a_step_up_is_asked_for_and_met"]),
    ("4", Should, "what it demands can be asked for in a new login", &["tests/proto/hostile/resource.rs::a_step_up_is_asked_for_and_met"]),
    ("5", Defined, "what came of it is checked in the ID token", &["tests/proto/hostile/id_token_claims.rs::an_acr_has_to_be_one_of_those_asked_for", "tests/proto/hostile/id_token_claims.rs::a_login_that_is_too_long_ago_is_refused_when_that_was_asked"]),
];
