//! The part of the table for pushed requests, devices and bound tokens. A macro that adds it to the rest, since one
//! enum holds all lies.

/// Passes both parts on to `lies!`, with these in the first one.
macro_rules! lies_with_grants {
    ({ $($plain:tt)* } { $($of:tt)* }) => { lies! {
    {
        $($plain)*

        /// Token response: another scope than asked for.
        ScopeOther => put(On::Token, "scope", "urn:example:other");
        /// Token response: `Bearer` as `token_type`, also where the request had a proof.
        TokenTypeBearer => put(On::Token, "token_type", "Bearer");
        /// Token response: `DPoP` as `token_type`, also where the request had no proof.
        TokenTypeDpop => put(On::Token, "token_type", "DPoP");

        /// Pushed request: no `request_uri`.
        ParRequestUriAbsent => drop_member(On::Par, "request_uri");
        /// Pushed request: an empty `request_uri`.
        ParRequestUriEmpty => put(On::Par, "request_uri", "");
        /// Pushed request: a `request_uri` that brings parameters of its own into the authorization URL.
        ParRequestUriInjects => put(On::Par, "request_uri", "urn:x&client_id=evil&redirect_uri=https://evil.example");
        /// Pushed request: status 200, where RFC 9126 section 2.2 has 201.
        ParStatus200 => response(On::Par, |r| {
            if r.status() == StatusCode::CREATED { *r.status_mut() = StatusCode::OK; }
        });
        /// Pushed request: no `expires_in`.
        ParExpiresInAbsent => drop_member(On::Par, "expires_in");
        /// Pushed request: `expires_in` 0.
        ParExpiresInZero => put(On::Par, "expires_in", 0);
        /// Pushed request: `expires_in` below zero.
        ParExpiresInNegative => put(On::Par, "expires_in", -60);
        /// Pushed request: `expires_in` as a string of digits.
        ParExpiresInString => put(On::Par, "expires_in", "60");
        /// Pushed request: `expires_in` 2^63.
        ParExpiresInHuge => put(On::Par, "expires_in", 1_u64 << 63);

        /// Device: no `device_code`.
        DeviceCodeAbsent => drop_member(On::DeviceAuthorization, "device_code");
        /// Device: an empty `device_code`.
        DeviceCodeEmpty => put(On::DeviceAuthorization, "device_code", "");
        /// Device: no `user_code`.
        UserCodeAbsent => drop_member(On::DeviceAuthorization, "user_code");
        /// Device: a `user_code` that would take over a terminal.
        UserCodeControlCharacters => put(On::DeviceAuthorization, "user_code", "\u{1b}[2J\r\nYES\u{0}\u{202e}");
        /// Device: a `user_code` of 4 KiB.
        UserCodeHuge => put(On::DeviceAuthorization, "user_code", "B".repeat(4096));
        /// Device: no `verification_uri`.
        VerificationUriAbsent => drop_member(On::DeviceAuthorization, "verification_uri");
        /// Device: a `verification_uri` with `http`.
        VerificationUriHttp => put(On::DeviceAuthorization, "verification_uri", "http://op.example/device");
        /// Device: a `verification_uri` that a browser would run.
        VerificationUriScript => put(On::DeviceAuthorization, "verification_uri", "javascript:alert(1)");
        /// Device: a `verification_uri` whose host hides behind a user name.
        VerificationUriUserInfo =>
            put(On::DeviceAuthorization, "verification_uri", "https://op.example@evil.example/device");
        /// Device: no `verification_uri_complete`, which is allowed.
        VerificationUriCompleteAbsent => drop_member(On::DeviceAuthorization, "verification_uri_complete");
        /// Device: a `verification_uri_complete` with `http`.
        VerificationUriCompleteHttp =>
            put(On::DeviceAuthorization, "verification_uri_complete", "http://op.example/device?user_code=B");
        /// Device: no `interval`, which means 5 s.
        IntervalAbsent => drop_member(On::DeviceAuthorization, "interval");
        /// Device: `interval` is null.
        IntervalNull => put(On::DeviceAuthorization, "interval", Value::Null);
        /// Device: `interval` 0.
        IntervalZero => put(On::DeviceAuthorization, "interval", 0);
        /// Device: `interval` below zero.
        IntervalNegative => put(On::DeviceAuthorization, "interval", -5);
        /// Device: `interval` as a string of digits.
        IntervalString => put(On::DeviceAuthorization, "interval", "5");
        /// Device: `interval` 2^63.
        IntervalHuge => put(On::DeviceAuthorization, "interval", 1_u64 << 63);
        /// Device: no `expires_in`.
        DeviceExpiresInAbsent => drop_member(On::DeviceAuthorization, "expires_in");
        /// Device: `expires_in` 0.
        DeviceExpiresInZero => put(On::DeviceAuthorization, "expires_in", 0);
        /// Device: `expires_in` 2^63.
        DeviceExpiresInHuge => put(On::DeviceAuthorization, "expires_in", 1_u64 << 63);
        /// Device: `slow_down` is the response to every poll, and to every other token request too.
        SlowDownForever => response(On::Token, |r| *r = failed("slow_down"));
        /// Device: `authorization_pending` is the response to every poll, and to every other token request too.
        PendingForever => response(On::Token, |r| *r = failed("authorization_pending"));

        /// Nonces are required, and are of 10 KiB.
        DpopNonceHuge => Edit::Nonces(NonceLie::Huge);
        /// Nonces are required, and hold quotes, spaces and other characters that RFC 9449 section 8.1 rules out.
        DpopNonceOdd => Edit::Nonces(NonceLie::Odd);
        /// Nonces are required, and hold bytes beyond ASCII.
        DpopNonceNotText => Edit::Nonces(NonceLie::NotText);
        /// Nonces are required, and never told.
        DpopNonceAbsent => Edit::Nonces(NonceLie::Absent);
        /// Nonces are required, and another one each time: no proof is ever good.
        DpopNonceForever => Edit::Nonces(NonceLie::Forever);
    }
    { $($of)* }
    } };
}

pub(super) use lies_with_grants;
