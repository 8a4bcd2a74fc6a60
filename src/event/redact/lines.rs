//! Lines and words of fields that are known by their places: `pgpass`, addresses of drivers.

use std::ops::Range;

use super::kinds::{Kind, Secret};
use super::text::{Text, is_blank};
use super::value::is_reference;

/// No such word is longer, in bytes.
const LONGEST: usize = 512;

fn is_end(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'"' | b'\'' | b'=' | b'>')
}

/// The word around a place.
fn word(text: &Text<'_>, place: &Range<usize>) -> Range<usize> {
    let before = text.bytes().iter().take(place.start).rev().take(LONGEST).take_while(|byte| !is_end(**byte)).count();
    let behind = text.bytes().iter().skip(place.end).take(LONGEST).take_while(|byte| !is_end(**byte)).count();
    place.start - before..place.end + behind
}

fn secret(text: &Text<'_>, span: Range<usize>) -> Option<Secret> {
    let value = text.part(span.clone());
    (!value.is_empty() && !is_reference(value, text.is_script)).then_some(Secret { span, kind: Kind::Credential })
}

/// The password of `host:port:database:user:password`.
pub fn pgpass(text: &Text<'_>, place: Range<usize>) -> Option<Secret> {
    let span = word(text, &place);
    let whole = text.part(span.clone());
    let mut fields = whole.splitn(5, ':');
    let (host, port) = (fields.next()?, fields.next()?);
    let (database, user, password) = (fields.next()?, fields.next()?, fields.next()?);
    let is_line = !host.is_empty()
        && (port == "*" || port.bytes().all(|byte| byte.is_ascii_digit()))
        && !database.is_empty()
        && !user.is_empty();
    let password = password.split("\\n").next().unwrap_or_default();
    let from = span.start + whole.len() - whole.splitn(5, ':').last()?.len();
    if is_line { secret(text, from..from + password.len()) } else { None }
}

/// The password of `user:password@tcp(host:port)/database`; the sign before the address is here.
pub fn address(text: &Text<'_>, at: usize) -> Option<Secret> {
    let span = word(text, &(at..at));
    let user = text.part(span.start..at);
    // `jdbc:oracle:thin:user/password@//host`
    if let (Some(slash), true) = (user.rfind('/'), user.starts_with("jdbc:")) {
        return secret(text, span.start + slash + 1..at);
    }
    let colon = user.find(':')?;
    (colon > 0).then(|| secret(text, span.start + colon + 1..at)).flatten()
}
