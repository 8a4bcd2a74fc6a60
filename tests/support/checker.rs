//! Evaluates Wazuh 4.x analysisd XML rules, so that tests can see which rule an event ends at.
//!
//! Where analysisd only warns and goes on (skipped rule, unknown value), loading fails here, because
//! a test must not pass over a rule that the manager would drop.

use std::collections::{BTreeMap, HashMap};

use roxmltree::Node;

/// Leaves the function with an error if the condition holds.
macro_rules! refuse {
    ($bad:expr, $($why:tt)+) => {
        if $bad {
            return Err(format!($($why)+));
        }
    };
}

/// The techniques that analysisd knows; each alert of a rule with another logs a warning.
const TECHNIQUES: &str = include_str!("../rules/attack-13.1.txt");
/// analysisd's `default_timeframe`.
const DEFAULT_TIMEFRAME: u64 = 360;
/// analysisd refuses these names in `<field name=…>`; they have elements of their own there.
const STATIC_FIELDS: &str = "srcip dstip srcgeoip dstgeoip srcport dstport user srcuser dstuser url \
     id data extra_data status protocol system_name action";
const OPTIONS: &str = "alert_by_email no_email_alert log_alert no_log no_ar no_full_log no_counter";

/// Looks a decoded field up by name; the caller compares names without regard to case.
pub type Fields<'a, 'f> = &'a dyn Fn(&str) -> Option<&'f str>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    OsRegex,
    OsMatch,
    Pcre2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    MatchKey,
    NotMatchKey,
    MatchKeyValue,
}

/// One `<field>` condition of a rule.
#[derive(Debug)]
pub struct FieldCondition {
    pub name: String,
    pub pattern: String,
    pub kind: PatternKind,
    pub negate: bool,
    matcher: Matcher,
}

/// One `<list>` condition of a rule.
#[derive(Debug)]
pub struct ListCondition {
    pub field: String,
    pub path: String,
    pub lookup: Lookup,
    pub check_value: Option<String>,
}

#[derive(Debug, Default)]
pub struct Rule {
    pub id: u32,
    pub level: u8,
    pub description: String,
    pub groups: Vec<String>,
    pub mitre: Vec<String>,
    pub fields: Vec<FieldCondition>,
    pub lists: Vec<ListCondition>,
    pub same_fields: Vec<String>,
    /// The `if_sid` list, or the `if_matched_sid` where there is no `if_sid`; empty for a root rule.
    pub parents: Vec<u32>,
    pub if_matched_sid: Option<u32>,
    /// As written in the rule: the number of events, the firing one included.
    pub frequency: Option<u32>,
    pub timeframe: u64,
    pub ignore: Option<u64>,
    pub noalert: bool,
    pub decoded_as: Option<String>,
    pub options: Vec<String>,
}

/// A place in the rule tree. A rule with several parents has a node under each of them.
#[derive(Debug)]
struct TreeNode {
    rule: usize,
    children: Vec<TreeNode>,
}

/// All loaded rules and lists.
#[derive(Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    by_id: HashMap<u32, usize>,
    roots: Vec<TreeNode>,
    lists: HashMap<String, HashMap<String, String>>,
}

impl RuleSet {
    /// Loads rule files, given as (name, XML); as analysisd does in the order of their names, and not in any other.
    ///
    /// # Errors
    /// Names the file, the rule and what is wrong with it.
    pub fn load(files: &[(&str, &str)]) -> Result<Self, String> {
        let mut set = Self::default();
        let mut files = files.to_vec();
        files.sort_by_key(|(name, _)| name.as_bytes());
        for (name, xml) in files {
            set.load_file(xml).map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(set)
    }

    /// Adds the text of a CDB list under the path which rules use for it.
    ///
    /// # Errors
    /// Names the first line that is not `key:value`; analysisd would leave it out in silence.
    pub fn add_list(&mut self, path: &str, text: &str) -> Result<(), String> {
        let mut list = HashMap::new();
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let (key, value) =
                list_line(line).ok_or_else(|| format!("list {path}: line is not key:value: {line:?}"))?;
            // A CDB lookup finds the first of several equal keys.
            list.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        self.lists.insert(path.to_owned(), list);
        Ok(())
    }

    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    #[must_use]
    pub fn rule(&self, id: u32) -> Option<&Rule> {
        self.by_id.get(&id).map(|&at| &self.rules[at])
    }

    /// Starts an evaluation with empty memory.
    ///
    /// # Panics
    /// When a rule uses a list that was not added, since its conditions could not be judged.
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        for rule in &self.rules {
            for list in &rule.lists {
                let (id, path) = (rule.id, &list.path);
                assert!(self.list(path).is_some(), "rule {id}: list {path:?} was not added");
            }
        }
        Session { set: self, decoder: "json".to_owned(), history: HashMap::new(), ignored_since: HashMap::new() }
    }

