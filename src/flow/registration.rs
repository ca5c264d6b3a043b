//! Registers a client (RFC 7591).
//!
//! ```text
//! start ─▶ POST registration_endpoint ─▶ Done(Registered)
//! ```

use crate::base::env::Env;
use crate::base::secret::{AccessToken, Secret};
use crate::base::url::is_loopback;
use crate::error::{Error, ErrorCode, Quote};
use crate::party::client_metadata::{ApplicationType, ClientMetadata};
use crate::party::provider::Provider;
use crate::party::redirect_uri::RedirectUri;
use crate::party::registered::{self, Registered};
use crate::party::registration;
use crate::step::{Flow, Input, Step};
use crate::wire::policy::{Accept, Policy};

/// The endpoint for errors that name no endpoint.
const REQUEST: &str = "registration_endpoint";

/// What to do if the provider refuses a registration that had a token.
const TOKEN: &str = "Ask for another initial access token: this one may have expired, may have been used, or may not be for registrations. Or register by hand.";

/// Awaits the registration response.
///
/// Store the response in [`Registrations`](crate::Registrations), even if the login fails later.
#[derive(Debug)]
pub struct Registration {
    metadata: ClientMetadata,
    keep_fields: bool,
    had_token: bool,
}

impl Registration {
    /// Registers a client (RFC 7591 section 3). The request is not repeated, because each request may make another
    /// client.
    ///
    /// If the provider does not list the authentication method of the metadata, the request asks for one that it lists;
    /// a native application may ask for `none` in any case.
    ///
    /// # Errors
    /// `registration.unsupported`; `registration.redirect_uri` if no provider may accept a redirect URI for this type
    /// of application (OpenID Connect Dynamic Client Registration 1.0 section 2).
    pub fn start(provider: &Provider, metadata: ClientMetadata) -> Result<Step<Self>, Error> {
        Self::begin(provider, metadata, None)
    }

    /// [`Registration::start`] with an initial access token (RFC 7591 section 3), for a provider that does not allow
    /// open registration.
    ///
    /// # Errors
    /// Those of [`Registration::start`]; `token.malformed`.
    pub fn start_with_token(
        provider: &Provider,
        metadata: ClientMetadata,
        initial_access_token: Secret,
    ) -> Result<Step<Self>, Error> {
        // A bearer token has no spaces (RFC 6750 section 2.1).
        if initial_access_token.expose().contains(' ') {
            return Err(Error::new(ErrorCode::TOKEN_MALFORMED).at("initial_access_token"));
        }
        Self::begin(provider, metadata, Some(&AccessToken::new(initial_access_token)?))
    }

    fn begin(
        provider: &Provider,
        metadata: ClientMetadata,
        initial_access_token: Option<&AccessToken>,
    ) -> Result<Step<Self>, Error> {
        let published = provider.metadata();
        let endpoint = published.endpoint(
            &published.registration_endpoint,
            "registration_endpoint",
            ErrorCode::REGISTRATION_UNSUPPORTED,
        )?;
        let is_odd = |uri: &&RedirectUri| !may_redirect(metadata.application_type(), uri);
        if let Some(uri) = metadata.redirect_uris().iter().find(is_odd) {
            let found = Quote::caller_url(uri.as_str());
            return Err(Error::new(ErrorCode::REGISTRATION_REDIRECT_URI).at("redirect_uris").with_found(found));
        }
        let metadata = metadata.listed(published.token_endpoint_auth_methods);
        let request = registration::request(endpoint, &metadata, initial_access_token);
        let keep_fields = provider.options().keeps_unknown_fields();
        let had_token = initial_access_token.is_some();
        Ok(Step::call(request, Policy::own_write(Accept::Any), Self { metadata, keep_fields, had_token }))
    }
}

/// A native application uses a scheme of its own, `https`, or `http` on a loopback address; a web application `https`,
/// or `http` on a loopback address while it is developed.
fn may_redirect(application_type: ApplicationType, uri: &RedirectUri) -> bool {
    match uri.url().scheme() {
        "https" => true,
        "http" => is_loopback(uri.url()),
        _ => application_type == ApplicationType::Native,
    }
}

impl Flow for Registration {
    type Output = Registered;

    fn on(self, input: Input<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let registered =
            input.response().and_then(|response| registered::parse(response, &self.metadata, self.keep_fields));
        registered.map(Step::Done).map_err(|error| {
            let error = error.during(REQUEST);
            if self.had_token && error.code() == ErrorCode::REGISTRATION_DENIED {
                error.with_hint(TOKEN)
            } else {
                error
            }
        })
    }
}
