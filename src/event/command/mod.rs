//! What a command line does, by the programs that it runs and what they are given: shells, downloads, ways out, escapes and
//! the other categories of [`Category`].
//!
//! The knowledge stands in tables: [`programs`] has a row for what a program does with which arguments, [`traces`] has the
//! paths and texts that tell by themselves, [`wrappers`] the programs that run another. [`judge`] splits a line into simple
//! commands with [`lexer`] and looks each of them up.

mod category;
mod condition;
mod flow;
mod judge;
mod lexer;
mod marks;
mod names;
mod programs;
mod roles;
#[cfg(test)]
mod tests;
mod traces;
mod words;
mod wrappers;

pub use category::{Category, Found};
pub use judge::{of_argv, of_line};
