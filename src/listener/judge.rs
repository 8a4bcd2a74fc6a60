//! What an event means: asks the engine where it must, remembers what it answered, and lets `event` judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use jiff::Timestamp;

use super::familiar::{Container as Familiarity, Familiar};
use super::inspector::{Late, Role, Subject};
use crate::bounded::{Nameless, Recent};
use crate::docker::availability::Identity;
use crate::docker::inspect::{self, Container};
use crate::event::ending::Endings;
use crate::event::forged::{Facts, Fields, Posers};
use crate::event::meaning::{Evidence, Meaning};
use crate::event::origin::Origin;
use crate::event::provenance::{self, Act, EngineProof, How, Provenance, Store};
use crate::event::registry::{LocalImages, Registries, Trust};
use crate::event::risk::Risk;
use crate::event::risk::known::KnownRisks;
use crate::event::tags::{Moved, Tags};
use crate::event::trust::Known;
use crate::event::{Event, exec, origin, risk};
use crate::folder;
use crate::inquiry::{Answers, Question};
use crate::settings::Settings;
use crate::wazuh::message::{Forged, NoAnswer};

/// So many containers are remembered.
const MOST: usize = 4096;

/// How often the memory of tags may be written.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// What was found out about an event.
#[derive(Debug, Default)]
pub struct Judgement {
    pub(super) forged: Option<Forged>,
    pub(super) no_answer: Option<NoAnswer>,
    pub(super) meaning: Meaning,
}

/// What has to be asked to enrich an event.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub facts: Facts,
    /// Empty where nothing has to be asked.
    pub question: Question,
    /// What could not be found out when its container was made; the result becomes a message of its own.
    pub again: Option<Question>,
}

/// What an engine does, as far as the enricher must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EngineTraits {
    /// Whether it mixes labels into its attributes as Docker does.
    pub mixes_labels: bool,
    /// What its answers prove of images.
    pub proof: EngineProof,
}

impl EngineTraits {
    /// Those of this engine.
    pub(super) fn of(engine: &Identity) -> Self {
        Self { mixes_labels: !engine.is_podman(), proof: EngineProof::of(engine) }
    }
}

/// What is asked and remembered of one image.
#[derive(Debug, Clone, Copy)]
struct Named<'e> {
    /// The id of the container or image that an event is about.
    id: &'e str,
    /// What the event calls its image.
    name: &'e str,
    role: Role,
    /// Whether the engine may still answer.
    is_pending: bool,
}

/// Enriches the events of one engine: plans what must be asked, and completes an event with what was answered. Asks
/// nothing itself.
pub struct Judge {
    posers: Posers,
    endings: Endings,
    known_risks: KnownRisks,
    familiar: Familiar,
    tags: Tags,
    images: Provenance,
    proof: EngineProof,
    tags_file: Option<PathBuf>,
    tags_kept: Option<Instant>,
    listing: Option<Receiver<Vec<inspect::Image>>>,
    owns: Nameless<Arc<exec::Own>>,
    /// Those that came last; most containers of a storm are alike.
    recent_owns: Recent<exec::Own>,
    /// Where the images of containers are from; `None` where the engine was asked and did not tell.
    origins: Nameless<Option<Arc<Origin>>>,
    /// The same of containers that the engine tells nothing of, by what their events call the image, for as long as
    /// nothing new is learnt.
    by_name: Nameless<Arc<Origin>>,
    /// Those that came last.
    recent_origins: Recent<Origin>,
    /// By whose lists they were judged.
    registries: Arc<Registries>,
    /// Containers that could not be looked at when they were made; the next event of theirs tries again.
    unjudged: Nameless<()>,
    /// Containers that the engine knows no more.
    gone: Nameless<()>,
    /// Commands of engines whose events do not name them, as far as they have been reported.
    reported_execs: Nameless<()>,
}

