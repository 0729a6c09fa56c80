//! `wristcast schema`.

use serde_json::Value;

use crate::check::FIRST_LIGHT;
use crate::wristcast::wristcast;

#[test]
fn the_schema_is_json_and_knows_every_key_of_the_least_show() {
    let ended = wristcast(&["schema"]);
    assert_eq!(ended.code, 0);
    let schema = ended.json();
    assert!(schema["$schema"].as_str().unwrap().contains("2020-12"), "{schema}");
    let keys = FIRST_LIGHT.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
    for key in keys {
        assert!(has_property(&schema, key), "no `{key}`");
    }
}

fn has_property(schema: &Value, key: &str) -> bool {
    match schema {
        Value::Object(map) => {
            map.get("properties").is_some_and(|properties| properties.get(key).is_some())
                || map.values().any(|value| has_property(value, key))
        }
        Value::Array(values) => values.iter().any(|value| has_property(value, key)),
        _ => false,
    }
}
