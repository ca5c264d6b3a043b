//! `watch`: a session that is kept fresh for as long as the program runs.

use std::time::Duration;

use oidc_proto::adapter::session::NoToken;
use oidc_proto::session::{End, Event as Seen};

use crate::args::WatchArgs;
use crate::context::Context;
use crate::event::Event;
use crate::failure::Failure;
use crate::session;
use crate::tokens::{live, why};

/// How often what happened is printed.
const INTERVAL: Duration = Duration::from_millis(250);

pub(crate) fn watch(context: &mut Context, args: &WatchArgs) -> Result<(), Failure> {
    let session = session::choose(&context.store, context.options.session.as_deref())?;
    let (provider, client) = context.connect(&session)?;
    let live = live(context, &session, provider, client, session.record(&context.store))?;
    let mut events = live.subscribe();
    let mut left = args.count.unwrap_or(u32::MAX);
    while left > 0 {
        live.tend(INTERVAL);
        while let Some(seen) = events.wait(Duration::ZERO).filter(|_| left > 0) {
            left -= 1;
            let (kind, code, pause) = describe(&seen);
            let (code, seconds) = (code.map(oidc_proto::ErrorCode::as_str), pause.map(|pause| pause.as_secs()));
            context.out.emit(&Event::Seen { session: session.id(), kind, code, seconds });
            if let Some(end) = end(&seen) {
                return Err(oidc_proto::Error::from(why(NoToken::Ended(end), &[seen])).into());
            }
        }
    }
    Ok(())
}

fn describe(seen: &Seen) -> (&'static str, Option<oidc_proto::ErrorCode>, Option<Duration>) {
    match *seen {
        Seen::TokensRefreshed => ("tokens_refreshed", None, None),
        Seen::NeedsLogin => ("needs_login", None, None),
        Seen::Ended => ("ended", None, None),
        Seen::ClientRejected(code) => ("client_rejected", Some(code), None),
        Seen::Refused(code) => ("refused", Some(code), None),
        Seen::NotSaved => ("not_saved", None, None),
        Seen::Stalled(code) => ("stalled", Some(code), None),
        Seen::BackingOff(pause) => ("backing_off", None, Some(pause)),
        _ => ("other", None, None),
    }
}

fn end(seen: &Seen) -> Option<End> {
    match seen {
        Seen::NeedsLogin => Some(End::NeedsLogin),
        Seen::Ended => Some(End::LoggedOut),
        Seen::ClientRejected(_) => Some(End::ClientRejected),
        Seen::Refused(_) => Some(End::Refused),
        _ => None,
    }
}
