//! TLS: one configuration for REST and websocket, with one crypto provider, named here and not taken from the process.
//!
//! Knows: which certificates are trusted. Certificates are always verified.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

use crate::model::order::{Failure, FailureKind};
use crate::settings::Trust;

/// Makes the configuration. `needed` is false for a region without TLS (on loopback): then a system without any trusted
/// root is no failure, and nothing at all is trusted.
pub(super) fn client_config(trust: &Trust, needed: bool) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            untrusting(&format!(
                "the crypto provider offers no usable TLS version ({error})"
            ))
        })?;

    let verifier = match trust {
        Trust::Platform => Verifier::new(provider).map_err(|error| {
            untrusting(&format!(
                "the trusted roots of this system could not be read ({error})"
            ))
        }),
        Trust::File(path) => roots_of(path).and_then(|roots| {
            Verifier::new_with_extra_roots(roots, provider).map_err(|error| {
                untrusting(&format!(
                    "{} holds a certificate that is no root ({error})",
                    path.display()
                ))
            })
        }),
        Trust::SystemRoots => match system_roots() {
            Ok(roots) => return Ok(builder.with_root_certificates(roots).with_no_client_auth()),
            Err(failure) => Err(failure),
        },
    };
    match verifier {
        Ok(verifier) => {
            // "Dangerous" is any verifier that is not the library's own; this one is the operating system's.
            let builder = builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Aside(verifier)));
            Ok(builder.with_no_client_auth())
        }
        Err(_) if !needed => Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()),
        Err(failure) => Err(failure),
    }
}

/// The operating system's judgement of certificates, which may take seconds (on Windows it may fetch a revocation list,
/// for up to 10 s): asked for on the thread that shakes hands, after everything else that this thread does was given to
/// another one. So one network thread is enough, and the feed does not wait.
#[derive(Debug)]
struct Aside(Verifier);

impl ServerCertVerifier for Aside {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        aside(|| {
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.0.root_hint_subjects()
    }
}

/// Does work that blocks, after handing the other tasks of this thread to another one. Outside of a runtime that can do
/// that, and on a thread that has no tasks, it is a plain call.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

/// The roots in the operating system's store.
fn system_roots() -> Result<RootCertStore, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A store may hold a certificate that no library reads; that is no reason to trust none of the others.
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken > 0 {
        return Ok(roots);
    }
    let why = found
        .errors
        .first()
        .map_or_else(|| "it is empty".to_owned(), ToString::to_string);
    Err(untrusting(&format!(
        "the store of trusted roots of this system has none ({why}). Install the system's package of CA certificates"
    )))
}

/// The roots in a PEM file.
fn roots_of(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let shown = path.display();
    let unread = |error: &dyn std::fmt::Display| {
        untrusting(&format!(
            "{shown} could not be read as PEM certificates ({error})"
        ))
    };
    let roots: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| unread(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| unread(&error))?;
    if roots.is_empty() {
        return Err(unread(&"it has no certificate in it"));
    }
    Ok(roots)
}

fn untrusting(why: &str) -> Failure {
    Failure {
        kind: FailureKind::Link,
        status: None,
        retry_after: None,
        message: format!("Preparing TLS: {why}. Check AdvancedSettings.Trust."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_judgement_that_takes_its_time_holds_up_nothing_else() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let (begun, begins) = std::sync::mpsc::channel();
        let (other_ran, waits) = std::sync::mpsc::channel();
        let judgement = runtime.spawn(async move {
            aside(|| {
                begun.send(()).unwrap();
                waits.recv_timeout(Duration::from_secs(60))
            })
        });
        begins.recv().unwrap();
        runtime.spawn(async move { other_ran.send(()) });
        let waited = runtime.block_on(judgement).unwrap();
        assert!(waited.is_ok(), "the other task did not run meanwhile");
    }

    #[test]
    fn without_a_runtime_work_is_just_done() {
        assert_eq!(aside(|| 7), 7);
    }

    #[test]
    fn a_region_without_tls_needs_no_roots_of_the_system() {
        for trust in [
            Trust::Platform,
            Trust::SystemRoots,
            Trust::File("no/such/file.pem".into()),
        ] {
            assert!(client_config(&trust, false).is_ok(), "{trust:?}");
        }
    }
}
