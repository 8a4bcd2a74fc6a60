//! Takes secrets out of command lines and label values, and leaves everything that rules match.
//!
//! A command line in an event is its arguments joined by blanks, without quotes; so a secret with a blank in it cannot
//! be told from two arguments, and only its first word is taken out. What refers to a secret and is none (a path, a
//! variable, a file for `curl`) stays. `exec_start: `, its trailing blank and the program's name are never part of a
//! match: each rule needs something before the secret.

mod matcher;
mod shapes;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use matcher::{Hints, Known, Patterns};

use super::Event;
use super::bounds::{self, LeftOut, SHOWN_LABEL, WHOLE_ACTION};
use super::index::Field;
use super::json::Value;
use crate::lock::lock;

pub use matcher::PatternError;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The most patterns of the user.
pub const MOST_PATTERNS: usize = 100;

/// The most secrets that are found in the labels of one event; where there are more, a label with any in it is taken for
/// one.
const MAX_IN_LABELS: u64 = 512;

/// How a secret is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By [`REDACTED`].
    #[default]
    Mask,
    /// By a keyed hash, so that equal secrets can be seen as equal.
    Hash,
    /// It stays.
    Off,
}

/// What makes a secret's hash; nobody without its key may be able to try secrets out.
pub type Hasher<'h> = &'h dyn Fn(&[u8]) -> u64;

/// Takes secrets out.
#[derive(Debug)]
pub struct Redactor {
    mode: Mode,
    hints: Hints,
    /// The known rules and what names of secrets look like. Compiled when first needed: that takes as long as all else
    /// at the start, and more memory, and most hosts never show a secret.
    known: Mutex<Option<Arc<Result<Known, PatternError>>>>,
    /// Whether they were used since [`Self::forget_unused`] was called last.
    is_used: AtomicBool,
    /// Those of the user.
    own: Option<Patterns>,
}

impl Redactor {
    /// The known rules with patterns of the user; of those the first group is the secret, else all that matches.
    ///
    /// # Errors
    /// Where a pattern is wrong or too large.
    pub fn new(mode: Mode, patterns: &[String]) -> Result<Self, PatternError> {
        let own = if patterns.is_empty() { None } else { Some(Patterns::compile(patterns)?) };
        Ok(Self { mode, hints: Hints::new()?, known: Mutex::default(), is_used: AtomicBool::new(false), own })
    }

    fn known(&self) -> Arc<Result<Known, PatternError>> {
        self.is_used.store(true, Ordering::Relaxed);
        Arc::clone(lock(&self.known).get_or_insert_with(|| Arc::new(Known::compile())))
    }

    /// Gives back the memory of the known rules where they were not used since the last call; whether there are any.
    pub fn forget_unused(&self) -> bool {
        let mut known = lock(&self.known);
        if !self.is_used.swap(false, Ordering::Relaxed) {
            *known = None;
        }
        known.is_some()
    }

    /// Whether one of the known rules could find something in a text.
    fn may_hold_secret(&self, text: &str) -> bool {
        self.hints.is_in(text) || Hints::is_url_in(text)
    }

    /// Whether this is the name of a secret.
    fn names_secret(&self, name: &str) -> bool {
        // Rules that cannot be used must not let anything through.
        self.hints.is_in(name) && self.known().as_ref().as_ref().map_or(true, |known| known.names_secret(name))
    }

