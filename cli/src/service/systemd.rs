//! Linux: a unit of the system, as root, or of a user.

use std::path::{Path, PathBuf};

use super::{Domain, Job, Manager, Step};

/// The service's name.
const UNIT: &str = "wristcast.service";

pub(super) const MANAGER: Manager = Manager { file, packaged, text, start, stop, forget, status };

fn file(domain: &Domain) -> PathBuf {
    match domain {
        Domain::System => Path::new("/etc/systemd/system").join(UNIT),
        Domain::User { home, .. } => home.join(".config/systemd/user").join(UNIT),
    }
}

fn packaged(domain: &Domain) -> Option<PathBuf> {
    (*domain == Domain::System).then(|| Path::new("/lib/systemd/system").join(UNIT))
}

/// A show or a command line that is wrong does not get better by starting again: exit codes 1
/// and 2. Everything else is tried for ever, because at boot things come in any order. The network
/// is not waited for: the relay joins it when it comes. After `network.target`, so that at shutdown
/// it is still there for the last packets. A reload of a broken show fails with its mistakes before the
/// relay hears of it. `TimeoutStopSec` leaves time for the end look.
fn text(domain: &Domain, job: &Job<'_>) -> String {
    // In a command line, variables are put in.
    let word = |path| quoted(path).replace('$', "$$");
    let (program, show) = (word(job.program), word(job.show));
    let (target, confined) = match domain {
        Domain::System => ("multi-user.target", confined(job)),
        Domain::User { .. } => ("default.target", String::new()),
    };
    format!(
        "\
[Unit]
Description=wristcast: DMX to wristbands
Documentation=man:wristcast-run(1)
After=network.target bluetooth.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} run --keep-awake {show}
ExecReload={program} check --quiet {show}
ExecReload={program} reload --pid $MAINPID
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=1 2
WatchdogSec=10
TimeoutStopSec=15
{confined}
[Install]
WantedBy={target}
"
    )
}

fn systemctl(domain: &Domain, arguments: &[&str]) -> Step {
    let user: &[&str] = match domain {
        Domain::System => &[],
        Domain::User { .. } => &["--user"],
    };
    Step::new(&[&["systemctl"], user, arguments].concat())
}

fn start(domain: &Domain, _: &Path) -> Vec<Step> {
    vec![systemctl(domain, &["daemon-reload"]), systemctl(domain, &["enable", "--now", UNIT])]
}

fn stop(domain: &Domain) -> Vec<Step> {
    vec![systemctl(domain, &["disable", "--now", UNIT]).that_may_fail()]
}

fn forget(domain: &Domain) -> Vec<Step> {
    vec![systemctl(domain, &["daemon-reload"])]
}

fn status(domain: &Domain) -> Step {
    systemctl(domain, &["--no-pager", "status", UNIT])
}

/// What the relay of the system may do: listen, send, reach Bluetooth by D-Bus and serial dongles.
/// It writes into its state directory; as root also beside the show.
fn confined(job: &Job<'_>) -> String {
    // A controller of the system is driven directly (HCI user channel); nothing else needs it.
    let admin = if job.drives_adapters { " CAP_NET_ADMIN" } else { "" };
    let whose = match job.user {
        Some(user) => format!(
            "User={user}\nRemoveIPC=yes\nCapabilityBoundingSet={0}\n\
             AmbientCapabilities={0}\n",
            admin.trim_start()
        ),
        None => {
            let folder = quoted(job.show.parent().unwrap_or(Path::new("/")));
            format!(
                "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_NET_BIND_SERVICE{admin}\n\
                 ReadWritePaths={folder}\n"
            )
        }
    };
    format!("{whose}StateDirectory=wristcast\n{CONFINED}")
}

const CONFINED: &str = "\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectProc=invisible
ProcSubset=pid
PrivateTmp=yes
UMask=0027
DevicePolicy=closed
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyUSB rw
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_BLUETOOTH
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
";

/// One word of a unit (systemd.syntax, "Quoting"; specifiers begin with `%`).
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_the_system_runs_the_show_and_is_started_with_the_machine() {
        let job = Job {
            program: Path::new("/usr/bin/wristcast"),
            show: Path::new("/a \"b\"/50%.toml"),
            user: None,
            drives_adapters: false,
        };
        let text = text(&Domain::System, &job);
        let line = "ExecStart=\"/usr/bin/wristcast\" run --keep-awake \"/a \\\"b\\\"/50%%.toml\"\n";
        assert!(text.contains(line), "{text}");
        assert!(
            text.contains("WantedBy=multi-user.target\n")
                && text.contains("ReadWritePaths=\"/a \\\"b\\\"\"\n")
                && text.contains("StateDirectory=wristcast\n")
        );
        let check = "ExecReload=\"/usr/bin/wristcast\" check --quiet \"/a \\\"b\\\"/50%%.toml\"\n";
        let tell = "ExecReload=\"/usr/bin/wristcast\" reload --pid $MAINPID\n";
        assert!(text.find(check) < text.find(tell) && text.contains(check), "{text}");
        assert_eq!(file(&Domain::System), Path::new("/etc/systemd/system/wristcast.service"));
    }

    #[test]
    fn a_relay_with_a_user_of_its_own_has_no_capability_it_does_not_need() {
        let unit = |drives_adapters| {
            let (program, show) = (Path::new("/usr/bin/wristcast"), Path::new("/etc/x/show.toml"));
            text(&Domain::System, &Job { program, show, user: Some("wristcast"), drives_adapters })
        };
        let usual = unit(false);
        for line in ["User=wristcast\n", "CapabilityBoundingSet=\n", "AmbientCapabilities=\n"] {
            assert!(usual.contains(line), "{usual}");
        }
        assert!(!usual.contains("ReadWritePaths"), "{usual}");
        assert!(unit(true).contains("AmbientCapabilities=CAP_NET_ADMIN\n"));
    }

    #[test]
    fn the_unit_of_a_user_is_his_own() {
        let domain = Domain::User { home: "/home/ann".into(), uid: "1000".to_owned() };
        let unit = Path::new("/home/ann/.config/systemd/user/wristcast.service");
        assert_eq!(file(&domain), unit);
        let start = start(&domain, unit);
        assert_eq!(start[1].command, ["systemctl", "--user", "enable", "--now", UNIT]);
    }
}
