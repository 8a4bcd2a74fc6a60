//! Listens until it is told to stop: the wodle.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;

use super::{Exit, log_target, settings};
use crate::cli::Options;
use crate::folder::{self, Folder, Lock, Locking};
use crate::listener::Listener;
use crate::privileges;
use crate::settings::{Environment, Settings};
use crate::wazuh::home::Home;
use crate::wazuh::log::{self, Target};
use crate::wazuh::notice::Notice;
use crate::wazuh::state;

/// How often a listener that waits for another one looks whether that is still there.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Listens with these options.
#[must_use]
pub fn run(home: &Home, options: &Options) -> Exit {
    // With pages of 2 MiB a listener of 8 MiB takes 17, and gives back only what fills one of them.
    let _ = prctl::set_thp_disable(true);
    // What is written is for root and Wazuh's group.
    umask(Mode::from_bits_truncate(0o027));
    // Blocked before the first thread starts, so that every thread has them blocked and only this one reads them.
    let Ok(signals) = wanted_signals() else { return Exit::Fault };
    // Its group is set while that may be done.
    let folder = Folder::open(&home.own_folder());
    let kept = privileges::give_up(&[&home.own_folder(), &home.var_run()]);
    let target = log_target(home, options);
    let Ok(_log) = log::start(target, options.debug) else { return Exit::Fault };
    let settings = match settings(home, options) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    ::log::set_max_level(log::level(target, settings.config.debug));
    Notice::Remark(kept.to_string()).log();
    let folder = match folder {
        Ok(folder) => Some(folder),
        Err(error) => {
            Notice::NoFolder { error: error.to_string() }.log();
            None
        }
    };
    let _lock = match folder.as_ref().map(|folder| wait_for_lock(folder, &signals)) {
        Some(Waited::Stopped) => return Exit::Done,
        Some(Waited::Taken(lock)) => lock,
        None => None,
    };
    // What a panic says may hold parts of a line; where it was is enough to look for it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        ::log::error!("an internal error at {place}; please report it with this line");
    }));
    // What was changed while another listener had this home counts.
    let settings = Settings::load(home, options, &Environment::of_this_process()).unwrap_or(settings);
    // Wazuh 5 has no rules for the listener's own state and reads it from stderr instead.
    let wodle_events = home.major_version().is_none_or(|major| major < 5);
    let listener = match Listener::start(home, settings, folder.as_ref(), wodle_events) {
        Ok(listener) => listener,
        Err(error) => {
            ::log::error!("cannot start: {error}; the system is out of threads or file descriptors");
            return Exit::Fault;
        }
    };
    let (listener, exit) = watch(listener, &signals, home, options, target);
    listener.stop();
    // A state that says connected would be a lie from now on.
    let _ = std::fs::remove_file(home.state());
    exit
}

/// Does what signals and time ask for, until the end.
fn watch(
    mut listener: Listener,
    signals: &SignalFd,
    home: &Home,
    options: &Options,
    target: Target,
) -> (Listener, Exit) {
    let mut state = StateFile { home, next: Instant::now(), told: false };
    let mut last_heartbeat = Instant::now();
    loop {
        let heartbeat = listener.heartbeat_interval().map(|interval| last_heartbeat + interval);
        let wake_at = heartbeat.map_or(state.next, |heartbeat| heartbeat.min(state.next));
        match next(signals, Some(&listener), wake_at) {
            Happening::Stop => return (listener, Exit::Done),
            Happening::ThreadEnded => return (listener, Exit::Fault),
            Happening::Reload => match Settings::load(home, options, &Environment::of_this_process()) {
                Ok(settings) => {
                    ::log::set_max_level(log::level(target, settings.config.debug));
                    listener.follow(settings);
                    Notice::Reloaded.log();
                }
                Err(error) => Notice::ReloadRefused { error: error.to_string() }.log(),
            },
            Happening::Heartbeat => {
                state.next = Instant::now();
                listener.heartbeat();
            }
            Happening::Nothing => {}
        }
        let now = Instant::now();
        if heartbeat.is_some_and(|heartbeat| heartbeat <= now) {
            last_heartbeat = now;
            listener.heartbeat();
        }
        state.rewrite(&mut listener, now);
    }
}

struct StateFile<'h> {
    home: &'h Home,
    next: Instant,
    told: bool,
}

impl StateFile<'_> {
    fn rewrite(&mut self, listener: &mut Listener, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + state::INTERVAL;
        let text = listener.report().to_state(&TimeZone::system());
        let written = folder::replace(&self.home.state(), text.as_bytes(), false);
        // A home without that folder is none that Wazuh made, and nobody looks there.
        if let Err(error) = &written
            && !std::mem::replace(&mut self.told, true)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let error = format!("{} ({error}); status will know nothing", self.home.state().display());
            Notice::DiskRefuses { error }.log();
        }
        self.told &= written.is_err();
    }
}

enum Waited {
    Taken(Option<Lock>),
    Stopped,
}

/// Waits quietly for as long as another listener serves this home. One whose starter is gone is told to stop: modulesd
/// was killed, has come back, and its new listener is this one.
fn wait_for_lock(folder: &Folder, signals: &SignalFd) -> Waited {
    let mut told = false;
    loop {
        let holder = match folder.lock() {
            Ok(Locking::Taken(lock)) => return Waited::Taken(Some(lock)),
            Ok(Locking::Held(holder)) => holder,
            Err(error) => {
                Notice::NoFolder { error: error.to_string() }.log();
                return Waited::Taken(None);
            }
        };
        let orphan = holder.filter(folder::Holder::is_orphaned);
        if let Some(orphan) = orphan {
            Notice::TakingOver { pid: orphan.pid }.log();
            // It may be gone by now, which is as good.
            let _ = kill(Pid::from_raw(orphan.pid), Signal::SIGTERM);
        } else if !std::mem::replace(&mut told, true) {
            Notice::Waiting { pid: holder.map(|holder| holder.pid) }.log();
        }
        if let Happening::Stop = next(signals, None, Instant::now() + LOOK_AGAIN_AFTER) {
            return Waited::Stopped;
        }
    }
}

enum Happening {
    Stop,
    Reload,
    Heartbeat,
    ThreadEnded,
    Nothing,
}

fn wanted_signals() -> Result<SignalFd, Errno> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1] {
        set.add(signal);
    }
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn next(signals: &SignalFd, listener: Option<&Listener>, until: Instant) -> Happening {
    let ended = listener.map(Listener::ended);
    let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    fds.extend(ended.as_ref().map(|ended| PollFd::new(ended.as_fd(), PollFlags::POLLIN)));
    let time = until.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    let readable = |fd: Option<&PollFd<'_>>| fd.and_then(PollFd::any) == Some(true);
    match poll(&mut fds, PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)) {
        Ok(0) | Err(_) => return Happening::Nothing,
        Ok(_) if readable(fds.get(1)) => return Happening::ThreadEnded,
        Ok(_) => {}
    }
    let Ok(Some(signal)) = signals.read_signal() else { return Happening::Nothing };
    match i32::try_from(signal.ssi_signo).map(Signal::try_from) {
        Ok(Ok(Signal::SIGHUP)) => Happening::Reload,
        Ok(Ok(Signal::SIGUSR1)) => Happening::Heartbeat,
        _ => Happening::Stop,
    }
}
