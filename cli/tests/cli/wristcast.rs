//! Running the binary: to its end, or beside the test until the test is over.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for something that must happen; a loaded machine never needs it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The JSON on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the binary to its end.
pub(crate) fn wristcast(args: &[&str]) -> Ended {
    Running::start(args).end()
}

/// A command that runs beside the test, and not longer than it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Lines; closed when the command closes its end.
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_command(Command::new(env!("CARGO_BIN_EXE_wristcast")).args(args))
    }

    /// Likewise, with what the command has around it.
    pub(crate) fn start_command(command: &mut Command) -> Self {
        let mut child = piped(command);
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// A command whose stdout nobody reads.
    pub(crate) fn start_unread(args: &[&str]) -> Self {
        let mut child = spawn(args);
        drop(child.stdout.take());
        let stderr = lines(child.stderr.take().unwrap());
        Self { child, stdout: channel().1, stderr }
    }

    /// A command whose files may not grow beyond so many KiB, as on a full disk.
    pub(crate) fn start_with_file_limit(kib: u32, args: &[&str]) -> Self {
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
        let binary = env!("CARGO_BIN_EXE_wristcast");
        let mut child = piped(Command::new("bash").args(["-c", &script, binary]).args(args));
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Ends it as a crash does: at once, with nothing done any more.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The next line on stdout, empty after the last.
    pub(crate) fn line(&mut self) -> String {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => String::new(),
            Err(RecvTimeoutError::Timeout) => panic!("waited in vain for a line"),
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Why it ended too early.
    pub(crate) fn stderr_if_ended(&mut self) -> String {
        match self.child.try_wait() {
            Ok(Some(_)) => rest(&self.stderr),
            _ => String::new(),
        }
    }

    /// Asks it to end, as the system does at shutdown.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends it a signal, `-HUP`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        let code = self.child.wait().unwrap().code().expect("no signal ended it");
        Ended { code, stdout, stderr }
    }
}

fn spawn(args: &[&str]) -> Child {
    piped(Command::new(env!("CARGO_BIN_EXE_wristcast")).args(args))
}

fn piped(command: &mut Command) -> Child {
    command
        .env_remove("WRISTCAST_LOG")
        .env("WRISTCAST_STATE", path("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads all the time: a full pipe would hold the command up.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line + "\n");
        }
    });
    receiver
}

/// Every line until the command closes its end.
fn rest(lines: &Receiver<String>) -> String {
    let end = Instant::now() + PATIENCE;
    let mut text = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => text += &line,
            Err(RecvTimeoutError::Disconnected) => return text,
            Err(RecvTimeoutError::Timeout) => panic!("waited in vain for the end; so far:\n{text}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `condition` gives something.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A UDP port that is free now.
pub(crate) fn free_udp_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port()
}

/// A file that only this test has.
pub(crate) fn file(name: &str, text: &str) -> String {
    let path = path(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Where a file of this name may be written; names are unique over all tests.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}
