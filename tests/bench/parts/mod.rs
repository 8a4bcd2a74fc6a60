//! What the benchmarks share: a stream of events, an engine that writes it, a queue, and a process that is measured.
#![allow(dead_code)]

pub mod engine;
pub mod floor;
pub mod hostile;
pub mod process;
pub mod queue;
pub mod stages;
pub mod stream;
#[path = "../../support/mod.rs"]
mod support;
pub mod worst;

use std::path::{Path, PathBuf};
use std::time::Duration;

use support::Wazuh;

/// Nothing that is measured takes longer to show the next sign of life.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The middle of several measurements.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What a listener finds on a host with Wazuh, an engine beside it, and the queue.
pub struct Stage {
    wazuh: Wazuh,
    pub engine: engine::Engine,
    pub queue: queue::Queue,
}

impl Stage {
    pub fn new(configuration: &serde_json::Value) -> Self {
        let wazuh = Wazuh::new();
        wazuh.configure(configuration);
        let engine = engine::Engine::start(wazuh.home());
        let queue = queue::Queue::bind(&wazuh.home().join(QUEUE));
        Self { wazuh, engine, queue }
    }

    pub fn home(&self) -> &Path {
        self.wazuh.home()
    }

    pub fn queue_path(&self) -> PathBuf {
        self.home().join(QUEUE)
    }
}

const QUEUE: &str = "queue/sockets/queue";

/// KiB as MiB.
#[allow(clippy::cast_precision_loss, reason = "far below where a double loses digits")]
pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
