//! Sends what waits, at its pace, and moves the cursor behind it. It goes in order, but for what hurries: that takes every
//! second place while others wait.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;

use super::corridor::Item;
use super::status::{Counters, Status};
use crate::backlog::{Backlog, Entry, Told};
use crate::cursor::Cursor;
use crate::intake::Door;
use crate::lock::lock;
use crate::retry::Outage;
use crate::settings::Settings;
use crate::wazuh::message::repeated;
use crate::wazuh::notice::{Gap, Kind, Notice};
use crate::wazuh::pace::Pace;
use crate::wazuh::queue::{Delivery, Queue};

/// How many messages are taken from the backlog at a time. A process that is killed between the delivery of some and
/// the note of it sends them again after the next start, so there should not be many.
const IN_HAND: usize = 64;

/// The thread that sends.
pub struct Sender {
    backlog: Arc<Backlog>,
    cursor: Arc<Mutex<Cursor>>,
    status: Arc<Status>,
    door: Door<Item>,
    settings: watch::Receiver<Arc<Settings>>,
    pace: Pace,
    cursor_outage: Outage<()>,
    /// The lines whose messages an earlier process may have delivered or not.
    uncertain: HashSet<u64>,
}

/// What was delivered and not noted yet.
#[derive(Default)]
struct Unnoted {
    lines: Vec<(Option<u64>, u64)>,
    /// When the last line among them was read, in milliseconds since 1970.
    read_at: Option<i64>,
}

impl Sender {
    pub(super) fn new(
        backlog: &Arc<Backlog>,
        cursor: &Arc<Mutex<Cursor>>,
        status: &Arc<Status>,
        door: Door<Item>,
        settings: watch::Receiver<Arc<Settings>>,
        uncertain: Vec<u64>,
    ) -> Self {
        let pace = {
            let settings = settings.borrow();
            Pace::new(settings.config.max_events_per_second, settings.config.burst, Instant::now())
        };
        Self {
            backlog: Arc::clone(backlog),
            cursor: Arc::clone(cursor),
            status: Arc::clone(status),
            door,
            settings,
            pace,
            cursor_outage: Outage::default(),
            uncertain: uncertain.into_iter().collect(),
        }
    }

    /// Sends until the pipeline has ended and nothing is left, or the stop comes first.
    pub(super) fn run(mut self, mut queue: Queue<'_>) {
        loop {
            let entries = self.backlog.oldest(IN_HAND);
            tell(self.backlog.told(), &self.status.counters, |notice| {
                self.door.force(Item::Notice(notice));
            });
            if entries.is_empty() {
                return;
            }
            self.follow_settings(&mut queue);
            self.announce(&entries);
            let mut unnoted = Unnoted::default();
            let mut rest = entries.as_slice();
            let all = loop {
                let offered = self.offer(rest, &mut queue, &mut unnoted);
                rest = rest.get(offered..).unwrap_or_default();
                let Some((first, behind)) = rest.split_first() else { break true };
                if !self.deliver(first, &mut queue, &mut unnoted) {
                    break false;
                }
                rest = behind;
                if self.backlog.may_overtake(Instant::now()) {
                    break true;
                }
            };
            self.note(&mut unnoted);
            if !all || !self.overtake(&mut queue) {
                return;
            }
        }
    }

    /// Says in the cursor what is about to be sent.
    fn announce(&mut self, entries: &[Entry]) {
        let mut cursor = lock(&self.cursor);
        cursor.sends(entries.iter().filter_map(|entry| entry.line));
        drop(cursor);
        self.flush();
    }

    fn follow_settings(&mut self, queue: &mut Queue<'_>) {
        // An error only says that the listener is being stopped.
        if self.settings.has_changed().unwrap_or(false) {
            let settings = self.settings.borrow_and_update();
            let config = &settings.config;
            self.pace.change(config.max_events_per_second, config.burst, Instant::now());
            queue.change_wait_time(config.wait_time);
        }
    }

    /// Delivers the first of these, as many as may go and the queue takes without a wait; how many those are.
    fn offer(&mut self, entries: &[Entry], queue: &mut Queue<'_>, unnoted: &mut Unnoted) -> usize {
        if queue.is_over() {
            return 0;
        }
        let is_certain = |entry: &&Entry| entry.line.is_none_or(|line| !self.uncertain.contains(&line));
        let certain =
            if self.uncertain.is_empty() { entries.len() } else { entries.iter().take_while(is_certain).count() };
        let may_go = self.pace.take_some(certain, Instant::now());
        if may_go == 0 {
            return 0;
        }
        let messages: Vec<&[u8]> = entries.iter().take(may_go).map(|entry| entry.message.as_ref()).collect();
        let sent = queue.offer(&messages);
        self.pace.give_back(may_go - sent);
        self.status.counters.sent.add(sent as u64);
        let gone = entries.get(..sent).unwrap_or_default();
        if let Some(last) = gone.last() {
            self.lags(last);
        }
        unnoted.lines.extend(gone.iter().map(|entry| (entry.line, entry.sequence)));
        let last_line = gone.iter().rev().find(|entry| entry.line.is_some());
        unnoted.read_at = last_line.map(|entry| entry.read_at).or(unnoted.read_at);
        sent
    }

