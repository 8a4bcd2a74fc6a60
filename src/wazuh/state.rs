//! The state file, in the form of Wazuh's own `.state` files: `# comments` and `name='value'`, for shells and people.
//!
//! It is rewritten as a whole every few seconds; `status` reads it. What an engine says of itself stands in it, so values
//! are quoted for a shell, and hold no control characters.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::fcntl::OFlag;

/// How often it is rewritten; as Wazuh's agent does.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// A file that is older than this is one that nobody writes any more.
pub const STALE_AFTER: Duration = Duration::from_secs(20);

/// A larger file is none of ours, in bytes.
const LARGEST: u64 = 64 << 10;

/// How it stands with the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// Where to.
    pub status: ConnectionStatus,
    /// What the engine said of itself when it was connected last.
    pub engine: String,
    /// Where the engine is.
    pub endpoint: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// Why it is not connected.
    pub reason: String,
}

/// Whether the event stream is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// It was not open yet.
    #[default]
    Pending,
    /// It is open.
    Connected,
    /// It was open, and is tried again.
    Disconnected,
    /// The configuration switches the listener off.
    Disabled,
}

impl ConnectionStatus {
    /// One word, as Wazuh's agent writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Disabled => "disabled",
        }
    }
}

/// Everything that is known of a running listener.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Its version.
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// When it was started.
    pub started: Timestamp,
    /// The connection.
    pub connection: Connection,
    /// When the last event happened, by the engine's clock.
    pub last_event: Option<Timestamp>,
    /// New lines of the engine.
    pub read: u64,
    /// Messages that the queue took.
    pub sent: u64,
    /// Events that the filters kept out.
    pub filtered: u64,
    /// Lines that could not be used.
    pub refused: u64,
    /// Events that are known to be lost.
    pub lost: u64,
    /// Gaps that were told.
    pub gaps: u64,
    /// Events that the engine had dropped and that were found in its ring.
    pub recovered: u64,
    /// Messages with something left out to fit.
    pub truncated: u64,
    /// Messages with secrets taken out.
    pub redacted: u64,
    /// How often the stream was opened again.
    pub reconnects: u64,
    /// Messages and lines that wait.
    pub backlog: u64,
    /// Bytes that wait in memory.
    pub backlog_memory: u64,
    /// Bytes that wait on disk.
    pub backlog_disk: u64,
    /// How long the oldest that waits has waited, else how long the last delivered had, in milliseconds.
    pub lag_ms: u64,
    /// Events read a minute, over the last minute.
    pub read_per_minute: u64,
    /// Messages sent a minute, over the last minute.
    pub sent_per_minute: u64,
    /// Memory, in KiB.
    pub rss_kib: u64,
    /// Processor time since the start, in milliseconds.
    pub cpu_ms: u64,
}

impl Report {
    /// The figures, with their names.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, u64); 19] {
        [
            ("read", self.read),
            ("sent", self.sent),
            ("filtered", self.filtered),
            ("refused", self.refused),
            ("lost", self.lost),
            ("gaps", self.gaps),
            ("recovered", self.recovered),
            ("truncated", self.truncated),
            ("redacted", self.redacted),
            ("reconnects", self.reconnects),
            ("backlog", self.backlog),
            ("backlog_memory", self.backlog_memory),
            ("backlog_disk", self.backlog_disk),
            ("lag_ms", self.lag_ms),
            ("read_per_minute", self.read_per_minute),
            ("sent_per_minute", self.sent_per_minute),
            ("rss_kib", self.rss_kib),
            ("cpu_ms", self.cpu_ms),
            ("uptime", self.uptime()),
        ]
    }

    fn uptime(&self) -> u64 {
        u64::try_from(Timestamp::now().duration_since(self.started).as_secs()).unwrap_or_default()
    }

    /// The file's content.
    #[must_use]
    pub fn to_state(&self, zone: &TimeZone) -> String {
        let time = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let mut out = String::from("# State file of wazuh-docker-listener\n");
        let mut section = |comment: &str, values: &[(&str, String)]| {
            let _ = write!(out, "\n# {comment}\n");
            for (name, value) in values {
                let _ = writeln!(out, "{name}='{}'", quoted(value));
            }
        };
        section(
            "The process",
            &[("version", self.version.to_owned()), ("pid", self.pid.to_string()), ("started", time(self.started))],
        );
        section(
            "The connection to the engine: pending, connected, disconnected or disabled; since when, and why not",
            &[
                ("status", self.connection.status.name().to_owned()),
                ("engine", self.connection.engine.clone()),
                ("endpoint", self.connection.endpoint.clone()),
                ("since", time(self.connection.since)),
                ("reason", self.connection.reason.clone()),
                ("last_event", self.last_event.map(time).unwrap_or_default()),
            ],
        );
        let figures: Vec<(&str, String)> =
            self.figures().into_iter().map(|(name, figure)| (name, figure.to_string())).collect();
        section("Since the start, in events, messages, bytes, milliseconds, KiB and seconds", &figures);
        out
    }
}

fn quoted(value: &str) -> String {
    let shown: String = value.chars().filter(|c| !c.is_control()).take(1000).collect();
    shown.replace('\'', r"'\''")
}

/// What the file says, name by name, and how old it is. The folder may be written by Wazuh's own user, so nothing but a
/// small regular file is read.
///
/// # Errors
/// Where it is not there, or may not be read.
pub fn read(path: &Path) -> io::Result<(Vec<(String, String)>, Duration)> {
    let file = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text)?;
    let age = SystemTime::now().duration_since(about.modified()?).unwrap_or_default();
    let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
        Some((name.to_owned(), value.replace(r"'\''", "'")))
    });
    Ok((values.collect(), age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_it_and_nothing_in_it_can_escape_its_quotes() {
        let evil = "docker '; touch /tmp/owned; echo '\n$(id) `id`";
        let report = Report {
            version: "1.2.3",
            connection: Connection {
                status: ConnectionStatus::Connected,
                engine: evil.to_owned(),
                since: "2026-11-21T01:02:03Z".parse().unwrap(),
                ..Connection::default()
            },
            read: 42,
            ..Report::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-listener.state");
        std::fs::write(&path, report.to_state(&TimeZone::UTC)).unwrap();
        let script = ". \"$0\"; printf '%s|%s|%s|%s' \"$status\" \"$engine\" \"$since\" \"$read\"";
        let output = std::process::Command::new("sh").args(["-c", script]).arg(&path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let expected = format!("connected|{}|2026-11-21 01:02:03|42", evil.replace('\n', ""));
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);

        let (values, age) = read(&path).unwrap();
        let value = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assert_eq!(value("engine").unwrap(), evil.replace('\n', ""));
        assert_eq!(value("sent").unwrap(), "0");
        assert!(age < STALE_AFTER);
    }

    #[test]
    fn nothing_but_a_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(read(&link).is_err());
        assert!(read(folder.path()).is_err());
        assert!(read(&folder.path().join("missing")).is_err());
        assert!(read(Path::new("/dev/null")).is_err());
    }
}
