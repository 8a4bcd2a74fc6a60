//! Judges command lines: each simple command by the program that it runs and what that is given, and all of them by what
//! flows from one to the next.

use std::ops::Range;

use super::category::{Category, Found};
use super::flow::{Flow, name_of};
use super::lexer::{Lexer, Syntax};
use super::marks::Marks;
use super::names::Kinds;
use super::programs::{self, Program, unversioned};
use super::roles::{self, Access, Role};
use super::traces::{self, Trace};
use super::words::{Join, Redirect, Simple, beginning};
use super::wrappers::{ScriptAt, is_among};

/// Lines within lines are followed so far.
const MAX_DEPTH: usize = 6;

/// Programs that run one another are followed so far.
const MAX_WRAPPERS: usize = 8;

/// Longer than any honest command, in bytes. What is behind is not looked at; that there is so much is a finding.
pub const MAX_JUDGED: usize = 32 << 10;

/// So much is looked at of what stands within the line, in bytes, as a multiple of the line.
const NESTED: usize = 2;

/// So many programs that no table has are judged by their arguments.
const MAX_UNKNOWN: usize = 256;

/// Programs that are given such paths on ordinary days and do not write to them.
const NO_WRITERS: &str = "logrotate systemctl service run-parts crond supercronic sshd nginx ansible-playbook";

/// Judges a command whose arguments are known each for itself.
#[must_use]
pub fn of_argv<'a>(argv: impl Iterator<Item = &'a str>) -> Found {
    let mut left = MAX_JUDGED;
    let mut is_whole = true;
    let kept = argv.map_while(|word| {
        let kept = beginning(word, left);
        is_whole &= kept.len() == word.len();
        // An empty word costs something too.
        left = left.saturating_sub(kept.len() + 1);
        (left > 0 || !kept.is_empty()).then_some(kept)
    });
    let simple = Simple::of_words(kept);
    let mut judge = Judge::new(simple.text().len());
    judge.simple(&simple, &mut Flow::default(), 0);
    judge.end(simple.text(), is_whole)
}

/// Judges a command line whose arguments were joined with blanks.
#[must_use]
pub fn of_line(line: &str) -> Found {
    let kept = beginning(line, MAX_JUDGED);
    let mut judge = Judge::new(kept.len());
    judge.line(kept, Syntax::Joined, 0);
    if judge.in_code {
        judge.mark(kept);
    }
    judge.end(kept, kept.len() == line.len())
}

struct Judge {
    found: Found,
    marks: Marks,
    in_code: bool,
    /// Whether what is looked at is code.
    is_code: bool,
    /// The words of the simple command that were judged as a line of their own.
    nested: Range<usize>,
    /// What code names that is grave where it writes to it.
    named_in_code: Option<(Category, &'static str)>,
    left: usize,
    unknown: usize,
    pool: Vec<Simple>,
}

impl Judge {
    fn new(length: usize) -> Self {
        let left = length.saturating_mul(NESTED) + 1024;
        Self {
            found: Found::default(),
            marks: Marks::default(),
            in_code: false,
            is_code: false,
            nested: 0..0,
            named_in_code: None,
            left,
            unknown: 0,
            pool: Vec::new(),
        }
    }

    fn add(&mut self, category: Category, technique: &'static str) {
        self.found.add(category, technique);
    }

    /// A line, and once more without its quotes where these do not match.
    fn line(&mut self, line: &str, syntax: Syntax, depth: usize) {
        if depth > MAX_DEPTH || line.len() > self.left {
            return;
        }
        if depth > 0 {
            self.left -= line.len();
        }
        let was_code = std::mem::replace(&mut self.is_code, syntax == Syntax::Code);
        let lexer = Lexer::new(line, syntax);
        if self.each(lexer, depth) && syntax != Syntax::Code {
            self.each(Lexer::without_quotes(line, syntax), depth);
        }
        self.is_code = was_code;
    }

    /// Each simple command; whether a quote was not closed.
    fn each(&mut self, mut lexer: Lexer<'_>, depth: usize) -> bool {
        let mut simple = self.pool.pop().unwrap_or_default();
        let mut flow = Flow::default();
        while lexer.next(&mut simple) {
            // Nothing between a group and what follows it.
            let is_empty = simple.len() == 0 && simple.targets().next().is_none();
            if simple.before == Join::List && !is_empty {
                flow = flow.next();
            }
            self.simple(&simple, &mut flow, depth);
        }
        self.pool.push(simple);
        lexer.is_unbalanced
    }

