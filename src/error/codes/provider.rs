//! Codes of provider metadata, key sets, registration and pushed requests.

use crate::error::code::codes;

codes! {
    CODES:
    // Discovery
    METADATA_ISSUER_MISMATCH = "metadata.issuer_mismatch", Remote, Metadata, FixConfiguration, "RFC 8414 section 3.3",
        "the metadata name another issuer", "The configured issuer differs from the published issuer, often only by a slash, or is the URL of the metadata document.",
        "If the metadata are from the intended provider, configure the issuer exactly as the provider publishes it.";
    METADATA_MISSING_FIELD = "metadata.missing_field", Remote, Metadata, ProviderBroken, "RFC 8414 section 2",
        "a required member is missing in the metadata", "The document is not the provider's metadata, or the provider leaves the member out.",
        "Check the issuer; if it is right, report it to the provider.";
    METADATA_URL = "metadata.url", Remote, Metadata, ProviderBroken, "RFC 8414 section 2",
        "a URL in the metadata is not usable", "The provider publishes a relative URL, plain http, or credentials in a URL.",
        "Correct the provider's public URL in its configuration, or ask its administrator to.";
    METADATA_PKCE_WITHOUT_S256 = "metadata.pkce_without_s256", Remote, Metadata, FixConfiguration, "RFC 8414 section 2",
        "S256 is not among the PKCE methods in the metadata", "Only the method `plain` is enabled, which protects nothing.",
        "Enable S256 at the provider.";
    METADATA_NOT_FOUND = "metadata.not_found", Remote, Metadata, FixConfiguration, "RFC 8414 section 3",
        "the server has no metadata document (404)", "The issuer is misspelled, lacks its path (realm, tenant), or the provider does not support discovery.",
        "Check the issuer; write it without `/.well-known/…`.";
    METADATA_UNSUPPORTED = "metadata.unsupported", Remote, Unsupported, FixConfiguration, "OpenID Connect Discovery 1.0 section 3",
        "the provider does not support what the client needs", "The metadata do not list the feature.",
        "Enable the feature at the provider, or do not use it.";

    // Key sets
    JWKS_TOO_MANY_KEYS = "jwks.too_many_keys", Remote, Keys, ProviderBroken, "this crate's limits",
        "too many keys in the key set", "The document is malicious, or the provider never removes old keys.",
        "Remove old keys at the provider.";
    JWKS_MISSING = "jwks.missing", Remote, Keys, FixConfiguration, "OpenID Connect Discovery 1.0 section 3",
        "no `jwks_uri` in the metadata", "The provider does not publish its keys.",
        "Supply the keys with `Provider::supply_keys`, or log in without the scope `openid`.";

    // Registration
    REGISTRATION_UNSUPPORTED = "registration.unsupported", Remote, Unsupported, FixConfiguration, "RFC 7591 section 3",
        "the provider has no registration endpoint", "The provider does not offer dynamic registration, or it is disabled.",
        "Register the client at the provider by hand, and configure its client ID.";
    REGISTRATION_INVALID_REDIRECT_URI = "registration.invalid_redirect_uri", Denied, Registration, FixConfiguration, "RFC 7591 section 3.2.2",
        "the provider refused a redirect URI", "Its policy does not allow this redirect URI.",
        "Register a redirect URI that the provider allows.";
    REGISTRATION_INVALID_CLIENT_METADATA = "registration.invalid_client_metadata", Denied, Registration, FixConfiguration, "RFC 7591 section 3.2.2",
        "the provider refused the client metadata", "A member of the registration is not allowed or unknown to the provider.",
        "Correct the member that the provider's error description names; if there is none, register the client at the provider by hand.";
    REGISTRATION_INVALID_SOFTWARE_STATEMENT = "registration.invalid_software_statement", Denied, Registration, FixConfiguration, "RFC 7591 section 3.2.2",
        "the provider refused the software statement", "The statement is malformed, expired or wrongly signed.",
        "Get a new software statement.";
    REGISTRATION_UNAPPROVED_SOFTWARE_STATEMENT = "registration.unapproved_software_statement", Denied, Registration, FixConfiguration, "RFC 7591 section 3.2.2",
        "the software statement is not approved", "The provider does not know or trust its issuer.",
        "Ask the provider to approve the software.";
    REGISTRATION_DENIED = "registration.denied", Denied, Registration, FixConfiguration, "RFC 7591 section 3.2.2",
        "the provider refused the registration", "Anonymous registration is often not allowed.",
        "Register with an initial access token, or by hand.";
    REGISTRATION_NO_CLIENT_ID = "registration.no_client_id", Remote, Registration, ProviderBroken, "RFC 7591 section 3.2.1",
        "no `client_id` in the registration response", "The endpoint is not a registration endpoint, or breaks its standard.",
        "Register the client at the provider by hand.";
    REGISTRATION_NO_SECRET = "registration.no_secret", Remote, Registration, ProviderBroken, "RFC 7591 section 3.2.1",
        "no `client_secret` in the registration response", "The provider registered a method that needs a secret, but sent no secret.",
        "Request another authentication method, or register by hand.";
    REGISTRATION_REDIRECT_URI = "registration.redirect_uri", Local, Usage, FixConfiguration, "RFC 7591 section 2",
        "a redirect URI cannot be registered", "The redirect URI does not fit the application type.",
        "Use an https URI for a web client, and a loopback address or a private-use scheme for a native client.";
    REGISTRATION_CLIENT_URI = "registration.client_uri", Local, Usage, FixConfiguration, "Matrix client-server API 1.18, client metadata",
        "the client URI is missing or not an https URL of a named host", "Matrix requires the client's home page at registration.",
        "Set `client_uri` to the https URL of the client's home page.";
    REGISTRATION_URI = "registration.uri", Local, Usage, FixConfiguration, "Matrix client-server API 1.18, client metadata",
        "a URI of the client metadata is not an https URL on the host of the client URI", "Matrix allows only URIs on the same host or on its subdomains.",
        "Host the document on the host of the client URI, or omit the URI.";
    REGISTRATION_MEMBER = "registration.member", Local, Usage, FixConfiguration, "RFC 7591 section 2",
        "an additional member of the client metadata is reserved, empty, given twice or not JSON", "This crate sets the member itself, or it was added twice.",
        "Remove the member, or use the field that sets it.";
    REGISTRATION_AUTH_METHOD = "registration.auth_method", Remote, Registration, FixConfiguration, "RFC 7591 section 2",
        "the provider registered an authentication method that the client cannot use", "The provider ignored the requested method.",
        "Request a method that the provider lists.";

    // Pushed authorization requests, resources
    PAR_UNSUPPORTED = "par.unsupported", Remote, Unsupported, FixConfiguration, "RFC 9126 section 5",
        "the provider does not accept pushed authorization requests", "Its metadata list no endpoint for them.",
        "Send the authorization request in the URL: `RelyingParty::authorize`.";
    PAR_REQUIRED = "par.required", Local, Usage, FixConfiguration, "RFC 9126 section 5",
        "the provider accepts only pushed authorization requests", "Its metadata or the client's registration require PAR.",
        "Push the authorization request with `RelyingParty::push`.";
    PAR_NO_REQUEST_URI = "par.no_request_uri", Remote, Protocol, ProviderBroken, "RFC 9126 section 2.2",
        "no usable `request_uri` in the PAR response", "The endpoint is not a PAR endpoint, or breaks its standard.",
        "Send the authorization request in the URL, or report it to the provider.";
    RESOURCE_URL = "resource.url", Local, Usage, FixConfiguration, "RFC 6750 section 5.3",
        "tokens must not be sent to this URL", "The URL is not https, or is not on the server that the tokens are for.",
        "Use an https URL of the server that the tokens are for.";
}
