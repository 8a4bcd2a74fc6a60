//! A text as a shell or a person would read it: which quotes belong together, and where a value ends.
//!
//! An engine joins arguments with blanks and without quotes. So quotes and signs of a shell mean something only where a
//! shell is given a script, and elsewhere only where they stand around a word as quotes do.

use std::cell::Cell;
use std::ops::Range;

use crate::event::exec::is_shell;

/// What events of commands begin with.
const PREFIXES: [&str; 3] = ["exec_start: ", "exec_create: ", "exec_detach: "];

/// A text in which secrets are looked for.
pub struct Text<'t> {
    /// The whole text.
    pub all: &'t str,
    /// Where its command begins.
    pub start: usize,
    /// Whether a shell reads it.
    pub is_script: bool,
    /// Where its quotes open and close, outermost first; those in others are not among them.
    quotes: Vec<(usize, usize)>,
    /// Its arguments, where they are known.
    pub arguments: Vec<Range<usize>>,
    /// The word that was looked at last, so that one of many names is not gone through for each.
    last: Cell<(usize, usize)>,
}

impl<'t> Text<'t> {
    /// A text of which nothing else is known.
    pub fn new(text: &'t str) -> Self {
        let start = PREFIXES.iter().find(|prefix| text.starts_with(**prefix)).map_or(0, |prefix| prefix.len());
        let is_script = start == 0 || has_script(text);
        let quotes = quotes(text, start..text.len(), is_script);
        Self { all: text, start, is_script, quotes, arguments: Vec::new(), last: Cell::default() }
    }

    /// The same with its arguments apart, if they are those of the text.
    pub fn with_arguments(text: &'t str, arguments: &[&str]) -> Self {
        let plain = Self::new(text);
        let mut places = Vec::with_capacity(arguments.len());
        let mut at = plain.start;
        for argument in arguments {
            let rest = text.get(at..).unwrap_or_default();
            // The end of a long command may be gone.
            if !rest.starts_with(*argument) && !argument.starts_with(rest) {
                return plain;
            }
            let end = text.len().min(at + argument.len());
            places.push(at.min(end)..end);
            at = end + 1;
        }
        if text.get(at.min(text.len())..).is_none_or(|rest| !rest.trim().is_empty()) {
            return plain;
        }
        let mut found = Vec::new();
        for (number, place) in places.iter().enumerate() {
            found.extend(quotes(text, place.clone(), is_script_of(text, &places, number)));
        }
        let is_script = places.iter().enumerate().any(|(number, _)| is_script_of(text, &places, number));
        Self { quotes: found, arguments: places, is_script, ..plain }
    }

