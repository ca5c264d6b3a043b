//! Where the user manages the account: a page of the provider (client-server API, account management; MSC4191).

use std::fmt;

use super::id::DeviceId;
use crate::base::json::Text;
use crate::base::secret::Secret;
use crate::base::url::Endpoint;
use crate::base::word_set::{Word as _, Words, words};
use crate::token::id_token::IdToken;
use crate::wire::form::{self, Value};

words! {
    /// An action on the account management page.
    AccountAction {
        Profile = "org.matrix.profile",
        /// Show all devices.
        DevicesList = "org.matrix.devices_list",
        /// Show one device.
        DeviceView = "org.matrix.device_view",
        /// Sign out one device.
        DeviceDelete = "org.matrix.device_delete",
        AccountDeactivate = "org.matrix.account_deactivate",
        /// Allow the replacement of the cross-signing keys.
        CrossSigningReset = "org.matrix.cross_signing_reset",
    }
}

impl AccountAction {
    /// What it was called before it was standardized.
    fn older_name(self) -> Option<&'static str> {
        match self {
            Self::DevicesList => Some("org.matrix.sessions_list"),
            Self::DeviceView => Some("org.matrix.session_view"),
            Self::DeviceDelete => Some("org.matrix.session_end"),
            Self::Profile | Self::AccountDeactivate | Self::CrossSigningReset => None,
        }
    }
}

/// The account management page, and the actions that the provider advertises for it.
#[derive(Clone, Debug)]
pub struct AccountManagement {
    uri: Endpoint,
    /// By the names of the standard, and by the older ones.
    actions: Words<AccountAction>,
    older: Words<AccountAction>,
    names: Vec<Box<str>>,
}

impl AccountManagement {
    pub(super) fn new(uri: Endpoint, names: &[Text<'_>]) -> Self {
        let named = |is_it: &dyn Fn(AccountAction, &str) -> bool| {
            let known = AccountAction::ALL.iter().filter(|&&action| names.iter().any(|name| is_it(action, name)));
            known.fold(Words::EMPTY, |set, &action| set.with(action))
        };
        Self {
            names: names.iter().map(|name| (&**name).into()).collect(),
            uri,
            actions: named(&|action, name| action.name() == name),
            older: named(&|action, name| action.older_name() == Some(name)),
        }
    }

    /// Whether the provider advertises this action. A provider that advertises no actions may still support it.
    pub fn supports(&self, action: AccountAction) -> bool {
        self.actions.contains(action) || self.older.contains(action)
    }

    /// The actions that the provider offers, as it named them: untrusted.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The URL to open in the user's browser. Without an action it is the URL of the page. Actions for one device need
    /// its ID. What the page's URL has in its query stays.
    pub fn url(&self, action: Option<AccountAction>, device: Option<&DeviceId>) -> String {
        self.url_of(action.map(|action| self.name_of(action)), device)
    }

    /// The older name of an action only if the provider names that and not the one of the standard.
    pub(super) fn name_of(&self, action: AccountAction) -> &'static str {
        match action.older_name() {
            Some(older) if !self.actions.contains(action) && self.older.contains(action) => older,
            _ => action.name(),
        }
    }

    /// The URL for an action of any name, a provider's own for example.
    pub fn url_of(&self, action: Option<&str>, device: Option<&DeviceId>) -> String {
        self.write(action, device, None)
    }

    /// The same with the user's ID token as a hint.
    pub fn hinted_url_of(
        &self,
        action: Option<&str>,
        device: Option<&DeviceId>,
        id_token_hint: Option<&IdToken>,
    ) -> AccountUrl {
        AccountUrl(Secret::new(self.write(action, device, id_token_hint)))
    }

    fn write(&self, action: Option<&str>, device: Option<&DeviceId>, id_token_hint: Option<&IdToken>) -> String {
        let hint = id_token_hint.and_then(IdToken::hint);
        let pairs = [("action", action), ("device_id", device.map(DeviceId::as_str)), ("id_token_hint", hint)];
        if pairs.iter().all(|(_, value)| value.is_none()) {
            return page_url(&self.uri);
        }
        form::url(&self.uri, pairs.map(|(name, value)| (name, value.map(Value::Text))), std::iter::empty())
    }
}

