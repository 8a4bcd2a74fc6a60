//! The life of the reader: wait for the engine, read its stream, come back when it ends.
//!
//! It waits for nothing but the engine. Whatever it reads goes to a [`Sink`] that must return at once: a reader that
//! stalls makes every operation of the engine 100 ms slower and then loses events without a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::availability::Identity;
use super::endpoint::Endpoint;
use super::events::{EventStream, Query};
use super::lines::{Line, LineSplitter, Refused};
use super::{Cause, Engine, EngineError};
use crate::event::Event;
use crate::event::filter::Filter;
use crate::retry::{Backoff, Outage};

/// After this long without a line the engine is asked for a sign of life: a stream whose engine is frozen, or whose
/// connection a firewall forgot, stays open for ever.
const QUIET: Duration = Duration::from_secs(30);

/// How long a finite part of the history may take to arrive.
const HISTORY_WITHIN: Duration = Duration::from_secs(30);

/// Clocks are read with some delay, and Podman stamps events before it writes them.
const OVERLAP: Duration = Duration::from_secs(5);

/// What to read, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whether to read at all.
    pub enabled: bool,
    /// The engine.
    pub endpoint: Endpoint,
    /// The first wait after a failure.
    pub wait_time: Duration,
    /// What the engine is asked for, where it can filter.
    pub filter: Filter,
}

