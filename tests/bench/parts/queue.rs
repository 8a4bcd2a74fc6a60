//! Wazuh's queue, read as fast as it fills.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a listener says of itself.
const NOTICE: &[u8] = b"1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"Wodle event\"";

pub struct Queue {
    /// How many events have come.
    pub events: Arc<AtomicUsize>,
    is_read: Arc<AtomicBool>,
}

impl Queue {
    pub fn bind(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        let (events, is_read) = (Arc::<AtomicUsize>::default(), Arc::new(AtomicBool::new(true)));
        let (count, reads) = (Arc::clone(&events), Arc::clone(&is_read));
        std::thread::spawn(move || {
            let mut buffer = vec![0; 70_000];
            while let Ok(length) = socket.recv(&mut buffer) {
                while !reads.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(10));
                }
                if !buffer[..length].starts_with(NOTICE) && length > 20 {
                    count.fetch_add(1, Ordering::Release);
                }
            }
        });
        Self { events, is_read }
    }

    /// Reads on, or no more.
    pub fn read(&self, is_read: bool) {
        self.is_read.store(is_read, Ordering::Release);
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
