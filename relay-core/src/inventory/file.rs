//! The file: read, changed in place, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::config::{Diagnostic, InventoryBand, read_inventory};

/// Stands at the head of a new file.
const HEAD: &str = "\
# Wristbands and the groups they belong to. The relay connects to those that have a group, and to no
# others. Edit it as you like: `wristcast bands` changes what it is told to and leaves the rest.

";

/// An inventory and the file it is kept in.
#[derive(Debug)]
pub struct Inventory {
    path: PathBuf,
    /// What stands before the document: in a new file, what it is.
    head: &'static str,
    document: DocumentMut,
    bands: Vec<InventoryBand>,
}

/// Why an inventory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file cannot be written. It is as it was.
    #[error("cannot write {}: {error}; it is as it was", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is wrong.
    #[error("{} is wrong", .0.first().map_or("the inventory", |first| first.file.as_str()))]
    Wrong(Vec<Diagnostic>),
}

impl Inventory {
    /// The inventory in the file `path`; an empty one if there is no such file.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be read, or is wrong.
    pub fn open(path: &Path) -> Result<Self, InventoryError> {
        let (text, head) = match fs::read_to_string(path) {
            Ok(text) => (text, ""),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), HEAD),
            Err(error) => return Err(InventoryError::Read { path: path.to_owned(), error }),
        };
        let file = path.display().to_string();
        let bands = read_inventory(&text, &file).map_err(InventoryError::Wrong)?;
        // What the reader takes is TOML.
        let document = text.parse().unwrap_or_default();
        Ok(Self { path: path.to_owned(), head, document, bands })
    }

    /// Every band of it, in the order of the file.
    pub fn bands(&self) -> &[InventoryBand] {
        &self.bands
    }

    /// The band with this id, whatever its case.
    pub fn band(&self, id: &str) -> Option<&InventoryBand> {
        self.bands.iter().find(|band| band.id.eq_ignore_ascii_case(id))
    }

    /// Adds a band, or changes what is said of it. What `band` leaves open stays as it is.
    pub fn put(&mut self, band: &InventoryBand) {
        let index = self.bands.iter().position(|known| known.id.eq_ignore_ascii_case(&band.id));
        let tables = self.tables();
        let index = index.unwrap_or_else(|| {
            let mut table = Table::new();
            table["id"] = value(&band.id);
            tables.push(table);
            tables.len() - 1
        });
        let Some(table) = tables.get_mut(index) else { return };
        let keys = [
            ("name", &band.name),
            ("profile", &band.profile),
            ("group", &band.group),
            ("radio", &band.radio),
        ];
        for (key, text) in keys {
            let Some(text) = text else { continue };
            match table.get_mut(key).and_then(Item::as_value_mut) {
                // A comment behind it stays.
                Some(old) => {
                    let decor = old.decor().clone();
                    *old = text.as_str().into();
                    *old.decor_mut() = decor;
                }
                None => table[key] = value(text),
            }
        }
        let mut known = self.bands.get(index).cloned().unwrap_or_default();
        let keep = |new: &Option<String>, old: Option<String>| new.clone().or(old);
        known = InventoryBand {
            id: if known.id.is_empty() { band.id.clone() } else { known.id },
            name: keep(&band.name, known.name),
            profile: keep(&band.profile, known.profile),
            group: keep(&band.group, known.group),
            radio: keep(&band.radio, known.radio),
        };
        match self.bands.get_mut(index) {
            Some(entry) => *entry = known,
            None => self.bands.push(known),
        }
    }

    /// Takes a band off the list. False if it is not on it.
    pub fn forget(&mut self, id: &str) -> bool {
        let found = self.bands.iter().position(|known| known.id.eq_ignore_ascii_case(id));
        if let Some(index) = found {
            self.bands.remove(index);
            self.tables().remove(index);
        }
        found.is_some()
    }

    /// Writes the file: into another one first, which then takes its place.
    ///
    /// # Errors
    ///
    /// It cannot be written; the file is as it was.
    pub fn save(&self) -> Result<(), InventoryError> {
        replace(&self.path, format!("{}{}", self.head, self.document).as_bytes())
            .map_err(|error| InventoryError::Write { path: self.path.clone(), error })
    }

    fn tables(&mut self) -> &mut ArrayOfTables {
        let item = self.document.entry("band").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        if !item.is_array_of_tables() {
            // Written as `band = [{ … }]`, which is the same.
            let written = std::mem::take(item);
            *item = Item::ArrayOfTables(written.into_array_of_tables().unwrap_or_default());
        }
        match item {
            Item::ArrayOfTables(tables) => tables,
            _ => unreachable!("made one just now"),
        }
    }
}

