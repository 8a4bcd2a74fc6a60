//! What keeps a container in: profiles, guards over /proc and /sys, and whether they are off.

use super::host::within;
use super::{Risks, kind, seccomp};
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
                if let Some(why) = seccomp::weakness(profile) {
                    risks.add(&kind::seccomp_unconfined, format!("seccomp={why}"));
                }
            }
            ("apparmor", "unconfined") => risks.add(&kind::apparmor_unconfined, option.as_str()),
            // Nobody asked for it: engines add it by themselves to these.
            ("label", "disable") if given.privileged || given.pid_mode == "host" || given.ipc_mode == "host" => {}
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
