//! huskarl 0.11, where it can be called without IO: its HTTP client is one that has the response, and its futures are
//! then ready at once. It takes time and entropy by itself.

use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Request;
use huskarl::core::Error;
use huskarl::core::client_auth::NoAuth;
use huskarl::core::http::{HttpClient, HttpResponse, Idempotency};
use huskarl::core::jwk::Jwks;
use huskarl::core::platform::MaybeSendBoxFuture;
use huskarl::core::secrets::SecretString;
use huskarl::core::server_metadata::AuthorizationServerMetadata;
use huskarl::grant::core::OAuth2ExchangeGrant;
use huskarl::grant::refresh::{RefreshGrant, RefreshGrantParameters};
use huskarl::token::RefreshToken;

use crate::case::Case;
use crate::fixtures::*;

const WHO: &str = "huskarl 0.11";

struct Canned(&'static [u8]);

impl HttpClient for Canned {
    fn execute(&self, request: Request<Bytes>, _: Idempotency) -> MaybeSendBoxFuture<'_, Result<HttpResponse, Error>> {
        black_box(&request);
        let (parts, body) = respond(200, self.0).into_parts();
        let response = HttpResponse { status: parts.status, headers: parts.headers, body: body.into() };
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing to wait for"),
    }
}

fn metadata(document: &[u8]) -> AuthorizationServerMetadata {
    serde_json::from_slice(document).unwrap()
}

pub fn cases() -> Vec<Case> {
    let grant = RefreshGrant::builder_from_metadata(&metadata(DISCOVERY))
        .client_id(CLIENT_ID)
        .client_auth(NoAuth)
        .http_client(Canned(REFRESH_RESPONSE))
        .build();
    let grant = Rc::new(grant);
    let mut cases = vec![
        Case::new("W2-discovery", WHO, || {
            let response = respond(200, black_box(DISCOVERY));
            let metadata = metadata(response.body());
            assert!(metadata.issuer == ISSUER);
            black_box(metadata);
        }),
        Case::new("W6-refresh", WHO, move || {
            let token = RefreshToken::new(SecretString::new(REFRESH_TOKEN), None);
            black_box(ready(grant.exchange(RefreshGrantParameters::refresh_token(token))).unwrap());
        }),
    ];
    for (work, set) in [("W5-jwks4", JWKS_4), ("W5-jwks100", JWKS_100)] {
        cases.push(Case::new(work, WHO, move || {
            black_box(serde_json::from_slice::<Jwks>(black_box(set)).unwrap());
        }));
    }
    cases
}
