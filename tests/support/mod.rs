//! The parts that tests put around the program: a queue that may refuse to read, an engine that misbehaves on command,
//! and the program itself as a process.
#![allow(
    dead_code,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

pub mod analysisd;
pub mod cases;
pub mod checker;
pub mod engines;
pub mod sigma;
pub mod simulated;
pub mod tally;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// No test waits longer than this for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A stand-in for Wazuh's home, with nothing in it but what the listener needs.
pub struct Wazuh {
    pub folder: tempfile::TempDir,
}

impl Wazuh {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("queue/sockets")).unwrap();
        std::fs::create_dir_all(folder.path().join("etc")).unwrap();
        std::fs::create_dir_all(folder.path().join("var/run")).unwrap();
        let block = "<ossec_config><wodle name=\"docker-listener\"><disabled>no</disabled></wodle></ossec_config>";
        std::fs::write(folder.path().join("etc/ossec.conf"), block).unwrap();
        Self { folder }
    }

    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    pub fn configure(&self, section: &Value) {
        let text = serde_json::json!({ "docker-listener": section }).to_string();
        std::fs::write(self.home().join("etc/docker-listener.json"), text).unwrap();
    }

    /// A value of the listener's state file; empty where there is none.
    pub fn state(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.home().join("var/run/docker-listener.state")).unwrap_or_default();
        let start = format!("\n{name}='");
        let value = text.split_once(&start).and_then(|(_, rest)| rest.split_once('\''));
        value.map_or_else(String::new, |(value, _)| value.to_owned())
    }

    pub fn queue(&self) -> Queue {
        Queue::at(&self.home().join("queue/sockets/queue"))
    }
}

/// The receiving end of Wazuh's queue.
pub struct Queue {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Queue {
    pub fn at(path: &Path) -> Self {
        Self { socket: UnixDatagram::bind(path).unwrap(), path: path.to_owned() }
    }

    /// The next message, whole.
    pub fn message(&self) -> String {
        self.message_within(PATIENCE).unwrap_or_else(|| panic!("no message came to {}", self.path.display()))
    }

    pub fn message_within(&self, time: Duration) -> Option<String> {
        let mut buffer = vec![0; 70_000];
        self.socket.set_read_timeout(Some(time)).unwrap();
        let length = self.socket.recv(&mut buffer).ok()?;
        buffer.truncate(length);
        Some(String::from_utf8(buffer).unwrap())
    }

    /// The next message's JSON.
    pub fn json(&self) -> Value {
        parse(&self.message())
    }

    /// The next event's `docker` object; notices are skipped.
    pub fn event(&self) -> Value {
        loop {
            let json = self.json();
            if json["docker"].get("Action").is_some() {
                return json["docker"].clone();
            }
        }
    }

    /// Skips everything up to this notice of the Python listener's.
    pub fn wodle_event(&self, wanted: &str) {
        while self.json()["docker"]["Wodle event"] != wanted {}
    }

    /// Everything that is there, and no more to come within this time.
    pub fn rest(&self, time: Duration) -> Vec<Value> {
        std::iter::from_fn(|| self.message_within(time)).map(|message| parse(&message)).collect()
    }

    pub fn remove(self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}

pub fn parse(message: &str) -> Value {
    let json = message.strip_prefix("1:Wazuh-Docker:").unwrap_or_else(|| panic!("no header: {message}"));
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {message}"))
}

/// One request for `/events`.
pub struct Asked {
    /// How many came before it, finite ones not counted.
    pub number: usize,
    pub path: String,
    pub connection: UnixStream,
}

impl Asked {
    pub fn head(&mut self) {
        self.raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    }

    pub fn raw(&mut self, text: &str) {
        // A client that left is what some tests are about.
        let _ = self.connection.write_all(text.as_bytes());
    }

    /// One HTTP chunk.
    pub fn chunk(&mut self, bytes: &[u8]) {
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        let _ = self.connection.write_all(&chunk);
    }

    /// A whole answer.
    pub fn whole(&mut self, body: &str) {
        self.raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
        self.raw(body);
    }

