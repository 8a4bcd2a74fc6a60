//! What an audit finds: every container and image that is there, judged as their events are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::docker::availability::Identity;
use crate::docker::inspect::Image;
use crate::event::exceptions::{self, Exceptions};
use crate::event::origin::{self, Origin};
use crate::event::provenance::{EngineProof, Provenance};
use crate::event::registry::{LocalImages, Registries, Trust};
use crate::event::risk::{self, Kind, Severity};
use crate::event::sanitize::visible;
use crate::event::trust::Known;
use crate::inquiry::Answers;

/// Kinds of findings that only an audit has.
pub mod kind {
    use super::{Kind, Severity};

    /// From a registry that is not trusted.
    pub static UNTRUSTED_REGISTRY: Kind = Kind {
        name: "untrusted_registry",
        severity: Severity::High,
        cis: "4.2",
        attack: "T1204.003",
        what: "the image is from a registry that is not trusted",
        cure: "remove it, or name its registry in trusted_registries",
    };

    /// From a registry that nobody has judged.
    pub static UNKNOWN_REGISTRY: Kind = Kind {
        name: "unknown_registry",
        severity: Severity::Low,
        cis: "4.2",
        attack: "T1204.003",
        what: "nobody has judged where the image is from",
        cure: "name the registries you trust in trusted_registries; pull what is only local from one of them",
    };

    /// Of no known origin, where a policy wants one that is trusted.
    pub static UNKNOWN_ORIGIN: Kind = Kind {
        name: "unknown_origin",
        severity: Severity::Medium,
        cis: "4.2",
        attack: "T1204.003",
        what: "nothing proves where the image is from",
        cure: "pull it again from a registry that you trust, or remove it",
    };

    /// Made or brought here without a registry.
    pub static LOCAL_IMAGE: Kind = Kind {
        name: "local_image",
        severity: Severity::Low,
        cis: "4.2",
        attack: "T1525",
        what: "the image was built, loaded, imported or committed on this host",
        cure: "pull it from a registry that you trust, or set local_images to allow",
    };

    /// The same where the policy accepts it.
    pub static LOCAL_IMAGE_ALLOWED: Kind = Kind { severity: Severity::Info, ..LOCAL_IMAGE };

    /// The same where the policy does not.
    pub static LOCAL_IMAGE_REFUSED: Kind = Kind { severity: Severity::Medium, ..LOCAL_IMAGE };

    /// A trusted name for something else.
    pub static MASQUERADE: Kind = Kind {
        name: "masquerade",
        severity: Severity::High,
        cis: "4.2",
        attack: "T1036.005",
        what: "the image has the name of a trusted registry and never came from there",
        cure: "find out who gave it the name; remove the name or pull it again",
    };

    /// Asked for by a tag.
    pub static UNPINNED_IMAGE: Kind = Kind {
        name: "unpinned_image",
        severity: Severity::Info,
        cis: "",
        attack: "T1525",
        what: "the image was asked for by a tag, which can be moved to another",
        cure: "ask for it by its digest: name@sha256:…",
    };

    /// The engine did not tell.
    pub static NOT_JUDGED: Kind = Kind {
        name: "not_judged",
        severity: Severity::Medium,
        cis: "",
        attack: "T1610",
        what: "the engine did not tell what it may do",
        cure: "run the audit again; look at the engine's log where it stays so",
    };

    /// All of them.
    pub static ALL: [&Kind; 7] = [
        &UNTRUSTED_REGISTRY,
        &UNKNOWN_REGISTRY,
        &UNKNOWN_ORIGIN,
        &LOCAL_IMAGE,
        &MASQUERADE,
        &UNPINNED_IMAGE,
        &NOT_JUDGED,
    ];
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A container.
    Container,
    /// An image.
    Image,
}

impl Subject {
    /// One word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Image => "image",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave it is.
    #[serde(serialize_with = "by_name")]
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// The container's or image's name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The kind's name.
    pub finding: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What of it.
    pub detail: String,
    /// Its number in the CIS Docker Benchmark.
    pub cis: &'static str,
    /// What an attacker does with it, in MITRE ATT&CK.
    pub attack: &'static str,
    /// What to do about it.
    pub cure: &'static str,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn by_name<S: Serializer>(severity: &Severity, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(severity.name())
}

/// A container or an image that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its image, or the image itself, in full.
    pub image: String,
    /// What is thought of that.
    pub trust: &'static str,
    /// Whether it was asked for by digest.
    pub pinned: bool,
    /// The digest in its repository.
    pub digest: String,
}

