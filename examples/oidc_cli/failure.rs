//! Why a command ends without having done its work, and the codes that are this program's own.

use std::fmt;

use oidc_proto::{Deviation, Error, ErrorCode as Core, FailureKind, FailureReason, Family, Recovery, Word as _};

/// What went wrong. The message says all of it; the rest is for programs.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) fault: &'static str,
    pub(crate) code: &'static str,
    /// It ends with the hint.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: String,
    /// The library's error.
    pub(crate) error: Option<Error>,
    pub(crate) exit: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// The value of an option is wrong by itself: the user has to correct the command line.
    pub(crate) fn of_option(error: Error) -> Self {
        Self { exit: USAGE, ..Self::from(error) }
    }

    /// The same with better advice for this one case.
    pub(crate) fn with_hint(self, hint: impl fmt::Display) -> Self {
        let hint = hint.to_string();
        let said = self.message.strip_suffix(&self.hint).unwrap_or(&self.message);
        Self {
            message: format!("{said}{hint}"),
            error: self.error.map(|error| error.with_hint(hint.clone())),
            hint,
            ..self
        }
    }

    /// Whether it has this code of the library.
    pub(crate) fn is(&self, code: Core) -> bool {
        self.code == code.as_str()
    }
}

/// The hint with this program's options in place of what only the library's callers can choose.
fn translated(hint: &str) -> String {
    let hint = hint.replace("choose `Schemes::DangerousHttpOnLoopback`", "give --insecure-loopback");
    let hint = hint.replace("choose `Schemes::DangerousHttpOnPrivateNetwork`", "give --insecure-private-network");
    let hint = hint.replace("`Schemes::DangerousHttpOnLoopback`", "--insecure-loopback");
    Deviation::ALL.iter().fold(hint, |hint, known| {
        let named = format!("accept `Deviation::{known:?}`");
        hint.replace(&named, &format!("use --accept {}", known.name()))
    })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = error.code();
        let is_usual = error.hint() == code.cure();
        let hint = translated(error.hint());
        let error = if hint == error.hint() { error } else { error.with_hint(hint) };
        // Seven of nineteen providers compare it to the letter, and have codes of their own for it.
        let is_about = |what: &str| {
            error.provider_text().is_some_and(|text| {
                [text.error(), text.description()].into_iter().flatten().any(|text| text.contains(what))
            })
        };
        let told = || match () {
            () if is_about("redirect") => Some(REDIRECT_URI),
            // Keycloak: `invalid_request`, also where the proof is not in time, which the library tells.
            () if is_about("DPoP") && is_usual => Some("Where the provider demands DPoP, --dpop sends proofs."),
            () => None,
        };
        let own = own(code)
            .or_else(|| of_parameter(&error))
            .filter(|_| is_usual)
            .or_else(|| error.failure().and_then(own_of_connection));
        let hint = match own {
            Some(own) => Some(own.to_owned()),
            None => {
                // With another status than a success it is not about the connection.
                let is_answered = error.status().is_some_and(|status| !status.is_success());
                let found = match error.failure().filter(|_| !is_answered) {
                    Some(failure) => of_connection(failure),
                    None => option(code)
                        .filter(|_| !is_beyond_skew(&error))
                        .filter(|_| code != Core::URL_SCHEME || !error.hint().contains("--insecure"))
                        .map(|option| if is_bound_to_no_key(&error) { "--dpop makes a key." } else { option })
                        .or_else(|| of_registration(&error))
                        .or_else(told),
                };
                found.map(|option| format!("{} {option}", error.hint()))
            }
        };
        let error = match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        Self {
            fault: error.fault().as_str(),
            code: error.code().as_str(),
            message: error.to_string(),
            hint: error.hint().to_owned(),
            exit: if is_of_an_option(error.code()) { USAGE } else { 1 },
            error: Some(error),
        }
    }
}

/// The user has to correct the command line, whatever the store, files, the network or the provider would say.
const USAGE: u8 = 2;

/// Codes that only the value of an option can have here.
fn is_of_an_option(code: Core) -> bool {
    matches!(
        code,
        Core::AUTHORIZATION_PARAMETER
            | Core::AUTHORIZATION_PROMPT
            | Core::MATRIX_SCOPE
            | Core::REGISTRATION_REDIRECT_URI
    )
}

const REDIRECT_URI: &str = "Many providers take only the redirect URI that is registered there, to the letter: register http://127.0.0.1:8000/callback, and log in with --redirect-port 8000, or name another URI with --redirect-uri.";

