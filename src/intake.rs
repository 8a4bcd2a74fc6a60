//! The ingest queue between the reader and the worker: takes at once, or refuses.
//!
//! The bound is in bytes and in events, and counts what the spool behind it holds in memory too. What is in it stays. A
//! part of it is kept for events that matter more: those that matter least are refused first. For those that matter most
//! there is a reserve beside it: lines grow when they become messages, so what was let in may fill more than its part.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

/// What one item costs beside its bytes: its place in a queue and its allocation.
pub const OVERHEAD: usize = 96;

/// The reserve beside the bound, as a part of it in hundredths.
const RESERVE: usize = 10;

/// How much may wait in memory, and how much does.
#[derive(Debug)]
pub struct Room {
    bytes: AtomicUsize,
    events: AtomicUsize,
    /// Bytes of the reserve that are in use; they count among `bytes` too.
    reserved: AtomicUsize,
    most_bytes: AtomicUsize,
    most_events: AtomicUsize,
}

impl Room {
    /// Room for this much.
    #[must_use]
    pub fn new(bytes: usize, events: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            events: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            most_bytes: AtomicUsize::new(bytes),
            most_events: AtomicUsize::new(events),
        }
    }

    /// Has other bounds from now on. What is held already stays.
    pub fn resize(&self, bytes: usize, events: usize) {
        self.most_bytes.store(bytes, Ordering::Relaxed);
        self.most_events.store(events, Ordering::Relaxed);
    }

    /// Bytes and events that are held.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.bytes.load(Ordering::Acquire), self.events.load(Ordering::Acquire))
    }

    /// Whether less than this part of it, in hundredths, is held, with so many bytes and events more, of which the last
    /// may just not fit.
    #[must_use]
    pub fn is_below(&self, percent: usize, size: usize, more: usize) -> bool {
        let part = |of: &AtomicUsize| {
            of.load(Ordering::Relaxed) / 100 * percent + of.load(Ordering::Relaxed) % 100 * percent / 100
        };
        let (bytes, events) = self.held();
        bytes + size <= part(&self.most_bytes) && events + more < part(&self.most_events).max(1)
    }

    /// Whether so many bytes of so many events fill at least this part of it, in hundredths.
    #[must_use]
    pub fn is_filled_by(&self, percent: usize, bytes: usize, events: usize) -> bool {
        let part = |of: &AtomicUsize| of.load(Ordering::Relaxed) / 100 * percent;
        bytes + OVERHEAD * events >= part(&self.most_bytes) || events >= part(&self.most_events).max(1)
    }

    /// Counts in so many events of this size together.
    pub fn enter(&self, size: usize, events: usize) {
        self.bytes.fetch_add(size + OVERHEAD * events, Ordering::AcqRel);
        self.events.fetch_add(events, Ordering::AcqRel);
    }

    /// Counts out so many events of this size together.
    pub fn leave(&self, size: usize, events: usize) {
        self.bytes.fetch_sub(size + OVERHEAD * events, Ordering::AcqRel);
        self.events.fetch_sub(events, Ordering::AcqRel);
    }
}

/// Something that takes room.
pub trait Weighed {
    /// Its size in bytes.
    fn size(&self) -> usize;

    /// How many events it is.
    fn events(&self) -> usize {
        1
    }

    /// Whether it was let in from the reserve.
    fn is_of_reserve(&self) -> bool {
        false
    }
}

/// Both ends.
#[must_use]
pub fn intake<T: Weighed>(room: Arc<Room>) -> (Intake<T>, Outlet<T>) {
    // The channel has no bound of its own: the room is the bound, and it is looked at before anything enters.
    let (sender, receiver) = unbounded();
    (Intake { door: Door { sender, room: Arc::clone(&room) } }, Outlet { receiver, room })
}

/// Lets in what is few and small whatever the bounds say: a notice of a loss must find room.
#[derive(Debug)]
pub struct Door<T> {
    sender: Sender<T>,
    room: Arc<Room>,
}

impl<T> Clone for Door<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), room: Arc::clone(&self.room) }
    }
}

impl<T: Weighed> Door<T> {
    /// Lets it in; false where nobody is left to take it.
    pub fn force(&self, item: T) -> bool {
        self.room.enter(item.size(), item.events());
        if item.is_of_reserve() {
            self.room.reserved.fetch_add(item.size() + OVERHEAD * item.events(), Ordering::AcqRel);
        }
        self.sender.send(item).is_ok()
    }
}

