//! What the worst lines cost that can be thought of: the time and the peak memory of each stage at 1, 10, 100 KB and 1 MiB.
//!
//! `cargo bench --bench worst` prints the worst kind of line for each stage and size, and fails where one of 1 MiB takes
//! more than 20 ms or 8 MiB. `cargo bench --bench worst -- all` prints every kind.
#![allow(clippy::print_stderr, reason = "it is a program for people")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "measured values, far below where a double loses digits")]

mod parts;

use std::process::ExitCode;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use parts::hostile::KINDS;
use parts::worst::{STAGES, Work};

const SIZES: [(&str, usize); 4] =
    [("1 KB", 1_000), ("10 KB", 10_000), ("100 KB", 100_000), ("1 MiB", (1 << 20) - 1000)];

/// What a stage may take for a line of 1 MiB, and all of them together in memory.
const LONGEST: Duration = Duration::from_millis(20);
const LARGEST: u64 = 8 << 20;

const RUNS: usize = 5;

/// What one line costs in each stage.
struct Cost {
    /// The least of some runs.
    times: [Duration; STAGES.len()],
    /// The most that is held in each stage beside the line, with what earlier stages have made of it, in bytes.
    memory: [u64; STAGES.len()],
}

/// The time on a processor: what else runs on the machine does not count.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

fn cost(work: &mut Work, line: &[u8]) -> Cost {
    let mut cost = Cost { times: [Duration::MAX; STAGES.len()], memory: [0; STAGES.len()] };
    for _ in 0..RUNS {
        let mut started = now();
        work.through(line, |stage| {
            let ended = now();
            cost.times[stage] = cost.times[stage].min(ended.saturating_sub(started));
            started = now();
        });
        // What takes long enough to be seen at once needs no more runs.
        if cost.times.iter().fold(Duration::ZERO, |sum, time| sum.saturating_add(*time)) > Duration::from_millis(500) {
            break;
        }
    }
    for time in cost.times.iter_mut().filter(|time| **time == Duration::MAX) {
        // A line that is refused goes no further.
        *time = Duration::ZERO;
    }
    for stage in 0..STAGES.len() {
        let counted = allocation_counter::measure(|| work.up_to(stage, line));
        cost.memory[stage] = counted.bytes_max;
    }
    cost
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn main() -> ExitCode {
    let prints_all = std::env::args().any(|argument| argument == "all");
    let mut work = Work::new();
    // What is made once is no line's cost.
    work.through(&KINDS.iter().find(|(name, _)| *name == "passwords in a command").unwrap().1(500), |_| {});
    let mut over = Vec::new();
    println!("| size | stage | worst time, ms | of | worst memory up to it, MiB | of |\n|---|---|---|---|---|---|");
    for (size, bytes) in SIZES {
        let costs: Vec<(&str, Cost)> =
            KINDS.iter().map(|(kind, line)| (*kind, cost(&mut work, &line(bytes)))).collect();
        for (stage, name) in STAGES.iter().enumerate() {
            if prints_all {
                for (kind, cost) in &costs {
                    let (time, memory) = (milliseconds(cost.times[stage]), mib(cost.memory[stage]));
                    println!("| {size} | {name} | {time:.2} | {kind} | {memory:.2} | |");
                }
            }
            let (slow, time) = costs.iter().map(|(kind, cost)| (kind, cost.times[stage])).max_by_key(|c| c.1).unwrap();
            let (large, memory) =
                costs.iter().map(|(kind, cost)| (kind, cost.memory[stage])).max_by_key(|c| c.1).unwrap();
            println!("| {size} | {name} | {:.2} | {slow} | {:.2} | {large} |", milliseconds(time), mib(memory));
            if time > LONGEST || memory > LARGEST {
                over.push(format!("{name} at {size}: {:.1} ms, {:.1} MiB", milliseconds(time), mib(memory)));
            }
        }
    }
    if over.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("over the bounds of {} ms and {} MiB: {over:#?}", LONGEST.as_millis(), LARGEST >> 20);
    ExitCode::FAILURE
}
