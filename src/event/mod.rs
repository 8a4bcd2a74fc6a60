//! What an event is and means: pure, synchronous, without I/O.
//!
//! An [`Event`] borrows from the line it was read from and keeps every field, known or not. What Docker's API leaves
//! out from version 1.52 on (`status`, `id`, `from`) is filled in here, because Wazuh's stock rules up to 4.14.3 look
//! at `docker.status` and nothing else.

pub mod exec;
pub mod filter;
pub mod forged;
pub mod image;
pub mod json;
pub mod meaning;
pub mod origin;
pub mod redact;
pub mod registry;
pub mod risk;
pub mod sanitize;
pub mod tags;
pub mod workload;

use json::{Object, Value};

/// The attributes that engines set themselves, in the order in which they are written, before any label.
///
/// Docker mixes a container's labels into the same object. analysisd takes the first field whose name matches without
/// regard to case, so the engine's own must come first; see the architecture notes in CONTRIBUTING.md.
pub const ENGINE_ATTRIBUTES: [&str; 36] = [
    "name",
    "image",
    "exitCode",
    "signal",
    "execID",
    "execDuration",
    "oldName",
    "container",
    "type",
    "driver",
    "destination",
    "read/write",
    "propagation",
    "comment",
    "imageID",
    "imageRef",
    "height",
    "width",
    "reclaimed",
    "role.new",
    "role.old",
    "state.new",
    "state.old",
    "availability.new",
    "availability.old",
    "replicas.new",
    "replicas.old",
    "image.new",
    "image.old",
    "updatestate.new",
    "updatestate.old",
    "containerExitCode",
    "podId",
    "network",
    "pid",
    "error",
];

/// One event of an engine, borrowed from its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    fields: Object<'a>,
}

impl<'a> Event<'a> {
    /// Reads one line of the engine's stream.
    ///
    /// # Errors
    /// Where the line is not one JSON object; the error says where in the line.
    pub fn parse(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        json::parse_object(line).map(|fields| Self { fields })
    }

    /// Something that is known about an object, and is no event of the engine.
    #[must_use]
    pub fn about(id: &'a str, attributes: &[(&'a str, &'a str)]) -> Self {
        let text = |key: &'a str, text: &'a str| (key.into(), Value::String(text.into()));
        let attributes: Object<'a> = attributes.iter().map(|(key, value)| text(key, value)).collect();
        let actor: Object<'a> =
            [text("ID", id), ("Attributes".into(), Value::Object(attributes))].into_iter().collect();
        Self { fields: [("Actor".into(), Value::Object(actor))].into_iter().collect() }
    }

    /// Whether its attributes hold what users may set: labels of containers and images, and of whatever else an engine
    /// other than Docker calls its own.
    #[must_use]
    pub fn may_have_labels(&self) -> bool {
        const NEVER: [&str; 9] =
            ["builder", "config", "daemon", "network", "node", "plugin", "secret", "service", "volume"];
        !NEVER.contains(&self.kind())
    }

    /// The fields as the engine wrote them.
    #[must_use]
    pub fn fields(&self) -> &Object<'a> {
        &self.fields
    }

    /// What kind of object it happened to (`container`, `image`, `network`, …); empty where the engine names none.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.fields.text("Type").unwrap_or_default()
    }

    /// What happened (`start`, `exec_start: sh -c …`, `health_status: healthy`, …); empty where the engine says nothing.
    #[must_use]
    pub fn action(&self) -> &str {
        self.fields.text("Action").unwrap_or_default()
    }

    /// The id of the object it happened to; empty for prunes.
    #[must_use]
    pub fn actor_id(&self) -> &str {
        self.actor().and_then(|actor| actor.text("ID")).unwrap_or_default()
    }

    /// `local` or `swarm`; empty where the engine says nothing.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.fields.text("scope").unwrap_or_default()
    }

    /// When it happened, in nanoseconds since 1970 by the engine's clock; from `timeNano`, else from `time`.
    #[must_use]
    pub fn time_nano(&self) -> Option<i64> {
        let number = |key| self.fields.get(key).and_then(Value::as_integer);
        number("timeNano").or_else(|| number("time")?.checked_mul(1_000_000_000))
    }

    /// When it happened as RFC 3339 in UTC with all nine digits, which no reader of JSON numbers can round away.
    #[must_use]
    pub fn timestamp(&self) -> Option<String> {
        let at = jiff::Timestamp::from_nanosecond(i128::from(self.time_nano()?)).ok()?;
        Some(format!("{at:.9}"))
    }

    /// The object it happened to.
    #[must_use]
    pub fn actor(&self) -> Option<&Object<'a>> {
        self.fields.get("Actor").and_then(Value::as_object)
    }

    /// The engine's attributes and the labels, mixed as the engine mixes them.
    #[must_use]
    pub fn attributes(&self) -> Option<&Object<'a>> {
        self.actor()?.get("Attributes").and_then(Value::as_object)
    }

    /// One attribute; empty where there is none or it is no text.
    #[must_use]
    pub fn attribute(&self, key: &str) -> &str {
        self.attributes().and_then(|attributes| attributes.text(key)).unwrap_or_default()
    }

    /// The attributes in the order in which they are written: the engine's own first, in [`ENGINE_ATTRIBUTES`]'s
    /// order, then the labels, sorted.
    #[must_use]
    pub fn ordered_attributes(&self) -> Vec<(&str, &Value<'a>)> {
        let Some(attributes) = self.attributes() else { return Vec::new() };
        let mut ordered: Vec<(usize, &str, &Value<'a>)> =
            attributes.iter().map(|(key, value)| (attribute_rank(key), key, value)).collect();
        ordered.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        ordered.into_iter().map(|(_, key, value)| (key, value)).collect()
    }

    /// The fields `status`, `id` and `from` as an engine before API 1.52 would have written them, for those that this
    /// event lacks.
    ///
    /// Containers have all three, images the first two, no other type has any; an empty one is left out
    /// (moby's `backFillLegacy`).
    #[must_use]
    pub fn legacy_fields(&self) -> Vec<(&'static str, &str)> {
        let from = match self.kind() {
            "container" => self.attribute("image"),
            "image" => "",
            _ => return Vec::new(),
        };
        [("status", self.action()), ("id", self.actor_id()), ("from", from)]
            .into_iter()
            .filter(|(key, value)| !value.is_empty() && self.fields.get(key).is_none())
            .collect()
    }
}

