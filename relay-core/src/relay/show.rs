//! The running show as the control side knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{Config, Group};
use crate::patch::Plan;
use crate::receive::Port;
use crate::snapshot::{SceneGroup, SceneState};
use crate::universe::Universe;

/// A show and what follows from its patch. Never changed; a reload makes another.
#[derive(Debug)]
pub(super) struct Show {
    pub(super) config: Config,
    /// By dense index, ascending.
    pub(super) universes: Vec<Universe>,
    /// Per group the dense indices of the universes that feed it, ascending.
    pub(super) feeds: Vec<Vec<usize>>,
    /// What front ends are told of it.
    pub(super) scene: Arc<SceneState>,
    /// Index of each group.
    by_name: BTreeMap<String, u32>,
}

impl Show {
    pub(super) fn new(config: Config) -> Self {
        let plan = Plan::compile(&config);
        let universes = plan.universes().to_vec();
        let mut feeds = vec![Vec::new(); config.groups.len()];
        for index in 0..universes.len() {
            for group in plan.groups_of(index) {
                feeds[group].push(index);
            }
        }
        let names = config.groups.iter().map(|group| group.name.clone());
        let by_name = names.zip(0..).collect();
        let group =
            |group: &Group| SceneGroup { name: group.name.clone(), position: group.position };
        let scene = Arc::new(SceneState {
            show: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            universes: universes.clone(),
            groups: config.groups.iter().map(group).collect(),
        });
        Self { config, universes, feeds, scene, by_name }
    }

    pub(super) fn group_name(&self, group: usize) -> &str {
        self.config.groups.get(group).map_or("", |group| &group.name)
    }

    /// The index of the group called so.
    pub(super) fn group_index(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(super) fn group_names(&self) -> Vec<String> {
        self.config.groups.iter().map(|group| group.name.clone()).collect()
    }

    /// sACN universes to join.
    pub(super) fn sacn_universes(&self) -> BTreeSet<u16> {
        let number = |universe: &Universe| match universe {
            Universe::Sacn(universe) => Some(universe.number()),
            Universe::ArtNet(_) => None,
        };
        self.universes.iter().filter_map(number).collect()
    }

    /// Ports without which there is no light.
    pub(super) fn needed_ports(&self) -> Vec<Port> {
        let any = |test: fn(&Universe) -> bool| self.universes.iter().any(test);
        let sacn = any(|universe| matches!(universe, Universe::Sacn(_)));
        let artnet = any(|universe| matches!(universe, Universe::ArtNet(_)));
        let needed = [(Port::SacnV4, sacn), (Port::ArtNet, artnet)];
        needed.into_iter().filter_map(|(port, needed)| needed.then_some(port)).collect()
    }
}
