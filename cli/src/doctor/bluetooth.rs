//! Radios: Bluetooth adapters for connected bands, controllers and serial ports for those that listen.

use std::path::Path;

use rustix::fs::{Access, access};
use wristcast_core::config::{AirWay, ControllerAddress};
use wristcast_core::radio::broadcast::Abilities;
use wristcast_core::radio::gatt::{AdapterState, adapters};

use super::finding::Finding;
use super::system::{self, Os};
use super::wanted::Wanted;

/// What there is to send with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    /// What the Bluetooth service knows, or why it cannot be asked; `None`: nobody asked it.
    pub(super) adapters: Option<Result<Vec<AdapterState>, String>>,
    /// Adapters that the kernel has, whether or not a service knows them.
    pub(super) in_kernel: Vec<String>,
    /// Bluetooth is switched off by rfkill: by a program, by a switch of the machine.
    pub(super) blocked: Option<Block>,
    /// What the show's connected bands want: adapters by name, `None` the first.
    pub(super) wanted: Vec<Option<String>>,
    pub(super) controllers: Vec<Controller>,
    /// Serial ports that nothing in the show names.
    pub(super) other_ports: Vec<String>,
}

/// How Bluetooth is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Soft,
    Hard,
}

/// A controller that the show broadcasts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Controller {
    pub(super) address: String,
    pub(super) way: AirWay,
    /// Of a serial port.
    pub(super) port: Option<Port>,
    /// What it says it can do, or why not; `None`: it was not asked.
    pub(super) abilities: Option<Result<Abilities, String>>,
}

/// A serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Missing,
    Forbidden,
    There,
}

/// With `ask_controllers` those of the show are reset and asked what they can do.
pub(super) fn collect(wanted: &Wanted, ask_controllers: bool) -> Facts {
    // macOS would ask the user for permission, which only a show with connected bands is worth.
    let ask = Os::here() != Os::Mac || !wanted.adapters.is_empty();
    let named: Vec<&ControllerAddress> = wanted.controllers().collect();
    let controllers = wanted.broadcasts.iter().flat_map(|radio| {
        radio.controllers.iter().map(move |address| Controller {
            address: address.to_string(),
            way: radio.way,
            port: port(address),
            abilities: ask_controllers
                .then(|| Abilities::of(address).map_err(|error| error.to_string())),
        })
    });
    let is_named = |path: &String| {
        named.iter().any(
            |one| matches!(one, ControllerAddress::Serial { path: named, .. } if named == path),
        )
    };
    Facts {
        adapters: ask.then(|| adapters().map_err(|error| error.to_string())),
        in_kernel: system::names("/sys/class/bluetooth")
            .into_iter()
            .filter(|name| !name.contains(':'))
            .collect(),
        blocked: blocked(Path::new("/sys/class/rfkill")),
        wanted: wanted.adapters.clone(),
        controllers: controllers.collect(),
        other_ports: serial_ports().into_iter().filter(|path| !is_named(path)).collect(),
    }
}

fn port(address: &ControllerAddress) -> Option<Port> {
    let ControllerAddress::Serial { path, .. } = address else { return None };
    Some(match () {
        () if !Path::new(path).exists() => Port::Missing,
        () if access(path, Access::READ_OK | Access::WRITE_OK).is_err() => Port::Forbidden,
        () => Port::There,
    })
}