/// What the reader has to tell.
#[derive(Debug)]
pub enum Reading<'a> {
    /// The engine cannot be used; told once for each cause, not for each try.
    Away(&'a EngineError),
    /// The stream is open; with how long the engine had been away.
    Connected(&'a Identity, Option<Duration>),
    /// A line of the stream.
    Line(&'a [u8]),
    /// A line that happened before there was a wish to hear of it: not to be passed on, should it come again.
    Earlier(&'a [u8]),
    /// A line that cannot be used.
    Refused(Refused<'a>),
    /// The stream has ended, with the reason and how long it had lasted.
    Disconnected(&'a str, Duration),
    /// Something that needs no action; for the log.
    Remark(&'a str),
}

/// Takes what the reader reads, without ever waiting.
pub trait Sink {
    /// Takes one reading; whether it was new.
    fn take(&mut self, reading: Reading<'_>) -> bool;
}

/// Why a stream is no longer read.
enum End {
    /// The engine, the connection or a proxy ended it.
    Broken { reason: String, progress: bool },
    /// Another plan has to be followed.
    Replanned,
}

/// Reads one engine for as long as its plan's sender lives.
#[derive(Debug)]
pub struct Reader<S> {
    plans: watch::Receiver<Plan>,
    sink: S,
    /// The moment from which on everything is wanted.
    wanted_from: Instant,
    /// The plan whose history has been sorted into known and wanted.
    settled: Option<Plan>,
    /// Podman: whether there was a stream before, so that what came twice is known.
    caught_up: bool,
    /// Whether this engine refuses to filter.
    unfiltered: bool,
    seed: u64,
}

impl<S: Sink> Reader<S> {
    /// A reader that wants all that happens from `started` on; `seed` spreads its waits.
    pub fn new(plans: watch::Receiver<Plan>, sink: S, started: Instant, seed: u64) -> Self {
        Self { plans, sink, wanted_from: started, settled: None, caught_up: false, unfiltered: false, seed }
    }

    /// Reads until the plans' sender is dropped, then gives the sink back.
    pub async fn run(mut self) -> S {
        let mut outage: Outage<Cause> = Outage::default();
        loop {
            let plan = self.plans.borrow_and_update().clone();
            if !plan.enabled {
                if self.plans.changed().await.is_err() {
                    return self.sink;
                }
                self.wanted_from = Instant::now();
                self.settled = None;
                continue;
            }
            let engine = match Engine::new(plan.endpoint.clone()) {
                Ok(engine) => engine,
                Err(error) => {
                    self.sink.take(Reading::Away(&error));
                    if self.plans.changed().await.is_err() {
                        return self.sink;
                    }
                    continue;
                }
            };
            if !self.follow(&plan, &engine, &mut outage).await {
                return self.sink;
            }
        }
    }

    /// Follows one plan until there is another (true) or none (false).
    async fn follow(&mut self, plan: &Plan, engine: &Engine, outage: &mut Outage<Cause>) -> bool {
        let mut backoff = Backoff::new(plan.wait_time, self.seed);
        loop {
            let mut plans = self.plans.clone();
            let opened = tokio::select! {
                changed = plans.changed() => return self.replanned(changed.is_ok()),
                opened = self.open(plan, engine) => opened,
            };
            let wait = match opened {
                Err(error) => {
                    if outage.failed(error.cause(), Instant::now()) {
                        self.sink.take(Reading::Away(&error));
                    }
                    backoff.next_wait()
                }
                Ok((identity, stream)) => {
                    let opened = Instant::now();
                    self.sink.take(Reading::Connected(&identity, outage.ended(opened)));
                    match self.read(stream, engine, &identity).await {
                        End::Replanned => return self.replanned(self.plans.has_changed().is_ok()),
                        End::Broken { reason, progress } => {
                            let lasted = opened.elapsed();
                            self.wanted_from = Instant::now();
                            self.sink.take(Reading::Disconnected(&reason, lasted));
                            backoff.was_well_for(lasted);
                            // The ring holds 256 events: who waits while there are new ones loses some.
                            if progress { Duration::ZERO } else { backoff.next_wait() }
                        }
                    }
                }
            };
            tokio::select! {
                changed = self.plans.changed() => return self.replanned(changed.is_ok()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    fn replanned(&mut self, there_is_one: bool) -> bool {
        if self.settled.is_some() {
            self.wanted_from = Instant::now();
        }
        self.unfiltered = false;
        there_is_one
    }

    /// Makes sure of the engine and opens its stream.
    async fn open(&mut self, plan: &Plan, engine: &Engine) -> Result<(Identity, EventStream), EngineError> {
        engine.ping().await?;
        let identity = engine.identity().await?;
        if identity.is_podman() {
            let stream = engine.events(&Query::live()).await?;
            self.settled = Some(plan.clone());
            return Ok((identity, stream));
        }
        let filter = if self.unfiltered { Filter::default() } else { plan.filter.clone() };
        let opened = async {
            if self.settled.as_ref() != Some(plan) {
                self.settle(plan, engine, &filter).await?;
            }
            engine.events(&Query::ring_and_live().filtered(&filter)).await
        };
        match opened.await {
            Err(EngineError::Refused { status: 400..=499, message, .. }) if !filter.is_empty() => {
                self.unfiltered = true;
                self.sink.take(Reading::Remark(&format!("the engine cannot filter, so the listener does: {message}")));
                Box::pin(self.open(plan, engine)).await
            }
            opened => opened.map(|stream| (identity, stream)),
        }
    }

    /// Tells the sink what of the ring happened before anyone wanted to hear of it, by the engine's own clock.
    ///
    /// On the very first start that is everything before it; after a change of the plan, what the earlier filter kept
    /// out. All else stays wanted, and comes with the stream.
    async fn settle(&mut self, plan: &Plan, engine: &Engine, filter: &Filter) -> Result<(), EngineError> {
        let until = self.boundary(engine).await;
        let earlier = self.settled.as_ref().filter(|old| old.enabled && old.endpoint == plan.endpoint);
        let earlier = earlier.map(|old| old.filter.clone());
        let stream = engine.events(&Query::ring_until(until).filtered(filter)).await?;
        let sink = &mut self.sink;
        read_history(stream, engine, |line| {
            let was_wanted =
                earlier.as_ref().is_some_and(|filter| Event::parse(line).is_ok_and(|event| filter.matches(&event)));
            if !was_wanted {
                sink.take(Reading::Earlier(line));
            }
        })
        .await?;
        self.settled = Some(plan.clone());
        Ok(())
    }

    /// [`Self::wanted_from`] by the engine's clock.
    async fn boundary(&mut self, engine: &Engine) -> Timestamp {
        let elapsed = self.wanted_from.elapsed();
        let now = match engine.clock().await {
            Ok(now) => now,
            Err(error) => {
                self.sink.take(Reading::Remark(&format!("the engine's clock is unknown, so ours is used: {error}")));
                Timestamp::now()
            }
        };
        now.checked_sub(elapsed).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Reads a stream to its end.
    async fn read(&mut self, mut stream: EventStream, engine: &Engine, identity: &Identity) -> End {
        let mut progress = false;
        if identity.is_podman() {
            progress |= self.catch_up(engine).await;
        }
        let mut splitter = LineSplitter::default();
        let mut watchdog = Watchdog::start(engine.clone());
        let reason = loop {
            tokio::select! {
                // A stream that always has something must not keep the order to stop from being heard.
                biased;
                _ = self.plans.changed() => return End::Replanned,
                piece = stream.next_piece() => match piece {
                    Ok(Some(piece)) => {
                        watchdog.heard();
                        let sink = &mut self.sink;
                        splitter.push(&piece, |line| progress |= sink.take(match line {
                            Line::Whole(line) => Reading::Line(line),
                            Line::Refused(refused) => Reading::Refused(refused),
                        }));
                    }
                    Ok(None) => break "the engine ended the stream".to_owned(),
                    Err(error) => break error,
                },
                reason = watchdog.bites() => break reason,
            }
        };
        let sink = &mut self.sink;
        splitter.finish(|torn| {
            sink.take(Reading::Refused(torn));
        });
        End::Broken { reason, progress }
    }

    /// Podman: what happened while there was no stream. The stream waits meanwhile, in Podman's own history.
    async fn catch_up(&mut self, engine: &Engine) -> bool {
        let mut since = self.boundary(engine).await;
        if std::mem::replace(&mut self.caught_up, true) {
            since = since.checked_sub(OVERLAP).unwrap_or(since);
        }
        let mut progress = false;
        let wanted = match engine.events(&Query::podman_since(since)).await {
            Ok(stream) => {
                let sink = &mut self.sink;
                read_history(stream, engine, |line| progress |= sink.take(Reading::Line(line))).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = wanted {
            self.sink.take(Reading::Remark(&format!("events since {since} could not be fetched: {error}")));
        }
        progress
    }
}

/// Reads a finite answer whole.
async fn read_history(
    mut stream: EventStream,
    engine: &Engine,
    mut sink: impl FnMut(&[u8]),
) -> Result<(), EngineError> {
    let mut splitter = LineSplitter::default();
    let reading = async {
        while let Some(piece) = stream.next_piece().await? {
            splitter.push(&piece, |line| {
                if let Line::Whole(line) = line {
                    sink(line);
                }
            });
        }
        Ok(())
    };
    match tokio::time::timeout(HISTORY_WITHIN, reading).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(what)) => Err(EngineError::Broken { endpoint: engine.endpoint().clone(), what }),
        Err(_) => Err(engine.silent("its earlier events", HISTORY_WITHIN)),
    }
}

/// Asks a quiet engine for a sign of life, beside the reading.
struct Watchdog {
    started: Instant,
    /// Milliseconds from `started` to the last piece.
    heard: Arc<AtomicU64>,
    task: JoinHandle<String>,
}

impl Watchdog {
    fn start(engine: Engine) -> Self {
        let started = Instant::now();
        let heard = Arc::new(AtomicU64::new(0));
        let last = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let quiet = started.elapsed().saturating_sub(Duration::from_millis(last.load(Ordering::Relaxed)));
                if quiet < QUIET {
                    tokio::time::sleep(QUIET.saturating_sub(quiet)).await;
                } else if let Err(error) = engine.ping().await {
                    return error.to_string();
                } else {
                    tokio::time::sleep(QUIET).await;
                }
            }
        });
        Self { started, heard, task }
    }

    fn heard(&self) {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(milliseconds, Ordering::Relaxed);
    }

    async fn bites(&mut self) -> String {
        (&mut self.task).await.unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.task.abort();
    }
}
