//! The threads and their life: start, watch, stop in order.
//!
//! | thread | does | never |
//! |---|---|---|
//! | reader | takes lines off the engine's socket and hands them to the ingest queue | waits for anything but the engine |
//! | inspector | asks the engine about what its events do not say | holds up a reader |
//! | pipeline | parses, filters, enriches, frames, puts into the backlog, on disk too | touches a socket, waits for an answer |
//! | sender | paces, writes to Wazuh's queue, waits and retries, moves the cursor | drops anything silently |
//! | main | signals, reload, state file, heartbeat | does work |
//!
//! The stop goes down the corridor: the reader ends, what it read drains through the pipeline, the sender delivers what
//! the queue takes at once, and what is left goes to disk, from where the next start sends it first.

mod corridor;
mod fair_queue;
mod familiar;
mod inspector;
mod judge;
mod loss;
mod parked;
mod pipeline;
mod sender;
mod spill;
mod status;

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::backlog::{Backlog, Left};
use crate::bounded::Nameless;
use crate::config::Config;
use crate::cursor::{Cursor, Key, Past, PastKind, Window};
use crate::docker::availability::Identity;
use crate::docker::reader::{Before, Plan, Reader};
use crate::folder::{Folder, FolderError};
use crate::intake::{self, Door, Room};
use crate::lock::lock;
use crate::retry;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::suspect::{Note, Suspects};
use crate::wazuh::home::Home;
use crate::wazuh::message::Context;
use crate::wazuh::notice::{Gap, Kind, Notice};
use crate::wazuh::pace::Pace;
use crate::wazuh::queue::{AtStop, Queue};
use crate::wazuh::state::{ConnectionStatus, Report};

use corridor::{Corridor, Item, Overflow};
use familiar::Familiar;
use inspector::Inspector;
use judge::Judge;
use loss::LossLedger;
use parked::Parked;
use pipeline::{Losses, Outgoing, Pipeline, SentEarly};
use sender::Sender;
use spill::Spill;
pub use status::Counters;
use status::{Rates, Status};

/// How long a stop may take: people and modulesd expect it within a second.
pub const STOP_WITHIN: Duration = Duration::from_millis(700);

/// So many paths of the host are looked at, and large answers parsed, at a time.
const BLOCKING_THREADS: usize = 32;

/// So many lines that are no JSON are reported one by one; of others it is reported how many they were.
const UNREADABLE_PER_SECOND: u32 = 10;
const UNREADABLE_AT_ONCE: u32 = 50;

/// A listener that runs.
#[derive(Debug)]
pub struct Listener {
    plans: watch::Sender<Plan>,
    settings: watch::Sender<Arc<Settings>>,
    stop: Arc<Stop>,
    status: Arc<Status>,
    room: Arc<Room>,
    backlog: Arc<Backlog>,
    spill: Arc<Spill>,
    cursor: Arc<Mutex<Cursor>>,
    door: Door<Item>,
    rates: Rates,
    threads: Vec<JoinHandle<()>>,
    ended: EndWatch,
}

/// Told when a thread ends, whether it is meant to or not.
#[derive(Debug)]
struct EndWatch {
    /// Readable once any of the threads has ended.
    reader: io::PipeReader,
    writer: io::PipeWriter,
}

/// What outlives the process, as it was found.
struct Kept {
    backlog: Backlog,
    left: Left,
    cursor: Cursor,
    past: Past,
    spill: Spill,
    /// The hashes of the lines in `spill`.
    spilled: Vec<u64>,
    suspects: Suspects,
    /// The line that an earlier process died with.
    died_with: Option<Note>,
}

/// The ingest queue's part on disk may be this much of what messages may take there.
const SPILL_PART: u64 = 4;

impl Kept {
    fn open(folder: Option<&Folder>, room: &Arc<Room>, config: &Config) -> Result<Self, FolderError> {
        let Some(folder) = folder else { return Ok(Self::in_memory(room)) };
        let (cursor, past) = Cursor::open(&folder.file("cursor")?);
        let delivered = Window::of(past.delivered.iter().copied());
        let is_delivered = |line: Option<u64>, sequence| match line {
            _ if past.early.contains_key(&sequence) => true,
            Some(hash) => delivered.place(hash).is_some(),
            None => sequence <= past.sequence,
        };
        let path = folder.file("backlog")?;
        let (backlog, left) = Backlog::open(Arc::clone(room), path, config.backlog_disk, is_delivered);
        let (spill, spilled) = Spill::open(Some(folder.file("ingest")?), config.backlog_disk / SPILL_PART);
        let delivered = Window::of(past.delivered.iter().chain(&left.lines).copied());
        let is_unknown = |hash: &u64| delivered.place(*hash).is_none();
        let spilled = spilled.into_iter().filter(is_unknown).collect();
        let (suspects, suspected) = Suspects::open(Some(&folder.file("working")?));
        Ok(Self { backlog, left, cursor, past, spill, spilled, suspects, died_with: suspected.line })
    }

