//! What people and their machines do to an engine on an ordinary day: each operation on a real dockerd, and the
//! highest level that the shipped rules end at.
//!
//! `cargo test --test ordinary -- --nocapture` prints a line for each; with `ONLY='compose down'` it does those whose
//! names have that in them, and prints their messages, too.
//!
//! The maximum of an operation is the level that it is worth; where nobody has said what that is, it is 6, which is
//! below what anybody has to look at within a week. The operations stand in two tables, dealt out at random: the
//! program may be written against one and is only counted by the other.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[path = "ordinary/day.rs"]
mod day;
#[path = "ordinary/held_back.rs"]
mod held_back;
#[path = "ordinary/operation.rs"]
mod operation;
#[path = "ordinary/seen.rs"]
mod seen;
mod support;

use serde_json::{Value, json};

use day::{Day, RESTART};
use operation::{Above, Exceeds, Operation, Outcome};
use support::checker::RuleSet;
use support::engines::{Engine, installed, missing};

/// How a level says that nobody has judged a registry: none is trusted before the operator names one.
const UNJUDGED: u8 = 4;

/// Rules that fire where the engine answers late or a container was gone too soon, which a busy machine can bring about
/// at any operation; and at how many it may before that is a fault. What is known to be late does not always come so.
const BY_CHANCE: [u32; 4] = [110_522, 110_523, 110_527, 110_579];
const CHANCES: usize = 4;

/// From this level on somebody has to look.
const LOUD: u8 = 7;

/// What is loud on each day, and why it must be.
const STAYS: [(&str, &str); 4] = [
    ("out of memory", "each time is a fault"),
    ("crash loop: five restarts on failure", "each loop is a fault"),
    ("exec -it bash -l: a developer as root", "an intruder does the same; an exception accepts it"),
    ("exec -it sh: a developer as root", "an intruder does the same; an exception accepts it"),
];

struct Half {
    name: &'static str,
    operations: &'static [Operation],
    exceeds: Exceeds,
}

static HALVES: [Half; 2] = [
    Half { name: "seen", operations: seen::OPERATIONS, exceeds: seen::EXCEEDS },
    Half { name: "held back", operations: held_back::OPERATIONS, exceeds: held_back::EXCEEDS },
];

impl Half {
    fn allowed(&self, operation: &Operation) -> Above {
        let entry = self.exceeds.iter().find(|entry| entry.0 == operation.name);
        entry.map(|entry| entry.1.iter().copied().collect()).unwrap_or_default()
    }
}

fn rules() -> RuleSet {
    RuleSet::load(&[
        ("0560-docker_integration_rules.xml", include_str!("rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../ossec-rules/docker_listener_rules.xml")),
    ])
    .unwrap()
}

/// An operation and what came of it.
struct Done {
    half: &'static Half,
    operation: &'static Operation,
    outcome: Outcome,
}

/// One day with these operations; and what should not have been, whatever the rules make of it.
fn day(
    engine: &mut Engine,
    configuration: Option<&Value>,
    least: u8,
    chosen: impl Fn(usize, &Operation) -> bool,
) -> (Vec<Done>, Vec<String>) {
    let all = HALVES.iter().flat_map(|half| half.operations.iter().map(move |operation| (half, operation)));
    let chosen = all.enumerate().filter(|(number, (_, operation))| chosen(*number, operation));
    let mut chosen: Vec<_> = chosen.map(|(_, pair)| pair).collect();
    // The registry is in the engine's network, which a restart leaves behind.
    chosen.sort_by_key(|(_, operation)| operation.does == RESTART);
    let mut day = Day::new(engine, configuration);
    let numbers: Vec<usize> = chosen.iter().map(|(_, operation)| day.run(operation)).collect();
    let loud: Vec<&Operation> =
        chosen.iter().map(|(_, operation)| *operation).filter(|operation| operation.most >= LOUD).collect();
    let again: Vec<usize> = loud.iter().map(|operation| day.run(operation)).collect();
    let (parts, mut surprises) = day.end();
    let rules = rules();
    let mut done = Vec::new();
    for (operation, number) in loud.into_iter().zip(again) {
        let level = parts[number].ends(&rules).iter().map(|end| end.1).max().unwrap_or_default();
        println!("| {} | once more | {level} |", operation.name);
        let stays = STAYS.iter().any(|(name, _)| *name == operation.name);
        if (level >= LOUD) != stays {
            surprises.push(format!("{}: {level} when it is done once more", operation.name));
        }
    }
    for ((half, operation), number) in chosen.into_iter().zip(numbers) {
        let ends = parts[number].ends(&rules);
        if std::env::var_os("ONLY").is_some() {
            for (rule, level, message) in &ends {
                println!("{}: {rule} ({level}) {message}", operation.name);
            }
        }
        let ends: Vec<(u32, u8)> = ends.iter().map(|end| (end.0, end.1)).collect();
        let outcome = Outcome::of(operation, operation.most.max(least), &ends);
        println!(
            "| {} | {} | {} | {} | {} |{}",
            operation.name,
            half.name,
            operation.most.max(least),
            outcome.level,
            outcome.rules.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
            if outcome.above.is_empty() { "" } else { " above" }
        );
        done.push(Done { half, operation, outcome });
    }
    (done, surprises)
}

