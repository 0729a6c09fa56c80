//! What a monitoring system scrapes: text that a strict reader takes, documented, and asked for by the
//! dashboard under the very same names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::http::raw;
use crate::run::Relay;
use crate::wristcast::eventually;

const GUIDE: &str = include_str!("../../../docs/metrics.md");
const DASHBOARD: &str = include_str!("../../../docs/grafana.json");

/// An answer's head and body.
fn scrape(relay: &Relay, path: &str) -> (String, String) {
    let answer =
        raw(relay, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
    (head.to_owned(), body.to_owned())
}

/// A metric family as OpenMetrics text has it.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    unit: Option<String>,
    /// Value by the sample's name and labels, as they stand in the text.
    samples: BTreeMap<String, f64>,
}

/// Reads OpenMetrics text as strictly as its specification, and refuses what this relay has no use
/// for.
fn parse(text: &str) -> BTreeMap<String, Family> {
    let text = text.strip_suffix("# EOF\n").expect("it ends with EOF");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (what, name, rest) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            if what == "HELP" {
                assert!(!families.contains_key(name), "{name} comes twice");
                current = name.to_owned();
            }
            assert_eq!(name, current, "families do not mix");
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.samples.is_empty(), "{line}: after samples");
            match what {
                "HELP" => family.help = rest.to_owned(),
                "TYPE" => family.kind = rest.to_owned(),
                "UNIT" => {
                    assert!(name.ends_with(&format!("_{rest}")), "{line}");
                    family.unit = Some(rest.to_owned());
                }
                other => panic!("no comment `{other}` in OpenMetrics"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        let family = families.get_mut(&current).unwrap_or_else(|| panic!("{line}"));
        let suffix = name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line}"));
        let allowed: &[&str] = match family.kind.as_str() {
            "gauge" => &[""],
            "counter" => &["_total"],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{line}: type {other}"),
        };
        assert!(allowed.contains(&suffix), "{line}");
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            assert!(value.starts_with('"') && value.ends_with('"') && value.len() >= 2, "{line}");
        }
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(family.samples.insert(sample.to_owned(), value).is_none(), "{line}: twice");
    }
    families
}

#[test]
fn the_figures_are_text_that_a_strict_reader_takes_and_that_the_guide_explains() {
    let relay = Relay::start("metrics", &[]);
    let _console = relay.console(&["rainbow", "sacn/1"]);
    eventually("frames", || {
        (relay.get("status")["latency_handed"]["count"].as_u64()? > 10).then_some(())
    });
    let (head, body) = scrape(&relay, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    let families = parse(&body);
    for (name, family) in &families {
        assert!(name.starts_with("wristcast_"), "{name}");
        assert!(family.help.len() > 8, "{name}: {family:?}");
        let row = GUIDE.lines().find(|line| line.contains(&format!("`{name}")));
        let row = row.unwrap_or_else(|| panic!("docs/metrics.md has no {name}"));
        assert!(row.contains(&format!("| {} |", family.kind)), "{row} is not {}", family.kind);
    }
    let value = |family: &str, sample: &str| families[family].samples[sample];
    assert!(value("wristcast_packets_received", "wristcast_packets_received_total") > 0.0);
    let live = "wristcast_universe_live{universe=\"sacn/1\"}";
    assert_eq!(value("wristcast_universe_live", live), 1.0);
    assert_eq!(value("wristcast_panic", "wristcast_panic"), 0.0);
    let latency = &families["wristcast_latency_seconds"];
    for stage in ["published", "handed"] {
        let of_stage = |suffix: &str| {
            let (suffix, stage) = (suffix.to_owned(), format!("stage=\"{stage}\""));
            latency.samples.iter().filter(move |(sample, _)| {
                sample.contains(&format!("seconds_{suffix}")) && sample.contains(&stage)
            })
        };
        let count = *of_stage("count").next().expect("a count").1;
        let mut buckets: Vec<f64> = of_stage("bucket").map(|(_, &count)| count).collect();
        buckets.sort_by(f64::total_cmp);
        assert_eq!(buckets.last(), Some(&count), "{stage}");
        assert_eq!(buckets.len(), 13, "{stage}");
        assert!(*of_stage("sum").next().expect("a sum").1 > 0.0);
    }
}

#[test]
fn the_dashboard_asks_for_figures_that_there_are() {
    let relay = Relay::start("metrics-grafana", &["--osc", "127.0.0.1:0"]);
    let _console = relay.console(&["rainbow", "sacn/1"]);
    eventually("levels", || (relay.get("universes/sacn/1")["state"] == "live").then_some(()));
    let (_, body) = scrape(&relay, "/metrics");
    let mut names = BTreeSet::new();
    for family in parse(&body).values() {
        names.extend(family.samples.keys().map(|sample| {
            sample.split_once('{').map_or(sample.as_str(), |(name, _)| name).to_owned()
        }));
    }
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(panel["title"].is_string() && panel["gridPos"]["w"].is_u64(), "{panel:#}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for name in words.filter(|word| word.starts_with("wristcast_")) {
                // Reasons only come with packets that were left out.
                let known = names.contains(name) || name == "wristcast_packets_ignored_total";
                assert!(known, "{query}: no {name}");
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "{asked}");
}

#[test]
fn health_says_in_words_what_is_missing() {
    let relay = Relay::start("metrics-health", &[]);
    let (head, body) = scrape(&relay, "/livez");
    assert!(head.starts_with("HTTP/1.1 200") && body == "ok\n", "{head}\n{body}");
    eventually("ready", || {
        let (head, body) = scrape(&relay, "/readyz");
        (head.starts_with("HTTP/1.1 200") && body == "ready\n").then_some(())
    });
    let waits = Relay::start_changed("metrics-unready", &[], |show| {
        show.replace("[\"127.0.0.1\"]", "[\"stage9\"]")
    });
    let (head, body) = scrape(&waits, "/readyz");
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(body.contains("stage9"), "{body}");
}
