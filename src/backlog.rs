//! Between reading and the rest: a bounded queue that takes at once, or refuses and counts.
//!
//! The bound is in bytes, since an event is 300 bytes or a megabyte. What is in it stays: when it is full the newest is
//! lost, counted, and told with its time span as soon as there is room again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use jiff::Timestamp;

/// How much waits in memory at the most, in bytes.
pub const MEMORY: usize = 32 << 20;

/// What one item costs beside its bytes: its place in the channel and its allocation.
const OVERHEAD: usize = 96;

/// Events that found no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub count: u64,
    /// When the first was refused.
    pub from: Timestamp,
    /// When the last was refused.
    pub to: Timestamp,
}

/// Something that takes room.
pub trait Weighed {
    /// Its size in bytes.
    fn size(&self) -> usize;
}

/// Both ends of a backlog of at most `limit` bytes.
#[must_use]
pub fn backlog<T: Weighed>(limit: usize) -> (Intake<T>, Outlet<T>) {
    // The channel has no bound of its own: the bytes are the bound, and they are counted before anything enters.
    let (sender, receiver) = unbounded();
    let held = Arc::new(AtomicUsize::new(0));
    (Intake { sender, held: Arc::clone(&held), limit, lost: None }, Outlet { receiver, held })
}

/// The reader's end.
#[derive(Debug)]
pub struct Intake<T> {
    sender: Sender<T>,
    held: Arc<AtomicUsize>,
    limit: usize,
    lost: Option<Lost>,
}

impl<T: Weighed> Intake<T> {
    /// Takes an item at once, or counts it as lost; whether it was taken.
    pub fn take(&mut self, item: T, now: Timestamp) -> bool {
        let size = item.size() + OVERHEAD;
        if self.held.load(Ordering::Acquire) + size <= self.limit && self.enter(item, size) {
            return true;
        }
        let lost = self.lost.get_or_insert(Lost { count: 0, from: now, to: now });
        lost.count += 1;
        lost.to = now;
        false
    }

    /// Takes an item that is few and small whatever the bound says: a notice of a loss must find room.
    pub fn force(&mut self, item: T) {
        let size = item.size() + OVERHEAD;
        self.enter(item, size);
    }

    /// What was lost, once there is room again for more than a moment; asks for no more than one notice of it.
    pub fn lost(&mut self) -> Option<Lost> {
        if self.held.load(Ordering::Acquire) <= self.limit / 2 { self.lost.take() } else { None }
    }

    /// What was lost and not told yet, at the end.
    pub fn lost_at_end(&mut self) -> Option<Lost> {
        self.lost.take()
    }

    fn enter(&self, item: T, size: usize) -> bool {
        self.held.fetch_add(size, Ordering::AcqRel);
        self.sender.send(item).is_ok()
    }
}

/// The pipeline's end.
#[derive(Debug)]
pub struct Outlet<T> {
    receiver: Receiver<T>,
    held: Arc<AtomicUsize>,
}

impl<T: Weighed> Outlet<T> {
    /// The next item, in the order of their coming; waits for one, and ends when the reader has.
    #[must_use]
    pub fn next(&self) -> Option<T> {
        let item = self.receiver.recv().ok()?;
        self.held.fetch_sub(item.size() + OVERHEAD, Ordering::AcqRel);
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for Vec<u8> {
        fn size(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn keeps_the_oldest_counts_the_rest_and_tells_it_once_there_is_room() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (mut intake, outlet) = backlog(4 * (OVERHEAD + 10));
        let taken: Vec<bool> = (0..7).map(|n| intake.take(vec![n; 10], at(i64::from(n)))).collect();
        assert_eq!(taken, [true, true, true, true, false, false, false]);
        assert_eq!(intake.lost(), None, "no notice while there is no room for what follows it");
        assert_eq!(outlet.next().unwrap(), [0; 10]);
        assert_eq!(outlet.next().unwrap(), [1; 10]);
        assert_eq!(intake.lost(), Some(Lost { count: 3, from: at(4), to: at(6) }));
        assert_eq!(intake.lost(), None);
        assert!(intake.take(vec![7; 10], at(7)));
        drop(intake);
        let rest: Vec<u8> = std::iter::from_fn(|| outlet.next()).map(|item| item[0]).collect();
        assert_eq!(rest, [2, 3, 7]);
    }
}
