//! A field for people to read, in one or several languages.

use std::collections::BTreeMap;

/// A field for people to read, in one or several languages (RFC 7591 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Localized {
    default: String,
    languages: BTreeMap<String, String>,
}

impl Localized {
    /// The value without a language.
    pub fn new(default: impl Into<String>) -> Self {
        Self { default: default.into(), languages: BTreeMap::new() }
    }

    /// Adds the value in the language of this tag (BCP 47). It is sent as `field#tag`.
    #[must_use]
    pub fn with_language(mut self, tag: impl Into<String>, value: impl Into<String>) -> Self {
        self.languages.insert(tag.into(), value.into());
        self
    }

    /// The values, each with the tag of its language; the one without comes first.
    pub fn values(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let others = self.languages.iter().map(|(tag, value)| (Some(tag.as_str()), value.as_str()));
        std::iter::once((None, self.default.as_str())).chain(others)
    }
}

impl<T: Into<String>> From<T> for Localized {
    fn from(default: T) -> Self {
        Self::new(default)
    }
}
