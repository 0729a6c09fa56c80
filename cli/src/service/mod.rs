//! `wristcast service`: the relay as a service of the system, started with the machine.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the commands |
//! | `launchd.rs` | the property list and the commands of macOS |
//! | `systemd.rs` | the unit and the commands of Linux |

mod launchd;
mod systemd;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use wristcast_core::config::{ControllerAddress, RadioConfig, RadioKind};

use crate::exit::Failure;
use crate::show_file::ShowFile;

/// Run a show as a service of the system: launchd on macOS, systemd on Linux.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo wristcast service install /etc/wristcast/show.toml
  wristcast service install --user show.toml
  wristcast service install --print show.toml
  wristcast service status
  sudo wristcast service uninstall")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Start the show now and with every start of the machine. Again: with another show.
    Install(InstallArgs),
    /// Stop it, leaving the bands in the end look, and forget it.
    Uninstall(Place),
    /// Say whether it is installed, and what the system says of it.
    Status(Place),
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// The show file.
    #[arg(value_name = "SHOW.toml")]
    show: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The user who runs it, who must be there; root if left out. Linux only.
    #[arg(long, value_name = "USER", conflicts_with = "user")]
    run_as: Option<String>,
    /// The program to run, if it is not this one. With --prefix, the path it will have.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print what would be written and done, and do nothing.
    #[arg(long)]
    print: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// For this user, from log-in to log-out, without root. On macOS the user is then asked for
    /// Local Network and Bluetooth; the service of the system is not.
    #[arg(long)]
    user: bool,
    /// Write below this folder and start nothing: for packages and images.
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
}

/// Where services run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Domain {
    /// The system's, as root.
    System,
    /// A user's.
    User { home: PathBuf, uid: String },
}

/// What is to be run.
struct Job<'a> {
    program: &'a Path,
    show: &'a Path,
    /// Who runs it; `None` = root, or the user whose service it is.
    user: Option<&'a str>,
    /// Whether the show has adapters of the system that are driven without its Bluetooth stack.
    drives_adapters: bool,
}

/// A system's service manager.
struct Manager {
    /// Where the definition of the service lies.
    file: fn(&Domain) -> PathBuf,
    /// Where it lies if the program came as a package that has it.
    packaged: fn(&Domain) -> Option<PathBuf>,
    /// Its text.
    text: fn(&Domain, &Job<'_>) -> String,
    /// Starts what the file says, now and always.
    start: fn(&Domain, &Path) -> Vec<Step>,
    /// Stops it.
    stop: fn(&Domain) -> Vec<Step>,
    /// After the file is gone.
    forget: fn(&Domain) -> Vec<Step>,
    /// Prints how it is.
    status: fn(&Domain) -> Step,
}

/// A command of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    command: Vec<String>,
    /// Whether a failure is one: stopping what does not run is none.
    may_fail: bool,
}

impl Step {
    fn new(command: &[&str]) -> Self {
        Self { command: command.iter().map(ToString::to_string).collect(), may_fail: false }
    }

    fn that_may_fail(self) -> Self {
        Self { may_fail: true, ..self }
    }

    fn run(&self) -> Result<(), Failure> {
        let [program, arguments @ ..] = &self.command[..] else { return Ok(()) };
        let words = self.command.join(" ");
        let output = Process::new(program).args(arguments).output();
        let output = output
            .map_err(|error| Failure::cannot_start(format!("cannot run `{words}`: {error}")))?;
        if output.status.success() || self.may_fail {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::cannot_start(format!("`{words}` failed ({}): {}", output.status, said.trim())))
    }
}

/// The manager of this system.
fn manager() -> Result<Manager, Failure> {
    if cfg!(target_os = "macos") {
        Ok(launchd::MANAGER)
    } else if cfg!(target_os = "linux") {
        Ok(systemd::MANAGER)
    } else {
        Err(Failure::cannot_start("services are installed on macOS and Linux only; run it by hand"))
    }
}

pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failure> {
    let manager = manager()?;
    match &args.command {
        Command::Install(args) => install(&manager, args, out),
        Command::Uninstall(place) => uninstall(&manager, place, out),
        Command::Status(place) => status(&manager, place, out),
    }
}

fn install(manager: &Manager, args: &InstallArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let user = args.run_as.as_deref();
    if let Some(user) = user.filter(|user| !is_user_name(user)) {
        return Err(Failure::usage(format!("--run-as: `{user}` is no name of a user")));
    }
    let prefix = args.place.prefix.as_deref();
    // In an image, the show lies where it will lie in the system.
    let in_image = prefix.map(|prefix| below(Some(prefix), &args.show));
    let in_image = in_image.filter(|show| args.show.is_absolute() && show.exists());
    // What cannot run is not installed.
    let config = ShowFile::read(in_image.as_ref().unwrap_or(&args.show))?.report()?;
    let domain = domain(&args.place)?;
    let absolute = |path: &Path| {
        let absolute = fs::canonicalize(path);
        absolute.map_err(|error| Failure::cannot_start(format!("{}: {error}", path.display())))
    };
    let program = match &args.program {
        Some(program) if prefix.is_some() => program.clone(),
        Some(program) => absolute(program)?,
        None => absolute(&std::env::current_exe().map_err(|error| {
            Failure::cannot_start(format!("cannot find this program: {error}"))
        })?)?,
    };
    let show = if in_image.is_some() { args.show.clone() } else { absolute(&args.show)? };
    let drives_adapters = config.radios.iter().any(drives_adapters);
    let job = Job { program: &program, show: &show, user, drives_adapters };
    let text = (manager.text)(&domain, &job);
    let file = below(prefix, &(manager.file)(&domain));
    let mut steps = (manager.stop)(&domain);
    steps.extend((manager.start)(&domain, &file));
    if args.print {
        writeln!(out, "# {}", file.display())?;
        write!(out, "{text}")?;
        for step in steps {
            writeln!(out, "# {}", step.command.join(" "))?;
        }
        return Ok(());
    }
    write_file(&file, &text)?;
    if prefix.is_none() {
        steps.iter().try_for_each(Step::run)?;
    }
    Ok(writeln!(out, "installed: {}", file.display())?)
}

