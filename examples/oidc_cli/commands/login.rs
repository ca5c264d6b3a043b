//! `login`: from an issuer to a session in the store.

use std::time::Duration;

use url::Url;

use oidc_proto::ResponseMode;
use oidc_proto::{
    AuthorizationRequest, Callback, Env as _, Error, ErrorCode as Core, PendingAuthorization, Prompt, Provider,
    RedirectUri, VerifiedCallback,
};

use super::beginning::{Beginning, Login, lacking};
use super::matrix;
use crate::args::{BrowserArgs, LoginArgs, MeetingArgs, ParChoice, Place, ReloginArgs};
use crate::clients;
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::listener::Listener;
use crate::paste;
use crate::session::Session;
use crate::wish::Wish;

/// How much later than the deadline a login expires, so that the deadline is what the user hears of.
const SLACK: Duration = Duration::from_secs(60);

/// Where the callback is taken.
pub(super) enum Meeting {
    Listener(Listener),
    Paste,
}

pub(crate) fn login(context: &mut Context, args: &LoginArgs) -> Result<(), Failure> {
    args.meeting.check(context.options.schemes())?;
    let issuer = match args.beginning.place.place() {
        Place::Issuer(issuer) => issuer,
        Place::Homeserver(homeserver) => return matrix::login(context, args, homeserver),
    };
    let wish = Wish::of_login(args)?;
    check_redirect_uri(&wish)?;
    let beginning = Beginning::new(context, issuer, &args.beginning)?;
    // A client that could not use it is better not registered.
    if beginning.provider.metadata().authorization_endpoint.is_none() {
        let error = lacking(&beginning.provider, "authorization_endpoint", Core::METADATA_UNSUPPORTED);
        return Err(error.with_hint("Log in on another device, if the provider has that: oidc_cli device."));
    }
    let mut begun = Meeting::arrange(&args.meeting)?;
    rehearse(context, &beginning, &wish, &begun.1)?;
    let registered = clients::redirect_uris(args.meeting.redirect_uri.as_ref(), &args.meeting.redirect_port)?;
    let mut may_forget = true;
    loop {
        let login = beginning.login(context, clients::metadata(registered.clone()), wish.clone())?;
        let party = login.party.clone();
        let Err(failure) = by_browser(context, login, &args.meeting.browser, begun) else { return Ok(()) };
        let is_unknown = failure.is(Core::TOKEN_INVALID_CLIENT) && may_forget;
        if !is_unknown || !clients::forget(context, &party)? {
            return Err(beginning.identity.explain(failure));
        }
        // Once: the provider may have forgotten the client, which registered itself.
        may_forget = false;
        context
            .out
            .emit(&Event::warning(&failure.with_hint("The registration is forgotten; the client registers anew.")));
        begun = Meeting::arrange(&args.meeting)?;
    }
}

/// A response in the query of this URI would have a parameter twice, and nobody knows which of the two counts.
fn check_redirect_uri(wish: &Wish) -> Result<(), Failure> {
    const OF_RESPONSE: [&str; 6] = ["code", "state", "iss", "error", "error_description", "error_uri"];
    let is_in_query = wish.response_mode.as_deref().is_none_or(|mode| mode == ResponseMode::Query.name());
    let url = wish.redirect_uri.as_deref().filter(|_| is_in_query).and_then(|uri| Url::parse(uri).ok());
    let named =
        url.and_then(|url| url.query_pairs().find_map(|(name, _)| OF_RESPONSE.into_iter().find(|own| *own == name)));
    named.map_or(Ok(()), |name| {
        let said = format!("the query of --redirect-uri has `{name}`, which the response has, too");
        Err(Code::Usage.because(said).with_hint("Give it another name there, or use --response-mode form_post."))
    })
}

