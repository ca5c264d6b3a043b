//! Why a command ends without having done its work, and the codes that are this program's own.

use std::fmt;

use oidc_proto::{Error, ErrorCode as Core};

/// What went wrong. The message says all of it; the rest is for programs.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The library's error.
    pub(crate) error: Option<Error>,
    pub(crate) exit: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let error = match option(error.code()) {
            Some(option) => {
                let hint = format!("{} {option}", error.hint());
                error.with_hint(hint)
            }
            None => error,
        };
        Self {
            fault: error.fault().as_str(),
            code: error.code().as_str(),
            message: error.to_string(),
            error: Some(error),
            exit: 1,
        }
    }
}

/// Which option of this program helps.
fn option(code: Core) -> Option<&'static str> {
    Some(match code {
        Core::TOKEN_INVALID_CLIENT | Core::TOKEN_UNAUTHORIZED_CLIENT => {
            "The options are --client-id, --client-secret or --key, and --auth-method; register --anew replaces a registration."
        }
        Core::METADATA_NOT_FOUND => "A Matrix homeserver is named by --homeserver, not by --issuer.",
        Core::URL_SCHEME => "--insecure-loopback allows http on this machine.",
        Core::REGISTRATION_UNSUPPORTED | Core::REGISTRATION_DENIED => "--client-id names a client that is registered.",
        Core::REGISTRATION_INVALID_REDIRECT_URI | Core::AUTHORIZATION_INVALID_REQUEST => {
            "If the redirect URI is compared to the letter, --redirect-port names its port."
        }
        Core::TOKEN_NO_REFRESH_TOKEN => "The options are --scope \"openid offline_access\" and --prompt consent.",
        Core::PAR_UNSUPPORTED | Core::PAR_NO_REQUEST_URI => "--par never sends the request in the URL.",
        Core::PAR_REQUIRED => "--par always pushes the request.",
        Core::DPOP_NOT_BOUND | Core::DPOP_ALGORITHM => "DPoP is used with --dpop only.",
        Core::AUTHORIZATION_RESPONSE_MODE => "The option is --response-mode.",
        Core::TRANSPORT_TIMEOUT => "--timeout gives it more time.",
        _ => return None,
    })
}

macro_rules! codes {
    ($( $variant:ident = $name:literal, $fault:literal, exit $exit:literal, $meaning:literal; )*) => {
        /// The codes of this program. The library has its own, which are printed unchanged.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Code { $( $variant, )* }

        impl Code {
            /// This failure, and what there is to say about this one case.
            pub(crate) fn because(self, detail: impl fmt::Display) -> Failure {
                let (fault, code, exit, meaning) = match self { $( Self::$variant => ($fault, $name, $exit, $meaning), )* };
                Failure { fault, code, message: format!("{meaning}: {detail} ({code})"), error: None, exit }
            }
        }
    };
}

codes! {
    Usage = "cli.usage", "local", exit 2, "wrong usage";
    NoSession = "cli.no_session", "local", exit 1, "there is no session in the store";
    SessionUnknown = "cli.session_unknown", "local", exit 1, "no session in the store has this ID";
    SessionAmbiguous = "cli.session_ambiguous", "local", exit 2, "there are several sessions, choose one with --session";
    NotMatrix = "cli.not_matrix", "local", exit 1, "the session does not belong to a Matrix homeserver";
    ClientUnknown = "cli.client_unknown", "local", exit 1, "the store holds no client for this session";
    KeyFile = "cli.key_file", "local", exit 1, "the private key cannot be read from its file";
    StoreDamaged = "cli.store_damaged", "local", exit 1, "a file of the store is damaged, and left as it is";
    StoreVersion = "cli.store_version", "local", exit 1, "a file of the store is from a newer version, and left as it is";
    StoreIo = "cli.store_io", "environment", exit 1, "the store cannot be read or written";
    StoreBusy = "cli.store_busy", "environment", exit 1, "another process holds the store";
    Listener = "cli.listener", "local", exit 1, "cannot listen on loopback";
    Browser = "cli.browser", "local", exit 1, "the browser failed";
    NoCallback = "cli.no_callback", "local", exit 1, "standard input ended without a callback";
    NoInput = "cli.no_input", "local", exit 1, "standard input ended without a response";
    QrImage = "cli.qr_image", "local", exit 1, "the picture of a QR code cannot be read or written";
    Secrets = "cli.secrets", "local", exit 1, "the file with the account's secrets cannot be read or written";
    Deadline = "cli.deadline", "transport", exit 1, "the user did not finish in time";
    Setup = "cli.setup", "local", exit 1, "the program cannot start";
}
