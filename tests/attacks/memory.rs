//! Memory that is kept.

use serde_json::json;

use crate::scene::{Attack, id};
use crate::{EVIL, millis};

#[test]
fn health_checks_are_kept() {
    let row = Attack {
        what: "200 containers with a health check of 1 MiB each",
        stage: "memory",
        before: "alert after 0.02 s, CPU 1.28 s, peak +168 MiB, stays +169.0 MiB, level 12",
        peak: 64,
        cpu: 6,
    };
    row.play(|scene| {
        let probe = "x".repeat(1 << 20);
        for number in 0..200 {
            let id = id("9a0b", number);
            scene.describe(&id, json!({"Config": {"User": "app", "Healthcheck": {"Test": ["CMD", probe]}}}));
            scene.happens("create", &id, &json!({}));
            std::thread::sleep(millis(10));
            scene.forget(&format!("/containers/{id}/json"));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn commands_are_kept() {
    let row = Attack {
        what: "200 commands of 500 KB each, made and never run",
        stage: "memory",
        before: "alert after 0.01 s, CPU 1.92 s, peak +99 MiB, stays +99.8 MiB, level 12",
        peak: 64,
        cpu: 6,
    };
    row.play(|scene| {
        let argument = "x".repeat(500_000);
        let exec =
            json!({"ContainerID": "aa00", "ProcessConfig": {"entrypoint": "a", "arguments": [argument]}}).to_string();
        scene.first(move |path, asked| {
            let is_exec = path.starts_with("/exec/c0de");
            if is_exec {
                asked.whole(&exec);
            }
            is_exec
        });
        for number in 0..200 {
            let exec_id = id("c0de", number);
            scene.happens(&format!("exec_create: a {argument}"), "aa00", &json!({"execID": exec_id}));
            std::thread::sleep(millis(10));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn users_are_kept() {
    let row = Attack {
        what: "200 containers whose user is 1 MiB long",
        stage: "memory",
        before: "alert after 0.00 s, CPU 0.77 s, peak +201 MiB, stays +200.0 MiB, level 12",
        peak: 64,
        cpu: 6,
    };
    row.play(|scene| {
        let user = "x".repeat(1 << 20);
        for number in 0..200 {
            let id = id("05e2", number);
            scene.describe(&id, json!({"Config": {"User": user}}));
            scene.happens("create", &id, &json!({}));
            std::thread::sleep(millis(10));
            scene.forget(&format!("/containers/{id}/json"));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn names_are_kept() {
    let row = Attack {
        what: "400 events of containers whose image is called by 500 KB, about which the engine is silent",
        stage: "memory",
        before: "alert after 0.31 s, CPU 0.87 s, peak +93 MiB, stays +69.5 MiB, level 12",
        peak: 64,
        cpu: 6,
    };
    row.play(|scene| {
        let name = "X".repeat(500_000);
        for number in 0..400 {
            scene.happens("create", &id("4a3e", number), &json!({"image": format!("{name}{number}")}));
        }
        scene.evil(EVIL);
    });
}
