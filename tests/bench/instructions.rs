//! How many instructions each stage between a line and its message takes: the same on every run, whatever else the
//! machine does, so that what grew shows without a clock.
//!
//! `cargo bench --bench instructions` prints a table and fails where a stage takes more than it is allowed. It needs
//! valgrind; without it, it says so, except under CI, where it fails.
#![allow(clippy::print_stderr, reason = "it is a program for people")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod parts;

use std::process::{Command, ExitCode, Stdio};

use parts::stages::{STAGES, Work};
use parts::stream::recorded;

/// Both counts begin with the same start of the process and the same first round, which fill what is kept.
const ROUNDS: [u64; 2] = [2, 6];

fn work(stage: usize, rounds: u64) {
    let (lines, mut work) = (recorded(), Work::new());
    for _ in 0..rounds {
        for line in &lines {
            work.up_to(stage, line);
        }
    }
}

/// What valgrind counts.
fn count(stage: usize, rounds: u64) -> u64 {
    let own = std::env::current_exe().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args(["--stage", &stage.to_string(), &rounds.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted =
        said.lines().find_map(|line| line.split_once("Collected : ")).and_then(|(_, count)| count.trim().parse().ok());
    counted.unwrap_or_else(|| panic!("valgrind counts nothing: {said}"))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, option, stage, rounds] = arguments.as_slice()
        && option == "--stage"
    {
        work(stage.parse().unwrap(), rounds.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("valgrind is not installed: no instructions are counted");
        return if std::env::var_os("CI").is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let events = recorded().len() as u64;
    let mut is_over = false;
    println!("| stages | instructions an event | allowed |\n|---|---|---|");
    for (stage, (name, allowed)) in STAGES.iter().enumerate() {
        let counts = ROUNDS.map(|rounds| count(stage, rounds));
        let each = (counts[1] - counts[0]) / ((ROUNDS[1] - ROUNDS[0]) * events);
        println!("| {name} | {each} | {allowed} |");
        is_over |= each > *allowed;
    }
    if is_over {
        eprintln!("a stage takes more instructions than it is allowed (tests/bench/parts/stages.rs)");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
