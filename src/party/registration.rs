//! Dynamic client registration (RFC 7591).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use serde::ser::{self, SerializeMap as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::client::{Client, ClientAuth};
use super::metadata::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
use crate::base::env::Timestamp;
use crate::base::json::{self, Fields, Scalar};
use crate::base::secret::{Body, Secret};
use crate::base::url::Endpoint;
use crate::base::word_set::{Words, words};
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::{Algorithm, PrivateKey, asymmetric};
use crate::wire::oauth_error;
use crate::wire::request;
use crate::wire::response::Response;

words! {
    /// What kind of application it is (OpenID Connect Dynamic Client Registration 1.0 section 2).
    ApplicationType { Web = "web", Native = "native", }
}

/// A field for people to read, in one or several languages (RFC 7591 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localized {
    default: String,
    languages: BTreeMap<String, String>,
}

impl Localized {
    /// The value without a language.
    pub fn new(default: impl Into<String>) -> Self {
        Self { default: default.into(), languages: BTreeMap::new() }
    }

    /// Adds the value in the language of this tag (BCP 47). It is sent as `field#tag`.
    #[must_use]
    pub fn with_language(mut self, tag: impl Into<String>, value: impl Into<String>) -> Self {
        self.languages.insert(tag.into(), value.into());
        self
    }

    /// The values, each with the tag of its language; the one without comes first.
    pub(crate) fn values(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let others = self.languages.iter().map(|(tag, value)| (Some(tag.as_str()), value.as_str()));
        std::iter::once((None, self.default.as_str())).chain(others)
    }
}

impl<T: Into<String>> From<T> for Localized {
    fn from(default: T) -> Self {
        Self::new(default)
    }
}

/// The members that [`ClientMetadata`] has a field for, or that a flow sets.
const OWN: [&str; 21] = [
    "application_type",
    "backchannel_logout_session_required",
    "backchannel_logout_uri",
    "client_name",
    "client_uri",
    "contacts",
    "grant_types",
    "id_token_signed_response_alg",
    "jwks",
    "logo_uri",
    "policy_uri",
    "post_logout_redirect_uris",
    "redirect_uris",
    "response_types",
    "software_id",
    "software_statement",
    "software_version",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "tos_uri",
    "userinfo_signed_response_alg",
];

/// The metadata of a client that registers (RFC 7591 section 2).
///
/// Equal metadata serialize to equal bytes, so [`ClientMetadata::fingerprint`] changes only if the metadata change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientMetadata {
    /// `redirect_uris`.
    pub redirect_uris: Vec<RedirectUri>,
    /// `application_type`.
    pub application_type: ApplicationType,
    /// `token_endpoint_auth_method`.
    pub token_endpoint_auth_method: AuthMethod,
    /// `grant_types`.
    pub grant_types: Words<GrantType>,
    /// `client_name`.
    pub client_name: Option<Localized>,
    /// `client_uri`.
    pub client_uri: Option<Localized>,
    /// `logo_uri`.
    pub logo_uri: Option<Localized>,
    /// `tos_uri`.
    pub tos_uri: Option<Localized>,
    /// `policy_uri`.
    pub policy_uri: Option<Localized>,
    /// `contacts`: e-mail addresses.
    pub contacts: Vec<String>,
    /// `post_logout_redirect_uris` (RP-Initiated Logout 1.0 section 3.1).
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// `backchannel_logout_uri` (Back-Channel Logout 1.0 section 2.2): the URL to which the provider sends logout tokens.
    pub backchannel_logout_uri: Option<Endpoint>,
    /// `backchannel_logout_session_required`: whether logout tokens must have `sid`.
    pub backchannel_logout_session_required: bool,
    /// `id_token_signed_response_alg`.
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// `userinfo_signed_response_alg`.
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// `software_id`.
    pub software_id: Option<String>,
    /// `software_version`.
    pub software_version: Option<String>,
    /// `software_statement` (RFC 7591 section 2.3): a JWT. Another statement changes the fingerprint.
    pub software_statement: Option<Secret>,
    further: BTreeMap<String, Value>,
    key: Option<PrivateKey>,
}

