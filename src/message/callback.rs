//! The authorization response as it comes back through the user's browser (RFC 6749 section 4.1.2, RFC 9207).
//!
//! Parsing checks only the form. [`RelyingParty::check`](crate::RelyingParty::check) checks that the response belongs
//! to a login.

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest as _, Sha256};
use url::Url;
use zeroize::Zeroizing;

use crate::base::base64url;
use crate::base::secret::Secret;
use crate::base::url::{Issuer, is_plain_callback};
use crate::error::{Error, ErrorCode, ProviderText, Quote};
use crate::party::metadata::ResponseMode;
use crate::party::redirect_uri::RedirectUri;
use crate::wire::form;

/// Largest callback, in bytes.
pub const CALLBACK_LIMIT: usize = 64 * 1024;

const NOT_WHOLE: &str = "Give an absolute URL: a server joins its public URL and the request's query, or gives only the query to \
                         `Callback::from_query`; at a command line, paste the whole address.";

/// An authorization response (RFC 6749 section 4.1.2). Anyone can forge one:
/// [`RelyingParty::check`](crate::RelyingParty::check) checks that it belongs to a login.
#[derive(Clone)]
pub struct Callback {
    pub(crate) mode: ResponseMode,
    /// The URL that it came to, without its query: as the URL Standard writes it.
    pub(crate) target: Option<Box<str>>,
    pub(crate) state: Option<Secret>,
    pub(crate) code: Option<Secret>,
    pub(crate) iss: Option<String>,
    pub(crate) error: Option<(String, ProviderText)>,
}

