//! A core and a real-time priority for the relay thread: what is refused is told, and the light goes on.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CpuSet, capabilities, sched_getaffinity, set_capabilities};

use super::*;
use crate::relay::processor::Wishes;

/// A relay of a show with `keys` in its `[network]`.
fn stage(keys: &str) -> Stage {
    let text = show_text("").replace("interfaces =", &format!("{keys}\ninterfaces ="));
    Stage::of(&text, Options::default())
}

/// What is said about the relay thread, and how bad it is.
fn told(stage: &Stage) -> (Severity, String) {
    eventually("a word about the relay thread", || {
        let events = stage.handle.events(0).into_iter();
        let mut told = events.filter(|event| event.text.starts_with("the relay thread"));
        told.next().map(|event| (event.severity, event.text))
    })
}

fn has_light(mut stage: Stage) {
    stage.desk.sacn(1, &[77; 3]);
    stage.red("left", 77);
}

/// What a thread begins may do no more than the thread.
#[test]
fn a_relay_that_may_have_no_priority_says_what_permits_it_and_gives_light() {
    let limit = getrlimit(Resource::Rtprio);
    setrlimit(Resource::Rtprio, Rlimit { current: Some(0), ..limit }).unwrap();
    let denied = std::thread::spawn(|| {
        let mut sets = capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::SYS_NICE);
        set_capabilities(None, sets).unwrap();
        stage("realtime_priority = 7")
    });
    let stage = denied.join().unwrap();
    let (severity, text) = told(&stage);
    assert_eq!(severity, Severity::Warning);
    assert!(text.contains("without real-time priority 7") && text.contains("LimitRTPRIO=7"));
    has_light(stage);
}

#[test]
fn a_core_that_is_not_there_is_told_with_those_that_are_and_there_is_light() {
    let here = sched_getaffinity(None).unwrap();
    let missing = (0..CpuSet::MAX_CPU).rev().find(|&core| !here.is_set(core)).unwrap();
    let stage = stage(&format!("core = {missing}"));
    let (severity, text) = told(&stage);
    assert_eq!(severity, Severity::Warning);
    let first = (0..CpuSet::MAX_CPU).find(|&core| here.is_set(core)).unwrap();
    assert!(text.contains(&format!("no core {missing} for it, only {first}")), "{text}");
    has_light(stage);
}

#[test]
fn a_thread_that_never_sleeps_gets_no_priority_on_the_only_core() {
    let wishes = Wishes::of(&parse(&show_text("")).network);
    assert_eq!(wishes, Wishes::default());
    let greedy = Wishes { priority: Some(1), busy_wait: true, ..wishes };
    let refused = greedy.prefer(1, 1).unwrap_err().to_string();
    assert!(refused.contains("only core"), "{refused}");
}
