//! What the two devices tell each other over the channel: one JSON object each (MSC4108, Login).
//!
//! Over the channel of MSC4388, deployed clients call `homeserver` of the first message `base_url`,
//! and write the URLs of the second one beside `protocol`, not in an object of their own. Either
//! form is read over either channel.
//!
//! | `type` | from | says |
//! |---|---|---|
//! | `m.login.protocols` | existing | which protocols it knows, and where to log in |
//! | `m.login.protocol` | new | which one it uses, where the user has to say yes, its device ID |
//! | `m.login.protocol_accepted` | existing | the user has allowed the login on the existing device |
//! | `m.login.success` | new | it has tokens |
//! | `m.login.declined` | new | the provider was told no |
//! | `m.login.failure` | either | why it gives up |
//! | `m.login.secrets` | existing | the secrets of the user's account |

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fields::unusable;
use super::homeserver::NamedHomeserver;
use super::proposal::Proposal;
use super::secrets::{Backup, CrossSigning, Secrets};
use crate::base::json::{self, Text};
use crate::base::secret::Secret;
use crate::base::url::Schemes;
use crate::base::word_set::{Words, words};
use crate::error::{Error, ErrorCode, ProviderText};

mod device_authorization_grant;
#[cfg(test)]
mod tests;

pub use device_authorization_grant::DeviceAuthorizationGrant;

/// Longest reason that is no known one.
const REASON_LIMIT: usize = 255;

words! {
    /// `type`.
    Kind {
        Protocols = "m.login.protocols",
        Protocol = "m.login.protocol",
        ProtocolAccepted = "m.login.protocol_accepted",
        Success = "m.login.success",
        Declined = "m.login.declined",
        Failure = "m.login.failure",
        Secrets = "m.login.secrets",
    }
}

words! {
    /// How a new device can log in.
    LoginProtocol {
        /// RFC 8628.
        DeviceAuthorizationGrant = "device_authorization_grant",
    }
}

words! {
    /// `reason` of a failure.
    LoginFailureReason {
        /// The user did not decide at the provider in time.
        AuthorizationExpired = "authorization_expired",
        /// The device ID is taken.
        DeviceAlreadyExists = "device_already_exists",
        /// The homeserver does not know the new device.
        DeviceNotFound = "device_not_found",
        /// The device that gives this reason received an unexpected message.
        UnexpectedMessageReceived = "unexpected_message_received",
        /// There is no protocol that both know.
        UnsupportedProtocol = "unsupported_protocol",
        /// The user cancelled or refused on the device that gives this reason.
        UserCancelled = "user_cancelled",
    }
}

/// Why a device gives up.
///
/// Exhaustive: a reason is known or it is not.
#[derive(Clone, PartialEq, Eq)]
pub enum Reason {
    /// A reason that the standard defines.
    Known(LoginFailureReason),
    /// Another reason, as the other device wrote it: untrusted, not empty, at most 255 bytes.
    Custom(Box<str>),
}

impl Reason {
    /// The reason as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(reason) => reason.name(),
            Self::Custom(text) => text,
        }
    }

    /// The error for the device that receives this reason: `qr.peer_…`, with the reason as its text.
    pub fn into_error(self) -> Error {
        let code = match &self {
            Self::Known(LoginFailureReason::AuthorizationExpired) => ErrorCode::QR_PEER_AUTHORIZATION_EXPIRED,
            Self::Known(LoginFailureReason::DeviceAlreadyExists) => ErrorCode::QR_PEER_DEVICE_EXISTS,
            Self::Known(LoginFailureReason::DeviceNotFound) => ErrorCode::QR_PEER_DEVICE_NOT_FOUND,
            Self::Known(LoginFailureReason::UnexpectedMessageReceived) => ErrorCode::QR_PEER_UNEXPECTED_MESSAGE,
            Self::Known(LoginFailureReason::UnsupportedProtocol) => ErrorCode::QR_PEER_UNSUPPORTED_PROTOCOL,
            Self::Known(LoginFailureReason::UserCancelled) => ErrorCode::QR_PEER_CANCELLED,
            Self::Custom(_) => ErrorCode::QR_PEER_FAILURE,
        };
        Error::new(code).with_text(ProviderText::new(Some(self.as_str()), None, None))
    }
}

