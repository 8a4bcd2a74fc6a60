//! Takes the secrets out of events and texts.

use std::borrow::Cow;
use std::ops::Range;

use crate::event::Event;
use crate::event::bounds::{self, LeftOut, SHOWN_LABEL, WHOLE_ACTION};
use crate::event::index::Field;
use crate::event::json::Value;
use crate::event::workload;

use super::find::{find, merged};
use super::hints::Hints;
use super::kinds::{Kind, Kinds, Redactions, Secret};
use super::names::{self, Name};
use super::patterns::{PatternError, Patterns};
use super::strict;
use super::text::Text;
use super::value::{is_reference, is_suspicious};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The most patterns of the user.
pub const MOST_PATTERNS: usize = 100;

/// The most secrets that are found in the labels of one event; where there are more, a label with any in it is taken for
/// one.
const MAX_IN_LABELS: u64 = 512;

/// So much of the labels of one event is gone through for secrets, in bytes, beside what holds no hint; the same is true
/// where there is more.
const MAX_LABEL_BYTES: usize = 16 << 10;

/// How a secret is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By [`REDACTED`].
    #[default]
    Mask,
    /// By a keyed hash, so that equal secrets can be seen as equal.
    Hash,
    /// By [`REDACTED`], and with them every value that rules do not need.
    Strict,
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
    /// Those of the user.
    own: Option<Patterns>,
}

/// What was taken out of a text.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    redactions: Redactions,
    /// Whether its end was taken off, too.
    is_cut: bool,
}

impl Found {
    fn one(kind: Kind) -> Self {
        Self { redactions: Redactions { count: 1, kinds: Kinds::of(kind) }, is_cut: false }
    }
}

/// What is known of a text beside itself.
#[derive(Debug, Clone, Copy)]
struct Known<'a> {
    /// So many bytes of it are shown.
    shown: usize,
    /// The arguments of its command.
    arguments: Option<&'a [&'a str]>,
    subject: Subject,
}

/// What a text is, which tells the strict mode what stays of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// A command: its programs and the names of its options.
    Command,
    /// What rules look at or show: all but its secrets.
    Fact,
    /// Anything else: nothing.
    Other,
}

impl Redactor {
    /// With patterns of the user beside what is known; of those the first group is the secret, else all that matches.
    ///
    /// # Errors
    /// Where a pattern is wrong or too large.
    pub fn new(mode: Mode, patterns: &[String]) -> Result<Self, PatternError> {
        let own = if patterns.is_empty() { None } else { Some(Patterns::compile(patterns)?) };
        Ok(Self { mode, hints: Hints::new()?, own })
    }

    /// Whether a value is a secret by its name.
    fn names_secret(&self, name: &str, value: &str) -> bool {
        // Nearly all names hold nothing that those of secrets have.
        if !self.hints.may_name(name) {
            return false;
        }
        match names::of(name.rsplit('/').next().unwrap_or_default()) {
            Name::Secret => !value.is_empty() && !is_reference(value, false),
            Name::Perhaps => is_suspicious(value) && !is_reference(value, false),
            Name::Harmless => false,
        }
    }

    /// Whether there is a secret with a blank behind it in a command, so that its arguments tell where it ends.
    #[must_use]
    pub fn needs_arguments(&self, command: &str) -> bool {
        let is_open =
            |secret: &Secret| command.get(secret.span.end..).is_some_and(|rest| rest.trim_end().contains(' '));
        matches!(self.mode, Mode::Mask | Mode::Hash)
            && self.hints.may_be_in(command)
            && find(&Text::new(command), &self.hints).iter().any(is_open)
    }

    /// Takes the secrets out of an event; how many there were, and of which kinds.
    pub fn redact(&self, event: &mut Event<'_>, hasher: Hasher<'_>) -> Redactions {
        self.redact_exec(event, None, hasher)
    }

