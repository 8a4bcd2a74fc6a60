//! The program between an engine and a queue that misbehave on command.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use support::simulated::Simulated;
use support::tally::Tally;
use support::{FakeEngine, Program, Ring, Wazuh, event, number, until};

#[test]
fn a_bad_line_costs_that_line_alone_whatever_the_chunking() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let engine = FakeEngine::docker(|mut asked| {
        asked.head();
        let huge = format!("{{\"status\":\"start\",\"x\":\"{}\"}}", "x".repeat(2 << 20));
        let text = [&event(1), "", "no json", "[1]", &event(2), &huge, "{\"a\":\"\u{7}\"}", &event(3), "{\"odd\":1}"]
            .join("\n")
            + "\n";
        for piece in text.as_bytes().chunks(if asked.number == 0 { 7919 } else { 3 }) {
            asked.chunk(piece);
        }
        asked.hold();
    });
    let mut program = Program::listen(wazuh.home(), &engine.url());
    // Events of a container may wait for what the engine says of it; other objects pass.
    let (mut numbers, mut unknown) = (Vec::new(), Vec::new());
    while numbers.len() < 3 || unknown.is_empty() {
        let docker = queue.json()["docker"].take();
        if docker.get("Action").is_some() {
            numbers.push(number(&docker));
        } else if docker.is_object() && docker.get("Wodle event").is_none() {
            unknown.push(docker);
        }
    }
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(unknown, [json!({"odd": 1})], "an object without the usual fields is passed on whole");
    let (status, _) = program.stop();
    assert!(status.success());
    for reason in
        ["(empty, 0 bytes)", "(not_json, 7 bytes): no json", "(oversized, 2097", "2 more lines were refused (not_json)"]
    {
        assert!(program.said().contains(reason), "{reason} in {}", program.said());
    }
}

#[test]
fn lines_that_cannot_be_used_are_told_to_the_queue_with_their_beginning() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let engine = FakeEngine::docker(|mut asked| {
        asked.head();
        asked.line(&format!("{{\"status\":\"start\",\"id\":\"c9\",\"x\":\"{}\"}}", "x".repeat(2 << 20)));
        asked.line("no json");
        asked.hold();
    });
    let _program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let notice = queue.json()["docker_listener"].clone();
    assert_eq!((&notice["notice"], &notice["kind"]), (&json!("gap"), &json!("line_oversized")));
    assert!(notice["head"].as_str().unwrap().starts_with("{\"status\":\"start\",\"id\":\"c9\""));
    assert_eq!(queue.json()["docker_listener"]["kind"], "line_not_json");
}

#[test]
fn the_first_start_leaves_the_past_alone_and_each_connect_refuses_doubles() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let ring: Ring = Arc::new(Mutex::new((0..10).map(event).collect()));
    let engine = FakeEngine::start("Engine", ring, |mut asked| {
        // The whole ring each time, then something new, then a broken connection.
        let new = 10 + asked.number * 5;
        asked.head();
        (0..new + 5).for_each(|number| asked.line(&event(number)));
        if asked.number == 3 {
            asked.hold();
        }
    });
    let _program = Program::listen(wazuh.home(), &engine.url());
    let numbers: Vec<usize> = (0..20).map(|_| number(&queue.event())).collect();
    assert_eq!(numbers, (10..30).collect::<Vec<_>>());
    assert!(queue.rest(Duration::from_millis(200)).iter().all(|json| json["docker"].get("Action").is_none()));
    let asked = engine.asked.lock().unwrap().clone();
    assert!(asked[0].starts_with("/events?since=0&until="), "{asked:?}");
    assert!(asked[1..].iter().all(|path| path == "/events?since=0"), "{asked:?}");
}

#[test]
fn podman_is_read_live_and_what_is_missing_fetched() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    // The history reaches back further than is asked for; what was before the start is left alone.
    let later = |number: usize| event(number).replace(":17952172220", ":18952172220");
    let ring: Ring = Arc::new(Mutex::new(vec![event(0), later(1)]));
    let engine = FakeEngine::start("Podman Engine", ring, move |mut asked| {
        asked.head();
        asked.line(&event(0));
        asked.line(&later(1));
        asked.line(&event(2 + asked.number));
        if asked.number == 1 {
            asked.hold();
        }
    });
    let _program = Program::listen(wazuh.home(), &engine.url());
    let numbers: Vec<usize> = (0..3).map(|_| number(&queue.event())).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let asked = engine.asked.lock().unwrap().clone();
    assert_eq!(asked[0], "/events");
    assert!(asked[1].starts_with("/events?since=20") && asked[1].ends_with("&stream=false"), "{asked:?}");
}

