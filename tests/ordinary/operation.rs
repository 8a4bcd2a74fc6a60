//! What an operation of an ordinary day is, and how its messages are judged.

use std::collections::BTreeMap;

/// Rules of Wazuh's own for what is removed, at level 4 and 5. Ours leave them alone, so they count against no maximum:
/// who removes a container reads that it is gone.
const REMOVALS: [u32; 4] = [87_902, 87_916, 87_929, 87_931];

/// The level of an end that nobody asked for, which is worth a glance.
const UNASKED: u8 = 5;

/// Something that people or their machines do to an engine.
pub struct Operation {
    pub name: &'static str,
    /// The highest level that it may end at.
    pub most: u8,
    /// One message at that level is enough; what else comes ends at `UNASKED` at most.
    pub is_once: bool,
    /// A script that makes what is needed, which nobody judges.
    pub before: &'static str,
    /// The script that is judged. Nothing that it made is left after it.
    pub does: &'static str,
    /// How often the engine says what when it has come about, where the script's end does not tell.
    pub sees: (usize, &'static str),
}

pub const fn operation(name: &'static str, most: u8, before: &'static str, does: &'static str) -> Operation {
    Operation { name, most, is_once: false, before, does, sees: (0, "") }
}

impl Operation {
    pub const fn sees(mut self, times: usize, what: &'static str) -> Self {
        self.sees = (times, what);
        self
    }

    /// It has come about once the engine's own health check says so.
    pub const fn until_healthy(self) -> Self {
        self.sees(1, "container health_status: healthy")
    }

    pub const fn once(mut self) -> Self {
        self.is_once = true;
        self
    }
}

/// Rules above the maximum, with the highest level of each.
pub type Above = BTreeMap<u32, u8>;

/// Operations with the rules above their maxima.
pub type Exceeds = &'static [(&'static str, &'static [(u32, u8)])];

/// What an operation's messages came to.
#[derive(Default)]
pub struct Outcome {
    pub level: u8,
    /// The rules at that level.
    pub rules: Vec<u32>,
    pub above: Above,
}

impl Outcome {
    /// Of the rules and levels at which the messages of an operation ended.
    pub fn of(operation: &Operation, most: u8, ends: &[(u32, u8)]) -> Self {
        let level = ends.iter().map(|end| end.1).max().unwrap_or_default();
        let mut rules: Vec<u32> = ends.iter().filter(|end| end.1 == level).map(|end| end.0).collect();
        rules.sort_unstable();
        rules.dedup();
        let mut above = Above::new();
        let mut is_first = true;
        for &(rule, level) in ends {
            let is_the_one = operation.is_once && level == most && std::mem::take(&mut is_first);
            let bound = if operation.is_once && !is_the_one { UNASKED } else { most };
            if level > bound && !REMOVALS.contains(&rule) {
                let highest = above.entry(rule).or_default();
                *highest = level.max(*highest);
            }
        }
        Self { level, rules, above }
    }
}
