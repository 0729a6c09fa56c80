//! Where a recording goes, and how much of the disk it may take.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wristcast_core::record::{RecordOptions, Rotate};

use crate::duration;
use crate::utc;

/// How the files of a recording are kept.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FileArgs {
    /// Begin a new file after this size or time, `100MB` or `10m`; a number is put before the
    /// name's ending: show-0001.pcapng.
    #[arg(long, value_name = "SIZE|TIME", value_parser = rotate)]
    rotate: Option<Rotate>,
    /// Keep only the newest so many numbered files of this name, those of earlier recordings counted
    /// in.
    #[arg(long, value_name = "N", requires = "rotate",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    keep: Option<usize>,
    /// End the recording when the disk has less room than this.
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = size)]
    min_free: u64,
    /// Replace a file that is there already.
    #[arg(long)]
    force: bool,
}

impl FileArgs {
    /// The options for a recording of `what`.
    pub(crate) fn options(&self, path: &Path, what: &str) -> RecordOptions {
        RecordOptions {
            rotate: self.rotate,
            keep: self.keep,
            min_free_bytes: self.min_free,
            overwrite: self.force,
            comment: comment(what),
            ..RecordOptions::new(path.to_owned())
        }
    }
}

/// The same of a relay that records beside its work.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RecordFileArgs {
    /// Begin a new file of the recording after this size or time, `100MB` or `10m`.
    #[arg(long, value_name = "SIZE|TIME", requires = "record", value_parser = rotate)]
    record_rotate: Option<Rotate>,
    /// Keep only the newest so many numbered files of the recording.
    #[arg(long, value_name = "N", requires = "record_rotate",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    record_keep: Option<usize>,
    /// End the recording, and not the relay, when the disk has less room than this.
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = size)]
    record_min_free: u64,
}

impl RecordFileArgs {
    /// The options for a recording of `what`.
    pub(crate) fn options(&self, path: &Path, what: &str) -> RecordOptions {
        RecordOptions {
            rotate: self.record_rotate,
            keep: self.record_keep,
            min_free_bytes: self.record_min_free,
            comment: comment(what),
            ..RecordOptions::new(path.to_owned())
        }
    }
}

/// What a file says of itself: what was recorded, where, when, by whom.
fn comment(what: &str) -> String {
    let host = gethostname::gethostname();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = utc::text(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let version = env!("CARGO_PKG_VERSION");
    format!("{what}, heard by {} from {now} on; wristcast {version}", host.to_string_lossy())
}

/// A name that says a format which is recorded.
pub(crate) fn name(text: &str) -> Result<PathBuf, String> {
    let known = [".pcapng", ".pcapng.zst"].iter().any(|ending| text.ends_with(ending));
    known.then(|| text.into()).ok_or_else(|| "must end in .pcapng or .pcapng.zst".to_owned())
}

fn rotate(text: &str) -> Result<Rotate, String> {
    let wrong = "expected a size of at least 1MB or a time of at least 1s: `100MB`, `10m`";
    if let Ok(bytes) = size(text) {
        return if bytes >= 1_000_000 { Ok(Rotate::Bytes(bytes)) } else { Err(wrong.to_owned()) };
    }
    match duration::parse(text) {
        Ok(time) if time.as_secs() >= 1 => Ok(Rotate::Time(time)),
        _ => Err(wrong.to_owned()),
    }
}

/// Parses `100MB`, `1.5GB`, `64MiB`.
fn size(text: &str) -> Result<u64, String> {
    let number_len = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let bytes = match unit.trim().to_ascii_lowercase().as_str() {
        "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("`{text}` is no size: write `100MB` or `1.5GB`")),
    };
    let total = number.trim().parse::<f64>().map_or(f64::NAN, |number| number * bytes);
    if (0.0..1e18).contains(&total) {
        Ok(total as u64)
    } else {
        Err(format!("`{text}` is no size: write `100MB` or `1.5GB`"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (text, bytes) in
            [("100MB", 100_000_000), ("1.5 gb", 1_500_000_000), ("2MiB", 2 << 20), ("0b", 0)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "100", "MB", "-1MB", "1e30GB", "10m"] {
            assert!(size(text).unwrap_err().contains("`100MB`"), "{text}");
        }
    }

    #[test]
    fn files_are_changed_by_size_or_time() {
        assert_eq!(rotate("100MB"), Ok(Rotate::Bytes(100_000_000)));
        assert_eq!(rotate("10m"), Ok(Rotate::Time(Duration::from_secs(600))));
        for text in ["", "10", "10kB", "100ms", "soon"] {
            assert!(rotate(text).is_err(), "{text}");
        }
    }
}
