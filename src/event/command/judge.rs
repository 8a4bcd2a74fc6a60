//! Judges command lines: each simple command by the program that it runs and what that is given, and all of them by what
//! flows from one to the next.

use super::category::{Category, Found};
use super::marks::Marks;
use super::names::{DECODES, Kinds};
use super::programs::{self, Program, unversioned};
use super::roles::{self, Access};
use super::traces::{self, Trace};
use super::words::{Join, Lexer, Redirect, Simple, Syntax};
use super::wrappers::{ScriptAt, is_among};

/// Lines within lines are followed so far.
const MAX_DEPTH: usize = 6;

/// Programs that run one another are followed so far.
const MAX_WRAPPERS: usize = 12;

/// So much is looked at of what stands within the line, in bytes, as a multiple of the line.
const NESTED: usize = 3;

/// So many programs of the table are looked at with all their rows.
const MAX_PROGRAMS: usize = 4096;

/// Programs that are given such paths on ordinary days and do not write to them.
const NO_WRITERS: &str = "logrotate systemctl service run-parts crond supercronic sshd nginx ansible-playbook";

/// Words of shells behind which a command stands.
const KEYWORDS: &str = "if then else elif do while until for in { } ! time case esac fi done function select coproc [[ select";

/// Folders that anyone may write to.
const SHARED_FOLDERS: [&str; 6] = ["/tmp/", "/dev/shm/", "/var/tmp/", "./", "/run/shm/", "/dev/mqueue/"];

/// Judges a command whose arguments are known each for itself.
#[must_use]
pub fn of_argv<'a>(argv: impl Iterator<Item = &'a str>) -> Found {
    let simple = Simple::of_words(argv);
    let mut judge = Judge::new(simple.text().len());
    judge.simple(&simple, &mut Flow::default(), 0);
    judge.end(simple.text())
}

/// Judges a command line whose arguments were joined with blanks.
#[must_use]
pub fn of_line(line: &str) -> Found {
    let mut judge = Judge::new(line.len());
    judge.line(line, Syntax::Joined, 0);
    if judge.in_code {
        judge.mark(line);
    }
    judge.end(line)
}

/// What flows between the simple commands of one line.
#[derive(Debug, Default)]
struct Flow {
    /// Something in this pipeline decodes.
    decodes: bool,
    /// Something in this pipeline fetches.
    fetches: bool,
    /// Something in this pipeline opens a connection.
    connects: bool,
    /// Something in this pipeline is a shell.
    shells: bool,
    /// Something in this pipeline shows the environment.
    shows_environment: bool,
    /// A substitution's output is run.
    is_run: bool,
    /// Something was fetched or unpacked before on this line.
    fetched: bool,
    /// With what arguments.
    fetched_by: String,
    /// Something was put away under a password before on this line.
    locks: bool,
}

impl Flow {
    /// What is left of it for the next pipeline.
    fn next(self) -> Self {
        Self { fetched: self.fetched, fetched_by: self.fetched_by, locks: self.locks, ..Self::default() }
    }

    /// Whether a program or script is one that was fetched.
    fn has_fetched(&self, path: &str) -> bool {
        let name = name_of(path);
        self.fetched && (is_shared(path) || (name.len() > 1 && self.fetched_by.contains(name)))
    }
}

struct Judge {
    found: Found,
    marks: Marks,
    in_code: bool,
    /// Whether what is looked at is code.
    is_code: bool,
    /// What code names that is grave where it writes to it.
    named_in_code: Option<(Category, &'static str)>,
    left: usize,
    programs: usize,
    pool: Vec<Simple>,
}

impl Judge {
    fn new(length: usize) -> Self {
        let left = length.saturating_mul(NESTED) + 1024;
        Self { found: Found::default(), marks: Marks::default(), in_code: false, is_code: false, named_in_code: None, left, programs: 0, pool: Vec::new() }
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
        let program = if simple.continues { None } else { self.programs_of(simple, flow, depth) };
        let (name, place) = program.unwrap_or_default();
        let name = name_of(simple.word(place).filter(|_| !name.is_empty()).unwrap_or_default());
        self.traces(simple, unversioned_known(name), place);
        flow.fetches |= !had && self.found.has(Category::Download);
        flow.fetched |= flow.fetches;
    }

