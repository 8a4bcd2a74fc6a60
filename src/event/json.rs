//! A JSON value that keeps what the engine wrote: every field, in its order, integers to the last digit.
//!
//! `serde_json::Value` would sort or copy; this borrows from the line wherever a string has no escapes, so that an
//! ordinary event is parsed in one pass with a handful of allocations.
//!
//! Two rules are those of Python's `json` module, which the listener stands in for: where a key comes twice, the last
//! value wins and stands where the first one stood; and text is written in ASCII, with `", "` and `": "` between
//! the parts. The blanks are a defence as well: another decoder of Wazuh looks for the compact `"integration":"…"`
//! anywhere in a message, and an attacker's label can hold those characters but not outside a string.
//!
//! Limit: a number that is no 64-bit integer becomes the nearest double, as it would in analysisd. No engine sends any.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::bounds::{self, Budget, LeftOut, MAX_ELEMENTS, MAX_FIELDS, MAX_KEY_LEN, Place};

/// One JSON value that borrows from the text it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string, without its escapes.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The fields of a JSON object in the order they were written, each key once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object<'a> {
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> FromIterator<(Cow<'a, str>, Value<'a>)> for Object<'a> {
    /// The caller sees to it that no key comes twice.
    fn from_iter<T: IntoIterator<Item = (Cow<'a, str>, Value<'a>)>>(fields: T) -> Self {
        Self { fields: fields.into_iter().collect() }
    }
}

/// Up to this many fields a plain search for a repeated key is quicker than a table.
const PLAIN_SEARCH: usize = 16;

impl<'a> Object<'a> {
    /// The fields in their order.
    #[must_use]
    pub fn as_slice(&self) -> &[(Cow<'a, str>, Value<'a>)] {
        &self.fields
    }

    /// The field at this place.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<(&str, &Value<'a>)> {
        self.fields.get(place).map(|(key, value)| (key.as_ref(), value))
    }

    /// The value at this place, to be changed.
    #[must_use]
    pub fn at_mut(&mut self, place: usize) -> Option<&mut Value<'a>> {
        self.fields.get_mut(place).map(|(_, value)| value)
    }

    /// The value of `key`, to the letter.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.fields.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value of `key` where it is a string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }

    /// The fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.fields.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// The fields in their order, to be changed. Whoever changes a key keeps it different from all others.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&mut Cow<'a, str>, &mut Value<'a>)> {
        self.fields.iter_mut().map(|(key, value)| (key, value))
    }

    /// Keeps the fields at the places where this is true.
    pub fn keep(&mut self, is_kept: &[bool]) {
        let mut is_kept = is_kept.iter();
        self.fields.retain(|_| is_kept.next().is_none_or(|is_kept| *is_kept));
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Makes one object of fields as they stood in the text.
    fn collect(fields: Vec<(Cow<'a, str>, Value<'a>)>) -> Self {
        if Self::keys_are_unique(&fields) {
            return Self { fields };
        }
        let mut kept: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(fields.len());
        let mut places: HashMap<Cow<'a, str>, usize> = HashMap::new();
        for (key, value) in fields {
            if let Some(earlier) = places.get(&key).and_then(|place| kept.get_mut(*place)) {
                earlier.1 = value;
            } else {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
        Self { fields: kept }
    }

    /// Engines write sorted keys, so the ascending run decides almost always.
    fn keys_are_unique(fields: &[(Cow<'a, str>, Value<'a>)]) -> bool {
        if fields.is_sorted_by(|a, b| a.0 < b.0) {
            return true;
        }
        let mut keys = fields.iter().map(|(key, _)| key);
        if fields.len() <= PLAIN_SEARCH {
            return keys.by_ref().enumerate().all(|(place, key)| !fields.iter().take(place).any(|(k, _)| k == key));
        }
        let mut seen = std::collections::HashSet::with_capacity(fields.len());
        keys.all(|key| seen.insert(key))
    }
}

impl<'a> Value<'a> {
    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The fields of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The fields of an object, to be changed.
    #[must_use]
    pub fn as_object_mut(&mut self) -> Option<&mut Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value of an integer that fits 64 bits.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Appends the value as [`Self::write`] does, and stops once the text is so many bytes long: what would come behind
    /// them may be missing.
    pub fn write_beginning(&self, out: &mut String, wanted: usize) {
        match self {
            Self::String(text) => write_string(bounds::beginning(text, wanted), out),
            Self::Array(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    if out.len() >= wanted {
                        return;
                    }
                    if place > 0 {
                        out.push_str(", ");
                    }
                    value.write_beginning(out, wanted);
                }
                out.push(']');
            }
            Self::Object(object) => {
                let mut writer = ObjectWriter::new(out);
                for (key, value) in object.iter() {
                    let out = writer.any_key(key, false);
                    if out.len() >= wanted {
                        return;
                    }
                    value.write_beginning(out, wanted);
                }
                writer.end();
            }
            _ => self.write(out),
        }
    }

    /// Appends the value as Python's `json.dumps` writes it.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => write_number(number, out),
            Self::String(text) => write_string(text, out),
            Self::Array(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push_str(", ");
                    }
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => {
                let mut writer = ObjectWriter::new(out);
                for (key, value) in object.iter() {
                    writer.value(key, value);
                }
                writer.end();
            }
        }
    }
}

