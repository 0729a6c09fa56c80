//! Keeps the machine from falling asleep while a show runs, by the tool that the system has for it.
//! The tool watches our process and ends with it, however it ends.

use std::process::{Child, Command, Stdio};

/// A machine that stays awake as long as this lives.
#[derive(Debug)]
pub(crate) struct KeepAwake(Option<Child>);

impl KeepAwake {
    /// Keeps it awake, or says in the log why not: a show runs all the same.
    pub(crate) fn begin() -> Self {
        let [program, arguments @ ..] = &tool(std::process::id())[..] else { return Self(None) };
        let tool = Command::new(program)
            .args(arguments)
            // It is not the tool's end that the service manager is to hear of.
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match tool {
            Ok(tool) => Self(Some(tool)),
            Err(error) => {
                tracing::warn!("cannot keep the machine awake: `{program}`: {error}");
                Self(None)
            }
        }
    }
}

impl Drop for KeepAwake {
    fn drop(&mut self) {
        if let Some(mut tool) = self.0.take() {
            let _ = tool.kill();
            let _ = tool.wait();
        }
    }
}

/// The tool and its arguments, for as long as the process `id` lives.
fn tool(id: u32) -> Vec<String> {
    let id = id.to_string();
    let words: &[&str] = if cfg!(target_os = "macos") {
        // No sleep by idling, none of the disk, none at all on mains.
        &["/usr/bin/caffeinate", "-i", "-m", "-s", "-w", &id]
    } else if cfg!(target_os = "linux") {
        let who = ["--who=wristcast", "--why=a show is running", "--what=sleep:idle"];
        return ["systemd-inhibit"]
            .into_iter()
            .chain(who)
            .chain(["tail", "--pid", &id, "-f", "/dev/null"])
            .map(str::to_owned)
            .collect();
    } else {
        &[]
    };
    words.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_watches_our_process() {
        let words = tool(4711);
        assert!(words.is_empty() || words.contains(&"4711".to_owned()), "{words:?}");
    }
}
