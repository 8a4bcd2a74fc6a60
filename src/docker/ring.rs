//! What the ring of an engine tells of what was missed.
//!
//! Docker keeps the last 256 events in memory. Who reads them all, and knows what was read before, can tell without
//! any clock whether something is gone: the ring must hold at least one known event, else it was pushed out, or the
//! engine was started anew.

use std::time::Duration;

use super::reader::Seen;

/// How many events the ring of Docker holds (`eventsLimit` in moby's `daemon/events`).
pub const RING: usize = 256;

/// What the beginning of a stream that starts with the whole ring tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Something in it was known: nothing is missing.
    Whole,
    /// It was full of events that were all new.
    Wrapped,
    /// It was not full, and nothing in it was known.
    Emptied,
}

/// Looks at a stream's first lines.
#[derive(Debug, Default)]
pub struct Judgement {
    lines: usize,
    known: usize,
}

impl Judgement {
    /// The ring has begun to come by then, if there is any.
    pub const WITHIN: Duration = Duration::from_secs(1);

    /// The ring is through where nothing has come for so long; the whole of it takes an engine 1 to 13 ms. Its lines wait
    /// meanwhile.
    pub const THROUGH_AFTER: Duration = Duration::from_millis(40);

    /// Takes a line, which `is_live` if it happened after the stream was opened; says so once it is certain.
    pub fn line(&mut self, seen: Seen, is_live: bool) -> Option<Finding> {
        match seen {
            // The second copy of an event that came from the ring and live.
            Seen::Again => return None,
            // Whatever its time: clocks step.
            Seen::Before => self.known += 1,
            // The ring comes first.
            Seen::New if is_live => return Some(self.end()),
            Seen::New => {}
        }
        self.lines += 1;
        (self.known > 0 || self.lines >= RING).then(|| self.end())
    }

    /// Whether nothing has come that could be lost with the connection.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// What is certain now that the ring is through.
    #[must_use]
    pub fn end(&self) -> Finding {
        match (self.known, self.lines) {
            (0, RING..) => Finding::Wrapped,
            (0, _) => Finding::Emptied,
            _ => Finding::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(lines: impl IntoIterator<Item = Seen>) -> (Option<Finding>, Finding) {
        let mut judgement = Judgement::default();
        (lines.into_iter().find_map(|seen| judgement.line(seen, false)), judgement.end())
    }

    #[test]
    fn a_ring_without_anything_known_is_a_gap_and_with_anything_known_is_none() {
        use Seen::{Again, Before, New};
        let new = |count| std::iter::repeat_n(New, count);
        for (lines, at_once, at_the_end) in [
            (vec![], None, Finding::Emptied),
            (vec![Before], Some(Finding::Whole), Finding::Whole),
            (new(3).collect(), None, Finding::Emptied),
            (new(3).chain([Again, Again]).collect(), None, Finding::Emptied),
            (new(3).chain([Before]).collect(), Some(Finding::Whole), Finding::Whole),
            (new(RING - 1).collect(), None, Finding::Emptied),
            (new(RING - 1).chain([Before]).collect(), Some(Finding::Whole), Finding::Whole),
            (new(RING).chain([Before]).collect(), Some(Finding::Wrapped), Finding::Wrapped),
            (new(RING - 1).chain([Again; 9]).chain([New]).collect(), Some(Finding::Wrapped), Finding::Wrapped),
        ] {
            assert_eq!(judge(lines.iter().copied()), (at_once, at_the_end), "{} lines", lines.len());
        }
    }

    #[test]
    fn what_happens_after_the_stream_was_opened_is_not_of_the_ring() {
        let mut judgement = Judgement::default();
        for _ in 0..RING - 1 {
            assert_eq!(judgement.line(Seen::New, false), None);
        }
        assert_eq!(judgement.line(Seen::New, true), Some(Finding::Emptied));
        assert_eq!(judgement.line(Seen::New, false), Some(Finding::Wrapped));
        assert_eq!(Judgement::default().line(Seen::New, true), Some(Finding::Emptied));
        assert_eq!(Judgement::default().line(Seen::Before, true), Some(Finding::Whole), "the clock was set back");
    }
}