    /// Rules may name a list by its text file or by the compiled `.cdb` beside it.
    fn list(&self, path: &str) -> Option<&HashMap<String, String>> {
        self.lists.get(path).or_else(|| self.lists.get(path.strip_suffix(".cdb")?))
    }

    fn load_file(&mut self, xml: &str) -> Result<(), String> {
        let wrapped = format!("<rules>{xml}</rules>");
        let document = roxmltree::Document::parse(&wrapped).map_err(|e| e.to_string())?;
        for group in elements(document.root_element(), "the file")? {
            only_element(group, "group")?;
            only_attributes(group, &["name"], "group")?;
            let groups = group.attribute("name").ok_or("a <group> without name")?;
            for node in elements(group, "group")? {
                only_element(node, "rule")?;
                let id = node.attribute("id").unwrap_or("without id");
                self.add_rule(node, groups).map_err(|e| format!("rule {id}: {e}"))?;
            }
        }
        Ok(())
    }

    fn add_rule(&mut self, node: Node, groups: &str) -> Result<(), String> {
        let rule = parse_rule(node, groups)?;
        if let Some(sid) = rule.if_matched_sid {
            let known = self.by_id.contains_key(&sid);
            refuse!(!known, "if_matched_sid {sid} does not exist earlier");
        }
        let known = self.by_id.get(&rule.id).copied();
        match (known, yes_no(node, "overwrite")?) {
            (None, false) => self.attach(rule),
            (Some(at), true) => self.overwrite(at, rule),
            (Some(_), false) => Err("duplicate id".into()),
            (None, true) => Err("overwrites a rule that does not exist earlier".into()),
        }
    }

    fn attach(&mut self, rule: Rule) -> Result<(), String> {
        let (at, parents) = (self.rules.len(), rule.parents.clone());
        self.by_id.insert(rule.id, at);
        self.rules.push(rule);
        if parents.is_empty() {
            insert_sorted(&mut self.roots, at, &self.rules);
        }
        for sid in parents {
            let parent = self.by_id.get(&sid).filter(|&&parent| parent != at);
            let parent = *parent.ok_or(format!("parent sid {sid} does not exist earlier"))?;
            attach_under(&mut self.roots, parent, at, &self.rules);
        }
        Ok(())
    }

    /// analysisd replaces everything but the place in the tree, so a new parent would have no effect.
    fn overwrite(&mut self, at: usize, mut rule: Rule) -> Result<(), String> {
        let old = &self.rules[at];
        let moved = !rule.parents.is_empty() && rule.parents != old.parents;
        refuse!(moved, "overwrite cannot change the parents");
        let other = rule.if_matched_sid.is_some() && rule.if_matched_sid != old.if_matched_sid;
        refuse!(other, "overwrite cannot change if_matched_sid");
        rule.parents.clone_from(&old.parents);
        self.rules[at] = rule;
        Ok(())
    }
}

/// Siblings are tried by level, highest first and level 0 before all, else in load order.
fn insert_sorted(siblings: &mut Vec<TreeNode>, rule: usize, rules: &[Rule]) {
    let rank = |at: usize| match rules[at].level {
        0 => 9900,
        level => u32::from(level) * 100,
    };
    let lower = siblings.iter().position(|s| rank(rule) > rank(s.rule));
    let place = lower.unwrap_or(siblings.len());
    let children = Vec::new();
    siblings.insert(place, TreeNode { rule, children });
}

