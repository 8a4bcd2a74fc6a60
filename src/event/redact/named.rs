//! Values by their names: options, assignments, fields of JSON, YAML, INI and XML, parameters, netrc.

use std::ops::Range;

use super::header;
use super::kinds::{Kind, Secret};
use super::names::{self, LONGEST, Name, is_part};
use super::text::{Text, is_blank};
use super::value::{is_method, is_option, is_reference, is_suspicious, looks_random};
use crate::event::bounds::boundary;

/// So much of a value is looked at for its end, in bytes.
const MOST_LOOKED_AT: usize = 1024;

/// A name in a text.
#[derive(Debug)]
struct Found<'t> {
    /// Without the signs around it.
    name: &'t str,
    start: usize,
    /// Where what belongs to it ends.
    after: usize,
    is_option: bool,
}

/// What a text says between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    /// `=`.
    Equals,
    /// `:`.
    Colon,
    /// A blank, after an option or where a name and its value stand side by side.
    Blank,
    /// A tag of XML.
    Tag,
}

/// The name around these bytes of a text.
fn expand(text: &str, found: Range<usize>) -> Option<Found<'_>> {
    let bytes = text.as_bytes();
    let after = found.end + bytes.get(found.end..)?.iter().take_while(|byte| is_part(**byte)).count();
    // Its end says what it is; so the name is the same for whatever is found in it, and is looked at once.
    let before = bytes
        .get(..found.end)?
        .iter()
        .rev()
        .take(LONGEST.saturating_sub(after - found.end))
        .take_while(|byte| is_part(**byte))
        .count();
    let mut start = if before == 0 { after.saturating_sub(LONGEST) } else { found.end - before };
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let whole = text.get(start..after)?;
    let name = whole.trim_start_matches(['-', '.', '_']);
    let dashes = whole.len() - whole.trim_start_matches('-').len();
    let slash = start.checked_sub(1).filter(|at| {
        bytes.get(*at) == Some(&b'/') && (*at == 0 || bytes.get(at - 1).is_some_and(|byte| is_blank(*byte)))
    });
    let is_option = dashes > 0 || (slash.is_some() && bytes.get(after) == Some(&b':'));
    let start = start + (whole.len() - name.len());
    // Properties of Java and Gradle.
    let stem = if dashes == 1 { name.strip_prefix(['D', 'P', 'J']).unwrap_or(name) } else { name };
    let name = if stem.starts_with(|c: char| c.is_ascii_lowercase()) { stem } else { name };
    // `-psecret` is a password that is joined to its option.
    let is_joined = dashes == 1
        && name
            .strip_prefix('p')
            .is_some_and(|rest| names::of(rest) == Name::Secret && names::of(name) == Name::Secret);
    if is_joined && !name.contains(['-', '_', '.']) && name != "ppassword" {
        return None;
    }
    Some(Found { name: name.trim_end_matches(['-', '.']), start, after, is_option })
}

/// Whether what is found here could be the name of a secret with a value, without a look at the value; and where it ends.
pub fn may_be_at(text: &str, found: Range<usize>) -> (bool, usize) {
    let end = found.end;
    let Some(found) = expand(text, found) else { return (false, end) };
    let is_followed = found.after >= text.len()
        || matches!(
            text.as_bytes().get(found.after),
            Some(b'=' | b':' | b'"' | b'\'' | b'\\' | b']' | b'>' | b'(' | b'+' | b'|' | b',' | b')')
        )
        || text.as_bytes().get(found.after).is_some_and(|byte| is_blank(*byte));
    (is_followed && names::of(found.name) != Name::Harmless, found.after)
}

/// Where the name around what is found here ends, and the secret that it names.
pub fn at(text: &Text<'_>, found: Range<usize>) -> (usize, Option<Secret>) {
    let end = found.end;
    match expand(text.all, found) {
        Some(found) => (found.after, value_of(text, &found)),
        None => (end, None),
    }
}

