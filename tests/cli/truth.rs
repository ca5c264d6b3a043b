//! What the command line says of a refresh that failed, and of the access token that was there before.

use oidc_proto::testing::{Disturbance, Lie, On, Reuse, Rotation};
use serde_json::json;

use crate::support::cli::{Cli, Op, Run};
use crate::support::server::{DeadPort, Server};

/// What goes wrong at the token endpoint, from now on.
#[derive(Clone, Debug)]
enum Trouble {
    Disturbance(Disturbance),
    /// An error object with this status.
    Denial(u16, &'static str),
    /// A body beyond every limit, with this status.
    Oversized(u16),
    /// The connection is refused.
    Dead,
}

fn trouble(op: &Op, dead: &DeadPort, trouble: Trouble) {
    match trouble {
        Trouble::Disturbance(fault) => op.provider.disturb(On::Token, fault, 100),
        Trouble::Denial(status, error) => op.provider.tamper(On::Token, move |response| {
            *response.status_mut() = status.try_into().unwrap();
            *response.body_mut() = json!({ "error": error, "error_description": "not today" }).to_string().into();
        }),
        Trouble::Oversized(status) => op.provider.tamper(On::Token, move |response| {
            *response.status_mut() = status.try_into().unwrap();
            *response.body_mut() = vec![b' '; 2 << 20];
        }),
        Trouble::Dead => token_endpoint(op, dead.url()),
    }
}

/// The metadata name this token endpoint.
fn token_endpoint(op: &Op, url: String) {
    op.provider
        .edit_json(On::ServerMetadata, move |metadata| drop(metadata.insert("token_endpoint".into(), json!(url))));
}

/// Logged in, with a token that is good for five minutes, and then the trouble begins.
fn troubled(what: Trouble) -> (Op, Cli, DeadPort) {
    let op = Op::with(|provider| provider.with_reuse(Reuse::AllowedUntilSuccessorIsUsed));
    let (cli, dead) = (Cli::new(), DeadPort::new());
    cli.login(&op, &[]).done();
    trouble(&op, &dead, what);
    cli.age_metadata();
    (op, cli, dead)
}

/// The old token is still there, and this is said of it.
#[track_caller]
fn kept(run: &Run, is_doubtful: bool) {
    let kept = run.event("kept");
    assert_eq!(kept["doubtful"], is_doubtful, "{kept}");
    assert!(kept["expires_in"].as_u64().is_some_and(|seconds| seconds > 200), "{kept}");
}

#[test]
fn a_refresh_that_was_answered_with_a_failure_fails_and_the_old_token_is_still_good() {
    for (what, fault, code, status) in [
        (Trouble::Disturbance(Disturbance::status(503)), "transport", "http.server_error", 503),
        (Trouble::Oversized(503), "transport", "http.server_error", 503),
        (Trouble::Oversized(429), "transport", "http.too_many_requests", 429),
        (Trouble::Oversized(400), "remote", "http.status", 400),
        (Trouble::Denial(400, "invalid_scope"), "denied", "token.invalid_scope", 400),
        (Trouble::Denial(400, "invalid_client"), "denied", "token.invalid_client", 400),
        (Trouble::Denial(200, "invalid_scope"), "denied", "token.invalid_scope", 200),
    ] {
        let (op, cli, _dead) = troubled(what.clone());
        let before = cli.secrets();
        let run = cli.run(&["refresh"]).failed(1, fault, code);
        assert_eq!(run.event("error")["status"], status, "{what:?}");
        assert!(run.events.iter().all(|event| event["event"] != "refreshed"), "{what:?}: {:?}", run.events);
        kept(&run, false);
        if matches!(what, Trouble::Denial(..)) {
            assert_eq!(run.event("error")["provider"]["description"], "not today");
        }
        let run = cli.plain(&["refresh"]);
        assert_eq!((run.exit, run.stdout.as_str()), (1, ""), "{what:?}");
        assert!(run.stderr.contains(code) && run.stderr.contains("still good"), "{}", run.stderr);
        assert_eq!(run.stderr.contains("not today"), matches!(what, Trouble::Denial(..)), "{}", run.stderr);
        assert_eq!(cli.secrets(), before, "{what:?}");
        // It is good, and given out without asking anyone.
        let asked = op.provider.count(On::Token);
        let run = cli.run(&["token", "--show-tokens"]).done();
        assert_eq!((run.events.len(), &run.event("token")["doubtful"]), (1, &json!(false)), "{what:?}");
        assert_eq!(run.event("token")["access_token"], before[0].as_str());
        assert_eq!(op.provider.count(On::Token), asked);
        cli.run(&["userinfo"]).done();
    }
}

/// A status that came says the same if the connection breaks in its body.
#[test]
fn a_status_whose_body_breaks_off_counts() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    for (status, is_doubtful, fault, code) in [
        (503, false, "transport", "http.server_error"),
        (429, false, "transport", "http.too_many_requests"),
        (400, false, "remote", "http.status"),
        (200, true, "transport", "transport.interrupted"),
    ] {
        let server = Server::start(move |mut connection| {
            connection.request()?;
            connection.write(format!("HTTP/1.1 {status} Any\r\ncontent-length: 99\r\n\r\n{{").as_bytes())
        });
        op.provider.honest();
        token_endpoint(&op, server.url("/token"));
        cli.age_metadata();
        let run = cli.run(&["refresh"]).failed(1, fault, code);
        assert_eq!(run.event("error")["status"], status);
        kept(&run, is_doubtful);
    }
}

