//! The reader's end of the ingest queue: refuses duplicates, has the engine asked early, and never waits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;

use super::inspector::{Inspector, Late};
use super::loss::LossLedger;
use super::spill::{Spill, SpillError};
use super::status::Status;
use crate::backlog::{Backlog, Blocked};
use crate::cursor::{Key, Window};
use crate::docker::EngineError;
use crate::docker::availability::Identity;
use crate::docker::lines::{Flaw, Refused, SHOWN_HEAD};
use crate::docker::reader::{Gap as EngineGap, Reading, Seen, Sink};
use crate::event::Event;
use crate::event::json::ObjectWriter;
use crate::event::preview::{Importance, Preview};
use crate::event::redact::Redactor;
use crate::intake::{Intake, Weighed};
use crate::retry::Throttle;
use crate::settings::Settings;
use crate::wazuh::notice::{Gap, Kind, Notice, Reason};
use crate::wazuh::state::ConnectionStatus;

/// What goes down the corridor.
#[derive(Debug)]
pub enum Item {
    /// Lines that are new.
    Lines(Lines),
    /// The hash of a line that needs no delivery.
    Known(u64),
    /// What which engine is known by.
    EngineId(String),
    /// Whose lines follow, and when its stream was opened.
    Engine(Identity, Timestamp),
    /// There is a result for the event that waits under this number.
    Answered(u64),
    /// What the engine has answered too late for its event.
    Late(Box<Late>),
    /// Lines were lost, or put on disk: the worker has more to look at than this.
    Wake,
    /// Something to say.
    Notice(Notice),
    /// Nothing follows.
    End,
}

impl Weighed for Item {
    fn size(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.text.len(),
            Self::Notice(notice) => notice_size(notice),
            _ => size_of::<Self>(),
        }
    }

    fn events(&self) -> usize {
        match self {
            Self::Lines(lines) => lines.ends.len(),
            _ => 1,
        }
    }

    fn is_of_reserve(&self) -> bool {
        matches!(self, Self::Lines(lines) if lines.is_of_reserve)
    }
}

/// Lines that came together: what is handed on one by one costs more than it is worth.
#[derive(Debug, Default)]
pub struct Lines {
    /// One behind the other, without their ends.
    text: Vec<u8>,
    /// Where each ends, and its hash.
    ends: Vec<(usize, u64)>,
    /// When the first came.
    first: Timestamp,
    /// Whether they were let in from the reserve.
    is_of_reserve: bool,
}

/// So many bytes of lines are handed on together, and not more than a line beyond.
const TOGETHER: usize = 64 << 10;

impl Lines {
    /// A line that was read at this time, in milliseconds since 1970.
    pub(super) fn push_read(&mut self, line: &[u8], hash: u64, read_at: i64) {
        if self.ends.is_empty() {
            self.first = Timestamp::from_millisecond(read_at).unwrap_or_default();
        }
        self.push(line, hash);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of the lines.
    pub(super) fn size(&self) -> usize {
        self.text.len()
    }

    fn push(&mut self, line: &[u8], hash: u64) {
        self.text.extend_from_slice(line);
        self.ends.push((self.text.len(), hash));
    }

    /// When they came, in milliseconds since 1970.
    #[must_use]
    pub fn read_at(&self) -> i64 {
        self.first.as_millisecond()
    }

    /// Each with its hash, in the order of their coming.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).map(|(start, (end, hash))| (self.text.get(start..*end).unwrap_or_default(), *hash))
    }
}

/// Takes what the reader reads.
pub struct Corridor {
    intake: Intake<Item>,
    /// What was read and not handed on yet.
    lines: Lines,
    key: Key,
    window: Window,
    /// The first place of the window that belongs to this engine.
    engine_from: u64,
    /// The place of the window that the first new line of this connection gets.
    connected_at: u64,
    /// When the last line was read, and the last before this connection.
    last_read: Option<Timestamp>,
    last_read_before_connect: Option<Timestamp>,
    status: Arc<Status>,
    settings: watch::Receiver<Arc<Settings>>,
    refusals: Refusals,
    /// Whether it is not known yet if something is missing before the lines of this connection: what is said of that goes
    /// before them. Who is killed in between would otherwise have delivered them, and could not tell any more.
    is_judging: bool,
    /// Whether the engine's state has been told at least once.
    told_before: bool,
    overflow: Overflow,
    inspector: Inspector,
}

/// What becomes of lines that find no room in memory.
#[derive(Debug, Clone)]
pub(super) struct Overflow {
    pub spill: Arc<Spill>,
    pub ledger: Arc<LossLedger>,
    pub backlog: Arc<Backlog>,
}

