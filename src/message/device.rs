//! The device authorization endpoint (RFC 8628 section 3.1 and 3.2).

use std::time::Duration;

use http::Request;
use serde::Deserialize;

use crate::base::json::{self, Scalar, Text};
use crate::base::secret::{Body, Secret};
use crate::base::url::{Endpoint, Schemes};
use crate::error::{Error, ErrorCode, Quote};
use crate::party::client::Client;
use crate::party::client_auth::form_request;
use crate::token::scope::Scope;
use crate::wire::form::Value;
use crate::wire::oauth_error;
use crate::wire::response::Response;

/// The interval between polls if the provider names none (RFC 8628 section 3.2).
pub const DEVICE_INTERVAL: Duration = Duration::from_secs(5);

/// The longest interval that is accepted: with a longer one the provider would hardly ever be polled.
const LONGEST_INTERVAL: Duration = Duration::from_secs(120);

/// The longest time for the user that is accepted; also the default if the provider sends no `expires_in`, which is
/// required.
pub(crate) const LONGEST_LIFETIME: Duration = Duration::from_secs(3600);

/// Longest code for the user to type.
const USER_CODE_LIMIT: usize = 64;

/// The request (section 3.1).
pub(crate) fn request(endpoint: &Endpoint, client: &Client, scope: &Scope) -> Request<Body> {
    let scope = Some(scope.as_str()).filter(|scope| !scope.is_empty());
    form_request(endpoint, client, [("scope", scope.map(Value::Text))])
}

/// The device authorization response (section 3.2).
#[derive(Debug)]
pub(crate) struct DeviceResponse {
    pub(crate) device_code: Secret,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    pub(crate) verification_uri_complete: Option<String>,
    pub(crate) lifetime: Duration,
    pub(crate) interval: Duration,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    device_code: Option<Text<'a>>,
    #[serde(borrow)]
    user_code: Option<Text<'a>>,
    #[serde(borrow)]
    verification_uri: Option<Text<'a>>,
    /// The name in an earlier draft, which some servers still send.
    #[serde(borrow, default)]
    verification_url: Scalar<'a>,
    #[serde(borrow, default)]
    verification_uri_complete: Scalar<'a>,
    #[serde(borrow, default)]
    expires_in: Scalar<'a>,
    #[serde(borrow, default)]
    interval: Scalar<'a>,
}

/// Parses the response. The user sees the user code and the URLs: the code must be printable, and the URLs `https`. A
/// `verification_uri_complete` that is not usable counts as absent.
///
/// # Errors
/// `device.response`, `token.…`, `http.…`, `json.…`.
pub(crate) fn parse(response: Response<'_>, schemes: Schemes) -> Result<DeviceResponse, Error> {
    json::around_broken(response.body, |body| parse_held(Response { body, ..response }, schemes))
}

fn parse_held(response: Response<'_>, schemes: Schemes) -> Result<DeviceResponse, Error> {
    if !response.status.is_success() {
        return Err(oauth_error::from_client_response(response, oauth_error::token_code));
    }
    let body = json::plain(response.success()?);
    let answer: Members<'_> = json::document(&body)?;
    let unusable = |name| Error::new(ErrorCode::DEVICE_RESPONSE).at(name);
    let device_code = answer.device_code.filter(|code| !code.is_empty()).ok_or_else(|| unusable("device_code"))?;
    let user_code = answer.user_code.filter(|code| is_user_code(code)).ok_or_else(|| unusable("user_code"))?;
    let verification_uri = answer
        .verification_uri
        .or(answer.verification_url.text().map(Text))
        .ok_or_else(|| unusable("verification_uri"))?;
    Endpoint::page(&verification_uri, schemes).map_err(|error| {
        unusable("verification_uri").with_found(Quote::provider_url(&verification_uri)).with_source(error)
    })?;
    let complete = answer.verification_uri_complete.text().filter(|url| Endpoint::page(url, schemes).is_ok());
    let seconds = |value: Scalar<'_>| value.whole().map(Duration::from_secs);
    Ok(DeviceResponse {
        device_code: Secret::new(device_code.0),
        user_code: user_code.0.into_owned(),
        verification_uri: verification_uri.0.into_owned(),
        verification_uri_complete: complete.map(Into::into),
        lifetime: seconds(answer.expires_in).unwrap_or(LONGEST_LIFETIME).min(LONGEST_LIFETIME),
        // Zero would be a flood.
        interval: seconds(answer.interval)
            .filter(|interval| !interval.is_zero())
            .map_or(DEVICE_INTERVAL, |interval| interval.min(LONGEST_INTERVAL)),
    })
}

/// Whether a terminal can show it: printable ASCII, and not too much.
pub(crate) fn is_user_code(text: &str) -> bool {
    (1..=USER_CODE_LIMIT).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// Asks for the tokens (section 3.4).
pub(crate) fn token_request(endpoint: &Endpoint, client: &Client, device_code: &Secret) -> Request<Body> {
    let grant_type = crate::party::metadata::GrantType::DeviceCode.name();
    let (grant_type, device_code) = (Value::Text(grant_type), Value::Text(device_code.expose()));
    form_request(endpoint, client, [("grant_type", Some(grant_type)), ("device_code", Some(device_code))])
}
