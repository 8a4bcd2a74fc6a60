//! How many command techniques the rules tell from ordinary commands, by lists that others made: `tests/corpus/commands.jsonl`,
//! in two halves. The one that is seen may be looked at (`SHOW=1` prints what fails of it); of the one that is held back
//! nothing but figures is ever printed. `COMMANDS_CORPUS` names another file.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[path = "support/analysisd.rs"]
#[allow(dead_code)]
mod analysisd;
#[path = "support/checker.rs"]
#[allow(dead_code)]
mod checker;

use std::collections::BTreeMap;

use analysisd::Fields;
use checker::RuleSet;
use serde::Deserialize;
use serde_json::{Value, json};
use wazuh_docker_listener::docker::inspect::{Container, Exec};
use wazuh_docker_listener::event::baseline::Seen;
use wazuh_docker_listener::event::meaning::Meaning;
use wazuh_docker_listener::event::risk::{self, Host};
use wazuh_docker_listener::event::{Event, exec, sanitize};
use wazuh_docker_listener::wazuh::message::{Context, Findings, LARGEST, frame};

/// What has to be told of the techniques, and of ordinary lines may be an alert, in per cent.
const LEAST: usize = 90;
/// The aim is 2; what is not reached yet must not get worse.
const MOST: [(&str, usize); 2] = [("held", 4), ("seen", 2)];

/// From this level on somebody has to look.
const LOUD: u8 = 7;

#[derive(Debug, Deserialize)]
struct Line {
    argv: Vec<String>,
    role: String,
    #[serde(default)]
    terminal: Option<bool>,
    #[serde(default)]
    user: Option<String>,
    category: String,
    level: u8,
    #[serde(default)]
    half: Option<String>,
}

impl Line {
    fn is_ordinary(&self) -> bool {
        self.category == "ordinary"
    }

    fn is_held(&self) -> bool {
        self.half.as_deref() == Some("held")
    }

    fn has_terminal(&self) -> bool {
        self.terminal == Some(true)
    }

    fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    /// The message of the exec.
    fn exec(&self, is_daily: bool) -> String {
        let (program, arguments) = self.argv.split_first().unwrap();
        let action = format!("exec_start: {program} {}", arguments.join(" "));
        let line = event(&action, &json!({"execID": "e".repeat(64)}));
        let mut event = Event::parse(line.as_bytes()).unwrap();
        let mut meaning = Meaning::of_event(&event);
        let answer: Exec = serde_json::from_value(json!({"ContainerID": "c1", "OpenStdin": self.has_terminal(),
            "ProcessConfig": {"tty": self.has_terminal(), "entrypoint": program, "arguments": arguments, "user": self.user()}}))
        .unwrap();
        assert!(exec::is_of(&answer, exec::command(&event).unwrap()));
        let mut facts = meaning.exec.take().unwrap().with_answers(&answer, Some(&exec::Own::default()));
        // As the baseline has it.
        let is_known = is_daily && facts.may_be_known() && exec::signature(&facts).is_some();
        facts.seen = if is_known { Seen::Known } else { Seen::First };
        meaning.exec = Some(facts);
        message(&mut event, meaning)
    }

    /// The message of the container that runs it by itself.
    fn container(&self) -> String {
        let mut container = json!({"Id": "c1", "Name": "/web", "Image": format!("sha256:{}", "5".repeat(64)),
            "Config": {"User": self.user(), "Tty": self.has_terminal(), "OpenStdin": self.has_terminal()},
            "HostConfig": {"SecurityOpt": ["no-new-privileges"], "Memory": 1 << 28, "PidsLimit": 100}});
        if self.role == "health_check" {
            let has_form = matches!(self.argv[0].as_str(), "CMD" | "CMD-SHELL");
            let form = if has_form { vec![] } else { vec!["CMD".to_owned()] };
            let words = [form, self.argv.clone()].concat();
            container["Config"]["Healthcheck"] = json!({ "Test": words });
        } else {
            container["Path"] = self.argv[0].clone().into();
            container["Args"] = self.argv[1..].into();
        }
        let container: Container = serde_json::from_value(container).unwrap();
        let risks = risk::of_container(&container, &[], &Host::default());
        let risks = if self.role == "build" { risk::of_build_step(risks) } else { risks };
        let line = event("create", &json!({}));
        message(&mut Event::parse(line.as_bytes()).unwrap(), Meaning { risks, ..Meaning::default() })
    }

