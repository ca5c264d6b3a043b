//! Each member that a parser reads is known to the generated tests of odd members, so that none is added without a decision
//! about what happens if it is odd.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::lexer::{Token, after_group, tokens};
use super::tree::Tree;

const PROVIDER: &str = "tests/proto/reading/members.rs";
const HOMESERVER: &str = "tests/proto/reading/homeservers.rs";

/// A parser, the documents that it reads, and the members without which there is no document.
type Parser = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const PARSERS: &[Parser] = &[
    ("party/metadata.rs Document", PROVIDER, &["Metadata"], &["issuer", "token_endpoint", "jwks_uri"]),
    ("jose/keys.rs Set", PROVIDER, &["KeySet"], &["keys"]),
    ("jose/jwk.rs Raw", PROVIDER, &["Key"], &["kty", "crv", "x", "y", "e"]),
    ("party/registered.rs Members", PROVIDER, &["Registration"], &["client_id"]),
    ("message/pushed_authorization.rs Members", PROVIDER, &["Push"], &["request_uri"]),
    ("message/device.rs Members", PROVIDER, &["Device"], &["device_code", "user_code", "verification_uri"]),
    ("message/token.rs Members", PROVIDER, &["Tokens", "Refresh"], &["access_token"]),
    ("message/token.rs RefreshToken", PROVIDER, &["Tokens", "Refresh"], &[]),
    ("wire/oauth_error.rs OauthError", PROVIDER, &["Error", "PushError", "DeviceError"], &["error"]),
    ("token/userinfo.rs Members", PROVIDER, &["Userinfo"], &["sub"]),
    ("token/userinfo.rs Parties", PROVIDER, &["Userinfo"], &[]),
    ("jose/jws.rs Header", PROVIDER, &["IdTokenHeader", "LogoutTokenHeader"], &["alg"]),
    ("token/id_token/claims.rs Claims", PROVIDER, &["IdToken"], &["iss", "sub", "aud", "exp", "iat"]),
    ("token/logout_token.rs Claims", PROVIDER, &["LogoutToken"], &["iss", "aud", "exp", "iat", "jti", "events"]),
    ("matrix/homeserver_discovery.rs WellKnown", HOMESERVER, &["WellKnown"], &["m.homeserver"]),
    ("matrix/homeserver_discovery.rs BaseUrl", HOMESERVER, &[], &["base_url"]),
    ("matrix/homeserver_discovery.rs Versions", HOMESERVER, &["Versions"], &["versions"]),
    ("matrix/auth_server.rs Document", HOMESERVER, &["AuthMetadata"], &["issuer"]),
    ("matrix/auth_metadata_fetch.rs IssuerResponse", HOMESERVER, &[], &["issuer"]),
    ("matrix/whoami.rs Members", HOMESERVER, &["Whoami"], &["user_id"]),
    ("matrix/error_body.rs Document", HOMESERVER, &["Refusal"], &["errcode"]),
    ("matrix/login_flows.rs Document", HOMESERVER, &["Flows"], &[]),
    ("matrix/login_flows.rs Flow", HOMESERVER, &["Flow"], &["type"]),
    ("matrix/uia.rs Document", HOMESERVER, &[], &["flows", "session", "params"]),
    ("matrix/uia.rs Flow", HOMESERVER, &[], &["stages"]),
    ("matrix/uia.rs Params", HOMESERVER, &["StageParams"], &["m.oauth"]),
    ("matrix/uia.rs Page", HOMESERVER, &[], &["url"]),
    ("qr/rendezvous/check.rs Versions", HOMESERVER, &["Versions"], &[]),
    ("qr/rendezvous/check.rs Features", HOMESERVER, &[], &["org.matrix.msc4108"]),
];

/// What is read, and is no document of a provider or a homeserver.
const OTHERS: &[(&str, &str)] = &[
    ("base/json/differential.rs", "compiled for tests"),
    ("base/json/wrong_members.rs", "compiled for tests"),
    ("base/versioned.rs", "stored values: their versions"),
    ("matrix/sdk_session.rs", "sessions that another program stored"),
    ("qr/message/mod.rs", "messages of the other device: `tests/proto/qr/refusals.rs`"),
    ("qr/secrets.rs", "secrets of the other device: `src/qr/message/tests.rs`"),
    ("qr/rendezvous/create.rs", "its one member is needed"),
    ("qr/rendezvous/place.rs", "the members of a rendezvous: `tests/proto/qr/refusals.rs`"),
    ("qr/rendezvous/check.rs Offered", "its one member is needed"),
];

/// The structs of a file that are read and not written, each with the names of its members.
fn read_structs(code: &[Token]) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let is_derive = code[at].is("#") && code.get(at + 2).is_some_and(|token| token.is("derive"));
        // `members! { … }` declares a struct that is only read.
        let is_table =
            ["members", "!", "{"].iter().zip(&code[at..]).filter(|(word, token)| token.is(word)).count() == 3;
        if !is_derive && !is_table {
            at += 1;
            continue;
        }
        let end = if is_table { at + 3 } else { after_group(code, at + 1) };
        let derives = |name: &str| code[at..end].iter().any(|token| token.is(name));
        let is_read = is_table || derives("Deserialize") && !derives("Serialize");
        at = end;
        while code.get(at).is_some_and(|token| token.is("#")) {
            at = after_group(code, at + 1);
        }
        if !is_read {
            continue;
        }
        let Some(open) = (at..code.len()).find(|&at| code[at].is("{") || code[at].is(";")) else { break };
        let Some(keyword) = (at..open).find(|&at| code[at].is("struct")) else { continue };
        // In the macro itself it is a variable.
        let Some(name) = code[keyword + 1].word().map(str::to_owned) else { continue };
        let end = after_group(code, open);
        found.push((name, members(&code[open + 1..end - 1])));
        at = end;
    }
    found
}

