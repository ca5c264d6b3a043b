//! A login that starts in one process and ends in another: between them there is a file, and the provider.

use std::process::Command;

use oidc_proto::adapter::BlockingDriver;
use oidc_proto::testing::TestEnv;
use oidc_proto::{AuthorizationRequest, Callback, Client, Env as _, ErrorCode, PendingAuthorization, Scope, TokenSet};
use oidc_proto_downstream::http_client::Sockets;
use serde_json::{Value, json};

use crate::world::{listening, redirect_uri, set_up};

/// Tells the second process where the file is.
const FILE: &str = "OIDC_PROTO_DOWNSTREAM_FILE";

#[test]
fn a_login_is_resumed_by_another_process() {
    let op = listening();
    let (http, mut env) = (BlockingDriver::new(Sockets), TestEnv::seeded(1));
    let party = set_up(&http, &op.issuer(), &mut env).unwrap();
    let request = AuthorizationRequest::new(redirect_uri(), Scope::new("openid").unwrap());
    let (url, pending) = party.authorize(request, &mut env).unwrap();
    let callback = op.visit(url.as_str(), env.now()).callback().to_owned();

    let file = std::env::temp_dir().join(format!("oidc-proto-downstream-{}.json", std::process::id()));
    let kept = json!({ "pending": pending, "client_id": party.client().id(), "callback": callback });
    std::fs::write(&file, kept.to_string()).unwrap();
    let this = std::env::current_exe().unwrap();
    let second = Command::new(this)
        .args(["--exact", "--ignored", "processes::the_second_process"])
        .env(FILE, &file)
        .output()
        .unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stdout));

    let tokens = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let tokens = TokenSet::from_json(&tokens).unwrap();
    assert_eq!(tokens.client_id(), party.client().id());
    assert_eq!(tokens.subject(), Some("sub-alice"));
    assert!(op.bearer(tokens.access_token().expose(), env.now()).is_some());
}

/// Knows nothing but the file.
#[test]
#[ignore = "a process of its own, which another test starts"]
fn the_second_process() {
    let file = std::env::var_os(FILE).expect("the file of the first process");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let pending = PendingAuthorization::from_json(&kept["pending"].to_string()).unwrap();
    let (http, mut env) = (BlockingDriver::new(Sockets), TestEnv::seeded(2));
    let registered = set_up(&http, pending.issuer().as_str(), &mut env).unwrap();
    // The client of the login, not the one that was registered just now.
    let client = Client::new(kept["client_id"].as_str().unwrap()).with_redirect_uri(redirect_uri());
    let party = registered.with_client(client);
    let callback = Callback::from_url(kept["callback"].as_str().unwrap()).unwrap();
    assert_eq!(callback.key(), Some(pending.key()), "the login is found by its callback");
    assert_eq!(registered.check(&pending, &callback, env.now()).unwrap_err().code(), ErrorCode::CLIENT_MISMATCH);
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    let step = party.redeem(pending, verified, &mut env).unwrap();
    let granted = http.run(step, &mut env).unwrap().verified().unwrap();
    std::fs::write(&file, serde_json::to_string(&granted.tokens).unwrap()).unwrap();
}
