//! Codes of the token endpoint, of the device grant and of DPoP.

use crate::error::code::codes;

codes! {
    CODES:
    // Token endpoint
    TOKEN_INVALID_REQUEST = "token.invalid_request", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 5.2",
        "the provider calls the token request invalid", "A parameter is missing, not allowed or repeated.",
        "Correct the parameter that the provider's error description names; if there is none, look at the provider's log.";
    TOKEN_INVALID_CLIENT = "token.invalid_client", Denied, ClientRejected, RegisterAgain, "RFC 6749 section 5.2",
        "the client authentication failed", "The client ID or the credentials are wrong, or the client is registered for another authentication method.",
        "Check the client ID, the credentials and the authentication method, or register the client again.";
    TOKEN_INVALID_GRANT = "token.invalid_grant", Denied, GrantRejected, LogInAgain, "RFC 6749 section 5.2",
        "the code or the refresh token is not valid", "It has expired, was revoked or used before, belongs to another client or redirect URI, or the PKCE verifier does not match.",
        "Log in again; if it happens again, do what the provider's error description says.";
    TOKEN_INTERACTION_REQUIRED = "token.interaction_required", Denied, GrantRejected, LogInAgain, "OpenID Connect Core 1.0 section 3.1.2.6",
        "the user has to act at the provider before tokens are issued", "A policy requires a second factor, a new consent or a newer login.",
        "Log in again.";
    TOKEN_UNAUTHORIZED_CLIENT = "token.unauthorized_client", Denied, ClientRejected, FixConfiguration, "RFC 6749 section 5.2",
        "the client may not use this grant", "The grant is not enabled for the client, or its authentication failed.",
        "Enable the grant for the client at the provider, and check the client's authentication method and credentials.";
    TOKEN_UNSUPPORTED_GRANT_TYPE = "token.unsupported_grant_type", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 5.2",
        "the provider does not support the grant", "The provider does not know the grant, or has disabled it.",
        "Enable the grant at the provider, or use another grant.";
    TOKEN_INVALID_SCOPE = "token.invalid_scope", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 5.2",
        "the provider refused the scope", "The provider does not know the scope, or the scope exceeds the granted scope.",
        "Request a scope that the client may have.";
    TOKEN_ERROR = "token.error", Denied, RequestRejected, Denied, "RFC 6749 section 5.2",
        "the provider refused the request", "The provider sent an error code that the standards do not define.",
        "Do what the provider's error description says; if there is none, ask the provider's administrator.";
    TOKEN_ERROR_WITH_SUCCESS = "token.error_with_success", Remote, Protocol, ProviderBroken, "RFC 6749 section 5.2",
        "the token response contains both tokens and an error", "The response contradicts itself.",
        "Read the provider's error description, and report the response to the provider.";
    TOKEN_CONTENT_TYPE = "token.content_type", Remote, Protocol, ProviderBroken, "RFC 6749 section 5.1",
        "the content type of the token response is not JSON", "The provider sends its token responses with a wrong content type.",
        "Accept `Deviation::TokenContentType`, or report it to the provider.";
    TOKEN_MISSING_ACCESS_TOKEN = "token.missing_access_token", Remote, Protocol, ProviderBroken, "RFC 6749 section 5.1",
        "no `access_token` in the token response", "The endpoint is not a token endpoint, or breaks its standard.",
        "Check the token endpoint; if it is right, report it to the provider.";
    TOKEN_MALFORMED = "token.malformed", Remote, Protocol, ProviderBroken, "RFC 6749 appendix A.12",
        "a token holds characters that are not allowed", "The token holds spaces, line breaks or characters beyond ASCII, or was damaged when it was copied.",
        "If you supplied the token, check it; otherwise report it to the provider.";
    TOKEN_MISSING_TYPE = "token.missing_type", Remote, Protocol, ProviderBroken, "RFC 6749 section 5.1",
        "no `token_type` in the token response", "The provider leaves out a required member.",
        "If the provider is known for it, accept `Deviation::MissingTokenType`; otherwise report it to the provider.";
    TOKEN_TYPE = "token.type", Remote, Protocol, ProviderBroken, "RFC 6749 section 7.1",
        "unknown token type", "The provider issues tokens of a type that this client cannot use.",
        "Configure the client at the provider for `Bearer` or `DPoP` tokens.";
    TOKEN_NO_REFRESH_TOKEN = "token.no_refresh_token", Local, GrantRejected, LogInAgain, "RFC 6749 section 6",
        "there is no refresh token", "The provider issued none: the scope `offline_access`, consent or the grant `refresh_token` is missing.",
        "Log in again, with `offline_access` and `prompt=consent` if the provider requires them.";
    TOKEN_CLIENT_AUTH = "token.client_auth", Local, Usage, FixConfiguration, "RFC 6749 section 2.3",
        "the client's credentials do not fit its configuration", "The authentication method or the algorithm HS256 needs a secret or a key that the client does not have, or a longer secret; or the request needs an authenticated client.",
        "Configure the client with the credentials that its method and its algorithm need.";

    // Device grant
    DEVICE_UNSUPPORTED = "device.unsupported", Remote, Unsupported, FixConfiguration, "RFC 8628 section 4",
        "the provider does not offer the device grant", "The provider has no device authorization endpoint, or did not register the client for the device grant.",
        "Enable the device grant at the provider, or log in with a browser.";
    DEVICE_RESPONSE = "device.response", Remote, Protocol, ProviderBroken, "RFC 8628 section 3.2",
        "a required member is missing or unusable in the device authorization response", "The endpoint breaks its standard.",
        "Report it to the provider.";
    DEVICE_AUTHORIZATION_PENDING = "device.authorization_pending", Denied, Pending, Retry, "RFC 8628 section 3.5",
        "the user has not decided yet", "The user has not finished at the verification page.",
        "Poll again after the interval.";
    DEVICE_SLOW_DOWN = "device.slow_down", Denied, Pending, Retry, "RFC 8628 section 3.5",
        "the client polls too often", "The client did not wait for the interval.",
        "Poll again after a longer interval.";
    DEVICE_ACCESS_DENIED = "device.access_denied", Denied, Authorization, Denied, "RFC 8628 section 3.5",
        "access denied", "The user or a policy of the provider refused access.",
        "Ask the user, or ask the provider's administrator for access.";
    DEVICE_EXPIRED_TOKEN = "device.expired_token", Denied, Expired, LogInAgain, "RFC 8628 section 3.5",
        "the user did not decide in time", "The device code has expired.",
        "Log in again.";

    // DPoP
    DPOP_KEY = "dpop.key", Local, Dpop, FixConfiguration, "RFC 9449 section 4.2",
        "the key cannot be used for DPoP", "The key is symmetric, or its public key is not known or does not fit its algorithm.",
        "Use an asymmetric key with its public key.";
    DPOP_KEY_MISMATCH = "dpop.key_mismatch", Local, Mismatch, FixConfiguration, "RFC 9449 section 5",
        "the value is bound to another DPoP key than the client's", "Since the login, the key was replaced, or DPoP was enabled or disabled.",
        "Use the key that the login was made with, or log in again.";
    DPOP_ALGORITHM = "dpop.algorithm", Remote, Dpop, FixConfiguration, "RFC 9449 section 5.1",
        "the provider does not accept DPoP proofs of this algorithm", "Its metadata do not list the algorithm of the key.",
        "Use a key of an algorithm that the provider lists.";
    DPOP_NONCE = "dpop.nonce", Remote, Dpop, ProviderBroken, "RFC 9449 section 8",
        "the server repeatedly demands a new DPoP nonce", "The server does not accept the nonce that it just gave.",
        "Report it to the provider.";
    DPOP_PROOF = "dpop.proof", Denied, Dpop, FixConfiguration, "RFC 9449 section 5",
        "the server does not accept the DPoP proof", "The machine's clock is wrong, a proxy changes the URL of the request, or a key store signed with another key than the public key that you gave.",
        "Check the clock, then the URL that the server sees, then the key.";
    DPOP_REQUIRED = "dpop.required", Denied, Dpop, FixConfiguration, "RFC 9449 section 5",
        "the server demands a DPoP proof, and the request had none", "The provider issues this client only tokens that are bound to a key, and the client has no DPoP key.",
        "Give the client a DPoP key (`Client::with_dpop`), or have the provider issue it bearer tokens.";
    DPOP_NOT_BOUND = "dpop.not_bound", Remote, Dpop, FixConfiguration, "RFC 9449 section 5",
        "the tokens and the client's DPoP key do not belong together", "DPoP is enabled on one side only: the client has a key and the tokens are not bound to it, or they are bound to a key and the client has none.",
        "Enable DPoP for the client at the provider, or log in without it.";
}
