//! Answers about containers, images, volumes and commands.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Attack, Scene, container, id};
use crate::{EVIL, millis, padded, root_volume, silent, volumes};

fn heavy(scene: &mut Scene, answer: String) {
    let answer = Arc::new(answer);
    scene.first(move |path, asked| {
        let is_heavy = path == "/containers/feed/json";
        if is_heavy {
            asked.whole(&answer);
        }
        is_heavy
    });
    scene.happens("create", "feed", &json!({}));
    scene.evil(EVIL);
}

#[test]
fn ten_million_mounts() {
    let row = Attack {
        what: "an answer of 31 MiB of `{},` as mounts",
        stage: "answers",
        before: "killed 1 times; no alert, CPU 0.01 s, peak +0 MiB, stays +0.0 MiB, level 7",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| heavy(scene, padded("feed", "\"Mounts\":[", "{}", 10_000_000, "]")));
}

#[test]
fn ten_million_arguments() {
    let row = Attack {
        what: "an answer of 31 MiB of `\"\",` as arguments",
        stage: "answers",
        before: "alert after 3.86 s, CPU 1.27 s, peak +466 MiB, stays +26.1 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| heavy(scene, padded("feed", "\"Path\":\"x\",\"Args\":[", "\"\"", 10_000_000, "]")));
}

#[test]
fn ten_million_execs() {
    let row = Attack {
        what: "an answer of 31 MiB of `\"\",` as commands",
        stage: "answers",
        before: "alert after 2.54 s, CPU 0.90 s, peak +458 MiB, stays +0.4 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| heavy(scene, padded("feed", "\"ExecIDs\":[", "\"\"", 10_000_000, "]")));
}

#[test]
fn a_million_devices() {
    let row = Attack {
        what: "an answer with 1,200,000 devices",
        stage: "answers, risks",
        before: "alert after 13.08 s, CPU 11.69 s, peak +163 MiB, stays +101.0 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        let mut answer = String::from("{\"Id\":\"feed\",\"Config\":{},\"HostConfig\":{\"Devices\":[");
        for number in 0..1_200_000 {
            let _ = write!(answer, "{}{{\"PathOnHost\":\"/x{number:x}\"}}", if number > 0 { "," } else { "" });
        }
        answer.push_str("]}}");
        heavy(scene, answer);
    });
}

#[test]
fn millions_of_capabilities() {
    let row = Attack {
        what: "an answer with 3,000,000 capabilities",
        stage: "answers, risks",
        before: "alert after 0.82 s, CPU 27.13 s, peak +320 MiB, stays +251.1 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        let mut answer = String::from("{\"Id\":\"feed\",\"Config\":{},\"HostConfig\":{\"CapAdd\":[");
        for number in 0..3_000_000 {
            let _ = write!(answer, "{}\"{number:x}\"", if number > 0 { "," } else { "" });
        }
        answer.push_str("]}}");
        heavy(scene, answer);
    });
}

#[test]
fn millions_of_ports() {
    let row = Attack {
        what: "an answer of 31 MiB of `{},` as bindings of one port",
        stage: "answers, risks",
        before: "killed 1 times; no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 7",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        heavy(scene, padded("feed", "\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[", "{}", 10_000_000, "]}}"));
    });
}

#[test]
fn millions_of_labels() {
    let row = Attack {
        what: "an answer with 2,000,000 labels",
        stage: "answers",
        before: "alert after 4.65 s, CPU 2.35 s, peak +482 MiB, stays +482.1 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        let mut answer = String::from("{\"Id\":\"feed\",\"Config\":{\"Labels\":{");
        for number in 0..2_000_000 {
            let _ = write!(answer, "{}\"{number:x}\":\"\"", if number > 0 { "," } else { "" });
        }
        answer.push_str("}}}");
        heavy(scene, answer);
    });
}

