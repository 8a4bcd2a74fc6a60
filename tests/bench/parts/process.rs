//! A process and what it costs, by what Linux says of it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

pub struct Process {
    child: Child,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self { child: command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")) }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }

    /// Nanoseconds on a processor, of all its threads that live.
    pub fn cpu(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks.map_while(Result::ok).map(|task| on_processor(&task.path())).sum()
    }

    /// The same by the threads' names.
    pub fn cpu_by_thread(&self) -> Vec<(String, u64)> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let name = |path: &Path| fs::read_to_string(path.join("comm")).unwrap_or_default().trim().to_owned();
        tasks.map_while(Result::ok).map(|task| (name(&task.path()), on_processor(&task.path()))).collect()
    }

    /// How often its threads have been put to sleep and woken.
    pub fn switches(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks
            .map_while(Result::ok)
            .map(|task| {
                number_after(
                    &fs::read_to_string(task.path().join("status")).unwrap_or_default(),
                    "voluntary_ctxt_switches:",
                )
            })
            .sum()
    }

    /// What it holds in memory now, in KiB.
    pub fn memory(&self) -> u64 {
        number_after(&self.read("status"), "VmRSS:")
    }

    /// The most it has held since it started, in KiB.
    pub fn peak(&self) -> u64 {
        number_after(&self.read("status"), "VmHWM:")
    }
}

fn on_processor(task: &Path) -> u64 {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

fn number_after(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
