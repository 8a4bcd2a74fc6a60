//! What each tag pointed to when it was last seen, so that one which is moved to another image is noticed.

use crate::bounded::Bounded;

/// So many tags are remembered; the one learnt first is forgotten first.
const MOST_TAGS: usize = 8192;

/// The longest tag that is remembered, in full, in bytes.
const MAX_NAME: usize = 512;

/// The longest id or digest that is remembered, in bytes.
const MAX_ID: usize = 256;

/// How a tag came to point where it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// It was there when it was first looked at.
    #[default]
    Found,
    /// It was pulled from where its name says, or pushed to there.
    Registry,
    /// It was made here: by `tag`, `load`, `import`, `commit` or a build.
    Here,
}

impl Source {
    fn letter(self) -> &'static str {
        match self {
            Self::Found => "f",
            Self::Registry => "r",
            Self::Here => "h",
        }
    }

    fn of(letter: &str) -> Option<Self> {
        [Self::Found, Self::Registry, Self::Here].into_iter().find(|source| source.letter() == letter)
    }
}

/// What a tag points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How it came to.
    pub source: Source,
    /// The image's id.
    pub id: String,
    /// The image's digest in the tag's own repository; empty for one that was never pulled from or pushed to there.
    pub digest: String,
}

impl Target {
    /// What to call it: its digest where it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.digest.is_empty() { &self.id } else { &self.digest }
    }
}

/// A tag that points elsewhere than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The digest it had, or the image's id.
    pub from: String,
    /// The digest it has, or the image's id.
    pub to: String,
}

/// The memory.
#[derive(Debug)]
pub struct Tags {
    known: Bounded<Target>,
    is_changed: bool,
}

impl Default for Tags {
    fn default() -> Self {
        Self { known: Bounded::new(MOST_TAGS), is_changed: false }
    }
}

impl Tags {
    /// Sees a tag; says so where it points elsewhere than when it was last seen.
    pub fn see(&mut self, tag: &str, mut target: Target) -> Option<Moved> {
        let before = self.known.get(tag);
        // What a registry has vouched for stays that for as long as it is the same image.
        if let Some(before) = before.filter(|before| before.id == target.id && target.source != Source::Registry) {
            target.source = before.source;
        }
        if before == Some(&target) {
            return None;
        }
        let moved = before
            .filter(|before| before.id != target.id)
            .map(|before| Moved { from: before.name().to_owned(), to: target.name().to_owned() });
        self.keep(tag, target);
        moved
    }

    /// Learns what a tag points to where nothing is known of it.
    pub fn learn(&mut self, tag: &str, target: Target) {
        if self.known.get(tag).is_none() {
            self.keep(tag, target);
        }
    }

    /// All tags that point to an image.
    pub fn of_image(&self, id: &str) -> impl Iterator<Item = (&str, &Target)> {
        self.known.iter().filter(move |(_, target)| target.id == id).map(|(tag, target)| (tag.as_ref(), target))
    }

    fn keep(&mut self, tag: &str, target: Target) {
        // Thousands are kept. No registry has longer names, and no engine longer ids.
        if tag.len() > MAX_NAME || target.id.len() > MAX_ID || target.digest.len() > MAX_ID {
            return;
        }
        self.is_changed = true;
        self.known.keep(tag, target);
    }

    /// The memory as text, where it has changed since this was last asked: a line for each tag, with how it came to be,
    /// its image's id and digest.
    pub fn changed(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let lines = self.known.iter().map(|(tag, target)| {
            let Target { source, id, digest } = target;
            format!("{tag} {} {id} {digest}\n", source.letter())
        });
        Some(lines.collect())
    }

    /// Reads what [`Self::changed`] wrote; a damaged line is one tag less.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut tags = Self::default();
        for line in text.lines() {
            let mut parts = line.split(' ');
            let (tag, source) = (parts.next().unwrap_or_default(), parts.next().and_then(Source::of));
            if let (Some(source), Some(id), Some(digest), None) = (source, parts.next(), parts.next(), parts.next())
                && !tag.is_empty()
                && !id.is_empty()
            {
                tags.keep(tag, Target { source, id: id.to_owned(), digest: digest.to_owned() });
            }
        }
        tags.is_changed = false;
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, digest: &str) -> Target {
        Target { source: Source::Found, id: id.to_owned(), digest: digest.to_owned() }
    }

    fn moved(from: &str, to: &str) -> Moved {
        Moved { from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn a_tag_that_points_elsewhere_is_noticed_once() {
        let mut tags = Tags::default();
        assert_eq!(tags.see("r/a:1", target("i1", "")), None);
        assert_eq!(tags.see("r/a:1", target("i1", "d1")), None, "the same image, now with a digest");
        assert_eq!(tags.see("r/a:1", target("i2", "d2")), Some(moved("d1", "d2")));
        assert_eq!(tags.see("r/a:1", target("i2", "d2")), None);
        assert_eq!(tags.see("r/a:1", target("i3", "")), Some(moved("d2", "i3")));
        assert_eq!(tags.see("r/a:2", target("i1", "d1")), None, "another tag");
        tags.learn("r/a:1", target("i9", ""));
        assert_eq!(tags.see("r/a:1", target("i3", "")), None, "what is known is not learnt anew");
    }

    #[test]
    fn what_a_registry_vouched_for_stays_that_until_it_is_another_image() {
        let mut tags = Tags::default();
        let of = |source, id: &str| Target { source, ..target(id, "") };
        let source = |tags: &Tags, id: &str| tags.of_image(id).next().map(|(_, target)| target.source);
        tags.see("r/a:1", of(Source::Found, "i1"));
        tags.see("r/a:1", of(Source::Here, "i1"));
        assert_eq!(source(&tags, "i1"), Some(Source::Found), "the same image under the same name");
        tags.see("r/a:1", of(Source::Registry, "i1"));
        tags.see("r/a:1", of(Source::Here, "i1"));
        assert_eq!(source(&tags, "i1"), Some(Source::Registry));
        tags.see("r/a:1", of(Source::Here, "i2"));
        assert_eq!((source(&tags, "i1"), source(&tags, "i2")), (None, Some(Source::Here)));
    }

    #[test]
    fn it_survives_as_text() {
        let mut tags = Tags::default();
        tags.see("r/a:1", target("i1", "d1"));
        tags.see("r/b:1", target("i2", ""));
        let text = tags.changed().unwrap();
        assert_eq!((text.as_str(), tags.changed()), ("r/a:1 f i1 d1\nr/b:1 f i2 \n", None));
        let mut read = Tags::read(&format!("{text}torn\nr/c:1 f x y z\nr/d:1 ? i d\n  \n"));
        assert_eq!(read.changed(), None);
        assert_eq!(read.known.iter().collect::<Vec<_>>(), tags.known.iter().collect::<Vec<_>>());
        assert_eq!(read.see("r/a:1", target("i3", "d3")), Some(moved("d1", "d3")));
    }
}
