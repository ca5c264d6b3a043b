//! Where a rendezvous is, and what its requests and responses look like there.
//!
//! | | MSC4108 | MSC4388 |
//! |---|---|---|
//! | where | the URL that the server named | `…/rendezvous/{id}` at a homeserver |
//! | what is seen | `ETag`, sent back in `If-Match` and `If-None-Match` | `sequence_token`, sent back in the body |
//! | nothing new | 304 | 200, the same `sequence_token` |
//! | the other side wrote first | 412 | 409 |
//! | how long it lasts | `Expires`, less `Date` | `expires_in_ms` |
//!
//! MSC4388 is a draft. Its current text adds a transaction ID to the URL of a PUT, which the deployed servers do not
//! know.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, ETAG, EXPIRES, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};

use super::requests::policy;
use crate::base::json::{self, Scalar, Text};
use crate::base::secret::Body;
use crate::error::{Error, ErrorCode};
use crate::qr::channel::{AssociatedData, MESSAGE_LIMIT};
use crate::qr::code::{CodeUrl, QrCode, RendezvousAddress, RendezvousId};
use crate::qr::proposal::Proposal;
use crate::wire::date;
use crate::wire::policy::{Accept, Policy};
use crate::wire::response::Response;

pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain");
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Longest sequence token.
const TOKEN_LIMIT: usize = 255;

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// MSC4108.
    Url(CodeUrl),
    /// MSC4388.
    Id(RendezvousId),
}

/// The state of a rendezvous that a device has seen: an `ETag` or a sequence token. It is only compared and sent back.
pub(super) type Revision = HeaderValue;

/// What a success says beside a text.
pub(super) struct Note {
    pub(super) revision: Revision,
    /// How long the rendezvous lasts, if the server says so.
    pub(super) lifetime: Option<Duration>,
}

/// What is in the rendezvous.
pub(super) struct Look<'a> {
    pub(super) text: Cow<'a, str>,
    /// Missing parts do not matter where there is no text.
    pub(super) note: Result<Note, Error>,
}

impl Place {
    /// The one of a code.
    pub(super) fn of(code: &QrCode) -> Self {
        match code.rendezvous_address() {
            RendezvousAddress::Msc4108 { rendezvous, .. } => Self::Url(rendezvous.clone()),
            RendezvousAddress::Msc4388(rendezvous) => Self::Id(rendezvous.clone()),
        }
    }

    pub(super) fn proposal(&self) -> Proposal {
        match self {
            Self::Url(_) => Proposal::Msc4108,
            Self::Id(_) => Proposal::Msc4388,
        }
    }

    pub(super) fn uri(&self) -> &Uri {
        match self {
            Self::Url(url) => url.endpoint().uri(),
            Self::Id(rendezvous) => rendezvous.uri(),
        }
    }

    fn request(&self, method: Method, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.uri().clone();
        request
    }

    /// A request for the text, or for what is new since it was seen.
    pub(super) fn look(&self, seen: Option<&Revision>) -> Request<Body> {
        let mut request = self.request(Method::GET, Body::default());
        let headers = request.headers_mut();
        match self {
            Self::Url(_) => {
                headers.insert(ACCEPT, TEXT);
                seen.map(|etag| headers.insert(IF_NONE_MATCH, etag.clone()));
            }
            Self::Id(_) => drop(headers.insert(ACCEPT, JSON)),
        }
        request
    }

    pub(super) fn write(&self, seen: &Revision, text: &str) -> Request<Body> {
        match self {
            Self::Url(_) => {
                let mut request = self.request(Method::PUT, text.to_owned().into());
                request.headers_mut().insert(CONTENT_TYPE, TEXT);
                request.headers_mut().insert(IF_MATCH, seen.clone());
                request
            }
            Self::Id(_) => {
                let sequence_token = Some(seen.to_str().unwrap_or(""));
                let mut request = self.request(Method::PUT, Written { sequence_token, data: text }.to_body());
                request.headers_mut().insert(CONTENT_TYPE, JSON);
                request.headers_mut().insert(ACCEPT, JSON);
                request
            }
        }
    }

    pub(super) fn delete(&self) -> Request<Body> {
        self.request(Method::DELETE, Body::default())
    }

    pub(super) fn policy(&self, repeatable: bool) -> Policy {
        match self {
            Self::Url(_) => policy(repeatable),
            Self::Id(_) => json_policy(repeatable),
        }
    }

