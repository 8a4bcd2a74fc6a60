//! What is asked about a container beyond its own answer: its volumes, the containers that it joins, what the engine says of
//! itself, and what the paths are that it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Answers, unless_gone};
use crate::docker::endpoint::Endpoint;
use crate::docker::facts::Facts;
use crate::docker::inspect::Container;
use crate::docker::{Engine, EngineError};
use crate::event::risk::{self, Host, Modes, Node};
use crate::lock::lock;

/// A container with more volumes than this is judged by the list of all, which is one request instead of hundreds.
const MAX_VOLUMES_ASKED: usize = 8;

/// How long one volume may take; a plugin behind it may never answer.
const VOLUME_TIMEOUT: Duration = Duration::from_secs(5);

/// So many containers are asked for whose namespaces others have.
const MAX_JOINED: usize = 8;

/// So many files of a folder are looked at for devices.
const MAX_FILES: usize = 4096;

/// How deep.
const MAX_DEPTH: usize = 4;

/// So many devices of a folder are kept.
const MAX_DEVICES: usize = 256;

/// The listener's own folder.
static HOME: OnceLock<PathBuf> = OnceLock::new();

/// Says where the listener's own folder is, once for the process.
pub fn set_home(home: &Path) {
    // Who comes second says the same.
    let _ = HOME.set(home.to_owned());
}

pub(super) async fn look(engine: &Engine, container: &Container, answers: &Mutex<Answers>) -> Result<(), EngineError> {
    let is_local = |driver: &str| driver.is_empty() || driver == "local";
    let names: BTreeSet<&str> = container
        .mounts
        .iter()
        .filter(|mount| mount.kind == "volume" && is_local(&mount.driver))
        .map(|mount| mount.name.as_str())
        .collect();
    let names: BTreeSet<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    if let Some(sandbox) = &container.network_settings.sandbox_key {
        engine.learn_sandbox(sandbox);
    }
    let facts = engine.facts().await;
    let others = joined(engine, container).await;
    lock(answers).host = Host { facts: Arc::clone(&facts), others, ..Host::default() };
    if container.rootfs.is_empty() && has_no_image(container) {
        let rootfs = engine.rootfs(&container.id).await.unwrap_or_default();
        if let Some(known) = &mut lock(answers).container {
            known.rootfs = rootfs;
        }
    }
    let mut failed = None;
    // All of them, however many: who makes a container chooses which would be left out.
    if names.len() > MAX_VOLUMES_ASKED {
        let all = engine.volumes_with_options().await?;
        lock(answers).volumes = all.into_iter().filter(|volume| names.contains(volume.name.as_str())).collect();
    } else {
        // At once, and each for itself: one that is gone or slow hides no other.
        let mut asked = JoinSet::new();
        for name in names {
            let (engine, name) = (engine.clone(), name.to_owned());
            asked.spawn(async move { tokio::time::timeout(VOLUME_TIMEOUT, engine.volume(&name)).await });
        }
        while let Some(Ok(volume)) = asked.join_next().await {
            match volume {
                Ok(Ok(volume)) => lock(answers).volumes.push(volume),
                Ok(Err(error)) => failed = unless_gone(error, true).err().or(failed),
                Err(_) => failed = Some(engine.silent("a volume", VOLUME_TIMEOUT)),
            }
        }
    }
    let volumes = lock(answers).volumes.clone();
    // With what has been learnt of it since.
    let paths = lock(answers).container.as_ref().map(|known| risk::paths(known, &volumes)).unwrap_or_default();
    // The paths of another host are not ours to look at.
    let Endpoint::Unix(socket) = engine.endpoint() else { return failed.map_or(Ok(()), Err) };
    let socket = socket.clone();
    let devices = container.host_config.devices.iter().map(|device| device.path_on_host.clone()).collect();
    let looked = tokio::task::spawn_blocking(move || look_at(paths, &devices, &socket, &facts)).await;
    let mut answers = lock(answers);
    let Host { facts, others, .. } = std::mem::take(&mut answers.host);
    answers.host = Host { facts, others, ..looked.unwrap_or_default() };
    failed.map_or(Ok(()), Err)
}

/// Podman makes containers of folders, too.
fn has_no_image(container: &Container) -> bool {
    matches!(container.image.as_str(), "" | "sha256:") && !container.id.is_empty()
}

