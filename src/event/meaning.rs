//! What an event means beyond what it says, as the fields that rules look at.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::Event;
use super::baseline::Seen;
use super::bounds::{self, SHOWN};
use super::command::Category;
use super::ending::Ending;
use super::exec::{self, Session};
use super::origin::Origin;
use super::provenance::How;
use super::registry::LocalImages;
use super::risk::{Kind, Risk, Severity};
use super::sanitize::visible;
use super::tags::Moved;
use super::workload;
use crate::kernel::{self, KernelError};

/// What was found out about an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Its image.
    pub image: Option<Arc<Origin>>,
    /// Where its image's tag pointed before.
    pub moved: Option<Moved>,
    /// Whether a policy asks for images by digest, and this one is none.
    pub breaks_pinning: bool,
    /// What its container may do, the gravest first, as far as that has not been reported before.
    pub risks: Vec<Risk>,
    /// What of it has been reported before.
    pub known_risks: Vec<&'static Kind>,
    /// What of it other containers of the same image do too, and have done before.
    pub learnt_risks: Vec<&'static Kind>,
    /// What the configuration accepts.
    pub accepted: Option<Accepted>,
    /// Whether its image is used here for the first time.
    pub is_first_image: bool,
    /// Who says so; none where only the engine could be asked.
    pub evidence: Option<Evidence>,
    /// Its command.
    pub exec: Option<exec::Facts>,
    /// Whose container it is.
    pub workload: Vec<(&'static str, String)>,
    /// With what its container or command ended, whatever its labels say; none where that is not known.
    pub exit_code: Option<i64>,
    /// How its container ended, where it says that it did.
    pub ending: Option<Ending>,
}

/// What the configuration accepts of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The names of the findings.
    pub findings: Vec<&'static str>,
    /// Why the first of them is accepted.
    pub reason: String,
    /// The last day of that.
    pub until: jiff::civil::Date,
}

/// Who says what a container may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In words.
    pub sources: String,
    /// The names of the risks that only the kernel shows.
    pub kernel_only: Vec<&'static str>,
}

impl Evidence {
    /// The engine's answer, and the kernel's, or why there is none of the kernel.
    #[must_use]
    pub fn of(kernel: Result<&kernel::Evidence, KernelError>, kernel_only: Vec<&'static str>) -> Self {
        let sources = match kernel {
            Ok(evidence) if evidence.is_partial => "engine, kernel (in part)".to_owned(),
            Ok(_) => "engine, kernel".to_owned(),
            Err(error) => format!("engine (kernel: {})", error.name()),
        };
        Self { sources, kernel_only }
    }
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field<'m> {
    /// The object it stands in; empty for none.
    pub object: &'static str,
    /// Its key.
    pub key: &'static str,
    /// Its value, safe to show.
    pub value: Cow<'m, str>,
}

/// Fields as they stand in a message, and how many they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFields {
    /// The fields, with what separates them.
    pub text: String,
    /// How many.
    pub count: usize,
}

/// Keeps the fields of something that does not change any more. It is no part of what is compared or copied.
#[derive(Debug, Default)]
pub struct Written(OnceLock<WrittenFields>);

impl Written {
    /// The fields; written by whoever asks first.
    pub fn get_or_init(&self, write: impl FnOnce() -> WrittenFields) -> &WrittenFields {
        self.0.get_or_init(write)
    }
}

impl Clone for Written {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Written {}

impl Meaning {
    /// What the event itself tells of it, without the engine being asked.
    #[must_use]
    pub fn of_event(event: &Event<'_>) -> Self {
        let kept = |value| bounds::beginning(value, bounds::kept(SHOWN)).to_owned();
        let workload = workload::of_event(event).into_iter().map(|(key, value)| (key, kept(value))).collect();
        Self { workload, exec: exec::of_event(event), ..Self::default() }
    }

    /// The gravest of the risks.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.risks.iter().map(|risk| risk.kind.severity).max()
    }

