//! Where the C and C++ programs of this directory are built and run.
//!
//! Knows: how to compile them, which library they load, and that a program that hangs must be ended. Does not know what
//! they promise. The files that are built elsewhere come by environment variables, which `cargo xtask test` sets; see
//! README.md beside this file.
#![allow(dead_code, reason = "every test binary uses its part")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;

/// How the programs are built and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// As they are.
    Plain,
    /// Host and library with AddressSanitizer, leaks included; the host with UndefinedBehaviorSanitizer too.
    Asan,
    /// Under valgrind's memcheck.
    Valgrind,
    /// Host and library for Windows, under wine.
    Wine,
}

/// A directory for one test: programs, settings, what they write.
pub(crate) struct Workshop {
    directory: TempDir,
    lane: Lane,
    library: PathBuf,
}

/// What a program that came to its end has said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workshop {
    /// A workshop whose programs load the library of that lane.
    pub(crate) fn new(lane: Lane) -> Self {
        let library = match lane {
            Lane::Plain | Lane::Valgrind => library(),
            Lane::Asan => built("GCA_LIBRARY_ASAN"),
            Lane::Wine => kit("genesys_cloud_adapter.dll"),
        };
        Self::with(lane, library)
    }

    /// A workshop whose programs load this library.
    pub(crate) fn with(lane: Lane, library: PathBuf) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        if lane == Lane::Wine {
            // Windows looks for libraries beside the program.
            let shim = "bcryptprimitives.dll";
            std::fs::copy(kit(shim), directory.path().join(shim)).expect("a copy");
        }
        Self {
            directory,
            lane,
            library,
        }
    }

    /// The same workshop with another library.
    pub(crate) fn loading(mut self, library: PathBuf) -> Self {
        self.library = library;
        self
    }

    /// A file of this workshop.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The library under test, as an argument.
    pub(crate) fn library(&self) -> String {
        self.argument(&self.library)
    }

    /// A path as an argument of a program in this lane. Under wine the whole file system is a drive.
    pub(crate) fn argument(&self, path: &Path) -> String {
        match self.lane {
            Lane::Plain | Lane::Asan | Lane::Valgrind => shown(path),
            Lane::Wine => format!("Z:{}", shown(path)).replace('/', "\\"),
        }
    }

    /// Compiles `tests/cpp/<name>` and the other sources to a program, with warnings as errors.
    pub(crate) fn program(&self, name: &str, more: &[&str]) -> PathBuf {
        self.linked_program(name, more, None)
    }

    /// The same, linked with a library.
    pub(crate) fn linked_program(
        &self,
        name: &str,
        more: &[&str],
        library: Option<&Path>,
    ) -> PathBuf {
        let file = Path::new(name).file_stem().expect("a file");
        let mut to = self.directory.path().join(file);
        let mut sources = vec![name];
        sources.extend(more);
        let last: &[&str] = if self.lane == Lane::Wine {
            to.set_extension("exe");
            &["-pthread", "-static", "-lversion", "-lpsapi", "-lcrypt32"]
        } else {
            &["-pthread", "-ldl"]
        };
        let library = library.map(shown);
        let last: Vec<&str> = library
            .as_deref()
            .into_iter()
            .chain(last.iter().copied())
            .collect();
        self.compile(&to, &sources, &last);
        to
    }

    /// Compiles sources to a library that can be loaded.
    pub(crate) fn plugin(&self, name: &str) -> PathBuf {
        let to = self.path(&format!("{name}.so"));
        self.compile(&to, &[name], &["-shared", "-fPIC"]);
        to
    }

    fn compile(&self, to: &Path, sources: &[&str], last: &[&str]) {
        let mut compiler = match self.lane {
            Lane::Plain | Lane::Asan | Lane::Valgrind => compiler(sources[0]),
            // Of mingw's two the ones with POSIX threads, which the programs use.
            Lane::Wine => compiler_of(sources[0], "x86_64-w64-mingw32-", "-posix"),
        };
        if self.lane == Lane::Asan {
            compiler.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        compiler.args(["-g", "-O1", "-o"]).arg(to);
        compiler.args(sources.iter().map(|source| here().join(source)));
        compiler.args(last);
        let done = compiler.output().expect("a C++ compiler: install g++");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// Runs a program in this lane and expects a good end.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> String {
        let ended = self.attempt(program, arguments);
        assert!(
            ended.status.success(),
            "{} {arguments:?}: {}\n{}\n{}",
            program.display(),
            ended.status,
            ended.stdout,
            ended.stderr
        );
        ended.stdout
    }

    /// Runs a program in this lane to any end.
    pub(crate) fn attempt(&self, program: &Path, arguments: &[&str]) -> Ended {
        let mut command = match self.lane {
            Lane::Valgrind => {
                let mut valgrind = Command::new("valgrind");
                valgrind.args([
                    "--quiet",
                    "--error-exitcode=99",
                    "--leak-check=full",
                    "--errors-for-leak-kinds=definite",
                    "--show-leak-kinds=definite",
                    "--fair-sched=yes",
                    concat!(
                        "--suppressions=",
                        env!("CARGO_MANIFEST_DIR"),
                        "/tests/cpp/valgrind.supp"
                    ),
                ]);
                valgrind.arg(program);
                valgrind
            }
            Lane::Plain | Lane::Asan => Command::new(program),
            Lane::Wine => {
                let mut wine = Command::new(kit("wine"));
                wine.arg(program);
                wine
            }
        };
        command.args(arguments);
        let mut ended = finish(&mut command, Duration::from_secs(300));
        if self.lane == Lane::Wine {
            // As a program's text files end their lines there.
            ended.stdout = ended.stdout.replace("\r\n", "\n");
        }
        ended
    }

    /// A file of settings for an adapter of that name whose region is a port where nobody listens. `more` is JSON
    /// that continues the object, for example `,"StartupType":"Disabled"`.
    pub(crate) fn settings(&self, name: &str, more: &str) -> String {
        static PORT: OnceLock<u16> = OnceLock::new();
        let port = PORT.get_or_init(free_port);
        self.settings_for(
            name,
            &format!("http://127.0.0.1:{port}"),
            "client",
            "secret",
            more,
        )
    }

    /// A file of settings for a region that is there.
    pub(crate) fn settings_for(
        &self,
        name: &str,
        base_url: &str,
        client_id: &str,
        client_secret: &str,
        more: &str,
    ) -> String {
        let path = self.path(&format!("{name}.json"));
        let text = format!(
            r#"{{"AdapterName":"{name}","DataSource":"Lab","ClientId":"{client_id}","ClientSecret":"{client_secret}","RegionHost":"{base_url}"{more}}}"#
        );
        std::fs::write(&path, text).expect("settings");
        self.argument(&path)
    }
}