impl ClientMetadata {
    /// A public client with the authorization code and refresh token grants.
    pub fn new(application_type: ApplicationType, redirect_uris: Vec<RedirectUri>) -> Self {
        Self {
            redirect_uris,
            application_type,
            token_endpoint_auth_method: AuthMethod::None,
            grant_types: Words::of(&[GrantType::AuthorizationCode, GrantType::RefreshToken]),
            client_name: None,
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
            contacts: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            id_token_signed_response_alg: None,
            userinfo_signed_response_alg: None,
            software_id: None,
            software_version: None,
            software_statement: None,
            further: BTreeMap::new(),
            key: None,
        }
    }

    /// Sets `private_key_jwt` with this key. Its public key is sent as `jwks`.
    ///
    /// # Errors
    /// `token.client_auth` if the public key is not known, or the key is symmetric.
    pub fn with_private_key(mut self, key: PrivateKey) -> Result<Self, Error> {
        if key.public_key().is_none() || !asymmetric().contains(key.algorithm()) {
            return Err(ErrorCode::TOKEN_CLIENT_AUTH.into());
        }
        self.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        self.key = Some(key);
        Ok(self)
    }

    /// Adds a member that this crate does not know, for example `initiate_login_uri` or `initiate_login_uri#fr`. `value` can
    /// be text, a number, a list.
    ///
    /// # Errors
    /// `registration.member` if the name is empty or given twice, if this type has a field for the member or a flow sets it,
    /// or if the value cannot be JSON.
    pub fn with_member(mut self, name: impl Into<String>, value: impl Serialize) -> Result<Self, Error> {
        let name = name.into();
        let refused = || Error::new(ErrorCode::REGISTRATION_MEMBER).with_found(Quote::caller(&name));
        let member = name.split('#').next().unwrap_or_default();
        if member.is_empty() || OWN.contains(&member) || self.further.contains_key(&name) {
            return Err(refused());
        }
        let value = serde_json::to_value(value).map_err(|error| refused().with_source(error))?;
        self.further.insert(name, value);
        Ok(self)
    }

    /// The SHA-256 of the registration request, as base64url. If it changes, register the client again.
    pub fn fingerprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.to_json()))
    }

    fn to_json(&self) -> Vec<u8> {
        // Strings and lists of strings always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for ClientMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("application_type", self.application_type.name())?;
        map.serialize_entry("redirect_uris", &Uris(&self.redirect_uris))?;
        map.serialize_entry("response_types", if self.redirect_uris.is_empty() { &[][..] } else { &["code"] })?;
        map.serialize_entry("grant_types", &self.grant_types.iter().map(GrantType::name).collect::<Vec<_>>())?;
        map.serialize_entry("token_endpoint_auth_method", self.token_endpoint_auth_method.name())?;
        if let Some((key, public)) = self.key.as_ref().and_then(|key| Some((key, key.public_key()?))) {
            map.serialize_entry("token_endpoint_auth_signing_alg", key.algorithm().name())?;
            let jwk = public.to_jwk(key.algorithm(), key.key_id());
            map.serialize_entry("jwks", &Jwks { keys: [serde_json::from_str(&jwk).map_err(ser::Error::custom)?] })?;
        }
        for (name, field) in [
            ("client_name", &self.client_name),
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("tos_uri", &self.tos_uri),
            ("policy_uri", &self.policy_uri),
        ] {
            let Some(field) = field else { continue };
            for (tag, value) in field.values() {
                match tag {
                    Some(tag) => map.serialize_entry(&format!("{name}#{tag}"), value)?,
                    None => map.serialize_entry(name, value)?,
                }
            }
        }
        if !self.contacts.is_empty() {
            map.serialize_entry("contacts", &self.contacts)?;
        }
        if !self.post_logout_redirect_uris.is_empty() {
            map.serialize_entry("post_logout_redirect_uris", &Uris(&self.post_logout_redirect_uris))?;
        }
        if let Some(uri) = &self.backchannel_logout_uri {
            map.serialize_entry("backchannel_logout_uri", &uri.uri().to_string())?;
            map.serialize_entry("backchannel_logout_session_required", &self.backchannel_logout_session_required)?;
        }
        for (name, field) in [
            ("id_token_signed_response_alg", self.id_token_signed_response_alg),
            ("userinfo_signed_response_alg", self.userinfo_signed_response_alg),
        ] {
            if let Some(algorithm) = field {
                map.serialize_entry(name, algorithm.name())?;
            }
        }
        for (name, field) in [("software_id", &self.software_id), ("software_version", &self.software_version)] {
            if let Some(field) = field {
                map.serialize_entry(name, field)?;
            }
        }
        if let Some(statement) = &self.software_statement {
            map.serialize_entry("software_statement", statement.expose())?;
        }
        for (name, value) in &self.further {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct Uris<'a>(&'a [RedirectUri]);

impl Serialize for Uris<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(RedirectUri::as_str))
    }
}

