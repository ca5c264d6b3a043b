//! Where the metadata of an issuer are published.

use http::Uri;
use url::{Position, Url};

use crate::base::url::{Issuer, is_plain};
use crate::error::{Error, ErrorCode};

/// Which well-known document to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WellKnown {
    /// `/.well-known/openid-configuration` after the issuer's path (OpenID Connect Discovery 1.0 section 4).
    #[default]
    OpenIdConfiguration,
    /// `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 section 3).
    OauthAuthorizationServer,
}

impl WellKnown {
    /// The URL of the document.
    ///
    /// # Errors
    /// `url.syntax`; a valid [`Issuer`] does not cause it.
    pub fn uri(self, issuer: &Issuer) -> Result<Uri, Error> {
        let text = match self.plain(issuer) {
            Some(text) => text,
            None => self.parsed(issuer)?,
        };
        Ok(Uri::try_from(text).map_err(|_| ErrorCode::URL_SYNTAX)?)
    }

    /// The URL, if it needs no parser. If the whole URL is plain, a parser would not change the
    /// issuer at its beginning either.
    fn plain(self, issuer: &Issuer) -> Option<String> {
        match self {
            Self::OpenIdConfiguration => Some([issuer.as_str().trim_end_matches('/'), OPENID_CONFIGURATION].concat()),
            Self::OauthAuthorizationServer => None,
        }
        .filter(|text| is_plain(text))
    }

    fn parsed(self, issuer: &Issuer) -> Result<String, Error> {
        let url = Url::parse(issuer.as_str()).map_err(|_| ErrorCode::URL_SYNTAX)?;
        let (origin, path) = (&url[..Position::BeforePath], url.path().trim_end_matches('/'));
        Ok(match self {
            Self::OpenIdConfiguration => [origin, path, OPENID_CONFIGURATION].concat(),
            Self::OauthAuthorizationServer => [origin, OAUTH_AUTHORIZATION_SERVER, path].concat(),
        })
    }

    /// The name of the request, for errors that name no request.
    pub(crate) const fn request(self) -> &'static str {
        match self {
            Self::OpenIdConfiguration => "openid_configuration",
            Self::OauthAuthorizationServer => "oauth_authorization_server",
        }
    }
}

const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
const OAUTH_AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::url::Schemes;

    #[test]
    fn what_needs_no_parser_is_what_the_parser_says() {
        for (issuer, is_plain) in [
            ("https://op.example", true),
            ("https://op.example/", true),
            ("https://op.example//", true),
            ("https://op.example/realms/main", true),
            ("https://op.example/realms/main///", true),
            ("https://op.example/a//b/.c/...", true),
            ("https://OP.example/a", false),
            ("https://op.example:443/a", false),
            ("https://op.example:8443", false),
            ("https://op.example/a/../b", false),
            ("https://op.example/a/.", false),
            ("https://op.example/%7ea", false),
            ("https://op.example/\u{e9}", false),
            ("https://op.example\\a", false),
            ("https://xn--bcher-kva.example", false),
            ("https://127.1", false),
            ("https://[::1]", false),
            ("https:op.example", false),
            ("http://localhost/a", false),
        ] {
            let issuer = Issuer::new(issuer, Schemes::DangerousHttpOnLoopback).unwrap();
            let form = WellKnown::OpenIdConfiguration;
            let plain = form.plain(&issuer);
            assert_eq!(plain.is_some(), is_plain, "{issuer}");
            let parsed = form.parsed(&issuer).unwrap();
            assert!(plain.is_none_or(|plain| plain == parsed), "{issuer}");
            assert_eq!(form.uri(&issuer).unwrap().to_string(), parsed);
            assert_eq!(WellKnown::OauthAuthorizationServer.plain(&issuer), None);
        }
    }
}
