//! A logout by the provider (OpenID Connect Back-Channel Logout 1.0).
//!
//! ```text
//! back_channel_logout(body of the POST request) ─▶ claims ─▶ KeySearch ─▶ Done(LogoutToken)
//! ```

use std::fmt;

use super::key_search::{By, Check, KeySearch};
use super::token_outcome::allowed_algorithms;
use crate::base::env::{Env, Timestamp};
use crate::base::secret::{Body, Secret};
use crate::error::Error;
use crate::jose::{Algorithm, Algorithms, Jws, Signed};
use crate::party::key_cell::Asker;
use crate::party::relying_party::RelyingParty;
use crate::step::{Flow, Input, Step};
use crate::token::logout_token::{self, LogoutToken, Unsigned};

/// Awaits the keys that verify a logout token.
///
/// Anyone can send a request to the client's `backchannel_logout_uri`. Therefore all such requests
/// together cause at most one key fetch a minute. Respond to a wrong request with status 400. Send
/// `Cache-Control: no-store` with each response (section 2.8). After the checks and before the
/// response, end each session that the token names by
/// [`Session::log_out`](crate::session::Session::log_out), and revoke its tokens.
///
/// ```
/// use oidc_proto::adapter::BlockingDriver;
/// use oidc_proto::testing::{Provider, RegisteredClient, TestEnv};
/// use oidc_proto::{Client, Env, Issuer, RelyingParty, Schemes, SeenLogoutTokens};
///
/// let mut env = TestEnv::seeded(1);
/// let op = Provider::new("https://op.example.org").with_client(RegisteredClient::public("app", "https://app.example.org/"));
/// let http = BlockingDriver::new(op.http(env.clock()));
/// let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly)?;
/// let party = http.run(RelyingParty::discover(issuer, Client::new("app"))?, &mut env)?;
/// let mut seen = SeenLogoutTokens::new(10_000);
///
/// // What the application's own server has received.
/// let body = op.logout_request("app", "alice", env.now());
/// let token = http.run(party.back_channel_logout(body.as_bytes(), &mut env)?, &mut env)?;
/// seen.check(&token)?;
/// assert_eq!(token.subject(), Some("sub-alice"));
/// // End the sessions of this subject. Then:
/// seen.remember(&token, env.now());
/// # Ok::<(), oidc_proto::Error>(())
/// ```
pub struct BackChannelLogout(KeySearch<Claimed>);

/// The checked claims of a token, and its signature to verify.
struct Claimed {
    compact: Secret,
    token: Unsigned,
    party: RelyingParty,
}

impl Check for Claimed {
    type Verified = Signed;
    type Output = Result<LogoutToken, Error>;

    fn party(&self) -> &RelyingParty {
        &self.party
    }

    fn signed(&self) -> (&str, Algorithms) {
        (self.compact.expose(), allowed_algorithms(&self.party))
    }

    fn check(&self, by: By<'_>, _now: Timestamp) -> Result<Signed, Error> {
        let (compact, allowed) = self.signed();
        by.signed(&Jws::parse(compact)?, allowed)
    }

    fn conclude(self, verdict: Result<Signed, Error>) -> Result<LogoutToken, Error> {
        verdict.map(|signed| self.token.signed(signed))
    }
}

impl RelyingParty {
    /// Checks the logout token in the body of a logout request (sections 2.5 and 2.6). The checks that need no key come
    /// first. The signature is verified even if the client chose
    /// [`IdTokenTrust::DangerousTrustTls`](crate::IdTokenTrust::DangerousTrustTls), because anyone can send the
    /// request.
    ///
    /// Before you act on the token, check it with [`SeenLogoutTokens::check`](crate::SeenLogoutTokens::check). When the
    /// sessions have ended, remember it. [`BackChannelLogout`] has an example.
    ///
    /// # Errors
    /// `logout_token.…`; `jws.…`; `jwks.missing` if there are no keys and no `jwks_uri`.
    pub fn back_channel_logout(&self, body: &[u8], env: &mut dyn Env) -> Result<Step<BackChannelLogout>, Error> {
        let compact = logout_token::from_form(body)?;
        // Anyone can have sent it.
        let jws = Jws::parse_named(compact.expose(), "logout_token")
            .map_err(|error| error.with_hint("Refuse the request with status 400."))?;
        jws.check_algorithm(allowed_algorithms(self))?;
        logout_token::check_type(jws.typ())?;
        let payload = Body::from(jws.payload()?);
        let token = logout_token::parse(payload.as_ref(), self.provider(), self.client(), env.now())?;
        if let (Algorithm::Hs256, Some(secret)) = (jws.algorithm(), self.client().auth.secret()) {
            return jws.verify_hs256(secret).map(|signed| Step::Done(token.signed(signed)));
        }
        let claimed = Claimed { compact, token, party: self.clone() };
        let asker = Asker::stranger(self.key_cell().mark());
        BackChannelLogout::go_on(KeySearch::begin(claimed, asker, env))
    }
}

impl BackChannelLogout {
    fn go_on(step: Step<KeySearch<Claimed>>) -> Result<Step<Self>, Error> {
        step.embed((), |(), search| Self(search), |(), verdict| verdict.map(Step::Done))
    }
}

impl Flow for BackChannelLogout {
    type Output = LogoutToken;

    fn on(self, input: Input<'_>, env: &mut dyn Env) -> Result<Step<Self>, Error> {
        Self::go_on(self.0.on(input, env)?)
    }
}

impl fmt::Debug for BackChannelLogout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackChannelLogout(…)")
    }
}
