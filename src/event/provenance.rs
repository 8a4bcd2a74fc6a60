//! How images came to be on this host, by their ids: names can be given, moved and removed, an id cannot.
//!
//! What an event says of an image is kept for as long as there is space, also after the image or its names were removed:
//! the same content that is loaded again from a file has the same id. It holds what happened and no verdict, since the
//! lists of trusted registries can change. What is forgotten can only make less of an image known, never more.

use std::collections::HashMap;

use super::Event;
use super::image::{Image, Reference, split_port};
use super::tags;
use crate::bounded::Bounded;
use crate::docker::availability::Identity;
use crate::docker::inspect;

/// So many images are remembered; the one learnt first is forgotten first.
const MAX_IMAGES: usize = 4096;

/// So many repositories, names and bases of one image are remembered.
const MAX_LISTED: usize = 8;

/// The longest text that is remembered, in bytes.
const MAX_TEXT: usize = 512;

/// The first word of a line that holds a record.
const MARK: &str = "image";

/// How an image came to be on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// From a registry.
    Pulled,
    /// By a build.
    Built,
    /// From a file that `save` wrote.
    Loaded,
    /// From an archive of files, as `export` writes it.
    Imported,
    /// From a container.
    Committed,
}

impl How {
    const ALL: [Self; 5] = [Self::Pulled, Self::Built, Self::Loaded, Self::Imported, Self::Committed];

    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pulled => "pulled",
            Self::Built => "built",
            Self::Loaded => "loaded",
            Self::Imported => "imported",
            Self::Committed => "committed",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.name() == name)
    }

    /// Whether no registry was involved.
    #[must_use]
    pub fn is_local(self) -> bool {
        self != Self::Pulled
    }
}

/// What an event does with an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is pulled from where its name says.
    Pull,
    /// It is pushed to where its name says.
    Push,
    /// It is made or brought here; a commit is a build first.
    Make(How),
    /// It is given a name.
    Tag,
    /// A name is taken from it.
    Untag,
    /// It is removed.
    Delete,
    /// An image is made of a container.
    Commit,
    /// A container is made of it.
    Use,
}

impl Act {
    /// What this event does; `None` where that is nothing.
    #[must_use]
    pub fn of(event: &Event<'_>) -> Option<Self> {
        Some(match (event.kind(), event.action()) {
            ("image", "pull") => Self::Pull,
            ("image", "push") => Self::Push,
            ("image", "create" | "build") => Self::Make(How::Built),
            ("image", "load" | "loadfromarchive") => Self::Make(How::Loaded),
            ("image", "import") => Self::Make(How::Imported),
            ("image", "tag") => Self::Tag,
            ("image", "untag") => Self::Untag,
            ("image", "delete" | "remove") => Self::Delete,
            ("container", "commit") => Self::Commit,
            ("container", "create") => Self::Use,
            _ => return None,
        })
    }
}

/// What an engine's answers prove of the origin of images, beside what each says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineProof {
    /// Whether every name has a digest, as Podman's do, wherever it is from.
    pub names_have_digests: bool,
    /// Whether images have an `Identity` where containerd keeps them (API 1.53).
    pub tells_identity: bool,
}

impl EngineProof {
    /// What this engine's answers prove.
    #[must_use]
    pub fn of(engine: &Identity) -> Self {
        Self { names_have_digests: engine.is_podman(), tells_identity: engine.tells_image_identity() }
    }
}

/// What a store of images proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Digests name where an image was pulled from or pushed to.
    Classic,
    /// `Identity` says where it was pulled from, and whether it was built.
    Identity,
    /// Nothing: every name has a digest.
    Opaque,
}

impl Store {
    /// The store that this image is in.
    #[must_use]
    pub fn of(image: &inspect::Image, engine: EngineProof) -> Self {
        let has_id = |name: &String| name.split_once('@').is_some_and(|(_, digest)| digest == image.id);
        // Only containerd's images are called by the digest that registries know them by.
        let is_containerds = image.descriptor.digest == image.id || image.repo_digests.iter().any(has_id);
        if engine.names_have_digests {
            Self::Opaque
        } else if !is_containerds {
            Self::Classic
        } else if engine.tells_identity {
            Self::Identity
        } else {
            Self::Opaque
        }
    }
}

