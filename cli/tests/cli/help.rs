//! Help, version, completions, and command lines that are wrong.

use crate::wristcast::{Running, wristcast};

#[test]
fn help_names_every_command_and_every_exit_code() {
    let help = wristcast(&["--help"]);
    assert_eq!(help.code, 0);
    for word in [
        "run",
        "reload",
        "demo",
        "send",
        "replay",
        "record",
        "sources",
        "monitor",
        "show",
        "check",
        "doctor",
        "bands",
        "service",
        "keys",
        "plan",
        "gdtf",
        "standby",
        "schema",
        "openapi",
        "completions",
        "man",
        "Exit codes",
        "4",
    ] {
        assert!(help.stdout.contains(word), "no `{word}` in\n{}", help.stdout);
    }
}

#[test]
fn help_of_every_command_has_an_example_that_is_itself_a_command() {
    for name in [
        "run",
        "reload",
        "demo",
        "send",
        "replay",
        "record",
        "sources",
        "monitor",
        "show",
        "show info",
        "show convert",
        "show cut",
        "show diff",
        "show render",
        "check",
        "doctor",
        "service",
        "keys",
        "plan",
        "gdtf",
        "standby",
        "schema",
        "completions",
        "man",
    ] {
        let args: Vec<&str> = name.split(' ').chain(["--help"]).collect();
        let help = wristcast(&args);
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains(&format!("\n  wristcast {name}")), "{}", help.stdout);
    }
}

#[test]
fn the_version_is_the_packages() {
    let version = wristcast(&["--version"]);
    assert_eq!(version.stdout, concat!("wristcast ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_wrong_command_line_is_code_2_and_says_what_is_right() {
    for (args, hint) in [
        (&["rum"][..], "run"),
        (&["send", "solid"][..], "UNIVERSES"),
        (&["send", "plaid", "sacn/1"][..], "rainbow"),
        (&["send", "solid", "sacn/0"][..], "sacn/1"),
        (&["send", "solid", "sacn/1", "--priority", "201"][..], "0..=200"),
        (&["send", "solid", "sacn/1", "--rate", "0"][..], "0.1 to 1000"),
        (&["send", "solid", "sacn/1", "--for", "10"][..], "`10s`"),
        (&["send", "solid", "sacn/1", "--personality", "rbg"][..], "drgbsf"),
        (&["send", "solid", "sacn/1", "--address", "511"][..], "do not fit"),
        (&["send", "solid", "sacn/1", "--to", "here"][..], "--to"),
        (&["replay"][..], "FILE"),
        (&["replay", "a.pcapng", "--trace", "-"][..], "--show"),
        (&["replay", "a.pcapng", "--show", "a.toml", "--priority", "1"][..], "--show"),
        (&["replay", "a.pcapng", "--bless", "a"][..], "--bless"),
        (&["replay", "a.pcapng", "--speed", "0"][..], "0.01 to 100"),
        (&["replay", "a.pcapng", "--map", "sacn/1"][..], "sacn/1=sacn/101"),
        (&["replay", "a.pcapng", "--map", "sacn/1=sacn/2", "--map", "sacn/1=sacn/3"][..], "twice"),
        (
            &[
                "replay", "a.pcapng", "--show", "a.toml", "--trace", "-", "--from", "2s", "--to",
                "1s",
            ][..],
            "--from",
        ),
        (&["record"][..], "--output"),
        (&["record", "-o", "show.pcap"][..], ".pcapng.zst"),
        (&["record", "-o", "a.pcapng", "--rotate", "10"][..], "`100MB`"),
        (&["record", "-o", "a.pcapng", "--keep", "2"][..], "--rotate"),
        (&["record", "-o", "a.pcapng", "--min-free", "1"][..], "`1.5GB`"),
        (&["run", "show.toml", "--record", "a.pcap"][..], ".pcapng.zst"),
        (&["reload"][..], "--token-file"),
        (&["reload", "--pid", "0"][..], "greater than 0"),
        (&["reload", "--pid", "1", "--check"][..], "--check"),
        (&["show"][..], "convert"),
        (&["show", "convert", "a.pcapng", "b.mp3"][..], "--format"),
        (&["show", "convert", "a.pcapng", "b.fseq", "--step", "1s"][..], "1ms to 255ms"),
        (&["show", "convert", "a.pcapng", "b.csv", "--map", "sacn/1"][..], "sacn/1=artnet/0/0/1"),
        (&["show", "cut", "a.pcapng", "b.pcapng", "--from", "9"][..], "`1:23:45.5`"),
        (&["show", "cut", "a.pcapng", "b.pcapng", "--from", "9s", "--to", "9s"][..], "--to"),
        (&["show", "render", "a.pcapng", "-o", "b.png"][..], "--show"),
        (&["doctor", "--controllers"][..], "SHOW.toml"),
        (&["sources", "https://127.0.0.1"][..], "http://127.0.0.1:8420"),
        (&["demo", "--bands", "0"][..], "1..=1000"),
        (&["run", "show.toml", "--log", "wristcast=loud"][..], "--log"),
    ] {
        let ended = wristcast(args);
        assert_eq!(ended.code, 2, "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(hint), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = wristcast(&["completions", shell]);
        assert_eq!(script.code, 0, "{shell}");
        assert!(script.stdout.contains("openapi"), "{shell}: {}", script.stdout);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let ended = wristcast(&["man", &folder.path().to_string_lossy()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for page in ["wristcast", "wristcast-run", "wristcast-show-info", "wristcast-service-install"] {
        let text = std::fs::read_to_string(folder.path().join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".TH"), "{page}: {text}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_fault() {
    for args in [&["completions", "bash"][..], &["schema"][..], &["openapi"][..]] {
        let ended = Running::start_unread(args).end();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{args:?}");
    }
}
