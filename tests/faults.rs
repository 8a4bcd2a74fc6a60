//! Every fault that the listener has to survive, each with what happened, what arrived, and what was told.
//!
//! `cargo test --release --test faults --test idle -- --nocapture | grep '^|' | sort` prints the table of README.md.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::cast_precision_loss, missing_docs)]

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;
use serde_json::json;
use support::engines::Engine;
use support::simulated::Simulated;
use support::tally::Tally;
use support::{Program, Queue, Wazuh, event, until};

const HOUR: Duration = Duration::from_secs(3600);

fn names(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

/// A home whose listener sends as fast as the queue takes it, and waits a second after a failure.
fn quick() -> Wazuh {
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"wait_time": 1, "max_events_per_second": 0}));
    wazuh
}

/// The listener once it reads.
fn listen(wazuh: &Wazuh, engine: &Simulated) -> Program {
    let before = engine.subscribers();
    let program = Program::listen(wazuh.home(), &engine.url());
    until("a subscriber", || (engine.subscribers() > before).then_some(()));
    program
}

#[test]
fn connection_cut_after_every_50_events() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    engine.cut_after(50);
    let _program = listen(&wazuh, &engine);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        scope.spawn(|| engine.publish_at(0..2000, 1000.0));
        tally.until(&queue, 2000);
    });
    let row = tally.row(&names(0..2000));
    let cuts = tally.heard("disconnected");
    row.print("connection cut after every 50 events", "fake", &format!("{cuts} cuts"));
    assert!(row.is_whole() && tally.gaps().is_empty() && cuts >= 20, "{row:?} {:?} {cuts}", tally.gaps());
}

#[test]
fn storm_into_a_slow_queue() {
    const EVENTS: usize = 20_000;
    let (wazuh, engine) = (quick(), Simulated::docker());
    wazuh.configure(&json!({"max_events_per_second": 0, "backlog_memory": 8}));
    let queue = wazuh.queue();
    let program = listen(&wazuh, &engine);
    let mut tally = Tally::default();
    let mut most_on_disk = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| engine.publish_at(0..EVENTS, 2000.0));
        let start = Instant::now();
        while tally.events.len() < EVENTS {
            let due = start + Duration::from_secs_f64(tally.order.len() as f64 / 500.0);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            tally.take(&queue.json());
            if tally.order.len() % 500 == 0 {
                most_on_disk = most_on_disk.max(wazuh.state("backlog_disk").parse().unwrap_or(0_u64));
            }
        }
    });
    tally.rest(&queue, Duration::from_millis(300));
    let row = tally.row(&names(0..EVENTS));
    let remark = format!("up to {:.1} MB waited on disk", most_on_disk as f64 / 1e6);
    row.print("20,000 events at 2,000/s into a queue that takes 500/s", "fake", &remark);
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?} {}", tally.gaps(), program.said());
    assert_eq!(tally.order, names(0..EVENTS), "and in order");
    assert!(most_on_disk > 1_000_000);
}

#[test]
fn backlog_disk_full() {
    const EVENTS: usize = 20_000;
    if !support::engines::installed("unshare") {
        support::engines::missing("unshare, or root,");
        return;
    }
    let (wazuh, engine) = (quick(), Simulated::docker());
    wazuh.configure(&json!({"max_events_per_second": 0, "backlog_memory": 4}));
    let own = wazuh.home().join("queue/docker-listener");
    fs::create_dir(&own).unwrap();
    let queue = wazuh.queue();
    // A disk of one MiB, in a name space of its own.
    let mut command = std::process::Command::new("unshare");
    let mount = format!("mount -t tmpfs -o size=1m,mode=0750 none '{}' && exec \"$@\"", own.display());
    command.args(["--mount", "sh", "-c", &mount, "sh", env!("CARGO_BIN_EXE_wazuh-docker-listener")]);
    command.arg("--home").arg(wazuh.home()).arg("--docker-host").arg(engine.url());
    let mut program = Program::spawn(command);
    until("a subscriber", || (engine.subscribers() > 0).then_some(()));
    (0..EVENTS).for_each(|number| engine.publish(number));
    program.says("cannot write to disk: ");
    until("all of it read", || (wazuh.state("read") == EVENTS.to_string()).then_some(()));
    let mut tally = Tally::default();
    // Nothing else happens: the notice must not wait for another event.
    until("the notices of the loss", || {
        tally.rest(&queue, Duration::from_millis(500));
        let lost: u64 = tally.gaps().iter().filter_map(|(_, count)| *count).sum();
        (lost + tally.events.len() as u64 == EVENTS as u64).then_some(())
    });
    let row = tally.row(&names(0..EVENTS));
    row.print("backlog disk full (1 MiB), memory 4 MiB, queue unread", "fake", "the oldest are kept");
    assert_eq!((row.missing as u64, row.doubles), (row.told, 0), "{row:?}");
    assert!(row.missing > 1000 && row.arrived > 3000, "{row:?}");
    // What was in stayed in, and in order; what came while there was no room is what is missing.
    assert_eq!(tally.order[..3000], names(0..3000));
    assert!(tally.order.iter().map(|name| name.parse::<usize>().unwrap()).is_sorted());
    assert!(tally.gaps().iter().all(|(kind, _)| kind == "backlog_full"));
    for gap in tally.notices.iter().filter(|notice| notice["notice"] == "gap") {
        assert_eq!((&gap["reason"], &gap["lost_important"]), (&json!("disk"), &json!(0)), "{gap}");
    }
    assert!(program.stop().0.success());
}

