//! What tells whether there could be a secret in a text at all. Looking for it takes little time, and most texts hold
//! none of it.

use std::ops::Range;

use aho_corasick::Input;
use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::dfa::DFA;

use super::formats::{self, FORMATS};
use super::named;
use super::names::ROOTS;
use super::patterns::PatternError;
use super::private_key;
use super::programs::{self, Programs};
use super::random;

/// What is known of a place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// A part of names of secrets.
    Name,
    /// Letters that are not ASCII; these come before all others.
    Foreign,
    /// The beginning of tokens of this shape.
    Format(usize),
    /// `://`.
    Url,
    /// What the paths of webhooks and bots have.
    Path,
    /// A word of SQL before a password.
    Identified,
    /// The header of a private key.
    PrivateKey,
    /// A line of fields between colons.
    Fields,
    /// An option that most clients have for passwords.
    Option,
    /// A function that is given secrets.
    Call,
    /// A user and password before an address of a Go driver.
    Address,
}

/// Parts of URLs with tokens in their paths.
static PATHS: &[&str] = &[
    "hook",
    "telegram.org/bot",
    "/with/key/",
    "hc-ping.com/",
    "cronitor.link/",
    "nosnch.in/",
    "make.com/",
    "integromat.com/",
    "pagerduty.com/integration",
    "/integrations/generic/",
    "pushover.net/",
    "opsgenie.com/v1/json/",
    "infura.io/v3/",
    "alchemy.com/v2/",
    "alchemyapi.io/v2/",
    "/api/push/",
    "gotify/message/",
    "/t/",
];

/// So much of the beginning of a token is looked for, in bytes: more would only make the automaton larger.
const LONGEST_BEGINNING: usize = 6;

/// Finds hints in texts.
#[derive(Debug)]
pub struct Hints {
    automaton: DFA,
    of: Vec<Hint>,
    programs: Programs,
}

impl Hints {
    /// All of them.
    ///
    /// # Errors
    /// None that could happen with these hints.
    pub fn new() -> Result<Self, PatternError> {
        let groups: [(Hint, &[&str]); 9] = [
            (Hint::Name, ROOTS),
            (Hint::Url, &["://"]),
            (Hint::Path, PATHS),
            (Hint::Identified, &["identified"]),
            (Hint::PrivateKey, &private_key::HINTS),
            (Hint::Fields, &[":*:", ":5432:", ":5433:", ":6432:"]),
            (Hint::Option, &[" -p ", " -pw ", " -pass ", " /p ", " -w ", " -passwd "]),
            (Hint::Call, &["crypt(", "auth(", "userpassword("]),
            (Hint::Address, &["@tcp(", "@unix(", "@(", "@//"]),
        ];
        let mut found: Vec<(Hint, &str)> =
            groups.iter().flat_map(|(hint, texts)| texts.iter().map(|text| (*hint, *text))).collect();
        let beginning = |text: &'static str| text.get(..LONGEST_BEGINNING).unwrap_or(text);
        found.extend(FORMATS.iter().enumerate().map(|(number, (text, _))| (Hint::Format(number), beginning(text))));
        let texts = found.iter().map(|(_, text)| *text);
        let automaton = DFA::builder().ascii_case_insensitive(true).prefilter(false).build(texts);
        let error =
            |error: aho_corasick::BuildError| PatternError { pattern: "the hints".to_owned(), what: error.to_string() };
        Ok(Self {
            automaton: automaton.map_err(error)?,
            of: found.into_iter().map(|(hint, _)| hint).collect(),
            programs: Programs::new(),
        })
    }

    /// The clients of the table.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Calls this with each hint and its place, in the order of their ends, until it says that it has seen enough.
    pub fn each(&self, text: &str, mut has_enough: impl FnMut(Hint, Range<usize>) -> bool) {
        if !text.is_ascii() && each_foreign(text, &mut has_enough) {
            return;
        }
        let (input, mut state) = (Input::new(text), OverlappingState::start());
        // The only error is of a search that the automaton was not built for, which this is not.
        while self.automaton.try_find_overlapping(&input, &mut state).is_ok()
            && let Some(found) = state.get_match()
        {
            let Some(hint) = self.of.get(found.pattern().as_usize()) else { continue };
            if has_enough(*hint, found.span().range()) {
                return;
            }
        }
    }

    /// Whether a name could be that of a secret.
    pub fn may_name(&self, name: &str) -> bool {
        let mut may_name = false;
        self.each(name, |hint, _| {
            may_name = matches!(hint, Hint::Name | Hint::Foreign);
            may_name
        });
        may_name
    }

    /// Whether there could be a secret in a text.
    pub fn may_be_in(&self, text: &str) -> bool {
        /// With a name or an option before it a secret makes a text longer.
        const SHORTEST: usize = 5;
        if text.len() < SHORTEST {
            return false;
        }
        let mut may_be = false;
        // Where the name that was looked at last ends.
        let mut looked = 0;
        self.each(text, |hint, place| {
            may_be = match hint {
                Hint::Name if place.start < looked => false,
                Hint::Foreign => named::may_be_at(text, place).0,
                Hint::Name => {
                    let (may_be, end) = named::may_be_at(text, place);
                    looked = end;
                    may_be
                }
                Hint::Format(number) => formats::find(text, number, place.start).is_some(),
                Hint::Option => programs::may_be_password(text, place.end),
                Hint::Url => text.get(place.end..).is_some_and(|rest| rest.contains('@')),
                Hint::Path | Hint::Identified | Hint::PrivateKey | Hint::Fields | Hint::Address | Hint::Call => true,
            };
            may_be
        });
        may_be || self.programs.may_be_in(text) || random::may_be_in(text)
    }
}

/// Calls this with each place of letters that are not ASCII, which may be of a name in another language; whether it has
/// seen enough.
fn each_foreign(text: &str, has_enough: &mut impl FnMut(Hint, Range<usize>) -> bool) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(start) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| !byte.is_ascii())) {
        let start = at + start;
        at = start + bytes.iter().skip(start).take_while(|byte| !byte.is_ascii()).count();
        // The letters that such names begin with, or have behind what is ASCII.
        let first = text.get(start..).and_then(|rest| rest.chars().next()).unwrap_or_default();
        let may_be_name = matches!(first, '\u{f6}' | '\u{142}' | '\u{15f}' | '\u{400}'..='\u{45f}' | '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
        if may_be_name && has_enough(Hint::Foreign, start..at) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_hints_is_small() {
        let hints = Hints::new().unwrap();
        println!("{} hints in {} KiB", hints.of.len(), hints.automaton.memory_usage() >> 10);
        assert!(hints.automaton.memory_usage() < 1 << 20, "{}", hints.automaton.memory_usage());
    }
}
