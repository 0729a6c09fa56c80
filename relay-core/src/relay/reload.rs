//! Going over to a changed show while it runs. Control side.

use std::sync::Arc;

use super::handle::{RelayHandle, lock};
use super::radios::Successors;
use super::show::Show;
use super::thread::{Command, NextShow};
use super::{HandleError, ReloadError};
use crate::config::{Config, Network, changes};
use crate::engine::CompiledShow;
use crate::lane::{self, LaneReader, LaneWriter};
use crate::snapshot::Severity;
use crate::steering::Actor;

impl RelayHandle {
    /// What [`reload`](Self::reload) would change, one sentence each, or why it would refuse.
    ///
    /// # Errors
    ///
    /// [`ReloadError::NeedsRestart`].
    pub fn changes(&self, config: &Config) -> Result<Vec<String>, ReloadError> {
        let control = lock(&self.shared.control);
        refusal(&control.show.config, control.limits.universes, config)?;
        Ok(changes(&control.show.config, config))
    }

    /// Goes over to a changed show between two packets, or refuses it whole. Universes and groups
    /// that stay keep their levels and looks, radios whose setup stays go on; others begin anew
    /// while their bands hold their look. Gives what changed, one sentence each. What came of it
    /// is in the events with `by`.
    ///
    /// # Errors
    ///
    /// The change cannot be made while running, a radio cannot be made, or the relay cannot be
    /// told; the show goes on as it was.
    pub fn reload(&self, config: Config, by: &Actor) -> Result<Vec<String>, ReloadError> {
        let changed = self.change_show(config);
        let (severity, text) = match &changed {
            Ok(changes) if changes.is_empty() => {
                (Severity::Info, "the show was read again and is the same".to_owned())
            }
            Ok(changes) => (Severity::Info, format!("the show changed: {}", changes.join("; "))),
            Err(error) => (
                Severity::Warning,
                format!("a changed show was refused, this one goes on: {error}"),
            ),
        };
        self.note_by(severity, text, by);
        changed
    }

    /// Says what is wrong with the show file of the running show: a fault until it is taken back
    /// with `None`.
    pub fn set_show_fault(&self, fault: Option<String>) {
        lock(&self.shared.control).show_fault = fault;
    }

    fn change_show(&self, config: Config) -> Result<Vec<String>, ReloadError> {
        let compiled = CompiledShow::compile(&config);
        let shared = &*self.shared;
        let mut control = lock(&shared.control);
        let before = Arc::clone(&control.show);
        refusal(&before.config, control.limits.universes, &config)?;
        let mut words = changes(&before.config, &config);

        let mut threads = lock(&shared.threads);
        let Some(radios) = threads.as_mut() else { return Err(HandleError::Stopped.into()) };
        let mut next = radios.succeed(&before.config, &config, shared.clock)?;
        for name in next.restarted(&before.config, &config) {
            words.push(format!("radio `{name}` begins anew; its bands hold their look meanwhile"));
        }
        let (lanes, kept, looks) = lanes(&mut next, &before.config, &config);
        let show = Arc::new(Show::new(config));
        let next_show = NextShow { compiled: Some(compiled), lanes, kept };
        control.give(Command::Show(Box::new(next_show)))?;
        // From here on it is the show.
        let turn = radios.give_way(next);
        let telemetry = radios.telemetry();
        drop(threads);
        control.set_radios(&telemetry);
        *lock(&shared.radios) = telemetry;
        if let Some(tracer) = lock(&shared.tracer).as_ref() {
            tracer.rename(show.group_names());
        }
        if let Some(standby) = &shared.standby {
            standby.set_show(&before.config, &show.config);
        }
        control.show = show;
        control.join_patched();
        let settled = control.settle();
        if let Some(looks) = looks {
            *lock(&shared.looks) = looks;
        }
        drop(control);
        // May wait for radios that end.
        drop(turn);
        settled?;
        Ok(words)
    }
}

/// The lanes of the next show, as [`NextShow`] wants them, and the front ends' new one if they
/// need one.
fn lanes(
    next: &mut Successors,
    old: &Config,
    new: &Config,
) -> (Vec<LaneWriter>, Vec<(usize, usize)>, Option<LaneReader>) {
    let same_length = old.groups.len() == new.groups.len();
    if same_length && next.are_the_same(old.radios.len()) {
        return (Vec::new(), Vec::new(), None);
    }
    let placeholder = || lane::channel(0).0;
    let begun = next.lanes.iter_mut().map(Option::take);
    let mut lanes: Vec<LaneWriter> = begun.map(|begun| begun.unwrap_or_else(placeholder)).collect();
    let kept = next.kept.iter().enumerate();
    let mut kept: Vec<_> = kept.filter_map(|(now, before)| Some(((*before)?, now))).collect();
    // The front ends' lane is the last.
    let mut looks = None;
    if same_length {
        kept.push((old.radios.len(), new.radios.len()));
        lanes.push(placeholder());
    } else {
        let (writer, reader) = lane::channel(new.groups.len());
        lanes.push(writer);
        looks = Some(reader);
    }
    (lanes, kept, looks)
}

fn refusal(running: &Config, universes_max: usize, new: &Config) -> Result<(), ReloadError> {
    if let Some(what) = needs_restart(running, new) {
        return Err(ReloadError::NeedsRestart(what));
    }
    let slots = new.groups.iter().flat_map(|group| &group.slots);
    let mut universes: Vec<_> = slots.map(|slot| slot.universe).collect();
    universes.sort_unstable();
    universes.dedup();
    if universes.len() > universes_max {
        return Err(ReloadError::NeedsRestart("the number of universes, by so much,"));
    }
    Ok(())
}

/// What differs that a running relay cannot change.
fn needs_restart(running: &Config, new: &Config) -> Option<&'static str> {
    let (was, is) = (&running.network, &new.network);
    if (was.sacn_port, was.artnet_port) != (is.sacn_port, is.artnet_port) {
        return Some("the sACN or Art-Net port");
    }
    if was.rejoin_interval != is.rejoin_interval {
        return Some("how often multicast groups are joined anew");
    }
    if was.receive_buffer_bytes != is.receive_buffer_bytes {
        return Some("the receive buffer");
    }
    if was.busy_wait != is.busy_wait {
        return Some("busy waiting");
    }
    if (was.realtime_priority, was.core) != (is.realtime_priority, is.core) {
        return Some("the priority or the core of the relay thread");
    }
    let merging = |n: &Network| (n.merge, n.sources_per_universe, n.sampling_period);
    if merging(was) != merging(is) {
        return Some("how sources are merged");
    }
    let node = |n: &Network| (n.artnet_node.reply, n.artnet_node.remote_programming);
    if node(was) != node(is) {
        return Some("whether the Art-Net node answers polls, or may be programmed,");
    }
    if running.http != new.http {
        return Some("where the API listens, or its names or token file,");
    }
    if running.osc != new.osc {
        return Some("orders over OSC");
    }
    if running.standby != new.standby {
        return Some("the standby");
    }
    None
}
