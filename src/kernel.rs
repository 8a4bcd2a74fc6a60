//! What the kernel says of a container's first process: what of the host is really mounted and allowed, whatever links,
//! volume options, plugins or races made the engine say.
//!
//! Only files are read that `CAP_DAC_OVERRIDE` alone opens for processes of any user; `ns/*`, `root`, `exe`, `environ`
//! and `fd` would need more. All of them are bounded, as is what is kept of them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// Where the kernel says it.
pub const PROC: &str = "/proc";

/// The most that is read of a `mountinfo`, in bytes.
const MAX_MOUNTINFO: u64 = 1 << 20;

/// The most that is read of a `cmdline`, in bytes.
const MAX_CMDLINE: u64 = 32 << 10;

/// The most that is read of any other file, in bytes.
const MAX_FILE: u64 = 64 << 10;

/// The most that is kept of the mounts of one container, in bytes.
const MAX_KEPT: usize = 1 << 20;

/// So many names on the host are kept of one mount, the shortest, which hold the most.
const MAX_NAMES: usize = 8;

/// So many places are kept at which the host has mounted the same.
const MAX_PLACES: usize = 32;

/// So many mounts of the host are looked through for those that one mount holds.
const MAX_HELD_MOUNTS: usize = 4096;

/// The host's own mounts are read again after this long.
const HOST_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the kernel does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelError {
    /// The process has ended.
    Gone,
    /// The number belongs to something else: another process by now, or one that is not confined to a container.
    NotThisContainer,
    /// It cannot be read.
    Unreadable(io::ErrorKind),
}

impl KernelError {
    /// One word for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::NotThisContainer => "not_this_container",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("its first process has ended"),
            Self::NotThisContainer => f.write_str("its first process is no process of this container"),
            Self::Unreadable(kind) => write!(f, "its first process cannot be looked at: {kind}"),
        }
    }
}

impl std::error::Error for KernelError {}

impl From<io::Error> for KernelError {
    fn from(error: io::Error) -> Self {
        // A process that has ended and was not waited for has no mounts any more: EINVAL.
        match error.raw_os_error().map(nix::errno::Errno::from_raw) {
            Some(nix::errno::Errno::ENOENT | nix::errno::Errno::ESRCH | nix::errno::Errno::EINVAL) => Self::Gone,
            _ => Self::Unreadable(error.kind()),
        }
    }
}

/// Something that is mounted in a container and may be of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// Where it is in the container.
    pub target: String,
    /// The kind of filesystem.
    pub filesystem: String,
    /// What of the filesystem is mounted: `/` is all of it.
    pub root: String,
    /// Whether it may be written to.
    pub is_writable: bool,
    /// Where the same is on the host, and what of the host it holds; the shortest first.
    pub on_host: Vec<String>,
    /// Where the host has mounted the very same.
    pub mounted_at: Vec<String>,
    /// The folders that an overlay shows.
    pub lower: Vec<String>,
}

impl Mount {
    fn size(&self) -> usize {
        let texts = self.on_host.iter().chain(&self.lower).chain([&self.target, &self.filesystem, &self.root]);
        size_of::<Self>() + texts.map(|text| text.len() + size_of::<String>() + 16).sum::<usize>()
    }
}

/// What the kernel says of a container's first process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Evidence {
    /// What is mounted, without what is of no other than the container.
    pub mounts: Vec<Mount>,
    /// Whether there were more mounts than are kept.
    pub is_partial: bool,
    /// Whether `/proc/sys` cannot be written to.
    pub guards_proc_sys: bool,
    /// The capabilities that it has.
    pub cap_effective: u64,
    /// Those that it could have.
    pub cap_bounding: u64,
    /// As whom it runs, as the host counts.
    pub uid: Option<u32>,
    /// 0 is none; absent where the kernel has none to offer.
    pub seccomp: Option<u32>,
    /// Whether it can gain no privileges.
    pub no_new_privileges: Option<bool>,
    /// Whether it sees the host's processes.
    pub is_in_host_pids: bool,
    /// Whether its root is root on the host.
    pub is_root_mapped: bool,
    /// Whether it has the host's network.
    pub is_in_host_network: bool,
    /// Its command line.
    pub command: String,
}

