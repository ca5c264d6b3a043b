//! The words of a provider about an error that it reports.

use std::fmt;

use super::quote::escaped;

/// The provider's own words: `error`, `error_description` and `error_uri` of RFC 6749 sections 4.1.2.1 and 5.2, and
/// `suberror`, which Microsoft Entra ID adds.
///
/// Untrusted. Each field is cut at 500 characters. Control, bidirectional, invisible and tag characters (and `"` and
/// `\`) are escaped, so that the text can be printed to a terminal or a log line. Other letters of any language stay
/// unchanged. In HTML, escape the text like any other text. A malicious provider can put anything here that it knows,
/// for example the code that it received. Consider this before you log the text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ProviderText {
    error: Option<Box<str>>,
    description: Option<Box<str>>,
    uri: Option<Box<str>>,
    suberror: Option<Box<str>>,
}

impl ProviderText {
    /// Cuts and escapes the three fields.
    pub fn new(error: Option<&str>, description: Option<&str>, uri: Option<&str>) -> Self {
        Self { error: error.map(quoted), description: description.map(quoted), uri: uri.map(quoted), suberror: None }
    }

    /// The same with `suberror`, cut and escaped.
    pub(crate) fn with_suberror(self, suberror: Option<&str>) -> Self {
        Self { suberror: suberror.map(quoted), ..self }
    }

    /// `error`.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// `error_description`: text for a developer, not for the user.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// `error_uri`. Not checked to be a URL.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }

    /// `suberror` of Microsoft Entra ID: a reason that tells more than `error`, such as `basic_action` or
    /// `token_expired`.
    pub fn suberror(&self) -> Option<&str> {
        self.suberror.as_deref()
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
        for part in [&self.error, &self.suberror, &self.description, &self.uri].into_iter().flatten() {
            write!(f, " \"{part}\"")?;
        }
        Ok(())
    }
}

/// Longest quote of a provider's text, in characters before escaping: some write the cause behind a paragraph that is
/// the same for all errors.
const QUOTE_LIMIT: usize = 500;

fn quoted(text: &str) -> Box<str> {
    escaped(text, QUOTE_LIMIT)
}
