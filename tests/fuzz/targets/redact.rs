//! What is taken out of a text is all that changes in it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wazuh_docker_listener::event::redact::{Mode, REDACTED, Redactor};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new(Mode::Mask, &[]).unwrap());

fuzz_target!(|text: &str| {
    let clean = REDACTOR.text(text, &|_| 0);
    let mut rest = text;
    for part in clean.split(REDACTED) {
        let at = rest.find(part).expect("what is left is of the text, in its order");
        rest = &rest[at + part.len()..];
    }
});
