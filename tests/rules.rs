//! The shipped rules, evaluated as analysisd evaluates them, over messages that the program makes.
//!
//! `tests/rules/cases.jsonl` is the table; the `.ini` files beside the rules are made of it. `UPDATE=1 cargo test --test
//! rules` writes them anew.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use support::analysisd::Fields;
use support::cases::{self, Case};
use support::checker::{Rule, RuleSet};
use wazuh_docker_listener::event::risk::KINDS;
use wazuh_docker_listener::wazuh::message::{Context, Findings, LARGEST, frame};

const STOCK: &str = include_str!("rules/stock.xml");
const MAIN: &str = include_str!("../ossec-rules/docker_listener_rules.xml");
const HABITS: &str = include_str!("../ossec-rules/docker_listener_habits_rules.xml");
const LIST: &str = include_str!("../ossec-rules/docker_listener_list_rules.xml");
const REGISTRIES: &str = include_str!("../ossec-rules/docker-registries");

/// The shipped files beside the main one, under the names that people know them by.
const OPTIONAL: [(&str, &str, &str); 2] =
    [("habits", "docker_listener_habits_rules.xml", HABITS), ("list", "docker_listener_list_rules.xml", LIST)];

/// What a manager has loaded that was given the main file and these.
fn rules(files: Option<&str>) -> RuleSet {
    let wanted = OPTIONAL.iter().filter(|(known, ..)| files.is_some_and(|files| files == "all" || files == *known));
    let mut loaded = vec![("docker_listener_rules.xml", MAIN)];
    loaded.extend(wanted.map(|(_, name, xml)| (*name, *xml)));
    assert!(files.is_none() || loaded.len() > 1, "no files are called {files:?}");
    load(&loaded).unwrap()
}

fn load(files: &[(&str, &str)]) -> Result<RuleSet, String> {
    let mut rules = RuleSet::load(&[&[("0560-docker_integration_rules.xml", STOCK)], files].concat())?;
    rules.add_list("etc/lists/docker-registries", REGISTRIES)?;
    Ok(rules)
}

#[test]
fn any_combination_of_the_files_loads_without_a_warning() {
    let all: Vec<(&str, &str)> = std::iter::once(("docker_listener_rules.xml", MAIN))
        .chain(OPTIONAL.iter().map(|(_, name, xml)| (*name, *xml)))
        .collect();
    for combination in 0..1_usize << all.len() {
        let files: Vec<(&str, &str)> =
            all.iter().enumerate().filter(|(place, _)| combination >> place & 1 == 1).map(|(_, file)| *file).collect();
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        load(&files).unwrap_or_else(|error| panic!("{names:?}: {error}"));
    }
}

/// The rule at which the last of these messages ends, each so many seconds after the one before.
fn ends_at(rules: &RuleSet, messages: &[String], every: u64) -> u32 {
    let mut session = rules.session();
    let mut last = 0;
    for (turn, message) in messages.iter().enumerate() {
        let fields = Fields::of(message).unwrap_or_else(|| panic!("not decoded: {message}"));
        let found = session.evaluate(&|name| fields.get(name), turn as u64 * every);
        last = found.map_or(0, |found| found.rule.id);
    }
    last
}

/// The cases with their messages, made once.
fn played() -> &'static [(Case, Vec<String>)] {
    static PLAYED: OnceLock<Vec<(Case, Vec<String>)>> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let cases = cases::read();
        let messages = cases::messages(&cases);
        cases.into_iter().zip(messages).collect()
    })
}

fn ours(rules: &RuleSet) -> impl Iterator<Item = &Rule> {
    rules.rules().iter().filter(|rule| rule.id >= 100_000)
}

