//! The error codes of the QR login: name, fault, section, meaning.

use crate::error::code::codes;

codes! {
    CODES:
    QR_CODE_TOO_LARGE = "qr.code_too_large", Remote, "this crate's limits", "the QR code, or a text in it, is larger than allowed";
    QR_CODE_PREFIX = "qr.code_prefix", Remote, "MSC4108, QR code format", "the QR code is none of a Matrix login";
    QR_CODE_VERSION = "qr.code_version", Remote, "MSC4108, QR code format", "the QR code is of a version that is not known";
    QR_CODE_MODE = "qr.code_mode", Remote, "MSC4108, QR code format", "the QR code is for something else than logging in";
    QR_CODE_TRUNCATED = "qr.code_truncated", Remote, "MSC4108, QR code format", "the QR code ends too soon";
    QR_CODE_TRAILING = "qr.code_trailing", Remote, "MSC4108, QR code format", "the QR code goes on after its end";
    QR_CODE_TEXT = "qr.code_text", Remote, "MSC4108, QR code format", "a text in the QR code is not usable";
    QR_CODE_URL = "qr.code_url", Remote, "MSC4108, QR code format", "a URL in the QR code is not usable";
    QR_OTHER_NOT_SIGNED_IN = "qr.other_not_signed_in", Remote, "MSC4108, QR code format", "the other device is not signed in either: both want to log in";
    QR_OTHER_SIGNED_IN = "qr.other_signed_in", Remote, "MSC4108, QR code format", "the other device is signed in already: both want to let another in";
    QR_HOMESERVER = "qr.homeserver", Remote, "MSC4108, Login", "what should name a homeserver does not";

    QR_CHANNEL_KEY = "qr.channel_key", Remote, "MSC4108, Secure channel", "the other device's key is one that makes the shared secret known to all";
    QR_CHANNEL_MALFORMED = "qr.channel_malformed", Remote, "MSC4108, Secure channel", "the message has not the form that the channel's messages have";
    QR_CHANNEL_DECRYPTION = "qr.channel_decryption", Remote, "MSC4108, Secure channel", "the message was changed, replayed or left out on the way, or is another channel's";
    QR_CHANNEL_GREETING = "qr.channel_greeting", Remote, "MSC4108, Secure channel", "the other device opens the channel with other words than the protocol has";
    QR_CHANNEL_EXHAUSTED = "qr.channel_exhausted", Local, "MSC4108, Secure channel", "the channel has no nonces left";
    QR_CHECK_CODE_SYNTAX = "qr.check_code_syntax", Local, "MSC4108, Secure channel", "a check code is two digits";
    QR_CHECK_CODE_MISMATCH = "qr.check_code_mismatch", Denied, "MSC4108, Secure channel", "the check code is not the other device's";

    QR_RENDEZVOUS_UNSUPPORTED = "qr.rendezvous_unsupported", Remote, "MSC4108, Rendezvous session", "the homeserver has no rendezvous";
    QR_RENDEZVOUS_ANSWER = "qr.rendezvous_answer", Remote, "MSC4108, Rendezvous session", "the rendezvous answers without what it has to say";
    QR_RENDEZVOUS_EXPIRED = "qr.rendezvous_expired", Denied, "MSC4108, Rendezvous session", "the rendezvous has expired, or the other device ended it";
    QR_RENDEZVOUS_TOO_LARGE = "qr.rendezvous_too_large", Remote, "MSC4108, Rendezvous session", "the message is larger than the rendezvous takes";
    QR_RENDEZVOUS_USED = "qr.rendezvous_used", Remote, "MSC4108, Rendezvous session", "another device has used the QR code already";
    QR_TIMEOUT = "qr.timeout", Denied, "MSC4108, Rendezvous session", "the other device did not answer in time";

    QR_MESSAGE = "qr.message", Remote, "MSC4108, Login", "the other device's message has not the form that its type has";
    QR_UNEXPECTED_MESSAGE = "qr.unexpected_message", Remote, "MSC4108, Login", "the other device sent another message than this state of the login allows";
    QR_UNSUPPORTED_PROTOCOL = "qr.unsupported_protocol", Remote, "MSC4108, Login", "the devices have no protocol in common";
    QR_DEVICE_EXISTS = "qr.device_exists", Remote, "MSC4108, Login", "the new device wants the ID of a device that exists already";
    QR_DEVICE_NOT_FOUND = "qr.device_not_found", Remote, "MSC4108, Login", "the new device says that it is logged in, but the homeserver does not know it";
    QR_CANCELLED = "qr.cancelled", Denied, "MSC4108, Login", "the user cancelled on this device, or said no";
    QR_PEER_CANCELLED = "qr.peer_cancelled", Denied, "MSC4108, Login", "the user cancelled on the other device, or said no there";
    QR_PEER_DECLINED = "qr.peer_declined", Denied, "MSC4108, Login", "the user refused the login at the provider";
    QR_PEER_AUTHORIZATION_EXPIRED = "qr.peer_authorization_expired", Denied, "MSC4108, Login", "the user did not allow the login at the provider in time";
    QR_PEER_DEVICE_EXISTS = "qr.peer_device_exists", Denied, "MSC4108, Login", "the other device says that the device ID is taken";
    QR_PEER_DEVICE_NOT_FOUND = "qr.peer_device_not_found", Denied, "MSC4108, Login", "the other device did not find this device at the homeserver";
    QR_PEER_UNSUPPORTED_PROTOCOL = "qr.peer_unsupported_protocol", Denied, "MSC4108, Login", "the other device does not know the protocol";
    QR_PEER_UNEXPECTED_MESSAGE = "qr.peer_unexpected_message", Denied, "MSC4108, Login", "the other device did not expect what this one sent";
    QR_PEER_FAILURE = "qr.peer_failure", Denied, "MSC4108, Login", "the other device failed for a reason of its own";
}
