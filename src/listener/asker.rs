//! Asks the engine what its events do not tell, on the reader's runtime and never for longer than a deadline.
//!
//! The pipeline waits for the answer, so whoever can make the engine slow could make the listener slow: after an answer
//! that did not come in time nothing is asked for a while, and each event that goes without says so. What was answered
//! before the deadline counts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use tokio::runtime::Handle;

use crate::docker::endpoint::Endpoint;
use crate::docker::inspect::Image;
use crate::docker::{Engine, EngineError};
use crate::inquiry::{Answers, Question, answer, lock};
use crate::wazuh::message::NoAnswer;

/// How long nothing is asked after an answer that did not come.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How long the list of all images may take; nobody waits for it.
const LIST_WITHIN: Duration = Duration::from_secs(60);

/// Asks one engine.
pub(super) struct Asker {
    runtime: Handle,
    engine: Option<Engine>,
    silent_since: Option<Instant>,
}

impl Asker {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, engine: None, silent_since: None }
    }

    /// What the engine answers within this time, and why it did not answer all.
    pub(super) fn ask(
        &mut self,
        endpoint: &Endpoint,
        within: Duration,
        question: Question,
    ) -> (Answers, Option<NoAnswer>) {
        if self.silent_since.is_some_and(|since| since.elapsed() < ASK_AGAIN_AFTER) {
            return (Answers::default(), Some(NoAnswer::NotAsked));
        }
        let Some(engine) = self.engine(endpoint) else { return (Answers::default(), Some(NoAnswer::Failed)) };
        let answers = Arc::new(Mutex::new(Answers::default()));
        let (done, is_done) = bounded(1);
        let task = self.runtime.spawn({
            let answers = Arc::clone(&answers);
            async move {
                // Nobody waits any more once the deadline is over.
                let _ = done.send(answer(&engine, question, &answers).await);
            }
        });
        let no_answer = match is_done.recv_timeout(within) {
            Ok(Ok(())) => {
                self.silent_since = None;
                None
            }
            Ok(Err(EngineError::Refused { status: 404, .. })) => Some(NoAnswer::Gone),
            Ok(Err(_)) => Some(NoAnswer::Failed),
            Err(_) => {
                task.abort();
                self.silent_since = Some(Instant::now());
                Some(NoAnswer::Timeout)
            }
        };
        let answers = std::mem::take(&mut *lock(&answers));
        (answers, no_answer)
    }

    /// All images, once the engine has listed them.
    pub(super) fn images(&mut self, endpoint: &Endpoint) -> Option<Receiver<Vec<Image>>> {
        let engine = self.engine(endpoint)?;
        let (done, images) = bounded(1);
        self.runtime.spawn(async move {
            if let Ok(Ok(images)) = tokio::time::timeout(LIST_WITHIN, engine.images()).await {
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
