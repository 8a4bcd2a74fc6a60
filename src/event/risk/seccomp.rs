//! Whether a seccomp profile still holds a container back.

use serde_json::{Map, Value};

/// System calls that have led out of containers. Docker's own profile allows them only with a capability.
const DANGEROUS: [&str; 27] = [
    "add_key",
    "bpf",
    "delete_module",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "ioperm",
    "iopl",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_by_handle_at",
    "open_tree",
    "open_tree_attr",
    "perf_event_open",
    "pivot_root",
    "reboot",
    "request_key",
    "setns",
    "unshare",
    "userfaultfd",
];

/// System calls that look into other processes or go around a filter. Docker's own profile allows them with a capability,
/// the first three to all on kernels from 4.8 on, and the last three no more.
const WEAKENING: [&str; 9] = [
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "kcmp",
    "pidfd_getfd",
    "process_madvise",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
];

/// From this kernel on a filter holds a process that is traced, too.
const TRACED_KERNEL: (u32, u32) = (4, 8);

/// What is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Weakness {
    /// It does not hold a container back.
    Open(String),
    /// It holds it back, but for calls that may get around that.
    Weakened(String),
}

/// Why a profile does not hold a container back that has these of the default capabilities; `None` where it does. One that
/// cannot be read is not believed: the engine reads more than we do.
pub(super) fn weakness(profile: &str, has: &dyn Fn(&str) -> bool) -> Option<Weakness> {
    let open = |why: &str| Some(Weakness::Open(why.to_owned()));
    let Ok(Value::Object(profile)) = serde_json::from_str(profile) else {
        return open("a profile that cannot be read");
    };
    if fields(&profile, "defaultAction").any(|action| !holds_back(action)) {
        return open("a profile that allows what it does not name");
    }
    if fields(&profile, "defaultAction").next().is_none() {
        return open("a profile without a default action");
    }
    let entries = fields(&profile, "syscalls").filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let entries: Vec<&Map<String, Value>> = entries.filter(|entry| is_open(entry, has)).collect();
    let allowed = |calls: &[&'static str], entries: &[&Map<String, Value>]| {
        let of = |call: &&&str| entries.iter().any(|entry| names(entry).any(|name| name == **call));
        let found: Vec<&str> = calls.iter().filter(of).copied().collect();
        (!found.is_empty()).then(|| format!("a profile that allows {}", found.join(" ")))
    };
    if let Some(why) = allowed(&DANGEROUS, &entries) {
        return Some(Weakness::Open(why));
    }
    let guarded = |entry: &&&Map<String, Value>| !needs_kernel(entry, TRACED_KERNEL);
    let unguarded: Vec<&Map<String, Value>> = entries.iter().filter(guarded).copied().collect();
    allowed(&WEAKENING, &unguarded).map(Weakness::Weakened)
}

/// The engine reads keys without regard to case.
fn fields<'p>(object: &'p Map<String, Value>, key: &'p str) -> impl Iterator<Item = &'p Value> {
    object.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

/// The texts of a list under a key of an object under a key.
fn listed<'p>(entry: &'p Map<String, Value>, object: &'p str, key: &'p str) -> impl Iterator<Item = &'p str> {
    let objects = fields(entry, object).filter_map(Value::as_object);
    let lists = objects.flat_map(move |object| fields(object, key)).filter_map(Value::as_array);
    lists.flatten().filter_map(Value::as_str)
}

fn holds_back(action: &Value) -> bool {
    let action = action.as_str().unwrap_or_default();
    ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"].iter().any(|known| action.starts_with(known))
}

/// Whether an entry allows without any condition that a container with these capabilities does not meet. On which
/// machine it runs is not known, so that a condition on architectures is met.
fn is_open(entry: &Map<String, Value>, has: &dyn Fn(&str) -> bool) -> bool {
    let name = |capability: &str| capability.trim_start_matches("CAP_").to_owned();
    fields(entry, "action").any(|action| !holds_back(action))
        && listed(entry, "includes", "caps").all(|capability| has(&name(capability)))
        && !listed(entry, "excludes", "caps").any(|capability| has(&name(capability)))
        && fields(entry, "args").filter_map(Value::as_array).flatten().all(is_no_condition)
}

/// Whether a condition on an argument lets all or nearly all values pass: only equality is one.
fn is_no_condition(argument: &Value) -> bool {
    let Some(argument) = argument.as_object() else { return true };
    let number = |key| fields(argument, key).find_map(Value::as_u64).unwrap_or_default();
    let is = |operator: &str| fields(argument, "op").any(|op| op.as_str() == Some(operator));
    if is("SCMP_CMP_MASKED_EQ") {
        // The value is the mask. What these calls look at stands in the lower half of an argument.
        return number("value") & u64::from(u32::MAX) == 0;
    }
    !is("SCMP_CMP_EQ")
}

/// Whether an entry is only for kernels from this one on.
fn needs_kernel(entry: &Map<String, Value>, least: (u32, u32)) -> bool {
    let objects = fields(entry, "includes").filter_map(Value::as_object);
    let mut kernels = objects.flat_map(|object| fields(object, "minKernel")).filter_map(Value::as_str);
    kernels.any(|kernel| {
        let mut numbers = kernel.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= least
    })
}

fn names(entry: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let several = fields(entry, "names").filter_map(Value::as_array).flatten();
    several.chain(fields(entry, "name")).filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_holds_back_or_says_why_not() {
        let opened = |entries: &str| format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{entries}]}}"#);
        for (profile, why) in [
            (r#"{"defaultAction":"SCMP_ACT_ERRNO"}"#.to_owned(), None),
            (opened(r#"{"names":["read","write"],"action":"SCMP_ACT_ALLOW"}"#), None),
            (opened(r#"{"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}}"#), None),
            (opened(r#"{"names":["mount"],"action":"SCMP_ACT_ERRNO"}"#), None),
            (
                opened(r#"{"names":["read","mount","bpf"],"action":"SCMP_ACT_ALLOW","includes":{}}"#),
                Some("a profile that allows bpf mount"),
            ),
            (opened(r#"{"Name":"unshare","Action":"SCMP_ACT_LOG","args":[]}"#), Some("a profile that allows unshare")),
            (r#"{"DEFAULTACTION":"SCMP_ACT_ALLOW"}"#.to_owned(), Some("a profile that allows what it does not name")),
            (
                r#"{"defaultAction":"SCMP_ACT_ERRNO","DefaultAction":"SCMP_ACT_LOG"}"#.to_owned(),
                Some("a profile that allows what it does not name"),
            ),
            (r#"{"x":"\ud800","defaultAction":"SCMP_ACT_ERRNO"}"#.to_owned(), Some("a profile that cannot be read")),
            ("/etc/profile.json".to_owned(), Some("a profile that cannot be read")),
            ("{}".to_owned(), Some("a profile without a default action")),
        ] {
            let found = weakness(&profile, &|_| false);
            assert_eq!(found, why.map(|why| Weakness::Open(why.to_owned())), "{profile}");
        }
    }
}
