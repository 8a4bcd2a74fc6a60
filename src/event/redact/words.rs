//! The commands of a text and their words, as a shell or the engine splits them; also those in quotes and in scripts.

use std::ops::Range;

use super::text::{Text, is_blank, unquoted};

/// The most words that are looked at; nobody reads on, and what is behind is looked at by names and shapes all the same.
const MOST: usize = 8 << 10;

/// A command: words up to what joins it to the next.
#[derive(Debug, Default)]
pub struct Command {
    /// Its words, without their quotes.
    pub words: Vec<Range<usize>>,
    /// Whether its input is what the command before it prints.
    pub is_piped: bool,
    /// The text that it is part of, by the depth of quotes.
    pub depth: usize,
}

/// All commands of a text; those in quotes behind the one that they stand in.
pub fn commands(text: &Text<'_>) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut room = MOST;
    if text.arguments.is_empty() {
        split(text, text.start..text.all.len(), 0, &mut room, &mut commands);
        return commands;
    }
    let words = text.arguments.clone();
    for argument in &words {
        if holds_words(text, argument) {
            split(text, argument.clone(), 1, &mut room, &mut commands);
        }
    }
    commands.insert(0, Command { words, ..Command::default() });
    commands
}

fn holds_words(text: &Text<'_>, place: &Range<usize>) -> bool {
    text.bytes().get(place.clone()).is_some_and(|bytes| bytes.iter().any(|byte| is_blank(*byte)))
}

fn split(text: &Text<'_>, range: Range<usize>, depth: usize, room: &mut usize, commands: &mut Vec<Command>) {
    /// Quotes in quotes in quotes are in nobody's command.
    const DEEPEST: usize = 3;
    let mut command = Command { depth, ..Command::default() };
    let mut inner = Vec::new();
    let mut at = range.start;
    let mut next_is_piped = false;
    let is_script = text.is_script || depth > 0;
    while *room > 0 && at < range.end {
        let Some(byte) = text.byte(at) else { break };
        if is_blank(byte) && byte != b'\n' {
            at += 1;
            continue;
        }
        if let Some((length, is_pipe)) = joint(text, at, is_script) {
            if !command.words.is_empty() {
                command.is_piped = next_is_piped;
                commands.push(std::mem::replace(&mut command, Command { depth, ..Command::default() }));
                next_is_piped = false;
            }
            next_is_piped |= is_pipe;
            at += length;
            continue;
        }
        let end = word_end(text, at, range.end, is_script).max(at + 1);
        let word = unquoted(text.all, at..end);
        if depth < DEEPEST && (word.start > at || has_quotes(text, &word)) && holds_words(text, &word) {
            inner.push(word.clone());
        }
        command.words.push(word);
        *room -= 1;
        at = end;
    }
    if !command.words.is_empty() {
        command.is_piped = next_is_piped;
        commands.push(command);
    }
    for word in inner {
        split(text, word, depth + 1, room, commands);
    }
}

fn has_quotes(text: &Text<'_>, word: &Range<usize>) -> bool {
    text.part(word.clone()).contains(['"', '\''])
}

/// The length of what joins two commands here, and whether it is a pipe.
fn joint(text: &Text<'_>, at: usize, is_script: bool) -> Option<(usize, bool)> {
    let next = text.byte(at + 1);
    match text.byte(at)? {
        b'\n' => Some((1, false)),
        b'|' if next == Some(b'|') => Some((2, false)),
        b'|' if is_script || next.is_none_or(is_blank) => Some((1 + usize::from(next == Some(b'&')), true)),
        b'&' if next == Some(b'&') => Some((2, false)),
        b'&' if is_script && next != Some(b'>') || next.is_none_or(is_blank) => Some((1, false)),
        b';' if is_script || next.is_none_or(is_blank) => Some((1, false)),
        b'(' | b')' | b'`' if is_script => Some((1, false)),
        b'$' if is_script && next == Some(b'(') => Some((2, false)),
        _ => None,
    }
}

/// The end of a word that begins here, before what joins commands.
fn word_end(text: &Text<'_>, start: usize, limit: usize, is_script: bool) -> usize {
    let mut at = start;
    while let Some(byte) = text.byte(at).filter(|_| at < limit) {
        if is_blank(byte)
            || (is_script
                && matches!(byte, b';' | b'|' | b'&' | b')' | b'`')
                && at > start
                && !is_redirection(text, at))
        {
            break;
        }
        // A sign at the end of a word ends a command all the same.
        if byte == b';' && at > start && text.byte(at + 1).is_none_or(is_blank) {
            break;
        }
        if is_script && byte == b'\\' {
            at += 2;
            continue;
        }
        let may_open = is_script || at == start || matches!(text.before(at), Some(b'=' | b':' | b'$' | b','));
        if matches!(byte, b'"' | b'\'')
            && may_open
            && let Some(close) = close_of(text, at, limit, byte)
        {
            let is_end = text.byte(close + 1).is_none_or(|next| is_blank(next) || next.is_ascii_punctuation());
            if is_script || is_end {
                at = close + 1;
                continue;
            }
        }
        at += 1;
    }
    at.min(limit)
}

fn is_redirection(text: &Text<'_>, at: usize) -> bool {
    text.byte(at) == Some(b'&') && matches!(text.before(at), Some(b'>' | b'<'))
}

fn close_of(text: &Text<'_>, open: usize, limit: usize, quote: u8) -> Option<usize> {
    const LONGEST: usize = 8 << 10;
    let limit = limit.min(open + LONGEST);
    let mut at = open + 1;
    while let Some(byte) = text.byte(at).filter(|_| at < limit) {
        if byte == quote {
            return Some(at);
        }
        at += if byte == b'\\' && quote == b'"' { 2 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_of(line: &str) -> Vec<Vec<&str>> {
        let text = Text::new(line);
        commands(&text).into_iter().map(|command| command.words.into_iter().map(|word| &line[word]).collect()).collect()
    }

    #[test]
    fn commands_are_split_as_their_readers_split_them() {
        assert_eq!(split_of("exec_start: a -p x;y b"), [["a", "-p", "x;y", "b"]]);
        assert_eq!(split_of("exec_start: sh -c a x;b y"), [vec!["sh", "-c", "a", "x"], vec!["b", "y"]]);
        assert_eq!(split_of("a x | b y"), [["a", "x"], ["b", "y"]]);
        assert_eq!(
            split_of("exec_start: bash -c \"a 'x y' && b\""),
            [vec!["bash", "-c", "a 'x y' && b"], vec!["a", "x y"], vec!["b"], vec!["x", "y"]]
        );
        assert!(commands(&Text::new("echo x | b"))[1].is_piped);
    }
}
