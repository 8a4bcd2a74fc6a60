//! How a container begins: where, run by what, with which libraries, and whether a record of it is kept.

use super::host::Host;
use super::paths::cleaned;
use super::{Risks, is_made_as_step, kind};
use crate::docker::inspect::Container;

/// Runtimes that hold a container as well as the usual one does, or better.
const RUNTIMES: [&str; 14] = [
    "",
    "oci",
    "runc",
    "crun",
    "youki",
    "nvidia",
    "runsc",
    "kata",
    "kata-runtime",
    "sysbox-runc",
    "io.containerd.runc.v1",
    "io.containerd.runc.v2",
    "io.containerd.runsc.v1",
    "io.containerd.kata.v2",
];

/// Allocators that many images have loaded first.
const ALLOCATORS: [&str; 4] = ["libjemalloc", "libtcmalloc", "libmimalloc", "libhardened_malloc"];

pub(super) fn launch(container: &Container, host: &Host, risks: &mut Risks) {
    let given = &container.host_config;
    let directory = &container.config.working_dir;
    risks.add_if(leaves_through_file(directory), &kind::working_directory, directory);
    let runtime = given.runtime.as_str();
    let is_known = RUNTIMES.contains(&runtime) || runtime == host.facts.default_runtime;
    risks.add_if(!is_known, &kind::other_runtime, runtime);
    // What a step of a build prints goes to who builds.
    let has_no_log = given.log_config.driver.as_deref() == Some("none") && !is_made_as_step(container);
    risks.add_if(has_no_log, &kind::no_log, "--log-driver=none");
    libraries(container, risks);
    let words = || std::iter::once(&container.path).chain(&container.args);
    if words().any(|word| word.contains("allow-insecure-entitlement")) {
        risks.add(&kind::build_entitlement, words().map(String::as_str).collect::<Vec<_>>().join(" "));
    }
}

/// Whether a folder is reached through an open file or the folders of a process: `/proc/self/fd/7`.
fn leaves_through_file(directory: &str) -> bool {
    // `..` behind it leads on from where it leads.
    let plain: Vec<&str> = directory.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let before = plain.iter().position(|part| *part == "..").unwrap_or(plain.len());
    let is_in = |path: &[&str]| match path {
        ["proc", _, rest @ ..] => rest.iter().any(|part| matches!(*part, "fd" | "cwd" | "root")),
        // A link in every container.
        ["dev", "fd", ..] => true,
        _ => false,
    };
    let cleaned = cleaned(directory);
    let resolved: Vec<&str> = cleaned.split('/').skip(1).collect();
    plain.get(..before).is_some_and(is_in) || is_in(&resolved)
}

fn libraries(container: &Container, risks: &mut Risks) {
    let given = &container.host_config;
    let has_hooks = given.runtime == "nvidia" || !given.device_requests.is_empty();
    for variable in &container.config.env {
        let libraries = variable.split_once('=').map(|(_, libraries)| libraries).unwrap_or_default();
        let mut foreign = libraries.split([':', ' ']).filter(|library| !library.is_empty() && !is_allocator(library));
        if foreign.next().is_some() {
            risks.add(if has_hooks { &kind::hook_library } else { &kind::preloaded_library }, variable.as_str());
        }
    }
}

/// An allocator in a folder of an image's system.
fn is_allocator(library: &str) -> bool {
    let name = library.rsplit('/').next().unwrap_or_default();
    let is_systems = ["/usr/lib", "/usr/local/lib", "/lib"].iter().any(|folder| library.starts_with(folder));
    let is_plain = !library.contains("..") && (is_systems || library == name);
    is_plain && ALLOCATORS.iter().any(|allocator| name.starts_with(allocator))
}
