//! The stable codes of errors. Each code has a fault, a family, a recovery, a section, a message, a cause and a cure.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

/// Whose fault a failure was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller used this crate wrongly, or asked for what is no longer possible: the login has
    /// expired, the session has ended, there is no refresh token.
    Local,
    /// The machine or a service on the caller's side failed: a store, a stored value that is damaged or of a newer
    /// version, a key store, a disk, the entropy source.
    Environment,
    /// The provider, or a server that responded in its place, broke a rule of the standards, or lacks what the caller
    /// asked it for.
    Remote,
    /// The user or the provider refused, or the provider reported an error in the form that the
    /// standards define, for example `server_error` in a callback.
    Denied,
    /// No usable response arrived: the network, a time-out, a server that is down.
    Transport,
}

impl Fault {
    /// The lower-case name: `local`, `environment`, `remote`, `denied` or `transport`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Environment => "environment",
            Self::Remote => "remote",
            Self::Denied => "denied",
            Self::Transport => "transport",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of failure an error is. Several codes share a family; decide by the family where the code does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// No complete response arrived.
    Transport,
    /// The server says that it cannot serve the request now (429, 5xx, `temporarily_unavailable`).
    Unavailable,
    /// A response is not usable before its content is looked at: its status, type, size or JSON.
    Response,
    /// A value that the caller gave is not acceptable.
    Usage,
    /// A value belongs to another provider, client, key, server or user.
    Mismatch,
    /// The provider's metadata are not usable.
    Metadata,
    /// The provider lacks something that the client needs.
    Unsupported,
    /// The provider refused a registration, or its registration response is not usable.
    Registration,
    /// A callback is not acceptable as the response to this login or this logout.
    Callback,
    /// The user or the provider refused to authorize, or the user has to act first.
    Authorization,
    /// The provider does not accept the client.
    ClientRejected,
    /// The code, refresh token or access token is not or no longer accepted. In place of a refused
    /// access token, a refresh can bring another one; otherwise a new login is needed.
    GrantRejected,
    /// The provider refused a request for another reason.
    RequestRejected,
    /// The user has not decided yet: poll again later.
    Pending,
    /// A time limit has passed.
    Expired,
    /// A response of a token, device, PAR or rendezvous endpoint lacks something or holds something unusable.
    Protocol,
    /// The keys of the provider could not be read, or the right one is not among them.
    Keys,
    /// A signed token is malformed, or its signature is wrong.
    Signature,
    /// The claims of an ID token, a logout token or a userinfo response are wrong.
    Claims,
    /// Proofs of possession (DPoP).
    Dpop,
    /// The session has ended or cannot continue.
    Session,
    /// A store failed.
    Store,
    /// A stored value cannot be read.
    Stored,
    /// A key store or a signer failed.
    KeyStore,
    /// The machine failed, or a program on it: the entropy source, a process that was suspended, a
    /// browser that opens no window.
    Machine,
    /// The driver or the flow broke the contract between them.
    Contract,
    /// A QR code is not usable.
    QrCode,
    /// The encrypted channel or the messages between two devices are not usable.
    Channel,
    /// The other device ended the login, and said why.
    Peer,
}

/// What helps after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recovery {
    /// Try the same again later; after `after`, if the server named a time. A code or another one-time value can be
    /// sent again only if [`Error::failure`](crate::Error::failure) says that the request was not sent.
    Retry {
        /// `Retry-After`, not capped.
        after: Option<Duration>,
    },
    /// Refuse what came in, a callback or a logout request, and go on as before: it does not belong to what waits, or
    /// is forged.
    Ignore,
    /// Begin another login.
    LogInAgain,
    /// Register the client again, then log in.
    RegisterAgain,
    /// Correct the program, its configuration, or the client's entry at the provider.
    FixConfiguration,
    /// Correct the machine: the store, the key store, the disk or the clock.
    FixEnvironment,
    /// The provider (or the other device) breaks a standard. Report it to the operator, or accept it if there is a
    /// [`Deviation`](crate::Deviation). First check that the configured URLs are right: see
    /// [`Error::hint`](crate::Error::hint).
    ProviderBroken,
    /// The user or the provider refused. A retry does not help. Ask the user before you try again.
    Denied,
}

