//! The program on engines that the tests start themselves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::engines::Engine;
use support::tally::Tally;
use support::{Program, Queue, Wazuh};

fn actions(events: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.iter().map(|event| (text(&event["Type"]), text(&event["Action"]))).collect()
}

fn drain(queue: &Queue) -> Vec<Value> {
    let messages = queue.rest(Duration::from_secs(2));
    messages.into_iter().map(|json| json["docker"].clone()).filter(|docker| docker.get("Action").is_some()).collect()
}

/// What the program itself prints of the engine's ring, as raw lines.
fn ring(engine: &Engine, home: &std::path::Path, format: &str, filters: &[&str]) -> Vec<String> {
    let mut command = Program::command(home, &engine.url());
    command.args(["events", "--since", "0", "--until", "0s", "--format", format]);
    for filter in filters {
        command.args(["--filter", filter]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn dockers_events_reach_the_queue_whole_and_in_order() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let mut program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");

    let registry = engine.registry();
    engine.docker(&["volume", "create", "data"]);
    engine.docker(&["network", "create", "inner"]);
    engine.docker(&[
        "run",
        "--detach",
        "--init",
        "--name",
        "web",
        "--label",
        "team=blue",
        "--label",
        "Name=lie",
        "--volume",
        "data:/data",
        "--network",
        "inner",
        "bb:1",
        "sleep",
        "600",
    ]);
    engine.docker(&["exec", "web", "sh", "-c", "true"]);
    engine.docker(&["exec", "web", "true"]);
    engine.docker(&["rename", "web", "web2"]);
    engine.docker(&["kill", "web2"]);
    engine.docker(&["rm", "--force", "web2"]);
    if registry.is_some() {
        engine.docker(&["rmi", "127.0.0.1:5000/probe:1"]);
        engine.docker(&["pull", "--quiet", "127.0.0.1:5000/probe:1"]);
    }
    engine.docker(&["network", "rm", "inner"]);
    engine.docker(&["volume", "rm", "data"]);

    let sent = drain(&queue);
    let seen = actions(&sent);
    let mut wanted = vec![
        ("volume", "create"),
        ("network", "create"),
        ("container", "create"),
        ("network", "connect"),
        ("volume", "mount"),
        ("container", "start"),
        ("container", "exec_create: sh -c true"),
        ("container", "exec_start: sh -c true"),
        ("container", "exec_die"),
        ("container", "exec_start: true "),
        ("container", "rename"),
        ("container", "kill"),
        ("container", "die"),
        ("network", "disconnect"),
        ("volume", "unmount"),
        ("container", "destroy"),
        ("network", "destroy"),
        ("volume", "destroy"),
    ];
    if registry.is_some() {
        wanted.extend([("image", "push"), ("image", "untag"), ("image", "pull")]);
    }
    for (kind, action) in wanted {
        assert!(seen.iter().any(|(k, a)| k == kind && a == action), "{kind} {action} in {seen:?}");
    }

    // Everything that the engine's own ring holds from then on, field for field, and in the ring's order for each object:
    // events of one can overtake those of another that the engine is asked about.
    let time = |event: &Value| event["timeNano"].as_i64().unwrap();
    let first = sent.iter().map(time).min().unwrap();
    let lines = ring(&engine, wazuh.home(), "json", &[]);
    let recorded: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded: Vec<Value> = recorded.into_iter().filter(|event| time(event) >= first).map(renamed).collect();
    assert!(recorded.len() >= 18);
    assert_eq!(by_object(sent), by_object(recorded));

    filters_agree(&engine, wazuh.home(), &lines);

    let (status, took) = program.stop();
    assert!(status.success() && took < Duration::from_secs(1));
    let as_sent = ring(&engine, wazuh.home(), "wazuh", &["event=kill"]);
    assert!(
        as_sent
            .last()
            .unwrap()
            .starts_with("1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"status\": \"kill\"")
    );
}

/// The events of each object, in their order.
fn by_object(events: Vec<Value>) -> BTreeMap<(String, String), Vec<Value>> {
    let mut objects = BTreeMap::<_, Vec<Value>>::new();
    for event in events {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        objects.entry((text(&event["Type"]), text(&event["Actor"]["ID"]))).or_default().push(event);
    }
    objects
}

/// The event as it is sent, with the label that must not pass for the name.
fn renamed(mut event: Value) -> Value {
    if let Some(attributes) = event["Actor"]["Attributes"].as_object_mut()
        && let Some(label) = attributes.remove("Name")
    {
        attributes.insert("label:Name".to_owned(), label);
    }
    event
}

/// The engine's filter and the program's own must come to the same.
fn filters_agree(engine: &Engine, home: &std::path::Path, lines: &[String]) {
    for filters in [
        &["type=container"][..],
        &["event=exec_start"],
        &["container=web"],
        &["label=team"],
        &["label=team=red"],
        &["label=team=blue", "label=Name=lie"],
        &["image=bb"],
        &["image=bb:1", "event=die"],
        &["scope=local"],
        &["type=volume", "type=network", "event=create"],
        &["volume=data"],
        &["network=inner"],
        &["event=exec"],
    ] {
        let filter = wazuh_docker_listener::event::filter::Filter::parse(filters).unwrap();
        let of_engine = engine_filters(engine, filters);
        let ours: Vec<&String> = lines
            .iter()
            .filter(|line| filter.matches(&wazuh_docker_listener::event::Event::parse(line.as_bytes()).unwrap()))
            .collect();
        assert_eq!(of_engine.iter().collect::<Vec<_>>(), ours, "{filters:?}");
        assert_eq!(ring(engine, home, "json", filters), of_engine, "{filters:?}");
    }
}

/// What Docker's own client prints under these filters.
fn engine_filters(engine: &Engine, filters: &[&str]) -> Vec<String> {
    let mut arguments = vec!["events", "--since", "0", "--until", "0s", "--format", "{{json .}}"];
    for filter in filters {
        arguments.extend(["--filter", filter]);
    }
    let text = engine.docker(&arguments);
    // The client sorts nothing but writes its own key order; the time stamp tells the event.
    let raw = support_lines(engine);
    text.lines()
        .map(|line| {
            let nano = serde_json::from_str::<Value>(line).unwrap()["timeNano"].clone();
            raw.iter().find(|raw| serde_json::from_str::<Value>(raw).unwrap()["timeNano"] == nano).unwrap().clone()
        })
        .collect()
}

fn support_lines(engine: &Engine) -> Vec<String> {
    ring(engine, std::path::Path::new("/nonexistent"), "json", &[])
}

#[test]
fn a_frozen_listener_and_a_restart_of_dockerd_lose_nothing_that_the_engine_holds() {
    let Some(mut engine) = Engine::dockerd() else { return };
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"wait_time": 1}));
    let queue = wazuh.queue();
    engine.docker(&["volume", "create", "before"]);
    let program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let volumes = |engine: &Engine, prefix: &str, count: usize| {
        for n in 0..count {
            engine.docker(&["volume", "create", &format!("{prefix}{n}")]);
        }
    };
    let arrive = |prefix: &str, count: usize| {
        for n in 0..count {
            let event = queue.event();
            assert_eq!(
                event["Actor"]["ID"],
                format!("{prefix}{n}"),
                "in order, once, and nothing from before the start"
            );
        }
    };
    program.signal(nix::sys::signal::Signal::SIGSTOP);
    volumes(&engine, "frozen", 50);
    program.signal(nix::sys::signal::Signal::SIGCONT);
    arrive("frozen", 50);

    engine.restart();
    volumes(&engine, "restarted", 200);
    arrive("restarted", 200);
    let rest = queue.rest(Duration::from_millis(300));
    assert!(rest.iter().all(|json| json["docker"].get("Action").is_none()), "{rest:?}");
}