    fn in_memory(room: &Arc<Room>) -> Self {
        Self {
            backlog: Backlog::in_memory(Arc::clone(room)),
            left: Left::default(),
            cursor: Cursor::in_memory(),
            past: Past::none(),
            spill: Spill::open(None, 0).0,
            spilled: Vec::new(),
            suspects: Suspects::default(),
            died_with: None,
        }
    }

    /// What the reader has to know of the time before this process.
    fn before(&self, now: Timestamp) -> Before {
        let ago = self
            .past
            .written
            .map_or(Duration::ZERO, |written| Duration::try_from(now.duration_since(written)).unwrap_or_default());
        Before {
            ago,
            is_known: matches!(self.past.kind, PastKind::Known { .. }),
            // An engine that had not said which one it is could be any.
            engine: self.past.engine.clone().filter(|engine| !engine.is_empty()),
            clock_stepped_back: self.past.written.is_some_and(|written| written > now),
        }
    }

    /// What has to be told of it.
    fn notices(&self, now: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        match &self.past.kind {
            PastKind::Unreadable(why) => notices.push(Notice::Lost(Gap {
                kind: Kind::CursorUnreadable,
                count: None,
                from: None,
                to: self.past.written.map_or(now, |written| written.min(now)),
                detail: Some(why.clone()),
                reason: None,
                kept: None,
                important: None,
            })),
            PastKind::Known { damaged: 0 } | PastKind::First => {}
            // The last line is torn wherever a process was killed while it wrote.
            PastKind::Known { damaged } => notices.push(Notice::CursorDamaged { lines: *damaged }),
        }
        if self.left.messages > 0 {
            notices.push(Notice::Resumed { messages: self.left.messages });
        }
        notices
    }
}

impl Listener {
    /// Starts all threads. What has to outlive the process goes into `folder`, where there is one.
    ///
    /// # Errors
    /// Where the system has no thread or file descriptor left.
    pub fn start(home: &Home, settings: Settings, folder: Option<&Folder>, wodle_events: bool) -> io::Result<Self> {
        let config = &settings.config;
        let room = Arc::new(Room::new(config.backlog_memory, config.event_queue_size));
        let (intake, outlet) = intake::intake(Arc::clone(&room));
        let now = Timestamp::now();
        let kept = Kept::open(folder, &room, config).unwrap_or_else(|error| {
            Notice::NoFolder { error: error.to_string() }.log();
            Kept::in_memory(&room)
        });
        let (before, notices) = (kept.before(now), kept.notices(now));
        let Kept { backlog, left, cursor, past, spill, spilled, suspects, died_with } = kept;
        let done = Window::of(past.delivered.iter().chain(&left.lines).copied());
        let window = Window::of(
            past.delivered.into_iter().chain(left.lines).chain(spilled).chain(died_with.iter().map(|note| note.hash)),
        );
        let key = cursor.key();
        let door = intake.door();
        let wait_time = config.wait_time;

        let (plans, plan) = watch::channel(settings.plan());
        let status = Arc::new(Status::new(&settings, now));
        let (settings, followed) = watch::channel(Arc::new(settings));
        let stop = Arc::new(Stop::new()?);
        let (reader, writer) = io::pipe()?;
        let mut listener = Self {
            plans,
            settings,
            stop: Arc::clone(&stop),
            status: Arc::clone(&status),
            room,
            backlog: Arc::new(backlog),
            spill: Arc::new(spill),
            cursor: Arc::new(Mutex::new(cursor)),
            door: door.clone(),
            rates: Rates::default(),
            threads: Vec::new(),
            ended: EndWatch { reader, writer },
        };

        let at_stop = if listener.backlog.can_keep() { AtStop::LeaveIt } else { AtStop::TryOn };
        let queue = home.queue();
        let sender = Sender::new(&listener.backlog, &listener.cursor, &status, door, followed.clone(), past.uncertain);
        let ordered = Arc::clone(&stop);
        listener.spawn("sender", move || {
            sender.run(Queue::new(queue, wait_time, retry::random_seed(), &ordered, at_stop));
        })?;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let for_reader = followed.clone();
        let inspector = listener.start_inspector()?;
        let overflow = Overflow {
            spill: Arc::clone(&listener.spill),
            ledger: Arc::new(LossLedger::default()),
            backlog: Arc::clone(&listener.backlog),
        };
        let pipeline = Pipeline {
            settings: followed,
            key,
            backlog: Arc::clone(&listener.backlog),
            cursor: Arc::clone(&listener.cursor),
            status: Arc::clone(&status),
            stop,
            refusals: corridor::Refusals::default(),
            judge: enricher(key, folder),
            inspector: inspector.clone(),
            parked: Parked::default(),
            slow: Nameless::new(pipeline::MAX_SLOW),
            overflow: overflow.clone(),
            unasked: LossLedger::default(),
            unreadable: LossLedger::default(),
            unreadable_pace: Pace::new(UNREADABLE_PER_SECOND, UNREADABLE_AT_ONCE, Instant::now()),
            losses: Losses::default(),
            suspects,
            died_with,
            connected: now,
            done,
            rest_due: None,
            is_spilled: false,
            nothing_waits: false,
            context: Context::new(Identity::default(), "", past.sequence.max(left.sequence)),
            early: SentEarly::of(&past.early),
            wodle_events,
            outgoing: Outgoing::default(),
        };
        listener.spawn("pipeline", move || pipeline.run(&outlet))?;

        let last_read = past.read_to.or(past.written);
        let mut sink = Corridor::new(intake, (key, window), last_read, status, for_reader, overflow, inspector);
        let home = home.root().display().to_string();
        listener.spawn("reader", move || {
            if plan.borrow().enabled {
                sink.tell(Notice::Started { version: env!("CARGO_PKG_VERSION"), home });
            } else {
                sink.tell(Notice::Disabled);
            }
            for notice in notices {
                sink.tell(notice);
            }
            let sink = runtime.block_on(async { Reader::new(plan, sink, before, retry::random_seed()).run().await });
            // A name lookup that hangs must not hold up the stop.
            runtime.shutdown_background();
            drop(sink);
        })?;
        Ok(listener)
    }

