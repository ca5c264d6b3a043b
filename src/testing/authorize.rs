//! The authorization endpoint, with a user who answers at once.

use http::Response;

use super::client::RegisteredClient;
use super::dpop;
use super::edit::{Callback, Edit, ResponseMode};
use super::habits::adopted::Adopted;
use super::http::{Incoming, Params, Refusal, escape, no_store, page, see_other, with_params};
use super::records::{AuthorizationCode, Grant, Pushed};
use super::settings::Par;
use super::state::State;
use super::user::{Decision, User};
use crate::base::env::Timestamp;

/// How long a code is good: RFC 6749 section 4.1.2 allows ten minutes, providers allow less.
const CODE_LIFETIME: std::time::Duration = std::time::Duration::from_secs(60);

/// OpenID Connect Core section 3.1.2, RFC 9207, RFC 7636.
pub(super) fn authorize(state: &mut State, request: &Incoming<'_>) -> Response<Vec<u8>> {
    match response(state, request) {
        Ok(mut callback) => {
            for edit in &state.edits {
                if let Edit::Callback(hook) = edit {
                    hook(&mut callback);
                }
            }
            write(&callback)
        }
        // Nothing proves where the browser came from: it stays here (RFC 6749 section 4.1.2.1).
        Err(refusal) => page(400, refusal.description),
    }
}

fn response(state: &mut State, request: &Incoming<'_>) -> Result<Callback, Refusal> {
    let params = request.browser_params()?;
    let client = params.required("client_id")?;
    let client = state.clients.get(client).ok_or(Refusal::new("invalid_request", "unknown client_id"))?.clone();
    let asked = resolve(state, params, request.now)?;
    let params = &asked.params;
    let redirect_uri = params.required("redirect_uri")?;
    if !client.allows_redirect(redirect_uri) {
        return Err(Refusal::new("invalid_request", "unregistered redirect_uri"));
    }
    if state.has_habits_of_mas && !is_within_policy(params.get("scope").unwrap_or("")) {
        return Err(Refusal::new("invalid_scope", "the policy does not allow this device"));
    }
    let mode = response_mode(params);
    let redirect_uri = redirect_uri.to_owned();
    let mut callback = Callback { redirect_uri, mode: mode.unwrap_or_default(), params: Vec::new() };
    match mode.and_then(|_| decide(state, &client, &asked, &callback.redirect_uri, request.now)) {
        Ok(code) => callback.add("code", &code),
        Err(refusal) => {
            callback.add("error", refusal.error);
            callback.add("error_description", refusal.description);
        }
    }
    if let Some(echo) = params.get("state") {
        callback.add("state", echo);
    }
    if state.adopted.as_ref().map_or(!state.has_habits_of_mas, Adopted::sends_iss) {
        callback.add("iss", &state.issuer);
    }
    if let Some(adopted) = &state.adopted {
        adopted.callback(&mut callback);
    }
    Ok(callback)
}

/// What the policy of the Matrix Authentication Service says of device IDs. A refusal is an error page.
fn is_within_policy(scope: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~!$&'()*+,;=:@/-".contains(&byte);
    let devices = scope.split(' ').filter_map(|value| Some(value.split_once(":device:")?.1));
    devices.into_iter().all(|device| device.len() >= 10 && device.bytes().all(allowed))
}

/// An authorization request, wherever it came from.
struct Resolved {
    params: Params,
    /// The key that the code is to be bound to (RFC 9449 section 10).
    jkt: Option<String>,
    /// What the user decided on a page before this one, in the form of a login hint.
    decided: Option<String>,
    was_pushed: bool,
}

/// What a browser asks for: by its own parameters, or by those that were pushed before, which nothing in the browser
/// can change (RFC 9126 section 4). A pushed request is good once.
fn resolve(state: &mut State, params: Params, now: Timestamp) -> Result<Resolved, Refusal> {
    const UNKNOWN: Refusal = Refusal::new("invalid_request_uri", "unknown, used or expired request_uri");
    let decided = params.get("decided").map(str::to_owned);
    let Some(request_uri) = params.get("request_uri").filter(|uri| uri.starts_with(Pushed::PREFIX)) else {
        let jkt = dpop::named(state, &params);
        return Ok(Resolved { params, jkt, decided, was_pushed: false });
    };
    let pushed = state.pushed.get(request_uri).ok_or(UNKNOWN)?;
    if pushed.client_id != params.required("client_id")? {
        return Err(Refusal::new("invalid_request", "request_uri is another client's"));
    }
    let pushed = state.pushed.remove(request_uri).filter(|pushed| now < pushed.expires_at).ok_or(UNKNOWN)?;
    Ok(Resolved { params: pushed.params, jkt: pushed.jkt, decided, was_pushed: true })
}

fn response_mode(params: &Params) -> Result<ResponseMode, Refusal> {
    match params.get("response_mode") {
        None | Some("query") => Ok(ResponseMode::Query),
        Some("fragment") => Ok(ResponseMode::Fragment),
        Some("form_post") => Ok(ResponseMode::FormPost),
        Some(_) => Err(Refusal::new("invalid_request", "response_mode")),
    }
}

