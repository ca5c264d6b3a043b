//! Codes of ID tokens, userinfo, revocation and logout.

use crate::error::code::codes;

codes! {
    CODES:
    // ID token
    ID_TOKEN_MISSING = "id_token.missing", Remote, Protocol, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.3",
        "no ID token in the token response", "The scope `openid` was requested, but the provider did not grant it or is not an OpenID Provider.",
        "Allow `openid` for the client at the provider, or log in without it.";
    ID_TOKEN_TYPE = "id_token.type", Remote, Claims, ProviderBroken, "RFC 8725 section 3.11",
        "the `typ` is not that of an ID token", "The provider sent a token of another kind instead of an ID token.",
        "Do not use the tokens; report it to the provider.";
    ID_TOKEN_CLAIMS = "id_token.claims", Remote, Claims, ProviderBroken, "RFC 7519 section 4",
        "the claims of the ID token are not a JSON object of the right types", "A claim has another type than its standard or the application expects.",
        "Report it to the provider, or correct the type that the application reads.";
    ID_TOKEN_DUPLICATE_CLAIM = "id_token.duplicate_claim", Remote, Claims, ProviderBroken, "RFC 7519 section 4",
        "a claim of the ID token occurs twice", "The provider, or a claim mapper in its configuration, writes a claim twice.",
        "Remove one of the two claims at the provider.";
    ID_TOKEN_MISSING_CLAIM = "id_token.missing_claim", Remote, Claims, ProviderBroken, "OpenID Connect Core 1.0 section 2",
        "a required claim is missing in the ID token", "The provider breaks the standard, or does not support `max_age`, which needs `auth_time`.",
        "Report it to the provider.";
    ID_TOKEN_ISSUER_MISMATCH = "id_token.issuer_mismatch", Remote, Claims, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.7 rule 2",
        "the ID token comes from another issuer", "The provider uses another issuer in its ID tokens than in its metadata, or the token is for another tenant.",
        "Use the issuer of your own tenant, or correct the provider's public URL.";
    ID_TOKEN_AUDIENCE_MISMATCH = "id_token.audience_mismatch", Remote, Claims, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.7 rule 3",
        "the ID token is not for this client", "The client ID is wrong, or the token was meant for another client.",
        "Check the client ID.";
    ID_TOKEN_EXTRA_AUDIENCE = "id_token.extra_audience", Remote, Claims, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.7 rule 3",
        "the ID token is also for an audience that is not trusted", "The provider adds other audiences to the token.",
        "If you know the audience, accept it with `Client::with_trusted_audience`; otherwise remove it at the provider.";
    ID_TOKEN_AZP_MISMATCH = "id_token.azp_mismatch", Remote, Claims, FixConfiguration, "OpenID Connect Core 1.0 section 3.1.3.7 rule 5",
        "the ID token was issued to another party", "Another client got the token.",
        "If you know the party, accept it with `Client::with_trusted_authorized_party`.";
    ID_TOKEN_EXPIRED = "id_token.expired", Remote, Claims, FixEnvironment, "OpenID Connect Core 1.0 section 3.1.3.7 rule 9",
        "the ID token has expired", "A clock is wrong, or the token is old.",
        "Check the clocks of this machine and of the provider, then log in again.";
    ID_TOKEN_ISSUED_IN_FUTURE = "id_token.issued_in_future", Remote, Claims, FixEnvironment, "OpenID Connect Core 1.0 section 3.1.3.7 rule 10",
        "the ID token was issued in the future", "A clock is wrong.",
        "Check the clocks of this machine and of the provider, then log in again.";
    ID_TOKEN_TOO_OLD = "id_token.too_old", Remote, Claims, FixEnvironment, "OpenID Connect Core 1.0 section 3.1.3.7 rule 10",
        "the ID token was issued too long ago", "A clock is wrong, or an old token was replayed.",
        "Check the clocks of this machine and of the provider, then log in again.";
    ID_TOKEN_NOT_YET_VALID = "id_token.not_yet_valid", Remote, Claims, FixEnvironment, "RFC 7519 section 4.1.5",
        "the ID token is not valid yet", "A clock is wrong.",
        "Check the clocks of this machine and of the provider, then log in again.";
    ID_TOKEN_NONCE_MISSING = "id_token.nonce_missing", Remote, Claims, LogInAgain, "OpenID Connect Core 1.0 section 3.1.3.7 rule 11",
        "no `nonce` in the ID token", "The provider ignores `nonce`, or the token belongs to another login.",
        "Log in again; if it happens again, report it to the provider. If the provider is known for it and uses PKCE, accept `Deviation::NoNonce`.";
    ID_TOKEN_NONCE_MISMATCH = "id_token.nonce_mismatch", Remote, Claims, LogInAgain, "OpenID Connect Core 1.0 section 3.1.3.7 rule 11",
        "the `nonce` of the ID token is not this login's", "The token belongs to another login, or was replayed.",
        "Do not use the tokens; log in again.";
    ID_TOKEN_SUBJECT = "id_token.subject", Remote, Claims, ProviderBroken, "OpenID Connect Core 1.0 section 2",
        "the `sub` of the ID token is empty or longer than 255 characters", "The provider breaks its standard.",
        "Report it to the provider.";
    ID_TOKEN_AT_HASH_MISMATCH = "id_token.at_hash_mismatch", Remote, Claims, LogInAgain, "OpenID Connect Core 1.0 section 3.1.3.8",
        "the `at_hash` of the ID token does not fit the access token", "The access token was replaced by another one, or the provider computes the hash wrongly.",
        "Do not use the tokens; if it happens again, report it to the provider.";
    ID_TOKEN_AUTH_TIME = "id_token.auth_time", Remote, Claims, LogInAgain, "OpenID Connect Core 1.0 section 3.1.3.7 rule 13",
        "the user logged in longer ago than `max_age` allows", "The provider ignores `max_age`.",
        "Log in again with `prompt=login`.";
    ID_TOKEN_ACR = "id_token.acr", Remote, Claims, LogInAgain, "OpenID Connect Core 1.0 section 3.1.3.7 rule 12",
        "the `acr` of the login is not one of the requested values", "The user logged in with a weaker method, or the provider ignores `acr_values`.",
        "Log in again, or request an `acr` that the provider supports.";
    ID_TOKEN_CHANGED_CLAIM = "id_token.changed_claim", Remote, Claims, LogInAgain, "OpenID Connect Core 1.0 section 12.2",
        "the ID token of a refresh changes a claim that must not change", "The provider breaks its standard, or the tokens belong to another user.",
        "Log in again; if it happens again, report it to the provider.";

    // Userinfo
    USERINFO_UNSUPPORTED = "userinfo.unsupported", Remote, Unsupported, FixConfiguration, "OpenID Connect Core 1.0 section 5.3",
        "the provider has no userinfo endpoint", "Its metadata list none.",
        "Read the claims of the ID token.";
    USERINFO_SUBJECT_MISMATCH = "userinfo.subject_mismatch", Remote, Claims, ProviderBroken, "OpenID Connect Core 1.0 section 5.3.2",
        "the userinfo response is about another user", "Tokens were mixed up, or the provider uses different subjects for the same user.",
        "Do not use the response; if it happens again, report it to the provider.";
    USERINFO_MISSING_SUB = "userinfo.missing_sub", Remote, Claims, ProviderBroken, "OpenID Connect Core 1.0 section 5.3.2",
        "no `sub` in the userinfo response", "The endpoint is not an OpenID Connect userinfo endpoint, or breaks its standard.",
        "Report it to the provider.";
    USERINFO_UNAUTHORIZED = "userinfo.unauthorized", Denied, GrantRejected, LogInAgain, "RFC 6750 section 3.1",
        "the access token is not accepted", "The token has expired, was revoked, or lacks the scope `openid`.",
        "Refresh the tokens, or log in again.";
    USERINFO_NO_SUBJECT = "userinfo.no_subject", Local, Usage, FixConfiguration, "OpenID Connect Core 1.0 section 5.3.2",
        "there is no ID token to compare the userinfo response with", "The login did not request the scope `openid`.",
        "Log in with the scope `openid`.";
    USERINFO_NOT_SIGNED = "userinfo.not_signed", Remote, Claims, FixConfiguration, "OpenID Connect Core 1.0 section 5.3.2",
        "the userinfo response is not signed", "The client is configured to expect a signed response.",
        "Turn on signed userinfo for the client at the provider, or do not set `Client::with_registered_userinfo_algorithm`.";
    USERINFO_ISSUER_MISMATCH = "userinfo.issuer_mismatch", Remote, Claims, ProviderBroken, "OpenID Connect Core 1.0 section 5.3.2",
        "the signed userinfo response is from another issuer or for another client", "The response was meant for another client, or the provider uses two issuer identifiers.",
        "Do not use the response; report it to the provider.";
    USERINFO_SIGNED = "userinfo.signed", Remote, Claims, FixConfiguration, "OpenID Connect Core 1.0 section 5.3.2",
        "the userinfo response is signed, which the client does not expect", "The client is registered at the provider for signed userinfo.",
        "Name the algorithm with `Client::with_registered_userinfo_algorithm`, or turn off signed userinfo for the client at the provider.";

    // Revocation, logout
    REVOCATION_UNSUPPORTED = "revocation.unsupported", Remote, Unsupported, Denied, "RFC 7009 section 2",
        "the provider has no revocation endpoint", "Its metadata list none.",
        "Delete the tokens; they stay valid at the provider until they expire.";
    REVOCATION_UNSUPPORTED_TOKEN_TYPE = "revocation.unsupported_token_type", Denied, RequestRejected, Denied, "RFC 7009 section 2.2.1",
        "the provider does not revoke tokens of this type", "Many providers revoke refresh tokens only.",
        "Revoke the refresh token; access tokens expire by themselves.";
    REVOCATION_DENIED = "revocation.denied", Denied, RequestRejected, Denied, "RFC 7009 section 2.2.1",
        "the provider refused the revocation", "The token belongs to another client, or the client authentication failed.",
        "Check the client ID and the client authentication, or end the session at the provider.";
    END_SESSION_UNSUPPORTED = "end_session.unsupported", Remote, Unsupported, FixConfiguration, "OpenID Connect RP-Initiated Logout 1.0 section 2.1",
        "the provider has no end-session endpoint", "Its metadata list none.",
        "Let the user log out at the provider's own page.";
    END_SESSION_STATE_MISMATCH = "end_session.state_mismatch", Remote, Callback, Ignore, "OpenID Connect RP-Initiated Logout 1.0 section 2",
        "the `state` of the logout callback is missing or not this logout's", "The callback belongs to another logout, or is forged.",
        "Ignore the callback.";
    LOGOUT_TOKEN_REQUEST = "logout_token.request", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.5",
        "the logout request is not a form with one `logout_token`", "Something other than the provider sent the request.",
        "Refuse the request.";
    LOGOUT_TOKEN_TYPE = "logout_token.type", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.4",
        "the `typ` is not that of a logout token", "A token of another kind was sent.",
        "Refuse the request.";
    LOGOUT_TOKEN_CLAIMS = "logout_token.claims", Remote, Claims, ProviderBroken, "OpenID Connect Back-Channel Logout 1.0 section 2.4",
        "the claims of the logout token are not a JSON object of the right types, each once", "The provider breaks its standard, or the token is forged.",
        "Refuse the request; report it to the provider.";
    LOGOUT_TOKEN_MISSING_CLAIM = "logout_token.missing_claim", Remote, Claims, ProviderBroken, "OpenID Connect Back-Channel Logout 1.0 section 2.4",
        "a required claim is missing in the logout token", "The provider breaks its standard.",
        "Refuse the request; report it to the provider.";
    LOGOUT_TOKEN_ISSUER_MISMATCH = "logout_token.issuer_mismatch", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token comes from another issuer", "The request belongs to another provider.",
        "Refuse the request, or look up the provider by the token's issuer.";
    LOGOUT_TOKEN_AUDIENCE_MISMATCH = "logout_token.audience_mismatch", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token is not for this client", "The request belongs to another client.",
        "Refuse the request.";
    LOGOUT_TOKEN_EXPIRED = "logout_token.expired", Remote, Claims, FixEnvironment, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token has expired", "A clock is wrong, or an old token was replayed.",
        "Refuse the request; check the clocks of this machine and of the provider.";
    LOGOUT_TOKEN_ISSUED_IN_FUTURE = "logout_token.issued_in_future", Remote, Claims, FixEnvironment, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token was issued in the future", "A clock is wrong.",
        "Refuse the request; check the clocks of this machine and of the provider.";
    LOGOUT_TOKEN_NONCE = "logout_token.nonce", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token has a `nonce`", "An ID token was sent instead of a logout token.",
        "Refuse the request.";
    LOGOUT_TOKEN_EVENT = "logout_token.event", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token is about another event", "A token of another kind was sent.",
        "Refuse the request.";
    LOGOUT_TOKEN_NOBODY = "logout_token.nobody", Remote, Claims, ProviderBroken, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token names neither a user nor a session", "The provider breaks its standard.",
        "Refuse the request; report it to the provider.";
    LOGOUT_TOKEN_REPLAYED = "logout_token.replayed", Remote, Claims, Ignore, "OpenID Connect Back-Channel Logout 1.0 section 2.6",
        "the logout token was used before", "The provider sent the request again, or an attacker replays it.",
        "Refuse the request; the user is logged out already.";
}
