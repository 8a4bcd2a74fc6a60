//! Where an image is from, what it is, and whether that is trusted.
//!
//! A name can be given to any image (`docker tag`), so it is judged by the repositories that its digests name wherever
//! the engine knows some: an image that was pulled from elsewhere and renamed is what it was. One that has a name and
//! was neither pulled nor pushed is local, and nobody vouches for it.

use super::Event;
use super::image::{Image, Reference};
use super::meaning::Written;
use super::registry::{Registries, Trust};
use super::tags::{Source, Tags, Target};
use crate::docker::inspect;

/// What is known of an event's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The whole name, in full, or the id or text that stands for it.
    pub reference: String,
    /// Host and port; empty where it is not known.
    pub registry: String,
    /// The path in the registry.
    pub repository: String,
    /// The tag; the one that engines take where neither tag nor digest is given.
    pub tag: String,
    /// The digest that it was asked for by, or that the engine knows for this repository.
    pub digest: String,
    /// Its id, where the engine was asked.
    pub id: String,
    /// What is thought of it.
    pub trust: Trust,
    /// Whether it was asked for by digest or id, so that it can be no other.
    pub is_pinned: bool,
    /// Where its digests say that it is from, where that is not its own repository.
    pub pulled_from: Vec<String>,
    /// Whether it was neither pulled nor pushed, as far as this engine knows.
    pub is_local: bool,
    /// What messages say of it; none once it is changed.
    pub written: Written,
}

impl Origin {
    /// No longer than what messages show of it, since thousands are remembered.
    pub fn shorten(&mut self) {
        const MAX_TEXT: usize = 512;
        const MAX_REPOSITORIES: usize = 16;
        self.pulled_from.truncate(MAX_REPOSITORIES);
        let own = [&mut self.reference, &mut self.registry, &mut self.repository, &mut self.tag, &mut self.digest];
        for text in own.into_iter().chain([&mut self.id]).chain(&mut self.pulled_from) {
            let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or_default());
            text.shrink_to_fit();
        }
    }
}

/// What an event calls its image; `None` where it has none, as prunes.
#[must_use]
pub fn named_by<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let name = match event.kind() {
        "container" => event.attribute("image"),
        "service" => event.attribute("image.new"),
        "image" => {
            let (id, name) = (event.actor_id(), event.attribute("name"));
            // Pulls and pushes have the whole name in the id; everything else has the image's id there.
            if matches!(Image::parse(id), Ok(Image::Named(_))) && id.contains([':', '/']) { id } else { or(name, id) }
        }
        _ => "",
    };
    (!name.is_empty()).then_some(name)
}

fn or<'t>(text: &'t str, other: &'t str) -> &'t str {
    if text.is_empty() { other } else { text }
}

/// A repository with its registry.
fn repository<'r>(reference: &'r Reference<'_>) -> (&'r str, &'r str) {
    (&reference.registry, &reference.repository)
}

fn named(text: &str) -> Option<Reference<'_>> {
    match Image::parse(text) {
        Ok(Image::Named(reference)) => Some(reference),
        _ => None,
    }
}

