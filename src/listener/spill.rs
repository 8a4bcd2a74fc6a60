//! The ingest queue's part on disk: lines that were read and found no room in memory.
//!
//! The reader appends, the worker takes the oldest once nothing older waits in memory. Nothing is synced: this is for a
//! worker that cannot keep up, not for a power cut. Records that were taken stay in the file until all were; the header
//! says how far they were taken, so that a killed process leaves the others to the next one.
//!
//! ```text
//! "wdl-ingest 1\n" <u64: where the first record begins that was not taken>
//! <u32: length of the line> <u64: hash of the line as it was read> <i64: when, in milliseconds> <u32: check> <line>
//! ```
//! Numbers are little-endian. A record whose check is wrong ends the file: it was torn.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use siphasher::sip::SipHasher13;

use super::corridor::Lines;
use crate::lock::lock;

const MAGIC: &[u8] = b"wdl-ingest 1\n";

/// Where the first record is.
const FIRST: u64 = HEAD as u64;

/// The file's own header, in bytes.
const HEAD: usize = MAGIC.len() + 8;

/// What a record has before its line, in bytes.
const HEADER: usize = 4 + 8 + 8 + 4;

/// So much is collected before it is written, in bytes.
const WRITTEN_TOGETHER: usize = 64 << 10;

/// Lines longer than this were not written by us, in bytes.
const MAX_LINE: usize = 4 << 20;

/// Why a line cannot be put on disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpillError {
    /// There is no place for it, or the bound is reached.
    #[error("the ingest queue's file is at its bound; raise backlog_disk, or look why the queue takes so little")]
    Full,
    /// The system refuses.
    #[error("the ingest queue's file {} cannot be written ({source}); look at the free space", path.display())]
    Refused { path: PathBuf, source: io::Error },
}

#[derive(Debug)]
struct Inner {
    path: Option<PathBuf>,
    limit: u64,
    file: Option<File>,
    /// Where the next record will be written, and where the next to be taken is.
    end: u64,
    next: u64,
    /// What belongs at `end` and is not written yet.
    pending: Vec<u8>,
}

/// The lines on disk.
#[derive(Debug)]
pub(super) struct Spill {
    inner: Mutex<Inner>,
    has_lines: AtomicBool,
}

impl Spill {
    /// The file at this path, of at most `limit` bytes; with the hashes of the lines that an earlier process left in it.
    pub fn open(path: Option<PathBuf>, limit: u64) -> (Self, Vec<u64>) {
        let mut inner = Inner { path, limit, file: None, end: FIRST, next: FIRST, pending: Vec::new() };
        let hashes = inner.recover();
        let has_lines = AtomicBool::new(inner.next < inner.end);
        (Self { inner: Mutex::new(inner), has_lines }, hashes)
    }

    /// Has another bound from now on.
    pub fn resize(&self, limit: u64) {
        self.lock().limit = limit;
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        !self.has_lines.load(Ordering::Acquire)
    }

    /// Puts a line behind all others.
    ///
    /// # Errors
    /// Where there is no room, or the system refuses.
    pub fn push(&self, line: &[u8], hash: u64, read_at: i64) -> Result<(), SpillError> {
        let mut inner = self.lock();
        let size = (HEADER + line.len()) as u64;
        if inner.path.is_none() || inner.end + inner.pending.len() as u64 + size > inner.limit {
            return Err(SpillError::Full);
        }
        inner.open()?;
        inner.pending.extend_from_slice(&u32::try_from(line.len()).unwrap_or(u32::MAX).to_le_bytes());
        inner.pending.extend_from_slice(&hash.to_le_bytes());
        inner.pending.extend_from_slice(&read_at.to_le_bytes());
        inner.pending.extend_from_slice(&check(line).to_le_bytes());
        inner.pending.extend_from_slice(line);
        if inner.pending.len() >= WRITTEN_TOGETHER
            && let Err(error) = inner.write()
        {
            // The others in it were accepted; they wait in memory for the disk to take them.
            let length = inner.pending.len() - (HEADER + line.len());
            inner.pending.truncate(length);
            return Err(error);
        }
        self.has_lines.store(true, Ordering::Release);
        Ok(())
    }

