//! The flows. In the source, the file of each flow begins with a diagram of its states and
//! transitions.
//!
//! | flow | started by | output |
//! |---|---|---|
//! | [`ServerMetadataFetch`] | [`ServerMetadataFetch::start`] | [`FetchedServerMetadata`] |
//! | [`PartyDiscovery`] | [`RelyingParty::discover`] | a [`RelyingParty`] |
//! | [`Registration`] | [`Registration::start`] | [`Registered`](crate::Registered) |
//! | [`PushedAuthorization`] | [`RelyingParty::push`] | a URL and a [`PendingAuthorization`](crate::PendingAuthorization) |
//! | [`OptionalPush`] | [`RelyingParty::push_if_possible`] | [`StartedAuthorization`] |
//! | [`TokenRequest`] | [`RelyingParty::redeem`], [`RelyingParty::refresh`], [`RelyingParty::request_tokens`], [`RelyingParty::poll_device`] | [`TokenOutcome`](crate::TokenOutcome) |
//! | [`DeviceAuthorization`] | [`RelyingParty::authorize_device`] | [`PendingDevice`](crate::PendingDevice) |
//! | [`KeysFetch`] | [`RelyingParty::fetch_keys`] | [`Keys`](crate::jose::Keys) |
//! | [`UserinfoFetch`] | [`RelyingParty::userinfo`] | [`Userinfo`](crate::Userinfo) |
//! | [`ResourceCall`] | [`RelyingParty::call`] | the response to the application's own request |
//! | [`Revocation`] | [`RelyingParty::revoke`] | nothing |
//! | [`BackChannelLogout`] | [`RelyingParty::back_channel_logout`] | [`LogoutToken`](crate::LogoutToken) |
//!
//! [`RelyingParty`]: crate::RelyingParty
//! [`RelyingParty::discover`]: crate::RelyingParty::discover
//! [`RelyingParty::push`]: crate::RelyingParty::push
//! [`RelyingParty::push_if_possible`]: crate::RelyingParty::push_if_possible
//! [`RelyingParty::redeem`]: crate::RelyingParty::redeem
//! [`RelyingParty::refresh`]: crate::RelyingParty::refresh
//! [`RelyingParty::request_tokens`]: crate::RelyingParty::request_tokens
//! [`RelyingParty::authorize_device`]: crate::RelyingParty::authorize_device
//! [`RelyingParty::poll_device`]: crate::RelyingParty::poll_device
//! [`RelyingParty::fetch_keys`]: crate::RelyingParty::fetch_keys
//! [`RelyingParty::userinfo`]: crate::RelyingParty::userinfo
//! [`RelyingParty::call`]: crate::RelyingParty::call
//! [`RelyingParty::revoke`]: crate::RelyingParty::revoke
//! [`RelyingParty::back_channel_logout`]: crate::RelyingParty::back_channel_logout

mod authenticated_request;
pub(crate) mod authorization;
mod back_channel_logout;
pub(crate) mod device;
mod device_poll;
mod grant_request;
mod key_search;
mod keys_fetch;
mod prerequisites;
mod pushed_authorization;
mod refresh;
mod registration;
mod resource_call;
mod revocation;
mod server_metadata_fetch;
pub(crate) mod token_outcome;
mod token_request;
mod userinfo;

pub use back_channel_logout::BackChannelLogout;
pub use device::DeviceAuthorization;
pub use grant_request::GrantRequest;
pub use keys_fetch::KeysFetch;
pub use pushed_authorization::{OptionalPush, PushedAuthorization, StartedAuthorization};
pub use registration::Registration;
pub use resource_call::ResourceCall;
pub use revocation::Revocation;
pub use server_metadata_fetch::{FetchedServerMetadata, PartyDiscovery, ServerMetadataFetch};
pub use token_request::TokenRequest;
pub use userinfo::UserinfoFetch;
