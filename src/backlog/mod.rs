//! Between the pipeline and the sender: messages that wait for Wazuh's queue, in memory, then on disk.
//!
//! What waits longer than a moment, or takes much of the memory, goes to disk, the oldest first; what is on disk is
//! older than all that is in memory. A message leaves only after the queue took it, so a process that is killed loses
//! of it at most what had not waited that long. What cannot go to disk stays in memory up to the bounds of
//! [`Room`]; then nothing more is taken in, the reader's intake fills up, and what finds no room there is counted.
//!
//! The file is a ring of records with checksums (the crate `queue-file`). Additions are synced to the disk one batch at
//! a time, before its header says that they are there; removals are not, for what comes twice after a power cut is
//! refused by its number. A damaged record costs that record, and is counted.

mod entry;
mod overtaking;

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use queue_file::QueueFile;

pub use entry::Entry;
use overtaking::Overtaking;

use crate::intake::Room;
use crate::lock::lock;

/// What waits longer than this goes to disk.
pub const SAFE_WITHIN: Duration = Duration::from_secs(2);

/// A part of the memory, in hundredths; what is more goes to disk at once.
const SPILL_ABOVE: usize = 50;

/// A part of the memory, in hundredths; where more is held, and the disk does not take it, nothing more comes in.
const CLOSE_ABOVE: usize = 75;

/// The most that is written to disk at once, in bytes: what a power cut can cost, and what a sync has to write.
const BATCH: usize = 1 << 20;

/// With something on disk already, this much more is worth a sync before it has waited for [`SAFE_WITHIN`], in bytes.
const WORTH_A_SYNC: usize = 256 << 10;

/// After the disk refused it is left alone for this long.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What the file needs for a record beside its message, at the most.
const RECORD_OVERHEAD: usize = 128;

/// Why nothing can be put on disk.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// The bound is reached.
    #[error(
        "the backlog on disk is at its bound of {bytes} bytes; raise backlog_disk, or look why the queue takes so little"
    )]
    Bound {
        /// The bound.
        bytes: u64,
    },
    /// The system refuses.
    #[error("the backlog on disk cannot be used ({what}); look at the free space and the mode of {}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        what: String,
    },
}

/// What happened to the backlog that has to be told.
#[derive(Debug)]
pub enum Told {
    /// Messages can no longer be put on disk; told once.
    DiskRefuses(DiskError),
    /// They can again.
    DiskTakes,
    /// Records on disk were damaged.
    Damaged {
        /// How many; unknown where the whole file was.
        records: Option<u64>,
        /// What is wrong, and where the file is now.
        what: String,
    },
}

/// What an earlier process left on disk.
#[derive(Debug, Default)]
pub struct Left {
    /// The hashes of the lines whose messages wait, the oldest first.
    pub lines: Vec<u64>,
    /// The number of the last message that waits.
    pub sequence: u64,
    /// How many wait.
    pub messages: usize,
}

/// What keeps messages from leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// The disk refuses what the queue does not take.
    Disk,
    /// The queue takes too little.
    Queue,
}

/// How much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages in memory and on disk.
    pub messages: usize,
    /// Messages on disk.
    pub on_disk: usize,
    /// Bytes on disk.
    pub disk: u64,
    /// When the line of the oldest was read, in milliseconds since 1970.
    pub oldest: Option<i64>,
}

#[derive(Debug)]
struct Disk {
    path: PathBuf,
    limit: u64,
    file: Option<QueueFile>,
    refused: Option<Instant>,
    /// Whether the system refused it, and not the bound.
    is_broken: bool,
    told: bool,
}

#[derive(Debug)]
struct Inner {
    disk: Option<Disk>,
    memory: VecDeque<(Instant, Entry)>,
    /// Of the messages in `memory`.
    bytes: usize,
    /// The number of the last message that was delivered in its turn.
    delivered: u64,
    overtaking: Overtaking,
    told: Vec<Told>,
    ended: bool,
}

