//! The URL of an endpoint: nearly all are taken without a parser, and the outcome has to be that of both parsers.

use http::Uri;
use oidc_proto::{Endpoint, Schemes};
use url::Url;

pub(super) fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    compare(text);
    // Mostly an input lacks the beginning of a URL.
    compare(&format!("https://{text}"));
    compare(&format!("https://op.example.org/{text}"));
}

fn compare(text: &str) {
    let ours = Endpoint::new(text, Schemes::HttpsOnly).ok();
    let theirs = parsed(text);
    assert_eq!(ours.as_ref().map(Endpoint::uri), theirs.as_ref(), "{text:?}");
    assert_eq!(ours.map(|endpoint| endpoint.to_string()), theirs.map(|uri| uri.to_string()), "{text:?}");
}

fn parsed(text: &str) -> Option<Uri> {
    let url = Url::parse(text).ok()?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if url.scheme() != "https" || url.host().is_none() || has_user || url.fragment().is_some() {
        return None;
    }
    String::from(url).try_into().ok()
}
