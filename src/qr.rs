//! Logging in with a QR code (MSC4108): a new device and one that is signed in meet at a rendezvous, prove a secure channel
//! to each other, and the one lets the other in.
//!
//! | file | holds |
//! |---|---|
//! | `code.rs` `homeserver.rs` | [`Code`]: what one device shows and the other scans |
//! | `channel.rs` | [`Generator`], [`Initiated`], [`Channel`]: the secure channel |
//! | `message.rs` `secrets.rs` | [`Message`]: what they tell each other |
//! | `rendezvous.rs` and its folder | [`Rendezvous`]: the box at a homeserver that holds one text |

mod channel;
mod code;
mod homeserver;
mod message;
pub mod rendezvous;
mod secrets;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub use channel::{Broken, Channel, CheckCode, Farewell, Generator, Initiated, MESSAGE_LIMIT, Unconfirmed};
pub use code::{CODE_LIMIT, Code, CodeUrl, Intent, Meeting};
pub use homeserver::Homeserver;
pub use message::{DeviceLogin, FailureReason, Kind, LoginProtocol, Message, Reason};
pub use rendezvous::{Rendezvous, RendezvousOptions};
pub use secrets::{Backup, CrossSigning, Secrets};

/// Standard base64. The standard writes it without padding; some write it with.
fn base64_any_padding(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    ENGINE.decode(text).ok()
}
