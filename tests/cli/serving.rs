//! `serve`: a provider that newcomers develop against.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc_proto::Word as _;
use serde_json::{Value, json};

use crate::support::cli::{Cli, Running, browser};
use crate::support::server::Server;

fn serve(cli: &Cli, arguments: &[&str]) -> (Running, String) {
    let mut serving = cli.start(&[&["serve"], arguments].concat());
    let issuer = serving.until("serving")["issuer"].as_str().unwrap().to_owned();
    (serving, issuer)
}

fn send(url: &str, method: &str, headers: &str, body: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let host = format!("127.0.0.1:{}", url.port().unwrap());
    let mut stream = TcpStream::connect(&host).unwrap();
    let (target, length) = (&url[url::Position::BeforePath..], body.len());
    let head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}");
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// The ID of a client with these metadata.
fn register(issuer: &str, client: &Value) -> String {
    let headers = "content-type: application/json\r\n";
    let response = send(&format!("{issuer}/register"), "POST", headers, &client.to_string());
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    let registered: Value = serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap();
    registered["client_id"].as_str().unwrap().to_owned()
}

fn claims(id_token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn scripts_of_any_origin_may_ask() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &[]);
    let response =
        send(&format!("{issuer}/.well-known/openid-configuration"), "GET", "origin: http://localhost:5173\r\n", "");
    assert!(response.starts_with("HTTP/1.1 200") && response.contains("access-control-allow-origin: *"), "{response}");
    // What a client of the browser reads beside the body: how to authenticate, the nonce, when to ask again, the time.
    let exposed = response.lines().find_map(|line| line.strip_prefix("access-control-expose-headers: ")).unwrap();
    for name in ["www-authenticate", "dpop-nonce", "retry-after", "date"] {
        assert!(exposed.split(", ").any(|own| own == name), "{name}: {exposed}");
    }
    let asks = "origin: http://localhost:5173\r\naccess-control-request-method: POST\r\naccess-control-request-headers: dpop\r\n";
    let response = send(&format!("{issuer}/token"), "OPTIONS", asks, "");
    assert!(
        response.starts_with("HTTP/1.1 204") && response.contains("authorization, content-type, dpop"),
        "{response}"
    );
}

#[test]
fn users_claims_and_switches_are_named() {
    let cli = Cli::new();
    let user = ["--user", "carol", "--claim", "department=sales", "--claim", "groups=[\"a\",\"b\"]"];
    let (_serving, issuer) = serve(&cli, &[&user[..], &["--par", "off", "--strict-offline-access"]].concat());
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser()];
    let run = cli.run(&[&login[..], &["--scope", "openid profile"]].concat()).done();
    let claims = &run.event("userinfo")["claims"];
    assert_eq!((&claims["sub"], &claims["department"]), (&json!("sub-carol"), &json!("sales")));
    assert_eq!(claims["groups"], json!(["a", "b"]));
    assert_eq!(run.event("warning")["code"], "token.no_refresh_token");
    let run = cli.run(&["discover"]).done();
    assert_eq!(run.event("discovered")["endpoints"]["pushed_authorization_request"], Value::Null);
}

#[test]
fn claims_of_ones_own_are_in_the_metadata() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--claim", "department=sales", "--claim", "name=Carol"]);
    let response = send(&format!("{issuer}/.well-known/openid-configuration"), "GET", "", "");
    let document: Value = serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap();
    let listed: Vec<_> = document["claims_supported"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(listed.contains(&"department"), "{listed:?}");
    assert_eq!(listed.iter().filter(|name| **name == "name").count(), 1, "{listed:?}");
}

/// Whoever opens the address of the provider sees what it is.
#[test]
fn the_root_says_what_is_served_there() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--user", "carol<b>"]);
    for path in ["", "/"] {
        let page = send(&format!("{issuer}{path}"), "GET", "", "");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("text/html"), "{page}");
        for part in ["<style>", &issuer, "/.well-known/openid-configuration", "carol&lt;b&gt;", "oidc_cli login"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
    let page = send(&format!("{issuer}/nothing"), "GET", "", "");
    assert!(page.starts_with("HTTP/1.1 404"), "{page}");
}

#[test]
fn nonces_and_pushed_requests_can_be_demanded() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--par", "required", "--dpop-nonce"]);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser()];
    cli.run(&[&login[..], &["--par", "never"]].concat()).failed(1, "local", "par.required");
    cli.run(&[&login[..], &["--dpop"]].concat()).done();
}

