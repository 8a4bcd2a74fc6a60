//! What the process gives up before its first thread starts, since whatever speaks to an engine reads what attackers
//! write.
//!
//! - No new privileges, whatever it might execute.
//! - All capabilities but `CAP_DAC_OVERRIDE`: Wazuh's queue and the sockets of rootless engines belong to others.
//! - By Landlock, where the kernel has it: writing to anything but its own two folders, and executing anything. Sockets are
//!   not files to Landlock; they stay open to it.
//!
//! All of this holds for the threads that are started afterwards, and cannot be taken back.

use std::fmt;
use std::path::Path;

use caps::{CapSet, Capability};
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};

/// What is kept.
const KEPT: [Capability; 1] = [Capability::CAP_DAC_OVERRIDE];

/// What became of the wish to have less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Whether nothing that it executes could have more than it has.
    pub no_new_privileges: bool,
    /// Whether its capabilities are those that are kept; also where it had none.
    pub capabilities: bool,
    /// Whether Landlock keeps it from writing elsewhere.
    pub landlock: bool,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |done| if done { "yes" } else { "no" };
        write!(
            f,
            "privileges: no new ones {}, capabilities dropped {}, writing confined {}",
            word(self.no_new_privileges),
            word(self.capabilities),
            word(self.landlock)
        )
    }
}

/// Gives up what is not needed. `writable` are the folders that may be written to; one that is not there will not be.
///
/// To be called before the first thread is started: these are properties of a thread, which those it starts inherit.
#[must_use]
pub fn give_up(writable: &[&Path]) -> Kept {
    // An old kernel that does not know of it has nothing to give up.
    let no_new_privileges = nix::sys::prctl::set_no_new_privs().is_ok();
    Kept { no_new_privileges, capabilities: drop_capabilities(), landlock: confine(writable).unwrap_or(false) }
}

fn drop_capabilities() -> bool {
    let kept: caps::CapsHashSet = KEPT.into_iter().collect();
    let had = caps::read(None, CapSet::Permitted).unwrap_or_default();
    let wanted: caps::CapsHashSet = had.intersection(&kept).copied().collect();
    // Who may not change the bounding set gains nothing by it either, having no new privileges.
    for capability in caps::all().difference(&kept) {
        let _ = caps::drop(None, CapSet::Bounding, *capability);
    }
    let _ = caps::clear(None, CapSet::Ambient);
    let _ = caps::clear(None, CapSet::Inheritable);
    let set = |of| caps::set(None, of, &wanted).is_ok();
    // The effective ones first: none may be there that is not permitted.
    set(CapSet::Effective) && set(CapSet::Permitted)
}

/// Whether writing is confined from now on.
fn confine(writable: &[&Path]) -> Result<bool, RulesetError> {
    let known = AccessFs::from_all(ABI::V3);
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(known)?.create()?;
    let ruleset = allow(ruleset, Path::new("/"), AccessFs::ReadFile | AccessFs::ReadDir)?;
    let ruleset = writable.iter().try_fold(ruleset, |ruleset, folder| {
        let all = AccessFs::from_all(ABI::V3) & !AccessFs::Execute;
        allow(ruleset, folder, all)
    })?;
    // The place where what nobody wants to read goes.
    let ruleset = allow(ruleset, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(folder) => ruleset.add_rule(PathBeneath::new(folder, access)),
        // What is not there cannot be written to.
        Err(_) => Ok(ruleset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gave_up_writes_only_where_it_may() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // In a thread of its own: the test's other threads keep what they have.
        let (kept, allowed, refused, read, status) = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let kept = give_up(&[own.path(), Path::new("/nonexistent")]);
                let write = |folder: &Path| std::fs::write(folder.join("file"), "x");
                let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
                (kept, write(own.path()), write(other.path()), std::fs::read("/etc/passwd"), status)
            });
            thread.join().unwrap()
        });
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert!(kept.no_new_privileges && kept.capabilities, "{kept}");
        assert_eq!(value("NoNewPrivs:"), "1");
        for set in ["CapEff:", "CapPrm:"] {
            let bits = u64::from_str_radix(&value(set), 16).unwrap();
            assert_eq!(bits & !(1 << 1), 0, "{set} more than CAP_DAC_OVERRIDE: {bits:x}");
        }
        assert!(allowed.is_ok() && read.is_ok());
        // Not every kernel has Landlock; it says which.
        assert_eq!(refused.is_err(), kept.landlock, "{kept}");
        println!("{kept}");
    }
}
