//! Between the reader and the pipeline: takes at once, or refuses and counts.
//!
//! The bound is in bytes and in events, and counts what the backlog behind it holds in memory too. What is in it stays:
//! when it is full the newest is lost, counted, and told with its time span as soon as there is room again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use jiff::Timestamp;

/// What one item costs beside its bytes: its place in a queue and its allocation.
pub const OVERHEAD: usize = 96;

/// How much may wait in memory, and how much does.
#[derive(Debug)]
pub struct Room {
    bytes: AtomicUsize,
    events: AtomicUsize,
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

    /// How many events it is.
    fn events(&self) -> usize {
        1
    }
}

/// Both ends.
#[must_use]
pub fn intake<T: Weighed>(room: Arc<Room>) -> (Intake<T>, Outlet<T>) {
    // The channel has no bound of its own: the room is the bound, and it is looked at before anything enters.
    let (sender, receiver) = unbounded();
    (Intake { door: Door { sender, room: Arc::clone(&room) }, lost: None }, Outlet { receiver, room })
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
        self.sender.send(item).is_ok()
    }
}

/// The reader's end.
#[derive(Debug)]
pub struct Intake<T> {
    door: Door<T>,
    lost: Option<Lost>,
}

impl<T: Weighed> Intake<T> {
    /// Takes an item at once, or counts it as lost; whether it was taken.
    pub fn take(&mut self, item: T, now: Timestamp) -> bool {
        if self.fits(item.size(), item.events()) && self.door.force(item) {
            return true;
        }
        self.lose(now);
        false
    }

    /// Whether there is room for so many events of this size together.
    #[must_use]
    pub fn fits(&self, size: usize, events: usize) -> bool {
        self.door.room.is_below(100, size + OVERHEAD * events, events.saturating_sub(1))
    }

    /// Counts an event that found no room.
    pub fn lose(&mut self, now: Timestamp) {
        let lost = self.lost.get_or_insert(Lost { count: 0, from: now, to: now });
        lost.count += 1;
        lost.to = now;
    }

    /// A way in for notices.
    #[must_use]
    pub fn door(&self) -> Door<T> {
        self.door.clone()
    }

    /// What was lost, once there is room again for more than a moment; asks for no more than one notice of it.
    pub fn lost(&mut self) -> Option<Lost> {
        if self.lost.is_some() && self.door.room.is_below(50, 0, 0) { self.lost.take() } else { None }
    }

    /// What was lost and not told yet, at the end.
    pub fn lost_at_end(&mut self) -> Option<Lost> {
        self.lost.take()
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
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn keeps_the_oldest_counts_the_rest_and_tells_it_once_there_is_room() {
        for room in [Room::new(4 * (OVERHEAD + 10), 1000), Room::new(1 << 20, 4)] {
            let (mut intake, outlet) = intake(Arc::new(room));
            let taken: Vec<bool> = (0..7).map(|n| intake.take(vec![n; 10], at(i64::from(n)))).collect();
            assert_eq!(taken, [true, true, true, true, false, false, false]);
            assert_eq!(intake.lost(), None, "no notice while there is no room for what follows it");
            for n in 0..3 {
                assert_eq!(outlet.next(None), Next::Item(vec![n; 10]));
            }
            assert_eq!(intake.lost(), Some(Lost { count: 3, from: at(4), to: at(6) }));
            assert_eq!(intake.lost(), None);
            assert!(intake.take(vec![7; 10], at(7)));
            drop(intake);
            assert_eq!([outlet.next(None), outlet.next(None)], [Next::Item(vec![3; 10]), Next::Item(vec![7; 10])]);
            assert_eq!(outlet.next(Some(Instant::now())), Next::End);
            assert_eq!(outlet.room.held(), (0, 0));
        }
    }

    #[test]
    fn a_notice_finds_room_where_nothing_else_does_and_a_deadline_ends_a_wait() {
        let (mut intake, outlet) = intake(Arc::new(Room::new(0, 0)));
        assert!(!intake.take(vec![1], at(1)));
        assert_eq!(outlet.next(Some(Instant::now())), Next::Nothing);
        assert!(intake.door().force(vec![2]));
        assert_eq!(outlet.next(None), Next::Item(vec![2]));
    }
}
