//! What programs do with the paths that they are given.

use super::words::{Redirect, Simple};
use super::wrappers::is_among;

/// What a program does with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only says that it is there, or says its name.
    Names,
    /// It reads what is in it.
    Reads,
    /// It writes to it.
    Writes,
    /// It removes it or what is in it.
    Removes,
    /// Any of these.
    Unknown,
}

const NAMES: &str = "ls stat test [ [[ du find readlink realpath echo printf which type dirname basename mkdir rmdir \
    id true false sleep whereis locate kill pkill killall pgrep ps pidof cd pushd popd dir vdir tree return set export \
    declare local unset alias info apropos whatis getfacl lsattr namei mountpoint findmnt hash command";

const READS: &str = "file man wc sha256sum md5sum sha1sum sha512sum cksum cat head tail less more most view zcat bzcat xzcat zless grep egrep fgrep rg ag ack zgrep awk gawk mawk \
    nawk cut sort uniq diff cmp comm od xxd hexdump hd base64 base32 strings tac nl rev jq yq fold fmt pr expand look column \
    paste join bat batcat source . read mapfile gzip bzip2 xz zstd tar zip 7z ar cpio openssl gpg curl wget nc ncat scp rsync \
    sftp ssh-keygen ssh-add ssh php perl ruby node lua python md5 sum crontab visudo sed ed vi vim nano";

const WRITES: &str = "tee dd truncate touch chmod chown chgrp chattr setfacl patch sponge vi vim vim.tiny nvim nano pico emacs \
    ed ex joe mcedit ne unzip logger install";

const REMOVES: &str = "rm unlink shred srm wipe truncate";

/// Their last argument is written to, the others are read.
const COPIES: &str = "cp mv ln install rsync scp gcp link";

/// What shows or sends the content of a file that it is given.
const SHOWS: &str = "cat head tail less more most view zcat grep egrep fgrep rg awk gawk mawk cut sort diff od xxd hexdump hd \
    base64 base32 strings tac nl rev jq fold fmt pr column paste cp mv tar zip 7z gzip scp rsync curl wget nc ncat socat \
    sed dd openssl python perl ruby php node docker podman ctr crictl nerdctl vi vim nano tee xargs find uniq more";

/// Whether a program uses keys as its own.
pub fn uses_keys(program: &str) -> bool {
    is_among("ssh scp sftp rsync git ssh-add ssh-keygen autossh ansible ansible-playbook", program)
}

/// What a program does with the paths that it is given.
#[derive(Debug, Clone, Copy)]
pub struct Role<'n> {
    name: &'n str,
    /// The place of its name.
    program: usize,
    copies: bool,
    empties: bool,
    access: Access,
    /// Whether it shows or copies what is in the files that it is given.
    pub shows: bool,
}

impl<'n> Role<'n> {
    /// Of the program at this place.
    pub fn of(name: &'n str, simple: &Simple, program: usize) -> Self {
        let has = |option: &str| simple.words_from(program + 1).take(64).any(|word| word.starts_with(option));
        let access = match name {
            "find" if has("-delete") || has("-fprint") || has("-fls") => Access::Removes,
            "sed" | "perl" | "gawk" if has("-i") || has("--in-place") => Access::Removes,
            "sed" if simple.beginning_from(program).contains("w /") => Access::Removes,
            "curl" if has("-o") || has("--output") => Access::Writes,
            "wget" if has("-O") || has("-P") || has("--output") => Access::Writes,
            _ if is_among(REMOVES, name) => Access::Removes,
            _ if is_among(WRITES, name) => Access::Writes,
            _ if is_among(NAMES, name) => Access::Names,
            _ if is_among(READS, name) => Access::Reads,
            _ => Access::Unknown,
        };
        let empties = name != "rsync" && has("/dev/null");
        Self { name, program, copies: is_among(COPIES, name), empties, access, shows: is_among(SHOWS, name) }
    }

    /// What it does with the word that stands at a place of the text.
    pub fn access(&self, simple: &Simple, at: usize) -> Access {
        match simple.redirect_at(at) {
            Some(Redirect::Read | Redirect::Here) => return Access::Reads,
            Some(Redirect::Append) => return Access::Writes,
            // What a program writes to a log belongs there; nothing in its place empties it.
            Some(Redirect::Write) => {
                let given = simple.len().saturating_sub(self.program + 1);
                let is_empty = match self.name {
                    "" | ":" | "true" | "cp" => true,
                    "echo" | "printf" => given <= 1,
                    "cat" => self.empties,
                    _ => false,
                };
                return if is_empty { Access::Removes } else { Access::Writes };
            }
            None => {}
        }
        if self.copies {
            let is_last = simple.word_at(at).is_some_and(|word| word + 1 == simple.len());
            return match is_last {
                true if self.empties => Access::Removes,
                true => Access::Writes,
                // What is moved away is not there any more.
                false if self.name == "mv" => Access::Removes,
                false => Access::Reads,
            };
        }
        if self.name == "dd" {
            let word = simple.word_at(at).and_then(|place| simple.word(place)).unwrap_or_default();
            return if word.starts_with("of=") { Access::Removes } else { Access::Reads };
        }
        let may_write = matches!(self.access, Access::Unknown | Access::Reads);
        if may_write && is_output(simple, at) { Access::Writes } else { self.access }
    }
}

/// Whether the word at a place is what an option names as the output.
fn is_output(simple: &Simple, at: usize) -> bool {
    const OPTIONS: &str =
        "-o -O -w -l -L -oN -oG -oX -out --output --out --output-file --logfile -Logfile -fprintf -outfile";
    let Some(place) = simple.word_at(at) else { return false };
    let is_attached =
        |word: &str| ["--output=", "--out=", "-oG=", "-oN=", "-o/"].iter().any(|option| word.starts_with(option));
    simple.word(place).is_some_and(is_attached)
        || place.checked_sub(1).and_then(|before| simple.word(before)).is_some_and(|before| is_among(OPTIONS, before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_does_with_a_path() {
        for (line, access_wanted) in [
            ("ls -l /p", Access::Names),
            ("cat /p", Access::Reads),
            ("cp /p /x", Access::Reads),
            ("cp /x /p", Access::Writes),
            ("cp /dev/null /p", Access::Removes),
            ("tee -a /p", Access::Writes),
            ("rm -f /p", Access::Removes),
            ("dd if=/dev/zero of=/p", Access::Removes),
            ("dd if=/p of=/x", Access::Reads),
            ("sed -i s/a/b/ /p", Access::Removes),
            ("evil /p", Access::Unknown),
        ] {
            let simple = Simple::of_words(line.split(' '));
            let at = simple.text().find("/p").unwrap();
            let role = Role::of(simple.word(0).unwrap(), &simple, 0);
            assert_eq!(role.access(&simple, at), access_wanted, "{line}");
        }
    }
}
