//! The header as a C compiler and a C program see it.

use std::path::{Path, PathBuf};
use std::process::Command;

use broadcast_frame::{Header, Key, Look, frame};
// So that the library is there to be linked.
use wristcast_band as _;

/// Where cargo puts `libwristcast_band.a`: beside the test, or a directory above it.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let candidates = test.ancestors().skip(1).take(2).flat_map(|dir| {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("libwristcast_band") && name.ends_with(".a")
        })
    });
    let newest = |path: &PathBuf| path.metadata().and_then(|file| file.modified()).ok();
    candidates.max_by_key(newest).expect("the static library beside the tests")
}

fn cc(arguments: &[&Path], out: &Path) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done = Command::new(&compiler)
        .args(std::env::var("CFLAGS").unwrap_or_default().split_whitespace())
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(here)
        .arg(here.join("tests/band.c"))
        .args(arguments)
        .args(["-o".as_ref(), out])
        .args(["-lpthread", "-ldl", "-lm"])
        .output();
    let done = done.unwrap_or_else(|error| panic!("no C compiler `{compiler}`: {error}"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_c_program_hears_what_the_encoder_writes() {
    let out = std::env::temp_dir().join(format!("wristcast-band-{}", std::process::id()));
    cc(&[&library()], &out);
    let key = Key(core::array::from_fn(|n| n as u8));
    let looks = [
        Look { levels: [1, 2, 3, 4], ..Look::DARK },
        Look { levels: [250, 128, 7, 0], fade_cs: 50, ..Look::DARK },
    ];
    let header = Header { show: 7, stamp: 99, execute_in_ms: 100, base: 300, ..Header::default() };
    let hear = |group: &str, authenticated: &str, bytes: &[u8]| {
        let bytes = bytes.iter().map(|byte| format!("{byte:02x}"));
        let heard = Command::new(&out).args(["7", group, authenticated]).args(bytes).output();
        let heard = heard.expect("the program that was compiled");
        assert!(heard.status.success(), "{heard:?}");
        String::from_utf8(heard.stdout).expect("text").trim().to_owned()
    };
    let mut frame = [0; 241];
    let encoded = frame::encode(&header, &looks, Some(&key), &mut frame);
    let len = encoded.expect("room").len;
    assert_eq!(hear("300", "1", &frame[..len]), "0 1 2 3 4");
    assert_eq!(hear("301", "1", &frame[..len]), "0 250 128 7 0");
    assert_eq!(hear("302", "1", &frame[..len]), "1 0 0 0 0", "a group that is not in it");
    frame[20] ^= 1;
    assert_eq!(hear("300", "1", &frame[..len]), "19 0 0 0 0", "forged");
    let encoded = frame::encode(&header, &looks, None, &mut frame);
    let len = encoded.expect("room").len;
    assert_eq!(hear("300", "1", &frame[..len]), "18 0 0 0 0", "no code");
    assert_eq!(hear("300", "0", &frame[..len]), "0 1 2 3 4");
    let _ = std::fs::remove_file(&out);
}
