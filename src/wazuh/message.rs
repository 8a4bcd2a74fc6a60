//! The datagram: `1:Wazuh-Docker:` and one JSON object.
//!
//! `docker` is the engine's event, field for field what the Python listener sends; `docker_listener` beside it is ours.
//! The engine's own attributes come before the labels, since analysisd takes the first field whose name matches without
//! regard to case.
//!
//! A message over the limit loses its largest labels first, then the ends of its longest texts, and says so in
//! `docker_listener.truncated`; it is never cut into something that is no JSON.

use crate::docker::availability::Identity;
use crate::event::json::{ObjectWriter, Value};
use crate::event::{Event, is_engine_attribute};

/// The queue's id and the location, under which Wazuh shows and counts the events.
pub const HEADER: &str = "1:Wazuh-Docker:";

/// The most that gets through an agent and a manager, in bytes with the header, with some room for what they add.
pub const LARGEST: usize = 65_000;

/// What is known beside the event itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// What the engine says it is.
    pub engine: Identity,
    /// Where it is.
    pub endpoint: String,
    /// The number of the message since the listener started; a gap shows what was lost on the way.
    pub sequence: u64,
}

/// What was left out to keep a message within its limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Truncation {
    /// How many labels are missing.
    pub labels: u64,
    /// How many texts lost their end.
    pub texts: u64,
    /// The size the message would have had, in bytes.
    pub bytes: u64,
}

/// A message that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed {
    /// The datagram.
    pub text: String,
    /// Whether something was left out of it.
    pub is_truncated: bool,
}

/// The message for an event, of at most `limit` bytes and never more than [`LARGEST`].
#[must_use]
pub fn frame(event: &Event<'_>, context: &Context, limit: usize) -> Framed {
    let limit = limit.min(LARGEST);
    let whole = write(event, context, None, &Cut::default());
    if whole.len() <= limit {
        return Framed { text: whole, is_truncated: false };
    }
    Framed { text: shortened(event, context, limit, whole.len()), is_truncated: true }
}

/// The same message with a mark that it may have been delivered before; the listener was killed while it sent it.
#[must_use]
pub fn repeated(message: &str) -> String {
    // What the listener adds is the last object of every message.
    message
        .strip_suffix("}}")
        .map_or_else(|| message.to_owned(), |start| format!("{start}, \"repeat\": \"possible\"}}}}"))
}

/// What to leave out.
#[derive(Debug, Default)]
struct Cut<'e> {
    labels: Vec<&'e str>,
    /// Texts are cut to this many characters.
    longest: Option<usize>,
    /// Top-level fields that Docker does not define are dropped as a last resort.
    unknown: bool,
}

/// Fields that every engine writes; none of them is ever dropped.
const KNOWN: [&str; 9] = ["status", "id", "from", "Type", "Action", "Actor", "scope", "time", "timeNano"];

fn shortened(event: &Event<'_>, context: &Context, limit: usize, bytes: usize) -> String {
    let mut cut = Cut::default();
    let size_without_labels = {
        cut.labels = labels(event).map(|(label, _)| label).collect();
        cut.labels.sort_unstable();
        // The widest numbers, so that the true ones fit.
        let widest = Truncation { labels: u64::MAX, texts: u64::MAX, bytes: u64::MAX };
        write(event, context, Some(widest), &cut).len()
    };
    // The smallest labels are the ones that say most for their size.
    let mut by_size: Vec<(&str, usize)> = labels(event).collect();
    by_size.sort_by_key(|(_, size)| *size);
    let mut room = limit.saturating_sub(size_without_labels);
    let mut dropped = Vec::new();
    for (label, size) in by_size {
        if size <= room && dropped.is_empty() {
            room -= size;
        } else {
            dropped.push(label);
        }
    }
    dropped.sort_unstable();
    cut.labels = dropped;
    let mut longest = 32_768;
    loop {
        let truncation = Truncation {
            labels: cut.labels.len() as u64,
            texts: cut.longest.map_or(0, |longest| long_texts(event, longest)),
            bytes: bytes as u64,
        };
        let message = write(event, context, Some(truncation), &cut);
        if message.len() <= limit || longest < 16 {
            return message;
        }
        cut.longest = Some(longest);
        longest /= 2;
        cut.unknown = longest < 1024;
    }
}

