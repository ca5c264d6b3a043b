//! `login`: from an issuer to a session in the store.

use std::sync::Arc;
use std::time::Duration;

use oidc_proto::{
    AuthorizationRequest, Callback, Checked, Client, Code as Core, Error, PendingAuthorization, Provider, RedirectUri,
    UnverifiedGrant,
};

use super::ask_userinfo;
use crate::args::{self, IdTokenChoice, LoginArgs};
use crate::clients;
use crate::context::{Context, trust};
use crate::event::Event;
use crate::failure::Failure;
use crate::listener::Listener;
use crate::paste;
use crate::session::{self, Session};
use crate::tokens::{self, Settled};

/// How much later than the deadline a login expires, so that the deadline is what the user hears of.
const SLACK: Duration = Duration::from_secs(60);

/// Where the callback is taken.
enum Meeting {
    Listener(Listener),
    Paste,
}

pub(crate) fn login(context: &mut Context, args: &LoginArgs) -> Result<(), Failure> {
    let named = clients::named(args)?;
    // Nothing is begun whose outcome could not be kept.
    if let Some(failure) = session::all(&context.store)?.1.into_iter().next() {
        return Err(failure);
    }
    let schemes = context.options.schemes();
    let provider = context.discover(args::issuer(&args.issuer, schemes)?, schemes)?;
    if args.id_token == IdTokenChoice::TrustTls && !provider.metadata().token_endpoint.is_https() {
        return Err(Error::from(Core::IdTokenTrustTlsOverHttp).into());
    }

    let metadata = clients::metadata(args.redirect_port)?;
    let registered_uri = metadata.redirect_uris.first().cloned();
    let (meeting, redirect_uri) = if args.paste {
        (Meeting::Paste, registered_uri.clone())
    } else {
        let listener = Listener::bind(args.redirect_port.unwrap_or(0))?;
        let uri = RedirectUri::new(&listener.redirect_uri())?;
        (Meeting::Listener(listener), Some(uri))
    };
    let redirect_uri = redirect_uri.ok_or(Core::AuthorizationRedirectUri).map_err(Error::from)?;
    let registered = match named {
        Some(client) => {
            clients::keep_named(context, provider.issuer(), &client)?;
            client
        }
        None => clients::find_or_register(context, &provider, &metadata)?,
    };
    let uris: Vec<_> = registered_uri.into_iter().collect();
    let client = registered.client(&uris).with_id_token_trust(trust(args.id_token)).shared();

    let (pending, checked) = ask_user(context, args, &provider, &client, redirect_uri, meeting)?;

    context.out.step("Code exchange");
    let draft = context.store.draft()?;
    let exchanged = context.run("exchanging the code", pending.redeem(checked, &provider, &client, None)?)?;
    let tokens = match tokens::settle(context, exchanged)? {
        Settled::Trusted(tokens) => tokens,
        Settled::Untrusted(failure, grant) => {
            revoke(context, grant);
            return Err(failure);
        }
    };
    context.out.checked(match args.id_token {
        IdTokenChoice::Verify => "the ID token: signed by the provider's keys with an algorithm that was agreed on",
        IdTokenChoice::TrustTls => "the ID token: came straight from the provider over TLS",
    });
    context.out.checked("the ID token: iss, sub, aud, azp, exp, iat, this login's nonce, at_hash if it has one");

    // The older login of the same user is not revoked: some providers keep one grant for both.
    let session = Session::new(tokens, schemes, args.id_token);
    {
        let _lock = context.store.lock()?;
        session.save(draft)?;
    }
    context.out.checked("the session is in the store");
    context.out.emit(&Event::LoggedIn { session: session.summary(context.now()) });
    if provider.metadata().userinfo_endpoint.is_some()
        && let Err(failure) = ask_userinfo(context, &provider, &session)
    {
        context.out.emit(&Event::warning(&failure));
    }
    Ok(())
}

/// Sends the user to the provider and waits for the answer.
fn ask_user(
    context: &mut Context,
    args: &LoginArgs,
    provider: &Arc<Provider>,
    client: &Arc<Client>,
    redirect_uri: RedirectUri,
    meeting: Meeting,
) -> Result<(PendingAuthorization, Checked), Failure> {
    context.out.step("Authorization");
    let deadline = context.options.deadline;
    let mut request =
        AuthorizationRequest::new(redirect_uri, args.scope.clone()).lifetime(deadline.saturating_add(SLACK));
    for prompt in &args.prompt {
        request = request.prompt(*prompt);
    }
    if let Some(hint) = &args.login_hint {
        request = request.login_hint(hint);
    }
    if let Some(mode) = args.response_mode {
        request = request.response_mode(mode);
    }
    let (url, pending) = request.start(provider, client, &mut context.env)?;
    context.out.checked("the request has a state, a nonce and a PKCE challenge (S256), 256 bits of entropy each");
    context.out.emit(&Event::AuthorizationUrl { url: url.as_str() });
    drop(args.browser.open(url.as_str(), context.options.timeout, context.out)?);

    let mode = pending.response_mode();
    let checked = match meeting {
        Meeting::Paste => {
            context.out.hint("Paste the URL that the browser was sent to:");
            let callback = paste::read(mode, deadline)?;
            pending.check(&callback, provider, &context.env)?
        }
        Meeting::Listener(listener) => {
            let _waiting = context.out.waiting("waiting for the browser to come back");
            listener.wait(mode, deadline, |callback: &Callback| pending.check(callback, provider, &context.env))?
        }
    };
    told(context, &pending, provider);
    Ok((pending, checked))
}

fn told(context: &Context, pending: &PendingAuthorization, provider: &Provider) {
    let (mode, redirect_uri) = (pending.response_mode().name(), pending.redirect_uri().as_str());
    context.out.checked(&format!("one callback came, by {mode} as asked for, to {redirect_uri}"));
    context.out.checked("its state is this login's, no parameter stands there twice, it is in time");
    if provider.metadata().authorization_response_iss {
        context.out.checked("its iss is the provider's, which the provider promised to send");
    }
}

/// Tokens that cannot be trusted are not left lying around. That they are revoked is all that can be done.
fn revoke(context: &mut Context, grant: UnverifiedGrant) {
    let revoked = grant.revoke().map_err(Failure::from).and_then(|step| context.run("revoking", step));
    if let Err(failure) = revoked {
        context.out.emit(&Event::warning(&failure));
    }
}
