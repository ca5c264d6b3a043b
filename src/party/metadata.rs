//! Provider metadata (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).

use http::Uri;
use serde::{Deserialize, Deserializer, de};
use url::{Position, Url};

use super::options::{Deviation, ProviderOptions};
use crate::base::json::{self, Fields, Scalar, Text};
use crate::base::url::{Endpoint, Issuer};
use crate::base::word_set::{Words, words};
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::Algorithms;
use crate::wire::policy::METADATA_LIMIT;

words! {
    /// A response type (OAuth 2.0 Multiple Response Type Encoding Practices). This crate uses `code`.
    ResponseType { Code = "code", IdToken = "id_token", Token = "token", CodeIdToken = "code id_token", None = "none", }
}
words! {
    /// How the provider returns the authorization response (OAuth 2.0 Multiple Response Type Encoding Practices).
    ResponseMode { Query = "query", Fragment = "fragment", FormPost = "form_post", }
}
words! {
    /// A grant type (RFC 6749, RFC 8628).
    GrantType {
        AuthorizationCode = "authorization_code",
        RefreshToken = "refresh_token",
        ClientCredentials = "client_credentials",
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        Implicit = "implicit",
    }
}
words! {
    /// A PKCE method (RFC 7636 section 4.3). `plain` is known only to be refused.
    CodeChallengeMethod { S256 = "S256", Plain = "plain", }
}
words! {
    /// How a client authenticates (RFC 6749 section 2.3, OpenID Connect Core 1.0 section 9).
    AuthMethod {
        None = "none",
        ClientSecretBasic = "client_secret_basic",
        ClientSecretPost = "client_secret_post",
        ClientSecretJwt = "client_secret_jwt",
        PrivateKeyJwt = "private_key_jwt",
    }
}
words! {
    /// What the provider should ask the user for (OpenID Connect Core 1.0 section 3.1.2.1; `create`: Initiating User
    /// Registration 1.0).
    Prompt { None = "none", Login = "login", Consent = "consent", SelectAccount = "select_account", Create = "create", }
}

/// Which well-known document to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WellKnown {
    /// `/.well-known/openid-configuration` after the issuer's path (OpenID Connect Discovery 1.0 section 4).
    #[default]
    OpenIdConfiguration,
    /// `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 section 3).
    OauthAuthorizationServer,
}

impl WellKnown {
    /// The URL of the document.
    ///
    /// # Errors
    /// `url.syntax`; a valid [`Issuer`] does not cause it.
    pub fn uri(self, issuer: &Issuer) -> Result<Uri, Error> {
        let url = Url::parse(issuer.as_str()).map_err(|_| ErrorCode::URL_SYNTAX)?;
        let (origin, path) = (&url[..Position::BeforePath], url.path().trim_end_matches('/'));
        let text = match self {
            Self::OpenIdConfiguration => format!("{origin}{path}/.well-known/openid-configuration"),
            Self::OauthAuthorizationServer => format!("{origin}/.well-known/oauth-authorization-server{path}"),
        };
        Ok(Uri::try_from(text).map_err(|_| ErrorCode::URL_SYNTAX)?)
    }

    /// What an error names that names nothing else.
    pub(crate) const fn request(self) -> &'static str {
        match self {
            Self::OpenIdConfiguration => "openid_configuration",
            Self::OauthAuthorizationServer => "oauth_authorization_server",
        }
    }
}

