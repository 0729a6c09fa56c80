//! Makes the recordings of `show-files/recorded` again, those that no capture is kept of:
//! `cargo run -p wristcast-tests --example make_recorded_shows`, then `wristcast replay --bless`.

use wristcast_tests::recorded::{RECORDINGS, show_files};

fn main() -> std::io::Result<()> {
    for recording in RECORDINGS {
        let folder = show_files().join("recorded").join(recording.name);
        let bytes = recording.make();
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("input.pcapng.zst"), &bytes)?;
        println!("{}: {} bytes", recording.name, bytes.len());
    }
    Ok(())
}
