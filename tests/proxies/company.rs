//! The proxies of a company, as their makers ship them: squid, tinyproxy, mitmproxy and microsocks, each started for one
//! test with a configuration of its own and stopped when it goes, whatever became of the test.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use genesys_cloud_adapter::settings::{Proxy, ProxyProtocol};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::ports::free_port;

/// Where these proxies come from when they go on: the region lets only this address in.
pub(crate) const OUTSIDE: &str = "127.0.0.2";

/// Of the proxies that ask for them.
pub(crate) const USER: &str = "recorder";
pub(crate) const PASSWORD: &str = "CANARY-proxy-password";

/// `openssl passwd -apr1` of the password.
const HASHED: &str = "$apr1$recorder$1Q69tThUX8Ru6uWNRpdSm1";

/// Longer than any of them takes to start on a machine with much to do.
const PATIENCE: Duration = Duration::from_secs(90);

/// A proxy that runs.
pub(crate) struct Running {
    pub(crate) port: u16,
    protocol: ProxyProtocol,
    child: Child,
    directory: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        // The helpers of a proxy are in its group.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
        // What squid shares between its processes outlives a kill.
        let name = service(self.port);
        for shared in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if shared.file_name().to_string_lossy().starts_with(&name) {
                let _ = fs::remove_file(shared.path());
            }
        }
    }
}

/// What squid's shared memory is named after: two squids of one name take each other's away while they start.
fn service(port: u16) -> String {
    format!("company{port}x")
}

impl Running {
    /// Without credentials.
    pub(crate) fn plain(&self) -> Proxy {
        Proxy {
            protocol: self.protocol,
            host: "127.0.0.1".to_owned(),
            port: self.port,
            credentials: None,
            bypass: Vec::new(),
        }
    }

    /// With credentials.
    pub(crate) fn with(&self, user: &str, password: &str) -> Proxy {
        Proxy {
            credentials: Some((user.to_owned(), SecretString::from(password))),
            ..self.plain()
        }
    }

    pub(crate) fn known(&self) -> Proxy {
        self.with(USER, PASSWORD)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn start(
        protocol: ProxyProtocol,
        directory: TempDir,
        port: u16,
        command: &mut Command,
    ) -> Self {
        let log = directory.path().join("said");
        let said = fs::File::create(&log).unwrap();
        let child = command
            .current_dir(directory.path())
            .env("PATH", path())
            .env("HOME", directory.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{command:?} cannot be started ({error}): `cargo xtask test` installs it")
            });
        let mut running = Self {
            port,
            protocol,
            child,
            directory,
        };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = running.child.try_wait().unwrap();
            let mut text = String::new();
            fs::File::open(&log)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert!(
                ended.is_none() && Instant::now() < end,
                "{command:?} does not listen ({ended:?}): {text}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        running
    }
}

/// The administrators' programs are not in everyone's path.
fn path() -> String {
    format!(
        "{}:/usr/sbin:/sbin",
        std::env::var("PATH").unwrap_or_default()
    )
}

/// A directory that a program may read under another account.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

/// What squid is told beside the usual.
#[derive(Default)]
pub(crate) struct Squid<'a> {
    pub(crate) wants_user: bool,
    /// A quiet tunnel is cut after so many seconds.
    pub(crate) idle_s: Option<u32>,
    /// A name that only this proxy can look up; it is on loopback.
    pub(crate) knows: Option<&'a str>,
    /// A port that it makes no tunnels to.
    pub(crate) denies_port: Option<u16>,
}

