//! Whether an image is trusted: decided from where it is from, by one function for events, late answers and audits.
//!
//! What is known comes from three sides: the engine's answers, where its store proves something; what was remembered of
//! earlier events; and what it was made of, found by its parents, by its builder's answer, or by the layers it begins
//! with. Names prove nothing.

use super::image::Reference;
use super::provenance::{
    EngineProof, How, Provenance, Record, Store, digest_places, is_same_but_port, named, repository,
};
use super::registry::{Registries, Trust};
use crate::docker::inspect;

/// So many images of those that one was made of are named.
const MAX_MADE_OF: usize = 4;

/// So deep is looked in the memory for what an image was made of.
const MAX_DEPTH: usize = 8;

/// All that is known of one image.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// Its id.
    pub id: &'k str,
    /// What the engine answered: the image, what that was made of, and so on; empty where it does not know it any more.
    pub images: &'k [&'k inspect::Image],
    /// What was remembered of it and others.
    pub memory: &'k Provenance,
    /// What the engine's answers prove.
    pub engine: EngineProof,
}

/// A repository that an image was pulled from, with its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// What is thought of it.
    pub trust: Trust,
}

/// Where an image is from, and whether that is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How it came to be here; `None` where that is not known.
    pub how: Option<How>,
    /// Where it was pulled from.
    pub places: Vec<Place>,
    /// What it was made of.
    pub made_of: Vec<String>,
    /// What follows from all that.
    pub trust: Trust,
}

/// Where an image is from, and whether that is trusted. This alone decides.
#[must_use]
pub fn weigh(known: Known<'_>, registries: &Registries) -> Content {
    weigh_at(known, registries, 0)
}

fn weigh_at(known: Known<'_>, registries: &Registries, depth: usize) -> Content {
    let image = known.images.first().copied();
    let forgotten = Record::default();
    let record = known.memory.get(known.id).unwrap_or(&forgotten);
    let how = how_by_events(image, record);
    let mut places = places(how, image, record, known.engine, registries);
    places.sort_by(|a, b| (b.trust, &a.name).cmp(&(a.trust, &b.name)));
    places.dedup_by(|a, b| a.name == b.name);
    let how = how.or(if places.is_empty() { None } else { Some(How::Pulled) });
    // The engine would say of an image that it was pulled or built by BuildKit, and a parent shows the other builds.
    let is_from_file = |image: &inspect::Image| {
        Store::of(image, known.engine) == Store::Identity && image.identity == inspect::ImageIdentity::default()
    };
    let how = how.or(image.is_some_and(is_from_file).then_some(How::Loaded));

    let mut made_of = Vec::new();
    if how == Some(How::Committed) && !record.container.is_empty() {
        made_of.push(format!("container {}", record.container));
    }
    // A registry answers for all that is in what it serves.
    let base = if how == Some(How::Pulled) { None } else { base(known, record, registries, depth, &mut made_of) };
    made_of.truncate(MAX_MADE_OF);

    let own = match how {
        Some(How::Pulled) if !places.is_empty() => Trust::Trusted,
        Some(how) if how.is_local() => Trust::Local,
        _ => Trust::Unknown,
    };
    // While nobody is named as trusted, what is unknown says nothing about what was made of it.
    let base = base.filter(|trust| *trust == Trust::Untrusted || (registries.is_policy() && *trust == Trust::Unknown));
    let trust = places.iter().map(|place| place.trust).chain(base).fold(own, Trust::max);
    Content { how, places, made_of, trust }
}

/// How it came to be here, by what was seen and by what the engine has seen.
fn how_by_events(image: Option<&inspect::Image>, record: &Record) -> Option<How> {
    let is_made = |image: &inspect::Image| !image.parent.is_empty() || !image.identity.build.is_empty();
    match record.how {
        // Engines report the end of a build by events that do not say so; only what is made here has a parent.
        None if image.is_some_and(is_made) => Some(How::Built),
        how => how,
    }
}

