//! What an event means: asks the engine where it must, remembers what it answered, and lets `event` judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::inspector::{Late, Role, Subject};
use crate::bounded::Nameless;
use crate::docker::inspect::{self, Container};
use crate::event::forged::{Facts, Fields, Posers};
use crate::event::meaning::{Evidence, Meaning};
use crate::event::origin::Origin;
use crate::event::registry::{Registries, Trust};
use crate::event::risk::Risk;
use crate::event::tags::{Moved, Source, Tags};
use crate::event::{Event, exec, origin, risk};
use crate::folder;
use crate::inquiry::{Answers, Question};
use crate::settings::Settings;
use crate::wazuh::message::{Forged, NoAnswer};

/// So many containers and commands are remembered.
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
}

/// Enriches the events of one engine: plans what must be asked, and completes an event with what was answered. Asks
/// nothing itself.
pub struct Judge {
    posers: Posers,
    tags: Tags,
    tags_file: Option<PathBuf>,
    tags_kept: Option<Instant>,
    listing: Option<Receiver<Vec<inspect::Image>>>,
    owns: Nameless<exec::Own>,
    /// Where the images of containers are from; `None` where the engine was asked and did not tell.
    origins: Nameless<Option<Arc<Origin>>>,
    /// The same of containers that the engine tells nothing of, by what their events call the image.
    by_name: Nameless<Arc<Origin>>,
    /// By whose lists they were judged.
    registries: Arc<Registries>,
    /// Containers that could not be looked at when they were made; the next event of theirs tries again.
    unjudged: Nameless<()>,
    /// Containers that the engine knows no more.
    gone: Nameless<()>,
}

impl Judge {
    /// Judges with what an earlier run has kept in this file, where there is one.
    pub(super) fn new(tags_file: Option<PathBuf>) -> Self {
        // What cannot be read is as good as nothing known: at worst a moved tag goes unnoticed once.
        let text = tags_file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        Self {
            posers: Posers::default(),
            tags: Tags::read(&text),
            tags_file,
            tags_kept: None,
            listing: None,
            owns: Nameless::new(MOST),
            origins: Nameless::new(MOST),
            by_name: Nameless::new(MOST),
            registries: Arc::default(),
            unjudged: Nameless::new(MOST),
            gone: Nameless::new(MOST),
        }
    }

    /// Learns what the engine's tags point to once this list has come.
    pub(super) fn expect_images(&mut self, listing: Option<Receiver<Vec<inspect::Image>>>) {
        self.listing = listing;
    }

    /// What has to be asked about this event.
    pub(super) fn plan(&mut self, event: &Event<'_>, settings: &Settings, engine: EngineTraits) -> Plan {
        self.learn_listed();
        if !Arc::ptr_eq(&self.registries, &settings.registries) {
            self.registries = Arc::clone(&settings.registries);
            self.origins = Nameless::new(MOST);
            self.by_name = Nameless::new(MOST);
        }
        let facts = if engine.mixes_labels { self.posers.judge(event) } else { Facts::True };
        let question = self.question(event, facts, settings.config.inspect);
        let is_unjudged = settings.config.inspect
            && !question.with_host
            && event.kind() == "container"
            && event.action() != "destroy"
            && self.unjudged.get(event.actor_id()).is_some();
        let again = is_unjudged.then(|| Question {
            container: text(event.actor_id()),
            with_host: true,
            with_kernel: true,
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
        let wanted = self.question(event, plan.facts, settings.config.inspect);
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
        let asked = question.with_image && no_answer != Some(NoAnswer::NotAsked);
        self.judge_image(event, asked, answers, settings, &mut meaning);
        meaning.exit_code = exit_code(event, facts, forged.as_ref());
        if event.action() == "destroy" {
            self.owns.forget(event.actor_id());
            self.origins.forget(event.actor_id());
            self.unjudged.forget(event.actor_id());
        }
        Judgement { forged, no_answer, meaning }
    }

    /// What has to be asked to judge this event.
    fn question(&self, event: &Event<'_>, facts: Facts, inspect: bool) -> Question {
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
            }
        }
        if needs_container && is_container {
            question.container = text(event.actor_id());
        }
        if inspect && event.kind() == "image" && matches!(event.action(), "pull" | "push" | "tag" | "load" | "import") {
            question.image = origin::named_by(event).map(str::to_owned);
        }
        question
    }