#[test]
fn dpop_can_be_demanded_and_turned_off() {
    let cli = Cli::new();
    let (_demanding, issuer) = serve(&cli, &["--dpop", "required"]);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser()];
    let run = cli.run(&login).failed(1, "denied", "dpop.required");
    // Said before the browser opened.
    let names: Vec<_> = run.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    let at = |name| names.iter().position(|own| *own == name).unwrap_or_else(|| panic!("no {name} in {names:?}"));
    assert!(at("warning") < at("authorization_url"), "{names:?}");
    assert_eq!(run.event("warning")["code"], "cli.dpop_required");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("--dpop"), "{}", run.event("error"));
    cli.run(&[&login[..], &["--dpop"]].concat()).done();
    cli.run(&["refresh"]).done();

    let cli = Cli::new();
    let (_ignoring, issuer) = serve(&cli, &["--dpop", "off"]);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser()];
    cli.run(&login).done();
    let run = cli.run(&[&login[..], &["--dpop"]].concat()).failed(1, "remote", "dpop.not_bound");
    // Said before the browser opened.
    assert_eq!(run.event("warning")["code"], "cli.unadvertised");
    assert!(run.event("warning")["message"].as_str().unwrap().contains("DPoP"), "{}", run.event("warning"));
}

#[test]
fn a_page_asks_who_logs_in_and_whether_the_client_may() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--consent"]);
    for (par, decided, exit) in [("never", "auto:bob", 0), ("always", "auto:bob", 0), ("never", "deny:bob", 1)] {
        let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--no-browser", "--par", par];
        let mut running = cli.start(&login);
        let url = running.url();
        let page = send(&url, "GET", "", "");
        assert!(page.contains("<li>openid</li>"), "{par}: {page}");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("Allow as alice") && page.contains("Deny"), "{page}");
        let response = send(&format!("{url}&decided={decided}"), "GET", "", "");
        let location = response.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        send(location, "GET", "", "");
        let run = running.end();
        assert_eq!(run.exit, exit, "{:?}", run.events);
        if exit == 0 {
            assert_eq!(run.event("logged_in")["subject"], "sub-bob");
        }
    }
}

#[test]
fn a_web_client_on_loopback_is_told_when_its_user_logs_out() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &[]);
    let (told, hears) = channel();
    let server = Server::start(move |mut connection| {
        let _ = told.send(connection.request()?.body);
        connection.response("200", "", "")
    });
    let client = json!({
        "application_type": "web",
        "redirect_uris": ["http://localhost:8321/cb"],
        "backchannel_logout_uri": server.url("/logout"),
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let client_id = &register(&issuer, &client);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser()];
    let named = ["--client-id", client_id, "--redirect-uri", "http://localhost:8321/cb"];
    cli.run(&[&login[..], &named].concat()).done();
    // All ID tokens of one sign-in have the same `sid`.
    let first = claims(&cli.secrets()[2]);
    cli.run(&["refresh"]).done();
    assert!(first["sid"].is_string() && first["sid"] == claims(&cli.secrets()[2])["sid"]);
    cli.run(&["logout", "--end-session", "--browser", &browser()]).done();
    let form = hears.recv_timeout(Duration::from_secs(10)).unwrap();
    let token = claims(form.strip_prefix("logout_token=").unwrap());
    assert_eq!((&token["sub"], &token["aud"]), (&json!("sub-alice"), &json!(client_id)));
    // The metadata say so (OpenID Connect Back-Channel Logout 1.0 section 2.1).
    assert_eq!(token["sid"], first["sid"]);
}

#[test]
fn its_own_users_are_told_and_how_they_log_in() {
    let cli = Cli::new();
    for (arguments, users, consent) in [
        (&[][..], json!(["alice", "bob"]), false),
        (&["--user", "carol"], json!(["carol"]), false),
        (&["--user", "carol", "--user", "dave", "--consent"], json!(["carol", "dave"]), true),
    ] {
        let mut serving = cli.start(&[&["serve"], arguments].concat());
        let event = serving.until("serving");
        assert_eq!((&event["users"], &event["consent"]), (&users, &json!(consent)), "{event}");
        let issuer = event["issuer"].as_str().unwrap();
        let metadata = send(&format!("{issuer}/.well-known/openid-configuration"), "GET", "", "");
        for name in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
            assert!(metadata.contains(&format!("\"{name}\":true")), "{metadata}");
        }
    }
}

#[test]
fn a_client_that_the_provider_does_not_know_is_told_what_to_do() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &[]);
    let page = send(&format!("{issuer}/authorize?client_id=nobody&response_type=code"), "GET", "", "");
    assert!(page.starts_with("HTTP/1.1 400"), "{page}");
    for part in ["<style>", "unknown client_id", "register --anew"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn hs256_needs_a_client_with_a_secret_and_is_said_to() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &[]);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--no-browser"];
    // Nothing is registered where the client would have no secret.
    cli.run(&[&login[..], &["--id-token-algorithm", "HS256"]].concat()).failed(2, "local", "cli.usage");
    // It signs no userinfo that this program could verify.
    let run = cli.run(&[&login[..], &["--userinfo-algorithm", "HS256"]].concat()).failed(2, "local", "cli.usage");
    assert!(run.event("error")["hint"].as_str().unwrap().contains("give one of RS256"), "{}", run.event("error"));
}

