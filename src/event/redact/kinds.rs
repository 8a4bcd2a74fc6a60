//! What kinds of secrets were taken out of an event.

use std::ops::{AddAssign, Range};

/// How a secret was recognized, which is all that a message says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// An option, an assignment or a field by its name, or what a known client takes at this place.
    Credential,
    /// Base64 of a secret.
    Encoded,
    /// A header or cookie.
    Header,
    /// A pattern of the user.
    Own,
    /// A private key.
    PrivateKey,
    /// A long word without any order.
    Random,
    /// In a statement of SQL.
    Sql,
    /// A token whose shape its issuer documents.
    Token,
    /// In a URL.
    Url,
    /// Any value, in the strict mode.
    Value,
}

impl Kind {
    /// All of them, in the order of their words.
    const ALL: [(Self, &'static str); 10] = [
        (Self::Credential, "credential"),
        (Self::Encoded, "encoded"),
        (Self::Header, "header"),
        (Self::Own, "own"),
        (Self::PrivateKey, "private_key"),
        (Self::Random, "random"),
        (Self::Sql, "sql"),
        (Self::Token, "token"),
        (Self::Url, "url"),
        (Self::Value, "value"),
    ];
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// Only this one.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self(1 << kind as u8)
    }

    /// With another.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Their words, sorted.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Kind::ALL.into_iter().filter(move |(kind, _)| self.0 >> (*kind as u8) & 1 != 0).map(|(_, word)| word)
    }
}

/// A secret's place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its bytes.
    pub span: Range<usize>,
    /// How it was recognized.
    pub kind: Kind,
}

/// What was taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redactions {
    /// How many secrets.
    pub count: u64,
    /// Of which kinds.
    pub kinds: Kinds,
}

impl AddAssign for Redactions {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.kinds.add(other.kinds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_words_in_their_order() {
        let mut kinds = Kinds::of(Kind::Url);
        kinds.add(Kinds::of(Kind::Credential));
        kinds.add(Kinds::of(Kind::Url));
        assert_eq!(kinds.words().collect::<Vec<_>>(), ["credential", "url"]);
        let words: Vec<&str> = Kind::ALL.iter().map(|(_, word)| *word).collect();
        assert!(words.is_sorted() && Kind::ALL.is_sorted());
    }
}