    /// [`Self::redact`] of an event whose command has these arguments.
    pub fn redact_exec(&self, event: &mut Event<'_>, arguments: Option<&[&str]>, hasher: Hasher<'_>) -> Redactions {
        let mut redactions = Redactions::default();
        if self.mode == Mode::Off {
            return redactions;
        }
        let may_have_labels = event.may_have_labels();
        let mut lost_ends = self.redact_actions(event, arguments, hasher, &mut redactions);
        // What is written out of a short line may be longer than it, but was cut then.
        let is_short = event.is_short;
        let is_strict = self.mode == Mode::Strict;
        if may_have_labels && let Some(attributes) = event.attributes_mut() {
            let (mut in_labels, mut looked_at) = (0, 0);
            for (key, value) in attributes.iter_mut() {
                let Value::String(text) = value else { continue };
                if is_strict
                    && bounds::shown_attribute(key) == SHOWN_LABEL
                    && !workload::is_label(key)
                    && !text.is_empty()
                {
                    *text = REDACTED.into();
                    redactions += Found::one(Kind::Value).redactions;
                    continue;
                }
                // Nearly all texts hold no secret, and are short enough that nothing of them is cut.
                if is_short && self.own.is_none() && !self.hints.may_be_in(text) && !self.names_secret(key, text) {
                    continue;
                }
                looked_at += text.len();
                let found = if in_labels < MAX_IN_LABELS && looked_at <= MAX_LABEL_BYTES {
                    self.replace_named(key, text, if is_short { usize::MAX } else { SHOWN_LABEL }, hasher)
                } else {
                    self.replace_at_sight(key, text, hasher)
                };
                in_labels += found.redactions.count;
                redactions += found.redactions;
                lost_ends += u64::from(found.is_cut && text.len() <= bounds::shown_attribute(key));
            }
        }
        let left_out = event.left_out;
        event.left_out = LeftOut { texts: left_out.texts + lost_ends, ..left_out };
        redactions
    }

    /// Takes the secrets out of what happened; how many texts lost their ends.
    fn redact_actions(
        &self,
        event: &mut Event<'_>,
        arguments: Option<&[&str]>,
        hasher: Hasher<'_>,
        redactions: &mut Redactions,
    ) -> u64 {
        let is_short = event.is_short;
        let is_strict = self.mode == Mode::Strict;
        let mut lost_ends = 0;
        // Engines that write both write the same twice.
        let mut harmless = "";
        let mut before: Option<(String, String, Found)> = None;
        for field in [Field::Status, Field::Action] {
            let Some(Value::String(text)) = event.field_mut(field) else { continue };
            let is_plain = |text: &str| {
                is_short
                    && self.own.is_none()
                    && !(is_strict && text.starts_with("exec_"))
                    && !self.hints.may_be_in(text)
            };
            if let Cow::Borrowed(text) = text
                && (*text == harmless || is_plain(text))
            {
                harmless = text;
                continue;
            }
            let subject = if text.starts_with("exec_") { Subject::Command } else { Subject::Fact };
            let shown = if is_short { usize::MAX } else { WHOLE_ACTION };
            let found = match &before {
                Some((known, clean, found)) if text == known => {
                    *text = clean.clone().into();
                    *found
                }
                _ => {
                    let known = text.to_string();
                    let found = self.replace(text, Known { shown, arguments, subject }, hasher);
                    before = (found.redactions.count > 0).then(|| (known, text.to_string(), found));
                    found
                }
            };
            *redactions += found.redactions;
            lost_ends += u64::from(found.is_cut && text.len() <= bounds::SHOWN_ACTION);
            if let (0, Cow::Borrowed(text)) = (found.redactions.count, text) {
                harmless = text;
            }
        }
        lost_ends
    }

