//! Private keys, whatever their lines are joined by.

use super::kinds::{Kind, Secret};
use super::text::Text;

/// What a text must hold before there can be one in it, whatever its case.
pub static HINTS: [&str; 3] = ["private key", "private-lines:", "private%20key"];

/// The key whose header has the hint that ends here: up to its end, or that of the text.
pub fn find(text: &Text<'_>, after: usize) -> Option<Secret> {
    let rest = text.all.get(after..)?;
    // The rest of the header: ` BLOCK-----`, or the number of lines.
    let header = rest.bytes().take(24).take_while(|byte| !matches!(byte, b'\n' | b'\\')).collect::<Vec<u8>>();
    let header = String::from_utf8_lossy(&header);
    let (dashes, is_pem) = match header.find("--") {
        Some(at) => (at, true),
        None => (0, false),
    };
    let begins = text.all.get(..after)?.bytes().rev().take(80).collect::<Vec<u8>>();
    let begins = String::from_utf8_lossy(&begins).to_ascii_uppercase();
    let has_begin = begins.find("NIGEB").is_some_and(|begin| begins.find("DNE-").is_none_or(|end| begin < end));
    let is_putty = text
        .all
        .get(after.saturating_sub(HINTS[1].len())..after)
        .is_some_and(|hint| hint.eq_ignore_ascii_case(HINTS[1]));
    let has_header = is_putty || (is_pem && has_begin);
    if !has_header {
        return None;
    }
    let body = rest.get(dashes..)?;
    let start = after + dashes + (body.len() - body.trim_start_matches('-').len());
    let body = text.all.get(start..)?;
    let ends = ["-----END", "---- END", "Private-MAC"];
    let length = ends.iter().filter_map(|end| body.find(end)).min().unwrap_or(body.len());
    (length > 0).then_some(Secret { span: start..start + length, kind: Kind::PrivateKey })
}
