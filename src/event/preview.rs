//! What a line is about, from its first bytes, without parsing it.
//!
//! The reader has no time to parse, and what matters most must not wait behind what was read before it: whether the
//! engine should be asked at once, and what may be left out first where not everything can be kept. Engines write
//! `Type`, `Action` and the actor's id before everything that users choose, and a quote inside a text is escaped, so
//! what is found here as a key is one. What is not recognised is judged when it is parsed, like everything else.

/// So much of a line's beginning is looked at, in bytes.
const LOOKED_AT: usize = 1024;

/// So much of a line is searched for the id of a command.
const SEARCHED: usize = 16 << 10;

/// How much it matters that an event is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// Frequent and harmless: `top`, `exec_create`, `exec_die`, `resize`, `attach`, health checks.
    Low,
    /// Everything else.
    Middle,
    /// What opens a way to the host: containers that are made or started, plugins, the engine itself.
    High,
}

/// What the engine should be asked as soon as a line has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Early<'l> {
    /// A container that is made or started.
    Made {
        /// Its id.
        container: &'l str,
        /// Whether it runs from now on.
        is_started: bool,
    },
    /// A command that starts to run.
    Exec {
        /// Its container's id.
        container: &'l str,
        /// Its own id.
        exec: &'l str,
    },
}

/// What the first bytes of a line show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview<'l> {
    kind: &'l str,
    /// The beginning of the action, as it stands in JSON.
    action: &'l str,
    line: &'l [u8],
}

impl<'l> Preview<'l> {
    /// Of this line; empty where it does not begin as engines write it.
    #[must_use]
    pub fn of(line: &'l [u8]) -> Self {
        let head = utf8_beginning(line.get(..LOOKED_AT).unwrap_or(line));
        let kind = behind(head, "\"Type\":\"").and_then(text).unwrap_or_default();
        let action = behind(head, "\"Action\":\"").unwrap_or_default();
        Self { kind, action, line }
    }

    /// How much it matters that this event is kept.
    #[must_use]
    pub fn importance(&self) -> Importance {
        const LOW: [&str; 9] = [
            "top\"",
            "exec_create",
            "exec_die",
            "exec_detach",
            "resize\"",
            "attach\"",
            "detach\"",
            "health_status",
            "prune\"",
        ];
        match self.kind {
            "daemon" | "plugin" => Importance::High,
            "container" if ["create\"", "start\"", "init\""].iter().any(|action| self.action.starts_with(action)) => {
                Importance::High
            }
            "container" if LOW.iter().any(|action| self.action.starts_with(action)) => Importance::Low,
            _ => Importance::Middle,
        }
    }

    /// What the engine should be asked at once.
    #[must_use]
    pub fn early(&self) -> Option<Early<'l>> {
        if self.kind != "container" {
            return None;
        }
        let (is_made, is_started) = (self.action.starts_with("create\""), self.action.starts_with("start\""));
        let is_exec = self.action.starts_with("exec_start: ");
        if !is_made && !is_started && !is_exec {
            return None;
        }
        let searched = utf8_beginning(self.line.get(..SEARCHED).unwrap_or(self.line));
        let container = behind(searched, "\"Actor\":{\"ID\":\"").and_then(id)?;
        if !is_exec {
            return Some(Early::Made { container, is_started });
        }
        Some(Early::Exec { container, exec: behind(searched, "\"execID\":\"").and_then(id)? })
    }
}

/// As much of these bytes as is text.
fn utf8_beginning(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
    }
}

fn behind<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.find(key).and_then(|at| text.get(at + key.len()..))
}

/// The text up to its closing quote; none where it holds an escape, which none of these do.
fn text(begun: &str) -> Option<&str> {
    let (text, _) = begun.split_once('"')?;
    (!text.contains('\\')).then_some(text)
}

/// An id as engines make them.
fn id(begun: &str) -> Option<&str> {
    text(begun).filter(|id| !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_lines_show_what_they_are_about() {
        for (line, importance, early) in [
            (
                r#"{"status":"create","id":"c1","from":"bb","Type":"container","Action":"create","Actor":{"ID":"c1","Attributes":{}}}"#,
                Importance::High,
                Some(Early::Made { container: "c1", is_started: false }),
            ),
            (
                r#"{"Type":"container","Action":"start","Actor":{"ID":"c1","Attributes":{"a":"\"Action\":\"top\""}}}"#,
                Importance::High,
                Some(Early::Made { container: "c1", is_started: true }),
            ),
            (
                r#"{"Type":"container","Action":"exec_start: sh -c \"x\"","Actor":{"ID":"c1","Attributes":{"execID":"e1"}}}"#,
                Importance::Middle,
                Some(Early::Exec { container: "c1", exec: "e1" }),
            ),
            (r#"{"Type":"container","Action":"exec_create: sh","Actor":{"ID":"c1"}}"#, Importance::Low, None),
            (r#"{"Type":"container","Action":"top","Actor":{"ID":"c1"}}"#, Importance::Low, None),
            (r#"{"Type":"plugin","Action":"enable","Actor":{"ID":"p"}}"#, Importance::High, None),
            (r#"{"Type":"network","Action":"create","Actor":{"ID":"n"}}"#, Importance::Middle, None),
            (r#"{"Type":"container","Action":"start","Actor":{"ID":"../x"}}"#, Importance::High, None),
            ("no json", Importance::Middle, None),
            ("", Importance::Middle, None),
        ] {
            let preview = Preview::of(line.as_bytes());
            assert_eq!((preview.importance(), preview.early()), (importance, early), "{line}");
        }
    }

    #[test]
    fn an_image_name_cannot_pass_for_a_key() {
        let line = br#"{"status":"top","id":"c","from":"x\",\"Type\":\"plugin\",\"Action\":\"enable","Type":"container","Action":"top","Actor":{"ID":"c"}}"#;
        assert_eq!(Preview::of(line).importance(), Importance::Low);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let preview = Preview::of(&line);
            let _ = (preview.importance(), preview.early());
        }
    }
}
