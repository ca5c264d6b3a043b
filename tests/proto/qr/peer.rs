//! A device that is no machine of this crate: it has a channel and says whatever a test wants, whenever it has heard
//! something. What it is told in the end is what a deployed client would be told.

use std::collections::VecDeque;
use std::time::Duration;

use http::{Method, Request};
use oidc_proto::matrix::Homeserver;
use oidc_proto::qr::rendezvous::Delivery;
use oidc_proto::qr::{
    Allowed, Channel, CheckCode, Generator, Grant, Initiated, Login, NamedHomeserver, Options, Proposal, QrCode,
    Rendezvous, RendezvousOptions, Scanned, Secured, Shown, Stage, Unconfirmed,
};
use oidc_proto::testing::{self, Clock, TestEnv};
use oidc_proto::{Body, Error, Schemes};

use crate::qr::town::{HS, account, authorization, provider, secrets};
use crate::qr::world::drive;

const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const PROTOCOLS: &str =
    r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"homeserver":"https://hs.example.org"}"#;
pub(crate) const PROTOCOL: &str = r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","device_authorization_grant":{"verification_uri":"https://op.example.org/link"},"device_id":"ABC"}"#;
pub(crate) const ACCEPTED: &str = r#"{"type":"m.login.protocol_accepted"}"#;
pub(crate) const SUCCESS: &str = r#"{"type":"m.login.success"}"#;
pub(crate) const DECLINED: &str = r#"{"type":"m.login.declined"}"#;
pub(crate) const CANCELLED: &str = r#"{"type":"m.login.failure","reason":"user_cancelled"}"#;
pub(crate) const SECRETS: &str =
    r#"{"type":"m.login.secrets","cross_signing":{"master_key":"A","self_signing_key":"B","user_signing_key":"C"}}"#;
pub(crate) const UNEXPECTED: &str = r#"{"type":"m.login.failure","reason":"unexpected_message_received"}"#;
pub(crate) const UNSUPPORTED: &str = r#"{"type":"m.login.failure","reason":"unsupported_protocol"}"#;
pub(crate) const INTERNAL: &str = r#"{"type":"m.login.failure","reason":"internal_error"}"#;

