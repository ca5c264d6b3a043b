//! A Matrix homeserver beside the provider: one function from request to response, and the switches.
//!
// | file | holds |
// |---|---|
// | `route.rs` | [`OnMatrix`], [`RequestTo`]: the endpoint of a request |
// | `state.rs` | [`KnownScopes`], and the state |
// | `responses.rs` | the endpoints, one function each |

mod responses;
mod route;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Request, Response};
use serde_json::{Map, Value};

use super::browser::Visit;
use super::disturbance::{Disturbance, gateway};
use super::http::Incoming;
use super::provider::Provider;
use super::reach::{Reached, reachable};
use super::rendezvous::Rendezvous;
use crate::base::env::Timestamp;
pub use route::{OnMatrix, RequestTo};
pub use state::KnownScopes;
use state::State;

/// A Matrix homeserver and its provider as a pure function from request to response. For tests only.
///
/// It implements server discovery, the server metadata, whoami, the device query and a rendezvous server. All other
/// requests go to the provider. The user ID of the login `alice` is `@alice:` followed by the server name. Clones are
/// handles to the same homeserver. Functions given to [`Homeserver::tamper`] and [`Homeserver::edit_json`] run while it
/// holds its lock: they must not call it.
#[derive(Clone)]
pub struct Homeserver {
    provider: Provider,
    rendezvous: Rendezvous,
    state: Arc<Mutex<State>>,
}

impl Homeserver {
    /// A homeserver at this base URL, for the server of this name. The homeserver also serves the
    /// well-known document at the host of the server name, even if the base URL has another host.
    pub fn new(base_url: &str, server_name: &str, provider: Provider) -> Self {
        let state = State {
            base_url: base_url.trim_end_matches('/').to_owned(),
            server_name: server_name.to_owned(),
            missing: BTreeSet::new(),
            scopes: KnownScopes::Both,
            has_older_names: false,
            soft_logout: false,
            locked: BTreeSet::new(),
            devices: BTreeSet::new(),
            is_lock_hidden: false,
            keeps_accounts: false,
            has_lost_provider: false,
            has_metadata: false,
            edits: Vec::new(),
            disturbances: Vec::new(),
            requests: Vec::new(),
        };
        Self { provider, rendezvous: Rendezvous::new(base_url), state: Arc::new(Mutex::new(state)) }
    }

    /// Removes an endpoint: it then responds with 404 and `M_UNRECOGNIZED`, as homeservers of other versions do.
    #[must_use]
    pub fn without(self, on: OnMatrix) -> Self {
        self.lock().missing.insert(on);
        self
    }

    /// Knows only one spelling of the scope values.
    #[must_use]
    pub fn with_scopes(self, scopes: KnownScopes) -> Self {
        self.lock().scopes = scopes;
        self
    }

    /// Advertises the actions of account management by their older names only.
    #[must_use]
    pub fn with_older_action_names(self) -> Self {
        self.lock().has_older_names = true;
        self
    }

    /// Has the habits of Synapse with the Matrix Authentication Service, as they were recorded in 2026:
    ///
    /// - a public client that registers with the same metadata gets the same ID;
    /// - no `iss` in the callback; a device ID of less than 10 characters, or with `%` or `^`, ends at an error page;
    /// - a refresh ends the older access token; a spent refresh token works until its successors were used, and is
    ///   refused from then on while the grant goes on;
    /// - the revocation of a spent token succeeds and ends nothing;
    /// - `authorization_pending` and `access_denied` come with 403, device codes without `verification_uri_complete`;
    /// - credentials of `client_secret_basic` are not form-decoded;
    /// - `prompt` may be `login` or `create`; DPoP, pushed requests and a logout page are not offered;
    /// - a registration needs a `client_uri` that is `https` at a domain; a redirect URI
    ///   `scheme://x` is refused; there is no `client_secret_expires_at`;
    /// - the account action `account_deactivate` is not offered; there is no `auth_issuer`;
    /// - a locked account shows as `M_UNKNOWN_TOKEN`, `soft_logout: false`, while refreshes go on;
    /// - a rendezvous lasts for a minute in all.
    #[must_use]
    pub fn with_habits_of_mas(self) -> Self {
        self.provider.adopt_habits_of_mas();
        let _ = self.rendezvous.clone().with_fixed_lifetime();
        let mut state = self.lock();
        (state.is_lock_hidden, state.keeps_accounts) = (true, true);
        state.missing.insert(OnMatrix::AuthIssuer);
        drop(state);
        self
    }

    /// The provider.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The rendezvous server for logins by QR code. Disturbances of [`OnMatrix::Rendezvous`] come before its tricks.
    pub fn rendezvous(&self) -> &Rendezvous {
        &self.rendezvous
    }

