//! A new device and one that is logged in, each a process of its own, at the embedded homeserver.

use std::time::Duration;

use oidc_proto::Schemes;
use oidc_proto::qr::{CodeUrl, NamedHomeserver, Proposal, QrCode as QrData};
use oidc_proto::testing::{Decision, Meet, OnMatrix, Trick, User};
use serde_json::Value;

use crate::support::cli::{Cli, Op, Running, browser};

const SECRETS: &str = r#"{"cross_signing":{"master_key":"bWFzdGVy","self_signing_key":"c2VsZg","user_signing_key":"dXNlcg"},"backup":{"algorithm":"m.megolm","key":"a2V5","backup_version":"1"}}"#;

/// A homeserver, a device that is logged in there, and one that is not.
pub(crate) struct Two {
    pub(crate) op: Op,
    pub(crate) existing: Cli,
    pub(crate) new: Cli,
}

impl Two {
    pub(crate) fn new() -> Self {
        Self::with_polls(1)
    }

    /// The user decides at the provider at this poll.
    fn with_polls(polls: usize) -> Self {
        let interval = Some(Duration::from_secs(1));
        Self::of(Op::with(|provider| provider.with_device_interval(interval).with_device_polls(polls)), &[])
    }

    fn of(op: Op, arguments: &[&str]) -> Self {
        let existing = Cli::new();
        let login = ["login", "--insecure-loopback", "--deadline", "60", "--homeserver", &op.issuer];
        existing.run(&[&login[..], &["--browser", &browser()], arguments].concat()).done();
        Self { op, existing, new: Cli::new() }
    }

    fn login(&self, arguments: &[&str]) -> Running {
        self.new.start(&[&["qr", "login", "--insecure-loopback", "--deadline", "60"], arguments].concat())
    }

    pub(crate) fn login_shows(&self, arguments: &[&str]) -> (Running, String) {
        let mut login = self.login(&[&["--show", "--homeserver", &self.op.issuer], arguments].concat());
        let text = text(&mut login, "qr_code", "text");
        (login, text)
    }

    pub(crate) fn grant(&self, arguments: &[&str]) -> Running {
        self.existing.start(&[&["qr", "grant", "--deadline", "60", "--no-browser"], arguments].concat())
    }

    fn boxes(&self) -> usize {
        self.op.homeserver.rendezvous().boxes()
    }
}

pub(crate) fn text(running: &mut Running, event: &str, member: &str) -> String {
    running.until(event)[member].as_str().unwrap().to_owned()
}

fn progress(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter(|event| event["event"] == "progress")
        .map(|event| event["progress"].as_str().unwrap())
        .collect()
}

#[test]
fn the_new_device_shows_a_code() {
    let two = Two::new();
    let secrets = two.existing.file("secrets.json", SECRETS);
    let received = two.new.file("received.json", "");
    let (mut login, code) = two.login_shows(&["--device-id", "NEWDEVICE1", "--secrets", &received]);
    let mut grant = two.grant(&["--scan", &code, "--secrets", &secrets]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let asked = grant.until("new_device");
    assert_eq!(asked["device_id"], "NEWDEVICE1");
    assert!(asked["url"].as_str().unwrap().starts_with(&format!("{}/device?user_code=", two.op.issuer)));
    grant.until("question");
    grant.paste("yes");

    let (login, grant) = (login.end().done(), grant.end().done());
    assert_eq!(login.event("logged_in")["device_id"], "NEWDEVICE1");
    assert_eq!(login.event("logged_in")["user_id"], two.op.homeserver.user_id("alice"));
    assert_eq!((&login.event("secrets")["backup"], &login.event("secrets")["kept"]), (&true.into(), &true.into()));
    assert_eq!(grant.event("let_in")["secrets"], true);
    assert_eq!(two.boxes(), 0);
    let expected = ["showing_code", "entering_check_code", "secured", "starting_login", "waiting_for_user"];
    assert_eq!(progress(&login.events), [&expected[..], &["sharing_secrets"]].concat());
    assert_eq!(progress(&grant.events), ["showing_check_code", "secured", "asking_user", "sharing_secrets"]);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&std::fs::read_to_string(&received).unwrap()), json(SECRETS));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&received).unwrap().permissions().mode() & 0o777, 0o600);
    }
    for run in [&login, &grant] {
        run.hides(&["bWFzdGVy".to_owned(), "a2V5".to_owned()]);
    }
    // The session is like any other.
    assert_eq!(two.new.run(&["whoami"]).done().event("whoami")["device_id"], "NEWDEVICE1");
    two.new.run(&["refresh"]).done();
}

