use super::*;
use crate::qr::homeserver::URL_LIMIT;

/// Longest device ID.
const DEVICE_ID_LIMIT: usize = 255;

const SECRETS: &str = r#"{"type":"m.login.secrets","cross_signing":{"master_key":"MASTER","self_signing_key":"SELF","user_signing_key":"USER"},"backup":{"algorithm":"m.megolm_backup.v1.curve25519-aes-sha2","key":"BACKUP","backup_version":"1"}}"#;

fn read(json: &str) -> Result<Message, (ErrorCode, Option<&'static str>)> {
    Message::from_json(json, Schemes::HttpsOnly).map_err(|error| (error.code(), error.field()))
}

/// As deployed clients write them, and as they come back from here.
#[test]
fn every_message_comes_back_as_it_was() {
    for json in [
        r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"homeserver":"https://matrix-client.matrix.org/"}"#,
        r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"homeserver":"matrix.org"}"#,
        r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","device_authorization_grant":{"verification_uri":"https://id.matrix.org/device/abcde","verification_uri_complete":"https://id.matrix.org/device/abcde?code=ABCDE"},"device_id":"wjLpTLRqbqBzLs63aYaEv2Boi6cFEbbM/sSRQ2oAKk4"}"#,
        r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","device_authorization_grant":{"verification_uri":"https://id.matrix.org/device/abcde"},"device_id":"ABCDEFGHIJ"}"#,
        r#"{"type":"m.login.protocol_accepted"}"#,
        r#"{"type":"m.login.success"}"#,
        r#"{"type":"m.login.declined"}"#,
        r#"{"type":"m.login.failure","reason":"unsupported_protocol","homeserver":"https://matrix-client.matrix.org"}"#,
        r#"{"type":"m.login.failure","reason":"org.example.own"}"#,
        r#"{"type":"m.login.secrets","cross_signing":{"master_key":"MASTER","self_signing_key":"SELF","user_signing_key":"USER"}}"#,
        SECRETS,
    ] {
        assert_eq!(read(json).unwrap().to_json().expose(), json);
    }
    for reason in [
        LoginFailureReason::AuthorizationExpired,
        LoginFailureReason::DeviceAlreadyExists,
        LoginFailureReason::DeviceNotFound,
        LoginFailureReason::UnexpectedMessageReceived,
        LoginFailureReason::UnsupportedProtocol,
        LoginFailureReason::UserCancelled,
    ] {
        let json = Message::from(reason).to_json();
        assert_eq!(json.expose(), format!(r#"{{"type":"m.login.failure","reason":"{}"}}"#, reason.name()));
        assert!(
            matches!(read(json.expose()), Ok(Message::Failure { reason: Reason::Known(known), .. }) if known == reason)
        );
    }
}

/// Over the channel of MSC4388, deployed clients name and place two things otherwise.
#[test]
fn either_form_is_read_and_the_one_of_the_proposal_is_written() {
    for (json, draft) in [
        (
            r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"homeserver":"https://a.example"}"#,
            r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"base_url":"https://a.example"}"#,
        ),
        (
            r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","device_authorization_grant":{"verification_uri":"https://a.example","verification_uri_complete":"https://a.example/?c=1"},"device_id":"ABC"}"#,
            r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","verification_uri":"https://a.example","verification_uri_complete":"https://a.example/?c=1","device_id":"ABC"}"#,
        ),
        (r#"{"type":"m.login.success"}"#, r#"{"type":"m.login.success"}"#),
    ] {
        for read_from in [json, draft] {
            let message = read(read_from).unwrap();
            assert_eq!(message.to_json_of(Proposal::Msc4108).expose(), json);
            assert_eq!(message.to_json_of(Proposal::Msc4388).expose(), draft);
        }
    }
    let without = r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","verification_uri_complete":"https://a.example","device_id":"A"}"#;
    assert_eq!(read(without).unwrap_err(), (ErrorCode::QR_MESSAGE, Some("device_authorization_grant")));
}

