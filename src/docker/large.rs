//! Reads an answer whose length is not known in advance.
//!
//! Most are a few kilobytes and are parsed where they arrive. What turns out to be larger is parsed piece by piece on a
//! thread of its own, one answer of an engine at a time: it neither delays the others nor stands in memory as a whole.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::availability::LARGEST_ANSWER;
use super::{Engine, EngineError, chain};

/// Answers up to this many bytes are parsed where they arrive.
const SMALL: usize = 64 << 10;

/// So many pieces wait between the connection and the parser.
const PIECES: usize = 2;

impl Engine {
    /// What the answer says, where it has arrived whole.
    pub(super) async fn parse<T: DeserializeOwned + Send + 'static>(
        &self,
        body: Incoming,
        what: &'static str,
    ) -> Result<serde_json::Result<T>, EngineError> {
        let mut body = Limited::new(body, LARGEST_ANSWER);
        let mut begun = Vec::new();
        while begun.len() <= SMALL {
            match self.piece(&mut body, what).await? {
                Some(piece) => begun.extend_from_slice(&piece),
                None => return Ok(serde_json::from_slice(&begun)),
            }
        }
        let Ok(_one_at_a_time) = self.large.acquire().await else { return Err(self.too_large(what)) };
        let (sender, receiver) = mpsc::channel(PIECES);
        let pieces = Pieces { current: begun.into(), receiver };
        let parsing = tokio::task::spawn_blocking(move || serde_json::from_reader(io::BufReader::new(pieces)));
        let arrived = async {
            while let Some(piece) = self.piece(&mut body, what).await? {
                if sender.send(piece).await.is_err() {
                    // What came so far cannot be parsed; the parser says why.
                    break;
                }
            }
            Ok(())
        };
        let arrived = arrived.await;
        drop(sender);
        let parsed = parsing.await;
        arrived?;
        parsed.map_err(|error| EngineError::Broken {
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

/// What has arrived, for a parser that may wait.
struct Pieces {
    current: Bytes,
    receiver: mpsc::Receiver<Bytes>,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(piece) = self.receiver.blocking_recv() else { return Ok(0) };
            self.current = piece;
        }
        let length = self.current.len().min(out.len());
        if let (Some(out), Some(read)) = (out.get_mut(..length), self.current.get(..length)) {
            out.copy_from_slice(read);
        }
        self.current.advance(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_one() {
        let (sender, receiver) = mpsc::channel(4);
        for piece in ["[1,", "", "2]"] {
            sender.blocking_send(Bytes::from(piece)).unwrap();
        }
        drop(sender);
        let pieces = Pieces { current: Bytes::from(" "), receiver };
        let parsed: Vec<u8> = serde_json::from_reader(io::BufReader::new(pieces)).unwrap();
        assert_eq!(parsed, [1, 2]);
    }
}
