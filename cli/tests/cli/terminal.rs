//! A terminal that is closed, as an operator's ssh is, while the relay it was started from runs.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{self, OpenptFlags};

use crate::run::show;
use crate::wristcast::{eventually, file, free_udp_port};

/// A relay on a terminal of its own.
struct OnTerminal {
    child: Child,
    api: String,
    terminal: File,
}

impl OnTerminal {
    fn start(name: &str, more: &[&str]) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let api = free.local_addr().unwrap().to_string();
        drop(free);
        let show = show(free_udp_port(), free_udp_port()).replace("127.0.0.1:0", &api);
        let show = file(&format!("{name}.toml"), &show);

        let terminal =
            pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        pty::grantpt(&terminal).unwrap();
        pty::unlockpt(&terminal).unwrap();
        let path = pty::ptsname(&terminal, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let end: OwnedFd = rustix::fs::open(path, flags, Mode::empty()).unwrap();
        let stdio = || Stdio::from(end.try_clone().unwrap());
        let child = Command::new(env!("CARGO_BIN_EXE_wristcast"))
            .args([&["run", &show], more].concat())
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        Self { child, api, terminal: terminal.into() }
    }

    /// Reads the terminal until these words were on it.
    fn until_it_says(&mut self, words: &str) {
        let mut said = Vec::new();
        while !String::from_utf8_lossy(&said).contains(words) {
            let mut piece = [0; 4096];
            let read = self.terminal.read(&mut piece).unwrap();
            said.extend_from_slice(&piece[..read]);
        }
    }

    fn threads(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let name = |task: std::io::Result<fs::DirEntry>| {
            fs::read_to_string(task.ok()?.path().join("comm")).ok()
        };
        tasks.filter_map(name).map(|name| name.trim().to_owned()).collect()
    }

    /// The terminal is closed; the relay goes on, and ends well when it is told to.
    fn leave_and_end(self) {
        let Self { mut child, api, terminal } = self;
        drop(terminal);
        let status = ureq::get(format!("http://{api}/api/v1/status")).call();
        assert!(status.is_ok(), "{status:?}");
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let ended = eventually("its end", || child.try_wait().unwrap());
        assert_eq!(ended.code(), Some(0));
    }
}

#[test]
fn a_relay_outlives_the_terminal_it_was_started_from() {
    let mut relay = OnTerminal::start("terminal-closed", &["--log", "debug"]);
    relay.until_it_says("listening: ");
    relay.leave_and_end();
}

#[test]
fn a_monitor_whose_terminal_is_closed_leaves_the_relay_alone() {
    let mut relay = OnTerminal::start("terminal-closed-tui", &["--tui"]);
    relay.until_it_says("\x1b[?1049h");
    eventually("the monitor", || relay.threads().contains(&"tui".to_owned()).then_some(()));
    let null = File::open("/dev/null").unwrap();
    drop(std::mem::replace(&mut relay.terminal, null));
    eventually("its end", || (!relay.threads().contains(&"tui".to_owned())).then_some(()));
    relay.leave_and_end();
}
