//! What a user can do beside logging in by the browser: by another device, out again, and the whole course of it.

use std::sync::Arc;

use oidc_proto::EndSessionRequest;
use oidc_proto::flow::DeviceAuthorization;
use oidc_proto::{
    Client, Env as _, Error, PendingDevice, Provider, RedirectUri, Scope, TokenOutcome, UnverifiedTokens,
    VerifiedCallback,
};

use crate::hostile::world::{At, LOGOUT_REDIRECT, Login, Refusal, User, World};

impl World {
    /// Asks for the codes of a login on another device.
    pub(crate) fn device(&mut self, provider: &Arc<Provider>, client: &Arc<Client>) -> Result<PendingDevice, Refusal> {
        let step = DeviceAuthorization::start(Scope::new("openid profile").unwrap(), provider, client, &mut self.env);
        let pending = self.run(step).map_err(Refusal::new(At::Device))?;
        self.kept.push(serde_json::to_string(&pending).unwrap());
        Ok(pending)
    }

    /// From the codes to tokens.
    pub(crate) fn poll(
        &mut self,
        pending: PendingDevice,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
    ) -> Result<User, Refusal> {
        let step = pending.poll(provider, client, None, &mut self.env);
        let exchanged = self.run(step);
        self.settle(provider.clone(), client.clone(), exchanged, At::Exchange)
    }

    /// Jumps to a user who logged in by another device.
    pub(crate) fn logged_in_by_device(&mut self) -> Result<User, Refusal> {
        let (provider, client) = self.client()?;
        self.logged_in_by_device_with(&provider, &client)
    }

    pub(crate) fn logged_in_by_device_with(
        &mut self,
        provider: &Arc<Provider>,
        client: &Arc<Client>,
    ) -> Result<User, Refusal> {
        let pending = self.device(provider, client)?;
        self.poll(pending, provider, client)
    }

    /// Signs out at the provider, too.
    pub(crate) fn sign_out(&mut self, user: &User) -> Result<(), Refusal> {
        let mut request = EndSessionRequest::new().post_logout_redirect_uri(RedirectUri::new(LOGOUT_REDIRECT).unwrap());
        if let Some(id_token) = user.tokens.id_token() {
            request = request.id_token_hint(id_token);
        }
        self.show(&request);
        let started = request.start(&user.provider, &user.client, &mut self.env);
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
    pub(crate) fn give_up(&mut self, grant: UnverifiedTokens) -> Result<(), Error> {
        let step = grant.revoke(&mut self.env);
        self.run(step)
    }

    /// From a checked callback to what came of it.
    pub(crate) fn exchange(&mut self, login: &Login, checked: VerifiedCallback) -> Result<TokenOutcome, Error> {
        let step = login.pending.clone().redeem(checked, &login.provider, &login.client, None, &mut self.env);
        self.run(step)
    }

    /// From discovery to the end of the session; the first refusal ends it.
    pub(crate) fn course(&mut self) -> Result<(), Refusal> {
        let (provider, client) = self.client()?;
        self.course_with(provider, client)
    }

    /// From a known provider on.
    pub(crate) fn course_with(&mut self, provider: Arc<Provider>, client: Arc<Client>) -> Result<(), Refusal> {
        let login = self.login_with(provider, client)?;
        let user = self.finish(login, None)?;
        self.userinfo(&user)?;
        let user = self.refresh(&user, user.keys.clone())?;
        self.sign_out(&user)?;
        self.revoke(&user)
    }
}
