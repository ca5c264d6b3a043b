//! The commands at a Matrix homeserver.

use std::cell::Cell;
use std::sync::Arc;

use oidc_proto::matrix::{
    Address, AuthServer, Checkup, FoundHomeserver, HomeserverDiscovery, LoginOutcome, LoginRequest, Party, Retries,
    SupportCheck, UserId, UserSession, Whoami,
};
use oidc_proto::{Env as _, ErrorCode as Core, Provider, ProviderOptions, RedirectUri, RelyingParty, Secret};

use super::beginning::not_stored;
use super::device::show;
use super::login::{Meeting, lifetime};
use super::matrix_beginning::{Beginning, By, Wanted, application, is_pushed};
use super::replaced;
use crate::args::{self, BeginningArgs, ClientArgs, LoginArgs, MeetingArgs, ParChoice, RegisterArgs, ReloginArgs};
use crate::clients::{self, Choice, Identity};
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::{Choices, Session};
use crate::store::Draft;
use crate::tokens::{self, Need};

/// The homeserver that is meant, and its provider.
pub(super) fn find(context: &mut Context, text: &str) -> Result<Arc<AuthServer>, Failure> {
    let address = args::homeserver(text, context.options.schemes())?;
    find_at(context, address)
}

pub(super) fn find_at(context: &mut Context, address: Address) -> Result<Arc<AuthServer>, Failure> {
    let schemes = context.options.schemes();
    let refused = match &address {
        Address::Name(_) => None,
        // A URL is asked without a detour; what is no homeserver's own has no OAuth 2.0 API either.
        Address::Url(homeserver) => match context.server(homeserver, schemes) {
            Err(failure) if failure.code == Core::MATRIX_UNSUPPORTED.as_str() => Some((homeserver.clone(), failure)),
            answered => return answered,
        },
    };
    context.out.step("Homeserver");
    let step = HomeserverDiscovery::start(address, schemes)?;
    let found = context.run("looking for the homeserver", step)?;
    warn(context, &found);
    let found = found.homeserver;
    match refused {
        Some((asked, failure)) if asked == found => return Err(failure),
        _ => context.out.checked("the name leads to a homeserver, which names the versions that it speaks"),
    }
    context.server(&found, schemes)
}

/// A document that should have named the homeserver, and did not.
fn warn(context: &Context, found: &FoundHomeserver) {
    if let Some(error) = &found.warning {
        context.out.emit(&Event::warning(&Failure::from(error.clone())));
    }
}

/// Shows the homeserver; the provider is shown by who called.
pub(super) fn discover(context: &mut Context, text: &str) -> Result<Provider, Failure> {
    let schemes = context.options.schemes();
    let options = ProviderOptions::new().with_schemes(schemes);
    let step = SupportCheck::start(args::homeserver(text, schemes)?, options)?;
    let Checkup { found, support, .. } = context.run("looking for the homeserver", step)?;
    warn(context, &found);
    let server = support.supported();
    context.out.emit(&Event::Homeserver {
        homeserver: found.homeserver.as_str(),
        versions: &found.versions,
        metadata: server.as_ref().ok().map(|server| server.source.as_str()),
    });
    Ok(server?.provider.clone())
}

pub(super) fn register(
    context: &mut Context,
    text: &str,
    args: &RegisterArgs,
    token: Option<Secret>,
) -> Result<(), Failure> {
    // The rules of Matrix hold before anything is sent.
    let application = application(args.redirect_uri.as_ref())?;
    let server = find(context, text)?;
    clients::register(context, &server.provider, application.metadata(), args, token)
}