/// The names of fields, as they are written in JSON.
fn members(fields: &[Token]) -> Vec<String> {
    let (mut names, mut renamed, mut at) = (Vec::new(), None, 0);
    while at < fields.len() {
        if fields[at].is("#") {
            let end = after_group(fields, at + 1);
            let rename = (at..end).find(|&at| fields[at].is("rename") || fields[at].is("alias"));
            if let Some(Token::Text(name)) = rename.and_then(|at| fields.get(at + 2)) {
                renamed = Some(name.clone());
            }
            at = end;
        } else if fields[at].is("(") {
            // `pub(super)`.
            at = after_group(fields, at);
        } else if fields.get(at + 1).is_some_and(|token| token.is(":")) {
            // In a table: `field as "name": Type`.
            let name = match &fields[at] {
                Token::Text(name) => name.clone(),
                token => token.word().unwrap().to_owned(),
            };
            names.push(renamed.take().unwrap_or(name));
            // To the comma behind the type.
            let mut depth = 0_i32;
            while let Some(token) = fields.get(at) {
                at += 1;
                depth += i32::from(token.is("<")) - i32::from(token.is(">"));
                if token.is(",") && depth == 0 {
                    break;
                }
            }
        } else {
            at += 1;
        }
    }
    names
}

/// The names in `fn members` of a test, for each document.
fn tested(path: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let code = tokens(&text);
    let named = |at: usize| code[at].is("fn") && code.get(at + 1).is_some_and(|token| token.is("members"));
    let start = (0..code.len()).find(|&at| named(at)).unwrap();
    let open = (start..code.len()).find(|&at| code[at].is("{")).unwrap();
    let body = &code[open + 1..after_group(&code, open) - 1];
    let (mut documents, mut arm, mut at) = (BTreeMap::<String, BTreeSet<String>>::new(), Vec::new(), 0);
    while at < body.len() {
        if body[at].is("vec") {
            let end = after_group(body, at + 2);
            let is_name = |at: &usize| body[*at].is("(") && matches!(body.get(at + 1), Some(Token::Text(_)));
            // Names stand at the beginning of a pair, and values are calls of `json!` or of a function.
            let pairs = (at + 3..end).filter(is_name).filter(|at| !body[at - 1].is("!"));
            let names: BTreeSet<String> = pairs
                .filter_map(|at| if let Token::Text(name) = &body[at + 1] { Some(name.clone()) } else { None })
                .collect();
            for document in arm.drain(..) {
                documents.entry(document).or_default().extend(names.iter().cloned());
            }
            at = end;
            continue;
        }
        let is_arm = body[at].word().is_some_and(|word| word.starts_with(char::is_uppercase));
        arm.extend(is_arm.then(|| body[at].word().unwrap().to_owned()));
        at += 1;
    }
    documents
}

#[test]
fn each_member_that_is_read_is_known_to_the_tests_of_odd_members() {
    let known: BTreeMap<_, _> = [PROVIDER, HOMESERVER].map(|path| (path, tested(path))).into();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for source in &Tree::shared().sources {
        for (name, members) in read_structs(&source.tokens) {
            let place = format!("{} {name}", source.path);
            if let Some((other, _)) = OTHERS.iter().find(|(other, _)| place == *other || source.path == *other) {
                seen.insert(*other);
                continue;
            }
            let Some((parser, test, documents, needed)) = PARSERS.iter().find(|(parser, ..)| *parser == place) else {
                wrong.push(format!("src/{place} is neither in PARSERS nor in OTHERS"));
                continue;
            };
            seen.insert(parser);
            for member in &members {
                let lacks = |document: &&&str| !known[test].get(**document).is_some_and(|names| names.contains(member));
                if needed.contains(&member.as_str()) {
                    continue;
                }
                if documents.is_empty() {
                    wrong.push(format!("src/{place}: `{member}` is optional, and no document has it"));
                }
                for document in documents.iter().filter(lacks) {
                    wrong.push(format!("{test} does not know `{member}` of {document}, which src/{place} reads"));
                }
            }
            let stale = needed.iter().filter(|name| !members.iter().any(|member| member == *name));
            wrong.extend(stale.map(|name| format!("src/{place} does not read `{name}`")));
        }
    }
    let listed = PARSERS.iter().map(|row| row.0).chain(OTHERS.iter().map(|row| row.0));
    wrong.extend(listed.filter(|place| !seen.contains(place)).map(|place| format!("there is no src/{place}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn members_are_found_by_their_names() {
    let code = tokens(
        r#"#[derive(Clone, serde::Deserialize)] #[allow(x)] pub(super) struct A<'a> {
            #[serde(borrow, rename = "m.b")] b: Option<Text<'a>>, pub(super) c: Map<String, Map<u8, (A, B)>>, d: E }
        #[derive(Serialize, Deserialize)] struct Stored { f: u8 }
        #[derive(Deserialize)] enum Other { G }
        members! { #[derive(Debug)] pub(super) struct T<'a> { a: Option<Text<'a>>, pub(super) usage as "use": B, } }"#,
    );
    let named = |name: &str, members: &[&str]| (name.to_owned(), members.iter().map(|&name| name.to_owned()).collect());
    assert_eq!(read_structs(&code), [named("A", &["m.b", "c", "d"]), named("T", &["a", "use"])]);
}