    /// A text without the secrets in it; in the strict mode nothing of it.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str, hasher: Hasher<'_>) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        if self.mode != Mode::Off {
            self.replace(&mut text, Known { shown: usize::MAX, arguments: None, subject: Subject::Other }, hasher);
        }
        text
    }

    /// The command of an event without the secrets in it; its arguments, where the engine has told them.
    #[must_use]
    pub fn command<'t>(&self, text: &'t str, arguments: Option<&[&str]>, hasher: Hasher<'_>) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        if self.mode != Mode::Off {
            self.replace(&mut text, Known { shown: usize::MAX, arguments, subject: Subject::Command }, hasher);
        }
        text
    }

    /// Takes the secrets out of a text.
    pub fn redact_text(&self, text: &mut String, hasher: Hasher<'_>) -> Redactions {
        if self.mode == Mode::Off {
            return Redactions::default();
        }
        let mut clean = Cow::Borrowed(text.as_str());
        let known = Known { shown: usize::MAX, arguments: None, subject: Subject::Other };
        let redactions = self.replace(&mut clean, known, hasher).redactions;
        if redactions.count > 0 {
            *text = clean.into_owned();
        }
        redactions
    }

    /// What may be shown of a text of which no more than so many bytes are shown, without the secrets in it: also none
    /// of which only the beginning is within them.
    #[must_use]
    pub fn beginning<'t>(&self, text: &'t str, shown: usize, hasher: Hasher<'_>) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        self.redact_beginning("", &mut text, shown, hasher);
        text
    }

    /// Takes the secrets out of the value of a field of this name, and cuts it to what may be shown. The name of a secret
    /// makes all of its value one.
    pub fn redact_beginning(
        &self,
        name: &str,
        text: &mut Cow<'_, str>,
        shown: usize,
        hasher: Hasher<'_>,
    ) -> Redactions {
        bounds::cut(text, shown);
        let found =
            if self.mode == Mode::Off { Found::default() } else { self.replace_named(name, text, shown, hasher) };
        shorten(text, shown, found)
    }

    /// [`Self::redact_beginning`] of a text that is owned.
    pub fn redact_shown(&self, name: &str, text: &mut String, shown: usize, hasher: Hasher<'_>) -> Redactions {
        let mut beginning = Cow::Borrowed(text.as_str());
        let redactions = self.redact_beginning(name, &mut beginning, shown, hasher);
        match beginning {
            Cow::Borrowed(beginning) => text.truncate(beginning.len()),
            Cow::Owned(beginning) => *text = beginning,
        }
        redactions
    }

    /// [`Self::redact_shown`] of a command with these arguments.
    pub fn redact_command(&self, text: &mut String, arguments: Option<&[&str]>, shown: usize, hasher: Hasher<'_>) {
        let mut beginning = Cow::Borrowed(text.as_str());
        bounds::cut(&mut beginning, shown);
        let found = if self.mode == Mode::Off {
            Found::default()
        } else {
            self.replace(&mut beginning, Known { shown, arguments, subject: Subject::Command }, hasher)
        };
        shorten(&mut beginning, shown, found);
        match beginning {
            Cow::Borrowed(beginning) => text.truncate(beginning.len()),
            Cow::Owned(beginning) => *text = beginning,
        }
    }

    fn replace_named(&self, name: &str, text: &mut Cow<'_, str>, shown: usize, hasher: Hasher<'_>) -> Found {
        if self.names_secret(name, text) {
            *text = self.instead_of(text, hasher).into();
            return Found::one(Kind::Credential);
        }
        let subject = if name.is_empty() { Subject::Other } else { Subject::Fact };
        self.replace(text, Known { shown, arguments: None, subject }, hasher)
    }

    /// Takes a text for a secret where there may be any in it.
    fn replace_at_sight(&self, name: &str, text: &mut Cow<'_, str>, hasher: Hasher<'_>) -> Found {
        if !text.is_empty()
            && (self.hints.may_be_in(text)
                || self.names_secret(name, text)
                || self.own.as_ref().is_some_and(|own| own.find_any(text)))
        {
            *text = self.instead_of(text, hasher).into();
            return Found::one(Kind::Credential);
        }
        Found::default()
    }

    /// Takes the secrets out of a text of which so many bytes are shown; of one that was cut, see [`bounds::cut`], all
    /// that is beyond them goes with them.
    fn replace(&self, text: &mut Cow<'_, str>, known: Known<'_>, hasher: Hasher<'_>) -> Found {
        let is_cut = known.shown != usize::MAX && bounds::may_be_cut(text.len(), known.shown);
        let end = if is_cut { bounds::boundary(text, known.shown) } else { text.len() };
        let mut secrets = self.secrets(text, known);
        if is_cut {
            secrets.extend(self.open_secrets(text, end, known));
            secrets = merged(text, secrets);
            secrets.retain(|secret| secret.span.start < end);
        }
        if secrets.is_empty() {
            return Found::default();
        }
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        let mut redactions = Redactions::default();
        for Secret { span, kind } in &secrets {
            out.push_str(text.get(done..span.start).unwrap_or_default());
            out.push_str(&self.instead_of(text.get(span.clone()).unwrap_or_default(), hasher));
            redactions += Redactions { count: 1, kinds: Kinds::of(*kind) };
            done = span.end;
        }
        out.push_str(text.get(done..end).unwrap_or_default());
        *text = out.into();
        Found { redactions, is_cut }
    }

    /// The secrets that begin before this place of a text that was cut, and whose end is not there to recognize them
    /// by.
    fn open_secrets(&self, text: &str, end: usize, known: Known<'_>) -> Vec<Secret> {
        let (before, margin) = text.split_at_checked(end).unwrap_or((text, ""));
        let is_open = |quote: char| before.contains(quote) && !margin.contains(quote);
        let word = match text.rfind(|c: char| c.is_ascii_whitespace()) {
            Some(blank) if blank >= end => "",
            Some(blank) => text.get(blank..).unwrap_or_default(),
            None => text,
        };
        let mut secrets = Vec::new();
        for (ending, is_open) in [
            ("\"", is_open('"')),
            ("'", is_open('\'')),
            // The host of a URL, the rest of a token of three parts.
            ("@h", word.contains("://")),
            (".eyJaaaaaaaa.aaaaaaaa", word.contains("eyJ")),
        ] {
            if is_open {
                let found = self.secrets(&format!("{text}{ending}"), Known { arguments: None, ..known });
                let within = |span: Range<usize>| span.start..span.end.min(text.len());
                secrets.extend(found.into_iter().map(|secret| Secret { span: within(secret.span), kind: secret.kind }));
            }
        }
        secrets
    }

    fn instead_of(&self, secret: &str, hasher: Hasher<'_>) -> String {
        match self.mode {
            Mode::Hash => format!("[redacted:{:016x}]", hasher(secret.as_bytes())),
            Mode::Mask | Mode::Strict | Mode::Off => REDACTED.to_owned(),
        }
    }

    /// The secrets of a text, in order and without overlaps.
    fn secrets(&self, text: &str, known: Known<'_>) -> Vec<Secret> {
        let is_strict = self.mode == Mode::Strict && known.subject != Subject::Fact;
        if is_strict && known.subject == Subject::Other {
            return vec![Secret { span: 0..text.len(), kind: Kind::Value }];
        }
        let may_be = self.hints.may_be_in(text);
        if !may_be && self.own.is_none() && !is_strict {
            return Vec::new();
        }
        let mut secrets = Vec::new();
        if may_be || is_strict {
            let known =
                known.arguments.map_or_else(|| Text::new(text), |arguments| Text::with_arguments(text, arguments));
            if may_be {
                secrets = find(&known, &self.hints);
            }
            if is_strict {
                secrets.extend(strict::values(&known));
            }
        }
        if let Some(own) = &self.own {
            own.find(text, |span| secrets.push(Secret { span, kind: Kind::Own }));
        }
        secrets.retain(|secret| !text.get(secret.span.clone()).is_none_or(|secret| secret.starts_with("[redacted")));
        if is_strict || self.own.is_some() { merged(text, secrets) } else { secrets }
    }
}

/// Cuts a text to what may be shown of it.
fn shorten(text: &mut Cow<'_, str>, shown: usize, found: Found) -> Redactions {
    match text {
        Cow::Borrowed(text) => *text = bounds::beginning(text, shown),
        Cow::Owned(text) if !found.is_cut => text.truncate(bounds::boundary(text, shown)),
        // It ends with what stands for the last secret.
        Cow::Owned(_) => {}
    }
    found.redactions
}
