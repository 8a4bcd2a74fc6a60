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
//! - A line with lone surrogates or bytes that are no UTF-8 is repaired, so that its event is not lost; so is one that is
//!   nested deeper than a parser follows, or holds a number beyond any double: these become texts.
//! - A text is cut to what may be shown of it and a margin, and of more labels than a message has room for the smallest
//!   are kept, before anything looks at them closely. What the bounds of [`super::bounds`] leave out is counted.
//!
//! An ordinary event passes unchanged; see the tests over recorded ones.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};

use super::bounds::{self, LeftOut, MAX_LABELS, SHOWN, SHOWN_LABEL, WHOLE_ACTION};
use super::index::Field;
use super::json::{Object, Texts, Value, is_printable};
use super::repair;
use super::{Attribute, Event, FIELDS, is_engine_attribute};

/// How deep an event may be nested; engines stay within three. analysisd takes 1,000.
pub const DEEPEST: usize = 8;

/// Arrays up to this length stay arrays. No engine writes any.
const LONGEST_ARRAY: usize = 64;

/// The longest an array may be as a text, in bytes; it is one field, and is shown as a whole or as a text.
const LARGEST_ARRAY: usize = 4_096;

/// The labels that are kept take no more than this, in bytes: more than a message has room for.
const MOST_LABELS: usize = 64 << 10;

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
    /// Keys that were too long.
    pub shortened: u64,
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
    let Some(mended) = repair::repair(line) else { return Err(error) };
    *repaired = mended;
    Event::parse(repaired).map(|event| (event, true))
}

/// Makes an event safe.
pub fn clean(event: &mut Event<'_>) -> Changes {
    if !event.is_short && keep_smallest_labels(event) {
        event.was_changed();
    }
    let has_labels = event.may_have_labels();
    let is_plain = event.is_short && is_plain(event);
    let is_flat = is_plain || is_flat(event);
    let mut changes = Changes::default();
    if !is_plain {
        let mut cleaner = Cleaner { texts: event.texts, cuts: !event.is_short, changes };
        cleaner.clean_fields(&mut event.fields);
        changes = cleaner.changes;
        // What was written out is longer than its line.
        event.is_short &= changes.characters == 0;
    }
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
    changes.shortened = event.left_out.shortened;
    changes
}

/// Of more labels than any message has room for, keeps those of which messages show the most; whether there were more.
fn keep_smallest_labels(event: &mut Event<'_>) -> bool {
    let Some(attributes) = event.attributes() else { return false };
    let size = |label: &Attribute<'_, '_>| {
        let value = match label.value {
            Value::String(text) => text.len().min(SHOWN_LABEL),
            Value::Array(_) | Value::Object(_) => SHOWN_LABEL,
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        };
        label.key.len() + value
    };
    let count = attributes.len() - event.own_count();
    if count <= MAX_LABELS && event.labels().map(|label| size(&label)).sum::<usize>() <= MOST_LABELS {
        return false;
    }
    let mut by_size: Vec<(usize, usize)> = event.labels().map(|label| (size(&label), label.place)).collect();
    by_size.sort_unstable();
    let mut is_kept = vec![true; attributes.len()];
    let (mut room, mut bytes) = (MOST_LABELS, 0);
    let mut dropped = 0_u64;
    for (number, (size, place)) in by_size.into_iter().enumerate() {
        if number < MAX_LABELS && size <= room && dropped == 0 {
            room -= size;
        } else if let Some(is_kept) = is_kept.get_mut(place) {
            *is_kept = false;
            dropped += 1;
            bytes += size as u64;
        }
    }
    if let Some(attributes) = event.attributes_mut() {
        attributes.keep(&is_kept);
    }
    let left_out = event.left_out;
    event.left_out = LeftOut { labels: left_out.labels + dropped, bytes: left_out.bytes + bytes, ..left_out };
    true
}

/// How much is shown of what is in a field of the event, in bytes.
fn shown_of(key: &str) -> usize {
    match Field::of(key) {
        Some(Field::Status | Field::Action) => WHOLE_ACTION,
        Some(Field::Actor) => SHOWN_LABEL,
        _ => SHOWN,
    }
}

