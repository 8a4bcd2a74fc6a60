//! The worker: makes messages of lines, and keeps them until the queue takes them.
//!
//! It waits for no answer of the engine: an event that needs one is put aside, and those of other objects pass.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::corridor::{Item, Lines, Overflow, Refusals, refusal};
use super::inspector::{Inspector, Lane, Late, Request, Subject};
use super::judge::{EngineTraits, Judge, Judgement, Plan, subject};
use super::loss::LossLedger;
use super::parked::{Parked, ReadLine, Waiting};
use super::status::Status;
use crate::backlog::{Backlog, Entry};
use crate::bounded::Nameless;
use crate::cursor::{Cursor, Key, Window};
use crate::docker::endpoint::Endpoint;
use crate::docker::lines::{Flaw, head};
use crate::event::Event;
use crate::event::bounds::SHOWN;
use crate::event::meaning::Meaning;
use crate::event::preview::Importance;
use crate::event::redact::Redactions;
use crate::event::sanitize::{self, Changes};
use crate::inquiry::{Answers, Question};
use crate::intake::{Next, Outlet};
use crate::lock::lock;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::suspect::{Note, Suspects};
use crate::wazuh::message::{self, Context, Findings, NoAnswer};
use crate::wazuh::notice::{Kind, Notice, Reason, Unprocessed};
use crate::wazuh::pace::Pace;
use crate::wazuh::urgency;

/// How long it waits at a time for room in a backlog that is full.
const FULL_WAIT: Duration = Duration::from_millis(100);

/// So many bytes of lines are taken from disk at a time.
const TAKEN_TOGETHER: usize = 64 << 10;

/// How long after an event memory is given back.
const REST_AFTER: Duration = Duration::from_secs(3);

/// How long nothing waits for an object after a result that did not come in time.
const WAIT_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// So many objects whose results are slow are remembered.
pub(super) const MAX_SLOW: usize = 8192;

/// The thread between reader and sender.
pub struct Pipeline {
    pub(super) settings: watch::Receiver<Arc<Settings>>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) cursor: Arc<Mutex<Cursor>>,
    pub(super) status: Arc<Status>,
    pub(super) stop: Arc<Stop>,
    pub(super) refusals: Refusals,
    pub(super) judge: Judge,
    pub(super) inspector: Inspector,
    pub(super) parked: Parked,
    /// Objects whose results did not come in time, and when that was.
    pub(super) slow: Nameless<Instant>,
    pub(super) overflow: Overflow,
    /// Events of which the engine could not be asked.
    pub(super) unasked: LossLedger,
    /// Lines that are no JSON, beyond those that are reported one by one.
    pub(super) unreadable: LossLedger,
    pub(super) unreadable_pace: Pace,
    pub(super) losses: Losses,
    pub(super) suspects: Suspects,
    /// What an earlier process left as the line that it died with.
    pub(super) died_with: Option<Note>,
    /// When the stream was opened.
    pub(super) connected: Timestamp,
    /// When memory is given back next; none where all of it was.
    pub(super) rest_due: Option<Instant>,
    /// What earlier processes delivered or left in the backlog: a line that an earlier process put on disk may be among
    /// them.
    pub(super) done: Window,
    /// Whether the lines that are worked on come from disk.
    pub(super) is_spilled: bool,
    /// Whether events are sent with what is known, however little.
    pub(super) nothing_waits: bool,
    pub(super) key: Key,
    pub(super) context: Context,
    pub(super) early: SentEarly,
    pub(super) wodle_events: bool,
    pub(super) outgoing: Outgoing,
}

/// What an earlier process delivered before its turn.
#[derive(Debug, Default)]
pub struct SentEarly {
    /// The numbers of the messages.
    numbers: HashSet<u64>,
    /// The hashes of their lines, which the ring may bring again.
    lines: HashSet<u64>,
}

