//! What a browser does in a login, without one: it keeps cookies, follows redirects, fills in forms.

use std::collections::BTreeMap;

use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Method, Request, Response};
use oidc_proto::adapter::{BlockingHttpClient, HttpOptions, ureq};
use oidc_proto::{Accept, Body, Policy};
use url::Url;
use url::form_urlencoded::Serializer;

/// A browser with one user before it.
pub struct Browser {
    http: ureq::Client,
    cookies: BTreeMap<String, String>,
}

/// What the browser would have brought to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The whole URL, with its query or fragment.
    pub url: String,
    /// The form's body, with `response_mode=form_post`.
    pub form: Option<String>,
}

/// Where a row of redirects ended.
enum Landing {
    Home(Callback),
    Page(Url, Response<Vec<u8>>),
}

impl Callback {
    /// The parameters, wherever they are.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let url = Url::parse(&self.url).unwrap();
        let text = self.form.as_deref().or(url.fragment()).or(url.query()).unwrap_or_default();
        url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }
}

impl Browser {
    /// A fresh one: no cookies. The options say which authorities it trusts.
    pub fn new(options: HttpOptions) -> Self {
        Self { http: ureq::Client::with(options).unwrap(), cookies: BTreeMap::new() }
    }

    /// Goes to the authorization URL and on until it is sent to the redirect URI, which it does not load.
    ///
    /// The URL needs `login_hint=auto:NAME` or `deny:NAME`: nobody is there to fill in a form.
    pub fn visit(&mut self, url: &str, redirect_uri: &str) -> Callback {
        match self.follow(Method::GET, url, "", Some(redirect_uri)) {
            Landing::Home(callback) => callback,
            Landing::Page(at, response) => {
                let page = String::from_utf8_lossy(response.body());
                panic!("stranded at {} with {}: {page}", at.path(), response.status())
            }
        }
    }

    /// Goes to the end-session URL, says yes, and goes on to the post-logout redirect URI.
    pub fn leave(&mut self, url: &str, redirect_uri: &str) -> Callback {
        let (at, page) = self.page(Method::GET, url, "");
        let mut form = hidden_inputs(&page);
        form.push(("logout".to_owned(), "yes".to_owned()));
        let action = attribute(&page, "action").map_or_else(|| at.clone(), |action| at.join(&action).unwrap());
        match self.follow(Method::POST, action.as_str(), &encode(&form), Some(redirect_uri)) {
            Landing::Home(callback) => callback,
            Landing::Page(at, response) => panic!("stranded at {} with {}", at.path(), response.status()),
        }
    }

    /// Goes to `verification_uri_complete` of a device grant and confirms it as this user (`yes`) or aborts it.
    /// Returns the last page.
    pub fn confirm_device(&mut self, verification_uri_complete: &str, user: &str, yes: bool) -> String {
        let (mut at, mut page) = self.page(Method::GET, verification_uri_complete, "");
        for _ in 0..6 {
            let mut form = hidden_inputs(&page);
            if page.contains("name=\"login\"") {
                form.extend([("login".to_owned(), user.to_owned()), ("password".to_owned(), "x".to_owned())]);
            } else if page.contains("name=\"abort\"") && !yes {
                form.push(("abort".to_owned(), "yes".to_owned()));
            } else if form.is_empty() {
                break;
            }
            let action = attribute(&page, "action").map_or_else(|| at.clone(), |action| at.join(&action).unwrap());
            (at, page) = self.page(Method::POST, action.as_str(), &encode(&form));
        }
        page
    }

    fn page(&mut self, method: Method, url: &str, form: &str) -> (Url, String) {
        match self.follow(method, url, form, None) {
            Landing::Page(at, response) => (at, String::from_utf8(response.into_body()).unwrap()),
            Landing::Home(callback) => panic!("sent away to {callback:?}"),
        }
    }

    /// Follows redirects to the redirect URI, or else to the first page that is none.
    fn follow(&mut self, mut method: Method, url: &str, form: &str, redirect_uri: Option<&str>) -> Landing {
        let (mut at, mut form) = (Url::parse(url).unwrap(), form.to_owned());
        let home = |url: &str| {
            let rest = redirect_uri.and_then(|uri| url.strip_prefix(uri));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#', '&']))
        };
        for _ in 0..20 {
            let response = self.send(&method, &at, &form);
            if let Some(location) = response.headers().get(LOCATION) {
                let location = at.join(location.to_str().unwrap()).unwrap();
                if home(location.as_str()) {
                    return Landing::Home(Callback { url: location.into(), form: None });
                }
                (at, method, form) = (location, Method::GET, String::new());
                continue;
            }
            let page = String::from_utf8_lossy(response.body());
            return match attribute(&page, "action").filter(|action| home(action)) {
                Some(url) => Landing::Home(Callback { url, form: Some(encode(&hidden_inputs(&page))) }),
                None => Landing::Page(at, response),
            };
        }
        panic!("redirected in circles at {}", at.path())
    }

    fn send(&mut self, method: &Method, url: &Url, form: &str) -> Response<Vec<u8>> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(url.as_str()).header("accept", "text/html");
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.http.call(request, Policy::write(Accept::Any)).unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            // That is how a cookie is deleted.
            if attributes.contains("expires=Thu, 01 Jan 1970") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }
}

fn encode(form: &[(String, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(form).finish()
}

/// Name and value of each hidden input of a page.
fn hidden_inputs(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    inputs
        .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .collect()
}

/// The first attribute of this name, unescaped.
fn attribute(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let unescaped = value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">");
    Some(unescaped.replace("&amp;", "&"))
}
