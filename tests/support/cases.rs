//! The table of detections: `tests/rules/cases.jsonl`, each line an event that a rule must or must not end at, with what
//! the engine says of it. The messages are made by the program itself, on an engine that answers as the table says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use wazuh_docker_listener::commands::audit;
use wazuh_docker_listener::commands::audit::report::{Finding, Report, Subject};
use wazuh_docker_listener::docker::availability::Identity;
use wazuh_docker_listener::docker::inspect::Container;
use wazuh_docker_listener::docker::lines::Flaw;
use wazuh_docker_listener::event::meaning::{Evidence, Meaning};
use wazuh_docker_listener::event::origin::Origin;
use wazuh_docker_listener::event::provenance::{EngineProof, How, Provenance};
use wazuh_docker_listener::event::registry::{LocalImages, Registries};
use wazuh_docker_listener::event::risk::{KINDS, Risk, Severity, kernel};
use wazuh_docker_listener::event::trust::Known;
use wazuh_docker_listener::event::{Event, exec, origin};
use wazuh_docker_listener::wazuh::message::{self, Context, Findings, NoAnswer};
use wazuh_docker_listener::wazuh::notice::{Gap, Kind, Notice, Reason, Unprocessed};
use wazuh_docker_listener::wazuh::state::{Connection, ConnectionStatus, Report as State};

use super::simulated::Simulated;
use super::{Program, Wazuh};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub rule: u32,
    pub fires: bool,
    pub say: String,
    #[serde(rename = "type", default = "container")]
    kind: String,
    #[serde(default = "create")]
    action: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    top: BTreeMap<String, String>,
    image: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    digests: Option<Vec<String>>,
    /// The digit that the image's id is made of; where there is none, what the image is made of says which it is.
    id: Option<String>,
    /// The digit that the id of its parent is made of; an image that has one was made here.
    #[serde(default)]
    parent: String,
    /// What the tag was before.
    was: Option<Was>,
    /// What has happened to the container before: actions with their attributes.
    #[serde(default)]
    before: Vec<(String, BTreeMap<String, String>)>,
    #[serde(default)]
    host: serde_json::Map<String, Value>,
    config: Option<Value>,
    state: Option<Value>,
    #[serde(default)]
    program: Vec<String>,
    #[serde(default)]
    mounts: Vec<Value>,
    #[serde(default)]
    volumes: BTreeMap<String, Value>,
    /// Other containers, by name, with what the host gives them.
    #[serde(default)]
    joined: BTreeMap<String, Value>,
    /// The `AppArmor` profile.
    apparmor: Option<String>,
    /// The networks that the container is in.
    networks: Option<Value>,
    exec: Option<Exec>,
    /// `failed`, `gone` or `huge`: the engine does not tell of the container.
    silent: Option<String>,
    /// The engine tells only with a later event.
    #[serde(default)]
    late: bool,
    /// A message that is made without an engine: the listener's own notices, and what no engine can be made to cause.
    notice: Option<String>,
    audit: Option<String>,
    settings: Option<String>,
    pub files: Option<String>,
    #[serde(default = "once")]
    pub repeat: u64,
    /// Seconds.
    #[serde(default)]
    pub every: u64,
    /// Each time another container.
    #[serde(default)]
    others: bool,
}

fn container() -> String {
    "container".to_owned()
}

fn create() -> String {
    "create".to_owned()
}