pub(super) fn login(context: &mut Context, args: &LoginArgs, text: &str) -> Result<(), Failure> {
    let identity = Identity::read(&args.beginning.client)?;
    let mut request = request(&args.beginning);
    request = args.prompt.iter().fold(request, |request, prompt| request.with_prompt(*prompt));
    if let Some(hint) = &args.login_hint {
        request = request.with_login_hint(hint);
    }
    if let Some(mode) = args.response_mode {
        request = request.with_response_mode(mode);
    }
    let by = By::Browser(args.meeting.redirect_uri.as_ref(), args.par);
    let (id_token, client) = (args.beginning.grant.id_token, choice(args.beginning.reuse_client));
    let keep_replaced = args.beginning.keep_replaced;
    let wanted = Wanted { identity: &identity, id_token, client, by, request: &request, keep_replaced };
    let server = find_for(context, &wanted, text)?;
    // No client is registered for a browser that could not come back.
    let meeting = Cell::new(Some(Meeting::arrange(&args.meeting)?));
    let beginning = wanted.begin(context, server)?;
    let run = |context: &mut Context, beginning| {
        let meeting = meeting.take().map_or_else(|| Meeting::arrange(&args.meeting), Ok)?;
        by_browser(context, beginning, request.clone(), args.par, (&args.meeting, meeting))
    };
    wanted.carry_out(context, beginning, run).map_err(|failure| identity.explain(failure))
}

/// A client of its own for each login is what Matrix demands.
pub(super) fn choice(reuse_client: bool) -> Choice {
    if reuse_client { Choice::Reuse } else { Choice::Anew }
}

/// The homeserver of a login whose outcome could be kept.
fn find_for(context: &mut Context, wanted: &Wanted<'_>, text: &str) -> Result<Arc<AuthServer>, Failure> {
    drop(wanted.application()?);
    drop(context.store.session_files()?);
    find(context, text)
}

/// What a login asks for, by browser or by another device.
fn request(args: &BeginningArgs) -> LoginRequest {
    let request = LoginRequest::new().with_further_scope(&args.grant.scope.clone().unwrap_or_default());
    match &args.device_id {
        Some(device_id) => request.with_device_id(device_id.clone()),
        None => request,
    }
}

/// The user of a known session logs in again, with the same device.
pub(super) fn relogin(context: &mut Context, args: &ReloginArgs, session: &Session) -> Result<(), Failure> {
    let known = matrix(session)?;
    let server = context.server(known.homeserver(), session.schemes())?;
    let old = match context.connect_home(session) {
        Ok(party) => Some(party),
        Err(failure) if failure.code == Code::ClientUnknown.name() => None,
        Err(failure) => return Err(failure),
    };
    let (identity, named) = (Identity::read(&ClientArgs::default())?, args.meeting.redirect_uri.as_ref());
    let mut request =
        args.prompt.iter().fold(LoginRequest::again(&known), |request, prompt| request.with_prompt(*prompt));
    if let Some(more) = &args.scope {
        request = request.with_further_scope(more);
    }
    let by = By::Browser(named, ParChoice::Auto);
    let (id_token, keep_replaced) = (session.id_token(), args.keep_replaced);
    let wanted = Wanted { identity: &identity, id_token, client: Choice::Anew, by, request: &request, keep_replaced };
    let application = wanted.application()?;
    let (issuer, client_id) = (session.tokens.issuer(), session.tokens.client_id());
    let registrations = context.store.registrations()?;
    let is_current = server.provider.issuer() == issuer
        && registrations.by_client_id(issuer, client_id).is_some()
        && (session.has_own_client() || !registrations.is_retired(issuer, client_id));
    let meeting = Cell::new(Some(Meeting::arrange(&args.meeting)?));
    let beginning = match &old {
        Some(party) if is_current => {
            clients::warn_of_other(context, session, application.metadata())?;
            let uris = application.metadata().redirect_uris().iter().cloned();
            let client = uris.fold(party.client().clone(), oidc_proto::Client::with_redirect_uri);
            Beginning { party: party.with_client(client), choices: session.choices(), is_new: false }
        }
        // The provider was renamed, or does not know the client any more.
        _ => wanted.begin(context, Arc::clone(&server))?,
    };
    let schemes = session.schemes();
    wanted.carry_out(context, beginning, |context: &mut Context, beginning| {
        let meeting = meeting.take().map_or_else(|| Meeting::arrange(&args.meeting), Ok)?;
        let beginning = Beginning { choices: Choices { schemes, keep_replaced, ..beginning.choices }, ..beginning };
        by_browser(context, beginning, request.clone(), ParChoice::Auto, (&args.meeting, meeting))
    })?;
    if session.has_own_client() { clients::let_go(context, issuer, client_id) } else { Ok(()) }
}