#[test]
fn an_engine_behind_tls_is_reached_with_its_certificates_and_with_no_others() {
    let Some(engine) = Engine::dockerd() else { return };
    let program = env!("CARGO_BIN_EXE_wazuh-docker-listener");
    let events = |certificates: &str| {
        let folder = engine.path(certificates).display().to_string();
        let address = ["--docker-host", "tcp://127.0.0.1:2376", "--docker-cert-path", &folder];
        let mut command = engine.beside(&[program, "--home", "/nonexistent"]);
        command.args(address).args(["events", "--since", "0", "--until", "0s", "--format", "{{.Action}}"]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), said)
    };
    let (code, said) = events("certs");
    assert!(code == 0 && said.contains("import"), "{code}: {said}");
    let (code, said) = events("other");
    assert!(code == 1 && said.contains("invalid peer certificate"), "{code}: {said}");
    let (code, said) = events("none");
    assert!(code == 1 && said.contains("ca.pem"), "{code}: {said}");
}

#[test]
fn check_tells_what_is_well_and_what_is_not() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = Wazuh::new();
    let run = |url: &str| {
        let mut command = Program::command(wazuh.home(), url);
        let output = command.args(["check", "--json"]).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), report)
    };
    let (code, report) = run(&engine.url());
    assert_eq!((code, &report["ok"]), (1, &json!(false)), "there is no queue yet");
    let checks = report["checks"].as_array().unwrap();
    let failed: Vec<&Value> = checks.iter().filter(|check| check["ok"] == false).map(|check| &check["check"]).collect();
    assert_eq!(failed, ["queue"]);
    let _queue = wazuh.queue();
    let (code, report) = run(&engine.url());
    assert_eq!((code, &report["ok"]), (0, &json!(true)), "{report}");
    assert!(report.to_string().contains("docker 20.10"), "{report}");
    let (code, report) = run("unix:///nonexistent/docker.sock");
    assert_eq!(code, 1);
    assert!(report.to_string().contains("is not running"), "{report}");
}