/// Where it was pulled from. What this host has made was not, wherever it was pushed to.
fn places(
    how: Option<How>,
    image: Option<&inspect::Image>,
    record: &Record,
    engine: EngineProof,
    registries: &Registries,
) -> Vec<Place> {
    let place = |name: &str| {
        let trust = named(name).map_or(Trust::Unknown, |reference| registries.judge(&reference));
        Place { name: name.to_owned(), trust }
    };
    let mut places: Vec<Place> = record.pulled.iter().map(|name| place(name)).collect();
    if matches!(how, Some(How::Built | How::Committed | How::Imported)) {
        return places;
    }
    let is_only_pushed = |name: &str| {
        record.pushed.iter().any(|pushed| pushed == name)
            && !record.pulled.iter().chain(&record.found).any(|pulled| pulled == name)
    };
    let store = image.map(|image| Store::of(image, engine));
    // What a store does not prove may make trust less, not more.
    let counts = |place: &Place| store != Some(Store::Opaque) || place.trust == Trust::Untrusted;
    places.extend(record.found.iter().map(|name| place(name)).filter(counts));
    let pulls = |names: &[String], pulls: &mut dyn Iterator<Item = &String>| -> Vec<Place> {
        let pulls = pulls.filter_map(|name| named(name));
        pulls.filter_map(|pull| identity_place(&pull, names, record, registries)).collect()
    };
    let Some(image) = image else {
        // What the engine had seen of it when it could still be asked.
        places.extend(pulls(&record.names, &mut record.seen.iter()));
        return places;
    };
    match store {
        Some(Store::Classic) => {
            places.extend(digest_places(image).filter(|name| !is_only_pushed(name)).map(|name| place(&name)));
        }
        Some(Store::Identity) => {
            // The same content may have been removed and loaded since, of which the engine has seen nothing.
            let seen = image.identity.pull.iter().map(|pull| &pull.repository);
            places.extend(pulls(&image.repo_digests, &mut seen.chain(&record.seen)));
        }
        _ => {}
    }
    places
}

/// Where an image was pulled from by what the engine has seen, which lacks the port. What was remembered has it; a name
/// may have it, or may have been given to look so.
fn identity_place(pull: &Reference<'_>, names: &[String], record: &Record, registries: &Registries) -> Option<Place> {
    let is_same = |name: &String| named(name).is_some_and(|known| is_same_but_port(&known, pull));
    // Those are among the places already, or were pushed to from here.
    if record.pulled.iter().chain(&record.found).chain(&record.pushed).any(is_same) {
        return None;
    }
    let by_name = || names.iter().filter_map(|name| named(name)).filter(|name| is_same_but_port(name, pull));
    let of_names = by_name().map(|name| registries.judge(&name)).max();
    let name = by_name().next().map_or_else(|| repository(pull), |name| repository(&name));
    let without_port = registries.judge(pull);
    let trust = match (of_names, without_port) {
        (Some(Trust::Untrusted), _) => Trust::Untrusted,
        // The name has no port, or whatever port it was, it is as good.
        (None | Some(Trust::Trusted), Trust::Trusted) => Trust::Trusted,
        // One of its ports is trusted, and nothing says which it was.
        (_, Trust::Untrusted) if !registries.may_trust(pull) => Trust::Untrusted,
        _ => Trust::Unknown,
    };
    Some(Place { name, trust })
}

