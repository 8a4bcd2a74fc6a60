//! What was delivered: a window of hashes of raw lines, which refuses what an engine sends twice and outlives the
//! process.
//!
//! The ring is replayed whole on every connect, and a subscriber that arrives between two steps of the engine gets an
//! event from the ring and live; the doubles are the same to the byte. No time stamp is involved, so a clock that steps
//! changes nothing. The hash is keyed with a secret of this installation: with a public one, whoever sets labels could
//! make an event whose hash is that of another, and hide it.
//!
//! On disk it is lines of text. What is delivered is appended at once, which a killed process survives; the file is
//! replaced as a whole now and then, at most once a second, and at the end.
//!
//! ```text
//! wazuh-docker-listener cursor 1
//! key <32 hexadecimal digits> <16 to check them>
//! engine <what the engine calls itself>
//! <16 hexadecimal digits: hash of a line> <number of the last message delivered>
//! sending <hashes of the lines whose messages are about to be sent>
//! early <number of a message that was delivered before its turn> <hash of its line>
//! ```
//!
//! What was about to be sent when the process was killed may have arrived or not. It is sent again, and says so.
//!
//! A line is in the window only once all before it are delivered: where the ring holds a line of the window, nothing
//! was lost between them. So what is delivered early, or needs no delivery, waits for its turn beside it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::fcntl::{FallocateFlags, fallocate};
use siphasher::sip::SipHasher13;

use crate::bounded::AsItIs;
use crate::folder;

/// Sixteen times the ring of Docker, and more than Podman sends again after it rotates its file.
pub const WINDOW: usize = 4096;

/// The first line of the file.
const MAGIC: &str = "wazuh-docker-listener cursor 1";

/// The file is not replaced more often than this.
const REPLACED_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// A file with more lines than this is due to be replaced by a shorter one.
const MOST_LINES: usize = 2 * WINDOW;

/// More than this much text does not wait to be written, in bytes.
const MOST_PENDING: usize = 64 << 10;

/// So much room is reserved behind the file, in bytes: what is delivered while the disk is full can be noted there, for some
/// 6,000 messages.
const RESERVED: i64 = 512 << 10;

/// After the disk refused, it is tried again this often.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A file larger than this was not written by us.
const LARGEST: u64 = 64 << 20;

/// The secret that makes the hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A new one. The standard library's hash tables are keyed by the system's randomness, and what they make of two
    /// different inputs is as hard to guess.
    #[must_use]
    pub fn random() -> Self {
        let source = RandomState::new();
        let halves = [source.hash_one(0_u8), source.hash_one(1_u8)];
        Self((u128::from(halves[0]) << 64 | u128::from(halves[1])).to_be_bytes())
    }

    /// The hash of a line.
    #[must_use]
    pub fn hash(&self, line: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.0).hash(line)
    }

    /// The hash of a secret, which is that of no line.
    #[must_use]
    pub fn hash_secret(&self, secret: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(b"secret\n");
        hasher.write(secret);
        hasher.finish()
    }

    fn to_line(self) -> String {
        format!("key {:032x} {:016x}", u128::from_be_bytes(self.0), self.check())
    }

    fn from_line(line: &str) -> Option<Self> {
        let (key, check) = line.strip_prefix("key ")?.split_once(' ')?;
        let key = Self(u128::from_str_radix(key, 16).ok()?.to_be_bytes());
        (u64::from_str_radix(check, 16).ok()? == key.check()).then_some(key)
    }

    fn check(&self) -> u64 {
        self.hash(b"check")
    }
}

/// The hashes of the last lines, each with its place in the order of their coming.
#[derive(Debug, Default)]
pub struct Window {
    order: VecDeque<u64>,
    known: HashMap<u64, u64, AsItIs>,
    end: u64,
}