impl Judge {
    /// Judges with what an earlier run has kept in this file, where there is one.
    pub(super) fn new(tags_file: Option<PathBuf>, familiar: Familiar) -> Self {
        // What cannot be read is as good as nothing known: at worst a moved tag goes unnoticed once.
        let text = tags_file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        Self {
            posers: Posers::default(),
            endings: Endings::default(),
            known_risks: KnownRisks::default(),
            familiar,
            tags: Tags::read(&text),
            images: Provenance::read(&text),
            proof: EngineProof::default(),
            tags_file,
            tags_kept: None,
            listing: None,
            owns: Nameless::new(MOST),
            recent_owns: Recent::default(),
            origins: Nameless::new(MOST),
            by_name: Nameless::new(MOST),
            recent_origins: Recent::default(),
            registries: Arc::default(),
            unjudged: Nameless::new(MOST),
            gone: Nameless::new(MOST),
            reported_execs: Nameless::new(MOST),
        }
    }

    /// Learns what the engine's tags point to once this list has come.
    pub(super) fn expect_images(&mut self, listing: Option<Receiver<Vec<inspect::Image>>>) {
        self.listing = listing;
    }

    /// What has to be asked about this event.
    pub(super) fn plan(&mut self, event: &Event<'_>, settings: &Settings, engine: EngineTraits) -> Plan {
        self.proof = engine.proof;
        self.learn_listed();
        self.learn_made(event);
        if !Arc::ptr_eq(&self.registries, &settings.registries) {
            self.registries = Arc::clone(&settings.registries);
            self.origins = Nameless::new(MOST);
            self.by_name = Nameless::new(MOST);
        }
        let facts = if engine.mixes_labels { self.posers.judge(event) } else { Facts::True };
        let question = self.question(event, facts, settings);
        let is_unjudged = settings.config.inspect
            && !question.with_host
            && event.kind() == "container"
            && event.action() != "destroy"
            && self.unjudged.get(event.actor_id()).is_some();
        let again = is_unjudged.then(|| Question {
            container: text(event.actor_id()),
            with_host: true,
            with_kernel: true,
            with_image: true,
            ..Question::default()
        });
        if again.is_some() {
            // Until its result is there nothing more has to be asked.
            self.unjudged.forget(event.actor_id());
        }
        Plan { facts, question, again }
    }

    /// Whether the engine has said that it does not know this container; an id is not given a second time.
    pub(super) fn is_gone(&self, question: &Question) -> bool {
        question.container.as_ref().is_some_and(|id| self.gone.get(id).is_some())
    }

    /// What else has to be asked, now that these answers are there.
    pub(super) fn plan_more(
        &mut self,
        event: &Event<'_>,
        plan: &mut Plan,
        answers: &Answers,
        settings: &Settings,
    ) -> Option<Question> {
        let container = answers.container.as_ref().filter(|_| plan.facts == Facts::Unknown)?;
        self.learn(event.actor_id(), container);
        // Now that its labels are known, another question may be the right one.
        plan.facts = self.posers.judge(event);
        let wanted = self.question(event, plan.facts, settings);
        let is_same = (&wanted.exec, wanted.with_execs) == (&plan.question.exec, plan.question.with_execs);
        let more = Question { with_host: false, with_image: false, with_kernel: false, ..wanted };
        (!is_same && !more.is_empty()).then_some(more)
    }

    /// This container is to be looked at again.
    pub(super) fn look_again(&mut self, id: &str) {
        self.unjudged.keep(id, ());
    }

    /// What is known of this event with these answers.
    pub(super) fn complete(
        &mut self,
        event: &Event<'_>,
        plan: &Plan,
        answers: &Answers,
        no_answer: Option<NoAnswer>,
        settings: &Settings,
    ) -> Judgement {
        let Plan { question, .. } = plan;
        let mut facts = plan.facts;
        let mut meaning = Meaning::of_event(event);
        if let (Some(NoAnswer::Gone), None, Some(id)) = (no_answer, &answers.container, &question.container) {
            self.gone.keep(id, ());
        }
        if let Some(container) = &answers.container {
            self.gone.forget(event.actor_id());
            self.learn(event.actor_id(), container);
            if facts == Facts::Unknown {
                facts = self.posers.judge(event);
            }
        }
        let forged = forged(event, facts, answers);
        self.judge_risks(event, question, answers, no_answer, &mut meaning);
        self.judge_exec(event, answers, &mut meaning);
        let asked = question.with_image && !matches!(no_answer, Some(NoAnswer::NotAsked | NoAnswer::Off));
        let is_pending = no_answer == Some(NoAnswer::Timeout);
        if Act::of(event) == Some(Act::Commit) {
            self.learn_commit(event, facts, answers);
        }
        self.judge_image(event, (asked, is_pending), answers, settings, &mut meaning);
        let uses_image = matches!(event.action(), "pull" | "create" | "start" | "init");
        let of = Familiarity { id: event.actor_id(), name: event.attribute("name"), uses_image };
        self.mark(of, &mut meaning, settings);
        meaning.exit_code = exit_code(event, facts, forged.as_ref());
        meaning.ending = self.endings.see(event, meaning.exit_code);
        if event.action() == "destroy" {
            self.owns.forget(event.actor_id());
            self.origins.forget(event.actor_id());
            self.unjudged.forget(event.actor_id());
            self.known_risks.forget(event.actor_id());
        }
        Judgement { forged, no_answer, meaning }
    }

