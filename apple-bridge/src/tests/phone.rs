//! A process with a relay that can be stopped and continued: an app, its phone locked and unlocked.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::continuity::silence;
use super::*;

/// Another process with a relay, which does as it is told, line by line.
pub(super) struct Phone {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Phone {
    /// The environment variables that make a test the other process.
    const PORT: &str = "WRISTCAST_TEST_PHONE";
    const SHOW: &str = "WRISTCAST_TEST_PHONE_SHOW";

    /// Whether this process is one.
    pub(super) fn is_this() -> bool {
        std::env::var_os(Self::PORT).is_some()
    }

    /// Runs the test `name` again, as a phone with this show, which listens on `port`.
    pub(super) fn start(name: &str, port: u16, show: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1", "--include-ignored"])
            .env(Self::PORT, port.to_string())
            .env(Self::SHOW, show)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut phone = Self { process, orders, answers };
        phone.answer();
        phone
    }

    pub(super) fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    /// The next answer; what the test harness prints is none.
    pub(super) fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the other process ended");
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim().to_owned();
            }
        }
    }

    /// Orders and waits for the answer.
    pub(super) fn ask(&mut self, order: &str) -> String {
        self.order(order);
        self.answer()
    }

    /// Waits until the process stands still, as it was told to.
    pub(super) fn wait_until_stopped(&self) {
        let mut status = 0;
        // SAFETY: `status` is valid for the length of the call.
        let waited =
            unsafe { libc::waitpid(self.process.id() as i32, &raw mut status, libc::WUNTRACED) };
        assert!(waited > 0 && libc::WIFSTOPPED(status));
    }

    pub(super) fn resume(&self) {
        // SAFETY: signals touch no memory; the process is our child and was not waited for.
        assert_eq!(unsafe { libc::kill(self.process.id() as i32, libc::SIGCONT) }, 0);
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the other process does.
pub(super) fn run() {
    let of = |name| std::env::var(name).unwrap();
    let port: u16 = of(Phone::PORT).parse().unwrap();
    let answer = |text: &str| println!("\nanswer: {text}");
    let relay = BridgeRelay::new();
    relay.start(text(of(Phone::SHOW))).unwrap();
    answer("ready");
    for order in std::io::stdin().lines() {
        match order.unwrap().as_str() {
            order @ ("sleep" | "lose sockets and sleep") => {
                if order != "sleep" {
                    silence(port);
                }
                // SAFETY: signals touch no memory.
                unsafe { libc::raise(libc::SIGSTOP) };
                relay.rebind("the app is back".to_owned()).unwrap();
                answer("awake");
            }
            "report" => {
                let snapshot = relay.snapshot().unwrap().unwrap();
                let (seen, missed) =
                    snapshot.sources.first().map_or((0, 0), |it| (it.seen, it.missed));
                let gaps: Vec<String> = snapshot
                    .gaps
                    .iter()
                    .map(|gap| {
                        format!("{}{}", gap.missed.unwrap(), if gap.exact { "" } else { "?" })
                    })
                    .collect();
                let full = snapshot.packets.kernel_dropped;
                let gaps = gaps.join(",");
                answer(&format!("seen {seen} missed {missed} gaps {gaps} full {full}"));
            }
            _ => answer("what?"),
        }
    }
}
