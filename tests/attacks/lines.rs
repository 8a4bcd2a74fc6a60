//! Lines and how they are framed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use serde_json::json;

use crate::scene::{Attack, Scene, id};
use crate::{EVIL, millis, stream};

#[test]
fn nesting_costs_no_line() {
    let row = Attack {
        what: "nesting of 2,000 levels beside a dangerous container's start",
        stage: "JSON",
        before: "alert after 0.00 s, CPU 0.00 s, peak +0 MiB, stays +0.1 MiB, level 12",
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
    let row = Attack {
        what: "1e400 beside a dangerous container's start",
        stage: "JSON",
        before: "alert after 0.00 s, CPU 0.00 s, peak +0 MiB, stays +0.1 MiB, level 12",
        peak: 8,
        cpu: 1,
    };
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
        before: "alert after 0.01 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 10",
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
        before: "alert after 0.00 s, CPU 0.00 s, peak +0 MiB, stays +0.0 MiB, level 12",
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
        before: "alert after 0.07 s, CPU 0.05 s, peak +7 MiB, stays +1.7 MiB, level 12",
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
        before: "alert after 0.02 s, CPU 0.02 s, peak +2 MiB, stays +1.6 MiB, level 12",
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

/// A stream of so many pieces of 64 KiB without a line's end, which comes once it is let go; the receiver learns when all
/// of them are sent.
fn unfinished_line(scene: &mut Scene, pieces: usize) -> (Arc<AtomicBool>, Receiver<()>) {
    // The engine's own thread writes a line with its end; so this one brings its own stream.
    let held = Arc::new(AtomicBool::new(true));
    let holds = Arc::clone(&held);
    let (sent, is_sent) = std::sync::mpsc::channel();
    scene.first(move |path, asked| {
        if path != "/events?since=0" || !holds.load(Ordering::Relaxed) {
            return false;
        }
        asked.head();
        for _ in 0..pieces {
            asked.chunk("x".repeat(64 << 10).as_bytes());
        }
        let _ = sent.send(());
        crate::support::until("the end of the test", || (!holds.load(Ordering::Relaxed)).then_some(()));
        asked.line("");
        true
    });
    scene.engine.cut();
    (held, is_sent)
}

#[test]
fn a_line_that_goes_on_and_on() {
    let row = Attack {
        what: "a line of 300 MiB that does not end: its loss is reported all the same",
        stage: "lines",
        before: "reported at its end alone",
        peak: 12,
        cpu: 2,
    };
    row.play(|scene| {
        let (held, _is_sent) = unfinished_line(scene, 300 << 4);
        let is_reported = scene.comes_within("line_oversized", 30);
        scene.holds(is_reported, "its loss was not reported");
        held.store(false, Ordering::Relaxed);
        scene.evil(EVIL);
    });
}

#[test]
fn a_line_that_never_ends() {
    let row = Attack {
        what: "a line of 8 MiB that does not end until later: its loss is reported when it does",
        stage: "lines",
        before: "alert after 0.02 s, CPU 0.02 s, peak +1 MiB, stays +0.6 MiB, level 12",
        peak: 12,
        cpu: 1,
    };
    row.play(|scene| {
        let (held, is_sent) = unfinished_line(scene, 128);
        is_sent.recv_timeout(crate::support::PATIENCE).unwrap();
        held.store(false, Ordering::Relaxed);
        let is_reported = scene.comes_within("line_oversized", 5);
        scene.holds(is_reported, "its loss was not reported");
        scene.evil(EVIL);
    });
}

#[test]
fn empty_lines_by_the_million() {
    let row = Attack {
        what: "48 million empty lines",
        stage: "lines",
        before: "alert after 2.55 s, CPU 8.02 s, peak +0 MiB, stays +0.1 MiB, level 12",
        peak: 16,
        cpu: 2,
    };
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
        before: "no alert, CPU 3.92 s, peak +4 MiB, stays +4.1 MiB, level 0",
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
        before: "alert after 2.21 s, CPU 0.85 s, peak +0 MiB, stays +0.1 MiB, level 12",
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
        before: "alert after 0.26 s, CPU 0.07 s, peak +0 MiB, stays +0.1 MiB, level 12",
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
    let row = Attack {
        what: "two million `100 Continue` before the stream",
        stage: "HTTP",
        before: "alert after 1.72 s, CPU 1.43 s, peak +0 MiB, stays +0.1 MiB, level 12",
        peak: 8,
        cpu: 3,
    };
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
        before: "alert after 0.01 s, CPU 0.00 s, peak +0 MiB, stays +0.3 MiB, level 12",
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
        before: "alert after 3.20 s, CPU 1.44 s, peak +36 MiB, stays +0.8 MiB, level 12",
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

#[test]
fn a_connection_that_breaks_in_the_middle_of_a_line() {
    let row = Attack {
        what: "the connection breaks in the middle of the line that matters",
        stage: "lines",
        before: "alert after 1.79 s, CPU 0.01 s, peak +0 MiB, stays +0.0 MiB, level 12",
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
