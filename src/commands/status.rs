//! Shows how the running listener is, from its state file.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Exit;
use crate::cli;
use crate::wazuh::home::Home;
use crate::wazuh::state;

/// The names of the state file, in the order in which people want to know them, with what they mean.
const SHOWN: [(&str, &[(&str, &str)]); 4] = [
    (
        "connection",
        &[
            ("status", "status"),
            ("since", "since"),
            ("engine", "engine"),
            ("endpoint", "endpoint"),
            ("reason", "reason"),
            ("last_event", "last event"),
            ("reconnects", "reconnects"),
        ],
    ),
    (
        "events",
        &[
            ("read", "read"),
            ("read_per_minute", "read in the last minute"),
            ("sent", "messages sent"),
            ("sent_per_minute", "sent in the last minute"),
            ("filtered", "filtered out"),
            ("refused", "refused lines"),
            ("truncated", "shortened"),
            ("redacted", "redacted"),
        ],
    ),
    (
        "waiting",
        &[
            ("backlog", "messages"),
            ("backlog_memory", "bytes in memory"),
            ("backlog_disk", "bytes on disk"),
            ("lag_ms", "lag in ms"),
        ],
    ),
    (
        "missing",
        &[
            ("lost", "events known to be lost"),
            ("gaps", "gaps told"),
            ("recovered", "found again in the engine's ring"),
        ],
    ),
];

/// What the state file says.
struct State {
    values: Vec<(String, String)>,
    age: Duration,
}

impl State {
    fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn is_running(&self) -> bool {
        self.age < state::STALE_AFTER
    }
}

/// Prints the state; fails where no listener runs, or it is not connected though it should be.
#[must_use]
pub fn run(home: &Home, options: &cli::Status) -> Exit {
    let path = home.state();
    let state = match state::read(&path) {
        Ok((values, age)) => State { values, age },
        Err(error) => {
            let what = format!("no listener runs: {} cannot be read ({error})", path.display());
            print(&if options.json {
                json!({"running": false, "message": what}).to_string() + "\n"
            } else {
                what + "\n"
            });
            return Exit::Failed;
        }
    };
    print(&if options.json { as_json(&state) } else { as_text(&state) });
    let is_well = state.is_running() && matches!(state.value("status"), "connected" | "disabled");
    if is_well { Exit::Done } else { Exit::Failed }
}

fn print(text: &str) {
    // A reader that has gone away does not change how the listener is.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn as_text(state: &State) -> String {
    let mut out = String::new();
    let age = state.age.as_secs();
    let running = if state.is_running() { "runs" } else { "does not run any more, or is stuck" };
    let (version, pid, started) = (state.value("version"), state.value("pid"), state.value("started"));
    let _ = writeln!(out, "listener {version} {running}: process {pid}, started {started}, state {age} s old");
    for (title, names) in SHOWN {
        let _ = writeln!(out, "\n{title}");
        for (name, meaning) in names {
            let value = state.value(name);
            if !value.is_empty() {
                let _ = writeln!(out, "  {meaning:<34} {value}");
            }
        }
    }
    let cpu = state.value("cpu_ms");
    let _ = writeln!(out, "\nuses {} KiB of memory and has used {cpu} ms of processor time", state.value("rss_kib"));
    out
}

fn as_json(state: &State) -> String {
    let mut json: Map<String, Value> = Map::new();
    json.insert("running".to_owned(), state.is_running().into());
    json.insert("state_age_seconds".to_owned(), state.age.as_secs().into());
    for (name, value) in &state.values {
        let is_name = matches!(name.as_str(), "version" | "engine" | "endpoint" | "reason" | "status");
        let number = value.parse::<u64>().ok().filter(|_| !is_name);
        json.insert(name.clone(), number.map_or_else(|| Value::from(value.as_str()), Value::from));
    }
    Value::Object(json).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_it_shows_stands_in_the_state_file() {
        let state = crate::wazuh::state::Report::default().to_state(&jiff::tz::TimeZone::UTC);
        for (name, _) in SHOWN.iter().flat_map(|(_, names)| *names) {
            assert!(state.contains(&format!("\n{name}='")), "{name} in {state}");
        }
    }
}
