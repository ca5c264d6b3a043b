//! A rendezvous server (MSC4108) that can simulate network failures and attacks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, header};
use serde_json::json;

use super::fault::{Fault, gateway};
use super::http::{empty, http_date, json, set, with_body};
use super::reach::{Reached, reachable};
use crate::base::env::Timestamp;
use crate::error::transport::{Failure, FailureKind, Sent};

pub(super) const CREATE: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
pub(super) const BOXES: &str = "/_synapse/client/rendezvous/";

/// A request to a rendezvous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Meet {
    /// `POST`.
    Create,
    /// `GET`.
    Receive,
    /// `PUT`.
    Send,
    /// `DELETE`.
    Delete,
}

/// A misbehaviour of the rendezvous server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trick {
    /// Any fault.
    Fault(Fault),
    /// `Receive`: the text before the last one comes again, as if it were new.
    Repeat,
    /// `Receive`: the reader's own text comes back, as if it were new.
    Echo,
    /// `Receive`: half of the text.
    Truncate,
    /// `Receive`: one character of the text is changed.
    Change,
    /// `Receive`: somebody else's text.
    Replace(String),
    /// `Receive`: reports no new text although there is one. `Send`: reports success without writing the text.
    Withhold,
    /// `Receive`: the old text again, with status 200.
    Insist,
    /// `Receive`: no text.
    Empty,
    /// `Send`: 412, although nobody else has written.
    Conflict,
    /// Any: 413.
    TooLarge,
    /// Any: 404, and the rendezvous ends.
    Expire,
    /// Any: no `ETag`.
    NoEtag,
    /// Any: neither `Expires` nor `Last-Modified`.
    NoDates,
    /// Any: another `Content-Type`.
    ContentType(&'static str),
    /// `Create`: another URL.
    Url(&'static str),
}

struct Content {
    texts: Vec<Vec<u8>>,
    /// Counts what was written, and tricks.
    version: u64,
    expires_at: Timestamp,
}

impl Content {
    fn etag(&self) -> String {
        format!("\"{}\"", self.version)
    }

    fn text(&self) -> &[u8] {
        self.texts.last().map_or(&[], Vec::as_slice)
    }
}

struct State {
    base: String,
    lifetime: Duration,
    /// Texts do not extend it.
    is_lifetime_fixed: bool,
    limit: usize,
    boxes: BTreeMap<String, Content>,
    made: u64,
    tricks: Vec<(Meet, Trick, usize)>,
    requests: Vec<Meet>,
    texts: Vec<String>,
}

/// A rendezvous server as a pure function from request to response. For tests.
///
/// Clones are handles to the same server.
#[derive(Clone)]
pub struct Rendezvous(Arc<Mutex<State>>);

impl Rendezvous {
    /// A server with this base URL. A rendezvous expires one minute after its last text, and accepts 4 KiB.
    pub fn new(base: &str) -> Self {
        Self(Arc::new(Mutex::new(State {
            base: base.trim_end_matches('/').to_owned(),
            lifetime: Duration::from_secs(60),
            is_lifetime_fixed: false,
            limit: 4096,
            boxes: BTreeMap::new(),
            made: 0,
            tricks: Vec::new(),
            requests: Vec::new(),
            texts: Vec::new(),
        })))
    }

    /// Sets the time after its last text at which a rendezvous expires.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        self.lock().lifetime = lifetime;
        self
    }

    /// Counts the lifetime from the creation of a box, as Synapse does.
    pub(super) fn fix_lifetime(&self) {
        self.lock().is_lifetime_fixed = true;
    }

    /// Sets the maximum size of a text in bytes.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        self.lock().limit = limit;
        self
    }

    /// Handles a request. A fault without a response becomes status 502.
    pub fn handle<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Response<Vec<u8>> {
        self.exchange(request, now).unwrap_or_else(gateway)
    }

    /// Handles a request; a fault can cause a [`Failure`](crate::Failure).
    ///
    /// # Errors
    /// The failure that an HTTP client would report. A request to another host is unreachable.
    pub fn exchange<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Reached {
        let (parts, body) = request.into_parts();
        let mut state = self.lock();
        let uri = parts.uri.to_string();
        // A URL without host, as servers get it, is this host's.
        let path = uri.strip_prefix(&state.base).or(uri.starts_with('/').then_some(uri.as_str()));
        let path = path.ok_or(Failure::new(FailureKind::Unreachable, Sent::No))?;
        let meet = match parts.method {
            Method::POST => Meet::Create,
            Method::PUT => Meet::Send,
            Method::DELETE => Meet::Delete,
            Method::GET => Meet::Receive,
            _ => return Ok(empty(405)),
        };
        state.requests.push(meet);
        let trick = state.next_trick(meet);
        if let Some(Trick::Fault(fault)) = &trick
            && let Some(outcome) = fault.before()
        {
            return outcome;
        }
        let incoming = Incoming { meet, path, headers: &parts.headers, body: body.as_ref(), now };
        let response = state.respond(&incoming, trick.as_ref());
        match trick {
            Some(Trick::Fault(fault)) => fault.after(response),
            _ => Ok(response),
        }
    }

    /// Plays a trick on the next requests of a kind. Tricks of one kind come in the order they were set.
    pub fn trick(&self, meet: Meet, trick: Trick, times: usize) {
        self.lock().tricks.push((meet, trick, times));
    }

    /// Removes all tricks.
    pub fn honest(&self) {
        self.lock().tricks.clear();
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Meet> {
        self.lock().requests.clone()
    }

    /// The number of requests of this kind so far.
    pub fn count(&self, meet: Meet) -> usize {
        self.lock().requests.iter().filter(|&&done| done == meet).count()
    }

    /// The number of rendezvous that were not deleted, and that were not expired at the last request.
    pub fn boxes(&self) -> usize {
        self.lock().boxes.len()
    }

    /// Every text that was ever written, as the server read it.
    pub fn texts(&self) -> Vec<String> {
        self.lock().texts.clone()
    }

    /// Writes a text into every rendezvous, like an attacker who knows the URL.
    pub fn intrude(&self, text: &str) {
        for content in self.lock().boxes.values_mut() {
            content.texts.push(text.as_bytes().to_vec());
            content.version += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendezvous({})", self.lock().base)
    }
}

/// A request, taken apart.
struct Incoming<'a> {
    meet: Meet,
    path: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
    now: Timestamp,
}

