//! Codes of failed requests, of HTTP and JSON responses, and of URLs.

use crate::error::code::codes;

codes! {
    CODES:
    // No response
    TRANSPORT_TIMEOUT = "transport.timeout", Transport, Transport, Retry, "RFC 9110 section 9.2.2",
        "no response in time", "The server or the network is slow, or a firewall drops the packets.",
        "Try again later, or increase the time-out of the HTTP client.";
    TRANSPORT_UNREACHABLE = "transport.unreachable", Transport, Transport, Retry, "RFC 9110 section 4.3",
        "cannot connect to the server", "The host name, the port, a proxy or the network is wrong, or the server is down.",
        "Check the host and port of the URL and the network, then try again.";
    TRANSPORT_TLS = "transport.tls", Transport, Transport, FixEnvironment, "RFC 9110 section 4.3.4",
        "the TLS handshake failed", "The server's certificate is not trusted, has expired or names another host, or the port does not speak TLS.",
        "Check the certificate, the trusted root certificates and the machine's clock.";
    TRANSPORT_INTERRUPTED = "transport.interrupted", Transport, Transport, Retry, "RFC 9112 section 8",
        "the connection broke before the response was complete", "The server or a proxy closed the connection.",
        "Try again; if it happens again, look at the log of the server, or of a proxy in front of it.";
    TRANSPORT_REFUSED = "transport.refused", Transport, Transport, FixConfiguration, "RFC 9728 section 7.7",
        "the HTTP client refused to send the request", "Its options forbid the address, or it has no client certificate to present.",
        "Check the options of the HTTP client.";
    TRANSPORT_CANCELLED = "transport.cancelled", Transport, Transport, Retry, "RFC 9110 section 9.2.2",
        "the request was cancelled", "The application cancelled the request.",
        "Start again when the application is ready.";
    TRANSPORT_OTHER = "transport.other", Transport, Transport, Retry, "RFC 9110",
        "the HTTP client failed", "The HTTP client could not send the request or read the response.",
        "Look at the log of the HTTP client, then try again.";
    HTTP_SERVER_ERROR = "http.server_error", Transport, Unavailable, Retry, "RFC 9110 section 15.6",
        "the server failed", "It sent a status of 5xx, `server_error` or `temporarily_unavailable`, or a proxy in front of it failed.",
        "Try again later; if it happens again, look at the provider's log.";
    HTTP_TOO_MANY_REQUESTS = "http.too_many_requests", Transport, Unavailable, Retry, "RFC 6585 section 4",
        "the server does not take the request now", "The server limits the rate of requests, or the request came too early (425).",
        "Wait as long as the server says, then try again.";

    // Any response
    HTTP_REDIRECT = "http.redirect", Remote, Response, FixConfiguration, "RFC 9110 section 15.4",
        "unexpected redirect", "The URL has moved, or the server sends unknown clients to a login page.",
        "If you configured the URL, correct it; if it is from the provider's metadata, report it to the provider.";
    HTTP_BODY_TOO_LARGE = "http.body_too_large", Remote, Response, ProviderBroken, "this crate's limits",
        "response body too large", "The server sent something other than the expected document.",
        "Check the URL. If the request is your own, raise `Policy::with_body_limit`; if the URL is from the provider's metadata, report it to the provider.";
    HTTP_STATUS = "http.status", Remote, Response, ProviderBroken, "RFC 9110 section 15",
        "unexpected HTTP status", "The URL is not that of the endpoint, or the server or a proxy in front of it refused the request without a reason.",
        "Check the URL, and look at the provider's log.";
    HTTP_CONTENT_TYPE = "http.content_type", Remote, Response, ProviderBroken, "RFC 9110 section 8.3",
        "unexpected content type", "A web page came instead of the document, or the server labels the document wrongly.",
        "Check that no proxy returns a page of its own, and the URL; if it is from the provider's metadata, report it to the provider.";
    HTTP_CONTENT_ENCODING = "http.content_encoding", Remote, Response, ProviderBroken, "RFC 9110 section 8.4",
        "the body has a content coding that was not requested", "The server or a proxy in front of it compresses every response.",
        "Disable compression for this endpoint, or use an HTTP client that decompresses.";
    JSON_SYNTAX = "json.syntax", Remote, Response, ProviderBroken, "RFC 8259",
        "invalid JSON", "A web page or a truncated document came instead of JSON.",
        "Check the URL; if it is from the provider's metadata, report it to the provider.";
    JSON_TOO_DEEP = "json.too_deep", Remote, Response, ProviderBroken, "this crate's limits",
        "JSON nested too deeply", "The document is malicious, or is not the expected document.",
        "Check the URL; if it is from the provider's metadata, report it to the provider.";
    JSON_DUPLICATE_NAME = "json.duplicate_name", Remote, Response, ProviderBroken, "RFC 8259 section 4",
        "duplicate name in a JSON object", "The server writes a member twice, so its value is ambiguous.",
        "Report it to the provider.";
    JSON_TYPE = "json.type", Remote, Response, ProviderBroken, "RFC 8259",
        "JSON value of the wrong type", "The server writes a member in another form than its standard defines.",
        "Report it to the provider.";
    JSON_MISSING_FIELD = "json.missing_field", Remote, Response, ProviderBroken, "RFC 8259",
        "missing JSON member", "The document is not the expected document, or is incomplete.",
        "Check the URL; if it is from the provider's metadata, report it to the provider.";

    // URLs
    URL_SYNTAX = "url.syntax", Local, Usage, FixConfiguration, "RFC 3986",
        "not an absolute URL", "The scheme or the host is missing, or a character is not allowed.",
        "Write the whole URL, beginning with https://.";
    URL_SCHEME = "url.scheme", Local, Usage, FixConfiguration, "RFC 8414 section 2",
        "the scheme of the URL is not allowed here", "Plain http would expose tokens on the network.",
        "Use an https URL. For development http can be chosen: on loopback addresses (`Schemes::DangerousHttpOnLoopback`), or on a private network too (`Schemes::DangerousHttpOnPrivateNetwork`).";
    URL_USERINFO = "url.userinfo", Local, Usage, FixConfiguration, "RFC 9110 section 4.2.4",
        "the URL holds a user name or password", "Credentials were written into the URL.",
        "Remove the user name and the password, including the `@`.";
    URL_FRAGMENT = "url.fragment", Local, Usage, FixConfiguration, "RFC 6749 section 3.1",
        "the URL has a fragment", "The URL was copied from a browser.",
        "Remove the `#` and everything after it.";
    URL_QUERY = "url.query", Local, Usage, FixConfiguration, "RFC 8414 section 2",
        "the URL has a query", "The URL was copied from a browser, or is not an issuer.",
        "Remove the `?` and everything after it.";

    // Words
    WORD_UNKNOWN = "word.unknown", Local, Usage, FixConfiguration, "this crate's contract",
        "unknown word", "The word is misspelled, or this crate does not know it.",
        "Write one of the expected words, with the same capital letters.";
}
