//! `wristcast service`, below a prefix: nothing of this machine is touched or started.

use std::path::Path;

use crate::wristcast::wristcast;

const SHOW: &str = r#"
name = "Service"
[[group]]
name = "left"
universe = "sacn/1"
address = 1
personality = "rgb"
[[radio]]
kind = "simulated"
"#;

fn output(arguments: &[&str], prefix: &Path) -> (i32, String, String) {
    let prefix = prefix.to_string_lossy();
    let ended = wristcast(&[arguments, &["--prefix", &prefix]].concat());
    (ended.code, ended.stdout, ended.stderr)
}

#[test]
fn a_service_is_installed_shown_and_uninstalled() {
    let folder = tempfile::tempdir().unwrap();
    let show = folder.path().join("show.toml");
    std::fs::write(&show, SHOW).unwrap();
    let image = folder.path().join("image");
    let (code, none, _) = output(&["service", "status"], &image);
    assert_eq!(code, 0);
    assert!(none.starts_with("not installed"), "{none}");

    let (code, installed, said) = output(&["service", "install", &show.to_string_lossy()], &image);
    assert_eq!(code, 0, "{said}");
    let file = installed.trim().strip_prefix("installed: ").unwrap().to_owned();
    let definition = std::fs::read_to_string(&file).unwrap();
    assert!(definition.contains("show.toml") && definition.contains("--keep-awake"));
    assert!(Path::new(&file).starts_with(&image));
    let (_, status, _) = output(&["service", "status"], &image);
    assert_eq!(status, installed);

    let (code, gone, _) = output(&["service", "uninstall"], &image);
    assert_eq!((code, gone.as_str()), (0, format!("uninstalled: {file}\n").as_str()));
    assert!(!Path::new(&file).exists());
    let (code, twice, _) = output(&["service", "uninstall"], &image);
    assert_eq!(code, 0);
    assert!(twice.starts_with("not installed"), "{twice}");
}

#[test]
fn a_show_that_cannot_run_is_not_installed() {
    let folder = tempfile::tempdir().unwrap();
    let show = folder.path().join("show.toml");
    std::fs::write(&show, "colour = 1\n").unwrap();
    let image = folder.path().join("image");
    let (code, _, said) = output(&["service", "install", &show.to_string_lossy()], &image);
    assert_eq!(code, 1);
    assert!(said.contains("colour") && !image.exists(), "{said}");
}

#[test]
fn what_would_be_done_is_printed_and_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let show = folder.path().join("show.toml");
    std::fs::write(&show, SHOW).unwrap();
    let image = folder.path().join("image");
    let (code, printed, _) =
        output(&["service", "install", "--print", &show.to_string_lossy()], &image);
    assert_eq!(code, 0);
    assert!(printed.contains("run") && printed.contains("show.toml"), "{printed}");
    assert!(!image.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn the_service_that_came_as_a_package_is_told_and_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let units = folder.path().join("lib/systemd/system");
    std::fs::create_dir_all(&units).unwrap();
    std::fs::write(units.join("wristcast.service"), "").unwrap();
    let (code, status, _) = output(&["service", "status"], folder.path());
    assert_eq!(code, 0);
    assert!(status.starts_with("installed by the package: "), "{status}");
    let (code, _, said) = output(&["service", "uninstall"], folder.path());
    assert_eq!(code, 2);
    assert!(said.contains("apt remove") && units.join("wristcast.service").exists(), "{said}");
}
