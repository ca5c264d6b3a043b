//! Documents that were accepted: one test for each list in them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Response};
use oidc_proto::jose::Keys;
use oidc_proto::testing::TestEnv;
use oidc_proto::{
    Callback, Challenge, Client, Env as _, IdTokenTrust, Issuer, Provider, ProviderOptions, RelyingParty, Schemes,
    Scope, ServerMetadata, Step, TokenOutcome, TokenSet,
};

use super::in_proportion;

const ISSUER: &str = "https://op.example.org";

#[track_caller]
fn assert_in_proportion<T>(smallest: usize, input: impl Fn(usize) -> T, run: impl Fn(&T)) {
    let inputs = [1, 2, 4, 8].map(|times| input(smallest * times));
    if let Err(costs) = in_proportion(|at| run(&inputs[at])) {
        panic!("1, 2, 4 and 8 times the size cost {costs:?}");
    }
}

fn words(count: usize) -> String {
    (0..count).map(|at| format!("word{at}")).collect::<Vec<_>>().join(" ")
}

fn metadata(more: &str) -> String {
    format!(
        r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{ISSUER}/a","token_endpoint":"{ISSUER}/t","jwks_uri":"{ISSUER}/j",
            "response_types_supported":["code"]{more}}}"#
    )
}

fn issuer() -> Issuer {
    Issuer::new(ISSUER, Schemes::HttpsOnly).unwrap()
}

fn read(document: &str) -> ServerMetadata {
    ServerMetadata::parse(document.as_bytes(), &issuer(), &ProviderOptions::new()).unwrap()
}

fn party() -> RelyingParty {
    RelyingParty::new(Provider::new(read(&metadata("")), ProviderOptions::new()), Client::new("app"))
}

fn tokens(scope: &str) -> TokenSet {
    let stored = format!(
        r#"{{"version":1,"issuer":"{ISSUER}","client_id":"app","access_token":"at","token_type":"Bearer","refresh_token":"rt",
            "scope":"{scope}","obtained_at":0}}"#
    );
    TokenSet::from_json(&stored).unwrap()
}

