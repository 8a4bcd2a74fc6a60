//! The forms in which `events` prints an event.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::template::{Template, TemplateError};
use crate::cursor::Key;
use crate::event::Event;
use crate::event::json::{ObjectWriter, Value, write_string};
use crate::event::sanitize;
use crate::settings::Settings;
use crate::wazuh::message::{self, Context, Findings};

/// How an event is printed.
#[derive(Debug)]
pub(super) enum Format {
    /// As `docker events` prints it.
    Docker(TimeZone),
    /// The engine's line as it came.
    Json,
    /// Exactly what would be sent.
    Wazuh,
    /// Logtail's form: one flat object of texts.
    Flat,
    /// Columns.
    Table(TimeZone),
    /// As the user wants it.
    Template(Template),
}

impl Format {
    pub(super) fn parse(text: Option<&str>, zone: TimeZone) -> Result<Self, TemplateError> {
        Ok(match text {
            None => Self::Docker(zone),
            Some("json") => Self::Json,
            Some("wazuh") => Self::Wazuh,
            Some("flat") => Self::Flat,
            Some("table") => Self::Table(zone),
            Some(template) => Self::Template(Template::parse(template)?),
        })
    }

    pub(super) fn header(&self) -> Option<String> {
        match self {
            Self::Table(_) => Some(columns("TIME", "TYPE", "ACTION", "ACTOR", "NAME")),
            _ => None,
        }
    }

    pub(super) fn event(&self, event: &Event<'_>, line: &[u8], context: &Context, settings: &Settings) -> String {
        match self {
            Self::Docker(zone) => docker_line(event, zone),
            Self::Json => String::from_utf8_lossy(line).into_owned(),
            Self::Wazuh => {
                let mut event = event.clone();
                let changes = sanitize::clean(&mut event);
                // Where hashes are wanted, those of the running listener are made with a key that stays with it.
                let key = Key::random();
                let redacted = settings.redactor.redact(&mut event, &|secret| key.hash_secret(secret));
                let findings = Findings { changes, redacted, ..Findings::default() };
                message::frame(&event, &findings, context, settings.config.max_event_size).text
            }
            Self::Flat => flat(event),
            Self::Table(zone) => {
                let id = event.actor_id();
                let id = id.strip_prefix("sha256:").unwrap_or(id);
                let short: String = id.chars().take(12).collect();
                columns(
                    &time(event, zone, "%Y-%m-%d %H:%M:%S"),
                    event.kind(),
                    event.action(),
                    &short,
                    event.attribute("name"),
                )
            }
            Self::Template(template) => template.render(event),
        }
    }
}

fn time(event: &Event<'_>, zone: &TimeZone, form: &str) -> String {
    let at = event.time_nano().and_then(|nano| Timestamp::from_nanosecond(i128::from(nano)).ok());
    at.map_or_else(|| "-".to_owned(), |at| at.to_zoned(zone.clone()).strftime(form).to_string())
}

fn docker_line(event: &Event<'_>, zone: &TimeZone) -> String {
    let mut attributes: Vec<String> = event
        .attributes()
        .into_iter()
        .flat_map(crate::event::json::Object::iter)
        .map(|(key, value)| format!("{key}={}", as_text(value)))
        .collect();
    attributes.sort_unstable();
    let parts =
        [&time(event, zone, "%Y-%m-%dT%H:%M:%S%.9f%:z"), event.kind(), event.action(), event.actor_id()].join(" ");
    let line = if attributes.is_empty() { parts } else { format!("{parts} ({})", attributes.join(", ")) };
    visible(&line)
}

fn columns(time: &str, kind: &str, action: &str, actor: &str, name: &str) -> String {
    visible(format!("{time:<19}  {kind:<9}  {action:<32}  {actor:<12}  {name}").trim_end())
}

fn flat(event: &Event<'_>) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::new(&mut out);
    object.text("_type_", event.kind());
    object.text("_action_", event.action());
    object.text("_id_", event.actor_id());
    object.text("_time_nano_", &event.time_nano().unwrap_or_default().to_string());
    event.each_attribute(|attribute| {
        if !matches!(attribute.key.as_ref(), "_type_" | "_action_" | "_id_" | "_time_nano_") {
            write_string(&as_text(attribute.value), object.any_key(attribute.key, false));
        }
    });
    object.end();
    out
}

/// A value as a person reads it: texts without quotes, all else as JSON.
pub(super) fn as_text(value: &Value<'_>) -> String {
    match value {
        Value::String(text) => text.clone().into_owned(),
        other => {
            let mut out = String::new();
            other.write(&mut out);
            out
        }
    }
}

/// A label must not be able to steer the terminal that shows it.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() { Ok(c.escape_default()) } else { Err(c) }.map_or_else(|c| vec![c], Iterator::collect)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"status":"rename","id":"f367d3c4c5d6e7f8","from":"bb:1","Type":"container","Action":"rename","Actor":{"ID":"f367d3c4c5d6e7f8","Attributes":{"a":"\u001b[2J","image":"bb:1","name":"c1x","oldName":"/c1"}},"scope":"local","time":1795217222,"timeNano":1795217222221426212}"#;

    fn print(format: &str) -> String {
        let format = Format::parse((!format.is_empty()).then_some(format), TimeZone::UTC).unwrap();
        let event = Event::parse(LINE.as_bytes()).unwrap();
        let home = crate::wazuh::home::Home::at("/nonexistent");
        let settings = Settings::load(&home, &crate::cli::Options::default(), &crate::settings::Environment::default());
        format.event(&event, LINE.as_bytes(), &Context::default(), &settings.unwrap())
    }

    #[test]
    fn prints_each_form() {
        assert_eq!(
            print(""),
            "2026-11-20T23:27:02.221426212+00:00 container rename f367d3c4c5d6e7f8 (a=\\u{1b}[2J, image=bb:1, name=c1x, oldName=/c1)"
        );
        assert_eq!(print("json"), LINE);
        assert!(
            print("wazuh")
                .starts_with("1:Wazuh-Docker:{\"integration\": \"docker\", \"docker\": {\"status\": \"rename\"")
        );
        assert_eq!(
            print("flat"),
            r#"{"_type_": "container", "_action_": "rename", "_id_": "f367d3c4c5d6e7f8", "_time_nano_": "1795217222221426212", "name": "c1x", "image": "bb:1", "oldName": "/c1", "a": "\u001b[2J"}"#
        );
        assert_eq!(
            print("table"),
            "2026-11-20 23:27:02  container  rename                            f367d3c4c5d6  c1x"
        );
        assert_eq!(print("{{.Type}} {{.Actor.Attributes.name}}"), "container c1x");
    }
}
