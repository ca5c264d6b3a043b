//! The user's browser, which opens an authorization URL.

use std::fmt;

use http::{Request, Response, header};
use url::form_urlencoded;

use super::http::unescape;

/// The result of a browser's visit.
#[derive(Clone)]
#[non_exhaustive]
pub enum Visit {
    /// It was sent to this URL: the callback, with its parameters in query or fragment.
    Redirect(String),
    /// It posts this form (`response_mode=form_post`).
    Post {
        /// Where to: the redirect URI.
        url: String,
        /// The form, encoded.
        body: String,
    },
    /// It stays on a page of the provider, usually an error page.
    Page(Response<Vec<u8>>),
}

impl Visit {
    /// The callback for the application: the whole URL, or the posted form; empty for a page.
    pub fn callback(&self) -> &str {
        match self {
            Self::Redirect(url) => url,
            Self::Post { body, .. } => body,
            Self::Page(_) => "",
        }
    }

    /// The parameters of the callback, in their order.
    pub fn params(&self) -> Vec<(String, String)> {
        let text = match self {
            Self::Redirect(url) => url.split_once(['?', '#']).map_or("", |(_, params)| params),
            Self::Post { body, .. } => body,
            Self::Page(_) => "",
        };
        form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }

    /// The first parameter of the callback with this name.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A callback holds a code.
        match self {
            Self::Redirect(_) => f.write_str("Visit::Redirect(…)"),
            Self::Post { .. } => f.write_str("Visit::Post(…)"),
            Self::Page(response) => write!(f, "Visit::Page({})", response.status().as_u16()),
        }
    }
}

/// Opens a URL at a server. `answer` makes the server's response. Returns where the server sends
/// the browser, or the page.
pub(super) fn visit(url: &str, answer: impl FnOnce(Request<Vec<u8>>) -> Response<Vec<u8>>) -> Visit {
    let Ok(request) = Request::get(url).body(Vec::new()) else {
        return Visit::Page(super::http::page(400, "not a URL"));
    };
    let response = answer(request);
    if let Some(target) = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()) {
        return Visit::Redirect(target.to_owned());
    }
    match form(response.body()) {
        Some((url, body)) => Visit::Post { url, body },
        None => Visit::Page(response),
    }
}

/// The form of a page that posts itself; only as much HTML as the provider writes.
fn form(page: &[u8]) -> Option<(String, String)> {
    let page = std::str::from_utf8(page).ok()?;
    let (_, form) = page.split_once("<form method=\"post\" action=\"")?;
    let (action, mut rest) = form.split_once('"')?;
    let mut body = form_urlencoded::Serializer::new(String::new());
    while let Some((_, input)) = rest.split_once(" name=\"") {
        let (name, after) = input.split_once('"')?;
        let (value, after) = after.strip_prefix(" value=\"")?.split_once('"')?;
        body.append_pair(&unescape(name), &unescape(value));
        rest = after;
    }
    Some((unescape(action), body.finish()))
}