    /// The level at which its message ends; `is_daily` where an exec was seen before.
    fn level(&self, rules: &RuleSet, is_daily: bool) -> u8 {
        let message = if self.role == "exec" { self.exec(is_daily) } else { self.container() };
        let fields = Fields::of(&message).unwrap();
        let mut session = rules.session();
        session.evaluate(&|name| fields.get(name), 0).map_or(0, |found| found.rule.level)
    }
}

fn event(action: &str, more: &Value) -> String {
    let mut attributes = json!({"image": "registry.example.com/team/app:1", "name": "web"});
    for (key, value) in more.as_object().unwrap() {
        attributes[key] = value.clone();
    }
    json!({"Type": "container", "Action": action, "Actor": {"ID": "c1", "Attributes": attributes}, "scope": "local",
        "time": 1_795_217_220, "timeNano": 1_795_217_220_000_000_000_u64})
    .to_string()
}

fn message(event: &mut Event<'_>, meaning: Meaning) -> String {
    let changes = sanitize::clean(event);
    frame(event, &Findings { changes, meaning, ..Findings::default() }, &Context::default(), LARGEST).text
}

#[derive(Debug, Default)]
struct Count {
    all: usize,
    good: usize,
}

impl Count {
    fn add(&mut self, is_good: bool) {
        self.all += 1;
        self.good += usize::from(is_good);
    }

    fn row(&self) -> String {
        let part = (self.good * 1000).checked_div(self.all).unwrap_or_default();
        format!("{} of {} | {}.{} %", self.good, self.all, part / 10, part % 10)
    }

    /// Whether it is at least or at most so many per cent.
    fn is_least(&self, least: usize) -> bool {
        self.good * 100 >= self.all * least
    }

    fn is_most(&self, most: usize) -> bool {
        self.good * 100 <= self.all * most
    }
}

#[test]
fn techniques_are_told_from_ordinary_commands() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/commands.jsonl");
    let path = std::env::var("COMMANDS_CORPUS").unwrap_or_else(|_| default.to_owned());
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("there is no {path}");
        return;
    };
    let rules = RuleSet::load(&[
        ("0560-docker_integration_rules.xml", include_str!("rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../ossec-rules/docker_listener_rules.xml")),
    ])
    .unwrap();
    let shows = std::env::var_os("SHOW").is_some();
    let mut counts: BTreeMap<(&str, String), Count> = BTreeMap::new();
    let mut count = |half, what: &str, is_good| counts.entry((half, what.to_owned())).or_default().add(is_good);
    for text in text.lines() {
        // What is wrong with a line that is held back is not to be seen either.
        let line: Line = serde_json::from_str(text).unwrap_or_else(|_| panic!("a line of {path} cannot be read"));
        let half = if line.is_held() { "held" } else { "seen" };
        let level = line.level(&rules, line.is_ordinary());
        let is_good = if line.is_ordinary() { level < LOUD } else { level >= line.level };
        if !is_good && shows && !line.is_held() {
            println!("{} {} {level} for {}: {:?}", line.role, line.category, line.level, line.argv);
        }
        if line.is_ordinary() {
            count(half, "ordinary at 7 or above", level >= LOUD);
            if line.role == "exec" {
                count(half, "ordinary, for the first time", line.level(&rules, false) >= LOUD);
            }
        } else {
            count(half, "techniques", is_good);
            count(half, &format!("- {}", line.category), is_good);
        }
    }
    println!("| half | what | lines | part |\n|---|---|---|---|");
    for ((half, what), count) in &counts {
        println!("| {half} | {what} | {} |", count.row());
    }
    for ((half, what), count) in &counts {
        match what.as_str() {
            "techniques" => assert!(count.is_least(LEAST), "{half}: {}", count.row()),
            "ordinary at 7 or above" => {
                let most = MOST.iter().find(|(of, _)| of == half).map_or(0, |(_, most)| *most);
                assert!(count.is_most(most), "{half}: {}", count.row());
            }
            _ => {}
        }
    }
}
