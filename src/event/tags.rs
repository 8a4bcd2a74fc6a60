//! What each tag pointed to when it was last seen, so that one which is moved to another image is noticed.

use crate::bounded::Bounded;

/// So many tags are remembered; the one learnt first is forgotten first.
const MOST_TAGS: usize = 8192;

/// The longest tag that is remembered, in full, in bytes.
const MAX_NAME: usize = 512;

/// The longest id or digest that is remembered, in bytes.
const MAX_ID: usize = 256;

/// The first word of a line that holds a tag.
const MARK: &str = "tag";

/// What a tag points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
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
    /// The id of the image that it pointed to.
    pub from_id: String,
    /// Whether both images were built here.
    pub is_rebuild: bool,
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
    pub fn see(&mut self, tag: &str, target: Target) -> Option<Moved> {
        let before = self.known.get(tag);
        if before == Some(&target) {
            return None;
        }
        let moved = before.filter(|before| before.id != target.id).map(|before| Moved {
            from: before.name().to_owned(),
            to: target.name().to_owned(),
            from_id: before.id.clone(),
            is_rebuild: false,
        });
        self.keep(tag, target);
        moved
    }

    /// Learns what a tag points to where nothing is known of it.
    pub fn learn(&mut self, tag: &str, target: Target) {
        if self.known.get(tag).is_none() {
            self.keep(tag, target);
        }
    }

    /// What a tag pointed to when it was last seen.
    #[must_use]
    pub fn get(&self, tag: &str) -> Option<&Target> {
        self.known.get(tag)
    }

    fn keep(&mut self, tag: &str, target: Target) {
        // Thousands are kept. No registry has longer names, and no engine longer ids.
        if tag.len() > MAX_NAME || target.id.len() > MAX_ID || target.digest.len() > MAX_ID {
            return;
        }
        self.is_changed = true;
        self.known.keep(tag, target);
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

    /// The memory as text: a line for each tag, with its image's id and digest.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.known.iter().map(|(tag, Target { id, digest })| format!("{MARK} {tag} {id} {digest}\n"));
        lines.collect()
    }

    /// Reads what [`Self::text`] wrote, among other lines, or what version 0.1.0 did; a damaged line is one tag less.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut tags = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let (tag, id, digest) = match (words.as_slice(), of_first_version(line)) {
                ([MARK, tag, id, digest], _) => (*tag, *id, *digest),
                (_, Some(old)) => (old.tag, old.id, old.digest),
                _ => continue,
            };
            if !tag.is_empty() && !id.is_empty() {
                tags.keep(tag, Target { id: id.to_owned(), digest: digest.to_owned() });
            }
        }
        tags.is_changed = false;
        tags
    }
}

/// A line as version 0.1.0 wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldLine<'l> {
    /// The tag, in full.
    pub tag: &'l str,
    /// Whether it was seen to be pulled or pushed.
    pub is_of_registry: bool,
    /// The image's id.
    pub id: &'l str,
    /// Its digest in the tag's repository.
    pub digest: &'l str,
}

/// A line of version 0.1.0: the tag, a letter, the id and the digest.
#[must_use]
pub fn of_first_version(line: &str) -> Option<OldLine<'_>> {
    let words: Vec<&str> = line.split(' ').collect();
    // A whole name has a slash, which the first words of newer lines do not have.
    match words.as_slice() {
        [tag, letter @ ("f" | "r" | "h"), id, digest] if tag.contains('/') && !id.is_empty() => {
            Some(OldLine { tag, is_of_registry: *letter == "r", id, digest })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, digest: &str) -> Target {
        Target { id: id.to_owned(), digest: digest.to_owned() }
    }

    fn moved(from: &str, to: &str, from_id: &str) -> Moved {
        Moved { from: from.to_owned(), to: to.to_owned(), from_id: from_id.to_owned(), is_rebuild: false }
    }

    #[test]
    fn a_tag_that_points_elsewhere_is_noticed_once() {
        let mut tags = Tags::default();
        assert_eq!(tags.see("r/a:1", target("i1", "")), None);
        assert_eq!(tags.see("r/a:1", target("i1", "d1")), None, "the same image, now with a digest");
        assert_eq!(tags.see("r/a:1", target("i2", "d2")), Some(moved("d1", "d2", "i1")));
        assert_eq!(tags.see("r/a:1", target("i2", "d2")), None);
        assert_eq!(tags.see("r/a:1", target("i3", "")), Some(moved("d2", "i3", "i2")));
        assert_eq!(tags.see("r/a:2", target("i1", "d1")), None, "another tag");
        tags.learn("r/a:1", target("i9", ""));
        assert_eq!(tags.see("r/a:1", target("i3", "")), None, "what is known is not learnt again");
    }

    #[test]
    fn it_survives_as_text_and_reads_what_the_first_version_left() {
        let mut tags = Tags::default();
        tags.see("r/a:1", target("i1", "d1"));
        tags.see("r/b:1", target("i2", ""));
        assert!(tags.take_changed() && !tags.take_changed());
        let text = tags.text();
        assert_eq!(text, "tag r/a:1 i1 d1\ntag r/b:1 i2 \n");
        for text in [&text, "r/a:1 f i1 d1\nr/b:1 h i2 \n"] {
            let mut read = Tags::read(&format!("{text}torn\nr/c:1 f x y z\nr/d:1 ? i d\nimage i how=built\n  \n"));
            assert!(!read.take_changed());
            assert_eq!(read.known.iter().collect::<Vec<_>>(), tags.known.iter().collect::<Vec<_>>());
            assert_eq!(read.see("r/a:1", target("i3", "d3")), Some(moved("d1", "d3", "i1")));
        }
        assert!(of_first_version("r/a:1 r i1 d1").unwrap().is_of_registry);
        assert_eq!(of_first_version("tag r i1 d1"), None);
    }
}