#[test]
fn waits_for_the_engine_and_says_so_as_the_python_listener_does() {
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"wait_time": 1}));
    let queue = wazuh.queue();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/docker.sock", folder.path().display());
    let program = Program::listen(wazuh.home(), &url);
    assert_eq!(queue.json()["docker"], json!({"Wodle event": "Started"}));
    assert_eq!(queue.json()["docker"], json!({"Wodle event": "Docker service is not running"}));
    program.says("WARNING: cannot listen: the engine at unix://");
    let (cut, told) = channel::<()>();
    let told = Mutex::new(told);
    let _engine = FakeEngine::start_in(folder, "Engine", Ring::default(), move |mut asked| {
        asked.head();
        asked.line(&event(asked.number));
        let _ = told.lock().unwrap().recv();
    });
    assert_eq!(queue.json()["docker"], json!({"Wodle event": "Connected to Docker service"}));
    assert_eq!(number(&queue.event()), 0);
    cut.send(()).unwrap();
    assert_eq!(queue.json()["docker"], json!({"Wodle event": "Disconnected from the Docker service"}));
    assert_eq!(queue.json()["docker"], json!({"Wodle event": "Connected to Docker service"}));
    assert_eq!(number(&queue.event()), 1);
    assert_eq!(program.said().matches("is not running").count(), 1, "told once: {}", program.said());
}

#[test]
fn waits_for_the_queue_and_outlives_its_replacement() {
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"wait_time": 1}));
    let (next, wanted) = channel::<usize>();
    let wanted = Mutex::new(wanted);
    let engine = FakeEngine::docker(move |mut asked| {
        asked.head();
        while let Ok(number) = wanted.lock().unwrap().recv() {
            asked.line(&event(number));
        }
    });
    let program = Program::listen(wazuh.home(), &engine.url());
    (0..20).for_each(|number| next.send(number).unwrap());
    program.says("WARNING: cannot deliver: Wazuh's queue");
    let queue = wazuh.queue();
    assert_eq!((0..20).map(|_| number(&queue.event())).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    queue.remove();
    next.send(20).unwrap();
    let queue = wazuh.queue();
    next.send(21).unwrap();
    assert_eq!([number(&queue.event()), number(&queue.event())], [20, 21]);
}

/// The numbers of the events, and that nothing else is lost or said twice.
fn numbers(messages: &[serde_json::Value]) -> Vec<usize> {
    messages.iter().filter(|json| json["docker"].get("Action").is_some()).map(|json| number(&json["docker"])).collect()
}

#[test]
fn stops_within_a_second_with_a_full_backlog_and_the_next_start_sends_it_first() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let engine = FakeEngine::docker(|mut asked| {
        asked.head();
        (0..2000).for_each(|number| asked.line(&event(number)));
        asked.line(&event(2000 + asked.number));
        asked.hold();
    });
    let mut program = Program::listen(wazuh.home(), &engine.url());
    assert_eq!(number(&queue.event()), 0);
    // The kernel holds a few messages and then refuses; nobody reads.
    until("the backlog", || (wazuh.state("read") == "2001").then_some(()));
    let (status, took) = program.stop();
    assert!(status.success() && took < Duration::from_secs(1), "{status} after {took:?}");
    assert_eq!(wazuh.state("read"), "", "the state file goes with the listener");
    let mut got = numbers(&queue.rest(Duration::from_millis(50)));
    assert_eq!(got, (1..=got.len()).collect::<Vec<_>>());
    assert!(got.len() < 1000);

    let _program = Program::listen(wazuh.home(), &engine.url());
    got.extend((got.len()..2001).map(|_| number(&queue.event())));
    assert_eq!(got, (1..=2001).collect::<Vec<_>>(), "in order, once, and the new event last");
}

#[test]
fn without_a_place_to_keep_anything_the_stop_accounts_for_every_event() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    std::fs::write(wazuh.home().join("queue/docker-listener"), "in the way").unwrap();
    let engine = FakeEngine::docker(|mut asked| {
        asked.head();
        (0..2000).for_each(|number| asked.line(&event(number)));
        asked.hold();
    });
    let mut program = Program::listen(wazuh.home(), &engine.url());
    program.says("nothing can be kept on disk: ");
    assert_eq!(number(&queue.event()), 0);
    until("the backlog", || (wazuh.state("read") == "2000").then_some(()));
    let (status, took) = program.stop();
    assert!(status.success() && took < Duration::from_secs(1), "{status} after {took:?}");
    let got = numbers(&queue.rest(Duration::from_millis(50)));
    let lost = 2000 - 1 - got.len();
    program.says(&format!("stopped: 2000 events read, {} messages sent, {lost} events lost", got.len() + 3));
}