#[test]
fn each_rule_fires_where_it_must_and_nowhere_near() {
    let (mut fired, mut missed) = (BTreeSet::new(), BTreeSet::new());
    let mut wrong = Vec::new();
    for (case, messages) in played() {
        let rule = ends_at(&rules(case.files.as_deref()), messages, case.every);
        if (rule == case.rule) != case.fires {
            wrong.push(format!(
                "{} {}: {} ended at {rule}\n  {}",
                case.rule,
                case.fires,
                case.say,
                messages.last().unwrap()
            ));
        }
        if case.fires {
            fired.insert(case.rule)
        } else {
            missed.insert(case.rule)
        };
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<u32> = ours(&rules(Some("all"))).map(|rule| rule.id).collect();
    assert_eq!((&fired, &missed), (&all, &all), "each rule has an event that fires it and a near miss");
}

#[test]
fn ids_levels_and_parents_are_as_the_files_say() {
    let set = rules(Some("all"));
    for rule in ours(&set) {
        assert!((110_500..=110_749).contains(&rule.id) && rule.level <= 12, "{}", rule.id);
        assert!(rule.groups.iter().any(|group| group == "docker"), "{}", rule.id);
        for wanted in ["pci_dss_", "gdpr_", "hipaa_", "nist_800_53_", "tsc_"] {
            assert!(rule.groups.iter().any(|group| group.starts_with(wanted)), "{} has no {wanted}", rule.id);
        }
        assert!(rule.level < 5 || rule.level == 0 || !rule.description.is_empty());
        // A stock rule of level 0 takes every event of its type; who asks for that type must stand below it.
        let asks = |kind: &str| rule.fields.iter().any(|f| f.name == "docker.Type" && f.pattern == format!("^{kind}$"));
        for kind in ["volume", "network", "config", "secret", "plugin", "node", "service"] {
            assert!(!(asks(kind) && rule.parents.contains(&87900)), "{} would never see a {kind}", rule.id);
        }
    }
}

#[test]
fn each_risk_has_its_rule_with_the_level_of_its_severity() {
    let set = rules(Some("all"));
    for kind in KINDS {
        let field = format!("docker_listener.risk.{}", kind.name);
        let rule = ours(&set).find(|rule| rule.fields.iter().any(|condition| condition.name == field));
        let rule = rule.unwrap_or_else(|| panic!("{} has no rule", kind.name));
        assert_eq!((rule.level, rule.mitre.as_slice()), (kind.level(), &[kind.attack.to_owned()][..]), "{}", kind.name);
        let cis = format!("cis_docker_{}", kind.cis);
        let row = format!("| `{}` | {} | {} | {} | {} |", kind.name, kind.severity, kind.cis, kind.attack, kind.what);
        assert!(include_str!("../README.md").contains(&row), "README.md has no row {row}");
        assert!(kind.cis.is_empty() || rule.groups.contains(&cis), "{} has no group {cis}", kind.name);
    }
}

#[test]
fn every_field_that_a_rule_looks_at_or_shows_is_one_that_messages_have() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for message in played().iter().flat_map(|(_, messages)| messages) {
        let json: Value = support::parse(message);
        collect("", &json, &mut known);
    }
    for rule in ours(&rules(Some("all"))) {
        let shown = rule.description.split("$(").skip(1).filter_map(|rest| rest.split(')').next());
        let asked =
            rule.fields.iter().map(|field| field.name.as_str()).chain(rule.lists.iter().map(|l| l.field.as_str()));
        for field in shown.chain(asked).chain(rule.same_fields.iter().map(String::as_str)) {
            assert!(known.contains(field), "rule {}: no message has {field}", rule.id);
        }
    }
}

fn collect(path: &str, json: &Value, known: &mut BTreeSet<String>) {
    match json {
        Value::Object(object) => {
            for (key, value) in object {
                collect(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, known);
            }
        }
        _ => drop(known.insert(path.to_owned())),
    }
}

