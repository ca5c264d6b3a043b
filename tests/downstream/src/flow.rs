//! A flow of one's own with two of the crate's inside: from an issuer to a registered client.
//!
//! ```text
//! start ─▶ Discovery ─▶ Registration ─▶ Done(RelyingParty)
//! ```

use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::step::Input;
use oidc_proto::{ClientMetadata, Env, Error, Flow, Issuer, Provider, ProviderOptions, RelyingParty, Step};

/// Awaits metadata, then a client ID.
pub enum SetUp {
    Discovering(ServerMetadataFetch, Box<ClientMetadata>),
    Registering(Box<Registration>, Provider, Box<ClientMetadata>),
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
        provider: Provider,
        metadata: Box<ClientMetadata>,
    ) -> Result<Step<Self>, Error> {
        step.embed(
            (provider, metadata),
            |(provider, metadata), flow| Self::Registering(Box::new(flow), provider, metadata),
            |(provider, metadata), registered| {
                let client = registered.client(metadata.redirect_uris());
                Ok(Step::Done(RelyingParty::new(provider, client)))
            },
        )
    }
}

impl Flow for SetUp {
    type Output = RelyingParty;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        match self {
            Self::Discovering(flow, metadata) => Self::discovering(flow.on(input, env)?, metadata),
            Self::Registering(flow, provider, metadata) => Self::registering(flow.on(input, env)?, provider, metadata),
        }
    }
}
