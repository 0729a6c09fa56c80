//! The first user's test at full length: packets at a steady pace, the phone locked for half a
//! minute. The process stands still by SIGSTOP; what became of its sockets differs.
//!
//! iOS takes the sockets: what is sent meanwhile is gone. Linux keeps them and what comes in, as
//! far as the buffer goes. Whichever it is: what was seen and what was missed is what was sent.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;

use super::phone::{self, Phone};
use super::*;

/// How long the phone is locked.
const LOCKED: Duration = Duration::from_secs(30);

/// A console that sends at its pace until it is stopped, on a thread of its own.
struct Console {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    /// Packets in a row that went out on time.
    on_time: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Console {
    fn start(mut stage: Stage, pace: Duration) -> Self {
        let (stop, sent, on_time) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let told = (Arc::clone(&stop), Arc::clone(&sent), Arc::clone(&on_time));
        let thread = std::thread::spawn(move || {
            let (stop, sent, on_time) = told;
            let mut due = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                stage.send([9, 9, 9, 0]);
                sent.store(stage.sent, Ordering::Relaxed);
                due += pace;
                while let Some(left) = due.checked_duration_since(Instant::now()) {
                    std::thread::park_timeout(left);
                }
                let late = due.elapsed() > pace / 4;
                let streak = if late { 0 } else { on_time.load(Ordering::Relaxed) + 1 };
                on_time.store(streak, Ordering::Relaxed);
            }
        });
        Self { stop, sent, on_time, thread }
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends it; how many it has sent.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}

/// What the phone reports after it was locked: seen, missed, the gaps, dropped by a full buffer.
struct Report {
    sent: u64,
    sent_locked: u64,
    seen: u64,
    missed: u64,
    gaps: String,
    full: u64,
}

/// Locks a phone for half a minute while a console sends; `order` says how it is locked, `network`
/// is of its show.
fn lock_a_phone(name: &str, pace: Duration, order: &str, network: &str) -> Option<Report> {
    if Phone::is_this() {
        phone::run();
        return None;
    }
    let stage = Stage::new("");
    stage.relay.stop();
    let show = show_text(stage.port, SIMULATED);
    let show = show.replace("[network]", &format!("[network]\n{network}"));
    let mut phone = Phone::start(&format!("tests::suspension::{name}"), stage.port, &show);
    let console = Console::start(stage, pace);
    // Where the numbers run round meanwhile the pace tells how often: it has to be one.
    let steady = if pace < Duration::from_millis(100) { 20 } else { 5 };
    eventually("a steady console", || {
        (console.on_time.load(Ordering::Relaxed) >= steady).then_some(())
    });
    phone.order(order);
    phone.wait_until_stopped();
    let locked_at = console.sent();
    let until = Instant::now() + LOCKED;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
    let sent_locked = console.sent() - locked_at;
    phone.resume();
    assert_eq!(phone.answer(), "awake");
    let back_at = console.sent();
    eventually("some more packets", || (console.sent() >= back_at + 3).then_some(()));
    let sent = console.stop();
    let number = |text: &str, name: &str| {
        let mut words = text.split(' ').skip_while(|word| *word != name);
        words.nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0)
    };
    let text = eventually("every packet is accounted for", || {
        let text = phone.ask("report");
        (number(&text, "seen") + number(&text, "missed") >= sent).then_some(text)
    });
    let gaps = text.split_once("gaps ").map_or("", |(_, rest)| rest);
    let gaps = gaps.split_once(" full").map_or("", |(gaps, _)| gaps).to_owned();
    let [seen, missed, full] = ["seen", "missed", "full"].map(|name| number(&text, name));
    Some(Report { sent, sent_locked, seen, missed, gaps, full })
}

const SECOND: Duration = Duration::from_secs(1);

/// 44 Hz.
const FAST: Duration = Duration::from_micros(22_727);

#[test]
#[ignore = "half a minute; a step of CI"]
fn a_packet_a_second_and_sockets_taken_away() {
    let name = "a_packet_a_second_and_sockets_taken_away";
    let Some(report) = lock_a_phone(name, SECOND, "lose sockets and sleep", "") else { return };
    assert_eq!(report.seen + report.missed, report.sent);
    // One more where a packet falls between the loss of the sockets and the stop, or the rebind.
    assert!((report.sent_locked..=report.sent_locked + 2).contains(&report.missed));
    assert_eq!(report.gaps, report.missed.to_string(), "one gap, right to the packet");
}

#[test]
#[ignore = "half a minute; a step of CI"]
fn packets_at_44_hz_and_sockets_taken_away() {
    let name = "packets_at_44_hz_and_sockets_taken_away";
    let Some(report) = lock_a_phone(name, FAST, "lose sockets and sleep", "") else { return };
    assert_eq!(report.seen + report.missed, report.sent, "five rounds of the numbers");
    assert!(report.missed >= report.sent_locked && report.sent_locked > 1200);
    assert_eq!(report.gaps, format!("{}?", report.missed), "the numbers ran round");
}

#[test]
#[ignore = "half a minute; a step of CI"]
fn packets_that_the_system_kept_were_not_missed() {
    let name = "packets_that_the_system_kept_were_not_missed";
    let Some(report) = lock_a_phone(name, SECOND, "sleep", "") else { return };
    assert_eq!(
        (report.seen, report.missed),
        (report.sent, 0),
        "though rebound before they were read"
    );
    assert_eq!((report.gaps.as_str(), report.full), ("", 0));
}

#[test]
#[ignore = "half a minute; a step of CI"]
fn packets_that_found_the_buffer_full_were() {
    let name = "packets_that_found_the_buffer_full_were";
    let small = "receive_buffer_bytes = 65536";
    let Some(report) = lock_a_phone(name, FAST, "sleep", small) else { return };
    assert_eq!(report.seen + report.missed, report.sent);
    assert_eq!(report.missed, report.full, "what the kernel dropped, and nothing else");
    assert!(report.full > 500, "most did not fit");
}