/// What is thought of what it was made of; `None` where that is not known.
fn base(
    known: Known<'_>,
    record: &Record,
    registries: &Registries,
    depth: usize,
    made_of: &mut Vec<String>,
) -> Option<Trust> {
    let remembered = |id: &str| {
        let known_base = known.memory.get(id).filter(|_| depth < MAX_DEPTH)?;
        let content = weigh_at(Known { id, images: &[], ..known }, registries, depth + 1);
        Some((label(id, &content, &known_base.names), content))
    };
    let bases: Vec<(String, Content)> = match known.images {
        [_, parent, ..] => {
            let images = known.images.get(1..).unwrap_or_default();
            let content = weigh_at(Known { id: &parent.id, images, ..known }, registries, depth);
            vec![(label(&parent.id, &content, &parent.repo_tags), content)]
        }
        _ => record
            .bases
            .iter()
            .chain(known.images.first().map(|image| &image.parent))
            .filter_map(|id| remembered(id))
            .collect(),
    };
    if !bases.is_empty() {
        let trust = bases.iter().map(|(_, content)| content.trust).max();
        for (label, content) in bases {
            // A step of a build has no name; what it was made of has.
            made_of.extend((!is_step(&label, &content)).then_some(label));
            made_of.extend(content.made_of);
        }
        made_of.dedup();
        return trust;
    }
    by_layers(known.images.first()?, known.memory, remembered, made_of)
}

