//! What a container was given of the host: paths by whatever way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::devices::{Grade, Node};
use super::paths::{cleaned, kind_of};
use super::{Kind, Risks, kind, volumes};
use crate::docker::facts::Facts;
use crate::docker::inspect::{Container, Mount, Volume};

/// What is known of the host and the engine beyond what a container's answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Where the paths that are links lead.
    pub resolved: BTreeMap<String, String>,
    /// What the paths are that are no plain files.
    pub nodes: BTreeMap<String, Node>,
    /// The paths that are the engine's own socket, by whatever name.
    pub sockets: Vec<String>,
    /// Where that socket is, without links.
    pub engine: Option<String>,
    /// The listener's own folder; empty where it is not on this host.
    pub home: String,
    /// What the engine says of itself.
    pub facts: Arc<Facts>,
    /// The namespaces of containers that others join, by what these call them.
    pub others: BTreeMap<String, Modes>,
}

impl Host {
    /// How much memory it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let links = self.resolved.iter().map(|(path, real)| path.len() + real.len() + 64);
        let nodes = self.nodes.iter().map(|(path, node)| path.len() + 64 + node.size());
        let others = self.others.iter().map(|(name, modes)| {
            name.len() + modes.pid.len() + modes.network.len() + modes.ipc.len() + size_of::<Modes>() + 64
        });
        links.chain(nodes).chain(others).sum()
    }
}

/// Whose namespaces a container has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modes {
    /// Of processes.
    pub pid: String,
    /// Of the network.
    pub network: String,
    /// Of shared memory.
    pub ipc: String,
}

impl Modes {
    /// Those of this container.
    #[must_use]
    pub fn of(container: &Container) -> Self {
        let given = &container.host_config;
        Self { pid: given.pid_mode.clone(), network: given.network_mode.clone(), ipc: given.ipc_mode.clone() }
    }

    /// The containers that these are of.
    pub fn joined(&self) -> impl Iterator<Item = &str> {
        [&self.pid, &self.network, &self.ipc].into_iter().filter_map(|mode| mode.strip_prefix("container:"))
    }
}

pub(super) fn mounts(container: &Container, volumes: &[Volume], host: &Host, risks: &mut Risks) {
    let volumes: HashMap<&str, &Volume> = volumes.iter().map(|volume| (volume.name.as_str(), volume)).collect();
    for mount in &container.mounts {
        let volume = volumes.get(mount.name.as_str()).filter(|_| mount.kind == "volume");
        match volume.filter(|_| is_local(mount)) {
            // The volume's own folder is the engine's affair; what its options put there is not.
            Some(volume) => volumes::judge(volume, mount.is_writable, host, risks),
            None if mount.kind == "volume" && is_local(mount) => {}
            // Where a plugin keeps its volumes, unless that is a link.
            None if volumes::is_own_folder(mount) && !host.resolved.contains_key(&mount.source) => {}
            None if matches!(mount.kind.as_str(), "image" | "tmpfs") => {}
            None => path(&mount.source, mount.is_writable, host, risks),
        }
        if matches!(mount.propagation.as_str(), "shared" | "rshared") {
            risks.add(&kind::shared_propagation, format!("{} ({})", mount.destination, mount.propagation));
        }
    }
    for (source, writes) in binds(container) {
        path(source, writes, host, risks);
    }
    if let Some((source, writes)) = rootfs(container) {
        path(source, writes, host, risks);
    }
}

fn is_local(mount: &Mount) -> bool {
    mount.driver.is_empty() || mount.driver == "local"
}

/// What was ordered to be bound and does not stand among the mounts; of an overlay the host's folder is only read.
fn binds(container: &Container) -> impl Iterator<Item = (&str, bool)> {
    container.host_config.binds.iter().filter_map(|bind| {
        let (source, rest) = bind.split_once(':')?;
        let (target, options) = rest.split_once(':').unwrap_or((rest, ""));
        let is_listed = container.mounts.iter().any(|mount| cleaned(&mount.destination) == cleaned(target));
        let only_reads = options.split(',').any(|option| matches!(option, "ro" | "O"));
        (source.starts_with('/') && !is_listed).then_some((source, !only_reads))
    })
}

/// The folder that a container has in the place of an image.
fn rootfs(container: &Container) -> Option<(&str, bool)> {
    let overlaid = container.rootfs.strip_suffix(":O");
    let path = overlaid.unwrap_or(&container.rootfs);
    path.starts_with('/').then_some((path, overlaid.is_none()))
}

/// The host's paths that a container was given, for whoever can say where links lead.
#[must_use]
pub fn paths(container: &Container, volumes: &[Volume]) -> Vec<String> {
    let mounts = container.mounts.iter().filter(|mount| mount.kind != "volume" || !is_local(mount));
    let devices = container.host_config.devices.iter().map(|device| &device.path_on_host);
    let of_container = mounts.map(|mount| &mount.source).chain(devices).cloned();
    let ordered = binds(container).chain(rootfs(container)).map(|(path, _)| path.to_owned());
    let of_volumes = volumes.iter().flat_map(volumes::paths);
    of_container.chain(ordered).chain(of_volumes).filter(|path| path.starts_with('/')).collect()
}

/// A path of the host that is mounted.
pub(super) fn path(source: &str, writes: bool, host: &Host, risks: &mut Risks) {
    if !source.starts_with('/') {
        return;
    }
    let clean = cleaned(source);
    let resolved = host.resolved.get(source).map(|path| cleaned(path));
    let shown = match &resolved {
        Some(resolved) if *resolved != clean => format!("{clean} -> {resolved}"),
        _ => clean.clone(),
    };
    let shown = format!("{shown} ({})", if writes { "rw" } else { "ro" });
    let real = resolved.as_deref().unwrap_or(&clean);
    if let Some(kind) = of_node(host.nodes.get(source), writes) {
        return risks.add(kind, shown);
    }
    if matches!(host.nodes.get(source), Some(Node::Block(..) | Node::Character(..))) {
        // A node that is harmless, whatever it is called.
        return;
    }
    let is_engine = host.sockets.iter().any(|socket| socket == source);
    if let Some(kind) = kind_of([&clean, real], writes, is_engine, host) {
        risks.add(kind, shown);
    }
}

/// The risk of a device that is mounted, by its numbers.
fn of_node(node: Option<&Node>, writes: bool) -> Option<&'static Kind> {
    match node?.grade() {
        Grade::Nothing => None,
        Grade::Device => Some(&kind::host_devices),
        Grade::Disk if writes => Some(&kind::host_root_rw),
        Grade::Disk => Some(&kind::host_root_ro),
    }
}
