//! The stages between a line and its message, one after the other, as the pipeline goes through them; a line that is no
//! event of an engine is repaired or refused as there.

use wazuh_docker_listener::event::bounds::SHOWN;
use wazuh_docker_listener::event::filter::Filter;
use wazuh_docker_listener::event::forged::Posers;
use wazuh_docker_listener::event::meaning::Meaning;
use wazuh_docker_listener::event::redact::{Mode, Redactor};
use wazuh_docker_listener::event::registry::Registries;
use wazuh_docker_listener::event::{origin, sanitize};
use wazuh_docker_listener::wazuh::message::{Context, Findings, LARGEST, write};

pub const STAGES: [&str; 6] = ["parse", "filter", "judge", "harden", "redact", "frame"];

pub struct Work {
    filter: Filter,
    redactor: Redactor,
    registries: Registries,
    posers: Posers,
}

impl Work {
    pub fn new() -> Self {
        Self {
            filter: Filter::parse(&["event=never", "label=team=blue", "image=x"]).unwrap(),
            redactor: Redactor::new(Mode::Mask, &[]).unwrap(),
            registries: Registries::new(&["registry.example.com".to_owned()], &[]).unwrap(),
            posers: Posers::default(),
        }
    }

    /// Goes through all stages, and says where each ends.
    pub fn through(&mut self, line: &[u8], ended: impl FnMut(usize)) {
        self.through_some(STAGES.len() - 1, line, ended);
    }

    /// Goes through the stages up to this one.
    pub fn up_to(&mut self, last: usize, line: &[u8]) {
        self.through_some(last, line, |_| {});
    }

    /// The message of a line; none where it is no event.
    pub fn message(&mut self, line: &[u8]) -> Option<String> {
        self.through_some(STAGES.len() - 1, line, |_| {})
    }

    fn through_some(&mut self, last: usize, line: &[u8], mut ended: impl FnMut(usize)) -> Option<String> {
        let mut repaired = Vec::new();
        let read = sanitize::read(line, &mut repaired);
        ended(0);
        let (mut event, is_repaired) = read.ok().filter(|_| last >= 1)?;
        let filtered = self.filter.matches(&event);
        ended(1);
        if filtered || last < 2 {
            return None;
        }
        let mut meaning = Meaning::of_event(&event);
        std::hint::black_box(self.posers.judge(&event));
        meaning.image = origin::named_by(&event).map(|name| origin::of(name, None, &self.registries).into());
        ended(2);
        if last < 3 {
            return None;
        }
        let changes = sanitize::Changes { repaired: is_repaired, ..sanitize::clean(&mut event) };
        ended(3);
        if last < 4 {
            return None;
        }
        let mut redacted = self.redactor.redact(&mut event, &|_| 0);
        for (name, value) in &mut meaning.workload {
            redacted += self.redactor.redact_shown(name, value, SHOWN, &|_| 0);
        }
        if let Some(exec) = &mut meaning.exec {
            self.redactor.redact_shown("", &mut exec.line, SHOWN, &|_| 0);
        }
        ended(4);
        if last < 5 {
            return None;
        }
        let mut text = String::new();
        let findings = Findings { changes, redacted, meaning, ..Findings::default() };
        write(&event, &findings, &Context::default(), LARGEST, &mut text);
        ended(5);
        Some(text)
    }
}
