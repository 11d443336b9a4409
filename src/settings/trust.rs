//! Which certificate authorities are trusted, as an operator says it.

use std::path::PathBuf;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Fault, Trust, quoted, secret};

/// Reads `platform`, `system-roots` or `file:PATH`; a file must hold at least one certificate.
pub(super) fn read(text: &str) -> Result<Trust, Fault> {
    if text.eq_ignore_ascii_case("platform") {
        return Ok(Trust::Platform);
    }
    if text.eq_ignore_ascii_case("system-roots") {
        return Ok(Trust::SystemRoots);
    }
    let Some(path) = text.strip_prefix("file:") else {
        return Err(Fault::new(
            format!("is {}, which is none of its values", quoted(text)),
            "Write `platform`, `system-roots` or `file:PATH`",
        ));
    };
    let of = |wrong: &str| {
        Fault::new(
            format!("names the file {}, which {wrong}", quoted(path)),
            "Name a file of certificates in PEM that the account of the recorder can read",
        )
    };
    let bytes = secret::content(path).map_err(|wrong| of(&wrong))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let unreadable = "holds a certificate that cannot be read";
        let certificate = certificate.map_err(|_| of(unreadable))?;
        roots.add(certificate).map_err(|_| of(unreadable))?;
    }
    if roots.is_empty() {
        return Err(of("holds no certificate (`-----BEGIN CERTIFICATE-----`)"));
    }
    Ok(Trust::File(PathBuf::from(path)))
}

/// As an operator would write it.
pub(super) fn written(trust: &Trust) -> String {
    match trust {
        Trust::Platform => "platform".to_owned(),
        Trust::SystemRoots => "system-roots".to_owned(),
        Trust::File(path) => format!("file:{}", path.display()),
    }
}
