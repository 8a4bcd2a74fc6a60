//! The datagram: `1:Wazuh-Docker:` and one JSON object.
//!
//! `docker` is the engine's event, field for field what the Python listener sends; `docker_listener` beside it is ours.
//! The engine's own attributes come before the labels, since analysisd takes the first field whose name matches without
//! regard to case.
//!
//! Three limits hold, and what is left out for them is said in `docker_listener.truncated`:
//! - [`LARGEST`] bytes for all, since agents drop what is larger;
//! - [`MOST_FIELDS`] fields, since analysisd takes the first 256 and drops the rest;
//! - [`SHOWN_ACTION`] bytes for what happened, [`SHOWN`] for each text that rules show, since a rule whose description
//!   would come to more than 1,024 shows its template instead. An action that is longer stands whole, up to
//!   [`WHOLE_ACTION`] bytes, in `docker_listener.whole`.
//!
//! The largest labels go first, then the ends of the longest texts; a message is never cut into what is no JSON.

use std::borrow::Cow;
use std::cell::Cell;

use crate::docker::availability::Identity;
use crate::event::bounds::{LeftOut, boundary, shown, shown_attribute};
pub use crate::event::bounds::{SHOWN, SHOWN_ACTION, SHOWN_LABEL, WHOLE_ACTION};
use crate::event::index::{FIELDS, Field};
use crate::event::json::{Object, ObjectWriter, Texts, Value, write_plain, write_string};
use crate::event::meaning::{self, Meaning, WrittenFields};
use crate::event::redact::Redactions;
use crate::event::sanitize::Changes;
use crate::event::{Attribute, Event};

/// The queue's id and the location, under which Wazuh shows and counts the events.
pub const HEADER: &str = "1:Wazuh-Docker:";

/// The most that gets through an agent and a manager, in bytes with the header, with some room for what they add.
pub const LARGEST: usize = 65_000;

/// The most fields; analysisd's `decoder_order_size` is 256, and a decoder before ours may have set some.
pub const MOST_FIELDS: usize = 200;

/// A message of more fields than this is not written as a whole first.
const TRIED_FIELDS: usize = 2 * MOST_FIELDS;

/// No text is cut to less than this, in bytes: what rules match by is shorter. A limit that is smaller than what is
/// left then is not kept, but [`LARGEST`] is.
const SHORTEST: usize = 32;

/// What is known beside the event itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    engine: Identity,
    /// What messages say of the engine.
    written: String,
    /// The number of the message, counted over all messages of an installation.
    pub sequence: u64,
}

impl Context {
    /// An engine that says this of itself, where it is, and the number of the last message.
    #[must_use]
    pub fn new(engine: Identity, endpoint: &str, sequence: u64) -> Self {
        let mut written = String::new();
        let mut writer = ObjectWriter::new(&mut written);
        writer.text("name", &engine.name);
        writer.text("version", &engine.version);
        writer.text("api", &engine.api);
        writer.text("host", endpoint);
        writer.end();
        Self { engine, written, sequence }
    }

    /// What the engine says it is.
    #[must_use]
    pub fn engine(&self) -> &Identity {
        &self.engine
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new(Identity::default(), "", 0)
    }
}

/// What was found out about an event, and done to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What was changed to make it safe.
    pub changes: Changes,
    /// The labels that pose as facts.
    pub forged: Option<Forged>,
    /// Why the engine could not say what is true.
    pub no_answer: Option<NoAnswer>,
    /// The secrets that were taken out.
    pub redacted: Redactions,
    /// What the event means.
    pub meaning: Meaning,
    /// Whether it was found out too late for the event, which has gone before.
    pub is_late: bool,
    /// How old the event was when it was judged, in milliseconds; only shown where the engine's answer was
    /// [`NoAnswer::Gone`].
    pub age_ms: Option<u64>,
    /// Whether the event happened before the connection was made and came from the engine's ring.
    pub replayed: bool,
}

impl Findings {
    /// The age to show: only that of an event whose object the engine did not know any more.
    fn age_when_gone(&self) -> Option<u64> {
        self.age_ms.filter(|_| self.no_answer == Some(NoAnswer::Gone))
    }
}

/// Labels that pose as facts, and the facts as far as the engine still knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forged {
    /// The attributes that are labels.
    pub fields: Vec<&'static str>,
    /// The true exit code.
    pub exit_code: Option<i64>,
    /// Whether the kernel killed the container for want of memory.
    pub oom_killed: Option<bool>,
}

