//! The threads and their life: start, watch, stop in order.
//!
//! | thread | does | never |
//! |---|---|---|
//! | reader | takes lines off the engine's socket and hands them to the backlog | waits for anything but the engine |
//! | pipeline | parses, filters, frames | touches a socket |
//! | sender | writes to Wazuh's queue, waits and retries | drops anything silently |
//! | main | signals, reload, watching the others | does work |
//!
//! The stop goes down the corridor: the reader ends, what it read drains through the pipeline, and the sender delivers
//! what the queue takes before the deadline.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::backlog::{self, Intake, Lost, Outlet, Weighed};
use crate::cursor::Window;
use crate::docker::EngineError;
use crate::docker::availability::Identity;
use crate::docker::lines::{Flaw, Refused, head};
use crate::docker::reader::{Reader, Reading, Sink};
use crate::event::Event;
use crate::retry::{self, Throttle};
use crate::settings::Settings;
use crate::stop::Stop;
use crate::wazuh::home::Home;
use crate::wazuh::message::{self, Context};
use crate::wazuh::notice::Notice;
use crate::wazuh::queue::{Delivery, Queue};

/// How long a stop may take: people and modulesd expect it within a second.
pub const STOP_WITHIN: Duration = Duration::from_millis(800);

/// Messages between pipeline and sender; what is more waits in the backlog, where bytes are counted.
const IN_HAND: usize = 64;

/// What has happened so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Lines read that were new.
    pub read: AtomicU64,
    /// Lines that came twice, or happened before the start.
    pub doubles: AtomicU64,
    /// Events that the filters kept out.
    pub filtered: AtomicU64,
    /// Lines that could not be used.
    pub refused: AtomicU64,
    /// Messages that the queue took.
    pub sent: AtomicU64,
    /// Events that were lost after they were read.
    pub lost: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What goes down the corridor.
enum Item {
    Line(Box<[u8]>),
    Notice(Notice),
    /// Whose lines follow.
    Engine(Identity),
}

impl Weighed for Item {
    fn size(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Notice(Notice::LineRefused { head, .. }) => head.len(),
            Self::Notice(_) | Self::Engine(_) => size_of::<Self>(),
        }
    }
}

/// What goes to the sender: the message, and whether an event is in it.
struct Outgoing {
    message: String,
    is_event: bool,
}

/// A listener that runs.
#[derive(Debug)]
pub struct Listener {
    plans: watch::Sender<crate::docker::reader::Plan>,
    settings: watch::Sender<Arc<Settings>>,
    stop: Arc<Stop>,
    counters: Arc<Counters>,
    threads: Vec<JoinHandle<()>>,
    ended: EndWatch,
}

/// Told when a thread ends, whether it is meant to or not.
#[derive(Debug)]
struct EndWatch {
    /// Readable (closed) once any of the threads' ends is dropped.
    reader: io::PipeReader,
    writer: Option<io::PipeWriter>,
}

impl Listener {
    /// Starts all threads.
    ///
    /// # Errors
    /// Where the system has no thread or file descriptor left.
    pub fn start(home: &Home, settings: Settings, wodle_events: bool) -> io::Result<Self> {
        let (plans, plan) = watch::channel(settings.plan());
        let (settings, for_pipeline) = watch::channel(Arc::new(settings));
        let stop = Arc::new(Stop::new()?);
        let counters = Arc::new(Counters::default());
        let (intake, outlet) = backlog::backlog(backlog::MEMORY);
        let (to_sender, outgoing) = bounded(IN_HAND);
        let (reader, writer) = io::pipe()?;
        let mut listener = Self {
            plans,
            settings,
            stop: Arc::clone(&stop),
            counters: Arc::clone(&counters),
            threads: Vec::new(),
            ended: EndWatch { reader, writer: Some(writer) },
        };

        let queue = home.queue();
        let wait_time = for_pipeline.borrow().config.wait_time;
        let sent = Arc::clone(&counters);
        listener.spawn("sender", move || {
            send(&outgoing, Queue::new(queue, wait_time, retry::random_seed(), &stop), &sent);
        })?;

        let pipeline = Pipeline {
            settings: for_pipeline,
            counters: Arc::clone(&counters),
            refusals: Refusals::default(),
            context: Context::default(),
            wodle_events,
        };
        listener.spawn("pipeline", move || pipeline.run(&outlet, &to_sender))?;

        let sink = Corridor {
            intake,
            window: Window::default(),
            counters,
            refusals: Refusals::default(),
            known_before: false,
        };
        let home = home.root().display().to_string();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        listener.spawn("reader", move || {
            let mut sink = sink;
            if plan.borrow().enabled {
                sink.tell(Notice::Started { version: env!("CARGO_PKG_VERSION"), home });
            } else {
                sink.tell(Notice::Disabled);
            }
            let reader = Reader::new(plan, sink, Instant::now(), retry::random_seed());
            let mut sink = runtime.block_on(reader.run());
            // A name lookup that hangs must not hold up the stop.
            runtime.shutdown_background();
            sink.tell_loss_at_end();
        })?;
        Ok(listener)
    }