/// The page is still to be opened by somebody.
#[test]
fn a_browser_that_fails_is_told_to_whoever_lets_a_device_in() {
    let two = Two::with_polls(2);
    let (mut login, code) = two.login_shows(&[]);
    let grant = ["qr", "grant", "--deadline", "60", "--browser", "false", "--yes", "--scan", &code];
    let mut grant = two.existing.start(&grant);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let warning = grant.until("warning");
    assert_eq!(warning["code"], "cli.browser", "{warning}");
    assert!(warning["hint"].as_str().unwrap().contains("Open the URL yourself"), "{warning}");
    login.end().done();
    grant.end().done();
}

/// As a picture, and without secrets.
#[test]
fn the_existing_device_shows_a_code() {
    let two = Two::new();
    let png = two.existing.file("code.png", "");
    let mut grant = two.grant(&["--show", "--png", &png, "--yes"]);
    grant.until("qr_code");
    let mut login = two.login(&["--scan", &png]);
    let digits = text(&mut login, "check_code", "digits");
    grant.paste(&digits);
    let (login, grant) = (login.end().done(), grant.end().done());
    let device_id = &login.event("logged_in")["device_id"];
    assert_eq!((&grant.event("let_in")["device_id"], &grant.event("let_in")["secrets"]), (device_id, &false.into()));
    // There are none to share, which is nobody's refusal.
    assert_eq!(login.event("warning")["code"], "qr.without_secrets");
    assert_eq!(login.event("warning").get("status"), None);
    assert_eq!(progress(&grant.events)[..2], ["showing_code", "entering_check_code"]);
    two.new.run(&["whoami"]).done();
    assert_eq!(two.boxes(), 0);
}

