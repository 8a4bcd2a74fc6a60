//! What a running listener knows of itself: counted by its threads, read by the main thread.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::lock::lock;
use crate::settings::Settings;
use crate::wazuh::state::{Connection, ConnectionStatus, Report};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What has happened since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Lines read that were new.
    pub read: Counter,
    /// Lines that came twice, or happened before the start.
    pub doubles: Counter,
    /// Events that the filters kept out.
    pub filtered: Counter,
    /// Lines that could not be used.
    pub refused: Counter,
    /// Messages that the queue took.
    pub sent: Counter,
    /// Events that are known to be lost.
    pub lost: Counter,
    /// Gaps that were told.
    pub gaps: Counter,
    /// Events that the engine had dropped and that were found in its ring.
    pub recovered: Counter,
    /// Messages with something left out to fit.
    pub truncated: Counter,
    /// Messages with secrets taken out.
    pub redacted: Counter,
    /// How often the stream was opened.
    pub connects: Counter,
}

/// Everything the threads tell.
#[derive(Debug)]
pub struct Status {
    /// The counters.
    pub counters: Counters,
    /// When the last event happened, in nanoseconds since 1970 by the engine's clock; 0 before the first.
    pub last_event: AtomicI64,
    /// How long the last delivered message had waited, in milliseconds.
    pub lag: AtomicU64,
    connection: Mutex<Connection>,
    started: Timestamp,
}

impl Status {
    pub(super) fn new(settings: &Settings, now: Timestamp) -> Self {
        let status = if settings.config.enabled { ConnectionStatus::Pending } else { ConnectionStatus::Disabled };
        let endpoint = settings.endpoint.to_string();
        Self {
            counters: Counters::default(),
            last_event: AtomicI64::new(0),
            lag: AtomicU64::new(0),
            connection: Mutex::new(Connection { status, endpoint, since: now, ..Connection::default() }),
            started: now,
        }
    }

    /// Changes what is known of the connection.
    pub(super) fn connection(&self, change: impl FnOnce(&mut Connection)) {
        let mut connection = lock(&self.connection);
        let before = connection.status;
        change(&mut connection);
        if connection.status != before {
            connection.since = Timestamp::now();
        }
    }

    /// All but what the backlog and the rates have to say.
    pub(super) fn report(&self, now: Timestamp, oldest_waiting: Option<i64>) -> Report {
        let counters = &self.counters;
        let last_event = self.last_event.load(Ordering::Relaxed);
        let waits = oldest_waiting.map(|since| u64::try_from(now.as_millisecond() - since).unwrap_or_default());
        Report {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            started: self.started,
            connection: lock(&self.connection).clone(),
            last_event: (last_event != 0).then(|| Timestamp::from_nanosecond(last_event.into()).ok()).flatten(),
            read: counters.read.get(),
            sent: counters.sent.get(),
            filtered: counters.filtered.get(),
            refused: counters.refused.get(),
            lost: counters.lost.get(),
            gaps: counters.gaps.get(),
            recovered: counters.recovered.get(),
            truncated: counters.truncated.get(),
            redacted: counters.redacted.get(),
            reconnects: counters.connects.get().saturating_sub(1),
            lag_ms: waits.unwrap_or_else(|| self.lag.load(Ordering::Relaxed)),
            rss_kib: rss_kib(),
            cpu_ms: cpu_ms(),
            ..Report::default()
        }
    }
}

/// Resident memory; 0 where the system does not tell.
fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Processor time of the whole process; 0 where the system does not tell.
fn cpu_ms() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return 0 };
    u64::try_from((usage.user_time() + usage.system_time()).num_milliseconds()).unwrap_or_default()
}

/// How much happened in the last minute.
#[derive(Debug, Default)]
pub struct Rates {
    samples: VecDeque<(Instant, u64, u64)>,
}

impl Rates {
    const OVER: Duration = Duration::from_secs(60);

    /// How much two counters have grown in the last minute, as far as they were looked at.
    pub fn over_a_minute(&mut self, now: Instant, first: u64, second: u64) -> (u64, u64) {
        // The youngest that is a minute old is the one to compare with.
        while self.samples.get(1).is_some_and(|(at, _, _)| now.saturating_duration_since(*at) >= Self::OVER) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, first, second));
        let (_, old_first, old_second) = self.samples.front().copied().unwrap_or((now, first, second));
        (first.saturating_sub(old_first), second.saturating_sub(old_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_look_back_a_minute_and_no_further() {
        let start = Instant::now();
        let mut rates = Rates::default();
        let mut at = |second: u64| rates.over_a_minute(start + Duration::from_secs(second), second * 10, second);
        assert_eq!(at(0), (0, 0));
        assert_eq!(at(5), (50, 5));
        for second in (10..=300).step_by(5) {
            let (first, second_rate) = at(second);
            assert_eq!((first, second_rate), (second.min(60) * 10, second.min(60)));
        }
        assert!(rates.samples.len() <= 14);
    }

    #[test]
    fn tells_what_the_process_uses() {
        assert!(rss_kib() > 100);
        let before = cpu_ms();
        while cpu_ms() == before {
            std::hint::black_box((0..100_000).sum::<u64>());
        }
    }
}
