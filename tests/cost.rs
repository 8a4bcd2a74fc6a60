//! What a line costs, held against a plain line of the same length. Time differs from machine to machine and from run to
//! run; what is allocated does not, and everything that copied, grew or looked things up without measure showed in it.
//! The time is measured by `cargo bench --bench worst`, over the same lines.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, dead_code, missing_docs)]

#[path = "bench/parts/hostile.rs"]
mod hostile;
#[path = "bench/parts/worst.rs"]
mod worst;

use allocation_counter::{AllocationInfo, measure};
use hostile::KINDS;
use proptest::prelude::*;
use serde_json::Value;
use wazuh_docker_listener::wazuh::message::{HEADER, LARGEST};
use worst::Work;

/// What the parts of a line may take whatever its length, in bytes: see `bounds::MAX_MEMORY`; with what is looked up.
const PARTS: u64 = 2 << 20;

fn plain(length: usize) -> Vec<u8> {
    let line = |command: &str| {
        format!(
            r#"{{"Type":"container","Action":"exec_start: {command}","Actor":{{"ID":"c1","Attributes":{{"execID":"e1","image":"bb:1","name":"web"}}}}}}"#
        )
    };
    let room = length.saturating_sub(line("").len());
    line(&"word ".repeat(room / 5 + 1)[..room]).into_bytes()
}

fn cost(work: &mut Work, line: &[u8]) -> AllocationInfo {
    measure(|| work.up_to(5, line))
}

