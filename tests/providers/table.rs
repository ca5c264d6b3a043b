//! The table: how a client comes to work at each provider.

use oidc_proto::testing::Habits;
use oidc_proto::{AuthMethod, Deviation, ErrorCode};

/// The client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Registered by hand, without a secret.
    Public,
    /// Registered by hand, with a secret.
    Secret,
    /// It registers itself.
    Registers,
}

/// Something that the caller has to say, because it is not so by default.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    Accept(Deviation),
    /// The metadata are at another URL than the issuer's.
    MetadataUrl,
    /// The metadata are configured, with these members more.
    ByHand(&'static [(&'static str, &'static str)]),
    /// These words in the scope, too.
    Scope(&'static str),
    /// The client ID in the scope, too.
    ClientIdInScope,
    Parameter(&'static str, &'static str),
    Method(AuthMethod),
    /// The client is registered for HS256.
    Hs256,
    /// Another audience is trusted.
    Audience(&'static str),
    InitialAccessToken,
}

/// What a refresh brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    NewRefreshToken,
    SameRefreshToken,
    /// There is no refresh token.
    Nothing,
}

pub(crate) struct Row {
    pub(crate) habits: Habits,
    pub(crate) client: Who,
    pub(crate) scope: &'static str,
    pub(crate) choices: &'static [Choice],
    pub(crate) after: After,
    /// What a refresh token that is not good any more leads to.
    pub(crate) dead: Option<ErrorCode>,
    /// What readers should know beside.
    pub(crate) note: &'static str,
    /// What starts a real server of it, in `tests/peers`.
    pub(crate) peer: Option<&'static str>,
    /// Its issuers, where the world has one provider of this kind or its hosts have a known name. `*` stands for any text.
    pub(crate) issuers: &'static [&'static str],
}

impl Row {
    pub(crate) fn has_id_token(&self) -> bool {
        self.scope.contains("openid")
    }

    const fn new(habits: Habits, client: Who, choices: &'static [Choice], after: After) -> Self {
        let dead = match after {
            After::Nothing => None,
            _ => Some(ErrorCode::TOKEN_INVALID_GRANT),
        };
        Self { habits, client, scope: "openid profile", choices, after, dead, note: "", peer: None, issuers: &[] }
    }

    const fn scope(self, scope: &'static str) -> Self {
        Self { scope, ..self }
    }

