//! Provider metadata (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).

use serde::{Deserialize, Deserializer, de};

use super::browser_parameters::{OF_AUTHORIZATION, OF_END_SESSION};
use super::options::{Deviation, ProviderOptions};
use crate::base::json::{self, Fields, Scalar, Text, members};
use crate::base::url::{Endpoint, Issuer, Schemes};
use crate::base::word_set::{Listed, Words, words};
use crate::error::{Error, ErrorCode, Family, Quote};
use crate::jose::{Algorithm, Algorithms};
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
    /// A PKCE method (RFC 7636 section 4.3). This crate never uses `plain`.
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
    /// `response_types_supported`; `code` if it is missing.
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
    unusable: Vec<(&'static str, Error)>,
}

members! {
    struct Document<'a> {
        issuer: Option<Text<'a>>,
        authorization_endpoint: Scalar<'a>,
        token_endpoint: Scalar<'a>,
        jwks_uri: Scalar<'a>,
        registration_endpoint: Scalar<'a>,
        userinfo_endpoint: Scalar<'a>,
        revocation_endpoint: Scalar<'a>,
        end_session_endpoint: Scalar<'a>,
        response_types_supported: Option<Listed<ResponseType>>,
        response_modes_supported: Option<Listed<ResponseMode>>,
        grant_types_supported: Option<Listed<GrantType>>,
        code_challenge_methods_supported: Option<Listed<CodeChallengeMethod>>,
        token_endpoint_auth_methods_supported: Option<Listed<AuthMethod>>,
        token_endpoint_auth_signing_alg_values_supported: Option<Listed<Algorithm>>,
        id_token_signing_alg_values_supported: Option<Listed<Algorithm>>,
        dpop_signing_alg_values_supported: Option<Listed<Algorithm>>,
        pushed_authorization_request_endpoint: Scalar<'a>,
        require_pushed_authorization_requests: Option<Flag>,
        device_authorization_endpoint: Scalar<'a>,
        prompt_values_supported: Option<Listed<Prompt>>,
        authorization_response_iss_parameter_supported: Option<Flag>,
    }
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
            Scalar::Text(text) if text.is_empty() => Ok(Self::Plain(false)),
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
            return Err(Error::body_too_large(METADATA_LIMIT));
        }
        json::around_broken(document, |read| Self::parse_held(read, document, issuer, options))
    }

    /// `whole` is the document as it came.
    fn parse_held(document: &[u8], whole: &[u8], issuer: &Issuer, options: &ProviderOptions) -> Result<Self, Error> {
        let parsed: Document<'_> = json::document(document)?;
        let named = required(parsed.issuer, "issuer")?;
        if *named != *issuer.as_str() && !(options.accepts(Deviation::TenantIssuer) && is_template(&named, issuer)) {
            return Err(other_issuer(issuer, &named));
        }
        let (mut unusable, mut host) = (Vec::new(), None);
        let mut url = |value: Scalar<'_>, name: &'static str| {
            let mut check = |text: &str| match name {
                // Only a browser goes there.
                "end_session_endpoint" if text.contains('#') => Endpoint::page(text, options.schemes()),
                _ => Endpoint::sharing(text, options.schemes(), &mut host),
            };
            let own: &[&str] = match name {
                "authorization_endpoint" => &OF_AUTHORIZATION,
                "end_session_endpoint" => &OF_END_SESSION,
                _ => &[],
            };
            let (text, error) = match value {
                Scalar::Null => return None,
                Scalar::Text(text) => match check(&text) {
                    Ok(endpoint) => match endpoint.check_query(name, |set| own.contains(&set)) {
                        Ok(()) => return Some(endpoint),
                        Err(error) => {
                            unusable.push((name, error));
                            return None;
                        }
                    },
                    Err(error) => (Quote::published_url(&text), error),
                },
                _ => no_text(),
            };
            let is_half =
                error.code() == ErrorCode::URL_SCHEME && matches!(issuer.as_str().split_once("://"), Some(("http", _)));
            let error = unusable_url(name, text, error);
            let error =
                if is_half && options.schemes() == Schemes::HttpsOnly { error.with_hint(HALF_HTTP) } else { error };
            unusable.push((name, error));
            None
        };
        let flag = |flag: Option<Flag>, name| match flag {
            None => Ok(false),
            Some(Flag::Plain(value)) => Ok(value),
            Some(Flag::Spelled(value)) if options.accepts(Deviation::StringBooleans) => Ok(value),
            Some(Flag::Spelled(_)) => {
                let error = Error::new(ErrorCode::JSON_TYPE).at(name).with_expected(Quote::library("a boolean"));
                Err(error.with_found(Quote::library("a string")).with_hint(STRING_BOOLEAN))
            }
        };
        let grant_types = parsed
            .grant_types_supported
            .and_then(Listed::words)
            .unwrap_or_else(|| Words::of(&[GrantType::AuthorizationCode, GrantType::Implicit]));
        let authorization_endpoint = url(parsed.authorization_endpoint, "authorization_endpoint");
        let token_endpoint = url(parsed.token_endpoint, "token_endpoint");
        let jwks_uri = url(parsed.jwks_uri, "jwks_uri");
        let registration_endpoint = url(parsed.registration_endpoint, "registration_endpoint");
        let userinfo_endpoint = url(parsed.userinfo_endpoint, "userinfo_endpoint");
        let revocation_endpoint = url(parsed.revocation_endpoint, "revocation_endpoint");
        let end_session_endpoint = url(parsed.end_session_endpoint, "end_session_endpoint");
        let pushed_authorization_request_endpoint =
            url(parsed.pushed_authorization_request_endpoint, "pushed_authorization_request_endpoint");
        let device_authorization_endpoint = url(parsed.device_authorization_endpoint, "device_authorization_endpoint");
        // A list that cannot be read may leave S256 out.
        let methods = parsed.code_challenge_methods_supported;
        let is_unreadable = matches!(methods, Some(Listed::Unreadable));
        let code_challenge_methods = methods.and_then(Listed::words).unwrap_or_default();
        let any_method = is_unreadable || !code_challenge_methods.is_empty() || code_challenge_methods.has_unknown();
        if any_method && !code_challenge_methods.contains(CodeChallengeMethod::S256) {
            return Err(Error::new(ErrorCode::METADATA_PKCE_WITHOUT_S256).at("code_challenge_methods_supported"));
        }
        Ok(Self {
            issuer: if *named == *issuer.as_str() { issuer.clone() } else { Issuer::stored(named.0.into_owned()) },
            authorization_endpoint,
            token_endpoint: token_endpoint.ok_or_else(|| lacking(&unusable, "token_endpoint"))?,
            jwks_uri,
            registration_endpoint,
            userinfo_endpoint,
            revocation_endpoint,
            end_session_endpoint,
            response_types: parsed
                .response_types_supported
                .and_then(Listed::words)
                .unwrap_or_else(|| Words::of(&[ResponseType::Code])),
            response_modes: parsed
                .response_modes_supported
                .and_then(Listed::words)
                .unwrap_or_else(|| Words::of(&[ResponseMode::Query, ResponseMode::Fragment])),
            grant_types,
            code_challenge_methods,
            token_endpoint_auth_methods: parsed
                .token_endpoint_auth_methods_supported
                .and_then(Listed::words)
                .unwrap_or_else(|| Words::of(&[AuthMethod::ClientSecretBasic])),
            token_endpoint_auth_signing_algorithms: parsed
                .token_endpoint_auth_signing_alg_values_supported
                .and_then(Listed::words),
            id_token_signing_algorithms: parsed
                .id_token_signing_alg_values_supported
                .and_then(Listed::words)
                .unwrap_or_default(),
            dpop_signing_algorithms: parsed.dpop_signing_alg_values_supported.and_then(Listed::words),
            pushed_authorization_request_endpoint,
            require_pushed_authorization_requests: flag(
                parsed.require_pushed_authorization_requests,
                "require_pushed_authorization_requests",
            )?,
            device_authorization_endpoint,
            prompt_values: parsed.prompt_values_supported.and_then(Listed::words),
            authorization_response_iss: flag(
                parsed.authorization_response_iss_parameter_supported,
                "authorization_response_iss_parameter_supported",
            )?,
            fields: options.keeps_unknown_fields().then(|| Fields::new(whole)),
            unusable,
        })
    }

    /// The endpoints that the document names by URLs that are not usable, each with `metadata.url`. They count as
    /// absent, and nothing is sent there.
    pub fn unusable(&self) -> impl Iterator<Item = (&'static str, &Error)> {
        self.unusable.iter().map(|(name, error)| (*name, error))
    }

    /// Reads the URL of a page from a member that only a profile knows, for example
    /// `account_management_uri`. A URL that is not usable is listed in
    /// [`ServerMetadata::unusable`].
    #[allow(dead_code, reason = "only profiles read more members, and a build may have none")]
    pub(crate) fn page(&mut self, value: Scalar<'_>, name: &'static str, schemes: Schemes) -> Option<Endpoint> {
        let (found, why) = match value {
            Scalar::Null => return None,
            Scalar::Text(text) => match Endpoint::page(&text, schemes) {
                Ok(page) => return Some(page),
                Err(error) => (Quote::published_url(&text), error),
            },
            _ => no_text(),
        };
        self.unusable.push((name, unusable_url(name, found, why)));
        None
    }

    /// The endpoint, or the error that the provider has none; it tells the URL that is not usable, if there is one.
    pub(crate) fn endpoint<'a>(
        &self,
        endpoint: &'a Option<Endpoint>,
        name: &'static str,
        code: ErrorCode,
    ) -> Result<&'a Endpoint, Error> {
        endpoint.as_ref().ok_or_else(|| match self.unusable().find(|(own, _)| *own == name) {
            Some((_, error)) => {
                let found = error.found().cloned().unwrap_or_else(|| Quote::library("a value that is not usable"));
                Error::new(code).at(name).with_found(found).with_source(error.clone())
            }
            None => code.into(),
        })
    }

    /// Checks the rule that OpenID Connect Discovery 1.0 adds: `jwks_uri` must be present.
    ///
    /// # Errors
    /// `metadata.missing_field`; `metadata.url` if the URL is not usable.
    pub fn check_openid(&self) -> Result<(), Error> {
        self.jwks_uri.as_ref().map(|_| ()).ok_or_else(|| lacking(&self.unusable, "jwks_uri"))
    }
}