impl From<LoginFailureReason> for Reason {
    fn from(reason: LoginFailureReason) -> Self {
        Self::Known(reason)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(reason) => reason.fmt(f),
            Self::Custom(_) => f.write_str("Custom(…)"),
        }
    }
}

/// A message over the channel.
#[derive(Debug)]
#[non_exhaustive]
pub enum Message {
    /// `m.login.protocols`.
    Protocols {
        /// `protocols`: the known ones.
        protocols: Words<LoginProtocol>,
        /// `homeserver`: where to log in.
        homeserver: NamedHomeserver,
    },
    /// `m.login.protocol`, which is `device_authorization_grant`: there is no other.
    Protocol(DeviceAuthorizationGrant),
    /// `m.login.protocol_accepted`.
    ProtocolAccepted,
    /// `m.login.success`.
    Success,
    /// `m.login.declined`.
    Declined,
    /// `m.login.failure`.
    Failure {
        /// `reason`.
        reason: Reason,
        /// `homeserver`, if the device expects another homeserver.
        homeserver: Option<NamedHomeserver>,
    },
    /// `m.login.secrets`.
    Secrets(Secrets),
}

impl From<LoginFailureReason> for Message {
    fn from(reason: LoginFailureReason) -> Self {
        Self::Failure { reason: reason.into(), homeserver: None }
    }
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    protocols: Option<Words<LoginProtocol>>,
    #[serde(borrow)]
    homeserver: Option<Text<'a>>,
    #[serde(borrow)]
    base_url: Option<Text<'a>>,
    #[serde(borrow)]
    protocol: Option<Text<'a>>,
    #[serde(borrow)]
    device_authorization_grant: Option<Pages<'a>>,
    #[serde(borrow)]
    verification_uri: Option<Text<'a>>,
    #[serde(borrow)]
    verification_uri_complete: Option<Text<'a>>,
    #[serde(borrow)]
    device_id: Option<Text<'a>>,
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    cross_signing: Option<CrossSigning>,
    backup: Option<Backup>,
}

#[derive(Deserialize)]
struct Pages<'a> {
    #[serde(borrow)]
    verification_uri: Option<Text<'a>>,
    #[serde(borrow)]
    verification_uri_complete: Option<Text<'a>>,
}

impl Message {
    /// Reads a message. Unknown fields are ignored.
    ///
    /// # Errors
    /// `qr.message`, with `json.…` as its source if it is not a JSON object of the right types; `qr.unexpected_message`
    /// if its type is not known; `qr.unsupported_protocol` if its protocol is not.
    pub fn from_json(text: &str, schemes: Schemes) -> Result<Self, Error> {
        let is_malformed = |error: Error| Error::new(ErrorCode::QR_MESSAGE).with_source(error);
        let message: Received<'_> = json::document(text.as_bytes()).map_err(is_malformed)?;
        let kind = message.kind.ok_or_else(|| unusable("type"))?;
        Ok(match Kind::from_name(&kind).ok_or(ErrorCode::QR_UNEXPECTED_MESSAGE)? {
            Kind::Protocols => {
                let homeserver = message.homeserver.or(message.base_url).ok_or_else(|| unusable("homeserver"))?;
                Self::Protocols {
                    protocols: message.protocols.ok_or_else(|| unusable("protocols"))?,
                    homeserver: NamedHomeserver::new(&homeserver, schemes)
                        .map_err(|error| unusable("homeserver").with_source(error))?,
                }
            }
            Kind::Protocol => {
                let protocol = message.protocol.ok_or_else(|| unusable("protocol"))?;
                LoginProtocol::from_name(&protocol).ok_or(ErrorCode::QR_UNSUPPORTED_PROTOCOL)?;
                let beside = Pages {
                    verification_uri: message.verification_uri,
                    verification_uri_complete: message.verification_uri_complete,
                };
                let is_beside = beside.verification_uri.is_some();
                let pages = message.device_authorization_grant.or(is_beside.then_some(beside));
                let pages = pages.ok_or_else(|| unusable("device_authorization_grant"))?;
                let uri = pages.verification_uri.ok_or_else(|| unusable("verification_uri"))?;
                let device_id = message.device_id.ok_or_else(|| unusable("device_id"))?;
                let complete = pages.verification_uri_complete;
                Self::Protocol(DeviceAuthorizationGrant::new(&uri, complete.as_deref(), &device_id, schemes)?)
            }
            Kind::ProtocolAccepted => Self::ProtocolAccepted,
            Kind::Success => Self::Success,
            Kind::Declined => Self::Declined,
            Kind::Failure => {
                let reason = message.reason.ok_or_else(|| unusable("reason"))?;
                let reason = match LoginFailureReason::from_name(&reason) {
                    Some(known) => Reason::Known(known),
                    None if (1..=REASON_LIMIT).contains(&reason.len()) => Reason::Custom((*reason).into()),
                    None => return Err(unusable("reason")),
                };
                // It only tells more about the failure.
                let homeserver = message.homeserver.and_then(|text| NamedHomeserver::new(&text, schemes).ok());
                Self::Failure { reason, homeserver }
            }
            Kind::Secrets => {
                let cross_signing = message.cross_signing.ok_or_else(|| unusable("cross_signing"))?;
                let secrets = Secrets { cross_signing, backup: message.backup };
                secrets.check()?;
                Self::Secrets(secrets)
            }
        })
    }

