//! Tokens that are known by their own shape, as their issuers document it: a table, and what reads it.
//!
//! A shape is a beginning, and parts with the characters and the number of them: `d` digits, `x` hexadecimal digits in
//! small letters, `X` in any, `U` capital letters and digits, `w` letters and digits, `_` those with `_`, `b` those with
//! `_` and `-`, `B` those of Base64 in any alphabet, `h` those of crypt(3); or `'…'` for themselves. A number alone is
//! exact, `20-` is that many or more.

use std::ops::Range;

/// The shapes, each of which has a test of its own below.
pub static FORMATS: &[(&str, &str)] = &[
    // Clouds.
    ("AKIA", "U16"),
    ("ASIA", "U16"),
    ("ABIA", "U16"),
    ("ACCA", "U16"),
    ("A3T", "U17"),
    ("ABSK", "B100-"),
    ("bedrock-api-key-", "B20-"),
    ("AIza", "b35"),
    ("ya29.", "b20-"),
    ("GOCSPX-", "b28"),
    ("1//0", "b40-"),
    ("LTAI", "w12-"),
    ("AKID", "w32"),
    ("AKLT", "b30-"),
    ("dop_v1_", "x64"),
    ("doo_v1_", "x64"),
    ("dor_v1_", "x64"),
    ("t1.", "b20- '.' b40-"),
    ("AQVN", "b35-"),
    ("YCAJ", "b20-"),
    ("ocid1.apikey.", "b20-"),
    ("SCW", "U17"),
    ("tk-us-", "b48"),
    ("fo1_", "b43"),
    ("fm1a_", "B60-"),
    ("fm1r_", "B60-"),
    ("fm2_", "B60-"),
    ("rnd_", "w28-"),
    ("v1.0-", "x24 '-' x100-"),
    ("HRKU-", "b30-"),
    // Repositories, packages and builds.
    ("ghp_", "w36-255"),
    ("gho_", "w36-255"),
    ("ghu_", "w36-255"),
    ("ghs_", "w36-255"),
    ("ghr_", "w36-255"),
    ("github_pat_", "_22-255"),
    ("glpat-", "b20-255"),
    ("gldt-", "b20-255"),
    ("glrt-", "b20-255"),
    ("glrtr-", "b20-255"),
    ("glcbt-", "b20-255"),
    ("glptt-", "b20-255"),
    ("glft-", "b20-255"),
    ("glffct-", "b20-255"),
    ("glimt-", "b20-255"),
    ("glagent-", "b20-255"),
    ("glsoat-", "b20-255"),
    ("gloas-", "b20-255"),
    ("GR1348941", "b20-255"),
    ("ATBB", "w32-"),
    ("ATATT3", "B20-"),
    ("ATCTT3", "B20-"),
    ("BBDC-", "B40-"),
    ("npm_", "w36"),
    ("pypi-", "b50-"),
    ("rubygems_", "x48"),
    ("dckr_pat_", "b20-"),
    ("dckr_oat_", "b20-"),
    ("oy2", "w43"),
    ("CLOJARS_", "w60"),
    ("AKCp", "w60-"),
    ("cmVmd", "w59"),
    ("sqp_", "x40"),
    ("squ_", "x40"),
    ("sqa_", "x40"),
    ("sgp_", "_40-"),
    ("bkua_", "w40"),
    ("CCIPAT_", "b20-"),
    ("CCIPRJ_", "b20-"),
    ("ops_eyJ", "B60-"),
    ("A3-", "U6 '-' U5-"),
    ("PMAK-", "x24 '-' x34"),
    ("API-", "U25-"),
    ("pul-", "x40"),
    ("ico-", "w32"),
    ("atlasv1.", "b60-"),
    ("hvs.", "b20-"),
    ("hvb.", "b20-"),
    ("hvr.", "b20-"),
    ("b.AAAAA", "b60-"),
    ("dp.pt.", "w40-"),
    ("dp.st.", "b40-"),
    ("dp.sa.", "w40-"),
    ("dp.ct.", "w40-"),
    ("nvapi-", "b40-"),
    ("pnu_", "w36"),
    ("sha256~", "b43"),
    ("pat", "w14 '.' x64"),
    ("tskey-", "b20-"),
    ("nfp_", "w36-"),
    ("vcp_", "w24-"),
    ("sbp_", "w40"),
    ("sb_secret_", "b20-"),
    ("pscale_tkn_", "b32-"),
    ("pscale_pw_", "b32-"),
    ("pscale_oauth_", "b32-"),
    ("napi_", "w40-"),
    // Messages and work.
    ("xoxa-", "b10-"),
    ("xoxb-", "b10-"),
    ("xoxe-", "b10-"),
    ("xoxe.xox", "b10-"),
    ("xoxo-", "b10-"),
    ("xoxp-", "b10-"),
    ("xoxr-", "b10-"),
    ("xoxs-", "b10-"),
    ("xoxc-", "b10-"),
    ("xoxd-", "B10-"),
    ("xapp-", "d1 '-' b10-"),
    ("xwfp-", "b10-"),
    ("SG.", "b16-32 '.' b16-64"),
    ("xkeysib-", "x64 '-' w16"),
    ("xsmtpsib-", "x64 '-' w16"),
    ("key-", "x32"),
    ("lin_api_", "w32-"),
    ("lin_oauth_", "w32-"),
    ("secret_", "w43"),
    ("ntn_", "w40-"),
    ("figd_", "b40-"),
    ("fio-u-", "b60-"),
    ("rdme_", "w70"),
    ("tfp_", "b40-"),
    ("dt0c01.", "w24 '.' w64"),
    ("dt0s01.", "w8- '.' w64"),
    ("glc_", "B32-"),
    ("glsa_", "w32 '_' X8"),
    ("NRAK-", "w27"),
    ("NRII-", "b32"),
    ("NRJS-", "x19"),
    ("NRRA-", "x40-"),
    ("sntrys_", "B20-"),
    ("sntryu_", "x64"),
    ("phc_", "w40-"),
    ("phx_", "w40-"),
    ("dnkey-", "b20-"),
    ("r8_", "w37"),
    ("duffel_live_", "b40-"),
    ("duffel_test_", "b40-"),
    ("sm_pat_", "w16-"),
    ("sm_sat_", "w16-"),
    ("sm_aat_", "w16-"),
    ("AGE-SECRET-KEY-1", "U58"),
    ("AGE-PLUGIN-", "b30-"),
    // Money.
    ("sk_live_", "w16-"),
    ("sk_test_", "w16-"),
    ("sk_prod_", "w16-"),
    ("rk_live_", "w16-"),
    ("rk_test_", "w16-"),
    ("rk_prod_", "w16-"),
    ("whsec_", "B24-"),
    ("sq0atp-", "b22-"),
    ("sq0csp-", "b40-"),
    ("EAAA", "b55-"),
    ("EAAC", "w80-"),
    ("EAAM", "w80-"),
    ("shpat_", "X32"),
    ("shpca_", "X32"),
    ("shppa_", "X32"),
    ("shpss_", "X32"),
    ("access_token$production$", "w16 '$' x32"),
    ("EZAK", "w54"),
    ("EZTK", "w54"),
    ("FLWSECK-", "b12-"),
    ("FLWSECK_TEST-", "b12-"),
    ("shippo_live_", "X40"),
    ("shippo_test_", "X40"),
    ("live_", "x35"),
    ("rzp_live_", "w14"),
    ("rzp_test_", "w14"),
    // Models.
    ("sk-ant-", "b20-"),
    ("sk-proj-", "b20-"),
    ("sk-svcacct-", "b20-"),
    ("sk-admin-", "b20-"),
    ("sk-or-", "b20-"),
    ("sk-", "b20-"),
    ("hf_", "w30-"),
    ("api_org_", "w30-"),
    ("gsk_", "w40-"),
    ("pplx-", "w40-"),
    ("xai-", "w40-"),
    ("fw_", "w22-"),
    ("dapi", "x32"),
    ("dsapi", "x32"),
    // Hashes of passwords, which can be tried.
    ("$1$", "h1-16 '$' h22"),
    ("$5$", "h1- '$' h43"),
    ("$6$", "h1- '$' h86"),
    ("$y$", "h1- '$' h20-"),
    ("$2a$", "d2 '$' h53"),
    ("$2b$", "d2 '$' h53"),
    ("$2y$", "d2 '$' h53"),
    ("$apr1$", "h1-8 '$' h22"),
    ("{SSHA}", "B20-"),
    ("{SSHA256}", "B20-"),
    ("{SSHA512}", "B20-"),
    ("{SHA}", "B20-"),
    ("SCRAM-SHA-256$", "d4- ':' B16-"),
    // Tokens of three parts, their first two objects of JSON.
    ("1000.", "x32 '.' x32"),
    ("VF.DM.", "w20- '.' w12-"),
    ("VF.WS.", "w20- '.' w12-"),
    ("eyJ", "b8- '.eyJ' b8- '.' b8-"),
    ("eyJ", "b8- '.' b0-400 '.' b10- '.' b10- '.' b10-"),
    // Bots.
    (":AA", "b30-"),
];

