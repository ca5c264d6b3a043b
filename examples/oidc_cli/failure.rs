//! Why a command ends without having done its work, and the codes that are this program's own.

use std::fmt;
use std::time::Duration;

use oidc_proto::ProviderText;

/// What went wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) provider: Option<Box<ProviderText>>,
    /// The HTTP status of the response that it was found in.
    pub(crate) status: Option<u16>,
    /// When the server wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) exit: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<oidc_proto::Error> for Failure {
    fn from(error: oidc_proto::Error) -> Self {
        Self {
            fault: error.fault().as_str(),
            code: error.code().as_str(),
            message: error.to_string(),
            provider: error.provider_text().cloned().map(Box::new),
            status: error.status().map(|status| status.as_u16()),
            retry_after: error.retry_after(),
            exit: 1,
        }
    }
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
                Failure { fault, code, message: format!("{meaning}: {detail} ({code})"), provider: None, status: None, retry_after: None, exit }
            }
        }
    };
}

codes! {
    Usage = "cli.usage", "local", exit 2, "wrong usage";
    NoSession = "cli.no_session", "local", exit 1, "there is no session in the store";
    SessionUnknown = "cli.session_unknown", "local", exit 1, "no session in the store has this ID";
    SessionAmbiguous = "cli.session_ambiguous", "local", exit 2, "there are several sessions, choose one with --session";
    NotMatrix = "cli.not_matrix", "local", exit 1, "the session is not one at a Matrix homeserver";
    ClientUnknown = "cli.client_unknown", "local", exit 1, "the store holds no client for this session";
    KeyFile = "cli.key_file", "local", exit 1, "the private key cannot be read from its file";
    StoreDamaged = "cli.store_damaged", "local", exit 1, "a file of the store is damaged, and left as it is";
    StoreVersion = "cli.store_version", "local", exit 1, "a file of the store is from a newer version, and left as it is";
    StoreIo = "cli.store_io", "local", exit 1, "the store cannot be read or written";
    StoreBusy = "cli.store_busy", "local", exit 1, "another process holds the store";
    Listener = "cli.listener", "local", exit 1, "no listener on loopback";
    Browser = "cli.browser", "local", exit 1, "the browser failed";
    NoCallback = "cli.no_callback", "local", exit 1, "standard input ended without a callback";
    NoInput = "cli.no_input", "local", exit 1, "standard input ended without an answer";
    QrImage = "cli.qr_image", "local", exit 1, "the picture of a QR code cannot be read or written";
    Secrets = "cli.secrets", "local", exit 1, "the file with the account's secrets cannot be read or written";
    Deadline = "cli.deadline", "transport", exit 1, "the user did not finish in time";
    Setup = "cli.setup", "local", exit 1, "the program cannot start";
}
