//! What a client may say about itself (client-server API, client metadata and redirect URI validation; MSC2966).

use url::{Host, Url};

use crate::base::url::is_loopback;
use crate::error::{Error, ErrorCode, Quote};
use crate::party::client_metadata::{ApplicationType, ClientMetadata};
use crate::party::localized::Localized;
use crate::party::redirect_uri::RedirectUri;

/// Checks metadata before they are sent.
///
/// # Errors
/// `registration.client_uri`, `registration.uri`, `registration.redirect_uri`.
pub(super) fn check(metadata: &ClientMetadata) -> Result<(), Error> {
    let home = metadata.client_uri().and_then(|uri| home(uri.values().next()?.1));
    let home = home.ok_or(ErrorCode::REGISTRATION_CLIENT_URI)?;
    for (name, uris) in [
        ("client_uri", metadata.client_uri()),
        ("logo_uri", metadata.logo_uri()),
        ("tos_uri", metadata.tos_uri()),
        ("policy_uri", metadata.policy_uri()),
    ] {
        if let Some((_, uri)) = uris.into_iter().flat_map(Localized::values).find(|(_, uri)| !is_at(&home, uri)) {
            let error = Error::new(ErrorCode::REGISTRATION_URI).at(name).with_found(Quote::caller_url(uri));
            return Err(error.with_expected(Quote::caller(&format!("a URL on {home}"))));
        }
    }
    let broken =
        |uri: &RedirectUri| Some((uri.clone(), broken_rule(&home, metadata.application_type(), uri.as_str())?));
    match metadata.redirect_uris().iter().find_map(broken) {
        None => Ok(()),
        Some((uri, hint)) => {
            let error = Error::new(ErrorCode::REGISTRATION_REDIRECT_URI).at("redirect_uris");
            Err(error.with_found(Quote::caller_url(uri.as_str())).with_hint(hint))
        }
    }
}

