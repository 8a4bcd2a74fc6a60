//! What flows from one simple command of a line to the next: what is decoded or fetched and then run, a shell and a
//! connection in one pipeline, the environment and what is looked for in it.

use super::category::{Category, Found};
use super::names::{DECODES, Kinds};
use super::words::{Join, Redirect, Simple, beginning};
use super::wrappers::is_among;

/// Folders that anyone may write to.
const SHARED_FOLDERS: [&str; 6] = ["/tmp/", "/dev/shm/", "/var/tmp/", "./", "/run/shm/", "/dev/mqueue/"];

/// So much of what fetched is kept, in bytes.
const KEPT: usize = 512;

/// What flows between the simple commands of one line.
#[allow(clippy::struct_excessive_bools, reason = "each is something else that was seen")]
#[derive(Debug, Default)]
pub struct Flow {
    /// Something in this pipeline decodes.
    decodes: bool,
    /// Something in this pipeline fetches.
    pub fetches: bool,
    /// Something in this pipeline opens a connection.
    connects: bool,
    /// Something in this pipeline is a shell.
    pub shells: bool,
    /// Something in this pipeline shows the environment.
    shows_environment: bool,
    /// A substitution's output is run.
    is_run: bool,
    /// Something was fetched or unpacked before on this line.
    pub fetched: bool,
    /// With what arguments.
    fetched_by: String,
    /// Something was put away under a password before on this line.
    locks: bool,
}

impl Flow {
    /// What is left of it for the next pipeline.
    pub fn next(self) -> Self {
        Self { fetched: self.fetched, fetched_by: self.fetched_by, locks: self.locks, ..Self::default() }
    }

    /// Whether a program or script is one that was fetched.
    pub fn has_fetched(&self, path: &str) -> bool {
        let name = name_of(path);
        self.fetched && (is_shared(path) || (name.len() > 1 && self.fetched_by.contains(name)))
    }

    /// Something is fetched with these arguments.
    pub fn fetch(&mut self, arguments: &str) {
        self.fetches = true;
        self.fetched = true;
        self.fetched_by.clear();
        self.fetched_by.push_str(beginning(arguments, KEPT));
    }

    /// What comes into a program from those before it, and what it gives to the next.
    pub fn step(&mut self, simple: &Simple, from: usize, (name, kinds): (&str, Kinds), found: &mut Found) {
        let given = simple.beginning_from(from);
        let has = |texts: &[&str]| texts.iter().any(|text| given.contains(text));
        let is_shell = kinds.has(Kinds::SHELL);
        let is_runner = is_shell || kinds.has(Kinds::READER);
        let reads = simple.before == Join::Pipe || simple.before == Join::Close;
        if is_runner && reads && !gives_script(simple, from, is_shell) {
            self.run(found);
        }
        self.is_run |= is_runner && simple.after == Join::Open;
        self.shells |= is_shell;
        self.connects |= kinds.has(Kinds::CONNECTOR) && (name != "openssl" || has(&["s_client"]));
        if self.connects && self.shells && (simple.before == Join::Pipe || simple.after == Join::Pipe) {
            found.add(Category::ReverseShell, "T1059.004");
        }
        let unlocks = (kinds.has(Kinds::DECODER) && simple.words_from(from).any(|word| DECODES.contains(&word)))
            || kinds.has(Kinds::UNPACKER);
        let expands = match name {
            "rev" | "zcat" | "gunzip" => true,
            "tr" => has(&["A-Za-z", "a-zA-Z", "A-MN-Z"]),
            _ if kinds.has(Kinds::EXPANDER) => has(&["\\x", "\\1", "-dc", "-d "]),
            _ => kinds.has(Kinds::INTERPRETER) && has(&["decode", "base64", "unhex", "fromhex", "pack("]),
        };
        self.decodes |= unlocks || expands;
        self.fetched |= unlocks;
        if simple.before == Join::Pipe && (name == "su" || (name == "sudo" && has(&["-S"]))) {
            found.add(Category::CredentialAccess, "T1110.001");
        }
        self.locks |= is_among("zip 7z 7za rar", name) && has(&["-p", "-P ", "--password"]);
        if self.locks && name == "rm" {
            found.add(Category::Destruction, "T1486");
        }
        if self.is_run && (self.decodes || found.has(Category::Download)) {
            self.run_found(found);
        }
        self.shows_environment |= kinds.has(Kinds::ENVIRONMENT);
        let secrets = ["pass", "PASS", "secret", "SECRET", "token", "TOKEN", "KEY", "key", "cred", "AWS", "pwd"];
        if self.shows_environment && kinds.has(Kinds::FINDER) && has(&secrets) {
            found.add(Category::CredentialAccess, "T1552.001");
        }
        if simple.targets().any(|(redirect, target)| redirect == Redirect::Here && is_shell && target.contains("$(")) {
            found.add(Category::DecodeAndRun, "T1140");
        }
    }

    fn run(&self, found: &mut Found) {
        if self.decodes || self.fetches {
            self.run_found(found);
        }
    }

    fn run_found(&self, found: &mut Found) {
        found.add(Category::DecodeAndRun, if self.decodes { "T1140" } else { "T1105" });
    }
}

/// Whether a shell or interpreter is given what it runs, so that it does not read it.
fn gives_script(simple: &Simple, from: usize, is_shell: bool) -> bool {
    let mut words = simple.words_from(from).take(16);
    if is_shell {
        return words.any(|word| {
            (word.starts_with('-') && !word.starts_with("--") && word.contains('c'))
                || (!word.starts_with(['-', '+'])
                    && !word.starts_with("/dev/")
                    && !simple.words_from(from).any(|word| word == "-s"))
        });
    }
    words.any(|word| !word.starts_with('-') && !word.starts_with("/dev/"))
}

fn is_shared(word: &str) -> bool {
    SHARED_FOLDERS.iter().any(|folder| word.starts_with(folder))
}

/// The name of a program in its path.
pub fn name_of(word: &str) -> &str {
    // What a variable without a value, or a dot, hides.
    let word = word.strip_prefix("${").and_then(|rest| rest.split_once('}')).map_or(word, |(_, name)| name);
    let name = word.rsplit('/').next().unwrap_or_default();
    if name.len() > 2 { name.trim_start_matches('.') } else { name }
}