/// The labels with the size each takes in the message.
fn labels<'e>(event: &'e Event<'_>) -> impl Iterator<Item = (&'e str, usize)> {
    event
        .attributes()
        .into_iter()
        .flat_map(super::super::event::json::Object::iter)
        .filter(|(key, _)| !is_engine_attribute(key))
        .map(|(key, value)| {
            let mut text = String::new();
            crate::event::json::write_string(key, &mut text);
            value.write(&mut text);
            (key, text.len() + ", : ".len())
        })
}

/// How many texts of the event are longer than that many characters.
fn long_texts(event: &Event<'_>, longest: usize) -> u64 {
    fn count(value: &Value<'_>, longest: usize) -> u64 {
        match value {
            Value::String(text) => u64::from(text.chars().nth(longest).is_some()),
            Value::Array(values) => values.iter().map(|value| count(value, longest)).sum(),
            Value::Object(object) => object.iter().map(|(_, value)| count(value, longest)).sum(),
            _ => 0,
        }
    }
    event.fields().iter().map(|(_, value)| count(value, longest)).sum()
}

fn write(event: &Event<'_>, context: &Context, truncation: Option<Truncation>, cut: &Cut<'_>) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(HEADER);
    let mut message = ObjectWriter::new(&mut out);
    message.text("integration", "docker");
    write_event(event, message.object("docker"), cut);
    write_context(event, context, truncation, message.object("docker_listener"));
    message.end();
    out
}

fn write_event(event: &Event<'_>, mut docker: ObjectWriter<'_>, cut: &Cut<'_>) {
    let filled_in = event.legacy_fields();
    // The three that newer engines leave out stand first, as the older ones write them.
    for key in ["status", "id", "from"] {
        if let Some(value) = event.fields().get(key) {
            write_value(docker.key(key), value, cut);
        } else if let Some((_, text)) = filled_in.iter().find(|(filled, _)| *filled == key) {
            write_text(docker.key(key), text, cut);
        }
    }
    for (key, value) in event.fields().iter() {
        match (key, value) {
            ("status" | "id" | "from", _) => {}
            ("Actor", Value::Object(actor)) => {
                let mut writer = docker.object("Actor");
                for (key, value) in actor.iter() {
                    if key == "Attributes" && value.as_object().is_some() {
                        write_attributes(event, writer.object(key), cut);
                    } else {
                        write_value(writer.key(key), value, cut);
                    }
                }
                writer.end();
            }
            _ if cut.unknown && !KNOWN.contains(&key) => {}
            _ => write_value(docker.key(key), value, cut),
        }
    }
    docker.end();
}

fn write_attributes(event: &Event<'_>, mut attributes: ObjectWriter<'_>, cut: &Cut<'_>) {
    for (key, value) in event.ordered_attributes() {
        if cut.labels.binary_search(&key).is_err() {
            write_value(attributes.key(key), value, cut);
        }
    }
    attributes.end();
}

fn write_value(out: &mut String, value: &Value<'_>, cut: &Cut<'_>) {
    match (value, cut.longest) {
        (Value::String(text), _) => write_text(out, text, cut),
        (Value::Object(object), Some(_)) => {
            let mut writer = ObjectWriter::new(out);
            for (key, value) in object.iter() {
                write_value(writer.key(key), value, cut);
            }
            writer.end();
        }
        _ => value.write(out),
    }
}

fn write_text(out: &mut String, text: &str, cut: &Cut<'_>) {
    let end = cut.longest.and_then(|longest| text.char_indices().nth(longest)).map_or(text.len(), |(end, _)| end);
    crate::event::json::write_string(text.get(..end).unwrap_or(text), out);
}

