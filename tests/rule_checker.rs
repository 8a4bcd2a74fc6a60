//! The checker of rules itself: each feature with at least one event that fires and one near miss.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use support::checker::{Lookup, PatternKind, RuleSet, Session};

fn group(rules: &str) -> String {
    format!("<group name=\"test,\">{rules}</group>")
}

fn load(rules: &str) -> RuleSet {
    RuleSet::load(&[("test.xml", &group(rules))]).unwrap()
}

fn rule(id: u32, level: u8, body: &str) -> String {
    format!("<rule id=\"{id}\" level=\"{level}\"><description>d</description>{body}</rule>")
}

fn error(rules: &str) -> String {
    RuleSet::load(&[("test.xml", &group(rules))]).unwrap_err()
}

type Event<'a> = &'a [(&'a str, &'a str)];

fn fire(session: &mut Session, event: Event, now: u64) -> Option<u32> {
    let get = |name: &str| event.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
    session.evaluate(&get, now).map(|m| m.rule.id)
}

fn once(set: &RuleSet, event: Event) -> Option<u32> {
    fire(&mut set.session(), event, 0)
}

fn field(kind: &str, pattern: &str, value: &str) -> bool {
    let rules = rule(100, 3, &format!("<field name=\"a\" type=\"{kind}\">{pattern}</field>"));
    once(&load(&rules), &[("a", value)]).is_some()
}