    fn simple(&mut self, simple: &Simple, flow: &mut Flow, depth: usize) {
        let had = self.found.has(Category::Download);
        self.nested = 0..0;
        let program = if simple.continues { None } else { self.programs_of(simple, flow, depth) };
        let place = program.unwrap_or_default();
        let name = program.and_then(|place| simple.word(place)).map_or("", name_of);
        // Shorter than anything that is searched for.
        if simple.text().len() > 3 {
            self.traces(simple, unversioned_known(name), place);
        }
        flow.fetches |= !had && self.found.has(Category::Download);
        flow.fetched |= flow.fetches;
    }

    /// The programs that a simple command runs, one after the other; the place of the last.
    fn programs_of(&mut self, simple: &Simple, flow: &mut Flow, depth: usize) -> Option<usize> {
        let mut next = Some(0);
        let mut waiting = Vec::new();
        let mut last = None;
        let mut steps = 0;
        while let Some(from) = next.take().or_else(|| waiting.pop()) {
            steps += 1;
            let Some(place) = command_word(simple, from) else { continue };
            let name = known_name(simple.word(place).unwrap_or_default());
            last = Some(place);
            let Some(program) = self.program(simple, place, name, flow, depth) else {
                next = (is_loader(name) && simple.word(place + 1).is_some()).then_some(place + 1);
                continue;
            };
            if steps < MAX_WRAPPERS {
                self.wrapped(program, simple, place + 1, depth, &mut waiting);
            }
            if program.kinds.has(Kinds::SHELL) {
                self.shell(simple, place, depth, flow, &mut waiting);
            } else if program.kinds.has(Kinds::INTERPRETER) {
                self.script_file(simple, place + 1, flow, depth);
            }
        }
        last
    }

    /// What a wrapper runs.
    fn wrapped(&mut self, program: &Program, simple: &Simple, from: usize, depth: usize, waiting: &mut Vec<usize>) {
        for runs in &program.runs {
            waiting.extend(runs.programs(simple, from));
            match runs.script(simple, from) {
                Some(ScriptAt::Word(place)) => self.script(simple, place, depth, waiting),
                Some(ScriptAt::From(place)) => {
                    self.line(simple.text_from(place), Syntax::Shell, depth + 1);
                    self.nested = place..simple.len();
                }
                None => {}
            }
        }
    }

    /// A line in one word; where it is a plain word its arguments may have come apart.
    fn script(&mut self, simple: &Simple, place: usize, depth: usize, waiting: &mut Vec<usize>) {
        let Some(script) = simple.word(place) else { return };
        if script.contains([' ', '\t', '\n', ';', '|', '&', '$', '`', '(', '<', '>', '\'', '"', '\\']) {
            self.line(script, Syntax::Shell, depth + 1);
            self.nested = place..place + 1;
        } else {
            waiting.push(place);
        }
    }

    /// What a shell is given: a command, a file, or what it reads.
    fn shell(&mut self, simple: &Simple, place: usize, depth: usize, flow: &mut Flow, waiting: &mut Vec<usize>) {
        flow.shells = true;
        let mut at = place + 1;
        while let Some(word) = simple.word(at).filter(|word| word.starts_with(['-', '+'])) {
            at += 1;
            if !word.starts_with("--") && word.contains('c') && word.len() < 8 {
                // Options may still follow.
                while simple.word(at).is_some_and(|word| word.starts_with('-') && word.len() > 1) {
                    at += 1;
                }
                return self.script(simple, at, depth, waiting);
            }
            at += usize::from(matches!(word, "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file"));
        }
        if simple.word(at).is_some_and(|script| flow.has_fetched(script)) {
            self.add(Category::DecodeAndRun, "T1105");
        }
        self.script_file(simple, at, flow, depth);
    }

    /// A script that is run, which is known by its name as any program.
    fn script_file(&mut self, simple: &Simple, from: usize, flow: &mut Flow, depth: usize) {
        let place = simple.words_from(from).take(8).position(|word| !word.starts_with(['-', '+']));
        let Some(place) = place.map(|place| from + place) else { return };
        let script = simple.word(place).filter(|word| word.contains(['/', '.'])).unwrap_or_default();
        if !script.is_empty() {
            self.program(simple, place, known_name(script), flow, depth);
        }
    }

