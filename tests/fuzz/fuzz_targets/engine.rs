//! Any sequence of datagrams and times: the engine never panics, never loses count, and a time-out
//! it was woken for is not due again.
#![no_main]

use std::net::{Ipv4Addr, SocketAddrV4};

use wristcast_core::config::Config;
use wristcast_core::engine::{Datagram, Engine};
use wristcast_core::limits::Limits;
use wristcast_core::time::Time;

const SHOW: &str = r#"
name = "fuzz"
[network]
sources_per_universe = 3
[network.artnet]
remote_programming = true
[[group]]
name = "sacn"
universe = "sacn/1"
address = 1
personality = "drgbsf"
loss = { to = "black", after_ms = 100, fade_ms = 3000 }
[[group]]
name = "artnet"
universe = "artnet/1"
address = 1
personality = "rgb"
delay_ms = 100
[[radio]]
kind = "simulated"
"#;

// Each datagram is preceded by its length (two bytes), its sender and the time since the last.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (config, _) = Config::parse(SHOW, "fuzz.toml").expect("the show is right");
    let mut engine = Engine::new(&config, &Limits::of(&config), 1);
    let mut now = Time::ZERO;
    let mut datagrams = 0;
    let mut rest = bytes;
    let mut out = [0; 1500];
    while let [high, low, sender, pause, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (datagram, tail) = tail.split_at(length);
        rest = tail;
        now = now + std::time::Duration::from_millis(u64::from(*pause) * 20);
        while let Some(due) = engine.poll_timeout().filter(|due| *due <= now) {
            let _ = engine.handle_timeout(due);
            while engine.poll_transmit(due, &mut out).is_some() {}
            assert_ne!(engine.poll_timeout(), Some(due));
        }
        let source = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, *sender), 5568).into();
        let _ = engine.handle_datagram(Datagram {
            bytes: datagram,
            source,
            destination: None,
            interface: Some(1),
            at: now,
        });
        datagrams += 1;
        while engine.poll_event().is_some() {}
        while engine.poll_transmit(now, &mut out).is_some() {}
    }
    let counters = engine.counters();
    assert_eq!(counters.received, datagrams);
});