    /// What has to be asked to judge this event.
    fn question(&self, event: &Event<'_>, facts: Facts, settings: &Settings) -> Question {
        let inspect = settings.config.inspect;
        let is_container = event.kind() == "container" && !event.actor_id().is_empty();
        let mut question = Question::default();
        let is_forged = |field| matches!(facts, Facts::Forged(fields) if fields.contains(field));
        let mut needs_container = facts == Facts::Unknown || (event.action() == "die" && is_forged("exitCode"));
        if event.action() == "exec_die" && is_forged("exitCode") && !is_forged("execID") {
            question.exec = text(event.attribute("execID"));
        }
        if inspect && is_container {
            question.with_host = matches!(event.action(), "create" | "start" | "update" | "init");
            question.with_kernel = event.action() == "start";
            // Of one that was there before the first event of it is the one to ask at.
            let is_new = self.origins.get(event.actor_id()).is_none() && event.action() != "destroy";
            question.with_image = is_new || matches!(event.action(), "create" | "start" | "init");
            needs_container |= question.with_host || question.with_image;
            // One that is only made ready does nothing, and most start at once.
            if event.action().starts_with("exec_start") && exec::command(event).is_some() {
                if is_forged("execID") {
                    question.with_execs = true;
                } else {
                    question.exec = text(event.attribute("execID"));
                }
                needs_container |= question.with_execs || self.owns.get(event.actor_id()).is_none();
            } else if event.action().starts_with("exec_create")
                && !is_forged("execID")
                && settings.redactor.needs_arguments(event.action())
            {
                // Where a secret ends is known for sure only from its argument.
                question.exec = text(event.attribute("execID"));
            }
            if exec::is_nameless(event) {
                question.with_execs = true;
                needs_container = true;
            }
        }
        if needs_container && is_container {
            question.container = text(event.actor_id());
        }
        if inspect {
            match Act::of(event) {
                Some(Act::Pull | Act::Push | Act::Tag | Act::Untag | Act::Make(_)) => {
                    question.image = image_of(event).map(str::to_owned);
                }
                // The new image is the one that is asked about.
                Some(Act::Commit) if is_container && !is_forged("imageID") => {
                    question.with_image = false;
                    question.image = text(event.attribute("imageID"));
                    question.container = question.image.is_some().then(|| event.actor_id().to_owned());
                }
                _ => {}
            }
        }
        question
    }

    fn learn_listed(&mut self) {
        let Some(images) = self.listing.as_ref().and_then(|listing| listing.try_recv().ok()) else { return };
        self.listing = None;
        for image in &images {
            for (tag, target) in image.repo_tags.iter().filter_map(|name| origin::tag_of(name, image)) {
                self.tags.learn(&tag, target);
            }
            self.images.note(image, self.proof);
            if Store::of(image, self.proof) == Store::Classic {
                let places: Vec<String> = provenance::digest_places(image).collect();
                self.images.found(&image.id, places.iter().map(String::as_str));
            }
        }
        self.forget_names();
        self.keep_tags(false);
    }

    /// Learns what an event says by itself: the id in it is the image's.
    fn learn_made(&mut self, event: &Event<'_>) {
        if let (Some(Act::Make(how)), Some(id)) = (Act::of(event), origin::whole_id(event.actor_id())) {
            self.images.made(&id, how);
            self.forget_names();
        }
    }

