//! Radios of kind `gatt`, their bands, and the bands that the inventory adds to them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::Severity;
use super::files::{Files, inventory_name, label};
use super::near::nearest;
use super::read_groups::Groups;
use super::read_inventory::{InventoryBand, Spans, inventory};
use super::read_network::set;
use super::read_profile::read_profile;
use super::read_radios::NAME_BYTES_MAX;
use super::reader::{Table, Value};
use super::report::Report;
use super::{BandConfig, GattConfig, RadioConfig, RadioKind};
use crate::band::profile::Profile;
use crate::limits::BANDS_MAX;

/// Most adapters of one radio.
const ADAPTERS_MAX: usize = 16;

/// What is read of the show's bands.
pub(super) struct Bands<'g> {
    groups: &'g Groups,
    files: &'g dyn Files,
    /// Profiles read so far; `None` = it was wrong, and that was reported.
    profiles: BTreeMap<String, Option<Arc<Profile>>>,
    /// Where each band was listed.
    ids: BTreeMap<String, usize>,
    /// The radios, by index, and where what is said of them stands.
    radios: Vec<GattRadio>,
}

/// A radio, for what can be said of it only when all is read.
struct GattRadio {
    index: usize,
    profile: Option<Arc<Profile>>,
    /// Its bands, or else its header.
    bands: Range<usize>,
    connections: Option<Range<usize>>,
    /// Bands listed, right or wrong.
    listed: usize,
}

impl<'g> Bands<'g> {
    pub(super) fn new(groups: &'g Groups, files: &'g dyn Files) -> Self {
        Self { groups, files, profiles: BTreeMap::new(), ids: BTreeMap::new(), radios: Vec::new() }
    }

    /// The radio at `index` of the show.
    pub(super) fn radio(
        &mut self,
        report: &mut Report<'_>,
        table: &mut Table<'_>,
        index: usize,
    ) -> GattConfig {
        table.call("a gatt radio");
        let mut radio = GattConfig::default();
        set(&mut radio.adapters, table.get("adapter"), |value| adapters(report, value));
        let profile = match table.get("profile") {
            Some(value) => self.profile_at(report, value),
            None => self.builtin("wristcast"),
        };
        radio.profile.clone_from(&profile);
        let connections = table.get("max_connections");
        set(&mut radio.max_connections, connections, |value| {
            value.integer(report, 1..=255, " connections").map(Some)
        });
        let bands = table.get("bands");
        let items = bands.and_then(|value| value.list(report, "bands", BANDS_MAX));
        for item in items.into_iter().flatten() {
            if let Some(table) = item.table(report, "a band") {
                radio.bands.extend(self.band(report, table, profile.as_ref()));
            }
        }
        self.radios.push(GattRadio {
            index,
            profile,
            bands: bands.map_or(table.span.clone(), Value::span),
            connections: connections.map(Value::span),
            listed: bands.and_then(|value| Some(value.as_list()?.len())).unwrap_or(0),
        });
        radio
    }

    fn band(
        &mut self,
        report: &mut Report<'_>,
        mut table: Table<'_>,
        usual: Option<&Arc<Profile>>,
    ) -> Option<BandConfig> {
        let id = table.require("id", "\"AA:BB:CC:DD:EE:FF\"");
        let group = table.require("group", "\"floor-left\"");
        let profile = table.get("profile");
        table.finish(report);
        let profile = match profile {
            Some(value) => self.profile_at(report, value),
            None => usual.cloned(),
        };
        let group = group.and_then(|value| {
            let name = value.text(report, NAME_BYTES_MAX)?;
            self.groups.index(report, value, name)
        });
        let span = id.map_or(0..0, Value::span);
        let id = id?.text(report, NAME_BYTES_MAX)?;
        if let Some(&other) = self.ids.get(id) {
            report.error_with(span, |source| {
                let line = source.line(other);
                let message = format!("band \"{id}\" is listed already, in line {line}");
                (message, "a band takes one connection".to_owned())
            });
            return None;
        }
        self.ids.insert(id.to_owned(), span.start);
        Some(BandConfig { id: id.to_owned(), group: group?, profile: profile? })
    }

    fn profile_at(&mut self, report: &mut Report<'_>, value: Value<'_>) -> Option<Arc<Profile>> {
        let name = value.text(report, NAME_BYTES_MAX)?;
        self.profile(report, name, value.span())
    }

    fn builtin(&mut self, name: &str) -> Option<Arc<Profile>> {
        if !self.profiles.contains_key(name) {
            let profile = Profile::builtin(name).map(Arc::new);
            self.profiles.insert(name.to_owned(), profile);
        }
        self.profiles.get(name).cloned().flatten()
    }