    /// Takes the secrets out of an event; how many there were.
    pub fn redact(&self, event: &mut Event<'_>, hasher: Hasher<'_>) -> u64 {
        if self.mode == Mode::Off {
            return 0;
        }
        // What is written out of a short line may be longer than it, but was cut then.
        let is_short = event.is_short;
        // Nearly all texts hold no secret, and are short enough that nothing of them is cut.
        let is_harmless = |name: &str, text: &str| {
            is_short && self.own.is_none() && !self.hints.is_in(name) && !self.may_hold_secret(text)
        };
        let may_have_labels = event.may_have_labels();
        let (mut count, mut lost_ends) = (0, 0);
        // Engines that write both write the same twice.
        let mut harmless = "";
        for field in [Field::Status, Field::Action] {
            let Some(Value::String(text)) = event.field_mut(field) else { continue };
            if let Cow::Borrowed(text) = text
                && (*text == harmless || is_harmless("", text))
            {
                harmless = text;
                continue;
            }
            let found = self.replace(text, if is_short { usize::MAX } else { WHOLE_ACTION }, hasher);
            count += found.count;
            lost_ends += u64::from(found.is_cut && text.len() <= bounds::SHOWN_ACTION);
            if let (0, Cow::Borrowed(text)) = (found.count, text) {
                harmless = text;
            }
        }
        if may_have_labels && let Some(attributes) = event.attributes_mut() {
            let mut in_labels = 0;
            for (key, value) in attributes.iter_mut() {
                let Value::String(text) = value else { continue };
                if is_harmless(key, text) {
                    continue;
                }
                let found = if in_labels < MAX_IN_LABELS {
                    self.replace_named(key, text, if is_short { usize::MAX } else { SHOWN_LABEL }, hasher)
                } else {
                    self.replace_at_sight(key, text, hasher)
                };
                in_labels += found.count;
                count += found.count;
                lost_ends += u64::from(found.is_cut && text.len() <= bounds::shown_attribute(key));
            }
        }
        let left_out = event.left_out;
        event.left_out = LeftOut { texts: left_out.texts + lost_ends, ..left_out };
        count
    }