    /// Learns what an image was made of, and of which container.
    fn learn_commit(&mut self, event: &Event<'_>, facts: Facts, answers: &Answers) {
        if matches!(facts, Facts::Forged(fields) if fields.contains("imageID")) {
            return;
        }
        let base = match &answers.container {
            Some(container) => container.image.clone(),
            None => {
                self.origins.get(event.actor_id()).and_then(Option::as_ref).map_or_else(String::new, |of| of.id.clone())
            }
        };
        // A label can name any image; the one that was made has the container's as its parent. Podman says of none.
        let is_child = |image: &&inspect::Image| {
            image.parent == base || (self.proof.names_have_digests && image.parent.is_empty())
        };
        if let Some(image) = answers.image.as_ref().filter(is_child) {
            self.images.committed(&image.id, event.attribute("name"), &base);
            self.images.note(image, self.proof);
            self.forget_names();
        }
    }

    /// Learns what the engine says of an image that an event names; where its tag pointed before.
    fn learn_image(&mut self, named: Named<'_>, image: &inspect::Image, parents: &[inspect::Image]) -> Option<Moved> {
        let Named { name, role, .. } = named;
        let reference = if origin::is_id_of(name, &image.id) { None } else { provenance::named(name) };
        if let Some(reference) = &reference {
            let place = provenance::repository(reference);
            match role.act {
                Some(Act::Pull) if provenance::agrees_with_pull(image, self.proof, reference) => {
                    self.images.pulled(&image.id, &place);
                }
                Some(Act::Push) => self.images.pushed(&image.id, &place),
                _ => {}
            }
        }
        if let Some(Act::Make(how)) = role.act {
            self.images.made(&image.id, how);
        }
        self.images.note(image, self.proof);
        // The steps between are of no use without the image that they lead to.
        for parent in parents.iter().filter(|parent| parent.parent.is_empty() || !parent.repo_tags.is_empty()) {
            self.images.note(parent, self.proof);
        }
        let is_made = matches!(role.act, Some(Act::Tag | Act::Make(_)));
        // What is loaded or built has its names in the answer only.
        let all = image.repo_tags.iter().filter(|_| is_made).map(String::as_str);
        let own = reference.map(|_| name).filter(|_| role.act.is_some_and(|act| act != Act::Untag));
        let mut moved = None;
        for (tag, target) in all.chain(own).filter_map(|name| origin::tag_of(name, image)) {
            moved = self.tags.see(&tag, target).or(moved);
        }
        if let Some(moved) = &mut moved {
            moved.is_rebuild = self.was_built(&moved.from_id) && self.was_built(&image.id);
        }
        self.forget_names();
        self.keep_tags(false);
        moved
    }

    /// Whether an image is known to have been built here, and nothing else.
    fn was_built(&self, id: &str) -> bool {
        self.images.get(id).is_some_and(|record| {
            let is_from_elsewhere = !(record.pulled.is_empty() && record.found.is_empty() && record.seen.is_empty());
            let is_build = record.how == Some(How::Built) || (record.how.is_none() && !record.bases.is_empty());
            is_build && !is_from_elsewhere && record.container.is_empty()
        })
    }

    fn learn(&mut self, id: &str, container: &Container) {
        self.posers.learn(id, Fields::of(|key| container.config.labels.contains_key(key)));
        self.owns.keep(id, self.recent_owns.share(exec::Own::of(container)));
    }

    fn judge_risks(
        &mut self,
        event: &Event<'_>,
        question: &Question,
        answers: &Answers,
        no_answer: Option<NoAnswer>,
        meaning: &mut Meaning,
    ) {
        if !question.with_host {
            return;
        }
        if let Some(container) = &answers.container {
            (meaning.risks, meaning.evidence) = risks(container, answers);
        }
        match no_answer {
            // What comes late is told when it comes.
            None | Some(NoAnswer::Gone | NoAnswer::Timeout | NoAnswer::TooLarge | NoAnswer::Off) => {
                self.unjudged.forget(event.actor_id());
            }
            Some(NoAnswer::Failed | NoAnswer::NotAsked) => self.unjudged.keep(event.actor_id(), ()),
        }
    }

