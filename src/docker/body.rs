//! An HTTP answer that never ends, taken apart as it is read.
//!
//! An engine sends each event as a chunk of its own. A client library hands each chunk on by itself, from one task to
//! another, which costs more than all that is done with an event here; so the answer to `/events`, and only that, is
//! read without one. What a chunk's size is and where a head ends is left to `httparse`.

use std::io;

use httparse::Status;

/// The longest head, and the longest line between two chunks, in bytes.
const LONGEST_HEAD: usize = 64 << 10;

/// So many headers are read.
const MOST_HEADERS: usize = 100;

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It does not begin as HTTP does.
    #[error("no HTTP answer: {0}")]
    Head(httparse::Error),
    /// What should be a chunk is none.
    #[error("the answer's chunks make no sense")]
    Chunk,
    /// Its head, or what is between two chunks, has no end.
    #[error("the answer has {LONGEST_HEAD} bytes where a few are due")]
    TooLong,
    /// The connection ended first.
    #[error("the connection ended in the middle of the answer")]
    Torn,
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// The HTTP status.
    pub status: u16,
    /// What is behind it.
    pub body: Body,
}

impl Head {
    /// Reads the head at the beginning of what has come, with how long it is; `None` where its end has not come yet.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, BodyError> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let length = match answer.parse(bytes).map_err(BodyError::Head)? {
            Status::Complete(length) => length,
            Status::Partial if bytes.len() > LONGEST_HEAD => return Err(BodyError::TooLong),
            Status::Partial => return Ok(None),
        };
        let status = answer.code.unwrap_or_default();
        let mut body = Body::ToTheEnd;
        for header in answer.headers.iter() {
            let value = String::from_utf8_lossy(header.value);
            // The last coding is the one that frames.
            let coding = value.rsplit(',').next().unwrap_or_default().trim();
            if header.name.eq_ignore_ascii_case("transfer-encoding") && coding.eq_ignore_ascii_case("chunked") {
                body = Body::Chunked(Chunk::Size);
                break;
            }
            if header.name.eq_ignore_ascii_case("content-length") {
                body = Body::Rest(value.trim().parse().map_err(|_| BodyError::Chunk)?);
            }
        }
        Ok(Some((Self { status, body }, length)))
    }

    /// Whether another head follows.
    #[must_use]
    pub fn is_preliminary(&self) -> bool {
        (100..200).contains(&self.status)
    }
}

/// How the rest of a body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// In chunks.
    Chunked(Chunk),
    /// So many bytes more.
    Rest(u64),
    /// Up to the end of the connection.
    ToTheEnd,
}

/// What comes next of a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// The line with a chunk's size.
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The end of a chunk's line.
    End,
    /// Lines behind the last chunk, up to an empty one.
    Trailer,
    /// Nothing.
    Over,
}

impl Body {
    /// Whether nothing more can come.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Chunked(Chunk::Over) | Self::Rest(0))
    }

    /// Whether the end of the connection is its end.
    #[must_use]
    pub fn may_end(self) -> bool {
        self.is_over() || self == Self::ToTheEnd
    }

    /// Appends what is in it to `out`; how many bytes of `from` were used. The rest has to come again, with more.
    ///
    /// # Errors
    /// Where it is not framed as it says.
    pub fn decode(&mut self, from: &[u8], out: &mut Vec<u8>) -> Result<usize, BodyError> {
        let mut rest = from;
        match self {
            Self::ToTheEnd => {
                out.extend_from_slice(rest);
                rest = &[];
            }
            Self::Rest(length) => rest = take(rest, length, out),
            Self::Chunked(chunk) => while chunk.step(&mut rest, out)? {},
        }
        Ok(from.len() - rest.len())
    }
}

impl Chunk {
    /// Takes one part of a chunk; false where more has to come first, or nothing will.
    fn step(&mut self, rest: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, BodyError> {
        *self = match self {
            Self::Size => match httparse::parse_chunk_size(rest).map_err(|_| BodyError::Chunk)? {
                Status::Complete((used, size)) => {
                    *rest = rest.get(used..).unwrap_or_default();
                    if size == 0 { Self::Trailer } else { Self::Data(size) }
                }
                Status::Partial if rest.len() > LONGEST_HEAD => return Err(BodyError::TooLong),
                Status::Partial => return Ok(false),
            },
            Self::Data(size) => {
                *rest = take(rest, size, out);
                if *size > 0 {
                    return Ok(false);
                }
                Self::End
            }
            Self::End => match rest {
                [b'\r', b'\n', behind @ ..] => {
                    *rest = behind;
                    Self::Size
                }
                [] | [b'\r'] => return Ok(false),
                _ => return Err(BodyError::Chunk),
            },
            Self::Trailer => match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let (line, behind) = rest.split_at(end);
                    *rest = behind.get(1..).unwrap_or_default();
                    if matches!(line, [] | [b'\r']) { Self::Over } else { Self::Trailer }
                }
                None if rest.len() > LONGEST_HEAD => return Err(BodyError::TooLong),
                None => return Ok(false),
            },
            Self::Over => return Ok(false),
        };
        Ok(true)
    }
}