/// The messages that wait.
#[derive(Debug)]
pub struct Backlog {
    inner: Mutex<Inner>,
    room: Arc<Room>,
    came: Condvar,
    left: Condvar,
}

impl Backlog {
    /// A backlog in memory only.
    #[must_use]
    pub fn in_memory(room: Arc<Room>) -> Self {
        let inner = Inner {
            disk: None,
            memory: VecDeque::new(),
            bytes: 0,
            delivered: 0,
            overtaking: Overtaking::default(),
            told: Vec::new(),
            ended: false,
        };
        Self { inner: Mutex::new(inner), room, came: Condvar::new(), left: Condvar::new() }
    }

    /// A backlog that continues on disk, up to `limit` bytes rounded down to a power of two; with what an earlier
    /// process left there. `is_delivered` tells what of that was delivered all the same, by line and by number.
    #[must_use]
    pub fn open(
        room: Arc<Room>,
        path: PathBuf,
        limit: u64,
        is_delivered: impl Fn(Option<u64>, u64) -> bool,
    ) -> (Self, Left) {
        let backlog = Self::in_memory(room);
        let mut disk = Disk { path, limit: 0, file: None, refused: None, is_broken: false, told: false };
        disk.resize(limit);
        let mut left = Left::default();
        let mut inner = backlog.lock();
        if disk.path.exists() {
            inner.told.extend(disk.open());
        }
        disk.remove_while(|entry| is_delivered(entry.line, entry.sequence));
        if let Some(file) = &disk.file {
            left.messages = file.size();
            each_entry(file, |entry| {
                left.sequence = left.sequence.max(entry.sequence);
                left.lines.extend(entry.line);
                if is_delivered(entry.line, entry.sequence) {
                    left.messages -= 1;
                    inner.overtaking.overtook(entry.sequence);
                }
            });
        }
        inner.disk = Some(disk);
        drop(inner);
        (backlog, left)
    }

    /// Has another bound on disk from now on.
    pub fn resize_disk(&self, limit: u64) {
        if let Some(disk) = &mut self.lock().disk {
            disk.resize(limit);
        }
    }

    /// Takes messages in, which leaves none behind.
    pub fn push(&self, entries: &mut Vec<Entry>, now: Instant) {
        if entries.is_empty() {
            return;
        }
        let size = entries.iter().map(|entry| entry.message.len()).sum();
        self.room.enter(size, entries.len());
        let mut inner = self.lock();
        inner.bytes += size;
        let ahead = inner.disk.as_ref().and_then(|disk| disk.file.as_ref()).map_or(0, QueueFile::size);
        for entry in entries.drain(..) {
            let ahead = ahead + inner.memory.len();
            inner.overtaking.see(&entry, ahead, now);
            inner.memory.push_back((now, entry));
        }
        // Once there is something on disk all has to follow it, but a sync for each single message would be a waste.
        if !self.room.is_below(SPILL_ABOVE, 0, 0) || (inner.bytes >= WORTH_A_SYNC && inner.is_on_disk()) {
            self.spill(&mut inner, now, Sync::Each);
        }
        drop(inner);
        self.came.notify_one();
    }