#[test]
fn a_refresh_that_surely_was_not_sent_fails_and_the_old_token_is_still_good() {
    let (_op, cli, _dead) = troubled(Trouble::Dead);
    let before = cli.secrets();
    let run = cli.run(&["refresh"]).failed(1, "transport", "transport.unreachable");
    kept(&run, false);
    assert_eq!(run.event("error").get("status"), None);
    assert!(cli.plain(&["refresh"]).stderr.contains("still good"));
    assert_eq!(cli.run(&["token"]).done().event("token")["doubtful"], false);
    assert_eq!(cli.secrets(), before);
}

#[test]
fn a_refresh_without_a_response_fails_and_the_old_token_is_doubtful() {
    for (fault, code) in [
        (Disturbance::LostResponse, "transport.interrupted"),
        (Disturbance::Timeout, "transport.interrupted"),
        (Disturbance::Garbage, "json.syntax"),
        (Disturbance::EmptyBody, "json.syntax"),
        (Disturbance::status(502), "http.server_error"),
        (Disturbance::status(504), "http.server_error"),
    ] {
        let (op, cli, _dead) = troubled(Trouble::Disturbance(fault.clone()));
        let before = cli.secrets();
        let run = cli.run(&["refresh"]);
        let expected = run.event("error")["code"].as_str().unwrap().to_owned();
        assert_eq!((run.exit, expected.as_str()), (1, code), "{fault:?}");
        assert!(run.events.iter().all(|event| event["event"] != "refreshed"), "{fault:?}: {:?}", run.events);
        kept(&run, true);
        let run = cli.plain(&["refresh"]);
        assert_eq!((run.exit, run.stdout.as_str()), (1, ""), "{fault:?}");
        assert!(run.stderr.contains("may have ended"), "{}", run.stderr);
        assert_eq!(cli.secrets(), before, "{fault:?}");
        assert_eq!(cli.run(&["status"]).done().event("session")["doubtful"], true);
        // Whoever needs a token asks again first, and is told what the old one is worth if that fails, too.
        let asked = op.provider.count(On::Token);
        let run = cli.run(&["token", "--show-tokens"]).done();
        assert_eq!(run.event("token")["doubtful"], true, "{fault:?}");
        assert_eq!(run.event("warning")["code"], code, "{fault:?}");
        assert_eq!(run.event("token")["access_token"], before[0].as_str());
        assert!(op.provider.count(On::Token) > asked);
        let run = cli.plain(&["token"]).done();
        assert!(!run.stdout.contains("is good"), "{}", run.stdout);
    }
}

