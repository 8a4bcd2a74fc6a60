//! How long an operation of a real engine takes with and without a listener, side by side.
//!
//! `cargo bench --bench latency` starts a dockerd of its own and prints a table. The last row shows what there is to
//! be avoided: a subscriber that takes nothing off its socket.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::json;
use support::engines::Engine;
use support::{Program, Wazuh};

/// Events before each measurement: more than the 1,191 after which dockerd waits for a subscriber that stalls.
const EVENTS_BEFORE: usize = 2000;

/// Operations measured.
const OPERATIONS: usize = 1000;

fn measure(engine: &Engine, prefix: &str, before: usize, operations: usize) -> Vec<Duration> {
    (0..before).for_each(|n| engine.create_volume(&format!("{prefix}-before-{n}")));
    let timed = |n| {
        let started = Instant::now();
        engine.create_volume(&format!("{prefix}-{n}"));
        started.elapsed()
    };
    (0..operations).map(timed).collect()
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |hundredth: usize| times[(times.len() - 1) * hundredth / 100].as_secs_f64() * 1e3;
    println!("| {what} | {} | {:.2} | {:.2} | {:.1} |", times.len(), at(50), at(95), at(100));
}

fn main() {
    let Some(engine) = Engine::dockerd() else { return };
    println!("| volume create on dockerd | operations | median ms | 95 % ms | longest ms |");
    println!("|---|---|---|---|---|");
    print("without a listener", measure(&engine, "alone", EVENTS_BEFORE, OPERATIONS));

    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"max_events_per_second": 0}));
    let queue = wazuh.queue();
    let mut program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| while queue.message_within(Duration::from_secs(2)).is_some() {});
        print("with the listener", measure(&engine, "read", EVENTS_BEFORE, OPERATIONS));
        reading.join().unwrap();
    });
    print("with the listener, its queue unread", measure(&engine, "unread", EVENTS_BEFORE, OPERATIONS));
    program.stop();

    let mut stalled = UnixStream::connect(engine.path("docker.sock")).unwrap();
    stalled.write_all(b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    print("with a subscriber that stalls", measure(&engine, "stalled", 1400, 50));
}
