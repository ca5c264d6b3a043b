//! A browser without a user: it keeps cookies, follows redirects, submits what submits itself. For the demo, and to be
//! named by `--browser` where nobody sits at the machine. The provider has to let the user in by itself.

use std::collections::BTreeMap;

use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Method, Request, Response};
use oidc_proto::adapter::{BlockingHttpClient, ureq};
use oidc_proto::{Accept, Body, Policy};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::failure::{Code, Failure};

/// More than any login needs.
const STEPS: usize = 20;

/// Goes from page to page until one stays.
pub(crate) fn browse(http: &ureq::Client, url: &str) -> Result<(), Failure> {
    let lost = |why: &str| Code::Browser.because(why);
    let mut cookies = BTreeMap::new();
    let mut at = Url::parse(url).map_err(|_| lost("not a URL"))?;
    let mut form: Option<String> = None;
    for _ in 0..STEPS {
        let response = send(http, &at, form.take(), &mut cookies)?;
        if let Some(location) = response.headers().get(LOCATION) {
            let location = location.to_str().map_err(|_| lost("a redirect to no URL"))?;
            at = at.join(location).map_err(|_| lost("a redirect to no URL"))?;
            continue;
        }
        let page = String::from_utf8_lossy(response.body());
        let Some((action, fields)) = submitted(&page, at.fragment()) else {
            let status = response.status();
            // Whoever waits for a callback would not know why none comes. No query: it may hold a code.
            return if status.is_success() { Ok(()) } else { Err(lost(&format!("{status} at {}", at.path()))) };
        };
        at.set_fragment(None);
        at = at.join(&action).map_err(|_| lost("a form for no URL"))?;
        form = Some(Serializer::new(String::new()).extend_pairs(fields).finish());
    }
    Err(lost("redirected in circles"))
}

type Cookies = BTreeMap<(String, String), String>;

fn send(
    http: &ureq::Client,
    at: &Url,
    form: Option<String>,
    cookies: &mut Cookies,
) -> Result<Response<Vec<u8>>, Failure> {
    let lost = |why: &dyn std::fmt::Display| Code::Browser.because(why);
    let mut bare = at.clone();
    bare.set_fragment(None);
    let host = at.host_str().unwrap_or_default().to_owned();
    let mut request = Request::builder().uri(bare.as_str()).header("accept", "text/html");
    let own = cookies.iter().filter(|((of, _), _)| *of == host);
    let own: Vec<_> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
    if !own.is_empty() {
        request = request.header(COOKIE, own.join("; "));
    }
    if form.is_some() {
        request = request.method(Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    let request = request.body(Body::from(form.unwrap_or_default())).map_err(|error| lost(&error))?;
    let response = http.call(request, Policy::write(Accept::Any)).map_err(|error| lost(&error))?;
    for cookie in response.headers().get_all(SET_COOKIE) {
        let cookie = cookie.to_str().unwrap_or_default();
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let Some((name, value)) = pair.split_once('=') else { continue };
        let key = (host.clone(), name.trim().to_owned());
        // That is how a cookie is deleted.
        if attributes.to_ascii_lowercase().contains("01 jan 1970") {
            cookies.remove(&key);
        } else {
            cookies.insert(key, value.trim().to_owned());
        }
    }
    Ok(response)
}

/// The form of a page whose script submits it: where to, and its hidden fields. A page that asks for the fragment, as
/// our own does, gets it.
fn submitted(page: &str, fragment: Option<&str>) -> Option<(String, Vec<(String, String)>)> {
    let (_, form) = page.split_once("<form")?;
    let (form, _) = form.split_once("</form>")?;
    if !page.contains(".submit()") {
        return None;
    }
    let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let mut fields: Vec<_> =
        inputs.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))).collect();
    if page.contains("location.hash") {
        fields.iter_mut().for_each(|(_, value)| fragment.unwrap_or_default().clone_into(value));
    }
    let head = form.split('>').next().unwrap_or_default();
    Some((attribute(head, "action").unwrap_or_default(), fields))
}

/// An attribute, unescaped.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let value = value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">");
    Some(value.replace("&amp;", "&"))
}
