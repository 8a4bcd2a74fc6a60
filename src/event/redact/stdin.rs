//! Secrets that one command prints for another to read, or into a file that is for one.

use std::ops::Range;

use super::kinds::{Kind, Secret};
use super::names::{self, Name};
use super::text::{Text, base};
use super::value::is_reference;
use super::words::Command;

/// Programs whose input is a secret.
pub static READERS: &[&str] = &[
    "passwd",
    "chpasswd",
    "kinit",
    "cryptsetup",
    "smbpasswd",
    "su",
    "kpasswd",
    "ldappasswd",
    "slappasswd",
    "htpasswd",
    "gpg-preset-passphrase",
    "argon2",
    "newusers",
    "systemd-creds",
    "ecryptfs-add-passphrase",
    "vncpasswd",
    "realm",
    "wg",
    "chgpasswd",
    "pdbedit",
    "vipw",
    "mosquitto_passwd",
    "veracrypt",
    "bioctl",
    "geli",
    "ssh-add",
    "secret-tool",
    "keyctl",
    "cntlm",
    "mkpasswd",
    "grub-mkpasswd-pbkdf2",
    "tclsh-pass",
];

/// Programs whose input is one where an option or a word beside them says so.
pub static OTHER_READERS: [&str; 12] =
    ["sudo", "gpg", "gpg2", "pass", "gopass", "op", "lpass", "usermod", "bw", "ansible-vault", "vault", "gh"];

/// Options that say that a secret is read, and what must be with those that say it of others.
static OPTIONS: &[&str] = &[
    "--password-stdin",
    "--with-token",
    "--passphrase-fd",
    "--stdin",
    "--stdin-password",
    "--pw-stdin",
    "--token-stdin",
    "--password-file=-",
    "--password-file=/dev/stdin",
    "--key-file=-",
    "--key-file",
    "--pinentry-mode",
    "--passwordfd",
    "--password-fd",
    "--pass-stdin",
    "--stdin-name",
    "--data-file=-",
    "password_stdin",
    "--passwd-stdin",
];

/// Words of which two together say it.
static PAIRS: &[(&str, &str)] = &[
    ("secret", "create"),
    ("secrets", "import"),
    ("secret", "put"),
    ("secrets", "put"),
    ("secrets", "set"),
    ("secret", "set"),
    ("pass", "insert"),
    ("gopass", "insert"),
    ("vault", "login"),
    ("vault", "-"),
    ("docker", "login"),
    ("podman", "login"),
    ("-pass", "stdin"),
    ("-passin", "stdin"),
    ("-passout", "stdin"),
    ("login", "-"),
    ("auth", "login"),
    ("op", "signin"),
    ("bw", "unlock"),
    ("gpg", "--batch"),
    ("gpg2", "--batch"),
    ("lpass", "login"),
    ("ansible-vault", "encrypt_string"),
    ("usermod", "-h"),
    ("pw", "-h"),
];

/// Commands that print what they are given.
const PRINTERS: [&str; 4] = ["echo", "printf", "print", "yes"];

/// Adds what the commands of a text print for others.
pub fn find(text: &Text<'_>, commands: &[Command], secrets: &mut Vec<Secret>) {
    for (place, command) in commands.iter().enumerate() {
        find_file(text, command, secrets);
        find_format(text, command, secrets);
        let Some(reader) = reader(text, command) else { continue };
        let has_users = reader == "chpasswd" || reader == "newusers";
        find_here(text, command, has_users, secrets);
        let mut printer = place;
        // What is between may change how it is written.
        while printer > 0 && commands.get(printer).is_some_and(|command| command.is_piped) {
            printer -= 1;
            let Some(command) = commands.get(printer).filter(|printer| printer.depth == command.depth) else { break };
            find_printed(text, command, has_users, secrets);
        }
        // What is in brackets prints together.
        while place > printer && printer > 0 {
            printer -= 1;
            let Some(earlier) = commands.get(printer).filter(|printer| printer.depth == command.depth) else { break };
            let first = earlier.words.iter().map(|word| base(text.part(word.clone()))).find(|word| *word != "{");
            if !first.is_some_and(|first| PRINTERS.contains(&first)) {
                break;
            }
            find_printed(text, earlier, has_users, secrets);
        }
    }
}

/// The program of a command that reads a secret.
fn reader<'t>(text: &'t Text<'_>, command: &Command) -> Option<&'t str> {
    let words = || command.words.iter().take(64).map(|word| text.part(word.clone()));
    let mut names = words().map(base);
    if let Some(name) = names.find(|name| READERS.contains(name)) {
        return Some(name);
    }
    let has = |wanted: &str| words().any(|word| base(word) == wanted || word == wanted);
    let asks_sudo =
        has("sudo") && words().any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('S'));
    let has_option = words().any(|word| {
        OPTIONS.iter().any(|option| {
            word == *option || (word.starts_with(option) && option.starts_with("--pass") && word.contains('0'))
        })
    });
    let has_pair = PAIRS.iter().any(|(first, second)| has(first) && has(second));
    (asks_sudo || has_option || has_pair).then_some("")
}

