//! Finds what rules and patterns match in a text, in a time that grows with its length alone, whatever it holds.
//!
//! Each rule is searched by itself: one automaton for all of them has so many states that a text made for it is always
//! at a new one, and each byte of it takes thousands of times as long as one of an ordinary text.

use std::ops::Range;

use aho_corasick::Input;
use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::dfa::DFA;
use regex::bytes::{Regex, RegexBuilder};

use super::shapes::{Hint, SECRET_NAME, rules};

/// A compiled pattern of the user may take this much memory, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// What the states of a pattern's automaton may take that are made while searching, in bytes.
const STATES_SIZE: usize = 256 << 10;

/// The most secrets that a rule finds in one text; the last one takes all that is behind it with it.
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

/// Some of the rules, as bits.
type Which = u32;

/// What tells which of the known rules could find anything in a text. Looking for hints alone takes no time, and most
/// texts hold none of them.
#[derive(Debug)]
pub struct Hints {
    automaton: DFA,
    /// The rules of which each is a hint.
    of: Vec<Which>,
    /// Those that look for URLs.
    of_urls: Which,
}

impl Hints {
    /// Of all known rules.
    ///
    /// # Errors
    /// None that could happen with these hints.
    pub fn new() -> Result<Self, PatternError> {
        let (mut texts, mut of): (Vec<String>, Vec<Which>) = (Vec::new(), Vec::new());
        let mut of_urls = 0;
        for (place, (hint, _)) in (0_u32..).zip(rules()) {
            let rule = 1 << place;
            if matches!(hint, Hint::Url) {
                of_urls |= rule;
            }
            for text in hint.texts() {
                if let Some(known) = texts.iter().position(|known| *known == text).and_then(|at| of.get_mut(at)) {
                    *known |= rule;
                } else {
                    texts.push(text);
                    of.push(rule);
                }
            }
        }
        let automaton = DFA::builder().ascii_case_insensitive(true).prefilter(false).build(texts);
        let error =
            |error: aho_corasick::BuildError| PatternError { pattern: "the hints".to_owned(), what: error.to_string() };
        Ok(Self { automaton: automaton.map_err(error)?, of, of_urls })
    }

    /// Whether there is a hint in a text, but for one at URLs.
    pub fn is_in(&self, text: &str) -> bool {
        // The only error is of a search that the automaton was not built for, which this is not; it is no reason to let
        // anything through.
        self.automaton.try_find(&Input::new(text).earliest(true)).map_or(true, |found| found.is_some())
    }

    /// Whether a text may hold a URL with a user.
    pub fn is_url_in(text: &str) -> bool {
        text.contains('@') && text.contains("://")
    }

    /// The rules that could find something in a text.
    fn rules_for(&self, text: &str) -> Which {
        let mut which = if Self::is_url_in(text) { self.of_urls } else { 0 };
        let (input, mut state) = (Input::new(text), OverlappingState::start());
        while self.automaton.try_find_overlapping(&input, &mut state).is_ok()
            && let Some(found) = state.get_match()
        {
            which |= self.of.get(found.pattern().as_usize()).copied().unwrap_or(Which::MAX);
        }
        which
    }
}

/// Patterns, compiled.
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
    pub fn find(&self, text: &str, spans: &mut Vec<Range<usize>>) {
        self.0.iter().for_each(|pattern| find(pattern, text, spans));
    }
}

/// The known rules, compiled.
#[derive(Debug)]
pub struct Known {
    rules: Vec<Regex>,
    names: Regex,
}

impl Known {
    /// # Errors
    /// None that could happen with these rules.
    pub fn compile() -> Result<Self, PatternError> {
        let rules = rules().iter().map(|(_, rule)| compile(rule)).collect::<Result<_, _>>()?;
        Ok(Self { rules, names: compile(&format!("(?i)^(?:.*/)?{SECRET_NAME}$"))? })
    }

    /// Whether this is the name of a secret.
    pub fn names_secret(&self, name: &str) -> bool {
        self.names.is_match(name.as_bytes())
    }

    /// Whether one of the rules finds anything.
    pub fn find_any(&self, text: &str, hints: &Hints) -> bool {
        self.hinted(text, hints).any(|rule| rule.is_match(text.as_bytes()))
    }

    /// Adds what each of the rules finds.
    pub fn find(&self, text: &str, hints: &Hints, spans: &mut Vec<Range<usize>>) {
        self.hinted(text, hints).for_each(|rule| find(rule, text, spans));
    }

    fn hinted(&self, text: &str, hints: &Hints) -> impl Iterator<Item = &Regex> {
        let which = hints.rules_for(text);
        self.rules.iter().enumerate().filter(move |(place, _)| which >> place & 1 != 0).map(|(_, rule)| rule)
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

fn find(pattern: &Regex, text: &str, spans: &mut Vec<Range<usize>>) {
    for (number, found) in pattern.captures_iter(text.as_bytes()).enumerate() {
        let secret = found.iter().skip(1).flatten().next().or_else(|| found.get(0));
        let span = secret.map(|secret| whole_characters(text, secret.range()));
        if number + 1 == MAX_SECRETS {
            // Nobody reads on, and looking for each takes its time.
            spans.extend(span.map(|span| span.start..text.len()));
            break;
        }
        spans.extend(span);
    }
}

/// The span with the rest of the characters at its ends.
fn whole_characters(text: &str, span: Range<usize>) -> Range<usize> {
    let start = (0..=span.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let end = (span.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::{Strategy as _, ValueTree as _};
    use proptest::test_runner::TestRunner;

    /// What a rule matches, without what it wants to stand before and behind it, which a generator cannot make.
    fn without_borders(rule: &str) -> String {
        rule.replace(r"\b", "").replace("(?:^|", "(?:").replace("|$)", ")")
    }

    #[test]
    fn no_rule_finds_anything_where_none_of_its_hints_is() {
        let (hints, known) = (Hints::new().unwrap(), Known::compile().unwrap());
        let mut runner = TestRunner::deterministic();
        for ((place, (_, rule)), compiled) in rules().iter().enumerate().zip(&known.rules) {
            let matching = proptest::string::bytes_regex(&format!("(?-u){}", without_borders(rule))).unwrap();
            let mut found = 0;
            for _ in 0..2000 {
                let text = matching.new_tree(&mut runner).unwrap().current();
                let text = String::from_utf8_lossy(&text);
                found += usize::from(compiled.is_match(text.as_bytes()));
                assert!(hints.rules_for(&text) >> place & 1 == 1, "{text:?} of {rule}");
                assert!(hints.is_in(&text) || Hints::is_url_in(&text), "{text:?} of {rule}");
            }
            assert!(found > 100, "{found} of 2000 texts that were made for it are found by {rule}");
        }
        let matching = proptest::string::bytes_regex(&format!("(?i-u){SECRET_NAME}")).unwrap();
        for _ in 0..5000 {
            let name = matching.new_tree(&mut runner).unwrap().current();
            let name = String::from_utf8_lossy(&name);
            assert!(hints.is_in(&name), "{name}");
        }
    }

    #[test]
    fn each_rule_has_its_bit() {
        assert!(rules().len() <= Which::BITS as usize, "{}", rules().len());
    }
}
