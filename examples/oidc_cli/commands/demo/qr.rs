//! `demo --qr`: two devices in one process. What the user would carry from one to the other goes through channels.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::super::{login, logout, qr, whoami};
use crate::args::{
    BrowserArgs, Global, LoginArgs, LogoutArgs, MeetingArgs, PlaceArgs, QrGrantArgs, QrLoginArgs, QrMeetingArgs,
};
use crate::context::Context;
use crate::dialog::{Dialog, Said, Seen};
use crate::failure::{Code, Failure};
use crate::store;

/// Often enough that nobody who watches gets bored.
const INTERVAL: Duration = Duration::from_millis(200);

/// Made up, and of the right form.
const SECRETS: &str =
    r#"{"cross_signing":{"master_key":"bWFzdGVy","self_signing_key":"c2VsZg","user_signing_key":"dXNlcg"}}"#;

/// A device that is logged in lets a new one in.
pub(super) fn two_devices(
    existing: &mut Context,
    folder: &Path,
    base_url: &str,
    meeting: MeetingArgs,
) -> Result<(), Failure> {
    let browser = meeting.browser.clone();
    let options = Global { store: Some(folder.join("new")), ..existing.options.clone() };
    let mut new = Context::new(options, existing.out.of_device("new device"))?;
    login(existing, &LoginArgs { meeting, ..LoginArgs::at(PlaceArgs::homeserver(base_url)) })?;

    let (seen, on_new) = channel();
    let (mut new_user, typed_at_new) = Dialog::scripted(seen);
    let (seen, on_existing) = channel();
    let (mut existing_user, typed_at_existing) = Dialog::scripted(seen);
    let args = QrLoginArgs {
        meeting: QrMeetingArgs::quick(None, INTERVAL),
        homeserver: Some(base_url.to_owned()),
        secrets: Some(folder.join("received.json")),
        ..QrLoginArgs::default()
    };
    let new_device = std::thread::spawn(move || qr::login(&mut new, &mut new_user, &args).map(|()| new));
    let granted = match on_new.recv() {
        Ok(Seen::Code(text)) => {
            std::thread::spawn(move || {
                for seen in on_existing {
                    if let Seen::CheckCode(digits) = seen {
                        let _ = typed_at_new.send(Said::Line(digits));
                    }
                }
            });
            let _ = typed_at_existing.send(Said::Line("yes".to_owned()));
            let secrets = folder.join("secrets.json");
            store::write_private(&secrets, SECRETS)?;
            let meeting = QrMeetingArgs::quick(Some(text), INTERVAL);
            let args = QrGrantArgs { meeting, secrets: Some(secrets), browser: browser.clone(), yes: false };
            qr::grant(existing, &mut existing_user, &args)
        }
        // The new device has ended, and says why.
        _ => Ok(()),
    };
    let mut new = new_device.join().map_err(|_| Code::Setup.because("the new device's thread"))??;
    granted?;
    whoami(&mut new)?;
    whoami(existing)?;
    logout(&mut new, &LogoutArgs { browser: BrowserArgs { no_browser: true, ..browser }, ..LogoutArgs::default() })
}