/// Whether a character is of one of the classes that shapes are written in.
fn is_of(class: u8, byte: u8) -> bool {
    match class {
        b'd' => byte.is_ascii_digit(),
        b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        b'X' => byte.is_ascii_hexdigit(),
        b'U' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'_' => byte.is_ascii_alphanumeric() || byte == b'_',
        b'b' => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
        b'B' => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=' | b'%'),
        _ => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'=' | b',' | b'+'),
    }
}

/// The place of a token of this shape that begins here, if there is one.
pub fn find(text: &str, number: usize, start: usize) -> Option<Range<usize>> {
    let (beginning, parts) = FORMATS.get(number)?;
    let (mut start, after) = (start, start + beginning.len());
    if text.get(start..after) != Some(beginning) {
        return None;
    }
    let bytes = text.as_bytes();
    if let Some(digits) = beginning.strip_prefix(':').map(|_| start) {
        // A bot's number stands before its colon.
        let number = bytes.get(..digits)?.iter().rev().take_while(|byte| byte.is_ascii_digit()).take(17).count();
        if !(8..=16).contains(&number) {
            return None;
        }
        start -= number;
    } else if beginning.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        let before = start.checked_sub(1).and_then(|at| bytes.get(at));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && !is_escaped_end(text, start) {
            return None;
        }
    }
    let mut at = after;
    for part in parts.split(' ') {
        if let Some(literal) = part.strip_prefix('\'') {
            let literal = literal.strip_suffix('\'')?;
            at = text.get(at..)?.starts_with(literal).then_some(at + literal.len())?;
            continue;
        }
        let (class, count) = part.split_at_checked(1)?;
        let class = *class.as_bytes().first()?;
        let (least, most) = match count.split_once('-') {
            Some((least, most)) => (least.parse().ok()?, most.parse().unwrap_or(usize::MAX)),
            None => (count.parse().ok()?, count.parse().ok()?),
        };
        let count = bytes.get(at..)?.iter().take(most).take_while(|byte| is_of(class, **byte)).count();
        if count < least {
            return None;
        }
        at += count;
    }
    Some(start..at)
}