#[test]
fn what_matters_most_is_kept_when_not_everything_can_be() {
    let (wazuh, engine) = (Wazuh::new(), Simulated::docker());
    wazuh.configure(&json!({"max_events_per_second": 0, "backlog_memory": 4, "backlog_disk": 0, "wait_time": 1}));
    let mut program = listen(&wazuh, &engine);
    // Nobody reads the queue yet, and nothing may wait on disk.
    let queue = wazuh.queue();
    let of = |id: &str, action: &str, time: usize| {
        format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{id}","Attributes":{{"image":"bb:1","name":"{id}"}}}},"timeNano":{time}}}"#
        )
    };
    for number in 0..20_000 {
        engine.publish_line(of("flood", &format!("exec_create: true {number}"), number + 1));
        if number % 1000 == 999 {
            let id = format!("made{number}");
            engine.publish_line(of(&id, "create", number + 1));
        }
    }
    until("all of it read", || (wazuh.state("read") == "20020").then_some(()));
    let (mut made, mut arrived) = (0, 0);
    let mut gaps = Vec::new();
    until("every event or its loss", || {
        for json in queue.rest(Duration::from_millis(500)) {
            made += usize::from(json["docker"]["Action"] == "create");
            if json["docker_listener"]["notice"] == "gap" {
                gaps.push(json["docker_listener"].clone());
            } else if json["docker"].get("Action").is_some() {
                arrived += 1;
            }
        }
        let lost: u64 = gaps.iter().filter_map(|gap| gap["count"].as_u64()).sum();
        (lost + arrived == 20_020).then_some(())
    });
    assert_eq!(made, 20, "each container that was made is seen: {gaps:?}");
    assert!(!gaps.is_empty());
    for gap in &gaps {
        // Which of the two it is depends on who of the reader and the worker was quicker.
        assert!(gap["kind"] == "backlog_full" && (gap["reason"] == "queue" || gap["reason"] == "memory"), "{gap}");
        assert_eq!(gap["lost_important"], 0, "{gap}");
        assert!(gap["kept"].is_string());
    }
    assert!(program.stop().0.success());
}

#[test]
fn gap_of_300_events() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    (0..10).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 10);
    assert!(program.stop().0.success());
    (10..310).for_each(|number| engine.publish(number));
    let _program = listen(&wazuh, &engine);
    engine.publish(310);
    tally.until(&queue, 10 + 256 + 1 - 1);
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&names(0..311));
    row.print(
        "300 events while it did not run (the ring holds 256)",
        "fake",
        "gap told: ring_wrapped, count unknowable",
    );
    assert_eq!((row.doubles, row.arrived), (0, 311 - row.missing), "{row:?}");
    assert!((44..=45).contains(&row.missing), "what was pushed out of the ring, and no more: {row:?}");
    assert_eq!(tally.gaps(), [("ring_wrapped".to_owned(), None)]);
    let gap = tally.notices.iter().find(|notice| notice["notice"] == "gap").unwrap();
    let time = |key: &str| gap[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time("from") < time("to"), "{gap}");
}

#[test]
fn gap_of_250_events_is_none() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    (0..10).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 10);
    assert!(program.stop().0.success());
    (10..260).for_each(|number| engine.publish(number));
    let _program = listen(&wazuh, &engine);
    tally.until(&queue, 260);
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&names(0..260));
    row.print("250 events while it did not run", "fake", "");
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
}

