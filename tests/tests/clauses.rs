//! The list of clauses and the scenarios hold each other: nothing that speaks to receivers goes
//! unproven, nothing is proven that is not on the list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use wristcast_tests::scenario::Scenario;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    clause: Vec<Clause>,
    boundary: Vec<Boundary>,
}

/// What a standard asks of a receiver.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    id: String,
    asks: String,
    /// Tests beside the scenarios: a file of the repository, and a test in it.
    #[serde(default)]
    tests: Vec<String>,
}

/// A value at which something changes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Boundary {
    value: String,
    below: String,
    at: String,
}

fn list() -> List {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/clauses.toml");
    let text = std::fs::read_to_string(&path).expect("a readable list");
    toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Whether the repository has this test.
fn exists(test: &str) -> bool {
    let (file, name) = test.split_once("::").unwrap_or((test, ""));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    text.contains("#[test]") && text.contains(&format!("fn {name}"))
}

#[test]
fn every_clause_is_proven_and_every_scenario_proves_a_clause() {
    let list = list();
    let mut unproven: BTreeMap<&str, bool> = BTreeMap::new();
    for clause in &list.clause {
        assert!(!clause.asks.is_empty(), "{} asks nothing", clause.id);
        let tested = !clause.tests.is_empty();
        assert!(unproven.insert(&clause.id, !tested).is_none(), "{} is listed twice", clause.id);
        for test in &clause.tests {
            assert!(exists(test), "{}: there is no test {test}", clause.id);
        }
    }
    let scenarios = Scenario::all();
    for (file, scenario) in &scenarios {
        for clause in scenario.clauses() {
            let listed = unproven.get_mut(clause);
            let listed = listed.unwrap_or_else(|| {
                panic!("{file}: \"{}\" names {clause}, which is not listed", scenario.name)
            });
            *listed = false;
        }
    }
    let unproven: Vec<_> = unproven.into_iter().filter(|(_, is)| *is).map(|(id, _)| id).collect();
    assert!(unproven.is_empty(), "clauses without a scenario: {unproven:#?}");
}

#[test]
fn every_boundary_has_both_sides() {
    let scenarios = Scenario::all();
    let names: BTreeSet<&str> = scenarios.iter().map(|(_, one)| one.name.as_str()).collect();
    for Boundary { value, below, at } in list().boundary {
        for side in [below, at] {
            assert!(names.contains(side.as_str()), "{value}: there is no scenario \"{side}\"");
        }
    }
}
