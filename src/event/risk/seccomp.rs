//! Whether a seccomp profile still holds a container back.

use serde_json::{Map, Value};

/// System calls that have led out of containers. Docker's own profile allows them only with a capability.
const DANGEROUS: [&str; 22] = [
    "add_key",
    "bpf",
    "delete_module",
    "finit_module",
    "fsconfig",
    "fsmount",
    "init_module",
    "ioperm",
    "iopl",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "mount",
    "move_mount",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pivot_root",
    "reboot",
    "setns",
    "unshare",
    "userfaultfd",
];

/// Why a profile does not hold a container back; `None` where it does. One that cannot be read is not believed: the engine
/// reads more than we do.
#[must_use]
pub fn weakness(profile: &str) -> Option<String> {
    let Ok(Value::Object(profile)) = serde_json::from_str(profile) else {
        return Some("a profile that cannot be read".to_owned());
    };
    if fields(&profile, "defaultAction").any(|action| !holds_back(action)) {
        return Some("a profile that allows what it does not name".to_owned());
    }
    if fields(&profile, "defaultAction").next().is_none() {
        return Some("a profile without a default action".to_owned());
    }
    let entries = fields(&profile, "syscalls").filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let allowed: Vec<&str> = entries.filter(|entry| is_open(entry)).flat_map(dangerous).collect();
    (!allowed.is_empty()).then(|| format!("a profile that allows {}", allowed.join(" ")))
}

/// The engine reads keys without regard to case.
fn fields<'p>(object: &'p Map<String, Value>, key: &'p str) -> impl Iterator<Item = &'p Value> {
    object.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

fn holds_back(action: &Value) -> bool {
    let action = action.as_str().unwrap_or_default();
    ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"].iter().any(|known| action.starts_with(known))
}

/// Whether an entry allows without any condition.
fn is_open(entry: &Map<String, Value>) -> bool {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(object) => fields(object, "caps").all(|caps| caps.as_array().is_none_or(Vec::is_empty)),
        _ => false,
    };
    fields(entry, "action").any(|action| !holds_back(action))
        && fields(entry, "includes").all(is_empty)
        && fields(entry, "args").all(is_empty)
}

fn dangerous(entry: &Map<String, Value>) -> Vec<&'static str> {
    let several = fields(entry, "names").filter_map(Value::as_array).flatten();
    let names: Vec<&str> = several.chain(fields(entry, "name")).filter_map(Value::as_str).collect();
    DANGEROUS.into_iter().filter(|call| names.contains(call)).collect()
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
            assert_eq!(weakness(&profile).as_deref(), why, "{profile}");
        }
    }
}