/// By what images are judged.
#[derive(Debug, Clone, Copy)]
pub struct Judges<'j> {
    /// Whose are trusted.
    pub registries: &'j Registries,
    /// What a listener remembers of where they are from.
    pub images: &'j Provenance,
    /// What the engine's answers prove.
    pub engine: EngineProof,
    /// What is accepted.
    pub exceptions: &'j Exceptions,
}

impl Judges<'_> {
    /// As the listener finds it for events.
    fn origin(&self, name: &str, id: &str, images: &[&Image]) -> Origin {
        if id.is_empty() && images.is_empty() {
            return origin::of(name, None, self.registries);
        }
        let id = images.first().map_or(id, |image| image.id.as_str());
        origin::of_known(name, Known { id, images, memory: self.images, engine: self.engine }, self.registries)
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What the engine says it is.
    pub engine: String,
    /// Where it is.
    pub host: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// How many findings there are of each severity.
    pub by_severity: BTreeMap<&'static str, usize>,
    /// The containers.
    pub containers: Vec<Item>,
    /// The images.
    pub images: Vec<Item>,
    /// The findings, the gravest first.
    pub findings: Vec<Finding>,
    /// What to put into `exceptions` of the configuration, where this is meant to be so.
    pub suggested_exceptions: Vec<Suggestion>,
}

/// An exception that would accept what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The findings.
    pub accept: Vec<&'static str>,
    /// What its image is bound to.
    pub image: String,
    /// To be written by who accepts it.
    pub reason: &'static str,
    /// A year after the audit.
    pub until: String,
}

impl Report {
    /// Nothing looked at yet.
    #[must_use]
    pub fn new(engine: &Identity, host: String, at: Timestamp) -> Self {
        Self {
            engine: engine.to_string(),
            host,
            // Whole seconds are what people read.
            at: at.round(jiff::Unit::Second).unwrap_or(at),
            by_severity: BTreeMap::new(),
            containers: Vec::new(),
            images: Vec::new(),
            findings: Vec::new(),
            suggested_exceptions: Vec::new(),
        }
    }

    /// Judges a container by what the engine said of it, `complete` where it said all.
    pub fn add_container(&mut self, id: &str, answers: &Answers, complete: bool, judges: Judges<'_>) {
        let Some(container) = &answers.container else {
            self.add(Subject::Container, id, id, &kind::NOT_JUDGED, "");
            return;
        };
        let name = shown(container.name.trim_start_matches('/'));
        let images: Vec<&Image> = answers.image.iter().chain(&answers.parents).collect();
        let origin = judges.origin(&container.config.image, &container.image, &images);
        let project = container.config.labels.get("com.docker.compose.project").map_or("", String::as_str);
        let (bare_name, engine) = (container.name.trim_start_matches('/'), self.host.clone());
        let of = exceptions::Subject { origin: &origin, container: bare_name, project, engine: &engine };
        let today = self.at.to_zoned(TimeZone::UTC).date();
        let mut risks = risk::of_container(container, &answers.volumes, &answers.host);
        if let Some(Ok(evidence)) = &answers.kernel {
            risks = risk::kernel::of_both(risks, evidence, &answers.host, container).risks;
        }
        for risk in risks {
            if let Some(exception) = judges.exceptions.accepts(risk.kind.name, of, today) {
                let detail = format!("{} (accepted until {}: {})", risk.detail, exception.until, exception.reason);
                self.add_as(Severity::Info, (Subject::Container, &name, id), risk.kind, &detail);
                continue;
            }
            if risk.kind.severity >= Severity::Medium {
                self.suggest(&origin, risk.kind.name);
            }
            self.add(Subject::Container, &name, id, risk.kind, &risk.detail);
        }
        if !complete {
            self.add(Subject::Container, &name, id, &kind::NOT_JUDGED, "not all of it was told");
        }
        self.add_origin(Subject::Container, &name, id, &origin);
        if !origin.is_pinned {
            self.add(Subject::Container, &name, id, &kind::UNPINNED_IMAGE, &origin.reference);
        }
        self.containers.push(item(name, id, &origin));
    }