#[test]
fn osregex() {
    let cases = [
        ("abc", "xABCx", true),
        ("abc", "ab", false),
        ("^abc", "abcd", true),
        ("^abc", "xabc", false),
        ("abc$", "xabc", true),
        ("abc$", "abcx", false),
        ("^a$|^b$", "b", true),
        ("^a$|^b$", "ab", false),
        ("^a$|b", "xb", true),
        (r"^\d+$", "123", true),
        (r"^\d+$", "12a", false),
        (r"^\d+$", "", false),
        (r"^a\d*$", "a", true),
        (r"^a\d*$", "ax", false),
        (r"^\w+$", "a-b_c@1", true),
        (r"^\w+$", "a.b", false),
        (r"a\sb", "a b", true),
        (r"a\sb", "a\tb", false),
        (r"a\tb", "a\tb", true),
        (r"a\tb", "a b", false),
        (r"^\p$", "!", true),
        (r"^\p$", "/", false),
        (r"^\W$", ".", true),
        (r"^\W$", "-", false),
        (r"^\D\S$", "ab", true),
        (r"^\D\S$", "1b", false),
        (r"^\D\S$", "a ", false),
        (r"a\.b", "axb", true),
        (r"a\.b", "ab", false),
        ("a.b", "a.b", true),
        ("a.b", "axb", false),
        ("a+b", "a+b", true),
        ("a+b", "aab", false),
        (r"^\.+$", "any thing", true),
        (r"^\.+$", "", false),
        (r"\$\(\)\\\|", r"$()\|", true),
        (r"\$\(\)\\\|", r"$()\", false),
        (r"^(ab)\d+:(c)$", "ab12:c", true),
        (r"^(ab)\d+:(c)$", "ab:c", false),
        (r"\d+-\d+$", "1-2-3", true),
        (r"\d+-\d+$", "1-2-", false),
    ];
    for (pattern, value, expected) in cases {
        assert_eq!(field("osregex", pattern, value), expected, "{pattern} on {value:?}");
    }
}

#[test]
fn osregex_that_is_refused() {
    let patterns = [
        r"\q",
        "a(b",
        "a)b(",
        "(a(b))",
        "(a|b)",
        "a|",
        "(a)(b)",
        r"\d*",
        r"\.+foo",
        r"\w+\d",
        r"a\d*b",
        r"\d+\s+x",
        r"\d+\s\d*",
    ];
    for pattern in patterns {
        let rules = rule(100, 3, &format!("<field name=\"a\">{pattern}</field>"));
        assert!(error(&rules).contains("rule 100: pattern"), "{pattern}");
    }
}

#[test]
fn osmatch() {
    let cases = [
        ("bc", "aBCd", true),
        ("bc", "b c", false),
        ("^ab", "abc", true),
        ("^ab", "xab", false),
        ("bc$", "abc", true),
        ("bc$", "bcd", false),
        ("^abc$", "ABC", true),
        ("^abc$", "abcd", false),
        ("x|y", "ay", true),
        (r"a\d", "a1", false),
    ];
    for (pattern, value, expected) in cases {
        assert_eq!(field("osmatch", pattern, value), expected, "{pattern} on {value:?}");
    }
}

#[test]
fn pcre2() {
    let cases = [
        ("b+c", "abbcd", true),
        ("b+c", "aBc", false),
        ("(?i)^abc$", "ABC", true),
        ("(?i)^abc$", "ABCD", false),
        // Bytes, not characters: é takes two.
        ("^..$", "é", true),
        ("^.$", "é", false),
    ];
    for (pattern, value, expected) in cases {
        assert_eq!(field("pcre2", pattern, value), expected, "{pattern} on {value:?}");
    }
    assert!(error(&rule(100, 3, "<field name=\"a\" type=\"pcre2\">(</field>")).contains("rule 100"));
}

#[test]
fn fields_all_hold_and_a_missing_one_fails_even_negated() {
    let body = r#"<field name="a">^x$</field><field name="b" negate="yes">^y$</field>"#;
    let set = load(&rule(100, 3, body));
    assert_eq!(once(&set, &[("a", "x"), ("b", "z")]), Some(100));
    assert_eq!(once(&set, &[("a", "x"), ("b", "y")]), None);
    assert_eq!(once(&set, &[("a", "x")]), None);
    assert_eq!(once(&set, &[("b", "z")]), None);
    let condition = &set.rule(100).unwrap().fields[1];
    assert_eq!((condition.name.as_str(), condition.pattern.as_str()), ("b", "^y$"));
    assert!(condition.negate && condition.kind == PatternKind::OsRegex);
}

#[test]
fn tree_order_and_depth() {
    let is = |value| format!("<field name=\"a\">{value}</field>");
    let set = load(
        &[
            rule(100, 3, &is("a")),
            rule(101, 5, &format!("<if_sid>100</if_sid>{}", is("b"))),
            rule(102, 9, &format!("<if_sid>100, 101</if_sid>{}", is("c"))),
            rule(103, 5, &format!("<if_sid>100</if_sid>{}", is("b"))),
            rule(104, 0, &format!("<if_sid>100</if_sid>{}", is("d"))),
        ]
        .concat(),
    );
    let cases = [("x", None), ("b", None), ("a", Some(100)), ("ab", Some(101)), ("ac", Some(102)), ("abcd", Some(104))];
    for (value, expected) in cases {
        assert_eq!(once(&set, &[("a", value)]), expected, "{value}");
    }
    assert_eq!(set.rule(102).unwrap().parents, [100, 101]);
}

#[test]
fn silent_rules() {
    let a = "<field name=\"a\">a</field>";
    let rules = [
        rule(100, 0, "<field name=\"a\">zero</field>"),
        rule(101, 5, "<options>no_log</options><field name=\"a\">nolog</field>"),
        rule(102, 4, a),
    ];
    let set = load(&rules.concat());
    for (value, alert) in [("zero", false), ("nolog", false), ("a", true)] {
        let get = |_: &str| Some(value);
        assert_eq!(set.session().evaluate(&get, 0).unwrap().is_alert(), alert, "{value}");
    }
    // noalert only passes events on: to its children, else to its siblings.
    let noalert = rule(100, 9, a).replace("level", "noalert=\"1\" level");
    let child = rule(101, 3, "<if_sid>100</if_sid><field name=\"b\">b</field>");
    let set = load(&[noalert, child, rule(102, 5, a)].concat());
    assert_eq!(once(&set, &[("a", "a"), ("b", "b")]), Some(101));
    assert_eq!(once(&set, &[("a", "a")]), Some(102));
}

#[test]
fn decoded_as() {
    let set = load(&rule(100, 3, "<decoded_as>json</decoded_as>"));
    assert_eq!(once(&set, &[]), Some(100));
    assert_eq!(fire(&mut set.session().with_decoder("sshd"), &[], 0), None);
}

#[test]
fn lists() {
    let text = "k:v\n\n\"a:1\":Seen\nempty:\n\"q\":\"w:w\"\n";
    let cases = [
        (r#"lookup="match_key""#, "k", true),
        (r#"lookup="match_key""#, "a:1", true),
        (r#"lookup="match_key""#, "empty", true),
        (r#"lookup="match_key""#, "K", false),
        ("", "q", true),
        (r#"lookup="not_match_key""#, "other", true),
        (r#"lookup="not_match_key""#, "k", false),
        (r#"lookup="match_key_value" check_value="^seen$""#, "a:1", true),
        (r#"lookup="match_key_value" check_value="^seen$""#, "k", false),
        (r#"lookup="match_key_value" check_value="w:""#, "q", true),
        (r#"lookup="match_key_value" check_value="v""#, "other", false),
    ];
    for (attributes, value, expected) in cases {
        let body = format!("<list field=\"a\" {attributes}>etc/lists/l</list>");
        let mut set = load(&rule(100, 3, &body));
        set.add_list("etc/lists/l", text).unwrap();
        assert_eq!(once(&set, &[("a", value)]).is_some(), expected, "{attributes} on {value}");
        assert_eq!(once(&set, &[]), None, "{attributes} on a missing field");
    }
    let set = load(&rule(100, 3, "<list field=\"a\" lookup=\"not_match_key\">l</list>"));
    assert_eq!(set.rule(100).unwrap().lists[0].lookup, Lookup::NotMatchKey);
    assert!(RuleSet::default().add_list("l", "k:v\nno colon").unwrap_err().contains("no colon"));
}

#[test]
#[should_panic(expected = "rule 100: list \"l\" was not added")]
fn missing_list() {
    once(&load(&rule(100, 3, "<list field=\"a\">l</list>")), &[("a", "k")]);
}

/// Rule 100 for every event with field a, rule 200 counting it.
fn counting(attributes: &str, body: &str) -> RuleSet {
    let counter = rule(200, 10, &format!("<if_matched_sid>100</if_matched_sid>{body}"));
    let counter = counter.replace(" level", &format!(" {attributes} level"));
    load(&[rule(100, 3, "<field name=\"a\">a</field>"), counter].concat())
}

fn run(set: &RuleSet, times: &[u64]) -> Vec<u32> {
    let mut session = set.session();
    times.iter().filter_map(|t| fire(&mut session, &[("a", "a")], *t)).collect()
}

#[test]
fn frequency_fires_at_the_nth_event_and_starts_again() {
    let set = counting("frequency=\"3\" timeframe=\"10\"", "");
    assert_eq!(run(&set, &[0; 7]), [100, 100, 200, 100, 100, 200, 100]);
    assert_eq!(run(&set, &[0, 5, 10]), [100, 100, 200]);
    assert_eq!(run(&set, &[0, 5, 11]), [100, 100, 100]);
    assert_eq!(set.rule(200).unwrap().parents, [100]);
    let default = counting("frequency=\"3\"", "");
    assert_eq!(run(&default, &[0, 0, 360]), [100, 100, 200]);
    assert_eq!(run(&default, &[0, 0, 361]), [100, 100, 100]);
    // analysisd marks no event as used up when one earlier event is enough.
    assert_eq!(run(&counting("frequency=\"2\"", ""), &[0; 4]), [100, 200, 200, 200]);
    assert_eq!(run(&counting("", ""), &[0; 3]), [100, 200, 200]);
}

#[test]
fn frequency_counts_only_events_that_ended_at_the_sid() {
    let rules = [
        rule(100, 3, "<field name=\"a\">a</field>"),
        rule(101, 4, "<if_sid>100</if_sid><field name=\"b\">b</field>"),
        rule(200, 2, "<if_matched_sid>100</if_matched_sid>").replace(" level", " frequency=\"3\" level"),
    ];
    let set = load(&rules.concat());
    let mut session = set.session();
    let plain: Event = &[("a", "a")];
    let other: Event = &[("a", "a"), ("b", "b")];
    let fired: Vec<_> = [plain, other, other, plain, plain].map(|e| fire(&mut session, e, 0).unwrap()).into();
    assert_eq!(fired, [100, 101, 101, 100, 200]);
    // Events of a level 0 rule are dropped before they are counted.
    let silent = rules.concat().replace("id=\"100\" level=\"3\"", "id=\"100\" level=\"0\"");
    assert_eq!(run(&load(&silent), &[0; 4]), [100; 4]);
}

#[test]
fn same_field() {
    let set = counting("frequency=\"3\"", "<same_field>ip</same_field>");
    let cases: [([&str; 4], [u32; 4]); 4] = [
        (["1", "1", "1", "1"], [100, 100, 200, 100]),
        (["1", "2", "1", "1"], [100, 100, 100, 200]),
        (["1", "1", "2", "2"], [100, 100, 100, 100]),
        (["", "", "", ""], [100, 100, 100, 100]),
    ];
    for (values, expected) in cases {
        let mut session = set.session();
        let fired = values.map(|ip| {
            // The empty text stands for an event without the field.
            let event = [("a", "a"), ("ip", ip)];
            fire(&mut session, if ip.is_empty() { &event[..1] } else { &event }, 0).unwrap()
        });
        assert_eq!(fired, expected, "{values:?}");
    }
}

#[test]
fn ignore_falls_back_to_the_parent() {
    let rules = [
        rule(100, 3, "<field name=\"a\">a</field>"),
        rule(101, 5, "<if_sid>100</if_sid>").replace(" level", " ignore=\"60\" level"),
    ];
    let set = load(&rules.concat());
    assert_eq!(run(&set, &[0, 0, 59, 60, 119, 120]), [101, 100, 100, 101, 100, 101]);
    let root = rule(100, 3, "<field name=\"a\">a</field>").replace(" level", " ignore=\"60\" level");
    assert_eq!(run(&load(&root), &[0, 59, 60]), [100, 100]);
}

#[test]
fn overwrite() {
    let first = rule(100, 3, "<field name=\"a\">a</field>");
    let child = rule(101, 5, "<if_sid>100</if_sid><field name=\"a\">c</field>");
    let again = rule(101, 7, "<field name=\"a\">d</field>").replace(" level", " overwrite=\"yes\" level");
    let set = load(&[first.clone(), child, again.clone()].concat());
    assert_eq!(once(&set, &[("a", "ad")]), Some(101));
    assert_eq!(once(&set, &[("a", "ac")]), Some(100));
    assert_eq!(set.rule(101).unwrap().level, 7);
    assert!(error(&[first, again].concat()).contains("rule 101: overwrites a rule"));
}

#[test]
fn what_a_rule_tells() {
    let xml = r#"<group name="one,two,"><rule id="100" level="3" timeframe="5">
        <description>Logon &amp; more</description><group>three,</group>
        <mitre><id>T1078</id><id>T1110.001</id></mitre><info type="link">x</info>
        <options>no_full_log</options></rule></group>
        <group name="other,"><rule id="101" level="4"><description>d</description></rule></group>"#;
    let set = RuleSet::load(&[("a.xml", xml), ("b.xml", &group(&rule(102, 0, "")))]).unwrap();
    let rule = &set.rules()[0];
    assert_eq!((rule.id, rule.level, rule.timeframe), (100, 3, 5));
    assert_eq!(rule.description, "Logon & more");
    assert_eq!(rule.groups, ["one", "two", "three"]);
    assert_eq!(rule.mitre, ["T1078", "T1110.001"]);
    assert_eq!(set.rule(101).unwrap().groups, ["other"]);
}

#[test]
fn files_are_read_in_the_order_of_their_names() {
    let (parent, child) = (group(&rule(100, 3, "")), group(&rule(101, 3, "<if_sid>100</if_sid>")));
    assert!(RuleSet::load(&[("b.xml", &child), ("a.xml", &parent)]).is_ok());
    let error = RuleSet::load(&[("b.xml", &parent), ("a.xml", &child)]).unwrap_err();
    assert_eq!(error, "a.xml: rule 101: parent sid 100 does not exist earlier");
    // A line sorts before a letter, a dot before a line.
    assert!(RuleSet::load(&[("x_rules.xml", &parent), ("x_list_rules.xml", &child)]).is_err());
    assert!(RuleSet::load(&[("x_rules.xml", &parent), ("x_rules_list.xml", &child)]).is_ok());
}

#[test]
fn load_errors() {
    let plain = rule(100, 3, "");
    let with = |attribute: &str| plain.replace(" level", &format!(" {attribute} level"));
    let body = |body: &str| rule(100, 3, body);
    let cases = [
        (plain.repeat(2), "rule 100: duplicate id"),
        (body("<mitre><id>T1543.005</id></mitre>"), "rule 100: T1543.005 is not in the ATT&CK version"),
        (plain.replace("100", "x1"), "rule x1: id"),
        (plain.replace("\"3\"", "\"17\""), "rule 100: level"),
        (plain.replace("\"3\"", "\"-1\""), "rule 100: level"),
        (plain.replace("<description>d</description>", ""), "rule 100: no description"),
        (body("<if_sid>99</if_sid>"), "rule 100: parent sid 99"),
        (body("<if_sid>100</if_sid>"), "rule 100: parent sid 100"),
        (body("<if_sid>99x</if_sid>"), "rule 100: if_sid"),
        (body("<if_matched_sid>99</if_matched_sid>"), "rule 100: if_matched_sid 99"),
        (with("frequency=\"3\""), "rule 100: frequency or same_field without"),
        (body("<same_field>a</same_field>"), "rule 100: frequency or same_field without"),
        (with("frequency=\"1\""), "rule 100: frequency"),
        (with("maxsize=\"3\""), "rule 100: unknown attribute \"maxsize\""),
        (body("<match>a</match>"), "rule 100: unknown element <match>"),
        (body("<options>quiet</options>"), "rule 100: unknown option"),
        (body("<mitre><tacticID>T</tacticID></mitre>"), "rule 100: unknown element <tacticID>"),
        (body("<field>a</field>"), "rule 100: a <field> without name"),
        (body("<field name=\"srcip\">a</field>"), "rule 100: field \"srcip\" is static"),
        (body("<field name=\"a\" type=\"re2\">a</field>"), "rule 100: type"),
        (body("<field name=\"a\" negate=\"1\">a</field>"), "rule 100: negate"),
        (body("<field name=\"a\" label=\"b\">a</field>"), "rule 100: unknown attribute \"label\""),
        (body("<field name=\"a\">&lt;</field>"), "rule 100: <field> holds an XML entity"),
        (body("<list field=\"a\" lookup=\"address_match_key\">l</list>"), "rule 100: lookup"),
        (body("<list field=\"a\" check_value=\"b\">l</list>"), "rule 100: check_value"),
        (body("loose text"), "rule 100: text between"),
        ("<decoder/>".into(), "unknown element <decoder>"),
        ("<rule".into(), "test.xml: "),
    ];
    for (rules, expected) in cases {
        let message = error(&rules);
        assert!(message.contains(expected), "{rules}\n{message}");
    }
    // The same rules without the fault do load.
    load(&[plain.clone(), rule(101, 16, "<if_sid>100</if_sid>")].concat());
}
