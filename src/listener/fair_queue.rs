//! Jobs of several objects, taken in turn: an object with a thousand jobs makes another wait for one of them.

use std::collections::{HashMap, VecDeque};

/// Jobs by the object that they are about.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    jobs: HashMap<String, VecDeque<T>>,
    /// The objects that have jobs, the next one first.
    turns: VecDeque<String>,
    len: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { jobs: HashMap::new(), turns: VecDeque::new(), len: 0 }
    }
}

impl<T> FairQueue<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, object: &str, job: T) {
        self.len += 1;
        if let Some(jobs) = self.jobs.get_mut(object) {
            jobs.push_back(job);
            return;
        }
        self.jobs.insert(object.to_owned(), VecDeque::from([job]));
        self.turns.push_back(object.to_owned());
    }

    pub fn pop(&mut self) -> Option<T> {
        let object = self.turns.pop_front()?;
        let jobs = self.jobs.get_mut(&object)?;
        let job = jobs.pop_front();
        self.len -= usize::from(job.is_some());
        if jobs.is_empty() {
            self.jobs.remove(&object);
        } else {
            self.turns.push_back(object);
        }
        if self.len == 0 {
            // After a storm no memory stays behind.
            *self = Self::default();
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_take_turns_and_each_keeps_its_order() {
        let mut queue = FairQueue::default();
        for (object, job) in [("a", 1), ("a", 2), ("a", 3), ("b", 10), ("c", 20), ("b", 11)] {
            queue.push(object, job);
        }
        assert_eq!(queue.len(), 6);
        let jobs: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(jobs, [1, 10, 20, 2, 11, 3]);
        assert_eq!((queue.len(), queue.pop()), (0, None));
    }
}