fn write_number(number: &serde_json::Number, out: &mut String) {
    let mut digits = itoa::Buffer::new();
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => out.push_str(digits.format(number)),
        (None, Some(number)) => out.push_str(digits.format(number)),
        (None, None) => out.push_str(&number.to_string()),
    }
}

/// Writes one object, field by field, with Python's separators.
#[derive(Debug)]
pub struct ObjectWriter<'o> {
    out: &'o mut String,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Opens an object.
    pub fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Writes a key that needs no escapes, and leaves the value to the caller, who must write exactly one.
    #[inline]
    pub fn key(&mut self, key: &'static str) -> &mut String {
        self.out.push_str(if self.empty { "\"" } else { ", \"" });
        self.empty = false;
        self.out.push_str(key);
        self.out.push_str("\": ");
        self.out
    }

    /// Writes a key, and leaves the value to the caller, who must write exactly one.
    pub fn any_key(&mut self, key: &str, is_plain: bool) -> &mut String {
        self.next_field();
        if is_plain {
            write_plain(key, self.out);
        } else {
            write_string(key, self.out);
        }
        self.out.push_str(": ");
        self.out
    }

    /// Writes fields that are written already, with the separators between them.
    pub fn ready(&mut self, fields: &str) {
        if !fields.is_empty() {
            self.next_field();
            self.out.push_str(fields);
        }
    }

    fn next_field(&mut self) {
        if !self.empty {
            self.out.push_str(", ");
        }
        self.empty = false;
    }

    /// Writes a field with any value.
    pub fn value(&mut self, key: &str, value: &Value<'_>) {
        value.write(self.any_key(key, false));
    }

    /// Writes a field with a text.
    pub fn text(&mut self, key: &'static str, text: &str) {
        write_string(text, self.key(key));
    }

    /// Writes a field with a count.
    pub fn count(&mut self, key: &'static str, count: u64) {
        self.key(key).push_str(itoa::Buffer::new().format(count));
    }

    /// Opens an object as the value of `key`.
    pub fn object(&mut self, key: &'static str) -> ObjectWriter<'_> {
        ObjectWriter::new(self.key(key))
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push('}');
    }
}

/// What is known of the texts of a line that hold no escape, which are those that are borrowed from it.
///
/// It follows from the line's bytes alone, and looking at all of them at once costs next to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// They are printable ASCII and stand in JSON as they are.
    Plain,
    /// So are those that are ASCII.
    Unicode,
    /// Nothing.
    Unknown,
}

/// The only control character of ASCII that may stand in a text of JSON as it is.
const DELETE: u8 = 0x7f;