/// Puts `bytes` in the place of the file `path`, whole or not at all, also if the power fails.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
        return written;
    }
    // The new name is on the disk only when its folder is.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is gone when the test is.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("wristcast-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("show.bands.toml")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn band(id: &str, group: &str) -> InventoryBand {
        InventoryBand { id: id.to_owned(), group: Some(group.to_owned()), ..Default::default() }
    }

    #[test]
    fn a_new_inventory_is_read_back_as_it_was_written() {
        let scratch = Scratch::new("inventory-new");
        let mut inventory = Inventory::open(&scratch.file()).unwrap();
        assert_eq!(inventory.bands(), []);
        let named = InventoryBand {
            name: Some("wrist \"1\"".to_owned()),
            profile: Some("triones".to_owned()),
            radio: Some("left".to_owned()),
            ..band("AA:00", "floor")
        };
        inventory.put(&named);
        inventory.put(&band("AA:01", "stairs"));
        inventory.save().unwrap();
        let again = Inventory::open(&scratch.file()).unwrap();
        assert_eq!(again.bands(), [named, band("AA:01", "stairs")]);
        assert_eq!(again.bands(), inventory.bands());
        let text = fs::read_to_string(scratch.file()).unwrap();
        assert!(text.starts_with(HEAD), "{text}");
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_the_operator_wrote_stays_when_a_band_is_changed() {
        let scratch = Scratch::new("inventory-comments");
        let text = "# mine\n\n[[band]]\nid = \"AA:00\" # the red one\ngroup = \"floor\" # was stairs\n\n\
                    # next to the stage\n[[band]]\nid = \"AA:01\"\n";
        fs::write(scratch.file(), text).unwrap();
        let mut inventory = Inventory::open(&scratch.file()).unwrap();
        inventory.put(&band("aa:00", "pit"));
        inventory.put(&band("AA:01", "floor"));
        inventory.save().unwrap();
        let expected = text.replace("\"floor\" # was", "\"pit\" # was") + "group = \"floor\"\n";
        assert_eq!(fs::read_to_string(scratch.file()).unwrap(), expected);
        assert!(inventory.forget("AA:00") && !inventory.forget("AA:00"));
        inventory.save().unwrap();
        assert_eq!(Inventory::open(&scratch.file()).unwrap().bands(), [band("AA:01", "floor")]);
    }

    #[test]
    fn bands_in_one_line_each_are_changed_as_well() {
        let scratch = Scratch::new("inventory-inline");
        fs::write(scratch.file(), "band = [{ id = \"A\" }, { id = \"B\", group = \"b\" }]\n")
            .unwrap();
        let mut inventory = Inventory::open(&scratch.file()).unwrap();
        inventory.put(&band("A", "a"));
        inventory.save().unwrap();
        let again = Inventory::open(&scratch.file()).unwrap();
        assert_eq!(again.bands(), [band("A", "a"), band("B", "b")]);
    }

    #[test]
    fn a_file_that_is_wrong_is_left_alone() {
        let scratch = Scratch::new("inventory-wrong");
        fs::write(scratch.file(), "[[band]]\ngroup = 7\n").unwrap();
        let Err(InventoryError::Wrong(found)) = Inventory::open(&scratch.file()) else {
            panic!("it is wrong")
        };
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_as_it_was() {
        let scratch = Scratch::new("inventory-folder");
        // A folder of that name cannot be replaced by a file.
        let path = scratch.0.join("gone").join("show.bands.toml");
        let inventory = Inventory::open(&path).unwrap();
        let error = inventory.save().unwrap_err().to_string();
        assert!(error.contains("it is as it was"), "{error}");
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
    }
}
