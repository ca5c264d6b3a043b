//! The commands at a Matrix homeserver.

use oidc_proto::testing::{Disturbance, On, OnMatrix, Par, RequestTo};

use crate::support::cli::{Cli, Op, Run, browser, parameter};

impl Cli {
    pub(crate) fn matrix(&self, homeserver: &str, arguments: &[&str]) -> Run {
        let browser = browser();
        let login =
            ["login", "--insecure-loopback", "--deadline", "60", "--homeserver", homeserver, "--browser", &browser];
        self.run(&[&login, arguments].concat())
    }
}

/// The name of the server, by which the homeserver is found.
pub(crate) fn name(op: &Op) -> String {
    op.issuer.trim_start_matches("http://").to_owned()
}

#[test]
fn a_session_at_a_homeserver_from_its_login_to_its_end() {
    let (op, cli) = (Op::start(), Cli::new());
    let run = cli.matrix(&name(&op), &[]).done();
    let session = run.event("logged_in").clone();
    let (user, device) = (op.homeserver.user_id("alice"), session["device_id"].as_str().unwrap().to_owned());
    assert_eq!(session["homeserver"], op.issuer.as_str());
    assert_eq!((&session["user_id"], &session["subject"]), (&user.as_str().into(), &user.as_str().into()));
    assert_eq!(cli.run(&["status"]).done().event("session")["device_id"], device.as_str());

    let run = cli.run(&["whoami"]).done();
    assert_eq!(run.event("whoami")["user_id"], user.as_str());
    assert_eq!(run.event("whoami")["device_id"], device.as_str());
    cli.run(&["token"]).done().event("token");
    cli.run(&["refresh"]).done().event("refreshed");

    // The same user, the same device: the session stays the one it was.
    let run = cli.run(&["relogin", "--browser", &browser()]).done();
    let url = run.event("authorization_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "login_hint"), Some(format!("mxid:{user}")));
    for name in ["session", "device_id", "user_id", "client_id", "homeserver"] {
        assert_eq!(run.event("logged_in")[name], session[name], "{name}");
    }
    assert_eq!(cli.session_files().len(), 1);
    assert_eq!(op.provider.count(On::Register), 1);
    // The grant that was replaced is revoked; the device stays.
    assert_eq!(op.provider.count(On::Revoke), 1);
    assert_eq!(cli.run(&["whoami"]).done().event("whoami")["device_id"], device.as_str());

    let run = cli.run(&["logout", "--end-session", "--no-browser"]).done();
    assert_eq!(run.event("logged_out")["revoked"], true);
    let url = run.event("end_session_url")["url"].as_str().unwrap();
    assert_eq!(parameter(url, "logout_hint"), Some(format!("mxid:{user}")));
    cli.run(&["whoami"]).failed(1, "local", "cli.no_session");
}

/// From its URL a login takes no more requests than it must. The specification wants a registration for each; one that
/// there is serves by choice.
#[test]
fn each_login_registers_unless_it_is_told_to_reuse_a_client() {
    let (op, cli) = (Op::start(), Cli::new());
    let first = cli.matrix(&op.issuer, &["--device-id", "FIRSTDEVICE"]).done().event("logged_in").clone();
    assert_eq!(first["device_id"], "FIRSTDEVICE");
    let asked = |from: usize| op.homeserver.requests().into_iter().skip(from).collect::<Vec<_>>();
    let (metadata, whoami) = (RequestTo::Homeserver(OnMatrix::AuthMetadata), RequestTo::Homeserver(OnMatrix::Whoami));
    let on = RequestTo::Provider;
    assert_eq!(asked(0), [metadata, on(On::Register), on(On::Authorize), on(On::Token), whoami]);
    let second = cli.matrix(&op.issuer, &["--scope", "openid", "--login-hint", "auto:bob", "--reuse-client"]).done();
    assert_eq!(second.event("logged_in")["user_id"], op.homeserver.user_id("bob"));
    assert_eq!(second.event("logged_in")["client_id"], first["client_id"]);
    assert_eq!(asked(5), [metadata, on(On::Authorize), on(On::Jwks), on(On::Token), whoami]);
    let third = cli.matrix(&op.issuer, &[]).done();
    assert_ne!(third.event("logged_in")["client_id"], first["client_id"]);
    assert_eq!(asked(10), [metadata, on(On::Register), on(On::Authorize), on(On::Token), whoami]);
    assert_eq!(cli.run(&["status"]).done().events.len(), 3);
    // Each session goes on with its own client.
    for session in [&first, third.event("logged_in")] {
        cli.run(&["refresh", "--session", session["session"].as_str().unwrap()]).done();
    }
    let id = third.event("logged_in")["session"].as_str().unwrap();
    cli.run(&["logout", "--session", id]).done();
    cli.run(&["whoami"]).failed(1, "local", "cli.session_ambiguous");
    let id = first["session"].as_str().unwrap();
    assert_eq!(cli.run(&["whoami", "--session", id]).done().event("whoami")["device_id"], "FIRSTDEVICE");
}

/// However often somebody logs in and out.
#[test]
fn the_store_keeps_no_client_that_nobody_uses() {
    let (op, cli) = (Op::start(), Cli::new());
    let clients = || {
        let text = std::fs::read_to_string(cli.store().join("registrations.json")).unwrap();
        let clients = serde_json::from_str::<serde_json::Value>(&text).unwrap()["clients"].clone();
        let ids = clients.as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    let session = |run: &Run| run.event("logged_in").clone();
    let kept = session(&cli.matrix(&op.issuer, &[]).done());
    for _ in 0..3 {
        let other = session(&cli.matrix(&op.issuer, &[]).done());
        // Whoever does not come back leaves a client that was for them alone.
        let login = ["login", "--insecure-loopback", "--deadline", "1", "--browser", "true", "--homeserver"];
        cli.run(&[&login[..], &[&op.issuer]].concat()).failed(1, "transport", "cli.deadline");
        cli.run(&["logout", "--session", other["session"].as_str().unwrap()]).done();
        let clients = clients();
        assert!(clients.len() <= 2 && clients.iter().any(|id| *id == kept["client_id"]), "{clients:?}");
    }
    cli.run(&["refresh", "--session", kept["session"].as_str().unwrap()]).done();
}

#[test]
fn discovery_shows_the_homeserver_and_its_provider() {
    let (op, cli) = (Op::start(), Cli::new());
    for place in [op.issuer.clone(), name(&op)] {
        let run = cli.run(&["discover", "--insecure-loopback", "--homeserver", &place]).done();
        assert_eq!(run.event("homeserver")["metadata"], "stable");
        assert_eq!(run.event("homeserver")["homeserver"], op.issuer.as_str());
        assert_eq!(run.event("discovered")["issuer"], op.issuer.as_str());
    }
    for on in [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable, OnMatrix::AuthIssuer] {
        let _ = op.homeserver.clone().without(on);
    }
    let run = cli.run(&["discover", "--insecure-loopback", "--homeserver", &op.issuer]);
    assert!(run.event("homeserver")["metadata"].is_null());
    run.failed(1, "remote", "matrix.unsupported");
    cli.run(&["discover", "--homeserver", "a b"]).failed(2, "local", "matrix.server_name");
    cli.run(&["discover", "--homeserver", &op.issuer]).failed(2, "local", "url.scheme");
}

/// What a user takes for the homeserver's URL: that of the server's name, or of nothing of Matrix.
#[test]
fn a_url_need_not_be_the_homeservers_own() {
    let (op, other, cli) = (Op::start(), Op::start(), Cli::new());
    for on in [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable, OnMatrix::AuthIssuer, OnMatrix::Versions] {
        let _ = other.homeserver.clone().without(on);
    }
    let base_url = op.issuer.clone();
    other.homeserver.edit_json(OnMatrix::WellKnown, move |o| {
        o.insert("m.homeserver".into(), serde_json::json!({ "base_url": base_url }));
    });
    let run = cli.matrix(&other.issuer, &[]).done();
    assert_eq!(run.event("logged_in")["homeserver"], op.issuer.as_str());
    let register = ["register", "--insecure-loopback", "--homeserver", &other.issuer];
    assert_eq!(cli.run(&register).done().event("registered")["issuer"], op.issuer.as_str());

    let _ = other.homeserver.clone().without(OnMatrix::WellKnown);
    cli.matrix(&other.issuer, &[]).failed(1, "remote", "homeserver.not_found");
    cli.run(&register).failed(1, "remote", "homeserver.not_found");
    // A homeserver whose users log in by the older API.
    for on in [OnMatrix::AuthMetadata, OnMatrix::AuthMetadataUnstable, OnMatrix::AuthIssuer] {
        let _ = op.homeserver.clone().without(on);
    }
    cli.matrix(&op.issuer, &[]).failed(1, "remote", "matrix.unsupported");
}

#[test]
fn registering_says_what_matrix_demands() {
    let (op, cli) = (Op::start(), Cli::new());
    let register = ["register", "--insecure-loopback", "--homeserver", &op.issuer];
    let id = cli.run(&register).done().event("registered")["client_id"].clone();
    let again = cli.run(&register).done();
    assert_eq!((&again.event("registered")["client_id"], &again.event("registered")["known"]), (&id, &true.into()));
    // A login uses it by choice, on a device as well.
    assert_eq!(cli.matrix(&op.issuer, &["--reuse-client"]).done().event("logged_in")["client_id"], id);
    let device = ["device", "--insecure-loopback", "--deadline", "60", "--reuse-client", "--homeserver", &op.issuer];
    assert_eq!(cli.run(&device).done().event("logged_in")["client_id"], id);
    assert_eq!(op.provider.count(On::Register), 1);
    for wrong in [&["--client-id", "mine"][..], &["--issuer", "https://op.example.org"]] {
        let login = ["login", "--reuse-client"];
        let place: &[&str] = if wrong[0] == "--issuer" { &[] } else { &["--homeserver", &op.issuer] };
        assert_eq!(cli.run(&[&login[..], wrong, place].concat()).exit, 2, "{wrong:?}");
    }
}

#[test]
fn the_account_page_has_an_url() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    let url = |arguments: &[&str]| {
        let run = cli.run(&[&["account"], arguments].concat()).done();
        run.event("account_url")["url"].as_str().unwrap().to_owned()
    };
    let page = format!("{}/account?from=matrix", op.issuer);
    assert_eq!(url(&[]), page);
    assert_eq!(url(&["--action", "devices_list"]), format!("{page}&action=org.matrix.devices_list"));
    let view = url(&["--action", "device_view"]);
    assert_eq!(
        parameter(&view, "device_id").as_deref(),
        cli.run(&["status"]).done().event("session")["device_id"].as_str()
    );
    let delete = ["--action", "org.matrix.device_delete", "--device-id", "OTHERDEVICE"];
    assert_eq!(url(&delete), format!("{page}&action=org.matrix.device_delete&device_id=OTHERDEVICE"));
    assert_eq!(url(&["--open", "--browser", "true"]), page);
    assert_eq!(cli.run(&["account", "--action", "nonsense"]).exit, 2);
    assert_eq!(cli.run(&["account", "--action", "com.example plan"]).exit, 2);
}

/// What the provider lists is shown; another action is asked for all the same, with a word of warning.
#[test]
fn an_account_action_that_is_not_listed_is_warned_of() {
    let (op, cli) = (Op::start(), Cli::new());
    let listed = ["org.matrix.profile", "org.matrix.session_end", "com.example.plan"];
    op.homeserver.edit_json(OnMatrix::AuthMetadata, move |o| {
        o.insert("account_management_actions_supported".into(), listed.into());
    });
    cli.matrix(&op.issuer, &[]).done();
    let account = |action: &[&str]| cli.run(&[&["account"], action].concat()).done();
    assert_eq!(account(&[]).event("account_url")["actions"], serde_json::json!(listed));
    assert!(cli.plain(&["account"]).done().stdout.contains("com.example.plan"));
    for (action, sent, is_listed) in [
        ("profile", "org.matrix.profile", true),
        ("device_delete", "org.matrix.session_end", true),
        ("org.matrix.session_end", "org.matrix.session_end", true),
        ("com.example.plan", "com.example.plan", true),
        ("account_deactivate", "org.matrix.account_deactivate", false),
        ("com.example.other", "com.example.other", false),
    ] {
        let run = account(&["--action", action]);
        assert_eq!(parameter(run.event("account_url")["url"].as_str().unwrap(), "action").as_deref(), Some(sent));
        let warning = run.events.iter().find(|event| event["event"] == "warning");
        assert_eq!(warning.is_none(), is_listed, "{action}");
        if let Some(warning) = warning {
            assert_eq!(warning["code"], "cli.unadvertised");
            assert!(warning["message"].as_str().unwrap().contains(sent), "{warning}");
        }
    }
    // A provider that lists none may know them all.
    op.homeserver.honest();
    op.homeserver.edit_json(OnMatrix::AuthMetadata, |o| drop(o.remove("account_management_actions_supported")));
    assert_eq!(account(&["--action", "account_deactivate"]).events.len(), 1);
}

#[test]
fn an_account_page_that_is_not_usable_is_told_from_none() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    for (value, code) in [
        (serde_json::json!("http://id.example.org/account"), "metadata.url"),
        (serde_json::Value::Null, "metadata.missing_field"),
    ] {
        op.homeserver.edit_json(OnMatrix::AuthMetadata, move |o| {
            o.insert("account_management_uri".into(), value.clone());
        });
        let run = cli.run(&["account"]).failed(1, "remote", code);
        assert_eq!(run.event("error")["field"], "account_management_uri");
        let found = run.event("error")["found"].as_str();
        assert_eq!(found, (code == "metadata.url").then_some("http://id.example.org/account"));
        let run = cli.run(&["discover", "--insecure-loopback", "--homeserver", &op.issuer]).done();
        assert_eq!(run.event("discovered")["unusable"].to_string().contains("account_management_uri"), found.is_some());
        op.homeserver.honest();
    }
}

