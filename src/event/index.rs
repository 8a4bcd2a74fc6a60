//! Where in an event its known parts stand, so that nobody has to search for them twice.
//!
//! An event is asked for the same few fields and attributes by everyone that judges it.

use super::json::{Object, Value};

/// A place that holds nothing.
const NOWHERE: u32 = u32::MAX;

/// Fields of an event that every engine writes, in the order in which messages have them.
pub const FIELDS: [&str; 9] = ["status", "id", "from", "Type", "Action", "Actor", "scope", "time", "timeNano"];

/// One of [`FIELDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `status`: what happened, in engines before API 1.52.
    Status,
    /// `id`: to whom, in engines before API 1.52.
    Id,
    /// `from`: of which image, in engines before API 1.52.
    From,
    /// `Type`
    Type,
    /// `Action`
    Action,
    /// `Actor`
    Actor,
    /// `scope`
    Scope,
    /// `time`
    Time,
    /// `timeNano`
    TimeNano,
}

impl Field {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        FIELDS.get(self as usize).copied().unwrap_or_default()
    }

    /// The one of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "status" => Self::Status,
            "id" => Self::Id,
            "from" => Self::From,
            "Type" => Self::Type,
            "Action" => Self::Action,
            "Actor" => Self::Actor,
            "scope" => Self::Scope,
            "time" => Self::Time,
            "timeNano" => Self::TimeNano,
            _ => return None,
        })
    }
}

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

const OWN: usize = ENGINE_ATTRIBUTES.len();

/// No attribute of engines is longer, in bytes.
const LONGEST: usize = 17;

/// No more of them are of the same length.
const OF_ONE_LENGTH: usize = 6;

/// What tells an attribute of engines from others of its length without a comparison.
#[derive(Clone, Copy)]
struct Mark {
    rank: u8,
    /// Its first and its last byte.
    ends: (u8, u8),
}

/// Marks nothing: no key ends like this.
const NONE: Mark = Mark { rank: u8::MAX, ends: (0, 0) };

/// Those of each length: most labels are longer than all.
#[allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "done by the compiler, which would refuse"
)]
const BY_LENGTH: [[Mark; OF_ONE_LENGTH]; LONGEST + 1] = {
    let mut table = [[NONE; OF_ONE_LENGTH]; LONGEST + 1];
    let mut rank = 0;
    while rank < OWN {
        let bytes = ENGINE_ATTRIBUTES[rank].as_bytes();
        let mut slot = 0;
        while table[bytes.len()][slot].rank != NONE.rank {
            slot += 1;
        }
        table[bytes.len()][slot] = Mark { rank: rank as u8, ends: (bytes[0], bytes[bytes.len() - 1]) };
        rank += 1;
    }
    table
};

/// The attribute's place among [`ENGINE_ATTRIBUTES`]; none for a label.
#[must_use]
pub fn rank(key: &str) -> Option<usize> {
    let marks = BY_LENGTH.get(key.len())?;
    let ends = (*key.as_bytes().first()?, *key.as_bytes().last()?);
    let mut alike = marks.iter().filter(|mark| mark.ends == ends).map(|mark| usize::from(mark.rank));
    alike.find(|rank| ENGINE_ATTRIBUTES.get(*rank) == Some(&key))
}

/// The places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    fields: [u32; FIELDS.len()],
    actor_id: u32,
    attributes: u32,
    own: [u32; OWN],
    /// How many attributes are the engine's.
    own_count: usize,
    /// Which of the first attributes those are, as bits.
    first: u64,
    /// Whether the attributes stand in the order of their names, as Docker writes them.
    is_sorted: bool,
}

impl Index {
    /// Of this event.
    #[must_use]
    pub fn of(event: &Object<'_>) -> Self {
        let mut index = Self {
            fields: [NOWHERE; FIELDS.len()],
            actor_id: NOWHERE,
            attributes: NOWHERE,
            own: [NOWHERE; OWN],
            own_count: 0,
            first: 0,
            is_sorted: true,
        };
        for (place, (key, value)) in (0_u32..).zip(event.iter()) {
            let Some(field) = Field::of(key) else { continue };
            if let Some(at) = index.fields.get_mut(field as usize) {
                *at = place;
            }
            if let (Field::Actor, Value::Object(actor)) = (field, value) {
                index.of_actor(actor);
            }
        }
        index
    }