/// As at the Matrix Authentication Service: what was measured there was 'Refreshed', 'good for 299 s', and 401.
#[test]
fn a_token_that_ended_with_a_lost_response_is_replaced_before_it_is_used() {
    let op = Op::with(|provider| {
        provider.with_rotation(Rotation::EndsAccessTokens).with_reuse(Reuse::AllowedUntilSuccessorIsUsed)
    });
    let cli = Cli::new();
    cli.login(&op, &[]).done();
    op.provider.disturb(On::Token, Disturbance::LostResponse, 1);
    cli.run(&["refresh"]).failed(1, "transport", "transport.interrupted");
    let run = cli.run(&["userinfo"]).done();
    run.event("refreshed");
    assert_eq!(run.event("userinfo")["claims"]["sub"], "sub-alice");
    assert_eq!(cli.run(&["token"]).done().event("token")["doubtful"], false);
    assert_eq!(cli.run(&["status"]).done().event("session")["doubtful"], false);
}

/// Tokens came, and their ID token is another's: the provider has rotated, and the old access token may be gone.
#[test]
fn a_refresh_whose_tokens_cannot_be_trusted_leaves_a_doubtful_token() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.lie(Lie::SignatureWrong);
    let run = cli.run(&["refresh"]).failed(1, "remote", "jws.signature");
    kept(&run, true);
}

/// A grant that is gone may have taken the access token with it.
#[test]
fn an_access_token_of_a_grant_that_is_gone_is_doubtful() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    op.provider.end_grants();
    let run = cli.run(&["refresh"]).failed(1, "denied", "token.invalid_grant");
    assert_eq!(run.event("error")["provider"]["error"], "invalid_grant");
    kept(&run, true);
    assert_eq!(cli.run(&["token"]).done().event("token")["doubtful"], true);
}

/// Keycloak refuses the refresh token of a user who is disabled, and accepts it when the user is enabled again.
#[test]
fn a_verdict_that_the_user_must_log_in_is_noted_until_new_tokens_come() {
    for (error, is_doubtful) in [("invalid_grant", true), ("interaction_required", false)] {
        let (op, cli, _) = troubled(Trouble::Denial(400, error));
        assert_eq!(cli.run(&["status"]).done().event("session").get("needs_login"), None);
        let code = format!("token.{error}");
        cli.run(&["refresh"]).failed(1, "denied", &code);
        let status = cli.run(&["status"]).done();
        let session = status.event("session");
        assert_eq!((&session["needs_login"], &session["doubtful"]), (&json!(code), &json!(is_doubtful)));
        assert!(session["hint"].as_str().unwrap().contains("relogin"), "{session}");
        assert!(cli.plain(&["status"]).stdout.contains(&code));
        op.provider.honest();
        cli.run(&["refresh"]).done();
        assert_eq!(cli.run(&["status"]).done().event("session").get("needs_login"), None);
    }
}

#[test]
fn a_watch_prints_the_whole_error() {
    let lifetime = std::time::Duration::from_secs(2);
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(lifetime)), Cli::new());
    cli.login(&op, &[]).done();
    trouble(&op, &DeadPort::new(), Trouble::Denial(400, "invalid_scope"));
    let run = cli.run(&["watch", "--count", "1"]).done();
    let seen = run.event("seen");
    assert_eq!((&seen["kind"], &seen["code"]), (&json!("backing_off"), &json!("token.invalid_scope")));
    assert_eq!((&seen["status"], &seen["provider"]["description"]), (&json!(400), &json!("not today")));
    trouble(&op, &DeadPort::new(), Trouble::Denial(400, "invalid_grant"));
    let run = cli.run(&["watch"]).failed(1, "denied", "token.invalid_grant");
    assert_eq!(run.event("error")["provider"]["description"], "not today");
}

/// Whoever stops a command that waits for the provider does not know what the provider did.
#[cfg(unix)]
#[test]
fn a_refresh_that_is_interrupted_leaves_a_doubtful_token() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let (seen, sees) = std::sync::mpsc::channel();
    let server = Server::start(move |mut connection| {
        let _ = connection.request();
        let _ = seen.send(());
        connection.request().map(drop)
    });
    token_endpoint(&op, server.url("/token"));
    cli.age_metadata();
    let running = cli.start(&["refresh"]);
    sees.recv().unwrap();
    running.kill();
    op.provider.honest();
    cli.age_metadata();
    assert_eq!(cli.run(&["status"]).done().event("session")["doubtful"], true);
    let run = cli.run(&["token"]).done();
    run.event("refreshed");
    assert_eq!(run.event("token")["doubtful"], false);
}

