//! What a login gets, compared with what it asked for: said before the browser opens where it is known then, and
//! otherwise when the tokens are there.

use oidc_proto::{Error, ErrorCode as Core, Provider};
use serde::Deserialize;

use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::{Session, Wish};

/// What the metadata say of scopes.
#[derive(Deserialize)]
struct Scopes {
    scopes_supported: Vec<String>,
}

/// What is known before anyone is asked.
pub(super) fn expect(context: &Context, provider: &Provider, wish: &Wish) {
    let known = provider.metadata().fields.as_ref().and_then(|fields| fields.read::<Scopes>().ok());
    let Some(Scopes { scopes_supported }) = known else { return };
    let unknown: Vec<_> = wish.scope.iter().filter(|word| !scopes_supported.iter().any(|own| own == word)).collect();
    if !unknown.is_empty() {
        context.out.emit(&Event::warning(&Code::ScopeUnsupported.because(unknown.join(" "))));
    }
}

/// What is not as it was asked for.
pub(super) fn compare(context: &Context, session: &Session) {
    let (wish, granted) = (session.wish(), session.tokens.scope());
    // Some providers do not name it in the response. Whether it was granted is seen by the refresh token.
    let lacks = |word: &&str| !granted.contains(word) && *word != "offline_access";
    let missing: Vec<_> = wish.scope.iter().filter(lacks).collect();
    if !missing.is_empty() {
        let what = format!("{} is missing, the scope is \"{granted}\"", missing.join(" "));
        context.out.emit(&Event::warning(&Code::ScopeNarrowed.because(what)));
    }
    if let Some(hint) = session.without_refresh() {
        let failure = Failure::from(Error::from(Core::TOKEN_NO_REFRESH_TOKEN)).with_hint(hint);
        context.out.emit(&Event::warning(&failure));
    }
}
