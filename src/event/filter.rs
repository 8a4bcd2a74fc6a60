//! Which events are wanted, in the words of `docker events --filter`.
//!
//! The meaning is the engine's own (moby's `daemon/events/filter.go`): several values of one key are alternatives,
//! different keys must all match, and `label` is the one exception, whose values must all be there. Names and ids match
//! by their beginning. `event` matches to the letter, except that once one of its values is `health_status`,
//! `exec_create` or `exec_start`, all of them match by their beginning, because those actions carry a tail.
//!
//! The listener applies the filter itself to every line, whatever the engine was asked for: engines differ in what they
//! can filter and how (Podman's `label` is an alternative, its `container` wants whole names).

use std::collections::BTreeMap;
use std::fmt;

use super::Event;

/// A filter's key, as Docker names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `config=<name or id>`
    Config,
    /// `container=<name or id>`
    Container,
    /// `daemon=<name or id>`
    Daemon,
    /// `event=<action>`
    Event,
    /// `image=<name or id>`
    Image,
    /// `label=<key>` or `label=<key>=<value>`
    Label,
    /// `network=<name or id>`
    Network,
    /// `node=<name or id>`
    Node,
    /// `plugin=<name or id>`
    Plugin,
    /// `scope=local` or `scope=swarm`
    Scope,
    /// `secret=<name or id>`
    Secret,
    /// `service=<name or id>`
    Service,
    /// `type=<type>`
    Type,
    /// `volume=<name>`
    Volume,
}

impl Key {
    const ALL: [(Self, &'static str); 14] = [
        (Self::Config, "config"),
        (Self::Container, "container"),
        (Self::Daemon, "daemon"),
        (Self::Event, "event"),
        (Self::Image, "image"),
        (Self::Label, "label"),
        (Self::Network, "network"),
        (Self::Node, "node"),
        (Self::Plugin, "plugin"),
        (Self::Scope, "scope"),
        (Self::Secret, "secret"),
        (Self::Service, "service"),
        (Self::Type, "type"),
        (Self::Volume, "volume"),
    ];

    /// The key as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(key, _)| *key == self).map_or("", |(_, name)| name)
    }
}

/// Why a filter was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// There is no `=` in it, or nothing behind it.
    #[error("filter '{0}' is not key=value; write for example type=container or label=tier=web")]
    Shape(String),
    /// No such key.
    #[error("filter '{given}' has an unknown key; {}the keys are {}", nearest_hint(.given), key_names())]
    UnknownKey {
        /// The filter as it was given.
        given: String,
    },
}

fn key_names() -> String {
    Key::ALL.map(|(_, name)| name).join(", ")
}

fn nearest_hint(given: &str) -> String {
    let key = given.split('=').next().unwrap_or_default();
    crate::config::nearest(key, Key::ALL.iter().map(|(_, name)| *name))
        .map(|name| format!("did you mean '{name}'? "))
        .unwrap_or_default()
}

/// A set of conditions; the empty one matches every event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    conditions: BTreeMap<Key, Vec<String>>,
}

impl Filter {
    /// Reads conditions of the form `key=value`.
    ///
    /// # Errors
    /// At the first condition that is not of that form or has an unknown key.
    pub fn parse<S: AsRef<str>>(conditions: &[S]) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        for condition in conditions {
            filter.add(condition.as_ref())?;
        }
        Ok(filter)
    }

    /// Adds one condition of the form `key=value`.
    ///
    /// # Errors
    /// Where it is not of that form or the key is unknown.
    pub fn add(&mut self, condition: &str) -> Result<(), FilterError> {
        let (name, value) = condition
            .split_once('=')
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .ok_or_else(|| FilterError::Shape(condition.to_owned()))?;
        let (key, _) = Key::ALL
            .into_iter()
            .find(|(_, known)| *known == name.trim().to_ascii_lowercase())
            .ok_or_else(|| FilterError::UnknownKey { given: condition.to_owned() })?;
        let values = self.conditions.entry(key).or_default();
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
        Ok(())
    }

    /// Adds all conditions of another filter.
    pub fn extend(&mut self, other: &Self) {
        for (key, values) in &other.conditions {
            let own = self.conditions.entry(*key).or_default();
            own.extend(values.iter().filter(|value| !own.contains(value)).cloned().collect::<Vec<_>>());
        }
    }

    /// Whether there is no condition at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether the event meets the conditions.
    #[must_use]
    pub fn matches(&self, event: &Event<'_>) -> bool {
        self.conditions.iter().all(|(key, wanted)| match key {
            Key::Event => matches_action(wanted, event.action()),
            Key::Type => exactly(wanted, event.kind()),
            Key::Scope => exactly(wanted, event.scope()),
            Key::Label => matches_labels(wanted, event),
            Key::Image => matches_image(wanted, event),
            _ => by_beginning(wanted, event.actor_id()) || by_beginning(wanted, event.attribute("name")),
        })
    }

    /// The conditions as the engine takes them in the query's `filters`: a JSON object of lists.
    #[must_use]
    pub fn to_query(&self) -> String {
        let lists: BTreeMap<&str, &Vec<String>> =
            self.conditions.iter().map(|(key, values)| (key.name(), values)).collect();
        serde_json::to_string(&lists).unwrap_or_default()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<String> = self
            .conditions
            .iter()
            .flat_map(|(key, values)| values.iter().map(|value| format!("{}={value}", key.name())))
            .collect();
        f.write_str(&conditions.join(" "))
    }
}

