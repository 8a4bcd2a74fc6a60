//! An engine that answers what a listener asks and writes its events as fast as they are taken.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::stream::Lines;

/// As many events as Docker's ring holds.
const RING: usize = 256;

/// How much is written at once, in bytes; a storm fills the socket with many events between two reads.
const AT_ONCE: usize = 64 << 10;

/// So many events.
pub struct Wave {
    pub lines: Lines,
    pub count: usize,
    pub pace: Pace,
}

/// How fast they come.
pub enum Pace {
    /// As fast as the socket takes them.
    Storm,
    /// As fast, but never so many more than this counter says have come through.
    Ahead(usize, Arc<AtomicUsize>),
    /// Each in a write of its own, so long apart.
    Apart(Duration),
}

pub struct Engine {
    pub socket: PathBuf,
    waves: Arc<Mutex<Option<Sender<Wave>>>>,
    subscribed: Receiver<()>,
}

struct Shared {
    ring: Mutex<VecDeque<Vec<u8>>>,
    waves: Arc<Mutex<Option<Sender<Wave>>>>,
    subscribed: Sender<()>,
}

impl Engine {
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (subscribed, subscriptions) = channel();
        let waves: Arc<Mutex<Option<Sender<Wave>>>> = Arc::default();
        let shared = Arc::new(Shared { ring: Mutex::default(), waves: Arc::clone(&waves), subscribed });
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(connection, &shared));
            }
        });
        Self { socket, waves, subscribed: subscriptions }
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Waits for somebody to subscribe to what happens from now on.
    pub fn wait_for_subscriber(&self) {
        self.subscribed.recv_timeout(super::PATIENCE).expect("a subscriber");
    }

    /// Lets all this happen.
    pub fn happen(&self, wave: Wave) {
        self.waves.lock().unwrap().as_ref().expect("a subscriber").send(wave).unwrap();
    }
}

fn serve(connection: UnixStream, shared: &Shared) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut writer = connection;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or_default() == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or_default() > 2 {
            line.clear();
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        // A client may put the version in front.
        let path =
            path.strip_prefix("/v1.").and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(path);
        let answer = match path {
            path if path.starts_with("/events") => {
                // The listener is gone where it does not read on.
                let _ = if path.contains("until=") { look(&mut writer, shared) } else { stream(&mut writer, shared) };
                return;
            }
            "/version" => {
                r#"{"Platform":{"Name":""},"Version":"29.0.0","ApiVersion":"1.52","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64","Components":[{"Name":"Engine","Version":"29.0.0"}]}"#.to_owned()
            }
            "/info" => format!(
                r#"{{"ID":"9f0b2f4c-0000-4000-8000-5a5a5a5a5a5a","Name":"bench","SystemTime":"{}"}}"#,
                jiff::Timestamp::now()
            ),
            "/_ping" => "OK".to_owned(),
            _ => "[]".to_owned(),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.52\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        if writer.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

/// What the ring holds.
fn look(writer: &mut UnixStream, shared: &Shared) -> std::io::Result<()> {
    let mut out = HEAD.to_vec();
    for line in &*shared.ring.lock().unwrap() {
        chunk(&mut out, line);
    }
    out.extend_from_slice(b"0\r\n\r\n");
    writer.write_all(&out)
}

fn stream(writer: &mut UnixStream, shared: &Shared) -> std::io::Result<()> {
    let (sender, waves) = channel();
    *shared.waves.lock().unwrap() = Some(sender);
    writer.write_all(HEAD)?;
    shared.subscribed.send(()).unwrap_or_default();
    let mut out = Vec::with_capacity(2 * AT_ONCE);
    for mut wave in waves {
        let mut last: VecDeque<Vec<u8>> = VecDeque::new();
        for number in 0..wave.count {
            let line = wave.lines.next();
            chunk(&mut out, line);
            if number + RING >= wave.count {
                last.push_back(line.to_vec());
            }
            if out.len() < AT_ONCE && !matches!(wave.pace, Pace::Apart(_)) {
                continue;
            }
            writer.write_all(&out)?;
            out.clear();
            match &wave.pace {
                Pace::Storm => {}
                Pace::Ahead(most, through) => {
                    while number > through.load(Ordering::Acquire) + most {
                        std::thread::sleep(Duration::from_micros(100));
                    }
                }
                Pace::Apart(time) => std::thread::sleep(*time),
            }
        }
        writer.write_all(&out)?;
        out.clear();
        *shared.ring.lock().unwrap() = last;
    }
    Ok(())
}

/// Docker writes each event as a chunk of its own.
fn chunk(out: &mut Vec<u8>, line: &[u8]) {
    write!(out, "{:x}\r\n", line.len() + 1).unwrap();
    out.extend_from_slice(line);
    out.extend_from_slice(b"\n\r\n");
}
