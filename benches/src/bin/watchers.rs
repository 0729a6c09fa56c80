//! What those who watch cost the light: a real relay, real packets, and real HTTP clients on its live
//! stream. Rounds in turn, so that whatever else the machine does falls on all alike: nobody watches;
//! twenty read the relay; twenty read as many bytes as often from a program that has nothing to do with
//! the relay. The readers are on the relay's machine here, where they take its processors: the third
//! says how much of the second that is.
//!
//! usage: `cargo run --release -p wristcast-benches --bin watchers WRISTCAST [UNIVERSES] [GROUPS]`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wristcast_core::universe::SacnUniverse;
use wristcast_core::wire::sacn::{Cid, DATA_LEN_MAX, DataFields, encode_data};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What this program is called with to be the stranger.
const STRANGER: &str = "--stranger";

const WATCHERS: usize = 20;
/// Rounds of each kind. Medians are told: what else the machine does now and then falls on few of them.
const ROUNDS: usize = 24;
const ROUND: Duration = Duration::from_secs(1);
/// Until those who come have been told the first.
const SETTLES: Duration = Duration::from_millis(300);
/// Of every console.
const RATE_HZ: u32 = 44;

/// Who reads what in a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crowd {
    Nobody,
    OfRelay,
    OfStranger,
}

impl Crowd {
    const ALL: [Self; 3] = [Self::Nobody, Self::OfRelay, Self::OfStranger];

    fn words(self) -> String {
        match self {
            Self::Nobody => "nobody watches".to_owned(),
            Self::OfRelay => format!("{WATCHERS} read the relay"),
            Self::OfStranger => format!("{WATCHERS} read a stranger"),
        }
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().ok_or("usage: watchers WRISTCAST [UNIVERSES] [GROUPS]")?;
    if binary == STRANGER {
        return be_stranger(arguments.next().ok_or("no size")?.parse()?);
    }
    let universes = arguments.next().map_or(Ok(512), |count| count.parse())?;
    let groups = arguments.next().map_or(Ok(4096), |count| count.parse())?;
    let relay = Relay::start(&binary, universes, groups)?;
    let over = Arc::new(AtomicBool::new(false));
    let console = console(relay.sacn, universes, over.clone())?;
    println!(
        "{universes} universes of 512 slots at {RATE_HZ} Hz, every level changes; {groups} groups; \
         rounds of {} s",
        ROUND.as_secs()
    );
    // Until all of them live and the looks flow.
    std::thread::sleep(Duration::from_secs(2));
    let mut rounds: [Vec<Totals>; Crowd::ALL.len()] = std::array::from_fn(|_| Vec::new());
    let mut read_by_each = [(0.0, 0.0); Crowd::ALL.len()];
    let mut stranger: Option<Stranger> = None;
    for round in 0..Crowd::ALL.len() * ROUNDS {
        let crowd = Crowd::ALL[round % Crowd::ALL.len()];
        let from = match crowd {
            Crowd::Nobody => None,
            Crowd::OfRelay => Some(&relay.api),
            Crowd::OfStranger => stranger.as_ref().map(|it| &it.address),
        };
        let come = |from: &String| (0..WATCHERS).map(|_| Watcher::start(from)).collect();
        let watchers: Vec<Watcher> = from.map_or(Ok(Vec::new()), come)?;
        std::thread::sleep(SETTLES);
        let before = relay.totals()?;
        let (read, begun) = (sum(&watchers), Instant::now());
        std::thread::sleep(ROUND);
        let passed = begun.elapsed().as_secs_f64();
        let (bytes, messages) = sum(&watchers);
        rounds[crowd as usize].push(relay.totals()?.since(&before));
        let each = |now: u64, before: u64| (now - before) as f64 / passed / WATCHERS as f64;
        let (bytes, messages) = (each(bytes, read.0), each(messages, read.1));
        if crowd == Crowd::OfRelay && stranger.is_none() {
            stranger = Some(Stranger::start((bytes / messages) as usize)?);
        }
        read_by_each[crowd as usize].0 += bytes / ROUNDS as f64;
        read_by_each[crowd as usize].1 += messages / ROUNDS as f64;
    }
    over.store(true, Ordering::Relaxed);
    let _ = console.join();
    for crowd in Crowd::ALL {
        let (rounds, (bytes, messages)) = (&rounds[crowd as usize], read_by_each[crowd as usize]);
        let packets: f64 = rounds.iter().map(|round| round.accepted).sum();
        let [low, look, high] = quartiles(rounds, |round| round.published);
        let [_, radio, _] = quartiles(rounds, |round| round.handed);
        let dropped: f64 = rounds.iter().map(|round| round.dropped).sum();
        println!(
            "{:20}: {packets:7.0} packets, to the look {look:6.1} µs (half of the rounds {low:.1} to \
             {high:.1}), to the radio {radio:7.1} µs; {dropped} dropped; each reads {:.0} kB/s in \
             {messages:.1} messages/s",
            crowd.words(),
            bytes / 1000.0,
        );
    }
    let [alone, watched, beside] = &rounds;
    for (words, one, other) in [
        (format!("{WATCHERS} who read the relay, against nobody"), watched, alone),
        (format!("{WATCHERS} who read a stranger, against nobody"), beside, alone),
        ("the relay's own part: the first against the second".to_owned(), watched, beside),
    ] {
        let ratio = |of: fn(&Totals) -> Latency| quartiles(one, of)[1] / quartiles(other, of)[1];
        println!(
            "{words}: to the look x{:.3}, to the radio x{:.3}",
            ratio(|round| round.published),
            ratio(|round| round.handed),
        );
    }
    Ok(())
}

/// Of the rounds' means, microseconds: the quartiles, the median in the middle.
fn quartiles(rounds: &[Totals], of: impl Fn(&Totals) -> Latency) -> [f64; 3] {
    let mut means: Vec<f64> = rounds.iter().map(|round| of(round).mean_us()).collect();
    means.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| means[means.len() * quarter / 4])
}