    /// The Matrix ID of the user with that login name.
    pub fn user_id(&self, login: &str) -> String {
        self.lock().user_id(login)
    }

    /// Locks an account, or unlocks it.
    pub fn lock_account(&self, login: &str, locked: bool) {
        let mut state = self.lock();
        if locked {
            state.locked.insert(login.to_owned())
        } else {
            state.locked.remove(login)
        };
    }

    /// Sets whether the homeserver cannot reach its provider. Then it knows no token and says 503
    /// `M_UNKNOWN`, and, if it has not had the provider's metadata before, 500 with a
    /// `Cache-Control` to `auth_metadata`, as Synapse does.
    pub fn lose_provider(&self, is_lost: bool) {
        self.lock().has_lost_provider = is_lost;
    }

    /// Sets the value of `soft_logout` in the response to an unknown token; by default `false`.
    pub fn soft_logout(&self, soft_logout: bool) {
        self.lock().soft_logout = soft_logout;
    }

    /// Adds a device to a user. No login belongs to the device.
    pub fn add_device(&self, login: &str, device_id: &str) {
        self.lock().devices.insert((login.to_owned(), device_id.to_owned()));
    }

    /// Makes the next requests to an endpoint fail. For endpoints of the provider, use [`Provider::disturb`].
    pub fn disturb(&self, on: OnMatrix, disturbance: Disturbance, times: usize) {
        self.lock().disturbances.push((on, disturbance, times));
    }

    /// Changes each response of an endpoint.
    pub fn tamper(&self, on: OnMatrix, edit: impl Fn(&mut Response<Vec<u8>>) + Send + Sync + 'static) {
        self.lock().edits.push((on, Arc::new(edit)));
    }

    /// Changes the JSON object in each successful response of an endpoint.
    pub fn edit_json(&self, on: OnMatrix, edit: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.tamper(on, move |response| {
            if let Ok(Value::Object(mut object)) = serde_json::from_slice(response.body())
                && response.status().is_success()
            {
                edit(&mut object);
                *response.body_mut() = Value::Object(object).to_string().into_bytes();
            }
        });
    }

    /// Removes all lies, disturbances and tricks, including those of the provider and the rendezvous server.
    pub fn honest(&self) {
        let mut state = self.lock();
        state.edits.clear();
        state.disturbances.clear();
        drop(state);
        self.provider.honest();
        self.rendezvous.honest();
    }

    /// Handles a request. A disturbance without a response becomes status 502.
    pub fn handle<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Response<Vec<u8>> {
        self.exchange(request, now).unwrap_or_else(gateway)
    }

    /// Handles a request; a disturbance can cause a [`Failure`](crate::Failure).
    ///
    /// # Errors
    /// The failure that an HTTP client would report. A request to a host other than the homeserver, the server name and
    /// the provider is unreachable.
    pub fn exchange<B: AsRef<[u8]>>(&self, request: Request<B>, now: Timestamp) -> Reached {
        let mut state = self.lock();
        let Some(on) = route::route(&state.base_url, &state.server_name, request.uri()) else {
            let at_provider = super::route::route(&self.provider.issuer(), request.uri());
            state.requests.extend(at_provider.map(RequestTo::Provider));
            drop(state);
            return self.provider.exchange(request, now);
        };
        state.requests.push(RequestTo::Homeserver(on));
        let disturbance = state.next_disturbance(on);
        if let Some(outcome) = disturbance.as_ref().and_then(Disturbance::before) {
            return outcome;
        }
        let mut response = if on == OnMatrix::Rendezvous && !state.missing.contains(&on) {
            self.rendezvous.exchange(request, now)?
        } else {
            let (parts, body) = request.into_parts();
            let query = parts.uri.query().unwrap_or("");
            let (method, headers, body) = (&parts.method, &parts.headers, body.as_ref());
            let incoming = Incoming { method, query, headers, body, now };
            responses::respond(&state, &self.provider, on, parts.uri.path(), &incoming)
        };
        state.has_metadata |= on == OnMatrix::AuthMetadata && response.status().is_success();
        for (_, edit) in state.edits.iter().filter(|(place, _)| *place == on) {
            edit(&mut response);
        }
        match disturbance {
            Some(disturbance) => disturbance.after(response),
            None => Ok(response),
        }
    }

    /// Opens a URL of the provider as the user's browser would: [`Provider::visit`].
    pub fn visit(&self, url: &str, now: Timestamp) -> Visit {
        self.provider.visit(url, now)
    }

    /// The endpoints of all requests so far, in order, without the requests of a browser to the provider.
    pub fn requests(&self) -> Vec<RequestTo> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

reachable!(Homeserver);

impl fmt::Debug for Homeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Homeserver({})", self.lock().base_url)
    }
}