#[test]
fn a_user_allows_it_on_another_device() {
    let op = Op::with(|provider| provider.with_device_interval(Some(std::time::Duration::from_secs(1))));
    let cli = Cli::new();
    let device = ["device", "--insecure-loopback", "--deadline", "60", "--device-id", "TELEVISION", "--homeserver"];
    let run = cli.run(&[&device[..], &[&op.issuer]].concat()).done();
    run.event("device_code");
    assert_eq!(run.event("logged_in")["device_id"], "TELEVISION");
}

#[test]
fn a_token_that_the_homeserver_does_not_know_is_refreshed_before_anyone_logs_in() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    op.provider.forget_access_tokens();
    cli.run(&["whoami"]).done().event("whoami");
    op.homeserver.tamper(OnMatrix::Whoami, |response| {
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        *response.body_mut() = br#"{"errcode":"M_UNKNOWN_TOKEN","error":"Token is not active"}"#.to_vec();
    });
    let refused = cli.run(&["whoami"]).failed(1, "denied", "homeserver.unknown_token");
    op.homeserver.honest();
    op.provider.end_grants();
    let ended = cli.run(&["whoami"]).failed(1, "denied", "token.invalid_grant");
    for run in [refused, ended] {
        let hint = run.event("error")["hint"].as_str().unwrap();
        assert!(hint.contains("oidc_cli relogin --session "), "{hint}");
    }
}

