//! The habits that a provider has taken on, and where they show.

use http::{Response, header};
use serde_json::{Map, Value, json};
use url::Url;

use super::habit::Habit;
use super::value::Habits;
use crate::base::env::Timestamp;
use crate::testing::client::RegisteredClient;
use crate::testing::edit::Callback;
use crate::testing::http::{Params, Refusal, empty, no_store, set, with_body};
use crate::testing::id_token::IdToken;
use crate::testing::settings::Par;

/// The members of a metadata document that name an endpoint, with the endpoint's path at a provider without habits.
const ENDPOINTS: &[(&str, &str)] = &[
    ("authorization_endpoint", "/authorize"),
    ("token_endpoint", "/token"),
    ("userinfo_endpoint", "/userinfo"),
    ("jwks_uri", "/jwks"),
    ("registration_endpoint", "/register"),
    ("revocation_endpoint", "/revoke"),
    ("introspection_endpoint", "/introspect"),
    ("end_session_endpoint", "/end_session"),
    ("device_authorization_endpoint", "/device_authorization"),
    ("pushed_authorization_request_endpoint", "/par"),
];

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

type Object = Map<String, Value>;

/// Habits at a provider with an issuer.
pub(in crate::testing) struct Adopted {
    list: &'static [Habit],
    document: Object,
    /// Each with the path that it has at a provider without habits.
    urls: Vec<(&'static str, Url)>,
    /// The grants that may have refresh tokens, where this depends on the authorization request.
    offline: Vec<u64>,
}

impl Adopted {
    pub(in crate::testing) fn new(habits: Habits, issuer: &str) -> Self {
        let mut document: Object = serde_json::from_str(habits.document).unwrap_or_default();
        let place = |url: &str| moved(url, habits.issuer, issuer);
        for (name, value) in &mut document {
            let is_url = name.ends_with("_endpoint") || name.ends_with("_uri");
            if let Some(text) = value.as_str().filter(|_| is_url) {
                *value = json!(place(text));
            }
        }
        if issuer != habits.issuer {
            let template = document.get("issuer").and_then(Value::as_str).is_some_and(|own| own.contains("{tenantid}"));
            let own = if template { issuer.replace("/common", "/{tenantid}") } else { issuer.to_owned() };
            document.insert("issuer".into(), json!(own));
        }
        let url_of = |name: &str| document.get(name).and_then(Value::as_str).and_then(|url| Url::parse(url).ok());
        let mut urls: Vec<_> = ENDPOINTS.iter().filter_map(|(name, path)| Some((*path, url_of(name)?))).collect();
        for habit in habits.list {
            if let Habit::Unlisted(member, url) = habit
                && let Some((_, path)) = ENDPOINTS.iter().find(|(name, _)| name == member)
            {
                urls.extend(Url::parse(&place(url)).map(|url| (*path, url)));
            }
        }
        let well_known = match habits.metadata_url() {
            Some(url) => place(url),
            None => format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/')),
        };
        if habits.has_discovery() {
            urls.extend(Url::parse(&well_known).map(|url| (WELL_KNOWN, url)));
        }
        Self { list: habits.list, document, urls, offline: Vec::new() }
    }

    fn has(&self, is: impl Fn(&Habit) -> bool) -> bool {
        self.list.iter().any(is)
    }

    pub(in crate::testing) fn is_matrix_authentication_service(&self) -> bool {
        self.has(|habit| matches!(habit, Habit::MatrixAuthenticationService))
    }

    pub(in crate::testing) fn registers_by_token(&self) -> bool {
        self.has(|habit| matches!(habit, Habit::RegistrationByToken))
    }

    /// Whether `offline_access` needs `prompt=consent`.
    pub(in crate::testing) fn wants_consent(&self) -> bool {
        self.has(|habit| matches!(habit, Habit::OfflineByConsent))
    }

    pub(in crate::testing) fn keeps_refresh_tokens(&self) -> bool {
        self.has(|habit| matches!(habit, Habit::KeepsRefreshTokens))
    }

    /// What the metadata say of pushed requests.
    pub(in crate::testing) fn par(&self) -> Par {
        let is_required = self.document.get("require_pushed_authorization_requests") == Some(&json!(true));
        match self.document.get("pushed_authorization_request_endpoint") {
            None => Par::Off,
            Some(_) if is_required => Par::Required,
            Some(_) => Par::Advertised,
        }
    }

    pub(in crate::testing) fn document(&self) -> &Object {
        &self.document
    }

    /// The URL of what has this path at a provider without habits.
    pub(in crate::testing) fn url(&self, path: &str) -> Option<&str> {
        self.urls.iter().find(|(known, _)| *known == path).map(|(_, url)| url.as_str())
    }

    /// The path at a provider without habits of what has this URL. A URL without host, as servers get it, is this
    /// host's.
    pub(in crate::testing) fn path(&self, uri: &http::Uri) -> Option<&'static str> {
        let is_here = |url: &Url| {
            let authority = url.authority();
            url.path() == uri.path()
                && uri.authority().is_none_or(|own| own.as_str() == authority)
                && uri.scheme_str().is_none_or(|scheme| scheme == url.scheme())
        };
        self.urls.iter().find(|(_, url)| is_here(url)).map(|(path, _)| *path)
    }

    /// Whether the provider says so of itself that callbacks have `iss`.
    pub(in crate::testing) fn sends_iss(&self) -> bool {
        self.document.get("authorization_response_iss_parameter_supported") == Some(&json!(true))
    }

