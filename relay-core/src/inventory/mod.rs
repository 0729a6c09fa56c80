//! The inventory: the operator's list of bands beside the show, and what an antenna hears of them.
//!
//! The file is the operator's: comments, order and spaces stay as they are when a command changes
//! an entry. A crash in the middle of writing leaves the file as it was.

mod file;
mod sighting;

pub use file::{Inventory, InventoryError};
pub use sighting::{Antenna, AntennaError, NearestError, Sighting, nearest};
