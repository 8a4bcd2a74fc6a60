//! Lists of bounded length in an engine's answers.
//!
//! An answer may be 32 MiB long, and an entry of two bytes can take a hundred in memory. So a list has a bound that no
//! honest object comes near; what is longer makes the answer one that is too large, which is an alert of its own. Where
//! only some entries are used, the others are read and not kept.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::inspect::{PortBinding, Volume};
use crate::event::is_engine_attribute;

/// What an error says where a list is longer than its bound.
pub const TOO_MANY: &str = "a list has more entries than any real object";

/// So many ports are kept; what a range of all ports publishes is seen from these.
const MAX_PORTS: usize = 1024;

/// So much is kept of a command line, in bytes. A command that is as long as this may go on.
const MAX_WORDS: usize = 32 << 10;

/// So many volumes with options are kept.
const MAX_VOLUMES: usize = 8192;

/// So many addresses of one port are kept.
const MAX_BINDINGS: usize = 16;

/// A list of at most `MAX` entries; `null` is an empty one.
pub fn capped<'de, T: DeserializeOwned, D: Deserializer<'de>, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_any(List { max: MAX, beyond: Beyond::Refused, entries: PhantomData })
}

/// The last `MAX` entries of a list.
pub fn newest<'de, T: DeserializeOwned, D: Deserializer<'de>, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_any(List { max: MAX, beyond: Beyond::InTheirPlace, entries: PhantomData })
}

/// The words of a command line, the first [`MAX_WORDS`] bytes of them.
pub fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(Words)
}

/// The first `MAX` entries of a list.
pub fn first<'de, T: DeserializeOwned, D: Deserializer<'de>, const MAX: usize>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_any(List { max: MAX, beyond: Beyond::Ignored, entries: PhantomData })
}

/// A list of at most `MAX` entries, which an engine may leave out.
pub fn optional<'de, T: DeserializeOwned, D: Deserializer<'de>, const MAX: usize>(
    from: D,
) -> Result<Option<Vec<T>>, D::Error> {
    from.deserialize_option(OptionalList::<T> { max: MAX, entries: PhantomData })
}

/// Texts by their names, at most `MAX`.
pub fn map<'de, D: Deserializer<'de>, const MAX: usize>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    from.deserialize_any(Map { max: MAX, keeps: |_| true, of_values: PhantomData::<String> })
}

/// The labels that have the name of an attribute that engines set.
pub fn labels<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    from.deserialize_any(Map { max: usize::MAX, keeps: is_engine_attribute, of_values: PhantomData::<String> })
}

/// Where ports are published; the first [`MAX_PORTS`].
pub fn ports<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Option<Vec<PortBinding>>>, D::Error> {
    let all: BTreeMap<String, Bindings> =
        from.deserialize_any(Map { max: usize::MAX, keeps: |_| true, of_values: PhantomData })?;
    Ok(all.into_iter().map(|(port, Bindings(bindings))| (port, bindings)).collect())
}

/// The volumes that have options; a host may have tens of thousands that have none.
pub fn with_options<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Volume>, D::Error> {
    struct Volumes;
    impl<'de> Visitor<'de> for Volumes {
        type Value = Vec<Volume>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list or null")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut kept = Vec::new();
            while let Some(volume) = list.next_element::<Volume>()? {
                if volume.options.is_empty() {
                    continue;
                }
                if kept.len() == MAX_VOLUMES {
                    return Err(A::Error::custom(TOO_MANY));
                }
                kept.push(volume);
            }
            Ok(kept)
        }
    }
    from.deserialize_any(Volumes)
}

#[derive(Default)]
struct Bindings(Option<Vec<PortBinding>>);

impl<'de> serde::Deserialize<'de> for Bindings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        optional::<_, _, MAX_BINDINGS>(from).map(Self)
    }
}

/// What becomes of the entries beyond a bound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Refused,
    Ignored,
    /// They take the place of the first.
    InTheirPlace,
}

