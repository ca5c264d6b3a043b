//! From an access token to what the provider tells about its user (OpenID Connect Core 1.0 section 5.3).
//!
//! ```text
//! start ─▶ GET userinfo_endpoint ─▶ Done(Userinfo)
//! ```

use std::sync::Arc;

use super::authorized_call::{Answer, AuthorizedCall, Credential};
use crate::client::Client;
use crate::env::Env;
use crate::error::{Code, Error};
use crate::message::request;
use crate::message::userinfo::{self, Userinfo};
use crate::provider::Provider;
use crate::reply::{Accept, JSON_LIMIT, Policy, Reply};
use crate::step::Step;
use crate::tokens::TokenSet;

/// Awaits the userinfo answer.
#[derive(Debug)]
pub struct UserinfoFetch(AuthorizedCall<About>);

/// Whom the answer must be about.
#[derive(Debug)]
struct About(Box<str>);

impl Answer for About {
    type Output = Userinfo;

    fn parse(self, reply: Reply<'_>) -> Result<Userinfo, Error> {
        userinfo::parse(reply, &self.0)
    }
}

impl UserinfoFetch {
    /// Asks about the user who logged in. The answer must be about the same one.
    ///
    /// # Errors
    /// `userinfo.unsupported`, `userinfo.no_subject`, `provider.mismatch`, `client.mismatch`, `dpop.key_mismatch`,
    /// `sign.failed`.
    pub fn start(
        tokens: &TokenSet,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
        env: &mut dyn Env,
    ) -> Result<Step<Self>, Error> {
        tokens.check_owner(provider, client)?;
        let endpoint = provider.metadata().userinfo_endpoint.as_ref().ok_or(Code::UserinfoUnsupported)?;
        let about = About(tokens.subject().ok_or(Code::UserinfoNoSubject)?.into());
        let request = request::read_with_token(endpoint, tokens.authorization());
        let policy = Policy::read(JSON_LIMIT, Accept::Json);
        let credential = Credential::Token(tokens.access_token().clone());
        Self::going_on(AuthorizedCall::start(provider, client, request, policy, credential, about, env)?)
    }

    fn going_on(step: Step<AuthorizedCall<About>>) -> Result<Step<Self>, Error> {
        step.embed(Self, |userinfo| Ok(Step::Done(userinfo)))
    }
}

delegate!(UserinfoFetch => Userinfo);
