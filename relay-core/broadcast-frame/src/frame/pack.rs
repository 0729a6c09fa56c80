//! Looks → the format that holds most of them.

use super::{FULL, PALETTE, RGB, UNIFORM, index_bits, strobe_is_legal};
use crate::Look;

/// Looks that were written.
pub(super) struct Packed {
    pub(super) format: u8,
    pub(super) len: usize,
    pub(super) groups: usize,
}

/// Length of a [`UNIFORM`] range.
pub(super) const UNIFORM_LEN: usize = 8;
const RGB_HEAD: usize = 2;
const PALETTE_HEAD: usize = 4;

/// Writes as many of `looks` as fit into `out`; of formats that hold equally many, the shortest.
pub(super) fn pack(looks: &[Look], out: &mut [u8]) -> Option<Packed> {
    let first = *looks.first()?;
    let room = out.len();
    let plans = [uniform(looks, room), full(looks, room), rgb(looks, room)];
    let palettes = [Colours::gathered(looks, room), Colours::standard(looks, room)];
    let plans = plans.into_iter().chain(palettes.iter().map(Colours::plan));
    let best = plans
        .filter(|plan| plan.groups > 0)
        .max_by_key(|plan| (plan.groups, core::cmp::Reverse(plan.len)))?;
    let looks = &looks[..best.groups];
    let out = &mut out[..best.len];
    match best.format {
        // Below 65536: groups are counted in two bytes.
        UNIFORM => write_uniform(best.groups as u16, first, out),
        FULL => {
            for (bytes, look) in out.chunks_exact_mut(6).zip(looks) {
                write_full(*look, bytes);
            }
        }
        RGB => {
            write_common(first, out);
            for (bytes, look) in out[RGB_HEAD..].chunks_exact_mut(3).zip(looks) {
                bytes.copy_from_slice(&look.levels[..3]);
            }
        }
        _ => {
            let standard = palettes[1].plan();
            let is_standard = standard.groups == best.groups && standard.len == best.len;
            palettes[usize::from(is_standard)].write(looks, out);
        }
    }
    Some(best)
}

pub(super) fn write_uniform(count: u16, look: Look, out: &mut [u8]) {
    out[..2].copy_from_slice(&count.to_le_bytes());
    write_full(look, &mut out[2..UNIFORM_LEN]);
}

fn write_full(look: Look, out: &mut [u8]) {
    out[..4].copy_from_slice(&look.levels);
    out[4] = legal_strobe(look.strobe_dhz);
    out[5] = look.fade_cs;
}

/// What all looks of a frame have in common.
fn write_common(look: Look, out: &mut [u8]) {
    out[0] = legal_strobe(look.strobe_dhz);
    out[1] = look.fade_cs;
}

fn legal_strobe(strobe_dhz: u8) -> u8 {
    match strobe_dhz {
        rate if strobe_is_legal(rate) => rate,
        0..=9 => 0,
        _ => 250,
    }
}

fn uniform(looks: &[Look], room: usize) -> Packed {
    let alike = looks.iter().take(usize::from(u16::MAX)).take_while(|look| **look == looks[0]);
    let groups = if room < UNIFORM_LEN { 0 } else { alike.count() };
    Packed { format: UNIFORM, len: UNIFORM_LEN, groups }
}

fn full(looks: &[Look], room: usize) -> Packed {
    let groups = looks.len().min(room / 6);
    Packed { format: FULL, len: 6 * groups, groups }
}

fn rgb(looks: &[Look], room: usize) -> Packed {
    let groups = in_common(looks).count().min(room.saturating_sub(RGB_HEAD) / 3);
    Packed { format: RGB, len: RGB_HEAD + 3 * groups, groups }
}

/// The colours of the first looks, as far as they have strobe and fade in common and no white.
fn in_common(looks: &[Look]) -> impl Iterator<Item = [u8; 3]> {
    let common = looks.first().map(|look| (look.strobe_dhz, look.fade_cs));
    looks.iter().map_while(move |look| {
        let alike = Some((look.strobe_dhz, look.fade_cs)) == common;
        look.rgb().filter(|_| alike)
    })
}

/// A palette and how many looks it is good for.
struct Colours {
    colours: [[u8; 3]; 16],
    /// How many of them; 0: the standard ones, which are not carried.
    carried: usize,
    groups: usize,
}

impl Colours {
    /// The colours that are there, as long as they and the indices into them fit.
    fn gathered(looks: &[Look], room: usize) -> Self {
        let mut palette = Self { colours: [[0; 3]; 16], carried: 0, groups: 0 };
        for colour in in_common(looks).take(usize::from(u8::MAX)) {
            let known = palette.colours[..palette.carried].contains(&colour);
            let carried = palette.carried + usize::from(!known);
            if carried > 16 || Self::len(carried, palette.groups + 1) > room {
                break;
            }
            if !known {
                palette.colours[palette.carried] = colour;
            }
            palette.carried = carried;
            palette.groups += 1;
        }
        palette
    }

    /// The standard colours, as long as no other is needed.
    fn standard(looks: &[Look], room: usize) -> Self {
        let fitting = room.saturating_sub(PALETTE_HEAD) * 2;
        let standard = in_common(looks).take_while(|colour| Look::STANDARD.contains(colour));
        let groups = standard.take(fitting.min(usize::from(u8::MAX))).count();
        Self { colours: Look::STANDARD, carried: 0, groups }
    }

    const fn len(carried: usize, groups: usize) -> usize {
        let bits = if carried == 0 { 4 } else { index_bits(carried) };
        PALETTE_HEAD + 3 * carried + (groups * bits).div_ceil(8)
    }

    fn plan(&self) -> Packed {
        let len = Self::len(self.carried, self.groups);
        Packed { format: PALETTE, len, groups: self.groups }
    }

    fn write(&self, looks: &[Look], out: &mut [u8]) {
        write_common(looks[0], out);
        out[2] = self.carried as u8;
        out[3] = looks.len() as u8;
        let (carried, indices) = out[PALETTE_HEAD..].split_at_mut(3 * self.carried);
        for (bytes, colour) in carried.chunks_exact_mut(3).zip(&self.colours) {
            bytes.copy_from_slice(colour);
        }
        let bits = if self.carried == 0 { 4 } else { index_bits(self.carried) };
        indices.fill(0);
        for (index, look) in looks.iter().enumerate() {
            let colour = self.colours.iter().position(|colour| look.levels[..3] == *colour);
            let at = index * bits;
            if let (Some(byte), Some(colour)) = (indices.get_mut(at / 8), colour) {
                *byte |= (colour as u8) << (at % 8);
            }
        }
    }
}