/// The namespaces of the containers that this one joins, and of those that they join.
async fn joined(engine: &Engine, container: &Container) -> BTreeMap<String, Modes> {
    let mut known = BTreeMap::new();
    let mut wanted: Vec<String> = Modes::of(container).joined().map(str::to_owned).collect();
    while let Some(name) = wanted.pop() {
        if known.contains_key(&name) || known.len() >= MAX_JOINED {
            continue;
        }
        // One that is gone has nothing that could be joined.
        let asked = tokio::time::timeout(VOLUME_TIMEOUT, engine.container(&name)).await;
        let modes = asked.ok().and_then(Result::ok).map(|other| Modes::of(&other)).unwrap_or_default();
        wanted.extend(modes.joined().map(str::to_owned));
        known.insert(name, modes);
    }
    known
}

/// What the paths are and where they lead, and which of them are the engine's socket by another name.
fn look_at(paths: Vec<String>, devices: &BTreeSet<String>, socket: &Path, facts: &Facts) -> Host {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let engine = identity(socket);
    let own = std::fs::canonicalize(socket).ok().and_then(|path| path.to_str().map(str::to_owned));
    let home = HOME.get().map(|home| std::fs::canonicalize(home).unwrap_or_else(|_| home.clone()));
    let home = home.and_then(|home| home.to_str().map(str::to_owned)).unwrap_or_default();
    let mut host = Host { engine: own, home, ..Host::default() };
    // In a container of its own the listener sees other files by these names than the engine does.
    if !facts.root.is_empty() && !Path::new(&facts.root).is_dir() {
        host.home.clear();
        return host;
    }
    for path in paths {
        if engine.is_some() && identity(path.as_ref()) == engine {
            host.sockets.push(path.clone());
        }
        if let Some(node) = node(Path::new(&path), devices.contains(&path)) {
            host.nodes.insert(path.clone(), node);
        }
        if let Ok(real) = std::fs::canonicalize(&path)
            && let Some(real) = real.to_str().filter(|real| *real != path)
        {
            host.resolved.insert(path, real.to_owned());
        }
    }
    host
}

/// What a path leads to; `None` where it leads nowhere. The engine gives all devices of a folder that is named as one.
fn node(path: &Path, is_device: bool) -> Option<Node> {
    let file = std::fs::metadata(path).ok()?;
    let kind = file.file_type();
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let major = number(nix::sys::stat::major(file.rdev()));
    let minor = number(nix::sys::stat::minor(file.rdev()));
    Some(if kind.is_block_device() {
        Node::Block(major, minor)
    } else if kind.is_char_device() {
        Node::Character(major, minor)
    } else if kind.is_dir() && is_device {
        Node::Folder(devices_in(path))
    } else {
        Node::Other
    })
}

/// The devices in a folder, as far as it is gone through; links are not followed.
fn devices_in(folder: &Path) -> Vec<Node> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut files = 0;
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            if files > MAX_FILES || found.len() >= MAX_DEVICES {
                return found;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => folders.push((entry.path(), depth + 1)),
                Ok(kind) if kind.is_block_device() || kind.is_char_device() => {
                    found.extend(node(&entry.path(), false).filter(|node| !found.contains(node)));
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::os::unix::fs::symlink("/dev", path("link")).unwrap();
        std::fs::write(path("file"), "").unwrap();
        let null = path("link/null");
        let paths = vec![null.clone(), path("link/../dev/zero"), path("file"), path("none")];
        let host = look_at(paths.clone(), &BTreeSet::new(), Path::new("/nonexistent"), &Facts::default());
        assert_eq!(host.nodes.get(&null), Some(&Node::Character(1, 3)));
        assert_eq!(host.nodes.get(&paths[1]), Some(&Node::Character(1, 5)));
        assert_eq!((host.nodes.get(&paths[2]), host.nodes.get(&paths[3])), (Some(&Node::Other), None));
        assert_eq!(host.resolved.get(&null).map(String::as_str), Some("/dev/null"));
        // An engine whose own folder is not here has other files by these names.
        let facts = Facts { root: "/nonexistent".to_owned(), ..Facts::default() };
        assert!(look_at(paths, &BTreeSet::new(), Path::new("/nonexistent"), &facts).nodes.is_empty());
    }
}
