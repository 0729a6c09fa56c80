//! Commands around the broadcast: `keys`, `plan`, and what `check` says of the air.

use crate::wristcast::{file, wristcast};

const SHOW: &str = r#"
name = "On air"

[[group]]
name = "seat-{}"
count = 80
universe = "sacn/1"
address = 1
personality = "rgb"

[[radio]]
kind = "broadcast"
name = "roof"
controllers = ["tcp:127.0.0.1:9"]
key = "KEY"
way = "periodic"
"#;

#[test]
fn check_says_how_long_the_air_takes_at_worst() {
    let show = file("air-none.toml", &SHOW.replace("KEY", "none"));
    let ended = wristcast(&["check", &show]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    // 78 groups of any colours without a code fit one frame.
    assert!(ended.stdout.contains("80 groups in 2 frames of 21 ms"), "{}", ended.stdout);
    assert!(ended.stdout.contains("99 % of bands have it in 168 ms"), "{}", ended.stdout);
    assert!(ended.stdout.contains("from lead_ms = 168 on, 99 % show it"), "{}", ended.stdout);
    assert!(ended.stdout.contains("no key: anyone near"), "{}", ended.stdout);
    let ahead = SHOW.replace("KEY", "none") + "lead_ms = 168\n";
    let ended = wristcast(&["check", &file("air-ahead.toml", &ahead)]);
    assert!(ended.code == 0 && !ended.stdout.contains("from lead_ms"), "{}", ended.stdout);
    let json = wristcast(&["check", &show, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["on_air"][0]["until_999_ms"], 252);
}

#[test]
fn a_key_that_was_made_lets_the_show_pass_and_a_missing_one_says_how_to_make_it() {
    let show = file("air-key.toml", &SHOW.replace("KEY", "air-key.key"));
    let key = show.replace("air-key.toml", "air-key.key");
    let _ = std::fs::remove_file(&key);
    let without = wristcast(&["check", &show]);
    assert_eq!(without.code, 1);
    assert!(without.stderr.contains("wristcast keys new air-key.key"), "{}", without.stderr);

    let made = wristcast(&["keys", "new", &key]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""), "{made:?}");
    let first = std::fs::read_to_string(&key).unwrap();
    for secret in first.lines().filter_map(|line| line.split_once(" = ")) {
        assert!(!made.stdout.contains(secret.1), "a key belongs on no screen");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else reads it");
    }
    assert_eq!(wristcast(&["check", &show]).code, 0);

    let again = wristcast(&["keys", "new", &key]);
    assert_eq!(again.code, 3);
    assert_eq!(std::fs::read_to_string(&key).unwrap(), first, "keys are never overwritten");

    assert_eq!(wristcast(&["keys", "rotate", &key]).code, 0);
    let rotated = std::fs::read_to_string(&key).unwrap();
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line.split_once(" = ").unwrap().1.to_owned()
    };
    assert_eq!(value(&rotated, "key"), value(&first, "next"));
    assert_ne!(value(&rotated, "next"), value(&first, "next"));
    assert_eq!(wristcast(&["check", &show]).code, 0);
}

#[test]
fn plan_reckons_a_venue_and_draws_it() {
    let picture = file("plan.svg", "");
    let ended = wristcast(&[
        "plan",
        "--bands",
        "50000",
        "--area",
        "30000",
        "--radios",
        "32",
        "--groups",
        "80",
        "--way",
        "periodic",
        "--loss",
        "0.3",
        "--picture",
        &picture,
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let row = |what: &str| {
        let row = ended.stdout.lines().find(|line| line.starts_with(what));
        row.unwrap_or_else(|| panic!("no {what} in {}", ended.stdout)).to_owned()
    };
    assert!(row("covered, radios on a grid").ends_with("100.0 %"));
    assert!(row("radios a band hears").ends_with("3.0"));
    assert!(row("frames for all groups").ends_with('2'));
    assert!(row("every group changes: 99.9 %").ends_with("ms"));
    let svg = std::fs::read_to_string(&picture).unwrap();
    assert_eq!(svg.matches("r=\"3\"").count(), 32, "every radio");
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    for wrong in [["--loss", "1"], ["--area", "0"], ["--radios", "0"], ["--interval", "x"]] {
        assert_eq!(wristcast(&["plan", wrong[0], wrong[1]]).code, 2, "{wrong:?}");
    }
}