impl Window {
    /// A window that knows these lines.
    #[must_use]
    pub fn of(hashes: impl IntoIterator<Item = u64>) -> Self {
        let mut window = Self::default();
        hashes.into_iter().for_each(|hash| window.add(hash));
        window
    }

    /// The place of a line in it; places only grow.
    #[must_use]
    pub fn place(&self, hash: u64) -> Option<u64> {
        self.known.get(&hash).copied()
    }

    /// The place that the next line will have.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Puts a line into it; the oldest leaves where there is no room.
    pub fn add(&mut self, hash: u64) {
        let Entry::Vacant(place) = self.known.entry(hash) else { return };
        place.insert(self.end);
        self.order.push_back(hash);
        self.end += 1;
        if self.order.len() > WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// The hashes, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.order.iter().copied()
    }
}

/// What an earlier process left.
#[derive(Debug)]
pub struct Past {
    /// The hashes of what was delivered, the oldest first.
    pub delivered: Vec<u64>,
    /// The hashes of what may have been delivered or not.
    pub uncertain: Vec<u64>,
    /// The number of the last message that was delivered in its turn.
    pub sequence: u64,
    /// The numbers behind it of messages that were delivered before their turn, each with the hash of its line; 0 where
    /// it was of none.
    pub early: BTreeMap<u64, u64>,
    /// The engine they came from.
    pub engine: Option<String>,
    /// When it last wrote.
    pub written: Option<Timestamp>,
    /// When the last line was read whose message was delivered in its turn; what came later may be missing.
    pub read_to: Option<Timestamp>,
    /// Whether it can be relied on.
    pub kind: PastKind,
}

impl Past {
    /// That of the first start.
    #[must_use]
    pub fn none() -> Self {
        Self {
            delivered: Vec::new(),
            uncertain: Vec::new(),
            sequence: 0,
            early: BTreeMap::new(),
            engine: None,
            written: None,
            read_to: None,
            kind: PastKind::First,
        }
    }
}

/// Whether a past can be relied on.
#[derive(Debug, PartialEq, Eq)]
pub enum PastKind {
    /// There is none: this is the first start.
    First,
    /// It was read.
    Known {
        /// Lines of it that made no sense.
        damaged: usize,
    },
    /// There is one that cannot be read, and why.
    Unreadable(String),
}

/// The window of what was delivered, and its file.
#[derive(Debug)]
pub struct Cursor {
    path: Option<PathBuf>,
    file: Option<File>,
    key: Key,
    engine: Option<String>,
    window: Window,
    sequence: u64,
    /// Numbers behind it, with hashes; 0 is none.
    early: BTreeMap<u64, u64>,
    /// The hashes of what needs no delivery, each behind the number of a message that had not been delivered.
    skipped: VecDeque<(u64, u64)>,
    /// The hashes of what is about to be sent.
    sending: VecDeque<u64>,
    /// Lines that are not in the file yet.
    pending: String,
    lines: usize,
    /// Whether the file there is lacks only what is pending.
    continues: bool,
    /// How long the file is, as far as it is whole.
    length: u64,
    /// When the disk refused, if it did the last time.
    refused: Option<Instant>,
    /// When the last line was read whose message was delivered in its turn, in milliseconds since 1970; and what of that
    /// is in the file.
    read_to: i64,
    read_to_written: i64,
    replaced: Option<Instant>,
}

