//! The listener's own log: lines on stderr that modulesd reads well, or syslog.
//!
//! modulesd of Wazuh 4 logs every line of stderr as an error, whatever it says; that of Wazuh 5 goes by the prefix. A
//! line is cut below 4,095 bytes, where modulesd would split it, and holds no control characters: what an engine says
//! must not make lines of its own.
//!
//! A thread of its own writes, so that a pipe that nobody reads holds up nobody; what finds no room is counted. A stderr
//! that is gone is no reason to end.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::lock::lock;

/// Lines that may wait for a slow stderr.
const WAITING: usize = 256;

/// modulesd splits a line after 4,095 bytes; the rest is for its prefix.
const LONGEST: usize = 4000;

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Standard error.
    Stderr(Style),
    /// The system's log, facility daemon.
    Syslog,
}

/// How a line on stderr looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For a person: time, level, text.
    Terminal,
    /// For modulesd of Wazuh 4, and for whoever else reads: nothing below a warning, which says that it is one.
    Wazuh4,
    /// For modulesd of Wazuh 5: every level with its prefix.
    Wazuh5,
}

impl Style {
    /// The style for this Wazuh, or for the terminal that watches.
    #[must_use]
    pub fn fitting(wazuh_major: Option<u32>) -> Self {
        if std::io::stderr().is_terminal() {
            Self::Terminal
        } else if wazuh_major.is_some_and(|major| major >= 5) {
            Self::Wazuh5
        } else {
            Self::Wazuh4
        }
    }

    /// The line for a text, with its end.
    #[must_use]
    pub fn line(self, level: Level, text: &str, now: jiff::Timestamp) -> String {
        let text = one_line(text);
        match (self, level) {
            (Self::Terminal, _) => format!("{now:.3} {level:<5} {text}\n"),
            (Self::Wazuh5, Level::Error) => format!("ERROR {text}\n"),
            (Self::Wazuh5, Level::Warn) => format!("WARN {text}\n"),
            (Self::Wazuh5, _) => format!("INFO {text}\n"),
            (Self::Wazuh4, Level::Error) => format!("{text}\n"),
            (Self::Wazuh4, Level::Warn) => format!("WARNING: {text}\n"),
            (Self::Wazuh4, _) => format!("{level}: {text}\n"),
        }
    }
}

/// Which levels are written.
#[must_use]
pub fn level(target: Target, debug: bool) -> LevelFilter {
    match target {
        _ if debug => LevelFilter::Debug,
        Target::Stderr(Style::Wazuh4) => LevelFilter::Warn,
        _ => LevelFilter::Info,
    }
}

/// Control characters made visible, and not too long.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if line.len() >= LONGEST {
            line.push('…');
            break;
        }
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

struct Channel {
    lines: Mutex<Option<Sender<(Level, String)>>>,
    dropped: AtomicU64,
}

static CHANNEL: Channel = Channel { lines: Mutex::new(None), dropped: AtomicU64::new(0) };

impl Log for Channel {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries speak of their own troubles, which are told here in our words.
        metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let lines = lock(&self.lines);
        if let Some(sender) = &*lines
            && let Err(TrySendError::Full(_)) = sender.try_send((record.level(), record.args().to_string()))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flush(&self) {}
}

/// The running log; dropping it writes what waits, for a quarter of a second at the most.
#[derive(Debug)]
pub struct Running {
    done: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the log. A second start in one process takes over from the first.
///
/// # Errors
/// Where the system has no thread left.
pub fn start(target: Target, debug: bool) -> std::io::Result<Running> {
    let (sender, lines) = bounded(WAITING);
    let (finished, done) = bounded(1);
    let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        write_lines(target, &lines);
        let _ = finished.send(());
    })?;
    *lock(&CHANNEL.lines) = Some(sender);
    // It is set already on a second start, and is the same one.
    let _ = log::set_logger(&CHANNEL);
    log::set_max_level(level(target, debug));
    Ok(Running { done, thread: Some(thread) })
}

impl Drop for Running {
    fn drop(&mut self) {
        *lock(&CHANNEL.lines) = None;
        if self.done.recv_timeout(Duration::from_millis(250)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn write_lines(target: Target, lines: &Receiver<(Level, String)>) {
    let mut syslog = Syslog { logger: None };
    for (level, text) in lines {
        let dropped = CHANNEL.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            write_line(target, &mut syslog, Level::Warn, &format!("{dropped} log lines found no room"));
        }
        write_line(target, &mut syslog, level, &text);
    }
}

fn write_line(target: Target, syslog: &mut Syslog, level: Level, text: &str) {
    match target {
        // Nobody is left to tell where stderr is gone.
        Target::Stderr(style) => {
            let _ = std::io::stderr().write_all(style.line(level, text, jiff::Timestamp::now()).as_bytes());
        }
        Target::Syslog => syslog.write(level, &one_line(text)),
    }
}

type SyslogLogger = syslog::Logger<syslog::LoggerBackend, syslog::Formatter3164>;

/// The syslog crate keeps a connection that a restarted syslog daemon has left; a failed line gets a new one.
struct Syslog {
    logger: Option<SyslogLogger>,
}

impl Syslog {
    fn write(&mut self, level: Level, text: &str) {
        for _ in 0..2 {
            if self.logger.is_none() {
                self.logger = Self::connect();
            }
            let Some(logger) = &mut self.logger else { return };
            let written = match level {
                Level::Error => logger.err(text),
                Level::Warn => logger.warning(text),
                Level::Info => logger.info(text),
                Level::Debug | Level::Trace => logger.debug(text),
            };
            if written.is_ok() {
                return;
            }
            self.logger = None;
        }
    }

    fn connect() -> Option<SyslogLogger> {
        syslog::unix(syslog::Formatter3164 {
            facility: syslog::Facility::LOG_DAEMON,
            hostname: None,
            process: env!("CARGO_PKG_NAME").to_owned(),
            pid: std::process::id(),
        })
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_gets_lines_it_reads_well() {
        let now: jiff::Timestamp = "2026-11-21T01:02:03.5Z".parse().unwrap();
        for (style, level, line) in [
            (Style::Terminal, Level::Info, "2026-11-21T01:02:03.500Z INFO  text\n"),
            (Style::Wazuh4, Level::Error, "text\n"),
            (Style::Wazuh4, Level::Warn, "WARNING: text\n"),
            (Style::Wazuh5, Level::Info, "INFO text\n"),
            (Style::Wazuh5, Level::Warn, "WARN text\n"),
            (Style::Wazuh5, Level::Error, "ERROR text\n"),
            (Style::Wazuh5, Level::Debug, "INFO text\n"),
        ] {
            assert_eq!(style.line(level, "text", now), line);
        }
        assert_eq!(level(Target::Stderr(Style::Wazuh4), false), LevelFilter::Warn);
        assert_eq!(level(Target::Stderr(Style::Wazuh5), false), LevelFilter::Info);
        assert_eq!(level(Target::Stderr(Style::Wazuh4), true), LevelFilter::Debug);
    }

    #[test]
    fn nobody_can_make_a_line_of_his_own_or_one_that_is_split() {
        let line = Style::Wazuh5.line(Level::Warn, "a\nINFO all is well\u{202e}\u{1b}[2J", jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(line, "WARN a\\nINFO all is well\\u{202e}\\u{1b}[2J\n");
        let line = Style::Wazuh4.line(Level::Warn, &"é".repeat(10_000), jiff::Timestamp::UNIX_EPOCH);
        assert!(line.len() < 4095 && line.ends_with("…\n"));
    }
}
