//! What an event means: asks the engine where it must, remembers what it answered, and lets `event` judge.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use tokio::runtime::Handle;

use super::asker::{About, Asker, Late, Thing};
use super::corridor::Item;
use crate::bounded::Nameless;
use crate::docker::inspect::{self, Container};
use crate::event::forged::{Facts, Fields, Posers};
use crate::event::meaning::Meaning;
use crate::event::origin::Origin;
use crate::event::registry::{Registries, Trust};
use crate::event::tags::{Moved, Source, Tags};
use crate::event::{Event, exec, origin, risk};
use crate::folder;
use crate::inquiry::{Answers, Question};
use crate::intake::Door;
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

/// Whether the engine may be asked, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leave {
    /// Whether there is time to.
    pub may_ask: bool,
    /// Whether it mixes labels into its attributes as Docker does.
    pub mixes_labels: bool,
}

/// Judges the events of one engine.
pub struct Judge {
    asker: Asker,
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
    execs: Nameless<exec::Facts>,
    /// Containers that could not be looked at when they were made; the next event of theirs tries again.
    unjudged: Nameless<()>,
    /// Containers that the engine knows no more.
    gone: Nameless<()>,
}

impl Judge {
    /// Judges with what an earlier run has kept in this file, where there is one.
    pub(super) fn new(runtime: Handle, door: Door<Item>, tags_file: Option<PathBuf>) -> Self {
        // What cannot be read is as good as nothing known: at worst a moved tag goes unnoticed once.
        let text = tags_file.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        Self {
            asker: Asker::new(runtime, door),
            posers: Posers::default(),
            tags: Tags::read(&text),
            tags_file,
            tags_kept: None,
            listing: None,
            owns: Nameless::new(MOST),
            origins: Nameless::new(MOST),
            by_name: Nameless::new(MOST),
            registries: Arc::default(),
            execs: Nameless::new(MOST),
            unjudged: Nameless::new(MOST),
            gone: Nameless::new(MOST),
        }
    }

    /// A connection has been made: learns what the engine's tags point to, without waiting for it.
    pub(super) fn connected(&mut self, settings: &Settings) {
        self.listing = if settings.config.inspect { self.asker.images(&settings.endpoint) } else { None };
    }

    /// What is known of this event. Where the engine has to be asked, `before_wait` is called first.
    pub(super) fn judge(
        &mut self,
        event: &Event<'_>,
        settings: &Settings,
        leave_to: Leave,
        before_wait: impl FnOnce(),
    ) -> Judgement {
        self.learn_listed();
        if !Arc::ptr_eq(&self.registries, &settings.registries) {
            self.registries = Arc::clone(&settings.registries);
            self.origins = Nameless::new(MOST);
            self.by_name = Nameless::new(MOST);
        }
        let config = &settings.config;
        let mut meaning = Meaning::of_event(event);
        let mut facts = if leave_to.mixes_labels { self.posers.judge(event) } else { Facts::True };
        let question = self.question(event, facts, config.inspect);
        let mut leave = None;
        if config.inspect && leave_to.may_ask && !question.is_empty() {
            before_wait();
            leave = Some(Instant::now() + config.inspect_timeout);
        }
        let (mut answers, mut no_answer) = self.ask(settings, leave, event, &question);
        if let Some(container) = &answers.container {
            self.learn(event.actor_id(), container);
            if facts == Facts::Unknown {
                // Now that its labels are known, another question may be the right one.
                facts = self.posers.judge(event);
                let wanted = self.question(event, facts, config.inspect);
                if (&wanted.exec, wanted.with_execs) != (&question.exec, question.with_execs) {
                    let more = Question { with_host: false, with_image: false, ..wanted };
                    let (more, why) = self.ask(settings, leave, event, &more);
                    answers.execs = more.execs;
                    no_answer = why;
                }
            }
        }
        let forged = forged(event, facts, &answers);
        self.judge_risks(event, &question, &answers, no_answer, &mut meaning);
        self.judge_exec(event, &answers, forged.as_ref(), &mut meaning);
        let asked = question.with_image && no_answer != Some(NoAnswer::NotAsked);
        self.judge_image(event, asked, &answers, settings, &mut meaning);
        meaning.exit_code = exit_code(event, facts, forged.as_ref());
        if event.action() == "destroy" {
            self.owns.forget(event.actor_id());
            self.origins.forget(event.actor_id());
            self.unjudged.forget(event.actor_id());
        }
        Judgement { forged, no_answer, meaning }
    }

