//! A client as a provider registered it (RFC 7591 section 3.2).

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;

use super::client::{Client, ClientAuth, check_client_id, is_client_id};
use super::client_metadata::ClientMetadata;
use super::metadata::{AuthMethod, GrantType};
use super::redirect_uri::RedirectUri;
use crate::base::env::Timestamp;
use crate::base::json::{self, Fields, Scalar};
use crate::base::secret::Secret;
use crate::base::word_set::{Listed, Words};
use crate::error::{Error, ErrorCode, Quote};
use crate::jose::Algorithm;
use crate::wire::oauth_error;
use crate::wire::policy::Accept;
use crate::wire::response::Response;

/// A client as a provider registered it (RFC 7591 section 3.2.1).
#[derive(Clone, Debug)]
pub struct Registered {
    pub(crate) client_id: Arc<str>,
    pub(crate) auth: ClientAuth,
    pub(crate) id_token_algorithm: Option<Algorithm>,
    pub(crate) userinfo_algorithm: Option<Algorithm>,
    /// `grant_types`, if the provider granted fewer than were asked for.
    pub(crate) granted: Option<Words<GrantType>>,
    pub(crate) secret_expires_at: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) management_uri: Option<Box<str>>,
    pub(crate) flaws: Vec<Error>,
    pub(crate) fields: Option<Fields>,
}

impl Registered {
    /// A client that was registered in another way, for example by hand in a provider's console.
    ///
    /// # Errors
    /// `client.id` if it could not be read back from storage: an empty client ID, or one with control or invisible
    /// characters.
    pub fn preregistered(client_id: impl Into<Box<str>>, auth: ClientAuth) -> Result<Self, Error> {
        let client_id = client_id.into();
        check_client_id(&client_id)?;
        Ok(Self {
            client_id: client_id.into(),
            auth,
            id_token_algorithm: None,
            userinfo_algorithm: None,
            granted: None,
            secret_expires_at: None,
            issued_at: None,
            access_token: None,
            management_uri: None,
            flaws: Vec::new(),
            fields: None,
        })
    }

    /// `client_id`.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How the client authenticates, with its secret.
    pub fn auth(&self) -> &ClientAuth {
        &self.auth
    }

    /// `client_secret_expires_at`; `None` if it does not expire.
    pub fn secret_expires_at(&self) -> Option<Timestamp> {
        self.secret_expires_at
    }

    /// `client_id_issued_at`.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// `registration_access_token`: for changing or deleting the registration at
    /// [`Registered::management_uri`] (RFC 7592).
    pub fn access_token(&self) -> Option<&Secret> {
        self.access_token.as_ref()
    }

    /// `registration_client_uri` (RFC 7592), as the provider wrote it: it is not checked.
    pub fn management_uri(&self) -> Option<&str> {
        self.management_uri.as_deref()
    }

    /// An error for each member of the response that cannot be used. In place of the member, the
    /// requested value counts. For the authentication method that is not always possible: then the
    /// client uses the secret that came, or does not authenticate. Log the errors: they can be the
    /// reason why a login fails. They are not stored.
    pub fn flaws(&self) -> &[Error] {
        &self.flaws
    }

    /// The whole registration response, if the caller chose [`UnknownFields::Keep`](crate::UnknownFields::Keep).
    pub fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    /// The client, with these redirect URIs, which must be registered for it.
    pub fn client(&self, redirect_uris: &[RedirectUri]) -> Client {
        let client = Client { redirect_uris: redirect_uris.to_vec(), ..Client::named(self.client_id.clone()) };
        Client {
            auth: self.auth.clone(),
            registered_algorithm: self.id_token_algorithm,
            registered_userinfo_algorithm: self.userinfo_algorithm,
            granted: self.granted,
            ..client
        }
    }
}

/// The needed members of the response. The other members repeat the request, in types that differ between providers.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    client_id: Scalar<'a>,
    #[serde(borrow, default)]
    client_secret: Scalar<'a>,
    #[serde(borrow, default)]
    client_secret_expires_at: Scalar<'a>,
    #[serde(borrow, default)]
    client_id_issued_at: Scalar<'a>,
    #[serde(borrow, default)]
    token_endpoint_auth_method: Scalar<'a>,
    grant_types: Option<Listed<GrantType>>,
    #[serde(borrow, default)]
    id_token_signed_response_alg: Scalar<'a>,
    #[serde(borrow, default)]
    userinfo_signed_response_alg: Scalar<'a>,
    #[serde(borrow, default)]
    registration_access_token: Scalar<'a>,
    #[serde(borrow, default)]
    registration_client_uri: Scalar<'a>,
}

/// Parses a registration response: any 2xx status with a `client_id`. The client exists then, so that nothing else that
/// is wrong with the response loses it.
///
/// # Errors
/// `registration.…`, `http.…`, `json.…`.
pub(crate) fn parse(response: Response<'_>, sent: &ClientMetadata, keep_fields: bool) -> Result<Registered, Error> {
    json::around_broken(response.body, |body| {
        parse_held(Response { body, ..response }, sent, keep_fields.then_some(response.body))
    })
}

