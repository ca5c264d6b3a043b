//! The homeserver by itself: what it answers to whom.

use http::{Request, StatusCode};
use serde_json::Value;

use super::*;
use crate::testing::{Clock, On, RegisteredClient};

const CALLBACK: &str = "https://app.example.org/cb";

fn homeserver() -> Homeserver {
    let op = Provider::new("https://account.example.org").with_client(RegisteredClient::public("app", CALLBACK));
    Homeserver::new("https://matrix.example.org/", "example.org", op)
}

fn get(homeserver: &Homeserver, url: &str, token: Option<&str>) -> (u16, Value) {
    let mut request = Request::get(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = homeserver.handle(request.body(Vec::new()).unwrap(), Clock::START);
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

/// An access token for a scope, by a login.
fn token(homeserver: &Homeserver, scope: &str) -> String {
    // RFC 7636 appendix B.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([("client_id", "app"), ("redirect_uri", CALLBACK), ("scope", scope), ("state", "s")]);
    form.extend_pairs([("response_type", "code"), ("code_challenge", challenge), ("code_challenge_method", "S256")]);
    let visit = homeserver.visit(&format!("https://account.example.org/authorize?{}", form.finish()), Clock::START);
    let code = visit.param("code").unwrap();
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "authorization_code"), ("client_id", "app"), ("code", &code)])
        .extend_pairs([("redirect_uri", CALLBACK), ("code_verifier", verifier)])
        .finish();
    let request = Request::post("https://account.example.org/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .unwrap();
    let response = homeserver.handle(request, Clock::START);
    let response: Value = serde_json::from_slice(response.body()).unwrap();
    response["access_token"].as_str().unwrap().to_owned()
}

const WHOAMI: &str = "https://matrix.example.org/_matrix/client/v3/account/whoami";
const DEVICE: &str = "https://matrix.example.org/_matrix/client/v3/devices/";

#[test]
fn it_is_found_by_its_name_and_names_its_provider() {
    let hs = homeserver();
    let (_, well_known) = get(&hs, "https://example.org/.well-known/matrix/client", None);
    assert_eq!(well_known["m.homeserver"]["base_url"], "https://matrix.example.org/");
    let (_, metadata) = get(&hs, "https://matrix.example.org/_matrix/client/v1/auth_metadata", None);
    assert_eq!(metadata["issuer"], "https://account.example.org");
    assert_eq!(metadata["account_management_uri"], "https://account.example.org/account?from=matrix");
    assert_eq!(get(&hs, "https://example.org/_matrix/client/versions", None).0, 404);
    assert_eq!(get(&hs, "https://elsewhere.example.org/", None).0, 502);
    assert_eq!(
        hs.requests(),
        [OnMatrix::WellKnown, OnMatrix::AuthMetadata, OnMatrix::Elsewhere].map(RequestTo::Homeserver)
    );
}

#[test]
fn tokens_speak_for_one_user_and_one_device() {
    let hs = homeserver();
    assert_eq!(get(&hs, WHOAMI, None).1["errcode"], "M_MISSING_TOKEN");
    hs.soft_logout(true);
    let (status, body) = get(&hs, WHOAMI, Some("nonsense"));
    assert_eq!((status, &body["errcode"], &body["soft_logout"]), (401, &"M_UNKNOWN_TOKEN".into(), &true.into()));

    for prefix in ["urn:matrix:client:", "urn:matrix:org.matrix.msc2967.client:"] {
        let token = token(&hs, &format!("{prefix}api:* {prefix}device:ABCDEFGHIJ"));
        let (_, me) = get(&hs, WHOAMI, Some(&token));
        assert_eq!((&me["user_id"], &me["device_id"]), (&"@alice:example.org".into(), &"ABCDEFGHIJ".into()));
    }
    for (scope, status) in [
        ("openid", 401),
        ("urn:matrix:client:device:ABCDEFGHIJ", 401),
        ("urn:matrix:client:api:*", 403),
        ("urn:matrix:client:api:* urn:matrix:client:device:A urn:matrix:client:device:B", 403),
    ] {
        assert_eq!(get(&hs, WHOAMI, Some(&token(&hs, scope))).0, status, "{scope}");
    }
    let stable = token(&hs, "urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ");
    hs.lock_account("alice", true);
    assert_eq!(get(&hs, WHOAMI, Some(&stable)).1["errcode"], "M_USER_LOCKED");
    hs.lock_account("alice", false);
    assert_eq!(get(&hs.clone().with_scopes(KnownScopes::Unstable), WHOAMI, Some(&stable)).0, 401);
}

