//! `watch`: a session that is kept fresh for as long as the program runs.

use std::time::Duration;

use oidc_proto::ErrorCode as Core;
use oidc_proto::adapter::{BlockingDriver, SystemEnv};
use oidc_proto::session::{Event as Seen, Standing};

use crate::args::WatchArgs;
use crate::asked;
use crate::context::Context;
use crate::event::{Event, Problem};
use crate::failure::Failure;
use crate::session;
use crate::tokens::live;

/// How often what happened is printed.
const INTERVAL: Duration = Duration::from_millis(250);

pub(crate) fn watch(context: &mut Context, args: &WatchArgs) -> Result<(), Failure> {
    let session = session::choose(context)?;
    let party = context.connect(&session)?;
    let live = live(context, &session, party, session.record(&context.store))?;
    let mut events = live.subscribe();
    if session.is_doubtful {
        // An earlier command got no response; what comes of this is told by the events.
        let _ = live.refresh(Duration::ZERO);
    }
    let mut env = SystemEnv::new()?;
    let mut left = args.count.unwrap_or(u32::MAX);
    while left > 0 {
        live.tend(INTERVAL);
        let mut over = None;
        while let Some(seen) = events.wait(Duration::ZERO).filter(|_| left > 0) {
            left -= 1;
            session.keep_nonces(&context.store)?;
            if live.standing() == Standing::Doubtful
                && let Ok(now) = session::reload(&context.store, &session)
            {
                // For other commands.
                asked::note(&context.store, now.id(), now.generation())?;
            }
            let kind = seen.name();
            let pause = if let Seen::BackingOff { pause, .. } = &seen { Some(*pause) } else { None };
            let failure = seen.error().cloned().map(Failure::from).map(|failure| session.explain(failure));
            let (problem, seconds) = (failure.as_ref().map(Problem::new), pause.map(|pause| pause.as_secs()));
            context.out.emit(&Event::Seen { session: session.id(), kind, problem, seconds });
            match seen {
                Seen::Ended | Seen::LoggedOutElsewhere => {
                    over = Some(oidc_proto::Error::from(Core::SESSION_ENDED).into())
                }
                Seen::NeedsLogin(error)
                | Seen::ClientRejected(error)
                | Seen::Unverified(error)
                | Seen::Replaced(error) => over = Some(session.explain(error.into())),
                _ => {}
            }
        }
        // Also of a session that has ended: nobody else has these tokens.
        while let Some(revocation) = live.poll_revocation() {
            let driver = BlockingDriver::new(context.http()?);
            let revoked = revocation.and_then(|step| driver.run(step, &mut env)).map_err(Failure::from);
            if let Err(failure) = revoked {
                context.out.emit(&Event::warning(&session.explain_revocation(failure)));
            }
        }
        if let Some(failure) = over {
            return Err(failure);
        }
    }
    Ok(())
}
