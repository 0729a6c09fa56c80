//! From the group table to the bands: what a publication costs, how long a hand-off takes, and what
//! share of a core a crowd of simulated bands needs.
//!
//! Beside the lane, in the same run, what one would take instead: a copy into plain memory (the
//! least possible, one thread only) and a `Mutex<Vec<u64>>` with a `Condvar`.

use std::hint::black_box;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wristcast_core::config::SimulatedConfig;
use wristcast_core::lane::{self, LaneReader, LaneWriter, Stamp};
use wristcast_core::look::Look;
use wristcast_core::radio::LaneWaker;
use wristcast_core::radio::dispatch::Dispatch;
use wristcast_core::radio::simulated::SimulatedRadio;
use wristcast_core::table::GroupTable;
use wristcast_core::time::Time;

fn stamp(sequence: u64) -> Stamp {
    Stamp { sequence, ..Stamp::default() }
}

fn look(step: u64) -> Look {
    Look::from_bits(step & 0xFFFF_FFFF)
}

/// Gives every `every`th group another look.
fn change(table: &mut GroupTable, step: u64, every: usize) {
    for group in (0..table.len()).step_by(every) {
        table.set(group, look(step + group as u64));
    }
}

/// The time of `work` alone, without the changes before it.
fn timed(rounds: u64, mut prepare: impl FnMut(u64), mut work: impl FnMut(u64)) -> Duration {
    timed_with(rounds, &mut (), |(), step| prepare(step), |(), step| work(step))
}

fn timed_with<S>(
    rounds: u64,
    state: &mut S,
    mut prepare: impl FnMut(&mut S, u64),
    mut work: impl FnMut(&mut S, u64),
) -> Duration {
    let mut spent = Duration::ZERO;
    for step in 1..=rounds {
        prepare(state, step);
        let start = Instant::now();
        work(state, step);
        spent += start.elapsed();
    }
    spent
}

