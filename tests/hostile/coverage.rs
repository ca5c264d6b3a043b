//! What the tables leave out: lies that no row tells, and codes that nothing raises.

use std::collections::BTreeSet;

use oidc_proto::testing::Lie;
use oidc_proto::{ErrorCode, Family, Fault, Recovery};

use crate::world::{Row, Say};

/// Codes that no provider, network or browser can make this crate raise.
const RAISED_ELSEWHERE: &[(ErrorCode, &str)] = &[
    (ErrorCode::STEP_UNEXPECTED, "a driver's mistake: tests/contract.rs"),
    (ErrorCode::STEP_NO_TIMER, "a driver's lack: tests/contract.rs"),
    (ErrorCode::SIGN_MISSING, "a driver's lack: client_auth.rs"),
    (ErrorCode::SIGN_FAILED, "a key store's no: client_auth.rs"),
    (ErrorCode::KEY_REFUSED, "a key store's no"),
    (ErrorCode::KEY_UNSUPPORTED, "a key store's lack"),
    (ErrorCode::ENV_ENTROPY, "the operating system's lack: src/adapter/system.rs"),
    (ErrorCode::JWS_NO_BACKEND, "a build without signatures: src/jose/tests/verification.rs"),
    (ErrorCode::SESSION_MISMATCH, "tests/session/endings.rs"),
    (ErrorCode::SESSION_ENDED, "tests/session/endings.rs"),
    (ErrorCode::SESSION_STORE, "tests/session/store.rs"),
    (ErrorCode::SESSION_TOKEN_REFUSED, "tests/session/callers.rs"),
    (ErrorCode::MATRIX_SERVER_NAME, "tests/matrix/hostile.rs"),
    (ErrorCode::MATRIX_USER_ID, "tests/matrix/hostile.rs"),
    (ErrorCode::MATRIX_DEVICE_ID, "tests/matrix/hostile.rs"),
    (ErrorCode::MATRIX_SCOPE, "tests/matrix/hostile.rs"),
    (ErrorCode::MATRIX_UNSUPPORTED, "tests/matrix/finding.rs"),
    (ErrorCode::MATRIX_HOMESERVER_MISMATCH, "tests/matrix/sessions.rs"),
    (ErrorCode::HOMESERVER_WELL_KNOWN, "tests/matrix/finding.rs"),
    (ErrorCode::HOMESERVER_NOT_FOUND, "tests/matrix/finding.rs"),
    (ErrorCode::HOMESERVER_VERSIONS, "tests/matrix/finding.rs"),
    (ErrorCode::HOMESERVER_UNKNOWN_TOKEN, "tests/matrix/hostile.rs"),
    (ErrorCode::HOMESERVER_MISSING_TOKEN, "tests/matrix/hostile.rs"),
    (ErrorCode::HOMESERVER_USER_LOCKED, "tests/matrix/hostile.rs"),
    (ErrorCode::HOMESERVER_DENIED, "tests/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_USER_ID, "tests/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_DEVICE_ID, "tests/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_USER_MISMATCH, "tests/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_DEVICE_MISMATCH, "tests/matrix/hostile.rs"),
    (ErrorCode::REGISTRATION_CLIENT_URI, "tests/matrix/hostile.rs"),
    (ErrorCode::REGISTRATION_URI, "tests/matrix/hostile.rs"),
    (ErrorCode::STORE_BUSY, "tests/stores/files.rs"),
    (ErrorCode::STORE_IO, "tests/stores/files.rs"),
];

fn rows() -> Vec<Row> {
    [
        crate::callback::rows(),
        crate::client_auth::rows(),
        crate::device::rows(),
        crate::discovery::rows(),
        crate::dpop::rows(),
        crate::id_token_claims::rows(),
        crate::id_token_form::rows(),
        crate::keys::rows(),
        crate::limits::rows(),
        crate::logout_token::rows(),
        crate::misuse::rows(),
        crate::par::rows(),
        crate::refresh::rows(),
        crate::registration::rows(),
        crate::resource::rows(),
        crate::stored::rows(),
        crate::tokens::rows(),
        crate::transport::rows(),
        crate::userinfo::rows(),
    ]
    .concat()
}

#[test]
fn every_lie_has_a_row() {
    let rows = rows();
    let told = |lie: &&Lie| rows.iter().any(|(say, _)| matches!(say, Say::Lie(told) if told == *lie));
    let untold: Vec<_> = Lie::PLAIN.iter().filter(|lie| !told(lie)).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn every_code_is_raised_or_said_to_be_raised_elsewhere() {
    let raised: BTreeSet<&str> = rows().into_iter().filter_map(|(_, code)| code).map(ErrorCode::as_str).collect();
    let elsewhere: BTreeSet<&str> = RAISED_ELSEWHERE.iter().map(|(code, _)| code.as_str()).collect();
    let both: Vec<_> = raised.intersection(&elsewhere).collect();
    assert!(both.is_empty(), "raised here after all: {both:?}");
    let known = |code: &&str| raised.contains(code) || elsewhere.contains(code);
    // Logging in by QR code has tests of its own, and a look after its codes: tests/qr/coverage.rs.
    let codes = ErrorCode::all().map(|code| code.as_str()).filter(|code| !code.starts_with("qr."));
    let dead: Vec<_> = codes.filter(|code| !known(code)).collect();
    assert!(dead.is_empty(), "raised by nothing: {dead:?}");
}

/// The names are an interface, and each belongs to one code.
#[test]
fn names_are_dotted_words_and_unique() {
    let names: BTreeSet<&str> = ErrorCode::all().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), ErrorCode::all().count());
    for code in ErrorCode::all() {
        let name = code.as_str();
        assert!(name.split('.').count() == 2, "{name}");
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')), "{name}");
        assert!(!code.section().is_empty() && !code.message().is_empty());
        assert!(code.message().len() < 100 && !code.message().ends_with('.'), "{name}");
        for text in [code.message(), code.cause(), code.cure()] {
            let riddle =
                ["none that", "answer", "whoever", " worth ", "stands there"].iter().find(|word| text.contains(*word));
            assert_eq!(riddle, None, "{name}: {text}");
        }
        for sentence in [code.cause(), code.cure()] {
            assert!(sentence.ends_with('.') && sentence.len() < 200, "{name}: {sentence}");
            assert!(sentence.starts_with(|c: char| c.is_uppercase() || c == '`'), "{name}: {sentence}");
        }
        // What belongs together by one of the columns belongs together by the others.
        let is_ours = matches!(code.recovery(), Recovery::FixEnvironment) && code.fault() == Fault::Local;
        assert!(!is_ours, "{name}: a broken machine is not the caller's fault");
        assert_eq!(
            code.fault() == Fault::Environment,
            matches!(code.family(), Family::Store | Family::KeyStore | Family::Machine),
            "{name}"
        );
        assert_eq!(name.starts_with("transport."), code.fault() == Fault::Transport && !name.starts_with("http."));
        assert_eq!(code.to_string(), name);
    }
}