#[test]
fn engine_skipped_events_in_its_stream() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let _program = listen(&wazuh, &engine);
    (0..100).for_each(|number| engine.publish(number));
    (100..150).for_each(|number| engine.skip(number));
    (150..250).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 250);
    let row = tally.row(&names(0..250));
    row.print("engine skipped 50 events for a reader it found slow", "fake", "found again in its ring");
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
    let recovered = tally.notices.iter().find(|notice| notice["notice"] == "recovered").unwrap();
    assert_eq!(recovered["count"], 50);
}

#[test]
fn engine_restarted_with_200_events_on_the_fake() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let _program = listen(&wazuh, &engine);
    (0..50).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 50);
    engine.restart();
    (50..250).for_each(|number| engine.publish(number));
    tally.until(&queue, 250);
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&names(0..250));
    row.print("engine restarted, 200 events at once", "fake", "gap told: engine_restarted");
    assert!(row.is_whole(), "{row:?}");
    assert_eq!(tally.gaps(), [("engine_restarted".to_owned(), None)]);
}

#[test]
fn engine_is_not_the_one_of_yesterday() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    (0..50).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 50);
    assert!(program.stop().0.success());
    engine.restart();
    "WXYZ:9".clone_into(&mut engine.engine.says.lock().unwrap().id);
    (1000..1100).for_each(|number| engine.publish(number));
    let mut program = listen(&wazuh, &engine);
    let now = jiff::Timestamp::now().as_nanosecond();
    engine.publish_line(event(50).replace("1795217222000000050", &now.to_string()));
    tally.until(&queue, 51);
    // The same while it runs: what the new engine did before is none of ours, what it does from now on is.
    "KLMN:5".clone_into(&mut engine.engine.says.lock().unwrap().id);
    engine.restart();
    (2000..2050).for_each(|number| engine.publish(number));
    until("the new engine's stream", || (wazuh.state("reconnects") == "1").then_some(()));
    engine.publish(51);
    tally.until(&queue, 52);
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&names(0..52));
    row.print("another engine in the place of the first, twice", "fake", "what it did before is left alone");
    assert!(row.is_whole() && tally.events.len() == 52 && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
    assert!(program.stop().0.success());
}

#[test]
fn an_engine_that_makes_up_its_id_is_still_the_same() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let _program = listen(&wazuh, &engine);
    (900..910).for_each(|number| engine.publish(number));
    let mut tally = Tally::default();
    tally.until(&queue, 10);
    for round in 0..5 {
        engine.engine.says.lock().unwrap().id = format!("made up {round}");
        engine.cut();
        (round * 20..round * 20 + 20).for_each(|number| engine.publish(number));
        tally.until(&queue, round * 20 + 30);
    }
    assert!(tally.row(&names(0..100)).is_whole() && tally.gaps().is_empty(), "{:?}", tally.gaps());
}

#[test]
fn killed_before_anything_was_delivered() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    (900..950).for_each(|number| engine.publish(number));
    // No queue yet: nothing can be delivered.
    let mut program = listen(&wazuh, &engine);
    (0..100).for_each(|number| engine.publish(number));
    until("the cursor", || wazuh.home().join("queue/docker-listener/cursor").exists().then_some(()));
    program.signal(Signal::SIGKILL);
    program.ends();
    let queue = wazuh.queue();
    let _program = listen(&wazuh, &engine);
    let mut tally = Tally::default();
    tally.until(&queue, 100);
    let row = tally.row(&names(0..100));
    row.print(
        "killed with -9 before its queue was ever there",
        "fake",
        "what was before its first start is left alone",
    );
    assert!(row.is_whole() && tally.events.len() == 100 && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
}

/// A home whose listener sends 50 messages a second.
fn slow() -> Wazuh {
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"wait_time": 1, "max_events_per_second": 50, "burst": 10}));
    wazuh
}

/// An event of a plugin, which hurries.
fn alert(number: usize) -> String {
    event(number).replacen("container", "plugin", 1).replacen("resize", "enable", 1)
}

