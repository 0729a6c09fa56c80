//! What the console sent and when, to hold the bands against.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wristcast_core::look::{Look, LookView};

/// How far back a group's looks are remembered.
const KEPT: Duration = Duration::from_secs(2);

/// Levels that a band on its way may be off: it fades from where it is, in the time that is left.
const FADE_TOLERANCE: u8 = 3;

/// A change of this many levels in one channel is seen as a jump. What changes by less, look after
/// look, is a ramp: a band whose link is too slow for all of its steps glides past them.
const JUMP: u8 = 64;

/// What an onlooker sees of a look. How it is split between dimmer and colours is the
/// personality's affair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Light {
    pub(super) output: [u8; 4],
    pub(super) strobe_dhz: u8,
}

impl Light {
    /// Whether the way from here to `next` is a step of a ramp and no jump.
    fn steps_to(self, next: Self) -> bool {
        let far = self.output.iter().zip(next.output).any(|(from, to)| from.abs_diff(to) >= JUMP);
        let edge = self.is_lit() != next.is_lit();
        !far && !edge && self.strobe_dhz == next.strobe_dhz
    }

    fn is_lit(self) -> bool {
        self.output != [0; 4]
    }
}

impl From<Look> for Light {
    fn from(look: Look) -> Self {
        let output = look.output();
        // Nobody sees the strobe of a dark band.
        let strobe_dhz = if look.is_lit() { look.strobe_dhz } else { 0 };
        Self { output, strobe_dhz }
    }
}

impl From<&LookView> for Light {
    fn from(view: &LookView) -> Self {
        let LookView { red, green, blue, white, dimmer, strobe_hz, .. } = *view;
        let strobe_dhz = (strobe_hz * 10.0).round() as u8;
        Look { red, green, blue, white, dimmer, strobe_dhz, fade_cs: 0 }.into()
    }
}

/// The looks that the console sent to each group in the last [`KEPT`].
#[derive(Debug)]
pub(super) struct History {
    groups: Vec<VecDeque<Sent>>,
}

/// A look, the light it is faded to from, and since when.
#[derive(Clone, Copy, Debug)]
struct Sent {
    since: Instant,
    from: Look,
    to: Look,
}

impl Sent {
    /// The look wanted at `now`, on the way or arrived.
    fn at(&self, now: Instant) -> Look {
        self.from.toward(self.to, now.saturating_duration_since(self.since))
    }

    fn is_fading(&self, now: Instant) -> bool {
        self.at(now) != self.to
    }
}

impl History {
    /// Of a console that has sent nothing: all dark since `now`.
    pub(super) fn new(groups: usize, now: Instant) -> Self {
        let dark = Sent { since: now, from: Look::DARK, to: Look::DARK };
        Self { groups: vec![VecDeque::from([dark]); groups] }
    }

    /// The console sends `look` to `group` from `now` on.
    pub(super) fn record(&mut self, group: usize, look: Look, now: Instant) {
        let sent = &mut self.groups[group];
        let from = match sent.back() {
            Some(last) if last.to == look => return,
            Some(last) => last.at(now),
            None => Look::DARK,
        };
        sent.push_back(Sent { since: now, from, to: look });
        // The first goes when the second was already valid before all we keep.
        while sent.get(1).is_some_and(|second| now.duration_since(second.since) > KEPT) {
            sent.pop_front();
        }
    }

    /// What `group` comes to if the console sends nothing more.
    pub(super) fn last(&self, group: usize) -> Light {
        self.groups[group].back().map_or(Light::default(), |last| last.to.into())
    }

    /// Whether `light` was what the console wanted of `group` at any moment between `from` and
    /// `to`, or lies on the way of a fade or a ramp between two such moments.
    pub(super) fn was_wanted(
        &self,
        group: usize,
        light: Light,
        from: Instant,
        to: Instant,
    ) -> bool {
        let sent = &self.groups[group];
        let ends = sent.iter().skip(1).map(|next| next.since).chain([to]);
        let mut way: Option<Way> = None;
        let mut fading = false;
        let mut ramp: Option<(Way, Light)> = None;
        let within = |(look, end): &(&Sent, Instant)| *end >= from && look.since <= to;
        for (look, end) in sent.iter().zip(ends).filter(within) {
            let (start, end) = (look.since.max(from), end.min(to));
            if !look.is_fading(end) && light == look.to.into() {
                return true;
            }
            fading |= look.is_fading(start);
            let to = look.to.into();
            let goes_on = ramp.filter(|(_, last)| look.to.fade_cs == 0 && last.steps_to(to));
            let along = Way::through(goes_on.map(|(way, _)| way), to);
            if goes_on.is_some() && along.leads_past(light, 0) {
                return true;
            }
            ramp = Some((along, to));
            for at in [start, end] {
                way = Some(Way::through(way, look.at(at).into()));
            }
        }
        fading && way.is_some_and(|way| way.leads_past(light, FADE_TOLERANCE))
    }
}

/// All lights between some that were wanted one after the other.
#[derive(Clone, Copy, Debug)]
struct Way {
    least: [u8; 4],
    greatest: [u8; 4],
    strobe_dhz: u8,
}

