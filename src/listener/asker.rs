//! Asks the engine what its events do not tell, on the reader's runtime and never for longer than a deadline.
//!
//! The pipeline waits for the answer, so whoever can make the engine slow could make the listener slow: after an answer
//! that did not come in time nothing is waited for, for a while, about the same container, and about none once several
//! were slow. It is asked all the same, and what is answered later comes down the corridor on its own, so that being slow
//! hides nothing. What was answered before the deadline counts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Handle;

use super::corridor::Item;
use crate::bounded::Bounded;
use crate::docker::endpoint::Endpoint;
use crate::docker::inspect::Image;
use crate::docker::{Engine, EngineError};
use crate::event::exec;
use crate::event::tags::Source;
use crate::inquiry::{Answers, Question, answer};
use crate::intake::Door;
use crate::lock::lock;
use crate::wazuh::message::NoAnswer;

/// How long nothing is waited for after an answer that did not come.
const WAIT_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How long a late answer may take.
const LATE_WITHIN: Duration = Duration::from_secs(60);

/// How long the list of all images may take; nobody waits for it.
const LIST_WITHIN: Duration = Duration::from_secs(60);

/// So many answers may be late at a time; each holds a connection.
const MOST_LATE: usize = 128;

/// How many slow answers in that time make the engine a slow one.
const MOST_SLOW: usize = 4;

/// What an event is about, as far as its image goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Thing {
    /// Whether it is an image; else a container, or something else that has one.
    pub is_image: bool,
    /// Whether it is a container.
    pub is_container: bool,
    /// How its tag came to point to its image, where it does now.
    pub source: Option<Source>,
}

/// What a question is about, for an answer that comes late.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    /// The id of the container or image.
    pub id: String,
    /// Its name, as its event says.
    pub name: String,
    /// What its event calls its image.
    pub image: String,
    /// What it is.
    pub thing: Thing,
    /// What its event tells of a command.
    pub exec: Option<exec::Facts>,
}

/// An answer that came too late for its event.
#[derive(Debug)]
pub struct Late {
    pub(super) about: About,
    pub(super) question: Question,
    pub(super) answers: Answers,
    pub(super) no_answer: Option<NoAnswer>,
}

/// Asks one engine.
pub(super) struct Asker {
    runtime: Handle,
    door: Door<Item>,
    engine: Option<Engine>,
    /// Whose answers did not come in time, and when.
    slow: Bounded<Instant>,
    late: Arc<AtomicUsize>,
}

impl Asker {
    pub(super) fn new(runtime: Handle, door: Door<Item>) -> Self {
        Self { runtime, door, engine: None, slow: Bounded::new(MOST_LATE), late: Arc::default() }
    }

    /// What the engine answers within this time, and why it did not answer all.
    pub(super) fn ask(
        &mut self,
        endpoint: &Endpoint,
        within: Duration,
        about: About,
        question: Question,
    ) -> (Answers, Option<NoAnswer>) {
        if self.late.load(Ordering::Relaxed) >= MOST_LATE {
            return (Answers::default(), Some(NoAnswer::NotAsked));
        }
        let Some(engine) = self.engine(endpoint) else { return (Answers::default(), Some(NoAnswer::Failed)) };
        let answers = Arc::new(Mutex::new(Answers::default()));
        let (done, is_done) = bounded(1);
        let given_up = Arc::new(Mutex::new(false));
        let id = about.id.clone();
        let is_slow = self.is_slow(&id);
        self.spawn(engine, (about, question), Arc::clone(&answers), (done, Arc::clone(&given_up)));
        let within = if is_slow { Duration::ZERO } else { within };
        let answered = is_done.recv_timeout(within).or_else(|_| {
            // From here on it goes down the corridor, unless it came in this very moment.
            *lock(&given_up) = true;
            is_done.try_recv()
        });
        let no_answer = if let Ok(no_answer) = answered {
            self.slow.forget(id.as_str());
            no_answer
        } else {
            if !is_slow {
                self.slow.keep(id.as_str(), Instant::now());
            }
            Some(NoAnswer::Timeout)
        };
        let answers = lock(&answers).clone();
        (answers, no_answer)
    }

    /// Whether nobody waits for this one: it was slow itself, or several others were.
    fn is_slow(&self, id: &str) -> bool {
        let is_recent = |since: &Instant| since.elapsed() < WAIT_AGAIN_AFTER;
        self.slow.get(id).is_some_and(is_recent)
            || self.slow.iter().filter(|(_, since)| is_recent(since)).count() >= MOST_SLOW
    }

    fn spawn(
        &self,
        engine: Engine,
        (about, question): (About, Question),
        answers: Arc<Mutex<Answers>>,
        (done, given_up): (Sender<Option<NoAnswer>>, Arc<Mutex<bool>>),
    ) {
        let (door, late) = (self.door.clone(), Arc::clone(&self.late));
        late.fetch_add(1, Ordering::Relaxed);
        self.runtime.spawn(async move {
            let answered = tokio::time::timeout(LATE_WITHIN, answer(&engine, question.clone(), &answers)).await;
            let no_answer = match answered {
                Ok(Ok(())) => None,
                Ok(Err(EngineError::Refused { status: 404, .. })) => Some(NoAnswer::Gone),
                Ok(Err(EngineError::TooLarge { .. })) => Some(NoAnswer::TooLarge),
                Ok(Err(_)) => Some(NoAnswer::Failed),
                Err(_) => Some(NoAnswer::Timeout),
            };
            late.fetch_sub(1, Ordering::Relaxed);
            let given_up = lock(&given_up);
            if *given_up {
                let answers = lock(&answers).clone();
                door.force(Item::Late(Box::new(Late { about, question, answers, no_answer })));
            } else {
                // There is room for one, and this is the one. A task that is dropped drops its end of this too.
                let _ = done.send(no_answer);
            }
        });
    }

    /// All images, once the engine has listed them.
    pub(super) fn images(&mut self, endpoint: &Endpoint) -> Option<Receiver<Vec<Image>>> {
        let engine = self.engine(endpoint)?;
        let (done, images) = bounded(1);
        self.runtime.spawn(async move {
            if let Ok(Ok(images)) = tokio::time::timeout(LIST_WITHIN, engine.images()).await {
                // Where another connection was made meanwhile, another list is on its way.
                let _ = done.send(images);
            }
        });
        Some(images)
    }

    fn engine(&mut self, endpoint: &Endpoint) -> Option<Engine> {
        let known = self.engine.take().filter(|engine| engine.endpoint() == endpoint);
        self.engine = known.or_else(|| Engine::new(endpoint.clone()).ok());
        self.engine.clone()
    }
}