fn write_context(event: &Event<'_>, context: &Context, truncation: Option<Truncation>, mut ours: ObjectWriter<'_>) {
    let mut engine = ours.object("engine");
    engine.text("name", &context.engine.name);
    engine.text("version", &context.engine.version);
    engine.text("api", &context.engine.api);
    engine.text("host", &context.endpoint);
    engine.end();
    ours.count("sequence", context.sequence);
    if let Some(timestamp) = event.timestamp() {
        ours.text("timestamp", &timestamp);
    }
    if let Some(truncation) = truncation {
        let mut truncated = ours.object("truncated");
        truncated.count("labels", truncation.labels);
        truncated.count("texts", truncation.texts);
        truncated.count("bytes", truncation.bytes);
        truncated.end();
    }
    ours.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn message(line: &str, limit: usize) -> (String, Json) {
        let context = Context {
            engine: Identity { name: "docker".into(), version: "20.10.24".into(), api: "1.41".into() },
            endpoint: "unix:///var/run/docker.sock".into(),
            sequence: 7,
        };
        let message = frame(&Event::parse(line.as_bytes()).unwrap(), &context, limit).text;
        let json = serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap();
        (message, json)
    }

    #[test]
    fn is_the_design_to_the_letter() {
        let line = r#"{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"Name":"lie","image":"bb:1","name":"web"}},"scope":"local","time":1795217220,"timeNano":1795217220632019339}"#;
        assert_eq!(
            message(line, LARGEST).0,
            "1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"status\": \"start\", \"id\": \"c1\", \
             \"from\": \"bb:1\", \"Type\": \"container\", \"Action\": \"start\", \"Actor\": {\"ID\": \"c1\", \
             \"Attributes\": {\"name\": \"web\", \"image\": \"bb:1\", \"Name\": \"lie\"}}, \"scope\": \"local\", \
             \"time\": 1795217220, \"timeNano\": 1795217220632019339}, \"docker_listener\": {\"engine\": {\"name\": \
             \"docker\", \"version\": \"20.10.24\", \"api\": \"1.41\", \"host\": \"unix:///var/run/docker.sock\"}, \
             \"sequence\": 7, \"timestamp\": \"2026-11-20T23:27:00.632019339Z\"}}"
        );
    }

    #[test]
    fn a_message_that_may_come_twice_says_so() {
        let (text, mut json) = message(r#"{"Type":"image","Action":"pull"}"#, LARGEST);
        let repeated = repeated(&text);
        json["docker_listener"]["repeat"] = "possible".into();
        assert_eq!(serde_json::from_str::<Json>(repeated.strip_prefix(HEADER).unwrap()).unwrap(), json);
    }

    #[test]
    fn drops_the_largest_labels_first_and_says_so() {
        let big = "x".repeat(70_000);
        let line = format!(
            r#"{{"Type":"container","Action":"start","Actor":{{"ID":"c1","Attributes":{{"a":"1","big":"{big}","name":"web"}}}}}}"#
        );
        let (text, json) = message(&line, LARGEST);
        assert!(text.len() <= LARGEST);
        assert_eq!(json["docker"]["Actor"]["Attributes"], serde_json::json!({"name": "web", "a": "1"}));
        assert_eq!(json["docker_listener"]["truncated"]["labels"], 1);
        assert_eq!(json["docker_listener"]["truncated"]["texts"], 0);
        assert!(json["docker_listener"]["truncated"]["bytes"].as_u64().unwrap() > 70_000);
    }

    #[test]
    fn a_megabyte_of_command_line_keeps_its_beginning() {
        let action = format!("exec_create: sh -c {}", "\u{1F600}".repeat(200_000));
        let line =
            format!(r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"c1","Attributes":{{"name":"n"}}}}}}"#);
        let (text, json) = message(&line, LARGEST);
        assert!(text.len() <= LARGEST, "{}", text.len());
        assert!(json["docker"]["Action"].as_str().unwrap().starts_with("exec_create: sh -c \u{1F600}"));
        assert_eq!(json["docker"]["Actor"]["Attributes"]["name"], "n");
        assert!(json["docker_listener"]["truncated"]["texts"].as_u64().unwrap() >= 1);
    }

    proptest! {
        #[test]
        fn every_message_is_whole_json_within_its_limit(
            labels in proptest::collection::btree_map("[a-z\\.]{1,8}", "\\PC{0,300}", 0..40),
            action in "\\PC{0,3000}",
            limit in 1500_usize..4000,
        ) {
            let line = serde_json::json!({"Type": "container", "Action": action,
                "Actor": {"ID": "c1", "Attributes": labels}, "time": 1}).to_string();
            let (text, json) = message(&line, limit);
            prop_assert!(text.len() <= limit, "{} over {limit}", text.len());
            prop_assert_eq!(&json["docker"]["Type"], "container");
            let sent = json["docker"]["Action"].as_str().unwrap();
            prop_assert!(action.starts_with(sent));
            let truncated = json["docker_listener"].get("truncated").is_some();
            prop_assert_eq!(truncated, sent != action
                || json["docker"]["Actor"]["Attributes"].as_object().unwrap().len() != labels.len()
                || labels.iter().any(|(k, v)| json["docker"]["Actor"]["Attributes"][k] != v.as_str()));
        }
    }
}