/// Makes the login's request and does not send it.
fn rehearse(
    context: &mut Context,
    beginning: &Beginning,
    wish: &Wish,
    redirect_uri: &RedirectUri,
) -> Result<(), Failure> {
    let party = beginning.rehearsing(context, wish, std::slice::from_ref(redirect_uri))?;
    let request = request(context, wish, redirect_uri.clone());
    let env = &mut context.env;
    let made = match wish.par {
        ParChoice::Always => party.push(request, env).map(drop),
        ParChoice::Never => party.authorize(request, env).map(drop),
        ParChoice::Auto => party.push_if_possible(request, env).map(drop),
    };
    made.map_err(Beginning::refused)
}

/// The user of a session logs in again.
pub(super) fn again(context: &mut Context, args: &ReloginArgs, session: &Session) -> Result<(), Failure> {
    Login::again(context, args, session, |context, mut login| {
        check_redirect_uri(&login.wish)?;
        let named = login.wish.redirect_uri.as_deref().map(RedirectUri::new).transpose()?;
        let meeting_args =
            MeetingArgs { redirect_port: login.wish.redirect_ports(), redirect_uri: named, ..args.meeting.clone() };
        let (meeting, redirect_uri) = Meeting::arrange(&meeting_args)?;
        login.party = login.party.with_client(login.party.client().clone().with_redirect_uri(redirect_uri.clone()));
        by_browser(context, login, &meeting_args.browser, (meeting, redirect_uri))
    })
}

fn by_browser(
    context: &mut Context,
    login: Login,
    browser: &BrowserArgs,
    (meeting, redirect_uri): (Meeting, RedirectUri),
) -> Result<(), Failure> {
    let request = request(context, &login.wish, redirect_uri);
    let (pending, verified) =
        ask_user(context, browser, &login, request, meeting).map_err(|failure| explain(context, &login, failure))?;

    context.out.step("Code exchange");
    let draft = context.store.room()?;
    let step = login.party.redeem(pending, verified, &mut context.env)?;
    let exchanged = context.run("exchanging the code", step)?;
    let claims = "iss, sub, aud, azp, exp, iat, this login's nonce, at_hash if it has one";
    login.finish(context, exchanged, Ok(draft), claims)
}

/// After the deadline: why a provider shows a page and sends nobody back.
fn explain(context: &Context, login: &Login, failure: Failure) -> Failure {
    if failure.code != Code::Deadline.name() {
        return failure;
    }
    let (issuer, client_id) = (login.party.provider().issuer(), login.party.client().id());
    let registrations = context.store.registrations().unwrap_or_default();
    // One that the command line names is in the store once it has logged somebody in.
    let is_named = registrations.static_client(issuer).is_some_and(|named| named.client_id() == client_id)
        || registrations.by_client_id(issuer, client_id).is_none();
    let client = if is_named {
        format!("the client {} (check --client-id)", client_id.escape_debug())
    } else {
        format!("the client {} (for a new one: oidc_cli register --anew --issuer {issuer})", client_id.escape_debug())
    };
    failure.with_hint(format_args!(
        "Try again; --deadline gives more time. If the browser showed an error page of the provider: the provider may \
         not know {client}, or may require the registered redirect URI exactly (--redirect-port N)."
    ))
}

fn request(context: &Context, wish: &Wish, redirect_uri: RedirectUri) -> AuthorizationRequest {
    let mut request = AuthorizationRequest::new(redirect_uri, wish.scope.clone()).with_lifetime(lifetime(context));
    if wish.no_prompt {
        request = request.without_prompt();
    }
    for prompt in wish.prompt.iter().filter_map(|name| Prompt::from_name(name)) {
        request = request.with_prompt(prompt);
    }
    if let Some(hint) = &wish.login_hint {
        request = request.with_login_hint(hint);
    }
    if let Some(mode) = wish.response_mode.as_deref().and_then(ResponseMode::from_name) {
        request = request.with_response_mode(mode);
    }
    wish.parameters.iter().fold(request, |request, (name, value)| request.with_parameter(name, value))
}

