//! `logout`: the provider ends the tokens, and then the session is removed. If the provider cannot be asked, the session is
//! kept, unless the user insists.

use oidc_proto::{EndSessionRequest, ErrorCode as Core, RelyingParty};

use crate::args::LogoutArgs;
use crate::clients;
use crate::context::Context;
use crate::event::{Event, Problem};
use crate::failure::{Code, Failure};
use crate::session::{self, Damaged, Held, Session};
use crate::tokens;

pub(crate) fn logout(context: &mut Context, args: &LogoutArgs) -> Result<(), Failure> {
    context.out.step("Logout");
    let found = session::find(context)?;
    let chosen = match found {
        Ok(session) => session,
        Err(Damaged { failure, .. }) if failure.code == Code::StoreVersion.name() => return Err(failure),
        Err(damaged) => {
            let _lock = context.store.lock()?;
            damaged.remove(&context.store)?;
            let failure = damaged.failure.with_hint(
                "Its files are removed. Its tokens could not be revoked: take the permission away on the provider's page for your account, if it lists this client.",
            );
            context.out.emit(&Event::warning(&failure));
            let (session, problem) = (damaged.id.as_str(), Some(Problem::new(&failure)));
            context.out.emit(&Event::LoggedOut { session, issuer: None, subject: None, revoked: false, problem });
            return Ok(());
        }
    };
    let connected = context.connect(&chosen);
    if let (Err(failure), false) = (&connected, args.force) {
        return Err(kept(failure.clone()));
    }
    // Nobody refreshes what is being revoked.
    let mut held = chosen.hold(&context.store)?;
    let failure = match &connected {
        Ok(party) => {
            let unknown = if held.begun { newest(context, &mut held)? } else { None };
            revoke(context, party, &held.session).err().or(unknown)
        }
        Err(failure) => Some(failure.clone()),
    };
    match &failure {
        Some(failure) if may_still_end(failure) && !args.force => return Err(kept(failure.clone())),
        Some(failure) => context.out.emit(&Event::warning(failure)),
        None => context.out.checked("its tokens are revoked"),
    }
    let session = held.session.clone();
    // In the order of all commands: the store's lock comes first.
    drop(held);
    remove(context, &connected, &session, args.force)?;
    context.out.checked("the session is gone from the store");
    if let Err(failure) = forget_client(context, &session) {
        context.out.emit(&Event::warning(&failure));
    }
    context.out.emit(&Event::LoggedOut {
        session: session.id(),
        issuer: Some(session.tokens.issuer().as_str()),
        subject: Some(session.subject()),
        revoked: failure.is_none(),
        problem: failure.as_ref().map(Problem::new),
    });
    if let Some(party) = connected.ok().filter(|_| args.end_session)
        && let Err(failure) = end_session(context, args, &party, &session)
    {
        context.out.emit(&Event::warning(&failure));
    }
    Ok(())
}

/// Removes the session of a login that was revoked, and revokes what another process got from it meanwhile.
fn remove(
    context: &mut Context,
    connected: &Result<RelyingParty, Failure>,
    session: &Session,
    is_forced: bool,
) -> Result<(), Failure> {
    let _lock = context.store.lock()?;
    let held = match session.clone().hold(&context.store) {
        // Another command was quicker.
        Err(failure) if failure.code == Code::NoSession.name() => return Ok(()),
        held => held?,
    };
    if held.session.login() != session.login() {
        return Err(Code::Replaced.because(session.id()));
    }
    if held.session.stored != session.stored {
        let revoked = match connected {
            Ok(party) => revoke(context, party, &held.session),
            Err(failure) => Err(failure.clone()),
        };
        match revoked {
            Err(failure) if may_still_end(&failure) && !is_forced => return Err(kept(failure)),
            Err(failure) => context.out.emit(&Event::warning(&failure)),
            Ok(()) => context.out.checked("newer tokens, which another process got meanwhile, are revoked"),
        }
    }
    held.remove(&context.store)
}