#[test]
fn a_main_process_of_30_megabytes() {
    let row = Attack {
        what: "a main process and a health check of 15 MiB of `a;` each",
        stage: "answers, commands",
        before: "alert after 0.81 s, CPU 0.27 s, peak +97 MiB, stays +97.9 MiB, level 12",
        peak: 64,
        cpu: 3,
    };
    row.play(|scene| {
        let command = "a;".repeat(7 << 20);
        let answer = json!({"Id": "feed", "Path": "x", "Args": [command],
            "Config": {"Healthcheck": {"Test": ["CMD", command]}}});
        heavy(scene, answer.to_string());
    });
}

#[test]
fn a_seccomp_profile_of_30_megabytes() {
    let row = Attack {
        what: "a seccomp profile of 20 MiB of `{},` and one of nesting",
        stage: "answers, risks",
        before: "alert after 0.79 s, CPU 0.61 s, peak +243 MiB, stays +18.1 MiB, level 12",
        peak: 96,
        cpu: 3,
    };
    row.play(|scene| {
        let profile =
            format!("seccomp={{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{}{{}}]}}", "{},".repeat(6 << 20));
        let answer = json!({"Id": "feed", "Config": {}, "HostConfig": {"SecurityOpt": [profile]}});
        heavy(scene, answer.to_string());
    });
}

#[test]
fn many_large_answers_at_once() {
    let row = Attack {
        what: "100 answers of 31 MiB that all wait for their last byte",
        stage: "answers",
        before: "killed 1 times; alert after 0.68 s, CPU 0.01 s, peak +0 MiB, stays +0.0 MiB, level 12",
        peak: 64,
        cpu: 6,
    };
    row.play(|scene| {
        let body = Arc::new(format!("{{\"Id\":\"x\",\"Config\":{{}},\"x\":\"{}\"", "y".repeat(31 << 20)));
        let open = Arc::new(AtomicBool::new(true));
        let is_open = Arc::clone(&open);
        scene.first(move |path, asked| {
            let is_large = path.starts_with("/containers/1a26e");
            if is_large {
                asked.raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 1));
                asked.raw(&body);
                while is_open.load(Ordering::Relaxed) {
                    std::thread::sleep(millis(20));
                }
                asked.raw("}");
            }
            is_large
        });
        for number in 0..100 {
            scene.happens("create", &id("1a26e", number), &json!({}));
        }
        std::thread::sleep(millis(4000));
        scene.evil(EVIL);
        std::thread::sleep(millis(500));
        open.store(false, Ordering::Relaxed);
    });
}

