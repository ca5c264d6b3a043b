//! Codes of sessions, stores, stored values, key stores and the contract between flow and driver.

use crate::error::code::codes;

codes! {
    CODES:
    // The session
    SESSION_MISMATCH = "session.mismatch", Local, Mismatch, FixConfiguration, "this crate's session",
        "the tokens belong to another user than the session", "Tokens of another login were given to the session.",
        "Start a separate session for the other user.";
    SESSION_ENDED = "session.ended", Local, Session, LogInAgain, "this crate's session",
        "the session has ended for good: a new login cannot continue it",
        "The user or another process logged out, or the store now has another record in the place of this session's.",
        "Begin another session with the tokens of the new login, or revoke them.";
    SESSION_TOKEN_REFUSED = "session.token_refused", Remote, Session, FixConfiguration, "this crate's session",
        "the resource server refuses tokens that were just obtained", "The token lacks a scope or an audience, the server does not trust the provider, or the account is locked.",
        "Check the scope and the audience that the server needs, and whether the account is locked.";
    SESSION_TOKEN_LATE = "session.token_late", Environment, Machine, Retry, "this crate's session",
        "the new access token expired before it could be used", "The process was suspended, or the response or the store took longer than the token lives.",
        "Try again; if it happens again, have the provider issue tokens that live longer, or find what delays the process or the store.";
    SESSION_STOPPED = "session.stopped", Local, Session, FixConfiguration, "this crate's session",
        "nothing does the sessions' work any more", "The future that does the work of the sessions was dropped, or its task has ended.",
        "Spawn the future once, and let it run as long as the sessions are used.";
    SESSION_SETUP = "session.setup", Local, Usage, FixConfiguration, "this crate's session",
        "the session and its store do not fit together", "The store would not be used, is missing, loses its lock too soon, or is used by another session.",
        "Choose the `Persistence` that the store is for, a lease that is not shorter than the session's deadline, and a store for each session.";
    SESSION_STORE = "session.store", Environment, Store, FixEnvironment, "this crate's session",
        "the store did not respond in time", "The store is slow or unreachable, or another process holds the lock.",
        "Check the store, then try again.";
    STORE_BUSY = "store.busy", Environment, Store, Retry, "this crate's session stores",
        "another process holds the lock", "Another process is refreshing, or has hung.",
        "Try again; if it happens again, look for a process that hangs.";
    STORE_CONFLICT = "store.conflict", Environment, Store, Retry, "this crate's session stores",
        "the store has another record than expected", "Another process has saved, replaced or removed the session.",
        "Load the session from the store again; if there is no record, log in again.";
    STORE_IO = "store.io", Environment, Store, FixEnvironment, "this crate's session stores",
        "the store could not be read or written", "The disk is full or read-only, permissions are missing, or the store's server is down.",
        "Repair the store, then try again.";

    // Stored values
    STORED_MALFORMED = "stored.malformed", Environment, Stored, LogInAgain, "this crate's stored values",
        "the stored value is damaged or too large", "It was cut off, edited, written by something else, or is larger than the store accepts.",
        "Remove the value and log in again.";
    STORED_VERSION = "stored.version", Environment, Stored, FixConfiguration, "this crate's stored values",
        "the stored value is of a newer version", "A newer version of this crate wrote it.",
        "Update the program that reads it.";

    // The contract
    STEP_UNEXPECTED = "step.unexpected", Local, Contract, FixConfiguration, "this crate's contract",
        "the flow received an input that it does not await", "A driver passed the input of one step to another step.",
        "Correct the driver: pass to each step only its own input.";
    STEP_NO_TIMER = "step.no_timer", Local, Contract, FixConfiguration, "this crate's contract",
        "the flow waits, but the driver has no timer", "The driver was made without a timer.",
        "Give the driver a timer, for example with `Driver::with_timer`.";

    // Keys that live elsewhere, entropy
    SIGN_FAILED = "sign.failed", Environment, KeyStore, FixEnvironment, "RFC 7515 section 5.1",
        "the signer failed", "The key does not fit its algorithm, or the program's own signer failed.",
        "Check the key and the signer.";
    PRIVATE_KEY_PEM = "private_key.pem", Local, Usage, FixConfiguration, "RFC 7468 section 2",
        "the private key is not PEM", "The line `-----BEGIN …-----` is missing, the end is cut off, or the text in between is not base64.",
        "Pass the text of the whole file.";
    PRIVATE_KEY_MISSING = "private_key.missing", Local, Usage, FixConfiguration, "RFC 7468 section 10",
        "the PEM holds no private key", "The PEM has a public key, a certificate, or a key in an unsupported format.",
        "Use a private key in PKCS #8 (`PRIVATE KEY`), PKCS #1 or SEC 1.";
    PRIVATE_KEY_ENCRYPTED = "private_key.encrypted", Local, Usage, FixConfiguration, "RFC 7468 section 11",
        "the private key is encrypted", "The key is protected by a password, which this crate does not support.",
        "Decrypt the key first, for example with `openssl pkcs8 -topk8 -nocrypt`.";
    PRIVATE_KEY_UNUSABLE = "private_key.unusable", Local, Usage, FixConfiguration, "RFC 7518 section 3",
        "the private key cannot be used for this algorithm", "The key is damaged, of another type or curve, or an RSA key below 2048 or above 8192 bits.",
        "Use a key that fits the algorithm, or the algorithm that fits the key.";
    KEY_REFUSED = "key.refused", Environment, KeyStore, FixEnvironment, "this crate's contract",
        "the key store refused to use the key", "The key store is locked, the user did not confirm, or the key may not be used for this.",
        "Unlock the key store, or allow the operation, then try again.";
    KEY_UNSUPPORTED = "key.unsupported", Environment, KeyStore, FixConfiguration, "this crate's contract",
        "the key store does not support the operation, or the driver has none", "The driver was made without a key store, or the store does not know the operation or the algorithm.",
        "Give the driver a key store that supports the operation, or use a key of another algorithm.";
    KEY_OUTPUT = "key.output", Environment, KeyStore, FixConfiguration, "this crate's contract",
        "the key store returned the wrong kind of output", "The output is empty, or does not fit the operation: for example a verdict instead of bytes.",
        "Correct the key store's code: return the kind of output that `KeyUse` documents for the operation.";
    ENV_ENTROPY = "env.entropy", Environment, Machine, FixEnvironment, "this crate's contract",
        "the operating system gives no entropy", "The system's random source is missing or blocked.",
        "Repair the system's random source.";
    POPUP_BLOCKED = "popup.blocked", Environment, Machine, FixEnvironment, "HTML Standard, `window.open`",
        "the browser opens no window", "The window was not opened in a click of the user, or the user blocks windows.",
        "Open it in the listener of the click, before anything is awaited; or log in by redirect.";
}
