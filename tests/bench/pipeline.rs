//! What each stage between a line and its message costs, over the recorded events of real engines.
//!
//! `cargo bench --bench pipeline` prints a table of microseconds an event, the median of several runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use wazuh_docker_listener::event::meaning::Meaning;
use wazuh_docker_listener::event::redact::{Mode, Redactor};
use wazuh_docker_listener::event::registry::Registries;
use wazuh_docker_listener::event::{Event, origin, sanitize};
use wazuh_docker_listener::wazuh::message::{Context, Findings, LARGEST, frame};

const LINES: [&str; 2] =
    [include_str!("../corpus/docker-20.10-api1.41.jsonl"), include_str!("../corpus/docker-29-api1.56.jsonl")];

const ROUNDS: usize = 50;
const RUNS: usize = 7;

/// Microseconds an event; the median of the runs.
fn measure(lines: &[&[u8]], mut stage: impl FnMut(&[u8])) -> f64 {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..ROUNDS {
                for line in lines {
                    stage(black_box(line));
                }
            }
            let events = u32::try_from(ROUNDS * lines.len()).unwrap();
            started.elapsed().as_secs_f64() * 1e6 / f64::from(events)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[RUNS / 2]
}

fn main() {
    let lines: Vec<&[u8]> = LINES.iter().flat_map(|file| file.lines()).map(str::as_bytes).collect();
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    let context = Context::default();
    println!("| stages | µs an event |\n|---|---|");
    let row = |stages: &str, cost: f64| println!("| {stages} | {cost:.2} |");
    row("parse", measure(&lines, |line| drop(black_box(Event::parse(line).unwrap()))));
    row(
        "parse, frame",
        measure(&lines, |line| {
            let event = Event::parse(line).unwrap();
            drop(black_box(frame(&event, &Findings::default(), &context, LARGEST)));
        }),
    );
    row(
        "parse, harden, frame",
        measure(&lines, |line| {
            let mut event = Event::parse(line).unwrap();
            let changes = sanitize::clean(&mut event);
            drop(black_box(frame(&event, &Findings { changes, ..Findings::default() }, &context, LARGEST)));
        }),
    );
    row(
        "parse, harden, redact, frame",
        measure(&lines, |line| {
            let mut event = Event::parse(line).unwrap();
            let changes = sanitize::clean(&mut event);
            let redacted = redactor.redact(&mut event, &|_| 0);
            drop(black_box(frame(&event, &Findings { changes, redacted, ..Findings::default() }, &context, LARGEST)));
        }),
    );
    let registries =
        Registries::new(&["registry.example.com".to_owned(), "docker.io/library".to_owned()], &[]).unwrap();
    row(
        "parse, judge, harden, redact, frame",
        measure(&lines, |line| {
            let mut event = Event::parse(line).unwrap();
            let mut meaning = Meaning::of_event(&event);
            meaning.image = origin::named_by(&event).map(|name| origin::of(name, None, &registries).into());
            let changes = sanitize::clean(&mut event);
            let redacted = redactor.redact(&mut event, &|_| 0);
            let findings = Findings { changes, redacted, meaning, ..Findings::default() };
            drop(black_box(frame(&event, &findings, &context, LARGEST)));
        }),
    );
}