const HALF_HTTP: &str = "If plain http on loopback is meant, choose it for the metadata, too: `RelyingParty::discover_with` and \
                         `ProviderOptions::with_schemes(Schemes::DangerousHttpOnLoopback)`.";

const OF_TENANTS: &str = "The provider has an issuer for each tenant: give that of your own tenant, with its ID in place of `{tenantid}`; or accept `Deviation::TenantIssuer`, by which users of every tenant can log in.";

const STRING_BOOLEAN: &str =
    "If the provider is known for it, accept `Deviation::StringBooleans`; otherwise report it to the provider.";

fn other_issuer(issuer: &Issuer, named: &str) -> Error {
    let asked = issuer.as_str();
    let error = Error::new(ErrorCode::METADATA_ISSUER_MISMATCH).at("issuer");
    let error = error.with_expected(Quote::caller(asked)).with_found(Quote::published_url(named));
    let scheme = |text: &str| text.split_once("://").map(|(_, rest)| rest.to_owned());
    if let Some(hint) = well_known_hint(issuer) {
        error.with_hint(hint)
    } else if is_template(named, issuer) {
        error.with_hint(OF_TENANTS)
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
pub(crate) fn not_found(issuer: &Issuer, asked: &http::Uri) -> Error {
    let error = Error::new(ErrorCode::METADATA_NOT_FOUND).with_expected(Quote::caller_url(&asked.to_string()));
    match well_known_hint(issuer) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// No metadata could be read from the URL. The error names the URL, because users know only the
/// issuer.
pub(crate) fn unreadable(error: Error, asked: &http::Uri) -> Error {
    if error.family() != Family::Response
        || matches!(error.code(), ErrorCode::JSON_TYPE | ErrorCode::JSON_DUPLICATE_NAME)
    {
        return error;
    }
    let url = Quote::caller_url(&asked.to_string());
    let moved = error.found().filter(|_| error.code() == ErrorCode::HTTP_REDIRECT);
    if let Some((issuer, _)) = moved.and_then(|found| found.as_str().split_once("/.well-known/")) {
        let issuer = Quote::published_url(issuer);
        return error.with_hint(format!(
            "The server redirects {url}: give the issuer of the new URL, which is probably {issuer}."
        ));
    }
    error.with_hint(format!("No provider metadata could be read from {url}: check the issuer or the URL."))
}

/// A URL in the metadata that is not usable.
pub(crate) fn unusable_url(name: &'static str, found: Quote, why: Error) -> Error {
    let expected = Quote::library("an absolute URL of an allowed scheme, without a user name or fragment");
    Error::new(ErrorCode::METADATA_URL).at(name).with_expected(expected).with_found(found).with_source(why)
}

/// What to do where the URL of the document was given for the issuer.
fn well_known_hint(issuer: &Issuer) -> Option<String> {
    let (before, _) = issuer.as_str().split_once("/.well-known/")?;
    let before = Quote::caller(before);
    Some(format!("You gave the URL of the metadata document: give the issuer, which is probably {before}."))
}

/// Whether an issuer with `{tenantid}` is the template of one that was asked for by a tenant's or a group's name.
///
/// The scheme and the host must stand before `{tenantid}`: if the tenant could be the host, the
/// provider could choose the name of any other provider.
fn is_template(template: &str, issuer: &Issuer) -> bool {
    template.split_once("{tenantid}").is_some_and(|(before, after)| {
        let middle = issuer.as_str().strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let in_path = before.splitn(4, '/').count() == 4;
        in_path && middle.is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('/'))
    })
}

fn no_text() -> (Quote, Error) {
    (Quote::library("a value that is not a string"), ErrorCode::JSON_TYPE.into())
}

/// Why a URL that has to be there is not: it is missing, or not usable.
fn lacking(unusable: &[(&'static str, Error)], name: &'static str) -> Error {
    let named = unusable.iter().find(|(own, _)| *own == name);
    named.map_or_else(|| Error::new(ErrorCode::METADATA_MISSING_FIELD).at(name), |(_, error)| error.clone())
}

fn required<T>(field: Option<T>, name: &'static str) -> Result<T, Error> {
    field.ok_or_else(|| Error::new(ErrorCode::METADATA_MISSING_FIELD).at(name))
}
