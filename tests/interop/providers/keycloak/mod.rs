//! Keycloak. Each test has a realm of its own.

mod clocks;
mod endings;
mod logout;
mod session;
mod strong;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use oidc_proto::{AuthMethod, Client, ClientAuth, RedirectUri};
use serde_json::{Value, json};

use super::world::{ALICE, REDIRECT_URI, World, send};
use crate::support::provider::Provider;

/// One server for all tests of the process.
fn server() -> &'static str {
    static SERVER: OnceLock<Provider> = OnceLock::new();
    &SERVER.get_or_init(|| Provider::start("keycloak", &[])).ready
}

struct Realm {
    admin: String,
    issuer: String,
}

impl Realm {
    /// A realm with the user alice and the public client `native`, and with what `edit` does to either.
    fn new(edit: impl FnOnce(&mut Value)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("realm-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut realm = json!({
            "realm": name,
            "enabled": true,
            "users": [{
                "username": "alice", "enabled": true, "email": "alice@example.org", "emailVerified": true,
                "firstName": "Alice", "lastName": "Test", "credentials": [{ "type": "password", "value": ALICE.1 }],
            }],
            "clients": [{
                "clientId": "native", "publicClient": true, "redirectUris": ["http://127.0.0.1/callback"],
                "attributes": {
                    "oauth2.device.authorization.grant.enabled": "true",
                    "post.logout.redirect.uris": "http://127.0.0.1/bye",
                },
            }],
        });
        edit(&mut realm);
        let (status, answer) = api("POST", &format!("{}/admin/realms", server()), &realm);
        assert_eq!(status, 201, "{answer}");
        Self { admin: format!("{}/admin/realms/{name}", server()), issuer: format!("{}/realms/{name}", server()) }
    }

    fn api(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = api(method, &format!("{}{path}", self.admin), body);
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }

    fn find(&self, path: &str) -> String {
        self.api("GET", path, &Value::Null)[0]["id"].as_str().unwrap().to_owned()
    }

    /// A new key for this algorithm, before all others; the old ones are gone.
    fn rotate_keys(&self) {
        let keys = "?type=org.keycloak.keys.KeyProvider";
        let old = self.api("GET", &format!("/components{keys}"), &Value::Null);
        self.api(
            "POST",
            "/components",
            &json!({
                "name": "newer", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
                "config": { "priority": ["200"], "algorithm": ["RS256"] },
            }),
        );
        for key in old.as_array().unwrap().iter().filter(|key| key["providerId"] == "rsa-generated") {
            self.api("DELETE", &format!("/components/{}", key["id"].as_str().unwrap()), &Value::Null);
        }
    }

    /// Whether the user can log in.
    fn enable_user(&self, enabled: bool) {
        let id = self.find("/users?username=alice");
        self.api("PUT", &format!("/users/{id}"), &json!({ "enabled": enabled }));
    }

    /// Gives the user the role that offline sessions need.
    fn allow_offline(&self) {
        let id = self.find("/users?username=alice");
        let role = self.api("GET", "/roles/offline_access", &Value::Null);
        self.api("POST", &format!("/users/{id}/role-mappings/realm"), &json!([role]));
    }

    fn delete_client(&self, client_id: &str) {
        let id = self.find(&format!("/clients?clientId={client_id}"));
        self.api("DELETE", &format!("/clients/{id}"), &Value::Null);
    }

    /// The public client by the library.
    fn world(&self) -> World {
        World::new(&self.issuer, |_| native(ClientAuth::new(AuthMethod::None, None).unwrap()))
    }
}

fn native(auth: ClientAuth) -> Client {
    Client::new("native").with_auth(auth).with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap())
}

/// A request as the administrator, whose token lives for a minute.
fn api(method: &str, url: &str, body: &Value) -> (u16, Value) {
    let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin";
    let token = format!("{}/realms/master/protocol/openid-connect/token", server());
    let (_, answer) = send("POST", &token, "", "application/x-www-form-urlencoded", form);
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(method, url, &bearer, "application/json", &body)
}
