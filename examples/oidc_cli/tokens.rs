//! Keeps a session's tokens good.

use std::time::Duration;

use oidc_proto::flow::Refresh;
use oidc_proto::{Code as Core, Exchanged, Fault, TokenSet, UnverifiedGrant};

use crate::context::Context;
use crate::event::Event;
use crate::failure::Failure;
use crate::session::{self, Session};

/// A token that is used shortly before it expires may be refused on arrival.
const MARGIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// An access token that is good for a while.
    Good,
    /// A new one.
    New,
}

/// The session with tokens as they are needed. New ones are in the store before anyone gets them.
pub(crate) fn good(context: &mut Context, need: Need) -> Result<Session, Failure> {
    let session = session::choose(&context.store, context.options.session.as_deref())?;
    if need == Need::Good && is_good(context, &session.tokens) {
        return Ok(session);
    }
    let _lock = context.store.lock()?;
    let session = session::reload(&context.store, &session)?;
    // Another process may have refreshed it meanwhile.
    if need == Need::Good && is_good(context, &session.tokens) {
        return Ok(session);
    }
    let usable = need == Need::Good && !session.tokens.is_expired(context.now(), Duration::ZERO);
    match refresh(context, &session) {
        Ok(session) => {
            // `token --show-tokens` prints nothing but the token for people, who may be a shell.
            let refreshed = Event::Refreshed { session: session.summary(context.now()) };
            if need == Need::New {
                context.out.emit(&refreshed)
            } else {
                context.out.aside(&refreshed)
            }
            Ok(session)
        }
        // It will not be good for long, but it is.
        Err(failure) if usable => {
            if failure.code != Core::TokenNoRefreshToken.as_str() {
                context.out.emit(&Event::warning(&failure));
            }
            Ok(session)
        }
        Err(failure) => {
            if failure.code == Core::TokenInvalidGrant.as_str() {
                context.out.hint("The provider ended this session. Log in again; until you log out, it is kept.");
            }
            Err(failure)
        }
    }
}

fn is_good(context: &Context, tokens: &TokenSet) -> bool {
    let lifetime = tokens.expires_at().map(|expires_at| expires_at.saturating_since(tokens.obtained_at()));
    let margin = lifetime.map_or(MARGIN, |lifetime| MARGIN.min(lifetime / 10));
    !tokens.is_expired(context.now(), margin)
}

fn refresh(context: &mut Context, session: &Session) -> Result<Session, Failure> {
    if session.tokens.refresh_token().is_none() {
        return Err(oidc_proto::Error::from(Core::TokenNoRefreshToken).into());
    }
    let (provider, client) = context.connect(session)?;
    context.out.step("Refresh");
    let draft = context.store.draft()?;
    let exchanged = context.run("refreshing", Refresh::start(&session.tokens, &provider, &client, None)?)?;
    let tokens = match settle(context, exchanged)? {
        Settled::Trusted(tokens) => tokens,
        // The old tokens stay: what the provider still honours of them is not thrown away.
        Settled::Untrusted(failure, _) => return Err(failure),
    };
    let session = session.clone().with_tokens(tokens);
    session.save(draft)?;
    context.out.checked("a new ID token, if one came: signature, iss, sub, aud and azp as before, nonce as before");
    context.out.checked("the new tokens are in the store before anyone uses them");
    Ok(session)
}

/// What came of a code or a refresh token.
#[allow(clippy::large_enum_variant, reason = "taken apart where it is made")]
pub(crate) enum Settled {
    Trusted(TokenSet),
    Untrusted(Failure, UnverifiedGrant),
}

/// Says whether the tokens can be trusted. Keys that could not be fetched are asked for once more.
pub(crate) fn settle(context: &mut Context, exchanged: Exchanged) -> Result<Settled, Failure> {
    let exchanged = match exchanged {
        Exchanged::Unverified { error, grant } if error.fault() == Fault::Transport => {
            let step = grant.verify(None, &mut context.env);
            context.run("asking for the keys again", step)?
        }
        exchanged => exchanged,
    };
    Ok(match exchanged {
        Exchanged::Verified(granted) => Settled::Trusted(granted.tokens),
        Exchanged::Unverified { error, grant } => Settled::Untrusted(error.into(), grant),
    })
}
