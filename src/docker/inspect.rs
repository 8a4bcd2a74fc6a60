//! What the engine knows of containers, images, volumes and commands beyond what its events tell.
//!
//! Only what is used is read; bollard's models fail on values that they do not know, and a container must not be able
//! to hide behind one. Engines write `null` for what is empty, so everything is read as its default then.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::capped::{self, capped, first, newest};
use super::given::{DeviceRequest, LogConfig, NetworkSettings, linker_variables};
use super::{Engine, EngineError};

/// Reads `null` as the default.
fn lenient<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Reads a number that is no process's as absent.
fn pid<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    Ok(Option::<i64>::deserialize(from)?.and_then(|pid| pid.try_into().ok()))
}

/// A container: how it was made and how it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// Its id.
    #[serde(default, deserialize_with = "lenient")]
    pub id: String,
    /// Its name, which Docker writes with a slash before it.
    #[serde(default, deserialize_with = "lenient")]
    pub name: String,
    /// The id of its image.
    #[serde(default, deserialize_with = "lenient")]
    pub image: String,
    /// The program that runs in it.
    #[serde(default, deserialize_with = "lenient")]
    pub path: String,
    /// Its arguments.
    #[serde(default, deserialize_with = "capped::words")]
    pub args: Vec<String>,
    /// What it was made with; an answer without it says nothing.
    pub config: Config,
    /// What the host gives it.
    #[serde(default, deserialize_with = "lenient")]
    pub host_config: HostConfig,
    /// What is mounted, wherever that was ordered.
    #[serde(default, deserialize_with = "capped::<_, _, 8192>")]
    pub mounts: Vec<Mount>,
    /// The `AppArmor` profile; empty where there is none or the host has no `AppArmor`.
    #[serde(default, deserialize_with = "lenient")]
    pub app_armor_profile: String,
    /// The newest commands that were run in it and are not forgotten.
    #[serde(rename = "ExecIDs", default, deserialize_with = "newest::<_, _, 256>")]
    pub execs: Vec<String>,
    /// How it is.
    #[serde(default, deserialize_with = "lenient")]
    pub state: State,
    /// The networks that it is in.
    #[serde(default, deserialize_with = "lenient")]
    pub network_settings: NetworkSettings,
    /// The folder of the host that it has in the place of an image; only Podman has such.
    #[serde(default, deserialize_with = "lenient")]
    pub rootfs: String,
}

/// What a container was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// Those of its labels that have the name of an attribute that engines set; all others stand in its events.
    #[serde(deserialize_with = "capped::labels")]
    pub labels: BTreeMap<String, String>,
    /// What its image was called when it was made.
    #[serde(deserialize_with = "lenient")]
    pub image: String,
    /// Who runs in it: a name or number, with a group after a colon; empty is root.
    #[serde(deserialize_with = "lenient")]
    pub user: String,
    /// Whether it has a terminal.
    #[serde(deserialize_with = "lenient")]
    pub tty: bool,
    /// Whether somebody can type into it.
    #[serde(deserialize_with = "lenient")]
    pub open_stdin: bool,
    /// What probes its health.
    #[serde(deserialize_with = "lenient")]
    pub healthcheck: Healthcheck,
    /// Where its main process begins.
    #[serde(deserialize_with = "lenient")]
    pub working_dir: String,
    /// Its variables that the dynamic linker takes orders from.
    #[serde(deserialize_with = "linker_variables")]
    pub env: Vec<String>,
    /// What a probe of the shell form is run by, where that is not `/bin/sh -c`.
    #[serde(deserialize_with = "capped::words")]
    pub shell: Vec<String>,
}

/// What probes a container's health.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Healthcheck {
    /// `NONE`, `CMD` with words, or `CMD-SHELL` with a line.
    #[serde(deserialize_with = "capped::words")]
    pub test: Vec<String>,
}

