//! Shows the main job on a machine with nothing installed: an embedded engine serves recorded events over a real Unix
//! socket, an embedded queue receives, and the program's own reader, pipeline and sender stand between them.

mod engine;

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::Exit;
use crate::cli;
use crate::listener::Listener;
use crate::settings::{Environment, Settings};
use crate::wazuh::home::Home;
use crate::wazuh::log::{self, Style, Target};
use crate::wazuh::message::HEADER;

/// So that it shows what is trusted and what is not.
const CONFIGURATION: &str = r#"{"docker-listener": {"trusted_registries": ["registry.example.com"]}}"#;

/// How long the recorded scenario may take on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the demo and prints what arrives.
#[must_use]
pub fn run(options: &cli::Options, demo: &cli::Demo) -> Exit {
    let Ok(_log) = log::start(Target::Stderr(Style::Terminal), options.debug) else { return Exit::Fault };
    if !options.debug {
        ::log::set_max_level(::log::LevelFilter::Warn);
    }
    match show(options, demo) {
        Ok(exit) => exit,
        Err(error) => {
            ::log::error!("the demo cannot run: {error}");
            Exit::Failed
        }
    }
}

/// A folder of its own that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let folder = nix::unistd::mkdtemp(&std::env::temp_dir().join("wazuh-docker-listener-XXXXXX"))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a temporary folder is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn show(options: &cli::Options, demo: &cli::Demo) -> io::Result<Exit> {
    let folder = Folder::new()?;
    let home = Home::at(folder.0.join("ossec"));
    let socket = folder.0.join("docker.sock");
    std::fs::create_dir_all(home.root().join("queue/sockets"))?;
    std::fs::create_dir_all(home.root().join("etc"))?;
    std::fs::write(home.config(), CONFIGURATION)?;
    let queue = UnixDatagram::bind(home.queue())?;

    let mut options = options.clone();
    let real = options.docker_host.is_some();
    let engine = if real {
        None
    } else {
        options.docker_host = Some(format!("unix://{}", socket.display()));
        Some(engine::serve(&socket)?)
    };
    // Neither the machine's configuration nor its environment has a say in the demo.
    let settings = match Settings::load(&home, &options, &Environment::default()) {
        Ok(settings) => settings,
        Err(error) => {
            ::log::error!("{error}");
            return Ok(Exit::Configuration);
        }
    };
    let mut out = io::stdout().lock();
    writeln!(out, "engine  {}{}", settings.endpoint, if real { "" } else { " (embedded)" })?;
    writeln!(out, "queue   {} (embedded)\n", home.queue().display())?;
    let wanted = if real { demo.messages } else { engine::events() };
    let listener = Listener::start(&home, settings, None, true)?;
    let watched = watch(&queue, &mut out, wanted, engine.as_ref());
    listener.stop();
    let summary = watched?;
    writeln!(out, "\n{summary}")?;
    Ok(if summary.events >= wanted { Exit::Done } else { Exit::Failed })
}

struct Summary {
    events: u64,
    wanted: u64,
    notices: u64,
    bytes: usize,
    delays: Vec<Duration>,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        let at = |part: usize| delays.get(delays.len() * part / 100).copied().unwrap_or_default();
        let most = delays.last().copied().unwrap_or_default();
        write!(
            f,
            "{} of {} events and {} notices arrived, {} bytes. From the engine to the queue: median {}, most {}.",
            self.events,
            self.wanted,
            self.notices,
            self.bytes,
            milliseconds(at(50)),
            milliseconds(most)
        )
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}

fn watch(
    queue: &UnixDatagram,
    out: &mut impl Write,
    wanted: u64,
    engine: Option<&engine::Served>,
) -> io::Result<Summary> {
    let mut summary = Summary { events: 0, wanted, notices: 0, bytes: 0, delays: Vec::new() };
    let mut buffer = vec![0; 65_536];
    let deadline = engine.map(|_| Instant::now() + PATIENCE);
    while summary.events < wanted {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            break;
        }
        queue.set_read_timeout(left)?;
        let length = match queue.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => continue,
            Err(error) => return Err(error),
        };
        let message = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        summary.bytes += length;
        if let Some(delay) = delay(&message, engine) {
            summary.events += 1;
            summary.delays.push(delay);
            writeln!(out, "{:>10}  {message}", milliseconds(delay))?;
        } else {
            summary.notices += 1;
            writeln!(out, "{:>10}  {message}", "notice")?;
        }
    }
    Ok(summary)
}

/// How long an event took; `None` for a notice. A real engine's own time stamp is as good as its clock.
fn delay(message: &str, engine: Option<&engine::Served>) -> Option<Duration> {
    let json: Value = serde_json::from_str(message.strip_prefix(HEADER)?).ok()?;
    let nano = json.get("docker")?.get("timeNano")?.as_i64()?;
    if let Some(engine) = engine {
        return engine.written_at(nano).map(|at| at.elapsed());
    }
    let at = Timestamp::from_nanosecond(i128::from(nano)).ok()?;
    Some(Duration::try_from(Timestamp::now().duration_since(at)).unwrap_or_default())
}

/// Where the recorded scenario's engine listens.
fn listen(socket: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    std::os::unix::net::UnixListener::bind(socket)
}
