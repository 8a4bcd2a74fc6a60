//! What an event is and means: pure, synchronous, without I/O.
//!
//! An [`Event`] borrows from the line it was read from and keeps every field, known or not. What Docker's API leaves
//! out from version 1.52 on (`status`, `id`, `from`) is filled in here, because Wazuh's stock rules up to 4.14.3 look
//! at `docker.status` and nothing else.

pub mod baseline;
pub mod bounds;
pub mod command;
pub mod ending;
pub mod exceptions;
pub mod exec;
pub mod filter;
pub mod forged;
pub mod image;
pub mod index;
pub mod json;
pub mod meaning;
pub mod origin;
pub mod preview;
pub mod provenance;
pub mod reach;
pub mod redact;
pub mod registry;
pub mod repair;
pub mod risk;
pub mod sanitize;
pub mod tags;
pub mod trust;
pub mod workload;

use std::borrow::Cow;

use bounds::LeftOut;
use index::{Field, Index};
use json::{Object, Texts, Value};

pub use index::{ENGINE_ATTRIBUTES, FIELDS};

/// One event of an engine, borrowed from its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    fields: Object<'a>,
    index: Index,
    texts: Texts,
    /// Whether its line was too short to hold a text that would be cut, or more labels than are kept.
    is_short: bool,
    left_out: LeftOut,
}

impl<'a> Event<'a> {
    /// Reads one line of the engine's stream.
    ///
    /// # Errors
    /// Where the line is not one JSON object; the error says where in the line.
    pub fn parse(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        let (fields, left_out) = json::parse_object(line)?;
        let is_short = line.len() <= bounds::kept(bounds::SHOWN);
        Ok(Self { index: Index::of(&fields), fields, texts: Texts::of(line), is_short, left_out })
    }

    fn new(fields: Object<'a>) -> Self {
        Self { index: Index::of(&fields), fields, texts: Texts::Unknown, is_short: false, left_out: LeftOut::default() }
    }

    /// Something that is known about an object, and is no event of the engine.
    #[must_use]
    pub fn about(id: &'a str, attributes: &[(&'a str, &'a str)]) -> Self {
        let text = |key: &'a str, text: &'a str| (key.into(), Value::String(text.into()));
        let attributes: Object<'a> = attributes.iter().map(|(key, value)| text(key, value)).collect();
        let actor: Object<'a> =
            [text("ID", id), ("Attributes".into(), Value::Object(attributes))].into_iter().collect();
        Self::new([("Actor".into(), Value::Object(actor))].into_iter().collect())
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

    /// What was left out of it to keep it within the bounds.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Its keys or texts are others than those that were read.
    fn was_changed(&mut self) {
        self.index = Index::of(&self.fields);
    }

    /// One of the fields that every engine writes.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<&Value<'a>> {
        self.fields.at(self.index.field(field)?).map(|(_, value)| value)
    }

