//! The portable program, as `packaging/build binary` makes it, in a container with nothing else in it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::path::Path;
use std::process::Command;

use support::engines::{Engine, installed, missing};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/packages/wazuh-docker-listener");

#[test]
fn it_runs_in_an_empty_container() {
    if !Path::new(PROGRAM).is_file() {
        return missing("the portable program (packaging/build binary)");
    }
    let Some(engine) = Engine::dockerd() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(PROGRAM, folder.path().join("listener")).unwrap();
    // The demo makes its engine and its queue there.
    std::fs::create_dir(folder.path().join("tmp")).unwrap();
    let tar = engine.path("empty.tar");
    let packed = Command::new("tar").arg("-C").arg(folder.path()).arg("-cf").arg(&tar).arg(".").status().unwrap();
    assert!(packed.success());
    engine.docker(&["import", &tar.display().to_string(), "empty:1"]);
    let run = |arguments: &[&str]| {
        engine.docker(&[&["run", "--rm", "--network", "none", "empty:1", "/listener"][..], arguments].concat())
    };
    assert!(run(&["--version"]).starts_with("wazuh-docker-listener "));
    let demo = run(&["demo"]);
    assert!(demo.contains("19 of 19 events and 2 notices arrived"), "{demo}");
}

#[test]
fn the_units_exposure_is_as_the_readme_says() {
    if !installed("systemd-analyze") {
        return missing("systemd-analyze");
    }
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/wazuh-docker-listener.service");
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", unit])
        .env("SYSTEMD_COLORS", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let score =
        said.split("exposure level for wazuh-docker-listener.service: ").nth(1).and_then(|rest| rest.split(' ').next());
    let score = score.unwrap_or_else(|| panic!("{said}"));
    let claim = format!("exposure {score} of 10");
    assert!(include_str!("../README.md").contains(&claim), "README.md does not say '{claim}'");
}
