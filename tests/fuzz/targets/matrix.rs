//! The targets of the Matrix profile.

use std::sync::{Arc, OnceLock};

use oidc_proto::matrix::{
    AccountAction, Address, AuthMetadataFetch, AuthServer, DeviceCheck, DeviceId, ErrorBody, Homeserver,
    HomeserverDiscovery, LoginFlows, MetadataSource, OAuthStage, Party, PendingDeviceLogin, PendingLogin, ScopeForm,
    SdkSession, SupportCheck, UserSession, Whoami, login_scope,
};
use oidc_proto::testing::TestEnv;
use oidc_proto::{Env, Freshness, ProviderOptions, Schemes, Scope};

use super::{ISSUER, Script, World, drive, quiet, world};

const BASE_URL: &str = "https://hs.example.org";

fn parse(document: &[u8]) -> Option<Arc<AuthServer>> {
    let homeserver = Homeserver::new(BASE_URL, Schemes::HttpsOnly).unwrap();
    let freshness = Freshness { fetched_at: TestEnv::seeded(1).now(), fresh_until: None };
    let options = ProviderOptions::new();
    AuthServer::parse(document, homeserver, MetadataSource::Stable, None, options, freshness).ok()
}

fn server() -> &'static Arc<AuthServer> {
    static SERVER: OnceLock<Arc<AuthServer>> = OnceLock::new();
    SERVER.get_or_init(|| {
        let request =
            http::Request::get(format!("{ISSUER}/.well-known/openid-configuration")).body(Vec::new()).unwrap();
        let op = oidc_proto::testing::Provider::new(ISSUER);
        parse(op.handle(request, TestEnv::seeded(1).now()).body()).unwrap()
    })
}

/// What a homeserver answers: as documents by themselves, and to every flow that asks it.
pub(super) fn homeserver(data: &[u8]) {
    let mut script = Script(data);
    let mut env = TestEnv::seeded(1);
    let choice = script.byte();
    let body = data.get(3..).unwrap_or_default();
    if let Some(error) = ErrorBody::parse(body) {
        let _ = (error.refusal(http::StatusCode::UNAUTHORIZED), format!("{error:?}"));
    }
    if let Ok(Some(stage)) = OAuthStage::parse(body, Schemes::HttpsOnly) {
        assert!(stage.url().starts_with("https://"));
        assert!(serde_json::from_str::<serde_json::Value>(&stage.auth_json()).unwrap()["session"].is_string());
    }
    let _ = LoginFlows::parse(body);
    if let Some(server) = parse(body) {
        assert!(server.provider.metadata().token_endpoint.is_https());
        if let Some(account) = &server.account {
            let device = DeviceId::new("ABCDEFGHIJ").unwrap();
            let url = account.url(Some(AccountAction::DeviceDelete), Some(&device));
            assert!(url.starts_with("https://") && url.ends_with("device_id=ABCDEFGHIJ"));
        }
    }
    let World { tokens, verifying, .. } = world();
    let party = Party::new(server().clone(), verifying.clone());
    let homeserver = Homeserver::new(BASE_URL, Schemes::HttpsOnly).unwrap();
    let address = |text| Address::parse(text, Schemes::HttpsOnly).unwrap();
    let options = ProviderOptions::new();
    let step = match choice & 7 {
        0 => quiet(HomeserverDiscovery::start(address("example.org"), Schemes::HttpsOnly)),
        1 => quiet(HomeserverDiscovery::start(address(BASE_URL), Schemes::HttpsOnly)),
        2 => quiet(AuthMetadataFetch::start(homeserver, options)),
        3 => quiet(Whoami::start(tokens, &party, &mut env)),
        4 => quiet(DeviceCheck::start(&DeviceId::new("A.~_-BCDEF").unwrap(), tokens, &party, &mut env)),
        _ => quiet(SupportCheck::start(address("example.org"), options)),
    };
    if let Some(step) = step {
        drive(step, script, env, &[tokens.access_token().expose()]);
    }
}

/// Stored values and names: what is read can be written, and is read again as the same.
pub(super) fn stored(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(pending) = PendingLogin::from_json(text) {
        let again = PendingLogin::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
        assert_eq!((again.key(), again.device_id()), (pending.key(), pending.device_id()));
    }
    if let Ok(pending) = PendingDeviceLogin::from_json(text) {
        PendingDeviceLogin::from_json(&serde_json::to_string(&pending).unwrap()).unwrap();
    }
    if let Ok(session) = UserSession::from_json(text) {
        let again = UserSession::from_json(&serde_json::to_string(&session).unwrap()).unwrap();
        assert_eq!((again.user_id(), again.homeserver()), (session.user_id(), session.homeserver()));
    }
    if let Ok(session) = SdkSession::from_json(text)
        && let Ok(joined) = session.clone().with_client_id("app").join(server(), TestEnv::seeded(1).now())
    {
        UserSession::from_json(&serde_json::to_string(&joined).unwrap()).unwrap();
    }
    if let Ok(server) = AuthServer::from_json(text, ProviderOptions::new()) {
        AuthServer::from_json(&serde_json::to_string(&*server).unwrap(), ProviderOptions::new()).unwrap();
    }
    for schemes in [Schemes::HttpsOnly, Schemes::DangerousHttpOnLoopback] {
        if let Ok(address) = Address::parse(text, schemes) {
            assert!(HomeserverDiscovery::start(address, schemes).is_ok());
        }
    }
    if let Ok(device) = DeviceId::new(text) {
        let scope = login_scope(ScopeForm::Stable, &device, &Scope::default()).unwrap();
        assert_eq!(scope.iter().count(), 2);
    }
}
