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
        Self { habits, client, scope: "openid profile", choices, after, dead, note: "" }
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
}

use After::{NewRefreshToken as New, Nothing, SameRefreshToken as Same};
use Choice::*;
use Who::*;

const OFFLINE: Choice = Scope("offline_access");

pub(crate) const ROWS: &[Row] = &[
    Row::new(Habits::GOOGLE, Secret, &[Parameter("access_type", "offline")], Same)
        .note("A desktop application has a secret, too. A second login brings a refresh token only with `prompt=consent`."),
    Row::new(Habits::ENTRA_TENANT, Public, &[OFFLINE], New),
    Row::new(Habits::ENTRA_COMMON, Public, &[Accept(Deviation::TenantIssuer), OFFLINE], New)
        .dead(ErrorCode::TOKEN_INTERACTION_REQUIRED)
        .note("Each tenant can log in: check `tid`."),
    Row::new(Habits::AZURE_B2C, Public, &[MetadataUrl, OFFLINE, Scope("app")], New)
        .scope("openid")
        .note("There is an access token only if the client ID, or an API's scope, is in the scope."),
    Row::new(Habits::ENTRA_CIAM, Public, &[MetadataUrl, OFFLINE], New),
    Row::new(Habits::APPLE, Secret, &[], Same)
        .scope("openid")
        .note("The secret is a JWT that the application signs. With `email` or `name` in the scope, Apple wants `form_post`."),
    Row::new(Habits::OKTA, Public, &[OFFLINE], New),
    Row::new(Habits::AUTH0, Public, &[OFFLINE], Same).note("The issuer ends with a slash. Rotation is a setting."),
    Row::new(Habits::KEYCLOAK, Registers, &[InitialAccessToken], New)
        .note("Registration without a token is a policy of the realm."),
    Row::new(Habits::ZITADEL, Public, &[Audience("273951084651"), OFFLINE], New)
        .note("The project's ID is an audience of each token."),
    Row::new(Habits::AUTHENTIK, Public, &[OFFLINE], New),
    Row::new(Habits::AUTHELIA, Public, &[OFFLINE], New),
    Row::new(Habits::DEX, Secret, &[OFFLINE], New),
    Row::new(Habits::HYDRA, Registers, &[OFFLINE, Accept(Deviation::LogoutTokenWithoutExp)], New)
        .note("The deviation is for back-channel logout only."),
    Row::new(Habits::KANIDM, Secret, &[], New),
    Row::new(Habits::GITLAB, Secret, &[], New),
    Row::new(Habits::GITHUB, Secret, &[ByHand(&[]), Accept(Deviation::RefreshErrors)], New)
        .scope("read:user")
        .note("No OpenID Provider: there is no ID token. Ask its API who logged in."),
    Row::new(Habits::COGNITO, Public, &[], Same)
        .note("Its logout wants `logout_uri` in place of `post_logout_redirect_uri`."),
    Row::new(Habits::PINGFEDERATE, Secret, &[], Same),
    Row::new(Habits::ADFS, Public, &[], Same),
    Row::new(Habits::SALESFORCE, Secret, &[Scope("refresh_token")], Same),
    Row::new(Habits::SLACK, Secret, &[Accept(Deviation::MissingTokenType)], Nothing)
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
    )
    .note("Only for applications that LinkedIn has enabled PKCE for: without `nonce` and without PKCE nothing binds the code to the login. No refresh: log in again."),
    Row::new(Habits::DISCORD, Secret, &[], New)
        .scope("openid identify")
        .note("The metadata list no revocation endpoint: tokens live until they expire."),
    Row::new(Habits::TWITCH, Secret, &[Accept(Deviation::ScopeArray)], New)
        .scope("openid")
        .dead(ErrorCode::TOKEN_ERROR)
        .note("A dead refresh token is called `Bad Request`: the message says to log in again."),
    Row::new(Habits::LINE, Secret, &[Method(AuthMethod::ClientSecretPost), Hs256], Same),
    Row::new(Habits::YAHOO, Secret, &[], Same).note("Its revocation endpoint has a name of its own in the metadata, and is not used."),
    Row::new(
        Habits::FACEBOOK,
        Public,
        &[ByHand(&[
            ("token_endpoint", r#""https://graph.facebook.com/v22.0/oauth/access_token""#),
            ("response_types_supported", r#"["code"]"#),
            ("id_token_signing_alg_values_supported", r#"["RS256"]"#),
        ])],
        Nothing,
    )
    .scope("openid")
    .note("The metadata have no token endpoint. No refresh: log in again."),
    Row::new(Habits::CANAILLE, Registers, &[InitialAccessToken], New)
        .note("`private_key_jwt` needs the deviation `token_endpoint_audience`."),
    Row::new(Habits::GLEWLWYD, Secret, &[], Same)
        .dead(ErrorCode::HTTP_STATUS)
        .note("A dead refresh token is answered with an empty 400: after three in a row a session needs a login. `private_key_jwt` needs the deviation `token_endpoint_audience`."),
    Row::new(Habits::LEMONLDAP_NG, Secret, &[OFFLINE], Same),
    Row::new(Habits::DOORKEEPER, Secret, &[], New),
    Row::new(Habits::DJANGO_OAUTH_TOOLKIT, Secret, &[], New),
    Row::new(Habits::BETTER_AUTH, Registers, &[MetadataUrl, OFFLINE], New),
    Row::new(Habits::MATRIX_AUTHENTICATION_SERVICE, Registers, &[], New),
    Row::new(Habits::SPRING, Secret, &[], New).note("Pushed requests are listed and off by default: the login goes on without."),
    Row::new(Habits::ZITADEL_OIDC, Public, &[OFFLINE], New),
];