/// Why there is no answer of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no such container any more.
    Gone,
    /// It did not come in time.
    Timeout,
    /// It was too large to be read.
    TooLarge,
    /// The engine did not say.
    Failed,
    /// The engine was not asked: too many answers are late, or there is no time.
    NotAsked,
    /// The engine was not asked, because the configuration forbids it.
    Off,
}

impl NoAnswer {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
            Self::NotAsked => "not_asked",
            Self::Off => "off",
        }
    }
}

/// What was left out to keep a message within its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Truncation {
    /// How many labels are missing.
    pub labels: u64,
    /// How many texts lost their end.
    pub texts: u64,
    /// The size the message would have had, in bytes, without what was never kept of the event.
    pub bytes: u64,
    /// How many fields are missing that are no labels, and elements of arrays.
    pub fields: u64,
}

impl Truncation {
    /// With what the bounds of an event have left out before.
    fn with(self, left_out: LeftOut) -> Self {
        Self {
            labels: self.labels.saturating_add(left_out.labels),
            texts: self.texts.saturating_add(left_out.texts),
            bytes: self.bytes.saturating_add(left_out.bytes),
            fields: self.fields.saturating_add(left_out.fields),
        }
    }
}

/// A message that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed {
    /// The datagram.
    pub text: String,
    /// Whether something was left out of it.
    pub is_truncated: bool,
}

/// The message for an event, of at most `limit` bytes and never more than [`LARGEST`].
#[must_use]
pub fn frame(event: &Event<'_>, findings: &Findings, context: &Context, limit: usize) -> Framed {
    let mut text = String::with_capacity(1024);
    let is_truncated = write(event, findings, context, limit, &mut text);
    Framed { text, is_truncated }
}

/// Appends the message for an event, of at most `limit` bytes and never more than [`LARGEST`]; whether something was
/// left out of it.
pub fn write(event: &Event<'_>, findings: &Findings, context: &Context, limit: usize, out: &mut String) -> bool {
    let limit = limit.min(LARGEST);
    let meaning = findings.meaning.fields_beside_image();
    let image = written_image(&findings.meaning);
    let writing = Writing { event, findings, context, meaning: &meaning, image: image.as_deref() };
    let whole = Cut::default();
    let start = out.len();
    let left_out = event.left_out();
    let fields = writing.fields(&whole);
    if fields > TRIED_FIELDS {
        // Not all of them fit, so writing them would be in vain.
        out.push_str(&writing.shortened(limit, None));
        return true;
    }
    // Nearly all fit, so that is tried before it is known.
    writing.write(None, &whole, out);
    let bytes = out.len() - start;
    let is_whole = bytes <= limit && fields <= MOST_FIELDS;
    if is_whole && whole.missed.get() == 0 && !left_out.is_something() {
        return false;
    }
    out.truncate(start);
    if is_whole {
        let truncation = Truncation { texts: whole.missed.get(), bytes: bytes as u64, ..Truncation::default() };
        writing.write(Some(truncation.with(left_out)), &whole, out);
        if out.len() - start <= limit {
            return true;
        }
        out.truncate(start);
    }
    out.push_str(&writing.shortened(limit, Some(bytes as u64)));
    true
}

/// The message for something that an audit found; `fields` are safe texts, of which at most [`SHOWN`] bytes are shown.
#[must_use]
pub fn audit(fields: &[(&str, &str)], host: &str, now: jiff::Timestamp) -> String {
    let whole = Cut::default();
    let mut out = String::from(HEADER);
    let mut message = ObjectWriter::new(&mut out);
    message.text("integration", "docker");
    let mut ours = message.object("docker_listener");
    let mut audit = ours.object("audit");
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        write_string(whole.end(value, SHOWN), audit.any_key(key, false));
    }
    audit.end();
    let mut engine = ours.object("engine");
    engine.text("host", host);
    engine.end();
    ours.text("timestamp", &format!("{now:.3}"));
    ours.end();
    message.end();
    out
}

/// The same message with a mark that it may have been delivered before; the listener was killed while it sent it.
#[must_use]
pub fn repeated(message: &[u8]) -> Vec<u8> {
    // What the listener adds is the last object of every message.
    match message.strip_suffix(b"}}") {
        Some(start) => [start, b", \"repeat\": \"possible\"}}"].concat(),
        None => message.to_owned(),
    }
}

/// What to leave out.
#[derive(Debug, Default)]
struct Cut {
    /// The attributes at these places, which are labels.
    labels: Vec<bool>,
    /// What is more than this many bytes of a text.
    longest: Option<usize>,
    /// What Docker does not define.
    unknown: bool,
    /// How many texts of the event lost their ends so far.
    missed: Cell<u64>,
}

