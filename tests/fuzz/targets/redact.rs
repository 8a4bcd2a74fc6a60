//! What is taken out of a text is all that changes in it.
#![no_main]

#[path = "parts/bound.rs"]
mod bound;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wazuh_docker_listener::event::bounds::beginning;
use wazuh_docker_listener::event::redact::{Mode, REDACTED, Redactor};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    let redactor = Redactor::new(Mode::Mask, &[]).unwrap();
    // What is made when it is needed first is no input's cost.
    let _ = redactor.text("--password x", &|_| 0);
    redactor
});

/// No text that is redacted is longer, in bytes: longer ones are cut before.
const LONGEST: usize = 20 << 10;

fuzz_target!(|text: &str| {
    LazyLock::force(&REDACTOR);
    let text = beginning(text, LONGEST);
    let clean = bound::bounded(text.len(), || REDACTOR.text(text, &|_| 0).into_owned());
    let mut rest = text;
    for part in clean.split(REDACTED) {
        let at = rest.find(part).expect("what is left is of the text, in its order");
        rest = &rest[at + part.len()..];
    }
});