/// The host of the client URI, which all others have to be at.
fn home(client_uri: &str) -> Option<String> {
    match https(client_uri)?.host()? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

fn https(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    (uri.starts_with("https://") && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Whether it is a page on that host, or on one below it.
fn is_at(home: &str, uri: &str) -> bool {
    https(uri).is_some_and(|url| url.host_str().is_some_and(|host| is_below(host, home)))
}

/// Whether a name is this one, or has it for an end.
fn is_below(name: &str, home: &str) -> bool {
    name.strip_suffix(home).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What to do about a redirect URI that breaks a rule; `None` if it breaks none.
fn broken_rule(home: &str, application_type: ApplicationType, uri: &str) -> Option<String> {
    let Ok(url) = Url::parse(uri) else { return Some("Write it as an absolute URI.".to_owned()) };
    let reverse = |name: &str| name.rsplit('.').collect::<Vec<_>>().join(".");
    match (url.scheme(), application_type) {
        ("https", _) if is_at(home, uri) => None,
        ("https", _) => Some(format!(
            "Use an https URI on the host of the client URI, {home}, or on one below it, without credentials."
        )),
        (_, ApplicationType::Web) => {
            Some(format!("A web client needs an https URI on the host of the client URI, {home}."))
        }
        ("http", ApplicationType::Native) => {
            let authority = uri.strip_prefix("http://").and_then(|rest| rest.split(['/', '?']).next());
            match authority {
                Some("localhost" | "127.0.0.1" | "[::1]") => None,
                // Any port is accepted in the login, for which there must be none here. Servers compare what was written.
                Some(_) if is_loopback(&url) => {
                    Some("Write http://127.0.0.1/callback, http://localhost/… or http://[::1]/…, without a port: a login may use any.".to_owned())
                }
                _ => Some("A native client's http redirect URI must be on localhost, 127.0.0.1 or [::1].".to_owned()),
            }
        }
        (scheme, ApplicationType::Native) if !is_below(&reverse(scheme), home) => Some(format!(
            "A private-use scheme is the host of the client URI, {home}, in reverse order: {}:/callback.",
            reverse(home)
        )),
        (scheme, ApplicationType::Native) if url.has_authority() => {
            Some(format!("A private-use scheme has no host: one slash behind it, as in {scheme}:/callback."))
        }
        (_, ApplicationType::Native) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(
        application_type: ApplicationType,
        redirect: &str,
        edit: impl FnOnce(ClientMetadata) -> ClientMetadata,
    ) -> Option<ErrorCode> {
        let metadata = ClientMetadata::new(application_type, vec![RedirectUri::new(redirect).unwrap()]);
        check(&edit(metadata.with_client_uri("https://app.example.org/about"))).err().map(|error| error.code())
    }

    #[test]
    fn redirect_uris_belong_to_the_client() {
        use ApplicationType::{Native, Web};
        for (application_type, uri, is_fine) in [
            (Web, "https://app.example.org/cb", true),
            (Web, "https://login.app.example.org/cb", true),
            (Web, "https://example.org/cb", false),
            (Web, "https://evilapp.example.org/cb", false),
            (Web, "http://localhost/cb", false),
            (Web, "org.example.app:/cb", false),
            (Native, "https://app.example.org/cb", true),
            (Native, "https://elsewhere.org/cb", false),
            (Native, "http://localhost/cb", true),
            (Native, "http://127.0.0.1/cb", true),
            (Native, "http://[::1]/cb", true),
            (Native, "http://127.0.0.1:8080/cb", false),
            (Native, "http://127.0.0.1:80/cb", false),
            (Native, "http://localhost:/cb", false),
            (Native, "http://127.1/cb", false),
            (Native, "http://localhost.evil.example/cb", false),
            (Native, "http:localhost/cb", false),
            (Native, "https:app.example.org/cb", false),
            (Native, "http://localhost", true),
            (Native, "http://localhost?a", true),
            (Native, "http://127.0.0.2/cb", false),
            (Native, "http://app.example.org/cb", false),
            (Native, "org.example.app:/cb", true),
            (Native, "org.example.app.beta:/cb", true),
            (Native, "org.example.app://cb", false),
            (Native, "org.example.apps:/cb", false),
            (Native, "org.example:/cb", false),
            (Native, "app:/cb", false),
        ] {
            let refused = verdict(application_type, uri, |metadata| metadata);
            assert_eq!(
                refused,
                (!is_fine).then_some(ErrorCode::REGISTRATION_REDIRECT_URI),
                "{application_type:?} {uri}"
            );
        }
    }

    #[test]
    fn pages_are_on_the_host_of_the_client_uri() {
        type Edit = fn(ClientMetadata) -> ClientMetadata;
        let native = |edit: Edit| verdict(ApplicationType::Native, "http://localhost/", edit);
        assert_eq!(native(|m| m), None);
        let new = || ClientMetadata::new(ApplicationType::Native, Vec::new());
        assert_eq!(check(&new()).unwrap_err().code(), ErrorCode::REGISTRATION_CLIENT_URI);
        for uri in ["http://app.example.org", "https://10.0.0.1/", "https://u@app.example.org", "nonsense"] {
            assert_eq!(
                check(&new().with_client_uri(uri)).unwrap_err().code(),
                ErrorCode::REGISTRATION_CLIENT_URI,
                "{uri}"
            );
        }
        assert_eq!(native(|m| m.with_logo_uri("https://cdn.app.example.org/logo.png")), None);
        for edit in [
            (|m| m.with_logo_uri("https://cdn.example.org/logo.png")) as Edit,
            |m| m.with_tos_uri("http://app.example.org/tos"),
            |m| m.with_policy_uri("https://u:p@app.example.org/"),
            |m| {
                let uri = Localized::new("https://app.example.org/tos");
                m.with_tos_uri(uri.with_language("fr", "https://example.fr/tos"))
            },
            |m| {
                let uri = Localized::new("https://app.example.org/");
                m.with_client_uri(uri.with_language("fr", "https://example.fr/"))
            },
        ] {
            assert_eq!(native(edit), Some(ErrorCode::REGISTRATION_URI));
        }
    }
}
