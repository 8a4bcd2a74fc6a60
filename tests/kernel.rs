//! What the kernel shows of containers of real engines, through the program as it runs: with no capability but one, and
//! confined by Landlock.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;
use support::engines::Engine;
use support::{Program, Queue, Wazuh};

/// On a machine that is busy an answer takes longer than it may by default.
fn patient() -> Wazuh {
    let wazuh = Wazuh::new();
    wazuh.configure(&serde_json::json!({"inspect_timeout": 5000}));
    wazuh
}

/// The findings of the next start of this container.
fn started(queue: &Queue, name: &str) -> Value {
    loop {
        let json = queue.json();
        let docker = &json["docker"];
        if docker["Action"] == "start" && docker["Actor"]["Attributes"]["name"] == name {
            return json["docker_listener"].clone();
        }
    }
}

/// A field of the risks, or what there is of a risk: its detail, or that it was reported when the container was made.
fn has<'v>(found: &'v Value, kind: &str) -> &'v str {
    let of = |object: &str| found[object][kind].as_str();
    let is_known = || {
        let names = ["known_risk", "learnt_risk"].map(|object| found[object]["names"].as_str().unwrap_or_default());
        names.iter().any(|names| names.split(", ").any(|name| name == kind))
    };
    let said = of("risk").or_else(|| of("known_risk")).or_else(|| of("learnt_risk"));
    said.unwrap_or(if is_known() { "reported before" } else { "" })
}

/// The listener beside an engine, in its network, which so is that of the host.
fn listen(engine: &Engine, wazuh: &Wazuh) -> Program {
    let plain = Program::command(wazuh.home(), &engine.url());
    let mut words = vec![plain.get_program().to_str().unwrap()];
    words.extend(plain.get_args().map(|word| word.to_str().unwrap()));
    let mut command = engine.beside(&words);
    command.env_remove("DOCKER_HOST").env_remove("DOCKER_TLS_VERIFY");
    Program::spawn(command)
}

const ASIDE: [&str; 3] = ["--security-opt=no-new-privileges", "--memory=64m", "--pids-limit=100"];

/// Runs a container for as long as the test lasts; whether the engine could.
fn run(engine: &Engine, name: &str, options: &[&str]) -> bool {
    let words = [&["run", "--detach", "--name", name][..], &ASIDE, options, &["bb:1", "sleep", "600"]].concat();
    let (ok, said) = engine.try_docker(&words);
    // Not every machine lets a container have all capabilities.
    assert!(ok || said.contains("unable to apply caps"), "{said}");
    if !ok {
        eprintln!("left out: {name}: {said}");
    }
    ok
}

fn ordinary(engine: &Engine, queue: &Queue) {
    let own = engine.path("own");
    fs::create_dir_all(&own).unwrap();
    engine.create_volume("data");
    let bind = format!("{}:/own", own.display());
    for (name, options) in [
        ("plain", &[][..]),
        ("volumes", &["--volume", "data:/data", "--volume", "/anonymous", "--volume", &bind, "--tmpfs", "/t"]),
        ("careful", &["--read-only", "--init", "--user", "1000", "--cap-drop", "ALL", "--publish", "127.0.0.1:80:80"]),
        ("terminal", &["--interactive", "--tty", "--user", "7", "--ipc", "shareable"]),
        ("joins", &["--network", "container:plain", "--ipc", "container:terminal", "--user", "7"]),
    ] {
        assert!(run(engine, name, options));
        let found = started(queue, name);
        // Every one of them has a risk of the lowest severity at least where it runs as root.
        assert!(["", "info", "low"].contains(&has(&found, "severity")), "{name}: {found}");
        assert!(["", "engine, kernel"].contains(&has(&found, "evidence")), "{name}: {found}");
        assert_eq!(has(&found, "seen_by"), "", "{name}: {found}");
    }
    assert_eq!(has(&started_again(engine, queue, "plain"), "evidence"), "engine, kernel");
}

fn started_again(engine: &Engine, queue: &Queue, name: &str) -> Value {
    engine.docker(&["restart", "--time", "0", name]);
    started(queue, name)
}

