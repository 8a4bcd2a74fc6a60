//! What the kernel says of a container's first process, as risks; and what of it the engine's answer does not say.

use super::host::{Host, kind_of, within};
use super::{DANGEROUS_CAPABILITIES, Kind, ROOT_CAPABILITIES, Risk, Risks, Severity, exec, kind};
use crate::docker::inspect::Container;
use crate::kernel::{Evidence, Mount};

/// By their numbers.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// So many mounted folders are searched for what came with them.
const MAX_FOLDERS: usize = 64;

/// What engines mount for themselves as programs that begin a container.
const INITS: [&str; 4] = ["/dev/init", "/run/podman-init", "/sbin/docker-init", "/usr/sbin/docker-init"];

/// What engines write for each container.
const OWN_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// Devices that every container has; where users are mapped they are mounted.
const COMMON_DEVICES: [&str; 7] =
    ["/dev/fuse", "/dev/full", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero"];

/// The risks that the kernel shows, the gravest first.
#[must_use]
pub fn of_evidence(evidence: &Evidence, host: &Host, container: &Container) -> Vec<Risk> {
    let mut risks = Risks(Vec::new());
    mounts(evidence, host, container, &mut risks);
    // In a user namespace they reach nothing of the host.
    if evidence.is_root_mapped {
        capabilities(evidence, &mut risks);
    }
    risks.add_if(evidence.seccomp == Some(0), &kind::seccomp_unconfined, "no filter");
    risks.add_if(!evidence.guards_proc_sys, &kind::system_paths_unconfined, "/proc/sys may be written to");
    risks.add_if(evidence.is_in_host_pids, &kind::host_pid, "has the host's processes");
    risks.add_if(evidence.is_in_host_network, &kind::host_network, "has the host's interfaces");
    if exec::is_backdoor(&evidence.command) {
        risks.add(&kind::command_tool, evidence.command.as_str());
    }
    risks.sorted()
}

fn mounts(evidence: &Evidence, host: &Host, container: &Container, risks: &mut Risks) {
    let mut found: Vec<(&Mount, &str)> = Vec::new();
    for mount in &evidence.mounts {
        if found.iter().take(MAX_FOLDERS).any(|(folder, name)| comes_with(mount, folder, name)) {
            continue;
        }
        let Some((kind, name)) = of_mount(mount, host, container) else { continue };
        found.push((mount, name));
        let access = if mount.is_writable { "rw" } else { "ro" };
        risks.add(kind, format!("{name} on {} ({access})", mount.target));
    }
}

/// Whether what is mounted is what the host has mounted in a folder that was mounted with all that is in it.
fn comes_with(mount: &Mount, folder: &Mount, name: &str) -> bool {
    let inner = mount.target.strip_prefix(&folder.target).filter(|inner| inner.starts_with('/'));
    let is_there = |inner: &str| {
        let own = name.trim_end_matches('/');
        mount.on_host.iter().any(|on_host| on_host.strip_prefix(own) == Some(inner))
    };
    // Of the same filesystem it can be one that was mounted for itself, to be written to.
    let is_weaker = folder.is_writable || !mount.is_writable || folder.device != mount.device;
    is_weaker && inner.is_some_and(is_there)
}

/// The gravest of what a mount is on the host.
fn of_mount<'m>(mount: &'m Mount, host: &Host, container: &Container) -> Option<(&'static Kind, &'m str)> {
    let at = |folder: &str| within(&mount.target, folder);
    let writes = mount.is_writable;
    // A second one of these is not guarded as the engine guards the first.
    match mount.filesystem.as_str() {
        "devpts" | "mqueue" => return None,
        "proc" if at("/proc") => return None,
        "proc" => return Some((if writes { &kind::host_path_rw } else { &kind::host_path_ro }, "/proc")),
        "sysfs" | "cgroup" | "cgroup2" if at("/sys") => return None,
        "sysfs" | "cgroup" | "cgroup2" | "debugfs" | "tracefs" => {
            return writes.then_some((&kind::host_path_rw, "/sys"));
        }
        _ => {}
    }
    let judged = |name: &'m String| {
        let kind = kind_of([name, name], writes, host.sockets.iter().any(|socket| socket == name), host)?;
        let is_root = matches!(kind.name, "host_root_rw" | "host_root_ro");
        if mount.target == "/" {
            // Where a container's own files are is the engine's affair.
            return is_root.then_some((kind, name.as_str()));
        }
        if is_engines_own(name, mount, &container.id) {
            return None;
        }
        if name == "/dev/shm" && mount.target == "/dev/shm" {
            return Some((&kind::host_ipc, name.as_str()));
        }
        if within(name, "/dev") && !is_root && name != "/dev" {
            return Some((&kind::host_devices, name.as_str()));
        }
        Some((kind, name.as_str()))
    };
    let position = |kind: &Kind| super::KINDS.iter().position(|known| *known == kind);
    let names = mount.on_host.iter().filter_map(judged);
    let lower = mount.lower.iter().filter(|name| !is_layer(name)).filter_map(judged);
    names.chain(lower).min_by_key(|(kind, _)| position(kind))
}

