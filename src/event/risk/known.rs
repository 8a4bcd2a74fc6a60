//! Which risks of a container have been reported: each is an alert once, and a record from then on until it changes.

use std::hash::{BuildHasher, RandomState};

use super::Risk;
use crate::bounded::Nameless;

/// So many containers are remembered; the one that was reported first is forgotten first, and reported again.
const MAX_CONTAINERS: usize = 4096;

/// So many risks of a container are remembered.
const MAX_RISKS: usize = 64;

/// The risks that have been reported, of each container.
#[derive(Debug)]
pub struct KnownRisks {
    /// Keyed with each process, so that nobody can make a risk that passes for another.
    key: RandomState,
    of: Nameless<Box<[u64]>>,
}

impl Default for KnownRisks {
    fn default() -> Self {
        Self { key: RandomState::new(), of: Nameless::new(MAX_CONTAINERS) }
    }
}

impl KnownRisks {
    /// The risks of a container that are new, and those that have been reported before with the same details. From now
    /// on all of them have.
    pub fn split(&mut self, container: &str, risks: Vec<Risk>) -> (Vec<Risk>, Vec<Risk>) {
        let hash = |risk: &Risk| self.key.hash_one((risk.kind.name, &risk.detail));
        let before = self.of.get(container);
        let is_known = |risk: &Risk| before.is_some_and(|before| before.contains(&hash(risk)));
        let (known, new): (Vec<_>, Vec<_>) = risks.into_iter().partition(is_known);
        if !new.is_empty() || before.is_some_and(|before| before.len() != known.len()) {
            let all = new.iter().chain(&known).take(MAX_RISKS).map(hash).collect();
            self.of.keep(container, all);
        }
        (new, known)
    }

    /// The container is gone, or what is known of it is not to be relied on.
    pub fn forget(&mut self, container: &str) {
        self.of.forget(container);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::risk::kind;

    fn names(risks: &[Risk]) -> Vec<&'static str> {
        risks.iter().map(|risk| risk.kind.name).collect()
    }

    #[test]
    fn a_risk_is_new_once_until_it_changes() {
        let risk = |kind, detail: &str| Risk { kind, detail: detail.to_owned() };
        let ports = |ports: &str| risk(&kind::published_everywhere, ports);
        let privileged = || risk(&kind::privileged, "--privileged");
        let mut known = KnownRisks::default();
        let mut see = |container: &str, risks: &[Risk]| {
            let (new, old) = known.split(container, risks.to_vec());
            (names(&new).join(" "), names(&old).join(" "))
        };
        let seen = |new: &str, old: &str| (new.to_owned(), old.to_owned());
        assert_eq!(see("a", &[ports("80")]), seen("published_everywhere", ""));
        assert_eq!(see("a", &[ports("80")]), seen("", "published_everywhere"));
        assert_eq!(see("b", &[ports("80")]), seen("published_everywhere", ""), "another container");
        assert_eq!(see("a", &[privileged(), ports("80")]), seen("privileged", "published_everywhere"));
        assert_eq!(see("a", &[privileged(), ports("80")]), seen("", "privileged published_everywhere"));
        assert_eq!(see("a", &[privileged(), ports("81")]), seen("published_everywhere", "privileged"));
        assert_eq!(see("a", &[]), seen("", ""));
        assert_eq!(see("a", &[privileged()]), seen("privileged", ""), "it was gone");
    }
}
