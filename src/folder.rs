//! The listener's own folder under Wazuh's home: what has to outlive the process, and the lock that keeps a second
//! listener out.
//!
//! Everything in it is written by name, so nobody else may be able to write into it: the folder must belong to this
//! user or root and be closed to all others for writing, and neither it nor a file in it may be a link.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// The folder's mode; its group is that of Wazuh's queue folder.
const FOLDER_MODE: u32 = 0o750;

/// The mode of each file in it.
const FILE_MODE: u32 = 0o640;

/// Why nothing can be kept on disk.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system says no.
    #[error("{} cannot be used ({source}); it must be a folder that root owns and may write", path.display())]
    Io {
        /// What was tried.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could change what is in it.
    #[error("{} {what}; move it away, or chown root and chmod 0750", path.display())]
    Unsafe {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The folder, checked.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path`; makes it where it is missing, but not what it lies in.
    ///
    /// # Errors
    /// Where it cannot be made, or where others could write into it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let io = |source| FolderError::Io { path: path.to_owned(), source };
        match DirBuilder::new().mode(FOLDER_MODE).create(path) {
            Ok(()) => {
                let group = path.parent().and_then(|parent| fs::metadata(parent).ok()).map(|parent| parent.gid());
                // For a user who may not give files to the group the folder is good enough without.
                let _ = chown(path, None, group);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io(error)),
        }
        let folder = fs::symlink_metadata(path).map_err(io)?;
        let refused = |what| Err(FolderError::Unsafe { path: path.to_owned(), what });
        if !folder.is_dir() {
            return refused("is not a folder");
        }
        if folder.uid() != 0 && folder.uid() != nix::unistd::geteuid().as_raw() {
            return refused("belongs to another user");
        }
        if folder.mode() & 0o022 != 0 {
            return refused("can be written by others");
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The place of a file in it.
    ///
    /// # Errors
    /// Where something else than a regular file is there.
    pub fn file(&self, name: &str) -> Result<PathBuf, FolderError> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Ok(file) if !file.is_file() => Err(FolderError::Unsafe { path, what: "is not a regular file" }),
            Ok(_) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }

    /// Takes the lock, where nobody holds it.
    ///
    /// # Errors
    /// Where the lock's file cannot be used.
    pub fn lock(&self) -> Result<Locking, FolderError> {
        let path = self.file("lock")?;
        let io = |source| FolderError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(io)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut file) => {
                let (pid, parent) = (std::process::id(), nix::unistd::getppid());
                file.set_len(0).and_then(|()| writeln!(file, "{pid} {parent}")).map_err(io)?;
                Ok(Locking::Taken(Lock { _file: file }))
            }
            Err((file, Errno::EWOULDBLOCK)) => Ok(Locking::Held(Holder::read(file))),
            Err((_, error)) => Err(io(error.into())),
        }
    }
}

/// What became of the wish for the lock.
#[derive(Debug)]
pub enum Locking {
    /// It is ours.
    Taken(Lock),
    /// Another listener has it, and what is known of that one.
    Held(Option<Holder>),
}

/// The lock; the kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

/// The process that holds the lock, as it wrote of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: i32,
    /// Its parent's process id when it took the lock.
    parent: i32,
}

impl Holder {
    fn read(file: File) -> Option<Self> {
        let mut text = String::new();
        file.take(100).read_to_string(&mut text).ok()?;
        let mut numbers = text.split_whitespace().map(str::parse::<i32>);
        let (pid, parent) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (pid > 1).then_some(Self { pid, parent })
    }

    /// Whether who started it has gone: modulesd was killed, and its listener lives on without it.
    #[must_use]
    pub fn is_orphaned(&self) -> bool {
        parent_of(self.pid).is_some_and(|parent| parent != self.parent)
    }
}

/// The parent of a process, from `/proc/<pid>/stat`; the name before it may hold anything but ends at the last `)`.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// Replaces a file as a whole: readers see the old one or the new one, also after a power cut where `lasting`.
///
/// The new content is written beside it under the name with `.new` at its end, never through a link.
///
/// # Errors
/// Where the system refuses; the old file is then untouched.
pub fn replace(path: &Path, content: &[u8], lasting: bool) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new)?;
    let written = file
        .set_permissions(Permissions::from_mode(FILE_MODE))
        .and_then(|()| file.write_all(content))
        .and_then(|()| if lasting { file.sync_data() } else { Ok(()) })
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // A full disk must not stay fuller because of us.
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn is_made_closed_to_others_and_refused_where_it_is_open_to_them() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("docker-listener");
        Folder::open(&path).unwrap();
        let made = fs::metadata(&path).unwrap();
        assert_eq!((made.mode() & 0o7777, made.gid()), (0o750, fs::metadata(root.path()).unwrap().gid()));
        Folder::open(&path).unwrap();

        fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
        assert!(Folder::open(&path).unwrap_err().to_string().contains("can be written by others"));
        fs::remove_dir(&path).unwrap();
        symlink(root.path(), &path).unwrap();
        assert!(Folder::open(&path).unwrap_err().to_string().contains("is not a folder"));
        let missing = Folder::open(&root.path().join("a/b")).unwrap_err().to_string();
        assert!(missing.contains("cannot be used"), "{missing}");
    }

    #[test]
    fn no_file_in_it_is_reached_through_a_link() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(&root.path().join("own")).unwrap();
        let target = root.path().join("target");
        fs::write(&target, "precious").unwrap();
        symlink(&target, root.path().join("own/lock")).unwrap();
        assert!(folder.lock().unwrap_err().to_string().contains("is not a regular file"));
        symlink(&target, root.path().join("state.new")).unwrap();
        replace(&root.path().join("state"), b"new", true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert_eq!(fs::read(root.path().join("state")).unwrap(), b"new");
        assert_eq!(fs::metadata(root.path().join("state")).unwrap().mode() & 0o7777, 0o640);
    }

    #[test]
    fn only_one_holds_the_lock_and_the_other_learns_who() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(&root.path().join("own")).unwrap();
        let Locking::Taken(lock) = folder.lock().unwrap() else { panic!("nobody else holds it") };
        let Locking::Held(Some(holder)) = folder.lock().unwrap() else { panic!("it is held") };
        assert_eq!(holder.pid, std::process::id().cast_signed());
        assert!(!holder.is_orphaned());
        assert!(Holder { parent: holder.parent + 1, ..holder }.is_orphaned());
        drop(lock);
        assert!(matches!(folder.lock().unwrap(), Locking::Taken(_)));
    }
}