/// Takes up to so many bytes; what is behind them.
fn take<'b>(bytes: &'b [u8], length: &mut u64, out: &mut Vec<u8>) -> &'b [u8] {
    let most = usize::try_from(*length).unwrap_or(usize::MAX).min(bytes.len());
    let (taken, rest) = bytes.split_at(most);
    out.extend_from_slice(taken);
    *length -= most as u64;
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out of these pieces, and whether the end of the connection may follow.
    fn decode(mut body: Body, pieces: &[&[u8]]) -> Result<(String, bool), String> {
        let (mut held, mut out) = (Vec::new(), Vec::new());
        for piece in pieces {
            held.extend_from_slice(piece);
            let used = body.decode(&held, &mut out).map_err(|error| error.to_string())?;
            held.drain(..used);
        }
        Ok((String::from_utf8_lossy(&out).into_owned(), body.may_end()))
    }

    #[test]
    fn takes_chunks_apart_wherever_they_are_cut() {
        let chunked = Body::Chunked(Chunk::Size);
        for (pieces, out, may_end) in [
            (&[&b"3\r\nabc\r\n"[..]][..], "abc", false),
            (&[b"3\r\na", b"bc", b"\r", b"\n2;name=value\r\nde\r\n0\r\n\r\n"], "abcde", true),
            (&[b"A\r\n0123456789\r\n", b"0", b"\r\nExpires: never\r\n", b"\r\n"], "0123456789", true),
            (&[b"0\r\n\r\n3\r\nabc\r\n"], "", true),
            (&[b""], "", false),
        ] {
            assert_eq!(decode(chunked, pieces), Ok((out.to_owned(), may_end)), "{pieces:?}");
        }
        assert_eq!(decode(Body::Rest(3), &[b"ab", b"cd"]), Ok(("abc".to_owned(), true)));
        assert_eq!(decode(Body::Rest(3), &[b"ab"]), Ok(("ab".to_owned(), false)));
        assert_eq!(decode(Body::ToTheEnd, &[b"ab", b"cd"]), Ok(("abcd".to_owned(), true)));
    }

    #[test]
    fn what_is_no_chunk_is_an_error_and_not_a_wait_for_ever() {
        let chunked = Body::Chunked(Chunk::Size);
        for wrong in ["x\r\nabc\r\n", "3\r\nabcd\r\n", "11111111111111111\r\n", "-3\r\nabc\r\n", "{\"Type\":1}\n"] {
            assert!(decode(chunked, &[wrong.as_bytes()]).is_err(), "{wrong:?}");
        }
        let endless = format!("3;{}", "x".repeat(LONGEST_HEAD));
        assert!(decode(chunked, &[endless.as_bytes()]).is_err());
        assert!(decode(Body::Chunked(Chunk::Trailer), &[&vec![b'x'; LONGEST_HEAD + 1]]).is_err());
    }

    #[test]
    fn reads_heads_and_what_follows_them() {
        let head = |text: &str| {
            Head::parse(text.as_bytes()).map(|head| head.map(|(head, length)| (head.status, head.body, length)))
        };
        let chunked = Body::Chunked(Chunk::Size);
        for (text, status, body) in [
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200, chunked),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nTRANSFER-ENCODING: Chunked\r\n\r\n", 200, chunked),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n", 200, chunked),
            ("HTTP/1.1 403 Forbidden\r\nContent-Length: 12\r\n\r\n", 403, Body::Rest(12)),
            ("HTTP/1.0 200 OK\r\n\r\n", 200, Body::ToTheEnd),
            ("HTTP/1.1 100 Continue\r\n\r\n", 100, Body::ToTheEnd),
        ] {
            assert_eq!(head(text).unwrap(), Some((status, body, text.len())), "{text:?}");
            assert_eq!(head(&text[..text.len() - 1]).unwrap(), None);
            assert_eq!(head(&format!("{text}{{}}")).unwrap().unwrap().2, text.len());
        }
        assert!(head("SSH-2.0-OpenSSH_9.2\r\n").is_err());
        assert!(head("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n").is_err());
        assert!(head(&format!("HTTP/1.1 200 OK\r\nServer: {}", "x".repeat(LONGEST_HEAD))).is_err());
    }

    proptest! {
        #[test]
        fn the_cuts_make_no_difference(
            chunks in proptest::collection::vec("[a-z\r\n]{1,40}", 0..8),
            cuts in proptest::collection::vec(0_usize..400, 0..20),
        ) {
            let framed: Vec<String> = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
            let text = framed.concat() + "0\r\n\r\n";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(Body::Chunked(Chunk::Size), &pieces), Ok((chunks.concat(), true)));
        }

        #[test]
        fn no_answer_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Head::parse(&bytes);
            let _ = decode(Body::Chunked(Chunk::Size), &[&bytes]);
        }
    }
}
