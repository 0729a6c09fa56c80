//! The files beside a show: band profiles of the operator's own, and the inventory of bands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a show's other files come from.
pub trait Files {
    /// The text of a file beside the show.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be read.
    fn read(&self, name: &str) -> io::Result<String>;
}

/// A show that stands alone.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _name: &str) -> io::Result<String> {
        Err(io::Error::new(io::ErrorKind::NotFound, "no folder belongs to this show"))
    }
}

/// The folder that a show file lies in.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of the show file `show`.
    pub fn of(show: &Path) -> Self {
        Self(show.parent().map_or_else(PathBuf::new, Path::to_path_buf))
    }
}

impl Files for Folder {
    fn read(&self, name: &str) -> io::Result<String> {
        fs::read_to_string(self.0.join(name))
    }
}

/// The name of the inventory of the show file `show`: `show.bands.toml` for `show.toml`.
pub fn inventory_name(show: &str) -> String {
    let stem = Path::new(show).file_stem().map_or("show".into(), |stem| stem.to_string_lossy());
    format!("{stem}.bands.toml")
}

/// What a file beside the show `show` is called in messages.
pub(super) fn label(show: &str, name: &str) -> String {
    Path::new(show).with_file_name(name).display().to_string()
}