#[derive(Serialize)]
struct Jwks<'a> {
    keys: [BTreeMap<&'a str, &'a str>; 1],
}

/// The registration request (RFC 7591 section 3.1).
pub(crate) fn request(endpoint: &Endpoint, metadata: &ClientMetadata) -> Request<Body> {
    request::json(endpoint, metadata.to_json().into())
}

/// A client as a provider registered it (RFC 7591 section 3.2.1).
#[derive(Clone, Debug)]
pub struct Registered {
    pub(crate) client_id: Box<str>,
    pub(crate) auth: ClientAuth,
    pub(crate) id_token_algorithm: Option<Algorithm>,
    pub(crate) userinfo_algorithm: Option<Algorithm>,
    /// `grant_types`, if the provider granted fewer than were asked for.
    pub(crate) granted: Option<Words<GrantType>>,
    pub(crate) secret_expires_at: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) fields: Option<Fields>,
}

impl Registered {
    /// A client that was registered in another way, for example by hand in a provider's console.
    pub fn preregistered(client_id: impl Into<Box<str>>, auth: ClientAuth) -> Self {
        Self {
            client_id: client_id.into(),
            auth,
            id_token_algorithm: None,
            userinfo_algorithm: None,
            granted: None,
            secret_expires_at: None,
            issued_at: None,
            fields: None,
        }
    }

    /// `client_id`.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How the client authenticates, with its secret.
    pub fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// `client_secret_expires_at`; `None` if it does not expire.
    pub fn secret_expires_at(&self) -> Option<Timestamp> {
        self.secret_expires_at
    }

    /// `client_id_issued_at`.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// The whole registration response, if the caller chose [`UnknownFields::Keep`](crate::UnknownFields::Keep).
    pub fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    /// The client, with these redirect URIs, which must be registered for it.
    pub fn client(&self, redirect_uris: &[RedirectUri]) -> Client {
        let client = Client { redirect_uris: redirect_uris.to_vec(), ..Client::new(self.client_id.clone()) };
        Client {
            auth: self.auth.clone(),
            registered_algorithm: self.id_token_algorithm,
            registered_userinfo_algorithm: self.userinfo_algorithm,
            granted: self.granted,
            ..client
        }
    }
}

/// The needed members of the response. The other members repeat the request, in types that differ between providers.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    client_id: Scalar<'a>,
    #[serde(borrow, default)]
    client_secret: Scalar<'a>,
    #[serde(borrow, default)]
    client_secret_expires_at: Scalar<'a>,
    #[serde(borrow, default)]
    client_id_issued_at: Scalar<'a>,
    #[serde(borrow, default)]
    token_endpoint_auth_method: Scalar<'a>,
    #[serde(default)]
    grant_types: Value,
    #[serde(borrow, default)]
    id_token_signed_response_alg: Scalar<'a>,
    #[serde(borrow, default)]
    userinfo_signed_response_alg: Scalar<'a>,
}

