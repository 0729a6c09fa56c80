//! macOS: a LaunchDaemon of root, which Local Network privacy lets through unasked (TN3179), or a
//! LaunchAgent of a user, which it does not.

use std::path::{Path, PathBuf};

use super::{Domain, Job, Manager, Step};

/// The service's name.
const LABEL: &str = "com.wristcast.relay";

pub(super) const MANAGER: Manager =
    Manager { file, packaged: |_| None, text, start, stop, forget, status };

fn file(domain: &Domain) -> PathBuf {
    let folder = match domain {
        Domain::System => PathBuf::from("/Library/LaunchDaemons"),
        Domain::User { home, .. } => home.join("Library/LaunchAgents"),
    };
    folder.join(format!("{LABEL}.plist"))
}

fn log(domain: &Domain) -> PathBuf {
    match domain {
        Domain::System => PathBuf::from("/var/log/wristcast.log"),
        Domain::User { home, .. } => home.join("Library/Logs/wristcast.log"),
    }
}

/// `KeepAlive` starts it again whenever it ends with a failure; `Interactive` keeps the system
/// from throttling it; `ExitTimeOut` leaves time for the end look.
fn text(domain: &Domain, job: &Job<'_>) -> String {
    let arguments =
        [&job.program.to_string_lossy(), "run", "--keep-awake", &job.show.to_string_lossy()]
            .map(|argument| format!("\t\t<string>{}</string>\n", escaped(argument)))
            .concat();
    let log = escaped(&log(domain).to_string_lossy());
    let folder = escaped(&job.show.parent().unwrap_or(Path::new("/")).to_string_lossy());
    let session = match domain {
        Domain::System => "",
        Domain::User { .. } => "\t<key>LimitLoadToSessionType</key>\n\t<string>Aqua</string>\n",
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProgramArguments</key>
	<array>
{arguments}	</array>
	<key>WorkingDirectory</key>
	<string>{folder}</string>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>ExitTimeOut</key>
	<integer>15</integer>
{session}	<key>StandardOutPath</key>
	<string>{log}</string>
	<key>StandardErrorPath</key>
	<string>{log}</string>
</dict>
</plist>
"#
    )
}

fn target(domain: &Domain) -> String {
    match domain {
        Domain::System => "system".to_owned(),
        Domain::User { uid, .. } => format!("gui/{uid}"),
    }
}

fn start(domain: &Domain, file: &Path) -> Vec<Step> {
    vec![Step::new(&["launchctl", "bootstrap", &target(domain), &file.to_string_lossy()])]
}

fn stop(domain: &Domain) -> Vec<Step> {
    let service = format!("{}/{LABEL}", target(domain));
    vec![Step::new(&["launchctl", "bootout", &service]).that_may_fail()]
}

fn forget(_: &Domain) -> Vec<Step> {
    Vec::new()
}

fn status(domain: &Domain) -> Step {
    Step::new(&["launchctl", "print", &format!("{}/{LABEL}", target(domain))])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(show: &str) -> Job<'_> {
        let program = Path::new("/usr/local/bin/wristcast");
        Job { program, show: Path::new(show), user: None, drives_adapters: false }
    }

    #[test]
    fn the_daemon_of_the_system_runs_the_show_awake_and_comes_back_when_it_fails() {
        let text = text(&Domain::System, &job("/shows/a & b/show.toml"));
        let string = |text: &str| format!("<string>{text}</string>");
        for line in
            ["/usr/local/bin/wristcast", "run", "--keep-awake", "/shows/a &amp; b/show.toml"]
        {
            assert!(text.contains(&string(line)), "{line} in {text}");
        }
        assert!(text.contains(&string("/var/log/wristcast.log")) && !text.contains("Aqua"));
        assert_eq!(text.matches("<dict>").count(), text.matches("</dict>").count());
        assert_eq!(
            file(&Domain::System),
            Path::new("/Library/LaunchDaemons/com.wristcast.relay.plist")
        );
    }

    #[test]
    fn the_agent_of_a_user_lives_in_his_session() {
        let domain = Domain::User { home: "/Users/ann".into(), uid: "501".to_owned() };
        assert!(text(&domain, &job("/show.toml")).contains("Aqua"));
        let file = file(&domain);
        assert_eq!(file, Path::new("/Users/ann/Library/LaunchAgents/com.wristcast.relay.plist"));
        let start = start(&domain, &file);
        assert_eq!(start[0].command[..3], ["launchctl", "bootstrap", "gui/501"]);
        assert!(stop(&domain)[0].may_fail, "it may not run");
    }
}
