//! The part of Docker's Go templates that people use with events.
//!
//! `{{.Type}}`, `{{.Actor.Attributes.name}}`, `{{json .}}`, `{{index .Actor.Attributes "com.docker.compose.project"}}`,
//! `{{upper .Action}}`, `{{lower …}}`, and `{{- … -}}` to trim blanks. `\t` and `\n` between them mean what they say.
//! Anything else of Go's templates is refused with its place.

use super::format::{as_text, visible};
use crate::event::Event;
use crate::event::json::{Object, Value};

/// Why a template was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "template, character {at}: {what}; known are {{{{.Field.Field}}}}, {{{{json .Field}}}}, \
     {{{{index .Actor.Attributes \"key\"}}}}, {{{{upper .Field}}}} and {{{{lower .Field}}}}, and the formats json, wazuh, flat and table"
)]
pub(super) struct TemplateError {
    at: usize,
    what: String,
}

/// A template that was read.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Field(Show, Vec<String>),
}

#[derive(Debug, Clone, Copy)]
enum Show {
    Plain,
    Json,
    Upper,
    Lower,
}

/// Go's names of the fields whose JSON key is spelt otherwise.
const GO_NAMES: [(&str, &str); 6] = [
    ("Status", "status"),
    ("ID", "id"),
    ("From", "from"),
    ("Scope", "scope"),
    ("Time", "time"),
    ("TimeNano", "timeNano"),
];

/// The fields of an event, as Go names them.
const FIELDS: [&str; 9] = ["Type", "Action", "Actor", "Scope", "Time", "TimeNano", "Status", "ID", "From"];

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let text = &text.replace("\\t", "\t").replace("\\n", "\n");
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        let mut trim_next = false;
        while let Some(start) = rest.find("{{") {
            let (before, from) = rest.split_at(start);
            let at = text.len() - from.len() + 1;
            let refused = |what: &str| TemplateError { at, what: what.to_owned() };
            let inside = from.get(2..).unwrap_or_default();
            let (action, after) = inside.split_once("}}").ok_or_else(|| refused("'{{' without '}}'"))?;
            let (trim_before, action) = match action.strip_prefix("- ") {
                Some(action) => (true, action),
                None => (false, action),
            };
            let (trim_after, action) = match action.strip_suffix(" -") {
                Some(action) => (true, action),
                None => (false, action),
            };
            push_text(&mut parts, before, trim_next, trim_before);
            parts.push(Self::action(action.trim()).map_err(|what| TemplateError { at, what })?);
            trim_next = trim_after;
            rest = after;
        }
        push_text(&mut parts, rest, trim_next, false);
        Ok(Self { parts })
    }

    fn action(action: &str) -> Result<Part, String> {
        let (word, rest) = action.split_once(' ').unwrap_or((action, ""));
        let show = match word {
            "json" => Show::Json,
            "upper" => Show::Upper,
            "lower" => Show::Lower,
            "index" => return Self::index(rest.trim()),
            _ if word.starts_with('.') && rest.is_empty() => return Ok(Part::Field(Show::Plain, path(word)?)),
            _ => return Err(format!("'{action}' is not known here")),
        };
        Ok(Part::Field(show, path(rest.trim())?))
    }

    fn index(rest: &str) -> Result<Part, String> {
        let (field, key) = rest.split_once(' ').ok_or("index wants a field and a key in quotes")?;
        let key: String = serde_json::from_str(key.trim()).map_err(|_| "index wants its key in double quotes")?;
        let mut path = path(field)?;
        path.push(key);
        Ok(Part::Field(Show::Plain, path))
    }

    pub(super) fn render(&self, event: &Event<'_>) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Field(Show::Json, path) => json(event, path),
                Part::Field(Show::Plain, path) => visible(&plain(event, path)),
                Part::Field(Show::Upper, path) => visible(&plain(event, path)).to_uppercase(),
                Part::Field(Show::Lower, path) => visible(&plain(event, path)).to_lowercase(),
            })
            .collect()
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str, trim_start: bool, trim_end: bool) {
    let text = if trim_start { text.trim_start() } else { text };
    let text = if trim_end { text.trim_end() } else { text };
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

/// `.Actor.Attributes.name` as JSON keys; `.` alone is the event.
fn path(text: &str) -> Result<Vec<String>, String> {
    let names = text.strip_prefix('.').ok_or_else(|| format!("'{text}' is no field; fields begin with a dot"))?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: Vec<String> = names.split('.').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err(format!("'{text}' has an empty part"));
    }
    if let Some(first) = names.first_mut() {
        if !FIELDS.contains(&first.as_str()) {
            return Err(format!("an event has no field '{first}'; it has {}", FIELDS.join(", ")));
        }
        if let Some((_, key)) = GO_NAMES.iter().find(|(go, _)| go == first) {
            *first = (*key).to_owned();
        }
    }
    Ok(names)
}