#[test]
fn a_disabled_listener_waits_quietly() {
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    wazuh.configure(&json!({"enabled": false}));
    let engine = FakeEngine::docker(|_| panic!("a disabled listener asked for events"));
    let mut program = Program::listen(wazuh.home(), &engine.url());
    assert_eq!(queue.message_within(Duration::from_millis(300)), None);
    assert!(program.stop().0.success());
    assert_eq!(program.said(), "");
}

#[test]
fn speaks_to_each_wazuh_as_that_one_reads_it() {
    for (version, first, in_queue) in [("4.14.7", "", true), ("5.0.0", "INFO started: version", false)] {
        let wazuh = Wazuh::new();
        std::fs::write(wazuh.home().join("VERSION.json"), json!({"version": version}).to_string()).unwrap();
        let queue = wazuh.queue();
        let engine = FakeEngine::docker(|mut asked| {
            asked.head();
            asked.line(&event(1));
            asked.hold();
        });
        let mut program = Program::listen(wazuh.home(), &engine.url());
        assert_eq!(queue.json()["docker"].get("Wodle event").is_some(), in_queue);
        if in_queue {
            assert_eq!(number(&queue.event()), 1);
        }
        program.stop();
        assert!(program.said().starts_with(first));
        assert_eq!(program.said().is_empty(), first.is_empty(), "{}", program.said());
    }
}

#[test]
fn a_stderr_that_is_gone_ends_nothing() {
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"debug": true}));
    let queue = wazuh.queue();
    let engine = FakeEngine::docker(|mut asked| {
        asked.head();
        asked.line("no json");
        asked.line(&event(1));
        asked.hold();
    });
    let mut command = Program::command(wazuh.home(), &engine.url());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stderr(writer).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let _child = Killed(command.spawn().unwrap());
    assert_eq!(number(&queue.event()), 1);
}

fn names(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

#[test]
fn a_second_listener_waits_and_takes_over_without_a_double() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    let mut first = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    let mut command = Program::command(wazuh.home(), &engine.url());
    let second = Program::spawn({
        command.arg("--debug");
        command
    });
    second.says("another listener (process ");
    (0..50).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 50);
    assert_eq!(tally.heard("started"), 1, "the second one is quiet");
    assert!(first.stop().0.success());
    (50..100).for_each(|number| engine.publish(number));
    tally.until(&queue, 100);
    assert_eq!((tally.order.clone(), tally.gaps()), (names(0..100), vec![]));
}

#[test]
fn a_listener_whose_starter_was_killed_is_replaced_without_a_double() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    // As modulesd does: a child with a pipe for its stderr.
    let mut starter = std::process::Command::new("sh");
    starter.args(["-c", "\"$@\" & wait", "sh", env!("CARGO_BIN_EXE_wazuh-docker-listener")]);
    starter.arg("--home").arg(wazuh.home()).arg("--docker-host").arg(engine.url());
    let mut starter = Program::spawn(starter);
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    (0..20).for_each(|number| engine.publish(number));
    starter.signal(Signal::SIGKILL);
    starter.ends();
    (20..40).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 40);
    let second = Program::listen(wazuh.home(), &engine.url());
    second.says("taking over from another listener");
    (40..60).for_each(|number| engine.publish(number));
    tally.until(&queue, 60);
    assert_eq!((tally.order.clone(), tally.gaps()), (names(0..60), vec![]));
    assert_eq!((tally.repeats, tally.heard("started")), (0, 2));
}

#[test]
fn waits_while_the_agent_asks_senders_to_wait() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    let wait = wazuh.home().join("queue/sockets/.wait");
    std::fs::write(&wait, "").unwrap();
    let program = Program::listen(wazuh.home(), &engine.url());
    program.says("asks senders to wait");
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    engine.publish(1);
    assert_eq!(queue.message_within(Duration::from_millis(1500)), None);
    std::fs::remove_file(&wait).unwrap();
    assert_eq!(number(&queue.event()), 1);
}