/// Whether the letter before is of an escape as `\n`, and of no word.
fn is_escaped_end(text: &str, start: usize) -> bool {
    let before = text.as_bytes().get(start.saturating_sub(2)..start);
    matches!(before, Some([b'\\', b'n' | b't' | b'r'] | [_, b'%']))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest text of a shape.
    fn example(number: usize) -> String {
        let (beginning, parts) = FORMATS[number];
        let mut text = if beginning.starts_with(':') { "123456789".to_owned() } else { String::new() };
        text.push_str(beginning);
        for part in parts.split(' ') {
            if let Some(literal) = part.strip_prefix('\'') {
                text.push_str(literal.trim_end_matches('\''));
                continue;
            }
            let least: usize = part[1..].split('-').next().unwrap().parse().unwrap();
            let sample = match &part[..1] {
                "d" | "x" | "X" => "0123456789",
                "U" => "ABCDEFGHIJ0123",
                _ => "aB3dE6gH9jK2mN5p",
            };
            text.extend(sample.chars().cycle().take(least));
        }
        text
    }

    #[test]
    fn each_shape_finds_its_own_and_nothing_shorter() {
        for (number, (beginning, _)) in FORMATS.iter().enumerate() {
            let token = example(number);
            let text = format!("x {token} y");
            let start = 2 + token.find(beginning).unwrap();
            assert_eq!(find(&text, number, start), Some(2..2 + token.len()), "{text}");
            let glued = format!("x Z{token} y");
            if beginning.starts_with(|first: char| first.is_ascii_alphanumeric()) {
                assert_eq!(find(&glued, number, start + 1), None, "{glued}");
            }
            let short = &text[..text.len() - 3];
            assert_eq!(find(short, number, start), None, "{short}");
        }
    }
}