fn find<'e, 'a>(event: &'e Event<'a>, path: &[String]) -> Option<&'e Value<'a>> {
    let (last, parents) = path.split_last()?;
    let mut object: &Object<'a> = event.fields();
    for name in parents {
        object = object.get(name)?.as_object()?;
    }
    object.get(last)
}

/// As Go prints it: what is missing prints as `<no value>` in a map, here as nothing at all.
fn plain(event: &Event<'_>, path: &[String]) -> String {
    if path.is_empty() {
        return json(event, path);
    }
    let legacy = || event.legacy_fields().find(|(field, _)| [field.name()] == path).map(|(_, text)| text.to_owned());
    find(event, path).map(as_text).or_else(legacy).unwrap_or_default()
}

fn json(event: &Event<'_>, path: &[String]) -> String {
    if path.is_empty() {
        let mut out = String::new();
        Value::Object(event.fields().clone()).write(&mut out);
        return out;
    }
    let mut out = String::new();
    find(event, path).unwrap_or(&Value::Null).write(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"Type":"container","Action":"start","Actor":{"ID":"f3","Attributes":{"com.x":"y","image":"bb","name":"Web"}},"scope":"local","time":17,"timeNano":18}"#;

    #[test]
    fn takes_what_people_write() {
        let event = Event::parse(LINE.as_bytes()).unwrap();
        for (template, expected) in [
            ("{{.Type}} {{.Actor.Attributes.name}}", "container Web"),
            ("{{ .Action }}\\t{{.Time}}", "start\t17"),
            ("{{.TimeNano}} {{.Scope}}", "18 local"),
            ("{{.Status}} {{.ID}} {{.From}}", "start f3 bb"),
            ("{{json .Actor.Attributes}}", r#"{"com.x": "y", "image": "bb", "name": "Web"}"#),
            ("{{json .Action}}", "\"start\""),
            ("{{index .Actor.Attributes \"com.x\"}}", "y"),
            ("{{upper .Action}} {{lower .Actor.Attributes.name}}", "START web"),
            ("a {{- .Type -}} b", "acontainerb"),
            ("{{.Actor.Attributes.none}}", ""),
            ("no fields", "no fields"),
            ("", ""),
        ] {
            assert_eq!(Template::parse(template).unwrap().render(&event), expected, "{template}");
        }
        let whole = Template::parse("{{json .}}").unwrap().render(&event);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&whole).unwrap(),
            serde_json::from_str::<serde_json::Value>(LINE).unwrap()
        );
    }

    #[test]
    fn refuses_the_rest_with_its_place() {
        for (template, what) in [
            ("x {{.Type", "character 3: '{{' without '}}'"),
            ("{{range .Actor}}", "character 1: 'range .Actor' is not known here"),
            ("{{.Tpye}}", "character 1: an event has no field 'Tpye'; it has Type, Action,"),
            ("{{if .Type}}", "not known here"),
            ("{{json Type}}", "fields begin with a dot"),
            ("{{.Actor..ID}}", "has an empty part"),
            ("{{index .Actor.Attributes name}}", "double quotes"),
        ] {
            let error = Template::parse(template).unwrap_err().to_string();
            assert!(error.contains(what), "{template}: {error}");
        }
    }
}
