//! The error codes of the Matrix profile: name, fault, section, meaning.

use crate::error::code::codes;

codes! {
    CODES:
    MATRIX_SERVER_NAME = "matrix.server_name", Local, "Matrix appendices, server name", "not the name of a Matrix server";
    MATRIX_USER_ID = "matrix.user_id", Local, "Matrix appendices, user identifiers", "not a Matrix user ID";
    MATRIX_DEVICE_ID = "matrix.device_id", Local, "Matrix client-server API 1.18, device ID allocation", "not a device ID that can be asked for: 10 or more unreserved characters";
    MATRIX_SCOPE = "matrix.scope", Local, "Matrix client-server API 1.18, scope", "a further scope value names a device or the whole API, which the login does itself";
    MATRIX_UNSUPPORTED = "matrix.unsupported", Remote, "Matrix client-server API 1.18, server metadata discovery", "the homeserver has no OAuth 2.0 API";
    MATRIX_HOMESERVER_MISMATCH = "matrix.homeserver_mismatch", Local, "Matrix client-server API 1.18, OAuth 2.0 API", "the value was made for another homeserver";
    HOMESERVER_WELL_KNOWN = "homeserver.well_known", Remote, "Matrix client-server API 1.18, well-known URI", "the document that names the homeserver is not usable";
    HOMESERVER_NOT_FOUND = "homeserver.not_found", Remote, "Matrix client-server API 1.18, well-known URI", "there is no homeserver at this URL";
    HOMESERVER_VERSIONS = "homeserver.versions", Remote, "Matrix client-server API 1.18, API versions", "the homeserver does not name the versions that it speaks";
    HOMESERVER_UNKNOWN_TOKEN = "homeserver.unknown_token", Denied, "Matrix client-server API 1.18, M_UNKNOWN_TOKEN", "the homeserver does not know the access token, or not any more";
    HOMESERVER_MISSING_TOKEN = "homeserver.missing_token", Local, "Matrix client-server API 1.18, M_MISSING_TOKEN", "the request went to the homeserver without an access token";
    HOMESERVER_USER_LOCKED = "homeserver.user_locked", Denied, "Matrix client-server API 1.18, account locking", "the account is locked";
    HOMESERVER_DENIED = "homeserver.denied", Denied, "Matrix client-server API 1.18, standard error response", "the homeserver refused for a reason of its own";
    WHOAMI_USER_ID = "whoami.user_id", Remote, "Matrix client-server API 1.18, whoami", "the homeserver does not say in whose name the access token speaks";
    WHOAMI_DEVICE_ID = "whoami.device_id", Remote, "Matrix client-server API 1.18, whoami", "the homeserver names no usable device for the access token";
    WHOAMI_USER_MISMATCH = "whoami.user_mismatch", Remote, "Matrix client-server API 1.18, whoami", "somebody else logged in than the user of the session";
    WHOAMI_DEVICE_MISMATCH = "whoami.device_mismatch", Remote, "Matrix client-server API 1.18, device ID allocation", "the access token is for another device than was asked for";
}
