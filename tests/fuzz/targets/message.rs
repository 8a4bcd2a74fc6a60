//! Any line becomes one valid message within its limits, or is refused.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wazuh_docker_listener::event::meaning::Meaning;
use wazuh_docker_listener::event::redact::{Mode, Redactor};
use wazuh_docker_listener::event::registry::Registries;
use wazuh_docker_listener::event::{origin, sanitize};
use wazuh_docker_listener::wazuh::message::{Context, Findings, HEADER, LARGEST, frame};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Mode::Mask, &[]).unwrap());

fn has_nul(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(has_nul),
        serde_json::Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fuzz_target!(|line: &[u8]| {
    let mut repaired = Vec::new();
    let Ok((mut event, is_repaired)) = sanitize::read(line, &mut repaired) else { return };
    let mut meaning = Meaning::of_event(&event);
    meaning.image = origin::named_by(&event).map(|name| origin::of(name, None, &Registries::default()).into());
    let changes = sanitize::clean(&mut event);
    let redacted = REDACTOR.redact(&mut event, &|_| 0);
    let changes = sanitize::Changes { repaired: is_repaired, ..changes };
    let findings = Findings { changes, redacted, meaning, ..Findings::default() };
    for limit in [2048, LARGEST] {
        let message = frame(&event, &findings, &Context::default(), limit).text;
        assert!(message.len() <= LARGEST && message.is_ascii());
        let json: serde_json::Value = serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap();
        assert_eq!(json["integration"], "docker");
        assert!(!message.contains("\"integration\":\"") && !has_nul(&json));
        if event.kind().len() <= 16 {
            assert_eq!(json["docker"]["Type"].as_str().unwrap_or_default(), event.kind());
        }
    }
});