/// Walks as analysisd does: a list of siblings is left as soon as the parent was found in it.
fn attach_under(siblings: &mut [TreeNode], parent: usize, rule: usize, rules: &[Rule]) {
    for node in siblings {
        if node.rule == parent {
            return insert_sorted(&mut node.children, rule, rules);
        }
        attach_under(&mut node.children, parent, rule, rules);
    }
}

/// Splits a CDB list line; either side may be in double quotes, a key with colons must be.
fn list_line(line: &str) -> Option<(&str, &str)> {
    let quoted_key = line.find('"').filter(|quote| line.find(':').is_some_and(|c| c > *quote));
    let (key, rest) = match quoted_key {
        Some(quote) => line[quote + 1..].split_once('"')?,
        None => line.split_at(line.find(':')?),
    };
    let value = rest.split_once(':')?.1;
    match value.split_once('"') {
        Some((_, quoted)) => Some((key, quoted.split_once('"')?.0)),
        None => Some((key, value)),
    }
}

// ---- reading of the XML ----

fn only_element(node: Node, expected: &str) -> Result<(), String> {
    let name = node.tag_name().name();
    refuse!(name != expected, "unknown element <{name}>, expected <{expected}>");
    Ok(())
}

fn elements<'a, 'i>(node: Node<'a, 'i>, what: &str) -> Result<Vec<Node<'a, 'i>>, String> {
    let stray = |n: &Node| n.is_text() && n.text().is_some_and(|t| !t.trim().is_empty());
    refuse!(node.children().any(|n| stray(&n)), "text between the elements of {what}");
    Ok(node.children().filter(Node::is_element).collect())
}

fn only_attributes(node: Node, allowed: &[&str], what: &str) -> Result<(), String> {
    for name in node.attributes().map(|a| a.name()) {
        refuse!(!allowed.contains(&name), "unknown attribute {name:?} of <{what}>");
    }
    Ok(())
}

/// The text of an element, exactly as written: analysisd neither trims it nor decodes entities.
fn text(node: Node) -> Result<String, String> {
    let name = node.tag_name().name();
    let mut content = String::new();
    for child in node.children().filter(|n| !n.is_comment()) {
        let part = child.text().filter(|_| child.is_text());
        let part = part.ok_or(format!("<{name}> may hold text only"))?;
        let changed = node.document().input_text()[child.range()] != *part;
        refuse!(changed, "<{name}> holds an XML entity or CDATA, analysisd keeps it as is");
        content.push_str(part);
    }
    refuse!(content.is_empty(), "<{name}> is empty");
    Ok(content)
}

fn number(value: &str, what: &str, low: u32, high: u32) -> Result<u32, String> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    let parsed = value.parse().ok().filter(|n| digits && (low..=high).contains(n));
    parsed.ok_or(format!("{what} {value:?} is not a number from {low} to {high}"))
}

fn number_attribute(node: Node, name: &str, low: u32, high: u32) -> Result<Option<u32>, String> {
    node.attribute(name).map(|value| number(value, name, low, high)).transpose()
}

fn choice<T: Copy>(node: Node, name: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let value = node.attribute(name).unwrap_or(choices[0].0);
    let found = choices.iter().find(|(text, _)| *text == value);
    found.map(|(_, meaning)| *meaning).ok_or(format!("{name} {value:?} is not known"))
}

fn yes_no(node: Node, name: &str) -> Result<bool, String> {
    choice(node, name, &[("no", false), ("yes", true)])
}

