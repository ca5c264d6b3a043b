//! The error codes of the QR login.

use crate::error::code::codes;

codes! {
    CODES:
    QR_CODE_TOO_LARGE = "qr.code_too_large", Remote, QrCode, FixConfiguration, "this crate's limits",
        "the QR code, or a text in it, is too large", "The QR code is for something else.",
        "Scan the QR code that the other Matrix client shows.";
    QR_CODE_PREFIX = "qr.code_prefix", Remote, QrCode, FixConfiguration, "MSC4108, QR code format",
        "not the QR code of a Matrix login", "The QR code is for something else.",
        "Scan the QR code that the other Matrix client shows.";
    QR_CODE_VERSION = "qr.code_version", Remote, QrCode, FixConfiguration, "MSC4108, QR code format",
        "unknown version of the QR code", "The other device runs a newer or an older version.",
        "Update both devices.";
    QR_CODE_MODE = "qr.code_mode", Remote, QrCode, FixConfiguration, "MSC4108, QR code format",
        "the QR code is for something other than logging in", "A QR code for verifying a device was scanned.",
        "On the other device, choose to log in with a QR code.";
    QR_CODE_TRUNCATED = "qr.code_truncated", Remote, QrCode, LogInAgain, "MSC4108, QR code format",
        "the QR code ends too early", "The QR code was cut off or damaged.",
        "Scan it again.";
    QR_CODE_TRAILING = "qr.code_trailing", Remote, QrCode, LogInAgain, "MSC4108, QR code format",
        "the QR code has data after its end", "The QR code was damaged, or its format is newer.",
        "Scan it again, or update both devices.";
    QR_CODE_TEXT = "qr.code_text", Remote, QrCode, LogInAgain, "MSC4108, QR code format",
        "a text in the QR code is not usable", "The QR code was damaged, or the other device breaks the standard.",
        "Scan it again.";
    QR_CODE_URL = "qr.code_url", Remote, QrCode, LogInAgain, "MSC4108, QR code format",
        "a URL in the QR code is not usable", "The URL is not https, or was damaged.",
        "Scan it again.";
    QR_OTHER_NOT_SIGNED_IN = "qr.other_not_signed_in", Remote, QrCode, FixConfiguration, "MSC4108, QR code format",
        "the other device is not signed in either", "Both devices want to log in.",
        "Use a device that is signed in.";
    QR_OTHER_SIGNED_IN = "qr.other_signed_in", Remote, QrCode, FixConfiguration, "MSC4108, QR code format",
        "the other device is signed in already", "Both devices are signed in, so neither can log in as the new device.",
        "Use a device that is not signed in yet as one of the two.";
    QR_HOMESERVER = "qr.homeserver", Remote, QrCode, FixConfiguration, "MSC4108, Login",
        "not the name or URL of a homeserver", "The other device sent something unusable, or nothing.",
        "Enter the homeserver yourself, or log in another way.";

    QR_CHANNEL_KEY = "qr.channel_key", Remote, Channel, Denied, "MSC4108, Secure channel",
        "the other device's key is not safe", "The key would make the shared secret predictable. An attacker may have sent it.",
        "Stop this login. Start again with a new QR code.";
    QR_CHANNEL_MALFORMED = "qr.channel_malformed", Remote, Channel, LogInAgain, "MSC4108, Secure channel",
        "the message is not a valid message of the secure channel", "The message was damaged, or something else wrote into the rendezvous session.",
        "Start again with a new QR code.";
    QR_CHANNEL_DECRYPTION = "qr.channel_decryption", Remote, Channel, LogInAgain, "MSC4108, Secure channel",
        "the message cannot be decrypted", "A message was changed, replayed or lost, or belongs to another channel.",
        "Start again with a new QR code.";
    QR_CHANNEL_GREETING = "qr.channel_greeting", Remote, Channel, LogInAgain, "MSC4108, Secure channel",
        "the first message of the other device is unexpected", "The other device uses another protocol or version.",
        "Update both devices, and start again with a new QR code.";
    QR_CHANNEL_EXHAUSTED = "qr.channel_exhausted", Local, Contract, LogInAgain, "MSC4108, Secure channel",
        "the secure channel has carried as many messages as it can", "Too many messages were sent.",
        "Start again with a new QR code.";
    QR_CHECK_CODE_SYNTAX = "qr.check_code_syntax", Local, Usage, FixConfiguration, "MSC4108, Secure channel",
        "the check code must have two digits", "Something else was typed in.",
        "Type in the two digits that the other device shows.";
    QR_CHECK_CODE_MISMATCH = "qr.check_code_mismatch", Denied, Channel, LogInAgain, "MSC4108, Secure channel",
        "the check code does not match", "The code was mistyped, or an attacker is between the devices.",
        "Start again with a new QR code.";

    QR_RENDEZVOUS_UNSUPPORTED = "qr.rendezvous_unsupported", Remote, Unsupported, FixConfiguration, "MSC4108, Rendezvous session",
        "the homeserver has no rendezvous server", "The homeserver does not offer login by QR code, or it is disabled.",
        "Log in another way.";
    QR_RENDEZVOUS_FORBIDDEN = "qr.rendezvous_forbidden", Remote, Unsupported, FixConfiguration, "MSC4388, Insecure rendezvous session",
        "the homeserver does not let this device make a rendezvous", "It lets only its own users make one, or only some of them.",
        "Show the QR code on the device that is signed in, and scan it with the new one.";
    QR_RENDEZVOUS_RESPONSE = "qr.rendezvous_response", Remote, Protocol, ProviderBroken, "MSC4108, Rendezvous session",
        "a required part is missing in the rendezvous response", "The server breaks the standard, or a proxy removes headers.",
        "Report it to the homeserver.";
    QR_RENDEZVOUS_EXPIRED = "qr.rendezvous_expired", Denied, Expired, LogInAgain, "MSC4108, Rendezvous session",
        "the rendezvous session has ended", "It has expired, or the other device ended it.",
        "Start again with a new QR code.";
    QR_RENDEZVOUS_TOO_LARGE = "qr.rendezvous_too_large", Remote, Protocol, ProviderBroken, "MSC4108, Rendezvous session",
        "the rendezvous does not accept a message of this size", "The server's limit is lower than the standard requires.",
        "Report it to the homeserver.";
    QR_RENDEZVOUS_USED = "qr.rendezvous_used", Remote, Channel, LogInAgain, "MSC4108, Rendezvous session",
        "another device has used the QR code already", "The QR code was scanned twice, or somebody else scanned it.",
        "Start again with a new QR code.";
    QR_TIMEOUT = "qr.timeout", Denied, Expired, LogInAgain, "MSC4108, Rendezvous session",
        "the other device did not respond in time", "The user went away, or the other device lost its network.",
        "Start again with a new QR code.";

    QR_MESSAGE = "qr.message", Remote, Channel, ProviderBroken, "MSC4108, Login",
        "a message of the other device is malformed", "The other device breaks the standard.",
        "Update both devices.";
    QR_UNEXPECTED_MESSAGE = "qr.unexpected_message", Remote, Channel, ProviderBroken, "MSC4108, Login",
        "unexpected message from the other device", "The devices disagree on the state of the login.",
        "Update both devices, and start again with a new QR code.";
    QR_UNSUPPORTED_PROTOCOL = "qr.unsupported_protocol", Remote, Unsupported, FixConfiguration, "MSC4108, Login",
        "the devices have no protocol in common", "One of the devices, or the provider, does not support the device grant.",
        "Log in another way.";
    QR_DEVICE_EXISTS = "qr.device_exists", Remote, Channel, LogInAgain, "MSC4108, Login",
        "the device ID of the new device is already in use", "The new device reuses the ID of an existing device.",
        "Start again with a new QR code.";
    QR_DEVICE_NOT_FOUND = "qr.device_not_found", Remote, Channel, LogInAgain, "MSC4108, Login",
        "the homeserver does not know the new device", "The new device is not logged in, or its login was allowed by another user than that of the existing device.",
        "Check the list of devices in the account, and start again.";
    QR_WITHOUT_SECRETS = "qr.without_secrets", Denied, Expired, Denied, "MSC4108, Login",
        "this device is logged in, but the secrets of the account did not come", "The rendezvous session ended before they came: some servers keep it for one minute. Or the other device has none to share.",
        "Keep the login. Verify this device with another device or with the recovery key.";
    QR_CANCELLED = "qr.cancelled", Denied, Authorization, Denied, "MSC4108, Login",
        "cancelled on this device", "The user cancelled or refused on this device.",
        "Start again if the user wants to.";
    QR_PEER_CANCELLED = "qr.peer_cancelled", Denied, Peer, Denied, "MSC4108, Login",
        "cancelled on the other device", "The user cancelled or refused on the other device.",
        "Start again if the user wants to.";
    QR_PEER_DECLINED = "qr.peer_declined", Denied, Peer, Denied, "MSC4108, Login",
        "the login was refused at the provider", "The user refused on the provider's page.",
        "Start again if the user wants to.";
    QR_PEER_AUTHORIZATION_EXPIRED = "qr.peer_authorization_expired", Denied, Peer, LogInAgain, "MSC4108, Login",
        "the user did not allow the login in time", "The user took too long on the provider's page.",
        "Start again with a new QR code.";
    QR_PEER_DEVICE_EXISTS = "qr.peer_device_exists", Denied, Peer, LogInAgain, "MSC4108, Login",
        "the other device reports that the device ID is in use", "A device with this ID exists.",
        "Start again with a new QR code.";
    QR_PEER_DEVICE_NOT_FOUND = "qr.peer_device_not_found", Denied, Peer, LogInAgain, "MSC4108, Login",
        "the other device did not find this device at the homeserver", "The homeserver was slow, the login failed there, or another user allowed the login.",
        "Check who this device is logged in as. If it is the right user, keep the login, and verify this device in another way. Otherwise start again with a new QR code.";
    QR_PEER_UNSUPPORTED_PROTOCOL = "qr.peer_unsupported_protocol", Denied, Peer, FixConfiguration, "MSC4108, Login",
        "the other device does not support the protocol", "It is older or newer than this one.",
        "Log in another way.";
    QR_PEER_UNEXPECTED_MESSAGE = "qr.peer_unexpected_message", Denied, Peer, LogInAgain, "MSC4108, Login",
        "the other device did not expect this device's message", "The devices disagree on the state of the login.",
        "Update both devices, and start again with a new QR code.";
    QR_PEER_FAILURE = "qr.peer_failure", Denied, Peer, LogInAgain, "MSC4108, Login",
        "the other device failed", "The other device sent a reason that the standard does not define.",
        "Read the message on the other device, and start again.";
}
