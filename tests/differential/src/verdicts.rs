//! The three libraries, asked for the same thing: is this ID token the response to this login?

use std::collections::HashMap;
use std::str::FromStr as _;
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use http::Response;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header};
use oidc_proto::jose;
use oidc_proto::testing::{Clock, TestEnv};
use oidc_proto::{
    AuthorizationRequest, Callback, Client, Env as _, ErrorCode, Issuer, Provider, ProviderOptions, RedirectUri,
    RelyingParty, Schemes, Scope, Step, Timestamp, TokenOutcome,
};
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{AccessToken, AccessTokenHash, ClientId, IssuerUrl, Nonce};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://op.example.org";
pub const CLIENT_ID: &str = "s6BhdRkqt3";
pub const SUBJECT: &str = "248289761001";
pub const ACCESS_TOKEN: &str = "SlAV32hkKG";
const REDIRECT_URI: &str = "https://client.example.org/cb";

/// What is asked about a token.
pub struct Question<'a> {
    pub token: &'a str,
    pub key_set: &'a str,
    /// The algorithm that the client registered.
    pub algorithm: Algorithm,
    /// The time of day, in seconds.
    pub now: u64,
}

/// What stands for a response where there was a panic.
pub const PANICS: &str = "panics";

/// The responses: `Err` says why not.
#[derive(Clone, Debug)]
pub struct Verdicts {
    pub ours: Result<(), ErrorCode>,
    pub openidconnect: Result<(), String>,
    pub jsonwebtoken: Result<(), String>,
}

impl Verdicts {
    pub fn of(question: &Question<'_>) -> Self {
        Self {
            ours: ours(question),
            openidconnect: openidconnect(question),
            // It slices an Ed25519 key without looking at its length.
            jsonwebtoken: std::panic::catch_unwind(|| jsonwebtoken(question).map_err(|error| error.to_string()))
                .unwrap_or_else(|_| Err(PANICS.to_owned())),
        }
    }

    /// The reasons, in the same order as [`Verdicts::accepted`].
    pub fn errors(&self) -> [Option<String>; 3] {
        let ours = self.ours.err().map(|code| code.to_string());
        [ours, self.openidconnect.clone().err(), self.jsonwebtoken.clone().err()]
    }

    /// Ours, openidconnect's, jsonwebtoken's.
    pub fn accepted(&self) -> [bool; 3] {
        [self.ours.is_ok(), self.openidconnect.is_ok(), self.jsonwebtoken.is_ok()]
    }
}

/// A login that always draws the same `state` and `nonce`.
struct Login {
    metadata: String,
    issuer: Issuer,
    client: Client,
    url: String,
    pending: oidc_proto::PendingAuthorization,
}

fn login() -> &'static Login {
    static LOGIN: OnceLock<Login> = OnceLock::new();
    LOGIN.get_or_init(|| {
        let issuer = Issuer::new(ISSUER, Schemes::HttpsOnly).expect("an issuer");
        let metadata = json!({
            "issuer": ISSUER, "response_types_supported": ["code"], "jwks_uri": format!("{ISSUER}/jwks"),
            "authorization_endpoint": format!("{ISSUER}/authorize"), "token_endpoint": format!("{ISSUER}/token"),
        });
        let metadata = metadata.to_string();
        let provider = Provider::from_json(metadata.as_bytes(), &issuer, ProviderOptions::new()).expect("metadata");
        let redirect_uri = RedirectUri::new(REDIRECT_URI).expect("a redirect URI");
        let client = Client::new(CLIENT_ID).with_redirect_uri(redirect_uri.clone());
        let request = AuthorizationRequest::new(redirect_uri, Scope::new("openid").expect("a scope"));
        let mut env = TestEnv::seeded(1);
        // Tokens are as old as the clock of the machine says: `jsonwebtoken` has no other.
        let request = request.with_lifetime(std::time::Duration::from_secs(u64::from(u32::MAX)));
        let party = RelyingParty::new(provider, client.clone());
        let (url, pending) = party.authorize(request, &mut env).expect("a login");
        Login { metadata, issuer, client, url: url.as_str().to_owned(), pending }
    })
}

fn asked(name: &str) -> String {
    let url = url::Url::parse(&login().url).expect("a URL");
    url.query_pairs().find(|(own, _)| own == name).expect("a parameter").1.into_owned()
}

/// The login's `nonce`.
pub fn nonce() -> String {
    asked("nonce")
}

