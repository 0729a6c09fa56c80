//! Stage 4 of 5: merged levels of one universe → looks of the groups it feeds.
//!
//! * Before it: [`merge`](crate::merge). After it: [`output`](crate::output).
//! * In: a universe's dense index and its 512 levels. Out: one call per group whose look is new.
//! * Thread: the relay thread. Promises: no allocation after [`Plan::compile`], no hashing, no
//!   floats; the work is in proportion to the slots that universe drives, not to the show.
//!
//! A group fed from several universes is assembled from all its parts: the plan keeps the raw
//! slot values of every group, and a universe only overwrites its own.
//!
//! Raw values lie as the look's own bytes do, so slots that follow each other and drive attributes
//! that follow each other (`rgb`, `rgbw`, `sf`) are moved by one load, one rotation and one mask.

use crate::config::{Attribute, Config};
use crate::look::Look;
use crate::universe::{SLOTS, Universe};

/// A show's patch, compiled for the packet path.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Ascending, each once: the position is the universe's dense index.
    universes: Vec<Universe>,
    /// Dense index by sACN universe number; short of the highest patched number it ends.
    sacn: Vec<u32>,
    /// Dense index by Art-Net port-address, likewise.
    artnet: Vec<u32>,
    /// `parts[part_starts[u]..part_starts[u + 1]]` are fed by universe `u`, ascending by group.
    part_starts: Vec<u32>,
    parts: Vec<Part>,
    /// All parts again, those that lie alike together: `runs[run_starts[u]..run_starts[u + 1]]` are those of
    /// universe `u`.
    run_starts: Vec<u32>,
    runs: Vec<Run>,
    /// The moves of all parts but their first, part after part.
    moves: Vec<Move>,
    /// What each group's slots carry now.
    raw: Vec<Raw>,
}

/// In [`Plan::sacn`] and [`Plan::artnet`]: not patched.
const NOT_PATCHED: u32 = u32::MAX;

/// The slots of one universe that drive one group.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Raw values that this universe does not drive.
    keeps: Raw,
    first: Move,
    group: u32,
    /// The other moves: `moves[start..end]`.
    start: u32,
    end: u32,
}

/// Parts that differ in nothing but where they lie: from one to the next, the slots and the group go on by
/// the same step. The groups of a fixture type are patched so, and what is known of one of them need not
/// be fetched for each.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The first of them.
    part: u32,
    count: u32,
    slot_step: u16,
    group_step: u32,
}

impl Run {
    const fn of_one(part: u32) -> Self {
        Self { part, count: 1, slot_step: 0, group_step: 1 }
    }

    /// Takes the next part in, if it goes on as those before.
    fn extend(&mut self, parts: &[Part]) -> bool {
        let first = &parts[self.part as usize];
        let [last, next] = [self.count - 1, self.count].map(|n| &parts[(self.part + n) as usize]);
        let alike = first.start == first.end
            && next.start == next.end
            && (first.keeps, first.first.drives, first.first.turn)
                == (next.keeps, next.first.drives, next.first.turn);
        let Some(slot_step) = next.first.at.checked_sub(last.first.at).filter(|_| alike) else {
            return false;
        };
        let group_step = next.group - last.group;
        if self.count == 1 {
            (self.slot_step, self.group_step) = (slot_step, group_step);
        }
        let fits = (self.slot_step, self.group_step) == (slot_step, group_step);
        self.count += u32::from(fits);
        fits
    }
}

/// Slots that drive attributes at the same distances.
#[derive(Clone, Copy, Debug)]
struct Move {
    /// The raw values they drive, all ones there.
    drives: Raw,
    /// The first of the eight slots that are read, 0..=[`AT_MAX`].
    at: u16,
    /// By how many bits these are rotated left.
    turn: u8,
}

/// The last eight slots begin here.
const AT_MAX: u16 = SLOTS as u16 - 8;

/// The slot values of one group, byte by byte as a [`Look`] has them. The strobe's is the slot's
/// level; the top one belongs to [`Attribute::Unused`], which drives nothing: there it says whether a
/// universe has fed the group, so that a first packet of zeros counts as a change.
type Raw = u64;

const FED: Raw = 1 << (8 * Attribute::Unused as u32);

const STROBE: Raw = byte_of(Attribute::Strobe);

