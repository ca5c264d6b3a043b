//! The commands at a Matrix homeserver.

use std::sync::Arc;

use oidc_proto::matrix::{
    AccountAction, Address, Application, AuthServer, Checkup, FoundHomeserver, HomeserverDiscovery, LoginOutcome,
    LoginRequest, Party, Retries, SupportCheck, UserId, UserSession, Whoami,
};
use oidc_proto::{Env as _, Error, ErrorCode as Core, Provider, ProviderOptions, RedirectUri, Registrations, Secret};

use super::device::show;
use super::login::{Meeting, lifetime};
use crate::args::{
    AccountArgs, BeginningArgs, ClientArgs, IdTokenChoice, LoginArgs, MeetingArgs, ParChoice, RegisterArgs, ReloginArgs,
};
use crate::clients::{self, Found, Identity};
use crate::context::{Context, trust};
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::{self, Choices, Session};
use crate::store::Draft;
use crate::tokens::{self, Need};

/// The homeserver that is meant, and its provider.
pub(super) fn find(context: &mut Context, text: &str) -> Result<Arc<AuthServer>, Failure> {
    let address = Address::parse(text, context.options.schemes())?;
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
    let step = SupportCheck::start(Address::parse(text, schemes)?, options)?;
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

/// What this program is at a homeserver, with a redirect URI of its own if one is named.
fn application(redirect_uri: Option<&RedirectUri>) -> Result<Application, Failure> {
    Ok(Application::new(clients::matrix_metadata(redirect_uri)?, Registrations::default())?)
}

/// A login that can go on: the store is whole, the provider and the client are known.
pub(super) struct Beginning {
    pub(super) party: Party,
    pub(super) choices: Choices,
}

/// How the user logs in.
#[derive(Clone, Copy)]
enum By<'a> {
    /// With the redirect URI that was named.
    Browser(Option<&'a RedirectUri>),
    Device,
}

impl<'a> By<'a> {
    fn redirect_uri(self) -> Option<&'a RedirectUri> {
        match self {
            Self::Browser(named) => named,
            Self::Device => None,
        }
    }
}

impl Beginning {
    fn new(
        context: &mut Context,
        text: &str,
        identity: &Identity,
        id_token: IdTokenChoice,
        by: By<'_>,
    ) -> Result<Self, Failure> {
        let application = application(by.redirect_uri())?;
        // Nothing is begun whose outcome could not be kept.
        drop(context.store.session_files()?);
        let server = find(context, text)?;
        // No client is registered for a login that cannot begin.
        if matches!(by, By::Device) && server.provider.metadata().device_authorization_endpoint.is_none() {
            return Err(Error::from(Core::DEVICE_UNSUPPORTED).into());
        }
        Self::with(context, server, identity, id_token, &application)
    }

    /// The same once the provider is known.
    pub(super) fn at(
        context: &mut Context,
        server: Arc<AuthServer>,
        identity: &Identity,
        id_token: IdTokenChoice,
    ) -> Result<Self, Failure> {
        Self::with(context, server, identity, id_token, &application(None)?)
    }

    fn with(
        context: &mut Context,
        server: Arc<AuthServer>,
        identity: &Identity,
        id_token: IdTokenChoice,
        application: &Application,
    ) -> Result<Self, Failure> {
        let metadata = application.metadata().clone();
        let Found { client, key_file, named } = identity.client(context, &server.provider, metadata)?;
        let schemes = context.options.schemes();
        let choices = Choices { schemes, id_token, key_file, dpop_key: None, wish: None, named };
        Ok(Self { party: Party::new(server, client.with_id_token_trust(trust(id_token))), choices })
    }
}

pub(super) fn login(context: &mut Context, args: &LoginArgs, text: &str) -> Result<(), Failure> {
    let identity = Identity::read(&args.beginning.client)?;
    let id_token = args.beginning.grant.id_token;
    let by = By::Browser(args.meeting.redirect_uri.as_ref());
    let Beginning { party, choices } = Beginning::new(context, text, &identity, id_token, by)?;
    let mut request = request(&args.beginning);
    request = args.prompt.iter().fold(request, |request, prompt| request.with_prompt(*prompt));
    if let Some(hint) = &args.login_hint {
        request = request.with_login_hint(hint);
    }
    if let Some(mode) = args.response_mode {
        request = request.with_response_mode(mode);
    }
    by_browser(context, &party, request.clone(), args.par, &args.meeting, choices)
        .or_else(|failure| {
            let Beginning { party, choices } = begin_anew(context, &party, &identity, id_token, by, failure)?;
            by_browser(context, &party, request, args.par, &args.meeting, choices)
        })
        .map_err(|failure| identity.explain(failure))
}

