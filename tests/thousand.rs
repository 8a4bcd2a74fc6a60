//! A thousand containers of 150 ms each, made by eight clients of a real engine; one in a hundred is dangerous, each in
//! another way. All dangerous ones must be seen, within a second of their events.
//!
//! `CONTAINERS` says how many; without it 1,000 under CI and 100 otherwise, of which ten are dangerous all the same.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use support::analysisd::Fields;
use support::checker::RuleSet;
use support::engines::Engine;
use support::{Program, Wazuh};

const CLIENTS: usize = 8;

/// So many of them are dangerous.
const DANGEROUS: usize = 10;

/// What alerts must reach.
const LEVEL: u8 = 10;

/// No alert may come later after its event.
const LATEST: Duration = Duration::from_secs(1);

fn containers() -> usize {
    let wanted = std::env::var("CONTAINERS").ok().and_then(|count| count.parse().ok());
    wanted.unwrap_or(if std::env::var_os("CI").is_some() { 1000 } else { 100 })
}

/// The ways to be dangerous, in turn.
fn danger(turn: usize, socket: &str) -> (&'static str, Value) {
    let root = json!({"type": "none", "o": "bind", "device": "/"});
    let volume = json!([{"Type": "volume", "Target": "/h", "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": root}}}]);
    let mut dangers = [
        ("--privileged", json!({"Privileged": true})),
        ("-v /:/host", json!({"Binds": ["/:/host"]})),
        ("--cap-add ALL", json!({"CapAdd": ["ALL"]})),
        ("the engine's socket", json!({ "Binds": [format!("{socket}:/run/docker.sock")] })),
        ("--pid host -v /:/host:ro", json!({"PidMode": "host", "Binds": ["/:/host:ro"]})),
        ("--cap-add SYS_PTRACE --pid host", json!({"PidMode": "host", "CapAdd": ["SYS_PTRACE"]})),
        ("seccomp=unconfined", json!({"SecurityOpt": ["seccomp=unconfined"]})),
        ("-v /etc:/e", json!({"Binds": ["/etc:/e"]})),
        ("a volume of /", json!({ "Mounts": volume })),
        ("systempaths=unconfined", json!({"MaskedPaths": [], "ReadonlyPaths": []})),
    ];
    std::mem::take(&mut dangers[turn % DANGEROUS])
}

/// Makes one, starts it and waits until it is gone; its id.
fn run(engine: &Engine, given: &Value) -> String {
    let mut host = json!({"AutoRemove": true, "NetworkMode": "none", "Memory": 1 << 26, "PidsLimit": 100});
    for (key, value) in given.as_object().unwrap() {
        host[key] = value.clone();
    }
    let wanted = json!({"Image": "bb:1", "User": "1000", "Cmd": ["sh", "-c", "sleep 0.15"], "HostConfig": host});
    let (status, answer) = engine.call("POST", "/containers/create", &wanted.to_string());
    assert_eq!(status, 201, "{answer}");
    let id = answer.split("\"Id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (status, answer) = engine.call("POST", &format!("/containers/{id}/start"), "");
    assert_eq!(status, 204, "{answer}");
    // One that is gone already cannot be waited for.
    let (status, answer) = engine.call("POST", &format!("/containers/{id}/wait?condition=removed"), "");
    assert!(matches!(status, 200 | 404), "{answer}");
    id
}

struct Message {
    at: i64,
    text: String,
}

#[test]
fn each_dangerous_one_of_a_thousand_is_seen_in_time() {
    let Some(engine) = Engine::dockerd() else { return };
    let count = containers();
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"max_events_per_second": 0}));
    let queue = wazuh.queue();
    let program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let (came, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let (next, socket) = (AtomicUsize::new(0), engine.path("docker.sock").display().to_string());
    let dangerous: Mutex<HashMap<String, &'static str>> = Mutex::default();
    let last_came = Arc::new(Mutex::new(Instant::now()));
    let started = Instant::now();
    let mut took = Duration::ZERO;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                if let Some(text) = queue.message_within(Duration::from_millis(100)) {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
                    *last_came.lock().unwrap() = Instant::now();
                    came.lock().unwrap().push(Message { at: i64::try_from(now.as_nanos()).unwrap(), text });
                }
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        if turn >= count {
                            return;
                        }
                        let every = (count / DANGEROUS).max(1);
                        if turn % every == every / 2 {
                            let (name, given) = danger(turn / every, &socket);
                            let id = run(&engine, &given);
                            dangerous.lock().unwrap().insert(id, name);
                        } else {
                            run(&engine, &json!({}));
                        }
                    }
                })
            })
            .collect();
        let failed = clients.into_iter().map(std::thread::ScopedJoinHandle::join).any(|joined| joined.is_err());
        took = started.elapsed();
        support::until("the last message", || {
            (last_came.lock().unwrap().elapsed() > Duration::from_secs(2)).then_some(())
        });
        stop.store(true, Ordering::Relaxed);
        assert!(!failed, "the engine refused a container; the listener said: {}", program.said());
    });
    judge(&came.into_inner().unwrap(), &dangerous.into_inner().unwrap(), count, took);
}

fn judge(came: &[Message], dangerous: &HashMap<String, &'static str>, count: usize, took: Duration) {
    let loaded = [
        ("0560-docker_integration_rules.xml", include_str!("rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../ossec-rules/docker_listener_rules.xml")),
    ];
    let rules = RuleSet::load(&loaded).unwrap();
    let (mut slowest, mut missed, mut gone) = (Duration::ZERO, Vec::new(), 0);
    for (id, name) in dangerous {
        let (mut best, mut late, mut started) = ((0, 0), None, None);
        for Message { at, text } in came.iter().filter(|message| message.text.contains(id)) {
            let Some(fields) = Fields::of(text) else { continue };
            let event = support::parse(text)["docker"]["timeNano"].as_i64();
            // What comes late has no time of its own; it is about the start.
            started = event.or(started);
            let found = rules.session().evaluate(&|name| fields.get(name), 0);
            let Some(rule) = found.map(|found| found.rule) else { continue };
            best = best.max((rule.level, rule.id));
            if rule.level >= LEVEL && late.is_none() {
                late = started.map(|started| Duration::from_nanos(u64::try_from(at - started).unwrap_or_default()));
            }
        }
        match late {
            Some(late) => slowest = slowest.max(late),
            None => missed.push(format!("{name}: no more than (level, rule) {best:?}")),
        }
    }
    for Message { text, .. } in came {
        gone += usize::from(text.contains("\"inspect\": \"gone\""));
    }
    println!(
        "\n| {count} containers of 150 ms, {CLIENTS} clients, {} dangerous | dockerd | {:.0} s | {} messages | {} missed | slowest alert after {:.0} ms | {gone} events were judged too late |",
        dangerous.len(),
        took.as_secs_f64(),
        came.len(),
        missed.len(),
        slowest.as_secs_f64() * 1000.0,
    );
    assert_eq!(dangerous.len(), DANGEROUS.min(count));
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(slowest <= LATEST, "{slowest:?}");
}
