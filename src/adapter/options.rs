//! The options of both HTTP clients, and the addresses that they can refuse.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Uri};
use rustls::ClientConfig;
use url::{Host, Url};

use super::headers;
use crate::base::secret::{Body, is_token};
use crate::error::transport::{Failure, FailureKind, Sent};

/// For a whole exchange: a slow provider responds to a token request within a few seconds, and a user waits for it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// For name lookup, connection and TLS handshake. Shorter, because what fails here surely was not sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How an HTTP client of this crate behaves.
///
/// These rules are fixed: the client returns redirects and does not follow them. It has no cookie jar. It verifies
/// certificates. It requests no content coding. It reads a body only up to the request's limit.
///
/// By default the client trusts the root certificates of the operating system. On Linux, the variables `SSL_CERT_FILE`
/// and `SSL_CERT_DIR` name their location.
///
/// ```
/// # fn main() -> Result<(), oidc_proto::adapter::OptionsError> {
/// # #[cfg(feature = "ureq")] {
/// use oidc_proto::adapter::{HttpOptions, ureq};
///
/// let http = ureq::Client::with(HttpOptions::new().with_public_addresses_only())?;
/// # }
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until a client is made with them"]
pub struct HttpOptions {
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) roots: Vec<Root>,
    pub(super) proxy: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) public_only: bool,
    pub(super) env_proxy: bool,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

#[derive(Clone)]
pub(super) enum Root {
    Pem(Vec<u8>),
    Der(Vec<u8>),
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpOptions {
    /// 30 s for an exchange, 10 s of them to connect; the operating system's root certificates; no proxy.
    pub const fn new() -> Self {
        Self {
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            roots: Vec::new(),
            proxy: None,
            user_agent: None,
            public_only: false,
            env_proxy: false,
            tls: None,
        }
    }

    /// The time for a whole exchange, from the name lookup to the last byte of the body. Default 30 s.
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The time to connect, TLS included, as part of the whole. Default 10 s.
    ///
    /// Keep it below [`with_timeout`](Self::with_timeout): a request that exceeds `with_timeout` may have been sent.
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Trusts the certificates of this PEM bundle **instead of** those of the operating system: for
    /// a private certificate authority. Several calls add up.
    pub fn with_root_certificates_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Root::Pem(pem.into()));
        self
    }

    /// The same for one certificate in DER.
    pub fn with_root_certificate_der(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Root::Der(der.into()));
        self
    }

    /// The caller's own TLS: its cryptography, its roots, its client certificate, which is shown to every server that
    /// asks for one. A client does not send a request whose policy names a certificate, because it cannot tell whether
    /// this is it. Root certificates of these options are not used then.
    pub fn with_tls(mut self, config: impl Into<Arc<ClientConfig>>) -> Self {
        self.tls = Some(config.into());
        self
    }

    /// Sends all requests through the proxy that the environment variables `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`
    /// name, except to the hosts of `NO_PROXY`. The HTTP library reads the variables. By default they are ignored. A
    /// variable that names no proxy as [`HttpOptions::with_proxy`] takes it is an error, and not a direct connection.
    pub const fn with_proxy_from_environment(mut self) -> Self {
        self.env_proxy = true;
        self
    }

    /// Sends all requests through this proxy: `http://host:port`, with a user and a password before
    /// the host if it needs them, and with no path. A SOCKS5 proxy (RFC 1928) is
    /// `socks5h://host:port` if it resolves the names itself, and `socks5://host:port` if it gets
    /// addresses. Proxy variables of the environment are then ignored.
    pub fn with_proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// The `User-Agent` of requests that have none. The default is `oidc-proto/` and the version, because some
    /// firewalls refuse requests without this header.
    pub fn with_user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = Some(text.into());
        self
    }

    /// Refuses to connect to addresses that are not of the public Internet: private, loopback, link-local, shared,
    /// multicast, reserved, and IPv6 forms of them.
    ///
    /// Use this on a server whose users choose the provider. Otherwise an issuer or one of its endpoints can point into
    /// the server's own network. The client checks the addresses that it connects to, not an earlier lookup of the
    /// name. The failure is `transport.refused`. This option cannot be combined with a proxy, because the proxy
    /// resolves the names itself.
    pub const fn with_public_addresses_only(mut self) -> Self {
        self.public_only = true;
        self
    }

    /// What is wrong with the combination, as far as both clients see it alike.
    pub(super) fn check(&self) -> Result<(), OptionsError> {
        if self.public_only && (self.proxy.is_some() || self.env_proxy) {
            return Err(OptionsError::ProxyUnchecked);
        }
        match &self.proxy {
            Some(url) if !is_proxy(url) => return Err(OptionsError::Proxy),
            None if self.env_proxy => check_environment()?,
            _ => {}
        }
        if self.user_agent.as_ref().is_some_and(|text| !is_token(text) || text.trim().is_empty()) {
            return Err(OptionsError::UserAgent);
        }
        Ok(())
    }

    pub(super) fn patience(&self) -> Patience {
        Patience { connect: self.connect_timeout.min(self.timeout), whole: self.timeout }
    }

    /// What is done to each request: its URL gets the one spelling of [`HttpOptions::target`], and headers that are
    /// missing are added.
    ///
    /// # Errors
    /// As [`HttpOptions::target`].
    pub(super) fn prepare(&self, request: &mut Request<Body>) -> Result<(), Failure> {
        *request.uri_mut() = self.target(request.uri())?;
        headers::complete(request, self.user_agent.as_deref().and_then(|text| HeaderValue::from_str(text).ok()));
        Ok(())
    }

    /// The URL in the one spelling that is checked and sent: HTTP libraries differ in how they read `127.1` or a dot at
    /// the end of a host.
    ///
    /// # Errors
    /// The failure if it is no URL, or if it names an address that is refused: clients skip the name lookup for those.
    fn target(&self, uri: &Uri) -> Result<Uri, Failure> {
        let url = Url::parse(&uri.to_string()).map_err(|error| not_sent(&error))?;
        if self.public_only && url.host().is_none_or(|host| !may_be_public(&host)) {
            return Err(Failure::new(FailureKind::Refused, Sent::No));
        }
        Uri::try_from(String::from(url)).map_err(|error| not_sent(&error))
    }
}

