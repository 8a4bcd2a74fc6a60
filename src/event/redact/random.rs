//! Long words without any order, and Base64 of what would be a secret in clear.

use std::ops::Range;

use super::kinds::{Kind, Secret};
use super::text::Text;
use super::value::class;

/// The shortest word that is looked at, in bytes.
const SHORTEST: usize = 20;

/// What stands before digests, public keys and the like.
static BEFORE: &[&str] = &[
    "sha256:",
    "sha512:",
    "sha384:",
    "sha1:",
    "md5:",
    "sha256-",
    "sha512-",
    "sha384-",
    "sha1-",
    "h1:",
    "SHA256:",
    "MD5:",
    "/nix/store/",
    "integrity=",
    "W/",
    "etag",
    "checksum=",
];

/// What public keys and certificates begin with.
static PUBLIC: &[&str] = &["age1", "AAAAB3Nza", "AAAAC3Nza", "AAAAE2Vj", "AAAAB3NzaC1kc3M", "AAAAGnNr", "AAAAInNr"];

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/')
}

/// The long words of a text. One byte in so many is looked at where there are none.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let probe = at + SHORTEST - 1;
            if !is_part(*bytes.get(probe)?) {
                at = probe + 1;
                continue;
            }
            let before = bytes.get(at..probe)?.iter().rev().take_while(|byte| is_part(**byte)).count();
            let start = probe - before;
            let behind = bytes.get(probe..)?.iter().take_while(|byte| is_part(**byte)).count();
            at = probe + behind;
            if at - start >= SHORTEST {
                return Some(start..at);
            }
        }
    })
}

/// What a byte is in a long word, as bits: a small letter, a capital, a digit, another part, and one that is no
/// hexadecimal digit; 0 is no part.
#[allow(clippy::indexing_slicing, reason = "done by the compiler, which would refuse")]
static PARTS: [u8; 256] = {
    let mut parts = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let class = class(byte);
        if class < 3 || matches!(byte, b'_' | b'-' | b'+' | b'/') {
            let is_hex = byte.is_ascii_hexdigit() || byte == b'-';
            parts[byte as usize] = 1 << class | if is_hex { 0 } else { 16 };
        }
        byte += 1;
    }
    parts
};

/// Whether there may be anything in a text; one byte in so many is looked at where there are no long words.
pub fn may_be_in(text: &str) -> bool {
    let bytes = text.as_bytes();
    let part = |byte: &u8| PARTS.get(usize::from(*byte)).copied().unwrap_or_default();
    let mut at = 0;
    while let Some(probe) = bytes.get(at + SHORTEST - 1) {
        if part(probe) == 0 {
            at += SHORTEST;
            continue;
        }
        let probe = at + SHORTEST - 1;
        let before = bytes.get(at..probe).unwrap_or_default().iter().rev().take_while(|byte| part(byte) != 0).count();
        let (mut length, mut seen) = (0, 0);
        for byte in bytes.get(probe - before..).unwrap_or_default() {
            let part = part(byte);
            if part == 0 {
                break;
            }
            seen |= part;
            length += 1;
        }
        if length >= SHORTEST && may_mix(seen, length) {
            return true;
        }
        at = probe - before + length;
    }
    false
}

/// Whether a word of this length with these in it has capital and small letters and digits, or is as long as only keys
/// are.
fn may_mix(seen: u8, length: usize) -> bool {
    seen & 7 == 7
        || (length >= 26 && seen & 4 != 0 && seen & 3 != 0 && seen & 16 != 0)
        || (seen & 3 == 3 && length >= 24)
}

/// [`may_mix`] of a word.
fn mixes(word: &str) -> bool {
    let part = |byte: u8| PARTS.get(usize::from(byte)).copied().unwrap_or_default();
    may_mix(word.bytes().fold(0, |seen, byte| seen | part(byte)), word.len())
}

/// Adds the long words that are secrets; `is_secret` tells it of what Base64 holds.
pub fn find(text: &Text<'_>, is_secret: &dyn Fn(&str) -> bool, secrets: &mut Vec<Secret>) {
    let public = public_parts(text.all);
    for span in words(text.all) {
        let word = text.part(span.clone());
        if !mixes(word) || public.iter().any(|part| part.contains(&span.start)) || is_public(text.all, &span) {
            continue;
        }
        match decoded(word) {
            Some(clear) => {
                if is_secret(&clear) {
                    secrets.push(Secret { span: wrapped(text, span), kind: Kind::Encoded });
                }
            }
            None => push_random(text, span, secrets),
        }
    }
}

