//! What kinds of programs there are, for what flows from one to the next.

use super::wrappers::is_among;

/// Shells, as the programs that run what they read.
const SHELLS: &str = "sh bash ash dash zsh ksh ksh93 mksh lksh oksh csh tcsh fish rbash hush sash yash elvish";

/// What else runs what it reads.
const READERS: &str = "python perl ruby node php lua nodejs pypy source . eval at batch crontab psql jjs jshell";

/// What runs code that is given to it.
const INTERPRETERS: &str = "python perl ruby node nodejs php lua luajit awk gawk mawk nawk tclsh wish expect jrunscript jjs jshell \
    groovy scala julia elixir erl r rscript R Rscript guile gnuplot octave octave-cli irb pypy jython deno bun osascript vim vi nvim gdb \
    ex emacs view rvim rview vimdiff sqlite3 pwsh powershell tarantool swipl ghci ipython raku perl6 pry";

/// What is given code without an option that says so.
const CODE_FIRST: &str = "awk gawk mawk nawk tclsh expect";

/// What makes a text of another, with an option of [`DECODES`].
const DECODERS: &str = "base64 base32 basenc xxd openssl gpg gpg2 unzip 7z b64decode";

/// What always does.
const UNPACKERS: &str = "uudecode b64decode";

/// What else gives out another text than it is given.
const EXPANDERS: &str =
    "gzip gunzip zcat bzip2 bunzip2 xz unxz rev sed printf echo od hexdump uncompress lzma zstd brotli";

/// What opens connections.
const CONNECTORS: &str = "nc ncat netcat telnet socat nc.traditional nc.openbsd openssl";

/// What shows the environment, and what looks for something in it.
const ENVIRONMENT: &str = "env printenv set export declare";
const FINDERS: &str = "grep egrep fgrep rg zgrep";

/// Options of [`DECODERS`].
pub const DECODES: [&str; 14] =
    ["-d", "-D", "--decode", "-r", "-di", "-p", "-rp", "-ps", "-d64", "-base64", "-P", "--decrypt", "-i", "-id"];

/// What else may change what the next program runs.
const OTHERS: &str = "tr su sudo rm zip 7za rar";

/// The kinds that a program is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    pub const SHELL: Self = Self(1);
    pub const READER: Self = Self(2);
    pub const INTERPRETER: Self = Self(4);
    pub const CODE_FIRST: Self = Self(8);
    pub const DECODER: Self = Self(16);
    pub const UNPACKER: Self = Self(32);
    pub const EXPANDER: Self = Self(64);
    pub const CONNECTOR: Self = Self(128);
    pub const ENVIRONMENT: Self = Self(256);
    pub const FINDER: Self = Self(512);

    /// Those of this name.
    pub fn of(name: &str) -> Self {
        let lists = [
            (SHELLS, Self::SHELL),
            (READERS, Self::READER),
            (INTERPRETERS, Self::INTERPRETER),
            (CODE_FIRST, Self::CODE_FIRST),
            (DECODERS, Self::DECODER),
            (UNPACKERS, Self::UNPACKER),
            (EXPANDERS, Self::EXPANDER),
            (CONNECTORS, Self::CONNECTOR),
            (ENVIRONMENT, Self::ENVIRONMENT),
            (FINDERS, Self::FINDER),
        ];
        let kinds = lists.iter().filter(|(names, _)| is_among(names, name));
        kinds.fold(Self::default(), |all, (_, kind)| Self(all.0 | kind.0))
    }

    /// Whether it is of this kind.
    pub fn has(self, kind: Self) -> bool {
        self.0 & kind.0 != 0
    }
}

/// The names of all kinds.
pub fn all() -> impl Iterator<Item = &'static str> {
    [SHELLS, READERS, INTERPRETERS, DECODERS, UNPACKERS, EXPANDERS, CONNECTORS, ENVIRONMENT, FINDERS, OTHERS]
        .into_iter()
        .flat_map(str::split_ascii_whitespace)
}