impl Cursor {
    /// A cursor that lives only as long as the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            path: None,
            file: None,
            key: Key::random(),
            engine: None,
            window: Window::default(),
            sequence: 0,
            early: BTreeMap::new(),
            skipped: VecDeque::new(),
            sending: VecDeque::new(),
            pending: String::new(),
            lines: 0,
            continues: false,
            length: 0,
            refused: None,
            read_to: 0,
            read_to_written: 0,
            replaced: None,
        }
    }

    /// The cursor in this file, with what the file tells of the past. One that cannot be read is replaced.
    #[must_use]
    pub fn open(path: &Path) -> (Self, Past) {
        let (read, written) = read(path);
        let mut cursor = Self { path: Some(path.to_owned()), ..Self::in_memory() };
        let mut past = Past { written, ..Past::none() };
        match read {
            Ok(None) => {}
            Ok(Some(text)) => match parse(&text) {
                Some(parsed) => {
                    cursor.key = parsed.key;
                    cursor.engine.clone_from(&parsed.engine);
                    cursor.sequence = parsed.sequence;
                    cursor.early.clone_from(&parsed.early);
                    cursor.window = Window::of(parsed.hashes);
                    past.delivered = cursor.window.iter().collect();
                    past.uncertain = parsed.sending;
                    past.sequence = parsed.sequence;
                    past.early = parsed.early;
                    past.engine = parsed.engine;
                    cursor.read_to = parsed.read_to;
                    cursor.continues = true;
                    past.read_to = Timestamp::from_millisecond(parsed.read_to).ok().filter(|_| parsed.read_to > 0);
                    past.kind = PastKind::Known { damaged: parsed.damaged };
                }
                None => past.kind = PastKind::Unreadable("it does not begin as a cursor does".to_owned()),
            },
            Err(error) => past.kind = PastKind::Unreadable(error.to_string()),
        }
        (cursor, past)
    }

    /// Whether the next process will know of it.
    #[must_use]
    pub fn outlives_process(&self) -> bool {
        self.path.is_some()
    }

    /// What makes the hashes.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// Notes that the messages of these lines are about to be sent.
    pub fn sends(&mut self, lines: impl IntoIterator<Item = u64>) {
        self.sending.clear();
        self.sends_too(lines);
    }

    /// Notes that the messages of these lines are about to be sent before the others.
    pub fn sends_too(&mut self, lines: impl IntoIterator<Item = u64>) {
        self.sending.extend(lines);
        if self.path.is_some() && !self.sending.is_empty() {
            write_sending(&self.sending, &mut self.pending);
            self.lines += 1;
        }
    }

    /// Notes that the message with this number, of the line with this hash, was delivered in its turn.
    pub fn note(&mut self, hash: Option<u64>, sequence: u64) {
        self.sequence = self.sequence.max(sequence);
        while let Some(hash) = turn_has_come(&mut self.early, self.sequence) {
            if hash != 0 {
                self.window.add(hash);
            }
        }
        if let Some(hash) = hash {
            self.window.add(hash);
            self.is_sent(hash);
        }
        self.write_note(hash);
        while let Some((after, hash)) = self.skipped.front().copied()
            && after <= self.sequence
        {
            self.skipped.pop_front();
            self.remember(hash);
        }
    }

    /// Notes when the line was read whose message was delivered last in its turn, in milliseconds since 1970.
    pub fn note_read(&mut self, read_at: i64) {
        self.read_to = self.read_to.max(read_at);
    }

    /// Notes that the line with this hash needs no delivery; it comes behind the message with this number.
    pub fn skip(&mut self, hash: u64, after: u64) {
        if after <= self.sequence && self.skipped.is_empty() {
            self.remember(hash);
            return;
        }
        // One that is forgotten here is read again by the next process, and skipped by that.
        if self.skipped.len() >= WINDOW {
            self.skipped.pop_front();
        }
        self.skipped.push_back((after, hash));
    }

    /// Notes that what was to be delivered before them is safe, though it is not delivered.
    pub fn settle_skipped(&mut self) {
        while let Some((_, hash)) = self.skipped.pop_front() {
            self.remember(hash);
        }
    }

    /// Notes that the message with this number, of the line with this hash, was delivered before its turn.
    pub fn note_early(&mut self, hash: Option<u64>, sequence: u64) {
        let hash = hash.unwrap_or_default();
        self.early.insert(sequence, hash);
        self.is_sent(hash);
        if self.path.is_some() {
            write_early(sequence, hash, &mut self.pending);
            self.lines += 1;
        }
    }

    fn is_sent(&mut self, hash: u64) {
        // They are delivered in the order in which they are sent.
        if self.sending.front() == Some(&hash) {
            self.sending.pop_front();
        } else {
            self.sending.retain(|sending| *sending != hash);
        }
    }

    fn remember(&mut self, hash: u64) {
        self.window.add(hash);
        self.write_note(Some(hash));
    }

    fn write_note(&mut self, hash: Option<u64>) {
        if self.path.is_some() {
            write_hash(hash.unwrap_or_default(), &mut self.pending);
            self.pending.push(' ');
            self.pending.push_str(itoa::Buffer::new().format(self.sequence));
            self.pending.push('\n');
            self.lines += 1;
        }
    }

    /// Whether so much was noted that it should be written, though nothing was delivered.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.pending.len() > MOST_PENDING
    }

    /// Notes which engine the lines come from.
    pub fn engine(&mut self, engine: &str) {
        let engine: String = engine.chars().filter(|c| !c.is_control()).take(200).collect();
        if self.engine.as_deref() != Some(&engine) {
            if self.path.is_some() {
                let _ = writeln!(self.pending, "engine {engine}");
            }
            self.engine = Some(engine);
            self.lines += 1;
        }
    }

    /// When [`Self::flush`] should be called next, where nothing else happens: what the disk refused is not to wait for the
    /// next message.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.refused.map(|refused| refused + TRY_AGAIN_AFTER)
    }

    /// Writes what was noted.
    ///
    /// # Errors
    /// Where the system refuses; everything is then still known here, and the next call tries again.
    pub fn flush(&mut self, now: Instant) -> io::Result<()> {
        if self.pending.is_empty() && (self.file.is_some() || self.lines == 0) {
            return Ok(());
        }
        let may_replace =
            self.replaced.is_none_or(|last| now.saturating_duration_since(last) >= REPLACED_AT_MOST_EVERY);
        let is_due = self.file.is_none() || self.lines > MOST_LINES;
        let replaced = if is_due && may_replace { self.replace(now).map(|()| true) } else { Ok(false) };
        let written = match replaced {
            Ok(true) => Ok(()),
            // The old file may still have room.
            Ok(false) | Err(_) if self.file.is_some() => self.append(),
            Ok(_) => Err(io::Error::other("it is tried again within a second")),
            Err(error) => Err(error),
        };
        self.refused = written.is_err().then_some(now);
        written
    }

    /// Writes what was noted behind the rest.
    fn append(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.read_to > self.read_to_written {
            write_read_to(self.read_to, &mut self.pending);
            (self.read_to_written, self.lines) = (self.read_to, self.lines + 1);
        }
        let written = file.write_all(self.pending.as_bytes());
        if written.is_ok() {
            self.length += self.pending.len() as u64;
            self.pending.clear();
            return written;
        }
        // The file must not end in half a line.
        let is_whole = file.set_len(self.length).is_ok();
        if !is_whole || self.is_full() {
            // The window knows it all, and a new file will be made of that.
            self.pending.clear();
            self.file = None;
            self.continues = false;
        }
        written
    }

    /// Writes the file anew, in a form that a power cut leaves whole.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn save(&mut self) -> io::Result<()> {
        self.replace(Instant::now())
    }

    fn replace(&mut self, now: Instant) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        self.replaced = Some(now);
        let text = self.render();
        if let Err(error) = folder::replace(path, text.as_bytes(), true) {
            if self.continues && self.file.is_none() {
                (self.file, self.length) = continued(path)?;
            }
            return Err(error);
        }
        let file = OpenOptions::new().append(true).open(path)?;
        self.length = text.len() as u64;
        let behind = i64::try_from(self.length).unwrap_or_default();
        // Where the file system cannot do that, a full disk is met sooner.
        let _ = fallocate(&file, FallocateFlags::FALLOC_FL_KEEP_SIZE, behind, RESERVED);
        self.file = Some(file);
        self.continues = true;
        self.pending.clear();
        self.read_to_written = self.read_to;
        self.lines = self.window.order.len() + self.early.len();
        Ok(())
    }

    fn render(&self) -> String {
        let mut text = format!("{MAGIC}\n{}\n", self.key.to_line());
        if let Some(engine) = &self.engine {
            let _ = writeln!(text, "engine {engine}");
        }
        if self.read_to > 0 {
            write_read_to(self.read_to, &mut text);
        }
        // A window without a line has a number all the same.
        let _ = writeln!(text, "{:016x} {}", 0, self.sequence);
        for hash in self.window.iter() {
            let _ = writeln!(text, "{hash:016x} {}", self.sequence);
        }
        for (sequence, hash) in &self.early {
            write_early(*sequence, *hash, &mut text);
        }
        if !self.sending.is_empty() {
            write_sending(&self.sending, &mut text);
        }
        text
    }
}

