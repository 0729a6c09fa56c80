//! `description.xml` of a `.gdtf`: GDTF 1.2 (DIN SPEC 15800:2022).

use std::io;

use quick_xml::Writer;
use wristcast_core::config::Attribute;

use super::fixture::{Fixture, Slot};
use super::identity::Identity;
use super::xml::{Xml, document};

/// No turn and no way: where a geometry lies in the one above it.
const HERE: &str = "{1,0,0,0}{0,1,0,0}{0,0,1,0}{0,0,0,1}";

/// The geometry that shines.
const LIGHT: &str = "Light";

/// The fixture type of one personality, with one mode.
pub(super) fn description(fixture: &Fixture) -> io::Result<Vec<u8>> {
    document(|xml| {
        xml.create_element("GDTF").with_attribute(("DataVersion", "1.2")).write_inner_content(
            |xml| {
                let id = Identity::of("fixture type", &fixture.mode).uuid();
                let id = id.as_hyphenated().to_string().to_uppercase();
                let name = fixture.name();
                xml.create_element("FixtureType")
                    .with_attributes([
                        ("Name", &name[..]),
                        ("ShortName", &fixture.mode),
                        ("LongName", &name),
                        ("Manufacturer", "wristcast"),
                        ("Description", "Wristbands that show the same look, through wristcast"),
                        ("FixtureTypeID", &id),
                        ("Thumbnail", ""),
                        ("RefFT", ""),
                        ("CanHaveChildren", "No"),
                    ])
                    .write_inner_content(|xml| fixture_type(xml, fixture))?;
                Ok(())
            },
        )?;
        Ok(())
    })
}

fn fixture_type(xml: &mut Xml, fixture: &Fixture) -> io::Result<()> {
    xml.create_element("AttributeDefinitions")
        .write_inner_content(|xml| attribute_definitions(xml, fixture))?;
    xml.create_element("Wheels").write_empty()?;
    xml.create_element("PhysicalDescriptions").write_empty()?;
    xml.create_element("Models").write_inner_content(|xml| {
        // A band round a wrist, metres.
        xml.create_element("Model")
            .with_attributes([
                ("Name", "Band"),
                ("Length", "0.07"),
                ("Width", "0.07"),
                ("Height", "0.02"),
                ("PrimitiveType", "Cylinder"),
            ])
            .write_empty()?;
        Ok(())
    })?;
    xml.create_element("Geometries").write_inner_content(geometries)?;
    xml.create_element("DMXModes").write_inner_content(|xml| {
        xml.create_element("DMXMode")
            .with_attributes([("Name", &fixture.mode[..]), ("Geometry", "Body")])
            .write_inner_content(|xml| {
                xml.create_element("DMXChannels").write_inner_content(|xml| {
                    let driven = fixture.slots.iter();
                    driven
                        .filter(|slot| slot.attribute != Attribute::Unused)
                        .try_for_each(|slot| channel(xml, fixture, slot))
                })?;
                xml.create_element("Relations").write_empty()?;
                xml.create_element("FTMacros").write_empty()?;
                Ok(())
            })?;
        Ok(())
    })?;
    Ok(())
}

fn geometries(xml: &mut Xml) -> io::Result<()> {
    xml.create_element("Geometry")
        .with_attributes([("Name", "Body"), ("Model", "Band"), ("Position", HERE)])
        .write_inner_content(|xml| {
            xml.create_element("Beam")
                .with_attributes([
                    ("Name", LIGHT),
                    ("Model", "Band"),
                    ("Position", HERE),
                    ("LampType", "LED"),
                    ("PowerConsumption", "0.5"),
                    ("LuminousFlux", "10"),
                    ("ColorTemperature", "6000"),
                    ("BeamAngle", "180"),
                    ("FieldAngle", "180"),
                    ("BeamRadius", "0.035"),
                    ("BeamType", "Glow"),
                    ("ColorRenderingIndex", "80"),
                ])
                .write_empty()?;
            Ok(())
        })?;
    Ok(())
}

/// A standard attribute of GDTF (DIN SPEC 15800, annex A).
struct Definition {
    name: &'static str,
    pretty: &'static str,
    feature: &'static str,
    unit: &'static str,
    /// CIE 1931 x, y and Y.
    colour: Option<&'static str>,
    /// The attribute that it belongs to.
    main: Option<&'static str>,
}

/// Those that a slot drives, the first the channel's own.
const fn definitions(attribute: Attribute) -> &'static [Definition] {
    const fn colour(name: &'static str, pretty: &'static str, xyy: &'static str) -> Definition {
        let (feature, unit, main) = ("Color.RGB", "ColorComponent", None);
        Definition { name, pretty, feature, unit, colour: Some(xyy), main }
    }
    const fn plain(
        name: &'static str,
        pretty: &'static str,
        feature: &'static str,
        unit: &'static str,
        main: Option<&'static str>,
    ) -> Definition {
        Definition { name, pretty, feature, unit, colour: None, main }
    }
    const RED: &[Definition] = &[colour("ColorAdd_R", "R", "0.64,0.33,21.3")];
    const GREEN: &[Definition] = &[colour("ColorAdd_G", "G", "0.3,0.6,71.5")];
    const BLUE: &[Definition] = &[colour("ColorAdd_B", "B", "0.15,0.06,7.2")];
    const WHITE: &[Definition] = &[colour("ColorAdd_W", "White", "0.313,0.329,100")];
    const DIMMER: &[Definition] =
        &[plain("Dimmer", "Dim", "Dimmer.Dimmer", "LuminousIntensity", None)];
    const STROBE: &[Definition] = &[
        plain("Shutter1", "Sh1", "Beam.Beam", "None", None),
        plain("Shutter1Strobe", "Strobe1", "Beam.Beam", "Frequency", Some("Shutter1")),
    ];
    const FADE: &[Definition] = &[plain("GlobalMSpeed", "Fade", "Control.Control", "Time", None)];
    match attribute {
        Attribute::Red => RED,
        Attribute::Green => GREEN,
        Attribute::Blue => BLUE,
        Attribute::White => WHITE,
        Attribute::Dimmer => DIMMER,
        Attribute::Strobe => STROBE,
        Attribute::Fade => FADE,
        Attribute::Unused => &[],
    }
}