fn ours(question: &Question<'_>) -> Result<(), ErrorCode> {
    let code = |error: oidc_proto::Error| error.code();
    let Login { metadata, issuer, client, pending, .. } = login();
    let algorithm = match question.algorithm {
        Algorithm::ES256 => jose::Algorithm::Es256,
        Algorithm::EdDSA => jose::Algorithm::EdDsa,
        _ => jose::Algorithm::Rs256,
    };
    let clock = Clock::new();
    clock.set(Timestamp::from_unix_seconds(question.now));
    let mut env = TestEnv::with_clock(1, clock);
    // A provider of its own for each question: providers keep their keys.
    let provider = Provider::from_json(metadata.as_bytes(), issuer, ProviderOptions::new()).map_err(code)?;
    provider.supply_keys(question.key_set.as_bytes(), env.now(), &env).map_err(code)?;
    let party = RelyingParty::new(provider, client.clone().with_registered_algorithm(algorithm));
    let callback = Callback::from_query(&format!("code=c&state={}", asked("state"))).map_err(code)?;
    let verified = party.check(pending, &callback, env.now()).map_err(code)?;
    let step = party.redeem(pending.clone(), verified, &mut env).map_err(code)?;
    let Step::Call(call) = step else { panic!("a token request comes first") };
    let response = json!({ "access_token": ACCESS_TOKEN, "token_type": "Bearer", "id_token": question.token });
    let mut step = call.into_parts().2.receive(Response::new(response.to_string()), &mut env).map_err(code)?;
    // An unknown key is looked for once more, among the same ones.
    if let Step::Call(call) = step {
        let keys = Response::new(question.key_set.to_owned());
        step = call.into_parts().2.receive(keys, &mut env).map_err(code)?;
    }
    match step {
        Step::Done(TokenOutcome::Verified(granted)) => {
            assert!(granted.tokens.id_token().is_some());
            Ok(())
        }
        Step::Done(TokenOutcome::Unverified { error, .. }) => Err(error.code()),
        other => panic!("nothing is left to do: {other:?}"),
    }
}

/// With a nonce, a limit on `iat` and on its future as we have them, and `at_hash` compared as its documentation shows.
fn openidconnect(question: &Question<'_>) -> Result<(), String> {
    let keys: CoreJsonWebKeySet = serde_json::from_str(question.key_set).map_err(|error| error.to_string())?;
    let id_token = CoreIdToken::from_str(question.token).map_err(|error| error.to_string())?;
    let algorithm = match question.algorithm {
        Algorithm::ES256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        Algorithm::EdDSA => CoreJwsSigningAlgorithm::EdDsa,
        _ => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    };
    let now = i64::try_from(question.now).expect("a date");
    let date = move |offset: i64| DateTime::<Utc>::from_timestamp(now + offset, 0).expect("a date");
    let issuer = IssuerUrl::new(ISSUER.to_owned()).expect("a URL");
    let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(CLIENT_ID.to_owned()), issuer, keys)
        .set_allowed_algs([algorithm])
        .set_time_fn(move || date(0))
        .set_issue_time_verifier_fn(move |issued| {
            if (date(-24 * 3600)..=date(60)).contains(&issued) { Ok(()) } else { Err("iat".to_owned()) }
        });
    let claims = id_token.claims(&verifier, &Nonce::new(nonce())).map_err(|error| error.to_string())?;
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = id_token.signing_alg().map_err(|error| error.to_string())?;
        let key = id_token.signing_key(&verifier).map_err(|error| error.to_string())?;
        let access_token = AccessToken::new(ACCESS_TOKEN.to_owned());
        let actual = AccessTokenHash::from_token(&access_token, algorithm, key).map_err(|error| error.to_string())?;
        if actual != *expected {
            return Err("at_hash".to_owned());
        }
    }
    Ok(())
}

/// With every claim that it can check required and checked. It knows no `nonce`, `azp`, `iat` and `at_hash`.
fn jsonwebtoken(question: &Question<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let keys: JwkSet = serde_json::from_str(question.key_set)?;
    let header = decode_header(question.token)?;
    let key = match &header.kid {
        Some(kid) => keys.find(kid),
        None => match keys.keys.as_slice() {
            [key] => Some(key),
            _ => None,
        },
    };
    let key = DecodingKey::from_jwk(key.ok_or("no such key")?)?;
    let mut validation = Validation::new(question.algorithm);
    validation.validate_nbf = true;
    validation.set_audience(&[CLIENT_ID]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    jsonwebtoken::decode::<HashMap<String, Value>>(question.token, &key, &validation)?;
    Ok(())
}