/// Whether a text may be the beginning of an image's id.
fn may_be_id(text: &str) -> bool {
    let id = text.strip_prefix("sha256:").unwrap_or(text);
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is known of an image that something is called by, with what the engine says of it.
#[must_use]
pub fn of(text: &str, answer: Option<&inspect::Image>, registries: &Registries) -> Origin {
    let is_id = may_be_id(text)
        && answer.is_none_or(|image| {
            let bare = text.strip_prefix("sha256:").unwrap_or(text);
            image.id.trim_start_matches("sha256:").starts_with(bare) && !has_name(image, text)
        });
    if !is_id && let Some(reference) = named(text) {
        return by_name(&reference, answer, registries);
    }
    let mut origin = Origin {
        reference: text.to_owned(),
        registry: String::new(),
        repository: String::new(),
        tag: String::new(),
        digest: String::new(),
        id: String::new(),
        trust: Trust::Unknown,
        is_pinned: false,
        pulled_from: Vec::new(),
        is_local: false,
        written: Written::default(),
    };
    if !is_id {
        return origin;
    }
    // What is known by its id is resolved to its names.
    let mut names = answer.into_iter().flat_map(|image| image.repo_tags.iter().chain(&image.repo_digests));
    if let Some(reference) = names.find_map(|name| named(name)) {
        origin = by_name(&reference, answer, registries);
    } else if let Some(image) = answer {
        origin.id.clone_from(&image.id);
        origin.is_local = true;
    } else if let Some(reference) = named(text)
        // It may as well be a name, and whoever is not trusted stays that.
        && registries.judge(&reference) == Trust::Untrusted
    {
        return by_name(&reference, None, registries);
    }
    origin.is_pinned = true;
    origin
}

fn has_name(image: &inspect::Image, text: &str) -> bool {
    let Some(wanted) = named(text) else { return false };
    image.repo_tags.iter().chain(&image.repo_digests).filter_map(|name| named(name)).any(|known| {
        repository(&known) == repository(&wanted)
            && (known.tag == wanted.tag || (wanted.tag.is_none() && known.tag == Some("latest")))
    })
}

fn by_name(reference: &Reference<'_>, answer: Option<&inspect::Image>, registries: &Registries) -> Origin {
    let digests: Vec<Reference<'_>> =
        answer.into_iter().flat_map(|image| &image.repo_digests).filter_map(|name| named(name)).collect();
    let own = digests.iter().find(|known| repository(known) == repository(reference));
    let pulled_from: Vec<String> = match own {
        Some(_) => Vec::new(),
        None => digests.iter().map(|known| format!("{}/{}", known.registry, known.repository)).collect(),
    };
    let is_local = answer.is_some() && digests.is_empty();
    let by_reference = registries.judge(reference);
    let trust = match own {
        Some(_) => by_reference,
        None if is_local => {
            if by_reference == Trust::Trusted {
                Trust::Unknown
            } else {
                by_reference
            }
        }
        None => digests.iter().map(|known| registries.judge(known)).max().unwrap_or(by_reference),
    };
    let digest = reference.digest.or_else(|| own.and_then(|own| own.digest)).unwrap_or_default();
    let tag = reference.tag.unwrap_or(if reference.digest.is_none() { "latest" } else { "" });
    Origin {
        reference: in_full(reference, tag),
        registry: reference.registry.to_ascii_lowercase(),
        repository: reference.repository.to_string(),
        tag: tag.to_owned(),
        digest: digest.to_owned(),
        id: answer.map(|image| image.id.clone()).unwrap_or_default(),
        trust,
        is_pinned: reference.digest.is_some(),
        pulled_from,
        is_local,
        written: Written::default(),
    }
}

fn in_full(reference: &Reference<'_>, tag: &str) -> String {
    let tag = (!tag.is_empty()).then_some(tag);
    Reference { tag, ..reference.clone() }.to_string()
}

/// Takes back trust that only a name has earned. Where containerd keeps the images every name has a digest of its own,
/// pulled or not; what is remembered of the image then decides.
pub fn recall(origin: &mut Origin, image: &inspect::Image, tags: &Tags, registries: &Registries) {
    let digests = || image.repo_digests.iter().filter_map(|name| named(name));
    let is_containerds = digests().any(|known| known.digest == Some(image.id.as_str()));
    if origin.trust != Trust::Trusted || !is_containerds {
        return;
    }
    let is_own = |reference: &Reference<'_>| {
        reference.registry.eq_ignore_ascii_case(&origin.registry) && reference.repository == origin.repository
    };
    let remembered = || tags.of_image(&image.id).filter_map(|(tag, target)| Some((named(tag)?, target.source)));
    let own: Vec<Source> = remembered().filter(|(tag, _)| is_own(tag)).map(|(_, source)| source).collect();
    if own.contains(&Source::Registry) {
        return;
    }
    let others = digests().chain(remembered().map(|(tag, _)| tag)).filter(|other| !is_own(other));
    let mut untrusted: Vec<String> = others
        .filter(|other| registries.judge(other) == Trust::Untrusted)
        .map(|other| format!("{}/{}", other.registry, other.repository))
        .collect();
    untrusted.sort_unstable();
    untrusted.dedup();
    if !untrusted.is_empty() {
        origin.trust = Trust::Untrusted;
        origin.pulled_from = untrusted;
    } else if own.contains(&Source::Here) {
        origin.trust = Trust::Unknown;
        origin.is_local = true;
    }
}

