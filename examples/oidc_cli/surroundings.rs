//! What developers expect around the embedded provider: a page that asks the user, scripts of any origin, and a message to
//! the client's server when a user logs out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE,
};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::testing::Provider;
use oidc_proto::{Accept, Body, Policy, Timestamp};
use serde_json::Value;
use url::form_urlencoded;

use crate::context::http;

/// For the client's server to take the message.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Surroundings {
    /// Who can be chosen on the page, if there is one.
    logins: Option<Vec<String>>,
    /// `backchannel_logout_uri` by client ID.
    logout_uris: Mutex<BTreeMap<String, String>>,
    /// The scopes of pushed requests, by `request_uri`.
    pushed: Mutex<BTreeMap<String, String>>,
}

/// So many pushed requests are known. They are good for a minute.
const MOST_PUSHED: usize = 1000;

impl Surroundings {
    pub(crate) fn new(logins: Option<Vec<String>>) -> Self {
        Self { logins, logout_uris: Mutex::default(), pushed: Mutex::default() }
    }

    /// The response to what is not the provider's business.
    pub(crate) fn before(&self, request: &Parts) -> Option<Response<Vec<u8>>> {
        if request.method == Method::OPTIONS {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Some(response);
        }
        let logins = self.logins.as_ref().filter(|_| request.uri.path() == "/authorize")?;
        let query: Vec<_> = form_urlencoded::parse(request.uri.query()?.as_bytes()).into_owned().collect();
        let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let is_decided = value("decided").is_some() || value("prompt") == Some("none");
        let pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        let scope = value("scope").or_else(|| pushed.get(value("request_uri")?).map(String::as_str));
        (request.method == Method::GET && !is_decided).then(|| page(logins, &query, scope.unwrap_or_default()))
    }

    /// Notes what a client registered, and tells it that its user has logged out.
    pub(crate) fn after(
        &self,
        provider: &Provider,
        method: &Method,
        uri: &Uri,
        body: &[u8],
        response: &Response<Vec<u8>>,
        now: Timestamp,
    ) {
        let mut logout_uris = self.logout_uris.lock().unwrap_or_else(PoisonError::into_inner);
        match uri.path() {
            "/par" if response.status() == StatusCode::CREATED => {
                let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
                let scope = form_urlencoded::parse(body).find(|(name, _)| name == "scope");
                let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((request_uri, (_, scope))) = text(&answer, "request_uri").zip(scope) {
                    if pushed.len() >= MOST_PUSHED {
                        pushed.clear();
                    }
                    pushed.insert(request_uri.to_owned(), scope.into_owned());
                }
            }
            "/register" if response.status() == StatusCode::CREATED => {
                let client: Value = serde_json::from_slice(response.body()).unwrap_or_default();
                let known = text(&client, "client_id").zip(text(&client, "backchannel_logout_uri"));
                if let Some((id, uri)) = known {
                    logout_uris.insert(id.to_owned(), uri.to_owned());
                }
            }
            "/end_session" if response.status().as_u16() < 400 => {
                let parameters =
                    if *method == Method::POST { body } else { uri.query().unwrap_or_default().as_bytes() };
                let hint = form_urlencoded::parse(parameters).find(|(name, _)| name == "id_token_hint");
                let claims = hint.and_then(|(_, id_token)| claims(&id_token)).unwrap_or_default();
                let login = text(&claims, "sub").and_then(|sub| sub.strip_prefix("sub-"));
                let Some((client, login)) = text(&claims, "aud").zip(login) else { return };
                if let Some(uri) = logout_uris.get(client) {
                    tell(uri.clone(), provider.logout_request(client, login, now));
                }
            }
            _ => {}
        }
    }
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// The claims of an ID token. Whose they are the provider has checked.
fn claims(id_token: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?).ok()
}

/// Sends the logout token (OpenID Connect Back-Channel Logout 1.0 section 2.5). The browser does not wait for it.
fn tell(uri: String, form: String) {
    std::thread::spawn(move || {
        let request = Request::post(uri).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let (Ok(http), Ok(request)) = (http(PATIENCE), request.body(Body::from(form))) {
            // A client that does not listen is not logged out: that is for its developer to see in its own log.
            let _ = http.call(request, Policy::write(Accept::Any));
        }
    });
}

/// Scripts of any origin may read responses: nothing here depends on cookies.
pub(crate) fn allow_any_origin(response: &mut Response<Vec<u8>>) {
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, dpop"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "www-authenticate, dpop-nonce, retry-after, date"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;background:#f2f4f7;color:#1d2433;display:grid;place-items:center;\
    min-height:100vh;margin:0}main{background:#fff;padding:2rem;border-radius:12px;box-shadow:0 2px 16px #0002;max-width:26rem}\
    h1{font-size:1.3rem;margin:0 0 1rem}li{overflow-wrap:anywhere}button{font:inherit;padding:.5rem 1rem;margin:.25rem .25rem 0 0;\
    border:1px solid #c5ccd8;border-radius:8px;background:#fff;cursor:pointer}button.yes{background:#2457d6;border-color:#2457d6;\
    color:#fff}small{color:#5b6577}";

/// Begins a page with this title and heading.
fn head(title: &str, heading: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style><main><h1>{heading}</h1>"
    )
}

/// Gives a page of the provider that refuses something the look of the others, and says what to do.
pub(crate) fn dress(response: &mut Response<Vec<u8>>) {
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page || response.status().as_u16() < 400 {
        return;
    }
    let body = String::from_utf8_lossy(response.body());
    let said = body.split_once("<body>").and_then(|(_, rest)| rest.split_once("</body>")).map_or("", |(said, _)| said);
    let cure = match said {
        "unknown client_id" => {
            "<p>Register the client here first, or let it register itself. This provider forgets its clients when it ends: a \
             client of an earlier run has to register anew (<code>oidc_cli register --anew</code>).</p>"
        }
        "unregistered redirect_uri" => "<p>Register this redirect URI for the client, to the letter.</p>",
        _ => "",
    };
    let head = head("Refused", "The test provider refuses this request");
    *response.body_mut() = format!("{head}<p><b>{said}</b></p>{cure}</main></html>").into_bytes();
}

/// Asks who logs in, and whether the client may have what it asks for.
fn page(logins: &[String], query: &[(String, String)], scope: &str) -> Response<Vec<u8>> {
    let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str());
    let mut html = head("Log in", "Log in at the test provider");
    let _ = write!(html, "<p><b>{}</b> asks for:</p><ul>", escape(value("client_id")));
    for word in scope.split(' ').filter(|word| !word.is_empty()) {
        let _ = write!(html, "<li>{}</li>", escape(word));
    }
    html.push_str("</ul><form method=\"get\" action=\"/authorize\">");
    for (name, value) in query {
        let _ = write!(html, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value));
    }
    for login in logins {
        let login = escape(login);
        let _ = write!(
            html,
            "<p><button class=\"yes\" name=\"decided\" value=\"auto:{login}\">Allow as {login}</button>\
             <button name=\"decided\" value=\"deny:{login}\">Deny</button></p>"
        );
    }
    html.push_str("</form><small>For tests only: there is no password.</small></main></html>");
    let mut response = Response::new(html.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
