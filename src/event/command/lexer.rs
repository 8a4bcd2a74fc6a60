//! Splits a line into simple commands as a shell does: quotes, backslashes and empty variables are taken out of words, what
//! joins commands ends one, and what stands in a substitution is a command of its own.
//!
//! A line of which the arguments were joined with blanks has lost its outer quotes. What is left is split the same way;
//! where a quote is never closed, the line is split once more without looking at quotes.

use super::words::{Join, Redirect, Simple};

/// So many variables are kept of a line, with values of so many bytes, and put in their places as often as this many bytes
/// allow.
const MAX_VARIABLES: usize = 16;
const MAX_VALUE: usize = 64;
const MAX_EXPANDED: usize = 4096;

/// How a text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// As a shell does.
    Shell,
    /// As a line whose arguments were joined with blanks: `#` begins no comment.
    Joined,
    /// As code of another language, in whose texts commands stand: quotes separate.
    Code,
}

/// A substitution that has begun.
#[derive(Debug)]
struct Open {
    is_tick: bool,
    /// Whether it stands in double quotes.
    in_double: bool,
    /// Whether the command that it stands in has words before it.
    has_words: bool,
}

/// Goes through a line, one simple command after the other.
#[allow(clippy::struct_excessive_bools, reason = "each is another part of where it is")]
#[derive(Debug)]
pub struct Lexer<'l> {
    line: &'l str,
    at: usize,
    syntax: Syntax,
    join: Join,
    in_double: bool,
    continues: bool,
    open: Vec<Open>,
    ignores_quotes: bool,
    /// Short values that were given to variables.
    variables: Vec<(String, String)>,
    /// So much may still be put in the place of variables, in bytes.
    expandable: usize,
    /// Whether a quote was never closed.
    pub is_unbalanced: bool,
    is_done: bool,
}

/// The bytes that mean something.
#[allow(clippy::indexing_slicing, reason = "done by the compiler, which would refuse")]
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let bytes = b" \t\r\n;|&<>()`'\"\\$#";
    let mut place = 0;
    while place < bytes.len() {
        special[bytes[place] as usize] = true;
        place += 1;
    }
    special
};

impl<'l> Lexer<'l> {
    /// Through this line.
    pub fn new(line: &'l str, syntax: Syntax) -> Self {
        Self {
            line,
            at: 0,
            syntax,
            join: Join::Edge,
            in_double: false,
            continues: false,
            open: Vec::new(),
            ignores_quotes: syntax == Syntax::Code,
            variables: Vec::new(),
            expandable: MAX_EXPANDED,
            is_unbalanced: false,
            is_done: false,
        }
    }

