//! Certificates made for one test: an authority, and servers that it vouches for.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// The certificate to trust.
    pub pem: String,
    pub der: Vec<u8>,
}

/// A server's certificate and key, in PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        Self { issuer: Issuer::new(params, key), pem, der }
    }

    /// An identity for a host: a name or an address.
    pub fn identity(&self, host: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The TLS side of a server on this host, which prefers HTTP/2 if `alpn` says so.
    pub fn server(&self, host: &str, alpn: &[&str]) -> Arc<ServerConfig> {
        Self::serving(self.identity(host), alpn)
    }

    /// The TLS side of a server whose certificate is valid in this year.
    pub fn server_in(&self, host: &str, year: i32) -> Arc<ServerConfig> {
        self.server_with(host, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(year, 1, 1), date_time_ymd(year, 12, 31));
        })
    }

    /// The TLS side of a server whose certificate deviates from the usual one.
    pub fn server_with(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self::serving(Identity { certificate: certificate.pem(), key: key.serialize_pem() }, &[])
    }

    /// The TLS side of a server that signed its certificate itself, and the certificate in PEM.
    pub fn self_signed(host: &str, is_authority: bool) -> (Arc<ServerConfig>, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.is_ca = if is_authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        let certificate = params.self_signed(&key).unwrap().pem();
        let identity = Identity { certificate: certificate.clone(), key: key.serialize_pem() };
        (Self::serving(identity, &[]), certificate)
    }

    fn serving(Identity { certificate, key }: Identity, alpn: &[&str]) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}
