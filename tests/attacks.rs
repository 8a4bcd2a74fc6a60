//! What somebody with the engine's socket, or with nothing but an image, can do to kill the listener, to blind it or to
//! make it late; each attack with what it costs and what is seen all the same.
//!
//! With `-- --nocapture` it prints the rows of tests/FAULTS.md. `LISTENER=path` measures another program: the portable
//! one, whose memory is held to closer bounds, or one of before. With `MEASURE=1` nothing is asserted.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    missing_docs
)]

#[path = "attacks/answers.rs"]
mod answers;
#[path = "attacks/engine.rs"]
mod engine;
#[path = "attacks/execs.rs"]
mod execs;
#[path = "attacks/floods.rs"]
mod floods;
#[path = "attacks/labels.rs"]
mod labels;
#[path = "attacks/lines.rs"]
mod lines;
#[path = "attacks/memory.rs"]
mod memory;
#[path = "attacks/programs.rs"]
mod programs;
#[path = "attacks/real.rs"]
mod real;
#[path = "attacks/redaction.rs"]
mod redaction;
#[path = "attacks/scene.rs"]
mod scene;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use scene::{Scene, id};

const EVIL: &str = "e11e11e11e11";

fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
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

fn root_volume(kind: &str) -> Value {
    json!({"Name": "z", "Driver": "local", "Options": {"type": kind, "o": "bind", "device": "/"}})
}
