//! A message that waits, and its record on disk.

use bytes::Bytes;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number; grows with each message of an installation.
    pub sequence: u64,
    /// The hash of the line it was made of; a notice has none.
    pub line: Option<u64>,
    /// When its line was read, in milliseconds since 1970.
    pub read_at: i64,
    /// Whether it may be sent before its turn; what comes from disk may not any more.
    pub hurries: bool,
    /// The datagram; those that were made together share their memory.
    pub message: Bytes,
}

impl Entry {
    const HEADER: usize = 1 + 3 * 8;

    /// Its record on disk: version and kind, three numbers, the datagram.
    pub(super) fn to_record(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(Self::HEADER + self.message.len());
        record.push(if self.line.is_some() { b'e' } else { b'n' });
        record.extend_from_slice(&self.sequence.to_le_bytes());
        record.extend_from_slice(&self.line.unwrap_or_default().to_le_bytes());
        record.extend_from_slice(&self.read_at.to_le_bytes());
        record.extend_from_slice(&self.message);
        record
    }

    /// What a record holds, where it is one.
    pub(super) fn from_record(record: &[u8]) -> Option<Self> {
        let (kind, rest) = record.split_first()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (line, rest) = rest.split_first_chunk()?;
        let (read_at, message) = rest.split_first_chunk()?;
        Some(Self {
            sequence: u64::from_le_bytes(*sequence),
            line: match kind {
                b'e' => Some(u64::from_le_bytes(*line)),
                b'n' => None,
                _ => return None,
            },
            read_at: i64::from_le_bytes(*read_at),
            hurries: false,
            message: Bytes::copy_from_slice(message),
        })
    }
}
