//! Messages that matter and need not wait behind those that do not.
//!
//! A flood of harmless events is sent at the configured rate, for many seconds; an alert must not come that late. So a
//! message that hurries is sent before its turn once it has waited for a moment, and left out when its turn comes.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::entry::Entry;

/// What has waited for this long overtakes: on a day without floods nothing has, and the order is that of the engine.
const OVERTAKES_AFTER: Duration = Duration::from_millis(20);

/// Behind so many messages at the most it waits for its turn.
const AHEAD: usize = 8;

/// So many bytes of messages hurry at once; what comes on top of them waits for its turn.
const MOST_BYTES: usize = 1 << 20;

/// So many messages are sent before their turn while the same one waits for its own.
const MOST_GONE: usize = 4096;

/// The messages that hurry, and the numbers of those that have overtaken others.
#[derive(Debug, Default)]
pub struct Overtaking {
    hurrying: VecDeque<(Instant, Entry)>,
    bytes: usize,
    gone: BTreeSet<u64>,
}

impl Overtaking {
    /// Takes note of a message with so many ahead of it.
    pub fn see(&mut self, entry: &Entry, ahead: usize, now: Instant) {
        let size = entry.message.len();
        if entry.hurries && ahead > AHEAD && self.bytes + size <= MOST_BYTES {
            self.bytes += size;
            // A copy: it must not keep the memory of all that it was made with.
            let message = Bytes::copy_from_slice(&entry.message);
            self.hurrying.push_back((now, Entry { message, ..*entry }));
        }
    }

    /// Whether one may overtake now.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        let has_waited = |(since, _): &(Instant, Entry)| now.saturating_duration_since(*since) >= OVERTAKES_AFTER;
        self.gone.len() < MOST_GONE && self.hurrying.front().is_some_and(has_waited)
    }

    /// The first that may overtake now. It has to be sent, and then [`Self::overtook`] called.
    pub fn take(&mut self, now: Instant) -> Option<Entry> {
        let (_, entry) = if self.is_due(now) { self.hurrying.pop_front()? } else { return None };
        self.bytes -= entry.message.len();
        Some(entry)
    }

    /// The message with this number was sent before its turn.
    pub fn overtook(&mut self, sequence: u64) {
        self.gone.insert(sequence);
    }

    /// Whether any was sent before its turn, and has not had it since.
    #[must_use]
    pub fn has_overtaken(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Whether the message with this number was sent before its turn.
    #[must_use]
    pub fn is_gone(&self, sequence: u64) -> bool {
        self.gone.contains(&sequence)
    }

    /// All up to this number have had their turn.
    pub fn passed(&mut self, sequence: u64) {
        while self.gone.first().is_some_and(|first| *first <= sequence) {
            self.gone.pop_first();
        }
        while let Some((_, entry)) = self.hurrying.front()
            && entry.sequence <= sequence
        {
            self.bytes -= entry.message.len();
            self.hurrying.pop_front();
        }
        if self.hurrying.is_empty() {
            self.hurrying.shrink_to(64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, hurries: bool, size: usize) -> Entry {
        Entry { sequence, line: None, read_at: 0, hurries, message: vec![b'x'; size].into() }
    }

    #[test]
    fn only_what_hurries_and_has_waited_behind_others_overtakes() {
        let start = Instant::now();
        let later = start + OVERTAKES_AFTER;
        let mut overtaking = Overtaking::default();
        overtaking.see(&entry(20, false, 10), 19, start);
        overtaking.see(&entry(21, true, 10), AHEAD, start);
        assert!(!overtaking.is_due(later));
        overtaking.see(&entry(22, true, 10), AHEAD + 1, start);
        overtaking.see(&entry(23, true, 10), AHEAD + 2, start);
        assert_eq!(overtaking.take(start), None, "it may still come to its turn");
        assert_eq!(overtaking.take(later).map(|entry| entry.sequence), Some(22));
        overtaking.overtook(22);
        assert!(overtaking.is_gone(22) && !overtaking.is_gone(21));
        overtaking.passed(23);
        assert!(overtaking.take(later).is_none() && !overtaking.has_overtaken() && overtaking.bytes == 0);
    }

    #[test]
    fn what_hurries_has_a_bound() {
        let start = Instant::now();
        let mut overtaking = Overtaking::default();
        for sequence in 0..100 {
            overtaking.see(&entry(sequence, true, 60_000), 100, start);
        }
        assert_eq!(overtaking.hurrying.len(), MOST_BYTES / 60_000);
        assert!(overtaking.take(start + OVERTAKES_AFTER).is_some());
        overtaking.see(&entry(100, true, 60_000), 100, start);
        assert_eq!(overtaking.bytes, MOST_BYTES / 60_000 * 60_000);
    }
}
