//! A simple command: its words without quotes, where it writes to and reads from, and what stands before and behind it.

use std::ops::Range;

/// So much of what a program is given is searched for single texts, in bytes.
const MAX_SEARCHED: usize = 8192;

/// At most so many bytes of a text.
pub fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=text.len().min(most)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// What stands between two simple commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Join {
    /// The beginning or end of the line.
    #[default]
    Edge,
    /// What one writes the next reads.
    Pipe,
    /// One after the other.
    List,
    /// A substitution begins, whose output becomes part of the command before.
    Open,
    /// It ends.
    Close,
}

/// What a redirection does with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirect {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `<<` and `<<<`
    Here,
}

/// A simple command. Kept to be used for the next.
#[derive(Debug, Default)]
pub struct Simple {
    text: String,
    words: Vec<Range<usize>>,
    targets: Vec<(Redirect, Range<usize>)>,
    /// What stands before it.
    pub before: Join,
    /// What stands behind it.
    pub after: Join,
    /// Whether it continues a command that began before a substitution, so that its first word is no program.
    pub continues: bool,
}

impl Simple {
    /// A command that is made of these words as they are.
    pub fn of_words<'w>(words: impl Iterator<Item = &'w str>) -> Self {
        let mut simple = Self::default();
        for word in words {
            let start = simple.text.len();
            simple.text.push_str(word);
            simple.words.push(start..simple.text.len());
            simple.text.push(' ');
        }
        simple
    }

    /// Ready for the next.
    pub fn clear(&mut self) {
        self.text.clear();
        self.words.clear();
        self.targets.clear();
    }

    /// All of it, without quotes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many words it has.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// The word at this place.
    pub fn word(&self, place: usize) -> Option<&str> {
        self.text.get(self.words.get(place)?.clone())
    }

    /// The words from this place on.
    pub fn words_from(&self, place: usize) -> impl Iterator<Item = &str> + Clone {
        self.words.get(place..).unwrap_or_default().iter().filter_map(|range| self.text.get(range.clone()))
    }

    /// The text from the word at this place on.
    pub fn text_from(&self, place: usize) -> &str {
        self.words.get(place).and_then(|word| self.text.get(word.start..)).unwrap_or_default()
    }

    /// The same, as much as is searched for single texts.
    pub fn beginning_from(&self, place: usize) -> &str {
        beginning(self.text_from(place), MAX_SEARCHED)
    }

    /// The targets of redirections.
    pub fn targets(&self) -> impl Iterator<Item = (Redirect, &str)> {
        self.targets.iter().filter_map(|(redirect, range)| Some((*redirect, self.text.get(range.clone())?)))
    }

    /// Puts a character at the end of the word that is being made.
    pub fn push(&mut self, character: char) {
        self.text.push(character);
    }

    /// Takes away what was made from this place of the text on.
    pub fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
    }

    /// Puts a text at the end of the word that is being made.
    pub fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The redirection that a place in the text is the target of.
    pub fn redirect_at(&self, place: usize) -> Option<Redirect> {
        self.targets.iter().find(|(_, range)| range.contains(&place)).map(|(redirect, _)| *redirect)
    }

    /// The word that a place in the text belongs to.
    pub fn word_at(&self, place: usize) -> Option<usize> {
        let word = self.words.partition_point(|range| range.end <= place);
        self.words.get(word).filter(|range| range.contains(&place)).map(|_| word)
    }

    /// The word that was begun at this place of the text ends; it is the target of this redirection, where there is one.
    pub fn end_word(&mut self, word: &mut Option<usize>, redirect: &mut Option<Redirect>) {
        let Some(start) = word.take() else { return };
        let range = start..self.text.len();
        match redirect.take() {
            Some(redirect) => self.targets.push((redirect, range)),
            None => self.push_word(range),
        }
        self.text.push(' ');
    }

    /// `{a,b}` is two words.
    fn push_word(&mut self, range: Range<usize>) {
        let word = self.text.get(range.clone()).unwrap_or_default();
        let inner = word.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).filter(|inner| inner.contains(','));
        let Some(inner) = inner else {
            self.words.push(range);
            return;
        };
        let mut start = range.start + 1;
        for part in inner.split(',') {
            self.words.push(start..start + part.len());
            start += part.len() + 1;
        }
    }
}
