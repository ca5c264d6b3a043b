//! Writes the seed corpora: what an honest provider says, and what each lie and fault of `testing::Provider` makes of it.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --bin seeds`, from the top of the repository. The same seeds each time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use oidc_proto::adapter::{BlockingDriver, BlockingHttpClient as _, from_fn};
use oidc_proto::flow::{Registration, ServerMetadataFetch};
use oidc_proto::qr::{AssociatedData, CodeUrl, Generator, Initiated, NamedHomeserver, Proposal, QrCode};
use oidc_proto::testing::{Lie, Provider, TestEnv};
use oidc_proto::{ApplicationType, ClientMetadata};
use oidc_proto::{
    AuthorizationRequest, Body, Callback, Client, Env, Issuer, Policy, ProviderOptions, RedirectUri, Registrations,
    RelyingParty, Schemes, Scope,
};

/// What was said in one run: the target it is for, and the bytes.
type Said = Arc<Mutex<Vec<(&'static str, Vec<u8>)>>>;

fn main() {
    let root = Path::new("tests/fuzz/corpus");
    let mut seen = BTreeSet::new();
    let honest = std::iter::once(("honest".to_owned(), None));
    let lies = Lie::PLAIN.iter().map(|lie| (format!("{lie:?}"), Some(*lie)));
    for (name, lie) in honest.chain(lies) {
        for (i, (target, bytes)) in one_run(lie).into_iter().enumerate() {
            // Larger inputs only slow the fuzzer down.
            if bytes.len() > 8192 || !seen.insert((target, bytes.clone())) {
                continue;
            }
            let folder = root.join(target);
            fs::create_dir_all(&folder).expect("a folder for the corpus");
            fs::write(folder.join(format!("{name}-{i}")), bytes).expect("a seed");
        }
    }
    qr(root);
    for (target, seeds) in [
        (
            "json",
            &[
                r#"{"a":[1,-2.5e3,true,null],"b":{"a":"\u0061"},"longer than eight":[{"a":{}},{"a":[]}]}"#,
                r#"[{"a":1,"\u0061":2}]"#,
                r#"["code","\ud83d",["x"]]"#,
                r#"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"#,
            ][..],
        ),
        (
            "www_authenticate",
            &[
                "Bearer realm=\"a, b\", error=\"invalid_token\"",
                "Bearer error=\"insufficient_user_authentication\", acr_values=\"a b\", max_age=\"5\"\nDPoP algs=\"ES256\", error=\"use_dpop_nonce\"",
                "Negotiate a87421000492aa874209af8bc028==, Basic realm=\"\\\"x\\\"\"",
            ],
        ),
        (
            "logout_token",
            &[
                r#"{"iss":"https://op.example.org","sub":"s","aud":"app","iat":1767225600,"exp":4102444800,"jti":"1","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}"#,
                r#"{"iss":"https://op.example.org","sid":"s","aud":["app","b"],"iat":1.5e9,"exp":4102444800,"jti":"1","events":{"x":{"y":[]},"http://schemas.openid.net/event/backchannel-logout":{}},"nonce":null}"#,
                "logout_token=eyJhbGciOiJSUzI1NiIsInR5cCI6ImxvZ291dCtqd3QifQ.e30.AAAA&x=1",
            ],
        ),
        (
            "device",
            &[
                r#"{"device_code":"d","user_code":"WDJB-MJHT","verification_uri":"https://op.example.org/link","verification_uri_complete":"https://op.example.org/link?c=1","expires_in":600,"interval":5}"#,
                r#"{"device_code":"d","user_code":"A","verification_uri":"https://op.example.org/link","expires_in":"600","interval":null}"#,
            ],
        ),
        (
            "pending",
            &[
                r#"{"version":1,"issuer":"https://op.example.org","client_id":"c","scope":"openid","device_code":"d","user_code":"A","verification_uri":"https://op.example.org/link","interval_seconds":5,"expires_at":1}"#,
            ],
        ),
        (
            "homeserver",
            &[
                "\u{0}\0\0{\"m.homeserver\":{\"base_url\":\"https://hs.example.org/\"}}",
                "\u{1}\0\0{\"versions\":[\"v1.1\",\"v1.18\"]}",
                "\u{2}\0\0{\"issuer\":\"https://op.example.org\",\"authorization_endpoint\":\"https://op.example.org/a\",\"token_endpoint\":\"https://op.example.org/t\",\"revocation_endpoint\":\"https://op.example.org/r\",\"response_types_supported\":[\"code\"],\"grant_types_supported\":[\"authorization_code\",\"refresh_token\"],\"code_challenge_methods_supported\":[\"S256\"],\"account_management_uri\":\"https://op.example.org/me?a\",\"account_management_actions_supported\":[\"org.matrix.session_end\"]}",
                "\u{3}\0\0{\"user_id\":\"@alice:example.org\",\"device_id\":\"ABCDEFGHIJ\"}",
                "\u{4}\0\u{8}{\"errcode\":\"M_NOT_FOUND\",\"error\":\"no\",\"retry_after_ms\":5,\"soft_logout\":true}",
            ],
        ),
        (
            "matrix_stored",
            &[
                include_str!("../../../tests/fixtures/pending_login.v1.json"),
                include_str!("../../../tests/fixtures/pending_login_again.v1.json"),
                include_str!("../../../tests/fixtures/pending_device_login.v1.json"),
                include_str!("../../../tests/fixtures/user_session.v1.json"),
                "@alice:example.org",
                "https://hs.example.org/",
                "[::1]:8008",
            ],
        ),
        (
            "flow",
            &[
                "\u{3}\0{\"access_token\":\"a\",\"token_type\":\"Bearer\"}",
                "\u{a}\0\u{4}{\"error\":\"authorization_pending\"}",
                "\u{8}\0\u{1}{\"request_uri\":\"urn:x\"}",
            ],
        ),
    ] {
        let folder = root.join(target);
        fs::create_dir_all(&folder).expect("a folder for the corpus");
        for (i, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("hand-{i}")), seed).expect("a seed");
        }
    }
}