    fn of_actor(&mut self, actor: &Object<'_>) {
        for (place, (key, value)) in (0_u32..).zip(actor.iter()) {
            match (key, value) {
                ("ID", _) => self.actor_id = place,
                ("Attributes", value) => {
                    self.attributes = place;
                    if let Value::Object(attributes) = value {
                        self.of_attributes(attributes);
                    }
                }
                _ => {}
            }
        }
    }

    fn of_attributes(&mut self, attributes: &Object<'_>) {
        let mut before = "";
        for (place, (key, _)) in (0_u32..).zip(attributes.iter()) {
            self.is_sorted &= before <= key;
            before = key;
            if let Some(at) = rank(key).and_then(|rank| self.own.get_mut(rank)) {
                *at = place;
                self.own_count += 1;
                self.first |= 1_u64.checked_shl(place).unwrap_or_default();
            }
        }
    }

    /// Where a field of the event stands.
    #[must_use]
    pub fn field(&self, field: Field) -> Option<usize> {
        self.fields.get(field as usize).copied().and_then(somewhere)
    }

    /// Where in the actor its id stands.
    #[must_use]
    pub fn actor_id(&self) -> Option<usize> {
        somewhere(self.actor_id)
    }

    /// Where in the actor its attributes stand.
    #[must_use]
    pub fn attributes(&self) -> Option<usize> {
        somewhere(self.attributes)
    }

    /// Where the attribute of this rank stands.
    #[must_use]
    pub fn own(&self, rank: usize) -> Option<usize> {
        self.own.get(rank).copied().and_then(somewhere)
    }

    /// Where the engine's own attributes stand, in [`ENGINE_ATTRIBUTES`]'s order.
    pub fn all_own(&self) -> impl Iterator<Item = usize> + '_ {
        self.own.iter().copied().filter_map(somewhere).take(self.own_count)
    }

    /// Whether the attribute at this place, which has this key, is the engine's.
    #[must_use]
    pub fn is_own(&self, place: usize, key: &str) -> bool {
        if place < 64 { self.first & (1 << place) != 0 } else { rank(key).is_some() }
    }

    /// How many attributes are the engine's.
    #[must_use]
    pub fn own_count(&self) -> usize {
        self.own_count
    }

    /// Whether the attributes stand in the order of their names.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        self.is_sorted
    }
}

fn somewhere(place: u32) -> Option<usize> {
    (place != NOWHERE).then_some(place as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json::parse_object;

    #[test]
    fn finds_by_the_place_what_a_search_finds() {
        for (rank_of, key) in ENGINE_ATTRIBUTES.iter().enumerate() {
            assert_eq!(rank(key), Some(rank_of));
            assert_eq!(rank(&key.to_uppercase()), None, "another name");
        }
        assert_eq!(
            (rank(""), rank("nam"), rank("com.example.label"), rank("io.kubernetes.pod.name")),
            (None, None, None, None)
        );
        for (number, name) in FIELDS.iter().enumerate() {
            assert_eq!(Field::of(name).map(|field| field as usize), Some(number));
        }
        let many = (0..70_000).map(|n| format!("\"l{n:05}\":\"\",")).collect::<Vec<String>>().concat();
        let line = format!(r#"{{"x":1,"Actor":{{"Attributes":{{{many}"name":"n"}},"ID":"i"}},"Type":"t"}}"#);
        let (event, left_out) = parse_object(line.as_bytes()).unwrap();
        let index = Index::of(&event);
        assert_eq!(
            (index.field(Field::Actor), index.field(Field::Type), index.field(Field::Id)),
            (Some(1), Some(2), None)
        );
        assert_eq!(
            (index.attributes(), index.actor_id(), index.own(0), index.own(1)),
            (Some(0), Some(1), Some(1024), None)
        );
        assert_eq!(
            (index.all_own().collect::<Vec<_>>(), index.own_count(), index.is_sorted()),
            (vec![1024], 1, true),
            "kept behind all labels"
        );
        assert_eq!(left_out.labels, 70_000 - 1024);
    }
}