    /// When [`Self::tidy`] should be called next, where nothing else happens.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        let inner = self.lock();
        let (since, _) = inner.memory.front()?;
        let disk = inner.disk.as_ref().filter(|disk| disk.limit > 0)?;
        let due = *since + SAFE_WITHIN;
        Some(disk.refused.map_or(due, |refused| due.max(refused + TRY_AGAIN_AFTER)))
    }

    /// Puts on disk what has waited too long.
    pub fn tidy(&self, now: Instant) {
        let mut inner = self.lock();
        if inner.memory.front().is_some_and(|(since, _)| now.saturating_duration_since(*since) >= SAFE_WITHIN) {
            self.spill(&mut inner, now, Sync::Each);
        }
    }

    /// Waits until there is room for more; false where `time` was not long enough.
    #[must_use]
    pub fn has_room(&self, time: Duration) -> bool {
        let mut inner = self.lock();
        if self.room.is_below(CLOSE_ABOVE, 0, 0) || inner.memory.is_empty() {
            return true;
        }
        self.spill(&mut inner, Instant::now(), Sync::Each);
        if !self.room.is_below(CLOSE_ABOVE, 0, 0) {
            let _ = self.left.wait_timeout(inner, time);
        }
        self.room.is_below(CLOSE_ABOVE, 0, 0)
    }

    /// No more will come: what is there is all.
    pub fn end(&self) {
        self.lock().ended = true;
        self.came.notify_all();
    }

    /// The oldest messages, at most `most`; waits for one. None where nothing is there and nothing will come.
    #[must_use]
    pub fn oldest(&self, most: usize) -> Vec<Entry> {
        let mut inner = self.lock();
        loop {
            let entries = self.front(&mut inner, most);
            if !entries.is_empty() || inner.ended {
                return entries;
            }
            inner = self.came.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a message may be sent before its turn now.
    #[must_use]
    pub fn may_overtake(&self, now: Instant) -> bool {
        self.lock().overtaking.is_due(now)
    }

    /// A message to be sent before its turn; then [`Self::overtook`] has to be called.
    #[must_use]
    pub fn overtaking(&self, now: Instant) -> Option<Entry> {
        self.lock().overtaking.take(now)
    }

    /// The message with this number was delivered before its turn, and will not be among the [`Self::oldest`] again.
    pub fn overtook(&self, sequence: u64) {
        self.lock().overtaking.overtook(sequence);
    }

    /// All up to this number have been delivered.
    pub fn delivered(&self, sequence: u64) {
        let mut inner = self.lock();
        inner.delivered = inner.delivered.max(sequence);
        self.remove(&mut inner, |_, entry| entry.sequence <= sequence);
        inner.overtaking.passed(sequence);
        drop(inner);
        self.left.notify_one();
    }

    /// Gives back the memory that a burst has taken.
    pub fn shrink(&self) {
        let mut inner = self.lock();
        let kept = inner.memory.len().max(256);
        inner.memory.shrink_to(kept);
    }

    /// What keeps messages from leaving, where so many wait in memory that nothing more is taken in.
    #[must_use]
    pub fn blocked(&self) -> Option<Blocked> {
        let inner = self.lock();
        if !self.room.is_filled_by(SPILL_ABOVE, inner.bytes, inner.memory.len()) {
            return None;
        }
        // A bound that is reached is not the disk's fault.
        Some(if inner.disk.as_ref().is_some_and(|disk| disk.is_broken) { Blocked::Disk } else { Blocked::Queue })
    }

    /// Whether the message with this number has been delivered.
    #[must_use]
    pub fn is_delivered(&self, sequence: u64) -> bool {
        let inner = self.lock();
        inner.delivered >= sequence || inner.overtaking.is_gone(sequence)
    }

    /// Whether what waits survives the process.
    #[must_use]
    pub fn can_keep(&self) -> bool {
        self.lock().disk.as_ref().is_some_and(|disk| disk.limit > 0)
    }

    /// Puts all on disk; what found no room there.
    #[must_use]
    pub fn save(&self) -> Vec<Entry> {
        let mut inner = self.lock();
        if let Some(disk) = &mut inner.disk {
            disk.refused = None;
        }
        self.spill(&mut inner, Instant::now(), Sync::Later);
        if let Some(file) = inner.disk.as_mut().and_then(|disk| disk.file.as_mut())
            && let Err(error) = file.sync_all()
        {
            // It is written, only not safe from a power cut yet.
            log::debug!("the backlog was not synced: {error}");
        }
        inner.bytes = 0;
        let Inner { memory, overtaking, .. } = &mut *inner;
        memory.drain(..).map(|(_, entry)| entry).filter(|entry| !overtaking.is_gone(entry.sequence)).collect()
    }

    /// What has happened since this was asked last.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.lock().told)
    }

    /// How much waits.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        let inner = self.lock();
        let file = inner.disk.as_ref().and_then(|disk| disk.file.as_ref()).filter(|file| !file.is_empty());
        let first = file.and_then(front);
        let on_disk = file.map_or(0, QueueFile::size);
        Waiting {
            messages: inner.memory.len() + on_disk,
            on_disk,
            disk: file.map_or(0, QueueFile::used_bytes),
            oldest: first.as_ref().or(inner.memory.front().map(|(_, entry)| entry)).map(|entry| entry.read_at),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Removes the oldest, as long as this is true of them.
    fn remove(&self, inner: &mut Inner, is_gone: impl Fn(&Overtaking, &Entry) -> bool) {
        let Inner { disk, memory, bytes, overtaking, .. } = inner;
        if let Some(disk) = disk {
            // Where a removal does not reach the disk, the record is refused after the next start.
            disk.remove_while(|entry| is_gone(overtaking, entry));
            if disk.file.as_ref().is_some_and(|file| !file.is_empty()) {
                return;
            }
        }
        let gone = memory.iter().take_while(|(_, entry)| is_gone(overtaking, entry)).count();
        self.take_out(memory, gone, bytes);
    }

    /// The oldest of those that were not sent before their turn.
    fn front(&self, inner: &mut Inner, most: usize) -> Vec<Entry> {
        loop {
            if inner.overtaking.has_overtaken() {
                self.remove(inner, |overtaking, entry| overtaking.is_gone(entry.sequence));
            }
            let Inner { disk, memory, overtaking, told, .. } = &mut *inner;
            let waits = |entry: &Entry| !overtaking.is_gone(entry.sequence);
            let in_memory = || memory.iter().map(|(_, entry)| entry).filter(|entry| waits(entry)).take(most);
            let Some(disk) = disk else { return in_memory().cloned().collect() };
            let Some(file) = disk.file.as_mut().filter(|file| !file.is_empty()) else {
                return in_memory().cloned().collect();
            };
            let records = file.iter().map_while(|record| Entry::from_record(&record));
            let entries: Vec<Entry> = records.filter(waits).take(most).collect();
            if !entries.is_empty() {
                return entries;
            }
            let there = file.size() as u64;
            if disk.remove_first() {
                told.push(Told::Damaged { records: Some(1), what: "its checksum is wrong".to_owned() });
            } else {
                // The way to the next record is gone too.
                told.push(disk.set_aside(Some(there), "the place of the next record is lost"));
            }
        }
    }

    /// Takes so many of the oldest out of memory.
    fn take_out(&self, memory: &mut VecDeque<(Instant, Entry)>, count: usize, bytes: &mut usize) {
        let size = memory.drain(..count).map(|(_, entry)| entry.message.len()).sum();
        *bytes -= size;
        self.room.leave(size, count);
    }

    /// Moves what is in memory to disk.
    fn spill(&self, inner: &mut Inner, now: Instant, sync: Sync) {
        let Inner { disk: Some(disk), memory, told, bytes, delivered, .. } = inner else { return };
        if disk.limit == 0 || disk.waits(now) {
            return;
        }
        while !memory.is_empty() {
            let mut batch = Vec::new();
            let mut size = 0;
            for (_, entry) in memory.iter() {
                if size > 0 && size + entry.message.len() > BATCH {
                    break;
                }
                size += entry.message.len();
                batch.push(entry.to_record());
            }
            let added = disk.add(&batch, sync);
            if let Err(error) = added {
                disk.refused = Some(now);
                disk.is_broken = matches!(error, DiskError::Refused { .. });
                if !std::mem::replace(&mut disk.told, true) {
                    told.push(Told::DiskRefuses(error));
                }
                told.extend(disk.reopen(*delivered));
                return;
            }
            self.take_out(memory, batch.len(), bytes);
        }
        disk.refused = None;
        disk.is_broken = false;
        if std::mem::replace(&mut disk.told, false) {
            told.push(Told::DiskTakes);
        }
    }
}

impl Inner {
    fn is_on_disk(&self) -> bool {
        self.disk.as_ref().and_then(|disk| disk.file.as_ref()).is_some_and(|file| !file.is_empty())
    }
}

/// When what is written is made safe from a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// With each batch, before its header says that it is there.
    Each,
    /// All at once in the end: a stop has no time for more.
    Later,
}

