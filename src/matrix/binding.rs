//! What a session is bound to: a user and a device at a homeserver. It stays the same when all tokens are replaced.
//!
//! Its other methods are in other files: a new login in `login.rs`, the check of a new login in `completion.rs`, the
//! session with its tokens in `user_session.rs`.

use super::homeserver::Homeserver;
use super::id::{DeviceId, UserId};

/// A user and a device at a homeserver.
///
/// If an adapter drives the core's session, keep the `Binding` beside it:
///
/// ```
/// use oidc_proto::Error;
/// use oidc_proto::adapter::session::SessionHandle;
/// use oidc_proto::matrix::{Binding, ErrorBody, Login, LoginRequest, SessionEvent, SoftLogout};
/// use oidc_proto::session::Event;
/// # use oidc_proto::{AccessToken, Env};
///
/// /// The homeserver responded with an error to a request that had this token.
/// async fn refused<E: Env>(
///     handle: &SessionHandle<E>, said: &mut SoftLogout, token: &AccessToken, response: http::Response<Vec<u8>>,
/// ) {
///     let Some(error) = ErrorBody::parse(response.body()) else { return };
///     let tokens = handle.tokens();
///     if let Some(refusal) = said.refusal(token, tokens.access_token(), response.status(), &error) {
///         let _newer = handle.unauthorized(token, refusal).await;
///     }
/// }
///
/// /// An event of the handle's listener: the same user, the same device.
/// fn happened<E: Env>(handle: &SessionHandle<E>, said: &SoftLogout, binding: &Binding, event: Event) -> Option<LoginRequest> {
///     match said.event(event, handle.tokens().access_token()) {
///         SessionEvent::LoginAgain { .. } => Some(binding.login_again(&handle.tokens())),
///         _ => None,
///     }
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
}
