//! Which line was being worked on when a process died, so that the next process does not work on it again.
//!
//! A line that kills the process stays in the engine's ring. Without a record, each start reads it again and dies
//! again. So a line is noted before it is worked on, in a small file in the state folder, and the note is cleared
//! afterwards. What a process finds noted is poisoned: it is reported, not worked on.
//!
//! Lines over [`ALWAYS_NOTED_OVER`] are always noted. Shorter ones are noted only after an unclean end, and poisoned only
//! where two processes in a row died with them: what they can cost is bounded, and a `kill -9` at an innocent moment must
//! not cost an event.
//!
//! The file is text. Everything but the last line is written when it is opened; the last line is overwritten in place,
//! by one write for each note. Nothing is synced: the record protects from a process that is killed, not from a power
//! cut. The space for the longest note is written in advance, so that a full disk does not end the protection.
//!
//! ```text
//! wazuh-docker-listener working 1
//! running <10 digits: processes in a row that did not stop cleanly, this one included; 0 after a clean stop>
//! poisoned <note>
//! suspected <note: a short line that one process died with>
//! working <note>, or a dash and blanks
//! ```
//!
//! A note is `<16 hexadecimal digits: hash of the line> <its length> <16 to check the note> <its head, as JSON text>`.
//! A note that was torn fails its check and is ignored.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use siphasher::sip::SipHasher13;

use crate::event::json::write_string;
use crate::folder;
use crate::wazuh::notice::Notice;

/// Lines longer than this, in bytes, are always noted.
pub const ALWAYS_NOTED_OVER: usize = 4096;

/// The longest head of a note, in bytes.
pub const LONGEST_HEAD: usize = 1024;

/// At most this much of a line is redacted for its head, in bytes.
const REDACTED_AT_MOST: usize = 4096;

/// Where a line was cut before its redaction, this much of the end of what came out is dropped, in bytes: a secret that
/// straddles the cut may not have been recognized.
const DROPPED_AT_CUT: usize = 1024;

/// Poisoned lines that are remembered. Docker's ring holds 256 events, and each of these cost a process its life.
const MOST_POISONED: usize = 64;

/// The first line of the file.
const MAGIC: &str = "wazuh-docker-listener working 1";

/// A larger file was not written by us, in bytes: this many notes of the greatest length are 400 KiB.
const LARGEST: u64 = 512 << 10;

/// The space that the note of a line takes at most, in bytes: a head takes up to six bytes for each of its own.
const NOTE_SPACE: usize = 6 * LONGEST_HEAD + 128;

/// What was noted about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its keyed hash.
    pub hash: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Its beginning, redacted; empty where the process died while it was redacted.
    pub head: String,
}

impl Note {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, ' ');
        let hash = u64::from_str_radix(parts.next()?, 16).ok()?;
        let length = parts.next()?.parse().ok()?;
        let check = u64::from_str_radix(parts.next()?, 16).ok()?;
        let head: String = serde_json::from_str(parts.next()?).ok()?;
        let note = Self { hash, length, head };
        (note.check() == check && note.head.len() <= LONGEST_HEAD).then_some(note)
    }

    /// Tells a whole note from a torn one; it is not keyed, since only root can write into the folder.
    fn check(&self) -> u64 {
        let mut bytes = Vec::with_capacity(16 + self.head.len());
        bytes.extend_from_slice(&self.hash.to_be_bytes());
        bytes.extend_from_slice(&self.length.to_be_bytes());
        bytes.extend_from_slice(self.head.as_bytes());
        SipHasher13::new().hash(&bytes)
    }

    fn write(&self, out: &mut String) {
        let _ = write!(out, "{:016x} {} {:016x} ", self.hash, self.length, self.check());
        write_string(&self.head, out);
        out.push('\n');
    }
}

