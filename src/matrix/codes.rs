//! The error codes of the Matrix profile.

use crate::error::code::codes;

codes! {
    CODES:
    MATRIX_SERVER_NAME = "matrix.server_name", Local, Usage, FixConfiguration, "Matrix appendices, server name",
        "not the name of a Matrix server", "The name contains a scheme, a path or characters that are not allowed.",
        "Use the part of a user ID after the colon, such as `example.org`.";
    MATRIX_USER_ID = "matrix.user_id", Local, Usage, FixConfiguration, "Matrix appendices, user identifiers",
        "not a Matrix user ID", "The `@`, the colon or the server name is missing.",
        "Write the whole user ID, such as `@alice:example.org`.";
    MATRIX_DEVICE_ID = "matrix.device_id", Local, Usage, FixConfiguration, "Matrix client-server API 1.18, device ID allocation",
        "not a valid device ID", "The device ID is empty, too long, or has characters that no scope value can have.",
        "Use 1 to 255 characters of printable ASCII without space, `\"` and `\\`, or let the login choose one.";
    MATRIX_SCOPE = "matrix.scope", Local, Usage, FixConfiguration, "Matrix client-server API 1.18, scope",
        "an additional scope value names a device or the whole API", "The login adds these scope values itself.",
        "Remove the value from `LoginRequest::with_further_scope`.";
    MATRIX_UNSUPPORTED = "matrix.unsupported", Remote, Unsupported, FixConfiguration, "Matrix client-server API 1.18, server metadata discovery",
        "the homeserver has no OAuth 2.0 API", "The homeserver is old, or uses password logins only.",
        "Use another client for this homeserver, or ask its administrator to enable OAuth 2.0.";
    MATRIX_HOMESERVER_MISMATCH = "matrix.homeserver_mismatch", Local, Mismatch, FixConfiguration, "Matrix client-server API 1.18, OAuth 2.0 API",
        "the value belongs to another homeserver", "A pending login or a session of one homeserver was used with another.",
        "Use the homeserver that the value names.";
    HOMESERVER_WELL_KNOWN = "homeserver.well_known", Remote, Metadata, ProviderBroken, "Matrix client-server API 1.18, well-known URI",
        "the document that names the homeserver is not usable", "`/.well-known/matrix/client` is not JSON, or names no usable base URL.",
        "Correct the document at the server, or use the homeserver's URL.";
    HOMESERVER_NOT_FOUND = "homeserver.not_found", Remote, Metadata, FixConfiguration, "Matrix client-server API 1.18, well-known URI",
        "no homeserver at this URL", "The server name is misspelled, or the server does not serve the client-server API there.",
        "Check the server name, or use the homeserver's URL.";
    HOMESERVER_VERSIONS = "homeserver.versions", Remote, Metadata, FixConfiguration, "Matrix client-server API 1.18, API versions",
        "the homeserver does not list its API versions", "The URL is not that of a homeserver.",
        "Check the homeserver's URL.";
    HOMESERVER_UNKNOWN_TOKEN = "homeserver.unknown_token", Denied, GrantRejected, LogInAgain, "Matrix client-server API 1.18, M_UNKNOWN_TOKEN",
        "the homeserver does not accept the access token", "The token has expired, or the device was logged out.",
        "Refresh the tokens, or log in again.";
    HOMESERVER_MISSING_TOKEN = "homeserver.missing_token", Local, Usage, FixConfiguration, "Matrix client-server API 1.18, M_MISSING_TOKEN",
        "the request had no access token", "The application sent the request without its authorization header, or a proxy removed it.",
        "Send the access token.";
    HOMESERVER_USER_LOCKED = "homeserver.user_locked", Denied, Authorization, Denied, "Matrix client-server API 1.18, account locking",
        "the account is locked", "An administrator of the homeserver locked the account.",
        "Ask the administrator of the homeserver to unlock it. Then the stored session works again.";
    HOMESERVER_DENIED = "homeserver.denied", Denied, RequestRejected, Denied, "Matrix client-server API 1.18, standard error response",
        "the homeserver refused the request", "The homeserver sent an error code for which this crate has no code of its own, for example `M_FORBIDDEN`.",
        "Do what the homeserver's error message says; if there is none, ask the homeserver's administrator.";
    WHOAMI_USER_ID = "whoami.user_id", Remote, Protocol, ProviderBroken, "Matrix client-server API 1.18, whoami",
        "no usable user ID in the whoami response", "The URL is not that of a homeserver, or the homeserver breaks its standard.",
        "Check the homeserver's URL.";
    WHOAMI_DEVICE_ID = "whoami.device_id", Remote, Protocol, LogInAgain, "Matrix client-server API 1.18, whoami",
        "no usable device ID in the whoami response", "The access token belongs to no device.",
        "Log in again; if it happens again, report it to the administrator of the homeserver.";
    WHOAMI_USER_MISMATCH = "whoami.user_mismatch", Remote, Claims, LogInAgain, "Matrix client-server API 1.18, whoami",
        "the new login is for another user than the session", "The user logged in with another account.",
        "Log in again with the account of the session.";
    WHOAMI_DEVICE_MISMATCH = "whoami.device_mismatch", Remote, Claims, LogInAgain, "Matrix client-server API 1.18, device ID allocation",
        "the access token does not belong to the requested device", "The provider ignored the device in the scope.",
        "Log in again; if it happens again, report it to the administrator of the homeserver.";
}
