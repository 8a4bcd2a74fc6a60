//! Trust follows where the content of an image is from, whatever it is called: on a real dockerd with the classic store
//! and two registries, and with the answers that an engine of API 1.56 gave where containerd keeps the images.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::analysisd::Fields;
use support::checker::RuleSet;
use support::engines::{Engine, Registry};
use support::simulated::Simulated;
use support::{Program, Queue, Wazuh, parse};

/// The registry that the policy trusts.
const TRUSTED: &str = "127.0.0.1:5000";

/// The one that it does not.
const OTHER: &str = "127.0.0.2:5000";

/// An event as it reached the queue.
#[derive(Debug, Clone)]
struct Seen {
    what: String,
    name: String,
    image: Value,
    rule: u32,
    level: u8,
}

impl Seen {
    /// An event with where it ends in the rules; `None` for a notice.
    fn of(message: &str, rules: &RuleSet) -> Option<Self> {
        let json = parse(message);
        let docker = &json["docker"];
        let listener = &json["docker_listener"];
        if docker.get("Action").is_none() && listener.get("late").is_none() {
            return None;
        }
        let fields = Fields::of(message).unwrap();
        let found = rules.session().evaluate(&|name| fields.get(name), 0).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(Self {
            what: format!("{} {}", text(&docker["Type"]), text(&docker["Action"])),
            name: text(&docker["Actor"]["Attributes"]["name"]),
            image: listener["image"].clone(),
            rule: found.rule.id,
            level: found.rule.level,
        })
    }

    fn field(&self, key: &str) -> &str {
        self.image[key].as_str().unwrap_or_default()
    }

    /// Trust, origin, and whether the name is false.
    fn verdict(&self) -> (&str, &str, bool) {
        (self.field("trust"), self.field("origin"), self.field("masquerade") == "true")
    }
}

/// Reads a queue all the time, since the kernel holds few messages.
struct Stream(Receiver<String>);

impl Stream {
    fn new(queue: Queue) -> Self {
        let (came, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = queue.message_within(Duration::from_secs(600)) {
                if came.send(message).is_err() {
                    break;
                }
            }
        });
        Self(messages)
    }

    /// The next event; `None` for a notice.
    fn next(&self, rules: &RuleSet) -> Option<Seen> {
        Seen::of(&self.0.recv_timeout(support::PATIENCE).unwrap(), rules)
    }
}
/// A name in the registry that is trusted.
fn trusted_name(name: &str) -> String {
    format!("{TRUSTED}/{name}")
}

fn rules() -> RuleSet {
    RuleSet::load(&[
        ("0560-docker_integration_rules.xml", include_str!("rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../ossec-rules/docker_listener_rules.xml")),
    ])
    .unwrap()
}

/// A listener on an engine.
struct Watch {
    wazuh: Wazuh,
    stream: Stream,
    program: Program,
    rules: RuleSet,
    marks: usize,
}

impl Watch {
    /// One that remembers nothing but what was left in its home before.
    fn new(engine: &Engine, memory: &str) -> Self {
        let wazuh = Wazuh::new();
        // A busy machine answers late, which is the subject of other tests.
        wazuh.configure(&json!({"trusted_registries": [TRUSTED], "inspect_timeout": 5000}));
        if !memory.is_empty() {
            std::fs::create_dir_all(wazuh.home().join("queue/docker-listener")).unwrap();
            std::fs::write(wazuh.home().join("queue/docker-listener/tags"), memory).unwrap();
        }
        let queue = wazuh.queue();
        let program = Program::listen(wazuh.home(), &engine.url());
        queue.wodle_event("Connected to Docker service");
        Self { wazuh, stream: Stream::new(queue), program, rules: rules(), marks: 0 }
    }

    /// What is done, and the events of it.
    fn during(&mut self, engine: &Engine, what: impl FnOnce(&Engine)) -> Vec<Seen> {
        what(engine);
        self.marks += 1;
        let mark = format!("mark{}", self.marks);
        engine.create_volume(&mark);
        let mut seen = Vec::new();
        let mut is_marked = false;
        while !is_marked {
            match self.stream.next(&self.rules) {
                Some(event) if event.what == "volume create" => is_marked = true,
                Some(event) => seen.push(event),
                None => {}
            }
        }
        // An event that waits for the engine's answer comes behind the mark, about which nothing is asked.
        while let Ok(message) = self.stream.0.recv_timeout(Duration::from_millis(300)) {
            seen.extend(Seen::of(&message, &self.rules));
        }
        seen
    }

    /// A container of this image, as its create is seen.
    fn create(&mut self, engine: &Engine, name: &str, image: &str) -> Seen {
        let create = ["create", "--network", "none", "--name", name, image, "true"];
        engine.docker(&create);
        self.await_event("container create", name)
    }

    fn await_event(&mut self, what: &str, name: &str) -> Seen {
        loop {
            if let Some(seen) = self.stream.next(&self.rules)
                && seen.what == what
                && (name.is_empty() || seen.name == name)
            {
                return seen;
            }
        }
    }