/// How long a client waits.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    connect: Duration,
    whole: Duration,
}

impl Patience {
    /// The same failure with the time that ran out, if that is it.
    pub(super) fn explain(self, failure: Failure) -> Failure {
        match (failure.kind, failure.sent) {
            (FailureKind::Timeout, Sent::No) => failure.after(self.connect),
            (FailureKind::Timeout, Sent::Maybe) => failure.after(self.whole),
            _ => failure,
        }
    }
}

/// Whether a proxy's URL says only where it is, and as whom to come there. The HTTP libraries
/// ignore the rest, and differ in the port that SOCKS has by default.
fn is_proxy(url: &str) -> bool {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    Url::parse(&whole).is_ok_and(|url| {
        let is_spoken = match url.scheme() {
            "http" | "https" => true,
            "socks5" | "socks5h" => url.port().is_some() && url.has_host(),
            _ => false,
        };
        is_spoken && matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none()
    })
}

/// Checks every variable: which of them counts differs between HTTP libraries, and what they do not
/// understand they pass over in silence.
fn check_environment() -> Result<(), OptionsError> {
    for name in PROXY_VARIABLES {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        if value.is_some_and(|value| !value.to_str().is_some_and(is_proxy)) {
            return Err(OptionsError::ProxyVariable(name));
        }
    }
    Ok(())
}

const PROXY_VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

fn not_sent(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureKind::Other, Sent::No).with_text(error)
}

/// Whether a host is of the public Internet, as far as it says so without a name lookup.
fn may_be_public(host: &Host<&str>) -> bool {
    match *host {
        Host::Ipv4(address) => is_public_v4(address),
        Host::Ipv6(address) => is_public_v6(address),
        // RFC 6761 section 6.3: these names are this machine, whatever a name server says.
        Host::Domain(name) => name.trim_end_matches('.').rsplit('.').next() != Some("localhost"),
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the proxy: its URL may hold a password.
        f.debug_struct("HttpOptions")
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("root_certificates", &self.roots.len())
            .field("proxy", &self.proxy.is_some())
            .field("env_proxy", &self.env_proxy)
            .field("own_tls", &self.tls.is_some())
            .field("public_only", &self.public_only)
            .finish_non_exhaustive()
    }
}

/// Why no HTTP client can be made with these options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A root certificate is not valid, or the bundle is empty.
    #[error("a root certificate cannot be read: give a bundle of PEM certificates")]
    RootCertificate,
    /// The proxy's URL cannot be used.
    #[error("the proxy's URL cannot be used: give `http://host:port` or `socks5h://host:port`, without a path")]
    Proxy,
    /// An environment variable names no proxy that can be used. This is its name.
    #[error(
        "the environment variable {0} names no proxy that can be used: set it to `http://host:port` or `socks5h://host:port`, without a path, or unset it"
    )]
    ProxyVariable(&'static str),
    /// A proxy is combined with [`HttpOptions::with_public_addresses_only`]. The client cannot check the addresses that
    /// the proxy connects to.
    #[error("private addresses cannot be refused behind a proxy: leave out one of the two")]
    ProxyUnchecked,
    /// The user agent is blank, or holds anything but printable ASCII.
    #[error("the user agent is not a valid header value: use printable ASCII characters")]
    UserAgent,
    /// There is no cryptography for TLS: the feature `ring` is off, the process has no default provider of rustls, and
    /// [`HttpOptions::with_tls`] was not called.
    #[error("there is no cryptography for TLS: enable the feature `ring`, or call `HttpOptions::with_tls`")]
    NoCryptoProvider,
    /// The HTTP library cannot start, for example because it finds no root certificates on this machine.
    #[error("the HTTP library cannot start: check the root certificates of this machine")]
    Library,
}

/// Whether an address is of the public Internet, as the IANA special-purpose registries have it (RFC 6890).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = match segments {
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) end at an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = embedded {
        return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    // Global unicast is 2000::/3 (RFC 4291 section 2.4), less what is set aside in it: 2001::/23 and documentation.
    match segments {
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_told_from_public_ones() {
        let private = "0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 \
            192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255 \
            :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 2002:7f00:1::1 fc00::1 \
            fd12:3456::1 fe80::1 fec0::1 ff02::1 2001:db8::1 2001::1 100::1 3fff::1 5f00::1";
        for address in private.split_whitespace() {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let public = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.0.1.1 198.20.0.1 223.255.255.255 \
            2606:4700:4700::1111 2a00:1450::1 64:ff9b::8.8.8.8 2002:808:808::1 ::ffff:8.8.8.8 2001:4860:4860::8888";
        for address in public.split_whitespace() {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
