//! Where an image is from, what it is called, and whether that is trusted.
//!
//! A name can be given to any image (`docker tag`), so it proves nothing: `event/trust.rs` decides by where the content is
//! from. A name that claims to be from a trusted registry, for an image that never came from there, is worth an alert.

use super::Event;
use super::image::{Image, Reference};
use super::meaning::Written;
use super::provenance::{
    EngineProof, How, Provenance, Store, digest_places, is_same_but_port, named, repository as place_of,
};
use super::registry::{LocalImages, Registries, Trust};
use super::tags::Target;
use super::trust::{self, Content, Known};
use crate::docker::inspect;

/// What is known of an event's image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a field of the message")]
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
    /// How it came to be here; `None` where that is not known.
    pub how: Option<How>,
    /// Whether it was asked for by digest or id, so that it can be no other.
    pub is_pinned: bool,
    /// The repositories that it was pulled from, where they are not its own.
    pub pulled_from: Vec<String>,
    /// What it was made of here.
    pub made_of: Vec<String>,
    /// Whether it was made or brought here without a registry, or was neither pulled nor pushed, as far as this engine
    /// knows.
    pub is_local: bool,
    /// Whether its name claims a trusted registry that it never came from.
    pub is_masquerade: bool,
    /// What the policy says of images that are local; none of others.
    pub local_images: Option<LocalImages>,
    /// Whether there is a policy that it does not satisfy because nothing proves where it is from.
    pub breaks_policy: bool,
    /// What messages say of it; none once it is changed.
    pub written: Written,
}

impl Origin {
    /// The repositories that the content is known to have been pulled from, its own where there is no other; `None` where it
    /// was not pulled, or only a name says so.
    #[must_use]
    pub fn pulled_places(&self) -> Option<Vec<String>> {
        if self.how != Some(How::Pulled) || self.is_masquerade {
            return None;
        }
        let own = || vec![format!("{}/{}", self.registry, self.repository)];
        Some(if self.pulled_from.is_empty() { own() } else { self.pulled_from.clone() })
    }