impl Incoming<'_> {
    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

reachable!(Rendezvous);

impl State {
    fn next_trick(&mut self, meet: Meet) -> Option<Trick> {
        let (_, trick, left) = self.tricks.iter_mut().find(|(kind, _, left)| *kind == meet && *left > 0)?;
        *left = left.saturating_sub(1);
        Some(trick.clone())
    }

    fn respond(&mut self, request: &Incoming<'_>, trick: Option<&Trick>) -> Response<Vec<u8>> {
        self.boxes.retain(|_, content| content.expires_at > request.now);
        let id = request.path.strip_prefix(BOXES).unwrap_or_default().to_owned();
        match trick {
            Some(Trick::TooLarge) => return refusal(413, "M_TOO_LARGE"),
            Some(Trick::Expire) => drop(self.boxes.remove(&id)),
            _ => {}
        }
        let mut response = match request.meet {
            Meet::Create if request.path == CREATE => self.create(request, trick),
            Meet::Create => return refusal(404, "M_UNRECOGNIZED"),
            Meet::Delete => match self.boxes.remove(&id) {
                Some(_) => return empty(204),
                None => return refusal(404, "M_NOT_FOUND"),
            },
            Meet::Send => self.send(&id, request, trick),
            Meet::Receive => self.receive(&id, request, trick),
        };
        match trick {
            Some(Trick::NoEtag) => drop(response.headers_mut().remove(header::ETAG)),
            Some(Trick::NoDates) => {
                for name in [header::EXPIRES, header::LAST_MODIFIED, header::DATE] {
                    response.headers_mut().remove(name);
                }
            }
            Some(Trick::ContentType(value)) => set(&mut response, header::CONTENT_TYPE, value),
            _ => {}
        }
        response
    }

