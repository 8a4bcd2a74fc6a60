//! A memory of bounded size: what was learnt first is forgotten first.

use std::collections::{HashMap, VecDeque};

/// Remembers so many values by their names.
#[derive(Debug)]
pub struct Bounded<V> {
    most: usize,
    /// Each with the number under which it stands in the order.
    known: HashMap<Box<str>, (u64, V)>,
    /// Also names that are no longer known, or under another number; each leaves when it is the oldest.
    order: VecDeque<(u64, Box<str>)>,
    next: u64,
}

impl<V> Bounded<V> {
    /// A memory for this many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, known: HashMap::new(), order: VecDeque::new(), next: 0 }
    }

    /// What is remembered under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        self.known.get(name).map(|(_, value)| value)
    }

    /// Remembers a value under a name, in the place of the one before.
    pub fn keep(&mut self, name: &str, value: V) {
        if let Some((_, known)) = self.known.get_mut(name) {
            *known = value;
            return;
        }
        self.known.insert(name.into(), (self.next, value));
        self.order.push_back((self.next, name.into()));
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
    pub fn forget(&mut self, name: &str) {
        self.known.remove(name);
    }

    /// All that is remembered, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.order.iter().filter_map(|(number, name)| {
            let (known, value) = self.known.get(name)?;
            (known == number).then_some((name.as_ref(), value))
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
        let mut memory = Bounded::new(3);
        for n in 0..5 {
            memory.keep(&n.to_string(), n);
        }
        assert_eq!(memory.iter().collect::<Vec<_>>(), [("2", &2), ("3", &3), ("4", &4)]);
        memory.keep("3", 33);
        memory.forget("4");
        assert_eq!((memory.get("4"), memory.get("3"), memory.len()), (None, Some(&33), 2));
        for n in 5..100 {
            memory.keep(&n.to_string(), n);
            memory.forget(&n.to_string());
        }
        assert!(memory.order.len() <= 3 && memory.is_empty());
    }

    #[test]
    fn what_is_learnt_again_is_there_once_and_as_young_as_it_is() {
        let mut memory = Bounded::new(3);
        for _ in 0..2 {
            memory.keep("a", 1);
            memory.forget("a");
        }
        memory.keep("a", 2);
        assert_eq!(memory.iter().collect::<Vec<_>>(), [("a", &2)]);
        memory.keep("b", 3);
        memory.keep("c", 4);
        assert_eq!(memory.iter().collect::<Vec<_>>(), [("a", &2), ("b", &3), ("c", &4)]);
    }
}
