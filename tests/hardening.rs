//! What an attacker who can set labels, image names and command lines tries, one case for each way that is known, and
//! what analysisd makes of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::analysisd::Fields;
use wazuh_docker_listener::event::redact::{Mode, Redactor};
use wazuh_docker_listener::event::sanitize;
use wazuh_docker_listener::wazuh::message::{Context, Findings, HEADER, LARGEST, MOST_FIELDS, frame};

/// The whole way of a line through the pipeline, but for what asks the engine.
fn message(line: &[u8]) -> String {
    let mut repaired = Vec::new();
    let (mut event, is_repaired) = sanitize::read(line, &mut repaired).unwrap();
    let changes = sanitize::clean(&mut event);
    let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
    let redacted = redactor.redact(&mut event, &|_| 0);
    let changes = sanitize::Changes { repaired: is_repaired, ..changes };
    frame(&event, &Findings { changes, redacted, ..Findings::default() }, &Context::default(), LARGEST).text
}

static REDACTOR: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();

fn container(attributes: &Value) -> Vec<u8> {
    let mut attributes = attributes.clone();
    attributes["name"] = "web".into();
    attributes["image"] = "bb:1".into();
    json!({"Type": "container", "Action": "start", "Actor": {"ID": "c1", "Attributes": attributes}, "time": 1})
        .to_string()
        .into_bytes()
}

fn read(line: &[u8]) -> Fields {
    let message = message(line);
    Fields::of(&message).unwrap_or_else(|| panic!("not decoded: {message}"))
}

/// What every rule needs of a container's start.
fn is_in_sight(fields: &Fields) {
    assert_eq!(fields.get("integration"), Some("docker"));
    assert_eq!(fields.get("docker.Type"), Some("container"));
    assert_eq!(fields.get("docker.Action"), Some("start"));
    assert_eq!(fields.get("docker.status"), Some("start"));
    assert_eq!(fields.get("docker.Actor.ID"), Some("c1"));
    assert_eq!((fields.attribute("name"), fields.attribute("image")), (Some("web"), Some("bb:1")));
    assert!(fields.len() <= MOST_FIELDS && !fields.clash());
}

#[test]
fn another_decoder_does_not_take_the_event() {
    let label = json!({"x": "\"integration\":\"ms-graph\"", "\"integration\":\"ms-graph\"": "1"});
    is_in_sight(&read(&container(&label)));
}

#[test]
fn a_label_in_other_letters_does_not_take_the_place_of_the_name() {
    let fields = read(&container(&json!({"NAME": "lie", "Name": "lie", "Image": "lie", "naMe": "lie"})));
    is_in_sight(&fields);
    assert_eq!(fields.attribute("label:Image"), Some("lie"), "and it is still there");
}

#[test]
fn three_hundred_labels_do_not_hide_the_name() {
    let labels: serde_json::Map<String, Value> = (0..300).map(|n| (format!("a{n}"), Value::from("x"))).collect();
    let fields = read(&container(&Value::Object(labels)));
    is_in_sight(&fields);
    assert!(fields.get("docker_listener.truncated.labels").is_some());
}

#[test]
fn a_nul_does_not_cut_a_text() {
    let line =
        br#"{"Type":"container","Action":"start\u0000xx","Actor":{"ID":"c1","Attributes":{"name":"web\u0000"}}}"#;
    let fields = read(line);
    assert_eq!(fields.get("docker.Action"), Some("start\\u0000xx"), "^start$ does not match");
    assert_eq!(fields.attribute("name"), Some("web\\u0000"));
}

#[test]
fn a_lone_surrogate_does_not_lose_the_event() {
    let mut line = String::from_utf8(container(&json!({"x": "SURROGATE"}))).unwrap();
    line = line.replace("SURROGATE", "\\ud800");
    let fields = read(line.as_bytes());
    is_in_sight(&fields);
    assert_eq!(fields.attribute("x"), Some("\\ud800"));
    assert_eq!(fields.get("docker_listener.changed.repaired"), Some("1"));
}

#[test]
fn nesting_does_not_lose_the_event() {
    for depth in [7, 8, 100] {
        let mut deep = json!("x");
        (0..depth).for_each(|_| deep = json!({ "d": deep }));
        let mut line: Value = serde_json::from_slice(&container(&json!({}))).unwrap();
        line["deep"] = deep.clone();
        line["Actor"]["Attributes"]["deep"] = deep;
        is_in_sight(&read(line.to_string().as_bytes()));
    }
}