/// After a failure: the same login with a new registration, if the provider does not know the client any more, and the
/// client registered itself.
fn begin_anew(
    context: &mut Context,
    party: &Party,
    identity: &Identity,
    id_token: IdTokenChoice,
    by: By<'_>,
    failure: Failure,
) -> Result<Beginning, Failure> {
    if !failure.is(Core::TOKEN_INVALID_CLIENT) || !clients::forget(context, party.relying_party())? {
        return Err(failure);
    }
    let failure = failure.with_hint("The registration is forgotten; the client registers anew.");
    context.out.emit(&Event::warning(&failure));
    Beginning::with(context, Arc::clone(party.server()), identity, id_token, &application(by.redirect_uri())?)
}

/// What a login asks for, by browser or by another device.
fn request(args: &BeginningArgs) -> LoginRequest {
    let request = LoginRequest::new().with_further_scope(args.grant.scope.clone().unwrap_or_default());
    match &args.device_id {
        Some(device_id) => request.with_device_id(device_id.clone()),
        None => request,
    }
}

/// The user of a known session logs in again, with the same device.
pub(super) fn relogin(context: &mut Context, args: &ReloginArgs, session: &Session) -> Result<(), Failure> {
    let known = matrix(session)?;
    let party = context.connect_home(session)?;
    let (identity, named) = (Identity::read(&ClientArgs::default())?, args.meeting.redirect_uri.as_ref());
    let application = application(named)?;
    let mut request =
        args.prompt.iter().fold(LoginRequest::again(&known), |request, prompt| request.with_prompt(*prompt));
    if let Some(more) = &args.scope {
        request = request.with_more_scope(more);
    }
    let Beginning { party: again, choices } = if party.server().provider.issuer() == session.tokens.issuer() {
        let uris = application.metadata().redirect_uris().iter().cloned();
        let client = uris.fold(party.client().clone(), oidc_proto::Client::with_redirect_uri);
        Beginning { party: party.with_client(client), choices: session.choices() }
    } else {
        // The provider was renamed. By its new name it gets a client of its own.
        Beginning::with(context, Arc::clone(party.server()), &identity, session.id_token(), &application)?
    };
    let schemes = session.schemes();
    let choices = Choices { schemes, ..choices };
    by_browser(context, &again, request.clone(), ParChoice::Auto, &args.meeting, choices).or_else(|failure| {
        let Beginning { party, choices } =
            begin_anew(context, &again, &identity, session.id_token(), By::Browser(named), failure)?;
        by_browser(context, &party, request, ParChoice::Auto, &args.meeting, Choices { schemes, ..choices })
    })?;
    // The older grant is valid beside the new one. The device stays.
    let step = known.revoke(&party, &mut context.env).map_err(Failure::from);
    match step.and_then(|step| context.run("revoking the grant that was replaced", step)) {
        Ok(()) => context.out.checked("the grant that was replaced is revoked"),
        Err(failure) => context.out.emit(&Event::warning(&failure)),
    }
    Ok(())
}

/// Sends the user to the provider, and asks the homeserver who came back.
fn by_browser(
    context: &mut Context,
    party: &Party,
    request: LoginRequest,
    par: ParChoice,
    meeting: &MeetingArgs,
    choices: Choices,
) -> Result<(), Failure> {
    context.out.step("Authorization");
    let browser = &meeting.browser;
    let (meeting, redirect_uri) = Meeting::arrange(meeting)?;
    let request = request.with_lifetime(lifetime(context));
    // One request more is made only where nothing else is taken.
    let is_pushed = match par {
        ParChoice::Always => true,
        ParChoice::Auto => party.server().provider.metadata().require_pushed_authorization_requests,
        ParChoice::Never => false,
    };
    let (url, pending) = if is_pushed {
        let step = request.push(redirect_uri, party, &mut context.env)?;
        context.run("pushing the request", step)?
    } else {
        request.start(redirect_uri, party, &mut context.env)?
    };
    context.out.checked(&format!("the request is for the device {} and no other", pending.device_id()));
    context.out.emit(&Event::AuthorizationUrl { url: url.as_str() });
    let _opened = browser.open(url.as_str(), context.options.timeout, context.out)?;
    let verified = meeting
        .response(context, pending.response_mode(), |callback| pending.check(callback, party, context.env.now()))
        .map_err(|failure| explain(context, party, failure))?;
    context.out.checked("one callback came, with this login's state, in time, from the provider that was asked");

    context.out.step("Code exchange");
    let draft = context.store.draft()?;
    let step = pending.redeem(verified, party, &mut context.env)?;
    let outcome = context.run("exchanging the code", step)?;
    conclude(context, outcome, draft, choices).map(drop)
}

