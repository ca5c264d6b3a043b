//! What a homeserver says about its OAuth 2.0 API: the server metadata of the client-server API, 1.15 and later, and of
//! MSC2965.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::account::AccountManagement;
use super::homeserver::Homeserver;
use super::list::Texts;
use super::scope::ScopeForm;
use crate::base::json::{self, Scalar, Text};
use crate::base::url::Issuer;
use crate::base::versioned::{self, Version};
use crate::error::{Error, ErrorCode, Quote};
use crate::party::metadata::{
    CodeChallengeMethod, GrantType, Prompt, ResponseMode, ResponseType, ServerMetadata, unusable_url,
};
use crate::party::options::ProviderOptions;
use crate::party::provider::Provider;
use crate::wire::freshness::Freshness;

/// Where the metadata were found. This shows the age of the homeserver. Serde uses the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MetadataSource {
    /// `/_matrix/client/v1/auth_metadata`: Matrix 1.15 and later.
    Stable,
    /// `/_matrix/client/unstable/org.matrix.msc2965/auth_metadata`.
    Unstable,
    /// `/_matrix/client/unstable/org.matrix.msc2965/auth_issuer`, and OpenID Connect Discovery at that issuer.
    Issuer,
}

impl MetadataSource {
    /// `stable`, `unstable` or `issuer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Unstable => "unstable",
            Self::Issuer => "issuer",
        }
    }
}

/// A homeserver that has the OAuth 2.0 API, and the provider that its users log in at. Immutable, to be shared.
///
/// It implements `Serialize`, with a version; [`AuthServer::from_json`] reads it. Store it with the
/// sessions: then they can continue after a start even if the homeserver cannot be reached yet.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthServer {
    /// The homeserver.
    pub homeserver: Homeserver,
    /// Its provider, for every flow of the core.
    pub provider: Provider,
    /// How the metadata were found.
    pub source: MetadataSource,
    /// Where the user manages the account, if there is such a page. A page that cannot be opened counts as no page, and
    /// [`ServerMetadata::unusable`] lists it as `account_management_uri`; [`AuthServer::account_page`] tells the two
    /// cases apart.
    pub account: Option<AccountManagement>,
    /// When to fetch the metadata again.
    pub freshness: Freshness,
    /// The metadata as they came.
    document: Box<str>,
}

#[derive(Serialize, Deserialize)]
struct StoredServer<'a> {
    version: Version,
    homeserver: Homeserver,
    issuer: Cow<'a, str>,
    source: MetadataSource,
    freshness: Freshness,
    document: Cow<'a, str>,
}

impl Serialize for AuthServer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = StoredServer {
            version: Version,
            homeserver: self.homeserver.clone(),
            issuer: self.provider.issuer().as_str().into(),
            source: self.source,
            freshness: self.freshness,
            document: Cow::Borrowed(&self.document),
        };
        stored.serialize(serializer)
    }
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    issuer: Option<Text<'a>>,
    #[serde(borrow, default)]
    account_management_uri: Scalar<'a>,
    #[serde(borrow, default)]
    account_management_actions_supported: Texts<'a>,
}

impl AuthServer {
    /// Reads what was stored. All checks are made again.
    ///
    /// # Errors
    /// `stored.version`, `stored.malformed`; `url.…` if the options do not allow the URL of the
    /// homeserver or of the issuer; and as [`AuthServer::parse`].
    pub fn from_json(json: &str, options: ProviderOptions) -> Result<Arc<Self>, Error> {
        let StoredServer { homeserver, issuer, source, freshness, document, .. } = versioned::from_json(json)?;
        let issuer = Issuer::new(&issuer, options.schemes())?;
        // Whether `http` on loopback is still allowed.
        homeserver.uri("", options.schemes())?;
        Self::parse(document.as_bytes(), homeserver, source, Some(issuer), options, freshness)
    }

