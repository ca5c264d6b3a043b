//! HTTP clients that reach a server of this module without any network. [`Reached`] is what they hear.

use http::Response;

use crate::error::transport::Failure;

/// What comes of a request.
pub(super) type Reached = Result<Response<Vec<u8>>, Failure>;

/// Gives a server, by its `exchange`, the HTTP clients that reach it.
macro_rules! reachable {
    ($server:ty) => {
        impl $server {
            /// A blocking HTTP client that reaches this server and nothing else.
            pub fn http(
                &self,
                clock: &$crate::testing::Clock,
            ) -> impl $crate::adapter::BlockingHttpClient + Clone + Send + Sync + use<> {
                let (server, clock) = (self.clone(), clock.clone());
                $crate::adapter::from_fn(move |request, _| server.exchange(request, clock.now()))
            }

            /// An asynchronous HTTP client that reaches this server and nothing else. Its futures are always ready.
            pub fn http_async(
                &self,
                clock: &$crate::testing::Clock,
            ) -> impl $crate::adapter::HttpClient<
                Response = ::std::future::Ready<Result<::http::Response<Vec<u8>>, $crate::Failure>>,
            > + Clone
            + Send
            + Sync
            + use<> {
                let (server, clock) = (self.clone(), clock.clone());
                $crate::adapter::from_fn(move |request, _| ::std::future::ready(server.exchange(request, clock.now())))
            }
        }
    };
}
pub(super) use reachable;
