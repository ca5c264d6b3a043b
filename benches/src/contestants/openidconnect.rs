//! openidconnect 4, whose signatures are by RustCrypto.

use std::hint::black_box;
use std::rc::Rc;
use std::str::FromStr;

use openidconnect::core::*;
use openidconnect::registration::EmptyAdditionalClientMetadata;
use openidconnect::*;

use super::hold;
use super::oauth2::Never;
use crate::case::{Case, Held};
use crate::fixtures::*;

const WHO: &str = "openidconnect 4.1";
const HOISTED: &str = "openidconnect 4.1 (verifier kept)";

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

fn issuer() -> IssuerUrl {
    IssuerUrl::new(ISSUER.into()).unwrap()
}

fn redirect_uri() -> RedirectUrl {
    RedirectUrl::new(REDIRECT_URI.into()).unwrap()
}

fn metadata() -> CoreProviderMetadata {
    let http = |request: HttpRequest| Ok::<_, Never>(serve(request.uri().path(), Alg::Rs256));
    CoreProviderMetadata::discover(&issuer(), &http).unwrap()
}

fn client_of(metadata: CoreProviderMetadata, id: ClientId) -> Client {
    CoreClient::from_provider_metadata(metadata, id, None)
        .set_redirect_uri(redirect_uri())
        .set_auth_type(AuthType::RequestBody)
}

fn client() -> Client {
    client_of(metadata(), ClientId::new(CLIENT_ID.into()))
}

fn authorize(
    client: &Client,
    state: impl FnOnce() -> CsrfToken + 'static,
    nonce: impl FnOnce() -> Nonce + 'static,
    challenge: PkceCodeChallenge,
) -> (url::Url, CsrfToken, Nonce) {
    let mut request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, state, nonce);
    // It adds `openid` by itself.
    for scope in &SCOPES[1..] {
        request = request.add_scope(Scope::new((*scope).into()));
    }
    request
        .set_pkce_challenge(challenge)
        .set_login_hint(LoginHint::new(LOGIN_HINT.into()))
        .add_prompt(CoreAuthPrompt::Consent)
        .url()
}

fn check_at_hash(
    token: &CoreIdToken,
    verifier: &CoreIdTokenVerifier<'_>,
    claims: &CoreIdTokenClaims,
    at: &AccessToken,
) {
    let (algorithm, key) = (token.signing_alg().unwrap(), token.signing_key(verifier).unwrap());
    let expected = AccessTokenHash::from_token(at, algorithm, key).unwrap();
    assert!(*claims.access_token_hash().unwrap() == expected);
}

fn verify(verifier: &CoreIdTokenVerifier<'_>, alg: Alg, nonce: &Nonce, access_token: &AccessToken) {
    let token = CoreIdToken::from_str(black_box(alg.id_token())).unwrap();
    let claims = token.claims(verifier, nonce).unwrap();
    check_at_hash(&token, verifier, claims, access_token);
    black_box(claims);
}

