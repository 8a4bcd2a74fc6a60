//! How analysisd of Wazuh 4 reads a message: the facts that rules meet.
//!
//! Fields are flattened in the order of the text, 256 at the most; a look-up ignores case and the first match wins; a
//! text ends at its first NUL; what is empty is left out; numbers are doubles.

use wazuh_docker_listener::event::json::{Object, Value, parse_object};

const MOST_FIELDS: usize = 256;

pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// What the JSON decoder makes of a datagram; none where it takes it for something else.
    pub fn of(message: &str) -> Option<Self> {
        let json = message.strip_prefix("1:Wazuh-Docker:")?;
        if !json.starts_with("{\"") || json.contains("\"integration\":\"") {
            return None;
        }
        let mut fields = Vec::new();
        flatten("", &parse_object(json.as_bytes()).ok()?.0, &mut fields);
        fields.truncate(MOST_FIELDS);
        Some(Self(fields))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.get(&format!("docker.Actor.Attributes.{name}"))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a field is both a text and the parent of another, of which alerts.json keeps only one.
    pub fn clash(&self) -> bool {
        self.0.iter().any(|(name, _)| {
            let parent = format!("{}.", name.to_lowercase());
            self.0.iter().any(|(other, _)| other.to_lowercase().starts_with(&parent))
        })
    }
}

fn flatten(path: &str, object: &Object<'_>, out: &mut Vec<(String, String)>) {
    for (key, value) in object.iter() {
        let name = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let text = match value {
            Value::Object(object) => {
                flatten(&name, object, out);
                continue;
            }
            Value::String(text) => text.split('\0').next().unwrap_or_default().to_owned(),
            Value::Number(number) => match number.as_f64() {
                Some(double) if double.abs() > 2_147_483_647.0 => format!("{double:.6}"),
                _ => number.to_string(),
            },
            other => {
                let mut text = String::new();
                other.write(&mut text);
                text
            }
        };
        if !text.is_empty() {
            out.push((name, text));
        }
    }
}
