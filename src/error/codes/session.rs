//! Codes of sessions, stores, stored values, key stores and the contract between flow and driver.

use crate::error::code::codes;

codes! {
    CODES:
    // The session
    SESSION_MISMATCH = "session.mismatch", Local, Mismatch, FixConfiguration, "this crate's session",
        "the tokens belong to another user than the session", "Tokens of another login were given to the session.",
        "Begin a session of its own for the other user.";
    SESSION_ENDED = "session.ended", Local, Session, LogInAgain, "this crate's session",
        "the session has ended", "The user or another process logged out.",
        "Log in again.";
    SESSION_TOKEN_REFUSED = "session.token_refused", Remote, Session, FixConfiguration, "this crate's session",
        "the resource server refuses tokens that were just obtained", "The token lacks a scope or an audience, or the server does not trust the provider.",
        "Check the scope and the audience that the server needs.";
    SESSION_STORE = "session.store", Environment, Store, FixEnvironment, "this crate's session",
        "the store did not do in time what it was asked for", "The store is slow or unreachable, or another process holds the lock.",
        "Check the store, then try again.";
    STORE_BUSY = "store.busy", Environment, Store, Retry, "this crate's session stores",
        "another process holds the lock", "Another process is refreshing, or has hung.",
        "Try again; if it lasts, look for a process that hangs.";
    STORE_CONFLICT = "store.conflict", Environment, Store, Retry, "this crate's session stores",
        "the store holds another record than was expected", "Another process saved, replaced or removed the session meanwhile.",
        "Load the session from the store again; if it is gone, log in again.";
    STORE_IO = "store.io", Environment, Store, FixEnvironment, "this crate's session stores",
        "the store could not be read or written", "The disk is full or read-only, permissions are missing, or the store's server is down.",
        "Repair the store, then try again.";

    // Stored values
    STORED_MALFORMED = "stored.malformed", Local, Stored, LogInAgain, "this crate's stored values",
        "the stored value is damaged", "It was cut off, edited, or written by something else.",
        "Remove the value and log in again.";
    STORED_VERSION = "stored.version", Local, Stored, FixConfiguration, "this crate's stored values",
        "the stored value is of a newer version", "A newer version of this crate wrote it.",
        "Update the program that reads it.";

    // The contract
    STEP_UNEXPECTED = "step.unexpected", Local, Contract, FixConfiguration, "this crate's contract",
        "the flow was given an input that it does not wait for", "A driver gave a step the input of another step.",
        "Give each step its own input.";
    STEP_NO_TIMER = "step.no_timer", Local, Contract, FixConfiguration, "this crate's contract",
        "the flow waits, but the driver has no timer", "The driver was made without a timer.",
        "Give the driver a timer.";

    // Keys that live elsewhere, entropy
    SIGN_FAILED = "sign.failed", Environment, KeyStore, FixEnvironment, "RFC 7515 section 5.1",
        "the signer failed", "The key store is locked or unreachable, or the key does not fit its algorithm.",
        "Check the key store and the key.";
    PRIVATE_KEY_PEM = "private_key.pem", Local, Usage, FixConfiguration, "RFC 7468 section 2",
        "the private key is not PEM", "There is no line `-----BEGIN …-----`, the end is cut off, or what is between is not base64.",
        "Give the text of the whole file.";
    PRIVATE_KEY_MISSING = "private_key.missing", Local, Usage, FixConfiguration, "RFC 7468 section 10",
        "the PEM holds no private key", "It is a public key, a certificate, or a key in a form that only other programs read.",
        "Give the private key: PKCS #8 (`PRIVATE KEY`), PKCS #1 or SEC 1.";
    PRIVATE_KEY_ENCRYPTED = "private_key.encrypted", Local, Usage, FixConfiguration, "RFC 7468 section 11",
        "the private key is encrypted", "It is protected by a password, which this crate does not ask for.",
        "Decrypt it first, for example with `openssl pkcs8 -topk8 -nocrypt`.";
    PRIVATE_KEY_UNUSABLE = "private_key.unusable", Local, Usage, FixConfiguration, "RFC 7518 section 3",
        "the private key cannot be used for this algorithm", "The key is damaged, of another type or curve, or an RSA key below 2048 or above 8192 bits.",
        "Give a key of the algorithm's type, or name the algorithm of the key.";
    KEY_REFUSED = "key.refused", Environment, KeyStore, FixEnvironment, "this crate's contract",
        "the key store refused to use the key", "The key store is locked, the user did not confirm, or the key may not be used for this.",
        "Unlock the key store, or allow the operation, then try again.";
    KEY_UNSUPPORTED = "key.unsupported", Environment, KeyStore, FixConfiguration, "this crate's contract",
        "the key store does not support the operation, or the driver has none", "The driver was made without a key store, or the store does not know the operation or the algorithm.",
        "Give the driver a key store that supports the operation, or use a key of another algorithm.";
    KEY_OUTPUT = "key.output", Environment, KeyStore, FixConfiguration, "this crate's contract",
        "the key store's output is not of the kind that the operation has", "The key store returned nothing, or a verdict or a derived key in place of bytes.",
        "Correct the key store's program: each operation has its own kind of output.";
    ENV_ENTROPY = "env.entropy", Environment, Machine, FixEnvironment, "this crate's contract",
        "the operating system gives no entropy", "The system's random source is missing or blocked.",
        "Repair the system's random source.";
}