impl Cut {
    fn leave_out(&mut self, place: usize) {
        if self.labels.len() <= place {
            self.labels.resize(place + 1, false);
        }
        if let Some(label) = self.labels.get_mut(place) {
            *label = true;
        }
    }

    fn leaves_out(&self, place: usize) -> bool {
        self.labels.get(place).copied().unwrap_or_default()
    }

    /// [`Self::end`] of a text of the event, which counts where that is not all of it.
    fn end_counted<'t>(&self, text: &'t str, shown: usize) -> &'t str {
        let end = self.end(text, shown);
        self.missed.set(self.missed.get() + u64::from(end.len() < text.len()));
        end
    }

    /// What may stand of a text that at most `shown` bytes are shown of.
    fn end<'t>(&self, text: &'t str, shown: usize) -> &'t str {
        let most = self.longest.map_or(shown, |longest| longest.min(shown));
        if text.len() <= most {
            return text;
        }
        text.get(..boundary(text, most)).unwrap_or_default()
    }
}

/// What an image's fields are in a message.
fn written_image(meaning: &Meaning) -> Option<Cow<'_, WrittenFields>> {
    let origin = meaning.image.as_ref()?;
    let write = || {
        let fields = meaning.image_fields();
        let mut text = String::new();
        write_fields(&fields, &mut ObjectWriter::new(&mut text));
        // Without the brace that a writer opens with.
        WrittenFields { text: text.split_off(1), count: fields.len() }
    };
    // Most events of a container say the same of its image as the one before.
    Some(if meaning.says_more_of_image() {
        Cow::Owned(write())
    } else {
        Cow::Borrowed(origin.written.get_or_init(write))
    })
}

/// Objects of fields, which stand side by side where they are of the same.
fn write_fields(fields: &[meaning::Field<'_>], ours: &mut ObjectWriter<'_>) {
    let whole = Cut::default();
    for fields in fields.chunk_by(|a, b| a.object == b.object) {
        let Some(first) = fields.first() else { continue };
        let mut writer = ours.object(first.object);
        for field in fields {
            writer.text(field.key, whole.end(&field.value, SHOWN));
        }
        writer.end();
    }
}

/// One event on its way to a message.
struct Writing<'e, 'a> {
    event: &'e Event<'a>,
    findings: &'e Findings,
    context: &'e Context,
    meaning: &'e [meaning::Field<'e>],
    image: Option<&'e WrittenFields>,
}

impl Writing<'_, '_> {
    /// A message of at most `limit` bytes instead of one of so many, where that is known.
    fn shortened(&self, limit: usize, bytes: Option<u64>) -> String {
        let mut cut = Cut::default();
        let mut by_size: Vec<(usize, usize)> = self.labels().collect();
        for (place, _) in &by_size {
            cut.leave_out(*place);
        }
        cut.unknown = self.fields(&cut) > MOST_FIELDS;
        // The widest numbers, so that the true ones fit.
        let fields = if self.event.left_out().fields > 0 { u64::MAX } else { 0 };
        let widest = Truncation { labels: u64::MAX, texts: u64::MAX, bytes: u64::MAX, fields };
        let without_labels = self.written(Some(widest), &cut).len();
        let mut room = limit.saturating_sub(without_labels);
        let of_labels = || by_size.iter().map(|(_, size)| *size).sum::<usize>();
        let bytes = bytes.unwrap_or_else(|| (without_labels + of_labels()) as u64);
        let mut fields = MOST_FIELDS.saturating_sub(self.fields(&cut));
        // The smallest labels are the ones that say most for their size.
        by_size.sort_by_key(|(_, size)| *size);
        cut.labels.clear();
        let mut dropped = 0;
        for (place, size) in by_size {
            if size <= room && fields > 0 && dropped == 0 {
                room -= size;
                fields -= 1;
            } else {
                dropped += 1;
                cut.leave_out(place);
            }
        }
        let mut longest = WHOLE_ACTION;
        loop {
            let truncation = Truncation { labels: dropped, texts: self.long_texts(&cut), bytes, fields: 0 };
            let message = self.written(Some(truncation.with(self.event.left_out())), &cut);
            if message.len() <= limit || longest <= SHORTEST {
                return message;
            }
            longest /= 2;
            cut.longest = Some(longest);
            cut.unknown |= longest < SHOWN;
        }
    }

