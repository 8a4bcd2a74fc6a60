//! What the table of clients says of a command: finds its programs, and their secrets among its words.

use std::ops::Range;

use super::clients::{CLIENTS, Client};
use super::header;
use super::kinds::{Kind, Secret};
use super::stdin::{OTHER_READERS, READERS};
use super::text::{Text, base, is_blank};
use super::value::{is_option, is_path, is_reference, looks_random};
use super::words::Command;

/// So many slots there are for names of programs.
const SLOTS: usize = 8192;

/// A number that few other words have: of its length, its first letters and its last.
fn slot(name: &str) -> usize {
    let byte = |at: usize| usize::from(name.as_bytes().get(at).copied().unwrap_or_default());
    (name.len() * 61 + byte(0) * 7 + byte(1) * 167 + byte(name.len().saturating_sub(1)) * 1031) % SLOTS
}

/// What a byte ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Nothing,
    Folder,
    Word,
}

#[allow(clippy::indexing_slicing, reason = "done by the compiler, which would refuse")]
static WORD_ENDS: [Ends; 256] = {
    let mut ends = [Ends::Nothing; 256];
    ends[b'/' as usize] = Ends::Folder;
    let words = b" \t\n\"';|&(`";
    let mut at = 0;
    while at < words.len() {
        ends[words[at] as usize] = Ends::Word;
        at += 1;
    }
    ends
};

