//! Commands in containers, and what is gone before it is looked at.

use serde_json::json;

use crate::scene::{Attack, id};
use crate::{EVIL, millis};

#[test]
fn a_privileged_command_among_300() {
    let row = Attack {
        what: "a privileged command, made before 300 others in a container with the label `execID`",
        stage: "commands",
        before: "no alert, CPU 0.03 s, peak +0 MiB, stays +0.1 MiB, level 7",
        peak: 16,
        cpu: 3,
    };
    row.play(|scene| {
        // Which of so many it is cannot be found out within bounds; that this is not known is a finding.
        scene.want(EVIL, 7);
        let execs: Vec<String> = (0..301).map(|n| id("eec", n)).collect();
        scene.describe(EVIL, json!({"Config": {"User": "app", "Labels": {"execID": "x"}}, "ExecIDs": execs}));
        let evil =
            json!({"ContainerID": EVIL, "ProcessConfig": {"entrypoint": "id", "arguments": ["x"], "privileged": true}});
        let other = json!({"ContainerID": EVIL, "ProcessConfig": {"entrypoint": "true", "arguments": []}});
        for (number, exec) in execs.iter().enumerate() {
            scene.answer(&format!("/exec/{exec}/json"), if number == 0 { &evil } else { &other });
        }
        scene.happens("start", EVIL, &json!({"execID": "x"}));
        scene.comes_within(EVIL, 10);
        scene.happens("exec_start: id x", EVIL, &json!({"execID": "x"}));
    });
}

#[test]
fn commands_in_a_container_with_256() {
    let row = Attack {
        what: "ten commands in a container with the label `execID` and 256 commands of 2 ms each, and a privileged container that lives 0.4 s",
        stage: "questions",
        before: "no alert, CPU 0.21 s, peak +1 MiB, stays +1.3 MiB, level 4",
        peak: 16,
        cpu: 3,
    };
    row.play(|scene| {
        let execs: Vec<String> = (0..256).map(|n| id("eec", n)).collect();
        scene.describe("b0b0", json!({"Config": {"User": "app", "Labels": {"execID": "x"}}, "ExecIDs": execs}));
        scene.first(|path, asked| {
            let is_exec = path.starts_with("/exec/eec");
            if is_exec {
                std::thread::sleep(millis(2));
                asked.whole(&json!({"ContainerID": "b0b0", "ProcessConfig": {"entrypoint": "true"}}).to_string());
            }
            is_exec
        });
        scene.happens("start", "b0b0", &json!({"execID": "x"}));
        for number in 0..10 {
            scene.happens(&format!("exec_start: true {number}"), "b0b0", &json!({"execID": "x"}));
        }
        scene.short_evil(EVIL, millis(400));
    });
}

#[test]
fn a_privileged_command_that_is_gone() {
    let row = Attack {
        what: "a privileged command in a container that is gone when it is looked at",
        stage: "rules",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 3",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 7);
        scene.happens("exec_start: id x", EVIL, &json!({"execID": "60e"}));
        scene.happens("die", EVIL, &json!({"exitCode": "0"}));
    });
}

#[test]
fn a_container_that_lives_while_the_listener_restarts() {
    let row = Attack {
        what: "a container that lives while the listener restarts",
        stage: "restart",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 4",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.restart(|scene| {
            scene.want(EVIL, 7);
            for action in ["create", "start", "die", "destroy"] {
                scene.happens(action, EVIL, &json!({}));
            }
            // Older than what is too quick to be seen.
            std::thread::sleep(millis(400));
        });
    });
}
