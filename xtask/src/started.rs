//! Processes that a command starts, and which end with it: when it is done, when it fails, and when it is interrupted.

use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Failed;

/// Process ids and children of everything that runs at the moment.
static RUNNING: Mutex<Vec<(u32, Child)>> = Mutex::new(Vec::new());

/// From here on, an interrupt (Ctrl-C, SIGTERM, a closed terminal) ends what was started, then this program.
pub(crate) fn end_with_this_program() -> Result<(), Failed> {
    ctrlc::set_handler(|| {
        // On a terminal, the children have had the same interrupt: give them a moment to finish by themselves.
        let until = Instant::now() + Duration::from_secs(2);
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, child) in running.iter_mut() {
            while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            end(child);
        }
        std::process::exit(130);
    })
    .map_err(|error| Failed::new(format!("cannot listen for interrupts: {error}")))
}

/// A process that is ended when this value is dropped.
#[derive(Debug)]
pub(crate) struct Started {
    id: u32,
    name: String,
}

impl Started {
    /// Starts it. `before` gets the child, to take its pipes.
    pub(crate) fn new<T>(
        command: &mut Command,
        before: impl FnOnce(&mut Child) -> T,
    ) -> Result<(Self, T), Failed> {
        let name = command.get_program().to_string_lossy().into_owned();
        // Held while it starts, so that an interrupt cannot fall between the start and the entry in the list.
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = command
            .spawn()
            .map_err(|error| Failed::new(format!("cannot start {name}: {error}")))?;
        let taken = before(&mut child);
        let id = child.id();
        running.push((id, child));
        Ok((Self { id, name }, taken))
    }

    /// Waits until it has ended by itself, no longer than `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> Result<ExitStatus, Failed> {
        let until = Instant::now() + limit;
        loop {
            let state = self.with(Child::try_wait);
            match state {
                Some(Ok(Some(status))) => return Ok(status),
                Some(Ok(None)) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Some(Ok(None)) => {
                    return Err(Failed::new(format!(
                        "{} did not end within {} s",
                        self.name,
                        limit.as_secs()
                    )));
                }
                Some(Err(error)) => {
                    return Err(Failed::new(format!(
                        "cannot wait for {}: {error}",
                        self.name
                    )));
                }
                None => return Err(Failed::new(format!("{} was ended", self.name))),
            }
        }
    }

    /// How it ended, if it has ended by itself.
    pub(crate) fn ended(&self) -> Result<Option<ExitStatus>, Failed> {
        match self.with(Child::try_wait) {
            Some(Ok(ended)) => Ok(ended),
            Some(Err(error)) => Err(Failed::new(format!(
                "cannot look after {}: {error}",
                self.name
            ))),
            None => Err(Failed::new(format!("{} was ended", self.name))),
        }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Child) -> T) -> Option<T> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .iter_mut()
            .find(|(id, _)| *id == self.id)
            .map(|(_, child)| f(child))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = running.iter().position(|(id, _)| *id == self.id) {
            let (_, mut child) = running.swap_remove(place);
            drop(running);
            end(&mut child);
        }
    }
}

fn end(child: &mut Child) {
    // Either fails only if the process is gone already.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_started_ends_with_its_value() {
        let (sleeper, id) =
            Started::new(Command::new("sleep").arg("600"), |child| child.id()).expect("started");
        assert!(sleeper.wait(Duration::ZERO).is_err(), "it should still run");
        drop(sleeper);
        let gone = Command::new("kill")
            .args(["-0", &id.to_string()])
            .status()
            .expect("kill");
        assert!(!gone.success(), "process {id} outlived its owner");
    }
}
