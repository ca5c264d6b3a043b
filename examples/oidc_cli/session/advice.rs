//! What to do about a session when a command fails.

use oidc_proto::{Deviation, ErrorCode as Core, Scope};

use super::{Binding, Session};
use crate::failure::{Code, Failure};

const DEVIATION: &str = Deviation::RefreshErrors.name();

impl Session {
    /// How to log in again: the same provider, client, scope and choices.
    pub(crate) fn again(&self) -> String {
        format!("Log in again: {}", self.command())
    }

    fn command(&self) -> String {
        format!("oidc_cli relogin --session {}", self.id)
    }

    /// Why there is no refresh token and what to do, if there is none.
    pub(crate) fn without_refresh(&self) -> Option<String> {
        if self.tokens.refresh_token().is_some() {
            return None;
        }
        let (wish, again) = (self.wish(), self.again());
        Some(if self.kept.matrix.is_some() {
            format!("The provider gave no refresh token. {again}")
        } else if !wish.scope.contains("offline_access") {
            let scope = [wish.scope.as_str(), "offline_access"].join(" ");
            format!("Many providers give one for the scope offline_access only. {again} --scope \"{}\"", scope.trim())
        } else if wish.sends_no_consent() {
            format!("Many providers give one only with the user's consent. {again} --prompt consent")
        } else {
            format!(
                "The provider gave none for offline_access: check that it allows this client the grant refresh_token. {again}"
            )
        })
    }

    /// The same failure with what to do about this session.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        match self.without_refresh() {
            Some(hint) if failure.is(Core::TOKEN_NO_REFRESH_TOKEN) => failure.with_hint(hint),
            _ if failure.is(Core::TOKEN_INVALID_GRANT) => failure.with_hint(format_args!(
                "The provider ended this session, which is kept until it is logged out. {}",
                self.again()
            )),
            _ if failure.is(Core::TOKEN_INVALID_CLIENT) => failure.with_hint(format_args!(
                "The provider does not know the client of this session any more, or refuses its credentials. {}",
                self.again()
            )),
            // The library's hint names what only its callers can choose.
            _ if failure.hint.contains(DEVIATION) => failure.with_hint(format_args!(
                "{}, if the refresh token has expired. With --accept {DEVIATION} the program treats this error as an expired refresh token.",
                self.again()
            )),
            _ => self.with_command(failure),
        }
    }

    /// The same failure with the command for a new login, where its hint advises one.
    fn with_command(&self, failure: Failure) -> Failure {
        let advice = ["Log in again", "log in again"].into_iter().find(|advice| failure.hint.contains(advice));
        let Some(advice) = advice.filter(|_| !failure.hint.contains("oidc_cli")) else { return failure };
        let whole = format!("{advice} ({})", self.command());
        let hint = failure.hint.replacen(advice, &whole, 1);
        failure.with_hint(hint)
    }

    /// The same of a token that lacks a scope, which the server may have named.
    pub(crate) fn with_wider_scope(&self, failure: Failure) -> Failure {
        let required = failure.error.as_ref().and_then(|error| error.expected()).map(|scope| scope.as_str().to_owned());
        // Only what can be typed as it stands.
        let required = required.and_then(|scope| Scope::new(&scope).ok());
        let wish = self.wish();
        let hint = match &required {
            Some(required) => {
                let more = required.iter().filter(|word| !wish.scope.contains(word));
                let words: Vec<_> = wish.scope.iter().chain(more).collect();
                format!("The token lacks a scope. {} --scope \"{}\"", self.again(), words.join(" "))
            }
            None => {
                let own = wish.scope.as_str();
                format!(
                    "The token lacks a scope, which the provider does not name. {} --scope \"{own} …\", with the scope that its documentation requires in place of …",
                    self.again()
                )
            }
        };
        failure.with_hint(hint)
    }

    /// The same of a revocation.
    pub(crate) fn explain_revocation(&self, failure: Failure) -> Failure {
        if failure.is(Core::TOKEN_INVALID_CLIENT) {
            return failure.with_hint(
                "The provider refused the client, so that the tokens could not be revoked: they may still be valid. End the session on the provider's account page.",
            );
        }
        failure
    }

    /// The same of the client's key, which commands other than a login cannot name.
    pub(crate) fn explain_key(&self, failure: Failure) -> Failure {
        if failure.code != Code::KeyFile.name() || self.key_file().is_none() {
            return failure;
        }
        failure.with_hint(format_args!(
            "Put the key file back at this path, or log in with its new path: {} --key FILE.",
            self.login_anew()
        ))
    }

    /// The command for a login that can name another client or key, and that replaces this session.
    pub(crate) fn login_anew(&self) -> String {
        match &self.kept.matrix {
            Some(Binding { homeserver, device_id, .. }) => {
                let device_id = shell_words::quote(device_id.as_str());
                format!("oidc_cli login --homeserver {homeserver} --device-id {device_id}")
            }
            None => format!("oidc_cli login --issuer {}", self.tokens.issuer()),
        }
    }
}