/// What can be said of a request before the user is asked.
pub(super) fn check(client: &RegisteredClient, params: &Params) -> Result<(), Refusal> {
    if params.get("request").is_some() || params.get("request_uri").is_some() {
        return Err(Refusal::new("request_not_supported", "request objects are not supported"));
    }
    response_mode(params)?;
    params.scope()?;
    match params.required("response_type")? {
        "code" if client.allows_grant("authorization_code") => {}
        "code" => return Err(Refusal::new("unauthorized_client", "the client did not register for codes")),
        _ => return Err(Refusal::new("unsupported_response_type", "only code")),
    }
    if params.get("code_challenge_method") != Some("S256") {
        return Err(Refusal::new("invalid_request", "PKCE with S256 is required"));
    }
    if params.required("code_challenge")?.len() != 43 {
        return Err(Refusal::new("invalid_request", "code_challenge is no SHA-256"));
    }
    max_age(params).map(drop)
}

/// The code that the user's decision is worth.
fn decide(
    state: &mut State,
    client: &RegisteredClient,
    asked: &Resolved,
    redirect_uri: &str,
    now: Timestamp,
) -> Result<String, Refusal> {
    let params = &asked.params;
    if state.par == Par::Required && !asked.was_pushed {
        return Err(Refusal::new("invalid_request", "authorization requests have to be pushed"));
    }
    check(client, params)?;
    if let Some(adopted) = &state.adopted {
        adopted.check_scope(params.get("scope").unwrap_or(""))?;
    }
    let code_challenge = params.required("code_challenge")?.to_owned();
    let (user, decision) = visitor(state, asked.decided.as_deref().or(params.get("login_hint")))?;
    let auth_time = sign_in(&user, decision, params, now)?;
    if decision == Decision::Deny {
        return Err(Refusal::new("access_denied", "the user said no"));
    }
    let text = |name| params.get(name).map(str::to_owned);
    let consents = params.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "consent"));
    let is_ignored = |word: &&str| *word == "offline_access" && state.offline_by_consent && !consents;
    let scope = params.get("scope").unwrap_or_default().split(' ').filter(|word| !is_ignored(word));
    let scope = scope.collect::<Vec<_>>().join(" ");
    let grant = state.add_grant(Grant {
        client_id: client.client_id.clone(),
        login: user.login,
        subject: user.subject,
        scope,
        nonce: text("nonce"),
        acr: params.get("acr_values").and_then(|values| values.split(' ').next()).map(str::to_owned),
        auth_time,
    });
    if let Some(adopted) = &mut state.adopted {
        adopted.authorized(grant, params);
    }
    let code = state.random("code_");
    let expires_at = now.saturating_add(CODE_LIFETIME);
    let (redirect_uri, jkt) = (redirect_uri.to_owned(), asked.jkt.clone());
    let kept = AuthorizationCode { grant, redirect_uri, code_challenge, jkt, expires_at, used: false };
    state.codes.insert(code.clone(), kept);
    Ok(code)
}

/// Who sits at the browser: `auto:` and `deny:` in the login hint name the user and the decision.
fn visitor(state: &State, hint: Option<&str>) -> Result<(User, Decision), Refusal> {
    const NOBODY: Refusal = Refusal::new("access_denied", "there is no such user");
    let named = |login| state.user(Some(login)).ok_or(NOBODY);
    match hint.and_then(|hint| hint.split_once(':')) {
        Some(("auto", login)) => Ok((named(login)?, Decision::Allow)),
        Some(("deny", login)) => Ok((named(login)?, Decision::Deny)),
        _ => {
            let user = hint.and_then(|hint| state.user(Some(hint))).or_else(|| state.user(None)).ok_or(NOBODY)?;
            let decision = user.decision;
            Ok((user, decision))
        }
    }
}

/// When the user signed in: before, or now if the application wants that (OpenID Connect Core section 3.1.2.1).
fn sign_in(user: &User, decision: Decision, params: &Params, now: Timestamp) -> Result<Timestamp, Refusal> {
    let prompts: Vec<&str> = params.get("prompt").map(|prompt| prompt.split(' ').collect()).unwrap_or_default();
    let max_age = max_age(params)?;
    let recent = user.signed_in.filter(|&time| max_age.is_none_or(|max_age| now.saturating_since(time) <= max_age));
    if prompts.contains(&"none") {
        return match recent {
            _ if prompts.len() > 1 => Err(Refusal::new("invalid_request", "prompt none stands alone")),
            None => Err(Refusal::new("login_required", "the user is not signed in")),
            Some(_) if decision == Decision::Deny => {
                Err(Refusal::new("consent_required", "nothing was allowed before"))
            }
            Some(time) => Ok(time),
        };
    }
    let again = prompts.iter().any(|prompt| ["login", "create"].contains(prompt));
    Ok(recent.filter(|_| !again).unwrap_or(now))
}

fn max_age(params: &Params) -> Result<Option<std::time::Duration>, Refusal> {
    match params.get("max_age").map(str::parse::<u64>) {
        None => Ok(None),
        Some(Ok(seconds)) => Ok(Some(std::time::Duration::from_secs(seconds))),
        Some(Err(_)) => Err(Refusal::new("invalid_request", "max_age")),
    }
}

fn write(callback: &Callback) -> Response<Vec<u8>> {
    match callback.mode {
        ResponseMode::Query => see_other(&with_params(&callback.redirect_uri, '?', &callback.params)),
        ResponseMode::Fragment => see_other(&with_params(&callback.redirect_uri, '#', &callback.params)),
        ResponseMode::FormPost => {
            let inputs = callback.params.iter().map(|(name, value)| {
                format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
            });
            no_store(page(
                200,
                &format!(
                    "<form method=\"post\" action=\"{}\">{}</form><script>document.forms[0].submit()</script>",
                    escape(&callback.redirect_uri),
                    inputs.collect::<String>()
                ),
            ))
        }
    }
}
