//! What takes the machine away during a show: sleep, an empty battery, a slow or busy processor.

use std::path::Path;

use super::finding::Finding;
use super::system::{self, Os};

/// What the system says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// It may fall asleep by itself, and in how many minutes if that is known; `None` if nobody tells.
    pub(super) sleeps: Option<Option<u32>>,
    /// Nothing can be asked to keep it awake.
    pub(super) no_inhibitor: bool,
    /// It runs on its battery.
    pub(super) on_battery: bool,
    /// Closing the lid puts it to sleep.
    pub(super) has_lid: bool,
    /// A Mac, whose App Nap slows down programs without a window.
    pub(super) app_nap: bool,
    /// The governor of the processor, if it saves power at the cost of speed.
    pub(super) slow_governor: Option<String>,
    /// Processes that wanted a processor, on average of the last minute.
    pub(super) load: Option<f32>,
    pub(super) processors: usize,
}

pub(super) fn collect() -> Facts {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    match Os::here() {
        Os::Linux => Facts {
            sleeps: sleeps(),
            no_inhibitor: system::ask("systemd-inhibit", &["--version"]).is_none(),
            on_battery: on_battery(Path::new("/sys/class/power_supply")),
            has_lid: !system::names("/proc/acpi/button/lid").is_empty(),
            app_nap: false,
            slow_governor: slow_governor(Path::new("/sys/devices/system/cpu/cpu0/cpufreq")),
            load: system::read("/proc/loadavg")
                .and_then(|text| text.split(' ').next()?.parse().ok()),
            processors,
        },
        Os::Mac => {
            let settings = system::ask("/usr/bin/pmset", &["-g"]).unwrap_or_default();
            let source = system::ask("/usr/bin/pmset", &["-g", "batt"]).unwrap_or_default();
            Facts {
                sleeps: mac_sleep(&settings),
                on_battery: source.contains("'Battery Power'"),
                has_lid: source.contains("InternalBattery"),
                app_nap: true,
                processors,
                ..Facts::default()
            }
        }
        Os::Other => Facts { processors, ..Facts::default() },
    }
}

/// systemd falls asleep by itself only where a desktop or logind is told to; targets that are masked
/// cannot be reached by anybody.
fn sleeps() -> Option<Option<u32>> {
    let masked = std::fs::read_link("/etc/systemd/system/sleep.target");
    if masked.is_ok_and(|to| to == Path::new("/dev/null"))
        || !Path::new("/run/systemd/system").exists()
    {
        return None;
    }
    let logind = system::read("/etc/systemd/logind.conf").unwrap_or_default();
    let action = logind.lines().find_map(|line| line.trim().strip_prefix("IdleAction="));
    let acts = action.is_some_and(|action| !matches!(action, "ignore" | "lock"));
    // A desktop has idle times of its own, which only it knows.
    let desktop =
        ["gnome-shell", "plasmashell", "xfce4-session"].iter().any(|name| system::runs(name));
    (acts || desktop).then_some(None)
}

fn on_battery(supplies: &Path) -> bool {
    let is = |name: &str, file: &str, value: &str| {
        system::read(supplies.join(name).join(file)).as_deref() == Some(value)
    };
    let names = system::names(supplies);
    let mains = names.iter().any(|name| is(name, "type", "Mains") && is(name, "online", "1"));
    !mains
        && names.iter().any(|name| is(name, "type", "Battery") && is(name, "status", "Discharging"))
}

/// A governor that saves power, where it is not that of a driver that sees to speed itself.
fn slow_governor(cpufreq: &Path) -> Option<String> {
    let driver = system::read(cpufreq.join("scaling_driver")).unwrap_or_default();
    let governor = system::read(cpufreq.join("scaling_governor"))?;
    let sees_to_it = ["intel_pstate", "amd-pstate", "amd-pstate-epp"].contains(&driver.as_str());
    (governor == "powersave" && !sees_to_it).then_some(governor)
}