/// One publication, the reader taking each: what the relay thread pays.
fn publish(c: &mut Criterion) {
    for groups in [64, 1_024, 8_192, 65_536] {
        let mut bench = c.benchmark_group(format!("publish/{groups}_groups"));
        let shares = [("one", groups), ("1_in_100", 100), ("1_in_10", 10), ("all", 1)];
        for (name, every) in shares.into_iter().filter(|(_, every)| *every <= groups) {
            bench.bench_function(BenchmarkId::new("lane", name), |b| {
                let (writer, reader) = lane::channel(groups);
                let mut state = (writer, reader, GroupTable::new(groups));
                b.iter_custom(|rounds| {
                    timed_with(
                        rounds,
                        &mut state,
                        |(_, reader, table), step| {
                            reader.refresh();
                            // Published in the round before.
                            table.clear_changed();
                            change(table, step, every);
                        },
                        |(writer, _, table), step| writer.publish(table, stamp(step)),
                    )
                });
            });
            bench.bench_function(BenchmarkId::new("lane_refresh", name), |b| {
                let (writer, reader) = lane::channel(groups);
                let mut state = (writer, reader, GroupTable::new(groups));
                b.iter_custom(|rounds| {
                    timed_with(
                        rounds,
                        &mut state,
                        |(writer, _, table), step| {
                            change(table, step, every);
                            writer.publish(table, stamp(step));
                            table.clear_changed();
                        },
                        |(_, reader, _), _| assert!(reader.refresh()),
                    )
                });
            });
        }
        let words: Vec<u64> = (0..groups as u64).collect();
        bench.bench_function("plain_copy", |b| {
            let mut copy = vec![0; groups];
            b.iter_custom(|rounds| {
                timed(
                    rounds,
                    |_| (),
                    |_| black_box(&mut copy[..]).copy_from_slice(black_box(&words)),
                )
            });
        });
        bench.bench_function("mutex_copy", |b| {
            let copy = Mutex::new(vec![0; groups]);
            b.iter_custom(|rounds| {
                timed(
                    rounds,
                    |_| (),
                    |_| match copy.lock() {
                        Ok(mut copy) => copy.copy_from_slice(black_box(&words)),
                        Err(poisoned) => panic!("{poisoned}"),
                    },
                )
            });
        });
        bench.finish();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wake_current() -> LaneWaker {
    Waker::from(Arc::new(Unpark(thread::current()))).into()
}

/// Waits for the next table, asleep if it is not there.
fn wait(reader: &mut LaneReader, asleep: bool) -> u64 {
    loop {
        if reader.refresh() {
            return reader.stamp().sequence;
        }
        if !asleep {
            std::hint::spin_loop();
        } else if reader.go_idle() {
            thread::park();
        }
    }
}

const HANDOFF_GROUPS: usize = 1_024;

/// There and back between two threads: two hand-offs, each with a table of 1024 groups of which
/// 32 changed.
fn hand_off(c: &mut Criterion) {
    let mut bench = c.benchmark_group("hand_off_there_and_back");
    for (name, asleep) in [("lane_reader_awake", false), ("lane_reader_asleep", true)] {
        bench.bench_function(name, |b| {
            b.iter_custom(|rounds| {
                let (mut there, mut at_echo) = lane::channel(HANDOFF_GROUPS);
                let (mut echo, mut back) = lane::channel(HANDOFF_GROUPS);
                echo.set_waker(wake_current());
                let (to_main, from_echo) = std::sync::mpsc::channel();
                let thread = thread::spawn(move || {
                    let _ = to_main.send(wake_current());
                    // The reader has the table; it goes back as it came.
                    while wait(&mut at_echo, asleep) < rounds {
                        echo.publish(at_echo.table(), at_echo.stamp());
                    }
                    echo.publish(at_echo.table(), at_echo.stamp());
                });
                if let Ok(waker) = from_echo.recv() {
                    there.set_waker(waker);
                }
                let mut state = (there, GroupTable::new(HANDOFF_GROUPS));
                let spent = timed_with(
                    rounds,
                    &mut state,
                    |(_, table), step| change(table, step, 32),
                    |(there, table): &mut (LaneWriter, GroupTable), step| {
                        there.publish(table, stamp(step));
                        while wait(&mut back, asleep) < step {}
                    },
                );
                let _ = thread.join();
                spent
            });
        });
    }
    bench.bench_function("mutex_condvar", |b| b.iter_custom(mutex_there_and_back));
    bench.finish();
}

/// A table behind a lock, and the number of the newest.
type Locked = Arc<(Mutex<(u64, Vec<u64>)>, Condvar)>;

fn locked() -> Locked {
    Arc::new((Mutex::new((0, vec![0; HANDOFF_GROUPS])), Condvar::new()))
}

fn put(locked: &Locked, step: u64, words: &[u64]) {
    if let Ok(mut table) = locked.0.lock() {
        table.0 = step;
        table.1.copy_from_slice(words);
    }
    locked.1.notify_one();
}

fn take(locked: &Locked, after: u64, words: &mut [u64]) -> u64 {
    let Ok(guard) = locked.0.lock() else { return u64::MAX };
    let newer = locked.1.wait_while(guard, |table| table.0 <= after);
    let Ok(table) = newer else { return u64::MAX };
    words.copy_from_slice(&table.1);
    table.0
}

fn mutex_there_and_back(rounds: u64) -> Duration {
    let (there, back) = (locked(), locked());
    let (at_echo, echo) = (there.clone(), back.clone());
    let thread = thread::spawn(move || {
        let mut words = vec![0; HANDOFF_GROUPS];
        let mut seen = 0;
        while seen < rounds {
            seen = take(&at_echo, seen, &mut words);
            put(&echo, seen, &words);
        }
    });
    let mut words = vec![0; HANDOFF_GROUPS];
    let spent = timed(
        rounds,
        |_| (),
        |step| {
            put(&there, step, &words);
            take(&back, step - 1, &mut words);
        },
    );
    let _ = thread.join();
    spent
}

/// A crowd under a virtual clock: a second of show is a second of one core if it takes a second.
struct Crowd {
    dispatch: Dispatch<SimulatedRadio>,
    table: GroupTable,
    now: Time,
    sequence: u64,
}

impl Crowd {
    fn new(groups: usize, bands_per_group: usize) -> Self {
        let config = SimulatedConfig {
            bands_per_group,
            groups: Vec::new(),
            packets_per_event: 1,
            interval: Duration::from_millis(30),
            loss: 0.02,
            latency: Duration::from_millis(2),
            seed: 1,
        };
        let radio = SimulatedRadio::new(&config, groups);
        let mut dispatch = Dispatch::new("crowd", radio, groups);
        dispatch.start(Time::ZERO, LaneWaker::noop());
        let mut crowd =
            Self { dispatch, table: GroupTable::new(groups), now: Time::ZERO, sequence: 0 };
        crowd.second(1);
        crowd
    }

    /// A second of show at 44 Hz in which every `every`th group moves with every DMX frame.
    fn second(&mut self, every: usize) {
        for _ in 0..44 {
            self.sequence += 1;
            change(&mut self.table, self.sequence, every);
            let stamp = Stamp { arrival: self.now, ..stamp(self.sequence) };
            self.dispatch.handle_table(self.now, &self.table, stamp);
            self.table.clear_changed();
            let end = self.now + Duration::from_nanos(1_000_000_000 / 44);
            while let Some(due) = self.dispatch.poll_timeout().filter(|due| *due <= end) {
                self.dispatch.handle_timeout(due);
            }
            self.now = end;
        }
    }
}

fn crowd(c: &mut Criterion) {
    let mut bench = c.benchmark_group("second_of_show");
    bench.sample_size(20);
    for (groups, bands) in [(1, 10_000), (100, 100), (1_000, 10), (10_000, 1)] {
        for (name, every) in [("all_moving", 1), ("one_group_moving", groups)] {
            let mut crowd = Crowd::new(groups, bands);
            let before = crowd.dispatch.telemetry().counts().sent;
            crowd.second(every);
            let frames = crowd.dispatch.telemetry().counts().sent - before;
            bench.throughput(Throughput::Elements(frames));
            let id = BenchmarkId::new(name, format!("{groups}_groups_of_{bands}_bands"));
            bench.bench_function(id, |b| b.iter(|| crowd.second(every)));
        }
    }
    bench.finish();
}

criterion_group!(benches, publish, hand_off, crowd);
criterion_main!(benches);