impl Disk {
    /// The file doubles when it grows, so only powers of two can be its bound.
    fn resize(&mut self, limit: u64) {
        self.limit = limit.checked_ilog2().map_or(0, |power| 1 << power);
    }

    fn waits(&self, now: Instant) -> bool {
        self.refused.is_some_and(|refused| now.saturating_duration_since(refused) < TRY_AGAIN_AFTER)
    }

    /// Opens the file; one that cannot be read is moved aside, and a new one begun.
    fn open(&mut self) -> Option<Told> {
        match QueueFile::open(&self.path) {
            Ok(file) => {
                self.file = Some(file);
                None
            }
            Err(_) if self.was_emptied() && fs::remove_file(&self.path).is_ok() => None,
            Err(error) => Some(self.set_aside(None, &error.to_string())),
        }
    }

    /// Whether this file, which cannot be opened, was only emptied: the crate then writes a header with the length that
    /// the file had, and shortens it. 0.1.0 left such files. With that length it can be read.
    fn was_emptied(&self) -> bool {
        const LONGEST: u64 = 1 << 34;
        let try_it = || -> std::io::Result<bool> {
            let file = fs::OpenOptions::new().write(true).open(&self.path)?;
            let length = file.metadata()?.len();
            // No disk space is taken by this.
            file.set_len(LONGEST.max(length))?;
            let is_empty = QueueFile::open(&self.path).is_ok_and(|file| file.is_empty());
            file.set_len(length)?;
            Ok(is_empty)
        };
        try_it().unwrap_or_default()
    }

