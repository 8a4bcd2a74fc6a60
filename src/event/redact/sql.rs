//! Passwords in statements of SQL that no name stands directly before.

use std::ops::Range;

use super::kinds::{Kind, Secret};
use super::text::Text;
use super::value::is_reference;

/// The password of `IDENTIFIED … BY '…'`; the word ends here.
pub fn identified(text: &Text<'_>, after: usize) -> Option<Secret> {
    const MOST_WORDS: usize = 7;
    let mut at = after;
    for _ in 0..MOST_WORDS {
        at = text.skip_blanks(at);
        let span = text.value(at);
        let word = text.part(span.clone());
        at = span.end + usize::from(span.start > at);
        if ["by", "as", "using"].iter().any(|known| word.eq_ignore_ascii_case(known)) {
            return following(text, at);
        }
        if word.is_empty() || word.ends_with(';') {
            return None;
        }
    }
    None
}

/// The password of `SET PASSWORD FOR … = '…'`; the word `PASSWORD` ends here.
pub fn set_for(text: &Text<'_>, after: usize) -> Option<Secret> {
    const LONGEST: usize = 160;
    let rest = text.all.get(after..)?;
    let word = rest.trim_start();
    if !word.get(..4)?.eq_ignore_ascii_case("for ") {
        return None;
    }
    let sign = rest.bytes().take(LONGEST).position(|byte| byte == b'=')?;
    following(text, after + sign + 1)
}

/// Adds the texts that a function for secrets is given; its name ends with the bracket here.
pub fn call(text: &Text<'_>, place: &Range<usize>, secrets: &mut Vec<Secret>) {
    const MOST: usize = 6;
    let is_last_only = text.part(place.clone()).to_ascii_lowercase().starts_with("auth");
    let mut found: Vec<Secret> = Vec::new();
    let mut at = place.end;
    for _ in 0..MOST {
        at = text.skip_blanks(at);
        let Some(quote @ (b'"' | b'\'')) = text.byte(at) else {
            let rest = text.part(at..text.all.len());
            let Some(length) = rest.find([',', ')']) else { break };
            if rest.as_bytes().get(length) == Some(&b')') {
                break;
            }
            at += length + 1;
            continue;
        };
        let rest = text.part(at + 1..text.all.len());
        let Some(length) = rest.bytes().position(|byte| byte == quote) else { break };
        let span = at + 1..at + 1 + length;
        if length >= 4 && !is_reference(text.part(span.clone()), text.is_script) {
            found.push(Secret { span, kind: Kind::Sql });
        }
        at = text.skip_blanks(at + length + 2);
        if text.byte(at) != Some(b',') {
            break;
        }
        at += 1;
    }
    let skipped = if is_last_only { found.len().saturating_sub(1) } else { 0 };
    secrets.extend(found.into_iter().skip(skipped));
}

/// Adds the value of a column of this name that `INSERT` gives.
pub fn insert(text: &Text<'_>, name: &Range<usize>, secrets: &mut Vec<Secret>) {
    const LONGEST: usize = 512;
    let is_column = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'`' | b'"' | b'.');
    let after = name.end + text.bytes().iter().skip(name.end).take(64).take_while(|byte| is_column(byte)).count();
    if !matches!(text.byte(after), Some(b',' | b')' | b' ')) {
        return;
    }
    let before = text.bytes().get(name.start.saturating_sub(LONGEST)..name.start).unwrap_or_default();
    let Some(open) = before.iter().rposition(|byte| *byte == b'(') else { return };
    let columns = before.get(open..).unwrap_or_default();
    let number = columns.split(|byte| *byte == b',').count() - 1;
    let behind = text.bytes().get(after..(after + LONGEST).min(text.all.len())).unwrap_or_default();
    let behind = String::from_utf8_lossy(behind);
    let Some(close) = behind.find(')').filter(|close| behind.is_char_boundary(*close)) else { return };
    let low = behind.get(close..).unwrap_or_default().to_ascii_lowercase();
    if !low.trim_start_matches([')', ' ']).starts_with("values") {
        return;
    }
    let Some(bracket) = low.find('(') else { return };
    let mut at = after + close + bracket + 1;
    for column in 0..=number {
        at = text.skip_blanks(at);
        let quote = text.byte(at).filter(|byte| matches!(byte, b'"' | b'\''));
        let rest = text.part(at + usize::from(quote.is_some())..text.all.len());
        let end = match quote {
            Some(quote) => rest.bytes().position(|byte| byte == quote),
            None => rest.bytes().position(|byte| matches!(byte, b',' | b')')),
        };
        let Some(length) = end else { return };
        let start = at + usize::from(quote.is_some());
        if column == number {
            if !is_reference(text.part(start..start + length), text.is_script) {
                secrets.push(Secret { span: start..start + length, kind: Kind::Sql });
            }
            return;
        }
        at = start + length + 1;
        if quote.is_some() {
            at = text.skip_blanks(at) + 1;
        }
    }
}

/// The value that follows here, past words that only say how it is written.
fn following(text: &Text<'_>, at: usize) -> Option<Secret> {
    let mut at = text.skip_blanks(at);
    let rest = text.all.get(at..)?;
    for word in ["password", "values", "n'", "unicode'"] {
        if rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
            at = text.skip_blanks(at + word.trim_end_matches('\'').len());
            break;
        }
    }
    while matches!(text.byte(at), Some(b'(' | b'=')) {
        at = text.skip_blanks(at + 1);
    }
    let span = trimmed(text, text.value(at));
    let value = text.part(span.clone());
    (!value.is_empty() && !is_reference(value, text.is_script)).then_some(Secret { span, kind: Kind::Sql })
}

fn trimmed(text: &Text<'_>, span: Range<usize>) -> Range<usize> {
    let value = text.part(span.clone());
    span.start..span.start + value.trim_end_matches([';', ')', '"', '\'', ',']).len()
}
