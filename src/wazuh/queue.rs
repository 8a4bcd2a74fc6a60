//! Wazuh's queue: one connected datagram socket for the life of the process.
//!
//! A full queue makes the kernel refuse (`EAGAIN`, `ENOBUFS`); the sender then sleeps in `poll` until there is room. A
//! restarted agent leaves the socket refused, gone or replaced; it is then connected anew, with growing waits. While
//! the agent has no manager it asks senders to wait with a file `.wait` beside the socket, and Wazuh's own senders do
//! (`os_wait` in `wait_op.c`): what is sent all the same lies in a socket that nobody reads, and dies with the agent.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, MultiHeaders, sendmmsg};

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
    /// The agent asks to wait.
    #[error("Wazuh's queue asks senders to wait ({} is there); the agent is not connected to its manager", wait.display())]
    Paused {
        /// The file that asks for it.
        wait: PathBuf,
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
    /// Asks to wait.
    Paused,
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
            Self::Paused { .. } => Cause::Paused,
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
    Paused,
    Failed(QueueError),
}

/// How often it is looked whether the agent asks to wait, and whether the socket was replaced.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to do with what the queue does not take at once, after the order to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtStop {
    /// It is kept elsewhere.
    LeaveIt,
    /// It is lost otherwise, so try until the deadline.
    TryOn,
}

/// The sender's side of the queue.
#[derive(Debug)]
pub struct Queue<'s> {
    path: PathBuf,
    wait_file: PathBuf,
    stop: &'s Stop,
    at_stop: AtStop,
    socket: Option<UnixDatagram>,
    /// Device and inode of the socket that was connected to.
    connected_to: Option<(u64, u64)>,
    backoff: Backoff,
    seed: u64,
    outage: Outage<Cause>,
    well_since: Instant,
    looked: Option<Instant>,
}

impl<'s> Queue<'s> {
    /// The queue at `path`; connected when first needed.
    #[must_use]
    pub fn new(path: PathBuf, wait_time: Duration, seed: u64, stop: &'s Stop, at_stop: AtStop) -> Self {
        Self {
            wait_file: path.with_file_name(".wait"),
            path,
            stop,
            at_stop,
            socket: None,
            connected_to: None,
            backoff: Backoff::new(wait_time, seed),
            seed,
            outage: Outage::default(),
            well_since: Instant::now(),
            looked: None,
        }
    }

    /// Has another first wait from now on.
    pub fn change_wait_time(&mut self, wait_time: Duration) {
        self.backoff = Backoff::new(wait_time, self.seed);
    }

    /// Delivers one message, and waits for as long as that takes; until the stop's deadline once there is one.
    /// `before_wait` is called before each wait.
    pub fn deliver(&mut self, message: &[u8], mut before_wait: impl FnMut()) -> Delivery {
        let mut full_since = None;
        let mut tries = 0_u32;
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
                    before_wait();
                    let since = *full_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= FULL_FOR {
                        self.failed(&QueueError::Full { path: self.path.clone() });
                    }
                    tries += 1;
                    if !self.wait_for_room(tries) {
                        return Delivery::Stopped;
                    }
                    if since.elapsed() >= LOOK_EVERY && file_number(&self.path) != self.connected_to {
                        self.socket = None;
                    }
                }
                Try::Paused => {
                    before_wait();
                    self.failed(&QueueError::Paused { wait: self.wait_file.clone() });
                    if !self.wait(None, LOOK_EVERY) {
                        return Delivery::Stopped;
                    }
                }
                Try::Failed(error) => {
                    self.socket = None;
                    // A socket that was replaced a moment ago is there again: try once more before waiting.
                    if self.outage.lasts() || !std::mem::take(&mut may_retry_at_once) {
                        before_wait();
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

    /// Sends the first of these messages, as many as the queue takes at once, in one call of the system; how many those
    /// are. None where anything stands in the way: [`Self::deliver`] finds out what.
    pub fn offer(&mut self, messages: &[&[u8]]) -> usize {
        if self.outage.lasts() {
            return 0;
        }
        if self.is_paused() {
            // Whoever finds out what stands in the way has to look again.
            self.looked = None;
            return 0;
        }
        let Some(socket) = &self.socket else { return 0 };
        let parts: Vec<[IoSlice<'_>; 1]> = messages.iter().map(|message| [IoSlice::new(message)]).collect();
        let mut headers = MultiHeaders::preallocate(parts.len(), None);
        let nobody = vec![None::<()>; parts.len()];
        let sent = sendmmsg(socket.as_raw_fd(), &mut headers, &parts, nobody, [], MsgFlags::empty());
        sent.map_or(0, Iterator::count)
    }

    /// Whether the stop leaves no more time; where what is left is kept elsewhere, that needs its time too.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let for_the_rest = match self.at_stop {
            AtStop::LeaveIt => Duration::from_millis(500),
            AtStop::TryOn => Duration::ZERO,
        };
        self.stop.time_left().is_some_and(|left| left <= for_the_rest)
    }

    /// Waits for this long; false where the stop came first.
    #[must_use]
    pub fn pause(&self, time: Duration) -> bool {
        self.wait(None, time)
    }

    fn is_paused(&mut self) -> bool {
        if self.outage.lasts() || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            self.looked = Some(Instant::now());
            return self.wait_file.exists();
        }
        false
    }

    fn try_once(&mut self, message: &[u8]) -> Try {
        if self.is_paused() {
            return Try::Paused;
        }
        let socket = if let Some(socket) = self.socket.take() {
            socket
        } else {
            self.connected_to = file_number(&self.path);
            match connect(&self.path) {
                Ok(socket) => socket,
                Err(error) => return Try::Failed(error),
            }
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
    fn wait_for_room(&self, tries: u32) -> bool {
        const MAY_BE_CHANCE: u32 = 3;
        let woken_at = Instant::now();
        let goes_on = self.wait(self.socket.as_ref(), Duration::from_secs(1));
        if goes_on && tries > MAY_BE_CHANCE && woken_at.elapsed() < Duration::from_millis(1) {
            // ENOBUFS leaves the socket writable, so it only seems to have room; without this the loop would spin.
            return self.wait(None, Duration::from_millis(10));
        }
        goes_on
    }

    /// Waits; false once the stop's deadline has passed.
    fn wait(&self, socket: Option<&UnixDatagram>, time: Duration) -> bool {
        let time = match self.stop.time_left() {
            Some(Duration::ZERO) => return false,
            Some(_) if self.at_stop == AtStop::LeaveIt => return false,
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
        // Rounded up: a wait of no milliseconds would be none.
        let timeout = PollTimeout::try_from(time + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
        // An interrupted or failed poll only makes the wait shorter.
        let _ = poll(&mut fds, timeout);
        self.stop.time_left() != Some(Duration::ZERO)
    }
}

/// Device and inode, which tell a socket from the one that took its place.
fn file_number(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