#[test]
fn pending_answers_about_volumes() {
    let row = Attack {
        what: "128 updates of a container with 3,000 anonymous volumes",
        stage: "answers, volumes",
        before: "no alert, CPU 23.70 s, peak +316 MiB, stays +265.3 MiB, level 7",
        peak: 48,
        cpu: 8,
    };
    row.play(|scene| {
        volumes(scene, 3000, millis(0));
        for _ in 0..128 {
            scene.happens("update", "7070", &json!({}));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn updates_of_containers_with_volumes_make_late() {
    let row = Attack {
        what: "three updates of a container with 300 volumes of 2 ms each, and a privileged container that lives 0.4 s",
        stage: "questions",
        before: "no alert, CPU 0.09 s, peak +0 MiB, stays +0.8 MiB, level 4",
        peak: 16,
        cpu: 3,
    };
    row.play(|scene| {
        volumes(scene, 300, millis(2));
        for _ in 0..3 {
            scene.happens("update", "7070", &json!({}));
        }
        scene.short_evil(EVIL, millis(400));
    });
}

#[test]
fn all_questions_are_taken() {
    let row = Attack {
        what: "128 containers about which the engine is silent, then a privileged one that lives 2 s",
        stage: "questions",
        before: "no alert, CPU 0.01 s, peak +2 MiB, stays +2.3 MiB, level 7",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        // The requests, which run on for up to a minute.
        scene.still_holds(5 << 10);
        silent(scene);
        for number in 0..140 {
            scene.happens("create", &id("51e7", number), &json!({}));
        }
        std::thread::sleep(millis(500));
        scene.short_evil(EVIL, millis(2000));
    });
}

#[test]
fn answers_that_drip() {
    let row = Attack {
        what: "140 containers whose answers come a byte at a time without an end, then a privileged one that lives 2 s",
        stage: "questions",
        before: "no alert, CPU 1.26 s, peak +227 MiB, stays +227.4 MiB, level 7",
        peak: 16,
        cpu: 3,
    };
    row.play(|scene| {
        // The requests, which run on for up to a minute.
        scene.still_holds(5 << 10);
        scene.first(|path, asked| {
            use std::io::Write as _;
            let drips = path.starts_with("/containers/d21b");
            if drips {
                asked.raw("HTTP/1.1 200 OK\r\n\r\n{\"Id\":\"");
                while asked.connection.write_all(b"x").is_ok() {
                    std::thread::sleep(millis(100));
                }
            }
            drips
        });
        for number in 0..140 {
            scene.happens("create", &id("d21b", number), &json!({}));
        }
        std::thread::sleep(millis(500));
        scene.short_evil(EVIL, millis(2000));
    });
}

#[test]
fn a_risk_that_comes_with_a_health_check_after_128_answers() {
    let row = Attack {
        what: "128 answers pending, and the next event of a privileged container is its health check",
        stage: "rules",
        before: "no alert, CPU 0.02 s, peak +2 MiB, stays +2.1 MiB, level 7",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        // The requests, which run on for up to a minute.
        scene.still_holds(5 << 10);
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&asked);
        scene.first(move |path, asked| {
            let is_silent = path.starts_with("/containers/51e7");
            if is_silent {
                use std::io::Read as _;
                counts.fetch_add(1, Ordering::SeqCst);
                let _ = asked.connection.read(&mut [0]);
            }
            is_silent
        });
        for number in 0..140 {
            scene.happens("create", &id("51e7", number), &json!({}));
        }
        // All questions that may be open are open then, or as many as there ever will be.
        for _ in 0..100 {
            if asked.load(Ordering::SeqCst) < 128 {
                std::thread::sleep(millis(50));
            }
        }
        probed(scene);
        scene.evil(EVIL);
        scene.comes_within(&format!("\"Action\": \"start\", \"Actor\": {{\"ID\": \"{EVIL}"), 10);
        // The others are told of as gone.
        scene.first(|_, _| false);
        scene.engine.engine.says.lock().unwrap().answers.retain(|path, _| !path.contains("51e7"));
        health_check(scene);
    });
}

/// The evil container has a health check.
fn probed(scene: &mut Scene) {
    let probe = json!({"ContainerID": EVIL, "ProcessConfig": {"entrypoint": "true", "arguments": ["x"]}});
    scene.answer("/exec/9a0be/json", &probe);
}

fn health_check(scene: &mut Scene) {
    let config = json!({"User": "app", "Healthcheck": {"Test": ["CMD", "true", "x"]}, "Labels": {}});
    scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}, "Config": config}));
    scene.happens("exec_create: true x", EVIL, &json!({"execID": "9a0be"}));
    scene.happens("exec_start: true x", EVIL, &json!({"execID": "9a0be"}));
    scene.happens("exec_die", EVIL, &json!({"execID": "9a0be", "exitCode": "0"}));
    std::thread::sleep(millis(500));
    scene.happens("die", EVIL, &json!({"exitCode": "0"}));
    scene.happens("destroy", EVIL, &json!({}));
    scene.forget(&format!("/containers/{EVIL}/json"));
}

#[test]
fn a_risk_that_comes_with_a_health_check_after_an_error() {
    let row = Attack {
        what: "the engine fails when a privileged container is made; its next event is its health check",
        stage: "rules",
        before: "no alert, CPU 0.01 s, peak +0 MiB, stays +0.0 MiB, level 7",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        probed(scene);
        scene.answer(&format!("/containers/{EVIL}/json"), &json!("not now"));
        scene.happens("create", EVIL, &json!({}));
        scene.happens("start", EVIL, &json!({}));
        scene.comes_within(&format!("\"Action\": \"start\", \"Actor\": {{\"ID\": \"{EVIL}"), 10);
        health_check(scene);
    });
}