/// A tag as it is remembered, with what the image it is on is known by there; `None` for what has no tag.
#[must_use]
pub fn tag_of(name: &str, image: &inspect::Image, source: Source) -> Option<(String, Target)> {
    let reference = named(name).filter(|reference| reference.digest.is_none())?;
    let own = image.repo_digests.iter().filter_map(|known| named(known));
    let digest = own.filter(|known| repository(known) == repository(&reference)).find_map(|known| known.digest);
    let target = Target { source, id: image.id.clone(), digest: digest.unwrap_or_default().to_owned() };
    Some((in_full(&reference, reference.tag.unwrap_or("latest")), target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tags: &[&str], digests: &[&str]) -> inspect::Image {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        inspect::Image { id: format!("sha256:{ID}"), repo_tags: owned(tags), repo_digests: owned(digests) }
    }

    const ID: &str = "ea126f5d85a57858d6c679f4de4f6a5f85e7b211ae0c383f78d66762f7992f89";

    fn digest(repository: &str) -> String {
        format!("{repository}@sha256:{}", "5".repeat(64))
    }

    fn origin(text: &str, answer: Option<&inspect::Image>) -> Origin {
        let trusted = ["registry.corp".to_owned(), "docker.io/library".to_owned(), "localhost".to_owned()];
        of(text, answer, &Registries::new(&trusted, &[]).unwrap())
    }

    #[test]
    fn names_are_written_in_full_and_in_parts() {
        for (text, reference, tag, pinned) in [
            ("nginx", "docker.io/library/nginx:latest", "latest", false),
            ("nginx:1.27", "docker.io/library/nginx:1.27", "1.27", false),
            ("localhost/bb:1", "localhost/bb:1", "1", false),
            (&digest("nginx"), &digest("docker.io/library/nginx"), "", true),
            (&digest("nginx:1"), &digest("docker.io/library/nginx:1"), "1", true),
            ("Not An Image", "Not An Image", "", false),
        ] {
            let origin = origin(text, None);
            assert_eq!(
                (origin.reference.as_str(), origin.tag.as_str(), origin.is_pinned),
                (reference, tag, pinned),
                "{text}"
            );
        }
        let nginx = origin("REGISTRY.corp:443/team/app", None);
        assert_eq!((nginx.registry.as_str(), nginx.repository.as_str()), ("registry.corp:443", "team/app"));
        assert_eq!(nginx.trust, Trust::Trusted);
    }

    #[test]
    fn trust_follows_where_an_image_was_pulled_from_and_not_what_it_is_called() {
        let corp = digest("registry.corp/app");
        let evil = digest("evil.example/app");
        for (text, tags, digests, trust, local) in [
            ("registry.corp/app:1", &["registry.corp/app:1"][..], &[corp.as_str()][..], Trust::Trusted, false),
            ("evil.example/app:1", &["evil.example/app:1"], &[&evil], Trust::Untrusted, false),
            // Renamed.
            ("registry.corp/app:1", &["registry.corp/app:1"], &[&evil], Trust::Untrusted, false),
            ("app:1", &["app:1"], &[&corp], Trust::Trusted, false),
            ("app:1", &["app:1"], &[&corp, &evil], Trust::Untrusted, false),
            // Renamed and pushed to where it is trusted: somebody there took it.
            ("registry.corp/app:1", &["registry.corp/app:1"], &[&evil, &corp], Trust::Trusted, false),
            // Built here.
            ("registry.corp/app:1", &["registry.corp/app:1"], &[], Trust::Unknown, true),
            ("evil.example/app:1", &["evil.example/app:1"], &[], Trust::Untrusted, true),
        ] {
            let seen = origin(text, Some(&image(tags, digests)));
            assert_eq!((seen.trust, seen.is_local), (trust, local), "{text} {digests:?}");
        }
        let renamed = origin("registry.corp/app:1", Some(&image(&[], &[&evil])));
        assert_eq!(renamed.pulled_from, ["evil.example/app"]);
    }

    #[test]
    fn an_id_is_resolved_to_its_names_and_unknown_without_them() {
        let evil = digest("evil.example/app");
        let known = image(&["evil.example/app:1"], &[&evil]);
        for text in [&format!("sha256:{ID}"), ID, &ID[..12], &ID[..2]] {
            let seen = origin(text, Some(&known));
            assert_eq!((seen.trust, seen.reference.as_str()), (Trust::Untrusted, "evil.example/app:1"), "{text}");
            assert!(seen.is_pinned);
            assert_ne!(origin(text, None).trust, Trust::Trusted, "docker.io/library is, but this may be an id");
            let nameless = origin(text, Some(&image(&[], &[])));
            assert_eq!((nameless.trust, nameless.is_local), (Trust::Unknown, true));
        }
        // A name that looks like one.
        let cafe = image(&["cafe:latest"], &[&digest("cafe")]);
        assert_eq!(origin("cafe", Some(&cafe)).reference, "docker.io/library/cafe:latest");
    }

    #[test]
    fn events_name_their_images_each_in_its_own_way() {
        let by = |line: String| named_by(&Event::parse(line.as_bytes()).unwrap()).map(str::to_owned);
        let id = format!("sha256:{ID}");
        for (kind, action, actor, attributes, expected) in [
            ("image", "pull", "127.0.0.1:5000/bb:1", r#""name":"127.0.0.1:5000/bb""#, Some("127.0.0.1:5000/bb:1")),
            ("image", "tag", id.as_str(), r#""name":"bb:2""#, Some("bb:2")),
            ("image", "delete", id.as_str(), &format!(r#""name":"{id}""#), Some(id.as_str())),
            ("image", "pull", "", r#""name":"localhost/bb:1""#, Some("localhost/bb:1")),
            ("image", "prune", "", r#""reclaimed":"0""#, None),
            ("container", "start", "c", r#""image":"bb:1","name":"web""#, Some("bb:1")),
            ("service", "update", "s", r#""image.new":"bb:2@sha256:x","name":"svc""#, Some("bb:2@sha256:x")),
            ("volume", "create", "v", r#""image":"x""#, None),
        ] {
            let line = format!(
                r#"{{"Type":"{kind}","Action":"{action}","Actor":{{"ID":"{actor}","Attributes":{{{attributes}}}}}}}"#
            );
            assert_eq!(by(line).as_deref(), expected, "{kind} {action}");
        }
    }

    #[test]
    fn a_tag_is_remembered_in_full_with_its_own_digest() {
        let known = image(&["nginx:latest"], &[&digest("other/nginx"), &digest("nginx")]);
        let (tag, target) = tag_of("nginx", &known, Source::Found).unwrap();
        assert_eq!(
            (tag.as_str(), target.digest),
            ("docker.io/library/nginx:latest", format!("sha256:{}", "5".repeat(64)))
        );
        assert_eq!(tag_of("built:1", &known, Source::Found).unwrap().1.digest, "");
        assert_eq!(tag_of(&digest("nginx"), &known, Source::Found), None);
    }

    #[test]
    fn where_every_name_has_a_digest_memory_decides() {
        let registries = Registries::new(&["registry.corp".to_owned()], &[]).unwrap();
        let id = format!("sha256:{ID}");
        let all = |names: &[&str]| inspect::Image {
            id: id.clone(),
            repo_tags: names.iter().map(|name| format!("{name}:1")).collect(),
            repo_digests: names.iter().map(|name| format!("{name}@{id}")).collect(),
        };
        let judged = |image: &inspect::Image, remembered: &[(&str, Source)]| {
            let mut tags = Tags::default();
            for (name, source) in remembered {
                let (tag, target) = tag_of(name, image, *source).unwrap();
                tags.see(&tag, target);
            }
            let mut origin = of("registry.corp/app:1", Some(image), &registries);
            recall(&mut origin, image, &tags, &registries);
            origin.trust
        };
        let (own, both) = (all(&["registry.corp/app"]), all(&["registry.corp/app", "evil.example/x"]));
        let (evil, corp) = ("evil.example/x:1", "registry.corp/app:1");
        assert_eq!(judged(&own, &[]), Trust::Trusted, "nothing speaks against it");
        assert_eq!(judged(&own, &[(corp, Source::Registry)]), Trust::Trusted);
        assert_eq!(judged(&own, &[(corp, Source::Here)]), Trust::Unknown, "built, loaded or renamed here");
        assert_eq!(judged(&both, &[]), Trust::Untrusted);
        assert_eq!(
            judged(&own, &[(evil, Source::Registry), (corp, Source::Here)]),
            Trust::Untrusted,
            "after rmi of the other name"
        );
        assert_eq!(
            judged(&both, &[(evil, Source::Registry), (corp, Source::Registry)]),
            Trust::Trusted,
            "pushed there"
        );
    }
}
