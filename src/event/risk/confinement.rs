//! What keeps a container in: profiles, guards over /proc and /sys, and whether they are off.

use super::paths::within;
use super::seccomp::{self, Weakness};
use super::{DEFAULT_CAPABILITIES, Risks, has_capability, kind};
use crate::docker::inspect::Container;

pub(super) fn options(container: &Container, risks: &mut Risks) {
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
                // With a capability that was added the default profile allows as much.
                let has = |name: &str| DEFAULT_CAPABILITIES.contains(&name) && has_capability(container, name);
                match seccomp::weakness(profile, &has) {
                    None => {}
                    Some(Weakness::Open(why)) => risks.add(&kind::seccomp_unconfined, format!("seccomp={why}")),
                    Some(Weakness::Weakened(why)) => risks.add(&kind::seccomp_weakened, format!("seccomp={why}")),
                }
            }
            ("apparmor", "unconfined") => risks.add(&kind::apparmor_unconfined, option.as_str()),
            // What it runs with is said below; where that is not, what was asked for counts.
            ("apparmor", profile) if container.app_armor_profile.is_empty() && !is_engines_profile(profile) => {
                risks.add(&kind::apparmor_other, option.as_str());
            }
            // Nobody asked for it: engines add it by themselves to these.
            ("label", "disable") if given.privileged || given.pid_mode == "host" || given.ipc_mode == "host" => {}
            ("label", "disable") | ("disable", _) => risks.add(&kind::selinux_disabled, option.as_str()),
            ("label", label) if !separates(label) => risks.add(&kind::selinux_disabled, option.as_str()),
            // Podman does not say it of a container that it has made; what Docker takes for it stands in the paths.
            ("unmask", paths) if !paths.is_empty() => risks.add(&kind::system_paths_unconfined, option.as_str()),
            ("systempaths", "unconfined") => risks.add(&kind::system_paths_unconfined, option.as_str()),
            ("writable-cgroups", value) if is_true(value) => {
                risks.add(&kind::system_paths_unconfined, option.as_str());
            }
            ("no-new-privileges", value) if is_true(value) => may_gain = false,
            _ => {}
        }
    }
    if !given.privileged {
        let profile = container.app_armor_profile.as_str();
        let shown = format!("apparmor={profile}");
        if profile.contains("unconfined") {
            risks.add(&kind::apparmor_unconfined, shown);
        } else {
            risks.add_if(!is_engines_profile(profile), &kind::apparmor_other, &shown);
        }
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

/// Whether `SELinux` keeps a container with this label from what is not its own: by its type, and by its categories, of which
/// one that has none or all reaches every other container's files.
fn separates(label: &str) -> bool {
    const AS_GOOD_AS_NONE: [&str; 14] = [
        "spc_t",
        "unconfined_t",
        "unconfined_service_t",
        "container_runtime_t",
        "container_engine_t",
        "docker_t",
        "init_t",
        "initrc_t",
        "kernel_t",
        "sysadm_t",
        "crond_t",
        "rpm_t",
        "virtd_t",
        "udev_t",
    ];
    match label.split_once(':') {
        Some(("type", of_type)) => !AS_GOOD_AS_NONE.contains(&of_type),
        Some(("level", level)) => level.contains(":c") && !level.contains("c0.c1023"),
        _ => true,
    }
}

/// Whether a profile is one that an engine gives by itself, or there is none to give.
fn is_engines_profile(profile: &str) -> bool {
    let is_version = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_podmans = profile.strip_prefix("containers-default-").is_some_and(is_version);
    matches!(profile, "" | "docker-default" | "cri-containerd.apparmor.d" | "crio-default") || is_podmans
}

/// What engines hide of /proc and /sys, those of it that all versions hide.
const MASKED: [&str; 5] = ["/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/timer_list", "/sys/firmware"];

/// What engines guard against writing.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// As the engine reads it (Go's `strconv.ParseBool`).
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}