/// Sends the user to the provider and waits for the response.
fn ask_user(
    context: &mut Context,
    browser: &BrowserArgs,
    Login { party, wish, .. }: &Login,
    request: AuthorizationRequest,
    meeting: Meeting,
) -> Result<(PendingAuthorization, VerifiedCallback), Failure> {
    context.out.step("Authorization");
    const PUSHED: &str =
        "the provider has the request: the URL for the browser contains only the client ID and a reference to it";
    let (url, pending) = match wish.par {
        ParChoice::Always => {
            let step = party.push(request, &mut context.env)?;
            let pushed = context.run("pushing the request", step)?;
            context.out.checked(PUSHED);
            pushed
        }
        ParChoice::Never => party.authorize(request, &mut context.env)?,
        ParChoice::Auto => {
            let step = party.push_if_possible(request, &mut context.env)?;
            let started = context.run("pushing the request", step)?;
            match started.push_refused {
                Some(error) => {
                    let failure = Failure::from(error).with_hint("The login goes on without a pushed request.");
                    context.out.emit(&Event::warning(&failure));
                }
                None if started.url.as_str().contains("request_uri=") => context.out.checked(PUSHED),
                None => {}
            }
            (started.url, started.pending)
        }
    };
    context.out.checked("the request has a state, a nonce and a PKCE challenge (S256), 256 bits of entropy each");
    context.out.emit(&Event::AuthorizationUrl { url: url.as_str() });
    let _opened = browser.open(url.as_str(), context.options.timeout, context.out)?;
    let verified = meeting
        .response(context, pending.response_mode(), |callback| party.check(&pending, callback, context.env.now()))?;
    told(context, &pending, party.provider());
    Ok((pending, verified))
}

/// How long a login is good.
pub(super) fn lifetime(context: &Context) -> Duration {
    context.options.deadline.saturating_add(SLACK)
}

/// The port that a redirect URI names. A parsed URL does not say whether the usual one was named.
fn port(written: &str, url: &Url) -> Option<u16> {
    let named = || {
        let authority = written.split_once("://")?.1.split(['/', '?']).next()?;
        authority.rsplit_once(':')?.1.parse().ok()
    };
    url.port().or_else(named)
}

impl Meeting {
    /// Listens, or does not, and says where the browser is to be sent back to.
    pub(super) fn arrange(args: &MeetingArgs) -> Result<(Self, RedirectUri), Failure> {
        let mut busy = None;
        for registered in clients::redirect_uris(args.redirect_uri.as_ref(), &args.redirect_port)? {
            if args.paste {
                return Ok((Self::Paste, registered));
            }
            let url = Url::parse(registered.as_str()).map_err(|error| Code::Usage.because(error))?;
            let port = port(registered.as_str(), &url);
            match Listener::bind(&url, port) {
                Ok(Some(listener)) => {
                    let redirect_uri = RedirectUri::new(&listener.redirect_uri())?;
                    // With a port it is used to the letter.
                    return Ok((Self::Listener(listener), if port.is_some() { registered } else { redirect_uri }));
                }
                Ok(None) => {
                    return Err(Code::Usage.because("a redirect URI that is not http on this machine needs --paste"));
                }
                Err(failure) => busy = Some(failure),
            }
        }
        Err(busy.unwrap_or_else(|| Code::Usage.because("no redirect URI")))
    }

    /// Waits for the browser to come back with the login's response.
    pub(super) fn response<T>(
        self,
        context: &Context,
        mode: ResponseMode,
        judge: impl Fn(&Callback) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let deadline = context.options.deadline;
        match self {
            Self::Paste => {
                context.out.hint("Paste the address of the page that the browser was sent to:");
                paste::read(context, mode, judge)
            }
            Self::Listener(listener) => {
                let _waiting = context.out.waiting("waiting for the browser to come back");
                listener.wait(mode, deadline, context.out, judge)
            }
        }
    }
}

fn told(context: &Context, pending: &PendingAuthorization, provider: &Provider) {
    let (mode, redirect_uri) = (pending.response_mode().name(), pending.redirect_uri().as_str());
    context.out.checked(&format!("one callback came, by {mode} as asked for, to {redirect_uri}"));
    context.out.checked("its state is this login's, no parameter is given twice, it is in time");
    if provider.metadata().authorization_response_iss {
        context.out.checked("its iss is the provider's, which the provider promised to send");
    }
}
