//! `wristcast bands`, and `wristcast check` of a band profile.

use crate::wristcast::{file, wristcast};

const MY_BAND: &str = r#"
about = "a band of ours"
names = ["MINE*"]
characteristic = "fff3"
min_interval_ms = 50
on = "7E 01"
colour = "7E 02 r>>3<=31 g>>3<=31 b>>3<=31 sum"

[[example]]
look = { red = 255 }
frame = "7E 02 1F 00 00 9F"
sources = ["our firmware"]
"#;

#[test]
fn profiles_are_listed_with_what_their_bands_can_do() {
    let ended = wristcast(&["bands", "profiles"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let row = |name: &str| {
        let mut rows = ended.stdout.lines();
        rows.find(|row| row.starts_with(&format!("{name} "))).unwrap_or_default().to_owned()
    };
    assert!(row("wristcast").contains("band"), "{}", ended.stdout);
    assert!(row("ideal-led").contains("ISP-*"), "{}", ended.stdout);
    for name in ["elk-bledom", "ledble", "triones", "magicblue", "govee", "bj-led", "playbulb"] {
        assert!(row(name).contains("relay"), "{name}:\n{}", ended.stdout);
    }
    let json = wristcast(&["bands", "profiles", "--json"]).json();
    assert!(json.as_array().unwrap().len() >= 12, "{json:#}");
    let frames = wristcast(&["bands", "profiles", "--frames", "triones"]);
    assert!(frames.stdout.contains("56 FF 00 00 00 F0 AA"), "{}", frames.stdout);
    assert_eq!(wristcast(&["bands", "profiles", "--frames", "trione"]).code, 2);
}

#[test]
fn a_profile_of_ones_own_is_checked_and_its_frames_are_shown() {
    let path = file("bands-mine.toml", MY_BAND);
    let ended = wristcast(&["check", &path]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    for words in ["after connecting  7E 01", "red  ", "7E 02 1F 00 00 9F", "a band of ours"] {
        assert!(ended.stdout.contains(words), "{words}:\n{}", ended.stdout);
    }
    assert_eq!(wristcast(&["check", "--json", &path]).json()["ok"], true);
}

#[test]
fn a_profile_that_would_exceed_a_range_is_refused_with_its_place() {
    let path = file("bands-wrong.toml", &MY_BAND.replace("g>>3<=31", "g<=31"));
    let ended = wristcast(&["check", &path]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("bands-wrong.toml:7:26"), "{}", ended.stderr);
    assert!(ended.stderr.contains("no more than 31 may be sent"), "{}", ended.stderr);
    let json = wristcast(&["check", "--json", &path]).json();
    assert_eq!(json["errors"][0]["line"], 7, "{json:#}");
}

#[test]
fn a_show_uses_a_profile_that_lies_beside_it() {
    file("bands-beside.toml", MY_BAND);
    let show = "name = \"T\"\n[network]\ninterfaces = [\"eth0\"]\n[[group]]\nname = \"floor\"\n\
        universe = \"sacn/1\"\naddress = 1\npersonality = \"rgb\"\n[[radio]]\nkind = \"gatt\"\n\
        profile = \"bands-beside.toml\"\nbands = [{ id = \"A\", group = \"floor\" }]\n";
    let path = file("bands-beside-show.toml", show);
    let ended = wristcast(&["check", &path]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let listed = wristcast(&["bands", "profiles", &path]).stdout;
    assert!(listed.contains("bands-beside  "), "{listed}");
}
