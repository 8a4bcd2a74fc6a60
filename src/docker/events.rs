//! `/events` as raw bytes: how each dialect is asked, and the stream that comes back.
//!
//! The path has no version in front and the request no `Accept` header: asked for an older version, Docker 29 sends
//! `timeNano` through a float and sorts the keys, and `Accept` can switch the framing.
//!
//! Docker is asked for its whole ring (`since=0`), because a search by time stops at the first older entry of a ring
//! that is not sorted by time; what comes twice is refused by its hash. Podman is asked without `since`: its history
//! reaches back years, and up to 4.5 a stream opened with `since` goes silent once its file rotates.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::body::{Body, BodyError, Head};
use super::endpoint::Stream;
use super::{ANSWER_WITHIN, Engine, EngineError, chain, times};
use crate::event::filter::Filter;

/// What to ask of `/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    since: Option<String>,
    until: Option<String>,
    filters: Option<String>,
    finite: bool,
}

impl Query {
    /// Docker: the whole ring and then what happens.
    #[must_use]
    pub fn ring_and_live() -> Self {
        Self { since: Some("0".to_owned()), ..Self::default() }
    }

    /// Docker: what the ring holds up to `until`, which lies in the past, and no more.
    #[must_use]
    pub fn ring_until(until: Timestamp) -> Self {
        Self { since: Some("0".to_owned()), until: Some(times::for_docker(until)), ..Self::default() }
    }

    /// Podman: what happens from now on.
    #[must_use]
    pub fn live() -> Self {
        Self::default()
    }

    /// Podman: what happened since then, and no more.
    #[must_use]
    pub fn podman_since(since: Timestamp) -> Self {
        Self { since: Some(times::for_podman(since)), finite: true, ..Self::default() }
    }

    /// What `docker events` asks for: from `since` (else now) until `until` (else for ever).
    #[must_use]
    pub fn between(since: Option<Timestamp>, until: Option<Timestamp>, podman: bool) -> Self {
        let form = if podman { times::for_podman } else { times::for_docker };
        Self { since: since.map(form), until: until.map(form), ..Self::default() }
    }

    /// Lets the engine do the filtering it can do.
    #[must_use]
    pub fn filtered(mut self, filter: &Filter) -> Self {
        self.filters = (!filter.is_empty()).then(|| filter.to_query());
        self
    }

    fn path(&self) -> String {
        let parts: Vec<String> = [("since", &self.since), ("until", &self.until), ("filters", &self.filters)]
            .into_iter()
            .filter_map(|(key, value)| {
                value.as_ref().map(|value| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            })
            .chain(self.finite.then(|| "stream=false".to_owned()))
            .collect();
        if parts.is_empty() { "/events".to_owned() } else { format!("/events?{}", parts.join("&")) }
    }
}

/// What is asked for, in the words of an error.
const EVENTS: &str = "the events";

/// As much is read at once, in bytes: what a burst leaves in a socket, and no more than a process at rest can spare.
const READ_AT_ONCE: usize = 64 << 10;

/// The most that an engine may say beside an error, in bytes.
const LONGEST_ERROR: usize = 64 << 10;

/// The answer to a query, piece by piece.
pub struct EventStream {
    stream: Box<dyn Stream>,
    body: Body,
    /// What has come and was not decoded yet.
    held: Vec<u8>,
    decoded: Vec<u8>,
    /// Why nothing comes behind what was decoded last.
    broken: Option<BodyError>,
}

impl EventStream {
    /// Reads the head of the answer.
    async fn open(mut stream: Box<dyn Stream>, path: &str) -> Result<(u16, Self), BodyError> {
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n").as_bytes()).await?;
        let mut held = Vec::with_capacity(READ_AT_ONCE);
        loop {
            while let Some((head, length)) = Head::parse(&held)? {
                held.drain(..length);
                if !head.is_preliminary() {
                    return Ok((
                        head.status,
                        Self { stream, body: head.body, held, decoded: Vec::new(), broken: None },
                    ));
                }
            }
            if stream.read_buf(&mut held).await? == 0 {
                return Err(BodyError::Torn);
            }
        }
    }