#[test]
fn podmans_events_reach_the_queue() {
    let Some(engine) = Engine::podman() else { return };
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let _program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    engine.docker(&["volume", "create", "data"]);
    engine.docker(&[
        "run",
        "--detach",
        "--network",
        "none",
        "--name",
        "web",
        "--label",
        "team=blue",
        "bb:1",
        "sleep",
        "60",
    ]);
    engine.docker(&["exec", "web", "true"]);
    engine.docker(&["rm", "--force", "web"]);
    let curl = |method: &str, path: &str, body: &str| {
        let output = Command::new("curl")
            .args(["--silent", "--unix-socket", &engine.path("docker.sock").display().to_string(), "--request", method])
            .args(["--header", "Content-Type: application/json", "--data", body, &format!("http://podman{path}")])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let created = curl("POST", "/v4.0.0/libpod/pods/create", r#"{"name":"pod1","no_infra":true}"#);
    assert!(created.contains("Id"), "{created}");
    // A type that Docker does not know ends nothing.
    let wanted = [
        "volume create",
        "container create",
        "container start",
        "container exec",
        "container die",
        "container remove",
        "pod create",
    ];
    let mut seen = Vec::new();
    while !wanted.iter().all(|wanted| seen.iter().any(|seen| seen == wanted)) {
        let event = queue.event();
        assert_eq!(event["status"], event["Action"], "Podman has a status on every type: {event}");
        seen.push(format!("{} {}", event["Type"].as_str().unwrap(), event["Action"].as_str().unwrap()));
    }
    assert!(!seen.contains(&"image import".to_owned()), "what was before the start is left alone: {seen:?}");
}

#[test]
fn podmans_events_of_the_time_between_are_fetched_once() {
    let Some(engine) = Engine::podman() else { return };
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let create = |names: &[&str]| names.iter().for_each(|name| drop(engine.docker(&["volume", "create", name])));
    create(&["before"]);
    let mut program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    create(&["a", "b"]);
    let mut tally = Tally::default();
    tally.until(&queue, 2);
    assert!(program.stop().0.success());
    create(&["c", "d", "e"]);
    let mut program = Program::listen(wazuh.home(), &engine.url());
    tally.until(&queue, 5);
    program.signal(nix::sys::signal::Signal::SIGKILL);
    program.ends();
    create(&["f"]);
    let _program = Program::listen(wazuh.home(), &engine.url());
    create(&["g"]);
    tally.until(&queue, 7);
    tally.rest(&queue, Duration::from_secs(1));
    let names: Vec<&str> = tally.order.iter().map(|name| name.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g"]);
    assert_eq!((tally.gaps(), tally.repeats), (vec![], 0));
}

#[test]
fn labels_that_pose_as_facts_are_told_with_the_truth_beside_them() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let run = |name: &str, labels: &[&str]| {
        let labels: Vec<&str> = labels.iter().flat_map(|label| ["--label", *label]).collect();
        let command = ["bb:1", "sleep", "600"];
        engine.docker(&[&["run", "--detach", "--init", "--name", name][..], &labels, &command].concat());
    };
    let lies = ["exitCode=0", "signal=15", "Name=innocent"];
    run("unseen", &lies);
    run("honest-unseen", &[]);
    let _program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    run("seen", &lies);
    engine.docker(&["exec", "seen", "true"]);
    assert!(!engine.try_docker(&["exec", "seen", "false"]).0);
    for name in ["seen", "unseen", "honest-unseen"] {
        engine.docker(&["kill", "--signal", "KILL", name]);
    }
    let mut told = Vec::new();
    while told.len() < 8 {
        let json = queue.json();
        let (docker, ours) = (&json["docker"], &json["docker_listener"]);
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let action = text(&docker["Action"]);
        if matches!(action.as_str(), "kill" | "die" | "exec_die") {
            let attributes = &docker["Actor"]["Attributes"];
            if attributes["name"] != "honest-unseen" {
                assert_eq!(attributes["label:Name"], "innocent", "{json}");
            }
            assert_eq!(ours.get("inspect"), None, "{json}");
            let forged = &ours["forged"];
            told.push([
                text(&attributes["name"]),
                action,
                text(&attributes["exitCode"]),
                text(&forged["exitCode"]),
                text(&forged["fields"]),
            ]);
        }
    }
    told.sort();
    let both = "exitCode, signal";
    assert_eq!(
        told,
        [
            ["honest-unseen", "die", "137", "-", "-"],
            ["honest-unseen", "kill", "-", "-", "-"],
            ["seen", "die", "0", "137", both],
            ["seen", "exec_die", "0", "0", both],
            ["seen", "exec_die", "0", "1", both],
            ["seen", "kill", "0", "-", both],
            ["unseen", "die", "0", "137", both],
            ["unseen", "kill", "0", "-", both],
        ]
    );
}
