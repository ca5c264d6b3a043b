//! One error type. It tells whose fault it was, what was expected and which section of which standard says so.
//!
//! An error never holds a response body, a token, a code, a secret or a URL. What the provider said about itself
//! (`error`, `error_description`, `error_uri`) is kept apart in [`ProviderText`] and is never part of the error's own
//! `Display`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;

/// Whose fault a failure was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller used this crate wrongly, or a stored value it handed in is damaged.
    Local,
    /// The provider, or whoever answered in its place, broke a rule of the standards.
    Remote,
    /// The user or the provider said no in the way the standards foresee.
    Denied,
    /// No usable answer came: the network, a time-out, a server that is down.
    Transport,
}

impl Fault {
    /// The lower-case name: `local`, `remote`, `denied` or `transport`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Denied => "denied",
            Self::Transport => "transport",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What went wrong, and everything that is known about it beforehand.
///
/// A pointer, so that a `Result` of this crate stays as small as its success. Clones share what they hold: the same error
/// can be kept in an event and handed to each caller who waited.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    at: Option<&'static str>,
    text: Option<ProviderText>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    retry_after: Option<Duration>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, at, .. } = &*self.0;
        f.write_str(code.message())?;
        if let Some(at) = at {
            write!(f, ": `{at}`")?;
        }
        write!(f, " ({code}; {})", code.section())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl Error {
    /// An error of this code.
    ///
    /// Flows written outside this crate use it to answer in the same form.
    pub fn new(code: Code) -> Self {
        Self(Arc::new(Inner { code, at: None, text: None, source: None, retry_after: None }))
    }

    /// Names the field, parameter or header in question.
    #[must_use]
    pub fn at(mut self, name: &'static str) -> Self {
        Arc::make_mut(&mut self.0).at = Some(name);
        self
    }

    /// Names the request that it happened in, where nothing else is named. A denial says by itself what was denied.
    #[must_use]
    pub(crate) fn during(self, request: &'static str) -> Self {
        if self.name().is_none() && self.fault() != Fault::Denied { self.at(request) } else { self }
    }

    /// Adds what the provider said.
    #[must_use]
    pub fn with_text(mut self, text: ProviderText) -> Self {
        Arc::make_mut(&mut self.0).text = Some(text);
        self
    }

    /// Adds the underlying error. It must not hold secrets: it becomes this error's `source()`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    /// Adds when the server wants to be asked again.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        Arc::make_mut(&mut self.0).retry_after = retry_after;
        self
    }

    /// `Retry-After`: when the server wants to be asked again. Not capped.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whose fault it was.
    pub fn fault(&self) -> Fault {
        self.0.code.fault()
    }

    /// The stable code, for programs. Its `Display` is a dotted name.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The section of the standard that was broken or applied.
    pub fn section(&self) -> &'static str {
        self.0.code.section()
    }

    /// The field, parameter or header in question; where none can be named, the request that it happened in, by the
    /// metadata's name for its endpoint (`token_endpoint`, `jwks_uri`).
    pub fn name(&self) -> Option<&'static str> {
        self.0.at
    }

    /// How the HTTP client failed, if it did, and whether the request may have been sent.
    pub fn failure(&self) -> Option<Failure> {
        self.0.source.as_ref()?.downcast_ref().copied()
    }

    /// What the provider said, where it said something.
    pub fn provider_text(&self) -> Option<&ProviderText> {
        self.0.text.as_ref()
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

/// The provider's own words: `error`, `error_description` and `error_uri` of RFC 6749 sections 4.1.2.1 and 5.2.
///
/// Untrusted. Each is cut at 256 characters, and every character outside printable ASCII (and `"` and `\`) is escaped,
/// so that it can be printed to a terminal or a log line. In HTML it must be escaped like any other text. A malicious
/// provider can put anything here that it knows: the code it was sent, for example. Treat it as such before logging.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ProviderText {
    error: Option<Box<str>>,
    description: Option<Box<str>>,
    uri: Option<Box<str>>,
}

impl ProviderText {
    /// Cuts and escapes the three fields.
    pub fn new(error: Option<&str>, description: Option<&str>, uri: Option<&str>) -> Self {
        Self { error: error.map(quoted), description: description.map(quoted), uri: uri.map(quoted) }
    }

    /// `error`.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// `error_description`: for a developer, not for the user.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// `error_uri`. Not checked to be a URL.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }
}

impl fmt::Debug for ProviderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderText(…)")
    }
}

impl fmt::Display for ProviderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the provider says:")?;
        for part in [&self.error, &self.description, &self.uri].into_iter().flatten() {
            write!(f, " \"{part}\"")?;
        }
        Ok(())
    }
}

/// Longest quote of a provider's text, in characters before escaping: a line or two of a log.
const QUOTE_LIMIT: usize = 256;

fn quoted(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len().min(QUOTE_LIMIT));
    let mut characters = text.chars();
    for c in characters.by_ref().take(QUOTE_LIMIT) {
        match c {
            ' '..='~' if c != '"' && c != '\\' => out.push(c),
            _ => out.extend(c.escape_default()),
        }
    }
    if characters.next().is_some() {
        out.push_str("...");
    }
    out.into_boxed_str()
}

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $fault:ident, $section:literal, $message:literal; )*) => {
        /// The stable name of an error. `Display` and [`Code::as_str`] give the dotted form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $( #[doc = concat!("`", $name, "`: ", $message, " (", $section, ").")] $(#[$doc])* $variant, )* }

        impl Code {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )*];

            /// The dotted name.
            pub const fn as_str(self) -> &'static str { match self { $( Self::$variant => $name, )* } }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault { match self { $( Self::$variant => Fault::$fault, )* } }

            /// The section of the standard.
            pub const fn section(self) -> &'static str { match self { $( Self::$variant => $section, )* } }

            /// What it means, in a line.
            pub const fn message(self) -> &'static str { match self { $( Self::$variant => $message, )* } }
        }
    };
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

include!("error/codes.rs");
