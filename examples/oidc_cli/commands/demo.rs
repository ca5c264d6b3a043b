//! `demo`: a whole session against the embedded provider, through real HTTP, told step by step.

mod qr;

use std::time::Duration;

use super::matrix::ask_whoami;
use super::{account, login, logout, refresh, relogin, token, userinfo, whoami};
use crate::args::{
    AccountArgs, BrowserArgs, DemoArgs, Global, LoginArgs, LogoutArgs, MeetingArgs, PlaceArgs, ReloginArgs, ServeArgs,
};
use crate::context::Context;
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::server::Server;
use crate::session::{self, Session};

/// Nobody has to be waited for.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn demo(options: Global, args: &DemoArgs, out: Output) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Code::StoreIo.because(error))?;
    out.step("Provider");
    let server = Server::bind(&ServeArgs { access_token_lifetime: Duration::from_secs(300), ..ServeArgs::default() })?;
    let issuer = server.issuer();
    server.announce(out);
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
    let store = Some(folder.path().join("store"));
    let options = Global { store, session: None, insecure_loopback: true, deadline, ..options };
    let its = if args.qr { out.of_device("existing device") } else { out };
    let mut context = Context::new(options, its)?;
    let browser = BrowserArgs { scripted: true, ..BrowserArgs::default() };
    let meeting = MeetingArgs { browser: browser.clone(), ..MeetingArgs::default() };
    if args.qr {
        qr::two_devices(&mut context, folder.path(), &issuer, meeting)?;
    } else if args.matrix {
        at_homeserver(&mut context, &issuer, meeting)?;
    } else {
        at_provider(&mut context, &issuer, meeting)?;
    }

    let session = session::choose(&context)?;
    logout(&mut context, &LogoutArgs { end_session: true, browser, ..LogoutArgs::default() })?;
    out.step("Afterwards");
    let again =
        if args.matrix || args.qr { ask_whoami(&mut context, &session) } else { ask_again(&mut context, &session) };
    match again {
        Err(failure) if failure.fault == "denied" => out.checked("the access token is not taken any more"),
        Err(failure) => return Err(failure),
        Ok(()) => return Err(Code::Setup.because("a revoked access token is still good")),
    }
    folder.close().map_err(|error| Code::StoreIo.because(error))?;
    out.checked("nothing is left behind");
    Ok(())
}

fn at_provider(context: &mut Context, issuer: &str, meeting: MeetingArgs) -> Result<(), Failure> {
    let mut args = LoginArgs { meeting, ..LoginArgs::at(PlaceArgs::issuer(issuer)) };
    args.beginning.grant.scope = Some(oidc_proto::Scope::new("openid profile email offline_access")?);
    login(context, &args)?;
    context.out.step("Access token");
    token(context)?;
    refresh(context)?;
    userinfo(context)
}

/// By the name of its server, as users know it.
fn at_homeserver(context: &mut Context, base_url: &str, meeting: MeetingArgs) -> Result<(), Failure> {
    let name = base_url.trim_start_matches("http://");
    login(context, &LoginArgs { meeting: meeting.clone(), ..LoginArgs::at(PlaceArgs::homeserver(name)) })?;
    context.out.step("Access token");
    token(context)?;
    whoami(context)?;
    refresh(context)?;
    account(context, &AccountArgs::default())?;
    context.out.step("The same user once more, with the same device");
    relogin(context, &ReloginArgs { meeting, ..ReloginArgs::default() })?;
    whoami(context)
}

/// Userinfo, with the tokens as they were.
fn ask_again(context: &mut Context, session: &Session) -> Result<(), Failure> {
    let step = context.connect(session)?.userinfo(&session.tokens, &mut context.env)?;
    context.run("asking once more", step).map(drop)
}