/// The metadata of a provider (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). Every URL is a checked
/// [`Endpoint`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerMetadata {
    /// `issuer`, equal to the requested issuer.
    pub issuer: Issuer,
    /// `authorization_endpoint`: needed where a user logs in by browser, not for other grants.
    pub authorization_endpoint: Option<Endpoint>,
    /// `token_endpoint`.
    pub token_endpoint: Endpoint,
    /// `jwks_uri`. OpenID Providers must have it, OAuth servers may.
    pub jwks_uri: Option<Endpoint>,
    /// `registration_endpoint` (RFC 7591).
    pub registration_endpoint: Option<Endpoint>,
    /// `userinfo_endpoint`.
    pub userinfo_endpoint: Option<Endpoint>,
    /// `revocation_endpoint` (RFC 7009).
    pub revocation_endpoint: Option<Endpoint>,
    /// `end_session_endpoint` (RP-Initiated Logout 1.0).
    pub end_session_endpoint: Option<Endpoint>,
    /// `response_types_supported`.
    pub response_types: Words<ResponseType>,
    /// `response_modes_supported`; by default query and fragment (RFC 8414 section 2).
    pub response_modes: Words<ResponseMode>,
    /// `grant_types_supported`; by default authorization code and implicit.
    pub grant_types: Words<GrantType>,
    /// `code_challenge_methods_supported`: either empty (not advertised) or with S256.
    pub code_challenge_methods: Words<CodeChallengeMethod>,
    /// `token_endpoint_auth_methods_supported`; by default `client_secret_basic`.
    pub token_endpoint_auth_methods: Words<AuthMethod>,
    /// `token_endpoint_auth_signing_alg_values_supported`; `None` if not advertised.
    pub token_endpoint_auth_signing_algorithms: Option<Algorithms>,
    /// `id_token_signing_alg_values_supported`.
    pub id_token_signing_algorithms: Algorithms,
    /// `dpop_signing_alg_values_supported` (RFC 9449 section 5.1); `None` if DPoP is not advertised.
    pub dpop_signing_algorithms: Option<Algorithms>,
    /// `pushed_authorization_request_endpoint` (RFC 9126).
    pub pushed_authorization_request_endpoint: Option<Endpoint>,
    /// `require_pushed_authorization_requests` (RFC 9126 section 5).
    pub require_pushed_authorization_requests: bool,
    /// `device_authorization_endpoint` (RFC 8628).
    pub device_authorization_endpoint: Option<Endpoint>,
    /// `prompt_values_supported`; `None` if not advertised.
    pub prompt_values: Option<Words<Prompt>>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207): the callback must then carry `iss`.
    pub authorization_response_iss: bool,
    /// The whole document, if the caller chose [`UnknownFields::Keep`](crate::UnknownFields::Keep).
    pub fields: Option<Fields>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    issuer: Option<Text<'a>>,
    #[serde(borrow)]
    authorization_endpoint: Option<Text<'a>>,
    #[serde(borrow)]
    token_endpoint: Option<Text<'a>>,
    #[serde(borrow)]
    jwks_uri: Option<Text<'a>>,
    #[serde(borrow)]
    registration_endpoint: Option<Text<'a>>,
    #[serde(borrow)]
    userinfo_endpoint: Option<Text<'a>>,
    #[serde(borrow)]
    revocation_endpoint: Option<Text<'a>>,
    #[serde(borrow)]
    end_session_endpoint: Option<Text<'a>>,
    response_types_supported: Option<Words<ResponseType>>,
    response_modes_supported: Option<Words<ResponseMode>>,
    grant_types_supported: Option<Words<GrantType>>,
    code_challenge_methods_supported: Option<Words<CodeChallengeMethod>>,
    token_endpoint_auth_methods_supported: Option<Words<AuthMethod>>,
    token_endpoint_auth_signing_alg_values_supported: Option<Algorithms>,
    id_token_signing_alg_values_supported: Option<Algorithms>,
    dpop_signing_alg_values_supported: Option<Algorithms>,
    #[serde(borrow)]
    pushed_authorization_request_endpoint: Option<Text<'a>>,
    require_pushed_authorization_requests: Option<Flag>,
    #[serde(borrow)]
    device_authorization_endpoint: Option<Text<'a>>,
    prompt_values_supported: Option<Words<Prompt>>,
    authorization_response_iss_parameter_supported: Option<Flag>,
}

/// A boolean, or the string that spells one.
enum Flag {
    Plain(bool),
    Spelled(bool),
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Bool(value) => Ok(Self::Plain(value)),
            Scalar::Text(text) if text == "true" => Ok(Self::Spelled(true)),
            Scalar::Text(text) if text == "false" => Ok(Self::Spelled(false)),
            _ => Err(de::Error::custom("not a boolean")),
        }
    }
}