impl Recovery {
    /// The lower-case name: `retry`, `ignore`, `log_in_again`, `register_again`,
    /// `fix_configuration`, `fix_environment`, `provider_broken` or `denied`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::Ignore => "ignore",
            Self::LogInAgain => "log_in_again",
            Self::RegisterAgain => "register_again",
            Self::FixConfiguration => "fix_configuration",
            Self::FixEnvironment => "fix_environment",
            Self::ProviderBroken => "provider_broken",
            Self::Denied => "denied",
        }
    }
}

/// The stable code of an error. `Display` and [`ErrorCode::as_str`] give its dotted name.
///
/// The constants can be matched like the variants of an enum:
///
/// ```
/// use oidc_proto::{Error, ErrorCode};
/// fn has_to_log_in(error: &Error) -> bool {
///     matches!(error.code(), ErrorCode::TOKEN_INVALID_GRANT | ErrorCode::TOKEN_NO_REFRESH_TOKEN)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(&'static Definition);

/// A code, and its usual cause. Nothing but [`ErrorCode::cause`] reads that, so that it is not in a
/// program that does not call it.
pub(crate) type Row = (ErrorCode, &'static str);

/// What a code stands for.
#[derive(PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    pub(crate) family: Family,
    pub(crate) recovery: Recovery,
    pub(crate) section: &'static str,
    pub(crate) message: &'static str,
    pub(crate) cure: &'static str,
}

impl ErrorCode {
    pub(crate) const fn new(definition: &'static Definition) -> Self {
        Self(definition)
    }

    /// The dotted name.
    pub const fn as_str(self) -> &'static str {
        self.0.name
    }

    /// Whose fault it is.
    pub const fn fault(self) -> Fault {
        self.0.fault
    }

    /// What kind of failure it is.
    pub const fn family(self) -> Family {
        self.0.family
    }

    /// What usually helps. [`Error::recovery`](crate::Error::recovery) also includes `Retry-After`.
    pub const fn recovery(self) -> Recovery {
        self.0.recovery
    }

    /// The section of the standard.
    pub const fn section(self) -> &'static str {
        self.0.section
    }

    /// The meaning of the code, in one line.
    pub const fn message(self) -> &'static str {
        self.0.message
    }

    /// What to do about it, in one or two sentences.
    pub const fn cure(self) -> &'static str {
        self.0.cure
    }
}

impl Hash for ErrorCode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorCode({self})")
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares codes as constants of [`ErrorCode`], and a list of them. Each profile declares its codes in its own
/// directory.
///
/// A row: constant, dotted name; fault, family, recovery; section; message; cause; cure.
macro_rules! codes {
    (@recovery Retry) => { $crate::error::code::Recovery::Retry { after: None } };
    (@recovery $recovery:ident) => { $crate::error::code::Recovery::$recovery };
    ($list:ident: $(
        $constant:ident = $name:literal, $fault:ident, $family:ident, $recovery:ident, $section:literal,
        $message:literal, $cause:literal, $cure:literal;
    )*) => {
        impl $crate::error::code::ErrorCode {
            $(
                #[doc = concat!("`", $name, "`: ", $message, " (", $section, ").")]
                #[doc = ""]
                #[doc = concat!($cause, " ", $cure)]
                pub const $constant: Self = Self::new(&$crate::error::code::Definition {
                    name: $name,
                    fault: $crate::error::code::Fault::$fault,
                    family: $crate::error::code::Family::$family,
                    recovery: $crate::error::code::codes!(@recovery $recovery),
                    section: $section,
                    message: $message,
                    cure: $cure,
                });
            )*
        }

        /// The codes that are declared here, with their causes.
        pub(crate) const $list: &[$crate::error::code::Row] = &[$( ($crate::error::code::ErrorCode::$constant, $cause), )*];
    };
}
pub(crate) use codes;
