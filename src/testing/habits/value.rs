//! The value that stands for a known provider.

use std::fmt;

use super::habit::Habit;

/// What a known provider does: its metadata document and its deviations. See
/// [`Provider::with_habits`](crate::testing::Provider::with_habits).
///
/// ```
/// use oidc_proto::testing::{Habits, RegisteredClient};
///
/// let client = RegisteredClient::public("app", "https://app.example.org/cb");
/// let op = Habits::KEYCLOAK.provider().with_client(client);
/// assert_eq!(op.issuer(), "https://keycloak.example.org/realms/demo");
/// ```
#[derive(Clone, Copy)]
pub struct Habits {
    pub(super) name: &'static str,
    pub(super) slug: &'static str,
    pub(super) issuer: &'static str,
    pub(super) documentation: &'static str,
    pub(super) document: &'static str,
    pub(super) unsure: &'static str,
    pub(super) list: &'static [Habit],
}

impl Habits {
    /// The name of the provider.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The name in lower case, with underscores.
    pub fn slug(&self) -> &'static str {
        self.slug
    }

    /// The issuer that a client asks for: the provider's own, or an example.
    pub fn issuer(&self) -> &'static str {
        self.issuer
    }

    /// The URL of the metadata document, where it is not the issuer's well-known one; `None` where it is.
    pub fn metadata_url(&self) -> Option<&'static str> {
        self.list.iter().find_map(|habit| if let Habit::MetadataAt(url) = habit { Some(*url) } else { None })
    }

    /// Whether the provider publishes its metadata at all. If it does not, configure [`Habits::document`].
    pub fn has_discovery(&self) -> bool {
        !self.list.iter().any(|habit| matches!(habit, Habit::NoDiscovery))
    }

    /// The metadata document, as JSON. For a provider without one, what an application would configure.
    pub fn document(&self) -> &'static str {
        self.document
    }

    /// The URL of the public documentation that the habits are from.
    pub fn documentation(&self) -> &'static str {
        self.documentation
    }

    /// What of it is not certain; empty if nothing is known to be doubtful.
    pub fn unsure(&self) -> &'static str {
        self.unsure
    }
}

impl fmt::Debug for Habits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Habits({})", self.name)
    }
}
