//! All that the listener says about itself, in one place: what goes to its log, and what goes to the queue.
//!
//! README.md lists every one of them with its cure; a test holds the list against this module.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use log::Level;

use crate::docker::lines::Flaw;
use crate::event::bounds::{SHOWN_ACTION, boundary};
use crate::event::json::ObjectWriter;
use crate::wazuh::message::HEADER;
use crate::wazuh::state::Report;

/// Why events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// More than a whole ring of events came while none was read.
    RingWrapped,
    /// The engine was started anew and its ring is gone.
    EngineRestarted,
    /// Podman's history is not read further back.
    HistoryTooOld,
    /// No more of Podman's history is read at once.
    HistoryTooLong,
    /// Podman cannot be asked for what came after a time that has not come yet.
    ClockSteppedBack,
    /// What waits had reached its bounds.
    BacklogFull,
    /// Messages that waited on disk are damaged.
    BacklogDamaged,
    /// What was delivered before the start is unknown.
    CursorUnreadable,
    /// More events needed an answer of the engine than it could be asked for.
    NotInspected,
    /// A line over the limit.
    LineOversized,
    /// A line that is no JSON object.
    LineNotJson,
    /// A line that was being worked on when an earlier process died.
    LineSkipped,
    /// A line whose processing panicked or exceeded its budget.
    LineFailed,
}

impl Kind {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RingWrapped => "ring_wrapped",
            Self::EngineRestarted => "engine_restarted",
            Self::HistoryTooOld => "history_too_old",
            Self::HistoryTooLong => "history_too_long",
            Self::ClockSteppedBack => "clock_stepped_back",
            Self::BacklogFull => "backlog_full",
            Self::BacklogDamaged => "backlog_damaged",
            Self::CursorUnreadable => "cursor_unreadable",
            Self::NotInspected => "not_inspected",
            Self::LineOversized => "line_oversized",
            Self::LineNotJson => "line_not_json",
            Self::LineSkipped => "line_skipped",
            Self::LineFailed => "line_failed",
        }
    }

    fn because(self) -> &'static str {
        match self {
            Self::RingWrapped => "more happened than the engine's ring of 256 events holds while they were not read",
            Self::EngineRestarted => {
                "the engine was started anew, and its ring with what was not read before its end is gone"
            }
            Self::HistoryTooOld => "the listener was away for more than a day, and Podman is not asked further back",
            Self::HistoryTooLong => "more happened while the listener was away than it asks Podman for at once",
            Self::ClockSteppedBack => {
                "the clock is behind the last event, so Podman cannot be asked for what came since"
            }
            Self::BacklogFull => "more events waited than memory and disk hold",
            Self::BacklogDamaged => "messages that waited on disk are damaged",
            Self::CursorUnreadable => {
                "the record of what was delivered cannot be read, so only what came since is passed on"
            }
            Self::NotInspected => {
                "more happened at once than the engine could be asked about, so these events say inspect: not_asked"
            }
            Self::LineOversized => "a line was too long to be read",
            Self::LineNotJson => "a line was no JSON object",
            Self::LineSkipped => "the line that was being worked on when the listener died is not worked on again",
            Self::LineFailed => "processing the line failed, which is a fault of the listener",
        }
    }
}

/// What there was too little of when events were lost for [`Kind::BacklogFull`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The worker was too slow, and the ingest queue's memory and disk were full.
    Memory,
    /// The disk refused writes.
    Disk,
    /// Wazuh's queue took messages too slowly.
    Queue,
    /// The engine answered inspect requests too slowly.
    Questions,
}

impl Reason {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Queue => "queue",
            Self::Questions => "questions",
        }
    }

    fn because(self) -> &'static str {
        match self {
            Self::Memory => {
                "events came faster than they could be processed, and the ingest queue's memory and disk were full"
            }
            Self::Disk => "the disk refuses what waits, and the memory was full",
            Self::Queue => "Wazuh's queue takes too little, and memory and disk were full",
            Self::Questions => "the engine answers inspect requests more slowly than events come",
        }
    }
}