/// How many keep to their maxima.
fn count(done: &[Done]) {
    for half in &HALVES {
        let mine: Vec<&Done> = done.iter().filter(|done| std::ptr::eq(done.half, half)).collect();
        let quiet = mine.iter().filter(|done| done.outcome.above.is_empty()).count();
        println!("{}: {quiet} of {} keep to their maxima", half.name, mine.len());
    }
}

/// What became worse than the list of those that exceed says.
fn worse(done: &[Done]) -> Vec<String> {
    let mut worse = Vec::new();
    let mut chances = Vec::new();
    for Done { half, operation, outcome } in done {
        let allowed = half.allowed(operation);
        let mut more = outcome.above.clone();
        more.retain(|rule, level| allowed.get(rule).is_none_or(|allowed| allowed < level));
        if more.is_empty() {
            continue;
        }
        let is_chance = more.keys().all(|rule| BY_CHANCE.contains(rule));
        let words = format!("{}: above {} at {more:?}", operation.name, operation.most);
        if is_chance { &mut chances } else { &mut worse }.push(words);
    }
    if chances.len() > CHANCES {
        worse.append(&mut chances);
    }
    worse
}

/// What became better than it says, so that the list has to be shortened.
fn better(done: &[Done]) -> Vec<String> {
    let mut better = Vec::new();
    for Done { half, operation, outcome } in done {
        let mut less = half.allowed(operation);
        less.retain(|rule, level| {
            !BY_CHANCE.contains(rule) && outcome.above.get(rule).is_none_or(|above| above < level)
        });
        if !less.is_empty() {
            better.push(format!("{}: no longer needed {less:?}", operation.name));
        }
    }
    better
}

#[test]
fn an_ordinary_day_is_no_louder_than_known() {
    if !["script", "timeout", "dash", "ldd"].iter().all(|program| installed(program)) {
        return missing("script, timeout, dash or ldd");
    }
    let Some(mut engine) = Engine::dockerd() else { return };
    let Some(_registry) = engine.registry() else { return };
    day::app(&engine);
    let only = std::env::var("ONLY").unwrap_or_default();

    println!("no registry is trusted, nothing is configured:");
    let plain = |number: usize, operation: &Operation| number.is_multiple_of(12) && operation.does != RESTART;
    let (unconfigured, mut surprises) = match only.as_str() {
        "" => day(&mut engine, None, UNJUDGED, plain),
        _ => Default::default(),
    };
    count(&unconfigured);

    println!("the company's registry is trusted:");
    let configuration = json!({"trusted_registries": ["127.0.0.1:5000"]});
    let (configured, more) = day(&mut engine, Some(&configuration), 0, |_, operation| operation.name.contains(&only));
    count(&configured);

    surprises.extend(more);
    surprises.extend(worse(&unconfigured));
    surprises.extend(worse(&configured));
    surprises.extend(better(&configured));
    for Done { operation, outcome, .. } in configured.iter().filter(|_| !surprises.is_empty()) {
        if !outcome.above.is_empty() {
            let above: Vec<_> = outcome.above.iter().collect();
            println!("    (\"{}\", &{above:?}),", operation.name);
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(
        !only.is_empty() || STAYS.iter().all(|(name, _)| configured.iter().any(|done| done.operation.name == *name))
    );
    let names: Vec<&str> = HALVES.iter().flat_map(|half| half.operations).map(|operation| operation.name).collect();
    for entry in HALVES.iter().flat_map(|half| half.exceeds) {
        assert!(names.contains(&entry.0), "there is no operation '{}'", entry.0);
    }
}