#[test]
fn no_description_is_too_long_to_be_shown() {
    // The longest that messages have of each; analysisd shows a description of up to 1,024.
    let of_notices = ["docker_listener.head", "docker_listener.reason", "docker_listener.engine"];
    let longest = |field: &str| if field == "docker.Action" || of_notices.contains(&field) { 640 } else { 256 };
    for rule in ours(&rules(Some("all"))) {
        let shown = |field: &str| match field.rsplit('.').next().unwrap() {
            // Words of ours and numbers.
            "tunnel" | "download" | "package_manager" | "exit_code" | "severity" | "finding" | "subject" | "age_ms"
            | "lost" | "lost_important" | "from" | "to" | "until" => 32,
            _ => longest(field),
        };
        let (own, fields) =
            rule.description.split("$(").fold((0, 0), |(own, fields), part| match part.split_once(')') {
                Some((field, rest)) => (own + rest.len(), fields + shown(field)),
                None => (own + part.len(), fields),
            });
        assert!(own + fields <= 1024, "{}: {}", rule.id, own + fields);
    }
}

fn shipped(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "ossec-rules", name].iter().collect()
}

/// Compares with what is shipped, or ships it anew.
fn ship(name: &str, text: &str) {
    let path = shipped(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "{name} is not what the table makes; run UPDATE=1 cargo test --test rules");
}

#[test]
fn the_rules_own_readme_has_each_with_its_level() {
    const HEADING: &str = "## Each rule\n\n";
    let there = std::fs::read_to_string(shipped("README.md")).unwrap();
    let (head, _) = there.split_once(HEADING).unwrap();
    let mut text = format!("{head}{HEADING}| rule | level | file | what it shows |\n|---|---|---|---|\n");
    let main: BTreeSet<u32> = ours(&rules(None)).map(|rule| rule.id).collect();
    let habits: BTreeSet<u32> = ours(&rules(Some("habits"))).map(|rule| rule.id).collect();
    let set = rules(Some("all"));
    let mut all: Vec<&Rule> = ours(&set).collect();
    all.sort_by_key(|rule| (std::cmp::Reverse(rule.level), rule.id));
    for rule in all {
        let file = match rule.id {
            id if main.contains(&id) => "",
            id if habits.contains(&id) => "habits",
            _ => "list",
        };
        // What stands in a message is shown by the last part of its name.
        let mut shown = String::new();
        for (place, part) in rule.description.split("$(").enumerate() {
            let (field, rest) = if place == 0 { ("", part) } else { part.split_once(')').unwrap() };
            if place > 0 {
                let _ = write!(shown, "*{}*", field.rsplit('.').next().unwrap());
            }
            shown.push_str(rest);
        }
        let _ = writeln!(text, "| {} | {} | {file} | {shown} |", rule.id, rule.level);
    }
    ship("README.md", &text);
}

/// A message without what is different each time.
fn steady(message: &str) -> String {
    let mut json = message.strip_prefix("1:Wazuh-Docker:").unwrap().to_owned();
    for (start, end, instead) in [("\"host\": \"unix://", "\"", "/var/run/docker.sock"), ("\"sequence\": ", ",", "7")] {
        if let Some((before, rest)) = json.split_once(start) {
            let (_, after) = rest.split_once(end).unwrap();
            json = format!("{before}{start}{instead}{end}{after}");
        }
    }
    // How long ago an event of a recorded ring was grows by itself.
    if let Some((before, rest)) = json.split_once("\"age_ms\": ") {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let age = if digits > 6 { "400000000" } else { &rest[..digits] };
        json = format!("{before}\"age_ms\": {age}{}", &rest[digits..]);
    }
    json
}

