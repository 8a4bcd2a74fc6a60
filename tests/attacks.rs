//! What somebody with the engine's socket, or with nothing but an image, can do to kill the listener, to blind it or to
//! make it late; each attack with what it costs and what is seen all the same.
//!
//! `cargo test --release --test attacks -- --nocapture | grep '^|'` prints the rows of tests/FAULTS.md. With `MEASURE=1`
//! nothing is asserted, and `LISTENER=path` measures another program: that is how the figures of before were made.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    missing_docs
)]

#[path = "attacks/scene.rs"]
mod scene;
mod support;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scene::{Attack, IMAGE, Scene, container, escaped, id, ordinary};
use serde_json::{Value, json};
use support::engines::Engine;
use support::{Program, Wazuh};

const EVIL: &str = "e11e11e11e11";

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

// ---- labels: one line that costs too much ----

/// A label of so many dots, beside one that has to give way.
fn dots(scene: &mut Scene, count: usize, other: &str) {
    let labels = format!(",{other},\"a{}\":\"v\"", ".a".repeat(count));
    scene.happens_raw("create", "d075", &labels);
}

#[test]
fn a_label_of_20_000_dots() {
    let row = Attack { what: "a label of 20,000 dots beside `Name`", stage: "labels", before: "", peak: 16, cpu: 1 };
    row.play(|scene| {
        dots(scene, 20_000, r#""Name":"x""#);
        scene.evil(EVIL);
    });
}

#[test]
fn a_label_of_80_000_dots() {
    let row = Attack { what: "a label of 80,000 dots beside `Name`", stage: "labels", before: "", peak: 16, cpu: 1 };
    row.play(|scene| {
        dots(scene, 80_000, r#""Name":"x""#);
        scene.evil(EVIL);
    });
}

#[test]
fn a_label_of_80_000_dots_in_the_ring_at_each_start() {
    let row = Attack {
        what: "the same, waiting in the engine's ring for each start",
        stage: "labels, restart",
        before: "",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        scene.restart(|scene| dots(scene, 80_000, r#""Name":"x""#));
        scene.evil(EVIL);
    });
}

#[test]
fn a_label_of_200_000_dots_and_a_bracket() {
    let row = Attack {
        what: "a label of 200,000 dots beside a value that begins with `[`",
        stage: "labels",
        before: "",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        dots(scene, 200_000, r#""b":"[""#);
        scene.evil(EVIL);
    });
}

#[test]
fn many_labels_of_many_dots() {
    let row = Attack { what: "250 labels of 2,000 dots each", stage: "labels", before: "", peak: 16, cpu: 1 };
    row.play(|scene| {
        let mut labels = String::from(r#","Name":"x""#);
        for number in 0..250 {
            let _ = write!(labels, ",\"l{number}{}\":\"v\"", ".a".repeat(2000));
        }
        scene.happens_raw("create", "d075", &labels);
        scene.evil(EVIL);
    });
}

/// One name in so many of its cases.
fn cases(count: usize) -> String {
    let mut labels = String::new();
    for number in 0..count {
        let name: String = "abcdefghijklmn"
            .chars()
            .enumerate()
            .map(|(bit, c)| if number >> bit & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        let _ = write!(labels, ",\"{name}\":\"\"");
    }
    labels
}

#[test]
fn one_label_in_all_its_cases() {
    let row = Attack {
        what: "16,384 labels that are one name in all cases of 14 letters",
        stage: "labels",
        before: "",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        scene.happens_raw("create", "ca5e", &cases(16_384));
        scene.evil(EVIL);
    });
}

#[test]
fn numbers_that_are_taken() {
    let row = Attack {
        what: "8,000 labels `label:a:2`, `label:a:3`, …, and 256 that would have to be called so",
        stage: "labels",
        before: "",
        peak: 16,
        cpu: 1,
    };
    row.play(|scene| {
        let mut labels = String::new();
        for number in 2..8002 {
            let _ = write!(labels, ",\"label:abcdefgh:{number}\":\"\"");
        }
        for number in 0..256 {
            let name: String = "abcdefgh"
                .chars()
                .enumerate()
                .map(|(bit, c)| if number >> bit & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            let _ = write!(labels, ",\"{name}\":\"\"");
        }
        scene.happens_raw("create", "ca5e", &labels);
        scene.evil(EVIL);
    });
}

#[test]
fn a_hundred_thousand_labels() {
    let row =
        Attack { what: "100,000 labels, unsorted, in five events", stage: "labels", before: "", peak: 64, cpu: 3 };
    row.play(|scene| {
        for _ in 0..5 {
            let mut labels = String::new();
            for number in 0..100_000_usize {
                let _ = write!(labels, ",\"{:x}\":\"\"", number.wrapping_mul(40_503) & 0xf_ffff);
            }
            labels.truncate(1_000_000);
            labels.truncate(labels.rfind(',').unwrap());
            scene.happens_raw("create", "1abe1", &labels);
        }
        scene.evil(EVIL);
    });
}

#[test]
fn hidden_characters_by_the_megabyte() {
    let row = Attack { what: "a label of 300,000 hidden characters", stage: "labels", before: "", peak: 24, cpu: 1 };
    row.play(|scene| {
        let labels = format!(",\"x\":\"{}\"", "\u{202e}".repeat(300_000));
        scene.happens_raw("create", "41dde2", &labels);
        scene.evil(EVIL);
    });
}

// ---- redaction ----

#[test]
fn commands_full_of_passwords() {
    let row = Attack {
        what: "eight commands of 400 KB of `--password=x `, and a privileged container that lives 0.4 s",
        stage: "redaction",
        before: "",
        peak: 32,
        cpu: 4,
    };
    row.play(|scene| {
        let command = "--password=x ".repeat(400_000 / 13);
        for number in 0..8 {
            scene.happens(&format!("exec_create: {command}{number}"), "aa00", &json!({"execID": "none"}));
        }
        scene.short_evil(EVIL, millis(400));
    });
}

#[test]
fn a_command_in_which_every_rule_finds_something() {
    let row = Attack {
        what: "a command of 900 KB in which every redaction rule finds something, and a privileged container that lives 1 s",
        stage: "redaction",
        before: "",
        peak: 48,
        cpu: 4,
    };
    row.play(|scene| {
        let all = "--password=x PASSWORD=x \"password\":\"x\" curl -u a:b htpasswd -b f u p rabbitmqctl add_user u p \
                   -passin pass:x authorization: basic x x-api-key: x bearer abcdefghijklmnopq h://u:p@h \
                   h://abcdefghijklmnopqrstuv@ -----BEGIN PRIVATE KEY-----x-----END AKIAABCDEFGHIJKLMNOP smbclient -U a%b \
                   sshpass -p x docker login -p x mysql -px redis-cli -a x ldapsearch -w x sqlcmd -P x ; ";
        let command = all.replace('"', "'").repeat(900_000 / all.len() / 2);
        let line = scene.line(&format!("exec_create: {command}"), "aa00", &json!({"execID": "none"}));
        let older = line.replacen('{', &format!("{{\"status\":\"exec_create: {}\",", command.replace('\\', "")), 1);
        scene.engine.publish_line(older);
        scene.short_evil(EVIL, millis(1000));
    });
}

#[test]
fn a_workload_label_with_a_secret() {
    let row =
        Attack { what: "a secret in `com.docker.compose.project`", stage: "redaction", before: "", peak: 8, cpu: 1 };
    row.play(|scene| {
        scene.happens("create", "5ec2e7", &json!({"com.docker.compose.project": "x --password=hunter2hunter2"}));
        scene.evil(EVIL);
        scene.comes_within("5ec2e7", 10);
        let shown = scene.messages_with("hunter2hunter2").next().is_some();
        scene.holds(!shown, "the secret was sent");
    });
}

#[test]
fn a_secret_across_the_cut_of_a_head() {
    let row = Attack {
        what: "a secret that straddles the end of an oversized line's head",
        stage: "redaction",
        before: "",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        let start = r#"{"Type":"container","Action":"exec_create: "#;
        let key = "-----BEGIN PRIVATE KEY-----";
        let mut line = format!("{start}{}{key}", "x".repeat(1024 - start.len() - 12));
        line.push_str(&"MIIEvQIBADANBg".repeat(80_000));
        scene.engine.publish_line(line);
        // A token is known by its length, and of this one the head holds two thirds.
        let mut line = format!("{start}{} ", "x".repeat(1024 - start.len() - 30));
        line.push_str("ghp_hunter2hunter2hunter2hunter2hunter2hunter2");
        line.push_str(&" y".repeat(600_000));
        scene.engine.publish_line(line);
        scene.evil(EVIL);
        scene.comes_within("line_oversized", 10);
        let shown = scene.messages_with("ghp_hunter2hunter2").next().is_some();
        scene.holds(!shown, "the secret was sent");
    });
}

// ---- the line itself ----

#[test]
fn nesting_costs_no_line() {
    let row = Attack {
        what: "nesting of 2,000 levels beside a dangerous container's start",
        stage: "JSON",
        before: "",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}}));
        let labels = format!(",\"x\":{}{}", "[".repeat(2000), "]".repeat(2000));
        scene.happens_raw("start", EVIL, &labels);
        let came = scene.comes_within(&format!("\"ID\": \"{EVIL}\""), 10);
        scene.holds(came, "the fields that can be read are not there");
    });
}