/// The file of an earlier process, up to its last whole line, to be written on.
fn continued(path: &Path) -> io::Result<(Option<File>, u64)> {
    let text = fs::read(path)?;
    let length = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end as u64 + 1);
    let file = OpenOptions::new().append(true).open(path)?;
    file.set_len(length)?;
    Ok((Some(file), length))
}

fn write_read_to(read_to: i64, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "read {read_to}");
}

fn write_sending<'h>(hashes: impl IntoIterator<Item = &'h u64>, out: &mut String) {
    out.push_str("sending");
    for hash in hashes {
        out.push(' ');
        write_hash(*hash, out);
    }
    out.push('\n');
}

/// Takes out the first of the messages that were delivered early, if its turn has come by this number.
fn turn_has_come(early: &mut BTreeMap<u64, u64>, sequence: u64) -> Option<u64> {
    let first = early.first_entry().filter(|first| *first.key() <= sequence)?;
    Some(first.remove())
}

fn write_early(sequence: u64, hash: u64, out: &mut String) {
    let _ = write!(out, "early {sequence} ");
    write_hash(hash, out);
    out.push('\n');
}

/// As `{:016x}` does, which is ten times slower; each delivery writes two.
fn write_hash(hash: u64, out: &mut String) {
    let digits = hash
        .to_be_bytes()
        .map(|byte| [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
    out.push_str(std::str::from_utf8(digits.as_flattened()).unwrap_or_default());
}

fn read(path: &Path) -> (io::Result<Option<String>>, Option<Timestamp>) {
    let file = match fs::metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (Ok(None), None),
        Err(error) => return (Err(error), None),
    };
    let written = file.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    if file.len() > LARGEST {
        return (Err(io::Error::other("it is far too large")), written);
    }
    // A torn line may hold anything; it is judged line by line.
    let text = fs::read(path).map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned()));
    (text, written)
}