fn parse_rule(node: Node, groups: &str) -> Result<Rule, String> {
    let known = "id level frequency timeframe ignore noalert overwrite";
    only_attributes(node, &known.split(' ').collect::<Vec<_>>(), "rule")?;
    // Ids below 10 are analysisd's own category rules.
    let id = number_attribute(node, "id", 10, 999_999)?.ok_or("no id")?;
    let level = number_attribute(node, "level", 0, 16)?.ok_or("no level")?;
    let mut rule = Rule {
        id,
        level: u8::try_from(level).map_err(|e| e.to_string())?,
        frequency: number_attribute(node, "frequency", 2, 9999)?,
        timeframe: number_attribute(node, "timeframe", 0, 99_999)?.map_or(DEFAULT_TIMEFRAME, u64::from),
        ignore: number_attribute(node, "ignore", 1, 999_999)?.map(u64::from),
        noalert: choice(node, "noalert", &[("0", false), ("1", true)])?,
        ..Rule::default()
    };
    // analysisd joins the strings, which is why the group element's name ends with a comma.
    let mut joined = groups.to_owned();
    let mut seen = Vec::new();
    for child in elements(node, "rule")? {
        let name = child.tag_name().name();
        let once = ["description", "if_sid", "if_matched_sid", "decoded_as"].contains(&name);
        // analysisd would join or replace them.
        refuse!(once && seen.contains(&name), "<{name}> stands twice");
        seen.push(name);
        parse_child(child, &mut rule, &mut joined)?;
    }
    refuse!(!seen.contains(&"description"), "no description");
    let counts = rule.frequency.is_some() || !rule.same_fields.is_empty();
    let vain = counts && rule.if_matched_sid.is_none();
    refuse!(vain, "frequency or same_field without if_matched_sid");
    if rule.parents.is_empty() {
        rule.parents.extend(rule.if_matched_sid);
    }
    rule.groups = joined.split(',').filter(|g| !g.is_empty()).map(str::to_owned).collect();
    Ok(rule)
}

fn parse_child(node: Node, rule: &mut Rule, groups: &mut String) -> Result<(), String> {
    let name = node.tag_name().name();
    if !["field", "list", "info"].contains(&name) {
        only_attributes(node, &[], name)?;
    }
    match name {
        "description" => {
            refuse!(node.children().any(|n| n.is_element()), "element in the description");
            let texts = node.children().filter(Node::is_text).filter_map(|n| n.text());
            rule.description = texts.collect();
        }
        "info" => {
            refuse!(node.children().any(|n| n.is_element()), "element in <info>");
            only_attributes(node, &["type"], name)?;
            let types = [("text", ()), ("link", ()), ("cve", ()), ("osvdb", ())];
            choice(node, "type", &types)?;
        }
        "if_sid" => rule.parents = sids(&text(node)?)?,
        "if_matched_sid" => {
            rule.if_matched_sid = Some(number(&text(node)?, name, 10, 999_999)?);
        }
        "decoded_as" => rule.decoded_as = Some(text(node)?),
        "group" => groups.push_str(&text(node)?),
        "same_field" => rule.same_fields.push(text(node)?),
        "options" => {
            let option = text(node)?;
            let known = OPTIONS.split(' ').any(|o| o == option);
            refuse!(!known, "unknown option {option:?}");
            rule.options.push(option);
        }
        "mitre" => {
            for id in elements(node, name)? {
                only_element(id, "id")?;
                only_attributes(id, &[], "id")?;
                let technique = text(id)?;
                let is_known =
                    TECHNIQUES.lines().skip(1).flat_map(str::split_whitespace).any(|known| known == technique);
                refuse!(!is_known, "{technique} is not in the ATT&CK version of Wazuh's database");
                rule.mitre.push(technique);
            }
        }
        "field" => rule.fields.push(parse_field(node)?),
        "list" => rule.lists.push(parse_list(node)?),
        _ => return Err(format!("unknown element <{name}>")),
    }
    Ok(())
}

fn sids(list: &str) -> Result<Vec<u32>, String> {
    let words = list.split([',', ' ']).filter(|word| !word.is_empty());
    let ids: Vec<u32> = words.map(|word| number(word, "if_sid", 10, 999_999)).collect::<Result<_, _>>()?;
    refuse!(ids.is_empty(), "if_sid is empty");
    Ok(ids)
}

fn parse_field(node: Node) -> Result<FieldCondition, String> {
    only_attributes(node, &["name", "type", "negate"], "field")?;
    let name = node.attribute("name").ok_or("a <field> without name")?;
    let is_static = STATIC_FIELDS.split_whitespace().any(|s| s.eq_ignore_ascii_case(name));
    refuse!(is_static, "field {name:?} is static, analysisd refuses it in <field>");
    let kinds = [("osregex", PatternKind::OsRegex), ("osmatch", PatternKind::OsMatch), ("pcre2", PatternKind::Pcre2)];
    let kind = choice(node, "type", &kinds)?;
    let pattern = text(node)?;
    let matcher = Matcher::new(kind, &pattern).map_err(|e| format!("pattern {pattern:?}: {e}"))?;
    let negate = yes_no(node, "negate")?;
    Ok(FieldCondition { name: name.to_owned(), pattern, kind, negate, matcher })
}

