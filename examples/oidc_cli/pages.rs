//! The pages of the embedded provider that a user sees.

use std::fmt::Write as _;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::Value;

const HTML: &str = "text/html; charset=utf-8";

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

/// Gives the provider's own pages the look of the others, and says what to do where something is refused.
pub(crate) fn dress(path: &str, response: &mut Response<Vec<u8>>) {
    let body = String::from_utf8_lossy(response.body());
    let kind = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    // Where only a browser comes, an error in JSON is one that its user sees.
    let is_error = path == "/end_session" && response.status().as_u16() >= 400 && kind == b"application/json";
    let said = if is_error {
        let error: Value = serde_json::from_str(&body).unwrap_or_default();
        escape(error.get("error_description").and_then(Value::as_str).unwrap_or_default())
    } else if kind.starts_with(b"text/html") && !body.contains("<form method=\"post\"") {
        // A page of this program has none.
        let said = body.split_once("<body>").and_then(|(_, rest)| rest.split_once("</body>"));
        let Some((said, _)) = said else { return };
        said.to_owned()
    } else {
        // The form that sends a browser back by itself is read by programs, too.
        return;
    };
    let cure = match said.as_str() {
        "unknown client_id" => {
            "<p>Register the client here first, or let it register itself. This provider forgets its clients when it ends: a \
             client of an earlier run has to register anew (<code>oidc_cli register --anew</code>).</p>"
        }
        "unregistered redirect_uri" => "<p>Register this redirect URI for the client, to the letter.</p>",
        "unregistered post_logout_redirect_uri" => {
            "<p>Register this post_logout_redirect_uri for the client, to the letter, and name the client by \
             <code>id_token_hint</code> or <code>client_id</code>.</p>"
        }
        "id_token_hint" => {
            "<p>This provider did not sign it, or has forgotten the client: it forgets its clients when it ends.</p>"
        }
        "unknown, used or expired request_uri" => "<p>Begin again: a pushed request is good once, for a minute.</p>",
        "This code is unknown." => "<p>Check the code. It is good once, and for as long as the device says.</p>",
        _ => "",
    };
    let page = if response.status().as_u16() >= 400 {
        format!("{}<p><b>{said}</b></p>{cure}", head("Refused", "The test provider refuses this request"))
    } else {
        format!("{}<p>{said}</p>", head("Test provider", "Test provider"))
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    *response.body_mut() = format!("{page}</main></html>").into_bytes();
}

/// What is served here, for whoever opens the issuer in a browser.
pub(crate) fn root(issuer: &str, users: &[String]) -> Response<Vec<u8>> {
    let (heading, issuer) = (head("Test provider", "Test provider"), escape(issuer));
    let mut html = format!(
        "{heading}<p>This is the OpenID Provider of <code>oidc_cli serve</code>, for tests only. Its issuer is \
         <b>{issuer}</b>, and <a href=\"{issuer}/.well-known/openid-configuration\">its metadata</a> name its endpoints.</p>\
         <p>Its users:</p><ul>"
    );
    for user in users {
        let _ = write!(html, "<li>{}</li>", escape(user));
    }
    let _ = write!(
        html,
        "</ul><p>Log in: <code>oidc_cli login --insecure-loopback --issuer {issuer}</code></p></main></html>"
    );
    page(html)
}

fn page(html: String) -> Response<Vec<u8>> {
    let mut response = Response::new(html.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(HTML));
    response
}

/// Asks who it is, and whether that user allows this. The form is sent to `path` with the query, and with the decision.
pub(crate) fn ask(logins: &[String], path: &str, query: &[(String, String)], what: &str) -> Response<Vec<u8>> {
    let mut html =
        format!("{}{what}<form method=\"get\" action=\"{path}\">", head("Log in", "Log in at the test provider"));
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
    page(html)
}

/// What a client asks for.
pub(crate) fn request(client: &str, scope: &str) -> String {
    let mut html = format!("<p><b>{}</b> asks for:</p><ul>", escape(client));
    for word in scope.split(' ').filter(|word| !word.is_empty()) {
        let _ = write!(html, "<li>{}</li>", escape(word));
    }
    html.push_str("</ul>");
    html
}

/// What a device asks for.
pub(crate) fn device(user_code: &str) -> String {
    format!("<p>A device that shows the code <b>{}</b> wants to log in.</p>", escape(user_code))
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
