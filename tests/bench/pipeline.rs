//! What each stage between a line and its message costs, over the recorded events of real engines.
//!
//! `cargo bench --bench pipeline` prints a table of microseconds an event, the median of several runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod parts;

use std::hint::black_box;
use std::time::Instant;

use parts::median;
use parts::stages::{STAGES, Work};
use parts::stream::recorded;

const ROUNDS: usize = 50;
const RUNS: usize = 7;

/// Microseconds an event; the median of the runs.
fn measure(lines: &[&[u8]], stage: usize) -> f64 {
    let mut work = Work::new();
    let mut run = || {
        let started = Instant::now();
        for _ in 0..ROUNDS {
            for line in lines {
                work.up_to(stage, black_box(line));
            }
        }
        let events = u32::try_from(ROUNDS * lines.len()).unwrap();
        started.elapsed().as_secs_f64() * 1e6 / f64::from(events)
    };
    median(&(0..RUNS).map(|_| run()).collect::<Vec<f64>>())
}

fn main() {
    let lines = recorded();
    println!("| stages | µs an event |\n|---|---|");
    for (stage, (name, _)) in STAGES.iter().enumerate() {
        println!("| {name} | {:.2} |", measure(&lines, stage));
    }
}