    /// Starts the thread that asks the engine.
    fn start_inspector(&mut self) -> io::Result<Inspector> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // Looking where a path leads can hang with the file system that it leads to.
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_keep_alive(Duration::from_secs(1))
            .build()?;
        let inspector = Inspector::new(runtime.handle().clone(), self.door.clone());
        let asked = inspector.clone();
        self.spawn("inspector", move || {
            runtime.block_on(asked.closed());
            runtime.shutdown_background();
        })?;
        Ok(inspector)
    }

    /// Follows other settings from now on.
    pub fn follow(&self, settings: Settings) {
        let plan = settings.plan();
        let config = &settings.config;
        self.room.resize(config.backlog_memory, config.event_queue_size);
        self.backlog.resize_disk(config.backlog_disk);
        self.spill.resize(config.backlog_disk / SPILL_PART);
        if !config.enabled {
            self.status.connection(|connection| connection.status = ConnectionStatus::Disabled);
        }
        self.settings.send_replace(Arc::new(settings));
        self.plans.send_if_modified(|old| {
            let changed = *old != plan;
            *old = plan;
            changed
        });
    }

    /// How often it says how it is.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Option<Duration> {
        self.settings.borrow().config.heartbeat.filter(|_| self.settings.borrow().config.enabled)
    }

    /// Says how it is.
    pub fn heartbeat(&mut self) {
        let notice = Notice::Heartbeat(Box::new(self.report()));
        notice.log();
        self.door.force(Item::Notice(notice));
    }

    /// How it is.
    pub fn report(&mut self) -> Report {
        let (memory, in_memory) = self.room.held();
        let waiting = self.backlog.waiting();
        let mut report = self.status.report(Timestamp::now(), waiting.oldest);
        report.backlog = (waiting.on_disk + in_memory) as u64;
        report.backlog_memory = memory as u64;
        report.backlog_disk = waiting.disk + self.spill.bytes();
        (report.read_per_minute, report.sent_per_minute) =
            self.rates.over_a_minute(Instant::now(), report.read, report.sent);
        report
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.status.counters
    }

    /// A descriptor that becomes readable once a thread has ended, which none does on its own.
    #[must_use]
    pub fn ended(&self) -> impl AsFd {
        &self.ended.reader
    }

    /// Stops in order and says what became of the events; what is on disk then is what the next start begins with.
    pub fn stop(self) {
        let Self { plans, settings, stop, status, backlog, spill, cursor, threads, .. } = self;
        stop.order(STOP_WITHIN);
        // The reader ends when there is nobody left who could change its plan.
        drop((plans, settings));
        for thread in threads.into_iter().rev() {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                Notice::Remark(format!("thread {name} had failed")).log();
            }
        }
        spill.save();
        let left = backlog.save();
        let counters = &status.counters;
        let mut cursor = lock(&cursor);
        let mut dropped = left.iter().filter(|entry| entry.line.is_some()).count() as u64;
        if !cursor.outlives_process() {
            // The next start takes them for what was before it.
            counters.lost.add(std::mem::take(&mut dropped));
        }
        if left.is_empty() {
            cursor.settle_skipped();
        }
        if let Err(error) = cursor.save() {
            Notice::DiskRefuses { error: format!("the record of what was delivered was not saved: {error}") }.log();
        }
        sender::tell(backlog.told(), counters, |_| {});
        Notice::Stopped {
            read: counters.read.get(),
            sent: counters.sent.get(),
            kept: backlog.waiting().messages,
            lost: counters.lost.get(),
            dropped,
        }
        .log();
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let end = self.ended.writer.try_clone()?;
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Written also where the work panics: the main thread must not wait for a dead one.
            let _tells = TellsEnd(end);
            work();
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

struct TellsEnd(io::PipeWriter);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        // Where nobody reads any more, nobody waits either.
        let _ = io::Write::write_all(&mut self.0, b"e");
    }
}
/// What enriches events, with what it remembers in this folder.
fn enricher(key: Key, folder: Option<&Folder>) -> Judge {
    let file = |name| folder.and_then(|folder| folder.file(name).ok());
    Judge::new(file("tags"), Familiar::new(key, file("baseline")))
}