#[test]
fn a_number_costs_no_line() {
    let row = Attack { what: "1e400 beside a dangerous container's start", stage: "JSON", before: "", peak: 8, cpu: 1 };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}}));
        scene.happens_raw("start", EVIL, ",\"x\":1e400");
        let came = scene.comes_within(&format!("\"ID\": \"{EVIL}\""), 10);
        scene.holds(came, "the fields that can be read are not there");
    });
}

#[test]
fn times_that_make_no_sense() {
    let row = Attack {
        what: "time stamps that are negative, huge, fractions, texts and null",
        stage: "JSON",
        before: "",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        for (number, time) in
            ["-1", "-9223372036854775808", "18446744073709551615", "1e300", "0.5", "\"x\"", "null", "[]", "{}"]
                .into_iter()
                .enumerate()
        {
            for field in ["time", "timeNano"] {
                let id = id("71e", number);
                scene.want(&id, 1);
                scene.engine.publish_line(format!(
                    r#"{{"Type":"container","Action":"oom","Actor":{{"ID":"{id}","Attributes":{{"image":"bb:1","name":"web"}}}},"{field}":{time}}}"#
                ));
            }
        }
        scene.evil(EVIL);
    });
}

#[test]
fn keys_twice_and_in_other_cases() {
    let row = Attack {
        what: "an event with each key twice and in other cases, to be taken for another",
        stage: "JSON",
        before: "",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}}));
        let nano = scene.nano();
        scene.engine.publish_line(format!(
            r#"{{"type":"network","TYPE":"network","Type":"x","action":"top","ACTOR":{{"ID":"x"}},"Action":"x","docker_listener":{{"exec":{{"probe":"true"}}}},"Actor":{{"id":"x","ID":"x","Attributes":{{}}}},"Type":"container","Action":"start","Actor":{{"ID":"{EVIL}","id":"y","Attributes":{{"image":"bb:1","name":"web"}}}},"timeNano":{nano}}}"#
        ));
    });
}

