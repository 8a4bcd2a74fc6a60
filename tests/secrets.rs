//! Redaction held against lines that others wrote: `tests/corpus/secrets.jsonl`, made of public sources.
//!
//! The lines are in two halves. `seen` may be looked at while rules are written. `held` may not: nothing here prints a
//! line of it, and its figures are the ones that count. `SHOW=1` lists what is wrong with the seen half, and
//! `SECRETS_CORPUS` names another file.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use wazuh_docker_listener::event::redact::{Mode, Redactor};

/// The least secrets of each half that must be found, and the most harmless lines that may be touched, in percent. The aim
/// is 95 and 1; what is not reached yet must not get worse.
const BOUNDS: [(&str, usize, usize); 2] = [("held", 94, 6), ("seen", 97, 1)];

#[derive(Debug, Deserialize)]
struct Line {
    text: String,
    /// The arguments apart, where the engine would tell them.
    #[serde(default)]
    argv: Option<Vec<String>>,
    /// None where the line is harmless.
    secrets: Vec<String>,
    kind: String,
    #[serde(default = "seen")]
    half: String,
}

fn seen() -> String {
    "seen".to_owned()
}

/// What is counted of the lines of one kind, or of all.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    secrets: usize,
    found: usize,
    harmless: usize,
    touched: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.secrets += other.secrets;
        self.found += other.found;
        self.harmless += other.harmless;
        self.touched += other.touched;
    }
}

fn corpus() -> Vec<Line> {
    let path = std::env::var("SECRETS_CORPUS")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/secrets.jsonl").to_owned());
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("{path} is not there");
        return Vec::new();
    };
    let read = |(number, line)| {
        // What a line holds is not printed.
        serde_json::from_str(line).unwrap_or_else(|error| panic!("line {}: {error}", number + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(read).collect()
}

/// The longer half of a secret, by characters.
fn longer_half(secret: &str) -> (&str, &str) {
    let characters = secret.chars().count();
    let at = |number: usize| secret.char_indices().nth(number).map_or(secret.len(), |(at, _)| at);
    let half = characters.div_ceil(2);
    (secret.get(..at(half)).unwrap_or_default(), secret.get(at(characters - half)..).unwrap_or_default())
}

/// Whether neither a secret nor half of it is in a text any more.
fn is_gone(secret: &str, clean: &str) -> bool {
    let (first, last) = longer_half(secret);
    // Half of a short secret may stand in any text.
    let half_stays = secret.chars().count() >= 8 && (clean.contains(first) || clean.contains(last));
    !clean.contains(secret) && !half_stays
}

/// What the program makes of a line, as of the command of an exec event.
fn redacted(redactor: &Redactor, line: &Line) -> String {
    let text = format!("exec_start: {}", line.text);
    let arguments = line.argv.as_ref().map(|argv| argv.iter().map(String::as_str).collect::<Vec<_>>());
    redactor.command(&text, arguments.as_deref(), &|_| 0).into_owned()
}

#[test]
fn secrets_that_others_wrote_are_found_and_harmless_lines_stay() {
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    let mut counts: BTreeMap<(String, String), Count> = BTreeMap::new();
    let mut halves: BTreeMap<String, Count> = BTreeMap::new();
    let mut shown = String::new();
    for line in corpus() {
        let clean = redacted(&redactor, &line);
        let found = line.secrets.iter().filter(|secret| is_gone(secret, &clean)).count();
        let is_harmless = line.secrets.is_empty();
        let is_touched = is_harmless && clean.strip_prefix("exec_start: ") != Some(&line.text);
        let count = Count {
            secrets: line.secrets.len(),
            found,
            harmless: usize::from(is_harmless),
            touched: usize::from(is_touched),
        };
        if line.half == "seen" && (found < line.secrets.len() || is_touched) {
            let what = if is_touched { "touched" } else { "missed" };
            writeln!(shown, "{what} {}: {:?}\n    {:?} <- {:?}", line.kind, line.text, clean, line.secrets).unwrap();
        }
        counts.entry((line.half.clone(), line.kind)).or_default().add(count);
        halves.entry(line.half).or_default().add(count);
    }
    println!("| half | kind | found | of | harmless lines touched | of |\n|---|---|---|---|---|---|");
    let row = |half: &str, kind: &str, count: &Count| {
        let Count { secrets, found, harmless, touched } = count;
        println!("| {half} | {kind} | {found} | {secrets} | {touched} | {harmless} |");
    };
    for ((half, kind), count) in &counts {
        row(half, kind, count);
    }
    for (half, count) in &halves {
        row(half, "all", count);
    }
    if std::env::var_os("SHOW").is_some() {
        println!("{shown}");
    }
    for (half, found, touched) in BOUNDS {
        let Some(count) = halves.get(half) else { continue };
        assert!(count.found * 100 >= count.secrets * found, "{half}: {} of {}", count.found, count.secrets);
        assert!(count.touched * 100 <= count.harmless * touched, "{half}: {} of {}", count.touched, count.harmless);
    }
}
