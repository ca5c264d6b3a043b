//! A real provider, the OpenID-certified `oidc-provider`. Ignored unless asked for; see `tests/peers/README.md`.

mod login;
mod strong;

use crate::support::browser::{Browser, Callback};
use crate::support::certificates::Authority;
use crate::support::peer::Peer;
use crate::support::toy::{Outcome, Toy};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient, HttpOptions, SystemEnv, ureq};
use oidc_proto::{Accept, Body, Policy};
use serde_json::{Value, json};

const DISCOVERY: &str = "/.well-known/openid-configuration";
const REDIRECT_URI: &str = "http://127.0.0.1:7878/cb";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-0";
/// Its SHA-256 in base64url.
const CHALLENGE: &str = "bMWLHKvSFDzgrztUSZEpJnl3ylyHWXgwudV2OaFzPQA";

fn json(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Answer(response) => serde_json::from_slice(response.body()).unwrap(),
        Outcome::Failed(failure) => panic!("{failure:?}"),
    }
}

fn metadata_by_ureq(options: HttpOptions, peer: &Peer) -> Value {
    let driver = BlockingDriver::new(ureq::Client::with(options).unwrap());
    json(driver.run(Toy::get(&peer.url(DISCOVERY), 65536), &mut SystemEnv::new().unwrap()).unwrap())
}

#[cfg(feature = "reqwest")]
fn metadata_by_reqwest(options: HttpOptions, peer: &Peer) -> Value {
    use oidc_proto::adapter::{Driver, reqwest};

    let driver = Driver::new(reqwest::Client::with(options).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    json(runtime.block_on(driver.run(Toy::get(&peer.url(DISCOVERY), 65536), &mut SystemEnv::new().unwrap())).unwrap())
}

fn post(url: &str, content_type: &str, authorization: &str, body: String) -> (u16, Value) {
    let mut request = Request::post(url).header(CONTENT_TYPE, content_type);
    if !authorization.is_empty() {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = ureq::Client::new().unwrap().call(request, Policy::write(Accept::Json)).unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn register(peer: &Peer) -> String {
    let metadata = json!({
        "application_type": "native",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "none",
    });
    let (status, response) = post(&peer.url("/oauth2/registration"), "application/json", "", metadata.to_string());
    assert_eq!(status, 201, "{response}");
    response["client_id"].as_str().unwrap().to_owned()
}

fn login(peer: &Peer, client_id: &str, hint: &str, mode: &str) -> Callback {
    let parameters = [
        ("client_id", client_id),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("response_mode", mode),
        ("scope", "openid"),
        ("state", "st<a>t&e\""),
        ("nonce", "n"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("login_hint", hint),
    ];
    let url = url::Url::parse_with_params(&peer.url("/authorize"), parameters).unwrap();
    Browser::new(HttpOptions::new()).visit(url.as_str(), REDIRECT_URI)
}

#[test]
#[ignore = "needs Node.js"]
fn the_peer_tells_its_metadata_through_both_clients() {
    let peer = Peer::start(&[]);
    assert_eq!(metadata_by_ureq(HttpOptions::new(), &peer)["issuer"], peer.issuer);
    #[cfg(feature = "reqwest")]
    assert_eq!(metadata_by_reqwest(HttpOptions::new(), &peer)["issuer"], peer.issuer);
}

#[test]
#[ignore = "needs Node.js"]
fn the_peer_speaks_tls_with_a_private_authority() {
    let authority = Authority::new();
    let peer = Peer::start_tls(&authority.identity("127.0.0.1"), &[]);
    let trusting = || HttpOptions::new().with_root_certificates_pem(authority.pem.clone());
    assert!(peer.issuer.starts_with("https://"));
    assert_eq!(metadata_by_ureq(trusting(), &peer)["issuer"], peer.issuer);
    #[cfg(feature = "reqwest")]
    assert_eq!(metadata_by_reqwest(trusting(), &peer)["issuer"], peer.issuer);
}

#[test]
#[ignore = "needs Node.js"]
fn a_login_comes_back_in_each_response_mode_and_its_code_is_good() {
    let peer = Peer::start(&[]);
    let client_id = register(&peer);
    for mode in ["query", "fragment", "form_post"] {
        let callback = login(&peer, &client_id, "auto:alice", mode);
        assert_eq!(callback.form.is_some(), mode == "form_post");
        let parameters = callback.parameters();
        assert_eq!((parameters["state"].as_str(), &parameters["iss"]), ("st<a>t&e\"", &peer.issuer), "{mode}");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("client_id", &client_id)
            .append_pair("code", &parameters["code"])
            .append_pair("redirect_uri", REDIRECT_URI)
            .append_pair("code_verifier", VERIFIER)
            .finish();
        let (status, tokens) = post(&peer.url("/oauth2/token"), "application/x-www-form-urlencoded", "", form);
        assert_eq!((status, tokens["token_type"].as_str()), (200, Some("Bearer")), "{mode}: {tokens}");
    }
}

#[test]
#[ignore = "needs Node.js"]
fn a_login_can_be_denied() {
    let peer = Peer::start(&[]);
    let parameters = login(&peer, &register(&peer), "deny:alice", "query").parameters();
    assert_eq!(parameters["error"], "access_denied");
    assert!(!parameters.contains_key("code"));
}

#[test]
#[ignore = "needs Node.js"]
fn a_device_is_confirmed_or_refused_in_the_browser() {
    let peer = Peer::start(&[]);
    let basic = "Basic Y29uZjpjb25mLXNlY3JldC1jb25mLXNlY3JldC1jb25mLXNlY3JldC0wMTIz";
    let form = "application/x-www-form-urlencoded";
    for (yes, status) in [(true, 200), (false, 400)] {
        let (_, device) = post(&peer.url("/oauth2/device"), form, basic, "scope=openid".to_owned());
        let url = device["verification_uri_complete"].as_str().unwrap();
        Browser::new(HttpOptions::new()).confirm_device(url, "alice", yes);
        let body = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code={}",
            device["device_code"].as_str().unwrap()
        );
        let (seen, response) = post(&peer.url("/oauth2/token"), form, basic, body);
        assert_eq!(seen, status, "{response}");
        assert_eq!(response["error"].as_str(), (!yes).then_some("access_denied"), "{response}");
    }
}