    /// A text without the secrets in it.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str, hasher: Hasher<'_>) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        if self.mode != Mode::Off {
            self.replace(&mut text, usize::MAX, hasher);
        }
        text
    }

    /// Takes the secrets out of a text; how many there were.
    pub fn redact_text(&self, text: &mut String, hasher: Hasher<'_>) -> u64 {
        if self.mode == Mode::Off {
            return 0;
        }
        let mut clean = Cow::Borrowed(text.as_str());
        let count = self.replace(&mut clean, usize::MAX, hasher).count;
        if count > 0 {
            *text = clean.into_owned();
        }
        count
    }

    /// What may be shown of a text of which no more than so many bytes are shown, without the secrets in it: also none
    /// of which only the beginning is within them.
    #[must_use]
    pub fn beginning<'t>(&self, text: &'t str, shown: usize, hasher: Hasher<'_>) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        self.redact_beginning("", &mut text, shown, hasher);
        text
    }

    /// Takes the secrets out of the value of a field of this name, and cuts it to what may be shown; how many secrets
    /// there were. The name of a secret makes all of its value one.
    pub fn redact_beginning(&self, name: &str, text: &mut Cow<'_, str>, shown: usize, hasher: Hasher<'_>) -> u64 {
        bounds::cut(text, shown);
        let found =
            if self.mode == Mode::Off { Found::default() } else { self.replace_named(name, text, shown, hasher) };
        match text {
            Cow::Borrowed(text) => *text = bounds::beginning(text, shown),
            Cow::Owned(text) if !found.is_cut => text.truncate(bounds::boundary(text, shown)),
            // It ends with what stands for the last secret.
            Cow::Owned(_) => {}
        }
        found.count
    }

    /// [`Self::redact_beginning`] of a text that is owned.
    pub fn redact_shown(&self, name: &str, text: &mut String, shown: usize, hasher: Hasher<'_>) -> u64 {
        let mut beginning = Cow::Borrowed(text.as_str());
        let count = self.redact_beginning(name, &mut beginning, shown, hasher);
        match beginning {
            Cow::Borrowed(beginning) => text.truncate(beginning.len()),
            Cow::Owned(beginning) => *text = beginning,
        }
        count
    }

    fn replace_named(&self, name: &str, text: &mut Cow<'_, str>, shown: usize, hasher: Hasher<'_>) -> Found {
        if self.names_secret(name) && !text.is_empty() && !is_reference(text) {
            *text = self.instead_of(text, hasher).into();
            return Found { count: 1, is_cut: false };
        }
        self.replace(text, shown, hasher)
    }

    /// Takes a text for a secret where there may be any in it.
    fn replace_at_sight(&self, name: &str, text: &mut Cow<'_, str>, hasher: Hasher<'_>) -> Found {
        let is_any = self.may_hold_secret(text)
            && self.known().as_ref().as_ref().map_or(true, |known| known.find_any(text, &self.hints));
        if !text.is_empty()
            && (is_any || self.names_secret(name) || self.own.as_ref().is_some_and(|own| own.find_any(text)))
        {
            *text = self.instead_of(text, hasher).into();
            return Found { count: 1, is_cut: false };
        }
        Found::default()
    }

    /// Takes the secrets out of a text of which so many bytes are shown; of one that was cut, see [`bounds::cut`], all
    /// that is beyond them goes with them.
    fn replace(&self, text: &mut Cow<'_, str>, shown: usize, hasher: Hasher<'_>) -> Found {
        let is_cut = shown != usize::MAX && bounds::may_be_cut(text.len(), shown);
        let end = if is_cut { bounds::boundary(text, shown) } else { text.len() };
        let mut spans = self.spans(text);
        if is_cut {
            spans.extend(self.open_spans(text, end));
            spans = merged(spans);
            spans.retain(|span| span.start < end);
        }
        if spans.is_empty() {
            return Found::default();
        }
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for span in &spans {
            out.push_str(text.get(done..span.start).unwrap_or_default());
            out.push_str(&self.instead_of(text.get(span.clone()).unwrap_or_default(), hasher));
            done = span.end;
        }
        out.push_str(text.get(done..end).unwrap_or_default());
        *text = out.into();
        Found { count: spans.len() as u64, is_cut }
    }

    /// The secrets that begin before this place of a text that was cut, and whose end is not there to recognize them
    /// by.
    fn open_spans(&self, text: &str, end: usize) -> Vec<Range<usize>> {
        let (before, margin) = text.split_at_checked(end).unwrap_or((text, ""));
        let is_open = |quote: char| before.contains(quote) && !margin.contains(quote);
        let word = match text.rfind(|c: char| c.is_ascii_whitespace()) {
            Some(blank) if blank >= end => "",
            Some(blank) => text.get(blank..).unwrap_or_default(),
            None => text,
        };
        let mut spans = Vec::new();
        for (ending, is_open) in [
            ("\"", is_open('"')),
            ("'", is_open('\'')),
            // The host of a URL, the rest of a token of three parts.
            ("@", word.contains("://")),
            (".eyJaaaaaaaa.aaaaaaaa", word.contains("eyJ")),
        ] {
            if is_open {
                let found = self.spans(&format!("{text}{ending}"));
                spans.extend(found.into_iter().map(|span| span.start..span.end.min(text.len())));
            }
        }
        spans
    }

    fn instead_of(&self, secret: &str, hasher: Hasher<'_>) -> String {
        match self.mode {
            Mode::Hash => format!("[redacted:{:016x}]", hasher(secret.as_bytes())),
            Mode::Mask | Mode::Off => REDACTED.to_owned(),
        }
    }

    /// Where the secrets are, in order and without overlaps.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        if self.may_hold_secret(text) {
            match &*self.known() {
                Ok(known) => known.find(text, &self.hints, &mut spans),
                // What cannot be judged is no less than a secret.
                Err(_) => spans.push(0..text.len()),
            }
        }
        if let Some(own) = &self.own {
            own.find(text, &mut spans);
        }
        if spans.is_empty() {
            return spans;
        }
        spans.retain(|span| text.get(span.clone()).is_some_and(|secret| !secret.is_empty() && !is_reference(secret)));
        merged(spans)
    }
}

