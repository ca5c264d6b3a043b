//! The providers. Each row: constant, name, document, the issuer that is asked for, documentation,
//! what is unsure, habits.

use super::habit::Habit::{self, *};
use super::value::Habits;

/// The refresh token, where `offline_access` is needed and sufficient.
const FOR_OFFLINE_ACCESS: Habit = RefreshTokensFor(&["offline_access"]);

/// An invented tenant of Microsoft Entra ID.
const TENANT: &str = "0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35";

macro_rules! habits {
    ($( $constant:ident = $name:literal, $slug:literal, $issuer:literal, $documentation:literal, $unsure:literal, [$( $habit:expr ),* $(,)?]; )*) => {
        impl Habits {
            $(
                #[doc = concat!($name, ": see <", $documentation, ">.")]
                pub const $constant: Self = Self {
                    name: $name,
                    slug: $slug,
                    issuer: $issuer,
                    documentation: $documentation,
                    document: include_str!(concat!("documents/", $slug, ".json")),
                    unsure: $unsure,
                    list: &[$( $habit, )*],
                };
            )*

            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$constant, )*];
        }
    };
}

habits! {
    GOOGLE = "Google", "google", "https://accounts.google.com",
        "https://developers.google.com/identity/openid-connect/openid-connect", "",
        [KnownScopes, KeepsRefreshTokens, RefreshTokensBy("access_type", "offline"),
         Token("scope", r#""openid https://www.googleapis.com/auth/userinfo.profile""#),
         Claim("azp", r#""{client_id}""#), ClaimLacks("auth_time"),
         Callback("scope", "openid https://www.googleapis.com/auth/userinfo.profile"), Callback("authuser", "0"), Callback("prompt", "consent"),
         DeadRefreshToken(400, "application/json", r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#)];
    ENTRA_TENANT = "Microsoft Entra ID, one tenant", "entra_tenant", "https://login.microsoftonline.com/0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35/v2.0",
        "https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc", "",
        [FOR_OFFLINE_ACCESS, Tenant(TENANT), ClaimLacks("at_hash"), ClaimLacks("auth_time"),
         Claim("ver", r#""2.0""#), Claim("aio", r#""AXQAi""#), Claim("uti", r#""k2rQ""#), Token("ext_expires_in", "300"),
         Callback("session_state", "00000000-0000-0000-0000-000000000001"),
         DeadRefreshToken(400, "application/json; charset=utf-8", r#"{"error":"invalid_grant","error_description":"AADSTS700082: The refresh token has expired due to inactivity.","error_codes":[700082],"timestamp":"2026-01-01 00:00:00Z","trace_id":"1","correlation_id":"1"}"#)];
    ENTRA_COMMON = "Microsoft Entra ID, `common`", "entra_common", "https://login.microsoftonline.com/common/v2.0",
        "https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc", "",
        [FOR_OFFLINE_ACCESS, Tenant(TENANT), ClaimLacks("at_hash"), ClaimLacks("auth_time"),
         Claim("ver", r#""2.0""#), Token("ext_expires_in", "300"), Callback("session_state", "00000000-0000-0000-0000-000000000001"),
         DeadRefreshToken(400, "application/json; charset=utf-8", r#"{"error":"interaction_required","error_description":"AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication.","error_codes":[50076],"suberror":"basic_action"}"#)];
    AZURE_B2C = "Azure AD B2C", "azure_b2c", "https://contoso.b2clogin.com/0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35/v2.0/",
        "https://learn.microsoft.com/azure/active-directory-b2c/openid-connect", "whether `c_hash` or `at_hash` come with custom policies",
        [MetadataAt("https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_sign_in/v2.0/.well-known/openid-configuration"),
         FOR_OFFLINE_ACCESS, AccessTokenForClientId, ClaimLacks("at_hash"), Claim("tfp", r#""B2C_1_sign_in""#), Claim("emails", r#"["alice@users.example"]"#),
         Token("not_before", "1767225600"), Token("expires_on", "1767229200"), Token("id_token_expires_in", "3600"), Token("refresh_token_expires_in", "1209600"), Token("profile_info", r#""e30""#)];
    ENTRA_CIAM = "Microsoft Entra External ID (CIAM)", "entra_ciam", "https://0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35.ciamlogin.com/0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35/v2.0",
        "https://learn.microsoft.com/entra/external-id/customers/concept-authentication-methods-customers", "",
        [MetadataAt("https://contoso.ciamlogin.com/0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35/v2.0/.well-known/openid-configuration"),
         FOR_OFFLINE_ACCESS, ClaimLacks("at_hash"), ClaimLacks("auth_time"), Claim("tid", r#""0f3c2a7e-5b1d-4c86-9a40-d2e8b7f61c35""#), Claim("ver", r#""2.0""#), Token("ext_expires_in", "300")];
    APPLE = "Apple", "apple", "https://appleid.apple.com",
        "https://developer.apple.com/documentation/signinwithapplerestapi", "",
        [KnownScopes, KeepsRefreshTokens, Claim("nonce_supported", "true"), Claim("email_verified", r#""true""#), Claim("real_user_status", "2"), TokenLacks("scope")];
    OKTA = "Okta", "okta", "https://example.okta.com/oauth2/default",
        "https://developer.okta.com/docs/reference/api/oidc/", "",
        [RegistrationByToken, KnownScopes, FOR_OFFLINE_ACCESS, Claim("ver", "1"), Claim("idp", r#""00o1""#), Claim("amr", r#"["pwd"]"#), Claim("jti", r#""ID.1""#)];
    AUTH0 = "Auth0", "auth0", "https://example.eu.auth0.com/",
        "https://auth0.com/docs/api/authentication", "dynamic registration is off unless a tenant turns it on",
        [FOR_OFFLINE_ACCESS, KeepsRefreshTokens, ClaimLacks("at_hash"), ClaimLacks("auth_time"), Claim("sid", r#""s1""#),
         DeadRefreshToken(403, "application/json", r#"{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}"#)];
    KEYCLOAK = "Keycloak", "keycloak", "https://keycloak.example.org/realms/demo",
        "https://www.keycloak.org/securing-apps/oidc-layers", "",
        [RegistrationByToken, Token("refresh_expires_in", "1800"), Token("not-before-policy", "0"), Token("session_state", r#""6e2f""#),
         Claim("typ", r#""ID""#), Claim("azp", r#""{client_id}""#), Claim("sid", r#""6e2f""#), Claim("acr", r#""1""#), Callback("session_state", "6e2f"),
         DeadRefreshToken(400, "application/json", r#"{"error":"invalid_grant","error_description":"Token is not active"}"#)];
    ZITADEL = "Zitadel", "zitadel", "https://example.zitadel.cloud",
        "https://zitadel.com/docs/apis/openidoauth/endpoints", "",
        [FOR_OFFLINE_ACCESS, AudienceToo("273951084651"), Claim("client_id", r#""{client_id}""#), Claim("amr", r#"["pwd"]"#), Claim("sid", r#""V1_2""#)];
    AUTHENTIK = "Authentik", "authentik", "https://authentik.example.org/application/o/demo/",
        "https://docs.goauthentik.io/add-secure-apps/providers/oauth2/", "",
        [FOR_OFFLINE_ACCESS, Claim("acr", r#""goauthentik.io/providers/oauth2/default""#), Claim("amr", r#"["pwd"]"#), Claim("sid", r#""a1""#), Claim("uid", r#""u1""#)];
    AUTHELIA = "Authelia", "authelia", "https://auth.example.org",
        "https://www.authelia.com/integration/openid-connect/introduction/", "",
        [KnownScopes, OfflineByConsent, Claim("amr", r#"["pwd","kba"]"#), Claim("azp", r#""{client_id}""#), Claim("client_id", r#""{client_id}""#), Claim("jti", r#""j1""#), Claim("rat", "1767225600")];
    DEX = "Dex", "dex", "https://dex.example.org/dex",
        "https://dexidp.io/docs/openid-connect/", "",
        [FOR_OFFLINE_ACCESS, NonceAgain, ClaimLacks("auth_time"), Claim("federated_claims", r#"{"connector_id":"mock","user_id":"1"}"#)];
    HYDRA = "Ory Hydra", "hydra", "https://hydra.example.org/",
        "https://www.ory.com/docs/hydra/reference/api", "",
        [RefreshTokensFor(&["offline", "offline_access"]), OfflineByConsent, LogoutTokenWithoutExp, Registration("userinfo_signed_response_alg", r#""none""#),
         Claim("rat", "1767225600"), Claim("sid", r#""s1""#), Claim("jti", r#""j1""#), Claim("acr", r#""0""#),
         DeadRefreshToken(400, "application/json;charset=UTF-8", r#"{"error":"invalid_grant","error_description":"The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client. The refresh token has not been found: not_found"}"#)];
    KANIDM = "Kanidm", "kanidm", "https://idm.example.org/oauth2/openid/demo",
        "https://kanidm.github.io/kanidm/stable/integrations/oauth2.html", "",
        [Signs("ES256"), Claim("azp", r#""{client_id}""#), Claim("jti", r#""j1""#), ClaimLacks("auth_time"), DeadRefreshToken(400, "text/plain; charset=utf-8", r#"{"error":"invalid_grant"}"#)];
    GITLAB = "GitLab", "gitlab", "https://gitlab.com",
        "https://docs.gitlab.com/integration/openid_connect_provider/", "",
        [KnownScopes, AuthTimeMoves, Token("created_at", "1767225600"), Claim("sub_legacy", r#""l1""#), Claim("groups_direct", r#"["a/b"]"#)];
    GITHUB = "GitHub (Apps)", "github", "https://github.com/login/oauth",
        "https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app", "",
        [NoDiscovery, TokenLacks("id_token"), Token("scope", r#""""#), Token("token_type", r#""bearer""#), Token("refresh_token_expires_in", "15897600"),
         DeadRefreshToken(200, "application/json; charset=utf-8", r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired.","error_uri":"https://docs.github.com"}"#)];
    COGNITO = "Amazon Cognito", "cognito", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example01",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html", "its logout takes `logout_uri` in place of `post_logout_redirect_uri`",
        [KeepsRefreshTokens, AuthTimeMoves, TokenLacks("scope"), Claim("token_use", r#""id""#), Claim("cognito:username", r#""alice""#), Claim("origin_jti", r#""o1""#), Userinfo("email_verified", r#""true""#)];
    PINGFEDERATE = "PingFederate", "pingfederate", "https://sso.example.org",
        "https://docs.pingidentity.com/pingfederate/latest/developers_reference_guide/pf_oauth_2_0_endpoints.html", "which refresh tokens a client gets is a setting",
        [RegistrationByToken, KeepsRefreshTokens, TokenLacks("scope"), Claim("pi.sri", r#""p1""#), Claim("jti", r#""j1""#)];
    ADFS = "AD FS", "adfs", "https://adfs.example.org/adfs",
        "https://learn.microsoft.com/windows-server/identity/ad-fs/development/ad-fs-openid-connect-oauth-concepts", "which refresh tokens a client gets is a setting",
        [KeepsRefreshTokens, Token("resource", r#""urn:microsoft:userinfo""#), Token("refresh_token_expires_in", "28799"), Claim("upn", r#""alice@example.org""#), Claim("unique_name", r#""EXAMPLE\\alice""#), Claim("apptype", r#""Confidential""#), Claim("pwd_exp", r#""86400""#), Claim("sid", r#""S-1-5-21-1""#)];
    SALESFORCE = "Salesforce", "salesforce", "https://login.salesforce.com",
        "https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_openid.htm", "whether a refresh brings an ID token",
        [RegistrationByToken, KeepsRefreshTokens, RefreshTokensFor(&["refresh_token", "offline_access"]), TokenLacks("expires_in"), RefreshLacks("id_token"), Token("instance_url", r#""https://example.my.salesforce.com""#), Token("issued_at", r#""1767225600000""#), Token("signature", r#""c2ln""#),
         Userinfo("urls", r#"{"rest":"https://example.my.salesforce.com/services/data/v{version}/"}"#), Userinfo("updated_at", r#""2026-01-01T00:00:00Z""#), Claim("custom_attributes", "{}"),
         DeadRefreshToken(400, "application/json;charset=UTF-8", r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#)];
    SLACK = "Slack", "slack", "https://slack.com",
        "https://docs.slack.dev/authentication/sign-in-with-slack/", "",
        [KnownScopes, NoRefreshTokens, Token("ok", "true"), TokenLacks("token_type"), TokenLacks("expires_in"), TokenLacks("scope"), Userinfo("ok", "true"), Userinfo("https://slack.com/user_id", r#""U1""#), Claim("https://slack.com/user_id", r#""U1""#)];
    LINKEDIN = "LinkedIn", "linkedin", "https://www.linkedin.com/oauth",
        "https://learn.microsoft.com/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2", "PKCE is enabled for each application on request; others are refused with `invalid_client`",
        [KnownScopes, NoRefreshTokens, ClaimLacks("nonce"), ClaimLacks("auth_time"), ClaimLacks("at_hash"), Claim("email_verified", r#""true""#), Userinfo("locale", r#"{"country":"US","language":"en"}"#)];
    DISCORD = "Discord", "discord", "https://discord.com",
        "https://docs.discord.com/developers/topics/oauth2", "",
        [KnownScopes, Claim("auth_time", "1767225600"), RefreshLacks("id_token")];
    TWITCH = "Twitch", "twitch", "https://id.twitch.tv/oauth2",
        "https://dev.twitch.tv/docs/authentication/getting-tokens-oidc/", "",
        [ScopeArray, Token("token_type", r#""bearer""#), RefreshLacks("id_token"), ClaimLacks("auth_time"), ClaimLacks("at_hash"), Claim("azp", r#""{client_id}""#),
         DeadRefreshToken(400, "application/json", r#"{"error":"Bad Request","status":400,"message":"Invalid refresh token"}"#)];
    LINE = "LINE", "line", "https://access.line.me",
        "https://developers.line.biz/en/docs/line-login/integrate-line-login/", "",
        [KnownScopes, Signs("HS256"), KeepsRefreshTokens, RefreshLacks("id_token"), ClaimLacks("auth_time"), ClaimLacks("at_hash"), Claim("amr", r#"["linesso"]"#),
         DeadRefreshToken(400, "application/json", r#"{"error":"invalid_grant","error_description":"invalid refresh token"}"#)];
    YAHOO = "Yahoo", "yahoo", "https://api.login.yahoo.com",
        "https://developer.yahoo.com/oauth2/guide/openid_connect/", "",
        [KeepsRefreshTokens, Token("token_type", r#""bearer""#), Token("xoauth_yahoo_guid", r#""G1""#), Claim("session_exp", "1767229200")];
    FACEBOOK = "Facebook", "facebook", "https://www.facebook.com",
        "https://developers.facebook.com/docs/facebook-login/guides/advanced/oidc-token/", "whether the client secret is needed beside PKCE",
        [Unlisted("token_endpoint", "https://graph.facebook.com/v22.0/oauth/access_token"), NoRefreshTokens, TokenLacks("scope"), Token("token_type", r#""bearer""#), ClaimLacks("auth_time")];
    CANAILLE = "Canaille", "canaille", "https://canaille.example.org",
        "https://canaille.readthedocs.io/", "",
        [RegistrationByToken, AssertionForTokenEndpoint, RefreshLacks("id_token"), Claim("amr", r#"["pwd"]"#)];
    GLEWLWYD = "Glewlwyd", "glewlwyd", "https://glewlwyd.example.org/api/oidc",
        "https://github.com/babelouest/glewlwyd/blob/master/docs/OIDC.md", "",
        [AssertionForTokenEndpoint, KeepsRefreshTokens, RefreshLacks("id_token"), Claim("amr", r#"["pwd"]"#), DeadRefreshToken(400, "", "")];
    LEMONLDAP_NG = "LemonLDAP::NG", "lemonldap_ng", "https://auth.example.org/",
        "https://lemonldap-ng.org/documentation/latest/idpopenidconnect.html", "",
        [FOR_OFFLINE_ACCESS, KeepsRefreshTokens, Claim("acr", r#""loa-2""#), Claim("sid", r#""s1""#), Claim("azp", r#""{client_id}""#)];
    DOORKEEPER = "Doorkeeper", "doorkeeper", "https://app.example.org",
        "https://github.com/doorkeeper-gem/doorkeeper-openid_connect", "",
        [KnownScopes, AuthTimeMoves, Token("created_at", "1767225600")];
    DJANGO_OAUTH_TOOLKIT = "django-oauth-toolkit", "django_oauth_toolkit", "https://django.example.org/o",
        "https://django-oauth-toolkit.readthedocs.io/en/latest/oidc.html", "",
        [AuthTimeMoves, Claim("jti", r#""j1""#)];
    BETTER_AUTH = "better-auth", "better_auth", "https://app.example.org",
        "https://better-auth.com/docs/plugins/oidc-provider", "the issuer depends on the version and on the plugin for JWTs",
        [MetadataAt("https://app.example.org/api/auth/.well-known/openid-configuration"), FOR_OFFLINE_ACCESS, ClaimLacks("at_hash"), Claim("acr", r#""urn:mace:incommon:iap:silver""#)];
    MATRIX_AUTHENTICATION_SERVICE = "Matrix Authentication Service", "matrix_authentication_service", "https://account.example.org/",
        "https://element-hq.github.io/matrix-authentication-service/", "",
        [MatrixAuthenticationService, RefreshLacks("id_token")];
    SPRING = "Spring Authorization Server", "spring", "https://spring.example.org",
        "https://docs.spring.io/spring-authorization-server/reference/protocol-endpoints.html", "",
        [NoRefreshTokensForPublic, PushedToLoginPage, NonceAgain, Claim("azp", r#""{client_id}""#), Claim("sid", r#""s1""#)];
    ZITADEL_OIDC = "zitadel/oidc (its example server)", "zitadel_oidc", "https://op.zitadel.example.org/",
        "https://github.com/zitadel/oidc", "",
        [FOR_OFFLINE_ACCESS, Claim("amr", r#"["pwd"]"#), Claim("azp", r#""{client_id}""#), Claim("client_id", r#""{client_id}""#)];
}