impl Evidence {
    /// How much memory it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.command.len() + self.mounts.iter().map(Mount::size).sum::<usize>()
    }

    fn of(files: &Files, host: &HostView) -> Self {
        let status = Status::of(&files.status);
        let mut evidence = Self {
            is_partial: files.mountinfo.len() as u64 >= MAX_MOUNTINFO,
            cap_effective: status.hex("CapEff").unwrap_or_default(),
            cap_bounding: status.hex("CapBnd").unwrap_or_default(),
            uid: status.first("Uid"),
            seccomp: status.first("Seccomp"),
            no_new_privileges: status.first("NoNewPrivs").map(|value: u32| value != 0),
            is_in_host_pids: status.get("NSpid").is_some_and(|pids| pids.split_whitespace().count() == 1),
            is_root_mapped: maps_root(&files.uid_map),
            command: String::from_utf8_lossy(&files.cmdline).trim_end_matches('\0').replace('\0', " "),
            ..Self::default()
        };
        evidence.read_mounts(&files.mountinfo, host);
        evidence
    }

    fn read_mounts(&mut self, mountinfo: &[u8], host: &HostView) {
        let mut known: HashMap<(&str, &str), Vec<String>> = HashMap::new();
        let mut kept = 0;
        let text = String::from_utf8_lossy(mountinfo);
        for line in text.lines().filter_map(MountLine::of) {
            let target = unescaped(line.target);
            if line.filesystem == "proc" && matches!(target.as_str(), "/proc" | "/proc/sys") && !line.is_writable() {
                self.guards_proc_sys = true;
            }
            let on_host = known.entry((line.device, line.root)).or_insert_with(|| host.names(line.device, line.root));
            let lower = if line.filesystem == "overlay" { line.lower() } else { Vec::new() };
            let is_kernels = is_of_kernel(line.filesystem);
            if on_host.is_empty() && lower.is_empty() && !is_kernels {
                continue;
            }
            let mount = Mount {
                filesystem: line.filesystem.to_owned(),
                root: unescaped(line.root),
                is_writable: line.is_writable(),
                on_host: on_host.clone(),
                mounted_at: host.mounted_at(line.device, line.root),
                lower,
                target,
            };
            kept += mount.size();
            if kept > MAX_KEPT {
                self.is_partial = true;
                break;
            }
            self.mounts.push(mount);
        }
    }
}

/// Whether a filesystem shows what is the machine's, and not what somebody has put there.
#[must_use]
pub fn is_of_kernel(filesystem: &str) -> bool {
    const OF_KERNEL: [&str; 20] = [
        "proc",
        "sysfs",
        "cgroup",
        "cgroup2",
        "cpuset",
        "debugfs",
        "tracefs",
        "securityfs",
        "selinuxfs",
        "smackfs",
        "bpf",
        "binfmt_misc",
        "configfs",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "nfsd",
        "pstore",
        "resctrl",
        "rpc_pipefs",
    ];
    OF_KERNEL.contains(&filesystem)
}

#[derive(Debug, Clone, Default)]
struct Files {
    status: Vec<u8>,
    uid_map: Vec<u8>,
    mountinfo: Vec<u8>,
    cmdline: Vec<u8>,
}

/// What the kernel says of this process, if it still is the first one of this container. Blocks.
///
/// # Errors
/// Where it has ended, is another, or may not be looked at.
pub fn read(proc: &Path, pid: u32, container: &str) -> Result<Evidence, KernelError> {
    let of = proc.join(pid.to_string());
    let started = start_time(&of)?;
    let cgroup = content(&of.join("cgroup"), MAX_FILE)?;
    if !is_of(&String::from_utf8_lossy(&cgroup), container) {
        return Err(KernelError::NotThisContainer);
    }
    let host = HostView::get(proc);
    let before = Networks::read(proc);
    let files = Files {
        status: content(&of.join("status"), MAX_FILE)?,
        uid_map: content(&of.join("uid_map"), MAX_FILE)?,
        mountinfo: content(&of.join("mountinfo"), MAX_MOUNTINFO)?,
        cmdline: content(&of.join("cmdline"), MAX_CMDLINE)?,
    };
    let network = interfaces(&content(&of.join("net/dev"), MAX_FILE)?);
    if start_time(&of)? != started {
        return Err(KernelError::Gone);
    }
    // A process that is ending has none, and who runs beside the host's own processes is in no container.
    let root = String::from_utf8_lossy(&files.mountinfo);
    match root.lines().filter_map(MountLine::of).find(|line| line.target == "/") {
        None => return Err(KernelError::Gone),
        Some(line) if host.root_mounts.iter().any(|own| own == line.id) => return Err(KernelError::NotThisContainer),
        Some(_) => {}
    }
    let mut evidence = Evidence::of(&files, &host);
    evidence.is_in_host_network = before.are_same(&network, || Networks::read(proc));
    Ok(evidence)
}

/// A file's beginning.
fn content(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// Field 22 of `stat`: in ticks since the machine was started. The name before it may hold anything.
fn start_time(of: &Path) -> Result<u64, KernelError> {
    let stat = content(&of.join("stat"), MAX_FILE)?;
    let stat = String::from_utf8_lossy(&stat);
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    after_name
        .split_whitespace()
        .nth(19)
        .and_then(|field| field.parse().ok())
        .ok_or(KernelError::Unreadable(io::ErrorKind::InvalidData))
}

/// Whether a process of these control groups is in this container.
fn is_of(cgroup: &str, container: &str) -> bool {
    let names_it = |part: &str| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        part.strip_suffix(container).is_some_and(|engine| engine.is_empty() || engine.ends_with('-'))
    };
    // Hierarchy, controllers, path; the path may hold colons.
    let paths = cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    !container.is_empty() && paths.flat_map(|path| path.split('/')).any(names_it)
}