/// The other form, by choice of the device that shows the code. The other one sees it in the code.
#[test]
fn a_code_of_the_draft_either_way_round() {
    let two = Two::new();
    let secrets = two.existing.file("secrets.json", SECRETS);
    let received = two.new.file("received.json", "");
    let (mut login, code) = two.login_shows(&["--msc4388", "--secrets", &received]);
    let draft = QrData::from_base64(&code, Schemes::DangerousHttpOnLoopback).unwrap();
    assert_eq!(draft.proposal(), Proposal::Msc4388);
    let mut grant = two.grant(&["--scan", &code, "--yes", "--secrets", &secrets]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let (login, grant) = (login.end().done(), grant.end().done());
    assert_eq!((&login.event("secrets")["kept"], &grant.event("let_in")["secrets"]), (&true.into(), &true.into()));

    // A homeserver that lets only its users make a rendezvous.
    let _ = two.op.homeserver.rendezvous().clone().with_users_only();
    two.new.run(&["logout"]).done();
    let show = ["qr", "login", "--insecure-loopback", "--show", "--msc4388", "--homeserver", &two.op.issuer];
    two.new.run(&show).failed(1, "remote", "qr.rendezvous_forbidden");
    let mut grant = two.grant(&["--show", "--msc4388", "--yes"]);
    let code = text(&mut grant, "qr_code", "text");
    let mut login = two.login(&["--scan", &code]);
    let digits = text(&mut login, "check_code", "digits");
    grant.paste(&digits);
    login.end().done();
    grant.end().done();
    assert_eq!(two.boxes(), 0);
}

/// Synapse keeps a rendezvous for a minute in all. Each stage tells how much of it is left.
#[test]
fn a_rendezvous_that_ends_in_the_middle_leaves_the_new_device_logged_in() {
    let two = Two::with_polls(usize::MAX);
    let secrets = two.existing.file("secrets.json", SECRETS);
    let (mut login, code) = two.login_shows(&["--device-id", "NEWDEVICE1"]);
    let mut grant = two.grant(&["--scan", &code, "--yes", "--secrets", &secrets]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let user_code = text(&mut login, "device_code", "user_code");
    // The next look finds it gone, for both.
    two.op.homeserver.rendezvous().trick(Meet::Receive, Trick::Expire, 1);
    while grant.until("progress")["progress"] != "finding_device" {}
    assert!(two.op.provider.decide_device(&user_code, Decision::Allow));
    let (login, grant) = (login.end().done(), grant.end().done());
    assert_eq!(login.event("logged_in")["device_id"], "NEWDEVICE1");
    assert_eq!(login.event("warning")["code"], "qr.without_secrets");
    assert_eq!(grant.event("let_in")["device_id"], "NEWDEVICE1");
    assert_eq!(grant.event("let_in")["secrets"], false);
    for event in login.events.iter().filter(|event| event["event"] == "progress") {
        let left = event["rendezvous_expires_in"].as_u64();
        assert!(left.is_some_and(|left| left <= 60), "{event}");
    }
    two.new.run(&["whoami"]).done();
}

/// Whoever was logged in at the provider has let the new device in, for themselves.
#[test]
fn another_account_that_approved_is_named() {
    let interval = Some(Duration::from_secs(1));
    let two = Two::of(
        Op::with(|provider| {
            let provider = provider.with_user(User::new("alice")).with_user(User::new("bob"));
            provider.with_device_interval(interval).with_device_polls(1)
        }),
        &["--login-hint", "bob"],
    );
    let secrets = two.existing.file("secrets.json", SECRETS);
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes", "--secrets", &secrets]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let (login, grant) = (login.end().done(), grant.end().failed(1, "remote", "qr.device_not_found"));
    let (alice, bob) = (two.op.homeserver.user_id("alice"), two.op.homeserver.user_id("bob"));
    assert_eq!(login.event("logged_in")["user_id"], alice);
    let warning = login.event("warning");
    assert_eq!(warning["code"], "qr.peer_device_not_found");
    assert!(warning["hint"].as_str().unwrap().contains(&alice), "{warning}");
    let error = grant.event("error");
    assert!(error["hint"].as_str().unwrap().contains(&bob), "{error}");
}

/// Without secrets, too, nobody says that a device is there before the homeserver does.
#[test]
fn a_device_that_the_homeserver_does_not_know_is_not_let_in() {
    let two = Two::new();
    let (mut login, code) = two.login_shows(&[]);
    two.op.homeserver.tamper(OnMatrix::Device, |response| {
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        *response.body_mut() = br#"{"errcode":"M_NOT_FOUND"}"#.to_vec();
    });
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let grant = grant.end().failed(1, "remote", "qr.device_not_found");
    assert!(grant.events.iter().all(|event| event["event"] != "let_in"), "{:?}", grant.events);
    assert_eq!(login.end().done().event("warning")["code"], "qr.peer_device_not_found");
}

#[test]
fn two_devices_that_want_the_same() {
    let two = Two::new();
    let (mut login, code) = two.login_shows(&[]);
    let other = two.new.file("code.txt", format!("{code}\n"));
    let scan = ["qr", "login", "--insecure-loopback", "--scan", &other];
    two.new.run(&scan).failed(1, "remote", "qr.other_not_signed_in");
    login.paste("no");
    login.end().failed(1, "denied", "qr.cancelled");
    let mut grant = two.grant(&["--show"]);
    let code = text(&mut grant, "qr_code", "text");
    two.existing.run(&["qr", "grant", "--scan", &code]).failed(1, "remote", "qr.other_signed_in");
    grant.paste("no");
    grant.end().failed(1, "denied", "qr.cancelled");
    assert_eq!(two.boxes(), 0);
}

#[test]
fn a_wrong_check_code_ends_it_for_both() {
    let two = Two::new();
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits: u8 = text(&mut grant, "check_code", "digits").parse().unwrap();
    login.paste(&format!("{:02}", (digits + 1) % 100));
    login.end().failed(1, "denied", "qr.check_code_mismatch");
    grant.end().failed(1, "denied", "qr.peer_cancelled");
    assert!(two.new.session_files().is_empty());
    assert_eq!(two.boxes(), 0);

    // What is no code at all can be typed again, twice.
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    grant.until("check_code");
    login.paste("\n7\nseven");
    login.end().failed(1, "local", "qr.check_code_syntax");
    grant.end().failed(1, "denied", "qr.peer_cancelled");
    assert_eq!(two.boxes(), 0);
}

#[test]
fn both_devices_end_when_the_user_says_no() {
    let two = Two::with_polls(usize::MAX);
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    grant.until("question");
    grant.paste("no");
    grant.end().failed(1, "denied", "qr.cancelled");
    login.end().failed(1, "denied", "qr.peer_cancelled");

    // At the provider.
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    let user_code = text(&mut login, "device_code", "user_code");
    assert!(two.op.provider.decide_device(&user_code, Decision::Deny));
    login.end().failed(1, "denied", "device.access_denied");
    grant.end().failed(1, "denied", "qr.peer_declined");
    assert_eq!((two.boxes(), two.new.session_files().len()), (0, 0));
}

/// At a question, and while it waits.
#[cfg(unix)]
#[test]
fn who_is_interrupted_tells_the_other_device() {
    let two = Two::with_polls(usize::MAX);
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    grant.until("check_code");
    login.until("question");
    login.interrupt();
    login.end().failed(1, "denied", "qr.cancelled");
    grant.end().failed(1, "denied", "qr.peer_cancelled");

    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    login.until("device_code");
    login.interrupt();
    login.end().failed(1, "denied", "qr.cancelled");
    grant.end().failed(1, "denied", "qr.peer_cancelled");

    // The one that has said yes already: the new device does not wait for the provider any longer.
    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code, "--yes"]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    login.until("device_code");
    grant.interrupt();
    grant.end().failed(1, "denied", "qr.cancelled");
    login.end().failed(1, "denied", "qr.peer_cancelled");
    assert_eq!((two.boxes(), two.new.session_files().len()), (0, 0));
}

#[test]
fn what_is_no_code_is_named() {
    let two = Two::new();
    let scan = |what: &str| two.new.run(&["qr", "login", "--scan", what]);
    scan("no base64!").failed(1, "remote", "qr.code_text");
    scan("aGVsbG8").failed(1, "remote", "qr.code_prefix");
    scan("TUFUUklYAgM").failed(1, "remote", "qr.code_truncated");
    scan(&two.new.file("a.png", b"\x89PNG\r\n\x1a\nnothing")).failed(1, "local", "cli.qr_image");
    scan(&two.new.file("a.bin", [0xff, 0xfe])).failed(1, "local", "cli.qr_image");
    scan(&two.new.file("empty", "")).failed(1, "remote", "qr.code_prefix");
    scan("").failed(1, "remote", "qr.code_prefix");
    scan(two.new.store().parent().unwrap().to_str().unwrap()).failed(1, "local", "cli.qr_image");
    // Pictures without a code, and ones of a few bytes that say that they are as large as a room.
    for (width, height) in [(1, 1), (300, 1), (21, 21), (200, 200), (100_000, 100_000), (30_000, 30_000)] {
        scan(&two.new.file("b.png", blank_png(width, height))).failed(1, "local", "cli.qr_image");
    }
    assert_eq!(two.new.run(&["qr", "login"]).exit, 2);
    two.new.run(&["qr", "grant", "--show"]).failed(1, "local", "cli.no_session");
    two.existing.run(&["qr", "grant", "--show", "--secrets", "nowhere"]).failed(1, "local", "cli.secrets");
    let _ = two.op.homeserver.clone().without(OnMatrix::Rendezvous);
    let show = ["qr", "login", "--insecure-loopback", "--show", "--homeserver", &two.op.issuer];
    two.new.run(&show).failed(1, "remote", "qr.rendezvous_unsupported");
}

#[test]
fn a_rendezvous_that_is_not_there_is_given_up_at_the_deadline() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/1");
    let schemes = Schemes::DangerousHttpOnLoopback;
    let (rendezvous, homeserver) = (CodeUrl::new(&url, schemes).unwrap(), NamedHomeserver::new(&url, schemes).unwrap());
    let code = QrData::reciprocate([9; 32], rendezvous, homeserver).to_base64();
    let scan = ["qr", "login", "--insecure-loopback", "--deadline", "1", "--scan", &code];
    let since = std::time::Instant::now();
    Cli::new().run(&scan).failed(1, "transport", "transport.unreachable");
    // A minute, if nobody says otherwise.
    assert!(since.elapsed() < Duration::from_secs(50));
}

