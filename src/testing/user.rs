//! The scripted user.

use serde_json::{Map, Value, json};

use crate::base::env::Timestamp;

/// A user with an account at the provider, and their decision on the consent page.
#[derive(Clone, Debug)]
pub struct User {
    pub(super) login: String,
    pub(super) subject: String,
    pub(super) claims: Map<String, Value>,
    pub(super) decision: Decision,
    pub(super) signed_in: Option<Timestamp>,
}

/// The decision of a user on the consent page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// The user allows the request.
    #[default]
    Allow,
    /// The user denies the request: `access_denied`.
    Deny,
}

impl User {
    /// A user who allows everything. The subject is the login name with `sub-` before it; there are a `name`, a
    /// `preferred_username`, an `email` and an `email_verified`.
    pub fn new(login: &str) -> Self {
        let claims = [
            ("name", json!(login)),
            ("preferred_username", json!(login)),
            ("email", json!(format!("{login}@users.example"))),
            ("email_verified", json!(true)),
        ];
        Self {
            login: login.to_owned(),
            subject: format!("sub-{login}"),
            claims: claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            decision: Decision::Allow,
            signed_in: None,
        }
    }

    /// The same with another subject.
    #[must_use]
    pub fn with_subject(mut self, subject: &str) -> Self {
        self.subject = subject.to_owned();
        self
    }

    /// The same with one more claim, or with another value for it.
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// The same with another decision.
    #[must_use]
    pub fn with_decision(mut self, decision: Decision) -> Self {
        self.decision = decision;
        self
    }

    /// The same user, signed in at the provider since this time: `prompt=none` works, and `max_age` can require a new
    /// sign-in. Without it, the user signs in at each request.
    #[must_use]
    pub fn with_sign_in_at(mut self, time: Timestamp) -> Self {
        self.signed_in = Some(time);
        self
    }

    /// The claims that a scope gives access to (OpenID Connect Core section 5.4). Claims of one's own come with
    /// `profile`.
    pub(super) fn claims_for(&self, scope: &str) -> Map<String, Value> {
        let granted = |wanted| scope.split(' ').any(|word| word == wanted);
        let mut out: Map<String, Value> = self
            .claims
            .iter()
            .filter(|(name, _)| granted(if name.starts_with("email") { "email" } else { "profile" }))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        out.insert("sub".into(), json!(self.subject));
        out
    }
}
