//! `GeneralSceneDescription.xml` of a `.mvr`: My Virtual Rig 1.6 (DIN SPEC 15801).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use wristcast_core::universe::{SLOTS, Universe};

use super::fixture::Placed;
use super::identity::Identity;
use super::xml::{Xml, document, text};

/// The number that consoles give to each universe, from 1: an sACN universe its own, Art-Net
/// port-address 0 the first after them.
pub(super) fn numbers(placed: &[Placed<'_>]) -> BTreeMap<Universe, u32> {
    let universes: BTreeSet<Universe> = placed
        .iter()
        .flat_map(|placed| placed.addresses.iter().map(|&(universe, _)| universe))
        .collect();
    let sacn = |universe: &Universe| match universe {
        Universe::Sacn(universe) => Some(u32::from(universe.number())),
        Universe::ArtNet(_) => None,
    };
    let last_sacn = universes.iter().filter_map(sacn).max().unwrap_or(0);
    let number = |universe: &Universe| match universe {
        Universe::Sacn(universe) => u32::from(universe.number()),
        Universe::ArtNet(address) => last_sacn + 1 + u32::from(address.address()),
    };
    universes.iter().map(|universe| (*universe, number(universe))).collect()
}

/// The groups of a show where they are: x to the right, y away from the stage.
pub(super) fn scene(show: &str, placed: &[Placed<'_>]) -> io::Result<Vec<u8>> {
    let numbers = numbers(placed);
    document(|xml| {
        xml.create_element("GeneralSceneDescription")
            .with_attributes([
                ("verMajor", "1"),
                ("verMinor", "6"),
                ("provider", "wristcast"),
                ("providerVersion", env!("CARGO_PKG_VERSION")),
            ])
            .write_inner_content(|xml| {
                xml.create_element("UserData").write_empty()?;
                xml.create_element("Scene").write_inner_content(|xml| {
                    xml.create_element("AUXData").write_empty()?;
                    xml.create_element("Layers").write_inner_content(|xml| {
                        let id = Identity::of("layer", show).uuid().to_string();
                        xml.create_element("Layer")
                            .with_attributes([("name", "Wristbands"), ("uuid", &id)])
                            .write_inner_content(|xml| {
                                xml.create_element("ChildList").write_inner_content(|xml| {
                                    (1..)
                                        .zip(placed)
                                        .try_for_each(|(id, one)| fixture(xml, id, one, &numbers))
                                })?;
                                Ok(())
                            })?;
                        Ok(())
                    })?;
                    Ok(())
                })?;
                Ok(())
            })?;
        Ok(())
    })
}

fn fixture(
    xml: &mut Xml,
    id: u32,
    placed: &Placed<'_>,
    numbers: &BTreeMap<Universe, u32>,
) -> io::Result<()> {
    let name = &placed.group.name[..];
    let uuid = Identity::of("group", name).uuid().to_string();
    xml.create_element("Fixture")
        .with_attributes([("name", name), ("uuid", &uuid)])
        .write_inner_content(|xml| {
            // Millimetres.
            let [x, y] = placed.group.position.unwrap_or_default().map(|metres| metres * 1000.0);
            let matrix = format!("{{1,0,0}}{{0,1,0}}{{0,0,1}}{{{x:.0},{y:.0},0}}");
            text(xml, "Matrix", &matrix)?;
            text(xml, "GDTFSpec", &placed.fixture.file())?;
            text(xml, "GDTFMode", &placed.fixture.mode)?;
            text(xml, "FixtureID", &id.to_string())?;
            text(xml, "FixtureIDNumeric", &id.to_string())?;
            text(xml, "UnitNumber", "0")?;
            xml.create_element("Addresses").write_inner_content(|xml| {
                for (index, (universe, address)) in placed.addresses.iter().enumerate() {
                    let number = numbers.get(universe).copied().unwrap_or(1);
                    let absolute = u64::from(number - 1) * SLOTS as u64 + u64::from(*address);
                    xml.create_element("Address")
                        .with_attribute(("break", &index.to_string()[..]))
                        .write_text_content(quick_xml::events::BytesText::new(
                            &absolute.to_string(),
                        ))?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
    Ok(())
}
