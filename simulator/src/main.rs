//! The program: a region on a port of this machine, until it is told to stop.
//!
//! Prints one line of JSON when it is ready, and nothing else on standard output.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use gca_region::front::{FrontConfig, serve};
use gca_region::region::RegionConfig;
use gca_region::world::WorldConfig;
use lexopt::prelude::*;

const HELP: &str = "\
gca-region: a Genesys Cloud region on 127.0.0.1, with a seeded contact centre in it

  --port P               port; 0 takes a free one (default 0)
  --users N              users of the organisation
  --queues N             its queues
  --calls-per-minute N   calls that begin in a minute; 0: only those asked for at /_sim/calls
  --seed N               the same seed plays the same calls
  --tls                  https and wss, with a certificate made for this run
  --tls-ca FILE          also write the certificate authority to trust (PEM) to this file
  --pace X               how many times faster than in life calls and agents' days go by (default 10)
  --token-life S         life of tokens (the platform: 300 to 172800, default 86400)
  --channel-life S       life of channels (default 86400)
  --heartbeat-ms N       time between heartbeats (default 30000)
  --rate-limit N         requests per token and minute (default 300)
  --invalid-client N     HTTP status of invalid_client: 400 or 401 (default 400)
  --until-stdin-closes   stop when standard input closes
  --help                 this text

Stops cleanly on SIGTERM and SIGINT; on Windows on Ctrl+C, Ctrl+Break, and when its window is closed. Token, REST and
websocket paths are served with and without a leading /login or /api-root; /_sim/truth, faults, calls, requests, frames, channels,
scripts and switches need no token.
";

#[derive(Debug)]
struct Wanted {
    front: FrontConfig,
    tls_ca: Option<PathBuf>,
    until_stdin_closes: bool,
}

fn main() -> ExitCode {
    let run = || -> Result<(), Box<dyn std::error::Error>> {
        match wanted()? {
            None => {
                print!("{HELP}");
                Ok(())
            }
            Some(wanted) => run(wanted),
        }
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gca-region: {error}. Ask --help for the options.");
            ExitCode::FAILURE
        }
    }
}

/// The command line; `None`: help was asked for.
fn wanted() -> Result<Option<Wanted>, lexopt::Error> {
    let mut region = RegionConfig::new(WorldConfig::default());
    let (mut port, mut tls, mut tls_ca, mut until_stdin_closes) = (0, false, None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = parser.value()?.parse()?,
            Long("users") => region.world.users = parser.value()?.parse()?,
            Long("queues") => region.world.queues = parser.value()?.parse()?,
            Long("calls-per-minute") => {
                region.world.calls_per_minute = parser.value()?.parse_with(rate)?
            }
            Long("seed") => region.world.seed = parser.value()?.parse()?,
            Long("tls") => tls = true,
            Long("tls-ca") => tls_ca = Some(PathBuf::from(parser.value()?)),
            Long("pace") => region.world.pace = parser.value()?.parse_with(positive)?,
            Long("token-life") => region.switches.token_life_s = parser.value()?.parse()?,
            Long("channel-life") => region.switches.channel_life_s = parser.value()?.parse()?,
            Long("heartbeat-ms") => region.switches.heartbeat_ms = parser.value()?.parse()?,
            Long("rate-limit") => region.switches.requests_per_minute = parser.value()?.parse()?,
            Long("invalid-client") => {
                region.switches.refused_client_status = parser.value()?.parse()?
            }
            Long("until-stdin-closes") => until_stdin_closes = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    let front = FrontConfig {
        port,
        tls,
        ..FrontConfig::new(region)
    };
    Ok(Some(Wanted {
        front,
        tls_ca,
        until_stdin_closes,
    }))
}

/// Calls a minute: more than one a millisecond, the region's unit of time, would let no time pass.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=60_000.0).contains(&number) => Ok(number),
        _ => Err("not a number from 0 to 60000".to_owned()),
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("not a number above 0".to_owned()),
    }
}

fn run(wanted: Wanted) -> Result<(), Box<dyn std::error::Error>> {
    let running = serve(wanted.front)?;
    if let (Some(file), Some(authority)) = (&wanted.tls_ca, &running.tls_ca) {
        std::fs::write(file, authority)?;
    }
    // Standard input is read on a thread of its own: a blocking read cannot be given up.
    let (closed, stdin_closed) = tokio::sync::oneshot::channel();
    if wanted.until_stdin_closes {
        std::thread::spawn(move || {
            let mut sink = [0; 256];
            while matches!(std::io::stdin().read(&mut sink), Ok(1..)) {}
            _ = closed.send(());
        });
    } else {
        // Kept open for ever, so that only a signal ends the program.
        std::mem::forget(closed);
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let told_to_stop = told_to_stop()?;
            let mut out = std::io::stdout();
            writeln!(out, "{}", running.ready())?;
            out.flush()?;
            tokio::select! {
                () = told_to_stop => {}
                _ = stdin_closed => {}
            }
            std::io::Result::Ok(())
        })?;
    running.stop();
    Ok(())
}

/// Ends when a person or the system tells the program to. From the call on, not only once it is waited for.
#[cfg(unix)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};

    let (mut interrupt, mut stop, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = stop.recv() => {}
            _ = close.recv() => {}
        }
    })
}