/// Events that are missing, as far as that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Gap {
    /// Why.
    pub kind: Kind,
    /// How many; none where nobody can know.
    pub count: Option<u64>,
    /// Nothing is missing before this.
    pub from: Option<Timestamp>,
    /// Nothing is missing after this.
    pub to: Timestamp,
    /// What else is known.
    pub detail: Option<String>,
    /// What there was too little of; only for [`Kind::BacklogFull`], whose `because` it decides.
    pub reason: Option<Reason>,
    /// What was not lost although there was no room for all.
    pub kept: Option<String>,
    /// How many of the lost events matter: create, start, privileged exec, daemon, plugin.
    pub important: Option<u64>,
}

impl Gap {
    fn because(&self) -> &'static str {
        let reason = self.reason.filter(|_| self.kind == Kind::BacklogFull);
        reason.map_or_else(|| self.kind.because(), Reason::because)
    }
}

/// A whole line of the engine that did not become a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unprocessed {
    /// Its keyed hash, by which the cursor knows it too.
    pub hash: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Its beginning, redacted.
    pub head: String,
    /// When it was read, or found in the record of the process that died.
    pub at: Timestamp,
    /// What else is known, in words of ours: nothing of the line stands in it.
    pub detail: Option<&'static str>,
}

/// Something the listener says about itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The listener runs.
    Started {
        /// Its version.
        version: &'static str,
        /// Wazuh's home.
        home: String,
    },
    /// Another listener has this home.
    Waiting {
        /// Its process, where known.
        pid: Option<i32>,
    },
    /// Another listener had this home, and whoever started it is gone.
    TakingOver {
        /// Its process.
        pid: i32,
    },
    /// Nothing can be kept on disk.
    NoFolder {
        /// Why, and what to do about it.
        error: String,
    },
    /// Parts of the record of what was delivered make no sense.
    CursorDamaged {
        /// How many lines of it.
        lines: usize,
    },
    /// Messages of an earlier process wait on disk.
    Resumed {
        /// How many.
        messages: usize,
    },
    /// The configuration switches it off.
    Disabled,
    /// The engine cannot be used; `first` where it never could be yet.
    EngineAway {
        /// Why, and what to do about it.
        error: String,
        /// Whether it is the first thing known of it.
        first: bool,
    },
    /// The event stream is open.
    Connected {
        /// What the engine says it is.
        engine: String,
        /// How long it had been away.
        away: Option<Duration>,
    },
    /// The event stream has ended.
    Disconnected {
        /// Why.
        reason: String,
        /// How long it had been open.
        lasted: Duration,
    },
    /// A line of the engine could not be used.
    LineRefused {
        /// What is wrong with it.
        why: Flaw,
        /// Its length in bytes.
        length: u64,
        /// Its beginning.
        head: String,
        /// When it came.
        at: Timestamp,
    },
    /// Lines were refused for the same reason as one that was logged shortly before.
    MoreRefused {
        /// What is wrong with them.
        why: Flaw,
        /// How many.
        count: u64,
    },
    /// A line is skipped because an earlier process died while it worked on it.
    LineSkipped(Unprocessed),
    /// The processing of a line failed; the listener goes on with the next.
    LineFailed(Unprocessed),
    /// Lines that kill the listener cannot be recorded.
    Unprotected {
        /// Why.
        error: String,
    },
    /// Events are missing.
    Lost(Gap),
    /// The engine had dropped events from its stream, and they were found all the same.
    Recovered {
        /// How many.
        count: usize,
    },
    /// Wazuh's queue takes nothing.
    QueueAway {
        /// Why, and what to do about it.
        error: String,
    },
    /// Wazuh's queue takes messages again.
    QueueBack {
        /// How long it had been away.
        away: Duration,
    },
    /// The disk takes nothing.
    DiskRefuses {
        /// Why, and what to do about it.
        error: String,
    },
    /// The disk takes all again.
    DiskTakes,
    /// A message was too large for the system; counted, since it cannot happen.
    MessageTooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// How the listener is.
    Heartbeat(Box<Report>),
    /// The configuration was read anew.
    Reloaded,
    /// The configuration was read anew and refused.
    ReloadRefused {
        /// What is wrong with it.
        error: String,
    },
    /// Something that needs no action.
    Remark(String),
    /// The end.
    Stopped {
        /// Events that were read.
        read: u64,
        /// Messages that the queue took.
        sent: u64,
        /// Messages that wait on disk.
        kept: usize,
        /// Events that did not get there.
        lost: u64,
        /// Events for which there was no room on disk, and which the engine may still have at the next start.
        dropped: u64,
    },
}