/// Adds what a command prints.
fn find_printed(text: &Text<'_>, command: &Command, has_users: bool, secrets: &mut Vec<Secret>) {
    let words = &command.words;
    let Some(name) = words.iter().position(|word| PRINTERS.contains(&base(text.part(word.clone())))) else { return };
    let is_format = words.get(name).is_some_and(|word| base(text.part(word.clone())) == "printf");
    let mut printed: Vec<&Range<usize>> = words.iter().skip(name + 1).collect();
    while printed.first().is_some_and(|word| {
        matches!(text.part((**word).clone()), "-n" | "-e" | "-ne" | "-en" | "-E" | "--" | "-r" | "-rn")
    }) {
        printed.remove(0);
    }
    if is_format && printed.len() > 1 && printed.first().is_some_and(|word| text.part((**word).clone()).contains('%')) {
        printed.remove(0);
    }
    let end =
        printed.iter().position(|word| text.part((**word).clone()).starts_with(['>', '<'])).unwrap_or(printed.len());
    for word in printed.into_iter().take(end.min(16)) {
        push(text, word.clone(), has_users, secrets);
    }
}

/// Adds what a command is given as a here-string or a here-document.
fn find_here(text: &Text<'_>, command: &Command, has_users: bool, secrets: &mut Vec<Secret>) {
    for (place, word) in command.words.iter().enumerate() {
        let shown = text.part(word.clone());
        if let Some(rest) = shown.strip_prefix("<<<") {
            let span = if rest.is_empty() {
                command.words.get(place + 1).cloned()
            } else {
                Some(super::text::unquoted(text.all, word.end - rest.len()..word.end))
            };
            if let Some(span) = span {
                push(text, span, has_users, secrets);
            }
        } else if let Some(tag) = shown.strip_prefix("<<") {
            find_document(text, word.end, tag.trim_start_matches('-'), has_users, secrets);
        }
    }
}

/// Adds the lines of a here-document.
fn find_document(text: &Text<'_>, from: usize, tag: &str, has_users: bool, secrets: &mut Vec<Secret>) {
    const MOST_WORDS: usize = 64;
    let tag = tag.trim_matches(['"', '\'', '\\']);
    let mut at = from;
    for _ in 0..MOST_WORDS {
        at = text.skip_blanks(at);
        let length = text.all.get(at..).map_or(0, |rest| rest.find(char::is_whitespace).unwrap_or(rest.len()));
        let word = text.part(at..at + length);
        if word.is_empty() || (!tag.is_empty() && word == tag) {
            break;
        }
        if !has_users || word.contains(':') {
            push(text, at..at + length, has_users, secrets);
        }
        at += length;
    }
}

/// Adds what `printf` puts behind the name of a secret.
fn find_format(text: &Text<'_>, command: &Command, secrets: &mut Vec<Secret>) {
    let words = &command.words;
    let Some(name) = words.iter().position(|word| base(text.part(word.clone())) == "printf") else { return };
    let Some(format) = words.get(name + 1).map(|word| text.part(word.clone())) else { return };
    for (number, (at, _)) in format.match_indices("%s").enumerate().take(16) {
        let before = format.get(..at).unwrap_or_default().trim_end_matches(['=', ':', ' ', '"', '\'']);
        let before = before.rsplit(|c: char| !(c.is_alphanumeric() || "_.-".contains(c))).next().unwrap_or_default();
        // What C writes a new line as is no part of a name.
        let before = before
            .strip_prefix('n')
            .filter(|_| format.contains("\\n"))
            .map_or(before, |rest| if names::of(before) == Name::Secret { before } else { rest });
        if names::of(before) == Name::Secret
            && let Some(word) = words.get(name + 2 + number)
        {
            push(text, word.clone(), false, secrets);
        }
    }
}

fn push(text: &Text<'_>, span: Range<usize>, has_users: bool, secrets: &mut Vec<Secret>) {
    let value = text.part(span.clone());
    let start = if has_users { value.find(':').map_or(0, |at| at + 1) } else { 0 };
    let secret = value.get(start..).unwrap_or_default();
    let kept = secret.trim_end_matches("\\n");
    if kept.len() >= 3 && !is_reference(kept, text.is_script) {
        secrets.push(Secret { span: span.start + start..span.start + start + kept.len(), kind: Kind::Credential });
    }
}

/// Adds what a command prints into a file that has the name of a secret.
fn find_file(text: &Text<'_>, command: &Command, secrets: &mut Vec<Secret>) {
    let words = &command.words;
    let is_printer = words.first().is_some_and(|word| PRINTERS.contains(&base(text.part(word.clone()))));
    if !is_printer {
        return;
    }
    let target = words.iter().enumerate().find_map(|(place, word)| {
        let rest = text.part(word.clone()).strip_prefix('>')?.trim_start_matches('>');
        let file = if rest.is_empty() { words.get(place + 1).map(|word| text.part(word.clone()))? } else { rest };
        Some(base(file))
    });
    let Some(file) = target else { return };
    let stem = file.trim_start_matches('.');
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    if names::of(stem) == Name::Secret || names::of(file) == Name::Secret {
        find_printed(text, command, false, secrets);
    }
}
