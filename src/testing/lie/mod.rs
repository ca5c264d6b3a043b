//! Lies: what a broken or hostile provider says. One table; each lie is a small function over the provider's edits.

mod grants;
mod say;

use http::{StatusCode, header};
use serde_json::{Value, json};

use super::edit::{Edit, ResponseMode};
use super::http::set;
use super::id_token::Signature;
use super::keys;
use super::nonces::NonceLie;
use super::route::On;
use grants::lies_with_grants;
use say::*;

const EVIL: &str = "https://evil.example";
const WEEK: i64 = 7 * 24 * 3600;

/// Makes the enum and its table. Lies of the second part take arguments, so that no list can hold them all.
macro_rules! lies {
    (
        { $( $(#[$doc:meta])* $plain:ident => $edit:expr; )* }
        { $( $(#[$doc_of:meta])* $of:ident($($arg:ident: $type:ty),+) => $edit_of:expr; )* }
    ) => {
        /// A response that breaks a standard or is unusual. A client must refuse some lies and accept others; the tests
        /// decide which.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Lie {
            $( $(#[$doc])* $plain, )*
            $( $(#[$doc_of])* $of($($type),+), )*
        }

        impl Lie {
            /// All lies that take no argument.
            pub const PLAIN: &'static [Self] = &[$( Self::$plain, )*];

            pub(super) fn edit(self) -> Edit {
                match self {
                    $( Self::$plain => $edit, )*
                    $( Self::$of($($arg),+) => $edit_of, )*
                }
            }
        }
    };
}

lies_with_grants! {
    {
        /// Metadata: `issuer` is someone else.
        MetadataIssuerOther => put(On::ServerMetadata, "issuer", EVIL);
        /// Metadata: `issuer` has a slash at its end that it should not have, or lacks it.
        MetadataIssuerSlash => json(On::ServerMetadata, |o| amend(o, "issuer", |s| match s.strip_suffix('/') {
            Some(without) => without.to_owned(),
            None => format!("{s}/"),
        }));
        /// Metadata: PKCE methods without S256.
        MetadataPkceWithoutS256 => put(On::ServerMetadata, "code_challenge_methods_supported", json!(["plain"]));
        /// Metadata: no PKCE methods at all.
        MetadataPkceAbsent => drop_member(On::ServerMetadata, "code_challenge_methods_supported");
        /// Metadata: `iss` in callbacks is not advertised (it still comes).
        MetadataIssAbsent => drop_member(On::ServerMetadata, "authorization_response_iss_parameter_supported");
        /// Metadata: only `none`, `HS256` and `RS1`: no algorithm that a client without a secret
        /// can accept.
        MetadataWeakAlgorithms =>
            put(On::ServerMetadata, "id_token_signing_alg_values_supported", json!(["none", "HS256", "RS1"]));
        /// Metadata: a list instead of an object.
        MetadataList => response(On::ServerMetadata, |r| *r.body_mut() = b"[]".to_vec());

        /// Registration: another `id_token_signed_response_alg` than asked for.
        RegistrationOtherAlgorithm => json(On::Register, |o| amend(o, "id_token_signed_response_alg", |s| {
            if s == "ES256" { "RS256" } else { "ES256" }.to_owned()
        }));
        /// Registration: `none` as `id_token_signed_response_alg`.
        RegistrationAlgorithmNone => put(On::Register, "id_token_signed_response_alg", "none");
        /// Registration: echoes of odd types: numbers as strings, strings as lists, lists as strings, nulls.
        RegistrationOddTypes => json(On::Register, |o| {
            o.insert("client_id_issued_at".into(), json!("yesterday"));
            o.insert("client_secret_expires_at".into(), Value::Null);
            o.insert("client_name".into(), json!(["a", "b"]));
            o.insert("contacts".into(), json!("a@b.example"));
            o.insert("logo_uri".into(), Value::Null);
        });
        /// Registration: status 200, where RFC 7591 section 3.2.1 has 201.
        RegistrationStatus200 => response(On::Register, |r| {
            if r.status() == StatusCode::CREATED { *r.status_mut() = StatusCode::OK; }
        });
        /// Registration: no `client_id`.
        RegistrationClientIdAbsent => drop_member(On::Register, "client_id");
        /// Registration: an empty `client_id`.
        RegistrationClientIdEmpty => put(On::Register, "client_id", "");
        /// Registration: no `client_secret`, though the method needs one.
        RegistrationSecretAbsent => drop_member(On::Register, "client_secret");
        /// Registration: another `token_endpoint_auth_method` than asked for.
        RegistrationOtherMethod => json(On::Register, |o| amend(o, "token_endpoint_auth_method", |s| {
            if s == "none" { "client_secret_basic" } else { "none" }.to_owned()
        }));

        /// Callback: no `state`.
        CallbackStateAbsent => callback(|c| c.remove("state"));
        /// Callback: another `state`.
        CallbackStateWrong => callback(|c| c.set("state", "not-yours"));
        /// Callback: `state` twice.
        CallbackStateTwice => callback(|c| c.add("state", "not-yours"));
        /// Callback: `code` twice.
        CallbackCodeTwice => callback(|c| c.add("code", "not-yours"));
        /// Callback: a code and an error.
        CallbackCodeAndError => callback(|c| c.add("error", "access_denied"));
        /// Callback: an empty `code`.
        CallbackCodeEmpty => callback(|c| c.set("code", ""));
        /// Callback: neither a code nor an error.
        CallbackCodeAbsent => callback(|c| c.remove("code"));
        /// Callback: no `iss`.
        CallbackIssAbsent => callback(|c| c.remove("iss"));
        /// Callback: another `iss`.
        CallbackIssWrong => callback(|c| c.set("iss", EVIL));
        /// Callback: another response mode than asked for.
        CallbackOtherMode => callback(|c| c.mode = match c.mode {
            ResponseMode::Query => ResponseMode::Fragment,
            _ => ResponseMode::Query,
        });
        /// Callback: an error whose description is HTML.
        CallbackHtmlError => callback(|c| fail(c, "<script>alert(1)</script>"));
        /// Callback: an error whose description holds control characters and a header.
        CallbackControlCharacters => callback(|c| fail(c, "no\r\nSet-Cookie: a=b\u{0}\u{1b}[2J"));
        /// Callback: an error with another `iss`.
        CallbackErrorIssWrong => callback(|c| { fail(c, "no"); c.set("iss", EVIL); });
        /// Callback: an error with another `state`.
        CallbackErrorStateWrong => callback(|c| { fail(c, "no"); c.set("state", "not-yours"); });
        /// Callback: more than 64 KiB.
        CallbackHuge => callback(|c| c.add("padding", &"x".repeat(80 * 1024)));

        /// Token response: `access_token` with CR LF and a header.
        TokenCrLf => put(On::Token, "access_token", "at_\r\nX-Injected: 1");
        /// Token response: an empty `access_token`.
        TokenEmpty => put(On::Token, "access_token", "");
        /// Token response: no `access_token`.
        TokenAbsent => drop_member(On::Token, "access_token");
        /// Token response: `token_type` in odd letter case.
        TokenTypeCase => put(On::Token, "token_type", "bEaReR");
        /// Token response: an unknown `token_type`.
        TokenTypeUnknown => put(On::Token, "token_type", "mac");
        /// Token response: no `token_type`.
        TokenTypeAbsent => drop_member(On::Token, "token_type");
        /// Token response: no `expires_in`.
        ExpiresInAbsent => drop_member(On::Token, "expires_in");
        /// Token response: `expires_in` 0.
        ExpiresInZero => put(On::Token, "expires_in", 0);
        /// Token response: `expires_in` below zero.
        ExpiresInNegative => put(On::Token, "expires_in", -300);
        /// Token response: `expires_in` as a string of digits.
        ExpiresInString => put(On::Token, "expires_in", "300");
        /// Token response: `expires_in` 300.0.
        ExpiresInFloat => put(On::Token, "expires_in", 300.0);
        /// Token response: `expires_in` 2^63.
        ExpiresInHuge => put(On::Token, "expires_in", 1_u64 << 63);
        /// Token response: `expires_in` is a word.
        ExpiresInGarbage => put(On::Token, "expires_in", "soon");
        /// Token response: `scope` as a list.
        ScopeList => put(On::Token, "scope", json!(["openid", "profile"]));
        /// Token response: members that no standard knows, of all types.
        UnknownMembers => json(On::Token, |o| {
            o.insert("x_text".into(), json!("text"));
            o.insert("x_object".into(), json!({ "a": [1, null, { "b": false }] }));
        });
        /// Token response: an error with status 200.
        ErrorWith200 => json(On::Token, |o| *o = Object::from_iter([("error".into(), json!("invalid_grant"))]));
        /// Token response: no ID token.
        IdTokenAbsent => drop_member(On::Token, "id_token");
        /// Token response: an empty ID token.
        IdTokenEmpty => put(On::Token, "id_token", "");
        /// Token response: no refresh token, neither at first nor at a refresh. At a refresh the old one is spent.
        RefreshTokenAbsent => drop_member(On::Token, "refresh_token");
        /// Token response: at a refresh no new refresh token; the old one stays good. Allowed by RFC 6749 section 6.
        RefreshTokenKept => Edit::KeepsRefreshTokens;

        /// ID token: two segments, without the signature.
        SegmentsTwo => finish(|jwt| jwt.rsplit_once('.').map(|(input, _)| input.to_owned()).unwrap_or(jwt));
        /// ID token: one segment.
        SegmentsOne => finish(|jwt| jwt.replace('.', ""));
        /// ID token: four segments.
        SegmentsFour => finish(|jwt| jwt + ".e30");
        /// ID token: five segments, as a JWE has.
        SegmentsFive => finish(|jwt| jwt + ".e30.e30");
        /// ID token: base64url with padding.
        Padded => finish(|jwt| jwt + "==");
        /// ID token: base64url whose last character has bits that mean nothing (RFC 4648 section 3.5).
        NotCanonical => finish(|mut jwt| {
            if let Some(last) = jwt.pop() { jwt.push(char::from_u32(u32::from(last) + 1).unwrap_or(last)); }
            jwt
        });
        /// ID token: larger than 64 KiB.
        IdTokenHuge => id_token(|t| t.claim("padding", "x".repeat(80 * 1024)));
        /// ID token: a JWE by its header and by its five segments.
        Jwe => id_token(|t| {
            t.member("alg", "RSA-OAEP");
            t.member("enc", "A256GCM");
            t.finish = |jwt| jwt + ".e30.e30";
        });
        /// ID token: a wrong signature.
        SignatureWrong => signed(Signature::Wrong);
        /// ID token: no signature, with the header of one that has it.
        SignatureEmpty => signed(Signature::Empty);
        /// ID token: a signature of zeros: r = s = 0 for ECDSA.
        SignatureZeros => signed(Signature::Zeros);
        /// ID token: signed by someone else's key under the name of the right one.
        SignatureForeign => signed(Signature::ForeignKey);
        /// ID token: `alg` is `HS256`, and the secret is the public key.
        AlgorithmHmac => id_token(|t| { t.member("alg", "HS256"); t.signature = Signature::PublicKeyAsSecret; });
        /// ID token: rightly signed, but by another algorithm than the one registered.
        AlgorithmOther => id_token(|t| {
            let other = if t.algorithm == "ES256" { "RS256" } else { "ES256" };
            rekey(t, other);
        });
        /// ID token: an `alg` that does not fit the key that `kid` names.
        AlgorithmMisfit => id_token(|t| {
            let kid = t.header.get("kid").cloned();
            rekey(t, if t.algorithm == "ES256" { "RS256" } else { "ES256" });
            t.member("kid", kid);
        });
        /// ID token: no `kid`.
        KidAbsent => id_token(|t| { t.header.remove("kid"); });
        /// ID token: a `kid` that the JWK set does not have.
        KidUnknown => member("kid", "nobody");
        /// ID token: a `kid` with a path in it.
        KidPath => member("kid", "../../../../dev/null");
        /// ID token: a `kid` with quotes in it.
        KidQuotes => member("kid", "a' OR \"1\"='1");
        /// ID token: a `kid` that is a number.
        KidNumber => member("kid", 1);
        /// ID token: the attacker's key in `jwk`, and the attacker's signature.
        JwkEmbedded => id_token(|t| {
            // The foreign key is of the other generation than the `kid` says.
            let other = t.header.get("kid").and_then(Value::as_str).is_some_and(|kid| kid.ends_with('1'));
            t.member("jwk", keys::generation(other).jwk(&t.algorithm));
            t.signature = Signature::ForeignKey;
        });
        /// ID token: the address of the attacker's keys in `jku` and `x5u`, and the attacker's signature.
        JkuForeign => id_token(|t| {
            t.member("jku", "https://evil.example/jwks");
            t.member("x5u", "https://evil.example/cert");
            t.signature = Signature::ForeignKey;
        });
        /// ID token: a critical header that nobody knows (RFC 7515 section 4.1.11).
        Crit => id_token(|t| { t.member("crit", json!(["x-new"])); t.member("x-new", true); });
        /// ID token: `b64` false (RFC 7797), and critical as it has to be.
        B64False => id_token(|t| { t.member("crit", json!(["b64"])); t.member("b64", false); });
        /// ID token: `alg` twice in the header, first the right one.
        HeaderDuplicate => id_token(|t| {
            let honest = Value::Object(t.header.clone()).to_string();
            t.header_text = honest.strip_suffix('}').map(|open| format!("{open},\"alg\":\"none\"}}"));
        });

        /// ID token: `iss` has one character more.
        IssLonger => id_token(|t| amend(&mut t.claims, "iss", |s| s.to_owned() + "x"));
        /// ID token: no `aud`.
        AudAbsent => unclaim("aud");
        /// ID token: an empty list as `aud`.
        AudEmpty => claim("aud", json!([]));
        /// ID token: a list in a list as `aud`.
        AudNested => id_token(|t| { let aud = t.claims.remove("aud"); t.claim("aud", json!([[aud]])); });
        /// ID token: another `aud`.
        AudOther => claim("aud", "someone-else");
        /// ID token: a list of the right `aud` and an unknown one.
        AudExtra => id_token(|t| { let aud = t.claims.remove("aud"); t.claim("aud", json!([aud, "someone-else"])); });
        /// ID token: a list of the right `aud` alone. That is no lie: both forms are allowed.
        AudList => id_token(|t| { let aud = t.claims.remove("aud"); t.claim("aud", json!([aud])); });
        /// ID token: another `azp`.
        AzpOther => claim("azp", "someone-else");
        /// ID token: expired an hour ago.
        ExpPast => id_token(|t| t.claim("exp", t.date("iat") - 3600));
        /// ID token: no `exp`.
        ExpAbsent => unclaim("exp");
        /// ID token: `exp` as a string.
        ExpString => id_token(|t| t.claim("exp", t.date("exp").to_string()));
        /// ID token: `exp` 1e308.
        ExpHuge => claim("exp", 1e308);
        /// ID token: no `iat`.
        IatAbsent => unclaim("iat");
        /// ID token: `iat` a week ago.
        IatWeekOld => id_token(|t| t.claim("iat", t.date("iat") - WEEK));
        /// ID token: `iat` an hour ahead.
        IatFuture => id_token(|t| t.claim("iat", t.date("iat") + 3600));
        /// ID token: `nbf` an hour ahead.
        NbfFuture => id_token(|t| t.claim("nbf", t.date("iat") + 3600));
        /// ID token: dates with fractions, which RFC 7519 section 2 allows.
        DatesFractional => id_token(|t| for name in ["iat", "exp", "auth_time"] {
            t.claim(name, json!(t.date(name) as f64 + 0.25));
        });
        /// ID token: no `nonce`.
        NonceAbsent => unclaim("nonce");
        /// ID token: another `nonce`.
        NonceWrong => claim("nonce", "not-yours");
        /// ID token: no `sub`.
        SubAbsent => unclaim("sub");
        /// ID token: an empty `sub`.
        SubEmpty => claim("sub", "");
        /// ID token: a number as `sub`.
        SubNumber => claim("sub", 1);
        /// ID token: `at_hash` of another token.
        AtHashWrong => claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA");
        /// ID token: no `at_hash`, which the code flow allows.
        AtHashAbsent => unclaim("at_hash");
        /// ID token: `auth_time` a week ago.
        AuthTimeOld => id_token(|t| t.claim("auth_time", t.date("iat") - WEEK));
        /// ID token: no `auth_time`.
        AuthTimeAbsent => unclaim("auth_time");
        /// ID token: another `acr`.
        AcrOther => claim("acr", "urn:example:none");
        /// ID token: `sub` twice, first the right one.
        ClaimDuplicate => id_token(|t| {
            let honest = Value::Object(t.claims.clone()).to_string();
            t.claims_text = honest.strip_suffix('}').map(|open| format!("{open},\"sub\":\"sub-mallory\"}}"));
        });
        /// ID token: a list instead of an object of claims.
        ClaimsList => id_token(|t| t.claims_text = Some("[]".into()));

        /// ID token of a refresh: another `sub`.
        RefreshSubOther => refreshed(|t| t.claim("sub", "sub-mallory"));
        /// ID token of a refresh: another `iss`.
        RefreshIssOther => refreshed(|t| t.claim("iss", EVIL));
        /// ID token of a refresh: another `aud`.
        RefreshAudOther => refreshed(|t| t.claim("aud", "someone-else"));
        /// ID token of a refresh: another `nonce`.
        RefreshNonceOther => refreshed(|t| t.claim("nonce", "not-yours"));
        /// ID token of a refresh: another `auth_time`.
        RefreshAuthTimeOther => refreshed(|t| t.claim("auth_time", t.date("auth_time") + 1));

        /// Userinfo: another `sub`.
        UserInfoSubOther => put(On::UserInfo, "sub", "sub-mallory");
        /// Userinfo: no `sub`.
        UserInfoSubAbsent => drop_member(On::UserInfo, "sub");
        /// Userinfo: the content type of a JWT on plain JSON.
        UserInfoJwtType => response(On::UserInfo, |r| set(r, header::CONTENT_TYPE, "application/jwt"));

        /// JWK set: private, symmetric, weak and unknown keys before the right ones, under names of their own.
        JwksMixed => jwks(|keys| drop(keys.splice(0..0, odd_keys())));
        /// JWK set: 101 more keys.
        JwksHundred => jwks(|keys| keys.extend((0..101).map(|n| {
            json!({ "kty": "EC", "crv": "P-256", "kid": format!("more-{n}"), "x": "AA", "y": "AA" })
        })));
        /// JWK set: no keys.
        JwksEmpty => jwks(Vec::clear);
        /// JWK set: the right names on broken keys: a modulus of 512 bits and an exponent of 1, a point off the curve,
        /// half a point.
        JwksBroken => jwks(|keys| keys.iter_mut().filter_map(Value::as_object_mut).for_each(|key| {
            let x = key.get("x").cloned();
            let broken = match key.get("kty").and_then(Value::as_str) {
                Some("RSA") => vec![("n", json!(SMALL_MODULUS)), ("e", json!("AQ"))],
                Some("EC") => vec![("y", json!(x))],
                _ => vec![("x", json!("AAAAAAAAAAAAAAAAAAAAAA"))],
            };
            key.extend(broken.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }));
        /// JWK set: `keys` is not a list.
        JwksNotList => put(On::Jwks, "keys", json!({}));
    }
    {
        /// Metadata: this member is missing.
        MetadataAbsent(name: &'static str) => drop_member(On::ServerMetadata, name);
        /// Metadata: this member is null.
        MetadataNull(name: &'static str) => put(On::ServerMetadata, name, Value::Null);
        /// Metadata: this member is a number.
        MetadataNumber(name: &'static str) => put(On::ServerMetadata, name, 7);
        /// Metadata: this member has that value, for example an endpoint with `http:`, `file:`, `data:` or userinfo.
        MetadataText(name: &'static str, value: &'static str) => put(On::ServerMetadata, name, value);
        /// ID token: this `alg` and no signature: `none`, in any letter case.
        AlgorithmNone(alg: &'static str) =>
            id_token(move |t| { t.member("alg", alg); t.signature = Signature::Empty; });
    }
}
