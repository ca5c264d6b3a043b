//! What requests and responses look like in either proposal.

use http::{HeaderMap, Response, header};
use serde_json::{Value, json};

use super::content::{Content, Incoming};
use crate::base::env::Timestamp;
use crate::testing::http::{empty, http_date, json as json_response, set, with_body};

pub(in crate::testing) const CREATE_4108: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
pub(in crate::testing) const BOXES: &str = "/_synapse/client/rendezvous/";
pub(in crate::testing) const CREATE_4388: &str = "/_matrix/client/unstable/io.element.msc4388/rendezvous";

/// The proposal that a request follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Msc4108,
    Msc4388,
}

/// What a request says.
pub(super) struct Said {
    pub(super) form: Form,
    /// The rendezvous that it is for; empty where there is none.
    pub(super) id: String,
    /// What the client has seen.
    pub(super) seen: Option<String>,
    pub(super) text: Vec<u8>,
}

impl Said {
    pub(super) fn of(request: &Incoming<'_>) -> Self {
        match request.path.strip_prefix(CREATE_4388) {
            Some(rest) => {
                let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
                let member = |name: &str| Some(body.get(name)?.as_str()?.to_owned());
                Self {
                    form: Form::Msc4388,
                    id: rest.trim_start_matches('/').to_owned(),
                    seen: member("sequence_token"),
                    text: member("data").unwrap_or_default().into_bytes(),
                }
            }
            None => Self {
                form: Form::Msc4108,
                id: request.path.strip_prefix(BOXES).unwrap_or_default().to_owned(),
                seen: header_text(request.headers, header::IF_MATCH)
                    .or_else(|| header_text(request.headers, header::IF_NONE_MATCH)),
                text: request.body.to_vec(),
            },
        }
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

impl Form {
    /// How a client names what it has seen.
    pub(super) fn revision(self, content: &Content) -> String {
        match self {
            Self::Msc4108 => format!("\"{}\"", content.version),
            Self::Msc4388 => format!("token-{}", content.version),
        }
    }

    pub(super) fn created(self, place: &str, content: &Content, now: Timestamp) -> Response<Vec<u8>> {
        match self {
            Self::Msc4108 => self.described(json_response(201, &json!({ "url": place })), content, now),
            Self::Msc4388 => self.described(json_response(200, &json!({ "id": place })), content, now),
        }
    }

    pub(super) fn written(self, content: &Content, now: Timestamp) -> Response<Vec<u8>> {
        match self {
            Self::Msc4108 => self.described(empty(202), content, now),
            Self::Msc4388 => {
                let mut response = self.described(json_response(200, &json!({})), content, now);
                without(&mut response, "expires_in_ms");
                response
            }
        }
    }

    pub(super) fn conflict(self, content: &Content, now: Timestamp) -> Response<Vec<u8>> {
        match self {
            Self::Msc4108 => self.described(refusal(412, "M_CONCURRENT_WRITE"), content, now),
            Self::Msc4388 => refusal(409, "IO_ELEMENT_MSC4388_CONCURRENT_WRITE"),
        }
    }

    /// The text; `None` where there is nothing new.
    pub(super) fn read(self, text: Option<&[u8]>, content: &Content, now: Timestamp) -> Response<Vec<u8>> {
        let response = match (self, text) {
            (Self::Msc4108, Some(text)) => with_body(200, "text/plain; charset=utf-8", text),
            (Self::Msc4108, None) => empty(304),
            (Self::Msc4388, text) => {
                let data = String::from_utf8_lossy(text.unwrap_or_default());
                json_response(200, &json!({ "data": data }))
            }
        };
        self.described(response, content, now)
    }

    fn described(self, mut response: Response<Vec<u8>>, content: &Content, now: Timestamp) -> Response<Vec<u8>> {
        let revision = self.revision(content);
        match self {
            Self::Msc4108 => {
                set(&mut response, header::ETAG, &revision);
                set(&mut response, header::DATE, &http_date(now));
                set(&mut response, header::EXPIRES, &http_date(content.expires_at));
                set(&mut response, header::LAST_MODIFIED, &http_date(now));
            }
            Self::Msc4388 => {
                let left = content.expires_at.saturating_since(now).as_millis();
                edit(&mut response, |body| {
                    body.insert("sequence_token".to_owned(), revision.into());
                    body.insert("expires_in_ms".to_owned(), u64::try_from(left).unwrap_or(u64::MAX).into());
                });
            }
        }
        response
    }
}

pub(super) fn refusal(status: u16, errcode: &str) -> Response<Vec<u8>> {
    json_response(status, &json!({ "errcode": errcode, "error": "no" }))
}

pub(super) fn without(response: &mut Response<Vec<u8>>, member: &str) {
    edit(response, |body| drop(body.remove(member)));
}

fn edit(response: &mut Response<Vec<u8>>, change: impl FnOnce(&mut serde_json::Map<String, Value>)) {
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(response.body()) {
        change(&mut body);
        *response.body_mut() = Value::Object(body).to_string().into_bytes();
    }
}
