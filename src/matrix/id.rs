//! The names of Matrix: servers, users, devices.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use crate::base::base64url;
use crate::base::url::Schemes;
use crate::error::{Error, ErrorCode};
use crate::token::scope::Scope;

/// Longest name of a server, a user or a device, in bytes.
const LONGEST: usize = 255;

/// A type that is a checked string: how it is shown, read and stored.
macro_rules! text {
    ($name:ident, $stored:expr) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.escape_debug())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                // The message of an error could quote what was stored: it names the type only.
                $stored(&text).map_err(|_: Error| de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }
    };
}

/// The name of a Matrix server: a host name or an IP address, with an optional port. The homeserver can have another
/// host: see [`HomeserverDiscovery`](super::HomeserverDiscovery).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName(Box<str>);

text!(ServerName, ServerName::new);

impl ServerName {
    /// Checks the name.
    ///
    /// # Errors
    /// `matrix.server_name`.
    pub fn new(text: &str) -> Result<Self, Error> {
        let refused = || Error::from(ErrorCode::MATRIX_SERVER_NAME);
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
        if text.len() > LONGEST || !text.bytes().all(belongs) {
            return Err(refused());
        }
        let url = Url::parse(&format!("https://{text}")).map_err(|error| refused().with_source(error))?;
        let (host, port) = match text.rsplit_once(':').filter(|_| !text.ends_with(']')) {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        // What the URL makes of the host must be what was written: not `1.2.3` or `0x7f.1` for an address.
        let is_same = url.host_str().is_some_and(|own| own.eq_ignore_ascii_case(host) || host.starts_with('['));
        let is_port = |port: &str| matches!(port.parse::<u16>(), Ok(1..)) && port.bytes().all(|c| c.is_ascii_digit());
        if is_same && port.is_none_or(is_port) { Ok(Self(text.into())) } else { Err(refused()) }
    }

    /// `https://` and the name; `http://` where the caller allowed that for such a name.
    pub(super) fn url(&self, schemes: Schemes) -> String {
        let by_http = Url::parse(&format!("http://{}", self.0)).is_ok_and(|url| schemes.allows_http(&url));
        format!("{}://{}", if by_http { "http" } else { "https" }, self.0)
    }
}

/// A user: `@localpart:server`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Box<str>);

text!(UserId, UserId::new);

impl UserId {
    /// Checks the form. Old user IDs have all kinds of characters before the colon, so all but spaces and control
    /// characters are accepted there.
    ///
    /// # Errors
    /// `matrix.user_id`.
    pub fn new(text: &str) -> Result<Self, Error> {
        let parts = text.strip_prefix('@').and_then(|rest| rest.split_once(':'));
        let is_sound = parts.is_some_and(|(local, server)| {
            !local.chars().any(|c| c.is_control() || c.is_whitespace()) && ServerName::new(server).is_ok()
        });
        if is_sound && text.len() <= LONGEST { Ok(Self(text.into())) } else { Err(ErrorCode::MATRIX_USER_ID.into()) }
    }

    /// The server that the user has their account at.
    pub fn server_name(&self) -> ServerName {
        ServerName(self.0.split_once(':').map_or("", |(_, server)| server).into())
    }

    /// `login_hint` and `logout_hint`: who is meant.
    pub(super) fn hint(&self) -> String {
        format!("mxid:{}", self.0)
    }
}

/// A device ID. Each login is for a device. The keys of end-to-end encryption belong to the device, so a new login of a
/// known session requests the same device again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Box<str>);

text!(DeviceId, DeviceId::answered);

impl DeviceId {
    /// A device ID that the application has: 1 to 255 characters that a scope value can carry (RFC 6749 section 3.3),
    /// for example the device's Curve25519 key in base64. The homeserver decides what it accepts. Make a new one by
    /// [`DeviceId::random`], or of 10 or more characters of `A-Z a-z 0-9 - . _ ~`: every homeserver accepts these.
    ///
    /// # Errors
    /// `matrix.device_id`.
    pub fn new(text: &str) -> Result<Self, Error> {
        let device = Self(text.into());
        device.check().map(|()| device)
    }

    /// A new one: 80 bits of entropy in 14 characters of `A-Z a-z 0-9 - _`.
    pub fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        let mut bytes = [0_u8; 10];
        rng.fill_bytes(&mut bytes);
        Self(base64url::encode(bytes).into_boxed_str())
    }

