//! The machines: one file each. A file opens with its states and a diagram; all that decides a transition is in it.
//!
//! | machine | start | output |
//! |---|---|---|
//! | [`ServerMetadataFetch`] | an issuer | [`FetchedServerMetadata`]: a provider, and how long its metadata are fresh |
//! | [`Registration`] | client metadata | [`Registered`](crate::Registered) |
//! | [`KeysFetch`] | a provider | [`FetchedKeys`] |
//! | [`PendingAuthorization`](crate::PendingAuthorization) | an [`AuthorizationRequest`](crate::AuthorizationRequest) | a checked callback, redeemed by: |
//! | [`PushedAuthorization`] | an [`AuthorizationRequest`](crate::AuthorizationRequest) | the same, by a pushed request |
//! | [`CodeExchange`] | a checked callback | [`TokenOutcome`](crate::TokenOutcome) |
//! | [`DeviceAuthorization`] | a scope | [`PendingDevice`](crate::PendingDevice) |
//! | [`DevicePolling`] | a [`PendingDevice`](crate::PendingDevice) | [`TokenOutcome`](crate::TokenOutcome) |
//! | [`GrantExchange`] | a [`GrantRequest`]: client credentials, an extension grant | [`TokenOutcome`](crate::TokenOutcome) |
//! | [`Verification`] | an [`UnverifiedTokens`](crate::UnverifiedTokens) | [`TokenOutcome`](crate::TokenOutcome) |
//! | [`Refresh`] | a [`TokenSet`](crate::TokenSet) | [`TokenOutcome`](crate::TokenOutcome) |
//! | [`UserinfoFetch`] | a [`TokenSet`](crate::TokenSet) | [`Userinfo`](crate::Userinfo) |
//! | [`ResourceCall`] | a request of the application's own | its response |
//! | [`Revocation`] | a [`TokenSet`](crate::TokenSet) | nothing |
//! | [`BackChannelLogout`] | a logout request of the provider | [`LoggedOut`] |

/// Implements [`Flow`](crate::Flow) for a flow that is another one under its own name, by its `going_on`. Failures happen at
/// the request that is named, if one is; a field of the flow can go along with it.
macro_rules! delegate {
    ($flow:ty => $output:ty $(, at $request:expr)? $(, with $context:tt)?) => {
        impl $crate::step::Flow for $flow {
            type Output = $output;

            fn on_response(
                self,
                reply: $crate::wire::response::Response<'_>,
                env: &mut dyn $crate::base::env::Env,
            ) -> Result<$crate::step::Step<Self>, $crate::error::Error> {
                Self::going_on(self.0.on_response(reply, env)? $(, self.$context)?)
            }

            fn on_failure(
                self,
                failure: $crate::error::Failure,
                env: &mut dyn $crate::base::env::Env,
            ) -> Result<$crate::step::Step<Self>, $crate::error::Error> {
                Self::going_on(self.0.on_failure(failure, env)$(.map_err(|error| error.with_endpoint($request)))?? $(, self.$context)?)
            }

            fn on_wake(self, env: &mut dyn $crate::base::env::Env) -> Result<$crate::step::Step<Self>, $crate::error::Error> {
                Self::going_on(self.0.on_wake(env)? $(, self.$context)?)
            }

            fn on_signature(
                self,
                signature: &[u8],
                env: &mut dyn $crate::base::env::Env,
            ) -> Result<$crate::step::Step<Self>, $crate::error::Error> {
                Self::going_on(self.0.on_signature(signature, env)? $(, self.$context)?)
            }
        }
    };
}
#[cfg(feature = "matrix")]
pub(crate) use delegate;

mod authenticated_request;
pub(crate) mod authorization;
mod back_channel_logout;
mod code_exchange;
pub(crate) mod device;
mod grant_request;
mod keys_fetch;
mod pushed_authorization;
mod refresh;
mod registration;
mod resource_call;
mod revocation;
mod server_metadata_fetch;
mod signed;
mod token_exchange;
mod userinfo;
pub(crate) mod verification;

pub use back_channel_logout::{BackChannelLogout, LoggedOut};
pub use code_exchange::CodeExchange;
pub use device::{DeviceAuthorization, DevicePolling};
pub use grant_request::{GrantExchange, GrantRequest};
pub use keys_fetch::{FetchedKeys, KeysFetch};
pub use pushed_authorization::PushedAuthorization;
pub use refresh::Refresh;
pub use registration::Registration;
pub use resource_call::ResourceCall;
pub use revocation::Revocation;
pub use server_metadata_fetch::{FetchedServerMetadata, ServerMetadataFetch};
pub use userinfo::UserinfoFetch;
pub use verification::Verification;
