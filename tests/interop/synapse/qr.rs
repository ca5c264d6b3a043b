//! A login by QR code: two devices, each on a thread of its own, at a real homeserver.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use oidc_proto::adapter::HttpOptions;
use oidc_proto::matrix::{AuthMetadataFetch, DeviceId, Homeserver, UserSession, Whoami, login_scope};
use oidc_proto::qr::{
    Account, Allowed, CheckCode, Grant, LoggedIn, Login, Options, QrCode, Role, Scanned, Secrets, Secured, Shown, Stage,
};
use oidc_proto::{Error, ErrorCode, ProviderOptions, Scope};

use crate::support::browser::Browser;
use crate::support::synapse::Synapse;
use crate::synapse::world::*;

/// A device, and what a human carries between it and the other one: a code, and two digits.
struct Device {
    world: World,
    code: (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    digits: (Sender<String>, Receiver<String>),
}

fn options() -> Options {
    let (interval, linger) = (Duration::from_millis(100), Duration::from_millis(500));
    Options::new().with_schemes(LOOPBACK).with_interval(interval).with_linger(linger)
}

/// Two devices that a human walks between.
fn pair(synapse: &Synapse) -> (Device, Device) {
    let (code, back, digits, digits_back) = (channel(), channel(), channel(), channel());
    let device = |code, digits| Device { world: World::at(synapse), code, digits };
    let one = device((code.0, back.1), (digits.0, digits_back.1));
    (one, device((back.0, code.1), (digits_back.0, digits.1)))
}

fn secrets() -> Secrets {
    let json = r#"{"cross_signing":{"master_key":"m","self_signing_key":"s","user_signing_key":"u"}}"#;
    Secrets::from_json(json).unwrap()
}

impl Device {
    fn show<R: Role>(&mut self, shown: Stage<Shown<R>>) -> Secured<R> {
        let shown = self.world.run(shown).unwrap();
        self.code.0.send(shown.code().to_bytes()).unwrap();
        let stage = shown.wait(&mut self.world.env);
        let awaiting = self.world.run(stage).unwrap();
        let digits = CheckCode::parse(&self.digits.1.recv().unwrap()).unwrap();
        let stage = awaiting.confirm(&digits, &mut self.world.env);
        self.world.run(stage).unwrap()
    }

    fn scanned_code(&self) -> QrCode {
        QrCode::from_bytes(&self.code.1.recv().unwrap(), LOOPBACK).unwrap()
    }

    fn scan<R: Role>(&mut self, scanned: Stage<Scanned<R>>) -> Secured<R> {
        let scanned = self.world.run(scanned).unwrap();
        self.digits.0.send(scanned.check_code().digits()).unwrap();
        scanned.go_on()
    }

    fn log_in(mut self, shows: bool, device_id: &DeviceId) -> Result<(String, Secrets), Error> {
        let secured = if shows {
            let base = Homeserver::new(&self.world.base, LOOPBACK).unwrap();
            let stage = Login::show(&base, options(), &mut self.world.env);
            self.show(stage)
        } else {
            let stage = Login::scan(&self.scanned_code(), options(), &mut self.world.env);
            self.scan(stage)
        };
        let world = &mut self.world;
        let stage = secured.begin(&mut world.env);
        let at = world.run(stage).unwrap();

        // What goes between two stages.
        let homeserver = Homeserver::new(at.homeserver().as_str(), LOOPBACK).unwrap();
        let step = AuthMetadataFetch::start(homeserver, ProviderOptions::new().with_schemes(LOOPBACK));
        let server = world.run(step).unwrap().supported().unwrap();
        let party = world.party_at(&server);
        let scope = login_scope(server.scope_form(), device_id, &Scope::default()).unwrap();
        let step = party.relying_party().authorize_device(scope, &mut world.env);
        let pending = world.run(step).unwrap();

        let stage = at.ask(pending, device_id.as_str(), &mut world.env);
        let accepted = world.run(stage)?;
        let stage = accepted.poll(party.relying_party(), &mut world.env);
        let LoggedIn { exchanged, rest, .. } = world.run(stage)?;
        let tokens = exchanged.verified().unwrap().tokens;
        let step = Whoami::start(&tokens, &party, &mut world.env);
        let identity = world.run(step).unwrap();
        assert_eq!(identity.device_id.as_ref(), Some(device_id));
        let stage = rest.succeed(&mut world.env);
        Ok((identity.user_id.to_string(), world.run(stage)?))
    }

