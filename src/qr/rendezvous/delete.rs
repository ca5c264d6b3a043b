//! The end of a rendezvous.
//!
//! ```text
//! delete ─▶ DELETE rendezvous ─▶ Done: it is gone, or was gone already
//! ```

use http::StatusCode;

use super::known::Rendezvous;
use super::place::Place;
use super::requests::policy;
use crate::base::env::Env;
use crate::error::Error;
use crate::qr::code::QrCode;
use crate::step::{Flow, Input, Step};

impl Rendezvous {
    /// Ends the rendezvous for both devices.
    pub fn delete(self) -> Step<Deletion> {
        Deletion::start(&self.place)
    }

    /// The same for the rendezvous of a code, which this device could not join.
    pub fn delete_at(code: &QrCode) -> Step<Deletion> {
        Deletion::start(&Place::of(code))
    }
}

/// Awaits the end of a rendezvous.
#[derive(Debug)]
pub struct Deletion;

impl Deletion {
    fn start(place: &Place) -> Step<Self> {
        Step::call(place.delete(), policy(false), Self)
    }
}

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