/// What the process before this one left.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// The line that it was working on when it died, where that is to blame.
    pub line: Option<Note>,
    /// A line that it was working on when it died, perhaps by chance.
    pub suspected: Option<Note>,
    /// How many processes in a row did not stop cleanly before this one.
    pub unclean_ends: u32,
}

/// The lines that killed processes, and the record of the one that is being worked on.
#[derive(Debug, Default)]
pub struct Suspects {
    /// None where nothing can be recorded.
    record: Option<Record>,
    /// The oldest first.
    poisoned: VecDeque<Note>,
    /// Whether short lines are noted too, because the process before ended uncleanly.
    notes_all: bool,
    /// Whether a line is noted in the file.
    is_noted: bool,
    has_reported: bool,
    /// Kept to be used again.
    text: String,
}

/// The open file.
#[derive(Debug)]
struct Record {
    file: File,
    path: PathBuf,
    /// Where the last line begins.
    note_at: u64,
}

impl Suspects {
    /// The record in this file, marked as that of a running process, with what the file says of the process before.
    ///
    /// A file that cannot be read or written costs the protection only, and is logged. Without a path there is no
    /// protection.
    #[must_use]
    pub fn open(path: Option<&Path>) -> (Self, Past) {
        let mut suspects = Self::default();
        let Some(path) = path else { return (suspects, Past::default()) };
        let Content { mut past, poisoned } = match read(path).and_then(|text| parse(&text)) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Content::default(),
            Err(error) => {
                suspects.report(path, &error);
                Content::default()
            }
        };
        suspects.notes_all = past.unclean_ends > 0;
        suspects.poisoned = poisoned;
        let before = past.suspected.take();
        if let Some(line) = past.line.take() {
            if line.length > ALWAYS_NOTED_OVER as u64 || before.is_some_and(|before| before.hash == line.hash) {
                suspects.poison(line.clone());
                past.line = Some(line);
            } else {
                past.suspected = Some(line);
            }
        }
        let running = past.unclean_ends.saturating_add(1);
        match Record::create(path, &suspects.poisoned, past.suspected.as_ref(), running) {
            Ok(record) => suspects.record = Some(record),
            Err(error) => suspects.report(path, &error),
        }
        (suspects, past)
    }

    /// Notes that this line is worked on from now on, where it has to be noted. `redact_head` makes the beginning of a
    /// line safe to write; it gets at most 4 KiB.
    pub fn begin(&mut self, hash: u64, line: &[u8], redact_head: impl FnOnce(&[u8]) -> String) {
        if self.record.is_none() || (line.len() <= ALWAYS_NOTED_OVER && !self.notes_all) {
            return;
        }
        // Redaction works on the line too, so the line must be known before.
        let mut note = Note { hash, length: line.len() as u64, head: String::new() };
        self.note(&note);
        note.head = head(line, redact_head);
        self.note(&note);
    }

    /// Clears the note: the line has been worked on.
    pub fn end(&mut self) {
        if std::mem::take(&mut self.is_noted) {
            self.write(|record, _| record.clear());
        }
    }

    /// What is known of this line, where it was being worked on when a process died.
    #[must_use]
    pub fn is_poisoned(&self, hash: u64) -> Option<&Note> {
        self.poisoned.iter().find(|note| note.hash == hash)
    }

    /// Marks this process as one that stopped cleanly.
    pub fn stopped(&mut self) {
        self.end();
        self.write(|record, _| record.mark(0));
    }

    /// The note replaces the one before, also one that was longer.
    fn note(&mut self, note: &Note) {
        self.is_noted = true;
        self.write(|record, text| {
            text.clear();
            text.push_str("working ");
            note.write(text);
            record.file.write_all_at(text.as_bytes(), record.note_at)
        });
    }

    fn poison(&mut self, note: Note) {
        self.poisoned.retain(|known| known.hash != note.hash);
        self.poisoned.push_back(note);
        while self.poisoned.len() > MOST_POISONED {
            self.poisoned.pop_front();
        }
    }

    fn write(&mut self, write: impl FnOnce(&Record, &mut String) -> io::Result<()>) {
        let Some(record) = &self.record else { return };
        if let Err(error) = write(record, &mut self.text) {
            let path = record.path.clone();
            self.report(&path, &error);
        }
    }

    /// Logs the first error only: who makes lines must not be able to fill the log.
    fn report(&mut self, path: &Path, error: &io::Error) {
        if !std::mem::replace(&mut self.has_reported, true) {
            Notice::Unprotected { error: format!("{}: {error}", path.display()) }.log();
        }
    }
}

