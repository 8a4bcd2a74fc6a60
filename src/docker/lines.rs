//! Splits a byte stream into lines, whatever the pieces it comes in.
//!
//! An engine usually sends one event in one chunk, but nothing promises it, and a proxy between may cut anywhere. Lines
//! have no upper bound either: a 64 MiB label makes a 67 MB line. So a line is held only up to a limit; of a longer one
//! the beginning is kept, which is where engines write what happened to whom, and the rest is skipped. A line that goes
//! on and on is reported before its end, which may never come.

use crate::event::bounds::MARGIN;

/// Lines up to this many bytes are read whole.
pub const LONGEST_LINE: usize = 1 << 20;

/// A line of this many times the limit is reported at once: far more than any engine has been seen to write.
const REPORTED_AT: u64 = 256;

/// How much of the beginning of a refused line is shown, in bytes.
pub const SHOWN_HEAD: usize = 1024;

/// How much of it is kept, so that a secret of which only the beginning is shown can be recognized.
pub const HEAD: usize = SHOWN_HEAD + MARGIN;

/// What a piece of the stream turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line without its end.
    Whole(&'a [u8]),
    /// A line that cannot be used.
    Refused(Refused<'a>),
}

/// A line that cannot be used, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What is wrong with it.
    pub why: Flaw,
    /// Its length in bytes; of one that was reported before its end, so much of it.
    pub length: u64,
    /// Its first bytes, at most [`HEAD`].
    pub head: &'a [u8],
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// Nothing in it.
    Empty,
    /// Longer than the limit.
    Oversized,
    /// The stream ended in the middle of it.
    Torn,
    /// No JSON object.
    NotJson,
}

impl Flaw {
    /// One word for logs and notices.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Oversized => "oversized",
            Self::Torn => "torn",
            Self::NotJson => "not_json",
        }
    }
}

/// Holds what came of a line until its end comes.
#[derive(Debug)]
pub struct LineSplitter {
    limit: usize,
    held: Vec<u8>,
    /// Bytes of the current line that were skipped because it is over the limit.
    skipped: u64,
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::new(LONGEST_LINE)
    }
}

impl LineSplitter {
    /// A splitter that reads lines of up to `limit` bytes whole.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), skipped: 0 }
    }

    /// Takes the next piece of the stream and gives each line that it completes to `sink`, in order.
    pub fn push(&mut self, mut piece: &[u8], mut sink: impl FnMut(Line<'_>)) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = piece.split_at(end);
            piece = rest.get(1..).unwrap_or_default();
            if self.held.is_empty() && self.skipped == 0 && line.len() <= self.limit {
                // Most lines come whole in one piece and need no copy.
                sink(Self::judge(line));
            } else {
                let was_reported = self.is_reported();
                self.hold(line);
                if !was_reported {
                    sink(self.current());
                }
                self.next_line();
            }
        }
        let was_reported = self.is_reported();
        self.hold(piece);
        if self.is_reported() && !was_reported {
            sink(self.current());
        }
    }

    /// Ends the stream: what is left of a line without an end.
    pub fn finish(&mut self, sink: impl FnOnce(Refused<'_>)) {
        let length = self.length();
        if length > 0 && !self.is_reported() {
            sink(Refused { why: Flaw::Torn, length, head: head(&self.held) });
        }
        self.next_line();
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.held.len());
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.held.extend_from_slice(kept);
        self.skipped += (bytes.len() - kept.len()) as u64;
    }

    fn length(&self) -> u64 {
        self.held.len() as u64 + self.skipped
    }

    fn longest_length(&self) -> u64 {
        self.limit as u64 * REPORTED_AT
    }

    /// Whether so much of the current line has come that it was reported before its end.
    fn is_reported(&self) -> bool {
        self.length() >= self.longest_length()
    }

    fn current(&self) -> Line<'_> {
        if self.skipped > 0 {
            // Whether a line is reported at its end or before may not depend on the pieces.
            let length = self.length().min(self.longest_length());
            Line::Refused(Refused { why: Flaw::Oversized, length, head: head(&self.held) })
        } else {
            Self::judge(&self.held)
        }
    }

    fn next_line(&mut self) {
        self.skipped = 0;
        self.held.clear();
        // One huge line must not hold its memory for ever.
        self.held.shrink_to(64 << 10);
    }

    fn judge(line: &[u8]) -> Line<'_> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            Line::Refused(Refused { why: Flaw::Empty, length: 0, head: line })
        } else {
            Line::Whole(line)
        }
    }
}