fn sum(watchers: &[Watcher]) -> (u64, u64) {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    watchers.iter().fold((0, 0), |(bytes, messages), watcher| {
        (bytes + of(&watcher.read.0), messages + of(&watcher.read.1))
    })
}

/// A relay in a process of its own.
struct Relay {
    process: Child,
    sacn: u16,
    api: String,
    show: std::path::PathBuf,
}

impl Relay {
    fn start(binary: &str, universes: u16, groups: usize) -> Result<Self> {
        let free = || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?.local_addr();
        let (sacn, artnet) = (free()?.port(), free()?.port());
        let mut show = format!(
            "name = \"Watched\"\n[network]\ninterfaces = [\"127.0.0.1\"]\nsacn_port = {sacn}\n\
             artnet_port = {artnet}\nreceive_buffer_bytes = 16777216\n[http]\nlisten = \"127.0.0.1:0\"\n"
        );
        for group in 0..groups {
            let (universe, place) =
                (1 + group % usize::from(universes), group / usize::from(universes));
            show += &format!(
                "[[group]]\nname = \"g{group}\"\nuniverse = \"sacn/{universe}\"\naddress = {}\n\
                 personality = \"rgb\"\n",
                1 + place * 3 % 510
            );
        }
        show += "[[radio]]\nkind = \"simulated\"\nbands_per_group = 1\n";
        let path =
            std::env::temp_dir().join(format!("wristcast-watchers-{}.toml", std::process::id()));
        std::fs::write(&path, show)?;
        let mut process = Command::new(binary)
            .arg("run")
            .arg(&path)
            .args(["--log", "error", "--status-every", "0s"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        let stdout = process.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut ready)?;
        let api =
            ready.trim().rsplit_once("http://").ok_or("the relay did not start")?.1.to_owned();
        Ok(Self { process, sacn, api, show: path })
    }

    /// What it has counted so far.
    fn totals(&self) -> Result<Totals> {
        let mut stream = TcpStream::connect(&self.api)?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        let stage = |stage: &str| Latency {
            seconds: value(&format!("wristcast_latency_seconds_sum{{stage=\"{stage}\"}}")),
            count: value(&format!("wristcast_latency_seconds_count{{stage=\"{stage}\"}}")),
        };
        Ok(Totals {
            published: stage("published"),
            handed: stage("handed"),
            accepted: value("wristcast_packets_accepted_total"),
            dropped: value("wristcast_packets_kernel_dropped_total"),
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.show);
    }
}

/// A program that sends as much as the relay does, and knows nothing of it.
struct Stranger {
    process: Child,
    address: String,
}

impl Stranger {
    fn start(bytes: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([STRANGER, &bytes.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let stdout = process.stdout.take().ok_or("no stdout")?;
        BufReader::new(stdout).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends everybody who comes a line of so many bytes ten times a second, until it is killed.
fn be_stranger(bytes: usize) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    let mut line = b"data: ".to_vec();
    line.resize(bytes.max(8) - 1, b'x');
    line.push(b'\n');
    let readers = Arc::new(Mutex::new(Vec::<TcpStream>::new()));
    let comers = readers.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            comers.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        }
    });
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let mut readers = readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain_mut(|reader| reader.write_all(&line).is_ok());
    }
}

#[derive(Clone, Copy, Default)]
struct Latency {
    seconds: f64,
    count: f64,
}

impl Latency {
    fn mean_us(&self) -> f64 {
        self.seconds / self.count * 1e6
    }