/// The byte of an attribute, all ones.
const fn byte_of(attribute: Attribute) -> Raw {
    0xFF << (8 * attribute as u32)
}

impl Move {
    /// A slot, 0..=511, and what it drives.
    fn new(slot: u16, attribute: Attribute) -> Self {
        let at = slot.min(AT_MAX);
        Self { drives: byte_of(attribute), at, turn: turn(slot - at, attribute) }
    }

    /// Takes another slot in, if it is read already and turns as the others do.
    fn extend(&mut self, slot: u16, attribute: Attribute) -> bool {
        let read = slot.checked_sub(self.at).filter(|&place| place < 8);
        let fits = read.is_some_and(|place| turn(place, attribute) == self.turn);
        if fits {
            self.drives |= byte_of(attribute);
        }
        fits
    }

    /// What it takes from the levels of the universe.
    #[inline]
    fn of(&self, levels: &[u8; SLOTS]) -> Raw {
        self.at(self.at, levels)
    }

    /// What it would take if its slots began at `at`.
    #[inline]
    fn at(&self, at: u16, levels: &[u8; SLOTS]) -> Raw {
        // No more than it is; the compiler then sees that the eight are there.
        let at = usize::from(at.min(AT_MAX));
        let eight = std::array::from_fn(|place| levels[at + place]);
        Raw::from_le_bytes(eight).rotate_left(u32::from(self.turn)) & self.drives
    }
}

/// How far a byte at `place` of eight is to be rotated to the byte of an attribute.
const fn turn(place: u16, attribute: Attribute) -> u8 {
    ((64 + 8 * attribute as u16 - 8 * place) % 64) as u8
}

impl Plan {
    /// Compiles the patch of a show. Slots that drive nothing are left out, and so is a universe
    /// that has no others.
    pub fn compile(config: &Config) -> Self {
        let mut patched: Vec<(Universe, u32, u16, Attribute)> = Vec::new();
        let mut raw = Vec::with_capacity(config.groups.len());
        for (group, index) in config.groups.iter().zip(0u32..) {
            // Held at full unless a slot drives it.
            let mut start = byte_of(Attribute::Dimmer);
            for slot in &group.slots {
                if slot.attribute != Attribute::Unused {
                    start &= !byte_of(slot.attribute);
                    let place = slot.address.get() - 1;
                    patched.push((slot.universe, index, place, slot.attribute));
                }
            }
            raw.push(start);
        }
        patched.sort();

        let mut plan = Self {
            universes: Vec::new(),
            sacn: Vec::new(),
            artnet: Vec::new(),
            part_starts: Vec::new(),
            parts: Vec::new(),
            run_starts: Vec::new(),
            runs: Vec::new(),
            moves: Vec::new(),
            raw,
        };
        for (universe, group, slot, attribute) in patched {
            plan.push(universe, group, slot, attribute);
        }
        plan.part_starts.push(index_u32(plan.parts.len()));
        plan.find_runs();
        plan
    }

    fn find_runs(&mut self) {
        for universe in 0..self.universes.len() {
            let begin = self.runs.len();
            self.run_starts.push(index_u32(begin));
            for part in self.part_starts[universe]..self.part_starts[universe + 1] {
                let run = self.runs[begin..].last_mut();
                if !run.is_some_and(|run| run.extend(&self.parts)) {
                    self.runs.push(Run::of_one(part));
                }
            }
        }
        self.run_starts.push(index_u32(self.runs.len()));
    }

    /// Adds a slot; they come sorted by universe, then group.
    fn push(&mut self, universe: Universe, group: u32, slot: u16, attribute: Attribute) {
        let new_universe = self.universes.last() != Some(&universe);
        if new_universe {
            let index = index_u32(self.universes.len());
            self.universes.push(universe);
            self.part_starts.push(index_u32(self.parts.len()));
            let (table, number) = match universe {
                Universe::Sacn(u) => (&mut self.sacn, usize::from(u.number())),
                Universe::ArtNet(p) => (&mut self.artnet, usize::from(p.address())),
            };
            table.resize(number, NOT_PATCHED);
            table.push(index);
        }
        let byte = byte_of(attribute);
        match self.parts.last_mut() {
            Some(part) if !new_universe && part.group == group => {
                part.keeps &= !byte;
                let more = &mut self.moves[part.start as usize..];
                let mut moves = std::iter::once(&mut part.first).chain(more);
                // Of two slots that drive the same, the later counts.
                moves.by_ref().for_each(|one| one.drives &= !byte);
                let more = &mut self.moves[part.start as usize..];
                let mut moves = std::iter::once(&mut part.first).chain(more);
                if !moves.any(|one| one.extend(slot, attribute)) {
                    self.moves.push(Move::new(slot, attribute));
                    part.end += 1;
                }
            }
            _ => {
                let start = index_u32(self.moves.len());
                let first = Move::new(slot, attribute);
                self.parts.push(Part { keeps: !byte, first, group, start, end: start });
            }
        }
    }