impl Texts {
    /// Those of a line that is valid JSON.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        // Counted from DELETE on, what is not ASCII comes next, and all else behind it; so one pass without a branch, in
        // which many bytes are looked at at once, answers both questions. Valid JSON has control characters below a
        // blank only between its texts.
        match line.iter().map(|byte| byte.wrapping_sub(DELETE)).min() {
            Some(0) => Self::Unknown,
            Some(1..=0x80) => Self::Unicode,
            None | Some(_) => Self::Plain,
        }
    }

    /// Whether it is certain that a text is printable ASCII that stands in JSON as it is.
    #[must_use]
    #[allow(clippy::ptr_arg, reason = "whether a text is borrowed from its line is what it goes by")]
    pub fn are_plain(self, text: &Cow<'_, str>) -> bool {
        match (self, text) {
            (Self::Plain, Cow::Borrowed(_)) => true,
            (Self::Unicode, Cow::Borrowed(text)) => text.is_ascii(),
            (_, text) => needs_no_escape(text),
        }
    }
}

/// Whether a text is nothing but printable ASCII; it may hold quotes and backslashes.
#[must_use]
pub fn is_printable(text: &str) -> bool {
    !text.bytes().fold(false, |other, byte| other | !matches!(byte, b' '..=b'~'))
}

/// Whether a text is printable ASCII that stands in JSON as it is.
fn needs_no_escape(text: &str) -> bool {
    !text.bytes().fold(false, |other, byte| other | !matches!(byte, b' '..=b'~') | matches!(byte, b'"' | b'\\'))
}

/// Appends a text that is known to need no escapes.
#[inline]
pub fn write_plain(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Appends `text` as a JSON string in ASCII, with exactly the escapes that Python's `json.dumps` chooses.
pub fn write_string(text: &str, out: &mut String) {
    if needs_no_escape(text) {
        return write_plain(text, out);
    }
    out.push('"');
    let mut rest = text;
    while let Some(place) = rest.find(needs_escape) {
        let (plain, from) = rest.split_at(place);
        out.push_str(plain);
        let mut following = from.chars();
        if let Some(special) = following.next() {
            write_escape(special, out);
        }
        rest = following.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn needs_escape(c: char) -> bool {
    !matches!(c, ' '..='~') || c == '"' || c == '\\'
}

fn write_escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = u32::from(*unit >> shift) & 0xf;
                    out.push(char::from_digit(digit, 16).unwrap_or('0'));
                }
            }
        }
    }
}

/// What both readers do with a value that holds no other.
macro_rules! visit_leaf {
    ($line:lifetime) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }

        fn visit_unit<E>(self) -> Result<Value<$line>, E> {
            Ok(Value::Null)
        }

        fn visit_bool<E>(self, value: bool) -> Result<Value<$line>, E> {
            Ok(Value::Bool(value))
        }

        fn visit_i64<E>(self, value: i64) -> Result<Value<$line>, E> {
            Ok(Value::Number(value.into()))
        }

        fn visit_u64<E>(self, value: u64) -> Result<Value<$line>, E> {
            Ok(Value::Number(value.into()))
        }

        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value<$line>, E> {
            serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number beyond any double"))
        }

        fn visit_borrowed_str<E>(self, text: &$line str) -> Result<Value<$line>, E> {
            Ok(Value::String(Cow::Borrowed(text)))
        }

        fn visit_str<E>(self, text: &str) -> Result<Value<$line>, E> {
            Ok(Value::String(Cow::Owned(text.to_owned())))
        }
    };
}

/// Lines shorter than this cannot hold more fields than are kept, in bytes; nearly all are, and need no counting.
const SHORT_LINE: usize = 4 * MAX_FIELDS;

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortReader)
    }
}

