//! The words that lies are written in: each makes an edit.

use std::sync::Arc;

use http::Response;
use serde_json::{Map, Value, json};

use crate::testing::edit::{Callback, Edit};
use crate::testing::http::Refusal;
use crate::testing::id_token::{IdToken, Signature};
use crate::testing::keys;
use crate::testing::route::On;

pub(super) type Object = Map<String, Value>;

/// 512 bits.
pub(super) const SMALL_MODULUS: &str =
    "wJ1dF3m8Qk2vR7sT0yX5bN9cL4hG6jP1aZ3eU8iO2rKwVfDqCtMxBnHlSgYoEuI7p5AkJz4hWcRvQmTyLs9NXg";

pub(super) fn json(on: On, edit: impl Fn(&mut Object) + Send + Sync + 'static) -> Edit {
    Edit::Json(on, Arc::new(edit))
}

pub(super) fn put(on: On, name: &'static str, value: impl Into<Value>) -> Edit {
    let value = value.into();
    json(on, move |object| drop(object.insert(name.to_owned(), value.clone())))
}

pub(super) fn drop_member(on: On, name: &'static str) -> Edit {
    json(on, move |object| drop(object.remove(name)))
}

pub(super) fn amend(object: &mut Object, name: &str, change: impl Fn(&str) -> String) {
    if let Some(value) = object.get_mut(name) {
        *value = json!(change(value.as_str().unwrap_or("")));
    }
}

pub(super) fn response(on: On, edit: fn(&mut Response<Vec<u8>>)) -> Edit {
    Edit::Response(on, Arc::new(edit))
}

pub(super) fn failed(error: &'static str) -> Response<Vec<u8>> {
    Refusal::new(error, "as always").into_response()
}

pub(super) fn callback(edit: fn(&mut Callback)) -> Edit {
    Edit::Callback(Arc::new(edit))
}

pub(super) fn fail(callback: &mut Callback, description: &str) {
    callback.remove("code");
    callback.set("error", "server_error");
    callback.set("error_description", description);
}

pub(super) fn id_token(edit: impl Fn(&mut IdToken) + Send + Sync + 'static) -> Edit {
    Edit::IdToken(Arc::new(edit))
}

pub(super) fn refreshed(edit: fn(&mut IdToken)) -> Edit {
    id_token(move |token| {
        if token.refreshed {
            edit(token)
        }
    })
}

pub(super) fn finish(finish: fn(String) -> String) -> Edit {
    id_token(move |token| token.finish = finish)
}

pub(super) fn signed(signature: Signature) -> Edit {
    id_token(move |token| token.signature = signature)
}

pub(super) fn member(name: &'static str, value: impl Into<Value>) -> Edit {
    let value = value.into();
    id_token(move |token| token.member(name, value.clone()))
}

pub(super) fn claim(name: &'static str, value: impl Into<Value>) -> Edit {
    let value = value.into();
    id_token(move |token| token.claim(name, value.clone()))
}

pub(super) fn unclaim(name: &'static str) -> Edit {
    id_token(move |token| drop(token.claims.remove(name)))
}

pub(super) fn rekey(token: &mut IdToken, algorithm: &str) {
    let second = token.header.get("kid").and_then(Value::as_str).is_some_and(|kid| kid.ends_with('2'));
    token.algorithm = algorithm.to_owned();
    token.member("alg", algorithm);
    token.member("kid", keys::generation(second).kid(algorithm));
}

pub(super) fn jwks(edit: fn(&mut Vec<Value>)) -> Edit {
    json(On::Jwks, move |object| object.get_mut("keys").and_then(Value::as_array_mut).into_iter().for_each(edit))
}

pub(super) fn odd_keys() -> [Value; 5] {
    [
        json!({ "kty": "oct", "kid": "odd-1", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "odd-2", "x": "AQ", "d": "AQ" }),
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "odd-3", "pub": "AQ" }),
        json!({ "kty": "RSA", "kid": "odd-4", "n": SMALL_MODULUS, "e": "AQAB" }),
        json!({ "kty": 7 }),
    ]
}
