//! The program as a person meets it: help, errors, exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wazuh-docker-listener"))
        .args(arguments)
        .env_remove("DOCKER_HOST")
        .output()
        .unwrap()
}

#[test]
fn the_demo_shows_every_event_of_its_scenario() {
    let output = run(&["demo"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text.matches("1:Wazuh-Docker:{\"integration\": \"docker\"").count(), 21, "{text}");
    assert!(text.contains("19 of 19 events and 2 notices arrived"), "{text}");
}

#[test]
fn help_names_the_sockets_and_the_exit_codes() {
    let output = run(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "unix:///run/podman/podman.sock",
        "unix:///run/user/<uid>/docker.sock",
        "DOCKER_HOST",
        "78 wrong configuration",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn every_exit_has_its_code_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    std::fs::create_dir(folder.path().join("etc")).unwrap();
    std::fs::write(folder.path().join("etc/docker-listener.json"), "{\"docker-listener\": {\"debgu\": 1}}").unwrap();
    for (arguments, code, said) in [
        (&["--home", &home][..], 78, "key 'debgu' is unknown; did you mean 'debug'?"),
        (&["--home", "/nonexistent", "--docker-host", "ssh://x"], 78, "scheme that is not supported"),
        (&["--home", "/nonexistent", "--filter", "tpye=x"], 78, "did you mean 'type'?"),
        (&["--no-such-option"], 2, "--no-such-option"),
        (&["evnets"], 2, "events"),
        (&["--home", "/nonexistent", "events", "--since", "soon"], 1, "'soon' is no time"),
        (&["--home", "/nonexistent", "events", "--format", "{{.Tpye}}"], 1, "an event has no field 'Tpye'"),
        (
            &["--home", "/nonexistent", "--docker-host", "unix:///nonexistent", "events"],
            1,
            "the engine at unix:///nonexistent is not running",
        ),
        (&["--home", "/nonexistent", "--docker-host", "unix:///nonexistent", "check"], 1, ""),
    ] {
        let output = run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
}