    /// Marks what is accepted, what has been reported of this container before, and what is normal. What is accepted counts
    /// as not reported, so that it is once its exception has ended.
    fn mark(&mut self, of: Familiarity<'_>, meaning: &mut Meaning, settings: &Settings) {
        let now = Timestamp::now();
        self.familiar.accept(of, meaning, settings, now);
        if !meaning.risks.is_empty() {
            let (new, known) = self.known_risks.split(of.id, std::mem::take(&mut meaning.risks));
            meaning.risks = new;
            meaning.known_risks = known.into_iter().map(|risk| risk.kind).collect();
        }
        self.familiar.mark(of, meaning, settings, now);
    }

    /// What the engine has answered too late for its event; `None` where nothing of it has to be reported.
    pub(super) fn judge_late(&mut self, late: Late, settings: &Settings) -> Option<(Subject, Judgement)> {
        let Late { subject, question, answers, no_answer } = late;
        let mut meaning = Meaning::default();
        if let Some(container) = &answers.container {
            self.learn(&subject.id, container);
        }
        if question.with_host {
            if !matches!(no_answer, None | Some(NoAnswer::Gone | NoAnswer::TooLarge)) {
                self.unjudged.keep(&subject.id, ());
            }
            if let Some(container) = &answers.container {
                (meaning.risks, meaning.evidence) = risks(container, &answers);
            }
        }
        if let Some(exec) = &subject.exec
            && let Some(facts) = self.exec_facts(&subject.id, exec, &answers)
        {
            meaning.exec = exec.runs.then_some(facts);
        }
        let tells_image = answers.image.is_some() && (question.with_image || subject.role.is_image);
        // One that is made or started is not looked at again; an update of one that is known raises nothing in time either.
        let is_made = question.with_host && (question.with_image || question.with_kernel);
        // Its event went without an answer, which is no alert as long as one may come.
        let command = subject.exec.as_ref().filter(|exec| exec.runs && question.exec.is_some());
        let is_unknown = match command {
            Some(_) => answers.execs.is_empty(),
            None => question.with_host && question.with_image && !subject.is_again && answers.container.is_none(),
        };
        let no_answer = no_answer.filter(|why| is_unknown || (*why == NoAnswer::TooLarge && is_made));
        if let (Some(exec), Some(_)) = (command.filter(|_| is_unknown), no_answer) {
            // What its words say has been reported with its event.
            meaning.exec = Some(exec::Facts { line: exec.line.clone(), runs: true, ..exec::Facts::default() });
        }
        // Where the image was not asked about, that it is not known says nothing.
        let is_pending = answers.image.is_none() && !question.with_image;
        let named = Named { id: &subject.id, name: &subject.image, role: subject.role, is_pending };
        let (mut image, moved) = self.origin_of(named, &answers, settings);
        // It may have been removed while the container was made of it.
        let tells_image = tells_image || (question.with_image && answers.container.is_some() && image.breaks_policy);
        let is_more = tells_image || meaning.exec.is_some() || no_answer.is_some();
        let tells = is_more || !meaning.risks.is_empty();
        if subject.role.is_image && image.is_masquerade {
            // A name is worth an alert where a container is made of it; a late message does not say what its event was.
            image = Arc::new(Origin { is_masquerade: false, ..Origin::clone(&image) });
        }
        (meaning.image, meaning.moved) = (Some(image), moved);
        let of = Familiarity { id: &subject.id, name: &subject.name, uses_image: question.with_image };
        self.mark(of, &mut meaning, settings);
        let tells = tells && (is_more || !meaning.risks.is_empty() || meaning.accepted.is_some());
        tells.then_some((subject, Judgement { forged: None, no_answer, meaning }))
    }

    fn judge_exec(&mut self, event: &Event<'_>, answers: &Answers, meaning: &mut Meaning) {
        if exec::is_nameless(event) {
            // One that has ended by now leaves nothing but that something ran.
            let facts = self.unreported_exec(event.actor_id(), answers);
            meaning.exec = Some(facts.unwrap_or_else(|| exec::Facts { runs: true, ..exec::Facts::default() }));
            return;
        }
        let Some(exec) = &mut meaning.exec else { return };
        if let Some(facts) = self.exec_facts(event.actor_id(), exec, answers) {
            *exec = facts;
        }
    }