    /// The next piece, with as many events as have come; `None` at the end that the engine announced. Safe to drop while
    /// it waits.
    ///
    /// # Errors
    /// A connection that ends otherwise, in words.
    pub async fn next_piece(&mut self) -> Result<Option<&[u8]>, String> {
        self.piece().await.map_err(|error| chain(&error))
    }

    async fn piece(&mut self) -> Result<Option<&[u8]>, BodyError> {
        self.decoded.clear();
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        loop {
            match self.body.decode(&self.held, &mut self.decoded) {
                Ok(used) => drop(self.held.drain(..used)),
                Err(error) if self.decoded.is_empty() => return Err(error),
                // What came before the fault is as good as ever.
                Err(error) => self.broken = Some(error),
            }
            if !self.decoded.is_empty() {
                return Ok(Some(&self.decoded));
            }
            if self.body.is_over() {
                return Ok(None);
            }
            self.held.reserve(READ_AT_ONCE.saturating_sub(self.held.len()));
            if self.stream.read_buf(&mut self.held).await? == 0 {
                return if self.body.may_end() { Ok(None) } else { Err(BodyError::Torn) };
            }
        }
    }
}

impl Engine {
    /// Asks for events. The stream itself has no time limit.
    ///
    /// # Errors
    /// Where the head of the answer is no success or is not there within [`ANSWER_WITHIN`].
    pub async fn events(&self, query: &Query) -> Result<EventStream, EngineError> {
        match tokio::time::timeout(ANSWER_WITHIN, self.open_events(query)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.silent(EVENTS, ANSWER_WITHIN)),
        }
    }

    async fn open_events(&self, query: &Query) -> Result<EventStream, EngineError> {
        let endpoint = self.endpoint();
        let broken = |error: &BodyError| EngineError::Broken { endpoint: endpoint.clone(), what: chain(error) };
        let stream = self.transport.connect().await.map_err(|error| EngineError::from_transport(endpoint, error))?;
        let (status, mut stream) = EventStream::open(stream, &query.path()).await.map_err(|error| broken(&error))?;
        if (200..300).contains(&status) {
            return Ok(stream);
        }
        let mut said = Vec::new();
        while let Ok(Some(piece)) = stream.piece().await
            && said.len() < LONGEST_ERROR
        {
            said.extend_from_slice(piece);
        }
        Err(EngineError::refused(endpoint, EVENTS, status, &String::from_utf8_lossy(&said)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_each_dialect_in_its_own_way() {
        let at: Timestamp = "2026-11-20T23:27:00.5Z".parse().unwrap();
        let filter = Filter::parse(&["type=image"]).unwrap();
        for (query, path) in [
            (Query::live(), "/events"),
            (Query::ring_and_live(), "/events?since=0"),
            (Query::ring_until(at), "/events?since=0&until=1795217220%2E500000000"),
            (Query::podman_since(at), "/events?since=2026%2D11%2D20T23%3A27%3A00%2E500000000Z&stream=false"),
            (Query::ring_and_live().filtered(&filter), "/events?since=0&filters=%7B%22type%22%3A%5B%22image%22%5D%7D"),
            (Query::live().filtered(&Filter::default()), "/events"),
        ] {
            assert_eq!(query.path(), path);
        }
    }

    #[tokio::test]
    async fn what_came_before_a_fault_is_read_all_the_same() {
        for (behind, said) in [("zz\r\n", "the answer's chunks make no sense"), ("3\r\nc", "the connection ended")] {
            let (client, mut server) = tokio::io::duplex(4096);
            let head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            server.write_all(format!("{head}3\r\nab\n\r\n{behind}").as_bytes()).await.unwrap();
            let (status, mut stream) = EventStream::open(Box::new(client), "/events").await.unwrap();
            drop(server);
            let first = stream.next_piece().await.map(|piece| piece.map(<[u8]>::to_vec));
            assert!(matches!(&first, Ok(Some(piece)) if status == 200 && piece.starts_with(b"ab\n")), "{first:?}");
            let next = stream.next_piece().await;
            assert!(next.as_ref().is_err_and(|error| error.starts_with(said)), "{next:?}");
        }
    }
}
