//! A listener under attack: a hostile engine before it, a queue behind it, and what is measured of it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::analysisd::Fields;
use crate::support::checker::RuleSet;
use crate::support::simulated::Simulated;
use crate::support::{Asked, Program, Queue, Wazuh, parse, until};

/// The most memory that the listener may ask for, in KiB: an attack that needs more kills it.
const MOST_DATA: usize = 1 << 20;

/// So often modulesd starts a listener that ends, then no more.
const MOST_STARTS: usize = 5;

/// What a program is allowed.
struct Allowed {
    /// What storms may leave, in KiB.
    stays: u64,
    /// So many times the processor time of a row.
    cpu: u64,
    /// So many times the memory of a row, at the peak.
    peak: u64,
}

/// The portable program; other tests run beside it.
const PORTABLE: Allowed = Allowed { stays: 2 << 10, cpu: 2, peak: 1 };

/// One with glibc's allocator.
const OPTIMIZED: Allowed = Allowed { stays: 48 << 10, ..PORTABLE };

/// The same without optimization.
const UNOPTIMIZED: Allowed = Allowed { cpu: 8, peak: 2, ..OPTIMIZED };

const ENDS: [&str; 4] = ["die", "destroy", "kill", "exec_die"];

/// What must be seen has this long to come.
const PATIENCE: Duration = Duration::from_secs(40);

/// Nothing more comes from a listener that has done nothing for this long.
const RESTS: Duration = Duration::from_secs(5);

pub const IMAGE: &str = "sha256:8888888888888888888888888888888888888888888888888888888888888888";

/// One line of the table in tests/FAULTS.md, and what must hold.
pub struct Attack {
    pub what: &'static str,
    pub stage: &'static str,
    /// What it did before anything was done about it.
    pub before: &'static str,
    /// The most memory above that at rest, in MiB.
    pub peak: u64,
    /// The most processor time, in seconds of an optimized program alone.
    pub cpu: u64,
}

/// Something that must be seen, whatever the attack does.
struct Want {
    id: String,
    level: u8,
    since: Instant,
    /// The highest level so far, when it reached what is wanted, and how late that was.
    best: Option<(u8, u32)>,
    after: Option<Duration>,
}

/// What came to the queue, with the moment of its coming.
type Came = Arc<Mutex<Vec<(Instant, String)>>>;

pub struct Scene {
    pub engine: Simulated,
    pub wazuh: Wazuh,
    pub program: Program,
    url: String,
    came: Came,
    stop: Arc<AtomicBool>,
    reading: Option<std::thread::JoinHandle<()>>,
    looked_at: usize,
    wants: Vec<Want>,
    /// Conditions of the attack's own that do not hold.
    pub wrong: Vec<String>,
    pub bystanders: usize,
    deaths: usize,
    rest: u64,
    time: u64,
    cpu_before: u64,
    /// What may stay, in KiB.
    may_stay: u64,
}

/// What the program that is measured is allowed: one that is named by its path is the portable one.
fn allowed() -> Allowed {
    if std::env::var_os("LISTENER").is_some() {
        PORTABLE
    } else if cfg!(debug_assertions) {
        UNOPTIMIZED
    } else {
        OPTIMIZED
    }
}

pub fn rules() -> RuleSet {
    let loaded = [
        ("0560-docker_integration_rules.xml", include_str!("../rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../../ossec-rules/docker_listener_rules.xml")),
    ];
    RuleSet::load(&loaded).unwrap()
}

impl Attack {
    /// Plays it, prints its line, and holds it against what must be.
    pub fn play(self, run: impl FnOnce(&mut Scene)) {
        self.play_with(&json!({}), run);
    }

    pub fn play_with(self, settings: &Value, run: impl FnOnce(&mut Scene)) {
        let mut scene = Scene::new(settings);
        run(&mut scene);
        scene.finish(&self);
    }
}

impl Scene {
    fn new(settings: &Value) -> Self {
        let mut section = json!({"wait_time": 1, "max_events_per_second": 0, "heartbeat": 0});
        for (key, value) in settings.as_object().unwrap() {
            section[key] = value.clone();
        }
        let (engine, wazuh) = (Simulated::docker(), Wazuh::new());
        wazuh.configure(&section);
        let image = json!({"Id": IMAGE, "RepoTags": ["bb:1"], "RepoDigests": []}).to_string();
        engine.engine.says.lock().unwrap().answers.insert(format!("/images/{}/json", escaped(IMAGE)), Some(image));
        let came = Came::default();
        let stop = Arc::new(AtomicBool::new(false));
        let reading = read(wazuh.queue(), Arc::clone(&came), Arc::clone(&stop));
        let url = engine.url();
        let program = start(&wazuh, &url);
        let mut scene = Self {
            engine,
            wazuh,
            program,
            url,
            came,
            stop,
            reading: Some(reading),
            looked_at: 0,
            wants: Vec::new(),
            wrong: Vec::new(),
            bystanders: 0,
            deaths: 0,
            rest: 0,
            time: 0,
            cpu_before: 0,
            may_stay: allowed().stays,
        };
        if section["enabled"] != false {
            scene.warm_up();
        }
        scene
    }

