//! What is known of the host and the engine beyond a container's own answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::docker::facts::Facts;
use crate::docker::inspect::Container;

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

/// What a path of the host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A block device with its numbers.
    Block(u32, u32),
    /// A character device with its numbers.
    Character(u32, u32),
    /// A folder with the devices that are in it.
    Folder(Vec<Node>),
    /// Anything else.
    Other,
}

/// How much of the host a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Every container has it, or it is made of what is its own.
    Nothing,
    /// A device of the host.
    Device,
    /// A disk.
    Disk,
}

impl Node {
    /// How much memory it holds, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Folder(nodes) => size_of::<Self>() * (nodes.len() + 1),
            _ => size_of::<Self>(),
        }
    }

    /// How much of the host it is.
    #[must_use]
    pub fn grade(&self) -> Grade {
        match self {
            // RAM disks, floppies, CDs; files by way of loops and other machines' disks.
            Self::Block(1 | 2 | 7 | 11 | 43, _) => Grade::Device,
            Self::Block(..) => Grade::Disk,
            Self::Character(major, minor) if is_harmless((*major, *minor)) => Grade::Nothing,
            Self::Character(..) => Grade::Device,
            Self::Folder(nodes) => nodes.iter().map(Self::grade).max().unwrap_or(Grade::Nothing),
            Self::Other => Grade::Nothing,
        }
    }
}

/// null, zero, full, random, urandom, tty, ptmx, fuse.
pub(super) fn is_harmless((major, minor): (u32, u32)) -> bool {
    matches!((major, minor), (1, 3 | 5 | 7 | 8 | 9) | (5, 0 | 2) | (10, 229))
}