    /// What speaks against the scope.
    pub(in crate::testing) fn check_scope(&self, scope: &str) -> Result<(), Refusal> {
        let known = self.document.get("scopes_supported").and_then(Value::as_array);
        let is_known = |word: &str| known.is_none_or(|known| known.iter().any(|value| value.as_str() == Some(word)));
        match self.has(|habit| matches!(habit, Habit::KnownScopes)) && !scope.split(' ').all(is_known) {
            true => Err(Refusal::new("invalid_scope", "unknown, invalid, or malformed")),
            false => Ok(()),
        }
    }

    /// Notes what the authorization request says of refresh tokens.
    pub(in crate::testing) fn authorized(&mut self, grant: u64, params: &Params) {
        let asks =
            |habit: &Habit| matches!(habit, Habit::RefreshTokensBy(name, value) if params.get(name) == Some(*value));
        if self.has(asks) {
            self.offline.push(grant);
        }
    }

    /// Whether a grant may have refresh tokens.
    pub(in crate::testing) fn refreshes(&self, grant: u64, scope: &str, is_public: bool) -> bool {
        let has = |words: &[&str]| scope.split(' ').any(|word| words.contains(&word));
        self.list.iter().all(|habit| match habit {
            Habit::NoRefreshTokens => false,
            Habit::RefreshTokensFor(words) => has(words),
            Habit::RefreshTokensBy(..) => self.offline.contains(&grant),
            Habit::NoRefreshTokensForPublic => !is_public,
            _ => true,
        })
    }

    pub(in crate::testing) fn callback(&self, callback: &mut Callback) {
        for habit in self.list {
            if let Habit::Callback(name, value) = habit {
                callback.add(name, value);
            }
        }
    }

    pub(in crate::testing) fn registration(&self, response: &mut Object) {
        for habit in self.list {
            if let Habit::Registration(name, value) = habit {
                response.insert((*name).to_owned(), read(value));
            }
        }
    }

    pub(in crate::testing) fn tokens(&self, response: &mut Object, client: &RegisteredClient, refreshed: bool) {
        let scope = response.get("scope").and_then(Value::as_str).unwrap_or("").to_owned();
        for habit in self.list {
            match habit {
                Habit::Token(name, value) => drop(response.insert((*name).to_owned(), read(value))),
                Habit::TokenLacks(name) => drop(response.remove(*name)),
                Habit::RefreshLacks(name) if refreshed => drop(response.remove(*name)),
                Habit::ScopeArray => {
                    response.insert("scope".into(), json!(scope.split(' ').collect::<Vec<_>>()));
                }
                Habit::AccessTokenForClientId if !scope.split(' ').any(|word| word == client.client_id) => {
                    response.remove("access_token");
                }
                _ => {}
            }
        }
    }

    /// The response to a refresh token that is not good, if the provider has one of its own.
    pub(in crate::testing) fn dead_token(&self) -> Option<Response<Vec<u8>>> {
        self.list.iter().find_map(|habit| match habit {
            Habit::DeadRefreshToken(status, _, "") => Some(no_store(empty(*status))),
            Habit::DeadRefreshToken(status, content_type, body) => {
                Some(no_store(with_body(*status, content_type, (*body).to_owned())))
            }
            _ => None,
        })
    }

    /// The algorithm that tokens are signed with, if it is always the same.
    pub(in crate::testing) fn algorithm(&self) -> Option<&'static str> {
        self.list.iter().find_map(|habit| if let Habit::Signs(name) = habit { Some(*name) } else { None })
    }

    pub(in crate::testing) fn id_token(
        &self,
        token: &mut IdToken,
        client: &RegisteredClient,
        nonce: Option<&str>,
        now: Timestamp,
    ) {
        for habit in self.list {
            match habit {
                Habit::Claim(name, value) => token.claim(name, read(&value.replace("{client_id}", &client.client_id))),
                Habit::ClaimLacks(name) => drop(token.claims.remove(*name)),
                Habit::AudienceToo(other) => {
                    token.claim("aud", json!([client.client_id, other]));
                    token.claim("azp", client.client_id.as_str());
                }
                Habit::Tenant(tenant) => {
                    let template = self.document.get("issuer").and_then(Value::as_str).unwrap_or("");
                    token.claim("iss", template.replace("{tenantid}", tenant));
                    token.claim("tid", *tenant);
                }
                Habit::AuthTimeMoves if token.refreshed => token.claim("auth_time", now.unix_seconds()),
                Habit::NonceAgain => nonce.into_iter().for_each(|nonce| token.claim("nonce", nonce)),
                _ => {}
            }
        }
    }

    pub(in crate::testing) fn logout_token(&self, token: &mut IdToken) {
        if self.has(|habit| matches!(habit, Habit::LogoutTokenWithoutExp)) {
            token.claims.remove("exp");
        }
    }

    pub(in crate::testing) fn userinfo(&self, claims: &mut Object) {
        for habit in self.list {
            if let Habit::Userinfo(name, value) = habit {
                claims.insert((*name).to_owned(), read(value));
            }
        }
    }

    /// Whether assertions must be for the token endpoint.
    pub(in crate::testing) fn wants_token_endpoint(&self) -> bool {
        self.has(|habit| matches!(habit, Habit::AssertionForTokenEndpoint))
    }

    /// The response to a pushed request, if the provider has one of its own.
    pub(in crate::testing) fn pushed(&self) -> Option<Response<Vec<u8>>> {
        self.has(|habit| matches!(habit, Habit::PushedToLoginPage)).then(|| {
            let mut response = empty(302);
            set(&mut response, header::LOCATION, "/login");
            response
        })
    }
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}

/// The same URL at another issuer: below it.
fn moved(url: &str, from: &str, to: &str) -> String {
    if from == to {
        return url.to_owned();
    }
    let base = to.trim_end_matches('/');
    match url.strip_prefix(from.trim_end_matches('/')) {
        Some(rest) => format!("{base}{rest}"),
        None => format!("{base}{}", Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_default()),
    }
}