/// What to do with this program, where the library speaks of itself or of what only its callers can do.
fn own(code: Core) -> Option<&'static str> {
    Some(match code {
        Core::URL_SCHEME => {
            "Use an https URL. For development --insecure-loopback allows http on this machine, and --insecure-private-network on a private network."
        }
        Core::METADATA_ISSUER_MISMATCH => {
            "Give --issuer as the provider writes it, if that is the provider you mean. oidc_cli discover tells what else a provider needs."
        }
        Core::JWKS_MISSING => {
            "The provider publishes no keys to verify ID tokens with: report it to the provider, or trust the connection with --id-token trust-tls."
        }
        Core::HTTP_BODY_TOO_LARGE => "Check the URL; if it is from the provider's metadata, report it to the provider.",
        Core::JSON_TYPE => "Check the URL; if it is right, report it to the provider.",
        Core::ID_TOKEN_TRUST_TLS_OVER_HTTP => "Leave out --id-token trust-tls, or log in at an https provider.",
        Core::ID_TOKEN_MISSING => {
            "Allow the scope openid for this client at the provider: this program needs an ID token."
        }
        Core::REVOCATION_UNSUPPORTED | Core::REVOCATION_UNSUPPORTED_TOKEN_TYPE => {
            "The tokens stay valid at the provider until they expire."
        }
        Core::HTTP_REDIRECT => "If the URL is from the provider's metadata, report it to the provider.",
        Core::USERINFO_UNSUPPORTED => "oidc_cli status shows what is known of the user without the userinfo endpoint.",
        Core::END_SESSION_UNSUPPORTED => "Log out on the provider's own page.",
        Core::AUTHORIZATION_PROMPT => "Give --prompt none without another value.",
        Core::DPOP_REQUIRED => "Log in with --dpop.",
        Core::DPOP_ALGORITHM => "This program signs DPoP proofs with ES256 only: log in without --dpop.",
        Core::PAR_REQUIRED => "Log in with --par always, or without --par.",
        Core::PAR_UNSUPPORTED => {
            "Log in with --par never, or without --par. If the provider demands PAR and lists no endpoint for it, report that to the provider."
        }
        Core::TOKEN_MISSING_TYPE => {
            "If the provider is known for it, --accept missing_token_type accepts it; otherwise report it to the provider."
        }
        Core::TOKEN_CONTENT_TYPE => {
            "If the provider is known for it, --accept token_content_type accepts it; otherwise report it to the provider."
        }
        Core::ID_TOKEN_NONCE_MISSING => {
            "Log in again; if it happens again, report it to the provider. If the provider is known for it and uses PKCE, --accept no_nonce accepts it."
        }
        Core::ID_TOKEN_EXTRA_AUDIENCE => {
            "If you know the audience, --trust-audience trusts it; otherwise remove it at the provider."
        }
        Core::ID_TOKEN_AZP_MISMATCH => "Check the client ID: the provider issued the ID token to another client.",
        Core::USERINFO_SIGNED => {
            "Name the algorithm with --userinfo-algorithm, or turn off signed userinfo for the client at the provider."
        }
        Core::USERINFO_NOT_SIGNED => {
            "Leave out --userinfo-algorithm, or turn on signed userinfo for the client at the provider."
        }
        // Only the other device names the homeserver of the login.
        Core::QR_HOMESERVER => "Log in another way: oidc_cli login --homeserver NAME.",
        Core::MATRIX_SCOPE => {
            "Leave the device and the API out of --scope: the login adds them itself. --device-id names a device."
        }
        _ => return None,
    })
}

/// The same of a parameter that cannot be added, by the option that adds it.
fn of_parameter(error: &Error) -> Option<&'static str> {
    if error.code() != Core::AUTHORIZATION_PARAMETER {
        return None;
    }
    Some(match error.field().or(error.endpoint()) {
        Some("token_endpoint") => {
            "Leave it out of --token-parameter, or name it once: what the program sends itself may have an option of its own (--help)."
        }
        _ => {
            "Leave it out of --parameter, or name it once: what the program sends itself may have an option of its own (--help)."
        }
    })
}

/// The same where no response came.
fn own_of_connection(failure: &oidc_proto::Failure) -> Option<&'static str> {
    let is_of_server = failure.proxy().is_none() && failure.reason() == Some(FailureReason::UnknownAuthority);
    is_of_server.then_some(
        "If the authority is your own, trust it with --ca-certificate FILE. If it is a public one, the server must send the intermediate certificates, too.",
    )
}

