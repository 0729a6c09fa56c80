//! The recorded shows of `show-files/recorded` that no software of others made: what each console
//! sent, packet by packet, so that the recordings can be made again, byte for byte.

mod console;
mod shows;

use std::fs::File;
use std::io::{self, BufReader, Cursor};
use std::path::{Path, PathBuf};

use wristcast_core::config::Config;
use wristcast_core::show::ReadOptions;
use wristcast_core::show::convert::{ConvertOptions, Remap, Target, convert};
use wristcast_core::show::encode::Sender;
use wristcast_core::show::offline::{Replayed, replay};

/// A recording and how it comes to be.
#[derive(Clone, Copy, Debug)]
pub struct Recording {
    /// Its folder in `show-files/recorded`.
    pub name: &'static str,
    make: Origin,
}

#[derive(Clone, Copy, Debug)]
enum Origin {
    /// Played by the consoles of [`shows`].
    Played(fn() -> Vec<u8>),
    /// A capture of `show-files/captures`, packed.
    Capture(&'static str),
}

/// The recordings that can be made again.
pub const RECORDINGS: [Recording; 7] = [
    Recording { name: "theatre-fades", make: Origin::Played(shows::theatre_fades) },
    Recording { name: "chase-44hz", make: Origin::Played(shows::chase_44hz) },
    Recording { name: "strobe", make: Origin::Played(shows::strobe) },
    Recording { name: "strobe-held", make: Origin::Played(shows::strobe) },
    Recording { name: "failover", make: Origin::Played(shows::failover) },
    Recording { name: "synchronised", make: Origin::Capture("rustlight_sync.pcap") },
    Recording { name: "olad-both-protocols", make: Origin::Capture("ola_fade_sacn_artnet.pcap") },
];

impl Recording {
    /// Makes the recording.
    ///
    /// # Panics
    /// If the capture it is made of cannot be read.
    pub fn make(&self) -> Vec<u8> {
        match self.make {
            Origin::Played(play) => play(),
            Origin::Capture(name) => {
                let path = show_files().join("captures").join(name);
                let capture = File::open(&path);
                let capture = capture.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                repacked(BufReader::new(capture), true)
            }
        }
    }
}

/// `show-files`.
pub fn show_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../show-files")
}

/// The same capture as pcapng, packed with zstd or not: every datagram at its nanosecond.
///
/// # Panics
/// If it is no sound capture.
pub fn repacked(recording: impl io::Read + io::Seek, zstd: bool) -> Vec<u8> {
    let (read, remap, sender) = (ReadOptions::default(), Remap::default(), Sender::default());
    let options = ConvertOptions { read, remap, target: Target::Pcapng { zstd }, sender };
    let mut out = Cursor::new(Vec::new());
    let converted = convert(recording, &mut out, &options).expect("a sound recording");
    assert!(converted.error.is_none(), "{:?}", converted.error);
    out.into_inner()
}

/// A folder with a show file, a recording and the trace expected of the two.
#[derive(Debug)]
pub struct RecordedShow {
    /// The folder's name.
    pub name: String,
    /// The show file.
    pub config: Config,
    /// The recording.
    pub recording: Vec<u8>,
    /// `expected.trace`.
    pub expected: String,
}

impl RecordedShow {
    /// Every folder of `show-files/recorded`, by name.
    ///
    /// # Panics
    /// If one of them lacks a file or has a wrong one.
    pub fn all() -> Vec<Self> {
        let folder = show_files().join("recorded");
        let entries = std::fs::read_dir(&folder).expect("show-files/recorded");
        let mut folders: Vec<PathBuf> =
            entries.map(|e| e.expect("an entry").path()).filter(|p| p.is_dir()).collect();
        folders.sort();
        folders.iter().map(|folder| Self::load(folder)).collect()
    }

    fn load(folder: &Path) -> Self {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        let input = ["input.pcapng", "input.pcapng.zst"].map(|name| folder.join(name));
        let input = input.iter().find(|path| path.exists());
        let input = input.unwrap_or_else(|| panic!("no recording in {}", folder.display()));
        let config = match Config::parse(&read("show.toml"), "show.toml") {
            Ok((config, _)) => config,
            Err(errors) => panic!("{}: {errors:?}", folder.display()),
        };
        Self {
            name: folder.file_name().expect("a name").to_string_lossy().into_owned(),
            config,
            recording: std::fs::read(input).expect("a recording"),
            expected: read("expected.trace"),
        }
    }

    /// What `recording` gives by this show file: the trace, and what became of the packets.
    ///
    /// # Panics
    /// If it is no sound recording.
    pub fn replay(&self, recording: &[u8]) -> (String, Replayed) {
        let mut trace = Vec::new();
        let options = ReadOptions::default();
        let replayed = replay(Cursor::new(recording), &options, &self.config, &mut trace)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        (String::from_utf8(trace).expect("a trace is text"), replayed)
    }
}
