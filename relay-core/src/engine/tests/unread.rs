//! What is not judged yet, because packets of it may wait in a socket that is read next.

use super::*;

fn live(stage: &Stage) -> [bool; 2] {
    [0, 1].map(|index| stage.engine.universe_signal(index) == Some(SignalState::Live))
}

#[test]
fn a_source_is_silent_only_if_everything_was_read_that_came_in_meanwhile() {
    let mut stage = Stage::new(&["sacn/1", "sacn/2"]);
    for universe in [1, 2] {
        let _ = stage.sacn(universe as u8, universe, &[10]);
    }
    stage.engine.set_read_to(stage.time());
    // One socket was read to its end, 5 s later, and what the other holds was not.
    stage.now += 5_000;
    let _ = stage.sacn(1, 1, &[20]);
    let _ = stage.engine.handle_timeout(stage.time());
    assert_eq!(live(&stage), [true, true]);
    // It was empty.
    stage.engine.set_read_to(stage.time());
    assert!(stage.engine.poll_timeout().is_some_and(|due| due <= stage.time()));
    assert!(stage.engine.handle_timeout(stage.time()), "the look of the universe that is lost");
    assert_eq!(live(&stage), [true, false]);
}

#[test]
fn a_beat_is_lost_only_if_everything_was_read_that_came_in_meanwhile() {
    let mut stage = Stage::new(&["sacn/1"]);
    let level = |stage: &mut Stage, level| {
        let of_beat = |fields: &mut sacn::DataFields<'_>| {
            fields.sync_address = 7;
            fields.force_synchronization = true;
        };
        let _ = stage.sacn_with(1, 1, &[level], of_beat);
        stage.engine.groups().get(0).red
    };
    level(&mut stage, 10);
    let _ = stage.sync(1, 7, 1);
    stage.engine.set_read_to(stage.time());
    stage.now += 3_000;
    assert_eq!(level(&mut stage, 20), 10, "it waits for the beat, which is to be read");
    stage.engine.set_read_to(stage.time());
    assert_eq!(level(&mut stage, 30), 30, "there was none: it goes on without");
}
