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
    // The radio's, before there is a band.
    let empty = show.replace("bands = [{ id = \"A\", group = \"floor\" }]\n", "");
    let path = file("bands-beside-empty.toml", &empty);
    let listed = wristcast(&["bands", "profiles", &path]).stdout;
    assert_eq!(listed.matches("bands-beside  ").count(), 1, "{listed}");
    // A scan calls it by its file, and so does the inventory.
    let near = "[{ \"id\": \"F0:00:00:00:00:05\", \"name\": \"MINE-5\", \"rssi\": -40, \
        \"profile\": \"bands-beside.toml\" }]";
    let seen = file("bands-beside.json", near);
    let _ = std::fs::remove_file(crate::wristcast::path("bands-beside-empty.bands.toml"));
    let args = ["bands", "assign", &path, "floor", "--name", "MINE*", "--seen", &seen];
    let ended = wristcast(&args);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(wristcast(&["check", &path]).code, 0);
}

const SHOW: &str = "name = \"T\"\n[network]\ninterfaces = [\"eth0\"]\n[[group]]\nname = \"left\"\n\
    universe = \"sacn/1\"\naddress = 1\npersonality = \"rgb\"\n[[group]]\nname = \"right\"\n\
    universe = \"sacn/1\"\naddress = 4\npersonality = \"rgb\"\n[[radio]]\nkind = \"gatt\"\n";

const SEEN: &str = r#"[
    { "id": "F0:00:00:00:00:02", "name": "wristcast-2", "rssi": -38, "profile": "wristcast", "battery": 80 },
    { "id": "F0:00:00:00:00:01", "name": "wristcast-1", "rssi": -52, "profile": "wristcast" },
    { "id": "F0:00:00:00:00:03", "name": "ELK-BLEDOM", "rssi": -54, "profile": "elk-bledom" },
    { "id": "F0:00:00:00:00:09", "name": "Somebody's phone", "rssi": -30 }
]"#;

/// A show, a scan of its bands, and where its inventory is.
fn stock(name: &str) -> (String, String, std::path::PathBuf) {
    let show = file(&format!("{name}.toml"), SHOW);
    let seen = file(&format!("{name}.json"), SEEN);
    let inventory = crate::wristcast::path(&format!("{name}.bands.toml"));
    let _ = std::fs::remove_file(&inventory);
    (show, seen, inventory)
}

#[test]
fn a_scan_lists_bands_with_their_strength_kind_battery_and_group() {
    let (show, seen, _) = stock("bands-scan");
    let ended = wristcast(&["bands", "scan", &show, "--seen", &seen]);
    assert_eq!((ended.code, ended.stderr.contains("error")), (0, false), "{ended:?}");
    let rows: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(rows.len(), 4, "the phone is no band: {}", ended.stdout);
    for cell in ["wristcast-2", "F0:00:00:00:00:02", "-38 dBm", "wristcast", "80 %"] {
        assert!(rows[1].contains(cell), "{cell}: {}", rows[1]);
    }
    let all = wristcast(&["bands", "scan", "--seen", &seen, "--all", "--json"]).json();
    assert_eq!(all.as_array().map(Vec::len), Some(4));
}

#[test]
fn bands_are_assigned_by_id_by_name_and_by_nearness_and_the_relay_knows_them() {
    let (show, seen, inventory) = stock("bands-assign");
    let assign = |args: &[&str]| {
        let ended = wristcast(&[&["bands", "assign", &show][..], args].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.stdout
    };
    let told = assign(&["left", "--nearest", "--seen", &seen]);
    assert!(told.contains("F0:00:00:00:00:02 (wristcast-2): left"), "{told}");
    assign(&["right", "--id", "F0:00:00:00:00:07", "--profile", "triones"]);
    let told = assign(&["right", "--name", "wristcast-*", "--seen", &seen]);
    assert!(told.contains("wristcast-2): right, was in left"), "{told}");
    let text = std::fs::read_to_string(&inventory).unwrap();
    std::fs::write(&inventory, format!("# by the stage\n{text}")).unwrap();
    assert_eq!(wristcast(&["bands", "forget", &show, "F0:00:00:00:00:01"]).code, 0);

    let listed = wristcast(&["bands", "list", &show, "--json"]).json();
    let groups: Vec<_> =
        listed.as_array().unwrap().iter().map(|b| (b["id"].clone(), b["group"].clone())).collect();
    assert_eq!(groups.len(), 2, "{listed:#}");
    assert!(groups.iter().all(|(_, group)| group == "right"), "{listed:#}");
    assert!(std::fs::read_to_string(&inventory).unwrap().starts_with("# by the stage\n"));
    let checked = wristcast(&["check", &show]);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stderr.contains("no radio has bands in group \"left\""), "{checked:?}");
    assert!(!checked.stderr.contains("\"right\""), "{checked:?}");
}

#[test]
fn an_assignment_that_cannot_be_meant_changes_nothing() {
    let (show, seen, inventory) = stock("bands-refused");
    for (args, code, words) in [
        (&["lefd", "--id", "A"][..], 2, "no group is called `lefd`"),
        (&["left", "--id", "A", "--radio", "up"][..], 2, "no radio is called `up`"),
        (&["left", "--name", "Some*", "--seen", &seen][..], 2, "what kind of band"),
        (&["left", "--name", "nobody", "--seen", &seen][..], 3, "no band called nobody"),
        (&["left", "--nearest", "--id", "A"][..], 2, "cannot be used with"),
        (&["left"][..], 2, "--nearest"),
    ] {
        let ended = wristcast(&[&["bands", "assign", &show][..], args].concat());
        assert_eq!(ended.code, code, "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{args:?}: {}", ended.stderr);
        assert!(!inventory.exists(), "{args:?}");
    }
    // Equally near: nobody can tell which is meant.
    let close = file("bands-close.json", &SEEN.replace("-38", "-50"));
    let ended = wristcast(&["bands", "assign", &show, "left", "--nearest", "--seen", &close]);
    assert!(ended.code == 3 && ended.stderr.contains("equally near"), "{ended:?}");
}

#[test]
fn an_inventory_that_is_wrong_is_told_with_its_place_and_left_alone() {
    let (show, _, inventory) = stock("bands-wrong-inventory");
    std::fs::write(&inventory, "[[band]]\nid = \"A\"\ngruop = \"left\"\n").unwrap();
    for args in [&["bands", "list", &show][..], &["check", &show][..]] {
        let ended = wristcast(args);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains("bands-wrong-inventory.bands.toml:3:1"), "{}", ended.stderr);
    }
}

#[test]
fn identifying_bands_that_the_show_has_not_is_a_wrong_command_line() {
    let (show, ..) = stock("bands-identify");
    let ended = wristcast(&["bands", "identify", &show, "--id", "F0:00:00:00:00:01"]);
    assert!(ended.code == 2 && ended.stderr.contains("no such band"), "{ended:?}");
}
