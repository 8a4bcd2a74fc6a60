//! Is the engine there, what is it, and what time does it have.

use std::time::Duration;

use bollard::BollardRequest;
use bollard::models::SystemVersion;
use http_body_util::Limited;
use hyper::Response;
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{ANSWER_WITHIN, Engine, EngineError};

/// How long a ping may take.
pub const PING_WITHIN: Duration = Duration::from_secs(5);

/// The most that is read of an answer that is no stream, in bytes.
pub(super) const LARGEST_ANSWER: usize = 32 << 20;

/// The most that is read of an answer about the engine itself, or of an error, in bytes.
const LARGEST_STATEMENT: usize = 1 << 20;

/// What an engine calls itself is not longer, in characters.
const MAX_NAME: usize = 64;

/// What an engine says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `docker`, `podman`, or the name that another engine gives itself, in small letters.
    pub name: String,
    /// Its version, as it writes it.
    pub version: String,
    /// The newest API version it speaks.
    pub api: String,
}

impl Identity {
    fn of(version: SystemVersion) -> Self {
        let first = version.components.unwrap_or_default().into_iter().next();
        let name = match first.map(|component| component.name) {
            Some(name) if name == "Engine" => "docker".to_owned(),
            Some(name) if name.starts_with("Podman") => "podman".to_owned(),
            Some(name) => name.to_lowercase(),
            None => "docker".to_owned(),
        };
        // They stand in every message.
        let short = |text: String| text.chars().take(MAX_NAME).collect();
        let (version, api) = (version.version.unwrap_or_default(), version.api_version.unwrap_or_default());
        Self { name: short(name), version: short(version), api: short(api) }
    }

    /// Whether its images have an `Identity` where containerd keeps them: from API 1.53 on.
    #[must_use]
    pub fn tells_image_identity(&self) -> bool {
        let mut numbers = self.api.split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => !self.is_podman() && (major, minor) >= (1, 53),
            _ => false,
        }
    }

    /// Whether it is Podman, whose `since` means something else than Docker's.
    #[must_use]
    pub fn is_podman(&self) -> bool {
        self.name == "podman"
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} (API {})", self.name, self.version, self.api)
    }
}

/// What an engine says of itself that can change between two connections. bollard's model of `/info` fails on values
/// that it does not know, so only this much of it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Info {
    /// A number that it keeps for as long as its data; empty where it says none. Podman makes a new one each time.
    #[serde(rename = "ID", default)]
    pub id: String,
    /// Its clock, which need not be ours: it may run on another host or in a virtual machine.
    #[serde(rename = "SystemTime")]
    pub clock: Timestamp,
    /// How far its clock is ahead of ours; zero where the time that the answer took can explain the difference.
    #[serde(skip)]
    pub ahead: SignedDuration,
}

/// How far a clock is ahead that was read between these two moments of ours.
fn ahead(clock: Timestamp, asked: Timestamp, answered: Timestamp) -> SignedDuration {
    let (least, most) = (clock.duration_since(answered), clock.duration_since(asked));
    if least <= SignedDuration::ZERO && most >= SignedDuration::ZERO {
        return SignedDuration::ZERO;
    }
    least.saturating_add(most) / 2
}

impl Engine {
    /// Asks for a sign of life.
    ///
    /// # Errors
    /// Where none comes within [`PING_WITHIN`].
    pub async fn ping(&self) -> Result<(), EngineError> {
        const WHAT: &str = "a ping";
        let answer = async { self.get("/_ping", WHAT).await.map(drop) };
        // Success is all that is wanted; a body could go on forever.
        tokio::time::timeout(PING_WITHIN, answer).await.unwrap_or_else(|_| Err(self.silent(WHAT, PING_WITHIN)))
    }

    /// Asks what it is.
    ///
    /// # Errors
    /// Where it does not say so within [`ANSWER_WITHIN`].
    pub async fn identity(&self) -> Result<Identity, EngineError> {
        const WHAT: &str = "its version";
        let answer = async {
            let head = self.get("/version", WHAT).await?;
            let body = self.body(WHAT, head).await?;
            serde_json::from_slice::<SystemVersion>(&body).map(Identity::of).map_err(|error| EngineError::Broken {
                endpoint: self.endpoint().clone(),
                what: format!("/version: {error}"),
            })
        };
        tokio::time::timeout(ANSWER_WITHIN, answer).await.unwrap_or_else(|_| Err(self.silent(WHAT, ANSWER_WITHIN)))
    }

    /// Asks which one it is and what time it has.
    ///
    /// # Errors
    /// Where it does not tell within [`ANSWER_WITHIN`].
    pub async fn info(&self) -> Result<Info, EngineError> {
        const WHAT: &str = "its information";
        let answer = async {
            let asked = Timestamp::now();
            let head = self.get("/info", WHAT).await?;
            let body = self.body(WHAT, head).await?;
            let info = serde_json::from_slice::<Info>(&body).map_err(|error| EngineError::Broken {
                endpoint: self.endpoint().clone(),
                what: format!("/info without a usable SystemTime: {error}"),
            })?;
            Ok(Info { ahead: ahead(info.clock, asked, Timestamp::now()), ..info })
        };
        tokio::time::timeout(ANSWER_WITHIN, answer).await.unwrap_or_else(|_| Err(self.silent(WHAT, ANSWER_WITHIN)))
    }

    /// Sends a request for a path of the API, without a version in front of it, and takes only success for an answer.
    pub(super) async fn get(&self, path: &str, what: &'static str) -> Result<Response<Incoming>, EngineError> {
        let broken = |error: hyper::http::Error| EngineError::Broken {
            endpoint: self.endpoint().clone(),
            what: error.to_string(),
        };
        let request: BollardRequest =
            hyper::Request::get(path).body(bollard::body_full(hyper::body::Bytes::new())).map_err(broken)?;
        let answer =
            self.transport.send(request).await.map_err(|error| EngineError::from_transport(self.endpoint(), error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let said = self.body(what, answer).await.unwrap_or_default();
        Err(EngineError::refused(self.endpoint(), what, status.as_u16(), &String::from_utf8_lossy(&said)))
    }

    /// What an engine says of itself, or why it refuses.
    async fn body(&self, what: &str, answer: Response<Incoming>) -> Result<Vec<u8>, EngineError> {
        let mut body = Limited::new(answer.into_body(), LARGEST_STATEMENT);
        let mut said = Vec::new();
        // Copied: a piece of one byte holds on to all that was read with it.
        while let Some(piece) = self.piece(&mut body, what).await? {
            said.extend_from_slice(&piece);
        }
        Ok(said)
    }

    pub(super) fn too_large(&self, what: &str) -> EngineError {
        EngineError::TooLarge { endpoint: self.endpoint().clone(), what: what.to_owned(), most: LARGEST_ANSWER }
    }

    pub(crate) fn silent(&self, what: &'static str, within: Duration) -> EngineError {
        EngineError::Silent { endpoint: self.endpoint().clone(), what, within }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_only_where_the_way_of_the_answer_cannot_explain_it() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        for (clock, asked, answered, milliseconds) in [
            (1000, 1000, 1000, 0),
            (1050, 1000, 1200, 0),
            (1000, 1000, 1200, 0),
            (1200, 1000, 1200, 0),
            (999, 1000, 1200, -101),
            (1201, 1000, 1200, 101),
            (3_601_100, 1000, 1200, 3_600_000),
            (-3_598_900, 1000, 1200, -3_600_000),
        ] {
            assert_eq!(ahead(at(clock), at(asked), at(answered)).as_millis(), milliseconds, "{clock}");
        }
    }
}
