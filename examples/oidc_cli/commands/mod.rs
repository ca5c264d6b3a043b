//! One file a command; the small ones share this one.

mod account;
mod beginning;
mod client_credentials;
mod demo;
mod device;
mod granted;
mod login;
mod logout;
mod matrix;
mod matrix_beginning;
mod needs;
pub(crate) mod qr;
mod replaced;
mod watch;

use oidc_proto::{CodeChallengeMethod, ErrorCode as Core, RelyingParty};
use serde_json::{Map, Value};

use crate::args::{self, ChoiceArgs, DiscoverArgs, Place, RegisterArgs, ReloginArgs};
use crate::clients::{self, Identity};
use crate::context::Context;
use crate::event::{Event, Problem};
use crate::failure::{Code, Failure};
use crate::keys::KeyFile;
use crate::session::{self, Session, expires_in};
use crate::tokens::{self, Need};

pub(crate) use account::account;
pub(crate) use client_credentials::client_credentials;
pub(crate) use demo::demo;
pub(crate) use device::device;
pub(crate) use login::login;
pub(crate) use logout::logout;
pub(crate) use matrix::whoami;
pub(crate) use watch::watch;

pub(crate) fn discover(context: &mut Context, args: &DiscoverArgs) -> Result<(), Failure> {
    let schemes = context.options.schemes();
    let mut needs = Vec::new();
    let provider = match (&args.issuer, &args.homeserver) {
        (_, Some(homeserver)) => matrix::discover(context, homeserver)?,
        (Some(issuer), None) => {
            let (provider, needed) =
                needs::discover(context, args::issuer(issuer, schemes)?, args.metadata_url.as_deref())?;
            needs = needed;
            provider
        }
        (None, None) => {
            let session = session::choose(context)?;
            match session.homeserver() {
                Some(homeserver) => context.server(homeserver, session.schemes())?.provider.clone(),
                None => {
                    let (wish, issuer) = (session.wish(), session.tokens.issuer().clone());
                    context.look(issuer, wish.metadata_url.as_deref(), session.schemes(), &wish.deviations())?
                }
            }
        }
    };
    let metadata = provider.metadata();
    let endpoints = [
        ("authorization", metadata.authorization_endpoint.as_ref()),
        ("token", Some(&metadata.token_endpoint)),
        ("jwks", metadata.jwks_uri.as_ref()),
        ("registration", metadata.registration_endpoint.as_ref()),
        ("userinfo", metadata.userinfo_endpoint.as_ref()),
        ("revocation", metadata.revocation_endpoint.as_ref()),
        ("end_session", metadata.end_session_endpoint.as_ref()),
        ("pushed_authorization_request", metadata.pushed_authorization_request_endpoint.as_ref()),
        ("device_authorization", metadata.device_authorization_endpoint.as_ref()),
    ];
    let endpoints = endpoints.into_iter().map(|(name, endpoint)| {
        (name.to_owned(), endpoint.map_or(Value::Null, |endpoint| endpoint.uri().to_string().into()))
    });
    let unusable: Vec<_> = metadata.unusable().map(|(_, error)| Failure::from(error.clone())).collect();
    let notes = needs::notes(&provider);
    context.out.emit(&Event::Discovered {
        issuer: provider.issuer().as_str(),
        endpoints: endpoints.collect(),
        pkce: metadata.code_challenge_methods.contains(CodeChallengeMethod::S256),
        callback_iss: metadata.authorization_response_iss,
        needs: &needs,
        unusable: unusable.iter().map(Problem::new).collect(),
        notes: &notes,
    });
    Ok(())
}

pub(crate) fn register(context: &mut Context, args: &RegisterArgs) -> Result<(), Failure> {
    let token = args.token()?;
    let schemes = context.options.schemes();
    let issuer = match args.place.place() {
        Place::Issuer(issuer) => args::issuer(issuer, schemes)?,
        Place::Homeserver(homeserver) => return matrix::register(context, homeserver, args, token),
    };
    let redirect_uris = clients::redirect_uris(args.redirect_uri.as_ref(), &args.redirect_port)?;
    let key = args.key.as_deref().map(|path| KeyFile::find(path, args.key_algorithm)).transpose()?;
    let metadata = Identity::of(key.as_ref()).with_key(clients::metadata(redirect_uris))?;
    let provider = context.discover(issuer, args.place.metadata_url.as_deref(), schemes)?;
    clients::register(context, &provider, &metadata, args, token)
}