    /// Looks a program up and judges what it is given; none where no table has it.
    fn program(
        &mut self,
        simple: &Simple,
        place: usize,
        name: &str,
        flow: &mut Flow,
        depth: usize,
    ) -> Option<&'static Program> {
        let from = place + 1;
        if name.ends_with("miner") {
            self.add(Category::Miner, "T1496");
        }
        let Some(program) = programs::find(name) else {
            self.unknown(simple, place, flow);
            return None;
        };
        for (condition, category, technique) in program.rows() {
            let is_download = category == Category::Download;
            if (is_download || !self.found.is_settled(category)) && condition.holds(simple, from) {
                self.add(category, technique);
                if is_download {
                    flow.fetch(simple.text_from(from));
                }
            }
        }
        flow.step(simple, from, (name, program.kinds), &mut self.found);
        if program.kinds.has(Kinds::INTERPRETER) {
            let given = simple.text_from(from);
            let has_code = given.len() > name.len() && given.contains(['(', '"', '\'', ';', '{', '`', '!', ' ']);
            if has_code {
                self.in_code |= simple.words_from(from).any(|word| word.len() > 1 && is_code_option(word))
                    || program.kinds.has(Kinds::CODE_FIRST);
                self.mark(given);
                self.line(given, Syntax::Code, depth + 1);
            }
        }
        Some(program)
    }

    /// Looks for what code does.
    fn mark(&mut self, code: &str) {
        for (trace, _) in traces::of(code) {
            if let Trace::Mark(mark) = trace {
                self.marks.add(mark);
            }
        }
    }

    /// A program of which only its arguments and its place tell.
    fn unknown(&mut self, simple: &Simple, place: usize, flow: &Flow) {
        let word = simple.word(place).unwrap_or_default();
        if flow.has_fetched(word) && word.contains('/') {
            self.add(Category::DecodeAndRun, "T1105");
        }
        let given = simple.beginning_from(place + 1);
        let may_tell =
            given.contains([':', '-']) && (given.contains(':') || given.contains("sh") || given.contains("-l"));
        if may_tell && self.unknown < MAX_UNKNOWN {
            self.unknown += 1;
            for (condition, category, technique) in programs::of_any() {
                if condition.holds(simple, place + 1) {
                    self.add(category, technique);
                }
            }
        }
    }

    /// What the texts in a command tell.
    fn traces(&mut self, simple: &Simple, name: &str, place: usize) {
        let in_substitution = simple.before == Join::Open;
        let mut role = None;
        for (trace, at) in traces::of(simple.text()) {
            if trace.category().is_some_and(|category| self.found.is_settled(category)) && !self.is_code {
                continue;
            }
            if simple.word_at(at).is_some_and(|word| self.nested.contains(&word)) {
                continue;
            }
            let role = *role.get_or_insert_with(|| Role::of(name, simple, place));
            let access = || role.access(simple, at);
            let found = match trace {
                Trace::Mark(mark) => {
                    if mark == Marks::DEVICE {
                        self.marks.add(mark);
                    }
                    continue;
                }
                Trace::Said(category, technique) => Some((category, technique)),
                Trace::Told(category, technique) => {
                    // What stands at the command's own place is looked up by its name.
                    let is_told = simple.word_at(at).is_none_or(|word| word != place || category != Category::Shell);
                    let is_read = match access() {
                        Access::Names => true,
                        Access::Reads => category != Category::Miner && !is_downloader(name),
                        Access::Writes | Access::Removes => category == Category::Shell,
                        Access::Unknown => false,
                    };
                    (is_told && !is_read).then_some((category, technique))
                }
                Trace::Used(category, technique) => (access() != Access::Names).then_some((category, technique)),
                Trace::Shown(category, technique) => {
                    let reads = role.shows || simple.redirect_at(at) == Some(Redirect::Read);
                    reads.then_some((category, technique))
                }
                Trace::ShownOpenly(category, technique) => {
                    (role.shows && !in_substitution).then_some((category, technique))
                }
                Trace::Key(category, technique) => {
                    let is_used = access() != Access::Names && !roles::uses_keys(name);
                    let reads = role.shows || access() == Access::Unknown;
                    (is_used && reads).then_some((category, technique))
                }
                Trace::Written(category, technique) => {
                    let access = access();
                    if self.is_code {
                        self.named_in_code = Some((category, technique));
                    }
                    let writes = matches!(access, Access::Writes | Access::Removes)
                        || (access == Access::Unknown && programs::find(name).is_some() && !is_among(NO_WRITERS, name));
                    writes.then_some((category, technique))
                }
                Trace::Removed(category, technique) => {
                    (access() == Access::Removes && !is_archive(simple, at)).then_some((category, technique))
                }
            };
            if let Some((category, technique)) = found {
                self.add(category, technique);
            }
        }
    }