impl Record {
    /// Replaces the file by one that knows these lines.
    fn create(path: &Path, poisoned: &VecDeque<Note>, suspected: Option<&Note>, running: u32) -> io::Result<Self> {
        let mut text = format!("{MAGIC}\n");
        write_mark(running, &mut text);
        for note in poisoned {
            text.push_str("poisoned ");
            note.write(&mut text);
        }
        if let Some(note) = suspected {
            text.push_str("suspected ");
            note.write(&mut text);
        }
        let note_at = text.len() as u64;
        let _ = writeln!(text, "{:NOTE_SPACE$}", "-");
        folder::replace(path, text.as_bytes(), false)?;
        let file = OpenOptions::new().write(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?;
        Ok(Self { file, path: path.to_owned(), note_at })
    }

    /// One byte is enough: what follows is no note without its first word.
    fn clear(&self) -> io::Result<()> {
        self.file.write_all_at(b"-", self.note_at)
    }

    fn mark(&self, running: u32) -> io::Result<()> {
        let mut text = String::new();
        write_mark(running, &mut text);
        self.file.write_all_at(text.as_bytes(), MAGIC.len() as u64 + 1)
    }
}

/// The width is the same for all, so that it can be overwritten in place.
fn write_mark(running: u32, out: &mut String) {
    let _ = writeln!(out, "running {running:010}");
}

/// The beginning of a line, safe and short.
fn head(line: &[u8], redact: impl FnOnce(&[u8]) -> String) -> String {
    let start = line.get(..REDACTED_AT_MOST).unwrap_or(line);
    let mut head = redact(start);
    let is_cut = start.len() < line.len();
    let most = if is_cut { head.len().saturating_sub(DROPPED_AT_CUT) } else { head.len() };
    let end = (0..=most.min(LONGEST_HEAD)).rev().find(|end| head.is_char_boundary(*end));
    head.truncate(end.unwrap_or_default());
    head
}

/// What a file says.
#[derive(Debug, Default)]
struct Content {
    past: Past,
    poisoned: VecDeque<Note>,
}

/// # Errors
/// Where the file is not there, cannot be read, or is too large to be ours.
fn read(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).open(path)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("it is far too large"));
    }
    // What is torn may hold anything; it is checked line by line.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// # Errors