/// The URL of a page as it is opened, with its fragment.
pub(super) fn page_url(page: &Endpoint) -> String {
    let mut url = page.uri().to_string();
    page.end_query(&mut url);
    url
}

/// The URL to open in the user's browser. It can contain the ID token: do not log it.
#[derive(Clone)]
pub struct AccountUrl(Secret);

impl AccountUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for AccountUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountUrl(…)")
    }
}

impl AsRef<str> for AccountUrl {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::url::Schemes;

    #[test]
    fn each_action_has_the_name_that_the_provider_knows() {
        let device = DeviceId::new("ABCDEFGHIJ").unwrap();
        for (uri, names, action, device, expected) in [
            ("https://a.example/?x=1", &[][..], None, None, "https://a.example/?x=1"),
            ("https://a.example/#/account", &[], None, None, "https://a.example/#/account"),
            ("https://a.example/#/me", &[], None, Some(&device), "https://a.example/?device_id=ABCDEFGHIJ#/me"),
            ("https://a.example/", &[], None, Some(&device), "https://a.example/?device_id=ABCDEFGHIJ"),
            (
                "https://a.example/me?x=1",
                &[],
                Some(AccountAction::DevicesList),
                None,
                "https://a.example/me?x=1&action=org.matrix.devices_list",
            ),
            (
                "https://a.example/",
                &["org.matrix.session_view", "org.matrix.profile"],
                Some(AccountAction::DeviceView),
                Some(&device),
                "https://a.example/?action=org.matrix.session_view&device_id=ABCDEFGHIJ",
            ),
            (
                "https://a.example/",
                &["org.matrix.session_end", "org.matrix.device_delete"],
                Some(AccountAction::DeviceDelete),
                Some(&device),
                "https://a.example/?action=org.matrix.device_delete&device_id=ABCDEFGHIJ",
            ),
            (
                "https://a.example/",
                &["org.matrix.sessions_list"],
                Some(AccountAction::Profile),
                None,
                "https://a.example/?action=org.matrix.profile",
            ),
        ] {
            let names: Vec<_> = names.iter().map(|&name| Text(name.into())).collect();
            let account = AccountManagement::new(Endpoint::page(uri, Schemes::HttpsOnly).unwrap(), &names);
            assert_eq!(account.url(action, device), expected);
        }
    }

    #[test]
    fn the_older_name_is_sent_only_where_it_is_the_only_one() {
        let uri = Endpoint::new("https://a.example/", Schemes::HttpsOnly).unwrap();
        for (action, stable, older) in [
            (AccountAction::Profile, "org.matrix.profile", None),
            (AccountAction::DevicesList, "org.matrix.devices_list", Some("org.matrix.sessions_list")),
            (AccountAction::DeviceView, "org.matrix.device_view", Some("org.matrix.session_view")),
            (AccountAction::DeviceDelete, "org.matrix.device_delete", Some("org.matrix.session_end")),
            (AccountAction::AccountDeactivate, "org.matrix.account_deactivate", None),
            (AccountAction::CrossSigningReset, "org.matrix.cross_signing_reset", None),
        ] {
            let both = older.map(|older| vec![older, stable]);
            for (names, expected) in [
                (Vec::new(), stable),
                (vec![stable], stable),
                (older.into_iter().collect(), older.unwrap_or(stable)),
                (both.unwrap_or_default(), stable),
            ] {
                let names: Vec<_> = names.into_iter().map(|name: &str| Text(name.into())).collect();
                let account = AccountManagement::new(uri.clone(), &names);
                assert_eq!(account.url(Some(action), None), format!("https://a.example/?action={expected}"));
            }
        }
    }

    #[test]
    fn what_is_advertised_under_either_name_is_supported() {
        let uri = Endpoint::new("https://a.example/", Schemes::HttpsOnly).unwrap();
        let account = AccountManagement::new(uri, &[Text("org.matrix.session_end".into()), Text("x".into())]);
        assert!(account.supports(AccountAction::DeviceDelete) && !account.supports(AccountAction::Profile));
    }
}
