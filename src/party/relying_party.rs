//! The handle of an application: a provider, a client at the provider, and the provider's newest keys.

use std::fmt;
use std::sync::Arc;

use super::client::Client;
use super::key_cell::KeyCell;
use super::options::Deviation;
use super::owner::Owner;
use super::provider::Provider;

/// A client at a provider. It is a handle: clones share everything, including the provider's keys. Give each task a
/// clone.
///
/// Its methods are the operations of a client at a provider. Each method starts a flow or returns its result at once.
///
/// ```
/// use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient};
/// use oidc_proto::{
///     AuthorizationRequest, Callback, Client, Env, Error, Issuer, RedirectUri, RelyingParty, Schemes, Scope, TokenSet,
/// };
///
/// /// `browse` opens the URL and returns the one that the browser was sent back to.
/// fn login(http: impl BlockingHttpClient, env: &mut impl Env, browse: impl Fn(&str) -> String) -> Result<TokenSet, Error> {
///     let driver = BlockingDriver::new(http);
///     let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
///     let redirect_uri = RedirectUri::new("https://app.example.org/cb")?;
///     let client = Client::new("app").with_redirect_uri(redirect_uri.clone());
///     let party = driver.run(RelyingParty::discover(issuer, client)?, env)?;
///
///     let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid offline_access")?);
///     let (url, pending) = party.authorize(request, env)?;
///     let callback = Callback::from_url(&browse(url.as_str()))?;
///     let verified = party.check(&pending, &callback, env.now())?;
///     Ok(driver.run(party.redeem(pending, verified, env)?, env)?.verified()?.tokens)
/// }
/// ```
#[derive(Clone)]
pub struct RelyingParty(Arc<Inner>);

struct Inner {
    provider: Provider,
    client: Client,
    owner: Owner,
}

impl RelyingParty {
    /// A client at a known provider.
    pub fn new(provider: Provider, client: Client) -> Self {
        let has_plain_basic = provider.options().accepts(Deviation::UnencodedBasic);
        let client = Client { has_plain_basic, ..client };
        let owner = Owner::of(provider.issuer(), &client);
        Self(Arc::new(Inner { provider, client, owner }))
    }

    /// Another client at the same provider, for example with another DPoP key. It shares the keys.
    #[must_use]
    pub fn with_client(&self, client: Client) -> Self {
        Self::new(self.provider().clone(), client)
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.0.provider
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The owner that stored values must have.
    pub fn owner(&self) -> &Owner {
        &self.0.owner
    }

    pub(crate) fn key_cell(&self) -> &Arc<KeyCell> {
        self.0.provider.key_cell()
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelyingParty({:?})", self.0.owner)
    }
}
