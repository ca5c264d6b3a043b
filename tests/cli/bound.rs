//! Tokens that are bound to a key, which the session keeps.

use std::fs;

use oidc_proto::testing::{Lie, On};
use serde_json::{Value, json};

use crate::support::cli::{Cli, Op};

#[test]
fn a_whole_session_on_a_key() {
    for needs_nonce in [false, true] {
        let (op, cli) = (Op::with(|provider| provider.with_dpop_nonce(needs_nonce)), Cli::new());
        let login = cli.login(&op, &["--dpop", "--verbose"]).done();
        let thumbprint = login.event("logged_in")["dpop_thumbprint"].clone();
        assert_eq!(thumbprint.as_str().unwrap().len(), 43);
        assert_eq!(login.event("userinfo")["claims"]["sub"], "sub-alice");
        let secrets = cli.secrets();
        assert_eq!(secrets.len(), 4);

        let status = cli.run(&["status"]).done();
        assert_eq!(status.event("session")["dpop_thumbprint"], thumbprint);
        let plain = cli.plain(&["status"]).done();
        assert!(plain.stdout.contains(thumbprint.as_str().unwrap()), "{}", plain.stdout);
        let token = cli.run(&["token"]).done();
        assert_eq!(token.event("token")["token_type"], "DPoP");
        let refresh = cli.run(&["refresh", "--verbose"]).done();
        assert_eq!(refresh.event("refreshed")["dpop_thumbprint"], thumbprint);
        let refreshed = cli.secrets();
        assert!(refreshed[0] != secrets[0] && refreshed[3] == secrets[3]);
        assert_eq!(op.provider.bearer(&refreshed[0], now()).unwrap().jkt, thumbprint.as_str().map(str::to_owned));
        let userinfo = cli.run(&["userinfo"]).done();
        assert_eq!(userinfo.event("userinfo")["claims"]["sub"], "sub-alice");
        // The key is no token: it is never shown.
        let shown = cli.run(&["token", "--show-tokens"]).done();
        shown.hides(&secrets[3..]);
        let logout = cli.run(&["logout"]).done();
        assert_eq!(logout.event("logged_out")["revoked"], true);
        for run in [&login, &status, &plain, &token, &refresh, &userinfo, &logout] {
            run.hides(&[&secrets[..], &refreshed].concat());
        }
    }
}

fn now() -> oidc_proto::Timestamp {
    oidc_proto::Env::now(&oidc_proto::adapter::SystemEnv::new().unwrap())
}

#[test]
fn each_session_has_a_key_of_its_own_or_none() {
    let (op, cli) = (Op::start(), Cli::new());
    let thumbprint = |arguments: &[&str]| {
        let run = cli.login(&op, arguments).done();
        run.event("logged_in").get("dpop_thumbprint").cloned()
    };
    let alice = thumbprint(&["--dpop", "--login-hint", "auto:alice"]);
    let bob = thumbprint(&["--dpop", "--login-hint", "auto:bob"]);
    assert!(alice.is_some() && bob.is_some() && alice != bob);
    assert_eq!(thumbprint(&["--login-hint", "auto:bob"]), None);
    let session = cli.run(&["status"]).done().events;
    let of = |subject: &str| session.iter().find(|event| event["subject"] == subject).unwrap();
    assert_eq!(of("sub-alice")["dpop_thumbprint"], alice.unwrap());
    assert_eq!(of("sub-bob").get("dpop_thumbprint"), None);
    assert_eq!(op.provider.count(On::Register), 1);
}

#[test]
fn a_damaged_key_is_reported_and_kept() {
    let (op, cli) = (Op::start(), Cli::new());
    cli.login(&op, &["--dpop"]).done();
    let path = cli.session_files().remove(0);
    let whole = fs::read_to_string(&path).unwrap();
    let other = {
        let cli = Cli::new();
        cli.login(&op, &["--dpop"]).done();
        cli.secrets().remove(3)
    };
    let requests = op.provider.requests().len();
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut session: Value = serde_json::from_str(&whole).unwrap();
        edit(&mut session);
        session.to_string()
    };
    let key = cli.secrets().remove(3);
    for damaged in [
        edited(&|session| drop(session.as_object_mut().unwrap().remove("dpop_key"))),
        edited(&|session| session["dpop_key"] = json!(&key[..key.len() / 2])),
        edited(&|session| session["dpop_key"] = json!("")),
        edited(&|session| session["dpop_key"] = json!("not base64!")),
        edited(&|session| session["dpop_key"] = json!(7)),
        // A good key, but not the one that the tokens are bound to.
        edited(&|session| session["dpop_key"] = json!(other)),
    ] {
        fs::write(&path, &damaged).unwrap();
        for command in ["status", "token", "refresh", "userinfo"] {
            let run = cli.run(&[command]).failed(1, "environment", "cli.store_damaged");
            run.hides(&[key.clone(), other.clone()]);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
    assert_eq!(op.provider.requests().len(), requests);
    fs::write(&path, whole).unwrap();
    // Nor tokens that are bound to no key.
    let tokens = path.with_file_name(path.file_name().unwrap().to_str().unwrap().replace("session-", "tokens-"));
    let whole = fs::read_to_string(&tokens).unwrap();
    let mut record: Value = serde_json::from_str(&whole).unwrap();
    record["tokens"].as_object_mut().unwrap().remove("dpop_thumbprint").unwrap();
    fs::write(&tokens, record.to_string()).unwrap();
    cli.run(&["token"]).failed(1, "environment", "cli.store_damaged");
    fs::write(&tokens, whole).unwrap();
    cli.run(&["refresh"]).done();
}

#[test]
fn tokens_that_came_unbound_are_revoked() {
    let (op, cli) = (Op::start(), Cli::new());
    op.provider.lie(Lie::TokenTypeBearer);
    cli.login(&op, &["--dpop"]).failed(1, "remote", "dpop.not_bound");
    assert_eq!(op.provider.count(On::Revoke), 1);
    assert!(cli.session_files().is_empty());
    op.provider.honest();

    op.provider.lie(Lie::DpopNonceForever);
    cli.login(&op, &["--dpop"]).failed(1, "remote", "dpop.nonce");
    op.provider.honest();

    op.provider.edit_json(On::ServerMetadata, |metadata| {
        metadata.insert("dpop_signing_alg_values_supported".into(), json!(["RS256"]));
    });
    cli.login(&op, &["--dpop", "--par", "never"]).failed(1, "remote", "dpop.algorithm");
    assert!(cli.session_files().is_empty());
}
