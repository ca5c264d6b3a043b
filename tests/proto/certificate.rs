//! A client with a certificate (RFC 8705): the requests that carry its credentials or its tokens name the certificate, and no
//! other request does.

use std::cell::RefCell;

use http::Request;
use oidc_proto::adapter::{BlockingDriver, from_fn};
use oidc_proto::testing::{Provider, RegisteredClient, TestEnv};
use oidc_proto::{
    Accept, AuthorizationRequest, Body, Callback, Client, Env as _, Issuer, Policy, RedirectUri, RelyingParty, Schemes,
    Scope,
};

const ISSUER: &str = "https://op.example.org";
const REDIRECT_URI: &str = "https://app.example.org/cb";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What every request named, by its path.
fn presented(client: Client) -> Vec<(String, Option<String>)> {
    let mut env = TestEnv::seeded(1);
    let registered = RegisteredClient::public("app", REDIRECT_URI).with_grant_type(DEVICE_GRANT);
    let op = Provider::new(ISSUER).with_client(registered);
    let (clock, seen) = (env.clock().clone(), RefCell::new(Vec::new()));
    let http = BlockingDriver::new(from_fn(|request: Request<Body>, policy: Policy| {
        seen.borrow_mut().push((request.uri().path().to_owned(), policy.client_certificate().map(str::to_owned)));
        op.exchange(request, clock.now())
    }));
    let http = http.with_sleep(|pause| clock.advance(pause));

    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let client = client.with_redirect_uri(RedirectUri::new(REDIRECT_URI).unwrap());
    let party = http.run(RelyingParty::discover(issuer, client).unwrap(), &mut env).unwrap();
    let scope = || Scope::new("openid").unwrap();
    let request = AuthorizationRequest::new(RedirectUri::new(REDIRECT_URI).unwrap(), scope());
    let step = party.push(request, &mut env).unwrap();
    let (url, pending) = http.run(step, &mut env).unwrap();
    let callback = Callback::from_url(op.visit(url.as_str(), env.now()).callback()).unwrap();
    let verified = party.check(&pending, &callback, env.now()).unwrap();
    let step = party.redeem(pending, verified, &mut env).unwrap();
    let tokens = http.run(step, &mut env).unwrap().verified().unwrap().tokens;
    let step = party.userinfo(&tokens, &mut env).unwrap();
    http.run(step, &mut env).unwrap();
    let resource = Request::get(format!("{ISSUER}/resource")).body(Body::default()).unwrap();
    let own = Policy::read(1024, Accept::Any).with_client_certificate("of this request");
    let step = party.call(resource, own, &tokens, &mut env).unwrap();
    http.run(step, &mut env).unwrap();
    let step = party.authorize_device(scope(), &mut env).unwrap();
    let pending = http.run(step, &mut env).unwrap();
    let step = party.poll_device(pending, &mut env).unwrap();
    let _ = http.run(step, &mut env).unwrap();
    let step = party.revoke(&tokens, &mut env).unwrap();
    http.run(step, &mut env).unwrap();
    seen.into_inner()
}

#[test]
fn requests_with_credentials_or_tokens_name_the_clients_certificate() {
    for (client, own) in
        [(Client::new("app").with_client_certificate("device"), Some("device")), (Client::new("app"), None)]
    {
        let presented = presented(client);
        for path in ["/par", "/token", "/userinfo", "/resource", "/device_authorization", "/revoke"] {
            assert!(presented.iter().any(|(seen, _)| seen == path), "{path} was not asked: {presented:?}");
        }
        for (path, certificate) in presented {
            let expected = match path.as_str() {
                "/.well-known/openid-configuration" | "/jwks" => None,
                "/resource" => Some("of this request"),
                _ => own,
            };
            assert_eq!(certificate.as_deref(), expected, "{path}");
        }
    }
}
