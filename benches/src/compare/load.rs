//! The load: sACN or Art-Net data of many universes, every slot another level in every frame, or
//! some slots.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wristcast_core::universe::{PortAddress, SLOTS, SacnUniverse};
use wristcast_core::wire::sacn::Cid;
use wristcast_core::wire::{artnet, sacn};

use super::mmsg;

/// Offsets of the sequence number and of the first slot.
const SACN_AT: (usize, usize) = (111, 126);
const ARTNET_AT: (usize, usize) = (12, 18);

/// Shorter waits are spent watching the clock: the system wakes no thread more exactly.
const SPIN: Duration = Duration::from_micros(200);

/// The protocol of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Protocol {
    /// E1.31 data packets of 638 bytes.
    Sacn,
    /// ArtDmx packets of 530 bytes.
    Artnet,
}

/// How the packets of one frame are spread over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Pattern {
    /// Evenly.
    Even,
    /// Back to back at its begin, as consoles send.
    Burst,
}

/// A load to be sent.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Where to.
    #[arg(long)]
    pub to: SocketAddr,
    /// The protocol.
    #[arg(long, value_enum, default_value = "sacn")]
    pub protocol: Protocol,
    /// How packets are spread.
    #[arg(long, value_enum, default_value = "burst")]
    pub pattern: Pattern,
    /// Universes, from 1 on.
    #[arg(long)]
    pub universes: u16,
    /// sACN sources of every universe, all of one priority.
    #[arg(long, default_value_t = 1)]
    pub sources: u16,
    /// Frames a second.
    #[arg(long, default_value_t = 44.0)]
    pub rate: f64,
    /// Frames to send.
    #[arg(long)]
    pub frames: u32,
    /// Slots of each universe that change in a frame, percent; another part in every frame, as in a
    /// chase.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub changing: u8,
}

/// What a load came to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// Packets that the kernel took.
    pub packets: u64,
    /// From the first to the end of the last frame, s.
    pub seconds: f64,
    /// Frames that began later than half a frame after their time: the load was not what it says.
    pub late_frames: u32,
}

impl Load {
    /// Sends it.
    pub fn send(&self) -> io::Result<Sent> {
        let socket = UdpSocket::bind(SocketAddr::new(unspecified(self.to), 0))?;
        socket.connect(self.to)?;
        // What the receiver has no room for it loses; what the load cannot send it waits for.
        socket2::SockRef::from(&socket).set_send_buffer_size(8 << 20)?;
        let mut packets = self.packets()?;
        let (sequence_at, slots_at) = match self.protocol {
            Protocol::Sacn => SACN_AT,
            Protocol::Artnet => ARTNET_AT,
        };
        let period = Duration::from_secs_f64(1.0 / self.rate);
        let gap = period.div_f64(packets.len() as f64);
        let mut sent = Sent { packets: 0, seconds: 0.0, late_frames: 0 };
        let begin = Instant::now();
        for frame in 0..self.frames {
            let due = begin + period * frame;
            let number = (frame % 255 + 1) as u8;
            for packet in &mut packets {
                packet[sequence_at] = number;
                self.change(&mut packet[slots_at..], frame, number);
            }
            wait_until(due);
            sent.late_frames += u32::from(due.elapsed() > period / 2);
            match self.pattern {
                Pattern::Burst => {
                    let all: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
                    sent.packets += mmsg::send_all(&socket, &all) as u64;
                }
                Pattern::Even => {
                    for (packet, n) in packets.iter().zip(0..) {
                        wait_until(due + gap * n);
                        sent.packets += u64::from(socket.send(packet).is_ok());
                    }
                }
            }
        }
        sent.seconds = begin.elapsed().as_secs_f64();
        Ok(sent)
    }

    /// Gives the slots that change in a frame another level.
    fn change(&self, slots: &mut [u8], frame: u32, level: u8) {
        let run = (slots.len() * usize::from(self.changing)).div_ceil(100);
        let begin = frame as usize * run % slots.len();
        let end = (begin + run).min(slots.len());
        slots[begin..end].fill(level);
        slots[..begin + run - end].fill(level);
    }

    /// One packet of every universe and source.
    fn packets(&self) -> io::Result<Vec<Vec<u8>>> {
        let wrong = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let mut packets = Vec::new();
        for number in 1..=self.universes {
            match self.protocol {
                Protocol::Sacn => {
                    let universe =
                        SacnUniverse::new(number).ok_or_else(|| wrong("no such universe"))?;
                    for source in 1..=self.sources {
                        let [high, low] = source.to_be_bytes();
                        let cid = Cid(std::array::from_fn(|n| if n % 2 == 0 { high } else { low }));
                        let fields = sacn::DataFields::new(cid, "load", universe);
                        let mut out = vec![0; 638];
                        sacn::encode_data(&mut out, &fields, &[0; SLOTS])
                            .ok_or_else(|| wrong("it does not fit"))?;
                        packets.push(out);
                    }
                }
                Protocol::Artnet => {
                    let port_address =
                        PortAddress::new(number).ok_or_else(|| wrong("no such port-address"))?;
                    let fields = artnet::DmxFields { sequence: 1, physical: 0, port_address };
                    let mut out = vec![0; 530];
                    artnet::encode_dmx(&mut out, &fields, &[0; SLOTS])
                        .ok_or_else(|| wrong("it does not fit"))?;
                    packets.push(out);
                }
            }
        }
        Ok(packets)
    }
}

fn unspecified(of: SocketAddr) -> std::net::IpAddr {
    if of.is_ipv4() {
        std::net::Ipv4Addr::UNSPECIFIED.into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    }
}

fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > SPIN {
            std::thread::sleep(left - SPIN);
        } else {
            std::hint::spin_loop();
        }
    }
}