struct Parsed {
    key: Key,
    engine: Option<String>,
    hashes: Vec<u64>,
    sending: Vec<u64>,
    sequence: u64,
    early: BTreeMap<u64, u64>,
    read_to: i64,
    damaged: usize,
}

fn parse(text: &str) -> Option<Parsed> {
    let mut lines = text.lines();
    if lines.next() != Some(MAGIC) {
        return None;
    }
    let key = Key::from_line(lines.next()?)?;
    let mut parsed = Parsed {
        key,
        engine: None,
        hashes: Vec::new(),
        sending: Vec::new(),
        sequence: 0,
        early: BTreeMap::new(),
        read_to: 0,
        damaged: 0,
    };
    for line in lines {
        if let Some(engine) = line.strip_prefix("engine ") {
            parsed.engine = Some(engine.to_owned());
        } else if let Some(read_to) = line.strip_prefix("read ").and_then(|read_to| read_to.parse().ok()) {
            parsed.read_to = parsed.read_to.max(read_to);
        } else if let Some(hashes) = line.strip_prefix("sending ") {
            parsed.sending = hashes.split(' ').filter_map(hash).collect();
        } else if let Some((sequence, hash)) = line.strip_prefix("early ").and_then(early) {
            parsed.early.insert(sequence, hash);
            parsed.sending.retain(|sending| *sending != hash);
        } else if let Some((hash, sequence)) = record(line) {
            parsed.sequence = parsed.sequence.max(sequence);
            while let Some(hash) = turn_has_come(&mut parsed.early, parsed.sequence) {
                parsed.hashes.extend(Some(hash).filter(|hash| *hash != 0));
            }
            if hash != 0 {
                parsed.hashes.push(hash);
                parsed.sending.retain(|sending| *sending != hash);
            }
        } else {
            parsed.damaged += 1;
        }
    }
    Some(parsed)
}