fn login(alg: Alg, signed: bool) -> String {
    let http = |request: HttpRequest| Ok::<_, Never>(serve(request.uri().path(), alg));
    let metadata = CoreProviderMetadata::discover(&issuer(), &http).unwrap();
    let registered = CoreClientRegistrationRequest::new(vec![redirect_uri()], EmptyAdditionalClientMetadata {})
        .set_response_types(Some(vec![ResponseTypes::new(vec![CoreResponseType::Code])]))
        .set_grant_types(Some(vec![CoreGrantType::AuthorizationCode, CoreGrantType::RefreshToken]))
        .set_application_type(Some(CoreApplicationType::Native))
        .set_token_endpoint_auth_method(Some(CoreClientAuthMethod::None))
        .set_client_name(Some(LocalizedClaim::from(ClientName::new("Bench Client".into()))))
        .register(metadata.registration_endpoint().unwrap(), &http)
        .unwrap();
    let client = client_of(metadata, registered.client_id().clone());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = authorize(&client, CsrfToken::new_random, || Nonce::new(NONCE.into()), challenge);
    black_box(&url);
    // The callback is left to the application.
    let callback = url::Url::parse(&callback(state.secret())).unwrap();
    let (mut code, mut answered) = (None, None);
    for (name, value) in callback.query_pairs() {
        match &*name {
            "code" => code = Some(value.into_owned()),
            "state" => answered = Some(value.into_owned()),
            _ => {}
        }
    }
    assert!(answered.as_deref() == Some(state.secret()));
    let response = client
        .exchange_code(AuthorizationCode::new(code.unwrap()))
        .unwrap()
        .set_pkce_verifier(verifier)
        .request(&http)
        .unwrap();
    let verifier = client.id_token_verifier();
    let verifier = if signed { verifier } else { verifier.insecure_disable_signature_check() };
    let token = response.extra_fields().id_token().unwrap();
    let claims = token.claims(&verifier, &nonce).unwrap();
    if signed {
        // Its check needs the key that the signature is by.
        check_at_hash(token, &verifier, claims, response.access_token());
    }
    claims.subject().to_string()
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let client = Rc::new(client());
    let own = client.clone();
    cases.push(Case::new("W1-authz-url", WHO, move || {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let _ = black_box((authorize(&own, CsrfToken::new_random, Nonce::new_random, challenge), verifier));
    }));
    let own = client.clone();
    cases.push(Case::new("W1f-authz-url-fixed-random", WHO, move || {
        let verifier = PkceCodeVerifier::new(black_box(VERIFIER).into());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let (state, nonce) = (|| CsrfToken::new(STATE.into()), || Nonce::new(NONCE.into()));
        let _ = black_box((authorize(&own, state, nonce, challenge), verifier));
    }));
    cases.push(Case::new("W2-discovery", WHO, || {
        // What its discovery does with the response, without fetching the keys.
        let response = respond(200, black_box(DISCOVERY));
        let metadata: CoreProviderMetadata = serde_json::from_slice(response.body()).unwrap();
        assert!(metadata.issuer().as_str() == ISSUER);
        black_box(metadata);
    }));
    cases.push(Case::new("W2j-discover+jwks4", WHO, || {
        black_box(metadata());
    }));
    let own = client.clone();
    cases.push(Case::new("W3-token", WHO, move || {
        let http = |request: HttpRequest| {
            black_box(&request);
            Ok::<_, Never>(respond(200, Alg::Rs256.token_response()))
        };
        let request = own.exchange_code(AuthorizationCode::new(CODE.into())).unwrap();
        black_box(request.set_pkce_verifier(PkceCodeVerifier::new(VERIFIER.into())).request(&http).unwrap());
    }));
    let own = client.clone();
    cases.push(Case::new("W3b-token-request-only", WHO, move || {
        let http = |request: HttpRequest| {
            black_box(&request);
            Err::<HttpResponse, _>(Never)
        };
        let request = own.exchange_code(AuthorizationCode::new(CODE.into())).unwrap();
        black_box(request.set_pkce_verifier(PkceCodeVerifier::new(VERIFIER.into())).request(&http).is_err());
    }));
    for alg in Alg::ALL {
        let work = alg.id_token_work();
        let expected = Rc::new((Nonce::new(NONCE.into()), AccessToken::new(ACCESS_TOKEN.into())));
        let (own, for_kept) = (client.clone(), expected.clone());
        cases.push(Case::new(work, WHO, move || verify(&own.id_token_verifier(), alg, &expected.0, &expected.1)));
        let kept: &'static Client = Box::leak(Box::new((*client).clone()));
        let verifier = Rc::new(kept.id_token_verifier());
        cases.push(Case::new(work, HOISTED, move || verify(&verifier, alg, &for_kept.0, &for_kept.1)));
    }
    for (work, set) in [("W5-jwks4", JWKS_4), ("W5-jwks100", JWKS_100)] {
        cases.push(Case::new(work, WHO, move || {
            black_box(serde_json::from_slice::<CoreJsonWebKeySet>(black_box(set)).unwrap());
        }));
    }
    cases.push(Case::new("W6-refresh", WHO, move || {
        let http = |request: HttpRequest| {
            black_box(&request);
            Ok::<_, Never>(respond(200, REFRESH_RESPONSE))
        };
        let token = RefreshToken::new(REFRESH_TOKEN.into());
        black_box(client.exchange_refresh_token(&token).unwrap().request(&http).unwrap());
    }));
    cases.extend(LOGINS.map(|(work, alg)| {
        Case::new(work, WHO, move || {
            black_box(login(alg, true));
        })
    }));
    cases.push(Case::new(WITHOUT_SIGNATURE, WHO, || {
        black_box(login(Alg::Rs256, false));
    }));
    cases
}

pub fn held() -> Vec<Held> {
    type Pending = (PkceCodeVerifier, CsrfToken, Nonce);
    type Restartable = (Pending, IssuerUrl, RedirectUrl, ClientId);
    let pending =
        || -> Pending { (PkceCodeChallenge::new_random_sha256().1, CsrfToken::new_random(), Nonce::new_random()) };
    let restartable = move || -> Restartable { (pending(), issuer(), redirect_uri(), ClientId::new(CLIENT_ID.into())) };
    let keys = |set: &'static [u8]| move || serde_json::from_slice::<CoreJsonWebKeySet>(set).unwrap();
    vec![
        hold("openidconnect 4.1 verifier, state and nonce", size_of::<Pending>(), pending),
        hold(
            "openidconnect 4.1 the same, with issuer, redirect URI and client ID",
            size_of::<Restartable>(),
            restartable,
        ),
        hold("openidconnect 4.1 CoreProviderMetadata, with 4 keys", size_of::<CoreProviderMetadata>(), metadata),
        hold("openidconnect 4.1 CoreClient, with 4 keys", size_of::<Client>(), client),
        hold("openidconnect 4.1 CoreJsonWebKeySet, 4", size_of::<CoreJsonWebKeySet>(), keys(JWKS_4)),
        hold("openidconnect 4.1 CoreJsonWebKeySet, 100", size_of::<CoreJsonWebKeySet>(), keys(JWKS_100)),
    ]
}
