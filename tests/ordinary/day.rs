//! A day on an engine: what the engine itself says of it, held against what reached the queue.
//!
//! The engine is read beside the listener. So it is known which messages have to come, and nothing needs to be slept
//! for: a part of the day is over once every event that the engine told of it has arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::operation::Operation;
use crate::support::analysisd::Fields;
use crate::support::checker::RuleSet;
use crate::support::engines::Engine;
use crate::support::{PATIENCE, Program, Queue, Wazuh, parse, until};

/// The program of the day, from a private registry as a company's own images are.
pub const APP: &str = "127.0.0.1:5000/team/app:1";

/// The only thing that is done to an engine from outside.
pub const RESTART: &str = "engine restart";

/// What scripts share: what a person types, and what compose does.
const PRELUDE: &str = include_str!("prelude.sh");

/// How long an answer may take that an event did not wait for.
const SECOND_LOOK: Duration = Duration::from_secs(3);

/// How long the end of a command may take; one that could not be started has none.
const COMMAND_END: Duration = Duration::from_secs(1);

/// An event, as the engine and the queue both know it: type, object, time.
type Key = (String, String, i64);

fn key(event: &Value) -> Key {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&event["Type"]), text(&event["Actor"]["ID"]), event["timeNano"].as_i64().unwrap_or_default())
}

/// Marks are volumes whose creation says that everything before it has been told.
fn is_mark(event: &Value) -> bool {
    event["Type"] == "volume" && event["Actor"]["ID"].as_str().is_some_and(|id| id.starts_with("mark-"))
}

/// The engine's own words.
fn listen(engine: &Engine, query: &str) -> Receiver<Value> {
    let mut connection = UnixStream::connect(engine.path("docker.sock")).unwrap();
    // HTTP/1.0, so that lines come without chunks between them.
    write!(connection, "GET /events{query} HTTP/1.0\r\nHost: docker\r\n\r\n").unwrap();
    let (say, said) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(connection).lines().map_while(Result::ok) {
            if line.starts_with('{') && say.send(serde_json::from_str(&line).unwrap()).is_err() {
                return;
            }
        }
    });
    said
}

/// The messages of one part of the day.
#[derive(Default)]
pub struct Part {
    messages: Vec<String>,
    /// Events that the engine told and the queue has not seen.
    outstanding: HashMap<Key, usize>,
}

/// An engine, a registry and a listener.
pub struct Day<'e> {
    engine: &'e mut Engine,
    program: Program,
    _wazuh: Wazuh,
    queue: Receiver<String>,
    said: Receiver<Value>,
    marks: usize,
    parts: Vec<Part>,
    /// The part in which an event happened.
    belongs: HashMap<Key, usize>,
    /// The part in which an object was heard of last.
    objects: HashMap<String, usize>,
    /// Objects about which the engine was too slow to tell, the part in which that was, and of how many events.
    awaited: HashMap<String, (usize, usize)>,
    /// Messages of events that have not been looked up at the engine.
    early: Vec<Value>,
    /// Whether each container runs, by what the engine said.
    containers: BTreeMap<String, bool>,
    /// Commands that run in them.
    commands: HashMap<String, BTreeSet<String>>,
    /// What the engine said in this part.
    heard: Vec<String>,
    /// A name for the images of an operation, so that nobody has seen them before.
    project: String,
    /// Whether events may be missing, since the engine was ended.
    is_interrupted: bool,
    kept: BTreeSet<String>,
    pub surprises: Vec<String>,
}

impl<'e> Day<'e> {
    /// A listener, configured or not, on an engine whose images stay as they are.
    pub fn new(engine: &'e mut Engine, configuration: Option<&Value>) -> Self {
        let wazuh = Wazuh::new();
        if let Some(section) = configuration {
            wazuh.configure(section);
        }
        let queue = wazuh.queue();
        let program = Program::listen(wazuh.home(), &engine.url());
        queue.wodle_event("Connected to Docker service");
        let queue = unending(queue);
        let said = listen(engine, "");
        // Until the first event is heard, nobody knows whether the engine has begun to tell.
        let mut marks = 0;
        until("the engine's first word", || {
            marks += 1;
            engine.create_volume(&format!("mark-{marks}"));
            said.recv_timeout(Duration::from_millis(100)).ok()
        });
        let mut day = Self {
            engine,
            program,
            _wazuh: wazuh,
            queue,
            said,
            marks,
            parts: Vec::new(),
            belongs: HashMap::new(),
            objects: HashMap::new(),
            awaited: HashMap::new(),
            early: Vec::new(),
            containers: BTreeMap::new(),
            commands: HashMap::new(),
            heard: Vec::new(),
            project: String::new(),
            is_interrupted: false,
            kept: BTreeSet::new(),
            surprises: Vec::new(),
        };
        day.kept = day.images().into_iter().map(|(name, _)| name).collect();
        // What came of the first marks.
        day.during("the beginning", |_| ());
        day.early.clear();
        day.surprises.clear();
        day
    }