fn once() -> u64 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Was {
    id: String,
    digest: String,
    /// Whether it had no parent, as what was pulled has none.
    #[serde(default)]
    is_root: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Exec {
    user: String,
    tty: bool,
    privileged: bool,
    stdin: bool,
    /// The words, where not all behind the first are one.
    argv: Vec<String>,
}

pub fn read() -> Vec<Case> {
    let table = include_str!("../rules/cases.jsonl").lines();
    table.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The messages of each case, in the order of the cases.
pub fn messages(cases: &[Case]) -> Vec<Vec<String>> {
    let mut stages: BTreeMap<&str, Stage> = BTreeMap::new();
    let mut messages = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        messages.push(match (&case.notice, &case.audit) {
            (Some(notice), _) => (0..case.repeat).map(|_| notice_message(notice)).collect(),
            (_, Some(audit)) => vec![audit_message(audit)],
            _ => {
                let settings = case.settings.as_deref().unwrap_or("trusting");
                stages.entry(settings).or_insert_with(|| Stage::new(settings)).play(case, number)
            }
        });
    }
    messages
}

/// A program that runs on an engine with answers.
struct Stage {
    engine: Simulated,
    queue: super::Queue,
    time: AtomicUsize,
    _wazuh: Wazuh,
    _program: Program,
}

impl Stage {
    fn new(settings: &str) -> Self {
        // A busy machine answers late; what is too late for its event is the subject of other tests.
        let mut section = json!({"max_events_per_second": 0, "heartbeat": 0, "inspect_timeout": 5000,
            "baseline": {"enabled": false}});
        match settings {
            "plain" | "unified" => {}
            "trusting" => section["trusted_registries"] = json!(["registry.example.com"]),
            "pinning" => {
                section["trusted_registries"] = json!(["registry.example.com"]);
                section["require_pinned"] = json!(true);
            }
            "allowing" | "refusing" => {
                section["trusted_registries"] = json!(["registry.example.com"]);
                section["local_images"] = if settings == "allowing" { json!("allow") } else { json!("alert") };
            }
            "distrusting" => section["untrusted_registries"] = json!(["registry.example.com"]),
            "learning" => section["baseline"] = json!({"enabled": true}),
            "accepting" => {
                section["trusted_registries"] = json!(["registry.example.com"]);
                section["exceptions"] = json!([{"accept": ["privileged", "host_network", "exec_shell", "exec_typed_shell"],
                    "image": "registry.example.com/team/accepted", "reason": "it manages containers", "until": "9999-12-31"},
                    {"accept": "host_pid", "image": "registry.example.com/team/accepted", "reason": "once", "until": "2020-01-01"}]);
            }
            "not asking" => section["inspect"] = json!(false),
            other => panic!("no settings are called {other}"),
        }
        let (engine, wazuh) = (Simulated::docker(), Wazuh::new());
        if settings == "unified" {
            section["trusted_registries"] = json!(["registry.example.com"]);
            r#","CgroupVersion":"2""#.clone_into(&mut engine.engine.says.lock().unwrap().info);
        }
        wazuh.configure(&section);
        let queue = wazuh.queue();
        let program = Program::listen(wazuh.home(), &engine.url());
        queue.wodle_event("Connected to Docker service");
        Self { engine, queue, time: AtomicUsize::new(0), _wazuh: wazuh, _program: program }
    }

    fn answer(&self, path: String, answer: Option<&Value>) {
        let answers = &mut self.engine.engine.says.lock().unwrap().answers;
        match answer {
            Some(answer) => answers.insert(path, Some(answer.to_string())),
            None => answers.remove(&path),
        };
    }

    fn answer_image(&self, name: &str, (case, parent): (&Case, &str), digests: &[String], id: &str) {
        let parent = if parent.is_empty() { String::new() } else { image_id(parent) };
        let image = json!({"Id": id, "RepoTags": case.tags, "RepoDigests": digests, "Parent": parent});
        for name in [name, id] {
            let path = name.replace(':', "%3A").replace('@', "%40").replace('.', "%2E").replace('-', "%2D");
            self.answer(format!("/images/{path}/json"), Some(&image));
        }
    }

    fn play(&self, case: &Case, number: usize) -> Vec<String> {
        let name = case.image.clone().unwrap_or_else(|| "registry.example.com/team/app:1".to_owned());
        let default = vec![format!("registry.example.com/team/app@sha256:{}", "5".repeat(64))];
        let digests = case.digests.as_ref().unwrap_or(&default);
        if let Some(Was { id, digest, is_root }) = &case.was {
            let repository = name.rsplit_once(':').unwrap().0;
            let parent = if *is_root { "" } else { &case.parent };
            self.answer_image(&name, (case, parent), &[format!("{repository}@{digest}")], &image_id(id));
            let about = if case.kind == "image" { image_id(id) } else { actor(number) };
            self.event(case, &name, &about, &case.action);
        }
        self.answer_image(&name, (case, &case.parent), digests, &case.image_id());
        for (other, given) in &case.joined {
            let known = json!({"Id": other, "Config": {}, "HostConfig": given});
            self.answer(format!("/containers/{other}/json"), Some(&known));
        }
        for (volume, answer) in &case.volumes {
            self.answer(format!("/volumes/{volume}"), Some(answer));
        }
        let mut messages = Vec::new();
        for turn in 0..case.repeat {
            let id = if case.others { actor(number * 1000 + usize::try_from(turn).unwrap()) } else { actor(number) };
            self.describe(case, &id, &name);
            if case.late {
                self.answer(format!("/containers/{id}/json"), Some(&json!("not now")));
                self.event(case, &name, &id, "create");
                self.describe(case, &id, &name);
            }
            for (action, attributes) in &case.before {
                self.event_with(case, &name, &id, action, attributes);
            }
            let message = self.event(case, &name, &id, &case.action);
            // What the next event of a container shows of it comes beside that event's own message.
            messages.push(if case.late { self.late(message) } else { message });
        }
        messages
    }

    /// What the engine says of the case's container and command.
    fn describe(&self, case: &Case, id: &str, name: &str) {
        let mut host = json!({"SecurityOpt": ["no-new-privileges"], "Memory": 1 << 28, "PidsLimit": 100});
        for (key, value) in &case.host {
            host[key] = value.clone();
        }
        let mut config = case.config.clone().unwrap_or_else(|| json!({"User": "app"}));
        config["Image"] = name.into();
        let labels = case.config.as_ref().and_then(|config| config.get("Labels")).cloned();
        config["Labels"] = labels.unwrap_or_else(|| json!({}));
        let mut known = json!({"Id": id, "Name": "/web", "Image": case.image_id(),
            "Config": config, "HostConfig": host, "Mounts": case.mounts});
        if let Some((path, args)) = case.program.split_first() {
            known["Path"] = path.clone().into();
            known["Args"] = args.into();
        }
        if let Some(state) = &case.state {
            known["State"] = state.clone();
        }
        if let Some(networks) = &case.networks {
            known["NetworkSettings"] = json!({"Networks": networks});
        }
        known["AppArmorProfile"] = case.apparmor.clone().into();
        let path = format!("/containers/{id}/json");
        match case.silent.as_deref() {
            Some("gone") => self.answer(path, None),
            Some("huge") => self.answer(path, Some(&json!({"Config": {"Env": ["x".repeat(33 << 20)]}}))),
            Some(_) => self.answer(path, Some(&json!("not a container"))),
            None => self.answer(path, Some(&known)),
        }
        if let Some(Exec { user, tty, privileged, stdin, argv }) = &case.exec {
            let command = case.action.split_once(": ").unwrap().1;
            let (program, arguments) = command.split_once(' ').unwrap();
            let arguments: Vec<&str> = match argv.split_first() {
                Some((_, arguments)) => arguments.iter().map(String::as_str).collect(),
                None if arguments.is_empty() => vec![],
                None => vec![arguments],
            };
            let exec = json!({"ContainerID": id, "OpenStdin": stdin, "ProcessConfig": {"entrypoint": program,
                "arguments": arguments, "tty": tty, "privileged": privileged, "user": user}});
            self.answer(format!("/exec/{id}/json"), Some(&exec));
        }
    }

    /// Of this message and the next the one that came late.
    fn late(&self, message: String) -> String {
        let next = self.queue.message_within(Duration::from_secs(20)).unwrap();
        let late: Vec<String> =
            [message, next].into_iter().filter(|text| text.contains("\"late\": \"true\"")).collect();
        assert_eq!(late.len(), 1, "{late:?}");
        late.concat()
    }

    /// Has the event happen, and returns the message it becomes.
    fn event(&self, case: &Case, image: &str, id: &str, action: &str) -> String {
        self.event_with(case, image, id, action, &case.attributes)
    }

    fn event_with(&self, case: &Case, image: &str, id: &str, action: &str, own: &BTreeMap<String, String>) -> String {
        let second = 1_795_217_220 + self.time.fetch_add(1, Ordering::Relaxed);
        let mut attributes = json!({"name": "web"});
        let mut actor = id.to_owned();
        match case.kind.as_str() {
            "container" => attributes["image"] = image.into(),
            "image" if matches!(action, "pull" | "push") => {
                image.clone_into(&mut actor);
                attributes["name"] = image.rsplit_once(':').unwrap().0.into();
            }
            "image" if action == "tag" => {
                // What the tag was before is given.
                actor = if id.starts_with("sha256:") { id.to_owned() } else { case.image_id() };
                attributes["name"] = image.into();
            }
            "image" => {
                actor = case.image_id();
                attributes["name"] = actor.clone().into();
            }
            _ => {}
        }
        if case.exec.is_some() {
            attributes["execID"] = id.into();
        }
        for (key, value) in own {
            attributes[key] = value.clone().into();
        }
        let mut event = json!({"Type": case.kind, "Action": action, "Actor": {"ID": actor, "Attributes": attributes},
            "scope": "local", "time": second, "timeNano": second as u64 * 1_000_000_000});
        for (key, value) in &case.top {
            event[key] = value.clone().into();
        }
        self.engine.publish_line(event.to_string());
        self.queue.message_within(Duration::from_secs(20)).unwrap_or_else(|| panic!("no message: {}", case.say))
    }
}

fn actor(number: usize) -> String {
    format!("{number:064x}")
}

impl Case {
    /// The id of its image: images from elsewhere, or of something else, are others.
    fn image_id(&self) -> String {
        let is_id = |name: &&String| name.len() == 64;
        match (&self.id, self.image.as_ref().filter(is_id)) {
            (Some(digit), _) => image_id(digit),
            (_, Some(id)) => format!("sha256:{id}"),
            _ => {
                let made_of = format!("{:?} {}", self.digests, self.parent);
                let number = made_of.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                format!("sha256:{number:064x}")
            }
        }
    }
}

fn image_id(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

fn at() -> Timestamp {
    Timestamp::from_second(1_795_217_220).unwrap()
}

fn late_message(image: &str, no_answer: Option<NoAnswer>) -> String {
    let registries = Registries::new(&["registry.example.com".to_owned()], &[]).unwrap();
    late_origin_message(origin::of(image, None, &registries), no_answer)
}

/// What a late answer can say of an image beside that it is trusted or not.
fn late_origin(says: &str) -> Option<Origin> {
    let registries = Registries::new(&["registry.example.com".to_owned()], &[]).unwrap();
    let local = if says == "refused" { LocalImages::Alert } else { LocalImages::Report };
    let (name, how) = match says {
        "masquerade" => ("registry.example.com/team/app:1", Some(How::Imported)),
        "local" | "refused" => ("mine:1", Some(How::Built)),
        "unknown" => ("any:1", None),
        _ => return None,
    };
    let mut images = Provenance::default();
    if let Some(how) = how {
        images.made("sha256:1", how);
    }
    let known = Known { id: "sha256:1", images: &[], memory: &images, engine: EngineProof::default() };
    Some(origin::of_known(name, known, &registries.with_local_images(local)))
}

fn late_origin_message(origin: Origin, no_answer: Option<NoAnswer>) -> String {
    let image = origin.reference.clone();
    let meaning = Meaning { image: Some(origin.into()), ..Meaning::default() };
    let findings = Findings { meaning, no_answer, is_late: true, ..Findings::default() };
    let event = Event::about("c1", &[("image", &image), ("name", "web")]);
    message::frame(&event, &findings, &Context::default(), message::LARGEST).text
}

/// A command of which the engine has not said as whom it runs.
fn late_exec_message() -> String {
    let exec = exec::Facts { line: "id".into(), runs: true, ..exec::Facts::default() };
    let meaning = Meaning { exec: Some(exec), ..Meaning::default() };
    let findings = Findings { meaning, no_answer: Some(NoAnswer::Timeout), is_late: true, ..Findings::default() };
    let event = Event::about("c1", &[("image", "bb:1"), ("name", "web")]);
    message::frame(&event, &findings, &Context::default(), message::LARGEST).text
}

/// A container that the engine did not know any more when its start was judged, at that age.
fn gone_message(age_ms: Option<u64>) -> String {
    let line = json!({"Type": "container", "Action": "start", "scope": "local", "time": at().as_second(),
        "Actor": {"ID": actor(1), "Attributes": {"image": "registry.example.com/team/app:1", "name": "web"}}})
    .to_string();
    let findings =
        Findings { no_answer: Some(NoAnswer::Gone), age_ms, replayed: age_ms.is_some(), ..Findings::default() };
    let event = Event::parse(line.as_bytes()).unwrap();
    message::frame(&event, &findings, &Context::default(), message::LARGEST).text
}

/// A container's own health check, and a risk of the container that is attached to it.
fn probe_message(risk: &str) -> String {
    let line = json!({"Type": "container", "Action": "exec_start: curl -f http://localhost/", "scope": "local",
        "time": at().as_second(), "Actor": {"ID": actor(1), "Attributes": {"execID": actor(2), "name": "web"}}})
    .to_string();
    let event = Event::parse(line.as_bytes()).unwrap();
    let mut meaning = Meaning::of_event(&event);
    meaning.exec.as_mut().unwrap().probe = Some(true);
    let kind = KINDS.iter().find(|kind| kind.name == risk).unwrap();
    meaning.risks.push(Risk { kind, detail: "detail".into() });
    let findings = Findings { meaning, ..Findings::default() };
    message::frame(&event, &findings, &Context::default(), message::LARGEST).text
}

/// A health check whose answer came late, of a container of this image.
fn late_probe_message(origin: Origin) -> String {
    let image = origin.reference.clone();
    let check = json!({"Type": "container", "Action": "exec_start: curl -f http://localhost/"}).to_string();
    let mut meaning = Meaning::of_event(&Event::parse(check.as_bytes()).unwrap());
    meaning.exec.as_mut().unwrap().probe = Some(true);
    meaning.image = Some(origin.into());
    let findings = Findings { meaning, is_late: true, ..Findings::default() };
    let event = Event::about("c1", &[("image", &image), ("name", "web")]);
    message::frame(&event, &findings, &Context::default(), message::LARGEST).text
}

/// The start of a container of which the kernel alone shows this risk, or of which the engine says it too.
fn kernel_message(risk: &str, is_said: bool) -> String {
    let line = json!({"Type": "container", "Action": "start", "scope": "local", "time": at().as_second(),
        "Actor": {"ID": actor(1), "Attributes": {"image": "registry.example.com/team/app:1", "name": "web"}}})
    .to_string();
    let found = || {
        let kind = KINDS.iter().find(|kind| kind.name == risk).unwrap();
        vec![Risk { kind, detail: "/etc/hosts.allow on /x (ro)".into() }]
    };
    let engine = if is_said { found() } else { Vec::new() };
    let merged = kernel::merge(engine, found(), &Container::default());
    let evidence = Evidence::of(Ok(&wazuh_docker_listener::kernel::Evidence::default()), merged.kernel_only);
    let meaning = Meaning { risks: merged.risks, evidence: Some(evidence), ..Meaning::default() };
    let findings = Findings { meaning, ..Findings::default() };
    message::frame(&Event::parse(line.as_bytes()).unwrap(), &findings, &Context::default(), message::LARGEST).text
}

fn notice_message(name: &str) -> String {
    match name.split_once(' ') {
        Some(("kernel", risk)) => return kernel_message(risk, false),
        Some(("both", risk)) => return kernel_message(risk, true),
        Some(("late", "untrusted")) => return late_message("evil.example/app:1", None),
        Some(("late", "trusted")) => return late_message("registry.example.com/team/app:1", None),
        Some(("late", "too_large")) => {
            return late_message("registry.example.com/team/app:1", Some(NoAnswer::TooLarge));
        }
        Some(("late", "timeout")) => {
            return late_message("registry.example.com/team/app:1", Some(NoAnswer::Timeout));
        }
        Some(("late", "exec")) => return late_exec_message(),
        Some(("gone", "unaged")) => return gone_message(None),
        Some(("gone", age_ms)) => return gone_message(Some(age_ms.parse().unwrap())),
        Some(("late", says)) => return late_origin_message(late_origin(says).unwrap(), None),
        Some(("probe", says @ ("untrusted" | "trusted"))) => {
            let name = if says == "trusted" { "registry.example.com/team/app:1" } else { "evil.example/app:1" };
            let registries = Registries::new(&["registry.example.com".to_owned()], &[]).unwrap();
            return late_probe_message(origin::of(name, None, &registries));
        }
        Some(("probe", "masquerade")) => return late_probe_message(late_origin("masquerade").unwrap()),
        Some(("probe", risk)) => return probe_message(risk),
        _ => {}
    }
    let gap = |kind, count| Gap {
        kind,
        count,
        from: Some(at()),
        to: at(),
        detail: None,
        reason: None,
        kept: None,
        important: None,
    };
    let refused = |why| Notice::LineRefused { why, length: 2_000_000, head: "{\"Type\":\"container".into(), at: at() };
    let full = |reason, important| {
        let kept = Some("all 12 events that matter were kept".to_owned());
        let (reason, important) = (Some(reason), Some(important));
        Notice::Lost(Gap { reason, kept, important, ..gap(Kind::BacklogFull, Some(70)) })
    };
    let line = || Unprocessed {
        hash: 0x00c0_ffee,
        length: 20_000,
        head: "{\"Type\":\"container".into(),
        at: at(),
        detail: None,
    };
    let heartbeat = |status, lost| {
        let connection = Connection { status, ..Connection::default() };
        // Its uptime counts from now.
        Notice::Heartbeat(Box::new(State { connection, lost, started: Timestamp::now(), ..State::default() }))
    };
    let notice = match name {
        "started" => Notice::Started { version: "0.1.0", home: "/var/ossec".into() },
        "connected" => Notice::Connected { engine: "docker 20.10.24 (API 1.41)".into(), away: None },
        "disconnected" => Notice::Disconnected { reason: "the stream ended".into(), lasted: Duration::from_secs(60) },
        "engine_away" => Notice::EngineAway { error: "the engine is not running".into(), first: true },
        "recovered" => Notice::Recovered { count: 2 },
        "gap ring_wrapped" => Notice::Lost(gap(Kind::RingWrapped, None)),
        "gap engine_restarted" => Notice::Lost(gap(Kind::EngineRestarted, None)),
        "gap backlog_full" => Notice::Lost(gap(Kind::BacklogFull, Some(7))),
        "gap cursor_unreadable" => Notice::Lost(gap(Kind::CursorUnreadable, None)),
        "gap line_oversized" => refused(Flaw::Oversized),
        "gap line_not_json" => refused(Flaw::NotJson),
        "gap line_skipped" => Notice::LineSkipped(line()),
        "gap line_failed" => Notice::LineFailed(line()),
        "gap backlog_full memory 0" => full(Reason::Memory, 0),
        "gap backlog_full disk 3" => full(Reason::Disk, 3),
        "heartbeat connected" => heartbeat(ConnectionStatus::Connected, 0),
        "heartbeat disconnected" => heartbeat(ConnectionStatus::Disconnected, 0),
        "heartbeat lost" => heartbeat(ConnectionStatus::Connected, 10),
        other => panic!("no notice is called {other}"),
    };
    notice.message(true, 7, at()).unwrap()
}

fn audit_message(name: &str) -> String {
    let host = "unix:///var/run/docker.sock";
    if name == "summary" {
        return audit::message_of_all(&Report::new(&Identity::default(), host.to_owned(), at()), at());
    }
    let severity = Severity::ALL.into_iter().find(|severity| severity.name() == name).unwrap();
    let kind = KINDS.iter().find(|kind| kind.severity == severity).unwrap();
    let finding = Finding {
        severity,
        subject: Subject::Container,
        name: "web".into(),
        id: actor(1),
        finding: kind.name,
        what: kind.what,
        detail: "detail".into(),
        cis: kind.cis,
        attack: kind.attack,
        cure: kind.cure,
    };
    audit::message_of(&finding, host, at())
}