/// This machine's clock is behind: the provider has rotated, and its new ID token lies in the future here.
fn with_a_clock_behind(op: &Op) {
    op.provider.edit_id_token(|token| {
        for claim in ["iat", "exp"] {
            let time = token.claims[claim].as_u64().unwrap();
            token.claims.insert(claim.into(), json!(time + 3600));
        }
    });
}

#[test]
fn a_refresh_that_a_wrong_clock_refuses_costs_no_session() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let before = cli.secrets();
    with_a_clock_behind(&op);
    let asked = op.provider.count(On::Token);
    cli.run(&["refresh"]).failed(1, "remote", "id_token.issued_in_future");
    assert_eq!(op.provider.count(On::Token), asked + 1);
    assert_ne!(cli.secrets()[1], before[1], "the refresh token that came is kept");
    assert!(op.provider.has_grant_of(&cli.secrets()[1]));
    // The clock is still wrong. Nothing that was not verified is given out, and nothing is lost.
    cli.run(&["token"]).failed(1, "remote", "id_token.issued_in_future");
    assert!(op.provider.has_grant_of(&cli.secrets()[1]));
    op.provider.honest();
    let run = cli.run(&["userinfo"]).done();
    run.event("refreshed");
    assert_eq!(run.event("userinfo")["claims"]["sub"], "sub-alice");
}

/// The provider has rotated, and its response has no access token.
#[test]
fn a_refresh_that_brings_a_refresh_token_alone_costs_no_session() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &[]).done();
    let before = cli.secrets();
    op.provider.lie(Lie::TokenEmpty);
    for command in ["refresh", "token"] {
        let asked = op.provider.count(On::Token);
        cli.run(&[command]).failed(1, "remote", "token.missing_access_token");
        assert_eq!(op.provider.count(On::Token), asked + 1, "{command}");
        assert_ne!(cli.secrets()[1], before[1], "{command}: the refresh token that came is kept");
        assert!(op.provider.has_grant_of(&cli.secrets()[1]), "{command}");
    }
    op.provider.honest();
    cli.run(&["token"]).done().event("refreshed");
}

/// The refresh token that came could not be saved, and is gone with the process: that is said.
#[test]
fn a_refresh_token_that_cannot_be_kept_is_told() {
    let flaws: [fn(&Op); 2] = [with_a_clock_behind, |op| op.provider.lie(Lie::TokenEmpty)];
    for flaw in flaws {
        let (op, cli) = (Op::start(), Cli::new());
        let session = cli.login(&op, &[]).done().event("logged_in")["session"].as_str().unwrap().to_owned();
        flaw(&op);
        let record = cli.store().join(format!("tokens-{session}.json"));
        let aside = record.with_extension("aside");
        let (from, to) = (record.clone(), aside.clone());
        // The store breaks after it has shown that it can write.
        op.provider.tamper(On::Token, move |_| {
            if std::fs::rename(&from, &to).is_ok() {
                std::fs::create_dir(&from).unwrap();
            }
        });
        let asked = op.provider.count(On::Token);
        cli.run(&["--timeout", "2", "refresh"]).failed(1, "environment", "cli.store_io");
        assert_eq!(op.provider.count(On::Token), asked + 1);
        assert!(aside.is_file() && record.is_dir());
    }
}

#[test]
fn a_watch_that_ends_with_a_wrong_clock_costs_no_session() {
    let lifetime = std::time::Duration::from_secs(2);
    let (op, cli) = (Op::with(|provider| provider.with_access_token_lifetime(lifetime)), Cli::new());
    cli.login(&op, &[]).done();
    with_a_clock_behind(&op);
    let run = cli.run(&["watch", "--count", "1"]).done();
    assert_eq!(run.event("seen")["code"], "id_token.issued_in_future");
    op.provider.honest();
    cli.run(&["refresh"]).done();
}