    /// The command that an event without one is about: of those that have not been reported the one that may do most.
    fn unreported_exec(&mut self, container: &str, answers: &Answers) -> Option<exec::Facts> {
        let own = self.owns.get(container).map(Arc::as_ref);
        let is_new = |exec: &&inspect::Exec| exec.container == container && self.reported_execs.get(&exec.id).is_none();
        let (id, facts) = answers
            .execs
            .iter()
            .filter(is_new)
            .map(|exec| (&exec.id, exec::of_exec(exec).with_answers(exec, own)))
            .max_by_key(|(_, facts)| {
                (facts.is_dangerous(), facts.is_root(), facts.interactive, facts.probe != Some(true))
            })?;
        self.reported_execs.keep(id, ());
        Some(facts)
    }

    /// What the engine says of the command that an event tells of.
    fn exec_facts(&self, container: &str, told: &exec::Facts, answers: &Answers) -> Option<exec::Facts> {
        let own = self.owns.get(container).map(Arc::as_ref);
        let of_event = answers.execs.iter().filter(|exec| exec.container == container && exec::is_of(exec, &told.line));
        // Of several that run the same the one that may do most is told.
        of_event
            .map(|exec| told.clone().with_answers(exec, own))
            .max_by_key(|facts| (facts.privileged, facts.is_root(), facts.interactive, facts.probe != Some(true)))
    }

    fn judge_image(
        &mut self,
        event: &Event<'_>,
        (asked, is_pending): (bool, bool),
        answers: &Answers,
        settings: &Settings,
        meaning: &mut Meaning,
    ) {
        let Some(name) = origin::named_by(event) else { return };
        let id = event.actor_id();
        let removed = self.removed_name(event, answers, is_pending);
        let name = removed.as_deref().unwrap_or(name);
        let named = Named { id, name, role: role(event), is_pending };
        let (image, moved) = self.origin_of(named, answers, settings);
        if asked && answers.image.is_none() && self.origins.get(id).is_none() {
            self.origins.keep(id, None);
        }
        let is_used = matches!(event.action(), "pull" | "create" | "start" | "init") || event.kind() == "service";
        meaning.breaks_pinning = settings.config.require_pinned && is_used && !image.is_pinned;
        (meaning.image, meaning.moved) = (Some(image), moved);
    }

    /// What an image was called that lost a name or is gone, where its event has no more than its id.
    fn removed_name(&self, event: &Event<'_>, answers: &Answers, is_pending: bool) -> Option<String> {
        let act = Act::of(event).filter(|act| matches!(act, Act::Untag | Act::Delete))?;
        let name = event.attribute("name");
        let id = origin::whole_id(event.actor_id())?;
        if !name.is_empty() && !origin::is_id_of(name, &id) {
            return Some(name.to_owned());
        }
        let names = &self.images.get(&id)?.names;
        match &answers.image {
            Some(image) => names.iter().find(|name| !image.repo_tags.contains(name)).cloned(),
            None if act == Act::Delete || !is_pending => names.first().cloned(),
            None => None,
        }
    }