    /// One that a homeserver named. Other ways to log in allow more characters.
    pub(super) fn answered(text: &str) -> Result<Self, Error> {
        let is_sound = (1..=LONGEST).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c == ' ');
        if is_sound { Ok(Self(text.into())) } else { Err(ErrorCode::MATRIX_DEVICE_ID.into()) }
    }

    /// Whether it can be asked for.
    pub(super) fn check(&self) -> Result<(), Error> {
        let is_value = !self.0.contains(' ') && Scope::new(&self.0).is_ok();
        let is_sound = (1..=LONGEST).contains(&self.0.len()) && is_value;
        if is_sound { Ok(()) } else { Err(ErrorCode::MATRIX_DEVICE_ID.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_are_hosts_with_ports() {
        for name in ["example.org", "Example.ORG:8448", "10.0.0.1", "[::1]:8008", "[2001:db8::1]", "localhost:1"] {
            assert_eq!(ServerName::new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            "a b",
            "example.org/",
            "a@b",
            "a:b",
            "a:0",
            "a:65536",
            "a:1:2",
            ":1",
            "[::1",
            "1.2.3",
            "0x7f.0.0.1",
            "é",
            "[::1]x",
            "a?b",
            "a#b",
            "a:",
            &"a".repeat(256),
        ] {
            assert_eq!(ServerName::new(name).unwrap_err().code(), ErrorCode::MATRIX_SERVER_NAME, "{name}");
        }
    }

    #[test]
    fn http_is_for_this_machine_and_only_when_allowed() {
        for (name, schemes, expected) in [
            ("localhost:8008", Schemes::HttpsOnly, "https://localhost:8008"),
            ("localhost:8008", Schemes::DangerousHttpOnLoopback, "http://localhost:8008"),
            ("[::1]", Schemes::DangerousHttpOnLoopback, "http://[::1]"),
            ("example.org", Schemes::DangerousHttpOnLoopback, "https://example.org"),
            ("10.0.2.2:8008", Schemes::DangerousHttpOnLoopback, "https://10.0.2.2:8008"),
            ("10.0.2.2:8008", Schemes::DangerousHttpOnPrivateNetwork, "http://10.0.2.2:8008"),
            ("synapse:8008", Schemes::DangerousHttpOnPrivateNetwork, "http://synapse:8008"),
            ("example.org", Schemes::DangerousHttpOnPrivateNetwork, "https://example.org"),
        ] {
            assert_eq!(ServerName::new(name).unwrap().url(schemes), expected);
        }
    }

    #[test]
    fn user_ids_have_a_server() {
        let user = UserId::new("@joe/=\u{e9}+x:example.org:8448").unwrap();
        assert_eq!(user.server_name().as_str(), "example.org:8448");
        for id in ["", "joe", "@joe", "joe:example.org", "@j oe:example.org", "@j\0:example.org", "@joe:", "@joe:a/b"] {
            assert_eq!(UserId::new(id).unwrap_err().code(), ErrorCode::MATRIX_USER_ID, "{id}");
        }
        let long = format!("@{}:example.org", "a".repeat(250));
        assert_eq!(UserId::new(&long).unwrap_err().code(), ErrorCode::MATRIX_USER_ID);
    }

    #[test]
    fn device_ids_that_are_asked_for_fit_into_a_scope_value() {
        for id in ["ABCDEFGHIJ", "a-b.c_d~e1", "A", "ABCDEFGH", "3On7QFJy+/QMAErua9K", &"a".repeat(255)] {
            assert!(DeviceId::new(id).is_ok(), "{id}");
        }
        for id in ["", "ABCDEFGHI J", " ABCDEFGHI", "AB\"", "AB\\", "AB\n", "ABCDEFGHI\u{e9}", &"a".repeat(256)] {
            assert_eq!(DeviceId::new(id).unwrap_err().code(), ErrorCode::MATRIX_DEVICE_ID, "{id}");
        }
        // A homeserver may name others.
        assert_eq!(DeviceId::answered("ABC\u{e9}").unwrap().check().unwrap_err().code(), ErrorCode::MATRIX_DEVICE_ID);
        for id in ["", "a b", "a\nb"] {
            assert_eq!(DeviceId::answered(id).unwrap_err().code(), ErrorCode::MATRIX_DEVICE_ID, "{id:?}");
        }
    }
}