/// A key of a short line; a type of its own because serde's own `Cow` always copies.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Key<'de>, E> {
                if key.len() > MAX_KEY_LEN { Err(E::custom("a long key")) } else { Ok(Key(Cow::Borrowed(key))) }
            }
            fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key<'de>, E> {
                if key.len() > MAX_KEY_LEN { Err(E::custom("a long key")) } else { Ok(Key(Cow::Owned(key.to_owned()))) }
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads a value of a short line, of which nothing has to be left out.
struct ShortReader;

impl<'de> Visitor<'de> for ShortReader {
    type Value = Value<'de>;

    visit_leaf!('de);

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            if values.len() == MAX_ELEMENTS {
                return Err(A::Error::custom("a long array"));
            }
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        let mut fields = Vec::with_capacity(FIRST_ROOM);
        while let Some((Key(key), value)) = entries.next_entry()? {
            fields.push((key, value));
        }
        Ok(Value::Object(Object::collect(fields)))
    }
}

/// An object key; a type of its own because serde's own `Cow` always copies.
struct KeyReader<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for KeyReader<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyReader<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(self.0.key(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(self.0.key(text).into_owned()))
    }
}

/// Reads a value, as far as the bounds of an event allow.
#[derive(Clone, Copy)]
struct Reader<'b> {
    budget: &'b Budget,
    /// Where the value stands.
    place: Place,
}

/// What a field takes in memory, in bytes; about what its key and its text take beside their bytes is in it.
const FIELD: usize = size_of::<(Cow<'_, str>, Value<'_>)>();

/// More than most objects of an event have: growing costs more than the room.
const FIRST_ROOM: usize = 12;

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value<'de>;

    visit_leaf!('de);

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value<'de>, A::Error> {
        let reader = Reader { place: Place::Elsewhere, ..self };
        let mut values = Vec::new();
        while values.len() < MAX_ELEMENTS && self.budget.take(FIELD) {
            match elements.next_element_seed(reader)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
        let mut more = 0_u64;
        while elements.next_element::<IgnoredAny>()?.is_some() {
            self.budget.leave_out(Place::Elsewhere);
            more += 1;
        }
        if more > 0 {
            values.push(Value::String(format!("{more} more").into()));
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        // What is allocated at once is taken at once.
        let room = if self.budget.take(FIRST_ROOM * FIELD) { FIRST_ROOM } else { 0 };
        let mut fields = Vec::with_capacity(room);
        while let Some(key) = entries.next_key_seed(KeyReader(self.budget))? {
            if fields.len() >= MAX_FIELDS || (fields.len() >= room && !self.budget.take(FIELD)) {
                return self.visit_rest(Object::collect(fields), key, entries);
            }
            let value = entries.next_value_seed(Reader { place: self.place.of_value(&key), ..self })?;
            fields.push((key, value));
        }
        Ok(Value::Object(Object::collect(fields)))
    }
}

impl Reader<'_> {
    /// Reads on in an object that already has all fields that it may have: of the rest only those are kept that are
    /// needed, or that come a second time.
    #[cold]
    fn visit_rest<'de, A: MapAccess<'de>>(
        self,
        object: Object<'de>,
        key: Cow<'de, str>,
        mut entries: A,
    ) -> Result<Value<'de>, A::Error> {
        let mut fields = object.fields;
        let mut places: HashMap<Cow<'de, str>, usize> = HashMap::with_capacity(fields.len());
        places.extend(fields.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)));
        let mut next = Some(key);
        while let Some(key) = next {
            let known = places.get(&key).copied();
            if known.is_some() || self.place.needs(&key) {
                let value = entries.next_value_seed(Reader { place: self.place.of_value(&key), ..self })?;
                if let Some(earlier) = known.and_then(|place| fields.get_mut(place)) {
                    earlier.1 = value;
                } else {
                    places.insert(key.clone(), fields.len());
                    fields.push((key, value));
                }
            } else {
                entries.next_value::<IgnoredAny>()?;
                self.budget.leave_out(self.place);
            }
            next = entries.next_key_seed(KeyReader(self.budget))?;
        }
        Ok(Value::Object(Object { fields }))
    }
}

