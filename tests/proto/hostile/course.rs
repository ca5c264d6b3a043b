//! What a user can do beside logging in by the browser: by another device, out again, and the whole course of it.

use oidc_proto::EndSessionRequest;
use oidc_proto::{
    Env as _, Error, PendingDevice, RedirectUri, RelyingParty, Scope, TokenOutcome, UnverifiedTokens, VerifiedCallback,
};

use crate::hostile::world::{At, LOGOUT_REDIRECT, Login, Refusal, User, World};

impl World {
    /// Asks for the codes of a login on another device.
    pub(crate) fn device(&mut self, party: &RelyingParty) -> Result<PendingDevice, Refusal> {
        let step = party.authorize_device(Scope::new("openid profile").unwrap(), &mut self.env);
        let pending = self.run(step).map_err(Refusal::new(At::Device))?;
        self.kept.push(serde_json::to_string(&pending).unwrap());
        Ok(pending)
    }

    /// From the codes to tokens.
    pub(crate) fn poll(&mut self, pending: PendingDevice, party: &RelyingParty) -> Result<User, Refusal> {
        let step = party.poll_device(pending, &mut self.env);
        let exchanged = self.run(step);
        self.settle(party, exchanged, At::Exchange)
    }

    /// Jumps to a user who logged in by another device.
    pub(crate) fn logged_in_by_device(&mut self) -> Result<User, Refusal> {
        let party = self.party()?;
        self.logged_in_by_device_with(&party)
    }

    pub(crate) fn logged_in_by_device_with(&mut self, party: &RelyingParty) -> Result<User, Refusal> {
        let pending = self.device(party)?;
        self.poll(pending, party)
    }

    /// Signs out at the provider, too.
    pub(crate) fn sign_out(&mut self, user: &User) -> Result<(), Refusal> {
        let mut request =
            EndSessionRequest::new().with_post_logout_redirect_uri(RedirectUri::new(LOGOUT_REDIRECT).unwrap());
        if let Some(id_token) = user.tokens.id_token() {
            request = request.with_id_token_hint(id_token);
        }
        self.show(&request);
        let started = user.party.end_session(request, &mut self.env);
        let outcome = started.and_then(|(url, pending)| {
            self.show(&(&url, &pending));
            self.browsed.borrow_mut().push(url.as_str().to_owned());
            pending.check(self.op.visit(url.as_str(), self.env.now()).callback())
        });
        outcome.map_err(|error| {
            self.show_error(&error);
            Refusal::new(At::Logout)(error)
        })
    }

    /// Revokes tokens that are not trusted.
    pub(crate) fn give_up(&mut self, tokens: UnverifiedTokens) -> Result<(), Error> {
        let step = tokens.revoke(&mut self.env);
        self.run(step)
    }

    /// From a checked callback to what came of it.
    pub(crate) fn exchange(&mut self, login: &Login, checked: VerifiedCallback) -> Result<TokenOutcome, Error> {
        let step = login.party.redeem(login.pending.clone(), checked, &mut self.env);
        self.run(step)
    }

    /// From discovery to the end of the session; the first refusal ends it.
    pub(crate) fn course(&mut self) -> Result<(), Refusal> {
        let party = self.party()?;
        self.course_with(&party)
    }

    /// From a known provider on.
    pub(crate) fn course_with(&mut self, party: &RelyingParty) -> Result<(), Refusal> {
        let login = self.login_with(party)?;
        let user = self.finish(login)?;
        self.userinfo(&user)?;
        let user = self.refresh(&user)?;
        self.sign_out(&user)?;
        self.revoke(&user)
    }
}
