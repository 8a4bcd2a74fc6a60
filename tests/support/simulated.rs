//! An engine that keeps a ring and serves subscribers as Docker does, and can be hurt as none should be.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{FakeEngine, Ring, event};

/// How many events Docker's ring holds.
const RING: usize = 256;

#[derive(Default)]
struct Subscribers {
    next: usize,
    open: HashMap<usize, Sender<String>>,
    /// A stream ends after so many live events.
    cut_after: Option<usize>,
}

/// The engine, and the hand that moves it.
pub struct Simulated {
    pub engine: FakeEngine,
    ring: Ring,
    subscribers: Arc<Mutex<Subscribers>>,
}

impl Simulated {
    pub fn docker() -> Self {
        let ring = Ring::default();
        let subscribers: Arc<Mutex<Subscribers>> = Arc::default();
        let (lines, served) = (Arc::clone(&ring), Arc::clone(&subscribers));
        let engine = FakeEngine::start("Engine", Arc::clone(&ring), move |mut asked| {
            let (sender, live) = channel();
            let (number, past, cut_after) = {
                let mut subscribers = served.lock().unwrap();
                subscribers.next += 1;
                let number = subscribers.next;
                subscribers.open.insert(number, sender);
                let past = if asked.path.contains("since=0") { lines.lock().unwrap().clone() } else { Vec::new() };
                (number, past, subscribers.cut_after)
            };
            asked.head();
            for line in past.into_iter().chain(live.iter().take(cut_after.unwrap_or(usize::MAX))) {
                asked.line(&line);
            }
            served.lock().unwrap().open.remove(&number);
        });
        "ABCD:1234".clone_into(&mut engine.says.lock().unwrap().id);
        Self { engine, ring, subscribers }
    }

    pub fn url(&self) -> String {
        self.engine.url()
    }

    /// Something happens.
    pub fn publish(&self, number: usize) {
        self.publish_line(event(number));
    }

    pub fn publish_line(&self, line: impl Into<String>) {
        let line = line.into();
        // One lock for both, as in the engine: nobody subscribes between the two.
        let mut subscribers = self.subscribers.lock().unwrap();
        self.skip_line(line.clone());
        subscribers.open.retain(|_, subscriber| subscriber.send(line.clone()).is_ok());
    }

    /// Something happens, and the engine skips it for its subscribers, as it does for one that stalls.
    pub fn skip(&self, number: usize) {
        self.skip_line(event(number));
    }

    fn skip_line(&self, line: String) {
        let mut ring = self.ring.lock().unwrap();
        ring.push(line);
        let surplus = ring.len().saturating_sub(RING);
        ring.drain(..surplus);
    }

    /// So many a second, as evenly as a sleep allows.
    pub fn publish_at(&self, numbers: std::ops::Range<usize>, per_second: f64) {
        let (start, first) = (Instant::now(), numbers.start);
        for number in numbers {
            let due = start + Duration::from_secs_f64(f64::from(u32::try_from(number - first).unwrap()) / per_second);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.publish(number);
        }
    }

    pub fn cut_after(&self, events: usize) {
        self.subscribers.lock().unwrap().cut_after = Some(events);
    }

    /// All connections break.
    pub fn cut(&self) {
        self.subscribers.lock().unwrap().open.clear();
    }

    /// The engine starts anew: its ring is gone, and so are all connections.
    pub fn restart(&self) {
        self.ring.lock().unwrap().clear();
        self.cut();
    }

    pub fn subscribers(&self) -> usize {
        self.subscribers.lock().unwrap().open.len()
    }
}
