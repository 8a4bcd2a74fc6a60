//! A memory of bounded size: what was learnt first is forgotten first.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;

/// So many names, known or not, take memory that is worth giving back.
const WORTH_GIVING_BACK: usize = 64;

/// So many values are compared to find an equal one.
const COMPARED: usize = 8;

/// The last few values, so that an equal one need not be kept a second time.
#[derive(Debug)]
pub struct Recent<T>(VecDeque<Arc<T>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: PartialEq> Recent<T> {
    /// This value, or the equal one of those that came last.
    pub fn share(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.iter().find(|known| ***known == value) {
            return Arc::clone(known);
        }
        let value = Arc::new(value);
        self.0.truncate(COMPARED - 1);
        self.0.push_front(Arc::clone(&value));
        value
    }
}

/// Remembers so many values by their names.
#[derive(Debug)]
pub struct Bounded<V, K = Box<str>, S = RandomState> {
    most: usize,
    /// Each with the number under which it stands in the order.
    known: HashMap<K, (u64, V), S>,
    /// Also names that are no longer known, or under another number; each leaves when it is the oldest.
    order: VecDeque<(u64, K)>,
    next: u64,
}

/// For tables of what is a keyed hash already: nobody without the key can make two that are alike in any part.
pub type AsItIs = BuildHasherDefault<Kept>;

/// Takes a hash for its own hash.
#[derive(Debug, Default)]
pub struct Kept(u64);

impl Hasher for Kept {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A [`Bounded`] for names that nobody asks for again: it keeps no more of them than a hash, which is keyed anew in each
/// process, so that nobody can make two names that are taken for one.
#[derive(Debug)]
pub struct Nameless<V> {
    key: RandomState,
    memory: Bounded<V, u64, AsItIs>,
}

impl<V> Nameless<V> {
    /// A memory for this many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { key: RandomState::new(), memory: Bounded::new(most) }
    }

    /// What is remembered under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        // Most of these memories are empty, and a hash costs more than a look.
        if self.memory.is_empty() { None } else { self.memory.get(&self.key.hash_one(name)) }
    }

    /// Remembers a value under a name, in the place of the one before.
    pub fn keep(&mut self, name: &str, value: V) {
        self.memory.keep(self.key.hash_one(name), value);
    }

    /// Forgets a name.
    pub fn forget(&mut self, name: &str) {
        if !self.memory.is_empty() {
            self.memory.forget(&self.key.hash_one(name));
        }
    }
}

impl<V, K: Hash + Eq + Clone, S: BuildHasher + Default> Bounded<V, K, S> {
    /// A memory for this many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, known: HashMap::default(), order: VecDeque::new(), next: 0 }
    }

    /// What is remembered under a name.
    #[must_use]
    pub fn get<Q: Hash + Eq + ?Sized>(&self, name: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.known.get(name).map(|(_, value)| value)
    }

    /// Remembers a value under a name, in the place of the one before.
    pub fn keep(&mut self, name: impl Into<K>, value: V) {
        let name = name.into();
        if let Some((_, known)) = self.known.get_mut(&name) {
            *known = value;
            return;
        }
        self.known.insert(name.clone(), (self.next, value));
        self.order.push_back((self.next, name));
        self.next += 1;
        while self.order.len() > self.most {
            if let Some((number, oldest)) = self.order.pop_front()
                && self.known.get(&oldest).is_some_and(|(known, _)| *known == number)
            {
                self.known.remove(&oldest);
            }
        }
    }

    /// Forgets a name.
    pub fn forget<Q: Hash + Eq + ?Sized>(&mut self, name: &Q)
    where
        K: Borrow<Q>,
    {
        self.known.remove(name);
        if self.known.is_empty() && self.order.len() >= WORTH_GIVING_BACK {
            // After a storm no memory stays behind.
            (self.known, self.order) = Default::default();
        }
    }

    /// All that is remembered, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().filter_map(|(number, name)| {
            let (known, value) = self.known.get(name)?;
            (known == number).then_some((name, value))
        })
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_what_is_forgotten_takes_no_room_for_ever() {
        let mut memory = Bounded::<_>::new(3);
        for n in 0..5 {
            memory.keep(n.to_string(), n);
        }
        assert_eq!(
            memory.iter().map(|(name, value)| (name.as_ref(), value)).collect::<Vec<_>>(),
            [("2", &2), ("3", &3), ("4", &4)]
        );
        memory.keep("3", 33);
        memory.forget("4");
        assert_eq!((memory.get("4"), memory.get("3"), memory.len()), (None, Some(&33), 2));
        for n in 5..100 {
            memory.keep(n.to_string(), n);
            memory.forget(n.to_string().as_str());
        }
        assert!(memory.order.len() <= 3 && memory.is_empty());
    }

    #[test]
    fn one_that_is_empty_again_takes_no_memory() {
        let mut memory = Bounded::<_>::new(5000);
        for round in 0..2 {
            for n in 0..1000 {
                memory.keep(n.to_string(), n);
            }
            assert_eq!((memory.len(), memory.iter().count()), (1000, 1000), "round {round}");
            for n in 0..1000 {
                memory.forget(n.to_string().as_str());
            }
            assert_eq!((memory.known.capacity(), memory.order.capacity()), (0, 0), "round {round}");
        }
    }

    #[test]
    fn equal_values_that_come_near_each_other_are_kept_once() {
        let mut recent = Recent::default();
        let first = recent.share("a".to_owned());
        assert!(Arc::ptr_eq(&first, &recent.share("a".to_owned())));
        for n in 0..COMPARED {
            recent.share(n.to_string());
        }
        assert!(!Arc::ptr_eq(&first, &recent.share("a".to_owned())));
        assert_eq!(recent.0.len(), COMPARED);
    }

    #[test]
    fn what_is_learnt_again_is_there_once_and_as_young_as_it_is() {
        let mut memory = Bounded::<_>::new(3);
        for _ in 0..2 {
            memory.keep("a", 1);
            memory.forget("a");
        }
        memory.keep("a", 2);
        assert_eq!(memory.iter().map(|(name, value)| (name.as_ref(), value)).collect::<Vec<_>>(), [("a", &2)]);
        memory.keep("b", 3);
        memory.keep("c", 4);
        assert_eq!(
            memory.iter().map(|(name, value)| (name.as_ref(), value)).collect::<Vec<_>>(),
            [("a", &2), ("b", &3), ("c", &4)]
        );
    }

    #[test]
    fn one_without_names_remembers_as_much() {
        let mut memory = Nameless::new(3);
        assert_eq!(memory.get("a"), None);
        for name in ["a", "b", "c", "d"] {
            memory.keep(name, name);
        }
        memory.forget("c");
        assert_eq!(["a", "b", "c", "d"].map(|name| memory.get(name).copied()), [None, Some("b"), None, Some("d")]);
    }
}