/// Whether an engine's answer about an image agrees with a pull from this repository. Another image may have been given
/// the name since.
#[must_use]
pub fn agrees_with_pull(image: &inspect::Image, engine: EngineProof, from: &Reference<'_>) -> bool {
    match Store::of(image, engine) {
        Store::Identity => {
            let mut pulls = image.identity.pull.iter().filter_map(|pull| named(&pull.repository));
            pulls.any(|pull| is_same_but_port(&pull, from))
        }
        Store::Classic | Store::Opaque => digest_places(image).any(|place| place == repository(from)),
    }
}

/// The repositories that an image's digests name.
pub fn digest_places(image: &inspect::Image) -> impl Iterator<Item = String> {
    image.repo_digests.iter().filter_map(|name| named(name)).map(|name| repository(&name))
}

/// Whether two names could be of the same repository if the ports of their registries did not count.
#[must_use]
pub fn is_same_but_port(one: &Reference<'_>, other: &Reference<'_>) -> bool {
    let host = |reference: &Reference<'_>| split_port(&reference.registry).0.to_ascii_lowercase();
    one.repository == other.repository && host(one) == host(other)
}

fn are_alike(one: &str, other: &str) -> bool {
    named(one).zip(named(other)).is_some_and(|(one, other)| is_same_but_port(&one, &other))
}

/// What is remembered of one image. Repositories are written with their registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// How it came to be here, where an event said so.
    pub how: Option<How>,
    /// The repositories that it was seen to be pulled from.
    pub pulled: Vec<String>,
    /// The repositories that it was seen to be pushed to.
    pub pushed: Vec<String>,
    /// The repositories that its digests named when it was first listed; it was pulled from them, or pushed to them.
    pub found: Vec<String>,
    /// The repositories that `Identity` named when it was last looked at, without the ports of their registries.
    pub seen: Vec<String>,
    /// The ids of the images that it was made of.
    pub bases: Vec<String>,
    /// The name of the container that it was made of.
    pub container: String,
    /// Its last layer and how many there are; images that are made of it have that layer at the same place.
    pub top: String,
    /// What it was called when it was last looked at.
    pub names: Vec<String>,
}

/// A layer at its place.
#[must_use]
pub fn layer_at(place: usize, layer: &str) -> String {
    format!("{place}:{layer}")
}

fn add(list: &mut Vec<String>, text: &str) -> bool {
    if list.len() >= MAX_LISTED || list.iter().any(|known| known == text) || !is_word(text) {
        return false;
    }
    list.push(text.to_owned());
    true
}

/// Whether a text can stand in a list in a line.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.contains([' ', ',', '\n', '\r'])
}

/// The memory.
#[derive(Debug)]
pub struct Provenance {
    known: Bounded<Record>,
    is_changed: bool,
}

impl Default for Provenance {
    fn default() -> Self {
        Self { known: Bounded::new(MAX_IMAGES), is_changed: false }
    }
}