/// What is thought of the images whose layers an image begins with, down to the first that a registry answers for.
/// Builders that say nothing about their bases leave these.
fn by_layers<'m>(
    image: &inspect::Image,
    memory: &'m Provenance,
    remembered: impl Fn(&str) -> Option<(String, Content)>,
    made_of: &mut Vec<String>,
) -> Option<Trust> {
    let mut worst = None;
    let beginnings: Vec<(usize, &'m str)> = memory.beginnings_of(image);
    for alike in beginnings.chunk_by(|(layers, _), (next, _)| layers == next) {
        // One whose origin is not known says nothing.
        let all: Vec<_> =
            alike.iter().filter_map(|(_, id)| remembered(id)).filter(|(_, content)| content.how.is_some()).collect();
        let is_pulled = |(_, content): &&(String, Content)| content.how == Some(How::Pulled);
        let has_pulled = all.iter().any(|known| is_pulled(&known));
        // Any of those with the same layers could be the base, so the best counts: what is in them came from there too.
        // But what was made here, of something else perhaps, answers for nothing.
        let best = all.iter().filter(|known| !has_pulled || is_pulled(known)).min_by_key(|(_, content)| content.trust);
        if let Some((label, content)) = best {
            worst = worst.max(Some(content.trust));
            made_of.push(label.clone());
            made_of.extend(content.made_of.iter().cloned());
        }
        if has_pulled {
            break;
        }
    }
    made_of.dedup();
    worst
}

fn is_step(label: &str, content: &Content) -> bool {
    label.starts_with("sha256:") && !content.made_of.is_empty()
}

/// What to call an image that another was made of: where it is from, else its name, else its id.
fn label(id: &str, content: &Content, names: &[String]) -> String {
    let name = names.iter().find(|name| !name.starts_with("<none>"));
    content.places.first().map(|place| place.name.clone()).or_else(|| name.cloned()).unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::inspect::{Image, ImageIdentity, PulledFrom, RootFs};

    const CLASSIC: EngineProof = EngineProof { names_have_digests: false, tells_identity: true };
    const PODMAN: EngineProof = EngineProof { names_have_digests: true, tells_identity: false };
    const OLD: EngineProof = EngineProof { names_have_digests: false, tells_identity: false };

    fn registries() -> Registries {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Registries::new(&owned(&["corp.example", "corp.example:5000", "ports.example:5000"]), &[]).unwrap()
    }

    fn weighed(images: &[&Image], memory: &Provenance, engine: EngineProof) -> (Option<How>, Trust) {
        let content = weigh(Known { id: &images[0].id, images, memory, engine }, &registries());
        (content.how, content.trust)
    }

    /// One of the classic store.
    fn classic(id: &str, places: &[&str]) -> Image {
        let repo_digests = places.iter().map(|place| format!("{place}@sha256:{}", "5".repeat(64))).collect();
        Image { id: id.to_owned(), repo_digests, ..Image::default() }
    }

    /// One that containerd keeps, with these names and this identity.
    fn containerds(id: &str, names: &[&str], pulled: &[&str]) -> Image {
        let digest = format!("sha256:{}", id.repeat(64));
        let pull = pulled.iter().map(|place| PulledFrom { repository: (*place).to_owned() }).collect();
        Image {
            id: digest.clone(),
            repo_digests: names.iter().map(|name| format!("{name}@{digest}")).collect(),
            identity: ImageIdentity { pull, build: Vec::new() },
            ..Image::default()
        }
    }

    #[test]
    fn the_classic_store_proves_by_digests_what_no_memory_contradicts() {
        let mut memory = Provenance::default();
        let evil = classic("evil", &["evil.example/app"]);
        let both = classic("both", &["evil.example/app", "corp.example/app"]);
        let corp = classic("corp", &["corp.example/app"]);
        let pulled = Some(How::Pulled);
        assert_eq!(weighed(&[&evil], &memory, CLASSIC), (pulled, Trust::Untrusted));
        assert_eq!(weighed(&[&both], &memory, CLASSIC), (pulled, Trust::Untrusted));
        assert_eq!(weighed(&[&corp], &memory, CLASSIC), (pulled, Trust::Trusted));
        assert_eq!(weighed(&[&classic("none", &[])], &memory, CLASSIC), (None, Trust::Unknown));
        memory.pulled("corp", "evil.example/app");
        memory.pushed("corp", "corp.example/app");
        assert_eq!(weighed(&[&corp], &memory, CLASSIC), (pulled, Trust::Untrusted), "pushed, and the origin untagged");
        memory.made("imported", How::Imported);
        memory.pushed("imported", "corp.example/app");
        let pushed = classic("imported", &["corp.example/app"]);
        assert_eq!(weighed(&[&pushed], &memory, CLASSIC), (Some(How::Imported), Trust::Local));
    }

    #[test]
    fn where_digests_prove_nothing_identity_does_or_nothing() {
        let mut memory = Provenance::default();
        let (pulled, loaded) = (Some(How::Pulled), Some(How::Loaded));
        let renamed = containerds("1", &["corp.example/app"], &["evil.example/app"]);
        assert_eq!(weighed(&[&renamed], &memory, CLASSIC), (pulled, Trust::Untrusted));
        let tagged = containerds("2", &["evil.example/app"], &["corp.example/app"]);
        assert_eq!(weighed(&[&tagged], &memory, CLASSIC), (pulled, Trust::Trusted));
        let imported = containerds("3", &["corp.example/app"], &[]);
        assert_eq!(weighed(&[&imported], &memory, CLASSIC), (loaded, Trust::Local));
        for engine in [OLD, PODMAN] {
            let unproven = containerds("3", &["corp.example/app"], &[]);
            assert_eq!(weighed(&[&unproven], &memory, engine), (None, Trust::Unknown), "{engine:?}");
        }
        memory.pulled(&imported.id, "corp.example/app");
        assert_eq!(weighed(&[&imported], &memory, OLD), (pulled, Trust::Trusted));
        // Identity leaves the port out: the memory has it, a name may be made to fit.
        let ported = containerds("4", &["ports.example:5000/app"], &["ports.example/app"]);
        assert_eq!(weighed(&[&ported], &memory, CLASSIC), (pulled, Trust::Unknown));
        memory.pulled(&ported.id, "ports.example:5000/app");
        assert_eq!(weighed(&[&ported], &memory, CLASSIC), (pulled, Trust::Trusted));
        let other = containerds("5", &["ports.example:6000/app", "ports.example:5000/app"], &["ports.example/app"]);
        assert_eq!(weighed(&[&other], &memory, CLASSIC), (pulled, Trust::Untrusted));
        let any = containerds("6", &["corp.example:5000/app"], &["corp.example/app"]);
        assert_eq!(weighed(&[&any], &memory, CLASSIC), (pulled, Trust::Trusted), "whichever port it was");
        // What was pushed from here stands in it too.
        memory.made(&containerds("7", &[], &[]).id, How::Loaded);
        memory.pushed(&containerds("7", &[], &[]).id, "corp.example/app");
        let pushed = containerds("7", &["corp.example/app"], &["corp.example/app"]);
        assert_eq!(weighed(&[&pushed], &memory, CLASSIC), (loaded, Trust::Local));
    }

    #[test]
    fn what_is_made_of_something_untrusted_is_not_trusted_either() {
        let mut memory = Provenance::default();
        let child = |parent: &str| Image { parent: parent.to_owned(), ..classic("child", &["corp.example/app"]) };
        let (evil, corp) = (classic("evil", &["evil.example/app"]), classic("corp", &["corp.example/base"]));
        let step = Image { parent: "evil".into(), ..classic("sha256:step", &[]) };
        let built = Some(How::Built);
        assert_eq!(weighed(&[&child("corp"), &corp], &memory, CLASSIC), (built, Trust::Local));
        assert_eq!(weighed(&[&child("evil"), &evil], &memory, CLASSIC), (built, Trust::Untrusted));
        assert_eq!(weighed(&[&child("sha256:step"), &step, &evil], &memory, CLASSIC), (built, Trust::Untrusted));
        let made_of = weigh(
            Known { id: "child", images: &[&child("sha256:step"), &step, &evil], memory: &memory, engine: CLASSIC },
            &registries(),
        );
        assert_eq!(made_of.made_of, ["evil.example/app"], "the steps between have no names");
        assert_eq!(weighed(&[&child("gone")], &memory, CLASSIC), (built, Trust::Local), "nothing is known of it");
        memory.pulled("gone", "evil.example/app");
        assert_eq!(weighed(&[&child("gone")], &memory, CLASSIC), (built, Trust::Untrusted));
        memory.committed("commit", "web", "gone");
        let commit = classic("commit", &[]);
        assert_eq!(weighed(&[&commit], &memory, CLASSIC), (Some(How::Committed), Trust::Untrusted));
    }

    #[test]
    fn layers_show_what_a_silent_builder_has_built_on() {
        let with = |id: &str, layers: &[&str]| {
            let layers = layers.iter().map(|layer| (*layer).to_owned()).collect();
            Image { root_fs: RootFs { layers }, ..classic(id, &[]) }
        };
        let mut memory = Provenance::default();
        memory.pulled("evil", "evil.example/app");
        memory.pulled("corp", "corp.example/base");
        memory.pulled("corps", "corp.example/on-evil");
        memory.note(&with("evil", &["1"]), CLASSIC);
        memory.note(&with("corp", &["2"]), CLASSIC);
        memory.note(&with("corps", &["1", "3"]), CLASSIC);
        memory.made("first", How::Built);
        memory.note(&with("first", &["1", "4"]), CLASSIC);
        let trust = |layers: &[&str]| weighed(&[&with("x", layers)], &memory, CLASSIC).1;
        assert_eq!(trust(&["1", "9"]), Trust::Untrusted);
        assert_eq!(trust(&["2", "9"]), Trust::Unknown, "nothing says how it came here");
        assert_eq!(trust(&["1", "3", "9"]), Trust::Unknown, "a trusted registry answers for what it serves");
        assert_eq!(trust(&["1", "4", "9"]), Trust::Untrusted, "a build on a build");
    }

    #[test]
    fn while_nobody_is_trusted_what_is_made_here_is_local_all_the_same() {
        let memory = Provenance::default();
        let (child, base) = (Image { parent: "base".into(), ..classic("c", &[]) }, classic("base", &["any.example/x"]));
        let known = Known { id: "c", images: &[&child, &base], memory: &memory, engine: CLASSIC };
        assert_eq!(weigh(known, &Registries::default()).trust, Trust::Local);
    }
}
