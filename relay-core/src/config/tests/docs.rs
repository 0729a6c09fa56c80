//! The reference of the show file for operators, held to what the reader does.

use super::*;

const REFERENCE: &str = include_str!("../../../../docs/show-file.md");

#[test]
fn the_reference_has_every_key_of_the_schema() {
    let schema = Config::schema();
    let mut tables: Vec<&serde_json::Value> =
        schema["$defs"].as_object().unwrap().values().collect();
    tables.extend(schema["$defs"]["Radio"]["oneOf"].as_array().unwrap());
    tables.push(&schema);
    for (key, value) in tables.iter().filter_map(|table| table["properties"].as_object()).flatten()
    {
        let named = ["[KEY]", "[[KEY]]", "| `KEY` |", "[network.KEY]", "`KEY`"];
        let named = named.iter().any(|form| REFERENCE.contains(&form.replace("KEY", key)));
        assert!(named, "{key}");
        // Where a key has a default that is not a table, the reference gives it in its row.
        let Some(default) = value.get("default").filter(|_| key != "to") else { continue };
        let mut rows = REFERENCE.lines().filter(|line| line.starts_with(&format!("| `{key}` |")));
        let colour = ["red", "green", "blue", "white", "dimmer"].contains(&key.as_str());
        assert!(colour || rows.any(|row| row.contains(&default.to_string())), "{key}: {default}");
    }
}

#[test]
fn every_example_of_the_reference_is_right() {
    let mut blocks: Vec<String> = vec![];
    let mut inside = false;
    for line in REFERENCE.lines() {
        match line.strip_prefix("    ") {
            Some(line) if inside => *blocks.last_mut().unwrap() += &format!("{line}\n"),
            Some(line) => blocks.push(format!("{line}\n")),
            None => {}
        }
        inside = line.starts_with("    ");
    }
    let mut tried = 0;
    for block in blocks.iter().filter(|block| !block.starts_with("wristcast ")) {
        let group = "[[group]]\nname = \"example\"\nuniverse = \"sacn/1\"\naddress = 1\n";
        let text = if block.starts_with("name") {
            block.clone()
        } else if block.starts_with('{') {
            format!("name = \"T\"\nend_look = {block}")
        } else if block.starts_with("loss") {
            format!("name = \"T\"\n{group}personality = \"rgb\"\n{block}")
        } else if block.starts_with("personality") {
            format!("name = \"T\"\n{group}{block}")
        } else if block.contains("gatt") || block.contains("broadcast") {
            format!(
                "name = \"T\"\n{}personality = \"rgb\"\n{block}",
                group.replace("example", "floor-left")
            )
        } else {
            format!("name = \"T\"\n{block}")
        };
        parsed(&text);
        tried += 1;
    }
    assert!(tried >= 9, "{tried}");
}
