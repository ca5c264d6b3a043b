//! Pushed authorization requests (RFC 9126).

use serde::Deserialize;

use crate::base::json::{self, Text};
use crate::error::{Error, ErrorCode};
use crate::wire::oauth_error;
use crate::wire::response::Response;

/// Longest `request_uri`: it has to fit a URL with room for the rest.
const REQUEST_URI_LIMIT: usize = 2048;

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    request_uri: Option<Text<'a>>,
}

/// Parses the response (section 2.2): any 2xx with a `request_uri`. The lifetime is ignored, because the browser opens
/// the URL at once.
///
/// # Errors
/// `authorization.…` as at the authorization endpoint, `token.invalid_client`, `dpop.nonce`, `dpop.proof`,
/// `dpop.required`, `par.no_request_uri`, `http.…`, `json.…`.
pub(crate) fn parse(response: Response<'_>) -> Result<String, Error> {
    if !response.status.is_success() {
        return Err(oauth_error::from_client_response(response, |error| match error {
            "invalid_client" => ErrorCode::TOKEN_INVALID_CLIENT,
            _ => oauth_error::dpop_code(error).unwrap_or_else(|| oauth_error::authorization_code(error)),
        }));
    }
    let usable = |uri: &Text<'_>| (1..=REQUEST_URI_LIMIT).contains(&uri.len());
    json::around_broken(response.success()?, |body| {
        let answer: Members<'_> = json::document(body)?;
        Ok(answer.request_uri.filter(usable).ok_or(ErrorCode::PAR_NO_REQUEST_URI)?.0.into_owned())
    })
}