/// Ports that dongles come as.
fn serial_ports() -> Vec<String> {
    let is_dongle = |name: &String| {
        ["ttyACM", "ttyUSB", "cu.usbmodem", "cu.usbserial"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    system::names("/dev").into_iter().filter(is_dongle).map(|name| format!("/dev/{name}")).collect()
}

fn blocked(rfkill: &Path) -> Option<Block> {
    let is = |name: &str, file: &str, value: &str| {
        system::read(rfkill.join(name).join(file)).as_deref() == Some(value)
    };
    let names = system::names(rfkill);
    let all: Vec<&String> = names.iter().filter(|name| is(name, "type", "bluetooth")).collect();
    // One that is free is enough; which one the show wants is the adapters' matter.
    if all.iter().any(|name| is(name, "soft", "0") && is(name, "hard", "0")) {
        return None;
    }
    let hard = all.iter().any(|name| is(name, "hard", "1"));
    all.first().map(|_| if hard { Block::Hard } else { Block::Soft })
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = judge_adapters(facts);
    found.extend(facts.controllers.iter().map(judge_controller));
    if !facts.other_ports.is_empty() {
        let words = format!("serial ports that may be dongles: {}", facts.other_ports.join(", "));
        found.push(Finding::ok("serial-ports", words));
    }
    found
}

/// Of the adapters, as badly as the show needs them.
fn judge_adapters(facts: &Facts) -> Vec<Finding> {
    let needed = !facts.wanted.is_empty();
    let not_well = |what: String, remedy: String| {
        vec![if needed {
            Finding::fault("bluetooth", what, remedy)
        } else {
            Finding::ok("bluetooth", format!("{what}; this show needs none"))
        }]
    };
    match facts.blocked {
        Some(Block::Hard) => {
            let words = "Bluetooth is switched off by a switch of this machine".to_owned();
            return not_well(
                words,
                "switch it on: a key, a slider, or the firmware's settings".to_owned(),
            );
        }
        Some(Block::Soft) => {
            let words = "Bluetooth is switched off (rfkill)".to_owned();
            return not_well(words, "`rfkill unblock bluetooth`".to_owned());
        }
        None => {}
    }
    let adapters = match &facts.adapters {
        None => return vec![Finding::ok("bluetooth", "not looked at: this show needs none")],
        Some(Err(_)) | Some(Ok(_))
            if facts.in_kernel.is_empty() && Os::here() == Os::Linux && known(facts).is_empty() =>
        {
            let words = "there is no Bluetooth adapter".to_owned();
            return not_well(words, "plug one in; inside a virtual machine, pass it on".to_owned());
        }
        Some(Err(words)) => {
            let what = format!("Bluetooth cannot be asked: {words}");
            return not_well(what, "see to that, then run doctor again".to_owned());
        }
        Some(Ok(adapters)) => adapters,
    };
    let mut found = Vec::new();
    for wanted in facts.wanted.iter().flatten() {
        if !adapters.iter().any(|adapter| adapter.name == *wanted) {
            let words = format!("the show wants adapter {wanted}, which is not here");
            let remedy = "plug it in, or change `adapter` of the radio in the show file";
            found.push(Finding::fault("bluetooth", words, remedy).about(wanted));
        }
    }
    for adapter in adapters {
        let name = &adapter.name;
        let is_wanted = facts.wanted.iter().any(|one| one.as_ref().is_none_or(|one| one == name));
        let finding = match (adapter.on, is_wanted) {
            (true, _) => {
                let hardware = match adapter.hardware.as_str() {
                    "" => String::new(),
                    hardware => format!(" ({hardware})"),
                };
                Finding::ok("bluetooth", format!("{name}{hardware} is on: connected bands"))
            }
            (false, true) => Finding::fault(
                "bluetooth",
                format!("{name} is switched off"),
                "`bluetoothctl power on`, or the system's Bluetooth settings",
            ),
            (false, false) => Finding::ok(
                "bluetooth",
                format!("{name} is switched off; this show does not need it"),
            ),
        };
        found.push(finding.about(name));
    }
    if adapters.is_empty() {
        return not_well(
            "the Bluetooth service knows no adapter".to_owned(),
            "plug one in".to_owned(),
        );
    }
    found
}

fn known(facts: &Facts) -> &[AdapterState] {
    match &facts.adapters {
        Some(Ok(adapters)) => adapters,
        _ => &[],
    }
}

fn judge_controller(controller: &Controller) -> Finding {
    let address = &controller.address;
    let check = "controller";
    let finding = match (&controller.port, &controller.abilities) {
        (Some(Port::Missing), _) => Finding::fault(
            check,
            format!("{address} is not here"),
            "plug the dongle in; /dev/serial/by-id has a name for it that stays",
        ),
        (Some(Port::Forbidden), _) => Finding::fault(
            check,
            format!("this user may not use {address}"),
            "`sudo usermod -aG dialout $USER`, then log in again",
        ),
        (_, Some(Err(words))) => Finding::fault(
            check,
            format!("{address}: {words}"),
            "see to that, then run doctor again",
        ),
        (_, Some(Ok(abilities))) if !abilities.suffice(controller.way) => Finding::fault(
            check,
            format!("{address} cannot do what the show asks of it: {}", what_it_can(abilities)),
            "take another `way` in the show file, or a controller with Bluetooth 5",
        ),
        (_, Some(Ok(abilities))) => {
            Finding::ok(check, format!("{address}: {}", what_it_can(abilities)))
        }
        (Some(Port::There), None) => Finding::ok(
            check,
            format!("{address} is here; `--controllers` asks what it can do, while no show runs"),
        ),
        (None, None) => Finding::ok(
            check,
            format!("{address} was not asked; `--controllers` does so, while no show runs"),
        ),
    };
    finding.about(address)
}

fn what_it_can(abilities: &Abilities) -> String {
    let mut ways = vec!["legacy"];
    if abilities.extended {
        ways.push("extended");
    }
    if abilities.periodic {
        ways.push("periodic");
    }
    format!("{} adverts, {} bytes each", ways.join(", "), abilities.room)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn facts() -> Facts {
        let adapter =
            AdapterState { name: "hci0".to_owned(), hardware: "usb".to_owned(), on: true };
        Facts {
            adapters: Some(Ok(vec![adapter])),
            in_kernel: vec!["hci0".to_owned()],
            blocked: None,
            wanted: vec![None],
            controllers: vec![],
            other_ports: vec![],
        }
    }

    fn worst(facts: &Facts) -> Verdict {
        judge(facts).iter().map(|one| one.verdict).max().unwrap()
    }

    fn controller(port: Option<Port>, abilities: Option<Result<Abilities, String>>) -> Verdict {
        let address = "serial:/dev/ttyACM0".to_owned();
        judge_controller(&Controller { address, way: AirWay::Extended, port, abilities }).verdict
    }

    #[test]
    fn an_adapter_that_is_on_is_in_order() {
        assert_eq!(worst(&facts()), Verdict::Ok);
        assert_eq!(judge(&facts())[0].what, "hci0 (usb) is on: connected bands");
    }

    #[test]
    fn what_is_missing_is_a_fault_only_for_a_show_that_needs_it() {
        let none = Facts { adapters: Some(Ok(vec![])), in_kernel: vec![], ..facts() };
        let off = Facts {
            adapters: Some(Ok(vec![AdapterState { on: false, ..known(&facts())[0].clone() }])),
            ..facts()
        };
        let silent = Facts { adapters: Some(Err("bluetoothd does not run".to_owned())), ..facts() };
        let blocked = Facts { blocked: Some(Block::Soft), ..facts() };
        for facts in [none, off, silent, blocked] {
            assert_eq!(worst(&facts), Verdict::Fault, "{facts:?}");
            assert_eq!(worst(&Facts { wanted: vec![], ..facts }), Verdict::Ok);
        }
    }

    #[test]
    fn an_adapter_that_the_show_names_must_be_here() {
        let facts = Facts { wanted: vec![Some("hci7".to_owned())], ..facts() };
        assert_eq!(
            (judge(&facts)[0].verdict, judge(&facts)[0].about.as_deref()),
            (Verdict::Fault, Some("hci7"))
        );
    }

    #[test]
    fn a_dongle_is_judged_by_what_it_says_it_can_do() {
        assert_eq!(controller(Some(Port::Missing), None), Verdict::Fault);
        assert_eq!(controller(Some(Port::Forbidden), None), Verdict::Fault);
        assert_eq!(controller(Some(Port::There), None), Verdict::Ok);
        let old = Abilities { extended: false, periodic: false, room: 31 };
        assert_eq!(controller(Some(Port::There), Some(Ok(old))), Verdict::Fault);
        let new = Abilities { extended: true, periodic: false, room: 251 };
        assert_eq!(controller(None, Some(Ok(new))), Verdict::Ok);
        assert_eq!(controller(None, Some(Err("it is in use".to_owned()))), Verdict::Fault);
    }

    #[test]
    fn rfkill_is_read_as_linux_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, kind: &str, soft: &str, hard: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            for (file, text) in [("type", kind), ("soft", soft), ("hard", hard)] {
                std::fs::write(path.join(file), format!("{text}\n")).unwrap();
            }
        };
        assert_eq!(blocked(folder.path()), None);
        write("rfkill0", "wlan", "1", "0");
        assert_eq!(blocked(folder.path()), None);
        write("rfkill1", "bluetooth", "1", "0");
        assert_eq!(blocked(folder.path()), Some(Block::Soft));
        write("rfkill1", "bluetooth", "0", "1");
        assert_eq!(blocked(folder.path()), Some(Block::Hard));
        write("rfkill2", "bluetooth", "0", "0");
        assert_eq!(blocked(folder.path()), None);
    }
}
