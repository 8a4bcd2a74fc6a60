//! Which messages may not wait behind others: those of what opens a way to the host, which rules raise to level 10 or
//! above.
//!
//! What hurries overtakes what waits for its turn, so nobody can make an alert late with a flood of harmless events. An
//! `oom` does not hurry: it is an alert too, but anybody in a container can make many.

use super::message::{Findings, NoAnswer};
use crate::event::Event;
use crate::event::registry::Trust;
use crate::event::risk::kinds::Severity;

/// Whether the message of this event hurries.
#[must_use]
pub fn hurries(event: &Event<'_>, findings: &Findings) -> bool {
    let meaning = &findings.meaning;
    let is_made = matches!(event.action(), "create" | "start" | "init");
    let is_dangerous_command = meaning.exec.as_ref().is_some_and(|exec| {
        let is_typed_into = exec.command.shell.is_some() && exec.interactive == Some(true);
        exec.runs && (exec.is_dangerous() || is_typed_into)
    });
    findings.is_late
        || is_dangerous_command
        || (is_made && findings.no_answer == Some(NoAnswer::TooLarge))
        || meaning.severity() >= Some(Severity::High)
        || meaning.image.as_ref().is_some_and(|image| {
            image.trust == Trust::Untrusted || (event.kind() == "container" && is_made && image.is_masquerade)
        })
        || matches!(event.kind(), "plugin" | "daemon")
        || meaning.workload.iter().any(|(field, _)| *field == "core")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::exec::{Command, Facts};
    use crate::event::meaning::Meaning;
    use crate::event::risk::Risk;
    use crate::event::risk::kinds::KINDS;

    fn hurries_with(kind: &str, action: &str, findings: &Findings) -> bool {
        let line = format!(r#"{{"Type":"{kind}","Action":"{action}","Actor":{{"ID":"c","Attributes":{{}}}}}}"#);
        hurries(&Event::parse(line.as_bytes()).unwrap(), findings)
    }

    fn of(meaning: Meaning) -> Findings {
        Findings { meaning, ..Findings::default() }
    }

    #[test]
    fn risks_hurry_from_severity_high_on() {
        for kind in KINDS {
            let findings = of(Meaning { risks: vec![Risk { kind, detail: String::new() }], ..Meaning::default() });
            assert_eq!(
                hurries_with("container", "create", &findings),
                kind.severity >= Severity::High,
                "{}",
                kind.name
            );
        }
    }

    #[test]
    fn commands_hurry_where_they_are_dangerous_and_run() {
        let shell = Command { shell: Some("sh"), ..Command::default() };
        let tunnel = Command { tunnel: Some("nc"), ..Command::default() };
        let runs = Facts { runs: true, ..Facts::default() };
        for (facts, wanted) in [
            (Facts { privileged: Some(true), ..runs.clone() }, true),
            (Facts { privileged: Some(true), ..Facts::default() }, false),
            (Facts { command: tunnel, ..runs.clone() }, true),
            (Facts { command: shell, interactive: Some(true), ..runs.clone() }, true),
            (Facts { command: shell, ..runs.clone() }, false),
            (runs, false),
        ] {
            let findings = of(Meaning { exec: Some(facts.clone()), ..Meaning::default() });
            assert_eq!(hurries_with("container", "exec_start: x", &findings), wanted, "{facts:?}");
        }
    }

    #[test]
    fn what_is_frequent_and_harmless_does_not_hurry() {
        for (kind, action, wanted) in [
            ("container", "top", false),
            ("container", "oom", false),
            ("container", "start", false),
            ("network", "connect", false),
            ("plugin", "enable", true),
            ("daemon", "reload", true),
        ] {
            assert_eq!(hurries_with(kind, action, &Findings::default()), wanted, "{kind} {action}");
        }
        let too_large = Findings { no_answer: Some(NoAnswer::TooLarge), ..Findings::default() };
        assert!(hurries_with("container", "start", &too_large) && !hurries_with("container", "top", &too_large));
        assert!(hurries_with("container", "top", &Findings { is_late: true, ..Findings::default() }));
    }
}
