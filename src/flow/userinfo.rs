//! From an access token to what the provider tells about its user (OpenID Connect Core 1.0 section 5.3).
//!
//! ```text
//! start ─▶ GET userinfo_endpoint ─▶ Done(Userinfo)
//! ```

use std::fmt;

use crate::env::Env;
use crate::error::{Code, Error};
use crate::message::request;
use crate::message::userinfo::{self, Userinfo};
use crate::provider::Provider;
use crate::reply::{Accept, JSON_LIMIT, Policy, Reply};
use crate::step::{Flow, Step};
use crate::tokens::TokenSet;

/// Awaits the userinfo answer.
pub struct UserinfoFetch {
    subject: Box<str>,
}

impl UserinfoFetch {
    /// Asks about the user who logged in. The answer must be about the same one.
    ///
    /// # Errors
    /// `userinfo.unsupported`, `userinfo.no_subject`, `provider.mismatch`.
    pub fn start(provider: &Provider, tokens: &TokenSet) -> Result<Step<Self>, Error> {
        if tokens.issuer() != provider.issuer() {
            return Err(Code::ProviderMismatch.into());
        }
        let endpoint = provider.metadata().userinfo_endpoint.as_ref().ok_or(Code::UserinfoUnsupported)?;
        let subject = tokens.subject().ok_or(Code::UserinfoNoSubject)?.into();
        let request = request::read_with_token(endpoint, tokens.access_token());
        Ok(Step::call(request, Policy::read(JSON_LIMIT, Accept::Json), Self { subject }))
    }
}

impl fmt::Debug for UserinfoFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserinfoFetch(…)")
    }
}

impl Flow for UserinfoFetch {
    type Output = Userinfo;

    fn on_response(self, reply: Reply<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        userinfo::parse(reply, &self.subject).map(Step::Done)
    }
}
