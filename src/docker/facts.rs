//! What an engine says of itself that decides what its containers may do: asked once in a while, and remembered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::Engine;
use crate::lock::lock;

/// It is asked again after this long: an engine can be started anew with another configuration.
const FACTS_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the engine may take to say it; what it has not said by then is not known.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What an engine says of itself. Empty is what it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Facts {
    /// Where it keeps images, containers and volumes.
    #[serde(rename = "DockerRootDir", deserialize_with = "lenient")]
    pub root: String,
    /// Where it keeps what it needs while it runs, as a container that ran has shown.
    #[serde(skip)]
    pub exec_root: String,
    /// `1` or `2`.
    #[serde(deserialize_with = "lenient")]
    pub cgroup_version: String,
    /// What runs containers that name no other.
    #[serde(deserialize_with = "lenient")]
    pub default_runtime: String,
    /// The id of the network that is the host's.
    #[serde(skip)]
    pub host_network: String,
}

fn lenient<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// What was said, and when.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    at: Instant,
    facts: Arc<Facts>,
}

#[derive(Default, Deserialize)]
struct Id {
    #[serde(rename = "Id", default)]
    id: String,
}

#[derive(Default, Deserialize)]
struct Rootfs {
    #[serde(rename = "Rootfs", default)]
    rootfs: Option<String>,
}

impl Engine {
    /// What it says of itself, at most a minute old. Where it says nothing, nothing is known.
    pub async fn facts(&self) -> Arc<Facts> {
        if let Some(known) = lock(&self.facts).as_ref().filter(|known| known.at.elapsed() < FACTS_TIMEOUT) {
            return Arc::clone(&known.facts);
        }
        let asked = async { tokio::join!(self.read::<Facts>("/info"), self.read::<Id>("/networks/host")) };
        let (info, network) = tokio::time::timeout(ANSWER_TIMEOUT, asked).await.unwrap_or_default();
        let mut facts = info.unwrap_or_default();
        facts.host_network = network.unwrap_or_default().id;
        let mut remembered = lock(&self.facts);
        if let Some(known) = remembered.as_ref() {
            facts.exec_root.clone_from(&known.facts.exec_root);
        }
        Arc::clone(&remembered.insert(Remembered { at: Instant::now(), facts: Arc::new(facts) }).facts)
    }

    /// A container's network namespace lies in its exec root, which it does not name anywhere else.
    pub fn learn_sandbox(&self, sandbox: &str) {
        let Some(exec_root) = sandbox.rsplit_once("/netns/").map(|(root, _)| root) else { return };
        if let Some(known) = lock(&self.facts).as_mut().filter(|known| known.facts.exec_root != exec_root) {
            known.facts = Arc::new(Facts { exec_root: exec_root.to_owned(), ..Facts::clone(&known.facts) });
        }
    }

    /// The folder that a container of Podman has in the place of an image.
    pub async fn rootfs(&self, id: &str) -> Option<String> {
        let path = format!("/v4.0.0/libpod/containers/{}/json", utf8_percent_encode(id, NON_ALPHANUMERIC));
        let asked = self.read::<Rootfs>(&path);
        tokio::time::timeout(ANSWER_TIMEOUT, asked).await.ok()??.rootfs.filter(|rootfs| !rootfs.is_empty())
    }

    async fn read<T: DeserializeOwned + Send + 'static>(&self, path: &str) -> Option<T> {
        let answer = self.get(path, "what it is").await.ok()?;
        self.parse(answer.into_body(), "what it is").await.ok()?.ok()
    }
}
