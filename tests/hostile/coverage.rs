//! What the tables leave out: lies that no row tells, and codes that nothing raises.

use std::collections::BTreeSet;

use oidc_proto::testing::Lie;
use oidc_proto::{Code, Fault};

use crate::world::{Row, Say};

/// Codes that no provider, network or browser can make this crate raise.
const RAISED_ELSEWHERE: &[(Code, &str)] = &[
    (Code::StepUnexpected, "a driver's mistake: tests/contract.rs"),
    (Code::StepNoTimer, "a driver's lack: tests/contract.rs"),
    (Code::SignMissing, "a driver's lack: client_auth.rs"),
    (Code::SignFailed, "a key store's no: client_auth.rs"),
    (Code::EnvEntropy, "the operating system's lack: src/adapter/system.rs"),
    (Code::JwsNoBackend, "a build without signatures: src/jose/tests/verification.rs"),
    (Code::SessionMismatch, "tests/session/endings.rs"),
    (Code::SessionEnded, "tests/session/endings.rs"),
    (Code::SessionStore, "tests/session/store.rs"),
    (Code::SessionTokenRefused, "tests/session/callers.rs"),
    (Code::MatrixServerName, "tests/matrix/hostile.rs"),
    (Code::MatrixUserId, "tests/matrix/hostile.rs"),
    (Code::MatrixDeviceId, "tests/matrix/hostile.rs"),
    (Code::MatrixScope, "tests/matrix/hostile.rs"),
    (Code::MatrixUnsupported, "tests/matrix/finding.rs"),
    (Code::MatrixHomeserverMismatch, "tests/matrix/sessions.rs"),
    (Code::HomeserverWellKnown, "tests/matrix/finding.rs"),
    (Code::HomeserverNotFound, "tests/matrix/finding.rs"),
    (Code::HomeserverVersions, "tests/matrix/finding.rs"),
    (Code::HomeserverUnknownToken, "tests/matrix/hostile.rs"),
    (Code::HomeserverMissingToken, "tests/matrix/hostile.rs"),
    (Code::HomeserverUserLocked, "tests/matrix/hostile.rs"),
    (Code::HomeserverDenied, "tests/matrix/hostile.rs"),
    (Code::WhoamiUserId, "tests/matrix/hostile.rs"),
    (Code::WhoamiDeviceId, "tests/matrix/hostile.rs"),
    (Code::WhoamiUserMismatch, "tests/matrix/hostile.rs"),
    (Code::WhoamiDeviceMismatch, "tests/matrix/hostile.rs"),
    (Code::RegistrationClientUri, "tests/matrix/hostile.rs"),
    (Code::RegistrationUri, "tests/matrix/hostile.rs"),
    (Code::StoreBusy, "tests/stores/files.rs"),
    (Code::StoreIo, "tests/stores/files.rs"),
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
    let raised: BTreeSet<&str> = rows().into_iter().filter_map(|(_, code)| code).map(Code::as_str).collect();
    let elsewhere: BTreeSet<&str> = RAISED_ELSEWHERE.iter().map(|(code, _)| code.as_str()).collect();
    let both: Vec<_> = raised.intersection(&elsewhere).collect();
    assert!(both.is_empty(), "raised here after all: {both:?}");
    let known = |code: &&str| raised.contains(code) || elsewhere.contains(code);
    // Logging in by QR code has tests of its own, and a look after its codes: tests/qr/coverage.rs.
    let codes = Code::ALL.iter().map(|code| code.as_str()).filter(|code| !code.starts_with("qr."));
    let dead: Vec<_> = codes.filter(|code| !known(code)).collect();
    assert!(dead.is_empty(), "raised by nothing: {dead:?}");
}

/// The names are an interface, and each belongs to one code.
#[test]
fn names_are_dotted_words_and_unique() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        let name = code.as_str();
        assert!(name.split('.').count() == 2, "{name}");
        assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')), "{name}");
        assert!(!code.section().is_empty() && !code.message().is_empty());
        assert_eq!(name.starts_with("transport."), code.fault() == Fault::Transport && !name.starts_with("http."));
        assert_eq!(code.to_string(), name);
    }
}
