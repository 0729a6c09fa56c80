use super::*;
use crate::radio::{Frame, LinkSpec};
use crate::snapshot::GroupBands;

const RED: Look = Look { red: 255, dimmer: 255, ..Look::DARK };
const BLUE: Look = Look { blue: 255, dimmer: 255, ..Look::DARK };

fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

/// A radio that does as it is told: frames stay in flight until the test says otherwise.
#[derive(Debug)]
struct Scripted {
    links: Vec<LinkSpec>,
    room: usize,
    events: std::collections::VecDeque<RadioEvent>,
    in_flight: Vec<(LinkId, Frame)>,
    /// Loses every frame at once.
    refuses: bool,
}

impl Radio for Scripted {
    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn links(&self) -> &[LinkSpec] {
        &self.links
    }

    fn frames_in_flight_max(&self) -> usize {
        self.room
    }

    fn start(&mut self, _now: Time, _context: RadioContext) {
        self.events.push_back(RadioEvent::Ready);
        let links = 0..self.links.len() as u32;
        self.events.extend(links.map(|link| RadioEvent::Up(LinkId(link))));
    }

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn poll_event(&mut self, _now: Time) -> Option<RadioEvent> {
        self.events.pop_front()
    }

    fn send(&mut self, _now: Time, link: LinkId, frame: &Frame) {
        if self.refuses {
            self.events.push_back(RadioEvent::Lost { link, token: frame.token });
        } else {
            self.in_flight.push((link, *frame));
        }
    }
}

struct Rig {
    dispatch: Dispatch<Scripted>,
    table: GroupTable,
    sequence: u64,
}

impl Rig {
    fn new(links: Vec<LinkSpec>, room: usize) -> Self {
        let groups = 8;
        let radio = Scripted {
            links,
            room,
            events: std::collections::VecDeque::new(),
            in_flight: Vec::new(),
            refuses: false,
        };
        let mut dispatch = Dispatch::new("left", radio, groups);
        dispatch.start(ms(0), LaneWaker::noop());
        Self { dispatch, table: GroupTable::new(groups), sequence: 0 }
    }

    fn publish(&mut self, now: Time, looks: &[(usize, Look)]) {
        self.publish_as(now, looks, false);
    }

    fn publish_as(&mut self, now: Time, looks: &[(usize, Look)], panic: bool) {
        for (group, look) in looks {
            self.table.set(*group, *look);
        }
        self.sequence += 1;
        let stamp = Stamp { arrival: now, published: now, sequence: self.sequence, panic };
        self.dispatch.handle_table(now, &self.table, stamp);
        self.table.clear_changed();
    }

    /// Everything in flight is sent. Gives what it was.
    fn send_all(&mut self, now: Time) -> Vec<(u32, Look)> {
        let frames = std::mem::take(&mut self.dispatch.radio_mut().in_flight);
        for (link, frame) in &frames {
            let (link, token) = (*link, frame.token);
            let sent = RadioEvent::Sent { link, token, at: now };
            self.dispatch.radio_mut().events.push_back(sent);
        }
        self.dispatch.handle_timeout(now);
        frames.iter().map(|(link, frame)| (link.0, frame.look)).collect()
    }
}

fn links(groups: &[usize]) -> Vec<LinkSpec> {
    groups.iter().map(|group| LinkSpec::connection("band", *group)).collect()
}

#[test]
fn a_look_goes_to_every_link_of_its_group_and_to_no_other() {
    let mut rig = Rig::new(links(&[0, 1, 0]), usize::MAX);
    rig.publish(ms(0), &[(0, RED)]);
    let all = [(0, RED), (2, RED), (1, Look::DARK)];
    assert_eq!(rig.send_all(ms(10)), all, "the first table concerns all");
    rig.publish(ms(20), &[(0, BLUE)]);
    assert_eq!(rig.send_all(ms(30)), [(0, BLUE), (2, BLUE)]);
    assert_eq!(rig.dispatch.settlement(ms(99)), Settlement { settled: 3, ..Settlement::default() });
    assert_eq!(rig.dispatch.telemetry().counts().sent, 5);
}

