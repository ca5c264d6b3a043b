//! OAuth 2.0 and what belongs to its core: bearer tokens, revocation, registration, PKCE, native applications, metadata,
//! best current practice.

use crate::requirements::Level::{Defined, May, Must, MustNot, Should};
use crate::requirements::{Row, Standard};

#[rustfmt::skip]
pub(crate) const STANDARDS: &[Standard] = &[
    Standard {
        name: "RFC 6749",
        rows: FRAMEWORK,
        not_done: &[
            ("3.1.2.5", "the page of the redirect URI is the application's"),
            ("4.2", "the implicit grant: RFC 9700 section 2.1.2 advises against it"),
            ("4.3", "passwords of users: RFC 9700 section 2.4 forbids them"),
            ("10.5", "TLS at the redirect URI of one's own web server: what this client registers has it; a redirect URI that was registered by hand is taken as it is"),
            ("10.13", "which browser opens the URL is the application's choice"),
        ],
    },
    Standard {
        name: "RFC 6750",
        rows: BEARER,
        not_done: &[
            ("2.2", "tokens in a form: the header does"),
            ("2.3", "tokens in a query: they end up in logs"),
            ("5.3, cookies", "no cookie is set here; what an application stores in one is its own matter"),
        ],
    },
    Standard { name: "RFC 7009", rows: REVOCATION, not_done: &[("2.3", "cross-origin calls are a matter of the application's HTTP client")] },
    Standard { name: "RFC 7591", rows: REGISTRATION, not_done: &[("2.3", "software statements: an application that has one registers by a request of its own")] },
    Standard { name: "RFC 7636", rows: PKCE, not_done: &[("4.2 `plain`", "never sent: every platform that this crate runs on has SHA-256")] },
    Standard {
        name: "RFC 8252",
        rows: NATIVE,
        not_done: &[
            ("5, 8.12", "which browser opens the URL is the application's choice; the crate hands out a URL and takes a callback"),
            ("7.1, the name of a scheme", "whether a scheme is a domain of the application's own, reversed, is for the application to know"),
            ("8.10, a redirect URI for each server", "where a server does not name itself in its response, the application gives each server another redirect URI"),
        ],
    },
    Standard { name: "RFC 8414", rows: METADATA, not_done: &[("2.1", "signed metadata: what is said in plain counts")] },
    Standard {
        name: "RFC 9700",
        rows: PRACTICE,
        not_done: &[
            ("2.1.2", "the implicit grant is not implemented"),
            ("2.4", "the password grant is not implemented"),
            ("2.2.1", "mutual TLS: sender-constrained tokens are by DPoP"),
            ("2.6, TLS at redirect URIs", "as for RFC 6749 section 10.5"),
        ],
    },
];