/// The value of a name, where it is a secret.
fn value_of(text: &Text<'_>, found: &Found<'_>) -> Option<Secret> {
    let sureness = names::of(found.name);
    if sureness == Name::Harmless {
        return None;
    }
    let (between, from) = value_place(text, found)?;
    if between == Between::Colon && header::is_known(found.name) {
        let end = text.quoted(found.start).filter(|quoted| quoted.start == found.start).map(|quoted| quoted.end);
        let end = end.or_else(|| {
            text.argument(found.start).filter(|argument| argument.start == found.start).map(|argument| argument.end)
        });
        let span = header::value(text, found.name, from, end);
        let is_secret = !is_reference(text.part(span.clone()), text.is_script);
        return is_secret.then_some(Secret { span, kind: Kind::Header });
    }
    let span = if between == Between::Tag {
        let length = text.part(from..text.all.len()).find('<')?;
        from..from + length
    } else {
        trimmed(text, found, text.value(from), between)
    };
    let whole = span.start;
    let span = without_user(text, found.name, span);
    let is_of_user = span.start > whole;
    let value = text.part(span.clone());
    let is_checksum = text.part(found.start.saturating_sub(9)..found.start) == "checksum/";
    let is_secret = !value.is_empty()
        && !is_checksum
        && !is_reference(value, text.is_script)
        && !(between == Between::Blank && (is_option(value) || value.starts_with("[redacted")))
        && (judge(found.name, sureness, value, between)
            || (is_of_user && !value.bytes().all(|byte| byte.is_ascii_digit())));
    let is_parameter = matches!(text.before(found.start), Some(b'?' | b'&' | b'#')) && between == Between::Equals;
    let kind = if is_parameter { Kind::Url } else { Kind::Credential };
    is_secret.then_some(Secret { span, kind })
}

/// The password of a user with one, where the name says that it may be such.
fn without_user(text: &Text<'_>, name: &str, span: Range<usize>) -> Range<usize> {
    let low = name.to_ascii_lowercase();
    let may_have_user =
        ["auth", "cred", "creds", "credentials", "userpass", "userpwd"].iter().any(|end| low.ends_with(end));
    if !may_have_user {
        return span;
    }
    let user = beginning(text, &span, LONGEST)
        .split_once(':')
        .filter(|(_, rest)| !rest.is_empty() && !rest.starts_with("//"))
        .map(|(user, _)| user);
    let is_user = |user: &str| {
        (1..=32).contains(&user.len())
            && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte))
    };
    match user.filter(|user| is_user(user)) {
        Some(user) => span.start + user.len() + 1..span.end,
        None => span,
    }
}

/// Whether a value is a secret, by what its name says of it.
fn judge(name: &str, sureness: Name, value: &str, between: Between) -> bool {
    let low = name.to_ascii_lowercase();
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    if low.ends_with("pin") || low.ends_with("otp") || low.ends_with("puk") {
        return (is_number && value.len() >= 4)
            || is_suspicious(value)
            || (between != Between::Colon && value.len() >= 8);
    }
    match sureness {
        // A count is none.
        Name::Secret if is_number && value.len() < if between == Between::Colon { 4 } else { 3 } => false,
        Name::Secret => !is_method(value) || is_password(&low),
        Name::Perhaps if low.ends_with("auth") => {
            let is_variable =
                between == Between::Equals && name.contains('_') && !name.contains(|c: char| c.is_ascii_lowercase());
            is_suspicious(value) || (is_variable && !is_method(value) && !is_number && value.len() >= 3)
        }
        Name::Perhaps if low.ends_with("login") => value.len() >= 32 && looks_random(value),
        Name::Perhaps if low.ends_with("dsn") => value.contains('@') && value.contains(':') && !value.contains("://"),
        Name::Perhaps if low.contains("cookie") || low.contains("session") => {
            value.contains('=') || is_suspicious(value)
        }
        Name::Perhaps => is_suspicious(value),
        Name::Harmless => false,
    }
}

/// Whether a name is that of a password, which may be any word.
fn is_password(low: &str) -> bool {
    ["pass", "pwd", "pw", "secret"].iter().any(|part| low.contains(part))
}