    /// Removes records from the front, as long as this is true of them.
    fn remove_while(&mut self, is_gone: impl Fn(&Entry) -> bool) {
        while self.file.as_ref().and_then(front).is_some_and(|entry| is_gone(&entry)) && self.remove_first() {}
    }

    /// Removes the first record; the last one with the file, see [`Self::was_emptied`].
    fn remove_first(&mut self) -> bool {
        let Some(file) = &mut self.file else { return false };
        file.set_sync_writes(false);
        if file.size() > 1 {
            return file.remove().is_ok();
        }
        self.file = None;
        if fs::remove_file(&self.path).is_ok() {
            return true;
        }
        self.file = QueueFile::open(&self.path).ok();
        self.file.as_mut().is_some_and(|file| file.remove().is_ok())
    }

    fn set_aside(&mut self, records: Option<u64>, why: &str) -> Told {
        let aside = self.path.with_extension("damaged");
        self.file = None;
        let moved = fs::rename(&self.path, &aside);
        self.file = moved.is_ok().then(|| QueueFile::open(&self.path).ok()).flatten();
        Told::Damaged { records, what: format!("{why}; the file is now {}", aside.display()) }
    }

    fn add(&mut self, batch: &[Vec<u8>], sync: Sync) -> Result<(), DiskError> {
        let refused =
            |what: &dyn std::fmt::Display| DiskError::Refused { path: self.path.clone(), what: what.to_string() };
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(QueueFile::open(&self.path).map_err(|error| refused(&error))?),
        };
        let needed: u64 = batch.iter().map(|record| (record.len() + RECORD_OVERHEAD) as u64).sum();
        if file.used_bytes() + needed > self.limit {
            return Err(DiskError::Bound { bytes: self.limit });
        }
        file.set_sync_writes(sync == Sync::Each);
        file.add_n(batch).map_err(|error| refused(&error))
    }

    /// After a failed write what the crate has in memory may not be what is on disk; what is on disk is whole.
    fn reopen(&mut self, delivered: u64) -> Option<Told> {
        let file = self.file.take()?;
        let there = file.size() as u64;
        drop(file);
        let told = if there > 0 { self.open() } else { None };
        self.remove_while(|entry| entry.sequence <= delivered);
        told
    }
}

