//! What is normal on this host: which commands, images and risks have been seen before, of images whose content is known.
//!
//! An item is a keyed hash, so the memory says nothing to who reads it. It is bounded; what was learnt first is forgotten
//! first, and what is not seen for [`MAX_AGE`] days is not normal any more. What has been forgotten is reported again.

use crate::bounded::{AsItIs, Bounded};

/// So many items are remembered.
const MAX_ITEMS: usize = 16_384;

/// So many containers that nothing is learnt from are remembered.
const MAX_BARRED: usize = 4096;

/// After so many days without being seen an item is forgotten.
const MAX_AGE: i64 = 90;

/// The first word of the file, with the number of its format.
const HEADER: &str = "baseline 1";

/// Whether something was seen before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Seen {
    /// Nothing is learnt, or it is not known what it belongs to.
    #[default]
    Off,
    /// For the first time, or where nothing is learnt from.
    First,
    /// It was seen before.
    Known,
    /// The configuration accepts it.
    Accepted,
}

impl Seen {
    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::First => "first",
            Self::Known => "known",
            Self::Accepted => "accepted",
        }
    }
}

/// What has been seen.
#[derive(Debug)]
pub struct Baseline {
    /// Each item with the day on which it was seen last.
    items: Bounded<i64, u64, AsItIs>,
    /// Containers that nothing is learnt from, each with the day on which that was found.
    barred: Bounded<i64, u64, AsItIs>,
    /// The day on which the first was learnt.
    since: Option<i64>,
    is_changed: bool,
}

impl Default for Baseline {
    fn default() -> Self {
        Self { items: Bounded::new(MAX_ITEMS), barred: Bounded::new(MAX_BARRED), since: None, is_changed: false }
    }
}

impl Baseline {
    /// Whether new items are learnt on this day, where learning ends after so many days; 0 is never.
    #[must_use]
    pub fn learns(&self, today: i64, days: u32) -> bool {
        days == 0 || self.since.is_none_or(|since| today < since + i64::from(days))
    }

    /// Whether an item was seen before; it is learnt where that is asked for. Days are counted from any day.
    pub fn see(&mut self, item: u64, today: i64, learn: bool) -> Seen {
        let last = self.items.get(&item).copied().filter(|last| today - last <= MAX_AGE);
        if last == Some(today) {
            return Seen::Known;
        }
        if last.is_some() || learn {
            self.items.keep(item, today);
            self.since.get_or_insert(today);
            self.is_changed = true;
        }
        if last.is_some() { Seen::Known } else { Seen::First }
    }

    /// Nothing is learnt from this container from now on.
    pub fn bar(&mut self, container: u64, today: i64) {
        if self.barred.get(&container).is_none() {
            self.barred.keep(container, today);
            self.is_changed = true;
        }
    }

    /// Whether nothing is learnt from this container.
    #[must_use]
    pub fn is_barred(&self, container: u64) -> bool {
        self.barred.get(&container).is_some()
    }

    /// Whether it has changed since it was last written.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// The memory as text, which now counts as written.
    pub fn text(&mut self) -> String {
        self.is_changed = false;
        let since = self.since.map_or_else(String::new, |since| format!(" {since}"));
        let items = self.items.iter().map(|(item, day)| format!("{item:016x} {day}\n"));
        let barred = self.barred.iter().map(|(container, day)| format!("!{container:016x} {day}\n"));
        std::iter::once(format!("{HEADER}{since}\n")).chain(barred).chain(items).collect()
    }

    /// Reads what [`Self::text`] wrote; a damaged line is one item less.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut baseline = Self::default();
        let mut lines = text.lines();
        let Some(since) = lines.next().and_then(|first| first.strip_prefix(HEADER)) else { return baseline };
        baseline.since = since.trim().parse().ok();
        for line in lines {
            let (line, is_barred) = line.strip_prefix('!').map_or((line, false), |line| (line, true));
            if let Some((item, day)) = line.split_once(' ')
                && let (Ok(item), Ok(day)) = (u64::from_str_radix(item, 16), day.parse())
            {
                if is_barred { &mut baseline.barred } else { &mut baseline.items }.keep(item, day);
            }
        }
        baseline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_before_is_known_until_it_is_too_long_ago() {
        let mut baseline = Baseline::default();
        assert_eq!(baseline.see(1, 100, true), Seen::First);
        assert_eq!(baseline.see(1, 100, true), Seen::Known);
        assert_eq!(baseline.see(2, 100, false), Seen::First, "nothing is learnt");
        assert_eq!(baseline.see(2, 100, true), Seen::First);
        assert_eq!(baseline.see(1, 150, false), Seen::Known, "being seen keeps it");
        assert_eq!(baseline.see(1, 240, true), Seen::Known);
        assert_eq!(baseline.see(1, 331, true), Seen::First);
    }

    #[test]
    fn learning_ends_where_that_is_asked_for() {
        let mut baseline = Baseline::default();
        assert!(baseline.learns(100, 1) && baseline.learns(100, 0));
        baseline.see(1, 100, true);
        assert!(baseline.learns(106, 7) && !baseline.learns(107, 7) && baseline.learns(107, 0));
        assert!(!baseline.learns(101, 1));
    }

    #[test]
    fn it_survives_as_text_and_damage_costs_what_is_damaged() {
        let mut baseline = Baseline::default();
        baseline.see(1, 100, true);
        baseline.see(u64::MAX, 101, true);
        assert!(baseline.is_changed());
        let text = baseline.text();
        assert!(!baseline.is_changed());
        assert_eq!(text, "baseline 1 100\n0000000000000001 100\nffffffffffffffff 101\n");
        let mut read = Baseline::read(&format!("{text}torn\nxyz 1\n2 x\n\n"));
        assert_eq!(read.text(), text);
        assert_eq!(read.see(1, 102, false), Seen::Known);
        for other in ["", "baseline 2\n0000000000000001 100\n", "x"] {
            assert_eq!(Baseline::read(other).see(1, 100, false), Seen::First, "{other}");
        }
    }

    #[test]
    fn a_container_that_teaches_nothing_stays_so_after_a_restart() {
        let mut baseline = Baseline::default();
        baseline.bar(7, 100);
        assert!(baseline.is_changed() && baseline.is_barred(7) && !baseline.is_barred(8));
        let mut read = Baseline::read(&baseline.text());
        assert!(read.is_barred(7) && !read.is_barred(8));
        assert_eq!(read.see(7, 100, false), Seen::First, "a container is no item");
    }

    #[test]
    fn it_is_bounded() {
        let mut baseline = Baseline::default();
        for item in 0..40_000 {
            baseline.see(item, 1, true);
        }
        assert_eq!((baseline.see(0, 1, false), baseline.see(39_999, 1, false)), (Seen::First, Seen::Known));
        assert_eq!(baseline.text().lines().count(), MAX_ITEMS + 1);
    }
}
