//! Listens until it is told to stop: the wodle.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{Exit, log_target, settings};
use crate::cli::Options;
use crate::listener::Listener;
use crate::settings::{Environment, Settings};
use crate::wazuh::home::Home;
use crate::wazuh::log;
use crate::wazuh::notice::Notice;

/// Listens with these options.
#[must_use]
pub fn run(home: &Home, options: &Options) -> Exit {
    // Blocked before the first thread starts, so that every thread has them blocked and only this one reads them.
    let Ok(signals) = wanted_signals() else { return Exit::Fault };
    let target = log_target(home, options);
    let Ok(_log) = log::start(target, options.debug) else { return Exit::Fault };
    let settings = match settings(home, options) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    ::log::set_max_level(log::level(target, settings.config.debug));
    // Wazuh 5 has no rules for the listener's own state and reads it from stderr instead.
    let wodle_events = home.major_version().is_none_or(|major| major < 5);
    let listener = match Listener::start(home, settings, wodle_events) {
        Ok(listener) => listener,
        Err(error) => {
            ::log::error!("cannot start: {error}; the system is out of threads or file descriptors");
            return Exit::Fault;
        }
    };
    let exit = loop {
        match next(&signals, &listener) {
            Happening::Stop => break Exit::Done,
            Happening::ThreadEnded => break Exit::Fault,
            Happening::Reload => match Settings::load(home, options, &Environment::of_this_process()) {
                Ok(settings) => {
                    ::log::set_max_level(log::level(target, settings.config.debug));
                    listener.follow(settings);
                    Notice::Reloaded.log();
                }
                Err(error) => Notice::ReloadRefused { error: error.to_string() }.log(),
            },
            Happening::Nothing => {}
        }
    };
    listener.stop();
    exit
}

enum Happening {
    Stop,
    Reload,
    ThreadEnded,
    Nothing,
}

fn wanted_signals() -> Result<SignalFd, Errno> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

fn next(signals: &SignalFd, listener: &Listener) -> Happening {
    let ended = listener.ended();
    let mut fds = [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
    if poll(&mut fds, PollTimeout::NONE).is_err() {
        return Happening::Nothing;
    }
    if fds.last().and_then(PollFd::any) == Some(true) {
        return Happening::ThreadEnded;
    }
    let Ok(Some(signal)) = signals.read_signal() else { return Happening::Nothing };
    match i32::try_from(signal.ssi_signo).map(Signal::try_from) {
        Ok(Ok(Signal::SIGHUP)) => Happening::Reload,
        _ => Happening::Stop,
    }
}