    /// What all of it comes to.
    fn end(mut self, line: &str, is_whole: bool) -> Found {
        if !is_whole {
            self.add(Category::CoveringTracks, "T1027");
        }
        if self.marks.has(Marks::DEVICE) {
            // Where messages go says nothing.
            let plain = ["2>&1", "1>&2", ">&2", "&>/dev/null", "&> /dev/null"];
            let plain = plain.iter().fold(line.to_owned(), |line, harmless| line.replace(harmless, " "));
            let is_led = ["0>&1", "<&", ">&", "0<", "| sh", "|sh", "| bash", "|bash", " -i "]
                .iter()
                .any(|sign| plain.contains(sign));
            let is_near = ["/dev/tcp/localhost/", "/dev/tcp/127."].iter().any(|near| line.contains(near));
            let (category, technique) =
                if is_led && !is_near { (Category::ReverseShell, "T1059.004") } else { (Category::Download, "T1105") };
            self.add(category, technique);
        }
        if self.found.has(Category::InterpreterCode) && !self.in_code {
            // The code stands elsewhere on the line: in a file that it writes, or in what is piped.
            self.mark(line);
            self.in_code = true;
        }
        if let Some((category, technique)) = self.named_in_code.filter(|_| self.marks.has(Marks::WRITE)) {
            self.add(category, technique);
        }
        let marks = self.marks;
        marks.judge(self.in_code, &mut self.found);
        self.found
    }
}

/// A dynamic loader runs what it is given.
fn is_loader(name: &str) -> bool {
    name.starts_with("ld-") && name.contains(".so")
}

/// Whether a word is an option behind which code stands.
fn is_code_option(word: &str) -> bool {
    let Some(option) = word.strip_prefix('-') else { return word.contains(['(', ';']) };
    option.starts_with(['e', 'c', 'r', 'E', 'p', 'n', 'l', 'M'])
        || option.ends_with(['e', 'c', 'r', 'E'])
        || option.starts_with("-e")
}

fn is_downloader(name: &str) -> bool {
    is_among("curl wget", name)
}

/// Whether the word at a place of a command is a log that was put away.
fn is_archive(simple: &Simple, at: usize) -> bool {
    let word = simple.word_at(at).and_then(|place| simple.word(place)).unwrap_or_default();
    let is_old = [".gz", ".old", ".1", ".xz", ".zip", ".bz2"].iter().any(|end| word.ends_with(end));
    is_old || ["-mtime", "+7", "*.gz", "*.log.*", "-mmin"].iter().any(|aged| simple.text().contains(aged))
}

/// Whether a word is one of a shell's own behind which a command stands.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "then"
            | "else"
            | "elif"
            | "do"
            | "while"
            | "until"
            | "for"
            | "in"
            | "{"
            | "}"
            | "!"
            | "time"
            | "case"
            | "esac"
            | "fi"
            | "done"
            | "function"
            | "select"
            | "coproc"
            | "[["
    )
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The place of the program's name, behind keywords and variables.
fn command_word(simple: &Simple, from: usize) -> Option<usize> {
    let is_before = |word: &str| is_assignment(word) || is_keyword(word) || word == "--" || word.is_empty();
    let before = simple.words_from(from).take_while(|word| is_before(word)).count();
    (from + before < simple.len()).then_some(from + before)
}

/// The name that a program is known by; a pattern is what it matches.
fn known_name(word: &str) -> &str {
    let name = name_of(word);
    if name.contains(['?', '*', '[']) && word.len() < 64 {
        let programs = ["sh", "bash", "nc", "cat", "wget", "curl", "python", "base64", "nsenter", "passwd"];
        if let Some(program) = programs.into_iter().find(|program| matches(name.as_bytes(), program.as_bytes())) {
            return program;
        }
    }
    name
}

/// Whether a name is this pattern of a shell; short ones only.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, name) || name.split_first().is_some_and(|(_, less)| matches(pattern, less))
        }
        (Some((b'?', rest)), Some((_, less))) => matches(rest, less),
        (Some((one, rest)), Some((other, less))) => one == other && matches(rest, less),
        _ => false,
    }
}

/// The name without a version, where it is known by that.
fn unversioned_known(name: &str) -> &str {
    let bare = unversioned(name);
    if bare != name && Kinds::of(bare) != Kinds::default() { bare } else { name }
}
