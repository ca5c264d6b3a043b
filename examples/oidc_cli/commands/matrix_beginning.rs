//! How every login at a Matrix homeserver begins: by browser, on a device, by QR code, and again.

use std::sync::Arc;

use oidc_proto::matrix::{Application, AuthServer, LoginRequest, Party};
use oidc_proto::{Client, ErrorCode as Core, RedirectUri, Registrations};

use crate::args::{IdTokenChoice, ParChoice};
use crate::clients::{self, Choice, Found, Identity};
use crate::context::{Context, trust};
use crate::event::Event;
use crate::failure::Failure;
use crate::session::Choices;

/// What this program is at a homeserver, with a redirect URI of its own if one is named.
pub(super) fn application(redirect_uri: Option<&RedirectUri>) -> Result<Application, Failure> {
    Ok(Application::new(clients::matrix_metadata(redirect_uri)?, Registrations::default())?)
}

/// A login that can go on: the provider and the client are known.
pub(super) struct Beginning {
    pub(super) party: Party,
    pub(super) choices: Choices,
    /// The client was registered for this login.
    pub(super) is_new: bool,
}

/// How the user logs in.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    /// With the redirect URI that was named.
    Browser(Option<&'a RedirectUri>, ParChoice),
    Device,
}

/// A login that is to begin.
pub(super) struct Wanted<'a> {
    pub(super) identity: &'a Identity,
    pub(super) id_token: IdTokenChoice,
    /// Which client it uses, if the command line names none.
    pub(super) client: Choice,
    pub(super) by: By<'a>,
    pub(super) request: &'a LoginRequest,
    /// The login that it replaces is not revoked.
    pub(super) keep_replaced: bool,
}

impl Wanted<'_> {
    /// Checks what can be checked before anything is sent.
    pub(super) fn application(&self) -> Result<Application, Failure> {
        application(match self.by {
            By::Browser(named, _) => named,
            By::Device => None,
        })
    }

    /// Finds the client, or registers it; but not for a login that cannot begin.
    pub(super) fn begin(&self, context: &mut Context, server: Arc<AuthServer>) -> Result<Beginning, Failure> {
        let application = self.application()?;
        self.rehearse(context, &server, &application)?;
        let metadata = application.metadata().clone();
        let Found { client, key_file, named, is_new, .. } =
            self.identity.client(context, &server.provider, metadata, self.client)?;
        let (schemes, keep_replaced) = (context.options.schemes(), self.keep_replaced);
        let has_own_client = is_new && self.client == Choice::Anew && key_file.is_none();
        let choices = Choices {
            schemes,
            id_token: self.id_token,
            key_file,
            dpop_key: None,
            wish: None,
            named,
            keep_replaced,
            has_own_client,
        };
        Ok(Beginning { party: Party::new(server, client.with_id_token_trust(trust(self.id_token))), choices, is_new })
    }

    /// Carries out a login that has begun. If the provider does not know the client any more, which registered itself
    /// before, it is carried out once more with a new registration.
    pub(super) fn carry_out<T>(
        &self,
        context: &mut Context,
        beginning: Beginning,
        run: impl Fn(&mut Context, Beginning) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (party, is_new) = (beginning.party.clone(), beginning.is_new);
        let failure = match self.run(context, beginning, &run) {
            Err(failure) if failure.is(Core::TOKEN_INVALID_CLIENT) && !is_new => failure,
            outcome => return outcome,
        };
        if !clients::forget(context, party.relying_party())? {
            return Err(failure);
        }
        let failure = failure.with_hint("The registration is forgotten; the client registers anew.");
        context.out.emit(&Event::warning(&failure));
        let beginning = self.begin(context, Arc::clone(party.server()))?;
        self.run(context, beginning, &run)
    }

    /// A client that was registered for a login that failed is of use to nobody.
    fn run<T>(
        &self,
        context: &mut Context,
        beginning: Beginning,
        run: &impl Fn(&mut Context, Beginning) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (party, is_own) = (beginning.party.clone(), beginning.choices.has_own_client);
        let outcome = run(context, beginning);
        if outcome.is_err() && is_own {
            clients::let_go(context, party.server().provider.issuer(), party.client().id())?;
        }
        outcome
    }

    /// Makes the login's first request and does not send it: whatever the provider does not offer, and whatever the
    /// request must not have, is refused here.
    fn rehearse(
        &self,
        context: &mut Context,
        server: &Arc<AuthServer>,
        application: &Application,
    ) -> Result<(), Failure> {
        let uris = application.metadata().redirect_uris().to_vec();
        let client = uris.iter().cloned().fold(Client::new("nobody"), Client::with_redirect_uri);
        let (party, request) = (Party::new(Arc::clone(server), client), self.request.clone());
        match (self.by, uris.into_iter().next()) {
            (By::Browser(_, par), Some(redirect_uri)) if is_pushed(par, server) => {
                drop(request.push(redirect_uri, &party, &mut context.env)?);
            }
            (By::Browser(..), Some(redirect_uri)) => {
                drop(request.start(redirect_uri, &party, &mut context.env)?);
            }
            (By::Browser(..), None) | (By::Device, _) => {
                drop(request.start_device(&party, &mut context.env)?);
            }
        }
        Ok(())
    }
}

/// One request more is made only where nothing else is taken, or where it is wanted.
pub(super) fn is_pushed(par: ParChoice, server: &AuthServer) -> bool {
    match par {
        ParChoice::Always => true,
        ParChoice::Auto => server.provider.metadata().require_pushed_authorization_requests,
        ParChoice::Never => false,
    }
}