    fn field_mut(&mut self, field: Field) -> Option<&mut Value<'a>> {
        self.fields.at_mut(self.index.field(field)?)
    }

    fn text(&self, field: Field) -> &str {
        self.field(field).and_then(Value::as_text).unwrap_or_default()
    }

    /// What is known of its texts.
    #[must_use]
    pub fn texts(&self) -> Texts {
        self.texts
    }

    /// What kind of object it happened to (`container`, `image`, `network`, …); empty where the engine names none.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.text(Field::Type)
    }

    /// What happened (`start`, `exec_start: sh -c …`, `health_status: healthy`, …); empty where the engine says nothing.
    #[must_use]
    pub fn action(&self) -> &str {
        self.text(Field::Action)
    }

    /// The id of the object it happened to; empty for prunes.
    #[must_use]
    pub fn actor_id(&self) -> &str {
        let id = || self.actor()?.at(self.index.actor_id()?)?.1.as_text();
        id().unwrap_or_default()
    }

    /// `local` or `swarm`; empty where the engine says nothing.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.text(Field::Scope)
    }

    /// When it happened, in nanoseconds since 1970 by the engine's clock; from `timeNano`, else from `time`.
    #[must_use]
    pub fn time_nano(&self) -> Option<i64> {
        let number = |field| self.field(field).and_then(Value::as_integer);
        number(Field::TimeNano).or_else(|| number(Field::Time)?.checked_mul(1_000_000_000))
    }

    /// When it happened.
    #[must_use]
    pub fn time(&self) -> Option<Time> {
        jiff::Timestamp::from_nanosecond(i128::from(self.time_nano()?)).ok().map(Time)
    }

    /// The object it happened to.
    #[must_use]
    pub fn actor(&self) -> Option<&Object<'a>> {
        self.field(Field::Actor).and_then(Value::as_object)
    }

    /// The engine's attributes and the labels, mixed as the engine mixes them.
    #[must_use]
    pub fn attributes(&self) -> Option<&Object<'a>> {
        self.actor()?.at(self.index.attributes()?)?.1.as_object()
    }

    /// The same, to be changed. Whoever changes a key says so with [`Self::was_changed`].
    fn attributes_mut(&mut self) -> Option<&mut Object<'a>> {
        let attributes = self.index.attributes()?;
        self.field_mut(Field::Actor)?.as_object_mut()?.at_mut(attributes)?.as_object_mut()
    }

    /// One attribute; empty where there is none or it is no text.
    #[must_use]
    pub fn attribute(&self, key: &str) -> &str {
        let Some(attributes) = self.attributes() else { return "" };
        let value = match index::rank(key) {
            Some(rank) => self.index.own(rank).and_then(|place| attributes.at(place)).map(|(_, value)| value),
            None => attributes.get(key),
        };
        value.and_then(Value::as_text).unwrap_or_default()
    }

    /// Whether there is this attribute, which is one that engines set themselves.
    #[must_use]
    pub fn has_own(&self, key: &str) -> bool {
        index::rank(key).is_some_and(|rank| self.index.own(rank).is_some())
    }

    /// How many attributes have the name of an engine's own.
    #[must_use]
    pub fn own_count(&self) -> usize {
        self.index.own_count()
    }

    /// The attributes that are no name of an engine's own, in the order in which they came.
    pub fn labels(&self) -> impl Iterator<Item = Attribute<'_, 'a>> {
        let attributes = self.attributes().filter(|attributes| attributes.len() > self.index.own_count());
        let places = attributes.map(Object::as_slice).unwrap_or_default().iter().enumerate();
        places.filter(|(place, (key, _))| !self.index.is_own(*place, key)).map(|(place, (key, value))| Attribute {
            place,
            key,
            value,
            is_own: false,
        })
    }

    /// The attributes in the order in which they are written: the engine's own first, in [`ENGINE_ATTRIBUTES`]'s
    /// order, then the labels, sorted.
    pub fn each_attribute<'e>(&'e self, mut sink: impl FnMut(Attribute<'e, 'a>)) {
        let Some(attributes) = self.attributes() else { return };
        for place in self.index.all_own() {
            if let Some((key, value)) = attributes.as_slice().get(place) {
                sink(Attribute { place, key, value, is_own: true });
            }
        }
        if self.index.is_sorted() {
            self.labels().for_each(sink);
        } else {
            // Docker writes them sorted; others, and what was renamed, may stand anywhere.
            let mut labels: Vec<Attribute<'_, 'a>> = self.labels().collect();
            labels.sort_by_key(|label| label.key);
            labels.into_iter().for_each(sink);
        }
    }

    /// The fields `status`, `id` and `from` as an engine before API 1.52 would have written them, for those that this
    /// event lacks.
    ///
    /// Containers have all three, images the first two, no other type has any; an empty one is left out
    /// (moby's `backFillLegacy`).
    pub fn legacy_fields(&self) -> impl Iterator<Item = (Field, &str)> {
        let (has_any, from) = match self.kind() {
            "container" => (true, self.attribute("image")),
            "image" => (true, ""),
            _ => (false, ""),
        };
        let all = [(Field::Status, self.action()), (Field::Id, self.actor_id()), (Field::From, from)];
        all.into_iter().filter(move |(field, value)| has_any && !value.is_empty() && self.field(*field).is_none())
    }
}

