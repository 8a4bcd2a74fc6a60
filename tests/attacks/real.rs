//! What needs a real engine.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::millis;
use crate::support::engines::Engine;
use crate::support::{Program, Wazuh};

/// A listener on a real engine.
struct Real {
    engine: Engine,
    came: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    program: Program,
    _wazuh: Wazuh,
}

impl Real {
    fn new() -> Option<Self> {
        let engine = Engine::dockerd()?;
        let wazuh = Wazuh::new();
        wazuh.configure(&json!({"max_events_per_second": 0, "heartbeat": 0}));
        let queue = wazuh.queue();
        let program = Program::listen(wazuh.home(), &engine.url());
        queue.wodle_event("Connected to Docker service");
        let (came, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
        let (seen, stopped) = (Arc::clone(&came), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                seen.lock().unwrap().extend(queue.message_within(millis(100)));
            }
        });
        Some(Self { engine, came, stop, program, _wazuh: wazuh })
    }

    /// The highest level that messages with this text have reached, once none has come for a while.
    fn level(&self, text: &str) -> (u8, u32) {
        let rules = crate::scene::rules();
        let mut before = usize::MAX;
        while before != self.came.lock().unwrap().len() {
            before = self.came.lock().unwrap().len();
            std::thread::sleep(millis(1500));
        }
        let came = self.came.lock().unwrap();
        let levels = came.iter().filter(|message| message.contains(text)).filter_map(|message| {
            let fields = crate::support::analysisd::Fields::of(message)?;
            let found = rules.session().evaluate(&|name| fields.get(name), 0)?;
            Some((found.rule.level, found.rule.id))
        });
        levels.max().unwrap_or_default()
    }

    fn row(&self, what: &str, before: &str, text: &str, wanted: u8) {
        let (level, rule) = self.level(text);
        println!("\n| {what} | dockerd | {before} | level {level} (rule {rule}) |");
        if std::env::var_os("MEASURE").is_none() {
            assert!(level >= wanted, "{what}: level {level}, rule {rule}: {}", self.program.said());
        }
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_link_that_is_swapped() {
    let Some(real) = Real::new() else { return };
    let at = real.engine.path("swap");
    std::fs::create_dir_all(at.join("harmless")).unwrap();
    let link = at.join("link");
    std::os::unix::fs::symlink(at.join("harmless"), &link).unwrap();
    // What is written below the host's root swaps the link back before anybody hears of the start.
    let swaps = format!("test -d /h/etc && busybox ln -sfn {0}/harmless /h{0}/link; sleep 1", at.display());
    let volume = format!("{}:/h", link.display());
    let id = real.engine.docker(&["create", "--name", "swap", "--volume", &volume, "bb:1", "sh", "-c", &swaps]);
    std::thread::sleep(millis(300));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/", &link).unwrap();
    real.engine.docker(&["start", "swap"]);
    assert_eq!(std::fs::read_link(&link).unwrap(), at.join("harmless"), "the container did not get the host's root");
    real.row("a bind of a link that leads to `/` for the moment of the start", "level 4 (rule 110513)", &id, 12);
}

#[test]
fn volumes_by_other_names() {
    let Some(real) = Real::new() else { return };
    for (name, options, proof, wanted) in [
        ("tmpfsbind", &["type=tmpfs", "o=bind", "device=/"][..], "test -d /h/proc && test -d /h/etc", 12),
        ("nfsbind", &["type=nfs", "o=bind", "device=/"], "test -d /h/proc && test -d /h/etc", 12),
        ("hostproc", &["type=proc", "device=x"], "busybox test -e /h/1/comm", 10),
        ("hostsys", &["type=sysfs", "device=x"], "busybox test -d /h/kernel", 10),
    ] {
        let mut arguments = vec!["volume", "create", "--driver", "local"];
        arguments.extend(options.iter().flat_map(|option| ["--opt", option]));
        arguments.push(name);
        real.engine.docker(&arguments);
        let volume = format!("{name}:/h");
        let command = format!("{proof} && sleep 1");
        let (ok, said) =
            real.engine.try_docker(&["run", "--name", name, "--volume", &volume, "bb:1", "sh", "-c", &command]);
        println!("# {name}: {ok} {said}");
        assert!(ok || !name.ends_with("bind"), "every engine mounts this: {said}");
        if ok {
            let what = format!("a volume with {} (it does mount it)", options.join(","));
            real.row(&what, "level 4 (rule 110513)", &format!("\"name\": \"{name}\""), wanted);
        }
    }
}

#[test]
fn a_real_flood_of_execs() {
    let Some(real) = Real::new() else { return };
    let id = real.engine.docker(&["run", "--detach", "--name", "busy", "bb:1", "sleep", "600"]);
    let stop = AtomicBool::new(false);
    let made = AtomicUsize::new(0);
    let evil = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let (status, _) =
                        real.engine.call("POST", &format!("/containers/{id}/exec"), r#"{"Cmd":["true"]}"#);
                    made.fetch_add(usize::from(status == 201), Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(millis(3000));
        let arguments = ["run", "--rm", "--name", "evil", "--volume", "/:/h", "bb:1", "sleep", "0.15"];
        let (ok, said) = real.engine.try_docker(&arguments);
        std::thread::sleep(millis(1000));
        stop.store(true, Ordering::Relaxed);
        assert!(ok, "{said}");
        "\"name\": \"evil\""
    });
    println!("# {} were made", made.into_inner());
    let what = "as many `exec_create`s as four clients make in 4 s (13,146), the host's root for 150 ms among them";
    real.row(what, "level 5 (rule 87902)", evil, 12);
}