impl Notice {
    /// How grave it is. Where every line of a log is taken for an error, only warnings and errors are written.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Lost(Gap { kind: Kind::EngineRestarted, .. })
            | Self::EngineAway { .. }
            | Self::QueueAway { .. }
            | Self::DiskRefuses { .. }
            | Self::NoFolder { .. }
            | Self::TakingOver { .. }
            | Self::CursorDamaged { .. }
            | Self::LineRefused { .. }
            | Self::Unprotected { .. }
            | Self::MoreRefused { .. } => Level::Warn,
            Self::ReloadRefused { .. }
            | Self::Lost(_)
            | Self::LineSkipped(_)
            | Self::LineFailed(_)
            | Self::MessageTooLarge { .. } => Level::Error,
            Self::Stopped { lost, dropped, .. } if lost + dropped > 0 => Level::Error,
            Self::Remark(_) | Self::Heartbeat(_) => Level::Debug,
            _ => Level::Info,
        }
    }

    /// What the Python listener of Wazuh 4 tells the queue in this case.
    #[must_use]
    pub fn wodle_event(&self) -> Option<&'static str> {
        match self {
            Self::Started { .. } => Some("Started"),
            Self::Connected { .. } => Some("Connected to Docker service"),
            Self::EngineAway { first: true, .. } => Some("Docker service is not running"),
            Self::Disconnected { .. } => Some("Disconnected from the Docker service"),
            _ => None,
        }
    }

    /// Whether it may not wait behind the messages of events: it reports that something is not seen.
    #[must_use]
    pub fn hurries(&self) -> bool {
        matches!(
            self,
            Self::Lost(_)
                | Self::LineRefused { .. }
                | Self::LineSkipped(_)
                | Self::LineFailed(_)
                | Self::EngineAway { .. }
                | Self::Disconnected { .. }
        )
    }

    /// The message for the queue, where there is one: what the Python listener sends, where it sends something
    /// (`wodle_events`, Wazuh 4), and beside it what this one has to say.
    #[must_use]
    pub fn message(&self, wodle_events: bool, sequence: u64, now: Timestamp) -> Option<String> {
        let name = self.name()?;
        let mut out = String::from(HEADER);
        let mut message = ObjectWriter::new(&mut out);
        message.text("integration", "docker");
        if let (true, Some(event)) = (wodle_events, self.wodle_event()) {
            let mut docker = message.object("docker");
            docker.text("Wodle event", event);
            docker.end();
        }
        let mut ours = message.object("docker_listener");
        ours.text("notice", name);
        self.write_fields(&mut ours);
        ours.count("sequence", sequence);
        ours.text("timestamp", &format!("{now:.3}"));
        ours.end();
        message.end();
        Some(out)
    }

    /// What it is called in the queue; `None` for what only the log hears.
    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Started { .. } => Some("started"),
            Self::EngineAway { .. } => Some("engine_away"),
            Self::Connected { .. } => Some("connected"),
            Self::Disconnected { .. } => Some("disconnected"),
            Self::LineRefused { .. } | Self::LineSkipped(_) | Self::LineFailed(_) | Self::Lost(_) => Some("gap"),
            Self::Recovered { .. } => Some("recovered"),
            Self::Heartbeat(_) => Some("heartbeat"),
            _ => None,
        }
    }

    fn write_fields(&self, ours: &mut ObjectWriter<'_>) {
        match self {
            Self::Started { version, .. } => ours.text("version", version),
            Self::EngineAway { error, .. } => ours.text("reason", short(error)),
            Self::Connected { engine, away } => {
                ours.text("engine", short(engine));
                if let Some(away) = away {
                    ours.count("away_seconds", away.as_secs());
                }
            }
            Self::Disconnected { reason, lasted } => {
                ours.text("reason", short(reason));
                ours.count("connected_seconds", lasted.as_secs());
            }
            Self::LineRefused { why, length, head, at } => {
                let kind = if *why == Flaw::Oversized { Kind::LineOversized } else { Kind::LineNotJson };
                write_line_gap(kind, *at, *length, head, ours);
            }
            Self::LineSkipped(line) => write_unprocessed(Kind::LineSkipped, line, ours),
            Self::LineFailed(line) => write_unprocessed(Kind::LineFailed, line, ours),
            Self::Lost(gap) => write_gap_fields(gap, ours),
            Self::Recovered { count } => ours.count("count", *count as u64),
            Self::Heartbeat(report) => {
                ours.text("connection", report.connection.status.name());
                if let Some(last_event) = report.last_event {
                    ours.text("last_event", &last_event.to_string());
                }
                for (key, figure) in report.figures() {
                    ours.count(key, figure);
                }
            }
            _ => {}
        }
    }

    /// Writes it to the log.
    pub fn log(&self) {
        log::log!(self.level(), "{self}");
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { version, home } => write!(f, "started: version {version}, Wazuh's home {home}"),
            Self::Waiting { pid: Some(pid) } => write!(f, "another listener (process {pid}) serves this home: waiting"),
            Self::Waiting { pid: None } => f.write_str("another listener serves this home: waiting"),
            Self::TakingOver { pid } => {
                write!(f, "taking over from another listener (process {pid}), which whoever started it has left behind")
            }
            Self::NoFolder { error } => {
                write!(f, "nothing can be kept on disk: {error}; what waits is lost with the process")
            }
            Self::CursorDamaged { lines } => {
                write!(f, "the record of what was delivered is damaged in {lines} lines: as many events may come twice")
            }
            Self::Resumed { messages } => write!(f, "{messages} messages of an earlier run wait on disk and go first"),
            Self::Disabled => f.write_str("disabled by the configuration: waiting for SIGHUP"),
            Self::EngineAway { error, .. } => write!(f, "cannot listen: {error}; trying again until it works"),
            Self::Connected { engine, away: None } => write!(f, "connected to {engine}"),
            Self::Connected { engine, away: Some(away) } => {
                write!(f, "connected to {engine} again after {}", seconds(*away))
            }
            Self::Disconnected { reason, lasted } => {
                write!(f, "disconnected from the engine after {}: {reason}", seconds(*lasted))
            }
            Self::LineRefused { why, length, head, .. } => {
                write!(f, "a line of the engine was refused ({}, {length} bytes): {}", why.name(), shown(head))
            }
            Self::MoreRefused { why, count } => write!(f, "{count} more lines were refused ({})", why.name()),
            Self::LineSkipped(line) => write_line_log(f, "was skipped", Kind::LineSkipped, line),
            Self::LineFailed(line) => write_line_log(f, "could not be processed", Kind::LineFailed, line),
            Self::Unprotected { error } => {
                write!(f, "the record of the line being worked on cannot be used: {error}; ")?;
                f.write_str("a line that kills the listener may be worked on again")
            }
            Self::Lost(gap) => write_gap(f, gap),
            Self::Recovered { count } => {
                write!(f, "{count} events that the engine had dropped from its stream were found in its ring")
            }
            Self::QueueAway { error } => write!(f, "cannot deliver: {error}; events wait"),
            Self::QueueBack { away } => write!(f, "the queue takes messages again after {}", seconds(*away)),
            Self::DiskRefuses { error } => write!(f, "cannot write to disk: {error}"),
            Self::DiskTakes => f.write_str("the disk takes everything again"),
            Self::MessageTooLarge { bytes } => {
                write!(
                    f,
                    "a message of {bytes} bytes was too large for the queue's socket and is lost; lower max_event_size"
                )
            }
            Self::Heartbeat(report) => {
                f.write_str("heartbeat:")?;
                report.figures().iter().try_for_each(|(key, figure)| write!(f, " {key}={figure}"))
            }
            Self::Reloaded => f.write_str("configuration read anew"),
            Self::ReloadRefused { error } => write!(f, "new configuration refused, the old one stays: {error}"),
            Self::Remark(text) => f.write_str(text),
            Self::Stopped { read, sent, kept, lost, dropped } => {
                write!(f, "stopped: {read} events read, {sent} messages sent")?;
                if *kept > 0 {
                    write!(f, ", {kept} wait on disk for the next start")?;
                }
                if *lost > 0 {
                    write!(f, ", {lost} events lost")?;
                }
                if *dropped > 0 {
                    let what = "found no room on disk; the next start reads them again if the engine still has them";
                    write!(f, ", {dropped} events {what}")?;
                }
                Ok(())
            }
        }
    }
}

