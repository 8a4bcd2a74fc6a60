//! Where things are under Wazuh's home, and which Wazuh that is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// Where Wazuh is unless something says otherwise.
pub const DEFAULT_HOME: &str = "/var/ossec";

/// The program's place under the home, which is also how modulesd calls it.
pub const WODLE: &str = "wodles/docker/DockerListener";

/// Wazuh's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

/// What a process knows of how it was started.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// `argv[0]`.
    pub called_as: PathBuf,
    /// The working directory.
    pub directory: PathBuf,
}

impl Start {
    /// That of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            called_as: std::env::args_os().next().unwrap_or_default().into(),
            directory: std::env::current_dir().unwrap_or_default(),
        }
    }
}

impl Home {
    /// The home at this place.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The home as told, else as the start shows it, else the usual one.
    ///
    /// modulesd starts `wodles/docker/DockerListener` with the home as working directory; the file may be a link, so
    /// the name it was called by counts and not where the program lies. A working directory counts without that name
    /// only where nobody but its owner (root, or the user who starts it) could have laid it out.
    #[must_use]
    pub fn find(told: Option<&Path>, start: &Start) -> Self {
        if let Some(root) = told {
            return Self::at(start.directory.join(root));
        }
        if start.called_as.is_absolute()
            && let Some(root) = before_wodle(&start.called_as)
        {
            return Self::at(root);
        }
        if start.called_as == Path::new(WODLE) || is_laid_out_by_its_owner(&start.directory) {
            return Self::at(&start.directory);
        }
        Self::at(DEFAULT_HOME)
    }

    /// The home itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The datagram socket that agentd or analysisd reads.
    #[must_use]
    pub fn queue(&self) -> PathBuf {
        self.root.join("queue/sockets/queue")
    }

    /// Where what has to outlive the process is kept.
    #[must_use]
    pub fn own_folder(&self) -> PathBuf {
        self.root.join("queue/docker-listener")
    }

    /// Where Wazuh's daemons keep their state files.
    #[must_use]
    pub fn var_run(&self) -> PathBuf {
        self.root.join("var/run")
    }

    /// The state file, beside those of Wazuh's daemons.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.var_run().join("docker-listener.state")
    }

    /// Wazuh's own configuration.
    #[must_use]
    pub fn ossec_conf(&self) -> PathBuf {
        self.root.join("etc/ossec.conf")
    }

    /// The configuration of this program.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("etc/docker-listener.json")
    }

    /// The major version of the Wazuh that lives there, where its files tell.
    #[must_use]
    pub fn major_version(&self) -> Option<u32> {
        let json = fs::read_to_string(self.root.join("VERSION.json")).unwrap_or_default();
        let script = || fs::read_to_string(self.root.join("bin/wazuh-control")).unwrap_or_default();
        version_in_json(&json).or_else(|| version_in_script(&script()))
    }
}

fn before_wodle(program: &Path) -> Option<PathBuf> {
    let mut parents = program.ancestors().skip(1);
    let (docker, wodles, root) = (parents.next()?, parents.next()?, parents.next()?);
    let named = |path: &Path, name: &str| path.file_name() == Some(OsStr::new(name));
    let plain = !program.components().any(|part| part == Component::ParentDir);
    (plain && named(docker, "docker") && named(wodles, "wodles")).then(|| root.to_owned())
}

fn is_laid_out_by_its_owner(directory: &Path) -> bool {
    const WRITABLE_BY_OTHERS: u32 = 0o002;
    let Ok(folder) = fs::metadata(directory) else { return false };
    let user = nix::unistd::geteuid().as_raw();
    (folder.uid() == 0 || folder.uid() == user)
        && folder.mode() & WRITABLE_BY_OTHERS == 0
        && directory.join("queue/sockets").is_dir()
        && directory.join("etc/ossec.conf").is_file()
}

fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

fn version_in_json(json: &str) -> Option<u32> {
    let json: serde_json::Value = serde_json::from_str(json).ok()?;
    major(json.get("version")?.as_str()?)
}

fn version_in_script(script: &str) -> Option<u32> {
    let line = script.lines().find_map(|line| line.trim().strip_prefix("VERSION="))?;
    major(line.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(told: Option<&str>, called_as: &str, directory: &Path) -> PathBuf {
        let start = Start { called_as: called_as.into(), directory: directory.into() };
        Home::find(told.map(Path::new), &start).root().to_owned()
    }

    #[test]
    fn is_found_as_modulesd_starts_it_by_hand_and_by_option() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        assert_eq!(find(Some("/opt/w"), WODLE, here), Path::new("/opt/w"));
        assert_eq!(find(Some("w"), "x", here), here.join("w"));
        assert_eq!(find(None, WODLE, here), here);
        assert_eq!(find(None, "/opt/wazuh/wodles/docker/DockerListener", here), Path::new("/opt/wazuh"));
        assert_eq!(find(None, "/tmp/../opt/wodles/docker/x", here), Path::new(DEFAULT_HOME));
        assert_eq!(find(None, "wazuh-docker-listener", here), Path::new(DEFAULT_HOME));
        fs::create_dir_all(here.join("queue/sockets")).unwrap();
        fs::create_dir_all(here.join("etc")).unwrap();
        fs::write(here.join("etc/ossec.conf"), "").unwrap();
        assert_eq!(find(None, "wazuh-docker-listener", here), here);
        fs::set_permissions(here, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        assert_eq!(find(None, "wazuh-docker-listener", here), Path::new(DEFAULT_HOME));
    }

    #[test]
    fn tells_the_version_from_either_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        assert_eq!(home.major_version(), None);
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(folder.path().join("bin/wazuh-control"), "#!/bin/sh\nVERSION=\"v4.14.7\"\n").unwrap();
        assert_eq!(home.major_version(), Some(4));
        fs::write(folder.path().join("VERSION.json"), "{\"version\": \"5.0.0\", \"stage\": \"beta5\"}").unwrap();
        assert_eq!(home.major_version(), Some(5));
    }
}
