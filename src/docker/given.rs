//! Smaller parts of what a container was given: requests for devices, networks, its log, its environment.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The most that is kept of one variable of the environment, in bytes.
const MAX_VARIABLE: usize = 1024;

/// So many variables are kept.
const MAX_VARIABLES: usize = 16;

/// Devices that a driver is asked for: `--gpus`, CDI.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceRequest {
    /// Who is asked: `nvidia`, `cdi`, or whoever offers what is wanted.
    pub driver: Option<String>,
    /// How many; -1 is all.
    pub count: Option<i64>,
    /// Which; with CDI their full names.
    #[serde(rename = "DeviceIDs")]
    pub ids: Option<Vec<String>>,
    /// What they must be able to: alternatives, each a list.
    pub capabilities: Option<Vec<Vec<String>>>,
}

/// Where what a container prints goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfig {
    /// The driver.
    #[serde(rename = "Type")]
    pub driver: Option<String>,
}

/// The networks that a container is in or will be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkSettings {
    /// By name, or by what whoever made the container called them.
    pub networks: Option<BTreeMap<String, Option<Network>>>,
    /// Where the engine keeps the network's namespace; empty while the container does not run.
    pub sandbox_key: Option<String>,
}

/// A network that a container is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    /// Its id; empty before the container has been started.
    #[serde(rename = "NetworkID")]
    pub id: Option<String>,
}

/// The variables of an environment that the dynamic linker takes orders from. The others hold secrets and are not kept.
pub(super) fn linker_variables<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Variables;
    impl<'de> Visitor<'de> for Variables {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of variables or null")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut kept = Vec::new();
            while kept.len() < MAX_VARIABLES {
                let Some(mut variable) = list.next_element::<String>()? else { return Ok(kept) };
                if !["LD_PRELOAD=", "LD_AUDIT="].iter().any(|name| variable.starts_with(name)) {
                    continue;
                }
                let end = (0..=variable.len().min(MAX_VARIABLE)).rev().find(|end| variable.is_char_boundary(*end));
                variable.truncate(end.unwrap_or_default());
                variable.shrink_to_fit();
                kept.push(variable);
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(kept)
        }
    }
    from.deserialize_any(Variables)
}
