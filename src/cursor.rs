//! What was read already: a window of hashes of raw lines, which refuses what an engine sends twice.
//!
//! The ring is replayed whole on every connect, and a subscriber that arrives between two steps of the engine gets an
//! event from the ring and live; the doubles are the same to the byte. The hash is keyed with a random key of the
//! process: with a public one, whoever sets labels could make an event whose hash is that of another, and hide it.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// Sixteen times the ring of Docker, and more than Podman sends again after it rotates its file.
pub const WINDOW: usize = 4096;

/// The hashes of the last lines.
#[derive(Debug)]
pub struct Window {
    size: usize,
    key: RandomState,
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Default for Window {
    fn default() -> Self {
        Self::new(WINDOW)
    }
}

impl Window {
    /// A window over the last `size` different lines.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { size, key: RandomState::new(), order: VecDeque::new(), known: HashSet::new() }
    }

    /// Whether the line is in the window.
    #[must_use]
    pub fn knows(&self, line: &[u8]) -> bool {
        self.known.contains(&self.key.hash_one(line))
    }

    /// Puts a line into the window; the oldest leaves where there is no room.
    pub fn add(&mut self, line: &[u8]) {
        let hash = self.key.hash_one(line);
        if !self.known.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > self.size
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_last_lines_and_forgets_the_oldest_first() {
        let mut window = Window::new(3);
        for line in [&b"a"[..], b"b", b"c", b"b"] {
            window.add(line);
        }
        assert!([&b"a"[..], b"b", b"c"].iter().all(|line| window.knows(line)));
        window.add(b"d");
        assert!(!window.knows(b"a") && window.knows(b"b") && window.knows(b"d"));
        assert_eq!(window.order.len(), window.known.len());
    }
}