    /// Judges an image with what it was made of, once for each of its names.
    pub fn add_image(&mut self, image: &Image, parents: &[Image], judges: Judges<'_>) {
        let is_name = |name: &&String| !name.starts_with("<none>");
        let mut names: Vec<&str> = image.repo_tags.iter().filter(is_name).map(String::as_str).collect();
        if names.is_empty() {
            names = image.repo_digests.iter().filter(is_name).map(String::as_str).collect();
        }
        if names.is_empty() {
            names.push(&image.id);
        }
        let images: Vec<&Image> = std::iter::once(image).chain(parents).collect();
        for name in names {
            let origin = judges.origin(name, &image.id, &images);
            let name = shown(&origin.reference);
            self.add_origin(Subject::Image, &name, &image.id, &origin);
            self.images.push(item(name, &image.id, &origin));
        }
    }

    fn add_origin(&mut self, subject: Subject, name: &str, id: &str, origin: &Origin) {
        let mut detail = origin.reference.clone();
        if let Some(how) = origin.how.filter(|how| how.is_local()) {
            detail = format!("{detail}, {} here", how.name());
        } else if origin.is_local {
            detail = format!("{detail}, neither pulled nor pushed");
        }
        if !origin.pulled_from.is_empty() {
            detail = format!("{detail}, pulled from {}", origin.pulled_from.join(", "));
        }
        if !origin.made_of.is_empty() {
            detail = format!("{detail}, made of {}", origin.made_of.join(", "));
        }
        if origin.is_masquerade {
            self.add(subject, name, id, &kind::MASQUERADE, &detail);
        }
        let kind = match (origin.trust, origin.local_images) {
            (Trust::Trusted, _) => return,
            (Trust::Local, Some(LocalImages::Allow)) => &kind::LOCAL_IMAGE_ALLOWED,
            (Trust::Local, Some(LocalImages::Alert)) => &kind::LOCAL_IMAGE_REFUSED,
            (Trust::Local, _) => &kind::LOCAL_IMAGE,
            (Trust::Unknown, _) if origin.breaks_policy => &kind::UNKNOWN_ORIGIN,
            (Trust::Unknown, _) => &kind::UNKNOWN_REGISTRY,
            (Trust::Untrusted, _) => &kind::UNTRUSTED_REGISTRY,
        };
        self.add(subject, name, id, kind, &detail);
    }

    /// Suggests an exception for a finding on containers of this image.
    fn suggest(&mut self, origin: &Origin, finding: &'static str) {
        let Some(image) = exceptions::binding(origin) else { return };
        let known = self.suggested_exceptions.iter_mut().find(|known| known.image == image);
        if let Some(known) = known {
            if !known.accept.contains(&finding) {
                known.accept.push(finding);
            }
            return;
        }
        let in_a_year = self.at.to_zoned(TimeZone::UTC).date().saturating_add(jiff::Span::new().years(1));
        let suggestion =
            Suggestion { accept: vec![finding], image, reason: "to be filled in", until: in_a_year.to_string() };
        self.suggested_exceptions.push(suggestion);
    }

    fn add(&mut self, subject: Subject, name: &str, id: &str, kind: &'static Kind, detail: &str) {
        self.add_as(kind.severity, (subject, name, id), kind, detail);
    }

    fn add_as(
        &mut self,
        severity: Severity,
        (subject, name, id): (Subject, &str, &str),
        kind: &'static Kind,
        detail: &str,
    ) {
        *self.by_severity.entry(severity.name()).or_default() += 1;
        self.findings.push(Finding {
            severity,
            subject,
            name: name.to_owned(),
            id: shown(id),
            finding: kind.name,
            what: kind.what,
            detail: shown(detail),
            cis: kind.cis,
            attack: kind.attack,
            cure: kind.cure,
        });
    }

    /// Puts everything in order: findings by severity, then by name.
    pub fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let of = |f: &Finding| (std::cmp::Reverse(f.severity), f.subject, f.finding);
            of(a).cmp(&of(b)).then_with(|| a.name.cmp(&b.name))
        });
        self.containers.sort_by(|a, b| a.name.cmp(&b.name));
        self.images.sort_by(|a, b| a.name.cmp(&b.name));
        self.suggested_exceptions.sort_by(|a, b| a.image.cmp(&b.image));
    }

    /// How many findings are of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.by_severity.get(severity.name()).copied().unwrap_or_default()
    }

    /// Whether there is a finding of this kind.
    #[must_use]
    pub fn has(&self, kind: &Kind) -> bool {
        self.findings.iter().any(|finding| finding.finding == kind.name)
    }
}

fn item(name: String, id: &str, origin: &Origin) -> Item {
    Item {
        name,
        id: shown(id),
        image: shown(&origin.reference),
        trust: origin.trust.name(),
        pinned: origin.is_pinned,
        digest: origin.digest.clone(),
    }
}