    pub fn line(&mut self, line: &str) {
        self.chunk(format!("{line}\n").as_bytes());
    }

    /// Leaves the stream open until the client leaves.
    pub fn hold(mut self) {
        let _ = self.connection.read_to_end(&mut Vec::new());
    }

    pub fn end(&mut self) {
        self.raw("0\r\n\r\n");
    }
}

/// An engine whose answers to `/events` a test decides.
pub struct FakeEngine {
    pub folder: tempfile::TempDir,
    pub asked: Arc<Mutex<Vec<String>>>,
    pub says: Arc<Mutex<Says>>,
}

/// What it says of itself.
#[derive(Default)]
pub struct Says {
    pub id: String,
    /// The newest API version that it speaks; an old one where it says none.
    pub api: String,
    /// How far its clock is ahead of ours.
    pub clock_ahead: jiff::SignedDuration,
    /// What else `/info` says, after a comma.
    pub info: String,
    /// It takes connections and answers nothing.
    pub is_frozen: bool,
    /// How often it has given a sign of life, or was asked for one that it does not give.
    pub pings: usize,
    /// How often its ring was read to its end.
    pub looks: usize,
    /// What it answers for containers and commands, by their path; `None` is a silence.
    pub answers: std::collections::HashMap<String, Option<String>>,
    /// What answers before all else; true where it did.
    pub first: Option<First>,
}

/// Answers a request for a path in its own way.
pub type First = Arc<dyn Fn(&str, &mut Asked) -> bool + Send + Sync>;

/// Events that happened before the listener was started.
pub type Ring = Arc<Mutex<Vec<String>>>;

impl FakeEngine {
    pub fn docker(events: impl Fn(Asked) + Send + Sync + 'static) -> Self {
        Self::start("Engine", Ring::default(), events)
    }

    /// `ring` is what a finite question is answered with.
    pub fn start(component: &str, ring: Ring, events: impl Fn(Asked) + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, component, ring, events)
    }

