//! What developers expect around the embedded provider: a page that asks the user, scripts of any origin, and a message to
//! the client's server when a user logs out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE, LOCATION,
};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use oidc_proto::adapter::BlockingHttpClient as _;
use oidc_proto::testing::Provider;
use oidc_proto::{Accept, Body, Policy, Timestamp};
use serde_json::Value;
use url::form_urlencoded;

use crate::context::http;
use crate::pages;

/// For the client's server to take the message.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Surroundings {
    logins: Vec<String>,
    /// Whether a page asks which of them it is.
    asks: bool,
    /// `backchannel_logout_uri` by client ID.
    logout_uris: Mutex<BTreeMap<String, String>>,
    /// What was pushed, by `request_uri`.
    pushed: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    /// Of the user who logs out.
    sid: Arc<Mutex<Option<String>>>,
}

/// So many pushed requests are known. They are good for a minute.
const MOST_PUSHED: usize = 1000;

/// What the user is to be asked on a page.
pub(crate) struct Question {
    /// The page.
    pub(crate) page: Response<Vec<u8>>,
    /// The request of a user who says no: whether the provider would ask at all. There is none for a request that is
    /// good only once.
    pub(crate) trial: Option<Request<Vec<u8>>>,
}

impl Surroundings {
    /// `sid` gets that of the user who logs out, for the logout token.
    pub(crate) fn new(logins: Vec<String>, asks: bool, sid: Arc<Mutex<Option<String>>>) -> Self {
        Self { logins, asks, logout_uris: Mutex::default(), pushed: Mutex::default(), sid }
    }

    /// Who can log in.
    pub(crate) fn users(&self) -> &[String] {
        &self.logins
    }

    /// What is to be asked before the provider sees the request.
    pub(crate) fn question(&self, request: &Parts, body: &[u8]) -> Option<Question> {
        let logins = Some(&self.logins).filter(|_| self.asks)?;
        let path = request.uri.path();
        let query = request.uri.query().unwrap_or_default().as_bytes();
        let parameters = if request.method == Method::POST { body } else { query };
        let asked: Vec<_> = form_urlencoded::parse(parameters).into_owned().collect();
        if value(&asked, "decided").is_some() {
            return None;
        }
        if path == "/device" {
            let page = pages::ask(logins, path, &asked, &pages::device(value(&asked, "user_code")?));
            return Some(Question { page, trial: None });
        }
        if path != "/authorize" {
            return None;
        }
        let pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = value(&asked, "request_uri").and_then(|request_uri| pushed.get(request_uri));
        let whole = kept.unwrap_or(&asked);
        if value(whole, "prompt") == Some("none") {
            return None;
        }
        let client = value(&asked, "client_id").unwrap_or_default();
        let what = pages::request(client, value(whole, "scope").unwrap_or_default());
        let trial = kept.is_none().then(|| {
            let denied = format!("deny:{}", logins.first().map_or("", String::as_str));
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&asked).append_pair("decided", &denied);
            Request::get(format!("{path}?{}", query.finish())).body(Vec::new()).ok()
        });
        Some(Question { page: pages::ask(logins, path, &asked, &what), trial: trial.flatten() })
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
                let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(request_uri) = text(&answer, "request_uri") {
                    if pushed.len() >= MOST_PUSHED {
                        pushed.clear();
                    }
                    pushed.insert(request_uri.to_owned(), form_urlencoded::parse(body).into_owned().collect());
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
                    let sid = text(&claims, "sid").map(str::to_owned);
                    *self.sid.lock().unwrap_or_else(PoisonError::into_inner) = sid;
                    tell(uri.clone(), provider.logout_request(client, login, now));
                }
            }
            _ => {}
        }
    }
}

/// Whether this is what comes of a user who says no: then there is something to ask.
pub(crate) fn is_denial(response: &Response<Vec<u8>>) -> bool {
    let location = response.headers().get(LOCATION).map_or(&b""[..], HeaderValue::as_bytes);
    let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
    has(location, b"error=access_denied") || has(response.body(), b"value=\"access_denied\"")
}

/// The response to a script that asks whether it may ask.
pub(crate) fn preflight() -> Response<Vec<u8>> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn value<'a>(parameters: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
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
