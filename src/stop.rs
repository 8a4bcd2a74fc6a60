//! The order to stop, which every thread can see and be woken by.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// An order that is given once and has a deadline.
#[derive(Debug)]
pub struct Stop {
    deadline: OnceLock<Instant>,
    wake: EventFd,
}

impl Stop {
    /// No order yet.
    ///
    /// # Errors
    /// Where the system has no file descriptor left.
    pub fn new() -> Result<Self, nix::Error> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        Ok(Self { deadline: OnceLock::new(), wake })
    }

    /// Orders everyone to be done within `time`. Only the first order counts.
    pub fn order(&self, time: Duration) {
        if self.deadline.set(Instant::now() + time).is_ok() {
            // A counter that is written once cannot overflow, the only way for this to fail.
            let _ = self.wake.write(1);
        }
    }

    /// How long there still is, once the order was given.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.get().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// A descriptor that is readable from the order on.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