impl Overflow {
    /// Why there is no room.
    fn reason(&self, error: &SpillError) -> Reason {
        match (self.backlog.blocked(), error) {
            (Some(Blocked::Disk), _) | (_, SpillError::Refused { .. }) => Reason::Disk,
            (Some(Blocked::Queue), SpillError::Full) => Reason::Queue,
            (None, SpillError::Full) => Reason::Memory,
        }
    }
}

impl Corridor {
    pub(super) fn new(
        intake: Intake<Item>,
        (key, window): (Key, Window),
        last_read: Option<Timestamp>,
        status: Arc<Status>,
        settings: watch::Receiver<Arc<Settings>>,
        overflow: Overflow,
        inspector: Inspector,
    ) -> Self {
        let connected_at = window.end();
        Self {
            overflow,
            inspector,
            intake,
            lines: Lines::default(),
            key,
            window,
            engine_from: 0,
            connected_at,
            last_read,
            last_read_before_connect: last_read,
            status,
            settings,
            refusals: Refusals::default(),
            is_judging: false,
            told_before: false,
        }
    }

    pub(super) fn tell(&mut self, notice: Notice) {
        notice.log();
        if let Notice::Lost(gap) = &notice {
            self.status.counters.gaps.count();
            // What found no room was counted when that happened.
            if gap.kind != Kind::BacklogFull {
                self.status.counters.lost.add(gap.count.unwrap_or_default());
            }
        }
        if std::mem::take(&mut self.is_judging) {
            self.intake.door().force(Item::Notice(notice));
            self.hand_on();
        } else {
            self.force(Item::Notice(notice));
        }
    }

    /// What was read before goes first.
    fn force(&mut self, item: Item) {
        self.hand_on();
        self.intake.door().force(item);
    }

    fn hand_on(&mut self) {
        if !self.lines.ends.is_empty() {
            self.intake.door().force(Item::Lines(std::mem::take(&mut self.lines)));
        }
    }

    fn line(&mut self, line: &[u8]) -> Seen {
        let hash = self.key.hash(line);
        if let Some(place) = self.window.place(hash) {
            self.status.counters.doubles.count();
            return if place < self.connected_at { Seen::Before } else { Seen::Again };
        }
        self.status.counters.read.count();
        if self.lines.ends.is_empty() {
            self.lines.first = Timestamp::now();
        }
        let now = self.lines.first;
        self.last_read = Some(now);
        // Also where it finds no room: it is counted as lost then, once, and must not be counted again.
        self.window.add(hash);
        let preview = Preview::of(line);
        let importance = preview.importance();
        let (size, count) = (self.lines.text.len() + line.len(), self.lines.ends.len() + 1);
        // What is on disk is older than this.
        if self.overflow.spill.is_empty() && self.intake.fits(part_for(importance), size, count) {
            self.lines.push(line, hash);
        } else if let Err(error) = self.put_on_disk(line, hash, importance, now) {
            self.lose(importance, &error, now);
            return Seen::New;
        }
        self.overflow.ledger.keep(importance);
        if let Some(early) = preview.early() {
            let settings = self.settings.borrow();
            if settings.config.inspect {
                self.inspector.ask_early(&settings.endpoint, hash, early);
            }
        }
        if self.lines.text.len() >= TOGETHER && !self.is_judging {
            self.hand_on();
        }
        Seen::New
    }

    fn put_on_disk(
        &mut self,
        line: &[u8],
        hash: u64,
        importance: Importance,
        now: Timestamp,
    ) -> Result<(), SpillError> {
        let is_first = self.overflow.spill.is_empty();
        if is_first {
            // They are older.
            self.hand_on();
        }
        let redactor = Arc::clone(&self.settings.borrow().redactor);
        let clean = for_disk(line, &redactor, self.key);
        let pushed = self.overflow.spill.push(&clean, hash, now.as_millisecond());
        if let Err(error) = pushed {
            // The rest of the memory is for what matters most.
            let is_of_reserve = !self.intake.fits(100, line.len(), 1);
            if importance < Importance::High || (is_of_reserve && !self.intake.fits_reserve(line.len())) {
                return Err(error);
            }
            let mut lines = Lines { first: now, is_of_reserve, ..Lines::default() };
            lines.push(line, hash);
            self.intake.door().force(Item::Lines(lines));
        } else if is_first {
            self.intake.door().force(Item::Wake);
        }
        Ok(())
    }