    /// The bytes of it.
    pub fn bytes(&self) -> &'t [u8] {
        self.all.as_bytes()
    }

    /// The byte at this place.
    pub fn byte(&self, at: usize) -> Option<u8> {
        self.bytes().get(at).copied()
    }

    /// The byte before this place.
    pub fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|at| self.byte(at))
    }

    /// A part of it.
    pub fn part(&self, span: Range<usize>) -> &'t str {
        self.all.get(span).unwrap_or_default()
    }

    /// The first place from this one on that is no blank.
    pub fn skip_blanks(&self, at: usize) -> usize {
        let blanks = self.bytes().iter().skip(at).take_while(|byte| is_blank(**byte)).count();
        at + blanks
    }

    /// The quotes around this place: where the text in them begins and ends.
    pub fn quoted(&self, at: usize) -> Option<Range<usize>> {
        let number = self.quotes.partition_point(|(open, _)| *open < at);
        let (open, close) = self.quotes.get(number.checked_sub(1)?)?;
        (at <= *close).then_some(open + 1..*close)
    }

    /// The argument at this place; none where that is not known, or where it is a script.
    pub fn argument(&self, at: usize) -> Option<Range<usize>> {
        let number = self.arguments.partition_point(|argument| argument.start <= at).checked_sub(1)?;
        let is_script = is_script_of(self.all, &self.arguments, number);
        self.arguments.get(number).filter(|argument| at <= argument.end && !is_script).cloned()
    }

    /// Where what contains this place ends: quotes, an argument, or the text.
    pub fn limit(&self, at: usize) -> usize {
        let whole = || {
            let number = self.arguments.partition_point(|argument| argument.start <= at).checked_sub(1);
            number.and_then(|number| self.arguments.get(number)).map_or(self.all.len(), |argument| argument.end)
        };
        self.quoted(at).map_or_else(whole, |quoted| quoted.end)
    }

    /// The value that begins at this place, without its quotes: an argument to its end, what is in quotes, or a word.
    pub fn value(&self, at: usize) -> Range<usize> {
        if let Some(argument) = self.argument(at)
            && self.is_rest(&argument, at)
        {
            return unquoted(self.all, at..argument.end);
        }
        // Quotes with backslashes before them, as in a text of JSON.
        if let (Some(b'\\'), Some(quote @ (b'"' | b'\''))) = (self.byte(at), self.byte(at + 1)) {
            let rest = self.bytes().get(at + 2..).unwrap_or_default();
            let end = rest.windows(2).position(|pair| pair == [b'\\', quote]);
            let end = end.or_else(|| rest.iter().position(|byte| *byte == quote));
            if let Some(end) = end {
                return at + 2..at + 2 + end;
            }
        }
        let start = at + usize::from(self.byte(at) == Some(b'$') && self.byte(at + 1) == Some(b'\''));
        if let Some(quote @ (b'"' | b'\'' | b'`')) = self.byte(start)
            && let Some(close) = self.closing(start, quote)
        {
            // SQL writes a quote in quotes twice.
            let mut close = close;
            while quote == b'\''
                && self.byte(close + 1) == Some(quote)
                && let Some(next) = close_of(self.bytes(), close + 1, self.limit(at), quote)
            {
                close = next;
            }
            let end = self.word_end(at);
            let ends = matches!(self.byte(close + 1), Some(b',' | b'}' | b']' | b')' | b':'));
            return if end <= close + 1 || ends || !self.is_script { start + 1..close } else { at..end };
        }
        at..self.word_end(at)
    }

    /// Whether an argument is a name and this value at the most, to its end.
    fn is_rest(&self, argument: &Range<usize>, at: usize) -> bool {
        let is_sign = |byte: &u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'=' | b':' | b'-' | b'_' | b'.' | b'/' | b'[' | b']' | b'{' | b'$')
        };
        let is_name = self.bytes().get(argument.start..at).is_some_and(|name| name.iter().all(is_sign));
        is_name && (at == argument.start || !matches!(self.byte(at), Some(b'"' | b'\'' | b'\\')))
    }

    /// Where a quote that opens here is closed.
    fn closing(&self, at: usize, quote: u8) -> Option<usize> {
        if let Ok(number) = self.quotes.binary_search_by_key(&at, |(open, _)| *open) {
            return self.quotes.get(number).map(|(_, close)| *close);
        }
        let limit = self.limit(at);
        if at >= limit {
            return None;
        }
        close_of(self.bytes(), at, limit, quote)
    }

    /// Where the word at this place ends.
    pub fn word_end(&self, at: usize) -> usize {
        let (start, end) = self.last.get();
        if start <= at && at < end {
            return end;
        }
        let limit = self.limit(at);
        let end = word_end(self.bytes(), at, limit, self.is_script);
        self.last.set((at, end));
        end
    }
}

/// Whether this argument is a script for a shell: what follows its option `-c`, or what another host or a terminal gets.
fn is_script_of(text: &str, arguments: &[Range<usize>], number: usize) -> bool {
    let argument = |number: usize| arguments.get(number).and_then(|place| text.get(place.clone())).unwrap_or_default();
    let Some(before) = number.checked_sub(1) else { return false };
    if !argument(number).contains([' ', '\n', ';', '\'', '"', '|']) {
        return false;
    }
    let runs =
        |name: &str| is_shell(name) || matches!(base(name), "su" | "runuser" | "script" | "watch" | "ssh" | "eval");
    let is_command = argument(before).strip_prefix('-').is_some_and(|letters| letters.ends_with('c'));
    let mut names = (0..number).take(16).map(argument);
    if is_command { names.any(runs) } else { names.any(|name| matches!(base(name), "ssh" | "eval" | "watch")) }
}

/// The name of a program in its path.
pub fn base(word: &str) -> &str {
    word.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// Whether a shell is given something to do in this text.
fn has_script(text: &str) -> bool {
    let mut shell_seen = 0;
    for word in text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()).take(512) {
        let word = word.trim_matches(['"', '\'']);
        if shell_seen > 0 {
            if word.strip_prefix('-').is_some_and(|letters| letters.ends_with('c') && letters.len() <= 5) {
                return true;
            }
            shell_seen -= 1;
        }
        if is_shell(word) || matches!(base(word), "su" | "runuser" | "script") {
            shell_seen = 6;
        }
        if matches!(base(word), "eval" | "ssh") {
            return true;
        }
    }
    false
}

pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0xb | 0xc)
}

/// Whether this byte ends a word of a shell.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b';' | b'|' | b'&' | b')' | b'<' | b'>' | b'`')
}

/// The end of a word that begins here.
fn word_end(bytes: &[u8], start: usize, limit: usize, is_script: bool) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at).copied().filter(|_| at < limit) {
        if is_blank(byte) || (is_script && ends_word(byte)) {
            break;
        }
        if is_script && byte == b'\\' {
            at += 2;
            continue;
        }
        let may_open = matches!(byte, b'"' | b'\'') && (is_script || at == start || opens(bytes, at));
        if may_open
            && let Some(close) = close_of(bytes, at, limit, byte)
            && (is_script || closes(bytes, close))
        {
            at = close + 1;
            continue;
        }
        at += 1;
    }
    at.min(limit)
}

