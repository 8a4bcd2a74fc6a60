//! Real engines that a test starts for itself, in a private folder, on a private socket, in a network of their own. An
//! engine that is already running is neither used nor disturbed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::until;

/// Says that a part is missing; under CI that is a failure.
pub fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "{what} is not installed, and CI must have it");
    eprintln!("skipped: {what} is not installed");
}

pub fn installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    nix::unistd::geteuid().is_root() && path.split(':').any(|folder| Path::new(folder).join(program).is_file())
}

/// A running engine.
pub struct Engine {
    pub folder: tempfile::TempDir,
    child: Child,
}

impl Engine {
    /// A dockerd, where it is installed.
    pub fn dockerd() -> Option<Self> {
        if !["dockerd", "docker", "unshare", "busybox", "openssl"].iter().all(|program| installed(program)) {
            missing("dockerd, docker, unshare, busybox or openssl, or root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("daemon.json"), "{}").unwrap();
        certificates(folder.path());
        let child = Self::start_dockerd(folder.path());
        let engine = Self { folder, child };
        engine.wait_for("docker.sock");
        engine.import();
        Some(engine)
    }

    fn start_dockerd(folder: &Path) -> Child {
        let at = folder.display();
        Command::new("unshare")
            .args(["--net", "sh", "-c"])
            .arg(format!(
                "ip link set lo up && exec dockerd --host unix://{at}/docker.sock --data-root {at}/data --exec-root {at}/exec \
                 --pidfile {at}/pid --config-file {at}/daemon.json --storage-driver vfs \
                 --host tcp://127.0.0.1:2376 --tlsverify --tlscacert {at}/certs/ca.pem --tlscert {at}/certs/cert.pem \
                 --tlskey {at}/certs/key.pem --shutdown-timeout 1"
            ))
            .env("PATH", std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin")
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap()
    }

    /// Ends this dockerd in order and starts it anew on the same data.
    pub fn restart(&mut self) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        until("the end of dockerd", || self.child.try_wait().unwrap());
        self.child = Self::start_dockerd(self.folder.path());
        self.wait_for("docker.sock");
    }

    /// Podman's API service, where it is installed.
    pub fn podman() -> Option<Self> {
        if !["podman", "docker", "busybox"].iter().all(|program| installed(program)) {
            missing("podman, docker or busybox, or root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display().to_string();
        // Not every machine lets a container raise its limits, and crun refuses hybrid cgroups.
        let settings = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\
                        [engine]\nruntime = \"runc\"\n[network]\nnetwork_backend = \"netavark\"\n";
        fs::write(folder.path().join("containers.conf"), settings).unwrap();
        let child = Command::new("podman")
            .args([
                "--root",
                &format!("{at}/root"),
                "--runroot",
                &format!("{at}/run"),
                "--tmpdir",
                &format!("{at}/tmp"),
            ])
            .args(["--events-backend", "file", "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs"])
            .args(["system", "service", "--time", "0", &format!("unix://{at}/docker.sock")])
            .env("CONTAINERS_CONF", format!("{at}/containers.conf"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let engine = Self { folder, child };
        engine.wait_for("docker.sock");
        engine.import();
        Some(engine)
    }

    pub fn url(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wait_for(&self, socket: &str) {
        until("an engine that answers", || std::os::unix::net::UnixStream::connect(self.path(socket)).ok().map(drop));
    }

    /// Runs `docker` against this engine and returns what it printed.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let (ok, said) = self.try_docker(arguments);
        assert!(ok, "docker {arguments:?}: {said}");
        said
    }

    pub fn try_docker(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_HOST", self.url())
            .env("DOCKER_CONFIG", self.path("client"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.trim().to_owned())
    }

    /// One call of the API; the status and the answer.
    pub fn call(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        use std::io::{Read, Write};
        let mut connection = std::os::unix::net::UnixStream::connect(self.path("docker.sock")).unwrap();
        let head = format!("{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\n");
        write!(connection, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
    }

    pub fn create_volume(&self, name: &str) {
        let (status, answer) = self.call("POST", "/volumes/create", &format!("{{\"Name\":\"{name}\"}}"));
        assert_eq!(status, 201, "{answer}");
    }

    /// An image of one static program, as `bb:1`.
    fn import(&self) {
        let busybox = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let busybox = busybox.split(':').map(|folder| Path::new(folder).join("busybox")).find(|path| path.is_file());
        let root = self.path("image");
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::copy(busybox.unwrap(), root.join("bin/busybox")).unwrap();
        for name in ["sh", "sleep", "true", "false"] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        let tar = self.path("image.tar");
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&tar).arg(".").status().unwrap();
        assert!(packed.success());
        self.docker(&["import", &tar.display().to_string(), "bb:1"]);
    }

    /// A private registry on loopback, in this engine's network.
    pub fn registry(&self) -> Option<Registry> {
        self.registry_at("127.0.0.1:5000")
    }

    /// One at an address of its own.
    pub fn registry_at(&self, address: &str) -> Option<Registry> {
        if !installed("docker-registry") {
            missing("docker-registry");
            return None;
        }
        let at = self.folder.path().display();
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {at}/{address}\nhttp:\n  addr: {address}\n"
        );
        fs::write(self.path(&format!("{address}.yml")), config).unwrap();
        let child = self
            .beside(&["docker-registry", "serve", &format!("{at}/{address}.yml")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let registry = Registry { child };
        until("a registry that answers", || {
            let probe = format!("{address}/probe:1");
            let (ok, _) = self.try_docker(&["push", "--quiet", &probe]);
            let tagged = self.try_docker(&["tag", "bb:1", &probe]).0;
            (ok && tagged).then_some(())
        });
        Some(registry)
    }

    /// A command in this engine's network.
    pub fn beside(&self, command: &[&str]) -> Command {
        let mut enter = Command::new("nsenter");
        enter.arg(format!("--net=/proc/{}/ns/net", self.child.id())).args(command);
        enter
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("the engine said at last:\n{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        if let (true, ids) = self.try_docker(&["ps", "--all", "--quiet"]) {
            let ids: Vec<&str> = ids.split_whitespace().collect();
            let _ = self.try_docker(&[&["rm", "--force"][..], &ids].concat());
        }
        self.signal(nix::sys::signal::Signal::SIGTERM);
        for _ in 0..1000 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An authority and one certificate that serves both sides, in `certs`; another authority in `other`.
fn certificates(folder: &Path) {
    const NEW: &str = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let openssl = |within: &Path, arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(within).output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    };
    for name in ["certs", "other"] {
        let within = folder.join(name);
        fs::create_dir(&within).unwrap();
        openssl(&within, &format!("{NEW} -subj /CN=authority -keyout ca-key.pem -out ca.pem"));
        let leaf = "-CA ca.pem -CAkey ca-key.pem -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE";
        openssl(&within, &format!("{NEW} -subj /CN=docker {leaf} -keyout key.pem -out cert.pem"));
    }
}

/// A registry that ends with its test.
pub struct Registry {
    child: Child,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