#[test]
fn a_homeserver_that_fails_for_a_moment_costs_no_login() {
    let (op, cli) = (Op::start(), Cli::new());
    op.homeserver.disturb(OnMatrix::Whoami, Disturbance::status(503), 1);
    cli.matrix(&op.issuer, &[]).done().event("logged_in");
    assert_eq!(op.provider.count(On::Revoke), 0);
}

#[test]
fn a_browser_that_never_comes_back_and_a_wrong_option_are_explained() {
    let (op, cli) = (Op::start(), Cli::new());
    let login = ["login", "--insecure-loopback", "--deadline", "1", "--browser", "true"];
    let run = cli.plain(&[&login[..], &["--homeserver", &op.issuer]].concat());
    assert!(run.stderr.contains("--client-id") && run.stderr.contains("--device-id"), "{}", run.stderr);
    let register = ["register", "--insecure-loopback", "--homeserver", &op.issuer];
    assert_eq!(cli.run(&register).done().event("registered")["known"], false);
    let reuse = [&login[..], &["--homeserver", &op.issuer, "--reuse-client"]].concat();
    let run = cli.plain(&reuse);
    assert!(run.stderr.contains("registers a new one") && run.stderr.contains("--device-id"), "{}", run.stderr);
    assert_eq!(cli.run(&register).done().event("registered")["known"], false);
    let named = [&login[..], &["--homeserver", &op.issuer, "--client-id", "mine"]].concat();
    let run = cli.run(&named).failed(1, "transport", "cli.deadline");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("--client-id"));
    op.provider.disturb(On::ServerMetadata, Disturbance::status(404), 9);
    let run = cli.plain(&[&login[..], &["--issuer", &op.issuer]].concat());
    assert!(run.stderr.contains("--homeserver"), "{}", run.stderr);
}

