//! Reads an answer whose length is not known in advance.
//!
//! Most are a few kilobytes and are parsed where they arrive. What turns out to be larger is collected and then parsed
//! on a thread of its own, one answer of an engine at a time: it does not delay the others, and only one stands in
//! memory. To parse it as it comes would hold less and take four times as long: `serde_json` reads bytes one by one
//! from what it cannot see whole.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::availability::LARGEST_ANSWER;
use super::{Engine, EngineError, chain};

/// Answers up to this many bytes are parsed where they arrive.
const SMALL: usize = 64 << 10;

impl Engine {
    /// What the answer says, where it has arrived whole.
    pub(super) async fn parse<T: DeserializeOwned + Send + 'static>(
        &self,
        body: Incoming,
        what: &'static str,
    ) -> Result<serde_json::Result<T>, EngineError> {
        let mut body = Limited::new(body, LARGEST_ANSWER);
        let mut arrived = Vec::new();
        while arrived.len() <= SMALL {
            match self.piece(&mut body, what).await? {
                Some(piece) => arrived.extend_from_slice(&piece),
                None => return Ok(serde_json::from_slice(&arrived)),
            }
        }
        let Ok(_one_at_a_time) = self.large.acquire().await else { return Err(self.too_large(what)) };
        while let Some(piece) = self.piece(&mut body, what).await? {
            arrived.extend_from_slice(&piece);
        }
        let parsing = tokio::task::spawn_blocking(move || serde_json::from_slice(&arrived));
        parsing.await.map_err(|error| EngineError::Broken {
            endpoint: self.endpoint().clone(),
            what: format!("{what}: {error}"),
        })
    }

    pub(super) async fn piece(&self, body: &mut Limited<Incoming>, what: &str) -> Result<Option<Bytes>, EngineError> {
        loop {
            match body.frame().await {
                None => return Ok(None),
                // A frame that holds no data holds trailers.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) if error.is::<LengthLimitError>() => return Err(self.too_large(what)),
                Some(Err(error)) => {
                    let what = format!("{what}: {}", chain(error.as_ref()));
                    return Err(EngineError::Broken { endpoint: self.endpoint().clone(), what });
                }
            }
        }
    }
}