    fn learn_listed(&mut self) {
        let Some(images) = self.listing.as_ref().and_then(|listing| listing.try_recv().ok()) else { return };
        self.listing = None;
        for image in &images {
            for (tag, target) in image.repo_tags.iter().filter_map(|name| origin::tag_of(name, image, Source::Found)) {
                self.tags.learn(&tag, target);
            }
        }
    }

    fn learn(&mut self, id: &str, container: &Container) {
        self.posers.learn(id, Fields::of(|key| container.config.labels.contains_key(key)));
        self.owns.keep(id, exec::Own::of(container));
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
            None | Some(NoAnswer::Gone | NoAnswer::Timeout | NoAnswer::TooLarge) => {
                self.unjudged.forget(event.actor_id());
            }
            Some(NoAnswer::Failed | NoAnswer::NotAsked) => self.unjudged.keep(event.actor_id(), ()),
        }
    }

    /// What the engine has answered too late for its event; `None` where nothing of it has to be reported.
    pub(super) fn judge_late(&mut self, late: Late, settings: &Settings) -> Option<(Subject, Meaning)> {
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
                let (risks, evidence) = risks(container, &answers);
                // What its event has reported is not reported a second time.
                if risks.iter().any(|risk| !subject.reported.contains(&risk.kind)) {
                    (meaning.risks, meaning.evidence) = (risks, evidence);
                }
            }
        }
        if let Some(exec) = &subject.exec
            && let Some(facts) = self.exec_facts(&subject.id, exec, &answers)
        {
            meaning.exec = exec.runs.then_some(facts);
        }
        let tells_image = answers.image.is_some() && (question.with_image || subject.role.is_image);
        let tells = tells_image || !meaning.risks.is_empty() || meaning.exec.is_some();
        let (image, moved) = self.origin_of((&subject.id, &subject.image), subject.role, &answers, settings);
        (meaning.image, meaning.moved) = (Some(image), moved);
        tells.then_some((subject, meaning))
    }

    fn judge_exec(&mut self, event: &Event<'_>, answers: &Answers, meaning: &mut Meaning) {
        let Some(exec) = &mut meaning.exec else { return };
        if let Some(facts) = self.exec_facts(event.actor_id(), exec, answers) {
            *exec = facts;
        }
    }

    /// What the engine says of the command that an event tells of.
    fn exec_facts(&self, container: &str, told: &exec::Facts, answers: &Answers) -> Option<exec::Facts> {
        let own = self.owns.get(container);
        let of_event = answers.execs.iter().filter(|exec| exec.container == container && exec::is_of(exec, &told.line));
        // Of several that run the same the one that may do most is told.
        of_event
            .map(|exec| told.clone().with_answers(exec, own))
            .max_by_key(|facts| (facts.privileged, facts.is_root(), facts.interactive, facts.probe != Some(true)))
    }

    fn judge_image(
        &mut self,
        event: &Event<'_>,
        asked: bool,
        answers: &Answers,
        settings: &Settings,
        meaning: &mut Meaning,
    ) {
        let Some(name) = origin::named_by(event) else { return };
        let id = event.actor_id();
        let (image, moved) = self.origin_of((id, name), role(event), answers, settings);
        if asked && answers.image.is_none() && self.origins.get(id).is_none() {
            self.origins.keep(id, None);
        }
        let is_used = matches!(event.action(), "pull" | "create" | "start" | "init") || event.kind() == "service";
        meaning.breaks_pinning = settings.config.require_pinned && is_used && !image.is_pinned;
        (meaning.image, meaning.moved) = (Some(image), moved);
    }

    /// Where an image is from: by the engine's answer, else by what it said before, else by its name; and where its tag
    /// pointed before.
    fn origin_of(
        &mut self,
        (id, name): (&str, &str),
        role: Role,
        answers: &Answers,
        settings: &Settings,
    ) -> (Arc<Origin>, Option<Moved>) {
        let registries = &settings.registries;
        let Some(image) = &answers.image else {
            if role.is_container {
                let known = self.origins.get(id).and_then(Option::as_ref).or_else(|| self.by_name.get(name));
                if let Some(known) = known {
                    return (Arc::clone(known), None);
                }
            }
            let mut origin = origin::of(name, None, registries);
            // Any image can be given any name; a pull is from where its name says.
            if settings.config.inspect && role.is_container && origin.trust == Trust::Trusted {
                origin.trust = Trust::Unknown;
            }
            origin.shorten();
            let origin = Arc::new(origin);
            if role.is_container {
                self.by_name.keep(name, Arc::clone(&origin));
            }
            return (origin, None);
        };
        let mut origin = origin::of(name, Some(image), registries);
        let mut moved = None;
        if let Some(source) = role.source {
            // What is loaded or built has its names in the answer only.
            let of_image = image.repo_tags.iter().filter(|_| source == Source::Here).map(String::as_str);
            let tags = of_image.chain([name]).filter_map(|name| origin::tag_of(name, image, source));
            for (tag, target) in tags {
                moved = self.tags.see(&tag, target).or(moved);
            }
            self.keep_tags(false);
        }
        origin::recall(&mut origin, image, &self.tags, registries);
        origin.shorten();
        let origin = Arc::new(origin);
        if role.is_container {
            self.origins.keep(id, Some(Arc::clone(&origin)));
        }
        (origin, moved)
    }

    /// Writes what the tags point to, where that is new: at once, but not more often than once a second.
    pub(super) fn keep_tags(&mut self, is_last: bool) {
        let Some(path) = &self.tags_file else { return };
        if !is_last && self.tags_kept.is_some_and(|kept| kept.elapsed() < KEEP_EVERY) {
            return;
        }
        if let Some(text) = self.tags.changed() {
            self.tags_kept = Some(Instant::now());
            // A disk that is full is told of by the backlog; the tags are written again with the next change.
            let _ = folder::replace(path, text.as_bytes(), false);
        }
    }
}