fn push_random(text: &Text<'_>, span: Range<usize>, secrets: &mut Vec<Secret>) {
    let word = text.part(span.clone());
    if is_random(word) {
        secrets.push(Secret { span, kind: Kind::Random });
        return;
    }
    if word.contains('/') {
        let mut start = span.start;
        for part in word.split('/') {
            if part.len() >= SHORTEST && is_random(part) {
                secrets.push(Secret { span: start..start + part.len(), kind: Kind::Random });
            }
            start += part.len() + 1;
        }
    }
}

/// Whether nobody has thought of this word: its letters and digits change places as they only do by chance.
fn is_random(word: &str) -> bool {
    let word = word.trim_end_matches('=').trim_start_matches(['-', '=']);
    if word.len() < SHORTEST || is_uuid(word) {
        return false;
    }
    let (mut changes, mut runs, mut counts, mut before) = (0, 0, [0_usize; 4], 9);
    for byte in word.bytes() {
        let class = class(byte);
        if class != before {
            changes += 1;
            runs += usize::from(class == 2);
        }
        if let Some(count) = counts.get_mut(usize::from(class)) {
            *count += 1;
        }
        before = class;
    }
    let [small, capital, digits, other] = counts;
    let length = word.len();
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'_');
    if has_prefix(word) {
        return true;
    }
    if is_hex || other * 6 > length || is_made_of_words(word) {
        return false;
    }
    if small >= 2 && capital >= 2 && digits >= 1 {
        return (runs >= 2 && changes * 10 >= length * 4) || (changes * 100 >= length * 55);
    }
    // Keys of NATS: those of accounts and users may be known, their seeds not.
    if length >= 50 && small == 0 && other == 0 {
        return word.starts_with('S') || length > 60;
    }
    // Of one case only what is long and in no parts.
    length >= 30 && other == 0 && runs >= 5 && changes * 10 >= length * 3
}

/// Whether a word is a name that somebody has put together, as of a file: most of its parts are words or numbers, which
/// parts of random ones are by chance only where they are short.
fn is_made_of_words(word: &str) -> bool {
    let is_ordinary = |part: &str| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_uppercase());
        let letters =
            if part.len() - rest.len() > 1 { rest } else { rest.trim_start_matches(|c: char| c.is_ascii_lowercase()) };
        letters.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<&str> = word.split(['_', '-', '+']).filter(|part| part.len() >= 2).collect();
    parts.len() >= 3 && parts.iter().filter(|part| is_ordinary(part)).count() * 2 > parts.len()
}

