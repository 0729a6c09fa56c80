//! The schema that editors see and the reader that judges: held to the same keys and files.

use serde_json::Value;

use super::super::file::Show;
use super::*;

/// Checks as much of JSON Schema as a show file's uses.
fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "$ref" => {
                let path = wanted.as_str().unwrap().trim_start_matches('#');
                check(root, root.pointer(path).expect("a definition"), value)?;
                true
            }
            "type" => match wanted.as_str().unwrap() {
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                "object" => value.is_object(),
                other => panic!("type {other}"),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|n| n >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= wanted.as_f64().unwrap()),
            "minLength" => {
                value.as_str().is_none_or(|s| s.len() as u64 >= wanted.as_u64().unwrap())
            }
            "maxLength" => {
                value.as_str().is_none_or(|s| s.len() as u64 <= wanted.as_u64().unwrap())
            }
            "minItems" => {
                value.as_array().is_none_or(|a| a.len() as u64 >= wanted.as_u64().unwrap())
            }
            "maxItems" => {
                value.as_array().is_none_or(|a| a.len() as u64 <= wanted.as_u64().unwrap())
            }
            "required" => {
                let keys = wanted.as_array().unwrap();
                keys.iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "oneOf" | "anyOf" => {
                let schemas = wanted.as_array().unwrap().iter();
                let fitting = schemas.filter(|schema| check(root, schema, value).is_ok()).count();
                if keyword == "oneOf" { fitting == 1 } else { fitting > 0 }
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    check(root, wanted, item)?;
                }
                true
            }
            "properties" => {
                for (key, schema) in wanted.as_object().unwrap() {
                    value.get(key).map_or(Ok(()), |value| check(root, schema, value))?;
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(wanted, false);
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|keys| keys.keys().all(|key| known.contains_key(key)))
            }
            "$schema" | "$defs" | "title" | "description" | "default" | "examples" | "format"
            | "pattern" => true,
            other => panic!("keyword {other}"),
        };
        if !fits {
            return Err(format!("{value} against {keyword}: {wanted}"));
        }
    }
    Ok(())
}

fn check_toml(text: &str) -> Result<(), String> {
    let schema = Config::schema();
    check(&schema, &schema, &toml::from_str(text).unwrap())
}

#[test]
fn the_example_shows_fit_the_schema_and_its_serde_shape() {
    for text in [FIRST_LIGHT, STADIUM] {
        assert_eq!(check_toml(text), Ok(()));
        toml::from_str::<Show>(text).unwrap();
    }
}

#[test]
fn the_stadium_uses_every_key_of_the_schema() {
    let schema = Config::schema();
    let mut tables: Vec<&Value> = schema["$defs"].as_object().unwrap().values().collect();
    tables.extend(schema["$defs"]["Radio"]["oneOf"].as_array().unwrap());
    tables.push(&schema);
    let mut keys = 0;
    for (key, _) in tables.iter().filter_map(|table| table["properties"].as_object()).flatten() {
        let used = STADIUM
            .lines()
            .filter(|line| !line.starts_with('#'))
            .any(|line| line.contains(&format!("{key} =")) || line.contains(&format!("{key}]")));
        // What drives what by strobe and fade is in a personality of its own.
        assert!(used || ["strobe", "fade"].contains(&key.as_str()), "{key}");
        keys += 1;
    }
    assert!(keys > 40, "{keys}");
}

/// Every table of a file: how to write a key into it, and its schema.
fn tables(schema: &Value) -> Vec<(&'static str, &Value)> {
    let definition = |name: &str| &schema["$defs"][name];
    let radio = |kind: &str| {
        let kinds = definition("Radio")["oneOf"].as_array().unwrap().iter();
        let mut kinds = kinds.filter(|radio| radio["properties"]["kind"]["const"] == kind);
        kinds.next().unwrap()
    };
    vec![
        ("KEY = []", schema),
        ("[network]\nKEY = []", definition("Network")),
        ("[network.artnet]\nKEY = []", definition("ArtNet")),
        ("[http]\nKEY = []", definition("Http")),
        ("[safety]\nKEY = []", definition("Safety")),
        ("[osc]\nKEY = []", definition("Osc")),
        ("[standby]\nKEY = {}", definition("Standby")),
        ("[[group]]\nKEY = 1.5", definition("Group")),
        ("[[group]]\nslots = { KEY = 1.5 }", definition("Slots")),
        ("[[group]]\nloss = { KEY = 1.5 }", definition("LossTo")),
        ("end_look = { KEY = 1.5 }", definition("Look")),
        ("[[radio]]\nkind = \"simulated\"\nKEY = {}", radio("simulated")),
        ("[[radio]]\nkind = \"gatt\"\nKEY = {}", radio("gatt")),
        ("[[radio]]\nkind = \"gatt\"\nbands = [{ KEY = 1.5 }]", definition("Band")),
    ]
}

#[test]
fn the_reader_knows_every_key_of_the_schema_and_no_other() {
    let schema = Config::schema();
    for (text, table) in tables(&schema) {
        let help = |key: &str| {
            let found = Config::parse(&text.replace("KEY", key), "show.toml").unwrap_err();
            let mut unknown = found.into_iter().filter(|d| d.message.contains("has no key"));
            unknown.next().and_then(|d| d.help)
        };
        let mut keys: Vec<&str> = vec![];
        for key in table["properties"].as_object().unwrap().keys().filter(|key| *key != "kind") {
            assert_eq!(help(key), None, "{text}: {key}");
            keys.push(key);
        }
        // The reader's own list is in the help for a key that is like no other.
        let own = help("qqqqqqqq").unwrap();
        let own: Vec<&str> = own.split('`').skip(1).step_by(2).filter(|k| *k != "kind").collect();
        assert!(own.iter().all(|key| keys.contains(key)), "{own:?} {keys:?}");
        assert_eq!(own.len(), keys.len(), "{own:?} {keys:?}");
    }
}

#[test]
fn what_the_schema_refuses_the_reader_refuses() {
    for (from, to) in [
        ("address = 1", "address = 513"),
        ("sacn_port = 5568", "sacn_port = 0"),
        ("count = 120", "count = 0"),
        ("merge = \"htp\"", "merge = \"HTP\""),
        ("personality = \"rgb\"", "personality = \"grb\""),
        ("kind = \"gatt\"", "kind = \"simulated\""),
        ("delay_ms = 200", "delay_ms = 501"),
        ("dimmer = 60", "dimmer = 256"),
        ("loss = 0.05", "loss = 1.0"),
        ("interval_ms = 45", "interval_ms = 7"),
        ("name = \"guests\"", "nam = \"guests\""),
        ("position = [-60.0, 80.0]", "position = [-60.0]"),
        ("reply = true", "reply = \"true\""),
        ("strobe = \"limit\"", "strobe = \"hold\""),
        ("flashing_share = 0.1", "flashing_share = 1.1"),
    ] {
        assert!(STADIUM.contains(from), "{from}");
        let text = STADIUM.replacen(from, to, 1);
        assert!(check_toml(&text).is_err(), "{to}");
        assert!(Config::parse(&text, "show.toml").is_err(), "{to}");
    }
}
