//! A show as the engine takes it over, compiled away from the relay thread.

use crate::artnet_node;
use crate::config::{Allow, Config};
use crate::output::Output;
use crate::patch::Plan;
use crate::table::GroupTable;
use crate::universe::{PortAddress, Universe};

/// A show made ready for the engine, away from the relay thread: patch, policies, table.
#[derive(Debug)]
pub struct CompiledShow {
    pub(super) plan: Plan,
    pub(super) output: Output,
    pub(super) table: GroupTable,
    pub(super) port_addresses: Vec<PortAddress>,
    pub(super) allow: Allow,
    /// What consoles find the Art-Net node as.
    pub(super) node_names: artnet_node::Names,
    /// Index in [`Merge`](crate::merge::Merge) by index in the plan.
    pub(super) ports: Vec<u32>,
    /// The groups by name, ascending, with their indices.
    pub(super) names: Box<[(Box<str>, u32)]>,
}

impl CompiledShow {
    /// Compiles a show.
    pub fn compile(config: &Config) -> Box<Self> {
        let plan = Plan::compile(config);
        let port_addresses = plan.universes().iter().filter_map(|universe| match universe {
            Universe::ArtNet(address) => Some(*address),
            Universe::Sacn(_) => None,
        });
        let mut table = GroupTable::new(config.groups.len());
        for group in 0..config.groups.len() {
            table.set(group, config.start_look);
        }
        let names = config.groups.iter().zip(0..);
        let mut names: Box<[_]> =
            names.map(|(group, index)| (group.name.as_str().into(), index)).collect();
        names.sort_unstable();
        Box::new(Self {
            output: Output::new(config, &plan),
            table,
            names,
            port_addresses: port_addresses.collect(),
            allow: config.network.allow.clone(),
            node_names: artnet_node::Names::of(&config.network.artnet_node),
            ports: Vec::with_capacity(plan.universes().len()),
            plan,
        })
    }

    /// The patched universes, ascending.
    pub fn universes(&self) -> &[Universe] {
        self.plan.universes()
    }
}

/// The groups of a show that are in an old one, too: their index there and here.
pub(super) fn kept_groups<'a>(
    names: &'a [(Box<str>, u32)],
    old: &'a [(Box<str>, u32)],
) -> impl Iterator<Item = (usize, usize)> + Clone + 'a {
    let mut old = old.iter().peekable();
    names.iter().filter_map(move |(name, here)| {
        while old.next_if(|(other, _)| other < name).is_some() {}
        let (_, there) = old.next_if(|(other, _)| other == name)?;
        Some((*there as usize, *here as usize))
    })
}