/// `kept` is the body as it came.
fn parse_held(response: Response<'_>, sent: &ClientMetadata, kept: Option<&[u8]>) -> Result<Registered, Error> {
    if !response.status.is_success() {
        return Err(refusal(response));
    }
    let body = json::plain(response.body);
    let answer: Members<'_> = json::document(&body).map_err(|error| {
        let labelled = response.check_content_coding().and_then(|()| response.check_content_type(Accept::AnyButMarkup));
        labelled.err().unwrap_or(error)
    })?;
    let client_id =
        answer.client_id.text().filter(|id| is_client_id(id)).ok_or(ErrorCode::REGISTRATION_NO_CLIENT_ID)?;
    let secret = answer.client_secret.text().filter(|secret| !secret.is_empty()).map(Secret::new);
    let mut flaws = Vec::new();
    let auth = authentication(answer.token_endpoint_auth_method, secret, sent, &mut flaws);
    let mut algorithm = |answered: Scalar<'_>, asked: Option<Algorithm>, name: &'static str| {
        let answered = match answered.or_absent() {
            Scalar::Null => return asked,
            // Not signed, which only an ID token has to be.
            Scalar::Text(answered) if answered == "none" && name != ID_TOKEN => return None,
            Scalar::Text(answered) => answered,
            _ => "a value that is not a string".into(),
        };
        Algorithm::from_name(&answered).or_else(|| {
            // ID tokens still have to be signed by an algorithm that this crate knows: nothing wider is accepted.
            flaws.push(Error::new(ErrorCode::JWS_ALGORITHM).at(name).with_found(Quote::provider(&answered)));
            asked
        })
    };
    let id_token_algorithm =
        algorithm(answer.id_token_signed_response_alg, sent.id_token_signed_response_alg(), ID_TOKEN);
    let userinfo_algorithm = algorithm(
        answer.userinfo_signed_response_alg,
        sent.userinfo_signed_response_alg(),
        "userinfo_signed_response_alg",
    );
    // What is no list says nothing.
    let granted = match answer.grant_types {
        Some(Listed::Words(granted)) => Some(granted),
        Some(Listed::Word(_) | Listed::Unreadable) | None => None,
    };
    let seconds = |value: Scalar<'_>| value.whole().filter(|&seconds| seconds != 0).map(Timestamp::from_unix_seconds);
    Ok(Registered {
        client_id: client_id.into(),
        auth,
        id_token_algorithm,
        userinfo_algorithm,
        granted: granted.filter(|granted| sent.grant_types().iter().any(|grant| !granted.contains(grant))),
        secret_expires_at: seconds(answer.client_secret_expires_at),
        issued_at: seconds(answer.client_id_issued_at),
        access_token: answer.registration_access_token.or_absent().text().map(Secret::new),
        management_uri: answer.registration_client_uri.or_absent().text().map(Into::into),
        flaws,
        fields: kept.map(Fields::new),
    })
}

const ID_TOKEN: &str = "id_token_signed_response_alg";

/// The provider's no: by its name, or a status that says so alone.
fn refusal(response: Response<'_>) -> Error {
    let error = oauth_error::from_response(response, |error| match error {
        "invalid_redirect_uri" => ErrorCode::REGISTRATION_INVALID_REDIRECT_URI,
        "invalid_client_metadata" => ErrorCode::REGISTRATION_INVALID_CLIENT_METADATA,
        "invalid_software_statement" => ErrorCode::REGISTRATION_INVALID_SOFTWARE_STATEMENT,
        "unapproved_software_statement" => ErrorCode::REGISTRATION_UNAPPROVED_SOFTWARE_STATEMENT,
        _ => ErrorCode::REGISTRATION_DENIED,
    });
    match response.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if error.code() == ErrorCode::HTTP_STATUS => {
            error.with_code(ErrorCode::REGISTRATION_DENIED)
        }
        _ => error,
    }
}

/// How the client authenticates: what the provider registered counts, not what was asked for (section 3.2.1).
fn authentication(
    answered: Scalar<'_>,
    secret: Option<Secret>,
    sent: &ClientMetadata,
    flaws: &mut Vec<Error>,
) -> ClientAuth {
    const NAME: &str = "token_endpoint_auth_method";
    let asked = sent.token_endpoint_auth_method();
    let odd = |found: &str| {
        let error = Error::new(ErrorCode::REGISTRATION_AUTH_METHOD).at(NAME);
        error.with_expected(Quote::library(asked.name())).with_found(Quote::provider(found))
    };
    // The default of section 2 for a secret that nobody asked for.
    let takes_secret =
        matches!(asked, AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt);
    let default = if secret.is_some() && !takes_secret { AuthMethod::ClientSecretBasic } else { asked };
    let method = match answered.or_absent() {
        Scalar::Null => default,
        Scalar::Text(name) => AuthMethod::from_name(&name).unwrap_or_else(|| {
            flaws.push(odd(&name));
            default
        }),
        _ => {
            flaws.push(odd("a value that is not a string"));
            default
        }
    };
    match (method, &sent.key) {
        (AuthMethod::PrivateKeyJwt, Some(key)) => ClientAuth::PrivateKeyJwt(key.clone()),
        (AuthMethod::PrivateKeyJwt, None) => {
            flaws.push(odd(method.name()));
            secret.map_or(ClientAuth::None, ClientAuth::SecretBasic)
        }
        _ => ClientAuth::new(method, secret).unwrap_or_else(|_| {
            flaws.push(Error::new(ErrorCode::REGISTRATION_NO_SECRET).at("client_secret"));
            ClientAuth::None
        }),
    }
}