#[test]
fn many_fields_that_nobody_knows() {
    let row = Attack {
        what: "100,000 fields beside the event's own, to push the rest past analysisd's 256",
        stage: "message",
        before: "",
        peak: 64,
        cpu: 2,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}}));
        let mut other = String::new();
        for number in 0..90_000 {
            let _ = write!(other, "\"{number:x}\":0,");
        }
        let nano = scene.nano();
        scene.engine.publish_line(format!(
            r#"{{{other}"Type":"container","Action":"start","Actor":{{"ID":"{EVIL}","Attributes":{{"image":"bb:1","name":"web"}}}},"timeNano":{nano}}}"#
        ));
    });
}

#[test]
fn all_risks_and_all_fields_at_once() {
    let row = Attack {
        what: "every risk with a detail of 1 MiB, 300 labels, each workload label, a forged exit code",
        stage: "message",
        before: "",
        peak: 64,
        cpu: 2,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        let long = "x".repeat(100_000);
        scene.describe(
            EVIL,
            json!({"Path": "nc", "Args": ["-e", long], "AppArmorProfile": "unconfined",
            "Config": {"User": "", "Labels": {"exitCode": "0"}, "Healthcheck": {"Test": ["CMD-SHELL", format!("curl http://{long}")]}},
            "HostConfig": {"Privileged": true, "PidMode": "host", "NetworkMode": "host", "IpcMode": "host", "UTSMode": "host",
                "UsernsMode": "host", "CapAdd": ["ALL", "BPF", long], "SecurityOpt": ["seccomp=unconfined", "label=disable"],
                "Devices": [{"PathOnHost": format!("/dev/{long}")}], "PublishAllPorts": true},
            "Mounts": [{"Type": "bind", "Source": "/", "RW": true, "Propagation": "shared", "Destination": long}]}),
        );
        let mut labels = String::from(",\"exitCode\":\"0\",\"com.docker.compose.project\":\"p\",\"wazuh.core\":\"true\"");
        for number in 0..300 {
            let _ = write!(labels, ",\"l{number}\":\"{}\"", "y".repeat(2000));
        }
        scene.happens_raw("start", EVIL, &labels);
    });
}

#[test]
fn a_line_that_never_ends() {
    let row = Attack {
        what: "a line of 8 MiB that does not end: is its loss reported before it does?",
        stage: "lines",
        before: "",
        peak: 12,
        cpu: 1,
    };
    row.play(|scene| {
        // The engine's own thread writes a line with its end; so this one brings its own stream.
        let held = Arc::new(AtomicBool::new(true));
        let holds = Arc::clone(&held);
        scene.first(move |path, asked| {
            if path != "/events?since=0" || !holds.load(Ordering::Relaxed) {
                return false;
            }
            asked.head();
            for _ in 0..128 {
                asked.chunk("x".repeat(64 << 10).as_bytes());
            }
            support::until("the end of the test", || (!holds.load(Ordering::Relaxed)).then_some(()));
            asked.line("");
            true
        });
        scene.engine.cut();
        let told = scene.comes_within("line_oversized", 5);
        scene.holds(told, "nothing was said of it while it went on");
        held.store(false, Ordering::Relaxed);
        scene.evil(EVIL);
    });
}

