//! Any line becomes one valid message within its limits, or is refused.
#![no_main]

#[path = "parts/bound.rs"]
mod bound;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wazuh_docker_listener::event::meaning::Meaning;
use wazuh_docker_listener::event::redact::{Mode, Redactor};
use wazuh_docker_listener::event::registry::Registries;
use wazuh_docker_listener::event::{origin, sanitize};
use wazuh_docker_listener::wazuh::message::{Context, Findings, HEADER, LARGEST, frame};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    // Its rules are compiled when they are needed first, which is no input's cost.
    let _ = redactor.text("--password x", &|_| 0);
    redactor
});

fn has_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(has_nul),
        serde_json::Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Its message of at most so many bytes, and the kind of object it happened to; none where it is no event.
fn message(line: &[u8], limit: usize) -> Option<(String, String)> {
    let mut repaired = Vec::new();
    let (mut event, is_repaired) = sanitize::read(line, &mut repaired).ok()?;
    let mut meaning = Meaning::of_event(&event);
    meaning.image = origin::named_by(&event).map(|name| origin::of(name, None, &Registries::default()).into());
    let changes = sanitize::clean(&mut event);
    let redacted = REDACTOR.redact(&mut event, &|_| 0);
    let changes = sanitize::Changes { repaired: is_repaired, ..changes };
    let findings = Findings { changes, redacted, meaning, ..Findings::default() };
    Some((frame(&event, &findings, &Context::default(), limit).text, event.kind().to_owned()))
}

fuzz_target!(|line: &[u8]| {
    LazyLock::force(&REDACTOR);
    for limit in [2048, LARGEST] {
        let Some((message, kind)) = bound::bounded(line.len(), || message(line, limit)) else { return };
        assert!(message.len() <= LARGEST && message.is_ascii());
        let json: serde_json::Value = serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap();
        assert_eq!(json["integration"], "docker");
        assert!(!message.contains("\"integration\":\"") && !has_nul(&json));
        if kind.len() <= 16 {
            assert_eq!(json["docker"]["Type"].as_str().unwrap_or_default(), kind);
        }
    }
});
