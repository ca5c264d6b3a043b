//! `qr`: a new device and one that is logged in meet by a QR code (MSC4108, MSC4388).

use std::path::Path;
use std::time::Duration;

use oidc_proto::adapter::SystemEnv;
use oidc_proto::matrix::{LoginRequest, Party, PendingDeviceLogin};
use oidc_proto::qr::{
    Account, Allowed, AtHomeserver, CheckCode, Grant, LoggedIn, Login, Options, Progress, Proposal, QrCode as QrData,
    Reason, Role, Scanned, Secrets, Secured, Shown, Stage, Unreachable,
};
use oidc_proto::{Env as _, Error, ErrorCode as Core, MonotonicTime, Schemes};

use super::matrix::{self, conclude};
use super::matrix_beginning::{Beginning, By, Wanted};
use crate::args::{IdTokenChoice, QrGrantArgs, QrLoginArgs, QrMeetingArgs};
use crate::clients::Identity;
use crate::context::Context;
use crate::dialog::{Dialog, Seen, is_no, is_yes};
use crate::event::Event;
use crate::failure::{Code, Failure};
use crate::session::Choices;
use crate::symbol;
use crate::tokens::{self, Need};

/// How often the user may mistype the check code.
const TRIES: usize = 3;

/// This is the new device.
pub(crate) fn login(context: &mut Context, dialog: &mut Dialog, args: &QrLoginArgs) -> Result<(), Failure> {
    let identity = Identity::read(&args.client)?;
    // Nothing is begun whose outcome could not be kept.
    drop(context.store.room()?);
    let options = options(context, &args.meeting, context.options.schemes());
    let rendezvous_at = match &args.homeserver {
        Some(text) if args.meeting.scan.is_none() => Some(matrix::find(context, text)?.homeserver.clone()),
        _ => None,
    };
    let show = |env: &mut SystemEnv| match &rendezvous_at {
        Some(homeserver) => Login::show(homeserver, options, env),
        None => Err(Core::QR_HOMESERVER.into()),
    };
    let secured = meet(context, dialog, &args.meeting, show, |code, env| Login::scan(code, options, env))?;
    progress(context, secured.progress(), secured.expires_at());
    let stage = secured.begin(&mut context.env);
    let at = dialog.carry_out(context, "waiting for the other device", stage)?;
    progress(context, at.progress(), at.expires_at());
    let prepared = match prepare(context, args, &identity, &at) {
        Ok(prepared) => prepared,
        Err(failure) => {
            let stage = at.give_up(reason(&failure), &mut context.env);
            close(context, stage);
            return Err(failure);
        }
    };
    let Prepared { party, choices, pending } = prepared;
    let stage = at.ask(pending.authorization().clone(), pending.device_id().as_str(), &mut context.env);
    let accepted = dialog.carry_out(context, "waiting for the other device", stage)?;
    progress(context, accepted.progress(), accepted.expires_at());
    super::device::show(context, pending.authorization(), true);
    let stage = accepted.poll(party.relying_party(), &mut context.env);
    let LoggedIn { exchanged, rest, .. } = dialog.carry_out(context, "waiting for the user to allow it", stage)?;
    progress(context, rest.progress(), rest.expires_at());
    let finished = pending.complete(exchanged, &party, &mut context.env).map_err(Failure::from);
    let finished = finished.and_then(|step| {
        let outcome = context.run("asking the homeserver", step)?;
        let draft = context.store.room();
        conclude(context, party.relying_party(), outcome, draft, choices)
    });
    let user_id = match finished {
        Ok(user_id) => user_id,
        Err(failure) => {
            let stage = rest.give_up(reason(&failure), &mut context.env);
            close(context, stage);
            return Err(failure);
        }
    };
    // The session is good, whatever comes now.
    let stage = rest.of_user(user_id).succeed(&mut context.env);
    match dialog.carry_out(context, "waiting for the secrets", stage) {
        Ok(secrets) => keep(context, args.secrets.as_deref(), &secrets),
        Err(failure) => {
            context.out.emit(&Event::warning(&failure));
            Ok(())
        }
    }
}

/// What the other device is told of a failure on this side.
fn reason(failure: &Failure) -> Reason {
    let own = || Reason::Custom("internal_error".into());
    failure.error.as_ref().map_or_else(own, Reason::of)
}

/// What a login needs beside the other device.
struct Prepared {
    party: Party,
    choices: Choices,
    pending: PendingDeviceLogin,
}

/// Finds the provider, registers, and asks for a device authorization.
fn prepare(
    context: &mut Context,
    args: &QrLoginArgs,
    identity: &Identity,
    at: &AtHomeserver,
) -> Result<Prepared, Failure> {
    let server = matrix::find_at(context, at.homeserver().address().clone())?;
    let mut request = LoginRequest::new();
    if let Some(device_id) = &args.device_id {
        request = request.with_device_id(device_id.clone());
    }
    let (id_token, client) = (IdTokenChoice::default(), matrix::choice(args.reuse_client));
    let by = By::Device;
    let wanted = Wanted { identity, id_token, client, by, request: &request, keep_replaced: false };
    let beginning = wanted.begin(context, server)?;
    let run = |context: &mut Context, beginning| ask(context, beginning, request.clone());
    wanted.carry_out(context, beginning, run).map_err(|failure| identity.explain(failure))
}

