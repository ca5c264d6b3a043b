//! The end of a rendezvous.

use http::{Method, Request, StatusCode};

use super::known::Rendezvous;
use super::requests::policy;
use crate::base::env::Env;
use crate::base::secret::Body;
use crate::error::Error;
use crate::qr::code::CodeUrl;
use crate::step::{Flow, Input, Step};

impl Rendezvous {
    /// Ends the rendezvous for both devices.
    pub fn delete(self) -> Step<Deletion> {
        Self::delete_at(self.url())
    }

    /// The same for one that this device could not join.
    pub fn delete_at(url: &CodeUrl) -> Step<Deletion> {
        let mut request = Request::new(Body::default());
        *request.method_mut() = Method::DELETE;
        *request.uri_mut() = url.endpoint().uri().clone();
        Step::call(request, policy(false), Deletion)
    }
}

/// Awaits the end of a rendezvous.
#[derive(Debug)]
pub struct Deletion;

impl Flow for Deletion {
    type Output = ();

    fn on(self, input: Input<'_>, _env: &mut dyn Env) -> Result<Step<Self>, Error> {
        let response = input.response()?;
        // That it is gone already is as good.
        match response.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Step::Done(())),
            _ => response.check_status().map(Step::Done),
        }
    }
}
