//! `demo`: a whole session against the embedded provider, through real HTTP, told step by step.

use std::time::Duration;

use oidc_proto::flow::UserinfoFetch;

use super::{login, logout, refresh, token, userinfo};
use crate::args::{BrowserArgs, Global, LoginArgs, LogoutArgs, ServeArgs};
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::server::Server;
use crate::session;

/// Nobody has to be waited for.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn demo(options: Global, out: Output) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Code::StoreIo.because(error))?;
    out.step("Provider");
    let server = Server::bind(&ServeArgs { port: 0, access_token_lifetime: Duration::from_secs(300) })?;
    let issuer = server.issuer();
    out.emit(&Event::Serving { issuer: &issuer });
    let base = issuer.clone();
    std::thread::spawn(move || {
        // Our own requests tell of themselves; these are the browser's.
        server.run(move |method, path, status| {
            if matches!(path, "/authorize" | "/end_session") {
                let url = format!("{base}{path}");
                out.narrate(&Event::Exchange { method, url: &url, status: Some(status) });
            }
        })
    });

    let deadline = options.deadline.min(DEADLINE);
    let store = Some(folder.path().to_owned());
    let options = Global { store, session: None, insecure_loopback: true, deadline, ..options };
    let mut context = Context::new(options, out)?;
    let browser = BrowserArgs { scripted: true, ..BrowserArgs::default() };
    let mut args = LoginArgs { browser: browser.clone(), ..LoginArgs::at(&issuer)? };
    args.grant.scope = oidc_proto::Scope::new("openid profile email offline_access")?;
    login(&mut context, &args)?;
    out.step("Access token");
    token(&mut context)?;
    refresh(&mut context)?;
    userinfo(&mut context)?;

    let session = session::choose(&context.store, None)?;
    let (provider, client) = context.connect(&session)?;
    logout(&mut context, &LogoutArgs { end_session: true, browser })?;
    out.step("Afterwards");
    let step = UserinfoFetch::start(&session.tokens, &provider, &client, &mut context.env)?;
    match context.run("asking once more", step) {
        Err(failure) if failure.fault == "denied" => {
            out.checked("the provider does not take the access token any more")
        }
        Err(failure) => return Err(failure),
        Ok(_) => return Err(Code::Setup.because("a revoked access token is still good")),
    }
    folder.close().map_err(|error| Code::StoreIo.because(error))?;
    out.checked("nothing is left behind");
    Ok(())
}