/// Which option of this program helps where no response came.
fn of_connection(failure: &oidc_proto::Failure) -> Option<&'static str> {
    if failure.proxy().is_some() {
        return Some("The proxy is the one of --proxy, or of HTTPS_PROXY, ALL_PROXY or HTTP_PROXY.");
    }
    const TIME: &str = "--timeout SECONDS changes the limit for a request.";
    match (failure.kind, failure.reason()) {
        (FailureKind::Timeout, _) => Some(TIME),
        (_, Some(FailureReason::NotTls | FailureReason::NoTlsResponse)) => option(Core::URL_SCHEME),
        _ => None,
    }
}

/// Which option of this program helps.
fn option(code: Core) -> Option<&'static str> {
    Some(match code {
        Core::TOKEN_INVALID_CLIENT | Core::TOKEN_UNAUTHORIZED_CLIENT => {
            "The options of a login are --client-id, --client-secret or --key, and --auth-method; oidc_cli register --anew replaces a registration, and oidc_cli register --auth-method client_secret_basic registers a client with a secret."
        }
        Core::TOKEN_CLIENT_AUTH => "The options are --client-secret, --auth-method and --id-token-algorithm.",
        Core::JWS_ALGORITHM => "--id-token-algorithm and --userinfo-algorithm name what the client is registered for.",
        Core::ID_TOKEN_EXPIRED
        | Core::ID_TOKEN_ISSUED_IN_FUTURE
        | Core::ID_TOKEN_TOO_OLD
        | Core::ID_TOKEN_NOT_YET_VALID => "--clock-skew allows a difference of up to 300 seconds.",
        Core::HOMESERVER_NOT_FOUND => "An OpenID Provider is named by --issuer, not by --homeserver.",
        Core::URL_SCHEME => {
            "--insecure-loopback allows http on this machine, --insecure-private-network on a private network."
        }
        Core::REGISTRATION_UNSUPPORTED | Core::REGISTRATION_NO_CLIENT_ID | Core::REGISTRATION_NO_SECRET => {
            "With a client that was registered by hand: --client-id ID."
        }
        Core::REGISTRATION_DENIED => {
            "oidc_cli register --initial-access-token TOKEN registers with the provider's permission. With a client that was registered by hand: --client-id ID."
        }
        Core::REGISTRATION_INVALID_CLIENT_METADATA => {
            "If it is about a signature algorithm: name one that the provider lists with --id-token-algorithm or --userinfo-algorithm of oidc_cli login. With a client that was registered by hand: --client-id ID."
        }
        Core::REGISTRATION_INVALID_REDIRECT_URI | Core::AUTHORIZATION_INVALID_REQUEST => REDIRECT_URI,
        Core::PAR_NO_REQUEST_URI => {
            "If the provider does not require a push, log in with --par never: then the URL contains the request."
        }
        Core::DPOP_NOT_BOUND => "Without --dpop no proofs are sent.",
        Core::PROVIDER_MISMATCH => {
            "If the homeserver's provider has a new name, oidc_cli relogin moves the session there, with its device."
        }
        Core::REGISTRATION_REDIRECT_URI => "The option is --redirect-uri.",
        Core::AUTHORIZATION_RESPONSE_MODE => "The option is --response-mode.",
        _ => return None,
    })
}

/// What came in place of a registration response.
fn of_registration(error: &Error) -> Option<&'static str> {
    let is_unusable = error.endpoint() == Some("registration_endpoint") && error.family() == Family::Response;
    is_unusable.then_some("Or register the client at the provider by hand, and log in with --client-id ID.")
}

/// Whether the tokens are bound to a key, and there is none.
fn is_bound_to_no_key(error: &Error) -> bool {
    error.code() == Core::DPOP_NOT_BOUND && error.found().is_some_and(|found| found.as_str() == "DPoP")
}

/// Whether the clocks differ by more than --clock-skew can allow.
fn is_beyond_skew(error: &Error) -> bool {
    let is_of_clocks = error.recovery() == Recovery::FixEnvironment && error.family() == Family::Claims;
    let seconds = error.found().and_then(|found| found.as_str().split(' ').next()?.parse::<u64>().ok());
    is_of_clocks && seconds.is_some_and(|seconds| seconds > 300)
}

macro_rules! codes {
    ($( $variant:ident = $name:literal, $fault:literal, exit $exit:literal, $meaning:literal, $cure:literal; )*) => {
        /// The codes of this program. The library has its own, which are printed unchanged.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Code { $( $variant, )* }

        impl Code {
            pub(crate) fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// This failure, and what there is to say about this one case.
            pub(crate) fn because(self, detail: impl fmt::Display) -> Failure {
                let (fault, code, exit, meaning, hint) =
                    match self { $( Self::$variant => ($fault, $name, $exit, $meaning, $cure), )* };
                let message = format!("{meaning}: {detail} ({code}). {hint}");
                Failure { fault, code, message, hint: hint.to_owned(), error: None, exit }
            }
        }
    };
}