fn record(line: &str) -> Option<(u64, u64)> {
    let (first, sequence) = line.split_once(' ')?;
    Some((hash(first)?, sequence.parse().ok()?))
}

fn early(line: &str) -> Option<(u64, u64)> {
    let (sequence, last) = line.split_once(' ')?;
    Some((sequence.parse().ok()?, hash(last)?))
}

fn hash(text: &str) -> Option<u64> {
    (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_the_last_lines_and_forgets_the_oldest_first() {
        let size = WINDOW as u64;
        let mut window = Window::of(1..=size);
        window.add(5);
        assert_eq!((window.place(1), window.place(size), window.end()), (Some(0), Some(size - 1), size));
        window.add(size + 1);
        assert_eq!((window.place(1), window.place(2), window.place(size + 1)), (None, Some(1), Some(size)));
        assert_eq!(window.order.len(), window.known.len());
    }

    #[test]
    fn a_process_that_was_killed_leaves_all_that_was_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut cursor, past) = Cursor::open(&path);
        assert_eq!(past.kind, PastKind::First);
        let start = Instant::now();
        let hash = |cursor: &Cursor, n: u64| cursor.key().hash(&n.to_be_bytes());
        cursor.engine("docker ABCD");
        for n in 1..=3 {
            cursor.note(Some(hash(&cursor, n)), n);
            cursor.flush(start).unwrap();
        }
        cursor.note(None, 4);
        cursor.engine("docker EFGH");
        cursor.note(Some(hash(&cursor, 4)), 5);
        cursor.flush(start).unwrap();
        // No save, no drop: as after kill -9.
        std::mem::forget(cursor);
        let (again, past) = Cursor::open(&path);
        assert_eq!(past.kind, PastKind::Known { damaged: 0 });
        assert_eq!(past.delivered, [1, 2, 3, 4].map(|n| hash(&again, n)), "the key is the same too");
        assert_eq!((past.sequence, past.engine.as_deref()), (5, Some("docker EFGH")));
        assert!(past.written.is_some() && past.read_to.is_none());
    }

    #[test]
    fn when_the_last_delivered_line_was_read_survives_a_kill_and_a_stop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let start = Instant::now();
        let at = |milliseconds| Some(Timestamp::from_millisecond(milliseconds).unwrap());
        let (mut cursor, _) = Cursor::open(&path);
        for (sequence, read_at) in [(1, 5000), (2, 7000), (3, 6000)] {
            cursor.note(None, sequence);
            cursor.note_read(read_at);
            cursor.flush(start).unwrap();
        }
        std::mem::forget(cursor);
        let (mut cursor, past) = Cursor::open(&path);
        assert_eq!((past.read_to, past.kind), (at(7000), PastKind::Known { damaged: 0 }));
        // A process that delivers nothing moves nothing.
        cursor.save().unwrap();
        assert_eq!(Cursor::open(&path).1.read_to, at(7000));
    }

    #[test]
    fn what_was_delivered_before_its_turn_is_known_until_the_turn_comes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut cursor, _) = Cursor::open(&path);
        let start = Instant::now();
        let kept = |cursor: &mut Cursor| {
            cursor.flush(start).unwrap();
            let past = Cursor::open(&path).1;
            assert_eq!(past.kind, PastKind::Known { damaged: 0 });
            (past.sequence, past.early.into_iter().collect::<Vec<_>>(), past.delivered, past.uncertain)
        };
        cursor.sends([1, 2, 3]);
        cursor.sends_too([9]);
        assert_eq!(kept(&mut cursor), (0, vec![], vec![], vec![1, 2, 3, 9]));
        cursor.note(Some(1), 1);
        cursor.note_early(Some(9), 5);
        cursor.note_early(None, 7);
        let wanted = (1, vec![(5, 9), (7, 0)], vec![1], vec![2, 3]);
        assert_eq!(kept(&mut cursor), wanted);
        cursor.save().unwrap();
        assert_eq!(kept(&mut cursor), wanted, "a new file knows it too");
        cursor.note(Some(2), 6);
        assert_eq!(kept(&mut cursor), (6, vec![(7, 0)], vec![1, 9, 2], vec![3]));
    }

    #[test]
    fn what_needs_no_delivery_waits_for_what_was_read_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut cursor, _) = Cursor::open(&path);
        let start = Instant::now();
        let delivered = |cursor: &mut Cursor| {
            cursor.flush(start).unwrap();
            Cursor::open(&path).1.delivered
        };
        cursor.skip(11, 0);
        assert_eq!(delivered(&mut cursor), [11], "nothing waits");
        cursor.skip(12, 1);
        cursor.skip(13, 2);
        assert_eq!(delivered(&mut cursor), [11], "the messages 1 and 2 do");
        cursor.note(Some(1), 1);
        assert_eq!(delivered(&mut cursor), [11, 1, 12]);
        for hash in 100..100 + WINDOW as u64 {
            cursor.skip(hash, 2);
        }
        cursor.note(Some(2), 2);
        assert_eq!(delivered(&mut cursor).len(), WINDOW, "what waits has a bound");
        assert!(cursor.skipped.is_empty());
        cursor.skip(14, 3);
        cursor.settle_skipped();
        assert_eq!(delivered(&mut cursor).last(), Some(&14), "3 is safe");
    }

    #[test]
    fn what_was_about_to_be_sent_is_uncertain_until_it_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut cursor, _) = Cursor::open(&path);
        let start = Instant::now();
        let uncertain = |cursor: &mut Cursor| {
            cursor.flush(start).unwrap();
            Cursor::open(&path).1.uncertain
        };
        cursor.sends([1, 2, 3]);
        assert_eq!(uncertain(&mut cursor), [1, 2, 3]);
        cursor.note(Some(1), 1);
        assert_eq!(uncertain(&mut cursor), [2, 3]);
        cursor.save().unwrap();
        assert_eq!(uncertain(&mut cursor), [2, 3], "a new file knows it too");
        cursor.note(Some(2), 2);
        cursor.note(Some(3), 3);
        assert_eq!(uncertain(&mut cursor), [0; 0]);
        cursor.sends([4]);
        cursor.note(Some(4), 4);
        assert_eq!(uncertain(&mut cursor), [0; 0]);
    }

    #[test]
    fn stays_short_and_is_replaced_at_most_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut cursor, _) = Cursor::open(&path);
        let start = Instant::now();
        let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap());
        let mut replaced = 0;
        let mut last = 0;
        for n in 1..=(10 * WINDOW as u64) {
            cursor.note(Some(n), n);
            cursor.flush(start + Duration::from_millis(n / 10)).unwrap();
            if inode() != last {
                (last, replaced) = (inode(), replaced + 1);
            }
        }
        assert!((2..=5).contains(&replaced), "{replaced} in 4.1 s");
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < MOST_LINES + 10_000, "{lines}");
        cursor.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), WINDOW + 3);
        let (_, past) = Cursor::open(&path);
        assert_eq!((past.delivered.len(), past.sequence), (WINDOW, 10 * WINDOW as u64));
    }

    #[test]
    fn a_disk_that_refuses_is_tried_again_and_loses_nothing_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/cursor");
        let (mut cursor, _) = Cursor::open(&path);
        let start = Instant::now();
        cursor.note(Some(1), 1);
        cursor.flush(start).unwrap_err();
        cursor.note(Some(2), 2);
        cursor.flush(start + Duration::from_millis(500)).unwrap_err();
        assert_eq!(cursor.due(), Some(start + Duration::from_millis(500) + TRY_AGAIN_AFTER));
        fs::create_dir(folder.path().join("missing")).unwrap();
        cursor.flush(start + REPLACED_AT_MOST_EVERY).unwrap();
        assert_eq!(Cursor::open(&path).1.delivered, [1, 2]);
        assert_eq!(cursor.due(), None);
    }

    #[test]
    fn where_no_new_file_can_be_made_the_old_one_is_written_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut cursor, _) = Cursor::open(&path);
        let start = Instant::now();
        cursor.note(Some(1), 1);
        cursor.flush(start).unwrap();
        drop(cursor);
        // The last line is torn, and the name of the new file is taken by what cannot be removed.
        let torn = fs::read_to_string(&path).unwrap() + "000000";
        fs::write(&path, torn).unwrap();
        fs::create_dir_all(path.with_extension("new")).unwrap();
        let (mut cursor, _) = Cursor::open(&path);
        cursor.note(Some(2), 2);
        cursor.flush(start).unwrap();
        cursor.note(Some(3), 3);
        cursor.flush(start).unwrap();
        let past = Cursor::open(&path).1;
        assert_eq!((past.delivered, past.kind), (vec![1, 2, 3], PastKind::Known { damaged: 0 }));
    }

    #[test]
    fn what_cannot_be_read_is_told_apart_from_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let key = Key::random();
        let good = format!("{MAGIC}\n{}\n00000000000000aa 7\n", key.to_line());
        for (text, kind, delivered) in [
            (good.clone(), PastKind::Known { damaged: 0 }, 1),
            (format!("{good}00000000000000bb 8\n00000000"), PastKind::Known { damaged: 1 }, 2),
            (format!("{good}\u{0}\u{fffd}\nxyz\n00000000000000bb 8\n"), PastKind::Known { damaged: 2 }, 2),
            (good.replace("key ", "key f"), PastKind::Unreadable(String::new()), 0),
            (String::new(), PastKind::Unreadable(String::new()), 0),
            ("x".repeat(1000), PastKind::Unreadable(String::new()), 0),
        ] {
            fs::write(&path, &text).unwrap();
            let (_, past) = Cursor::open(&path);
            assert_eq!(std::mem::discriminant(&past.kind), std::mem::discriminant(&kind), "{text}");
            if !matches!(kind, PastKind::Unreadable(_)) {
                assert_eq!(past.kind, kind);
            }
            assert_eq!(past.delivered.len(), delivered, "{text}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(Cursor::open(&path).1.kind, PastKind::Unreadable(_)));
    }

    proptest! {
        #[test]
        fn no_damage_to_the_file_makes_it_fail(at in 0_usize..3000, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("cursor");
            let (mut cursor, _) = Cursor::open(&path);
            (1..100).for_each(|n| cursor.note(Some(n), n));
            cursor.save().unwrap();
            let mut file = fs::read(&path).unwrap();
            let at = at.min(file.len());
            let end = (at + bytes.len()).min(file.len());
            file.splice(at..end, bytes);
            fs::write(&path, file).unwrap();
            let (_, past) = Cursor::open(&path);
            // At most the lines that were hit are gone.
            prop_assert!(past.delivered.len() >= 95 || matches!(past.kind, PastKind::Unreadable(_)));
        }
    }
}