/// A picture of nothing: of its pixels only the first ones are there, if it has many.
fn blank_png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    let pixels = vec![0xff; width.min(1000) as usize * height.min(1000) as usize * 4];
    if pixels.len() < 1_000_000 {
        writer.write_image_data(&pixels).unwrap();
    }
    drop(writer);
    out
}

/// Who is not asked cannot say yes, nor type two digits.
#[test]
fn standard_input_that_has_ended_is_no_response() {
    let two = Two::new();
    let (mut login, code) = two.login_shows(&[]);
    login.close_input();
    let mut grant = two.grant(&["--scan", &code]);
    grant.until("check_code");
    login.end().failed(1, "local", "cli.no_input");
    grant.end().failed(1, "denied", "qr.peer_cancelled");

    let (mut login, code) = two.login_shows(&[]);
    let mut grant = two.grant(&["--scan", &code]);
    let digits = text(&mut grant, "check_code", "digits");
    login.paste(&digits);
    grant.close_input();
    grant.end().failed(1, "local", "cli.no_input");
    login.end().failed(1, "denied", "qr.peer_cancelled");
    assert_eq!(two.boxes(), 0);
}

#[test]
fn the_demo_runs_by_itself() {
    let cli = Cli::new();
    let run = cli.plain(&["demo", "--qr"]).done();
    for part in ["[new device]", "[existing device]", "Type this in at the other device", "nothing is left behind"]
        .into_iter()
        .chain(["The other device opens this page", "If that page asks for a code, type this there"])
    {
        assert!(run.stdout.contains(part), "no {part} in {}", run.stdout);
    }
    let run = cli.run(&["demo", "--qr"]).done();
    let of = |name| run.event(name)["device"].as_str();
    assert_eq!([of("secrets"), of("let_in")], [Some("new device"), Some("existing device")]);
    let is_seen = |event: &&Value| event["event"] == "whoami";
    assert_eq!(run.events.iter().filter(is_seen).count(), 2);
    assert!(!cli.store().exists());
}
