//! The same login, refresh and userinfo at `openidconnect`. What sends a request is the page's own function.

use std::future::Future;
use std::pin::Pin;

use http::Response;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse as _, http,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Sends a request: names and values of headers in turn.
    #[wasm_bindgen(catch)]
    async fn send(method: &str, url: &str, headers: Vec<String>, body: &[u8]) -> Result<JsValue, JsValue>;

    type Answer;

    #[wasm_bindgen(method, getter, structural)]
    fn status(this: &Answer) -> u16;

    #[wasm_bindgen(method, getter, structural)]
    fn content_type(this: &Answer) -> String;

    #[wasm_bindgen(method, getter, structural)]
    fn body(this: &Answer) -> Vec<u8>;
}

#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request failed")
    }
}

impl std::error::Error for Failed {}

fn call(request: HttpRequest) -> Pin<Box<dyn Future<Output = Result<HttpResponse, Failed>>>> {
    Box::pin(async move {
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or("").to_owned();
        let headers = request.headers().iter().flat_map(|(name, value)| [name.to_string(), text(value)]).collect();
        let url = request.uri().to_string();
        let sent = send(request.method().as_str(), &url, headers, request.body()).await.map_err(|_| Failed)?;
        let answer: Answer = wasm_bindgen::JsCast::unchecked_into(sent);
        let response = Response::builder().status(answer.status()).header("content-type", answer.content_type());
        response.body(answer.body()).map_err(|_| Failed)
    })
}

type At = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A client at a provider.
#[wasm_bindgen]
pub struct Party {
    client: At,
    tokens: Option<CoreTokenResponse>,
}

#[wasm_bindgen]
impl Party {
    /// Reads the provider's metadata and keys.
    pub async fn discover(issuer: String, client_id: String, redirect_uri: String) -> Result<Self, JsValue> {
        let issuer = IssuerUrl::new(issuer).map_err(thrown)?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &call).await.map_err(thrown)?;
        let client = CoreClient::from_provider_metadata(metadata, ClientId::new(client_id), None)
            .set_redirect_uri(RedirectUrl::new(redirect_uri).map_err(thrown)?)
            .set_auth_type(AuthType::RequestBody);
        Ok(Self { client, tokens: None })
    }

    /// Where the user goes, and what is to be kept: state, nonce, verifier.
    pub fn authorize(&self) -> Vec<String> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = self.client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let request = request.add_scope(Scope::new("profile".into())).set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        vec![url.into(), state.into_secret(), nonce.secret().clone(), verifier.into_secret()]
    }

    /// Takes the code of a login, whose state the page has compared. Returns the subject.
    pub async fn callback(&mut self, code: String, nonce: String, verifier: String) -> Result<String, JsValue> {
        let request = self.client.exchange_code(AuthorizationCode::new(code)).map_err(thrown)?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        let response = request.request_async(&call).await.map_err(thrown)?;
        let id_token = response.id_token().ok_or("no ID token")?;
        let claims = id_token.claims(&self.client.id_token_verifier(), &Nonce::new(nonce)).map_err(thrown)?;
        let subject = claims.subject().to_string();
        self.tokens = Some(response);
        Ok(subject)
    }

    /// Exchanges the refresh token.
    pub async fn refresh(&mut self) -> Result<(), JsValue> {
        let token = self.tokens.as_ref().and_then(|tokens| tokens.refresh_token()).ok_or("no tokens")?;
        let request = self.client.exchange_refresh_token(token).map_err(thrown)?;
        self.tokens = Some(request.request_async(&call).await.map_err(thrown)?);
        Ok(())
    }

    /// A claim of the userinfo endpoint.
    pub async fn userinfo(&self) -> Result<String, JsValue> {
        let token = self.tokens.as_ref().ok_or("no tokens")?.access_token().clone();
        let request = self.client.user_info(token, None).map_err(thrown)?;
        let claims: CoreUserInfoClaims = request.request_async(&call).await.map_err(thrown)?;
        Ok(claims.subject().to_string())
    }
}

fn thrown(error: impl std::error::Error) -> JsValue {
    JsValue::from_str(&error.to_string())
}