/// Whether a word is a short name, `_`, and what has no order: so most issuers write their tokens.
fn has_prefix(word: &str) -> bool {
    let Some((name, body)) = word.rsplit_once('_') else { return false };
    let is_name = name.len() >= 2
        && name.len() <= 16
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.split('_').all(|part| {
            (1..=10).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
        && !["sha", "md5", "commit", "id", "digest", "hash", "image", "layer", "build", "rev", "pk_fk"]
            .iter()
            .any(|known| name.starts_with(known));
    let digits = body.bytes().filter(u8::is_ascii_digit).count();
    is_name
        && body.len() >= 24
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && digits >= 2
        && digits + 3 < body.len()
        && super::value::looks_random(body)
}

/// Whether a word has the form of a UUID, alone or at its beginning or end.
fn is_uuid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let is_form = |parts: &[&str]| {
        parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
            && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    parts.windows(5).any(is_form)
}

/// Whether a word is a digest, or a key that everybody may know.
fn is_public(text: &str, span: &Range<usize>) -> bool {
    let before = text.get(..span.start).unwrap_or_default();
    let word = text.get(span.clone()).unwrap_or_default();
    PUBLIC.iter().any(|start| word.starts_with(start))
        || is_identifier(before)
        || BEFORE.iter().any(|start| word.starts_with(start) || before.ends_with(start))
        || ["ssh-rsa ", "ssh-ed25519 ", "ssh-dss "].iter().any(|start| before.ends_with(start))
}

/// Whether what stands before says that an id follows, or what everybody may know.
fn is_identifier(before: &str) -> bool {
    static IDS: &[&str] = &[
        "id",
        "ids",
        "org",
        "sha",
        "commit",
        "digest",
        "etag",
        "uid",
        "uuid",
        "guid",
        "version",
        "accessor",
        "fingerprint",
        "peer",
        "revision",
        "rev",
        "ref",
        "checksum",
        "base",
        "bucket",
        "tag",
        "arn",
        "publickey",
        "pubkey",
        "public-key",
        "renew",
        "recipient",
        "hash",
        "trace",
        "span",
        "node",
        "machine",
        "instance",
        "build",
        "thumbprint",
        "cursor",
        "etags",
        "account",
        "project",
        "spreadsheet",
        "document",
        "folder",
        "-r",
    ];
    let name = before.trim_end_matches(['=', ':', ' ', '"', '\'']);
    if name.len() == before.len() {
        return false;
    }
    let name = name
        .rsplit([' ', '=', ':', '?', '&', '"', '\'', '/', '{', ','])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let name = name.trim_start_matches('-');
    IDS.iter().any(|id| {
        let rest = name.strip_suffix(id);
        rest.is_some_and(|rest| {
            rest.is_empty()
                || rest.ends_with(['_', '-', '.'])
                || (id.len() > 2 || rest.len() > 3) && *id != "rev" && *id != "ref"
        })
    })
}

/// Certificates and public keys.
fn public_parts(text: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("-----BEGIN ")) {
        let start = from + at;
        let rest = text.get(start + 11..).unwrap_or_default();
        let end = rest.find("-----END").map_or(text.len(), |end| start + 11 + end);
        let header = rest.get(..rest.len().min(60)).unwrap_or(rest);
        let header = header.split("-----").next().unwrap_or_default();
        if !header.contains("PRIVATE") {
            parts.push(start..end);
        }
        from = end.max(start + 11);
    }
    parts
}

/// With the words of Base64 behind it that go on with it: a key is wrapped into lines of one length.
fn wrapped(text: &Text<'_>, span: Range<usize>) -> Range<usize> {
    let mut end = span.end;
    while span.len() >= 60 {
        let next = text.skip_blanks(end);
        let length = text.bytes().iter().skip(next).take_while(|byte| is_part(**byte)).count();
        if length < 20 || next == end || length > span.len() {
            break;
        }
        end = next + length;
    }
    span.start..end
}

/// What a word of Base64 stands for, where that is a text.
fn decoded(word: &str) -> Option<String> {
    /// What is behind is not needed to tell what it is.
    const MOST: usize = 2048;
    let word =
        word.rsplit_once([',', '=']).map_or(word, |(before, last)| if last.len() >= SHORTEST { last } else { before });
    let mut out = Vec::with_capacity(word.len().min(MOST) * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in word.bytes().take(MOST).take_while(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
        }
    }
    let text = String::from_utf8(out).ok()?;
    let is_text = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    (is_text && text.len() >= 12).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> usize {
        let mut secrets = Vec::new();
        find(&Text::new(line), &|clear| clear.contains("password"), &mut secrets);
        assert!(secrets.is_empty() || may_be_in(line));
        secrets.len()
    }

    #[test]
    fn words_without_order_are_told_from_names_digests_and_ids() {
        for line in [
            "x kR7/pQz2+Xb9mW4tYv8LsC1nHd6JgF3uEa5ToiVq y",
            "x 9koXpg98eAheJpvBs5tKq2 y",
            "x k3jh5k2h34kj5h2k3j4h5kj2h34k5j y",
            "x cGFzc3dvcmQ9aHVudGVyMjIyMjIy y",
        ] {
            assert_eq!(found(line), 1, "{line}");
        }
        for line in [
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "550e8400-e29b-41d4-a716-446655440000",
            "com.docker.compose.project.working_dir=/srv/app/Docker-Compose2",
            "MyVeryLongClassName2ControllerFactory",
            "/usr/local/lib/node_modules/Foo2Bar/dist",
            "web-deployment-7d4b9c6f5-x2x9z",
            "https://example.com/b/jdk-26.0.2%2B10/OpenJDK26U-jre_aarch64_alpine-linux_hotspot_26.0.2_10.tar.gz",
            "sha512-9koXpg98eAheJpvBs5tKq29koXpg98eAheJpvBs5tKq2==",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDk3jh5K2h34kJ5h2k3j4h5",
            "SGVsbG8gd29ybGQsIHRoaXMgaXMgYSB0ZXN0",
            "-----BEGIN CERTIFICATE----- MIIBx9koXpg98eAheJpvBs5tKq2 -----END CERTIFICATE-----",
        ] {
            assert_eq!(found(line), 0, "{line}");
        }
    }
}