    /// The profile that stands at `span`: one of ours, or a file beside the show.
    fn profile(
        &mut self,
        report: &mut Report<'_>,
        name: &str,
        span: Range<usize>,
    ) -> Option<Arc<Profile>> {
        if let Some(known) = self.profiles.get(name) {
            return known.clone();
        }
        let Some(stem) = name.strip_suffix(".toml") else {
            let profile = self.builtin(name);
            if profile.is_none() {
                // The next mention is reported as well.
                self.profiles.remove(name);
                unknown_profile(report, name, span);
            }
            return profile;
        };
        let profile = match self.files.read(name) {
            Err(error) => {
                let file = label(report.file(), name);
                let message = format!("the band profile {file} cannot be read: {error}");
                let help = "files are looked for beside the show file".to_owned();
                report.error_help(span, message, help);
                None
            }
            Ok(text) => match read_profile(stem, &text, &label(report.file(), name)) {
                Ok((profile, warnings)) => {
                    report.elsewhere(Some(span), warnings);
                    Some(Arc::new(profile))
                }
                Err(mistakes) => {
                    report.elsewhere(Some(span), mistakes);
                    None
                }
            },
        };
        self.profiles.insert(name.to_owned(), profile.clone());
        profile
    }

    /// Adds the bands of the inventory, and says what looks odd about the radios.
    pub(super) fn finish(
        mut self,
        report: &mut Report<'_>,
        radios: &mut [(RadioConfig, Range<usize>)],
    ) {
        let name = inventory_name(report.file());
        match self.files.read(&name) {
            Ok(text) => self.inventory(report, radios, &name, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let file = label(report.file(), &name);
                let message = format!("the inventory {file} cannot be read: {error}");
                report.whole_file(Severity::Error, message, "");
            }
        }
        for radio in &self.radios {
            if let RadioKind::Gatt(config) = &radios[radio.index].0.kind {
                radio.look_over(report, config);
            }
        }
    }

    fn inventory(
        &mut self,
        report: &mut Report<'_>,
        radios: &mut [(RadioConfig, Range<usize>)],
        name: &str,
        text: &str,
    ) {
        let file = label(report.file(), name);
        let mut found = Report::new(&file, text);
        for (band, spans) in inventory(&mut found, text) {
            self.inventory_band(&mut found, radios, &band, spans);
        }
        report.elsewhere(None, found.into_diagnostics());
    }

    fn inventory_band(
        &mut self,
        found: &mut Report<'_>,
        radios: &mut [(RadioConfig, Range<usize>)],
        band: &InventoryBand,
        spans: Spans,
    ) {
        let Some(group) = &band.group else { return };
        let group = match self.groups.named(group) {
            Some(group) => group,
            None => {
                let message = format!("the show has no group \"{group}\"");
                let help = self.groups.suggestion(group);
                return found.error_help(spans.group, message, help);
            }
        };
        if self.ids.contains_key(&band.id) {
            let message = format!("band \"{}\" is listed in the show as well", band.id);
            return found.warning(spans.id, message, "the show's entry counts");
        }
        let wanted = |radio: &&GattRadio| match &band.radio {
            Some(name) => *name == radios[radio.index].0.name,
            None => true,
        };
        let Some(radio) = self.radios.iter().find(wanted) else {
            let (message, span) = match &band.radio {
                Some(name) => (format!("the show has no gatt radio \"{name}\""), spans.radio),
                None => ("the show has no gatt radio for this band".to_owned(), spans.id),
            };
            return found.warning(span, message, "add [[radio]] with kind = \"gatt\"");
        };
        let (index, usual) = (radio.index, radio.profile.clone());
        let profile = match &band.profile {
            Some(name) => self.profile(found, name, spans.profile),
            None => usual,
        };
        if let (Some(group), Some(profile)) = (group, profile)
            && let RadioKind::Gatt(config) = &mut radios[index].0.kind
        {
            config.bands.push(BandConfig { id: band.id.clone(), group, profile });
        }
    }
}

impl GattRadio {
    fn look_over(&self, report: &mut Report<'_>, config: &GattConfig) {
        let each = config.max_connections;
        let most = each.map_or(usize::MAX, |each| each * config.adapters.len().max(1));
        if self.listed == 0 && config.bands.is_empty() {
            let message = "this radio has no `bands`: it has nothing to connect to".to_owned();
            let help =
                "for example bands = [{ id = \"AA:BB:CC:DD:EE:FF\", group = \"floor-left\" }]";
            report.warning(self.bands.clone(), message, help);
        } else if config.bands.len() > most {
            let bands = config.bands.len();
            let message = format!("{bands} bands, but at most {most} connected at a time");
            let span = self.connections.clone().unwrap_or(self.bands.clone());
            report.warning(span, message, "raise `max_connections`, or share them among adapters");
        }
    }
}

/// `adapter`: one, or several that share the bands.
fn adapters(report: &mut Report<'_>, value: Value<'_>) -> Option<Vec<String>> {
    if value.as_text().is_some() {
        return value.text(report, NAME_BYTES_MAX).map(|name| vec![name.to_owned()]);
    }
    let items = value.list(report, "names of adapters", ADAPTERS_MAX)?;
    if items.len() == 0 {
        value.wrong_help(report, "at least one", "leave it out for the first".to_owned());
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let name = item.text(report, NAME_BYTES_MAX)?;
        if names.iter().any(|other| other == name) {
            report.error(item.span(), format!("\"{name}\" is listed twice"));
            return None;
        }
        names.push(name.to_owned());
    }
    Some(names)
}

fn unknown_profile(report: &mut Report<'_>, name: &str, span: Range<usize>) {
    let message = format!("there is no band profile \"{name}\"");
    let help = match nearest(name, Profile::builtin_names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`wristcast bands profiles` lists them; a file of your own ends in `.toml`".into(),
    };
    report.error_help(span, message, help);
}