#[test]
fn killed_after_alerts_overtook_what_waits() {
    let (wazuh, engine) = (slow(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    for number in 0..600 {
        engine.publish_line(if number % 100 == 99 { alert(number) } else { event(number) });
    }
    let mut sequences = Vec::new();
    let mut tally = Tally::default();
    let mut take = |tally: &mut Tally, json: &serde_json::Value| {
        sequences.push(json["docker_listener"]["sequence"].as_u64().unwrap());
        tally.take(json);
    };
    while !tally.events.contains_key("599") {
        take(&mut tally, &queue.json());
    }
    let overtaken = 600 - tally.events.len();
    until("all that waits on disk", || {
        let is_new = wazuh.state("read") == "600";
        (is_new && wazuh.state("backlog_memory") == "0").then_some(())
    });
    program.signal(Signal::SIGKILL);
    program.ends();
    wazuh.configure(&json!({"wait_time": 1, "max_events_per_second": 0}));
    let _program = listen(&wazuh, &engine);
    (600..650).for_each(|number| engine.publish(number));
    while tally.events.len() < 650 {
        take(&mut tally, &queue.json());
    }
    queue.rest(Duration::from_millis(300)).iter().for_each(|json| take(&mut tally, json));
    let row = tally.row(&names(0..650));
    let remark = format!("{overtaken} messages were overtaken; {} repeats are marked", tally.repeats);
    row.print("killed with -9 after alerts had overtaken what waits at 50 a second", "fake", &remark);
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
    assert!(overtaken > 300 && tally.repeats <= 64, "{overtaken} {}", tally.repeats);
    sequences.sort_unstable();
    sequences.dedup();
    let (first, last) = (sequences[0], sequences[sequences.len() - 1]);
    assert_eq!(sequences, (first..=last).collect::<Vec<_>>(), "no number is left out");
}

#[test]
fn killed_after_an_alert_overtook_what_the_ring_has_lost() {
    let (wazuh, engine) = (slow(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    (0..600).for_each(|number| engine.publish_line(if number == 599 { alert(number) } else { event(number) }));
    let mut tally = Tally::default();
    while !tally.events.contains_key("599") {
        tally.take(&queue.json());
    }
    // Most is in memory only, and the ring does not hold all of it any more.
    program.signal(Signal::SIGKILL);
    program.ends();
    wazuh.configure(&json!({"wait_time": 1, "max_events_per_second": 0}));
    let _program = listen(&wazuh, &engine);
    engine.publish(600);
    while !tally.events.contains_key("600") {
        tally.take(&queue.json());
    }
    tally.rest(&queue, Duration::from_millis(300));
    let row = tally.row(&names(0..601));
    let gaps = tally.gaps();
    let remark = format!("gaps told: {}", gaps.len());
    row.print("killed with -9 while an alert has overtaken more than the ring holds", "fake", &remark);
    assert_eq!(row.doubles, 0, "{row:?}");
    assert!(row.missing > 0 && gaps.len() == 1 && gaps[0].0 == "ring_wrapped", "{row:?} {gaps:?}");
}

#[test]
fn clock_one_hour_back() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    let at = |number: usize, back: Duration| {
        let time = jiff::Timestamp::now().checked_sub(back).unwrap().as_nanosecond();
        event(number).replace(&format!("{}", 1_795_217_222_000_000_000_u64 + number as u64), &time.to_string())
    };
    (0..200).for_each(|number| engine.publish_line(at(number, Duration::ZERO)));
    let mut tally = Tally::default();
    tally.until(&queue, 200);
    // The clock steps back while it runs, and the connection breaks.
    engine.engine.says.lock().unwrap().clock_ahead = jiff::SignedDuration::from_hours(-1);
    (200..300).for_each(|number| engine.publish_line(at(number, HOUR)));
    engine.cut();
    (300..400).for_each(|number| engine.publish_line(at(number, HOUR)));
    tally.until(&queue, 400);
    // And again while it does not run: by the clock it was last alive in an hour's time.
    assert!(program.stop().0.success());
    let cursor = wazuh.home().join("queue/docker-listener/cursor");
    fs::File::options().append(true).open(cursor).unwrap().set_modified(SystemTime::now() + HOUR).unwrap();
    (400..500).for_each(|number| engine.publish_line(at(number, 2 * HOUR)));
    let _program = listen(&wazuh, &engine);
    tally.until(&queue, 500);
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&names(0..500));
    row.print("clock one hour back, while it runs and while it does not; cursor from the future", "fake", "");
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
}

#[test]
fn cursor_unreadable() {
    let (wazuh, engine) = (quick(), Simulated::docker());
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    let publish = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            let now = jiff::Timestamp::now().as_nanosecond();
            let line =
                event(number).replace(&(1_795_217_222_000_000_000_u64 + number as u64).to_string(), &now.to_string());
            engine.publish_line(line);
        }
    };
    publish(0..100);
    let mut tally = Tally::default();
    tally.until(&queue, 100);
    assert!(program.stop().0.success());
    // As a disk leaves it that lost its blocks: the time of the last write is still known.
    let cursor = wazuh.home().join("queue/docker-listener/cursor");
    let written = fs::metadata(&cursor).unwrap().modified().unwrap();
    fs::write(&cursor, vec![0; 5000]).unwrap();
    fs::File::options().append(true).open(&cursor).unwrap().set_modified(written).unwrap();
    publish(100..200);
    let program = listen(&wazuh, &engine);
    publish(200..210);
    tally.until(&queue, 210);
    program.says("(cursor_unreadable)");
    let row = tally.row(&names(0..210));
    row.print("cursor unreadable", "fake", "gap told: cursor_unreadable, before its last write");
    assert!(row.is_whole(), "{row:?}");
    assert_eq!(tally.gaps(), [("cursor_unreadable".to_owned(), None)]);
}

