//! What to write, by the name of the file and by options.

use std::path::Path;
use std::time::Duration;

use wristcast_core::show::convert::Target;
use wristcast_core::show::{Compression, OlaVersion};

use crate::duration;
use crate::exit::Failure;

/// Options of the formats that have some.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TargetArgs {
    /// Format to write, if the name does not say it.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Version of an OLA show: v1 is what `ola_recorder` plays, v2 does not drift.
    #[arg(long, value_name = "VERSION", default_value = "v1")]
    ola: Ola,
    /// Time between two frames of an FSEQ file, 1ms to 255ms; players know 25ms and 50ms.
    #[arg(long, value_name = "DURATION", default_value = "25ms", value_parser = step)]
    step: u8,
    /// Packing of an FSEQ file, which is of version 2.
    #[arg(long, value_name = "PACKING", default_value = "zstd")]
    compression: Packing,
}

/// The formats that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// pcapng.
    Pcapng,
    /// pcapng, packed with zstd.
    #[value(name = "pcapng.zst")]
    PcapngZst,
    /// A show of OLA's `ola_recorder`.
    Ola,
    /// A sequence of xLights and the Falcon Player.
    Fseq,
    /// A table, `t_ms,universe,ch1,...`.
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Ola {
    /// Waits in milliseconds.
    V1,
    /// Times since the beginning.
    V2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Packing {
    None,
    Zlib,
    Zstd,
}

fn step(text: &str) -> Result<u8, String> {
    let step = duration::parse(text)?;
    let whole = u8::try_from(step.as_millis()).ok().filter(|&millis| millis > 0);
    whole
        .filter(|&millis| Duration::from_millis(millis.into()) == step)
        .ok_or_else(|| "expected 1ms to 255ms, without fractions".to_owned())
}

/// Endings of file names, the longest first.
const ENDINGS: [(&str, Format); 6] = [
    (".pcapng.zst", Format::PcapngZst),
    (".pcapng", Format::Pcapng),
    (".show", Format::Ola),
    (".ola", Format::Ola),
    (".fseq", Format::Fseq),
    (".csv", Format::Csv),
];

impl TargetArgs {
    /// What is to be written to `path`.
    pub(super) fn target(&self, path: &Path) -> Result<Target, Failure> {
        let format = self.format.or_else(|| by_name(path)).ok_or_else(|| {
            Failure::usage(format!(
                "{} says no format that can be written: end it in .pcapng, .pcapng.zst, .show, \
                 .ola, .fseq or .csv, or give --format",
                path.display()
            ))
        })?;
        Ok(match format {
            Format::Pcapng => Target::Pcapng { zstd: false },
            Format::PcapngZst => Target::Pcapng { zstd: true },
            Format::Ola => Target::Ola(match self.ola {
                Ola::V1 => OlaVersion::V1,
                Ola::V2 => OlaVersion::V2,
            }),
            Format::Fseq => {
                let compression = match self.compression {
                    Packing::None => Compression::None,
                    Packing::Zlib => Compression::Zlib,
                    Packing::Zstd => Compression::Zstd,
                };
                Target::Fseq { step_ms: self.step, compression }
            }
            Format::Csv => Target::Csv,
        })
    }
}

fn by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format() {
        for (name, format) in [
            ("a.pcapng", Some(Format::Pcapng)),
            ("a.b/A.PCAPNG.ZST", Some(Format::PcapngZst)),
            ("fade.show", Some(Format::Ola)),
            ("fade.ola", Some(Format::Ola)),
            ("a.fseq", Some(Format::Fseq)),
            ("a.pcapng.csv", Some(Format::Csv)),
            ("a.pcap", None),
            ("a.zst", None),
            ("pcapng", None),
        ] {
            assert_eq!(by_name(Path::new(name)), format, "{name}");
        }
    }

    #[test]
    fn steps_are_whole_milliseconds_that_the_format_can_say() {
        assert_eq!(step("25ms"), Ok(25));
        assert_eq!(step("0.05s"), Ok(50));
        for text in ["0ms", "256ms", "22.7ms", "1s", "25"] {
            assert!(step(text).is_err(), "{text}");
        }
    }
}
