//! From a look to the slots that make it, the way a console's fixture does.

use wristcast_core::config::Attribute;
use wristcast_core::look::Look;

/// The level that makes `attribute` do its part of `look`. Without a dimmer slot the colours carry
/// the intensity.
pub(crate) fn level(attribute: Attribute, look: Look, has_dimmer: bool) -> u8 {
    let [red, green, blue, white] =
        if has_dimmer { [look.red, look.green, look.blue, look.white] } else { look.output() };
    match attribute {
        Attribute::Red => red,
        Attribute::Green => green,
        Attribute::Blue => blue,
        Attribute::White => white,
        Attribute::Dimmer => look.dimmer,
        Attribute::Strobe => strobe(look.strobe_dhz),
        Attribute::Fade => look.fade_cs,
        Attribute::Unused => 0,
    }
}

/// The strobe slot for `dhz` tenths of a hertz: slots 10..=255 are 1.0..=25.0 Hz, below is open.
fn strobe(dhz: u8) -> u8 {
    match dhz {
        0..10 => 0,
        _ => 10 + ((u16::from(dhz.min(250) - 10) * 245 + 120) / 240) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_dimmer_slot_the_colours_carry_the_intensity() {
        let look = Look { red: 200, dimmer: 128, ..Look::DARK };
        assert_eq!(level(Attribute::Red, look, true), 200);
        assert_eq!(level(Attribute::Dimmer, look, true), 128);
        assert_eq!(level(Attribute::Red, look, false), 100);
    }

    #[test]
    fn strobe_slots_span_the_range_and_leave_the_open_part_free() {
        assert_eq!([0, 9, 10, 250].map(strobe), [0, 0, 10, 255]);
    }
}