#[test]
fn a_radio_with_little_room_sends_the_most_urgent_of_all_links_first() {
    let mut rig = Rig::new(links(&[0, 1, 2, 3]), 1);
    rig.publish(ms(0), &[]);
    for step in 1..=4 {
        rig.send_all(ms(step));
    }
    rig.publish(ms(10), &[(0, RED)]);
    rig.send_all(ms(11));
    rig.publish(ms(12), &[(3, RED)]);
    rig.publish(ms(13), &[(0, Look { red: 254, ..RED })]);
    rig.publish(ms(14), &[(2, RED)]);
    rig.publish(ms(15), &[(1, RED)]);
    let order: Vec<u32> = (20..24).flat_map(|at| rig.send_all(ms(at))).map(|f| f.0).collect();
    assert_eq!(order, [3, 2, 1, 0], "in flight already, then snaps by age, then the fade");
    assert_eq!(rig.dispatch.settlement(ms(99)).settled, 4);
}

#[test]
fn of_one_table_the_most_urgent_look_goes_first() {
    let mut rig = Rig::new(links(&[0, 1, 2]), 1);
    rig.publish(ms(0), &[(0, RED)]);
    for step in 1..=3 {
        rig.send_all(ms(step));
    }
    rig.publish(ms(10), &[(0, Look { red: 254, ..RED }), (1, BLUE)]);
    let order: Vec<u32> = (20..22).flat_map(|at| rig.send_all(ms(at))).map(|f| f.0).collect();
    assert_eq!(order, [1, 0], "a flash before a step of a fade, whatever the groups' order");
}

#[test]
fn panic_passes_every_other_link_that_waits_for_room() {
    let mut rig = Rig::new(links(&[0, 1, 2]), 1);
    rig.publish(ms(0), &[(0, RED), (1, RED), (2, RED)]);
    let dark = [(0, Look::DARK), (1, Look::DARK), (2, Look::DARK)];
    rig.publish_as(ms(1), &dark, true);
    assert_eq!(rig.send_all(ms(2)), [(0, RED)], "in flight already");
    for step in 3..6 {
        let sent = rig.send_all(ms(step));
        assert!(sent.iter().all(|(_, look)| *look == Look::DARK), "{sent:?}");
    }
    assert_eq!(rig.dispatch.settlement(ms(99)).settled, 3);
}

#[test]
fn panic_without_a_change_is_sent_to_all() {
    let mut rig = Rig::new(links(&[0, 1]), usize::MAX);
    rig.publish(ms(0), &[]);
    rig.send_all(ms(1));
    rig.publish_as(ms(2), &[], true);
    assert_eq!(rig.send_all(ms(3)).len(), 2);
    assert_eq!(rig.dispatch.poll_timeout().map(|t| t > ms(1_000)), Some(true), "once");
}

#[test]
fn a_link_whose_turn_came_too_late_still_gets_its_keyframe() {
    let mut rig = Rig::new(links(&[0, 1]), 1);
    rig.publish(ms(0), &[]);
    rig.send_all(ms(1));
    rig.send_all(ms(2));
    rig.publish(ms(200), &[(1, RED)]);
    rig.publish(ms(205), &[(0, RED)]);
    rig.publish(ms(210), &[(1, Look::DARK)]);
    rig.publish(ms(215), &[(1, RED)]);
    assert_eq!(rig.send_all(ms(220)), [(1, RED)]);
    // The flash on the second link is too old when the first has made room.
    assert_eq!(rig.send_all(ms(900)), [(0, RED)]);
    assert_eq!(rig.send_all(ms(901)), []);
    while let Some(due) = rig.dispatch.poll_timeout().filter(|due| *due <= ms(2_110)) {
        rig.dispatch.handle_timeout(due);
    }
    assert_eq!(rig.send_all(ms(2_110)), [(1, RED)]);
}

#[test]
fn nobody_starves_on_a_radio_with_little_room() {
    let mut rig = Rig::new(links(&[0, 1, 2, 3]), 1);
    rig.publish(ms(0), &[]);
    let mut last = [0; 4];
    for beat in 0..2_000u64 {
        let look = if beat % 2 == 0 { RED } else { BLUE };
        let small = Look { green: (beat / 2 % 2) as u8, ..RED };
        rig.publish(ms(beat * 10), &[(0, look), (1, look), (2, look), (3, small)]);
        for (link, _) in rig.send_all(ms(beat * 10 + 5)) {
            last[link as usize] = beat;
        }
        let oldest = last.iter().min();
        // The fair wait, then a turn for each link.
        assert!(oldest >= Some(&beat.saturating_sub(25 + 8 * 4)), "{last:?}");
    }
}