    /// Where an image is from: by the engine's answer, else by what was answered or seen before, else by its name; and
    /// where its tag pointed before.
    fn origin_of(&mut self, named: Named<'_>, answers: &Answers, settings: &Settings) -> (Arc<Origin>, Option<Moved>) {
        let Named { id, name, role, is_pending } = named;
        // The answer to a commit is about the new image, and the event about the container.
        let image = answers.image.as_ref().filter(|_| role.act != Some(Act::Commit));
        let moved = image.and_then(|image| self.learn_image(named, image, &answers.parents));
        if image.is_none() && role.is_container {
            if let Some(known) = self.origins.get(id).and_then(Option::as_ref) {
                return (Arc::clone(known), None);
            }
            let is_nameless = answers.container.as_ref().is_none_or(|container| container.image.is_empty());
            if let Some(known) = self.by_name.get(name).filter(|_| !is_pending && is_nameless) {
                return (Arc::clone(known), None);
            }
        }
        let own = answers.container.as_ref().filter(|_| role.is_container).map(|container| container.image.clone());
        let image_id = image
            .map(|image| image.id.clone())
            .or(own.filter(|id| !id.is_empty()))
            .or_else(|| origin::whole_id(id).filter(|_| role.is_image));
        let images: Vec<&inspect::Image> =
            image.into_iter().chain(answers.parents.iter().filter(|_| image.is_some())).collect();
        let known = |id| Known { id, images: &images, memory: &self.images, engine: self.proof };
        let mut origin = match &image_id {
            Some(id) => origin::of_known(name, known(id), &settings.registries),
            None => self.by_memory(named, settings),
        };
        match role.act {
            // These say where their names lead.
            Some(act @ (Act::Pull | Act::Push)) => {
                let by_name = origin::of(name, None, &settings.registries);
                (origin.trust, origin.is_masquerade) = (by_name.trust, false);
                if act == Act::Pull {
                    origin.how = Some(How::Pulled);
                    origin.is_local = false;
                    origin.pulled_from.clear();
                    origin.made_of.clear();
                }
            }
            Some(Act::Untag | Act::Delete) => origin.is_masquerade = false,
            _ => {}
        }
        if role.is_image {
            // What may be run is said of containers.
            (origin.breaks_policy, origin.local_images) = (false, None);
        }
        origin.breaks_policy &= !is_pending && settings.config.inspect;
        if origin.how == Some(How::Built)
            && answers.container.as_ref().is_some_and(|container| is_build_step(container, answers))
        {
            origin.local_images = origin.local_images.map(|_| LocalImages::Allow);
        }
        origin.shorten();
        let origin = self.recent_origins.share(origin);
        if role.is_container && image.is_some() && !is_pending {
            self.origins.keep(id, Some(Arc::clone(&origin)));
        } else if role.is_container && image_id.is_none() && !is_pending {
            self.by_name.keep(name, Arc::clone(&origin));
        }
        (origin, moved)
    }

    /// Where an image is from that the engine gives no answer about, by what its name led to when it was last seen.
    fn by_memory(&self, named: Named<'_>, settings: &Settings) -> Origin {
        let Named { name, role, is_pending, .. } = named;
        let target = origin::tag_in_full(name).and_then(|tag| self.tags.get(&tag)).filter(|_| role.is_container);
        let mut origin = match target.filter(|target| self.images.get(&target.id).is_some()) {
            Some(target) => {
                let known = Known { id: &target.id, images: &[], memory: &self.images, engine: self.proof };
                Origin { id: String::new(), ..origin::of_known(name, known, &settings.registries) }
            }
            None => origin::of(name, None, &settings.registries),
        };
        // Any image can be given any name. One that claims no trust is taken at its word where the engine will not say
        // more; a pull is from where its name says.
        let is_claim = origin.trust == Trust::Trusted || (is_pending && target.is_none());
        if settings.config.inspect && role.is_container && is_claim {
            origin.trust = Trust::Unknown;
        }
        origin.breaks_policy = origin.trust == Trust::Unknown && settings.registries.is_policy();
        origin
    }

    /// What a name led to may be another image now, or one of which more is known.
    fn forget_names(&mut self) {
        if self.tags.is_changed() || self.images.is_changed() {
            self.by_name = Nameless::new(MOST);
        }
    }

    /// Writes what is remembered of tags and images, where that is new: at once, but not more often than once a second.
    pub(super) fn keep_tags(&mut self, is_last: bool) {
        self.familiar.keep(is_last);
        let Some(path) = &self.tags_file else { return };
        if !self.tags.is_changed() && !self.images.is_changed() {
            return;
        }
        if !is_last && self.tags_kept.is_some_and(|kept| kept.elapsed() < KEEP_EVERY) {
            return;
        }
        self.tags.take_changed();
        self.images.take_changed();
        self.tags_kept = Some(Instant::now());
        let text = self.tags.text() + &self.images.text();
        // A disk that is full is reported by the backlog; this is written again with the next change.
        let _ = folder::replace(path, text.as_bytes(), false);
    }