#[test]
fn sigterm_with_a_full_backlog() {
    const EVENTS: usize = 30_000;
    let (wazuh, engine) = (quick(), Simulated::docker());
    wazuh.configure(&json!({"max_events_per_second": 0, "backlog_memory": 100}));
    let queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    (0..EVENTS).for_each(|number| engine.publish(number));
    // At once, before what waits has moved to disk on its own.
    until("all of it read", || {
        program.signal(Signal::SIGUSR1);
        (wazuh.state("read") == EVENTS.to_string()).then_some(())
    });
    let (status, took) = program.stop();
    let mut tally = Tally::default();
    tally.rest(&queue, Duration::from_millis(100));
    let early = tally.events.len();
    assert!(status.success() && took < Duration::from_secs(1), "{status} after {took:?}");
    let _program = listen(&wazuh, &engine);
    tally.until(&queue, EVENTS);
    let row = tally.row(&names(0..EVENTS));
    let remark = format!("stopped after {} ms, {} from disk at the next start", took.as_millis(), EVENTS - early);
    row.print("SIGTERM with a full backlog", "fake", &remark);
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
    assert_eq!(tally.order, names(0..EVENTS), "and in order");
}

#[test]
fn a_backlog_that_drained_is_no_damage_at_the_next_start() {
    const EVENTS: usize = 3000;
    let (wazuh, engine) = (quick(), Simulated::docker());
    let mut tally = Tally::default();
    let mut queue = wazuh.queue();
    let mut program = listen(&wazuh, &engine);
    for (round, signal) in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGTERM].into_iter().enumerate() {
        queue.remove();
        (round * EVENTS..(round + 1) * EVENTS).for_each(|number| engine.publish(number));
        until("messages on disk", || {
            program.signal(Signal::SIGUSR1);
            wazuh.state("backlog_disk").parse::<u64>().is_ok_and(|bytes| bytes > 0).then_some(())
        });
        queue = wazuh.queue();
        tally.until(&queue, (round + 1) * EVENTS);
        until("an empty backlog", || {
            program.signal(Signal::SIGUSR1);
            // What the signal asks for comes to the queue too.
            tally.take(&queue.json());
            (wazuh.state("backlog") == "0").then_some(())
        });
        program.signal(signal);
        program.ends();
        program = listen(&wazuh, &engine);
    }
    // As 0.1.0 left it: emptied, but with the length that it had in its header.
    program.signal(Signal::SIGTERM);
    program.ends();
    let backlog = wazuh.home().join("queue/docker-listener/backlog");
    assert!(!backlog.exists(), "an empty backlog is no file");
    let mut file = queue_file::QueueFile::open(&backlog).unwrap();
    for _ in 0..1000 {
        file.add(&[b'x'; 100]).unwrap();
    }
    file.clear().unwrap();
    drop(file);
    let _program = listen(&wazuh, &engine);
    engine.publish(3 * EVENTS);
    tally.until(&queue, 3 * EVENTS + 1);
    let row = tally.row(&names(0..3 * EVENTS + 1));
    row.print("a backlog on disk that drained, then SIGTERM, kill -9, and a file that 0.1.0 left", "fake", "no notice");
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
    assert!(!wazuh.home().join("queue/docker-listener/backlog.damaged").exists());
}

/// Volumes come and go as fast as one client can, until told to stop; the names of the events.
fn churn(engine: &Engine, stop: &AtomicBool, prefix: &str, most: usize) -> (Vec<String>, Vec<Duration>) {
    let (mut events, mut times) = (Vec::new(), Vec::new());
    for n in (0..most).take_while(|_| !stop.load(Ordering::Relaxed)) {
        let name = format!("{prefix}{n}");
        let started = Instant::now();
        engine.create_volume(&name);
        times.push(started.elapsed());
        events.push(format!("{name} create"));
    }
    (events, times)
}

