//! Events that wait for what the engine answers about them, while those of other objects pass.
//!
//! The events of one object keep their order: what comes behind one that waits, waits too. Nothing waits longer than its
//! deadline, and what waits has a bound in bytes; beyond it events are sent with what is known.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::inspector::Request;
use super::judge::Plan;
use crate::inquiry::Answers;

/// So many bytes of lines may wait.
const MAX_BYTES: usize = 4 << 20;

/// What a line that waits costs beside its bytes.
const OVERHEAD: usize = 512;

/// A line that was read.
#[derive(Debug)]
pub(super) struct ReadLine {
    pub line: Vec<u8>,
    pub hash: u64,
    /// In milliseconds since 1970.
    pub read_at: i64,
}

impl ReadLine {
    fn size(&self) -> usize {
        self.line.len() + OVERHEAD
    }
}

/// An event that waits for a result.
#[derive(Debug)]
pub(super) struct Waiting {
    pub line: ReadLine,
    pub plan: Plan,
    pub request: Arc<Request>,
    pub deadline: Instant,
    /// What was answered before, where this is a second request.
    pub earlier: Option<Answers>,
}

/// An object whose oldest event waits.
#[derive(Debug)]
struct Object {
    number: u64,
    first: Waiting,
    behind: VecDeque<ReadLine>,
}

/// The events that wait.
#[derive(Debug, Default)]
pub(super) struct Parked {
    /// By the object's id.
    objects: HashMap<String, Object>,
    ids: HashMap<u64, String>,
    deadlines: BTreeSet<(Instant, u64)>,
    bytes: usize,
    next: u64,
}

impl Parked {
    /// Whether an event of this object waits.
    pub fn has(&self, id: &str) -> bool {
        // Nearly always nothing waits, and an id need not be hashed.
        !self.objects.is_empty() && self.objects.contains_key(id)
    }

    /// Whether another line of so many bytes may wait.
    pub fn has_room(&self, size: usize) -> bool {
        self.bytes + size + OVERHEAD <= MAX_BYTES
    }

    /// The number under which the next event will wait.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Lets an event wait under [`Self::next_number`]; no other of this object does.
    pub fn wait(&mut self, id: &str, first: Waiting) {
        let number = self.next;
        self.next += 1;
        self.bytes += first.line.size();
        self.deadlines.insert((first.deadline, number));
        self.ids.insert(number, id.to_owned());
        self.objects.insert(id.to_owned(), Object { number, first, behind: VecDeque::new() });
    }

    /// Lets a line wait behind the event of this object that waits.
    pub fn wait_behind(&mut self, id: &str, line: ReadLine) {
        if let Some(object) = self.objects.get_mut(id) {
            self.bytes += line.size();
            object.behind.push_back(line);
        }
    }

    /// When the first of them has waited long enough.
    pub fn due(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// One that has waited long enough, with its object's id.
    pub fn take_due(&mut self, now: Instant) -> Option<(String, Waiting, VecDeque<ReadLine>)> {
        let (deadline, number) = *self.deadlines.first()?;
        if deadline > now { None } else { self.take(number) }
    }

    /// The one that waits under this number, with its object's id and the lines behind it.
    pub fn take(&mut self, number: u64) -> Option<(String, Waiting, VecDeque<ReadLine>)> {
        let id = self.ids.remove(&number)?;
        let object = self.objects.remove(&id)?;
        self.deadlines.remove(&(object.first.deadline, number));
        self.bytes -= object.first.line.size() + object.behind.iter().map(ReadLine::size).sum::<usize>();
        if self.objects.is_empty() {
            // After a storm no memory stays behind.
            *self = Self { next: self.next, ..Self::default() };
        }
        Some((id, object.first, object.behind))
    }

    /// The one of this object.
    pub fn take_object(&mut self, id: &str) -> Option<(String, Waiting, VecDeque<ReadLine>)> {
        self.take(self.objects.get(id)?.number)
    }

    /// Whichever has waited longest.
    pub fn take_any(&mut self) -> Option<(String, Waiting, VecDeque<ReadLine>)> {
        let (_, number) = *self.deadlines.first()?;
        self.take(number)
    }
}
