//! The same detections as Sigma rules, made of the rules for Wazuh 4: Wazuh 5 loads no XML rules.
//!
//! Wazuh 5 refuses rules over fields that its common schema does not have, and it has none of ours. What it has is
//! `event.code`, which is the event's action, and `event.original`, which is the message as it was sent. Keys and their
//! order in it are the program's own, and quotes in anything else are escaped, so a pattern that begins at
//! `"docker_listener": {` cannot be met by a label.

use std::fmt::Write as _;

use super::checker::{Rule, RuleSet};

/// What must hold of one of Wazuh 5's fields.
pub struct Condition {
    pub field: &'static str,
    pub pattern: String,
}

/// All that must hold for a rule: its own conditions and those of its parents. Each alternative of several parents is one.
pub fn conditions(set: &RuleSet, rule: &Rule) -> Vec<Vec<Condition>> {
    let own = || rule.fields.iter().map(|field| condition(&field.name, &field.pattern));
    let parents: Vec<&Rule> =
        rule.parents.iter().filter_map(|id| set.rule(*id)).filter(|parent| parent.id != 87900).collect();
    // What hangs below the root as well needs nothing of its other parents.
    if parents.is_empty() || rule.parents.contains(&87900) {
        return vec![own().collect()];
    }
    let of_parents = parents.into_iter().flat_map(|parent| conditions(set, parent));
    of_parents.map(|above| above.into_iter().chain(own()).collect()).collect()
}

