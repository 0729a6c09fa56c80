//! Start, stop and rebind: often, twice, from several threads, from inside the observer.

use std::sync::Mutex;

use super::*;

#[test]
fn every_call_may_be_made_twice_and_without_a_relay() {
    let relay = BridgeRelay::new();
    relay.stop();
    relay.rebind("nothing there".to_owned()).unwrap();
    relay.set_app_state(AppState::Locked);
    assert_eq!(relay.panic(true), Err(BridgeError::NotRunning));
    assert_eq!(relay.events(0), []);
    let show = show_text(free_port(), SIMULATED);
    relay.start(text(show.clone())).unwrap();
    relay.start(text(show.clone())).unwrap();
    relay.stop();
    relay.stop();
    relay.start(text(show)).unwrap();
    assert!(relay.is_running());
}

#[test]
fn a_wrong_show_file_is_refused_with_line_and_reason() {
    let relay = BridgeRelay::new();
    let error = relay.start(text("name = \"x\"\ncolour = 1\n".to_owned())).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("show.toml:2") && words.contains("colour"), "{words}");
    assert!(!relay.is_running());
}

/// Threads and descriptors of this process that are of relays on these ports.
#[cfg(target_os = "linux")]
fn descriptors_on(ports: [u16; 2]) -> usize {
    let mut inodes = Vec::new();
    for table in ["/proc/self/net/udp", "/proc/self/net/udp6"] {
        let Ok(table) = std::fs::read_to_string(table) else { continue };
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = fields[1].rsplit(':').next().map(|port| u16::from_str_radix(port, 16));
            if port.is_some_and(|port| port.is_ok_and(|port| ports.contains(&port))) {
                inodes.push(fields[9].to_owned());
            }
        }
    }
    inodes.len()
}

/// In a process of its own, because other tests have threads and descriptors, too.
#[cfg(target_os = "linux")]
#[test]
fn two_hundred_cycles_leak_neither_threads_nor_descriptors() {
    const INSIDE: &str = "WRISTCAST_TEST_CYCLES";
    if std::env::var_os(INSIDE).is_none() {
        let itself = std::env::current_exe().unwrap();
        let name = "tests::lifecycle::two_hundred_cycles_leak_neither_threads_nor_descriptors";
        let inside = std::process::Command::new(itself)
            .args(["--exact", name, "--test-threads=1"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        assert!(inside.status.success(), "{}", String::from_utf8_lossy(&inside.stdout));
        return;
    }
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let ports = [free_port(), free_port()];
    let show = show_text(ports[1], SIMULATED);
    let show: String = show
        .lines()
        .map(|line| match line.starts_with("sacn_port") {
            true => format!("sacn_port = {}\n", ports[0]),
            false => format!("{line}\n"),
        })
        .collect();
    let relay = BridgeRelay::new();
    let cycle = || {
        relay.start(text(show.clone())).unwrap();
        relay.rebind("once".to_owned()).unwrap();
        relay.rebind("twice".to_owned()).unwrap();
        assert!(descriptors_on(ports) > 0);
        relay.stop();
        assert_eq!(descriptors_on(ports), 0);
    };
    // What the process keeps once, it keeps after the first.
    cycle();
    let before = (count("task"), count("fd"));
    for _ in 1..200 {
        cycle();
    }
    // An app may let go of a relay that runs, too.
    for _ in 0..5 {
        let forgotten = BridgeRelay::new();
        forgotten.start(text(show.clone())).unwrap();
        drop(forgotten);
        assert_eq!(descriptors_on(ports), 0);
    }
    // A thread that has been joined may be listed for a moment longer.
    eventually("as many threads and descriptors as before", || {
        (count("task") <= before.0 && count("fd") <= before.1).then_some(())
    });
}

#[test]
fn calls_from_several_threads_come_one_after_the_other() {
    let stage = Stage::new(SIMULATED);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (relay, port) = (&stage.relay, stage.port);
            scope.spawn(move || {
                for round in 0..10 {
                    match (n + round) % 4 {
                        0 => relay.stop(),
                        1 => relay.start(text(show_text(port, SIMULATED))).unwrap(),
                        // Stopped meanwhile is an answer, too.
                        2 => drop(relay.rebind("again".to_owned())),
                        _ => drop(relay.snapshot()),
                    }
                }
            });
        }
    });
    stage.relay.stop();
    assert!(!stage.relay.is_running());
}

/// What an observer was told.
#[derive(Default)]
struct Diary {
    events: Mutex<Vec<String>>,
    /// Stopped when the app is told that it is locked.
    stops: Mutex<Option<Arc<BridgeRelay>>>,
}

impl RelayObserver for Diary {
    fn on_event(&self, event: Event) {
        if event.text.contains("locked")
            && let Some(relay) = self.stops.lock().unwrap().take()
        {
            relay.stop();
        }
        let panics = event.text.contains("background");
        self.events.lock().unwrap().push(event.text);
        assert!(!panics, "an observer that fails");
    }

    fn on_gap(&self, _gap: Gap) {}
}

impl Diary {
    fn has(&self, words: &str) -> bool {
        self.events.lock().unwrap().iter().any(|event| event.contains(words))
    }
}

#[test]
fn an_observer_is_told_what_happens_even_after_it_failed_once() {
    let stage = Stage::new(SIMULATED);
    let diary = Arc::new(Diary::default());
    stage.relay.set_observer(Some(Arc::clone(&diary) as Arc<dyn RelayObserver>));
    stage.relay.set_app_state(AppState::Background);
    eventually("background", || diary.has("in the background").then_some(()));
    stage.relay.rebind("a test".to_owned()).unwrap();
    eventually("rebind", || diary.has("a test").then_some(()));
    stage.relay.set_app_state(AppState::Foreground);
    stage.relay.stop();
    assert!(diary.has("in the foreground"), "what happened before the stop is told before it ends");
}

#[test]
fn an_observer_may_stop_the_relay_it_observes() {
    let stage = Stage::new(SIMULATED);
    let diary = Arc::new(Diary::default());
    *diary.stops.lock().unwrap() = Some(Arc::clone(&stage.relay));
    stage.relay.set_observer(Some(diary));
    stage.relay.set_app_state(AppState::Locked);
    eventually("stopped", || (!stage.relay.is_running()).then_some(()));
}