    /// Its fields, those of one object side by side. Absent is what is not known; a switch that is off is `false` only
    /// where rules could want to know that it was looked at.
    ///
    /// The exit code is one of its own, and the image's are [`Self::image_fields`].
    #[must_use]
    pub fn fields_beside_image(&self) -> Vec<Field<'_>> {
        let mut fields = Fields(Vec::new());
        self.of_risks(&mut fields);
        // Who says so stands with the gravest of them.
        let mut is_said = !self.risks.is_empty();
        for (object, kinds) in [("known_risk", &self.known_risks), ("learnt_risk", &self.learnt_risks)] {
            of_kinds(object, kinds, &mut fields);
            if !kinds.is_empty() && !std::mem::replace(&mut is_said, true) {
                self.of_evidence(object, &mut fields);
            }
        }
        if let Some(accepted) = &self.accepted {
            fields.add("accepted", "findings", accepted.findings.join(", "));
            fields.add("accepted", "reason", accepted.reason.as_str());
            fields.add("accepted", "until", accepted.until.to_string());
        }
        if let Some(exec) = &self.exec {
            of_exec(exec, &mut fields);
        }
        for (key, value) in &self.workload {
            fields.add("workload", key, value.as_str());
        }
        if let Some(ending) = self.ending {
            fields.add("end", "cause", ending.cause.name());
            if let Some(failures) = ending.crash_loop {
                fields.add("end", "crash_loop", failures.to_string());
            }
        }
        fields.0
    }

    /// Whether more is known of the image than what [`Self::image`] holds.
    #[must_use]
    pub fn says_more_of_image(&self) -> bool {
        self.breaks_pinning || self.moved.is_some() || self.is_first_image
    }

    /// The fields of its image, if it has one.
    #[must_use]
    pub fn image_fields(&self) -> Vec<Field<'_>> {
        const OBJECT: &str = "image";
        let Some(image) = &self.image else { return Vec::new() };
        let mut fields = Fields(Vec::with_capacity(16));
        fields.add(OBJECT, "reference", image.reference.as_str());
        fields.add(OBJECT, "registry", image.registry.as_str());
        fields.add(OBJECT, "repository", image.repository.as_str());
        fields.add(OBJECT, "tag", image.tag.as_str());
        fields.add(OBJECT, "digest", image.digest.as_str());
        fields.add(OBJECT, "id", image.id.as_str());
        fields.add(OBJECT, "trust", image.trust.name());
        fields.add(OBJECT, "origin", image.how.map_or("unknown", How::name));
        fields.add_switch(OBJECT, "pinned", Some(image.is_pinned));
        fields.add_switch(OBJECT, "breaks_pinning", self.breaks_pinning.then_some(true));
        fields.add_switch(OBJECT, "local", image.is_local.then_some(true));
        fields.add(OBJECT, "local_images", image.local_images.map_or("", LocalImages::name));
        fields.add_switch(OBJECT, "breaks_policy", image.breaks_policy.then_some(true));
        fields.add(OBJECT, "seen", if self.is_first_image { Seen::First.name() } else { "" });
        fields.add_switch(OBJECT, "masquerade", image.is_masquerade.then_some(true));
        fields.add(OBJECT, "pulled_from", image.pulled_from.join(", "));
        fields.add(OBJECT, "made_of", image.made_of.join(", "));
        if let Some(moved) = &self.moved {
            fields.add(OBJECT, "tag_moved", "true");
            fields.add_switch(OBJECT, "rebuilt", moved.is_rebuild.then_some(true));
            fields.add(OBJECT, "old_digest", moved.from.as_str());
            fields.add(OBJECT, "new_digest", moved.to.as_str());
        }
        fields.0
    }

    fn of_risks<'m>(&'m self, fields: &mut Fields<'m>) {
        let Some(severity) = self.severity() else { return };
        fields.add("risk", "severity", severity.name());
        let names: Vec<&str> = self.risks.iter().map(|risk| risk.kind.name).collect();
        fields.add("risk", "names", names.join(", "));
        fields.add("risk", "cis", distinct(self.risks.iter().map(|risk| risk.kind.cis)));
        fields.add("risk", "attack", distinct(self.risks.iter().map(|risk| risk.kind.attack)));
        self.of_evidence("risk", fields);
        for risk in &self.risks {
            fields.add("risk", risk.kind.name, risk.detail.as_str());
        }
    }

    fn of_evidence(&self, object: &'static str, fields: &mut Fields<'_>) {
        let Some(evidence) = &self.evidence else { return };
        fields.add(object, "evidence", evidence.sources.clone());
        if !evidence.kernel_only.is_empty() {
            fields.add(object, "seen_by", "kernel");
            fields.add(object, "kernel_only", evidence.kernel_only.join(", "));
        }
    }
}

struct Fields<'m>(Vec<Field<'m>>);

impl<'m> Fields<'m> {
    /// What is empty is left out on the way to the rules anyhow.
    fn add(&mut self, object: &'static str, key: &'static str, value: impl Into<Cow<'m, str>>) {
        let mut value = value.into();
        // What cannot be seen becomes six times as long.
        bounds::cut(&mut value, SHOWN);
        let value = visible(value);
        if !value.is_empty() {
            self.0.push(Field { object, key, value });
        }
    }

    fn add_switch(&mut self, object: &'static str, key: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.add(object, key, if value { "true" } else { "false" });
        }
    }
}

