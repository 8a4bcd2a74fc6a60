//! Takes secrets out of command lines and label values, and leaves everything that rules match.
//!
//! A command line in an event is its arguments joined by blanks, without quotes. Where the engine has told the arguments
//! apart, a secret ends where its argument ends; else it is read as a shell would read it, where a shell is given a
//! script, and as words between blanks everywhere else ([`text`]). What refers to a secret and is none (a path, a
//! variable, a file for `curl`) stays ([`value`]). `exec_start: `, its trailing blank and the program's name are never
//! part of a secret: each needs something before it.
//!
//! What is known of secrets is data: their own shapes ([`formats`]), clients and where they take them ([`clients`]), names
//! ([`names`]), headers that hold none ([`header`]), paths of webhooks ([`url`]). [`hints`] tells at little cost whether
//! there could be any of it in a text, and nearly all texts hold none; [`find`] looks for all of it.

mod clients;
mod find;
mod formats;
mod header;
mod hints;
mod kinds;
mod lines;
mod named;
mod names;
mod patterns;
mod private_key;
mod programs;
mod random;
mod redactor;
mod sql;
mod stdin;
mod strict;
mod text;
mod url;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use kinds::{Kinds, Redactions};
pub use patterns::PatternError;
pub use redactor::{Hasher, MOST_PATTERNS, Mode, REDACTED, Redactor};
