//! A certificate for one run, and the authority that signed it.
//!
//! The key never leaves the process; the authority's certificate is told to the client, which has to trust it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// What the front needs for TLS.
pub(crate) struct Certificate {
    /// What clients have to trust.
    pub(crate) authority_pem: String,
    /// What makes a TLS connection of a TCP one.
    pub(crate) acceptor: TlsAcceptor,
}

impl Certificate {
    /// For `localhost`, `127.0.0.1`, `::1` and, if there is one, a name of its own.
    pub(crate) fn for_loopback(name: Option<&str>) -> io::Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        authority
            .distinguished_name
            .push(DnType::CommonName, "gca-region, for one run");
        let authority_key = KeyPair::generate().map_err(io::Error::other)?;
        let authority =
            CertifiedIssuer::self_signed(authority, authority_key).map_err(io::Error::other)?;

        let names = ["localhost"].into_iter().chain(name).map(str::to_owned);
        let mut leaf =
            CertificateParams::new(names.collect::<Vec<_>>()).map_err(io::Error::other)?;
        leaf.subject_alt_names.extend([
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ]);
        leaf.use_authority_key_identifier_extension = true;
        leaf.distinguished_name
            .push(DnType::CommonName, "localhost");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let leaf = leaf.signed_by(&key, &authority).map_err(io::Error::other)?;

        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .map_err(io::Error::other)?;
        Ok(Self {
            authority_pem: authority.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}