    fn lose(&mut self, importance: Importance, error: &SpillError, now: Timestamp) {
        self.status.counters.lost.count();
        let Overflow { ledger, .. } = &self.overflow;
        if ledger.lose(importance, || self.overflow.reason(error), now) {
            // The worker reports it in time even if nothing else comes.
            self.force(Item::Wake);
        }
    }

    fn refused(&mut self, refused: Refused<'_>) {
        self.status.counters.refused.count();
        // Millions of empty lines cost no more than being counted.
        if refused.why != Flaw::Oversized && self.refusals.holds_back(refused.why) {
            return;
        }
        let redactor = Arc::clone(&self.settings.borrow().redactor);
        let notice = refusal(refused.why, refused.length, refused.head, &redactor, self.key);
        self.refusals.log(refused.why, &notice);
        // An empty line loses nothing; a torn one comes again with the ring. Neither must be able to flood the queue.
        if refused.why == Flaw::Oversized {
            self.status.counters.gaps.count();
            self.hand_on();
            if self.intake.fits(100, notice_size(&notice), 1) {
                self.force(Item::Notice(notice));
            } else {
                self.lose(Importance::High, &SpillError::Full, Timestamp::now());
            }
        }
    }

    fn away(&mut self, error: &EngineError) {
        let first = !std::mem::replace(&mut self.told_before, true);
        let reason = error.to_string();
        self.status.connection(|connection| connection.reason.clone_from(&reason));
        self.tell(Notice::EngineAway { error: reason, first });
    }

    fn gap(&mut self, gap: EngineGap) {
        // Who knows nothing of this engine cannot miss what it did at its end, and who has never read anything misses
        // nothing. A ring that is full of what happened since another engine was read has lost some of that.
        let is_missed = match gap {
            EngineGap::EngineRestarted => self.connected_at != self.engine_from,
            EngineGap::RingWrapped => self.last_read_before_connect.is_some(),
            _ => true,
        };
        if !is_missed {
            self.judged();
            return;
        }
        let (kind, count) = match gap {
            EngineGap::RingWrapped => (Kind::RingWrapped, None),
            EngineGap::EngineRestarted => (Kind::EngineRestarted, None),
            EngineGap::HistoryTooOld => (Kind::HistoryTooOld, None),
            EngineGap::HistoryTooLong(count) => (Kind::HistoryTooLong, Some(count)),
            EngineGap::ClockSteppedBack => (Kind::ClockSteppedBack, None),
        };
        let from = self.last_read_before_connect;
        let (reason, kept, important) = (None, None, None);
        let to = Timestamp::now();
        self.tell(Notice::Lost(Gap { kind, count, from, to, detail: None, reason, kept, important }));
    }

    fn judged(&mut self) {
        self.is_judging = false;
        self.hand_on();
    }

    fn connected(&mut self, engine: &Identity, away: Option<std::time::Duration>) {
        self.told_before = true;
        self.connected_at = self.window.end();
        self.last_read_before_connect = self.last_read;
        self.status.counters.connects.count();
        self.status.connection(|connection| {
            connection.status = ConnectionStatus::Connected;
            connection.engine = engine.to_string();
            connection.reason.clear();
        });
        self.force(Item::Engine(engine.clone(), Timestamp::now()));
        self.tell(Notice::Connected { engine: engine.to_string(), away });
        self.is_judging = !engine.is_podman();
    }
}

impl Sink for Corridor {
    fn take(&mut self, reading: Reading<'_>) -> Seen {
        match reading {
            Reading::Line(line) => return self.line(line),
            Reading::Asked(line) => {
                let known = self.window.place(self.key.hash(line)).is_some();
                return if known { Seen::Before } else { Seen::New };
            }
            Reading::Earlier(line) => {
                self.status.counters.doubles.count();
                let hash = self.key.hash(line);
                self.window.add(hash);
                // A history of millions must not fill the memory; only the last thousands are kept anyway.
                if self.intake.fits(90, size_of::<Item>(), 1) {
                    self.force(Item::Known(hash));
                }
            }
            Reading::Refused(refused) => self.refused(refused),
            Reading::Away(error) => self.away(error),
            Reading::Engine { id, is_new } => {
                if is_new {
                    self.engine_from = self.window.end();
                }
                self.force(Item::EngineId(id.to_owned()));
            }
            Reading::Connected(engine, away) => self.connected(engine, away),
            Reading::Whole => self.judged(),
            Reading::Gap(gap) => self.gap(gap),
            Reading::Recovered(count) => {
                self.status.counters.recovered.add(count as u64);
                self.tell(Notice::Recovered { count });
            }
            Reading::Disconnected(reason, lasted) => {
                self.status.connection(|connection| {
                    connection.status = ConnectionStatus::Disconnected;
                    reason.clone_into(&mut connection.reason);
                });
                self.tell(Notice::Disconnected { reason: reason.to_owned(), lasted });
            }
            Reading::Remark(text) => Notice::Remark(text.to_owned()).log(),
        }
        Seen::New
    }