    const fn dead(self, dead: ErrorCode) -> Self {
        Self { dead: Some(dead), ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    const fn peer(self, script: &'static str) -> Self {
        Self { peer: Some(script), ..self }
    }

    const fn at(self, issuers: &'static [&'static str]) -> Self {
        Self { issuers, ..self }
    }
}

use After::{NewRefreshToken as New, Nothing, SameRefreshToken as Same};
use Choice::*;
use Who::*;

const OFFLINE: Choice = Scope("offline_access");

pub(crate) const ROWS: &[Row] = &[
    Row::new(Habits::GOOGLE, Secret, &[Parameter("access_type", "offline")], Same).at(&["https://accounts.google.com"])
        .note("A desktop application has a secret, too. A second login brings a refresh token only with `prompt=consent`."),
    Row::new(Habits::ENTRA_TENANT, Public, &[OFFLINE], New).at(&["https://login.microsoftonline.com/*/v2.0"]),
    Row::new(Habits::ENTRA_COMMON, Public, &[Accept(Deviation::TenantIssuer), OFFLINE], New).at(&["https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/organizations/v2.0"])
        .dead(ErrorCode::TOKEN_INTERACTION_REQUIRED)
        .note("Each tenant can log in: check `tid`."),
    Row::new(Habits::AZURE_B2C, Public, &[MetadataUrl, OFFLINE, ClientIdInScope], New).at(&["https://*.b2clogin.com/*"])
        .scope("openid")
        .note("There is an access token only if the client ID, or an API's scope, is in the scope."),
    Row::new(Habits::ENTRA_CIAM, Public, &[MetadataUrl, OFFLINE], New).at(&["https://*.ciamlogin.com/*"]),
    Row::new(Habits::APPLE, Secret, &[], Same).at(&["https://appleid.apple.com"])
        .scope("openid")
        .note("The secret is a JWT that the application signs. With `email` or `name` in the scope, Apple wants `form_post`."),
    Row::new(Habits::OKTA, Public, &[OFFLINE], New).at(&["https://*.okta.com", "https://*.okta.com/oauth2/*"]),
    Row::new(Habits::AUTH0, Public, &[OFFLINE], Same).at(&["https://*.auth0.com/"]).note("The issuer ends with a slash. Rotation is a setting."),
    Row::new(Habits::KEYCLOAK, Registers, &[InitialAccessToken], New).peer("tests/peers/keycloak.py")
        .note("Registration without a token is a policy of the realm. With DPoP this machine's clock must be right within about 15 seconds: Keycloak sends no `Date`, and its refusal contains no time, so the client does not learn Keycloak's clock before the first tokens. If the clock is wrong, every login fails until it is set; the error names the clock."),
    Row::new(Habits::ZITADEL, Public, &[Audience("273951084651"), OFFLINE], New).at(&["https://*.zitadel.cloud"])
        .note("The project's ID is an audience of each token."),
    Row::new(Habits::AUTHENTIK, Public, &[OFFLINE], New),
    Row::new(Habits::AUTHELIA, Public, &[OFFLINE], New),
    Row::new(Habits::DEX, Secret, &[OFFLINE], New),
    Row::new(Habits::HYDRA, Registers, &[OFFLINE, Accept(Deviation::LogoutTokenWithoutExp)], New)
        .note("The deviation is for back-channel logout only."),
    Row::new(Habits::KANIDM, Secret, &[], New),
    Row::new(Habits::GITLAB, Secret, &[], New).at(&["https://gitlab.com"]),
    Row::new(Habits::GITHUB, Secret, &[ByHand(&[]), Accept(Deviation::RefreshErrors)], New).at(&["https://github.com/login/oauth", "https://github.com"])
        .scope("read:user")
        .note("No OpenID Provider: there is no ID token. Ask its API who logged in."),
    Row::new(Habits::COGNITO, Public, &[], Same).at(&["https://cognito-idp.*.amazonaws.com/*"]),
    Row::new(Habits::PINGFEDERATE, Secret, &[], Same),
    Row::new(Habits::ADFS, Public, &[], Same),
    Row::new(Habits::SALESFORCE, Secret, &[Scope("refresh_token")], Same).at(&["https://login.salesforce.com", "https://*.my.salesforce.com"]),
    Row::new(Habits::SLACK, Secret, &[Accept(Deviation::MissingTokenType)], Nothing).at(&["https://slack.com"])
        .note("No refresh: log in again."),
    Row::new(
        Habits::LINKEDIN,
        Secret,
        &[
            ByHand(&[("code_challenge_methods_supported", r#"["S256"]"#)]),
            Accept(Deviation::NoNonce),
            Method(AuthMethod::ClientSecretPost),
        ],
        Nothing,
    ).at(&["https://www.linkedin.com/oauth"])
    .note("Only for applications that LinkedIn has enabled PKCE for: without `nonce` and without PKCE nothing binds the code to the login. No refresh: log in again."),
    Row::new(Habits::DISCORD, Secret, &[], New).at(&["https://discord.com"])
        .scope("openid identify")
        .note("Discord documents a revocation endpoint, but its metadata do not list it, so it is not used: tokens live until they expire."),
    Row::new(Habits::TWITCH, Secret, &[Accept(Deviation::ScopeArray)], New).at(&["https://id.twitch.tv/oauth2"])
        .scope("openid")
        .dead(ErrorCode::TOKEN_ERROR)
        .note("The response to a dead refresh token has the error `Bad Request`: the hint of this crate's error, `token.error`, says to log in again."),
    Row::new(Habits::LINE, Secret, &[Method(AuthMethod::ClientSecretPost), Hs256], Same).at(&["https://access.line.me"]),
    Row::new(Habits::YAHOO, Secret, &[], Same).at(&["https://api.login.yahoo.com"]).note("Its revocation endpoint has a name of its own in the metadata, and is not used."),
    Row::new(
        Habits::FACEBOOK,
        Public,
        &[ByHand(&[
            ("token_endpoint", r#""https://graph.facebook.com/v22.0/oauth/access_token""#),
        ])],
        Nothing,
    ).at(&["https://www.facebook.com"])
    .scope("openid")
    .note("The metadata have no token endpoint. No refresh: log in again."),
    Row::new(Habits::CANAILLE, Registers, &[InitialAccessToken], New).peer("tests/peers/canaille.py")
        .note("`private_key_jwt` needs the deviation `token_endpoint_audience`."),
    Row::new(Habits::GLEWLWYD, Secret, &[], Same).peer("tests/peers/glewlwyd.py")
        .dead(ErrorCode::HTTP_STATUS)
        .note("A dead refresh token is answered with an empty 400: after three in a row a session needs a login. A secret with characters that a form escapes needs the deviation `unencoded_basic`, and `private_key_jwt` needs `token_endpoint_audience`. The server below is set to rotate refresh tokens and to end a session at reuse; this row has its defaults."),
    Row::new(Habits::LEMONLDAP_NG, Secret, &[OFFLINE], Same),
    Row::new(Habits::DOORKEEPER, Secret, &[], New),
    Row::new(Habits::DJANGO_OAUTH_TOOLKIT, Secret, &[], New).peer("tests/peers/django.py").note("Where registration is turned on, it is in the metadata of RFC 8414 only, as revocation is (`--metadata-url`). The server below has registration and logout turned on; this row has its defaults."),
    Row::new(Habits::BETTER_AUTH, Registers, &[MetadataUrl, OFFLINE], New).peer("tests/peers/better_auth.py").note("This row is the plugin `oidc-provider`. The server below has the newer OAuth provider plugin: there the issuer is the URL of the API (`https://app.example.org/api/auth`), `--metadata-url` is not needed, and there is revocation. Its logout page refuses a client unless an administrator allows it (`enable_end_session`)."),
    Row::new(Habits::MATRIX_AUTHENTICATION_SERVICE, Registers, &[], New),
    Row::new(Habits::SPRING, Secret, &[], New).peer("tests/peers/spring.py").note("The metadata list an endpoint for pushed requests, which is off by default: the login goes on without a pushed request. With the registration endpoint turned on, a client registers with an initial access token, and has only the scopes that the application gives it."),
    Row::new(Habits::ZITADEL_OIDC, Public, &[OFFLINE], New).peer("tests/peers/zitadel.py"),
];
