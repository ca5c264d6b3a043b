//! Which login the older API offers (client-server API, `GET /login`), and whether it wants the OAuth 2.0 API to be
//! preferred (MSC3824).

use serde::Deserialize;

use super::homeserver::Homeserver;
use super::list::Objects;
use crate::base::json::{self, Scalar};
use crate::base::url::Schemes;
use crate::base::word_set::words;
use crate::error::Error;
use crate::wire::form;

words! {
    /// What the user is sent to the older API's page for (`action`).
    SsoAction {
        Login = "login",
        /// A new account.
        Register = "register",
    }
}

/// The body of `GET /_matrix/client/v3/login`: what an application offers to users whose homeserver has both APIs, or
/// only the older one.
///
/// ```
/// use oidc_proto::matrix::LoginFlows;
/// let flows = LoginFlows::parse(br#"{"flows":[{"type":"m.login.sso","oauth_aware_preferred":true}]}"#)?;
/// assert!(flows.oauth_aware_preferred && flows.contains("m.login.sso") && !flows.contains("m.login.password"));
/// # Ok::<(), oidc_proto::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginFlows {
    /// The types of the flows, as the homeserver named them: untrusted.
    pub types: Vec<String>,
    /// `oauth_aware_preferred`: the page of `m.login.sso` is that of the OAuth 2.0 API's provider.
    /// An application that supports that API uses it. An application without it offers only this
    /// flow.
    pub oauth_aware_preferred: bool,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    flows: Objects<Flow<'a>>,
}

#[derive(Deserialize)]
struct Flow<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    oauth_aware_preferred: Scalar<'a>,
    /// Before it was standardized.
    #[serde(borrow, default, rename = "org.matrix.msc3824.delegated_oidc_compatibility")]
    delegated: Scalar<'a>,
}

impl LoginFlows {
    /// Reads the body of a successful response.
    ///
    /// # Errors
    /// `json.…`.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let document: Document<'_> = json::document(body)?;
        let is_preferred = |flow: &Flow<'_>| {
            let is_sso = flow.kind.as_text() == Some("m.login.sso");
            is_sso && [&flow.oauth_aware_preferred, &flow.delegated].contains(&&Scalar::Bool(true))
        };
        Ok(Self {
            oauth_aware_preferred: document.flows.0.iter().any(is_preferred),
            types: document.flows.0.into_iter().filter_map(|flow| Some(flow.kind.text()?.into_owned())).collect(),
        })
    }

    /// Whether there is a flow of this type.
    pub fn contains(&self, kind: &str) -> bool {
        self.types.iter().any(|own| own == kind)
    }

    /// Where the older API's login by browser begins.
    ///
    /// # Errors
    /// `url.scheme`.
    pub fn sso_url(
        homeserver: &Homeserver,
        redirect_url: &str,
        action: SsoAction,
        schemes: Schemes,
    ) -> Result<String, Error> {
        let mut url = homeserver.uri("/_matrix/client/v3/login/sso/redirect", schemes)?.to_string() + "?";
        // Both names are sent: a homeserver passes over the one that it does not know.
        let action = action.name();
        let pairs = [("redirectUrl", redirect_url), ("action", action), ("org.matrix.msc3824.action", action)];
        form::append(&mut url, pairs);
        Ok(url)
    }
}