    /// Does what is needed for an operation, the operation, and away with what is left. The number of the part of the
    /// day that is judged.
    pub fn run(&mut self, operation: &Operation) -> usize {
        let name = operation.name;
        self.project = format!("team/project{}", self.parts.len());
        if !operation.before.is_empty() {
            self.during(name, |day| day.script(name, operation.before));
        }
        let number = self.during(name, |day| {
            match operation.does {
                RESTART => day.restart(),
                script => day.script(name, script),
            }
            let (times, what) = operation.sees;
            let deadline = Instant::now() + PATIENCE;
            while day.heard.iter().filter(|heard| *heard == what).count() < times {
                assert!(Instant::now() < deadline, "{name}: the engine never said '{what}': {:?}", day.heard);
                day.hear(Duration::from_millis(50));
            }
        });
        self.clean();
        number
    }

    fn script(&mut self, name: &str, script: &str) {
        let folder = tempfile::tempdir().unwrap();
        let output = std::process::Command::new("timeout")
            .args(["60", "sh", "-euc", &format!("{PRELUDE}\n{script}")])
            .current_dir(folder.path())
            .env("DOCKER_HOST", self.engine.url())
            .env("DOCKER_CONFIG", self.engine.path("client"))
            .env("DOCKER_BUILDKIT", "0")
            .env("ENGINE_PID", self.engine.path("pid"))
            .env("APP", APP)
            .env("PROJECT", &self.project)
            .env("SHELL", "/bin/sh")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            self.surprises.push(format!("{name}: {}\n{script}\n{said}", output.status));
        }
    }

    /// Ends the engine and starts it anew, as an upgrade does.
    fn restart(&mut self) {
        self.is_interrupted = true;
        self.engine.restart();
        while let Ok(event) = self.said.recv() {
            self.note(&event);
        }
        self.said = listen(self.engine, "?since=0");
        self.until_noticed("connected", PATIENCE);
        // What may be missing is said after it, where anything may.
        self.until_noticed("gap", SECOND_LOOK);
    }

    /// Takes messages until the listener says this of itself, or the time is over.
    fn until_noticed(&mut self, notice: &str, time: Duration) {
        let deadline = Instant::now() + time;
        while let Ok(message) = self.queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.take(&message);
            if parse(&message)["docker_listener"]["notice"] == notice {
                break;
            }
        }
    }

    fn during(&mut self, name: &str, what: impl FnOnce(&mut Self)) -> usize {
        let number = self.parts.len();
        self.parts.push(Part::default());
        self.heard.clear();
        self.is_interrupted = false;
        what(self);
        self.settle(name);
        self.mark(name);
        self.arrive(name);
        number
    }

    /// Waits until what the engine said and what it answers are the same: it knows that something has ended sooner than
    /// it tells.
    fn settle(&mut self, name: &str) {
        let begun = Instant::now();
        loop {
            while let Ok(event) = self.said.try_recv() {
                self.note(&event);
            }
            let are_commands_over = self.commands.values().all(BTreeSet::is_empty) || begun.elapsed() > COMMAND_END;
            let (is_quiet, real) = self.real();
            if self.is_interrupted {
                // Its last words may have been cut off.
                self.containers.clone_from(&real);
            }
            if is_quiet && are_commands_over && real == self.containers {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{name}: the engine has {real:?} and told of {:?}", self.containers);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.commands.clear();
    }

    /// The containers that there are, and whether none of them is about to change.
    fn real(&self) -> (bool, BTreeMap<String, bool>) {
        let list = self.ask("/containers/json?all=1");
        let mut is_quiet = true;
        let mut real = BTreeMap::new();
        for container in list.as_array().unwrap() {
            let state = container["State"].as_str().unwrap();
            is_quiet &= !["restarting", "removing"].contains(&state);
            real.insert(container["Id"].as_str().unwrap().to_owned(), ["running", "paused"].contains(&state));
        }
        (is_quiet, real)
    }

    fn ask(&self, path: &str) -> Value {
        let (status, answer) = self.engine.call("GET", path, "");
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Hears the engine out up to a mark.
    fn mark(&mut self, name: &str) {
        self.marks += 1;
        let mark = format!("mark-{}", self.marks);
        self.engine.create_volume(&mark);
        loop {
            let event = self.said.recv_timeout(PATIENCE);
            let event = event.unwrap_or_else(|_| panic!("{name}: the engine never told of {mark}"));
            self.note(&event);
            if event["Actor"]["ID"] == mark.as_str() {
                break;
            }
        }
    }

    fn hear(&mut self, time: Duration) {
        if let Ok(event) = self.said.recv_timeout(time) {
            self.note(&event);
        }
    }

    fn note(&mut self, event: &Value) {
        let part = self.parts.len() - 1;
        let key = key(event);
        self.belongs.insert(key.clone(), part);
        *self.parts[part].outstanding.entry(key.clone()).or_default() += 1;
        if !key.1.is_empty() {
            self.objects.insert(key.1.clone(), part);
        }
        let action = event["Action"].as_str().unwrap_or_default();
        self.heard.push(format!("{} {action}", key.0));
        if key.0 != "container" {
            return;
        }
        let exec = event["Actor"]["Attributes"]["execID"].as_str().unwrap_or_default().to_owned();
        match action.split(':').next().unwrap_or_default() {
            "create" => drop(self.containers.insert(key.1, false)),
            "start" => drop(self.containers.insert(key.1, true)),
            "die" => {
                self.commands.remove(&key.1);
                self.containers.insert(key.1, false);
            }
            "destroy" => drop(self.containers.remove(&key.1)),
            "exec_start" => drop(self.commands.entry(key.1).or_default().insert(exec)),
            "exec_die" => drop(self.commands.entry(key.1).or_default().remove(&exec)),
            _ => {}
        }
    }

    /// Waits for the messages of all events that the engine told.
    fn arrive(&mut self, name: &str) {
        for message in std::mem::take(&mut self.early) {
            self.take_event(message);
        }
        let part = self.parts.len() - 1;
        let deadline = Instant::now() + if self.is_interrupted { SECOND_LOOK } else { PATIENCE };
        while !self.parts[part].outstanding.is_empty() {
            let Ok(message) = self.queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                if !self.is_interrupted {
                    self.surprises.push(format!("{name}: missing {:?}", self.parts[part].outstanding));
                }
                break;
            };
            self.take(&message);
        }
        // An event that did not wait for the engine's answer has another message follow it.
        let deadline = Instant::now() + SECOND_LOOK;
        while !self.awaited.is_empty() {
            match self.queue.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => self.take(&message),
                Err(_) => self.awaited.clear(),
            }
        }
    }

    fn take(&mut self, message: &str) {
        let json = parse(message);
        let event = &json["docker"];
        if event["timeNano"].is_i64() && event.get("Action").is_some() {
            return self.take_event(Value::String(message.to_owned()));
        }
        let current = self.parts.len() - 1;
        let id = event["Actor"]["ID"].as_str().unwrap_or_default();
        let mut part = self.objects.get(id).copied().unwrap_or(current);
        if let Some((number, events)) = self.awaited.get_mut(id) {
            part = *number;
            *events -= 1;
            if *events == 0 {
                self.awaited.remove(id);
            }
        }
        self.parts[part].messages.push(message.to_owned());
    }

    fn take_event(&mut self, message: Value) {
        let text = message.as_str().unwrap();
        let json = parse(text);
        let event = &json["docker"];
        let key = key(event);
        let Some(&number) = self.belongs.get(&key) else {
            self.early.push(message);
            return;
        };
        let part = &mut self.parts[number];
        match part.outstanding.get_mut(&key) {
            Some(1) => drop(part.outstanding.remove(&key)),
            Some(count) => *count -= 1,
            None => self.surprises.push(format!("doubled: {text}")),
        }
        if json["docker_listener"]["inspect"] == "timeout" {
            self.awaited.entry(key.1).or_insert((number, 0)).1 += 1;
        }
        if !is_mark(event) {
            part.messages.push(text.to_owned());
        }
    }

    /// Removes what an operation left, by the engine's own calls: quicker than its client, and nobody judges it.
    fn clean(&mut self) {
        self.during("cleaning", |day| {
            for id in day.real().1.keys() {
                day.engine.call("DELETE", &format!("/containers/{id}?force=1&v=1"), "");
            }
            day.engine.call("POST", "/networks/prune", "");
            day.engine.call("POST", "/volumes/prune", "");
            for (name, _) in day.images() {
                if !day.kept.contains(&name) {
                    day.engine.call("DELETE", &format!("/images/{name}?force=1"), "");
                }
            }
            for (name, id) in day.images() {
                assert!(day.kept.contains(&name), "{name} ({id}) is left");
            }
        });
    }

    /// Every name of every image, and the ids of those that have none.
    fn images(&self) -> Vec<(String, String)> {
        let list = self.ask("/images/json");
        let mut images = Vec::new();
        for image in list.as_array().unwrap() {
            let id = image["Id"].as_str().unwrap().to_owned();
            let names: Vec<&str> =
                image["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let names: Vec<&str> = names.into_iter().filter(|name| !name.contains("<none>")).collect();
            if names.is_empty() {
                images.push((id.clone(), id.clone()));
            }
            images.extend(names.into_iter().map(|name| (name.to_owned(), id.clone())));
        }
        images
    }

    /// Ends the listener; what it said at its end is taken, too.
    pub fn end(mut self) -> (Vec<Part>, Vec<String>) {
        self.program.stop();
        while let Ok(message) = self.queue.recv_timeout(SECOND_LOOK) {
            self.take(&message);
        }
        let unknown = self.early.iter().map(|message| format!("the engine told nothing of {message}"));
        self.surprises.extend(unknown);
        (self.parts, self.surprises)
    }
}

/// A queue that is read all the time.
fn unending(queue: Queue) -> Receiver<String> {
    let (came, messages) = channel();
    std::thread::spawn(
        move || {
            while came.send(queue.message_within(Duration::from_secs(600)).unwrap_or_default()).is_ok() {}
        },
    );
    messages
}

impl Part {
    /// The rule and the level at which each message ends, and the message. Frequency rules see this part alone.
    pub fn ends(&self, rules: &RuleSet) -> Vec<(u32, u8, &str)> {
        let mut session = rules.session();
        let mut ends = Vec::new();
        for message in &self.messages {
            let fields = Fields::of(message).unwrap();
            if let Some(found) = session.evaluate(&|name| fields.get(name), 0) {
                ends.push((found.rule.id, found.rule.level, message.as_str()));
            }
        }
        ends
    }
}

/// An image as a company's own are: a shell, and programs that do nothing but bear the names that people call.
pub fn app(engine: &Engine) {
    const STUBS: &str = "apk apt-get artisan bash bundle cargo celery certbot composer curl dockerize flyway git go \
                         gradle java make manage.py mongodump mongosh mvn mysql mysqladmin mysqldump nc nginx node \
                         npm npx pg_dump pg_isready php pip psql pytest python rails redis-cli restic rsync \
                         wait-for-it.sh wget yarn";
    let root = engine.path("app");
    for folder in ["bin", "tmp", "etc", "data"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let parts = include_str!("programs.txt").split("== ").skip(1);
    let mut programs: Vec<(&str, &str)> = parts.map(|part| part.split_once('\n').unwrap()).collect();
    programs.extend(STUBS.split_whitespace().map(|name| (name, "#!/bin/sh\n")));
    let busybox = root.join("bin/busybox");
    std::fs::copy(engine.path("image/bin/busybox"), &busybox).unwrap();
    let listed = std::process::Command::new(&busybox).arg("--list").output().unwrap().stdout;
    let known: HashSet<&str> = programs.iter().map(|program| program.0).chain(["sh", "busybox"]).collect();
    for applet in String::from_utf8(listed).unwrap().split_whitespace().filter(|name| !known.contains(name)) {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    std::fs::set_permissions(root.join("tmp"), std::os::unix::fs::PermissionsExt::from_mode(0o1777)).unwrap();
    for (name, text) in &programs {
        let path = root.join("bin").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    // busybox's own shell takes its own nc and wget before these.
    shell(&root);
    let done = std::process::Command::new("tar").arg("-C").arg(&root).args(["-cf", "-", "."]).output().unwrap();
    let tar = engine.path("app.tar");
    std::fs::write(&tar, done.stdout).unwrap();
    engine.docker(&["import", &tar.display().to_string(), APP]);
    engine.docker(&["push", "--quiet", APP]);
    engine.docker(&["rmi", APP]);
    engine.docker(&["pull", "--quiet", APP]);
}

/// The host's dash with the libraries that it needs.
fn shell(root: &std::path::Path) {
    std::fs::copy("/bin/dash", root.join("bin/sh")).unwrap();
    let needed = std::process::Command::new("ldd").arg("/bin/dash").output().unwrap().stdout;
    for library in String::from_utf8(needed).unwrap().split_whitespace().filter(|word| word.starts_with('/')) {
        let place = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(library, place).unwrap();
    }
}
