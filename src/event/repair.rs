//! Makes JSON that can be read of a line that a parser refuses although it is an object: one with lone surrogates or bytes
//! that are no UTF-8, nested without measure, or with numbers beyond any double. No engine writes such a line; where one
//! does, only the field that cannot be read changes.
//!
//! One pass, without recursion: the time is linear in the line, and the result takes at most twice its memory.

use std::borrow::Cow;

use super::bounds::{MAX_DEPTH, beginning};
use super::json::write_string;

/// How much is kept of what is nested too deep, in bytes.
const NESTED_HEAD: usize = 1_024;

/// How much is kept of a number beyond any double, in bytes.
const NUMBER_HEAD: usize = 64;

/// The line with lone surrogates written out, foreign bytes replaced, and texts in the place of what is nested deeper than
/// [`MAX_DEPTH`] and of numbers that are no doubles; `None` where there is nothing of these.
#[must_use]
pub fn repair(line: &[u8]) -> Option<Vec<u8>> {
    let text = without_foreign_bytes(line);
    let mut changed = matches!(text, Cow::Owned(_));
    // A surrogate that is written out is a sixth longer. Growing would take three times the memory for a moment.
    let mut out = String::with_capacity(text.len() + text.len() / 6 + 16);
    let mut rest = text.as_ref();
    let mut depth = 0_usize;
    let begins = |byte: u8| matches!(byte, b'"' | b'[' | b'{' | b']' | b'}' | b'-' | b'0'..=b'9');
    while let Some(at) = rest.bytes().position(begins) {
        let (before, token) = rest.split_at(at);
        out.push_str(before);
        let length = match token.bytes().next() {
            Some(b'"') => copy_string(token, &mut out, &mut changed),
            Some(b'[' | b'{') if depth >= MAX_DEPTH => {
                let length = nested_length(token);
                let text = beginning(token, length.min(NESTED_HEAD));
                write_string(&format!("json {text}"), &mut out);
                changed = true;
                length
            }
            Some(first @ (b'[' | b'{' | b']' | b'}')) => {
                depth = if matches!(first, b'[' | b'{') { depth + 1 } else { depth.saturating_sub(1) };
                out.push(char::from(first));
                1
            }
            _ => copy_number(token, &mut out, &mut changed),
        };
        rest = token.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    changed.then(|| out.into_bytes())
}

/// The line as text, with one replacement character for each run of bytes that are none: one for each byte would be
/// three times as long.
fn without_foreign_bytes(line: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(line) {
        return text.into();
    }
    // The most it can become: every second byte is one that is replaced, by three.
    let mut text = String::with_capacity(2 * line.len() + 3);
    let mut was_foreign = false;
    for chunk in line.utf8_chunks() {
        was_foreign &= chunk.valid().is_empty();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() && !was_foreign {
            text.push(char::REPLACEMENT_CHARACTER);
            was_foreign = true;
        }
    }
    text.into()
}

/// Copies the string at the beginning of a text; its length with its quotes.
fn copy_string(text: &str, out: &mut String, changed: &mut bool) -> usize {
    let (mut at, mut copied) = (1, 0);
    let special = |from: usize| {
        let rest = text.as_bytes().get(from..)?;
        rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|at| from + at)
    };
    while let Some(found) = special(at) {
        at = match (text.as_bytes().get(found), text.as_bytes().get(found + 1)) {
            (Some(b'"'), _) => {
                out.push_str(text.get(copied..=found).unwrap_or_default());
                return found + 1;
            }
            (_, Some(b'u')) => {
                let unit = |at: usize| text.get(at..).and_then(surrogate);
                match (unit(found), unit(found + 6)) {
                    (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => found + 12,
                    (Some(_), _) => {
                        out.push_str(text.get(copied..found).unwrap_or_default());
                        out.push('\\');
                        copied = found;
                        *changed = true;
                        found + 6
                    }
                    (None, _) => found + 2,
                }
            }
            _ => found + 2,
        };
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    text.len()
}

/// The length of the array or object at the beginning of a text.
fn nested_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'[' | b'{' | b']' | b'}')) {
        let token = rest.get(at..).unwrap_or_default();
        let length = match token.bytes().next() {
            Some(b'"') => string_length(token),
            Some(b'[' | b'{') => {
                depth += 1;
                1
            }
            _ => {
                depth = depth.saturating_sub(1);
                1
            }
        };
        rest = token.get(length..).unwrap_or_default();
        if depth == 0 {
            break;
        }
    }
    if depth == 0 { text.len() - rest.len() } else { text.len() }
}

