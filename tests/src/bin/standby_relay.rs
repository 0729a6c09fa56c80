//! A process of the standby's test bed: a relay whose frames are told to a Unix socket, or a console.
//!
//! ```text
//! standby_relay relay SHOW.toml SOCKET NAME   says `drives heard light`, `follows alone panic`, … on
//!                                             stdout, and `# ` what happened; `take`, `give`, `panic`,
//!                                             `release` on stdin
//! standby_relay console ADDRESS ADDRESS       sacn/1, 44 a second; `0 off`, `0 on`, `1 off` on stdin
//! ```

use std::error::Error;
use std::io::BufRead;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use wristcast_core::config::{Config, Folder, RadioKind};
use wristcast_core::radio::Radio;
use wristcast_core::radio::simulated::SimulatedRadio;
use wristcast_core::relay::{Options, Relay, RelayHandle};
use wristcast_core::standby::Order;
use wristcast_core::steering::{Actor, Request, Switch};
use wristcast_tests::desk::Desk;
use wristcast_tests::ether::Ether;
use wristcast_tests::scenario::{Data, Sent};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["relay", show, socket, name] => relay(Path::new(show), socket, name),
        ["console", first, second] => console([first.parse()?, second.parse()?]),
        _ => Err("relay SHOW SOCKET NAME, or console ADDRESS ADDRESS".into()),
    }
}

/// Lines of stdin; the channel closes with it.
fn lines() -> std::sync::mpsc::Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn relay(show: &Path, socket: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let name = name.bytes().next().ok_or("a name")?;
    let text = std::fs::read_to_string(show)?;
    let (config, _) = Config::parse_with(&text, "show.toml", &Folder::of(show))
        .map_err(|wrong| format!("{wrong:?}"))?;
    let air = UnixDatagram::unbound()?;
    air.connect(socket)?;
    let air = Arc::new(air);
    let groups = config.groups.len();
    let relay = Relay::start_with(config, Options::default(), &mut |radio| {
        let RadioKind::Simulated(radio) = &radio.kind else { return None };
        let air = Arc::clone(&air);
        let told = Arc::new(move |link: u32, at: u64| {
            let mut frame = [name; 13];
            frame[1..5].copy_from_slice(&link.to_be_bytes());
            frame[5..].copy_from_slice(&at.to_be_bytes());
            // A test that nobody watches any more has nothing to find out.
            let _ = air.send(&frame);
        });
        let ether = Ether::new(SimulatedRadio::new(radio, groups), told);
        Some(Box::new(ether) as Box<dyn Radio>)
    })?;
    let (handle, lines, mut was) = (relay.handle(), lines(), String::new());
    let mut told = 0;
    loop {
        match lines.recv_timeout(Duration::from_millis(10)) {
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
            Ok(line) => {
                if let Err(error) = obey(&handle, &line) {
                    println!("# {line}: {error}");
                }
            }
        }
        let status = handle.status();
        let standby = status.standby.ok_or("the show has no standby")?;
        let heard = if standby.peer.is_some() { "heard" } else { "alone" };
        let light = if status.panic { "panic" } else { "light" };
        let is = format!("{} {heard} {light}", standby.role);
        for event in handle.events(told) {
            told = event.number;
            println!("# {}", event.text);
        }
        if is != was {
            println!("{is}");
            was = is;
        }
    }
    relay.stop();
    Ok(())
}

fn obey(handle: &RelayHandle, line: &str) -> Result<(), Box<dyn Error>> {
    let by = Actor { name: "bed".to_owned(), front: "test", address: None };
    match line {
        "take" => handle.standby_order(Order::Take, &by)?,
        "give" => handle.standby_order(Order::Give, &by)?,
        "panic" => handle.order(&Request::Panic(Switch { on: true }), &by)?,
        "release" => handle.order(&Request::Panic(Switch { on: false }), &by)?,
        _ => return Err(format!("no such order: {line}").into()),
    }
    Ok(())
}

fn console(relays: [SocketAddr; 2]) -> Result<(), Box<dyn Error>> {
    let (socket, lines) = (UdpSocket::bind("0.0.0.0:0")?, lines());
    let (mut desk, mut on, mut red) = (Desk::default(), [true; 2], 0u8);
    loop {
        match lines.recv_timeout(Duration::from_micros(22_700)) {
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(line) => {
                let relay = usize::from(line.starts_with('1'));
                on[relay] = line.ends_with("on");
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        red = red.wrapping_add(29);
        let packet = desk.frame(&Sent::Data(Box::new(Data::new('A', 1, vec![red])))).bytes;
        for (relay, on) in relays.iter().zip(on) {
            if on {
                // A network that is down is what is tested.
                let _ = socket.send_to(&packet, relay);
            }
        }
    }
}