impl Way {
    /// A way that goes on to `light`.
    fn through(way: Option<Self>, light: Light) -> Self {
        let Light { output, strobe_dhz } = light;
        let Self { least, greatest, .. } =
            way.unwrap_or(Self { least: output, greatest: output, strobe_dhz });
        Self {
            least: std::array::from_fn(|channel| least[channel].min(output[channel])),
            greatest: std::array::from_fn(|channel| greatest[channel].max(output[channel])),
            strobe_dhz,
        }
    }

    /// `tolerance`: so many levels may be missing.
    fn leads_past(&self, light: Light, tolerance: u8) -> bool {
        let between = |channel: usize| {
            let least = self.least[channel].saturating_sub(tolerance);
            let greatest = self.greatest[channel].saturating_add(tolerance);
            (least..=greatest).contains(&light.output[channel])
        };
        light.strobe_dhz == self.strobe_dhz && (0..4).all(between)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Look = Look { red: 200, dimmer: 255, ..Look::DARK };
    const BLUE: Look = Look { blue: 200, dimmer: 255, ..Look::DARK };

    /// A history of one group and a clock in milliseconds.
    fn history() -> (History, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        (History::new(1, start), move |millis| start + Duration::from_millis(millis))
    }

    #[test]
    fn a_look_is_wanted_until_the_next_one_is_sent() {
        let (mut history, ms) = history();
        history.record(0, RED, ms(100));
        history.record(0, RED, ms(150));
        history.record(0, BLUE, ms(200));
        assert_eq!(history.last(0), BLUE.into());
        let wanted = |look: Look, from| history.was_wanted(0, look.into(), ms(from), ms(9_000));
        assert!(wanted(BLUE, 9_000), "still is");
        assert!(wanted(RED, 199));
        assert!(!wanted(RED, 201));
        assert!(!wanted(Look::DARK, 101));
        assert!(!wanted(Look { red: 100, ..RED }, 0), "between two that were not faded");
    }

    #[test]
    fn on_a_fade_every_light_of_the_way_is_wanted_and_no_other() {
        let (mut history, ms) = history();
        history.record(0, Look { fade_cs: 100, ..RED }, ms(1_000));
        let wanted =
            |red, from, to| history.was_wanted(0, Look { red, ..RED }.into(), ms(from), ms(to));
        assert!(wanted(100, 1_400, 1_550));
        assert!(!wanted(100, 1_600, 1_750), "should be farther");
        assert!(!wanted(180, 1_600, 1_750), "should not be so far");
        assert!(wanted(200, 1_900, 2_050), "arrived");
        assert!(wanted(190, 1_900, 2_050), "nearly arrived");
        assert!(!wanted(190, 2_050, 2_200), "should have arrived");
        assert!(!history.was_wanted(0, BLUE.into(), ms(1_400), ms(1_550)));
    }

    #[test]
    fn on_a_ramp_what_lies_between_its_latest_steps_is_wanted_and_nothing_older() {
        let (mut history, ms) = history();
        // Up by 4 levels every 20 ms, from 100 to 180.
        let step = |step: u8| Look { red: 100 + 4 * step, blue: 50, ..RED };
        for number in 0..=20 {
            history.record(0, step(number), ms(1_000 + 20 * u64::from(number)));
        }
        let wanted = |red, blue, now| {
            let light = Look { red, blue, ..RED }.into();
            history.was_wanted(0, light, ms(now - 150), ms(now))
        };
        assert!(wanted(158, 50, 1_330), "between the steps to 156 and 160");
        assert!(!wanted(130, 50, 1_330), "that was 180 ms ago");
        assert!(!wanted(167, 50, 1_330), "not yet");
        assert!(!wanted(158, 49, 1_330), "a channel that does not move");
        assert!(!wanted(158, 50, 1_600), "should have arrived");
        assert!(wanted(180, 50, 1_600));
    }

    #[test]
    fn between_looks_that_jump_nothing_is_wanted() {
        let dim = Look { red: 10, ..RED };
        let strobing = Look { red: 30, strobe_dhz: 80, ..RED };
        for (from, to) in [(dim, RED), (Look::DARK, dim), (dim, strobing), (RED, BLUE)] {
            let (mut history, ms) = history();
            history.record(0, from, ms(100));
            history.record(0, to, ms(200));
            let halfway = from.toward(Look { fade_cs: 2, ..to }, Duration::from_millis(10));
            assert!(!history.was_wanted(0, halfway.into(), ms(100), ms(250)), "{from:?} {to:?}");
            assert!(history.was_wanted(0, to.into(), ms(100), ms(250)));
        }
    }

    #[test]
    fn a_long_show_takes_no_more_memory_than_its_last_seconds() {
        let (mut history, ms) = history();
        for frame in 0..10_000 {
            history.record(0, if frame % 2 == 0 { RED } else { BLUE }, ms(20 * frame));
        }
        assert!(history.groups[0].len() < 110, "{}", history.groups[0].len());
    }

    #[test]
    fn the_same_light_by_dimmer_or_by_colour_is_the_same() {
        let dimmed = Look { red: 255, dimmer: 128, ..Look::DARK };
        let mixed = Look { red: 128, dimmer: 255, fade_cs: 9, ..Look::DARK };
        assert_eq!(Light::from(dimmed), Light::from(mixed));
        assert_eq!(Light::from(&LookView::from(dimmed)), Light::from(dimmed));
        let strobing = Look { strobe_dhz: 80, ..dimmed };
        assert_ne!(Light::from(strobing), Light::from(dimmed));
        assert_eq!(Light::from(&LookView::from(strobing)), Light::from(strobing));
    }
}