#[test]
fn no_client_is_registered_for_a_device_login_that_cannot_begin() {
    let (op, cli) = (Op::start(), Cli::new());
    op.homeserver.edit_json(OnMatrix::AuthMetadata, |o| drop(o.remove("device_authorization_endpoint")));
    cli.run(&["device", "--insecure-loopback", "--homeserver", &op.issuer]).failed(1, "remote", "device.unsupported");
    assert_eq!(op.provider.count(On::Register), 0);
}

#[test]
fn what_the_homeserver_refuses_leaves_the_session_as_it_was() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.matrix(&op.issuer, &[]).done();
    let before = std::fs::read_to_string(&cli.session_files()[0]).unwrap();
    op.homeserver.edit_json(OnMatrix::Whoami, |o| drop(o.insert("user_id".into(), "@mallory:example.org".into())));
    cli.run(&["relogin", "--browser", &browser()]).failed(1, "remote", "whoami.user_mismatch");
    assert_eq!(op.provider.count(On::Revoke), 1);
    assert_eq!(std::fs::read_to_string(&cli.session_files()[0]).unwrap(), before);
    op.homeserver.honest();
    cli.run(&["whoami"]).done();
    op.homeserver.lock_account("alice", true);
    cli.run(&["whoami"]).failed(1, "denied", "homeserver.user_locked");
}