/// The names of all programs of the table, for a look at each word of each text.
#[derive(Debug)]
pub struct Programs {
    /// Sorted, each with its lines of the table.
    names: Vec<(&'static str, Vec<usize>)>,
    /// What the lines of the table say.
    places: Vec<Places>,
    /// The slots of all names, as bits: most words have another, and need no comparison.
    slots: [u64; SLOTS / 64],
}

impl Programs {
    /// Of the whole table.
    pub fn new() -> Self {
        let mut names: Vec<(&'static str, usize)> = CLIENTS
            .iter()
            .enumerate()
            .flat_map(|(line, client)| client.names.split(' ').map(move |name| (name, line)))
            .collect();
        // Of these no line says anything, but they are worth a look.
        names.extend(READERS.iter().chain(&OTHER_READERS).map(|name| (*name, usize::MAX)));
        names.sort_unstable();
        let mut grouped: Vec<(&'static str, Vec<usize>)> = Vec::new();
        let mut slots = [0_u64; SLOTS / 64];
        for (name, line) in names {
            let slot = slot(name);
            if let Some(slots) = slots.get_mut(slot / 64) {
                *slots |= 1 << (slot % 64);
            }
            match grouped.last_mut() {
                Some((known, lines)) if *known == name => lines.push(line),
                _ => grouped.push((name, vec![line])),
            }
        }
        Self { names: grouped, places: CLIENTS.iter().map(Places::of).collect(), slots }
    }

    /// The lines of the table for a program.
    fn lines(&self, name: &str) -> &[usize] {
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let slot = slot(name);
        if self.slots.get(slot / 64).is_none_or(|slots| slots >> (slot % 64) & 1 == 0) {
            return &[];
        }
        let found = self.names.binary_search_by(|(known, _)| (*known).cmp(name));
        found.ok().and_then(|place| self.names.get(place)).map_or(&[], |(_, lines)| lines)
    }

    /// Whether there may be a program of the table in a text, with something for it.
    pub fn may_be_in(&self, text: &str) -> bool {
        if !text.bytes().any(is_blank) {
            return false;
        }
        // Where the name of the program would begin, in its path.
        let mut start = 0;
        for (at, byte) in text.bytes().enumerate() {
            match WORD_ENDS.get(usize::from(byte)) {
                Some(Ends::Word) => {
                    if self.may_take(text, start, at) {
                        return true;
                    }
                    start = at + 1;
                }
                Some(Ends::Folder) => start = at + 1,
                _ => {}
            }
        }
        self.may_take(text, start, text.len())
    }

    /// Whether this word is a program that may be given a secret by what is behind it.
    fn may_take(&self, text: &str, start: usize, end: usize) -> bool {
        const MOST_WORDS: usize = 256;
        if end < start + 2 {
            return false;
        }
        let lines = text.get(start..end).map_or(&[][..], |name| self.lines(name));
        if lines.is_empty() {
            return false;
        }
        let is_end = |c: char| c.is_ascii() && matches!(WORD_ENDS.get(c as usize), Some(Ends::Word));
        let words = text.get(end..).unwrap_or_default().split(is_end).take(MOST_WORDS);
        let reads = || text.contains(['|', '<']);
        let mut places = lines.iter().map(|line| self.places.get(*line));
        places.any(|places| places.map_or_else(reads, |places| places.may_apply(words.clone())))
    }

    /// Adds the secrets of all programs of a command.
    pub fn find(&self, text: &Text<'_>, command: &Command, secrets: &mut Vec<Secret>) {
        /// A command has no more programs than this that are each given secrets.
        const MOST: usize = 8;
        let mut found = 0;
        for (place, word) in command.words.iter().enumerate() {
            let name = text.part(word.clone());
            if name.contains("://") {
                continue;
            }
            let lines = self.lines(base(name));
            let Some(rest) = command.words.get(place + 1..).filter(|rest| !rest.is_empty() && !lines.is_empty()) else {
                continue;
            };
            let mut known = lines.iter().filter_map(|line| self.places.get(*line)).peekable();
            found += usize::from(known.peek().is_some());
            known.for_each(|places| places.find(text, rest, secrets));
            if found == MOST {
                break;
            }
        }
        find_by_option(text, command, found > 0, secrets);
    }

    /// The places of options whose values are no secrets, whatever their names say.
    pub fn harmless(&self, text: &Text<'_>, command: &Command) -> Vec<Range<usize>> {
        let mut harmless = Vec::new();
        for (place, word) in command.words.iter().enumerate().take(64) {
            for places in self.lines(base(text.part(word.clone()))).iter().filter_map(|line| self.places.get(*line)) {
                let Some(option) = places.not else { continue };
                let options = command.words.iter().skip(place + 1).take(256);
                harmless.extend(options.filter(|word| text.part((*word).clone()).starts_with(option)).cloned());
            }
        }
        harmless
    }
}

/// Which part of a value is the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    User,
    Percent,
    Comma,
    Last,
    Pass,
    Pair,
    Header,
    Cookie,
    Login,
    Options,
    Acl,
    Sent,
    Community,
}

impl Part {
    fn of(word: &str) -> Self {
        match word {
            "user" => Self::User,
            "percent" => Self::Percent,
            "comma" => Self::Comma,
            "last" => Self::Last,
            "pass" => Self::Pass,
            "pair" => Self::Pair,
            "header" => Self::Header,
            "cookie" => Self::Cookie,
            "login" => Self::Login,
            "options" => Self::Options,
            "acl" => Self::Acl,
            "sent" => Self::Sent,
            "community" => Self::Community,
            _ => Self::All,
        }
    }
}

/// How the value of an option of one letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined {
    Either,
    Always,
    Never,
}

/// What a line of the table says.
#[derive(Debug, Default)]
struct Places {
    letters: Vec<(u8, Joined, Part)>,
    options: Vec<(&'static str, Part)>,
    /// The word that is counted from, and the number; 0 for all.
    words: Vec<(&'static str, usize, Part)>,
    takes: Option<&'static str>,
    with: Option<&'static str>,
    not: Option<&'static str>,
}

impl Places {
    fn of(client: &'static Client) -> Self {
        let mut places = Self::default();
        for place in client.places.split(' ').filter(|place| !place.is_empty()) {
            if let Some(letters) = place.strip_prefix("takes=") {
                places.takes = Some(letters);
                continue;
            }
            if let Some(word) = place.strip_prefix("with=") {
                places.with = Some(word);
                continue;
            }
            if let Some(option) = place.strip_prefix("not=") {
                places.not = Some(option);
                continue;
            }
            // `config:set@*:pair` has a colon in its word.
            let (place, part) = match place.rsplit_once(':') {
                Some((place, part)) if !part.contains('@') => (place, Part::of(part)),
                _ => (place, Part::All),
            };
            match (place.rsplit_once('@'), place.as_bytes()) {
                (Some((word, number)), _) => places.words.push((word, number.parse().unwrap_or_default(), part)),
                (None, [b'-', letter]) => places.letters.push((*letter, Joined::Either, part)),
                (None, [b'-', letter, b'!']) => places.letters.push((*letter, Joined::Always, part)),
                (None, [b'-', letter, b'+']) => places.letters.push((*letter, Joined::Never, part)),
                _ => places.options.push((place, part)),
            }
        }
        places
    }

    /// Whether one of these words may hold a secret or stand before one.
    fn may_apply<'t>(&self, mut words: impl Iterator<Item = &'t str>) -> bool {
        if self.words.iter().any(|(from, ..)| from.is_empty()) {
            return true;
        }
        words.any(|word| {
            let is_letter = |letter: u8| self.letters.iter().any(|(known, ..)| *known == letter);
            let mut letters = word.strip_prefix('-').unwrap_or_default().bytes().take_while(u8::is_ascii_alphanumeric);
            letters.any(is_letter)
                || self.options.iter().any(|(option, _)| word.starts_with(option.trim_end_matches('*')))
                || self.words.iter().any(|(from, ..)| {
                    word == *from || from.strip_suffix('*').is_some_and(|from| word.starts_with(from))
                })
        })
    }

    /// Whether the word is there that this line is for.
    fn applies(&self, text: &Text<'_>, words: &[Range<usize>]) -> bool {
        let Some(with) = self.with else { return true };
        let letter = with.strip_prefix('-').filter(|letter| letter.len() == 1);
        words.iter().any(|word| {
            let word = text.part(word.clone());
            let has_letter = |letter: &str| word.starts_with('-') && !word.starts_with("--") && word.contains(letter);
            word == with || letter.is_some_and(has_letter)
        })
    }

    fn find(&self, text: &Text<'_>, words: &[Range<usize>], secrets: &mut Vec<Secret>) {
        if !self.applies(text, words) {
            return;
        }
        // How many words were counted from the program, and from each of the words that are counted from.
        let mut counted = 0;
        let mut counts: Vec<Option<usize>> = vec![None; self.words.len()];
        let mut place = 0;
        while let Some(word) = words.get(place) {
            place += 1;
            let shown = text.part(word.clone());
            let next = words.get(place);
            for ((from, ..), count) in self.words.iter().zip(&mut counts) {
                if shown.starts_with('-') && shown == *from {
                    *count = Some(0);
                }
            }
            let is_pair = || {
                self.options
                    .iter()
                    .any(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()) && shown.starts_with(name))
            };
            if (shown.starts_with(['-', '/']) && shown.len() > 1) || is_pair() {
                if let Some(uses_next) = self.option(text, word, next, secrets) {
                    place += usize::from(uses_next);
                    continue;
                }
                if shown.starts_with('-') {
                    continue;
                }
            }
            if matches!(shown, "<" | ">" | ">>" | "2>") {
                place += 1;
                continue;
            }
            counted += 1;
            for ((from, number, part), count) in self.words.iter().zip(&mut counts) {
                let counted = if from.is_empty() { Some(counted) } else { count.map(|count| count + 1) };
                if let Some(counted) = counted {
                    if !from.is_empty() {
                        *count = Some(counted);
                    }
                    let is_pair = *part == Part::All
                        && shown
                            .split_once('=')
                            .is_some_and(|(name, _)| name.len() > 1 && name.bytes().all(super::names::is_part));
                    if (counted == *number || *number == 0) && !is_pair {
                        push(text, word.clone(), *part, false, secrets);
                    }
                } else if shown == *from || from.strip_suffix('*').is_some_and(|from| shown.starts_with(from)) {
                    *count = Some(0);
                }
            }
        }
    }