    /// What the audit finds of each container and image, by its name.
    fn audit(&self, engine: &Engine) -> BTreeMap<String, String> {
        let audit = Program::command(self.wazuh.home(), &engine.url()).args(["audit", "--format", "json"]).output();
        let report: Value = serde_json::from_slice(&audit.unwrap().stdout).unwrap();
        let items = |key: &str| report[key].as_array().unwrap().clone();
        let named =
            |item: &Value| (item["name"].as_str().unwrap().to_owned(), item["trust"].as_str().unwrap().to_owned());
        items("containers").iter().chain(&items("images")).map(named).collect()
    }

    /// Ends the listener, in order or not, and starts another on what it left.
    fn restart(&mut self, engine: &Engine, signal: Signal) {
        self.program.signal(signal);
        self.program.ends();
        self.program = Program::listen(self.wazuh.home(), &engine.url());
        while !self.stream.0.recv_timeout(support::PATIENCE).unwrap().contains("Connected to Docker service") {}
    }
}

/// An engine and two registries, each with an image of its own; the engine has neither.
struct World {
    engine: Engine,
    _registries: [Registry; 2],
    app: String,
    evil: String,
}

impl World {
    fn new() -> Option<Self> {
        let engine = Engine::dockerd()?;
        let registries = [engine.registry_at(TRUSTED)?, engine.registry_at(OTHER)?];
        let (app, evil) = (format!("{TRUSTED}/app:1"), format!("{OTHER}/evil:1"));
        engine.docker(&["rmi", &format!("{TRUSTED}/probe:1"), &format!("{OTHER}/probe:1")]);
        for image in [&app, &evil] {
            // A file more, so that the layers differ.
            std::fs::write(engine.path("image/which"), image).unwrap();
            let (root, tar) =
                (engine.path("image").display().to_string(), engine.path("one.tar").display().to_string());
            assert!(
                std::process::Command::new("tar").args(["-C", &root, "-cf", &tar, "."]).status().unwrap().success()
            );
            engine.docker(&["import", &tar, image]);
            engine.docker(&["push", "--quiet", image]);
            engine.docker(&["rmi", image]);
        }
        Some(Self { engine, _registries: registries, app, evil })
    }

    fn id(&self, image: &str) -> String {
        self.engine.docker(&["image", "inspect", "--format", "{{.Id}}", image])
    }