/// What the host gives a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HostConfig {
    /// Nearly everything.
    #[serde(deserialize_with = "lenient")]
    pub privileged: bool,
    /// `host`, `container:…`, or its own.
    #[serde(deserialize_with = "lenient")]
    pub pid_mode: String,
    /// The same for the network, with more values.
    #[serde(deserialize_with = "lenient")]
    pub network_mode: String,
    /// The same for shared memory.
    #[serde(deserialize_with = "lenient")]
    pub ipc_mode: String,
    /// The same for the host's name.
    #[serde(rename = "UTSMode", deserialize_with = "lenient")]
    pub uts_mode: String,
    /// The same for users.
    #[serde(deserialize_with = "lenient")]
    pub userns_mode: String,
    /// Capabilities beside the default ones, with or without `CAP_`.
    #[serde(deserialize_with = "capped::<_, _, 1024>")]
    pub cap_add: Vec<String>,
    /// Capabilities that it does not have, the same.
    #[serde(deserialize_with = "capped::<_, _, 1024>")]
    pub cap_drop: Vec<String>,
    /// `host`, `private`, or empty.
    #[serde(deserialize_with = "lenient")]
    pub cgroupns_mode: String,
    /// Below which control group it is put; empty is the engine's choice.
    #[serde(deserialize_with = "lenient")]
    pub cgroup_parent: String,
    /// What runs it.
    #[serde(deserialize_with = "lenient")]
    pub runtime: String,
    /// What is bound as it was ordered; Docker has all of it among the mounts, Podman has not.
    #[serde(deserialize_with = "capped::<_, _, 8192>")]
    pub binds: Vec<String>,
    /// Devices that a driver is asked for.
    #[serde(deserialize_with = "capped::<_, _, 256>")]
    pub device_requests: Vec<DeviceRequest>,
    /// Where what it prints goes.
    #[serde(deserialize_with = "lenient")]
    pub log_config: LogConfig,
    /// `seccomp=…`, `apparmor=…`, `label=…`, `no-new-privileges`, older ones with a colon.
    #[serde(deserialize_with = "capped::<_, _, 1024>")]
    pub security_opt: Vec<String>,
    /// Files under /proc and /sys that are hidden; none where the engine does not say, empty where nothing is.
    #[serde(deserialize_with = "capped::optional::<_, _, 8192>")]
    pub masked_paths: Option<Vec<String>>,
    /// Files there that cannot be written to; the same.
    #[serde(deserialize_with = "capped::optional::<_, _, 8192>")]
    pub readonly_paths: Option<Vec<String>>,
    /// Addresses for names: `name:address`, `host-gateway` for the host's.
    #[serde(deserialize_with = "capped::<_, _, 1024>")]
    pub extra_hosts: Vec<String>,
    /// Its resolvers, where it does not use the engine's.
    #[serde(deserialize_with = "capped::<_, _, 256>")]
    pub dns: Vec<String>,
    /// The domains in which it looks for names of one label.
    #[serde(deserialize_with = "capped::<_, _, 256>")]
    pub dns_search: Vec<String>,
    /// Devices of the host.
    #[serde(deserialize_with = "capped::<_, _, 8192>")]
    pub devices: Vec<Device>,
    /// Devices that may be used once they are made.
    #[serde(deserialize_with = "capped::<_, _, 8192>")]
    pub device_cgroup_rules: Vec<String>,
    /// Bytes; 0 is no limit.
    #[serde(deserialize_with = "lenient")]
    pub memory: i64,
    /// Processes; 0 and less are no limit.
    #[serde(deserialize_with = "lenient")]
    pub pids_limit: i64,
    /// What happens when it ends.
    #[serde(deserialize_with = "lenient")]
    pub restart_policy: RestartPolicy,
    /// Ports of the container and where on the host they are.
    #[serde(deserialize_with = "capped::ports")]
    pub port_bindings: BTreeMap<String, Option<Vec<PortBinding>>>,
    /// Whether all its ports are published.
    #[serde(deserialize_with = "lenient")]
    pub publish_all_ports: bool,
}

/// A device of the host in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Device {
    /// Where it is on the host.
    #[serde(deserialize_with = "lenient")]
    pub path_on_host: String,
}

/// What happens when a container ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// `no`, `on-failure`, `always`, `unless-stopped`.
    #[serde(deserialize_with = "lenient")]
    pub name: String,
}

/// Where a port is on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortBinding {
    /// The address; empty is all of them.
    #[serde(deserialize_with = "lenient")]
    pub host_ip: String,
    /// The port, as text.
    #[serde(deserialize_with = "lenient")]
    pub host_port: String,
}