#[test]
fn the_kernel_shows_what_is_really_mounted_in_a_container_of_dockerd() {
    let Some(engine) = Engine::dockerd() else { return };
    let wazuh = patient();
    let queue = wazuh.queue();
    let mut program = listen(&engine, &wazuh);
    queue.wodle_event("Connected to Docker service");
    ordinary(&engine, &queue);

    // A link that leads somewhere else when the engine is asked than when it mounted.
    let (link, harmless) = (engine.path("link"), engine.path("harmless"));
    fs::create_dir(&harmless).unwrap();
    for (name, target, option, kind) in [
        ("swapped", "/", "/x", "host_root_rw"),
        ("swapped-ro", "/etc", "/x:ro", "host_path_ro"),
        ("swapped-rw", "/etc", "/x", "host_path_rw"),
    ] {
        let _ = fs::remove_file(&link);
        symlink(target, &link).unwrap();
        let volume = format!("{}:{option}", link.display());
        let words = ["create", "--name", name, "--volume", &volume];
        engine.docker(&[&words[..], &ASIDE, &["bb:1", "sleep", "600"]].concat());
        // The listener is not to see where it leads while the container starts.
        program.signal(nix::sys::signal::Signal::SIGSTOP);
        engine.docker(&["start", name]);
        fs::remove_file(&link).unwrap();
        symlink(&harmless, &link).unwrap();
        program.signal(nix::sys::signal::Signal::SIGCONT);
        let found = started(&queue, name);
        assert!(has(&found, kind).starts_with(&format!("{target} on /x (")), "{name}: {found}");
        assert_eq!((has(&found, "seen_by"), has(&found, "kernel_only")), ("kernel", kind), "{name}: {found}");
        assert!(has(&found, "engine_disagrees").contains(kind), "{name}: {found}");
    }

    // What the engine says too.
    let options = r#"{"Name":"evil","Driver":"local","DriverOpts":{"type":"none","o":"bind","device":"/"}}"#;
    assert_eq!(engine.call("POST", "/volumes/create", options).0, 201);
    let socket = format!("{}:/some/name", engine.path("docker.sock").display());
    for (name, options, kind) in [
        // First, since with it comes what is mounted below: also the volume, once it is mounted.
        ("root", &["--volume", "/:/x:ro"][..], "host_root_ro"),
        ("volume", &["--volume", "evil:/x"], "host_root_rw"),
        ("run", &["--volume", "/run:/x"], "engine_socket"),
        ("socket", &["--volume", &socket], "engine_socket"),
        ("capable", &["--cap-add", "SYS_ADMIN"], "all_capabilities"),
        ("user", &["--cap-add", "SYS_PTRACE", "--user", "1000"], "dangerous_capabilities"),
        ("all", &["--cap-add", "ALL"], "all_capabilities"),
        ("privileged", &["--privileged"], "privileged"),
        ("pid", &["--pid", "host"], "host_pid"),
        ("network", &["--network", "host"], "host_network"),
        ("ipc", &["--ipc", "host"], "host_ipc"),
        ("seccomp", &["--security-opt", "seccomp=unconfined"], "seccomp_unconfined"),
        ("paths", &["--security-opt", "systempaths=unconfined"], "system_paths_unconfined"),
    ] {
        if run(&engine, name, options) {
            let found = started(&queue, name);
            assert_ne!(has(&found, kind), "", "{name}: {found}");
            assert_eq!(has(&found, "evidence"), "engine, kernel", "{name}: {found}");
            // They agree: nothing more is found, and the engine's answer says all of it.
            assert_eq!((has(&found, "seen_by"), has(&found, "engine_disagrees")), ("", ""), "{name}: {found}");
        }
    }

    // One that has ended already.
    engine.docker(&[&["run", "--name", "short"][..], &ASIDE, &["bb:1", "true"]].concat());
    let found = started(&queue, "short");
    assert!(["engine, kernel", "engine (kernel: gone)"].contains(&has(&found, "evidence")), "{found}");
    assert!(program.stop().0.success());
}

#[test]
fn the_kernel_is_asked_about_a_container_of_podman() {
    let Some(engine) = Engine::podman() else { return };
    let wazuh = patient();
    let queue = wazuh.queue();
    let mut program = Program::listen(wazuh.home(), &engine.url());
    queue.wodle_event("Connected to Docker service");
    for (name, options, kind) in [
        ("plain", &["--network", "none"][..], ""),
        ("volume", &["--network", "none", "--volume", "data:/data", "--tmpfs", "/t", "--read-only"], ""),
        ("etc", &["--network", "none", "--volume", "/etc:/x"], "host_path_rw"),
        ("pid", &["--network", "none", "--pid", "host"], "host_pid"),
        ("network", &["--network", "host"], "host_network"),
    ] {
        if run(&engine, name, options) {
            let found = started(&queue, name);
            assert_eq!((has(&found, "evidence"), has(&found, "seen_by")), ("engine, kernel", ""), "{name}: {found}");
            assert!(kind.is_empty() || !has(&found, kind).is_empty(), "{name}: {found}");
            assert!(!kind.is_empty() || ["info", "low"].contains(&has(&found, "severity")), "{name}: {found}");
        }
    }
    assert!(program.stop().0.success());
}