impl SentEarly {
    /// These numbers, with the hashes of the lines; 0 is none.
    pub(super) fn of(early: &BTreeMap<u64, u64>) -> Self {
        Self { numbers: early.keys().copied().collect(), lines: early.values().copied().collect() }
    }
}

/// What is known of the reports of losses.
#[derive(Debug, Default)]
pub struct Losses {
    /// The number of the last report's message.
    reported: Option<u64>,
}

/// Messages that were made and are handed on together.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// One behind the other.
    text: String,
    /// Where each ends, with its number, its line and when that was read, and whether it hurries.
    ends: Vec<(usize, u64, Option<u64>, i64, bool)>,
    entries: Vec<Entry>,
    /// The number of the last message that was handed on.
    handed_on: Option<u64>,
}

impl Outgoing {
    /// So many bytes of messages are handed on together, and not more than a message beyond.
    const TOGETHER: usize = 64 << 10;

    /// So many messages need no more memory than is at hand.
    const KEPT: usize = 256;

    /// Gives back what a burst has taken.
    fn shrink(&mut self) {
        self.text.shrink_to(Self::TOGETHER);
        self.ends.shrink_to(Self::KEPT);
        self.entries.shrink_to(Self::KEPT);
    }

    /// Where the last whole message ends, and its number.
    fn last(&self) -> (usize, Option<u64>) {
        self.ends.last().map_or((0, self.handed_on), |(end, sequence, ..)| (*end, Some(*sequence)))
    }

    fn hand_on(&mut self, backlog: &Backlog) {
        if self.ends.is_empty() {
            return;
        }
        // Of the right size, unlike the text that grows: what waits is counted by what it holds.
        let messages = Bytes::copy_from_slice(self.text.as_bytes());
        let mut start = 0;
        for (end, sequence, line, read_at, hurries) in self.ends.drain(..) {
            self.handed_on = Some(sequence);
            self.entries.push(Entry { sequence, line, read_at, hurries, message: messages.slice(start..end) });
            start = end;
        }
        self.text.clear();
        backlog.push(&mut self.entries, Instant::now());
    }
}

impl Pipeline {
    pub(super) fn run(mut self, intake: &Outlet<Item>) {
        // Also where this thread fails: the sender must not wait forever.
        if let Some(note) = self.died_with.take() {
            let now = Timestamp::now();
            self.skip(&note, now);
        }
        let _end = End { backlog: Arc::clone(&self.backlog), inspector: self.inspector.clone() };
        let mut last = None;
        loop {
            // What is there when the end comes still goes through.
            let deadline = last.or_else(|| self.due());
            let has_spilled = self.has_spilled() && intake.is_empty();
            match intake.next(if has_spilled { Some(Instant::now()) } else { deadline }) {
                Next::Item(Item::End) => last = Some(Instant::now()),
                Next::Item(item) => {
                    self.item(item);
                    self.outgoing.hand_on(&self.backlog);
                }
                Next::Nothing if has_spilled => self.spilled(),
                Next::Nothing if last.is_some() => break,
                Next::Nothing => self.backlog.tidy(Instant::now()),
                Next::End => break,
            }
            self.timers();
            // A stop has no time for that: what finds no room then is counted.
            while self.stop.time_left().is_none() && !self.backlog.has_room(FULL_WAIT) {
                self.tell();
                self.timers();
            }
            self.tell();
        }
        let losses = self.ledgers().into_iter().filter_map(|(ledger, kind)| Some(ledger.take()?.notice(kind)));
        for notice in losses.collect::<Vec<_>>() {
            notice.log();
            // It goes to disk with what waits, and out at the next start.
            self.notice(&notice, None, Timestamp::now().as_millisecond());
        }
        self.nothing_waits = true;
        while let Some((id, waiting, behind)) = self.parked.take_any() {
            self.waited_enough(&id, &waiting, behind);
        }
        self.outgoing.hand_on(&self.backlog);
        self.judge.keep_tags(true);
        self.suspects.stopped();
    }

