//! The life of the reader: wait for the engine, read its stream, come back when it ends.
//!
//! It waits for nothing but the engine. Whatever it reads goes to a [`Sink`] that must return at once: a reader that
//! stalls makes every operation of the engine 100 ms slower and then loses events without a word.
//!
//! It reads everything and leaves the filtering to others: only who has seen the whole ring can tell that there is a
//! gap in it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::availability::Identity;
use super::endpoint::Endpoint;
use super::events::{EventStream, Query};
use super::lines::{Line, LineSplitter, Refused};
use super::ring::{Finding, Judgement, RING};
use super::{Cause, Engine, EngineError};
use crate::event::Event;
use crate::retry::{Backoff, Outage};

/// After this long without a line the engine is asked for a sign of life: a stream whose engine is frozen, or whose
/// connection a firewall forgot, stays open for ever.
const QUIET: Duration = Duration::from_secs(30);

/// How long a finite part of the history may take to arrive.
const HISTORY_WITHIN: Duration = Duration::from_secs(30);

/// How long an engine may take, once its stream is open, to say which one it is. What it sends meanwhile waits in its
/// own buffers, which hold about 1,200 events: half a second of the fastest that was measured.
const WHO_WITHIN: Duration = Duration::from_millis(200);

/// Clocks are read with some delay, and Podman stamps events before it writes them.
const OVERLAP: Duration = Duration::from_secs(5);

/// Podman keeps years of history; what is older than this is not fetched.
const OLDEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Nor is more than this many events.
const MOST: usize = 10_000;

/// How often the ring is held against what was read, in quiet times.
const CHECK_EVERY: Duration = Duration::from_secs(60);

/// This many lines are a burst, after which the ring is looked at sooner; half a ring, so that what was dropped at its
/// beginning is still there.
const BURST: usize = RING / 2;

/// But not more often than this.
const CHECK_AT_MOST_EVERY: Duration = Duration::from_secs(2);

/// What is younger than this may still be on its way down the stream.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(2);

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whether to read at all.
    pub enabled: bool,
    /// The engine.
    pub endpoint: Endpoint,
    /// The first wait after a failure.
    pub wait_time: Duration,
}