    /// The user then says yes or no at the provider.
    fn let_in(mut self, shows: bool, session: &UserSession, yes: bool) -> Result<(), Error> {
        let party = self.world.party_of(session);
        let account = Account::new(&party, session.tokens()).with_user(session.user_id().clone());
        let secured = if shows {
            let stage = Grant::show(&account, options(), &mut self.world.env);
            self.show(stage)
        } else {
            let stage = Grant::scan(&self.scanned_code(), options(), &mut self.world.env);
            self.scan(stage)
        };
        let world = &mut self.world;
        let stage = secured.begin(&account, &mut world.env);
        let asked = world.run(stage)?;
        let page = asked.login().page().to_owned();
        let name = session.user_id().as_str().trim_start_matches('@').split(':').next().unwrap().to_owned();
        let user = thread::spawn(move || Browser::new(HttpOptions::new()).confirm_device(&page, &name, yes));
        let stage = asked.allow(&mut world.env);
        let succeeded = world.run(stage);
        user.join().unwrap();
        match succeeded? {
            Allowed::Succeeded(succeeded) => {
                let stage = succeeded.share(secrets(), &account, &mut world.env);
                world.run(stage)
            }
            Allowed::Unreachable(unreachable) => {
                let stage = unreachable.find(&account, &mut world.env);
                world.run(stage)
            }
        }
    }
}

/// Both devices, until both have ended.
fn meet(
    synapse: &Synapse,
    new_device_shows: bool,
    session: &UserSession,
    device_id: &DeviceId,
    yes: bool,
) -> (Result<(String, Secrets), Error>, Result<(), Error>) {
    let (new, existing) = pair(synapse);
    thread::scope(|scope| {
        let new = scope.spawn(|| new.log_in(new_device_shows, device_id));
        let existing = existing.let_in(!new_device_shows, session, yes);
        (new.join().unwrap(), existing)
    })
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn a_new_device_is_let_in_by_an_existing_one_whichever_shows_the_code() {
    let synapse = shared();
    let session = World::at(synapse).logged_in("scanner").session;
    for new_device_shows in [true, false] {
        let device_id = DeviceId::new(&format!("SCANNED-{new_device_shows}")).unwrap();
        let (new, existing) = meet(synapse, new_device_shows, &session, &device_id, true);
        existing.unwrap();
        let (user_id, received) = new.unwrap();
        assert_eq!(user_id, "@scanner:hs.test");
        assert_eq!(received.to_json().expose(), secrets().to_json().expose());
    }
}

#[test]
#[ignore = "needs Synapse and Node.js"]
fn a_device_that_exists_or_that_the_user_refuses_is_not_let_in() {
    let synapse = shared();
    let session = World::at(synapse).logged_in("refuser").session;
    let (new, existing) = meet(synapse, true, &session, session.device_id(), true);
    assert_eq!((code(new), code(existing)), (ErrorCode::QR_PEER_DEVICE_EXISTS, ErrorCode::QR_DEVICE_EXISTS));

    let device_id = DeviceId::new("UNWANTED-1").unwrap();
    let (new, existing) = meet(synapse, false, &session, &device_id, false);
    assert_eq!((code(new), code(existing)), (ErrorCode::DEVICE_ACCESS_DENIED, ErrorCode::QR_PEER_DECLINED));
}
