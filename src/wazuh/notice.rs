//! All that the listener says about itself, in one place: what goes to its log, and what goes to the queue.
//!
//! README.md lists every one of them with its cure; a test holds the list against this module.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use log::Level;

use crate::docker::lines::Flaw;
use crate::event::json::ObjectWriter;
use crate::wazuh::message::HEADER;

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
    },
    /// Lines were refused for the same reason as one that was logged shortly before.
    MoreRefused {
        /// What is wrong with them.
        why: Flaw,
        /// How many.
        count: u64,
    },
    /// Events were lost because the backlog was full.
    BacklogFull {
        /// How many.
        count: u64,
        /// When the first was lost.
        from: Timestamp,
        /// When the last was lost.
        to: Timestamp,
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
    /// A message was too large for the system; counted, since it cannot happen.
    MessageTooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
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
        /// Events that did not get there.
        lost: u64,
    },
}

impl Notice {
    /// How grave it is. Where every line of a log is taken for an error, only warnings and errors are written.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::ReloadRefused { .. } | Self::BacklogFull { .. } | Self::MessageTooLarge { .. } => Level::Error,
            Self::EngineAway { .. } | Self::QueueAway { .. } | Self::LineRefused { .. } | Self::MoreRefused { .. } => {
                Level::Warn
            }
            Self::Stopped { lost, .. } if *lost > 0 => Level::Error,
            Self::Remark(_) => Level::Debug,
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

    /// The message for the queue, where there is one: the Python listener's where it sends one (`wodle_events`, Wazuh 4),
    /// and one of our own for each loss.
    #[must_use]
    pub fn message(&self, wodle_events: bool) -> Option<String> {
        let mut out = String::from(HEADER);
        let mut message = ObjectWriter::new(&mut out);
        message.text("integration", "docker");
        match (self, self.wodle_event()) {
            (_, Some(event)) if wodle_events => {
                let mut docker = message.object("docker");
                docker.text("Wodle event", event);
                docker.end();
            }
            (Self::LineRefused { why, length, head }, _) => {
                let mut ours = message.object("docker_listener");
                ours.text("notice", "line refused");
                ours.text("reason", why.name());
                ours.count("bytes", *length);
                ours.text("head", head);
                ours.end();
            }
            (Self::BacklogFull { count, from, to }, _) => {
                let mut ours = message.object("docker_listener");
                ours.text("notice", "events lost");
                ours.text("reason", "backlog_full");
                ours.count("count", *count);
                ours.text("from", &from.to_string());
                ours.text("to", &to.to_string());
                ours.end();
            }
            _ => return None,
        }
        message.end();
        Some(out)
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
            Self::Disabled => f.write_str("disabled by the configuration: waiting for SIGHUP"),
            Self::EngineAway { error, .. } => write!(f, "cannot listen: {error}; trying again until it works"),
            Self::Connected { engine, away: None } => write!(f, "connected to {engine}"),
            Self::Connected { engine, away: Some(away) } => {
                write!(f, "connected to {engine} again after {}", seconds(*away))
            }
            Self::Disconnected { reason, lasted } => {
                write!(f, "disconnected from the engine after {}: {reason}", seconds(*lasted))
            }
            Self::LineRefused { why, length, head } => {
                let shown: String = head.chars().take(120).collect();
                write!(f, "a line of the engine was refused ({}, {length} bytes): {shown}", why.name())
            }
            Self::MoreRefused { why, count } => write!(f, "{count} more lines were refused ({})", why.name()),
            Self::BacklogFull { count, from, to } => {
                write!(
                    f,
                    "{count} events lost between {from} and {to}: the backlog was full because the queue takes too little"
                )
            }
            Self::QueueAway { error } => write!(f, "cannot deliver: {error}; events wait"),
            Self::QueueBack { away } => write!(f, "the queue takes messages again after {}", seconds(*away)),
            Self::MessageTooLarge { bytes } => {
                write!(
                    f,
                    "a message of {bytes} bytes was too large for the queue's socket and is lost; lower max_event_size"
                )
            }
            Self::Reloaded => f.write_str("configuration read anew"),
            Self::ReloadRefused { error } => write!(f, "new configuration refused, the old one stays: {error}"),
            Self::Remark(text) => f.write_str(text),
            Self::Stopped { read, sent, lost: 0 } => write!(f, "stopped: {read} events read, {sent} messages sent"),
            Self::Stopped { read, sent, lost } => {
                write!(
                    f,
                    "stopped: {read} events read, {sent} messages sent, {lost} lost because the queue did not take them in time"
                )
            }
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind; a new kind does not compile in `level` or `Display` unless somebody has thought of it.
    fn one_of_each() -> Vec<Notice> {
        vec![
            Notice::Started { version: "0", home: "/var/ossec".into() },
            Notice::Disabled,
            Notice::EngineAway { error: "E".into(), first: true },
            Notice::Connected { engine: "docker".into(), away: None },
            Notice::Disconnected { reason: "R".into(), lasted: Duration::from_secs(1) },
            Notice::LineRefused { why: Flaw::Torn, length: 3, head: "{\"a".into() },
            Notice::MoreRefused { why: Flaw::Torn, count: 2 },
            Notice::BacklogFull { count: 2, from: Timestamp::UNIX_EPOCH, to: Timestamp::UNIX_EPOCH },
            Notice::QueueAway { error: "E".into() },
            Notice::QueueBack { away: Duration::from_secs(35) },
            Notice::MessageTooLarge { bytes: 1 },
            Notice::Reloaded,
            Notice::ReloadRefused { error: "E".into() },
            Notice::Stopped { read: 1, sent: 1, lost: 0 },
            Notice::Stopped { read: 1, sent: 1, lost: 1 },
        ]
    }

    #[test]
    fn the_queue_hears_what_the_python_listener_says_to_the_byte() {
        let messages: Vec<String> = one_of_each().iter().take(5).filter_map(|notice| notice.message(true)).collect();
        assert_eq!(
            messages,
            [
                r#"1:Wazuh-Docker:{"integration": "docker", "docker": {"Wodle event": "Started"}}"#,
                r#"1:Wazuh-Docker:{"integration": "docker", "docker": {"Wodle event": "Docker service is not running"}}"#,
                r#"1:Wazuh-Docker:{"integration": "docker", "docker": {"Wodle event": "Connected to Docker service"}}"#,
                r#"1:Wazuh-Docker:{"integration": "docker", "docker": {"Wodle event": "Disconnected from the Docker service"}}"#,
            ]
        );
    }

    #[test]
    fn wazuh_5_hears_of_losses_only() {
        let kinds: Vec<String> = one_of_each().iter().filter_map(|notice| notice.message(false)).collect();
        assert_eq!(
            kinds,
            [
                r#"1:Wazuh-Docker:{"integration": "docker", "docker_listener": {"notice": "line refused", "reason": "torn", "bytes": 3, "head": "{\"a"}}"#,
                r#"1:Wazuh-Docker:{"integration": "docker", "docker_listener": {"notice": "events lost", "reason": "backlog_full", "count": 2, "from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:00:00Z"}}"#,
            ]
        );
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
