//! Whose processes, network, memory, users and control groups a container has.

use super::host::{Host, Modes};
use super::{Risks, joins, kind};
use crate::docker::inspect::Container;

/// So many containers are gone through, each of which has what the next one has.
const MAX_JOINED: usize = 8;

pub(super) fn namespaces(container: &Container, host: &Host, risks: &mut Risks) {
    let given = &container.host_config;
    let own = Modes::of(container);
    for (mode, of, kind, option) in [
        (&given.pid_mode, (|modes| &modes.pid) as fn(&Modes) -> &str, &kind::host_pid, "pid"),
        (&given.network_mode, |modes| &modes.network, &kind::host_network, "network"),
        (&given.ipc_mode, |modes| &modes.ipc, &kind::host_ipc, "ipc"),
        (&given.uts_mode, |_| "", &kind::host_uts, "uts"),
        (&given.userns_mode, |_| "", &kind::host_users, "userns"),
    ] {
        let (last, is_joined) = last_mode(of, &own, host);
        let is_network = option == "network";
        if mode == "host" {
            risks.add(kind, format!("--{option}=host"));
        } else if is_joined && (is_host(last) || (is_network && names_host(last, host))) {
            risks.add(kind, format!("--{option}={mode}, which has the host's"));
        } else if is_host(mode) || (is_network && is_host_network(container, host)) {
            risks.add(kind, format!("--{option}={mode}"));
        }
        if mode.starts_with("container:") {
            risks.add(&kind::joined_namespaces, format!("--{option}={mode}"));
        }
    }
    cgroups(container, host, risks);
}

/// Whose namespace it is in the end, and whether that is by way of another container.
fn last_mode<'m>(of: fn(&Modes) -> &str, own: &'m Modes, host: &'m Host) -> (&'m str, bool) {
    let mut mode = of(own);
    for joined in 0..MAX_JOINED {
        match mode.strip_prefix("container:").and_then(|other| host.others.get(other)) {
            Some(other) => mode = of(other),
            None => return (mode, joined > 0),
        }
    }
    (mode, true)
}

/// Whether a mode is the host's, by its name or by the path of its first process or of the engine's.
fn is_host(mode: &str) -> bool {
    let is_own = |path: &str| ["/proc/1/", "/proc/self/", "/proc/thread-self/"].iter().any(|own| path.starts_with(own));
    mode == "host" || mode.strip_prefix("ns:").is_some_and(is_own)
}

/// Whether a network is the host's, by any way of naming it.
fn is_host_network(container: &Container, host: &Host) -> bool {
    let id = host.facts.host_network.as_str();
    let networks = || container.network_settings.networks.iter().flatten();
    let is_id = |network: &str| !id.is_empty() && network == id;
    let is_given = networks().any(|(name, network)| {
        let given = network.as_ref().and_then(|network| network.id.as_deref());
        name.eq_ignore_ascii_case("host") || given.is_some_and(is_id)
    });
    // A network of somebody's can be called like the beginning of an id.
    let mode = container.host_config.network_mode.as_str();
    let is_named = networks().any(|(name, _)| name == mode);
    is_given || (names_host(mode, host) && (!is_named || mode.len() >= 12 || mode.eq_ignore_ascii_case("host")))
}

/// Whether this is the host's network by name, by its id or by the beginning of it.
fn names_host(mode: &str, host: &Host) -> bool {
    let begins = host.facts.host_network.get(..mode.len()).is_some_and(|start| start.eq_ignore_ascii_case(mode));
    mode.eq_ignore_ascii_case("host") || (begins && !mode.is_empty())
}

fn cgroups(container: &Container, host: &Host, risks: &mut Risks) {
    let given = &container.host_config;
    // Where they are not unified every container has the host's by default.
    let is_chosen = given.cgroupns_mode == "host" && host.facts.cgroup_version == "2" && !given.privileged;
    risks.add_if(is_chosen, &kind::host_cgroups, "--cgroupns=host");
    let parent = given.cgroup_parent.as_str();
    // kubelet gives each pod its own.
    let is_pods = parent.trim_start_matches('/').starts_with("kubepods");
    risks.add_if(!parent.is_empty() && !is_pods, &kind::cgroup_parent, parent);
}

/// Whether a container shares a network that is not its own.
pub(super) fn joins_network(container: &Container) -> bool {
    let mode = &container.host_config.network_mode;
    mode == "host" || joins(mode)
}
