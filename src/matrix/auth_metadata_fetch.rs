//! From a homeserver to its provider (client-server API, server metadata discovery; MSC2965).
//!
//! ```text
//! start ─▶ GET v1/auth_metadata ─┬─ 200 ─▶ Done(Supported)
//!                                └─ 404 ─▶ GET unstable auth_metadata ─┬─ 200 ─▶ Done(Supported)
//!                                                                      └─ 404 ─▶ GET auth_issuer
//! GET auth_issuer ─┬─ 200 ─▶ GET the issuer's openid-configuration ─▶ Done(Supported)
//!                  └─ 404 ─▶ Done(NotSupported)
//! ```
//!
//! The result is `NotSupported` only if every request gets status 404. The application then uses the older login API.
//! Any other failure is an error. Errors that name no field name the request: `auth_metadata`, `auth_issuer`,
//! `openid_configuration`.
//!
//! ```
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::matrix::{self, AuthMetadataFetch, MetadataSource};
//! use oidc_proto::testing::{Homeserver, Provider, TestEnv};
//! use oidc_proto::{ProviderOptions, Schemes};
//!
//! let mut env = TestEnv::seeded(1);
//! let op = Provider::new("https://account.example.org");
//! let hs = Homeserver::new("https://matrix.example.org", "example.org", op);
//! let http = BlockingDriver::new(hs.http(env.clock()));
//!
//! let homeserver = matrix::Homeserver::new("https://matrix.example.org", Schemes::HttpsOnly)?;
//! let server = http.run(AuthMetadataFetch::start(homeserver, ProviderOptions::new())?, &mut env)?.supported()?;
//! assert_eq!(server.provider.issuer().as_str(), "https://account.example.org");
//! assert_eq!(server.source, MetadataSource::Stable);
//! assert!(server.freshness.fresh_until.is_some());
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;

use super::auth_server::{AuthServer, MetadataSource};
use super::error_body::{during, success};
use super::homeserver::Homeserver;
use crate::base::env::Env;
use crate::base::json::{self, Text};
use crate::base::url::Issuer;
use crate::error::{Error, ErrorCode, Quote};
use crate::party::metadata::{self, unusable_url};
use crate::party::options::ProviderOptions;
use crate::party::well_known::WellKnown;
use crate::step::{Flow, Input, Step};
use crate::wire::freshness::Freshness;
use crate::wire::policy::{Accept, METADATA_LIMIT, Policy};
use crate::wire::request;
use crate::wire::response::Response;

/// Whether a homeserver has the OAuth 2.0 API.
///
/// Exhaustive: there are two cases.
#[derive(Clone, Debug)]
#[must_use = "it says whether there is anything to log in at"]
pub enum Support {
    /// The homeserver has the API.
    Supported(Arc<AuthServer>),
    /// The homeserver does not have the API. Its users log in with the older API.
    NotSupported,
}

impl Support {
    /// The homeserver with its provider.
    ///
    /// # Errors
    /// `matrix.unsupported`.
    pub fn supported(self) -> Result<Arc<AuthServer>, Error> {
        match self {
            Self::Supported(server) => Ok(server),
            Self::NotSupported => Err(ErrorCode::MATRIX_UNSUPPORTED.into()),
        }
    }
}

/// Awaits the metadata. It tries several endpoints in order.
#[derive(Debug)]
pub struct AuthMetadataFetch {
    homeserver: Homeserver,
    options: ProviderOptions,
    state: State,
}

#[derive(Debug)]
#[allow(clippy::enum_variant_names, reason = "states are named for what they await")]
enum State {
    ExpectStable,
    ExpectUnstable,
    ExpectIssuer,
    ExpectConfiguration(Issuer),
}

impl State {
    fn request(&self) -> &'static str {
        match self {
            Self::ExpectStable | Self::ExpectUnstable => "auth_metadata",
            Self::ExpectIssuer => "auth_issuer",
            Self::ExpectConfiguration(_) => WellKnown::OpenIdConfiguration.request(),
        }
    }
}

#[derive(Deserialize)]
struct IssuerResponse<'a> {
    #[serde(borrow)]
    issuer: Option<Text<'a>>,
}

impl AuthMetadataFetch {
    /// Fetches the metadata.
    ///
    /// # Errors
    /// `url.scheme` for `http` that the options do not allow.
    pub fn start(homeserver: Homeserver, options: ProviderOptions) -> Result<Step<Self>, Error> {
        Self { homeserver, options, state: State::ExpectStable }.ask()
    }

    fn ask(self) -> Result<Step<Self>, Error> {
        let at = |path| self.homeserver.uri(path, self.options.schemes());
        let uri = match &self.state {
            State::ExpectStable => at("/_matrix/client/v1/auth_metadata")?,
            State::ExpectUnstable => at("/_matrix/client/unstable/org.matrix.msc2965/auth_metadata")?,
            State::ExpectIssuer => at("/_matrix/client/unstable/org.matrix.msc2965/auth_issuer")?,
            State::ExpectConfiguration(issuer) => WellKnown::OpenIdConfiguration.uri(issuer)?,
        };
        Ok(Step::call(request::read(uri), Policy::own_read(METADATA_LIMIT, Accept::AnyButMarkup), self))
    }

    fn found(self, response: &Response<'_>, env: &dyn Env) -> Result<Step<Self>, Error> {
        let request = self.state.request();
        let body = success(response, request)?;
        let (source, issuer) = match self.state {
            State::ExpectStable => (MetadataSource::Stable, None),
            State::ExpectUnstable => (MetadataSource::Unstable, None),
            State::ExpectConfiguration(issuer) => (MetadataSource::Issuer, Some(issuer)),
            State::ExpectIssuer => {
                let answer: IssuerResponse<'_> = json::document(body).map_err(during(request))?;
                let text = answer.issuer.ok_or_else(|| Error::new(ErrorCode::METADATA_MISSING_FIELD).at("issuer"))?;
                let issuer = Issuer::new(&text, self.options.schemes())
                    .map_err(|error| unusable_url("issuer", Quote::published_url(&text), error))?;
                return Self { state: State::ExpectConfiguration(issuer), ..self }.ask();
            }
        };
        let freshness = Freshness::from_headers(response.headers, env.now());
        let server = AuthServer::parse(body, self.homeserver, source, issuer, self.options, freshness);
        Ok(Step::Done(Support::Supported(server.map_err(during(request))?)))
    }
}

impl Flow for AuthMetadataFetch {
    type Output = Support;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let response = input.response().map_err(during(self.state.request()))?;
        if response.status != StatusCode::NOT_FOUND {
            return self.found(&response, env);
        }
        let state = match self.state {
            State::ExpectStable => State::ExpectUnstable,
            State::ExpectUnstable => State::ExpectIssuer,
            State::ExpectIssuer => return Ok(Step::Done(Support::NotSupported)),
            // The homeserver has the API, and its provider cannot be found.
            State::ExpectConfiguration(ref issuer) => {
                let uri = WellKnown::OpenIdConfiguration.uri(issuer)?;
                return Err(metadata::not_found(issuer, &uri).during(self.state.request()));
            }
        };
        Self { state, ..self }.ask()
    }
}