/// ` sleep                1 (sleep prevented by …)`; 0 is never.
fn mac_sleep(settings: &str) -> Option<Option<u32>> {
    let minutes = settings.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "sleep").then(|| words.next()?.parse::<u32>().ok())?
    })?;
    (minutes > 0).then_some(Some(minutes))
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![match (facts.sleeps, facts.no_inhibitor) {
        (None, _) => Finding::ok("sleep", "this machine does not fall asleep by itself"),
        (Some(_), true) => Finding::warning(
            "sleep",
            "this machine may fall asleep by itself, and there is no systemd-inhibit to hold it off",
            "`sudo systemctl mask sleep.target suspend.target hibernate.target`",
        ),
        (Some(minutes), false) => Finding::warning(
            "sleep",
            match minutes {
                Some(minutes) => format!("this machine falls asleep after {minutes} minutes"),
                None => "this machine may fall asleep by itself".to_owned(),
            },
            "run the show with `wristcast run --keep-awake`, or as a service, which does so by itself",
        ),
    }];
    if facts.app_nap {
        found.push(Finding::ok(
            "app-nap",
            "App Nap slows down apps that nobody sees; it leaves services and programs in Terminal alone",
        ));
    }
    if facts.on_battery {
        let lid = if facts.has_lid { ", and keep the lid open" } else { "" };
        found.push(Finding::warning(
            "power",
            "this machine runs on its battery",
            format!("plug it in before doors{lid}"),
        ));
    }
    if let Some(governor) = &facts.slow_governor {
        found.push(Finding::warning(
            "processor",
            format!("the processor is kept slow: its governor is {governor}"),
            "`echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor`",
        ));
    } else if facts.load.is_some_and(|load| load > facts.processors as f32) {
        let load = facts.load.unwrap_or_default();
        found.push(Finding::warning(
            "processor",
            format!(
                "this machine is busy: {load:.1} processes want {} processors",
                facts.processors
            ),
            "close what else runs on it",
        ));
    } else {
        let words = format!("{} processors, kept at speed, with time to spare", facts.processors);
        found.push(Finding::ok("processor", words));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedies(facts: &Facts) -> Vec<&'static str> {
        let found = judge(facts);
        found.iter().filter(|one| one.remedy.is_some()).map(|one| one.check).collect()
    }

    #[test]
    fn a_machine_that_stays_awake_on_the_mains_is_in_order() {
        assert_eq!(
            remedies(&Facts { processors: 4, load: Some(0.5), ..Facts::default() }),
            [""; 0]
        );
    }

    #[test]
    fn sleep_battery_and_a_slow_or_busy_processor_are_warned_of() {
        let facts = Facts {
            sleeps: Some(Some(10)),
            on_battery: true,
            has_lid: true,
            slow_governor: Some("powersave".to_owned()),
            processors: 2,
            ..Facts::default()
        };
        assert_eq!(remedies(&facts), ["sleep", "power", "processor"]);
        assert!(judge(&facts)[0].what.contains("after 10 minutes"));
        let busy = Facts { load: Some(2.5), processors: 2, ..Facts::default() };
        assert_eq!(remedies(&busy), ["processor"]);
        let helpless = Facts { no_inhibitor: true, ..facts };
        assert!(judge(&helpless)[0].remedy.as_ref().unwrap().contains("mask"));
    }

    #[test]
    fn the_idle_time_of_a_mac_is_read() {
        let text = "System-wide power settings:\nCurrently in use:\n standby 1\n sleep                1 (sleep \
                    prevented by powerd)\n disksleep 10\n";
        assert_eq!(mac_sleep(text), Some(Some(1)));
        assert_eq!(mac_sleep(" sleep 0\n"), None);
        assert_eq!(mac_sleep(""), None);
    }

    #[test]
    fn supplies_and_governors_are_read_as_linux_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("BAT0/type", "Battery\n");
        write("BAT0/status", "Discharging\n");
        assert!(on_battery(folder.path()));
        write("AC/type", "Mains\n");
        write("AC/online", "1\n");
        assert!(!on_battery(folder.path()));
        write("scaling_governor", "powersave\n");
        assert_eq!(slow_governor(folder.path()).as_deref(), Some("powersave"));
        write("scaling_driver", "intel_pstate\n");
        assert_eq!(slow_governor(folder.path()), None);
    }
}
