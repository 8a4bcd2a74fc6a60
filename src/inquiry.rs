//! What the engine is asked about one thing, and what it answers: a container with what it was given of the host, its
//! image, a command.

mod host;

pub use host::set_home;

use std::sync::Mutex;

use crate::docker::endpoint::Endpoint;
use crate::docker::inspect::{Container, Exec, Image, Volume};
use crate::docker::{Engine, EngineError};
use crate::event::risk::Host;

use crate::kernel::{self, Evidence, KernelError};
use crate::lock::lock;

/// The most commands of one container that are looked at, the newest.
const MOST_EXECS: usize = 256;

/// What is known of an object that takes more memory than this is asked for one object at a time, in bytes.
const LARGE_OBJECT: usize = 128 << 10;

/// The most steps of a build that are followed down to what it was made of.
const MAX_PARENTS: usize = 128;

/// What is to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is something more that is asked")]
pub struct Question {
    /// This container.
    pub container: Option<String>,
    /// What it was given of the host, too.
    pub with_host: bool,
    /// What the kernel says of its first process, too.
    pub with_kernel: bool,
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
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.container.is_none() && self.image.is_none() && self.exec.is_none()
    }

    /// Whether the answers to this are all that another asks for.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let has = |own: bool, wanted: bool| own || !wanted;
        let names = |own: &Option<String>, wanted: &Option<String>| wanted.is_none() || own == wanted;
        names(&self.container, &other.container)
            && names(&self.image, &other.image)
            && names(&self.exec, &other.exec)
            && has(self.with_host, other.with_host)
            && has(self.with_kernel, other.with_kernel)
            && has(self.with_image, other.with_image)
            && has(self.with_execs, other.with_execs)
    }
}

/// What was answered.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// The container.
    pub container: Option<Container>,
    /// What the kernel says of it; none where it was not asked.
    pub kernel: Option<Result<Evidence, KernelError>>,
    /// Its volumes that the engine mounts itself.
    pub volumes: Vec<Volume>,
    /// What the host says of the paths it was given.
    pub host: Host,
    /// The image, its own or the one that was asked for.
    pub image: Option<Image>,
    /// What that was made of here: its parent, the parent of that, and so on.
    pub parents: Vec<Image>,
    /// The commands.
    pub execs: Vec<Exec>,
}

impl Answers {
    /// How much memory they hold, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let container = self.container.as_ref().map_or(0, Container::size);
        let volumes: usize = self.volumes.iter().map(Volume::size).sum();
        let execs: usize = self.execs.iter().map(Exec::size).sum();
        let links: usize = self.host.size();
        let kernel = self.kernel.as_ref().and_then(|kernel| kernel.as_ref().ok()).map_or(0, Evidence::size);
        let images: usize = self.image.iter().chain(&self.parents).map(Image::size).sum();
        size_of::<Self>() + container + kernel + volumes + execs + links + images
    }
}

/// Asks for one thing after the other, the most telling first; what has been answered stands in `answers` at once.
///
/// # Errors
/// Where the engine does not answer, or there is nothing of that id.
pub async fn answer(engine: &Engine, question: Question, answers: &Mutex<Answers>) -> Result<(), EngineError> {
    let Question { container, with_host, with_image, with_execs, image, exec, with_kernel } = question;
    // A container that is being started answers late, and a command that has begun may be gone soon: both at once.
    let container = async {
        let Some(id) = container else { return Ok(None) };
        let mut known = engine.container(&id).await?;
        let mut turn = None;
        if known.size() > LARGE_OBJECT {
            // Many of these at once would take all memory. What says most of it is small, and is known from now on.
            known.mounts.retain(|mount| mount.kind != "volume");
            lock(answers).container = Some(known).filter(|known| known.size() <= LARGE_OBJECT);
            turn = engine.turn_for_large_object().await;
            known = engine.container(&id).await?;
        }
        lock(answers).container = Some(known.clone());
        // Before anything else is asked: its first process may end soon.
        if with_kernel {
            ask_kernel(engine, &known, answers).await;
        }
        if with_host {
            host::look(engine, &known, answers).await?;
        }
        drop(turn);
        Ok(Some(known))
    };
    let exec = async {
        if let Some(id) = exec {
            let exec = engine.exec(&id).await?;
            lock(answers).execs.push(exec);
        }
        Ok(())
    };
    let (container, exec): (Result<_, EngineError>, Result<_, EngineError>) = tokio::join!(container, exec);
    let container = container?;
    exec?;
    let execs = container.as_ref().filter(|_| with_execs).map(|known| known.execs.as_slice()).unwrap_or_default();
    for id in execs.iter().rev().take(MOST_EXECS) {
        match engine.exec(id).await {
            Ok(exec) => lock(answers).execs.push(exec),
            Err(error) => unless_gone(error, true)?,
        }
    }
    let own = container.filter(|known| with_image && !known.image.is_empty()).map(|known| known.image);
    if let Some(name) = own.or(image) {
        match engine.image(&name).await {
            Ok(image) => {
                lock(answers).image = Some(image.clone());
                ask_parents(engine, image, answers).await?;
            }
            Err(error) => unless_gone(error, with_image)?,
        }
    }
    Ok(())
}

/// What an image was made of: the builder of older engines makes an image of each step, and a commit has one step.
async fn ask_parents(engine: &Engine, image: Image, answers: &Mutex<Answers>) -> Result<(), EngineError> {
    let mut parent = image.parent;
    for _ in 0..MAX_PARENTS {
        if parent.is_empty() {
            break;
        }
        match engine.image(&parent).await {
            Ok(found) => {
                parent.clone_from(&found.parent);
                lock(answers).parents.push(found);
            }
            Err(error) => {
                unless_gone(error, true)?;
                break;
            }
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

/// What the kernel says of a container's first process, where that is a process of this machine.
async fn ask_kernel(engine: &Engine, container: &Container, answers: &Mutex<Answers>) {
    let (Endpoint::Unix(_), Some(pid)) = (engine.endpoint(), container.state.pid) else { return };
    let id = container.id.clone();
    let read = move || if pid == 0 { Err(KernelError::Gone) } else { kernel::read(kernel::PROC.as_ref(), pid, &id) };
    let said = tokio::task::spawn_blocking(read).await;
    lock(answers).kernel = Some(said.unwrap_or(Err(KernelError::Unreadable(std::io::ErrorKind::Other))));
}
