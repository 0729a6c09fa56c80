//! Receivers that are programs of others, if they are installed: `tests/peers/run.sh` installs them.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::load::Sent;
use super::role::{Cost, Running};
use super::{SACN_PORT, Trial};

/// Such a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    start: fn(&Trial<'_>, &[String]) -> io::Result<Running>,
}

/// All that are known.
pub(super) const ALL: [Program; 3] = [
    Program { name: "python sacn", start: python },
    Program { name: "npm sacn", start: npm },
    Program { name: "olad", start: olad },
];

/// How long one may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

impl Program {
    /// Runs it under the load of `trial`.
    pub(super) fn run(&self, trial: &Trial<'_>) -> io::Result<(Sent, Cost)> {
        let [wrap, _] = trial.networks.wraps(trial.way);
        if wrap.is_empty() {
            return Err(io::Error::other("it wants its own network, which only root can make"));
        }
        let running = (self.start)(trial, &wrap)?;
        let sent = trial.load(trial.networks.address(trial.way, SACN_PORT)?)?;
        std::thread::sleep(super::DRAIN);
        Ok((sent, running.stop()?))
    }
}

/// Where `tests/peers/run.sh` puts what it installs.
fn installed(path: &str) -> io::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let path = root.join("target/peers").join(path);
    if path.exists() {
        return Ok(path);
    }
    Err(io::Error::other(format!("{} is not there", path.display())))
}

fn script(name: &str) -> String {
    format!("{}/src/compare/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn python(trial: &Trial<'_>, wrap: &[String]) -> io::Result<Running> {
    let python = installed("venv/bin/python")?;
    let words =
        [python.display().to_string(), script("python_sacn.py"), trial.universes.to_string()];
    Running::start_command(&[wrap, &words].concat(), SACN_PORT)
}

fn npm(trial: &Trial<'_>, wrap: &[String]) -> io::Result<Running> {
    let modules = installed("node/node_modules")?;
    let words = [
        "env".to_owned(),
        format!("NODE_PATH={}", modules.display()),
        "node".to_owned(),
        script("npm_sacn.js"),
        trial.universes.to_string(),
    ];
    Running::start_command(&[wrap, &words].concat(), SACN_PORT)
}

/// olad takes sACN on as many ports as it is told, each patched to a universe of its own. It
/// refuses to be root.
fn olad(trial: &Trial<'_>, wrap: &[String]) -> io::Result<Running> {
    let folder = std::env::temp_dir().join(format!("wristcast-compare-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    // Only this plug-in: the others look for hardware.
    for name in [
        "artnet",
        "dummy",
        "espnet",
        "ftdidmx",
        "gpio",
        "karate",
        "kinet",
        "milinst",
        "opendmx",
        "openpixelcontrol",
        "osc",
        "pathport",
        "renard",
        "sandnet",
        "shownet",
        "spi",
        "stageprofi",
        "uartdmx",
        "usbdmx",
        "usbserial",
    ] {
        std::fs::write(folder.join(format!("ola-{name}.conf")), "enabled = false\n")?;
    }
    let ports = format!("enabled = true\ninput_ports = {}\noutput_ports = 0\n", trial.universes);
    std::fs::write(folder.join("ola-e131.conf"), ports)?;
    run(&["chown".to_owned(), "-R".to_owned(), "nobody".to_owned(), folder.display().to_string()])?;
    let words = [
        "setpriv",
        "--reuid=nobody",
        "--regid=nogroup",
        "--clear-groups",
        "olad",
        "--no-register-with-dns-sd",
        "--no-http",
        "-l",
        "0",
        "-c",
    ];
    let mut words = words.map(str::to_owned).to_vec();
    words.push(folder.display().to_string());
    let running = Running::start_silent(&[wrap, &words].concat(), SACN_PORT);
    let began = Instant::now();
    let inside = |words: &[&str]| {
        run(&[wrap, &words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()].concat())
    };
    let device = loop {
        let devices = inside(&["ola_dev_info"]).unwrap_or_default();
        let line =
            devices.lines().find(|line| line.starts_with("Device") && line.contains("E1.31"));
        let number = line.and_then(|line| line.split([' ', ':']).nth(1));
        if let Some(number) = number {
            break number.to_owned();
        }
        if began.elapsed() > PATIENCE {
            return Err(io::Error::other("olad shows no E1.31 device"));
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    for universe in 1..=trial.universes {
        let (port, universe) = ((universe - 1).to_string(), universe.to_string());
        inside(&["ola_patch", "-i", "-d", &device, "-p", &port, "-u", &universe])?;
    }
    let _ = std::fs::remove_dir_all(&folder);
    let mut running = running?;
    running.begin()?;
    Ok(running)
}

fn run(words: &[String]) -> io::Result<String> {
    let out = Command::new(&words[0]).args(&words[1..]).output()?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    Err(io::Error::other(format!("{}: {said}", words.join(" "))))
}
