//! Makes messages of lines, and keeps them until the queue takes them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::asker::Late;
use super::corridor::{Item, Lines, Refusals, refusal};
use super::judge::{Judge, Judgement, Leave};
use super::status::Status;
use crate::backlog::{Backlog, Entry};
use crate::cursor::{Cursor, Key};
use crate::docker::lines::{Flaw, head};
use crate::event::Event;
use crate::event::meaning::Meaning;
use crate::event::sanitize::{self, Changes};
use crate::intake::{Next, Outlet};
use crate::lock::lock;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::wazuh::message::{self, Context, Findings};
use crate::wazuh::notice::Notice;

/// How long it waits at a time for room in a backlog that is full.
const FULL_WAIT: Duration = Duration::from_millis(100);

/// The thread between reader and sender.
pub struct Pipeline {
    pub(super) settings: watch::Receiver<Arc<Settings>>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) cursor: Arc<Mutex<Cursor>>,
    pub(super) status: Arc<Status>,
    pub(super) stop: Arc<Stop>,
    pub(super) refusals: Refusals,
    pub(super) judge: Judge,
    pub(super) key: Key,
    pub(super) context: Context,
    pub(super) wodle_events: bool,
    pub(super) outgoing: Outgoing,
}

/// Messages that were made and are handed on together.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// One behind the other.
    text: String,
    /// Where each ends, with its number, its line and when that was read.
    ends: Vec<(usize, u64, Option<u64>, i64)>,
    entries: Vec<Entry>,
}

impl Outgoing {
    /// So many bytes of messages are handed on together, and not more than a message beyond.
    const TOGETHER: usize = 64 << 10;

    fn hand_on(&mut self, backlog: &Backlog) {
        if self.ends.is_empty() {
            return;
        }
        // Of the right size, unlike the text that grows: what waits is counted by what it holds.
        let messages = Bytes::copy_from_slice(self.text.as_bytes());
        let mut start = 0;
        for (end, sequence, line, read_at) in self.ends.drain(..) {
            self.entries.push(Entry { sequence, line, read_at, message: messages.slice(start..end) });
            start = end;
        }
        self.text.clear();
        backlog.push(&mut self.entries, Instant::now());
    }
}

impl Pipeline {
    pub(super) fn run(mut self, intake: &Outlet<Item>) {
        // Also where this thread fails: the sender must not wait for ever.
        let _end = EndOfBacklog(Arc::clone(&self.backlog));
        let mut last = None;
        loop {
            // What is there when the end comes still goes through.
            let deadline = last.or_else(|| self.backlog.due());
            match intake.next(deadline) {
                Next::Item(Item::End) => last = Some(Instant::now()),
                Next::Item(item) => {
                    self.item(item);
                    self.outgoing.hand_on(&self.backlog);
                }
                Next::Nothing if last.is_some() => break,
                Next::Nothing => self.backlog.tidy(Instant::now()),
                Next::End => break,
            }
            while !self.backlog.has_room(FULL_WAIT) && self.stop.time_left().is_none() {
                self.tell();
            }
            self.tell();
        }
        self.judge.keep_tags(true);
    }

    /// The sender may be waiting for the queue, and could not say it.
    fn tell(&mut self) {
        let mut notices = Vec::new();
        super::sender::tell(self.backlog.told(), &self.status.counters, |notice| notices.push(notice));
        for notice in notices {
            self.notice(&notice, None, Timestamp::now().as_millisecond());
        }
        self.outgoing.hand_on(&self.backlog);
    }

    fn item(&mut self, item: Item) {
        match item {
            Item::Lines(lines) => self.lines(&lines),
            Item::Known(hash) => self.needs_no_delivery(hash),
            Item::EngineId(id) => self.cursor().engine(&id),
            Item::Engine(engine) => {
                let endpoint = self.settings.borrow().endpoint.to_string();
                self.context = Context::new(engine, &endpoint, self.context.sequence);
                // From now on a process that is killed has a past: what it read and had not delivered is no longer
                // what was before the first start.
                let _ = self.cursor().flush(Instant::now());
                self.judge.connected(&self.settings.borrow());
            }
            Item::Late(late) => self.late(*late),
            Item::Notice(notice) => self.notice(&notice, None, Timestamp::now().as_millisecond()),
            Item::End => {}
        }
    }

    fn lines(&mut self, lines: &Lines) {
        let settings = Arc::clone(&self.settings.borrow());
        for (line, hash) in lines.iter() {
            if self.stop.time_left() == Some(Duration::ZERO) {
                // Whoever is stopped with more than it can judge in time says so; the ring may bring the last of it
                // again.
                self.status.counters.lost.count();
            } else {
                self.line(line, hash, lines.read_at(), &settings);
            }
        }
    }

