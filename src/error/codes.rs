//! The table of error codes: name, fault, section, meaning. The codes of a profile are in its own room.

use super::code::codes;

codes! {
    CODES:
    // No answer
    TRANSPORT_TIMEOUT = "transport.timeout", Transport, "RFC 9110 section 9.2.2", "no answer came in time";
    TRANSPORT_UNREACHABLE = "transport.unreachable", Transport, "RFC 9110 section 4.3", "the server cannot be reached";
    TRANSPORT_TLS = "transport.tls", Transport, "RFC 9110 section 4.3.4", "the TLS connection failed or its certificate is not trusted";
    TRANSPORT_INTERRUPTED = "transport.interrupted", Transport, "RFC 9112 section 8", "the connection broke before the answer was complete";
    TRANSPORT_REFUSED = "transport.refused", Transport, "RFC 9728 section 7.7", "the HTTP client refused to send the request";
    TRANSPORT_CANCELLED = "transport.cancelled", Transport, "RFC 9110 section 9.2.2", "the request was cancelled";
    TRANSPORT_OTHER = "transport.other", Transport, "RFC 9110", "the HTTP client failed";
    HTTP_SERVER_ERROR = "http.server_error", Transport, "RFC 9110 section 15.6", "the server failed (5xx)";
    HTTP_TOO_MANY_REQUESTS = "http.too_many_requests", Transport, "RFC 6585 section 4", "the server asks to slow down (429)";

    // Any answer
    HTTP_REDIRECT = "http.redirect", Remote, "RFC 9110 section 15.4", "the endpoint answered with a redirect, which is not followed";
    HTTP_BODY_TOO_LARGE = "http.body_too_large", Remote, "this crate's limits", "the body is larger than allowed";
    HTTP_STATUS = "http.status", Remote, "RFC 9110 section 15", "the status is none that this endpoint may give";
    HTTP_CONTENT_TYPE = "http.content_type", Remote, "RFC 9110 section 8.3", "the content type is none that this endpoint may give";
    JSON_SYNTAX = "json.syntax", Remote, "RFC 8259", "the body is not JSON";
    JSON_TOO_DEEP = "json.too_deep", Remote, "this crate's limits", "the JSON is nested too deeply";
    JSON_DUPLICATE_NAME = "json.duplicate_name", Remote, "RFC 8259 section 4", "an object has a name twice";
    JSON_TYPE = "json.type", Remote, "RFC 8259", "a value has another type than its definition says";
    JSON_MISSING_FIELD = "json.missing_field", Remote, "RFC 8259", "a required field is missing";

    // URLs
    URL_SYNTAX = "url.syntax", Local, "RFC 3986", "not an absolute URL";
    URL_SCHEME = "url.scheme", Local, "RFC 8414 section 2", "the URL is not https";
    URL_USERINFO = "url.userinfo", Local, "RFC 9110 section 4.2.4", "the URL holds a user name or password";
    URL_FRAGMENT = "url.fragment", Local, "RFC 6749 section 3.1", "the URL has a fragment";
    URL_QUERY = "url.query", Local, "RFC 8414 section 2", "the URL has a query";

    // Discovery
    METADATA_ISSUER_MISMATCH = "metadata.issuer_mismatch", Remote, "RFC 8414 section 3.3", "the metadata are another issuer's";
    METADATA_MISSING_FIELD = "metadata.missing_field", Remote, "RFC 8414 section 2", "the metadata lack a required field";
    METADATA_URL = "metadata.url", Remote, "RFC 8414 section 2", "a URL in the metadata is not usable";
    METADATA_PKCE_WITHOUT_S256 = "metadata.pkce_without_s256", Remote, "RFC 8414 section 2", "PKCE methods are advertised, but not S256";
    METADATA_NOT_FOUND = "metadata.not_found", Remote, "RFC 8414 section 3", "the issuer publishes no metadata (404)";
    METADATA_UNSUPPORTED = "metadata.unsupported", Remote, "OpenID Connect Discovery 1.0 section 3", "the provider does not support what this client needs";

    // Key sets
    JWKS_TOO_MANY_KEYS = "jwks.too_many_keys", Remote, "this crate's limits", "the key set has more keys than allowed";
    JWKS_MISSING = "jwks.missing", Remote, "OpenID Connect Discovery 1.0 section 3", "the metadata name no `jwks_uri`, and no keys were given";

    // Registration
    REGISTRATION_UNSUPPORTED = "registration.unsupported", Remote, "RFC 7591 section 3", "the provider has no registration endpoint";
    REGISTRATION_INVALID_REDIRECT_URI = "registration.invalid_redirect_uri", Denied, "RFC 7591 section 3.2.2", "the provider refuses a redirect URI";
    REGISTRATION_INVALID_CLIENT_METADATA = "registration.invalid_client_metadata", Denied, "RFC 7591 section 3.2.2", "the provider refuses the client metadata";
    REGISTRATION_INVALID_SOFTWARE_STATEMENT = "registration.invalid_software_statement", Denied, "RFC 7591 section 3.2.2", "the provider refuses the software statement";
    REGISTRATION_UNAPPROVED_SOFTWARE_STATEMENT = "registration.unapproved_software_statement", Denied, "RFC 7591 section 3.2.2", "the software statement is not approved";
    REGISTRATION_DENIED = "registration.denied", Denied, "RFC 7591 section 3.2.2", "the provider refuses the registration";
    REGISTRATION_NO_CLIENT_ID = "registration.no_client_id", Remote, "RFC 7591 section 3.2.1", "the answer has no `client_id`";
    REGISTRATION_NO_SECRET = "registration.no_secret", Remote, "RFC 7591 section 3.2.1", "the answer has no `client_secret`, which the authentication method needs";
    REGISTRATION_REDIRECT_URI = "registration.redirect_uri", Local, "RFC 7591 section 2", "a redirect URI cannot be registered";
    REGISTRATION_CLIENT_URI = "registration.client_uri", Local, "Matrix client-server API 1.18, client metadata", "the client URI is missing, or is no https URL of a named host";
    REGISTRATION_URI = "registration.uri", Local, "Matrix client-server API 1.18, client metadata", "a URI of the metadata is no https URL on the host of the client URI";
    REGISTRATION_AUTH_METHOD = "registration.auth_method", Remote, "RFC 7591 section 2", "the provider registered an authentication method that this client cannot use";

    // Authorization request
    AUTHORIZATION_REDIRECT_URI = "authorization.redirect_uri", Local, "RFC 6749 section 3.1.2", "the redirect URI is not one of the client's";
    AUTHORIZATION_PARAMETER = "authorization.parameter", Local, "RFC 6749 section 3.1", "a parameter that the crate sets, or one given twice";
    AUTHORIZATION_SCOPE = "authorization.scope", Local, "RFC 6749 section 3.3", "not a scope, or more than was granted";
    AUTHORIZATION_RESPONSE_MODE = "authorization.response_mode", Local, "OAuth 2.0 Multiple Response Types section 2.1", "the provider does not support the response mode";
    AUTHORIZATION_PROMPT = "authorization.prompt", Local, "OpenID Connect Core 1.0 section 3.1.2.1", "`prompt=none` cannot be combined";
    AUTHORIZATION_NONCE_REQUIRED = "authorization.nonce_required", Local, "RFC 9700 section 2.1.1", "the provider does not advertise PKCE, so the request needs the scope `openid`, which brings a nonce";
    PROVIDER_MISMATCH = "provider.mismatch", Local, "RFC 9700 section 4.4", "the value was made for another provider";
    CLIENT_MISMATCH = "client.mismatch", Local, "RFC 6749 section 4.1.3", "the value was made for another client";

    PAR_UNSUPPORTED = "par.unsupported", Remote, "RFC 9126 section 5", "the provider takes no pushed authorization requests";
    PAR_REQUIRED = "par.required", Local, "RFC 9126 section 5", "the provider takes pushed authorization requests only";
    PAR_NO_REQUEST_URI = "par.no_request_uri", Remote, "RFC 9126 section 2.2", "the answer has no usable `request_uri`";

    RESOURCE_URL = "resource.url", Local, "RFC 6750 section 5.3", "the request does not go to a URL that tokens may be sent to";

    // Callback
    CALLBACK_TOO_LARGE = "callback.too_large", Remote, "this crate's limits", "the callback is larger than allowed";
    CALLBACK_MALFORMED = "callback.malformed", Remote, "RFC 6749 section 4.1.2", "the callback is not a form-encoded answer";
    CALLBACK_DUPLICATE_PARAMETER = "callback.duplicate_parameter", Remote, "RFC 6749 section 3.1", "a parameter of the callback stands there twice";
    CALLBACK_STATE_MISSING = "callback.state_missing", Remote, "RFC 6749 section 4.1.2", "the callback has no `state`";
    CALLBACK_STATE_MISMATCH = "callback.state_mismatch", Remote, "RFC 6749 section 10.12", "the callback's `state` is not this login's";
    CALLBACK_ISS_MISSING = "callback.iss_missing", Remote, "RFC 9207 section 2.4", "the callback has no `iss`, which the provider promised";
    CALLBACK_ISS_MISMATCH = "callback.iss_mismatch", Remote, "RFC 9207 section 2.4", "the callback comes from another issuer";
    CALLBACK_CODE_MISSING = "callback.code_missing", Remote, "RFC 6749 section 4.1.2", "the callback has neither `code` nor `error`";
    CALLBACK_CODE_AND_ERROR = "callback.code_and_error", Remote, "RFC 6749 section 4.1.2.1", "the callback has both `code` and `error`";
    CALLBACK_RESPONSE_MODE = "callback.response_mode", Remote, "OAuth 2.0 Multiple Response Types section 2.1", "the callback came in another way than was asked for";
    CALLBACK_REDIRECT_URI = "callback.redirect_uri", Remote, "RFC 6749 section 3.1.2", "the callback did not come to the login's redirect URI";
    CALLBACK_EXPIRED = "callback.expired", Local, "RFC 6749 section 10.12", "the login was started too long ago";
    AUTHORIZATION_ACCESS_DENIED = "authorization.access_denied", Denied, "RFC 6749 section 4.1.2.1", "the user or the provider refused";
    AUTHORIZATION_LOGIN_REQUIRED = "authorization.login_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to log in";
    AUTHORIZATION_INTERACTION_REQUIRED = "authorization.interaction_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to answer something";
    AUTHORIZATION_CONSENT_REQUIRED = "authorization.consent_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to consent";
    AUTHORIZATION_ACCOUNT_SELECTION_REQUIRED = "authorization.account_selection_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to choose an account";
    AUTHORIZATION_INVALID_REQUEST = "authorization.invalid_request", Denied, "RFC 6749 section 4.1.2.1", "the provider found the request invalid";
    AUTHORIZATION_INVALID_SCOPE = "authorization.invalid_scope", Denied, "RFC 6749 section 4.1.2.1", "the provider refuses the scope";
    AUTHORIZATION_UNAUTHORIZED_CLIENT = "authorization.unauthorized_client", Denied, "RFC 6749 section 4.1.2.1", "the client may not ask for this";
    AUTHORIZATION_UNSUPPORTED_RESPONSE_TYPE = "authorization.unsupported_response_type", Denied, "RFC 6749 section 4.1.2.1", "the provider does not do the code flow for this client";
    AUTHORIZATION_SERVER_ERROR = "authorization.server_error", Denied, "RFC 6749 section 4.1.2.1", "the provider met an unexpected condition";
    AUTHORIZATION_TEMPORARILY_UNAVAILABLE = "authorization.temporarily_unavailable", Denied, "RFC 6749 section 4.1.2.1", "the provider is overloaded or under maintenance";
    AUTHORIZATION_ERROR = "authorization.error", Denied, "RFC 6749 section 4.1.2.1", "the provider refused for a reason of its own";

    // Token endpoint
    TOKEN_INVALID_REQUEST = "token.invalid_request", Denied, "RFC 6749 section 5.2", "the token endpoint found the request invalid";
    TOKEN_INVALID_CLIENT = "token.invalid_client", Denied, "RFC 6749 section 5.2", "the token endpoint does not accept the client";
    TOKEN_INVALID_GRANT = "token.invalid_grant", Denied, "RFC 6749 section 5.2", "the code or refresh token is not or no longer valid";
    TOKEN_UNAUTHORIZED_CLIENT = "token.unauthorized_client", Denied, "RFC 6749 section 5.2", "the client may not use this grant";
    TOKEN_UNSUPPORTED_GRANT_TYPE = "token.unsupported_grant_type", Denied, "RFC 6749 section 5.2", "the provider does not support the grant";
    TOKEN_INVALID_SCOPE = "token.invalid_scope", Denied, "RFC 6749 section 5.2", "the token endpoint refuses the scope";
    TOKEN_ERROR = "token.error", Denied, "RFC 6749 section 5.2", "the token endpoint refused for a reason of its own";
    TOKEN_ERROR_WITH_SUCCESS = "token.error_with_success", Remote, "RFC 6749 section 5.2", "the token endpoint sent an error with a success status";
    TOKEN_MISSING_ACCESS_TOKEN = "token.missing_access_token", Remote, "RFC 6749 section 5.1", "the answer has no `access_token`";
    TOKEN_MALFORMED = "token.malformed", Remote, "RFC 6749 appendix A.12", "a token holds characters that no token may hold";
    TOKEN_MISSING_TYPE = "token.missing_type", Remote, "RFC 6749 section 5.1", "the answer has no `token_type`";
    TOKEN_TYPE = "token.type", Remote, "RFC 6749 section 7.1", "the token is of a type that this client does not know";
    TOKEN_NO_REFRESH_TOKEN = "token.no_refresh_token", Local, "RFC 6749 section 6", "there is no refresh token";
    TOKEN_CLIENT_AUTH = "token.client_auth", Local, "RFC 6749 section 2.3", "the client's credentials do not fit its authentication method";

    // JWS: ID tokens, and every other signed answer
    JWS_TOO_LARGE = "jws.too_large", Remote, "this crate's limits", "the JWS is larger than allowed";
    JWS_MALFORMED = "jws.malformed", Remote, "RFC 7515 section 7.1", "the JWS is not a compact JWS";
    JWS_ENCRYPTED = "jws.encrypted", Remote, "RFC 7516", "the JWS is encrypted, which was not asked for";
    JWS_HEADER = "jws.header", Remote, "RFC 7515 section 4", "the JWS header is not usable";
    JWS_CRIT = "jws.crit", Remote, "RFC 7515 section 4.1.11", "the JWS header demands an extension that is not known";
    JWS_ALGORITHM = "jws.algorithm", Remote, "RFC 8725 section 3.1", "the JWS is signed with an algorithm that is not allowed";
    JWS_UNKNOWN_KEY = "jws.unknown_key", Remote, "OpenID Connect Core 1.0 section 10.1", "the provider's keys hold none that the JWS can be signed with";
    JWS_AMBIGUOUS_KEY = "jws.ambiguous_key", Remote, "OpenID Connect Core 1.0 section 10.1", "the JWS names no key, and several would do";
    JWS_UNUSABLE_KEY = "jws.unusable_key", Remote, "RFC 7518 section 6", "the key that the JWS names is malformed, too weak or too large";
    JWS_SIGNATURE = "jws.signature", Remote, "RFC 7515 section 5.2", "the signature is wrong";
    JWS_NO_BACKEND = "jws.no_backend", Local, "OpenID Connect Core 1.0 section 3.1.3.7 rule 6", "no signature backend is compiled in, and trust in TLS was not chosen";
    ID_TOKEN_TRUST_TLS_OVER_HTTP = "id_token.trust_tls_over_http", Local, "OpenID Connect Core 1.0 section 3.1.3.7 rule 6", "trust in TLS was chosen, but the token endpoint is not https";

    // Device grant
    DEVICE_UNSUPPORTED = "device.unsupported", Remote, "RFC 8628 section 4", "the provider has no device authorization endpoint";
    DEVICE_ANSWER = "device.answer", Remote, "RFC 8628 section 3.2", "a required field of the answer is missing or not usable";
    DEVICE_AUTHORIZATION_PENDING = "device.authorization_pending", Denied, "RFC 8628 section 3.5", "the user has not decided yet";
    DEVICE_SLOW_DOWN = "device.slow_down", Denied, "RFC 8628 section 3.5", "the provider was asked too often";
    DEVICE_ACCESS_DENIED = "device.access_denied", Denied, "RFC 8628 section 3.5", "the user refused";
    DEVICE_EXPIRED_TOKEN = "device.expired_token", Denied, "RFC 8628 section 3.5", "the user did not decide in time";

    // DPoP
    DPOP_KEY = "dpop.key", Local, "RFC 9449 section 4.2", "the key cannot be used for DPoP: it is symmetric, or its public key is not known";
    DPOP_KEY_MISMATCH = "dpop.key_mismatch", Local, "RFC 9449 section 5", "the value is bound to another key, or to none, than the client has";
    DPOP_ALGORITHM = "dpop.algorithm", Remote, "RFC 9449 section 5.1", "the provider does not accept proofs by this algorithm";
    DPOP_NONCE = "dpop.nonce", Remote, "RFC 9449 section 8", "the server demands a nonce again and again";
    DPOP_PROOF = "dpop.proof", Denied, "RFC 9449 section 5", "the server does not accept the proof";
    DPOP_NOT_BOUND = "dpop.not_bound", Remote, "RFC 9449 section 5", "the tokens are not bound to the client's key";

    // ID token
    ID_TOKEN_MISSING = "id_token.missing", Remote, "OpenID Connect Core 1.0 section 3.1.3.3", "the scope `openid` was asked for, but no ID token came";
    ID_TOKEN_CLAIMS = "id_token.claims", Remote, "RFC 7519 section 4", "the ID token's claims are not a JSON object of the right types";
    ID_TOKEN_DUPLICATE_CLAIM = "id_token.duplicate_claim", Remote, "RFC 7519 section 4", "the ID token has a claim twice";
    ID_TOKEN_MISSING_CLAIM = "id_token.missing_claim", Remote, "OpenID Connect Core 1.0 section 2", "the ID token lacks a required claim";
    ID_TOKEN_ISSUER_MISMATCH = "id_token.issuer_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 2", "the ID token is from another issuer";
    ID_TOKEN_AUDIENCE_MISMATCH = "id_token.audience_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 3", "the ID token is not for this client";
    ID_TOKEN_EXTRA_AUDIENCE = "id_token.extra_audience", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 3", "the ID token is also for an audience that is not trusted";
    ID_TOKEN_AZP_MISMATCH = "id_token.azp_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 5", "the ID token was issued to another party";
    ID_TOKEN_EXPIRED = "id_token.expired", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 9", "the ID token has expired";
    ID_TOKEN_ISSUED_IN_FUTURE = "id_token.issued_in_future", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 10", "the ID token was issued in the future";
    ID_TOKEN_TOO_OLD = "id_token.too_old", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 10", "the ID token was issued too long ago";
    ID_TOKEN_NOT_YET_VALID = "id_token.not_yet_valid", Remote, "RFC 7519 section 4.1.5", "the ID token is not valid yet";
    ID_TOKEN_NONCE_MISSING = "id_token.nonce_missing", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 11", "the ID token has no `nonce`";
    ID_TOKEN_NONCE_MISMATCH = "id_token.nonce_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 11", "the ID token's `nonce` is not this login's";
    ID_TOKEN_SUBJECT = "id_token.subject", Remote, "OpenID Connect Core 1.0 section 2", "the ID token's `sub` is empty or longer than 255 characters";
    ID_TOKEN_AT_HASH_MISMATCH = "id_token.at_hash_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.8", "the ID token's `at_hash` is not the access token's";
    ID_TOKEN_AUTH_TIME = "id_token.auth_time", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 13", "the user logged in longer ago than was asked for";
    ID_TOKEN_ACR = "id_token.acr", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 12", "the login's `acr` is none of those asked for";
    ID_TOKEN_CHANGED_CLAIM = "id_token.changed_claim", Remote, "OpenID Connect Core 1.0 section 12.2", "the refreshed ID token differs from the first in a claim that may not change";

    // Userinfo, revocation, logout
    USERINFO_UNSUPPORTED = "userinfo.unsupported", Remote, "OpenID Connect Core 1.0 section 5.3", "the provider has no userinfo endpoint";
    USERINFO_SUBJECT_MISMATCH = "userinfo.subject_mismatch", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer is about another user";
    USERINFO_MISSING_SUB = "userinfo.missing_sub", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer has no `sub`";
    USERINFO_UNAUTHORIZED = "userinfo.unauthorized", Denied, "RFC 6750 section 3.1", "the userinfo endpoint does not accept the access token";
    USERINFO_NO_SUBJECT = "userinfo.no_subject", Local, "OpenID Connect Core 1.0 section 5.3.2", "there is no ID token to compare the userinfo answer with";
    USERINFO_NOT_SIGNED = "userinfo.not_signed", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer is not signed, which was registered";
    USERINFO_ISSUER_MISMATCH = "userinfo.issuer_mismatch", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the signed userinfo answer is from another issuer, or for another client";
    USERINFO_SIGNED = "userinfo.signed", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer is a JWT, which was not asked for";
    REVOCATION_UNSUPPORTED = "revocation.unsupported", Remote, "RFC 7009 section 2", "the provider has no revocation endpoint";
    REVOCATION_UNSUPPORTED_TOKEN_TYPE = "revocation.unsupported_token_type", Denied, "RFC 7009 section 2.2.1", "the provider does not revoke tokens of this type";
    REVOCATION_DENIED = "revocation.denied", Denied, "RFC 7009 section 2.2.1", "the provider refuses the revocation";
    END_SESSION_UNSUPPORTED = "end_session.unsupported", Remote, "OpenID Connect RP-Initiated Logout 1.0 section 2.1", "the provider has no end-session endpoint";
    END_SESSION_STATE_MISMATCH = "end_session.state_mismatch", Remote, "OpenID Connect RP-Initiated Logout 1.0 section 2", "the logout callback's `state` is missing or not this logout's";
    LOGOUT_TOKEN_REQUEST = "logout_token.request", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.5", "the logout request is no form with one `logout_token`";
    LOGOUT_TOKEN_TYPE = "logout_token.type", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.4", "the logout token's `typ` is another token's";
    LOGOUT_TOKEN_CLAIMS = "logout_token.claims", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.4", "the logout token's claims are not a JSON object of the right types, each once";
    LOGOUT_TOKEN_MISSING_CLAIM = "logout_token.missing_claim", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.4", "the logout token lacks a required claim";
    LOGOUT_TOKEN_ISSUER_MISMATCH = "logout_token.issuer_mismatch", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token is from another issuer";
    LOGOUT_TOKEN_AUDIENCE_MISMATCH = "logout_token.audience_mismatch", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token is not for this client";
    LOGOUT_TOKEN_EXPIRED = "logout_token.expired", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token has expired";
    LOGOUT_TOKEN_ISSUED_IN_FUTURE = "logout_token.issued_in_future", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token was issued in the future";
    LOGOUT_TOKEN_NONCE = "logout_token.nonce", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token has a `nonce`, as ID tokens have";
    LOGOUT_TOKEN_EVENT = "logout_token.event", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token is about another event";
    LOGOUT_TOKEN_NOBODY = "logout_token.nobody", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token names neither a user nor a session";
    LOGOUT_TOKEN_REPLAYED = "logout_token.replayed", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token has come before";

    // The session
    SESSION_MISMATCH = "session.mismatch", Local, "this crate's session", "the tokens are another user's than the session's";
    SESSION_ENDED = "session.ended", Local, "this crate's session", "the session was logged out";
    SESSION_TOKEN_REFUSED = "session.token_refused", Remote, "this crate's session", "the resource server refuses tokens that were just obtained";
    SESSION_STORE = "session.store", Local, "this crate's session", "the store did not do in time what it was asked for";
    STORE_BUSY = "store.busy", Local, "this crate's session stores", "another process keeps the lock";
    STORE_CONFLICT = "store.conflict", Local, "this crate's session stores", "the store holds another record than was expected";
    STORE_IO = "store.io", Local, "this crate's session stores", "the file system or the server that keeps the record failed";

    // Stored values and the contract
    STORED_MALFORMED = "stored.malformed", Local, "this crate's stored values", "the stored value is damaged";
    STORED_VERSION = "stored.version", Local, "this crate's stored values", "the stored value is from a newer version of this crate";
    STEP_UNEXPECTED = "step.unexpected", Local, "this crate's contract", "the flow was given something that it does not wait for";
    STEP_NO_TIMER = "step.no_timer", Local, "this crate's contract", "the flow waits, but the driver has no timer";
    KEY_REFUSED = "key.refused", Local, "this crate's contract", "the key store refused to use the key";
    KEY_UNSUPPORTED = "key.unsupported", Local, "this crate's contract", "the key store does not support the operation, or the driver has no key store";
    KEY_OUTPUT = "key.output", Local, "this crate's contract", "the key store returned another kind of output than the operation has";
    SIGN_FAILED = "sign.failed", Local, "RFC 7515 section 5.1", "the signer failed";
    ENV_ENTROPY = "env.entropy", Local, "this crate's contract", "the operating system gives no entropy";
}