/// A provider that refuses a request by its policy, or does not know the client, shows a page and sends nobody back.
/// After the deadline, no further login uses a client that registered itself.
fn explain(context: &Context, party: &Party, failure: Failure) -> Failure {
    if failure.code != Code::Deadline.name() {
        return failure;
    }
    let client = match clients::forget(context, party.relying_party()) {
        Ok(true) => "may have forgotten the client, so the next login registers a new one",
        _ => "may not know the client (--client-id)",
    };
    failure.with_hint(format_args!(
        "If the browser showed an error of the provider, it {client}; or it does not allow the device ID (without \
         --device-id a new one is made). Else try again, --deadline gives more time."
    ))
}

pub(super) fn device(context: &mut Context, args: &BeginningArgs, text: &str) -> Result<(), Failure> {
    let identity = Identity::read(&args.client)?;
    let Beginning { party, choices } = Beginning::new(context, text, &identity, args.grant.id_token, By::Device)?;
    on_device(context, &party, args, choices)
        .or_else(|failure| {
            let Beginning { party, choices } =
                begin_anew(context, &party, &identity, args.grant.id_token, By::Device, failure)?;
            on_device(context, &party, args, choices)
        })
        .map_err(|failure| identity.explain(failure))
}

fn on_device(context: &mut Context, party: &Party, args: &BeginningArgs, choices: Choices) -> Result<(), Failure> {
    context.out.step("Device authorization");
    let step = request(args).start_device(party, &mut context.env)?;
    let pending = context.run("asking for a code", step)?;
    show(context, pending.authorization(), false);
    // As for a login at a provider: what cannot be kept is better not obtained.
    drop(context.store.draft()?);
    let step = pending.poll(party, &mut context.env)?;
    let outcome = context.run_until_deadline("waiting for the user to allow it", step)?;
    let draft = context.store.draft()?;
    conclude(context, outcome, draft, choices).map(drop)
}

/// Keeps the session if the homeserver says that it is the right user's and the right device's.
pub(super) fn conclude(
    context: &mut Context,
    outcome: LoginOutcome,
    draft: Draft,
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
                context.out.emit(&Event::warning(&failure));
            }
            return Err(error.into());
        }
    };
    context.out.checked("the homeserver says who has logged in, on the device that was asked for");
    let named = choices.named.clone();
    let session = Session::matrix(&login.session, choices);
    {
        let _lock = context.store.lock()?;
        session.save(draft, &mut context.env)?;
    }
    if let Some(client) = named {
        clients::keep_named(context, session.tokens.issuer(), client)?;
    }
    context.out.checked("the session is in the store");
    context.out.emit(&Event::LoggedIn { session: session.summary(context.now()) });
    Ok(login.session.user_id().clone())
}

pub(crate) fn whoami(context: &mut Context) -> Result<(), Failure> {
    let session = tokens::good(context, Need::Good)?;
    match ask_whoami(context, &session) {
        // A token that the homeserver does not know is refreshed before anyone is asked to log in.
        Err(failure) if failure.code == Core::HOMESERVER_UNKNOWN_TOKEN.as_str() => {
            let asked = tokens::good(context, Need::New).and_then(|session| ask_whoami(context, &session));
            asked.inspect_err(|_| context.out.hint("relogin logs the same user in again, with the same device."))
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
    context.out.emit(&Event::Whoami {
        user_id: identity.user_id.as_str(),
        device_id: identity.device_id.as_ref().map(|device| device.as_str()),
    });
    Ok(())
}

pub(crate) fn account(context: &mut Context, args: &AccountArgs) -> Result<(), Failure> {
    let session = chosen(context)?;
    let known = matrix(&session)?;
    let server = context.server(known.homeserver(), session.schemes())?;
    let no_page = || Error::new(Core::METADATA_MISSING_FIELD).at("account_management_uri");
    // Without a device a provider forgets an action about one.
    let is_about_one = matches!(args.action, Some(AccountAction::DeviceView | AccountAction::DeviceDelete));
    let device = args.device_id.as_ref().or(is_about_one.then(|| known.device_id()));
    let url = server.account.as_ref().ok_or_else(no_page)?.url(args.action, device);
    context.out.emit(&Event::AccountUrl { url: &url });
    if args.open {
        args.browser.open(&url, context.options.timeout, context.out)?.wait();
    }
    Ok(())
}

fn chosen(context: &Context) -> Result<Session, Failure> {
    session::choose(context)
}

fn matrix(session: &Session) -> Result<UserSession, Failure> {
    session.user_session().ok_or_else(|| Code::NotMatrix.because(session.id()))
}