/// Bytes for a stream of their own, before the one that follows.
fn stream(scene: &mut Scene, pieces: impl Fn(&mut support::Asked) + Send + Sync + 'static) {
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    scene.first(move |path, asked| {
        if path != "/events?since=0" || is_done.swap(true, Ordering::SeqCst) {
            return false;
        }
        pieces(asked);
        true
    });
    scene.engine.cut();
    support::until("the hostile stream", || done.load(Ordering::SeqCst).then_some(()));
}

#[test]
fn empty_lines_by_the_million() {
    let row = Attack { what: "48 million empty lines", stage: "lines", before: "", peak: 16, cpu: 2 };
    row.play(|scene| {
        stream(scene, |asked| {
            asked.head();
            for _ in 0..768 {
                asked.chunk("\n".repeat(64 << 10).as_bytes());
            }
            asked.end();
        });
        scene.evil(EVIL);
    });
}

#[test]
fn lines_that_are_no_json_by_the_million() {
    let row = Attack {
        what: "two million different lines that are no JSON, then a privileged container",
        stage: "lines, ingest",
        before: "",
        peak: 64,
        cpu: 20,
    };
    row.play(|scene| {
        stream(scene, |asked| {
            asked.head();
            for part in 0..200 {
                let lines: String = (0..10_000).fold(String::new(), |mut lines, line| {
                    let _ = writeln!(lines, "{}", part * 10_000 + line);
                    lines
                });
                asked.chunk(lines.as_bytes());
            }
            asked.end();
        });
        scene.evil(EVIL);
    });
}

#[test]
fn a_chunk_size_byte_by_byte() {
    let row = Attack {
        what: "200 chunks whose size line has an extension of 60 KB, sent byte by byte",
        stage: "HTTP",
        before: "",
        peak: 8,
        cpu: 2,
    };
    row.play(|scene| {
        stream(scene, |asked| {
            asked.head();
            for _ in 0..20 {
                asked.raw("1;");
                for _ in 0..30_000 {
                    asked.raw("aa");
                }
                asked.raw("\r\n\n\r\n");
            }
            asked.end();
        });
        scene.evil(EVIL);
    });
}

#[test]
fn a_head_byte_by_byte() {
    let row = Attack {
        what: "the stream's head has 60 KB and comes byte by byte",
        stage: "HTTP",
        before: "",
        peak: 8,
        cpu: 2,
    };
    row.play(|scene| {
        stream(scene, |asked| {
            asked.raw("HTTP/1.1 200 OK\r\nX: ");
            for _ in 0..60_000 {
                asked.raw("a");
            }
            asked.raw("\r\nContent-Length: 1\r\n\r\n\n");
        });
        scene.evil(EVIL);
    });
}

#[test]
fn a_million_preliminary_heads() {
    let row =
        Attack { what: "two million `100 Continue` before the stream", stage: "HTTP", before: "", peak: 8, cpu: 3 };
    row.play(|scene| {
        stream(scene, |asked| {
            let heads = "HTTP/1.1 100 Continue\r\n\r\n".repeat(2500);
            for _ in 0..800 {
                asked.raw(&heads);
            }
            asked.raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\n");
        });
        scene.evil(EVIL);
    });
}

#[test]
fn an_engine_that_ends_after_each_line() {
    let row = Attack {
        what: "the engine ends the stream after each of 300 lines",
        stage: "connection",
        before: "",
        peak: 8,
        cpu: 3,
    };
    row.play(|scene| {
        scene.engine.cut_after(1);
        scene.engine.cut();
        scene.bystanders(300);
        scene.evil(EVIL);
    });
}

#[test]
fn a_ring_of_large_lines() {
    let row = Attack {
        what: "200 lines of 900 KB in the ring, read again after each of 20 cuts",
        stage: "connection, hashes",
        before: "",
        peak: 24,
        cpu: 12,
    };
    row.play(|scene| {
        for number in 0..200 {
            let name = "y".repeat(900_000);
            let line = scene.line("top", &id("1a26e", number), &json!({"x": name}));
            scene.engine.publish_line(line);
        }
        for _ in 0..20 {
            scene.engine.cut();
            std::thread::sleep(millis(100));
        }
        scene.evil(EVIL);
    });
}

// ---- what the engine says of itself ----

#[test]
fn an_engine_of_a_long_name() {
    let row = Attack {
        what: "the engine's version has 100 KB, and stands in every message",
        stage: "/version",
        before: "",
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

fn endless(asked: &mut support::Asked) {
    use std::io::Write as _;
    asked.raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\"");
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..3000 {
        if asked.connection.write_all(&piece).is_err() {
            return;
        }
    }
}

#[test]
fn a_ping_without_an_end() {
    let row = Attack { what: "the answer to a ping has 3 GB", stage: "/_ping", before: "", peak: 40, cpu: 4 };
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
    let row = Attack { what: "the answer to /version has 3 GB", stage: "/version", before: "", peak: 40, cpu: 4 };
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
        before: "",
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
        scene.evil(EVIL);
    });
}

