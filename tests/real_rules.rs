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
        ("stock.xml", include_str!("rules/stock.xml")),
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

/// Does something and returns what reached the queue meanwhile.
fn during(engine: &Engine, queue: &Stamped, rules: &RuleSet, mark: &str, what: impl FnOnce()) -> Vec<Seen> {
    what();
    engine.create_volume(mark);
    let mut session = rules.session();
    let mut seen = Vec::new();
    loop {
        let (arrived, message) = queue.next();
        let json = parse(&message);
        if json["docker"]["Actor"]["ID"] == mark {
            return seen;
        }
        let Some(nano) = json["docker"]["timeNano"].as_i64() else { continue };
        let happened = jiff::Timestamp::from_nanosecond(nano.into()).unwrap();
        let fields = Fields::of(&message).unwrap();
        let found = session.evaluate(&|name| fields.get(name), 0).unwrap();
        seen.push(Seen {
            action: format!(
                "{} {}",
                json["docker"]["Type"].as_str().unwrap(),
                json["docker"]["Action"].as_str().unwrap()
            ),
            rule: found.rule.id,
            level: found.rule.level,
            took: Duration::try_from(arrived.duration_since(happened)).unwrap_or_default(),
            message,
        });
    }
}

fn ends_at(seen: &[Seen], rule: u32) -> bool {
    seen.iter().any(|seen| seen.rule == rule)
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
    let rules = rules();
    let program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    let queue = Stamped::new(queue);
    let socket = format!("{}:/var/run/docker.sock", engine.path("docker.sock").display());
    let id = engine.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    let hidden = ["volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", "device=/", "hidden"];
    let link = engine.path("link");
    std::os::unix::fs::symlink("/etc", &link).unwrap();
    let linked = format!("{}:/x", link.display());
    let create = |options: &[&str], image: &str| {
        engine.docker(&[&["create"][..], options, &[image, "true"]].concat());
    };

    let mut took = Vec::new();
    let mut turn = 0;
    let mut expect = |rule: u32, what: &dyn Fn()| {
        turn += 1;
        let seen = during(&engine, &queue, &rules, &format!("mark{turn}"), what);
        assert!(ends_at(&seen, rule), "not {rule}:\n{}", described(&seen));
        for s in &seen {
            println!(
                "{rule} {} {} {:?} {}",
                s.rule,
                s.action,
                s.took,
                s.message.split("\"inspect\": ").nth(1).unwrap_or("")
            );
        }
        took.extend(seen.iter().filter(|seen| seen.rule == rule).map(|seen| seen.took));
    };
    expect(110_510, &|| {
        engine.docker(&["rmi", "--no-prune", IMAGE]);
        engine.docker(&["pull", "--quiet", IMAGE]);
    });
    expect(110_512, &|| create(&[], IMAGE));
    expect(110_512, &|| create(&[], &id[..19]));
    engine.docker(&["tag", IMAGE, "registry.example.com/team/app:1"]);
    expect(110_512, &|| create(&[], "registry.example.com/team/app:1"));

    wazuh.configure(&json!({"trusted_registries": ["127.0.0.1:5000"]}));
    program.signal(nix::sys::signal::Signal::SIGHUP);
    // A reload is taken up by the time the next signal is answered.
    program.signal(nix::sys::signal::Signal::SIGUSR1);
    while parse(&queue.next().1)["docker_listener"]["notice"] != "heartbeat" {}

    let plain = during(&engine, &queue, &rules, "plain", || {
        engine.docker(&["pull", "--quiet", IMAGE]);
        engine.docker(&["run", "--detach", "--init", "--name", "plain", "--user", "1000", IMAGE, "sleep", "600"]);
        engine.docker(&["exec", "plain", "true"]);
    });
    assert!(plain.iter().all(|seen| seen.level <= 3), "{}", described(&plain));
    assert!(plain.iter().any(|seen| seen.message.contains("\"trust\": \"trusted\"")), "{}", described(&plain));

    let mut expect = |rule: u32, what: &dyn Fn()| {
        turn += 1;
        let seen = during(&engine, &queue, &rules, &format!("mark{turn}"), what);
        assert!(ends_at(&seen, rule), "not {rule}:\n{}", described(&seen));
        for s in &seen {
            println!(
                "{rule} {} {} {:?} {}",
                s.rule,
                s.action,
                s.took,
                s.message.split("\"inspect\": ").nth(1).unwrap_or("")
            );
        }
        took.extend(seen.iter().filter(|seen| seen.rule == rule).map(|seen| seen.took));
    };
    expect(110_530, &|| create(&["--privileged"], IMAGE));
    expect(110_531, &|| create(&["--volume", &socket], IMAGE));
    expect(110_537, &|| create(&["--pid", "host"], IMAGE));
    expect(110_535, &|| create(&["--volume", &linked], IMAGE));
    engine.docker(&hidden);
    expect(110_532, &|| create(&["--volume", "hidden:/x"], IMAGE));
    expect(110_533, &|| create(&["--cap-add", "SYS_ADMIN"], IMAGE));
    expect(110_552, &|| create(&["--publish", "8080:80"], IMAGE));
    expect(110_577, &|| drop(engine.docker(&["exec", "plain", "sh", "-c", "true"])));
    expect(110_572, &|| drop(engine.docker(&["exec", "--interactive", "plain", "sh"])));
    expect(110_573, &|| drop(engine.docker(&["exec", "--interactive", "--user", "0", "plain", "sh"])));
    expect(110_571, &|| drop(engine.try_docker(&["exec", "--privileged", "plain", "true"])));
    expect(110_514, &|| {
        // Another image under the same tag, as if somebody had taken over the registry.
        engine.docker(&["commit", "plain", IMAGE]);
        engine.docker(&["push", "--quiet", IMAGE]);
    });
    expect(110_570, &|| {
        let check = ["--health-cmd", "true", "--health-interval", "1s", "--user", "1000"];
        engine.docker(
            &[&["run", "--detach", "--init", "--name", "probed"][..], &check, &[IMAGE, "sleep", "600"]].concat(),
        );
        support::until("a health check", || {
            let state = engine.docker(&["inspect", "--format", "{{.State.Health.Status}}", "probed"]);
            (state == "healthy").then_some(())
        });
    });
    // The label takes the place of the command's id; the container knows its commands.
    engine.docker(&[
        "run", "--detach", "--init", "--name", "liar", "--label", "execID=0", "--user", "1000", IMAGE, "sleep", "600",
    ]);
    expect(110_573, &|| drop(engine.docker(&["exec", "--interactive", "--user", "0", "liar", "sh"])));
    took.sort_unstable();
    println!(
        "from the engine's event to the queue: median {:.1} ms, longest {:.1} ms of {}",
        took[took.len() / 2].as_secs_f64() * 1e3,
        took[took.len() - 1].as_secs_f64() * 1e3,
        took.len()
    );
}