#[test]
fn sessions_of_both_kinds_do_not_get_in_each_others_way() {
    let (op, cli) = (Op::start(), Cli::new());
    let plain = cli.login(&op, &[]).done().event("logged_in")["session"].clone();
    cli.matrix(&op.issuer, &[]).done();
    let plain = plain.as_str().unwrap();
    for command in ["whoami", "account"] {
        cli.run(&[command, "--session", plain]).failed(1, "local", "cli.not_matrix");
    }
    assert_eq!(cli.run(&["userinfo", "--session", plain]).done().event("userinfo")["claims"]["sub"], "sub-alice");
    for arguments in [
        &["login", "--homeserver", "a", "--issuer", "b"][..],
        &["login"],
        &["login", "--homeserver", "a", "--dpop"],
        &["login", "--issuer", "a", "--device-id", "ABCDEFGHIJ"],
        &["login", "--homeserver", "a", "--device-id", "a b"],
        &["device", "--homeserver", "a", "--issuer", "b"],
    ] {
        assert_eq!(cli.run(arguments).exit, 2, "{arguments:?}");
    }
}

#[test]
fn the_demo_runs_by_itself() {
    let cli = Cli::new();
    let run = cli.plain(&["demo", "--matrix"]).done();
    assert!(run.stdout.contains("nothing is left behind") && run.stdout.contains("whoami"));
    let events = cli.run(&["demo", "--matrix"]).done();
    events.event("whoami");
}

/// Where the homeserver's provider takes nothing else, and where it is told to.
#[test]
fn the_request_goes_to_the_provider_first_where_it_must() {
    for (par, arguments) in [(Par::Required, &[][..]), (Par::Advertised, &["--par", "always"])] {
        let (op, cli) = (Op::start(), Cli::new());
        drop(op.provider.clone().with_par(par));
        let run = cli.matrix(&op.issuer, arguments).done();
        let url = run.event("authorization_url")["url"].as_str().unwrap();
        assert!(parameter(url, "request_uri").is_some() && parameter(url, "scope").is_none(), "{url}");
        assert_eq!(op.provider.count(On::Par), 1);
    }
    let (op, cli) = (Op::start(), Cli::new());
    drop(op.provider.clone().with_par(Par::Required));
    cli.matrix(&op.issuer, &["--par", "never"]).failed(1, "local", "par.required");
}