struct List<T> {
    max: usize,
    beyond: Beyond,
    entries: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut entries = std::collections::VecDeque::new();
        while entries.len() < self.max || self.beyond == Beyond::InTheirPlace {
            let Some(entry) = list.next_element()? else { return Ok(entries.into()) };
            if entries.len() == self.max {
                entries.pop_front();
            }
            entries.push_back(entry);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            if self.beyond == Beyond::Refused {
                return Err(A::Error::custom(TOO_MANY));
            }
        }
        Ok(entries.into())
    }
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of words or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut words, mut left): (Vec<String>, usize) = (Vec::new(), MAX_WORDS);
        while left > 0 {
            let Some(mut word) = list.next_element::<String>()? else { return Ok(words) };
            if word.len() >= left {
                word.truncate((0..=left).rev().find(|end| word.is_char_boundary(*end)).unwrap_or_default());
                word.shrink_to_fit();
                left = 0;
            } else {
                // Words stand apart by a blank, which makes empty ones count too.
                left -= word.len() + 1;
            }
            words.push(word);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(words)
    }
}

struct OptionalList<T> {
    max: usize,
    entries: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> Visitor<'de> for OptionalList<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(List { max: self.max, beyond: Beyond::Refused, entries: self.entries }).map(Some)
    }
}

struct Map<V> {
    max: usize,
    keeps: fn(&str) -> bool,
    of_values: PhantomData<V>,
}

impl<'de, V: DeserializeOwned + Default> Visitor<'de> for Map<V> {
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // What is published is bounded by being kept only so far; what else has no bound is what is kept of it.
        let max = if self.max == usize::MAX { MAX_PORTS } else { self.max };
        let mut kept = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if !(self.keeps)(&key) || (kept.len() >= max && self.max == usize::MAX) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if kept.len() >= max {
                return Err(A::Error::custom(TOO_MANY));
            }
            kept.insert(key, map.next_value::<Option<V>>()?.unwrap_or_default());
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Answer {
        #[serde(deserialize_with = "capped::<_, _, 3>")]
        list: Vec<u8>,
        #[serde(deserialize_with = "newest::<_, _, 3>")]
        last: Vec<u8>,
        #[serde(deserialize_with = "first::<_, _, 3>")]
        first: Vec<u8>,
        #[serde(deserialize_with = "optional::<_, _, 3>")]
        paths: Option<Vec<u8>>,
        #[serde(deserialize_with = "map::<_, 2>")]
        options: BTreeMap<String, String>,
        #[serde(deserialize_with = "labels")]
        labels: BTreeMap<String, String>,
        #[serde(deserialize_with = "ports")]
        ports: BTreeMap<String, Option<Vec<PortBinding>>>,
    }

    #[test]
    fn lists_within_their_bounds_are_read_and_longer_ones_refused() {
        let answer: Answer = serde_json::from_str(
            r#"{"list":[1,2,3],"last":[1,2,3,4,5],"first":[1,2,3,4,5],"paths":[],"options":{"a":"1","b":null},
                "labels":{"exitCode":"0","team":"blue","x":null},"ports":{"80/tcp":[{"HostPort":"1"}],"81/tcp":null}}"#,
        )
        .unwrap();
        assert_eq!((&answer.list[..], &answer.last[..]), (&[1, 2, 3][..], &[3, 4, 5][..]));
        assert_eq!(answer.first, [1, 2, 3]);
        assert_eq!((answer.paths, answer.options["b"].as_str()), (Some(vec![]), ""));
        assert_eq!(answer.labels.keys().collect::<Vec<_>>(), ["exitCode"]);
        assert_eq!((answer.ports["80/tcp"].as_ref().map(Vec::len), &answer.ports["81/tcp"]), (Some(1), &None));
        for empty in ["{}", r#"{"list":null,"last":null,"paths":null,"options":null,"labels":null,"ports":null}"#] {
            assert_eq!(serde_json::from_str::<Answer>(empty).unwrap(), Answer::default());
        }
        for many in [r#"{"list":[1,2,3,4]}"#, r#"{"paths":[1,2,3,4]}"#, r#"{"options":{"a":"","b":"","c":""}}"#] {
            let error = serde_json::from_str::<Answer>(many).unwrap_err().to_string();
            assert!(error.contains(TOO_MANY), "{error}");
        }
    }

    #[test]
    fn a_range_of_all_ports_keeps_the_first_ones() {
        let ports: Vec<String> =
            (1..=65_535).map(|port| format!(r#""{port}/tcp":[{{"HostPort":"{port}"}}]"#)).collect();
        let answer: Answer = serde_json::from_str(&format!(r#"{{"ports":{{{}}}}}"#, ports.join(","))).unwrap();
        assert_eq!(answer.ports.len(), MAX_PORTS);
    }
}