    /// Asks until the deadline; without one there is no leave to ask.
    fn ask(
        &mut self,
        settings: &Settings,
        deadline: Option<Instant>,
        event: &Event<'_>,
        question: &Question,
    ) -> (Answers, Option<NoAnswer>) {
        if question.is_empty() {
            return (Answers::default(), None);
        }
        let Some(deadline) = deadline else { return (Answers::default(), Some(NoAnswer::NotAsked)) };
        // An id never comes back.
        if question.container.as_ref().is_some_and(|id| self.gone.get(id).is_some()) {
            return (Answers::default(), Some(NoAnswer::Gone));
        }
        let within = deadline.saturating_duration_since(Instant::now());
        let (answers, no_answer) = self.asker.ask(&settings.endpoint, within, about(event), question.clone());
        if let (Some(NoAnswer::Gone), None, Some(id)) = (no_answer, &answers.container, &question.container) {
            self.gone.keep(id, ());
        }
        (answers, no_answer)
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
            let is_made = matches!(event.action(), "create" | "start" | "update" | "init");
            question.with_host =
                is_made || (self.unjudged.get(event.actor_id()).is_some() && event.action() != "destroy");
            // Of one that was there before the first event of it is the one to ask at.
            let is_new = self.origins.get(event.actor_id()).is_none() && event.action() != "destroy";
            question.with_image = is_new || matches!(event.action(), "create" | "start" | "init");
            needs_container |= question.with_host || question.with_image;
            if exec::command(event).is_some() && !event.action().starts_with("exec_detach") {
                let id = event.attribute("execID");
                if is_forged("execID") {
                    question.with_execs = true;
                } else if self.execs.get(id).is_none() {
                    question.exec = text(id);
                }
                let is_known = question.exec.is_none() && !question.with_execs;
                needs_container |= question.with_execs || (!is_known && self.owns.get(event.actor_id()).is_none());
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
            meaning.risks = risk::of_container(container, &answers.volumes, &answers.host);
        }
        match no_answer {
            // What comes late is told when it comes.
            None | Some(NoAnswer::Gone | NoAnswer::Timeout | NoAnswer::TooLarge) => {
                self.unjudged.forget(event.actor_id());
            }
            Some(NoAnswer::Failed | NoAnswer::NotAsked) => self.unjudged.keep(event.actor_id(), ()),
        }
    }

    /// What the engine has told too late; `None` for what nobody has to be told.
    pub(super) fn judge_late(&mut self, late: Late, settings: &Settings) -> Option<(About, Meaning)> {
        let Late { about, question, answers, no_answer } = late;
        let mut meaning = Meaning::default();
        if let Some(container) = &answers.container {
            self.learn(&about.id, container);
        }
        if question.with_host {
            if !matches!(no_answer, None | Some(NoAnswer::Gone | NoAnswer::TooLarge)) {
                self.unjudged.keep(&about.id, ());
            }
            if let Some(container) = &answers.container {
                meaning.risks = risk::of_container(container, &answers.volumes, &answers.host);
            }
        }
        if let Some(exec) = &about.exec
            && let Some(facts) = self.exec_facts(&about.id, exec, &answers)
        {
            if let Some(id) = &question.exec {
                self.execs.keep(id, facts.clone());
            }
            meaning.exec = exec.runs.then_some(facts);
        }
        let tells_image = answers.image.is_some() && (question.with_image || about.thing.is_image);
        let tells = tells_image || !meaning.risks.is_empty() || meaning.exec.is_some();
        let (image, moved) = self.origin_of((&about.id, &about.image), about.thing, &answers, settings);
        (meaning.image, meaning.moved) = (Some(image), moved);
        tells.then_some((about, meaning))
    }

    fn judge_exec(&mut self, event: &Event<'_>, answers: &Answers, forged: Option<&Forged>, meaning: &mut Meaning) {
        let Some(exec) = &mut meaning.exec else { return };
        let id = event.attribute("execID");
        let hides = forged.is_some_and(|forged| forged.fields.contains(&"execID"));
        let is_same = |known: &&exec::Facts| !hides && known.line == exec.line;
        if let Some(facts) = self.exec_facts(event.actor_id(), exec, answers) {
            if !hides {
                self.execs.keep(id, facts.clone());
            }
            *exec = facts;
        } else if let Some(known) = self.execs.get(id).filter(is_same) {
            *exec = exec::Facts { runs: exec.runs, ..known.clone() };
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
        let (image, moved) = self.origin_of((id, name), thing(event), answers, settings);
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
        thing: Thing,
        answers: &Answers,
        settings: &Settings,
    ) -> (Arc<Origin>, Option<Moved>) {
        let registries = &settings.registries;
        let Some(image) = &answers.image else {
            if thing.is_container {
                let known = self.origins.get(id).and_then(Option::as_ref).or_else(|| self.by_name.get(name));
                if let Some(known) = known {
                    return (Arc::clone(known), None);
                }
            }
            let mut origin = origin::of(name, None, registries);
            // Any image can be given any name; a pull is from where its name says.
            if settings.config.inspect && thing.is_container && origin.trust == Trust::Trusted {
                origin.trust = Trust::Unknown;
            }
            let origin = Arc::new(origin);
            if thing.is_container {
                self.by_name.keep(name, Arc::clone(&origin));
            }
            return (origin, None);
        };
        let mut origin = origin::of(name, Some(image), registries);
        let mut moved = None;
        if let Some(source) = thing.source {
            // What is loaded or built has its names in the answer only.
            let of_image = image.repo_tags.iter().filter(|_| source == Source::Here).map(String::as_str);
            let tags = of_image.chain([name]).filter_map(|name| origin::tag_of(name, image, source));
            for (tag, target) in tags {
                moved = self.tags.see(&tag, target).or(moved);
            }
            self.keep_tags(false);
        }
        origin::recall(&mut origin, image, &self.tags, registries);
        let origin = Arc::new(origin);
        if thing.is_container {
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
fn thing(event: &Event<'_>) -> Thing {
    let is_image = event.kind() == "image";
    let source = match event.action() {
        "pull" | "push" if is_image => Some(Source::Registry),
        "tag" | "load" | "import" | "create" if is_image => Some(Source::Here),
        action if is_image || action == "create" => Some(Source::Found),
        // A container that is started again keeps the image that it was made of, wherever the tag points by now.
        _ => None,
    };
    Thing { is_image, is_container: event.kind() == "container", source }
}

fn about(event: &Event<'_>) -> About {
    About {
        id: event.actor_id().to_owned(),
        name: event.attribute("name").to_owned(),
        image: origin::named_by(event).unwrap_or_default().to_owned(),
        thing: thing(event),
        exec: exec::of_event(event),
    }
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