#[test]
fn a_socket_replaced_while_the_old_one_is_full_and_open_is_noticed() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let old = wazuh.queue();
    let _program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    (0..2000).for_each(|number| engine.publish(number));
    until("all of it read", || (wazuh.state("read") == "2000").then_some(()));
    std::fs::remove_file(wazuh.home().join("queue/sockets/queue")).unwrap();
    let new = wazuh.queue();
    let mut tally = Tally::default();
    let first = number(&new.event());
    (first..2000).skip(1).for_each(|expected| assert_eq!(number(&new.event()), expected));
    tally.rest(&old, Duration::from_millis(100));
    assert_eq!(tally.order, names(0..first), "what the old one took, and no more, is not in the new one");
}

#[test]
fn a_heartbeat_and_the_state_tell_how_it_is() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    wazuh.configure(&json!({"filters": {"exclude": ["image=secret"]}}));
    let queue = wazuh.queue();
    let mut program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    (0..10).for_each(|number| engine.publish(number));
    (10..13).for_each(|number| engine.publish_line(event(number).replace("bb:1", "secret")));
    engine.cut();
    (13..15).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 12);
    program.signal(Signal::SIGUSR1);
    while tally.heard("heartbeat") == 0 {
        tally.take(&queue.json());
    }
    let heartbeat = tally.notices.last().unwrap().clone();
    let figures = |key: &str| heartbeat[key].as_u64().unwrap_or_else(|| panic!("{key} in {heartbeat}"));
    assert_eq!((figures("read"), figures("filtered"), figures("reconnects")), (15, 3, 1));
    // Started, connected, disconnected, connected, and the events.
    assert_eq!((figures("sent"), figures("backlog"), figures("lost"), figures("gaps")), (16, 0, 0, 0));
    assert!(figures("rss_kib") > 1000 && figures("cpu_ms") > 0);
    assert!(
        ["truncated", "redacted", "refused", "recovered", "uptime", "lag_ms"]
            .iter()
            .all(|key| heartbeat.get(key).is_some())
    );

    let status = |json: bool| {
        let mut command = Program::command(wazuh.home(), "unix:///nonexistent");
        command.arg("status").args(json.then_some("--json"));
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    until("the state after the heartbeat", || (wazuh.state("read") == "15").then_some(()));
    let (code, text) = status(true);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["running"], &report["status"]), (0, &json!(true), &json!("connected")));
    assert_eq!((&report["read"], &report["engine"]), (&json!(15), &json!("docker 9 (API 1.41)")));
    assert!(report["last_event"].as_str().unwrap().starts_with("2026-11-2"));
    let (code, text) = status(false);
    assert!(code == 0 && text.contains(" runs: process ") && text.contains("reconnects"), "{text}");

    program.stop();
    let (code, text) = status(true);
    assert_eq!((code, &serde_json::from_str::<serde_json::Value>(&text).unwrap()["running"]), (1, &json!(false)));
}

#[test]
fn a_stderr_that_nobody_reads_and_a_state_that_cannot_be_written_hold_up_nothing() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    wazuh.configure(&json!({"debug": true, "max_events_per_second": 0}));
    std::fs::remove_dir_all(wazuh.home().join("var")).unwrap();
    let queue = wazuh.queue();
    let mut command = Program::command(wazuh.home(), &engine.url());
    let (reader, writer) = std::io::pipe().unwrap();
    command.stderr(writer).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let mut child = Killed(command.spawn().unwrap());
    drop(command);
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    // Each cut logs two lines of about 80 bytes; a pipe holds 64 KiB.
    for number in 0..1500 {
        engine.publish(number);
        std::thread::sleep(Duration::from_millis(2));
        if number % 2 == 0 {
            engine.cut();
        }
    }
    let mut tally = Tally::default();
    tally.until(&queue, 1500);
    assert!(tally.row(&names(0..1500)).is_whole() && tally.heard("disconnected") > 400);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(child.0.wait().unwrap().success());
    drop(reader);
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_engine_that_does_not_say_what_is_true_holds_nothing_up() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    let answer = |id: &str, answer: Option<&str>| {
        let path = format!("/containers/{id}/json");
        engine.engine.says.lock().unwrap().answers.insert(path, answer.map(str::to_owned));
    };
    answer(
        "lies",
        Some(r#"{"Config":{"Labels":{"exitCode":"0"}},"State":{"Running":false,"ExitCode":137,"OOMKilled":true}}"#),
    );
    answer("odd", Some("[]"));
    answer("slow", None);
    let _program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    let die = |id: &str, number: usize| {
        engine.publish_line(format!(
            r#"{{"Type":"container","Action":"die","Actor":{{"ID":"{id}","Attributes":{{"exitCode":"0","name":"{id}"}}}},"timeNano":{number}}}"#
        ));
    };
    let told = |id: &str, number: usize| {
        die(id, number);
        loop {
            let json = queue.json();
            if json["docker"].get("Action").is_some() {
                assert_eq!(json["docker"]["Actor"]["ID"], id);
                return (json["docker_listener"]["inspect"].clone(), json["docker_listener"]["forged"].clone());
            }
        }
    };
    let truth = json!({"fields": "exitCode", "exitCode": "137", "oomKilled": "true"});
    assert_eq!(told("lies", 1), (json!(null), truth.clone()));
    assert_eq!(told("none", 2), (json!("gone"), json!(null)));
    assert_eq!(told("odd", 3), (json!("failed"), json!(null)));
    let started = std::time::Instant::now();
    assert_eq!(told("slow", 4), (json!("timeout"), json!(null)));
    for number in 5..50 {
        assert_eq!(told("slow", number), (json!("timeout"), json!(null)));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "one wait of half a second, not one for each");
    assert_eq!(told("lies", 50), (json!(null), truth), "whoever is not slow is waited for");
}