/// Names and paths are other people's, and a terminal or a page shows them.
fn shown(text: &str) -> String {
    visible(text.into()).replace(['\n', '\r', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::inspect::Container;

    #[test]
    fn judges_containers_and_images_and_says_what_it_could_not_judge() {
        let registries = Registries::new(&["registry.example.com".to_owned()], &[]).unwrap();
        let (images, exceptions) = (Provenance::default(), Exceptions::default());
        let engine = EngineProof::default();
        let judges = Judges { registries: &registries, images: &images, engine, exceptions: &exceptions };
        let mut report = Report::new(&Identity::default(), "unix:///x".to_owned(), Timestamp::UNIX_EPOCH);
        let container: Container = serde_json::from_str(
            r#"{"Id":"c1","Name":"/web\u202e","Config":{"Image":"evil.example/app:1","User":"app"},
                "HostConfig":{"Privileged":true,"SecurityOpt":["no-new-privileges"],"Memory":1,"PidsLimit":1}}"#,
        )
        .unwrap();
        report.add_container("c1", &Answers { container: Some(container), ..Answers::default() }, true, judges);
        report.add_container("c2", &Answers::default(), false, judges);
        let image = |name: &str, parent: &str| Image {
            id: "sha256:1".into(),
            repo_tags: vec![name.to_owned()],
            parent: parent.to_owned(),
            ..Image::default()
        };
        report.add_image(&image("registry.example.com/app:1", ""), &[], judges);
        report.add_image(&image("<none>:<none>", "sha256:2"), &[], judges);
        report.sort();
        let found: Vec<String> = report
            .findings
            .iter()
            .map(|f| format!("{} {} {} {}", f.severity, f.subject.name(), f.name, f.finding))
            .collect();
        assert_eq!(
            found,
            [
                "critical container web\\u202e privileged",
                "high container web\\u202e untrusted_registry",
                "high image registry.example.com/app:1 masquerade",
                "medium container c2 not_judged",
                "medium image registry.example.com/app:1 unknown_origin",
                "low image sha256:1 local_image",
                "info container web\\u202e unpinned_image",
            ]
        );
        assert_eq!((report.count(Severity::Low), report.containers.len(), report.images.len()), (1, 1, 2));
        assert!(report.has(&risk::kind::privileged) && !report.has(&risk::kind::host_pid));
    }

    #[test]
    fn what_is_accepted_is_no_more_than_noted_and_what_is_suggested_is_accepted() {
        let registries = Registries::default();
        let images = Provenance::default();
        let look = |exceptions: &Exceptions| {
            let judges =
                Judges { registries: &registries, images: &images, engine: EngineProof::default(), exceptions };
            let mut report = Report::new(&Identity::default(), "unix:///x".to_owned(), Timestamp::UNIX_EPOCH);
            let container: Container = serde_json::from_str(
                r#"{"Id":"c1","Name":"/portainer","Image":"sha256:1","Config":{"Image":"portainer/portainer-ce:2"},
                    "HostConfig":{"Privileged":true,"PidMode":"host"}}"#,
            )
            .unwrap();
            let image = Image {
                id: "sha256:1".into(),
                repo_tags: vec!["portainer/portainer-ce:2".into()],
                repo_digests: vec![format!("portainer/portainer-ce@sha256:{}", "5".repeat(64))],
                ..Image::default()
            };
            let answers = Answers { container: Some(container), image: Some(image), ..Answers::default() };
            report.add_container("c1", &answers, true, judges);
            report.sort();
            report
        };
        let report = look(&Exceptions::default());
        let suggested = serde_json::to_value(&report.suggested_exceptions).unwrap();
        assert_eq!(
            suggested,
            serde_json::json!([{"accept": ["privileged", "host_pid"], "image": "docker.io/portainer/portainer-ce",
                "reason": "to be filled in", "until": "1971-01-01"}])
        );
        let report = look(&Exceptions::parse(suggested.as_array().unwrap()).unwrap());
        assert_eq!((report.count(Severity::Critical), report.count(Severity::High)), (0, 0));
        let privileged = report.findings.iter().find(|finding| finding.finding == "privileged").unwrap();
        assert_eq!(privileged.detail, "--privileged (accepted until 1971-01-01: to be filled in)");
        assert!(report.suggested_exceptions.is_empty());
    }

    #[test]
    fn names_of_kinds_are_unique_among_all() {
        assert!(kind::ALL.iter().all(|own| risk::KINDS.iter().all(|kind| kind.name != own.name)));
    }
}
