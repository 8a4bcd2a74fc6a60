//! What code of other languages does, by the names in it that come together: a connection and a shell, something decoded
//! and something run.

use super::category::{Category, Found};

/// A set of what was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// A connection is made.
    pub const SOCKET: Self = Self(1);
    /// A program is started, or a descriptor given to one.
    pub const SPAWN: Self = Self(2);
    /// Something is decoded.
    pub const DECODE: Self = Self(4);
    /// A text is run as code.
    pub const EVAL: Self = Self(8);
    /// Something is fetched.
    pub const FETCH: Self = Self(16);
    /// Something is written.
    pub const WRITE: Self = Self(32);
    /// A device of bash's own that makes a connection.
    pub const DEVICE: Self = Self(64);

    /// With these too.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether all of these were seen.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What they come to; `in_code` where an interpreter is given code.
    pub fn judge(self, in_code: bool, found: &mut Found) {
        if !in_code {
            return;
        }
        if self.has(Self::SOCKET) && (self.has(Self::SPAWN) || self.has(Self::EVAL)) {
            found.add(Category::ReverseShell, "T1059");
        }
        if self.has(Self::DECODE) && (self.has(Self::EVAL) || self.has(Self::SPAWN)) {
            found.add(Category::DecodeAndRun, "T1140");
        }
        if self.has(Self::FETCH) && self.has(Self::EVAL) {
            found.add(Category::DecodeAndRun, "T1105");
        }
        if self.has(Self::FETCH) || self.has(Self::SOCKET) {
            found.add(Category::Download, "T1105");
        }
        if self.has(Self::SPAWN) {
            found.add(Category::Shell, "T1059.004");
        }
    }
}