    /// From a metadata document that the caller has. With an issuer, the document must be that one's.
    ///
    /// # Errors
    /// Those of [`ServerMetadata::parse`](crate::ServerMetadata::parse); `metadata.missing_field`
    /// without `issuer`, `authorization_endpoint` or `revocation_endpoint`; `metadata.url` if the
    /// issuer is not a usable URL; `metadata.unsupported` if the code flow, refresh tokens, a
    /// response mode or S256 is missing.
    pub fn parse(
        document: &[u8],
        homeserver: Homeserver,
        source: MetadataSource,
        issuer: Option<Issuer>,
        options: ProviderOptions,
        freshness: Freshness,
    ) -> Result<Arc<Self>, Error> {
        let own: Document<'_> = json::document(document)?;
        let issuer = match (issuer, &own.issuer) {
            (Some(issuer), _) => issuer,
            // The homeserver is whom the user chose: whoever it names is its provider.
            (None, Some(named)) => Issuer::new(named, options.schemes())
                .map_err(|error| unusable_url("issuer", Quote::published_url(named), error))?,
            (None, None) => return Err(Error::new(ErrorCode::METADATA_MISSING_FIELD).at("issuer")),
        };
        let mut metadata = ServerMetadata::parse(document, &issuer, &options)?;
        check(&metadata)?;
        let page = metadata.page(own.account_management_uri, "account_management_uri", options.schemes());
        let account = page.map(|uri| AccountManagement::new(uri, &own.account_management_actions_supported.0));
        let (provider, document) = (Provider::new(metadata, options), String::from_utf8_lossy(document).into());
        Ok(Arc::new(Self { homeserver, provider, source, account, freshness, document }))
    }

    /// Where the user manages the account.
    ///
    /// # Errors
    /// At `account_management_uri`: `metadata.missing_field` if there is no such page, `metadata.url` if nobody can be
    /// sent to it.
    pub fn account_page(&self) -> Result<&AccountManagement, Error> {
        const NAME: &str = "account_management_uri";
        let why = || match self.provider.metadata().unusable().find(|(name, _)| *name == NAME) {
            Some((_, error)) => error.clone(),
            None => Error::new(ErrorCode::METADATA_MISSING_FIELD).at(NAME),
        };
        self.account.as_ref().ok_or_else(why)
    }

    /// Checks that a value was made for this homeserver.
    pub(super) fn check_home(&self, homeserver: &Homeserver) -> Result<(), Error> {
        self.homeserver.check(homeserver)
    }

    /// The form of scopes that a homeserver of this age understands.
    pub fn scope_form(&self) -> ScopeForm {
        match self.source {
            MetadataSource::Stable => ScopeForm::Stable,
            MetadataSource::Unstable | MetadataSource::Issuer => ScopeForm::Unstable,
        }
    }

    /// Whether the provider advertises the creation of accounts (`prompt=create`).
    pub fn creates_accounts(&self) -> bool {
        self.provider.metadata().prompt_values.is_some_and(|values| values.contains(Prompt::Create))
    }
}

/// What Matrix demands beyond the standards below it. It demands `registration_endpoint` and
/// `response_modes_supported`, too; but deployed servers lack them, a client ID of the application's own needs no
/// registration, and without the modes the default of RFC 8414 is what Matrix wants.
fn check(metadata: &ServerMetadata) -> Result<(), Error> {
    let missing = |name| Error::new(ErrorCode::METADATA_MISSING_FIELD).at(name);
    let unsupported = |name| Error::new(ErrorCode::METADATA_UNSUPPORTED).at(name);
    if metadata.authorization_endpoint.is_none() {
        return Err(missing("authorization_endpoint"));
    }
    if metadata.revocation_endpoint.is_none() {
        return Err(missing("revocation_endpoint"));
    }
    if !metadata.response_types.contains(ResponseType::Code) {
        return Err(unsupported("response_types_supported"));
    }
    let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    if !grants.into_iter().all(|grant| metadata.grant_types.contains(grant)) {
        return Err(unsupported("grant_types_supported"));
    }
    let modes = [ResponseMode::Query, ResponseMode::Fragment];
    if !modes.into_iter().all(|mode| metadata.response_modes.contains(mode)) {
        return Err(unsupported("response_modes_supported"));
    }
    if !metadata.code_challenge_methods.contains(CodeChallengeMethod::S256) {
        return Err(unsupported("code_challenge_methods_supported"));
    }
    Ok(())
}