    /// When what is remembered has to be written at the latest; `None` where nothing of it is new.
    pub(super) fn keep_due(&self) -> Option<Instant> {
        let is_new = self.tags_file.is_some() && (self.tags.is_changed() || self.images.is_changed());
        let tags = self.tags_kept.filter(|_| is_new).map(|kept| kept + KEEP_EVERY);
        tags.into_iter().chain(self.familiar.keep_due()).min()
    }
}

/// What an event is about, as far as its image goes.
fn role(event: &Event<'_>) -> Role {
    // A container that is started again keeps the image that it was made of, wherever the tag points by now.
    Role { is_image: event.kind() == "image", is_container: event.kind() == "container", act: Act::of(event) }
}

/// What to ask about the image of an event: its id where the event has it, since names are moved.
fn image_of<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let id = event.actor_id();
    if origin::whole_id(id).is_some() { Some(id) } else { origin::named_by(event) }
}

/// The risks of a container by all that was answered, and by whose answers.
fn risks(container: &Container, answers: &Answers) -> (Vec<Risk>, Option<Evidence>) {
    let of_engine = risk::of_container(container, &answers.volumes, &answers.host);
    let is_step = is_build_step(container, answers);
    let (all, evidence) = with_kernel(container, answers, of_engine);
    (if is_step { risk::of_build_step(all) } else { all }, evidence)
}

/// Whether a container is a step of a classic build.
fn is_build_step(container: &Container, answers: &Answers) -> bool {
    risk::is_made_as_step(container)
        && answers.image.as_ref().is_some_and(|image| image.id == container.image && origin::is_build_step(image))
}

/// With what the kernel shows.
fn with_kernel(container: &Container, answers: &Answers, of_engine: Vec<Risk>) -> (Vec<Risk>, Option<Evidence>) {
    match &answers.kernel {
        None => (of_engine, None),
        Some(Err(error)) => (of_engine, Some(Evidence::of(Err(*error), Vec::new()))),
        Some(Ok(evidence)) => {
            let merged = risk::kernel::of_both(of_engine, evidence, &answers.host, container);
            (merged.risks, Some(Evidence::of(Ok(evidence), merged.kernel_only)))
        }
    }
}

/// What a request about this event is about, for a result that comes after it has been sent.
pub(super) fn subject(event: &Event<'_>) -> Subject {
    Subject {
        id: beginning(event.actor_id()),
        name: beginning(event.attribute("name")),
        image: beginning(origin::named_by(event).unwrap_or_default()),
        role: role(event),
        exec: exec::of_event(event).map(|exec| exec::Facts { line: beginning(&exec.line), ..exec }),
        is_again: false,
    }
}

/// Many of these may wait, so of a long text no more is kept than is compared or shown.
fn beginning(text: &str) -> String {
    let end = (0..=text.len().min(exec::COMPARED)).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The labels that pose as facts, with the truth as far as the engine knows it.
fn forged(event: &Event<'_>, facts: Facts, answers: &Answers) -> Option<Forged> {
    let Facts::Forged(fields) = facts else { return None };
    let mut forged = Forged { fields: fields.names().collect(), ..Forged::default() };
    if fields.contains("exitCode") {
        match (event.action(), &answers.container, answers.execs.first()) {
            // One that runs again has forgotten how it ended.
            ("die", Some(container), _) if !container.state.running => {
                forged.exit_code = Some(container.state.exit_code);
                forged.oom_killed = Some(container.state.oom_killed);
            }
            ("exec_die", _, Some(exec)) if exec.container == event.actor_id() => forged.exit_code = exec.exit_code,
            _ => {}
        }
    }
    Some(forged)
}

/// With what a container or command ended; none where a label may have said so.
fn exit_code(event: &Event<'_>, facts: Facts, forged: Option<&Forged>) -> Option<i64> {
    if event.kind() != "container" || !matches!(event.action(), "die" | "died" | "exec_die") {
        return None;
    }
    let said = || {
        let code = event.attribute("exitCode");
        if code.is_empty() { event.attribute("containerExitCode") } else { code }.parse().ok()
    };
    match facts {
        Facts::True => said(),
        Facts::Forged(fields) if !fields.contains("exitCode") => said(),
        Facts::Forged(_) => forged.and_then(|forged| forged.exit_code),
        Facts::Unknown => None,
    }
}