fn uninstall(manager: &Manager, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
    let domain = domain(place)?;
    let file = below(place.prefix.as_deref(), &(manager.file)(&domain));
    if !file.exists() {
        return match packaged(manager, &domain, place) {
            Some(file) => Err(Failure::usage(format!(
                "{} is the package's: `sudo apt remove wristcast` takes it away, `sudo systemctl \
                 disable --now wristcast` stops it",
                file.display()
            ))),
            None => Ok(writeln!(out, "not installed: there is no {}", file.display())?),
        };
    }
    if place.prefix.is_none() {
        (manager.stop)(&domain).iter().try_for_each(Step::run)?;
    }
    fs::remove_file(&file)
        .map_err(|error| Failure::cannot_start(format!("{}: {error}", file.display())))?;
    if place.prefix.is_none() {
        (manager.forget)(&domain).iter().try_for_each(Step::run)?;
    }
    Ok(writeln!(out, "uninstalled: {}", file.display())?)
}

fn status(manager: &Manager, place: &Place, out: &mut dyn Write) -> Result<(), Failure> {
    let domain = domain(place)?;
    let file = below(place.prefix.as_deref(), &(manager.file)(&domain));
    match packaged(manager, &domain, place) {
        _ if file.exists() => writeln!(out, "installed: {}", file.display())?,
        Some(file) => writeln!(out, "installed by the package: {}", file.display())?,
        None => return Ok(writeln!(out, "not installed: there is no {}", file.display())?),
    }
    if place.prefix.is_some() {
        return Ok(());
    }
    let step = (manager.status)(&domain);
    let [program, arguments @ ..] = &step.command[..] else { return Ok(()) };
    match Process::new(program).args(arguments).output() {
        Ok(said) => Ok(out.write_all(&[said.stdout, said.stderr].concat())?),
        Err(error) => {
            Err(Failure::cannot_start(format!("cannot run `{}`: {error}", step.command.join(" "))))
        }
    }
}

/// The definition that the package has, if it is here.
fn packaged(manager: &Manager, domain: &Domain, place: &Place) -> Option<PathBuf> {
    let file = (manager.packaged)(domain)?;
    Some(below(place.prefix.as_deref(), &file)).filter(|file| file.exists())
}

fn domain(place: &Place) -> Result<Domain, Failure> {
    if !place.user {
        return Ok(Domain::System);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let home =
        home.ok_or_else(|| Failure::cannot_start("$HOME is not set: whose service is it?"))?;
    let id = Process::new("id").arg("-u").output();
    let id = id.map_err(|error| Failure::cannot_start(format!("cannot run `id -u`: {error}")))?;
    Ok(Domain::User { home, uid: String::from_utf8_lossy(&id.stdout).trim().to_owned() })
}

/// Whether a radio needs the system's leave to drive an adapter without its Bluetooth stack.
fn drives_adapters(radio: &RadioConfig) -> bool {
    let RadioKind::Broadcast(broadcast) = &radio.kind else { return false };
    broadcast.controllers.iter().any(|one| matches!(one, ControllerAddress::UserChannel(_)))
}

/// As useradd takes it: nothing that means something in a unit.
fn is_user_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(plain)
}

fn below(prefix: Option<&Path>, file: &Path) -> PathBuf {
    let Some(prefix) = prefix else { return file.to_owned() };
    prefix.join(file.strip_prefix("/").unwrap_or(file))
}

fn write_file(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).and_then(|()| fs::write(file, text)).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "; run it with sudo, or with `--user`",
            _ => "",
        };
        Failure::cannot_start(format!("cannot write {}: {error}{advice}", file.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_goes_before_the_path() {
        let file = Path::new("/etc/x.service");
        assert_eq!(below(None, file), file);
        assert_eq!(below(Some(Path::new("/image")), file), Path::new("/image/etc/x.service"));
    }

    #[test]
    fn a_step_that_fails_says_which_and_why() {
        let failed = Step::new(&["ls", "/no such folder"]).run().unwrap_err();
        assert!(format!("{failed:?}").contains("ls /no such folder"), "{failed:?}");
        assert_eq!(Step::new(&["ls", "/no such folder"]).that_may_fail().run(), Ok(()));
        let missing = Step::new(&["no-such-program-of-ours"]).run().unwrap_err();
        assert!(format!("{missing:?}").contains("cannot run"), "{missing:?}");
    }
}