    /// The patched universes, ascending: a universe's position is its index.
    pub fn universes(&self) -> &[Universe] {
        &self.universes
    }

    /// How many groups the show has.
    pub fn group_count(&self) -> usize {
        self.raw.len()
    }

    /// The index of a universe, `None` if nothing is patched to it. One table look-up.
    pub fn universe_index(&self, universe: Universe) -> Option<usize> {
        let index = match universe {
            Universe::Sacn(u) => self.sacn.get(usize::from(u.number())),
            Universe::ArtNet(p) => self.artnet.get(usize::from(p.address())),
        };
        index.filter(|&&index| index != NOT_PATCHED).map(|&index| index as usize)
    }

    /// The groups that a universe feeds, ascending, each once. Empty for an index out of range.
    pub fn groups_of(&self, universe: usize) -> impl Iterator<Item = usize> + '_ {
        self.parts_of(universe).iter().map(|part| part.group as usize)
    }

    /// Takes the levels of a universe and calls `changed(group, look)` for each of its groups
    /// whose slots changed, ascending. A group that was never fed has changed.
    pub fn apply(
        &mut self,
        universe: usize,
        levels: &[u8; SLOTS],
        mut changed: impl FnMut(usize, Look),
    ) {
        self.apply_words(universe, levels, |group, look| changed(group, Look::from_bits(look)));
    }

    /// Likewise, the look as a word.
    #[inline]
    pub(crate) fn apply_words(
        &mut self,
        universe: usize,
        levels: &[u8; SLOTS],
        mut changed: impl FnMut(usize, u64),
    ) {
        let Self { run_starts, runs, parts, moves, raw, .. } = self;
        let Some(&[start, end]) = run_starts.get(universe..).and_then(|s| s.first_chunk()) else {
            return;
        };
        for run in &runs[start as usize..end as usize] {
            let part = &parts[run.part as usize];
            let more = &moves[part.start as usize..part.end as usize];
            let more = more.iter().fold(0, |all, one| all | one.of(levels));
            let (mut at, mut group) = (part.first.at, part.group as usize);
            for before in
                raw[group..].iter_mut().step_by(run.group_step as usize).take(run.count as usize)
            {
                let now = *before & part.keeps | part.first.at(at, levels) | more | FED;
                if now != *before {
                    let was = std::mem::replace(before, now);
                    if (now | was) & STROBE == 0 {
                        changed(group, now & !FED);
                    } else if was & FED == 0 || look(was) != look(now) {
                        changed(group, look(now).to_bits());
                    }
                }
                at += run.slot_step;
                group += run.group_step as usize;
            }
        }
    }

    /// Brings the raw values of a universe's first groups nearer to the processor.
    #[inline]
    pub fn foresee(&self, universe: usize) {
        // As many as universes have that come in great number.
        const GROUPS: usize = 4;
        for part in self.parts_of(universe).iter().take(GROUPS) {
            std::hint::black_box(self.raw[part.group as usize]);
        }
    }

    /// Opens the strobes that a universe drives, until its levels come again, and calls
    /// `changed(group, look)` for each group whose strobe that opened: nobody is left to stop it.
    pub fn open_strobes(&mut self, universe: usize, mut changed: impl FnMut(usize, Look)) {
        let Self { part_starts, parts, raw, .. } = self;
        let Some(&[start, end]) = part_starts.get(universe..).and_then(|s| s.first_chunk()) else {
            return;
        };
        for part in &parts[start as usize..end as usize] {
            let raw = &mut raw[part.group as usize];
            if *raw & STROBE != 0 && part.keeps & STROBE == 0 {
                *raw &= !STROBE;
                changed(part.group as usize, look(*raw));
            }
        }
    }

    fn parts_of(&self, universe: usize) -> &[Part] {
        match self.part_starts.get(universe..).and_then(|s| s.first_chunk()) {
            Some(&[start, end]) => &self.parts[start as usize..end as usize],
            None => &[],
        }
    }
}

