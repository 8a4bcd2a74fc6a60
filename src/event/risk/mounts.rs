//! What a container was given of the host: paths by whatever way.

use std::collections::{HashMap, HashSet};

use super::host::{Grade, Host, Node};
use super::paths::{Reach, cleaned, kind_of, reach};
use super::volumes::{self, Mounted};
use super::{Kind, Risks, kind};
use crate::docker::inspect::{Container, Mount, Volume};

pub(super) fn mounts(container: &Container, volumes: &[Volume], host: &Host, risks: &mut Risks) {
    let volumes: HashMap<&str, &Volume> = volumes.iter().map(|volume| (volume.name.as_str(), volume)).collect();
    for mount in &container.mounts {
        let volume = volumes.get(mount.name.as_str()).filter(|_| mount.kind == "volume");
        match volume.filter(|_| is_local(mount)) {
            // The volume's own folder is the engine's affair; what its options put there is not.
            Some(volume) => self::volume(volume, mount.is_writable, host, risks),
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
    let ordered = &container.host_config.binds;
    let listed: HashSet<String> = match ordered.as_slice() {
        [] => HashSet::new(),
        _ => container.mounts.iter().map(|mount| cleaned(&mount.destination)).collect(),
    };
    ordered.iter().filter_map(move |bind| {
        let (source, rest) = bind.split_once(':')?;
        let (target, options) = rest.split_once(':').unwrap_or((rest, ""));
        let only_reads = options.split(',').any(|option| matches!(option, "ro" | "O"));
        (source.starts_with('/') && !listed.contains(&cleaned(target))).then_some((source, !only_reads))
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
fn path(source: &str, writes: bool, host: &Host, risks: &mut Risks) {
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

/// The risks of what a volume's options mount.
fn volume(volume: &Volume, writes: bool, host: &Host, risks: &mut Risks) {
    match Mounted::of(volume) {
        Mounted::Nothing => {}
        Mounted::Paths(paths) => paths.iter().for_each(|source| path(source, writes, host, risks)),
        Mounted::Kernel(source) => path(source, writes, host, risks),
        Mounted::Queues => risks.add(&kind::host_ipc, "a volume of type mqueue"),
        Mounted::Disk(device) => disk(&device, writes, host, risks),
    }
}

/// A disk by its numbers; where these cannot be seen, a device outside `/dev` is one that somebody made.
fn disk(device: &str, writes: bool, host: &Host, risks: &mut Risks) {
    let clean = cleaned(device);
    let node = host.nodes.get(device);
    if node.is_none() && clean.starts_with("/dev/") && reach(&clean, true) != Reach::Root {
        return path(device, writes, host, risks);
    }
    let is_disk = node.is_none_or(|node| node.grade() == Grade::Disk && !matches!(node, Node::Folder(_)));
    if is_disk {
        let kind = if writes { &kind::host_root_rw } else { &kind::host_root_ro };
        risks.add(kind, format!("{clean} ({})", if writes { "rw" } else { "ro" }));
    }
}
