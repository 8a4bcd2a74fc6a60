//! Everything that speaks to an engine; nothing here knows of Wazuh.

pub mod availability;
pub mod body;
mod capped;
pub mod endpoint;
pub mod events;
pub mod facts;
pub mod given;
pub mod inspect;
mod large;
pub mod lines;
pub mod reader;
pub mod ring;
pub mod times;

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use endpoint::{Endpoint, Transport, TransportError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long an engine may take to answer a call that costs it nothing.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why an engine cannot be used at the moment. Each message says where, what, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nothing listens there.
    #[error("the engine at {endpoint} is not running ({source}); start it, or set docker_host to where it listens")]
    NotRunning {
        /// Where it was looked for.
        endpoint: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// It is there and may not be used.
    #[error(
        "permission denied at {endpoint} ({source}); run as root, or as a member of the group that owns the socket, \
         and look at SELinux or AppArmor where the mode allows it"
    )]
    Denied {
        /// Which one.
        endpoint: Endpoint,
        /// What the system said.
        source: io::Error,
    },
    /// It took the connection and does not answer.
    #[error("the engine at {endpoint} does not answer ({what} within {}s); look at its log and load", within.as_secs())]
    Silent {
        /// Which one.
        endpoint: Endpoint,
        /// What was asked.
        what: &'static str,
        /// The time it had.
        within: Duration,
    },
    /// It answers and says no.
    #[error(
        "the engine at {endpoint} refuses {what} with HTTP status {status}: {message}; where a proxy stands between, \
         it must allow GET on /_ping, /version, /info and /events"
    )]
    Refused {
        /// Which one.
        endpoint: Endpoint,
        /// What was asked.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
    /// It answers with more than anybody could mean.
    #[error("the engine at {endpoint} answers with more than {most} bytes for {what}; look at who makes such objects")]
    TooLarge {
        /// Which one.
        endpoint: Endpoint,
        /// What was asked.
        what: String,
        /// The most that is read, in bytes.
        most: usize,
    },
    /// The connection cannot be made or breaks for another reason.
    #[error("no usable connection to {endpoint}: {what}; is that a Docker-compatible engine's address?")]
    Broken {
        /// Which one.
        endpoint: Endpoint,
        /// The chain of causes.
        what: String,
    },
}

/// The kinds of [`EngineError`], to tell a new outage from one that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing listens there.
    NotRunning,
    /// It may not be used.
    Denied,
    /// It does not answer.
    Silent,
    /// It says no.
    Refused,
    /// Anything else.
    Broken,
}

impl EngineError {
    /// Its kind.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::NotRunning { .. } => Cause::NotRunning,
            Self::Denied { .. } => Cause::Denied,
            Self::Silent { .. } => Cause::Silent,
            Self::Refused { .. } => Cause::Refused,
            Self::Broken { .. } | Self::TooLarge { .. } => Cause::Broken,
        }
    }

    fn from_io(endpoint: &Endpoint, source: io::Error) -> Self {
        let endpoint = endpoint.clone();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::NotRunning { endpoint, source },
            io::ErrorKind::PermissionDenied => Self::Denied { endpoint, source },
            _ => Self::Broken { endpoint, what: chain(&source) },
        }
    }

    fn from_transport(endpoint: &Endpoint, error: TransportError) -> Self {
        match error {
            TransportError::Io(source) => Self::from_io(endpoint, source),
            other => Self::Broken { endpoint: endpoint.clone(), what: chain(&other) },
        }
    }

    fn refused(endpoint: &Endpoint, what: &'static str, status: u16, message: &str) -> Self {
        let message = message.trim().chars().take(200).collect();
        Self::Refused { endpoint: endpoint.clone(), what, status, message }
    }
}

/// An error with all that caused it; hyper and rustls keep the useful part at the end of the chain.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// An engine at an address. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    transport: Transport,
    /// A large answer is read by the one that holds it: one at a time, so that the memory for them has a bound.
    large: Arc<Semaphore>,
    /// So is a large object, until all about it has been asked.
    large_object: Arc<Semaphore>,
    /// What it has said of itself.
    facts: Arc<Mutex<Option<facts::Remembered>>>,
}

impl Engine {
    /// The engine at this address; nothing is opened yet.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            transport: Transport::new(endpoint),
            large: Arc::new(Semaphore::new(1)),
            large_object: Arc::new(Semaphore::new(1)),
            facts: Arc::default(),
        }
    }

    /// The turn to hold a large object in memory; given back when it is dropped.
    pub async fn turn_for_large_object(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.large_object).acquire_owned().await.ok()
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_running_is_told_apart_from_not_allowed_each_with_its_cure() {
        let endpoint = Endpoint::Unix("/run/docker.sock".into());
        for (error, cause, cure) in [
            (io::ErrorKind::NotFound, Cause::NotRunning, "start it"),
            (io::ErrorKind::ConnectionRefused, Cause::NotRunning, "start it"),
            (io::ErrorKind::PermissionDenied, Cause::Denied, "run as root"),
            (io::ErrorKind::ConnectionReset, Cause::Broken, "Docker-compatible"),
        ] {
            let error = EngineError::from_io(&endpoint, error.into());
            assert_eq!(error.cause(), cause);
            let said = error.to_string();
            assert!(said.contains("unix:///run/docker.sock") && said.contains(cure), "{said}");
        }
    }
}