/// Goes through all texts of an event.
struct Cleaner {
    texts: Texts,
    /// Whether a text may be too long.
    cuts: bool,
    changes: Changes,
}

impl Cleaner {
    fn clean_fields(&mut self, fields: &mut Object<'_>) {
        // What a short line of ASCII holds is short even when it is written out.
        let may_be_long = self.cuts || self.texts != Texts::Plain;
        for (key, value) in fields.iter_mut() {
            self.clean_text(key, SHOWN);
            let shown = if may_be_long { shown_of(key) } else { WHOLE_ACTION };
            self.clean_value(value, shown, 1);
            let is_nested = matches!(value, Value::Array(_) | Value::Object(_));
            if is_nested && key != "Actor" && FIELDS.contains(&key.as_ref()) {
                flatten(value, &mut self.changes);
            }
        }
    }

    fn clean_value(&mut self, value: &mut Value<'_>, shown: usize, depth: usize) {
        match value {
            Value::String(text) => self.clean_text(text, shown),
            Value::Array(_) | Value::Object(_) if depth >= DEEPEST => flatten(value, &mut self.changes),
            Value::Array(values) if values.len() > LONGEST_ARRAY => flatten(value, &mut self.changes),
            Value::Array(values) => {
                for value in values.iter_mut() {
                    self.clean_value(value, shown, depth + 1);
                }
                let mut text = String::new();
                value.write_beginning(&mut text, LARGEST_ARRAY);
                if text.len() >= LARGEST_ARRAY {
                    flatten(value, &mut self.changes);
                }
            }
            Value::Object(object) => {
                for (key, value) in object.iter_mut() {
                    self.clean_text(key, SHOWN);
                    self.clean_value(value, shown, depth + 1);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn clean_text(&mut self, text: &mut Cow<'_, str>, shown: usize) {
        if self.cuts {
            bounds::cut(text, shown);
        }
        if !self.texts.are_plain(text) && make_visible(text) {
            bounds::cut(text, shown);
            self.changes.characters += 1;
        }
    }
}

/// Whether nothing is nested but the actor and its attributes.
fn is_flat(event: &Event<'_>) -> bool {
    consists_of(event, |_, value| !matches!(value, Value::Array(_) | Value::Object(_)))
}

/// Whether it is certain without a look at them that no text holds anything hidden, and nothing is nested but the actor and
/// its attributes.
fn is_plain(event: &Event<'_>) -> bool {
    event.texts == Texts::Plain
        && consists_of(event, |key, value| {
            let is_plain = match value {
                Value::String(text) => matches!(text, Cow::Borrowed(_)),
                Value::Null | Value::Bool(_) | Value::Number(_) => true,
                Value::Array(_) | Value::Object(_) => false,
            };
            is_plain && matches!(key, Cow::Borrowed(_))
        })
}

/// Whether all keys and values of an event are of this kind, but for the actor and its attributes.
fn consists_of(event: &Event<'_>, is_of_kind: impl Fn(&Cow<'_, str>, &Value<'_>) -> bool) -> bool {
    event.fields.as_slice().iter().all(|(key, value)| match (key.as_ref(), value) {
        ("Actor", Value::Object(actor)) => actor.as_slice().iter().all(|(key, value)| match (key.as_ref(), value) {
            ("Attributes", Value::Object(attributes)) => {
                attributes.as_slice().iter().all(|(key, value)| is_of_kind(key, value))
            }
            _ => is_of_kind(key, value),
        }),
        _ => is_of_kind(key, value),
    })
}

/// The most parents whose hashes are kept at a time: labels of ordinary containers have a few each.
const MOST_PARENTS: usize = 8_192;

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
        // So many parts are looked at otherwise.
        if parents.len() > MOST_PARENTS {
            return false;
        }
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
    value.write_beginning(&mut text, bounds::kept(SHOWN_LABEL));
    let mut text = Cow::Owned(text);
    bounds::cut(&mut text, SHOWN_LABEL);
    *value = Value::String(text);
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
    let signs = || Signs { before: None, rest: text.chars().peekable() };
    let Some(first) = signs().position(|(c, is_part)| is_hidden(c) && !is_part) else { return false };
    let mut visible = String::with_capacity(text.len() + 8);
    for (place, (c, is_part)) in signs().enumerate() {
        if place >= first && is_hidden(c) && !is_part {
            // Writing to a String cannot fail.
            let _ = write!(visible, "\\u{:04x}", u32::from(c));
        } else {
            visible.push(c);
        }
    }
    *text = visible.into();
    true
}

/// The characters of a text, each with whether it joins the one before it to the next, or says how that is drawn, as in
/// emoji and in the scripts of India and the Middle East.
struct Signs<'t> {
    before: Option<char>,
    rest: std::iter::Peekable<std::str::Chars<'t>>,
}

impl Iterator for Signs<'_> {
    type Item = (char, bool);

    fn next(&mut self) -> Option<Self::Item> {
        let c = self.rest.next()?;
        let before = self.before.replace(c);
        let next = self.rest.peek().copied();
        let is_part = before.zip(next.or(Some(' '))).is_some_and(|(before, next)| is_part_of_sign(before, c, next));
        Some((c, is_part))
    }
}

fn is_part_of_sign(before: char, c: char, next: char) -> bool {
    let is_picture = |c| matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    let is_joined = |c| matches!(c, '\u{600}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}');
    match c {
        '\u{200c}'..='\u{200d}' => {
            (is_picture(next) && (is_picture(before) || before == '\u{fe0f}')) || (is_joined(before) && is_joined(next))
        }
        // Signs that are digits or marks otherwise.
        '\u{fe0f}' if matches!(before, '0'..='9' | '#' | '*') => next == '\u{20e3}',
        '\u{fe0e}'..='\u{fe0f}' => {
            is_picture(before)
                || matches!(before, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}')
                || matches!(before, '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}')
        }
        _ => false,
    }
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
    /// The hash of that.
    hash: u64,
    is_engines: bool,
    is_empty: bool,
}

fn clean_labels(attributes: &mut Object<'_>, changes: &mut Changes) {
    let prefixes = Prefixes::new();
    let seen: Vec<Seen> = attributes
        .iter()
        .map(|(key, value)| {
            let folded = key.to_lowercase();
            let hash = prefixes.hash(&folded);
            Seen { folded, hash, is_engines: is_engine_attribute(key), is_empty: value.as_text() == Some("") }
        })
        .collect();
    let gives_way = who_gives_way(&seen, &prefixes);
    let mut names = Names::of(&seen, &gives_way);
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
            *key = names.instead_of(key).into();
            changes.renamed += 1;
        }
    }
}