    /// The oldest lines, up to so many bytes and a line more; those that were taken before are done.
    pub fn take(&self, max: usize) -> Option<Lines> {
        let mut inner = self.lock();
        let mut lines = Lines::default();
        if let Some(file) = &inner.file
            && inner.next < inner.end
        {
            // Where that fails they are taken twice after a kill, and refused as duplicates.
            let _ = file.write_all_at(&inner.next.to_le_bytes(), MAGIC.len() as u64);
            let mut at = inner.next;
            while lines.size() < max && at < inner.end {
                let Some((line, hash, read_at)) = record(file, at) else {
                    // The disk gives back something else than it was given.
                    at = inner.end;
                    break;
                };
                at += (HEADER + line.len()) as u64;
                lines.push_read(&line, hash, read_at);
            }
            inner.next = at;
        } else if !inner.pending.is_empty() {
            let pending = std::mem::take(&mut inner.pending);
            let mut rest = pending.as_slice();
            while let Some((line, hash, read_at, behind)) = split(rest) {
                lines.push_read(line, hash, read_at);
                rest = behind;
            }
        }
        if inner.next >= inner.end && inner.pending.is_empty() {
            inner.clear();
            self.has_lines.store(false, Ordering::Release);
        }
        (!lines.is_empty()).then_some(lines)
    }

    /// Writes what is collected; what cannot be written is lost with the process.
    pub fn save(&self) {
        let _ = self.lock().write();
    }

    /// How many bytes of lines there are.
    pub fn bytes(&self) -> u64 {
        let inner = self.lock();
        inner.end - inner.next + inner.pending.len() as u64
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    fn open(&mut self) -> Result<(), SpillError> {
        let (None, Some(path)) = (&self.file, &self.path) else { return Ok(()) };
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true).mode(0o640);
            let file = options.custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits()).open(path)?;
            file.write_all_at(MAGIC, 0)?;
            file.write_all_at(&FIRST.to_le_bytes(), MAGIC.len() as u64)?;
            Ok(file)
        };
        self.file = Some(open().map_err(|source| SpillError::Refused { path: path.clone(), source })?);
        (self.end, self.next) = (FIRST, FIRST);
        Ok(())
    }

    fn write(&mut self) -> Result<(), SpillError> {
        let (Some(file), Some(path)) = (&self.file, &self.path) else { return Ok(()) };
        match file.write_all_at(&self.pending, self.end) {
            Ok(()) => {
                self.end += self.pending.len() as u64;
                self.pending.clear();
                Ok(())
            }
            Err(source) => Err(SpillError::Refused { path: path.clone(), source }),
        }
    }

    fn clear(&mut self) {
        self.pending = Vec::new();
        self.file = None;
        (self.end, self.next) = (FIRST, FIRST);
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }

    /// What an earlier process left.
    fn recover(&mut self) -> Vec<u64> {
        let mut hashes = Vec::new();
        let Some(path) = &self.path else { return hashes };
        let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return hashes };
        let mut head = [0; HEAD];
        let is_ours = file.read_exact_at(&mut head, 0).is_ok() && head.starts_with(MAGIC);
        let next = head.last_chunk().map_or(0, |next| u64::from_le_bytes(*next));
        let mut at = next;
        if is_ours && next >= FIRST {
            while let Some((line, hash, _)) = record(&file, at) {
                hashes.push(hash);
                at += (HEADER + line.len()) as u64;
            }
        }
        if hashes.is_empty() {
            self.clear();
        } else {
            (self.file, self.next, self.end) = (Some(file), next, at);
        }
        hashes
    }
}

