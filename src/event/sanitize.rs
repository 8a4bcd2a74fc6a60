//! Makes an event safe for the one that reads it: analysisd and its rules.
//!
//! Who starts a container sets its labels, its image name and its command lines, and with them could hide an event from
//! the rules or make it lie. What is done about it, and how it is seen in the message:
//!
//! - Characters that end a text, reorder it or cannot be seen (NUL and other control characters, bidirectional marks,
//!   invisible ones) are written out: `\u0000`, `\u202e`. Line feed, carriage return and tab stay: they are ordinary in
//!   command lines, and JSON escapes them.
//! - A label that differs from another key of the event only in case, or that is empty, or that is the parent of
//!   another in the sense of dots (`a` beside `a.b`), is renamed to `label:…`, with colons for dots. Fields are looked up without regard to
//!   case and split at dots, and the first one wins; so the engine's own key always keeps its name. A label without a
//!   value clashes with nothing, since empty texts are left out on the way.
//! - A label whose value begins with `[` gets a blank before it: it would be read as a JSON array.
//! - An attribute that is no text, number or the like, and what is nested more than [`DEEPEST`] levels deep, is written
//!   as a text of JSON; so is an array that is too long to be taken for a text.
//! - A line with lone surrogates or bytes that are no UTF-8 is repaired, so that its event is not lost.
//!
//! An ordinary event passes unchanged; see the tests over recorded ones.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::json::{Object, Texts, Value, is_printable};
use super::{Attribute, Event, FIELDS, is_engine_attribute};

/// How deep an event may be nested; engines stay within three. analysisd takes 1,000.
pub const DEEPEST: usize = 8;

/// Arrays up to this length stay arrays. No engine writes any.
const LONGEST_ARRAY: usize = 64;

/// What stands before a label that could not keep its name.
const RENAMED: &str = "label:";

/// What was changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Texts and keys with characters written out.
    pub characters: u64,
    /// Labels that were renamed.
    pub renamed: u64,
    /// Values that looked like arrays.
    pub arrays: u64,
    /// Values with an inner structure that became texts.
    pub flattened: u64,
    /// Whether the line was no valid JSON of UTF-8 before it was repaired.
    pub repaired: bool,
}

impl Changes {
    /// Whether nothing was changed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads a line, and repairs it where it must be; whether it was.
///
/// # Errors
/// Where the line is no JSON object even then.
pub fn read<'a>(line: &'a [u8], repaired: &'a mut Vec<u8>) -> Result<(Event<'a>, bool), serde_json::Error> {
    let error = match Event::parse(line) {
        Ok(event) => return Ok((event, false)),
        Err(error) => error,
    };
    let Some(mended) = repair(line) else { return Err(error) };
    *repaired = mended;
    Event::parse(repaired).map(|event| (event, true))
}

/// Makes an event safe.
pub fn clean(event: &mut Event<'_>) -> Changes {
    let (has_labels, is_flat) = (event.may_have_labels(), is_flat(event));
    let mut cleaner = Cleaner { texts: event.texts, changes: Changes::default() };
    cleaner.clean_fields(&mut event.fields);
    let mut changes = cleaner.changes;
    if !is_flat && let Some(attributes) = event.attributes_mut() {
        for (_, value) in attributes.iter_mut() {
            if matches!(value, Value::Array(_) | Value::Object(_)) {
                flatten(value, &mut changes);
            }
        }
    }
    if has_labels
        && !labels_keep_their_names(event)
        && let Some(attributes) = event.attributes_mut()
    {
        clean_labels(attributes, &mut changes);
    }
    if !changes.is_nothing() {
        event.was_changed();
    }
    changes
}

/// Goes through all texts of an event.
struct Cleaner {
    texts: Texts,
    changes: Changes,
}

impl Cleaner {
    fn clean_fields(&mut self, fields: &mut Object<'_>) {
        for (key, value) in fields.iter_mut() {
            self.clean_text(key);
            self.clean_value(value, 1);
            let is_nested = matches!(value, Value::Array(_) | Value::Object(_));
            if is_nested && key != "Actor" && FIELDS.contains(&key.as_ref()) {
                flatten(value, &mut self.changes);
            }
        }
    }