fn condition(field: &str, pattern: &str) -> Condition {
    if field == "docker.Action" {
        // Alternatives of stock rules stand side by side, each with its own anchors.
        return Condition { field: "event.code", pattern: format!("(?:{pattern})") };
    }
    let (before, key) = match field.split('.').collect::<Vec<_>>().as_slice() {
        ["docker", "Type"] => (
            r#"^\{"integration": "docker", "docker": \{(?:"(?:status|id|from)": "(?:[^"\\]|\\.)*", )*"#.to_owned(),
            "Type",
        ),
        // The engine's attributes stand before all labels, each of them once.
        ["docker", "Actor", "Attributes", key] => (
            r#"^\{"integration": "docker", "docker": \{(?:"[A-Za-z]+": "(?:[^"\\]|\\.)*", )*"Actor": \{"ID": "(?:[^"\\]|\\.)*", "Attributes": \{(?:"(?:[^"\\]|\\.)*": "(?:[^"\\]|\\.)*", )*"#
                .to_owned(),
            *key,
        ),
        ["docker", key] => (r#""timeNano": [0-9]+, .*"#.to_owned(), *key),
        ["docker_listener", key] => (r#""docker_listener": \{(?:.*, )?"#.to_owned(), *key),
        ["docker_listener", object, key] => (format!(r#""docker_listener": \{{.*"{object}": \{{(?:.*, )?"#), *key),
        _ => panic!("no way to say {field} to Wazuh 5"),
    };
    Condition { field: "event.original", pattern: format!(r#"{before}"{key}": {}"#, value(key, pattern)) }
}

/// The fields that messages have as numbers and rules look into.
const NUMBERS: [&str; 3] = ["age_ms", "lost", "lost_important"];

/// The pattern of a value as it stands in the message: numbers without quotes, texts with.
fn value(key: &str, pattern: &str) -> String {
    if NUMBERS.contains(&key) {
        let digits = pattern.strip_prefix('^').unwrap_or_else(|| panic!("{pattern} does not begin with ^"));
        assert!(!digits.ends_with('$'), "{pattern}: no number of ours is looked at to its end");
        return digits.to_owned();
    }
    if pattern == "." {
        return r#"(?:"[^"]|[0-9])"#.to_owned();
    }
    let (start, body) = match pattern.strip_prefix('^') {
        Some(rest) => ("\"", rest),
        None => panic!("{pattern} does not begin with ^"),
    };
    match body.strip_suffix('$') {
        Some(body) => format!("{start}{body}\""),
        None => format!("{start}{body}"),
    }
}

fn uuid(id: u32) -> String {
    format!("6f1d1c2a-5a0e-4d1b-9c3e-{id:012}")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One rule as Sigma; `title` for people.
pub fn document(set: &RuleSet, rule: &Rule, title: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "title: {}\nid: {}\nname: docker_listener_{}\nstatus: experimental",
        quoted(title),
        uuid(rule.id),
        rule.id
    );
    let _ = writeln!(out, "description: {}", quoted(&format!("As rule {} for Wazuh 4.", rule.id)));
    if !rule.mitre.is_empty() {
        out.push_str("tags:\n");
        for id in &rule.mitre {
            let _ = writeln!(out, "  - attack.{}", id.to_lowercase());
        }
    }
    let level = match rule.level {
        12.. => "critical",
        10..=11 => "high",
        7..=9 => "medium",
        4..=6 => "low",
        _ => "informational",
    };
    if let (Some(frequency), Some(counted)) = (rule.frequency, rule.if_matched_sid) {
        let counted = if counted < 100_000 { rule.id } else { counted };
        let group = if rule.same_fields.is_empty() { "" } else { "\n  group-by:\n    - container.id" };
        let _ = writeln!(
            out,
            "correlation:\n  type: event_count\n  rules:\n    - docker_listener_{counted}{}{group}\n  timespan: {}s\n  \
             condition:\n    gte: {frequency}\nlevel: {level}",
            if counted == rule.id { "_each" } else { "" },
            rule.timeframe
        );
        return out;
    }
    out.push_str("logsource:\n  product: docker\ndetection:\n");
    let alternatives = conditions(set, rule);
    for (number, alternative) in alternatives.iter().enumerate() {
        let _ = writeln!(out, "  selection_{}:", number + 1);
        selection(alternative, &mut out);
    }
    let of_exec = rule.fields.iter().any(|field| field.name.starts_with("docker_listener.exec."));
    let silent = set.rules().iter().find(|other| other.level == 0 && other.id >= 100_000 && other.id != rule.id);
    match silent.filter(|_| of_exec) {
        Some(silent) => {
            out.push_str("  filter:\n");
            selection(&conditions(set, silent)[0], &mut out);
            out.push_str("  condition: 1 of selection_* and not filter\n");
        }
        None => out.push_str("  condition: 1 of selection_*\n"),
    }
    let _ = writeln!(out, "level: {level}");
    out
}

/// What a rule counts that counts events of a stock rule.
pub fn counted(set: &RuleSet, rule: &Rule) -> Option<String> {
    let stock = set.rule(rule.if_matched_sid.filter(|id| *id < 100_000)?)?;
    let mut out = format!(
        "title: {}\nid: {}\nname: docker_listener_{}_each\nstatus: experimental\ndescription: {}\nlogsource:\n  product: \
         docker\ndetection:\n  selection_1:\n",
        quoted(&format!("Docker: what rule {} counts", rule.id)),
        uuid(rule.id + 900_000),
        rule.id,
        quoted(&format!("As rule {} for Wazuh 4.", stock.id))
    );
    let conditions: Vec<Condition> = stock.fields.iter().map(|field| condition(&field.name, &field.pattern)).collect();
    selection(&conditions, &mut out);
    out.push_str("  condition: 1 of selection_*\nlevel: informational\n");
    Some(out)
}

fn selection(conditions: &[Condition], out: &mut String) {
    for field in ["event.code", "event.original"] {
        let patterns: Vec<&str> =
            conditions.iter().filter(|c| c.field == field).map(|condition| condition.pattern.as_str()).collect();
        match patterns.as_slice() {
            [] => {}
            [pattern] => drop(writeln!(out, "    {field}|re: {}", quoted(pattern))),
            several => {
                let _ = writeln!(out, "    {field}|re|all:");
                for pattern in several {
                    let _ = writeln!(out, "      - {}", quoted(pattern));
                }
            }
        }
    }
}
