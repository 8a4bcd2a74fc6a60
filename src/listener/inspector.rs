//! Asks the engine what its events do not say, for many objects at once, on a thread of its own.
//!
//! A request goes out as soon as its line has been read, so that a container that lives for a moment is still there. It
//! has one of three lanes, each with a limit of requests that run at a time and of those that wait: containers that are
//! made or started, commands that run, and what is looked at again. So no object is inspected late because of another
//! that is expensive or asked about often. Nobody waits for a result here: the worker is notified.
//!
//! Results stand in memory until the worker has taken them. What they hold together is bounded: no further request is
//! started until there is room again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::corridor::Item;
use super::fair_queue::FairQueue;
use crate::bounded::AsItIs;
use crate::docker::endpoint::Endpoint;
use crate::docker::inspect::Image;
use crate::docker::{Engine, EngineError};
use crate::event::exec;
use crate::event::preview::Early;
use crate::event::provenance::Act;
use crate::inquiry::{Answers, Question, answer};
use crate::intake::Door;
use crate::lock::lock;
use crate::wazuh::message::NoAnswer;

/// How long a request may take that nobody waits for any more.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the list of all images may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// So many of the listed images are looked at one by one.
const MAX_LOOKED_AT: usize = 512;

/// How many bytes results may hold until the worker has taken them.
const MAX_HELD: usize = 16 << 20;

/// So many results may be requested before the worker has come to their lines.
const MAX_EARLY: usize = 8192;

/// After this long nobody comes for an early result: its line was lost.
const EARLY_TIMEOUT: Duration = Duration::from_secs(120);

/// What a request is about, in the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A container that is made or started.
    Made,
    /// A command that runs.
    Exec,
    /// What has been looked at before, or can wait.
    Again,
}

impl Lane {
    const ALL: [Self; 3] = [Self::Made, Self::Exec, Self::Again];

    /// How many run at a time; each has a connection.
    fn max_running(self) -> usize {
        match self {
            Self::Made => 48,
            Self::Exec => 16,
            Self::Again => 8,
        }
    }

    /// How many wait.
    fn max_waiting(self) -> usize {
        match self {
            Self::Made => 8192,
            Self::Exec => 4096,
            Self::Again => 512,
        }
    }

    /// How many of one object wait or run.
    fn max_of_one(self) -> usize {
        match self {
            Self::Made => 8,
            Self::Exec => 1024,
            Self::Again => 4,
        }
    }
}

/// A request that runs longer than this gives its place to another.
const RUNNING_TIMEOUT: Duration = Duration::from_millis(150);

/// So many requests may run that have given up their places; each has a connection.
const MAX_STUCK: usize = 256;

/// What an event is about, as far as its image goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Role {
    /// Whether it is an image; else a container, or something else that has one.
    pub is_image: bool,
    /// Whether it is a container.
    pub is_container: bool,
    /// What the event does with its image.
    pub act: Option<Act>,
}

/// What a request is about, for a result that comes late.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// The id of the container or image.
    pub id: String,
    /// Its name, as its event says.
    pub name: String,
    /// What its event calls its image.
    pub image: String,
    /// What it is.
    pub role: Role,
    /// What its event says of a command.
    pub exec: Option<exec::Facts>,
    /// Whether it was asked about before; that there was no answer then has been reported.
    pub is_again: bool,
}

/// A result that came too late for its event.
#[derive(Debug)]
pub struct Late {
    pub(super) subject: Subject,
    pub(super) question: Question,
    pub(super) answers: Answers,
    pub(super) no_answer: Option<NoAnswer>,
}

/// Whom a result goes to.
#[derive(Debug)]
enum Receiving {
    /// The line has not been worked on yet.
    Unclaimed,
    /// An event waits for it under this number.
    Event(u64),
    /// Its event has been sent without it.
    Late(Box<Subject>),
}

/// A request and what became of it.
#[derive(Debug)]
pub(super) struct Request {
    question: Question,
    /// The object that it is about.
    object: String,
    lane: Lane,
    asked: Instant,
    state: Mutex<State>,
    answers: Arc<Mutex<Answers>>,
    /// What its result holds, in bytes, counted in `inspector`.
    held: AtomicUsize,
    inspector: Weak<Shared>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Runs,
    /// With why there is no answer to all of it.
    Ended(Option<NoAnswer>),
}

