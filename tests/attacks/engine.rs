//! What the engine says of itself.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::scene::{Attack, IMAGE, escaped, id};
use crate::{EVIL, endless, millis};

#[test]
fn an_engine_of_a_long_name() {
    let row = Attack {
        what: "the engine's version has 100 KB, and stands in every message",
        stage: "/version",
        before: "no alert, CPU 0.01 s, peak +0 MiB, stays +0.8 MiB, level 0",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        let version = "9".repeat(100_000);
        scene.first(move |path, asked| {
            let is_version = path == "/version" || path.ends_with("/version");
            if is_version {
                asked.whole(&format!(
                    r#"{{"Version":"{version}","ApiVersion":"1.41","Components":[{{"Name":"Engine","Version":"9"}}]}}"#
                ));
            }
            is_version
        });
        scene.engine.cut();
        std::thread::sleep(millis(500));
        scene.bystanders(5);
        scene.evil(EVIL);
    });
}

#[test]
fn a_ping_without_an_end() {
    let row = Attack {
        what: "the answer to a ping has 3 GB",
        stage: "/_ping",
        before: "killed 2 times; alert after 2.48 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 12",
        peak: 40,
        cpu: 4,
    };
    row.play(|scene| {
        let done = AtomicUsize::new(0);
        scene.first(move |path, asked| {
            let is_ping = path.ends_with("_ping") && done.fetch_add(1, Ordering::SeqCst) < 2;
            if is_ping {
                endless(asked);
            }
            is_ping
        });
        scene.engine.cut();
        scene.evil(EVIL);
    });
}

#[test]
fn a_version_without_an_end() {
    let row = Attack {
        what: "the answer to /version has 3 GB",
        stage: "/version",
        before: "killed 2 times; alert after 2.28 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 12",
        peak: 40,
        cpu: 4,
    };
    row.play(|scene| {
        let done = AtomicUsize::new(0);
        scene.first(move |path, asked| {
            let is_version = path.ends_with("/version") && done.fetch_add(1, Ordering::SeqCst) < 2;
            if is_version {
                endless(asked);
            }
            is_version
        });
        scene.engine.cut();
        scene.evil(EVIL);
    });
}