/// The length of the string at the beginning of a text, with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// Copies the number at the beginning of a text, as a text where it is beyond any double; its length.
fn copy_number(text: &str, out: &mut String, changed: &mut bool) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    let length = text.bytes().take_while(is_part).count();
    let number = text.get(..length).unwrap_or_default();
    if number.parse::<f64>().is_ok_and(f64::is_infinite) {
        write_string(beginning(number, NUMBER_HEAD), out);
        *changed = true;
    } else {
        out.push_str(number);
    }
    length
}

/// The surrogate that an escape at the beginning of `text` stands for.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..=0xdfff).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json::parse_object;
    use proptest::prelude::*;

    fn repaired(line: &str) -> Option<String> {
        repair(line.as_bytes()).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn numbers_beyond_any_double_become_texts_and_others_stay() {
        for (line, expected) in [
            (r#"{"a":1e400,"b":-1E+999,"c":1.5}"#, Some(r#"{"a":"1e400","b":"-1E+999","c":1.5}"#)),
            (r#"{"a":"1e400","b":"x\"1e400"}"#, None),
            (r#"{"a":1e30,"b":1}"#, None),
        ] {
            assert_eq!(repaired(line).as_deref(), expected, "{line}");
        }
        let digits = "9".repeat(400);
        let line = repaired(&format!(r#"{{"a":{digits}}}"#)).unwrap();
        assert_eq!(parse_object(line.as_bytes()).unwrap().0.text("a"), digits.get(..NUMBER_HEAD));
    }

    #[test]
    fn what_is_nested_without_measure_becomes_a_text_and_the_rest_stays() {
        for (open, close) in [("[", "]"), ("{\"x\":", "}"), ("[\"]\\\"]\",", "]")] {
            let deep = format!("{}1{}", open.repeat(2000), close.repeat(2000));
            let line = repaired(&format!(r#"{{"before":1,"deep":{deep},"after":"[{{"}}"#)).unwrap();
            let object = parse_object(line.as_bytes()).unwrap().0;
            assert_eq!((object.get("before").unwrap().as_integer(), object.text("after")), (Some(1), Some("[{")));
            let mut text = String::new();
            object.get("deep").unwrap().write(&mut text);
            assert!(text.contains("json ") && text.len() < 4096, "{text}");
        }
        assert_eq!(repaired(&"[".repeat(20)), None);
        assert!(
            parse_object(&repair("[".repeat(100_000).as_bytes()).unwrap()).is_err(),
            "it does not become an object"
        );
    }

    #[test]
    fn many_foreign_bytes_take_no_more_memory_than_the_line() {
        let line = [&b"{\"a\":\""[..], &[0xff; 1000], b"x\xff\"}"].concat();
        let repaired = repair(&line).unwrap();
        assert_eq!(parse_object(&repaired).unwrap().0.text("a"), Some("\u{fffd}x\u{fffd}"));
    }

    proptest! {
        #[test]
        fn what_can_be_read_is_not_changed(text in "\\PC{0,40}", number in any::<f64>(), depth in 0..MAX_DEPTH - 1) {
            let mut value = serde_json::json!({ "text": text, "number": number });
            for level in 0..depth {
                value = if level % 2 == 0 { serde_json::json!([value]) } else { serde_json::json!({ "x": value }) };
            }
            prop_assert_eq!(repaired(&value.to_string()), None);
        }
    }
}