/// Where it does not begin as our file does.
fn parse(text: &str) -> io::Result<Content> {
    let mut lines = text.lines();
    if lines.next() != Some(MAGIC) {
        return Err(io::Error::other("it does not begin as the record does"));
    }
    let mut content = Content::default();
    // A mark that cannot be read was written by a process that got no further.
    let mark = lines.next().and_then(|line| line.strip_prefix("running ")?.parse().ok());
    content.past.unclean_ends = mark.unwrap_or(1);
    for line in lines {
        if let Some(note) = line.strip_prefix("poisoned ") {
            content.poisoned.extend(Note::parse(note));
            continue;
        }
        if let Some(note) = line.strip_prefix("suspected ") {
            content.past.suspected = Note::parse(note);
            continue;
        }
        let working = line.strip_prefix("working ");
        if working.is_some() || line.starts_with('-') {
            content.past.line = working.and_then(Note::parse).filter(|_| content.past.unclean_ends > 0);
            // Behind it stands what is left of longer ones, which is nothing to rely on.
            break;
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file in a folder of its own.
    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("working");
        (folder, path)
    }

    fn long_line() -> Vec<u8> {
        vec![b'x'; ALWAYS_NOTED_OVER + 1]
    }

    fn as_it_is(line: &[u8]) -> String {
        String::from_utf8_lossy(line).into_owned()
    }

    /// What the next process finds; nothing is buffered here, so a dropped one is as good as one that was killed.
    fn next(path: &Path) -> (Suspects, Past) {
        Suspects::open(Some(path))
    }

    /// A process that dies while it works on a line.
    fn dies_at(path: &Path, hash: u64) -> Past {
        let (mut suspects, past) = next(path);
        suspects.begin(hash, &long_line(), as_it_is);
        past
    }

    #[test]
    fn a_clean_stop_leaves_nothing_to_be_careful_about() {
        let (_folder, path) = file();
        let (mut suspects, past) = next(&path);
        assert_eq!(past, Past::default());
        suspects.begin(1, &long_line(), as_it_is);
        suspects.end();
        suspects.stopped();
        let (mut suspects, past) = next(&path);
        assert_eq!(past, Past::default());
        // Also where it stopped in the middle of a line.
        suspects.begin(2, &long_line(), as_it_is);
        suspects.stopped();
        assert_eq!(next(&path).1, Past::default());
    }

    #[test]
    fn a_long_line_that_was_being_worked_on_is_known_to_all_later_processes() {
        let (_folder, path) = file();
        dies_at(&path, 7);
        let (mut suspects, past) = next(&path);
        let note = Note { hash: 7, length: 4097, head: "x".repeat(LONGEST_HEAD) };
        assert_eq!(past, Past { line: Some(note.clone()), suspected: None, unclean_ends: 1 });
        assert_eq!((suspects.is_poisoned(7), suspects.is_poisoned(8)), (Some(&note), None));
        suspects.stopped();
        let (suspects, past) = next(&path);
        assert_eq!(past, Past::default());
        assert_eq!(suspects.is_poisoned(7), Some(&note));
    }

    #[test]
    fn a_process_that_is_killed_leaves_the_line_that_it_worked_on() {
        const AS_VICTIM: &str = "SUSPECT_TEST_VICTIM_FILE";
        if let Some(path) = std::env::var_os(AS_VICTIM) {
            let (mut suspects, _) = next(Path::new(&path));
            suspects.begin(1, &long_line(), as_it_is);
            suspects.end();
            suspects.begin(2, &long_line(), as_it_is);
            nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).unwrap();
        }
        let (_folder, path) = file();
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "suspect::tests::a_process_that_is_killed_leaves_the_line_that_it_worked_on"])
            .env(AS_VICTIM, &path)
            .output()
            .unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(9));
        let (_, past) = next(&path);
        assert_eq!((past.line.unwrap().hash, past.unclean_ends), (2, 1));
    }

    #[test]
    fn a_short_line_is_noted_only_after_an_unclean_end() {
        let (_folder, path) = file();
        let short = vec![b'x'; ALWAYS_NOTED_OVER];
        let (mut suspects, _) = next(&path);
        suspects.begin(1, &short, |_| panic!("nothing is written, so nothing has to be redacted"));
        drop(suspects);
        let (mut suspects, past) = next(&path);
        assert_eq!(past, Past { unclean_ends: 1, ..Past::default() });
        suspects.begin(2, b"{}", as_it_is);
        drop(suspects);
        // It is worked on once more.
        let note = Note { hash: 2, length: 2, head: "{}".into() };
        let (mut suspects, past) = next(&path);
        assert_eq!(past, Past { line: None, suspected: Some(note.clone()), unclean_ends: 2 });
        assert_eq!(suspects.is_poisoned(2), None);
        suspects.begin(2, b"{}", as_it_is);
        drop(suspects);
        let (suspects, past) = next(&path);
        assert_eq!(past, Past { line: Some(note.clone()), suspected: None, unclean_ends: 3 });
        assert_eq!(suspects.is_poisoned(2), Some(&note));
    }

    #[test]
    fn a_short_line_with_which_a_process_died_by_chance_is_not_to_blame() {
        let (_folder, path) = file();
        drop(next(&path));
        for hash in [1, 2, 1] {
            let (mut suspects, past) = next(&path);
            assert_eq!((past.line, suspects.is_poisoned(hash)), (None, None));
            suspects.begin(hash, b"{}", as_it_is);
        }
        // One that was worked on well is no longer suspected.
        let (mut suspects, past) = next(&path);
        assert_eq!(past.suspected.unwrap().hash, 1);
        suspects.begin(1, b"{}", as_it_is);
        suspects.end();
        drop(suspects);
        assert_eq!(next(&path).1, Past { unclean_ends: 5, ..Past::default() });
    }

    #[test]
    fn a_line_that_was_finished_is_not_blamed_for_the_next() {
        let (_folder, path) = file();
        let (mut suspects, _) = next(&path);
        suspects.begin(1, &long_line(), as_it_is);
        suspects.end();
        suspects.begin(2, b"{}", as_it_is);
        drop(suspects);
        let (mut suspects, past) = next(&path);
        assert_eq!(past.line, None);
        // A shorter note takes the place of a longer one as a whole.
        suspects.begin(3, &long_line(), as_it_is);
        suspects.begin(4, b"{}", as_it_is);
        drop(suspects);
        assert_eq!(next(&path).1.suspected, Some(Note { hash: 4, length: 2, head: "{}".into() }));
    }

    #[test]
    fn a_head_is_redacted_short_and_what_is_left_of_a_secret_at_the_cut_is_dropped() {
        let (_folder, path) = file();
        dies_at(&path, 1);
        let (mut suspects, _) = next(&path);
        suspects.begin(2, b"password=hunter2 \xff\n\"", |line| as_it_is(line).replace("hunter2", "*"));
        assert!(!String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("hunter2"));
        drop(suspects);
        assert_eq!(next(&path).1.suspected.unwrap().head, "password=* \u{fffd}\n\"");

        // Two bytes each, after an odd one: the limit falls into the middle of one.
        let head = |line: &[u8], redacted: &str| {
            head(line, |start| {
                assert_eq!(start.len(), line.len().min(REDACTED_AT_MOST));
                redacted.to_owned()
            })
        };
        let long = format!("x{}", "\u{e9}".repeat(2000));
        assert_eq!(head(b"{}", &long).len(), LONGEST_HEAD - 1);
        assert_eq!(head(&[b'x'; REDACTED_AT_MOST], "tail"), "tail");
        assert_eq!(head(&[b'x'; REDACTED_AT_MOST + 1], &"y".repeat(DROPPED_AT_CUT)), "");
        assert_eq!(head(&[b'x'; REDACTED_AT_MOST + 1], &"y".repeat(DROPPED_AT_CUT + 3)), "yyy");
    }

    #[test]
    fn a_line_whose_redaction_kills_is_known_too() {
        let (_folder, path) = file();
        let (mut suspects, _) = next(&path);
        suspects.begin(5, &long_line(), |_| {
            assert_eq!(next(&path).1.line, Some(Note { hash: 5, length: 4097, head: String::new() }));
            String::new()
        });
    }

    #[test]
    fn the_last_sixty_four_are_remembered_each_once() {
        let (_folder, path) = file();
        for hash in 0..70 {
            dies_at(&path, hash);
        }
        // One that kills again is the youngest again.
        dies_at(&path, 6);
        let (suspects, past) = next(&path);
        assert_eq!(past.unclean_ends, 71);
        let known: Vec<u64> = (0..80).filter(|hash| suspects.is_poisoned(*hash).is_some()).collect();
        assert_eq!(known, (6..70).collect::<Vec<u64>>());
        assert_eq!(suspects.poisoned.back().unwrap().hash, 6);
    }

    #[test]
    fn the_largest_file_is_read_again() {
        let (_folder, path) = file();
        for hash in 0..=64 {
            let (mut suspects, _) = next(&path);
            // The head that takes the most space: each byte is written as six.
            suspects.begin(hash, &long_line(), |_| "\u{1}".repeat(3 * LONGEST_HEAD));
        }
        let (suspects, past) = next(&path);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < LARGEST, "{size}");
        assert_eq!(past.line.unwrap().head.len(), LONGEST_HEAD);
        assert_eq!(suspects.poisoned.len(), MOST_POISONED);
    }

    #[test]
    fn a_note_never_makes_the_file_grow() {
        let (_folder, path) = file();
        let (mut suspects, _) = next(&path);
        let size = std::fs::metadata(&path).unwrap().len();
        suspects.begin(u64::MAX, &long_line(), |_| "\u{1}".repeat(LONGEST_HEAD));
        suspects.stopped();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
    }

    #[test]
    fn a_file_that_is_not_ours_costs_the_protection_of_one_start_only() {
        let (_folder, path) = file();
        let too_large = "\n".repeat(usize::try_from(LARGEST).unwrap() + 1);
        for text in [String::new(), "x".repeat(1000), too_large, MAGIC.replace('1', "2")] {
            std::fs::write(&path, &text).unwrap();
            let (mut suspects, past) = next(&path);
            assert_eq!(past, Past::default());
            assert!(suspects.has_reported);
            suspects.begin(1, &long_line(), as_it_is);
            drop(suspects);
            assert_eq!(next(&path).1.line.unwrap().hash, 1);
        }
        // Without a mark it is not known how the last process ended.
        std::fs::write(&path, format!("{MAGIC}\n")).unwrap();
        assert_eq!(next(&path).1, Past { unclean_ends: 1, ..Past::default() });
    }

    #[test]
    fn a_place_that_cannot_be_written_costs_nothing_else() {
        let (folder, path) = file();
        let missing = folder.path().join("missing/working");
        std::fs::create_dir(&path).unwrap();
        for path in [Some(missing.as_path()), Some(path.as_path()), None] {
            let (mut suspects, past) = Suspects::open(path);
            assert_eq!((past, suspects.has_reported), (Past::default(), path.is_some()));
            suspects.begin(1, &long_line(), as_it_is);
            suspects.end();
            suspects.stopped();
        }
        // A disk that refuses while lines come.
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let record = Some(Record { file, path: PathBuf::from("/dev/full"), note_at: 0 });
        let mut suspects = Suspects { record, ..Suspects::default() };
        suspects.begin(1, &long_line(), as_it_is);
        suspects.end();
        assert!(suspects.has_reported);
    }

    proptest! {
        #[test]
        fn a_torn_or_damaged_file_makes_no_line_poisoned_that_was_not_noted(
            at in 0_usize..40_000,
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            is_cut in any::<bool>(),
        ) {
            let (_folder, path) = file();
            for hash in 1..=5 {
                dies_at(&path, hash);
            }
            let mut content = std::fs::read(&path).unwrap();
            let at = at % content.len();
            if is_cut {
                content.truncate(at);
            } else {
                let end = (at + bytes.len()).min(content.len());
                content.splice(at..end, bytes);
            }
            std::fs::write(&path, content).unwrap();
            let (suspects, past) = next(&path);
            prop_assert!(past.line.is_none_or(|line| line.hash == 5 && line.length == 4097));
            for note in &suspects.poisoned {
                prop_assert!((1..=5).contains(&note.hash) && note.length == 4097);
            }
            // At most the lines that were hit are gone.
            prop_assert!(is_cut || suspects.poisoned.len() >= 3 || suspects.has_reported);
        }
    }
}