/// The record at this place; none where there is none that is whole.
fn record(file: &File, at: u64) -> Option<(Vec<u8>, u64, i64)> {
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, at).ok()?;
    let length = u32::from_le_bytes(*header.first_chunk()?) as usize;
    if length > MAX_LINE {
        return None;
    }
    let mut record = header.to_vec();
    record.resize(HEADER + length, 0);
    file.read_exact_at(record.get_mut(HEADER..)?, at + HEADER as u64).ok()?;
    let (line, hash, read_at, _) = split(&record)?;
    Some((line.to_vec(), hash, read_at))
}

/// The first of these records and what is behind it.
fn split(records: &[u8]) -> Option<(&[u8], u64, i64, &[u8])> {
    let (length, rest) = records.split_first_chunk()?;
    let (hash, rest) = rest.split_first_chunk()?;
    let (read_at, rest) = rest.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (line, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    (u32::from_le_bytes(*sum) == check(line)).then_some((
        line,
        u64::from_le_bytes(*hash),
        i64::from_le_bytes(*read_at),
        rest,
    ))
}

fn check(line: &[u8]) -> u32 {
    let [a, b, c, d, ..] = SipHasher13::new().hash(line).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(spill: &Spill) -> Vec<(String, u64)> {
        let mut seen = Vec::new();
        while let Some(lines) = spill.take(100) {
            seen.extend(lines.iter().map(|(line, hash)| (String::from_utf8_lossy(line).into_owned(), hash)));
        }
        seen
    }

    fn line(number: u64) -> String {
        format!("line {number} {}", "x".repeat(50))
    }

    #[test]
    fn lines_come_back_in_order_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ingest");
        let (spill, left) = Spill::open(Some(path.clone()), 1 << 20);
        assert!(left.is_empty() && spill.is_empty() && spill.take(100).is_none());
        for number in 0..3000 {
            spill.push(line(number).as_bytes(), number, 7).unwrap();
        }
        assert!(!spill.is_empty() && spill.bytes() > 150_000);
        let expected: Vec<_> = (0..3000).map(|number| (line(number), number)).collect();
        assert_eq!(all(&spill), expected);
        assert!(spill.is_empty() && spill.bytes() == 0 && !path.exists());
        spill.push(b"again", 1, 1).unwrap();
        assert_eq!(all(&spill), [("again".to_owned(), 1)]);
    }

    #[test]
    fn what_a_killed_process_left_is_read_by_the_next_up_to_what_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ingest");
        let (spill, _) = Spill::open(Some(path.clone()), 1 << 20);
        (0..10).for_each(|number| spill.push(line(number).as_bytes(), number, 7).unwrap());
        spill.save();
        let first = spill.take(1).unwrap();
        assert_eq!(first.iter().count(), 1);
        // The first is done once the next are taken.
        let _ = spill.take(1);
        drop(spill);
        let whole = std::fs::read(&path).unwrap();
        for torn in [0, 1, 60] {
            std::fs::write(&path, &whole[..whole.len() - torn]).unwrap();
            let (spill, left) = Spill::open(Some(path.clone()), 1 << 20);
            let last = if torn == 0 { 10 } else { 9 };
            assert_eq!(left, (1..last).collect::<Vec<_>>(), "{torn}");
            assert_eq!(all(&spill).len(), left.len());
        }
        std::fs::write(&path, "something else").unwrap();
        assert!(Spill::open(Some(path.clone()), 1 << 20).1.is_empty());
    }

    #[test]
    fn the_bound_holds_and_no_place_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let (spill, _) = Spill::open(Some(folder.path().join("ingest")), 1000);
        let pushed = (0..100).take_while(|number| spill.push(line(*number).as_bytes(), *number, 7).is_ok()).count();
        assert!((5..20).contains(&pushed), "{pushed}");
        assert_eq!(all(&spill).len(), pushed);
        let (none, _) = Spill::open(None, 1000);
        assert!(matches!(none.push(b"x", 1, 1), Err(SpillError::Full)));
        let (gone, _) = Spill::open(Some(folder.path().join("missing/ingest")), 1000);
        let error = gone.push(b"x", 1, 1).unwrap_err();
        assert!(error.to_string().contains("look at the free space"), "{error}");
        assert!(gone.is_empty());
    }
}