/// Something of the host in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Mount {
    /// `bind`, `volume`, `tmpfs`.
    #[serde(rename = "Type", deserialize_with = "lenient")]
    pub kind: String,
    /// The volume's name.
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    /// What keeps the volume.
    #[serde(deserialize_with = "lenient")]
    pub driver: String,
    /// Where it is on the host.
    #[serde(deserialize_with = "lenient")]
    pub source: String,
    /// Where it is in the container.
    #[serde(deserialize_with = "lenient")]
    pub destination: String,
    /// Whether it may be written to.
    #[serde(rename = "RW", deserialize_with = "lenient")]
    pub is_writable: bool,
    /// `rprivate`, `rshared`, …
    #[serde(deserialize_with = "lenient")]
    pub propagation: String,
}

/// How a container is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct State {
    /// Whether it runs; its exit code is that of its last end.
    pub running: bool,
    /// Its first process; 0 where none runs, absent where the engine does not tell.
    #[serde(deserialize_with = "pid")]
    pub pid: Option<u32>,
    /// With what its last run ended.
    pub exit_code: i64,
    /// Whether the kernel killed it for want of memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
}

/// A command that was run in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Exec {
    /// Its id.
    #[serde(rename = "ID", deserialize_with = "lenient")]
    pub id: String,
    /// With what it ended; none while it runs.
    pub exit_code: Option<i64>,
    /// The container it ran in.
    #[serde(rename = "ContainerID", deserialize_with = "lenient")]
    pub container: String,
    /// Whether somebody can type into it.
    #[serde(deserialize_with = "lenient")]
    pub open_stdin: bool,
    /// What runs, and as whom.
    #[serde(deserialize_with = "lenient")]
    pub process_config: ProcessConfig,
}

/// What runs, and as whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessConfig {
    /// Whether it has a terminal.
    #[serde(deserialize_with = "lenient")]
    pub tty: bool,
    /// The program.
    #[serde(deserialize_with = "lenient")]
    pub entrypoint: String,
    /// Its arguments, each for itself.
    #[serde(deserialize_with = "capped::words")]
    pub arguments: Vec<String>,
    /// Whether it may do nearly everything.
    #[serde(deserialize_with = "lenient")]
    pub privileged: bool,
    /// As whom it runs; empty is the container's own user.
    #[serde(deserialize_with = "lenient")]
    pub user: String,
}

/// An image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Image {
    /// Its id: the digest of its configuration, or of its manifest where containerd keeps the images.
    pub id: String,
    /// Its names, the first of them.
    #[serde(default, deserialize_with = "first::<_, _, 128>")]
    pub repo_tags: Vec<String>,
    /// Where it was pulled from or pushed to, each `repository@digest`.
    #[serde(default, deserialize_with = "first::<_, _, 128>")]
    pub repo_digests: Vec<String>,
    /// The image that a build or a commit made it of; empty for one that came from elsewhere.
    #[serde(default, alias = "ParentId", deserialize_with = "lenient")]
    pub parent: String,
    /// Its layers.
    #[serde(rename = "RootFS", default, deserialize_with = "lenient")]
    pub root_fs: RootFs,
    /// What registries know it by, where containerd keeps the images (API 1.48).
    #[serde(default, deserialize_with = "lenient")]
    pub descriptor: Descriptor,
    /// Where the engine knows it to be from, where containerd keeps the images (API 1.53); no name changes it.
    #[serde(default, deserialize_with = "lenient")]
    pub identity: ImageIdentity,
}

/// What an image's file system is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RootFs {
    /// The digests of what is in each layer, the lowest first.
    #[serde(deserialize_with = "first::<_, _, 256>")]
    pub layers: Vec<String>,
}

/// What registries know an image by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    /// The digest.
    #[serde(deserialize_with = "lenient")]
    pub digest: String,
}

/// Where an image is from, as the engine itself has seen it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageIdentity {
    /// Where it was pulled from or pushed to.
    #[serde(deserialize_with = "first::<_, _, 64>")]
    pub pull: Vec<PulledFrom>,
    /// The builds that made it.
    #[serde(deserialize_with = "first::<_, _, 16>")]
    pub build: Vec<BuiltBy>,
}

/// Where an image was pulled from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PulledFrom {
    /// The repository with its registry, without the registry's port.
    #[serde(deserialize_with = "lenient")]
    pub repository: String,
}