fn ask(context: &mut Context, beginning: Beginning, request: LoginRequest) -> Result<Prepared, Failure> {
    let Beginning { party, choices, .. } = beginning;
    context.out.step("Device authorization");
    let step = request.start_device(&party, &mut context.env)?;
    let pending = context.run("asking for a code", step)?;
    Ok(Prepared { party, choices, pending })
}

/// What the other device handed over goes where the user wants it, or nowhere.
fn keep(context: &Context, path: Option<&Path>, secrets: &Secrets) -> Result<(), Failure> {
    if let Some(path) = path {
        crate::store::write_private(path, secrets.to_json().expose())?;
    }
    context.out.emit(&Event::Secrets { backup: secrets.backup.is_some(), kept: path.is_some() });
    Ok(())
}

/// This is the device that is logged in.
pub(crate) fn grant(context: &mut Context, dialog: &mut Dialog, args: &QrGrantArgs) -> Result<(), Failure> {
    let secrets = args.secrets.as_deref().map(read_secrets).transpose()?;
    let mut account = account(context)?;
    let options = options(context, &args.meeting, context.options.schemes());
    let show = |env: &mut SystemEnv| Grant::show(&account, options, env);
    let secured = meet(context, dialog, &args.meeting, show, |code, env| Grant::scan(code, options, env))?;
    progress(context, secured.progress(), secured.expires_at());
    // Until the other device was there, its token may have become old.
    account = match self::account(context) {
        Ok(account) => account,
        Err(failure) => {
            let stage = secured.cancel(&mut context.env);
            close(context, stage);
            return Err(failure);
        }
    };
    let stage = secured.begin(&account, &mut context.env);
    let asked = dialog.carry_out(context, "waiting for the other device", stage)?;
    progress(context, asked.progress(), asked.expires_at());
    let (device_id, page) = (asked.login().device_id().to_string(), asked.login().page().to_owned());
    context.out.emit(&Event::NewDevice { device_id: &device_id, url: &page });
    let question = "Is the other device yours, and may it log in? yes or no";
    if !args.yes {
        let response = dialog.ask(context, "allow", question);
        let cancelled = || Failure::from(Error::from(Core::QR_CANCELLED));
        let allowed = response.and_then(|response| is_yes(&response).then_some(()).ok_or_else(cancelled));
        if let Err(failure) = allowed {
            let stage = asked.refuse(&mut context.env);
            close(context, stage);
            return Err(failure);
        }
    }
    context.out.checked("the user said yes");
    // As long as it is waited for, it is said if it fails.
    let _opened = args
        .browser
        .open_page(&page, context.options.timeout, context.out)
        .inspect_err(|failure| context.out.emit(&Event::warning(failure)));
    let stage = asked.allow(&mut context.env);
    let allowed = dialog.carry_out(context, "waiting for the new device to be logged in", stage)?;
    let succeeded = match allowed {
        Allowed::Succeeded(succeeded) => succeeded,
        Allowed::Unreachable(unreachable) => return find(context, dialog, unreachable, &device_id),
    };
    progress(context, succeeded.progress(), succeeded.expires_at());
    let mut is_shared = secrets.is_some();
    let account = match self::account(context) {
        Ok(account) => account,
        Err(failure) => {
            let stage = succeeded.refuse(&mut context.env);
            close(context, stage);
            return Err(failure);
        }
    };
    let (doing, stage) = match secrets {
        Some(secrets) => ("handing the secrets over", succeeded.share(secrets, &account, &mut context.env)),
        None => ("asking the homeserver for the new device", succeeded.share_nothing(&account, &mut context.env)),
    };
    match dialog.carry_out(context, doing, stage) {
        // The device is there: only the way to it has ended.
        Err(failure) if failure.code == Core::QR_RENDEZVOUS_EXPIRED.as_str() => {
            context.out.emit(&Event::warning(&failure));
            is_shared = false;
        }
        shared => shared?,
    }
    context.out.emit(&Event::LetIn { device_id: &device_id, secrets: is_shared });
    Ok(())
}

/// The devices cannot talk to each other any more: the homeserver tells what became of the new one.
fn find(context: &mut Context, dialog: &mut Dialog, unreachable: Unreachable, device_id: &str) -> Result<(), Failure> {
    progress(context, unreachable.progress(), None);
    let account = account(context)?;
    let stage = unreachable.find(&account, &mut context.env);
    dialog.carry_out(context, "asking the homeserver for the new device", stage)?;
    context.out.emit(&Event::LetIn { device_id, secrets: false });
    Ok(())
}

