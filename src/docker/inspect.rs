//! What the engine still knows of a container, where its events cannot be believed.

use std::collections::HashMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Engine, EngineError};

/// A container, as far as it is asked for; bollard's model fails on values that it does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Container {
    /// What it was started with; an answer without it says nothing.
    pub config: Config,
    /// How it is.
    #[serde(default)]
    pub state: State,
}

/// What a container was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// Its labels; engines write `null` for none.
    pub labels: Option<HashMap<String, String>>,
}

/// How a container is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct State {
    /// Whether it runs; its exit code is that of its last end.
    pub running: bool,
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
    /// With what it ended; none while it runs.
    pub exit_code: Option<i64>,
    /// The container it ran in.
    #[serde(rename = "ContainerID")]
    pub container: String,
}

impl Engine {
    /// Asks for a container. The caller sets the deadline.
    ///
    /// # Errors
    /// Where there is none of that id, or the engine does not tell.
    pub async fn container(&self, id: &str) -> Result<Container, EngineError> {
        self.ask(&format!("/containers/{}/json", utf8_percent_encode(id, NON_ALPHANUMERIC)), "a container").await
    }

    /// Asks for a command that was run in a container. The caller sets the deadline.
    ///
    /// # Errors
    /// Where there is none of that id, or the engine does not tell.
    pub async fn exec(&self, id: &str) -> Result<Exec, EngineError> {
        self.ask(&format!("/exec/{}/json", utf8_percent_encode(id, NON_ALPHANUMERIC)), "a command").await
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, path: &str, what: &'static str) -> Result<T, EngineError> {
        let head = self.get(path, what).await?;
        let body = self.body(what, head).await?;
        serde_json::from_slice(&body).map_err(|error| EngineError::Broken {
            endpoint: self.endpoint().clone(),
            what: format!("{what}: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_engines_write_and_does_without_what_they_leave_out() {
        let container: Container = serde_json::from_str(
            r#"{"Id":"c","State":{"Status":"exited","Running":false,"OOMKilled":true,"ExitCode":137,"Odd":{}},
                "Config":{"Labels":{"exitCode":"0"}},"HostConfig":{"Odd":1}}"#,
        )
        .unwrap();
        assert_eq!((container.state.exit_code, container.state.oom_killed), (137, true));
        assert_eq!(container.config.labels.unwrap()["exitCode"], "0");
        let bare: Container = serde_json::from_str(r#"{"Config":{"Labels":null}}"#).unwrap();
        assert_eq!(bare, Container::default());
        assert!(serde_json::from_str::<Container>("[]").is_err() && serde_json::from_str::<Container>("{}").is_err());
        let exec: Exec = serde_json::from_str(r#"{"ExitCode":null,"ContainerID":"c"}"#).unwrap();
        assert_eq!(exec, Exec { exit_code: None, container: "c".into() });
    }
}
