//! The stream that is measured on: the recorded events of real engines over and over, no two alike.

use std::fmt::Write as _;
use std::io::Write as _;

/// Dockerd 20.10 and 29, whose events have older and newer shapes.
const RECORDED: [&str; 2] =
    [include_str!("../../corpus/docker-20.10-api1.41.jsonl"), include_str!("../../corpus/docker-29-api1.56.jsonl")];

/// The recorded lines, in the order in which they happened.
pub fn recorded() -> Vec<&'static [u8]> {
    RECORDED.iter().flat_map(|file| file.lines()).map(str::as_bytes).collect()
}

/// A line that is written anew each time it comes.
struct Template {
    line: Vec<u8>,
    /// Where the digits of `timeNano` stand.
    time: usize,
    /// Where the ids of containers and networks begin, whose first digits tell one round from the next.
    ids: Vec<usize>,
}

const DIGITS: usize = 19;
const ID: usize = 64;
const ROUND: usize = 8;

impl Template {
    fn new(line: &[u8]) -> Self {
        let key = b"\"timeNano\":";
        let time = line.windows(key.len()).position(|window| window == key).map_or(0, |at| at + key.len());
        assert!(line[time..time + DIGITS].iter().all(u8::is_ascii_digit), "{}", String::from_utf8_lossy(line));
        let is_hex = |at: usize| line.get(at).is_some_and(u8::is_ascii_hexdigit);
        let ids = (1..line.len())
            .filter(|at| line[at - 1] == b'"' && (*at..at + ID).all(is_hex) && !is_hex(at + ID))
            .collect();
        Self { line: line.to_vec(), time, ids }
    }

    fn write(&mut self, number: u64, round: u64) {
        let line = &mut self.line;
        write!(&mut line[self.time..self.time + DIGITS], "{:019}", 1_795_217_220_000_000_000 + number * 1000).unwrap();
        for id in &self.ids {
            write!(&mut line[*id..id + ROUND], "{round:08x}").unwrap();
        }
    }
}

/// All lines of one stream.
pub struct Lines {
    templates: Vec<Template>,
    next: u64,
}

impl Lines {
    /// These lines over and over; each has a `timeNano` of 19 digits.
    pub fn of(lines: &[impl AsRef<[u8]>]) -> Self {
        Self { templates: lines.iter().map(|line| Template::new(line.as_ref())).collect(), next: 0 }
    }

    /// Begins so many lines later.
    pub fn skip(&mut self, lines: usize) {
        self.next += lines as u64;
    }

    /// The next line, without its end.
    pub fn next(&mut self) -> &[u8] {
        let count = self.templates.len() as u64;
        let (number, round) = (self.next, self.next / count);
        self.next += 1;
        let template = &mut self.templates[usize::try_from(number % count).unwrap()];
        template.write(number, round);
        &template.line
    }
}

/// One `start` event of a container with so many labels, or so long.
pub fn labelled(labels: usize, least: usize) -> Vec<u8> {
    let id = "3f".repeat(ID / 2);
    // Sorted, as Docker writes them.
    let own = r#""image":"registry.example.com/team/app:1.2.3","name":"app-1""#;
    let line = |labels: &str| {
        format!(
            r#"{{"Type":"container","Action":"start","Actor":{{"ID":"{id}","Attributes":{{{labels}{own}}}}},"scope":"local","time":1795217220,"timeNano":1795217220000000000}}"#
        )
    };
    let mut attributes = String::new();
    // What is long in practice is a few labels with whole configurations in them.
    let room = least.saturating_sub(line("").len());
    let parts = room.div_ceil(2000).max(1);
    for part in 0..parts {
        let size = room / parts;
        if size > 30 {
            let value = "setting on; ".repeat(size);
            write!(attributes, r#""com.example.config-{part:03}":"{}","#, value.get(..size - 28).unwrap()).unwrap();
        }
    }
    for n in 0..labels {
        write!(attributes, r#""com.example.label-{n:04}":"value {n}","#).unwrap();
    }
    line(&attributes).into_bytes()
}