#[test]
fn members_of_metadata() {
    let plain = |count| metadata(&(0..count).map(|at| format!(r#","name{at}":{at}"#)).collect::<String>());
    assert_in_proportion(1000, plain, |document| drop(read(document)));
    let escaped = |count| metadata(&(0..count).map(|at| format!(r#","n\u0061me{at}":{at}"#)).collect::<String>());
    assert_in_proportion(1000, escaped, |document| drop(read(document)));
}

#[test]
fn words_of_metadata() {
    let list = |count| metadata(&format!(r#","grant_types_supported":["{}"]"#, words(count).replace(' ', r#"",""#)));
    assert_in_proportion(1000, list, |document| drop(read(document)));
}

#[test]
fn keys_of_a_set() {
    let set = |count| {
        let key = |at| format!(r#"{{"kty":"EC","crv":"P-256","kid":"k{at}","x":"{0}","y":"{0}"}}"#, "A".repeat(43));
        format!(r#"{{"keys":[{}]}}"#, (0..count).map(key).collect::<Vec<_>>().join(","))
    };
    assert_in_proportion(12, set, |set| drop(Keys::parse(set.as_bytes(), TestEnv::seeded(1).now()).unwrap()));
}

#[test]
fn challenges_and_their_parameters() {
    type Part = fn(usize) -> String;
    let parts: [Part; 4] = [
        |at| format!("p{at}=1,"),
        |at| format!("S{at} a=b,"),
        |at| format!("S{at} aaa "),
        |at| format!("S{at} p=\"\\a\\\"\","),
    ];
    for part in parts {
        let headers = |count| {
            let value = format!("Bearer {}", (0..count).map(part).collect::<String>());
            HeaderMap::from_iter([(http::header::WWW_AUTHENTICATE, HeaderValue::from_str(&value).unwrap())])
        };
        assert_in_proportion(100, headers, |headers| drop(Challenge::parse_all(headers)));
    }
}

#[test]
fn parameters_of_a_callback() {
    let query = |count| (0..count).map(|at| format!("p{at}=%41&")).collect::<String>();
    assert_in_proportion(600, query, |query| drop(Callback::from_query(query).unwrap()));
}

#[test]
fn scopes_of_a_refresh() {
    let party = party();
    let input = |count| (tokens(&words(count)), Scope::new(&words(count)).unwrap());
    assert_in_proportion(500, input, |(tokens, scope)| {
        drop(party.refresh_with_scope(tokens, scope, &mut TestEnv::seeded(1)).unwrap());
    });
}

/// Of a user with an ID token, at a client that checks no signatures: only the claims cost.
fn logged_in() -> (RelyingParty, TokenSet) {
    let client = Client::new("app").with_id_token_trust(IdTokenTrust::DangerousTrustTls);
    let endpoint = format!(r#","userinfo_endpoint":"{ISSUER}/u""#);
    let party = RelyingParty::new(Provider::new(read(&metadata(&endpoint)), ProviderOptions::new()), client);
    let id_token = format!(
        r#"{{"compact":"a.b.c","issuer":"{ISSUER}","subject":"alice","audience":["app"],"expires_at":1767229200000,
            "issued_at":1767225600000}}"#
    );
    let stored = format!(
        r#"{{"version":1,"issuer":"{ISSUER}","client_id":"app","access_token":"at","token_type":"Bearer","refresh_token":"rt",
            "scope":"openid","obtained_at":1767225600000,"id_token":{id_token}}}"#
    );
    (party, TokenSet::from_json(&stored).unwrap())
}

#[test]
fn claims_of_an_id_token() {
    let (party, tokens) = logged_in();
    let parts: [fn(usize) -> String; 2] = [
        |count| (0..count).map(|at| format!(r#","c\u0061im{at}":"\u0041""#)).collect(),
        |count| format!(r#","groups":["{}"]"#, words(count).replace(' ', r#"",""#)),
    ];
    for part in parts {
        let response = |count| {
            let now = TestEnv::seeded(1).now().unix_seconds();
            let (until, more) = (now + 3600, part(count));
            let claims = format!(r#"{{"iss":"{ISSUER}","sub":"alice","aud":"app","iat":{now},"exp":{until}{more}}}"#);
            let [header, claims] = [r#"{"alg":"RS256"}"#, claims.as_str()].map(|part| URL_SAFE_NO_PAD.encode(part));
            format!(r#"{{"access_token":"at","token_type":"Bearer","id_token":"{header}.{claims}.AA"}}"#)
        };
        assert_in_proportion(200, response, |response| {
            let mut env = TestEnv::seeded(1);
            let Step::Call(call) = party.refresh(&tokens, &mut env).unwrap() else { panic!("a request") };
            let outcome = call.into_parts().2.receive(Response::new(response.clone()), &mut env);
            assert!(matches!(outcome, Ok(Step::Done(TokenOutcome::Verified(_)))));
        });
    }
}

#[test]
fn members_of_userinfo() {
    let (party, tokens) = logged_in();
    let response = |count| {
        let members = (0..count).map(|at| format!(r#","n\u0061me{at}":"\u0041""#)).collect::<String>();
        format!(r#"{{"sub":"alice"{members}}}"#)
    };
    assert_in_proportion(1000, response, |response| {
        let mut env = TestEnv::seeded(1);
        let Step::Call(call) = party.userinfo(&tokens, &mut env).unwrap() else { panic!("a request") };
        let outcome = call.into_parts().2.receive(Response::new(response.clone()), &mut env);
        let Ok(Step::Done(userinfo)) = outcome else { panic!("userinfo") };
        drop(userinfo.claims::<serde_json::Map<String, serde_json::Value>>().unwrap());
    });
}

#[test]
fn members_and_scopes_of_a_token_response() {
    let party = party();
    let tokens = tokens("a");
    let response = |count| {
        let members = (0..count).map(|at| format!(r#","n\u0061me{at}":"\u0041""#)).collect::<String>();
        format!(r#"{{"access_token":"at","token_type":"Bearer","scope":"{}"{members}}}"#, words(count))
    };
    assert_in_proportion(1000, response, |response| {
        let mut env = TestEnv::seeded(1);
        let Step::Call(call) = party.refresh(&tokens, &mut env).unwrap() else { panic!("a request") };
        let response = Response::new(response.clone());
        assert!(matches!(call.into_parts().2.receive(response, &mut env), Ok(Step::Done(_))));
    });
}
