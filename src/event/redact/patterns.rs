//! The patterns of the user.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

/// A compiled pattern may take this much memory, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// What the states of a pattern's automaton may take that are made while searching, in bytes.
const STATES_SIZE: usize = 256 << 10;

/// The most secrets that are found in one text; the last one takes all that is behind it with it.
pub const MAX_SECRETS: usize = 64;

/// A pattern of the user is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern '{pattern}' cannot be used: {what}")]
pub struct PatternError {
    /// Which one.
    pub pattern: String,
    /// What is wrong with it.
    pub what: String,
}

/// Patterns, compiled. Each is searched by itself: one automaton for all of them has so many states that a text made for
/// it is always at a new one, and each byte of it takes thousands of times as long as one of an ordinary text.
#[derive(Debug)]
pub struct Patterns(Vec<Regex>);

impl Patterns {
    /// # Errors
    /// Where a pattern is wrong or too large.
    pub fn compile(patterns: &[String]) -> Result<Self, PatternError> {
        patterns.iter().map(|pattern| compile(pattern)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of them finds anything.
    pub fn find_any(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(text.as_bytes()))
    }

    /// Adds what each of them finds.
    pub fn find(&self, text: &str, mut add: impl FnMut(Range<usize>)) {
        self.0.iter().for_each(|pattern| find(pattern, text, &mut add));
    }
}

fn compile(pattern: &str) -> Result<Regex, PatternError> {
    // Bytes, not characters: the tables of all scripts would be larger than the program, and secrets are ASCII.
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).size_limit(PATTERN_SIZE).dfa_size_limit(STATES_SIZE);
    builder.build().map_err(|error| PatternError {
        pattern: pattern.chars().take(80).collect(),
        what: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
    })
}

fn find(pattern: &Regex, text: &str, add: &mut impl FnMut(Range<usize>)) {
    for (number, found) in pattern.captures_iter(text.as_bytes()).enumerate() {
        let secret = found.iter().skip(1).flatten().next().or_else(|| found.get(0));
        let Some(span) = secret.map(|secret| whole_characters(text, secret.range())) else { continue };
        if number + 1 == MAX_SECRETS {
            // Nobody reads on, and looking for each takes its time.
            add(span.start..text.len());
            break;
        }
        add(span);
    }
}

/// The span with the rest of the characters at its ends.
pub fn whole_characters(text: &str, span: Range<usize>) -> Range<usize> {
    let start = (0..=span.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let end = (span.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}