fn exactly(wanted: &[String], value: &str) -> bool {
    wanted.iter().any(|w| w == value)
}

fn by_beginning(wanted: &[String], value: &str) -> bool {
    wanted.iter().any(|w| value.starts_with(w.as_str()))
}

fn matches_action(wanted: &[String], action: &str) -> bool {
    const WITH_A_TAIL: [&str; 3] = ["health_status", "exec_create", "exec_start"];
    if wanted.iter().any(|w| WITH_A_TAIL.contains(&w.as_str())) {
        by_beginning(wanted, action)
    } else {
        exactly(wanted, action)
    }
}

fn matches_labels(wanted: &[String], event: &Event<'_>) -> bool {
    wanted.iter().all(|label| {
        let (key, value) = label.split_once('=').map_or((label.as_str(), None), |(key, value)| (key, Some(value)));
        let found = event.attributes().and_then(|attributes| attributes.text(key));
        found.is_some_and(|found| value.is_none_or(|value| value == found))
    })
}

fn matches_image(wanted: &[String], event: &Event<'_>) -> bool {
    let name = event.attribute(if event.kind() == "image" { "name" } else { "image" });
    [event.actor_id(), name, without_tag(event.actor_id()), without_tag(name)]
        .iter()
        .any(|image| exactly(wanted, image))
}

/// The familiar name of an image reference without tag and digest, as moby's `stripTag` makes it.
fn without_tag(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or_default();
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    let name = match name.get(path..).and_then(|last| last.find(':')) {
        Some(colon) => name.get(..path + colon).unwrap_or(name),
        None => name,
    };
    let name = name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("index.docker.io/")).unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: &str = r#"{"Type":"container","Action":"exec_start: sh -c id","Actor":{"ID":"f367aa","Attributes":
        {"image":"127.0.0.1:5000/wire/bb:1","name":"web1","tier":"front","team":""}},"scope":"local"}"#;
    const TAG: &str = r#"{"Type":"image","Action":"tag","Actor":{"ID":"sha256:ea12","Attributes":{"name":"bb:1"}}}"#;

    fn matches(conditions: &[&str], line: &str) -> bool {
        Filter::parse(conditions).unwrap().matches(&Event::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn has_dockers_meaning() {
        for (conditions, exec, tag) in [
            (&[][..], true, true),
            (&["type=container"], true, false),
            (&["type=container", "type=image"], true, true),
            (&["type=container", "event=tag"], false, false),
            (&["event=exec_start"], true, false),
            (&["event=exec_start: sh -c id"], true, false),
            (&["event=exec"], false, false),
            // One value with a tail switches all to matching by their beginning.
            (&["event=exec_create", "event=ta"], false, true),
            (&["event=ta"], false, false),
            (&["container=web1"], true, false),
            (&["container=we"], true, false),
            (&["container=f36"], true, false),
            (&["container=eb1"], false, false),
            (&["label=tier"], true, false),
            (&["label=tier=front"], true, false),
            (&["label=tier=back"], false, false),
            (&["label=team="], true, false),
            (&["label=tier", "label=team"], true, false),
            (&["label=tier", "label=none"], false, false),
            (&["image=127.0.0.1:5000/wire/bb:1"], true, false),
            (&["image=127.0.0.1:5000/wire/bb"], true, false),
            (&["image=bb"], false, true),
            (&["image=sha256:ea12"], false, true),
            (&["image=sha256"], false, true),
            (&["scope=local"], true, false),
            (&["scope=swarm"], false, false),
            (&["volume=web"], true, false),
            (&["TYPE=container"], true, false),
        ] {
            assert_eq!(matches(conditions, EXEC), exec, "{conditions:?} on exec");
            assert_eq!(matches(conditions, TAG), tag, "{conditions:?} on tag");
        }
    }

    #[test]
    fn refuses_with_the_key_and_the_cure() {
        let error = |condition: &str| Filter::parse(&[condition]).unwrap_err().to_string();
        assert_eq!(
            error("tpye=container"),
            "filter 'tpye=container' has an unknown key; did you mean 'type'? the keys are config, container, daemon, \
             event, image, label, network, node, plugin, scope, secret, service, type, volume"
        );
        assert!(error("type").contains("is not key=value"));
        assert!(error("type=").contains("is not key=value"));
        assert!(error("=container").contains("is not key=value"));
    }

    #[test]
    fn asks_the_engine_in_its_own_form() {
        let filter = Filter::parse(&["type=image", "event=pull", "event=push", "event=pull"]).unwrap();
        assert_eq!(filter.to_query(), r#"{"event":["pull","push"],"type":["image"]}"#);
        assert_eq!(filter.to_string(), "event=pull event=push type=image");
    }

    #[test]
    fn names_images_as_docker_does() {
        for (reference, name) in [
            ("docker.io/library/redis:7", "redis"),
            ("redis", "redis"),
            ("docker.io/acme/app@sha256:00", "acme/app"),
            ("host:5000/a/b", "host:5000/a/b"),
            ("host:5000/a/b:c@sha256:0", "host:5000/a/b"),
            ("", ""),
        ] {
            assert_eq!(without_tag(reference), name);
        }
    }
}
