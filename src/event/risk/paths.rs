//! How much of the host a path is, by what it is called.

use super::host::Host;
use super::{Kind, kind};

/// Folders with all that is in them.
const TREES: [&str; 37] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/opt/cni",
    "/opt/containerd",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/backups",
    "/var/lib/buildkit",
    "/var/lib/cloud",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/crio",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/etcd",
    "/var/lib/kubelet",
    "/var/lib/lxcfs",
    "/var/lib/lxd",
    "/var/lib/rancher",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/ossec",
    "/var/run",
    "/var/snap/docker",
    "/var/snap/lxd",
    "/var/snap/microk8s",
    "/var/spool/anacron",
    "/var/spool/at",
    "/var/spool/cron",
];

/// Folders that are sensitive as a whole; what is in them is somebody's own.
const FOLDERS: [&str; 3] = ["/home", "/var/log", "/mnt"];

/// What stands in a sensitive folder and says nothing to who only reads it.
const HARMLESS: [&str; 8] = [
    "/dev/null",
    "/etc/ca-certificates",
    "/etc/localtime",
    "/etc/pki/ca-trust",
    "/etc/ssl/certs",
    "/etc/timezone",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
];

/// What many services are given to read: names, certificates, logs. Private keys and what others log are among it, so it is
/// worth a record.
const OFTEN_READ: [&str; 8] = [
    "/etc/hostname",
    "/etc/hosts",
    "/etc/letsencrypt",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/resolv.conf",
    "/usr/lib/os-release",
    "/var/log",
];

/// Folders of sockets through which containers are made. To whom they are mounted read-only they take orders all the same.
const SOCKET_FOLDERS: [&str; 10] = [
    "/run",
    "/run/containerd",
    "/run/crio",
    "/run/docker",
    "/run/podman",
    "/var/run",
    "/var/run/containerd",
    "/var/run/crio",
    "/var/run/docker",
    "/var/run/podman",
];

/// Sockets through which containers are made.
const SOCKETS: [&str; 8] = [
    "docker.sock",
    "podman.sock",
    "containerd.sock",
    "containerd.sock.ttrpc",
    "crio.sock",
    "dockershim.sock",
    "cri-dockerd.sock",
    "buildkitd.sock",
];

/// Sockets through which they are made whose names say nothing by themselves.
const SOCKETS_IN_FULL: [&str; 2] = ["/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket"];

/// The risk of a path of the host, by the name that it goes by and the one without links.
pub(super) fn kind_of(
    names @ [clean, real]: [&str; 2],
    writes: bool,
    is_engine: bool,
    host: &Host,
) -> Option<&'static Kind> {
    let is_socket = |path: &str| {
        SOCKETS_IN_FULL.contains(&path) || path.rsplit('/').next().is_some_and(|name| SOCKETS.contains(&name))
    };
    let own = if names.iter().any(|path| is_own(path, host)) { Reach::Sensitive } else { Reach::Nothing };
    let reach = reach(real, writes).max(reach(clean, writes)).max(own);
    let holds_engine = reach != Reach::Root && host.engine.as_ref().is_some_and(|socket| within(socket, real));
    let exec_root = host.facts.exec_root.as_str();
    let is_exec_root = |path: &str| {
        !exec_root.is_empty() && (path == exec_root || path.strip_prefix(exec_root) == Some("/containerd"))
    };
    let holds_sockets = names.iter().any(|path| SOCKET_FOLDERS.contains(path) || is_exec_root(path));
    // A socket that is mounted read-only takes orders all the same.
    if is_socket(clean) || is_socket(real) || holds_engine || holds_sockets || is_engine {
        return Some(&kind::engine_socket);
    }
    let of_sockets = within(real, "/run") || within(real, "/var/run");
    match (reach, writes || of_sockets) {
        (Reach::Nothing, _) => None,
        (Reach::Root, true) => Some(&kind::host_root_rw),
        (Reach::Root, false) => Some(&kind::host_root_ro),
        (Reach::Sensitive, true) => Some(&kind::host_path_rw),
        (Reach::Sensitive, false) if names.iter().all(|path| OFTEN_READ.iter().any(|often| within(path, often))) => {
            Some(&kind::host_files_ro)
        }
        (Reach::Sensitive, false) => Some(&kind::host_path_ro),
    }
}

/// Whether a path is in a folder of the engine or of the listener, or holds one.
fn is_own(path: &str, host: &Host) -> bool {
    let own = [&host.facts.root, &host.facts.exec_root, &host.home];
    own.iter().any(|own| own.len() > 1 && (within(path, own) || within(own, path)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Nothing,
    Sensitive,
    Root,
}

/// Whether a path is this folder or something in it.
pub(super) fn within(path: &str, folder: &str) -> bool {
    path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// How much of the host a path is, to who may write to it or only read.
pub(super) fn reach(path: &str, writes: bool) -> Reach {
    let names_disk =
        ["/dev/sd", "/dev/vd", "/dev/xvd", "/dev/nvme", "/dev/mapper/", "/dev/dm-", "/dev/disk/", "/dev/mmcblk"];
    if path == "/" || is_process_root(path) || names_disk.iter().any(|disk| path.starts_with(disk)) {
        return Reach::Root;
    }
    let is_harmless = path == "/dev/null"
        || (!writes && HARMLESS.iter().any(|harmless| within(path, harmless)))
        || is_of_one_pod(path);
    let is_sensitive = TREES.iter().any(|tree| within(path, tree) || within(tree, path))
        || FOLDERS.iter().any(|folder| within(folder, path))
        || is_persons(path);
    if is_sensitive && !is_harmless { Reach::Sensitive } else { Reach::Nothing }
}

/// Below `/proc/PID/root` or `cwd`: the host's root folder for the first process and the engine, and nearly any other.
fn is_process_root(path: &str) -> bool {
    let mut parts = path.strip_prefix("/proc/").unwrap_or_default().split('/');
    let is_process = parts.next().is_some_and(|pid| {
        matches!(pid, "self" | "thread-self") || (!pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
    });
    is_process && parts.next().is_some_and(|folder| matches!(folder, "root" | "cwd"))
}

/// What kubelet mounts into each of a pod's containers: below `/var/lib/kubelet/pods/<uid>/`.
fn is_of_one_pod(path: &str) -> bool {
    let own = path.strip_prefix("/var/lib/kubelet/pods/").and_then(|rest| rest.split_once('/'));
    own.is_some_and(|(_, rest)| {
        rest == "etc-hosts" || ["volumes/", "volume-subpaths/", "containers/"].iter().any(|own| rest.starts_with(own))
    })
}

/// A person's folder, or what is hidden in it: keys, and what a shell runs.
fn is_persons(path: &str) -> bool {
    let own = path.strip_prefix("/home/").unwrap_or_default();
    match own.split_once('/') {
        Some((_, rest)) => rest.starts_with('.'),
        None => !own.is_empty(),
    }
}

/// A path without `.`, `..` and double slashes.
pub(super) fn cleaned(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