/// Writes the last digits of a number, as many as there is room for.
fn put_digits(room: &mut [u8], mut number: u32) {
    for digit in room.iter_mut().rev() {
        // The remainder is below ten.
        *digit = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
    }
}

/// An attribute of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attribute<'e, 'a> {
    /// Its place among the attributes as they came.
    pub place: usize,
    /// Its name.
    pub key: &'e Cow<'a, str>,
    /// Its value.
    pub value: &'e Value<'a>,
    /// Whether it has the name of one that engines set themselves.
    pub is_own: bool,
}

/// When an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(jiff::Timestamp);

impl Time {
    /// Appends it as RFC 3339 in UTC with all nine digits, which no reader of JSON numbers can round away.
    pub fn write(self, out: &mut String) {
        let time = jiff::tz::Offset::UTC.to_datetime(self.0);
        // Digit by digit: each message has one, and a formatter of dates would cost as much as the rest of it. No time
        // in nanoseconds of 64 bits is outside of the years 1677 to 2262.
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        put_digits(&mut text[..4], time.year().unsigned_abs().into());
        put_digits(&mut text[5..7], time.month().unsigned_abs().into());
        put_digits(&mut text[8..10], time.day().unsigned_abs().into());
        put_digits(&mut text[11..13], time.hour().unsigned_abs().into());
        put_digits(&mut text[14..16], time.minute().unsigned_abs().into());
        put_digits(&mut text[17..19], time.second().unsigned_abs().into());
        put_digits(&mut text[20..29], time.subsec_nanosecond().unsigned_abs());
        out.push_str(std::str::from_utf8(&text).unwrap_or_default());
    }
}

/// Whether the attribute is one that engines set themselves; a label may still hold that name, see facts in the
/// architecture notes.
#[must_use]
pub fn is_engine_attribute(key: &str) -> bool {
    index::rank(key).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_newer_engines_leave_out_and_only_that() {
        let legacy = |line: &str| -> Vec<(&'static str, String)> {
            let event = Event::parse(line.as_bytes()).unwrap();
            event.legacy_fields().map(|(field, value)| (field.name(), value.to_owned())).collect()
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
        let mut keys = Vec::new();
        event.each_attribute(|attribute| keys.push(attribute.key.as_ref()));
        assert_eq!(keys, ["name", "image", "exitCode", "Name", "a", "z"]);
    }

    #[test]
    fn tells_the_time_with_all_its_digits() {
        let time = |line: &str| {
            let mut out = String::new();
            Event::parse(line.as_bytes()).unwrap().time()?.write(&mut out);
            Some(out)
        };
        assert_eq!(
            time(r#"{"time":1795217220,"timeNano":1795217220632019339}"#).as_deref(),
            Some("2026-11-20T23:27:00.632019339Z")
        );
        assert_eq!(time(r#"{"time":1795217220}"#).as_deref(), Some("2026-11-20T23:27:00.000000000Z"));
        assert_eq!(time(r#"{"timeNano":1}"#).as_deref(), Some("1970-01-01T00:00:00.000000001Z"));
        for nanos in [i64::MIN, -1, i64::MAX] {
            let at = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            assert_eq!(time(&format!(r#"{{"timeNano":{nanos}}}"#)), Some(format!("{at:.9}")));
        }
        assert_eq!(time(r#"{"time":9223372036854775807}"#), None);
        assert_eq!(time(r#"{"timeNano":"soon"}"#), None);
    }
}