fn write_line_gap(kind: Kind, at: Timestamp, length: u64, head: &str, ours: &mut ObjectWriter<'_>) {
    ours.text("kind", kind.name());
    ours.text("because", kind.because());
    ours.count("count", 1);
    ours.text("from", &at.to_string());
    ours.text("to", &at.to_string());
    ours.count("bytes", length);
    ours.text("head", short(head));
}

/// What rules may show of a text, see [`super::message`]: a description that would grow too long shows none of it.
fn short(text: &str) -> &str {
    text.get(..boundary(text, SHOWN_ACTION)).unwrap_or_default()
}

fn write_unprocessed(kind: Kind, line: &Unprocessed, ours: &mut ObjectWriter<'_>) {
    write_line_gap(kind, line.at, line.length, &line.head, ours);
    ours.text("hash", &format!("{:016x}", line.hash));
    if let Some(detail) = line.detail {
        ours.text("detail", detail);
    }
}

fn write_gap_fields(gap: &Gap, ours: &mut ObjectWriter<'_>) {
    ours.text("kind", gap.kind.name());
    ours.text("because", gap.because());
    if let Some(reason) = gap.reason {
        ours.text("reason", reason.name());
    }
    if let Some(count) = gap.count {
        ours.count("count", count);
    }
    if let Some(important) = gap.important {
        ours.count("lost_important", important);
    }
    if let Some(from) = gap.from {
        ours.text("from", &from.to_string());
    }
    ours.text("to", &gap.to.to_string());
    if let Some(kept) = &gap.kept {
        ours.text("kept", kept);
    }
    if let Some(detail) = &gap.detail {
        ours.text("detail", detail);
    }
}

