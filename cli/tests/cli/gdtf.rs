//! `wristcast gdtf`: files that the GDTF library reads and finds nothing wrong with, and that are
//! the same in every export.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::wristcast::{file, wristcast};

const SHOW: &str = r#"
name = "Patch"
[[group]]
name = "floor <left>"
universe = "sacn/3"
address = 10
personality = "drgb"
position = [-2.5, 12]
[[group]]
name = "right"
universe = "artnet/0/0/1"
address = 1
personality = ["dimmer", "unused", "red", "green", "blue", "strobe", "fade"]
[[group]]
name = "over"
universe = "sacn/1"
address = 511
personality = "rgb"
spans_universes = true
[[radio]]
kind = "simulated"
"#;

fn export(show: &str, folder: &Path) -> String {
    let mvr = folder.join("venue.mvr");
    let (folder, mvr) = (folder.to_string_lossy(), mvr.to_string_lossy());
    let ended = wristcast(&["gdtf", show, "-o", &folder, "--mvr", &mvr]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

fn text_of(archive: &Path, name: &str) -> String {
    let mut zip = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_fixture_is_valid_gdtf_with_the_slots_of_its_personality() {
    let folder = tempfile::tempdir().unwrap();
    let show = file("gdtf-valid.toml", SHOW);
    export(&show, folder.path());
    for (mode, channels) in [
        ("rgb", &["1.1 ColorAdd_R", "1.2 ColorAdd_G", "1.3 ColorAdd_B"][..]),
        ("drgb", &["1.1 Dimmer", "1.2 ColorAdd_R", "1.3 ColorAdd_G", "1.4 ColorAdd_B"]),
        ("rgbw", &["1.1 ColorAdd_R", "1.2 ColorAdd_G", "1.3 ColorAdd_B", "1.4 ColorAdd_W"]),
        (
            "drgbw",
            &["1.1 Dimmer", "1.2 ColorAdd_R", "1.3 ColorAdd_G", "1.4 ColorAdd_B", "1.5 ColorAdd_W"],
        ),
        (
            "drgbsf",
            &[
                "1.1 Dimmer",
                "1.2 ColorAdd_R",
                "1.3 ColorAdd_G",
                "1.4 ColorAdd_B",
                "1.5 Shutter1",
                "1.6 GlobalMSpeed",
            ],
        ),
        (
            "custom D-RGBSF",
            &[
                "1.1 Dimmer",
                "1.3 ColorAdd_R",
                "1.4 ColorAdd_G",
                "1.5 ColorAdd_B",
                "1.6 Shutter1",
                "1.7 GlobalMSpeed",
            ],
        ),
        ("custom RG+B", &["1.1 ColorAdd_R", "1.2 ColorAdd_G", "2.1 ColorAdd_B"]),
    ] {
        let path =
            folder.path().join(format!("wristcast@Wristband_{}.gdtf", mode.replace(' ', "_")));
        let mut gdtf = gdtf::GdtfFile::new(File::open(&path).unwrap()).unwrap();
        let wrong = gdtf.validate();
        assert!(wrong.errors.is_empty(), "{mode}: {:?}", wrong.errors);
        let fixture = &gdtf.description.fixture_types[0];
        assert_eq!(fixture.dmx_modes.len(), 1, "{mode}");
        assert_eq!(
            fixture.dmx_modes[0].name.as_ref().map(|name| name.to_string()),
            Some(mode.into())
        );
        let text = text_of(&path, "description.xml");
        let found: Vec<String> = text
            .lines()
            .filter(|line| line.contains("<DMXChannel ") || line.contains("<LogicalChannel "))
            .collect::<Vec<_>>()
            .chunks(2)
            .map(|pair| {
                let of = |line: &str, key: &str| {
                    line.split(&format!(" {key}=\""))
                        .nth(1)
                        .unwrap()
                        .split('"')
                        .next()
                        .unwrap()
                        .to_owned()
                };
                format!(
                    "{}.{} {}",
                    of(pair[0], "DMXBreak"),
                    of(pair[0], "Offset"),
                    of(pair[1], "Attribute")
                )
            })
            .collect();
        assert_eq!(found, channels, "{mode}");
    }
    let text = text_of(&folder.path().join("wristcast@Wristband_drgbsf.gdtf"), "description.xml");
    let strobe = r#"Name="Strobe" Attribute="Shutter1Strobe" OriginalAttribute="" DMXFrom="10/1" Default="10/1" PhysicalFrom="1" PhysicalTo="25""#;
    assert!(text.contains(strobe), "{text}");
}

#[test]
fn the_scene_has_every_group_at_its_place_and_address() {
    let folder = tempfile::tempdir().unwrap();
    let said = export(&file("gdtf-scene.toml", SHOW), folder.path());
    // Art-Net comes after the sACN universes: port-address 1 is the second after 3.
    assert!(said.contains("universe 5 of the scene is artnet/0/0/1"), "{said}");
    let mvr = folder.path().join("venue.mvr");
    let scene = text_of(&mvr, "GeneralSceneDescription.xml");
    let fixtures: Vec<&str> = scene.split("<Fixture ").skip(1).collect();
    assert_eq!(fixtures.len(), 3);
    for (fixture, words) in fixtures.iter().zip([
        &[
            r#"name="floor &lt;left&gt;""#,
            "{-2500,12000,0}</Matrix>",
            "<GDTFSpec>wristcast@Wristband_drgb.gdtf</GDTFSpec>",
            "<GDTFMode>drgb</GDTFMode>",
            r#"<Address break="0">1034</Address>"#,
        ][..],
        &[r#"name="right""#, r#"<Address break="0">2049</Address>"#],
        &[
            "<GDTFMode>custom RG+B</GDTFMode>",
            r#"<Address break="0">511</Address>"#,
            r#"<Address break="1">513</Address>"#,
        ],
    ]) {
        for word in words {
            assert!(fixture.contains(word), "no {word} in {fixture}");
        }
    }
    for fixture in ["drgb", "custom_D-RGBSF", "custom_RG+B"] {
        let inside = format!("wristcast@Wristband_{fixture}.gdtf");
        let zip = zip::ZipArchive::new(File::open(&mvr).unwrap()).unwrap();
        assert!(zip.file_names().any(|name| name == inside), "{inside}");
    }
}

#[test]
fn two_exports_are_the_same_bytes() {
    let show = file("gdtf-same.toml", SHOW);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    export(&show, one.path());
    export(&show, other.path());
    let mut files = 0;
    for entry in std::fs::read_dir(one.path()).unwrap() {
        let name = entry.unwrap().file_name();
        let read = |folder: &Path| std::fs::read(folder.join(&name)).unwrap();
        assert_eq!(read(one.path()), read(other.path()), "{name:?}");
        files += 1;
    }
    assert_eq!(files, 8);
}

#[test]
fn without_a_show_the_named_personalities_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let ended = wristcast(&["gdtf", "-o", &folder.path().to_string_lossy()]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 5), "{ended:?}");
    let ended = wristcast(&["gdtf", "--mvr", "venue.mvr"]);
    assert_eq!(ended.code, 2);
}