    /// The programs that a simple command runs, one after the other; the last, with its place.
    fn programs_of(&mut self, simple: &Simple, flow: &mut Flow, depth: usize) -> Option<(String, usize)> {
        let mut waiting = vec![0];
        let mut last = None;
        let mut steps = 0;
        while let Some(from) = waiting.pop() {
            steps += 1;
            let Some(place) = command_word(simple, from) else { continue };
            let word = simple.word(place).unwrap_or_default();
            let name = known_name(word);
            last.get_or_insert((name.to_owned(), place));
            if steps > 1 {
                last = Some((name.to_owned(), place));
            }
            self.program(simple, place, name, flow, depth);
            let Some(program) = programs::find(name) else {
                if is_loader(name) && simple.word(place + 1).is_some() {
                    waiting.push(place + 1);
                }
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
                Some(ScriptAt::From(place)) => self.line(simple.text_from(place), Syntax::Shell, depth + 1),
                None => {}
            }
        }
    }

    /// A line in one word; where it is a plain word its arguments may have come apart.
    fn script(&mut self, simple: &Simple, place: usize, depth: usize, waiting: &mut Vec<usize>) {
        let Some(script) = simple.word(place) else { return };
        if script.contains([' ', '\t', '\n', ';', '|', '&', '$', '`', '(', '<', '>', '\'', '"', '\\']) {
            self.line(script, Syntax::Shell, depth + 1);
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

    fn program(&mut self, simple: &Simple, place: usize, name: &str, flow: &mut Flow, depth: usize) {
        let from = place + 1;
        if name.ends_with("miner") {
            self.add(Category::Miner, "T1496");
        }
        let Some(program) = programs::find(name) else {
            return self.unknown(simple, place, flow);
        };
        self.programs += 1;
        if self.programs > MAX_PROGRAMS {
            return;
        }
        for (condition, category, technique) in program.rows() {
            if condition.holds(simple, from) {
                self.add(category, technique);
                if category == Category::Download {
                    flow.fetches = true;
                    flow.fetched_by = beginning(simple.text_from(from)).to_owned();
                }
            }
        }
        self.flows(simple, from, (name, program.kinds), flow);
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
        if simple.len() > place + 1 && self.programs < MAX_PROGRAMS {
            self.programs += 1;
            for (condition, category, technique) in programs::of_any() {
                if condition.holds(simple, place + 1) {
                    self.add(category, technique);
                }
            }
        }
    }

    /// What comes into a program from those before it, and what it gives to the next.
    fn flows(&mut self, simple: &Simple, from: usize, (name, kinds): (&str, Kinds), flow: &mut Flow) {
        let given = simple.text_from(from);
        let has = |texts: &[&str]| texts.iter().any(|text| given.contains(text));
        let is_shell = kinds.has(Kinds::SHELL);
        let is_runner = is_shell || kinds.has(Kinds::READER);
        let reads = simple.before == Join::Pipe || simple.before == Join::Close;
        if is_runner && reads && !gives_script(simple, from, is_shell) {
            self.run(flow);
        }
        flow.is_run |= is_runner && simple.after == Join::Open;
        flow.shells |= is_shell;
        flow.connects |= kinds.has(Kinds::CONNECTOR) && (name != "openssl" || has(&["s_client"]));
        if flow.connects && flow.shells && (simple.before == Join::Pipe || simple.after == Join::Pipe) {
            self.add(Category::ReverseShell, "T1059.004");
        }
        let unlocks = (kinds.has(Kinds::DECODER) && simple.words_from(from).any(|word| DECODES.contains(&word)))
            || kinds.has(Kinds::UNPACKER);
        let expands = match name {
            "rev" | "zcat" | "gunzip" => true,
            "tr" => has(&["A-Za-z", "a-zA-Z", "A-MN-Z"]),
            _ if kinds.has(Kinds::EXPANDER) => has(&["\\x", "\\1", "-dc", "-d "]),
            _ => kinds.has(Kinds::INTERPRETER) && has(&["decode", "base64", "unhex", "fromhex", "pack("]),
        };
        flow.decodes |= unlocks || expands;
        flow.fetched |= unlocks;
        if simple.before == Join::Pipe && (name == "su" || (name == "sudo" && has(&["-S"]))) {
            self.add(Category::CredentialAccess, "T1110.001");
        }
        flow.locks |= is_among("zip 7z 7za rar", name) && has(&["-p", "-P ", "--password"]);
        if flow.locks && name == "rm" {
            self.add(Category::Destruction, "T1486");
        }
        if flow.is_run && (flow.decodes || self.found.has(Category::Download)) {
            self.run_found(flow);
        }
        flow.shows_environment |= kinds.has(Kinds::ENVIRONMENT);
        let secrets = ["pass", "PASS", "secret", "SECRET", "token", "TOKEN", "KEY", "key", "cred", "AWS", "pwd"];
        if flow.shows_environment && kinds.has(Kinds::FINDER) && has(&secrets) {
            self.add(Category::CredentialAccess, "T1552.001");
        }
        if simple.targets().any(|(redirect, target)| redirect == Redirect::Here && is_shell && target.contains("$(")) {
            self.add(Category::DecodeAndRun, "T1140");
        }
    }

    fn run(&mut self, flow: &Flow) {
        if flow.decodes || flow.fetches {
            self.run_found(flow);
        }
    }

    fn run_found(&mut self, flow: &Flow) {
        self.add(Category::DecodeAndRun, if flow.decodes { "T1140" } else { "T1105" });
    }

    /// What the texts in a command tell.
    fn traces(&mut self, simple: &Simple, name: &str, place: usize) {
        let in_substitution = simple.before == Join::Open;
        for (trace, at) in traces::of(simple.text()) {
            let access = || roles::access(name, simple, place, at);
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
                    let reads = roles::shows(name) || simple.redirect_at(at) == Some(Redirect::Read);
                    reads.then_some((category, technique))
                }
                Trace::ShownOpenly(category, technique) => {
                    (roles::shows(name) && !in_substitution).then_some((category, technique))
                }
                Trace::Key(category, technique) => {
                    let is_used = access() != Access::Names && !roles::uses_keys(name);
                    let reads = roles::shows(name) || access() == Access::Unknown;
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
    fn end(mut self, line: &str) -> Found {
        if self.marks.has(Marks::DEVICE) {
            // Where messages go says nothing.
            let plain = ["2>&1", "1>&2", ">&2", "&>/dev/null", "&> /dev/null"];
            let plain = plain.iter().fold(line.to_owned(), |line, harmless| line.replace(harmless, " "));
            let is_led = ["0>&1", "<&", ">&", "0<", "| sh", "|sh", "| bash", "|bash", " -i "].iter().any(|sign| plain.contains(sign));
            let is_near = ["/dev/tcp/localhost/", "/dev/tcp/127."].iter().any(|near| line.contains(near));
            let (category, technique) = if is_led && !is_near {
                (Category::ReverseShell, "T1059.004")
            } else {
                (Category::Download, "T1105")
            };
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
    option.starts_with(['e', 'c', 'r', 'E', 'p', 'n', 'l', 'M']) || option.ends_with(['e', 'c', 'r', 'E'])
        || option.starts_with("-e")
}

/// Whether a shell or interpreter is given what it runs, so that it does not read it.
fn gives_script(simple: &Simple, from: usize, is_shell: bool) -> bool {
    let mut words = simple.words_from(from).take(16);
    if is_shell {
        return words.any(|word| {
            (word.starts_with('-') && !word.starts_with("--") && word.contains('c'))
                || (!word.starts_with(['-', '+']) && !word.starts_with("/dev/") && !simple.words_from(from).any(|word| word == "-s"))
        });
    }
    words.any(|word| !word.starts_with('-') && !word.starts_with("/dev/"))
}

fn is_downloader(name: &str) -> bool {
    is_among("curl wget", name)
}

fn is_shared(word: &str) -> bool {
    SHARED_FOLDERS.iter().any(|folder| word.starts_with(folder))
}

/// Whether the word at a place of a command is a log that was put away.
fn is_archive(simple: &Simple, at: usize) -> bool {
    let word = simple.word_at(at).and_then(|place| simple.word(place)).unwrap_or_default();
    let is_old = [".gz", ".old", ".1", ".xz", ".zip", ".bz2"].iter().any(|end| word.ends_with(end));
    is_old || ["-mtime", "+7", "*.gz", "*.log.*", "-mmin"].iter().any(|aged| simple.text().contains(aged))
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
    let is_before = |word: &str| is_assignment(word) || is_among(KEYWORDS, word) || word == "--" || word.is_empty();
    let before = simple.words_from(from).take_while(|word| is_before(word)).count();
    (from + before < simple.len()).then_some(from + before)
}

/// The name of a program in its path.
fn name_of(word: &str) -> &str {
    // What a variable without a value, or a dot, hides.
    let word = word.strip_prefix("${").and_then(|rest| rest.split_once('}')).map_or(word, |(_, name)| name);
    let name = word.rsplit('/').next().unwrap_or_default();
    if name.len() > 2 { name.trim_start_matches('.') } else { name }
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
        (Some((b'*', rest)), _) => matches(rest, name) || name.split_first().is_some_and(|(_, less)| matches(pattern, less)),
        (Some((b'?', rest)), Some((_, less))) => matches(rest, less),
        (Some((one, rest)), Some((other, less))) => one == other && matches(rest, less),
        _ => false,
    }
}

/// So much of what a program was given is kept, in bytes.
const KEPT: usize = 512;

fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(KEPT)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The name without a version, where it is known by that.
fn unversioned_known(name: &str) -> &str {
    let bare = unversioned(name);
    if bare != name && Kinds::of(bare) != Kinds::default() { bare } else { name }
}