    /// Whether the other side wrote first.
    pub(super) fn is_conflict(&self, response: &Response<'_>) -> bool {
        let status = match self {
            Self::Url(_) => StatusCode::PRECONDITION_FAILED,
            Self::Id(_) => StatusCode::CONFLICT,
        };
        response.status == status
    }

    /// Reads a successful response to a look.
    pub(super) fn read<'a>(&self, response: &Response<'a>) -> Result<Look<'a>, Error> {
        match self {
            Self::Url(_) => Ok(Look { text: Cow::Borrowed(plain_text(response)?), note: etag_note(response) }),
            Self::Id(_) => {
                let Members { data, sequence_token, expires_in_ms, .. } = json::document(response.success()?)?;
                let data = data.ok_or_else(|| missing("data"))?;
                if data.len() > MESSAGE_LIMIT {
                    return Err(ErrorCode::QR_CHANNEL_MALFORMED.into());
                }
                Ok(Look { text: data.0, note: token_note(sequence_token, &expires_in_ms) })
            }
        }
    }

    /// Reads a successful response to a PUT.
    pub(super) fn written(&self, response: &Response<'_>) -> Result<Note, Error> {
        match self {
            Self::Url(_) => etag_note(response),
            Self::Id(_) => {
                let Members { sequence_token, expires_in_ms, .. } = json::document(response.success()?)?;
                token_note(sequence_token, &expires_in_ms)
            }
        }
    }

    /// What a message is bound to that is written when this was seen.
    pub(super) fn binding(&self, seen: &Revision) -> AssociatedData {
        match self {
            Self::Url(_) => AssociatedData::none(),
            Self::Id(rendezvous) => {
                let base_url = rendezvous.base_url().as_str();
                AssociatedData::new(base_url, rendezvous.id(), seen.to_str().unwrap_or(""))
            }
        }
    }
}

/// A body to write.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence_token: Option<&'a str>,
    pub(super) data: &'a str,
}

impl Written<'_> {
    pub(super) fn to_body(&self) -> Body {
        // Texts can always be written.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}

/// A body that was read.
#[derive(Deserialize)]
pub(super) struct Members<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) sequence_token: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) expires_in_ms: Scalar<'a>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
}

pub(super) fn json_policy(repeatable: bool) -> Policy {
    let policy = policy(repeatable).with_accept(Accept::Json);
    // The members besides the text.
    let limit = policy.body_limit() + 4096;
    policy.with_body_limit(limit)
}

pub(super) fn missing(member: &'static str) -> Error {
    Error::new(ErrorCode::QR_RENDEZVOUS_RESPONSE).at(member)
}

/// The token is printable ASCII. The draft allows fewer characters, but its own example has some
/// that it does not allow.
pub(super) fn token_note(token: Option<Text<'_>>, expires_in_ms: &Scalar<'_>) -> Result<Note, Error> {
    let is_token = |token: &Text<'_>| {
        (1..=TOKEN_LIMIT).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let token = token.filter(is_token).ok_or_else(|| missing("sequence_token"))?;
    let revision = HeaderValue::from_str(&token).map_err(|_| missing("sequence_token"))?;
    Ok(Note { revision, lifetime: expires_in_ms.whole().map(Duration::from_millis) })
}

/// The `ETag`, as it is; and `Expires`, relative to the server's own `Date`.
pub(super) fn etag_note(response: &Response<'_>) -> Result<Note, Error> {
    let etag = response.headers.get(ETAG).filter(|etag| !etag.is_empty());
    let revision = etag.cloned().ok_or_else(|| missing("ETag"))?;
    let date = |name| date::parse(response.headers.get(name)?.to_str().ok()?);
    let lifetime = date(EXPIRES).and_then(|expires| Some(expires.saturating_since(date(header::DATE)?)));
    Ok(Note { revision, lifetime })
}

fn plain_text<'a>(response: &Response<'a>) -> Result<&'a str, Error> {
    let content_type = response.content_type();
    if !content_type.is_empty() && !content_type.eq_ignore_ascii_case("text/plain") {
        return Err(ErrorCode::HTTP_CONTENT_TYPE.into());
    }
    std::str::from_utf8(response.body).map_err(|_| ErrorCode::QR_CHANNEL_MALFORMED.into())
}