/// What the reader has to tell.
#[derive(Debug)]
pub enum Reading<'a> {
    /// The engine cannot be used; told once for each cause, not for each try.
    Away(&'a EngineError),
    /// Which engine it is, before its first line; where it `is_new`, nothing that was read before came from it.
    Engine {
        /// What it is known by; empty where it does not say.
        id: &'a str,
        /// Whether it is another one than before.
        is_new: bool,
    },
    /// The stream is open; with how long the engine had been away.
    Connected(&'a Identity, Option<Duration>),
    /// A line of the stream.
    Line(&'a [u8]),
    /// A line that happened before there was a wish to hear of it: not to be passed on, should it come again.
    Earlier(&'a [u8]),
    /// A line that is only asked about.
    Asked(&'a [u8]),
    /// A line that cannot be used.
    Refused(Refused<'a>),
    /// Nothing has happened in between that was not read; only said of an engine with a ring.
    Whole,
    /// What happened in between is gone.
    Gap(Gap),
    /// The engine had dropped this many events from the stream; they were found in its ring, and taken.
    Recovered(usize),
    /// The stream has ended, with the reason and how long it had lasted.
    Disconnected(&'a str, Duration),
    /// Something that needs no action; for the log.
    Remark(&'a str),
}

/// A gap that is certain, in what an engine could tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The ring is full of events that are all new: those before them were pushed out unread.
    RingWrapped,
    /// The ring was emptied, so the engine was started anew: what happened at its end may not have been read.
    EngineRestarted,
    /// Podman's history was not read further back than a day.
    HistoryTooOld,
    /// Of Podman's history only so many were read; this many more were there.
    HistoryTooLong(u64),
    /// The clock is behind the time of the last event, so Podman cannot be asked for what came after it.
    ClockSteppedBack,
}

/// What a sink says of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new, or was no line.
    New,
    /// It had been read before this connection was made.
    Before,
    /// It came twice on this connection.
    Again,
}

/// Takes what the reader reads, without ever waiting.
pub trait Sink {
    /// Takes one reading. A line may be held back until [`Self::pause`] or the next reading of another kind.
    fn take(&mut self, reading: Reading<'_>) -> Seen;

    /// Nothing more has come yet.
    fn pause(&mut self) {}
}

/// What is known of the time before the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// How long ago there was the last wish to hear of events.
    pub ago: Duration,
    /// Whether the sink knows what was read until then.
    pub is_known: bool,
    /// The engine that was read then, where it had said which one it is.
    pub engine: Option<String>,
    /// Whether the clock has stepped back since.
    pub clock_stepped_back: bool,
}

/// Why a stream is no longer read.
enum End {
    /// The engine, the connection or a proxy ended it.
    Broken { reason: String, progress: bool },
    /// Another plan has to be followed.
    Replanned,
}

/// Where a stream is opened from.
enum Opened {
    /// With the engine's time then, where it had said it.
    Stream(Identity, EventStream, Option<Timestamp>),
    /// The engine is another one than that which was asked for its history.
    Other,
}

/// Reads one engine for as long as its plan's sender lives.
#[derive(Debug)]
pub struct Reader<S> {
    plans: watch::Receiver<Plan>,
    sink: S,
    /// From this long before this moment on everything is wanted.
    wanted_from: (Duration, Instant),
    /// The engine's address whose history has been sorted into known and wanted.
    settled: Option<Endpoint>,
    /// Whether the sink knows the past of an engine that had not said which one it is.
    knows_nameless: bool,
    /// What the engine that was read last is known by.
    engine: Option<String>,
    /// How far the engine's clock is ahead of ours.
    ahead: Option<SignedDuration>,
    /// Podman: whether what came twice is known.
    caught_up: bool,
    clock_stepped_back: bool,
    seed: u64,
}

impl<S: Sink> Reader<S> {
    /// A reader that wants what happened after `before`; `seed` spreads its waits.
    pub fn new(plans: watch::Receiver<Plan>, sink: S, before: Before, seed: u64) -> Self {
        Self {
            plans,
            sink,
            wanted_from: (before.ago, Instant::now()),
            settled: None,
            knows_nameless: before.is_known && before.engine.is_none(),
            engine: before.engine.filter(|_| before.is_known),
            ahead: None,
            caught_up: before.is_known,
            clock_stepped_back: before.clock_stepped_back,
            seed,
        }
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
                self.wants_from_now_on();
                (self.settled, self.engine, self.knows_nameless) = (None, None, false);
                self.caught_up = false;
                continue;
            }
            let engine = Engine::new(plan.endpoint.clone());
            if !self.follow(&plan, &engine, &mut outage).await {
                return self.sink;
            }
        }
    }

    fn wants_from_now_on(&mut self) {
        self.wanted_from = (Duration::ZERO, Instant::now());
    }

    /// Follows one plan until there is another (true) or none (false).
    async fn follow(&mut self, plan: &Plan, engine: &Engine, outage: &mut Outage<Cause>) -> bool {
        let mut backoff = Backoff::new(plan.wait_time, self.seed);
        loop {
            let mut plans = self.plans.clone();
            let opened = tokio::select! {
                changed = plans.changed() => return self.replanned(changed.is_ok()),
                opened = self.open(engine) => opened,
            };
            let wait = match opened {
                Err(error) => {
                    if outage.failed(error.cause(), Instant::now().into_std()) {
                        self.sink.take(Reading::Away(&error));
                    }
                    backoff.next_wait()
                }
                Ok(Opened::Other) => Duration::ZERO,
                Ok(Opened::Stream(identity, stream, at)) => {
                    let opened = Instant::now();
                    self.sink.take(Reading::Connected(&identity, outage.ended(opened.into_std())));
                    match self.read(stream, engine, &identity, at).await {
                        End::Replanned => return self.replanned(self.plans.has_changed().is_ok()),
                        End::Broken { reason, progress } => {
                            let lasted = opened.elapsed();
                            self.wants_from_now_on();
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
            self.wants_from_now_on();
        }
        there_is_one
    }

    /// Makes sure of the engine and opens its stream.
    async fn open(&mut self, engine: &Engine) -> Result<Opened, EngineError> {
        engine.ping().await?;
        let identity = engine.identity().await?;
        if identity.is_podman() {
            let stream = engine.events(&Query::live()).await?;
            // Its /info makes up another id each time.
            let is_new = !self.knows_nameless && self.engine.as_ref() != Some(&identity.name);
            self.sink.take(Reading::Engine { id: &identity.name, is_new });
            self.engine = Some(identity.name.clone());
            self.settled = Some(engine.endpoint().clone());
            return Ok(Opened::Stream(identity, stream, None));
        }
        if self.settled.as_ref() != Some(engine.endpoint()) {
            self.settle(engine).await?;
            let stream = engine.events(&Query::ring_and_live()).await?;
            let at = self.ahead.map(|_| self.engine_time());
            return Ok(Opened::Stream(identity, stream, at));
        }
        let stream = engine.events(&Query::ring_and_live()).await?;
        let mut at = None;
        // The stream is open already, and nothing is lost while this is asked.
        if let Ok(Ok(info)) = timeout(WHO_WITHIN, engine.info()).await {
            self.ahead = Some(info.ahead);
            if self.engine.as_ref().is_some_and(|known| *known != info.id) {
                self.settled = None;
                return Ok(Opened::Other);
            }
            at = Some(self.engine_time());
        }
        Ok(Opened::Stream(identity, stream, at))
    }

    /// Finds out what of the ring is known or unwanted.
    ///
    /// After a restart on the same engine the sink knows what was read, and everything else is wanted. On the very
    /// first start, and on another engine, the sink is told what happened before, by the engine's own clock; all else
    /// stays wanted, and comes with the stream.
    async fn settle(&mut self, engine: &Engine) -> Result<(), EngineError> {
        let info = match engine.info().await {
            Ok(info) => Some(info),
            Err(error) => {
                let what = format!("the engine's clock is unknown, so ours is used: {error}");
                self.sink.take(Reading::Remark(&what));
                None
            }
        };
        self.ahead = info.as_ref().map(|info| info.ahead);
        let id = info.map(|info| info.id).unwrap_or_default();
        let mut is_known =
            self.knows_nameless || self.engine.as_ref().is_some_and(|known| *known == id || id.is_empty());
        if !is_known && self.engine.is_some() {
            // Not every engine keeps its id; one whose ring holds what was read is the same all the same.
            let stream = engine.events(&Query::ring_until(self.engine_time())).await?;
            let sink = &mut self.sink;
            read_history(stream, engine, |line| is_known |= sink.take(Reading::Asked(line)) != Seen::New).await?;
        }
        self.sink.take(Reading::Engine { id: &id, is_new: !is_known });
        if !is_known {
            let stream = engine.events(&Query::ring_until(self.boundary())).await?;
            let sink = &mut self.sink;
            read_history(stream, engine, |line| {
                sink.take(Reading::Earlier(line));
            })
            .await?;
        }
        self.knows_nameless = false;
        self.engine = Some(id).filter(|id| !id.is_empty());
        self.settled = Some(engine.endpoint().clone());
        Ok(())
    }

    /// The engine's clock as far as it is known.
    fn engine_time(&self) -> Timestamp {
        let now = Timestamp::now();
        self.ahead.and_then(|ahead| now.checked_add(ahead).ok()).unwrap_or(now)
    }

    /// [`Self::wanted_from`] by the engine's clock.
    fn boundary(&self) -> Timestamp {
        let (before, start) = self.wanted_from;
        self.engine_time().checked_sub(before + start.elapsed()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Reads a stream to its end. What happened after `opened_at`, in the engine's time, is not of its ring.
    async fn read(
        &mut self,
        mut stream: EventStream,
        engine: &Engine,
        identity: &Identity,
        opened_at: Option<Timestamp>,
    ) -> End {
        let mut progress = false;
        let is_podman = identity.is_podman();
        if is_podman {
            progress |= self.catch_up(engine).await;
        }
        let opened = Instant::now();
        let mut judgement = Judgement::default();
        let mut judged = is_podman;
        let mut ring_due = opened + Judgement::WITHIN;
        let mut splitter = LineSplitter::default();
        let mut watchdog = Watchdog::new(opened);
        let mut checks = Checks::new(opened);
        let reason = loop {
            let (is_checking, check_at) = (checks.running(), checks.due());
            tokio::select! {
                // A stream that always has something must not keep the order to stop from being heard.
                biased;
                _ = self.plans.changed() => break None,
                piece = stream.next_piece() => match piece {
                    Ok(Some(piece)) => {
                        watchdog.heard();
                        let sink = &mut self.sink;
                        splitter.push(piece, |line| {
                            let seen = sink.take(match line {
                                Line::Whole(line) => Reading::Line(line),
                                Line::Refused(refused) => Reading::Refused(refused),
                            });
                            progress |= seen == Seen::New;
                            checks.lines += 1;
                            if !judged && let Line::Whole(line) = line
                                && let Some(finding) = judgement.line(seen, is_after(line, opened_at))
                            {
                                judged = true;
                                tell(sink, finding);
                            }
                        });
                        sink.pause();
                        if !judged && !judgement.is_empty() {
                            ring_due = Instant::now() + Judgement::THROUGH_AFTER;
                        }
                    }
                    Ok(None) => break Some("the engine ended the stream".to_owned()),
                    Err(error) => break Some(error),
                },
                reason = watchdog.bites(engine) => break Some(reason),
                () = sleep_until(ring_due), if !judged => {
                    judged = true;
                    tell(&mut self.sink, judgement.end());
                }
                found = checks.next(), if is_checking => match found {
                    Some(line) => {
                        checks.judge(self.sink.take(Reading::Line(&line)));
                        self.sink.pause();
                    }
                    None => checks.end(&mut self.sink),
                },
                () = sleep_until(check_at), if !is_podman && !is_checking => {
                    let until = self.engine_time().checked_sub(ON_ITS_WAY).unwrap_or(Timestamp::UNIX_EPOCH);
                    checks.start(engine.clone(), until);
                }
            }
        };
        let sink = &mut self.sink;
        if !judged && !judgement.is_empty() {
            // What came is known from now on: the next connection could not tell any more that something is missing.
            tell(sink, judgement.end());
        }
        let Some(reason) = reason else { return End::Replanned };
        splitter.finish(|torn| {
            sink.take(Reading::Refused(torn));
        });
        End::Broken { reason, progress }
    }

    /// Podman: what happened while there was no stream. The stream waits meanwhile, in Podman's own history.
    async fn catch_up(&mut self, engine: &Engine) -> bool {
        if let Ok(info) = engine.info().await {
            self.ahead = Some(info.ahead);
        }
        let (before, start) = self.wanted_from;
        if before + start.elapsed() > OLDEST {
            self.wanted_from = (OLDEST, start);
            self.sink.take(Reading::Gap(Gap::HistoryTooOld));
        }
        if std::mem::take(&mut self.clock_stepped_back) {
            self.sink.take(Reading::Gap(Gap::ClockSteppedBack));
        }
        let wanted_from = self.boundary();
        let since = wanted_from.checked_sub(OVERLAP).unwrap_or(wanted_from);
        // What was wanted before is known, and what was not has to be, for the next time overlaps with this one.
        let sorts_out = !std::mem::replace(&mut self.caught_up, true);
        let is_earlier = |line: &[u8]| {
            let time = Event::parse(line).ok().and_then(|event| event.time_nano());
            sorts_out && time.is_some_and(|time| i128::from(time) < wanted_from.as_nanosecond())
        };
        let (mut taken, mut beyond) = (0, 0);
        let wanted = match engine.events(&Query::podman_since(since)).await {
            Ok(stream) => {
                let sink = &mut self.sink;
                let each = |line: &[u8]| {
                    if is_earlier(line) {
                        sink.take(Reading::Earlier(line));
                    } else if taken >= MOST {
                        beyond += 1;
                    } else if sink.take(Reading::Line(line)) == Seen::New {
                        taken += 1;
                    }
                };
                read_history(stream, engine, each).await
            }
            Err(error) => Err(error),
        };
        self.sink.pause();
        if beyond > 0 {
            self.sink.take(Reading::Gap(Gap::HistoryTooLong(beyond)));
        }
        if let Err(error) = wanted {
            self.sink.take(Reading::Remark(&format!("events since {since} could not be fetched: {error}")));
        }
        taken > 0
    }
}

/// Whether an event happened after this; not where either time is unknown.
fn is_after(line: &[u8], time: Option<Timestamp>) -> bool {
    let happened = || Event::parse(line).ok()?.time_nano();
    time.is_some_and(|time| happened().is_some_and(|happened| i128::from(happened) > time.as_nanosecond()))
}

fn tell(sink: &mut impl Sink, finding: Finding) {
    match finding {
        Finding::Whole => {
            sink.take(Reading::Whole);
        }
        Finding::Wrapped => {
            sink.take(Reading::Gap(Gap::RingWrapped));
        }
        Finding::Emptied => {
            sink.take(Reading::Gap(Gap::EngineRestarted));
        }
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
            splitter.push(piece, |line| {
                if let Line::Whole(line) = line {
                    sink(line);
                }
            });
        }
        Ok(())
    };
    match timeout(HISTORY_WITHIN, reading).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(what)) => Err(EngineError::Broken { endpoint: engine.endpoint().clone(), what }),
        Err(_) => Err(engine.silent("its earlier events", HISTORY_WITHIN)),
    }
}

/// Asks a quiet engine for a sign of life, beside the reading.
struct Watchdog {
    heard: Instant,
    asked: Option<JoinHandle<Result<(), EngineError>>>,
}

impl Watchdog {
    fn new(now: Instant) -> Self {
        Self { heard: now, asked: None }
    }

    fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// Waits for as long as the engine lives, then says why it does not.
    async fn bites(&mut self, engine: &Engine) -> String {
        loop {
            if self.asked.is_none() {
                sleep_until(self.heard + QUIET).await;
                let engine = engine.clone();
                self.asked = Some(tokio::spawn(async move { engine.ping().await }));
            }
            if let Some(asked) = &mut self.asked {
                let answer = asked.await;
                self.asked = None;
                match answer {
                    Ok(Ok(())) => self.heard(),
                    Ok(Err(error)) => return error.to_string(),
                    Err(error) => return error.to_string(),
                }
            }
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(asked) = &self.asked {
            asked.abort();
        }
    }
}

/// Holds the ring against what was read, after each burst and every minute: what the engine could not put into the
/// stream in time it skips without a word, but its ring still has it.
struct Checks {
    /// Lines since the last look.
    lines: usize,
    last: Instant,
    task: Option<(JoinHandle<()>, mpsc::Receiver<Vec<u8>>)>,
    judgement: Judgement,
    found: usize,
}

impl Checks {
    fn new(now: Instant) -> Self {
        Self { lines: 0, last: now, task: None, judgement: Judgement::default(), found: 0 }
    }

    fn running(&self) -> bool {
        self.task.is_some()
    }

    fn due(&self) -> Instant {
        self.last + if self.lines >= BURST { CHECK_AT_MOST_EVERY } else { CHECK_EVERY }
    }

    fn start(&mut self, engine: Engine, until: Timestamp) {
        // A line can be large, so few of them are held at a time.
        let (sender, lines) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let Ok(mut stream) = engine.events(&Query::ring_until(until)).await else { return };
            let mut splitter = LineSplitter::default();
            let reading = async {
                while let Ok(Some(piece)) = stream.next_piece().await {
                    let mut whole = Vec::new();
                    splitter.push(piece, |line| {
                        if let Line::Whole(line) = line {
                            whole.push(line.to_vec());
                        }
                    });
                    for line in whole {
                        if sender.send(line).await.is_err() {
                            return;
                        }
                    }
                }
            };
            // Where the clocks differ so much that the engine waits for the end, the next look is a better one.
            let _ = timeout(HISTORY_WITHIN, reading).await;
        });
        (self.lines, self.last, self.found) = (0, Instant::now(), 0);
        self.judgement = Judgement::default();
        self.task = Some((task, lines));
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        match &mut self.task {
            Some((_, lines)) => lines.recv().await,
            None => std::future::pending().await,
        }
    }

    fn judge(&mut self, seen: Seen) {
        self.found += usize::from(seen == Seen::New);
        // What was read on this connection is as well known as what was read before.
        self.judgement.line(if seen == Seen::New { Seen::New } else { Seen::Before }, false);
    }

    fn end(&mut self, sink: &mut impl Sink) {
        self.task = None;
        if self.found > 0 {
            sink.take(Reading::Recovered(self.found));
        }
        // That of the connection's beginning has been given.
        if self.judgement.end() == Finding::Wrapped {
            sink.take(Reading::Gap(Gap::RingWrapped));
        }
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        if let Some((task, _)) = &self.task {
            task.abort();
        }
    }
}