#[test]
fn what_the_other_device_says_has_a_code_here() {
    for (reason, expected) in [
        ("authorization_expired", ErrorCode::QR_PEER_AUTHORIZATION_EXPIRED),
        ("device_already_exists", ErrorCode::QR_PEER_DEVICE_EXISTS),
        ("device_not_found", ErrorCode::QR_PEER_DEVICE_NOT_FOUND),
        ("unexpected_message_received", ErrorCode::QR_PEER_UNEXPECTED_MESSAGE),
        ("unsupported_protocol", ErrorCode::QR_PEER_UNSUPPORTED_PROTOCOL),
        ("user_cancelled", ErrorCode::QR_PEER_CANCELLED),
        ("<script>\n", ErrorCode::QR_PEER_FAILURE),
    ] {
        let json = serde_json::json!({ "type": "m.login.failure", "reason": reason }).to_string();
        let Ok(Message::Failure { reason, .. }) = read(&json) else { panic!("{json}") };
        let error = reason.into_error();
        assert_eq!(error.code(), expected);
        assert!(!error.provider_text().unwrap().to_string().contains('\n'));
    }
}

#[test]
fn what_others_add_or_leave_out_is_lived_with() {
    for json in [
        "\u{feff}{\"type\":\"m.login.success\"}",
        r#"{"device_id":"A","type":"m.login.success","more":[{"a":1}]}"#,
        r#"{"type":"m.login.protocols","protocols":["device_authorization_grant","other"],"homeserver":"a:8448"}"#,
        r#"{"type":"m.login.protocols","protocols":[],"homeserver":"[::1]:8448"}"#,
        r#"{"type":"m.login.failure","reason":"user_cancelled","homeserver":"not one"}"#,
        r#"{"type":"m.login.secrets","cross_signing":{"master_key":"A","self_signing_key":"B","user_signing_key":"C","x":1},"backup":null}"#,
    ] {
        assert!(read(json).is_ok(), "{json}");
    }
}