#[rustfmt::skip]
const FRAMEWORK: &[Row] = &[
    ("2.3", MustNot, "one request has one way of client authentication", &["tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else"]),
    ("2.3.1", Defined, "client ID and secret are form-encoded before they are joined", &["src/party/client_auth.rs::basic_credentials_are_form_encoded_first"]),
    ("2.3.1", MustNot, "credentials are never in a URL", &["tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else"]),
    ("3.1", Must, "a query that the authorization endpoint has is kept", &["tests/proto/hostile/requests.rs::what_the_endpoint_has_already_is_kept"]),
    ("3.1", MustNot, "no parameter is sent twice, nor accepted twice", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else", "tests/proto/hostile/misuse.rs::what_cannot_be_asked_for_is_not_asked", "tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("3.1.2", Must, "a redirect URI is absolute and has no fragment", &["tests/proto/hostile/misuse.rs::a_redirect_uri_is_one_and_ours"]),
    ("3.1.2.1", Should, "codes come back over TLS, by loopback, or within the device: nothing else is registered", &["tests/proto/hostile/misuse.rs::a_redirect_uri_is_one_and_ours"]),
    ("3.1.2.3", Must, "the redirect URI is in every request", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
    ("3.2", Must, "token requests are POST", &["tests/proto/hostile/requests.rs::a_code_is_redeemed_with_what_the_login_was_made_with"]),
    ("3.2", Must, "a query that the token endpoint has is kept", &["tests/proto/hostile/dpop.rs::a_proof_says_what_it_is_for_and_no_more"]),
    ("3.2", MustNot, "no parameter is sent twice", &["tests/proto/hostile/requests.rs::every_form_has_its_own_fields", "tests/proto/hostile/client_auth.rs::a_grant_brings_its_own_parameters_and_no_others"]),
    ("3.2.1", Must, "a confidential client authenticates, a public one names itself", &["tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else", "tests/proto/hostile/requests.rs::every_form_has_its_own_fields"]),
    ("3.3", Defined, "a scope is words of certain characters, case-sensitive, with a space between", &["src/token/scope.rs::scopes_are_lists_of_plain_words", "tests/proto/hostile/misuse.rs::what_cannot_be_asked_for_is_not_asked"]),
    ("3.3", Defined, "another scope than asked for is taken note of", &["tests/proto/hostile/tokens.rs::odd_answers_are_lived_with", "tests/proto/hostile/refresh.rs::a_smaller_scope_is_what_was_asked_for"]),
    ("4.1.1", Must, "a request has `response_type` and `client_id`", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
    ("4.1.2", MustNot, "a code is used once", &["tests/proto/hostile/transport.rs::no_flow_repeats_a_request_by_itself", "tests/proto/hostile/dpop.rs::a_server_that_is_never_content_is_asked_twice_and_no_more"]),
    ("4.1.2", Must, "parameters of a response that are not understood are passed over", &["tests/proto/hostile/callback.rs::odd_callbacks_are_lived_with"]),
    ("4.1.2", Must, "`state` comes back as it was sent", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("4.1.2", Defined, "no length of a code is assumed, up to a limit that is documented", &["tests/proto/hostile/callback.rs::a_callback_of_exactly_the_limit_is_read"]),
    ("4.1.2.1", Must, "an error is recognised by its code", &["tests/proto/hostile/callback.rs::a_no_is_a_denial_and_its_words_are_data"]),
    ("4.1.3", Must, "the code goes with the redirect URI that it was asked for with", &["tests/proto/hostile/requests.rs::a_code_is_redeemed_with_what_the_login_was_made_with"]),
    ("4.4", Must, "client credentials are for confidential clients only", &["tests/proto/hostile/client_auth.rs::a_client_gets_tokens_for_itself_only_by_proving_that_it_is"]),
    ("4.5", Defined, "an extension grant names its type, and brings its own parameters", &["tests/proto/hostile/client_auth.rs::a_grant_brings_its_own_parameters_and_no_others", "src/flow/grant_request.rs::doctest"]),
    ("5.1", Must, "members of a token response that are not understood are passed over", &["tests/proto/hostile/tokens.rs::odd_answers_are_lived_with"]),
    ("5.1", Must, "a response without `access_token` or `token_type` is none", &["tests/proto/hostile/tokens.rs::a_response_that_cannot_be_used_is_refused_at_login_and_at_refresh", "tests/proto/hostile/tokens.rs::tokens_that_cannot_be_used_can_be_revoked"]),
    ("5.1", Defined, "no lifetime means an unknown one", &["tests/proto/hostile/tokens.rs::a_lifetime_that_cannot_be_read_is_unknown"]),
    ("5.2", Must, "an error is one by its status and its code", &["tests/proto/hostile/tokens.rs::a_no_is_told_apart_and_its_words_are_data", "tests/proto/hostile/tokens.rs::an_error_that_says_nothing_is_no_verdict", "tests/proto/hostile/transport.rs::a_verdict_is_believed_from_a_client_error_or_in_place_of_tokens"]),
    ("6", MustNot, "a refresh asks for no more scope than was granted at first", &["tests/proto/hostile/refresh.rs::no_more_scope_is_asked_for_than_was_granted"]),
    ("6", Must, "a new refresh token takes the place of the old one", &["tests/proto/hostile/refresh.rs::what_a_refresh_need_not_bring_is_kept"]),
    ("6", Must, "a confidential client authenticates when it refreshes", &["tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else"]),
    ("7.1", MustNot, "a token of a type that is not known is not used", &["tests/proto/hostile/tokens.rs::tokens_that_cannot_be_used_can_be_revoked"]),
    ("10.3, 10.4", Must, "tokens are sent over TLS only", &["tests/proto/hostile/resource.rs::a_token_goes_over_tls_or_nowhere", "tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("10.3, 10.4", Must, "tokens are for those they are sent to alone: no redirect takes them elsewhere", &["tests/adapters/clients/scenarios.rs::a_redirect_is_handed_back_and_not_followed", "tests/proto/hostile/transport.rs::a_fault_is_named_for_what_it_is_at_every_endpoint"]),
    ("10.4", Must, "refresh tokens are shown to their issuer alone, and kept from others where they are stored", &["tests/proto/hostile/misuse.rs::nothing_is_sent_to_another_provider_or_by_another_client", "tests/cli/store.rs::only_the_owner_can_read_the_store"]),
    ("10.5, 10.8", Should, "codes are kept from others", &["tests/proto/hostile/secrets.rs::no_fault_makes_anything_show_a_secret", "tests/cli/login.rs::people_get_lines_without_secrets_too"]),
    ("10.8", MustNot, "secrets are not sent in the clear", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url", "tests/cli/failures.rs::only_https_and_only_loopback_without_it"]),
    ("10.8", Should, "`state` says nothing: it is random", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart"]),
    ("10.9", Must, "the server's certificate is checked", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
    ("10.10", Must, "what must not be guessed has at least 128 bits", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart"]),
    ("10.12", Must, "a callback is bound to the login of its browser by a value that cannot be guessed", &["tests/proto/hostile/callback.rs::a_callback_belongs_to_one_login"]),
    ("10.14", Must, "what comes from outside is data: checked, cut and escaped", &["tests/proto/hostile/callback.rs::a_no_is_a_denial_and_its_words_are_data", "tests/proto/hostile/callback.rs::what_the_provider_says_is_cut"]),
    ("10.16", Defined, "a token that was issued to somebody else does not log anyone in", &["tests/proto/hostile/id_token_claims.rs::claims_that_need_no_key_to_be_found_wrong_cost_none", "tests/proto/hostile/id_token_claims.rs::an_id_token_belongs_to_its_access_token"]),
];

#[rustfmt::skip]
const BEARER: &[Row] = &[
    ("2", MustNot, "one request shows its token in one way", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header", "tests/proto/hostile/resource.rs::credentials_of_another_kind_are_replaced"]),
    ("2.1", Should, "in the `Authorization` header", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header"]),
    ("2.1", Defined, "of characters that a header may hold", &["tests/proto/hostile/tokens.rs::a_response_that_cannot_be_used_is_refused_at_login_and_at_refresh"]),
    ("3", Defined, "a challenge is read, with parameters in any order and once each", &["src/wire/challenge.rs::challenges_are_told_apart", "tests/proto/hostile/resource.rs::challenges_are_read_as_far_as_they_make_sense"]),
    ("3.1", Should, "a token that is not good is told apart from other refusals", &["tests/proto/hostile/userinfo.rs::a_token_that_is_not_good_any_more_is_told_to_be_so"]),
    ("5.3", Must, "tokens are kept from others", &["tests/proto/hostile/secrets.rs::no_lie_makes_anything_show_a_secret", "tests/cli/store.rs::only_the_owner_can_read_the_store"]),
    ("5.3", Must, "the server's certificate is checked", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
    ("5.3", Must, "requests with tokens go over TLS", &["tests/proto/hostile/resource.rs::a_token_goes_over_tls_or_nowhere"]),
    ("5.3", Should, "tokens are not in page URLs", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header"]),
];

#[rustfmt::skip]
const REVOCATION: &[Row] = &[
    ("2", Must, "the endpoint's URL is `https`, and comes from the metadata", &["tests/proto/hostile/discovery.rs::no_endpoint_is_anything_but_an_https_url"]),
    ("2.1", Must, "the token is sent in a POST form, with the client's authentication", &["tests/proto/hostile/requests.rs::every_form_has_its_own_fields", "tests/proto/hostile/tokens.rs::a_secret_goes_where_its_method_puts_it_and_nowhere_else"]),
    ("2.2", Defined, "success is success for a token that was not valid, too; the body says nothing", &["tests/proto/hostile/userinfo.rs::a_revocation_that_fails_can_be_tried_again", "tests/proto/hostile/transport.rs::a_fault_is_named_for_what_it_is_at_every_endpoint"]),
    ("2.2.1", Defined, "after a 503 the token is taken to be there still, and the request can be repeated", &["tests/proto/hostile/userinfo.rs::a_revocation_that_fails_can_be_tried_again"]),
    ("5", Must, "the server's certificate is checked", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
];

#[rustfmt::skip]
const REGISTRATION: &[Row] = &[
    ("2", Must, "a client that uses redirects registers them", &["tests/proto/hostile/requests.rs::a_registration_is_json"]),
    ("2", MustNot, "`jwks` and `jwks_uri` are not both sent", &["tests/proto/hostile/client_auth.rs::a_client_registers_the_public_half_of_its_key_alone"]),
    ("2.1", Defined, "grant types and response types fit one another", &["tests/proto/hostile/requests.rs::a_registration_is_json"]),
    ("2.2", Should, "text for people has a value without a language", &["tests/proto/hostile/requests.rs::text_for_people_has_languages"]),
    ("3, 3.1", Must, "the request is JSON in a POST over TLS", &["tests/proto/hostile/requests.rs::a_registration_is_json"]),
    ("3.2.1", May, "what the server registered is checked for whether the client can live with it", &["tests/proto/hostile/registration.rs::another_method_than_asked_for_is_followed_where_that_is_possible", "tests/proto/hostile/registration.rs::a_registration_that_cannot_be_used_is_refused"]),
    ("3.2.2", Must, "an error is one by its status and its code", &["tests/proto/hostile/registration.rs::a_no_counts_only_with_a_status_that_says_no"]),
    ("5", Must, "the server's certificate is checked", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
];

#[rustfmt::skip]
const PKCE: &[Row] = &[
    ("4.1", Defined, "a verifier is 43 to 128 unreserved characters, for each request new ones", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart", "tests/proto/hostile/stored.rs::a_malformed_field_spoils_the_value"]),
    ("4.2", Must, "S256, since the client can", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart"]),
    ("4.3", Must, "the challenge and its method are in the request", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
    ("4.5", Must, "the verifier is in the token request", &["tests/proto/hostile/requests.rs::a_code_is_redeemed_with_what_the_login_was_made_with"]),
    ("5", Should, "both are sent to all servers, whether they know them or not", &["tests/proto/hostile/discovery.rs::without_advertised_pkce_there_is_a_nonce_or_no_login"]),
    ("7.1", Should, "a verifier has 256 bits that cannot be guessed", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart"]),
    ("7.2", MustNot, "no downgrade to `plain`, whatever the server says", &["tests/proto/hostile/discovery.rs::metadata_out_of_order_are_refused_and_nothing_else_is_asked", "tests/proto/hostile/misuse.rs::what_cannot_be_asked_for_is_not_asked"]),
];

#[rustfmt::skip]
const NATIVE: &[Row] = &[
    ("6", Must, "public clients use PKCE", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
    ("7.1", Defined, "a scheme of one's own is allowed to native applications", &["tests/proto/hostile/misuse.rs::a_redirect_uri_is_one_and_ours"]),
    ("7.3", Defined, "a loopback redirect URI stands for all ports", &["tests/proto/hostile/misuse.rs::a_loopback_redirect_uri_stands_for_all_ports", "tests/cli/login.rs::each_response_mode_comes_back_to_the_listener"]),
    ("8.3", Defined, "the listener is on a loopback address, and open while a login waits only", &["tests/cli/listener.rs::it_answers_nothing_but_the_callback_and_nobody_can_block_it", "tests/cli/failures.rs::nobody_comes_before_the_deadline"]),
    ("8.9", Should, "a callback is bound to its login by `state`", &["tests/proto/hostile/callback.rs::a_callback_belongs_to_one_login"]),
    ("8.10", Must, "the redirect URI is kept with the login, and the response has to come to it", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up", "tests/proto/hostile/stored.rs::a_login_that_was_stored_is_finished"]),
    ("8.10", Defined, "the response of another server is told apart", &["tests/proto/hostile/callback.rs::the_response_of_one_provider_does_not_count_at_another"]),
];

#[rustfmt::skip]
const METADATA: &[Row] = &[
    ("2", Must, "`issuer` is `https`, without query or fragment", &["tests/proto/hostile/discovery.rs::an_issuer_is_a_bare_https_url"]),
    ("2, 3.2", Defined, "metadata that are not understood are passed over; what is missing has its default", &["tests/proto/hostile/discovery.rs::what_may_be_missing_is_not_missed", "tests/proto/hostile/discovery.rs::unknown_fields_are_kept_for_those_who_ask"]),
    ("3, 3.1", Must, "the document is asked for over TLS, by GET", &["tests/proto/hostile/determinism.rs::the_requests_of_a_login_are_those_committed"]),
    ("3, 3.1", Must, "the well-known name stands between host and path, less a slash at its end", &["tests/proto/hostile/discovery.rs::the_other_document_is_asked_for_only_where_there_is_none_of_the_first_kind"]),
    ("3.2", Must, "the response is JSON", &["tests/proto/hostile/transport.rs::a_fault_is_named_for_what_it_is_at_every_endpoint"]),
    ("3.3, 6.2", Must, "`issuer` is exactly the one that was asked for; otherwise nothing of it is used", &["tests/proto/hostile/discovery.rs::metadata_out_of_order_are_refused_and_nothing_else_is_asked"]),
    ("4", MustNot, "strings are not normalized before they are compared", &["tests/proto/hostile/discovery.rs::a_trailing_slash_counts_in_the_comparison_and_not_in_the_address"]),
    ("6.1, 6.2", Must, "the server's certificate is checked", &["tests/adapters/clients/tls.rs::a_private_authority_is_trusted_if_named_and_then_no_other"]),
];

#[rustfmt::skip]
const PRACTICE: &[Row] = &[
    ("2.1, 4.11.1", MustNot, "the client is no open redirector: a callback leads nowhere", &["tests/cli/listener.rs::it_answers_nothing_but_the_callback_and_nobody_can_block_it"]),
    ("2.1", Must, "a callback that was not asked for is refused", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("2.1", Must, "with several servers the response of one does not count at another", &["tests/proto/hostile/callback.rs::the_response_of_one_provider_does_not_count_at_another"]),
    ("2.1.1", Must, "PKCE or a nonce binds the code to this login; public clients use PKCE", &["tests/proto/hostile/discovery.rs::without_advertised_pkce_there_is_a_nonce_or_no_login", "tests/proto/hostile/requests.rs::a_login_without_openid_has_pkce_and_no_nonce"]),
    ("2.1.1", Must, "challenge and nonce are for one transaction, and bound to its browser", &["tests/proto/hostile/requests.rs::state_nonce_and_verifier_are_fresh_long_and_apart"]),
    ("2.1.1", Should, "the challenge does not show the verifier", &["tests/proto/hostile/requests.rs::a_code_is_redeemed_with_what_the_login_was_made_with"]),
    ("2.2.2, 4.14.2", Must, "refresh tokens of public clients are rotated or bound: both work", &["tests/proto/hostile/refresh.rs::a_lost_response_is_asked_for_again_with_the_same_token_where_the_provider_allows_it", "tests/proto/hostile/dpop.rs::a_value_belongs_to_its_key"]),
    ("2.3", Should, "tokens can be asked for with less scope", &["tests/proto/hostile/refresh.rs::a_smaller_scope_is_what_was_asked_for"]),
    ("2.5", Should, "authentication by an asymmetric key is there", &["tests/proto/hostile/client_auth.rs::an_assertion_is_for_one_provider_one_request_and_one_minute"]),
    ("2.6", Should, "the metadata of the server are used, not endpoints written down by hand", &["src/flow/server_metadata_fetch.rs::doctest"]),
    ("4.3.2", MustNot, "access tokens are not in a query", &["tests/proto/hostile/requests.rs::an_access_token_is_shown_in_one_header"]),
    ("4.4.2", Must, "the issuer that was asked is kept with each login", &["tests/proto/hostile/callback.rs::the_response_of_one_provider_does_not_count_at_another", "tests/proto/hostile/misuse.rs::nothing_is_sent_to_another_provider_or_by_another_client"]),
    ("4.4.2.1", Must, "the issuer of a response is compared with it", &["tests/proto/hostile/callback.rs::a_forged_callback_is_refused_and_does_not_use_the_login_up"]),
    ("4.5.3.1", Defined, "a code of another login is not accepted", &["tests/interop/peer/login.rs::a_code_is_spent_once_and_only_with_its_verifier"]),
    ("4.5.3.2", Must, "`nonce` is checked, and until then no token is used", &["tests/proto/hostile/id_token_claims.rs::claims_of_another_login_are_refused", "tests/proto/hostile/tokens.rs::tokens_that_cannot_be_used_can_be_revoked"]),
    ("4.7.1", Must, "where the server may not do PKCE, `state` and `nonce` protect all the same", &["tests/proto/hostile/discovery.rs::without_advertised_pkce_there_is_a_nonce_or_no_login"]),
    ("4.8.2", Defined, "a challenge is sent always, so that a code without one is not ours", &["tests/proto/hostile/requests.rs::an_authorization_request_has_what_it_must_and_nothing_else"]),
];