#[test]
fn what_the_engine_says_too_late_is_told_when_it_says_it() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    let says = |path: &str, answer: Option<&str>| {
        engine.engine.says.lock().unwrap().answers.insert(path.to_owned(), answer.map(str::to_owned));
    };
    let _program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    let start = |id: &str, number: usize| {
        engine.publish_line(format!(
            r#"{{"Type":"container","Action":"start","Actor":{{"ID":"{id}","Attributes":{{"image":"bb:1","name":"web"}}}},"timeNano":{number}}}"#
        ));
        loop {
            let json = queue.json();
            if json["docker"].get("Action").is_some() {
                return json["docker_listener"].clone();
            }
        }
    };
    let known = |id: &str| {
        format!(
            r#"{{"Id":"{id}","Name":"/web","Image":"","Config":{{"Image":"bb:1","User":"app"}},"HostConfig":{{"Privileged":true}}}}"#
        )
    };
    for (number, id) in ["first", "second"].into_iter().enumerate() {
        let path = format!("/containers/{id}/json");
        says(&path, None);
        let told = start(id, number + 1);
        assert_eq!((&told["inspect"], &told["risk"]), (&json!("timeout"), &json!(null)), "{id}");
    }
    // A command, of which only the late answer tells as whom it runs.
    let exec = "/exec/e1/json";
    says(exec, None);
    engine.publish_line(
        r#"{"Type":"container","Action":"exec_start: id ","Actor":{"ID":"first","Attributes":{"execID":"e1","image":"bb:1","name":"web"}},"timeNano":9}"#,
    );
    let told = loop {
        let json = queue.json();
        if json["docker"].get("Action").is_some() {
            break json["docker_listener"].clone();
        }
    };
    assert_eq!((&told["inspect"], &told["exec"]["user"]), (&json!("timeout"), &json!(null)));
    let answer =
        r#"{"ContainerID":"first","ProcessConfig":{"entrypoint":"id","arguments":[],"user":"0","privileged":true}}"#;
    says(exec, Some(answer));
    // Nobody waits for an engine that was slow a moment ago; whoever is quick then comes a moment late, and comes.
    let path = "/containers/third/json";
    says(path, Some(&known("third")));
    let told = start("third", 3);
    let mut late = vec![("third", told["risk"] != json!(null))];
    for id in ["first", "second"] {
        says(&format!("/containers/{id}/json"), Some(&known(id)));
        late.push((id, false));
    }
    let mut command_told = false;
    while !command_told || late.iter().any(|(_, seen)| !seen) {
        let json = queue.json();
        let id = json["docker"]["Actor"]["ID"].as_str().unwrap().to_owned();
        let ours = &json["docker_listener"];
        if ours["exec"] != json!(null) {
            let exec = &ours["exec"];
            let seen = (&exec["command"], &exec["runs"], &exec["privileged"], &exec["root"]);
            assert_eq!(seen, (&json!("id "), &json!("true"), &json!("true"), &json!("true")));
            command_told = true;
            continue;
        }
        assert_eq!((&ours["late"], &ours["risk"]["privileged"]), (&json!("true"), &json!("--privileged")), "{json}");
        assert_eq!(json["docker"]["Actor"]["Attributes"], json!({"name": "web", "image": "bb:1"}));
        assert!(
            json["docker"].get("Action").is_none() && json["docker"].get("status").is_none(),
            "no stock rule sees it twice"
        );
        late.iter_mut().find(|(of, _)| *of == id).unwrap().1 = true;
    }
}