/// Codes of each kind, the texts that open a channel, conversations, and each message.
fn qr(root: &Path) {
    let mut env = TestEnv::seeded(1);
    let generator = Generator::new(Proposal::Msc4108, &mut env);
    let url = |text| CodeUrl::new(text, Schemes::HttpsOnly).expect("a URL");
    let key = *generator.public_key();
    let homeserver = NamedHomeserver::new("matrix.org", Schemes::HttpsOnly).expect("a server name");
    let draft = b"IO_ELEMENT_MSC4388\x03\x00keykeykeykeykeykeykeykeykeykeyke\x00\x02id\x00\x11https://a.example";
    let codes = [
        QrCode::login(key, url("https://a.example/r/1")).to_bytes(),
        QrCode::reciprocate(key, url("https://a.example/r/1"), homeserver).to_bytes(),
        QrCode::login(key, url("https://a.example/r/1")).to_base64().into_bytes(),
        draft.to_vec(),
    ];
    // The same seed as the target's, so that the greetings are the honest ones.
    let mut channels: Vec<_> = [(Proposal::Msc4108, 0), (Proposal::Msc4388, 4)]
        .map(|(proposal, tag)| {
            let (mut env, none) = (TestEnv::seeded(1), AssociatedData::none());
            let generator = Generator::new(proposal, &mut env);
            let (_, first) = Initiated::new(proposal, generator.public_key(), &none, &mut env).expect("a key");
            let (_, response) = generator.receive(&first, &none, &none, &mut env).expect("a first text");
            [&[tag], first.as_bytes(), b"\xff", response.as_bytes()].concat()
        })
        .into();
    channels.extend([
        b"\x02\0\0hello\xff\x01\x01\0\0\x01hi\xff\x01\0\0".to_vec(),
        b"\x02\0\0one\xff\0\0two\xff\x01\x01\x01".to_vec(),
        b"\x02\0\0one\xff\x01\x01\0\x01\x01\0".to_vec(),
        b"\x06\0\0hello\xff\x01\x01\0\0\x01hi\xff\x01\0\0".to_vec(),
        b"\x06\0\0one\xff\0\0two\xff\x01\x01\x01".to_vec(),
    ]);
    for message in [
        r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"homeserver":"matrix.org"}"#,
        r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","device_authorization_grant":{"verification_uri":"https://a.example","verification_uri_complete":"https://a.example/?c=1"},"device_id":"A"}"#,
        r#"{"type":"m.login.protocols","protocols":["device_authorization_grant"],"base_url":"https://a.example"}"#,
        r#"{"type":"m.login.protocol","protocol":"device_authorization_grant","verification_uri":"https://a.example","verification_uri_complete":"https://a.example/?c=1","device_id":"A"}"#,
        r#"{"type":"m.login.success"}"#,
        r#"{"type":"m.login.failure","reason":"user_cancelled","homeserver":"https://a.example"}"#,
        r#"{"type":"m.login.secrets","cross_signing":{"master_key":"A","self_signing_key":"B","user_signing_key":"C"},"backup":{"algorithm":"a","key":"D","backup_version":"1"}}"#,
    ] {
        channels.push([b"\x01", message.as_bytes()].concat());
    }
    let rendezvous = [
        (b"\0\0", r#"{"id":"box1","sequence_token":"1","expires_in_ms":60000}"#),
        (b"\x01\0", r#"{"create_available":true}"#),
        (b"\x02\0", r#"{"sequence_token":"2"}"#),
        (b"\x02\x01", r#"{"errcode":"IO_ELEMENT_MSC4388_CONCURRENT_WRITE","error":"sequence_token does not match"}"#),
        (b"\x03\0", r#"{"data":"text","sequence_token":"2","expires_in_ms":59000}"#),
        (b"\x03\0", r#"{"data":"","sequence_token":"1"}"#),
    ];
    let rendezvous: Vec<_> = rendezvous.iter().map(|(kind, body)| [&kind[..], body.as_bytes()].concat()).collect();
    let targets = [("qr_code", &codes[..]), ("qr_channel", &channels), ("qr_rendezvous", &rendezvous)];
    for (target, seeds) in targets {
        let folder = root.join(target);
        fs::create_dir_all(&folder).expect("a folder for the corpus");
        for (i, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("hand-{i}")), seed).expect("a seed");
        }
    }
}

/// A login, a refresh and userinfo at a provider that lies in one way. It goes as far as it goes.
fn one_run(lie: Option<Lie>) -> Vec<(&'static str, Vec<u8>)> {
    let said = Said::default();
    let op = Provider::new("https://op.example.org");
    if let Some(lie) = lie {
        op.lie(lie);
    }
    let _ = login(&op, &said);
    let said = said.lock().expect("no thread failed");
    said.clone()
}

fn login(op: &Provider, said: &Said) -> Option<()> {
    let note = |target, bytes: &[u8]| said.lock().expect("no thread failed").push((target, bytes.to_vec()));
    let mut env = TestEnv::seeded(7);
    let http = op.http(env.clock());
    let listening = said.clone();
    let driver = BlockingDriver::new(from_fn(move |request: http::Request<Body>, policy: Policy| {
        let path = request.uri().path().to_owned();
        let response = http.call(request, policy)?;
        let target = match path.rsplit('/').next() {
            Some("openid-configuration") => "metadata",
            Some("jwks") => "jwks",
            Some("register") => "registration",
            Some("token") => "token_response",
            _ => return Ok(response),
        };
        let body = response.body().clone();
        let mut said = listening.lock().expect("no thread failed");
        let id_token = serde_json::from_slice::<serde_json::Value>(&body).ok();
        if let Some(id_token) = id_token.as_ref().and_then(|body| body.get("id_token")?.as_str()) {
            said.push(("jws", id_token.as_bytes().to_vec()));
        }
        // A scripted flow: its first response.
        let kind = ["metadata", "jwks", "registration", "token_response"].iter().position(|own| *own == target);
        let script = [&[kind.unwrap_or(0) as u8, 0, 0], body.as_slice(), &[0xff]].concat();
        said.push(("flow", script));
        said.push((target, body));
        Ok(response)
    }));
    let issuer = Issuer::new("https://op.example.org", Schemes::HttpsOnly).ok()?;
    let provider =
        driver.run(ServerMetadataFetch::start(issuer, ProviderOptions::new()).ok()?, &mut env).ok()?.provider;
    // The keys come first, for whichever client.
    let anyone = RelyingParty::new(provider.clone(), Client::new("app"));
    driver.run(anyone.fetch_keys(&mut env).ok()?, &mut env).ok()?;
    let redirect_uri = RedirectUri::new("https://app.example.org/cb").ok()?;
    let metadata = ClientMetadata::new(ApplicationType::Web, vec![redirect_uri.clone()]);
    let registered = driver.run(Registration::start(&provider, metadata.clone()).ok()?, &mut env).ok()?;
    let mut all = Registrations::default();
    all.insert(provider.issuer(), &metadata, registered.clone());
    note("registrations", &serde_json::to_vec(&all).ok()?);
    let party = RelyingParty::new(provider, registered.client(std::slice::from_ref(&redirect_uri)));
    let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid").ok()?);
    let (url, pending) = party.authorize(request, &mut env).ok()?;
    note("pending", &serde_json::to_vec(&pending).ok()?);
    let landing = op.visit(url.as_str(), env.now());
    note("callback", landing.callback().as_bytes());
    let verified = party.check(&pending, &Callback::from_url(landing.callback()).ok()?, env.now()).ok()?;
    let tokens = driver.run(party.redeem(pending, verified, &mut env).ok()?, &mut env).ok()?.verified().ok()?.tokens;
    note("pending", &serde_json::to_vec(&tokens).ok()?);
    let claims: serde_json::Value = tokens.id_token()?.claims().ok()?;
    note("id_token", claims.to_string().as_bytes());
    let refreshed = driver.run(party.refresh(&tokens, &mut env).ok()?, &mut env);
    let tokens = refreshed.ok()?.verified().ok()?.tokens;
    driver.run(party.userinfo(&tokens, &mut env).ok()?, &mut env).ok()?;
    Some(())
}