fn parse_list(node: Node) -> Result<ListCondition, String> {
    only_attributes(node, &["field", "lookup", "check_value"], "list")?;
    let field = node.attribute("field").ok_or("a <list> without field")?;
    let lookups = [
        ("match_key", Lookup::MatchKey),
        ("not_match_key", Lookup::NotMatchKey),
        ("match_key_value", Lookup::MatchKeyValue),
    ];
    let lookup = choice(node, "lookup", &lookups)?;
    let check_value = node.attribute("check_value").map(str::to_owned);
    let alone = check_value.is_some() != (lookup == Lookup::MatchKeyValue);
    refuse!(alone, "check_value and match_key_value need each other");
    refuse!(check_value.as_ref().is_some_and(|c| c.starts_with('!')), "! is not supported");
    Ok(ListCondition { field: field.to_owned(), path: text(node)?, lookup, check_value })
}

// ---- evaluation ----

/// The rule an event ended at.
#[derive(Debug)]
pub struct Match<'r> {
    pub rule: &'r Rule,
}

impl Match<'_> {
    /// Level 0 is analysisd's way to stay silent, and `no_log` keeps a rule out of the alerts.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        self.rule.level > 0 && !self.rule.options.iter().any(|o| o == "no_log")
    }
}

/// An earlier event, as far as frequency rules look at it.
struct Past {
    time: u64,
    /// Level of the frequency rule that has used this event up, 0 for none.
    matched: u8,
    values: BTreeMap<String, String>,
}

struct Event<'a, 'f> {
    fields: Fields<'a, 'f>,
    now: u64,
    matched: u8,
}

/// A run of events of one agent, with the memory that frequency rules and `ignore` need.
pub struct Session<'r> {
    set: &'r RuleSet,
    decoder: String,
    history: HashMap<u32, Vec<Past>>,
    ignored_since: HashMap<u32, u64>,
}

impl<'r> Session<'r> {
    /// Sets the decoder that `decoded_as` is compared with; it is `json` otherwise.
    #[must_use]
    pub fn with_decoder(mut self, name: &str) -> Self {
        name.clone_into(&mut self.decoder);
        self
    }