#[test]
fn a_history_without_an_end() {
    let row = Attack {
        what: "another engine's history of ten million short lines",
        stage: "history",
        before: "",
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
        support::until("a subscriber", || (scene.engine.subscribers() > 0).then_some(()));
        scene.evil(EVIL);
    });
}

#[test]
fn images_with_ten_thousand_names_at_the_connect() {
    let row = Attack {
        what: "the list of images has one with 8,000 tags and 8,000 digests; a privileged container lives 1 s",
        stage: "/images/json",
        before: "",
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
        support::until("a subscriber", || (scene.engine.subscribers() > before.saturating_sub(1)).then_some(()));
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
        before: "",
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
    let row =
        Attack { what: "60 containers of an image with 20,000 digests", stage: "image", before: "", peak: 48, cpu: 6 };
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
    let row = Attack { what: "20 pulls of an image with 100,000 tags", stage: "image", before: "", peak: 96, cpu: 6 };
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

// ---- answers ----

/// A container whose answer has so many of these in the place of this array.
fn padded(id: &str, before: &str, item: &str, count: usize, after: &str) -> String {
    let mut answer = format!("{{\"Id\":\"{id}\",\"Config\":{{}},{before}");
    for place in 0..count {
        answer.push_str(if place > 0 { "," } else { "" });
        answer.push_str(item);
    }
    answer.push_str(after);
    answer.push('}');
    answer
}

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
    let row = Attack { what: "an answer of 31 MiB of `{},` as mounts", stage: "answers", before: "", peak: 48, cpu: 3 };
    row.play(|scene| heavy(scene, padded("feed", "\"Mounts\":[", "{}", 10_000_000, "]")));
}

#[test]
fn ten_million_arguments() {
    let row =
        Attack { what: "an answer of 31 MiB of `\"\",` as arguments", stage: "answers", before: "", peak: 48, cpu: 3 };
    row.play(|scene| heavy(scene, padded("feed", "\"Path\":\"x\",\"Args\":[", "\"\"", 10_000_000, "]")));
}

#[test]
fn ten_million_execs() {
    let row =
        Attack { what: "an answer of 31 MiB of `\"\",` as commands", stage: "answers", before: "", peak: 48, cpu: 3 };
    row.play(|scene| heavy(scene, padded("feed", "\"ExecIDs\":[", "\"\"", 10_000_000, "]")));
}

#[test]
fn a_million_devices() {
    let row =
        Attack { what: "an answer with 1,200,000 devices", stage: "answers, risks", before: "", peak: 48, cpu: 3 };
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
    let row =
        Attack { what: "an answer with 3,000,000 capabilities", stage: "answers, risks", before: "", peak: 48, cpu: 3 };
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
        before: "",
        peak: 48,
        cpu: 3,
    };
    row.play(|scene| {
        heavy(scene, padded("feed", "\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[", "{}", 10_000_000, "]}}"));
    });
}

#[test]
fn millions_of_labels() {
    let row = Attack { what: "an answer with 2,000,000 labels", stage: "answers", before: "", peak: 48, cpu: 3 };
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
        before: "",
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
        before: "",
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
        before: "",
        peak: 48,
        cpu: 8,
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
        before: "",
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

/// A container with so many volumes, of which the engine tells each after a while.
fn volumes(scene: &mut Scene, count: usize, each: Duration) {
    let mounts: Vec<Value> = (0..count)
        .map(|n| json!({"Type": "volume", "Name": id("d0d0", n), "Driver": "local", "Source": format!("/x/{n}"), "RW": true}))
        .collect();
    scene.describe("7070", json!({ "Mounts": mounts }));
    scene.first(move |path, asked| {
        let Some(name) = path.strip_prefix("/volumes/d0d0") else { return false };
        std::thread::sleep(each);
        asked.whole(&json!({"Name": format!("d0d0{name}"), "Driver": "local", "Options": null}).to_string());
        true
    });
}

#[test]
fn updates_of_containers_with_volumes_make_late() {
    let row = Attack {
        what: "three updates of a container with 300 volumes of 2 ms each, and a privileged container that lives 0.4 s",
        stage: "questions",
        before: "",
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
        before: "",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        silent(scene);
        for number in 0..140 {
            scene.happens("create", &id("51e7", number), &json!({}));
        }
        std::thread::sleep(millis(500));
        scene.short_evil(EVIL, millis(2000));
    });
}

/// Containers about which the engine is silent.
fn silent(scene: &Scene) {
    scene.first(|path, asked| {
        let is_silent = path.starts_with("/containers/51e7");
        if is_silent {
            use std::io::Read as _;
            let _ = asked.connection.read(&mut [0]);
        }
        is_silent
    });
}

