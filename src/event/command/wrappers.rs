//! Programs that run another, and where on their line it stands.

use super::words::Simple;

/// How the program that a wrapper runs is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Behind options, of which these letters and long names have a value in the next word, and so many other words.
    Behind { letters: &'static str, long: &'static str, skip: usize },
    /// Behind one of these words, each time.
    After(&'static str),
    /// Behind `--`, or behind so many words that are no options.
    AfterDashes { skip: usize },
    /// In the word behind one of these options, as a line of its own.
    Script(&'static str),
    /// In all words from the first that is no option, as a line of its own.
    Line { letters: &'static str, skip: usize },
}

use Runs::{After, AfterDashes, Behind, Line, Script};

const fn behind(letters: &'static str, skip: usize) -> Runs {
    Behind { letters, long: "", skip }
}

/// Names, and how each runs another; a name may stand twice.
const WRAPPERS: &[(&str, Runs)] = &[
    (
        "busybox toybox nohup setsid command builtin exec coproc dumb-init catatonit unbuffer rlwrap fakeroot \
      linux32 linux64 i386 x86_64 winpty catchsegv eatmydata pexec torify torsocks proxychains proxychains4 tsocks \
      firejail xvfb-run dbus-run-session aa-exec prlimit softlimit setlock pgrphack with-contenv \
      s6-notifyoncheck noglob nocorrect sem",
        behind("aSbn", 0),
    ),
    ("env", Behind { letters: "uCP", long: "unset chdir", skip: 0 }),
    ("env", Script("S split-string")),
    ("timeout gtimeout", Behind { letters: "sk", long: "signal kill-after", skip: 1 }),
    ("time", behind("fo", 0)),
    ("nice", Behind { letters: "n", long: "adjustment", skip: 0 }),
    ("ionice", Behind { letters: "cnpP", long: "class classdata", skip: 0 }),
    ("stdbuf", Behind { letters: "ioe", long: "input output error", skip: 0 }),
    ("xargs", Behind { letters: "adEILnPsl", long: "arg-file delimiter max-args max-procs replace", skip: 0 }),
    ("parallel", behind("jaN", 0)),
    ("sudo", Behind { letters: "ugpChrtTUDR", long: "user group host chdir", skip: 0 }),
    ("doas", behind("uCa", 0)),
    ("runuser", Behind { letters: "ugGsw", long: "user group shell", skip: 0 }),
    ("runuser su", Script("c command session-command")),
    ("sg", behind("", 1)),
    ("sg flock script newgrp", Script("c command")),
    ("gosu su-exec s6-setuidgid setuidgid", behind("", 1)),
    ("chpst", behind("uUbe/nmdocfpL", 0)),
    (
        "setpriv",
        Behind { letters: "", long: "reuid regid groups inh-caps bounding-set ambient-caps securebits", skip: 0 },
    ),
    ("setarch", behind("", 1)),
    ("taskset", behind("p", 1)),
    ("chrt", behind("TPD", 1)),
    ("numactl", behind("iNCmlp", 0)),
    ("flock", Behind { letters: "wE", long: "timeout wait", skip: 1 }),
    ("logsave", behind("", 1)),
    ("watch", behind("nd", 0)),
    ("watch", Line { letters: "nd", skip: 0 }),
    ("strace ltrace", behind("oepsSuPaEIO", 0)),
    ("tini tini-static", behind("pew", 0)),
    ("cpulimit", behind("lpe", 0)),
    ("chroot", Behind { letters: "", long: "userspec groups", skip: 1 }),
    ("nsenter", Behind { letters: "tSG", long: "target setuid setgid", skip: 0 }),
    ("unshare", Behind { letters: "SGR", long: "setuid setgid root wd map-user map-group propagation", skip: 0 }),
    ("systemd-run", Behind { letters: "pEMHtu", long: "unit property on-active on-calendar slice uid gid", skip: 0 }),
    ("capsh", AfterDashes { skip: usize::MAX }),
    ("capsh", Script("c")),
    ("find", After("-exec -execdir -ok -okdir")),
    ("fd fdfind", After("-x -X --exec --exec-batch")),
    ("ip", After("exec")),
    ("start-stop-daemon", After("-x --exec -a --startas")),
    ("expect", Script("c")),
    ("ssh", Line { letters: "bcDEeFIiJLlmOoPpQRSWw", skip: 1 }),
    ("eval trap", Line { letters: "", skip: 0 }),
    ("docker podman nerdctl kubectl crictl lxc oc incus ctr", After("exec")),
    ("docker podman nerdctl kubectl crictl lxc oc incus ctr", AfterDashes { skip: usize::MAX }),
    ("screen tmux", behind("SceLtsnfxpTLS", 0)),
    ("at batch", Script("")),
];

/// Each name of a wrapper, and what it tells of the words behind it.
pub fn all() -> impl Iterator<Item = (&'static str, Runs)> {
    WRAPPERS.iter().flat_map(|(names, runs)| names.split_ascii_whitespace().map(|name| (name, *runs)))
}

/// Whether a word is one of those of a list with blanks between them.
pub fn is_among(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split_ascii_whitespace().any(|known| known == word)
}

/// Whether an option is one of these letters or long names.
pub fn is_option(word: &str, letters: &str, long: &str) -> bool {
    match word.strip_prefix("--") {
        Some(name) => is_among(long, name.split('=').next().unwrap_or_default()),
        None => {
            word.strip_prefix('-').and_then(|short| short.chars().last()).is_some_and(|last| letters.contains(last))
        }
    }
}

impl Runs {
    /// The place behind options and as many other words as are to be left out.
    fn behind(letters: &str, long: &str, skip: usize, simple: &Simple, from: usize) -> Option<usize> {
        let (mut place, mut skip) = (from, skip);
        while let Some(word) = simple.word(place) {
            place += 1;
            if word == "--" && skip == 0 {
                return Some(place);
            }
            if word.len() > 1 && word.starts_with(['-', '+']) {
                // A value may be attached.
                let has_value = !word.contains('=') && is_option(word, letters, long);
                place += usize::from(has_value);
                continue;
            }
            let is_assignment = word.contains('=') && !word.starts_with(['/', '.', '=']);
            if is_assignment {
                continue;
            }
            if skip == 0 {
                return Some(place - 1);
            }
            skip -= 1;
        }
        None
    }

    /// The places at which programs stand that are run with the words behind them.
    pub fn programs(self, simple: &Simple, from: usize) -> Vec<usize> {
        match self {
            Behind { letters, long, skip } => Self::behind(letters, long, skip, simple, from).into_iter().collect(),
            After(words) => {
                let is_start = |(_, word): &(usize, &str)| is_among(words, word);
                let starts = simple.words_from(from).enumerate().filter(is_start).take(16);
                starts.map(|(place, _)| from + place + 1).collect()
            }
            AfterDashes { skip } => {
                let dashes = simple.words_from(from).take(64).position(|word| word == "--");
                dashes.filter(|place| *place <= skip).map(|place| from + place + 1).into_iter().collect()
            }
            Script(_) | Line { .. } => Vec::new(),
        }
    }

    /// A line that is run, where it is one word; where it is all that follows, from which word on.
    pub fn script(self, simple: &Simple, from: usize) -> Option<ScriptAt> {
        match self {
            Script(options) => {
                let letters = options.split(' ').next().unwrap_or_default();
                let mut words = simple.words_from(from).take(64).enumerate();
                let option = words.find(|(_, word)| is_option(word, letters, options))?;
                Some(ScriptAt::Word(from + option.0 + 1))
            }
            Line { letters, skip } => Self::behind(letters, "", skip, simple, from).map(ScriptAt::From),
            _ => None,
        }
    }
}

/// Where a line stands that is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptAt {
    /// In this word.
    Word(usize),
    /// In all words from this on.
    From(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> impl Iterator<Item = Runs> {
        all().filter(move |(known, _)| *known == name).map(|(_, runs)| runs)
    }

    #[test]
    fn the_program_behind_a_wrapper_is_found() {
        for (line, expected) in [
            ("env -i A=1 sh", "sh"),
            ("env -u HOME --chdir /x sh", "sh"),
            ("timeout -s KILL 5 sh", "sh"),
            ("sudo -u root -- sh", "sh"),
            ("nice -n 5 sh", "sh"),
            ("gosu app sh", "sh"),
            ("xargs -n 1 sh", "sh"),
            ("find / -name x -exec sh ;", "sh"),
            ("flock /x sh", "sh"),
            ("docker exec app sh", "app"),
        ] {
            let simple = Simple::of_words(line.split(' '));
            let name = simple.word(0).unwrap();
            let place = of(name).flat_map(|runs| runs.programs(&simple, 1)).next();
            assert_eq!(place.and_then(|place| simple.word(place)), Some(expected), "{line}");
        }
        let simple = Simple::of_words(["su", "-", "x", "-c", "id"].into_iter());
        assert_eq!(of("su").find_map(|runs| runs.script(&simple, 1)), Some(ScriptAt::Word(4)));
    }
}