    /// One for the other commands, whose listener matters to nobody.
    pub fn quiet() -> Self {
        Self::new(&json!({"enabled": false}))
    }

    /// What every listener has done once: an inspection, an image, a secret.
    fn warm_up(&mut self) {
        until("a subscriber", || (self.engine.subscribers() > 0).then_some(()));
        self.describe("aa00", json!({}));
        self.happens("create", "aa00", &json!({}));
        self.happens("start", "aa00", &json!({}));
        let exec = json!({"ContainerID": "aa00", "ProcessConfig": {"entrypoint": "mysql", "arguments": ["-psecret", "--password=secret"]}});
        self.answer("/exec/ee00/json", &exec);
        self.happens("exec_start: mysql -psecret --password=secret", "aa00", &json!({"execID": "ee00"}));
        until("the first messages", || (self.messages_with("exec_start: mysql").next().is_some()).then_some(()));
        self.idle(Duration::from_secs(5));
        self.rest = self.status("VmRSS:");
        // From here on the highest is that of the attack.
        let _ = fs::write(format!("/proc/{}/clear_refs", self.program.pid()), "5");
        self.cpu_before = self.cpu();
    }

    // ---- what the engine does ----

    pub fn answer(&self, path: &str, answer: &Value) {
        self.engine.engine.says.lock().unwrap().answers.insert(path.to_owned(), Some(answer.to_string()));
    }

    pub fn forget(&self, path: &str) {
        self.engine.engine.says.lock().unwrap().answers.remove(path);
    }

    /// Answers before all else; true where it did.
    pub fn first(&self, first: impl Fn(&str, &mut Asked) -> bool + Send + Sync + 'static) {
        self.engine.engine.says.lock().unwrap().first = Some(Arc::new(first));
    }

    /// A container with these differences from an ordinary one.
    pub fn describe(&self, id: &str, other: Value) {
        self.answer(&format!("/containers/{id}/json"), &container(id, other));
    }

    /// The next event's time stamp: now, and never twice.
    pub fn nano(&mut self) -> u64 {
        let now = u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap();
        self.time = now.max(self.time + 1);
        self.time
    }

