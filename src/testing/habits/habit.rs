//! One habit of a provider.

/// Something that a provider does, beside what its metadata document says. Values of members are JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum Habit {
    /// There is no metadata document.
    NoDiscovery,
    /// This endpoint is served, and the metadata do not have it: member, URL.
    Unlisted(&'static str, &'static str),
    /// The metadata document is at this URL, not at the issuer's.
    MetadataAt(&'static str),
    /// Registration needs an initial access token.
    RegistrationByToken,
    /// A registration response has this member.
    Registration(&'static str, &'static str),
    /// Tokens are signed with this algorithm.
    Signs(&'static str),
    /// Scope values that the metadata do not list are refused.
    KnownScopes,

    /// The callback has this parameter, too.
    Callback(&'static str, &'static str),
    /// The token response has this member.
    Token(&'static str, &'static str),
    /// The token response does not have this member.
    TokenLacks(&'static str),
    /// The token response of a refresh does not have this member.
    RefreshLacks(&'static str),
    /// `scope` in the token response is an array.
    ScopeArray,
    /// There is an access token only if the scope has the client ID in it.
    AccessTokenForClientId,

    /// There are no refresh tokens.
    NoRefreshTokens,
    /// There are refresh tokens only if the scope has one of these values.
    RefreshTokensFor(&'static [&'static str]),
    /// There are refresh tokens only if the authorization request had this parameter.
    RefreshTokensBy(&'static str, &'static str),
    /// `offline_access` needs `prompt=consent`.
    OfflineByConsent,
    /// Public clients get no refresh tokens.
    NoRefreshTokensForPublic,
    /// A refresh token stays good, and the response of a refresh has none.
    KeepsRefreshTokens,
    /// The response to a refresh token that is not good: status, content type, body.
    DeadRefreshToken(u16, &'static str, &'static str),

    /// The ID token has this claim; `{client_id}` stands for the client's.
    Claim(&'static str, &'static str),
    /// The ID token does not have this claim.
    ClaimLacks(&'static str),
    /// The ID token has this audience, too, and `azp`.
    AudienceToo(&'static str),
    /// The ID token is of this tenant: `tid`, and `iss` made by the template in the metadata.
    Tenant(&'static str),
    /// `auth_time` of a refresh is the time of the refresh.
    AuthTimeMoves,
    /// The ID token of a refresh repeats the `nonce`.
    NonceAgain,
    /// Userinfo has this claim.
    Userinfo(&'static str, &'static str),

    /// Client assertions must name the token endpoint as their audience.
    AssertionForTokenEndpoint,
    /// The endpoint for pushed requests is listed, and sends to the login page.
    PushedToLoginPage,
    /// Logout tokens have no `exp`.
    LogoutTokenWithoutExp,
    /// The other habits of the Matrix Authentication Service.
    MatrixAuthenticationService,
}
