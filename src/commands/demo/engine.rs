//! The demo's engine: recorded events of a dockerd 20.10, served as that one serves them.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::event::Event;
use crate::lock::lock;

/// An image is pulled from a private registry, a container is run, a shell is opened in it, a probe fails, it is killed.
const SCENARIO: &str = include_str!("scenario.jsonl");

/// What it says of the containers, images and commands in these events, by path.
const ANSWERS: &str = include_str!("answers.json");

/// Between two events; only there so that a person sees them come.
const PAUSE: Duration = Duration::from_millis(40);

/// How many events it serves.
pub(super) fn events() -> u64 {
    SCENARIO.lines().count() as u64
}

/// An engine that serves.
pub(super) struct Served {
    written: Arc<Mutex<HashMap<i64, Instant>>>,
}

impl Served {
    /// When the event with this time stamp was written to the socket.
    pub(super) fn written_at(&self, nano: i64) -> Option<Instant> {
        lock(&self.written).get(&nano).copied()
    }
}

/// Serves the scenario on this socket for the life of the process.
pub(super) fn serve(socket: &Path) -> io::Result<Served> {
    let listener = super::listen(socket)?;
    let written = Arc::new(Mutex::new(HashMap::new()));
    let served = Served { written: Arc::clone(&written) };
    thread::Builder::new().name("demo engine".to_owned()).spawn(move || {
        for connection in listener.incoming().flatten() {
            let written = Arc::clone(&written);
            // A client that leaves in the middle of an answer is its own affair.
            let _ = thread::Builder::new()
                .name("demo answer".to_owned())
                .spawn(move || drop(answer(&connection, &written)));
        }
    })?;
    Ok(served)
}

fn answer(mut connection: &UnixStream, written: &Mutex<HashMap<i64, Instant>>) -> io::Result<()> {
    let mut request = String::new();
    let mut reader = BufReader::new(connection);
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path.split('?').next() {
        Some("/_ping") => whole(connection, "OK"),
        Some("/version") => whole(
            connection,
            r#"{"Version":"20.10.24","ApiVersion":"1.41","Components":[{"Name":"Engine","Version":"20.10.24"}]}"#,
        ),
        Some("/info") => whole(connection, &format!(r#"{{"SystemTime":"{}"}}"#, Timestamp::now())),
        Some("/events") => {
            connection.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            )?;
            if path.contains("until=") {
                // The ring is empty: nothing happened before the demo.
                return connection.write_all(b"0\r\n\r\n");
            }
            for line in SCENARIO.lines() {
                thread::sleep(PAUSE);
                if let Some(nano) = Event::parse(line.as_bytes()).ok().and_then(|event| event.time_nano()) {
                    lock(written).insert(nano, Instant::now());
                }
                write!(connection, "{:x}\r\n{line}\n\r\n", line.len() + 1)?;
            }
            // The stream stays open, as an engine's does, until the listener leaves.
            io::copy(&mut reader, &mut io::sink()).map(drop)
        }
        path => {
            let path = percent_encoding::percent_decode_str(path.unwrap_or_default()).decode_utf8_lossy();
            let answers: serde_json::Value = serde_json::from_str(ANSWERS)?;
            match answers.get(path.as_ref()) {
                Some(answer) => whole(connection, &answer.to_string()),
                None => connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            }
        }
    }
}

fn whole(mut connection: &UnixStream, body: &str) -> io::Result<()> {
    write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