    fn clean_value(&mut self, value: &mut Value<'_>, depth: usize) {
        match value {
            Value::String(text) => self.clean_text(text),
            Value::Array(_) | Value::Object(_) if depth >= DEEPEST => flatten(value, &mut self.changes),
            Value::Array(values) if values.len() > LONGEST_ARRAY => flatten(value, &mut self.changes),
            Value::Array(values) => values.iter_mut().for_each(|value| self.clean_value(value, depth + 1)),
            Value::Object(object) => {
                for (key, value) in object.iter_mut() {
                    self.clean_text(key);
                    self.clean_value(value, depth + 1);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn clean_text(&mut self, text: &mut Cow<'_, str>) {
        if !self.texts.are_plain(text) && make_visible(text) {
            self.changes.characters += 1;
        }
    }
}

/// Whether nothing is nested but the actor and its attributes.
fn is_flat(event: &Event<'_>) -> bool {
    let is_leaf = |value: &Value<'_>| !matches!(value, Value::Array(_) | Value::Object(_));
    event.fields.iter().all(|(key, value)| match (key, value) {
        ("Actor", Value::Object(actor)) => actor.iter().all(|(key, value)| match (key, value) {
            ("Attributes", Value::Object(attributes)) => attributes.iter().all(|(_, value)| is_leaf(value)),
            _ => is_leaf(value),
        }),
        _ => is_leaf(value),
    })
}

/// Whether it is certain that no label has to be renamed or gets a blank.
///
/// It looks at hashes of the keys, of which those of equal keys are equal; where two are equal by chance it says no, and
/// the keys themselves are looked at.
fn labels_keep_their_names(event: &Event<'_>) -> bool {
    let Some(attributes) = event.attributes().filter(|attributes| attributes.len() > event.own_count()) else {
        return true;
    };
    let is_safe = |label: Attribute<'_, '_>| {
        !label.key.is_empty() && label.value.as_text().is_none_or(|text| !text.starts_with('['))
    };
    let mut keys: Vec<u64> = Vec::with_capacity(attributes.len());
    let mut parents: Vec<u64> = Vec::with_capacity(2 * attributes.len());
    for (key, _) in attributes.as_slice() {
        keys.push(hash_folded(&folded(key), &mut parents));
    }
    keys.sort_unstable();
    event.labels().all(is_safe)
        && keys.is_sorted_by(|a, b| a < b)
        && !parents.iter().any(|parent| keys.binary_search(parent).is_ok())
}

/// A key that is the same as another without regard to case where it is that without regard to the case of ASCII.
fn folded(key: &str) -> Cow<'_, str> {
    if key.is_ascii() { key.into() } else { key.to_lowercase().into() }
}

/// The hash of a key without regard to case, and of each of its parents in the sense of dots.
fn hash_folded(key: &str, parents: &mut Vec<u64>) -> u64 {
    let mut hash = 0;
    let mut rest = key.as_bytes();
    while let Some(dot) = rest.iter().position(|byte| *byte == b'.') {
        let (part, behind) = rest.split_at(dot);
        hash = hash_part(part, hash);
        parents.push(hash);
        rest = behind.get(1..).unwrap_or_default();
    }
    hash_part(rest, hash)
}

fn hash_part(part: &[u8], hash: u64) -> u64 {
    // Any odd number with bits all over.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    // Capital and small letters differ in this bit; that other characters are taken for each other does no harm.
    const CASE: u64 = u64::from_ne_bytes([0x20; 8]);
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(SPREAD).rotate_left(29);
    let (words, rest) = part.as_chunks();
    let hash =
        words.iter().fold(mix(hash, part.len() as u64), |hash, word| mix(hash, u64::from_le_bytes(*word) | CASE));
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(hash, last | CASE)
}

fn flatten(value: &mut Value<'_>, changes: &mut Changes) {
    let mut text = String::from("json ");
    value.write(&mut text);
    *value = Value::String(text.into());
    changes.flattened += 1;
}

/// A text of somebody else that stands in a field of ours: made as safe as the engine's own.
#[must_use]
pub fn visible(mut text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_empty() {
        return text;
    }
    make_visible(&mut text);
    if text.starts_with('[') { format!(" {text}").into() } else { text }
}

/// Writes out what is hidden in a text; whether there was something.
fn make_visible(text: &mut Cow<'_, str>) -> bool {
    use std::fmt::Write as _;
    if is_printable(text) {
        return false;
    }
    let Some(first) = text.find(is_hidden) else { return false };
    let mut visible = String::with_capacity(text.len() + 8);
    let (plain, rest) = text.split_at(first);
    visible.push_str(plain);
    for c in rest.chars() {
        if is_hidden(c) {
            // Writing to a String cannot fail.
            let _ = write!(visible, "\\u{:04x}", u32::from(c));
        } else {
            visible.push(c);
        }
    }
    *text = visible.into();
    true
}

/// Characters that a person cannot see, or that change what he sees of others.
fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' | ' '..='~' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => c.is_control(),
    }
}

/// What matters of an attribute for who looks it up.
struct Seen {
    /// Its key without regard to case.
    folded: String,
    is_engines: bool,
    is_empty: bool,
}

fn clean_labels(attributes: &mut Object<'_>, changes: &mut Changes) {
    let seen: Vec<Seen> = attributes
        .iter()
        .map(|(key, value)| Seen {
            folded: key.to_lowercase(),
            is_engines: is_engine_attribute(key),
            is_empty: value.as_text() == Some(""),
        })
        .collect();
    let gives_way = who_gives_way(&seen);
    let mut taken: HashSet<String> = HashSet::new();
    if gives_way.contains(&true) {
        let names = seen.iter().map(|attribute| attribute.folded.as_str());
        taken.extend(names.flat_map(|name| parents(name).chain([name])).map(str::to_owned));
    }
    for ((key, value), (attribute, gives_way)) in attributes.iter_mut().zip(seen.iter().zip(gives_way)) {
        if attribute.is_engines {
            continue;
        }
        if let Value::String(text) = value
            && text.starts_with('[')
        {
            *text = format!(" {text}").into();
            changes.arrays += 1;
        }
        if gives_way {
            // Without dots it can neither be below another nor above it.
            let plain = format!("{RENAMED}{}", key.replace('.', ":"));
            let mut name = plain.clone();
            let mut number = 2;
            while !taken.insert(name.to_lowercase()) {
                name = format!("{plain}:{number}");
                number += 1;
            }
            *key = name.into();
            changes.renamed += 1;
        }
    }
}

/// Which attributes cannot keep their names.
fn who_gives_way(seen: &[Seen]) -> Vec<bool> {
    let mut owners: HashMap<&str, usize> = HashMap::with_capacity(seen.len());
    // The engine's own first, so that no label comes before them.
    for of_engine in [true, false] {
        for (place, attribute) in seen.iter().enumerate().filter(|(_, attribute)| attribute.is_engines == of_engine) {
            owners.entry(&attribute.folded).or_insert(place);
        }
    }
    let owner = |key: &str| owners.get(key).and_then(|place| Some((*place, seen.get(*place)?)));
    let mut gives_way: Vec<bool> = seen
        .iter()
        .enumerate()
        .map(|(place, Seen { folded, is_engines, .. })| {
            let is_second = owner(folded).is_none_or(|(first, _)| first != place);
            // A parent that is the engine's keeps its place.
            let is_below =
                || parents(folded).filter_map(owner).any(|(_, parent)| parent.is_engines && !parent.is_empty);
            !is_engines && (folded.is_empty() || is_second || is_below())
        })
        .collect();
    // A label that is the parent of another gives way to it.
    let mut are_parents = Vec::new();
    for (attribute, _) in seen.iter().zip(&gives_way).filter(|(_, gives_way)| !**gives_way) {
        let of_labels =
            parents(&attribute.folded).filter_map(owner).filter(|(_, parent)| !parent.is_engines && !parent.is_empty);
        are_parents.extend(of_labels.map(|(place, _)| place));
    }
    for place in are_parents {
        if let Some(flag) = gives_way.get_mut(place) {
            *flag = true;
        }
    }
    gives_way
}

/// `a` and `a.b` of `a.b.c`.
fn parents(key: &str) -> impl Iterator<Item = &str> {
    key.match_indices('.').filter_map(|(at, _)| key.get(..at))
}

/// The line with lone surrogates written out and foreign bytes replaced; `None` where there is nothing of either.
fn repair(line: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(line);
    let mut mended = String::with_capacity(text.len() + 16);
    let mut rest = text.as_ref();
    let mut changed = matches!(text, Cow::Owned(_));
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(_), _) => {
                mended.push('\\');
                changed = true;
                6
            }
            (None, _) => escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        mended.push_str(escape);
        rest = after;
    }
    mended.push_str(rest);
    changed.then(|| mended.into_bytes())
}