#[test]
fn answers_that_drip() {
    let row = Attack {
        what: "140 containers whose answers come a byte at a time without an end, then a privileged one that lives 2 s",
        stage: "questions",
        before: "",
        peak: 16,
        cpu: 3,
    };
    row.play(|scene| {
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
        before: "",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        silent(scene);
        for number in 0..140 {
            scene.happens("create", &id("51e7", number), &json!({}));
        }
        std::thread::sleep(millis(300));
        probed(scene);
        scene.evil(EVIL);
        std::thread::sleep(millis(300));
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
        before: "",
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
        before: "",
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
        before: "",
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

fn root_volume(kind: &str) -> Value {
    json!({"Name": "z", "Driver": "local", "Options": {"type": kind, "o": "bind", "device": "/"}})
}

#[test]
fn a_bind_that_calls_itself_tmpfs() {
    let row = Attack {
        what: "a volume `type=tmpfs,o=bind,device=/`: the kernel ignores the type of a bind",
        stage: "risks, volumes",
        before: "",
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
        what: "a volume `type=proc,device=none`: the host's /proc, past every guard",
        stage: "risks, volumes",
        before: "",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 10);
        let mount = json!({"Type": "volume", "Name": "z", "Driver": "local", "Source": "/v", "RW": true});
        scene.describe(EVIL, json!({"Mounts": [mount]}));
        let options = json!({"type": "proc", "device": "none"});
        scene.answer("/volumes/z", &json!({"Name": "z", "Driver": "local", "Options": options}));
        scene.happens("start", EVIL, &json!({}));
    });
}

#[test]
fn answers_in_forms_that_no_engine_has() {
    let row = Attack {
        what: "a privileged container's answer has nesting, 1e400, lone surrogates, keys twice or a wrong length",
        stage: "answers",
        before: "",
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
            scene.want(name, 12);
            scene.happens("start", name, &json!({}));
        }
    });
}

#[test]
fn answers_cut_short() {
    let row = Attack {
        what: "a privileged container's answer ends before its Content-Length, each time",
        stage: "answers",
        before: "",
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
        before: "",
        peak: 16,
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
        before: "",
        peak: 48,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}, "X": "x".repeat(33 << 20)}));
        scene.happens("start", EVIL, &json!({}));
    });
}

// ---- memory that is kept ----

