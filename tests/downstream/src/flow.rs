//! A flow of one's own with two of the crate's inside: from an issuer to a registered client.
//!
//! ```text
//! start ─▶ Discovery ─▶ Registration ─▶ Done(Ready)
//! ```

use std::sync::Arc;

use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::step::Input;
use oidc_proto::{Client, ClientMetadata, Env, Error, Flow, Issuer, Provider, ProviderOptions, Step};

/// Awaits metadata, then a client ID.
pub enum SetUp {
    Discovering(ServerMetadataFetch, Box<ClientMetadata>),
    Registering(Box<Registration>, Arc<Provider>, Box<ClientMetadata>),
}

/// All that a login needs.
#[derive(Debug)]
pub struct Ready {
    pub provider: Arc<Provider>,
    pub client: Arc<Client>,
}

impl SetUp {
    /// Looks the provider up and registers with it.
    pub fn start(issuer: Issuer, options: ProviderOptions, metadata: ClientMetadata) -> Result<Step<Self>, Error> {
        Self::discovering(ServerMetadataFetch::start(issuer, options)?, Box::new(metadata))
    }

    fn discovering(step: Step<ServerMetadataFetch>, metadata: Box<ClientMetadata>) -> Result<Step<Self>, Error> {
        step.embed(
            metadata,
            |metadata, flow| Self::Discovering(flow, metadata),
            |metadata, found| {
                let step = Registration::start(&found.provider, (*metadata).clone())?;
                Self::registering(step, found.provider, metadata)
            },
        )
    }

    fn registering(
        step: Step<Registration>,
        provider: Arc<Provider>,
        metadata: Box<ClientMetadata>,
    ) -> Result<Step<Self>, Error> {
        step.embed(
            (provider, metadata),
            |(provider, metadata), flow| Self::Registering(Box::new(flow), provider, metadata),
            |(provider, metadata), registered| {
                let client = registered.client(&metadata.redirect_uris).shared();
                Ok(Step::Done(Ready { provider, client }))
            },
        )
    }
}

impl Flow for SetUp {
    type Output = Ready;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::Discovering(flow, metadata) => Self::discovering(flow.on(input, env)?, metadata),
            Self::Registering(flow, provider, metadata) => {
                Self::registering(flow.on(input, env)?, provider, metadata)
            }
        }
    }
}