/// Sends the user to the provider, and asks the homeserver who came back.
fn by_browser(
    context: &mut Context,
    Beginning { party, choices, is_new }: Beginning,
    request: LoginRequest,
    par: ParChoice,
    (args, (meeting, redirect_uri)): (&MeetingArgs, (Meeting, RedirectUri)),
) -> Result<(), Failure> {
    let party = &party;
    context.out.step("Authorization");
    let request = request.with_lifetime(lifetime(context));
    let (url, pending) = if is_pushed(par, party.server()) {
        let step = request.push(redirect_uri, party, &mut context.env)?;
        context.run("pushing the request", step)?
    } else {
        request.start(redirect_uri, party, &mut context.env)?
    };
    context.out.checked(&format!("the request is for the device {} and no other", pending.device_id()));
    context.out.emit(&Event::AuthorizationUrl { url: url.as_str() });
    let _opened = args.browser.open(url.as_str(), context.options.timeout, context.out)?;
    let verified = meeting
        .response(context, pending.response_mode(), |callback| pending.check(callback, party, context.env.now()))
        .map_err(|failure| explain(context, party, (is_new, &choices), failure))?;
    context.out.checked("one callback came, with this login's state, in time, from the provider that was asked");

    context.out.step("Code exchange");
    let draft = context.store.room()?;
    let step = pending.redeem(verified, party, &mut context.env)?;
    let outcome = context.run("exchanging the code", step)?;
    conclude(context, party.relying_party(), outcome, Ok(draft), choices).map(drop)
}

/// A provider that refuses a request by its policy, or does not know the client, shows a page and sends nobody back.
/// After the deadline, no further login uses a client that registered itself.
fn explain(context: &Context, party: &Party, (is_new, choices): (bool, &Choices), failure: Failure) -> Failure {
    if failure.code != Code::Deadline.name() {
        return failure;
    }
    let forget = if choices.has_own_client { clients::remove } else { clients::forget };
    let client = match forget(context, party.relying_party()) {
        Ok(true) if is_new => "may not take clients that register themselves (login --client-id names another)",
        Ok(true) => "may have forgotten the client, so the next login registers a new one",
        _ => "may not know the client (login --client-id)",
    };
    failure.with_hint(format_args!(
        "If the browser showed an error of the provider, it {client}; or it does not allow the device ID (login without \
         --device-id makes a new one). Else try again, --deadline gives more time."
    ))
}

pub(super) fn device(context: &mut Context, args: &BeginningArgs, text: &str) -> Result<(), Failure> {
    let identity = Identity::read(&args.client)?;
    let request = request(args);
    let (id_token, client) = (args.grant.id_token, choice(args.reuse_client));
    let keep_replaced = args.keep_replaced;
    let wanted = Wanted { identity: &identity, id_token, client, by: By::Device, request: &request, keep_replaced };
    let server = find_for(context, &wanted, text)?;
    let beginning = wanted.begin(context, server)?;
    let run = |context: &mut Context, beginning| on_device(context, beginning, request.clone());
    wanted.carry_out(context, beginning, run).map_err(|failure| identity.explain(failure))
}

fn on_device(context: &mut Context, beginning: Beginning, request: LoginRequest) -> Result<(), Failure> {
    let Beginning { party, choices, .. } = beginning;
    context.out.step("Device authorization");
    let step = request.start_device(&party, &mut context.env)?;
    let pending = context.run("asking for a code", step)?;
    show(context, pending.authorization(), false);
    // As for a login at a provider: what cannot be kept is better not obtained.
    drop(context.store.room()?);
    let step = pending.poll(&party, &mut context.env)?;
    let outcome = context.run_until_deadline("waiting for the user to allow it", step)?;
    let draft = context.store.room();
    conclude(context, party.relying_party(), outcome, draft, choices).map(drop)
}

