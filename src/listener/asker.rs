//! Asks the engine what its events do not tell, on the reader's runtime and never for longer than a deadline.
//!
//! The pipeline waits for the answer, so whoever can make the engine slow could make the listener slow: after an answer
//! that did not come in time nothing is asked for a while, and each event that goes without says so.

use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use tokio::runtime::Handle;

use crate::docker::endpoint::Endpoint;
use crate::docker::inspect::{Container, Exec};
use crate::docker::{Engine, EngineError};
use crate::event::Event;
use crate::event::forged::{Facts, Fields, Posers};
use crate::wazuh::message::{Forged, NoAnswer};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// How long nothing is asked after an answer that did not come.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Asks one engine.
pub struct Asker {
    runtime: Handle,
    engine: Option<Engine>,
    silent_since: Option<Instant>,
    posers: Posers,
}

impl Asker {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, engine: None, silent_since: None, posers: Posers::default() }
    }

    /// What is known of the labels that pose as facts in this event; `may_ask` whether the engine may be asked.
    pub(super) fn judge(
        &mut self,
        event: &Event<'_>,
        endpoint: &Endpoint,
        may_ask: bool,
    ) -> (Option<Forged>, Option<NoAnswer>) {
        let mut container = None;
        let facts = match self.posers.judge(event) {
            Facts::Unknown => match self.container(event.actor_id(), endpoint, may_ask) {
                Ok(known) => {
                    let labels = known.config.labels.clone().unwrap_or_default();
                    self.posers.learn(event.actor_id(), Fields::of(|key| labels.contains_key(key)));
                    container = Some(known);
                    self.posers.judge(event)
                }
                Err(why) => return (None, Some(why)),
            },
            facts => facts,
        };
        let Facts::Forged(fields) = facts else { return (None, None) };
        let mut forged = Forged { fields: fields.names().collect(), ..Forged::default() };
        let mut no_answer = None;
        if fields.contains("exitCode") && event.action() == "die" {
            match container.map_or_else(|| self.container(event.actor_id(), endpoint, may_ask), Ok) {
                // One that runs again has forgotten how it ended.
                Ok(Container { state, .. }) if !state.running => {
                    forged.exit_code = Some(state.exit_code);
                    forged.oom_killed = Some(state.oom_killed);
                }
                Ok(_) => {}
                Err(why) => no_answer = Some(why),
            }
        }
        if fields.contains("exitCode") && event.action() == "exec_die" && !fields.contains("execID") {
            match self.exec(event.attribute("execID"), endpoint, may_ask) {
                Ok(exec) if exec.container == event.actor_id() => forged.exit_code = exec.exit_code,
                Ok(_) => {}
                Err(why) => no_answer = Some(why),
            }
        }
        (Some(forged), no_answer)
    }

    fn container(&mut self, id: &str, endpoint: &Endpoint, may_ask: bool) -> Result<Container, NoAnswer> {
        let id = id.to_owned();
        self.ask(endpoint, may_ask, async move |engine| engine.container(&id).await)
    }

    fn exec(&mut self, id: &str, endpoint: &Endpoint, may_ask: bool) -> Result<Exec, NoAnswer> {
        let id = id.to_owned();
        self.ask(endpoint, may_ask, async move |engine| engine.exec(&id).await)
    }

    fn ask<T: Send + 'static, Asked>(
        &mut self,
        endpoint: &Endpoint,
        may_ask: bool,
        question: impl FnOnce(Engine) -> Asked + Send + 'static,
    ) -> Result<T, NoAnswer>
    where
        Asked: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        if !may_ask || self.silent_since.is_some_and(|since| since.elapsed() < ASK_AGAIN_AFTER) {
            return Err(NoAnswer::NotAsked);
        }
        let engine = match self.engine.take().filter(|engine| engine.endpoint() == endpoint) {
            Some(engine) => engine,
            None => Engine::new(endpoint.clone()).map_err(|_| NoAnswer::Failed)?,
        };
        self.engine = Some(engine.clone());
        let (answer, answered) = bounded(1);
        let task = self.runtime.spawn(async move {
            // Nobody waits any more once the deadline is over.
            let _ = answer.send(question(engine).await);
        });
        match answered.recv_timeout(ANSWER_WITHIN) {
            Ok(Ok(known)) => {
                self.silent_since = None;
                Ok(known)
            }
            Ok(Err(EngineError::Refused { status: 404, .. })) => Err(NoAnswer::Gone),
            Ok(Err(_)) => Err(NoAnswer::Failed),
            Err(_) => {
                task.abort();
                self.silent_since = Some(Instant::now());
                Err(NoAnswer::Timeout)
            }
        }
    }
}