/// A build that made an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BuiltBy {
    /// What the builder calls it.
    #[serde(rename = "Ref", deserialize_with = "lenient")]
    pub reference: String,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Volume {
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: String,
    /// What keeps it; `local` mounts whatever its options say.
    #[serde(deserialize_with = "lenient")]
    pub driver: String,
    /// What it was made with, as for mount(8): `type`, `device`, `o`.
    #[serde(deserialize_with = "capped::map::<_, 1024>")]
    pub options: BTreeMap<String, String>,
}

/// The volumes that were made with options, which are the only ones whose answer says more than their name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeList {
    #[serde(deserialize_with = "capped::with_options")]
    volumes: Vec<Volume>,
}

/// A container in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    /// Its id.
    pub id: String,
}

/// The most that is kept of one answer, in bytes; what needs more is no real object.
const MAX_KEPT: usize = 4 << 20;

/// What a text costs beside its bytes.
const OF_TEXT: usize = size_of::<String>() + 16;

fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> usize {
    texts.into_iter().map(|text| text.len() + OF_TEXT).sum()
}

fn pairs(pairs: &BTreeMap<String, String>) -> usize {
    texts(pairs.keys()) + texts(pairs.values())
}

impl Container {
    /// How much memory it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let given = &self.host_config;
        let mounts: usize = self
            .mounts
            .iter()
            .map(|mount| size_of::<Mount>() + texts([&mount.name, &mount.driver, &mount.source, &mount.destination]))
            .sum();
        let ports: usize =
            given.port_bindings.iter().map(|(port, to)| port.len() + to.as_ref().map_or(0, Vec::len) * 96 + 96).sum();
        let devices: usize = given.devices.iter().map(|device| device.path_on_host.len() + OF_TEXT).sum();
        let networks = self.network_settings.networks.iter().flat_map(BTreeMap::keys);
        let guards = [&given.masked_paths, &given.readonly_paths].into_iter().flatten().flatten();
        size_of::<Self>()
            + texts([&self.id, &self.name, &self.image, &self.path, &self.config.image, &self.config.user])
            + texts(self.args.iter().chain(&self.execs))
            + texts(self.config.healthcheck.test.iter().chain(&self.config.shell))
            + texts(
                given
                    .cap_add
                    .iter()
                    .chain(&given.security_opt)
                    .chain(&given.device_cgroup_rules)
                    .chain(&given.extra_hosts)
                    .chain(&given.dns)
                    .chain(&given.dns_search)
                    .chain(&given.cap_drop)
                    .chain(&given.binds)
                    .chain(&self.config.env)
                    .chain(given.device_requests.iter().flat_map(|request| request.ids.iter().flatten()))
                    .chain(networks)
                    .chain(guards),
            )
            + pairs(&self.config.labels)
            + mounts
            + ports
            + devices
    }
}

impl Exec {
    /// How much memory it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let process = &self.process_config;
        size_of::<Self>()
            + texts([&self.id, &self.container, &process.entrypoint, &process.user])
            + texts(&process.arguments)
    }
}

impl Image {
    /// How much memory it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let names = self.repo_tags.iter().chain(&self.repo_digests);
        let origins = self.identity.pull.iter().map(|from| &from.repository);
        let builds = self.identity.build.iter().map(|build| &build.reference);
        size_of::<Self>()
            + texts([&self.id, &self.parent, &self.descriptor.digest])
            + texts(names.chain(&self.root_fs.layers).chain(origins).chain(builds))
    }
}

impl Volume {
    /// How much memory it holds, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + texts([&self.name, &self.driver]) + pairs(&self.options)
    }
}