    /// Writes the message for the channel of MSC4108.
    pub fn to_json(&self) -> Secret {
        self.to_json_of(Proposal::Msc4108)
    }

    /// Writes the message for the channel of this proposal.
    pub fn to_json_of(&self, proposal: Proposal) -> Secret {
        let kind = match self {
            Self::Protocols { .. } => Kind::Protocols,
            Self::Protocol(_) => Kind::Protocol,
            Self::ProtocolAccepted => Kind::ProtocolAccepted,
            Self::Success => Kind::Success,
            Self::Declined => Kind::Declined,
            Self::Failure { .. } => Kind::Failure,
            Self::Secrets(_) => Kind::Secrets,
        };
        let mut out = Sent { kind: kind.name(), ..Sent::default() };
        match self {
            Self::Protocols { protocols, homeserver } => {
                out.protocols = Some(protocols.iter().map(LoginProtocol::name).collect());
                *(match proposal {
                    Proposal::Msc4108 => &mut out.homeserver,
                    Proposal::Msc4388 => &mut out.base_url,
                }) = Some(homeserver.as_str());
            }
            Self::Protocol(login) => {
                out.protocol = Some(LoginProtocol::DeviceAuthorizationGrant.name());
                let (uri, complete) = (login.verification_uri(), login.verification_uri_complete());
                match proposal {
                    Proposal::Msc4108 => {
                        let pages = SentPages { verification_uri: uri, verification_uri_complete: complete };
                        out.device_authorization_grant = Some(pages);
                    }
                    Proposal::Msc4388 => (out.verification_uri, out.verification_uri_complete) = (Some(uri), complete),
                }
                out.device_id = Some(login.device_id().as_str());
            }
            Self::Failure { reason, homeserver } => {
                out.reason = Some(reason.as_str());
                out.homeserver = homeserver.as_ref().map(NamedHomeserver::as_str);
            }
            Self::Secrets(Secrets { cross_signing, backup }) => {
                out.cross_signing = Some(cross_signing);
                out.backup = backup.as_ref();
            }
            Self::ProtocolAccepted | Self::Success | Self::Declined => {}
        }
        super::secrets::written(&out)
    }
}

#[derive(Default, Serialize)]
struct Sent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocols: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_authorization_grant: Option<SentPages<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_uri_complete: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homeserver: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cross_signing: Option<&'a CrossSigning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<&'a Backup>,
}

#[derive(Serialize)]
struct SentPages<'a> {
    verification_uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_uri_complete: Option<&'a str>,
}
