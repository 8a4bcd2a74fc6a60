//! What the options of a volume mount: what the kernel would do with them, not what their words say.

use super::paths::cleaned;
use crate::docker::inspect::{Mount, Volume};

/// Filesystems whose device is not a file of the host.
const ELSEWHERE: [&str; 14] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ceph",
    "glusterfs",
    "9p",
    "virtiofs",
    "tmpfs",
    "ramfs",
    "hugetlbfs",
    "devpts",
    "afs",
];

/// What these show is the machine's, whatever the device is called.
const OF_KERNEL: [(&str, &str); 21] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("cgroup", "/sys/fs/cgroup"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("cpuset", "/sys/fs/cgroup"),
    ("resctrl", "/sys/fs/resctrl"),
    ("devtmpfs", "/dev"),
    ("debugfs", "/sys/kernel/debug"),
    ("tracefs", "/sys/kernel/tracing"),
    ("securityfs", "/sys/kernel/security"),
    ("selinuxfs", "/sys/fs/selinux"),
    ("smackfs", "/sys/fs/smackfs"),
    ("bpf", "/sys/fs/bpf"),
    ("pstore", "/sys/fs/pstore"),
    ("fusectl", "/sys/fs/fuse/connections"),
    ("binfmt_misc", "/proc/sys/fs/binfmt_misc"),
    ("configfs", "/sys/kernel/config"),
    ("efivarfs", "/sys/firmware/efi/efivars"),
    ("nfsd", "/proc/fs/nfsd"),
    ("rpc_pipefs", "/run/rpc_pipefs"),
    ("xenfs", "/proc/xen"),
];

/// Filesystems on disks.
const ON_DISKS: [&str; 24] = [
    "bcachefs", "btrfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "gfs2", "hfs", "hfsplus", "iso9660", "jfs",
    "minix", "msdos", "nilfs2", "ntfs", "ntfs3", "ocfs2", "reiserfs", "squashfs", "udf", "vfat", "xfs",
];

/// What mount(2) does with a volume's options. The engine hands them over as they are, and where it runs is the root
/// folder, so `device=.` is the host's too.
pub(super) enum Mounted {
    /// It shows what is nobody's but the container's, or another machine's.
    Nothing,
    /// It shows these paths.
    Paths(Vec<String>),
    /// A filesystem on this device.
    Disk(String),
    /// What the kernel shows there.
    Kernel(&'static str),
    /// The host's message queues.
    Queues,
}

impl Mounted {
    pub(super) fn of(volume: &Volume) -> Self {
        let option = |name: &str| volume.options.get(name).map(|text| cut(text)).unwrap_or_default();
        let options = || option("o").split(',').map(str::trim);
        let device = Some(option("device")).filter(|device| !device.is_empty()).map(from_root);
        // mount(2) takes no notice of the type where it binds.
        if options().any(|option| matches!(option, "bind" | "rbind")) {
            return Self::Paths(device.into_iter().collect());
        }
        // Behind a dot stands what only FUSE looks at.
        let of_type = option("type").split('.').next().unwrap_or_default();
        if let Some((_, path)) = OF_KERNEL.iter().find(|(kind, _)| *kind == of_type) {
            return Self::Kernel(path);
        }
        if of_type == "mqueue" {
            return Self::Queues;
        }
        if ELSEWHERE.contains(&of_type) {
            return Self::Nothing;
        }
        // overlayfs takes a backslash as one that makes the next character plain.
        let is_folder = |key: &str| {
            key.ends_with("dir") || key.ends_with("dir+") || key.starts_with("lowerdir") || key.starts_with("datadir")
        };
        let folders: Vec<String> = options()
            .filter_map(|option| option.split_once('=').filter(|(key, _)| is_folder(key)))
            .flat_map(|(_, folders)| folders.split(':').filter(|folder| !folder.is_empty()))
            .map(|folder| from_root(&folder.replace('\\', "")))
            .collect();
        match device {
            // The device of an overlay is a name and nothing more.
            _ if of_type == "overlay" => Self::Paths(folders),
            Some(device) if folders.is_empty() && ON_DISKS.contains(&of_type) => Self::Disk(device),
            device => Self::Paths(device.into_iter().chain(folders).collect()),
        }
    }
}

/// As much of an option as mount(2) takes, which is a page; a longer one is refused.
fn cut(option: &str) -> &str {
    const PAGE: usize = 4096;
    (0..=option.len().min(PAGE)).rev().find_map(|end| option.get(..end)).unwrap_or_default()
}

fn from_root(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// The host's paths that a volume's options name.
pub(super) fn paths(volume: &Volume) -> Vec<String> {
    match Mounted::of(volume) {
        Mounted::Paths(paths) => paths,
        Mounted::Disk(device) => vec![device],
        Mounted::Kernel(_) | Mounted::Queues | Mounted::Nothing => Vec::new(),
    }
}

/// Whether what a plugin names is the folder that an engine makes for this volume, or for the plugin.
pub(super) fn is_own_folder(mount: &Mount) -> bool {
    if mount.kind != "volume" {
        return false;
    }
    let source = cleaned(&mount.source);
    let is_id = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut behind = source.rsplit_once("/plugins/").map(|(_, rest)| rest.split('/')).into_iter().flatten();
    let is_plugins = behind.next().is_some_and(is_id) && behind.next().is_some();
    is_plugins || source.ends_with(&format!("/volumes/{}/_data", mount.name))
}