fn escaped(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

impl Engine {
    /// Asks for a container. The caller sets the deadline, here as below.
    ///
    /// # Errors
    /// Where there is none of that id, or the engine does not tell.
    pub async fn container(&self, id: &str) -> Result<Container, EngineError> {
        const WHAT: &str = "a container";
        let container = self.ask(&format!("/containers/{}/json", escaped(id)), WHAT).await?;
        self.small(container, Container::size, WHAT)
    }

    /// Asks for a command that was run in a container.
    ///
    /// # Errors
    /// Where there is none of that id, or the engine does not tell.
    pub async fn exec(&self, id: &str) -> Result<Exec, EngineError> {
        const WHAT: &str = "a command";
        let exec = self.ask(&format!("/exec/{}/json", escaped(id)), WHAT).await?;
        self.small(exec, Exec::size, WHAT)
    }

    /// Asks for an image by its id or one of its names.
    ///
    /// # Errors
    /// Where there is none of that name, or the engine does not tell.
    pub async fn image(&self, name: &str) -> Result<Image, EngineError> {
        const WHAT: &str = "an image";
        // Slashes belong to the path here; everything else could end it.
        let name: Vec<String> = name.split('/').map(|part| escaped(part).to_string()).collect();
        let image = self.ask(&format!("/images/{}/json", name.join("/")), WHAT).await?;
        self.small(image, Image::size, WHAT)
    }

    /// Asks for a volume.
    ///
    /// # Errors
    /// Where there is none of that name, or the engine does not tell.
    pub async fn volume(&self, name: &str) -> Result<Volume, EngineError> {
        const WHAT: &str = "a volume";
        let volume = self.ask(&format!("/volumes/{}", escaped(name)), WHAT).await?;
        self.small(volume, Volume::size, WHAT)
    }

    /// All volumes that were made with options, in one answer.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub async fn volumes_with_options(&self) -> Result<Vec<Volume>, EngineError> {
        Ok(self.ask::<VolumeList>("/volumes", "the volumes").await?.volumes)
    }

    /// All containers, also those that do not run.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub async fn containers(&self) -> Result<Vec<Listed>, EngineError> {
        self.ask("/containers/json?all=true", "the containers").await
    }

    /// All images that have a name or are used by one that has.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub async fn images(&self) -> Result<Vec<Image>, EngineError> {
        self.ask("/images/json", "the images").await
    }

    /// An answer, unless more of it would be kept than of any real object.
    fn small<T>(&self, answer: T, size: impl Fn(&T) -> usize, what: &str) -> Result<T, EngineError> {
        if size(&answer) > MAX_KEPT { Err(self.too_large(what)) } else { Ok(answer) }
    }

    async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        what: &'static str,
    ) -> Result<T, EngineError> {
        let answer = self.get(path, what).await?;
        let parsed = self.parse(answer.into_body(), what).await?;
        parsed.map_err(|error| {
            let error = error.to_string();
            if error.contains(capped::TOO_MANY) {
                return self.too_large(what);
            }
            EngineError::Broken { endpoint: self.endpoint().clone(), what: format!("{what}: {error}") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_engines_write_and_does_without_what_they_leave_out() {
        let container: Container = serde_json::from_str(
            r#"{"Id":"c","State":{"Status":"exited","Running":false,"OOMKilled":true,"ExitCode":137,"Pid":-1,"Odd":{}},
                "Config":{"Labels":{"exitCode":"0"},"User":null},"HostConfig":{"Odd":1,"Privileged":true,"CapAdd":null,
                "PidsLimit":null,"PortBindings":{"80/tcp":null},"MaskedPaths":[]},"Mounts":null,"ExecIDs":null}"#,
        )
        .unwrap();
        assert_eq!((container.state.exit_code, container.state.oom_killed), (137, true));
        assert_eq!(container.config.labels["exitCode"], "0");
        assert_eq!(container.state.pid, None);
        let state = |json: &str| serde_json::from_str::<State>(json).unwrap().pid;
        assert_eq!((state(r#"{"Pid":7}"#), state(r#"{"Pid":0}"#), state(r#"{"Pid":null}"#)), (Some(7), Some(0), None));
        assert!(container.host_config.privileged && container.host_config.masked_paths == Some(vec![]));
        let bare: Container = serde_json::from_str(r#"{"Config":{"Labels":null}}"#).unwrap();
        assert_eq!(bare, Container::default());
        assert!(serde_json::from_str::<Container>("[]").is_err() && serde_json::from_str::<Container>("{}").is_err());
        let exec: Exec = serde_json::from_str(r#"{"ExitCode":null,"ContainerID":"c","ProcessConfig":null}"#).unwrap();
        assert_eq!(exec, Exec { container: "c".into(), ..Exec::default() });
        let image: Image = serde_json::from_str(r#"{"Id":"sha256:1","RepoTags":null}"#).unwrap();
        assert_eq!(image, Image { id: "sha256:1".into(), ..Image::default() });
        assert!(serde_json::from_str::<Image>("{}").is_err());
    }
}
