//! Codes of authorization requests and of their callbacks.

use crate::error::code::codes;

codes! {
    CODES:
    // Authorization request
    AUTHORIZATION_REDIRECT_URI = "authorization.redirect_uri", Local, Usage, FixConfiguration, "RFC 6749 section 3.1.2",
        "the redirect URI is not one of the client's", "The client is configured with other redirect URIs.",
        "Add the redirect URI to the client, and register it at the provider.";
    AUTHORIZATION_PARAMETER = "authorization.parameter", Local, Usage, FixConfiguration, "RFC 6749 section 3.1",
        "a parameter is reserved, empty or given twice", "This crate sets the parameter itself, or it was added twice.",
        "Remove the parameter, or use the method that sets it.";
    AUTHORIZATION_SCOPE = "authorization.scope", Local, Usage, FixConfiguration, "RFC 6749 section 3.3",
        "the scope is not valid, or exceeds the granted scope", "The scope contains characters that are not allowed, or a refresh requests more than was granted.",
        "Correct the scope, or log in again with the wider scope.";
    AUTHORIZATION_RESPONSE_MODE = "authorization.response_mode", Local, Usage, FixConfiguration, "OAuth 2.0 Multiple Response Types section 2.1",
        "the provider does not support the response mode", "Its metadata do not list the response mode.",
        "Choose a response mode that the provider lists.";
    AUTHORIZATION_PROMPT = "authorization.prompt", Local, Usage, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.2.1",
        "a `prompt` value is not valid, or `none` is combined with another value", "`with_other_prompt` got an empty value, a value with a space, or a value of `Prompt`; or `none` is not alone.",
        "Use `none` alone. Give values of `Prompt` to `with_prompt`, and one other value to each call of `with_other_prompt`.";
    AUTHORIZATION_NONCE_REQUIRED = "authorization.nonce_required", Local, Usage, FixConfiguration, "RFC 9700 section 2.1.1",
        "the scope `openid` is needed, since the provider does not advertise PKCE", "Without PKCE only the nonce of an ID token protects the code.",
        "Add the scope `openid`, or enable PKCE at the provider.";

    // Its response
    AUTHORIZATION_ACCESS_DENIED = "authorization.access_denied", Denied, Authorization, Denied, "RFC 6749 section 4.1.2.1",
        "access denied", "The user or a policy of the provider refused access.",
        "Ask the user, or ask the provider's administrator for access.";
    AUTHORIZATION_LOGIN_REQUIRED = "authorization.login_required", Denied, Authorization, LogInAgain, "OpenID Connect Core 1.0 section 3.1.2.6",
        "the user has to log in", "The request has `prompt=none` and the user is not logged in at the provider, or the provider's session ended during the login.",
        "If the request has `prompt=none`, log in without it; otherwise log in again.";
    AUTHORIZATION_INTERACTION_REQUIRED = "authorization.interaction_required", Denied, Authorization, LogInAgain, "OpenID Connect Core 1.0 section 3.1.2.6",
        "the user has to do something at the provider", "The request has `prompt=none` and the provider needs input from the user, or the provider's session ended during the login.",
        "If the request has `prompt=none`, log in without it; otherwise log in again.";
    AUTHORIZATION_CONSENT_REQUIRED = "authorization.consent_required", Denied, Authorization, LogInAgain, "OpenID Connect Core 1.0 section 3.1.2.6",
        "the user has to consent", "The request has `prompt=none` and the user has not consented yet, or the provider's session ended during the login.",
        "If the request has `prompt=none`, log in without it; otherwise log in again.";
    AUTHORIZATION_ACCOUNT_SELECTION_REQUIRED = "authorization.account_selection_required", Denied, Authorization, LogInAgain, "OpenID Connect Core 1.0 section 3.1.2.6",
        "the user has to choose an account", "The request has `prompt=none` and the user has several accounts, or the provider's session ended during the login.",
        "If the request has `prompt=none`, log in without it or with `login_hint`; otherwise log in again.";
    AUTHORIZATION_INVALID_REQUEST = "authorization.invalid_request", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 4.1.2.1",
        "the provider calls the authorization request invalid", "A parameter is missing, not allowed or unknown to the provider.",
        "Correct the parameter that the provider's error description names; if there is none, look at the provider's log.";
    AUTHORIZATION_INVALID_SCOPE = "authorization.invalid_scope", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 4.1.2.1",
        "the provider refused the scope", "The provider does not know the scope, or the client may not request it.",
        "Request a scope that the provider lists and the client may have.";
    AUTHORIZATION_UNAUTHORIZED_CLIENT = "authorization.unauthorized_client", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 4.1.2.1",
        "the client may not use the authorization code flow", "The flow is not enabled for the client.",
        "Enable the authorization code flow for the client at the provider.";
    AUTHORIZATION_UNSUPPORTED_RESPONSE_TYPE = "authorization.unsupported_response_type", Denied, RequestRejected, FixConfiguration, "RFC 6749 section 4.1.2.1",
        "the provider does not support `response_type=code` for the client", "The client is set up for another flow.",
        "Enable the authorization code flow for the client at the provider.";
    AUTHORIZATION_SERVER_ERROR = "authorization.server_error", Denied, Unavailable, Retry, "RFC 6749 section 4.1.2.1",
        "the provider failed", "The provider met an unexpected condition.",
        "Try again later; if it happens again, look at the provider's log.";
    AUTHORIZATION_TEMPORARILY_UNAVAILABLE = "authorization.temporarily_unavailable", Denied, Unavailable, Retry, "RFC 6749 section 4.1.2.1",
        "the provider is temporarily unavailable", "It is overloaded or under maintenance.",
        "Try again later.";
    AUTHORIZATION_ERROR = "authorization.error", Denied, Authorization, Denied, "RFC 6749 section 4.1.2.1",
        "the provider refused the authorization", "The provider sent an error code that the standards do not define.",
        "Do what the provider's error description says; if there is none, ask the provider's administrator.";

    // Whose it is
    PROVIDER_MISMATCH = "provider.mismatch", Local, Mismatch, FixConfiguration, "RFC 9700 section 4.4",
        "the value belongs to another provider", "A pending login, tokens or keys of one provider were used with another.",
        "Use the provider whose issuer the value names.";
    CLIENT_MISMATCH = "client.mismatch", Local, Mismatch, FixConfiguration, "RFC 6749 section 4.1.3",
        "the value belongs to another client", "A pending login or tokens of one client were used with another, or the client was registered again in between.",
        "Use the client that began the login, or log in again.";

    CLIENT_ID = "client.id", Local, Usage, FixConfiguration, "RFC 6749 appendix A.1",
        "the client ID is empty or holds characters that are not allowed", "It was copied with a line break or with invisible characters.",
        "Copy the client ID from the provider again.";

    // Callback
    CALLBACK_TOO_LARGE = "callback.too_large", Remote, Callback, Ignore, "this crate's limits",
        "the callback is too large", "The request to the redirect URI is not the provider's callback.",
        "Ignore it and wait for the right callback.";
    CALLBACK_MALFORMED = "callback.malformed", Remote, Callback, LogInAgain, "RFC 6749 section 4.1.2",
        "the callback is not a URL or a form", "Only a part of the address was copied, or something else was pasted.",
        "Give an absolute URL: a server joins its public URL and the request's query; at a command line, paste the whole address.";
    CALLBACK_DUPLICATE_PARAMETER = "callback.duplicate_parameter", Remote, Callback, LogInAgain, "RFC 6749 section 3.1",
        "a parameter of the callback occurs twice", "The callback was changed in transit, or the redirect URI has a parameter of the same name.",
        "Log in again; register a redirect URI without such a parameter.";
    CALLBACK_STATE_MISSING = "callback.state_missing", Remote, Callback, Ignore, "RFC 6749 section 4.1.2",
        "no `state` in the callback", "The callback is not a response to a login, or the provider reports an error without `state`.",
        "Ignore it and wait for the right callback; if the provider's error description names a problem, correct it and log in again.";
    CALLBACK_STATE_MISMATCH = "callback.state_mismatch", Remote, Callback, Ignore, "RFC 6749 section 10.12",
        "the `state` of the callback is not this login's", "The callback belongs to another or an older login, or is forged.",
        "Ignore it and wait for the right callback, or log in again.";
    CALLBACK_LOGIN_MISMATCH = "callback.login_mismatch", Local, Mismatch, FixConfiguration, "RFC 6749 section 10.12",
        "the callback was checked against another login", "A `VerifiedCallback` and a pending login that do not belong together were passed.",
        "Redeem a callback with the pending login that it was checked against: the error names the keys of both logins.";
    CALLBACK_ISS_MISSING = "callback.iss_missing", Remote, Callback, LogInAgain, "RFC 9207 section 2.4",
        "no `iss` in the callback, although the metadata announce it", "The callback is forged, or the provider does not send the `iss` that its metadata announce.",
        "Log in again; if it happens again, report it to the provider.";
    CALLBACK_ISS_MISMATCH = "callback.iss_mismatch", Remote, Callback, LogInAgain, "RFC 9207 section 2.4",
        "the callback comes from another issuer", "The callback belongs to a login at another provider, or this is a mix-up attack.",
        "Do not use the callback; log in again.";
    CALLBACK_CODE_MISSING = "callback.code_missing", Remote, Callback, LogInAgain, "RFC 6749 section 4.1.2",
        "neither `code` nor `error` in the callback", "The provider uses another flow, or the address was cut off.",
        "Check that the client may use the authorization code flow. If the callback was copied, copy all of it.";
    CALLBACK_CODE_AND_ERROR = "callback.code_and_error", Remote, Callback, LogInAgain, "RFC 6749 section 4.1.2.1",
        "both `code` and `error` in the callback", "The callback was changed in transit, or the provider breaks the standard.",
        "Log in again; if it happens again, report it to the provider.";
    CALLBACK_RESPONSE_MODE = "callback.response_mode", Remote, Callback, LogInAgain, "OAuth 2.0 Multiple Response Types section 2.1",
        "the callback did not use the requested response mode", "The provider ignores `response_mode`, or a query was read as a form.",
        "Request the response mode that the provider uses, and read the callback in that mode.";
    CALLBACK_REDIRECT_URI = "callback.redirect_uri", Remote, Callback, FixConfiguration, "RFC 6749 section 3.1.2",
        "the callback came to another URL than the redirect URI", "A proxy changes the host or the path, or the URL is not a callback.",
        "Give the URL as the browser shows it, with its host and path.";
    CALLBACK_NO_LOGIN = "callback.no_login", Remote, Callback, LogInAgain, "RFC 6749 section 10.12",
        "no login waits for this callback", "It was used already, it belongs to a login of another tab or window, or it is forged.",
        "Log in again, in the tab that is to have the session.";
    CALLBACK_EXPIRED = "callback.expired", Local, Expired, LogInAgain, "RFC 6749 section 10.12",
        "the login was started too long ago", "The user took longer than the lifetime of the pending login.",
        "Log in again.";
}