    fn line(&mut self, line: &[u8], hash: u64, read_at: i64, settings: &Settings) {
        let mut repaired = Vec::new();
        let Ok((mut event, is_repaired)) = sanitize::read(line, &mut repaired) else {
            self.status.counters.refused.count();
            self.status.counters.gaps.count();
            let notice = refusal(Flaw::NotJson, line.len() as u64, head(line), &settings.redactor, self.key);
            self.refusals.log(Flaw::NotJson, &notice);
            self.notice(&notice, Some(hash), read_at);
            return;
        };
        if let Some(time) = event.time_nano() {
            self.status.last_event.store(time, Ordering::Relaxed);
        }
        let config = &settings.config;
        if !config.include.matches(&event) || (!config.exclude.is_empty() && config.exclude.matches(&event)) {
            self.status.counters.filtered.count();
            self.needs_no_delivery(hash);
            return;
        }
        self.context.sequence += 1;
        // Podman sets its own attributes after the labels. At a stop there is no time to ask.
        let leave =
            Leave { may_ask: self.stop.time_left().is_none(), mixes_labels: !self.context.engine().is_podman() };
        let (outgoing, backlog) = (&mut self.outgoing, &self.backlog);
        let Judgement { forged, no_answer, mut meaning } =
            self.judge.judge(&event, settings, leave, || outgoing.hand_on(backlog));
        // Filters and judgement have seen the event as the engine wrote it.
        let changes = sanitize::clean(&mut event);
        let hasher = |secret: &[u8]| self.key.hash_secret(secret);
        let mut redacted = settings.redactor.redact(&mut event, &hasher);
        redacted += self.redact(settings, &mut meaning);
        if redacted > 0 {
            self.status.counters.redacted.count();
        }
        let findings = Findings {
            changes: Changes { repaired: is_repaired, ..changes },
            forged,
            no_answer,
            redacted,
            meaning,
            is_late: false,
            age_ms: None,
            replayed: false,
        };
        let text = &mut self.outgoing.text;
        if message::write(&event, &findings, &self.context, config.max_event_size, text) {
            self.status.counters.truncated.count();
        }
        self.keep(Some(hash), read_at);
    }

    /// A message of its own: the event's is gone, and stock rules must not see it twice.
    fn late(&mut self, late: Late) {
        let settings = Arc::clone(&self.settings.borrow());
        let Some((about, mut meaning)) = self.judge.judge_late(late, &settings) else { return };
        let attributes = [("image", about.image.as_str()), ("name", about.name.as_str())];
        let mut event =
            Event::about(&about.id, attributes.get(usize::from(about.thing.is_image)..).unwrap_or_default());
        let changes = sanitize::clean(&mut event);
        self.context.sequence += 1;
        let redacted = self.redact(&settings, &mut meaning);
        let findings = Findings { changes, redacted, meaning, is_late: true, ..Findings::default() };
        message::write(&event, &findings, &self.context, settings.config.max_event_size, &mut self.outgoing.text);
        self.keep(None, Timestamp::now().as_millisecond());
    }

    fn redact(&self, settings: &Settings, meaning: &mut Meaning) -> u64 {
        let hasher = |secret: &[u8]| self.key.hash_secret(secret);
        if let Some(exec) = &mut meaning.exec {
            // The same secrets as in the action, counted there.
            settings.redactor.redact_text(&mut exec.line, &hasher);
        }
        meaning.risks.iter_mut().map(|risk| settings.redactor.redact_text(&mut risk.detail, &hasher)).sum()
    }

    fn notice(&mut self, notice: &Notice, line: Option<u64>, read_at: i64) {
        let message = notice.message(self.wodle_events, self.context.sequence + 1, Timestamp::now());
        if let Some(message) = message {
            self.context.sequence += 1;
            self.outgoing.text.push_str(&message);
            self.keep(line, read_at);
        }
    }

    /// Keeps what was written last as a message.
    fn keep(&mut self, line: Option<u64>, read_at: i64) {
        self.outgoing.ends.push((self.outgoing.text.len(), self.context.sequence, line, read_at));
        if self.outgoing.text.len() >= Outgoing::TOGETHER {
            self.outgoing.hand_on(&self.backlog);
        }
    }

    /// It is remembered with the next delivery; should the process be killed before, it is read and judged again.
    fn needs_no_delivery(&self, hash: u64) {
        let mut cursor = self.cursor();
        cursor.note(Some(hash), 0);
        if cursor.is_full() {
            // Where that fails the sender meets the same disk, and tells of it.
            let _ = cursor.flush(Instant::now());
        }
    }

    fn cursor(&self) -> std::sync::MutexGuard<'_, Cursor> {
        lock(&self.cursor)
    }
}

struct EndOfBacklog(Arc<Backlog>);

impl Drop for EndOfBacklog {
    fn drop(&mut self) {
        self.0.end();
    }
}