/// A region that runs until it is dropped.
pub(crate) struct Region {
    process: Child,
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl Region {
    /// Starts a small, busy region on a free port and waits until it is ready.
    pub(crate) fn start() -> Self {
        let mut process = Command::new(built("GCA_REGION"))
            .args(["--port", "0", "--users", "20", "--queues", "3"])
            .args(["--calls-per-minute", "240", "--seed", "7"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the region starts");
        let stdout = process.stdout.take().expect("its output");
        let mut region = Self {
            process,
            base_url: String::new(),
            client_id: String::new(),
            client_secret: String::new(),
        };
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            let _ = send.send(lines.next());
            lines.for_each(drop);
        });
        let line = receive
            .recv_timeout(Duration::from_secs(30))
            .expect("the region is ready in 30 s")
            .expect("a line")
            .expect("readable");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let text = |key: &str| ready[key].as_str().expect(key).to_owned();
        region.base_url = text("base_url");
        region.client_id = text("client_id");
        region.client_secret = text("client_secret");
        region
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The directory of the programs.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cpp")
}

/// A path as an argument.
pub(crate) fn shown(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// The compiler for a source, with the project's warnings.
pub(crate) fn compiler(source: &str) -> Command {
    compiler_of(source, "", "")
}

fn compiler_of(source: &str, before: &str, behind: &str) -> Command {
    let (program, standard) = if source.ends_with(".c") {
        ("gcc", "-std=c11")
    } else {
        ("g++", "-std=c++17")
    };
    let mut compiler = Command::new(format!("{before}{program}{behind}"));
    compiler.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    compiler
        .arg("-I")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    compiler
}

/// What `cargo xtask test` has built and told by an environment variable.
pub(crate) fn built(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => panic!("{variable} is not set; run: cargo xtask test"),
    }
}

/// A file of what was built for Windows.
pub(crate) fn kit(name: &str) -> PathBuf {
    built("GCA_WINDOWS").join(name)
}

/// The library that hosts load: `GCA_LIBRARY`, or one that is built here.
pub(crate) fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = std::env::var_os("GCA_LIBRARY") {
        return PathBuf::from(path);
    }
    BUILT
        .get_or_init(|| {
            // A target directory of its own: the file name is the same for every flavour of the library.
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("library");
            let built = Command::new(env!("CARGO"))
                .args(["rustc", "--lib", "--crate-type", "cdylib", "--target-dir"])
                .arg(&target)
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .output()
                .expect("cargo");
            assert!(
                built.status.success(),
                "{}",
                String::from_utf8_lossy(&built.stderr)
            );
            target.join("debug/libgenesys_cloud_adapter.so")
        })
        .clone()
}

/// Runs a program to its end; one that does not come to it in time is killed, and that is a failure.
pub(crate) fn finish(command: &mut Command, limit: Duration) -> Ended {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let status = wait(&mut child, limit);
    let (stdout, stderr) = (
        stdout.join().unwrap_or_default(),
        stderr.join().unwrap_or_default(),
    );
    match status {
        Some(status) => Ended {
            status,
            stdout,
            stderr,
        },
        None => panic!("{command:?} hangs after {limit:?}\n{stdout}\n{stderr}"),
    }
}

/// Waits for the end of a process; kills it when the time is up, and then tells `None`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("a process of ours") {
            return Some(status);
        }
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
