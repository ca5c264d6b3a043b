//! Edits: functions that change the provider's responses. Every lie is an edit.

use std::sync::Arc;

use http::Response;
use serde_json::{Map, Value};

use super::id_token::IdToken;
use super::nonces::NonceLie;
use super::route::On;

type Hook<T> = Arc<dyn Fn(&mut T) + Send + Sync>;

#[derive(Clone)]
pub(super) enum Edit {
    Response(On, Hook<Response<Vec<u8>>>),
    Json(On, Hook<Map<String, Value>>),
    Callback(Hook<Callback>),
    IdToken(Hook<IdToken>),
    LogoutToken(Hook<IdToken>),
    /// Done once, to the provider itself: this is wrong with its nonces from now on.
    Nonces(NonceLie),
    /// Refresh tokens are not rotated.
    KeepsRefreshTokens,
}

impl Edit {
    /// Changes a response. JSON is changed only where it is an object and the status a success.
    pub(super) fn respond(&self, on: On, response: &mut Response<Vec<u8>>) {
        match self {
            Self::Response(place, hook) if *place == on => hook(response),
            Self::Json(place, hook) if *place == on && response.status().is_success() => {
                if let Ok(mut object) = serde_json::from_slice::<Map<String, Value>>(response.body()) {
                    hook(&mut object);
                    *response.body_mut() = Value::Object(object).to_string().into_bytes();
                }
            }
            _ => {}
        }
    }
}

/// The response that the browser carries to the application, before it is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Callback {
    /// Where the browser is sent.
    pub redirect_uri: String,
    /// The response mode.
    pub mode: ResponseMode,
    /// The parameters, in their order.
    pub params: Vec<(String, String)>,
}

/// How the parameters of a callback travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirect URI (OAuth 2.0 Multiple Response Types section 2.1).
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl Callback {
    /// Replaces a parameter, or adds it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    /// Adds a parameter, even if there is already one with this name.
    pub fn add(&mut self, name: &str, value: &str) {
        self.params.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        self.params.retain(|(known, _)| known != name);
    }
}
