//! What a session is bound to: a user and a device at a homeserver. It stays the same when all tokens are replaced.

use super::completion::Login;
use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};
use super::login::LoginRequest;
use super::user_session::UserSession;
use crate::error::{Error, ErrorCode};
use crate::token::token_set::TokenSet;

/// A user and a device at a homeserver.
///
/// Where the core's session is driven by an adapter, this is what remains to be known beside it:
///
/// ```
/// use oidc_proto::Error;
/// use oidc_proto::adapter::session::SessionHandle;
/// use oidc_proto::matrix::{Binding, ErrorBody, Login, LoginRequest};
/// # use oidc_proto::{AccessToken, Env};
///
/// /// The homeserver answered a request that had this token with an error.
/// async fn refused<E: Env>(handle: &SessionHandle<E>, token: &AccessToken, response: http::Response<Vec<u8>>) {
///     let refusal = ErrorBody::parse(response.body()).and_then(|error| error.refusal(response.status()));
///     if let Some(refusal) = refusal {
///         let _newer = handle.unauthorized(token, refusal).await;
///     }
/// }
///
/// /// `Event::NeedsLogin`: the same user, the same device.
/// fn needs_login(binding: &Binding) -> LoginRequest {
///     binding.login_again()
/// }
///
/// fn logged_in<E: Env>(handle: &SessionHandle<E>, binding: &Binding, login: &Login) -> Result<(), Error> {
///     binding.check(login)?;
///     handle.adopt(login.session.tokens().clone())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub(super) homeserver: Homeserver,
    pub(super) user_id: UserId,
    pub(super) device_id: DeviceId,
}

impl Binding {
    /// The homeserver.
    pub fn homeserver(&self) -> &Homeserver {
        &self.homeserver
    }

    /// The user.
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The device.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The login to offer when the grant is gone: the same user, the same device.
    pub fn login_again(&self) -> LoginRequest {
        LoginRequest::of(&self.user_id, &self.device_id)
    }

    /// Checks that a new login is of this user, with this device: before its tokens take the place of others.
    ///
    /// # Errors
    /// `matrix.homeserver_mismatch`, `whoami.user_mismatch`, `whoami.device_mismatch`.
    pub fn check(&self, login: &Login) -> Result<(), Error> {
        let new = login.session.binding();
        if new.homeserver != self.homeserver {
            return Err(ErrorCode::MATRIX_HOMESERVER_MISMATCH.into());
        }
        if new.user_id != self.user_id {
            return Err(Error::new(ErrorCode::WHOAMI_USER_MISMATCH).at("user_id"));
        }
        if new.device_id != self.device_id {
            return Err(Error::new(ErrorCode::WHOAMI_DEVICE_MISMATCH).at("device_id"));
        }
        Ok(())
    }

    /// What is to be stored, with these tokens.
    pub fn with_tokens(&self, tokens: TokenSet) -> UserSession {
        UserSession::new(self.homeserver.clone(), self.user_id.clone(), self.device_id.clone(), tokens)
    }
}
