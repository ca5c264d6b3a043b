//! The stable names of errors, and whose fault each of them is.

use std::fmt;
use std::hash::{Hash, Hasher};

/// Whose fault a failure was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller used this crate wrongly, or a stored value it handed in is damaged.
    Local,
    /// The provider, or whoever answered in its place, broke a rule of the standards.
    Remote,
    /// The user or the provider said no in the way the standards foresee.
    Denied,
    /// No usable answer came: the network, a time-out, a server that is down.
    Transport,
}

impl Fault {
    /// The lower-case name: `local`, `remote`, `denied` or `transport`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
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

/// The stable name of an error, and what is known about it beforehand. `Display` and [`ErrorCode::as_str`] give the dotted
/// name.
///
/// Its constants can be matched like the variants of an enum:
///
/// ```
/// use oidc_proto::{Error, ErrorCode};
/// fn has_to_log_in(error: &Error) -> bool {
///     matches!(error.code(), ErrorCode::TOKEN_INVALID_GRANT | ErrorCode::TOKEN_NO_REFRESH_TOKEN)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(&'static Definition);

/// A row of a table of codes.
#[derive(PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    pub(crate) section: &'static str,
    pub(crate) message: &'static str,
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

    /// The section of the standard.
    pub const fn section(self) -> &'static str {
        self.0.section
    }

    /// What it means, in a line.
    pub const fn message(self) -> &'static str {
        self.0.message
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

/// Declares codes as constants of [`ErrorCode`], and a list of them. Each profile declares its own in its own room.
macro_rules! codes {
    ($list:ident: $( $constant:ident = $name:literal, $fault:ident, $section:literal, $message:literal; )*) => {
        impl $crate::error::ErrorCode {
            $(
                #[doc = concat!("`", $name, "`: ", $message, " (", $section, ").")]
                pub const $constant: Self = Self::new(&$crate::error::code::Definition {
                    name: $name,
                    fault: $crate::error::Fault::$fault,
                    section: $section,
                    message: $message,
                });
            )*
        }

        /// The codes that are declared here.
        pub(crate) const $list: &[$crate::error::ErrorCode] = &[$( $crate::error::ErrorCode::$constant, )*];
    };
}
pub(crate) use codes;