#[test]
fn a_clock_that_swallows() {
    let row = Attack {
        what: "another id and a clock an hour ahead in /info after a cut: what happened meanwhile counts as old",
        stage: "/info",
        before: "no alert, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 0",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        {
            let mut says = scene.engine.engine.says.lock().unwrap();
            "WXYZ:5678".clone_into(&mut says.id);
            says.clock_ahead = jiff::SignedDuration::from_hours(1);
        }
        scene.first(|path, _| {
            if path.starts_with("/_ping") {
                std::thread::sleep(millis(300));
            }
            false
        });
        // No event of the ring may be known, or it would be taken for the same engine.
        scene.engine.restart();
        // An engine that lies about its id and its clock could as well keep its events to itself: what it says of one
        // is believed, and only that it harms nothing else is held here.
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}}));
        scene.happens("create", EVIL, &json!({}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn a_history_without_an_end() {
    let row = Attack {
        what: "another engine's history of ten million short lines",
        stage: "history",
        before: "no alert, CPU 2.64 s, peak +375 MiB, stays +34.5 MiB, level 0",
        peak: 24,
        cpu: 12,
    };
    row.play(|scene| {
        "WXYZ:5678".clone_into(&mut scene.engine.engine.says.lock().unwrap().id);
        let done = AtomicUsize::new(0);
        scene.first(move |path, asked| {
            let is_history = path.contains("until=") && done.fetch_add(1, Ordering::SeqCst) < 2;
            if is_history {
                asked.head();
                for _ in 0..320 {
                    asked.chunk("0\n".repeat(32 << 10).as_bytes());
                }
                asked.end();
            }
            is_history
        });
        scene.engine.restart();
        crate::support::until("a subscriber", || (scene.engine.subscribers() > 0).then_some(()));
        scene.evil(EVIL);
    });
}

#[test]
fn images_with_ten_thousand_names_at_the_connect() {
    let row = Attack {
        what: "the list of images has one with 8,000 tags and 8,000 digests; a privileged container lives 1 s",
        stage: "/images/json",
        before: "no alert, CPU 8.59 s, peak +4 MiB, stays +4.5 MiB, level 4",
        peak: 32,
        cpu: 3,
    };
    row.play(|scene| {
        let list = json!([named_by_many(8000)]).to_string();
        scene.first(move |path, asked| {
            let is_list = path == "/images/json";
            if is_list {
                asked.whole(&list);
            }
            is_list
        });
        let before = scene.engine.subscribers();
        scene.engine.cut();
        crate::support::until("a subscriber", || (scene.engine.subscribers() > before.saturating_sub(1)).then_some(()));
        std::thread::sleep(millis(500));
        scene.bystanders(1);
        scene.short_evil(EVIL, millis(1000));
    });
}

fn named_by_many(count: usize) -> Value {
    let digest = "7".repeat(64);
    let tags: Vec<String> = (0..count).map(|n| format!("r{n}.example/team/app:{n}")).collect();
    let digests: Vec<String> = (0..count).map(|n| format!("r{n}.example/team/app@sha256:{digest}")).collect();
    json!({"Id": IMAGE, "RepoTags": tags, "RepoDigests": digests})
}

#[test]
fn a_tag_on_an_image_of_ten_thousand_names() {
    let row = Attack {
        what: "`docker tag` on an image with 8,000 tags and 8,000 digests; a privileged container lives 1 s",
        stage: "image",
        before: "no alert, CPU 8.10 s, peak +8 MiB, stays +7.3 MiB, level 4",
        peak: 32,
        cpu: 3,
    };
    row.play(|scene| {
        scene.answer("/images/many%3A1/json", &named_by_many(8000));
        scene.answer("/images/many/1/json", &named_by_many(8000));
        scene.answer(&format!("/images/{}/json", escaped("many:1")), &named_by_many(8000));
        let nano = scene.nano();
        scene.engine.publish_line(format!(
            r#"{{"Type":"image","Action":"tag","Actor":{{"ID":"{IMAGE}","Attributes":{{"name":"many:1"}}}},"timeNano":{nano}}}"#
        ));
        scene.short_evil(EVIL, millis(1000));
    });
}

#[test]
fn origins_of_many_digests_are_kept() {
    let row = Attack {
        what: "60 containers of an image with 20,000 digests",
        stage: "image",
        before: "alert after 0.34 s, CPU 1.80 s, peak +91 MiB, stays +91.1 MiB, level 12",
        peak: 48,
        cpu: 6,
    };
    row.play(|scene| {
        let mut image = named_by_many(20_000);
        image["RepoTags"] = json!([]);
        scene.answer("/images/manydigests/json", &image);
        for number in 0..60 {
            let id = id("d16", number);
            scene.describe(&id, json!({"Image": "manydigests"}));
            scene.happens("create", &id, &json!({}));
            std::thread::sleep(millis(30));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn a_hundred_thousand_tags() {
    let row = Attack {
        what: "20 pulls of an image with 100,000 tags",
        stage: "image",
        before: "alert after 0.66 s, CPU 0.49 s, peak +15 MiB, stays +9.1 MiB, level 12",
        peak: 96,
        cpu: 6,
    };
    row.play(|scene| {
        let mut image = named_by_many(100_000);
        image["RepoDigests"] = json!([]);
        let image = image.to_string();
        scene.first(move |path, asked| {
            let is_image = path.starts_with("/images/hub");
            if is_image {
                asked.whole(&image);
            }
            is_image
        });
        for number in 0..20 {
            let nano = scene.nano();
            scene.engine.publish_line(format!(
                r#"{{"Type":"image","Action":"pull","Actor":{{"ID":"hub{number}.example/a:1","Attributes":{{"name":"hub{number}.example/a"}}}},"timeNano":{nano}}}"#
            ));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn ids_of_images_are_kept() {
    let row = Attack {
        what: "the list of images has 8,000 with ids of 3 KB",
        stage: "/images/json, tags file",
        before: "alert after 0.19 s, CPU 0.24 s, peak +83 MiB, stays +60.7 MiB, level 12",
        peak: 64,
        cpu: 3,
    };
    row.play(|scene| {
        let id = "x".repeat(3000);
        let images: Vec<Value> =
            (0..8000).map(|n| json!({"Id": format!("{id}{n}"), "RepoTags": [format!("r.example/a:{n}")]})).collect();
        let list = json!(images).to_string();
        scene.first(move |path, asked| {
            let is_list = path == "/images/json";
            if is_list {
                asked.whole(&list);
            }
            is_list
        });
        scene.engine.cut();
        std::thread::sleep(millis(1500));
        scene.bystanders(1);
        scene.evil(EVIL);
    });
}

#[test]
fn podmans_history_of_millions() {
    let row = Attack {
        what: "the engine calls itself Podman, and its history has three million lines",
        stage: "history",
        before: "alert after 0.01 s, CPU 0.59 s, peak +2 MiB, stays +2.0 MiB, level 12",
        peak: 24,
        cpu: 12,
    };
    row.play(|scene| {
        scene.first(move |path, asked| {
            match path.split('?').next().unwrap() {
                "/version" => asked.whole(
                    r#"{"Version":"5","ApiVersion":"1.41","Components":[{"Name":"Podman Engine","Version":"5"}]}"#,
                ),
                "/events" if path.contains("stream=false") => {
                    asked.head();
                    for part in 0..300 {
                        let lines: String = (0..10_000).fold(String::new(), |mut lines, line| {
                            let _ = writeln!(lines, "{{\"x\":{}}}", part * 10_000 + line);
                            lines
                        });
                        asked.chunk(lines.as_bytes());
                    }
                    asked.end();
                }
                _ => return false,
            }
            true
        });
        scene.engine.cut();
        std::thread::sleep(millis(3000));
        crate::support::until("a subscriber", || (scene.engine.subscribers() > 0).then_some(()));
        scene.evil(EVIL);
    });
}