impl Callback {
    /// Reads the URL that the browser was sent to, with the response in its query or its fragment.
    ///
    /// `check` later compares the rest of the URL with the redirect URI of the login.
    ///
    /// # Errors
    /// `callback.…`.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        check_size(url)?;
        // As the URL Standard has it. Only the rest is given to a URL parser, which would leave copies of the response.
        let url = url.trim_matches(|c: char| c <= ' ');
        let lines = url.contains(['\t', '\r', '\n']).then(|| without_breaks(url));
        let url = lines.as_ref().map_or(url, |url| url.as_str());
        let (before, fragment) = url.split_once('#').map_or((url, None), |(before, after)| (before, Some(after)));
        let (target, query) = before.split_once('?').unwrap_or((before, ""));
        let target = match is_plain_callback(target) {
            true => target.into(),
            false => {
                let malformed = |_| Error::new(ErrorCode::CALLBACK_MALFORMED).with_hint(NOT_WHOLE);
                Url::parse(target).map_err(malformed)?.as_str().into()
            }
        };
        // Some providers add a fragment of their own, `#_=_`, to a response in the query.
        let answers = |form: &str| form::names(form).any(|name| matches!(&*name, "state" | "code" | "error"));
        let callback = match fragment {
            Some(fragment) if answers(fragment) => Self::parse(fragment, ResponseMode::Fragment)?,
            _ => Self::parse(query, ResponseMode::Query)?,
        };
        Ok(Self { target: Some(target), ..callback })
    }

    /// From a query string, with or without its `?`. `check` then cannot compare the redirect URI.
    ///
    /// # Errors
    /// `callback.…`.
    pub fn from_query(query: &str) -> Result<Self, Error> {
        Self::parse(query.strip_prefix('?').unwrap_or(query), ResponseMode::Query)
    }

    /// From a fragment, with or without its `#`.
    ///
    /// # Errors
    /// `callback.…`.
    pub fn from_fragment(fragment: &str) -> Result<Self, Error> {
        Self::parse(fragment.strip_prefix('#').unwrap_or(fragment), ResponseMode::Fragment)
    }

    /// From the body of a form post (OAuth 2.0 Form Post Response Mode).
    ///
    /// # Errors
    /// `callback.…`.
    pub fn from_form_post(body: &[u8]) -> Result<Self, Error> {
        let body = std::str::from_utf8(body).map_err(|_| ErrorCode::CALLBACK_MALFORMED)?;
        Self::parse(body, ResponseMode::FormPost)
    }

    fn parse(form: &str, mode: ResponseMode) -> Result<Self, Error> {
        check_size(form)?;
        let [mut state, mut code, mut iss, mut error, mut description, mut uri] = [const { None::<Cow<'_, str>> }; 6];
        for (name, value) in form::pairs(form) {
            let (slot, name) = match &*name {
                "state" => (&mut state, "state"),
                "code" => (&mut code, "code"),
                "iss" => (&mut iss, "iss"),
                "error" => (&mut error, "error"),
                "error_description" => (&mut description, "error_description"),
                "error_uri" => (&mut uri, "error_uri"),
                // Unknown parameters must be ignored (RFC 6749 section 4.1.2).
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(Error::new(ErrorCode::CALLBACK_DUPLICATE_PARAMETER).at(name));
            }
        }
        let error = error.map(|error| {
            let text = ProviderText::new(Some(&error), description.as_deref(), uri.as_deref());
            (error.into_owned(), text)
        });
        Ok(Self {
            mode,
            target: None,
            state: state.map(Secret::new),
            code: code.map(Secret::new),
            iss: iss.map(Cow::into_owned),
            error,
        })
    }

    /// An error of a callback that is not shown to be this login's, with the words that it brings.
    pub(crate) fn unverified(&self, code: ErrorCode) -> Error {
        let error = Error::new(code);
        match &self.error {
            Some((_, text)) => error.with_text(text.clone()).with_hint(
                "The callback reports an error, but nothing shows that it is this login's: if its words explain the failure, \
                 correct that and log in again.",
            ),
            None => error,
        }
    }

    pub(crate) fn of_other_issuer(&self, issuer: &Issuer, iss: &str) -> Error {
        let error = self.unverified(ErrorCode::CALLBACK_ISS_MISMATCH).at("iss");
        error.with_expected(Quote::caller(issuer.as_str())).with_found(Quote::provider_url(iss))
    }

    pub(crate) fn in_other_mode(&self, asked: ResponseMode) -> Error {
        let error = Error::new(ErrorCode::CALLBACK_RESPONSE_MODE).with_expected(Quote::library(asked.name()));
        error.with_found(Quote::library(self.mode.name()))
    }

    /// Checks that it came to the login's redirect URI, where it is known which URL it came to (RFC 6749 section
    /// 3.1.2).
    ///
    /// # Errors
    /// `callback.redirect_uri`.
    pub(crate) fn check_target(&self, redirect_uri: &RedirectUri) -> Result<(), Error> {
        match self.target.as_ref().filter(|target| !redirect_uri.is_target_of(target)) {
            None => Ok(()),
            Some(target) => {
                let error = self.unverified(ErrorCode::CALLBACK_REDIRECT_URI);
                let error = error.with_expected(Quote::caller(redirect_uri.as_str()));
                Err(error.with_found(Quote::provider_url(target)))
            }
        }
    }

    /// The key to find the login that this callback claims to belong to. It is equal to
    /// [`PendingAuthorization::key`](crate::PendingAuthorization::key), but it is no proof: anyone can forge it. `None`
    /// without `state`.
    pub fn key(&self) -> Option<String> {
        self.state.as_ref().map(login_key)
    }
}

/// A URL that was pasted over several lines.
fn without_breaks(url: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(url.len()));
    out.extend(url.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n')));
    out
}

/// The key of the login with this `state`.
pub(crate) fn login_key(state: &Secret) -> String {
    base64url::encode(digest(state.expose()))
}

/// What a stored login keeps of its `state`.
pub(crate) fn digest(state: &str) -> [u8; 32] {
    Sha256::digest(state.as_bytes()).into()
}

pub(super) fn check_size(text: &str) -> Result<(), Error> {
    if text.len() > CALLBACK_LIMIT { Err(ErrorCode::CALLBACK_TOO_LARGE.into()) } else { Ok(()) }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({})", self.mode.name())
    }
}
