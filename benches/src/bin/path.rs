//! The way of a packet, so many times: for `valgrind`, which counts its instructions.
//!
//! usage: `path CASE PACKETS`; see `benches/instructions.sh`
//!
//! A universe of 512 slots feeds 128 groups of four (`rgbw`), a second one is there to be left
//! alone. What is counted is `Engine::handle_datagram` and the publication to one radio's lane.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use wristcast_core::config::Config;
use wristcast_core::engine::{Datagram, Engine};
use wristcast_core::lane::{self, Stamp};
use wristcast_core::limits::Limits;
use wristcast_core::time::Time;
use wristcast_core::universe::{PortAddress, SLOTS, SacnUniverse};
use wristcast_core::wire::sacn::Cid;
use wristcast_core::wire::{artnet, sacn};

/// Where the sequence number is, and where the slots begin.
const SACN_AT: (usize, usize) = (111, 126);
const ARTNET_AT: (usize, usize) = (12, 18);

/// Consoles send a universe 44 times a second.
const FRAME: Duration = Duration::from_micros(22_727);

/// What comes.
struct Case {
    name: &'static str,
    artnet: bool,
    sources: u8,
    /// Every slot has another level in every packet.
    changes: bool,
    /// From dark to full and back in every packet: the strobe guard has all to do.
    flashes: bool,
    /// For a universe that nobody patched.
    stranger: bool,
}

const USUAL: Case =
    Case { name: "", artnet: false, sources: 1, changes: true, flashes: false, stranger: false };

const CASES: [Case; 6] = [
    Case { name: "sacn-still", changes: false, ..USUAL },
    Case { name: "sacn-changes", ..USUAL },
    Case { name: "sacn-flashes", flashes: true, ..USUAL },
    Case { name: "sacn-two-merged", sources: 2, ..USUAL },
    Case { name: "artnet-changes", artnet: true, ..USUAL },
    Case { name: "not-patched", stranger: true, ..USUAL },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let packets = arguments.next().and_then(|text| text.parse::<u64>().ok());
    let case = CASES.iter().find(|case| case.name == name);
    let (Some(case), Some(packets)) = (case, packets) else {
        let names = CASES.map(|case| case.name).join("|");
        eprintln!("usage: path {names} PACKETS");
        return ExitCode::FAILURE;
    };
    let Some(changed) = run(case, packets) else {
        eprintln!("error: the packets of {name} are not sound");
        return ExitCode::FAILURE;
    };
    println!("{name}: {packets} packets, {changed} changed looks");
    ExitCode::SUCCESS
}

fn run(case: &Case, packets: u64) -> Option<u64> {
    let (config, _) = Config::parse(&show(case.artnet), "path.toml").ok()?;
    let groups = config.groups.len();
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let (mut writer, mut reader) = lane::channel(groups);
    let number = if case.stranger { 900 } else { 1 };
    let mut bytes: Vec<Vec<u8>> = (1..=case.sources)
        .map(|source| if case.artnet { art_dmx(number) } else { data(number, source) })
        .collect::<Option<_>>()?;
    let (sequence_at, slots_at) = if case.artnet { ARTNET_AT } else { SACN_AT };
    let mut changed = 0;
    for n in 0..packets {
        let place = (n % u64::from(case.sources)) as usize;
        let packet = &mut bytes[place];
        let frame = n / u64::from(case.sources);
        packet[sequence_at] = (frame % 255 + 1) as u8;
        if case.changes {
            packet[slots_at..].fill(if case.flashes { 255 * (n % 2) as u8 } else { n as u8 });
        }
        let at = Time::from_millis(1) + FRAME * frame as u32;
        let outcome = engine.handle_datagram(Datagram {
            bytes: packet,
            source: SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1 + place as u8), 5568)),
            destination: None,
            interface: None,
            at,
        });
        if outcome.changed() {
            changed += 1;
            let stamp = Stamp { arrival: at, published: at, sequence: changed, panic: false };
            writer.publish(engine.groups(), stamp);
            engine.groups_mut().clear_changed();
            reader.refresh();
        }
    }
    Some(changed)
}

fn show(artnet: bool) -> String {
    let kind = if artnet { "artnet" } else { "sacn" };
    let mut show = String::from("name = 'path'\n");
    for group in 0..256 {
        show += &format!(
            "[[group]]\nname = '{group}'\nuniverse = '{kind}/{}'\naddress = {}\n\
             personality = 'rgbw'\n",
            1 + group / 128,
            1 + group % 128 * 4
        );
    }
    show + "[[radio]]\nkind = 'simulated'\n"
}

fn data(number: u16, source: u8) -> Option<Vec<u8>> {
    let universe = SacnUniverse::new(number)?;
    let fields = sacn::DataFields::new(Cid([source; 16]), "path", universe);
    let mut out = vec![0; 638];
    sacn::encode_data(&mut out, &fields, &[0; SLOTS])?;
    Some(out)
}

fn art_dmx(number: u16) -> Option<Vec<u8>> {
    let fields =
        artnet::DmxFields { sequence: 1, physical: 0, port_address: PortAddress::new(number)? };
    let mut out = vec![0; 530];
    artnet::encode_dmx(&mut out, &fields, &[0; SLOTS])?;
    Some(out)
}
