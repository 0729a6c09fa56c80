//! Recorded shows on the command line: opening one, what it does not say about itself, and times
//! in it.

use std::fs::File;
use std::path::Path;
use std::str::FromStr;

use wristcast_core::show::{ChannelMap, Numbering, ReadOptions, Warnings};
use wristcast_core::time::Time;
use wristcast_core::universe::Universe;

use crate::duration;
use crate::exit::Failure;

/// What a recorded show does not say about itself.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReadArgs {
    /// What the bare universe numbers of OLA shows, FSEQ and CSV are.
    #[arg(long, value_name = "PROTOCOL", default_value = "sacn")]
    numbering: Protocol,
    /// First universe of an FSEQ file of other software, and channels to a universe if not 512:
    /// `sacn/1`, `sacn/101:510`.
    #[arg(long, value_name = "FIRST[:SLOTS]", value_parser = channels)]
    channels: Option<ChannelMap>,
}

/// The two protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    /// sACN universes.
    Sacn,
    /// Art-Net port-addresses.
    Artnet,
}

impl From<Protocol> for Numbering {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Sacn => Self::Sacn,
            Protocol::Artnet => Self::ArtNet,
        }
    }
}

impl ReadArgs {
    /// How the whole show is read.
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            numbering: self.numbering.into(),
            channels: self.channels.clone(),
            ..ReadOptions::default()
        }
    }
}

fn channels(text: &str) -> Result<ChannelMap, String> {
    let (first, slots) = text.split_once(':').unwrap_or((text, "512"));
    let first: Universe = first.parse().map_err(|error| format!("{error}"))?;
    let slots = slots.parse().ok().filter(|slots| (1..=512).contains(slots));
    let slots = slots.ok_or("expected 1 to 512 channels to a universe, `sacn/1:510`")?;
    Ok(ChannelMap::Consecutive { first, slots })
}

/// Opens a recorded show.
pub(crate) fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|error| Failure::recording(path, error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(Failure::recording(path, "it is a directory")),
        _ => Ok(file),
    }
}

/// Tells stderr what was met in a recorded show and got over.
pub(crate) fn warn(path: &Path, warnings: &Warnings) {
    for line in warnings.to_string().lines() {
        eprintln!("warning: {}: {line}", path.display());
    }
}

/// A moment of a show as people write it: `1:23:45.5`, `2:05`, or a duration, `90s`, `1.5h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Time);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains(':') {
            let since = duration::parse(text)
                .map_err(|error| format!("{error}; or a position, `1:23:45.5`"))?;
            return Ok(Self(Time::ZERO + since));
        }
        let wrong =
            || format!("`{text}` is no moment of a show: write `1:23:45.5`, `2:05` or `90s`");
        let mut parts = text.rsplit(':');
        let plain = |part: &&str| part.chars().all(|c| c.is_ascii_digit() || c == '.');
        let seconds = parts.next().filter(plain);
        let seconds = seconds.and_then(|part| part.parse::<f64>().ok());
        let seconds = seconds.filter(|seconds| (0.0..60.0).contains(seconds)).ok_or_else(wrong)?;
        let (minutes, hours) = (parts.next().unwrap_or("0"), parts.next().unwrap_or("0"));
        let whole = |text: &str| text.parse::<u64>().ok().filter(|number| *number < 10_000);
        let (Some(minutes), Some(hours), None) = (whole(minutes), whole(hours), parts.next())
        else {
            return Err(wrong());
        };
        let nanos = (seconds * 1e9).round() as u64;
        Ok(Self(Time::from_nanos((hours * 3600 + minutes * 60) * 1_000_000_000 + nanos)))
    }
}

/// A moment of a show as people read it, to the millisecond.
pub(crate) fn clock(at: Time) -> String {
    let millis = at.as_nanos() / 1_000_000;
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let seconds = format!("{:02}.{:03}", millis / 1000 % 60, millis % 1000);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds}")
    } else {
        format!("{minutes}:{seconds}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_people_write_them() {
        for (text, millis) in [
            ("0:00", 0),
            ("2:05", 125_000),
            ("1:23:45.5", 5_025_500),
            ("0:90:00", 5_400_000),
            ("90s", 90_000),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(text.parse(), Ok(Moment(Time::from_millis(millis))), "{text}");
        }
        for text in ["", "90", ":", "1:", "1:60", "1:-1", "1:2:3:4", "a:00", "1:1e1", "99999:00"] {
            let error = text.parse::<Moment>().unwrap_err();
            assert!(error.contains("`1:23:45.5`"), "{text}: {error}");
        }
    }

    #[test]
    fn moments_are_written_as_they_are_read() {
        for text in ["0:00.000", "2:05.250", "1:23:45.500"] {
            assert_eq!(clock(text.parse::<Moment>().unwrap().0), text);
        }
    }

    #[test]
    fn channels_begin_at_a_universe() {
        let first = "sacn/101".parse().unwrap();
        assert_eq!(channels("sacn/101:510"), Ok(ChannelMap::Consecutive { first, slots: 510 }));
        assert_eq!(channels("sacn/101"), Ok(ChannelMap::Consecutive { first, slots: 512 }));
        for text in ["", "101", "sacn/1:", "sacn/1:0", "sacn/1:513", "sacn/1:5:5"] {
            assert!(channels(text).is_err(), "{text}");
        }
    }
}
