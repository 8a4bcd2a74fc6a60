//! The least that any listener must do: read, take the chunks apart, frame, send. It looks at nothing.

use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

const START: &[u8] = b"1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": ";

/// Runs until the engine ends.
pub fn run(engine: &Path, queue: &Path) {
    let mut stream = UnixStream::connect(engine).unwrap();
    let queue_socket = UnixDatagram::unbound().unwrap();
    queue_socket.connect(queue).unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: docker\r\n\r\n").unwrap();
    let mut buffer = vec![0; 64 << 10];
    let (mut held, mut message) = (Vec::<u8>::new(), Vec::<u8>::new());
    let mut is_head = true;
    loop {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            return;
        }
        held.extend_from_slice(&buffer[..count]);
        let mut rest = held.as_slice();
        if is_head {
            let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            rest = &rest[end + 4..];
            is_head = false;
        }
        while let Some((line, behind)) = next_chunk(rest) {
            message.clear();
            message.extend_from_slice(START);
            message.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            message.push(b'}');
            queue_socket.send(&message).unwrap();
            rest = behind;
        }
        let left = rest.len();
        let end = held.len();
        held.copy_within(end - left.., 0);
        held.truncate(left);
    }
}

fn next_chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(18).position(|byte| *byte == b'\n')?;
    let size = bytes[..end]
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .fold(0, |size, byte| size * 16 + (*byte as char).to_digit(16).unwrap() as usize);
    let chunk = bytes.get(end + 1..end + 1 + size)?;
    Some((chunk, bytes.get(end + 1 + size + 2..)?))
}
