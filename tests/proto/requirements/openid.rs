//! OpenID Connect: Core, Discovery, Dynamic Client Registration, RP-Initiated and Back-Channel Logout, Form Post.

use crate::requirements::Level::{Defined, May, Must, MustNot, Should};
use crate::requirements::{Row, Standard};

#[rustfmt::skip]
pub(crate) const STANDARDS: &[Standard] = &[
    Standard {
        name: "OpenID Connect Core 1.0",
        rows: CORE,
        not_done: &[
            ("3.2", "the implicit flow: RFC 9700 section 2.1.2 advises against it"),
            ("3.3", "the hybrid flow: what it adds is served by PKCE"),
            ("4", "login started by a third party: the application decides when to start a login"),
            ("5.5", "the `claims` parameter: an application can send it as one of its own; what comes is read by its own type"),
            ("5.6.2", "aggregated and distributed claims: handed to the application as they came"),
            ("5.7", "what tells users apart: the issuer and `sub` together, for the application to keep; no other claim is offered as one"),
            ("6", "request objects: a pushed request is kept from the browser without one"),
            ("7", "self-issued providers: superseded by other standards"),
            ("10.2", "encryption: a JWE where a JWS belongs is refused"),
        ],
    },
    Standard {
        name: "OpenID Connect Discovery 1.0",
        rows: DISCOVERY,
        not_done: &[("2", "finding an issuer from an e-mail address by WebFinger: the issuer is the application's to know")],
    },
    Standard {
        name: "OpenID Connect Dynamic Client Registration 1.0",
        rows: REGISTRATION,
        not_done: &[
            ("2 `jwks_uri`", "keys are sent by value: a library has no place where it could publish them"),
            ("4", "reading a registration back: RFC 7592 is not implemented"),
            ("5", "`sector_identifier_uri`: the application publishes it, and can register by hand"),
        ],
    },
    Standard { name: "OpenID Connect RP-Initiated Logout 1.0", rows: LOGOUT, not_done: &[] },
    Standard {
        name: "OpenID Connect Back-Channel Logout 1.0",
        rows: BACK_CHANNEL,
        not_done: &[
            ("2.6", "whether a session of that user is known: the application has them, and ends those that it finds"),
            ("2.8", "the status and the headers of the response: the application's server writes it"),
        ],
    },
    Standard { name: "OAuth 2.0 Form Post Response Mode", rows: FORM_POST, not_done: &[] },
];