pub(crate) fn status(context: &Context) -> Result<(), Failure> {
    let (sessions, damaged) = session::all(&context.store)?;
    let ChoiceArgs { issuer, subject } = &context.choice;
    if context.options.session.is_some() || issuer.is_some() || subject.is_some() {
        let session = session::choose(context)?;
        context.out.emit(&Event::Session { session: session.summary(context.now()) });
        return Ok(());
    }
    for session in &sessions {
        context.out.emit(&Event::Session { session: session.summary(context.now()) });
    }
    match damaged.into_iter().next() {
        Some(damaged) => Err(damaged.failure),
        None if sessions.is_empty() => Err(Code::NoSession.because("nobody is logged in")),
        None => Ok(()),
    }
}

/// The user of a session logs in again.
pub(crate) fn relogin(context: &mut Context, args: &ReloginArgs) -> Result<(), Failure> {
    args.meeting.check(context.options.schemes())?;
    let session = session::choose(context)?;
    if session.homeserver().is_some() {
        matrix::relogin(context, args, &session)
    } else if session.wish().by_device {
        device::again(context, args, &session)
    } else {
        login::again(context, args, &session)
    }
}

pub(crate) fn token(context: &mut Context) -> Result<(), Failure> {
    let session = tokens::good(context, Need::Good)?;
    let tokens = &session.tokens;
    context.out.emit(&Event::Token {
        session: Some(session.id()),
        access_token: context.out.shows_tokens().then(|| tokens.access_token().expose()),
        token_type: tokens.token_type().name(),
        scope: tokens.scope().as_str(),
        expires_in: expires_in(tokens, context.now()),
        doubtful: session.is_doubtful,
    });
    Ok(())
}

pub(crate) fn refresh(context: &mut Context) -> Result<(), Failure> {
    tokens::good(context, Need::New).map(drop)
}

pub(crate) fn userinfo(context: &mut Context) -> Result<(), Failure> {
    let session = tokens::good(context, Need::Good)?;
    let party = context.connect(&session)?;
    let asked = ask_userinfo(context, &party, &session);
    session.keep_nonces(&context.store)?;
    let refused = match asked {
        Err(failure) if lacks_scope(&failure) => {
            return Err(session.with_wider_scope(failure));
        }
        Err(failure) if is_expired(&failure) => failure,
        Err(failure) if failure.is(Core::USERINFO_UNAUTHORIZED) => {
            let again = session.again();
            return Err(failure.with_hint(format_args!(
                "Newer tokens do not change that: the login may lack a scope ({again} --scope \"…\"), the user may lack a right, or a firewall or a proxy refused the request."
            )));
        }
        result => return result,
    };
    // It may have ended before its time. A new one is tried once.
    match tokens::good(context, Need::Refused) {
        Ok(session) => match ask_userinfo(context, &party, &session) {
            Err(failure) if failure.is(Core::USERINFO_UNAUTHORIZED) => Err(failure.with_hint(format_args!(
                "The provider refuses the token that it has just issued, too. {}; if that does not help, report it to the provider.",
                session.again()
            ))),
            result => result,
        },
        Err(failure) => {
            context.out.emit(&Event::warning(&failure));
            Err(refused.with_hint(format_args!("Nor could the tokens be refreshed. {}", failure.hint)))
        }
    }
}

/// Whether a new token may be accepted: 403 says that it is known and not enough.
fn is_expired(failure: &Failure) -> bool {
    let Some(error) = failure.error.as_ref().filter(|_| failure.is(Core::USERINFO_UNAUTHORIZED)) else { return false };
    let said = error.provider_text().and_then(|text| text.error());
    said == Some("invalid_token") || error.status() != Some(http::StatusCode::FORBIDDEN)
}

/// Whether a new token would be refused in the same way.
fn lacks_scope(failure: &Failure) -> bool {
    let text = failure.error.as_ref().and_then(|error| error.provider_text());
    failure.is(Core::USERINFO_UNAUTHORIZED) && text.is_some_and(|text| text.error() == Some("insufficient_scope"))
}

fn ask_userinfo(context: &mut Context, party: &RelyingParty, session: &Session) -> Result<(), Failure> {
    context.out.step("Asking for userinfo");
    let step = party.userinfo(&session.tokens, &mut context.env)?;
    let userinfo = context.run("asking for userinfo", step)?;
    context.out.checked("its sub is the ID token's");
    let claims: Map<String, Value> = userinfo.claims()?;
    context.out.emit(&Event::Userinfo { claims: &claims });
    Ok(())
}
