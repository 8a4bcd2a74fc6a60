//! How cost and memory grow with what a host has much of: labels, long events, engines, messages that wait.
//!
//! `cargo bench --bench growth` prints a table and draws it into `tests/bench/growth.svg`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]
#![allow(clippy::cast_precision_loss, reason = "measured values, far below where a double loses digits")]

mod parts;

use std::process::Command;
use std::time::Duration;

use parts::engine::{Pace, Wave};
use parts::process::Process;
use parts::stream::{Lines, labelled, recorded};
use parts::{Stage, median, mib};
use plotters::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const RUNS: usize = 3;

/// The storm is one that the memory holds, however long its events are.
const AHEAD: usize = 400;

/// One point of a curve.
struct Point {
    at: f64,
    /// Microseconds an event.
    cpu: f64,
    /// MiB at the most.
    memory: f64,
}

struct Curve {
    what: &'static str,
    points: Vec<Point>,
}

fn configuration() -> Value {
    json!({"inspect": false, "max_events_per_second": 0, "trusted_registries": ["registry.example.com"]})
}

fn listener(stage: &Stage) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wazuh-docker-listener"));
    let process = Process::start(command.arg("--home").arg(stage.home()).env("DOCKER_HOST", stage.engine.url()));
    stage.engine.wait_for_subscriber();
    process
}

fn point(at: usize, mut measure: impl FnMut() -> (f64, f64)) -> Point {
    let (cpu, memory): (Vec<f64>, Vec<f64>) = (0..RUNS).map(|_| measure()).unzip();
    let point = Point { at: at as f64, cpu: median(&cpu), memory: median(&memory) };
    println!("| {at} | {:.2} | {:.1} |", point.cpu, point.memory);
    point
}

fn curve(what: &'static str, points: &[usize], mut measure: impl FnMut(usize) -> (f64, f64)) -> Curve {
    println!("\n| {what} | µs of CPU an event | MiB at most |\n|---|---|---|");
    Curve { what, points: points.iter().map(|at| point(*at, || measure(*at))).collect() }
}

/// A storm of one kind of event.
fn storm(line: &[u8]) -> (f64, f64) {
    let count = (100_000_000 / (line.len() + 500)).clamp(2000, 50_000);
    let stage = Stage::new(&configuration());
    let process = listener(&stage);
    let wave = |count, before| {
        let mut lines = Lines::of(&[line]);
        lines.skip(before);
        stage.queue.events.store(0, Ordering::Release);
        let pace = Pace::Ahead(AHEAD, Arc::clone(&stage.queue.events));
        stage.engine.happen(Wave { lines, count, pace });
        stage.queue.wait_for(count);
    };
    wave(500, 0);
    let before = process.cpu();
    wave(count, 500);
    ((process.cpu() - before) as f64 / 1e3 / count as f64, mib(process.peak()))
}

/// As many engines, each with a listener and a home of its own.
fn engines(engines: usize) -> (f64, f64) {
    const EVENTS: usize = 20_000;
    let stages: Vec<Stage> = (0..engines).map(|_| Stage::new(&configuration())).collect();
    let processes: Vec<Process> = stages.iter().map(listener).collect();
    let cpu = || processes.iter().map(Process::cpu).sum::<u64>();
    let before = cpu();
    for stage in &stages {
        let pace = Pace::Ahead(AHEAD, Arc::clone(&stage.queue.events));
        stage.engine.happen(Wave { lines: Lines::of(&recorded()), count: EVENTS, pace });
    }
    for stage in &stages {
        stage.queue.wait_for(EVENTS);
    }
    let memory = processes.iter().map(|process| mib(process.peak())).sum();
    ((cpu() - before) as f64 / 1e3 / (engines * EVENTS) as f64, memory)
}

/// As many messages that wait, for nobody reads the queue.
fn backlog(messages: usize) -> (f64, f64) {
    let stage = Stage::new(&configuration());
    let process = listener(&stage);
    stage.queue.read(false);
    let before = process.cpu();
    stage.engine.happen(Wave { lines: Lines::of(&recorded()), count: messages, pace: Pace::Storm });
    let mut last = before;
    loop {
        // What it has to do it does without a rest.
        std::thread::sleep(Duration::from_millis(500));
        let cpu = process.cpu();
        if cpu - last < 1_000_000 {
            return ((cpu - before) as f64 / 1e3 / messages as f64, mib(process.peak()));
        }
        last = cpu;
    }
}

fn draw(curves: &[Curve]) -> Result<(), Box<dyn std::error::Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/growth.svg");
    let area = SVGBackend::new(path, (960, 460)).into_drawing_area();
    area.fill(&WHITE)?;
    let panes = area.split_evenly((2, curves.len()));
    for (column, curve) in curves.iter().enumerate() {
        let to = curve.points.last().map_or(1.0, |point| point.at);
        for (row, (what, value, color)) in
            [("µs an event", (|point| point.cpu) as fn(&Point) -> f64, BLUE), ("MiB", |point| point.memory, RED)]
                .into_iter()
                .enumerate()
        {
            let most = curve.points.iter().map(value).fold(0.0, f64::max) * 1.15;
            let mut chart = ChartBuilder::on(&panes[row * curves.len() + column])
                .margin(8)
                .x_label_area_size(30)
                .y_label_area_size(54)
                .caption(if row == 0 { curve.what } else { " " }, ("sans-serif", 13))
                .build_cartesian_2d(0.0..to * 1.02, 0.0..most)?;
            let whole = |value: &f64| format!("{value:.0}");
            let mut mesh = chart.configure_mesh();
            mesh.disable_mesh().x_labels(5).y_labels(5).x_label_formatter(&whole).y_label_formatter(&whole);
            mesh.y_desc(what).draw()?;
            let points = curve.points.iter().map(|point| (point.at, value(point)));
            chart.draw_series(LineSeries::new(points.clone(), &color))?;
            chart.draw_series(points.map(|point| Circle::new(point, 2, color.filled())))?;
        }
    }
    area.present()?;
    println!("\ndrawn: {path}");
    Ok(())
}

fn main() {
    let curves = [
        curve("labels of a container", &[1, 3, 10, 30, 100, 300, 1000], |labels| storm(&labelled(labels, 0))),
        curve("bytes of an event", &[300, 1000, 3000, 10_000, 30_000, 60_000], |bytes| storm(&labelled(0, bytes))),
        curve("engines, a listener each", &[1, 2, 4, 8], engines),
        curve("messages that wait", &[3000, 10_000, 30_000, 90_000], backlog),
    ];
    draw(&curves).unwrap();
}