/// Hashes of keys and of their parents, each in one pass over the key.
struct Prefixes {
    /// Nobody knows it before, so nobody can make keys whose hashes are the same.
    multiplier: u64,
}

impl Prefixes {
    /// A prime, so that two texts of n bytes have the same hash for at most n of its multipliers.
    const PRIME: u64 = (1 << 61) - 1;

    fn new() -> Self {
        let random = RandomState::new().build_hasher().finish();
        Self { multiplier: random % (Self::PRIME - 1) + 1 }
    }

    fn with(&self, hash: u64, byte: u8) -> u64 {
        let product = u128::from(hash) * u128::from(self.multiplier) + u128::from(byte) + 1;
        // By its halves, since a division would take longer; the prime is a power of two less one.
        let folded = (product & u128::from(Self::PRIME)) + (product >> 61);
        let folded = u64::try_from(folded).unwrap_or_default();
        if folded >= Self::PRIME { folded - Self::PRIME } else { folded }
    }

    fn hash(&self, key: &str) -> u64 {
        key.bytes().fold(0, |hash, byte| self.with(hash, byte))
    }

    /// `a` and `a.b` of `a.b.c`, each with its hash.
    fn parents<'k>(&self, key: &'k str) -> impl Iterator<Item = (&'k str, u64)> {
        let mut hash = 0;
        key.bytes().enumerate().filter_map(move |(at, byte)| {
            let before = hash;
            hash = self.with(hash, byte);
            Some((key.get(..at).filter(|_| byte == b'.')?, before))
        })
    }
}