    /// The places of the labels with the size each takes in the message.
    fn labels(&self) -> impl Iterator<Item = (usize, usize)> {
        let cut = Cut::default();
        let mut text = String::new();
        self.event.labels().map(move |Attribute { place, key, value, .. }| {
            text.clear();
            write_string(key, &mut text);
            write_value(&mut text, value, SHOWN_LABEL, Texts::Unknown, &cut);
            (place, text.len() + ", : ".len())
        })
    }

    /// How many fields analysisd makes of it.
    fn fields(&self, cut: &Cut) -> usize {
        // What the listener adds at the most: engine 4, sequence, timestamp, truncated 3, changed 5, forged 3, inspect,
        // redacted 2, exact 4, whole, repeat, integration.
        const OURS: usize = 30;
        let of_event = |(key, value): (&str, &Value<'_>)| match (key, value) {
            ("Actor", Value::Object(actor)) => actor
                .iter()
                .map(|(key, value)| match (key, value) {
                    ("Attributes", Value::Object(attributes)) => attributes
                        .iter()
                        .enumerate()
                        .filter(|(place, _)| !cut.leaves_out(*place))
                        .map(|(_, (_, value))| leaves(value))
                        .sum(),
                    ("ID", _) => 1,
                    _ if cut.unknown => 0,
                    _ => leaves(value),
                })
                .sum(),
            _ if cut.unknown && !FIELDS.contains(&key) => 0,
            _ => leaves(value),
        };
        OURS + usize::from(self.findings.meaning.exit_code.is_some())
            + usize::from(self.findings.age_when_gone().is_some())
            + usize::from(self.findings.replayed)
            + usize::from(self.event.left_out().fields > 0)
            + usize::from(self.findings.changes.shortened > 0)
            + self.meaning.len()
            + self.image.map_or(0, |image| image.count)
            + self.event.legacy_fields().count()
            + self.event.fields().iter().map(of_event).sum::<usize>()
    }

    /// How many texts lose their end.
    fn long_texts(&self, cut: &Cut) -> u64 {
        let is_long = |text: &str, shown| u64::from(cut.end(text, shown).len() < text.len());
        let count = |value: &Value<'_>, shown| texts(value).map(|text| is_long(text, shown)).sum::<u64>();
        let of_actor = |(key, value): (&str, &Value<'_>)| match (key, value) {
            ("Attributes", Value::Object(attributes)) => attributes
                .iter()
                .enumerate()
                .filter(|(place, _)| !cut.leaves_out(*place))
                .map(|(_, (key, value))| count(value, shown_attribute(key)))
                .sum(),
            _ => count(value, SHOWN),
        };
        let of_event = self.event.fields().iter().map(|(key, value)| match (key, value) {
            ("Actor", Value::Object(actor)) => actor.iter().map(of_actor).sum(),
            _ => count(value, shown(key)),
        });
        let filled_in = self.event.legacy_fields().map(|(field, text)| is_long(text, shown(field.name())));
        of_event.sum::<u64>() + filled_in.sum::<u64>()
    }

    fn written(&self, truncation: Option<Truncation>, cut: &Cut) -> String {
        let mut out = String::with_capacity(1024);
        self.write(truncation, cut, &mut out);
        out
    }

    fn write(&self, truncation: Option<Truncation>, cut: &Cut, out: &mut String) {
        // One is the most that most take.
        out.reserve(1024);
        out.push_str(HEADER);
        let mut message = ObjectWriter::new(out);
        message.ready("\"integration\": \"docker\"");
        self.write_event(message.object("docker"), cut);
        self.write_ours(truncation, cut, message.object("docker_listener"));
        message.end();
    }

    fn write_event(&self, mut docker: ObjectWriter<'_>, cut: &Cut) {
        let texts = self.event.texts();
        // The three that newer engines leave out stand first, as the older ones write them.
        let mut filled_in = self.event.legacy_fields().peekable();
        for field in [Field::Status, Field::Id, Field::From] {
            if let Some(value) = self.event.field(field) {
                write_value(docker.key(field.name()), value, shown(field.name()), texts, cut);
            } else if let Some((_, text)) = filled_in.next_if(|(filled, _)| *filled == field) {
                write_string(cut.end_counted(text, shown(field.name())), docker.key(field.name()));
            }
        }
        // What rules look for stands before what they do not know, whatever the engine's order.
        for field in [Field::Type, Field::Action, Field::Actor, Field::Scope, Field::Time, Field::TimeNano] {
            match (field, self.event.field(field)) {
                (Field::Actor, Some(Value::Object(actor))) => self.write_actor(docker.object(field.name()), actor, cut),
                (_, Some(value)) => write_value(docker.key(field.name()), value, shown(field.name()), texts, cut),
                (_, None) => {}
            }
        }
        if !cut.unknown {
            for (key, value) in self.event.fields().iter().filter(|(key, _)| Field::of(key).is_none()) {
                write_value(docker.any_key(key, false), value, shown(key), texts, cut);
            }
        }
        docker.end();
    }