/// What the slots of a fixture drive, each once, in the order of their first slots.
fn driven(fixture: &Fixture) -> Vec<&'static Definition> {
    let mut driven: Vec<&Definition> = Vec::new();
    for definition in fixture.slots.iter().flat_map(|slot| definitions(slot.attribute)) {
        if !driven.iter().any(|other| other.name == definition.name) {
            driven.push(definition);
        }
    }
    driven
}

fn attribute_definitions(xml: &mut Xml, fixture: &Fixture) -> io::Result<()> {
    let driven = driven(fixture);
    xml.create_element("ActivationGroups").write_inner_content(|xml| {
        if driven.iter().any(|one| one.colour.is_some()) {
            xml.create_element("ActivationGroup")
                .with_attribute(("Name", "ColorRGB"))
                .write_empty()?;
        }
        Ok(())
    })?;
    xml.create_element("FeatureGroups").write_inner_content(|xml| {
        let mut features: Vec<(&str, &str)> =
            driven.iter().filter_map(|one| one.feature.split_once('.')).collect();
        features.sort_unstable();
        features.dedup();
        for (group, feature) in features {
            xml.create_element("FeatureGroup")
                .with_attributes([("Name", group), ("Pretty", group)])
                .write_inner_content(|xml| {
                    xml.create_element("Feature")
                        .with_attribute(("Name", feature))
                        .write_empty()?;
                    Ok(())
                })?;
        }
        Ok(())
    })?;
    xml.create_element("Attributes").write_inner_content(|xml| {
        for one in driven {
            let mut attributes = vec![("Name", one.name), ("Pretty", one.pretty)];
            attributes.extend(one.colour.map(|_| ("ActivationGroup", "ColorRGB")));
            attributes.push(("Feature", one.feature));
            attributes.extend(one.main.map(|main| ("MainAttribute", main)));
            attributes.push(("PhysicalUnit", one.unit));
            attributes.extend(one.colour.map(|colour| ("Color", colour)));
            xml.create_element("Attribute").with_attributes(attributes).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}

/// What levels from `from` on do.
struct Function {
    name: &'static str,
    attribute: &'static str,
    from: u8,
    physical: (&'static str, &'static str),
}

fn functions(attribute: Attribute, name: &'static str) -> Vec<Function> {
    match attribute {
        // 10 and 255 are 1 and 25 Hz.
        Attribute::Strobe => vec![
            Function { name: "Open", attribute: "Shutter1", from: 0, physical: ("1", "1") },
            Function {
                name: "Strobe",
                attribute: "Shutter1Strobe",
                from: 10,
                physical: ("1", "25"),
            },
        ],
        // Seconds.
        Attribute::Fade => {
            vec![Function { name: "Fade", attribute: name, from: 0, physical: ("0", "2.55") }]
        }
        _ => vec![Function { name, attribute: name, from: 0, physical: ("0", "1") }],
    }
}

fn channel(xml: &mut Xml, fixture: &Fixture, slot: &Slot) -> io::Result<()> {
    let Some(own) = definitions(slot.attribute).first() else { return Ok(()) };
    let functions = functions(slot.attribute, own.name);
    let initial = format!("{LIGHT}_{0}.{0}.{1}", own.name, functions[0].name);
    let colour = own.colour.is_some();
    // With a dimmer, colours stand open, and the dimmer does the rest.
    let default = if colour && fixture.has(Attribute::Dimmer) { "255/1" } else { "0/1" };
    let highlight = match slot.attribute {
        Attribute::Strobe | Attribute::Fade => "None",
        _ => "255/1",
    };
    let master = if slot.attribute == Attribute::Dimmer { "Grand" } else { "None" };
    xml.create_element("DMXChannel")
        .with_attributes([
            ("DMXBreak", &slot.dmx_break.to_string()[..]),
            ("Offset", &slot.offset.to_string()),
            ("InitialFunction", &initial),
            ("Highlight", highlight),
            ("Geometry", LIGHT),
        ])
        .write_inner_content(|xml| {
            xml.create_element("LogicalChannel")
                .with_attributes([
                    ("Attribute", own.name),
                    ("Snap", "No"),
                    ("Master", master),
                    ("MibFade", "0"),
                    ("DMXChangeTimeLimit", "0"),
                ])
                .write_inner_content(|xml| {
                    functions.iter().try_for_each(|function| write_function(xml, function, default))
                })?;
            Ok(())
        })?;
    Ok(())
}

fn write_function(xml: &mut Writer<Vec<u8>>, function: &Function, default: &str) -> io::Result<()> {
    let from = format!("{}/1", function.from);
    let default = if function.from > 0 { &from } else { default };
    xml.create_element("ChannelFunction")
        .with_attributes([
            ("Name", function.name),
            ("Attribute", function.attribute),
            ("OriginalAttribute", ""),
            ("DMXFrom", &from),
            ("Default", default),
            ("PhysicalFrom", function.physical.0),
            ("PhysicalTo", function.physical.1),
            ("RealFade", "0"),
        ])
        .write_empty()?;
    Ok(())
}
