//! The whole round on a real dockerd with a real registry: what is done, what the program makes of it, and at which
//! rule it ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;
use support::analysisd::Fields;
use support::checker::RuleSet;
use support::engines::Engine;
use support::{Program, Queue, Wazuh, parse};

const IMAGE: &str = "127.0.0.1:5000/probe:1";

/// An event that reached the queue.
struct Seen {
    action: String,
    rule: u32,
    level: u8,
    /// From the engine's time stamp to its arrival.
    took: Duration,
    message: String,
}

fn rules() -> RuleSet {
    RuleSet::load(&[
        ("0560-docker_integration_rules.xml", include_str!("rules/stock.xml")),
        ("docker_listener_rules.xml", include_str!("../ossec-rules/docker_listener_rules.xml")),
    ])
    .unwrap()
}

/// A queue that is read all the time, and says when each message came.
struct Stamped(Receiver<(jiff::Timestamp, String)>);

impl Stamped {
    fn new(queue: Queue) -> Self {
        let (came, messages) = channel();
        std::thread::spawn(move || {
            while came
                .send({
                    let message = queue.message_within(Duration::from_secs(600)).unwrap_or_default();
                    (jiff::Timestamp::now(), message)
                })
                .is_ok()
            {}
        });
        Self(messages)
    }

    fn next(&self) -> (jiff::Timestamp, String) {
        self.0.recv_timeout(support::PATIENCE).unwrap()
    }
}

/// One engine with one listener, and what reached the queue so far.
struct Round {
    engine: Engine,
    queue: Stamped,
    rules: RuleSet,
    marks: usize,
    took: Vec<Duration>,
}

impl Round {
    /// Does something and returns what reached the queue until something had that was waited for, and until what
    /// happened afterwards did: the events of one object can overtake those of another that the engine is asked about.
    fn during(&mut self, what: impl FnOnce(&Engine), is_awaited: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.marks += 1;
        let mark = format!("mark{}", self.marks);
        what(&self.engine);
        self.engine.create_volume(&mark);
        let mut session = self.rules.session();
        let mut seen = Vec::new();
        let mut is_marked = false;
        while !is_marked || !seen.iter().any(&is_awaited) {
            let next = self.queue.0.recv_timeout(support::PATIENCE);
            let (arrived, message) = next.unwrap_or_else(|_| panic!("not what was waited for:\n{}", described(&seen)));
            let json = parse(&message);
            let actor = &json["docker"]["Actor"];
            if actor["ID"] == mark || actor["Attributes"]["name"] == mark {
                is_marked = true;
                continue;
            }
            let Some(nano) = json["docker"]["timeNano"].as_i64() else { continue };
            let happened = jiff::Timestamp::from_nanosecond(nano.into()).unwrap();
            let fields = Fields::of(&message).unwrap();
            let found = session.evaluate(&|name| fields.get(name), 0).unwrap();
            let text = |key: &str| json["docker"][key].as_str().unwrap().to_owned();
            seen.push(Seen {
                action: format!("{} {}", text("Type"), text("Action")),
                rule: found.rule.id,
                level: found.rule.level,
                took: Duration::try_from(arrived.duration_since(happened)).unwrap_or_default(),
                message,
            });
        }
        seen
    }

    /// Does something that has to end at this rule.
    fn ends_at(&mut self, rule: u32, what: impl FnOnce(&Engine)) {
        let seen = self.during(what, |seen| seen.rule == rule);
        self.took.extend(seen.iter().filter(|seen| seen.rule == rule).map(|seen| seen.took));
    }

    fn create_ends_at(&mut self, rule: u32, options: &[&str], image: &str) {
        self.ends_at(rule, |engine| drop(engine.docker(&[&["create"][..], options, &[image, "true"]].concat())));
    }

    fn exec_ends_at(&mut self, rule: u32, arguments: &[&str]) {
        // Not every machine lets a command be privileged; it is told all the same.
        self.ends_at(rule, |engine| drop(engine.try_docker(&[&["exec"], arguments].concat())));
    }
}