    fn write_actor(&self, mut writer: ObjectWriter<'_>, actor: &Object<'_>, cut: &Cut) {
        let texts = self.event.texts();
        if let Some(id) = actor.get("ID") {
            write_value(writer.key("ID"), id, SHOWN, texts, cut);
        }
        match actor.get("Attributes") {
            Some(Value::Object(_)) => self.write_attributes(writer.object("Attributes"), cut),
            Some(value) if !cut.unknown => write_value(writer.key("Attributes"), value, SHOWN, texts, cut),
            _ => {}
        }
        if !cut.unknown {
            for (key, value) in actor.iter().filter(|(key, _)| !matches!(*key, "ID" | "Attributes")) {
                write_value(writer.any_key(key, false), value, SHOWN, texts, cut);
            }
        }
        writer.end();
    }

    fn write_attributes(&self, mut attributes: ObjectWriter<'_>, cut: &Cut) {
        let texts = self.event.texts();
        self.event.each_attribute(|Attribute { place, key, value, is_own }| {
            if is_own {
                write_value(attributes.any_key(key, true), value, SHOWN, texts, cut);
            } else if !cut.leaves_out(place) {
                write_value(attributes.any_key(key, texts.are_plain(key)), value, SHOWN_LABEL, texts, cut);
            }
        });
        attributes.end();
    }

    /// The digits of numbers that readers of JSON make doubles of; the engine's own time stamp has a field above.
    fn write_exact(&self, ours: &mut ObjectWriter<'_>) {
        const EXACT_DOUBLE: u64 = 1 << 53;
        const MOST: usize = 4;
        let large = self.event.fields().iter().filter(|(key, _)| !matches!(*key, "time" | "timeNano"));
        // A key that could fill the message is none that a rule knows.
        let large = large.filter(|(key, _)| key.len() <= SHOWN).filter_map(|(key, value)| match value {
            Value::Number(number) => Some((key, number)),
            _ => None,
        });
        let beyond = |number: &serde_json::Number| {
            number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)).is_some_and(|n| n > EXACT_DOUBLE)
        };
        let large: Vec<_> = large.filter(|(_, number)| beyond(number)).take(MOST).collect();
        if large.is_empty() {
            return;
        }
        let mut exact = ours.object("exact");
        for (key, number) in large {
            write_string(&number.to_string(), exact.any_key(key, false));
        }
        exact.end();
    }

    fn write_timestamp(&self, ours: &mut ObjectWriter<'_>) {
        if let Some(time) = self.event.time() {
            let out = ours.key("timestamp");
            out.push('"');
            time.write(out);
            out.push('"');
        }
    }

    fn write_meaning(&self, ours: &mut ObjectWriter<'_>) {
        if let Some(exit_code) = self.findings.meaning.exit_code {
            ours.text("exit_code", itoa::Buffer::new().format(exit_code));
        }
        if let Some(image) = self.image {
            ours.ready(&image.text);
        }
        write_fields(self.meaning, ours);
    }

    fn write_ours(&self, truncation: Option<Truncation>, cut: &Cut, mut ours: ObjectWriter<'_>) {
        ours.key("engine").push_str(&self.context.written);
        ours.count("sequence", self.context.sequence);
        self.write_timestamp(&mut ours);
        if !cut.unknown {
            self.write_exact(&mut ours);
        }
        let action = self.event.action();
        if cut.end(action, SHOWN_ACTION).len() < action.len() {
            let mut whole = ours.object("whole");
            whole.text("Action", cut.end(action, WHOLE_ACTION));
            whole.end();
        }
        self.write_meaning(&mut ours);
        if self.findings.is_late {
            ours.text("late", "true");
        }
        write_changes(&self.findings.changes, &mut ours);
        if let Some(forged) = &self.findings.forged {
            write_forged(forged, &mut ours);
        }
        let Redactions { count, kinds } = self.findings.redacted;
        if count > 0 {
            ours.count("redacted", count);
            ours.text("redacted_kinds", &kinds.words().collect::<Vec<_>>().join(", "));
        }
        if let Some(no_answer) = self.findings.no_answer {
            ours.text("inspect", no_answer.name());
        }
        if let Some(age_ms) = self.findings.age_when_gone() {
            ours.count("age_ms", age_ms);
        }
        if self.findings.replayed {
            ours.text("replayed", "true");
        }
        if let Some(truncation) = truncation {
            let mut truncated = ours.object("truncated");
            truncated.count("labels", truncation.labels);
            truncated.count("texts", truncation.texts);
            truncated.count("bytes", truncation.bytes);
            if truncation.fields > 0 {
                truncated.count("fields", truncation.fields);
            }
            truncated.end();
        }
        ours.end();
    }
}

