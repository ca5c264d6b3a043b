//! oauth2 5: no OpenID Connect, so it takes part where none is needed.

use std::fmt;
use std::hint::black_box;
use std::rc::Rc;

use oauth2::basic::BasicClient;
use oauth2::*;

use super::hold;
use crate::case::{Case, Held};
use crate::fixtures::*;

const WHO: &str = "oauth2 5.0";

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The error of an HTTP client that has none; or that stops when it has seen the request.
#[derive(Debug)]
pub(super) struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

fn client() -> Client {
    BasicClient::new(ClientId::new(CLIENT_ID.into()))
        .set_auth_uri(AuthUrl::new(AUTHORIZATION_ENDPOINT.into()).unwrap())
        .set_token_uri(TokenUrl::new(TOKEN_ENDPOINT.into()).unwrap())
        .set_redirect_uri(RedirectUrl::new(REDIRECT_URI.into()).unwrap())
        .set_auth_type(AuthType::RequestBody)
}

fn authorize(
    client: &Client,
    state: impl FnOnce() -> CsrfToken,
    nonce: String,
    challenge: PkceCodeChallenge,
) -> (url::Url, CsrfToken) {
    client
        .authorize_url(state)
        .add_scopes(SCOPES.iter().map(|scope| Scope::new((*scope).into())))
        .set_pkce_challenge(challenge)
        .add_extra_param("nonce", nonce)
        .add_extra_param("login_hint", LOGIN_HINT)
        .add_extra_param("prompt", "consent")
        .url()
}

pub fn cases() -> Vec<Case> {
    let client = Rc::new(client());
    let clients: [_; 5] = std::array::from_fn(|_| client.clone());
    let [random, fixed, exchange, request_only, refresh] = clients;
    vec![
        Case::new("W1-authz-url", WHO, move || {
            let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
            let nonce = CsrfToken::new_random().into_secret();
            let _ = black_box((authorize(&random, CsrfToken::new_random, nonce.clone(), challenge), verifier, nonce));
        }),
        Case::new("W1f-authz-url-fixed-random", WHO, move || {
            let verifier = PkceCodeVerifier::new(black_box(VERIFIER).into());
            let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
            let nonce = NONCE.to_owned();
            let url = authorize(&fixed, || CsrfToken::new(STATE.into()), nonce.clone(), challenge);
            let _ = black_box((url, verifier, nonce));
        }),
        Case::new("W3-token", WHO, move || {
            let http = |request: HttpRequest| {
                black_box(&request);
                Ok::<_, Never>(respond(200, Alg::Rs256.token_response()))
            };
            let request = exchange.exchange_code(AuthorizationCode::new(CODE.into()));
            black_box(request.set_pkce_verifier(PkceCodeVerifier::new(VERIFIER.into())).request(&http).unwrap());
        }),
        Case::new("W3b-token-request-only", WHO, move || {
            let http = |request: HttpRequest| {
                black_box(&request);
                Err::<HttpResponse, _>(Never)
            };
            let request = request_only.exchange_code(AuthorizationCode::new(CODE.into()));
            black_box(request.set_pkce_verifier(PkceCodeVerifier::new(VERIFIER.into())).request(&http).is_err());
        }),
        Case::new("W6-refresh", WHO, move || {
            let http = |request: HttpRequest| {
                black_box(&request);
                Ok::<_, Never>(respond(200, REFRESH_RESPONSE))
            };
            let token = RefreshToken::new(REFRESH_TOKEN.into());
            black_box(refresh.exchange_refresh_token(&token).request(&http).unwrap());
        }),
    ]
}

pub fn held() -> Vec<Held> {
    vec![hold("oauth2 5.0 BasicClient", size_of::<Client>(), client)]
}