/// The pipeline with everything made that is made once.
fn work() -> Work {
    let mut work = Work::new();
    work.up_to(5, br#"{"Type":"container","Action":"exec_start: x --password=y curl -u a:b","Actor":{"ID":"c1"}}"#);
    work
}

fn is_bounded(work: &mut Work, kind: &str, line: &[u8]) -> Result<(), TestCaseError> {
    let (of_line, of_plain) = (cost(work, line), cost(work, &plain(line.len())));
    let length = line.len() as u64;
    let (peak, total) = (of_plain.bytes_max + PARTS + 4 * length, of_plain.bytes_total + 2 * PARTS + 12 * length);
    prop_assert!(of_line.bytes_max <= peak, "{}: {} bytes at once for {}", kind, of_line.bytes_max, length);
    prop_assert!(of_line.bytes_total <= total, "{}: {} bytes in all for {}", kind, of_line.bytes_total, length);
    prop_assert!(of_line.count_total <= 60_000 + length / 4, "{}: {} allocations", kind, of_line.count_total);
    Ok(())
}

#[test]
fn the_worst_lines_cost_little_more_than_plain_ones() {
    let mut work = work();
    for size in [10_000, 200_000, (1 << 20) - 1000] {
        for (kind, line) in KINDS {
            is_bounded(&mut work, kind, &line(size)).unwrap();
        }
    }
}

/// The message of a line, which has one.
fn message(line: &[u8]) -> Value {
    let text = work().message(line).unwrap_or_else(|| panic!("refused"));
    assert!(text.len() <= LARGEST);
    serde_json::from_str(text.strip_prefix(HEADER).unwrap()).unwrap()
}

fn labelled(labels: &str) -> Vec<u8> {
    format!(r#"{{"Type":"container","Action":"start","Actor":{{"ID":"c1","Attributes":{{{labels},"image":"bb:1","name":"web"}}}}}}"#)
        .into_bytes()
}

/// A line is within the bounds, and what rules need of it is in its message.
fn is_in_sight(line: &[u8]) -> Value {
    is_bounded(&mut work(), "", line).unwrap();
    let message = message(line);
    assert_eq!((&message["docker"]["Action"], &message["docker"]["Actor"]["ID"]), (&"start".into(), &"c1".into()));
    assert_eq!(message["docker"]["Actor"]["Attributes"]["name"], "web");
    message
}

#[test]
fn a_label_of_eighty_thousand_dots_has_no_parents_that_matter() {
    let message = is_in_sight(&labelled(&format!(r#""Name":"x","{}":"v""#, "a.".repeat(80_000))));
    assert_eq!(message["docker"]["Actor"]["Attributes"]["label:Name"], "x");
    assert_eq!(message["docker_listener"]["changed"]["shortened"], 1);
}

#[test]
fn two_hundred_thousand_dots_and_a_value_like_an_array() {
    let message = is_in_sight(&labelled(&format!(r#""{}":"v","z":"[x""#, ".".repeat(200_000))));
    assert_eq!(message["docker"]["Actor"]["Attributes"]["z"], " [x");
}

#[test]
fn sixteen_thousand_labels_of_one_name_are_counted() {
    let name = |n: usize| (0..14).map(|bit| if n >> bit & 1 == 0 { 'a' } else { 'A' }).collect::<String>();
    let labels: Vec<String> = (0..16_384).map(|n| format!(r#""{}":"v""#, name(n))).collect();
    let message = is_in_sight(&labelled(&labels.join(",")));
    let kept = message["docker"]["Actor"]["Attributes"].as_object().unwrap().len() - 2;
    assert_eq!(message["docker_listener"]["truncated"]["labels"], 16_384 - kept);
    assert!(kept > 100);
}

#[test]
fn what_cannot_be_read_costs_no_other_field() {
    let deep = format!("{}1{}", "[".repeat(2000), "]".repeat(2000));
    let line = String::from_utf8(labelled(r#""team":"blue""#)).unwrap();
    let line = line.replacen('{', &format!(r#"{{"deep":{deep},"huge":1e400,"#), 1);
    let message = is_in_sight(line.as_bytes());
    assert_eq!(
        (&message["docker"]["huge"], message["docker_listener"]["changed"]["repaired"].as_u64()),
        (&"1e400".into(), Some(1))
    );
    assert!(message["docker"]["deep"].to_string().contains("json "));
    assert_eq!(message["docker"]["Actor"]["Attributes"]["team"], "blue");
}

#[test]
fn fields_and_elements_that_are_left_out_are_counted() {
    let many: Vec<String> = (0..5000).map(|n| format!(r#""odd{n}":{n}"#)).collect();
    let line = String::from_utf8(labelled(r#""team":"blue""#)).unwrap();
    let line = line.replacen('{', &format!("{{{},", many.join(",")), 1);
    let message = is_in_sight(line.as_bytes());
    assert!(message["docker_listener"]["truncated"]["fields"].as_u64().unwrap() >= 5000 - 1024);
}

/// Texts that some stage had trouble with.
fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        ".",
        "a.",
        "A",
        "label:",
        "[",
        "]",
        "\\n",
        "\\u0000",
        "\\ud800",
        "\u{ad}",
        "\u{7f}",
        "\u{1F600}",
        "é",
        " ",
        "/",
        ":",
        "=",
        "'",
        "\\\"",
        "--password=x ",
        "PASSWORD=",
        "curl -u ",
        "docker login ",
        "mysql -p",
        "a://",
        "u:p@h",
        "eyJaaaaaaaa.",
        "ghp_",
        "htpasswd -b ",
        "-----BEGIN PRIVATE KEY-----",
        "sh ",
        "nc;",
        "x",
    ])
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec((part(), 1..2000_usize), 1..6)
        .prop_map(|parts| parts.into_iter().map(|(part, times)| part.repeat(times)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn no_line_costs_much_more_than_a_plain_one(
        action in text(),
        labels in proptest::collection::vec((text(), text()), 0..8),
        more in 0..3000_usize,
        field in prop::sample::select(vec!["\"\":0", "\"a\":[]", "\"b\":{\"c\":{}}", "\"d\":1e999", "\"e\":[[],[[]]]"]),
    ) {
        let labels: String = labels.iter().enumerate().map(|(n, (key, value))| format!(r#","{key}{n}":"{value}""#)).collect::<Vec<_>>().concat();
        let numbered: String = (0..more).map(|n| format!(r#","l{n}":"""#)).collect::<Vec<_>>().concat();
        let fields = format!(",{field}").repeat(more);
        let line = format!(r#"{{"Type":"container","Action":"exec_start: {action}","Actor":{{"ID":"c","Attributes":{{"name":"n"{labels}{numbered}}}}}{fields}}}"#);
        is_bounded(&mut work(), "", line.as_bytes())?;
    }
}
