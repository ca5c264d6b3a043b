//! What the tables leave out: lies that no row tells, and codes that nothing raises.

use std::collections::BTreeSet;

use oidc_proto::testing::Lie;
use oidc_proto::{ErrorCode, Family, Fault, Recovery};

use crate::hostile::world::{Row, Say};

/// Codes that no provider, network or browser can make this crate raise.
const RAISED_ELSEWHERE: &[(ErrorCode, &str)] = &[
    (ErrorCode::TOKEN_INTERACTION_REQUIRED, "tests/proto/reading/verdicts.rs"),
    (ErrorCode::CALLBACK_NO_LOGIN, "a page in a browser: tests/browser/scenarios"),
    (ErrorCode::POPUP_BLOCKED, "a page in a browser: tests/browser/scenarios"),
    (ErrorCode::WORD_UNKNOWN, "a caller's configuration: tests/proto/reading/words.rs"),
    (ErrorCode::STEP_UNEXPECTED, "a driver's mistake: tests/proto/contract.rs"),
    (ErrorCode::STEP_NO_TIMER, "a driver's lack: tests/proto/contract.rs"),
    (ErrorCode::KEY_UNSUPPORTED, "a driver's lack: client_auth.rs"),
    (ErrorCode::KEY_REFUSED, "a key store's no: client_auth.rs"),
    (ErrorCode::KEY_OUTPUT, "a key store's mistake: client_auth.rs"),
    (ErrorCode::SIGN_FAILED, "a signer's failure: client_auth.rs"),
    (ErrorCode::CALLBACK_LOGIN_MISMATCH, "a caller's mistake: owners.rs"),
    (ErrorCode::PRIVATE_KEY_PEM, "a caller's file: src/jose/tests/pem.rs"),
    (ErrorCode::PRIVATE_KEY_MISSING, "a caller's file: src/jose/tests/pem.rs"),
    (ErrorCode::PRIVATE_KEY_ENCRYPTED, "a caller's file: src/jose/tests/pem.rs"),
    (ErrorCode::PRIVATE_KEY_UNUSABLE, "a caller's file: src/jose/tests/pem.rs"),
    (ErrorCode::ENV_ENTROPY, "the operating system's lack: src/adapter/system.rs"),
    (ErrorCode::JWS_NO_BACKEND, "a build without signatures: src/jose/tests/verification.rs"),
    (ErrorCode::SESSION_MISMATCH, "tests/proto/session/endings.rs"),
    (ErrorCode::SESSION_ENDED, "tests/proto/session/endings.rs"),
    (ErrorCode::SESSION_STORE, "tests/proto/session/late.rs"),
    (ErrorCode::SESSION_SETUP, "tests/proto/session/setup.rs"),
    (ErrorCode::SESSION_STOPPED, "tests/proto/session/registry/mod.rs"),
    (ErrorCode::STORE_CONFLICT, "tests/proto/session/conflicts.rs"),
    (ErrorCode::SESSION_TOKEN_LATE, "tests/proto/session/truth.rs"),
    (ErrorCode::SESSION_TOKEN_REFUSED, "tests/proto/session/callers.rs"),
    (ErrorCode::MATRIX_SERVER_NAME, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::MATRIX_USER_ID, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::MATRIX_DEVICE_ID, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::MATRIX_SCOPE, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::MATRIX_UNSUPPORTED, "tests/proto/matrix/finding.rs"),
    (ErrorCode::MATRIX_HOMESERVER_MISMATCH, "tests/proto/matrix/sessions.rs"),
    (ErrorCode::HOMESERVER_WELL_KNOWN, "tests/proto/matrix/finding.rs"),
    (ErrorCode::HOMESERVER_NOT_FOUND, "tests/proto/matrix/finding.rs"),
    (ErrorCode::HOMESERVER_VERSIONS, "tests/proto/matrix/finding.rs"),
    (ErrorCode::HOMESERVER_UNKNOWN_TOKEN, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::HOMESERVER_MISSING_TOKEN, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::HOMESERVER_USER_LOCKED, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::HOMESERVER_DENIED, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_USER_ID, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_DEVICE_ID, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_USER_MISMATCH, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::WHOAMI_DEVICE_MISMATCH, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::REGISTRATION_CLIENT_URI, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::REGISTRATION_URI, "tests/proto/matrix/hostile.rs"),
    (ErrorCode::STORE_BUSY, "tests/adapters/stores/files.rs"),
    (ErrorCode::STORE_IO, "tests/adapters/stores/files.rs"),
];

fn rows() -> Vec<Row> {
    [
        crate::hostile::callback::rows(),
        crate::hostile::client_auth::rows(),
        crate::hostile::device::rows(),
        crate::hostile::discovery::rows(),
        crate::hostile::dpop::rows(),
        crate::hostile::id_token_claims::rows(),
        crate::hostile::id_token_form::rows(),
        crate::hostile::keys::rows(),
        crate::hostile::limits::rows(),
        crate::hostile::logout_token::rows(),
        crate::hostile::misuse::rows(),
        crate::hostile::par::rows(),
        crate::hostile::refresh::rows(),
        crate::hostile::registration::rows(),
        crate::hostile::resource::rows(),
        crate::hostile::stored::rows(),
        crate::hostile::tokens::rows(),
        crate::hostile::transport::rows(),
        crate::hostile::userinfo::rows(),
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
    // Logging in by QR code has tests of its own, and a look after its codes: tests/proto/qr/coverage.rs.
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
            matches!(code.family(), Family::Store | Family::Stored | Family::KeyStore | Family::Machine),
            "{name}"
        );
        assert_eq!(name.starts_with("transport."), code.fault() == Fault::Transport && !name.starts_with("http."));
        assert_eq!(code.to_string(), name);
    }
}