/// The first bytes of a line that is refused.
#[must_use]
pub fn head(line: &[u8]) -> &[u8] {
    line.get(..HEAD).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What came out, in words, so that cases can be compared.
    fn split(limit: usize, pieces: &[&[u8]]) -> Vec<String> {
        let mut out = Vec::new();
        let mut splitter = LineSplitter::new(limit);
        for piece in pieces {
            splitter.push(piece, |line| out.push(describe(line)));
        }
        splitter.finish(|torn| out.push(describe(Line::Refused(torn))));
        out
    }

    fn describe(line: Line<'_>) -> String {
        match line {
            Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
            Line::Refused(refused) => {
                format!("<{} {} {}>", refused.why.name(), refused.length, String::from_utf8_lossy(refused.head))
            }
        }
    }

    #[test]
    fn splits_on_newlines_whatever_the_pieces() {
        for (pieces, expected) in [
            (&[&b"a\nb\n"[..]][..], &["a", "b"][..]),
            (&[b"a", b"b\n", b"c\nd", b"e\n"], &["ab", "c", "de"]),
            (&[b"a\n\nb\r\n"], &["a", "<empty 0 >", "b"]),
            (&[b"\n"], &["<empty 0 >"]),
            (&[b"a\nbc"], &["a", "<torn 2 bc>"]),
            (&[b"12345678\n", b"a\n"], &["12345678", "a"]),
            (&[b"123456789\n", b"a\n"], &["<oversized 9 12345678>", "a"]),
            (&[b"1234", b"56789", b"0123\na", b"\n"], &["<oversized 13 12345678>", "a"]),
            (&[b"1234", b"567890"], &["<torn 10 12345678>"]),
            (&[], &[]),
        ] {
            assert_eq!(split(8, pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn holds_no_more_than_the_limit_of_a_line_without_end() {
        let mut splitter = LineSplitter::default();
        for _ in 0..80 {
            splitter.push(&vec![b'x'; LONGEST_LINE], |_| panic!("no line ended"));
        }
        assert!(splitter.held.len() <= LONGEST_LINE);
        let mut seen = Vec::new();
        splitter.push(b"\nnext\n", |line| seen.push(describe(line)));
        assert!(seen.first().unwrap().starts_with("<oversized 83886080 xxx"));
        assert_eq!(seen.get(1).map(String::as_str), Some("next"));
        assert!(splitter.held.capacity() <= 64 << 10);
    }

    #[test]
    fn a_line_that_goes_on_and_on_is_reported_once_and_before_its_end() {
        let (length, most) = (LONGEST_LINE as u64, LONGEST_LINE as u64 * REPORTED_AT);
        let mut splitter = LineSplitter::default();
        let mut came = 0;
        let mut seen = Vec::new();
        for _ in 0..REPORTED_AT * 2 {
            came += length;
            splitter.push(&vec![b'x'; LONGEST_LINE], |line| seen.push((came, describe(line))));
        }
        splitter.push(b"x\nnext\n", |line| seen.push((0, describe(line))));
        assert_eq!(seen.len(), 2);
        assert!(seen[0].0 == most && seen[0].1.starts_with(&format!("<oversized {most} xxx")));
        assert_eq!(seen[1].1, "next");
        splitter.push(b"another", |_| panic!("no line ended"));
        splitter.finish(|torn| seen.push((0, describe(Line::Refused(torn)))));
        assert_eq!(seen[2].1, "<torn 7 another>");
    }

    /// What comes out of the whole text and of its pieces.
    fn whole_and_in_pieces(limit: usize, text: &[u8], cuts: Vec<usize>) -> (Vec<String>, Vec<String>) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.push(0);
        cuts.push(text.len());
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        (split(limit, &[text]), split(limit, &pieces))
    }

    proptest! {
        #[test]
        fn the_pieces_make_no_difference(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(0_usize..200, 0..20),
        ) {
            let (whole, pieces) = whole_and_in_pieces(16, &text, cuts);
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn the_pieces_of_a_line_that_goes_on_make_no_difference(
            lengths in proptest::collection::vec(0_usize..900, 0..5),
            cuts in proptest::collection::vec(0_usize..4500, 0..20),
            limit in 1_usize..4,
        ) {
            let text = lengths.into_iter().map(|length| "a".repeat(length)).collect::<Vec<_>>().join("\n");
            let (whole, pieces) = whole_and_in_pieces(limit, text.as_bytes(), cuts);
            prop_assert_eq!(pieces, whole);
        }
    }
}