#[test]
fn what_is_no_json_is_refused_and_not_guessed() {
    for line in [&b"{\"a\":NaN}"[..], b"[1]", b"\xef\xbb\xbf{}", b"{} {}"] {
        assert!(sanitize::read(line, &mut Vec::new()).is_err(), "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_value_that_looks_like_an_array_stays_a_text() {
    assert_eq!(read(&container(&json!({"x": "[1,2]"}))).attribute("x"), Some(" [1,2]"));
}

#[test]
fn dotted_labels_do_not_clash() {
    for labels in [json!({"a": "1", "a.b": "2"}), json!({"A": "1", "a.b": "2", "a.B.c": "3"}), json!({"name.x": "1"})] {
        is_in_sight(&read(&container(&labels)));
    }
}

#[test]
fn what_is_empty_costs_nothing_else() {
    is_in_sight(&read(&container(&json!({"": "", "x": "", "y": {}}))));
}

#[test]
fn a_key_that_comes_twice_is_written_once() {
    let line = br#"{"Type":"container","Action":"start","Action":"die","Actor":{"ID":"c1"}}"#;
    assert_eq!(message(line).matches("\"Action\"").count(), 1);
}

#[test]
fn numbers_that_would_lose_digits_have_a_text_beside_them() {
    let line =
        br#"{"Type":"x","Action":"y","timeNano":1795217220632019339,"big":9007199254740993,"small":9007199254740992}"#;
    let fields = read(line);
    assert_eq!(fields.get("docker_listener.timestamp"), Some("2026-11-20T23:27:00.632019339Z"));
    assert_eq!(fields.get("docker_listener.exact.big"), Some("9007199254740993"));
    assert_eq!(fields.get("docker_listener.exact.small"), None);
}

#[test]
fn a_description_with_name_and_action_can_be_shown() {
    let line = json!({"Type": "container", "Action": format!("exec_start: {}", "x".repeat(5000)),
        "Actor": {"ID": "c".repeat(500), "Attributes": {"name": "n".repeat(500), "image": "i".repeat(500)}}});
    let fields = read(line.to_string().as_bytes());
    let rule = "Docker: Command launched in container . Action: \"\"".len() + 40;
    let shown = fields.attribute("name").unwrap().len() + fields.get("docker.Action").unwrap().len();
    assert!(rule + shown <= 1024, "{shown}");
    assert_eq!(fields.get("docker_listener.whole.Action").unwrap().len(), 5012);
}

#[test]
fn the_order_is_the_same_whatever_the_engines() {
    let line = br#"{"zz":1,"timeNano":5,"Actor":{"z":1,"Attributes":{"b":"1","a":"2","signal":"9","name":"n"},"ID":"c"},"action":"lie","Action":"kill","Type":"container"}"#;
    let message = message(line);
    let (docker, _) = message.split_once(", \"docker_listener\"").unwrap();
    assert_eq!(
        docker,
        "1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"status\": \"kill\", \"id\": \"c\", \"Type\": \"container\", \
         \"Action\": \"kill\", \"Actor\": {\"ID\": \"c\", \"Attributes\": {\"name\": \"n\", \"signal\": \"9\", \"a\": \"2\", \
         \"b\": \"1\"}, \"z\": 1}, \"timeNano\": 5, \"zz\": 1, \"action\": \"lie\"}"
    );
}

#[test]
fn a_message_begins_as_the_json_decoder_wants_it() {
    assert!(
        message(&container(&json!({}))).starts_with("1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"")
    );
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9 ./:-]{0,30}", "\\PC{0,300}", any::<String>(), "\\[.{0,5}", "--password [a-z]{1,9}"]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}(\\.[a-z]{1,6}){0,3}", "(?i)name|image|exitCode|signal|name\\.x", any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_labels_the_rules_see_what_happened(
        labels in proptest::collection::btree_map(key(), value(), 0..260),
        action in prop_oneof![Just("start".to_owned()), "exec_start: [a-z /-]{0,40} ", "exec_create: \\PC{0,900}"],
        name in "[a-z]{1,12}",
    ) {
        let mut attributes: serde_json::Map<String, Value> = labels.into_iter().map(|(k, v)| (k, v.into())).collect();
        attributes.insert("name".to_owned(), name.clone().into());
        attributes.insert("image".to_owned(), "reg.io/team/app:1".into());
        let line = json!({"Type": "container", "Action": action, "Actor": {"ID": "c1", "Attributes": attributes}}).to_string();
        let message = message(line.as_bytes());
        prop_assert!(message.len() <= LARGEST && message.is_ascii());
        prop_assert!(serde_json::from_str::<Value>(message.strip_prefix(HEADER).unwrap()).is_ok());
        let fields = Fields::of(&message);
        prop_assert!(fields.is_some(), "{}", message);
        let fields = fields.unwrap();
        prop_assert!(fields.len() <= MOST_FIELDS && !fields.clash(), "{}", message);
        prop_assert_eq!(fields.get("docker.Type"), Some("container"));
        prop_assert_eq!(fields.get("docker.Actor.ID"), Some("c1"));
        prop_assert_eq!(fields.attribute("name"), Some(name.as_str()));
        prop_assert_eq!(fields.attribute("image"), Some("reg.io/team/app:1"));
        let (sent, verb) = (fields.get("docker.Action").unwrap(), action.split(' ').next().unwrap());
        prop_assert!(sent.starts_with(verb), "{} of {}", sent, action);
        if !message.contains("\"redacted\"") && action.is_ascii() && action.len() <= 600 {
            prop_assert_eq!(sent, action.as_str());
        }
    }
}
