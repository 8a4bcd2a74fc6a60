//! What must hold of the arguments of a program.

use super::words::Simple;

/// So many arguments are looked at.
const MAX_ARGUMENTS: usize = 1024;

/// A condition. Lists are texts with `|` between their entries.
#[derive(Debug, Clone, Copy)]
pub enum If {
    /// Whatever it is given.
    Any,
    /// One of its arguments is one of these.
    Word(&'static str),
    /// The first argument that is no option is one of these.
    First(&'static str),
    /// It is given an option: of these letters, alone or among others, or one of these long names.
    Option(&'static str, &'static str),
    /// One of these stands somewhere in its arguments.
    Has(&'static str),
    /// An argument begins with one of these.
    Begins(&'static str),
    /// It is given the mode of a file that runs as its owner or group.
    SetId,
    /// It is given nothing but options.
    Bare,
    /// One of these holds.
    One(&'static [If]),
    /// All of these hold.
    All(&'static [If]),
    /// This does not hold.
    Not(&'static If),
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split('|')
}

impl If {
    /// Whether it holds of the words from this place on.
    pub fn holds(&self, simple: &Simple, from: usize) -> bool {
        let mut arguments = simple.words_from(from).take(MAX_ARGUMENTS);
        match self {
            Self::Any => true,
            Self::Word(words) => arguments.any(|argument| list(words).any(|word| word == argument)),
            Self::First(words) => {
                let first = arguments.find(|argument| !argument.starts_with(['-', '+']));
                first.is_some_and(|first| list(words).any(|word| word == first))
            }
            Self::Option(letters, names) => arguments.any(|argument| is_option(argument, letters, names)),
            Self::Has(texts) => {
                let given = simple.beginning_from(from);
                list(texts).any(|text| given.contains(text))
            }
            Self::Begins(texts) => arguments.any(|argument| list(texts).any(|text| argument.starts_with(text))),
            Self::SetId => arguments.any(is_set_id),
            Self::Bare => arguments.all(|argument| argument.starts_with('-')),
            Self::One(conditions) => conditions.iter().any(|condition| condition.holds(simple, from)),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(simple, from)),
            Self::Not(condition) => !condition.holds(simple, from),
        }
    }
}

/// Whether a mode is one of set-user-id or set-group-id.
fn is_set_id(mode: &str) -> bool {
    let digits = mode.trim_start_matches('0');
    if mode.len() >= 4 && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
        return digits.len() == 4 && digits.starts_with(['2', '4', '6', '7', '3', '5']);
    }
    mode.split(',').any(|part| {
        let (whom, what) = part.split_once(['+', '=']).unwrap_or_default();
        what.contains('s')
            && what.bytes().all(|byte| b"rwxXst".contains(&byte))
            && whom.bytes().all(|byte| b"ugoa".contains(&byte))
    })
}

/// Whether an argument is an option of one of these letters, or of one of these names with one or two dashes and maybe a
/// value.
fn is_option(argument: &str, letters: &str, names: &str) -> bool {
    let Some(option) = argument.strip_prefix('-') else { return false };
    let name = option.strip_prefix('-').unwrap_or(option);
    if !names.is_empty() && list(names).any(|known| name.split('=').next() == Some(known)) {
        return true;
    }
    let is_cluster = option.len() <= 5 && option.bytes().all(|byte| byte.is_ascii_alphabetic());
    let first = option.chars().next();
    (is_cluster && option.contains(|letter| letters.contains(letter)))
        || (!option.starts_with('-') && first.is_some_and(|first| letters.contains(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_files_that_run_as_another() {
        assert!(["4755", "u+s", "04755", "g+xs", "u=rwxs,g=x", "+s", "2755"].into_iter().all(is_set_id));
        assert!(!["755", "0755", "u+x", "1777", "server", "u-s", "a=rx"].into_iter().any(is_set_id));
    }

    #[test]
    fn conditions_hold_of_arguments() {
        let simple = Simple::of_words("nc -lvp 4444 --exec=/bin/sh http://x".split(' '));
        for (condition, holds) in [
            (If::Option("l", ""), true),
            (If::Option("e", ""), false),
            (If::Option("", "exec"), true),
            (If::Word("4444|x"), true),
            (If::Word("444"), false),
            (If::First("4444"), true),
            (If::Has("ftp://|http://"), true),
            (If::Begins("http"), true),
            (If::Bare, false),
            (If::Not(&If::Bare), true),
            (If::All(&[If::Any, If::Word("x")]), false),
            (If::One(&[If::Any, If::Word("x")]), true),
        ] {
            assert_eq!(condition.holds(&simple, 1), holds, "{condition:?}");
        }
    }
}
