//! The cases of `tests/corpus/mounts.jsonl`, which were written down from public sources before the code that judges them:
//! each with a harmless one that comes near. The half of them that a coin has held back is only counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Host, KINDS, Modes, Node, Risk, Severity, of_container};
use crate::docker::facts::Facts;
use crate::docker::inspect::Volume;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// Any of these will do.
    wants: Vec<String>,
    given: Given,
    near: Given,
}

/// What the engine says, and what is known beside it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Given {
    host: serde_json::Map<String, Value>,
    config: serde_json::Map<String, Value>,
    network: Value,
    top: serde_json::Map<String, Value>,
    mounts: Vec<Value>,
    volumes: Vec<Volume>,
    nodes: BTreeMap<String, String>,
    others: BTreeMap<String, BTreeMap<String, String>>,
    engine: BTreeMap<String, String>,
}

fn node(text: &str) -> Node {
    let numbers = |text: &str| {
        let (major, minor) = text.split_once(':').unwrap();
        (major.parse().unwrap(), minor.parse().unwrap())
    };
    match text.split_once(' ') {
        None => Node::Other,
        Some(("dir", inner)) => Node::Folder(vec![node(inner)]),
        Some(("b", text)) => {
            let (major, minor) = numbers(text);
            Node::Block(major, minor)
        }
        Some((_, text)) => {
            let (major, minor) = numbers(text);
            Node::Character(major, minor)
        }
    }
}

impl Given {
    fn risks(&self) -> Vec<Risk> {
        let mut host = json!({"SecurityOpt": ["no-new-privileges"], "Memory": 1, "PidsLimit": 1});
        let mut config = json!({"User": "app"});
        let merge = |into: &mut Value, from: &serde_json::Map<String, Value>| {
            for (key, value) in from {
                into[key] = value.clone();
            }
        };
        merge(&mut host, &self.host);
        merge(&mut config, &self.config);
        let mut json = json!({"Id": "c1", "Path": "app", "Image": "sha256:1", "Config": config, "HostConfig": host,
            "Mounts": self.mounts, "NetworkSettings": self.network});
        merge(&mut json, &self.top);
        let container = serde_json::from_value(json).unwrap();
        let engine = |key: &str| self.engine.get(key).cloned().unwrap_or_default();
        let mode = |modes: &BTreeMap<String, String>, key: &str| modes.get(key).cloned().unwrap_or_default();
        let modes = |modes: &BTreeMap<String, String>| Modes {
            pid: mode(modes, "PidMode"),
            network: mode(modes, "NetworkMode"),
            ipc: mode(modes, "IpcMode"),
        };
        let host = Host {
            nodes: self.nodes.iter().map(|(path, text)| (path.clone(), node(text))).collect(),
            others: self.others.iter().map(|(name, given)| (name.clone(), modes(given))).collect(),
            home: engine("home"),
            facts: Arc::new(Facts {
                root: engine("root"),
                exec_root: engine("exec_root"),
                cgroup_version: engine("cgroup_version"),
                default_runtime: engine("default_runtime"),
                host_network: engine("host_network"),
            }),
            ..Host::default()
        };
        of_container(&container, &self.volumes, &host)
    }
}

impl Case {
    fn read() -> Vec<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/mounts.jsonl");
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The coin: the lowest bit of a hash (FNV-1a) of the source.
    fn is_held(&self) -> bool {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        (self.source.bytes().fold(0xcbf2_9ce4_8422_2325, hash) >> 32) & 1 == 1
    }

    fn is_found(&self) -> bool {
        self.given.risks().iter().any(|risk| self.wants.iter().any(|wanted| *wanted == risk.kind.name))
    }

    /// What is found of the one that comes near and should not be: what is wanted of the other, or anything that is an
    /// alert by itself.
    fn false_alarms(&self) -> Vec<String> {
        let risks = self.near.risks();
        let is_wrong =
            |risk: &&Risk| risk.kind.severity >= Severity::Medium || self.wants.iter().any(|w| *w == risk.kind.name);
        risks.iter().filter(is_wrong).map(|risk| format!("{}: {}", risk.kind.name, risk.detail)).collect()
    }
}

#[test]
fn each_danger_is_found_and_nothing_that_comes_near() {
    let cases = Case::read();
    assert!(cases.len() >= 120);
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(case.wants.iter().all(|name| KINDS.iter().any(|kind| kind.name == name)), "{}", case.name);
    }
    for half in [false, true] {
        let of_half = || cases.iter().filter(|case| case.is_held() == half);
        let found = of_half().filter(|case| case.is_found()).count();
        let quiet = of_half().filter(|case| case.false_alarms().is_empty()).count();
        let all = of_half().count();
        let name = if half { "held back" } else { "open" };
        println!("{name}: {all} cases, {found} dangers found, {quiet} near misses quiet");
        for case in of_half().filter(|_| !half || std::env::var_os("SHOW_HELD").is_some()) {
            if !case.is_found() {
                let found: Vec<&str> = case.given.risks().iter().map(|risk| risk.kind.name).collect();
                wrong.push(format!("{} ({}): wants {:?}, found {found:?}", case.name, case.source, case.wants));
            }
            let alarms = case.false_alarms();
            if !alarms.is_empty() {
                wrong.push(format!("{} ({}): near miss: {alarms:?}", case.name, case.source));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