    fn since(&self, before: &Self) -> Self {
        Self { seconds: self.seconds - before.seconds, count: self.count - before.count }
    }
}

#[derive(Clone, Copy, Default)]
struct Totals {
    published: Latency,
    handed: Latency,
    accepted: f64,
    dropped: f64,
}

impl Totals {
    fn since(&self, before: &Self) -> Self {
        Self {
            published: self.published.since(&before.published),
            handed: self.handed.since(&before.handed),
            accepted: self.accepted - before.accepted,
            dropped: self.dropped - before.dropped,
        }
    }
}

/// A client on the live stream; dropping it hangs up.
struct Watcher {
    stream: TcpStream,
    /// Bytes and messages.
    read: Arc<(AtomicU64, AtomicU64)>,
}

impl Watcher {
    fn start(api: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(api)?;
        stream
            .write_all(b"GET /api/v1/live?universe=sacn/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let read = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
        let (mut lines, counts) = (BufReader::new(stream.try_clone()?), read.clone());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while let Ok(bytes @ 1..) = lines.read_until(b'\n', &mut line) {
                counts.0.fetch_add(bytes as u64, Ordering::Relaxed);
                let is_message = line.starts_with(b"data: ");
                counts.1.fetch_add(u64::from(is_message), Ordering::Relaxed);
                line.clear();
            }
        });
        Ok(Self { stream, read })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Sends every universe at [`RATE_HZ`] until it is over; what is late is sent at once.
fn console(port: u16, universes: u16, over: Arc<AtomicBool>) -> Result<JoinHandle<()>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    let numbers: Vec<SacnUniverse> = (1..=universes).filter_map(SacnUniverse::new).collect();
    Ok(std::thread::spawn(move || {
        let (begun, mut beat) = (Instant::now(), 0_u32);
        let mut packet = [0; DATA_LEN_MAX];
        while !over.load(Ordering::Relaxed) {
            for (index, &universe) in numbers.iter().enumerate() {
                // A universe has its own moment within the beat.
                let part = f64::from(beat) + index as f64 / numbers.len() as f64;
                let due = begun + Duration::from_secs_f64(part / f64::from(RATE_HZ));
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let fields = DataFields {
                    sequence: beat as u8,
                    ..DataFields::new(Cid([7; 16]), "bench", universe)
                };
                let slots = [beat as u8; 512];
                if let Some(len) = encode_data(&mut packet, &fields, &slots) {
                    let _ = socket.send(&packet[..len]);
                }
            }
            beat += 1;
        }
    }))
}