#[test]
fn a_radio_that_refuses_everything_is_asked_at_intervals_and_not_in_circles() {
    let mut rig = Rig::new(links(&[0]), usize::MAX);
    rig.dispatch.radio_mut().refuses = true;
    rig.publish(ms(0), &[(0, RED)]);
    while let Some(due) = rig.dispatch.poll_timeout().filter(|due| *due <= ms(10_000)) {
        rig.dispatch.handle_timeout(due);
    }
    let failed = rig.dispatch.telemetry().counts().failed;
    assert!((15..25).contains(&failed), "{failed}");
    rig.dispatch.radio_mut().refuses = false;
    rig.dispatch.handle_timeout(ms(11_000));
    assert_eq!(rig.send_all(ms(11_001)), [(0, RED)]);
}

#[test]
fn a_band_that_does_not_tell_is_taken_to_show_what_it_was_sent() {
    let mut rig = Rig::new(links(&[0]), usize::MAX);
    let telemetry = rig.dispatch.telemetry().clone();
    rig.publish(ms(0), &[(0, RED)]);
    let shown = |now| telemetry.band(LinkId(0)).and_then(|band| band.shown(now));
    assert_eq!(shown(ms(0)), None);
    rig.send_all(ms(5));
    assert_eq!(shown(ms(9)).map(|s| (s.look, s.age.as_millis())), Some((RED, 4)));
}

#[test]
fn what_is_wrong_is_said_until_it_is_right_again() {
    let mut rig = Rig::new(links(&[0, 1]), usize::MAX);
    let tell = |rig: &mut Rig, event| {
        rig.dispatch.radio_mut().events.push_back(event);
        rig.dispatch.handle_timeout(ms(1));
        let telemetry = rig.dispatch.telemetry();
        (telemetry.radio_state(), telemetry.band_states(ms(1), |_| String::new()))
    };
    let (radio, _) = tell(&mut rig, RadioEvent::Fault("no adapter".into()));
    assert_eq!((radio.state.as_str(), radio.detail.as_deref()), ("down", Some("no adapter")));
    let (radio, bands) = tell(&mut rig, RadioEvent::Down(LinkId(1), "out of range".into()));
    assert_eq!((radio.bands, radio.bands_connected), (2, 1));
    assert_eq!(bands[1].detail.as_deref(), Some("out of range"));
    tell(&mut rig, RadioEvent::Ready);
    let (radio, bands) = tell(&mut rig, RadioEvent::Up(LinkId(1)));
    assert_eq!((radio.state.as_str(), radio.detail), ("up", None));
    assert_eq!((radio.bands_connected, bands[1].detail.as_deref()), (2, None));
}

#[test]
fn a_frame_lost_with_its_link_makes_room_for_others() {
    let mut rig = Rig::new(links(&[0, 1]), 1);
    rig.publish(ms(0), &[(0, RED), (1, RED)]);
    rig.dispatch.radio_mut().in_flight.clear();
    rig.dispatch.radio_mut().events.push_back(RadioEvent::Down(LinkId(0), "gone".into()));
    rig.dispatch.handle_timeout(ms(1));
    assert_eq!(rig.send_all(ms(2)), [(1, RED)]);
    let settlement = Settlement { settled: 1, late: 0, unreached: 1 };
    assert_eq!(rig.dispatch.settlement(ms(99)), settlement);
}

#[test]
fn a_link_that_went_and_came_while_nobody_looked_is_handed_one_frame() {
    for room in [1, usize::MAX] {
        let mut rig = Rig::new(links(&[0, 1]), room);
        rig.publish(ms(0), &[]);
        rig.send_all(ms(1));
        rig.send_all(ms(2));
        let counts = rig.dispatch.telemetry().counts();
        for _ in 0..3 {
            let link = LinkId(0);
            let events = [RadioEvent::Down(link, "gone".into()), RadioEvent::Up(link)];
            rig.dispatch.radio_mut().events.extend(events);
        }
        rig.publish(ms(50), &[(0, RED)]);
        let (handed, failed) = (counts.handed + 1, counts.failed);
        let counts = rig.dispatch.telemetry().counts();
        assert_eq!((counts.handed, counts.failed), (handed, failed), "room for {room}");
        assert_eq!(rig.send_all(ms(60)), [(0, RED)], "to the connection that there is");
    }
}