/// Parses a registration response: any 2xx status with a `client_id`.
///
/// # Errors
/// `registration.…`, `http.…`, `json.…`.
pub(crate) fn parse(response: Response<'_>, sent: &ClientMetadata, keep_fields: bool) -> Result<Registered, Error> {
    if !response.status.is_success() {
        return Err(oauth_error::from_response(response, |error| match error {
            "invalid_redirect_uri" => ErrorCode::REGISTRATION_INVALID_REDIRECT_URI,
            "invalid_client_metadata" => ErrorCode::REGISTRATION_INVALID_CLIENT_METADATA,
            "invalid_software_statement" => ErrorCode::REGISTRATION_INVALID_SOFTWARE_STATEMENT,
            "unapproved_software_statement" => ErrorCode::REGISTRATION_UNAPPROVED_SOFTWARE_STATEMENT,
            _ => ErrorCode::REGISTRATION_DENIED,
        }));
    }
    let answer: Members<'_> = json::document(response.success()?)?;
    let client_id = answer.client_id.text().filter(|id| !id.is_empty()).ok_or(ErrorCode::REGISTRATION_NO_CLIENT_ID)?;
    let secret = answer.client_secret.text().filter(|secret| !secret.is_empty()).map(Secret::new);
    // What the provider registered counts, not what was asked for (section 3.2.1).
    let method = match answer.token_endpoint_auth_method.text() {
        Some(name) => AuthMethod::from_name(&name).ok_or_else(|| {
            let asked = Quote::library(sent.token_endpoint_auth_method.name());
            let error = Error::new(ErrorCode::REGISTRATION_AUTH_METHOD).at("token_endpoint_auth_method");
            error.with_expected(asked).with_found(Quote::provider(&name))
        })?,
        None => sent.token_endpoint_auth_method,
    };
    let algorithm = |answered: Scalar<'_>, asked: Option<Algorithm>| match answered.text() {
        // An algorithm that is not known here must not widen what is accepted to the rest.
        Some(name) => Algorithm::from_name(&name).map(Some).ok_or(ErrorCode::JWS_ALGORITHM),
        None => Ok(asked),
    };
    // What is no list says nothing.
    let granted = answer.grant_types.as_array().map(|names| {
        names.iter().filter_map(|name| GrantType::from_name(name.as_str()?)).collect::<Words<GrantType>>()
    });
    let seconds = |value: Scalar<'_>| value.whole().filter(|&seconds| seconds != 0).map(Timestamp::from_unix_seconds);
    Ok(Registered {
        client_id: client_id.into(),
        auth: match (method, &sent.key) {
            (AuthMethod::PrivateKeyJwt, Some(key)) => ClientAuth::PrivateKeyJwt(key.clone()),
            (AuthMethod::PrivateKeyJwt, None) => return Err(ErrorCode::REGISTRATION_AUTH_METHOD.into()),
            _ => ClientAuth::new(method, secret).map_err(|_| ErrorCode::REGISTRATION_NO_SECRET)?,
        },
        id_token_algorithm: algorithm(answer.id_token_signed_response_alg, sent.id_token_signed_response_alg)?,
        userinfo_algorithm: algorithm(answer.userinfo_signed_response_alg, sent.userinfo_signed_response_alg)?,
        granted: granted.filter(|granted| sent.grant_types.iter().any(|grant| !granted.contains(grant))),
        secret_expires_at: seconds(answer.client_secret_expires_at),
        issued_at: seconds(answer.client_id_issued_at),
        fields: keep_fields.then(|| Fields::new(response.body)),
    })
}