    /// The same without looking at quotes.
    pub fn without_quotes(line: &'l str, syntax: Syntax) -> Self {
        Self { ignores_quotes: true, ..Self::new(line, syntax) }
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'l str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Moves on where this byte comes next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// The next simple command; `false` where there is none.
    pub fn next(&mut self, out: &mut Simple) -> bool {
        if self.is_done {
            return false;
        }
        out.clear();
        out.before = self.join;
        out.continues = self.continues;
        let (mut word, mut redirect) = (None, None);
        self.join = loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| !SPECIAL.get(usize::from(byte)).is_some_and(|special| *special)) {
                self.at += 1;
            }
            if self.at > start {
                word.get_or_insert(out.text().len());
                out.push_str(self.line.get(start..self.at).unwrap_or_default());
            }
            let Some(byte) = self.peek() else {
                self.is_done = true;
                self.is_unbalanced |= self.in_double;
                break Join::Edge;
            };
            self.at += 1;
            if let Some(join) = self.special(byte, out, &mut word, &mut redirect) {
                break join;
            }
        };
        out.end_word(&mut word, &mut redirect);
        self.learn(out);
        out.after = self.join;
        self.continues = self.join == Join::Close && self.close();
        if self.join == Join::Open {
            let has_words = out.len() > 0 || out.continues;
            if let Some(open) = self.open.last_mut() {
                open.has_words = has_words;
            }
        }
        true
    }

    /// Keeps the values that a command gives to variables.
    fn learn(&mut self, out: &Simple) {
        for word in out.words_from(0).take(MAX_VARIABLES) {
            let Some((name, value)) = word.split_once('=') else { break };
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name || value.len() > MAX_VALUE || self.variables.len() >= MAX_VARIABLES {
                break;
            }
            self.variables.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of the variable that comes next, with the length of its name there.
    fn variable(&self) -> Option<(&str, usize)> {
        let rest = self.rest();
        let (name, length) = if let Some(inner) = rest.strip_prefix('{') {
            let name = inner.split_once('}')?.0;
            (name, name.len() + 2)
        } else {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let length = rest.bytes().take(MAX_VALUE).take_while(is_part).count();
            (rest.get(..length)?, length)
        };
        let (_, value) = self.variables.iter().rev().find(|(known, _)| known == name)?;
        (value.len() <= self.expandable).then_some((value, length))
    }

    /// A substitution ends; whether its command goes on.
    fn close(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return false };
        self.in_double = open.in_double;
        open.has_words
    }

    fn open(&mut self, is_tick: bool) -> Join {
        self.open.push(Open { is_tick, in_double: self.in_double, has_words: false });
        self.in_double = false;
        Join::Open
    }

    /// What a byte that means something does; where that ends the command, how.
    fn special(
        &mut self,
        byte: u8,
        out: &mut Simple,
        word: &mut Option<usize>,
        redirect: &mut Option<Redirect>,
    ) -> Option<Join> {
        match byte {
            b'\'' | b'"' if self.ignores_quotes => {
                return (self.syntax == Syntax::Code).then_some(Join::List);
            }
            b'\'' if !self.in_double => {
                word.get_or_insert(out.text().len());
                match self.rest().find('\'') {
                    Some(end) => {
                        out.push_str(self.rest().get(..end).unwrap_or_default());
                        self.at += end + 1;
                    }
                    None => self.is_unbalanced = true,
                }
            }
            b'"' => {
                word.get_or_insert(out.text().len());
                self.in_double = !self.in_double;
            }
            b'\\' => self.escape(out, word),
            b'$' => return self.dollar(out, word, redirect),
            b'`' => {
                let is_end = self.open.last().is_some_and(|open| open.is_tick);
                return Some(if is_end { Join::Close } else { self.open(true) });
            }
            _ if self.in_double => Self::literal(byte, out, word),
            b')' if self.open.last().is_some_and(|open| !open.is_tick) => return Some(Join::Close),
            b' ' | b'\t' | b'\r' => out.end_word(word, redirect),
            b'\n' | b';' | b'(' | b')' => return Some(Join::List),
            b'|' => {
                let is_or = self.takes(b'|');
                self.takes(b'&');
                return Some(if is_or { Join::List } else { Join::Pipe });
            }
            b'&' if self.peek() == Some(b'>') => {}
            b'&' => {
                self.takes(b'&');
                return Some(Join::List);
            }
            b'<' | b'>' => return self.redirect(byte, out, word, redirect),
            b'#' if word.is_none() && self.syntax == Syntax::Shell => {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            }
            _ => Self::literal(byte, out, word),
        }
        None
    }

    fn literal(byte: u8, out: &mut Simple, word: &mut Option<usize>) {
        word.get_or_insert(out.text().len());
        out.push(char::from(byte));
    }

    fn escape(&mut self, out: &mut Simple, word: &mut Option<usize>) {
        let Some(next) = self.rest().chars().next() else { return };
        if next == '\n' {
            self.at += 1;
            return;
        }
        if self.in_double && !matches!(next, '$' | '`' | '"' | '\\') {
            return Self::literal(b'\\', out, word);
        }
        if self.syntax == Syntax::Code {
            return;
        }
        word.get_or_insert(out.text().len());
        out.push(next);
        self.at += next.len_utf8();
    }

    fn dollar(&mut self, out: &mut Simple, word: &mut Option<usize>, redirect: &mut Option<Redirect>) -> Option<Join> {
        if self.syntax != Syntax::Code && self.takes(b'(') {
            return Some(self.open(false));
        }
        if !self.in_double && !self.ignores_quotes && self.peek() == Some(b'\'') {
            self.at += 1;
            word.get_or_insert(out.text().len());
            self.ansi(out);
            return None;
        }
        // What separates words by its value, and what has none.
        let rest = self.rest();
        for (name, is_blank) in
            [("{IFS}", true), ("IFS", true), ("{@}", false), ("@", false), ("{*}", false), ("*", false)]
        {
            if rest.starts_with(name) {
                self.at += name.len();
                if is_blank && self.in_double {
                    out.push(' ');
                } else if is_blank {
                    out.end_word(word, redirect);
                }
                return None;
            }
        }
        if rest.starts_with("{IFS") {
            self.at += rest.find('}').map_or(rest.len(), |end| end + 1);
            out.end_word(word, redirect);
            return None;
        }
        if !self.variables.is_empty()
            && let Some((value, length)) = self.variable()
        {
            let value = value.to_owned();
            word.get_or_insert(out.text().len());
            out.push_str(&value);
            self.at += length;
            self.expandable -= value.len();
            return None;
        }
        Self::literal(b'$', out, word);
        None
    }

    /// A text as in `$'\x2fbin\057sh'`.
    fn ansi(&mut self, out: &mut Simple) {
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(['\\', '\'']) else {
                self.is_unbalanced = true;
                return;
            };
            out.push_str(rest.get(..end).unwrap_or_default());
            self.at += end + 1;
            if rest.as_bytes().get(end) == Some(&b'\'') {
                return;
            }
            let Some(escaped) = self.rest().chars().next() else { return };
            self.at += escaped.len_utf8();
            match escaped {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'x' => self.number(16, 2, out),
                'u' => self.number(16, 4, out),
                '0'..='7' => {
                    self.at -= 1;
                    self.number(8, 3, out);
                }
                other => out.push(other),
            }
        }
    }

    fn number(&mut self, radix: u32, most: usize, out: &mut Simple) {
        let digits = self.rest().bytes().take(most).take_while(|byte| char::from(*byte).is_digit(radix)).count();
        let number = u32::from_str_radix(self.rest().get(..digits).unwrap_or_default(), radix);
        self.at += digits;
        if let Some(character) = number.ok().and_then(char::from_u32) {
            out.push(character);
        }
    }

    fn redirect(
        &mut self,
        byte: u8,
        out: &mut Simple,
        word: &mut Option<usize>,
        redirect: &mut Option<Redirect>,
    ) -> Option<Join> {
        // The number of a descriptor belongs to the redirection.
        let start = word.unwrap_or(out.text().len());
        let before = out.text().get(start..).unwrap_or_default();
        if !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit()) {
            out.truncate(start);
            *word = None;
        }
        out.end_word(word, redirect);
        if self.syntax != Syntax::Code && self.takes(b'(') {
            return Some(self.open(false));
        }
        let is_double = self.takes(byte);
        self.takes(b'<');
        if byte == b'<' && !is_double && self.takes(b'>') {
            *redirect = Some(Redirect::Write);
        } else {
            *redirect = Some(match (byte, is_double) {
                (b'<', true) => Redirect::Here,
                (b'<', false) => Redirect::Read,
                (_, true) => Redirect::Append,
                (_, false) => Redirect::Write,
            });
        }
        self.takes(b'|');
        if self.takes(b'&') {
            // Another descriptor is no file.
            let digits = self.rest().bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'-').count();
            self.at += digits;
            if digits > 0 {
                *redirect = None;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str, syntax: Syntax) -> Vec<String> {
        let mut lexer = Lexer::new(line, syntax);
        let mut simple = Simple::default();
        let mut all = Vec::new();
        while lexer.next(&mut simple) {
            let mut parts: Vec<String> = simple.words_from(0).map(str::to_owned).collect();
            parts.extend(simple.targets().map(|(redirect, target)| format!("{redirect:?}:{target}")));
            if !parts.is_empty() {
                all.push(parts.join("|"));
            }
        }
        all
    }

    #[test]
    fn words_lose_what_hides_them() {
        for (line, expected) in [
            (r#"n""c -e /bin/sh"#, "nc|-e|/bin/sh"),
            (r"n\c 'a b'c", "nc|a bc"),
            (r"cat${IFS}/etc/shadow", "cat|/etc/shadow"),
            (r"cat$IFS/etc/shadow", "cat|/etc/shadow"),
            (r"c$@at x", "cat|x"),
            (r"$'\x2fbin\057sh' -i", "/bin/sh|-i"),
            (r#"echo "a;b|c" d"#, "echo|a;b|c|d"),
            ("{nc,-e,/bin/sh}", "nc|-e|/bin/sh"),
            ("a 2>&1 >/dev/null", "a|Write:/dev/null"),
            ("a >> b < c <<< d", "a|Append:b|Read:c|Here:d"),
            ("echo x # nc", "echo|x"),
            ("a=n;b=c;$a${b} -e", "nc|-e"),
            ("echo ünï\\ ß", "echo|ünï ß"),
        ] {
            assert_eq!(split(line, Syntax::Shell).last().map(String::as_str), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_joins_commands_ends_one() {
        for (line, expected) in [
            ("a;b|c&&d||e&f\ng", &["a", "b", "c", "d", "e", "f", "g"][..]),
            ("a \"x $(b 'c d') y\" z", &["a|x ", "b|c d", " y|z"]),
            ("a `b` c", &["a", "b", "c"]),
            ("bash <(curl x)", &["bash", "curl|x"]),
            ("(a) > f", &["a", "Write:f"]),
        ] {
            assert_eq!(split(line, Syntax::Shell), expected, "{line}");
        }
    }

    #[test]
    fn the_quotes_of_code_hold_commands() {
        assert_eq!(split("os.system(\"rm -rf /\")", Syntax::Code), ["os.system", "rm|-rf|/"]);
        assert_eq!(split("a # b", Syntax::Joined), ["a|#|b"]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_told() {
        for (line, is_unbalanced) in [("don't; nc x", true), ("a \"b", true), ("a 'b' \"c\"", false)] {
            let mut lexer = Lexer::new(line, Syntax::Joined);
            while lexer.next(&mut Simple::default()) {}
            assert_eq!(lexer.is_unbalanced, is_unbalanced, "{line}");
        }
        let mut lexer = Lexer::without_quotes("don't; nc x", Syntax::Joined);
        let mut simple = Simple::default();
        assert!(lexer.next(&mut simple) && lexer.next(&mut simple));
        assert_eq!(simple.word(0), Some("nc"));
    }

    #[test]
    fn what_goes_on_behind_a_substitution_is_no_program() {
        let continues = |line: &str| {
            let mut lexer = Lexer::new(line, Syntax::Shell);
            let mut simple = Simple::default();
            while lexer.next(&mut simple) {}
            simple.continues
        };
        assert!(continues("echo $(date) nc") && !continues("$(true) nc x"));
    }
}
