//! Fetches the metadata of an issuer (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).
//!
//! ```text
//! start ─▶ GET well-known document ─┬─ 200, issuer equal ─▶ Done(FetchedServerMetadata)
//!                                   └─ 404, and the other form was allowed ─▶ GET that one
//! ```

use http::Uri;

use crate::base::env::Env;
use crate::base::url::{Endpoint, Issuer};
use crate::error::Error;
use crate::party::client::Client;
use crate::party::metadata::{self, ServerMetadata};
use crate::party::options::ProviderOptions;
use crate::party::provider::Provider;
use crate::party::relying_party::RelyingParty;
use crate::party::well_known::WellKnown;
use crate::step::{Flow, Input, Step};
use crate::wire::freshness::Freshness;
use crate::wire::policy::{Accept, METADATA_LIMIT, Policy};
use crate::wire::request;

/// Awaits the metadata document.
///
/// The flow does not retry. The caller decides by [`Freshness`](crate::Freshness) when to fetch the metadata again.
///
/// ```
/// use oidc_proto::adapter::BlockingDriver;
/// use oidc_proto::flow::ServerMetadataFetch;
/// use oidc_proto::testing::{Provider, TestEnv};
/// use oidc_proto::{Issuer, ProviderOptions, Schemes};
///
/// let mut env = TestEnv::seeded(1);
/// let op = Provider::new("https://op.example.org");
/// let http = BlockingDriver::new(op.http(env.clock()));
///
/// let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
/// let found = http.run(ServerMetadataFetch::start(issuer, ProviderOptions::new())?, &mut env)?;
/// assert_eq!(found.provider.issuer().as_str(), "https://op.example.org");
/// assert!(found.freshness.fresh_until.is_some());
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Debug)]
pub struct ServerMetadataFetch {
    issuer: Issuer,
    options: ProviderOptions,
    asked: WellKnown,
    uri: Uri,
    /// Asked for if there is no document of the first form.
    or_else: Option<WellKnown>,
}

/// The metadata of a provider, and how long they are fresh.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchedServerMetadata {
    /// The provider.
    pub provider: Provider,
    /// How long the metadata are fresh.
    pub freshness: Freshness,
}

impl ServerMetadataFetch {
    /// Fetches `/.well-known/openid-configuration`.
    ///
    /// # Errors
    /// `url.syntax`.
    pub fn start(issuer: Issuer, options: ProviderOptions) -> Result<Step<Self>, Error> {
        Self::start_with(issuer, options, WellKnown::OpenIdConfiguration, None)
    }

    /// Fetches the document `form`, and the document `or_else` if the first document does not exist (404).
    ///
    /// # Errors
    /// `url.syntax`.
    pub fn start_with(
        issuer: Issuer,
        options: ProviderOptions,
        form: WellKnown,
        or_else: Option<WellKnown>,
    ) -> Result<Step<Self>, Error> {
        let uri = form.uri(&issuer)?;
        let request = request::read(uri.clone());
        let policy = Policy::own_read(METADATA_LIMIT, Accept::AnyButMarkup);
        Ok(Step::call(request, policy, Self { issuer, options, asked: form, uri, or_else }))
    }

    /// Fetches the OpenID Connect metadata of `issuer` at another URL than its well-known one (Azure AD B2C, the first
    /// version of Microsoft Entra ID). The issuer in the document must still be `issuer`: take it from the provider's
    /// documentation.
    pub fn start_at(url: &Endpoint, issuer: Issuer, options: ProviderOptions) -> Step<Self> {
        let policy = Policy::own_read(METADATA_LIMIT, Accept::AnyButMarkup);
        let (asked, uri) = (WellKnown::OpenIdConfiguration, url.uri().clone());
        Step::call(request::read(uri.clone()), policy, Self { issuer, options, asked, uri, or_else: None })
    }
}

impl Flow for ServerMetadataFetch {
    type Output = FetchedServerMetadata;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let during = |error: Error| metadata::unreadable(error, &self.uri).during(self.asked.request());
        let response = input.response().map_err(during)?;
        if response.status == http::StatusCode::NOT_FOUND {
            return match self.or_else {
                Some(form) => Self::start_with(self.issuer, self.options, form, None),
                None => Err(during(metadata::not_found(&self.issuer, &self.uri))),
            };
        }
        let body = response.success().map_err(during)?;
        let metadata = ServerMetadata::parse(body, &self.issuer, &self.options).map_err(during)?;
        if self.asked == WellKnown::OpenIdConfiguration {
            metadata.check_openid().map_err(during)?;
        }
        Ok(Step::Done(FetchedServerMetadata {
            provider: Provider::new(metadata, self.options),
            freshness: Freshness::from_headers(response.headers, env.now()),
        }))
    }
}

/// Awaits the metadata of a provider. The output is a [`RelyingParty`].
#[derive(Debug)]
pub struct PartyDiscovery(ServerMetadataFetch, Box<Client>);

impl RelyingParty {
    /// Fetches the provider's metadata (OpenID Connect Discovery 1.0 section 4), with the rules of the standards.
    ///
    /// # Errors
    /// `url.syntax`.
    pub fn discover(issuer: Issuer, client: Client) -> Result<Step<PartyDiscovery>, Error> {
        Self::discover_with(issuer, client, ProviderOptions::new())
    }

    /// Fetches the provider's metadata with [`ProviderOptions`], which can accept deviations from the standards.
    ///
    /// # Errors
    /// Those of [`RelyingParty::discover`].
    pub fn discover_with(
        issuer: Issuer,
        client: Client,
        options: ProviderOptions,
    ) -> Result<Step<PartyDiscovery>, Error> {
        PartyDiscovery::go_on(ServerMetadataFetch::start(issuer, options)?, Box::new(client))
    }
}

impl PartyDiscovery {
    fn go_on(step: Step<ServerMetadataFetch>, client: Box<Client>) -> Result<Step<Self>, Error> {
        step.embed(
            client,
            |client, fetch| Self(fetch, client),
            |client, found| Ok(Step::Done(RelyingParty::new(found.provider, *client))),
        )
    }
}

impl Flow for PartyDiscovery {
    type Output = RelyingParty;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env)?, self.1)
    }
}