/// What an engine, or what it calls when a container begins, mounts by itself and the host does not miss.
fn is_engines_own(name: &str, mount: &Mount, id: &str) -> bool {
    let parts = || name.split('/');
    let file = parts().next_back().unwrap_or_default();
    let is_id = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_own = !id.is_empty() && parts().any(|part| part == id);
    // One that shares another's network has its files.
    let is_file = OWN_FILES.contains(&mount.target.as_str()) && mount.target.ends_with(&format!("/{file}"));
    let is_shared = (is_file || mount.target == "/dev/shm") && parts().any(is_id);
    let is_volume = parts().zip(parts().skip(2)).any(|(folder, data)| folder == "volumes" && data == "_data");
    let is_plugins = parts().zip(parts().skip(1)).any(|(folder, plugin)| folder == "plugins" && is_id(plugin));
    // Programs and libraries hold no secret: drivers of graphics cards come so, and the program that begins a container.
    let is_program = !mount.is_writable && (within(name, "/usr") || INITS.contains(&mount.target.as_str()));
    let is_graphics = ["/dev/nvidia", "/run/nvidia"].iter().any(|start| name.starts_with(start));
    is_own
        || is_shared
        || is_volume
        || is_plugins
        || (is_program && name != "/usr")
        || is_graphics
        || COMMON_DEVICES.contains(&name)
}

/// Whether a folder is a layer of an image.
fn is_layer(name: &str) -> bool {
    let stores = ["overlay2", "overlay", "overlay-containers", "overlay-images", "snapshots", "vfs", "rootfs"];
    name.split('/').any(|part| stores.contains(&part))
}

fn capabilities(evidence: &Evidence, risks: &mut Risks) {
    // What a process of another user could have it gets by a set-user-id program.
    let is_root = evidence.uid == Some(0);
    let held = evidence.cap_effective | if is_root { 0 } else { evidence.cap_bounding };
    for (number, name) in CAPABILITIES.iter().enumerate() {
        if held >> number & 1 == 0 {
            continue;
        }
        if ROOT_CAPABILITIES.contains(name) {
            risks.add(&kind::all_capabilities, *name);
        } else if DANGEROUS_CAPABILITIES.contains(name) {
            risks.add(&kind::dangerous_capabilities, *name);
        }
    }
}

/// What the engine and the kernel say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// All risks, the gravest first.
    pub risks: Vec<Risk>,
    /// The kinds that only the kernel showed.
    pub kernel_only: Vec<&'static str>,
}

/// Adds to what the engine's answer says what only the kernel shows. Where that contradicts the answer, it is a risk of
/// its own.
#[must_use]
pub fn merge(engine: Vec<Risk>, kernel: Vec<Risk>, container: &Container) -> Merged {
    let said: Vec<&'static Kind> = engine.iter().map(|risk| risk.kind).collect();
    let is_said = |kind: &Kind| said.contains(&kind);
    let mut merged = Risks(engine);
    let mut kernel_only = Vec::new();
    let mut contradictions = Vec::new();
    for risk in kernel {
        if is_said(risk.kind) || is_implied(risk.kind, &said, container) {
            continue;
        }
        kernel_only.push(risk.kind.name);
        // What the engine does by default, its answer does not say; and a process may execute another program.
        let is_open = matches!(risk.kind.name, "seccomp_unconfined" | "command_tool");
        if risk.kind.severity >= Severity::Medium && !is_open {
            contradictions.push(format!("{}: {}", risk.kind.name, risk.detail));
        }
        merged.0.push(risk);
    }
    if !contradictions.is_empty() {
        merged.add(&kind::engine_disagrees, contradictions.join("; "));
    }
    Merged { risks: merged.sorted(), kernel_only }
}

/// Whether this comes with what the engine says.
fn is_implied(found: &Kind, said: &[&'static Kind], container: &Container) -> bool {
    let says = |names: &[&str]| said.iter().any(|kind| names.contains(&kind.name));
    let joins = |mode: &str| mode.starts_with("container:") || mode.starts_with("ns:");
    let given = &container.host_config;
    match found.name {
        "all_capabilities" | "system_paths_unconfined" | "host_devices" | "seccomp_unconfined" => says(&["privileged"]),
        "dangerous_capabilities" => says(&["privileged", "all_capabilities"]),
        "host_path_ro" => says(&["host_path_rw", "host_root_rw", "host_root_ro"]),
        "host_path_rw" | "host_root_ro" => says(&["host_root_rw"]),
        "host_pid" => joins(&given.pid_mode),
        "host_network" => joins(&given.network_mode),
        "host_ipc" => joins(&given.ipc_mode),
        _ => false,
    }
}