/// How a name and its value stand together, and where the value begins.
fn value_place(text: &Text<'_>, found: &Found<'_>) -> Option<(Between, usize)> {
    let mut at = found.after;
    let mut is_quoted = false;
    match text.byte(at)? {
        b'>' if matches!(text.before(found.start), Some(b'<' | b':')) => return Some((Between::Tag, at + 1)),
        b'(' if matches!(text.byte(at + 1), Some(b'"' | b'\'')) => return Some((Between::Equals, at + 1)),
        b'\\' if matches!(text.byte(at + 1), Some(b'"' | b'\'')) => {
            at += 2;
            is_quoted = true;
        }
        b'"' | b'\'' => {
            at += 1;
            is_quoted = true;
        }
        _ => {}
    }
    if text.byte(at) == Some(b']') {
        at += 1 + usize::from(text.byte(at + 1) == Some(b']'));
    }
    let has_blank = text.byte(at).is_some_and(is_blank);
    let next = text.skip_blanks(at);
    // A blank ends what is in quotes or an argument.
    let limit = if is_quoted { text.all.len() } else { text.limit(found.start) };
    if next >= limit && (next >= text.all.len() || text.argument(found.start).is_none()) {
        return None;
    }
    match text.byte(next)? {
        b'=' => {
            let is_arrow = text.byte(next + 1) == Some(b'>');
            if matches!(text.byte(next + 1), Some(b'=' | b'~')) && !is_quoted && has_blank {
                return None;
            }
            let from = next + 1 + usize::from(is_arrow);
            // `PASSWORD= x` gives it none, `password = x` does.
            let from = if has_blank || is_arrow || is_quoted { text.skip_blanks(from) } else { from };
            Some((Between::Equals, from))
        }
        b'+' | b'|' | b'?' | b':' if text.byte(next + 1) == Some(b'=') => {
            Some((Between::Equals, text.skip_blanks(next + 2)))
        }
        b':' if text.byte(next + 1) == Some(b':') || text.part(next..next + 3) == "://" => None,
        b':' if !is_quoted
            && !has_blank
            && !found.is_option
            && text.byte(next + 1).is_some_and(|byte| !is_blank(byte)) =>
        {
            // `token:count` is the name of a key, `{password:x9}` is not.
            let span = text.value(next + 1);
            let value = beginning(text, &span, LONGEST).trim_end_matches(['}', ']', ')', '"', '\'']);
            let is_name = value.chars().all(|c| c.is_ascii_lowercase() || "-_:*".contains(c));
            (names::of(found.name) == Name::Secret && !is_name).then_some((Between::Colon, next + 1))
        }
        b':' if !has_blank || is_quoted || text.byte(next + 1) == Some(b' ') => {
            let from = text.skip_blanks(next + 1);
            // `env:password:` and the like only name things.
            Some((Between::Colon, from)).filter(|_| from < text.all.len())
        }
        // A line of a table.
        b',' if !is_quoted && !found.is_option && !found.name.contains(|c: char| c.is_ascii_lowercase()) => {
            let span = text.value(next + 1);
            is_suspicious(text.part(span.clone())).then_some((Between::Equals, next + 1))
        }
        b',' if is_quoted => {
            let from = text.skip_blanks(next + 1);
            let is_list =
                found.is_option || !found.name.contains(|c: char| c.is_ascii_lowercase()) || found.name.contains('_');
            (is_list && matches!(text.byte(from), Some(b'"' | b'\'' | b'\\'))).then_some((Between::Blank, from))
        }
        _ if has_blank && found.is_option && (text.is_script || !is_quoted || text.argument(found.start).is_none()) => {
            Some((Between::Blank, next))
        }
        b'v' if is_quoted && text.part(next..next + 6) == "value=" => Some((Between::Equals, next + 6)),
        b'V' if is_quoted && text.part(next..next + 6) == "Value=" => Some((Between::Equals, next + 6)),
        b'-' if has_blank && !is_quoted && text.part(next..next + 7) == "--value" => Some((Between::Equals, next + 8)),
        _ if has_blank && !is_quoted => stands_beside(text, found, next).then_some((Between::Blank, next)),
        _ => None,
    }
}