impl Provenance {
    /// What is remembered of an image.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Record> {
        self.known.get(id)
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Record) -> bool) {
        if !is_word(id) {
            return;
        }
        let mut record = self.known.get(id).cloned().unwrap_or_default();
        if change(&mut record) {
            self.is_changed = true;
            self.known.keep(id, record);
        }
    }

    /// An event says that it was made, loaded or imported here. What was known to be pulled before stays that: the same
    /// id is the same content.
    pub fn made(&mut self, id: &str, how: How) {
        self.change(id, |record| {
            let is_pulled = record.how == Some(How::Pulled)
                || !record.pulled.is_empty()
                || !record.found.is_empty()
                || record.seen.iter().any(|seen| !record.pushed.iter().any(|pushed| are_alike(seen, pushed)));
            // A commit is first seen as a build: engines send the same event for both.
            let is_known = match record.how {
                None => false,
                Some(How::Built) => how != How::Committed,
                Some(_) => true,
            };
            if is_pulled || is_known {
                return false;
            }
            record.how = Some(how);
            true
        });
    }

    /// It was made of this container, whose image has this id.
    pub fn committed(&mut self, id: &str, container: &str, base: &str) {
        self.made(id, How::Committed);
        self.change(id, |record| {
            if record.how != Some(How::Committed) {
                return false;
            }
            let is_new = add(&mut record.bases, base);
            let names_container = record.container != container && is_word(container);
            if names_container {
                container.clone_into(&mut record.container);
            }
            is_new || names_container
        });
    }

    /// It was pulled from this repository. What this host has made, or has pushed there itself, keeps its origin.
    pub fn pulled(&mut self, id: &str, repository: &str) {
        self.change(id, |record| {
            let is_own = record.pushed.iter().any(|pushed| pushed == repository);
            let is_free = matches!(record.how, None | Some(How::Loaded)) && !is_own;
            if is_free {
                record.how = Some(How::Pulled);
            }
            // What was pushed from here proves nothing about where the content is from.
            (!is_own && add(&mut record.pulled, repository)) || is_free
        });
    }

    /// It was pushed to this repository. A digest that names it says no more than that from now on.
    pub fn pushed(&mut self, id: &str, repository: &str) {
        self.change(id, |record| {
            let had = record.found.len();
            record.found.retain(|found| found != repository);
            let is_new = add(&mut record.pushed, repository);
            let is_forgotten =
                !is_new && record.how.is_none() && !record.pushed.iter().any(|known| known == repository);
            if is_forgotten {
                // More pushes than are remembered must not look like a pull: such an image is this host's own.
                record.how = Some(How::Built);
            }
            is_new || is_forgotten || had != record.found.len()
        });
    }

    /// Its digests named these repositories when it was listed.
    pub fn found<'r>(&mut self, id: &str, repositories: impl Iterator<Item = &'r str>) {
        self.change(id, |record| {
            let mut is_new = false;
            for repository in repositories {
                let is_known = record.pushed.iter().chain(&record.pulled).any(|known| known == repository);
                is_new |= !is_known && add(&mut record.found, repository);
            }
            is_new
        });
    }

    /// What an answer shows of it: its names, its layers, its parent, and what the engine has seen of it.
    pub fn note(&mut self, image: &inspect::Image, engine: EngineProof) {
        let mut seen = Vec::new();
        if Store::of(image, engine) == Store::Identity {
            for pull in &image.identity.pull {
                add(&mut seen, &pull.repository);
            }
        }
        self.change(&image.id, |record| {
            let mut names = Vec::new();
            for name in image.repo_tags.iter().filter(|name| !name.starts_with("<none>")) {
                add(&mut names, name);
            }
            if names.is_empty() {
                // What it was called is what its end should be reported under.
                names.clone_from(&record.names);
            }
            let top = image.root_fs.layers.last().map(|layer| layer_at(image.root_fs.layers.len(), layer));
            let top = top.filter(|top| is_word(top)).unwrap_or_else(|| record.top.clone());
            let is_base_new = add(&mut record.bases, &image.parent);
            // An image that is loaded again has lost what the engine had seen of it; it is the same content.
            let seen = if seen.is_empty() { record.seen.clone() } else { seen };
            let is_changed = (&names, &top, &seen) != (&record.names, &record.top, &record.seen) || is_base_new;
            (record.names, record.top, record.seen) = (names, top, seen);
            is_changed
        });
    }

    /// The images whose layers an image begins with, each with how many these are, the most first: what it was made of,
    /// or what has the same layers as that.
    #[must_use]
    pub fn beginnings_of(&self, image: &inspect::Image) -> Vec<(usize, &str)> {
        let layers = image.root_fs.layers.iter().enumerate();
        let places: HashMap<String, usize> =
            layers.map(|(place, layer)| (layer_at(place + 1, layer), place + 1)).collect();
        let mut found: Vec<(usize, &str)> = Vec::new();
        if !places.is_empty() {
            let others = self.known.iter().filter(|(id, _)| id.as_ref() != image.id);
            found.extend(others.filter_map(|(id, record)| Some((*places.get(&record.top)?, id.as_ref()))));
        }
        found.sort_by_key(|(layers, _)| std::cmp::Reverse(*layers));
        found
    }

    /// Whether it has changed since it was last taken.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Whether it has changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// The memory as text: a line for each image, with what is known of it as `key=value`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (id, record) in self.known.iter() {
            text.push_str(MARK);
            text.push(' ');
            text.push_str(id);
            let lists = [
                ("pulled", record.pulled.join(",")),
                ("pushed", record.pushed.join(",")),
                ("found", record.found.join(",")),
                ("seen", record.seen.join(",")),
                ("bases", record.bases.join(",")),
                ("names", record.names.join(",")),
                ("how", record.how.map(How::name).unwrap_or_default().to_owned()),
                ("container", record.container.clone()),
                ("top", record.top.clone()),
            ];
            for (key, value) in lists.iter().filter(|(_, value)| !value.is_empty()) {
                text.push(' ');
                text.push_str(key);
                text.push('=');
                text.push_str(value);
            }
            text.push('\n');
        }
        text
    }

    /// Reads what [`Self::text`] wrote, among other lines; a damaged line is one image less. Of what version 0.1.0 wrote it
    /// takes where an image was pulled from or pushed to.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut memory = Self::default();
        for line in text.lines() {
            if let Some(old) = tags::of_first_version(line).filter(|old| old.is_of_registry) {
                memory.found(old.id, named(old.tag).as_ref().map(repository).iter().map(String::as_str));
            }
            let mut words = line.split(' ');
            if let (Some(MARK), Some(id)) = (words.next(), words.next())
                && is_word(id)
                && let Some(record) = read_record(words)
            {
                memory.known.keep(id, record);
            }
        }
        memory.is_changed = false;
        memory
    }
}

