//! Floods.

use std::time::Duration;

use serde_json::json;

use crate::scene::{Attack, container, id};
use crate::{EVIL, millis, volumes};

#[test]
fn a_flood_of_exec_create() {
    let row = Attack {
        what: "2,500 `exec_create` a second for 6 s, the engine answers in 1.5 ms, a privileged container that lives 0.4 s in the middle",
        stage: "questions, ingest",
        before: "no alert, CPU 4.40 s, peak +6 MiB, stays +5.9 MiB, level 4",
        peak: 64,
        cpu: 20,
    };
    row.play(|scene| {
        scene.first(|path, asked| {
            let is_exec = path.starts_with("/exec/f100d");
            if is_exec {
                std::thread::sleep(Duration::from_micros(1500));
                asked.whole(&json!({"ContainerID": "aa00", "ProcessConfig": {"entrypoint": "true"}}).to_string());
            }
            is_exec
        });
        for number in 0..15_000 {
            scene.happens("exec_create: true", "aa00", &json!({"execID": id("f100d", number)}));
            if number % 25 == 0 {
                std::thread::sleep(millis(10));
            }
            if number == 7500 {
                scene.evil(EVIL);
            }
            if number == 8500 {
                scene.forget(&format!("/containers/{EVIL}/json"));
            }
        }
    });
}

#[test]
fn a_flood_at_the_default_pace() {
    let row = Attack {
        what: "6,000 `top` at once at the default pace of 400 a second, then a privileged container",
        stage: "pace",
        before: "alert after 9.90 s, CPU 0.38 s, peak +4 MiB, stays +4.3 MiB, level 12",
        peak: 32,
        cpu: 4,
    };
    row.play_with(&json!({"max_events_per_second": 400}), |scene| {
        for number in 0..6000 {
            scene.happens("top", "aa00", &json!({"x": number.to_string()}));
        }
        scene.evil(EVIL);
        let is_seen = scene.comes_within(&format!("\"Action\": \"create\", \"Actor\": {{\"ID\": \"{EVIL}\""), 30);
        let before = scene.messages_with("\"Action\": \"top\"").count();
        scene.holds(is_seen && before < 5000, "it waited behind what is harmless");
        // What was overtaken comes all the same, and what overtook comes once.
        scene.comes_within("\"x\": \"5999\"", 30);
        let came = |text: &str| scene.messages_with(text).count();
        let (harmless, evil) = (came("\"Action\": \"top\""), came(&format!("\"ID\": \"{EVIL}\"")));
        scene.holds((harmless, evil) == (6000, 2), "each message once");
    });
}

#[test]
fn a_flood_of_alerts_at_the_default_pace() {
    let row = Attack {
        what: "3,000 `top` and 2,000 plugins at once at the default pace: alerts must not keep the rest from coming",
        stage: "pace",
        before: "alert after 7.42 s, CPU 0.32 s, peak +3 MiB, stays +0.0 MiB, level 12",
        peak: 32,
        cpu: 4,
    };
    row.play_with(&json!({"max_events_per_second": 400}), |scene| {
        for number in 0..3000 {
            scene.happens("top", "aa00", &json!({"x": number.to_string()}));
        }
        for number in 0..2000 {
            let line = scene.line("enable", "aa00", &json!({"y": number.to_string()}));
            scene.engine.publish_line(line.replacen("container", "plugin", 1));
        }
        scene.evil(EVIL);
        scene.comes_within("\"x\": \"2999\"", 30);
        let alerts = scene.messages_with("\"Action\": \"enable\"").count();
        scene.holds((100..2000).contains(&alerts), "alerts and the rest take turns");
        scene.comes_within("\"y\": \"1999\"", 30);
        let came = |text: &str| scene.messages_with(text).count();
        let all = (came("\"Action\": \"top\""), came("\"Action\": \"enable\""), came(&format!("\"ID\": \"{EVIL}\"")));
        scene.holds(all == (3000, 2000, 2), "each message once");
    });
}

