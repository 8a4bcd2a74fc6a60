//! How much of an event is kept, decided while it is read: whatever comes after works on bounded data.
//!
//! Nobody but an engine writes lines, but anyone who can set a label or run a command decides what is in them. So the
//! number of fields, the length of keys and the memory of a parsed line have limits; what exceeds them is skipped and
//! counted in [`LeftOut`], which the message reports. Fields that rules depend on are kept wherever they stand.

use std::borrow::Cow;
use std::cell::Cell;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::index::{self, Field};
use super::workload;

/// The most fields of one object. A message has room for 200.
pub const MAX_FIELDS: usize = 1_024;

/// The most elements of an array. No engine writes any.
pub const MAX_ELEMENTS: usize = 64;

/// The longest key, in bytes; a longer one is shortened, see [`shortened`].
pub const MAX_KEY_LEN: usize = 256;

/// What the fields and elements of one line may take in memory, in bytes, without their texts: these are never longer
/// than the line.
pub const MAX_MEMORY: usize = 1 << 20;

/// What is nested deeper in a line that must be repaired becomes a text.
pub const MAX_DEPTH: usize = 32;

/// The longest `Action` and `status` that rules show, in bytes. With a name beside it and a rule's own words it is
/// within the 1,024 bytes of a description.
pub const SHOWN_ACTION: usize = 640;

/// The longest of all other texts, in bytes.
pub const SHOWN: usize = 256;

/// The longest label, in bytes; a rule that shows a label shows nothing beside it.
pub const SHOWN_LABEL: usize = 900;

/// The most of a long action that stands beside the event, in bytes.
pub const WHOLE_ACTION: usize = 16_384;

/// What is kept of a long text beyond what is shown of it, in bytes, until its secrets are taken out: longer than the
/// tokens that are known by their shape, so that one that begins in what is shown is recognized.
pub const MARGIN: usize = 1_024;

/// The most labels that are looked at once they are counted and measured; the smallest ones, as in messages.
pub const MAX_LABELS: usize = 200;

/// What was left out of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Labels.
    pub labels: u64,
    /// Other fields, and elements of arrays.
    pub fields: u64,
    /// Ends of texts that are no longer as long as what is shown of them.
    pub texts: u64,
    /// What the labels take in the event, in bytes, as far as it is known.
    pub bytes: u64,
    /// Keys that were shortened; nothing else is missing for them.
    pub shortened: u64,
}

impl LeftOut {
    /// Whether something is missing.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.labels + self.fields + self.texts > 0
    }
}

/// The object whose fields are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The event itself.
    Event,
    /// Its `Actor`.
    Actor,
    /// The `Attributes` of its actor.
    Attributes,
    /// Any other.
    Elsewhere,
}

impl Place {
    /// Where the value of a field of this object stands.
    #[must_use]
    #[inline]
    pub fn of_value(self, key: &str) -> Self {
        match self {
            Self::Event if key == "Actor" => Self::Actor,
            Self::Actor if key == "Attributes" => Self::Attributes,
            _ => Self::Elsewhere,
        }
    }

    /// Whether a field of this object is kept whatever is beside it.
    #[must_use]
    pub fn needs(self, key: &str) -> bool {
        match self {
            Self::Event => Field::of(key).is_some(),
            Self::Actor => matches!(key, "ID" | "Attributes"),
            Self::Attributes => index::rank(key).is_some() || workload::is_label(key),
            Self::Elsewhere => false,
        }
    }
}

/// What may still be kept of the line that is being read.
#[derive(Debug)]
pub struct Budget {
    room: Cell<usize>,
    left_out: Cell<LeftOut>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { room: Cell::new(MAX_MEMORY), left_out: Cell::default() }
    }
}

impl Budget {
    /// Takes so many bytes; whether they were there.
    #[inline]
    pub fn take(&self, bytes: usize) -> bool {
        let room = self.room.get();
        self.room.set(room.saturating_sub(bytes));
        bytes <= room
    }

    /// What was left out so far.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        self.left_out.get()
    }

    /// A field of the object at this place was left out.
    pub fn leave_out(&self, place: Place) {
        let left_out = self.left_out.get();
        self.left_out.set(if place == Place::Attributes {
            LeftOut { labels: left_out.labels + 1, ..left_out }
        } else {
            LeftOut { fields: left_out.fields + 1, ..left_out }
        });
    }

    /// The key, shortened where it must be.
    #[inline]
    pub fn key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if key.len() <= MAX_KEY_LEN {
            return Cow::Borrowed(key);
        }
        let left_out = self.left_out.get();
        self.left_out.set(LeftOut { shortened: left_out.shortened + 1, ..left_out });
        Cow::Owned(shortened(key))
    }
}

/// A key of at most [`MAX_KEY_LEN`] bytes for a longer one: its beginning, `~`, and a hash of all of it, so that keys
/// that differ stay different.
#[must_use]
pub fn shortened(key: &str) -> String {
    const HASH: usize = 17;
    // Not keyed: the same key must have the same name in all messages.
    let mut hasher = SipHasher13::new();
    hasher.write(key.as_bytes());
    format!("{}~{:016x}", beginning(key, MAX_KEY_LEN - HASH), hasher.finish())
}

/// The first characters of a text that are within so many bytes.
#[must_use]
#[inline]
pub fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes { text } else { text.get(..boundary(text, bytes)).unwrap_or_default() }
}

/// The last place within so many bytes at which a character of a text begins or ends.
#[must_use]
pub fn boundary(text: &str, bytes: usize) -> usize {
    (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default()
}

/// How much of a field of the event itself is shown.
#[must_use]
pub fn shown(key: &str) -> usize {
    if matches!(key, "status" | "Action") { SHOWN_ACTION } else { SHOWN }
}

/// How much of an attribute is shown.
#[must_use]
pub fn shown_attribute(key: &str) -> usize {
    if index::rank(key).is_some() { SHOWN } else { SHOWN_LABEL }
}

/// What is kept of a text of which so many bytes are shown.
#[must_use]
pub fn kept(shown: usize) -> usize {
    shown + MARGIN
}

/// Whether a text of this length may have been cut to what is kept of it.
#[must_use]
pub fn may_be_cut(length: usize, shown: usize) -> bool {
    // A character has up to four bytes.
    length + 3 >= kept(shown)
}

/// Cuts a text to what is kept of it.
#[inline]
pub fn cut(text: &mut Cow<'_, str>, shown: usize) {
    if text.len() > kept(shown) {
        let end = boundary(text, kept(shown));
        match text {
            Cow::Borrowed(text) => *text = text.get(..end).unwrap_or_default(),
            Cow::Owned(text) => {
                text.truncate(end);
                text.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_differ_stay_different() {
        let (one, other) = ("k".repeat(80_000) + "1", "k".repeat(80_000) + "2");
        assert_ne!(shortened(&one), shortened(&other));
        assert_eq!(shortened(&one).len(), MAX_KEY_LEN);
        assert_eq!(shortened(&one), shortened(&one), "whenever it comes");
        let wide = "\u{1F600}".repeat(100);
        assert!(shortened(&wide).len() <= MAX_KEY_LEN && shortened(&wide).starts_with('\u{1F600}'));
    }

    #[test]
    fn a_text_is_cut_at_a_character() {
        for shown in [10, 11, 12, 13] {
            let mut text = Cow::Owned("é\u{1F600}".repeat(1000));
            cut(&mut text, shown);
            assert!(text.len() <= kept(shown) && may_be_cut(text.len(), shown));
            let mut short = Cow::Borrowed("short");
            cut(&mut short, shown);
            assert_eq!(short, "short");
        }
    }
}