/// The gravest of some risks, and their names.
fn of_kinds(object: &'static str, kinds: &[&'static Kind], fields: &mut Fields<'_>) {
    let Some(severity) = kinds.iter().map(|kind| kind.severity).max() else { return };
    fields.add(object, "severity", severity.name());
    fields.add(object, "names", kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "));
}

fn of_exec<'m>(exec: &'m exec::Facts, fields: &mut Fields<'m>) {
    const OBJECT: &str = "exec";
    fields.add(OBJECT, "command", exec.line.as_str());
    fields.add_switch(OBJECT, "runs", exec.runs.then_some(true));
    fields.add(OBJECT, "seen", if exec.runs { exec.seen.name() } else { "" });
    for (key, name) in [
        ("shell", exec.command.shell),
        ("package_manager", exec.command.package_manager),
        ("download", exec.command.download),
        ("tunnel", exec.command.tunnel),
    ] {
        fields.add(OBJECT, key, name.unwrap_or_default());
    }
    if !exec.found.is_empty() {
        let names: Vec<&str> = exec.found.categories().map(Category::name).collect();
        fields.add(OBJECT, "categories", names.join(", "));
        fields.add(OBJECT, "technique", distinct(exec.found.techniques()));
    }
    if exec.runs && !exec.is_answered() {
        fields.add(OBJECT, "judged_by", "event");
    }
    fields.add_switch(OBJECT, "interactive", exec.interactive);
    fields.add(OBJECT, "session", exec.session.map_or("", Session::name));
    fields.add(OBJECT, "user", exec.user.as_deref().unwrap_or_default());
    fields.add_switch(OBJECT, "root", exec.is_root());
    fields.add_switch(OBJECT, "privileged", exec.privileged);
    fields.add_switch(OBJECT, "probe", exec.probe);
}

/// Each once, in order.
fn distinct<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !text.is_empty() && !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_fields(meaning: &Meaning) -> Vec<Field<'_>> {
        meaning.image_fields().into_iter().chain(meaning.fields_beside_image()).collect()
    }
    use crate::event::registry::Registries;
    use crate::event::risk::kind;
    use crate::event::{origin, risk};

    #[test]
    fn every_field_is_a_text_that_rules_can_show() {
        let mut image = origin::of("evil.example/app", None, &Registries::default());
        image.id = "[not an array]".to_owned();
        let meaning = Meaning {
            image: Some(Arc::new(image)),
            risks: vec![
                Risk { kind: &kind::privileged, detail: "--privileged".to_owned() },
                Risk { kind: &kind::host_root_rw, detail: "/\u{202e} (rw)".to_owned() },
            ],
            evidence: Some(Evidence::of(Err(KernelError::Gone), vec!["privileged"])),
            workload: vec![("pod", "web\0".to_owned())],
            ..Meaning::default()
        };
        let fields: Vec<String> = all_fields(&meaning)
            .iter()
            .map(|field| format!("{}.{}={}", field.object, field.key, field.value))
            .collect();
        assert_eq!(
            fields,
            [
                "image.reference=evil.example/app:latest",
                "image.registry=evil.example",
                "image.repository=app",
                "image.tag=latest",
                "image.id= [not an array]",
                "image.trust=unknown",
                "image.origin=unknown",
                "image.pinned=false",
                "risk.severity=critical",
                "risk.names=privileged, host_root_rw",
                "risk.cis=5.5, 5.6",
                "risk.attack=T1611",
                "risk.evidence=engine (kernel: gone)",
                "risk.seen_by=kernel",
                "risk.kernel_only=privileged",
                "risk.privileged=--privileged",
                "risk.host_root_rw=/\\u202e (rw)",
                "workload.pod=web\\u0000",
            ]
        );
        assert!(risk::KINDS.iter().all(|kind| {
            !["severity", "names", "cis", "attack", "evidence", "seen_by", "kernel_only"].contains(&kind.name)
        }));
    }

    #[test]
    fn an_event_alone_tells_its_command_and_its_workload() {
        let line = br#"{"Type":"container","Action":"exec_start: sh -c curl x","Actor":{"ID":"c","Attributes":{"wazuh.core":"true"}}}"#;
        let meaning = Meaning::of_event(&Event::parse(line).unwrap());
        let fields: Vec<String> = all_fields(&meaning)
            .iter()
            .map(|field| format!("{}.{}={}", field.object, field.key, field.value))
            .collect();
        assert_eq!(
            fields,
            [
                "exec.command=sh -c curl x",
                "exec.runs=true",
                "exec.seen=off",
                "exec.shell=sh",
                "exec.download=curl",
                "exec.categories=download, shell",
                "exec.technique=T1105, T1059.004",
                "exec.judged_by=event",
                "workload.core=true"
            ]
        );
    }
}