fn described(seen: &[Seen]) -> String {
    let lines = seen.iter().map(|s| format!("{} ({}) {} {:?}\n  {}", s.rule, s.level, s.action, s.took, s.message));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_danger_ends_at_its_rule_and_what_is_plain_at_none() {
    let Some(engine) = Engine::dockerd() else { return };
    let Some(_registry) = engine.registry() else { return };
    let wazuh = Wazuh::new();
    wazuh.configure(&json!({"trusted_registries": ["registry.example.com"]}));
    let queue = wazuh.queue();
    let program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let mut round = Round { engine, queue: Stamped::new(queue), rules: rules(), marks: 0, took: Vec::new() };
    untrusted(&mut round);

    wazuh.configure(&json!({"trusted_registries": ["127.0.0.1:5000"]}));
    program.signal(nix::sys::signal::Signal::SIGHUP);
    // A reload is taken up by the time the next signal is answered.
    program.signal(nix::sys::signal::Signal::SIGUSR1);
    while parse(&round.queue.next().1)["docker_listener"]["notice"] != "heartbeat" {}
    plain(&mut round);
    by_other_ways(&mut round);
    dangers(&mut round);
    commands(&mut round);

    let mut took = round.took;
    took.sort_unstable();
    println!(
        "from the engine's event to the queue: median {:.1} ms, longest {:.1} ms of {}",
        took[took.len() / 2].as_secs_f64() * 1e3,
        took[took.len() - 1].as_secs_f64() * 1e3,
        took.len()
    );
}

fn untrusted(round: &mut Round) {
    round.ends_at(110_510, |engine| {
        engine.docker(&["rmi", "--no-prune", IMAGE]);
        engine.docker(&["pull", "--quiet", IMAGE]);
    });
    round.create_ends_at(110_512, &[], IMAGE);
    let id = round.engine.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    round.create_ends_at(110_512, &[], &id[..19]);
    round.engine.docker(&["tag", IMAGE, "registry.example.com/team/app:1"]);
    round.create_ends_at(110_512, &[], "registry.example.com/team/app:1");
}

fn plain(round: &mut Round) {
    let steps = |engine: &Engine| {
        engine.docker(&["pull", "--quiet", IMAGE]);
        engine.docker(&["run", "--detach", "--init", "--name", "plain", "--user", "1000", IMAGE, "sleep", "600"]);
        engine.docker(&["exec", "plain", "true"]);
    };
    let plain = round.during(steps, |seen| seen.action == "container exec_die");
    assert!(plain.iter().all(|seen| seen.level <= 3), "{}", described(&plain));
    assert!(plain.iter().any(|seen| seen.message.contains("\"trust\": \"trusted\"")), "{}", described(&plain));
}

fn dangers(round: &mut Round) {
    round.create_ends_at(110_530, &["--privileged"], IMAGE);
    let socket = format!("{}:/var/run/docker.sock", round.engine.path("docker.sock").display());
    round.create_ends_at(110_531, &["--volume", &socket], IMAGE);
    let folder = format!("{}:/engine:ro", round.engine.folder.path().display());
    round.create_ends_at(110_531, &["--volume", &folder], IMAGE);
    round.create_ends_at(110_537, &["--pid", "host"], IMAGE);
    let link = round.engine.path("link");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    round.create_ends_at(110_535, &["--volume", &format!("{}:/x", link.display())], IMAGE);
    let hidden = ["volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", "device=/", "hidden"];
    round.engine.docker(&hidden);
    round.create_ends_at(110_532, &["--volume", "hidden:/x"], IMAGE);
    round.engine.docker(&[
        "volume",
        "create",
        "--opt",
        "type=none",
        "--opt",
        "o=bind",
        "--opt",
        "device=.",
        "relative",
    ]);
    round.create_ends_at(110_532, &["--volume", "relative:/x"], IMAGE);
    round.ends_at(110_540, |engine| {
        let body = format!(r#"{{"Image":"{IMAGE}","Cmd":["true"],"HostConfig":{{"ReadonlyPaths":[]}}}}"#);
        assert_eq!(engine.call("POST", "/containers/create", &body).0, 201);
    });
    round.create_ends_at(110_559, &["--entrypoint", "nc"], IMAGE);
    round.create_ends_at(110_533, &["--cap-add", "SYS_ADMIN"], IMAGE);
    round.create_ends_at(110_552, &["--publish", "8080:80"], IMAGE);
    round.ends_at(110_558, |engine| drop(engine.docker(&["create", "--tty", "--interactive", IMAGE, "sh"])));
    round.engine.docker(&["tag", IMAGE, "kept:1"]);
    round.ends_at(110_514, |engine| {
        engine.docker(&["commit", "plain", IMAGE]);
        engine.docker(&["push", "--quiet", IMAGE]);
    });
    round.ends_at(110_514, |engine| {
        // Another image under the same tag, as if somebody had taken over the registry.
        engine.docker(&["tag", "kept:1", IMAGE]);
        engine.docker(&["pull", "--quiet", IMAGE]);
    });
}

/// What leads to the host without being called so.
fn by_other_ways(round: &mut Round) {
    for (number, (options, rule)) in [
        (["type=nfs", "o=bind", "device=/"], 110_532),
        (["type=tmpfs", "o=rbind,noatime", "device=/etc"], 110_535),
        (["type=binfmt_misc", "o=", "device=any"], 110_535),
        (["type=securityfs", "o=", "device=any"], 110_535),
        (["type=overlay", "o=lowerdir=/:/etc", "device=any"], 110_532),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("other{number}");
        let mut words = vec!["volume", "create"];
        words.extend(options.iter().flat_map(|option| ["--opt", option]));
        words.push(&name);
        round.engine.docker(&words);
        round.create_ends_at(rule, &["--volume", &format!("{name}:/x")], IMAGE);
    }
    let at = |round: &Round, name: &str| round.engine.path(name).display().to_string();
    // A disk of the host by a name of its own, and null by that of a disk; not every machine lets anyone make these.
    let (made, null) = (at(round, "made"), at(round, "sda"));
    let makes = |name: &str, numbers: [&str; 3]| {
        std::process::Command::new("mknod").arg(name).args(numbers).status().is_ok_and(|status| status.success())
    };
    if makes(&made, ["b", "8", "0"]) && makes(&null, ["c", "1", "3"]) {
        round.create_ends_at(110_532, &["--device", &made], IMAGE);
        let options = format!("device={made}");
        round.engine.docker(&["volume", "create", "--opt", "type=ext4", "--opt", &options, "disk"]);
        round.create_ends_at(110_532, &["--volume", "disk:/x"], IMAGE);
        let create = |engine: &Engine| drop(engine.docker(&["create", "--device", &null, IMAGE, "true"]));
        let quiet = round.during(create, |seen| seen.action == "container create");
        assert!(quiet.iter().all(|seen| seen.level < 7), "{}", described(&quiet));
    }
    let data = format!("{}:/x:ro", at(round, "data"));
    round.create_ends_at(110_541, &["--volume", &data], IMAGE);
    round.engine.docker(&["create", "--name", "seer", "--pid", "host", IMAGE, "true"]);
    round.create_ends_at(110_537, &["--pid", "container:seer"], IMAGE);
    let id = round.engine.docker(&["network", "inspect", "--format", "{{.Id}}", "host"]);
    round.create_ends_at(110_542, &["--network", &id[..7]], IMAGE);
    round.ends_at(110_542, |engine| {
        let body = format!(
            r#"{{"Image":"{IMAGE}","Cmd":["true"],"HostConfig":{{"NetworkMode":"none"}},
                "NetworkingConfig":{{"EndpointsConfig":{{"host":{{}}}}}}}}"#
        );
        assert_eq!(engine.call("POST", "/containers/create", &body).0, 201);
    });
    for (rule, options) in [
        (110_532, ["--device-cgroup-rule", "b 8:0 rw"]),
        (110_538, ["--device-cgroup-rule", "c 1:1 r"]),
        (110_700, ["--workdir", "/proc/self/fd/8"]),
        (110_704, ["--gpus", "all"]),
        (110_706, ["--env", "LD_PRELOAD=/tmp/x.so"]),
        (110_708, ["--cgroup-parent", "/beside"]),
        (110_710, ["--log-driver", "none"]),
    ] {
        round.create_ends_at(rule, &options, IMAGE);
    }
    // What APIs of before 1.24 could do, where the engine still speaks them: other options at the start, and another copy.
    round.engine.docker(&["create", "--name", "old", IMAGE, "sleep", "600"]);
    round.ends_at(110_537, |engine| {
        let (status, _) = engine.call("POST", "/v1.23/containers/old/start", r#"{"PidMode":"host"}"#);
        if status != 204 {
            engine.docker(&["create", "--pid", "host", IMAGE, "true"]);
        }
    });
    if round.engine.call("POST", "/v1.23/containers/old/copy", r#"{"Resource":"/etc/hosts"}"#).0 == 200 {
        round.ends_at(110_723, |engine| {
            engine.call("POST", "/v1.23/containers/old/copy", r#"{"Resource":"/etc/hosts"}"#);
        });
    }
    round.ends_at(110_722, |engine| {
        let file = engine.path("saved.tar").display().to_string();
        engine.docker(&["save", "--output", &file, IMAGE]);
    });
    round.ends_at(110_720, |engine| {
        engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    });
    round.engine.docker(&["swarm", "leave", "--force"]);
}

fn commands(round: &mut Round) {
    round.exec_ends_at(110_577, &["plain", "sh", "-c", "true"]);
    round.exec_ends_at(110_572, &["--interactive", "plain", "sh"]);
    round.exec_ends_at(110_573, &["--interactive", "--user", "0", "plain", "sh"]);
    round.exec_ends_at(110_571, &["--privileged", "plain", "true"]);
    round.ends_at(110_570, |engine| {
        let check = ["--health-cmd", "true", "--health-interval", "1s", "--user", "1000"];
        let run = [&["run", "--detach", "--init", "--name", "probed"][..], &check, &[IMAGE, "sleep", "600"]].concat();
        engine.docker(&run);
        support::until("a health check", || {
            let state = engine.docker(&["inspect", "--format", "{{.State.Health.Status}}", "probed"]);
            (state == "healthy").then_some(())
        });
    });
    // The label takes the place of the command's id; the container knows its commands.
    let lie = ["--label", "execID=0", "--user", "1000"];
    let run = [&["run", "--detach", "--init", "--name", "liar"][..], &lie, &[IMAGE, "sleep", "600"]].concat();
    round.engine.docker(&run);
    round.exec_ends_at(110_573, &["--interactive", "--user", "0", "liar", "sh"]);
}

#[test]
fn podmans_containers_are_judged_too() {
    let Some(engine) = Engine::podman() else { return };
    let wazuh = Wazuh::new();
    let queue = wazuh.queue();
    let _program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let mut round = Round { engine, queue: Stamped::new(queue), rules: rules(), marks: 0, took: Vec::new() };
    round.create_ends_at(110_530, &["--privileged"], "bb:1");
    round.create_ends_at(110_537, &["--pid", "host"], "bb:1");
    round.create_ends_at(110_532, &["--volume", "/:/host"], "bb:1");
    let create = |engine: &Engine| drop(engine.docker(&["create", "--network", "none", "bb:1", "true"]));
    let plain = round.during(create, |seen| seen.action == "container create");
    assert!(plain.iter().all(|seen| seen.level <= 5), "{}", described(&plain));
    // Every name has a digest there, so nothing proves where an image is from that was there before.
    assert!(plain.iter().any(|seen| seen.message.contains("\"origin\": \"unknown\"")), "{}", described(&plain));
}
