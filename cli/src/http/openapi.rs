//! The API's description, OpenAPI 3.1: the schemas come from the types that are answered, the paths
//! are written here beside the routes they describe.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use wristcast_core::snapshot::{
    BandState, EventState, GroupState, NetworkState, RadioState, Status, UniverseState,
};

use super::routes::{Error, path};

/// The whole document.
pub(crate) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .with_transform(RecursiveTransform(speak_json));
    let mut schemas = settings.into_generator();
    let paths = json!({
        path::STATUS: get::<Status>(&mut schemas, "The relay at a glance", &[]),
        path::UNIVERSES: get::<Vec<UniverseState>>(
            &mut schemas, "Every patched universe: levels, sources, who contributes", &[]),
        path::UNIVERSE_SACN: get::<UniverseState>(
            &mut schemas, "One sACN universe", &[("universe", 1, 63_999)]),
        path::UNIVERSE_ARTNET: get::<UniverseState>(
            &mut schemas, "One Art-Net universe by its 15-bit port-address",
            &[("port_address", 0, 32_767)]),
        path::UNIVERSE_ARTNET_PARTS: get::<UniverseState>(
            &mut schemas, "One Art-Net universe by net, sub-net and universe",
            &[("net", 0, 127), ("sub_net", 0, 15), ("universe", 0, 15)]),
        path::NETWORK: get::<NetworkState>(
            &mut schemas, "Sources that announce universes, and universes that nobody patched",
            &[]),
        path::GROUPS: get::<Vec<GroupState>>(
            &mut schemas, "Every group of bands and the look it should show", &[]),
        path::RADIOS: get::<Vec<RadioState>>(&mut schemas, "Every radio", &[]),
        path::BANDS: get::<Vec<BandState>>(
            &mut schemas, "Every band and what it shows", &[]),
        path::EVENTS: events(&mut schemas),
        path::OPENAPI: get::<std::collections::BTreeMap<String, Value>>(
            &mut schemas, "This document", &[]),
    });
    schemas.subschema_for::<Error>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wristcast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running relay is doing. For reading alone: nothing can be \
                changed here. Times are ages in ms, rates are Hz, latencies are µs. Answers are \
                for the moment and are not to be cached.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:8420" }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "responses": {
                "NotFound": error("There is no such thing; `valid` names those there are"),
                "Unavailable": error("The relay did not answer in time, or has stopped"),
                "BadRequest": error("The query makes no sense"),
            },
        },
    })
}

/// The descriptions come from Rust; in JSON there is no `None`.
fn speak_json(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace("`None`", "`null`");
    }
}

/// A GET with parameters in its path: name, least, greatest.
fn get<T: JsonSchema>(
    schemas: &mut SchemaGenerator,
    summary: &str,
    parameters: &[(&str, u16, u16)],
) -> Value {
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|(name, least, greatest)| {
            let schema = json!({ "type": "integer", "minimum": least, "maximum": greatest });
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    let mut responses = json!({
        "200": {
            "description": summary,
            "content": { "application/json": { "schema": schemas.subschema_for::<T>() } },
        },
        "503": { "$ref": "#/components/responses/Unavailable" },
    });
    if !parameters.is_empty() {
        responses["404"] = json!({ "$ref": "#/components/responses/NotFound" });
    }
    json!({ "get": { "summary": summary, "parameters": parameters, "responses": responses } })
}

fn events(schemas: &mut SchemaGenerator) -> Value {
    let summary = "What happened, oldest first; the relay remembers a bounded number";
    let mut path = get::<Vec<EventState>>(schemas, summary, &[]);
    path["get"]["parameters"] = json!([{
        "name": "after",
        "in": "query",
        "description": "Only events with a greater number",
        "schema": { "type": "integer", "minimum": 0 },
    }]);
    path["get"]["responses"]["400"] = json!({ "$ref": "#/components/responses/BadRequest" });
    path
}

fn error(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Error" });
    json!({
        "description": description,
        "content": { "application/json": { "schema": schema } },
    })
}