/// A text that is a name.
#[must_use]
pub fn named(text: &str) -> Option<Reference<'_>> {
    match Image::parse(text) {
        Ok(Image::Named(reference)) => Some(reference),
        _ => None,
    }
}

/// A repository with its registry, as it is remembered and shown.
#[must_use]
pub fn repository(reference: &Reference<'_>) -> String {
    format!("{}/{}", reference.registry.to_ascii_lowercase(), reference.repository)
}

fn read_record<'w>(words: impl Iterator<Item = &'w str>) -> Option<Record> {
    let mut record = Record::default();
    for word in words {
        let (key, value) = word.split_once('=')?;
        let text = || Some(value.to_owned()).filter(|text| is_word(text));
        let list = || Some(value.split(',').filter(|text| is_word(text)).take(MAX_LISTED).map(str::to_owned).collect());
        match key {
            "pulled" => record.pulled = list()?,
            "pushed" => record.pushed = list()?,
            "found" => record.found = list()?,
            "seen" => record.seen = list()?,
            "bases" => record.bases = list()?,
            "names" => record.names = list()?,
            "how" => record.how = Some(How::of(value)?),
            "container" => record.container = text()?,
            "top" => record.top = text()?,
            _ => return None,
        }
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn how(memory: &Provenance, id: &str) -> Option<How> {
        memory.get(id).and_then(|record| record.how)
    }

    #[test]
    fn what_was_pulled_stays_that_and_what_was_made_here_too() {
        let mut memory = Provenance::default();
        memory.pulled("i1", "r.example/a");
        memory.made("i1", How::Loaded);
        assert_eq!(how(&memory, "i1"), Some(How::Pulled), "the same content again, from a file");
        memory.made("i2", How::Built);
        memory.committed("i2", "web", "i1");
        assert_eq!(how(&memory, "i2"), Some(How::Committed), "engines say `create` of both");
        memory.made("i2", How::Loaded);
        memory.pushed("i2", "r.example/b");
        memory.pulled("i2", "r.example/b");
        assert_eq!(how(&memory, "i2"), Some(How::Committed), "a push of this host raises nothing");
        assert!(memory.get("i2").unwrap().pulled.is_empty());
        memory.made("i3", How::Loaded);
        memory.pulled("i3", "r.example/c");
        assert_eq!(how(&memory, "i3"), Some(How::Pulled), "a registry has the same content");
        memory.found("i4", ["r.example/d"].into_iter());
        memory.made("i4", How::Imported);
        assert_eq!(how(&memory, "i4"), None);
        memory.pushed("i4", "r.example/d");
        assert!(memory.get("i4").unwrap().found.is_empty());
    }

    #[test]
    fn layers_show_what_an_image_was_made_of() {
        let image = |id: &str, layers: &[&str]| inspect::Image {
            id: id.to_owned(),
            root_fs: inspect::RootFs { layers: layers.iter().map(|layer| (*layer).to_owned()).collect() },
            ..inspect::Image::default()
        };
        let mut memory = Provenance::default();
        for known in [image("a", &["1"]), image("b", &["1", "2"]), image("c", &["2"]), image("d", &["1", "2"])] {
            memory.note(&known, EngineProof::default());
        }
        assert_eq!(memory.beginnings_of(&image("x", &["1", "2", "3"])), [(2, "b"), (2, "d"), (1, "a")]);
        assert_eq!(memory.beginnings_of(&image("x", &["1", "3"])), [(1, "a")]);
        assert_eq!(memory.beginnings_of(&image("x", &["3"])), []);
        assert_eq!(memory.beginnings_of(&image("b", &["1", "2"])), [(2, "d"), (1, "a")], "not itself");
    }

    #[test]
    fn it_survives_as_text_and_damage_costs_a_line() {
        let mut memory = Provenance::default();
        memory.pulled("i1", "r.example/a");
        memory.pushed("i1", "r.example/b");
        memory.committed("i2", "web", "i1");
        let image = inspect::Image {
            id: "i1".into(),
            repo_tags: vec!["r.example/a:1".into(), "<none>:<none>".into()],
            root_fs: inspect::RootFs { layers: vec!["sha256:5".into()] },
            ..inspect::Image::default()
        };
        memory.note(&image, EngineProof::default());
        assert!(memory.take_changed() && !memory.take_changed());
        let text = memory.text();
        assert_eq!(
            text,
            "image i1 pulled=r.example/a pushed=r.example/b names=r.example/a:1 how=pulled top=1:sha256:5\n\
             image i2 bases=i1 how=committed container=web\n"
        );
        let damaged = format!("image\nimage x how=magic\n{text}image y pul\nr.example/a:1 r torn\n");
        let mut read = Provenance::read(&damaged);
        assert_eq!(read.text(), text);
        assert!(!read.take_changed());
    }

    #[test]
    fn what_the_first_version_left_says_where_images_are_from() {
        let memory = Provenance::read("r.example/a:1 r i1 d\nr.example/b:1 h i1 d\nr.example/c:1 f i2 \n");
        assert_eq!(memory.get("i1").unwrap().found, ["r.example/a"]);
        assert_eq!(memory.get("i2"), None);
    }

    #[test]
    fn it_is_bounded() {
        let mut memory = Provenance::default();
        for n in 0..100 {
            memory.pulled("i", &format!("r.example/{n}"));
        }
        memory.pulled("i", &"x".repeat(MAX_TEXT + 1));
        assert_eq!(memory.get("i").unwrap().pulled.len(), MAX_LISTED);
        for n in 0..=MAX_LISTED {
            memory.pushed("pushed", &format!("r.example/{n}"));
        }
        assert_eq!(how(&memory, "pushed"), Some(How::Built), "a push that is forgotten is no pull");
        for n in 0..=MAX_IMAGES {
            memory.made(&n.to_string(), How::Built);
        }
        assert_eq!((memory.known.len(), memory.get("i")), (MAX_IMAGES, None));
    }
}