    /// A line that an earlier process died with is reported instead of being worked on again.
    fn skip(&mut self, note: &Note, at: Timestamp) {
        let Note { hash, length, head } = note;
        let line = Unprocessed { hash: *hash, length: *length, head: head.clone(), at, detail: None };
        let notice = Notice::LineSkipped(line);
        self.status.counters.refused.count();
        self.status.counters.gaps.count();
        notice.log();
        self.notice(&notice, Some(*hash), at.as_millisecond());
    }

    /// When something has to be done where nothing comes.
    fn due(&self) -> Option<Instant> {
        let ledgers = [self.overflow.ledger.due(), self.unasked.due(), self.unreadable.due()];
        let cursor = self.cursor().due();
        [self.backlog.due(), self.parked.due(), self.rest_due, self.judge.keep_due(), cursor]
            .into_iter()
            .chain(ledgers)
            .flatten()
            .min()
    }

    /// Does what is due by now.
    fn timers(&mut self) {
        let now = Instant::now();
        while let Some((id, waiting, behind)) = self.parked.take_due(now) {
            self.waited_enough(&id, &waiting, behind);
        }
        self.report_losses(now);
        self.judge.keep_tags(false);
        if self.cursor().due().is_some_and(|due| due <= now) {
            // The sender says what comes of it, with the next message.
            let _ = self.cursor().flush(now);
        }
        if self.rest_due.is_some_and(|due| due <= now) {
            self.rest();
        }
        self.outgoing.hand_on(&self.backlog);
    }

    /// Gives back what a storm has taken and nothing needs any more.
    fn rest(&mut self) {
        self.backlog.shrink();
        self.outgoing.shrink();
        self.rest_due = None;
    }

    fn ledgers(&self) -> [(&LossLedger, Kind); 3] {
        [
            (&*self.overflow.ledger, Kind::BacklogFull),
            (&self.unasked, Kind::NotInspected),
            (&self.unreadable, Kind::LineNotJson),
        ]
    }

    fn report_losses(&mut self, now: Instant) {
        // While the queue takes nothing one report waits in it already, and others would only fill the memory.
        let is_delivered = self.losses.reported.is_none_or(|sequence| self.backlog.is_delivered(sequence));
        let due: Vec<Notice> = self
            .ledgers()
            .into_iter()
            .filter_map(|(ledger, kind)| {
                let loss = if is_delivered { ledger.take_due(now) } else { ledger.put_off(now) };
                loss.map(|loss| loss.notice(kind))
            })
            .collect();
        for notice in due {
            notice.log();
            self.status.counters.gaps.count();
            self.notice(&notice, None, Timestamp::now().as_millisecond());
            self.losses.reported = Some(self.context.sequence);
        }
    }

    fn has_spilled(&self) -> bool {
        !self.overflow.spill.is_empty() && self.stop.time_left().is_none()
    }