fn write_changes(changes: &Changes, ours: &mut ObjectWriter<'_>) {
    if changes.is_nothing() {
        return;
    }
    let mut writer = ours.object("changed");
    for (key, count) in [
        ("characters", changes.characters),
        ("labels_renamed", changes.renamed),
        ("arrays", changes.arrays),
        ("flattened", changes.flattened),
        ("shortened", changes.shortened),
        ("repaired", u64::from(changes.repaired)),
    ] {
        if count > 0 {
            writer.count(key, count);
        }
    }
    writer.end();
}

/// Facts are texts, as the engine writes them in its attributes.
fn write_forged(forged: &Forged, ours: &mut ObjectWriter<'_>) {
    let mut writer = ours.object("forged");
    writer.text("fields", &forged.fields.join(", "));
    if let Some(exit_code) = forged.exit_code {
        writer.text("exitCode", &exit_code.to_string());
    }
    if let Some(oom_killed) = forged.oom_killed {
        writer.text("oomKilled", if oom_killed { "true" } else { "false" });
    }
    writer.end();
}

fn write_value(out: &mut String, value: &Value<'_>, shown: usize, texts: Texts, cut: &Cut) {
    match value {
        Value::String(text) => {
            let end = cut.end_counted(text, shown);
            if texts.are_plain(text) { write_plain(end, out) } else { write_string(end, out) }
        }
        Value::Object(object) => {
            let mut writer = ObjectWriter::new(out);
            for (key, value) in object.iter() {
                write_value(writer.any_key(key, false), value, shown, texts, cut);
            }
            writer.end();
        }
        _ => value.write(out),
    }
}

/// How many fields a value becomes, at the most; an array becomes one.
fn leaves(value: &Value<'_>) -> usize {
    match value {
        Value::Object(object) if !object.is_empty() => object.iter().map(|(_, value)| leaves(value)).sum(),
        _ => 1,
    }
}

