//! What the benchmarks share: a stream of events, an engine that writes it, a queue, and a process that is measured.
#![allow(dead_code)]

pub mod engine;
pub mod floor;
pub mod process;
pub mod queue;
pub mod stages;
pub mod stream;

use std::path::PathBuf;
use std::time::Duration;

/// Nothing that is measured takes longer to show the next sign of life.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The middle of several measurements.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A folder with what a listener finds on a host with Wazuh, an engine beside it, and the queue.
pub struct Stage {
    pub folder: tempfile::TempDir,
    pub engine: engine::Engine,
    pub queue: queue::Queue,
}

impl Stage {
    pub fn new(configuration: &serde_json::Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["queue/sockets", "etc", "var/run", "wodles/docker"] {
            std::fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        let block = "<ossec_config><wodle name=\"docker-listener\"><disabled>no</disabled></wodle></ossec_config>";
        std::fs::write(folder.path().join("etc/ossec.conf"), block).unwrap();
        let text = serde_json::json!({ "docker-listener": configuration }).to_string();
        std::fs::write(folder.path().join("etc/docker-listener.json"), text).unwrap();
        let engine = engine::Engine::start(folder.path());
        let queue = queue::Queue::bind(&folder.path().join("queue/sockets/queue"));
        Self { folder, engine, queue }
    }

    pub fn queue_path(&self) -> PathBuf {
        self.folder.path().join("queue/sockets/queue")
    }
}

/// KiB as MiB.
#[allow(clippy::cast_precision_loss, reason = "far below where a double loses digits")]
pub fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