/// How it speaks out of turn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interruption {
    /// By a message of the channel.
    Message(&'static str),
    /// By something that is none.
    Noise(&'static str),
}

/// The other end, from handshake to talk.
enum End {
    Generator(Generator),
    Unconfirmed(Unconfirmed),
    Initiated(Initiated),
    Channel(Channel),
}

pub(crate) struct Peer {
    proposal: Proposal,
    pub(crate) server: testing::Rendezvous,
    op: testing::Provider,
    looks: usize,
    clock: Clock,
    env: TestEnv,
    rendezvous: Option<Rendezvous>,
    end: Option<End>,
    /// The check code that it shows.
    check_code: Option<CheckCode>,
    /// What it says next, each when it has heard something; `None` for silence.
    says: VecDeque<Option<String>>,
    /// What it says although it has heard nothing, when so many of its messages were read.
    interrupts: Option<(usize, Interruption)>,
    reads: usize,
    pub(crate) heard: Vec<String>,
}

impl Peer {
    pub(crate) fn new(proposal: Proposal, says: &[Option<&str>]) -> Self {
        let clock = Clock::new();
        Self {
            proposal,
            server: testing::Rendezvous::new(HS).with_lifetime(MINUTE * 60),
            op: provider(),
            looks: 0,
            env: TestEnv::with_clock(2, clock.clone()),
            clock,
            rendezvous: None,
            end: None,
            check_code: None,
            says: says.iter().map(|said| said.map(str::to_owned)).collect(),
            interrupts: None,
            reads: 0,
            heard: Vec::new(),
        }
    }

    /// It shows a code.
    pub(crate) fn show(&mut self, homeserver: Option<NamedHomeserver>) -> QrCode {
        let base = Homeserver::new(HS, Schemes::HttpsOnly).unwrap();
        let (server, env) = (self.server.clone(), &mut self.env);
        let step = Rendezvous::create(&base, RendezvousOptions::new().with_proposal(self.proposal)).unwrap();
        let made = drive(step, env, &mut |request, now| server.exchange(request, now), &mut Vec::new()).unwrap();
        let generator = Generator::new(made.proposal(), env);
        let code = made.code(*generator.public_key(), homeserver);
        (self.rendezvous, self.end) = (Some(made), Some(End::Generator(generator)));
        code
    }

    /// It scans a code.
    fn scan(&mut self, code: &QrCode) {
        let step = Rendezvous::join(code, RendezvousOptions::new(), MINUTE, &mut self.env);
        let server = self.server.clone();
        let mut http = |request, now| server.exchange(request, now);
        let joined = drive(step, &mut self.env, &mut http, &mut Vec::new()).unwrap();
        let (initiated, first) =
            Initiated::new(code.proposal(), code.public_key(), &joined.binding(), &mut self.env).unwrap();
        (self.rendezvous, self.end) = (Some(joined), Some(End::Initiated(initiated)));
        self.write(&first);
    }

    fn write(&mut self, text: &str) {
        let step = self.rendezvous.take().unwrap().send(text, MINUTE, &mut self.env);
        let server = self.server.clone();
        let mut http = |request, now| server.exchange(request, now);
        match drive(step, &mut self.env, &mut http, &mut Vec::new()).unwrap() {
            Delivery::Delivered(rendezvous) => self.rendezvous = Some(rendezvous),
            other => panic!("{other:?}"),
        }
    }

    /// It reads what was written, and says what comes next.
    fn turn(&mut self) {
        let step = self.rendezvous.take().unwrap().receive(MINUTE, &mut self.env);
        let server = self.server.clone();
        let mut http = |request, now| server.exchange(request, now);
        let received = drive(step, &mut self.env, &mut http, &mut Vec::new()).unwrap();
        let sealing = received.rendezvous.binding();
        self.rendezvous = Some(received.rendezvous);
        let channel = match self.end.take().unwrap() {
            End::Generator(generator) => {
                let (unconfirmed, answer) =
                    generator.receive(&received.text, &received.binding, &sealing, &mut self.env).unwrap();
                self.write(&answer);
                self.end = Some(End::Unconfirmed(unconfirmed));
                return;
            }
            End::Initiated(initiated) => {
                let (channel, check_code) = initiated.receive(&received.text, &received.binding).unwrap();
                self.check_code = Some(check_code);
                channel
            }
            End::Unconfirmed(_) => panic!("spoken to before it is known"),
            End::Channel(channel) => {
                let (channel, json) = channel.open(&received.text, &received.binding).unwrap();
                self.heard.push(json.expose().to_owned());
                channel
            }
        };
        self.end = Some(End::Channel(channel));
        if let Some(Some(json)) = self.says.pop_front() {
            self.say(&json);
        }
    }

    fn say(&mut self, json: &str) {
        let Some(End::Channel(channel)) = self.end.take() else { panic!("no channel") };
        let binding = self.rendezvous.as_ref().unwrap().binding();
        let (channel, text) = channel.seal(json, &binding).unwrap();
        self.end = Some(End::Channel(channel));
        self.write(&text);
    }

    /// The machine has read one of its messages.
    fn was_read(&mut self) {
        self.reads += 1;
        let (reads, how) = match self.interrupts {
            Some(interrupts) => interrupts,
            None => return,
        };
        if reads == self.reads {
            match how {
                Interruption::Message(json) => self.say(json),
                Interruption::Noise(text) => self.write(text),
            }
        }
    }

    fn run<T: std::fmt::Debug + 'static>(&mut self, stage: Stage<T>, own: &mut TestEnv) -> Result<T, Error> {
        let (server, op) = (self.server.clone(), self.op.clone());
        let mut http = |request: Request<Body>, now| {
            let path = request.uri().path().to_owned();
            if path.starts_with("/_matrix/client/v3/devices/") {
                self.looks += 1;
                // It is there when it is looked for the second time.
                let (status, body) = if self.looks == 1 { (404, r#"{"errcode":"M_NOT_FOUND"}"#) } else { (200, "{}") };
                return Ok(http::Response::builder().status(status).body(body.into()).unwrap());
            }
            if request.uri().host() == Some("op.example.org") {
                return op.exchange(request, now);
            }
            let method = request.method().clone();
            let response = server.exchange(request, now)?;
            let is_done = response.status().is_success();
            if method == Method::PUT && is_done {
                self.turn();
            }
            if method == Method::GET && is_done && matches!(self.end, Some(End::Channel(_))) {
                self.was_read();
            }
            Ok(response)
        };
        drive(stage?, own, &mut http, &mut Vec::new())
    }
}

/// Which machine is tested, whether it shows the code, and which proposal that follows.
pub(crate) type Machine = (Role, bool, Proposal);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Role {
    Login,
    Grant,
}

pub(crate) const MACHINES: [Machine; 8] = [
    (Role::Login, true, Proposal::Msc4108),
    (Role::Login, false, Proposal::Msc4108),
    (Role::Grant, true, Proposal::Msc4108),
    (Role::Grant, false, Proposal::Msc4108),
    (Role::Login, true, Proposal::Msc4388),
    (Role::Login, false, Proposal::Msc4388),
    (Role::Grant, true, Proposal::Msc4388),
    (Role::Grant, false, Proposal::Msc4388),
];

/// What a peer says that does all right.
pub(crate) fn right((role, shows, _): Machine) -> Vec<Option<&'static str>> {
    match (role, shows) {
        (Role::Login, true) => vec![Some(PROTOCOLS), Some(ACCEPTED), Some(SECRETS)],
        (Role::Login, false) => vec![Some(ACCEPTED), Some(SECRETS)],
        (Role::Grant, _) => vec![Some(PROTOCOL), Some(SUCCESS), None],
    }
}

/// A machine against a peer that says these things: how it ends, and what the peer has heard.
pub(crate) fn course(machine: Machine, says: &[Option<&str>]) -> (Result<(), Error>, Peer) {
    interrupted(machine, says, None)
}

/// The same with a peer that speaks out of turn.
pub(crate) fn interrupted(
    machine: Machine,
    says: &[Option<&str>],
    interrupts: Option<(usize, Interruption)>,
) -> (Result<(), Error>, Peer) {
    let mut peer = Peer::new(machine.2, says);
    peer.interrupts = interrupts;
    let mut env = TestEnv::with_clock(1, peer.clock.clone());
    let outcome = match machine.0 {
        Role::Login => log_in(machine.1, &mut peer, &mut env),
        Role::Grant => let_in(machine.1, &mut peer, &mut env),
    };
    (outcome, peer)
}

fn shown<R: oidc_proto::qr::Role>(
    stage: Stage<Shown<R>>,
    peer: &mut Peer,
    env: &mut TestEnv,
) -> Result<Secured<R>, Error> {
    let shown = peer.run(stage, env)?;
    peer.scan(shown.code());
    let greeted = peer.run(shown.wait(env), env)?;
    let check_code = peer.check_code.take().unwrap();
    peer.run(greeted.confirm(&check_code, env), env)
}

fn scanned<R: oidc_proto::qr::Role>(
    stage: Stage<Scanned<R>>,
    peer: &mut Peer,
    env: &mut TestEnv,
) -> Result<Secured<R>, Error> {
    let scanned = peer.run(stage, env)?;
    let Some(End::Unconfirmed(unconfirmed)) = peer.end.take() else { panic!("no greeting") };
    peer.end = Some(End::Channel(unconfirmed.confirm(scanned.check_code()).unwrap()));
    Ok(scanned.go_on())
}

fn log_in(shows: bool, peer: &mut Peer, env: &mut TestEnv) -> Result<(), Error> {
    let options = Options::new().with_proposal(peer.proposal);
    let secured = if shows {
        let base = Homeserver::new(HS, Schemes::HttpsOnly).unwrap();
        shown(Login::show(&base, options, env), peer, env)?
    } else {
        let code = peer.show(Some(NamedHomeserver::new(HS, Schemes::HttpsOnly).unwrap()));
        scanned(Login::scan(&code, options, env), peer, env)?
    };
    let at = peer.run(secured.begin(env), env)?;
    let (party, pending) = authorization(&peer.op, env, None);
    let accepted = peer.run(at.ask(pending, "ABC", env), env)?;
    let logged_in = peer.run(accepted.poll(&party, env), env)?;
    peer.run(logged_in.rest.succeed(env), env).map(|_| ())
}

fn let_in(shows: bool, peer: &mut Peer, env: &mut TestEnv) -> Result<(), Error> {
    let options = Options::new().with_proposal(peer.proposal);
    let account = account(&peer.op, HS, None, env);
    let secured = if shows {
        shown(Grant::show(&account, options, env), peer, env)?
    } else {
        let code = peer.show(None);
        scanned(Grant::scan(&code, options, env), peer, env)?
    };
    let asked = peer.run(secured.begin(&account, env), env)?;
    match peer.run(asked.allow(env), env)? {
        Allowed::Succeeded(succeeded) => peer.run(succeeded.share(secrets(), &account, env), env),
        Allowed::Unreachable(unreachable) => peer.run(unreachable.find(&account, env), env),
    }
}