/// The surrogate that an escape at the beginning of `text` stands for.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..=0xdfff).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attributes(json: &str) -> (Vec<(String, String)>, Changes) {
        let line = format!(r#"{{"Type":"container","Action":"start","Actor":{{"ID":"c","Attributes":{json}}}}}"#);
        let mut repaired = Vec::new();
        let mut event = read(line.as_bytes(), &mut repaired).unwrap().0;
        let changes = clean(&mut event);
        let attributes = event.attributes().unwrap().iter();
        (attributes.map(|(key, value)| (key.to_owned(), value.as_text().unwrap().to_owned())).collect(), changes)
    }

    fn keys(json: &str) -> Vec<String> {
        attributes(json).0.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn a_label_never_stands_in_the_way_of_another_key() {
        for (json, expected) in [
            (r#"{"Name":"lie","image":"i","name":"n"}"#, &["label:Name", "image", "name"][..]),
            (r#"{"NAME":"1","Name":"2","name":"n"}"#, &["label:NAME", "label:Name:2", "name"]),
            (r#"{"Team":"1","team":"2"}"#, &["Team", "label:team"]),
            (r#"{"Team":"1","label:team":"x","team":"2"}"#, &["Team", "label:team", "label:team:2"]),
            (r#"{"a":"1","a.b":"2"}"#, &["label:a", "a.b"]),
            (r#"{"a.b":"2","a":"1"}"#, &["a.b", "label:a"]),
            (r#"{"A":"1","a.b.c":"2"}"#, &["label:A", "a.b.c"]),
            (r#"{"a":"1","a.b":"2","a.b.c":"3"}"#, &["label:a", "label:a:b", "a.b.c"]),
            (r#"{"a":"","a.b":"2"}"#, &["a", "a.b"]),
            (r#"{"name":"n","name.x":"2"}"#, &["name", "label:name:x"]),
            (r#"{"":"1","x":"2"}"#, &["label:", "x"]),
            (r#"{"maintainer":"m","com.docker.x":"1"}"#, &["maintainer", "com.docker.x"]),
            // K is the Kelvin sign, which is a k in small letters.
            ("{\"\u{212a}ey\":\"1\",\"key\":\"2\"}", &["\u{212a}ey", "label:key"]),
        ] {
            assert_eq!(keys(json), expected, "{json}");
        }
    }

    #[test]
    fn attributes_of_what_has_no_labels_are_the_engines_own() {
        let line = br#"{"Type":"daemon","Action":"reload","Actor":{"Attributes":{"Labels":"[\"a\"]","labels":"[]"}}}"#;
        let changes = clean(&mut Event::parse(line).unwrap());
        assert!(changes.is_nothing());
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        let (seen, changes) = attributes(
            "{\"a\":\"start\\u0000xx\",\"b\":\"x\\u202eevil\",\"c\\u200b\":\"1\",\"d\":\"line\\nfeed\\ttab\",\"e\":\"ça va 😀\"}",
        );
        let values: Vec<&str> = seen.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["start\\u0000xx", "x\\u202eevil", "1", "line\nfeed\ttab", "ça va 😀"]);
        assert_eq!((seen[2].0.as_str(), changes.characters), ("c\\u200b", 3));
    }

    #[test]
    fn what_would_be_read_as_an_array_stays_a_text() {
        let (seen, changes) = attributes(r#"{"a":"[1,2]","b":"x[1]"}"#);
        assert_eq!((seen[0].1.as_str(), seen[1].1.as_str(), changes.arrays), (" [1,2]", "x[1]", 1));
    }

    #[test]
    fn what_is_nested_too_deep_becomes_a_text() {
        let line = format!("{{\"x\":{}1{}}}", "[".repeat(50), "]".repeat(50));
        let mut event = Event::parse(line.as_bytes()).unwrap();
        let changes = clean(&mut event);
        let mut out = String::new();
        event.fields().get("x").unwrap().write(&mut out);
        assert!(out.starts_with("[[[[[[[\"json [[[") && changes.flattened == 1, "{out}");
    }

    #[test]
    fn a_line_with_lone_surrogates_or_foreign_bytes_is_not_lost() {
        for (line, name) in [
            (&br#"{"a":"x\ud800y"}"#[..], "x\\ud800y"),
            (br#"{"a":"\udc00"}"#, "\\udc00"),
            (br#"{"a":"\ud83d\ude00 \ud83d"}"#, "😀 \\ud83d"),
            (br#"{"a":"\\ud800 \ud800"}"#, "\\ud800 \\ud800"),
            (br#"{"a":"\ud800\u0041"}"#, "\\ud800A"),
            (b"{\"a\":\"x\xff\"}", "x\u{fffd}"),
        ] {
            let mut repaired = Vec::new();
            let (event, was_repaired) = read(line, &mut repaired).unwrap();
            assert_eq!(event.fields().text("a"), Some(name));
            assert!(was_repaired);
        }
        for line in ["{\"a\":\"\\ud800\"", "no json \\ud800", "{\"a\":NaN}", "\\"] {
            assert!(read(line.as_bytes(), &mut Vec::new()).is_err(), "{line}");
        }
    }

    #[test]
    fn ordinary_labels_are_not_looked_at_twice() {
        for labels in [
            r#","com.example.team":"blue","com.example.tier":"front","maintainer":"x","ünï":"ça va""#,
            r#","io.kubernetes.pod.name":"p","io.kubernetes.pod.uid":"u","io.kubernetes.container.name":"c""#,
            "",
        ] {
            let line = format!(r#"{{"Type":"container","Actor":{{"Attributes":{{"image":"i","name":"n"{labels}}}}}}}"#);
            assert!(labels_keep_their_names(&Event::parse(line.as_bytes()).unwrap()), "{labels}");
        }
    }

    proptest! {
        #[test]
        fn no_two_keys_are_the_same_to_who_ignores_case_and_splits_at_dots(
            labels in proptest::collection::btree_map("[aAbBn\\.]{0,4}|name|Name|NAME\\.x|image", "[a-z\\[]{0,2}", 0..12),
        ) {
            let count = labels.len();
            let line = serde_json::json!({"Type": "container", "Action": "start", "Actor": {"Attributes": labels}}).to_string();
            let mut event = Event::parse(line.as_bytes()).unwrap();
            clean(&mut event);
            let kept: Vec<(String, String)> = event.attributes().unwrap().iter()
                .map(|(key, value)| (key.to_lowercase(), value.as_text().unwrap().to_owned())).collect();
            prop_assert_eq!(kept.len(), count, "nothing is dropped");
            for (place, (key, value)) in kept.iter().enumerate() {
                for (other_place, (other, _)) in kept.iter().enumerate() {
                    prop_assert!(place == other_place || key != other, "{:?}", kept);
                    let is_parent = other.strip_prefix(key.as_str()).is_some_and(|rest| rest.starts_with('.'));
                    prop_assert!(value.is_empty() || !is_parent, "{} and {} in {:?}", key, other, kept);
                }
            }
        }

        #[test]
        fn what_keeps_its_name_at_a_glance_keeps_it_at_a_look(
            labels in proptest::collection::btree_map("[aAkKbéÉ\u{212a}\\.]{0,3}|[lL]abel-of-many-parts(\\.x)?|image|Image\\.x", "[a-z\\[]{0,1}", 0..6),
        ) {
            let line = serde_json::json!({"Type": "container", "Action": "start", "Actor": {"Attributes": labels}}).to_string();
            let mut event = Event::parse(line.as_bytes()).unwrap();
            let keeps = labels_keep_their_names(&event);
            let mut changes = Changes::default();
            clean_labels(event.attributes_mut().unwrap(), &mut changes);
            prop_assert!(!keeps || changes.is_nothing(), "{:?}", changes);
        }

        #[test]
        fn no_line_makes_it_fail(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&line, &mut Vec::new()).map(|(mut event, _)| clean(&mut event));
        }
    }
}
