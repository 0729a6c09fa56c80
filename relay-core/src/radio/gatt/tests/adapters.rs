//! Several adapters share the bands.

use super::super::central::Central;
use super::super::*;
use super::stage::{MS, Stage, link_id};

/// Several adapters and what is in reach of each.
struct Adapters {
    now: Time,
    stages: Vec<Stage>,
    sharing: Sharing,
    bands: usize,
}

impl Adapters {
    fn new(adapters: usize, bands: usize, connections_max: usize) -> Self {
        let stage = |_| Stage::with_limit(bands, Some(connections_max));
        let mut stages: Vec<Stage> = (0..adapters).map(stage).collect();
        Sharing::deal(stages.iter_mut().map(|stage| &mut stage.central), bands);
        Self { now: Time::ZERO, stages, sharing: Sharing::default(), bands }
    }

    fn run(&mut self, seconds: u32) {
        for _ in 0..10 * seconds {
            for stage in &mut self.stages {
                stage.run(100 * MS);
            }
            self.now = self.stages[0].now;
            let mut centrals: Vec<&mut Central> =
                self.stages.iter_mut().map(|stage| &mut stage.central).collect();
            self.sharing.share(self.now, &mut centrals, self.bands);
            let homes = |link| self.stages.iter().filter(|s| s.central.has(link_id(link))).count();
            assert!((0..self.bands).all(|link| homes(link) == 1), "a band has one adapter");
        }
    }

    /// Bands that each adapter holds.
    fn up(&self) -> Vec<Vec<usize>> {
        let up = |stage: &Stage| (0..self.bands).filter(|link| stage.up[*link]).collect();
        self.stages.iter().map(up).collect()
    }
}

#[test]
fn adapters_share_the_bands_evenly() {
    let mut adapters = Adapters::new(2, 6, 8);
    adapters.run(10);
    assert_eq!(adapters.up(), [[0, 2, 4], [1, 3, 5]]);
}

#[test]
fn the_bands_of_an_adapter_that_is_pulled_out_move_to_the_other() {
    let mut adapters = Adapters::new(2, 4, 8);
    adapters.run(10);
    adapters.stages[0].unplug("unplugged");
    adapters.run(15);
    assert_eq!(adapters.up(), [vec![], vec![0, 1, 2, 3]]);
    adapters.stages[0].stack.adapter = None;
    adapters.run(10);
    assert_eq!(adapters.up()[1].len(), 4, "what is lit stays where it is");
}

#[test]
fn a_band_that_its_adapter_has_no_connection_for_moves_to_one_that_has() {
    let mut adapters = Adapters::new(2, 6, 4);
    for link in [1, 3, 5] {
        adapters.stages[1].stack.bands[link].on = false;
        adapters.stages[0].stack.bands[link].on = false;
    }
    adapters.run(10);
    assert_eq!(adapters.up(), [vec![0, 2, 4], vec![]]);
    // Out of reach of the second, in reach of the first, which has room for one.
    adapters.stages[0].switch(3, true);
    adapters.run(60);
    assert_eq!(adapters.up(), [vec![0, 2, 3, 4], vec![]]);
    // No room there, but with the second.
    for stage in &mut adapters.stages {
        stage.switch(5, true);
    }
    adapters.run(60);
    assert_eq!(adapters.up(), [vec![0, 2, 3, 4], vec![5]]);
}