    fn lags(&self, entry: &Entry) {
        let waited = Timestamp::now().as_millisecond() - entry.read_at;
        self.status.lag.store(u64::try_from(waited).unwrap_or_default(), Ordering::Relaxed);
    }

    /// Delivers what hurries before its turn, if anything does; false where the stop came first.
    fn overtake(&mut self, queue: &mut Queue<'_>) -> bool {
        let Some(entry) = self.backlog.overtaking(Instant::now()) else { return true };
        lock(&self.cursor).sends_too(entry.line);
        self.flush();
        if !self.send(&entry, queue, &mut Unnoted::default()) {
            return false;
        }
        lock(&self.cursor).note_early(entry.line, entry.sequence);
        self.flush();
        self.backlog.overtook(entry.sequence);
        true
    }

    fn flush(&mut self) {
        let flushed = lock(&self.cursor).flush(Instant::now());
        tell_flush(flushed, &mut self.cursor_outage);
    }

    /// Delivers one message in its turn; false where the stop came first.
    fn deliver(&mut self, entry: &Entry, queue: &mut Queue<'_>, unnoted: &mut Unnoted) -> bool {
        let is_sent = self.send(entry, queue, unnoted);
        if is_sent {
            self.lags(entry);
            unnoted.lines.push((entry.line, entry.sequence));
            unnoted.read_at = entry.line.map(|_| entry.read_at).or(unnoted.read_at);
        }
        is_sent
    }

    /// Sends one message; false where the stop came first.
    fn send(&mut self, entry: &Entry, queue: &mut Queue<'_>, unnoted: &mut Unnoted) -> bool {
        if queue.is_over() {
            return false;
        }
        while let Err(wait) = self.pace.take(Instant::now()) {
            self.note(unnoted);
            if !queue.pause(wait) {
                return false;
            }
        }
        let counters = &self.status.counters;
        let may_repeat = entry.line.is_some_and(|line| self.uncertain.remove(&line));
        let message = if may_repeat { repeated(&entry.message).into() } else { entry.message.clone() };
        match queue.deliver(&message, || {
            note(unnoted, &self.cursor, &self.backlog, &mut self.cursor_outage);
        }) {
            Delivery::Taken => counters.sent.count(),
            Delivery::TooLarge => {
                if entry.line.is_some() {
                    counters.lost.count();
                }
            }
            Delivery::Stopped => return false,
        }
        true
    }

    fn note(&mut self, unnoted: &mut Unnoted) {
        note(unnoted, &self.cursor, &self.backlog, &mut self.cursor_outage);
    }
}

/// Moves the cursor, then takes what was delivered from the backlog.
fn note(unnoted: &mut Unnoted, cursor: &Mutex<Cursor>, backlog: &Backlog, outage: &mut Outage<()>) {
    let Some((_, last)) = unnoted.lines.last().copied() else { return };
    let mut cursor = lock(cursor);
    unnoted.lines.drain(..).for_each(|(line, sequence)| cursor.note(line, sequence));
    if let Some(read_at) = unnoted.read_at.take() {
        cursor.note_read(read_at);
    }
    tell_flush(cursor.flush(Instant::now()), outage);
    drop(cursor);
    backlog.delivered(last);
}

fn tell_flush(flushed: std::io::Result<()>, outage: &mut Outage<()>) {
    let now = Instant::now();
    match flushed {
        Ok(()) => {
            if outage.ended(now).is_some() {
                Notice::DiskTakes.log();
            }
        }
        Err(error) if outage.failed((), now) => {
            let error = format!("the record of what was delivered stays behind ({error}); look at the free space");
            Notice::DiskRefuses { error }.log();
        }
        Err(_) => {}
    }
}

/// Tells what happened to the backlog.
pub(super) fn tell(told: Vec<Told>, counters: &Counters, mut to_queue: impl FnMut(Notice)) {
    for told in told {
        match told {
            Told::DiskRefuses(error) => Notice::DiskRefuses { error: error.to_string() }.log(),
            Told::DiskTakes => Notice::DiskTakes.log(),
            Told::Damaged { records, what } => {
                counters.gaps.count();
                counters.lost.add(records.unwrap_or_default());
                let (kind, to) = (Kind::BacklogDamaged, Timestamp::now());
                let (reason, kept, important) = (None, None, None);
                let gap = Gap { kind, count: records, from: None, to, detail: Some(what), reason, kept, important };
                let notice = Notice::Lost(gap);
                notice.log();
                to_queue(notice);
            }
        }
    }
}
