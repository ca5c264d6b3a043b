//! A request that the user has to allow at the provider's page (client-server API, user-interactive authentication,
//! `m.oauth`; MSC4312): the upload of new keys for cross-signing.
//!
//! ```text
//! POST keys/device_signing/upload ─▶ 401 ─▶ OAuthStage::parse ─▶ url() in the browser ─▶ the same request with auth_json()
//! ```

use std::fmt;

use serde::Deserialize;
use serde_json::json;

use super::account::page_url;
use super::list::{Objects, Texts};
use crate::base::json::{self, Object, Scalar};
use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode, Quote};

/// In place of the cures of `metadata.…`, which are about a provider: this response is the
/// homeserver's.
const HINT: &str =
    "Report it to the homeserver's administrator: its response must name the page and the session of the request.";

const STABLE: &str = "m.oauth";
const UNSTABLE: &str = "org.matrix.cross_signing_reset";

/// The stage `m.oauth` of a 401 response: the user allows the request at a page, then it is sent again.
///
/// ```
/// use oidc_proto::Schemes;
/// use oidc_proto::matrix::OAuthStage;
/// let body = br#"{"session":"abc","flows":[{"stages":["m.oauth"]}],
///     "params":{"m.oauth":{"url":"https://account.example.org/?action=org.matrix.cross_signing_reset"}}}"#;
/// let stage = OAuthStage::parse(body, Schemes::HttpsOnly)?.unwrap();
/// assert!(stage.url().starts_with("https://account.example.org/"));
/// assert_eq!(stage.auth_json(), r#"{"session":"abc","type":"m.oauth"}"#);
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone)]
pub struct OAuthStage {
    kind: &'static str,
    url: Endpoint,
    session: String,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    flows: Objects<Flow<'a>>,
    #[serde(borrow, default)]
    params: Object<Params<'a>>,
    #[serde(borrow, default)]
    session: Scalar<'a>,
}

#[derive(Deserialize)]
struct Flow<'a> {
    #[serde(borrow, default)]
    stages: Texts<'a>,
}

#[derive(Deserialize, Default)]
struct Params<'a> {
    #[serde(borrow, default, rename = "m.oauth")]
    stable: Object<Page<'a>>,
    #[serde(borrow, default, rename = "org.matrix.cross_signing_reset")]
    unstable: Object<Page<'a>>,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    url: Scalar<'a>,
}

impl OAuthStage {
    /// Reads the body of a 401 response; `None` if no flow is of this stage alone.
    ///
    /// # Errors
    /// `json.…`; `metadata.url` at `params.url` if the page is no URL to send a user to, `metadata.missing_field` at
    /// `params.url` or `session`.
    pub fn parse(body: &[u8], schemes: Schemes) -> Result<Option<Self>, Error> {
        let document: Document<'_> = json::document(body)?;
        let offers =
            |kind: &str| document.flows.0.iter().any(|flow| matches!(&flow.stages.0[..], [stage] if **stage == *kind));
        let Params { stable, unstable } = document.params.0.unwrap_or_default();
        let (kind, page) = match (offers(STABLE), offers(UNSTABLE)) {
            (true, _) => (STABLE, stable.0),
            (false, true) => (UNSTABLE, unstable.0),
            (false, false) => return Ok(None),
        };
        const PAGE: &str = "params.url";
        let wrong = |code, field| Error::new(code).at(field).with_hint(HINT);
        let missing = |field| wrong(ErrorCode::METADATA_MISSING_FIELD, field);
        let url = page.and_then(|page| Some(page.url.text()?.into_owned())).ok_or_else(|| missing(PAGE))?;
        let url = Endpoint::page(&url, schemes).map_err(|error| {
            wrong(ErrorCode::METADATA_URL, PAGE).with_found(Quote::provider_url(&url)).with_source(error)
        })?;
        let session = document.session.text().ok_or_else(|| missing("session"))?.into_owned();
        Ok(Some(Self { kind, url, session }))
    }

    /// The page to open in the user's browser.
    pub fn url(&self) -> String {
        page_url(&self.url)
    }

    /// The member `auth` of the request that is sent again once the user says that it was allowed: a JSON object.
    ///
    /// The specification sends `session` alone. The type goes along, as in every other stage: deployed homeservers tell
    /// by it what is to be completed, and others pass it over.
    pub fn auth_json(&self) -> String {
        json!({ "type": self.kind, "session": self.session }).to_string()
    }
}

impl fmt::Debug for OAuthStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows the session can go on with it.
        write!(f, "OAuthStage({})", self.kind)
    }
}
