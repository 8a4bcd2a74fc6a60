//! Command line, configuration file and environment made one: who wins, in one place.
//!
//! The command line wins over the file, the file over the environment, the environment over the defaults. Filters of
//! the command line come on top of the file's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::Options;
use crate::config::{self, Config, ConfigError};
use crate::docker::endpoint::{DEFAULT_HOST, Endpoint, EndpointError};
use crate::docker::reader::Plan;
use crate::event::exceptions::Exceptions;
use crate::event::filter::{Filter, FilterError};
use crate::event::redact::{PatternError, Redactor};
use crate::event::registry::{self, Registries};
use crate::wazuh::home::Home;

/// What the environment says of the engine, in Docker's own variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CERT_PATH`, or `~/.docker`, where `DOCKER_TLS_VERIFY` is set and not empty.
    pub certificates: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let folder = || {
            variable("DOCKER_CERT_PATH")
                .map(PathBuf::from)
                .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".docker")))
        };
        Self {
            docker_host: variable("DOCKER_HOST"),
            certificates: variable("DOCKER_TLS_VERIFY").and_then(|_| folder()),
        }
    }
}

/// Everything a listener goes by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the file says, with the command line's filters and debug flag in it.
    pub config: Config,
    /// The engine.
    pub endpoint: Endpoint,
    /// What takes secrets out.
    pub redactor: Arc<Redactor>,
    /// Whose images are trusted.
    pub registries: Arc<Registries>,
    /// What is accepted.
    pub exceptions: Arc<Exceptions>,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine's address is wrong.
    #[error("the engine's address ({from}): {source}")]
    Endpoint {
        /// Where it was given.
        from: &'static str,
        /// What is wrong.
        source: EndpointError,
    },
    /// A pattern for secrets is wrong.
    #[error("key 'redact_patterns': {0}")]
    Pattern(#[from] PatternError),
    /// A registry in one of the lists is none.
    #[error("keys 'trusted_registries' and 'untrusted_registries': {0}")]
    Registry(#[from] registry::PatternError),
    /// A filter of the command line is wrong.
    #[error("--filter: {0}")]
    Filter(#[from] FilterError),
}

impl Settings {
    /// Reads the file in this home and puts command line and environment with it.
    ///
    /// # Errors
    /// Where the file, the engine's address or a filter is wrong.
    pub fn load(home: &Home, options: &Options, environment: &Environment) -> Result<Self, SettingsError> {
        let mut config = config::load(&home.config())?;
        config.include.extend(&Filter::parse(&options.filters)?);
        config.debug |= options.debug;
        let (address, from) = [
            (&options.docker_host, "--docker-host"),
            (&config.docker_host, "docker_host in the configuration"),
            (&environment.docker_host, "DOCKER_HOST"),
        ]
        .into_iter()
        .find_map(|(address, from)| address.as_deref().map(|address| (address, from)))
        .unwrap_or((DEFAULT_HOST, "the default"));
        let certificates = options
            .docker_cert_path
            .as_deref()
            .or(config.docker_cert_path.as_deref())
            .or(environment.certificates.as_deref());
        let endpoint =
            Endpoint::parse(address, certificates).map_err(|source| SettingsError::Endpoint { from, source })?;
        let redactor = Arc::new(Redactor::new(config.redaction, &config.redact_patterns)?);
        let registries = Registries::new(&config.trusted_registries, &config.untrusted_registries)?;
        let registries = Arc::new(registries.with_local_images(config.local_images));
        let exceptions = Arc::new(config.exceptions.clone());
        Ok(Self { config, endpoint, redactor, registries, exceptions })
    }

    /// What the reader has to do.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan { enabled: self.config.enabled, endpoint: self.endpoint.clone(), wait_time: self.config.wait_time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let mut options = Options::default();
        let mut environment = Environment::default();
        let host = |options: &Options, environment: &Environment| {
            Settings::load(&home, options, environment).unwrap().endpoint.to_string()
        };
        assert_eq!(host(&options, &environment), "unix:///var/run/docker.sock");
        environment.docker_host = Some("unix:///env.sock".into());
        assert_eq!(host(&options, &environment), "unix:///env.sock");
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let file =
            r#"{"docker-listener": {"docker_host": "unix:///file.sock", "filters": {"include": ["type=image"]}}}"#;
        std::fs::write(home.config(), file).unwrap();
        assert_eq!(host(&options, &environment), "unix:///file.sock");
        options.docker_host = Some("unix:///option.sock".into());
        options.filters = vec!["type=volume".into()];
        assert_eq!(host(&options, &environment), "unix:///option.sock");
        let settings = Settings::load(&home, &options, &environment).unwrap();
        assert_eq!(settings.config.include.to_string(), "type=image type=volume");
        options.docker_host = Some("nonsense".into());
        let error = Settings::load(&home, &options, &environment).unwrap_err().to_string();
        assert!(error.starts_with("the engine's address (--docker-host): 'nonsense'"), "{error}");
    }
}
