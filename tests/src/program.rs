//! Running a program with a deadline, and what it used.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a program may run unless a test says otherwise: generous, only against hanging.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// The built program: where `BROOKLET` says, else beside the tests' own folder.
pub fn brooklet() -> Command {
    let built = || {
        let test = std::env::current_exe().unwrap_or_default();
        let folder = test.parent().and_then(|deps| deps.parent()).map(PathBuf::from).unwrap_or_default();
        folder.join("brooklet")
    };
    let path = std::env::var_os("BROOKLET").map_or_else(built, PathBuf::from);
    assert!(path.exists(), "{} is not built: cargo build --package brooklet-cli", path.display());
    Command::new(path)
}

/// Runs the program with these words to its end, with nothing on its standard input.
pub fn run<S: AsRef<str>>(words: &[S]) -> Run {
    let mut command = brooklet();
    command.args(words.iter().map(AsRef::as_ref));
    finish(&mut command, DEADLINE)
}

/// Runs any command to its end; ends it, and fails the test, when it takes longer than `deadline`.
pub fn finish(command: &mut Command, deadline: Duration) -> Run {
    Running::start(command).finish(deadline)
}

/// What a program said and used.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error, as text.
    pub stderr: String,
    /// The most memory that it had, bytes; sampled every 10 ms.
    pub peak_memory: u64,
    /// From start to end.
    pub elapsed: Duration,
}

impl Run {
    /// The run, where it ended well; else the test fails with what it said.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.status.success(), "{}\n{}", self.status, self.stderr);
        self
    }

    /// The standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A program that runs. It is ended when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    name: String,
    output: Option<JoinHandle<Vec<u8>>>,
    errors: Option<JoinHandle<Vec<u8>>>,
    started: Instant,
    peak_memory: u64,
}

impl Running {
    /// Starts a command; its output is gathered, its standard input is empty unless the command says otherwise.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command.stdin(Stdio::null()))
    }

    /// The same, with the standard input that the command was given.
    #[track_caller]
    pub fn start_with(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{name}: {error}"));
        let output = child.stdout.take().map(gather);
        let errors = child.stderr.take().map(gather);
        Self { child, name, output, errors, started: Instant::now(), peak_memory: 0 }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input, where it was piped.
    pub fn stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Memory that it has now, bytes.
    pub fn memory(&self) -> u64 {
        status_field(self.id(), "VmRSS:")
    }

    /// Sends it a signal by name, `INT` or `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name} of {}", self.name);
    }

    /// Waits for its end; ends it, and fails the test, when that takes longer than `deadline` from now.
    #[track_caller]
    pub fn finish(self, deadline: Duration) -> Run {
        match self.finish_within(deadline) {
            Ok(run) => run,
            Err(said) => panic!("{said}"),
        }
    }

    /// Waits for its end; ends it when that takes longer than `deadline` from now, and tells what it had said.
    ///
    /// # Errors
    ///
    /// Where it did not end in time.
    pub fn finish_within(mut self, deadline: Duration) -> Result<Run, String> {
        let until = Instant::now() + deadline;
        let status = loop {
            self.peak_memory = self.peak_memory.max(status_field(self.id(), "VmHWM:"));
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
                _ => {
                    self.end();
                    let said = self.said();
                    return Err(format!("{} did not end within {deadline:?}:\n{said}", self.name));
                }
            }
        };
        Ok(Run {
            status,
            stdout: self.output.take().map(join).unwrap_or_default(),
            stderr: self.said(),
            peak_memory: self.peak_memory,
            elapsed: self.started.elapsed(),
        })
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn said(&mut self) -> String {
        self.errors
            .take()
            .map(|errors| String::from_utf8_lossy(&join(errors)).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn gather(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        let _: io::Result<usize> = from.read_to_end(&mut all);
        all
    })
}

fn join(thread: JoinHandle<Vec<u8>>) -> Vec<u8> {
    thread.join().unwrap_or_default()
}

/// A size in `/proc/ID/status`, bytes; 0 where there is none.
fn status_field(id: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