    fn create(&mut self, request: &Incoming<'_>, trick: Option<&Trick>) -> Response<Vec<u8>> {
        self.made += 1;
        let id = format!("box{}", self.made);
        let expires_at = request.now.saturating_add(self.lifetime);
        let content = Content { texts: vec![request.body.to_vec()], version: 1, expires_at };
        let url = match trick {
            Some(Trick::Url(url)) => (*url).to_owned(),
            _ => format!("{}{BOXES}{id}", self.base),
        };
        let mut response = json(201, &json!({ "url": url }));
        describe(&mut response, &content, request.now);
        self.boxes.insert(id, content);
        response
    }

    fn send(&mut self, id: &str, request: &Incoming<'_>, trick: Option<&Trick>) -> Response<Vec<u8>> {
        if request.body.len() > self.limit {
            return refusal(413, "M_TOO_LARGE");
        }
        let Some(content) = self.boxes.get_mut(id) else { return refusal(404, "M_NOT_FOUND") };
        let expected = request.header(header::IF_MATCH);
        if expected != Some(&content.etag()) || trick == Some(&Trick::Conflict) {
            let mut response = refusal(412, "M_CONCURRENT_WRITE");
            describe(&mut response, content, request.now);
            return response;
        }
        if !self.is_lifetime_fixed {
            content.expires_at = request.now.saturating_add(self.lifetime);
        }
        if trick == Some(&Trick::Withhold) {
            let mut response = empty(202);
            describe(&mut response, content, request.now);
            return response;
        }
        content.texts.push(request.body.to_vec());
        content.version += 1;
        self.texts.push(String::from_utf8_lossy(request.body).into_owned());
        let mut response = empty(202);
        describe(&mut response, content, request.now);
        response
    }

    fn receive(&mut self, id: &str, request: &Incoming<'_>, trick: Option<&Trick>) -> Response<Vec<u8>> {
        let Some(content) = self.boxes.get_mut(id) else { return refusal(404, "M_NOT_FOUND") };
        let before = |back: usize| content.texts.iter().rev().nth(back).cloned().unwrap_or_default();
        let text = match trick {
            Some(Trick::Repeat) => before(2),
            Some(Trick::Echo) => before(0),
            Some(Trick::Empty) => Vec::new(),
            Some(Trick::Replace(text)) => text.as_bytes().to_vec(),
            Some(Trick::Truncate) => before(0).iter().take(content.text().len() / 2).copied().collect(),
            Some(Trick::Change) => {
                let mut text = before(0);
                let middle = text.len() / 2;
                text.iter_mut().skip(middle).take(1).for_each(|byte| *byte = if *byte == b'A' { b'B' } else { b'A' });
                text
            }
            _ => before(0),
        };
        if matches!(trick, Some(Trick::Repeat | Trick::Echo | Trick::Replace(_))) {
            content.version += 1;
        }
        let is_seen = request.header(header::IF_NONE_MATCH) == Some(&content.etag());
        let mut response = match trick {
            Some(Trick::Withhold) => empty(304),
            Some(Trick::Insist) => with_body(200, "text/plain", text),
            _ if is_seen => empty(304),
            _ => with_body(200, "text/plain; charset=utf-8", text),
        };
        describe(&mut response, content, request.now);
        response
    }
}

fn refusal(status: u16, errcode: &str) -> Response<Vec<u8>> {
    json(status, &json!({ "errcode": errcode, "error": "no" }))
}

fn describe(response: &mut Response<Vec<u8>>, content: &Content, now: Timestamp) {
    set(response, header::ETAG, &content.etag());
    set(response, header::DATE, &http_date(now));
    set(response, header::EXPIRES, &http_date(content.expires_at));
    set(response, header::LAST_MODIFIED, &http_date(now));
}