/// What an event is about, as far as its image goes.
fn role(event: &Event<'_>) -> Role {
    let is_image = event.kind() == "image";
    let source = match event.action() {
        "pull" | "push" if is_image => Some(Source::Registry),
        "tag" | "load" | "import" | "create" if is_image => Some(Source::Here),
        action if is_image || action == "create" => Some(Source::Found),
        // A container that is started again keeps the image that it was made of, wherever the tag points by now.
        _ => None,
    };
    Role { is_image, is_container: event.kind() == "container", source }
}

/// The risks of a container by all that was answered, and by whose answers.
fn risks(container: &Container, answers: &Answers) -> (Vec<Risk>, Option<Evidence>) {
    let of_engine = risk::of_container(container, &answers.volumes, &answers.host);
    match &answers.kernel {
        None => (of_engine, None),
        Some(Err(error)) => (of_engine, Some(Evidence::of(Err(*error), Vec::new()))),
        Some(Ok(evidence)) => {
            let of_kernel = risk::kernel::of_evidence(evidence, &answers.host, container);
            let merged = risk::kernel::merge(of_engine, of_kernel, container);
            (merged.risks, Some(Evidence::of(Ok(evidence), merged.kernel_only)))
        }
    }
}

/// What a request about this event is about, for a result that comes after it has been sent.
/// What was answered before that is in its message already.
pub(super) fn subject(event: &Event<'_>, answers: &Answers) -> Subject {
    Subject {
        id: beginning(event.actor_id()),
        name: beginning(event.attribute("name")),
        image: beginning(origin::named_by(event).unwrap_or_default()),
        role: role(event),
        exec: exec::of_event(event).map(|exec| exec::Facts { line: beginning(&exec.line), ..exec }),
        reported: answers
            .container
            .iter()
            .flat_map(|container| risks(container, answers).0)
            .map(|risk| risk.kind)
            .collect(),
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