#[derive(Debug)]
struct State {
    receiving: Receiving,
    outcome: Outcome,
}

impl Request {
    /// When it was asked.
    pub(super) fn asked(&self) -> Instant {
        self.asked
    }

    pub(super) fn question(&self) -> &Question {
        &self.question
    }

    /// The result, where there is one; else the worker is notified under this number once there is.
    pub(super) fn result_or_notify(&self, number: u64) -> Option<(Answers, Option<NoAnswer>)> {
        let mut state = lock(&self.state);
        if let Outcome::Ended(no_answer) = state.outcome {
            return Some((self.take(), no_answer));
        }
        state.receiving = Receiving::Event(number);
        None
    }

    /// The result, where there is one by now; else what has been answered so far, and the rest comes late.
    pub(super) fn result_or_late(&self, subject: impl FnOnce() -> Subject) -> (Answers, Option<NoAnswer>) {
        let mut state = lock(&self.state);
        if let Outcome::Ended(no_answer) = state.outcome {
            return (self.take(), no_answer);
        }
        let answers = lock(&self.answers).clone();
        state.receiving = Receiving::Late(Box::new(subject()));
        (answers, Some(NoAnswer::Timeout))
    }

    fn take(&self) -> Answers {
        std::mem::take(&mut *lock(&self.answers))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(inspector) = self.inspector.upgrade() {
            inspector.release(self.held.load(Ordering::Relaxed));
        }
    }
}

#[derive(Debug)]
struct Lanes {
    waiting: [FairQueue<(Engine, Arc<Request>)>; 3],
    running: [usize; 3],
    stuck: usize,
    /// How many requests of each object wait or run, by its lane.
    of_object: HashMap<(usize, String), usize>,
    /// By the hash of the line.
    early: HashMap<u64, Arc<Request>, AsItIs>,
    engine: Option<Engine>,
    /// Nothing is asked any more.
    is_closed: bool,
}

#[derive(Debug)]
struct Shared {
    runtime: Handle,
    door: Door<Item>,
    lanes: Mutex<Lanes>,
    held: AtomicUsize,
    closed: Notify,
}

/// Asks one engine. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Inspector {
    shared: Arc<Shared>,
}

impl Inspector {
    /// Asks on this runtime, which somebody else drives.
    pub(super) fn new(runtime: Handle, door: Door<Item>) -> Self {
        let lanes = Lanes {
            waiting: Default::default(),
            running: [0; 3],
            stuck: 0,
            of_object: HashMap::new(),
            early: HashMap::default(),
            engine: None,
            is_closed: false,
        };
        let (lanes, held, closed) = (Mutex::new(lanes), AtomicUsize::new(0), Notify::new());
        Self { shared: Arc::new(Shared { runtime, door, lanes, held, closed }) }
    }

    /// Returns once [`Self::close`] was called.
    pub(super) async fn closed(&self) {
        self.shared.closed.notified().await;
    }

    /// Asks what the line with this hash will need, before its turn has come.
    pub(super) fn ask_early(&self, endpoint: &Endpoint, hash: u64, early: Early<'_>) {
        if !self.has_room_for_early() {
            return;
        }
        let (lane, object, question) = match early {
            Early::Made { container, is_started } => (
                Lane::Made,
                container,
                Question {
                    container: Some(container.to_owned()),
                    with_host: true,
                    with_image: true,
                    with_kernel: is_started,
                    ..Question::default()
                },
            ),
            Early::Exec { container, exec } => {
                (Lane::Exec, container, Question { exec: Some(exec.to_owned()), ..Question::default() })
            }
        };
        // Where too many wait it is asked when its turn comes, and counted then.
        if let Ok(request) = self.shared.ask(endpoint, (lane, object), question) {
            self.shared.lanes().early.insert(hash, request);
        }
    }

    /// Whether another result may be requested before its line's turn; forgets those that nobody comes for.
    fn has_room_for_early(&self) -> bool {
        let mut lanes = self.shared.lanes();
        if lanes.early.len() < MAX_EARLY && !self.shared.is_full() {
            return true;
        }
        let all = std::mem::take(&mut lanes.early);
        let is_wanted = |(_, request): &(u64, Arc<Request>)| request.asked.elapsed() < EARLY_TIMEOUT;
        let (wanted, lost): (Vec<_>, Vec<_>) = all.into_iter().partition(is_wanted);
        lanes.early.extend(wanted);
        let has_room = lanes.early.len() < MAX_EARLY;
        // Whose end gives its memory back, which needs the lock.
        drop(lanes);
        drop(lost);
        has_room
    }