/// Whether root in it is root outside.
fn maps_root(uid_map: &[u8]) -> bool {
    String::from_utf8_lossy(uid_map).lines().any(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        matches!((fields.next(), fields.next()), (Some(Ok(0)), Some(Ok(0))))
    })
}

/// The lines of a `status`, by name.
struct Status<'s>(HashMap<&'s str, &'s str>);

impl<'s> Status<'s> {
    fn of(status: &'s [u8]) -> Self {
        let lines = status.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        Self(lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect())
    }

    fn get(&self, name: &str) -> Option<&'s str> {
        self.0.get(name).copied()
    }

    fn hex(&self, name: &str) -> Option<u64> {
        u64::from_str_radix(self.get(name)?, 16).ok()
    }

    fn first(&self, name: &str) -> Option<u32> {
        self.get(name)?.split_whitespace().next()?.parse().ok()
    }
}

/// One line of a `mountinfo`, its paths still escaped.
#[derive(Debug, Clone, Copy)]
struct MountLine<'l> {
    id: &'l str,
    device: &'l str,
    root: &'l str,
    target: &'l str,
    options: &'l str,
    filesystem: &'l str,
    of_filesystem: &'l str,
}

impl<'l> MountLine<'l> {
    /// `36 35 98:0 /root /target rw,noatime shared:1 - ext3 /dev/root rw,errors=continue`; `None` for what has no path.
    fn of(line: &'l str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ');
        let (id, _parent, device) = (mount.next()?, mount.next()?, mount.next()?);
        let (root, target, options) = (mount.next()?, mount.next()?, mount.next()?);
        let mut filesystem = filesystem.split(' ');
        let (kind, _source) = (filesystem.next()?, filesystem.next()?);
        let of_filesystem = filesystem.next().unwrap_or_default();
        let root = root.strip_suffix("//deleted").unwrap_or(root);
        root.starts_with('/').then_some(Self { id, device, root, target, options, filesystem: kind, of_filesystem })
    }

    fn is_writable(&self) -> bool {
        ![self.options, self.of_filesystem].iter().any(|options| options.split(',').any(|option| option == "ro"))
    }

    /// The folders that an overlay shows, as far as they are named from the root.
    fn lower(&self) -> Vec<String> {
        let options = self.of_filesystem.split(',').filter_map(|option| option.split_once('='));
        let folders = options.filter(|(key, _)| key.starts_with("lowerdir")).flat_map(|(_, value)| value.split(':'));
        // overlayfs takes a backslash as one that makes the next character plain.
        let folders = folders.map(|folder| unescaped(folder).replace('\\', ""));
        folders.filter(|folder| folder.starts_with('/')).collect()
    }
}

/// `\040` is a space; so are tabs, line ends, backslashes and `#` written.
fn unescaped(path: &str) -> String {
    if !path.contains('\\') {
        return path.to_owned();
    }
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(value) if *byte == b'\\' => {
                plain.push(value);
                rest = after.get(3..).unwrap_or_default();
            }
            _ => plain.push(*byte),
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// What the host has mounted: which part of which filesystem is where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostView {
    /// By device and by what of it is mounted; the paths are those of the host.
    mounts: HashMap<String, BTreeMap<String, Vec<String>>>,
    /// The ids of what is mounted as `/`, which are unique on a machine.
    root_mounts: Vec<String>,
}

impl HostView {
    /// The host's, not older than a few seconds.
    fn get(proc: &Path) -> Arc<Self> {
        static KNOWN: Mutex<Option<(Instant, Arc<HostView>)>> = Mutex::new(None);
        if proc != Path::new(PROC) {
            return Arc::new(Self::read(proc));
        }
        // Who comes meanwhile waits for what is being read, instead of reading it too.
        let mut known = lock(&KNOWN);
        match &*known {
            Some((at, host)) if at.elapsed() < HOST_TIMEOUT => Arc::clone(host),
            _ => {
                let host = Arc::new(Self::read(proc));
                *known = Some((Instant::now(), Arc::clone(&host)));
                host
            }
        }
    }

    /// What the first process of the machine and our own see; a service may have mounts of its own.
    fn read(proc: &Path) -> Self {
        let read = |pid: &str| content(&proc.join(pid).join("mountinfo"), 4 * MAX_MOUNTINFO).unwrap_or_default();
        let (first, own) = (read("1"), read("self"));
        if first == own { Self::of(&[&own]) } else { Self::of(&[&first, &own]) }
    }

