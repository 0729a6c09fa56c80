//! `wristcast show`: recordings of real software, converted, cut, compared, drawn; and files that
//! are none.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wristcast::{path, wristcast};

/// A recording of real software.
fn capture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../show-files/captures");
    folder.join(name).to_str().unwrap().to_owned()
}

/// A folder of its own for each test, empty at its beginning.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = path(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.file(name), bytes).unwrap();
        self.file(name)
    }

    /// Everything in it, so that nothing half done is left behind unseen.
    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<String> = self.0.read_dir().unwrap().map(name).collect();
        names.sort();
        names
    }
}

fn info(file: &str) -> Value {
    let ended = wristcast(&["show", "info", file, "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.json()
}

#[test]
fn info_tells_what_is_in_a_capture_with_a_plain_strip_where_nobody_looks() {
    let ended = wristcast(&["show", "info", &capture("ola_fade_sacn_artnet.pcap")]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    for told in ["pcap, ", "0:11.176", "659 ArtDmx", "sacn/2", "artnet/0/0/1", "OLA Server", "@"] {
        assert!(ended.stdout.contains(told), "no `{told}` in\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains('\x1b'), "{}", ended.stdout);
    let json = info(&capture("ola_fade_sacn_artnet.pcap"));
    assert_eq!(json["records"], 1328);
    assert_eq!(json["universes"][0]["frames"], 439);
    assert_eq!(json["universes"][0]["strip"].as_array().unwrap().len(), 64);
    assert_eq!(json["sources"].as_array().unwrap().len(), 3);
    assert!(json["error"].is_null());
}

#[test]
fn a_show_goes_through_every_format_and_stays_the_same_light() {
    let folder = Folder::new("show-formats");
    let first = capture("ola_fade_sacn_artnet.pcap");
    let one = folder.file("sacn.pcapng.zst");
    let ended = wristcast(&["show", "convert", &first, &folder.file("both.ola")]);
    assert_eq!(ended.code, 2, "bare numbers have no room for two protocols: {ended:?}");
    assert!(ended.stderr.contains("would both become universe 1"), "{ended:?}");
    let ended = wristcast(&["show", "convert", &first, &one, "--universe", "sacn/1..2"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let mut last = one.clone();
    for name in ["a.fseq", "b.show", "c.csv", "d.pcapng"] {
        let next = folder.file(name);
        let ended = wristcast(&["show", "convert", &last, &next, "--step", "5ms"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        last = next;
    }
    let ended = wristcast(&["show", "diff", &one, &last, "--time-tolerance", "8ms"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.starts_with("equal"), "{ended:?}");
    assert_eq!(info(&folder.file("b.show"))["format"], "OLA show");
    assert_eq!(folder.names().len(), 5, "{:?}", folder.names());
}

#[test]
fn a_difference_is_code_1_with_time_universe_and_slot() {
    let folder = Folder::new("show-diff");
    let first = folder.write("a.csv", "t_ms,universe,ch1\n0,sacn/1,9,1\n1000,sacn/1,8,1\n");
    let second =
        folder.write("b.csv", "t_ms,universe,ch1\n0,sacn/1,9,1\n1040,sacn/1,8,1\n2000,sacn/4,1\n");
    let ended = wristcast(&["show", "diff", &first, &second]);
    assert_eq!((ended.code, ended.stderr.as_str()), (1, ""), "{ended:?}");
    for told in ["sacn/4", "0:01.000 for 40.0 ms: sacn/1 slot 1 is 8 in A and 9 in B"] {
        assert!(ended.stdout.contains(told), "no `{told}` in\n{}", ended.stdout);
    }
    let json = wristcast(&["show", "diff", &first, &second, "--json"]);
    assert_eq!((json.code, &json.json()["count"]), (1, &2.into()));
    let third = folder.write("c.csv", "t_ms,universe,ch1\n0,sacn/1,9,1\n1040,sacn/1,8,1\n");
    for tolerance in [["--time-tolerance", "40ms"], ["--level-tolerance", "1"]] {
        let ended = wristcast(&[&["show", "diff", &first, &third], &tolerance[..]].concat());
        assert_eq!(ended.code, 0, "{tolerance:?}: {ended:?}");
    }
}

#[test]
fn a_cut_begins_with_the_levels_held_at_that_moment() {
    let folder = Folder::new("show-cut");
    let whole = folder.write(
        "whole.csv",
        "t_ms,universe,ch1\n0,sacn/1,10\n0,sacn/2,20\n5000,sacn/1,11\n9000,sacn/1,12\n",
    );
    let part = folder.file("part.csv");
    let ended = wristcast(&["show", "cut", &whole, &part, "--from", "0:04", "--to", "6s"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let text = std::fs::read_to_string(&part).unwrap();
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(rows, ["0,sacn/1,10", "0,sacn/2,20", "1000,sacn/1,11"]);
    let args = ["show", "cut", &whole, &part, "--from", "6s", "--universe", "sacn/2", "--force"];
    assert_eq!(wristcast(&args).code, 0);
    let text = std::fs::read_to_string(&part).unwrap();
    assert_eq!(text.lines().nth(1), Some("0,sacn/2,20"));
    let ended = wristcast(&["show", "cut", &whole, &folder.file("none.csv"), "--from", "1h"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.stderr.contains("nothing"), "{ended:?}");
    assert_eq!(folder.names(), ["part.csv", "whole.csv"]);
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force_and_only_by_a_whole_one() {
    let folder = Folder::new("show-force");
    let first = capture("ola_recorded.show");
    let place = folder.write("out.csv", "precious");
    let ended = wristcast(&["show", "convert", &first, &place]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("out.csv is there already"), "{ended:?}");
    let none = folder.write("none.pcapng", "no show at all");
    let ended = wristcast(&["show", "convert", &none, &place, "--force"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert_eq!(std::fs::read(&place).unwrap(), b"precious");
    assert_eq!(wristcast(&["show", "convert", &first, &place, "--force"]).code, 0);
    assert_eq!(info(&place)["records"], 360);
    let ended = wristcast(&["show", "convert", &first, "/no/such/folder/a.csv"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("/no/such/folder/a.csv"), "{ended:?}");
    assert_eq!(folder.names(), ["none.pcapng", "out.csv"]);
}

#[test]
fn a_picture_has_a_row_for_every_group() {
    let folder = Folder::new("show-render");
    let show = folder.write("show.toml", crate::run::show(5568, 6454));
    let recording = capture("ola_fade_sacn_artnet.pcap");
    let png = folder.file("crowd.png");
    let ended = wristcast(&["show", "render", &recording, "--show", &show, "-o", &png]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    let html = folder.file("crowd.html");
    assert_eq!(wristcast(&["show", "render", &recording, "--show", &show, "-o", &html]).code, 0);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("[\"left\",") && page.contains("[\"right\",") && page.contains("Test"));
    let ended = wristcast(&["show", "render", &recording, "--show", &show, "-o", "crowd.gif"]);
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn a_damaged_capture_is_told_with_its_byte_and_used_as_far_as_it_goes() {
    let folder = Folder::new("show-damaged");
    let mut bytes = std::fs::read(capture("npm_sacn.pcap")).unwrap();
    let middle = 24 + (16 + 680) * 100;
    bytes[middle + 8..middle + 12].copy_from_slice(&[0xFF; 4]);
    let damaged = folder.write("damaged.pcap", bytes);
    let place = format!("damaged.pcap: byte {middle}: ");
    let ended = wristcast(&["show", "info", &damaged]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains(&place), "{ended:?}");
    assert!(ended.stderr.contains("the 100 records before it"), "{ended:?}");
    assert!(ended.stdout.contains("records  100"), "{ended:?}");
    let saved = folder.file("saved.pcapng");
    let ended = wristcast(&["show", "convert", &damaged, &saved]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains(&place) && ended.stderr.contains("saved.pcapng holds those"));
    assert_eq!(info(&saved)["records"], 100);
    let ended = wristcast(&["show", "diff", &saved, &damaged]);
    assert_eq!(ended.code, 3, "damage is no difference: {ended:?}");
    assert!(ended.stderr.contains(&place), "{ended:?}");
}

#[test]
fn files_that_are_no_show_are_refused_by_name_whatever_is_asked_of_them() {
    let folder = Folder::new("show-hostile");
    let show = folder.write("show.toml", crate::run::show(5568, 6454));
    let good = capture("ola_recorded.show");
    let pcapng_of_lies = [&b"\x0a\x0d\x0d\x0a"[..], &[0xFF; 60]].concat();
    let fseq_of_lies = [&b"PSEQ"[..], &[0xFF; 60]].concat();
    for (name, bytes) in [
        ("empty", &[][..]),
        ("zeros", &[0; 4096]),
        ("text.show", b"OLA Show\n1 300\n"),
        ("text.csv", b"t_ms,universe,ch1\nsoon,sacn/1,5\n"),
        ("lies.pcapng", &pcapng_of_lies),
        ("lies.fseq", &fseq_of_lies),
        ("lies.zst", b"\x28\xb5\x2f\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0"),
        ("archive.zip", b"PK\x03\x04"),
    ] {
        let file = folder.write(name, bytes);
        let (out, picture) = (folder.file("out.pcapng"), folder.file("out.png"));
        for (args, code) in [
            (&["show", "info", &file][..], 1),
            (&["show", "convert", &file, &out], 1),
            (&["show", "cut", &file, &out, "--to", "1s"], 1),
            (&["show", "diff", &good, &file], 3),
            (&["show", "diff", &file, &good], 3),
            (&["show", "render", &file, "--show", &show, "-o", &picture], 1),
        ] {
            let ended = wristcast(args);
            assert_eq!(ended.code, code, "{args:?}: {ended:?}");
            assert!(ended.stderr.contains(&format!("{name}: byte ")), "{args:?}: {ended:?}");
        }
    }
    assert!(!folder.names().iter().any(|name| name.starts_with("out") || name.contains("part")));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for args in [
        &["show", "info", "/no/such/show.pcapng"][..],
        &["show", "convert", "/no/such/show.pcapng", "out.csv"],
        &["show", "info", "/"],
    ] {
        let ended = wristcast(args);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stderr.contains(args[2]), "{ended:?}");
    }
}