#[test]
fn a_flood_that_fills_the_memory() {
    let row = Attack {
        what: "4,000 lines of 50 KB faster than they are judged, with a backlog of 16 MiB, and a privileged container in the middle",
        stage: "ingest",
        before: "alert after 3.96 s, CPU 2.86 s, peak +16 MiB, stays +8.2 MiB, level 12",
        peak: 64,
        cpu: 20,
    };
    row.play_with(&json!({"backlog_memory": 16}), |scene| {
        let label = "--password=x y ".repeat(50_000 / 15);
        for number in 0..4000 {
            let line = scene.line("top", "aa00", &json!({"x": label, "y": number.to_string()}));
            scene.engine.publish_line(line);
            if number == 2000 {
                scene.evil(EVIL);
            }
        }
        let sent = scene.comes_within("\"notice\": \"gap\"", 20);
        let all = scene.messages_with("\"Action\": \"top\"").count();
        scene.holds(sent || all == 4000, "a loss without a notice, while nothing follows");
    });
}

#[test]
fn a_loss_is_reported_though_nothing_follows() {
    let row = Attack {
        what: "lines are lost, and nothing happens afterwards: when is the loss reported?",
        stage: "loss",
        before: "alert after 0.02 s, CPU 0.06 s, peak +0 MiB, stays +0.7 MiB, level 12",
        peak: 64,
        cpu: 20,
    };
    row.play_with(&json!({"event_queue_size": 500}), |scene| {
        volumes(scene, 200, millis(3));
        scene.happens("update", "7070", &json!({}));
        for number in 0..3000 {
            scene.happens("top", "aa00", &json!({"x": number.to_string()}));
        }
        let told = scene.comes_within("\"notice\": \"gap\"", 10);
        let all = scene.messages_with("\"Action\": \"top\"").count();
        scene.holds(told || all == 3000, "a loss without a notice, while nothing follows");
        scene.evil(EVIL);
    });
}

#[test]
fn five_thousand_containers() {
    let row = Attack {
        what: "5,000 containers, to have those before forgotten",
        stage: "memory",
        before: "alert after 15.21 s, CPU 1.88 s, peak +4 MiB, stays +4.8 MiB, level 12",
        peak: 64,
        cpu: 10,
    };
    row.play(|scene| {
        // What is known of the last thousands, and the tables for it.
        scene.still_holds(4 << 10);
        scene.first(|path, asked| {
            let is_one = path.starts_with("/containers/16000");
            if is_one {
                asked.whole(&container("x", json!({})).to_string());
            }
            is_one
        });
        for number in 0..5000 {
            scene.happens("create", &id("16000", number), &json!({}));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn ordinary_events_pass() {
    let row = Attack {
        what: "none: 2,000 ordinary events and a privileged container that lives 0.4 s",
        stage: "-",
        before: "alert after 0.06 s, CPU 0.03 s, peak +1 MiB, stays +1.3 MiB, level 12",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        scene.bystanders(2000);
        scene.short_evil(EVIL, millis(400));
    });
}

#[test]
fn fifty_privileged_containers_at_once() {
    let row = Attack {
        what: "50 privileged containers at once that live 0.4 s, of an engine that takes 20 ms for an answer",
        stage: "questions",
        before: "no alert, CPU 0.03 s, peak +0 MiB, stays +0.1 MiB, level 4",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        scene.first(|path, _| {
            if path.starts_with("/containers/") {
                std::thread::sleep(millis(20));
            }
            false
        });
        let names: Vec<String> = (0..50).map(|number| id("e11", number)).collect();
        for name in &names {
            scene.evil(name);
        }
        std::thread::sleep(millis(400));
        for name in &names {
            scene.forget(&format!("/containers/{name}/json"));
            scene.happens("die", name, &json!({}));
        }
    });
}

#[test]
fn a_ring_that_wrapped_while_away() {
    let row = Attack {
        what: "the connection is cut and 300 events push a container out of the ring before it is back",
        stage: "loss",
        before: "alert after 0.52 s, CPU 0.01 s, peak +0 MiB, stays +0.3 MiB, level 10",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.bystanders(300);
        scene.comes_within("\"height\": \"300\"", 10);
        scene.first(|path, _| {
            if path == "/_ping" {
                std::thread::sleep(millis(500));
            }
            false
        });
        scene.want("ring_wrapped", 10);
        scene.engine.cut();
        for number in 0..300 {
            scene.happens("top", "aa00", &json!({"x": number.to_string()}));
        }
    });
}
