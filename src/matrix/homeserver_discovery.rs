//! From the name of a server to its homeserver (client-server API, server discovery).
//!
//! ```text
//! start(name) ─▶ GET well-known document ─┬─ 200 ─▶ its base URL ───┐
//!                     ▲                   ├─ else ▶ the name itself ┴─▶ GET versions ─▶ Done(FoundHomeserver)
//!                     └─ redirect ◀───────┘
//! start(url) ──▶ GET versions ─┬─ 200 ─▶ Done(FoundHomeserver)
//!                              └─ 404 ─▶ as for the name in the URL, once
//! ```
//!
//! A document that cannot be used, or that cannot be fetched, is passed over, as deployed clients do: the name itself
//! is asked, and [`FoundHomeserver::warning`] says what is wrong. If there is no homeserver either, that is the error.
//!
//! The flow follows at most three redirects of the well-known document, because many hosts redirect `example.org` to
//! `www.example.org`. The request contains nothing secret. In this crate, only this request and the creation of a
//! rendezvous follow redirects. Errors name the request that they are about: `well_known`, `versions`.
//!
//! ```
//! use oidc_proto::Schemes;
//! use oidc_proto::adapter::BlockingDriver;
//! use oidc_proto::matrix::{Address, HomeserverDiscovery};
//! use oidc_proto::testing::{Homeserver, Provider, TestEnv};
//!
//! let mut env = TestEnv::seeded(1);
//! let op = Provider::new("https://account.example.org");
//! let hs = Homeserver::new("https://matrix.example.org", "example.org", op);
//! let http = BlockingDriver::new(hs.http(env.clock()));
//!
//! let address = Address::parse("example.org", Schemes::HttpsOnly)?;
//! let found = http.run(HomeserverDiscovery::start(address, Schemes::HttpsOnly)?, &mut env)?;
//! assert_eq!(found.homeserver.as_str(), "https://matrix.example.org");
//! # Ok::<(), oidc_proto::Error>(())
//! ```

use http::{StatusCode, Uri};
use serde::Deserialize;
use url::Url;

use super::error_body::during;
use super::homeserver::{Address, Homeserver};
use super::id::ServerName;
use crate::base::env::Env;
use crate::base::json::{self, Text};
use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode, Fault, Quote};
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, METADATA_LIMIT, Policy};
use crate::wire::request;
use crate::wire::response::Response;

const WELL_KNOWN: &str = "well_known";
const VERSIONS: &str = "versions";
const MOST_REDIRECTS: u8 = 3;

/// Awaits the well-known document, then the versions.
#[derive(Debug)]
pub struct HomeserverDiscovery {
    schemes: Schemes,
    state: State,
}

#[derive(Debug)]
#[allow(clippy::enum_variant_names, reason = "states are named for what they await")]
enum State {
    /// `or_else` is the homeserver to ask if there is no document; `None` if it was asked before.
    ExpectWellKnown { uri: Uri, redirects: u8, or_else: Option<Homeserver> },
    /// With the name to look up if there is no homeserver, and what was wrong with the document.
    ExpectVersions { homeserver: Homeserver, or_else: Option<ServerName>, warning: Option<Error> },
}

/// A homeserver that responded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundHomeserver {
    /// Its base URL.
    pub homeserver: Homeserver,
    /// The versions of the specification that it advertises. Untrusted.
    pub versions: Vec<String>,
    /// Why the well-known document was passed over, if it should have named the homeserver. Tell the user, or the
    /// server's administrator.
    pub warning: Option<Error>,
}

#[derive(Deserialize)]
struct WellKnown<'a> {
    #[serde(borrow, rename = "m.homeserver")]
    homeserver: Option<BaseUrl<'a>>,
}

#[derive(Deserialize)]
struct BaseUrl<'a> {
    #[serde(borrow)]
    base_url: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Versions {
    versions: Option<Vec<String>>,
}

impl HomeserverDiscovery {
    /// Looks up the name, or checks the URL.
    ///
    /// # Errors
    /// `url.scheme` for `http` that is not allowed.
    pub fn start(address: Address, schemes: Schemes) -> Result<Step<Self>, Error> {
        match address {
            Address::Name(name) => {
                let itself = Homeserver::new(&name.url(schemes), schemes)?;
                Self::look_up(&name, Some(itself), schemes)
            }
            Address::Url(homeserver) => {
                let url = Url::parse(homeserver.as_str()).map_err(|_| ErrorCode::URL_SYNTAX)?;
                let name =
                    [Some(url.host_str().unwrap_or_default().to_owned()), url.port().map(|port| port.to_string())];
                let name = name.into_iter().flatten().collect::<Vec<_>>().join(":");
                Self::ask(homeserver, ServerName::new(&name).ok(), None, schemes)
            }
        }
    }

    fn look_up(name: &ServerName, or_else: Option<Homeserver>, schemes: Schemes) -> Result<Step<Self>, Error> {
        let uri = Homeserver::new(&name.url(schemes), schemes)?.uri("/.well-known/matrix/client", schemes)?;
        Ok(Self::read_well_known(uri, 0, or_else, schemes))
    }