    /// Works on what was put on disk; nothing older waits in memory.
    fn spilled(&mut self) {
        if let Some(lines) = self.overflow.spill.take(TAKEN_TOGETHER) {
            self.is_spilled = true;
            self.lines(&lines);
            self.is_spilled = false;
            self.outgoing.hand_on(&self.backlog);
        }
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
            // It was before all that is delivered.
            Item::Known(hash) => self.note_known(|cursor| cursor.note(Some(hash), 0)),
            Item::EngineId(id) => self.cursor().engine(&id),
            Item::Engine(engine, connected) => {
                let endpoint = self.settings.borrow().endpoint.to_string();
                self.context = Context::new(engine, &endpoint, self.context.sequence);
                self.connected = connected;
                // From now on a process that is killed has a past: what it read and had not delivered is no longer
                // what was before the first start.
                let _ = self.cursor().flush(Instant::now());
                let settings = self.settings.borrow();
                let images = settings.config.inspect.then(|| self.inspector.images(&settings.endpoint));
                self.judge.expect_images(images);
            }
            Item::Answered(number) => {
                if let Some((id, waiting, behind)) = self.parked.take(number) {
                    self.waited_enough(&id, &waiting, behind);
                }
            }
            Item::Late(late) => self.late(*late),
            Item::Notice(notice) => self.notice(&notice, None, Timestamp::now().as_millisecond()),
            Item::Wake | Item::End => {}
        }
    }

    fn lines(&mut self, lines: &Lines) {
        self.rest_due = self.rest_due.or_else(|| Some(Instant::now() + REST_AFTER));
        let settings = Arc::clone(&self.settings.borrow());
        for (line, hash) in lines.iter() {
            if self.stop.time_left() == Some(Duration::ZERO) {
                // A listener that is stopped with more than it can process in time says so; the ring may bring the last
                // of it again.
                self.status.counters.lost.count();
            } else {
                self.guarded(line, hash, lines.read_at(), &settings, |worker| {
                    worker.line(line, hash, lines.read_at(), &settings);
                });
            }
        }
    }

    /// A line whose processing fails costs this line and no other.
    fn guarded(&mut self, line: &[u8], hash: u64, read_at: i64, settings: &Settings, process: impl FnOnce(&mut Self)) {
        if let Some(note) = self.suspects.is_poisoned(hash).cloned() {
            self.skip(&note, Timestamp::now());
            return;
        }
        let key = self.key;
        self.suspects.begin(hash, line, |head| {
            settings.redactor.text(&String::from_utf8_lossy(head), &|secret| key.hash_secret(secret)).into_owned()
        });
        let processed = catch_unwind(AssertUnwindSafe(|| process(self)));
        self.suspects.end();
        // What a panic says may hold parts of the line, secrets among them; where it was is in the log.
        if processed.is_ok() {
            return;
        }
        // What was written of its message is no message.
        let (whole, sequence) = self.outgoing.last();
        self.outgoing.text.truncate(whole);
        self.context.sequence = sequence.unwrap_or(self.context.sequence);
        let head = String::from_utf8_lossy(head(line));
        let head = settings.redactor.text(&head, &|secret| self.key.hash_secret(secret)).into_owned();
        let notice = Notice::LineFailed(Unprocessed {
            hash,
            length: line.len() as u64,
            head,
            at: Timestamp::now(),
            detail: None,
        });
        self.status.counters.refused.count();
        self.status.counters.gaps.count();
        notice.log();
        self.notice(&notice, Some(hash), read_at);
    }

    fn line(&mut self, line: &[u8], hash: u64, read_at: i64, settings: &Settings) {
        let early = self.inspector.take_early(hash);
        if self.is_spilled && self.done.place(hash).is_some() {
            return;
        }
        if !self.early.lines.is_empty() && self.early.lines.remove(&hash) {
            self.needs_no_delivery(hash);
            return;
        }
        let mut repaired = Vec::new();
        let Ok((event, is_repaired)) = sanitize::read(line, &mut repaired) else {
            self.status.counters.refused.count();
            if self.unreadable_pace.take(Instant::now()).is_err() {
                // A flood of them is one notice a second, so that they make no event wait.
                self.unreadable.lose(Importance::Middle, || Reason::Memory, Timestamp::now());
                self.needs_no_delivery(hash);
                return;
            }
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
        let id = event.actor_id();
        let own = || ReadLine { line: line.to_owned(), hash, read_at };
        if self.parked.has(id) {
            if self.parked.has_room(line.len()) && self.stop.time_left().is_none() {
                self.parked.wait_behind(id, own());
                return;
            }
            // The order of an object's events is worth more than what is not known yet.
            if let Some((id, waiting, behind)) = self.parked.take_object(id) {
                self.nothing_waits = true;
                self.waited_enough(&id, &waiting, behind);
                self.nothing_waits = false;
            }
        }
        let traits = EngineTraits::of(self.context.engine());
        let plan = self.judge.plan(&event, settings, traits);
        if let Some(question) = &plan.again {
            self.ask_again(question.clone(), &event, settings);
        }
        let result = match self.ask(&plan.question, &event, early, settings) {
            Err(no_answer) => (Answers::default(), no_answer),
            Ok(request) => {
                let may_wait = self.may_wait(id, line.len());
                let Some(result) = self.result(&request, &event, may_wait) else {
                    let deadline = request.asked() + config.inspect_timeout;
                    self.parked.wait(id, Waiting { line: own(), plan, request, deadline, earlier: None });
                    return;
                };
                result
            }
        };
        self.proceed((event, is_repaired), own, plan, result, None, settings);
    }

    /// Whether an event of this object may wait for its result.
    fn may_wait(&self, id: &str, size: usize) -> bool {
        let is_slow = || self.slow.get(id).is_some_and(|since| since.elapsed() < WAIT_AGAIN_AFTER);
        !self.nothing_waits && self.stop.time_left().is_none() && self.parked.has_room(size) && !is_slow()
    }

    /// Asks, unless that is of no use; then why there is no answer, if there should be one.
    fn ask(
        &mut self,
        question: &Question,
        event: &Event<'_>,
        early: Option<Arc<Request>>,
        settings: &Settings,
    ) -> Result<Arc<Request>, Option<NoAnswer>> {
        if question.is_empty() {
            return Err(None);
        }
        if !settings.config.inspect {
            return Err(Some(NoAnswer::Off));
        }
        // At its start it is asked about once more: it was there a moment ago, and the kernel is asked too.
        if !question.with_kernel && self.judge.is_gone(question) {
            return Err(Some(NoAnswer::Gone));
        }
        if let Some(early) = early.filter(|early| early.question().covers(question)) {
            return Ok(early);
        }
        if self.stop.time_left().is_some() {
            return Err(Some(NoAnswer::NotAsked));
        }
        let lane = match event.action() {
            "create" | "start" | "init" => Lane::Made,
            _ if question.exec.is_some() || question.with_execs => Lane::Exec,
            _ => Lane::Again,
        };
        self.inspector.ask(&settings.endpoint, (lane, event.actor_id()), question.clone()).map_err(|no_answer| {
            if no_answer == NoAnswer::NotAsked {
                let importance = if lane == Lane::Made { Importance::High } else { Importance::Middle };
                self.unasked.lose(importance, || Reason::Questions, Timestamp::now());
            }
            Some(no_answer)
        })
    }

    /// What could not be found out when a container was made becomes a message of its own: in that of another event a
    /// rule for that event could keep it from being seen.
    fn ask_again(&mut self, question: Question, event: &Event<'_>, settings: &Settings) {
        let subject = Subject { exec: None, is_again: true, ..subject(event) };
        if self.stop.time_left().is_some() || self.inspector.ask_late(&settings.endpoint, question, subject).is_err() {
            self.judge.look_again(event.actor_id());
        }
    }

    /// The result, where it is there or the event may not wait for it.
    fn result(&mut self, request: &Request, event: &Event<'_>, may_wait: bool) -> Option<(Answers, Option<NoAnswer>)> {
        let result = if may_wait {
            request.result_or_notify(self.parked.next_number())?
        } else {
            request.result_or_late(|| subject(event))
        };
        match result.1 {
            Some(NoAnswer::Timeout) => {}
            _ => self.slow.forget(event.actor_id()),
        }
        Some(result)
    }

    /// The result is there, or the event has waited long enough for it.
    fn waited_enough(&mut self, id: &str, waiting: &Waiting, behind: VecDeque<ReadLine>) {
        let settings = Arc::clone(&self.settings.borrow());
        let ReadLine { line, hash, read_at } = &waiting.line;
        self.guarded(line, *hash, *read_at, &settings, |worker| worker.waited(id, waiting, &settings));
        for ReadLine { line, hash, read_at } in behind {
            self.guarded(&line, hash, read_at, &settings, |worker| worker.line(&line, hash, read_at, &settings));
        }
    }

    fn waited(&mut self, id: &str, waiting: &Waiting, settings: &Settings) {
        let mut repaired = Vec::new();
        // It could be read before.
        let Ok((event, is_repaired)) = sanitize::read(&waiting.line.line, &mut repaired) else { return };
        let result = waiting.request.result_or_late(|| subject(&event));
        if result.1 == Some(NoAnswer::Timeout) {
            self.slow.keep(id, Instant::now());
        } else {
            self.slow.forget(id);
        }
        let own = || ReadLine { line: waiting.line.line.clone(), ..waiting.line };
        let plan = Plan { again: None, ..waiting.plan.clone() };
        let earlier = waiting.earlier.clone();
        self.proceed((event, is_repaired), own, plan, result, earlier, settings);
    }

    /// Sends an event with this result, unless it shows that something else has to be asked.
    fn proceed(
        &mut self,
        (event, is_repaired): (Event<'_>, bool),
        own: impl Fn() -> ReadLine,
        mut plan: Plan,
        (mut answers, mut no_answer): (Answers, Option<NoAnswer>),
        earlier: Option<Answers>,
        settings: &Settings,
    ) {
        if let Some(earlier) = earlier {
            answers = Answers { execs: answers.execs, ..earlier };
        } else if let Some(more) = self.judge.plan_more(&event, &mut plan, &answers, settings) {
            match self.ask(&more, &event, None, settings) {
                Err(why) => no_answer = why,
                Ok(request) => {
                    let may_wait = self.may_wait(event.actor_id(), own().line.len());
                    let Some((more, why)) = self.result(&request, &event, may_wait) else {
                        let deadline = request.asked() + settings.config.inspect_timeout;
                        let waiting = Waiting { line: own(), plan, request, deadline, earlier: Some(answers) };
                        self.parked.wait(event.actor_id(), waiting);
                        return;
                    };
                    (answers.execs, no_answer) = (more.execs, why);
                }
            }
        }
        let ReadLine { hash, read_at, .. } = own();
        let judgement = self.judge.complete(&event, &plan, &answers, no_answer, settings);
        self.send((event, is_repaired), judgement, (hash, read_at), settings);
    }

    fn send(
        &mut self,
        (mut event, is_repaired): (Event<'_>, bool),
        judgement: Judgement,
        (hash, read_at): (u64, i64),
        settings: &Settings,
    ) {
        self.number_next();
        let Judgement { forged, no_answer, mut meaning } = judgement;
        let happened = event.time_nano().and_then(|time| Timestamp::from_nanosecond(time.into()).ok());
        let age = happened.map(|happened| Timestamp::now().as_millisecond() - happened.as_millisecond());
        // Filters and enrichment have seen the event as the engine wrote it.
        let changes = sanitize::clean(&mut event);
        let hasher = |secret: &[u8]| self.key.hash_secret(secret);
        let arguments = meaning.exec.as_mut().map(|exec| std::mem::take(&mut exec.arguments)).unwrap_or_default();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let arguments = Some(arguments.as_slice()).filter(|arguments| !arguments.is_empty());
        let mut redacted = settings.redactor.redact_exec(&mut event, arguments, &hasher);
        redacted += self.redact(settings, &mut meaning, arguments);
        if redacted.count > 0 {
            self.status.counters.redacted.count();
        }
        // The clock of another host may differ.
        let is_here = matches!(settings.endpoint, Endpoint::Unix(_));
        let findings = Findings {
            changes: Changes { repaired: is_repaired, ..changes },
            forged,
            no_answer,
            redacted,
            meaning,
            is_late: false,
            age_ms: age.and_then(|age| u64::try_from(age).ok()),
            replayed: is_here && happened.is_some_and(|happened| happened < self.connected),
        };
        let hurries = urgency::hurries(&event, &findings);
        let text = &mut self.outgoing.text;
        if message::write(&event, &findings, &self.context, settings.config.max_event_size, text) {
            self.status.counters.truncated.count();
        }
        self.keep(Some(hash), read_at, hurries);
    }

    /// A message of its own: the event's is gone, and stock rules must not see it twice.
    fn late(&mut self, late: Late) {
        let settings = Arc::clone(&self.settings.borrow());
        let Some((subject, judgement)) = self.judge.judge_late(late, &settings) else { return };
        let Judgement { no_answer, mut meaning, .. } = judgement;
        let attributes = [("image", subject.image.as_str()), ("name", subject.name.as_str())];
        let mut event =
            Event::about(&subject.id, attributes.get(usize::from(subject.role.is_image)..).unwrap_or_default());
        let changes = sanitize::clean(&mut event);
        self.number_next();
        let redacted = self.redact(&settings, &mut meaning, None);
        let findings = Findings { changes, no_answer, redacted, meaning, is_late: true, ..Findings::default() };
        message::write(&event, &findings, &self.context, settings.config.max_event_size, &mut self.outgoing.text);
        self.keep(None, Timestamp::now().as_millisecond(), true);
    }

    fn redact(&self, settings: &Settings, meaning: &mut Meaning, arguments: Option<&[&str]>) -> Redactions {
        let hasher = |secret: &[u8]| self.key.hash_secret(secret);
        let redact = |name: &str, text: &mut String| settings.redactor.redact_shown(name, text, SHOWN, &hasher);
        if let Some(exec) = &mut meaning.exec {
            // The same secrets as in the action, counted there.
            settings.redactor.redact_command(&mut exec.line, arguments, SHOWN, &hasher);
        }
        for (name, value) in &mut meaning.workload {
            // The same secrets as in the label.
            redact(name, value);
        }
        let mut redactions = Redactions::default();
        meaning.risks.iter_mut().for_each(|risk| redactions += redact("risk", &mut risk.detail));
        redactions
    }

    fn notice(&mut self, notice: &Notice, line: Option<u64>, read_at: i64) {
        let before = self.context.sequence;
        self.number_next();
        if let Some(message) = notice.message(self.wodle_events, self.context.sequence, Timestamp::now()) {
            self.outgoing.text.push_str(&message);
            self.keep(line, read_at, notice.hurries());
        } else {
            self.context.sequence = before;
        }
    }

    /// Gives the next message its number.
    fn number_next(&mut self) {
        self.context.sequence += 1;
        while self.early.numbers.contains(&self.context.sequence) {
            self.context.sequence += 1;
        }
    }

    /// Keeps what was written last as a message.
    fn keep(&mut self, line: Option<u64>, read_at: i64, hurries: bool) {
        self.outgoing.ends.push((self.outgoing.text.len(), self.context.sequence, line, read_at, hurries));
        if self.outgoing.text.len() >= Outgoing::TOGETHER {
            self.outgoing.hand_on(&self.backlog);
        }
    }

    /// It is remembered once all before it is delivered; should the process be killed before, it is read and judged
    /// again.
    fn needs_no_delivery(&self, hash: u64) {
        self.note_known(|cursor| cursor.skip(hash, self.context.sequence));
    }

    fn note_known(&self, note: impl FnOnce(&mut Cursor)) {
        let mut cursor = self.cursor();
        note(&mut cursor);
        if cursor.is_full() {
            // Where that fails the sender meets the same disk, and tells of it.
            let _ = cursor.flush(Instant::now());
        }
    }

    fn cursor(&self) -> std::sync::MutexGuard<'_, Cursor> {
        lock(&self.cursor)
    }
}

/// Ends what this thread feeds.
struct End {
    backlog: Arc<Backlog>,
    inspector: Inspector,
}

impl Drop for End {
    fn drop(&mut self) {
        self.backlog.end();
        self.inspector.close();
    }
}
