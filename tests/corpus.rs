//! Every recorded line of two real engines, held against what Wazuh's Python listener would send.
//!
//! The expectation is derived here from that listener's documented behaviour and knows nothing of the program's own
//! code: `json.dumps({'integration': 'docker', 'docker': json.loads(line)})`, with the fields that an API before 1.52
//! has (moby's `backFillLegacy`).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use serde_json::{Map, Value};
use wazuh_docker_listener::event::Event;
use wazuh_docker_listener::event::sanitize::clean;
use wazuh_docker_listener::wazuh::message::{Context, Findings, HEADER, LARGEST, frame};

const OLD: &str = include_str!("corpus/docker-20.10-api1.41.jsonl");
const NEW: &str = include_str!("corpus/docker-29-api1.56.jsonl");

fn sent(line: &str) -> Value {
    let mut event = Event::parse(line.as_bytes()).unwrap();
    let changes = clean(&mut event);
    assert!(changes.is_nothing(), "{line}");
    let message = frame(&event, &Findings { changes, ..Findings::default() }, &Context::default(), LARGEST).text;
    assert!(message.is_ascii() && !message.contains("\",\"") && !message.contains("\":\""), "{message}");
    serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap()
}

fn expected(line: &str) -> Value {
    let mut event: Map<String, Value> = serde_json::from_str(line).unwrap();
    let id = event["Actor"]["ID"].clone();
    let mut fill = |key: &str, value: Value| {
        if value.as_str().is_some_and(|text| !text.is_empty()) {
            event.entry(key.to_owned()).or_insert(value);
        }
    };
    let whole: Value = serde_json::from_str(line).unwrap();
    match whole["Type"].as_str().unwrap() {
        "container" => {
            fill("status", whole["Action"].clone());
            fill("id", id);
            fill("from", whole["Actor"]["Attributes"]["image"].clone());
        }
        "image" => {
            fill("status", whole["Action"].clone());
            fill("id", id);
        }
        _ => {}
    }
    Value::Object(event)
}

#[test]
fn each_line_becomes_the_object_that_the_python_listener_sends() {
    let mut compared = 0;
    for line in OLD.lines().chain(NEW.lines()) {
        let sent = sent(line);
        assert_eq!(sent["integration"], "docker");
        assert_eq!(sent["docker"], expected(line), "{line}");
        assert!(sent["docker_listener"].get("truncated").is_none());
        compared += 1;
    }
    assert_eq!(compared, 599);
}

#[test]
fn what_is_filled_in_is_what_an_older_engine_had_written_itself() {
    for line in OLD.lines() {
        let original: Value = serde_json::from_str(line).unwrap();
        let mut stripped = original.as_object().unwrap().clone();
        for key in ["status", "id", "from"] {
            stripped.remove(key);
        }
        assert_eq!(sent(&Value::Object(stripped).to_string())["docker"], original);
    }
}

#[test]
fn no_attribute_of_an_engine_stands_behind_a_label() {
    for line in OLD.lines().chain(NEW.lines()) {
        let event = Event::parse(line.as_bytes()).unwrap();
        let mut keys = Vec::new();
        event.each_attribute(|attribute| keys.push(attribute.key.clone()));
        let first_label = keys.iter().position(|key| key.starts_with("com.") || key.starts_with("maintainer"));
        for own in ["name", "image", "exitCode", "signal", "execID", "execDuration"] {
            if let (Some(label), Some(place)) = (first_label, keys.iter().position(|key| *key == own)) {
                assert!(place < label, "{own} behind a label: {keys:?}");
            }
        }
    }
}
