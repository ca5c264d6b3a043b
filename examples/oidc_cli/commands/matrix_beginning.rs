//! How every login at a Matrix homeserver begins: by browser, on a device, by QR code, and again.

use std::sync::Arc;

use oidc_proto::matrix::{Application, AuthServer, LoginRequest, Party};
use oidc_proto::{Client, ErrorCode as Core, RedirectUri, Registrations};

use crate::args::{IdTokenChoice, ParChoice};
use crate::clients::{self, Found, Identity};
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
        let Found { client, key_file, named, .. } = self.identity.client(context, &server.provider, metadata)?;
        let (schemes, keep_replaced) = (context.options.schemes(), self.keep_replaced);
        let choices =
            Choices { schemes, id_token: self.id_token, key_file, dpop_key: None, wish: None, named, keep_replaced };
        Ok(Beginning { party: Party::new(server, client.with_id_token_trust(trust(self.id_token))), choices })
    }

    /// After a failure: the same login with a new registration, if the provider does not know the client any more, and
    /// the client registered itself.
    pub(super) fn begin_anew(
        &self,
        context: &mut Context,
        party: &Party,
        failure: Failure,
    ) -> Result<Beginning, Failure> {
        if !failure.is(Core::TOKEN_INVALID_CLIENT) || !clients::forget(context, party.relying_party())? {
            return Err(failure);
        }
        let failure = failure.with_hint("The registration is forgotten; the client registers anew.");
        context.out.emit(&Event::warning(&failure));
        self.begin(context, Arc::clone(party.server()))
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