    /// Follows other settings from now on.
    pub fn follow(&self, settings: Settings) {
        let plan = settings.plan();
        self.settings.send_replace(Arc::new(settings));
        self.plans.send_if_modified(|old| {
            let changed = *old != plan;
            *old = plan;
            changed
        });
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A descriptor that becomes readable (closed) once a thread has ended, which none does on its own.
    #[must_use]
    pub fn ended(&self) -> impl AsFd {
        &self.ended.reader
    }

    /// Stops in order and says what became of the events.
    pub fn stop(self) {
        let Self { plans, settings, stop, counters, threads, ended } = self;
        stop.order(STOP_WITHIN);
        // The reader ends when there is nobody left who could change its plan.
        drop((plans, settings, ended));
        for thread in threads.into_iter().rev() {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                Notice::Remark(format!("thread {name} had failed")).log();
            }
        }
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Notice::Stopped { read: load(&counters.read), sent: load(&counters.sent), lost: load(&counters.lost) }.log();
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let end = self.ended.writer.as_ref().map(io::PipeWriter::try_clone).transpose()?;
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Written also where the work panics: the main thread must not wait for a dead one.
            let _tells = TellsEnd(end);
            work();
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

struct TellsEnd(Option<io::PipeWriter>);

impl Drop for TellsEnd {
    fn drop(&mut self) {
        if let Some(end) = &mut self.0 {
            // Where nobody reads any more, nobody waits either.
            let _ = io::Write::write_all(end, b"e");
        }
    }
}

/// The reader's end of the corridor: refuses doubles and never waits.
struct Corridor {
    intake: Intake<Item>,
    window: Window,
    counters: Arc<Counters>,
    refusals: Refusals,
    /// Whether the engine's state has been told at least once.
    known_before: bool,
}

impl Corridor {
    fn tell(&mut self, notice: Notice) {
        notice.log();
        self.intake.force(Item::Notice(notice));
    }

    fn tell_loss(&mut self, lost: Option<Lost>) {
        if let Some(Lost { count, from, to }) = lost {
            self.tell(Notice::BacklogFull { count, from, to });
        }
    }

    fn tell_loss_at_end(&mut self) {
        let lost = self.intake.lost_at_end();
        self.tell_loss(lost);
    }

    fn line(&mut self, line: &[u8]) -> bool {
        if self.window.knows(line) {
            count(&self.counters.doubles);
            return false;
        }
        let lost = self.intake.lost();
        self.tell_loss(lost);
        count(&self.counters.read);
        if self.intake.take(Item::Line(line.into()), Timestamp::now()) {
            // What found no room stays unknown, so that the ring can bring it again.
            self.window.add(line);
        } else {
            count(&self.counters.lost);
        }
        true
    }

    fn refused(&mut self, refused: Refused<'_>) {
        count(&self.counters.refused);
        let notice = refusal(refused.why, refused.length, refused.head);
        self.refusals.log(refused.why, &notice);
        // An empty line loses nothing; a torn one comes again with the ring. Neither must be able to flood the queue.
        if refused.why == Flaw::Oversized {
            self.intake.take(Item::Notice(notice), Timestamp::now());
        }
    }

    fn away(&mut self, error: &EngineError) {
        let first = !std::mem::replace(&mut self.known_before, true);
        self.tell(Notice::EngineAway { error: error.to_string(), first });
    }
}

impl Sink for Corridor {
    fn take(&mut self, reading: Reading<'_>) -> bool {
        match reading {
            Reading::Line(line) => return self.line(line),
            Reading::Earlier(line) => {
                count(&self.counters.doubles);
                self.window.add(line);
            }
            Reading::Refused(refused) => self.refused(refused),
            Reading::Away(error) => self.away(error),
            Reading::Connected(engine, away) => {
                self.known_before = true;
                self.intake.force(Item::Engine(engine.clone()));
                self.tell(Notice::Connected { engine: engine.to_string(), away });
            }
            Reading::Disconnected(reason, lasted) => {
                self.tell(Notice::Disconnected { reason: reason.to_owned(), lasted });
            }
            Reading::Remark(text) => Notice::Remark(text.to_owned()).log(),
        }
        false
    }
}

/// Tells of refused lines, of each kind one in a while: whoever makes them must not be able to fill the log.
#[derive(Default)]
struct Refusals {
    throttles: BTreeMap<Flaw, Throttle>,
}

impl Refusals {
    fn log(&mut self, why: Flaw, notice: &Notice) {
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

fn refusal(why: Flaw, length: u64, head: &[u8]) -> Notice {
    Notice::LineRefused { why, length, head: String::from_utf8_lossy(head).into_owned() }
}

/// Makes messages of lines.
struct Pipeline {
    settings: watch::Receiver<Arc<Settings>>,
    counters: Arc<Counters>,
    refusals: Refusals,
    context: Context,
    wodle_events: bool,
}

impl Pipeline {
    fn run(mut self, backlog: &Outlet<Item>, sender: &Sender<Outgoing>) {
        while let Some(item) = backlog.next() {
            let outgoing = match item {
                Item::Engine(engine) => {
                    self.context.engine = engine;
                    self.context.endpoint = self.settings.borrow().endpoint.to_string();
                    None
                }
                Item::Notice(notice) => {
                    notice.message(self.wodle_events).map(|message| Outgoing { message, is_event: false })
                }
                Item::Line(line) => self.event(&line),
            };
            if let Some(outgoing) = outgoing
                && let Err(refused) = sender.send(outgoing)
            {
                // The sender has ended at the stop's deadline; what it left is counted, here and below.
                self.lose(&refused.0);
            }
        }
    }

    fn event(&mut self, line: &[u8]) -> Option<Outgoing> {
        let Ok(event) = Event::parse(line) else {
            count(&self.counters.refused);
            let notice = refusal(Flaw::NotJson, line.len() as u64, head(line));
            self.refusals.log(Flaw::NotJson, &notice);
            return notice.message(self.wodle_events).map(|message| Outgoing { message, is_event: false });
        };
        let settings = self.settings.borrow();
        let config = &settings.config;
        if !config.include.matches(&event) || (!config.exclude.is_empty() && config.exclude.matches(&event)) {
            count(&self.counters.filtered);
            return None;
        }
        self.context.sequence += 1;
        Some(Outgoing { message: message::frame(&event, &self.context, config.max_event_size), is_event: true })
    }

    fn lose(&self, outgoing: &Outgoing) {
        if outgoing.is_event {
            count(&self.counters.lost);
        }
    }
}

/// Sends in order until the pipeline has ended or the stop's deadline has come.
fn send(outgoing: &Receiver<Outgoing>, mut queue: Queue<'_>, counters: &Counters) {
    let mut may_send = true;
    for Outgoing { message, is_event } in outgoing {
        let delivery = if may_send { queue.deliver(message.as_bytes()) } else { Delivery::Stopped };
        match delivery {
            Delivery::Taken => count(&counters.sent),
            Delivery::TooLarge if is_event => count(&counters.lost),
            Delivery::TooLarge => {}
            Delivery::Stopped => {
                may_send = false;
                if is_event {
                    count(&counters.lost);
                }
            }
        }
    }
}