    /// What an option holds; whether it uses the next word, or none where it is none of the table's.
    fn option(
        &self,
        text: &Text<'_>,
        word: &Range<usize>,
        next: Option<&Range<usize>>,
        secrets: &mut Vec<Secret>,
    ) -> Option<bool> {
        let shown = text.part(word.clone());
        for (name, part) in &self.options {
            if let Some(rest) =
                name.strip_suffix('*').and_then(|name| shown.strip_prefix(name)).filter(|rest| !rest.is_empty())
            {
                push(text, unquoted_end(text, word.end - rest.len()..word.end), *part, false, secrets);
                return Some(false);
            }
            let Some(rest) = shown.strip_prefix(name) else { continue };
            if rest.is_empty() {
                if let Some(next) = next {
                    push(text, next.clone(), *part, true, secrets);
                }
                return Some(next.is_some());
            }
            if matches!(rest, ":file" | ":env") {
                return Some(next.is_some());
            }
            if rest.starts_with(['=', ':']) {
                push(text, unquoted_end(text, word.end - rest.len() + 1..word.end), *part, false, secrets);
                return Some(false);
            }
        }
        if !shown.starts_with('-') || shown.starts_with("--") {
            return None;
        }
        // `-computer-name` is no bundle of letters.
        let is_name = shown.get(1..).is_some_and(|name| {
            let length = name.bytes().take_while(u8::is_ascii_lowercase).count();
            length > 2 && name.as_bytes().get(length) == Some(&b'-')
        });
        for (number, letter) in shown.bytes().enumerate().skip(1).take(if is_name { 1 } else { 8 }) {
            let rest = word.start + number + 1..word.end;
            if let Some((_, joined, part)) = self.letters.iter().find(|(known, ..)| *known == letter) {
                if rest.is_empty() {
                    if let (true, Some(next)) = (*joined != Joined::Always, next) {
                        push(text, next.clone(), *part, true, secrets);
                        return Some(true);
                    }
                } else if *joined != Joined::Never {
                    let from =
                        rest.start + usize::from(*joined == Joined::Either && text.byte(rest.start) == Some(b'='));
                    push(text, unquoted_end(text, from..rest.end), *part, false, secrets);
                }
                return Some(false);
            }
            let takes = self.takes?;
            if takes.as_bytes().contains(&letter) {
                return Some(rest.is_empty());
            }
            if !letter.is_ascii_alphanumeric() {
                return None;
            }
        }
        None
    }
}

/// A place without quotes around it.
fn unquoted_end(text: &Text<'_>, span: Range<usize>) -> Range<usize> {
    super::text::unquoted(text.all, span)
}

/// Adds the secret part of a value, if there is any.
fn push(text: &Text<'_>, span: Range<usize>, part: Part, is_next: bool, secrets: &mut Vec<Secret>) {
    let value = text.part(span.clone());
    if value.is_empty()
        || (is_next && is_option(value) && part != Part::Header)
        || matches!(value, "|" | ">" | "<" | "\\")
    {
        return;
    }
    let behind = |at: Option<usize>| at.map(|at| span.start + at + 1..span.end);
    let found = match part {
        Part::All => Some(span.clone()),
        Part::User => behind(value.find(':')),
        Part::Percent => behind(value.find('%')),
        Part::Comma => behind(value.find(',')),
        Part::Last => behind(value.rfind(':')),
        Part::Pass => value.starts_with("pass:").then(|| span.start + "pass:".len()..span.end),
        Part::Pair => behind(value.find('=')),
        Part::Cookie => value.contains('=').then(|| span.clone()),
        Part::Login => login(value).map(|found| span.start + found.start..span.start + found.end),
        Part::Options => ["password=", "pass=", "password2="].iter().find_map(|name| {
            let from = value.find(name)? + name.len();
            let length = value.get(from..)?.find(',').unwrap_or(value.len() - from);
            Some(span.start + from..span.start + from + length)
        }),
        Part::Acl => value.starts_with('>').then(|| span.start + 1..span.end),
        Part::Sent => ["\\r", "\\n"]
            .iter()
            .find_map(|end| value.strip_suffix(end))
            .map(|sent| span.start..span.start + sent.len()),
        Part::Community => (!matches!(value, "public" | "private")).then(|| span.clone()),
        Part::Header => {
            let is_alone = matches!(text.before(span.start), Some(b'"' | b'\'')) || text.argument(span.start).is_some();
            return push_header(text, span, is_alone, secrets);
        }
    };
    let Some(found) = found else { return };
    let secret = text.part(found.clone());
    let is_file = part == Part::All && is_path(secret);
    if !secret.is_empty() && !is_file && !is_reference(secret, text.is_script) {
        secrets.push(Secret { span: found, kind: if part == Part::Cookie { Kind::Header } else { Kind::Credential } });
    }
}

/// Adds the value of a header that is not known to be harmless.
fn push_header(text: &Text<'_>, span: Range<usize>, is_alone: bool, secrets: &mut Vec<Secret>) {
    let rest = text.part(span.start..text.limit(span.start).max(span.end));
    let Some(name) = header::name(rest).filter(|name| !header::is_harmless(name)) else { return };
    let colon = rest.find(':').unwrap_or(name.len());
    let span = header::value(text, name, span.start + colon + 1, is_alone.then_some(span.end));
    let value = text.part(span.clone());
    let is_number = value.len() <= 5 && value.bytes().all(|byte| byte.is_ascii_digit());
    if !value.is_empty() && !is_number && !is_reference(value, text.is_script) && !value.contains("://") {
        secrets.push(Secret { span, kind: Kind::Header });
    }
}

/// The password in `user/password@host` or `user:password@host`.
fn login(value: &str) -> Option<Range<usize>> {
    if value.contains("://") {
        return None;
    }
    let from = value.find([':', '/'])? + 1;
    if value.get(..from).is_some_and(|user| user.contains('=')) {
        return None;
    }
    let end = value.rfind('@').filter(|at| *at > from).unwrap_or(value.len());
    let is_only_host = value.find('@').is_some_and(|at| at < from);
    (from < end && from > 1 && !is_only_host).then_some(from..end)
}

/// Whether a value can only be a password: it mixes what no name, number or path does.
fn is_unmistakable(value: &str) -> bool {
    let has = |of: fn(&u8) -> bool| value.bytes().any(|byte| of(&byte));
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    let has_marks = value.bytes().any(|byte| b"!#$^&*@%".contains(&byte)) && has(u8::is_ascii_alphanumeric);
    value.len() >= 6 && !value.contains(['/', ':', ',', '=']) && (has_marks || (is_mixed && looks_random(value)))
}

/// Whether a password may follow an option that ends here.
pub fn may_be_password(text: &str, from: usize) -> bool {
    let value = text.get(from..).and_then(|rest| rest.split([' ', '\n']).next()).unwrap_or_default();
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b":.-".contains(&byte));
    !is_number && !value.contains('/') && !value.starts_with('-') || is_unmistakable(value)
}