#[test]
fn health_checks_are_kept() {
    let row = Attack {
        what: "200 containers with a health check of 1 MiB each",
        stage: "memory",
        before: "",
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
        before: "",
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
    let row = Attack { what: "200 containers whose user is 1 MiB long", stage: "memory", before: "", peak: 64, cpu: 6 };
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
        before: "",
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

// ---- commands ----

#[test]
fn a_privileged_command_among_300() {
    let row = Attack {
        what: "a privileged command, made before 300 others in a container with the label `execID`",
        stage: "commands",
        before: "",
        peak: 16,
        cpu: 3,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
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
        before: "",
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
        before: "",
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
        before: "",
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

// ---- floods ----

#[test]
fn a_flood_of_exec_create() {
    let row = Attack {
        what: "2,500 `exec_create` a second for 6 s, the engine answers in 1.5 ms, a privileged container that lives 0.4 s in the middle",
        stage: "questions, ingest",
        before: "",
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
        before: "",
        peak: 32,
        cpu: 4,
    };
    row.play_with(&json!({"max_events_per_second": 400}), |scene| {
        for number in 0..6000 {
            scene.happens("top", "aa00", &json!({"x": number.to_string()}));
        }
        scene.evil(EVIL);
    });
}

#[test]
fn a_flood_that_fills_the_memory() {
    let row = Attack {
        what: "4,000 lines of 50 KB faster than they are judged, with a backlog of 16 MiB, and a privileged container in the middle",
        stage: "ingest",
        before: "",
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
        before: "",
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
fn sixteen_thousand_containers() {
    let row = Attack {
        what: "5,000 containers, to have those before forgotten; then a forged end of one of them",
        stage: "memory",
        before: "",
        peak: 16,
        cpu: 10,
    };
    row.play(|scene| {
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
        before: "",
        peak: 16,
        cpu: 2,
    };
    row.play(|scene| {
        let _ = ordinary(0);
        scene.bystanders(2000);
        scene.short_evil(EVIL, millis(400));
    });
}

#[test]
fn an_answer_byte_by_byte() {
    let row =
        Attack { what: "one answer of 150 KB that comes byte by byte", stage: "HTTP", before: "", peak: 16, cpu: 4 };
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

#[test]
fn a_volume_that_is_silent_before_the_one_that_matters() {
    let row = Attack {
        what: "the engine is silent about a container's first volume; the second is the host's root",
        stage: "questions, volumes",
        before: "",
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
        before: "",
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
        before: "",
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
        before: "",
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
        before: "",
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
fn ids_of_images_are_kept() {
    let row = Attack {
        what: "the list of images has 8,000 with ids of 3 KB",
        stage: "/images/json, tags file",
        before: "",
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
fn a_command_of_ten_million_arguments() {
    let row = Attack {
        what: "the answer about a command has 31 MiB of `\"\",` as arguments",
        stage: "answers, commands",
        before: "",
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
        what: "the engine tells of a privileged container and is silent about its image",
        stage: "questions",
        before: "",
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
fn fifty_privileged_containers_at_once() {
    let row = Attack {
        what: "50 privileged containers at once that live 0.4 s, of an engine that takes 20 ms for an answer",
        stage: "questions",
        before: "",
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
        before: "",
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

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_line() {
    let row = Attack {
        what: "the connection breaks in the middle of the line that matters",
        stage: "lines",
        before: "",
        peak: 8,
        cpu: 1,
    };
    row.play(|scene| {
        scene.want(EVIL, 12);
        scene.describe(EVIL, json!({"HostConfig": {"Privileged": true}}));
        let line = scene.line("start", EVIL, &json!({}));
        let half = line[..line.len() / 2].to_owned();
        stream(scene, move |asked| {
            asked.head();
            asked.chunk(half.as_bytes());
        });
        scene.engine.publish_line(line);
    });
}

#[test]
fn podmans_history_of_millions() {
    let row = Attack {
        what: "the engine calls itself Podman, and its history has three million lines",
        stage: "history",
        before: "",
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
        support::until("a subscriber", || (scene.engine.subscribers() > 0).then_some(()));
        scene.evil(EVIL);
    });
}

// ---- the other commands ----

/// Runs a command on this scene's engine; its output, or what ended it.
fn command(scene: &Scene, what: &str, before: &str, arguments: &[&str]) -> Option<String> {
    let started = std::time::Instant::now();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -d 1048576; exec timeout 60 \"$@\"", "sh"]).arg(Program::file());
    command.arg("--home").arg(scene.wazuh.home()).arg("--docker-host").arg(scene.engine.url()).args(arguments);
    let output = command.output().unwrap();
    let code = output.status.code().unwrap_or(134);
    // `timeout` says 124 of what took too long, and hands on what a signal ended.
    let killed = code >= 124;
    let end = if killed { format!("killed ({code})") } else { format!("exit code {code}") };
    println!("\n| {what} | `{}` | {before} | {end} after {:.2} s |", arguments[0], started.elapsed().as_secs_f64());
    if std::env::var_os("MEASURE").is_none() {
        assert!(!killed, "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }
    (!killed).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn commands_read_what_is_hostile() {
    let scene = Scene::quiet();
    scene.engine.publish_line(format!(
        r#"{{"Type":"container","Action":"create","Actor":{{"ID":"d075","Attributes":{{"image":"bb:1","Name":"x","name":"web","a{}":"v","e":"\u001b]0;owned\u0007\u001b[2J"}}}},"time":1795217222,"timeNano":1795217222000000001}}"#,
        ".a".repeat(80_000)
    ));
    scene.forget("/containers/json?all=true");
    let arguments = ["events", "--since", "0", "--until", "0s", "--format", "wazuh"];
    command(&scene, "a label of 80,000 dots in the ring", "", &arguments);
    for format in ["flat", "table"] {
        let arguments = ["events", "--since", "0", "--until", "0s", "--format", format];
        let _ = command(&scene, "the same", "", &arguments);
    }
    let plain = ["events", "--since", "0", "--until", "0s"];
    let shown = command(&scene, "a label with a terminal's control sequences", "", &plain).unwrap_or_default();
    println!("# {} escapes", shown.matches('\u{1b}').count());
    let answer = padded("feed", "\"Mounts\":[", "{}", 10_000_000, "]");
    scene.first(move |path, asked| {
        match path {
            "/containers/json?all=true" => asked.whole(r#"[{"Id":"feed"}]"#),
            "/images/json" => asked.whole("[]"),
            "/containers/feed/json" => asked.whole(&answer),
            _ => return false,
        }
        true
    });
    command(&scene, "a container whose answer has 31 MiB of `{},` as mounts", "", &["audit"]);
    scene.first(move |path, asked| {
        match path {
            "/containers/json?all=true" => {
                asked.whole(&format!("[{}{{\"Id\":\"\"}}]", "{\"Id\":\"x\"},".repeat(2 << 20)))
            }
            "/images/json" => asked.whole("[]"),
            _ => return false,
        }
        true
    });
    command(&scene, "a list of two million containers", "", &["audit"]);
    scene.first(|path, asked| {
        let is_ping = path == "/_ping";
        if is_ping {
            endless(asked);
        }
        is_ping
    });
    command(&scene, "the answer to a ping has 3 GB", "", &["audit"]);
}

// ---- real engines ----

/// A listener on a real engine.
struct Real {
    engine: Engine,
    came: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    program: Program,
    _wazuh: Wazuh,
}

impl Real {
    fn new() -> Option<Self> {
        let engine = Engine::dockerd()?;
        let wazuh = Wazuh::new();
        wazuh.configure(&json!({"max_events_per_second": 0, "heartbeat": 0}));
        let queue = wazuh.queue();
        let program = Program::listen(wazuh.home(), &engine.url());
        queue.wodle_event("Connected to Docker service");
        let (came, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
        let (seen, stopped) = (Arc::clone(&came), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                seen.lock().unwrap().extend(queue.message_within(millis(100)));
            }
        });
        Some(Self { engine, came, stop, program, _wazuh: wazuh })
    }

    /// The highest level that messages with this text have reached, once none has come for a while.
    fn level(&self, text: &str) -> (u8, u32) {
        let rules = scene::rules();
        let mut before = usize::MAX;
        while before != self.came.lock().unwrap().len() {
            before = self.came.lock().unwrap().len();
            std::thread::sleep(millis(1500));
        }
        let came = self.came.lock().unwrap();
        let levels = came.iter().filter(|message| message.contains(text)).filter_map(|message| {
            let fields = support::analysisd::Fields::of(message)?;
            let found = rules.session().evaluate(&|name| fields.get(name), 0)?;
            Some((found.rule.level, found.rule.id))
        });
        levels.max().unwrap_or_default()
    }

    fn row(&self, what: &str, before: &str, text: &str, wanted: u8) {
        let (level, rule) = self.level(text);
        println!("\n| {what} | dockerd | {before} | level {level} (rule {rule}) |");
        if std::env::var_os("MEASURE").is_none() {
            assert!(level >= wanted, "{what}: level {level}, rule {rule}: {}", self.program.said());
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_link_that_is_swapped() {
    let Some(real) = Real::new() else { return };
    let at = real.engine.path("swap");
    std::fs::create_dir_all(at.join("harmless")).unwrap();
    let link = at.join("link");
    std::os::unix::fs::symlink(at.join("harmless"), &link).unwrap();
    // What is written below the host's root swaps the link back before anybody hears of the start.
    let swaps = format!("test -d /h/etc && busybox ln -sfn {0}/harmless /h{0}/link; sleep 1", at.display());
    let volume = format!("{}:/h", link.display());
    let id = real.engine.docker(&["create", "--name", "swap", "--volume", &volume, "bb:1", "sh", "-c", &swaps]);
    std::thread::sleep(millis(300));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/", &link).unwrap();
    real.engine.docker(&["start", "swap"]);
    assert_eq!(std::fs::read_link(&link).unwrap(), at.join("harmless"), "the container did not get the host's root");
    real.row("a bind of a link that leads to `/` for the moment of the start", "", &id, 12);
}

#[test]
fn volumes_by_other_names() {
    let Some(real) = Real::new() else { return };
    for (name, options, proof, wanted) in [
        ("tmpfsbind", &["type=tmpfs", "o=bind", "device=/"][..], "test -d /h/proc && test -d /h/etc", 12),
        ("nfsbind", &["type=nfs", "o=bind", "device=/"], "test -d /h/proc && test -d /h/etc", 12),
        ("procnone", &["type=proc", "device=none"], "test -e /h/sysrq-trigger", 10),
        ("sysnone", &["type=sysfs", "device=none"], "test -d /h/kernel", 10),
    ] {
        let mut arguments = vec!["volume", "create", "--driver", "local"];
        options.iter().for_each(|option| arguments.extend(["--opt", option]));
        arguments.push(name);
        real.engine.docker(&arguments);
        let volume = format!("{name}:/h");
        let command = format!("{proof} && sleep 1");
        let (ok, said) =
            real.engine.try_docker(&["run", "--name", name, "--volume", &volume, "bb:1", "sh", "-c", &command]);
        println!("# {name}: {ok} {said}");
        if ok {
            let what = format!("a volume with {} (it does mount it)", options.join(","));
            real.row(&what, "", &format!("\"name\": \"{name}\""), wanted);
        }
    }
}

#[test]
fn a_real_flood_of_execs() {
    let Some(real) = Real::new() else { return };
    let id = real.engine.docker(&["run", "--detach", "--name", "busy", "bb:1", "sleep", "600"]);
    let stop = AtomicBool::new(false);
    let made = AtomicUsize::new(0);
    let evil = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let (status, _) =
                        real.engine.call("POST", &format!("/containers/{id}/exec"), r#"{"Cmd":["true"]}"#);
                    made.fetch_add(usize::from(status == 201), Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(millis(3000));
        let arguments = ["run", "--rm", "--name", "evil", "--volume", "/:/h", "bb:1", "sleep", "0.15"];
        let (ok, said) = real.engine.try_docker(&arguments);
        std::thread::sleep(millis(1000));
        stop.store(true, Ordering::Relaxed);
        assert!(ok, "{said}");
        "\"name\": \"evil\""
    });
    let what =
        format!("{} `exec_create`s in 4 s by four clients, the host's root for 150 ms among them", made.into_inner());
    real.row(&what, "", evil, 12);
}
