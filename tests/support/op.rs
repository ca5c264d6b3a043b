//! The embedded provider, and a Matrix homeserver beside it, behind real HTTP.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request};
use oidc_proto::Env;
use oidc_proto::adapter::SystemEnv;
use oidc_proto::testing::{Homeserver, Provider, User};

use super::server::Server;

/// The embedded provider behind real HTTP.
pub struct Op {
    pub provider: Provider,
    /// At the same place.
    pub homeserver: Homeserver,
    pub issuer: String,
    _server: Server,
}

impl Op {
    pub fn start() -> Self {
        Self::with(|provider| provider)
    }

    pub fn with(build: impl FnOnce(Provider) -> Provider) -> Self {
        let slot = Arc::new(OnceLock::<Homeserver>::new());
        let (shared, env) = (Arc::clone(&slot), SystemEnv::new().unwrap());
        let server = Server::start(move |mut connection| {
            while let Ok(seen) = connection.request() {
                let (method, target) = seen.line.split_once(' ').unwrap();
                let mut request = Request::builder().method(method).uri(target).body(seen.body.into_bytes()).unwrap();
                for (name, value) in &seen.headers {
                    let name = HeaderName::try_from(name).unwrap();
                    request.headers_mut().append(name, HeaderValue::try_from(value).unwrap());
                }
                // A fault that leaves no response breaks the connection.
                let Ok(response) = shared.wait().exchange(request, env.now()) else { break };
                let headers = response.headers().iter();
                let headers: String =
                    headers.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
                let body = String::from_utf8_lossy(response.body());
                connection.response(response.status().as_str(), &headers, &body)?;
            }
            Ok(())
        });
        let issuer = server.url("");
        let users = Provider::new(&issuer).with_user(User::new("alice")).with_user(User::new("bob"));
        // These tests wait in real time.
        let provider = build(users.with_device_interval(Some(Duration::from_secs(1))));
        let name = issuer.rsplit('/').next().unwrap();
        let homeserver = Homeserver::new(&issuer, name, provider.clone());
        assert!(slot.set(homeserver.clone()).is_ok());
        Self { provider, homeserver, issuer, _server: server }
    }
}