    /// An image of one step more, by the classic builder.
    fn build(&self, from: &str, tag: &str) {
        let folder = self.engine.path("build");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("Dockerfile"), format!("FROM {from}\nLABEL step=one\nLABEL step=two\n")).unwrap();
        let output = std::process::Command::new("docker")
            .args(["build", "--quiet", "--tag", tag, &folder.display().to_string()])
            .env("DOCKER_HOST", self.engine.url())
            .env("DOCKER_BUILDKIT", "0")
            .env("DOCKER_CONFIG", self.engine.path("client"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The files of a container of this image, as an image of this name.
    fn flatten(&self, image: &str, name: &str) {
        let (engine, tar) = (&self.engine, self.engine.path("flat.tar").display().to_string());
        engine.docker(&["create", "--network", "none", "--name", "flattened", image, "true"]);
        engine.docker(&["export", "--output", &tar, "flattened"]);
        engine.docker(&["rm", "flattened"]);
        engine.docker(&["import", &tar, name]);
    }
}

#[test]
fn what_was_pulled_is_from_there_under_every_name_and_id() {
    let Some(world) = World::new() else { return };
    let (engine, app, evil) = (&world.engine, world.app.as_str(), world.evil.as_str());
    let mut watch = Watch::new(engine, "");
    let pulled = watch.during(engine, |engine| drop(engine.docker(&["pull", "--quiet", app])));
    assert_eq!(pulled[0].verdict(), ("trusted", "pulled", false), "{pulled:?}");
    let trusted = ("trusted", "pulled", false);
    assert_eq!(watch.create(engine, "by-name", app).verdict(), trusted);
    let short = world.id(app)[7..19].to_owned();
    let by_short_id = watch.create(engine, "by-id", &short);
    assert_eq!((by_short_id.verdict(), by_short_id.field("reference")), (trusted, app), "{by_short_id:?}");
    assert_eq!(watch.create(engine, "again", app).verdict(), trusted);

    engine.docker(&["tag", app, "mine:3"]);
    assert_eq!(watch.create(engine, "renamed", "mine:3").verdict(), trusted);
    assert_eq!(watch.create(engine, "beside", app).verdict(), trusted);
    let untagged = watch.during(engine, |engine| drop(engine.docker(&["rmi", "mine:3"])));
    let untag = untagged.iter().find(|seen| seen.what == "image untag").unwrap();
    assert_eq!((untag.field("reference"), untag.verdict()), ("docker.io/library/mine:3", trusted), "{untag:?}");
    assert_eq!(watch.create(engine, "after", app).verdict(), trusted);

    let pulled = watch.during(engine, |engine| drop(engine.docker(&["pull", "--quiet", evil])));
    assert_eq!((pulled[0].verdict(), pulled[0].rule), (("untrusted", "pulled", false), 110_510), "{pulled:?}");
    let false_name = trusted_name("other:9");
    let tagged = watch.during(engine, |engine| drop(engine.docker(&["tag", evil, &false_name])));
    assert_eq!(tagged[0].verdict(), ("untrusted", "pulled", true), "{tagged:?}");
    assert!(tagged[0].level <= 5, "{tagged:?}");
    let untagged = watch.during(engine, |engine| drop(engine.docker(&["rmi", evil])));
    let untag = untagged.iter().find(|seen| seen.what == "image untag").unwrap();
    assert_eq!((untag.field("reference"), untag.field("trust")), (evil, "untrusted"), "{untag:?}");
    let run = watch.create(engine, "false-name", &false_name);
    assert_eq!((run.verdict(), run.rule), (("untrusted", "pulled", true), 110_512), "{run:?}");
    assert_eq!(run.field("pulled_from"), "127.0.0.2:5000/evil", "{run:?}");
    let id = world.id(&false_name)[7..19].to_owned();
    assert_eq!(watch.create(engine, "false-by-id", &id).field("trust"), "untrusted");

    // From a file: the same content, the same id.
    let tar = engine.path("saved.tar").display().to_string();
    let loaded = watch.during(engine, |engine| {
        engine.docker(&["save", "--output", &tar, &false_name]);
        engine.docker(&["rm", "false-name", "false-by-id"]);
        engine.docker(&["rmi", &false_name]);
        engine.docker(&["load", "--input", &tar]);
    });
    let load = loaded.iter().find(|seen| seen.what == "image load").unwrap();
    assert_eq!((load.field("reference"), load.field("trust")), (false_name.as_str(), "untrusted"), "{load:?}");
    let delete = loaded.iter().find(|seen| seen.what == "image delete").unwrap();
    assert_eq!((delete.field("reference"), delete.field("trust")), (false_name.as_str(), "untrusted"), "{delete:?}");
    assert_eq!(watch.create(engine, "loaded", &false_name).field("trust"), "untrusted");

    // A push of this host vouches for nothing, and what comes back is the same.
    engine.docker(&["push", "--quiet", &false_name]);
    assert_eq!(watch.create(engine, "pushed", &false_name).field("trust"), "untrusted");
    engine.docker(&["rm", "loaded", "pushed"]);
    engine.docker(&["rmi", &false_name]);
    engine.docker(&["pull", "--quiet", &false_name]);
    assert_eq!(watch.create(engine, "pulled-again", &false_name).field("trust"), "untrusted");

    // A container keeps what it was made of, wherever the tag points by now.
    engine.docker(&["tag", &false_name, app]);
    engine.docker(&["start", "by-name"]);
    assert_eq!(watch.await_event("container start", "by-name").verdict(), trusted);

    let audited = watch.audit(engine);
    for (name, trust) in
        [("by-name", "trusted"), ("by-id", "trusted"), ("renamed", "trusted"), ("pulled-again", "untrusted")]
    {
        assert_eq!(audited.get(name).map(String::as_str), Some(trust), "{name}: {audited:?}");
    }
    assert_eq!(audited.get(app).map(String::as_str), Some("untrusted"), "the name was given to another: {audited:?}");

    // What is remembered survives a prune of everything and a restart.
    let ids = engine.docker(&["ps", "--all", "--quiet"]);
    engine.docker(&[&["rm"][..], &ids.split_whitespace().collect::<Vec<_>>()].concat());
    engine.docker(&["image", "prune", "--all", "--force"]);
    assert!(!engine.try_docker(&["image", "inspect", &false_name]).0);
    watch.restart(engine, Signal::SIGTERM);
    engine.docker(&["load", "--input", &tar]);
    engine.docker(&["pull", "--quiet", app]);
    assert_eq!(watch.create(engine, "after-restart", &false_name).field("trust"), "untrusted");
    assert_eq!(watch.create(engine, "id-after-restart", &short).verdict(), trusted);
}

#[test]
fn what_is_made_here_is_local_and_no_better_than_what_it_was_made_of() {
    let Some(world) = World::new() else { return };
    let (engine, app, evil) = (&world.engine, world.app.as_str(), world.evil.as_str());
    let mut watch = Watch::new(engine, "");
    engine.docker(&["pull", "--quiet", app]);
    engine.docker(&["pull", "--quiet", evil]);
    let mut expected = BTreeMap::new();
    let mut check = |watch: &mut Watch, name: &str, image: &str, verdict: (&str, &str, bool), rule: Option<u32>| {
        let seen = watch.create(engine, name, image);
        assert_eq!(seen.verdict(), verdict, "{name}: {seen:?}");
        assert_eq!(seen.field("local"), if verdict.1 == "pulled" { "" } else { "true" }, "{name}: {seen:?}");
        if let Some(rule) = rule {
            assert_eq!(seen.rule, rule, "{name}: {seen:?}");
        }
        expected.insert(name.to_owned(), verdict.0.to_owned());
        seen
    };

    // Flattened: nothing shows any more what it was, and nobody vouches for it.
    let flat = trusted_name("flat:1");
    world.flatten(evil, &flat);
    check(&mut watch, "flat", &flat, ("local", "imported", true), Some(110_640));
    world.flatten(evil, "nginx:9");
    check(&mut watch, "flat-nginx", "nginx:9", ("local", "imported", false), Some(110_645));

    // Committed.
    let (committed, of_trusted) = (trusted_name("committed:1"), trusted_name("committed:2"));
    engine.docker(&["create", "--network", "none", "--name", "source", evil, "true"]);
    engine.docker(&["commit", "source", &committed]);
    let seen = check(&mut watch, "of-evil", &committed, ("untrusted", "committed", true), Some(110_512));
    assert_eq!(seen.field("made_of"), "container source, 127.0.0.2:5000/evil", "{seen:?}");
    engine.docker(&["create", "--network", "none", "--name", "good", app, "true"]);
    engine.docker(&["commit", "good", &of_trusted]);
    check(&mut watch, "of-app", &of_trusted, ("local", "committed", true), Some(110_640));

    // Built, one on the other, and run by its id.
    let (built, own) = (trusted_name("built:1"), trusted_name("built:2"));
    world.build(&committed, "step:1");
    world.build("step:1", &built);
    let seen = check(&mut watch, "built-on-evil", &built, ("untrusted", "built", true), Some(110_512));
    assert!(seen.field("made_of").contains("127.0.0.2:5000/evil"), "{seen:?}");
    world.build(app, "team/app:1");
    check(&mut watch, "built-on-app", "team/app:1", ("local", "built", false), Some(110_645));
    let id = world.id("team/app:1");
    check(&mut watch, "built-by-id", &id[7..19], ("local", "built", false), Some(110_645));
    engine.docker(&["tag", "team/app:1", &own]);
    check(&mut watch, "built-false", &own, ("local", "built", true), Some(110_640));
    engine.docker(&["push", "--quiet", &own]);
    watch.await_event("image push", "");
    check(&mut watch, "built-pushed", &own, ("local", "built", false), Some(110_645));

    // Loaded, of what this host has never seen.
    let (tar, loaded) = (engine.path("loaded.tar").display().to_string(), trusted_name("loaded:1"));
    foreign_archive(engine, &tar, &loaded);
    engine.docker(&["load", "--input", &tar]);
    check(&mut watch, "loaded", &loaded, ("local", "loaded", true), Some(110_640));

    std::thread::sleep(Duration::from_millis(1500));
    let audited = watch.audit(engine);
    for (name, trust) in &expected {
        assert_eq!(audited.get(name), Some(trust), "{name}: {audited:?}");
    }
    for image in [&committed, &built, &own, &loaded, &flat] {
        let of_container = &audited[image];
        assert_ne!(of_container, "trusted", "{image}");
    }

    // Their parents without names, and no memory of this listener but on disk.
    engine.docker(&["rm", "source"]);
    engine.try_docker(&["rmi", "step:1", evil]);
    // A second after the last of it was learnt it is on disk.
    std::thread::sleep(Duration::from_millis(1500));
    watch.restart(engine, Signal::SIGKILL);
    assert_eq!(watch.create(engine, "later", &built).verdict(), ("untrusted", "built", true));
    assert_eq!(watch.create(engine, "later-flat", &flat).verdict(), ("local", "imported", true));
}

/// An archive that `load` takes, of an image that this engine never had.
fn foreign_archive(engine: &Engine, tar: &str, name: &str) {
    let folder = engine.path("foreign");
    std::fs::create_dir_all(&folder).unwrap();
    let run = |arguments: &[&str]| {
        assert!(std::process::Command::new(arguments[0]).args(&arguments[1..]).status().unwrap().success());
    };
    let at = folder.display().to_string();
    std::fs::write(engine.path("image/which"), "from elsewhere").unwrap();
    run(&["tar", "-C", &engine.path("image").display().to_string(), "-cf", &format!("{at}/layer.tar"), "."]);
    let sum = std::process::Command::new("sha256sum").arg(format!("{at}/layer.tar")).output().unwrap();
    let layer = String::from_utf8(sum.stdout).unwrap()[..64].to_owned();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {}, "created": "2026-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]}});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let manifest = json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    run(&["tar", "-C", &at, "-cf", tar, "config.json", "manifest.json", "layer.tar"]);
}

#[test]
fn without_memory_nothing_becomes_trusted_by_its_name() {
    let Some(world) = World::new() else { return };
    let (engine, app, evil) = (&world.engine, world.app.as_str(), world.evil.as_str());
    let (false_name, flat) = (trusted_name("other:9"), trusted_name("flat:1"));
    engine.docker(&["pull", "--quiet", app]);
    engine.docker(&["pull", "--quiet", evil]);
    engine.docker(&["tag", evil, &false_name]);
    engine.docker(&["rmi", evil]);
    engine.docker(&["import", &engine.path("image.tar").display().to_string(), &flat]);
    world.build(app, &trusted_name("built:1"));
    let short = world.id(app)[7..19].to_owned();
    let id = world.id(&false_name);

    // Before its first start, and run by a short id.
    let mut watch = Watch::new(engine, "");
    let first = watch.create(engine, "short", &short);
    assert_eq!((first.verdict(), first.field("reference")), (("trusted", "pulled", false), app), "{first:?}");
    assert_eq!(watch.create(engine, "named", app).verdict(), ("trusted", "pulled", false), "and under its own name");
    for (name, image) in [("renamed", &false_name), ("flat", &flat)] {
        let seen = watch.create(engine, name, image);
        assert_eq!((seen.verdict(), seen.rule), (("unknown", "unknown", true), 110_640), "{seen:?}");
    }
    let nameless = watch.create(engine, "by-id", &id[7..19]);
    assert_eq!(nameless.field("trust"), "unknown", "{nameless:?}");
    assert!(nameless.level >= 7, "{nameless:?}");
    engine.docker(&["tag", &flat, "own:1"]);
    let own = watch.create(engine, "own", "own:1");
    assert_eq!((own.verdict(), own.rule), (("unknown", "unknown", false), 110_643), "{own:?}");
    let built = watch.create(engine, "built", &trusted_name("built:1"));
    assert_eq!(built.verdict(), ("local", "built", true), "its parent shows that it was made here");
    let audited = watch.audit(engine);
    assert_eq!([&audited["renamed"], &audited["flat"], &audited["named"]], ["unknown", "unknown", "trusted"]);
    drop(watch);

    // The file of version 0.1.0 says where it was pulled from.
    let memory = format!("{evil} r {id} sha256:{}\n{false_name} h {id} \n", "5".repeat(64));
    let mut watch = Watch::new(engine, &memory);
    let seen = watch.create(engine, "remembered", &false_name);
    assert_eq!((seen.verdict(), seen.rule), (("untrusted", "pulled", true), 110_512), "{seen:?}");
}

/// An engine of API 1.56 where containerd keeps the images, with the answers that one gave.
struct Recorded {
    engine: Simulated,
    stream: Stream,
    rules: RuleSet,
    _wazuh: Wazuh,
    _program: Program,
    /// What stands for the registries that the answers name.
    hosts: [&'static str; 2],
    containers: usize,
}

/// What a file of the recording holds.
fn recorded(name: &str) -> String {
    let path = format!("{}/tests/corpus/engine-29/containerd-store/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// A recorded text with these registries in the place of the recorded ones. What `Identity` says has no port.
fn of_hosts(text: &str, hosts: [&str; 2]) -> String {
    let bare = hosts.map(|host| host.split(':').next().unwrap());
    text.replace("127.0.0.1:5055", hosts[0])
        .replace("127.0.0.1:5066", hosts[1])
        .replace("\"127.0.0.1/app\"", &format!("\"{}/app\"", bare[0]))
        .replace("\"127.0.0.1/evil\"", &format!("\"{}/evil\"", bare[1]))
}

/// The path of a question about an image or a container, as the listener writes it.
fn path_of(kind: &str, name: &str) -> String {
    let name = name.replace(':', "%3A").replace('.', "%2E").replace('-', "%2D");
    format!("/{kind}/{name}/json")
}

impl Recorded {
    /// `hosts` takes the place of the trusted and of the other registry: the recorded ones differ in nothing but their
    /// ports. `listed` is there before the first start.
    fn new(hosts: [&'static str; 2], section: &Value, listed: &[&str]) -> Self {
        let (engine, wazuh) = (Simulated::docker(), Wazuh::new());
        let mut config = json!({"trusted_registries": [hosts[0]], "inspect_timeout": 5000, "heartbeat": 0});
        for (key, value) in section.as_object().unwrap() {
            config[key] = value.clone();
        }
        wazuh.configure(&config);
        let list: Vec<Value> =
            listed.iter().map(|name| serde_json::from_str(&of_hosts(&recorded(name), hosts)).unwrap()).collect();
        {
            let mut says = engine.engine.says.lock().unwrap();
            "1.56".clone_into(&mut says.api);
            says.answers.insert("/images/json".to_owned(), Some(json!(list).to_string()));
        }
        let queue = wazuh.queue();
        let program = Program::listen(wazuh.home(), &engine.url());
        queue.wodle_event("Connected to Docker service");
        let stream = Stream::new(queue);
        Self { engine, stream, rules: rules(), _wazuh: wazuh, _program: program, hosts, containers: 0 }
    }

    fn answers(&self, path: String, answer: Option<String>) {
        let answers = &mut self.engine.engine.says.lock().unwrap().answers;
        match answer {
            Some(answer) => answers.insert(path, Some(answer)),
            None => answers.remove(&path),
        };
    }

    /// From now on the engine says this of the image in that file, by its id and by this name; its id.
    fn knows(&self, file: &str, name: &str) -> String {
        let image = of_hosts(&recorded(file), self.hosts);
        let id = serde_json::from_str::<Value>(&image).unwrap()["Id"].as_str().unwrap().to_owned();
        for name in [id.as_str(), &of_hosts(name, self.hosts)] {
            self.answers(path_of("images", name), Some(image.clone()));
        }
        id
    }

    fn forgets(&self, id: &str) {
        self.answers(path_of("images", id), None);
    }

    /// Something happens, and how it is seen.
    fn happens(&self, line: &str) -> Seen {
        self.engine.publish_line(of_hosts(line, self.hosts));
        loop {
            if let Some(seen) = self.stream.next(&self.rules) {
                return seen;
            }
        }
    }

    /// A container of the image in this file, made by this name, and then started.
    fn creates(&mut self, file: &str, name: &str) -> Seen {
        let image = self.knows(file, name);
        self.containers += 1;
        let id = format!("{:064x}", self.containers);
        let name = of_hosts(name, self.hosts);
        let known = json!({"Id": id, "Name": "/web", "Image": image, "Config": {"Image": name, "User": "app"},
            "HostConfig": {"SecurityOpt": ["no-new-privileges"], "Memory": 1 << 28, "PidsLimit": 100}});
        self.answers(path_of("containers", &id), Some(known.to_string()));
        let event = |action: &str| {
            json!({"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": {"image": name, "name": "web"}},
                "scope": "local", "time": 1_795_328_002, "timeNano": 1_795_328_002_000_000_000_u64 + self.containers as u64})
            .to_string()
        };
        let created = self.happens(&event("create"));
        let started = self.happens(&event("start"));
        assert_eq!((created.verdict(), created.level), (started.verdict(), started.level), "{created:?} {started:?}");
        created
    }
}

const HOSTS: [&str; 2] = ["registry.example.com", "registry.example.net"];
const ALIKE: [&str; 2] = ["127.0.0.1:5055", "127.0.0.1:5066"];
const IMAGE: [&str; 9] = [
    "image-pulled-trusted.json",
    "image-pulled-untrusted.json",
    "image-untrusted-named-as-trusted.json",
    "image-untrusted-named-as-trusted-origin-removed.json",
    "image-tagged-mine.json",
    "image-tagged-mine-after-origin-removed.json",
    "image-loaded-under-trusted-name.json",
    "image-imported-under-trusted-name.json",
    "image-imported-as-library.json",
];

#[test]
fn where_containerd_keeps_the_images_identity_decides_without_any_memory() {
    let mut stage = Recorded::new(HOSTS, &json!({}), &IMAGE[..1]);
    let trusted = ("trusted", "pulled", false);
    for (file, name, verdict, rule) in [
        ("image-pulled-trusted-by-short-id.json", "46ab634f4d8a", trusted, None),
        (IMAGE[0], "127.0.0.1:5055/app:1", trusted, None),
        (IMAGE[4], "127.0.0.1:5055/app:1", trusted, None),
        (IMAGE[4], "mine:1", trusted, None),
        (IMAGE[5], "mine:1", trusted, None),
        (IMAGE[5], "46ab634f4d8a", trusted, None),
        (IMAGE[1], "127.0.0.1:5066/evil:1", ("untrusted", "pulled", false), Some(110_512)),
        (IMAGE[2], "127.0.0.1:5055/evil:9", ("untrusted", "pulled", true), Some(110_512)),
        (IMAGE[3], "127.0.0.1:5055/evil:9", ("untrusted", "pulled", true), Some(110_512)),
        (IMAGE[7], "127.0.0.1:5055/imported:1", ("local", "loaded", true), Some(110_640)),
        (IMAGE[8], "nginx:9", ("local", "loaded", false), Some(110_645)),
        ("image-built-buildkit-scratch.json", "127.0.0.1:5055/bk:1", ("local", "built", true), Some(110_640)),
        ("image-built-buildkit-from-trusted.json", "mine/bk2:1", ("local", "built", false), Some(110_645)),
    ] {
        let seen = stage.creates(file, name);
        assert_eq!(seen.verdict(), verdict, "{file} {name}: {seen:?}");
        assert!(rule.is_none_or(|rule| seen.rule == rule), "{file} {name}: {seen:?}");
        assert!(verdict != trusted || seen.level <= 3, "{file} {name}: {seen:?}");
        assert_eq!(seen.field("local") == "true", verdict.1 != "pulled", "{file} {name}: {seen:?}");
        assert!(!seen.field("reference").contains("46ab634f4d8a"), "{seen:?}");
    }
    let seen = stage.creates("image-pulled-trusted.json", "127.0.0.1:5055/app:1");
    assert_eq!(seen.field("pulled_from"), "", "only where it is from elsewhere: {seen:?}");
    let seen = stage.creates("image-tagged-mine-after-origin-removed.json", "mine:1");
    assert_eq!(seen.field("pulled_from"), "registry.example.com/app", "{seen:?}");

    // Nothing remembered of this one either: loaded, with no identity.
    let mut fresh = Recorded::new(HOSTS, &json!({}), &[]);
    assert_eq!(fresh.creates(IMAGE[6], "127.0.0.1:5055/evil:9").verdict(), ("local", "loaded", true));
    // What the engine had seen of it before it was removed and loaded is the same content's.
    let id = stage.knows(IMAGE[6], "127.0.0.1:5055/evil:9");
    let load = json!({"Type": "image", "Action": "load", "Actor": {"ID": id, "Attributes": {"name": id}},
        "scope": "local", "time": 1, "timeNano": 1});
    let loaded = stage.happens(&load.to_string());
    assert_eq!((loaded.field("reference"), loaded.field("trust")), ("registry.example.com/evil:9", "untrusted"));
    assert_eq!(stage.creates(IMAGE[6], "127.0.0.1:5055/evil:9").verdict(), ("untrusted", "pulled", true));
    // Its parent is the one that was pulled from elsewhere.
    for file in ["image-committed-from-untrusted.json", "image-built-classic-from-untrusted.json"] {
        let mut fresh = Recorded::new(HOSTS, &json!({}), &[]);
        fresh.knows(IMAGE[1], "127.0.0.1:5066/evil:1");
        let seen = fresh.creates(file, "127.0.0.1:5055/made:1");
        assert_eq!((seen.verdict(), seen.rule), (("untrusted", "built", true), 110_512), "{seen:?}");
        assert_eq!(seen.field("made_of"), "registry.example.net/evil", "{seen:?}");
    }
}

#[test]
fn what_identity_leaves_open_is_not_guessed() {
    // The recorded registries have one host: without a port each could be the other.
    let mut stage = Recorded::new(ALIKE, &json!({}), &IMAGE[..1]);
    let short = stage.creates("image-pulled-trusted-by-short-id.json", "46ab634f4d8a");
    assert_eq!(short.field("reference"), "127.0.0.1:5055/app:1", "{short:?}");
    for (file, name) in [(IMAGE[0], "127.0.0.1:5055/app:1"), (IMAGE[3], "127.0.0.1:5055/evil:9"), (IMAGE[5], "mine:1")]
    {
        let seen = stage.creates(file, name);
        assert_eq!((seen.verdict(), seen.rule), (("unknown", "pulled", false), 110_643), "{file}: {seen:?}");
    }
    assert_eq!(stage.creates(IMAGE[2], "127.0.0.1:5055/evil:9").field("trust"), "untrusted", "one of its names is");
}

#[test]
fn an_older_engine_that_proves_nothing_is_not_believed() {
    let mut stage = Recorded::new(HOSTS, &json!({}), &[]);
    "1.52".clone_into(&mut stage.engine.engine.says.lock().unwrap().api);
    stage.engine.restart();
    while !stage.stream.0.recv_timeout(support::PATIENCE).unwrap().contains("Connected to Docker service") {}
    for (file, name) in [(IMAGE[7], "127.0.0.1:5055/imported:1"), (IMAGE[8], "nginx:9")] {
        let seen = stage.creates(file, name);
        assert_eq!((seen.verdict(), seen.rule), (("unknown", "unknown", false), 110_643), "{seen:?}");
    }
}

#[test]
fn the_recorded_day_is_seen_as_it_was() {
    let stage = Recorded::new(ALIKE, &json!({}), &[]);
    let lines: Vec<String> = recorded("events.jsonl").lines().map(str::to_owned).collect();
    let mut seen = Vec::new();
    let c3 = json!({"Name": "/c3", "Image": "sha256:8074f83f154198cb13e2f87d4c8d86b30a713751e93a8179a8daa2769a5eaf39",
        "Config": {"Image": "127.0.0.1:5055/evil:9"}})
    .to_string();
    let evil = "sha256:8074f83f154198cb13e2f87d4c8d86b30a713751e93a8179a8daa2769a5eaf39";
    for (number, line) in lines.iter().enumerate() {
        let event: Value = serde_json::from_str(line).unwrap();
        let actor = event["Actor"]["ID"].as_str().unwrap();
        // What the engine knew at that moment.
        match number {
            0 => drop(stage.knows(IMAGE[0], "127.0.0.1:5055/app:1")),
            1 => stage.answers(path_of("containers", actor), Some(recorded("container-c1.json"))),
            2 => stage.answers(path_of("containers", actor), Some(recorded("container-c2.json"))),
            3 => drop(stage.knows(IMAGE[4], "mine:1")),
            4 => drop(stage.knows(IMAGE[5], "mine:1")),
            7 => drop(stage.knows(IMAGE[1], "127.0.0.1:5066/evil:1")),
            8 => drop(stage.knows(IMAGE[2], "127.0.0.1:5055/evil:9")),
            9 => drop(stage.knows(IMAGE[3], "127.0.0.1:5055/evil:9")),
            11 => stage.forgets(evil),
            13 => drop(stage.knows(IMAGE[6], "127.0.0.1:5055/evil:9")),
            14 => drop(stage.knows(IMAGE[7], "127.0.0.1:5055/imported:1")),
            16 => drop(stage.knows(IMAGE[8], "nginx:9")),
            18 | 23 => stage.answers(path_of("containers", actor), Some(c3.clone())),
            19 => drop(stage.knows("image-committed-from-untrusted.json", "127.0.0.1:5055/committed:1")),
            24 => drop(stage.knows("image-built-classic-from-untrusted.json", "127.0.0.1:5055/classic:1")),
            27 => drop(stage.knows("image-built-buildkit-scratch.json", "127.0.0.1:5055/bk:1")),
            29 => drop(stage.knows("image-built-buildkit-from-trusted.json", "mine/bk2:1")),
            31 => break,
            _ => {}
        }
        seen.push(stage.happens(line));
    }
    let said = |number: usize| {
        let seen = &seen[number];
        format!(
            "{} {} {} {} {}",
            seen.what,
            seen.field("reference"),
            seen.field("trust"),
            seen.field("origin"),
            seen.rule
        )
    };
    let name = "127.0.0.1:5055";
    for (number, expected) in [
        (0, format!("image pull {name}/app:1 trusted pulled")),
        (1, format!("container create {name}/app:1 trusted pulled 87901")),
        (2, format!("container create {name}/app:1 trusted pulled 87901")),
        (4, format!("image untag {name}/app:1 trusted pulled")),
        (7, "image pull 127.0.0.1:5066/evil:1 untrusted pulled 110510".to_owned()),
        (8, format!("image tag {name}/evil:9 untrusted pulled 110524")),
        (9, "image untag 127.0.0.1:5066/evil:1 untrusted pulled".to_owned()),
        (11, format!("image untag {name}/evil:9 untrusted pulled")),
        (12, format!("image delete {name}/evil:9 untrusted pulled")),
        (13, format!("image load {name}/evil:9 untrusted pulled")),
        (15, format!("image import {name}/imported:1 local imported")),
        (17, "image import docker.io/library/nginx:9 local imported".to_owned()),
        (18, format!("container create {name}/evil:9 untrusted pulled 110512")),
        (20, format!("image tag {name}/committed:1 untrusted built 110724")),
        (24, "image create 127.0.0.1:5055/classic:1 untrusted built".to_owned()),
        (26, format!("image tag {name}/classic:1 untrusted built 110724")),
        (28, format!("image tag {name}/bk:1 local built 110642")),
        (30, "image tag docker.io/mine/bk2:1 local built".to_owned()),
    ] {
        assert!(
            said(number).starts_with(&expected),
            "{number}: {} is not {expected}\n{:?}",
            said(number),
            seen[number]
        );
    }
    // What was only a build to the engine's image events is known as a commit once the container's event has come.
    let mut stage = stage;
    let committed = stage.creates("image-committed-from-untrusted.json", "127.0.0.1:5055/committed:1");
    assert_eq!(committed.verdict(), ("untrusted", "committed", true), "{committed:?}");
    assert_eq!(committed.field("made_of"), "container c3, 127.0.0.1:5066/evil", "{committed:?}");
    // On one host with two ports the memory of the pulls decides.
    assert_eq!(stage.creates(IMAGE[3], "127.0.0.1:5055/evil:9").verdict(), ("untrusted", "pulled", true));
    assert_eq!(stage.creates(IMAGE[5], "mine:1").verdict(), ("trusted", "pulled", false));
    // Of a container that was gone at once no more is known than what its name led to, and that proves no trust.
    for (number, name, trust) in
        [(1, "127.0.0.1:5055/app:1", "unknown"), (2, "127.0.0.1:5066/evil:1", "untrusted"), (3, "mine/bk2:1", "local")]
    {
        let event = json!({"Type": "container", "Action": "create", "Actor": {"ID": format!("9{number:063x}"),
            "Attributes": {"image": name, "name": "gone"}}, "scope": "local", "time": 1, "timeNano": number});
        let gone = stage.happens(&event.to_string());
        assert_eq!(gone.field("trust"), trust, "{gone:?}");
    }
    // Built here, pushed there.
    stage.happens(
        &json!({"Type": "image", "Action": "push", "Actor": {"ID": "127.0.0.1:5055/bk:1",
        "Attributes": {"name": "127.0.0.1:5055/bk"}}, "scope": "local", "time": 1, "timeNano": 1})
        .to_string(),
    );
    let pushed = stage.creates("image-built-buildkit-scratch.json", "127.0.0.1:5055/bk:1");
    assert_eq!((pushed.verdict(), pushed.rule), (("local", "built", false), 110_645), "{pushed:?}");
}

#[test]
fn the_policy_says_what_local_images_are_worth() {
    for (policy, rule) in [("allow", None), ("report", Some(110_645)), ("alert", Some(110_646))] {
        let mut stage = Recorded::new(HOSTS, &json!({"local_images": policy}), &[]);
        let seen = stage.creates("image-built-buildkit-from-trusted.json", "mine/bk2:1");
        assert_eq!(seen.verdict(), ("local", "built", false), "{policy}");
        assert!(rule.map_or(seen.level <= 3, |rule| seen.rule == rule), "{policy}: {seen:?}");
        let claimed = stage.creates("image-built-buildkit-scratch.json", "127.0.0.1:5055/bk:1");
        assert_eq!(claimed.field("masquerade") == "true", policy != "allow", "{policy}: {claimed:?}");
        // What did not come out of a build is no business of that policy.
        let imported = stage.creates(IMAGE[7], "127.0.0.1:5055/imported:1");
        assert_eq!((imported.field("masquerade"), imported.rule), ("true", 110_640), "{policy}: {imported:?}");
    }
}

#[test]
fn what_the_engine_says_late_is_weighed_the_same() {
    let stage = Recorded::new(HOSTS, &json!({"inspect_timeout": 50}), &[]);
    let image = stage.knows(IMAGE[7], "127.0.0.1:5055/imported:1");
    let (id, name) = (format!("{:064x}", 7), "registry.example.com/imported:1");
    let path = path_of("containers", &id);
    // The engine is silent until the event has been sent without its answer.
    stage.engine.engine.says.lock().unwrap().answers.insert(path.clone(), None);
    let event = json!({"Type": "container", "Action": "create", "Actor": {"ID": id, "Attributes": {"image": name, "name": "web"}},
        "scope": "local", "time": 1, "timeNano": 1});
    let early = stage.happens(&event.to_string());
    assert_eq!((early.field("trust"), early.field("breaks_policy")), ("unknown", ""), "an answer follows: {early:?}");
    let known = json!({"Id": id, "Name": "/web", "Image": image, "Config": {"Image": name}, "HostConfig": {}});
    stage.answers(path, Some(known.to_string()));
    let late = loop {
        if let Some(seen) = stage.stream.next(&stage.rules) {
            break seen;
        }
    };
    assert_eq!((late.verdict(), late.rule), (("local", "loaded", true), 110_641), "{late:?}");
}