#[test]
fn an_object_that_the_engine_is_slow_about_makes_no_other_late_and_keeps_its_order() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    // Longer than the test waits for anything else: what passes does not pass because of a deadline.
    wazuh.configure(&json!({"inspect_timeout": 5000}));
    let queue = wazuh.queue();
    let says = |id: &str, answer: Option<String>| {
        engine.engine.says.lock().unwrap().answers.insert(format!("/containers/{id}/json"), answer);
    };
    let known = |id: &str| {
        format!(r#"{{"Id":"{id}","Image":"","Config":{{"User":"app"}},"HostConfig":{{"Privileged":true}}}}"#)
    };
    let _program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    let happens = |id: &str, action: &str, time: usize| {
        engine.publish_line(format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{id}","Attributes":{{"image":"bb:1","name":"{id}"}}}},"timeNano":{time}}}"#
        ));
    };
    let next = || {
        loop {
            let json = queue.json();
            if let Some(action) = json["docker"].get("Action") {
                let of = json["docker"]["Actor"]["ID"].as_str().unwrap().to_owned();
                let risk = json["docker_listener"]["risk"]["severity"].clone();
                return (of, action.as_str().unwrap().to_owned(), risk);
            }
        }
    };
    for (number, id) in ["slow1", "slow2", "slow3"].into_iter().enumerate() {
        says(id, None);
        for (place, action) in ["create", "rename", "top"].into_iter().enumerate() {
            happens(id, action, number * 10 + place + 1);
        }
    }
    for number in 0..100 {
        let id = format!("quick{number}");
        says(&id, Some(known(&id)));
        happens(&id, "start", 100 + number);
        assert_eq!(next(), (id, "start".to_owned(), json!("critical")));
    }
    for id in ["slow3", "slow1"] {
        says(id, Some(known(id)));
        assert_eq!(next(), (id.to_owned(), "create".to_owned(), json!("critical")));
        assert_eq!(next(), (id.to_owned(), "rename".to_owned(), json!(null)));
        assert_eq!(next(), (id.to_owned(), "top".to_owned(), json!(null)));
    }
    // What nobody answers is sent all the same.
    for action in ["create", "rename", "top"] {
        assert_eq!(next(), ("slow2".to_owned(), action.to_owned(), json!(null)));
    }
}

#[test]
fn a_container_with_hundreds_of_volumes_is_one_request_more() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    let says = |path: &str, answer: String| {
        engine.engine.says.lock().unwrap().answers.insert(path.to_owned(), Some(answer));
    };
    let mounts: Vec<_> = (0..300)
        .map(|number| json!({"Type": "volume", "Name": format!("v{number}"), "Driver": "local", "RW": true}))
        .collect();
    says("/containers/c1/json", json!({"Id": "c1", "Config": {"User": "app"}, "Mounts": mounts}).to_string());
    let evil = json!({"type": "none", "o": "bind", "device": "/"});
    let mut volumes: Vec<_> = (0..3000).map(|number| json!({"Name": format!("v{number}"), "Options": null})).collect();
    volumes[299]["Options"] = evil.clone();
    volumes[2999]["Options"] = evil;
    says("/volumes", json!({ "Volumes": volumes }).to_string());
    let _program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() == 1).then_some(()));
    engine.publish_line(
        r#"{"Type":"container","Action":"create","Actor":{"ID":"c1","Attributes":{"image":"bb:1","name":"web"}},"timeNano":1}"#,
    );
    let ours = loop {
        let json = queue.json();
        if json["docker"].get("Action").is_some() {
            break json["docker_listener"].clone();
        }
    };
    assert_eq!(ours["risk"]["host_root_rw"], "/ (rw)", "{ours}");
}

#[test]
fn a_running_listener_has_given_up_what_it_does_not_need_in_every_thread() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    let queue = wazuh.queue();
    let program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let statuses: Vec<String> =
        tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap()).collect();
    assert!(statuses.len() >= 4, "main, reader, pipeline, sender");
    for status in statuses {
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!(value("NoNewPrivs:"), "1");
        for set in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
            let more = u64::from_str_radix(&value(set), 16).unwrap() & !2;
            assert_eq!(more, 0, "{set} more than CAP_DAC_OVERRIDE");
        }
    }
}
