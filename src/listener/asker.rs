//! Asks the engine what its events do not tell, on the reader's runtime and never for longer than a deadline.
//!
//! The pipeline waits for the answer, so whoever can make the engine slow could make the listener slow: after an answer
//! that did not come in time nothing is asked for a while, and each event that goes without says so. What was answered
//! before the deadline counts.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use tokio::runtime::Handle;

use crate::docker::endpoint::Endpoint;
use crate::docker::inspect::{Container, Exec, Image, Volume};
use crate::docker::{Engine, EngineError};
use crate::event::risk::{self, Host};
use crate::wazuh::message::NoAnswer;

/// How long nothing is asked after an answer that did not come.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// How long the list of all images may take; nobody waits for it.
const LIST_WITHIN: Duration = Duration::from_secs(60);

/// The most volumes, paths and commands of one container that are looked at.
const MOST: usize = 64;

/// What is to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    /// This container.
    pub container: Option<String>,
    /// What it was given of the host, too.
    pub with_host: bool,
    /// Its image, too.
    pub with_image: bool,
    /// The commands in it, too.
    pub with_execs: bool,
    /// This image.
    pub image: Option<String>,
    /// This command.
    pub exec: Option<String>,
}

impl Question {
    pub(super) fn is_empty(&self) -> bool {
        self.container.is_none() && self.image.is_none() && self.exec.is_none()
    }
}

/// What was answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    pub container: Option<Container>,
    pub volumes: Vec<Volume>,
    pub host: Host,
    pub image: Option<Image>,
    pub execs: Vec<Exec>,
}

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

fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks for one thing after the other, the most telling first.
async fn answer(engine: &Engine, question: Question, answers: &Mutex<Answers>) -> Result<(), EngineError> {
    let Question { container, with_host, with_image, with_execs, mut image, mut exec } = question;
    let mut execs: Vec<String> = exec.take().into_iter().collect();
    if let Some(id) = container {
        let known = engine.container(&id).await?;
        lock(answers).container = Some(known.clone());
        if with_execs {
            execs.extend(known.execs.iter().rev().take(MOST).cloned());
        }
        if with_host {
            look_at_host(engine, &known, answers).await?;
        }
        if with_image && !known.image.is_empty() {
            image = Some(known.image);
        }
    }
    for id in execs {
        match engine.exec(&id).await {
            Ok(exec) => lock(answers).execs.push(exec),
            Err(error) => unless_gone(error, with_execs)?,
        }
    }
    if let Some(name) = image {
        match engine.image(&name).await {
            Ok(image) => lock(answers).image = Some(image),
            Err(error) => unless_gone(error, with_image)?,
        }
    }
    Ok(())
}

/// What is missing may be: a container outlives its image's names, and a list its members.
fn unless_gone(error: EngineError, may_be_gone: bool) -> Result<(), EngineError> {
    match error {
        EngineError::Refused { status: 404, .. } if may_be_gone => Ok(()),
        error => Err(error),
    }
}

async fn look_at_host(engine: &Engine, container: &Container, answers: &Mutex<Answers>) -> Result<(), EngineError> {
    let is_local = |driver: &str| driver.is_empty() || driver == "local";
    let names: BTreeSet<&str> = container
        .mounts
        .iter()
        .filter(|mount| mount.kind == "volume" && is_local(&mount.driver))
        .map(|mount| mount.name.as_str())
        .collect();
    for name in names.into_iter().filter(|name| !name.is_empty()).take(MOST) {
        match engine.volume(name).await {
            Ok(volume) => lock(answers).volumes.push(volume),
            Err(error) => unless_gone(error, true)?,
        }
    }
    let volumes = lock(answers).volumes.clone();
    let paths = risk::paths(container, &volumes);
    // The paths of another host are not ours to look at.
    let Endpoint::Unix(socket) = engine.endpoint() else { return Ok(()) };
    let socket = socket.clone();
    let host = tokio::task::spawn_blocking(move || look_at(paths, &socket)).await;
    lock(answers).host = host.unwrap_or_default();
    Ok(())
}

/// Where the paths that are links lead, and which of them are the engine's socket by another name.
fn look_at(paths: Vec<String>, socket: &PathBuf) -> Host {
    let identity = |path: &std::path::Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let engine = identity(socket);
    let mut host = Host { resolved: BTreeMap::new(), sockets: Vec::new() };
    for path in paths.into_iter().take(MOST) {
        if engine.is_some() && identity(path.as_ref()) == engine {
            host.sockets.push(path.clone());
        }
        if let Ok(real) = std::fs::canonicalize(&path)
            && let Some(real) = real.to_str().filter(|real| *real != path)
        {
            host.resolved.insert(path, real.to_owned());
        }
    }
    host
}