/// Keeps the session if the homeserver says that it is the right user's and the right device's.
pub(super) fn conclude(
    context: &mut Context,
    party: &RelyingParty,
    outcome: LoginOutcome,
    draft: Result<Draft, Failure>,
    choices: Choices,
) -> Result<UserId, Failure> {
    let (mut outcome, mut retries) = (outcome, Retries::new(2));
    let outcome = loop {
        match outcome {
            LoginOutcome::Refused { error, tokens } => match retries.after(&error) {
                Some(pause) => {
                    std::thread::sleep(pause.min(context.options.timeout));
                    let step = tokens.retry(&mut context.env)?;
                    outcome = context.run("asking once more", step)?;
                }
                None => break LoginOutcome::Refused { error, tokens },
            },
            LoginOutcome::LoggedIn(_) => break outcome,
        }
    };
    let login = match outcome {
        LoginOutcome::LoggedIn(login) => login,
        LoginOutcome::Refused { error, tokens } => {
            // Tokens of somebody else are not left lying around. That they are revoked is all that can be done.
            let step = tokens.revoke(&mut context.env).map_err(Failure::from);
            if let Err(failure) = step.and_then(|step| context.run("revoking", step)) {
                context.out.emit(&Event::warning(&not_stored(failure)));
            }
            return Err(error.into());
        }
    };
    context.out.checked("the homeserver says who has logged in, on the device that was asked for");
    let (named, keep_replaced) = (choices.named.clone(), choices.keep_replaced);
    let session = Session::matrix(&login.session, choices);
    let replaced = replaced::save(context, party, &session, draft)?;
    let named = named.map(|client| clients::keep_named(context, session.tokens.issuer(), client));
    context.out.checked("the session is in the store");
    context.out.emit(&Event::LoggedIn { session: session.summary(context.now()) });
    if !keep_replaced {
        replaced.revoke(context, &session);
    }
    named.transpose()?;
    Ok(login.session.user_id().clone())
}

pub(crate) fn whoami(context: &mut Context) -> Result<(), Failure> {
    let session = tokens::good(context, Need::Good)?;
    match ask_whoami(context, &session) {
        // A token that the homeserver does not know is refreshed before anyone is asked to log in.
        Err(failure) if failure.code == Core::HOMESERVER_UNKNOWN_TOKEN.as_str() => {
            let asked = tokens::good(context, Need::New).and_then(|session| ask_whoami(context, &session));
            asked.map_err(|failure| {
                if failure.hint.contains("relogin") {
                    return failure;
                }
                let hint = format!("{}, with the same user and device.", session.again());
                failure.with_hint(hint)
            })
        }
        response => response,
    }
}

/// Asks with the session's tokens as they are.
pub(super) fn ask_whoami(context: &mut Context, session: &Session) -> Result<(), Failure> {
    let party = context.connect_home(session)?;
    context.out.step("Asking who that is");
    let mut retries = Retries::new(2);
    let identity = loop {
        let step = Whoami::start(&session.tokens, &party, &mut context.env)?;
        match context.run("asking the homeserver", step) {
            Ok(identity) => break identity,
            Err(failure) => match failure.error.as_ref().and_then(|error| retries.after(error)) {
                Some(pause) => std::thread::sleep(pause.min(context.options.timeout)),
                None => return Err(failure),
            },
        }
    };
    matrix(session)?.binding().check_identity(&identity)?;
    context.out.emit(&Event::Whoami {
        user_id: identity.user_id.as_str(),
        device_id: identity.device_id.as_ref().map(|device| device.as_str()),
    });
    Ok(())
}

pub(super) fn matrix(session: &Session) -> Result<UserSession, Failure> {
    session.user_session().ok_or_else(|| Code::NotMatrix.because(session.id()))
}