impl ServerMetadata {
    /// Parses the metadata document of `issuer`, with the rules that OpenID Providers and OAuth servers have in common.
    ///
    /// # Errors
    /// `metadata.issuer_mismatch`, `metadata.missing_field`, `metadata.url`, `metadata.pkce_without_s256`, `json.…`,
    /// `http.body_too_large`.
    pub fn parse(document: &[u8], issuer: &Issuer, options: &ProviderOptions) -> Result<Self, Error> {
        if document.len() > METADATA_LIMIT {
            return Err(ErrorCode::HTTP_BODY_TOO_LARGE.into());
        }
        let parsed: Document<'_> = json::document(document)?;
        let named = required(parsed.issuer, "issuer")?;
        if *named != *issuer.as_str() && !(options.accepts(Deviation::TenantIssuer) && is_template(&named, issuer)) {
            return Err(other_issuer(issuer, &named));
        }
        let url = |text: Option<Text<'_>>, name| {
            text.map(|text| {
                Endpoint::new(&text, options.schemes()).map_err(|error| {
                    Error::new(ErrorCode::METADATA_URL)
                        .at(name)
                        .with_found(Quote::published_url(&text))
                        .with_source(error)
                })
            })
            .transpose()
        };
        let flag = |flag: Option<Flag>, name| match flag {
            None => Ok(false),
            Some(Flag::Plain(value)) => Ok(value),
            Some(Flag::Spelled(value)) if options.accepts(Deviation::StringBooleans) => Ok(value),
            Some(Flag::Spelled(_)) => {
                let error = Error::new(ErrorCode::JSON_TYPE).at(name).with_expected(Quote::library("a boolean"));
                Err(error.with_found(Quote::library("a string")))
            }
        };
        let grant_types = parsed
            .grant_types_supported
            .unwrap_or_else(|| Words::of(&[GrantType::AuthorizationCode, GrantType::Implicit]));
        let code_challenge_methods = parsed.code_challenge_methods_supported.unwrap_or_default();
        let any_method = !code_challenge_methods.is_empty() || code_challenge_methods.has_unknown();
        if any_method && !code_challenge_methods.contains(CodeChallengeMethod::S256) {
            return Err(Error::new(ErrorCode::METADATA_PKCE_WITHOUT_S256).at("code_challenge_methods_supported"));
        }
        Ok(Self {
            issuer: if *named == *issuer.as_str() { issuer.clone() } else { Issuer::stored(named.0.into_owned()) },
            authorization_endpoint: url(parsed.authorization_endpoint, "authorization_endpoint")?,
            token_endpoint: required(url(parsed.token_endpoint, "token_endpoint")?, "token_endpoint")?,
            jwks_uri: url(parsed.jwks_uri, "jwks_uri")?,
            registration_endpoint: url(parsed.registration_endpoint, "registration_endpoint")?,
            userinfo_endpoint: url(parsed.userinfo_endpoint, "userinfo_endpoint")?,
            revocation_endpoint: url(parsed.revocation_endpoint, "revocation_endpoint")?,
            end_session_endpoint: url(parsed.end_session_endpoint, "end_session_endpoint")?,
            response_types: required(parsed.response_types_supported, "response_types_supported")?,
            response_modes: parsed
                .response_modes_supported
                .unwrap_or_else(|| Words::of(&[ResponseMode::Query, ResponseMode::Fragment])),
            grant_types,
            code_challenge_methods,
            token_endpoint_auth_methods: parsed
                .token_endpoint_auth_methods_supported
                .unwrap_or_else(|| Words::of(&[AuthMethod::ClientSecretBasic])),
            token_endpoint_auth_signing_algorithms: parsed.token_endpoint_auth_signing_alg_values_supported,
            id_token_signing_algorithms: parsed.id_token_signing_alg_values_supported.unwrap_or_default(),
            dpop_signing_algorithms: parsed.dpop_signing_alg_values_supported,
            pushed_authorization_request_endpoint: url(
                parsed.pushed_authorization_request_endpoint,
                "pushed_authorization_request_endpoint",
            )?,
            require_pushed_authorization_requests: flag(
                parsed.require_pushed_authorization_requests,
                "require_pushed_authorization_requests",
            )?,
            device_authorization_endpoint: url(parsed.device_authorization_endpoint, "device_authorization_endpoint")?,
            prompt_values: parsed.prompt_values_supported,
            authorization_response_iss: flag(
                parsed.authorization_response_iss_parameter_supported,
                "authorization_response_iss_parameter_supported",
            )?,
            fields: options.keeps_unknown_fields().then(|| Fields::new(document)),
        })
    }

    /// Checks the rules that OpenID Connect Discovery 1.0 adds: `jwks_uri` and the ID token algorithms must be present.
    ///
    /// # Errors
    /// `metadata.missing_field`.
    pub fn check_openid(&self) -> Result<(), Error> {
        required(self.jwks_uri.as_ref(), "jwks_uri").map(|_| ())
    }
}

fn other_issuer(issuer: &Issuer, named: &str) -> Error {
    let asked = issuer.as_str();
    let error = Error::new(ErrorCode::METADATA_ISSUER_MISMATCH).at("issuer");
    let error = error.with_expected(Quote::caller(asked)).with_found(Quote::published_url(named));
    let scheme = |text: &str| text.split_once("://").map(|(_, rest)| rest.to_owned());
    if let Some(hint) = well_known_hint(issuer) {
        error.with_hint(hint)
    } else if asked.trim_end_matches('/') == named.trim_end_matches('/') {
        let how = if named.ends_with('/') { "with" } else { "without" };
        error.with_hint(format!("One slash differs: give the issuer {how} a slash at its end."))
    } else if scheme(asked) == scheme(named) {
        error.with_hint(
            "Only the scheme differs: correct the provider's public URL, or give the issuer with the other scheme.",
        )
    } else {
        error
    }
}

/// There is no document under the issuer's well-known URL.
pub(crate) fn not_found(issuer: &Issuer) -> Error {
    let error = Error::new(ErrorCode::METADATA_NOT_FOUND);
    match well_known_hint(issuer) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// What to do where the URL of the document was given for the issuer.
fn well_known_hint(issuer: &Issuer) -> Option<String> {
    let (before, _) = issuer.as_str().split_once("/.well-known/")?;
    let before = Quote::caller(before);
    Some(format!("You gave the URL of the metadata document: give the issuer, which is probably {before}."))
}

/// Whether an issuer with `{tenantid}` is the template of one that was asked for by a tenant's or a group's name.
///
/// Scheme and host stand before the tenant: the provider says who its tenants are, and with a tenant for a host it could
/// speak in the name of every other provider.
fn is_template(template: &str, issuer: &Issuer) -> bool {
    template.split_once("{tenantid}").is_some_and(|(before, after)| {
        let middle = issuer.as_str().strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let in_path = before.splitn(4, '/').count() == 4;
        in_path && middle.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/'))
    })
}

fn required<T>(field: Option<T>, name: &'static str) -> Result<T, Error> {
    field.ok_or_else(|| Error::new(ErrorCode::METADATA_MISSING_FIELD).at(name))
}
