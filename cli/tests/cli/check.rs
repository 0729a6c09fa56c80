//! `wristcast check`.

use crate::wristcast::{file, wristcast};

/// The least show there is, as the README has it.
pub(crate) const FIRST_LIGHT: &str = r#"
name = "First light"

[network]
interfaces = ["lo"]
sacn_port = 5568
artnet_port = 6454

[http]
listen = "127.0.0.1:8420"

[[group]]
name = "floor-left"
universe = "sacn/1"
address = 1
personality = "rgb"

[[group]]
name = "floor-right"
universe = "artnet/0/0/1"
address = 10
personality = "drgb"

[[radio]]
kind = "simulated"
bands_per_group = 10
"#;

#[test]
fn a_good_show_is_printed_as_a_table_with_code_0() {
    let ended = wristcast(&["check", &file("check-good.toml", FIRST_LIGHT)]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let rows: Vec<&str> = ended.stdout.lines().collect();
    let columns = |row: &str| row.split("  ").map(str::trim).filter(|c| !c.is_empty()).count();
    assert_eq!(rows[0].split_whitespace().next(), Some("GROUP"));
    assert!(rows[1].starts_with("floor-left ") && rows[1].contains("sACN 1"), "{}", rows[1]);
    assert!(rows[2].starts_with("floor-right ") && rows[2].contains("10-13"), "{}", rows[2]);
    assert!(rows[..3].iter().all(|row| columns(row) == 6), "{rows:#?}");
    assert!(ended.stdout.contains("2 groups, 2 universes, 1 radio"), "{}", ended.stdout);
    let blackout = "blackout on simulated-1: at worst 64 ms for 20 bands";
    assert!(ended.stdout.contains(blackout), "{}", ended.stdout);
}

#[test]
fn every_mistake_is_told_with_its_place_and_code_1() {
    let show = FIRST_LIGHT.replace("\"rgb\"", "\"rbg\"").replace("address = 10", "address = 513");
    let ended = wristcast(&["check", &file("check-bad.toml", &show)]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("check-bad.toml:16:15"), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean \"rgb\"?"), "{}", ended.stderr);
    assert!(ended.stderr.contains("check-bad.toml:21:11"), "{}", ended.stderr);
}

#[test]
fn warnings_are_told_and_the_show_is_good() {
    let show = FIRST_LIGHT
        .replace("universe = \"artnet/0/0/1\"\naddress = 10", "universe = \"sacn/1\"\naddress = 3");
    let path = file("check-warning.toml", &show);
    let ended = wristcast(&["check", &path]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.contains("warning:"), "{}", ended.stderr);
    let json = wristcast(&["check", "--json", &path]).json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(1), "{json:#}");
}

#[test]
fn json_has_the_patch_of_a_good_show_and_the_mistakes_of_a_bad_one() {
    let good = wristcast(&["check", "--json", &file("check-json-good.toml", FIRST_LIGHT)]);
    assert_eq!((good.code, good.stderr.as_str()), (0, ""));
    assert_eq!(good.json()["patch"][1]["universe"], "artnet/0/0/1");
    assert_eq!(good.json()["patch"][1]["slots"], "10-13");

    let show = FIRST_LIGHT.replace("personality = \"rgb\"", "persona = \"rgb\"");
    let bad = wristcast(&["check", "--json", &file("check-json-bad.toml", &show)]);
    assert_eq!((bad.code, bad.stderr.as_str()), (1, ""));
    let errors = bad.json()["errors"].clone();
    assert!(errors.as_array().unwrap().iter().any(|error| error["line"] == 16), "{errors:#}");
}

#[test]
fn a_file_that_cannot_be_read_is_code_1() {
    let ended = wristcast(&["check", "/no/such/show.toml"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("cannot read /no/such/show.toml"), "{}", ended.stderr);
}
