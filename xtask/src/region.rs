//! A simulated region that runs while a command needs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use crate::Failed;
use crate::started::Started;

/// A region that is ready.
#[derive(Debug)]
pub(crate) struct Region {
    _process: Started,
    ready: Ready,
}

/// The line of JSON that `gca-region` prints when it is ready.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ready {
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// How long a region may take to be ready, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Region {
    /// Starts a region and waits until it is ready. What it logs goes to the file `log`.
    pub(crate) fn start(
        mut command: Command,
        arguments: &[String],
        log: &Path,
    ) -> Result<Self, Failed> {
        let log = std::fs::File::create(log)
            .map_err(|error| Failed::new(format!("cannot write {}: {error}", log.display())))?;
        command.args(arguments).stdout(Stdio::piped()).stderr(log);
        // Its standard input closes with this program, however that ends.
        command.arg("--until-stdin-closes").stdin(Stdio::piped());
        let (process, stdout) = Started::new(&mut command, |child| child.stdout.take())?;
        let stdout = stdout.ok_or_else(|| Failed::new("the region has no output".to_owned()))?;
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            let _ = send.send(lines.next());
            // Keep reading, so that the region never waits for a full pipe.
            lines.for_each(drop);
        });
        let line = match receive.recv_timeout(PATIENCE) {
            Ok(Some(Ok(line))) => line,
            Ok(_) => {
                return Err(Failed::new(
                    "the region ended before it was ready".to_owned(),
                ));
            }
            Err(_) => return Err(Failed::new("the region was not ready in time".to_owned())),
        };
        let ready = serde_json::from_str(&line).map_err(|error| {
            Failed::new(format!("cannot read the region's first line: {error}"))
        })?;
        Ok(Self {
            _process: process,
            ready,
        })
    }

    /// How to reach it.
    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Asks the region and returns the body of a good answer.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, Failed> {
        self.ask("GET", path, "", "")
    }

    /// Tells the region something as JSON, and returns the body of a good answer.
    pub(crate) fn post(&self, path: &str, body: &str) -> Result<Vec<u8>, Failed> {
        self.ask("POST", path, "Content-Type: application/json\r\n", body)
    }

    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<Vec<u8>, Failed> {
        let asked = || -> std::io::Result<Vec<u8>> {
            let authority = self.ready.base_url.trim_start_matches("http://");
            let authority = authority.trim_end_matches('/');
            let mut stream = TcpStream::connect(authority)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            write!(
                stream,
                "{method} {path} HTTP/1.0\r\nHost: {authority}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
                body.len()
            )?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            Ok(answer)
        };
        let answer =
            asked().map_err(|error| Failed::new(format!("the region on {path}: {error}")))?;
        let end = b"\r\n\r\n";
        let cut = answer.windows(end.len()).position(|bytes| bytes == end);
        let head = answer
            .get(..cut.unwrap_or(answer.len()))
            .unwrap_or_default();
        let status = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        match cut {
            Some(cut) if status.get(8..12) == Some(b" 200") => {
                Ok(answer.get(cut + end.len()..).unwrap_or_default().to_vec())
            }
            _ => Err(Failed::new(format!(
                "the region on {path}: {}",
                String::from_utf8_lossy(status)
            ))),
        }
    }
}