    /// What was asked early for the line with this hash.
    pub(super) fn take_early(&self, line: u64) -> Option<Arc<Request>> {
        let mut lanes = self.shared.lanes();
        let request = lanes.early.remove(&line)?;
        if lanes.early.is_empty() {
            // After a storm no memory stays behind.
            lanes.early = HashMap::default();
        }
        Some(request)
    }

    /// Asks about this object.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub(super) fn ask(
        &self,
        endpoint: &Endpoint,
        about: (Lane, &str),
        question: Question,
    ) -> Result<Arc<Request>, NoAnswer> {
        self.shared.ask(endpoint, about, question)
    }

    /// Asks for what nobody waits for; it comes late.
    pub(super) fn ask_late(&self, endpoint: &Endpoint, question: Question, subject: Subject) -> Result<(), NoAnswer> {
        let request = self.shared.ask(endpoint, (Lane::Again, &subject.id), question)?;
        let mut state = lock(&request.state);
        if let Outcome::Ended(no_answer) = state.outcome {
            drop(state);
            let (question, answers) = (request.question.clone(), request.take());
            self.shared.door.force(Item::Late(Box::new(Late { subject, question, answers, no_answer })));
        } else {
            state.receiving = Receiving::Late(Box::new(subject));
        }
        Ok(())
    }

    /// Asks nothing from now on, and forgets what waits.
    pub(super) fn close(&self) {
        let mut lanes = self.shared.lanes();
        lanes.is_closed = true;
        let waiting = std::mem::take(&mut lanes.waiting);
        let early = std::mem::take(&mut lanes.early);
        drop(lanes);
        drop((waiting, early));
        self.shared.closed.notify_one();
    }

    /// All images, once the engine has listed them.
    pub(super) fn images(&self, endpoint: &Endpoint) -> Receiver<Vec<Image>> {
        let engine = self.shared.engine(endpoint);
        let (done, images) = bounded(1);
        self.shared.runtime.spawn(async move {
            if let Ok(Ok(mut images)) = tokio::time::timeout(LIST_TIMEOUT, engine.images()).await {
                // A list leaves out the layers, which show what was made of what.
                let looked_at = async {
                    for image in images.iter_mut().take(MAX_LOOKED_AT) {
                        if let Ok(known) = engine.image(&image.id).await {
                            *image = known;
                        }
                    }
                };
                let _ = tokio::time::timeout(LIST_TIMEOUT, looked_at).await;
                // Where another connection was made meanwhile, another list is on its way.
                let _ = done.send(images);
            }
        });
        images
    }
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        lock(&self.lanes)
    }

    /// Whether results hold as much as they may.
    fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= MAX_HELD
    }

    fn engine(&self, endpoint: &Endpoint) -> Engine {
        let mut lanes = self.lanes();
        let known = lanes.engine.take().filter(|engine| engine.endpoint() == endpoint);
        let engine = known.unwrap_or_else(|| Engine::new(endpoint.clone()));
        lanes.engine.insert(engine).clone()
    }

    fn ask(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        (lane, object): (Lane, &str),
        question: Question,
    ) -> Result<Arc<Request>, NoAnswer> {
        let engine = self.engine(endpoint);
        let request = Arc::new(Request {
            question,
            object: object.to_owned(),
            lane,
            asked: Instant::now(),
            state: Mutex::new(State { receiving: Receiving::Unclaimed, outcome: Outcome::Runs }),
            answers: Arc::default(),
            held: AtomicUsize::new(0),
            inspector: Arc::downgrade(self),
        });
        {
            let mut lanes = self.lanes();
            if lanes.is_closed {
                return Err(NoAnswer::NotAsked);
            }
            let of_object = lanes.of_object.get(&(lane as usize, object.to_owned())).copied().unwrap_or_default();
            if of_object >= lane.max_of_one() {
                // It is slow itself: what runs has not been answered yet.
                return Err(if lane == Lane::Exec { NoAnswer::NotAsked } else { NoAnswer::Timeout });
            }
            let waiting = lanes.waiting.get_mut(lane as usize).filter(|waiting| waiting.len() < lane.max_waiting());
            let Some(waiting) = waiting else { return Err(NoAnswer::NotAsked) };
            waiting.push(object, (engine, Arc::clone(&request)));
            *lanes.of_object.entry((lane as usize, object.to_owned())).or_default() += 1;
        }
        self.start_waiting();
        Ok(request)
    }

    /// Starts what waits, as far as the limits allow.
    fn start_waiting(self: &Arc<Self>) {
        while let Some((engine, request)) = self.next() {
            let shared = Arc::clone(self);
            self.runtime.spawn(async move {
                // Also where the task is dropped or fails: its place is somebody else's then.
                let mut running =
                    Running { shared: Arc::clone(&shared), request: Arc::clone(&request), is_stuck: false };
                let carried_out = shared.carry_out(&engine, request);
                tokio::pin!(carried_out);
                tokio::select! {
                    () = &mut carried_out => return,
                    () = tokio::time::sleep(RUNNING_TIMEOUT) => running.give_up_place(),
                }
                carried_out.await;
            });
        }
    }

    fn next(&self) -> Option<(Engine, Arc<Request>)> {
        let mut lanes = self.lanes();
        for lane in Lane::ALL {
            let is_free = lanes.running.get(lane as usize).is_some_and(|running| *running < lane.max_running());
            if self.is_full() || !is_free {
                continue;
            }
            let waiting = lanes.waiting.get_mut(lane as usize).and_then(FairQueue::pop);
            if let Some((engine, request)) = waiting {
                if let Some(running) = lanes.running.get_mut(lane as usize) {
                    *running += 1;
                }
                return Some((engine, request));
            }
        }
        None
    }

    async fn carry_out(&self, engine: &Engine, request: Arc<Request>) {
        let asked = answer(engine, request.question.clone(), &request.answers);
        let no_answer = match tokio::time::timeout(REQUEST_TIMEOUT, asked).await {
            Ok(Ok(())) => None,
            Ok(Err(EngineError::Refused { status: 404, .. })) => Some(NoAnswer::Gone),
            Ok(Err(EngineError::TooLarge { .. })) => Some(NoAnswer::TooLarge),
            Ok(Err(_)) => Some(NoAnswer::Failed),
            Err(_) => Some(NoAnswer::Timeout),
        };
        let held = lock(&request.answers).size();
        request.held.store(held, Ordering::Relaxed);
        self.held.fetch_add(held, Ordering::Relaxed);
        let mut state = lock(&request.state);
        state.outcome = Outcome::Ended(no_answer);
        match std::mem::replace(&mut state.receiving, Receiving::Unclaimed) {
            Receiving::Unclaimed => {}
            Receiving::Event(number) => {
                self.door.force(Item::Answered(number));
            }
            Receiving::Late(subject) => {
                let (question, answers) = (request.question.clone(), request.take());
                self.door.force(Item::Late(Box::new(Late { subject: *subject, question, answers, no_answer })));
            }
        }
    }

    fn release(self: &Arc<Self>, held: usize) {
        if held > 0 {
            self.held.fetch_sub(held, Ordering::Relaxed);
            self.start_waiting();
        }
    }
}

/// The place of a request that runs.
struct Running {
    shared: Arc<Shared>,
    request: Arc<Request>,
    is_stuck: bool,
}

impl Running {
    /// Lets another request run beside this one.
    fn give_up_place(&mut self) {
        let mut lanes = self.shared.lanes();
        if lanes.stuck >= MAX_STUCK {
            return;
        }
        lanes.stuck += 1;
        self.is_stuck = true;
        if let Some(running) = lanes.running.get_mut(self.request.lane as usize) {
            *running -= 1;
        }
        drop(lanes);
        self.shared.start_waiting();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut lanes = self.shared.lanes();
        if self.is_stuck {
            lanes.stuck -= 1;
        } else if let Some(running) = lanes.running.get_mut(self.request.lane as usize) {
            *running -= 1;
        }
        let object = (self.request.lane as usize, self.request.object.clone());
        if let Some(count) = lanes.of_object.get_mut(&object) {
            *count -= 1;
            if *count == 0 {
                lanes.of_object.remove(&object);
                if lanes.of_object.is_empty() {
                    // After a storm no memory stays behind.
                    lanes.of_object = HashMap::new();
                }
            }
        }
        drop(lanes);
        self.shared.start_waiting();
    }
}