pub(crate) fn squid(wanted: &Squid<'_>) -> Running {
    let directory = directory();
    let port = free_port();
    let at = directory.path().display();
    let mut rules = String::new();
    if let Some(denied) = wanted.denies_port {
        rules += &format!("acl denied port {denied}\nhttp_access deny denied\n");
    }
    if wanted.wants_user {
        write(directory.path(), "users", &format!("{USER}:{HASHED}\n"));
        rules += &format!(
            "auth_param basic program /usr/lib/squid/basic_ncsa_auth {at}/users\nauth_param basic realm company\n\
             acl known proxy_auth REQUIRED\nhttp_access allow CONNECT known\n"
        );
    } else {
        rules += "http_access allow CONNECT\n";
    }
    if let Some(idle) = wanted.idle_s {
        rules += &format!("read_timeout {idle} seconds\n");
    }
    let hosts = wanted
        .knows
        .map_or(String::new(), |name| format!("127.0.0.1 {name}\n"));
    write(directory.path(), "hosts", &hosts);
    // Names are looked up nowhere else: whoever asks on this port is refused.
    let conf = format!(
        "http_port 127.0.0.1:{port}\nvisible_hostname proxy.test\ntcp_outgoing_address {OUTSIDE}\n\
         hosts_file {at}/hosts\ndns_nameservers 127.0.0.1\ndns_timeout 1 second\ndns_retransmit_interval 1 second\n\
         acl CONNECT method CONNECT\n{rules}http_access deny all\n\
         cache deny all\ncache_mem 1 MB\nmemory_pools off\naccess_log none\ncache_log {at}/cache.log\n\
         pid_filename {at}/squid.pid\ncoredump_dir {at}\npinger_enable off\nshutdown_lifetime 0 seconds\n\
         max_filedescriptors 1024\n"
    );
    let conf = write(directory.path(), "squid.conf", &conf);
    let mut command = Command::new("squid");
    let name = service(port);
    command.args(["-N", "-n", &name, "-d", "1", "-f"]).arg(conf);
    Running::start(ProxyProtocol::Http, directory, port, &mut command)
}

pub(crate) fn tinyproxy(wants_user: bool, idle_s: u32, allows_port: u16) -> Running {
    let directory = directory();
    let port = free_port();
    let user = if wants_user {
        format!("BasicAuth {USER} {PASSWORD}\n")
    } else {
        String::new()
    };
    let conf = format!(
        "Port {port}\nListen 127.0.0.1\nBind {OUTSIDE}\nTimeout {idle_s}\nMaxClients 20\nAllow 127.0.0.1\n\
         ConnectPort {allows_port}\n{user}"
    );
    let conf = write(directory.path(), "tinyproxy.conf", &conf);
    let mut command = Command::new("tinyproxy");
    command.arg("-d").arg("-c").arg(conf);
    Running::start(ProxyProtocol::Http, directory, port, &mut command)
}

/// What a proxy that inspects TLS does to the wish for a websocket.
#[derive(Clone, Copy)]
pub(crate) enum Wish {
    /// Hands it on.
    Passes,
    /// Takes the wish away and hands the rest on, as a proxy that knows no websockets.
    IsTakenAway,
    /// Answers with a page of its own.
    IsForbidden,
    /// Ends the connection.
    IsCut,
}

impl Wish {
    /// For mitmproxy, in Python.
    fn script(self) -> String {
        let act = match self {
            Self::Passes => "pass",
            Self::IsTakenAway => {
                "del flow.request.headers['upgrade']; flow.request.headers['connection'] = 'close'"
            }
            Self::IsForbidden => {
                "flow.response = http.Response.make(403, b'<h1>Blocked by company policy</h1>')"
            }
            Self::IsCut => "flow.kill()",
        };
        format!(
            "from mitmproxy import http\ndef request(flow):\n    if 'upgrade' in flow.request.headers:\n        {act}\n"
        )
    }
}

/// Inspects TLS with a root of its own, `mitmproxy-ca-cert.pem`; trusts `upstream` (PEM).
pub(crate) fn mitmproxy(wants_user: bool, upstream: &str) -> Running {
    inspecting(wants_user, upstream, Wish::Passes)
}

/// The same, with a way of its own with websockets.
pub(crate) fn inspecting(wants_user: bool, upstream: &str, wish: Wish) -> Running {
    let directory = directory();
    let port = free_port();
    let trusted = write(directory.path(), "upstream.pem", upstream);
    let mut command = Command::new("mitmdump");
    command
        .args([
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            &port.to_string(),
        ])
        .arg("--set")
        .arg(format!("confdir={}", directory.path().display()))
        .arg("--set")
        .arg(format!(
            "ssl_verify_upstream_trusted_ca={}",
            trusted.display()
        ))
        .args(["--set", "http2=false"])
        .arg("--scripts")
        .arg(write(directory.path(), "wish.py", &wish.script()));
    if wants_user {
        command
            .arg("--set")
            .arg(format!("proxyauth={USER}:{PASSWORD}"));
    }
    Running::start(ProxyProtocol::Http, directory, port, &mut command)
}

pub(crate) fn microsocks(wants_user: bool) -> Running {
    let directory = directory();
    let port = free_port();
    let mut command = Command::new("microsocks");
    command.args(["-i", "127.0.0.1", "-b", OUTSIDE, "-p", &port.to_string()]);
    if wants_user {
        command.args(["-u", USER, "-P", PASSWORD]);
    }
    Running::start(ProxyProtocol::Socks5, directory, port, &mut command)
}
