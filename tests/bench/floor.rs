//! What an event costs the listener, beside the least that any listener must do with it.
//!
//! `cargo bench --bench floor` runs each of them as a process of its own between an engine and a queue in this process,
//! several times in turn, and prints two tables. Options, behind `--`:
//!
//! - `--program target/packages/wazuh-docker-listener` measures another build of the listener.
//! - `--command 'install -D DockerListener {home}/wodles/docker/DockerListener; exec python3 {home}/wodles/docker/DockerListener'`
//!   measures another listener beside them, here Wazuh's, which looks for its home where it lies. It finds the engine at
//!   `{engine}` and `$DOCKER_HOST`, and the queue below `{home}`, which is new for each run.
//! - `--events N`, `--runs N`, `--threads`: how much and how often, and what each thread takes.
#![allow(clippy::cast_precision_loss, reason = "measured values, far below where a double loses digits")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod parts;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parts::engine::{Pace, Wave};
use parts::process::Process;
use parts::stream::{Lines, recorded};
use parts::{Stage, floor, median};
use serde_json::{Value, json};
use std::sync::Arc;

/// The engine is never further ahead of the queue than this, in events: the storm is one that the backlog can hold.
const AHEAD: usize = 5000;

/// Not measured: caches fill, and memory is taken.
const WARM_UP: usize = 20_000;

struct Contender {
    name: String,
    command: Box<dyn Fn(&Stage) -> Command>,
    configuration: Value,
}

#[derive(Default)]
struct Figures {
    cpu: Vec<f64>,
    rate: Vec<f64>,
    at_rest: Vec<f64>,
    peak: Vec<f64>,
    threads: Vec<(String, f64)>,
}

fn run(contender: &Contender, events: usize, figures: &mut Figures) {
    let stage = Stage::new(&contender.configuration);
    let process = Process::start((contender.command)(&stage).stdin(Stdio::null()).stdout(Stdio::null()));
    stage.engine.wait_for_subscriber();
    std::thread::sleep(Duration::from_millis(200));
    figures.at_rest.push(process.memory() as f64 / 1024.0);
    let wave = |count, before| {
        let pace = Pace::Ahead(AHEAD, Arc::clone(&stage.queue.events));
        stage.queue.events.store(0, std::sync::atomic::Ordering::Release);
        let mut lines = Lines::of(&recorded());
        lines.skip(before);
        stage.engine.happen(Wave { lines, count, pace });
        stage.queue.wait_for(count)
    };
    wave(WARM_UP, 0);
    let before = process.cpu();
    let took = wave(events, WARM_UP);
    let cpu = process.cpu() - before;
    figures.cpu.push(cpu as f64 / 1e3 / events as f64);
    figures.rate.push(events as f64 / took.as_secs_f64());
    figures.peak.push(process.peak() as f64 / 1024.0);
    figures.threads = process
        .cpu_by_thread()
        .into_iter()
        .map(|(name, cpu)| (name, cpu as f64 / 1e3 / (events + WARM_UP) as f64))
        .collect();
}

/// Milliseconds from the start of the process to its first event in the queue.
fn start(contender: &Contender) -> f64 {
    let stage = Stage::new(&contender.configuration);
    let started = Instant::now();
    let _process = Process::start((contender.command)(&stage).stdin(Stdio::null()).stdout(Stdio::null()));
    stage.engine.wait_for_subscriber();
    stage.engine.happen(Wave { lines: Lines::of(&recorded()), count: 1, pace: Pace::Storm });
    while stage.queue.events() == 0 {
        std::thread::yield_now();
    }
    started.elapsed().as_secs_f64() * 1e3
}

/// How often it wakes in a minute in which nothing happens, and for how many milliseconds of CPU.
fn rest(contender: &Contender) -> (u64, f64) {
    let stage = Stage::new(&contender.configuration);
    let process = Process::start((contender.command)(&stage).stdin(Stdio::null()).stdout(Stdio::null()));
    stage.engine.wait_for_subscriber();
    std::thread::sleep(Duration::from_secs(3));
    let (switches, cpu) = (process.switches(), process.cpu());
    std::thread::sleep(Duration::from_secs(60));
    (process.switches() - switches, (process.cpu() - cpu) as f64 / 1e6)
}