/// Whether a name without any sign has the next word as its value.
fn stands_beside(text: &Text<'_>, found: &Found<'_>, next: usize) -> bool {
    let back = text.part(found.start.saturating_sub(160)..found.start);
    let back = if back.is_empty() { text.part(0..found.start) } else { back };
    // The word that the name stands in, and those before it.
    let glued = back.len() - back.rsplit(char::is_whitespace).next().unwrap_or_default().len();
    let mut before =
        back.get(..glued).unwrap_or_default().split_whitespace().rev().map(|word| word.trim_matches(['"', '\'', ';']));
    let (last, second, third) =
        (before.next().unwrap_or_default(), before.next().unwrap_or_default(), before.next().unwrap_or_default());
    let is_user = |word: &str| {
        ["user", "username", "login", "account", "machine", "default", "uid"]
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    };
    let is_redis =
        ["requirepass", "masterauth", "masterpass"].iter().any(|known| found.name.eq_ignore_ascii_case(known));
    let is_set = |word: &str| {
        let word = word.trim_start_matches('-');
        let is_part = |word: &str| matches!(word.to_ascii_lowercase().as_str(), "set" | "config" | "set-config");
        word.contains(':') && word.split(':').any(is_part)
            || ["set", "put", "add", "config", "setx", "setenv", "update", "config:set", "edit-add"]
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
    };
    let fourth = before.next().unwrap_or_default();
    let value = text.part(text.value(next));
    let sets = is_set(last)
        || ([second, third, fourth].iter().any(|word| is_set(word)) && (is_suspicious(value) || is_set(second)));
    let is_setting = [
        "expire", "reuse", "history", "require", "interval", "default", "is", "for", "to", "from", "and", "or", "of",
        "never", "null",
    ];
    if is_setting.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.starts_with('(')
        || matches!(value, "=" | "|" | ">" | ">>")
    {
        return false;
    }
    let is_compound = found.name.contains(['_', '.', ':'])
        || found.name.contains(|c: char| c.is_ascii_uppercase())
        || glued < back.len();
    let is_sql = matches!(text.byte(next), Some(b'\'')) || (matches!(text.byte(next), Some(b'"')) && text.is_script);
    is_redis
        || is_sql
        || (sets && (is_compound || is_set(last) || is_suspicious(value)))
        || (text.before(found.start) == Some(b':') && is_suspicious(value))
        || (value.len() >= 20
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && looks_random(value))
        || (found.name.to_ascii_lowercase().ends_with("community") && is_suspicious(value))
        || is_user(second)
        || (is_user(third) && last.eq_ignore_ascii_case("with"))
        || last.eq_ignore_ascii_case("identified")
}

/// A value without what follows it in a query, a list or an object.
fn trimmed(text: &Text<'_>, found: &Found<'_>, span: Range<usize>, between: Between) -> Range<usize> {
    let value = text.part(span.clone());
    let is_quoted = matches!(text.before(span.start), Some(b'"' | b'\''));
    if is_quoted || between == Between::Blank {
        return span;
    }
    let is_parameter = matches!(text.before(found.start), Some(b'?' | b'&' | b'#'));
    // The line ends, as C writes it.
    let head = beginning(text, &span, MOST_LOOKED_AT);
    let mut length = head.find("\\n").filter(|at| *at > 0).unwrap_or(value.len());
    let separators = head.char_indices().filter(|(_, c)| matches!(c, '&' | ';' | ',' | '#'));
    for (at, separator) in separators.take(64) {
        let rest = value.get(at + 1..).unwrap_or_default();
        let is_end = match separator {
            '&' | '#' if is_parameter => true,
            '#' => false,
            _ => begins_pair(rest) || (rest.is_empty() && separator != '&'),
        };
        if is_end {
            length = length.min(at);
            break;
        }
    }
    let value = value.get(..length).unwrap_or_default();
    let is_in_object = matches!(text.before(found.start), Some(b'{' | b',' | b'[' | b' ' | b'(' | b'"' | b'\''));
    let mut kept = value.trim_end_matches(['"', '\'']);
    for (open, close) in [('{', '}'), ('[', ']'), ('(', ')')] {
        while is_in_object && kept.ends_with(close) && !kept.contains(open) {
            kept = kept.strip_suffix(close).unwrap_or_default();
        }
    }
    span.start..span.start + kept.trim_end_matches(['"', '\'']).len()
}

/// The beginning of a value: so much of it is looked at, however long it is.
fn beginning<'t>(text: &Text<'t>, span: &Range<usize>, most: usize) -> &'t str {
    text.part(span.start..boundary(text.all, span.end.min(span.start + most)))
}

/// Whether a text begins with another name and its sign.
fn begins_pair(text: &str) -> bool {
    let text = text.trim_start();
    let length = text.bytes().take(40).take_while(|byte| is_part(*byte) || matches!(byte, b'"' | b'\'' | b' ')).count();
    length > 0 && matches!(text.as_bytes().get(length), Some(b'=' | b':'))
}