fn write_line_log(f: &mut fmt::Formatter<'_>, what: &str, kind: Kind, line: &Unprocessed) -> fmt::Result {
    let Unprocessed { hash, length, head, detail, .. } = line;
    write!(f, "a line of the engine {what} ({}, {length} bytes, hash {hash:016x}): {}", kind.name(), kind.because())?;
    detail.map_or(Ok(()), |detail| write!(f, "; {detail}"))?;
    write!(f, ": {}", shown(head))
}

/// As much of a line's beginning as a log has room for.
fn shown(head: &str) -> String {
    head.chars().take(120).collect()
}

fn write_gap(f: &mut fmt::Formatter<'_>, gap: &Gap) -> fmt::Result {
    match gap.count {
        // These did arrive.
        Some(count) if gap.kind == Kind::NotInspected => write!(f, "{count} events not inspected")?,
        Some(count) => write!(f, "{count} events lost")?,
        None => f.write_str("events may be missing")?,
    }
    match gap.from {
        Some(from) => write!(f, " between {from} and {}", gap.to)?,
        None => write!(f, " before {}", gap.to)?,
    }
    write!(f, " ({}", gap.kind.name())?;
    if let Some(reason) = gap.reason {
        write!(f, ", {}", reason.name())?;
    }
    write!(f, "): {}", gap.because())?;
    if let Some(important) = gap.important {
        write!(f, "; {important} of them matter")?;
    }
    for text in [&gap.kept, &gap.detail].into_iter().flatten() {
        write!(f, "; {text}")?;
    }
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_longer_than_what_a_rule_can_show() {
        let long = "äx".repeat(5000);
        let at = Timestamp::UNIX_EPOCH;
        let line = || Unprocessed { hash: 1, length: 5000, head: long.clone(), at, detail: None };
        for notice in [
            Notice::EngineAway { error: long.clone(), first: true },
            Notice::Connected { engine: long.clone(), away: None },
            Notice::Disconnected { reason: long.clone(), lasted: Duration::ZERO },
            Notice::LineRefused { why: Flaw::NotJson, length: 3, head: long.clone(), at },
            Notice::LineSkipped(line()),
            Notice::LineFailed(line()),
        ] {
            let message = notice.message(true, 1, at).unwrap();
            let json: serde_json::Value = serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap();
            let fields = json["docker_listener"].as_object().unwrap();
            let longest = fields.values().filter_map(|value| value.as_str()).map(str::len).max();
            assert!(longest.is_some_and(|longest| (600..=SHOWN_ACTION).contains(&longest)), "{message}");
        }
    }

    /// One of each kind; a new kind does not compile in `level` or `Display` unless somebody has thought of it.
    fn one_of_each() -> Vec<Notice> {
        let at = Timestamp::UNIX_EPOCH;
        let gap = Gap {
            kind: Kind::BacklogFull,
            count: Some(2),
            from: Some(at),
            to: at,
            detail: None,
            reason: None,
            kept: None,
            important: None,
        };
        let line = Unprocessed { hash: 0xab, length: 5000, head: "{\"b".into(), at, detail: None };
        vec![
            Notice::Started { version: "0", home: "/var/ossec".into() },
            Notice::EngineAway { error: "E".into(), first: true },
            Notice::Connected { engine: "docker".into(), away: Some(Duration::from_secs(3)) },
            Notice::Disconnected { reason: "R".into(), lasted: Duration::from_secs(1) },
            Notice::LineRefused { why: Flaw::Oversized, length: 3, head: "{\"a".into(), at },
            Notice::Lost(gap.clone()),
            Notice::Lost(Gap { kind: Kind::RingWrapped, count: None, ..gap.clone() }),
            Notice::Lost(Gap {
                kind: Kind::CursorUnreadable,
                count: None,
                from: None,
                detail: Some("D".into()),
                ..gap
            }),
            Notice::Recovered { count: 2 },
            Notice::Heartbeat(Box::default()),
            Notice::LineSkipped(line.clone()),
            Notice::LineFailed(Unprocessed { detail: Some("D"), ..line }),
            Notice::Unprotected { error: "E".into() },
            Notice::Waiting { pid: Some(7) },
            Notice::TakingOver { pid: 7 },
            Notice::NoFolder { error: "E".into() },
            Notice::CursorDamaged { lines: 2 },
            Notice::Resumed { messages: 3 },
            Notice::Disabled,
            Notice::MoreRefused { why: Flaw::Torn, count: 2 },
            Notice::QueueAway { error: "E".into() },
            Notice::QueueBack { away: Duration::from_secs(35) },
            Notice::DiskRefuses { error: "E".into() },
            Notice::DiskTakes,
            Notice::MessageTooLarge { bytes: 1 },
            Notice::Reloaded,
            Notice::ReloadRefused { error: "E".into() },
            Notice::Stopped { read: 1, sent: 1, kept: 0, lost: 0, dropped: 0 },
            Notice::Stopped { read: 1, sent: 1, kept: 1, lost: 1, dropped: 1 },
        ]
    }

    fn messages(wodle_events: bool) -> Vec<String> {
        let all = one_of_each();
        let messages = all.iter().filter_map(|notice| notice.message(wodle_events, 7, Timestamp::UNIX_EPOCH));
        messages.map(|message| message.strip_prefix(HEADER).unwrap().to_owned()).collect()
    }

    #[test]
    fn the_queue_hears_what_the_python_listener_says_and_more_beside_it() {
        let with = messages(true);
        let start = |event: &str, rest: &str| {
            format!(r#"{{"integration": "docker", "docker": {{"Wodle event": "{event}"}}, "docker_listener": {{{rest}"#)
        };
        let end = r#""sequence": 7, "timestamp": "1970-01-01T00:00:00.000Z"}}"#;
        for (message, expected) in with.iter().zip([
            start("Started", r#""notice": "started", "version": "0", "#),
            start("Docker service is not running", r#""notice": "engine_away", "reason": "E", "#),
            start("Connected to Docker service", r#""notice": "connected", "engine": "docker", "away_seconds": 3, "#),
            start(
                "Disconnected from the Docker service",
                r#""notice": "disconnected", "reason": "R", "connected_seconds": 1, "#,
            ),
        ]) {
            assert_eq!(*message, expected + end);
        }
        assert!(with.iter().skip(4).all(|message| !message.contains("Wodle event")));
        let without = messages(false);
        assert_eq!(with.len(), without.len());
        assert!(without.iter().all(|message| !message.contains("Wodle event")));
    }

    #[test]
    fn a_gap_says_its_kind_and_span_and_its_count_where_that_is_known() {
        let gaps: Vec<serde_json::Value> =
            messages(true).iter().skip(4).take(4).map(|message| serde_json::from_str(message).unwrap()).collect();
        let field = |gap: usize, key: &str| gaps[gap]["docker_listener"].get(key).cloned();
        let text = |text: &str| Some(serde_json::json!(text));
        assert!(gaps.iter().all(|gap| gap["docker_listener"]["notice"] == "gap"));
        assert_eq!(field(0, "kind"), text("line_oversized"));
        assert_eq!((field(0, "count"), field(0, "head")), (Some(1.into()), text("{\"a")));
        assert_eq!((field(1, "kind"), field(1, "count")), (text("backlog_full"), Some(2.into())));
        assert_eq!((field(2, "kind"), field(2, "count")), (text("ring_wrapped"), None));
        assert_eq!((field(2, "from"), field(2, "to")), (text("1970-01-01T00:00:00Z"), text("1970-01-01T00:00:00Z")));
        assert_eq!((field(3, "from"), field(3, "detail")), (None, text("D")));
    }

    #[test]
    fn a_line_that_was_not_processed_is_reported_with_its_hash() {
        let lines: Vec<serde_json::Value> = messages(false)
            .iter()
            .map(|message| serde_json::from_str::<serde_json::Value>(message).unwrap()["docker_listener"].clone())
            .filter(|ours| ours.get("hash").is_some())
            .collect();
        let line = |kind: Kind, detail: Option<&str>| {
            let mut line = serde_json::json!({"notice": "gap", "kind": kind.name(), "because": kind.because(),
                "count": 1, "from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:00Z", "bytes": 5000,
                "head": "{\"b", "hash": "00000000000000ab", "sequence": 7, "timestamp": "1970-01-01T00:00:00.000Z"});
            if let Some(detail) = detail {
                line["detail"] = detail.into();
            }
            line
        };
        assert_eq!(lines, [line(Kind::LineSkipped, None), line(Kind::LineFailed, Some("D"))]);
    }

    #[test]
    fn a_full_backlog_names_the_true_reason_and_what_was_kept() {
        let at = Timestamp::UNIX_EPOCH;
        let gap = |kind, reason| Gap {
            kind,
            count: Some(9),
            from: Some(at),
            to: at,
            detail: None,
            reason,
            kept: Some("all 12 events that matter were kept".into()),
            important: Some(0),
        };
        let of = |gap: Gap| {
            let notice = Notice::Lost(gap);
            let message = notice.message(false, 7, at).unwrap();
            let json: serde_json::Value = serde_json::from_str(message.strip_prefix(HEADER).unwrap()).unwrap();
            (json["docker_listener"].clone(), notice.to_string())
        };
        let mut sentences = std::collections::BTreeSet::new();
        for reason in [Reason::Memory, Reason::Disk, Reason::Queue, Reason::Questions] {
            let (ours, log) = of(gap(Kind::BacklogFull, Some(reason)));
            assert_eq!((&ours["kind"], &ours["reason"]), (&"backlog_full".into(), &reason.name().into()));
            assert_eq!((&ours["because"], &ours["lost_important"]), (&reason.because().into(), &0.into()));
            assert_eq!(ours["kept"], "all 12 events that matter were kept");
            let end = format!(
                "(backlog_full, {}): {}; 0 of them matter; all 12 events that matter were kept",
                reason.name(),
                reason.because()
            );
            assert!(log.starts_with("9 events lost between ") && log.ends_with(&end), "{log}");
            sentences.insert(reason.because());
        }
        assert_eq!(sentences.len(), 4);
        // A reason of another kind changes nothing about its sentence.
        let (ours, _) = of(gap(Kind::RingWrapped, Some(Reason::Disk)));
        assert_eq!(ours["because"], Kind::RingWrapped.because());
        let (ours, _) = of(gap(Kind::BacklogFull, None));
        assert_eq!((ours.get("reason"), &ours["because"]), (None, &Kind::BacklogFull.because().into()));
    }

    #[test]
    fn the_readme_lists_every_line_with_its_cure() {
        let readme = include_str!("../../README.md");
        for notice in one_of_each() {
            let line = notice.to_string();
            let start: String = line
                .split([':', '('])
                .next()
                .unwrap_or_default()
                .trim_start_matches(char::is_numeric)
                .trim()
                .to_owned();
            let words: Vec<&str> = start.split_whitespace().take(3).collect();
            assert!(
                readme.contains(&words.join(" ")),
                "README.md does not list '{line}' (looked for '{}')",
                words.join(" ")
            );
        }
    }
}