#[test]
fn hostile_messages_are_named() {
    let protocol = |uri: &str, complete: &str, device_id: &str| {
        format!(
            r#"{{"type":"m.login.protocol","protocol":"device_authorization_grant","device_authorization_grant":{{"verification_uri":"{uri}","verification_uri_complete":"{complete}"}},"device_id":"{device_id}"}}"#
        )
    };
    let (page, long) = ("https://op.example.org/", "x".repeat(3000));
    let none = |json: &str| (json.to_owned(), ErrorCode::QR_MESSAGE, None);
    let at = |json: String, name| (json, ErrorCode::QR_MESSAGE, Some(name));
    for (json, code, name) in [
        none(""),
        none("null"),
        none("[]"),
        none("m.login.success"),
        none(r#"{"type":"m.login.success""#),
        none(r#"{"type":"m.login.success","type":"m.login.declined"}"#),
        none(r#"{"type":1}"#),
        none(r#"{"type":"m.login.protocols","protocols":"device_authorization_grant","homeserver":"a"}"#),
        none(r#"{"type":"m.login.protocols","protocols":[1],"homeserver":"a"}"#),
        none(r#"{"type":"m.login.secrets","cross_signing":{"master_key":"A"}}"#),
        none(r#"{"type":"m.login.secrets","cross_signing":"A"}"#),
        none(&format!(r#"{{"type":"m.login.success","x":{}{}}}"#, "[".repeat(40), "]".repeat(40))),
        at("{}".into(), "type"),
        at(r#"{"type":null}"#.into(), "type"),
        at(r#"{"type":"m.login.protocols","homeserver":"a"}"#.into(), "protocols"),
        at(r#"{"type":"m.login.protocols","protocols":[]}"#.into(), "homeserver"),
        at(r#"{"type":"m.login.protocols","protocols":[],"homeserver":"http://a"}"#.into(), "homeserver"),
        at(r#"{"type":"m.login.protocols","protocols":[],"homeserver":"a\nb"}"#.into(), "homeserver"),
        at(r#"{"type":"m.login.protocol"}"#.into(), "protocol"),
        at(
            r#"{"type":"m.login.protocol","protocol":"device_authorization_grant"}"#.into(),
            "device_authorization_grant",
        ),
        at(protocol("http://op.example.org/", page, "A"), "verification_uri"),
        at(protocol("javascript:alert(1)", page, "A"), "verification_uri"),
        at(protocol(&format!("{page}{long}"), page, "A"), "verification_uri"),
        at(protocol(page, "https://op.example.org/\u{202e}", "A"), "verification_uri_complete"),
        at(protocol(page, "", "A"), "verification_uri_complete"),
        at(protocol(page, page, ""), "device_id"),
        at(protocol(page, page, "a b"), "device_id"),
        at(protocol(page, page, ".."), "device_id"),
        at(protocol(page, page, r"a\u0000"), "device_id"),
        at(protocol(page, page, &long), "device_id"),
        at(r#"{"type":"m.login.failure"}"#.into(), "reason"),
        at(r#"{"type":"m.login.failure","reason":""}"#.into(), "reason"),
        at(format!(r#"{{"type":"m.login.failure","reason":"{long}"}}"#), "reason"),
        at(r#"{"type":"m.login.secrets"}"#.into(), "cross_signing"),
        at(SECRETS.replace("MASTER", ""), "master_key"),
        at(SECRETS.replace("SELF", " "), "self_signing_key"),
        at(SECRETS.replace("USER", &long), "user_signing_key"),
        at(SECRETS.replace("BACKUP", r"\n"), "key"),
        at(SECRETS.replace(r#":"1""#, r#":"""#), "backup_version"),
        at(SECRETS.replace("m.megolm_backup.v1", "\u{e9}"), "algorithm"),
        (r#"{"type":"m.login.other"}"#.into(), ErrorCode::QR_UNEXPECTED_MESSAGE, None),
        (r#"{"type":""}"#.into(), ErrorCode::QR_UNEXPECTED_MESSAGE, None),
        (r#"{"type":"m.login.protocol","protocol":"password"}"#.into(), ErrorCode::QR_UNSUPPORTED_PROTOCOL, None),
    ] {
        assert_eq!(read(&json).map(|_| ()), Err((code, name)), "{}", &json[..json.len().min(200)]);
    }
}

#[test]
fn secrets_come_and_go_as_json_and_are_never_shown() {
    let Ok(Message::Secrets(secrets)) = read(SECRETS) else { panic!("not secrets") };
    let json = secrets.to_json();
    assert_eq!(json.expose(), SECRETS.replace(r#""type":"m.login.secrets","#, ""));
    let again = Secrets::from_json(json.expose()).unwrap();
    assert_eq!(again.to_json().expose(), json.expose());
    assert_eq!(Secrets::from_json("{}").unwrap_err().code(), ErrorCode::QR_MESSAGE);
    assert_eq!(Secrets::from_json(&json.expose().replace("USER", "")).unwrap_err().field(), Some("user_signing_key"));
    let shown = format!("{secrets:?} {:?} {json:?}", Message::Secrets(secrets.clone()));
    for secret in ["MASTER", "SELF", "USER", "BACKUP"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let error = Message::from_json(&SECRETS.replace("SELF", "SELF "), Schemes::HttpsOnly).unwrap_err();
    assert_eq!(error.code(), ErrorCode::QR_MESSAGE);
    assert!(!format!("{error:?}{error}").contains("SELF"));
}

#[test]
fn the_page_for_the_user_is_the_one_with_the_code_where_there_is_one() {
    let (uri, complete) = ("https://op.example.org/link", "https://op.example.org/link?code=ABCD");
    let login = |complete| DeviceAuthorizationGrant::new(uri, complete, "ABC", Schemes::HttpsOnly).unwrap();
    let with = login(Some(complete));
    assert_eq!((with.page(), with.verification_uri(), with.device_id().as_str()), (complete, uri, "ABC"));
    assert_eq!(with.verification_uri_complete(), Some(complete));
    assert_eq!((login(None).page(), login(None).verification_uri_complete()), (uri, None));
    // As long as they can be.
    let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
    let lengths =
        |uri: usize, id: usize| DeviceAuthorizationGrant::new(&long(uri), None, &"x".repeat(id), Schemes::HttpsOnly);
    assert!(lengths(URL_LIMIT, DEVICE_ID_LIMIT).is_ok());
    for (uri, id, name) in [(URL_LIMIT + 1, 1, "verification_uri"), (18, DEVICE_ID_LIMIT + 1, "device_id")] {
        let error = lengths(uri, id).unwrap_err();
        assert_eq!((error.code(), error.field()), (ErrorCode::QR_MESSAGE, Some(name)));
    }
}

#[test]
fn a_reason_or_a_secret_beyond_its_limit_is_refused() {
    let reason = |length| format!(r#"{{"type":"m.login.failure","reason":"{}"}}"#, "x".repeat(length));
    assert!(read(&reason(REASON_LIMIT)).is_ok());
    assert_eq!(read(&reason(REASON_LIMIT + 1)).unwrap_err(), (ErrorCode::QR_MESSAGE, Some("reason")));
    let secret = |length| SECRETS.replace("MASTER", &"x".repeat(length));
    assert!(read(&secret(1024)).is_ok());
    assert_eq!(read(&secret(1025)).unwrap_err(), (ErrorCode::QR_MESSAGE, Some("master_key")));
}