/// The first record; `None` where there is none, or it is damaged.
fn front(file: &QueueFile) -> Option<Entry> {
    Entry::from_record(&file.peek().ok()??)
}

/// Reads all records; the damaged ones are passed over, up to a few.
fn each_entry(file: &QueueFile, mut sink: impl FnMut(Entry)) {
    const MOST_DAMAGED: usize = 100;
    let mut damaged = 0;
    let mut records = file.iter();
    let mut index = 0;
    let mut record = records.next();
    while index < file.size() && damaged < MOST_DAMAGED {
        index += 1;
        if let Some(entry) = record.as_deref().and_then(Entry::from_record) {
            sink(entry);
            record = records.next();
        } else {
            damaged += 1;
            records = file.iter();
            record = records.nth(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64) -> Entry {
        let message = format!("message {sequence:04} {}", "x".repeat(500)).into();
        Entry { sequence, line: Some(sequence * 7), read_at: sequence.cast_signed(), hurries: false, message }
    }

    fn room() -> Arc<Room> {
        Arc::new(Room::new(1 << 20, 10_000))
    }

    fn fill(backlog: &Backlog, sequences: std::ops::RangeInclusive<u64>) {
        backlog.push(&mut sequences.map(entry).collect(), Instant::now());
    }

    fn drain(backlog: &Backlog) -> Vec<u64> {
        backlog.end();
        std::iter::from_fn(|| {
            let entries = backlog.oldest(7);
            backlog.delivered(entries.last()?.sequence);
            Some(entries)
        })
        .flatten()
        .map(|entry| {
            assert_eq!(entry, super::tests::entry(entry.sequence));
            entry.sequence
        })
        .collect()
    }

    fn nothing_delivered(_: Option<u64>, _: u64) -> bool {
        false
    }

    #[test]
    fn a_file_that_an_earlier_version_has_emptied_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backlog");
        let mut file = QueueFile::open(&path).unwrap();
        for sequence in 1..200 {
            file.add(&entry(sequence).to_record()).unwrap();
        }
        let full = fs::read(&path).unwrap();
        file.clear().unwrap();
        drop(file);
        assert!(QueueFile::open(&path).is_err(), "the crate reads what it has emptied: this test and its cause can go");
        let (backlog, left) = Backlog::open(room(), path.clone(), 64 << 20, nothing_delivered);
        assert_eq!((left.messages, backlog.told().len()), (0, 0));
        assert!(!folder.path().join("backlog.damaged").exists());
        fill(&backlog, 1..=5000);
        assert_eq!(drain(&backlog), (1..=5000).collect::<Vec<_>>());

        // One that was shortened with records in it is damage.
        fs::write(&path, &full[..full.len() / 2]).unwrap();
        let (backlog, _) = Backlog::open(room(), path, 64 << 20, nothing_delivered);
        let told = backlog.told();
        assert!(matches!(told.as_slice(), [Told::Damaged { .. }]), "{told:?}");
        assert_eq!(fs::metadata(folder.path().join("backlog.damaged")).unwrap().len(), full.len() as u64 / 2);
    }

    #[test]
    fn what_takes_much_memory_goes_to_disk_and_comes_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let room = room();
        let (backlog, _) = Backlog::open(Arc::clone(&room), folder.path().join("backlog"), 64 << 20, nothing_delivered);
        fill(&backlog, 1..=5000);
        let waiting = backlog.waiting();
        assert_eq!((waiting.messages, waiting.oldest), (5000, Some(1)));
        assert!(waiting.disk > 2 << 20 && room.held().0 < 600 << 10, "{waiting:?} {room:?}");
        assert_eq!(drain(&backlog), (1..=5000).collect::<Vec<_>>());
        assert_eq!(room.held(), (0, 0));
        assert!(!folder.path().join("backlog").exists(), "an empty backlog takes no room");
        assert!(backlog.told().is_empty());
    }

    #[test]
    fn what_has_waited_is_safe_from_a_kill_and_what_was_delivered_does_not_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backlog");
        let start = Instant::now();
        let (backlog, _) = Backlog::open(room(), path.clone(), 1 << 20, nothing_delivered);
        backlog.push(&mut (1..=100).map(entry).collect(), start);
        let due = backlog.due().unwrap();
        assert_eq!(due, start + SAFE_WITHIN);
        backlog.tidy(due);
        assert_eq!(backlog.due(), None);
        backlog.delivered(10);
        std::mem::forget(backlog);
        // The cursor knows of three more, whose removal did not reach the disk.
        let (backlog, left) = Backlog::open(room(), path, 1 << 20, |line, _| line.is_some_and(|line| line <= 13 * 7));
        assert_eq!((left.messages, left.sequence), (87, 100));
        assert_eq!(left.lines, (14..=100).map(|sequence| sequence * 7).collect::<Vec<_>>());
        assert_eq!(drain(&backlog), (14..=100).collect::<Vec<_>>());
    }

    #[test]
    fn what_overtook_others_does_not_come_again_from_memory_from_disk_or_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backlog");
        let start = Instant::now();
        let (backlog, _) = Backlog::open(room(), path.clone(), 1 << 20, nothing_delivered);
        let hurried = [1, 20, 30, 100];
        let entries = (1..=100).map(|n| Entry { hurries: hurried.contains(&n), ..entry(n) });
        backlog.push(&mut entries.collect(), start);
        let later = start + SAFE_WITHIN;
        let overtake = || {
            let entry = backlog.overtaking(later)?;
            backlog.overtook(entry.sequence);
            Some(entry.sequence)
        };
        assert_eq!((overtake(), overtake()), (Some(20), Some(30)), "the first has nothing to overtake");
        assert!(backlog.is_delivered(30) && !backlog.is_delivered(29));
        let oldest = || backlog.oldest(30).iter().map(|entry| entry.sequence).collect::<Vec<_>>();
        let of_memory = oldest();
        backlog.tidy(later);
        assert_eq!(oldest(), of_memory, "the same from disk");
        assert_eq!(overtake(), Some(100), "also when it is on disk by now");
        backlog.delivered(10);
        std::mem::forget(backlog);
        let (backlog, left) = Backlog::open(room(), path, 1 << 20, |_, n| n <= 10 || [20, 30, 100].contains(&n));
        assert_eq!((left.messages, left.sequence, left.lines.len()), (87, 100, 90));
        assert_eq!(drain(&backlog), (11..=99).filter(|n| ![20, 30].contains(n)).collect::<Vec<_>>());
        assert_eq!(backlog.waiting().messages, 0, "the last had overtaken and is gone all the same");
    }

    #[test]
    fn a_full_disk_leaves_it_in_memory_in_order_and_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let room = room();
        let (backlog, _) = Backlog::open(Arc::clone(&room), folder.path().join("backlog"), 300_000, nothing_delivered);
        fill(&backlog, 1..=1000);
        assert!(backlog.has_room(Duration::ZERO));
        fill(&backlog, 1001..=1500);
        assert!(!backlog.has_room(Duration::ZERO), "memory is nearly full and the disk is at its bound");
        let told = backlog.told();
        assert!(matches!(told.as_slice(), [Told::DiskRefuses(DiskError::Bound { bytes: 262_144 })]), "{told:?}");
        assert_eq!(drain(&backlog), (1..=1500).collect::<Vec<_>>());
    }

    #[test]
    fn a_disk_that_cannot_be_written_costs_nothing_while_there_is_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/backlog");
        let (backlog, _) = Backlog::open(room(), path.clone(), 64 << 20, nothing_delivered);
        fill(&backlog, 1..=1200);
        assert!(matches!(backlog.told().as_slice(), [Told::DiskRefuses(DiskError::Refused { .. })]));
        fs::create_dir(path.parent().unwrap()).unwrap();
        backlog.push(&mut vec![entry(1201)], Instant::now() + TRY_AGAIN_AFTER);
        assert!(matches!(backlog.told().as_slice(), [Told::DiskTakes]));
        assert!(backlog.waiting().disk > 500_000);
        assert_eq!(drain(&backlog), (1..=1201).collect::<Vec<_>>());
    }

    #[test]
    fn saves_all_at_the_end_and_says_what_found_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backlog");
        let (backlog, _) = Backlog::open(room(), path.clone(), 64 << 20, nothing_delivered);
        fill(&backlog, 1..=50);
        assert!(backlog.save().is_empty());
        drop(backlog);
        let (backlog, left) = Backlog::open(room(), path, 64 << 20, nothing_delivered);
        assert_eq!(left.messages, 50);
        assert_eq!(drain(&backlog), (1..=50).collect::<Vec<_>>());

        let backlog = Backlog::in_memory(room());
        fill(&backlog, 1..=5);
        assert!(!backlog.can_keep());
        assert_eq!(backlog.save().len(), 5);
    }

    #[test]
    fn a_damaged_record_costs_that_record_and_a_damaged_file_is_set_aside() {
        use std::os::unix::fs::FileExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backlog");
        let saved = || {
            let (backlog, _) = Backlog::open(room(), path.clone(), 64 << 20, nothing_delivered);
            fill(&backlog, 1..=50);
            assert!(backlog.save().is_empty());
        };
        let damage = |at: u64, bytes: &[u8]| {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(bytes, at).unwrap();
        };
        saved();
        let text = fs::read(&path).unwrap();
        let place = text.windows(12).position(|window| window == b"message 0020").unwrap();
        damage(place as u64 + 40, b"?");
        let (backlog, left) = Backlog::open(room(), path.clone(), 64 << 20, nothing_delivered);
        assert_eq!(left.lines.len(), 49, "the lines behind it are known too");
        let got = drain(&backlog);
        assert_eq!(got, (1..=50).filter(|sequence| *sequence != 20).collect::<Vec<_>>());
        assert!(matches!(backlog.told().as_slice(), [Told::Damaged { records: Some(1), .. }]));
        drop(backlog);

        saved();
        damage(0, &[0xff; 8192]);
        let (backlog, left) = Backlog::open(room(), path.clone(), 64 << 20, nothing_delivered);
        assert_eq!(left.messages, 0);
        assert!(matches!(backlog.told().as_slice(), [Told::Damaged { records: None, .. }]));
        assert!(folder.path().join("backlog.damaged").exists());
        fill(&backlog, 51..=60);
        assert_eq!(drain(&backlog), (51..=60).collect::<Vec<_>>());
    }

    #[test]
    fn who_waits_for_a_message_gets_it_and_learns_of_the_end() {
        let backlog = Arc::new(Backlog::in_memory(room()));
        let taker = {
            let backlog = Arc::clone(&backlog);
            std::thread::spawn(move || {
                let first = backlog.oldest(10);
                backlog.delivered(1);
                (first.len(), backlog.oldest(10).len())
            })
        };
        backlog.push(&mut vec![entry(1)], Instant::now());
        while backlog.waiting().messages > 0 {
            std::thread::yield_now();
        }
        backlog.end();
        assert_eq!(taker.join().unwrap(), (1, 0));
    }
}