    fn read_well_known(uri: Uri, redirects: u8, or_else: Option<Homeserver>, schemes: Schemes) -> Step<Self> {
        let policy = Policy::own_read(METADATA_LIMIT, Accept::AnyButMarkup);
        let state = State::ExpectWellKnown { uri: uri.clone(), redirects, or_else };
        Step::call(request::read(uri), policy, Self { schemes, state })
    }

    fn read(response: &Response<'_>, uri: &Uri, redirects: u8, schemes: Schemes) -> Result<Pointer, Error> {
        if response.status == StatusCode::NOT_FOUND {
            return Ok(Pointer::Nowhere);
        }
        if redirects < MOST_REDIRECTS && is_redirect(response.status) {
            let unusable = |error| Error::new(ErrorCode::HOMESERVER_WELL_KNOWN).at("Location").with_source(error);
            let elsewhere = Endpoint::join(uri, response.location()?, schemes).map_err(unusable)?;
            return Ok(Pointer::Elsewhere(elsewhere.uri().clone()));
        }
        base_url(response.success()?, schemes).map(Pointer::At)
    }

    fn ask(
        homeserver: Homeserver,
        or_else: Option<ServerName>,
        warning: Option<Error>,
        schemes: Schemes,
    ) -> Result<Step<Self>, Error> {
        let uri = homeserver.uri("/_matrix/client/versions", schemes)?;
        let policy = Policy::own_read(METADATA_LIMIT, Accept::Json);
        let state = State::ExpectVersions { homeserver, or_else, warning };
        Ok(Step::call(request::read(uri), policy, Self { schemes, state }))
    }
}

/// What a well-known document says.
enum Pointer {
    At(Homeserver),
    Elsewhere(Uri),
    Nowhere,
}

/// A redirect to where the same can be read (RFC 9110 section 15.4).
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The base URL in a well-known document.
fn base_url(body: &[u8], schemes: Schemes) -> Result<Homeserver, Error> {
    let unusable = || Error::new(ErrorCode::HOMESERVER_WELL_KNOWN).at("m.homeserver.base_url");
    let document: WellKnown<'_> = json::document(body)?;
    let url = document.homeserver.and_then(|homeserver| homeserver.base_url).ok_or_else(unusable)?;
    Homeserver::new(&url, schemes).map_err(|error| unusable().with_source(error))
}

fn not_found(url: &str) -> Error {
    Error::new(ErrorCode::HOMESERVER_NOT_FOUND).with_expected(Quote::caller_url(url))
}

fn versions(body: &[u8]) -> Result<Vec<String>, Error> {
    let document: Versions = json::document(body)?;
    Ok(document.versions.filter(|versions| !versions.is_empty()).ok_or(ErrorCode::HOMESERVER_VERSIONS)?)
}

impl Flow for HomeserverDiscovery {
    type Output = FoundHomeserver;

    fn on(self, input: Input<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let Self { schemes, state } = self;
        match state {
            State::ExpectWellKnown { uri, redirects, or_else } => {
                let found = input.response().and_then(|response| Self::read(&response, &uri, redirects, schemes));
                match (found.map_err(during(WELL_KNOWN)), or_else) {
                    (Ok(Pointer::At(homeserver)), _) => Self::ask(homeserver, None, None, schemes),
                    (Ok(Pointer::Elsewhere(uri)), or_else) => {
                        Ok(Self::read_well_known(uri, redirects + 1, or_else, schemes))
                    }
                    (Ok(Pointer::Nowhere), Some(itself)) => Self::ask(itself, None, None, schemes),
                    (Err(error), Some(itself)) if error.fault() != Fault::Local => {
                        Self::ask(itself, None, Some(error), schemes)
                    }
                    (Ok(Pointer::Nowhere), None) => Err(not_found(&uri.to_string()).during(VERSIONS)),
                    (Err(error), _) => Err(error),
                }
            }
            State::ExpectVersions { homeserver, or_else, warning } => {
                let response = input.response();
                let is_missing = response.as_ref().is_ok_and(|response| response.status == StatusCode::NOT_FOUND);
                match (or_else.filter(|_| is_missing), warning) {
                    (Some(name), _) => Self::look_up(&name, None, schemes),
                    (None, warning) => {
                        let versions = match response {
                            Ok(_) if is_missing => Err(not_found(homeserver.as_str())),
                            response => response.and_then(|response| versions(response.success()?)),
                        };
                        match versions {
                            Ok(versions) => Ok(Step::Done(FoundHomeserver { homeserver, versions, warning })),
                            // The document is what is to be mended.
                            Err(error) if error.fault() == Fault::Local => Err(error.during(VERSIONS)),
                            Err(error) => Err(warning.unwrap_or_else(|| error.during(VERSIONS))),
                        }
                    }
                }
            }
        }
    }
}