/// Which attributes cannot keep their names.
fn who_gives_way(seen: &[Seen], prefixes: &Prefixes) -> Vec<bool> {
    let mut owners: HashMap<u64, usize> = HashMap::with_capacity(seen.len());
    // The engine's own first, so that no label comes before them.
    for of_engine in [true, false] {
        for (place, attribute) in seen.iter().enumerate().filter(|(_, attribute)| attribute.is_engines == of_engine) {
            owners.entry(attribute.hash).or_insert(place);
        }
    }
    let owner = |(key, hash): (&str, u64)| {
        let place = *owners.get(&hash)?;
        seen.get(place).filter(|owner| owner.folded == key).map(|owner| (place, owner))
    };
    let mut gives_way: Vec<bool> = seen
        .iter()
        .enumerate()
        .map(|(place, Seen { folded, hash, is_engines, .. })| {
            let is_second = owner((folded, *hash)).is_none_or(|(first, _)| first != place);
            // A parent that is the engine's keeps its place.
            let is_below =
                || prefixes.parents(folded).filter_map(owner).any(|(_, parent)| parent.is_engines && !parent.is_empty);
            !is_engines && (folded.is_empty() || is_second || is_below())
        })
        .collect();
    // A label that is the parent of another gives way to it.
    let mut is_parent = vec![false; seen.len()];
    for (attribute, _) in seen.iter().zip(&gives_way).filter(|(_, gives_way)| !**gives_way) {
        for (place, parent) in prefixes.parents(&attribute.folded).filter_map(owner) {
            if let Some(flag) = is_parent.get_mut(place) {
                *flag |= !parent.is_engines && !parent.is_empty;
            }
        }
    }
    for (gives_way, is_parent) in gives_way.iter_mut().zip(is_parent) {
        *gives_way |= is_parent;
    }
    gives_way
}

/// The names that are taken, for those that cannot keep theirs.
struct Names {
    /// All that have no dots: a new name has none either.
    taken: HashSet<String>,
    /// The number that the next one of a name gets.
    next: HashMap<String, u64>,
}

impl Names {
    fn of(seen: &[Seen], gives_way: &[bool]) -> Self {
        let mut taken = HashSet::new();
        if gives_way.contains(&true) {
            // Of the parents of a key only the first has no dots.
            let first = |attribute: &Seen| attribute.folded.split('.').next().unwrap_or_default().to_owned();
            taken.extend(seen.iter().map(first));
        }
        Self { taken, next: HashMap::new() }
    }

    fn instead_of(&mut self, key: &str) -> String {
        // Without dots it can neither be below another nor above it.
        let plain = format!("{RENAMED}{}", key.replace('.', ":"));
        let folded = plain.to_lowercase();
        let next = self.next.entry(folded.clone()).or_insert(1);
        // A number is tried once for each name, however many want it.
        loop {
            let number = *next;
            *next += 1;
            let is_first = number == 1;
            let taken = if is_first { folded.clone() } else { format!("{folded}:{number}") };
            if self.taken.insert(taken) {
                return if is_first { plain } else { format!("{plain}:{number}") };
            }
        }
    }
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
    fn what_joins_or_draws_a_sign_is_part_of_it_and_hides_nothing() {
        for text in [
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
            "\u{2764}\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "\u{646}\u{645}\u{6cc}\u{200c}\u{62e}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{1f308}",
        ] {
            let mut shown = text.into();
            assert!(!make_visible(&mut shown) && shown == text, "{text}");
        }
        for (text, shown) in [
            ("ad\u{200d}min", "ad\\u200dmin"),
            ("a\u{fe0f}b", "a\\ufe0fb"),
            ("\u{200d}x", "\\u200dx"),
            ("1\u{fe0f}\u{fe0f}", "1\\ufe0f\\ufe0f"),
            ("2\u{fe0e}", "2\\ufe0e"),
            ("\u{1f600}\u{200d}admin", "\u{1f600}\\u200dadmin"),
            ("\u{2500}\u{200d}a", "\u{2500}\\u200da"),
            ("\u{2800}\u{200c}\u{2800}", "\u{2800}\\u200c\u{2800}"),
            ("\u{1f600}\u{200b}x", "\u{1f600}\\u200bx"),
            ("\u{1f600}\u{202e}x", "\u{1f600}\\u202ex"),
        ] {
            let mut text = text.into();
            assert!(make_visible(&mut text) && text == shown, "{shown}");
        }
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
