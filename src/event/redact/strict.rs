//! The strict mode: of a command its programs, subcommands and the names of its options stay, and nothing else.

use std::ops::Range;

use super::kinds::{Kind, Secret};
use super::text::{Text, base};
use super::words::{self, Command};
use crate::event::exec::{is_program, is_shell, is_wrapper};

/// Programs whose first words say what they do.
static WITH_SUBCOMMANDS: &[&str] = &[
    "apk",
    "apt",
    "apt-get",
    "aptitude",
    "argocd",
    "aws",
    "az",
    "brew",
    "bundle",
    "cargo",
    "composer",
    "conda",
    "consul",
    "ctr",
    "crictl",
    "dnf",
    "docker",
    "dotnet",
    "dpkg",
    "etcdctl",
    "gcloud",
    "gem",
    "gh",
    "git",
    "glab",
    "go",
    "helm",
    "initctl",
    "ip",
    "journalctl",
    "kubeadm",
    "kubectl",
    "lxc",
    "mc",
    "microdnf",
    "nerdctl",
    "nomad",
    "npm",
    "oc",
    "openssl",
    "opkg",
    "pacman",
    "pip",
    "pip3",
    "pnpm",
    "podman",
    "pulumi",
    "rabbitmqctl",
    "rc-service",
    "restic",
    "service",
    "snap",
    "supervisorctl",
    "svn",
    "systemctl",
    "terraform",
    "vault",
    "yarn",
    "yum",
    "zypper",
    "mysqladmin",
];

/// The values of a command.
pub fn values(text: &Text<'_>) -> Vec<Secret> {
    let commands = words::commands(text);
    let mut secrets = Vec::new();
    for command in commands.iter().filter(|command| command.depth == 0) {
        of_command(text, command, &commands, &mut secrets);
    }
    secrets
}

fn of_command(text: &Text<'_>, command: &Command, all: &[Command], secrets: &mut Vec<Secret>) {
    // Whether the next word is a program, and how many words of the last one may be subcommands.
    let (mut is_next, mut subcommands, mut is_in_shell) = (true, 0, false);
    for word in &command.words {
        let shown = text.part(word.clone());
        let is_option = shown.starts_with('-');
        if is_option && !is_next {
            is_next = is_in_shell && !shown.starts_with("--") && shown.ends_with('c');
            subcommands = 0;
            let kept = option_length(shown);
            push(word.start + kept..word.end, secrets);
            continue;
        }
        let is_script = is_next && shown.contains(char::is_whitespace);
        if is_script {
            // What a shell is given has commands of its own.
            let inside = |inner: &&Command| {
                inner.words.first().is_some_and(|first| word.start <= first.start && first.end <= word.end)
            };
            let mut inner = all.iter().filter(|inner| inner.depth == command.depth + 1).filter(inside).peekable();
            if inner.peek().is_none() {
                push(word.clone(), secrets);
            }
            inner.for_each(|inner| of_command(text, inner, all, secrets));
            is_next = false;
            continue;
        }
        let may_be_program = is_next || is_program(shown);
        if may_be_program && is_name(shown) {
            is_in_shell = is_shell(shown);
            is_next = is_wrapper(shown) && !is_in_shell;
            subcommands = if WITH_SUBCOMMANDS.contains(&base(shown)) { 2 } else { 0 };
        } else if subcommands > 0 && is_subcommand(shown) {
            subcommands -= 1;
        } else if !is_sign(shown) {
            subcommands = 0;
            push(word.clone(), secrets);
        }
    }
}

fn push(span: Range<usize>, secrets: &mut Vec<Secret>) {
    if span.start < span.end {
        secrets.push(Secret { span, kind: Kind::Value });
    }
}

/// How much of a word is the name of an option.
fn option_length(word: &str) -> usize {
    let Some(long) = word.strip_prefix("--") else {
        // One letter: what stands behind it may be a value.
        return word.len().min(2);
    };
    let length = long.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(long.len());
    let is_whole = length == long.len() || long.as_bytes().get(length) == Some(&b'=');
    if is_whole && length <= 40 { 2 + length + usize::from(length < long.len()) } else { 2 }
}

fn is_name(word: &str) -> bool {
    word.len() <= 96 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/+-".contains(&byte))
}

fn is_subcommand(word: &str) -> bool {
    word.len() <= 24 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Whether a word has only signs of a shell in it.
fn is_sign(word: &str) -> bool {
    word.bytes().all(|byte| b"<>&|;(){}[]!012".contains(&byte)) && word.bytes().any(|byte| byte.is_ascii_punctuation())
}
