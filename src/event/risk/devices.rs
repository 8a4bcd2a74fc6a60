//! Devices by their numbers: what a path leads to, and not what it is called.

use super::host::{Grade, Host, Node, is_harmless};
use super::paths::{Reach, cleaned, reach};
use super::{Risks, has_capability, kind};
use crate::docker::inspect::Container;

/// The same by what they are called, where nobody can say more.
const HARMLESS: [&str; 6] = ["/dev/null", "/dev/fuse", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

pub(super) fn devices(container: &Container, host: &Host, risks: &mut Risks) {
    let given = &container.host_config;
    for device in &given.devices {
        one(&device.path_on_host, host, risks);
    }
    for rule in &given.device_cgroup_rules {
        let kind = match Rule::parse(rule).map(|rule| rule.allows(has_capability(container, "MKNOD"))) {
            None | Some(Allowed::Device) => &kind::host_devices,
            Some(Allowed::Disk { writes: true }) => &kind::host_root_rw,
            Some(Allowed::Disk { writes: false }) => &kind::host_root_ro,
            Some(Allowed::Nothing) => continue,
        };
        risks.add(kind, rule.as_str());
    }
    for request in &given.device_requests {
        let ids = request.ids.iter().flatten().map(String::as_str);
        let wanted = request.capabilities.iter().flatten().flatten().map(String::as_str);
        let words: Vec<&str> = request.driver.iter().map(String::as_str).chain(ids).chain(wanted).collect();
        risks.add(&kind::requested_devices, words.join(" ").trim());
    }
}

fn one(path_on_host: &str, host: &Host, risks: &mut Risks) {
    // A CDI name is no path.
    if !path_on_host.starts_with('/') && path_on_host.contains('=') {
        return risks.add(&kind::requested_devices, path_on_host);
    }
    let path = cleaned(path_on_host);
    let by_name = || {
        // Who knows what a link on the way leads to.
        let is_plain = !path_on_host.split('/').any(|part| part == "..");
        match reach(&path, true) {
            Reach::Root => Grade::Disk,
            _ if path == "/dev" => Grade::Disk,
            _ if is_plain && HARMLESS.contains(&path.as_str()) => Grade::Nothing,
            _ => Grade::Device,
        }
    };
    let grade = match host.nodes.get(path_on_host) {
        // What is no device now may have been one, or will be.
        None | Some(Node::Other) => by_name(),
        Some(node) => node.grade(),
    };
    let shown = match host.resolved.get(path_on_host).map(|real| cleaned(real)) {
        Some(real) if real != path => format!("{path} -> {real}"),
        _ => path,
    };
    match grade {
        Grade::Nothing => {}
        Grade::Device => risks.add(&kind::host_devices, shown),
        Grade::Disk => risks.add(&kind::host_root_rw, shown),
    }
}

/// A rule for devices: `b 8:* rwm`.
struct Rule<'r> {
    of_type: &'r str,
    /// `None` is all of them.
    major: Option<u32>,
    minor: Option<u32>,
    access: &'r str,
}

/// What a rule allows.
enum Allowed {
    Nothing,
    Device,
    Disk { writes: bool },
}

impl<'r> Rule<'r> {
    fn parse(rule: &'r str) -> Option<Self> {
        let mut parts = rule.split_whitespace();
        let (of_type, (major, minor)) = (parts.next()?, parts.next()?.split_once(':')?);
        let access = parts.next()?;
        let number = |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
        Some(Self { of_type, major: number(major)?, minor: number(minor)?, access })
    }

    /// What it allows to who can make a node with these numbers, or can not.
    fn allows(&self, makes_nodes: bool) -> Allowed {
        let (reads, writes) = (self.access.contains('r'), self.access.contains('w'));
        if !reads && !writes {
            // To make a node is no way to use it.
            return Allowed::Nothing;
        }
        let block = Node::Block(self.major.unwrap_or(8), self.minor.unwrap_or_default());
        if matches!(self.of_type, "a" | "b") && block.grade() == Grade::Disk && makes_nodes {
            return Allowed::Disk { writes };
        }
        match (self.of_type, self.major, self.minor) {
            ("c", Some(major), Some(minor)) if is_harmless((major, minor)) => Allowed::Nothing,
            _ => Allowed::Device,
        }
    }
}
