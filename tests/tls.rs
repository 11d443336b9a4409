//! A zoo of bad certificates, and a server of yesterday's TLS: each is refused, in words that say what is wrong with it,
//! before a secret is sent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test they are the report of a failure"
)]

mod ports;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use genesys_cloud_adapter::cloud::{Limits, Wire, WireConfig};
use genesys_cloud_adapter::model::order::{Failure, FailureKind, Reply, Request};
use genesys_cloud_adapter::settings::{Region, Trust};
use ports::free_port;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData, SignatureAlgorithm, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

/// An authority of its own.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What a good certificate of this zoo says.
fn good() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A server with a certificate; grants a token to whoever trusts it.
struct Server {
    port: u16,
    served: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn server(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Server {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                count.fetch_add(1, Ordering::Relaxed);
                let body = r#"{"access_token":"CANARY-token","expires_in":86400}"#;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    Server { port, served, task }
}

/// Asks for a token, trusting the roots in a file.
async fn ask(port: u16, roots: &str) -> Reply {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("roots.pem");
    fs::write(&file, roots).unwrap();
    ask_trusting(port, Trust::File(file)).await
}

async fn ask_trusting(port: u16, trust: Trust) -> Reply {
    let url = Url::parse(&format!("https://localhost:{port}/")).unwrap();
    let wire = Wire::new(WireConfig {
        region: Region {
            api: url.clone(),
            login: url,
        },
        client_id: "client-id".to_owned(),
        client_secret: SecretString::from("CANARY-secret"),
        trust,
        proxy: None,
        user_agent: "adapter/1.2.3".to_owned(),
        limits: Limits::default(),
    })
    .unwrap();
    timeout(PATIENCE, wire.request(Request::Token))
        .await
        .unwrap()
}

fn refusal(reply: Reply) -> Failure {
    let Reply::Failed(failure) = reply else {
        panic!("it was trusted: {reply:?}")
    };
    assert_eq!(failure.kind, FailureKind::Link);
    assert!(!failure.message.contains("CANARY"), "{}", failure.message);
    failure
}

fn says(reply: Reply, words: &[&str]) {
    let failure = refusal(reply);
    for word in words {
        assert!(
            failure.message.contains(word),
            "{word}: {}",
            failure.message
        );
    }
}

/// A certificate of the trusted authority that is good but for one change.
async fn bad(change: impl FnOnce(&mut CertificateParams), words: &[&str]) {
    let root = authority("trusted");
    let (mut params, key) = (good(), KeyPair::generate().unwrap());
    change(&mut params);
    let leaf = params.signed_by(&key, &root).unwrap();
    let server = server(vec![leaf.der().clone()], &key, rustls::ALL_VERSIONS).await;
    let reply = ask(server.port, &root.pem()).await;
    says(reply, &["the certificate of localhost is not trusted"]);
    says(ask(server.port, &root.pem()).await, words);
    assert_eq!(
        server.served.load(Ordering::Relaxed),
        0,
        "the secret was sent"
    );
}

#[tokio::test]
async fn a_good_certificate_is_trusted_with_tls_1_2_and_1_3() {
    let root = authority("trusted");
    let key = KeyPair::generate().unwrap();
    let leaf = good().signed_by(&key, &root).unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = server(vec![leaf.der().clone()], &key, &[version]).await;
        let reply = ask(server.port, &root.pem()).await;
        assert!(
            matches!(reply, Reply::Token { .. }),
            "{version:?}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn an_expired_one_is_refused_with_both_times() {
    let change = |params: &mut CertificateParams| params.not_after = date_time_ymd(2021, 3, 4);
    bad(
        change,
        &[
            "has expired",
            "valid until 2021-03-04T00:00:00Z",
            "clock of this machine",
        ],
    )
    .await;
}

#[tokio::test]
async fn one_that_is_not_valid_yet_is_refused_with_both_times() {
    let change = |params: &mut CertificateParams| params.not_before = date_time_ymd(2100, 3, 4);
    bad(
        change,
        &[
            "not valid yet",
            "from 2100-03-04T00:00:00Z",
            "clock of this machine",
        ],
    )
    .await;
}

#[tokio::test]
async fn one_for_another_host_is_refused_with_its_names() {
    let change = |params: &mut CertificateParams| {
        params.subject_alt_names = CertificateParams::new(vec!["login.other.example".to_owned()])
            .unwrap()
            .subject_alt_names;
    };
    bad(
        change,
        &[
            "it is for another host",
            "login.other.example",
            "RegionHost",
        ],
    )
    .await;
}

#[tokio::test]
async fn one_that_is_for_clients_is_refused() {
    let change = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    bad(change, &["not issued for a server"]).await;
}

#[tokio::test]
async fn one_that_nobody_trusted_vouches_for_is_refused() {
    let (trusted, other) = (authority("trusted"), authority("other"));
    let words = [
        "no authority that is trusted here",
        "AdvancedSettings.Trust",
        "file:PATH",
    ];
    // Of an unknown authority, with and without that in the chain; self-signed.
    let key = KeyPair::generate().unwrap();
    let leaf = good().signed_by(&key, &other).unwrap();
    let own = good().self_signed(&key).unwrap();
    let authority = other.as_ref().der().clone();
    for chain in [
        vec![leaf.der().clone()],
        vec![leaf.der().clone(), authority],
        vec![own.der().clone()],
    ] {
        let server = server(chain, &key, rustls::ALL_VERSIONS).await;
        for trust in [Trust::Platform, Trust::SystemRoots] {
            says(ask_trusting(server.port, trust).await, &words[..2]);
        }
        says(ask(server.port, &trusted.pem()).await, &words);
        assert_eq!(
            server.served.load(Ordering::Relaxed),
            0,
            "the secret was sent"
        );
    }
}

#[tokio::test]
async fn a_broken_chain_is_refused_and_a_whole_one_is_not() {
    let root = authority("trusted");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "between");
    let between = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = good().signed_by(&key, &between).unwrap();
    let whole = vec![leaf.der().clone(), between.as_ref().der().clone()];
    let broken = server(vec![leaf.der().clone()], &key, rustls::ALL_VERSIONS).await;
    says(
        ask(broken.port, &root.pem()).await,
        &["no authority that is trusted", "whole chain"],
    );
    let whole = server(whole, &key, rustls::ALL_VERSIONS).await;
    assert!(matches!(
        ask(whole.port, &root.pem()).await,
        Reply::Token { .. }
    ));
}

#[tokio::test]
async fn one_with_a_false_signature_is_refused() {
    // Two authorities of one name: one signs, the other is trusted.
    let (trusted, forger) = (authority("one name"), authority("one name"));
    let key = KeyPair::generate().unwrap();
    let mut params = good();
    params.use_authority_key_identifier_extension = false;
    let leaf = params.signed_by(&key, &forger).unwrap();
    let server = server(vec![leaf.der().clone()], &key, rustls::ALL_VERSIONS).await;
    says(
        ask(server.port, &trusted.pem()).await,
        &["a signature is wrong"],
    );
}

// ---- what rustls itself would not serve

/// `openssl s_server`, stopped when it goes.
struct OldServer {
    port: u16,
    child: Child,
    directory: TempDir,
}

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The public half of a key that rustls would not take.
struct RsaKey(Vec<u8>);

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

fn openssl(directory: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(directory).stdin(Stdio::null());
    command
}

impl OldServer {
    /// With an RSA key of so many bits, vouched for by `root`.
    fn start(root: &CertifiedIssuer<'_, KeyPair>, bits: u32, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let bits = format!("rsa_keygen_bits:{bits}");
        for words in [
            &[
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                &bits,
                "-out",
                "key.pem",
            ][..],
            &[
                "rsa",
                "-in",
                "key.pem",
                "-RSAPublicKey_out",
                "-outform",
                "DER",
                "-out",
                "public.der",
            ],
        ] {
            let ended = openssl(at).args(words).stderr(Stdio::null()).status();
            assert!(
                ended.is_ok_and(|status| status.success()),
                "openssl is needed: `cargo xtask test` installs it"
            );
        }
        let public = RsaKey(fs::read(at.join("public.der")).unwrap());
        let leaf = good().signed_by(&public, root).unwrap();
        fs::write(at.join("leaf.pem"), leaf.pem()).unwrap();
        let port = free_port();
        let child = openssl(at)
            .args([
                "s_server",
                "-accept",
                &format!("127.0.0.1:{port}"),
                "-cert",
                "leaf.pem",
                "-key",
                "key.pem",
                "-quiet",
            ])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(fs::File::create(at.join("said")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            port,
            child,
            directory,
        };
        let end = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < end,
                "it does not listen ({ended:?}): {}",
                fs::read_to_string(server.directory.path().join("said")).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

#[tokio::test]
async fn one_with_a_weak_key_is_refused() {
    let root = authority("trusted");
    for version in ["-tls1_2", "-tls1_3"] {
        let server = OldServer::start(&root, 1024, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        let words = ["is not trusted", "too weak", "RSA under 2048 bits"];
        says(ask(server.port, &root.pem()).await, &words);
    }
}

#[tokio::test]
async fn a_server_that_speaks_only_tls_1_1_is_refused() {
    let root = authority("trusted");
    let server = OldServer::start(&root, 2048, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    let words = ["offers no TLS that is secure", "TLS 1.2 and 1.3"];
    says(ask(server.port, &root.pem()).await, &words);
}
