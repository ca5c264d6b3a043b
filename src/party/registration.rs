//! Dynamic client registration (RFC 7591).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use http::header::AUTHORIZATION;
use serde::ser::{self, SerializeMap as _};
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::metadata::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
use crate::base::secret::{AccessToken, Body, Secret};
use crate::base::url::Endpoint;
use crate::base::word_set::{Words, words};
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::{Algorithm, PrivateKey, asymmetric};
use crate::wire::request;

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
    /// `backchannel_logout_uri` (Back-Channel Logout 1.0 section 2.2): the URL to which the provider sends logout
    /// tokens.
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
    pub(super) key: Option<PrivateKey>,
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

    /// Adds a member that this crate does not know, for example `initiate_login_uri` or `initiate_login_uri#fr`.
    /// `value` can be text, a number, a list.
    ///
    /// # Errors
    /// `registration.member` if the name is empty or given twice, if this type has a field for the member or a flow
    /// sets it, or if the value cannot be JSON.
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

    /// These metadata with a `token_endpoint_auth_method` that the provider lists: the one that was asked for, else the
    /// header, else the form. A native application may ask for `none` in any case.
    pub(crate) fn listed(mut self, listed: Words<AuthMethod>) -> Self {
        let asked = self.token_endpoint_auth_method;
        let is_native = asked == AuthMethod::None && self.application_type == ApplicationType::Native;
        let others = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
        if !listed.contains(asked)
            && !is_native
            && self.key.is_none()
            && let Some(other) = others.into_iter().find(|&method| listed.contains(method))
        {
            self.token_endpoint_auth_method = other;
        }
        self
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

/// The registration request (RFC 7591 section 3.1), with the token that a provider may demand for it (section 3).
pub(crate) fn request(
    endpoint: &Endpoint,
    metadata: &ClientMetadata,
    initial_access_token: Option<&AccessToken>,
) -> Request<Body> {
    let mut request = request::json(endpoint, metadata.to_json().into());
    if let Some(token) = initial_access_token {
        request.headers_mut().insert(AUTHORIZATION, token.authorization("Bearer"));
    }
    request
}
