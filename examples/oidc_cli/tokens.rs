//! Keeps a session's tokens good.

use std::time::Duration;

use oidc_proto::adapter::SystemEnv;
use oidc_proto::adapter::session::{BlockingSession, NoToken};
use oidc_proto::adapter::store::FileStore;
use oidc_proto::session::{Event as SessionEvent, Persistence, SessionOptions, Standing};
use oidc_proto::{
    Env as _, ErrorCode as Core, Family, Fault, Recovery, RelyingParty, TokenOutcome, TokenSet, UnverifiedTokens,
};

use crate::asked;
use crate::beside;
use crate::context::{Context, Narrated};
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
    /// A new one, since the old one was refused.
    Refused,
}

/// A refresh that brought no tokens.
struct Vain {
    failure: Failure,
    /// What is known of the access token that there was before.
    standing: Standing,
}

/// The session with tokens as they are needed. New ones are in the store before anyone gets them, and processes that
/// need some at the same time get the same.
pub(crate) fn good(context: &mut Context, need: Need) -> Result<Session, Failure> {
    let mut session = session::choose(context)?;
    if need == Need::Good && !session.is_doubtful && is_good(context, &session.tokens) {
        return Ok(session);
    }
    let refreshed = refresh(context, &session);
    if let Err(failure) = session.keep_nonces(&context.store) {
        context.out.emit(&Event::warning(&failure));
    }
    let Vain { failure, standing } = match refreshed {
        Ok(session) => {
            // `token --show-tokens` prints nothing but the token for people, who may be a shell.
            let refreshed = Event::Refreshed { session: session.summary(context.now()) };
            if need != Need::Good {
                context.out.emit(&refreshed)
            } else {
                context.out.aside(&refreshed)
            }
            return Ok(session);
        }
        Err(vain) => vain,
    };
    // The record may have been saved since, with a count of refusals.
    if is_verdict(&failure)
        && let Ok(now) = session::reload(&context.store, &session)
    {
        beside::note_verdict(&context.store, now.id(), now.generation(), failure.code)?;
    }
    let failure = session.explain(failure);
    let is_doubtful = standing == Standing::Doubtful;
    let is_kept = is_doubtful || standing == Standing::Good;
    if need == Need::Good && is_kept {
        // It will not be good for long, or nobody knows: whoever uses it is told.
        if is_doubtful || !failure.is(Core::TOKEN_NO_REFRESH_TOKEN) {
            context.out.emit(&Event::warning(&failure));
        }
        session.is_doubtful = is_doubtful;
        return Ok(session);
    }
    if is_kept && need == Need::New {
        let expires_in = session::expires_in(&session.tokens, context.now());
        context.out.aside(&Event::Kept { session: session.id(), doubtful: is_doubtful, expires_in });
    }
    Err(failure)
}

/// Whether the provider wants the user to log in again: it says so, or has refused too often without a reason.
fn is_verdict(failure: &Failure) -> bool {
    let recovery = failure.error.as_ref().map(oidc_proto::Error::recovery);
    failure.is(Core::TOKEN_INVALID_GRANT)
        || failure.is(Core::TOKEN_INTERACTION_REQUIRED)
        || failure.is(Core::HTTP_STATUS) && recovery == Some(Recovery::LogInAgain)
}

fn is_good(context: &Context, tokens: &TokenSet) -> bool {
    let lifetime = tokens.expires_at().map(|expires_at| expires_at.saturating_since(tokens.obtained_at()));
    let margin = lifetime.map_or(MARGIN, |lifetime| MARGIN.min(lifetime / 10));
    !tokens.is_expired(context.now(), margin)
}

/// New tokens for the session, in the store, whatever is left of the old ones.
pub(crate) fn refreshed(context: &mut Context, session: &Session) -> Result<Session, Failure> {
    refresh(context, session).map_err(|vain| vain.failure)
}