#[rustfmt::skip]
const CORE: &[Row] = &[
    ("2", Must, "an ID token without `iss`, `sub`, `aud`, `exp` or `iat` is not one", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("2", Must, "`sub` is not longer than 255 characters", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("2", Must, "other claims of an ID token that are not understood are passed over", &["tests/proto/hostile/id_token_claims.rs::odd_claims_are_lived_with"]),
    ("2", MustNot, "an ID token with the algorithm `none` is not accepted where none was registered so, which this client never does", &["tests/proto/hostile/id_token_form.rs::a_form_that_needs_no_key_to_be_found_wrong_costs_none", "tests/proto/hostile/registration.rs::a_registration_that_cannot_be_used_is_refused"]),
    ("3.1.2", Must, "the authorization endpoint is reached over TLS", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("3.1.2.1", Must, "a request has `scope` with `openid`, `response_type`, `client_id` and `redirect_uri`", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
    ("3.1.2.1", Must, "the redirect URI is one that was registered, to the letter", &["tests/proto/hostile/misuse.rs::a_redirect_uri_is_one_and_ours"]),
    ("3.1.2.1", Defined, "`prompt=none` is not combined with another value, which would be an error", &["tests/proto/hostile/misuse.rs::what_cannot_be_asked_for_is_not_asked"]),
    ("3.1.2.1", Should, "`state` is sent, and bound to the browser's session", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart", "tests/proto/hostile/callback.rs::a_callback_belongs_to_one_login"]),
    ("3.1.2.1", Must, "`nonce` cannot be guessed", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart"]),
    ("3.1.2.1, 14", Must, "lists are words with one space between, ages are seconds", &["tests/proto/hostile/requests.rs::what_is_asked_of_the_user_is_written_as_the_standard_has_it"]),
    ("3.1.2.1, 13", Defined, "parameters of a request go by GET query or POST form", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else", "tests/proto/hostile/par.rs::what_is_asked_for_goes_to_the_provider_alone"]),
    ("3.1.2.1", Should, "`response_mode` is not sent for the mode that is the default", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
    ("3.1.2.6", Defined, "an error in place of a code is recognised, with the codes of OpenID Connect beside those of OAuth", &["tests/proto/hostile/callback.rs::a_no_is_a_denial_and_its_words_are_data"]),
    ("3.1.2.7", Must, "the response is checked as OAuth demands, in particular `state`", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("3.1.3", Must, "the token endpoint is reached over TLS", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("3.1.3.1", Must, "a client that has credentials authenticates by the method it registered", &["tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else", "tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("3.1.3.1", Must, "the code, the grant type and the redirect URI are sent in a POST form", &["tests/proto/hostile/requests.rs::a_code_is_redeemed_with_what_the_login_was_made_with"]),
    ("3.1.3.3", Must, "a response without an ID token, or of another token type, is no login", &["tests/proto/hostile/tokens.rs::tokens_that_cannot_be_used_can_be_revoked", "tests/proto/hostile/id_token_claims.rs::claims_of_another_login_are_refused"]),
    ("3.1.3.3", Should, "members of a token response that are not understood are passed over", &["tests/proto/hostile/tokens.rs::odd_answers_are_lived_with"]),
    ("3.1.3.5", Must, "the token response is checked as OAuth demands, then the ID token, then the access token", &["tests/proto/hostile/tokens.rs::a_response_that_cannot_be_used_is_refused_at_login_and_at_refresh"]),
    ("3.1.3.7 rule 1", Must, "an ID token that is encrypted is refused: that is never registered, so there is no key for it", &["tests/proto/hostile/id_token_form.rs::a_form_that_needs_no_key_to_be_found_wrong_costs_none"]),
    ("3.1.3.7 rule 2", Must, "`iss` is the issuer, exactly", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("3.1.3.7 rule 3", Must, "`aud` has this client, and nobody who is not trusted", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none", "tests/proto/hostile/id_token_claims.rs::others_are_trusted_only_by_name"]),
    ("3.1.3.7 rule 5", Should, "`azp`, if present, is this client", &["tests/proto/hostile/id_token_claims.rs::others_are_trusted_only_by_name"]),
    ("3.1.3.7 rule 6", Must, "the keys are the provider's own: one in an ID token's header, or its address, is not used", &["src/jose/tests/hostile.rs::keys_in_headers_are_not_even_read", "tests/proto/hostile/id_token_form.rs::odd_headers_are_lived_with"]),
    ("3.1.3.7 rule 6", Must, "the signature is checked with the provider's keys, unless trust in TLS was chosen by name", &["tests/proto/hostile/id_token_form.rs::a_signature_that_is_not_the_providers_is_refused", "tests/proto/hostile/misuse.rs::trust_in_tls_waives_the_signature_alone"]),
    ("3.1.3.7 rule 7", Should, "the algorithm is the one that was registered, RS256 by default, never the token's choice", &["tests/proto/hostile/id_token_form.rs::the_algorithm_is_never_the_tokens_choice"]),
    ("3.1.3.7 rule 8", Must, "a MAC is checked under this client's secret", &["tests/proto/hostile/id_token_form.rs::a_symmetric_signature_counts_only_where_it_was_registered"]),
    ("3.1.3.7 rule 9", Must, "`exp` is ahead", &["tests/proto/hostile/id_token_claims.rs::dates_are_good_to_the_second"]),
    ("3.1.3.7 rule 10", May, "an `iat` too far from now is refused", &["tests/proto/hostile/id_token_claims.rs::dates_are_good_to_the_second"]),
    ("3.1.3.7 rule 11", Must, "`nonce` is there, and is the one that was sent", &["tests/proto/hostile/id_token_claims.rs::claims_of_another_login_are_refused"]),
    ("3.1.3.7 rule 12", Should, "`acr` is one of those asked for", &["tests/proto/hostile/id_token_claims.rs::an_acr_has_to_be_one_of_those_asked_for"]),
    ("3.1.3.7 rule 13", Should, "`auth_time` is not longer ago than `max_age` allows", &["tests/proto/hostile/id_token_claims.rs::a_login_that_is_too_long_ago_is_refused_when_that_was_asked"]),
    ("3.1.3.8", May, "`at_hash`, if present, is the access token's", &["tests/proto/hostile/id_token_claims.rs::an_id_token_belongs_to_its_access_token", "src/jose/tests/verification.rs::at_hash_of_openid_connect_core"]),
    ("5.3", Must, "userinfo is asked for over TLS", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("5.3.1", Must, "the access token is sent by the scheme of its type, `Bearer` if no other was agreed on", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header"]),
    ("5.3.1", Should, "it is asked for by GET, with the token in the header", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header"]),
    ("5.3.2", Must, "`sub` is in every response, and exactly the ID token's; otherwise nothing of it is used", &["tests/proto/hostile/userinfo.rs::userinfo_of_anyone_else_or_out_of_order_is_refused"]),
    ("5.3.2", Must, "a signed response's `iss` and `aud` are this provider and this client; that they are there at all is demanded of providers since errata set 2 only, and without them they are not missed", &["tests/proto/hostile/userinfo.rs::signed_userinfo_is_this_providers_for_this_client_about_this_user"]),
    ("5.3.2", Must, "a response is JSON, or signed where that was registered", &["tests/proto/hostile/userinfo.rs::userinfo_that_has_to_be_signed_is"]),
    ("5.3.3", Defined, "an error is told by its `WWW-Authenticate` header", &["tests/proto/hostile/resource.rs::a_refusal_of_userinfo_is_told_in_the_servers_words"]),
    ("5.3.4, 16.17", Must, "the server is who its certificate says", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
    ("5.3.4", Should, "the signature of a signed response is checked", &["tests/proto/hostile/userinfo.rs::userinfo_that_has_to_be_signed_is"]),
    ("9", Must, "an assertion has `iss`, `sub`, `aud`, `jti`, `exp`; each `jti` is used once", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute", "tests/proto/hostile/client_auth.rs::a_request_that_is_sent_again_is_asserted_again"]),
    ("9", Must, "it is sent as `client_assertion`, with its type", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("10.1", Defined, "with several keys the one that `kid` names is taken", &["src/jose/tests/hostile.rs::keys_are_found_by_kid_or_because_there_is_no_other", "tests/proto/hostile/keys.rs::a_key_that_does_not_fit_the_algorithm_is_not_tried"]),
    ("10.1", Must, "what this client signs names its key, and is signed by the algorithm that was registered", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute", "tests/proto/hostile/client_auth.rs::a_client_registers_the_public_half_of_its_key_alone"]),
    ("10.1", MustNot, "symmetric signatures are nothing for public clients", &["tests/proto/hostile/id_token_form.rs::a_symmetric_signature_counts_only_where_it_was_registered"]),
    ("10.1.1", Defined, "an unknown `kid` is a reason to fetch the keys again", &["tests/proto/hostile/key_rotation.rs::rotated_keys_are_picked_up_by_one_refetch", "tests/proto/hostile/userinfo.rs::signed_userinfo_survives_a_rotation_of_keys"]),
    ("11", Must, "a request for `offline_access` has `prompt` with `consent`, unless the application decides otherwise", &["tests/proto/hostile/requests.rs::offline_access_is_asked_for_with_consent"]),
    ("12.1", Must, "a refresh is authenticated like the code", &["tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else", "tests/proto/hostile/client_auth.rs::a_key_that_lives_elsewhere_signs_in_every_flow"]),
    ("12.2", Must, "`iss` and `sub` are the first ID token's", &["tests/proto/hostile/refresh.rs::tokens_of_another_login_are_not_taken_and_can_be_revoked", "tests/proto/hostile/refresh.rs::the_claim_that_changed_is_named"]),
    ("12.2", Must, "`aud` is the first one's", &["tests/proto/hostile/refresh.rs::the_audiences_stay_the_same"]),
    ("12.2", Must, "`auth_time`, if present, is the first login's", &["tests/proto/hostile/refresh.rs::the_claim_that_changed_is_named"]),
    ("12.2", Must, "`nonce`, if present, is the first one's; none is demanded", &["tests/proto/hostile/refresh.rs::a_nonce_that_is_the_same_is_allowed", "tests/proto/hostile/refresh.rs::what_a_refresh_need_not_bring_is_kept"]),
    ("13", Defined, "parameters are form-encoded; members of JSON come as strings, numbers and so on as defined", &["src/wire/form.rs::the_writer_agrees_with_the_url_crate_and_its_own_measure", "tests/proto/hostile/tokens.rs::a_response_that_cannot_be_used_is_refused_at_login_and_at_refresh"]),
    ("13.3", Should, "what is not said is left out of JSON, not null", &["tests/proto/hostile/requests.rs::a_registration_is_json"]),
    ("14", MustNot, "strings are not normalized before they are compared", &["tests/proto/hostile/discovery.rs::a_trailing_slash_counts_in_the_comparison_and_not_in_the_address", "tests/proto/hostile/userinfo.rs::userinfo_of_anyone_else_or_out_of_order_is_refused"]),
    ("16.19", Must, "a secret that signs has at least as many bytes as its algorithm needs", &["tests/proto/hostile/client_auth.rs::a_secret_that_is_too_short_signs_nothing"]),
];

#[rustfmt::skip]
const DISCOVERY: &[Row] = &[
    ("3", Must, "`issuer` is `https`, without query or fragment", &["tests/proto/hostile/discovery.rs::an_issuer_is_a_bare_https_url"]),
    ("3", Must, "the endpoints, the algorithms and the key set that are required are there", &["tests/proto/hostile/discovery.rs::metadata_out_of_order_are_refused_and_nothing_else_is_asked"]),
    ("3", Defined, "what may be missing has its default", &["tests/proto/hostile/discovery.rs::what_may_be_missing_is_not_missed"]),
    ("3, 4.2", Defined, "metadata that are not understood are passed over", &["tests/proto/hostile/discovery.rs::unknown_fields_are_kept_for_those_who_ask"]),
    ("4.1", Must, "the document is asked for after the issuer's path, less a slash at its end", &["tests/proto/hostile/discovery.rs::a_trailing_slash_counts_in_the_comparison_and_not_in_the_address"]),
    ("4.1, 7.2", Must, "it is asked for by GET, over TLS", &["tests/proto/hostile/determinism.rs::the_requests_of_a_login_are_those_committed", "tests/proto/hostile/discovery.rs::an_issuer_is_a_bare_https_url"]),
    ("4.2", Must, "a document that is no JSON object of the right types is refused", &["tests/proto/hostile/discovery.rs::metadata_out_of_order_are_refused_and_nothing_else_is_asked"]),
    ("4.3", Must, "`issuer` is exactly the one that was asked for", &["tests/proto/hostile/discovery.rs::metadata_out_of_order_are_refused_and_nothing_else_is_asked"]),
    ("4.3", Must, "`iss` of ID tokens is that issuer", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none"]),
    ("5", MustNot, "names and values are compared code point by code point", &["tests/proto/hostile/discovery.rs::a_trailing_slash_counts_in_the_comparison_and_not_in_the_address"]),
    ("7.1, 7.2", Must, "the server's certificate is checked", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
];

#[rustfmt::skip]
const REGISTRATION: &[Row] = &[
    ("2", Must, "a native application registers a scheme of its own or `http` on a loopback address, and `https` as RFC 8252 has it; a web application `https`, also without the implicit flow", &["tests/proto/hostile/misuse.rs::a_redirect_uri_is_one_and_ours"]),
    ("2", MustNot, "private or symmetric keys are not sent", &["tests/proto/hostile/client_auth.rs::a_client_registers_the_public_half_of_its_key_alone"]),
    ("2", MustNot, "`jwks` and `jwks_uri` are not both sent", &["tests/proto/hostile/client_auth.rs::a_client_registers_the_public_half_of_its_key_alone"]),
    ("2", Must, "the grant types have the one that goes with the response type", &["tests/proto/hostile/requests.rs::a_registration_is_json"]),
    ("2", MustNot, "`none` is not registered for ID tokens, nor taken if it is answered, though it may be where only the code flow is used", &["tests/proto/hostile/registration.rs::a_registration_that_cannot_be_used_is_refused"]),
    ("3.1", Defined, "the request is a POST of JSON over TLS", &["tests/proto/hostile/requests.rs::a_registration_is_json", "tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("3.2", Must, "the response has a `client_id`, and a secret where the method needs one", &["tests/proto/hostile/registration.rs::a_registration_that_cannot_be_used_is_refused"]),
    ("3.2", Defined, "a secret is not used past its expiry", &["tests/proto/hostile/registration.rs::a_secret_that_has_expired_is_not_found"]),
    ("3.2", Defined, "what the provider registered counts, not what was asked for", &["tests/proto/hostile/registration.rs::another_algorithm_than_asked_for_is_the_only_one_then", "tests/proto/hostile/registration.rs::another_method_than_asked_for_is_followed_where_that_is_possible"]),
    ("3.3", Defined, "an error is one by its status and its code", &["tests/proto/hostile/registration.rs::a_no_counts_only_with_a_status_that_says_no"]),
];

#[rustfmt::skip]
const LOGOUT: &[Row] = &[
    ("2, 3", Should, "the ID token is sent as a hint, with the client ID", &["tests/proto/hostile/requests.rs::a_logout_names_the_session_the_client_and_the_way_back"]),
    ("2", Must, "the way back is one that was registered, and is sent with a `state`", &["tests/proto/hostile/requests.rs::a_logout_names_the_session_the_client_and_the_way_back"]),
    ("2", Defined, "the `state` that comes back is the one that was sent", &["tests/proto/hostile/userinfo.rs::only_the_response_to_this_logout_is_one"]),
    ("2.1", Must, "the endpoint is `https`", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
];

#[rustfmt::skip]
const BACK_CHANNEL: &[Row] = &[
    ("2.2", Must, "the URI that is registered has no fragment; it is `https`", &["tests/proto/hostile/registration.rs::where_a_logout_is_told_is_an_https_url"]),
    ("2.4", Must, "a logout token without `iss`, `aud`, `iat`, `exp`, `jti` or `events` is not one", &["tests/proto/hostile/logout_token.rs::what_it_says_is_checked_before_any_key_is_asked_for"]),
    ("2.4", Must, "claims and events that are not understood are passed over", &["tests/proto/hostile/logout_token.rs::what_providers_do_is_lived_with"]),
    ("2.4", MustNot, "one with a `nonce` is not accepted", &["tests/proto/hostile/logout_token.rs::what_it_says_is_checked_before_any_key_is_asked_for"]),
    ("2.5", Must, "the token comes in the form of a POST request, as `logout_token`; other parameters are passed over", &["tests/proto/hostile/logout_token.rs::a_request_is_a_form_with_one_token"]),
    ("2.6", Must, "its signature is verified, with an algorithm that ID tokens may have, and never `none`", &["tests/proto/hostile/logout_token.rs::who_signed_it_is_checked_with_keys_that_are_there_or_fetched", "tests/proto/hostile/logout_token.rs::what_it_says_is_checked_before_any_key_is_asked_for", "tests/proto/hostile/logout_token.rs::a_secret_that_was_registered_for_it_verifies"]),
    ("2.6", Must, "`iss`, `aud`, `iat` and `exp` are checked as those of ID tokens are", &["tests/proto/hostile/logout_token.rs::what_it_says_is_checked_before_any_key_is_asked_for"]),
    ("2.6", Must, "it has a `sub` or a `sid` or both, and the event of a logout", &["tests/proto/hostile/logout_token.rs::what_it_says_is_checked_before_any_key_is_asked_for", "tests/proto/hostile/logout_token.rs::what_providers_do_is_lived_with"]),
    ("2.6", May, "one that came before is told", &["tests/proto/hostile/logout_token.rs::a_token_that_comes_again_is_told_as_long_as_it_is_good"]),
];

#[rustfmt::skip]
const FORM_POST: &[Row] = &[
    ("2", Must, "the response is read from the body of a POST, however that was caused", &["tests/proto/hostile/callback.rs::a_posted_response_is_text"]),
    ("2", Defined, "it counts only where it was asked for, and the provider has it", &["tests/proto/hostile/callback.rs::a_response_counts_only_in_the_way_that_was_asked_for", "tests/proto/hostile/misuse.rs::a_response_mode_has_to_be_offered"]),
    ("2", Defined, "a posted response is checked like any other: `state` above all", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up", "tests/cli/listener.rs::a_callback_by_another_way_than_asked_for_is_wrong"]),
];
