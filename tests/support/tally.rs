//! Counts what arrived, against what happened.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::Queue;

/// What arrived at a queue.
#[derive(Default)]
pub struct Tally {
    /// How often each event came, by its name.
    pub events: HashMap<String, usize>,
    /// Doubles that said that they may be.
    pub repeats: usize,
    /// In the order of their coming.
    pub order: Vec<String>,
    /// All notices of the listener.
    pub notices: Vec<Value>,
}

/// An event's name: its number where it has one, else its object and action.
pub fn name(docker: &Value) -> String {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text(&docker["Actor"]["Attributes"]["height"]).unwrap_or_else(|| {
        // Podman tells of a volume by its name only.
        let object = text(&docker["Actor"]["ID"]).or_else(|| text(&docker["Actor"]["Attributes"]["name"]));
        format!("{} {}", object.unwrap_or_default(), docker["Action"].as_str().unwrap())
    })
}

impl Tally {
    pub fn take(&mut self, json: &Value) {
        if json["docker"].get("Action").is_some() {
            let name = name(&json["docker"]);
            if json["docker_listener"]["repeat"] == "possible" && self.events.contains_key(&name) {
                self.repeats += 1;
                return;
            }
            *self.events.entry(name.clone()).or_default() += 1;
            self.order.push(name);
        } else {
            self.notices.push(json["docker_listener"].clone());
        }
    }

    /// Takes messages until there are so many different events, and what comes in a moment after that.
    pub fn until(&mut self, queue: &Queue, events: usize) {
        while self.events.len() < events {
            self.take(&queue.json());
        }
        self.rest(queue, Duration::from_millis(300));
    }

    /// Takes what is there, until nothing comes for this long.
    pub fn rest(&mut self, queue: &Queue, quiet: Duration) {
        while let Some(message) = queue.message_within(quiet) {
            self.take(&super::parse(&message));
        }
    }

    /// The gaps that were told, with their counts where known.
    pub fn gaps(&self) -> Vec<(String, Option<u64>)> {
        let gaps = self.notices.iter().filter(|notice| notice["notice"] == "gap");
        gaps.map(|gap| (gap["kind"].as_str().unwrap().to_owned(), gap["count"].as_u64())).collect()
    }

    pub fn heard(&self, notice: &str) -> usize {
        self.notices.iter().filter(|said| said["notice"] == notice).count()
    }

    /// What became of these events.
    pub fn row<'e>(&self, events: impl IntoIterator<Item = &'e String>) -> Row {
        let mut row = Row::default();
        for event in events {
            row.happened += 1;
            match self.events.get(event) {
                None => row.missing += 1,
                Some(times) => {
                    row.arrived += 1;
                    row.doubles += times - 1;
                }
            }
        }
        row.told = self.gaps().iter().filter_map(|(_, count)| *count).sum();
        row
    }
}

/// The figures of one fault.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Row {
    pub happened: usize,
    pub arrived: usize,
    pub missing: usize,
    pub doubles: usize,
    /// Of the missing: how many were told, with their number.
    pub told: u64,
}

impl Row {
    /// One line of the table in README.md.
    pub fn print(&self, fault: &str, parts: &str, remark: &str) {
        let Self { happened, arrived, missing, doubles, told } = self;
        println!("\n| {fault} | {parts} | {happened} | {arrived} | {missing} | {told} | {doubles} | {remark} |");
    }

    pub fn is_whole(&self) -> bool {
        self.missing == 0 && self.doubles == 0
    }
}