#[test]
fn what_happened_on_the_radio_is_heard_before_what_is_due_is_handed_over() {
    let mut link = LinkSpec::connection("band", 0);
    link.min_interval = Duration::from_millis(20);
    let mut rig = Rig::new(vec![link], usize::MAX);
    rig.publish(ms(0), &[]);
    rig.send_all(ms(1));
    rig.publish(ms(2), &[(0, RED)]);
    assert_eq!(rig.dispatch.radio().in_flight, [], "the band wants its pause");
    let due = rig.dispatch.poll_timeout().unwrap();
    let events = [RadioEvent::Down(LinkId(0), "gone".into()), RadioEvent::Up(LinkId(0))];
    rig.dispatch.radio_mut().events.extend(events);
    rig.dispatch.handle_timeout(due);
    assert_eq!(rig.send_all(ms(60)), [(0, RED)], "once, to the connection that there is");
}

#[test]
fn a_panic_is_timed_until_the_last_connected_band_has_it() {
    let mut rig = Rig::new(links(&[0, 1, 2]), usize::MAX);
    rig.publish(ms(0), &[(0, RED), (1, RED), (2, RED)]);
    rig.send_all(ms(10));
    let took = |rig: &Rig| rig.dispatch.telemetry().radio_state().panic_took_ms;
    rig.publish_as(ms(100), &[(0, Look::DARK), (1, Look::DARK), (2, Look::DARK)], true);
    assert_eq!(took(&rig), None);
    // One goes before it has it: nobody can wait for that.
    rig.dispatch.radio_mut().in_flight.retain(|(link, _)| *link != LinkId(1));
    rig.dispatch.radio_mut().events.push_back(RadioEvent::Down(LinkId(1), "gone".into()));
    rig.dispatch.handle_timeout(ms(110));
    assert_eq!(took(&rig), None);
    rig.send_all(ms(130));
    assert_eq!(took(&rig), Some(30));
}

#[test]
fn the_worst_case_of_a_panic_counts_the_write_under_way_and_a_turn_for_every_band() {
    let (interval, write) = (Duration::from_millis(20), Duration::from_millis(50));
    let ms_of = |bands, room| panic_worst(bands, room, interval, write).as_millis();
    assert_eq!(ms_of(8, usize::MAX), 100, "all at once");
    assert_eq!(ms_of(8, 2), 250, "four rounds");
    assert_eq!(ms_of(0, 2), 0);
    let slow = Duration::from_millis(100);
    assert_eq!(panic_worst(1, 1, slow, write).as_millis(), 150, "the band wants its pause");
}

#[test]
fn it_is_told_how_far_each_band_and_group_is_behind_and_what_became_of_its_looks() {
    let mut rig = Rig::new(links(&[0, 1]), usize::MAX);
    rig.publish(ms(0), &[(0, RED), (1, RED)]);
    rig.send_all(ms(5));
    let figures = |rig: &Rig, now| {
        let mut groups = [GroupBands::default(); 2];
        rig.dispatch.telemetry().add_to_groups(now, &mut groups);
        groups
    };
    assert_eq!(figures(&rig, ms(50)).map(|group| group.behind_ms), [0, 0]);
    for step in 0..3 {
        rig.publish(ms(100 + step), &[(0, Look { red: 100 + step as u8, ..RED })]);
    }
    let [first, second] = figures(&rig, ms(140));
    assert_eq!((first.behind_ms, first.conflated, second.behind_ms), (40, 1, 0));
    rig.send_all(ms(150));
    assert_eq!(figures(&rig, ms(160))[0].behind_ms, 58, "since what is on its way came");
    rig.send_all(ms(170));
    let done = figures(&rig, ms(180));
    let counted = GroupBands { bands: 1, bands_connected: 1, frames: 3, ..done[0] };
    assert_eq!((done[0], done[0].behind_ms), (counted, 0));
}
