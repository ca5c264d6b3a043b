//! The login that a new device has begun.

use std::fmt;

use crate::base::url::Schemes;
use crate::error::Error;
use crate::matrix::DeviceId;
use crate::qr::fields::unusable;
use crate::qr::homeserver::{URL_LIMIT, plain_url};

/// The login that a new device has begun at the provider by a device authorization (RFC 8628).
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceAuthorizationGrant {
    verification_uri: Box<str>,
    verification_uri_complete: Option<Box<str>>,
    device_id: DeviceId,
}

impl DeviceAuthorizationGrant {
    /// Checks what the user will be shown.
    ///
    /// # Errors
    /// `qr.message` at `verification_uri`, `verification_uri_complete` or `device_id`.
    pub fn new(uri: &str, complete: Option<&str>, device_id: &str, schemes: Schemes) -> Result<Self, Error> {
        let url = |text: &str, name| match plain_url(text, schemes) {
            Ok(_) if text.len() <= URL_LIMIT => Ok(text.into()),
            Ok(_) => Err(unusable(name)),
            Err(error) => Err(unusable(name).with_source(error)),
        };
        // The other device puts it into a path, where dots alone would be another one.
        if matches!(device_id, "." | "..") {
            return Err(unusable("device_id"));
        }
        let device_id = DeviceId::new(device_id).map_err(|error| unusable("device_id").with_source(error))?;
        Ok(Self {
            verification_uri: url(uri, "verification_uri")?,
            verification_uri_complete: complete.map(|text| url(text, "verification_uri_complete")).transpose()?,
            device_id,
        })
    }

    /// The page where the user allows or refuses the login: the URL that contains the user code, if the provider sent
    /// one.
    pub fn page(&self) -> &str {
        self.verification_uri_complete.as_deref().unwrap_or(&self.verification_uri)
    }

    /// The page where the user types in the code that the new device shows.
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// The URL that contains the user code, if the provider sent one.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.verification_uri_complete.as_deref()
    }

    /// The device ID that the new device asks for.
    pub fn device_id(&self) -> &DeviceId {
        &self.device_id
    }
}

impl fmt::Debug for DeviceAuthorizationGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has the user code in it.
        f.write_str("DeviceAuthorizationGrant(…)")
    }
}