/// The texts in a value that could be shortened.
fn texts<'v>(value: &'v Value<'_>) -> Box<dyn Iterator<Item = &'v str> + 'v> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_ref())),
        Value::Object(object) => Box::new(object.iter().flat_map(|(_, value)| texts(value))),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn message(line: &str, limit: usize) -> (String, Json) {
        let engine = Identity { name: "docker".into(), version: "20.10.24".into(), api: "1.41".into() };
        let context = Context::new(engine, "unix:///var/run/docker.sock", 7);
        let message = frame(&Event::parse(line.as_bytes()).unwrap(), &Findings::default(), &context, limit).text;
        let json = serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap();
        (message, json)
    }

    #[test]
    fn is_the_design_to_the_letter() {
        let line = r#"{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"Name":"lie","image":"bb:1","name":"web"}},"scope":"local","time":1795217220,"timeNano":1795217220632019339}"#;
        assert_eq!(
            message(line, LARGEST).0,
            "1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"status\": \"start\", \"id\": \"c1\", \
             \"from\": \"bb:1\", \"Type\": \"container\", \"Action\": \"start\", \"Actor\": {\"ID\": \"c1\", \
             \"Attributes\": {\"name\": \"web\", \"image\": \"bb:1\", \"Name\": \"lie\"}}, \"scope\": \"local\", \
             \"time\": 1795217220, \"timeNano\": 1795217220632019339}, \"docker_listener\": {\"engine\": {\"name\": \
             \"docker\", \"version\": \"20.10.24\", \"api\": \"1.41\", \"host\": \"unix:///var/run/docker.sock\"}, \
             \"sequence\": 7, \"timestamp\": \"2026-11-20T23:27:00.632019339Z\"}}"
        );
    }

    #[test]
    fn a_message_that_may_come_twice_says_so() {
        let (text, mut json) = message(r#"{"Type":"image","Action":"pull"}"#, LARGEST);
        let repeated = String::from_utf8(repeated(text.as_bytes())).unwrap();
        json["docker_listener"]["repeat"] = "possible".into();
        assert_eq!(serde_json::from_str::<Json>(repeated.strip_prefix(HEADER).unwrap()).unwrap(), json);
    }

    /// A container's event with these labels beside its name.
    fn labelled(labels: impl Iterator<Item = (String, String)>) -> String {
        let mut attributes: serde_json::Map<String, Json> =
            labels.map(|(key, value)| (key, Json::from(value))).collect();
        attributes.insert("name".to_owned(), "web".into());
        serde_json::json!({"Type": "container", "Action": "start", "Actor": {"ID": "c1", "Attributes": attributes}})
            .to_string()
    }

    fn attributes(json: &Json) -> &serde_json::Map<String, Json> {
        json["docker"]["Actor"]["Attributes"].as_object().unwrap()
    }

    #[test]
    fn drops_the_largest_labels_first_and_says_so() {
        let large = (0..80).map(|n| (format!("large{n:02}"), "x".repeat(820 + n)));
        let line = labelled(large.chain([("small".to_owned(), "1".to_owned())]));
        let (text, json) = message(&line, LARGEST);
        assert!(text.len() <= LARGEST && text.len() > LARGEST - 1000, "{}", text.len());
        let kept = attributes(&json);
        assert_eq!((&kept["name"], &kept["small"]), (&"web".into(), &"1".into()));
        let truncated = &json["docker_listener"]["truncated"];
        let dropped = truncated["labels"].as_u64().unwrap();
        assert_eq!((kept.len() as u64 + dropped, truncated["texts"].as_u64()), (82, Some(0)));
        assert!(kept.contains_key("large00") && !kept.contains_key("large79"));
        assert!(truncated["bytes"].as_u64().unwrap() > 70_000);
    }

    #[test]
    fn two_hundred_fields_are_the_most_whatever_the_labels() {
        // status, id, Type, Action, ID, name, and what the listener adds at the most.
        const WITHOUT_LABELS: usize = 6 + 30;
        for (labels, dropped) in [
            (MOST_FIELDS - WITHOUT_LABELS - 1, 0),
            (MOST_FIELDS - WITHOUT_LABELS, 0),
            (MOST_FIELDS - WITHOUT_LABELS + 1, 1),
            (60_000, 60_000 - (MOST_FIELDS - WITHOUT_LABELS)),
        ] {
            let (_, json) = message(&labelled((0..labels).map(|n| (format!("l{n}"), "v".to_owned()))), LARGEST);
            assert!(leaves_of(&json) <= MOST_FIELDS, "{}", leaves_of(&json));
            assert_eq!(attributes(&json).len(), labels - dropped + 1, "of {labels}");
            assert_eq!(attributes(&json)["name"], "web");
            assert_eq!(json["docker_listener"]["truncated"]["labels"].as_u64().unwrap_or_default(), dropped as u64);
        }
    }

    fn leaves_of(json: &Json) -> usize {
        match json {
            Json::Object(object) => object.values().map(leaves_of).sum(),
            _ => 1,
        }
    }

    #[test]
    fn a_text_is_no_longer_than_a_description_can_show() {
        for (length, is_whole) in [(SHOWN_ACTION - 1, true), (SHOWN_ACTION, true), (SHOWN_ACTION + 1, false)] {
            let action = format!("exec_start: {}", "x".repeat(length - "exec_start: ".len()));
            let line = format!(r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"c"}}}}"#);
            let (_, json) = message(&line, LARGEST);
            let sent = json["docker"]["Action"].as_str().unwrap();
            assert_eq!(json["docker"]["status"], sent);
            assert_eq!((sent == action, sent.len()), (is_whole, length.min(SHOWN_ACTION)));
            let whole = json["docker_listener"]["whole"]["Action"].as_str();
            assert_eq!(whole, (!is_whole).then_some(action.as_str()));
            assert_eq!(json["docker_listener"]["truncated"]["texts"].as_u64(), (!is_whole).then_some(2));
        }
        for (key, most) in [("image", SHOWN), ("team", SHOWN_LABEL)] {
            for (length, is_whole) in [(most - 1, true), (most, true), (most + 1, false)] {
                let (_, json) = message(&labelled([(key.to_owned(), "x".repeat(length))].into_iter()), LARGEST);
                assert_eq!(attributes(&json)[key].as_str().unwrap().len(), length.min(most), "{key}");
                assert_eq!(json["docker_listener"].get("truncated").is_none(), is_whole, "{key}");
            }
        }
        // Bytes count, and no character is cut in two.
        let (_, json) = message(&labelled([("image".to_owned(), "é".repeat(SHOWN))].into_iter()), LARGEST);
        assert_eq!(attributes(&json)["image"], "é".repeat(SHOWN / 2));
    }

    #[test]
    fn an_age_stands_beside_gone_only_and_both_count_as_fields() {
        let event_of = |labels| labelled((0..labels).map(|n| (format!("l{n}"), "v".to_owned())));
        let framed = |labels: usize, findings: &Findings| -> Json {
            let line = event_of(labels);
            let event = Event::parse(line.as_bytes()).unwrap();
            let text = frame(&event, findings, &Context::default(), LARGEST).text;
            serde_json::from_str(text.strip_prefix(HEADER).unwrap()).unwrap()
        };
        let findings = |no_answer| Findings { no_answer, age_ms: Some(250), replayed: true, ..Findings::default() };
        for (no_answer, age) in [(Some(NoAnswer::Gone), Some(250)), (Some(NoAnswer::Timeout), None), (None, None)] {
            let ours = &framed(1, &findings(no_answer))["docker_listener"];
            assert_eq!((ours.get("age_ms").and_then(Json::as_u64), &ours["replayed"]), (age, &"true".into()));
        }
        let ours = &framed(1, &Findings::default())["docker_listener"];
        assert!(ours.get("age_ms").is_none() && ours.get("replayed").is_none());

        // The most labels that fit without them, of which each of the two takes the place of one.
        let dropped = |findings: &Findings| {
            let most = (0..MOST_FIELDS)
                .rev()
                .find(|labels| framed(*labels, &Findings::default())["docker_listener"].get("truncated").is_none());
            let json = framed(most.unwrap(), findings);
            assert!(leaves_of(&json) <= MOST_FIELDS, "{}", leaves_of(&json));
            json["docker_listener"]["truncated"]["labels"].as_u64().unwrap_or_default()
        };
        assert_eq!(dropped(&Findings::default()), 0);
        assert_eq!(dropped(&findings(Some(NoAnswer::Gone))), 2);
        assert_eq!(dropped(&findings(None)), 1);
    }

    #[test]
    fn fields_of_other_engines_give_way_before_anything_that_rules_use() {
        let odd: serde_json::Map<String, Json> = (0..500).map(|n| (format!("odd{n}"), Json::from(n))).collect();
        let mut event = Json::Object(odd);
        event["Type"] = "container".into();
        event["Action"] = "die".into();
        event["Actor"] =
            serde_json::json!({"ID": "c", "Odd": {"a": 1}, "Attributes": {"exitCode": "137", "name": "web"}});
        let (_, json) = message(&event.to_string(), LARGEST);
        assert!(leaves_of(&json) <= MOST_FIELDS);
        assert_eq!(attributes(&json)["exitCode"], "137");
        assert!(json["docker"].get("odd0").is_none() && json["docker_listener"]["truncated"].is_object());
    }

    #[test]
    fn a_megabyte_of_command_line_keeps_its_beginning() {
        let action = format!("exec_create: sh -c {}", "\u{1F600}".repeat(200_000));
        let line =
            format!(r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"c1","Attributes":{{"name":"n"}}}}}}"#);
        let (text, json) = message(&line, LARGEST);
        assert!(text.len() <= LARGEST, "{}", text.len());
        assert!(json["docker"]["Action"].as_str().unwrap().starts_with("exec_create: sh -c \u{1F600}"));
        assert_eq!(json["docker"]["Actor"]["Attributes"]["name"], "n");
        assert!(json["docker_listener"]["truncated"]["texts"].as_u64().unwrap() >= 1);
    }

    proptest! {
        #[test]
        fn every_message_is_whole_json_within_its_limit(
            labels in proptest::collection::btree_map("[a-z\\.]{1,8}", "\\PC{0,300}", 0..40),
            action in "\\PC{0,3000}",
            limit in 1500_usize..4000,
        ) {
            let line = serde_json::json!({"Type": "container", "Action": action,
                "Actor": {"ID": "c1", "Attributes": labels}, "time": 1}).to_string();
            let (text, json) = message(&line, limit);
            prop_assert!(text.len() <= limit, "{} over {limit}", text.len());
            prop_assert_eq!(&json["docker"]["Type"], "container");
            let sent = json["docker"]["Action"].as_str().unwrap();
            prop_assert!(action.starts_with(sent));
            let truncated = json["docker_listener"].get("truncated").is_some();
            prop_assert_eq!(truncated, sent != action
                || json["docker"]["Actor"]["Attributes"].as_object().unwrap().len() != labels.len()
                || labels.iter().any(|(k, v)| json["docker"]["Actor"]["Attributes"][k] != v.as_str()));
        }
    }
}