#[test]
fn gone_once_and_there_again() {
    let row = Attack {
        what: "a privileged container is answered with 404 once, at its create, and is there from then on",
        stage: "questions",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 4",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        let first = AtomicBool::new(true);
        scene.first(move |path, asked| {
            let is_gone = path.contains(EVIL) && first.swap(false, Ordering::SeqCst);
            if is_gone {
                asked.raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            }
            is_gone
        });
        scene.evil(EVIL);
    });
}

#[test]
fn a_volume_that_is_refused_before_the_one_that_matters() {
    let row = Attack {
        what: "the engine refuses a container's first volume; the second is the host's root",
        stage: "questions, volumes",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 4",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        let mount = |name: &str| json!({"Type": "volume", "Name": name, "Driver": "local", "Source": "/v", "RW": true});
        scene.describe(EVIL, json!({"Mounts": [mount("a"), mount("z")]}));
        scene.answer("/volumes/z", &root_volume("none"));
        scene.happens("create", EVIL, &json!({}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn a_bind_that_calls_itself_tmpfs() {
    let row = Attack {
        what: "a volume `type=tmpfs,o=bind,device=/`: the kernel ignores the type of a bind",
        stage: "risks, volumes",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 4",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        let mount = json!({"Type": "volume", "Name": "z", "Driver": "local", "Source": "/v", "RW": true});
        scene.describe(EVIL, json!({"Mounts": [mount]}));
        scene.answer("/volumes/z", &root_volume("tmpfs"));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn proc_by_another_name() {
    let row = Attack {
        what: "a volume `type=proc,device=x`: the host's /proc, past every guard",
        stage: "risks, volumes",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 4",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 10);
        let mount = json!({"Type": "volume", "Name": "z", "Driver": "local", "Source": "/v", "RW": true});
        scene.describe(EVIL, json!({"Mounts": [mount]}));
        let options = json!({"type": "proc", "device": "x"});
        scene.answer("/volumes/z", &json!({"Name": "z", "Driver": "local", "Options": options}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn answers_in_forms_that_no_engine_has() {
    let row = Attack {
        what: "a privileged container's answer has nesting, 1e400, lone surrogates, keys twice or a wrong length",
        stage: "answers",
        before: "alert after 0.49 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 7",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        let host = "\"Config\":{\"User\":\"app\"},\"HostConfig\":{\"Privileged\":true}";
        let deep = format!("{{{host},\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (name, answer) in [
            ("f0a1", deep),
            ("f0a2", format!("{{{host},\"x\":1e400}}")),
            ("f0a3", format!("{{{host},\"x\":\"\\ud800\"}}")),
            ("f0a4", format!("{{{host},\"Name\":\"\\ud800\"}}")),
            ("f0a5", format!("{{\"HostConfig\":{{}},{host}}}")),
            ("f0a6", format!("{{{host},\"Mounts\":[null],\"Args\":[null]}}")),
            ("f0a7", format!("{{\"State\":{{\"ExitCode\":null}},{host}}}")),
            ("f0a8", "{\"Config\":{},\"HostConfig\":{\"Memory\":1.5,\"Privileged\":true}}".to_owned()),
            ("f0a9", "{\"Config\":{},\"HostConfig\":{\"Privileged\":true,\"CapAdd\":\"ALL\"}}".to_owned()),
        ] {
            scene.engine.engine.says.lock().unwrap().answers.insert(format!("/containers/{name}/json"), Some(answer));
            // An engine that lies can be no more than not believed.
            scene.want(name, 7);
            scene.happens("start", name, &json!({}));
        }
    });
}

#[test]
fn answers_cut_short() {
    let row = Attack {
        what: "a privileged container's answer ends before its Content-Length, each time",
        stage: "answers",
        before: "alert after 0.00 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 7",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 7);
        let answer = container(EVIL, json!({"HostConfig": {"Privileged": true}})).to_string();
        scene.first(move |path, asked| {
            let is_cut = path.contains(EVIL);
            if is_cut {
                asked.raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len() + 1));
            }
            is_cut
        });
        scene.happens("create", EVIL, &json!({}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn a_question_with_a_million_preliminary_answers() {
    let row = Attack {
        what: "40 answers that begin with 100,000 `100 Continue` each",
        stage: "HTTP",
        before: "alert after 0.59 s, CPU 0.39 s, peak +0 MiB, stays +0.6 MiB, level 12",
        peak: 24,
        cpu: 4,
    };
    row.play(|scene| {
        scene.first(|path, asked| {
            let is_long = path.starts_with("/containers/100c");
            if is_long {
                let heads = "HTTP/1.1 100 Continue\r\n\r\n".repeat(2500);
                for _ in 0..40 {
                    asked.raw(&heads);
                }
                asked.whole(&container("x", json!({})).to_string());
            }
            is_long
        });
        for number in 0..40 {
            scene.happens("create", &id("100c", number), &json!({}));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn too_large_to_look_at() {
    let row = Attack {
        what: "a privileged container whose answer has 33 MiB",
        stage: "answers",
        before: "alert after 0.40 s, CPU 0.03 s, peak +32 MiB, stays +12.9 MiB, level 12",
        peak: 48,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}, "X": "x".repeat(33 << 20)}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn too_large_and_too_late() {
    let row = Attack {
        what: "a privileged container whose answer has 33 MiB and comes after a second",
        stage: "answers",
        before: "level 7",
        peak: 48,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        let answer =
            container(EVIL, json!({"HostConfig": {"Privileged": true}, "X": "x".repeat(33 << 20)})).to_string();
        scene.first(move |path, asked| {
            let is_evil = path.starts_with(&format!("/containers/{EVIL}"));
            if is_evil {
                std::thread::sleep(millis(1000));
                asked.whole(&answer);
            }
            is_evil
        });
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn a_volume_that_is_silent_before_the_one_that_matters() {
    let row = Attack {
        what: "the engine is silent about a container's first volume; the second is the host's root",
        stage: "questions, volumes",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 7",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        let mount = |name: &str| json!({"Type": "volume", "Name": name, "Driver": "local", "Source": "/v", "RW": true});
        scene.describe(EVIL, json!({"Mounts": [mount("a"), mount("z")]}));
        scene.answer("/volumes/z", &root_volume("none"));
        scene.first(|path, asked| {
            let is_silent = path == "/volumes/a";
            if is_silent {
                use std::io::Read as _;
                let _ = asked.connection.read(&mut [0]);
            }
            is_silent
        });
        scene.happens("create", EVIL, &json!({}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn a_volume_of_a_million_folders() {
    let row = Attack {
        what: "a volume whose options name 3,000,000 lower folders",
        stage: "answers, volumes",
        before: "alert after 5.97 s, CPU 11.15 s, peak +419 MiB, stays +205.3 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        let mount = json!({"Type": "volume", "Name": "a", "Driver": "local", "Source": "/v", "RW": true});
        scene.describe("feed", json!({"Mounts": [mount]}));
        let folders = format!("lowerdir={}", "/a:".repeat(3_000_000));
        let options = json!({"type": "overlay", "device": "overlay", "o": folders});
        scene.answer("/volumes/a", &json!({"Name": "a", "Driver": "local", "Options": options}));
        scene.happens("create", "feed", &json!({}));
        scene.evil(EVIL);
    });
}

#[test]
fn volumes_of_a_megabyte_each() {
    let row = Attack {
        what: "a container with 200 volumes whose options have 1 MiB each",
        stage: "answers, volumes",
        before: "alert after 0.65 s, CPU 0.73 s, peak +402 MiB, stays +126.4 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        volumes(scene, 200, millis(0));
        let options = json!({"x": "y".repeat(1 << 20)});
        scene.first(move |path, asked| {
            let Some(name) = path.strip_prefix("/volumes/d0d0") else { return false };
            asked.whole(&json!({"Name": format!("d0d0{name}"), "Driver": "local", "Options": options}).to_string());
            true
        });
        scene.happens("create", "7070", &json!({}));
        scene.evil(EVIL);
    });
}

#[test]
fn mounts_times_volumes() {
    let row = Attack {
        what: "2,000 volumes, and 150,000 mounts of the last of them",
        stage: "answers, risks",
        before: "alert after 1.42 s, CPU 2.55 s, peak +114 MiB, stays +73.0 MiB, level 12",
        peak: 64,
        cpu: 3,
    };
    row.play(|scene| {
        volumes(scene, 2000, millis(0));
        let mount = |n: usize| json!({"Type": "volume", "Name": id("d0d0", n)});
        let mounts: Vec<Value> = (0..150_000).map(|n| mount(n.min(1999))).collect();
        scene.describe("7070", json!({ "Mounts": mounts }));
        scene.happens("create", "7070", &json!({}));
        scene.evil(EVIL);
    });
}

#[test]
fn a_hundred_thousand_binds() {
    let row = Attack {
        what: "a container with 150,000 binds, each to be looked at on the host",
        stage: "answers, host",
        before: "alert after 0.95 s, CPU 0.98 s, peak +101 MiB, stays +36.8 MiB, level 12",
        peak: 64,
        cpu: 3,
    };
    row.play(|scene| {
        let mounts: Vec<Value> =
            (0..150_000).map(|n| json!({"Type": "bind", "Source": format!("/srv/a/b/c/{n}")})).collect();
        scene.describe("feed", json!({ "Mounts": mounts }));
        scene.happens("create", "feed", &json!({}));
        scene.evil(EVIL);
    });
}

#[test]
fn a_command_of_ten_million_arguments() {
    let row = Attack {
        what: "the answer about a command has 31 MiB of `\"\",` as arguments",
        stage: "answers, commands",
        before: "alert after 2.15 s, CPU 0.98 s, peak +477 MiB, stays +38.8 MiB, level 12",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        let mut answer =
            String::from("{\"ContainerID\":\"aa00\",\"ProcessConfig\":{\"entrypoint\":\"a\",\"arguments\":[\"\"");
        answer.push_str(&",\"\"".repeat(10_000_000));
        answer.push_str("]}}");
        scene.first(move |path, asked| {
            let is_exec = path == "/exec/feed/json";
            if is_exec {
                asked.whole(&answer);
            }
            is_exec
        });
        scene.happens("exec_start: a", "aa00", &json!({"execID": "feed"}));
        scene.evil(EVIL);
    });
}

#[test]
fn an_image_that_is_silent() {
    let row = Attack {
        what: "the engine describes a privileged container and is silent about its image",
        stage: "questions",
        before: "alert after 0.50 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 12",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.first(|path, asked| {
            let is_silent = path.starts_with("/images/51e7");
            if is_silent {
                use std::io::Read as _;
                let _ = asked.connection.read(&mut [0]);
            }
            is_silent
        });
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"Image": "51e7", "HostConfig": {"Privileged": true}}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn an_answer_byte_by_byte() {
    let row = Attack {
        what: "one answer of 150 KB that comes byte by byte",
        stage: "HTTP",
        before: "killed 1 times; alert after 0.00 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 12",
        peak: 16,
        cpu: 4,
    };
    row.play(|scene| {
        scene.first(|path, asked| {
            use std::io::Write as _;
            let drips = path == "/containers/d21b/json";
            if drips {
                asked.raw("HTTP/1.1 200 OK\r\n\r\n{\"Config\":{},\"Id\":\"");
                for _ in 0..150_000 {
                    if asked.connection.write_all(b"x").is_err() {
                        break;
                    }
                    // Each byte shall be read by itself.
                    std::thread::sleep(Duration::from_micros(1));
                }
                asked.raw("\"}");
            }
            drips
        });
        scene.happens("create", "d21b", &json!({}));
        std::thread::sleep(millis(1000));
        scene.evil(EVIL);
    });
}