/// Reads one object from a line; a line that holds anything else is an error. What exceeds the bounds of an event is
/// left out.
///
/// # Errors
/// Where the line is no UTF-8, no JSON, deeper than 128 levels, or no object.
pub fn parse_object(line: &[u8]) -> Result<(Object<'_>, LeftOut), serde_json::Error> {
    // Once for the whole line is cheaper than once for each string.
    let text = std::str::from_utf8(line).map_err(serde_json::Error::custom)?;
    if line.len() < SHORT_LINE
        && let Ok(Value::Object(object)) = serde_json::from_str(text)
    {
        return Ok((object, LeftOut::default()));
    }
    parse_bounded(text)
}

/// Kept apart, so that what reads ordinary lines stays one piece of code.
#[cold]
#[inline(never)]
fn parse_bounded(text: &str) -> Result<(Object<'_>, LeftOut), serde_json::Error> {
    let budget = Budget::default();
    // From bytes, though it is text: what reads ordinary lines then has serde_json's code for texts to itself, and the
    // compiler puts it in place.
    let mut deserializer = serde_json::Deserializer::from_slice(text.as_bytes());
    let value = Reader { budget: &budget, place: Place::Event }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    match value {
        Value::Object(object) => Ok((object, budget.left_out())),
        _ => Err(serde_json::Error::custom("JSON, but not an object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        let value: Value<'_> = serde_json::from_str(text).unwrap();
        let mut out = String::new();
        value.write(&mut out);
        out
    }

    #[test]
    fn writes_what_python_would_write() {
        // Each right-hand side was printed by Python 3.11's json.dumps(json.loads(left)).
        for (engine, python) in [
            (r#"{"a":1,"b":[1,2,{"c":null}],"d":true}"#, r#"{"a": 1, "b": [1, 2, {"c": null}], "d": true}"#),
            (r#"{"b":1,"a":2,"b":3}"#, r#"{"b": 3, "a": 2}"#),
            (r#"{"k":"\u003cx\u003e \u0026 \u2028"}"#, r#"{"k": "<x> & \u2028"}"#),
            ("{\"ünï\":\"ça va \\\"q\\\" \\\\ / \u{7f}\"}", r#"{"\u00fcn\u00ef": "\u00e7a va \"q\" \\ / \u007f"}"#),
            (r#"{"e":"😀\n\r\t\b\f\u0001\u0000"}"#, r#"{"e": "\ud83d\ude00\n\r\t\b\f\u0001\u0000"}"#),
            (r#"{"t":1795217220632019339,"n":-5,"f":1.5}"#, r#"{"t": 1795217220632019339, "n": -5, "f": 1.5}"#),
            ("{}", "{}"),
            ("[]", "[]"),
            (r#"{"":""}"#, r#"{"": ""}"#),
        ] {
            assert_eq!(round_trip(engine), python);
        }
    }

    #[test]
    fn a_repeated_key_keeps_its_first_place_and_its_last_value_however_many_there_are() {
        for size in [3, PLAIN_SEARCH, 200] {
            let mut text: Vec<String> = (0..size).map(|n| format!("\"k{n}\": {n}")).collect();
            text.push("\"k1\": 999".to_owned());
            let line = format!("{{{}}}", text.join(", "));
            let object = parse_object(line.as_bytes()).unwrap().0;
            assert_eq!(object.len(), size);
            assert_eq!(object.iter().nth(1).unwrap().1.as_integer(), Some(999));
        }
    }

    #[test]
    fn refuses_what_is_no_object() {
        for line in ["", "[1]", "1", "\"a\"", "{", "{}x", "{\"a\":NaN}", "\u{1e}{}", "{\"a\":\"\\ud800\"}"] {
            assert!(parse_object(line.as_bytes()).is_err(), "{line:?}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}").is_err());
        assert!(parse_object("[".repeat(100_000).as_bytes()).is_err());
    }
}
