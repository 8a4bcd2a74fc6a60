//! Marks what the configuration accepts and what this host has seen before, so that rules can tell it from the rest.
//!
//! What is accepted leaves its place among the findings and is listed for itself, with the reason. What has been seen
//! before loses one step; what is as good as the host never does, and a container in which something dangerous was found
//! teaches nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cursor::Key;
use crate::event::baseline::{Baseline, Seen};
use crate::event::exceptions::{Exception, Subject};
use crate::event::exec;
use crate::event::meaning::{Accepted, Meaning};
use crate::event::origin::Origin;
use crate::event::registry::Trust;
use crate::event::risk::{Risk, Severity};
use crate::folder;
use crate::settings::Settings;

/// Seconds.
const DAY: i64 = 86_400;

/// How often the baseline may be written. What was learnt since is learnt again after a crash.
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// What is remembered of what is normal.
pub(super) struct Familiar {
    key: Key,
    baseline: Baseline,
    file: Option<PathBuf>,
    kept: Option<Instant>,
}

/// The container that a finding is on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'c> {
    pub id: &'c str,
    pub name: &'c str,
    /// Whether its image is pulled or used by what has happened.
    pub uses_image: bool,
}

impl Familiar {
    /// With what an earlier run has kept in this file, where there is one.
    pub(super) fn new(key: Key, file: Option<PathBuf>) -> Self {
        // What cannot be read is seen for the first time again.
        let text = file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        Self { key, baseline: Baseline::read(&text), file, kept: None }
    }

    /// Takes out what the configuration accepts.
    pub(super) fn accept(&mut self, of: Container<'_>, meaning: &mut Meaning, settings: &Settings, now: Timestamp) {
        let Some(origin) = meaning.image.clone() else { return };
        if !settings.exceptions.is_empty() {
            let project = meaning.workload.iter().find(|(key, _)| *key == "project");
            let project = project.map(|(_, project)| project.clone()).unwrap_or_default();
            let engine = settings.endpoint.to_string();
            let subject = Subject { origin: &origin, container: of.name, project: &project, engine: &engine };
            let date = now.to_zoned(TimeZone::UTC).date();
            accept(meaning, &|finding| settings.exceptions.accepts(finding, subject, date));
        }
        if is_dangerous(meaning, &origin, of.uses_image) {
            self.baseline.bar(self.item_of(of.id), now.as_second() / DAY);
        }
    }

    /// Marks what has been seen before.
    pub(super) fn mark(&mut self, of: Container<'_>, meaning: &mut Meaning, settings: &Settings, now: Timestamp) {
        let Some(origin) = meaning.image.clone() else { return };
        let config = &settings.config;
        let has_something =
            of.uses_image || !meaning.risks.is_empty() || meaning.exec.as_ref().is_some_and(|exec| exec.runs);
        if !config.baseline || !config.inspect || !has_something {
            return;
        }
        let Some(content) = content_of(&origin) else { return };
        let today = now.as_second() / DAY;
        // It teaches nothing, and what others have taught does not count in it.
        let is_barred = self.baseline.is_barred(self.item_of(of.id));
        let learn = self.baseline.learns(today, config.learn_days);
        let mut see = |kind: &str, what: &str| {
            if is_barred {
                return Seen::First;
            }
            let item = self.key.hash(format!("{kind}\0{content}\0{what}").as_bytes());
            self.baseline.see(item, today, learn)
        };
        let mut is_known = |risk: &Risk| {
            // Habits have no level to lose.
            matches!(risk.kind.severity, Severity::Low | Severity::Medium)
                && see("risk", &format!("{}\0{}", risk.kind.name, risk.detail)) == Seen::Known
        };
        let risks = std::mem::take(&mut meaning.risks);
        let (known, new): (Vec<_>, Vec<_>) = risks.into_iter().partition(|risk| is_known(risk));
        meaning.risks = new;
        meaning.learnt_risks = known.into_iter().map(|risk| risk.kind).collect();
        if of.uses_image {
            meaning.is_first_image = see("image", "") == Seen::First;
        }
        if let Some(exec) = meaning.exec.as_mut().filter(|exec| exec.runs && exec.seen == Seen::Off) {
            // A health check is the container's own.
            if exec.probe != Some(true) {
                // Where it is not known what may be done in it, it is not known to be the same.
                let may_be_known = exec.may_be_known();
                let signature = exec::signature(exec).filter(|_| may_be_known);
                exec.seen = signature.map_or(Seen::First, |signature| see("exec", &signature));
            }
        }
    }

    fn item_of(&self, container: &str) -> u64 {
        self.key.hash(format!("container\0{container}").as_bytes())
    }

    /// Writes what was learnt, where that is new.
    pub(super) fn keep(&mut self, is_last: bool) {
        let Some(path) = self.file.as_ref().filter(|_| self.baseline.is_changed()) else { return };
        if !is_last && self.kept.is_some_and(|kept| kept.elapsed() < KEEP_EVERY) {
            return;
        }
        self.kept = Some(Instant::now());
        // A disk that is full is reported by the backlog; this is written again with the next change.
        let _ = folder::replace(path, self.baseline.text().as_bytes(), false);
    }

    /// When what was learnt has to be written at the latest; `None` where nothing of it is new.
    pub(super) fn keep_due(&self) -> Option<Instant> {
        let is_new = self.file.is_some() && self.baseline.is_changed();
        is_new.then(|| self.kept.map_or_else(Instant::now, |kept| kept + KEEP_EVERY))
    }
}

/// Takes out what an exception accepts.
fn accept<'x>(meaning: &mut Meaning, by: &dyn Fn(&str) -> Option<&'x Exception>) {
    let mut accepted: Option<Accepted> = None;
    let mut note = |finding: &'static str, exception: &Exception| {
        let accepted = accepted.get_or_insert_with(|| Accepted {
            findings: Vec::new(),
            reason: exception.reason.clone(),
            until: exception.until,
        });
        accepted.findings.push(finding);
    };
    meaning.risks.retain(|risk| match by(risk.kind.name) {
        Some(exception) => {
            note(risk.kind.name, exception);
            false
        }
        None => true,
    });
    // What the engine did not say of it could be more than what is accepted.
    if let Some(exec) = meaning.exec.as_mut().filter(|exec| exec.runs && exec.is_answered()) {
        let findings = exec::findings(exec);
        let exceptions: Option<Vec<_>> = findings.iter().map(|finding| by(finding).map(|by| (*finding, by))).collect();
        // All of it has to be accepted: an interactive shell is more than a shell.
        if let Some(exceptions) = exceptions.filter(|exceptions| !exceptions.is_empty()) {
            for (finding, exception) in exceptions {
                note(finding, exception);
            }
            exec.seen = Seen::Accepted;
        }
    }
    meaning.accepted = accepted;
}

/// Whether something is going on that nothing should be learnt from.
fn is_dangerous(meaning: &Meaning, origin: &Origin, uses_image: bool) -> bool {
    let exec = meaning.exec.as_ref().filter(|exec| exec.runs && exec.seen != Seen::Accepted);
    meaning.severity() >= Some(Severity::High)
        || exec.is_some_and(exec::Facts::is_dangerous)
        || (uses_image && (origin.trust == Trust::Untrusted || origin.is_masquerade))
}

/// What stands for the content of an image: where it was pulled from, else its id; `None` where neither is known.
fn content_of(origin: &Origin) -> Option<String> {
    let places = origin.pulled_places().map(|places| places.join(" "));
    places.or_else(|| (!origin.id.is_empty()).then(|| origin.id.clone()))
}
