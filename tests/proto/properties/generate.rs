//! Values to try, and the provider and client that they are tried at.

use http::Request;
use oidc_proto::testing::TestEnv;
use oidc_proto::{
    Body, Client, ClientAuth, Env as _, Flow, Issuer, Provider, ProviderOptions, RedirectUri, RelyingParty, Schemes,
    Scope, Step, UnknownFields,
};
use proptest::prelude::*;
use proptest::sample::select;
use url::form_urlencoded;

pub(crate) const ISSUER: &str = "https://op.example.org";
pub(crate) const REDIRECT: &str = "https://app.example.org/cb";

pub(crate) type Pairs = Vec<(String, String)>;

/// Any text: plain, of control characters, beyond the basic plane.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[ -~]{0,24}",
        2 => "\\PC{0,12}",
        1 => proptest::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter),
        1 => "[&=+%#?;\\x00-\\x20\u{7f}é€😀]{0,12}",
    ]
}

pub(crate) fn some_text() -> impl Strategy<Value = String> {
    text().prop_filter("empty", |text| !text.is_empty())
}

/// What a provider can call a client.
pub(crate) fn client_id() -> impl Strategy<Value = String> {
    // Neither control characters nor such as are not seen.
    prop_oneof!["[ -~]{1,24}", "[&=+%#?;é€😀漢ж ]{1,12}"]
}

/// Printable ASCII, as tokens, codes and verifiers are.
pub(crate) fn token() -> impl Strategy<Value = String> {
    "[ -~]{1,40}"
}

pub(crate) fn scope_values() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[!#-\\[\\]-~]{1,12}", 0..5)
}

pub(crate) fn issuer() -> impl Strategy<Value = String> {
    let host = select(vec!["op.example.org", "[::1]", "127.0.0.1:8443", "bücher.example", "OP.example.org:443"]);
    (select(vec!["https://", "HTTPS://"]), host, "(/[a-zA-Z0-9._~%{}-]{0,6}){0,3}")
        .prop_map(|(scheme, host, path)| format!("{scheme}{host}{path}"))
        .prop_filter("no issuer", |text| Issuer::new(text, Schemes::HttpsOnly).is_ok())
}

pub(crate) fn redirect_uri() -> impl Strategy<Value = RedirectUri> {
    let base = select(vec![
        "https://app.example.org",
        "http://127.0.0.1:4711",
        "http://[::1]",
        "http://localhost:1",
        "com.example.app:",
        "com.example.app://host",
    ]);
    (base, "/[a-zA-Z0-9._~%é-]{0,10}", proptest::option::of("[a-z]{1,3}=[a-zA-Z0-9%+é]{0,5}")).prop_map(
        |(base, path, query)| {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            RedirectUri::new(&format!("{base}{path}{query}")).unwrap()
        },
    )
}

/// Milliseconds up to the end of the year 9999.
pub(crate) fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![0..253_402_300_799_999_u64, Just(0), Just(1_767_225_600_000)]
}

pub(crate) fn env() -> TestEnv {
    TestEnv::seeded(1)
}

/// A client at a provider with every endpoint. The provider's keys are there, and are none, so that no flow begins with
/// them.
pub(crate) fn party(client: Client) -> RelyingParty {
    party_with_query("", client)
}

/// The same, and the provider's URLs have this query, `?` included.
pub(crate) fn party_with_query(query: &str, client: Client) -> RelyingParty {
    let endpoints = [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "registration_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "end_session_endpoint",
        "pushed_authorization_request_endpoint",
        "device_authorization_endpoint",
    ];
    let mut document = serde_json::json!({
        "issuer": ISSUER,
        "response_types_supported": ["code"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "code_challenge_methods_supported": ["S256"],
    });
    for name in endpoints {
        document[name] = format!("{ISSUER}/{name}{query}").into();
    }
    let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap();
    let options = ProviderOptions::new().with_unknown_fields(UnknownFields::Keep);
    let provider = Provider::from_json(document.to_string().as_bytes(), &issuer, options).unwrap();
    provider.supply_keys(br#"{"keys":[]}"#, env().now(), &env()).unwrap();
    RelyingParty::new(provider, client)
}

pub(crate) fn redirect() -> RedirectUri {
    RedirectUri::new(REDIRECT).unwrap()
}

/// A client, and the parameters that its authentication adds to a form.
pub(crate) fn client() -> impl Strategy<Value = (Client, Pairs)> {
    let secret = prop_oneof![
        text().prop_map(|_| None),
        some_text().prop_map(|secret| Some((true, secret))),
        some_text().prop_map(|secret| Some((false, secret))),
    ];
    (client_id(), secret).prop_map(|(id, secret)| {
        let client = Client::new(id.clone()).with_redirect_uri(redirect());
        let with_id = vec![("client_id".to_owned(), id)];
        match secret {
            None => (client, with_id),
            Some((true, secret)) => (client.with_auth(ClientAuth::SecretBasic(secret.as_str().into())), Vec::new()),
            Some((false, secret)) => (
                client.with_auth(ClientAuth::SecretPost(secret.as_str().into())),
                [with_id, vec![("client_secret".to_owned(), secret)]].concat(),
            ),
        }
    })
}

pub(crate) fn scope(values: &[String]) -> Scope {
    Scope::new(&values.join(" ")).unwrap()
}

/// The request of a flow's first step.
pub(crate) fn request<F: Flow>(step: Step<F>) -> Request<Body> {
    let Step::Call(call) = step else { panic!("not a call") };
    call.into_parts().0
}

/// A form as the URL Standard reads it.
pub(crate) fn read_form(form: &str) -> Pairs {
    form_urlencoded::parse(form.as_bytes()).into_owned().collect()
}

/// A form as the URL Standard writes it.
/// As the url crate writes it, but for spaces.
pub(crate) fn write_form(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().replace('+', "%20")
}

pub(crate) fn body(request: &Request<Body>) -> &str {
    std::str::from_utf8(request.body().as_ref()).unwrap()
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