    fn pause(&mut self) {
        if !self.is_judging {
            self.hand_on();
        }
    }
}

impl Drop for Corridor {
    fn drop(&mut self) {
        self.force(Item::End);
    }
}

fn notice_size(notice: &Notice) -> usize {
    match notice {
        Notice::LineRefused { head, .. } => head.len(),
        _ => size_of::<Item>(),
    }
}

/// How much of the ingest queue events of this importance may fill, in hundredths.
fn part_for(importance: Importance) -> usize {
    match importance {
        Importance::Low => 80,
        Importance::Middle => 90,
        Importance::High => 100,
    }
}

/// No text of a line that is shorter than this is cut before secrets are looked for, in bytes.
const SHORT: usize = 1024;

/// A line as it may stand on disk: without secrets, as far as it can be read.
fn for_disk<'l>(line: &'l [u8], redactor: &Redactor, key: Key) -> Cow<'l, [u8]> {
    let hasher = |secret: &[u8]| key.hash_secret(secret);
    let Ok(mut event) = Event::parse(line) else { return Cow::Borrowed(line) };
    // Behind the beginning of a long text nothing is looked for, so it is not written.
    if redactor.redact(&mut event, &hasher).count == 0 && line.len() < SHORT {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len());
    let mut writer = ObjectWriter::new(&mut clean);
    for (key, value) in event.fields().iter() {
        writer.value(key, value);
    }
    writer.end();
    Cow::Owned(clean.into_bytes())
}

/// Tells of refused lines, of each kind one in a while: whoever makes them must not be able to fill the log.
#[derive(Debug, Default)]
pub struct Refusals {
    throttles: BTreeMap<Flaw, Throttle>,
}

impl Refusals {
    /// Whether one of this kind was logged shortly before, so that this one is only counted.
    fn holds_back(&mut self, why: Flaw) -> bool {
        self.throttles.get_mut(&why).is_some_and(|throttle| throttle.holds_back(Instant::now()))
    }

    pub(super) fn log(&mut self, why: Flaw, notice: &Notice) {
        if let Some(held_back) = self.throttles.entry(why).or_default().pass(Instant::now()) {
            Self::log_more(why, held_back);
            notice.log();
        }
    }

    fn log_more(why: Flaw, count: u64) {
        if count > 0 {
            Notice::MoreRefused { why, count }.log();
        }
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        for (why, throttle) in &mut self.throttles {
            Self::log_more(*why, throttle.held_back());
        }
    }
}

/// The notice of a line that cannot be used. Secrets in its beginning are none of the log's business.
pub(super) fn refusal(why: Flaw, length: u64, head: &[u8], redactor: &Redactor, key: Key) -> Notice {
    let head = String::from_utf8_lossy(head);
    let head = redactor.beginning(&head, SHOWN_HEAD, &|secret| key.hash_secret(secret)).into_owned();
    Notice::LineRefused { why, length, head, at: Timestamp::now() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::lines::{Line, LineSplitter};
    use crate::event::redact::Mode;

    #[test]
    fn the_beginning_of_a_refused_line_holds_no_secret_wherever_it_is_cut() {
        let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
        for offset in SHOWN_HEAD - 120..SHOWN_HEAD {
            for secret in [
                r#","db.password":"hunter2""#,
                r#","a":"sh -c \"--password hunter2 x\"""#,
                r#","a":"x --password \"hunter2\" y""#,
                r#","a":"x://u:hunter2@h/""#,
            ] {
                let start = r#"{"Type":"container","Action":""#;
                let line = format!("{start}{}\"{secret}}}{}\n", "z".repeat(offset - start.len()), " ".repeat(5000));
                let mut heads = Vec::new();
                LineSplitter::new(4096).push(line.as_bytes(), |line| {
                    let Line::Refused(refused) = line else { panic!("it is too long") };
                    let notice = refusal(refused.why, refused.length, refused.head, &redactor, Key::random());
                    let Notice::LineRefused { head, .. } = notice else { panic!("of a refused line") };
                    heads.push(head);
                });
                let head = heads.concat();
                assert!(head.starts_with(start) && head.len() <= SHOWN_HEAD + 16, "{}", head.len());
                assert!((2..=7).all(|length| !head.contains(&"hunter2"[..length])), "{head}");
            }
        }
    }
}