fn refresh(context: &mut Context, session: &Session) -> Result<Session, Vain> {
    let before = session.standing(context.now());
    let unasked = |failure| Vain { failure, standing: before };
    if session.tokens.refresh_token().is_none() {
        return Err(unasked(oidc_proto::Error::from(Core::TOKEN_NO_REFRESH_TOKEN).into()));
    }
    let party = context.connect(session).map_err(unasked)?;
    context.out.step("Refresh");
    let (record, patience) = (session.record(&context.store), context.options.deadline);
    let live = live(context, session, party, record).map_err(unasked)?;
    asked::note(&context.store, session.id(), session.generation()).map_err(unasked)?;
    let mut outcome = live.refresh(patience);
    let can_try_again =
        matches!(&outcome, Err(NoToken::Failed(error)) if matches!(error.recovery(), Recovery::Retry { .. }));
    if can_try_again && has_come(session, &live) {
        // Tokens came, and the keys to verify them did not: the tokens are verified once more.
        outcome = live.refresh(patience);
    }
    if outcome.is_err() && has_come(session, &live) && !is_saved(context, &live) {
        let error = oidc_proto::Error::from(Core::SESSION_STORE);
        return Err(unasked(session.store_failure(&context.store, &error)));
    }
    if let Err(no_token) = outcome {
        let standing = match live.standing() {
            // Only new tokens take an older doubt away.
            Standing::Good => before,
            standing => standing,
        };
        let failure = match why(&no_token) {
            error if matches!(error.family(), Family::Store | Family::Stored) => {
                session.store_failure(&context.store, &error)
            }
            error => error.into(),
        };
        // The record may have been saved since, with a count of refusals: what is noted of it stays true.
        if standing == Standing::Doubtful
            && let Ok(now) = session::reload(&context.store, session)
            && now.generation() > session.generation()
        {
            asked::note(&context.store, now.id(), now.generation()).map_err(unasked)?;
        }
        if standing == Standing::Good {
            asked::erase(&context.store, session.id(), session.generation())
                .map_err(|failure| Vain { failure, standing })?;
        }
        return Err(Vain { failure, standing });
    }
    // Here are new tokens; what goes wrong from now on is not about them.
    let saved = |failure| Vain { failure, standing: Standing::Expired };
    let end = context.env.monotonic().saturating_add(patience);
    let mut events = live.subscribe();
    let mut not_saved = oidc_proto::Error::from(Core::SESSION_STORE);
    while !live.is_idle() && context.env.monotonic() < end {
        live.tend(SAVING);
        while let Some(event) = events.wait(Duration::ZERO) {
            if let SessionEvent::NotSaved(error) = event {
                not_saved = error;
            }
        }
    }
    if !live.is_idle() {
        return Err(saved(session.store_failure(&context.store, &not_saved)));
    }
    context.out.checked("a new ID token, if one came: signature, iss, sub, aud and azp as before, nonce as before");
    context.out.checked("the new tokens are in the store before anyone uses them");
    asked::erase(&context.store, session.id(), session.generation()).map_err(saved)?;
    session::reload(&context.store, session).map_err(saved)
}

/// Whether another refresh token came. If the rest cannot be verified now, by this clock or with these keys, the next command
/// begins with it.
fn has_come(session: &Session, live: &Live<'_>) -> bool {
    let tokens = live.tokens();
    let (own, newest) = (session.tokens.refresh_token(), tokens.refresh_token());
    own.zip(newest).is_some_and(|(own, newest)| !own.matches(newest.expose()))
}

/// Waits until everything is saved. Returns whether it is.
fn is_saved(context: &Context, live: &Live<'_>) -> bool {
    let end = context.env.monotonic().saturating_add(context.options.timeout);
    while !live.is_idle() && context.env.monotonic() < end {
        live.tend(SAVING);
    }
    live.is_idle()
}

/// How long to try at a time to save what could not be saved.
const SAVING: Duration = Duration::from_millis(200);

/// A session that this process keeps.
pub(crate) type Live<'a> = BlockingSession<&'a Narrated, FileStore, SystemEnv>;

/// The session as the library keeps it good, for this process and the others that use the same store.
pub(crate) fn live<'a>(
    context: &'a Context,
    session: &Session,
    party: RelyingParty,
    record: FileStore,
) -> Result<Live<'a>, Failure> {
    let mut env = SystemEnv::new()?;
    let options = SessionOptions::default().with_persistence(Persistence::Shared);
    let (tokens, stored) = (session.tokens.clone(), session.stored);
    let session = oidc_proto::session::Session::new(tokens, stored, party, options, &mut env)?;
    BlockingSession::new(session, context.http()?, record, env).map_err(|misfit| misfit.error.into())
}

/// What is behind it that there is no token.
fn why(no_token: &NoToken) -> oidc_proto::Error {
    let otherwise = match no_token {
        NoToken::Late(_) => Core::TRANSPORT_TIMEOUT,
        _ => Core::SESSION_ENDED,
    };
    no_token.error().cloned().unwrap_or_else(|| otherwise.into())
}

/// What came of a code or a refresh token.
#[allow(clippy::large_enum_variant, reason = "taken apart where it is made")]
pub(crate) enum Settled {
    Trusted(TokenSet),
    Untrusted(Failure, UnverifiedTokens),
}

/// Says whether the tokens can be trusted. Keys that could not be fetched are asked for once more.
pub(crate) fn settle(context: &mut Context, exchanged: TokenOutcome) -> Result<Settled, Failure> {
    let exchanged = match exchanged {
        TokenOutcome::Unverified { error, tokens } if error.fault() == Fault::Transport => {
            let step = tokens.verify(&mut context.env);
            context.run("asking for the keys again", step)?
        }
        exchanged => exchanged,
    };
    Ok(match exchanged {
        TokenOutcome::Verified(granted) => Settled::Trusted(granted.tokens),
        TokenOutcome::Unverified { error, tokens } => Settled::Untrusted(error.into(), tokens),
    })
}
