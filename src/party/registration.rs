//! Dynamic client registration (RFC 7591): the metadata as they are sent.

use std::collections::BTreeMap;

use http::Request;
use http::header::AUTHORIZATION;
use serde::ser::{self, SerializeMap as _};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::client_metadata::{ApplicationType, ClientMetadata};
use super::metadata::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
use crate::base::base64url;
use crate::base::secret::{AccessToken, Body};
use crate::base::url::Endpoint;
use crate::base::word_set::Words;
use crate::error::{Error, ErrorCode, Quote};
use crate::wire::request;

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

impl ClientMetadata {
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
    pub(crate) fn listed(self, listed: Words<AuthMethod>) -> Self {
        let asked = self.token_endpoint_auth_method();
        let is_native = asked == AuthMethod::None && self.application_type() == ApplicationType::Native;
        let others = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
        if !listed.contains(asked)
            && !is_native
            && self.key.is_none()
            && let Some(other) = others.into_iter().find(|&method| listed.contains(method))
        {
            return self.with_token_endpoint_auth_method(other);
        }
        self
    }

    /// The SHA-256 of the registration request, as base64url. If it changes, register the client again.
    pub fn fingerprint(&self) -> String {
        base64url::encode(Sha256::digest(self.to_json()))
    }

    fn to_json(&self) -> Vec<u8> {
        // Strings and lists of strings always serialize. There is room for what most clients have.
        let mut json = Vec::with_capacity(512);
        serde_json::to_writer(&mut json, self).map_or_else(|_| Vec::new(), |()| json)
    }
}

impl Serialize for ClientMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("application_type", self.application_type().name())?;
        map.serialize_entry("redirect_uris", &Uris(self.redirect_uris()))?;
        map.serialize_entry("response_types", if self.redirect_uris().is_empty() { &[][..] } else { &["code"] })?;
        map.serialize_entry("grant_types", &Names(self.grant_types()))?;
        map.serialize_entry("token_endpoint_auth_method", self.token_endpoint_auth_method().name())?;
        if let Some((key, public)) = self.key.as_ref().and_then(|key| Some((key, key.public_key()?))) {
            map.serialize_entry("token_endpoint_auth_signing_alg", key.algorithm().name())?;
            let jwk = public.to_jwk(key.algorithm(), key.key_id());
            map.serialize_entry("jwks", &Jwks { keys: [serde_json::from_str(&jwk).map_err(ser::Error::custom)?] })?;
        }
        for (name, field) in [
            ("client_name", self.client_name()),
            ("client_uri", self.client_uri()),
            ("logo_uri", self.logo_uri()),
            ("tos_uri", self.tos_uri()),
            ("policy_uri", self.policy_uri()),
        ] {
            let Some(field) = field else { continue };
            for (tag, value) in field.values() {
                match tag {
                    Some(tag) => map.serialize_entry(&format!("{name}#{tag}"), value)?,
                    None => map.serialize_entry(name, value)?,
                }
            }
        }
        if !self.contacts().is_empty() {
            map.serialize_entry("contacts", self.contacts())?;
        }
        if !self.post_logout_redirect_uris().is_empty() {
            map.serialize_entry("post_logout_redirect_uris", &Uris(self.post_logout_redirect_uris()))?;
        }
        if let Some(uri) = self.backchannel_logout_uri() {
            map.serialize_entry("backchannel_logout_uri", &uri.uri().to_string())?;
            map.serialize_entry("backchannel_logout_session_required", &self.backchannel_logout_session_required())?;
        }
        for (name, field) in [
            ("id_token_signed_response_alg", self.id_token_signed_response_alg()),
            ("userinfo_signed_response_alg", self.userinfo_signed_response_alg()),
        ] {
            if let Some(algorithm) = field {
                map.serialize_entry(name, algorithm.name())?;
            }
        }
        for (name, field) in [("software_id", self.software_id()), ("software_version", self.software_version())] {
            if let Some(field) = field {
                map.serialize_entry(name, field)?;
            }
        }
        if let Some(statement) = self.software_statement() {
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

struct Names(Words<GrantType>);

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(GrantType::name))
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
