//! Labels that pose as facts.
//!
//! Docker mixes a container's labels into the attributes of its events and sets only `name` and `image` after them. A
//! label `exitCode=0` makes a container that died with 137 look like one that ended well; the same goes for everything
//! in [`POSABLE`]. The event itself does not tell, but another event of the same container does: where the engine sets
//! no `exitCode`, the one that is there must be a label.

use super::Event;
use crate::bounded::Nameless;

/// Attributes that Docker sets on some events of containers, and that a label of the same name overwrites.
pub const POSABLE: [&str; 10] =
    ["exitCode", "signal", "execID", "execDuration", "oldName", "comment", "imageID", "imageRef", "height", "width"];

/// So many containers are remembered; the oldest is forgotten first, and asked about again.
const MOST_CONTAINERS: usize = 16_384;

/// Some of [`POSABLE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields(u16);

impl Fields {
    /// Those for which this holds.
    #[must_use]
    pub fn of(mut holds: impl FnMut(&str) -> bool) -> Self {
        Self(POSABLE.iter().enumerate().filter(|(_, key)| holds(key)).map(|(bit, _)| 1 << bit).sum())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, key: &str) -> bool {
        self.names().any(|name| name == key)
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        POSABLE.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, key)| *key)
    }

    fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What Docker itself sets on an event of a container (moby's `daemon/` at each `LogContainerEventWithAttributes`).
fn set_by_engine(action: &str) -> &'static [&'static str] {
    match action.split(':').next().unwrap_or_default() {
        "die" => &["exitCode", "execDuration"],
        "kill" => &["signal"],
        "exec_create" | "exec_start" | "exec_detach" => &["execID"],
        "exec_die" => &["execID", "exitCode"],
        "rename" => &["oldName"],
        "commit" => &["comment", "imageID", "imageRef"],
        "resize" => &["height", "width"],
        _ => &[],
    }
}

/// What is known of an event's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// Nothing in it could be a label, or nothing is.
    True,
    /// These are labels.
    Forged(Fields),
    /// Something in it could be a label, and nothing is known of this container's labels.
    Unknown,
}

/// Remembers which containers carry labels that pose as facts.
#[derive(Debug)]
pub struct Posers(Nameless<Fields>);

impl Default for Posers {
    fn default() -> Self {
        Self(Nameless::new(MOST_CONTAINERS))
    }
}

impl Posers {
    /// Looks at an event of an engine that mixes labels as Docker does, and says what is known of its facts.
    pub fn judge(&mut self, event: &Event<'_>) -> Facts {
        let id = event.actor_id();
        if event.kind() != "container" || id.is_empty() {
            return Facts::True;
        }
        if event.attributes().is_none() {
            return Facts::True;
        }
        let present = Fields::of(|key| event.has_own(key));
        let by_engine = set_by_engine(event.action());
        let of_engine = Fields::of(|key| by_engine.contains(&key));
        let labels = present.without(of_engine);
        let mut known = self.0.get(id).copied();
        // What could hide behind the engine's own is still open, unless it sets nothing here.
        if (of_engine.is_empty() || (known.is_some() && !labels.is_empty()))
            && known.is_none_or(|known| known != known.and(labels))
        {
            known = Some(known.unwrap_or_default().and(labels));
            self.learn(id, known.unwrap_or_default());
        }
        let facts = match known {
            Some(known) if known.both(present).is_empty() => Facts::True,
            Some(known) => Facts::Forged(known.both(present)),
            None if present.both(of_engine).is_empty() => Facts::True,
            None => Facts::Unknown,
        };
        if event.action() == "destroy" {
            self.0.forget(id);
        }
        facts
    }

    /// Learns which of a container's labels pose as facts, from who knows them all.
    pub fn learn(&mut self, container: &str, fields: Fields) {
        self.0.keep(container, fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(posers: &mut Posers, action: &str, attributes: &str) -> Facts {
        let line = format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"c1","Attributes":{{"image":"i","name":"n"{attributes}}}}}}}"#
        );
        posers.judge(&Event::parse(line.as_bytes()).unwrap())
    }

    fn forged(names: &[&str]) -> Facts {
        Facts::Forged(Fields::of(|key| names.contains(&key)))
    }

    #[test]
    fn a_label_is_told_from_a_fact_once_an_event_has_shown_it() {
        let mut posers = Posers::default();
        let labels = r#","exitCode":"0","signal":"15""#;
        assert_eq!(judge(&mut posers, "create", labels), forged(&["exitCode", "signal"]));
        assert_eq!(judge(&mut posers, "kill", labels), forged(&["exitCode", "signal"]));
        assert_eq!(judge(&mut posers, "die", labels), forged(&["exitCode", "signal"]));
        assert_eq!(judge(&mut posers, "destroy", labels), forged(&["exitCode", "signal"]));
        assert_eq!(
            judge(&mut posers, "die", r#","exitCode":"0""#),
            Facts::Unknown,
            "another container may have its id"
        );
    }

    #[test]
    fn the_facts_of_an_honest_container_are_true() {
        let mut posers = Posers::default();
        for (action, attributes) in [
            ("create", ""),
            ("start", r#","team":"blue""#),
            ("exec_start: sh -c true", r#","execID":"e1""#),
            ("exec_die", r#","execID":"e1","exitCode":"1""#),
            ("kill", r#","signal":"9""#),
            ("die", r#","exitCode":"137","execDuration":"7""#),
            ("rename", r#","oldName":"/x""#),
            ("resize", r#","height":"1","width":"2""#),
            ("commit", r#","comment":"","imageID":"i","imageRef":"r""#),
        ] {
            assert_eq!(judge(&mut posers, action, attributes), Facts::True, "{action}");
        }
    }

    #[test]
    fn what_was_never_seen_before_is_unknown_until_somebody_tells() {
        let mut posers = Posers::default();
        assert_eq!(judge(&mut posers, "die", r#","exitCode":"0""#), Facts::Unknown);
        // A label that shows beside a fact does not tell whether there are more.
        assert_eq!(judge(&mut posers, "die", r#","exitCode":"0","signal":"9""#), Facts::Unknown);
        posers.learn("c1", Fields::of(|key| key == "signal"));
        assert_eq!(judge(&mut posers, "kill", r#","signal":"9""#), forged(&["signal"]));
        assert_eq!(judge(&mut posers, "die", r#","exitCode":"0","signal":"9""#), forged(&["signal"]));
        assert_eq!(judge(&mut posers, "die", r#","exitCode":"0""#), Facts::True);
    }
}
