//! The API's description, OpenAPI 3.1: the schemas come from the types that are answered, the paths
//! are written here beside the routes they describe.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use wristcast_core::snapshot::{
    BandState, ControlState, EventState, GroupState, NetworkState, RadioState, SceneState, Status,
    UniverseState,
};

use wristcast_core::steering::{
    EndLookRequest, MasterRequest, OverrideRequest, ReleaseRequest, StartLookRequest, Switch,
};

use super::control::{ReloadRequest, Reloaded, StandbyRequest, TokenHolder};
use super::routes::{Error, path};

/// The whole document.
pub(crate) fn document() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .with_transform(RecursiveTransform(speak_json));
    // What is read may leave out what has a default; what is answered is always whole.
    let mut orders = settings.clone().into_generator();
    let mut schemas = settings.for_serialize().into_generator();
    let mut paths = json!({
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
        path::CONTROL: get::<ControlState>(
            &mut schemas, "What operators have done by hand", &[]),
        path::TOKEN: token(&mut schemas),
        path::PANIC: order::<Switch>(
            &mut orders, "Every band dark, latched until it is released", false),
        path::FREEZE: order::<Switch>(
            &mut orders, "Every group keeps the look it has from the console, until released", false),
        path::MASTER: order::<MasterRequest>(
            &mut orders, "Scale some groups, or all by the grand master", true),
        path::OVERRIDE: order::<OverrideRequest>(
            &mut orders, "Give groups another look, or a test pattern, for a time", true),
        path::RELEASE: order::<ReleaseRequest>(
            &mut orders, "Give overridden groups back to the console", true),
        path::START_LOOK: order::<StartLookRequest>(
            &mut orders, "What groups show that have had no signal yet", false),
        path::END_LOOK: order::<EndLookRequest>(
            &mut orders, "What the bands are left showing when the relay stops", false),
        path::SCENE: get::<SceneState>(
            &mut schemas, "What of the show does not change until a reload", &[]),
        path::LIVE: live(),
        path::METRICS: text(
            "Figures for a monitoring system, OpenMetrics", "application/openmetrics-text"),
        path::LIVEZ: text("Whether the relay thread answers", "text/plain"),
        path::READYZ: text(
            "Whether light that comes in would go out; if not, 503 and why not", "text/plain"),
        path::OPENAPI: get::<std::collections::BTreeMap<String, Value>>(
            &mut schemas, "This document", &[]),
    });
    paths[path::RELOAD] = reload(&mut orders, &mut schemas);
    paths[path::STANDBY] = standby(&mut orders);
    let methods = paths.as_object_mut().into_iter().flatten();
    for method in methods.filter_map(|(_, path)| path.as_object_mut()).flatten() {
        method.1["responses"]["421"] = json!({ "$ref": "#/components/responses/Misdirected" });
    }
    schemas.subschema_for::<Error>();
    let mut definitions = schemas.take_definitions(true);
    definitions.extend(orders.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wristcast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running relay is doing, and orders for those with a \
                token from its token file. Times are ages in ms, rates are Hz, latencies are µs. Answers are \
                for the moment and are not to be cached.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:8420" }],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "NotFound": error("There is no such thing; `valid` names those there are"),
                "Unavailable": error("The relay did not answer in time, or has stopped"),
                "BadRequest": error("The query or the order makes no sense"),
                "Unauthorized": error("The token is missing or not in the token file"),
                "Forbidden": error("Control is off, or another site's page gave the order"),
                "Misdirected": error("The `Host` is no name of this relay; see `[http] hosts`"),
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

fn live() -> Value {
    let summary = "What changes, as it happens: server-sent events, `scene` and then `change`";
    let mut path = text(summary, "text/event-stream");
    path["get"]["parameters"] = json!([{
        "name": "universe",
        "in": "query",
        "description": "Also the levels and sources of this universe",
        "schema": { "type": "string", "examples": ["sacn/1"] },
    }]);
    path["get"]["responses"]["400"] = json!({ "$ref": "#/components/responses/BadRequest" });
    path
}

fn text(summary: &str, media: &str) -> Value {
    json!({ "get": { "summary": summary, "responses": {
        "200": { "description": summary, "content": { media: { "schema": { "type": "string" } } } },
        "503": { "$ref": "#/components/responses/Unavailable" },
    } } })
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

fn token(schemas: &mut SchemaGenerator) -> Value {
    let mut path = get::<TokenHolder>(schemas, "Who the token of this request belongs to", &[]);
    path["get"]["security"] = json!([{ "token": [] }]);
    path["get"]["responses"]["401"] = json!({ "$ref": "#/components/responses/Unauthorized" });
    path["get"]["responses"]["403"] = json!({ "$ref": "#/components/responses/Forbidden" });
    path
}

/// An order: a POST with a body.
fn order<T: JsonSchema>(schemas: &mut SchemaGenerator, summary: &str, names: bool) -> Value {
    let mut responses = json!({
        "204": { "description": "Obeyed: the looks that come of it are on their way" },
        "400": { "$ref": "#/components/responses/BadRequest" },
        "401": { "$ref": "#/components/responses/Unauthorized" },
        "403": { "$ref": "#/components/responses/Forbidden" },
        "408": error("The body took more than 5 s"),
        "413": error("The body has more than 256 KiB"),
        "415": error("The body is not JSON"),
        "503": { "$ref": "#/components/responses/Unavailable" },
    });
    if names {
        responses["404"] = json!({ "$ref": "#/components/responses/NotFound" });
    }
    let schema = schemas.subschema_for::<T>();
    json!({ "post": {
        "summary": summary,
        "security": [{ "token": [] }],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema } },
        },
        "responses": responses,
    } })
}

/// The order that has an answer.
fn reload(orders: &mut SchemaGenerator, schemas: &mut SchemaGenerator) -> Value {
    let summary = "Read the show file again: taken whole between two packets, or refused whole";
    let mut path = order::<ReloadRequest>(orders, summary, false);
    let schema = schemas.subschema_for::<Reloaded>();
    let responses = &mut path["post"]["responses"];
    if let Some(responses) = responses.as_object_mut() {
        responses.remove("204");
    }
    responses["200"] = json!({
        "description": "What changed, or would change",
        "content": { "application/json": { "schema": schema } },
    });
    responses["422"] = error("The show file was refused, and why; the show goes on as it was");
    path
}

fn standby(schemas: &mut SchemaGenerator) -> Value {
    let summary = "Have this relay take the connected bands, or give them to the other one";
    let mut path = order::<StandbyRequest>(schemas, summary, false);
    path["post"]["responses"]["409"] =
        error("There is no standby, nobody to give to, or nothing to give");
    path
}

fn error(description: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Error" });
    json!({
        "description": description,
        "content": { "application/json": { "schema": schema } },
    })
}