/// Adds what follows `-p` where a user was named before it, or where it can be nothing else: so it is with most clients
/// that nobody has listed.
fn find_by_option(text: &Text<'_>, command: &Command, is_listed: bool, secrets: &mut Vec<Secret>) {
    const USERS: [&str; 11] =
        ["-u", "-U", "--user", "--username", "-user", "-username", "--login", "-l", "/u", "/user", "/ru"];
    const PASSWORDS: [&str; 10] = ["-p", "-P", "-pw", "-pass", "-passwd", "/p", "/rp", "-w", "-W", "-password"];
    // What takes these letters for something else, and what runs as another user.
    const OTHERS: [&str; 30] = [
        "mkdir",
        "install",
        "cp",
        "rsync",
        "tar",
        "ps",
        "ssh",
        "scp",
        "sftp",
        "nmap",
        "sudo",
        "su",
        "runuser",
        "gosu",
        "doas",
        "chroot",
        "docker",
        "podman",
        "exec",
        "psql",
        "pg_dump",
        "pg_isready",
        "grep",
        "nc",
        "pg_restore",
        "createdb",
        "ls",
        "useradd",
        "perl",
        "nerdctl",
    ];
    let mut has_user = false;
    for (place, word) in command.words.iter().enumerate().take(512) {
        let shown = text.part(word.clone());
        if OTHERS.contains(&base(shown)) {
            has_user = false;
            if !matches!(base(shown), "sudo" | "gosu" | "su-exec" | "docker" | "podman" | "exec") {
                return;
            }
            continue;
        }
        let is_user = |user: &str| {
            shown == user
                || (user.starts_with("--") && shown.strip_prefix(user).is_some_and(|rest| rest.starts_with('=')))
        };
        let is_of_wrapper = place
            .checked_sub(1)
            .and_then(|before| command.words.get(before))
            .is_some_and(|before| matches!(base(text.part(before.clone())), "sudo" | "exec" | "su"));
        if USERS.iter().any(|user| is_user(user)) {
            has_user = !is_of_wrapper;
        } else if PASSWORDS.contains(&shown) {
            let Some(next) = command.words.get(place + 1) else { return };
            let value = text.part(next.clone());
            let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b":.-".contains(&byte));
            let is_usual =
                has_user && !is_number && !value.contains('/') && (!is_listed || !matches!(shown, "-w" | "-W" | "-P"));
            if is_usual || is_unmistakable(value) {
                push(text, next.clone(), Part::All, true, secrets);
            }
        }
    }
}