/// No further login uses the client of an ended session that was registered for it alone, or that was retired.
fn forget_client(context: &Context, session: &Session) -> Result<(), Failure> {
    let (issuer, client_id) = (session.tokens.issuer(), session.tokens.client_id());
    let is_used_no_more = session.has_own_client() || context.store.registrations()?.is_retired(issuer, client_id);
    if is_used_no_more { clients::let_go(context, issuer, client_id) } else { Ok(()) }
}

/// Whether a later logout may revoke the tokens: not if the provider revokes none of this kind, or refuses the client. A
/// refresh that fails on the way to the newest tokens is the provider's last word of them.
fn may_still_end(failure: &Failure) -> bool {
    const FINAL: [Core; 3] =
        [Core::REVOCATION_UNSUPPORTED, Core::REVOCATION_UNSUPPORTED_TOKEN_TYPE, Core::TOKEN_INVALID_CLIENT];
    let is_final = FINAL.iter().any(|code| failure.is(*code));
    let is_of_revocation = failure.error.as_ref().is_some_and(|error| error.endpoint() == Some("revocation_endpoint"));
    failure.fault == "transport" || failure.is(Core::PROVIDER_MISMATCH) || is_of_revocation && !is_final
}

/// The session is kept: its tokens may live, and without the session nobody could end them.
fn kept(failure: Failure) -> Failure {
    failure.clone().with_hint(if failure.is(Core::PROVIDER_MISMATCH) {
        "The session is kept: its tokens may still be good. If the homeserver's provider has a new name, oidc_cli relogin \
         moves the session there, with its device; or remove it with logout --force."
            .to_owned()
    } else if failure.fault == "transport" {
        "The session is kept: its tokens may still be good. Log out again later, or remove it with logout --force."
            .to_owned()
    } else {
        format!(
            "The session is kept, because its tokens may still be valid. oidc_cli logout --force removes it without revoking them. {}",
            failure.hint
        )
    })
}

fn revoke(context: &mut Context, party: &RelyingParty, session: &Session) -> Result<(), Failure> {
    let step = party.revoke(&session.tokens, &mut context.env)?;
    context.run("revoking the tokens", step).map_err(|failure| session.explain_revocation(failure))
}

/// A refresh was begun and has no end: the stored tokens may be spent, and their revocation may end nothing. So the newest
/// ones are asked for first, and saved: if they cannot be revoked now, the next logout has them. Without them nobody knows
/// what lives: then it says why.
fn newest(context: &mut Context, held: &mut Held) -> Result<Option<Failure>, Failure> {
    let session = held.session.clone();
    held.release();
    let refreshed = tokens::refreshed(context, &session);
    *held = session.clone().hold(&context.store)?;
    let has_newer = held.session.generation() > session.generation();
    Ok(refreshed.err().filter(|_| !has_newer).map(|failure| session.explain_revocation(failure)))
}

/// The browser gets the ID token as a hint, so that the provider need not ask; what is printed has it only if tokens
/// may be printed.
fn end_session(
    context: &mut Context,
    args: &LogoutArgs,
    party: &RelyingParty,
    session: &Session,
) -> Result<(), Failure> {
    let bare = EndSessionRequest::new();
    let hinted = match (session.user_session(), session.tokens.id_token()) {
        (Some(matrix), _) => matrix.end_session(),
        (None, Some(id_token)) => bare.clone().with_id_token_hint(id_token),
        (None, None) => bare.clone(),
    };
    let (mut hinted, _) = party.end_session(hinted, &mut context.env)?;
    if hinted.is_long() {
        let what = format!("{} characters with the ID token", hinted.as_str().len());
        context.out.emit(&Event::warning(&Code::LongUrl.because(what)));
        let named = bare.clone().with_logout_hint(session.subject());
        hinted = party.end_session(named, &mut context.env)?.0;
    }
    let (bare, _) = party.end_session(bare, &mut context.env)?;
    let holds_token = session.tokens.id_token().is_some();
    let printed = if context.out.shows_tokens() || !holds_token { &hinted } else { &bare };
    context.out.emit(&Event::EndSessionUrl { url: printed.as_str() });
    args.browser.open_page(hinted.as_str(), context.options.timeout, context.out)?.wait();
    Ok(())
}
