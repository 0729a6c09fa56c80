//! A small crowd, held against the closed forms.

use super::closed::{Agreement, Closed};
use super::*;

fn small(way: AirWay, loss: f64) -> Venue {
    Venue {
        bands: 1_500,
        radios: 9,
        groups: 16,
        area_m2: 8_000.0,
        way,
        loss,
        changes: 6,
        change_every_ms: 400,
        ..Venue::default()
    }
}

#[test]
fn what_bands_hear_and_when_is_as_the_closed_forms_have_it() {
    for (way, loss) in [(AirWay::Periodic, 0.0), (AirWay::Periodic, 0.6), (AirWay::Extended, 0.3)] {
        let venue = small(way, loss);
        let outcome = play(&venue);
        let closed = Closed::of(&venue, &outcome);
        let agreement = Agreement::of(&outcome, &closed);
        assert!(agreement.is_as_stated(), "{way:?}, loss {loss}: {agreement}");
    }
}

#[test]
fn a_change_announced_ahead_is_shown_by_all_within_twenty_milliseconds() {
    let outcome = play(&small(AirWay::Periodic, 0.3));
    let skew = quantile(&outcome.shown_ms, 0.99) - quantile(&outcome.shown_ms, 0.01);
    assert!(skew <= 20, "{skew} ms between the first and the last percent");
}

#[test]
fn the_same_seed_gives_the_same_crowd_and_another_another() {
    let venue = Venue { bands: 200, changes: 2, ..small(AirWay::Extended, 0.3) };
    let heard = |seed| play(&Venue { seed, ..venue }).heard_ms;
    assert_eq!(heard(1), heard(1));
    assert_ne!(heard(1), heard(2));
}

#[test]
fn after_six_sendings_hardly_a_band_is_stale() {
    let venue = small(AirWay::Periodic, 0.3);
    let outcome = play(&venue);
    assert!(outcome.stale_after[6] < 0.001, "{}", outcome.stale_after[6]);
    let all = (venue.bands - outcome.unreached) * venue.changes as usize;
    assert!(outcome.heard_ms.len() as f64 > 0.999 * all as f64, "keyframes reach the rest");
}