#[test]
fn the_shipped_ini_tests_are_those_of_the_table_and_hold() {
    let set = rules(Some("all"));
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for rule in ours(&set) {
        for (number, (case, messages)) in played().iter().filter(|(case, _)| case.rule == rule.id).enumerate() {
            let name = match (&case.files, rule.frequency) {
                (_, Some(_)) => "docker_listener_frequency.ini".to_owned(),
                (Some(files), _) => format!("docker_listener_{files}.ini"),
                (None, None) => "docker_listener.ini".to_owned(),
            };
            // Lines of a file have no times: what only holds at a pace of its own is for the table alone.
            if (ends_at(&rules(case.files.as_deref()), messages, 1) == rule.id) != case.fires {
                continue;
            }
            let file = files.entry(name).or_insert_with_key(|name| head(name));
            let _ = writeln!(file, "[{} {}: {}]", rule.id, number + 1, case.say);
            let verdict = if case.fires { "pass" } else { "fail" };
            // Where the rule does not count, the last says it all.
            let messages = if rule.frequency.is_some() { &messages[..] } else { &messages[messages.len() - 1..] };
            for (turn, message) in messages.iter().enumerate() {
                let last = turn + 1 == messages.len();
                let _ =
                    writeln!(file, "log {} {} = {}", turn + 1, if last { verdict } else { "fail" }, steady(message));
            }
            let _ = writeln!(file, "rule = {}\nalert = {}\ndecoder = json\n", rule.id, rule.level);
        }
    }
    assert_eq!(files.len(), 4);
    for (name, text) in &files {
        ship(name, text);
        let files = name.strip_prefix("docker_listener_").and_then(|rest| rest.strip_suffix(".ini"));
        holds(&rules(files.filter(|files| *files != "frequency")), text);
    }
}

fn head(name: &str) -> String {
    let how = if name.contains("frequency") {
        "; Rules that count: the lines of a section belong into one session, seconds apart. wazuh-logtest keeps a session\n\
         ; while it runs; Wazuh's runtests.py starts one for each line, and cannot hold these.\n"
    } else {
        "; For runtests.py of Wazuh's ruleset/testing, on a manager with the rules installed. `fail` is a near miss.\n"
    };
    format!("; Made of tests/rules/cases.jsonl; do not edit.\n{how}\n")
}

/// Reads an ini file as Wazuh's runtests.py does, and holds its lines against the rules.
fn holds(rules: &RuleSet, text: &str) {
    let (mut sections, mut lines) = (0, 0);
    for section in text.split("\n[").skip(1) {
        let value = |key: &str| section.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().to_owned();
        let (rule, level): (u32, u8) = (value("rule =").parse().unwrap(), value("alert =").parse().unwrap());
        assert_eq!(rules.rule(rule).unwrap().level, level);
        let mut session = rules.session();
        for line in section.lines().filter(|line| line.starts_with("log ")) {
            let (name, json) = line.split_once(" = ").unwrap();
            let message = format!("1:Wazuh-Docker:{json}");
            let fields = Fields::of(&message).unwrap();
            let found = session.evaluate(&|name| fields.get(name), lines).map(|found| found.rule.id);
            // Seconds.
            lines += 1;
            if name.ends_with("pass") {
                assert_eq!(found, Some(rule), "{line}");
            } else {
                assert_ne!(found, Some(rule), "{line}");
            }
        }
        sections += 1;
    }
    println!("{sections} sections, {lines} lines");
    assert!(sections > 0);
}

/// What a rule is about, for people.
fn title(rule: &Rule) -> String {
    let kind =
        KINDS.iter().find(|kind| rule.fields.iter().any(|f| f.name == format!("docker_listener.risk.{}", kind.name)));
    let said = played().iter().find(|(case, _)| case.rule == rule.id && case.fires).map(|(case, _)| case.say.as_str());
    match kind {
        Some(kind) => format!("Docker: container: {}", kind.what),
        None => format!("Docker: {}", said.unwrap()),
    }
}

