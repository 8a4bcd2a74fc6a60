//! Wazuh's queue, read as fast as it fills.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a listener says of itself.
const NOTICE: &[u8] = b"1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"Wodle event\"";

pub struct Queue {
    /// How many events have come.
    pub events: Arc<AtomicUsize>,
}

impl Queue {
    pub fn bind(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let events = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&events);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 70_000];
            while let Ok(length) = socket.recv(&mut buffer) {
                if !buffer[..length].starts_with(NOTICE) && length > 20 {
                    count.fetch_add(1, Ordering::Release);
                }
            }
        });
        Self { events }
    }

    pub fn events(&self) -> usize {
        self.events.load(Ordering::Acquire)
    }

    /// Waits until so many events have come; the time it took.
    pub fn wait_for(&self, count: usize) -> Duration {
        let started = Instant::now();
        let (mut seen, mut moved) = (0, Instant::now());
        while self.events() < count {
            std::thread::sleep(Duration::from_micros(200));
            let now = self.events();
            if now != seen {
                (seen, moved) = (now, Instant::now());
            }
            assert!(moved.elapsed() < super::PATIENCE, "{seen} of {count} events came");
        }
        started.elapsed()
    }
}