fn contenders(program: &str, of_user: Option<String>) -> Vec<Contender> {
    let program = PathBuf::from(program);
    let listener = move |stage: &Stage| {
        let mut command = Command::new(&program);
        command.arg("--home").arg(stage.home()).env("DOCKER_HOST", stage.engine.url());
        command
    };
    let everything = json!({
        "inspect": false, "max_events_per_second": 0,
        "filters": {"exclude": ["event=never"]},
        "trusted_registries": ["registry.example.com", "docker.io/library"],
    });
    let without = |name: &str, key: &str, value: Value| {
        let mut configuration = everything.clone();
        configuration[key] = value;
        Contender { name: format!("ours, {name}"), command: Box::new(listener.clone()), configuration }
    };
    let own = std::env::current_exe().unwrap();
    let mut all = vec![
        Contender {
            name: "the floor: read, unchunk, frame, send".to_owned(),
            command: Box::new(move |stage| {
                let mut command = Command::new(&own);
                command.arg("the-floor").arg(&stage.engine.socket).arg(stage.queue_path());
                command
            }),
            configuration: json!({}),
        },
        Contender {
            name: "ours, everything on".to_owned(),
            command: Box::new(listener.clone()),
            configuration: everything.clone(),
        },
        without("redaction off", "redaction", json!("off")),
        without("no filter", "filters", json!({})),
        without("no registry trusted", "trusted_registries", json!([])),
    ];
    if let Some(line) = of_user {
        all.push(Contender {
            name: format!("`{line}`"),
            command: Box::new(move |stage| {
                let home = stage.home().display().to_string();
                let line = line.replace("{home}", &home).replace("{engine}", &stage.engine.url());
                let mut command = Command::new("sh");
                command.args(["-c", &line]).env("DOCKER_HOST", stage.engine.url());
                command
            }),
            configuration: json!({}),
        });
    }
    all
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut events, mut runs, mut of_user, mut only, mut threads) = (300_000, 5, None, usize::MAX, false);
    let mut program = env!("CARGO_BIN_EXE_wazuh-docker-listener").to_owned();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "the-floor" => return floor::run(Path::new(&value()), Path::new(&value())),
            "--events" => events = value().parse().unwrap(),
            "--runs" => runs = value().parse().unwrap(),
            "--contenders" => only = value().parse().unwrap(),
            "--command" => of_user = Some(value()),
            "--program" => program = value(),
            "--threads" => threads = true,
            other => panic!("{other} is no option; see the beginning of tests/bench/floor.rs"),
        }
    }
    let mut rows: Vec<(Contender, Figures)> =
        contenders(&program, of_user).into_iter().take(only).map(|contender| (contender, Figures::default())).collect();
    for _ in 0..runs {
        for (contender, figures) in &mut rows {
            run(contender, events, figures);
        }
    }
    println!("| | µs of CPU an event | × the floor | events/s | MiB at rest | MiB at most |");
    println!("|---|---|---|---|---|---|");
    let mut least = None;
    for (contender, figures) in &rows {
        let cpu = median(&figures.cpu);
        let floor = *least.get_or_insert(cpu);
        println!(
            "| {} | {cpu:.2} | {:.2} | {:.0} | {:.1} | {:.1} |",
            contender.name,
            cpu / floor,
            median(&figures.rate),
            median(&figures.at_rest),
            median(&figures.peak),
        );
        for (name, cpu) in figures.threads.iter().filter(|_| threads) {
            println!("| thread {name} | {cpu:.2} | | | | |");
        }
    }
    if only <= 2 {
        return;
    }
    println!("\n| | ms from start to first event | wakes in an idle minute | ms of CPU in it |\n|---|---|---|---|");
    for (contender, _) in rows.iter().take(2) {
        let ms = median(&(0..11).map(|_| start(contender)).collect::<Vec<f64>>());
        let (wakes, cpu) = rest(contender);
        println!("| {} | {ms:.1} | {wakes} | {cpu:.2} |", contender.name);
    }
}