#[test]
fn a_device_is_there_while_somebody_is_logged_in_with_it() {
    let hs = homeserver();
    let first = token(&hs, "urn:matrix:client:api:* urn:matrix:client:device:FIRSTDEVICE");
    let second = token(&hs, "urn:matrix:client:api:* urn:matrix:client:device:SECOND.DEVICE");
    let at = |id: &str| get(&hs, &format!("{DEVICE}{id}"), Some(&first)).0;
    assert_eq!((at("FIRSTDEVICE"), at("SECOND%2EDEVICE"), at("THIRDDEVICE")), (200, 200, 404));
    hs.add_device("alice", "THIRDDEVICE");
    assert_eq!(at("THIRDDEVICE"), 200);
    let revocation = Request::post("https://account.example.org/revoke")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("client_id=app&token={second}").into_bytes())
        .unwrap();
    assert_eq!(hs.handle(revocation, Clock::START).status(), StatusCode::OK);
    assert_eq!(at("SECOND.DEVICE"), 404);
    assert!(hs.requests().contains(&RequestTo::Provider(On::Revoke)));
}

#[test]
fn faults_and_lies_are_told_until_it_is_honest_again() {
    let hs = homeserver().without(OnMatrix::AuthMetadata);
    let versions = || get(&hs, "https://matrix.example.org/_matrix/client/versions", None);
    hs.disturb(OnMatrix::Versions, Disturbance::status(503), 1);
    hs.edit_json(OnMatrix::Versions, |object| object.clear());
    assert_eq!(versions().0, 503);
    assert_eq!(versions(), (200, Value::Object(Map::new())));
    hs.honest();
    assert_eq!(versions().1["versions"][0], "v1.1");
    let (status, body) = get(&hs, "https://matrix.example.org/_matrix/client/v1/auth_metadata", None);
    assert_eq!((status, &body["errcode"]), (404, &"M_UNRECOGNIZED".into()));
}

/// On one host, as a server sees it: paths only.
#[test]
fn homeserver_and_provider_can_share_a_host() {
    let url = "http://127.0.0.1:8080";
    let hs = Homeserver::new(url, "127.0.0.1:8080", Provider::new(url));
    for (path, asked) in [
        ("/.well-known/matrix/client", RequestTo::Homeserver(OnMatrix::WellKnown)),
        ("/_matrix/client/versions", RequestTo::Homeserver(OnMatrix::Versions)),
        ("/.well-known/openid-configuration", RequestTo::Provider(On::ServerMetadata)),
        ("/_matrix/client/unstable/org.matrix.msc4108/rendezvous", RequestTo::Homeserver(OnMatrix::Rendezvous)),
        ("/_synapse/client/rendezvous/box1", RequestTo::Homeserver(OnMatrix::Rendezvous)),
        ("/_matrix/x", RequestTo::Homeserver(OnMatrix::Elsewhere)),
        ("/x", RequestTo::Provider(On::Elsewhere)),
    ] {
        get(&hs, path, None);
        get(&hs, &format!("{url}{path}"), None);
        assert_eq!(hs.requests().split_off(hs.requests().len() - 2), [asked, asked], "{path}");
    }
}

/// One server has it all, or lacks it.
#[test]
fn the_homeserver_has_a_rendezvous() {
    let hs = homeserver();
    let url = "https://matrix.example.org/_matrix/client/unstable/org.matrix.msc4108/rendezvous";
    let post = || hs.handle(Request::post(url).body(Vec::new()).unwrap(), Clock::START);
    let response = post();
    assert_eq!(response.status(), 201);
    let made: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(made["url"], "https://matrix.example.org/_synapse/client/rendezvous/box1");
    assert_eq!((hs.rendezvous().boxes(), get(&hs, made["url"].as_str().unwrap(), None).0), (1, 200));
    hs.disturb(OnMatrix::Rendezvous, Disturbance::status(503), 1);
    assert_eq!((post().status(), post().status()), (503.try_into().unwrap(), 201.try_into().unwrap()));
    let _ = hs.clone().without(OnMatrix::Rendezvous);
    assert_eq!(post().status(), 404);
}
