//! What an audit finds: every container and image that is there, judged as their events are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::docker::availability::Identity;
use crate::docker::inspect::Image;
use crate::event::origin::{self, Origin};
use crate::event::registry::{Registries, Trust};
use crate::event::risk::{self, Kind, Severity};
use crate::event::sanitize::visible;
use crate::event::tags::Tags;
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
    pub static ALL: [&Kind; 4] = [&UNTRUSTED_REGISTRY, &UNKNOWN_REGISTRY, &UNPINNED_IMAGE, &NOT_JUDGED];
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
    /// What a listener has seen of their tags.
    pub tags: &'j Tags,
}

impl Judges<'_> {
    fn origin(&self, name: &str, image: Option<&Image>) -> Origin {
        let mut origin = origin::of(name, image, self.registries);
        if let Some(image) = image {
            origin::recall(&mut origin, image, self.tags, self.registries);
        }
        origin
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
        }
    }

    /// Judges a container by what the engine said of it, `complete` where it said all.
    pub fn add_container(&mut self, id: &str, answers: &Answers, complete: bool, judges: Judges<'_>) {
        let Some(container) = &answers.container else {
            self.add(Subject::Container, id, id, &kind::NOT_JUDGED, "");
            return;
        };
        let name = shown(container.name.trim_start_matches('/'));
        let origin = judges.origin(&container.config.image, answers.image.as_ref());
        for risk in risk::of_container(container, &answers.volumes, &answers.host) {
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

    /// Judges an image, once for each of its names.
    pub fn add_image(&mut self, image: &Image, judges: Judges<'_>) {
        let is_name = |name: &&String| !name.starts_with("<none>");
        let mut names: Vec<&str> = image.repo_tags.iter().filter(is_name).map(String::as_str).collect();
        if names.is_empty() {
            names = image.repo_digests.iter().filter(is_name).map(String::as_str).collect();
        }
        if names.is_empty() {
            names.push(&image.id);
        }
        for name in names {
            let origin = judges.origin(name, Some(image));
            let name = shown(&origin.reference);
            self.add_origin(Subject::Image, &name, &image.id, &origin);
            self.images.push(item(name, &image.id, &origin));
        }
    }

    fn add_origin(&mut self, subject: Subject, name: &str, id: &str, origin: &Origin) {
        let kind = match origin.trust {
            Trust::Trusted => return,
            Trust::Unknown => &kind::UNKNOWN_REGISTRY,
            Trust::Untrusted => &kind::UNTRUSTED_REGISTRY,
        };
        let mut detail = origin.reference.clone();
        if !origin.pulled_from.is_empty() {
            detail = format!("{detail}, pulled from {}", origin.pulled_from.join(", "));
        } else if origin.is_local {
            detail = format!("{detail}, neither pulled nor pushed");
        }
        self.add(subject, name, id, kind, &detail);
    }

    fn add(&mut self, subject: Subject, name: &str, id: &str, kind: &'static Kind, detail: &str) {
        *self.by_severity.entry(kind.severity.name()).or_default() += 1;
        self.findings.push(Finding {
            severity: kind.severity,
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
        let judges = Judges { registries: &registries, tags: &Tags::default() };
        let mut report = Report::new(&Identity::default(), "unix:///x".to_owned(), Timestamp::UNIX_EPOCH);
        let container: Container = serde_json::from_str(
            r#"{"Id":"c1","Name":"/web\u202e","Config":{"Image":"evil.example/app:1","User":"app"},
                "HostConfig":{"Privileged":true,"SecurityOpt":["no-new-privileges"],"Memory":1,"PidsLimit":1}}"#,
        )
        .unwrap();
        report.add_container("c1", &Answers { container: Some(container), ..Answers::default() }, true, judges);
        report.add_container("c2", &Answers::default(), false, judges);
        let image =
            |name: &str| Image { id: "sha256:1".into(), repo_tags: vec![name.to_owned()], repo_digests: vec![] };
        report.add_image(&image("registry.example.com/app:1"), judges);
        report.add_image(&image("<none>:<none>"), judges);
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
                "medium container c2 not_judged",
                "low image registry.example.com/app:1 unknown_registry",
                "low image sha256:1 unknown_registry",
                "info container web\\u202e unpinned_image",
            ]
        );
        assert_eq!((report.count(Severity::Low), report.containers.len(), report.images.len()), (2, 1, 2));
        assert!(report.has(&risk::kind::privileged) && !report.has(&risk::kind::host_pid));
    }

    #[test]
    fn names_of_kinds_are_unique_among_all() {
        assert!(kind::ALL.iter().all(|own| risk::KINDS.iter().all(|kind| kind.name != own.name)));
    }
}