    /// Finds the rule for an event and remembers the event under it.
    pub fn evaluate(&mut self, fields: Fields, now: u64) -> Option<Match<'r>> {
        let set = self.set;
        let mut event = Event { fields, now, matched: 0 };
        let (found, parent) = self.first_match(&set.roots, None, &mut event)?;
        let mut rule = &set.rules[found];
        if rule.level == 0 {
            // analysisd drops the event here, so if_matched_sid never counts a level 0 rule.
            return Some(Match { rule });
        }
        if self.is_ignored(rule, now) {
            // The parent speaks instead; above a root rule there is only the silent category rule.
            rule = &set.rules[parent?];
        }
        self.remember(rule, &event);
        Some(Match { rule })
    }

    /// The rule found below `siblings` and the parent it was reached by.
    fn first_match(
        &mut self,
        siblings: &'r [TreeNode],
        parent: Option<usize>,
        event: &mut Event,
    ) -> Option<(usize, Option<usize>)> {
        for node in siblings {
            let rule = &self.set.rules[node.rule];
            if !self.holds(rule, event) {
                continue;
            }
            if let Some(deeper) = self.first_match(&node.children, Some(node.rule), event) {
                return Some(deeper);
            }
            if !rule.noalert {
                return Some((node.rule, parent));
            }
        }
        None
    }

    fn holds(&mut self, rule: &Rule, event: &mut Event) -> bool {
        rule.decoded_as.as_ref().is_none_or(|decoder| *decoder == self.decoder)
            && rule.fields.iter().all(|condition| condition.holds(event.fields))
            && rule.lists.iter().all(|condition| self.in_list(condition, event.fields))
            && rule.if_matched_sid.is_none_or(|sid| self.is_frequent(rule, sid, event))
    }

    /// A missing field fulfils no list condition, `not_match_key` included.
    fn in_list(&self, condition: &ListCondition, fields: Fields) -> bool {
        let (Some(key), Some(list)) = (fields(&condition.field), self.set.list(&condition.path)) else {
            return false;
        };
        match (condition.lookup, list.get(key)) {
            (Lookup::NotMatchKey, found) => found.is_none(),
            (_, None) => false,
            (_, Some(value)) => condition.check_value.as_ref().is_none_or(|check| os_match(check, value)),
        }
    }

    /// Counts back from the newest event of `sid`. `frequency="N"` fires at the Nth event, that is
    /// with N - 1 earlier ones. analysisd marks only the newest of those as used, and a used event
    /// ends the next count; with N = 2 (also the meaning of no frequency) it marks none.
    fn is_frequent(&mut self, rule: &Rule, sid: u32, event: &mut Event) -> bool {
        let needed = rule.frequency.unwrap_or(2).saturating_sub(2);
        let (mut counted, mut newest) = (0, None);
        let history = self.history.entry(sid).or_default();
        for at in (0..history.len()).rev() {
            let past = &history[at];
            if event.now.saturating_sub(past.time) > rule.timeframe {
                return false;
            }
            if !rule.same_fields.iter().all(|name| past.agrees(name, event.fields)) {
                continue;
            }
            if past.matched >= rule.level {
                return false;
            }
            if counted < needed {
                counted += 1;
                newest = newest.or(Some(at));
                continue;
            }
            event.matched = rule.level;
            if let Some(newest) = newest {
                history[newest].matched = rule.level;
            }
            return true;
        }
        false
    }

    fn is_ignored(&mut self, rule: &Rule, now: u64) -> bool {
        let Some(span) = rule.ignore else {
            return false;
        };
        let since = self.ignored_since.get(&rule.id);
        let silent = since.is_some_and(|since| now.saturating_sub(*since) < span);
        if !silent {
            self.ignored_since.insert(rule.id, now);
        }
        silent
    }

    fn remember(&mut self, rule: &Rule, event: &Event) {
        let counting = self.set.rules.iter().filter(|r| r.if_matched_sid == Some(rule.id));
        let names = counting.flat_map(|r| &r.same_fields);
        let value = |name: &String| Some((name.clone(), (event.fields)(name)?.to_owned()));
        let past = Past { time: event.now, matched: event.matched, values: names.filter_map(value).collect() };
        self.history.entry(rule.id).or_default().push(past);
    }
}

impl Past {
    /// A field that is missing on either side never agrees.
    fn agrees(&self, name: &str, fields: Fields) -> bool {
        fields(name).is_some_and(|now| self.values.get(name).is_some_and(|then| then == now))
    }
}

impl FieldCondition {
    /// A missing field fails the condition, negated or not.
    fn holds(&self, fields: Fields) -> bool {
        fields(&self.name).is_some_and(|value| self.matcher.is_match(value) != self.negate)
    }
}

// ---- patterns ----

#[derive(Debug)]
enum Matcher {
    OsMatch(String),
    Regex(pcre2::bytes::Regex),
}

impl Matcher {
    fn new(kind: PatternKind, pattern: &str) -> Result<Self, String> {
        let negated = kind == PatternKind::OsMatch && pattern.starts_with('!');
        refuse!(negated, "! is not supported");
        let regex = match kind {
            PatternKind::OsMatch => return Ok(Self::OsMatch(pattern.to_owned())),
            PatternKind::OsRegex => os_regex(pattern)?,
            PatternKind::Pcre2 => pattern.to_owned(),
        };
        pcre2::bytes::Regex::new(&regex).map(Self::Regex).map_err(|e| e.to_string())
    }

    fn is_match(&self, value: &str) -> bool {
        match self {
            Self::OsMatch(pattern) => os_match(pattern, value),
            // analysisd takes an error while matching, such as a reached limit, for no match.
            Self::Regex(regex) => regex.is_match(value.as_bytes()).unwrap_or(false),
        }
    }
}

/// `OSMatch`: plain text without regard to case, with `|`, a leading `^` and a trailing `$`.
fn os_match(pattern: &str, value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    pattern.to_ascii_lowercase().split('|').any(|part| match part.strip_prefix('^') {
        Some(rest) => match rest.strip_suffix('$') {
            Some(whole) => value == whole,
            None => value.starts_with(rest),
        },
        None => match part.strip_suffix('$') {
            Some(end) => value.ends_with(end),
            None => value.contains(part),
        },
    })
}