    /// Whether it is known how the content came to be here.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.how.is_some() && !self.is_masquerade
    }

    /// No longer than what messages show of it, since thousands are remembered.
    pub fn shorten(&mut self) {
        const MAX_TEXT: usize = 512;
        const MAX_REPOSITORIES: usize = 16;
        self.pulled_from.truncate(MAX_REPOSITORIES);
        self.made_of.truncate(MAX_REPOSITORIES);
        let own = [&mut self.reference, &mut self.registry, &mut self.repository, &mut self.tag, &mut self.digest];
        for text in own.into_iter().chain([&mut self.id]).chain(&mut self.pulled_from).chain(&mut self.made_of) {
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

/// Whether a text may be the beginning of an image's id.
fn may_be_id(text: &str) -> bool {
    let id = text.strip_prefix("sha256:").unwrap_or(text);
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is known of an image by what something calls it: what pulls and services say of where it is from, or what the
/// engine says of it alone.
#[must_use]
pub fn of(text: &str, answer: Option<&inspect::Image>, registries: &Registries) -> Origin {
    if let Some(image) = answer {
        let memory = Provenance::default();
        let known = Known { id: &image.id, images: &[image], memory: &memory, engine: EngineProof::default() };
        return of_known(text, known, registries);
    }
    let Some(reference) = named(text) else {
        return Origin { reference: text.to_owned(), is_pinned: may_be_id(text), ..Origin::default() };
    };
    let trust = registries.judge(&reference);
    if may_be_id(text) && trust != Trust::Untrusted {
        // It may as well be a name, and one that is not trusted stays that.
        return Origin { reference: text.to_owned(), is_pinned: true, ..Origin::default() };
    }
    Origin { trust, ..by_name(&reference, None) }
}

/// What is known of an image that something is called by, with what the engine and the memory say of it.
#[must_use]
pub fn of_known(text: &str, known: Known<'_>, registries: &Registries) -> Origin {
    let image = known.images.first().copied();
    let content = trust::weigh(known, registries);
    let is_id = is_id_of(text, known.id) && image.is_none_or(|image| !has_name(image, text));
    let called = if is_id { name_of(known, &content) } else { Some(text.to_owned()) };
    let reference = called.as_deref().and_then(named);
    let mut origin = match &reference {
        Some(reference) => by_name(reference, image),
        None => Origin { reference: text.to_owned(), ..Origin::default() },
    };
    origin.is_pinned |= is_id;
    known.id.clone_into(&mut origin.id);
    let is_own = |name: &str| reference.as_ref().is_some_and(|reference| place_of(reference) == name);
    let is_nowhere = image.is_some_and(|image| Store::of(image, known.engine) == Store::Classic)
        && content.how.is_none()
        && content.places.is_empty();
    origin.is_local = content.how.is_some_and(How::is_local) || is_nowhere;
    origin.is_masquerade =
        reference.as_ref().is_some_and(|reference| is_masquerade(reference, known, &content, is_nowhere, registries));
    origin.pulled_from = content.places.iter().map(|place| &place.name).filter(|name| !is_own(name)).cloned().collect();
    (origin.how, origin.made_of, origin.trust) = (content.how, content.made_of, content.trust);
    if origin.how.is_none() && reference.as_ref().is_some_and(|reference| registries.distrusts(reference)) {
        // Where nothing else is known the name is all there is, and it can only make trust less.
        origin.trust = Trust::Untrusted;
    }
    origin.local_images = (origin.trust == Trust::Local).then(|| registries.local_images());
    origin.breaks_policy = origin.trust == Trust::Unknown && registries.is_policy();
    origin
}

/// Whether an image is what a build has made on its way: it has a parent here and no name. Where containers are made of
/// such images, the classic builder runs its next step.
#[must_use]
pub fn is_build_step(image: &inspect::Image) -> bool {
    !image.parent.is_empty() && image.repo_tags.is_empty() && image.repo_digests.is_empty()
}

/// What to call an image that is known by its id: a name that says where it is from before others.
fn name_of(known: Known<'_>, content: &Content) -> Option<String> {
    let answered = known.images.iter().take(1).flat_map(|image| image.repo_tags.iter().chain(&image.repo_digests));
    let remembered = known.memory.get(known.id).into_iter().flat_map(|record| &record.names);
    let names: Vec<&String> = answered.chain(remembered).filter(|name| named(name).is_some()).collect();
    let is_true = |name: &&&String| {
        named(name).is_some_and(|name| content.places.iter().any(|place| place.name == place_of(&name)))
    };
    names.iter().find(is_true).or(names.first()).map(|name| (*name).clone())
}

/// Whether a name claims a trusted registry that the image never came from. One that is trusted for where it is from
/// claims nothing that is worse.
fn is_masquerade(
    reference: &Reference<'_>,
    known: Known<'_>,
    content: &Content,
    is_nowhere: bool,
    registries: &Registries,
) -> bool {
    let claims = registries.judge(reference) == Trust::Trusted;
    let is_there = |name: &str| named(name).is_some_and(|name| is_same_but_port(&name, reference));
    let is_unclear = |name: &str, trust: Trust| is_there(name) && trust == Trust::Unknown;
    let own = place_of(reference);
    let came_from_there = content.places.iter().any(|place| place.name == own || is_unclear(&place.name, place.trust));
    // Where nothing proves where an image is from, nothing proves that its name is wrong. Where digests name all that it
    // was pulled from or pushed to, their want is a proof.
    let is_known = content.how.is_some() || (is_nowhere && !was_pushed(reference, known));
    if !claims || content.trust == Trust::Trusted || came_from_there || !is_known {
        return false;
    }
    let is_accepted = || registries.local_images() == LocalImages::Allow || was_pushed(reference, known);
    content.how != Some(How::Built) || content.trust == Trust::Untrusted || !is_accepted()
}

/// Whether this host pushed an image to the repository of this name.
fn was_pushed(reference: &Reference<'_>, known: Known<'_>) -> bool {
    let own = place_of(reference);
    let is_remembered = known
        .memory
        .get(known.id)
        .is_some_and(|record| record.pushed.iter().chain(&record.found).any(|name| *name == own));
    let is_answered = known.images.first().is_some_and(|image| match Store::of(image, known.engine) {
        Store::Classic => digest_places(image).any(|place| place == own),
        Store::Identity => {
            let pulls = image.identity.pull.iter().filter_map(|pull| named(&pull.repository));
            pulls.into_iter().any(|pull| is_same_but_port(&pull, reference))
        }
        Store::Opaque => false,
    });
    is_remembered || is_answered
}

/// A whole id, as engines write it in their answers; `None` for what is none.
#[must_use]
pub fn whole_id(text: &str) -> Option<String> {
    let is_id = matches!(Image::parse(text), Ok(Image::Id(_)));
    is_id.then(|| if text.starts_with("sha256:") { text.to_owned() } else { format!("sha256:{text}") })
}

/// Whether a text is an id, or the beginning of one, of the image with this id.
#[must_use]
pub fn is_id_of(text: &str, id: &str) -> bool {
    let bare = text.strip_prefix("sha256:").unwrap_or(text);
    may_be_id(text) && id.trim_start_matches("sha256:").starts_with(bare)
}

fn has_name(image: &inspect::Image, text: &str) -> bool {
    let Some(wanted) = named(text) else { return false };
    image.repo_tags.iter().chain(&image.repo_digests).filter_map(|name| named(name)).any(|known| {
        repository(&known) == repository(&wanted)
            && (known.tag == wanted.tag || (wanted.tag.is_none() && known.tag == Some("latest")))
    })
}

/// The parts of a name.
fn by_name(reference: &Reference<'_>, answer: Option<&inspect::Image>) -> Origin {
    let digests = answer.into_iter().flat_map(|image| &image.repo_digests).filter_map(|name| named(name));
    let own = digests.into_iter().find(|known| repository(known) == repository(reference));
    let digest = reference.digest.or_else(|| own.and_then(|own| own.digest)).unwrap_or_default();
    let tag = reference.tag.unwrap_or(if reference.digest.is_none() { "latest" } else { "" });
    Origin {
        reference: in_full(reference, tag),
        registry: reference.registry.to_ascii_lowercase(),
        repository: reference.repository.to_string(),
        tag: tag.to_owned(),
        digest: digest.to_owned(),
        is_pinned: reference.digest.is_some(),
        ..Origin::default()
    }
}

/// A name in full, with its tag, as it is remembered; `None` for what has no tag.
#[must_use]
pub fn tag_in_full(name: &str) -> Option<String> {
    let reference = named(name).filter(|reference| reference.digest.is_none())?;
    Some(in_full(&reference, reference.tag.unwrap_or("latest")))
}

fn in_full(reference: &Reference<'_>, tag: &str) -> String {
    let tag = (!tag.is_empty()).then_some(tag);
    Reference { tag, ..reference.clone() }.to_string()
}

/// A tag as it is remembered, with what the image it is on is known by there; `None` for what has no tag.
#[must_use]
pub fn tag_of(name: &str, image: &inspect::Image) -> Option<(String, Target)> {
    let reference = named(name).filter(|reference| reference.digest.is_none())?;
    let own = image.repo_digests.iter().filter_map(|known| named(known));
    let digest = own.filter(|known| repository(known) == repository(&reference)).find_map(|known| known.digest);
    let target = Target { id: image.id.clone(), digest: digest.unwrap_or_default().to_owned() };
    Some((tag_in_full(name)?, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tags: &[&str], digests: &[&str]) -> inspect::Image {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        inspect::Image {
            id: format!("sha256:{ID}"),
            repo_tags: owned(tags),
            repo_digests: owned(digests),
            ..inspect::Image::default()
        }
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
            // Renamed and pushed to where it is trusted: the content is what it was.
            ("registry.corp/app:1", &["registry.corp/app:1"], &[&evil, &corp], Trust::Untrusted, false),
            // Neither pulled nor pushed.
            ("registry.corp/app:1", &["registry.corp/app:1"], &[], Trust::Unknown, true),
            ("evil.example/app:1", &["evil.example/app:1"], &[], Trust::Unknown, true),
        ] {
            let seen = origin(text, Some(&image(tags, digests)));
            assert_eq!((seen.trust, seen.is_local), (trust, local), "{text} {digests:?}");
            let claims =
                seen.registry != "evil.example" && !digests.iter().any(|digest| digest.contains(&seen.registry));
            assert_eq!(seen.is_masquerade, claims && trust != Trust::Trusted, "{text} {digests:?}");
        }
        let renamed = origin("registry.corp/app:1", Some(&image(&[], &[&evil])));
        assert_eq!(renamed.pulled_from, ["evil.example/app"]);
        let made = inspect::Image { parent: "sha256:1".into(), ..image(&["registry.corp/app:1"], &[&corp]) };
        let made = origin("registry.corp/app:1", Some(&made));
        assert_eq!((made.trust, made.how), (Trust::Local, Some(How::Built)), "made here and pushed there");
        assert!(!made.is_masquerade && made.is_local && made.pulled_from.is_empty());
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
        let (tag, target) = tag_of("nginx", &known).unwrap();
        assert_eq!(
            (tag.as_str(), target.digest),
            ("docker.io/library/nginx:latest", format!("sha256:{}", "5".repeat(64)))
        );
        assert_eq!(tag_of("built:1", &known).unwrap().1.digest, "");
        assert_eq!(tag_of(&digest("nginx"), &known), None);
    }
}
