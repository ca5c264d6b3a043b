//! A rendezvous, from the view of one device.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Method, Request};

use super::options::RendezvousOptions;
use super::requests::{TEXT, etag, lifetime, look};
use crate::base::env::MonotonicTime;
use crate::base::secret::Body;
use crate::error::Error;
use crate::qr::code::CodeUrl;
use crate::wire::response::Response;

/// A rendezvous that both devices use, and the state that this device last saw.
#[derive(Clone)]
pub struct Rendezvous {
    url: CodeUrl,
    pub(super) etag: HeaderValue,
    options: RendezvousOptions,
    lifetime: Option<Duration>,
    /// What this device has written last, to know it again.
    pub(super) own: Option<Box<str>>,
    /// When it wrote that, as long as the other device has not written since, and may not have read it.
    pub(in crate::qr) unread_since: Option<MonotonicTime>,
}

impl Rendezvous {
    /// One that a response tells of; nothing was written by this device.
    pub(super) fn of(url: CodeUrl, options: RendezvousOptions, response: &Response<'_>) -> Result<Self, Error> {
        let (etag, lifetime) = (etag(response)?, lifetime(response));
        Ok(Self { url, etag, options, lifetime, own: None, unread_since: None })
    }

    /// Its URL, for the QR code.
    pub fn url(&self) -> &CodeUrl {
        &self.url
    }

    /// The lifetime after its last response, if the server sends it. It is only for display: the server decides.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// The options.
    pub fn options(&self) -> RendezvousOptions {
        self.options
    }

    /// A request that looks whether there is something new.
    pub(super) fn look(&self) -> Request<Body> {
        let mut request = look(&self.url);
        request.headers_mut().insert(IF_NONE_MATCH, self.etag.clone());
        request
    }

    pub(super) fn write(&self, text: &str) -> Request<Body> {
        let mut request = Request::new(text.to_owned().into());
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = self.url.endpoint().uri().clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, TEXT);
        headers.insert(IF_MATCH, self.etag.clone());
        request
    }

    /// Takes note of what a success says beside its body.
    pub(super) fn note(&mut self, response: &Response<'_>) -> Result<(), Error> {
        self.etag = etag(response)?;
        self.lifetime = lifetime(response);
        Ok(())
    }
}

impl fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who knows the path can write there.
        self.url.fmt(f)
    }
}