codes! {
    Usage = "cli.usage", "local", exit 2, "wrong usage", "See --help.";
    NoSession = "cli.no_session", "local", exit 1, "there is no session in the store", "Log in: oidc_cli login --issuer URL, or --homeserver NAME.";
    SessionUnknown = "cli.session_unknown", "local", exit 1, "no session matches", "See oidc_cli status.";
    SessionAmbiguous = "cli.session_ambiguous", "local", exit 1, "there are several sessions", "Choose one with --session ID.";
    Replaced = "cli.replaced", "local", exit 1, "a new login took the session's place meanwhile", "The login that was to end is revoked, unless a warning says that it could not be. To end the new one, log out again.";
    OtherClient = "cli.other_client", "local", exit 1, "the login uses the session's own client, and not the one that was registered or named since", "To use that client, log in anew: oidc_cli login.";
    OtherUser = "cli.other_user", "denied", exit 1, "another user logged in, the session stays as it was", "Log in with the account of the session, or log in anew: oidc_cli login.";
    NotMatrix = "cli.not_matrix", "local", exit 1, "the session does not belong to a Matrix homeserver", "Choose a session that was begun with --homeserver.";
    ClientUnknown = "cli.client_unknown", "local", exit 1, "the store has no client for this session", "Log in again, with --client-id if the client was registered by hand.";
    KeyFile = "cli.key_file", "local", exit 1, "the private key cannot be used", "Name a file with a private key in PEM with --key: PKCS #8, not encrypted, RSA, EC (P-256, P-384 or P-521) or Ed25519.";
    StoreDamaged = "cli.store_damaged", "environment", exit 1, "a file of the store is damaged", "Log in again to replace the session, or remove it with oidc_cli logout --session ID; a file of registrations: move it away.";
    StoreVersion = "cli.store_version", "environment", exit 1, "a file of the store is from a newer version", "Use the newer program, or move the file away. If it is a session's file, a new login of the same user replaces the session.";
    StoreIo = "cli.store_io", "environment", exit 1, "the store cannot be read or written", "Check the folder, its owner and the free space, or name another one with --store.";
    StoreBusy = "cli.store_busy", "environment", exit 1, "another process holds the store", "Wait for the other process; --timeout gives it more time.";
    Output = "cli.output", "environment", exit 1, "the output cannot be written", "Make room on the disk, or write to another place, and run the command again.";
    Listener = "cli.listener", "local", exit 1, "cannot listen on loopback", "Name another port with --redirect-port or in --redirect-uri, or log in with --paste.";
    Browser = "cli.browser", "local", exit 1, "the browser failed", "Open the URL yourself (--no-browser starts none); or log in with --paste, or with oidc_cli device.";
    NoCallback = "cli.no_callback", "local", exit 1, "no callback was pasted", "Paste the whole address of the page that the browser was sent to.";
    NoInput = "cli.no_input", "local", exit 1, "standard input ended without an answer", "Run the command at a terminal, or write the answers to its standard input.";
    ScopeNarrowed = "cli.scope_narrowed", "denied", exit 1, "the provider granted less than was asked for", "Check which scopes the provider allows this client and this user.";
    ScopeUnsupported = "cli.scope_unsupported", "local", exit 1, "the provider does not list a scope that is asked for", "Check the spelling of --scope; many providers ignore what they do not know.";
    Unadvertised = "cli.unadvertised", "local", exit 1, "the provider's metadata do not list what is asked for", "The login goes on; if the provider refuses it, log in without that option.";
    DpopRequired = "cli.dpop_required", "denied", exit 1, "the provider gives this client tokens only with DPoP", "Log in with --dpop.";
    LongUrl = "cli.long_url", "remote", exit 1, "the URL of the logout is longer than browsers and servers take", "The URL that is used instead names the user and the client, and not the ID token; the provider may ask whom to log out.";
    QrImage = "cli.qr_image", "local", exit 1, "the picture of a QR code cannot be read or written", "Check the path and that it is a PNG with one QR code, or use the code's text.";
    Secrets = "cli.secrets", "local", exit 1, "the file with the account's secrets cannot be read or written", "Check the path and what is in the file.";
    Deadline = "cli.deadline", "transport", exit 1, "the user did not finish in time", "Try again; --deadline gives more time.";
    Setup = "cli.setup", "local", exit 1, "the program cannot start", "Check the machine: its memory, its random source and its certificates.";
}