#[test]
fn the_shipped_sigma_rules_see_what_the_xml_rules_see() {
    let set = rules(Some("all"));
    let mut text = String::from(
        "# The same detections for Wazuh 5, which loads no XML rules; made of the XML rules, do not edit.\n\
         # They look at event.code and event.original, since its common schema has no fields for the rest.\n\
         # Licence: Apache-2.0.\n",
    );
    // A manager's list is a thing of Wazuh 4; in Wazuh 5 trust is decided where the listener runs.
    let wanted: Vec<&Rule> = ours(&set).filter(|rule| rule.lists.is_empty() && rule.level > 0).collect();
    for rule in &wanted {
        for document in
            support::sigma::counted(&set, rule).into_iter().chain([support::sigma::document(&set, rule, &title(rule))])
        {
            let _ = write!(text, "---\n{document}");
        }
    }
    ship("docker_listener_sigma.yml", &text);

    let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap();
    let (mut compared, mut fired) = (0, 0);
    for document in documents.iter().filter(|document| !document["detection"].is_badvalue()) {
        let name = document["name"].as_str().unwrap();
        let Ok(id) = name.trim_start_matches("docker_listener_").parse::<u32>() else { continue };
        let rule = set.rule(id).unwrap();
        let silent = set.rule(110_570).unwrap();
        for message in played().iter().flat_map(|(_, messages)| messages) {
            let fields = Fields::of(message).unwrap();
            let by_xml = holds_with_parents(&set, rule, &fields)
                && !(document["detection"]["filter"].is_hash() && holds_with_parents(&set, silent, &fields));
            let by_sigma = sigma_holds(document, message, &fields);
            assert_eq!(by_sigma, by_xml, "{id}: {message}");
            compared += 1;
            fired += u32::from(by_sigma);
        }
    }
    let correlations = documents.iter().filter(|document| !document["correlation"].is_badvalue()).count();
    println!("{} Sigma rules, {correlations} of them count; {compared} comparisons, {fired} hits", documents.len());
    assert!(fired > 100 && correlations == 4);
}

fn holds_with_parents(set: &RuleSet, rule: &Rule, fields: &Fields) -> bool {
    let own = rule.fields.iter().all(|field| {
        let pattern = pcre2::bytes::Regex::new(&field.pattern).unwrap();
        fields.get(&field.name).is_some_and(|value| pattern.is_match(value.as_bytes()).unwrap())
    });
    own && rule
        .parents
        .iter()
        .filter_map(|id| set.rule(*id))
        .any(|parent| parent.id == 87900 || holds_with_parents(set, parent, fields))
}

fn sigma_holds(document: &yaml_rust2::Yaml, message: &str, fields: &Fields) -> bool {
    let original = message.strip_prefix("1:Wazuh-Docker:").unwrap();
    let selected = |selection: &yaml_rust2::Yaml| {
        selection.as_hash().unwrap().iter().all(|(field, patterns)| {
            let (field, modifiers) = field.as_str().unwrap().split_once('|').unwrap();
            let value = if field == "event.code" { fields.get("docker.Action").unwrap_or_default() } else { original };
            let patterns = match modifiers {
                "re" => vec![patterns.as_str().unwrap()],
                "re|all" => patterns.as_vec().unwrap().iter().map(|pattern| pattern.as_str().unwrap()).collect(),
                other => panic!("{other}"),
            };
            patterns
                .iter()
                .all(|pattern| pcre2::bytes::Regex::new(pattern).unwrap().is_match(value.as_bytes()).unwrap())
        })
    };
    let detection = document["detection"].as_hash().unwrap();
    let any = detection.iter().any(|(name, part)| name.as_str().unwrap().starts_with("selection_") && selected(part));
    match document["detection"]["condition"].as_str().unwrap() {
        "1 of selection_*" => any,
        "1 of selection_* and not filter" => any && !selected(&document["detection"]["filter"]),
        other => panic!("{other}"),
    }
}

#[test]
fn no_label_meets_a_sigma_rule() {
    let documents = std::fs::read_to_string(shipped("docker_listener_sigma.yml")).unwrap();
    let lie = r#"{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"docker_listener":"{\"risk\": {\"privileged\": \"x\"","risk":"privileged","privileged":"\"docker_listener\": {\"risk\": {\"privileged\": \"x\"}}","trust":"untrusted"}}}"#;
    let mut event = wazuh_docker_listener::event::Event::parse(lie.as_bytes()).unwrap();
    wazuh_docker_listener::event::sanitize::clean(&mut event);
    let message = frame(&event, &Findings::default(), &Context::default(), LARGEST).text;
    let fields = Fields::of(&message).unwrap();
    for document in yaml_rust2::YamlLoader::load_from_str(&documents).unwrap() {
        if !document["detection"].is_badvalue() {
            assert!(!sigma_holds(&document, &message, &fields), "{}", document["name"].as_str().unwrap());
        }
    }
}