fn never() -> AtomicBool {
    AtomicBool::new(false)
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

fn connected(wazuh: &Wazuh, engine: &Engine) -> (Program, Queue, Tally) {
    let queue = wazuh.queue();
    let program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    (program, queue, Tally::default())
}

#[test]
fn queue_unread_for_60_seconds_on_dockerd() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = quick();
    wazuh.configure(&json!({"wait_time": 1, "max_events_per_second": 0, "heartbeat": 1}));
    let (_, alone) = churn(&engine, &never(), "alone", 300);
    let (_program, queue, mut tally) = connected(&wazuh, &engine);
    let start = Instant::now();
    let (mut events, mut times) = (Vec::new(), Vec::new());
    let mut round = 0;
    while start.elapsed() < Duration::from_secs(60) {
        let (some, took) = churn(&engine, &never(), &format!("unread{round}-"), 100);
        events.extend(some);
        times.extend(took);
        round += 1;
        std::thread::sleep(Duration::from_secs(1));
    }
    tally.until(&queue, events.len());
    let row = tally.row(&events);
    let (before, meanwhile, worst) = (median(&alone), median(&times), times.iter().max().unwrap());
    let remark = format!(
        "volume create: median {:.1} ms without a listener, {:.1} ms meanwhile, longest {:.0} ms",
        before.as_secs_f64() * 1e3,
        meanwhile.as_secs_f64() * 1e3,
        worst.as_secs_f64() * 1e3
    );
    row.print("queue there but unread for 60 s", "dockerd", &remark);
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
    assert_eq!(tally.heard("heartbeat"), 1, "there is one a minute here");
    assert!(
        row.happened > 1300,
        "more than a stalled reader's 1,191 events, after which dockerd waits 100 ms for each"
    );
}

#[test]
fn queue_removed_and_made_again_on_dockerd() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = quick();
    let (_program, queue, mut tally) = connected(&wazuh, &engine);
    let (mut events, _) = churn(&engine, &never(), "first", 50);
    tally.until(&queue, 50);
    queue.remove();
    events.extend(churn(&engine, &never(), "without", 100).0);
    let queue = wazuh.queue();
    events.extend(churn(&engine, &never(), "again", 50).0);
    tally.until(&queue, 200);
    let row = tally.row(&events);
    row.print("queue socket removed and made again", "dockerd", "");
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
}

#[test]
fn dockerd_restarted_with_200_events_at_once() {
    let Some(mut engine) = Engine::dockerd() else { return };
    let wazuh = quick();
    let (_program, queue, mut tally) = connected(&wazuh, &engine);
    let (mut events, _) = churn(&engine, &never(), "before", 50);
    tally.until(&queue, 50);
    engine.restart();
    events.extend(churn(&engine, &never(), "after", 200).0);
    tally.until(&queue, 250);
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&events);
    row.print("dockerd restarted, 200 events at once", "dockerd", "gap told: engine_restarted");
    assert!(row.is_whole(), "{row:?}");
    assert_eq!(tally.gaps(), [("engine_restarted".to_owned(), None)]);
}

#[test]
fn killed_in_mid_stream_with_200_events_meanwhile_on_dockerd() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = quick();
    let (mut program, queue, mut tally) = connected(&wazuh, &engine);
    let stop = never();
    let mut events = std::thread::scope(|scope| {
        let churning = scope.spawn(|| churn(&engine, &stop, "stream", 1000).0);
        while tally.events.len() < 100 {
            tally.take(&queue.json());
        }
        program.signal(Signal::SIGKILL);
        program.ends();
        stop.store(true, Ordering::Relaxed);
        churning.join().unwrap()
    });
    events.extend(churn(&engine, &never(), "meanwhile", 200).0);
    let _program = Program::listen(wazuh.home(), &engine.url());
    // Not before it reads again: the ring holds no more than 256.
    tally.until(&queue, events.len());
    events.extend(churn(&engine, &never(), "after", 50).0);
    tally.until(&queue, events.len());
    tally.rest(&queue, Duration::from_millis(1500));
    let row = tally.row(&events);
    let remark = format!("{} sent again with the mark that it may be a repeat", tally.repeats);
    row.print("listener killed with -9 in mid-stream, 200 events meanwhile", "dockerd", &remark);
    assert!(row.is_whole() && tally.gaps().is_empty(), "{row:?} {:?}", tally.gaps());
}