    fn of(mountinfos: &[&[u8]]) -> Self {
        let mut host = Self::default();
        for mountinfo in mountinfos {
            for line in String::from_utf8_lossy(mountinfo).lines().filter_map(MountLine::of) {
                if line.target == "/" {
                    host.root_mounts.push(line.id.to_owned());
                }
                let of_device = host.mounts.entry(line.device.to_owned()).or_default();
                let paths = of_device.entry(unescaped(line.root)).or_default();
                let target = unescaped(line.target);
                if !paths.contains(&target) && paths.len() < MAX_HELD_MOUNTS {
                    let place = paths.partition_point(|path| path.len() < target.len());
                    paths.insert(place, target);
                }
            }
        }
        host
    }

    /// Where the host has mounted this very part of a filesystem.
    fn mounted_at(&self, device: &str, root: &str) -> Vec<String> {
        let places = self.mounts.get(device).and_then(|mounts| mounts.get(&unescaped(root)));
        places.into_iter().flatten().take(MAX_PLACES).cloned().collect()
    }

    /// Where on the host this part of a filesystem is, and which of the host's mounts it holds.
    fn names(&self, device: &str, root: &str) -> Vec<String> {
        let Some(mounts) = self.mounts.get(device) else { return Vec::new() };
        let root = unescaped(root);
        let mut names = Vec::new();
        // What is mounted of it or of a folder that it is in.
        let mut folder = root.as_str();
        loop {
            let rest = root.strip_prefix(folder).unwrap_or_default().trim_start_matches('/');
            for at in mounts.get(if folder.is_empty() { "/" } else { folder }).into_iter().flatten().take(MAX_NAMES) {
                names.push(match (at.as_str(), rest) {
                    (at, "") => at.to_owned(),
                    ("/", rest) => format!("/{rest}"),
                    (at, rest) => format!("{at}/{rest}"),
                });
            }
            match folder.rfind('/') {
                Some(slash) => folder = folder.get(..slash).unwrap_or_default(),
                None => break,
            }
        }
        // What is mounted of a folder in it: a whole disk holds the part of it that is the host's root.
        let held = mounts.range::<String, _>(&root..).take(MAX_HELD_MOUNTS);
        let is_in = |part: &str| {
            let rest = part.strip_prefix(root.trim_end_matches('/'));
            part != root && rest.is_some_and(|rest| rest.starts_with('/'))
        };
        for (_, at) in held.take_while(|(part, _)| part.starts_with(&root)).filter(|(part, _)| is_in(part)) {
            names.extend(at.first().cloned());
        }
        names.sort_by(|one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
        names.dedup();
        names.truncate(MAX_NAMES);
        names
    }
}

/// Each interface with the bytes that it has received and sent.
type Interfaces = BTreeMap<String, (u64, u64)>;

fn interfaces(net_dev: &[u8]) -> Interfaces {
    let text = String::from_utf8_lossy(net_dev);
    // Two lines of headings; eight fields of what was received, then what was sent.
    let lines = text.lines().skip(2).filter_map(|line| line.split_once(':'));
    let mut found = Interfaces::new();
    for (name, counts) in lines {
        let mut counts = counts.split_whitespace().map(|count| count.parse().unwrap_or_default());
        let received = counts.next().unwrap_or_default();
        found.insert(name.trim().to_owned(), (received, counts.nth(7).unwrap_or_default()));
    }
    found
}

/// The networks of the host's first process and of our own.
#[derive(Debug)]
struct Networks([Interfaces; 2]);

impl Networks {
    fn read(proc: &Path) -> Self {
        Self(
            ["1", "self"]
                .map(|pid| interfaces(&content(&proc.join(pid).join("net/dev"), MAX_FILE).unwrap_or_default())),
        )
    }

    /// Whether a network seen between these two looks at the host's is one of them: has its interfaces, and has counted
    /// what they have. Names alone say little: many a host has `lo` and `eth0` as containers do.
    fn are_same(&self, seen: &Interfaces, after: impl FnOnce() -> Self) -> bool {
        let is_like = |own: &Interfaces| own.len() > 1 && own.keys().eq(seen.keys());
        if !self.0.iter().any(is_like) {
            return false;
        }
        let after = after();
        self.0.iter().zip(&after.0).any(|(before, after)| {
            let counted = |name: &String, (received, sent): &(u64, u64)| {
                let (Some(before), Some(after)) = (before.get(name), after.get(name)) else { return false };
                (before.0..=after.0).contains(received) && (before.1..=after.1).contains(sent)
            };
            is_like(before) && seen.iter().all(|(name, counts)| counted(name, counts))
        })
    }
}

#[cfg(test)]
mod tests;
