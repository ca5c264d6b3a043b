// The table of all error codes: name, fault, section, meaning. Part of `error.rs`; in a file of its own because it is
// read as a table.
codes! {
    // No answer
    TransportTimeout = "transport.timeout", Transport, "RFC 9110 section 9.2.2", "no answer came in time";
    TransportUnreachable = "transport.unreachable", Transport, "RFC 9110 section 4.3", "the server cannot be reached";
    TransportTls = "transport.tls", Transport, "RFC 9110 section 4.3.4", "the TLS connection failed or its certificate is not trusted";
    TransportInterrupted = "transport.interrupted", Transport, "RFC 9112 section 8", "the connection broke before the answer was complete";
    TransportRefused = "transport.refused", Transport, "RFC 9728 section 7.7", "the HTTP client refused to send the request";
    TransportCancelled = "transport.cancelled", Transport, "RFC 9110 section 9.2.2", "the request was cancelled";
    TransportOther = "transport.other", Transport, "RFC 9110", "the HTTP client failed";
    HttpServerError = "http.server_error", Transport, "RFC 9110 section 15.6", "the server failed (5xx)";
    HttpTooManyRequests = "http.too_many_requests", Transport, "RFC 6585 section 4", "the server asks to slow down (429)";

    // Any answer
    HttpRedirect = "http.redirect", Remote, "RFC 9110 section 15.4", "the endpoint answered with a redirect, which is not followed";
    HttpBodyTooLarge = "http.body_too_large", Remote, "this crate's limits", "the body is larger than allowed";
    HttpStatus = "http.status", Remote, "RFC 9110 section 15", "the status is none that this endpoint may give";
    HttpContentType = "http.content_type", Remote, "RFC 9110 section 8.3", "the content type is none that this endpoint may give";
    JsonSyntax = "json.syntax", Remote, "RFC 8259", "the body is not JSON";
    JsonTooDeep = "json.too_deep", Remote, "this crate's limits", "the JSON is nested too deeply";
    JsonDuplicateName = "json.duplicate_name", Remote, "RFC 8259 section 4", "an object has a name twice";
    JsonType = "json.type", Remote, "RFC 8259", "a value has another type than its definition says";
    JsonMissingField = "json.missing_field", Remote, "RFC 8259", "a required field is missing";

    // URLs
    UrlSyntax = "url.syntax", Local, "RFC 3986", "not an absolute URL";
    UrlScheme = "url.scheme", Local, "RFC 8414 section 2", "the URL is not https";
    UrlUserinfo = "url.userinfo", Local, "RFC 9110 section 4.2.4", "the URL holds a user name or password";
    UrlFragment = "url.fragment", Local, "RFC 6749 section 3.1", "the URL has a fragment";
    UrlQuery = "url.query", Local, "RFC 8414 section 2", "the URL has a query";

    // Discovery
    MetadataIssuerMismatch = "metadata.issuer_mismatch", Remote, "RFC 8414 section 3.3", "the metadata are another issuer's";
    MetadataMissingField = "metadata.missing_field", Remote, "RFC 8414 section 2", "the metadata lack a required field";
    MetadataUrl = "metadata.url", Remote, "RFC 8414 section 2", "a URL in the metadata is not usable";
    MetadataPkceWithoutS256 = "metadata.pkce_without_s256", Remote, "RFC 8414 section 2", "PKCE methods are advertised, but not S256";
    MetadataNotFound = "metadata.not_found", Remote, "RFC 8414 section 3", "the issuer publishes no metadata (404)";
    MetadataUnsupported = "metadata.unsupported", Remote, "OpenID Connect Discovery 1.0 section 3", "the provider does not support what this client needs";

    // Key sets
    JwksTooManyKeys = "jwks.too_many_keys", Remote, "this crate's limits", "the key set has more keys than allowed";
    JwksMissing = "jwks.missing", Remote, "OpenID Connect Discovery 1.0 section 3", "the metadata name no `jwks_uri`, and no keys were given";

    // Registration
    RegistrationUnsupported = "registration.unsupported", Remote, "RFC 7591 section 3", "the provider has no registration endpoint";
    RegistrationInvalidRedirectUri = "registration.invalid_redirect_uri", Denied, "RFC 7591 section 3.2.2", "the provider refuses a redirect URI";
    RegistrationInvalidClientMetadata = "registration.invalid_client_metadata", Denied, "RFC 7591 section 3.2.2", "the provider refuses the client metadata";
    RegistrationInvalidSoftwareStatement = "registration.invalid_software_statement", Denied, "RFC 7591 section 3.2.2", "the provider refuses the software statement";
    RegistrationUnapprovedSoftwareStatement = "registration.unapproved_software_statement", Denied, "RFC 7591 section 3.2.2", "the software statement is not approved";
    RegistrationDenied = "registration.denied", Denied, "RFC 7591 section 3.2.2", "the provider refuses the registration";
    RegistrationNoClientId = "registration.no_client_id", Remote, "RFC 7591 section 3.2.1", "the answer has no `client_id`";
    RegistrationNoSecret = "registration.no_secret", Remote, "RFC 7591 section 3.2.1", "the answer has no `client_secret`, which the authentication method needs";
    RegistrationRedirectUri = "registration.redirect_uri", Local, "RFC 7591 section 2", "a redirect URI cannot be registered";
    RegistrationClientUri = "registration.client_uri", Local, "Matrix client-server API 1.18, client metadata", "the client URI is missing, or is no https URL of a named host";
    RegistrationUri = "registration.uri", Local, "Matrix client-server API 1.18, client metadata", "a URI of the metadata is no https URL on the host of the client URI";
    RegistrationAuthMethod = "registration.auth_method", Remote, "RFC 7591 section 2", "the provider registered an authentication method that this client cannot use";

    // Authorization request
    AuthorizationRedirectUri = "authorization.redirect_uri", Local, "RFC 6749 section 3.1.2", "the redirect URI is not one of the client's";
    AuthorizationParameter = "authorization.parameter", Local, "RFC 6749 section 3.1", "a parameter that the crate sets, or one given twice";
    AuthorizationScope = "authorization.scope", Local, "RFC 6749 section 3.3", "not a scope, or more than was granted";
    AuthorizationResponseMode = "authorization.response_mode", Local, "OAuth 2.0 Multiple Response Types section 2.1", "the provider does not support the response mode";
    AuthorizationPrompt = "authorization.prompt", Local, "OpenID Connect Core 1.0 section 3.1.2.1", "`prompt=none` cannot be combined";
    AuthorizationNonceRequired = "authorization.nonce_required", Local, "RFC 9700 section 2.1.1", "the provider does not advertise PKCE, so the request needs the scope `openid`, which brings a nonce";
    ProviderMismatch = "provider.mismatch", Local, "RFC 9700 section 4.4", "the value was made for another provider";
    ClientMismatch = "client.mismatch", Local, "RFC 6749 section 4.1.3", "the value was made for another client";

    ParUnsupported = "par.unsupported", Remote, "RFC 9126 section 5", "the provider takes no pushed authorization requests";
    ParRequired = "par.required", Local, "RFC 9126 section 5", "the provider takes pushed authorization requests only";
    ParNoRequestUri = "par.no_request_uri", Remote, "RFC 9126 section 2.2", "the answer has no usable `request_uri`";

    ResourceUrl = "resource.url", Local, "RFC 6750 section 5.3", "the request does not go to a URL that tokens may be sent to";

    // Callback
    CallbackTooLarge = "callback.too_large", Remote, "this crate's limits", "the callback is larger than allowed";
    CallbackMalformed = "callback.malformed", Remote, "RFC 6749 section 4.1.2", "the callback is not a form-encoded answer";
    CallbackDuplicateParameter = "callback.duplicate_parameter", Remote, "RFC 6749 section 3.1", "a parameter of the callback stands there twice";
    CallbackStateMissing = "callback.state_missing", Remote, "RFC 6749 section 4.1.2", "the callback has no `state`";
    CallbackStateMismatch = "callback.state_mismatch", Remote, "RFC 6749 section 10.12", "the callback's `state` is not this login's";
    CallbackIssMissing = "callback.iss_missing", Remote, "RFC 9207 section 2.4", "the callback has no `iss`, which the provider promised";
    CallbackIssMismatch = "callback.iss_mismatch", Remote, "RFC 9207 section 2.4", "the callback comes from another issuer";
    CallbackCodeMissing = "callback.code_missing", Remote, "RFC 6749 section 4.1.2", "the callback has neither `code` nor `error`";
    CallbackCodeAndError = "callback.code_and_error", Remote, "RFC 6749 section 4.1.2.1", "the callback has both `code` and `error`";
    CallbackResponseMode = "callback.response_mode", Remote, "OAuth 2.0 Multiple Response Types section 2.1", "the callback came in another way than was asked for";
    CallbackRedirectUri = "callback.redirect_uri", Remote, "RFC 6749 section 3.1.2", "the callback did not come to the login's redirect URI";
    CallbackExpired = "callback.expired", Local, "RFC 6749 section 10.12", "the login was started too long ago";
    AuthorizationAccessDenied = "authorization.access_denied", Denied, "RFC 6749 section 4.1.2.1", "the user or the provider refused";
    AuthorizationLoginRequired = "authorization.login_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to log in";
    AuthorizationInteractionRequired = "authorization.interaction_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to answer something";
    AuthorizationConsentRequired = "authorization.consent_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to consent";
    AuthorizationAccountSelectionRequired = "authorization.account_selection_required", Denied, "OpenID Connect Core 1.0 section 3.1.2.6", "the user has to choose an account";
    AuthorizationInvalidRequest = "authorization.invalid_request", Denied, "RFC 6749 section 4.1.2.1", "the provider found the request invalid";
    AuthorizationInvalidScope = "authorization.invalid_scope", Denied, "RFC 6749 section 4.1.2.1", "the provider refuses the scope";
    AuthorizationUnauthorizedClient = "authorization.unauthorized_client", Denied, "RFC 6749 section 4.1.2.1", "the client may not ask for this";
    AuthorizationUnsupportedResponseType = "authorization.unsupported_response_type", Denied, "RFC 6749 section 4.1.2.1", "the provider does not do the code flow for this client";
    AuthorizationServerError = "authorization.server_error", Denied, "RFC 6749 section 4.1.2.1", "the provider met an unexpected condition";
    AuthorizationTemporarilyUnavailable = "authorization.temporarily_unavailable", Denied, "RFC 6749 section 4.1.2.1", "the provider is overloaded or under maintenance";
    AuthorizationError = "authorization.error", Denied, "RFC 6749 section 4.1.2.1", "the provider refused for a reason of its own";

    // Token endpoint
    TokenInvalidRequest = "token.invalid_request", Denied, "RFC 6749 section 5.2", "the token endpoint found the request invalid";
    TokenInvalidClient = "token.invalid_client", Denied, "RFC 6749 section 5.2", "the token endpoint does not accept the client";
    TokenInvalidGrant = "token.invalid_grant", Denied, "RFC 6749 section 5.2", "the code or refresh token is not or no longer valid";
    TokenUnauthorizedClient = "token.unauthorized_client", Denied, "RFC 6749 section 5.2", "the client may not use this grant";
    TokenUnsupportedGrantType = "token.unsupported_grant_type", Denied, "RFC 6749 section 5.2", "the provider does not support the grant";
    TokenInvalidScope = "token.invalid_scope", Denied, "RFC 6749 section 5.2", "the token endpoint refuses the scope";
    TokenError = "token.error", Denied, "RFC 6749 section 5.2", "the token endpoint refused for a reason of its own";
    TokenErrorWithSuccess = "token.error_with_success", Remote, "RFC 6749 section 5.2", "the token endpoint sent an error with a success status";
    TokenMissingAccessToken = "token.missing_access_token", Remote, "RFC 6749 section 5.1", "the answer has no `access_token`";
    TokenMalformed = "token.malformed", Remote, "RFC 6749 appendix A.12", "a token holds characters that no token may hold";
    TokenMissingType = "token.missing_type", Remote, "RFC 6749 section 5.1", "the answer has no `token_type`";
    TokenType = "token.type", Remote, "RFC 6749 section 7.1", "the token is of a type that this client does not know";
    TokenNoRefreshToken = "token.no_refresh_token", Local, "RFC 6749 section 6", "there is no refresh token";
    TokenClientAuth = "token.client_auth", Local, "RFC 6749 section 2.3", "the client's credentials do not fit its authentication method";

    // JWS: ID tokens, and every other signed answer
    JwsTooLarge = "jws.too_large", Remote, "this crate's limits", "the JWS is larger than allowed";
    JwsMalformed = "jws.malformed", Remote, "RFC 7515 section 7.1", "the JWS is not a compact JWS";
    JwsEncrypted = "jws.encrypted", Remote, "RFC 7516", "the JWS is encrypted, which was not asked for";
    JwsHeader = "jws.header", Remote, "RFC 7515 section 4", "the JWS header is not usable";
    JwsCrit = "jws.crit", Remote, "RFC 7515 section 4.1.11", "the JWS header demands an extension that is not known";
    JwsAlgorithm = "jws.algorithm", Remote, "RFC 8725 section 3.1", "the JWS is signed with an algorithm that is not allowed";
    JwsUnknownKey = "jws.unknown_key", Remote, "OpenID Connect Core 1.0 section 10.1", "the provider's keys hold none that the JWS can be signed with";
    JwsAmbiguousKey = "jws.ambiguous_key", Remote, "OpenID Connect Core 1.0 section 10.1", "the JWS names no key, and several would do";
    JwsUnusableKey = "jws.unusable_key", Remote, "RFC 7518 section 6", "the key that the JWS names is malformed, too weak or too large";
    JwsSignature = "jws.signature", Remote, "RFC 7515 section 5.2", "the signature is wrong";
    JwsNoBackend = "jws.no_backend", Local, "OpenID Connect Core 1.0 section 3.1.3.7 rule 6", "no signature backend is compiled in, and trust in TLS was not chosen";
    IdTokenTrustTlsOverHttp = "id_token.trust_tls_over_http", Local, "OpenID Connect Core 1.0 section 3.1.3.7 rule 6", "trust in TLS was chosen, but the token endpoint is not https";

    // Device grant
    DeviceUnsupported = "device.unsupported", Remote, "RFC 8628 section 4", "the provider has no device authorization endpoint";
    DeviceAnswer = "device.answer", Remote, "RFC 8628 section 3.2", "a required field of the answer is missing or not usable";
    DevicePending = "device.authorization_pending", Denied, "RFC 8628 section 3.5", "the user has not decided yet";
    DeviceSlowDown = "device.slow_down", Denied, "RFC 8628 section 3.5", "the provider was asked too often";
    DeviceDenied = "device.access_denied", Denied, "RFC 8628 section 3.5", "the user refused";
    DeviceExpired = "device.expired_token", Denied, "RFC 8628 section 3.5", "the user did not decide in time";

    // DPoP
    DpopKey = "dpop.key", Local, "RFC 9449 section 4.2", "the key cannot be used for DPoP: it is symmetric, or its public key is not known";
    DpopKeyMismatch = "dpop.key_mismatch", Local, "RFC 9449 section 5", "the value is bound to another key, or to none, than the client has";
    DpopAlgorithm = "dpop.algorithm", Remote, "RFC 9449 section 5.1", "the provider does not accept proofs by this algorithm";
    DpopNonce = "dpop.nonce", Remote, "RFC 9449 section 8", "the server demands a nonce again and again";
    DpopProof = "dpop.proof", Denied, "RFC 9449 section 5", "the server does not accept the proof";
    DpopNotBound = "dpop.not_bound", Remote, "RFC 9449 section 5", "the tokens are not bound to the client's key";

    // ID token
    IdTokenMissing = "id_token.missing", Remote, "OpenID Connect Core 1.0 section 3.1.3.3", "the scope `openid` was asked for, but no ID token came";
    IdTokenClaims = "id_token.claims", Remote, "RFC 7519 section 4", "the ID token's claims are not a JSON object of the right types";
    IdTokenDuplicateClaim = "id_token.duplicate_claim", Remote, "RFC 7519 section 4", "the ID token has a claim twice";
    IdTokenMissingClaim = "id_token.missing_claim", Remote, "OpenID Connect Core 1.0 section 2", "the ID token lacks a required claim";
    IdTokenIssuer = "id_token.issuer_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 2", "the ID token is from another issuer";
    IdTokenAudience = "id_token.audience_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 3", "the ID token is not for this client";
    IdTokenExtraAudience = "id_token.extra_audience", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 3", "the ID token is also for an audience that is not trusted";
    IdTokenAuthorizedParty = "id_token.azp_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 5", "the ID token was issued to another party";
    IdTokenExpired = "id_token.expired", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 9", "the ID token has expired";
    IdTokenIssuedInFuture = "id_token.issued_in_future", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 10", "the ID token was issued in the future";
    IdTokenTooOld = "id_token.too_old", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 10", "the ID token was issued too long ago";
    IdTokenNotYetValid = "id_token.not_yet_valid", Remote, "RFC 7519 section 4.1.5", "the ID token is not valid yet";
    IdTokenNonceMissing = "id_token.nonce_missing", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 11", "the ID token has no `nonce`";
    IdTokenNonce = "id_token.nonce_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 11", "the ID token's `nonce` is not this login's";
    IdTokenSubject = "id_token.subject", Remote, "OpenID Connect Core 1.0 section 2", "the ID token's `sub` is empty or longer than 255 characters";
    IdTokenAtHash = "id_token.at_hash_mismatch", Remote, "OpenID Connect Core 1.0 section 3.1.3.8", "the ID token's `at_hash` is not the access token's";
    IdTokenAuthTime = "id_token.auth_time", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 13", "the user logged in longer ago than was asked for";
    IdTokenAcr = "id_token.acr", Remote, "OpenID Connect Core 1.0 section 3.1.3.7 rule 12", "the login's `acr` is none of those asked for";
    IdTokenChangedClaim = "id_token.changed_claim", Remote, "OpenID Connect Core 1.0 section 12.2", "the refreshed ID token differs from the first in a claim that may not change";

    // Userinfo, revocation, logout
    UserinfoUnsupported = "userinfo.unsupported", Remote, "OpenID Connect Core 1.0 section 5.3", "the provider has no userinfo endpoint";
    UserinfoSubject = "userinfo.subject_mismatch", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer is about another user";
    UserinfoMissingSubject = "userinfo.missing_sub", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer has no `sub`";
    UserinfoUnauthorized = "userinfo.unauthorized", Denied, "RFC 6750 section 3.1", "the userinfo endpoint does not accept the access token";
    UserinfoNoSubject = "userinfo.no_subject", Local, "OpenID Connect Core 1.0 section 5.3.2", "there is no ID token to compare the userinfo answer with";
    UserinfoNotSigned = "userinfo.not_signed", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer is not signed, which was registered";
    UserinfoIssuer = "userinfo.issuer_mismatch", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the signed userinfo answer is from another issuer, or for another client";
    UserinfoSigned = "userinfo.signed", Remote, "OpenID Connect Core 1.0 section 5.3.2", "the userinfo answer is a JWT, which was not asked for";
    RevocationUnsupported = "revocation.unsupported", Remote, "RFC 7009 section 2", "the provider has no revocation endpoint";
    RevocationUnsupportedTokenType = "revocation.unsupported_token_type", Denied, "RFC 7009 section 2.2.1", "the provider does not revoke tokens of this type";
    RevocationDenied = "revocation.denied", Denied, "RFC 7009 section 2.2.1", "the provider refuses the revocation";
    EndSessionUnsupported = "end_session.unsupported", Remote, "OpenID Connect RP-Initiated Logout 1.0 section 2.1", "the provider has no end-session endpoint";
    EndSessionStateMismatch = "end_session.state_mismatch", Remote, "OpenID Connect RP-Initiated Logout 1.0 section 2", "the logout callback's `state` is missing or not this logout's";
    LogoutTokenRequest = "logout_token.request", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.5", "the logout request is no form with one `logout_token`";
    LogoutTokenType = "logout_token.type", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.4", "the logout token's `typ` is another token's";
    LogoutTokenClaims = "logout_token.claims", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.4", "the logout token's claims are not a JSON object of the right types, each once";
    LogoutTokenMissingClaim = "logout_token.missing_claim", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.4", "the logout token lacks a required claim";
    LogoutTokenIssuer = "logout_token.issuer_mismatch", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token is from another issuer";
    LogoutTokenAudience = "logout_token.audience_mismatch", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token is not for this client";
    LogoutTokenExpired = "logout_token.expired", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token has expired";
    LogoutTokenIssuedInFuture = "logout_token.issued_in_future", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token was issued in the future";
    LogoutTokenNonce = "logout_token.nonce", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token has a `nonce`, as ID tokens have";
    LogoutTokenEvent = "logout_token.event", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token is about another event";
    LogoutTokenNobody = "logout_token.nobody", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token names neither a user nor a session";
    LogoutTokenReplayed = "logout_token.replayed", Remote, "OpenID Connect Back-Channel Logout 1.0 section 2.6", "the logout token has come before";

    // The Matrix profile
    MatrixServerName = "matrix.server_name", Local, "Matrix appendices, server name", "not the name of a Matrix server";
    MatrixUserId = "matrix.user_id", Local, "Matrix appendices, user identifiers", "not a Matrix user ID";
    MatrixDeviceId = "matrix.device_id", Local, "Matrix client-server API 1.18, device ID allocation", "not a device ID that can be asked for: 10 or more unreserved characters";
    MatrixScope = "matrix.scope", Local, "Matrix client-server API 1.18, scope", "a further scope value names a device or the whole API, which the login does itself";
    MatrixUnsupported = "matrix.unsupported", Remote, "Matrix client-server API 1.18, server metadata discovery", "the homeserver has no OAuth 2.0 API";
    MatrixHomeserverMismatch = "matrix.homeserver_mismatch", Local, "Matrix client-server API 1.18, OAuth 2.0 API", "the value was made for another homeserver";
    HomeserverWellKnown = "homeserver.well_known", Remote, "Matrix client-server API 1.18, well-known URI", "the document that names the homeserver is not usable";
    HomeserverNotFound = "homeserver.not_found", Remote, "Matrix client-server API 1.18, well-known URI", "there is no homeserver at this URL";
    HomeserverVersions = "homeserver.versions", Remote, "Matrix client-server API 1.18, API versions", "the homeserver does not name the versions that it speaks";
    HomeserverUnknownToken = "homeserver.unknown_token", Denied, "Matrix client-server API 1.18, M_UNKNOWN_TOKEN", "the homeserver does not know the access token, or not any more";
    HomeserverMissingToken = "homeserver.missing_token", Local, "Matrix client-server API 1.18, M_MISSING_TOKEN", "the request went to the homeserver without an access token";
    HomeserverUserLocked = "homeserver.user_locked", Denied, "Matrix client-server API 1.18, account locking", "the account is locked";
    HomeserverDenied = "homeserver.denied", Denied, "Matrix client-server API 1.18, standard error response", "the homeserver refused for a reason of its own";
    WhoamiUserId = "whoami.user_id", Remote, "Matrix client-server API 1.18, whoami", "the homeserver does not say in whose name the access token speaks";
    WhoamiDeviceId = "whoami.device_id", Remote, "Matrix client-server API 1.18, whoami", "the homeserver names no usable device for the access token";
    WhoamiUserMismatch = "whoami.user_mismatch", Remote, "Matrix client-server API 1.18, whoami", "somebody else logged in than the user of the session";
    WhoamiDeviceMismatch = "whoami.device_mismatch", Remote, "Matrix client-server API 1.18, device ID allocation", "the access token is for another device than was asked for";

    // The session
    SessionMismatch = "session.mismatch", Local, "this crate's session", "the tokens are another user's than the session's";
    SessionEnded = "session.ended", Local, "this crate's session", "the session was logged out";
    SessionTokenRefused = "session.token_refused", Remote, "this crate's session", "the resource server refuses tokens that were just obtained";
    SessionStore = "session.store", Local, "this crate's session", "the store could not lock or load in time";
    StoreBusy = "store.busy", Local, "this crate's session stores", "another process keeps the lock";
    StoreIo = "store.io", Local, "this crate's session stores", "the file system or the server that keeps the record failed";

    // QR login
    QrCodeTooLarge = "qr.code_too_large", Remote, "this crate's limits", "the QR code, or a text in it, is larger than allowed";
    QrCodePrefix = "qr.code_prefix", Remote, "MSC4108, QR code format", "the QR code is none of a Matrix login";
    QrCodeVersion = "qr.code_version", Remote, "MSC4108, QR code format", "the QR code is of a version that is not known";
    QrCodeMode = "qr.code_mode", Remote, "MSC4108, QR code format", "the QR code is for something else than logging in";
    QrCodeTruncated = "qr.code_truncated", Remote, "MSC4108, QR code format", "the QR code ends too soon";
    QrCodeTrailing = "qr.code_trailing", Remote, "MSC4108, QR code format", "the QR code goes on after its end";
    QrCodeText = "qr.code_text", Remote, "MSC4108, QR code format", "a text in the QR code is not usable";
    QrCodeUrl = "qr.code_url", Remote, "MSC4108, QR code format", "a URL in the QR code is not usable";
    QrOtherNotSignedIn = "qr.other_not_signed_in", Remote, "MSC4108, QR code format", "the other device is not signed in either: both want to log in";
    QrOtherSignedIn = "qr.other_signed_in", Remote, "MSC4108, QR code format", "the other device is signed in already: both want to let another in";
    QrHomeserver = "qr.homeserver", Remote, "MSC4108, Login", "what should name a homeserver does not";

    QrChannelKey = "qr.channel_key", Remote, "MSC4108, Secure channel", "the other device's key is one that makes the shared secret known to all";
    QrChannelMalformed = "qr.channel_malformed", Remote, "MSC4108, Secure channel", "the message has not the form that the channel's messages have";
    QrChannelDecryption = "qr.channel_decryption", Remote, "MSC4108, Secure channel", "the message was changed, replayed or left out on the way, or is another channel's";
    QrChannelGreeting = "qr.channel_greeting", Remote, "MSC4108, Secure channel", "the other device opens the channel with other words than the protocol has";
    QrChannelExhausted = "qr.channel_exhausted", Local, "MSC4108, Secure channel", "the channel has no nonces left";
    QrCheckCodeSyntax = "qr.check_code_syntax", Local, "MSC4108, Secure channel", "a check code is two digits";
    QrCheckCode = "qr.check_code_mismatch", Denied, "MSC4108, Secure channel", "the check code is not the other device's";

    QrRendezvousUnsupported = "qr.rendezvous_unsupported", Remote, "MSC4108, Rendezvous session", "the homeserver has no rendezvous";
    QrRendezvousAnswer = "qr.rendezvous_answer", Remote, "MSC4108, Rendezvous session", "the rendezvous answers without what it has to say";
    QrRendezvousExpired = "qr.rendezvous_expired", Denied, "MSC4108, Rendezvous session", "the rendezvous has expired, or the other device ended it";
    QrRendezvousTooLarge = "qr.rendezvous_too_large", Remote, "MSC4108, Rendezvous session", "the message is larger than the rendezvous takes";
    QrRendezvousUsed = "qr.rendezvous_used", Remote, "MSC4108, Rendezvous session", "another device has used the QR code already";
    QrTimeout = "qr.timeout", Denied, "MSC4108, Rendezvous session", "the other device did not answer in time";

    QrMessage = "qr.message", Remote, "MSC4108, Login", "the other device's message has not the form that its type has";
    QrUnexpectedMessage = "qr.unexpected_message", Remote, "MSC4108, Login", "the other device sent another message than this state of the login allows";
    QrUnsupportedProtocol = "qr.unsupported_protocol", Remote, "MSC4108, Login", "the devices have no protocol in common";
    QrDeviceExists = "qr.device_exists", Remote, "MSC4108, Login", "the new device wants the ID of a device that exists already";
    QrDeviceNotFound = "qr.device_not_found", Remote, "MSC4108, Login", "the new device says that it is logged in, but the homeserver does not know it";
    QrCancelled = "qr.cancelled", Denied, "MSC4108, Login", "the user cancelled on this device, or said no";
    QrPeerCancelled = "qr.peer_cancelled", Denied, "MSC4108, Login", "the user cancelled on the other device, or said no there";
    QrPeerDeclined = "qr.peer_declined", Denied, "MSC4108, Login", "the user refused the login at the provider";
    QrPeerExpired = "qr.peer_authorization_expired", Denied, "MSC4108, Login", "the user did not allow the login at the provider in time";
    QrPeerDeviceExists = "qr.peer_device_exists", Denied, "MSC4108, Login", "the other device says that the device ID is taken";
    QrPeerDeviceNotFound = "qr.peer_device_not_found", Denied, "MSC4108, Login", "the other device did not find this device at the homeserver";
    QrPeerUnsupportedProtocol = "qr.peer_unsupported_protocol", Denied, "MSC4108, Login", "the other device does not know the protocol";
    QrPeerUnexpectedMessage = "qr.peer_unexpected_message", Denied, "MSC4108, Login", "the other device did not expect what this one sent";
    QrPeerFailure = "qr.peer_failure", Denied, "MSC4108, Login", "the other device failed for a reason of its own";

    // Stored values and the contract
    StoredMalformed = "stored.malformed", Local, "this crate's stored values", "the stored value is damaged";
    StoredVersion = "stored.version", Local, "this crate's stored values", "the stored value is from a newer version of this crate";
    StepUnexpected = "step.unexpected", Local, "this crate's contract", "the flow was given something that it does not wait for";
    StepNoTimer = "step.no_timer", Local, "this crate's contract", "the flow waits, but the driver has no timer";
    SignMissing = "sign.missing", Local, "this crate's contract", "the flow asks for a signature, but the driver has no signer";
    SignFailed = "sign.failed", Local, "RFC 7515 section 5.1", "the signer failed";
    EnvEntropy = "env.entropy", Local, "this crate's contract", "the operating system gives no entropy";
}
