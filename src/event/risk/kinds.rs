//! The table of risks.
//!
//! Numbers are those of the CIS Docker Benchmark 1.6 and of MITRE ATT&CK. A risk that nearly every container carries
//! (no limits, root inside) is of severity [`Severity::Info`]: worth a report, not an alert.

use std::fmt;

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

impl Kind {
    /// The level of its rule: what its severity says, but that changing one's own network is a little more than low.
    #[must_use]
    pub fn level(&self) -> u8 {
        match self.severity {
            _ if self.name == kind::network_admin.name => 6,
            Severity::Critical => 12,
            Severity::High => 10,
            Severity::Medium => 7,
            Severity::Low => 5,
            Severity::Info => 3,
        }
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
    miner Critical "" "T1496" "its main process or health check mines coins" "remove it, and look at who made the image";
    host_root_ro High "5.6" "T1005" "the host's root folder is mounted for reading: keys and secrets with it" "mount the one folder that is needed";
    host_path_rw High "5.6" "T1611" "a sensitive folder of the host is mounted and may be written to" "do not mount it, or mount it read-only";
    dangerous_capabilities High "5.4" "T1611" "has capabilities that have led out of containers" "drop them";
    host_pid High "5.16" "T1611" "sees and may signal the host's processes" "drop --pid=host";
    host_devices High "5.18" "T1611" "may use devices of the host" "drop --device and --device-cgroup-rule, or name the one device that is needed";
    seccomp_unconfined High "5.22" "T1562.001" "may call every system call" "use the default seccomp profile, or one that names what is allowed";
    system_paths_unconfined High "" "T1611" "the guards over /proc and /sys are off" "drop systempaths=unconfined";
    working_directory High "" "T1611" "begins in a folder that it reaches through an open file of the engine (CVE-2024-21626)" "use a plain working directory; update runc to 1.1.12 or later";
    hook_library High "" "T1611" "brings a library that a hook of its runtime loads as root on the host (CVE-2025-23266)" "drop LD_PRELOAD; update the NVIDIA Container Toolkit to 1.17.8 or later";
    command_attack High "" "T1059" "its main process does what no service needs: a shell for somebody elsewhere, an escape, theft, destruction" "look at who started it and at the categories of its command";
    health_check_attack High "" "T1059" "its health check, which the engine runs again and again, does what no health check needs" "look at the health check and at who made the image";
    engine_disagrees High "" "T1036" "the kernel shows what the engine's answer does not" "look at who started it and how: a link that was exchanged, a volume's options, a plugin";
    host_path_ro Medium "5.6" "T1005" "a sensitive folder of the host is mounted for reading" "do not mount it";
    host_ipc Medium "5.17" "T1611" "uses the host's shared memory" "drop --ipc=host";
    host_uts Medium "5.21" "T1611" "may change the host's name" "drop --uts=host";
    host_users Medium "5.31" "T1611" "its root is the host's, although the engine maps users" "drop --userns=host";
    apparmor_unconfined Medium "5.2" "T1562.001" "runs without the AppArmor profile" "use the default profile";
    selinux_disabled Medium "5.3" "T1562.001" "runs without SELinux separation" "drop label=disable";
    shared_propagation Medium "5.20" "T1611" "what it mounts appears on the host" "use rprivate or rslave";
    seccomp_weakened Medium "5.22" "T1562.001" "may make system calls that look into other processes or go around filters" "use the default seccomp profile, or one that names what is needed";
    host_cgroups Medium "5.24" "T1611" "sees the control groups of the host" "drop --cgroupns=host";
    requested_devices Medium "5.18" "T1611" "asks a driver for devices (GPU, CDI): what comes with them its answer does not say" "name the one device that is needed; look at the CDI files of the host";
    other_runtime Medium "" "T1610" "is run by a program that is not one of the known runtimes" "look at the engine's runtimes, and at who started it";
    preloaded_library Medium "" "T1574.006" "has a library loaded before all others" "drop LD_PRELOAD and LD_AUDIT, or look at what they name";
    build_entitlement Medium "" "T1612" "builds images, and lets builds have the host's network or all rights" "drop --allow-insecure-entitlement";
    health_check_tool Medium "" "T1059.004" "its health check, which the engine runs again and again, opens a shell to or fetches from elsewhere" "look at the health check and at who made the image";
    interactive_shell Medium "" "T1609" "somebody may type into a shell that is its main process" "look at who started it; run what it is for instead of a shell";
    command_tool Medium "" "T1059.004" "its main process opens a way out, or runs what it fetches" "look at who started it and at what it fetches";
    network_admin Low "5.4" "T1611" "may change its own network: routes, addresses and filters" "drop NET_ADMIN";
    host_network Low "5.10" "T1040" "uses the host's network: its local services and all of its traffic" "use a network of its own and publish the ports that are needed";
    joined_namespaces Low "" "T1611" "shares processes, memory or network with another container" "give it its own, or a pod's";
    added_capabilities Low "5.4" "T1611" "has capabilities beside the default ones" "drop them";
    published_everywhere Low "5.14" "T1133" "ports are published on all addresses of the host" "publish on the address that is meant: -p 127.0.0.1:80:80";
    cgroup_parent Low "5.24" "T1611" "stands below a control group of somebody's choice, beside the engine's limits" "drop --cgroup-parent";
    apparmor_other Low "5.2" "T1562.001" "runs with an AppArmor profile that is not the engine's: what it allows is not said" "look at the profile; use the default one";
    no_log Low "2.13" "T1562.006" "what it prints is kept nowhere" "drop --log-driver=none";
    host_files_ro Info "5.6" "T1005" "files of the host that many services need are mounted for reading" "mount the one file that is needed";
    build_step_tool Info "" "T1059.004" "a step of a build opens a way out, or runs what it fetches" "look at the Dockerfile and at what it fetches";
    no_new_privileges_absent Info "5.26" "T1548.001" "its processes may gain privileges by set-user-id programs" "--security-opt=no-new-privileges, or in the engine's configuration for all";
    root_user Info "4.1" "T1548.001" "runs as root" "USER in the image, or --user";
    no_memory_limit Info "5.11" "T1499" "may use all memory" "--memory";
    no_pids_limit Info "5.29" "T1499" "may start any number of processes" "--pids-limit";
    restart_always Info "5.15" "T1543" "is started again for ever, also after a reboot" "--restart=on-failure:5 where it need not survive a reboot";
}
