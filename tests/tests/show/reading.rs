//! A whole show in memory, to be looked at.

use std::io::Cursor;
use std::net::SocketAddr;

use wristcast_core::show::{Content, ReadOptions, ShowError, ShowReader, Warnings};
use wristcast_core::universe::Universe;

/// One record, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Nanoseconds since the first record.
    pub(crate) at: u64,
    pub(crate) item: Item,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Datagram { source: SocketAddr, destination: SocketAddr, interface: u32, bytes: Vec<u8> },
    Frame { universe: Universe, slots: Vec<u8> },
}

/// All that came of reading a file.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) entries: Vec<Entry>,
    pub(crate) warnings: Warnings,
    pub(crate) error: Option<ShowError>,
    pub(crate) epoch_nanos: Option<u64>,
}

impl Reading {
    /// Reads to the end or to the error.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::with(bytes, &ReadOptions::default())
    }

    pub(crate) fn with(bytes: &[u8], options: &ReadOptions) -> Self {
        let mut reading = Self {
            entries: Vec::new(),
            warnings: Warnings::default(),
            error: None,
            epoch_nanos: None,
        };
        let mut reader = match ShowReader::new(Cursor::new(bytes), options) {
            Ok(reader) => reader,
            Err(error) => {
                reading.error = Some(error);
                return reading;
            }
        };
        loop {
            match reader.next_record() {
                Ok(Some(record)) => reading
                    .entries
                    .push(Entry { at: record.at.as_nanos(), item: Item::from(record.content) }),
                Ok(None) => break,
                Err(error) => {
                    reading.error = Some(error);
                    break;
                }
            }
        }
        assert!(matches!(reader.next_record(), Ok(None)), "something came after the end");
        reading.warnings = reader.warnings().clone();
        reading.epoch_nanos = reader.epoch_nanos();
        reading
    }

    /// The entries of a file that has nothing wrong with it.
    pub(crate) fn sound(bytes: &[u8]) -> Vec<Entry> {
        let reading = Self::of(bytes);
        assert!(reading.error.is_none(), "{}", reading.error.expect("an error"));
        assert!(reading.warnings.is_empty(), "{}", reading.warnings);
        reading.entries
    }
}

impl From<Content<'_>> for Item {
    fn from(content: Content<'_>) -> Self {
        match content {
            Content::Datagram(datagram) => Self::Datagram {
                source: datagram.source,
                destination: datagram.destination,
                interface: datagram.interface,
                bytes: datagram.bytes.to_vec(),
            },
            Content::Frame(frame) => {
                Self::Frame { universe: frame.universe, slots: frame.slots.to_vec() }
            }
        }
    }
}

impl Entry {
    /// The bytes of a datagram.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.item {
            Item::Datagram { bytes, .. } => bytes,
            Item::Frame { .. } => panic!("a frame is no datagram"),
        }
    }

    /// A frame's time in ms, universe and slots.
    pub(crate) fn frame(&self) -> (u64, String, &[u8]) {
        match &self.item {
            Item::Frame { universe, slots } => (self.at / 1_000_000, universe.to_string(), slots),
            Item::Datagram { .. } => panic!("a datagram is no frame"),
        }
    }
}
