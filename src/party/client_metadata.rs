//! The metadata of a client that registers (RFC 7591 section 2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::localized::Localized;
use super::metadata::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
use crate::base::secret::Secret;
use crate::base::url::Endpoint;
use crate::base::word_set::{Words, words};
use crate::error::{Error, ErrorCode};
use crate::jose::{Algorithm, PrivateKey, asymmetric};

words! {
    /// What kind of application it is (OpenID Connect Dynamic Client Registration 1.0 section 2).
    ApplicationType { Web = "web", Native = "native", }
}

/// The metadata of a client that registers (RFC 7591 section 2).
///
/// Equal metadata serialize to equal bytes, so [`ClientMetadata::fingerprint`] changes only if the metadata change.
///
/// ```
/// use oidc_proto::{ApplicationType, ClientMetadata, Localized, RedirectUri};
///
/// let redirect_uri = RedirectUri::new("http://127.0.0.1/callback")?;
/// let metadata = ClientMetadata::new(ApplicationType::Native, vec![redirect_uri])
///     .with_client_name(Localized::new("Example").with_language("fr", "Exemple"))
///     .with_client_uri("https://app.example.org/")
///     .with_contact("admin@example.org");
/// assert_eq!(metadata.contacts(), ["admin@example.org"]);
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    redirect_uris: Vec<RedirectUri>,
    application_type: ApplicationType,
    token_endpoint_auth_method: AuthMethod,
    grant_types: Words<GrantType>,
    client_name: Option<Localized>,
    client_uri: Option<Localized>,
    logo_uri: Option<Localized>,
    tos_uri: Option<Localized>,
    policy_uri: Option<Localized>,
    contacts: Vec<String>,
    post_logout_redirect_uris: Vec<RedirectUri>,
    backchannel_logout_uri: Option<Endpoint>,
    backchannel_logout_session_required: bool,
    id_token_signed_response_alg: Option<Algorithm>,
    userinfo_signed_response_alg: Option<Algorithm>,
    software_id: Option<String>,
    software_version: Option<String>,
    software_statement: Option<Secret>,
    pub(super) further: BTreeMap<String, Value>,
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

    /// Adds a URI to `redirect_uris`.
    #[must_use]
    pub fn with_redirect_uri(mut self, redirect_uri: RedirectUri) -> Self {
        self.redirect_uris.push(redirect_uri);
        self
    }

    /// Sets `redirect_uris`, in place of those before.
    #[must_use]
    pub fn with_redirect_uris(self, redirect_uris: impl IntoIterator<Item = RedirectUri>) -> Self {
        Self { redirect_uris: redirect_uris.into_iter().collect(), ..self }
    }

    /// Sets `application_type`.
    #[must_use]
    pub fn with_application_type(self, application_type: ApplicationType) -> Self {
        Self { application_type, ..self }
    }

    /// Sets `token_endpoint_auth_method`; `none` by default. For `private_key_jwt` use
    /// [`ClientMetadata::with_private_key`].
    #[must_use]
    pub fn with_token_endpoint_auth_method(self, method: AuthMethod) -> Self {
        Self { token_endpoint_auth_method: method, ..self }
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

    /// Adds a grant type to `grant_types`.
    #[must_use]
    pub fn with_grant_type(self, grant_type: GrantType) -> Self {
        let grant_types = self.grant_types.with(grant_type);
        Self { grant_types, ..self }
    }

    /// Sets `grant_types`, in place of those before; the authorization code and refresh token grants by default.
    #[must_use]
    pub fn with_grant_types(self, grant_types: Words<GrantType>) -> Self {
        Self { grant_types, ..self }
    }

    /// Sets `client_name`: the name that the provider shows to the user.
    #[must_use]
    pub fn with_client_name(self, name: impl Into<Localized>) -> Self {
        Self { client_name: Some(name.into()), ..self }
    }

    /// Sets `client_uri`: the URL of the client's home page.
    #[must_use]
    pub fn with_client_uri(self, uri: impl Into<Localized>) -> Self {
        Self { client_uri: Some(uri.into()), ..self }
    }

    /// Sets `logo_uri`: the URL of the client's logo.
    #[must_use]
    pub fn with_logo_uri(self, uri: impl Into<Localized>) -> Self {
        Self { logo_uri: Some(uri.into()), ..self }
    }

    /// Sets `tos_uri`: the URL of the terms of service.
    #[must_use]
    pub fn with_tos_uri(self, uri: impl Into<Localized>) -> Self {
        Self { tos_uri: Some(uri.into()), ..self }
    }

    /// Sets `policy_uri`: the URL of the privacy policy.
    #[must_use]
    pub fn with_policy_uri(self, uri: impl Into<Localized>) -> Self {
        Self { policy_uri: Some(uri.into()), ..self }
    }

    /// Adds an e-mail address to `contacts`.
    #[must_use]
    pub fn with_contact(mut self, contact: impl Into<String>) -> Self {
        self.contacts.push(contact.into());
        self
    }

    /// Sets `contacts`, in place of those before: e-mail addresses.
    #[must_use]
    pub fn with_contacts<T: Into<String>>(self, contacts: impl IntoIterator<Item = T>) -> Self {
        Self { contacts: contacts.into_iter().map(Into::into).collect(), ..self }
    }

    /// Adds a URI to `post_logout_redirect_uris` (RP-Initiated Logout 1.0 section 3.1).
    #[must_use]
    pub fn with_post_logout_redirect_uri(mut self, uri: RedirectUri) -> Self {
        self.post_logout_redirect_uris.push(uri);
        self
    }

    /// Sets `post_logout_redirect_uris`, in place of those before.
    #[must_use]
    pub fn with_post_logout_redirect_uris(self, uris: impl IntoIterator<Item = RedirectUri>) -> Self {
        Self { post_logout_redirect_uris: uris.into_iter().collect(), ..self }
    }

    /// Sets `backchannel_logout_uri` (Back-Channel Logout 1.0 section 2.2): the URL to which the provider sends logout
    /// tokens.
    #[must_use]
    pub fn with_backchannel_logout_uri(self, uri: Endpoint) -> Self {
        Self { backchannel_logout_uri: Some(uri), ..self }
    }

    /// Sets `backchannel_logout_session_required`: whether logout tokens must have `sid`; `false`
    /// by default. It is sent only with a `backchannel_logout_uri`.
    #[must_use]
    pub fn with_backchannel_logout_session_required(self, required: bool) -> Self {
        Self { backchannel_logout_session_required: required, ..self }
    }

    /// Sets `id_token_signed_response_alg`: the algorithm that signs ID tokens.
    #[must_use]
    pub fn with_id_token_signed_response_alg(self, algorithm: Algorithm) -> Self {
        Self { id_token_signed_response_alg: Some(algorithm), ..self }
    }

    /// Sets `userinfo_signed_response_alg`: the algorithm that signs userinfo. Without it userinfo is plain JSON.
    #[must_use]
    pub fn with_userinfo_signed_response_alg(self, algorithm: Algorithm) -> Self {
        Self { userinfo_signed_response_alg: Some(algorithm), ..self }
    }

    /// Sets `software_id`: the same for all registrations of the software.
    #[must_use]
    pub fn with_software_id(self, id: impl Into<String>) -> Self {
        Self { software_id: Some(id.into()), ..self }
    }

    /// Sets `software_version`. Another version changes the fingerprint.
    #[must_use]
    pub fn with_software_version(self, version: impl Into<String>) -> Self {
        Self { software_version: Some(version.into()), ..self }
    }

    /// Sets `software_statement` (RFC 7591 section 2.3): a JWT. Another statement changes the fingerprint.
    #[must_use]
    pub fn with_software_statement(self, statement: impl Into<Secret>) -> Self {
        Self { software_statement: Some(statement.into()), ..self }
    }

    /// `redirect_uris`.
    pub fn redirect_uris(&self) -> &[RedirectUri] {
        &self.redirect_uris
    }

    /// `application_type`.
    pub fn application_type(&self) -> ApplicationType {
        self.application_type
    }

    /// `token_endpoint_auth_method`.
    pub fn token_endpoint_auth_method(&self) -> AuthMethod {
        self.token_endpoint_auth_method
    }

    /// `grant_types`.
    pub fn grant_types(&self) -> Words<GrantType> {
        self.grant_types
    }

    /// `client_name`.
    pub fn client_name(&self) -> Option<&Localized> {
        self.client_name.as_ref()
    }

    /// `client_uri`.
    pub fn client_uri(&self) -> Option<&Localized> {
        self.client_uri.as_ref()
    }

    /// `logo_uri`.
    pub fn logo_uri(&self) -> Option<&Localized> {
        self.logo_uri.as_ref()
    }

    /// `tos_uri`.
    pub fn tos_uri(&self) -> Option<&Localized> {
        self.tos_uri.as_ref()
    }

    /// `policy_uri`.
    pub fn policy_uri(&self) -> Option<&Localized> {
        self.policy_uri.as_ref()
    }

    /// `contacts`: e-mail addresses.
    pub fn contacts(&self) -> &[String] {
        &self.contacts
    }

    /// `post_logout_redirect_uris`.
    pub fn post_logout_redirect_uris(&self) -> &[RedirectUri] {
        &self.post_logout_redirect_uris
    }

    /// `backchannel_logout_uri`.
    pub fn backchannel_logout_uri(&self) -> Option<&Endpoint> {
        self.backchannel_logout_uri.as_ref()
    }

    /// `backchannel_logout_session_required`.
    pub fn backchannel_logout_session_required(&self) -> bool {
        self.backchannel_logout_session_required
    }

    /// `id_token_signed_response_alg`.
    pub fn id_token_signed_response_alg(&self) -> Option<Algorithm> {
        self.id_token_signed_response_alg
    }

    /// `userinfo_signed_response_alg`.
    pub fn userinfo_signed_response_alg(&self) -> Option<Algorithm> {
        self.userinfo_signed_response_alg
    }

    /// `software_id`.
    pub fn software_id(&self) -> Option<&str> {
        self.software_id.as_deref()
    }

    /// `software_version`.
    pub fn software_version(&self) -> Option<&str> {
        self.software_version.as_deref()
    }

    /// `software_statement`.
    pub fn software_statement(&self) -> Option<&Secret> {
        self.software_statement.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_set_or_added_to() {
        let uri = |text| RedirectUri::new(text).unwrap();
        let metadata = ClientMetadata::new(ApplicationType::Web, vec![uri("https://a.example.org/")])
            .with_redirect_uri(uri("https://b.example.org/"))
            .with_contacts(["a@example.org", "b@example.org"])
            .with_contact("c@example.org")
            .with_post_logout_redirect_uri(uri("https://c.example.org/"))
            .with_grant_type(GrantType::DeviceCode);
        assert_eq!(metadata.redirect_uris(), [uri("https://a.example.org/"), uri("https://b.example.org/")]);
        assert_eq!(metadata.contacts(), ["a@example.org", "b@example.org", "c@example.org"]);
        assert_eq!(metadata.post_logout_redirect_uris(), [uri("https://c.example.org/")]);
        assert_eq!(metadata.grant_types().iter().count(), 3);

        let metadata = metadata
            .with_redirect_uris([uri("https://d.example.org/")])
            .with_contacts(["d@example.org"])
            .with_post_logout_redirect_uris(Vec::new())
            .with_grant_types(Words::of(&[GrantType::DeviceCode]));
        assert_eq!(metadata.redirect_uris(), [uri("https://d.example.org/")]);
        assert_eq!(metadata.contacts(), ["d@example.org"]);
        assert!(metadata.post_logout_redirect_uris().is_empty());
        assert_eq!(metadata.grant_types(), Words::of(&[GrantType::DeviceCode]));
    }

    #[test]
    fn what_was_set_is_read() {
        let logout = Endpoint::new("https://app.example.org/out", crate::base::url::Schemes::HttpsOnly).unwrap();
        let metadata = ClientMetadata::new(ApplicationType::Web, Vec::new())
            .with_application_type(ApplicationType::Native)
            .with_token_endpoint_auth_method(AuthMethod::ClientSecretPost)
            .with_client_name("name")
            .with_client_uri("home")
            .with_logo_uri("logo")
            .with_tos_uri("tos")
            .with_policy_uri(Localized::new("policy").with_language("fr", "politique"))
            .with_backchannel_logout_uri(logout.clone())
            .with_backchannel_logout_session_required(true)
            .with_id_token_signed_response_alg(Algorithm::Es256)
            .with_userinfo_signed_response_alg(Algorithm::EdDsa)
            .with_software_id("id")
            .with_software_version("1")
            .with_software_statement("statement");
        assert_eq!(metadata.application_type(), ApplicationType::Native);
        assert_eq!(metadata.token_endpoint_auth_method(), AuthMethod::ClientSecretPost);
        let texts = [metadata.client_name(), metadata.client_uri(), metadata.logo_uri(), metadata.tos_uri()];
        assert_eq!(texts.map(|text| text.unwrap().clone()), ["name", "home", "logo", "tos"].map(Localized::new));
        let policy: Vec<_> = metadata.policy_uri().unwrap().values().collect();
        assert_eq!(policy, [(None, "policy"), (Some("fr"), "politique")]);
        assert_eq!(metadata.backchannel_logout_uri().map(Endpoint::uri), Some(logout.uri()));
        assert!(metadata.backchannel_logout_session_required());
        assert_eq!(metadata.id_token_signed_response_alg(), Some(Algorithm::Es256));
        assert_eq!(metadata.userinfo_signed_response_alg(), Some(Algorithm::EdDsa));
        assert_eq!((metadata.software_id(), metadata.software_version()), (Some("id"), Some("1")));
        assert_eq!(metadata.software_statement().map(Secret::expose), Some("statement"));
    }
}
