//! What happens to an event between its line and its message, from the first stage up to each.

use std::hint::black_box;
use std::sync::Arc;

use wazuh_docker_listener::docker::availability::Identity;
use wazuh_docker_listener::event::filter::Filter;
use wazuh_docker_listener::event::forged::Posers;
use wazuh_docker_listener::event::meaning::Meaning;
use wazuh_docker_listener::event::origin::Origin;
use wazuh_docker_listener::event::redact::{Mode, Redactor};
use wazuh_docker_listener::event::registry::Registries;
use wazuh_docker_listener::event::{Event, origin, sanitize};
use wazuh_docker_listener::wazuh::message::{Context, Findings, LARGEST, write};

/// The stages, each with the most instructions that an event may take up to it. What is allowed is a twentieth more than
/// was counted; who makes it quicker lowers it.
pub const STAGES: [(&str, u64); 6] = [
    ("parse", 9_050),
    ("parse, frame", 15_720),
    ("parse, filter, frame", 15_880),
    ("parse, filter, harden, frame", 20_390),
    // Each text is gone through for words of known clients and for long words, too, and for names in more languages.
    ("parse, filter, harden, redact, frame", 25_830),
    ("parse, filter, judge, harden, redact, frame: all without asking the engine", 28_760),
];

/// What the stages need and keep.
pub struct Work {
    filter: Filter,
    redactor: Redactor,
    registries: Registries,
    context: Context,
    posers: Posers,
    origins: std::collections::HashMap<String, Arc<Origin>>,
    out: String,
}

impl Work {
    pub fn new() -> Self {
        let engine = Identity { name: "docker".into(), version: "29.0.0".into(), api: "1.52".into() };
        let trusted = ["registry.example.com".to_owned(), "docker.io/library".to_owned()];
        Self {
            filter: Filter::parse(&["event=never"]).unwrap(),
            redactor: Redactor::new(Mode::Mask, &[]).unwrap(),
            registries: Registries::new(&trusted, &[]).unwrap(),
            context: Context::new(engine, "unix:///var/run/docker.sock", 0),
            posers: Posers::default(),
            origins: std::collections::HashMap::new(),
            out: String::new(),
        }
    }

    /// Does with a line what is done up to this stage.
    pub fn up_to(&mut self, stage: usize, line: &[u8]) {
        let mut event = Event::parse(line).unwrap();
        if stage == 0 {
            black_box(&event);
            return;
        }
        let mut findings = Findings::default();
        if stage >= 2 && self.filter.matches(&event) {
            return;
        }
        if stage >= 5 {
            findings.meaning = self.judge(&event);
        }
        if stage >= 3 {
            findings.changes = sanitize::clean(&mut event);
        }
        if stage >= 4 {
            findings.redacted = self.redactor.redact(&mut event, &|_| 0);
        }
        self.context.sequence += 1;
        self.out.clear();
        write(&event, &findings, &self.context, LARGEST, &mut self.out);
        black_box(&self.out);
    }

    fn judge(&mut self, event: &Event<'_>) -> Meaning {
        let mut meaning = Meaning::of_event(event);
        black_box(self.posers.judge(event));
        if let Some(name) = origin::named_by(event) {
            if !self.origins.contains_key(name) {
                self.origins.insert(name.to_owned(), Arc::new(origin::of(name, None, &self.registries)));
            }
            meaning.image = self.origins.get(name).cloned();
        }
        meaning
    }
}