/// Counts here are below 65 536 groups x 8 slots.
fn index_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[inline]
fn look(raw: Raw) -> Look {
    // One step of the fade's slot is 10 ms, and so is one of the look.
    let look = Look::from_bits(raw);
    match look.strobe_dhz {
        0 => look,
        level => Look { strobe_dhz: strobe_dhz(level), ..look },
    }
}

/// 0..=9 open, 10..=255 → 1.0..=25.0 Hz in even steps, to the nearest tenth.
const fn strobe_dhz(level: u8) -> u8 {
    if level < 10 {
        return 0;
    }
    (10 + ((level as u32 - 10) * 240 + 122) / 245) as u8
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Group, Loss, PatchedSlot, SlotAddress};

    fn universe(text: &str) -> Universe {
        text.parse().unwrap()
    }

    fn slot(attribute: Attribute, of: &str, address: u16) -> PatchedSlot {
        let address = SlotAddress::new(address).unwrap();
        PatchedSlot { attribute, universe: universe(of), address }
    }

    fn group(name: &str, slots: Vec<PatchedSlot>) -> Group {
        Group {
            name: name.to_owned(),
            personality: "custom".to_owned(),
            slots,
            loss: Loss::HOLD,
            delay: std::time::Duration::ZERO,
            position: None,
        }
    }

    /// A show with these groups and nothing else.
    fn show(groups: Vec<Group>) -> Config {
        let (mut config, _) = Config::parse("name = \"Test\"", "test").unwrap();
        config.groups = groups;
        config
    }

    fn plan(groups: Vec<Group>) -> Plan {
        Plan::compile(&show(groups))
    }

    fn rgb(of: &str, address: u16) -> Vec<PatchedSlot> {
        use Attribute::{Blue, Green, Red};
        let slots = [Red, Green, Blue].into_iter().zip(address..);
        slots.map(|(attribute, address)| slot(attribute, of, address)).collect()
    }

    /// Levels that are 0 but for these slots, counted from 1.
    fn levels(of: &[(u16, u8)]) -> [u8; SLOTS] {
        let mut levels = [0; SLOTS];
        for &(address, level) in of {
            levels[usize::from(address) - 1] = level;
        }
        levels
    }

    fn applied(plan: &mut Plan, of: &str, levels: &[u8; SLOTS]) -> Vec<(usize, Look)> {
        let mut looks = Vec::new();
        let index = plan.universe_index(universe(of)).unwrap();
        plan.apply(index, levels, |group, look| looks.push((group, look)));
        looks
    }

    #[test]
    fn universes_are_found_by_their_number_and_nothing_else_is() {
        let plan = plan(vec![
            group("a", rgb("artnet/127/15/15", 1)),
            group("b", rgb("sacn/63999", 1)),
            group("c", rgb("sacn/1", 1)),
            group("d", rgb("artnet/0", 1)),
        ]);
        let names: Vec<String> = plan.universes().iter().map(Universe::to_string).collect();
        assert_eq!(names, ["sacn/1", "sacn/63999", "artnet/0/0/0", "artnet/127/15/15"]);
        for (index, &universe) in plan.universes().iter().enumerate() {
            assert_eq!(plan.universe_index(universe), Some(index));
        }
        for other in ["sacn/2", "sacn/63998", "artnet/1", "artnet/32766"] {
            assert_eq!(plan.universe_index(universe(other)), None, "{other}");
        }
        assert_eq!(super::tests::plan(vec![]).universe_index(universe("sacn/1")), None);
    }

    #[test]
    fn slots_drive_what_the_personality_says() {
        use Attribute::{Blue, Dimmer, Fade, Green, Red, Strobe, Unused, White};
        let all = [Dimmer, Red, Unused, Green, Blue, White, Strobe, Fade];
        let slots = all.into_iter().zip(505..).map(|(a, address)| slot(a, "sacn/1", address));
        let mut plan = plan(vec![group("a", slots.collect())]);
        let levels = levels(&[
            (505, 1),
            (506, 2),
            (507, 99),
            (508, 3),
            (509, 4),
            (510, 5),
            (511, 255),
            (512, 7),
        ]);
        let look =
            Look { red: 2, green: 3, blue: 4, white: 5, dimmer: 1, strobe_dhz: 250, fade_cs: 7 };
        assert_eq!(applied(&mut plan, "sacn/1", &levels), [(0, look)]);
    }

    #[test]
    fn a_group_without_a_dimmer_slot_is_at_full() {
        let mut plan = plan(vec![group("a", rgb("sacn/1", 1))]);
        let look = Look { red: 9, dimmer: 255, ..Look::DARK };
        assert_eq!(applied(&mut plan, "sacn/1", &levels(&[(1, 9)])), [(0, look)]);
    }

    #[test]
    fn strobe_is_open_below_10_and_runs_from_1_to_25_hz_above() {
        for (level, dhz) in [(0, 0), (9, 0), (10, 10), (11, 11), (132, 130), (254, 249), (255, 250)]
        {
            assert_eq!(strobe_dhz(level), dhz, "{level}");
        }
        assert!((10..255).all(|level| strobe_dhz(level) <= strobe_dhz(level + 1)));
    }

    #[test]
    fn a_first_packet_of_zeros_counts_and_the_same_levels_again_do_not() {
        let mut plan = plan(vec![group("a", rgb("sacn/1", 1))]);
        let black = Look { dimmer: 255, ..Look::DARK };
        assert_eq!(applied(&mut plan, "sacn/1", &levels(&[])), [(0, black)]);
        assert_eq!(applied(&mut plan, "sacn/1", &levels(&[])), []);
        // Slots that nobody patched change nothing.
        assert_eq!(applied(&mut plan, "sacn/1", &levels(&[(4, 255)])), []);
    }

    #[test]
    fn a_group_over_several_universes_is_assembled_from_all_its_parts() {
        let slots = vec![
            slot(Attribute::Red, "sacn/1", 512),
            slot(Attribute::Green, "sacn/2", 1),
            slot(Attribute::Dimmer, "artnet/0/0/1", 7),
        ];
        let mut plan = plan(vec![group("a", slots)]);
        let look = Look { red: 10, ..Look::DARK };
        assert_eq!(applied(&mut plan, "sacn/1", &levels(&[(512, 10)])), [(0, look)]);
        let look = Look { dimmer: 30, ..look };
        assert_eq!(applied(&mut plan, "artnet/0/0/1", &levels(&[(7, 30)])), [(0, look)]);
        let look = Look { green: 20, ..look };
        assert_eq!(applied(&mut plan, "sacn/2", &levels(&[(1, 20)])), [(0, look)]);
    }

    #[test]
    fn one_slot_drives_as_many_groups_and_attributes_as_the_show_wants() {
        let master =
            vec![slot(Attribute::Dimmer, "sacn/1", 3), slot(Attribute::White, "sacn/1", 3)];
        let mut plan = plan(vec![
            group("a", rgb("sacn/1", 1)),
            group("b", rgb("sacn/1", 1)),
            group("c", master),
        ]);
        assert_eq!(plan.groups_of(0).collect::<Vec<_>>(), [0, 1, 2]);
        let blue = Look { blue: 8, dimmer: 255, ..Look::DARK };
        let white = Look { white: 8, dimmer: 8, ..Look::DARK };
        let looks = applied(&mut plan, "sacn/1", &levels(&[(3, 8)]));
        assert_eq!(looks, [(0, blue), (1, blue), (2, white)]);
    }

    #[test]
    fn a_universe_that_drives_nothing_is_not_patched() {
        let slots = vec![slot(Attribute::Red, "sacn/1", 1), slot(Attribute::Unused, "sacn/2", 1)];
        let mut plan = plan(vec![group("a", slots)]);
        assert_eq!(plan.universes(), [universe("sacn/1")]);
        assert_eq!(plan.groups_of(1).count(), 0);
        plan.apply(1, &[255; SLOTS], |_, _| panic!("there is no universe 1"));
        plan.apply(usize::MAX, &[255; SLOTS], |_, _| panic!("there is none at all"));
    }

    #[test]
    fn a_stadium_of_65_536_groups_compiles() {
        let groups = (0..65_536u32).map(|index| {
            let of = format!("sacn/{}", 1 + index / 128);
            group(&index.to_string(), rgb(&of, 1 + (index % 128) as u16 * 4))
        });
        let mut plan = plan(groups.collect());
        assert_eq!((plan.universes().len(), plan.group_count()), (512, 65_536));
        let looks = applied(&mut plan, "sacn/512", &[1; SLOTS]);
        assert_eq!(looks.len(), 128);
        assert_eq!(looks[127].0, 65_535);
    }

    const UNIVERSES: [&str; 4] = ["sacn/1", "sacn/2", "artnet/0/0/1", "artnet/0/0/2"];

    fn any_attribute() -> impl Strategy<Value = Attribute> {
        use Attribute::{Blue, Dimmer, Fade, Green, Red, Strobe, Unused, White};
        prop::sample::select(vec![Red, Green, Blue, White, Dimmer, Strobe, Fade, Unused])
    }

    /// Groups whose attributes are each driven once, from a few slots that collide often.
    fn any_groups() -> impl Strategy<Value = Vec<Group>> {
        let slot = (any_attribute(), 0..UNIVERSES.len(), 1..8u16);
        let slots = proptest::collection::vec(slot, 1..8).prop_map(|slots| {
            let by_attribute: BTreeMap<Attribute, PatchedSlot> = slots
                .into_iter()
                .map(|(attribute, of, at)| (attribute, slot_of(attribute, of, at)))
                .collect();
            group("g", by_attribute.into_values().collect())
        });
        proptest::collection::vec(slots, 0..12)
    }

    fn slot_of(attribute: Attribute, of: usize, at: u16) -> PatchedSlot {
        slot(attribute, UNIVERSES[of], at)
    }

    /// The look of a group from the levels of all universes, with no cleverness.
    fn naive(group: &Group, levels: &BTreeMap<Universe, [u8; SLOTS]>) -> Look {
        let mut look = Look::DARK;
        if !group.slots.iter().any(|slot| slot.attribute == Attribute::Dimmer) {
            look.dimmer = 255;
        }
        for slot in &group.slots {
            let level = levels.get(&slot.universe).map_or(0, |all| all[slot.address.index()]);
            match slot.attribute {
                Attribute::Red => look.red = level,
                Attribute::Green => look.green = level,
                Attribute::Blue => look.blue = level,
                Attribute::White => look.white = level,
                Attribute::Dimmer => look.dimmer = level,
                Attribute::Strobe if level >= 10 => {
                    let dhz = 10.0 + f64::from(level - 10) * 240.0 / 245.0;
                    look.strobe_dhz = dhz.round() as u8;
                }
                Attribute::Fade => look.fade_cs = level,
                Attribute::Strobe | Attribute::Unused => {}
            }
        }
        look
    }

    proptest! {
        #[test]
        fn looks_are_those_of_a_naive_model(
            groups in any_groups(),
            packets in proptest::collection::vec(
                (0..UNIVERSES.len(), proptest::collection::vec(any::<u8>(), 8)), 0..30),
        ) {
            let mut plan = plan(groups.clone());
            let mut all = BTreeMap::new();
            let mut shown: BTreeMap<usize, Look> = BTreeMap::new();
            for (of, start) in packets {
                let of = universe(UNIVERSES[of]);
                let mut levels = [0; SLOTS];
                levels[..8].copy_from_slice(&start);
                all.insert(of, levels);
                let drives = |g: &Group| g.slots.iter().any(
                    |s| s.universe == of && s.attribute != Attribute::Unused);
                let Some(index) = plan.universe_index(of) else {
                    prop_assert!(!groups.iter().any(drives));
                    continue;
                };
                let mut last = None;
                plan.apply(index, &levels, |group, look| {
                    assert!(last < Some(group), "ascending, each once");
                    last = Some(group);
                    assert!(drives(&groups[group]), "groups of this universe only");
                    shown.insert(group, look);
                });
                for (index, group) in groups.iter().enumerate().filter(|(_, g)| drives(g)) {
                    prop_assert_eq!(shown.get(&index), Some(&naive(group, &all)));
                }
            }
        }
    }
}