/// The session's account, with a token that is good now.
fn account(context: &mut Context) -> Result<Account, Failure> {
    let session = tokens::good(context, Need::Good)?;
    let party = context.connect_home(&session)?;
    context.options.insecure_loopback |= session.schemes() == Schemes::DangerousHttpOnLoopback;
    context.options.insecure_private_network |= session.schemes() == Schemes::DangerousHttpOnPrivateNetwork;
    let account = Account::new(&party, &session.tokens);
    Ok(match session.user_session() {
        Some(known) => account.with_user(known.user_id().clone()),
        None => account,
    })
}

fn read_secrets(path: &Path) -> Result<Secrets, Failure> {
    let failed = |error: &dyn std::fmt::Display| Code::Secrets.because(format_args!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let text = zeroize::Zeroizing::new(text);
    Secrets::from_json(&text).map_err(|error| failed(&error.code()))
}

/// For the other device, or a server, to do what needs no human.
const RESPONSE: Duration = Duration::from_secs(60);

fn options(context: &Context, args: &QrMeetingArgs, schemes: Schemes) -> Options {
    let patience = context.options.deadline;
    let options = Options::new().with_schemes(schemes).with_patience(patience).with_response(RESPONSE.min(patience));
    let options = if args.msc4388 { options.with_proposal(Proposal::Msc4388) } else { options };
    args.interval.map_or(options, |interval| options.with_interval(interval))
}

/// From a code to a secure channel, whichever device shows it.
fn meet<R: Role>(
    context: &mut Context,
    dialog: &mut Dialog,
    args: &QrMeetingArgs,
    show: impl FnOnce(&mut SystemEnv) -> Stage<Shown<R>>,
    scan: impl FnOnce(&QrData, &mut SystemEnv) -> Stage<Scanned<R>>,
) -> Result<Secured<R>, Failure> {
    context.out.step("Meeting the other device");
    if let Some(what) = &args.scan {
        let code = symbol::read(what, context.options.schemes())?;
        let stage = scan(&code, &mut context.env);
        let scanned = dialog.carry_out(context, "answering the code", stage)?;
        context.out.checked("the other end has the key that is in the code");
        progress(context, scanned.progress(), scanned.expires_at());
        let digits = scanned.check_code().digits();
        context.out.emit(&Event::CheckCode { digits: &digits });
        dialog.show(Seen::CheckCode(digits));
        return Ok(scanned.go_on());
    }
    let stage = show(&mut context.env);
    let shown = dialog.carry_out(context, "asking for a rendezvous", stage)?;
    progress(context, shown.progress(), shown.expires_at());
    if let Err(failure) = present(context, dialog, args, shown.code()) {
        let stage = shown.cancel(&mut context.env);
        close(context, stage);
        return Err(failure);
    }
    let stage = shown.wait(&mut context.env);
    let greeted = dialog.carry_out(context, "waiting for the code to be scanned", stage)?;
    progress(context, greeted.progress(), greeted.expires_at());
    match check_code(context, dialog) {
        Ok(typed) => {
            let stage = greeted.confirm(&typed, &mut context.env);
            let secured = dialog.carry_out(context, "comparing the check code", stage)?;
            context.out.checked("the check code: the device that scanned is the one that the user has in hand");
            Ok(secured)
        }
        Err(failure) => {
            let stage = greeted.cancel(&mut context.env);
            close(context, stage);
            Err(failure)
        }
    }
}

/// Shows the code in every way that is wanted.
fn present(context: &Context, dialog: &Dialog, args: &QrMeetingArgs, code: &QrData) -> Result<(), Failure> {
    let (text, symbol) = (code.to_base64(), symbol::draw(code)?);
    if let Some(path) = &args.png {
        symbol::write_png(code, path)?;
    }
    context.out.emit(&Event::QrCode { text: &text, symbol: &symbol });
    dialog.show(Seen::Code(text));
    Ok(())
}

fn check_code(context: &Context, dialog: &mut Dialog) -> Result<CheckCode, Failure> {
    let mut last = Failure::from(Error::from(Core::QR_CANCELLED));
    for _ in 0..TRIES {
        let line = dialog.ask(context, "check_code", "The two digits that the other device shows")?;
        if is_no(&line) {
            return Err(Error::from(Core::QR_CANCELLED).into());
        }
        match CheckCode::parse(&line) {
            Ok(typed) => return Ok(typed),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

/// Tells the other device; that this is done comes before what cannot be done.
fn close(context: &mut Context, stage: Stage<()>) {
    let ended = stage.map_err(Failure::from).and_then(|step| context.run("telling the other device", step));
    if let Err(failure) = ended {
        context.out.emit(&Event::warning(&failure));
    }
}

fn progress(context: &Context, progress: Progress, expires_at: Option<MonotonicTime>) {
    let rendezvous_expires_in = expires_at.map(|at| at.saturating_since(context.env.monotonic()).as_secs());
    context.out.emit(&Event::Progress { progress: progress.name(), rendezvous_expires_in });
}