/// A label's rank is past all of the engine's own.
fn attribute_rank(key: &str) -> usize {
    ENGINE_ATTRIBUTES.iter().position(|own| *own == key).unwrap_or(ENGINE_ATTRIBUTES.len())
}

/// Whether the attribute is one that engines set themselves; a label may still hold that name, see facts in the
/// architecture notes.
#[must_use]
pub fn is_engine_attribute(key: &str) -> bool {
    attribute_rank(key) < ENGINE_ATTRIBUTES.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_newer_engines_leave_out_and_only_that() {
        let legacy = |line: &str| -> Vec<(&'static str, String)> {
            let event = Event::parse(line.as_bytes()).unwrap();
            event.legacy_fields().into_iter().map(|(key, value)| (key, value.to_owned())).collect()
        };
        let owned = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
            pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect()
        };
        for (line, expected) in [
            (
                r#"{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"image":"bb:1","name":"n"}}}"#,
                owned(&[("status", "start"), ("id", "c1"), ("from", "bb:1")]),
            ),
            (
                r#"{"Type":"image","Action":"tag","Actor":{"ID":"sha256:1","Attributes":{"image":"no","name":"n"}}}"#,
                owned(&[("status", "tag"), ("id", "sha256:1")]),
            ),
            (
                r#"{"Type":"container","Action":"prune","Actor":{"ID":"","Attributes":{}}}"#,
                owned(&[("status", "prune")]),
            ),
            (r#"{"Type":"volume","Action":"create","Actor":{"ID":"v","Attributes":{"image":"x"}}}"#, owned(&[])),
            (r#"{"Type":"builder","Action":"prune","Actor":{"ID":""}}"#, owned(&[])),
            (
                r#"{"status":"start","id":"c1","from":"x","Type":"container","Action":"start","Actor":{"ID":"c1"}}"#,
                owned(&[]),
            ),
            (r#"{"Action":"start"}"#, owned(&[])),
            (r#"{"Type":"container","Action":7,"Actor":"odd"}"#, owned(&[])),
        ] {
            assert_eq!(legacy(line), expected, "{line}");
        }
    }

    #[test]
    fn the_engines_own_attributes_stand_before_every_label() {
        let line =
            br#"{"Actor":{"Attributes":{"Name":"lie","a":"1","exitCode":"0","image":"bb:1","name":"truth","z":"2"}}}"#;
        let event = Event::parse(line).unwrap();
        let keys: Vec<&str> = event.ordered_attributes().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["name", "image", "exitCode", "Name", "a", "z"]);
    }

    #[test]
    fn tells_the_time_with_all_its_digits() {
        let time = |line: &str| Event::parse(line.as_bytes()).unwrap().timestamp();
        assert_eq!(
            time(r#"{"time":1795217220,"timeNano":1795217220632019339}"#).as_deref(),
            Some("2026-11-20T23:27:00.632019339Z")
        );
        assert_eq!(time(r#"{"time":1795217220}"#).as_deref(), Some("2026-11-20T23:27:00.000000000Z"));
        assert_eq!(time(r#"{"time":9223372036854775807}"#), None);
        assert_eq!(time(r#"{"timeNano":"soon"}"#), None);
    }
}