    pub fn start_in(
        folder: tempfile::TempDir,
        component: &str,
        ring: Ring,
        events: impl Fn(Asked) + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let says = Arc::new(Mutex::new(Says::default()));
        let told = Arc::clone(&says);
        let (seen, component, events) = (Arc::clone(&asked), component.to_owned(), Arc::new(events));
        let streams = Arc::new(AtomicUsize::new(0));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (seen, told, component, events, ring, streams) = (
                    Arc::clone(&seen),
                    Arc::clone(&told),
                    component.clone(),
                    Arc::clone(&events),
                    Arc::clone(&ring),
                    Arc::clone(&streams),
                );
                std::thread::spawn(move || {
                    let path = request(&connection);
                    let mut asked = Asked { number: 0, path: path.clone(), connection };
                    let first = told.lock().unwrap().first.clone();
                    if first.is_some_and(|first| first(&path, &mut asked)) {
                        return;
                    }
                    let whole = |asked: &mut Asked, body: &str| {
                        asked.raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
                    };
                    match path.split('?').next().unwrap() {
                        "/_ping" => {
                            if told.lock().unwrap().is_frozen {
                                told.lock().unwrap().pings += 1;
                                asked.hold();
                            } else {
                                whole(&mut asked, "OK");
                                // It counts once the answer has been read and the client has gone.
                                asked.hold();
                                told.lock().unwrap().pings += 1;
                            }
                        }
                        "/version" => {
                            let api = told.lock().unwrap().api.clone();
                            let api = if api.is_empty() { "1.41" } else { &api };
                            let components = format!(r#"[{{"Name":"{component}","Version":"9"}}]"#);
                            let said = format!(r#"{{"Version":"9","ApiVersion":"{api}","Components":{components}}}"#);
                            whole(&mut asked, &said);
                        }
                        "/info" => {
                            let says = told.lock().unwrap();
                            let clock = jiff::Timestamp::now() + says.clock_ahead;
                            whole(
                                &mut asked,
                                &format!(r#"{{"ID":"{}","SystemTime":"{clock}"{}}}"#, says.id, says.info),
                            );
                        }
                        "/events" => {
                            seen.lock().unwrap().push(path.clone());
                            if path.contains("until=") || path.contains("stream=false") {
                                asked.head();
                                let lines = ring.lock().unwrap().clone();
                                let until = until_nano(&path);
                                for line in lines.iter().filter(|line| until.is_none_or(|until| nano(line) <= until)) {
                                    asked.line(line);
                                }
                                asked.end();
                                asked.hold();
                                told.lock().unwrap().looks += 1;
                            } else {
                                asked.number = streams.fetch_add(1, Ordering::SeqCst);
                                events(asked);
                            }
                        }
                        other => {
                            let known = told.lock().unwrap().answers.get(other).cloned();
                            match known {
                                Some(Some(answer)) => whole(&mut asked, &answer),
                                Some(None) => {
                                    // It answers once the test lets it.
                                    let answer = until("an answer that a test has to give", || {
                                        told.lock().unwrap().answers.get(other).cloned().flatten()
                                    });
                                    whole(&mut asked, &answer);
                                }
                                None => asked.raw("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
                            }
                        }
                    }
                });
            }
        });
        Self { folder, asked, says }
    }

    pub fn url(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }
}

/// Docker's `until`, in nanoseconds.
fn until_nano(path: &str) -> Option<i128> {
    let until = path.split_once("until=")?.1.split('&').next()?.replace("%2E", ".");
    until.replace('.', "").parse().ok()
}

fn nano(line: &str) -> i128 {
    // A hostile line need not be JSON.
    serde_json::from_str::<Value>(line).unwrap_or_default()["timeNano"].as_i64().unwrap_or_default().into()
}

fn request(connection: &UnixStream) -> String {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        assert!(!line.to_lowercase().starts_with("accept:"), "an Accept header can switch the framing");
        line.clear();
    }
    // A client that leaves before it asks asks for nothing.
    first.split(' ').nth(1).unwrap_or("/nothing").to_owned()
}

/// An event that can be told from every other.
pub fn event(number: usize) -> String {
    format!(
        r#"{{"Type":"container","Action":"resize","Actor":{{"ID":"c1","Attributes":{{"height":"{number}","image":"bb:1","name":"web"}}}},"scope":"local","time":1795217222,"timeNano":{}}}"#,
        1_795_217_222_000_000_000_u64 + number as u64
    )
}

/// The number of such an event.
pub fn number(docker: &Value) -> usize {
    docker["Actor"]["Attributes"]["height"].as_str().unwrap().parse().unwrap()
}

/// The program as a process.
pub struct Program {
    child: Child,
    stderr: Arc<Mutex<String>>,
}

impl Program {
    /// The program's file: the one that was built with the tests, unless `LISTENER` names another.
    pub fn file() -> PathBuf {
        std::env::var_os("LISTENER").unwrap_or_else(|| env!("CARGO_BIN_EXE_wazuh-docker-listener").into()).into()
    }

    pub fn command(home: &Path, docker_host: &str) -> Command {
        let mut command = Command::new(Self::file());
        command.arg("--home").arg(home).arg("--docker-host").arg(docker_host);
        command.env_remove("DOCKER_HOST").env_remove("DOCKER_TLS_VERIFY");
        command
    }

    pub fn listen(home: &Path, docker_host: &str) -> Self {
        Self::spawn(Self::command(home, docker_host))
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (pipe, said) = (child.stderr.take().unwrap(), Arc::clone(&stderr));
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut said = said.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
        });
        Self { child, stderr }
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// What it has said so far on stderr.
    pub fn said(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until it has said this.
    pub fn says(&self, wanted: &str) {
        until(&format!("'{wanted}' on stderr"), || self.said().contains(wanted).then_some(()));
    }

    /// Stops it with SIGTERM; its exit status, and how long it took.
    pub fn stop(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = self.ends();
        (status, started.elapsed())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub fn ends(&mut self) -> ExitStatus {
        until("the end of the program", || self.child.try_wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the program said:\n{}", self.said());
        }
    }
}

/// Looks again and again until there is something to see.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