    pub fn line(&mut self, action: &str, id: &str, attributes: &Value) -> String {
        let nano = self.nano();
        let mut all = json!({"image": "bb:1", "name": "web"});
        for (key, value) in attributes.as_object().unwrap() {
            all[key] = value.clone();
        }
        json!({"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": all}, "scope": "local",
            "time": nano / 1_000_000_000, "timeNano": nano})
        .to_string()
    }

    pub fn happens(&mut self, action: &str, id: &str, attributes: &Value) {
        let line = self.line(action, id, attributes);
        self.engine.publish_line(line);
    }

    /// A raw line with this in the place of its attributes.
    pub fn happens_raw(&mut self, action: &str, id: &str, attributes: &str) {
        let nano = self.nano();
        self.engine.publish_line(format!(
            r#"{{"Type":"container","Action":"{action}","Actor":{{"ID":"{id}","Attributes":{{"image":"bb:1","name":"web"{attributes}}}}},"scope":"local","time":{},"timeNano":{nano}}}"#,
            nano / 1_000_000_000
        ));
    }

    /// A privileged container is made and started, and must be seen as one.
    pub fn evil(&mut self, id: &str) {
        self.want(id, 12);
        self.describe(id, json!({"HostConfig": {"Privileged": true}}));
        self.happens("create", id, &json!({}));
        self.happens("start", id, &json!({}));
    }

    /// The same for one that the engine forgets after this time.
    pub fn short_evil(&mut self, id: &str, lives: Duration) {
        self.evil(id);
        std::thread::sleep(lives);
        self.forget(&format!("/containers/{id}/json"));
        self.happens("die", id, &json!({"exitCode": "0"}));
        self.happens("destroy", id, &json!({}));
    }

    /// So many ordinary events, which must all arrive or be reported as lost.
    pub fn bystanders(&mut self, count: usize) {
        for _ in 0..count {
            self.bystanders += 1;
            self.engine.publish(self.bystanders);
        }
    }

    /// What is still known or asked when the storm is over may take so many KiB.
    pub fn still_holds(&mut self, size: u64) {
        self.may_stay = self.may_stay.max(size);
    }

    pub fn want(&mut self, id: &str, level: u8) {
        self.wants.push(Want { id: id.to_owned(), level, since: Instant::now(), best: None, after: None });
    }

    // ---- what the listener does ----

    pub fn messages_with(&self, text: &str) -> impl Iterator<Item = Value> {
        let came = self.came.lock().unwrap();
        let found: Vec<Value> =
            came.iter().filter(|(_, message)| message.contains(text)).map(|(_, message)| parse(message)).collect();
        found.into_iter()
    }

    pub fn came(&self) -> usize {
        self.came.lock().unwrap().len()
    }

    /// Whether a message with this text comes within so many seconds.
    pub fn comes_within(&self, text: &str, seconds: u64) -> bool {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            if self.messages_with(text).next().is_some() {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn holds(&mut self, holds: bool, what: &str) {
        if !holds {
            self.wrong.push(what.to_owned());
        }
    }

    /// Stops the listener as an administrator does, and starts it again.
    pub fn restart(&mut self, meanwhile: impl FnOnce(&mut Self)) {
        self.program.stop();
        meanwhile(self);
        self.program = start(&self.wazuh, &self.url);
        self.cpu_before = 0;
    }

    fn status(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.program.pid())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// Processor time so far, in hundredths of a second.
    fn cpu(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.program.pid())).unwrap_or_default();
        let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        [11, 12].iter().filter_map(|place| fields.get(*place)?.parse::<u64>().ok()).sum()
    }

    /// Whether one of its threads runs, wants to run or waits for a disk. On a machine with much to do one that wants to
    /// run uses no processor time for a while.
    fn works(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.program.pid())).into_iter().flatten().flatten();
        let state = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            text.rsplit(") ").next().and_then(|rest| rest.chars().next())
        };
        tasks.filter_map(state).any(|state| matches!(state, 'R' | 'D'))
    }

    /// Waits until it does next to nothing, for so long at the most.
    fn idle(&mut self, most: Duration) {
        let deadline = Instant::now() + most;
        let mut quiet = 0;
        while quiet < 8 && Instant::now() < deadline {
            let (before, came) = (self.cpu(), self.came());
            std::thread::sleep(Duration::from_millis(60));
            let rests = self.cpu() <= before + 1 && self.came() == came && !self.works();
            quiet = if rests { quiet + 1 } else { 0 };
        }
    }

    /// As modulesd does: one that has ended is started again, a few times.
    fn supervise(&mut self) {
        if self.deaths < MOST_STARTS && self.program.ended().is_some() {
            self.deaths += 1;
            if self.deaths < MOST_STARTS {
                self.program = start(&self.wazuh, &self.url);
                self.cpu_before = 0;
            }
        }
    }

    fn look(&mut self, rules: &RuleSet) {
        let new: Vec<(Instant, String)> = {
            let came = self.came.lock().unwrap();
            let new = came[self.looked_at..].to_vec();
            self.looked_at = came.len();
            new
        };
        for (at, message) in new {
            if !self.wants.iter().any(|want| message.contains(&want.id)) {
                continue;
            }
            let Some(fields) = Fields::of(&message) else { continue };
            // Every end has an alert of its own, and says nothing of what has ended.
            if fields.get("docker.Action").is_some_and(|action| ENDS.contains(&action)) {
                continue;
            }
            let found = rules.session().evaluate(&|name| fields.get(name), 0);
            let (level, rule) = found.map_or((0, 0), |found| (found.rule.level, found.rule.id));
            let id = fields.get("docker.Actor.ID").or_else(|| fields.get("docker_listener.kind")).unwrap_or_default();
            let names = fields.get("docker_listener.head").unwrap_or_default();
            for want in self.wants.iter_mut().filter(|want| want.id == id || names.contains(&want.id)) {
                if want.best.is_none_or(|(best, _)| level > best) {
                    want.best = Some((level, rule));
                }
                if level >= want.level && want.after.is_none() {
                    want.after = Some(at.saturating_duration_since(want.since));
                }
            }
        }
    }

    fn finish(mut self, attack: &Attack) {
        let rules = rules();
        let deadline = Instant::now() + PATIENCE;
        let (mut busy, mut did) = (Instant::now(), 0);
        loop {
            self.supervise();
            self.look(&rules);
            let seen = self.wants.iter().all(|want| want.after.is_some());
            // One that was started again has used none yet.
            if self.cpu() > did + 2 || self.cpu() < did || self.works() {
                (busy, did) = (Instant::now(), self.cpu());
            }
            let rests = busy.elapsed() > RESTS;
            if seen || rests || self.deaths >= MOST_STARTS || Instant::now() > deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.idle(Duration::from_secs(30));
        self.supervise();
        self.look(&rules);
        let mut stays = self.stays();
        let deadline = Instant::now() + Duration::from_secs(3);
        while stays > self.may_stay && Instant::now() < deadline && self.deaths == 0 {
            std::thread::sleep(Duration::from_millis(100));
            stays = self.stays();
        }
        let cpu = self.cpu().saturating_sub(self.cpu_before);
        let peak = self.status("VmHWM:").saturating_sub(self.rest) >> 10;
        let level = self.wants.iter().map(|want| want.best.map_or(0, |(level, _)| level)).min();
        let late = self.wants.iter().map(|want| want.after).max().flatten();
        let is_blind = self.wants.iter().any(|want| want.after.is_none());
        let late = if is_blind {
            "never".to_owned()
        } else {
            late.map_or("-".into(), |late| format!("{:.2} s", late.as_secs_f64()))
        };
        let killed = match self.deaths {
            0 => String::new(),
            MOST_STARTS.. => "killed for good; ".to_owned(),
            deaths => format!("killed {deaths} times; "),
        };
        let now = format!(
            "{killed}alert after {late}, CPU {}.{:02} s, peak +{peak} MiB, stays +{:.1} MiB, level {}",
            cpu / 100,
            cpu % 100,
            stays as f64 / 1024.0,
            level.map_or("-".to_owned(), |level| level.to_string()),
        );
        self.wants_hold();
        self.bystanders_hold();
        let Attack { what, stage, before, .. } = attack;
        println!("\n| {what} | {stage} | {before} | {now} |");
        if self.deaths > 0 {
            self.wrong.push(format!("it was killed {} times: {}", self.deaths, self.program.said()));
        }
        if self.deaths == 0 && stays > self.may_stay {
            self.wrong.push(format!("{stays} KiB stay"));
        }
        if peak > attack.peak * allowed().peak {
            self.wrong.push(format!("{peak} MiB at the peak"));
        }
        if cpu > attack.cpu * allowed().cpu * 100 {
            self.wrong.push(format!("{cpu} hundredths of a second of processor time"));
        }
        let wrong = std::mem::take(&mut self.wrong);
        if std::env::var_os("MEASURE").is_some() {
            println!("# {}", wrong.join("; ").lines().next().unwrap_or_default());
            return;
        }
        assert!(wrong.is_empty(), "{what}: {}", wrong.join("\n"));
    }

    fn stays(&self) -> u64 {
        self.status("VmRSS:").saturating_sub(self.rest)
    }

    fn wants_hold(&mut self) {
        for Want { id, level, best, after, .. } in &self.wants {
            if after.is_none() {
                self.wrong.push(format!("{id} came to (level, rule) {best:?} instead of level {level}"));
            }
        }
    }

    fn bystanders_hold(&mut self) {
        if self.bystanders == 0 {
            return;
        }
        let came = self.came.lock().unwrap();
        let arrived = came.iter().filter(|(_, message)| message.contains("\"Action\": \"resize\"")).count();
        let gaps: Vec<Value> = came
            .iter()
            .filter(|(_, message)| message.contains("\"notice\": \"gap\""))
            .map(|(_, message)| parse(message)["docker_listener"]["count"].clone())
            .collect();
        // Of what a ring lost nobody can know how much it was.
        if gaps.iter().any(|count| !count.is_u64()) {
            return;
        }
        let told: u64 = gaps.iter().filter_map(Value::as_u64).sum();
        if arrived < self.bystanders && arrived as u64 + told < self.bystanders as u64 {
            self.wrong.push(format!("{arrived} of {} bystanders arrived, {told} reported as lost", self.bystanders));
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
    }
}

fn start(wazuh: &Wazuh, url: &str) -> Program {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("ulimit -d {MOST_DATA}; exec \"$@\""), "sh"]);
    command.arg(Program::file()).arg("--home").arg(wazuh.home()).arg("--docker-host").arg(url);
    command.env_remove("DOCKER_HOST").env_remove("DOCKER_TLS_VERIFY");
    Program::spawn(command)
}

fn read(queue: Queue, came: Came, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if let Some(message) = queue.message_within(Duration::from_millis(100)) {
                came.lock().unwrap().push((Instant::now(), message));
            }
        }
    })
}

/// What the engine says of a container.
pub fn container(id: &str, other: Value) -> Value {
    let mut known = json!({"Id": id, "Name": "/web", "Image": IMAGE, "Path": "sleep", "Args": ["1"],
        "Config": {"Image": "bb:1", "User": "app", "Labels": {}},
        "HostConfig": {"Memory": 1 << 28, "PidsLimit": 100}, "Mounts": [],
        "State": {"Running": true, "ExitCode": 0, "OOMKilled": false}});
    if let Value::Object(other) = other {
        for (key, value) in other {
            known[key] = value;
        }
    }
    known
}

/// As the listener writes it into a path.
pub fn escaped(text: &str) -> String {
    text.replace('%', "%25")
        .replace(':', "%3A")
        .replace('@', "%40")
        .replace('.', "%2E")
        .replace('-', "%2D")
        .replace('_', "%5F")
}

/// A number as an id that engines give.
pub fn id(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:060x}")
}