/// Each algorithm for ID tokens and userinfo, to the logout, which names the user by an ID token.
#[test]
fn a_client_has_its_tokens_signed_as_it_registers_for() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &[]);
    let browser = browser();
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser];
    let metadata = send(&format!("{issuer}/.well-known/openid-configuration"), "GET", "", "");
    for algorithm in oidc_proto::jose::Algorithm::ALL.iter().map(|known| known.name()) {
        assert!(metadata.contains(&format!("\"{algorithm}\"")), "{algorithm}");
        if algorithm == "HS256" {
            continue;
        }
        let cli = Cli::new();
        let named = ["--id-token-algorithm", algorithm, "--userinfo-algorithm", algorithm];
        cli.run(&[&login[..], &named].concat()).done();
        let id_token = &cli.secrets()[2];
        let header: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(id_token.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header["alg"], algorithm);
        cli.run(&["refresh"]).done();
        assert_eq!(cli.run(&["userinfo"]).done().event("userinfo")["claims"]["sub"], "sub-alice", "{algorithm}");
        let ended = cli.run(&["logout", "--end-session", "--browser", &browser]).done();
        assert_eq!(ended.event("logged_out")["revoked"], true, "{algorithm}");
    }
}

/// The page asks about what the provider would allow, and about nothing else.
#[test]
fn what_is_refused_whatever_the_user_says_is_refused_before_the_page() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--consent"]);
    let client = json!({ "application_type": "native", "redirect_uris": ["http://127.0.0.1:7000/cb"] });
    let client = register(&issuer, &client);
    let request = |more: &str| format!("{issuer}/authorize?response_type=code&scope=openid&{more}");
    let challenge = "x".repeat(43);
    let ours = format!("client_id={client}&code_challenge={challenge}&code_challenge_method=S256");
    let back = "redirect_uri=http%3A%2F%2F127.0.0.1%3A7000%2Fcb";
    for (more, said) in [
        ("client_id=nobody".to_owned(), "unknown client_id"),
        (format!("{ours}&redirect_uri=http%3A%2F%2F127.0.0.1%3A7000%2Fother"), "unregistered redirect_uri"),
        (format!("{ours}&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Aused"), "expired request_uri"),
    ] {
        let page = send(&request(&more), "GET", "", "");
        assert!(page.starts_with("HTTP/1.1 400") && page.contains(said) && page.contains("<style>"), "{more}: {page}");
    }
    for (more, error) in [
        (format!("client_id={client}&{back}"), "error=invalid_request"),
        (format!("{ours}&{back}&response_mode=pigeon"), "error=invalid_request"),
        (format!("{ours}&{back}&prompt=none"), "error=login_required"),
    ] {
        let sent_back = send(&request(&more), "GET", "", "");
        assert!(sent_back.starts_with("HTTP/1.1 303") && sent_back.contains(error), "{more}: {sent_back}");
    }
    let page = send(&request(&format!("{ours}&{back}")), "GET", "", "");
    assert!(page.contains("Allow as alice"), "{page}");
    // A browser can also post it (OpenID Connect Core 1.0 section 3.1.2.1).
    let form = format!("response_type=code&scope=openid&{ours}&{back}");
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let page = send(&format!("{issuer}/authorize"), "POST", headers, &form);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Allow as alice"), "{page}");
}

/// Nobody is asked where the client said so, whichever way it said it.
#[test]
fn no_page_asks_for_a_prompt_of_none() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--consent"]);
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--browser", &browser(), "--prompt", "none"];
    for par in ["never", "always"] {
        cli.run(&[&login[..], &["--par", par, "--deadline", "20"]].concat()).failed(
            1,
            "denied",
            "authorization.login_required",
        );
    }
}

#[test]
fn a_page_asks_for_a_device_too() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &["--consent"]);
    for (decision, exit) in [("auto:bob", 0), ("deny:bob", 1)] {
        let mut running = cli.start(&["device", "--insecure-loopback", "--issuer", &issuer]);
        let url = running.until("device_code")["verification_uri_complete"].as_str().unwrap().to_owned();
        let page = send(&url, "GET", "", "");
        assert!(page.contains("Allow as alice") && page.contains("Allow as bob") && page.contains("<style>"), "{page}");
        let done = send(&format!("{url}&decided={decision}"), "GET", "", "");
        assert!(done.contains("go back to your device") && done.contains("<style>"), "{done}");
        let run = running.end();
        assert_eq!(run.exit, exit, "{:?}", run.events);
        if exit == 0 {
            assert_eq!(run.event("logged_in")["subject"], "sub-bob");
        }
    }
}

#[test]
fn what_a_user_sees_at_the_logout_is_a_page() {
    let cli = Cli::new();
    let (_serving, issuer) = serve(&cli, &[]);
    let page = send(&format!("{issuer}/end_session"), "GET", "", "");
    assert!(page.contains("<style>") && page.contains("You are signed out."), "{page}");
    let page = send(&format!("{issuer}/end_session?post_logout_redirect_uri=http://app.example/"), "GET", "", "");
    assert!(page.starts_with("HTTP/1.1 400") && page.contains("<style>"), "{page}");
    assert!(page.contains("Register this post_logout_redirect_uri"), "{page}");
    // The form that sends a browser back by itself stays as it is.
    let browser = browser();
    let login = ["login", "--insecure-loopback", "--issuer", &issuer, "--response-mode", "form_post"];
    cli.run(&[&login[..], &["--browser", &browser]].concat()).done();
}
