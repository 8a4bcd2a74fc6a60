//! Whatever an image is called, what is read of it is written the same, and read again the same; and nothing is trusted
//! but what comes from the one trusted place.
#![no_main]

#[path = "parts/bound.rs"]
mod bound;

use libfuzzer_sys::fuzz_target;
use wazuh_docker_listener::event::image::Image;
use wazuh_docker_listener::event::origin;
use wazuh_docker_listener::event::registry::{Registries, Trust};

fuzz_target!(|text: &str| {
    let trusted = ["registry.example.com/team".to_owned()];
    let registries = Registries::new(&trusted, &[]).expect("patterns of ours");
    let origin = bound::bounded(text.len(), || origin::of(text, None, &registries));
    if let Ok(Image::Named(reference)) = Image::parse(text) {
        assert!(reference.registry.is_ascii() && reference.repository.is_ascii());
        assert!(!reference.registry.is_empty() && !reference.registry.contains(['/', '@']));
        let written = reference.to_string();
        let host = reference.registry.to_lowercase();
        let is_ours = host == "registry.example.com"
            || host.strip_prefix("registry.example.com:").is_some_and(|port| port.trim_start_matches('0') == "443");
        let is_team = reference.repository == "team" || reference.repository.starts_with("team/");
        assert_eq!(origin.trust == Trust::Trusted, is_ours && is_team);
        assert_eq!(Image::parse(&written), Ok(Image::Named(reference)));
    } else {
        assert_ne!(origin.trust, Trust::Trusted);
    }
});