/// Where a quote is closed; none where it is not before the limit.
fn close_of(bytes: &[u8], open: usize, limit: usize, quote: u8) -> Option<usize> {
    /// What is longer is no word of anybody, and would be gone through for each of its quotes.
    const LONGEST: usize = 8 << 10;
    let mut at = open + 1;
    let limit = limit.min(open + LONGEST);
    while let Some(byte) = bytes.get(at).copied().filter(|_| at < limit) {
        if byte == quote {
            return Some(at);
        }
        at += if byte == b'\\' && quote == b'"' { 2 } else { 1 };
    }
    None
}

/// Whether a quote at this place can open: a word begins with it, or a value.
fn opens(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
    before.is_none_or(|byte| is_blank(*byte) || matches!(byte, b'=' | b':' | b'(' | b'[' | b'{' | b',' | b'$'))
}

/// Whether a quote at this place can close: what follows is no part of a word.
fn closes(bytes: &[u8], at: usize) -> bool {
    bytes.get(at + 1).is_none_or(|byte| {
        is_blank(*byte)
            || matches!(byte, b',' | b';' | b':' | b')' | b']' | b'}' | b'&' | b'|' | b'>' | b'"' | b'\'' | b'@' | b'.')
    })
}

/// The quotes that belong together and are in no others.
fn quotes(text: &str, range: Range<usize>, is_script: bool) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = range.start;
    // Once a quote is not closed, no later one is.
    let mut open_ended = [false; 2];
    while let Some(byte) = bytes.get(at).copied().filter(|_| at < range.end) {
        if byte == b'\\' {
            at += 2;
            continue;
        }
        let is_double = byte == b'"';
        if (is_double || byte == b'\'')
            && (is_script || opens(bytes, at))
            && open_ended.get(usize::from(is_double)) == Some(&false)
        {
            match closing_quote(bytes, at, range.end, byte, is_script) {
                Some(close) => {
                    found.push((at, close));
                    at = close;
                }
                None => {
                    if let Some(open_ended) = open_ended.get_mut(usize::from(is_double)) {
                        *open_ended = true;
                    }
                }
            }
        }
        at += 1;
    }
    found
}

/// Where a quote is closed; in what no shell reads only where a word ends.
fn closing_quote(bytes: &[u8], open: usize, limit: usize, quote: u8, is_script: bool) -> Option<usize> {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at).copied().filter(|_| at < limit) {
        if byte == quote && (is_script || closes(bytes, at)) {
            return Some(at);
        }
        at += if byte == b'\\' && quote == b'"' { 2 } else { 1 };
    }
    None
}

/// A place without the quotes around all of it.
pub fn unquoted(text: &str, span: Range<usize>) -> Range<usize> {
    let part = text.get(span.clone()).unwrap_or_default();
    let is_quoted =
        part.len() >= 2 && ['"', '\''].iter().any(|quote| part.starts_with(*quote) && part.ends_with(*quote));
    if is_quoted { span.start + 1..span.end - 1 } else { span }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'t>(text: &'t str, before: &str) -> &'t str {
        let text = Text::new(text);
        let at = text.all.find(before).unwrap() + before.len();
        text.part(text.value(at))
    }

    #[test]
    fn a_value_ends_where_its_reader_ends_it() {
        for (text, before, expected) in [
            ("exec_start: a -p x;y|z b", "-p ", "x;y|z"),
            ("exec_start: sh -c a -p x;y", "-p ", "x"),
            ("exec_start: a -p \"x y\" b", "-p ", "x y"),
            ("exec_start: a -p \"x y b", "-p ", "\"x"),
            ("exec_start: a -p it's b's", "-p ", "it's"),
            ("exec_start: sh -c a -p'x y'z b", "-p", "'x y'z"),
            ("exec_start: sh -c a -p x\\ y b", "-p ", "x\\ y"),
            ("exec_start: sh -c \"a -p x\" b", "-p ", "x"),
            ("exec_start: sh -c \"a -p 'x y'\" b", "-p ", "x y"),
            ("exec_start: a {\"k\":\"x y\"}", "\"k\":", "x y"),
            (r#"exec_start: a {\"k\":\"x y\"}"#, r#"\"k\":"#, "x y"),
            ("exec_start: sh -c a -p $'x y'", "-p ", "x y"),
        ] {
            assert_eq!(value(text, before), expected, "{text}");
        }
    }

    #[test]
    fn arguments_that_are_known_end_where_they_end() {
        let line = "exec_start: a -p x y z";
        let text = Text::with_arguments(line, &["a", "-p", "x y", "z"]);
        assert_eq!(text.part(text.value(line.find("x y").unwrap())), "x y");
        // Those of another command say nothing.
        let text = Text::with_arguments(line, &["b", "-p", "x y", "z"]);
        assert_eq!(text.part(text.value(line.find("x y").unwrap())), "x");
        let line = "exec_start: sh -c a -p x y";
        let text = Text::with_arguments(line, &["sh", "-c", "a -p x y"]);
        assert_eq!(text.part(text.value(line.find("x y").unwrap())), "x");
    }
}