/// What was taken out of a text.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    /// How many secrets.
    count: u64,
    /// Whether its end was taken off, too.
    is_cut: bool,
}

/// Places in order and without overlaps.
fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Whether a value only says where a secret is, or is none: a path, a variable, another option, a switch.
fn is_reference(value: &str) -> bool {
    const SWITCHES: [&str; 14] =
        ["true", "false", "yes", "no", "null", "none", "None", "stdin", "prompt", "0", "1", "{", "[", "\\"];
    const BEGINNINGS: [&str; 10] = ["$", "@", "<", "-", "%", "file:", "env:", "vault:", "arn:", "[redacted"];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/*${}".contains(c);
    let is_path =
        ["/", "./", "~/", "../"].iter().any(|start| value.starts_with(start)) && value.chars().skip(1).all(is_plain);
    is_path || SWITCHES.contains(&value) || BEGINNINGS.iter().any(|beginning| value.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::matcher::MAX_SECRETS;
    use super::*;
    use serde::Deserialize;

    fn sum(secret: &[u8]) -> u64 {
        secret.iter().map(|byte| u64::from(*byte)).sum()
    }

    #[derive(Deserialize)]
    struct Case {
        text: String,
        #[serde(default)]
        secrets: Vec<String>,
    }

    #[test]
    fn takes_out_what_is_secret_and_nothing_else() {
        let cases = include_str!("../../../tests/redaction.jsonl").lines();
        let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
        let (mut found, mut missed, mut wrong, mut negatives) = (0, Vec::new(), Vec::new(), 0);
        for case in
            cases.map(|line| serde_json::from_str::<Case>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        {
            let clean = redactor.text(&case.text, &sum);
            let mut expected = case.text.clone();
            for secret in &case.secrets {
                assert!(expected.contains(secret.as_str()), "{}", case.text);
                let (before, after) = expected.rsplit_once(secret.as_str()).unwrap();
                expected = format!("{before}{REDACTED}{after}");
            }
            negatives += u32::from(case.secrets.is_empty());
            if clean == expected {
                found += case.secrets.len();
            } else if case.secrets.iter().any(|secret| clean.contains(secret.as_str())) {
                missed.push(clean.into_owned());
            } else {
                wrong.push(format!("{clean}   <- {}", case.text));
            }
        }
        println!("{found} secrets found, {} missed, {} of {negatives} others touched", missed.len(), wrong.len());
        assert!(missed.is_empty() && wrong.is_empty(), "missed: {missed:#?}\nwrong: {wrong:#?}");
        assert!(found >= 60 && negatives >= 60, "{found} {negatives}");
    }

    #[test]
    fn what_rules_match_stays() {
        let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
        for text in ["exec_start: bash ", "exec_start: /bin/sh ", "exec_create: sh -c true", "health_status: healthy"] {
            assert_eq!(redactor.text(text, &sum), text);
        }
        assert_eq!(redactor.text("exec_start: mysql -psecret ", &sum), "exec_start: mysql -p[redacted] ");
    }

    #[test]
    fn an_event_is_redacted_where_users_can_put_secrets() {
        let line = br#"{"status":"exec_start: env TOKEN=abc123 sh ","Type":"container","Action":"exec_start: env TOKEN=abc123 sh ",
            "Actor":{"ID":"c","Attributes":{"image":"i","db.password":"hunter2","note":"--token t0ps3cret","secret":"/run/x","url":"x://u:p4ss@h"}}}"#;
        let mut event = Event::parse(line).unwrap();
        let count = Redactor::new(Mode::Mask, &[]).unwrap().redact(&mut event, &sum);
        assert_eq!((count, event.action()), (5, "exec_start: env TOKEN=[redacted] sh "));
        assert_eq!(event.fields().text("status"), Some("exec_start: env TOKEN=[redacted] sh "));
        for (key, value) in [
            ("image", "i"),
            ("db.password", "[redacted]"),
            ("note", "--token [redacted]"),
            ("secret", "/run/x"),
            ("url", "x://u:[redacted]@h"),
        ] {
            assert_eq!(event.attribute(key), value);
        }
    }

    #[test]
    fn equal_secrets_can_be_seen_as_equal_where_that_is_wanted() {
        let redactor = Redactor::new(Mode::Hash, &[]).unwrap();
        assert_eq!(
            redactor.text("a --token abc; b --token abc; c --token abd", &sum),
            "a --token [redacted:0000000000000126]; b --token [redacted:0000000000000126]; c --token [redacted:0000000000000127]"
        );
        assert_eq!(Redactor::new(Mode::Off, &[]).unwrap().text("--token abc", &sum), "--token abc");
    }

    #[test]
    fn patterns_of_the_user_count_too_and_wrong_ones_are_refused() {
        let own = ["EMP-[0-9]+".to_owned(), "badge ([0-9]+)".to_owned()];
        let redactor = Redactor::new(Mode::Mask, &own).unwrap();
        assert_eq!(redactor.text("run EMP-123 badge 77 x", &sum), "run [redacted] badge [redacted] x");
        let error = Redactor::new(Mode::Mask, &["(".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("pattern '(' cannot be used: "), "{error}");
        assert!(Redactor::new(Mode::Mask, &["(a{1000}){1000}".to_owned()]).is_err());
    }

    /// Forms in which secrets stand in texts: what is before, how the secret goes on, and what is behind.
    const FORMS: [(&str, &str, &str); 16] = [
        ("--password ", "hunter2", " x"),
        ("--password=", "hunter2", " x"),
        ("--password \"", "hunter 2", "\" x"),
        ("--password '", "hunter 2", "' x"),
        ("DB_PASSWORD=", "hunter2", ";x"),
        ("\"password\": \"", "hunter 2", "\" x"),
        ("\"db.password\":\"", "hunt'er\\\"2", "\",\"x\":1"),
        ("https://user:", "hunter2", "@host/x"),
        ("https://", "hunter2hunter2hunter2", "@host/x"),
        ("Authorization: Bearer ", "hunter2hunter2hunter2", " x"),
        ("curl -u admin:", "hunter2", " x"),
        ("mysql -p", "hunter2", " x"),
        ("docker login -p ", "hunter2", " x"),
        ("", "eyJhunterabc.eyJhunterabc.", " x"),
        ("", "AKIAHUNTERHUNTERHUNT", " x"),
        ("-----BEGIN PRIVATE KEY-----", "hunter2", "-----END"),
    ];

    /// The secret, so long; of tokens that are known by their shape only the end can be longer.
    fn secret(form: &str, length: usize) -> String {
        if form.starts_with("AKIA") {
            form.to_owned()
        } else if form.starts_with("eyJ") {
            format!("{form}{}", "s3cretpart".repeat(length.div_ceil(10)))
        } else {
            form.repeat(length.div_ceil(form.len()).max(1))
        }
    }

    fn goes_out(shown: &str, secret: &str) -> bool {
        // Four characters may stand in any text.
        let parts = [secret.get(..4), secret.get(..secret.len().min(10)), secret.get(secret.len() - 4..)];
        parts.into_iter().flatten().any(|part| shown.contains(part))
            || (1..4).any(|length| secret.get(..length).is_some_and(|start| length > 1 && shown.ends_with(start)))
    }

    #[test]
    fn no_secret_goes_out_wherever_a_text_is_cut() {
        const SHOWN: usize = 900;
        let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
        let kept = bounds::kept(SHOWN);
        for (before, form, behind) in FORMS {
            for (length, offsets) in [
                (1, (SHOWN - 60..SHOWN + 8).chain(kept - 60..kept + 8).collect::<Vec<_>>()),
                (300, (SHOWN - 340..SHOWN + 8).step_by(3).chain((kept - 340..kept).step_by(17)).collect()),
                (3000, (0..kept).step_by(97).chain(SHOWN - 40..SHOWN + 4).collect()),
            ] {
                let secret = secret(form, length);
                for offset in offsets {
                    let filler = "z ".repeat(offset / 2 + 1);
                    let text = format!("{}{before}{secret}{behind} {filler}", &filler[filler.len() - offset..]);
                    let clean = redactor.beginning(&text, SHOWN, &sum);
                    assert!(clean.len() <= SHOWN + REDACTED.len(), "{}", clean.len());
                    assert!(!goes_out(&clean, &secret), "{before}{form} of {length} at {offset}: {clean}");
                    let line = serde_json::json!({"Type": "container", "Action": format!("exec_start: {text}"),
                        "Actor": {"ID": "c", "Attributes": {"note": text}}})
                    .to_string();
                    let mut event = Event::parse(line.as_bytes()).unwrap();
                    crate::event::sanitize::clean(&mut event);
                    redactor.redact(&mut event, &sum);
                    let note = bounds::beginning(event.attribute("note"), SHOWN);
                    assert!(!goes_out(note, &secret), "{before}{form} of {length} at {offset}: {note}");
                }
            }
        }
    }

    #[test]
    fn no_secret_goes_out_where_a_long_command_is_cut() {
        let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
        for (before, form, behind) in FORMS {
            for (length, from) in [(1, WHOLE_ACTION - 60), (300, WHOLE_ACTION - 310), (3000, WHOLE_ACTION - 2000)] {
                let secret = secret(form, length);
                for offset in (from..WHOLE_ACTION).step_by(length.div_ceil(12)) {
                    let filler = "z ".repeat(offset / 2 + 1);
                    let action = format!("{}{before}{secret}{behind} {filler}", &filler[filler.len() - offset..]);
                    let line = serde_json::json!({"Type": "container", "Action": action}).to_string();
                    let mut event = Event::parse(line.as_bytes()).unwrap();
                    crate::event::sanitize::clean(&mut event);
                    redactor.redact(&mut event, &sum);
                    let shown = bounds::beginning(event.action(), WHOLE_ACTION);
                    assert!(!goes_out(shown, &secret), "{before}{form} of {length} at {offset}: {shown}");
                }
            }
        }
    }

    #[test]
    fn what_is_said_of_a_workload_holds_no_secret() {
        let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
        for (name, value, expected) in [
            ("project", "shop --password hunter2 x", "shop --password [redacted] x"),
            ("vault_token", "hunter2", REDACTED),
            ("project", "shop", "shop"),
        ] {
            let mut text = value.to_owned();
            redactor.redact_shown(name, &mut text, bounds::SHOWN, &sum);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_text_with_secrets_without_number_ends_with_the_last_that_is_looked_for() {
        let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
        let clean = redactor.text(&"--password=x ".repeat(1000), &sum).into_owned();
        assert_eq!(clean, "--password=[redacted] ".repeat(MAX_SECRETS).trim_end());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail_and_what_is_left_is_of_that_text(
            text in "(--password |token=|-p ?|mysql |://|:|@|[\"']|\\PC){0,30}",
        ) {
            let redactor = REDACTOR.get_or_init(|| Redactor::new(Mode::Mask, &[]).unwrap());
            let clean = redactor.text(&text, &sum).into_owned();
            let mut rest = text.as_str();
            for part in clean.split(REDACTED) {
                let at = rest.find(part);
                proptest::prop_assert!(at.is_some(), "{} of {}", clean, text);
                rest = rest.get(at.unwrap_or_default() + part.len()..).unwrap_or_default();
            }
        }
    }

    static REDACTOR: std::sync::OnceLock<Redactor> = std::sync::OnceLock::new();
}