/// The reader's end.
#[derive(Debug)]
pub struct Intake<T> {
    door: Door<T>,
}

impl<T: Weighed> Intake<T> {
    /// Whether there is room for so many events of this size together in this part of the queue, in hundredths.
    #[must_use]
    pub fn fits(&self, percent: usize, size: usize, events: usize) -> bool {
        self.door.room.is_below(percent, size + OVERHEAD * events, events.saturating_sub(1))
    }

    /// Whether one event of this size fits in the reserve.
    #[must_use]
    pub fn fits_reserve(&self, size: usize) -> bool {
        let room = &self.door.room;
        room.reserved.load(Ordering::Acquire) + size + OVERHEAD
            <= room.most_bytes.load(Ordering::Relaxed) / 100 * RESERVE
    }

    /// A way in that is never refused.
    #[must_use]
    pub fn door(&self) -> Door<T> {
        self.door.clone()
    }
}

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// The next item, in the order of their coming.
    Item(T),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    End,
}

/// The pipeline's end.
#[derive(Debug)]
pub struct Outlet<T> {
    receiver: Receiver<T>,
    room: Arc<Room>,
}

impl<T: Weighed> Outlet<T> {
    /// Whether nothing waits in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// The next item; waits for one, where there is a deadline until then.
    #[must_use]
    pub fn next(&self, deadline: Option<Instant>) -> Next<T> {
        let received = match deadline {
            None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.receiver.recv_deadline(deadline),
        };
        match received {
            Ok(item) => {
                self.room.leave(item.size(), item.events());
                if item.is_of_reserve() {
                    self.room.reserved.fetch_sub(item.size() + OVERHEAD * item.events(), Ordering::AcqRel);
                }
                Next::Item(item)
            }
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for Vec<u8> {
        fn size(&self) -> usize {
            self.len()
        }

        fn is_of_reserve(&self) -> bool {
            self.first() == Some(&b'!')
        }
    }

    #[test]
    fn the_reserve_is_there_whatever_else_is_held() {
        let (intake, outlet) = intake(Arc::new(Room::new(100 * (OVERHEAD + 10), 1000)));
        assert!(intake.door().force(vec![1; 100_000]));
        assert!(!intake.fits(100, 10, 1));
        let mut taken = 0;
        while intake.fits_reserve(10) {
            assert!(intake.door().force(vec![b'!'; 10]));
            taken += 1;
        }
        assert_eq!(taken, RESERVE);
        assert_eq!(outlet.next(None), Next::Item(vec![1; 100_000]));
        assert!(!intake.fits_reserve(10));
        assert_eq!(outlet.next(None), Next::Item(vec![b'!'; 10]));
        assert!(intake.fits_reserve(10));
    }

    #[test]
    fn there_is_room_up_to_each_part_of_the_bounds() {
        for room in [Room::new(10 * (OVERHEAD + 10), 1000), Room::new(1 << 20, 10)] {
            let (intake, outlet) = intake(Arc::new(room));
            let fill = |percent: usize| {
                let mut taken = 0;
                while intake.fits(percent, 10, 1) && intake.door().force(vec![1; 10]) {
                    taken += 1;
                }
                taken
            };
            assert_eq!((fill(50), fill(50), fill(100), fill(100)), (5, 0, 5, 0));
            assert_eq!(outlet.next(None), Next::Item(vec![1; 10]));
            assert_eq!((fill(50), fill(100)), (0, 1));
            drop(intake);
            (0..10).for_each(|_| assert_eq!(outlet.next(None), Next::Item(vec![1; 10])));
            assert_eq!(outlet.next(Some(Instant::now())), Next::End);
            assert_eq!(outlet.room.held(), (0, 0));
        }
    }

    #[test]
    fn a_notice_finds_room_where_nothing_else_does_and_a_deadline_ends_a_wait() {
        let (intake, outlet) = intake(Arc::new(Room::new(0, 0)));
        assert!(!intake.fits(100, 1, 1));
        assert_eq!(outlet.next(Some(Instant::now())), Next::Nothing);
        assert!(intake.door().force(vec![2]));
        assert_eq!(outlet.next(None), Next::Item(vec![2]));
    }
}
