//! What a container was given of the host: paths by whatever way, and devices.

use std::collections::{BTreeMap, HashMap};

use super::{Kind, Risks, kind};
use crate::docker::inspect::{Container, Mount, Volume};

/// What the host knows about paths that a container was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Where the paths that are links lead.
    pub resolved: BTreeMap<String, String>,
    /// The paths that are the engine's own socket, by whatever name.
    pub sockets: Vec<String>,
    /// Where that socket is, without links.
    pub engine: Option<String>,
}

/// Folders with all that is in them.
const TREES: [&str; 27] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/opt/containerd",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/backups",
    "/var/lib/cloud",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/kubelet",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/ossec",
    "/var/run",
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
const SOCKETS: [&str; 6] =
    ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "dockershim.sock", "cri-dockerd.sock"];

pub(super) fn mounts(container: &Container, volumes: &[Volume], host: &Host, risks: &mut Risks) {
    let volumes: HashMap<&str, &Volume> = volumes.iter().map(|volume| (volume.name.as_str(), volume)).collect();
    for mount in &container.mounts {
        let mut sources = vec![mount.source.clone()];
        let volume = volumes.get(mount.name.as_str()).filter(|_| mount.kind == "volume");
        if let Some(volume) = volume {
            // The volume's own folder is the engine's affair; what its options put there is not.
            sources = options_of(volume);
        } else if mount.kind == "volume" {
            continue;
        }
        for source in sources {
            path(&source, mount, host, risks);
        }
        if matches!(mount.propagation.as_str(), "shared" | "rshared") {
            risks.add(&kind::shared_propagation, format!("{} ({})", mount.destination, mount.propagation));
        }
    }
}

/// The folders and devices of the host that a volume's options mount: `--opt type=none --opt o=bind --opt device=/`. The
/// engine hands them to mount(2) as they are, and where it runs is the root folder, so `device=.` is the host's too.
fn options_of(volume: &Volume) -> Vec<String> {
    const ELSEWHERE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "9p", "tmpfs"];
    // What these show is the host's, whatever the device is called.
    const OF_KERNEL: [(&str, &str); 6] = [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("cgroup", "/sys/fs/cgroup"),
        ("cgroup2", "/sys/fs/cgroup"),
        ("devtmpfs", "/dev"),
        ("debugfs", "/sys/kernel/debug"),
    ];
    let option = |name: &str| volume.options.get(name).map(|text| mounted(text)).unwrap_or_default();
    // mount(2) takes no notice of the type where it binds.
    let binds = option("o").split(',').any(|option| matches!(option.trim(), "bind" | "rbind"));
    if let Some((_, path)) = OF_KERNEL.iter().find(|(kind, _)| !binds && *kind == option("type")) {
        return vec![(*path).to_owned()];
    }
    if !binds && ELSEWHERE.contains(&option("type")) {
        return Vec::new();
    }
    let device = Some(option("device")).filter(|device| !device.is_empty()).map(from_root);
    // overlayfs takes a backslash as one that makes the next character plain.
    let folders = option("o")
        .split(',')
        .filter_map(|option| {
            option.split_once('=').filter(|(key, _)| key.ends_with("dir") || key.starts_with("lowerdir"))
        })
        .flat_map(|(_, folders)| {
            folders.split(':').map(|folder| from_root(&folder.replace('\\', ""))).collect::<Vec<_>>()
        });
    device.into_iter().chain(folders).collect()
}

/// As much of an option as mount(2) takes, which is a page; a longer one is refused.
fn mounted(option: &str) -> &str {
    const PAGE: usize = 4096;
    (0..=option.len().min(PAGE)).rev().find_map(|end| option.get(..end)).unwrap_or_default()
}

fn from_root(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// The host's paths that a container was given, for whoever can say where links lead.
#[must_use]
pub fn paths<'c>(container: &'c Container, volumes: &[Volume]) -> Vec<String> {
    let binds = container.mounts.iter().filter(|mount: &&'c Mount| mount.kind != "volume").map(|m| m.source.clone());
    binds.chain(volumes.iter().flat_map(options_of)).filter(|path| path.starts_with('/')).collect()
}

fn path(source: &str, mount: &Mount, host: &Host, risks: &mut Risks) {
    if !source.starts_with('/') {
        return;
    }
    let clean = cleaned(source);
    let resolved = host.resolved.get(source).map(|path| cleaned(path));
    let shown = match &resolved {
        Some(resolved) if *resolved != clean => format!("{clean} -> {resolved}"),
        _ => clean.clone(),
    };
    let shown = format!("{shown} ({})", if mount.is_writable { "rw" } else { "ro" });
    let real = resolved.as_deref().unwrap_or(&clean);
    let is_engine = host.sockets.iter().any(|socket| socket == source);
    if let Some(kind) = kind_of([&clean, real], mount.is_writable, is_engine, host) {
        risks.add(kind, shown);
    }
}

/// The risk of a path of the host, by the name that it goes by and the one without links.
pub(super) fn kind_of(
    names @ [clean, real]: [&str; 2],
    writes: bool,
    is_engine: bool,
    host: &Host,
) -> Option<&'static Kind> {
    let is_socket = |path: &str| path.rsplit('/').next().is_some_and(|name| SOCKETS.contains(&name));
    let reach = reach(real, writes).max(reach(clean, writes));
    let holds_engine = reach != Reach::Root && host.engine.as_ref().is_some_and(|socket| within(socket, real));
    let holds_sockets = names.iter().any(|path| SOCKET_FOLDERS.contains(path));
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nothing,
    Sensitive,
    Root,
}

/// Whether a path is this folder or something in it.
pub(super) fn within(path: &str, folder: &str) -> bool {
    path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// How much of the host a path is, to who may write to it or only read.
fn reach(path: &str, writes: bool) -> Reach {
    let names_disk =
        ["/dev/sd", "/dev/vd", "/dev/xvd", "/dev/nvme", "/dev/mapper/", "/dev/dm-", "/dev/disk/", "/dev/mmcblk"];
    // The root folder of the first process is the host's.
    if path == "/" || within(path, "/proc/1/root") || names_disk.iter().any(|disk| path.starts_with(disk)) {
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
fn cleaned(path: &str) -> String {
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

pub(super) fn devices(container: &Container, risks: &mut Risks) {
    for device in &container.host_config.devices {
        let path = cleaned(&device.path_on_host);
        let kind = if reach(&path, true) == Reach::Root { &kind::host_root_rw } else { &kind::host_devices };
        if !matches!(
            path.as_str(),
            "/dev/null" | "/dev/fuse" | "/dev/zero" | "/dev/full" | "/dev/random" | "/dev/urandom"
        ) {
            risks.add(kind, path);
        }
    }
    for rule in &container.host_config.device_cgroup_rules {
        risks.add(&kind::host_devices, rule.as_str());
    }
}