/// One pattern element of an `OSRegex` alternative: the bytes it takes and its `+` or `*`.
struct Item {
    bytes: Vec<u8>,
    repeat: Option<u8>,
}

/// Turns an `OSRegex` pattern into PCRE2. Only a backslash class can be repeated; `+`, `*`, `.` and
/// brackets are plain characters elsewhere, as are `^` and `$` away from the ends.
fn os_regex(pattern: &str) -> Result<String, String> {
    let (mut translated, mut open) = (String::new(), false);
    let (mut items, mut begin, mut end) = (Vec::new(), false, false);
    let mut bytes = pattern.bytes().peekable();
    let mut last = None;
    let is_group = |byte: u8| b"()".contains(&byte);
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let name = bytes.next().filter(|b| b"wdstpWDS.()\\$|<".contains(b));
                let name = name.ok_or("unknown escape, analysisd refuses the pattern")?;
                let taken = (0..=255).filter(|b| class_holds(name, *b)).collect();
                items.push(Item { bytes: taken, repeat: bytes.next_if(|b| b"+*".contains(b)) });
            }
            b'(' | b')' => {
                refuse!(open == (byte == b'('), "nested or unpaired group");
                refuse!(last.is_some_and(is_group), "analysisd fails on group signs side by side");
                open = !open;
            }
            b'|' => {
                refuse!(open, "| inside of a group");
                translated += &alternative(&std::mem::take(&mut items), begin, end)?;
                translated.push('|');
                (begin, end) = (false, false);
            }
            b'^' if matches!(last, None | Some(b'|')) => begin = true,
            b'$' if matches!(bytes.peek(), None | Some(b'|')) => end = true,
            _ => {
                let cases = vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()];
                items.push(Item { bytes: cases, repeat: None });
            }
        }
        // An escaped sign is none: what counts as the last byte is the backslash.
        last = Some(byte);
    }
    refuse!(open, "group is not closed");
    Ok(translated + &alternative(&items, begin, end)?)
}

/// analysisd's matcher hardly goes back: where a repeat and what follows it take the same
/// character, it misses texts that match. Such patterns are refused, so that the translation
/// answers the same for all others.
fn alternative(items: &[Item], begin: bool, end: bool) -> Result<String, String> {
    let starred = |item: &Item| item.repeat == Some(b'*');
    let repeats = items.iter().take_while(|item| item.repeat.is_some()).count();
    refuse!(items.is_empty(), "an empty alternative never matches in analysisd");
    refuse!(starred(&items[0]), "starts with a starred class");
    refuse!(!begin && repeats > 1, "starts with two repeats and no ^");
    for pair in items.windows(2).filter(|pair| pair[0].repeat.is_some()) {
        let alike = pair[0].bytes.iter().any(|b| pair[1].bytes.contains(b));
        let doubtful = alike || starred(&pair[0]);
        refuse!(doubtful, "analysisd is unreliable on a repeat before its like, use pcre2");
    }
    if let [.., first, _, last] = items {
        let skips = first.repeat.is_some() && starred(last);
        refuse!(skips, "analysisd skips what stands between a repeat and a last starred class");
    }
    let mut pcre = String::from(if begin { r"\A" } else { "" });
    for item in items {
        let set: Vec<String> = item.bytes.iter().map(|b| format!(r"\x{b:02x}")).collect();
        pcre.extend(["[", &set.concat(), "]"]);
        pcre.extend(item.repeat.map(char::from));
    }
    Ok(pcre + if end { r"\z" } else { "" })
}

fn class_holds(name: u8, byte: u8) -> bool {
    let word = byte.is_ascii_alphanumeric() || b"-@_".contains(&byte);
    match name {
        b'w' => word,
        b'W' => !word,
        b'd' => byte.is_ascii_digit(),
        b'D' => !byte.is_ascii_digit(),
        b's' => byte == b' ',
        b'S' => byte != b' ',
        b't' => byte == b'\t',
        b'p' => b"!\"#$%&'()*+,-.:;<=>?[]{|}".contains(&byte),
        b'.' => true,
        escaped => byte == escaped,
    }
}
