//! A sender of frames and bands to hear them.
#![allow(dead_code, reason = "no test file uses all of it")]

use wristcast_broadcast_frame::{Decoder, FallBack, Header, Identity, Key, Look, frame};

pub(crate) const RED: Look = Look { levels: [255, 0, 0, 0], ..Look::DARK };
pub(crate) const GREEN: Look = Look { levels: [0, 200, 0, 0], ..Look::DARK };
pub(crate) const BLUE: Look = Look { levels: [0, 0, 255, 9], ..Look::DARK };

pub(crate) const SHOW: u16 = 1;

pub(crate) fn faded(look: Look, fade_cs: u8) -> Look {
    Look { fade_cs, ..look }
}

pub(crate) fn strobing(look: Look, strobe_dhz: u8) -> Look {
    Look { strobe_dhz, ..look }
}

/// A band without a key.
pub(crate) fn band(group: u16) -> Decoder {
    Decoder::new(Identity { company: 0xFFFF, show: SHOW, group })
}

/// Makes frames at times counted from where its show clock began.
pub(crate) struct Sender {
    start: u32,
    pub(crate) key: Option<Key>,
    pub(crate) fall_back: FallBack,
}

impl Sender {
    pub(crate) fn new(start: u32) -> Self {
        Self { start, key: None, fall_back: FallBack::default() }
    }

    pub(crate) fn header(&self, at: u32, execute: u32) -> Header {
        Header {
            show: SHOW,
            stamp: self.start.wrapping_add(at),
            execute_in_ms: execute.saturating_sub(at),
            fall_back: self.fall_back,
            ..Header::default()
        }
    }

    /// Made at one time, to be seen at another, or at once if that is past.
    pub(crate) fn frame_at(&self, at: u32, execute: u32, looks: &[Look]) -> Vec<u8> {
        self.encode(&self.header(at, execute), looks)
    }

    pub(crate) fn keyframe_at(&self, at: u32, looks: &[Look]) -> Vec<u8> {
        self.encode(&Header { keyframe: true, ..self.header(at, at) }, looks)
    }

    pub(crate) fn encode(&self, header: &Header, looks: &[Look]) -> Vec<u8> {
        let mut out = [0; 241];
        let encoded =
            frame::encode(header, looks, self.key.as_ref(), &mut out).expect("room for the frame");
        assert_eq!(encoded.groups, looks.len());
        out[..encoded.len].to_vec()
    }
}
