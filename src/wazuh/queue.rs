//! Wazuh's queue: one connected datagram socket for the life of the process.
//!
//! A full queue makes the kernel refuse (`EAGAIN`, `ENOBUFS`); the sender then sleeps in `poll` until there is room. A
//! restarted agent leaves the socket refused or gone; it is then connected anew, with growing waits.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::retry::{Backoff, Outage};
use crate::stop::Stop;
use crate::wazuh::notice::Notice;

/// A queue that is full for longer than this is an outage to be told.
const FULL_FOR: Duration = Duration::from_secs(5);

/// Why the queue takes nothing.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no socket, or nobody reads it.
    #[error("Wazuh's queue {} is not there ({source}); is the agent or manager running?", path.display())]
    Away {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It may not be used.
    #[error("permission denied at Wazuh's queue {} ({source}); run as root or as a member of group wazuh", path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is full and stays so.
    #[error("Wazuh's queue {} is full; the agent is not connected to its manager, or receives too much", path.display())]
    Full {
        /// The socket.
        path: PathBuf,
    },
    /// Anything else.
    #[error("Wazuh's queue {} cannot be used ({source}); it must be a Unix datagram socket of a 4.x manager or an agent", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The kinds of [`QueueError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Not there.
    Away,
    /// May not be used.
    Denied,
    /// Full.
    Full,
    /// Anything else.
    Broken,
}

impl QueueError {
    fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected => {
                Self::Away { path, source }
            }
            io::ErrorKind::PermissionDenied => Self::Denied { path, source },
            _ => Self::Broken { path, source },
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Away { .. } => Cause::Away,
            Self::Denied { .. } => Cause::Denied,
            Self::Full { .. } => Cause::Full,
            Self::Broken { .. } => Cause::Broken,
        }
    }
}

/// Connects to the queue, once.
///
/// # Errors
/// Where there is none, or it may not be used.
pub fn connect(path: &Path) -> Result<UnixDatagram, QueueError> {
    let open = || {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(path)?;
        Ok(socket)
    };
    open().map_err(|source| QueueError::new(path, source))
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The kernel took it.
    Taken,
    /// It can never be taken.
    TooLarge,
    /// The time to stop came first.
    Stopped,
}

/// What one try to send came to.
enum Try {
    Taken,
    TooLarge,
    Full,
    Failed(QueueError),
}

/// The sender's side of the queue.
#[derive(Debug)]
pub struct Queue<'s> {
    path: PathBuf,
    stop: &'s Stop,
    socket: Option<UnixDatagram>,
    backoff: Backoff,
    outage: Outage<Cause>,
    well_since: Instant,
}

impl<'s> Queue<'s> {
    /// The queue at `path`; connected when first needed.
    #[must_use]
    pub fn new(path: PathBuf, wait_time: Duration, seed: u64, stop: &'s Stop) -> Self {
        let backoff = Backoff::new(wait_time, seed);
        Self { path, stop, socket: None, backoff, outage: Outage::default(), well_since: Instant::now() }
    }

    /// Delivers one message, and waits for as long as that takes; until the stop's deadline once there is one.
    pub fn deliver(&mut self, message: &[u8]) -> Delivery {
        let mut full_since = None;
        let mut may_retry_at_once = true;
        loop {
            match self.try_once(message) {
                Try::Taken => {
                    self.is_well();
                    return Delivery::Taken;
                }
                Try::TooLarge => {
                    Notice::MessageTooLarge { bytes: message.len() }.log();
                    return Delivery::TooLarge;
                }
                Try::Full => {
                    let since = *full_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= FULL_FOR {
                        self.failed(&QueueError::Full { path: self.path.clone() });
                    }
                    if !self.wait_for_room() {
                        return Delivery::Stopped;
                    }
                }
                Try::Failed(error) => {
                    self.socket = None;
                    // A socket that was replaced a moment ago is there again: try once more before waiting.
                    if self.outage.lasts() || !std::mem::take(&mut may_retry_at_once) {
                        self.failed(&error);
                        let wait = self.backoff.next_wait();
                        if !self.wait(None, wait) {
                            return Delivery::Stopped;
                        }
                    }
                }
            }
        }
    }

    fn try_once(&mut self, message: &[u8]) -> Try {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => match connect(&self.path) {
                Ok(socket) => socket,
                Err(error) => return Try::Failed(error),
            },
        };
        let sent = socket.send(message);
        self.socket = Some(socket);
        let Err(error) = sent else { return Try::Taken };
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR) => Try::Full,
            Some(Errno::EMSGSIZE) => Try::TooLarge,
            _ => Try::Failed(QueueError::new(&self.path, error)),
        }
    }

    fn failed(&mut self, error: &QueueError) {
        if self.outage.failed(error.cause(), Instant::now()) {
            Notice::QueueAway { error: error.to_string() }.log();
        }
    }

    fn is_well(&mut self) {
        if let Some(away) = self.outage.ended(Instant::now()) {
            Notice::QueueBack { away }.log();
            self.well_since = Instant::now();
        } else {
            self.backoff.was_well_for(self.well_since.elapsed());
        }
    }

    /// Waits until the socket has room, a second at the most: the kernel does not tell of every kind of room.
    fn wait_for_room(&self) -> bool {
        let socket = self.socket.as_ref();
        let woken_at = Instant::now();
        let goes_on = self.wait(socket, Duration::from_secs(1));
        if goes_on && woken_at.elapsed() < Duration::from_millis(1) {
            // ENOBUFS leaves the socket writable; without this the loop would spin.
            return self.wait(None, Duration::from_millis(10));
        }
        goes_on
    }

    /// Waits; false once the stop's deadline has passed.
    fn wait(&self, socket: Option<&UnixDatagram>, time: Duration) -> bool {
        let time = match self.stop.time_left() {
            Some(Duration::ZERO) => return false,
            Some(left) => time.min(left).min(Duration::from_millis(50)),
            None => time,
        };
        let mut fds = Vec::with_capacity(2);
        if let Some(socket) = socket {
            fds.push(PollFd::new(socket.as_fd(), PollFlags::POLLOUT));
        }
        // Once the stop is ordered its descriptor stays readable and would end every wait at once.
        if self.stop.time_left().is_none() {
            fds.push(PollFd::new(self.stop.as_fd(), PollFlags::POLLIN));
        }
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        // An interrupted or failed poll only makes the wait shorter.
        let _ = poll(&mut fds, timeout);
        self.stop.time_left() != Some(Duration::ZERO)
    }
}
