//! The login whose place in the store a new one takes. It is revoked once the new one is saved: otherwise nobody could end
//! it, and two grants of one Matrix device keep the device alive.

use oidc_proto::{ErrorCode, RelyingParty};

use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::{self, Session};
use crate::store::Draft;

/// A login that was replaced. Its tokens are the newest that were stored.
pub(super) struct Replaced(Option<Session>);

/// Saves the session of a new login. If it cannot be kept, its tokens are revoked: nobody else has them.
pub(super) fn save(
    context: &mut Context,
    party: &RelyingParty,
    session: &Session,
    draft: Result<Draft, Failure>,
) -> Result<Replaced, Failure> {
    let failure = match draft.and_then(|draft| keep(context, session, draft)) {
        Ok(replaced) => return Ok(replaced),
        Err(failure) => failure,
    };
    let step = match party.revoke(&session.tokens, &mut context.env) {
        Err(error) if error.code() == ErrorCode::REVOCATION_UNSUPPORTED => return Err(failure),
        step => step.map_err(Failure::from),
    };
    match step.and_then(|step| context.run("revoking tokens that cannot be kept", step)) {
        Ok(()) => context.out.checked("the tokens that cannot be kept are revoked"),
        Err(failure) => context.out.emit(&Event::warning(&failure)),
    }
    Err(failure)
}

fn keep(context: &mut Context, session: &Session, draft: Draft) -> Result<Replaced, Failure> {
    let _lock = context.store.lock()?;
    // One that is damaged cannot be revoked.
    let known = session::reload(&context.store, session).ok();
    let tokens = session.save(draft, &mut context.env)?;
    Ok(Replaced(known.zip(tokens).map(|(known, tokens)| known.with_tokens(tokens))))
}

const REFUSED: &str = "The replaced login could not be revoked, because the provider refused its client: it may still be valid. End it on the provider's account page.";

impl Replaced {
    /// Has the provider end it, with the client and the key that it was made with. The new session stays as it is
    /// whatever comes of this.
    pub(super) fn revoke(self, context: &mut Context, session: &Session) {
        let Some(replaced) = self.0 else { return };
        // A provider that gives the same refresh token again has one grant for both.
        let token = |session: &Session| session.tokens.refresh_token().map(|token| token.expose().to_owned());
        if token(&replaced).is_some() && token(&replaced) == token(session) {
            return;
        }
        match revoke(context, &replaced) {
            Ok(()) => context.out.checked("the login that was replaced is revoked"),
            Err(failure) => {
                let hint = if failure.is(ErrorCode::TOKEN_INVALID_CLIENT) {
                    REFUSED.to_owned()
                } else {
                    format!("The login that was replaced may still be valid. {}", failure.hint)
                };
                context.out.emit(&Event::warning(&failure.with_hint(hint)));
            }
        }
    }
}

fn revoke(context: &mut Context, replaced: &Session) -> Result<(), Failure> {
    // The client of before may be forgotten: then it is another provider's, or nobody's.
    let party = match context.connect(replaced) {
        Err(failure) if failure.code == Code::ClientUnknown.name() => return Ok(()),
        party => party?,
    };
    let step = match party.revoke(&replaced.tokens, &mut context.env) {
        // It lives until it expires.
        Err(error) if error.code() == ErrorCode::REVOCATION_UNSUPPORTED => return Ok(()),
        step => step?,
    };
    context.run("revoking the login that was replaced", step)
}
