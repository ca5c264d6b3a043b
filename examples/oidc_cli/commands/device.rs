//! `device`: a login that the user allows on another device (RFC 8628).

use oidc_proto::{ErrorCode, PendingDevice};

use super::beginning::{Beginning, Login, lacking};
use super::matrix;
use crate::args::{BeginningArgs, Place, ReloginArgs};
use crate::clients;
use crate::context::Context;
use crate::event::Event;
use crate::failure::Failure;
use crate::session::Session;
use crate::wish::Wish;

pub(crate) fn device(context: &mut Context, args: &BeginningArgs) -> Result<(), Failure> {
    let issuer = match args.place.place() {
        Place::Issuer(issuer) => issuer,
        Place::Homeserver(homeserver) => return matrix::device(context, args, homeserver),
    };
    let wish = Wish::of_device(args)?;
    let beginning = Beginning::new(context, issuer, args)?;
    // A client that could not use it is better not registered.
    if beginning.provider.metadata().device_authorization_endpoint.is_none() {
        return Err(lacking(&beginning.provider, "device_authorization_endpoint", ErrorCode::DEVICE_UNSUPPORTED));
    }
    // Neither is one for a request that cannot be made.
    let rehearsing = beginning.rehearsing(context, &wish, &[])?;
    drop(rehearsing.authorize_device(wish.scope.clone(), &mut context.env).map_err(Beginning::refused)?);
    let login = beginning.login(context, clients::device_metadata(), wish);
    let result = login.and_then(|login| ask_device(context, login));
    result.map_err(|failure| beginning.identity.explain(failure))
}

/// The user of a session from another device logs in again.
pub(super) fn again(context: &mut Context, args: &ReloginArgs, session: &Session) -> Result<(), Failure> {
    Login::again(context, args, session, ask_device)
}

fn ask_device(context: &mut Context, login: Login) -> Result<(), Failure> {
    context.out.step("Device authorization");
    let step = login.party.authorize_device(login.wish.scope.clone(), &mut context.env)?;
    let pending = context.run("asking for a code", step)?;
    show(context, &pending, false);
    // What cannot be kept is better not obtained; but a file that is held during the wait would be left behind by
    // whoever breaks it off.
    drop(context.store.room()?);
    let step = login.party.poll_device(pending, &mut context.env)?;
    let exchanged = context.run_until_deadline("waiting for the user to allow it", step)?;
    let draft = context.store.room();
    login.finish(context, exchanged, draft, "iss, sub, aud, azp, exp, iat, at_hash if it has one")
}

/// Says where the user has to go, and the code to type there.
pub(super) fn show(context: &Context, pending: &PendingDevice, by_qr_code: bool) {
    context.out.emit(&Event::DeviceCode {
        verification_uri: pending.verification_uri(),
        verification_uri_complete: pending.verification_uri_complete(),
        user_code: pending.user_code(),
        expires_in: pending.expires_at().saturating_since(context.now()).as_secs(),
        deadline: context.options.deadline.as_secs(),
        by_qr_code,
    });
}
